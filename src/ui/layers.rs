//! The rows of the pane of files: which file is in which layer of the box's
//! overlays; where it has none, the files of its volumes as twin rows. Made once
//! per snapshot, pane and language.

use super::safe::safe;
use super::twin::{Making, Table};
use crate::i18n::{Explain, Lang};
use crate::observe::layers::{
    Face, FileState, Kind, Layer, LayeredFile, Overlay, Volume, VolumeFile, layered_key, of_the_box, volume_key,
};
use crate::observe::twin::{Row, RowKey, Side};
use crate::observe::{ActorView, Changes, Reading, Snapshot, View};
use crate::say;

/// A row that stands across both halves of the pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridRow {
    /// The file, what the box sees of it, then a cell for each layer; one text alone
    /// for a note.
    pub cells: Vec<String>,
    /// What it is.
    pub kind: GridKind,
    /// It changed a moment ago.
    pub marked: bool,
}

/// What a row of the grid is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GridKind {
    /// The names of an overlay's layers.
    Heading,
    /// A file.
    File(FileState),
    /// Something that is told of an overlay.
    Note,
    /// It could not be read, and why.
    Unread,
}

/// The grid of the box's overlays; empty where it has none.
pub(super) fn grid(snapshot: &Snapshot, boxed: &str, changes: &Changes, lang: Lang) -> Vec<GridRow> {
    let mut rows = Vec::new();
    let note = |kind, text: String| GridRow { cells: vec![text], kind, marked: false };
    for overlay in of_the_box(snapshot, boxed) {
        rows.push(GridRow { cells: heading(overlay, lang), kind: GridKind::Heading, marked: false });
        match &overlay.files {
            Some(Reading::Read(files)) => {
                rows.extend(files.iter().map(|file| row(overlay, file, snapshot, boxed, changes, lang)));
                if overlay.more {
                    let more = say!(lang, "… more files than are listed here", "… d'autres fichiers, non listés ici");
                    rows.push(note(GridKind::Note, more));
                }
                rows.push(note(GridKind::Note, legend(lang).to_owned()));
            }
            Some(Reading::Unread(unread)) => {
                let (path, why) = (safe(&unread.path), unread.errno.explain(lang));
                let text = say!(
                    lang,
                    "a layer can't be opened from here: {path}: {why}",
                    "une couche ne s'ouvre pas d'ici : {path} : {why}"
                );
                rows.push(note(GridKind::Unread, text));
            }
            None => {}
        }
    }
    rows
}

/// What to say where there is neither an overlay nor a volume.
pub(super) fn nothing(lang: Lang) -> GridRow {
    let text = say!(lang, "The box has no overlay and no volume.", "La boîte n'a ni overlay ni volume.");
    GridRow { cells: vec![text], kind: GridKind::Note, marked: false }
}

fn legend(lang: Lang) -> &'static str {
    lang.pick(
        "● seen  ○ covered  ▲ copied up  + new  ✗ whiteout",
        "● vu  ○ recouvert  ▲ recopié  + nouveau  ✗ effacement",
    )
}

fn heading(overlay: &Overlay, lang: Lang) -> Vec<String> {
    let mut cells = vec![safe(&overlay.target), lang.pick("SEEN", "ON VOIT").to_owned()];
    for (layer, name) in overlay.layers.iter().zip(short_names(&overlay.layers)) {
        let rights = if layer.writable { "rw" } else { "ro" };
        cells.push(format!("{} {rights}", safe(&name)));
    }
    cells
}

/// The layers' paths without the directories that all of them share.
pub fn short_names(layers: &[Layer]) -> Vec<String> {
    let parts: Vec<Vec<&str>> = layers.iter().map(|layer| layer.path.split('/').collect()).collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or(0);
    let shared = (0..shortest.saturating_sub(1)).take_while(|&at| parts.iter().all(|path| path[at] == parts[0][at]));
    let shared = shared.count();
    parts.iter().map(|path| path[shared..].join("/")).collect()
}

fn row(
    overlay: &Overlay,
    file: &LayeredFile,
    snapshot: &Snapshot,
    boxed: &str,
    changes: &Changes,
    lang: Lang,
) -> GridRow {
    let key = layered_key(overlay, file);
    // Whoever could look into the layers saw it change.
    let marked = snapshot.actors.keys().any(|actor| changes.of(Side::Inside, actor, key).is_some())
        || changes.of(Side::Host, boxed, key).is_some();
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let indent = "  ".repeat(file.path.matches('/').count());
    let slash = if any_kind(file) == Some(Kind::Dir) { "/" } else { "" };
    let seen = file.seen.as_ref().map_or_else(|| "–".to_owned(), |face| what(face, lang));
    let mut cells = vec![format!("{indent}{}{slash}", safe(name)), seen];
    for (layer, face) in overlay.layers.iter().zip(&file.layers) {
        cells.push(face.as_ref().map_or_else(String::new, |face| cell(file, layer, face, lang)));
    }
    GridRow { cells, kind: GridKind::File(file.state), marked }
}

