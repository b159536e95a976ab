//! The rows of the pane of control groups: the tree of the lab's groups, the paths of
//! the box's, and what their files say. They stand across both halves of the pane.
//! Made once per snapshot and language.

use std::collections::BTreeSet;

use super::history::History;
use super::safe::safe;
use super::twin::{Link, Making, Rank, Table, reason};
use crate::i18n::{Explain, Lang};
use crate::observe::twin::{
    self, About, FileRow, GroupRow, Groups, Key, Member, RowKey, Side, Unit, file_key, group_key, quantity, share,
};
use crate::observe::{ActorView, Reading, Snapshot};
use crate::say;
use crate::session::GroupFile;

/// So many members of a group are named in its row.
const NAMED: usize = 4;

/// How a row that stands across both halves is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strip {
    /// A group: branches and name, who is in it, what it uses.
    Group {
        /// Its name.
        name: String,
        /// Whether the box's process is in it.
        boxed: bool,
    },
    /// The paths of the box in some trees: those, as the host reads it, as the box does.
    Path,
    /// A file, or one of its numbers: its name, the value as the kernel writes it, for a
    /// person, the names in version 1, how much it is per second.
    File(Meter),
    /// A sentence.
    Note,
}

/// What is drawn of a file beside its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// The group's name, the file's, and that of its number.
    pub of: (String, String, Option<String>),
    /// How much of the limit is in use, in thousandths; may be above 1000.
    pub fill: Option<u64>,
    /// The curve, in levels from 0 to [`super::history::TOP`].
    pub curve: Vec<u8>,
    /// Something happened that is bad for who is in it.
    pub bad: bool,
    /// It could not be read.
    pub unread: bool,
}

/// The rows; whether there are any: a lesson may be about something else. The tree comes
/// first, then the files that the lesson speaks of.
pub(super) fn table(
    making: &mut Making<'_>,
    snapshot: &Snapshot,
    actor: &ActorView,
    (history, spoken): (&History, &[GroupFile]),
    lang: Lang,
) -> Option<Table> {
    let boxed = making.boxed();
    let groups = twin::groups(snapshot, boxed)?;
    let mut table = Table::default();
    let mut add = |key: Key, rank: Rank, cells: Vec<String>, strip: Strip| {
        let key = RowKey { side: Side::Host, key };
        making.place(key, rank, [Some(cells), None], Link::Apart, [Some(key.key), None]);
        table.strips.insert(key, strip);
    };
    for row in &groups.tree {
        let cells = vec![safe(&row.stem), who(&row.members, lang), uses(row, &groups, history, lang)];
        let strip = Strip::Group { name: row.name.to_owned(), boxed: row.boxed };
        add(group_key(row.name), Rank::Own, cells, strip);
    }
    let (front, behind) = in_front(&groups.files, spoken);
    let of_box = groups.files.iter().filter(|file| file.first).map(|file| file.group);
    let groups_shown: BTreeSet<&str> = of_box.clone().chain(front.iter().map(|file| file.group)).collect();
    let (several, own) = (groups_shown.len() > 1, of_box.collect::<BTreeSet<&str>>());
    let file_row = |row: &FileRow<'_>| {
        let named = several || !own.contains(&row.group);
        let (cells, meter) = file(row, named, history, lang);
        (file_key(row), cells, Strip::File(meter))
    };
    for row in front {
        let (key, cells, strip) = file_row(row);
        add(key, Rank::Own, cells, strip);
    }
    for (at, (rank, cells)) in (0..).zip(paths(&groups, actor)) {
        add(Key::Tree(at), rank, cells, Strip::Path);
    }
    for row in behind {
        let (key, cells, strip) = file_row(row);
        add(key, if row.first { Rank::Own } else { Rank::Other }, cells, strip);
    }
    let mut notes: Vec<String> = groups.notes(boxed, lang).iter().map(|note| safe(note)).collect();
    if let Reading::Unread(why) = &actor.cgroup {
        notes.push(reason(why, lang));
    }
    // In which groups the box is not comes before what is in them, the rest after it.
    let outside = !groups.tree.iter().any(|row| row.boxed);
    for (at, text) in (0..).zip(notes) {
        let rank = if at == 0 && outside { Rank::Own } else { Rank::Other };
        // Of the first process nothing is told here: the keys of its trees are free.
        let key = RowKey { side: Side::Host, key: Key::TreeOfInit(at) };
        making.place(key, rank, [Some(vec![text]), None], Link::Apart, [None, None]);
        table.strips.insert(key, Strip::Note);
    }
    Some(table)
}

/// The rows of the files that the lesson speaks of, in its order; and the others.
fn in_front<'a>(files: &'a [FileRow<'a>], spoken: &[GroupFile]) -> (Vec<&'a FileRow<'a>>, Vec<&'a FileRow<'a>>) {
    let place = |row: &FileRow<'_>| {
        spoken.iter().position(|one| {
            one.group == row.group
                && one.file == row.file
                && one.field.as_deref().is_none_or(|field| row.field == Some(field))
        })
    };
    let (mut front, behind): (Vec<_>, Vec<_>) = files.iter().partition(|row| place(row).is_some());
    front.sort_by_key(|row| place(row));
    (front, behind)
}

