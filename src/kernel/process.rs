//! Processes: making, naming, watching and ending them, and the ids they run as.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use serde::{Deserialize, Serialize};

use super::call::{Errno, Trace};
use super::read;

/// How a process ended, wait(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// It was killed by this signal number.
    Signal(i32),
}

impl Exit {
    /// From wait(2)'s answer; nothing where the process did not end.
    pub fn from_status(status: WaitStatus) -> Option<(Pid, Self)> {
        match status {
            WaitStatus::Exited(pid, code) => Some((pid, Self::Code(code))),
            WaitStatus::Signaled(pid, signal, _) => Some((pid, Self::Signal(signal as i32))),
            _ => None,
        }
    }
}

impl std::fmt::Display for Exit {
    /// `exit 0`, `SIGKILL`: the same in both languages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "{signal}"),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

/// Which side of a fork this is.
#[derive(Debug)]
pub enum Side {
    /// The caller, with the child's PID in the caller's PID namespace.
    Parent(u32),
    /// The child.
    Child,
}

/// fork(2). The caller must have one thread: the child goes on in Rust code and
/// allocates. ENOMEM where the PID namespace's init is dead; EAGAIN at a limit.
#[expect(unsafe_code, reason = "fork(2)")]
pub fn fork(trace: &mut Trace) -> Result<Side, Errno> {
    // SAFETY: only single-threaded processes (keeper, actors) call this, so no
    // lock can be held by a thread that the child has not.
    let fork = || unsafe { nix::unistd::fork() };
    let side = trace.record_fork("fork", fork, |result| match result {
        ForkResult::Parent { child } => i64::from(child.as_raw()),
        ForkResult::Child => 0,
    })?;
    Ok(match side {
        ForkResult::Parent { child } => Side::Parent(child.as_raw() as u32),
        ForkResult::Child => Side::Child,
    })
}

/// linux/sched.h: as clone3(2) has it, no member left out (Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// linux/sched.h; more than libc's type for flags holds.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// As [`fork`], and the child is born in the control group of version 2 whose directory
/// this is: clone3(2), CLONE_INTO_CGROUP. EAGAIN at the group's `pids.max`; ENODEV where
/// the group is gone, EACCES where the caller may not put a process there, EBUSY and
/// EOPNOTSUPP where it may have none; ENOSYS, E2BIG or EINVAL where the kernel is older
/// than Linux 5.7 or a filter keeps the call away. The caller must have one thread.
#[expect(unsafe_code, reason = "clone3(2) is not in nix")]
pub fn fork_into(group: BorrowedFd<'_>) -> Result<Side, Errno> {
    let args = CloneArgs {
        flags: CLONE_INTO_CGROUP,
        exit_signal: Signal::SIGCHLD as u64,
        cgroup: group.as_raw_fd() as u64,
        ..CloneArgs::default()
    };
    // SAFETY: the structure is live and of the size given; no memory is shared with the
    // child and no stack given, so it goes on from here as after fork(2), with the one
    // thread that there is.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    Ok(match nix::errno::Errno::result(result)? {
        0 => Side::Child,
        pid => Side::Parent(pid as u32),
    })
}

/// What the child of [`fork_to_exec`] has to live on until its exec.
const CHILD_STACK: usize = 256 << 10;

