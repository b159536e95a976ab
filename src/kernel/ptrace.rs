//! Tracing other processes, ptrace(2): what the lab's tracer is made of. Called by
//! `lab::tracer`, in the process that is the tracer. The calls here are the tracer's
//! own and are not recorded; what they tell of the tracee is.
//!
//! All of it is of the PTRACE_SEIZE kind: attaching stops nobody, stops by signals
//! stay what they are for the tracee's parent, and PTRACE_O_EXITKILL ends every
//! tracee when the tracer dies.

use super::call::Errno;
use super::process::Exit;

const CONT: libc::c_long = 7;
const DETACH: libc::c_long = 17;
const SYSCALL: libc::c_long = 24;
const GETEVENTMSG: libc::c_long = 0x4201;
const SEIZE: libc::c_long = 0x4206;
const INTERRUPT: libc::c_long = 0x4207;
const LISTEN: libc::c_long = 0x4208;
/// Linux 5.3.
const GET_SYSCALL_INFO: libc::c_long = 0x420e;

/// TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, EXITKILL.
const OPTIONS: usize = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x10_0000;

/// The machine whose numbers of system calls are the table's: AUDIT_ARCH_*.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NATIVE: u32 = 0;

/// What waitpid(2) says of a child or a tracee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has ended.
    Ended(Exit),
    /// A tracee stands at the entry or the exit of a system call.
    Syscall,
    /// A tracee stands, before this signal is delivered to it.
    Signal(i32),
    /// A tracee was stopped by this signal, as any process may be: group-stop.
    Stopped(i32),
    /// A tracee has made this one: fork(2), vfork(2), clone(2).
    Forked,
    /// A tracee runs another program now: execve(2).
    Executed,
    /// A tracee stands because it was just attached, was asked to, or goes on after
    /// a group-stop.
    Trapped,
}

/// Where a tracee stands in a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// At its entry: number (nothing where it is not of this machine's own table, a
    /// 32-bit program's say) and arguments.
    Entry(Option<u64>, [u64; 6]),
    /// At its exit: what it returned.
    Exit(Result<i64, Errno>),
    /// In none, or the kernel is older than 5.3.
    Neither,
}

#[expect(unsafe_code, reason = "ptrace(2): nix has no request for SEIZE, LISTEN and GET_SYSCALL_INFO together")]
fn request(request: libc::c_long, pid: u32, address: usize, data: usize) -> Result<i64, Errno> {
    // SAFETY: of the requests used here only GETEVENTMSG and GET_SYSCALL_INFO write,
    // to memory of the caller's that `data` points to and that lives over the call
    // and is as large as they say.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, pid as libc::pid_t, address, data) };
    nix::errno::Errno::result(result).map_err(Errno::from)
}

/// Becomes the tracer of a process, and of all that it makes from now on. It goes on
/// running. EPERM: Yama (`/proc/sys/kernel/yama/ptrace_scope`) or another tracer.
pub fn seize(pid: u32) -> Result<(), Errno> {
    request(SEIZE, pid, 0, OPTIONS).map(drop)
}

/// Asks a tracee to stand: answered by [`Change::Trapped`].
pub fn interrupt(pid: u32) -> Result<(), Errno> {
    request(INTERRUPT, pid, 0, 0).map(drop)
}

/// Lets a tracee go on to its next system call, with a signal (0: none).
pub fn resume(pid: u32, signal: i32) -> Result<(), Errno> {
    request(SYSCALL, pid, 0, signal as usize).map(drop)
}

/// Lets a tracee go on without stopping at system calls.
pub fn go_on(pid: u32, signal: i32) -> Result<(), Errno> {
    request(CONT, pid, 0, signal as usize).map(drop)
}

/// Leaves a tracee in its group-stop, as its parent expects, until SIGCONT.
pub fn leave_stopped(pid: u32) -> Result<(), Errno> {
    request(LISTEN, pid, 0, 0).map(drop)
}

/// Lets go of a tracee that stands, with a signal (0: none).
pub fn detach(pid: u32, signal: i32) -> Result<(), Errno> {
    request(DETACH, pid, 0, signal as usize).map(drop)
}

