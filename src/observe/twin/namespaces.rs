//! Namespaces: one row per namespace, in the order of the tree. The box's side is
//! what it can say itself of those that it is in.

use std::collections::BTreeSet;

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::NsKind;
use crate::observe::model::{Namespace, Reading, Snapshot};

/// A namespace, as one side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceFace<'a> {
    /// The namespace.
    pub namespace: &'a Namespace,
    /// Its owner, as this side is told it; nothing where it was not asked.
    pub owner: Option<&'a Reading<u64>>,
}

/// The namespaces. Relevant are those of the actors, those that they or the lab's
/// mounts hold, and the user namespaces above these; the crowd of other
/// containers on the host is not.
pub fn namespaces<'a>(snapshot: &'a Snapshot, boxed: &str) -> Twin<NamespaceFace<'a>> {
    let list = &snapshot.namespaces.list;
    let actor = snapshot.actors.get(boxed);
    let mut ours: BTreeSet<u64> = BTreeSet::new();
    for actor in snapshot.actors.values().filter(|actor| actor.alive) {
        ours.extend(actor.ns.values().filter_map(Reading::read));
    }
    ours.extend(snapshot.host.ns.values().filter_map(Reading::read));
    ours.extend(list.iter().filter(|one| one.held.iter().any(|held| held.pid.is_some())).map(|one| one.inode));
    // Children come after their owners: from the end, every owner is reached.
    for one in list.iter().rev().filter(|one| !matches!(one.owner, Reading::Unread(_))) {
        if ours.contains(&one.inode) {
            ours.extend(one.owner.read());
        }
    }
    let inside = |one: &'a Namespace| {
        let seen = actor.filter(|actor| actor.alive)?;
        let member = |kind: NsKind| seen.ns.get(&kind).and_then(Reading::read) == Some(&one.inode);
        let owner = seen.seen.read().and_then(|view| view.owners.get(&one.kind));
        member(one.kind).then_some(NamespaceFace { namespace: one, owner })
    };
    let row = |one: &'a Namespace| Row {
        key: RowKey { side: Side::Host, key: Key::Namespace(one.inode) },
        host: Some(NamespaceFace { namespace: one, owner: Some(&one.owner) }),
        inside: inside(one),
        relevant: ours.contains(&one.inode),
    };
    let (mut rows, crowd): (Vec<_>, Vec<_>) = list.iter().map(row).partition(|row| row.relevant);
    let shown = rows.len();
    rows.extend(crowd);
    Twin { rows, shown }
}
