//! What a lab could have left on this machine: read before and after, and compared.
//! Used by `lesson lint` and by the project's own tests; changes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::lab::journal;

/// What is on the machine that a lab could have left, as far as it can be this
/// process's: others may have labs of their own at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    groups: BTreeSet<String>,
    host: BTreeSet<String>,
    orphans: BTreeSet<String>,
}

impl Left {
    /// As it is now.
    pub fn now() -> Self {
        Self {
            // A Debian for the virtual machines (tests/vm) may be in the making.
            mounts: lines("/proc/self/mountinfo").filter(|line| !line.contains("/mmdebstrap.")).collect(),
            links: lines("/proc/self/net/dev")
                .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim().to_owned()))
                .collect(),
            groups: groups_of(std::process::id()),
            host: lines("/proc/sys/kernel/hostname").collect(),
            orphans: orphans(),
        }
    }

    /// What has come (`+`) or gone (`-`) since, a line each, and still has after so
    /// long: processes that are on their way out get that time.
    pub fn since(&self, patience: Duration) -> Vec<String> {
        let deadline = Instant::now() + patience;
        loop {
            let changes = self.changes(&Self::now());
            if changes.is_empty() || Instant::now() >= deadline {
                return changes;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn changes(&self, now: &Self) -> Vec<String> {
        let pairs = [
            ("mount", &self.mounts, &now.mounts),
            ("link", &self.links, &now.links),
            ("cgroup", &self.groups, &now.groups),
            ("hostname", &self.host, &now.host),
            ("process", &self.orphans, &now.orphans),
        ];
        let mut changes = Vec::new();
        for (kind, before, after) in pairs {
            changes.extend(after.difference(before).map(|one| format!("+ {kind} {one}")));
            // That a process has ended is as it should be.
            let gone = before.difference(after).filter(|_| kind != "process");
            changes.extend(gone.map(|one| format!("- {kind} {one}")));
        }
        changes
    }
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Groups that the labs of one run of the program made, in any tree (their names start
/// with its PID), but for labs that are there still.
pub fn groups_of(program: u32) -> BTreeSet<String> {
    let own = format!("cloison-{program:x}-");
    let base = journal::base();
    let is_over = |group: &str| {
        let lab = group.split('-').skip(1).take(2).collect::<Vec<_>>().join("-");
        !base.join(lab).exists()
    };
    let mut found = BTreeSet::new();
    let mut waiting = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(&own) && is_over(&name) {
                    found.insert(entry.path().display().to_string());
                }
                waiting.push(entry.path());
            }
        }
    }
    found
}

/// Processes of labs whose keeper is gone: they carry the marker, and their parent
/// is the machine's init or this process.
fn orphans() -> BTreeSet<String> {
    let me = std::process::id();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let marked = environment.split(|byte| *byte == 0).any(|pair| pair.starts_with(b"CLOISON_LAB="));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
        if marked && (parent == Some(1) || parent == Some(me)) {
            found.insert(pid.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_went_is_told_and_a_process_that_ended_is_not() {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let left = |mounts: &[&str], host: &str, orphans: &[&str]| Left {
            mounts: set(mounts),
            links: set(&["lo"]),
            groups: set(&[]),
            host: set(&[host]),
            orphans: set(orphans),
        };
        let before = left(&["a", "b"], "here", &["7"]);
        assert_eq!(before.changes(&before), [""; 0]);
        assert_eq!(before.changes(&left(&["a", "b"], "here", &[])), [""; 0]);
        let after = left(&["a", "c"], "there", &["7", "8"]);
        let told = ["+ mount c", "- mount b", "+ hostname there", "- hostname here", "+ process 8"];
        assert_eq!(before.changes(&after), told);
    }
}
