//! What one process sees, by its own system calls and through the /proc that it
//! has. Called by the sampler for the host's side, and inside an actor for the
//! box's ([`inside`]), where anything may be missing or forbidden: every field
//! fails on its own, and nothing here panics or waits.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::cgroups;
use super::clocks::clocks;
use super::crowd::{Counts, Crowd, Standpoint};
use super::files;
use super::ipc::{Ipc, ipc};
use super::layers;
use super::look::{Look, Sections, Told, Whereabouts};
use super::model::{Caps, Ids, Net, Process, Reading, Root, Securebits, Unread, Users, Uts, View};
use super::net::{Network, descendants, kin, own_number, owners};
use super::parse::{self, Privileges};
use super::passwd::Passwd;
use super::proc::{PidDir, ProcDir, SMALL, reading};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// The most that is kept of a command line, in bytes.
pub(super) const COMMAND: usize = 4096;
/// How a viewer asks for its securebits.
const SECUREBITS: &str = "prctl(2) PR_GET_SECUREBITS";
/// In place of the securebits of another process: no file says them.
pub(super) fn no_securebits() -> Reading<Securebits> {
    Reading::Unread(Unread { path: SECUREBITS.to_owned(), errno: Errno(libc::EOPNOTSUPP) })
}

/// The most that is read of a mountinfo, in bytes.
pub(super) const MOUNTINFO: usize = 4 << 20;

/// What is kept between two readings: a buffer, the names of users, the network.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) buffer: Vec<u8>,
    pub(super) passwd: Passwd,
    pub(super) network: Network,
    /// What a view is to tell.
    pub(super) look: Look,
    /// What is kept of a crowd.
    pub(super) crowd: Crowd,
}

impl Scratch {
    /// Whether a view is to tell these.
    pub(super) fn wants(&self, sections: Sections) -> bool {
        self.look.sections.contain(sections)
    }

    /// A reading, where it is wanted.
    pub(super) fn read<T>(&mut self, sections: Sections, reading: impl FnOnce(&mut Self) -> Reading<T>) -> Reading<T> {
        if self.wants(sections) { reading(self) } else { Reading::Unread(not_asked()) }
    }
}

/// In place of what was not asked for, until it is put there.
pub(super) fn not_asked() -> Unread {
    Unread { path: String::new(), errno: Errno(libc::ENODATA) }
}

