//! Operations: the primitives that a lesson may ask an actor to carry out on
//! itself. To add one: a variant here (with its key in the lesson format), its
//! execution in `lab/ops/`, its wrapper in `kernel/`; nothing else.

mod caps;
mod cgroup;
mod seccomp;

use serde::{Deserialize, Serialize};

pub use caps::{CapSetName, Capability, CapsOp, SECUREBITS};
pub use cgroup::{CgroupOp, Controller, DeviceRule};
pub use seccomp::{LandlockOp, SeccompOp};

/// One of the eight namespace types, see namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NsKind {
    /// User and group ids and capabilities, user_namespaces(7).
    User,
    /// Mounts, mount_namespaces(7).
    Mnt,
    /// Host and domain name, uts_namespaces(7).
    Uts,
    /// System V IPC and POSIX message queues, ipc_namespaces(7).
    Ipc,
    /// Process ids, pid_namespaces(7).
    Pid,
    /// Network devices, addresses, ports, network_namespaces(7).
    Net,
    /// The root of the cgroup view, cgroup_namespaces(7).
    Cgroup,
    /// Offsets of the boottime and monotonic clocks, time_namespaces(7).
    Time,
}

impl NsKind {
    /// All eight, user first: the order in which they are made and entered.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Mnt, Self::Uts, Self::Ipc, Self::Pid, Self::Net, Self::Cgroup, Self::Time];

    /// The name of its file below /proc/PID/ns, and in lessons.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mnt => "mnt",
            Self::Uts => "uts",
            Self::Ipc => "ipc",
            Self::Pid => "pid",
            Self::Net => "net",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }
}

/// How the ids of a new user namespace are mapped to its parent's; always
/// written by the keeper, from the parent namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MapKind {
    /// The actor becomes root inside. For an ordinary user: the single id 0 is
    /// the user's own. Under root: ids 0 to 65535 are an unprivileged range, and
    /// the actor becomes the 0 of that range.
    Root,
    /// The actor keeps its own uid and gid, the only ones mapped.
    Myself,
    /// A range: for an ordinary user by newuidmap(1) from /etc/subuid and
    /// /etc/subgid; under root the full range, every id to itself.
    Range,
}

/// A flag of mount(2), as lessons write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MountFlag {
    /// `MS_RDONLY`.
    Ro,
    /// `MS_NOSUID`.
    Nosuid,
    /// `MS_NODEV`.
    Nodev,
    /// `MS_NOEXEC`.
    Noexec,
    /// `MS_BIND`.
    Bind,
    /// `MS_REC`.
    Rec,
    /// `MS_REMOUNT`.
    Remount,
    /// `MS_PRIVATE`.
    Private,
    /// `MS_SLAVE`.
    Slave,
    /// `MS_SHARED`.
    Shared,
    /// `MS_UNBINDABLE`.
    Unbindable,
    /// `MS_MOVE`.
    Move,
}

/// A flag of shmget(2), as lessons write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShmFlag {
    /// `IPC_CREAT`: make a segment where the key has none.
    Creat,
    /// `IPC_EXCL`: fail where it has one.
    Excl,
}

/// Which root directory to build for an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootKind {
    /// A minimal root out of the host's own directories, bound read-only, in the
    /// actor's own mount namespace (as bubblewrap does): nothing is copied.
    Host,
    /// A directory with copies of the programs named (found on PATH) and of the
    /// libraries that their ELF headers ask for.
    Copy {
        /// Program names, without a path.
        programs: Vec<String>,
        /// Whether the libraries are copied, too: without them no program starts
        /// but a static one.
        libraries: bool,
    },
}

