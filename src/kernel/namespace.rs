//! Namespaces: leaving them, entering them, mapping their ids, shifting their
//! clocks. Called by actors on themselves, but for the maps, which the keeper
//! writes from outside.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;

use super::call::{Errno, Trace, quoted};

/// `CLONE_NEWTIME`, clone3(2); not in nix. For unshare(2) and setns(2) only.
pub const CLONE_NEWTIME: i32 = 0x80;

/// The flag for a namespace file's name (`uts`), namespaces(7).
pub fn clone_flag(name: &str) -> Option<i32> {
    Some(match name {
        "user" => libc::CLONE_NEWUSER,
        "mnt" => libc::CLONE_NEWNS,
        "uts" => libc::CLONE_NEWUTS,
        "ipc" => libc::CLONE_NEWIPC,
        "pid" => libc::CLONE_NEWPID,
        "net" => libc::CLONE_NEWNET,
        "cgroup" => libc::CLONE_NEWCGROUP,
        "time" => CLONE_NEWTIME,
        _ => return None,
    })
}

/// The flags as they are written in C, joined by `|`.
pub fn flag_names(flags: i32) -> String {
    let all = [
        (libc::CLONE_NEWUSER, "CLONE_NEWUSER"),
        (libc::CLONE_NEWNS, "CLONE_NEWNS"),
        (libc::CLONE_NEWUTS, "CLONE_NEWUTS"),
        (libc::CLONE_NEWIPC, "CLONE_NEWIPC"),
        (libc::CLONE_NEWPID, "CLONE_NEWPID"),
        (libc::CLONE_NEWNET, "CLONE_NEWNET"),
        (libc::CLONE_NEWCGROUP, "CLONE_NEWCGROUP"),
        (CLONE_NEWTIME, "CLONE_NEWTIME"),
    ];
    all.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect::<Vec<_>>().join("|")
}

/// unshare(2) of the namespaces in `flags` (`CLONE_NEW…`), all in one call. The
/// caller must have one thread. EPERM without CAP_SYS_ADMIN unless a user
/// namespace is among them; EINVAL with threads or for a type this kernel has
/// not; ENOSPC at a limit of /proc/sys/user; EUSERS at 32 nested.
pub fn unshare(trace: &mut Trace, flags: i32) -> Result<(), Errno> {
    let args = vec![flag_names(flags)];
    // from_bits_retain: nix does not know CLONE_NEWTIME.
    trace.record("unshare", args, || nix::sched::unshare(CloneFlags::from_bits_retain(flags)), |()| 0)
}

/// setns(2): enters the namespace behind a descriptor of /proc/PID/ns/`name`.
/// `label` is how the trace shows the descriptor.
pub fn setns(trace: &mut Trace, ns: impl AsFd, name: &str, label: &str) -> Result<(), Errno> {
    let flags = clone_flag(name).unwrap_or(0);
    let args = vec![label.to_owned(), flag_names(flags)];
    trace.record("setns", args, || nix::sched::setns(ns, CloneFlags::from_bits_retain(flags)), |()| 0)
}

/// Opens the file of a namespace: a bind mount of it, or a link below /proc/PID/ns.
pub fn open(trace: &mut Trace, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let args = vec![quoted(path), "O_RDONLY|O_CLOEXEC".to_owned()];
    trace.record("open", args, || nix::fcntl::open(path, flags, Mode::empty()), |fd| i64::from(fd.as_raw_fd()))
}

/// close(2).
pub fn close(trace: &mut Trace, fd: OwnedFd) -> Result<(), Errno> {
    trace.record("close", vec![fd.as_raw_fd().to_string()], || nix::unistd::close(fd), |()| 0)
}

/// Writes a small file below /proc in one write(2), as the id maps demand
/// (user_namespaces(7)); recorded with its path.
pub fn write_file(trace: &mut Trace, path: &str, content: &str) -> Result<(), Errno> {
    let args = vec![quoted(path), quoted(content)];
    let write = || {
        let to_errno = |error: std::io::Error| nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
        let mut file = File::options().write(true).open(path).map_err(to_errno)?;
        file.write_all(content.as_bytes()).map_err(to_errno)
    };
    trace.record("write", args, write, |()| content.len() as i64)
}

/// /proc/self/timens_offsets: the offsets of the time namespace that children
/// will be in, time_namespaces(7), in whole seconds. EACCES once a process has
/// entered it; ERANGE where a clock would be negative.
pub fn write_clock_offsets(trace: &mut Trace, monotonic: i64, boottime: i64) -> Result<(), Errno> {
    write_file(trace, "/proc/self/timens_offsets", &format!("monotonic {monotonic} 0\nboottime {boottime} 0\n"))
}