/// How many are in a group, and the first of them.
fn who(members: &[Member], lang: Lang) -> String {
    let mut text = members.iter().take(NAMED).map(|member| safe(&member.says(lang))).collect::<Vec<_>>().join(", ");
    if members.len() > NAMED {
        let more = members.len() - NAMED;
        text.push_str(&say!(lang, " and {more} more", " et {more} de plus"));
    }
    if members.is_empty() { lang.pick("nobody", "personne").to_owned() } else { text }
}

/// What a group uses of what can be limited.
fn uses(row: &GroupRow<'_>, groups: &Groups<'_>, history: &History, lang: Lang) -> String {
    let find = |file: &str, field: Option<&str>| {
        groups.files.iter().find(|one| (one.group, one.file, one.field) == (row.name, file, field))
    };
    let mut texts = Vec::new();
    if row.group.frozen == Some(true) {
        texts.push(lang.pick("frozen", "gelé").to_owned());
    }
    if let Some(killed) =
        find("memory.events", Some("oom_kill")).and_then(|row| row.number).filter(|killed| *killed > 0)
    {
        texts.push(format!("oom_kill {killed}"));
    }
    let throttled = find("cpu.stat", Some("nr_throttled"));
    if throttled.and_then(|row| history.per_second(row)).is_some_and(|rate| rate > 0) {
        texts.push(lang.pick("throttled", "bridé").to_owned());
    }
    let cpu = find("cpu.stat", Some("usage_usec"));
    if let Some(rate) = cpu.and_then(|cpu| history.per_second(cpu)) {
        let percent = rate / 10_000;
        texts.push(format!("cpu {percent} %"));
    }
    if let Some(memory) = find("memory.current", None) {
        let says = memory.says(lang);
        texts.push(say!(lang, "mem {says}", "mém. {says}"));
    }
    if let Some((pids, number)) = find("pids.current", None).and_then(|pids| Some((pids, pids.number?))) {
        let limit = pids.limit.map_or_else(String::new, |(_, limit)| format!("/{limit}"));
        texts.push(format!("pids {number}{limit}"));
    }
    texts.join("  ")
}

/// The paths of the box's process: trees that say the same stand together; those where
/// the lab has a group come first.
fn paths(groups: &Groups<'_>, actor: &ActorView) -> Vec<(Rank, Vec<String>)> {
    let Some(host) = actor.cgroup.read() else { return Vec::new() };
    let inside = actor.seen.read().and_then(|seen| seen.cgroup.read());
    let of_lab = |path: &str| groups.tree.iter().flat_map(|row| row.group.at.values()).any(|at| at.path == path);
    let mut rows: Vec<(Vec<String>, [&str; 2])> = Vec::new();
    for (tree, path) in host {
        let inner = inside.and_then(|paths| paths.get(tree)).map_or("?", String::as_str);
        let tree = if tree.is_empty() { "v2".to_owned() } else { safe(tree) };
        match rows.iter_mut().find(|(_, paths)| *paths == [path.as_str(), inner]) {
            Some((trees, _)) => trees.push(tree),
            None => rows.push((vec![tree], [path, inner])),
        }
    }
    let row = |(trees, [host, inner]): (Vec<String>, [&str; 2])| {
        let rank = if of_lab(host) { Rank::Own } else { Rank::Other };
        (rank, vec![trees.join(","), safe(host), safe(inner)])
    };
    rows.into_iter().map(row).collect()
}

/// A file's texts, and what is drawn of it. `named`: with the group before its name.
fn file(row: &FileRow<'_>, named: bool, history: &History, lang: Lang) -> (Vec<String>, Meter) {
    let rate = history.per_second(row).filter(|_| row.rises());
    let is_cpu = (row.file, row.field) == ("cpu.stat", Some("usage_usec"));
    let part = match (row.limit, row.number) {
        // Of the time that the quota gives.
        (Some((_, quota)), _) if is_cpu => rate.map(|micros| micros.checked_div(quota).unwrap_or(0)),
        (Some((_, limit)), Some(number)) => Some(parts(number, limit)),
        _ => None,
    };
    let per_second = match rate {
        Some(micros) if is_cpu => share(micros / 1_000, lang),
        None | Some(0) => String::new(),
        Some(micros) if row.unit == Unit::Micros => format!("+{}/s", quantity(micros, Unit::Micros, lang)),
        Some(bytes) if row.unit == Unit::Bytes => format!("+{}/s", quantity(bytes, Unit::Bytes, lang)),
        Some(number) => format!("+{number}/s"),
    };
    let place = match (named, row.group) {
        (false, _) => String::new(),
        (true, "/") => "/".to_owned(),
        (true, group) => format!("{}/", safe(group)),
    };
    let (raw, says) = match row.raw {
        Ok(raw) => (safe(raw), row.says(lang)),
        Err(unread) => (unread.errno.explain(lang), String::new()),
    };
    let meter = Meter {
        of: (row.group.to_owned(), row.file.to_owned(), row.field.map(str::to_owned)),
        fill: part,
        curve: history.curve(row),
        bad: row.about == About::Events && row.number.is_some_and(|number| number > 0),
        unread: row.raw.is_err(),
    };
    (vec![format!("{place}{}", safe(&row.name())), raw, says, safe(&row.in_v1(lang)), per_second], meter)
}

/// A part of a whole, in thousandths.
fn parts(part: u64, whole: u64) -> u64 {
    let thousandths = (u128::from(part) * 1000).checked_div(u128::from(whole));
    thousandths.map_or(if part > 0 { 1000 } else { 0 }, |found| u64::try_from(found).unwrap_or(u64::MAX))
}
