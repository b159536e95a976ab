//! Seccomp, seccomp(2): a policy (`policy`), its program (`compile`), and the calls
//! that put it on the calling process. Used by actors and by `cloison-run`.
//!
//! Why not libseccomp or seccompiler: the program is what is taught here, so it has to
//! be short enough to be read, the same on every run, and ours to explain; libseccomp
//! is a C library to link with, and seccompiler (0.5) has no user notification, no
//! errno per rule and no profiles with conditions on capabilities and kernels.

pub mod compile;
mod notify;
pub mod oci;
pub mod policy;

pub use notify::{Answer, Question, answer, next};
pub use policy::{Action, Compare, Condition, Policy, Rule};

use std::os::fd::{FromRawFd, OwnedFd};

use super::bpf::Instruction;
use super::call::{Errno, Trace};

/// The machine whose numbers of system calls are ours: AUDIT_ARCH_*, audit.h.
#[cfg(target_arch = "x86_64")]
pub const NATIVE: u32 = 0xc000_003e;
/// The machine whose numbers of system calls are ours: AUDIT_ARCH_*, audit.h.
#[cfg(target_arch = "aarch64")]
pub const NATIVE: u32 = 0xc000_00b7;
/// No filter can be made for other machines yet: nothing has this number.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const NATIVE: u32 = 0;

/// The number of a call on this machine; nothing where it has none of that name.
pub fn number(name: &str) -> Option<u32> {
    name.parse::<syscalls::Sysno>().ok().map(|known| known.id() as u32)
}

/// The name of a call on this machine.
pub fn name(number: u32) -> Option<&'static str> {
    syscalls::Sysno::new(number as usize).map(|known| known.name())
}

/// The names of all calls of this machine.
pub fn names() -> impl Iterator<Item = &'static str> {
    syscalls::Sysno::iter().map(|known| known.name())
}

/// prctl(2), PR_SET_NO_NEW_PRIVS: from here on no execve(2) gives privileges. Without
/// it, or CAP_SYS_ADMIN in its user namespace, nobody may install a filter.
pub fn no_new_privs(trace: &mut Trace) -> Result<(), Errno> {
    let args = ["PR_SET_NO_NEW_PRIVS", "1"].map(str::to_owned).to_vec();
    trace.record("prctl", args, nix::sys::prctl::set_no_new_privs, |()| 0)
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER: from here on each call of the calling thread,
/// and of all that it starts, is put to this program as well. It can't be taken off.
/// With `listener`, gives the descriptor by which questions come (SECCOMP_RET_USER_NOTIF).
/// EACCES without no_new_privs; EINVAL for a program that the kernel does not take;
/// EBUSY where there is a listener already.
pub fn install(trace: &mut Trace, program: &[Instruction], listener: bool) -> Result<Option<OwnedFd>, Errno> {
    let shown = if listener { "SECCOMP_FILTER_FLAG_NEW_LISTENER" } else { "0" };
    let length = program.len();
    let args = vec!["SECCOMP_SET_MODE_FILTER".to_owned(), shown.to_owned(), format!("{{len={length}, filter=…}}")];
    let flags = if listener { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    let done = trace.record("seccomp", args, || load(program, flags), |done| *done)?;
    if !listener {
        return Ok(None);
    }
    #[expect(unsafe_code, reason = "a descriptor that the kernel has just made")]
    // SAFETY: it is new, and nobody else's; it is close-on-exec from the start.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(done as i32) }))
}

/// As [`install`] without `listener`, and no other call: for who is bound by the program at
/// once. Not recorded, since to measure a call takes clock_gettime(2) where the machine's
/// clock can't be read without the kernel, vdso(7).
pub fn install_unmeasured(program: &[Instruction]) -> Result<(), Errno> {
    Ok(load(program, 0).map(drop)?)
}

fn load(program: &[Instruction], flags: libc::c_ulong) -> nix::Result<libc::c_long> {
    /// `struct sock_fprog`.
    #[repr(C)]
    struct Program {
        length: u16,
        filter: *const Instruction,
    }
    let length = u16::try_from(program.len()).map_err(|_| nix::errno::Errno::EINVAL)?;
    let handed = Program { length, filter: program.as_ptr() };
    #[expect(unsafe_code, reason = "seccomp(2) is not in nix")]
    // SAFETY: the program outlives the call, and is as long as it says; the kernel
    // copies and checks it.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const handed) };
    nix::errno::Errno::result(done)
}

/// seccomp(2), SECCOMP_SET_MODE_STRICT: from here on the calling thread may only call
/// read, write, _exit and sigreturn; SIGKILL for any other. EINVAL for who has a filter.
/// Not recorded: on x86 strict mode also forbids to read the time stamp counter (SIGSEGV),
/// and so to measure how long the call took.
pub fn strict() -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "seccomp(2) is not in nix")]
    // SAFETY: this operation takes no structure.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_STRICT, 0, std::ptr::null::<u8>()) };
    nix::errno::Errno::result(done)?;
    Ok(())
}
