//! Twin tables for the panes: the joined rows of `observe` as columns of safe text,
//! in the order to show them. Made once per snapshot, pane and language, never
//! while drawing.

use std::collections::BTreeMap;

use super::layers::{self, GridRow};
use super::layout::Pane;
use super::safe::safe;
use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::observe::model::{IdRange, Process, Users};
use crate::observe::twin::{self, Key, MountFace, Passes, RowKey, Side, UserFace};
use crate::observe::{ActorView, Changes, Reading, Snapshot, View};
use crate::say;

mod net;
use net::net;

/// A pane's rows, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings of the columns, the same on both sides.
    pub head: Vec<&'static str>,
    /// The box's own first, then what else the box sees, then what only the host
    /// sees.
    pub rows: Vec<Row>,
    /// How many of them are the box's own; where the others do not fit they fold
    /// into a line.
    pub own: usize,
    /// Lines below the rows, per side (the id maps).
    pub notes: [Vec<String>; 2],
    /// Rows that stand across both sides, in place of the others: files by layer.
    pub grid: Vec<GridRow>,
    /// What to say instead of rows, per side: it could not be read, and why.
    pub unread: [Option<String>; 2],
}

/// One object with its faces, a text per column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its face on the host's side.
    pub host: Option<Vec<String>>,
    /// Its face on the box's side.
    pub inside: Option<Vec<String>>,
    /// How the two belong together.
    pub link: Link,
    /// Which of the faces changed a moment ago: the host's, the box's.
    pub marked: [bool; 2],
}

/// How the two faces of a row belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They are one object; the number gives both the same colour, for as long as
    /// the object lasts.
    Joined(usize),
    /// They are two objects of the same kind, and differ.
    Differs,
    /// Nothing joins them, or there is one alone.
    Apart,
}

/// The numbers of joined objects: the first that is met is 0.
pub type Hues = BTreeMap<RowKey, usize>;

impl Table {
    /// The table of a pane; empty while there is no snapshot of the box.
    pub fn of(pane: Pane, snapshot: &Snapshot, boxed: &str, changes: &Changes, hues: &mut Hues, lang: Lang) -> Self {
        let Some(actor) = snapshot.actors.get(boxed) else { return Self::default() };
        let mut making = Making { boxed, changes, hues, rows: Vec::new() };
        let host = &snapshot.host;
        let mut table = match pane {
            Pane::Processes | Pane::Walls | Pane::Calls => processes(&mut making, host, actor, lang),
            Pane::Users => users(&mut making, host, actor, lang),
            Pane::Mounts => mounts(&mut making, host, actor, lang),
            Pane::Layers => layers::volumes(&mut making, host, actor, lang),
            Pane::Names => names(&mut making, host, actor, lang),
            Pane::Net => net(&mut making, snapshot, actor, lang),
        };
        making.rows.sort_by_key(|(rank, _)| *rank);
        table.own = making.rows.iter().filter(|(rank, _)| *rank <= 1).count();
        table.rows = making.rows.into_iter().map(|(_, row)| row).collect();
        if pane == Pane::Layers {
            table.grid = layers::grid(snapshot, boxed, changes, lang);
            if table.grid.is_empty() && table.notes.iter().all(Vec::is_empty) {
                table.grid.push(layers::nothing(lang));
            }
        }
        table
    }

    /// How many rows there are to scroll through.
    pub fn height(&self) -> usize {
        if self.grid.is_empty() { self.rows.len() } else { self.grid.len() }
    }

    /// Takes the marks away.
    pub fn unmark(&mut self) {
        self.rows.iter_mut().for_each(|row| row.marked = [false; 2]);
        self.grid.iter_mut().for_each(|row| row.marked = false);
    }
}

