//! The tables of IPC objects, clocks and cgroup paths.

use super::{Making, Table, both, unread};
use crate::i18n::Lang;
use crate::observe::model::{Ipc, IpcKind, Reading};
use crate::observe::twin::{self, IpcFace, Key, Path, Reads, Side};
use crate::observe::{ActorView, View};
use crate::say;
use crate::ui::safe::safe;

pub(super) fn ipc(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    for row in &twin::ipc(host, actor).rows {
        let keys = [&row.host, &row.inside].map(|face| face.as_ref().map(IpcFace::row_key));
        making.add(row, keys, both(row), object);
    }
    let head = match lang {
        Lang::En => vec!["KIND", "KEY", "ID", "SIZE", "UID", "USED"],
        Lang::Fr => vec!["TYPE", "CLÉ", "ID", "TAILLE", "UID", "EMPLOI"],
    };
    let notes = [Some(&host.ipc), actor.seen.read().map(|seen| &seen.ipc)];
    let notes = notes.map(|ipc| ipc.map_or_else(Vec::new, |ipc| notes_of(ipc, lang)));
    Table { head, notes, unread: unread(host, actor, |view| &view.ipc.shm, lang), ..Table::default() }
}

/// The kinds of objects, as ipcs(1) and the files of /proc name them.
fn kind(kind: IpcKind) -> &'static str {
    match kind {
        IpcKind::Shm => "shm",
        IpcKind::Msg => "msg",
        IpcKind::Sem => "sem",
        IpcKind::Mqueue => "mqueue",
    }
}

fn object(face: &IpcFace<'_>) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
    let id = number(face.id.map(u64::from));
    let (size, used) = (number(face.size), number(face.used));
    vec![kind(face.kind).to_owned(), safe(face.key), id, size, face.uid.to_string(), used]
}

fn notes_of(ipc: &Ipc, lang: Lang) -> Vec<String> {
    let mqueue = match &ipc.mqueue {
        Reading::Read(Some(mounted)) => {
            let path = safe(&mounted.path);
            say!(lang, "POSIX queues: {path}", "files POSIX : {path}")
        }
        Reading::Read(None) => say!(lang, "POSIX queues: mounted nowhere", "files POSIX : montées nulle part"),
        Reading::Unread(why) => {
            let errno = why.errno.symbol();
            say!(lang, "POSIX queues: not readable, {errno}", "files POSIX : illisibles, {errno}")
        }
    };
    let limits = ipc.limits.read().map(|limits| {
        let (shm, msg, sem) = (limits.shmmni, limits.msgmni, limits.sem[3]);
        say!(lang, "at most {shm} shm, {msg} msg, {sem} sem", "au plus {shm} shm, {msg} msg, {sem} sem")
    });
    [Some(mqueue), limits].into_iter().flatten().collect()
}

pub(super) fn time(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    let (twin, one) = twin::clocks(host, actor);
    for row in &twin.rows {
        // That a clock goes on is no change; that an offset is another, is.
        let offset = matches!(row.host, Some(Reads::MonotonicOffset(..) | Reads::BoottimeOffset(..)));
        let keys = [&row.host, &row.inside].map(|face| face.as_ref().filter(|_| offset).map(|_| Key::Time));
        making.add(row, keys, row.one(one), |reads| clock(reads, lang));
    }
    let head = match lang {
        Lang::En => vec!["CLOCK", "READS"],
        Lang::Fr => vec!["HORLOGE", "INDIQUE"],
    };
    Table { head, unread: unread(host, actor, |view| &view.time, lang), ..Table::default() }
}

/// A clock as a row: what it is, and what it says. A half has about 32 cells.
fn clock(reads: &Reads<'_>, lang: Lang) -> Vec<String> {
    let (name, reads) = match *reads {
        Reads::Date(date) => ("date (UTC)", date.trim_end_matches(" UTC").to_owned()),
        Reads::Monotonic(micros) => ("monotonic", twin::span(micros / 1_000_000, lang)),
        Reads::Boottime(micros) => ("boottime", twin::span(micros / 1_000_000, lang)),
        Reads::Uptime(seconds) => ("uptime", twin::span(i64::try_from(seconds).unwrap_or(i64::MAX), lang)),
        Reads::MonotonicOffset(seconds, nanos) => {
            (lang.pick("offset mono", "décal. mono"), twin::offset(seconds, nanos))
        }
        Reads::BoottimeOffset(seconds, nanos) => {
            (lang.pick("offset boot", "décal. boot"), twin::offset(seconds, nanos))
        }
    };
    vec![name.to_owned(), reads]
}

pub(super) fn cgroup(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    for row in &twin::cgroup(host, actor).rows {
        let own = !matches!(row.key.key, Key::TreeOfInit(_));
        let changed = |key| making.changes.of(Side::Inside, making.boxed, key).filter(|_| own);
        let marked = [changed(Key::Group), changed(Key::Cgroup)];
        making.add(row, [None, None], both(row), path_of);
        // Of a crowd not every row is made.
        if let Some(made) = making.rows.last_mut().filter(|made| made.key == row.key) {
            made.marked = marked;
        }
    }
    let head = match lang {
        Lang::En => vec!["TREE", "PATH"],
        Lang::Fr => vec!["ARBRE", "CHEMIN"],
    };
    let seen = unread(host, actor, |view| &view.cgroup, lang);
    let outside = match &actor.cgroup {
        Reading::Read(_) => None,
        Reading::Unread(why) => Some(super::reason(why, lang)),
    };
    let [_, inside] = seen;
    Table { head, unread: [outside, inside], ..Table::default() }
}

/// Of the box, where it doesn't say that it is another's.
fn path_of(path: &Path<'_>) -> Vec<String> {
    let tree = match (path.of_init, path.tree) {
        (false, "") => "v2".to_owned(),
        (false, tree) => safe(tree),
        (true, "") => "PID 1".to_owned(),
        (true, tree) => format!("PID 1 {}", safe(tree)),
    };
    vec![tree, safe(path.path)]
}
