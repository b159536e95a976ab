//! The pane of files: by layer, and of volumes.

use cloison::i18n::Lang::{self, Fr};
use cloison::observe::Reading;
use cloison::observe::layers::{Face, FileState, Kind, Layer, LayeredFile, Overlay, Volume, VolumeFile};
use cloison::ui::Theme;
use cloison::ui::layout::Pane;
use crossterm::event::KeyCode;
use ratatui::style::Color;

use crate::scene::{Scene, unread};

/// A picture of the screen, beside those of the other panes.
macro_rules! shown {
    ($text:expr) => {
        insta::with_settings!({snapshot_path => "../snapshots"}, { insta::assert_snapshot!($text) })
    };
}

fn face(kind: Kind, size: u64) -> Face {
    Face { kind, opaque: false, size, inode: 7 }
}

fn file(path: &str, state: FileState, from: Option<&str>, layers: Vec<Option<Face>>) -> LayeredFile {
    let seen = from.and_then(|_| layers.iter().flatten().find(|face| face.kind != Kind::Whiteout).cloned());
    LayeredFile { path: path.into(), state, from: from.map(Into::into), seen, layers }
}

/// A file of each kind, names that a box may have chosen among them.
pub fn overlay() -> Overlay {
    use FileState::{Added, Copied, Deleted, Image};
    let (first, app, base) = ("/layers/first", "/layers/app", "/layers/base");
    let dir = || Some(face(Kind::Dir, 4096));
    let of = |size| Some(face(Kind::File, size));
    let files = vec![
        file("data", Copied, Some(first), vec![dir(), dir(), dir()]),
        file("data/atlas", Deleted, None, vec![Some(face(Kind::Whiteout, 0)), None, of(1_000_000)]),
        file("data/new\u{1b}[31m", Added, Some(first), vec![of(5), None, None]),
        file("etc", Copied, Some(first), vec![dir(), dir(), dir()]),
        file("etc/motd", Image, Some(app), vec![None, of(16), of(16)]),
        file("etc/zone", Copied, Some(first), vec![of(22), None, of(13)]),
    ];
    let layer = |path: &str, writable| Layer { path: path.into(), writable };
    Overlay {
        mount: 80,
        device: "0:60".into(),
        target: "/app".into(),
        layers: vec![layer(first, true), layer(app, false), layer(base, false)],
        work: Some("/layers/work".into()),
        files: Some(Reading::Read(files)),
        more: false,
    }
}

fn with(overlays: Vec<Overlay>) -> Scene {
    files(Scene::lesson().snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("box").expect("the box");
        let Reading::Read(seen) = &mut actor.seen else { panic!() };
        seen.overlays = overlays;
    }))
}

/// The pane brought to the front, its marks gone.
fn files(scene: Scene) -> Scene {
    scene.wait(5000).pane(Pane::Layers).wait(5000)
}

fn volume(target: &str, uid: u32, read_only: bool) -> Volume {
    let one = |path: &str, uid| VolumeFile {
        path: path.into(),
        kind: Kind::File,
        uid,
        gid: uid,
        mode: "0644".into(),
        size: 19,
        inode: 12,
    };
    let mut files = vec![one("from-the-box", uid)];
    if !read_only {
        files.push(one("host\u{202e}only", 0));
    }
    Volume {
        name: "notes".into(),
        target: target.into(),
        device: "0:25".into(),
        root: "/cloison/lab/volumes/notes".into(),
        read_only,
        inode: Some(11),
        files: Reading::Read(files),
        more: false,
    }
}

fn with_volumes() -> Scene {
    volumes_of(1000)
}

/// The volume, whose files belong to this uid and gid on the host.
fn volumes_of(owner: u32) -> Scene {
    files(Scene::lesson().snapshot(|snapshot| {
        snapshot.host.volumes = vec![volume("/run/cloison/lab/volumes/notes", owner, false)];
        let actor = snapshot.actors.get_mut("box").expect("the box");
        let Reading::Read(seen) = &mut actor.seen else { panic!() };
        seen.volumes = vec![volume("/notes", 0, true)];
    }))
}

#[test]
fn files_by_layer_at_120x36() {
    shown!(with(vec![overlay()]).text());
}