/// One primitive. Texts may hold `{seed.NAME}`, filled in before it is sent to
/// the actor, and paths and arguments `{root}`: the root that the actor built last, and
/// `{volumes}`: where the lab's volumes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `unshare = ["user", "uts"], map = "root"`: unshare(2).
    Unshare {
        /// The namespaces to leave; made in one call.
        kinds: Vec<NsKind>,
        /// With a new user namespace: the maps to write right after.
        map: Option<MapKind>,
    },
    /// `map = "root"`: the maps of the user namespace the actor is in.
    Map {
        /// Which.
        kind: MapKind,
    },
    /// `fork = "init"`: a child of the actor becomes an actor of its own.
    Fork {
        /// The new actor's name.
        child: String,
    },
    /// `mount = { type = "proc", source = "proc", target = "/proc", flags = [], data = "" }`: mount(2).
    Mount {
        /// File system type; empty for binds and propagation changes.
        fstype: String,
        /// Source; empty for none.
        source: String,
        /// Mount point.
        target: String,
        /// Flags.
        flags: Vec<MountFlag>,
        /// File system's own options.
        data: String,
    },
    /// `umount = { target = "/proc", detach = false }`: umount2(2).
    Umount {
        /// Mount point.
        target: String,
        /// `MNT_DETACH`.
        detach: bool,
    },
    /// `root = { from = "host" }` or `root = { programs = ["sh", "ls"] }`.
    Root {
        /// Which.
        kind: RootKind,
    },
    /// `chroot = "{root}"`: chroot(2), then chdir("/").
    Chroot {
        /// The new root directory.
        path: String,
    },
    /// `pivot_root = "{root}"`: pivot_root(2) and the old root detached.
    PivotRoot {
        /// The new root mount.
        path: String,
    },
    /// `mkdir = "{root}/data"`: mkdir(2), with the directories above that are missing.
    Mkdir {
        /// The directory; one that is there already is no failure.
        path: String,
    },
    /// `write = { path = "/layers/base/etc/motd", text = "hello\n" }`: a file with this
    /// text and no other, open(2) and write(2), with the directories above it.
    Write {
        /// The file.
        path: String,
        /// What it holds from then on.
        text: String,
    },
    /// `volume = "notes"`: a directory of the lab's own, `{volumes}/notes`, which
    /// outlives every box. It is given to the one who is root in the actor's user
    /// namespace.
    Volume {
        /// An id.
        name: String,
    },
    /// `hostname = "brume-12"`: sethostname(2).
    Hostname {
        /// At most 64 bytes.
        name: String,
    },
    /// `domainname = "lab"`: setdomainname(2).
    Domainname {
        /// At most 64 bytes.
        name: String,
    },
    /// `setns = { of = "box", kinds = ["uts"] }`: setns(2), user first.
    Setns {
        /// The actor whose namespaces are entered.
        of: String,
        /// Which of them.
        kinds: Vec<NsKind>,
    },
    /// `setns = { at = "/run/uts", kinds = ["uts"] }`, `setns = { held = true, kinds = ["uts"] }`:
    /// setns(2) through a bind mount of the namespace, or the descriptor that the
    /// actor holds.
    SetnsHeld {
        /// Where it is mounted; nothing for a descriptor.
        at: Option<String>,
        /// Which; for a mount the one that it is.
        kinds: Vec<NsKind>,
    },
    /// `hold = { of = "init", kind = "uts", at = "/run/uts" }`: keeps a namespace there
    /// when nobody is in it any more, namespaces(7).
    Hold {
        /// The actor whose namespace it is.
        of: String,
        /// Which of them.
        kind: NsKind,
        /// Where it is bind mounted, on a file that is made; nothing for a descriptor
        /// that the actor keeps open.
        at: Option<String>,
    },
    /// `release = "uts"`: closes the descriptors held of namespaces of this kind.
    Release {
        /// Which.
        kind: NsKind,
    },
    /// `write_map = { of = "inner", uid_map = "1000 0 1" }`: the files of a user
    /// namespace below the actor's own, by hand, user_namespaces(7). In this order:
    Idmap {
        /// The actor whose user namespace it is.
        of: String,
        /// `deny` or `allow`.
        setgroups: Option<String>,
        /// The lines of uid_map.
        uid_map: Option<String>,
        /// The lines of gid_map.
        gid_map: Option<String>,
    },
    /// `clock = { monotonic = 86400, boottime = 86400 }`: the offsets of the time
    /// namespace that the actor's children will be in, time_namespaces(7).
    Clock {
        /// Seconds added to CLOCK_MONOTONIC.
        monotonic: i64,
        /// Seconds added to CLOCK_BOOTTIME.
        boottime: i64,
    },
    /// `shmget = { key = "0xcafe", size = 4096, flags = ["creat"] }`: shmget(2).
    Shmget {
        /// The key, decimal or after `0x`: a number of 32 bits, not 0 (IPC_PRIVATE).
        key: String,
        /// Bytes.
        size: u64,
        /// Flags; none only looks for the segment.
        flags: Vec<ShmFlag>,
    },
    /// `mqueue = "/dev/mqueue"`: mounts the POSIX message queues of the actor's IPC
    /// namespace there, or on /mnt where the machine has no such directory.
    Mqueue {
        /// Mount point.
        target: String,
    },
    /// `run = { argv = ["true"], seconds = 5, background = false, trace = false }`: a
    /// program, run in a child of the actor.
    Run {
        /// Program (looked up on PATH) and arguments; at least one.
        argv: Vec<String>,
        /// Killed after so many seconds.
        seconds: u32,
        /// Leave it running and go on.
        background: bool,
        /// List the system calls that it makes.
        trace: bool,
    },
    /// `kill = { target = "init", signal = "KILL" }`: kill(2) on another actor.
    Kill {
        /// The actor to signal.
        target: String,
        /// Signal name without SIG.
        signal: String,
    },
    /// `link = { … }`: an interface of the actor's network namespace, rtnetlink(7).
    Link(LinkOp),
    /// `address = { dev = "eth0", add = "10.0.0.1/24" }`: an address for a link.
    Address {
        /// The link.
        dev: String,
        /// Address and length of the network's part.
        add: String,
    },
    /// `route = { to = "10.1.0.0/24", via = "10.0.0.2", dev = "eth0" }`: a route.
    Route {
        /// `default`, or a network.
        to: String,
        /// The next host on the way.
        via: Option<String>,
        /// The link.
        dev: Option<String>,
    },
    /// `listen = { at = "127.0.0.1:8080" }`: a TCP socket that listens; a child of the
    /// actor says the actor's name to whoever connects.
    Listen {
        /// Address and port.
        at: String,
    },
    /// `connect = { to = "127.0.0.1:8080", hears = "peer" }`: a TCP connection, which
    /// the actor makes itself.
    Connect {
        /// Address and port.
        to: String,
        /// The actor that must answer.
        hears: Option<String>,
    },
    /// `cgroup = { … }`: a control group of the lab, cgroups(7).
    Cgroup(CgroupOp),
    /// `caps = { … }`, `securebits = […]`, `no_new_privs = true`, `filecap = { … }`,
    /// `become = { … }`: what the actor may do, capabilities(7).
    Caps(CapsOp),
    /// `seccomp = { … }`: a filter on the actor's calls, seccomp(2).
    Seccomp(SeccompOp),
    /// `landlock = { … }`: which files it reaches, landlock(7).
    Landlock(LandlockOp),
}

