//! What the tests on the real kernel share.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test file uses its own part of this")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

/// What is on the machine that a lab could have left, as far as it can be this
/// test's: tests run side by side, and each has labs of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    cgroups: BTreeSet<String>,
    host: String,
    children: BTreeSet<u32>,
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
            cgroups: groups_of(std::process::id()),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(),
            children: orphans(),
        }
    }

    /// Fails where something came or went since; processes that are on their way out
    /// get a moment.
    pub fn assert_same(&self) {
        let deadline = Instant::now() + super::slow::seconds(20);
        loop {
            let now = Self::now();
            if now.mounts == self.mounts
                && now.links == self.links
                && now.cgroups == self.cgroups
                && now.host == self.host
                && now.children.is_subset(&self.children)
            {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {self:#?} became {now:#?}");
            std::thread::yield_now();
        }
    }
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Groups that the labs of one run of the program made, in any tree (their names start
/// with its PID), but for labs that are there still.
pub fn groups_of(program: u32) -> BTreeSet<String> {
    let own = format!("cloison-{program:x}-");
    let base = cloison::lab::journal::base();
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
fn orphans() -> BTreeSet<u32> {
    let me = std::process::id();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let marked = environment.split(|byte| *byte == 0).any(|pair| pair.starts_with(b"CLOISON_LAB="));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
        if marked && (parent == Some(1) || parent == Some(me)) {
            found.insert(pid);
        }
    }
    found
}