/// What a file is, where the overlay shows it or else in its uppermost layer.
fn any_kind(file: &LayeredFile) -> Option<Kind> {
    let faces = file.seen.iter().chain(file.layers.iter().flatten());
    faces.map(|face| face.kind).find(|kind| *kind != Kind::Whiteout)
}

fn cell(file: &LayeredFile, layer: &Layer, face: &Face, lang: Lang) -> String {
    let what = what(face, lang);
    let sign = match (face.kind, file.state) {
        (Kind::Whiteout, _) => "✗",
        (Kind::Dir, _) => return what,
        (_, FileState::Copied) if layer.writable => "▲",
        (_, FileState::Added) if layer.writable => "+",
        _ if file.from.as_deref() == Some(&layer.path) => "●",
        _ => "○",
    };
    format!("{sign} {what}")
}

fn what(face: &Face, lang: Lang) -> String {
    match face.kind {
        Kind::File => format!("{} {}", face.size, lang.pick("B", "o")),
        Kind::Dir if face.opaque => lang.pick("dir, opaque", "rép. opaque").to_owned(),
        Kind::Dir => lang.pick("dir", "rép.").to_owned(),
        Kind::Link => lang.pick("link", "lien").to_owned(),
        Kind::Whiteout => lang.pick("whiteout", "effacé").to_owned(),
        Kind::Other => lang.pick("special", "spécial").to_owned(),
    }
}

/// The files of the box's volumes, with the owners that each side is told.
pub(super) fn volumes(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    type One<'a> = (&'a Volume, &'a VolumeFile);
    fn files(volume: &Volume) -> impl Iterator<Item = One<'_>> {
        volume.files.read().into_iter().flatten().map(move |file| (volume, file))
    }
    let inner = actor.seen.read().map_or(&[][..], |seen| seen.volumes.as_slice());
    let mine = |volume: &&Volume| inner.iter().any(|own| (&own.device, &own.root) == (&volume.device, &volume.root));
    let outer: Vec<One<'_>> = host.volumes.iter().filter(mine).flat_map(files).collect();
    let inside: Vec<One<'_>> = inner.iter().flat_map(files).collect();
    let key = |(volume, file): One<'_>| volume_key(volume, file);
    let with = |host: Option<One<'_>>, inside: Option<One<'_>>| host.or(inside).map(key);
    // Where there is one alone, its name is below.
    let several = inner.iter().any(|one| inner.first().is_some_and(|first| first.root != one.root));
    let mut add = |host, inside| {
        let Some(key) = with(host, inside) else { return };
        let side = if host.is_some() { Side::Host } else { Side::Inside };
        let row = Row { key: RowKey { side, key }, host, inside, relevant: true };
        let joined = (host.is_some() && inside.is_some()).then_some(true);
        making.add(&row, [host.map(|_| key), inside.map(|_| key)], joined, |(volume, file)| {
            let slash = if file.kind == Kind::Dir { "/" } else { "" };
            let place = if several { format!("{}/", safe(&volume.name)) } else { String::new() };
            let path = format!("{place}{}{slash}", safe(&file.path));
            vec![file.uid.to_string(), file.gid.to_string(), file.mode.clone(), path]
        });
    };
    for &one in &outer {
        add(Some(one), inside.iter().copied().find(|&other| key(other) == key(one)));
    }
    for &one in inside.iter().filter(|&&one| !outer.iter().any(|&other| key(other) == key(one))) {
        add(None, Some(one));
    }
    let note = |volume: &Volume| {
        let rights = if volume.read_only { "ro" } else { "rw" };
        format!("{}  {}  {rights}", safe(&volume.name), safe(&volume.target))
    };
    let notes = [host.volumes.iter().filter(mine).map(note).collect(), inner.iter().map(note).collect()];
    let head = match lang {
        Lang::En => vec!["UID", "GID", "MODE", "FILE"],
        Lang::Fr => vec!["UID", "GID", "MODE", "FICHIER"],
    };
    Table { head, notes, ..Table::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_called_by_what_tells_them_apart() {
        let names = |paths: &[&str]| {
            let layer = |path: &&str| Layer { path: (*path).to_owned(), writable: false };
            short_names(&paths.iter().map(layer).collect::<Vec<_>>())
        };
        assert_eq!(names(&["/layers/one", "/layers/base"]), ["one", "base"]);
        assert_eq!(names(&["/o/aa/diff", "/o/bb/diff"]), ["aa/diff", "bb/diff"]);
        assert_eq!(names(&["/layers/base"]), ["base"]);
        assert_eq!(names(&["/a", "/a/b"]), ["a", "a/b"]);
        assert!(names(&[]).is_empty());
    }
}
