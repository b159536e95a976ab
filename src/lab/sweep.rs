//! Removing what a killed run left: by the journal (pids with their start times),
//! by the marker in the environment, and, for orphans that came to us, by descent.
//! Used at start, by the program when its keeper dies, and by `cloison clean`.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::cgroups;
use super::journal::{self, Line, Pid};
use super::program::MARKER;
use crate::kernel::Errno;
use crate::kernel::process::{forbid_forks, pidfd_kill, pidfd_open, reap_one, stat_field};

/// How long who was killed is waited for before the dead are collected: milliseconds.
const BETWEEN: u8 = 2;
/// How long it may take to end all that descends from a process: a fork bomb of a thousand
/// has its share of the CPUs, too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Labs whose remains were removed.
    pub labs: Vec<String>,
    /// Processes that were killed.
    pub processes: usize,
    /// What could not be removed: path or pid, and why.
    pub left: Vec<(String, Errno)>,
}

/// Sweeps every lab below `base` whose keeper is dead. Labs in use are left alone.
pub fn sweep(base: &Path) -> Swept {
    let mut swept = Swept::default();
    let Ok(entries) = std::fs::read_dir(base) else { return swept };
    for directory in entries.flatten().map(|entry| entry.path()) {
        sweep_lab(&directory, &mut swept);
    }
    swept
}

/// Sweeps one lab, unless its keeper lives.
pub fn sweep_lab(directory: &Path, swept: &mut Swept) {
    let Some(lab) = directory.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
    let lines = journal::read(directory).unwrap_or_default();
    match lines.first() {
        Some(Line::Lab { boot, keeper }) => {
            let this_boot = *boot == journal::boot_id();
            if this_boot && keeper.is_alive() {
                return;
            }
            if this_boot {
                // First the groups: who is frozen does not end before it is thawed, and
                // nobody is met twice.
                let (killed, left) = cgroups::end::sweep(&lab, &lines);
                swept.processes += killed;
                end_all(&lab, &lines, swept);
                if !left.is_empty() {
                    // The journal stays, for the next sweep.
                    swept.left.extend(left.into_iter().map(|(path, errno)| (path.display().to_string(), errno)));
                    return;
                }
            }
        }
        // A keeper that had no time to write its first line has made nothing; one
        // that is about to write it has a directory of this very moment.
        _ if is_younger_than(directory, Duration::from_secs(10)) => return,
        _ => {}
    }
    match journal::remove_directory(directory) {
        Ok(()) => swept.labs.push(lab),
        Err(error) => swept.left.push((directory.display().to_string(), Errno::from(&error))),
    }
}

fn is_younger_than(directory: &Path, age: Duration) -> bool {
    let modified = std::fs::metadata(directory).and_then(|data| data.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed < age))
}

/// Kills the journal's actors and all that carries the lab's marker, until nothing
/// is found: a process that forks is found again.
fn end_all(lab: &str, lines: &[Line], swept: &mut Swept) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut killed = BTreeSet::new();
    loop {
        let mut alive: BTreeSet<(u32, u64)> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Actor { pid, .. } if pid.is_alive() => Some((pid.pid, pid.start)),
                _ => None,
            })
            .collect();
        alive.extend(marked(lab).into_iter().map(|pid| (pid.pid, pid.start)));
        if alive.is_empty() {
            return;
        }
        for (pid, start) in alive {
            match kill_exactly(Pid { pid, start }) {
                // It may take a moment to end, and be met again.
                Ok(()) => swept.processes += usize::from(killed.insert((pid, start))),
                Err(Errno(libc::ESRCH)) => {}
                Err(errno) => {
                    swept.left.push((format!("PID {pid}"), errno));
                    return;
                }
            }
        }
        if Instant::now() > deadline {
            return;
        }
        std::thread::yield_now();
    }
}

/// SIGKILL to this very process: the descriptor is taken first, so that the start
/// time that is then compared is that of the process it stands for.
pub fn kill_exactly(process: Pid) -> Result<(), Errno> {
    let pidfd = pidfd_open(process.pid)?;
    if !process.is_alive() {
        return Err(Errno(libc::ESRCH));
    }
    pidfd_kill(&pidfd, libc::SIGKILL)
}

