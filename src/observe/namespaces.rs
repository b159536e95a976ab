//! Who is in which namespace: of all processes that may be looked at, and what holds
//! a namespace without a process. Used by the sampler, which keeps it between two
//! snapshots: a crowd's namespaces hardly change, so that only the lab's processes,
//! new ones and a few of the others are asked again each time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::model::{ActorView, Held, Holding, Mount, Namespace, Namespaces, Process, Reading, Unread, View};
use super::parse;
use super::proc::{PidDir, ProcDir, ns_path};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// How many that were never asked are asked per snapshot, besides the lab's: a bound
/// on its cost, with thousands of processes.
const MOST: usize = 192;
/// Of a crowd, one in so many is asked again per snapshot, in turns.
const AGAIN: usize = 32;
/// How many processes of a lab are searched for descriptors, and how many
/// descriptors of each.
const SEARCHED: usize = 128;
/// How many members are named.
const NAMED: usize = 8;

/// The namespaces of one process, in the order of [`NsKind::ALL`]; 0 for one that
/// this kernel has not, or that is left already.
type Set = [u64; NsKind::ALL.len()];

/// What is kept of a process: who it was, and its namespaces (the number of their set)
/// or why they can't be had.
#[derive(Debug, Clone)]
struct Known {
    pid: u32,
    ppid: u32,
    uid: u32,
    name: String,
    depth: usize,
    set: Result<usize, Errno>,
}

/// Takes the census of namespaces.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// By PID.
    known: Vec<Known>,
    /// The sets of those known.
    sets: Vec<Set>,
    owners: HashMap<u64, (Reading<u64>, Option<u32>)>,
    turn: usize,
}

/// A namespace while it is being found out about.
#[derive(Debug, Default)]
struct Found {
    members: u32,
    pids: Vec<u32>,
    held: Vec<Held>,
}

type All = BTreeMap<(NsKind, u64), Found>;

impl Census {
    /// The namespaces of the host's processes as they are now, those of the actors
    /// and of what descends from them afresh.
    pub(super) fn take(&mut self, proc: &ProcDir, host: &View, actors: &BTreeMap<String, ActorView>) -> Namespaces {
        let processes = host.processes.read().map_or(&[][..], Vec::as_slice);
        let lab = lab(processes, actors);
        let mut all = All::new();
        let (denied, pending) = self.ask(proc, processes, &lab, &mut all);
        held_by_mounts(host, actors, &mut all);
        held_by_descriptors(proc, &lab, &mut all);
        let list = self.tree(proc, &lab, actors, all);
        Namespaces { list, denied, pending }
    }

    /// Asks who has to be asked; how many would not say, and how many were left.
    fn ask(&mut self, proc: &ProcDir, processes: &[Arc<Process>], lab: &HashSet<u32>, all: &mut All) -> (u32, u32) {
        let again = self.turn..self.turn.saturating_add(processes.len().div_ceil(AGAIN));
        self.turn = if again.end >= processes.len() { 0 } else { again.end };
        let mut before = std::mem::replace(&mut self.known, Vec::with_capacity(processes.len())).into_iter().peekable();
        let mut sets = Sets::of(std::mem::take(&mut self.sets));
        let (mut left, mut denied, mut pending) = (MOST, 0, 0);
        // All kernel threads are where the first of them is.
        let mut threads = None;
        for (index, one) in processes.iter().enumerate() {
            while before.next_if(|known| known.pid < one.pid).is_some() {}
            let known = before.next_if(|known| known.is(one));
            // One that has ended has left its namespaces.
            let again = lab.contains(&one.pid) || again.contains(&index) || matches!(one.state, 'Z' | 'X');
            let now = match known {
                Some(known) if !again => known,
                None if !again && left == 0 => {
                    pending += 1;
                    continue;
                }
                known => {
                    let same = threads.filter(|_| !again && is_kernel_thread(one));
                    left = left.saturating_sub(usize::from(known.is_none() && same.is_none()));
                    let asked = || proc.process(one.pid).map(|dir| set_of(&dir).map(|set| sets.number(set)));
                    let Ok(set) = same.map_or_else(asked, Ok) else { continue };
                    known.map_or_else(|| Known::of(one, set), |known| Known { set, ..known })
                }
            };
            if is_kernel_thread(one) {
                threads = Some(now.set);
            }
            match now.set {
                Ok(set) => sets.count(set, one.pid),
                Err(Errno(libc::EACCES | libc::EPERM)) => denied += 1,
                // It has just ended.
                Err(_) => {}
            }
            self.known.push(now);
        }
        let mut members: Vec<(&Set, &(u32, Vec<u32>))> = sets.all.iter().zip(&sets.members).collect();
        members.sort_unstable_by_key(|(_, (_, pids))| pids.first().copied());
        for (set, (count, pids)) in members.into_iter().filter(|(_, (count, _))| *count > 0) {
            for (kind, inode) in NsKind::ALL.into_iter().zip(*set).filter(|(_, inode)| *inode != 0) {
                let found = all.entry((kind, inode)).or_default();
                found.members += count;
                let room = NAMED.saturating_sub(found.pids.len());
                found.pids.extend(pids.iter().take(room));
            }
        }
        self.sets = sets.used(&mut self.known);
        (denied, pending)
    }

