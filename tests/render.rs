//! What the screen shows, at the sizes that matter, in both languages: as text
//! (snapshots), and as cells where text leaves out what counts.

#[path = "render/behaviour.rs"]
mod behaviour;
#[path = "render/caps.rs"]
mod caps;
#[path = "render/groups.rs"]
mod groups;
#[path = "render/hostile.rs"]
mod hostile;
#[path = "render/inspect.rs"]
mod inspect;
#[path = "render/layers.rs"]
mod layers;
#[path = "render/mounts.rs"]
mod mounts;
#[path = "render/net.rs"]
mod net;
#[path = "render/objects.rs"]
mod objects;
#[path = "render/panes.rs"]
mod panes;
#[path = "render/projector.rs"]
mod projector;
#[path = "render/scene.rs"]
mod scene;
#[path = "render/seccomp.rs"]
mod seccomp;
#[path = "render/traced.rs"]
mod traced;
#[path = "render/users.rs"]
mod users;

use std::sync::Arc;

use cloison::i18n::Lang::{En, Fr};
use cloison::observe::model::{Built, Mount, Uts, Wall};
use cloison::observe::{Reading, Snapshot};
use cloison::ui::keymap::{Context, KEYS};
use cloison::ui::model::LessonScreen;
use cloison::ui::{Event, Theme};
use crossterm::event::{Event as Input, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::layout::Size;
use ratatui::style::Color;
use scene::{Scene, mount, unread};

#[test]
fn first_step_at_120x36() {
    assert_snapshot!(Scene::lesson().text());
}

#[test]
fn prediction_at_120x36() {
    assert_snapshot!(Scene::lesson().step("guess").text());
}

#[test]
fn recall_and_calls_at_120x36() {
    assert_snapshot!(Scene::lesson().step("unshare").text());
}

#[test]
fn task_at_120x36_in_french() {
    assert_snapshot!(Scene::lesson().lang(Fr).step("rename").text());
}

#[test]
fn task_at_80x24() {
    assert_snapshot!(Scene::lesson().size(80, 24).step("rename").text());
}

#[test]
fn prediction_at_80x24_in_french() {
    assert_snapshot!(Scene::lesson().size(80, 24).lang(Fr).step("guess").text());
}

#[test]
fn recall_at_projector_size() {
    assert_snapshot!(Scene::lesson().size(200, 60).lang(En).step("unshare").text());
}

#[test]
fn traced_calls_at_120x36() {
    assert_snapshot!(traced::at_work(Scene::lesson()).text());
}

#[test]
fn traced_calls_at_80x24_in_french() {
    let scene = traced::at_work(Scene::lesson().size(80, 24).lang(Fr));
    let mut scene = scene.key(KeyCode::F(3));
    for _ in 0..10 {
        if !scene.says("openat") {
            scene = scene.key(KeyCode::Right);
        }
    }
    assert_snapshot!(scene.text());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn seccomp_at_120x36() {
    assert_snapshot!(seccomp::scene(Scene::lesson()).text());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn seccomp_at_80x24_in_french() {
    assert_snapshot!(seccomp::scene(Scene::lesson().size(80, 24).lang(Fr)).text());
}

#[test]
fn list_at_80x24() {
    assert_snapshot!(Scene::list().size(80, 24).text());
}

#[test]
fn list_at_120x36_in_french() {
    assert_snapshot!(Scene::list().lang(Fr).text());
}

#[test]
fn the_halves_of_a_joined_row_and_their_line_share_one_colour() {
    let scene = Scene::lesson();
    let buffer = scene.buffer();
    let (x, y) = scene.find("┼").expect("a joined row");
    let row = |y: u16| (42..buffer.area.width - 1).map(|x| (x, buffer[(x, y)].clone())).collect::<Vec<_>>();
    let drawn = |y: u16| {
        row(y).into_iter().filter(|(_, cell)| cell.symbol() != " ").map(|(_, cell)| cell.fg).collect::<Vec<_>>()
    };
    let (first, second) = (drawn(y), drawn(y + 1));
    assert!(first.iter().all(|fg| *fg == buffer[(x, y)].fg), "{first:?}");
    assert!(second.iter().all(|fg| *fg == buffer[(x, y + 1)].fg), "{second:?}");
    assert_ne!(first[0], second[0], "neighbours differ");
    assert_ne!(first[0], Color::Reset);
}

#[test]
fn an_object_keeps_its_colour_when_another_comes_before_it() {
    let scene = Scene::lesson();
    let colour = |scene: &Scene| scene.buffer()[scene.find("48230").expect("the process")].fg;
    let before = colour(&scene);
    let scene = scene.snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("box").expect("the box");
        let (Reading::Read(host), Reading::Read(seen)) = (&mut snapshot.host.processes, &mut actor.seen) else {
            panic!()
        };
        let Reading::Read(inside) = &mut seen.processes else { panic!() };
        inside.retain(|process| process.pid != 1);
        host.retain(|process| process.pid != 48_213);
    });
    assert_eq!(colour(&scene), before);
}

#[test]
fn without_colour_no_cell_has_one_and_everything_is_still_told() {
    for step in ["look", "guess", "unshare", "rename"] {
        let with = Scene::lesson().step(step);
        let without = Scene::lesson().theme(Theme::PLAIN).step(step);
        assert!(
            without.buffer().content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset),
            "{step}"
        );
        assert_eq!(with.text(), without.text(), "{step}");
    }
    let list = Scene::list().theme(Theme::PLAIN);
    assert!(list.buffer().content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn light_and_dark_differ_in_colour_alone() {
    let (dark, light) = (Scene::lesson(), Scene::lesson().theme(Theme::LIGHT));
    assert_eq!(dark.text(), light.text());
    assert_ne!(dark.buffer(), light.buffer());
}

#[test]
fn what_changed_is_marked_for_a_second_and_a_half() {
    let rename = |snapshot: &mut Snapshot| {
        let Reading::Read(seen) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
        let Reading::Read(uts) = &mut seen.uts else { panic!() };
        uts.hostname = "cigale-42".to_owned();
    };
    let scene = Scene::lesson().step("unshare");
    assert!(!scene.says("◆"));
    let scene = scene.snapshot(rename);
    assert!(scene.says("≠  ◆ host name   cigale-42") && !scene.says("◆ host name   lab"), "{}", scene.text());
    let scene = scene.wait(1_400);
    assert!(scene.says("◆"));
    let mut scene = scene.wait(200);
    assert!(!scene.says("◆") && scene.model.dirty && scene.model.deadline().is_none());
    scene.model.dirty = false;
    let scene = scene.snapshot(|_| {});
    assert!(!scene.model.dirty, "a snapshot like the one before draws nothing");
}

#[test]
fn a_wall_that_was_just_built_is_marked() {
    let scene = Scene::lesson().snapshot(|snapshot| {
        let walls = &mut snapshot.actors.get_mut("box").expect("the box").walls;
        walls.get_mut(&Wall::Uts).expect("a wall").state = Built::Built;
    });
    assert!(scene.says("◆uts ■"));
    assert!(!scene.wait(1_600).says("◆"));
}

/// Values that would take over a terminal, or turn a line around.
const HOSTILE: &str = "a\x1b[2J\x1b]0;t\x07b\u{202e}c\u{200b}\u{9b}31m\n\u{2066}d";

#[test]
fn hostile_values_reach_no_cell_in_any_pane() {
    let hostile = |snapshot: &mut Snapshot| {
        let actor = snapshot.actors.get_mut("box").expect("the box");
        actor.exit = Some(HOSTILE.to_owned());
        actor.alive = false;
        for wall in actor.walls.values_mut() {
            wall.actor = HOSTILE.to_owned();
        }
        let Reading::Read(seen) = &mut actor.seen else { panic!() };
        for view in [&mut snapshot.host, seen] {
            view.uts = Reading::Read(Uts {
                hostname: HOSTILE.to_owned(),
                domainname: HOSTILE.to_owned(),
                release: HOSTILE.to_owned(),
            });
            let Reading::Read(processes) = &mut view.processes else { panic!() };
            for process in processes.iter_mut().map(Arc::make_mut) {
                process.command = HOSTILE.to_owned();
                process.user = Some(HOSTILE.to_owned());
                process.state = '\x1b';
            }
            view.mounts = Reading::Read(Arc::new(vec![Mount {
                source: HOSTILE.to_owned(),
                fstype: HOSTILE.to_owned(),
                ..mount(1, HOSTILE)
            }]));
            let Reading::Read(users) = &mut view.users else { panic!() };
            users.names.insert(0, HOSTILE.to_owned());
            users.names.insert(1000, HOSTILE.to_owned());
            users.setgroups = HOSTILE.to_owned();
        }
    };
    for (width, height) in [(120, 36), (80, 24)] {
        for &pane in LessonScreen::tabs(Size::new(width, height)) {
            let mut scene = Scene::lesson().size(width, height).snapshot(hostile).pane(pane);
            harmless(&scene);
            scene = scene.key(KeyCode::Char('e'));
            harmless(&scene);
            scene.event(Event::Failed(HOSTILE.to_owned()));
            harmless(&scene);
        }
        let mut scene = Scene::lesson().size(width, height).snapshot(hostile).key(KeyCode::F(4));
        scene.event(Event::ShellOutput(1, HOSTILE.as_bytes().to_vec()));
        harmless(&scene);
        scene.event(Event::ShellClosed(1, HOSTILE.to_owned()));
        harmless(&scene);
        assert!(scene.says("␛"), "it is shown, in a harmless form");
    }
    let mut scene = Scene::list();
    scene.model.machine = [HOSTILE.to_owned(), HOSTILE.to_owned()];
    scene.model.list.filter = HOSTILE.to_owned();
    harmless(&scene);
}

fn harmless(scene: &Scene) {
    let bad = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for cell in scene.buffer().content() {
        assert!(!cell.symbol().chars().any(bad), "{:?}", cell.symbol());
    }
}

#[test]
fn a_side_that_cannot_be_read_says_why() {
    let scene = Scene::lesson().snapshot(|snapshot| snapshot.actors.get_mut("box").expect("the box").seen = unread());
    harmless(&scene);
    let text = scene.text();
    assert!(text.contains("not readable: /proc/48213/␛]0;x␇") && text.contains("EACCES"), "{text}");
}

#[test]
fn the_help_lists_each_key_of_the_table() {
    for lang in [En, Fr] {
        let scene = Scene::lesson().size(120, 160).lang(lang).key(KeyCode::F(1));
        let text = scene.text();
        for binding in KEYS {
            let row = |line: &&str| {
                // Digits that mean the same share a line: `1 … 6`.
                let digit = matches!(binding.key, KeyCode::Char(c) if c.is_ascii_digit()) && line.contains(" … ");
                let named = line.contains(&format!("  {} ", binding.key_name(lang)));
                (named || digit) && line.contains(binding.help(lang))
            };
            assert!(text.lines().any(|line| row(&line)), "{binding:?}\n{text}");
        }
        let presenters = [Context::Projector, Context::Counting];
        for context in Context::ALL {
            // A student has no use for these.
            assert_eq!(text.contains(context.name(lang)), !presenters.contains(&context), "{context:?}");
        }
        let wall = Scene::wall(scene::lesson()).size(120, 160).lang(lang).key(KeyCode::F(1)).text();
        for binding in cloison::ui::projector::keys::KEYS {
            assert!(wall.contains(binding.help(lang)), "{binding:?}\n{wall}");
        }
        assert!(presenters.iter().all(|context| wall.contains(context.name(lang))));
        assert!(!scene.key(KeyCode::Esc).says(Context::AfterPrefix.name(lang)));
    }
}

#[test]
fn nothing_of_the_french_screen_is_english() {
    let english = [
        "Lesson",
        "HOST",
        "BOX",
        "COMMAND ",
        "USER ",
        "Processes",
        "Users",
        "Mounts",
        "Names",
        "Walls",
        "Calls",
        "visible from",
        " more",
        "help",
        "panes",
        "hint",
        "back",
        "next",
        "quit ",
        "keyboard",
        "step ",
        "built",
        "Your turn",
        "expected",
        "found",
        "Your prediction",
        "Choose",
        "You said",
        "kernel says",
        "not what",
        "this step",
        "opens",
        "limits",
        "Why",
    ];
    for (width, height) in [(120, 36), (80, 24)] {
        for step in ["look", "guess", "unshare", "rename"] {
            let scene = Scene::lesson().size(width, height).step(step);
            let (before, french) = (scene.text(), scene.lang(Fr).text());
            let left: Vec<&&str> = english.iter().filter(|word| french.contains(**word)).collect();
            assert!(left.is_empty(), "{left:?} in\n{french}");
            let same =
                before.lines().zip(french.lines()).filter(|(en, fr)| en == fr && en.chars().any(char::is_alphabetic));
            // Rows of processes and calls are the same in both languages, and headings of none.
            assert!(same.clone().count() <= 9, "{:?}", same.collect::<Vec<_>>());
        }
    }
    let english = Scene::list().text();
    let french = Scene::list().lang(Fr).text();
    assert!(english.lines().zip(french.lines()).all(|(en, fr)| en != fr || !en.chars().any(char::is_alphabetic)));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    assert!(Scene::lesson().size(59, 16).says("59×16"));
    assert!(Scene::list().size(60, 15).lang(Fr).says("Rien n'est perdu"));
    assert!(Scene::lesson().size(60, 16).says("Lesson"));
}

#[test]
fn text_longer_than_its_pane_says_so_and_scrolls() {
    let scene = Scene::lesson().size(60, 16);
    assert!(scene.says("▼"), "{}", scene.text());
    let scene = scene.key(KeyCode::End);
    assert!(scene.says("▲") && scene.says("$ uname -n") && !scene.says("▼"), "{}", scene.text());
    // F2 again gives the lesson the whole screen.
    let scene = scene.key(KeyCode::F(2));
    assert!(scene.says("Look") && scene.says("$ uname -n") && !scene.says("HOST"), "{}", scene.text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_size_and_no_key_breaks_the_screen(moves in proptest::collection::vec((1u16..=250, 1u16..=80, 0usize..21), 1..10)) {
        let keys = [
            KeyCode::F(1), KeyCode::F(2), KeyCode::F(3), KeyCode::F(4), KeyCode::F(5), KeyCode::F(6), KeyCode::F(7),
            KeyCode::F(8), KeyCode::F(9), KeyCode::Tab, KeyCode::PageDown, KeyCode::Char('1'), KeyCode::Esc, KeyCode::Char('e'),
            KeyCode::Char('z'), KeyCode::Char('s'), KeyCode::Char('/'), KeyCode::Char('x'), KeyCode::Down, KeyCode::End, KeyCode::Enter,
        ];
        let mut scene = Scene::lesson();
        for (width, height, key) in moves {
            scene = scene.size(width, height).key(keys[key]);
            let buffer = scene.buffer();
            let place = Input::Mouse(MouseEvent {
                kind: MouseEventKind::Down(MouseButton::Left), column: width / 2, row: height / 2, modifiers: KeyModifiers::NONE,
            });
            scene.event(Event::Terminal(place));
            scene.event(Event::ShellOutput(1, "漢字 $ \r\n".repeat(9).into_bytes()));
            prop_assert_eq!(buffer.area.as_size(), Size::new(width, height));
            scene.buffer();
        }
        let mut list = Scene::list();
        list = list.size(61, 17).key(KeyCode::Down);
        list.buffer();
    }
}
