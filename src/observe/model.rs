//! The snapshot: one structure for panes, checks and JSON. A field that could not
//! be read is a value that says so. Lists are in a fixed order. Nothing here is
//! skipped when serialised: the same types cross the keeper's protocol (postcard).

mod namespaces;
mod net;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use super::caps::{CapSet, Caps, Securebits};
pub use super::cgroups::{Cgroups, Group, GroupFile};
pub use super::clocks::{Clocks, TimeOffsets};
pub use super::ipc::{Ipc, IpcKind, Mqueue, Msg, Queue, Sem, Shm};
use super::layers::{Overlay, Volume};
use crate::i18n::Lang;
use crate::kernel::{Errno, Filters, Traced};
use crate::lesson::op::NsKind;

pub use super::family::{LabProcess, Place};
pub use namespaces::{Held, Holding, Namespace, Namespaces};
pub use net::{Address, Link, Listener, Neighbour, Net, Peer, Route};

/// A value read from the kernel, or why it could not be.
///
/// In JSON a value stands for itself, and a failure is
/// `{"unread": {"path": …, "errno": "EACCES", "reason": …}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// What the kernel said.
    Read(T),
    /// Why there is nothing.
    Unread(Unread),
}

/// Why a value could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The file or call.
    pub path: String,
    /// The error number.
    pub errno: Errno,
}

impl<T> Reading<T> {
    /// The value, where there is one.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Unread(_) => None,
        }
    }

    /// What comes of the value, where there is one; else the same reason.
    pub fn then<U>(&self, convert: impl FnOnce(&T) -> Result<U, Unread>) -> Reading<U> {
        match self {
            Self::Read(value) => match convert(value) {
                Ok(value) => Reading::Read(value),
                Err(unread) => Reading::Unread(unread),
            },
            Self::Unread(unread) => Reading::Unread(unread.clone()),
        }
    }
}

impl<T: Serialize> Serialize for Reading<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            unread: JsonUnread<'a>,
        }
        #[derive(Serialize)]
        struct JsonUnread<'a> {
            path: &'a str,
            errno: String,
            reason: String,
        }
        if serializer.is_human_readable() {
            return match self {
                Self::Read(value) => value.serialize(serializer),
                Self::Unread(unread) => Json {
                    unread: JsonUnread {
                        path: &unread.path,
                        errno: unread.errno.symbol(),
                        reason: unread.errno.to_string(),
                    },
                }
                .serialize(serializer),
            };
        }
        match self {
            Self::Read(value) => Ok::<&T, &Unread>(value).serialize(serializer),
            Self::Unread(unread) => Err::<&T, &Unread>(unread).serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reading<T> {
    /// Only for the keeper's protocol; JSON is written, never read back.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Result::<T, Unread>::deserialize(deserializer)? {
            Ok(value) => Self::Read(value),
            Err(unread) => Self::Unread(unread),
        })
    }
}

/// The machine at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// When it was taken: microseconds of CLOCK_MONOTONIC.
    pub taken: u64,
    /// The host's side: what the program itself sees.
    pub host: View,
    /// Each actor, by name.
    pub actors: BTreeMap<String, ActorView>,
    /// What descends from this program (its keeper, the actors, the commands of
    /// shells), by PID; at most the first 64.
    pub lab: Vec<LabProcess>,
    /// The calls of traced commands, by the actor that they run in, `host` among
    /// them; empty where nothing was traced.
    #[serde(serialize_with = "super::traced::as_json")]
    pub traced: BTreeMap<String, Traced>,
    /// The seccomp filters that actors have put on themselves, by actor; empty where none
    /// has.
    #[serde(serialize_with = "super::filters::as_json")]
    pub filters: BTreeMap<String, Filters>,
    /// The machine's security modules.
    pub lsm: super::lsm::Modules,
    /// The namespaces of the processes that the program may look at, and those held
    /// without a process.
    pub namespaces: Namespaces,
    /// The control groups, where a lesson is about them.
    pub cgroups: Option<Cgroups>,
}

impl Snapshot {
    /// Whether all is as in another one that the panes show: not when it was taken, nor
    /// what only checks read.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.host == other.host
            && self.actors == other.actors
            && self.traced == other.traced
            && self.filters == other.filters
            && self.cgroups == other.cgroups
    }
}

