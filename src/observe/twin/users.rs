//! Users: one row per user, joined through the id maps. A uid without a mapping
//! is in the box what the kernel shows for it, the overflow uid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, IdRange, Process, Reading, Users, View};
use crate::observe::outside::{OVERFLOW, inner};

/// A user, as one side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserFace<'a> {
    /// The uid on that side.
    pub uid: u32,
    /// The name that this side's user database gives it.
    pub name: Option<&'a str>,
    /// Whether it is mapped; where not, `uid` is the overflow uid.
    pub mapped: bool,
}

/// The users of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersTwin<'a> {
    /// A row per user in use on either side, or first in a range of the map.
    pub users: Twin<UserFace<'a>>,
    /// The host's own maps and setgroups.
    pub host: Option<&'a Users>,
    /// The box's, with the host's ids outside.
    pub inside: Option<&'a Users>,
}

/// The users of both sides. Relevant is the uid that the actor has.
pub fn users<'a>(host: &'a View, actor: &'a ActorView) -> UsersTwin<'a> {
    let seen = actor.seen.read();
    let outer = host.users.read();
    // From outside if possible: the box's own file has its parent's ids outside.
    let maps = actor.users.read().or_else(|| seen.and_then(|seen| seen.users.read()));
    let map: &[IdRange] = maps.map_or(&[], |maps| &maps.uid_map);

    let host_names = Names { users: outer, processes: list(&host.processes) };
    let inside_names = Names {
        users: seen.and_then(|seen| seen.users.read()),
        processes: seen.map_or(&[], |seen| list(&seen.processes)),
    };
    let host_names = host_names.all();
    let inside_names = inside_names.all();

    let own = list(&host.processes).iter().find(|one| one.pid == actor.pid).map(|one| one.uid);
    let mut outside: BTreeSet<u32> = list(&host.processes).iter().map(|one| one.uid).collect();
    outside.extend(host.ids.read().map(|ids| ids.uid));
    outside.extend(map.iter().map(|range| range.outside));
    let mut within: BTreeSet<u32> =
        seen.into_iter().flat_map(|seen| list(&seen.processes)).map(|one| one.uid).collect();
    within.extend(seen.and_then(|seen| seen.ids.read()).map(|ids| ids.uid));
    outside.extend(within.iter().filter_map(|uid| outer_id(map, *uid)));

    let mut mapped = Vec::new();
    let mut unmapped = Vec::new();
    for uid in outside {
        let row = |inside: UserFace<'a>| Row {
            key: RowKey { side: Side::Host, key: Key::User(uid) },
            host: Some(UserFace { uid, name: host_names.get(&uid).copied(), mapped: true }),
            inside: Some(inside),
            relevant: inside.mapped || own == Some(uid),
        };
        let face = |uid: u32, mapped| UserFace { uid, name: inside_names.get(&uid).copied(), mapped };
        match inner(map, uid) {
            Some(uid) => mapped.push(row(face(uid, true))),
            None => unmapped.push(row(face(OVERFLOW, false))),
        }
    }
    // What the box uses and no map explains: the maps could not be read.
    let alone = within.into_iter().filter(|uid| *uid != OVERFLOW && outer_id(map, *uid).is_none());
    mapped.extend(alone.map(|uid| Row {
        key: RowKey { side: Side::Inside, key: Key::User(uid) },
        host: None,
        inside: Some(UserFace { uid, name: inside_names.get(&uid).copied(), mapped: true }),
        relevant: true,
    }));
    mapped.sort_by_key(|row| row.inside.map(|face| face.uid));
    UsersTwin { users: Twin::arranged(mapped, unmapped), host: outer, inside: maps }
}

/// Where one side's names come from.
struct Names<'a> {
    users: Option<&'a Users>,
    processes: &'a [Arc<Process>],
}

impl<'a> Names<'a> {
    fn all(&self) -> BTreeMap<u32, &'a str> {
        let listed = self.users.into_iter().flat_map(|users| &users.names).map(|(uid, name)| (*uid, name.as_str()));
        let used = self.processes.iter().filter_map(|one| Some((one.uid, one.user.as_deref()?)));
        used.chain(listed).collect()
    }
}

fn list(processes: &Reading<Vec<Arc<Process>>>) -> &[Arc<Process>] {
    processes.read().map_or(&[], Vec::as_slice)
}

/// The id outside of an id inside.
fn outer_id(map: &[IdRange], inside: u32) -> Option<u32> {
    map.iter().find_map(|range| {
        let offset = inside.checked_sub(range.inside).filter(|offset| *offset < range.count)?;
        range.outside.checked_add(offset)
    })
}
