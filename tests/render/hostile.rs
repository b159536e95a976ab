//! Whatever a box calls its processes, mounts and itself: no panic, no control
//! character, and nothing outside of its place.

use std::sync::Arc;

use cloison::observe::model::{Mount, Process, Uts, View};
use cloison::observe::{Reading, Snapshot};
use cloison::ui::Event;
use cloison::ui::model::LessonScreen;
use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use unicode_width::UnicodeWidthStr as _;

use crate::scene::{Scene, mount, process};

/// Texts as a box may choose them: what acts on terminals, takes two cells or none,
/// joins with its neighbours, turns lines around, or has no end.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[ -~]{0,12}",
        1 => any::<String>(),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        1 => Just("漢字かな한글".to_owned()),
        1 => Just("👩\u{200d}👩\u{200d}👧🇫🇷👍🏽☎\u{fe0f}".to_owned()),
        1 => Just("e\u{301}\u{302}\u{303}z\u{334}".to_owned()),
        1 => Just("\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{61c}".to_owned()),
        1 => Just("\x1b[2J\x1b]0;t\x07\x1bP\u{9b}31m\u{9d}".to_owned()),
        1 => Just("\n\r\t\0\x08\\040\\012".to_owned()),
        1 => Just("\u{1d173}\u{e0041}\u{fff9}\u{115f}\u{3164}\u{ffa0}".to_owned()),
        1 => "[a-z/]{200,400}",
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

#[derive(Debug, Clone)]
struct Names {
    processes: Vec<(u32, String, String, char)>,
    mounts: Vec<[String; 4]>,
    uts: [String; 3],
    users: Vec<String>,
    exit: Option<String>,
}

fn names() -> impl Strategy<Value = Names> {
    let processes = proptest::collection::vec((any::<u32>(), text(), text(), any::<char>()), 0..6);
    let mounts = proptest::collection::vec([text(), text(), text(), text()], 0..5);
    let users = proptest::collection::vec(text(), 2..4);
    (processes, mounts, [text(), text(), text()], users, proptest::option::of(text()))
        .prop_map(|(processes, mounts, uts, users, exit)| Names { processes, mounts, uts, users, exit })
}

fn put(names: &Names, view: &mut View) {
    let [hostname, domainname, release] = names.uts.clone();
    view.uts = Reading::Read(Uts { hostname, domainname, release });
    let one = |(pid, name, command, state): &(u32, String, String, char)| Process {
        name: name.clone(),
        command: command.clone(),
        state: *state,
        user: Some(name.clone()),
        ..process(*pid, 1, "root", "x")
    };
    if let Reading::Read(list) = &mut view.processes {
        list.extend(names.processes.iter().map(|row| Arc::new(one(row))));
        list.iter_mut()
            .zip(&names.processes)
            .for_each(|(process, (_, _, command, _))| Arc::make_mut(process).command.clone_from(command));
    }
    let mounts = names.mounts.iter().zip(20..).map(|([target, source, fstype, spread], id)| Mount {
        source: source.clone(),
        fstype: fstype.clone(),
        propagation: vec![spread.clone()],
        ..mount(id, target)
    });
    view.mounts = Reading::Read(Arc::new(mounts.collect()));
    if let Reading::Read(users) = &mut view.users {
        for (uid, name) in [0, 1000].into_iter().zip(&names.users) {
            users.names.insert(uid, name.clone());
        }
        users.setgroups.clone_from(&names.users[0]);
    }
}

fn hostile(names: &Names) -> impl FnOnce(&mut Snapshot) {
    |snapshot: &mut Snapshot| {
        put(names, &mut snapshot.host);
        let actor = snapshot.actors.get_mut("box").expect("the box");
        actor.exit.clone_from(&names.exit);
        actor.alive = names.exit.is_none();
        for (wall, text) in actor.walls.values_mut().zip(&names.uts) {
            wall.actor.clone_from(text);
        }
        if let Reading::Read(seen) = &mut actor.seen {
            put(names, seen);
        }
    }
}

/// No cell holds what would act on a terminal, or reaches into another's place.
fn sound(buffer: &Buffer) -> Result<(), TestCaseError> {
    for row in buffer.content().chunks(usize::from(buffer.area.width)) {
        let mut covered = 0;
        for (x, cell) in row.iter().enumerate() {
            let symbol = cell.symbol();
            prop_assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
            prop_assert!(
                !symbol.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')),
                "{symbol:?}"
            );
            if covered > x {
                prop_assert!(symbol == " " || symbol.is_empty(), "{symbol:?} below a wide one");
                continue;
            }
            let wide = symbol.width();
            covered = x + wide.max(1);
            prop_assert!(covered <= row.len(), "{symbol:?} hangs over the edge");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn no_name_of_a_boxs_leaves_its_place(
        first in names(), second in names(),
        (width, height) in prop_oneof![Just((80, 24)), Just((120, 36)), (60u16..=220, 16u16..=70)],
        tab in 0usize..32, keys in proptest::collection::vec(0usize..9, 0..5), filter in text(),
    ) {
        const KEYS: [KeyCode; 9] = [
            KeyCode::Down, KeyCode::End, KeyCode::PageUp, KeyCode::Char('s'), KeyCode::Char('r'), KeyCode::Char('x'),
            KeyCode::Char('z'), KeyCode::Char('e'), KeyCode::Enter,
        ];
        let tabs = LessonScreen::tabs(Size::new(width, height));
        let mut scene = Scene::lesson().size(width, height).snapshot(hostile(&first)).pane(tabs[tab % tabs.len()]);
        sound(&scene.buffer())?;
        scene = keys.into_iter().fold(scene, |scene, key| scene.key(KEYS[key]));
        sound(&scene.buffer())?;
        scene = scene.snapshot(hostile(&second));
        sound(&scene.buffer())?;
        scene = scene.key(KeyCode::Esc).key(KeyCode::Esc).key(KeyCode::Char('/'));
        scene.event(Event::Terminal(crossterm::event::Event::Paste(filter)));
        sound(&scene.buffer())?;
        scene.event(Event::Failed(first.uts[0].clone()));
        sound(&scene.buffer())?;
    }
}
