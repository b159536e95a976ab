//! Mounts: one row per mounted directory, joined on the file system's device and
//! the directory of it that is mounted; where several fit, the one at the same
//! place. In the order of the trees that parents and children make, with how each
//! hangs in its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::NsKind;
use crate::observe::model::{ActorView, Mount, Reading, View};

/// Levels of the tree that are drawn; what is deeper hangs at the last of them.
const DEEPEST: usize = 8;
/// With no mount of its own a box has the host's, and so many of them stand by
/// themselves.
const FIRST: usize = 50;

/// A mount, as one side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountFace<'a> {
    /// The mount.
    pub mount: &'a Mount,
    /// How it hangs in that side's tree, drawn: `│ └ `; empty where its parent is not
    /// among the rows above.
    pub stem: String,
    /// Where it is mounted: below its parent if that is drawn, else from the root on.
    pub name: &'a str,
    /// Which way mounts below it pass.
    pub passes: Passes,
}

impl MountFace<'_> {
    /// Its propagation in the words of mount_namespaces(7): `shared:3`, `slave:3`,
    /// `private`.
    pub fn spread(&self) -> String {
        let word =
            |tag: &String| tag.strip_prefix("master:").map_or_else(|| tag.clone(), |group| format!("slave:{group}"));
        match &self.mount.propagation[..] {
            [] => "private".to_owned(),
            tags => tags.iter().map(word).collect::<Vec<_>>().join(" "),
        }
    }

    /// The file system's type, and `ro` where the mount is read-only.
    pub fn kind(&self) -> String {
        let read_only = self.mount.options.split(',').any(|option| option == "ro");
        format!("{}{}", self.mount.fstype, if read_only { " ro" } else { "" })
    }

    /// What is mounted: the source, with the directory of it in brackets where that
    /// is not the whole, as findmnt(8) writes it.
    pub fn what(&self) -> String {
        let Mount { source, root, .. } = self.mount;
        if root == "/" { source.clone() } else { format!("{source}[{root}]") }
    }
}

/// Whether what is mounted below a mount is passed on to the other side, by
/// propagation: mount_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// Not at all.
    No,
    /// Both are in one peer group.
    Both,
    /// The box's is a slave of the host's.
    In,
    /// The host's is a slave of the box's.
    Out,
}

/// The mounts of both sides. A side that could not be read is empty. Each face has
/// its own propagation. Relevant are those that the box alone has, with all that
/// they hang on.
pub fn mounts<'a>(host: &'a View, actor: &'a ActorView) -> Twin<MountFace<'a>> {
    let outer = list(&host.mounts);
    let inner = actor.seen.read().map_or(&[][..], |seen| list(&seen.mounts));
    let (twins, taken) = twins(outer, inner);

    let order = tree(inner);
    let relevant = relevant(inner, &twins, &order);
    let (own, seen): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|at| relevant[*at]);
    let host_only: Vec<usize> = tree(outer).into_iter().filter(|at| !taken.contains(&outer[*at].id)).collect();

    let mnt = |ns: Option<&Reading<u64>>| ns.and_then(Reading::read).copied();
    let one_table = mnt(host.ns.get(&NsKind::Mnt)) == mnt(actor.ns.get(&NsKind::Mnt)) && !host.ns.is_empty();
    let groups = (!one_table).then(|| [Groups::of(outer), Groups::of(inner)]);
    let rows = |at: Vec<usize>, relevant: bool| {
        let pairs: Vec<_> = at.into_iter().map(|at| [twins[at], Some(&inner[at])]).collect();
        joined(&pairs, groups.as_ref(), relevant)
    };
    let mut all = rows(own, true);
    let shown = all.len();
    all.extend(rows(seen, false));
    let pairs: Vec<_> = host_only.into_iter().map(|at| [Some(&outer[at]), None]).collect();
    all.extend(joined(&pairs, groups.as_ref(), false));
    Twin { rows: all, shown }
}

fn list(mounts: &Reading<Arc<Vec<Mount>>>) -> &[Mount] {
    mounts.read().map_or(&[], |mounts| mounts.as_slice())
}

/// For each mount of the box the host's twin, and the ids of all these.
fn twins<'a>(outer: &'a [Mount], inner: &'a [Mount]) -> (Vec<Option<&'a Mount>>, HashSet<u32>) {
    let mut by_object: HashMap<(&str, &str), Vec<&Mount>> = HashMap::new();
    for one in outer {
        by_object.entry((&one.device, &one.root)).or_default().push(one);
    }
    let object = |one: &'a Mount| by_object.get(&(one.device.as_str(), one.root.as_str()));
    // Those at the same place first, so that nobody takes another's twin.
    let mut taken: HashSet<u32> = HashSet::new();
    let mut twins: Vec<Option<&Mount>> = Vec::with_capacity(inner.len());
    for one in inner {
        let fits = |other: &&&Mount| other.target == one.target && !taken.contains(&other.id);
        let twin = object(one).and_then(|others| others.iter().find(fits)).copied();
        taken.extend(twin.map(|twin| twin.id));
        twins.push(twin);
    }
    for (one, twin) in inner.iter().zip(&mut twins) {
        if twin.is_none() {
            let others = object(one).into_iter().flatten();
            *twin = others.copied().find(|other| !taken.contains(&other.id));
            taken.extend(twin.map(|twin| twin.id));
        }
    }
    (twins, taken)
}

