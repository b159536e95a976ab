//! The twin rows, the walls and the calls as lines to be read aloud. Pure but for
//! the paper; called by the loop and by `page`.

mod caps;
mod groups;
mod namespaces;
mod net;
mod objects;
mod seccomp;
mod users;

use super::layers::layers;
use super::paper::{Paper, Tone};
use crate::i18n::{Explain, Lang};
use crate::lesson::model::Pane;
use crate::observe::model::{Built, Process, Wall};
use crate::observe::twin::{self, MountFace, Passes, Row};
use crate::observe::{ActorView, Errno, Reading, Snapshot, Traced, View, returned};
use crate::say;
use crate::session::StepOutcome;
use crate::term::safe::safe;

/// At most so many rows that do not concern the box.
const OTHERS: usize = 3;
/// At most so many calls of traced commands where they were not asked for.
const LAST: usize = 20;

/// A pane, for the actor that is the box. `all`: nothing is left out.
pub fn pane(paper: &mut Paper<'_>, pane: Pane, snapshot: &Snapshot, boxed: &str, all: bool) {
    let lang = paper.lang;
    let Some(actor) = snapshot.actors.get(boxed) else {
        return paper.say(&say!(lang, "There is no box yet.", "Il n'y a pas encore de boîte."));
    };
    let name = safe(boxed);
    let title = match pane {
        Pane::Processes => say!(lang, "Processes; the box is {name}", "Processus ; la boîte est {name}"),
        Pane::Users => say!(lang, "Users; the box is {name}", "Utilisateurs ; la boîte est {name}"),
        Pane::Mounts => say!(lang, "Mounts; the box is {name}", "Montages ; la boîte est {name}"),
        Pane::Layers => say!(lang, "Files by layer; the box is {name}", "Fichiers par couche ; la boîte est {name}"),
        Pane::Names => say!(lang, "Names; the box is {name}", "Noms ; la boîte est {name}"),
        Pane::Namespaces => {
            say!(lang, "Namespaces; the box is {name}", "Espaces de noms (namespaces) ; la boîte est {name}")
        }
        Pane::Net => say!(lang, "Network; the box is {name}", "Réseau ; la boîte est {name}"),
        Pane::Ipc => say!(lang, "IPC objects; the box is {name}", "Objets IPC ; la boîte est {name}"),
        Pane::Time => say!(lang, "Clocks; the box is {name}", "Horloges ; la boîte est {name}"),
        Pane::Cgroup => say!(lang, "Control groups; the box is {name}", "Groupes de contrôle ; la boîte est {name}"),
        Pane::Caps => say!(lang, "Capabilities; the box is {name}", "Capacités ; la boîte est {name}"),
        Pane::Seccomp => say!(lang, "Seccomp; the box is {name}", "Seccomp ; la boîte est {name}"),
        // Not of one box: the caller has them by `calls`.
        Pane::Calls => return,
    };
    paper.tone("", &title, Tone::Strong);
    if let Some(exit) = actor.exit.as_deref().map(safe) {
        paper.say(&say!(
            lang,
            "{name} has ended ({exit}); its side is what it last saw.",
            "{name} est terminé ({exit}) ; son côté est ce qu'il a vu en dernier."
        ));
    }
    unread(paper, &actor.seen);
    match pane {
        Pane::Processes => processes(paper, &snapshot.host, actor, all),
        Pane::Users => users::users(paper, &snapshot.host, actor, all),
        Pane::Mounts => mounts(paper, &snapshot.host, actor, all),
        Pane::Layers => layers(paper, snapshot, boxed, actor, all),
        Pane::Names => names(paper, &snapshot.host, actor),
        Pane::Namespaces => namespaces::namespaces(paper, snapshot, boxed, all),
        Pane::Net => net::net(paper, snapshot, boxed, all),
        Pane::Ipc => objects::ipc(paper, &snapshot.host, actor, all),
        Pane::Time => objects::time(paper, &snapshot.host, actor),
        Pane::Cgroup => groups::cgroup(paper, snapshot, boxed, all),
        Pane::Caps => caps::caps(paper, &snapshot.host, actor, all),
        Pane::Seccomp => seccomp::seccomp(paper, snapshot, boxed, actor, all),
        Pane::Calls => {}
    }
}

