//! Takes snapshots: keeps the /proc it opened, its buffer and the names of users
//! between them. Used by the sampling thread of the screen, by the grader and by
//! `cloison snapshot`, each with its own.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::cgroups::{self, usage::Usage};
use super::eyes::Eyes;
use super::face::Face;
use super::family::family;
use super::files;
use super::layers;
use super::limits::{Limits, Tree};
use super::look::{Look, Sections, Whereabouts};
use super::model::{ActorView, Reading, Snapshot, Unread, Users, View, Wall, WallState};
use super::namespaces::Census;
use super::net::own_number;
use super::parse;
use super::passwd::Passwd;
use super::proc::{PidDir, ProcDir, SMALL};
use super::view::{MOUNTINFO, Scratch, file_of, names, view};
use super::walls::walls;
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

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
    /// The sections that it was asked for and told.
    pub told: Sections,
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
    /// How the actors see the host's list, by PID.
    eyes: BTreeMap<u32, Eyes>,
    /// The process that stands for the host in a lab.
    pub(super) stand_in: Option<PidDir>,
    /// The lab's own groups, where they are looked at.
    pub(super) groups: Option<Vec<PathBuf>>,
    /// What they used of the CPUs, from one snapshot to the next.
    pub(super) usage: Usage,
    /// This process from outside, as the last whole snapshot had it.
    own: Option<Face>,
}

impl Sampler {
    /// Opens `/proc`; fails where there is none.
    pub fn new() -> Result<Self, Unread> {
        let proc = ProcDir::open(Path::new("/proc"))?;
        let mut scratch = Scratch::default();
        let last_cap = last_cap(&proc, &mut scratch.buffer).unwrap_or(40);
        Ok(Self {
            proc,
            scratch,
            last_cap,
            census: Census::default(),
            eyes: BTreeMap::new(),
            stand_in: None,
            groups: None,
            usage: Usage::default(),
            own: None,
        })
    }

    /// Has every view look at these files, by their absolute paths, from now on.
    pub fn watch(&mut self, files: Vec<String>) {
        self.scratch.look.files = files;
    }

    /// Has every snapshot look at control groups from now on: the machine's trees, those
    /// below these, the lab's own in each tree, and the one that each side is in.
    pub fn watch_groups(&mut self, bases: Vec<PathBuf>) {
        self.groups = Some(bases);
        self.scratch.look.group = true;
        self.usage = Usage::default();
    }

    /// Takes the control groups of the host's side from this process from now on: the
    /// host's actor, whose shells are the host's, and which is where all of the lab
    /// starts. Its end makes them this process's own again.
    pub fn stand_in(&mut self, pid: u32) {
        self.stand_in = self.proc.process(pid).ok();
    }

    /// Reads what has nothing to do with this program again only now and then: for
    /// those who take one snapshot after the other. Everything, where /proc does not say
    /// who is who.
    pub fn unhurried(&mut self) {
        self.scratch.look.program = self.whereabouts();
    }

    fn whereabouts(&mut self) -> Option<Whereabouts> {
        let own = self.proc.own().ok()?;
        let namespace = own.namespace(NsKind::Pid).ok()?;
        let procfs = read::stat(self.proc.fd()).ok()?.st_dev;
        own.read("mountinfo", &mut self.scratch.buffer, MOUNTINFO).ok()?;
        let open = !parse::hides_processes(&self.scratch.buffer);
        Some(Whereabouts { pid: own_number(&self.proc)?, procfs, namespace, open })
    }

    /// What actors and observers are to be asked for, these sections of it.
    pub fn question(&self, sections: Sections) -> Look {
        Look { sections, ..self.scratch.look.clone() }
    }

    /// The host's side: what this process sees.
    pub fn host(&mut self) -> View {
        let mut host = view(Ok(&self.proc), &mut self.scratch);
        if let Some(dir) = &self.stand_in {
            let buffer = &mut self.scratch.buffer;
            let read = file_of(dir, self.proc.path(), "cgroup", SMALL, buffer, |bytes| Some(parse::cgroup(bytes)));
            if read.read().is_some() && read != host.cgroup {
                host.group = host.group.map(|_| cgroups::of_paths(&read));
                host.cgroup = read;
            }
        }
        host
    }

    /// A snapshot: the host's side as of now, and each actor.
    pub fn snapshot(&mut self, actors: Vec<Known>) -> Snapshot {
        let host = self.host();
        self.snapshot_with(host, actors)
    }

    /// A snapshot with a host's side taken before: each actor's own view as given,
    /// and beside it what is read from outside now.
    pub fn snapshot_with(&mut self, host: View, actors: Vec<Known>) -> Snapshot {
        let actors = self.actors(actors, &host, None);
        self.together(host, actors, None)
    }