/// What can be done with an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkOp {
    /// `link = { veth = "eth0", peer = { actor = "peer", name = "eth0" } }`: a pair,
    /// one end here, one in another actor's network namespace; veth(4).
    Veth {
        /// The end here.
        name: String,
        /// The actor whose network namespace gets the other end.
        actor: String,
        /// Its name there.
        peer: String,
    },
    /// `link = { bridge = "br0" }`.
    Bridge {
        /// Its name.
        name: String,
    },
    /// `link = { up = "lo" }`.
    Up {
        /// The link.
        name: String,
    },
    /// `link = { down = "lo" }`.
    Down {
        /// The link.
        name: String,
    },
    /// `link = { port = "p1", of = "br0" }`: a link becomes a port of a bridge.
    Port {
        /// The link.
        name: String,
        /// The bridge.
        of: String,
    },
    /// `link = { delete = "eth0" }`; of a veth pair both ends go.
    Delete {
        /// The link.
        name: String,
    },
}

/// The key that a text stands for: 32 bits, decimal or hexadecimal after `0x`, as
/// ipcrm(1) takes it. Nothing for a text that is no such number, and for 0, which
/// is no key but IPC_PRIVATE.
pub fn ipc_key(text: &str) -> Option<u32> {
    let hexadecimal = text.strip_prefix("0x").map(|digits| u32::from_str_radix(digits, 16));
    hexadecimal.unwrap_or_else(|| text.parse()).ok().filter(|key| *key != 0)
}
