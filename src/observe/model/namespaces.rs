//! The namespaces of a snapshot.

use serde::Serialize;

use super::Reading;
use crate::lesson::op::NsKind;

/// The namespaces that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Namespaces {
    /// Each user namespace, then its children with what is below them, then what it owns
    /// itself: by kind and number.
    pub list: Vec<Namespace>,
    /// How many processes may not be asked for theirs (EACCES: ptrace(2)).
    pub denied: u32,
    /// How many have not been asked yet: of a crowd, some at a time.
    pub pending: u32,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// Of which type.
    pub kind: NsKind,
    /// Its inode number, which is its name.
    pub inode: u64,
    /// The user namespace that owns it (of a user namespace: its parent), ioctl_ns(2)
    /// NS_GET_USERNS; EPERM where that is outside the program's own.
    pub owner: Reading<u64>,
    /// Of a user namespace: who made it (NS_GET_OWNER_UID), in the program's ids.
    pub uid: Option<u32>,
    /// How many user namespaces are above it in the list.
    pub depth: u32,
    /// How many processes are in it.
    pub members: u32,
    /// The first of them, by PID on the host.
    pub pids: Vec<u32>,
    /// What else keeps it there.
    pub held: Vec<Held>,
}

/// What keeps a namespace there when nobody is in it, namespaces(7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Held {
    /// How.
    pub by: Holding,
    /// The process that has the descriptor, or sees the mount; nothing for the
    /// program's own mounts.
    pub pid: Option<u32>,
    /// The mount point, or the number of the descriptor.
    pub at: String,
}

/// How a namespace is kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holding {
    /// By a bind mount of its file.
    Mount,
    /// By an open descriptor.
    Descriptor,
}