/// An actor, or a process inspected: from outside, and its own view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActorView {
    /// The PID that the host knows it by.
    pub pid: u32,
    /// Whether it still runs.
    pub alive: bool,
    /// How it ended, in words (`SIGKILL`, `exit 0`), once it has; nothing where nobody
    /// could be asked.
    pub exit: Option<String>,
    /// Its namespaces, read from outside: inode numbers by name (`uts`).
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// Its dimensions of isolation, each compared with the host, with evidence.
    pub walls: BTreeMap<Wall, WallState>,
    /// Its id maps, read from outside: `outside` are the reader's ids, however
    /// deep it is nested. The names are those that the host gives to them.
    pub users: Reading<Users>,
    /// Lines of /proc/PID/cgroup, read from outside: the paths start at the root of
    /// the reader's cgroup namespace, cgroup_namespaces(7).
    pub cgroup: Reading<BTreeMap<String, String>>,
    /// The lesson's files below its root directory, as the host sees them.
    pub files: BTreeMap<String, Reading<FileSeen>>,
    /// What it sees by its own system calls, from inside.
    pub seen: Reading<View>,
    /// When `seen` was taken, where that is older than the snapshot (the actor
    /// is frozen, stopped, dead): microseconds of CLOCK_MONOTONIC.
    pub stale: Option<u64>,
}

/// One dimension in which a process is or is not separated from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// Root directory.
    Root,
    /// Mount namespace.
    Mnt,
    /// UTS namespace.
    Uts,
    /// IPC namespace.
    Ipc,
    /// PID namespace.
    Pid,
    /// Network namespace.
    Net,
    /// User namespace.
    User,
    /// Cgroup namespace.
    Cgroup,
    /// Time namespace.
    Time,
    /// Limits of the cgroup it is in.
    Limits,
    /// Capabilities: fewer than the host's root has, or over less.
    Caps,
    /// Seccomp filters.
    Seccomp,
    /// The no_new_privs bit.
    NoNewPrivs,
    /// A Linux security module's confinement.
    Lsm,
}

impl Wall {
    /// All, in the order of the gauge.
    pub const ALL: [Self; 14] = [
        Self::Root,
        Self::Mnt,
        Self::Uts,
        Self::Ipc,
        Self::Pid,
        Self::Net,
        Self::User,
        Self::Cgroup,
        Self::Time,
        Self::Limits,
        Self::Caps,
        Self::Seccomp,
        Self::NoNewPrivs,
        Self::Lsm,
    ];

    /// Its name: the kernel's word where there is one.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Root => lang.pick("root", "racine"),
            Self::Mnt => "mnt",
            Self::Uts => "uts",
            Self::Ipc => "ipc",
            Self::Pid => "pid",
            Self::Net => "net",
            Self::User => "user",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
            Self::Limits => lang.pick("limits", "limites"),
            Self::Caps => "caps",
            Self::Seccomp => "seccomp",
            Self::NoNewPrivs => "no_new_privs",
            Self::Lsm => "lsm",
        }
    }
}

/// A wall's state and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WallState {
    /// Open, built, or not to be known.
    pub state: Built,
    /// The host's side of the evidence (`4026531838`).
    pub host: String,
    /// The actor's side (`4026532201`).
    pub actor: String,
}

/// Whether a wall stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Built {
    /// Shared with the host.
    Open,
    /// Separate from the host.
    Built,
    /// Could not be read, or this kernel has none; the evidence says which.
    Unknown,
}

/// One side: what one process sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Who the viewer is.
    pub ids: Reading<Ids>,
    /// Host and domain name.
    pub uts: Reading<Uts>,
    /// The viewer's namespaces: inode numbers, by its own /proc/self/ns.
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// The user namespace that owns each of them (ioctl_ns(2), NS_GET_USERNS):
    /// inode numbers; EPERM where the owner is outside the viewer's own.
    pub owners: BTreeMap<NsKind, Reading<u64>>,
    /// The processes in its /proc, by PID.
    pub processes: Reading<Vec<Arc<Process>>>,
    /// Its mounts, in the order of mountinfo.
    pub mounts: Reading<Arc<Vec<Mount>>>,
    /// The overlays among them, and which file is in which layer.
    pub overlays: Vec<Overlay>,
    /// The volumes among them (on the host: those of the actors), and their files.
    pub volumes: Vec<Volume>,
    /// Its user and group maps, and the names that it knows.
    pub users: Reading<Users>,
    /// Its root directory.
    pub root: Reading<Root>,
    /// Its capabilities: over the objects of its user namespace, `ns.user`.
    pub caps: Reading<Caps>,
    /// Its securebits, which the kernel tells to nobody else.
    pub securebits: Reading<Securebits>,
    /// Seccomp mode: 0 none, 1 strict, 2 filter (proc_pid_status(5)).
    pub seccomp: Reading<u32>,
    /// How many seccomp filters there are, one upon the other (Linux 5.9).
    pub filters: Reading<u32>,
    /// The no_new_privs bit.
    pub no_new_privs: Reading<bool>,
    /// Lines of /proc/self/cgroup, by controller list ("" for cgroup2).
    pub cgroup: Reading<BTreeMap<String, String>>,
    /// Lines of /proc/1/cgroup: a process elsewhere, whose paths start where the
    /// viewer's cgroup namespace does.
    pub init_cgroup: Reading<BTreeMap<String, String>>,
    /// The objects of its IPC namespace.
    pub ipc: Ipc,
    /// What its clocks say.
    pub clocks: Clocks,
    /// Offsets of the clocks that its children will have, which are its own unless
    /// it has just unshared a time namespace, time_namespaces(7).
    pub time: Reading<TimeOffsets>,
    /// Security module's label (/proc/self/attr/current), trimmed.
    pub lsm: Reading<String>,
    /// The lesson's files, by path in its root directory, links not followed; those
    /// that are not there are left out.
    pub files: BTreeMap<String, Reading<FileSeen>>,
    /// Its network namespace.
    pub net: Net,
    /// The control group that it is in, through the trees that it sees; where a lesson
    /// is about groups.
    pub group: Option<Reading<Group>>,
}