/// What the calling process sees through `proc`, or without any where it could
/// not be opened.
pub fn view(proc: Result<&ProcDir, &Unread>, scratch: &mut Scratch) -> View {
    if scratch.passwd.refresh(read::open_dir(c"/"), &mut scratch.buffer) {
        scratch.crowd.forget();
    }
    // `self` leads nowhere where the reader is not in this /proc's PID namespace.
    let dir = proc.map_err(Clone::clone).and_then(ProcDir::own);
    let base = format!("{}/self", proc.map_or("/proc", ProcDir::path));
    let own = Own::new(dir.as_ref().map_err(Clone::clone), base, true);
    let ns = own.namespaces(PidDir::namespace);
    let processes = scratch.read(Sections::PROCESSES, |scratch| list(proc, &own, &ns, scratch));
    let users = own.users(&processes, scratch);
    let here = ns.get(&NsKind::Net).and_then(Reading::read).copied();
    let viewer = proc.ok().and_then(|proc| Some((proc, own_number(proc)?)));
    let net = if scratch.wants(Sections::NET) { scratch.network.net(here) } else { Net::default() };
    let net = with_owners(net, viewer, &processes, &own, &ns, scratch);
    let privileges = own.status(&mut scratch.buffer).clone().then(|status| Ok(status.privileges));
    let mut overlays = Vec::new();
    let mounts = scratch.read(Sections::MOUNTS, |scratch| {
        own.file("mountinfo", MOUNTINFO, &mut scratch.buffer, |bytes| {
            overlays = layers::overlays(bytes);
            Some(Arc::new(parse::mounts(bytes)))
        })
    });
    let ipc =
        if scratch.wants(Sections::IPC) { ipc(proc, &mounts, &mut scratch.buffer) } else { Ipc::unread(&not_asked()) };
    View {
        ids: ids(&scratch.passwd),
        uts: uts(),
        owners: if scratch.wants(Sections::NAMESPACES) { own.namespaces(PidDir::owner) } else { BTreeMap::new() },
        ns,
        processes,
        mounts,
        overlays,
        volumes: Vec::new(),
        users,
        root: root(),
        caps: either(privileges.read().and_then(|found| caps_of(found.caps)), caps, "capget(2)"),
        securebits: reading(read::securebits().map(Securebits::of), || SECUREBITS.to_owned()),
        seccomp: either(
            privileges.read().and_then(|found| found.seccomp),
            read::seccomp_mode,
            "prctl(2) PR_GET_SECCOMP",
        ),
        filters: privileges.then(|found| {
            let path = || "/proc/self/status Seccomp_filters".to_owned();
            found.filters.ok_or_else(|| Unread { path: path(), errno: Errno(libc::ENODATA) })
        }),
        no_new_privs: either(
            privileges.read().and_then(|found| found.no_new_privs),
            read::no_new_privs,
            "prctl(2) PR_GET_NO_NEW_PRIVS",
        ),
        cgroup: own.file("cgroup", SMALL, &mut scratch.buffer, |bytes| Some(parse::cgroup(bytes))),
        init_cgroup: init_cgroup(proc, &mut scratch.buffer),
        ipc,
        clocks: clocks(proc, &mut scratch.buffer),
        time: own.file("timens_offsets", SMALL, &mut scratch.buffer, parse::time_offsets),
        lsm: own.file("attr/current", SMALL, &mut scratch.buffer, |bytes| Some(lsm_label(bytes))),
        files: files::below(&read::open_dir(c"/"), &scratch.look.files, &scratch.passwd),
        net,
        group: scratch.look.group.then(cgroups::own),
    }
}

/// The listeners with whose they are, among the viewer and its descendants. That takes
/// a search, which is not made for nothing.
pub(super) fn with_owners(
    mut net: Net,
    viewer: Option<(&ProcDir, u32)>,
    processes: &Reading<Vec<Arc<Process>>>,
    own: &Own<'_>,
    ns: &BTreeMap<NsKind, Reading<u64>>,
    scratch: &mut Scratch,
) -> Net {
    if let (Reading::Read(listeners), Some((proc, viewer))) = (&mut net.listeners, viewer)
        && !listeners.is_empty()
    {
        let among = |list: &Reading<Vec<_>>| descendants(viewer, list.read().map_or(&[], Vec::as_slice));
        let kin = if scratch.wants(Sections::PROCESSES) {
            among(processes)
        } else {
            kin(proc, viewer, &mut scratch.buffer).unwrap_or_else(|| among(&list(Ok(proc), own, ns, scratch)))
        };
        owners(listeners, proc, &kin, &mut scratch.buffer);
    }
    net
}

/// The cgroups of the first process of a /proc, as the caller reads their paths.
pub(super) fn init_cgroup(proc: Result<&ProcDir, &Unread>, buffer: &mut Vec<u8>) -> Reading<BTreeMap<String, String>> {
    match proc.map_err(Clone::clone).and_then(|proc| Ok((proc.process(1)?, proc.path()))) {
        Ok((dir, path)) => {
            file_of(&dir, &format!("{path}/1"), "cgroup", SMALL, buffer, |bytes| Some(parse::cgroup(bytes)))
        }
        Err(unread) => Reading::Unread(unread),
    }
}