    /// A snapshot of which these sections are as of now, and the others as they were
    /// in the last one; without one they are not read.
    pub fn glance(&mut self, sections: Sections, actors: Vec<Known>, last: Option<&Snapshot>) -> Snapshot {
        let told = sections | Sections::PROCESSES;
        self.scratch.look.sections = told;
        let mut host = self.host();
        if let Some(last) = last {
            host.keep(told, &last.host);
        }
        let actors = self.actors(actors, &host, last);
        let taken = self.together(host, actors, last);
        self.scratch.look.sections = Sections::ALL;
        taken
    }

    /// A snapshot of sides taken before, and what belongs to none of them alone.
    pub(super) fn together(
        &mut self,
        mut host: View,
        actors: BTreeMap<String, ActorView>,
        last: Option<&Snapshot>,
    ) -> Snapshot {
        if let (true, Ok(dir)) = (self.scratch.wants(Sections::MOUNTS), self.proc.own()) {
            layers::look_on_the_host(&mut host, &actors, &dir, &mut self.scratch.buffer);
        }
        let lab = if self.scratch.wants(Sections::LAB) {
            family(&self.proc, &host, &mut self.scratch.buffer)
        } else {
            last.map(|last| last.lab.clone()).unwrap_or_default()
        };
        let namespaces = if self.scratch.wants(Sections::NAMESPACES) {
            self.census.take(&self.proc, &host, &actors)
        } else {
            last.map(|last| last.namespaces.clone()).unwrap_or_default()
        };
        let taken = read::monotonic();
        let cgroups = self.groups.as_deref().map(|bases| {
            let mut seen = cgroups::cgroups(bases);
            self.usage.note(taken, &mut seen.groups);
            seen
        });
        Snapshot {
            taken,
            host,
            actors,
            lab,
            namespaces,
            traced: BTreeMap::new(),
            filters: BTreeMap::new(),
            lsm: super::lsm::modules(),
            cgroups,
        }
    }

    fn actors(&mut self, actors: Vec<Known>, host: &View, last: Option<&Snapshot>) -> BTreeMap<String, ActorView> {
        // Its group may have changed; the rest does so at most by another's hand.
        let before = self.own.take().filter(|_| last.is_some());
        let own = Face { cgroup: host.cgroup.clone(), ..before.unwrap_or_else(|| self.own_face()) };
        self.own = Some(own.clone());
        self.eyes.retain(|pid, _| actors.iter().any(|known| known.pid == *pid));
        actors.into_iter().map(|known| self.actor(&own, known, host, last)).collect()
    }

    fn actor(&mut self, own: &Face, known: Known, host: &View, last: Option<&Snapshot>) -> (String, ActorView) {
        let Known { name, pid, alive, exit, mut seen, told, stale } = known;
        // A dead actor's PID may be another process's by now.
        let gone = || Unread { path: format!("{}/{pid}", self.proc.path()), errno: Errno(libc::ESRCH) };
        let dir = if alive { self.proc.process(pid) } else { Err(gone()) };
        let face = match &dir {
            Ok(dir) => self.face(dir, pid),
            Err(unread) => Face::unread(unread),
        };
        if let Reading::Read(seen) = &mut seen {
            let before = last.and_then(|last| last.actors.get(&name)).filter(|before| before.pid == pid);
            if let Some(before) = before.and_then(|before| before.seen.read()) {
                seen.keep(told, before);
            }
            if let (false, Ok(dir)) = (told.contain(Sections::PROCESSES), &dir) {
                self.list_as_seen(seen, dir, pid, host);
            }
        }
        let files = dir.map(|dir| files::below(&dir.root(), &self.scratch.look.files, &self.scratch.passwd));
        let files = files.unwrap_or_default();
        let walls = self.walls(own, &face);
        let (users, cgroup) = (face.users, face.cgroup);
        (name, ActorView { pid, alive, exit, ns: face.ns, walls, users, cgroup, files, seen, stale })
    }

    /// The processes of the host's list, for one who reads the same procfs: with the
    /// numbers and names that its own maps and user database give.
    fn list_as_seen(&mut self, seen: &mut View, dir: &PidDir, pid: u32, host: &View) {
        let eyes = self.eyes.entry(pid).or_default();
        eyes.refresh(dir, &mut self.scratch.buffer);
        seen.processes = host.processes.then(|all| match seen.users.read() {
            // Its names are of those who are seen.
            Some(users) => Ok(eyes.see(all, &Users { names: BTreeMap::new(), ..users.clone() })),
            None => Err(Unread { path: format!("{}/{pid}/uid_map", self.proc.path()), errno: Errno(libc::EACCES) }),
        });
        if let (Reading::Read(users), Reading::Read(processes)) = (&mut seen.users, &seen.processes) {
            users.names = names(users, processes, eyes.names());
        }
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