    /// The namespaces with their owners, in the order of the tree.
    fn tree(
        &mut self,
        proc: &ProcDir,
        lab: &HashSet<u32>,
        actors: &BTreeMap<String, ActorView>,
        mut all: All,
    ) -> Vec<Namespace> {
        let mut owners = HashMap::new();
        let keys: Vec<(NsKind, u64)> = all.keys().copied().collect();
        for (kind, inode) in keys {
            let Some(found) = all.get(&(kind, inode)) else { continue };
            // An inode may be another namespace's by now where the lab makes them.
            let kept = self.owners.get(&inode).filter(|_| !found.pids.iter().any(|pid| lab.contains(pid)));
            if let Some(kept) = kept.filter(|_| found.held.is_empty()) {
                owners.insert(inode, kept.clone());
                continue;
            }
            let place = format!("{}:[{inode}]", kind.name());
            match open(proc, kind, found, actors) {
                Ok(file) => climb(kind, inode, &file, &mut owners, &mut all),
                Err(errno) => drop(owners.insert(inode, (Reading::Unread(Unread { path: place, errno }), None))),
            }
        }
        let list = order(&owners, all);
        self.owners = owners;
        list
    }
}

impl Known {
    fn of(one: &Process, set: Result<usize, Errno>) -> Self {
        let Process { pid, ppid, uid, .. } = *one;
        Self { pid, ppid, uid, name: one.name.clone(), depth: one.nspid.len(), set }
    }

    /// Whether it is the same, as far as its row says: one that became another program,
    /// or whose PID is another's now, is asked again.
    fn is(&self, one: &Process) -> bool {
        (self.pid, self.ppid, self.uid, self.depth) == (one.pid, one.ppid, one.uid, one.nspid.len())
            && self.name == one.name
    }
}

/// Sets of namespaces by number, and who is in each: how many, and the first of them.
struct Sets {
    all: Vec<Set>,
    members: Vec<(u32, Vec<u32>)>,
}

impl Sets {
    fn of(all: Vec<Set>) -> Self {
        let members = vec![(0, Vec::new()); all.len()];
        Self { all, members }
    }

    fn number(&mut self, set: Set) -> usize {
        self.all.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.all.push(set);
            self.members.push((0, Vec::new()));
            self.all.len() - 1
        })
    }

    /// Those that somebody is in, numbered anew.
    fn used(self, known: &mut [Known]) -> Vec<Set> {
        if self.members.iter().all(|(count, _)| *count > 0) {
            return self.all;
        }
        let mut numbers = Vec::with_capacity(self.all.len());
        let mut used = Vec::new();
        for (set, (count, _)) in self.all.into_iter().zip(self.members) {
            numbers.push(used.len());
            if count > 0 {
                used.push(set);
            }
        }
        for one in known {
            one.set = one.set.map(|old| numbers.get(old).copied().unwrap_or(0));
        }
        used
    }

    fn count(&mut self, number: usize, pid: u32) {
        if let Some((count, first)) = self.members.get_mut(number) {
            *count += 1;
            if first.len() < NAMED {
                first.push(pid);
            }
        }
    }
}

