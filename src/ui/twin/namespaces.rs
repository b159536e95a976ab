//! The tree of namespaces by owner: on the host's side each with its members and what
//! else holds it, on the box's those that it is in, below the owner that it is told.

use super::{Link, Making, Rank, Table};
use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::observe::model::{Held, Holding, Namespace};
use crate::observe::twin::{self, NamespaceFace};
use crate::observe::{ActorView, Reading, Snapshot};
use crate::say;
use crate::ui::safe::safe;

pub(super) fn table(making: &mut Making<'_>, snapshot: &Snapshot, actor: &ActorView, lang: Lang) -> Table {
    let twin = twin::namespaces(snapshot, making.boxed);
    let own = actor.ns.get(&NsKind::User).and_then(Reading::read).copied();
    for row in &twin.rows {
        let link = if row.inside.is_some() { Link::Joined(making.hues.of(row.key)) } else { Link::Apart };
        let faces = [row.host.map(|face| host(&face, snapshot, lang)), row.inside.map(|face| inside(&face, own))];
        // The order is the tree's: only the crowd stands apart. What changes is known
        // to the host's side alone.
        let rank = if row.relevant { Rank::Own } else { Rank::Other };
        making.place(row.key, rank, faces, link, [Some(row.key.key), None]);
    }
    let head = match lang {
        Lang::En => vec!["NAMESPACE", "NUMBER", "WHO"],
        Lang::Fr => vec!["ESPACE", "NUMÉRO", "QUI"],
    };
    let mut notes = [Vec::new(), Vec::new()];
    let denied = snapshot.namespaces.denied;
    if denied == 1 {
        notes[0].push(say!(lang, "1 process: EACCES", "1 processus : EACCES"));
    } else if denied > 1 {
        notes[0].push(say!(lang, "{denied} processes: EACCES", "{denied} processus : EACCES"));
    }
    let pending = snapshot.namespaces.pending;
    if pending > 0 {
        notes[0].push(say!(lang, "not asked yet: {pending}", "pas encore interrogés : {pending}"));
    }
    let why = |unread: &crate::observe::model::Unread| {
        let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
        say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}")
    };
    let unread = |reading: Option<&crate::observe::model::Unread>| reading.map(why);
    let hidden = match &actor.seen {
        Reading::Unread(unread) => Some(unread),
        Reading::Read(_) => None,
    };
    Table { head, notes, unread: [None, unread(hidden)], ..Table::default() }
}

fn host(face: &NamespaceFace<'_>, snapshot: &Snapshot, lang: Lang) -> Vec<String> {
    let one = face.namespace;
    let name = format!("{}{}", "  ".repeat(one.depth.min(8) as usize), one.kind.name());
    vec![name, one.inode.to_string(), who(one, snapshot, lang)]
}

/// What the box is told itself: below its own user namespace stands what that owns.
fn inside(face: &NamespaceFace<'_>, own: Option<u64>) -> Vec<String> {
    let one = face.namespace;
    let (indent, owner) = match face.owner {
        Some(Reading::Read(owner)) if Some(*owner) == own => ("  ", String::new()),
        Some(Reading::Read(owner)) => ("", format!("user:[{owner}]")),
        Some(Reading::Unread(unread)) => ("", unread.errno.symbol()),
        None => ("", String::new()),
    };
    vec![format!("{indent}{}", one.kind.name()), one.inode.to_string(), owner]
}

/// How many are in it, the first of them by name, and what else keeps it there.
pub(super) fn who(one: &Namespace, snapshot: &Snapshot, lang: Lang) -> String {
    let processes = snapshot.host.processes.read().map_or(&[][..], Vec::as_slice);
    let mut names: Vec<String> = Vec::new();
    for pid in &one.pids {
        let at = processes.binary_search_by_key(pid, |process| process.pid).ok();
        if let Some(name) = at.and_then(|at| processes.get(at)).map(|process| safe(&process.name))
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names.extend(one.held.iter().map(|held| holder(held, lang)));
    if names.is_empty() && one.kind == NsKind::User {
        names.push(say!(lang, "by what it owns", "par ce qu'il possède"));
    }
    format!("{} {}", one.members, names.join(", "))
}

fn holder(held: &Held, lang: Lang) -> String {
    let at = safe(&held.at);
    match (held.by, held.pid) {
        (Holding::Mount, _) => say!(lang, "mount {at}", "montage {at}"),
        (Holding::Descriptor, pid) => {
            let pid = pid.unwrap_or_default();
            say!(lang, "fd {at} of {pid}", "fd {at} de {pid}")
        }
    }
}
