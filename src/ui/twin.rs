//! Twin tables for the panes: the joined rows of `observe` as columns of safe text,
//! in the order to show them. Made once per snapshot, pane and language, never
//! while drawing.

mod caps;
mod namespaces;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{self, Strip};
use super::history::History;
use super::layers::{self, GridRow};
use super::layout::Pane;
use super::safe::safe;
use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::observe::model::{Process, Unread};
use crate::observe::twin::{self, Key, MountFace, Passes, RowKey, Side};
use crate::observe::{ActorView, Change, Changes, Reading, Snapshot, View};
use crate::say;
use crate::session::GroupFile;

mod net;
mod objects;
mod seccomp;
use net::net;

/// So many rows that are not the box's own are made ready at once; the rest of a
/// crowd is only counted until somebody looks at it.
const CROWD: usize = 100;

/// A pane's rows, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings of the columns, the same on both sides.
    pub head: Vec<&'static str>,
    /// The box's own first, then what else the box sees, then what only the host
    /// sees.
    pub rows: Vec<Row>,
    /// Those that were only counted.
    pub rest: Rest,
    /// Lines below the rows, per side (the id maps).
    pub notes: [Vec<String>; 2],
    /// Rows that stand across both sides, in place of the others: files by layer.
    pub grid: Vec<GridRow>,
    /// How rows are drawn that stand across both sides and can be selected like others:
    /// control groups. Where there are any, the rows have no box face.
    pub strips: BTreeMap<RowKey, Strip>,
    /// What to say instead of rows, per side: it could not be read, and why.
    pub unread: [Option<String>; 2],
}

impl Table {
    /// How many of so many lines are for rows, and how many below them for notes:
    /// those stand there only where both have room.
    pub fn room(&self, high: usize) -> (usize, usize) {
        let notes = self.notes_height();
        if high >= notes + self.rows.len().min(5) { (high - notes, notes) } else { (high, 0) }
    }
}

/// Rows that are not the box's own, counted by who sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rest {
    /// Both sides.
    pub both: usize,
    /// The box alone.
    pub inside: usize,
    /// The host alone.
    pub host: usize,
}

impl Rest {
    /// All of them.
    pub fn count(self) -> usize {
        self.both + self.inside + self.host
    }

    /// One more, with these faces.
    pub fn add(&mut self, host: bool, inside: bool) {
        *match (host, inside) {
            (true, true) => &mut self.both,
            (false, true) => &mut self.inside,
            _ => &mut self.host,
        } += 1;
    }
}

/// One object with its faces, a text per column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Stable while the object lasts.
    pub key: RowKey,
    /// How near it is to the box.
    pub rank: Rank,
    /// Its face on the host's side.
    pub host: Option<Vec<String>>,
    /// Its face on the box's side.
    pub inside: Option<Vec<String>>,
    /// How the two belong together.
    pub link: Link,
    /// What became of the faces a moment ago: the host's, the box's.
    pub marked: [Option<Change>; 2],
    /// It is gone, and stays in sight for a moment.
    pub gone: bool,
}

impl Row {
    /// Its face on a side.
    pub fn face(&self, side: Side) -> Option<&Vec<String>> {
        match side {
            Side::Host => self.host.as_ref(),
            Side::Inside => self.inside.as_ref(),
        }
    }
}

/// How near a row is to the box: the order of the groups of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The box's own, and it sees it.
    Own,
    /// The box's own, and it doesn't see it.
    Hidden,
    /// Something else that it sees.
    Seen,
    /// The rest.
    Other,
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

/// The numbers of joined objects, which are their colours: an object keeps its own
/// in every pane and through every refresh.
#[derive(Debug, Default)]
pub struct Hues {
    numbers: BTreeMap<RowKey, usize>,
    next: usize,
}

impl Hues {
    /// So many are remembered before those out of sight are forgotten: a box that
    /// forks without end must not fill the memory.
    const MOST: usize = 4096;

    /// The number of an object; the first that is met has 0.
    fn of(&mut self, key: RowKey) -> usize {
        let next = &mut self.next;
        *self.numbers.entry(key).or_insert_with(|| {
            *next += 1;
            *next - 1
        })
    }

    /// Forgets all but these rows' where there are too many.
    fn tidy(&mut self, rows: &[Row]) {
        if self.numbers.len() > Self::MOST {
            let kept: BTreeSet<RowKey> = rows.iter().map(|row| row.key).collect();
            self.numbers.retain(|key, _| kept.contains(key));
        }
    }
}

/// What a table is made with.
pub struct Look<'a> {
    /// The actor that the BOX side shows.
    pub boxed: &'a str,
    /// What changed a moment ago.
    pub changes: &'a Changes,
    /// The colours of joined rows.
    pub hues: &'a mut Hues,
    /// What numbers were before.
    pub history: &'a History,
    /// Which files of control groups the lesson speaks of.
    pub spoken: &'a [GroupFile],
    /// Whether every row of a crowd is made ready, not only counted.
    pub whole: bool,
    /// The row that is selected.
    pub chosen: Option<RowKey>,
    /// The language.
    pub lang: Lang,
}