fn unread<T>(paper: &mut Paper<'_>, reading: &Reading<T>) {
    if let Reading::Unread(why) = reading {
        let lang = paper.lang;
        let (path, errno) = (safe(&why.path), why.errno.explain(lang));
        let text = say!(lang, "not readable: {path}: {errno}", "illisible : {path} : {errno}");
        paper.tone("? ", &text, Tone::Warn);
    }
}

fn processes(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread(paper, &host.processes);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.processes);
    }
    let twin = twin::processes(host, actor);
    rows(paper, &twin.rows, all, |row| match (row.host, row.inside) {
        (Some(outer), Some(inner)) => {
            let (h, hu, b, bu) = (outer.pid, user(outer), inner.pid, user(inner));
            let (state, command) = (outer.state, command(inner));
            say!(
                lang,
                "host PID {h} = box PID {b}  {bu}  {command}  (host: {hu}; state {state})",
                "hôte PID {h} = boîte PID {b}  {bu}  {command}  (hôte : {hu} ; état {state})"
            )
        }
        (Some(outer), None) => {
            let (h, hu, state, command) = (outer.pid, user(outer), outer.state, command(outer));
            say!(
                lang,
                "host PID {h}, not visible from the box  {hu}  {command}  (state {state})",
                "hôte PID {h}, non visible de la boîte  {hu}  {command}  (état {state})"
            )
        }
        (None, inner) => {
            let (b, bu, command) =
                inner.map_or((0, String::new(), String::new()), |inner| (inner.pid, user(inner), command(inner)));
            say!(
                lang,
                "box PID {b}, number on the host unknown  {bu}  {command}",
                "boîte PID {b}, numéro sur l'hôte inconnu  {bu}  {command}"
            )
        }
    });
}

fn user(process: &Process) -> String {
    process.user.as_deref().map_or_else(|| process.uid.to_string(), safe)
}

fn command(process: &Process) -> String {
    if process.command.is_empty() { format!("[{}]", safe(&process.name)) } else { safe(&process.command) }
}

fn mounts(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread(paper, &host.mounts);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.mounts);
    }
    let twin = twin::mounts(host, actor);
    let at = |face: &MountFace<'_>| safe(&face.mount.target);
    let kind = |face: &MountFace<'_>| safe(&format!("{}  {}  {}", face.kind(), face.what(), face.spread()));
    let passes = |face: &MountFace<'_>| match face.passes {
        Passes::No => "",
        Passes::Both => lang.pick("  (mounts pass both ways)", "  (les montages passent dans les deux sens)"),
        Passes::In => lang.pick("  (mounts pass to the box)", "  (les montages passent vers la boîte)"),
        Passes::Out => lang.pick("  (mounts pass to the host)", "  (les montages passent vers l'hôte)"),
    };
    rows(paper, &twin.rows, all, |row| match (&row.host, &row.inside) {
        (Some(outer), Some(inner)) => {
            let (h, b, kind, passes) = (at(outer), at(inner), kind(inner), passes(inner));
            say!(lang, "host {h} = box {b}  {kind}{passes}", "hôte {h} = boîte {b}  {kind}{passes}")
        }
        (Some(outer), None) => {
            let (h, kind, passes) = (at(outer), kind(outer), passes(outer));
            say!(lang, "host {h}, not in the box  {kind}{passes}", "hôte {h}, absent de la boîte  {kind}{passes}")
        }
        (None, inner) => {
            let of = |face: &MountFace<'_>| (at(face), kind(face), passes(face));
            let (b, kind, passes) = inner.as_ref().map_or_else(Default::default, of);
            say!(lang, "box {b}, not on the host  {kind}{passes}", "boîte {b}, absent de l'hôte  {kind}{passes}")
        }
    });
}

