//! Processes: one row per process, joined on the PIDs that it has in each PID
//! namespace. The box's list of them is the tail of the host's.

use std::sync::Arc;

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, Process, Reading, View};

/// The processes of both sides. A side that could not be read is empty. Relevant
/// are the actor, its descendants, and its parent. What an actor saw that has ended,
/// namespaces and all, is there no more, and its numbers may be others' by now.
pub fn processes<'a>(host: &'a View, actor: &'a ActorView) -> Twin<&'a Process> {
    let outer = list(&host.processes);
    let over = !actor.alive && actor.ns.values().all(|ns| ns.read().is_none());
    let inner = actor.seen.read().filter(|_| !over).map_or(&[][..], |seen| list(&seen.processes));
    let own = if over { Vec::new() } else { own(outer, actor.pid) };
    let is_own = |at: usize| own.get(at).copied().unwrap_or(false);
    let joined = Joined::new(outer, inner, actor);

    let mut taken = vec![false; outer.len()];
    let seen = inner
        .iter()
        .map(|one| {
            let twin = joined.host_of(one).filter(|&at| !std::mem::replace(&mut taken[at], true));
            let (side, pid) = twin.map_or((Side::Inside, one.pid), |at| (Side::Host, outer[at].pid));
            Row {
                key: RowKey { side, key: Key::Process(pid) },
                host: twin.map(|at| &*outer[at]),
                inside: Some(&**one),
                // With the host's own /proc the box sees no process that the host does
                // not: one without a twin came between the two looks.
                relevant: twin.map_or(joined.depth != Some(0), is_own),
            }
        })
        .collect();
    let host_only = outer
        .iter()
        .enumerate()
        .filter(|(at, _)| !taken[*at])
        .map(|(at, one)| Row {
            key: RowKey { side: Side::Host, key: Key::Process(one.pid) },
            host: Some(&**one),
            inside: None,
            relevant: is_own(at),
        })
        .collect();
    Twin::arranged(seen, host_only)
}

fn list(processes: &Reading<Vec<Arc<Process>>>) -> &[Arc<Process>] {
    processes.read().map_or(&[], Vec::as_slice)
}

/// Which of them are the actor, its descendants, and its parent, which is the actor it
/// was forked from or the lab's keeper.
fn own(processes: &[Arc<Process>], actor: u32) -> Vec<bool> {
    let mut own = vec![false; processes.len()];
    let children = numbered(processes, |one| one.ppid);
    let pids = numbered(processes, |one| one.pid);
    let mut next: Vec<usize> = of(&pids, actor).collect();
    let parent = next.first().map(|&at| processes[at].ppid).filter(|ppid| *ppid > 1);
    while let Some(at) = next.pop() {
        if !std::mem::replace(&mut own[at], true) {
            next.extend(of(&children, processes[at].pid));
        }
    }
    if let Some(parent) = parent.and_then(|ppid| of(&pids, ppid).next()) {
        own[parent] = true;
    }
    own
}

/// Places in a list by a number of what is there, for [`of`].
fn numbered(list: &[Arc<Process>], number: impl Fn(&Process) -> u32) -> Vec<(u32, usize)> {
    let mut places: Vec<(u32, usize)> = list.iter().enumerate().map(|(at, one)| (number(one), at)).collect();
    places.sort_unstable();
    places
}

/// The places with this number.
fn of(places: &[(u32, usize)], number: u32) -> impl Iterator<Item = usize> + '_ {
    let first = places.partition_point(|(other, _)| *other < number);
    places.iter().skip(first).take_while(move |(other, _)| *other == number).map(|(_, at)| *at)
}

/// The host's processes by their innermost PID.
struct Joined<'a> {
    outer: &'a [Arc<Process>],
    by_innermost: Vec<(u32, usize)>,
    /// How many namespaces deeper than the host's /proc the box's is.
    depth: Option<usize>,
}

impl<'a> Joined<'a> {
    fn new(outer: &'a [Arc<Process>], inner: &[Arc<Process>], actor: &ActorView) -> Self {
        // The viewer itself is in both lists where its /proc is not another box's.
        let viewer = outer.iter().find(|one| one.pid == actor.pid);
        let depth = viewer.and_then(|viewer| {
            let tails = |one: &&Arc<Process>| viewer.nspid.ends_with(&one.nspid) && agree(viewer, one);
            let same = inner.iter().filter(tails).max_by_key(|one| one.nspid.len())?;
            viewer.nspid.len().checked_sub(same.nspid.len())
        });
        Self { outer, by_innermost: numbered(outer, innermost), depth }
    }

    /// Where in the host's list a process of the box's is.
    fn host_of(&self, one: &Process) -> Option<usize> {
        let fits = |&at: &usize| {
            let other = &self.outer[at];
            other.nspid.ends_with(&one.nspid)
                && agree(other, one)
                && self.depth.is_none_or(|depth| other.nspid.len() == one.nspid.len() + depth)
        };
        let certain = |&at: &usize| self.outer[at].pid_ns.is_some() && self.outer[at].pid_ns == one.pid_ns;
        let mut candidates = of(&self.by_innermost, innermost(one)).filter(fits);
        match (candidates.next()?, candidates.next()) {
            (first, _) if certain(&first) => Some(first),
            (first, None) => Some(first),
            // Several boxes at the same depth each have a PID 1: without the
            // namespace's inode there is no telling.
            (_, Some(second)) => std::iter::once(second).chain(candidates).find(certain),
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
