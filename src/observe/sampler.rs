//! Takes snapshots: keeps the /proc it opened, its buffer and the names of users
//! between them. Used by the sampling thread of the screen, by the grader and by
//! `cloison snapshot`, each with its own.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::cgroups;
use super::crowd::Crowd;
use super::face::Face;
use super::family::family;
use super::files;
use super::layers;
use super::limits::{Limits, Tree};
use super::model::{ActorView, Reading, Snapshot, Unread, Users, View, Wall, WallState};
use super::namespaces::Census;
use super::passwd::Passwd;
use super::proc::{PidDir, ProcDir};
use super::view::{MOUNTINFO, Scratch, view};
use super::walls::walls;
use crate::kernel::read::Look;
use crate::kernel::{Errno, read};

/// What the lab knows of an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name in the lesson.
    pub name: String,
    /// The PID that the host knows it by.
    pub pid: u32,
    /// Whether it still runs.
    pub alive: bool,
    /// How it ended, in words, once it has.
    pub exit: Option<String>,
    /// What it last said that it sees.
    pub seen: Reading<View>,
    /// When it said so, where that is not now: microseconds of CLOCK_MONOTONIC.
    pub stale: Option<u64>,
}

/// Takes snapshots of the machine.
#[derive(Debug)]
pub struct Sampler {
    pub(super) proc: ProcDir,
    pub(super) scratch: Scratch,
    pub(super) last_cap: u32,
    pub(super) census: Census,
    /// The lab's own groups, where they are looked at.
    pub(super) groups: Option<Vec<PathBuf>>,
}

impl Sampler {
    /// Opens `/proc`; fails where there is none.
    pub fn new() -> Result<Self, Unread> {
        let proc = ProcDir::open(Path::new("/proc"))?;
        let mut scratch = Scratch::default();
        let last_cap = last_cap(&proc, &mut scratch.buffer).unwrap_or(40);
        Ok(Self { proc, scratch, last_cap, census: Census::default(), groups: None })
    }

    /// Has every view look at this from now on; files are named by their absolute paths.
    pub fn watch(&mut self, look: Look) {
        self.scratch.look = look;
    }

    /// Has every snapshot look at control groups from now on: the machine's trees, and
    /// those below these, the lab's own in each tree.
    pub fn watch_groups(&mut self, bases: Vec<PathBuf>) {
        self.groups = Some(bases);
    }

    /// Reads what has nothing to do with this program again only now and then: for
    /// those who take one snapshot after the other.
    pub fn unhurried(&mut self) {
        self.scratch.crowd = Some(Crowd::default());
    }

    /// The host's side: what this process sees.
    pub fn host(&mut self) -> View {
        view(Ok(&self.proc), &mut self.scratch)
    }

    /// A snapshot: the host's side as of now, and each actor.
    pub fn snapshot(&mut self, actors: Vec<Known>) -> Snapshot {
        let host = self.host();
        self.snapshot_with(host, actors)
    }

    /// A snapshot with a host's side taken before: each actor's own view as given,
    /// and beside it what is read from outside now.
    pub fn snapshot_with(&mut self, host: View, actors: Vec<Known>) -> Snapshot {
        let own = self.own_face();
        let actors = actors.into_iter().map(|known| self.actor(&own, known)).collect();
        self.together(host, actors)
    }

    /// A snapshot of sides taken before, and what belongs to none of them alone.
    pub(super) fn together(&mut self, mut host: View, actors: BTreeMap<String, ActorView>) -> Snapshot {
        if let Ok(dir) = self.proc.own() {
            layers::look_on_the_host(&mut host, &actors, &dir, &mut self.scratch.buffer);
        }
        let lab = family(&self.proc, &host);
        let namespaces = self.census.take(&self.proc, &host, &actors);
        let cgroups = self.groups.as_deref().map(cgroups::cgroups);
        Snapshot { taken: read::monotonic(), host, actors, lab, namespaces, traced: BTreeMap::new(), cgroups }
    }

    fn actor(&mut self, own: &Face, known: Known) -> (String, ActorView) {
        let Known { name, pid, alive, exit, seen, stale } = known;
        // A dead actor's PID may be another process's by now.
        let gone = || Unread { path: format!("{}/{pid}", self.proc.path()), errno: Errno(libc::ESRCH) };
        let dir = if alive { self.proc.process(pid) } else { Err(gone()) };
        let face = match &dir {
            Ok(dir) => self.face(dir, pid),
            Err(unread) => Face::unread(unread),
        };
        let files = dir.map(|dir| files::below(&dir.root(), &self.scratch.look.files, &self.scratch.passwd));
        let files = files.unwrap_or_default();
        let walls = self.walls(own, &face);
        let (users, cgroup) = (face.users, face.cgroup);
        (name, ActorView { pid, alive, exit, ns: face.ns, walls, users, cgroup, files, seen, stale })
    }

    /// This process, from outside.
    pub(super) fn own_face(&mut self) -> Face {
        match self.proc.own() {
            Ok(dir) => Face::of(&dir, &format!("{}/self", self.proc.path()), &mut self.scratch.buffer),
            Err(unread) => Face::unread(&unread),
        }
    }

    /// Another process, from outside, with the names that the host gives its ids.
    pub(super) fn face(&mut self, dir: &PidDir, pid: u32) -> Face {
        let mut face = Face::of(dir, &format!("{}/{pid}", self.proc.path()), &mut self.scratch.buffer);
        if let Reading::Read(users) = &mut face.users {
            users.names = outer_names(users, &self.scratch.passwd);
        }
        face
    }

    /// Its walls.
    pub(super) fn walls(&mut self, own: &Face, face: &Face) -> BTreeMap<Wall, WallState> {
        let trees = || {
            let read = self.proc.own().and_then(|dir| {
                let read = dir.read("mountinfo", &mut self.scratch.buffer, MOUNTINFO);
                read.map_err(|errno| Unread { path: "mountinfo".to_owned(), errno })
            });
            read.map(|()| Tree::mounted(&self.scratch.buffer)).unwrap_or_default()
        };
        let limits = Limits::of(&own.cgroup, &face.cgroup, trees).wall();
        walls(own, face, &limits, self.last_cap)
    }
}

/// The host's names of the first id outside of every range.
fn outer_names(users: &Users, passwd: &Passwd) -> BTreeMap<u32, String> {
    let outside = users.uid_map.iter().map(|range| range.outside);
    outside.filter_map(|uid| Some((uid, passwd.name(uid)?.to_owned()))).collect()
}

fn last_cap(proc: &ProcDir, buffer: &mut Vec<u8>) -> Option<u32> {
    let file = read::open_at(proc.fd(), c"sys/kernel/cap_last_cap").ok()?;
    read::read_all(file.as_fd(), buffer, 16).ok()?;
    std::str::from_utf8(buffer).ok()?.trim().parse().ok()
}
