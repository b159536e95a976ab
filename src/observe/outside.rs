//! A process that answers no questions, from outside: what it must be seeing,
//! told by the host's /proc alone. For `cloison snapshot --pid`. It enters none of
//! the process's namespaces, so what only an inside view could say stays unread.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;
use std::sync::Arc;

use super::face::Face;
use super::files;
use super::layers;
use super::model::{ActorView, Clocks, IdRange, Ids, Ipc, Net, Process, Reading, Root, Unread, View};
use super::parse;
use super::passwd::Passwd;
use super::proc::{PidDir, SMALL, ns_path, reading};
use super::sampler::Sampler;
use super::view::{MOUNTINFO, caps_of, file_of, names, no_securebits, process_in, uts};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// The uid that stands for every one without a mapping, unless the administrator
/// chose another: /proc/sys/kernel/overflowuid.
pub const OVERFLOW: u32 = 65534;

impl Sampler {
    /// The process `pid` of the host's side from outside, in an actor's form, with
    /// `host` as it is now. Fails where there is no such process (ESRCH).
    pub fn outside(&mut self, pid: u32, host: &View) -> Result<ActorView, Unread> {
        let dir = self.proc.process(pid)?;
        self.outside_of(&dir, pid, host)
    }

    /// As [`Self::outside`], of the process of a directory that is open already.
    pub(super) fn outside_of(&mut self, dir: &PidDir, pid: u32, host: &View) -> Result<ActorView, Unread> {
        let base = format!("{}/{pid}", self.proc.path());
        let gone = || Unread { path: base.clone(), errno: Errno(libc::ESRCH) };
        let outermost = host.ns.get(&NsKind::Pid).and_then(Reading::read).copied();
        let row = process_in(dir, pid, outermost, &mut self.scratch).ok_or_else(gone)?;
        let own = self.own_face();
        let face = self.face(dir, pid);
        let walls = self.walls(&own, &face);
        let seen = self.seen(dir, &base, &row, &face, host);
        let (users, cgroup) = (face.users, face.cgroup);
        Ok(ActorView {
            pid,
            alive: row.state != 'Z',
            exit: None,
            ns: face.ns,
            walls,
            users,
            cgroup,
            files: files::below(&dir.root(), &self.scratch.look.files, &self.scratch.passwd),
            seen: Reading::Read(seen),
            stale: None,
        })
    }