/// A kernel thread, which never leaves the namespaces it was made in: a child of
/// kthreadd, which is PID 2, or kthreadd.
fn is_kernel_thread(one: &Process) -> bool {
    one.command.is_empty() && one.nspid.len() == 1 && (one.ppid == 2 || one.pid == 2 && one.ppid == 0)
}

fn set_of(dir: &PidDir) -> Result<Set, Errno> {
    let mut set = Set::default();
    for (kind, place) in NsKind::ALL.into_iter().zip(&mut set) {
        match dir.namespace(kind) {
            Ok(inode) => *place = inode,
            Err(Errno(libc::ENOENT)) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(set)
}

/// The processes of the lab: the actors, their parents (the keeper), and all below.
fn lab(processes: &[Arc<Process>], actors: &BTreeMap<String, ActorView>) -> HashSet<u32> {
    let mut lab: HashSet<u32> = actors.values().filter(|actor| actor.alive).map(|actor| actor.pid).collect();
    let parents = processes.iter().filter(|one| lab.contains(&one.pid)).map(|one| one.ppid);
    let parents: Vec<u32> = parents.filter(|ppid| *ppid > 1).collect();
    lab.extend(parents);
    if lab.is_empty() {
        return lab;
    }
    // A child may have a smaller number than its parent: until nobody is added.
    loop {
        let before = lab.len();
        for one in processes {
            if lab.contains(&one.ppid) {
                lab.insert(one.pid);
            }
        }
        if lab.len() == before {
            return lab;
        }
    }
}

/// Bind mounts of namespaces, as the host and the actors see them.
fn held_by_mounts(host: &View, actors: &BTreeMap<String, ActorView>, all: &mut All) {
    let mut seen = HashSet::new();
    let own = host.ns.get(&NsKind::Mnt).and_then(Reading::read).copied();
    let mut note = |tree: Option<u64>, pid: Option<u32>, mounts: &Reading<Arc<Vec<Mount>>>| {
        for mount in mounts.read().into_iter().flat_map(|mounts| mounts.iter()).filter(|mount| mount.fstype == "nsfs") {
            let Some((kind, inode)) = named(mount.root.as_bytes()) else { continue };
            if seen.insert((tree, mount.target.clone(), inode)) {
                let held = Held { by: Holding::Mount, pid, at: mount.target.clone() };
                all.entry((kind, inode)).or_default().held.push(held);
            }
        }
    };
    note(own, None, &host.mounts);
    // What an actor that has ended last saw is not there any more.
    for actor in actors.values().filter(|actor| actor.alive) {
        if let Some(view) = actor.seen.read() {
            note(view.ns.get(&NsKind::Mnt).and_then(Reading::read).copied(), Some(actor.pid), &view.mounts);
        }
    }
}

/// Descriptors of namespaces among those of the lab's processes.
fn held_by_descriptors(proc: &ProcDir, lab: &HashSet<u32>, all: &mut All) {
    let mut pids: Vec<u32> = lab.iter().copied().collect();
    pids.sort_unstable();
    for pid in pids.into_iter().take(SEARCHED) {
        let Ok(dir) = proc.process(pid) else { continue };
        let Ok(descriptors) = read::open_dir_at(dir.fd(), c"fd") else { continue };
        let mut searched = 0;
        // Not readable: another user's, or gone.
        let _ = read::numbers(descriptors.as_fd(), |number, name| {
            searched += 1;
            let mut link = [0; 64];
            if searched > SEARCHED {
                return;
            }
            if let Some((kind, inode)) = read::read_link(descriptors.as_fd(), name, &mut link).ok().and_then(named) {
                let held = Held { by: Holding::Descriptor, pid: Some(pid), at: number.to_string() };
                all.entry((kind, inode)).or_default().held.push(held);
            }
        });
    }
}

/// What `uts:[4026532201]` names.
fn named(link: &[u8]) -> Option<(NsKind, u64)> {
    let colon = link.iter().position(|byte| *byte == b':')?;
    let name = link.get(..colon)?;
    let kind = NsKind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)?;
    Some((kind, parse::namespace(link)?))
}

/// A namespace's file, through a member or what holds it.
fn open(proc: &ProcDir, kind: NsKind, found: &Found, actors: &BTreeMap<String, ActorView>) -> Result<OwnedFd, Errno> {
    let mut last = Errno(libc::ENOENT);
    for pid in found.pids.iter().take(2) {
        match proc.process(*pid).map_err(|unread| unread.errno).and_then(|dir| read::open_at(dir.fd(), ns_path(kind))) {
            Ok(file) => return Ok(file),
            Err(errno) => last = errno,
        }
    }
    for held in &found.held {
        let opened = match (held.by, held.pid) {
            (Holding::Mount, None) => {
                read::open_dir(c"/").and_then(|root| read::open_at(root.as_fd(), held.at.as_str()))
            }
            (Holding::Mount, Some(pid)) if actors.values().any(|actor| actor.pid == pid) => proc
                .process(pid)
                .map_err(|unread| unread.errno)
                .and_then(|dir| dir.root())
                .and_then(|root| read::open_in_root(root.as_fd(), held.at.as_str())),
            (Holding::Descriptor, Some(pid)) => proc
                .process(pid)
                .map_err(|unread| unread.errno)
                .and_then(|dir| read::open_at(dir.fd(), format!("fd/{}", held.at).as_str())),
            _ => continue,
        };
        match opened {
            Ok(file) => return Ok(file),
            Err(errno) => last = errno,
        }
    }
    Err(last)
}

/// Notes the owner of a namespace, and the owner's parents up to the program's own:
/// a user namespace may be there for nothing but what it owns.
fn climb(
    kind: NsKind,
    inode: u64,
    file: &OwnedFd,
    owners: &mut HashMap<u64, (Reading<u64>, Option<u32>)>,
    all: &mut All,
) {
    let mut above = None;
    let mut at = (kind, inode);
    // 32 user namespaces can be nested, user_namespaces(7).
    for _ in 0..=33 {
        let file = above.as_ref().unwrap_or(file);
        let uid = if at.0 == NsKind::User { read::owner_uid(file.as_fd()).ok() } else { None };
        let owner = read::owner(file.as_fd()).and_then(|owner| Ok((read::inode(&owner)?, owner)));
        match owner {
            Ok((number, owner)) => {
                owners.insert(at.1, (Reading::Read(number), uid));
                all.entry((NsKind::User, number)).or_default();
                if owners.contains_key(&number) {
                    return;
                }
                at = (NsKind::User, number);
                above = Some(owner);
            }
            Err(errno) => {
                let path = format!("ioctl_ns(2) NS_GET_USERNS {}:[{}]", at.0.name(), at.1);
                owners.insert(at.1, (Reading::Unread(Unread { path, errno }), uid));
                return;
            }
        }
    }
}

/// Each user namespace with what it owns and its children below it. What has no
/// owner to be known stands at the top.
fn order(owners: &HashMap<u64, (Reading<u64>, Option<u32>)>, mut all: All) -> Vec<Namespace> {
    let owner = |inode: u64| owners.get(&inode).and_then(|(owner, _)| owner.read().copied());
    let mut below: BTreeMap<Option<u64>, Vec<(NsKind, u64)>> = BTreeMap::new();
    for (kind, inode) in all.keys() {
        below.entry(owner(*inode)).or_default().push((*kind, *inode));
    }
    // The user namespaces that are children first: what the lab made stands near the top.
    for list in below.values_mut() {
        list.sort_unstable();
    }
    let mut list = Vec::with_capacity(all.len());
    let mut waiting: Vec<(NsKind, u64, u32)> =
        below.remove(&None).unwrap_or_default().into_iter().rev().map(|(kind, inode)| (kind, inode, 0)).collect();
    while let Some((kind, inode, depth)) = waiting.pop() {
        let Some(found) = all.remove(&(kind, inode)) else { continue };
        if kind == NsKind::User {
            let mine = below.remove(&Some(inode)).unwrap_or_default();
            waiting.extend(mine.into_iter().rev().map(|(kind, inode)| (kind, inode, depth + 1)));
        }
        let missing = || (Reading::Unread(Unread { path: String::new(), errno: Errno(libc::ENOENT) }), None);
        let (owner, uid) = owners.get(&inode).cloned().unwrap_or_else(missing);
        let Found { members, pids, mut held } = found;
        held.sort_unstable();
        list.push(Namespace { kind, inode, owner, uid, depth, members, pids, held });
    }
    list
}
