//! What changed between two snapshots, by the keys that twin rows and fields have
//! on each side: for the marks on the screen. Pure.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::layers::faces;
use super::model::{
    ActorView, CapSet, Caps, FileSeen, Ipc, IpcKind, Link, Mount, Msg, Namespaces, Net, Process, Queue, Reading, Sem,
    Shm, Snapshot, View,
};
use super::twin::{self, Key, Side};
use crate::lesson::op::NsKind;

/// What became of an object or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was not there.
    Appeared,
    /// It is not there any more.
    Vanished,
    /// It is another than it was.
    Changed,
}

/// What changed, on each side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// On the host's side.
    pub host: BTreeMap<Key, Change>,
    /// For each actor: its life, walls and namespaces, and in its own view.
    pub actors: BTreeMap<String, BTreeMap<Key, Change>>,
}

impl Changes {
    /// What became of a face: `actor` says whose box the inside is.
    pub fn of(&self, side: Side, actor: &str, key: Key) -> Option<Change> {
        match side {
            Side::Host => self.host.get(&key).copied(),
            Side::Inside => self.actors.get(actor)?.get(&key).copied(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.host.is_empty() && self.actors.values().all(BTreeMap::is_empty)
    }
}

/// What changed from `old` to `new`. A process's state counts only where it stops,
/// dies or goes on: all others flicker. A new actor's view does not count as
/// changed, only the actor as come to life.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let mut changes = Changes::default();
    views(&old.host, &new.host, &mut changes.host);
    for (name, actor) in &new.actors {
        let into = changes.actors.entry(name.clone()).or_default();
        match old.actors.get(name) {
            Some(before) => actors(before, actor, into),
            None => drop(into.insert(Key::Life, Change::Appeared)),
        }
    }
    for name in old.actors.keys().filter(|name| !new.actors.contains_key(*name)) {
        changes.actors.entry(name.clone()).or_default().insert(Key::Life, Change::Vanished);
    }
    namespaces(&old.namespaces, &new.namespaces, &mut changes.host);
    if let (Some(old), Some(new)) = (&old.cgroups, &new.cgroups)
        && old != new
    {
        twin::group_changes(old, new, &mut changes.host);
    }
    changes.actors.retain(|_, changed| !changed.is_empty());
    changes
}

/// Namespaces that came, or whose last process left, or whose first came.
fn namespaces(old: &Namespaces, new: &Namespaces, into: &mut BTreeMap<Key, Change>) {
    let before: HashMap<u64, bool> = old.list.iter().map(|one| (one.inode, one.members == 0)).collect();
    for one in &new.list {
        let change = match before.get(&one.inode) {
            None => Change::Appeared,
            Some(empty) if *empty != (one.members == 0) => Change::Changed,
            Some(_) => continue,
        };
        into.insert(Key::Namespace(one.inode), change);
    }
}

/// The owners of the lesson's files, by their place among the paths.
fn owners(
    old: &BTreeMap<String, Reading<FileSeen>>,
    new: &BTreeMap<String, Reading<FileSeen>>,
    into: &mut BTreeMap<Key, Change>,
) {
    for (place, (path, file)) in new.iter().enumerate() {
        match old.get(path) {
            None => drop(into.insert(Key::Owner(place), Change::Appeared)),
            Some(before) => field(Key::Owner(place), before, file, into),
        }
    }
}

fn actors(old: &ActorView, new: &ActorView, into: &mut BTreeMap<Key, Change>) {
    field(Key::Life, &(old.pid, old.alive, &old.exit), &(new.pid, new.alive, &new.exit), into);
    field(Key::Group, &old.cgroup, &new.cgroup, into);
    for (kind, inode) in &new.ns {
        field(Key::Ns(*kind), &old.ns.get(kind), &Some(inode), into);
    }
    for (wall, state) in &new.walls {
        // Evidence may move while the wall stands as it did: mount ids, counts.
        field(Key::Wall(*wall), &old.walls.get(wall).map(|was| was.state), &Some(state.state), into);
    }
    match (&old.seen, &new.seen) {
        (Reading::Read(old), Reading::Read(new)) => views(old, new, into),
        // The whole view came or went: that is the actor's, not each row's.
        (Reading::Read(_), Reading::Unread(_)) | (Reading::Unread(_), Reading::Read(_)) => {
            into.entry(Key::Life).or_insert(Change::Changed);
        }
        (Reading::Unread(_), Reading::Unread(_)) => {}
    }
}

fn views(old: &View, new: &View, into: &mut BTreeMap<Key, Change>) {
    lists(Key::Processes, (&old.processes, &new.processes), |one| (one.pid, Key::Process(one.pid)), same_process, into);
    lists(Key::Mounts, (&old.mounts, &new.mounts), |one| (one.id, Key::Mount(one.id)), Mount::eq, into);
    part(Key::Hostname, (&old.uts, &new.uts), |uts| &uts.hostname, into);
    part(Key::Domainname, (&old.uts, &new.uts), |uts| &uts.domainname, into);
    part(Key::Release, (&old.uts, &new.uts), |uts| &uts.release, into);
    part(Key::UidMap, (&old.users, &new.users), |users| &users.uid_map, into);
    part(Key::GidMap, (&old.users, &new.users), |users| &users.gid_map, into);
    part(Key::Setgroups, (&old.users, &new.users), |users| &users.setgroups, into);
    field(Key::Ids, &old.ids, &new.ids, into);
    field(Key::Root, &old.root, &new.root, into);
    capabilities(&old.caps, &new.caps, into);
    field(Key::Securebits, &old.securebits, &new.securebits, into);
    field(Key::Seccomp, &old.seccomp, &new.seccomp, into);
    field(Key::NoNewPrivs, &old.no_new_privs, &new.no_new_privs, into);
    field(Key::Cgroup, &old.cgroup, &new.cgroup, into);
    objects(&old.ipc, &new.ipc, into);
    field(Key::Time, &old.time, &new.time, into);
    field(Key::Lsm, &old.lsm, &new.lsm, into);
    for kind in NsKind::ALL {
        field(Key::Ns(kind), &old.ns.get(&kind), &new.ns.get(&kind), into);
    }
    owners(&old.files, &new.files, into);
    users_in_use(old, new, into);
    networks(&old.net, &new.net, into);
    files(old, new, into);
}

/// Links with their addresses, listeners, routes.
fn networks(old: &Net, new: &Net, into: &mut BTreeMap<Key, Change>) {
    let lists = |net: &Net| {
        let (links, addresses) = (net.links.read()?, net.addresses.read()?);
        let of = |link: &Link| addresses.iter().filter(|one| one.link == link.index).cloned().collect::<Vec<_>>();
        let links = links.iter().map(|link| (Key::Link(link.index), Some((link.clone(), of(link)))));
        let listeners = net.listeners.read()?.iter().map(|one| (Key::Listener(one.inode), None));
        let routes = net.routes.read()?.iter().map(|one| (twin::key_of_route(one), None));
        Some(links.chain(listeners).chain(routes).collect::<BTreeMap<_, _>>())
    };
    if old == new {
        return;
    }
    match (lists(old), lists(new)) {
        (Some(before), Some(after)) => changes(before, after, into),
        _ => drop(into.insert(Key::Net, Change::Changed)),
    }
}

/// Each capability by the sets that it is in, and the sets as a whole.
fn capabilities(old: &Reading<Caps>, new: &Reading<Caps>, into: &mut BTreeMap<Key, Change>) {
    field(Key::Caps, old, new, into);
    let (Reading::Read(old), Reading::Read(new)) = (old, new) else { return };
    let moved = old.sets().into_iter().zip(new.sets()).fold(0, |all, (old, new)| all | (old.0 ^ new.0));
    into.extend(CapSet(moved).members().map(|one| (Key::Capability(one.number()), Change::Changed)));
}

/// The files of overlays and volumes.
fn files(old: &View, new: &View, into: &mut BTreeMap<Key, Change>) {
    changes(faces(old), faces(new), into);
}

/// What is in one of two lists alone, or differs.
fn changes<T: PartialEq>(mut before: BTreeMap<Key, T>, after: BTreeMap<Key, T>, into: &mut BTreeMap<Key, Change>) {
    for (key, face) in after {
        match before.remove(&key) {
            None => drop(into.insert(key, Change::Appeared)),
            Some(was) if was != face => drop(into.insert(key, Change::Changed)),
            Some(_) => {}
        }
    }
    into.extend(before.into_keys().map(|gone| (gone, Change::Vanished)));
}

/// The objects of an IPC namespace, each by its id and kind.
fn objects(old: &Ipc, new: &Ipc, into: &mut BTreeMap<Key, Change>) {
    let key = |kind, id: u32| (id, Key::Ipc(kind, u64::from(id)));
    lists(Key::IpcObjects, (&old.shm, &new.shm), |one| key(IpcKind::Shm, one.id), Shm::eq, into);
    lists(Key::IpcObjects, (&old.msg, &new.msg), |one| key(IpcKind::Msg, one.id), Msg::eq, into);
    lists(Key::IpcObjects, (&old.sem, &new.sem), |one| key(IpcKind::Sem, one.id), Sem::eq, into);
    let queues = |side: &Ipc| match &side.mqueue {
        Reading::Read(mounted) => Reading::Read(mounted.as_ref().map_or_else(Vec::new, |one| one.queues.clone())),
        Reading::Unread(unread) => Reading::Unread(unread.clone()),
    };
    // The inode numbers of a queue file system are counted in 32 bits.
    let key = |one: &Queue| (one.inode as u32, Key::Ipc(IpcKind::Mqueue, one.inode));
    lists(Key::IpcObjects, (&queues(old), &queues(new)), key, Queue::eq, into);
}

/// One part of a value that is read as a whole.
fn part<T, P: PartialEq>(
    key: Key,
    (old, new): (&Reading<T>, &Reading<T>),
    pick: fn(&T) -> &P,
    into: &mut BTreeMap<Key, Change>,
) {
    let changed = match (old, new) {
        (Reading::Read(old), Reading::Read(new)) => pick(old) != pick(new),
        (Reading::Unread(old), Reading::Unread(new)) => old != new,
        _ => true,
    };
    if changed {
        into.insert(key, Change::Changed);
    }
}

/// The members of a list, each by its number, or the list as a whole where it
/// could not be read before or after.
fn lists<T: PartialEq, L: Borrow<Vec<T>> + PartialEq>(
    whole: Key,
    (old, new): (&Reading<L>, &Reading<L>),
    key: impl Fn(&T) -> (u32, Key),
    same: impl Fn(&T, &T) -> bool,
    into: &mut BTreeMap<Key, Change>,
) {
    let (Reading::Read(old), Reading::Read(new)) = (old, new) else {
        return part(whole, (old, new), |list| list, into);
    };
    let (old, new): (&Vec<T>, &Vec<T>) = (old.borrow(), new.borrow());
    // Mostly nothing has changed.
    if old.len() == new.len() && old.iter().zip(new).all(|(old, new)| key(old).0 == key(new).0 && same(old, new)) {
        return;
    }
    let mut before: HashMap<u32, &T> = old.iter().map(|one| (key(one).0, one)).collect();
    for one in new {
        let (number, key) = key(one);
        match before.remove(&number) {
            None => drop(into.insert(key, Change::Appeared)),
            Some(was) if !same(was, one) => drop(into.insert(key, Change::Changed)),
            Some(_) => {}
        }
    }
    into.extend(before.into_values().map(|gone| (key(gone).1, Change::Vanished)));
}

fn same_process(old: &Arc<Process>, new: &Arc<Process>) -> bool {
    if Arc::ptr_eq(old, new) {
        return true;
    }
    let halted = |one: &Process| matches!(one.state, 'T' | 't' | 'Z' | 'X').then_some(one.state);
    let facts = |one: &Process| (one.ppid, one.pid_ns, one.uid, one.gid);
    facts(old) == facts(new)
        && halted(old) == halted(new)
        && old.nspid == new.nspid
        && old.name == new.name
        && old.command == new.command
}

/// The users that processes run as.
fn users_in_use(old: &View, new: &View, into: &mut BTreeMap<Key, Change>) {
    let (Reading::Read(before), Reading::Read(after)) = (&old.processes, &new.processes) else { return };
    if before == after {
        return;
    }
    let used = |list: &[Arc<Process>]| list.iter().map(|one| one.uid).collect::<BTreeSet<u32>>();
    let (before, after) = (used(before), used(after));
    into.extend(after.difference(&before).map(|uid| (Key::User(*uid), Change::Appeared)));
    into.extend(before.difference(&after).map(|uid| (Key::User(*uid), Change::Vanished)));
}

fn field<T: PartialEq>(key: Key, old: &T, new: &T, into: &mut BTreeMap<Key, Change>) {
    if old != new {
        into.insert(key, Change::Changed);
    }
}
