//! Operations on control groups. Groups are named from the lab's own group on, and
//! files and values as version 2 has them; the lab finds those of version 1.

use serde::{Deserialize, Serialize};

/// A controller that a group may be made with, by its name in version 2; or what every
/// group of version 2 has and version 1 has a controller for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// Time of the CPUs (v1: `cpu` and `cpuacct`).
    Cpu,
    /// Which CPUs and memory nodes.
    Cpuset,
    /// Block devices (v1: `blkio`).
    Io,
    /// Memory.
    Memory,
    /// How many processes and threads.
    Pids,
    /// Huge pages.
    Hugetlb,
    /// RDMA devices.
    Rdma,
    /// Scarce resources of the machine; version 2 alone.
    Misc,
    /// Access to devices (v1: a controller; v2: a program of bpf(2)).
    Devices,
    /// Freezing (v1: a controller; v2: every group can).
    Freezer,
}

impl Controller {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuset => "cpuset",
            Self::Io => "io",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Hugetlb => "hugetlb",
            Self::Rdma => "rdma",
            Self::Misc => "misc",
            Self::Devices => "devices",
            Self::Freezer => "freezer",
        }
    }
}

/// What can be done with a group. `group`: `box`, or `box/inner` for one below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CgroupOp {
    /// `cgroup = { create = "box", controllers = ["memory"] }`: mkdir(2), and before it,
    /// in version 2, the controllers enabled in the group above.
    Create {
        /// The group.
        group: String,
        /// What it can limit and account; in version 1: in which trees it is made.
        controllers: Vec<Controller>,
    },
    /// `cgroup = { set = "memory.max", of = "box", to = "64M" }`: write(2).
    Set {
        /// The group.
        group: String,
        /// The file, by its name in version 2.
        file: String,
        /// What is written, as version 2 takes it; `{disk}` is the number of the disk
        /// that the system's files are on.
        to: String,
    },
    /// `cgroup = { join = "box" }`: the actor enters it, in every tree that has it.
    Join {
        /// The group.
        group: String,
    },
    /// `cgroup = { leave = true }`: the actor goes back to where the lab's processes
    /// were, from every group of the lab.
    Leave,
    /// `cgroup = { freeze = "box" }`: and waits until all have stopped.
    Freeze {
        /// The group.
        group: String,
    },
    /// `cgroup = { thaw = "box" }`.
    Thaw {
        /// The group.
        group: String,
    },
    /// `cgroup = { kill = "box" }`: every member, and those of the groups below.
    Kill {
        /// The group.
        group: String,
    },
    /// `cgroup = { remove = "box" }`: rmdir(2). EBUSY while it has members or groups
    /// below it.
    Remove {
        /// The group.
        group: String,
    },
    /// `cgroup = { devices = "box", allow = ["c 1:3 rw"] }`: no other device can be
    /// opened or made by its members.
    Devices {
        /// The group.
        group: String,
        /// What may be.
        allow: Vec<DeviceRule>,
    },
    /// `cgroup = { delegate = "box" }`: the group is given to the one who is root in the
    /// actor's user namespace, chown(2).
    Delegate {
        /// The group.
        group: String,
    },
}

/// Devices that may be used, as version 1's `devices.allow` takes it: `c 1:3 rwm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    /// `a` (all), `b` (block) or `c` (character).
    pub kind: char,
    /// The major number; nothing for all.
    pub major: Option<u32>,
    /// The minor number; nothing for all.
    pub minor: Option<u32>,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be made, mknod(2).
    pub mknod: bool,
}

impl DeviceRule {
    /// Reads `c 1:3 rwm`, `b *:* m`, or `a`.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (kind, numbers, access) = match words[..] {
            ["a"] => ("a", "*:*", "rwm"),
            [kind @ ("b" | "c" | "a"), numbers, access] => (kind, numbers, access),
            _ => return None,
        };
        let (major, minor) = numbers.split_once(':')?;
        let number = |text: &str| match text {
            "*" => Some(None),
            // The kernel's: 12 bits and 20.
            number => number.parse::<u32>().ok().filter(|number| *number < 1 << 20).map(Some),
        };
        let mut seen: Vec<char> = access.chars().collect();
        seen.sort_unstable();
        seen.dedup();
        let known = !access.is_empty() && seen.len() == access.len() && access.chars().all(|one| "rwm".contains(one));
        known.then_some(())?;
        Some(Self {
            kind: kind.chars().next()?,
            major: number(major)?,
            minor: number(minor)?,
            read: access.contains('r'),
            write: access.contains('w'),
            mknod: access.contains('m'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_devices_is_read_as_the_kernel_writes_it() {
        let rule = |kind, major, minor, access: &str| DeviceRule {
            kind,
            major,
            minor,
            read: access.contains('r'),
            write: access.contains('w'),
            mknod: access.contains('m'),
        };
        assert_eq!(DeviceRule::parse("c 1:3 rwm"), Some(rule('c', Some(1), Some(3), "rwm")));
        assert_eq!(DeviceRule::parse("b *:* m"), Some(rule('b', None, None, "m")));
        assert_eq!(DeviceRule::parse("c 136:* rw"), Some(rule('c', Some(136), None, "rw")));
        for all in ["a", "a *:* rwm"] {
            assert_eq!(DeviceRule::parse(all), Some(rule('a', None, None, "rwm")));
        }
        for wrong in ["", "c", "c 1:3", "d 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 rr", "c 1:x r", "c 1:3 r w", "c -1:3 r"] {
            assert_eq!(DeviceRule::parse(wrong), None, "{wrong}");
        }
    }
}