    fn seen(&mut self, dir: &PidDir, base: &str, row: &Process, face: &Face, host: &View) -> View {
        let buffer = &mut self.scratch.buffer;
        // Its own user database, where its root directory can be opened.
        let mut passwd = Passwd::default();
        passwd.refresh(dir.root(), buffer);
        let mut users = face.users.clone();
        let maps = users.read().cloned();
        let empty: &[IdRange] = &[];
        let uid_map = maps.as_ref().map_or(empty, |users| &users.uid_map);
        let gid_map = maps.as_ref().map_or(empty, |users| &users.gid_map);
        let inside = Inside { level: row.nspid.len(), uid_map, gid_map, passwd: &passwd };
        let processes = self.below(row, base, face, &inside, host);
        if let Reading::Read(users) = &mut users {
            users.names = names(users, processes.read().map_or(&[], Vec::as_slice), &passwd);
        }
        let buffer = &mut self.scratch.buffer;
        let me = inside.process(row, None);
        let listed = processes.read().and_then(|all| all.iter().find(|one| one.pid == me.pid));
        let ids = Ids { pid: me.pid, ppid: listed.map_or(0, |one| one.ppid), uid: me.uid, gid: me.gid, user: me.user };
        let owner = |kind: NsKind| reading(dir.owner(kind), || format!("{base}/ns/{}", kind.name()));
        let status = |line: &str| Unread { path: format!("{base}/status {line}"), errno: Errno(libc::ENODATA) };
        let mut overlays = Vec::new();
        let mounts = file_of(dir, base, "mountinfo", MOUNTINFO, buffer, |bytes| {
            overlays = layers::overlays(bytes);
            Some(Arc::new(parse::mounts(bytes)))
        });
        View {
            ids: Reading::Read(ids),
            uts: asked(NsKind::Uts, "uname(2)", face, host, |_| uts()),
            ns: face.ns.clone(),
            owners: NsKind::ALL.into_iter().map(|kind| (kind, owner(kind))).collect(),
            processes,
            volumes: mounts.read().map(|mounts| layers::volumes(mounts)).unwrap_or_default(),
            mounts,
            overlays,
            users,
            root: face.root.then(|root| Ok(Root { device: root.device, inode: root.inode })),
            caps: face.privileges.then(|held| caps_of(held.caps).ok_or_else(|| status("Cap"))),
            securebits: no_securebits(),
            seccomp: face.privileges.then(|held| held.seccomp.ok_or_else(|| status("Seccomp"))),
            filters: face.privileges.then(|held| held.filters.ok_or_else(|| status("Seccomp_filters"))),
            no_new_privs: face.privileges.then(|held| held.no_new_privs.ok_or_else(|| status("NoNewPrivs"))),
            cgroup: asked(NsKind::Cgroup, "/proc/self/cgroup", face, host, |_| face.cgroup.clone()),
            init_cgroup: asked(NsKind::Cgroup, "/proc/1/cgroup", face, host, |host| {
                asked(NsKind::Pid, "/proc/1/cgroup", face, host, |host| host.init_cgroup.clone())
            }),
            ipc: ipc_of(face, host),
            clocks: shared(NsKind::Time, face, host).map_or_else(
                || Clocks::unread(&elsewhere(NsKind::Time, "clock_gettime(2)", face)),
                |host| host.clocks.clone(),
            ),
            time: file_of(dir, base, "timens_offsets", SMALL, buffer, parse::time_offsets),
            lsm: face.lsm.clone(),
            files: files::below(&dir.root(), &self.scratch.look.files, &passwd),
            net: net_of(face, host),
            group: None,
        }
    }

    /// The processes in the PID namespace of `row`, or below it, with the numbers
    /// that they have there.
    fn below(
        &self,
        row: &Process,
        base: &str,
        face: &Face,
        inside: &Inside<'_>,
        host: &View,
    ) -> Reading<Vec<Arc<Process>>> {
        let all = match &host.processes {
            Reading::Read(all) => all,
            Reading::Unread(unread) => return Reading::Unread(unread.clone()),
        };
        let Some(target) = row.pid_ns else {
            let errno = match face.ns.get(&NsKind::Pid) {
                Some(Reading::Unread(unread)) => unread.errno,
                _ => Errno(libc::EACCES),
            };
            return Reading::Unread(Unread { path: format!("{base}/ns/pid"), errno });
        };
        // The namespace at the level of `target` that each innermost one is below.
        let mut above: HashMap<u64, Option<u64>> = HashMap::new();
        let mut belongs = |one: &Process| {
            if inside.level == 1 {
                return true;
            }
            let Some(steps) = one.nspid.len().checked_sub(inside.level) else { return false };
            let Some(innermost) = one.pid_ns else { return false };
            let found = above.entry(innermost).or_insert_with(|| self.ancestor(one.pid, steps));
            *found == Some(target)
        };
        let members: Vec<&Arc<Process>> = all.iter().filter(|one| belongs(one)).collect();
        let numbers: BTreeMap<u32, u32> =
            members.iter().filter_map(|one| Some((one.pid, *one.nspid.get(inside.level - 1)?))).collect();
        let mut rows: Vec<Arc<Process>> =
            members.iter().map(|one| Arc::new(inside.process(one, numbers.get(&one.ppid).copied()))).collect();
        rows.sort_unstable_by_key(|one| one.pid);
        Reading::Read(rows)
    }

