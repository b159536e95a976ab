//! Which processes are one container: a pure function of what was read of each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::lesson::op::NsKind;
use crate::observe::model::Process;

/// A process that is apart, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its row.
    pub(super) process: Process,
    /// Its namespaces that are not the host's; none where they could not be read.
    pub(super) apart: Option<BTreeMap<NsKind, u64>>,
    /// The id that an engine gave to its cgroup.
    pub(super) id: Option<String>,
}

/// What holds a group together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// A PID namespace, and an engine's id in it.
    Pid(u64, Option<String>),
    /// An engine's id.
    Id(String),
    /// All namespaces that are not the host's.
    Set(Vec<(NsKind, u64)>),
    /// A process that can't be read: those that descend from it.
    Under(u32),
}

/// A group: what holds it together, and its members, the first process in front.
type Group = (Tie, Vec<usize>);

/// The groups, as indices into `members`: each with its first process in front, all
/// by the PID of that.
pub(super) fn groups(members: &[Member]) -> Vec<Vec<usize>> {
    let known = Known::new(members);
    let mut ties: BTreeMap<Tie, Vec<usize>> = BTreeMap::new();
    for (n, one) in members.iter().enumerate() {
        ties.entry(known.tie(one)).or_default().push(n);
    }
    let mut groups: Vec<Group> = ties.into_iter().collect();
    for (_, group) in &mut groups {
        let first = first(group, members);
        group.retain(|&n| n != first);
        group.insert(0, first);
    }
    let mut groups: Vec<Vec<usize>> = absorb(groups, members);
    groups.sort_unstable_by_key(|group| members[group[0]].process.pid);
    groups
}

/// The members, by what they are looked for by.
struct Known<'a> {
    members: &'a [Member],
    by_pid: HashMap<u32, usize>,
    /// One that could be read, by the engine's id.
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Known<'a> {
    fn new(members: &'a [Member]) -> Self {
        let all = || members.iter().enumerate();
        let open = all().filter(|(_, one)| one.apart.is_some());
        Self {
            members,
            by_pid: all().map(|(n, one)| (one.process.pid, n)).collect(),
            by_id: open.filter_map(|(n, one)| Some((one.id.as_deref()?, n))).collect(),
        }
    }

    fn tie(&self, one: &Member) -> Tie {
        match (&one.apart, &one.id) {
            (Some(apart), id) => match (apart.get(&NsKind::Pid), id) {
                (Some(inode), id) => Tie::Pid(*inode, id.clone()),
                (None, Some(id)) => Tie::Id(id.clone()),
                (None, None) => Tie::Set(apart.iter().map(|(kind, inode)| (*kind, *inode)).collect()),
            },
            // One of a container's processes may be closed to the reader (setuid).
            (None, Some(id)) => match self.by_id.get(id.as_str()) {
                Some(&open) => self.tie(&self.members[open]),
                None => Tie::Id(id.clone()),
            },
            // Orphans go to the init of their PID namespace, so all descend from it.
            (None, None) => Tie::Under(self.highest(one)),
        }
    }

    /// The highest of the parents that can't be read either; it, or its PID.
    fn highest(&self, one: &Member) -> u32 {
        let (mut now, mut seen) = (one, BTreeSet::new());
        // A chain may bite its tail: its PIDs were read at different moments.
        while let Some(&above) = self.by_pid.get(&now.process.ppid)
            && self.members[above].apart.is_none()
            && seen.insert(above)
        {
            now = &self.members[above];
        }
        now.process.pid
    }
}

/// The first process: PID 1 of the innermost namespace; else one whose parent is not
/// of the group; the lowest PID of those.
fn first(group: &[usize], members: &[Member]) -> usize {
    let pids: BTreeSet<u32> = group.iter().map(|&n| members[n].process.pid).collect();
    let rank = |n: usize| {
        let one = &members[n].process;
        let init = one.nspid.len() > 1 && one.nspid.last() == Some(&1);
        (!init, pids.contains(&one.ppid), one.pid)
    };
    group.iter().copied().min_by_key(|&n| rank(n)).unwrap_or_default()
}

/// Groups without a PID namespace of their own, all of whose namespaces are those of
/// one container (and of those inside of it) and of no other, become that container's.
fn absorb(groups: Vec<Group>, members: &[Member]) -> Vec<Vec<usize>> {
    // Containers by each of their namespaces.
    let mut having: HashMap<(NsKind, u64), Vec<usize>> = HashMap::new();
    for (n, (tie, group)) in groups.iter().enumerate() {
        let (Tie::Pid(..), Some(apart)) = (tie, &members[group[0]].apart) else { continue };
        for (kind, inode) in apart {
            having.entry((*kind, *inode)).or_default().push(n);
        }
    }
    let home = |tie: &Tie| {
        let Tie::Set(set) = tie else { return None };
        let (first, others) = set.split_first()?;
        let has = |one: &(NsKind, u64), n: &usize| having.get(one).is_some_and(|these| these.contains(n));
        let fit = having.get(first)?.iter().filter(|n| others.iter().all(|one| has(one, n)));
        let mut fit: Vec<(usize, usize)> = fit.map(|&n| (members[groups[n].1[0]].process.nspid.len(), n)).collect();
        fit.sort_unstable();
        match fit.as_slice() {
            [(depth, _), (next, _), ..] if depth == next => None,
            fit => fit.first().map(|(_, outermost)| *outermost),
        }
    };
    let homes: Vec<Option<usize>> = groups.iter().map(|(tie, _)| home(tie)).collect();
    let mut kept: Vec<Vec<usize>> = groups.into_iter().map(|(_, group)| group).collect();
    for (n, home) in homes.into_iter().enumerate() {
        if let Some(home) = home {
            let moved = std::mem::take(&mut kept[n]);
            kept[home].extend(moved);
        }
    }
    kept.retain(|group| !group.is_empty());
    kept
}
