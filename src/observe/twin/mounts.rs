//! Mounts: one row per mounted directory, joined on the file system's device and
//! the directory of it that is mounted; where several fit, the one at the same
//! place.

use std::collections::{HashMap, HashSet};

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, Mount, Reading, View};

/// The mounts of both sides. A side that could not be read is empty. Each face has
/// its own propagation.
pub fn mounts<'a>(host: &'a View, actor: &'a ActorView) -> Twin<&'a Mount> {
    let outer = list(&host.mounts);
    let inner = actor.seen.read().map_or(&[][..], |seen| list(&seen.mounts));
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

    let seen = inner
        .iter()
        .zip(twins)
        .map(|(one, twin)| {
            let (side, id) = twin.map_or((Side::Inside, one.id), |twin| (Side::Host, twin.id));
            Row { key: RowKey { side, key: Key::Mount(id) }, host: twin, inside: Some(one), relevant: true }
        })
        .collect();
    let host_only = outer
        .iter()
        .filter(|one| !taken.contains(&one.id))
        .map(|one| Row {
            key: RowKey { side: Side::Host, key: Key::Mount(one.id) },
            host: Some(one),
            inside: None,
            relevant: false,
        })
        .collect();
    Twin::arranged(seen, host_only)
}

fn list(mounts: &Reading<Vec<Mount>>) -> &[Mount] {
    mounts.read().map_or(&[], Vec::as_slice)
}