fn names(paper: &mut Paper<'_>, host: &View, actor: &ActorView) {
    let lang = paper.lang;
    unread(paper, &host.uts);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.uts);
    }
    let labels = [
        lang.pick("host name", "nom d'hôte"),
        lang.pick("domain name", "nom de domaine"),
        lang.pick("kernel release", "version du noyau"),
    ];
    let twin = twin::names(host, actor);
    for (label, row) in labels.iter().zip(&twin.rows) {
        let name = |face: Option<&str>| face.map_or_else(|| "?".to_owned(), safe);
        let (h, b) = (name(row.host), name(row.inside));
        let sign = match row.same() {
            Some(true) => "=",
            Some(false) => "≠",
            None => "?",
        };
        let text = say!(lang, "{label}: host {h} {sign} box {b}", "{label} : hôte {h} {sign} boîte {b}");
        paper.raw(&text);
    }
}

/// The rows that concern the box, a few of the others, and how many were left out.
fn rows<T>(paper: &mut Paper<'_>, rows: &[Row<T>], all: bool, text: impl Fn(&Row<T>) -> String) {
    let lang = paper.lang;
    if let Some(needle) = paper.only.clone() {
        let (said, hidden): (Vec<_>, Vec<_>) =
            rows.iter().map(text).partition(|line| line.to_lowercase().contains(&needle));
        for line in said {
            paper.raw(&line);
        }
        let (hidden, needle) = (hidden.len(), safe(&needle));
        return paper.say(&say!(lang, "… {hidden} hidden by /{needle}", "… {hidden} masquées par /{needle}"));
    }
    let (mut shown, mut both, mut outside) = (0, 0, 0);
    for row in rows {
        let hidden = !all && !row.relevant && (row.inside.is_none() || shown >= OTHERS);
        if hidden {
            *(if row.inside.is_some() { &mut both } else { &mut outside }) += 1;
            continue;
        }
        shown += usize::from(!row.relevant);
        let line = text(row);
        paper.raw(&line);
    }
    if both > 0 {
        paper.say(&say!(lang, "… {both} more on both sides", "… et {both} autres des deux côtés"));
    }
    if outside > 0 {
        paper.say(&say!(
            lang,
            "… {outside} more on the host, not in the box",
            "… et {outside} autres sur l'hôte, absents de la boîte"
        ));
    }
}

/// The wall gauge as a line.
pub fn gauge(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str) {
    let lang = paper.lang;
    let Some(actor) = snapshot.actors.get(boxed) else { return };
    let list = |state: Built| {
        let of = |wall: &Wall| actor.walls.get(wall).map_or(Built::Unknown, |wall| wall.state) == state;
        let names: Vec<&str> = Wall::ALL.iter().filter(|wall| of(wall)).map(|wall| wall.name(lang)).collect();
        (names.len(), if names.is_empty() { lang.pick("none", "aucune").to_owned() } else { names.join(", ") })
    };
    let ((count, built), (_, open), (unknown, names)) = (list(Built::Built), list(Built::Open), list(Built::Unknown));
    let (name, total) = (safe(boxed), Wall::ALL.len());
    let mut text = say!(
        lang,
        "Walls of {name}: {count} of {total} stand: {built}. Open: {open}.",
        "Cloisons de {name} : {count} sur {total} dressées : {built}. Absentes : {open}."
    );
    if unknown > 0 {
        text.push_str(&say!(lang, " Unknown: {names}.", " Inconnues : {names}."));
    }
    paper.say(&text);
}

/// Every wall with its evidence.
pub fn walls(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str) {
    let lang = paper.lang;
    let Some(actor) = snapshot.actors.get(boxed) else {
        return paper.say(&say!(lang, "There is no box yet.", "Il n'y a pas encore de boîte."));
    };
    for wall in Wall::ALL {
        let Some(state) = actor.walls.get(&wall) else { continue };
        let (words, sign) = match state.state {
            Built::Built => (lang.pick("stands", "dressée"), "≠"),
            Built::Open => (lang.pick("open", "absente"), "="),
            Built::Unknown => (lang.pick("unknown", "inconnue"), "?"),
        };
        let (name, h, b) = (wall.name(lang), safe(&state.host), safe(&state.actor));
        let text = say!(lang, "{name} {words}: host {h} {sign} box {b}", "{name} {words} : hôte {h} {sign} boîte {b}");
        paper.raw(&text);
    }
}