/// What the calling process sees through its own `/proc`: an encoded [`Told`], to an
/// encoded [`Look`]. For an actor to call.
pub fn inside(look: &[u8]) -> Vec<u8> {
    thread_local! {
        /// An actor is asked again and again.
        static KNOWN: Cell<(Crowd, Passwd)> = Cell::default();
    }
    let proc = ProcDir::open(Path::new("/proc"));
    let mut look = Look::decode(look);
    look.leave_the_crowd(proc.as_ref());
    let (crowd, passwd) = KNOWN.take();
    let mut scratch = Scratch { passwd, look, crowd, ..Scratch::default() };
    let mut view = view(proc.as_ref(), &mut scratch);
    if let (true, Ok(dir)) =
        (scratch.wants(Sections::MOUNTS), proc.as_ref().map_err(Clone::clone).and_then(ProcDir::own))
    {
        layers::look(&mut view, &dir, &mut scratch.buffer);
    }
    KNOWN.set((scratch.crowd, scratch.passwd));
    Told { view, sections: scratch.look.sections }.encode()
}

/// The viewer's own directory in a /proc, or why there is none.
pub(super) struct Own<'a> {
    pub(super) dir: Result<&'a PidDir, Unread>,
    /// What messages call it.
    pub(super) base: String,
    /// Whether it is in the /proc whose processes are listed.
    listed: bool,
    status: OnceCell<Reading<OwnStatus>>,
    maps: OnceCell<Reading<Users>>,
}

/// What of its own status a viewer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnStatus {
    /// PIDs in each namespace.
    nspid: Vec<u32>,
    pub(super) privileges: Privileges,
}

impl<'a> Own<'a> {
    pub(super) fn new(dir: Result<&'a PidDir, Unread>, base: String, listed: bool) -> Self {
        Self { dir, base, listed, status: OnceCell::new(), maps: OnceCell::new() }
    }

    /// Read once in a view.
    pub(super) fn status(&self, buffer: &mut Vec<u8>) -> &Reading<OwnStatus> {
        self.status.get_or_init(|| {
            let parse =
                |bytes: &[u8]| Some(OwnStatus { nspid: parse::nspid(bytes), privileges: parse::privileges(bytes) });
            self.file("status", SMALL, buffer, parse)
        })
    }

    /// The id maps, without names; read once in a view.
    fn maps(&self, buffer: &mut Vec<u8>) -> &Reading<Users> {
        self.maps.get_or_init(|| match &self.dir {
            Ok(dir) => users_of(dir, &self.base, buffer),
            Err(unread) => Reading::Unread(unread.clone()),
        })
    }