/// What belongs to the last event: the new process's PID after [`Change::Forked`],
/// the former thread id after [`Change::Executed`]; in the tracer's PID namespace.
pub fn event_message(pid: u32) -> Option<u32> {
    let mut message: libc::c_ulong = 0;
    request(GETEVENTMSG, pid, 0, (&raw mut message) as usize).ok()?;
    u32::try_from(message).ok()
}

/// `struct ptrace_syscall_info`, without its names for the parts of the union.
#[repr(C)]
#[derive(Default)]
struct SyscallInfo {
    op: u8,
    padding: [u8; 3],
    arch: u32,
    instruction_pointer: u64,
    stack_pointer: u64,
    data: [u64; 8],
}

/// Where a tracee that stands is in a system call: PTRACE_GET_SYSCALL_INFO, Linux 5.3.
pub fn stage(pid: u32) -> Stage {
    let mut info = SyscallInfo::default();
    let known = request(GET_SYSCALL_INFO, pid, size_of::<SyscallInfo>(), (&raw mut info) as usize);
    match (known, info.op) {
        (Ok(_), 1) => {
            let mut arguments = [0; 6];
            arguments.copy_from_slice(&info.data[1..7]);
            Stage::Entry((info.arch == NATIVE).then_some(info.data[0]), arguments)
        }
        // The second field, is_error, is a byte.
        (Ok(_), 2) if info.data[1].to_ne_bytes()[0] != 0 => Stage::Exit(Err(Errno(-(info.data[0] as i64) as i32))),
        (Ok(_), 2) => Stage::Exit(Ok(info.data[0] as i64)),
        _ => Stage::Neither,
    }
}

/// Reads at most `most` bytes of a tracee's memory, fewer where it ends:
/// process_vm_readv(2). Nothing where it can't be read at all.
#[expect(unsafe_code, reason = "process_vm_readv(2)")]
pub fn memory(pid: u32, address: u64, most: usize) -> Vec<u8> {
    const PAGE: usize = 4096;
    let mut bytes = vec![0_u8; most];
    let mut have = 0;
    while have < most {
        let Some(from) = usize::try_from(address).ok().and_then(|address| address.checked_add(have)) else { break };
        // A piece never crosses into a page that may not be there.
        let length = (PAGE - from % PAGE).min(most - have);
        let local = libc::iovec { iov_base: bytes[have..].as_mut_ptr().cast(), iov_len: length };
        let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(from), iov_len: length };
        // SAFETY: the local piece is `length` bytes of `bytes`; the remote address is
        // checked by the kernel and never looked at here.
        let count = unsafe { libc::process_vm_readv(pid as libc::pid_t, &raw const local, 1, &raw const remote, 1, 0) };
        if count <= 0 {
            break;
        }
        have += count as usize;
    }
    bytes.truncate(have);
    bytes
}

/// The next change of any child or tracee, without waiting: waitpid(2) with WNOHANG
/// and __WALL. `Err(ECHILD)` when there is none at all.
#[expect(unsafe_code, reason = "waitpid(2): nix gives up at signals above 31")]
pub fn next_change() -> Result<Option<(u32, Change)>, Errno> {
    loop {
        let mut status = 0;
        // SAFETY: the status is written to a live integer.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
        match nix::errno::Errno::result(pid) {
            Ok(0) => return Ok(None),
            Ok(pid) => {
                if let Some(change) = change(status) {
                    return Ok(Some((pid as u32, change)));
                }
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn change(status: i32) -> Option<Change> {
    const EVENT_STOP: i32 = 128;
    if libc::WIFEXITED(status) {
        return Some(Change::Ended(Exit::Code(libc::WEXITSTATUS(status))));
    }
    if libc::WIFSIGNALED(status) {
        return Some(Change::Ended(Exit::Signal(libc::WTERMSIG(status))));
    }
    if !libc::WIFSTOPPED(status) {
        return None;
    }
    let signal = libc::WSTOPSIG(status);
    Some(match status >> 16 {
        0 if signal == libc::SIGTRAP | 0x80 => Change::Syscall,
        0 => Change::Signal(signal),
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => Change::Forked,
        libc::PTRACE_EVENT_EXEC => Change::Executed,
        EVENT_STOP if matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) => {
            Change::Stopped(signal)
        }
        _ => Change::Trapped,
    })
}