/// A child that will exec at once: clone(2) with CLONE_VM and CLONE_VFORK, as
/// posix_spawn(3) does, so that no page is copied; the caller stands still until then.
/// Where the kernel refuses that to who has just unshared a time namespace (EINVAL,
/// before Linux 6.0), fork(2). `child` gives the exit code for the case that it comes
/// back; it must not unwind. The caller must have one thread. The child's PID.
#[expect(unsafe_code, reason = "clone(2)")]
pub fn fork_to_exec(trace: &mut Trace, child: &dyn Fn() -> i32) -> Result<u32, Errno> {
    use nix::sched::{CloneFlags, clone};
    let mut stack = vec![0; CHILD_STACK];
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    let args = vec!["CLONE_VM | CLONE_VFORK".to_owned(), Signal::SIGCHLD.to_string()];
    let body = Box::new(|| -> isize { exit_now(child()) });
    // SAFETY: the caller has one thread and stands still while the child runs, on a
    // stack of its own that lives until then; the child ends in exec or _exit.
    let call = || unsafe { clone(body, &mut stack, flags, Some(Signal::SIGCHLD as i32)) };
    match trace.record("clone", args, call, |pid| i64::from(pid.as_raw())) {
        Ok(pid) => Ok(pid.as_raw() as u32),
        Err(Errno(libc::EINVAL)) => match fork(trace)? {
            Side::Parent(pid) => Ok(pid),
            Side::Child => exit_now(child()),
        },
        Err(errno) => Err(errno),
    }
}

/// Gives the calling thread less of a CPU where others want it, too: setpriority(2), which
/// is by thread on Linux (sched(7)). EACCES where it would be more.
#[expect(unsafe_code, reason = "nix does not wrap setpriority(2)")]
pub fn be_nice(value: i32) -> Result<(), Errno> {
    // SAFETY: only numbers go in; 0 is the calling thread.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) } {
        0 => Ok(()),
        _ => Err(nix::errno::Errno::last().into()),
    }
}

/// Ends the calling process without running anything of the program's.
#[expect(unsafe_code, reason = "_exit(2)")]
pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process; nothing of this process is used after it.
    unsafe { libc::_exit(code) }
}

/// pidfd_open(2), Linux 5.3: a descriptor that stands for this very process, even
/// when its PID is used again.
#[expect(unsafe_code, reason = "pidfd_open(2) is not in nix")]
pub fn pidfd_open(pid: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes two numbers, gives back a new descriptor or -1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    let fd = nix::errno::Errno::result(result)?;
    // SAFETY: the kernel just made this descriptor for us and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// pidfd_send_signal(2), Linux 5.1. ESRCH once the process is reaped.
#[expect(unsafe_code, reason = "pidfd_send_signal(2) is not in nix")]
pub fn pidfd_kill(pidfd: &OwnedFd, signal: i32) -> Result<(), Errno> {
    // SAFETY: a live descriptor, a number, no siginfo, no flags.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<libc::c_void>(), 0)
    };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

/// kill(2), recorded: `kill(48213, SIGKILL)`.
pub fn kill(trace: &mut Trace, pid: u32, signal: Signal) -> Result<(), Errno> {
    let args = vec![pid.to_string(), signal.to_string()];
    trace.record("kill", args, || nix::sys::signal::kill(Pid::from_raw(pid as i32), signal), |()| 0)
}

/// The next child of the calling process that has ended, if any: waitpid(2) with
/// WNOHANG. `Err(ECHILD)` when there is no child at all.
pub fn reap() -> Result<Option<(u32, Exit)>, Errno> {
    loop {
        return match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => Ok(None),
            Ok(status) => match Exit::from_status(status) {
                Some((pid, exit)) => Ok(Some((pid.as_raw() as u32, exit))),
                None => continue,
            },
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => Err(errno.into()),
        };
    }
}

/// Collects one child if it has ended; for those who must leave other children to
/// whoever waits for them.
pub fn reap_one(pid: u32) {
    // ECHILD: no child of ours, or collected already.
    let _ = waitpid(Pid::from_raw(pid as i32), Some(WaitPidFlag::WNOHANG));
}