    /// The inode of the PID namespace so many steps above that of a process.
    fn ancestor(&self, pid: u32, steps: usize) -> Option<u64> {
        let dir = self.proc.process(pid).ok()?;
        let mut namespace = read::open_at(dir.fd(), ns_path(NsKind::Pid)).ok()?;
        for _ in 0..steps {
            namespace = read::parent(namespace.as_fd()).ok()?;
        }
        read::inode(&namespace).ok()
    }
}

/// How numbers look inside: at which level of NSpid, through which maps and names.
pub(super) struct Inside<'a> {
    pub(super) level: usize,
    pub(super) uid_map: &'a [IdRange],
    pub(super) gid_map: &'a [IdRange],
    pub(super) passwd: &'a Passwd,
}

impl Inside<'_> {
    pub(super) fn process(&self, one: &Process, ppid: Option<u32>) -> Process {
        let uid = inner(self.uid_map, one.uid).unwrap_or(OVERFLOW);
        let nspid = one.nspid.get(self.level.saturating_sub(1)..).unwrap_or_default().to_vec();
        Process {
            pid: nspid.first().copied().unwrap_or(one.pid),
            ppid: ppid.unwrap_or(0),
            nspid,
            pid_ns: one.pid_ns,
            uid,
            gid: inner(self.gid_map, one.gid).unwrap_or(OVERFLOW),
            user: self.passwd.name(uid).map(str::to_owned),
            state: one.state,
            name: one.name.clone(),
            command: one.command.clone(),
        }
    }
}

/// The id inside of an id outside, through a map; nothing where it has none.
pub fn inner(map: &[IdRange], outside: u32) -> Option<u32> {
    map.iter().find_map(|range| {
        let offset = outside.checked_sub(range.outside).filter(|offset| *offset < range.count)?;
        range.inside.checked_add(offset)
    })
}

/// The host's view, where a process is in the same namespace of this kind.
fn shared<'a>(kind: NsKind, face: &Face, host: &'a View) -> Option<&'a View> {
    let (own, other) = (host.ns.get(&kind)?.read()?, face.ns.get(&kind)?.read()?);
    (own == other).then_some(host)
}

/// What only a process of that other namespace could be asked for.
fn elsewhere(kind: NsKind, asked: &str, face: &Face) -> Unread {
    match face.ns.get(&kind) {
        Some(Reading::Read(other)) => {
            Unread { path: format!("{asked} in {}:[{other}]", kind.name()), errno: Errno(libc::EOPNOTSUPP) }
        }
        Some(Reading::Unread(unread)) => unread.clone(),
        None => Unread { path: format!("ns/{}", kind.name()), errno: Errno(libc::ENOENT) },
    }
}

/// A value that the host's view has for a process of the same namespace alone.
fn asked<T>(kind: NsKind, name: &str, face: &Face, host: &View, pick: impl FnOnce(&View) -> Reading<T>) -> Reading<T> {
    shared(kind, face, host).map_or_else(|| Reading::Unread(elsewhere(kind, name, face)), pick)
}

/// The IPC objects: those of another namespace can't be listed from here, nor the
/// queues of a queue file system in another mount tree.
fn ipc_of(face: &Face, host: &View) -> Ipc {
    let Some(host) = shared(NsKind::Ipc, face, host) else {
        return Ipc::unread(&elsewhere(NsKind::Ipc, "/proc/sysvipc", face));
    };
    let mqueue = asked(NsKind::Mnt, "/dev/mqueue", face, host, |host| host.ipc.mqueue.clone());
    Ipc { mqueue, ..host.ipc.clone() }
}

/// Nor what is in another network namespace.
fn net_of(face: &Face, host: &View) -> Net {
    let shared = shared(NsKind::Net, face, host);
    shared.map_or_else(|| Net::unread(&elsewhere(NsKind::Net, "rtnetlink(7)", face)), |host| host.net.clone())
}
