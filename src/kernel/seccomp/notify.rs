//! User notification, seccomp_unotify(2): who holds the listener of a filter is asked
//! about the calls that it answers with SECCOMP_RET_USER_NOTIF, while the callers stand.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::super::bpf::Data;
use super::super::call::Errno;

/// A call that somebody waits to have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Which question: for the answer.
    pub id: u64,
    /// Who asks: its PID in the PID namespace of the listener's holder; 0 when it is not
    /// to be seen there.
    pub pid: u32,
    /// The call.
    pub data: Data,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Answer {
    /// The kernel is to carry it out: SECCOMP_USER_NOTIF_FLAG_CONTINUE, Linux 5.5. The
    /// arguments in memory may have changed since they were looked at: no security.
    Continue,
    /// It is not carried out, and returned this errno; 0: a success that isn't one.
    Errno(i32),
}

/// Takes the next question. Waits until there is one: poll the descriptor first. ENOENT:
/// who asked has ended meanwhile.
pub fn next(listener: BorrowedFd<'_>) -> Result<Question, Errno> {
    // SAFETY: plain numbers, which the kernel wants zeroed.
    #[expect(unsafe_code, reason = "a structure of numbers, and ioctl(2)")]
    let told = unsafe {
        let mut told: libc::seccomp_notif = std::mem::zeroed();
        let done = libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut told);
        nix::errno::Errno::result(done)?;
        told
    };
    let data = Data {
        number: told.data.nr as u32,
        arch: told.data.arch,
        pointer: told.data.instruction_pointer,
        args: told.data.args,
    };
    Ok(Question { id: told.id, pid: told.pid, data })
}

/// Answers a question. ENOENT: who asked has ended, or was interrupted.
pub fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> Result<(), Errno> {
    let (error, flags) = match answer {
        Answer::Continue => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        Answer::Errno(errno) => (-errno, 0),
    };
    let mut said = libc::seccomp_notif_resp { id, val: 0, error, flags };
    #[expect(unsafe_code, reason = "ioctl(2)")]
    // SAFETY: the kernel reads this structure, which outlives the call.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut said) };
    nix::errno::Errno::result(done)?;
    Ok(())
}
