//! Processes: one row per process, joined on the PIDs that it has in each PID
//! namespace. The box's list of them is the tail of the host's.

use std::collections::{HashMap, HashSet};

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, Process, Reading, View};

/// The processes of both sides. A side that could not be read is empty. Relevant
/// are the actor, its descendants, and its parent. What an actor saw that has ended,
/// namespaces and all, is there no more, and its numbers may be others' by now.
pub fn processes<'a>(host: &'a View, actor: &'a ActorView) -> Twin<&'a Process> {
    let outer = list(&host.processes);
    let over = !actor.alive && actor.ns.values().all(|ns| ns.read().is_none());
    let inner = actor.seen.read().filter(|_| !over).map_or(&[][..], |seen| list(&seen.processes));
    let own = if over { HashSet::new() } else { own(outer, actor.pid) };
    let joined = Joined::new(outer, inner, actor);

    let mut taken = HashSet::new();
    let seen = inner
        .iter()
        .map(|one| {
            let twin = joined.host_of(one).filter(|twin| taken.insert(twin.pid));
            let (side, pid) = twin.map_or((Side::Inside, one.pid), |twin| (Side::Host, twin.pid));
            Row {
                key: RowKey { side, key: Key::Process(pid) },
                host: twin,
                inside: Some(one),
                // With the host's own /proc the box sees no process that the host does
                // not: one without a twin came between the two looks.
                relevant: twin.map_or(joined.depth != Some(0), |twin| own.contains(&twin.pid)),
            }
        })
        .collect();
    let host_only = outer
        .iter()
        .filter(|one| !taken.contains(&one.pid))
        .map(|one| Row {
            key: RowKey { side: Side::Host, key: Key::Process(one.pid) },
            host: Some(one),
            inside: None,
            relevant: own.contains(&one.pid),
        })
        .collect();
    Twin::arranged(seen, host_only)
}

fn list(processes: &Reading<Vec<Process>>) -> &[Process] {
    processes.read().map_or(&[], Vec::as_slice)
}

/// The actor's PID, its descendants', and its parent's, which is the actor it was
/// forked from or the lab's keeper.
fn own(processes: &[Process], actor: u32) -> HashSet<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for one in processes {
        children.entry(one.ppid).or_default().push(one.pid);
    }
    let mut own = HashSet::new();
    let mut next = vec![actor];
    while let Some(pid) = next.pop() {
        if own.insert(pid) {
            next.extend(children.get(&pid).into_iter().flatten());
        }
    }
    own.extend(processes.iter().find(|one| one.pid == actor).map(|one| one.ppid).filter(|ppid| *ppid > 1));
    own
}

/// The host's processes by their innermost PID.
struct Joined<'a> {
    by_innermost: HashMap<u32, Vec<&'a Process>>,
    /// How many namespaces deeper than the host's /proc the box's is.
    depth: Option<usize>,
}

impl<'a> Joined<'a> {
    fn new(outer: &'a [Process], inner: &[Process], actor: &ActorView) -> Self {
        let mut by_innermost: HashMap<u32, Vec<&Process>> = HashMap::new();
        for one in outer {
            by_innermost.entry(innermost(one)).or_default().push(one);
        }
        // The viewer itself is in both lists where its /proc is not another box's.
        let viewer = outer.iter().find(|one| one.pid == actor.pid);
        let depth = viewer.and_then(|viewer| {
            let tails = |one: &&Process| viewer.nspid.ends_with(&one.nspid) && agree(viewer, one);
            let same = inner.iter().filter(tails).max_by_key(|one| one.nspid.len())?;
            viewer.nspid.len().checked_sub(same.nspid.len())
        });
        Self { by_innermost, depth }
    }

    fn host_of(&self, one: &Process) -> Option<&'a Process> {
        let fits = |other: &&Process| {
            other.nspid.ends_with(&one.nspid)
                && agree(other, one)
                && self.depth.is_none_or(|depth| other.nspid.len() == one.nspid.len() + depth)
        };
        let candidates: Vec<&'a Process> =
            self.by_innermost.get(&innermost(one))?.iter().copied().filter(fits).collect();
        let certain = candidates.iter().find(|other| other.pid_ns.is_some() && other.pid_ns == one.pid_ns);
        match (certain, candidates.as_slice()) {
            (Some(certain), _) => Some(certain),
            (None, [only]) => Some(only),
            // Several boxes at the same depth each have a PID 1: without the
            // namespace's inode there is no telling.
            (None, _) => None,
        }
    }
}

fn innermost(one: &Process) -> u32 {
    one.nspid.last().copied().unwrap_or(one.pid)
}

/// Whether the innermost namespaces are the same, as far as both are known.
fn agree(one: &Process, other: &Process) -> bool {
    match (one.pid_ns, other.pid_ns) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