/// How one child ended: waitpid(2) on it; nothing where it is no child of ours.
pub fn wait_for(pid: u32) -> Option<Exit> {
    loop {
        match waitpid(Pid::from_raw(pid as i32), None) {
            Ok(status) => {
                if let Some((_, exit)) = Exit::from_status(status) {
                    return Some(exit);
                }
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Lets a process make no more children: prlimit(2), RLIMIT_NPROC 0. Without effect
/// on root's own, who is exempt, and on who has just ended.
#[expect(unsafe_code, reason = "prlimit(2) on another process is not in nix")]
pub fn forbid_forks(pid: u32) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is live and only read; no old value is asked for.
    // A failure leaves the process to the kill that follows.
    let _ = unsafe { libc::prlimit(pid as libc::pid_t, libc::RLIMIT_NPROC, &raw const none, std::ptr::null_mut()) };
}

/// SIGKILL for the caller when its parent *thread* ends (PR_SET_PDEATHSIG(2const)).
/// A real change of uid clears it. `parent` is who must still be the parent after
/// the call; otherwise the parent died in between, and ESRCH is returned.
pub fn die_with_parent(parent: u32) -> Result<(), Errno> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid().as_raw() as u32 == parent { Ok(()) } else { Err(Errno(libc::ESRCH)) }
}

/// Makes a program that is about to be started end (SIGKILL) when the *thread* that
/// starts it does (PR_SET_PDEATHSIG(2const)): nobody outlives who waits for it.
#[expect(unsafe_code, reason = "pre_exec: the signal is asked for between fork and exec")]
pub fn end_with_this_thread(command: &mut std::process::Command) {
    let parent = std::process::id();
    // SAFETY: two system calls, async-signal-safe; nothing is allocated.
    unsafe {
        command.pre_exec(move || die_with_parent(parent).map_err(|errno| std::io::Error::from_raw_os_error(errno.0)))
    };
}

/// Orphaned descendants come to the caller instead of to init
/// (PR_SET_CHILD_SUBREAPER(2const)).
pub fn become_subreaper() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true).map_err(Errno::from)
}

/// The /proc files of the caller are its own again after a change of uid
/// (PR_SET_DUMPABLE(2const)).
pub fn make_dumpable() -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(true).map_err(Errno::from)
}

/// No process of another user namespace than that of the program's start may trace
/// the caller or read its /proc files any more (PR_SET_DUMPABLE(2const), ptrace(2)).
pub fn make_undumpable() -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(false).map_err(Errno::from)
}

/// Becomes this uid and gid, real, effective and saved, without supplementary
/// groups where the namespace lets them be dropped: setgroups(2), setresgid(2),
/// setresuid(2).
pub fn become_user(trace: &mut Trace, uid: u32, gid: u32, drop_groups: bool) -> Result<(), Errno> {
    use nix::unistd::{Gid, Uid};
    if drop_groups {
        trace.record("setgroups", vec!["0".into(), "NULL".into()], || nix::unistd::setgroups(&[]), |()| 0)?;
    }
    let (g, u) = (Gid::from_raw(gid), Uid::from_raw(uid));
    trace.record("setresgid", vec![gid.to_string(); 3], || nix::unistd::setresgid(g, g, g), |()| 0)?;
    trace.record("setresuid", vec![uid.to_string(); 3], || nix::unistd::setresuid(u, u, u), |()| 0)
}

/// Names the calling process: its thread name (15 bytes, what `ps -o comm` shows)
/// and, where there is room, its command line (what `ps -f` shows).
#[expect(unsafe_code, reason = "overwrites the argument area, as setproctitle(3) does")]
pub fn set_title(name: &str, title: &str) {
    // The same in every process forked from the keeper: looked up once.
    static AREA: std::sync::OnceLock<Option<(usize, usize)>> = std::sync::OnceLock::new();
    if let Ok(name) = std::ffi::CString::new(name) {
        // A name is a nicety: nothing depends on it, so a refusal is no error.
        let _ = nix::sys::prctl::set_name(&name);
    }
    let Some((start, end)) = *AREA.get_or_init(argument_area) else { return };
    let room = end - start;
    let bytes = title.as_bytes();
    let used = bytes.len().min(room.saturating_sub(1));
    // SAFETY: the kernel says that start..end is where it put this process's
    // argument strings; the region is writable memory of this process (its stack),
    // std copied the arguments out when it was first asked for them, and nothing
    // else holds references into it while this single-threaded process runs.
    unsafe {
        let area = std::slice::from_raw_parts_mut(start as *mut u8, room);
        area.fill(0);
        area[..used].copy_from_slice(&bytes[..used]);
    }
}

