//! Capabilities as lines: the user namespace that they are over, each set with its
//! number, then every capability that stands out, with the sets that it is in.

use super::unread;
use crate::i18n::Lang;
use crate::observe::twin::{self, CapFace, Key};
use crate::observe::{ActorView, View};
use crate::plain::paper::Paper;
use crate::say;

/// The sets, in the order of /proc/PID/status.
const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

pub(super) fn caps(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread(paper, &host.caps);
    if let Some(seen) = actor.seen.read() {
        unread(paper, &seen.caps);
    }
    let (twin, one) = twin::caps(host, actor);
    let wanted = paper.only.clone();
    let shown = if all || wanted.is_some() { twin.rows.as_slice() } else { twin.unfolded() };
    for row in shown {
        let face = |face: &Option<CapFace>| face.as_ref().map_or_else(|| "?".to_owned(), |face| says(face, lang));
        let (h, b) = (face(&row.host), face(&row.inside));
        let sign = match row.one(one) {
            Some(true) => "=",
            Some(false) => "≠",
            None => "|",
        };
        let Some(name) = row.host.as_ref().or(row.inside.as_ref()).map(|face| name(face, lang)) else { continue };
        let line = say!(lang, "{name}: host {h} {sign} box {b}", "{name} : hôte {h} {sign} boîte {b}");
        if wanted.as_ref().is_none_or(|needle| line.to_lowercase().contains(needle)) {
            paper.raw(&line);
        }
    }
    let rest = twin.rows.get(twin.shown..).unwrap_or_default();
    let held = rest.iter().filter(|row| matches!(row.key.key, Key::Capability(_)));
    if let (Some(next), false, None) = (rest.first(), all, &wanted) {
        let face = |face: &Option<CapFace>| face.as_ref().map_or_else(|| "?".to_owned(), |face| says(face, lang));
        let (n, h, b) = (held.count(), face(&next.host), face(&next.inside));
        paper.say(&say!(
            lang,
            "… {n} more, all alike: host {h}, box {b}",
            "… et {n} autres, toutes semblables : hôte {h}, boîte {b}"
        ));
    }
}

fn name(face: &CapFace, lang: Lang) -> String {
    match face {
        CapFace::Over(_) => lang.pick("over user namespace", "sur l'espace de noms user").to_owned(),
        CapFace::Counts(_) => lang.pick("how many", "combien").to_owned(),
        CapFace::Held(one, _) => one.to_string(),
        CapFace::NoNewPrivs(_) => "no_new_privs".to_owned(),
        CapFace::Securebits(_) => "securebits".to_owned(),
    }
}

fn says(face: &CapFace, lang: Lang) -> String {
    let none = || lang.pick("none", "aucun").to_owned();
    match face {
        CapFace::Over(inode) => inode.to_string(),
        CapFace::Counts(counts) => {
            SETS.iter().zip(counts).map(|(set, count)| format!("{set} {count}")).collect::<Vec<_>>().join(" ")
        }
        CapFace::Held(_, held) => {
            let sets: Vec<&str> = SETS.iter().zip(held).filter(|(_, held)| **held).map(|(set, _)| *set).collect();
            if sets.is_empty() { none() } else { sets.join(" ") }
        }
        CapFace::NoNewPrivs(bit) => u8::from(*bit).to_string(),
        CapFace::Securebits(names) if names.is_empty() => none(),
        CapFace::Securebits(names) => names.join(" "),
    }
}
