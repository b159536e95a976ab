//! What there is on the machine of one place's own: its processes, its labs'
//! directories; and of the machine's: mounts, links, groups, names.

use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use cloison::kernel::process::{pidfd_kill, pidfd_open, start_time};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{PATIENCE, Place};

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: u32,
    pub start: u64,
    pub parent: u32,
    pub command: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    pub processes: BTreeSet<Process>,
    labs: BTreeSet<String>,
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    groups: BTreeSet<String>,
    names: String,
}

impl Inventory {
    pub fn take(place: &Place) -> Self {
        let names = nix::sys::utsname::uname().unwrap();
        let domain = std::fs::read_to_string("/proc/sys/kernel/domainname").unwrap_or_default();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut groups = BTreeSet::new();
        find_groups(Path::new("/sys/fs/cgroup"), 5, &mut groups);
        let place_text = place.labs().display().to_string();
        Self {
            processes: processes(place),
            labs: names_in(&place.labs()),
            mounts: mounts.lines().filter(|line| line.contains(&place_text)).map(str::to_owned).collect(),
            links: names_in(Path::new("/sys/class/net")),
            groups,
            names: format!("{} {}", names.nodename().to_string_lossy(), domain.trim()),
        }
    }

    /// Waits until the machine is as it was.
    pub fn must_come_back(&self, place: &Place) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut now = Self::take(place);
            // What others left a moment ago, and take away now, is no news.
            now.groups = &now.groups | &self.groups;
            if now == *self {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "left behind:\n{now:#?}\nbefore:\n{self:#?}");
            match now.processes.difference(&self.processes).next() {
                Some(process) => drop(wait_for_end(process.pid, left)),
                None => std::thread::yield_now(),
            }
        }
    }
}

/// The processes of a place: those that carry its mark, or the marker of one of its
/// labs, or say its number; and what descends from them. Zombies are none.
pub fn processes(place: &Place) -> BTreeSet<Process> {
    let all: Vec<Process> = everyone();
    let test = format!("CLOISON_TEST={}", place.mark);
    let labs: Vec<String> = names_in(&place.labs()).into_iter().map(|lab| format!("CLOISON_LAB={lab}")).collect();
    let is_own = |process: &&Process| {
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|pair| pair == test.as_bytes() || labs.iter().any(|lab| pair == lab.as_bytes()));
        marked || process.command.contains(&place.mark)
    };
    let mut own: BTreeSet<Process> = all.iter().filter(is_own).cloned().collect();
    loop {
        let pids: BTreeSet<u32> = own.iter().map(|process| process.pid).collect();
        let more: Vec<Process> = all
            .iter()
            .filter(|process| pids.contains(&process.parent) && !pids.contains(&process.pid))
            .cloned()
            .collect();
        if more.is_empty() {
            break;
        }
        own.extend(more);
    }
    own
}

fn everyone() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(describe).collect()
}

fn describe(pid: u32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|byte| *byte == b')')? + 2;
    let mut fields = std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
    Some(Process { pid, start: start_time(pid)?, parent, command })
}

/// Waits for a process to end; whether it did.
pub fn wait_for_end(pid: u32, patience: Duration) -> bool {
    let Ok(pidfd) = pidfd_open(pid) else { return true };
    let timeout = PollTimeout::try_from(patience.as_millis() as i64).unwrap();
    let mut watched = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut watched, timeout), Ok(count) if count > 0)
}

/// SIGKILL to a process of this place.
pub fn end(process: &Process) {
    signal(process, libc::SIGKILL);
}

/// SIGSTOP to a process of this place.
pub fn stop(process: &Process) {
    signal(process, libc::SIGSTOP);
}

fn signal(process: &Process, signal: i32) {
    if let Ok(pidfd) = pidfd_open(process.pid)
        && start_time(process.pid) == Some(process.start)
    {
        let _ = pidfd_kill(&pidfd, signal);
    }
}

pub fn names_in(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn find_groups(directory: &Path, depth: u32, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // Benchmarks make groups, too, and so do labs of others who are at work: the
            // name of a lab's group starts with the PID of the program that made it.
            let name = entry.file_name().to_string_lossy().into_owned();
            let maker = name.split('-').nth(1).and_then(|pid| u32::from_str_radix(pid, 16).ok());
            let at_work = maker.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists());
            if name.starts_with("cloison") && !name.starts_with("cloison-bench") && !at_work {
                found.insert(entry.path().display().to_string());
            }
            find_groups(&entry.path(), depth - 1, found);
        }
    }
}
