//! The tree of namespaces as lines: each with its owner, its members and what else
//! holds it.

use crate::i18n::Lang;
use crate::observe::model::{Held, Holding, Namespace};
use crate::observe::twin;
use crate::observe::{Reading, Snapshot};
use crate::plain::paper::Paper;
use crate::say;
use crate::term::safe::safe;

pub(super) fn namespaces(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str, all: bool) {
    let lang = paper.lang;
    let twin = twin::namespaces(snapshot, boxed);
    let shown = if all { twin.rows.as_slice() } else { twin.unfolded() };
    for row in shown {
        let Some(face) = row.host else { continue };
        let one = face.namespace;
        let (kind, inode, members) = (one.kind.name(), one.inode, one.members);
        let owner = match &one.owner {
            Reading::Read(owner) => say!(lang, "owner user {owner}", "propriétaire user {owner}"),
            Reading::Unread(unread) => {
                let errno = unread.errno.symbol();
                say!(lang, "owner unknown ({errno})", "propriétaire inconnu ({errno})")
            }
        };
        let who = who(one, snapshot, lang);
        let mine = if row.inside.is_some() { lang.pick("; the box is in it", " ; la boîte y est") } else { "" };
        paper.raw(&say!(
            lang,
            "{kind} {inode}: {owner}; {members} processes{who}{mine}",
            "{kind} {inode} : {owner} ; {members} processus{who}{mine}"
        ));
    }
    let folded = if all { 0 } else { twin.folded() };
    if folded > 0 {
        paper.say(&say!(lang, "… {folded} more on the host", "… et {folded} de plus sur l'hôte"));
    }
    let denied = snapshot.namespaces.denied;
    if denied == 1 {
        paper.say(&say!(
            lang,
            "1 process of another user doesn't say its own (EACCES).",
            "1 processus d'un autre utilisateur ne dit pas les siens (EACCES)."
        ));
    } else if denied > 1 {
        paper.say(&say!(
            lang,
            "{denied} processes of other users don't say theirs (EACCES).",
            "{denied} processus d'autres utilisateurs ne disent pas les leurs (EACCES)."
        ));
    }
}

fn who(one: &Namespace, snapshot: &Snapshot, lang: Lang) -> String {
    let processes = snapshot.host.processes.read().map_or(&[][..], Vec::as_slice);
    let named = |pid: &u32| {
        let at = processes.binary_search_by_key(pid, |process| process.pid).ok()?;
        processes.get(at).map(|process| format!("{} {pid}", safe(&process.name)))
    };
    let mut names: Vec<String> = one.pids.iter().take(4).filter_map(named).collect();
    if one.members as usize > names.len() && !names.is_empty() {
        names.push("…".to_owned());
    }
    names.extend(one.held.iter().map(|held| holder(held, lang)));
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn holder(held: &Held, lang: Lang) -> String {
    let at = safe(&held.at);
    match (held.by, held.pid) {
        (Holding::Mount, _) => say!(lang, "held by the mount {at}", "tenu par le montage {at}"),
        (Holding::Descriptor, pid) => {
            let pid = pid.unwrap_or_default();
            say!(lang, "held by descriptor {at} of process {pid}", "tenu par le descripteur {at} du processus {pid}")
        }
    }
}
