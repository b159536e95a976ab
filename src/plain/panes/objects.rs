//! IPC objects, clocks and cgroup paths as lines to be read aloud.

use super::{rows, unread};
use crate::i18n::Lang;
use crate::observe::model::{Ipc, IpcKind, Reading};
use crate::observe::twin::{self, IpcFace, Path, Reads};
use crate::observe::{ActorView, View};
use crate::plain::paper::Paper;
use crate::say;
use crate::term::safe::safe;

pub(super) fn ipc(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread_of(paper, &host.ipc);
    if let Some(seen) = actor.seen.read() {
        unread_of(paper, &seen.ipc);
    }
    let twin = twin::ipc(host, actor);
    if twin.rows.is_empty() {
        paper.say(&say!(lang, "No IPC object is in view, on either side.", "Aucun objet IPC en vue, d'aucun côté."));
    }
    rows(paper, &twin.rows, all, |row| match (&row.host, &row.inside) {
        (Some(outer), Some(inner)) => {
            let (object, h, b) = (object(inner, lang), outer.uid, inner.uid);
            say!(
                lang,
                "{object}: host and box see the same one; its owner is uid {h} there, {b} here",
                "{object} : l'hôte et la boîte voient le même ; son propriétaire est l'uid {h} là-bas, {b} ici"
            )
        }
        (Some(outer), None) => {
            let object = object(outer, lang);
            say!(lang, "{object}: on the host, not in the box", "{object} : sur l'hôte, absent de la boîte")
        }
        (None, inner) => {
            let object = inner.as_ref().map(|inner| object(inner, lang)).unwrap_or_default();
            say!(lang, "{object}: in the box, not on the host", "{object} : dans la boîte, absent de l'hôte")
        }
    });
    let sides = [(lang.pick("host", "hôte"), Some(&host.ipc))];
    let inside = (lang.pick("box", "boîte"), actor.seen.read().map(|seen| &seen.ipc));
    for (side, ipc) in sides.into_iter().chain([inside]) {
        let Some(Reading::Read(mounted)) = ipc.map(|ipc| &ipc.mqueue) else { continue };
        let text = match mounted {
            Some(mounted) => {
                let path = safe(&mounted.path);
                say!(lang, "POSIX queues of the {side}: in {path}", "Files POSIX, {side} : dans {path}")
            }
            None => say!(
                lang,
                "POSIX queues of the {side}: no queue file system is mounted",
                "Files POSIX, {side} : aucun système de fichiers mqueue n'est monté"
            ),
        };
        paper.say(&text);
    }
}

/// Why a list is not there.
fn unread_of(paper: &mut Paper<'_>, ipc: &Ipc) {
    unread(paper, &ipc.shm);
    unread(paper, &ipc.mqueue);
}

fn object(face: &IpcFace<'_>, lang: Lang) -> String {
    let key = safe(face.key);
    let size = face.size.map_or_else(|| "?".to_owned(), |size| size.to_string());
    let (id, used) = (face.id.unwrap_or_default(), face.used.unwrap_or_default());
    match face.kind {
        IpcKind::Shm => say!(
            lang,
            "shared memory {key}, id {id}, {size} bytes, attached {used} times",
            "mémoire partagée {key}, id {id}, {size} octets, attachée {used} fois"
        ),
        IpcKind::Msg => say!(
            lang,
            "message queue {key}, id {id}, {used} messages, {size} bytes",
            "file de messages {key}, id {id}, {used} messages, {size} octets"
        ),
        IpcKind::Sem => {
            say!(lang, "semaphores {key}, id {id}, {size} of them", "sémaphores {key}, id {id}, au nombre de {size}")
        }
        IpcKind::Mqueue => {
            say!(lang, "POSIX queue /{key}, {size} bytes waiting", "file POSIX /{key}, {size} octets en attente")
        }
    }
}

pub(super) fn time(paper: &mut Paper<'_>, host: &View, actor: &ActorView) {
    let lang = paper.lang;
    unread(paper, &host.time);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.time);
    }
    let (twin, one) = twin::clocks(host, actor);
    for row in &twin.rows {
        let Some(label) = row.host.as_ref().or(row.inside.as_ref()).map(|reads| label(reads, lang)) else { continue };
        let reads = |face: &Option<Reads<'_>>| face.as_ref().map_or_else(|| "?".to_owned(), |reads| value(reads, lang));
        let (h, b) = (reads(&row.host), reads(&row.inside));
        let sign = match row.one(one) {
            Some(true) => "=",
            Some(false) => "≠",
            None => "?",
        };
        let text = say!(lang, "{label}: host {h} {sign} box {b}", "{label} : hôte {h} {sign} boîte {b}");
        paper.raw(&text);
    }
}

fn label(reads: &Reads<'_>, lang: Lang) -> &'static str {
    match reads {
        Reads::Date(_) => "date (CLOCK_REALTIME)",
        Reads::Monotonic(_) => "CLOCK_MONOTONIC",
        Reads::Boottime(_) => "CLOCK_BOOTTIME",
        Reads::Uptime(_) => "/proc/uptime",
        Reads::MonotonicOffset(..) => lang.pick("children's offset, monotonic", "décalage des enfants, monotonic"),
        Reads::BoottimeOffset(..) => lang.pick("children's offset, boottime", "décalage des enfants, boottime"),
    }
}

fn value(reads: &Reads<'_>, lang: Lang) -> String {
    match *reads {
        Reads::Date(date) => date.to_owned(),
        Reads::Monotonic(micros) | Reads::Boottime(micros) => twin::span(micros / 1_000_000, lang),
        Reads::Uptime(seconds) => twin::span(i64::try_from(seconds).unwrap_or(i64::MAX), lang),
        Reads::MonotonicOffset(seconds, nanos) | Reads::BoottimeOffset(seconds, nanos) => twin::offset(seconds, nanos),
    }
}

pub(super) fn cgroup(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread(paper, &actor.cgroup);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.cgroup);
    }
    let twin = twin::cgroup(host, actor);
    rows(paper, &twin.rows, all, |row| {
        let path = |face: Option<Path<'_>>| face.map_or_else(|| "?".to_owned(), |face| safe(face.path));
        let (h, b) = (path(row.host), path(row.inside));
        let face = row.host.or(row.inside);
        let of_init = face.is_some_and(|face| face.of_init);
        let whose = if of_init { "PID 1" } else { lang.pick("the box's process", "le processus de la boîte") };
        let tree = match face.map(|face| face.tree) {
            None | Some("") => "v2".to_owned(),
            Some(tree) => safe(tree),
        };
        say!(
            lang,
            "{whose}, tree {tree}: the host reads {h}, the box reads {b}",
            "{whose}, arbre {tree} : l'hôte lit {h}, la boîte lit {b}"
        )
    });
}