/// The calls of a step and of traced commands, with the errno explained; of the
/// latter the last few, or `all`.
pub fn calls(paper: &mut Paper<'_>, outcome: Option<&StepOutcome>, snapshot: Option<&Snapshot>, all: bool) {
    let lang = paper.lang;
    let ops = outcome.map_or(&[][..], |outcome| &outcome.ops);
    let traced = snapshot.map(|snapshot| &snapshot.traced).filter(|traced| !traced.is_empty());
    if traced.is_none() && ops.iter().all(|op| op.calls.is_empty() && op.failure.is_none()) {
        return paper.say(&say!(lang, "This step makes no call.", "Cette étape ne fait aucun appel."));
    }
    for op in ops {
        let actor = safe(&op.actor);
        for call in &op.calls {
            let (text, micros) = (safe(&format!("{}({})", call.name, call.args.join(", "))), call.micros);
            let (result, tone) = result(&call.name, Some(call.result), lang);
            let text =
                say!(lang, "{actor}: {text} = {result} ({micros} µs)", "{actor} : {text} = {result} ({micros} µs)");
            paper.tone("  ", &text, tone);
        }
        let told = op.calls.last().is_some_and(|call| call.result.is_err());
        if let Some((errno, what)) = op.failure.as_ref().filter(|_| !told) {
            let (what, why) = (safe(what), errno.explain(lang));
            let text = say!(lang, "{actor}: {what}: {why}", "{actor} : {what} : {why}");
            paper.tone("  ✗ ", &text, Tone::Bad);
        }
    }
    for (actor, traced) in traced.into_iter().flatten() {
        commands(paper, &safe(actor), traced, all);
    }
}

fn result(name: &str, result: Option<Result<i64, Errno>>, lang: Lang) -> (String, Tone) {
    match result {
        Some(Ok(value)) => (returned(name, value), Tone::Text),
        Some(Err(errno)) => (format!("-1 {}", errno.explain(lang)), Tone::Bad),
        None => (say!(lang, "? (no return)", "? (sans retour)"), Tone::Text),
    }
}

/// The calls of the commands traced in an actor.
fn commands(paper: &mut Paper<'_>, actor: &str, traced: &Traced, all: bool) {
    let lang = paper.lang;
    if let Some(errno) = traced.refused {
        let why = errno.explain(lang);
        let text = say!(
            lang,
            "the commands of {actor} can't be traced: {why}",
            "les commandes de {actor} ne peuvent pas être tracées : {why}"
        );
        paper.tone("  ✗ ", &text, Tone::Bad);
    }
    let left_out = traced.left_out;
    if left_out > 0 {
        paper.say(&say!(
            lang,
            "… {left_out} earlier calls of {actor} are no longer listed",
            "… {left_out} appels plus anciens de {actor} ne sont plus listés"
        ));
    }
    let hidden = if all { 0 } else { traced.calls.len().saturating_sub(LAST) };
    if hidden > 0 {
        paper.say(&say!(
            lang,
            "… {hidden} calls of {actor} before these; :show calls lists them",
            "… {hidden} appels de {actor} avant ceux-ci ; :show calls en donne la liste"
        ));
    }
    let mut before = None;
    for call in &traced.calls[hidden..] {
        let now = (call.pid, call.program.as_str());
        if before != Some(now) {
            before = Some(now);
            let (pid, program) = (call.pid, safe(&call.program));
            paper.raw(&format!("{actor}: {program}, PID {pid}"));
        }
        let text = safe(&format!("{}({})", call.name, call.args.join(", ")));
        let (result, tone) = result(&call.name, call.result, lang);
        paper.tone("  ", &format!("{text} = {result}"), tone);
    }
}
