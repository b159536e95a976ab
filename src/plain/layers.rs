//! The files of overlays and volumes in sentences.

use super::paper::{Paper, Tone};
use crate::i18n::{Explain, Lang};
use crate::observe::layers::{Face, FileState, Kind, LayeredFile, Overlay, Volume, of_the_box};
use crate::observe::{ActorView, Reading, Snapshot};
use crate::say;
use crate::term::safe::safe;

/// At most so many files of one overlay or volume, unless all are asked for.
const SHOWN: usize = 20;

/// The box's overlays with their layers and files, then its volumes.
pub(super) fn layers(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str, actor: &ActorView, all: bool) {
    let overlays = of_the_box(snapshot, boxed);
    let volumes = actor.seen.read().map_or(&[][..], |seen| seen.volumes.as_slice());
    if overlays.is_empty() && volumes.is_empty() {
        let text = say!(paper.lang, "The box has no overlay and no volume.", "La boîte n'a ni overlay ni volume.");
        return paper.say(&text);
    }
    for one in overlays {
        overlay(paper, one, all);
    }
    for one in volumes {
        let host = snapshot.host.volumes.iter().find(|host| (&host.device, &host.root) == (&one.device, &one.root));
        volume(paper, one, host, all);
    }
}

fn overlay(paper: &mut Paper<'_>, overlay: &Overlay, all: bool) {
    let lang = paper.lang;
    let layers: Vec<String> = overlay
        .layers
        .iter()
        .map(|layer| {
            let path = safe(&layer.path);
            let rights = if layer.writable {
                lang.pick("writable", "accessible en écriture")
            } else {
                lang.pick("read-only", "en lecture seule")
            };
            format!("{path} ({rights})")
        })
        .collect();
    let (target, layers) = (safe(&overlay.target), layers.join(", "));
    paper.say(&say!(
        lang,
        "Overlay on {target}. Layers, the topmost first: {layers}.",
        "Overlay sur {target}. Couches, de haut en bas : {layers}."
    ));
    let files = match &overlay.files {
        Some(Reading::Read(files)) => files,
        Some(Reading::Unread(unread)) => {
            let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
            let text = say!(
                lang,
                "a layer can't be opened from here: {path}: {why}",
                "une couche ne s'ouvre pas d'ici : {path} : {why}"
            );
            return paper.tone("? ", &text, Tone::Warn);
        }
        None => return,
    };
    let plain = |file: &&LayeredFile| {
        let faces = file.seen.iter().chain(file.layers.iter().flatten());
        faces.map(|face| face.kind).any(|kind| kind != Kind::Dir)
    };
    let files: Vec<&LayeredFile> = files.iter().filter(plain).collect();
    let most = if all { files.len() } else { SHOWN };
    for file in files.iter().take(most) {
        let line = sentence(file, overlay, lang);
        paper.raw(&line);
    }
    let left = files.len().saturating_sub(most);
    if left > 0 || overlay.more {
        paper.say(&say!(lang, "… and more files", "… et d'autres fichiers"));
    }
}

fn sentence(file: &LayeredFile, overlay: &Overlay, lang: Lang) -> String {
    let path = safe(&file.path);
    let places = |holds: fn(&Face) -> bool| -> String {
        let layers = overlay.layers.iter().zip(&file.layers);
        let found = layers.filter(|(_, face)| face.as_ref().is_some_and(holds)).map(|(layer, _)| safe(&layer.path));
        found.collect::<Vec<_>>().join(", ")
    };
    let held = places(|face| face.kind != Kind::Whiteout);
    let from = file.from.as_deref().map_or_else(String::new, safe);
    match file.state {
        FileState::Image => {
            say!(lang, "{path}: seen from {from}; is in {held}", "{path} : vu depuis {from} ; présent dans {held}")
        }
        FileState::Added => say!(lang, "{path}: new, in {from}", "{path} : nouveau, dans {from}"),
        FileState::Copied => say!(
            lang,
            "{path}: copied up, seen from {from}; is in {held}",
            "{path} : recopié, vu depuis {from} ; présent dans {held}"
        ),
        FileState::Deleted => {
            let whiteouts = places(|face| face.kind == Kind::Whiteout);
            match (whiteouts.is_empty(), held.is_empty()) {
                (true, _) => {
                    say!(lang, "{path}: not seen, though in {held}", "{path} : pas vu, bien que présent dans {held}")
                }
                (false, true) => say!(
                    lang,
                    "{path}: not seen, whiteout in {whiteouts}",
                    "{path} : pas vu, effacement dans {whiteouts}"
                ),
                (false, false) => say!(
                    lang,
                    "{path}: not seen, whiteout in {whiteouts}, still in {held}",
                    "{path} : pas vu, effacement dans {whiteouts}, toujours dans {held}"
                ),
            }
        }
    }
}

fn volume(paper: &mut Paper<'_>, volume: &Volume, host: Option<&Volume>, all: bool) {
    let lang = paper.lang;
    let rights = if volume.read_only {
        lang.pick("read-only", "en lecture seule")
    } else {
        lang.pick("read and write", "en lecture et écriture")
    };
    let (name, target) = (safe(&volume.name), safe(&volume.target));
    let outside = host.map_or_else(|| "?".to_owned(), |host| safe(&host.target));
    paper.say(&say!(
        lang,
        "Volume {name}: host {outside} = box {target}, {rights}.",
        "Volume {name} : hôte {outside} = boîte {target}, {rights}."
    ));
    let files = match &volume.files {
        Reading::Read(files) => files,
        Reading::Unread(unread) => {
            let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
            return paper.tone(
                "? ",
                &say!(lang, "not readable: {path}: {why}", "illisible : {path} : {why}"),
                Tone::Warn,
            );
        }
    };
    for file in files.iter().take(if all { files.len() } else { SHOWN }) {
        let other = host.and_then(|host| host.files.read()?.iter().find(|other| other.path == file.path));
        let (path, uid, mode) = (safe(&file.path), file.uid, &file.mode);
        let outer = other.map_or_else(|| "?".to_owned(), |other| other.uid.to_string());
        let line = say!(
            lang,
            "{path}: host uid {outer} = box uid {uid}  {mode}",
            "{path} : hôte uid {outer} = boîte uid {uid}  {mode}"
        );
        paper.raw(&line);
    }
    if volume.more || (!all && files.len() > SHOWN) {
        paper.say(&say!(lang, "… and more files", "… et d'autres fichiers"));
    }
}
