//! Namespaces: one row per namespace, in the order of the tree. The box's side is
//! what it can say itself of those that it is in.

use std::collections::BTreeSet;

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::NsKind;
use crate::observe::model::{ActorView, Namespace, Reading, Snapshot};

/// A namespace, as one side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceFace<'a> {
    /// The namespace.
    pub namespace: &'a Namespace,
    /// Its owner, as this side is told it; nothing where it was not asked.
    pub owner: Option<&'a Reading<u64>>,
}

/// The namespaces. Relevant are those of the box, those of the other actors that
/// are not the host's as well, those that the lab's processes or mounts hold, and
/// the user namespaces above these; other containers on the host are not.
pub fn namespaces<'a>(snapshot: &'a Snapshot, boxed: &str) -> Twin<NamespaceFace<'a>> {
    let list = &snapshot.namespaces.list;
    let actor = snapshot.actors.get(boxed);
    let mut ours: BTreeSet<u64> = BTreeSet::new();
    for actor in snapshot.actors.values().filter(|actor| actor.alive) {
        ours.extend(actor.ns.values().filter_map(Reading::read));
    }
    for shared in snapshot.host.ns.values().filter_map(Reading::read) {
        ours.remove(shared);
    }
    ours.extend(actor.into_iter().flat_map(|actor| actor.ns.values()).filter_map(Reading::read));
    ours.extend(list.iter().filter(|one| one.held.iter().any(|held| held.pid.is_some())).map(|one| one.inode));
    owners(list, &mut ours);
    // The box's own first, also where it has left them behind.
    let mut mine: BTreeSet<u64> = actor.map(last).unwrap_or_default();
    // Those of its user namespace that nobody is in any more are to be seen going.
    let user = actor.and_then(|actor| actor.ns.get(&NsKind::User)?.read());
    let left = |one: &&Namespace| one.members == 0 && user.is_some() && one.owner.read() == user;
    mine.extend(list.iter().filter(left).map(|one| one.inode));
    owners(list, &mut mine);
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
    let (ours, crowd): (Vec<_>, Vec<_>) = list.iter().map(row).partition(|row| row.relevant);
    let shown = ours.len();
    let own = |row: &Row<NamespaceFace<'a>>| row.host.is_some_and(|face| mine.contains(&face.namespace.inode));
    let (mut rows, others): (Vec<_>, Vec<_>) = ours.into_iter().partition(own);
    rows.extend(others);
    rows.extend(crowd);
    Twin { rows, shown }
}

/// The namespaces that an actor is in, or was in when it last said so.
fn last(actor: &ActorView) -> BTreeSet<u64> {
    let said = actor.seen.read().map(|view| &view.ns);
    let ns = if actor.alive { Some(&actor.ns) } else { said };
    ns.into_iter().flat_map(|ns| ns.values()).filter_map(Reading::read).copied().collect()
}

/// Adds the owners, up to the top.
fn owners(list: &[Namespace], of: &mut BTreeSet<u64>) {
    // What a user namespace owns need not come after it in the list: until none is added.
    loop {
        let before = of.len();
        for one in list {
            if of.contains(&one.inode) {
                of.extend(one.owner.read());
            }
        }
        if of.len() == before {
            return;
        }
    }
}