#[test]
fn files_by_layer_at_80x24_in_french() {
    shown!(with(vec![overlay()]).size(80, 24).lang(Fr).text());
}

#[test]
fn files_of_a_volume_at_120x36() {
    shown!(with_volumes().text());
}

#[test]
fn files_of_a_volume_at_80x24_in_french() {
    shown!(with_volumes().size(80, 24).lang(Fr).text());
}

#[test]
fn owners_of_ten_digits_leave_room_for_the_names_of_files() {
    for (width, height) in [(80, 24), (120, 36)] {
        let text = volumes_of(1_296_891_904).size(width, height).text();
        let row = text.lines().find(|line| line.contains("1296891904")).expect("the file");
        assert_eq!(row.matches("from-the-box").count(), 2, "{text}");
    }
    // Where there is room, the group is whole.
    let text = volumes_of(12_345).size(80, 24).text();
    assert!(text.contains("12345 12345 0644 from-the-box"), "{text}");
}

#[test]
fn what_became_of_a_file_is_told_by_a_sign_and_by_a_colour() {
    let scene = with(vec![overlay()]);
    let plain = with(vec![overlay()]).theme(Theme::PLAIN);
    assert_eq!(scene.text(), plain.text());
    let mut colours = Vec::new();
    for sign in ["✗ whiteout", "▲ 22", "+ 5", "● 16"] {
        let (x, y) = plain.find(sign).unwrap_or_else(|| panic!("{sign} in {}", plain.text()));
        assert_eq!(plain.buffer()[(x, y)].fg, Color::Reset);
        colours.push(scene.buffer()[(x, y)].fg);
    }
    colours.sort_by_key(|colour| format!("{colour:?}"));
    colours.dedup();
    assert_eq!(colours.len(), 4, "{colours:?}");
}

#[test]
fn a_file_that_changed_is_marked_for_a_moment() {
    let scene = with(vec![overlay()]).snapshot(|snapshot| {
        let Reading::Read(seen) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
        let Some(Reading::Read(files)) = &mut seen.overlays[0].files else { panic!() };
        files[4].state = FileState::Deleted;
    });
    let marked: Vec<String> =
        scene.text().lines().filter(|line| line.contains('◆')).map(|line| line.trim().to_owned()).collect();
    assert_eq!(marked.len(), 1, "{marked:?}");
    assert!(marked[0].contains("motd"), "{marked:?}");
    assert!(!scene.wait(5000).text().contains('◆'));
}

#[test]
fn a_layer_that_cannot_be_opened_says_why_and_no_control_character_gets_through() {
    for lang in Lang::ALL {
        let closed = Overlay { files: Some(unread()), device: "0:61".into(), ..overlay() };
        let scene = with(vec![closed, overlay()]).lang(lang);
        assert!(scene.text().contains("EACCES"), "{}", scene.text());
        for cell in scene.buffer().content() {
            assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn an_overlay_that_the_box_cannot_look_into_is_told_by_who_can() {
    let closed = Overlay { files: Some(unread()), ..overlay() };
    let scene = with(vec![closed]).snapshot(|snapshot| snapshot.host.overlays = vec![overlay()]);
    assert!(scene.text().contains("✗ whiteout"), "{}", scene.text());
}

#[test]
fn without_overlay_or_volume_the_pane_says_so() {
    assert!(with(Vec::new()).text().contains("The box has no overlay and no volume."));
}

#[test]
fn many_layers_and_files_fit_every_screen_and_can_be_scrolled() {
    let mut many = overlay();
    for n in 0..40 {
        many.layers.push(Layer { path: format!("/layers/{n}"), writable: false });
    }
    let Some(Reading::Read(files)) = &mut many.files else { panic!() };
    for file in files.iter_mut() {
        file.layers.resize(43, None);
    }
    for n in 0..60 {
        files.push(LayeredFile { path: format!("zone-{n}"), ..files[4].clone() });
    }
    for (width, height) in [(60, 16), (80, 24), (120, 36), (200, 60)] {
        let scene = with(vec![many.clone()]).size(width, height);
        assert!(scene.text().contains("/app"), "{}", scene.text());
        let end = scene.key(KeyCode::End);
        assert!(end.text().contains("/app") && end.text().contains("○ covered"), "{}", end.text());
    }
}