    pub(super) fn file<T>(
        &self,
        name: &str,
        limit: usize,
        buffer: &mut Vec<u8>,
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Reading<T> {
        match &self.dir {
            Ok(dir) => file_of(dir, &self.base, name, limit, buffer, parse),
            Err(unread) => Reading::Unread(unread.clone()),
        }
    }

    pub(super) fn namespaces(
        &self,
        read: impl Fn(&PidDir, NsKind) -> Result<u64, Errno>,
    ) -> BTreeMap<NsKind, Reading<u64>> {
        let one = |kind: NsKind| match &self.dir {
            Ok(dir) => reading(read(dir, kind), || format!("{}/ns/{}", self.base, kind.name())),
            Err(unread) => Reading::Unread(unread.clone()),
        };
        NsKind::ALL.into_iter().map(|kind| (kind, one(kind))).collect()
    }

    /// The maps, with the names of the ids in use.
    pub(super) fn users(&self, processes: &Reading<Vec<Arc<Process>>>, scratch: &mut Scratch) -> Reading<Users> {
        let mut users = self.maps(&mut scratch.buffer).clone();
        if let Reading::Read(users) = &mut users {
            users.names = names(users, processes.read().map_or(&[], Vec::as_slice), &scratch.passwd);
        }
        users
    }
}

/// Reads one file of a process; EINVAL where it does not parse.
pub(super) fn file_of<T>(
    dir: &PidDir,
    base: &str,
    name: &str,
    limit: usize,
    buffer: &mut Vec<u8>,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Reading<T> {
    let parsed = dir.read(name, buffer, limit).and_then(|()| parse(buffer).ok_or(Errno(libc::EINVAL)));
    reading(parsed, || format!("{base}/{name}"))
}

/// The id maps of a process, without names yet.
pub(super) fn users_of(dir: &PidDir, base: &str, buffer: &mut Vec<u8>) -> Reading<Users> {
    let mut read = |name: &str| {
        dir.read(name, buffer, SMALL).map_err(|errno| Unread { path: format!("{base}/{name}"), errno })?;
        Ok::<_, Unread>(buffer.clone())
    };
    let mut users = || {
        Ok(Users {
            uid_map: parse::id_map(&read("uid_map")?),
            gid_map: parse::id_map(&read("gid_map")?),
            setgroups: parse::text(read("setgroups")?.trim_ascii()),
            names: BTreeMap::new(),
        })
    };
    match users() {
        Ok(users) => Reading::Read(users),
        Err(unread) => Reading::Unread(unread),
    }
}

/// The names of the uids in use: those of the processes, and both ends' first ids
/// of every range of the map.
pub(super) fn names(users: &Users, processes: &[Arc<Process>], passwd: &Passwd) -> BTreeMap<u32, String> {
    let mapped = users.uid_map.iter().flat_map(|range| [range.inside, range.outside]);
    let mut uids: Vec<u32> = processes.iter().map(|process| process.uid).chain(mapped).collect();
    uids.sort_unstable();
    uids.dedup();
    uids.into_iter().filter_map(|uid| Some((uid, passwd.name(uid)?.to_owned()))).collect()
}

/// A security module's label, without the NUL or line end that some put behind it.
pub(super) fn lsm_label(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b'\n')).map_or(0, |last| last + 1);
    parse::text(bytes.get(..end).unwrap_or_default())
}

/// The five sets in the order of /proc/PID/status; nothing where one is missing
/// (the ambient one, before Linux 4.3, is then empty).
pub(super) fn caps_of([inheritable, permitted, effective, bounding, ambient]: [Option<u64>; 5]) -> Option<Caps> {
    Some(Caps::of([inheritable?, permitted?, effective?, bounding?, ambient.unwrap_or(0)]))
}

/// What a file says, or else what a call gives: where there is no /proc.
fn either<T>(file: Option<T>, call: impl FnOnce() -> Result<T, Errno>, name: &str) -> Reading<T> {
    file.map_or_else(|| reading(call(), || name.to_owned()), Reading::Read)
}

fn ids(passwd: &Passwd) -> Reading<Ids> {
    let (pid, ppid) = read::pids();
    let (uid, gid) = read::ids();
    Reading::Read(Ids { pid, ppid, uid, gid, user: passwd.name(uid).map(str::to_owned) })
}

pub(super) fn uts() -> Reading<Uts> {
    let text = |name: &OsStr| parse::text(name.as_bytes());
    let names = read::uname().map(|names| Uts {
        hostname: text(names.nodename()),
        domainname: text(names.domainname()),
        release: text(names.release()),
    });
    reading(names, || "uname(2)".to_owned())
}

fn root() -> Reading<Root> {
    let root = read::stat_path(c"/").map(|stat| Root { device: stat.st_dev, inode: stat.st_ino });
    reading(root, || "/".to_owned())
}

fn caps() -> Result<Caps, Errno> {
    let [effective, permitted, inheritable] = read::capabilities()?;
    let [bounding, ambient] = read::bounding_and_ambient()?;
    Ok(Caps::of([inheritable, permitted, effective, bounding, ambient]))
}

/// The processes of a /proc, or why there are none to be seen.
pub(super) fn list(
    proc: Result<&ProcDir, &Unread>,
    own: &Own<'_>,
    ns: &BTreeMap<NsKind, Reading<u64>>,
    scratch: &mut Scratch,
) -> Reading<Vec<Arc<Process>>> {
    match proc {
        Ok(proc) => reading(processes(proc, own, ns, scratch), || proc.path().to_owned()),
        Err(unread) => Reading::Unread(unread.clone()),
    }
}

