//! A look at a process that answers no questions, from where it stands: a child of
//! the caller's enters its namespaces and its root directory, reports, and ends. Not
//! its PID namespace: the child never appears among its processes. Used by the
//! keeper; the caller must have one thread.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Observer, sweep};
use crate::kernel::process::{self, Side};
use crate::kernel::program::{default_signals, pipe};
use crate::kernel::{Errno, Trace, mount, namespace, read};
use crate::lesson::op::NsKind;

/// The largest report that is taken.
const MOST_BYTES: usize = 64 << 20;
/// Where the child keeps the pipe that it reports on.
const REPORT: i32 = 3;

/// What the process `pid` sees of what `asked` is for, as `report` makes it in its
/// namespaces. Nothing where no report came in time: what it looks at may never answer (a FUSE mount).
/// ESRCH where there is no such process, EACCES or EPERM where it may not be
/// looked at, ptrace(2).
pub fn observe(pid: u32, asked: &[u8], deadline: Instant, report: Observer) -> Result<Option<Vec<u8>>, Errno> {
    let (read, write) = pipe()?;
    let me = std::process::id();
    let child = match process::fork(&mut Trace::default())? {
        Side::Parent(child) => child,
        Side::Child => look(write, me, pid, asked, report),
    };
    drop(write);
    let answer = collect(read, deadline);
    let pidfd = process::pidfd_open(child)?;
    if answer.is_none() {
        // ESRCH: it has just ended by itself.
        let _ = process::pidfd_kill(&pidfd, libc::SIGKILL);
    }
    // One that can't end at once is collected with the caller's other dead.
    sweep::wait_for_end(&[pidfd], || {});
    process::reap_one(child);
    match answer {
        Some((true, bytes)) => Ok(Some(bytes)),
        Some((false, bytes)) => {
            let errno = <[u8; 4]>::try_from(bytes.as_slice()).map_or(libc::EIO, i32::from_le_bytes);
            Err(Errno(errno))
        }
        None => Ok(None),
    }
}

/// Reads to the end: whether it is a report (else it is an errno), and its bytes;
/// nothing where the time is over or the report has no end.
fn collect(mut read: File, deadline: Instant) -> Option<(bool, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let left = deadline.checked_duration_since(Instant::now())?.max(Duration::from_millis(1));
        let timeout = PollTimeout::try_from(left.as_millis() as i64).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(read.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(_) => return None,
        }
        match read.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
        if bytes.len() > MOST_BYTES {
            return None;
        }
    }
    let (kind, rest) = bytes.split_first()?;
    Some((*kind == b'+', rest.to_vec()))
}

/// The child.
fn look(write: OwnedFd, parent: u32, pid: u32, asked: &[u8], report: Observer) -> ! {
    let body = || -> Result<Vec<u8>, Errno> {
        if write.as_raw_fd() != REPORT {
            process::move_to(&write, REPORT)?;
        }
        std::mem::forget(write);
        process::close_from(REPORT + 1)?;
        process::set_title("cloison-observe", "cloison observer");
        default_signals()?;
        process::die_with_parent(parent)?;
        let target = match read::open_dir(format!("/proc/{pid}").as_str()) {
            Err(Errno(libc::ENOENT)) => return Err(Errno(libc::ESRCH)),
            opened => opened?,
        };
        let refused = enter(&target)?;
        // New credentials have cleared it.
        process::die_with_parent(parent)?;
        Ok(report(pid, target, &refused, asked))
    };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(Err(Errno(libc::EIO)));
    let mut pipe = File::from(process::inherited(REPORT));
    let sent = match outcome {
        Ok(bytes) => pipe.write_all(b"+").and_then(|()| pipe.write_all(&bytes)),
        Err(errno) => pipe.write_all(b"-").and_then(|()| pipe.write_all(&errno.0.to_le_bytes())),
    };
    process::exit_now(i32::from(sent.is_err()))
}

/// Enters the namespaces that differ, all but pid, and the root directory; gives
/// those that it could not enter (`mnt` stands for the root directory as well).
fn enter(target: &OwnedFd) -> Result<Vec<(NsKind, Errno)>, Errno> {
    let own = read::open_dir("/proc/self")?;
    let mut refused = Vec::new();
    let mut waiting = Vec::new();
    let mut user = None;
    for kind in NsKind::ALL.into_iter().filter(|kind| *kind != NsKind::Pid) {
        let path = format!("ns/{}", kind.name());
        let theirs = match read::open_at(target.as_fd(), path.as_str()) {
            // This kernel has none of the kind.
            Err(Errno(libc::ENOENT)) => continue,
            Err(errno) => {
                refused.push((kind, errno));
                continue;
            }
            Ok(theirs) => theirs,
        };
        let ours = read::open_at(own.as_fd(), path.as_str())?;
        if read::inode(&theirs)? == read::inode(&ours)? {
            continue;
        }
        match kind {
            NsKind::User => user = Some(theirs),
            _ => waiting.push((kind, theirs)),
        }
    }
    let root = read::open_dir_at(target.as_fd(), "root");
    // Inside, the box's root could otherwise take this process over (ptrace(2)): a
    // process that is not dumpable is its own user namespace's alone.
    process::make_undumpable()?;
    let trace = &mut Trace::default();
    // What the caller may enter as who it is, it enters first; as root of the
    // process's user namespace it may enter what belongs to that one.
    waiting.retain(|(kind, fd)| namespace::setns(trace, fd, kind.name(), "").is_err());
    if let Some(fd) = user
        && let Err(errno) = namespace::setns(trace, fd, "user", "")
    {
        refused.push((NsKind::User, errno));
    }
    for (kind, fd) in waiting {
        if let Err(errno) = namespace::setns(trace, fd, kind.name(), "") {
            refused.push((kind, errno));
        }
    }
    if let Err(errno) = root.and_then(|root| change_root(trace, &root))
        && refused.iter().all(|(kind, _)| *kind != NsKind::Mnt)
    {
        refused.push((NsKind::Mnt, errno));
    }
    refused.sort_unstable_by_key(|(kind, _)| *kind);
    Ok(refused)
}

/// Makes the directory the root, unless it is already: an ordinary user may not
/// chroot(2) where it entered no user namespace.
fn change_root(trace: &mut Trace, root: &OwnedFd) -> Result<(), Errno> {
    let identity = |fd: &OwnedFd| -> Result<_, Errno> {
        let stat = read::stat(fd.as_fd())?;
        Ok((stat.st_dev, stat.st_ino, read::mount_id(fd.as_fd())))
    };
    if identity(root)? == identity(&read::open_dir("/")?)? {
        return Ok(());
    }
    nix::unistd::fchdir(root)?;
    mount::chroot(trace, ".")
}