/// Living processes that carry the marker of this lab, the caller left out.
fn marked(lab: &str) -> Vec<Pid> {
    let wanted = format!("{MARKER}={lab}").into_bytes();
    let me = std::process::id();
    pids()
        .filter(|pid| *pid != me)
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|pair| pair == wanted))
        })
        .filter_map(Pid::now)
        .collect()
}

fn pids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a process has ended and waits to be collected.
pub fn is_zombie(pid: u32) -> bool {
    stat_field(&pid.to_string(), 3).is_some_and(|state| state == "Z" || state == "X")
}

/// Kills and reaps every descendant of the calling process, until there is none.
/// For a subreaper: whoever is orphaned meanwhile comes to it. Children in `spared`,
/// and what descends from them, are left alone.
pub fn end_descendants(spared: &BTreeSet<u32>) -> usize {
    let mut killed = 0;
    let mut first = true;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let children: Vec<u32> = children_of("self").into_iter().filter(|pid| !spared.contains(pid)).collect();
        if children.is_empty() {
            return killed;
        }
        // Mostly the children take all else along. What is there after them is met
        // with more: no more forks, so that a fork bomb can't outrun the kills.
        let all = if first { children.clone() } else { descendants(&children) };
        for pid in all.iter().filter(|_| !first) {
            forbid_forks(*pid);
        }
        let mut ending = Vec::new();
        for pid in all.iter().rev() {
            if let Ok(pidfd) = pidfd_open(*pid)
                && !is_zombie(*pid)
                && pidfd_kill(&pidfd, libc::SIGKILL).is_ok()
            {
                killed += 1;
                ending.push(pidfd);
            }
        }
        let collect = || {
            for pid in children_of("self").into_iter().filter(|pid| !spared.contains(pid)) {
                reap_one(pid);
            }
        };
        wait_for_end(&ending, collect);
        collect();
        first = false;
        if Instant::now() > deadline {
            return killed;
        }
    }
}

/// Waits until these processes, which were killed, have ended; those that are the caller's
/// children are still to be collected. For at most half a second: so long as there is no CPU
/// for them they can't end, and some never do.
///
/// PID 1 of a namespace ends only when all others in there have been collected
/// (pid_namespaces(7)), which may be the caller's to do: `collect` is called while there is
/// somebody to wait for.
pub fn wait_for_end(pidfds: &[OwnedFd], mut collect: impl FnMut()) {
    let until = Instant::now() + Duration::from_millis(500);
    // Who was killed last mostly ends last: the others are then not waited for.
    for pidfd in pidfds.iter().rev() {
        // An interrupted wait is only shorter.
        while poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::from(BETWEEN)) != Ok(1)
            && Instant::now() < until
        {
            collect();
        }
    }
}

/// Every descendant of the calling process, parents before their children.
pub fn all_descendants() -> Vec<u32> {
    descendants(&children_of("self"))
}

/// These processes and all below them, parents before their children.
pub(super) fn descendants(of: &[u32]) -> Vec<u32> {
    let mut all = of.to_vec();
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let more = children_of(&pid.to_string());
        // A PID can't come twice in one tree, but a racing reuse must not make a loop.
        all.extend(more.into_iter().filter(|pid| *pid > 1).take(100_000));
        next += 1;
        if all.len() > 500_000 {
            break;
        }
    }
    all
}

/// The children of the calling process.
pub(super) fn children() -> BTreeSet<u32> {
    children_of("self").into_iter().collect()
}

/// The children of a process, of all its threads: from /proc/PID/task/TID/children,
/// or by their parents where the kernel has no such file.
fn children_of(process: &str) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for task in tasks {
        match std::fs::read_to_string(task.path().join("children")) {
            Ok(text) => found.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            // The thread has just ended, or (for the caller's own) there is no such file.
            Err(_) if process != "self" => {}
            Err(_) => {
                let me = std::process::id();
                let parent = |pid: u32| stat_field(&pid.to_string(), 4).and_then(|parent| parent.parse::<u32>().ok());
                return pids().filter(|pid| parent(*pid) == Some(me)).collect();
            }
        }
    }
    found
}

/// The directories of labs below `base`.
pub fn labs(base: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
