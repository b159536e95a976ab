//! Who is who on both sides: users joined through the uid map, the owners of the
//! lesson's files, the ranges of the maps, setgroups; below, the maps as each side
//! reads them.

use super::{Link, Making, Rank, Table, both, unread};
use crate::i18n::Lang;
use crate::observe::model::{FileSeen, IdRange, Users};
use crate::observe::twin::{self, Key, RowKey, Side, UserFace};
use crate::observe::{ActorView, Reading, View};
use crate::say;
use crate::ui::safe::safe;

pub(super) fn table(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    let users = twin::users(host, actor);
    for row in &users.users.rows {
        let keys = [row.host, row.inside].map(|face| face.map(|face| Key::User(face.uid)));
        let mapped = row.inside.is_some_and(|face| face.mapped);
        // A user that no map explains is in the box only as the overflow uid.
        let keys = if mapped { keys } else { [keys[0], None] };
        making.add(row, keys, both(row).filter(|_| mapped), |face| user(face, lang));
    }
    files(making, actor, lang);
    let apart = users.host.is_none() || own(host) != own_of(actor);
    if let (Some(inside), true) = (users.inside, apart) {
        for (what, changed, key, map) in [
            (lang.pick("uids", "uid"), Key::UidMap, Key::UidRange as fn(u32) -> Key, &inside.uid_map),
            (lang.pick("gids", "gid"), Key::GidMap, Key::GidRange as fn(u32) -> Key, &inside.gid_map),
        ] {
            ranges(making, what, changed, key, map, lang);
        }
        setgroups(making, users.host, inside);
    }
    let head = match lang {
        Lang::En => vec!["WHAT", "ID", "NAME"],
        Lang::Fr => vec!["QUOI", "ID", "NOM"],
    };
    let seen = actor.seen.read().and_then(|seen| seen.users.read());
    let notes = [
        users.inside.map_or_else(Vec::new, |maps| lines(&format!("/proc/{}", actor.pid), maps, lang)),
        seen.map_or_else(Vec::new, |maps| lines("/proc/self", maps, lang)),
    ];
    Table { head, notes, unread: unread(host, actor, |view| &view.users, lang), ..Table::default() }
}

/// The user namespace of a side.
fn own(view: &View) -> Option<u64> {
    view.ns.get(&crate::lesson::op::NsKind::User).and_then(Reading::read).copied()
}

fn own_of(actor: &ActorView) -> Option<u64> {
    actor.ns.get(&crate::lesson::op::NsKind::User).and_then(Reading::read).copied()
}

fn user(face: &UserFace<'_>, lang: Lang) -> Vec<String> {
    let name = face.name.map_or_else(|| "–".to_owned(), safe);
    let name = if face.mapped { name } else { say!(lang, "{name} (not mapped)", "{name} (sans correspondance)") };
    vec!["uid".to_owned(), face.uid.to_string(), name]
}

/// The owner of each file: one file, whatever each side calls its owner.
fn files(making: &mut Making<'_>, actor: &ActorView, lang: Lang) {
    let what = || lang.pick("file", "fichier").to_owned();
    let Some(seen) = actor.seen.read() else { return };
    for (place, (path, inside)) in seen.files.iter().enumerate() {
        let cells = |file: &Reading<FileSeen>| match file {
            Reading::Read(file) => {
                let name = file.user.as_deref().map_or_else(|| "–".to_owned(), safe);
                vec![what(), file.uid.to_string(), format!("{} ({name})", safe(path))]
            }
            Reading::Unread(unread) => vec![what(), unread.errno.symbol(), safe(path)],
        };
        let key = RowKey { side: Side::Host, key: Key::Owner(place) };
        let host = actor.files.get(path);
        let link = if host.is_some() { Link::Joined(making.hues.of(key)) } else { Link::Apart };
        making.place(key, Rank::Own, [host.map(cells), Some(cells(inside))], link, [Some(key.key); 2]);
    }
}

/// Each range with its ids on both sides.
fn ranges(making: &mut Making<'_>, what: &str, map_key: Key, key: fn(u32) -> Key, map: &[IdRange], lang: Lang) {
    let marks = [None, Some(map_key)];
    if map.is_empty() {
        let cells = vec![what.to_owned(), "–".to_owned(), say!(lang, "no map written", "aucune table écrite")];
        let host = vec![String::new(); cells.len()];
        let key = RowKey { side: Side::Inside, key: map_key };
        making.place(key, Rank::Own, [Some(host), Some(cells)], Link::Apart, marks);
    }
    // A single uid is a row of the users already.
    for range in map.iter().filter(|range| range.count > 1 || map_key == Key::GidMap) {
        let side = |first: u32| {
            let last = u64::from(first) + u64::from(range.count).saturating_sub(1);
            let ids = if range.count == 1 { first.to_string() } else { format!("{first}…{last}") };
            vec![what.to_owned(), ids, format!("×{}", range.count)]
        };
        let key = RowKey { side: Side::Host, key: key(range.inside) };
        let link = Link::Joined(making.hues.of(key));
        making.place(key, Rank::Own, [Some(side(range.outside)), Some(side(range.inside))], link, marks);
    }
}

fn setgroups(making: &mut Making<'_>, host: Option<&Users>, inside: &Users) {
    let cells = |users: &Users| vec!["setgroups".to_owned(), safe(&users.setgroups), String::new()];
    let link = match host {
        Some(host) if host.setgroups != inside.setgroups => Link::Differs,
        _ => Link::Apart,
    };
    let key = RowKey { side: Side::Host, key: Key::Setgroups };
    making.place(key, Rank::Own, [host.map(cells), Some(cells(inside))], link, [None, Some(key.key)]);
}

/// The maps as a side reads them: the lines of the files.
fn lines(base: &str, users: &Users, lang: Lang) -> Vec<String> {
    let map = |name: &str, ranges: &[IdRange]| {
        let lines: Vec<String> =
            ranges.iter().map(|range| format!("{} {} {}", range.inside, range.outside, range.count)).collect();
        let lines = if lines.is_empty() { lang.pick("(empty)", "(vide)").to_owned() } else { lines.join(" | ") };
        format!("{base}/{name}  {lines}")
    };
    vec![map("uid_map", &users.uid_map), map("gid_map", &users.gid_map)]
}