/// Rows in the making, each with its rank: 0 the box's own that it sees, 1 its own
/// that it doesn't see, 2 what else it sees, 3 the rest.
pub(super) struct Making<'a> {
    boxed: &'a str,
    changes: &'a Changes,
    hues: &'a mut Hues,
    rows: Vec<(u8, Row)>,
}

impl Making<'_> {
    /// Adds a row. `keys` are what its faces are known by on their own sides.
    pub(super) fn add<T>(
        &mut self,
        row: &twin::Row<T>,
        keys: [Option<Key>; 2],
        joined: Option<bool>,
        cells: impl Fn(&T) -> Vec<String>,
    ) {
        let [host, inside] = keys;
        let changed = |side, key: Option<Key>| key.is_some_and(|key| self.changes.of(side, self.boxed, key).is_some());
        let marked = [changed(Side::Host, host), changed(Side::Inside, inside)];
        let link = match joined {
            Some(true) => {
                let next = self.hues.len();
                Link::Joined(*self.hues.entry(row.key).or_insert(next))
            }
            Some(false) => Link::Differs,
            None => Link::Apart,
        };
        let rank = match (row.relevant, row.inside.is_some()) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        let (host, inside) = (row.host.as_ref().map(&cells), row.inside.as_ref().map(&cells));
        self.rows.push((rank, Row { host, inside, link, marked }));
    }
}

/// Why each side has nothing to show, where it could not be read.
fn unread<T>(host: &View, actor: &ActorView, field: fn(&View) -> &Reading<T>, lang: Lang) -> [Option<String>; 2] {
    let why = |unread: &crate::observe::model::Unread| {
        let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
        say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}")
    };
    let side = |reading: &Reading<T>| match reading {
        Reading::Read(_) => None,
        Reading::Unread(unread) => Some(why(unread)),
    };
    let inside = match &actor.seen {
        Reading::Read(seen) => side(field(seen)),
        Reading::Unread(unread) => Some(why(unread)),
    };
    [side(field(host)), inside]
}

/// Both faces there: one object.
fn both<T>(row: &twin::Row<T>) -> Option<bool> {
    (row.host.is_some() && row.inside.is_some()).then_some(true)
}

fn processes(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    for row in &twin::processes(host, actor).rows {
        let keys = [row.host, row.inside].map(|one| one.map(|one| Key::Process(one.pid)));
        making.add(row, keys, both(row), |one| process(one));
    }
    let head = match lang {
        Lang::En => vec!["PID", "PPID", "USER", "S", "COMMAND"],
        Lang::Fr => vec!["PID", "PPID", "UTIL.", "É", "COMMANDE"],
    };
    Table { head, unread: unread(host, actor, |view| &view.processes, lang), ..Table::default() }
}

fn process(one: &Process) -> Vec<String> {
    let user = one.user.as_deref().map_or_else(|| one.uid.to_string(), safe);
    let command = if one.command.is_empty() { format!("[{}]", safe(&one.name)) } else { safe(&one.command) };
    vec![one.pid.to_string(), one.ppid.to_string(), user, safe(&one.state.to_string()), command]
}

fn users(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    let users = twin::users(host, actor);
    for row in &users.users.rows {
        let keys = [row.host, row.inside].map(|face| face.map(|face| Key::User(face.uid)));
        let mapped = row.inside.is_some_and(|face| face.mapped);
        // A user that no map explains is in the box only as the overflow uid.
        let keys = if mapped { keys } else { [keys[0], None] };
        making.add(row, keys, both(row).filter(|_| mapped), |face| user(face, lang));
    }
    let head = match lang {
        Lang::En => vec!["UID", "NAME"],
        Lang::Fr => vec!["UID", "NOM"],
    };
    let notes = [users.host, users.inside].map(|users| users.map_or_else(Vec::new, |users| maps(users, lang)));
    Table { head, notes, unread: unread(host, actor, |view| &view.users, lang), ..Table::default() }
}

