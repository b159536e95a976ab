//! Mounts and root directories. Called by actors on themselves, in mount
//! namespaces of their own; never by the program itself.

use std::os::fd::AsRawFd;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags};

use super::call::{Errno, Trace, quoted};

/// The flags as they are written in C, joined by `|`; `0` for none.
pub fn flag_names(flags: MsFlags) -> String {
    if flags.is_empty() {
        "0".to_owned()
    } else {
        flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("|")
    }
}

/// mount(2). Empty `source`, `fstype` and `data` are passed as NULL. EPERM without
/// CAP_SYS_ADMIN over the mount namespace's owner, and for a proc or sysfs that
/// would show more than the one in view (mount_namespaces(7)).
pub fn mount(
    trace: &mut Trace,
    source: &str,
    target: &str,
    fstype: &str,
    flags: MsFlags,
    data: &str,
) -> Result<(), Errno> {
    fn given(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }
    let shown = |text: &str| given(text).map_or_else(|| "NULL".to_owned(), quoted);
    let args = vec![shown(source), quoted(target), shown(fstype), flag_names(flags), shown(data)];
    let call = || nix::mount::mount(given(source), target, given(fstype), flags, given(data));
    trace.record("mount", args, call, |()| 0)
}

/// umount2(2). EINVAL for what is no mount point, or one that a less privileged
/// namespace inherited locked; EBUSY while in use, unless detached.
pub fn umount(trace: &mut Trace, target: &str, detach: bool) -> Result<(), Errno> {
    let (flags, name) = if detach { (MntFlags::MNT_DETACH, "MNT_DETACH") } else { (MntFlags::empty(), "0") };
    trace.record("umount2", vec![quoted(target), name.to_owned()], || nix::mount::umount2(target, flags), |()| 0)
}

/// Makes a mount and all below it read-only, mount_setattr(2) with AT_RECURSIVE
/// (Linux 5.12). ENOSYS on older kernels.
pub fn make_read_only(trace: &mut Trace, target: &str) -> Result<(), Errno> {
    let args = vec!["AT_FDCWD".to_owned(), quoted(target), "AT_RECURSIVE".to_owned(), "{MOUNT_ATTR_RDONLY}".to_owned()];
    trace.record("mount_setattr", args, || set_read_only(target), |()| 0)
}

#[expect(unsafe_code, reason = "mount_setattr(2) is in neither nix nor glibc 2.36")]
fn set_read_only(target: &str) -> nix::Result<()> {
    let path = std::ffi::CString::new(target).map_err(|_| nix::errno::Errno::EINVAL)?;
    let attributes = libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a live C string and the structure is live and of the size given; both are only read.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    nix::errno::Errno::result(result).map(drop)
}

/// chroot(2). EPERM without CAP_SYS_CHROOT.
pub fn chroot(trace: &mut Trace, path: &str) -> Result<(), Errno> {
    trace.record("chroot", vec![quoted(path)], || nix::unistd::chroot(path), |()| 0)
}

/// chdir(2).
pub fn chdir(trace: &mut Trace, path: &str) -> Result<(), Errno> {
    trace.record("chdir", vec![quoted(path)], || nix::unistd::chdir(path), |()| 0)
}

/// pivot_root(2). EINVAL where the new root is no mount point or propagation is
/// shared; EBUSY on the current root.
pub fn pivot_root(trace: &mut Trace, new_root: &str, put_old: &str) -> Result<(), Errno> {
    let args = vec![quoted(new_root), quoted(put_old)];
    trace.record("pivot_root", args, || nix::unistd::pivot_root(new_root, put_old), |()| 0)
}

/// mkdir(2) with these permission bits (sticky among them), less the umask.
pub fn mkdir(trace: &mut Trace, path: &Path, mode: u32) -> Result<(), Errno> {
    let bits = nix::sys::stat::Mode::from_bits_truncate(mode);
    let args = vec![quoted(path), format!("0{mode:o}")];
    trace.record("mkdir", args, || nix::unistd::mkdir(path, bits), |()| 0)
}

/// symlink(2): `path` will point to `target`.
pub fn symlink(trace: &mut Trace, target: &Path, path: &Path) -> Result<(), Errno> {
    let args = vec![quoted(target), quoted(path)];
    trace.record("symlink", args, || nix::unistd::symlinkat(target, nix::fcntl::AT_FDCWD, path), |()| 0)
}

/// A file with this text and no other: open(2) with O_CREAT and O_TRUNC, write(2).
pub fn write(trace: &mut Trace, path: &Path, text: &str) -> Result<(), Errno> {
    use nix::fcntl::OFlag;
    let flags = OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
    let args = vec![quoted(path), "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC".to_owned(), "0644".to_owned()];
    let file = trace.record("open", args, || nix::fcntl::open(path, flags, mode), |fd| i64::from(fd.as_raw_fd()))?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let args = vec![quoted(path), quoted(String::from_utf8_lossy(rest).as_ref()), rest.len().to_string()];
        let wrote = trace.record("write", args, || nix::unistd::write(&file, rest), |wrote| *wrote as i64)?;
        rest = rest.get(wrote..).unwrap_or_default();
    }
    Ok(())
}

/// An empty file to mount a device on: open(2) with O_CREAT, closed at once.
pub fn touch(trace: &mut Trace, path: &Path) -> Result<(), Errno> {
    let create = || {
        let flags = nix::fcntl::OFlag::O_CREAT | nix::fcntl::OFlag::O_CLOEXEC | nix::fcntl::OFlag::O_WRONLY;
        nix::fcntl::open(path, flags, nix::sys::stat::Mode::from_bits_truncate(0o644))
    };
    let args = vec![quoted(path), "O_CREAT|O_WRONLY|O_CLOEXEC".to_owned(), "0644".to_owned()];
    trace.record("open", args, create, |fd| i64::from(fd.as_raw_fd())).map(drop)
}