impl Table {
    /// The table of a pane; empty while there is no snapshot of the box.
    pub fn of(pane: Pane, snapshot: &Snapshot, look: Look<'_>) -> Self {
        let Look { boxed, changes, hues, history, spoken, whole, chosen, lang } = look;
        let Some(actor) = snapshot.actors.get(boxed) else { return Self::default() };
        let mut making = Making { boxed, changes, hues, whole, rows: Vec::new(), crowd: 0, rest: Rest::default() };
        let host = &snapshot.host;
        let mut table = match pane {
            Pane::Processes | Pane::Walls | Pane::Calls => processes(&mut making, host, actor, lang),
            Pane::Users => users::table(&mut making, host, actor, lang),
            Pane::Mounts => mounts(&mut making, host, actor, lang),
            Pane::Layers => layers::volumes(&mut making, host, actor, lang),
            Pane::Names => names(&mut making, host, actor, lang),
            Pane::Namespaces => namespaces::table(&mut making, snapshot, actor, lang),
            Pane::Caps => caps::table(&mut making, host, actor, lang),
            Pane::Net => net(&mut making, snapshot, actor, lang),
            Pane::Ipc => objects::ipc(&mut making, host, actor, lang),
            Pane::Seccomp => seccomp::table(&mut making, snapshot, actor, chosen, lang),
            Pane::Time => objects::time(&mut making, host, actor, lang),
            Pane::Cgroup => groups::table(&mut making, snapshot, actor, (history, spoken), lang)
                .unwrap_or_else(|| objects::cgroup(&mut making, host, actor, lang)),
        };
        making.rows.sort_by_key(|row| row.rank);
        making.hues.tidy(&making.rows);
        table.rows = making.rows;
        table.rest = making.rest;
        if pane == Pane::Layers {
            table.grid = layers::grid(snapshot, boxed, changes, lang);
            if table.grid.is_empty() && table.notes.iter().all(Vec::is_empty) {
                table.grid.push(layers::nothing(lang));
            }
        }
        table
    }

    /// How many lines the notes take.
    pub fn notes_height(&self) -> usize {
        self.notes.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// How many rows there are to scroll through.
    pub fn height(&self) -> usize {
        if self.grid.is_empty() { self.rows.len() } else { self.grid.len() }
    }
}

/// Rows in the making.
pub(super) struct Making<'a> {
    boxed: &'a str,
    changes: &'a Changes,
    hues: &'a mut Hues,
    whole: bool,
    rows: Vec<Row>,
    /// How many of them are not the box's own.
    crowd: usize,
    rest: Rest,
}

impl<'a> Making<'a> {
    /// The actor that the BOX side shows.
    pub(super) fn boxed(&self) -> &'a str {
        self.boxed
    }

    /// Adds a row. `keys` are what its faces are known by on their own sides.
    pub(super) fn add<T>(
        &mut self,
        row: &twin::Row<T>,
        keys: [Option<Key>; 2],
        joined: Option<bool>,
        cells: impl Fn(&T) -> Vec<String>,
    ) {
        let rank = match (row.relevant, row.inside.is_some()) {
            (true, true) => Rank::Own,
            (true, false) => Rank::Hidden,
            (false, true) => Rank::Seen,
            (false, false) => Rank::Other,
        };
        if self.is_counted(rank, row.host.is_some(), row.inside.is_some()) {
            return;
        }
        let [host, inside] = keys;
        let marked = [self.changed(Side::Host, host), self.changed(Side::Inside, inside)];
        let link = match joined {
            Some(true) => Link::Joined(self.hues.of(row.key)),
            Some(false) => Link::Differs,
            None => Link::Apart,
        };
        let (host, inside) = (row.host.as_ref().map(&cells), row.inside.as_ref().map(&cells));
        self.rows.push(Row { key: row.key, rank, host, inside, link, marked, gone: false });
    }

    /// Adds a row whose place and faces the pane itself knows.
    pub(super) fn place(
        &mut self,
        key: RowKey,
        rank: Rank,
        faces: [Option<Vec<String>>; 2],
        link: Link,
        keys: [Option<Key>; 2],
    ) {
        let [host, inside] = faces;
        if self.is_counted(rank, host.is_some(), inside.is_some()) {
            return;
        }
        let marked = [self.changed(Side::Host, keys[0]), self.changed(Side::Inside, keys[1])];
        self.rows.push(Row { key, rank, host, inside, link, marked, gone: false });
    }

    /// Whether a row of a crowd is only counted.
    fn is_counted(&mut self, rank: Rank, host: bool, inside: bool) -> bool {
        if rank < Rank::Seen {
            return false;
        }
        if self.crowd == CROWD && !self.whole {
            self.rest.add(host, inside);
            return true;
        }
        self.crowd += 1;
        false
    }

    fn changed(&self, side: Side, key: Option<Key>) -> Option<Change> {
        key.and_then(|key| self.changes.of(side, self.boxed, key))
    }
}

/// Why each side has nothing to show, where it could not be read.
fn unread<T>(host: &View, actor: &ActorView, field: fn(&View) -> &Reading<T>, lang: Lang) -> [Option<String>; 2] {
    let side = |reading: &Reading<T>| match reading {
        Reading::Read(_) => None,
        Reading::Unread(unread) => Some(reason(unread, lang)),
    };
    let inside = match &actor.seen {
        Reading::Read(seen) => side(field(seen)),
        Reading::Unread(unread) => Some(reason(unread, lang)),
    };
    [side(field(host)), inside]
}

/// Why there is nothing to show.
pub(super) fn reason(unread: &Unread, lang: Lang) -> String {
    let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
    say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}")
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
