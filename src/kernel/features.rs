//! Questions to the kernel about what it offers, which change nothing. Called by
//! the doctor, and for what both sides share.

use super::call::Errno;

/// seccomp(2), `SECCOMP_GET_ACTION_AVAIL`: whether filters may end in `action` (one
/// of `SECCOMP_RET_…`). EOPNOTSUPP for an action that this kernel has not, EINVAL
/// without filters (or before Linux 4.14), ENOSYS without seccomp.
pub fn seccomp_action(action: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "seccomp(2) is not in nix")]
    // SAFETY: the kernel reads one u32 from the pointer, which outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) };
    nix::errno::Errno::result(done)?;
    Ok(())
}

/// The version of Landlock's interface, landlock_create_ruleset(2): ENOSYS where it
/// is not built in, EOPNOTSUPP where it was not switched on at boot.
pub fn landlock_version() -> Result<u32, Errno> {
    const CREATE_RULESET_VERSION: u32 = 1;
    #[expect(unsafe_code, reason = "landlock_create_ruleset(2) is not in nix")]
    // SAFETY: this request takes no structure and makes no descriptor.
    let got = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, CREATE_RULESET_VERSION)
    };
    Ok(nix::errno::Errno::result(got)? as u32)
}

/// The security modules that are on, in the kernel's order, where its own list is to be
/// read (/sys/kernel/security/lsm, of a securityfs that is mounted); else those that left
/// another trace, and the errno that the list gave. `capability` is always there.
pub fn security_modules() -> (Vec<String>, Option<Errno>) {
    let errno = match std::fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(list) => return (list.trim().split(',').map(str::to_owned).collect(), None),
        Err(error) => Errno::from(&error),
    };
    let there = |path: &str| std::path::Path::new(path).exists();
    let enabled = |path: &str| std::fs::read_to_string(path).is_ok_and(|text| text.starts_with('Y'));
    let traces = [
        ("capability", true),
        ("landlock", landlock_version().is_ok()),
        ("yama", there("/proc/sys/kernel/yama/ptrace_scope")),
        ("apparmor", enabled("/sys/module/apparmor/parameters/enabled")),
        ("selinux", there("/sys/fs/selinux/enforce")),
        ("smack", there("/sys/fs/smackfs/load2")),
    ];
    (traces.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()).collect(), Some(errno))
}
