//! The view of another process by a reader that stands where it does: in its
//! namespaces, all but pid, and its root directory. What belongs to the process
//! alone (ids, maps, capabilities, cgroup) comes from its directory in /proc. For an
//! observer of the lab; every field fails on its own, as in `view`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::cgroups;
use super::clocks::clocks;
use super::files;
use super::ipc::ipc;
use super::layers;
use super::look::{Look, Sections, Told};
use super::model::{Clocks, Ids, Ipc, Net, Reading, Root, Unread, View};
use super::parse::{self, Status};
use super::proc::{PidDir, ProcDir, SMALL, reading};
use super::view::{
    MOUNTINFO, Own, Scratch, caps_of, init_cgroup, list, lsm_label, no_securebits, not_asked, uts, with_owners,
};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// What the process `pid` sees, to a question and encoded as by [`super::inside`]. `dir` is its
/// directory in the /proc of the reader's first PID namespace; `refused` are the
/// namespaces that the reader could not enter, with `mnt` for the root directory.
pub fn beside(pid: u32, dir: OwnedFd, refused: &[(NsKind, Errno)], look: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch { look: Look::decode(look), ..Scratch::default() };
    let view = Beside { pid, dir: PidDir::new(dir), refused }.view(&mut scratch);
    Told { view, sections: scratch.look.sections }.encode()
}

struct Beside<'a> {
    pid: u32,
    dir: PidDir,
    refused: &'a [(NsKind, Errno)],
}