/// Where the kernel put the argument strings: arg_start and arg_end, fields 48 and
/// 49 of /proc/self/stat.
fn argument_area() -> Option<(usize, usize)> {
    let start: usize = stat_field("self", 48)?.parse().ok()?;
    let end: usize = stat_field("self", 49)?.parse().ok()?;
    (start != 0 && end > start).then_some((start, end))
}

/// The start time of a process, in clock ticks since boot (field 22 of
/// /proc/PID/stat): with the PID it names one process for the whole boot.
pub fn start_time(pid: u32) -> Option<u64> {
    stat_field(&pid.to_string(), 22)?.parse().ok()
}

/// What /proc/PID/stat says of where a process belongs, proc_pid_stat(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its parent's PID (field 4).
    pub parent: u32,
    /// Its session: the PID of the session's leader (field 6).
    pub session: u32,
    /// When it started, in clock ticks since boot (field 22).
    pub start: u64,
}

/// Where a process belongs; nothing when it is gone.
pub fn stat_of(pid: u32) -> Option<Stat> {
    let fields = stat_fields(&pid.to_string())?;
    let mut fields = fields.split_ascii_whitespace();
    Some(Stat {
        parent: fields.nth(1)?.parse().ok()?,
        session: fields.nth(1)?.parse().ok()?,
        start: fields.nth(15)?.parse().ok()?,
    })
}

/// A field of /proc/PROCESS/stat (a PID, or `self`), numbered as in
/// proc_pid_stat(5), from 3 on: the name before it may hold anything.
pub fn stat_field(process: &str, number: usize) -> Option<String> {
    stat_fields(process)?.split_ascii_whitespace().nth(number.checked_sub(3)?).map(str::to_owned)
}

/// More than /proc/PID/stat can hold: 52 numbers and a name.
const STAT: usize = 2_048;

/// The fields of /proc/PROCESS/stat from the third on.
fn stat_fields(process: &str) -> Option<String> {
    let mut stat = read::piece(format!("/proc/{process}/stat").as_str(), STAT).ok()?;
    let after = stat.iter().rposition(|byte| *byte == b')')? + 2;
    String::from_utf8(stat.split_off(after.min(stat.len()))).ok()
}

/// Marks every descriptor from 3 up close-on-exec (close_range(2), Linux 5.11).
#[expect(unsafe_code, reason = "close_range(2) with CLOSE_RANGE_CLOEXEC")]
pub fn cloexec_from_3() -> Result<(), Errno> {
    // SAFETY: only sets a flag on descriptors.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

/// Closes every descriptor from `first` up (close_range(2), Linux 5.9). For a
/// freshly forked child that must keep nothing of its parent's.
///
/// The caller guarantees that no object it will still use owns one of them; what
/// it leaves behind must be forgotten, not dropped.
#[expect(unsafe_code, reason = "close_range(2)")]
pub fn close_from(first: i32) -> Result<(), Errno> {
    // SAFETY: called right after fork in a child that diverges: owners of the
    // closed descriptors are never used or dropped there.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

/// An owner for a descriptor that was inherited at a known number.
#[expect(unsafe_code, reason = "descriptors handed over by number at exec")]
pub fn inherited(fd: i32) -> OwnedFd {
    // SAFETY: by agreement between `lab::client` and the keeper's entry, the
    // number is open at exec and is taken into ownership once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Moves a descriptor to a fixed number (dup2(2), no close-on-exec).
#[expect(unsafe_code, reason = "nix's dup2 wants an owner for the target number")]
pub fn move_to(fd: &OwnedFd, number: i32) -> Result<(), Errno> {
    // SAFETY: dup2 closes whatever was at `number`; callers are children on their way to exec or to their own loop.
    nix::errno::Errno::result(unsafe { libc::dup2(fd.as_raw_fd(), number) }).map(drop).map_err(Errno::from)
}
