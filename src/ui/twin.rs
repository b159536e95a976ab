//! Twin tables for the panes: the joined rows of `observe` as columns of safe text,
//! made once per snapshot, pane and language, never while drawing; and which rows
//! changed since the snapshot before.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::Pane;
use super::safe::safe;
use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::observe::model::{IdRange, Process};
use crate::observe::{Reading, Snapshot, View};
use crate::say;

/// A pane's rows, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings of the columns, the same on both sides.
    pub head: Vec<&'static str>,
    /// Joined rows first, then those of the box alone, then those of the host alone.
    pub rows: Vec<Row>,
    /// What to say instead of rows, per side: it could not be read, and why.
    pub unread: [Option<String>; 2],
}

/// One object, or what is known on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is known by from one snapshot to the next.
    pub key: String,
    /// Its face on the host's side, a text per column.
    pub host: Option<Vec<String>>,
    /// Its face on the box's side.
    pub boxed: Option<Vec<String>>,
    /// For joined rows: their number, which gives both halves one colour.
    pub joined: Option<usize>,
}

impl Table {
    /// The table of a pane; empty while there is no snapshot of the box.
    pub fn of(pane: Pane, snapshot: &Snapshot, boxed: &str, lang: Lang) -> Self {
        let Some(actor) = snapshot.actors.get(boxed) else { return Self::default() };
        let host = &snapshot.host;
        let (mut table, inside) = match &actor.seen {
            Reading::Read(view) => (Self::default(), Some(view)),
            Reading::Unread(unread) => {
                let why = unread.errno.explain(lang);
                let path = safe(&unread.path);
                let why = say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}");
                (Self { unread: [None, Some(why)], ..Self::default() }, None)
            }
        };
        match pane {
            Pane::Processes => processes(&mut table, host, inside, lang),
            Pane::Users => users(&mut table, host, inside, lang),
            Pane::Mounts => mounts(&mut table, host, inside, lang),
            Pane::Names | Pane::Walls | Pane::Calls => names(&mut table, host, inside, lang),
        }
        let order = |row: &Row| match (&row.host, &row.boxed) {
            (Some(_), Some(_)) => 0,
            (None, _) => 1,
            (Some(_), None) => 2,
        };
        table.rows.sort_by_key(order);
        for (number, row) in table.rows.iter_mut().filter(|row| order(row) == 0).enumerate() {
            row.joined = Some(number);
        }
        table
    }

    /// The keys of the rows that are new or differ from those of an older table.
    pub fn changed_since(&self, before: &Self) -> BTreeSet<String> {
        let old: BTreeMap<&str, (&Option<Vec<String>>, &Option<Vec<String>>)> =
            before.rows.iter().map(|row| (row.key.as_str(), (&row.host, &row.boxed))).collect();
        self.rows
            .iter()
            .filter(|row| old.get(row.key.as_str()) != Some(&(&row.host, &row.boxed)))
            .map(|row| row.key.clone())
            .collect()
    }
}

/// The value, or nothing and a note of why.
fn read<'a, T>(table: &mut Table, side: usize, reading: &'a Reading<T>, lang: Lang) -> Option<&'a T> {
    match reading {
        Reading::Read(value) => Some(value),
        Reading::Unread(unread) => {
            let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
            table.unread[side] = Some(say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}"));
            None
        }
    }
}

fn processes(table: &mut Table, host: &View, inside: Option<&View>, lang: Lang) {
    table.head = match lang {
        Lang::En => vec!["PID", "PPID", "USER", "S", "COMMAND"],
        Lang::Fr => vec!["PID", "PPID", "UTIL.", "É", "COMMANDE"],
    };
    let empty = Vec::new();
    let outer = read(table, 0, &host.processes, lang).unwrap_or(&empty);
    let inner = inside.and_then(|view| read(table, 1, &view.processes, lang)).unwrap_or(&empty);
    let ns = inside.and_then(|view| view.ns.get(&NsKind::Pid)).and_then(Reading::read).copied();
    let host_ns = host.ns.get(&NsKind::Pid).and_then(Reading::read).copied();
    let mut by_inner: BTreeMap<u32, &Process> = inner.iter().map(|process| (process.pid, process)).collect();
    for process in outer {
        let twin = if ns == host_ns {
            by_inner.remove(&process.pid)
        } else if process.pid_ns.is_some() && process.pid_ns == ns {
            process.nspid.last().and_then(|pid| by_inner.remove(pid))
        } else {
            None
        };
        table.rows.push(Row {
            key: format!("h{}", process.pid),
            host: Some(process_cells(process)),
            boxed: twin.map(process_cells),
            joined: None,
        });
    }
    for process in by_inner.into_values() {
        let key = format!("b{}", process.pid);
        table.rows.push(Row { key, host: None, boxed: Some(process_cells(process)), joined: None });
    }
}