impl Beside<'_> {
    /// Why nothing can be said of what a namespace holds.
    fn refusal(&self, kind: NsKind) -> Option<Unread> {
        let errno = self.refused.iter().find(|(refused, _)| *refused == kind)?.1;
        Some(Unread { path: format!("setns(2) /proc/{}/ns/{}", self.pid, kind.name()), errno })
    }

    /// A reading in a namespace, where that could be entered.
    fn within<T>(&self, kind: NsKind, reading: impl FnOnce() -> Reading<T>) -> Reading<T> {
        self.refusal(kind).map_or_else(reading, Reading::Unread)
    }

    fn view(&self, scratch: &mut Scratch) -> View {
        let proc = self.refusal(NsKind::Mnt).map_or_else(|| ProcDir::open(Path::new("/proc")), Err);
        scratch.look.leave_the_crowd(proc.as_ref());
        let root = proc.as_ref().map_err(|unread| unread.errno).and_then(|_| read::open_dir(c"/"));
        scratch.passwd.refresh(root, &mut scratch.buffer);
        let listed = proc.as_ref().ok().and_then(|proc| self.listed_in(proc, scratch));
        let own = match &listed {
            Some((number, dir)) => {
                let base = proc.as_ref().map_or("/proc", ProcDir::path);
                Own::new(Ok(dir), format!("{base}/{number}"), true)
            }
            None => Own::new(Ok(&self.dir), format!("/proc/{}", self.pid), false),
        };
        let ns = own.namespaces(PidDir::namespace);
        let processes = scratch.read(Sections::PROCESSES, |scratch| list(proc.as_ref(), &own, &ns, scratch));
        let users = self.within(NsKind::User, || own.users(&processes, scratch));
        let viewer = proc.as_ref().ok().zip(listed.as_ref().map(|(number, _)| *number));
        let net = match self.refusal(NsKind::Net) {
            Some(unread) => Net::unread(&unread),
            None if !scratch.wants(Sections::NET) => Net::default(),
            None => with_owners(scratch.network.net(None), viewer, &processes, &own, &ns, scratch),
        };
        let privileges = own.status(&mut scratch.buffer).clone().then(|status| Ok(status.privileges));
        let privilege =
            |line: &str| Unread { path: format!("{}/status {line}", own.base), errno: Errno(libc::ENODATA) };
        let mut overlays = Vec::new();
        let mounts = scratch.read(Sections::MOUNTS, |scratch| {
            own.file("mountinfo", MOUNTINFO, &mut scratch.buffer, |bytes| {
                overlays = layers::overlays(bytes);
                Some(Arc::new(parse::mounts(bytes)))
            })
        });
        let ipc = match self.refusal(NsKind::Ipc) {
            Some(unread) => Ipc::unread(&unread),
            None if !scratch.wants(Sections::IPC) => Ipc::unread(&not_asked()),
            None => ipc(proc.as_ref(), &mounts, &mut scratch.buffer),
        };
        let clocks = match self.refusal(NsKind::Time) {
            Some(unread) => Clocks::unread(&unread),
            None => clocks(proc.as_ref(), &mut scratch.buffer),
        };
        let cgroup = self.within(NsKind::Cgroup, || {
            own.file("cgroup", SMALL, &mut scratch.buffer, |bytes| Some(parse::cgroup(bytes)))
        });
        let mut seen = View {
            ids: self.within(NsKind::User, || self.ids(scratch)),
            uts: self.within(NsKind::Uts, uts),
            owners: if scratch.wants(Sections::NAMESPACES) {
                own.namespaces(PidDir::owner)
            } else {
                std::collections::BTreeMap::new()
            },
            ns,
            processes,
            volumes: mounts.read().map(|mounts| layers::volumes(mounts)).unwrap_or_default(),
            mounts,
            overlays,
            users,
            root: self.root(),
            caps: privileges.then(|held| caps_of(held.caps).ok_or_else(|| privilege("Cap"))),
            securebits: no_securebits(),
            seccomp: privileges.then(|held| held.seccomp.ok_or_else(|| privilege("Seccomp"))),
            filters: privileges.then(|held| held.filters.ok_or_else(|| privilege("Seccomp_filters"))),
            no_new_privs: privileges.then(|held| held.no_new_privs.ok_or_else(|| privilege("NoNewPrivs"))),
            group: scratch.look.group.then(|| cgroups::of_paths(&cgroup)),
            cgroup,
            init_cgroup: self.within(NsKind::Cgroup, || init_cgroup(proc.as_ref(), &mut scratch.buffer)),
            ipc,
            clocks,
            time: own.file("timens_offsets", SMALL, &mut scratch.buffer, parse::time_offsets),
            lsm: own.file("attr/current", SMALL, &mut scratch.buffer, |bytes| Some(lsm_label(bytes))),
            files: files::below(&self.dir.root(), &scratch.look.files, &scratch.passwd),
            net,
        };
        if let (Ok(dir), None, true) = (own.dir, self.refusal(NsKind::Mnt), scratch.wants(Sections::MOUNTS)) {
            layers::look(&mut seen, dir, &mut scratch.buffer);
        }
        seen
    }

    /// The process in the /proc that it has, and its number there: the one of its
    /// PID namespace that has its number in that one.
    fn listed_in(&self, proc: &ProcDir, scratch: &mut Scratch) -> Option<(u32, PidDir)> {
        let namespace = self.dir.namespace(NsKind::Pid).ok()?;
        let numbers = status(&self.dir, scratch)?.nspid;
        numbers.iter().find_map(|&number| {
            let dir = proc.process(number).ok()?;
            let same =
                dir.namespace(NsKind::Pid) == Ok(namespace) && status(&dir, scratch)?.nspid.last() == numbers.last();
            same.then_some((number, dir))
        })
    }

    fn ids(&self, scratch: &mut Scratch) -> Reading<Ids> {
        let Some(status) = status(&self.dir, scratch) else {
            return Reading::Unread(Unread { path: format!("/proc/{}/status", self.pid), errno: Errno(libc::ESRCH) });
        };
        Reading::Read(Ids {
            pid: status.nspid.last().copied().unwrap_or(self.pid),
            ppid: self.parent(status.ppid, status.nspid.len(), scratch),
            uid: status.uid,
            gid: status.gid,
            user: scratch.passwd.name(status.uid).map(str::to_owned),
        })
    }

    /// The parent's number in the process's own PID namespace, as getppid(2) would
    /// say it: 0 where the parent is outside. `ppid` and `depth` are as the first
    /// /proc has them, which is where the parent is looked up.
    fn parent(&self, ppid: u32, depth: usize, scratch: &mut Scratch) -> u32 {
        if depth <= 1 {
            return ppid;
        }
        let path = format!("../{ppid}");
        let parent = read::open_dir_at(self.dir.fd(), path.as_str()).ok().map(PidDir::new);
        let numbers = parent.and_then(|dir| Some(status(&dir, scratch)?.nspid)).unwrap_or_default();
        numbers.get(depth - 1).copied().unwrap_or(0)
    }

    fn root(&self) -> Reading<Root> {
        let root = self.dir.root().and_then(|root| read::stat(root.as_fd()));
        reading(root.map(|stat| Root { device: stat.st_dev, inode: stat.st_ino }), || {
            format!("/proc/{}/root", self.pid)
        })
    }
}

fn status(dir: &PidDir, scratch: &mut Scratch) -> Option<Status> {
    dir.read_piece(c"status", &mut scratch.buffer, SMALL).ok()?;
    parse::status(&scratch.buffer)
}
