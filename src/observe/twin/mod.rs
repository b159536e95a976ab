//! Twin rows: one kernel object with both of its faces, the host's and the box's.
//! Pure functions of two views, for the panes and for what counts changes; nothing
//! is read here.

mod caps;
mod cgroup;
mod clocks;
mod group_files;
mod groups;
mod ipc;
mod mounts;
mod names;
mod namespaces;
mod net;
mod processes;
mod users;

pub use caps::{CapFace, caps};
pub use cgroup::{Path, cgroup};
pub use clocks::{Reads, clocks, offset, span};
pub use group_files::{About, FileRow, Unit, quantity, share};
pub(super) use groups::group_changes;
pub use groups::{GroupRow, Groups, Lack, Member, file_key, group_key, groups, is_frozen};
pub use ipc::{IpcFace, ipc};
pub use mounts::{MountFace, Passes, mounts};
pub use names::names;
pub use namespaces::{NamespaceFace, namespaces};
pub(super) use net::key_of_route;
pub use net::{NetFace, Other, net};
pub use processes::processes;
pub use users::{UserFace, UsersTwin, users};

use super::model::{IpcKind, Wall};
use crate::lesson::op::NsKind;

/// Which side of the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The host's.
    Host,
    /// The box's.
    Inside,
}

/// One object or field of one side, by what stays the same while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A process, by its PID on that side.
    Process(u32),
    /// A user, by uid on that side.
    User(u32),
    /// A mount, by mount id on that side.
    Mount(u32),
    /// The host name.
    Hostname,
    /// The NIS domain name.
    Domainname,
    /// The kernel's release.
    Release,
    /// The viewer's own ids.
    Ids,
    /// The uid map.
    UidMap,
    /// The gid map.
    GidMap,
    /// Whether setgroups(2) is allowed.
    Setgroups,
    /// The root directory.
    Root,
    /// The capability sets.
    Caps,
    /// A capability, by its number: the sets that it is in.
    Capability(u8),
    /// The securebits.
    Securebits,
    /// The seccomp mode.
    Seccomp,
    /// An instruction of a seccomp filter: which filter, and its number there.
    Instruction(usize, usize),
    /// A call that a filter refused lately, by its place among them.
    Refused(usize),
    /// The no_new_privs bit.
    NoNewPrivs,
    /// The cgroup paths that a side reads of itself.
    Cgroup,
    /// The cgroup paths of an actor, read from outside.
    Group,
    /// A control group, by a hash of its name.
    CgroupDir(u64),
    /// What one of its files says, by a hash of where it is.
    CgroupFile(u64),
    /// The path of the viewer in one cgroup tree, by its place in the list.
    Tree(u32),
    /// That of the first process of the /proc.
    TreeOfInit(u32),
    /// An object of an IPC namespace: its kind, and its id or inode.
    Ipc(IpcKind, u64),
    /// Every object of a kind, where the list as a whole could or could not be read.
    IpcObjects,
    /// A clock, or its offset, by its place in the list.
    Clock(u32),
    /// The clock offsets.
    Time,
    /// The security module's label.
    Lsm,
    /// A namespace of the viewer's.
    Ns(NsKind),
    /// A namespace, by its inode number.
    Namespace(u64),
    /// A range of the uid map, by its first id inside.
    UidRange(u32),
    /// A range of the gid map.
    GidRange(u32),
    /// The owner of a file of the lesson's, by the place of its path among them.
    Owner(usize),
    /// A wall of an actor.
    Wall(Wall),
    /// Whether an actor runs, and how it ended.
    Life,
    /// A file of an overlay or of a volume, by a hash of where it is.
    File(u64),
    /// Every process, where the list as a whole could or could not be read.
    Processes,
    /// Every mount, likewise.
    Mounts,
    /// An interface and its addresses, by index on that side.
    Link(u32),
    /// A socket that waits for others, by inode.
    Listener(u32),
    /// A route, by a number made of all that it says.
    Route(u64),
    /// Interfaces, sockets or routes as a whole, likewise.
    Net,
}

/// What a row is known by while it lasts: its host face, or its box face where it
/// has only that. For colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The side that `key` is of.
    pub side: Side,
    /// The face.
    pub key: Key,
}

/// One object, with the faces that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<T> {
    /// Stable while the object lasts.
    pub key: RowKey,
    /// As the host sees it.
    pub host: Option<T>,
    /// As the box sees it.
    pub inside: Option<T>,
    /// Whether it is the actor's own or of its making, also where the box does not
    /// see it.
    pub relevant: bool,
}

/// Rows, those to show first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin<T> {
    /// All rows: those that the box sees in the box's order, then what is the
    /// actor's own but invisible to it, then what only the host sees.
    pub rows: Vec<Row<T>>,
    /// How many of them stand by themselves; the rest folds into one line.
    pub shown: usize,
}

impl<T> Twin<T> {
    /// The rows that stand by themselves.
    pub fn unfolded(&self) -> &[Row<T>] {
        self.rows.get(..self.shown).unwrap_or(&self.rows)
    }

    /// How many rows fold into one line ("214 more, none visible from the box").
    pub fn folded(&self) -> usize {
        self.rows.len().saturating_sub(self.shown)
    }

    /// In that order: seen by the box, the actor's own, the rest.
    fn arranged(seen: Vec<Row<T>>, host_only: Vec<Row<T>>) -> Self {
        let (own, rest): (Vec<_>, Vec<_>) = host_only.into_iter().partition(|row| row.relevant);
        let mut rows = seen;
        rows.extend(own);
        let shown = rows.len();
        rows.extend(rest);
        Self { rows, shown }
    }
}

#[cfg(test)]
mod tests;