/// A process's own ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// Its PID in its own PID namespace (getpid(2)).
    pub pid: u32,
    /// Its parent's there; 0 when the parent is outside.
    pub ppid: u32,
    /// Effective user id, in its own user namespace.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// The name its own user database gives the uid.
    pub user: Option<String>,
}

/// uname(2)'s names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uts {
    /// Host name.
    pub hostname: String,
    /// NIS domain name; `(none)` at first.
    pub domainname: String,
    /// The kernel's release: the same on both sides, always.
    pub release: String,
}

/// A process, as one /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// PID in the namespace of the /proc that was read.
    pub pid: u32,
    /// Parent's PID there; 0 for one outside.
    pub ppid: u32,
    /// PIDs in each namespace, from that /proc's inwards (NSpid).
    pub nspid: Vec<u32>,
    /// The innermost PID namespace. Read only where `nspid` has more than one; else
    /// it is that of the /proc, known where that is the viewer's own.
    pub pid_ns: Option<u64>,
    /// Effective user id, as mapped for the viewer.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// The name of the uid in the viewer's user database.
    pub user: Option<String>,
    /// State letter, proc_pid_stat(5).
    pub state: char,
    /// The thread's name, at most 15 bytes; may hold anything.
    pub name: String,
    /// The arguments, joined by spaces; empty for kernel threads and zombies.
    pub command: String,
}

/// A process for tests.
#[cfg(test)]
pub(super) fn sample(pid: u32, ppid: u32) -> Process {
    Process {
        pid,
        ppid,
        nspid: vec![pid],
        pid_ns: None,
        uid: 0,
        gid: 0,
        user: None,
        state: 'S',
        name: "p".to_owned(),
        command: String::new(),
    }
}

/// A line of mountinfo, proc_pid_mountinfo(5), unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Mount id.
    pub id: u32,
    /// The parent mount's.
    pub parent: u32,
    /// `major:minor` of the file system.
    pub device: String,
    /// The directory of the file system that is mounted.
    pub root: String,
    /// Where, relative to the viewer's root.
    pub target: String,
    /// Per-mount options.
    pub options: String,
    /// `shared:N`, `master:N`, `propagate_from:N`, `unbindable`; empty: private.
    pub propagation: Vec<String>,
    /// File system type.
    pub fstype: String,
    /// Its source.
    pub source: String,
}

/// A file, as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// Owner, in the viewer's user namespace: the overflow uid where it has none there.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The name of the uid in the viewer's user database.
    pub user: Option<String>,
    /// What it is and who may what, as ls(1) shows it: `-rw-r--r--`.
    pub mode: String,
    /// Size in bytes.
    pub size: u64,
    /// Device number of its file system, stat(2).
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

/// Who is who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// /proc/self/uid_map; empty while unwritten.
    pub uid_map: Vec<IdRange>,
    /// /proc/self/gid_map.
    pub gid_map: Vec<IdRange>,
    /// /proc/self/setgroups: `allow` or `deny`.
    pub setgroups: String,
    /// Names of the uids in use (processes, maps), from the viewer's passwd.
    pub names: BTreeMap<u32, String>,
}

/// A line of an id map, user_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// First id in the namespace.
    pub inside: u32,
    /// First id outside, as seen by the reader.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// The identity of a root directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Device number of "/" (stat(2)).
    pub device: u64,
    /// Inode of "/".
    pub inode: u64,
}