fn process_cells(process: &Process) -> Vec<String> {
    let user = process.user.as_deref().map_or_else(|| process.uid.to_string(), safe);
    let command =
        if process.command.is_empty() { format!("[{}]", safe(&process.name)) } else { safe(&process.command) };
    vec![process.pid.to_string(), process.ppid.to_string(), user, safe(&process.state.to_string()), command]
}

fn users(table: &mut Table, host: &View, inside: Option<&View>, lang: Lang) {
    table.head = match lang {
        Lang::En => vec!["UID", "NAME"],
        Lang::Fr => vec!["UID", "NOM"],
    };
    let outer = read(table, 0, &host.users, lang);
    let inner = inside.and_then(|view| read(table, 1, &view.users, lang));
    let cells = |uid: u32, names: &BTreeMap<u32, String>| {
        vec![uid.to_string(), names.get(&uid).map_or_else(String::new, |name| safe(name))]
    };
    let none = BTreeMap::new();
    let host_names = outer.map_or(&none, |users| &users.names);
    let map: &[IdRange] = inner.map_or(&[], |users| &users.uid_map);
    let mut seen = BTreeSet::new();
    for (&uid, _) in inner.map_or(&none, |users| &users.names) {
        let names = inner.map_or(&none, |users| &users.names);
        let outside = map
            .iter()
            .find(|range| uid >= range.inside && uid - range.inside < range.count)
            .map(|range| range.outside + (uid - range.inside));
        seen.extend(outside);
        table.rows.push(Row {
            key: format!("b{uid}"),
            host: outside.map(|uid| cells(uid, host_names)),
            boxed: Some(cells(uid, names)),
            joined: None,
        });
    }
    for &uid in host_names.keys().filter(|uid| !seen.contains(uid)) {
        table.rows.push(Row { key: format!("h{uid}"), host: Some(cells(uid, host_names)), boxed: None, joined: None });
    }
}

fn mounts(table: &mut Table, host: &View, inside: Option<&View>, lang: Lang) {
    table.head = match lang {
        Lang::En => vec!["MOUNTED ON", "TYPE", "SOURCE"],
        Lang::Fr => vec!["MONTÉ SUR", "TYPE", "SOURCE"],
    };
    let empty = Vec::new();
    let outer = read(table, 0, &host.mounts, lang).unwrap_or(&empty);
    let inner = inside.and_then(|view| read(table, 1, &view.mounts, lang)).unwrap_or(&empty);
    let cells =
        |mount: &crate::observe::model::Mount| vec![safe(&mount.target), safe(&mount.fstype), safe(&mount.source)];
    let mut left: Vec<&crate::observe::model::Mount> = inner.iter().collect();
    for mount in outer {
        let at = left.iter().position(|other| other.device == mount.device && other.root == mount.root);
        let twin = at.map(|at| left.remove(at));
        table.rows.push(Row {
            key: format!("h{}", mount.id),
            host: Some(cells(mount)),
            boxed: twin.map(cells),
            joined: None,
        });
    }
    for mount in left {
        table.rows.push(Row { key: format!("b{}", mount.id), host: None, boxed: Some(cells(mount)), joined: None });
    }
}

fn names(table: &mut Table, host: &View, inside: Option<&View>, lang: Lang) {
    table.head = match lang {
        Lang::En => vec!["WHAT", "NAME"],
        Lang::Fr => vec!["QUOI", "NOM"],
    };
    let outer = read(table, 0, &host.uts, lang);
    let inner = inside.and_then(|view| read(table, 1, &view.uts, lang));
    let labels = [
        lang.pick("host name", "nom d'hôte"),
        lang.pick("domain name", "nom de domaine"),
        lang.pick("kernel", "noyau"),
    ];
    let values = |uts: &crate::observe::model::Uts| [safe(&uts.hostname), safe(&uts.domainname), safe(&uts.release)];
    let (outer, inner) = (outer.map(values), inner.map(values));
    for (n, label) in labels.into_iter().enumerate() {
        let cells = |values: &[String; 3]| vec![label.to_owned(), values[n].clone()];
        let row = Row {
            key: label.to_owned(),
            host: outer.as_ref().map(cells),
            boxed: inner.as_ref().map(cells),
            joined: None,
        };
        table.rows.push(row);
    }
}