fn user(face: &UserFace<'_>, lang: Lang) -> Vec<String> {
    let name = face.name.map_or_else(|| "–".to_owned(), safe);
    let name = if face.mapped { name } else { say!(lang, "{name} (not mapped)", "{name} (sans correspondance)") };
    vec![face.uid.to_string(), name]
}

fn maps(users: &Users, lang: Lang) -> Vec<String> {
    let map = |name: &str, ranges: &[IdRange]| {
        let ranges: Vec<String> =
            ranges.iter().map(|range| format!("{} → {} (×{})", range.inside, range.outside, range.count)).collect();
        let ranges =
            if ranges.is_empty() { lang.pick("not written", "non écrit").to_owned() } else { ranges.join(", ") };
        format!("{name}  {ranges}")
    };
    let setgroups = format!("setgroups  {}", safe(&users.setgroups));
    vec![map("uid_map", &users.uid_map), map("gid_map", &users.gid_map), setgroups]
}

fn mounts(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    let twin = twin::mounts(host, actor);
    for row in &twin.rows {
        let keys = [&row.host, &row.inside].map(|face| face.as_ref().map(|face| Key::Mount(face.mount.id)));
        making.add(row, keys, both(row), mount);
    }
    let head = match lang {
        Lang::En => vec!["MOUNTED ON", "SPREAD", "SOURCE", "TYPE"],
        Lang::Fr => vec!["MONTÉ SUR", "PROPAG.", "SOURCE", "TYPE"],
    };
    let some = |passes| twin.rows.iter().filter_map(|row| row.inside.as_ref()).any(|face| face.passes == passes);
    let ways = [
        (Passes::Both, lang.pick("⇄ both ways", "⇄ deux sens")),
        (Passes::In, lang.pick("→ to box", "→ boîte")),
        (Passes::Out, lang.pick("← to host", "← hôte")),
    ];
    let ways: Vec<&str> = ways.into_iter().filter(|(passes, _)| some(*passes)).map(|(_, way)| way).collect();
    let legend = (!ways.is_empty()).then(|| ways.join(", "));
    let legend = legend.map(|ways| say!(lang, "mounts pass {ways}", "passent : {ways}"));
    let notes = [legend.into_iter().collect(), Vec::new()];
    Table { head, notes, unread: unread(host, actor, |view| &view.mounts, lang), ..Table::default() }
}

fn mount(face: &MountFace<'_>) -> Vec<String> {
    // HOST is on the left, BOX on the right.
    let arrow = match face.passes {
        Passes::No => "",
        Passes::Both => " ⇄",
        Passes::In => " →",
        Passes::Out => " ←",
    };
    let (stem, name) = (&face.stem, safe(face.name));
    vec![format!("{stem}{name}"), safe(&face.spread()) + arrow, safe(&face.what()), safe(&face.kind())]
}

fn names(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    // Two names with the same letters are still two, once the namespaces are.
    let uts = |ns: &BTreeMap<NsKind, Reading<u64>>| ns.get(&NsKind::Uts).and_then(Reading::read).copied();
    let shared = uts(&host.ns) == uts(&actor.ns);
    for row in &twin::names(host, actor).rows {
        let label = match row.key.key {
            Key::Hostname => lang.pick("host name", "nom d'hôte"),
            Key::Domainname => lang.pick("domain name", "nom de domaine"),
            _ => lang.pick("kernel", "noyau"),
        };
        let keys = [row.host, row.inside].map(|name| name.map(|_| row.key.key));
        let one = shared || !matches!(row.key.key, Key::Hostname | Key::Domainname);
        let joined = row.same().filter(|same| one || !same);
        making.add(row, keys, joined, |name| vec![label.to_owned(), safe(name)]);
    }
    let head = match lang {
        Lang::En => vec!["WHAT", "NAME"],
        Lang::Fr => vec!["QUOI", "NOM"],
    };
    Table { head, unread: unread(host, actor, |view| &view.uts, lang), ..Table::default() }
}
