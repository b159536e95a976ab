//! The end of a lab's groups: everybody in them is killed, frozen or not, and the groups
//! are removed. By the keeper, and by a sweep from what the journal says. A path is only
//! believed where its name is that of the lab's own group and it is in a cgroup tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, statfs};

use super::MOST;
use super::members::set_frozen;
use super::place::is_labs;
use super::shared::settle;
use crate::kernel::cgroup::{below, members, rmdir, write};
use crate::kernel::process::{pidfd_kill, pidfd_open};
use crate::kernel::{Errno, Trace};
use crate::lab::journal::Line;

/// How long everybody in a group may take to end, and the group to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// SIGKILL to everybody in these groups and below them, until nobody is left. Those of
/// several trees go together: who is frozen in one dies when that one is thawed. How
/// many there were.
pub fn kill_all(bases: &[PathBuf]) -> usize {
    let trace = &mut Trace::default();
    let mut met = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    for round in 0_u32.. {
        let groups: Vec<PathBuf> = bases.iter().flat_map(|base| below(base, MOST)).collect();
        let mut alive: Vec<u32> = groups.iter().flat_map(|group| members(group).unwrap_or_default()).collect();
        alive.sort_unstable();
        alive.dedup();
        if alive.is_empty() || Instant::now() >= deadline {
            return met.len();
        }
        met.extend(alive.iter().copied());
        for base in bases {
            // Linux 5.14, version 2: all at once, frozen or not, and faster than any fork.
            // Where that is not had, those who are frozen can't fork away from the list;
            // not at first: mostly nobody tries to.
            if write(trace, &base.join("cgroup.kill"), "1").is_err() && round > 1 && base.join("freezer.state").exists()
            {
                let _ = set_frozen(trace, base, true);
            }
        }
        for pid in alive {
            // The PID may have been given to another since: then it is no member.
            if pid > 0
                && let Ok(pidfd) = pidfd_open(pid)
                && is_member(pid, &groups)
            {
                let _ = pidfd_kill(&pidfd, libc::SIGKILL);
            }
        }
        for group in groups.iter().filter(|group| group.join("freezer.state").exists()) {
            let _ = set_frozen(trace, group, false);
        }
        if round > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    met.len()
}

fn is_member(pid: u32, groups: &[PathBuf]) -> bool {
    groups.iter().any(|group| members(group).is_ok_and(|members| members.contains(&pid)))
}

/// Removes a group and all below it, the deepest first; what can't be.
pub fn remove_tree(base: &Path) -> Vec<(PathBuf, Errno)> {
    let trace = &mut Trace::default();
    let mut left = Vec::new();
    for group in below(base, MOST).iter().rev() {
        match remove_empty(trace, group) {
            Ok(()) | Err((Errno(libc::ENOENT), _)) => {}
            Err((errno, _)) => left.push((group.clone(), errno)),
        }
    }
    left
}

/// rmdir(2) of a group. While who was in it ends, EBUSY passes by itself: it is tried
/// again, unless somebody in there lives.
pub fn remove_empty(trace: &mut Trace, group: &Path) -> Result<(), (Errno, String)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tried = trace.calls.len();
        match rmdir(trace, group) {
            Err(Errno(libc::EBUSY)) if Instant::now() < deadline && is_deserted(group) => {
                // The attempt that counts is listed.
                trace.calls.truncate(tried);
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other.map_err(|errno| (errno, format!("rmdir {}", group.display()))),
        }
    }
}

/// Whether nobody is in a group and no group below it.
fn is_deserted(group: &Path) -> bool {
    members(group).is_ok_and(|members| members.is_empty()) && below(group, 2).len() == 1
}

/// Moves the program's processes back from their leaf and removes it. What is left.
pub fn leave_leaf(leaf: &Path, back: &Path) -> Vec<(PathBuf, Errno)> {
    let trace = &mut Trace::default();
    for pid in members(leaf).unwrap_or_default() {
        // EBUSY: another lab has groups with controllers there; the leaf stays.
        let _ = write(trace, &back.join("cgroup.procs"), &pid.to_string());
    }
    if members(leaf).is_ok_and(|members| !members.is_empty()) {
        return vec![(leaf.to_owned(), Errno(libc::EBUSY))];
    }
    match remove_empty(trace, leaf) {
        Ok(()) | Err((Errno(libc::ENOENT), _)) => Vec::new(),
        Err((errno, _)) => vec![(leaf.to_owned(), errno)],
    }
}

/// Ends the groups that a dead keeper's journal names: how many processes were killed,
/// and what is left.
pub fn sweep(lab: &str, lines: &[Line]) -> (usize, Vec<(PathBuf, Errno)>) {
    let mut left = Vec::new();
    let groups =
        lines.iter().filter_map(|line| if let Line::Group { path } = line { Some(path.clone()) } else { None });
    let noted: Vec<PathBuf> = groups.filter(|path| is_labs(path, lab)).collect();
    let groups: Vec<PathBuf> = noted.iter().filter(|path| is_group(path)).cloned().collect();
    let killed = kill_all(&groups);
    for path in &groups {
        left.extend(remove_tree(path));
    }
    let mut places: BTreeMap<&Path, Vec<String>> =
        noted.iter().filter_map(|path| Some((path.parent()?, Vec::new()))).collect();
    for line in lines {
        if let Line::Enabled { path, controllers } = line {
            places.entry(path).or_default().extend_from_slice(controllers);
        }
    }
    for (place, enabled) in places.into_iter().filter(|(place, _)| is_group(place)) {
        settle(place, lab, &enabled);
    }
    // A group that gives controllers to others takes nobody back.
    for line in lines {
        if let Line::Leaf { path, back } = line
            && is_labs(path, lab)
            && is_group(path)
            && path.parent() == Some(back)
        {
            left.extend(leave_leaf(path, back));
        }
    }
    (killed, left)
}

/// Whether a directory is one of a cgroup tree, statfs(2).
fn is_group(path: &Path) -> bool {
    statfs(path).is_ok_and(|fs| [CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC].contains(&fs.filesystem_type()))
}