/// Every process of a /proc, by PID. One that ends meanwhile is left out.
fn processes(
    proc: &ProcDir,
    own: &Own<'_>,
    ns: &BTreeMap<NsKind, Reading<u64>>,
    scratch: &mut Scratch,
) -> Result<Vec<Arc<Process>>, Errno> {
    // Where the viewer has one PID in this /proc, the /proc is of the viewer's own
    // PID namespace, and so is every process that has one PID in it.
    let numbers = own.status(&mut scratch.buffer).read().filter(|_| own.listed);
    let outermost = match (numbers.map_or(&[][..], |status| &status.nspid), ns.get(&NsKind::Pid)) {
        ([_], Some(Reading::Read(inode))) => Some(*inode),
        _ => None,
    };
    let device = read::stat(proc.fd())?.st_dev;
    let here = |program: &Whereabouts| program.procfs == device || outermost == Some(program.namespace);
    let Some(program) = scratch.look.program.filter(here) else {
        // There is no telling the program's kin from the crowd.
        let mut found = Vec::with_capacity(64);
        read::numbered(proc.fd(), |pid, _, name| {
            found.extend(process(proc, pid, name, outermost, scratch).map(Arc::new));
        })?;
        found.sort_unstable_by_key(|process| process.pid);
        return Ok(found);
    };
    let mut crowd = std::mem::take(&mut scratch.crowd);
    let user_ns = ns.get(&NsKind::User).and_then(Reading::read).copied();
    crowd.look(Standpoint { device, user_ns, users: own.maps(&mut scratch.buffer).read().cloned() });
    // They count for the reader's PID namespace.
    let counts = outermost.and_then(|_| counts(proc, &mut scratch.buffer));
    let now = read::monotonic();
    let again = |pid| process_in(&proc.process(pid).ok()?, pid, outermost, scratch);
    if !crowd.stand(counts, now, again) {
        let mut listing = crowd.list(counts, now);
        read::numbered(proc.fd(), |pid, inode, name| {
            listing.found(pid, inode, || process(proc, pid, name, outermost, scratch));
        })?;
    }
    let found = crowd.settle(program.pid);
    scratch.crowd = crowd;
    Ok(found)
}

fn counts(proc: &ProcDir, buffer: &mut Vec<u8>) -> Option<Counts> {
    let file = read::open_at(proc.fd(), c"loadavg").ok()?;
    read::read_piece(file.as_fd(), buffer, SMALL).ok()?;
    parse::counts(buffer)
}

/// One process; nothing when it is gone.
fn process(proc: &ProcDir, pid: u32, name: &CStr, outermost: Option<u64>, scratch: &mut Scratch) -> Option<Process> {
    let dir = proc.open_process(name).ok()?;
    process_in(&dir, pid, outermost, scratch)
}

/// The process of a directory; nothing when it is gone.
pub(super) fn process_in(dir: &PidDir, pid: u32, outermost: Option<u64>, scratch: &mut Scratch) -> Option<Process> {
    let buffer = &mut scratch.buffer;
    dir.read_piece(c"status", buffer, SMALL).ok()?;
    let mut status = parse::status(buffer)?;
    let command = if status.memory {
        let cut = dir.read_piece(c"cmdline", buffer, COMMAND).ok()?;
        parse::command(buffer, cut)
    } else {
        String::new()
    };
    if status.nspid.is_empty() {
        status.nspid.push(pid);
    }
    let pid_ns = if status.nspid.len() > 1 { dir.namespace(NsKind::Pid).ok() } else { outermost };
    Some(Process {
        pid,
        ppid: status.ppid,
        nspid: status.nspid,
        pid_ns,
        uid: status.uid,
        gid: status.gid,
        user: scratch.passwd.name(status.uid).map(str::to_owned),
        state: status.state,
        name: status.name,
        command,
    })
}
