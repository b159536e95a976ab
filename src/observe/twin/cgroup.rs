//! Cgroup paths: the groups that the box's process is in, a row per tree, as the
//! host reads them and as the box does; and those of the first process in view,
//! which is elsewhere.

use std::collections::BTreeMap;

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, Process, Reading, View};

/// The path of a group, as one side reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<'a> {
    /// Whether it is the first process's and not the box's own.
    pub of_init: bool,
    /// The controllers of a v1 tree, `name=…` for one without; empty for v2.
    pub tree: &'a str,
    /// From the root of the reader's cgroup namespace on; `/..` leads above it.
    pub path: &'a str,
}

/// The rows of both. Those in the root of a v1 tree on both sides fold.
pub fn cgroup<'a>(host: &'a View, actor: &'a ActorView) -> Twin<Path<'a>> {
    let seen = actor.seen.read();
    let mut rows = paths(false, &actor.cgroup, seen.map(|seen| &seen.cgroup));
    // What is PID 1 for the one is not for the other, where their /proc differ.
    let same_init = seen.and_then(first).zip(first(host)).is_some_and(|(one, other)| one.pid_ns == other.pid_ns);
    if same_init {
        rows.extend(paths(true, &host.init_cgroup, seen.map(|seen| &seen.init_cgroup)));
    }
    let (mut shown, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.relevant);
    let own = shown.len();
    shown.extend(rest);
    Twin { rows: shown, shown: own }
}

/// The first process in view.
fn first(view: &View) -> Option<&Process> {
    view.processes.read()?.iter().map(|one| &**one).find(|one| one.pid == 1)
}

type Groups = Reading<BTreeMap<String, String>>;

fn paths<'a>(of_init: bool, host: &'a Groups, inside: Option<&'a Groups>) -> Vec<Row<Path<'a>>> {
    let (outer, inner) = (host.read(), inside.and_then(Reading::read));
    let mut trees: Vec<&str> =
        [outer, inner].into_iter().flatten().flat_map(BTreeMap::keys).map(String::as_str).collect();
    trees.sort_unstable();
    trees.dedup();
    (0..)
        .zip(trees)
        .map(|(at, tree)| {
            let face = |side: Option<&'a BTreeMap<String, String>>| {
                side.and_then(|paths| paths.get(tree)).map(|path| Path { of_init, tree, path })
            };
            let (host, inside) = (face(outer), face(inner));
            let root = |face: Option<Path<'_>>| face.is_none_or(|face| face.path == "/");
            let key = if of_init { Key::TreeOfInit(at) } else { Key::Tree(at) };
            Row {
                key: RowKey { side: Side::Host, key },
                host,
                inside,
                relevant: tree.is_empty() || !root(host) || !root(inside),
            }
        })
        .collect()
}