/// The indices of mounts, parents before their children, brothers in the kernel's
/// order. One whose parent is not listed (the root, or what a chroot hides) is a
/// tree of its own.
fn tree(mounts: &[Mount]) -> Vec<usize> {
    let at: HashMap<u32, usize> = mounts.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); mounts.len()];
    let mut waiting = Vec::new();
    for (index, one) in mounts.iter().enumerate().rev() {
        match at.get(&one.parent).filter(|parent| **parent != index) {
            Some(parent) => children[*parent].push(index),
            None => waiting.push(index),
        }
    }
    let mut order = Vec::with_capacity(mounts.len());
    while let Some(index) = waiting.pop() {
        order.push(index);
        waiting.append(&mut children[index]);
    }
    order
}

/// Whether each mount of the box stands by itself.
fn relevant(inner: &[Mount], twins: &[Option<&Mount>], order: &[usize]) -> Vec<bool> {
    let mut relevant = vec![false; inner.len()];
    let parents: HashMap<u32, usize> = inner.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
    for own in (0..inner.len()).filter(|at| twins[*at].is_none()) {
        let mut next = Some(own);
        while let Some(at) = next.filter(|at| !relevant[*at]) {
            relevant[at] = true;
            next = parents.get(&inner[at].parent).copied();
        }
    }
    if twins.iter().all(Option::is_some) {
        order.iter().take(FIRST).for_each(|at| relevant[*at] = true);
    }
    relevant
}

/// The peer groups of one side's mounts, by number.
struct Groups<'a> {
    shared: HashSet<&'a str>,
    masters: HashSet<&'a str>,
}

impl<'a> Groups<'a> {
    fn of(mounts: &'a [Mount]) -> Self {
        let all = || mounts.iter().flat_map(|one| &one.propagation);
        Self {
            shared: all().filter_map(|tag| shared(tag)).collect(),
            masters: all().filter_map(|tag| master(tag)).collect(),
        }
    }

    /// Which way mounts pass between a mount and those of this side, as seen from
    /// the mount: `In` towards it.
    fn passes(&self, mount: &Mount) -> Passes {
        let tags = &mount.propagation;
        match () {
            () if tags.iter().filter_map(|tag| shared(tag)).any(|group| self.shared.contains(group)) => Passes::Both,
            () if tags.iter().filter_map(|tag| master(tag)).any(|group| self.shared.contains(group)) => Passes::In,
            () if tags.iter().filter_map(|tag| shared(tag)).any(|group| self.masters.contains(group)) => Passes::Out,
            () => Passes::No,
        }
    }
}

fn shared(tag: &str) -> Option<&str> {
    tag.strip_prefix("shared:")
}

/// `propagate_from`: the nearest master that the reader can see, where its own is not.
fn master(tag: &str) -> Option<&str> {
    tag.strip_prefix("master:").or_else(|| tag.strip_prefix("propagate_from:"))
}

/// The rows of mounts: the host's and the box's of each.
fn joined<'a>(
    pairs: &[[Option<&'a Mount>; 2]],
    groups: Option<&[Groups<'a>; 2]>,
    relevant: bool,
) -> Vec<Row<MountFace<'a>>> {
    let [hosts, insides] = [0, 1].map(|side| branches(&pairs.iter().map(|pair| pair[side]).collect::<Vec<_>>()));
    let faces = hosts.into_iter().zip(insides).zip(pairs);
    faces
        .filter_map(|((host, inside), pair)| {
            let key = match pair {
                [Some(host), _] => RowKey { side: Side::Host, key: Key::Mount(host.id) },
                [None, Some(inside)] => RowKey { side: Side::Inside, key: Key::Mount(inside.id) },
                [None, None] => return None,
            };
            let face = |side: usize, (stem, name): (String, &'a str)| {
                let mount = pair[side]?;
                // Seen from the host, what comes in is what goes out of the box.
                let passes = match (side, groups.map_or(Passes::No, |groups| groups[1 - side].passes(mount))) {
                    (0, Passes::In) => Passes::Out,
                    (0, Passes::Out) => Passes::In,
                    (_, passes) => passes,
                };
                Some(MountFace { mount, stem, name, passes })
            };
            Some(Row { key, host: face(0, host), inside: face(1, inside), relevant })
        })
        .collect()
}

/// How each mount hangs on those before it, and its name there.
fn branches<'a>(faces: &[Option<&'a Mount>]) -> Vec<(String, &'a str)> {
    let rows: HashMap<u32, usize> =
        faces.iter().enumerate().filter_map(|(at, mount)| Some((mount.as_ref()?.id, at))).collect();
    let parent = |at: usize| {
        let mount = faces[at]?;
        rows.get(&mount.parent).copied().filter(|parent| *parent < at)
    };
    // From the end on: who has a brother further down.
    let mut met = HashSet::new();
    let mut brothers: Vec<bool> =
        (0..faces.len()).rev().map(|at| parent(at).is_some_and(|parent| !met.insert(parent))).collect();
    brothers.reverse();
    // What stands before the children of each, and how deep it is.
    let mut before: Vec<(String, usize)> = Vec::with_capacity(faces.len());
    let mut found = Vec::with_capacity(faces.len());
    for (at, mount) in faces.iter().enumerate() {
        let target = mount.map_or("", |mount| mount.target.as_str());
        let Some(above) = parent(at) else {
            before.push((String::new(), 0));
            found.push((String::new(), target));
            continue;
        };
        let (stem, depth) = &before[above];
        let (fork, bar) = if brothers[at] { ("├ ", "│ ") } else { ("└ ", "  ") };
        let below = faces[above].and_then(|parent| target.strip_prefix(parent.target.trim_end_matches('/')));
        let name = below.and_then(|below| below.strip_prefix('/')).filter(|name| !name.is_empty());
        found.push((format!("{stem}{fork}"), name.unwrap_or(target)));
        let deeper = if *depth < DEEPEST { format!("{stem}{bar}") } else { stem.clone() };
        before.push((deeper, depth + 1));
    }
    found
}

#[cfg(test)]
mod tests;
