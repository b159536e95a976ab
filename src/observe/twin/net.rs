//! The network: interfaces, sockets that wait for others, routes. Where both sides
//! are in one network namespace each is one row; where they are in two, only a veth
//! pair is: its ends are two faces of one cable.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::NsKind;
use crate::observe::model::{Address, Link, Listener, Net, Reading, Route, Snapshot, View};

/// One face of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetFace<'a> {
    /// An interface.
    Link {
        /// It.
        link: &'a Link,
        /// Its addresses.
        addresses: Vec<&'a Address>,
        /// The other end of the pair, where it is neither here nor on the host.
        other: Option<Other<'a>>,
    },
    /// A socket that waits for others.
    Listener(&'a Listener),
    /// A route.
    Route(&'a Route),
}

/// The end of a veth pair in an actor that is not the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other<'a> {
    /// The actor.
    pub actor: &'a str,
    /// The end, as that actor sees it.
    pub link: &'a Link,
}

/// The network of both sides. A list that could not be read is empty. Of what only
/// the host sees, its lo stands by itself, and what waits on the same port as
/// something in the box; the rest folds.
pub fn net<'a>(snapshot: &'a Snapshot, boxed: &str) -> Twin<NetFace<'a>> {
    let host = &snapshot.host;
    let Some(seen) = snapshot.actors.get(boxed).and_then(|actor| actor.seen.read()) else {
        return Twin { rows: Vec::new(), shown: 0 };
    };
    let shared = namespace(host).is_some() && namespace(host) == namespace(seen);
    let outer = faces(&host.net);
    let mut taken: HashSet<Key> = HashSet::new();
    let mut rows = Vec::new();
    for (key, mut face) in faces(&seen.net) {
        let twin = if shared {
            outer.iter().find(|(other, _)| *other == key)
        } else {
            match end_of(&face, snapshot, boxed) {
                Some(End::Host(index)) => outer.iter().find(|(other, _)| *other == Key::Link(index)),
                Some(End::Actor(found)) => {
                    if let NetFace::Link { other, .. } = &mut face {
                        *other = Some(found);
                    }
                    None
                }
                None => None,
            }
        };
        taken.extend(twin.map(|(key, _)| *key));
        let (side, of_row) = twin.map_or((Side::Inside, key), |(key, _)| (Side::Host, *key));
        rows.push(Row {
            key: RowKey { side, key: of_row },
            host: twin.map(|(_, face)| face.clone()),
            relevant: !shared || is_lo(&face),
            inside: Some(face),
        });
    }
    let ports: HashSet<(&str, u16)> =
        list(&seen.net.listeners).iter().map(|one| (one.protocol.as_str(), one.port)).collect();
    let beside = |face: &NetFace<'_>| match face {
        NetFace::Listener(one) => ports.contains(&(one.protocol.as_str(), one.port)),
        other => is_lo(other),
    };
    let host_only = outer
        .into_iter()
        .filter(|(key, _)| !taken.contains(key))
        .map(|(key, face)| Row {
            key: RowKey { side: Side::Host, key },
            relevant: beside(&face),
            host: Some(face),
            inside: None,
        })
        .collect();
    Twin::arranged(rows, host_only)
}

/// What a row of a route is known by: it has no number of its own.
pub(in crate::observe) fn key_of_route(route: &Route) -> Key {
    let mut hasher = DefaultHasher::new();
    route.hash(&mut hasher);
    Key::Route(hasher.finish())
}

impl NetFace<'_> {
    /// What it is known by on its own side.
    pub fn key(&self) -> Key {
        match self {
            Self::Link { link, .. } => Key::Link(link.index),
            Self::Listener(one) => Key::Listener(one.inode),
            Self::Route(route) => key_of_route(route),
        }
    }
}

fn faces(net: &Net) -> Vec<(Key, NetFace<'_>)> {
    let addresses = list(&net.addresses);
    let links = list(&net.links).iter().map(|link| NetFace::Link {
        link,
        addresses: addresses.iter().filter(|one| one.link == link.index).collect(),
        other: None,
    });
    let all = links
        .chain(list(&net.listeners).iter().map(NetFace::Listener))
        .chain(list(&net.routes).iter().map(NetFace::Route));
    all.map(|face| (face.key(), face)).collect()
}

/// Where the other end of a pair is.
enum End<'a> {
    /// On the host, by index.
    Host(u32),
    /// With another actor.
    Actor(Other<'a>),
}

/// The other end of a veth pair: the one link in another network namespace that
/// names this one as its own other end. Nothing where several do: the kernel gives
/// each side only an index.
fn end_of<'a>(face: &NetFace<'a>, snapshot: &'a Snapshot, boxed: &str) -> Option<End<'a>> {
    let NetFace::Link { link, .. } = face else { return None };
    let peer = link.peer.filter(|peer| peer.netnsid.is_some())?;
    let end_in = |net: &'a Net| {
        list(&net.links).iter().find(|other| {
            other.index == peer.index
                && other.peer.is_some_and(|back| back.index == link.index && back.netnsid.is_some())
        })
    };
    let mut looked: HashSet<u64> = snapshot.actors.get(boxed)?.seen.read().and_then(namespace).into_iter().collect();
    let mut found = Vec::new();
    if namespace(&snapshot.host).is_some_and(|inode| looked.insert(inode)) {
        found.extend(end_in(&snapshot.host.net).map(|other| End::Host(other.index)));
    }
    for (name, actor) in &snapshot.actors {
        let Some(seen) = actor.seen.read().filter(|_| actor.alive) else { continue };
        if namespace(seen).is_some_and(|inode| looked.insert(inode)) {
            found.extend(end_in(&seen.net).map(|link| End::Actor(Other { actor: name, link })));
        }
    }
    let only = found.pop()?;
    found.is_empty().then_some(only)
}

fn is_lo(face: &NetFace<'_>) -> bool {
    matches!(face, NetFace::Link { link, .. } if link.kind == "loopback")
}

fn namespace(view: &View) -> Option<u64> {
    view.ns.get(&NsKind::Net).and_then(Reading::read).copied()
}

fn list<T>(reading: &Reading<Vec<T>>) -> &[T] {
    reading.read().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
#[path = "net_tests.rs"]
mod tests;
