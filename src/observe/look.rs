//! What a side is asked for: which parts of a view, which files, and where the
//! program is found. The sampler asks itself so for the host's side, and actors and
//! observers by way of the keeper, to whom question and answer are bytes.

use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use super::model::{Unread, View};
use super::proc::ProcDir;
use crate::kernel::{Errno, read};

/// The parts of a view, and of a snapshot, that cost much and are looked at seldom.
/// What is not among them is read each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sections(u8);

impl Sections {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// The list of processes.
    pub const PROCESSES: Self = Self(1);
    /// Mounts, overlays and volumes.
    pub const MOUNTS: Self = Self(2);
    /// Interfaces, routes and listening sockets.
    pub const NET: Self = Self(4);
    /// IPC objects and their limits; the mounts with them, for the queues.
    pub const IPC: Self = Self(8 | 2);
    /// The owners of the namespaces, and who is in which.
    pub const NAMESPACES: Self = Self(16);
    /// What descends from the program, with namespaces and directories.
    pub const LAB: Self = Self(32);
    /// What the actors say at all.
    pub const ACTORS: Self = Self(64);
    /// All.
    pub const ALL: Self = Self(127);

    /// Whether all of `other` are among these.
    pub fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that a text with paths into a snapshot may speak of: whatever it could be
    /// that is not among them, it is not named. All where the text has a `..` or a `*`.
    pub fn named_in(text: &str) -> Self {
        const NAMES: [(Sections, &[&str]); 7] = [
            (Sections::PROCESSES, &["processes"]),
            (Sections::MOUNTS, &["mounts", "overlays", "volumes"]),
            (Sections::NET, &["net"]),
            (Sections::IPC, &["ipc"]),
            (Sections::NAMESPACES, &["owners", "namespaces"]),
            (Sections::LAB, &["lab"]),
            (Sections::ACTORS, &["actors"]),
        ];
        if ["$..", "$.*", "$[*", ".host.*", ".host..", ".seen.*", ".seen.."].iter().any(|wide| text.contains(wide)) {
            return Self::ALL;
        }
        let step = |name: &str| ['.', '\'', '"'].iter().any(|before| text.contains(&format!("{before}{name}")));
        let named = NAMES.iter().filter(|(_, names)| names.iter().any(|name| step(name)));
        named.fold(Self::NONE, |all, (sections, _)| all | *sections)
    }
}

impl BitOr for Sections {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where the program is found: its PID, and what that number is of. Another reader
/// has the same number for it in the same procfs, or in another of the same PID
/// namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The PID.
    pub pid: u32,
    /// The device number of the procfs, stat(2): each mount of one has its own
    /// (before Linux 5.8, each PID namespace).
    pub procfs: u64,
    /// The inode of the PID namespace.
    pub namespace: u64,
    /// Whether that procfs shows everybody to everybody (no `hidepid`, proc(5)).
    pub open: bool,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Absolute paths of files to look at.
    pub files: Vec<String>,
    /// Where the program is found, for those who look again and again: what does not
    /// descend from it may be as it was a moment ago.
    pub program: Option<Whereabouts>,
    /// What to read.
    pub sections: Sections,
    /// The control group, too: where a lesson is about groups.
    pub group: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { files: Vec::new(), group: false, program: None, sections: Sections::ALL }
    }
}

impl Look {
    /// For the keeper's protocol.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Bytes that are no question ask for everything.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        postcard::from_bytes(bytes).unwrap_or_default()
    }

    /// Asks for no processes where the program lists those of this procfs already: they
    /// are the same for all that read it, but for the numbers and names of users.
    pub(super) fn leave_the_crowd(&mut self, proc: Result<&ProcDir, &Unread>) {
        let procfs = proc.ok().and_then(|proc| Some(read::stat(proc.fd()).ok()?.st_dev));
        let listed = self.program.is_some_and(|program| program.open && Some(program.procfs) == procfs);
        if listed {
            self.sections = self.sections.without(Sections::PROCESSES);
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What was seen.
    pub view: View,
    /// The parts that were read; the others are empty.
    pub sections: Sections,
}

impl Told {
    /// For the keeper's protocol; empty bytes, which do not decode, should that fail.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// An answer that came from an actor or an observer; EPROTO where the bytes are
    /// none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Errno> {
        postcard::from_bytes(bytes).map_err(|_| Errno(libc::EPROTO))
    }
}

impl View {
    /// Takes the parts that were not read from what was seen before.
    pub(super) fn keep(&mut self, told: Sections, before: &Self) {
        if !told.contain(Sections::MOUNTS) {
            self.mounts.clone_from(&before.mounts);
            self.overlays.clone_from(&before.overlays);
            self.volumes.clone_from(&before.volumes);
        }
        if !told.contain(Sections::NET) {
            self.net.clone_from(&before.net);
        }
        if !told.contain(Sections::IPC) {
            self.ipc.clone_from(&before.ipc);
        }
        if !told.contain(Sections::NAMESPACES) {
            self.owners.clone_from(&before.owners);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_sections_on_its_way() {
        let named = Sections::named_in;
        assert_eq!(named("$.cgroups.groups.box.members"), Sections::NONE);
        assert_eq!(named("$.actors.box.seen.uts.hostname"), Sections::ACTORS);
        assert_eq!(named("$.host.processes[?@.pid==1]"), Sections::PROCESSES);
        let inside = |section| section | Sections::ACTORS;
        assert_eq!(named("$.actors.box.seen.net.links and $['lab'][0].root"), inside(Sections::NET | Sections::LAB));
        assert_eq!(named("$.actors.box.seen['ipc'].shm"), inside(Sections::IPC));
        assert_eq!(named("$.actors.box.seen.overlays[0]"), inside(Sections::MOUNTS));
    }

    #[test]
    fn a_path_that_may_lead_anywhere_names_them_all() {
        for wide in ["$..pid", "$.host.*", "$.actors.box.seen..name", "$[*].net"] {
            assert_eq!(Sections::named_in(wide), Sections::ALL, "{wide}");
        }
    }
}
