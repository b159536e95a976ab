//! The wall of a demonstration: what a room sees, and what a presenter does to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use cloison::i18n::Lang::{En, Fr};
use cloison::lesson::library::Library;
use cloison::ui::Event;
use cloison::ui::event::{Order, Request};
use cloison::ui::keymap::Intent;
use cloison::ui::projector::{Autoplay, Sharing};
use cloison::ui::room;
use cloison::ui::view::scaled;
use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::buffer::CellDiffOption;
use ratatui::style::Modifier;

use crate::scene::{Scene, lesson, outcome};

fn wall() -> Scene {
    Scene::wall(lesson())
}

/// The wall at a step, as the notes go there.
fn at(id: &str) -> Scene {
    let to = lesson().steps.iter().position(|step| step.id == id).unwrap();
    let mut scene = wall();
    scene.event(Event::Order(Order::Goto(to)));
    scene
}

fn step(scene: &Scene) -> &str {
    &scene.model.lesson().unwrap().session.step_def().id
}

#[test]
fn a_question_with_its_hands_on_the_wall() {
    let scene = at("guess").key(KeyCode::Char('v')).keys_of("3 12").key(KeyCode::Enter);
    assert_snapshot!(scene.text());
}

#[test]
fn what_the_kernel_did_beside_the_hands_on_the_wall_in_french() {
    let scene = at("guess").lang(Fr).key(KeyCode::Char('v')).keys_of("3 12").key(KeyCode::Enter).key(KeyCode::Enter);
    assert_snapshot!(scene.text());
}

#[test]
fn a_task_and_its_shell_on_the_wall() {
    assert_snapshot!(at("rename").text());
}

#[test]
fn on_a_small_wall_a_task_keeps_its_shell() {
    assert_snapshot!(at("rename").size(80, 24).text());
}

#[test]
fn the_question_stays_until_it_is_revealed() {
    let scene = at("guess").key(KeyCode::Char(' ')).key(KeyCode::PageDown).key(KeyCode::F(9));
    assert_eq!(step(&scene), "guess");
    assert_eq!(step(&scene.key(KeyCode::Char('r'))), "unshare");
}

#[test]
fn a_key_that_comes_while_the_lab_is_at_work_counts_as_soon_as_it_is_ready() {
    let mut scene = wall();
    let asked = scene.pressed(KeyCode::PageDown);
    let scene = scene.key(KeyCode::Char('r'));
    assert_eq!((step(&scene), scene.model.lesson().unwrap().session.busy()), ("guess", true));
    assert_eq!(step(&scene.served(&asked)), "unshare");
}

#[test]
fn a_remote_control_goes_on_back_and_blank() {
    let scene = wall().key(KeyCode::PageDown);
    assert_eq!(step(&scene), "guess");
    let scene = scene.key(KeyCode::PageUp);
    assert_eq!(step(&scene), "look");
    let scene = scene.key(KeyCode::Char('b'));
    assert!(!scene.text().contains(|c: char| !c.is_whitespace()));
    assert!(scene.key(KeyCode::Char('.')).text().contains("HOST"));
}

#[test]
fn any_step_is_found_by_its_name() {
    let scene = wall().key(KeyCode::Char('g')).key(KeyCode::Down).key(KeyCode::Down);
    assert!(scene.text().contains("▸  3"), "{}", scene.text());
    assert_eq!(step(&scene.key(KeyCode::Enter)), "unshare");
}

#[test]
fn nothing_on_the_wall_is_dim_or_thin() {
    for scene in [wall(), at("unshare"), at("rename")] {
        let cells = scene.buffer();
        let thin = cells.content.iter().filter(|cell| cell.symbol().chars().any(char::is_alphanumeric));
        let thin: String =
            thin.filter(|cell| !cell.modifier.contains(Modifier::BOLD)).map(ratatui::buffer::Cell::symbol).collect();
        // The shell has its own colours.
        assert_eq!(thin, "");
        assert!(!cells.content.iter().any(|cell| cell.modifier.contains(Modifier::DIM)));
    }
}

fn tick(scene: Scene, millis: u64) -> Scene {
    let mut scene = scene.wait(millis);
    scene.event(Event::Tick);
    scene
}

#[test]
fn a_demonstration_goes_on_by_itself_types_the_solution_and_begins_again() {
    let mut scene = tick(wall(), 0);
    scene.model.projector.as_mut().unwrap().auto = Some(Autoplay::new(true, None));
    let (mut seen, mut typed_at) = (vec![step(&scene).to_owned()], Vec::new());
    for _ in 0..2_000 {
        scene = tick(scene, 100);
        if scene.model.projector.as_ref().unwrap().typing.is_some() {
            typed_at.push(step(&scene).to_owned());
        }
        if seen.last().map(String::as_str) != Some(step(&scene)) {
            seen.push(step(&scene).to_owned());
        }
    }
    let steps: Vec<String> = lesson().steps.iter().map(|step| step.id.clone()).collect();
    assert_eq!(seen[..=steps.len()], [&steps[..], &steps[..1]].concat()[..]);
    typed_at.dedup();
    assert!(typed_at.iter().all(|step| step == "rename") && !typed_at.is_empty(), "{typed_at:?}");
    assert!(String::from_utf8(scene.typed.lock().unwrap().clone()).unwrap().starts_with("hostname cigale-42\r"));
    // At the end of the last step without another turn it stays there.
    scene.model.projector.as_mut().unwrap().auto.as_mut().unwrap().again = false;
    for _ in 0..2_000 {
        scene = tick(scene, 100);
    }
    assert_eq!(Some(step(&scene)), steps.last().map(String::as_str));
    assert_eq!(scene.model.projector.as_ref().unwrap().auto, None);
}

#[test]
fn who_stops_it_has_the_time_that_it_takes() {
    let scene = tick(wall().key(KeyCode::Char('a')), 0);
    assert!(scene.text().contains("▶ 1/"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char('a'));
    assert!(scene.text().contains("⏸ 1/"), "{}", scene.text());
    let scene = tick(tick(scene, 600_000), 600_000);
    assert_eq!(step(&scene), "look");
    // Nor does it go on behind a list that somebody reads, or while the wall is blank.
    let scene = scene.key(KeyCode::Char('a')).key(KeyCode::Char('g'));
    let scene = tick(tick(scene, 600_000), 600_000).key(KeyCode::Esc).key(KeyCode::Char('b'));
    let scene = tick(tick(scene, 600_000), 600_000).key(KeyCode::Char('b'));
    assert_eq!(step(&scene), "look");
    let scene = tick(tick(scene, 0), 600_000);
    assert_eq!(step(&scene), "guess");
}

#[test]
fn in_slow_motion_each_key_is_one_call_and_enter_all_that_are_to_come() {
    let mut scene = at("guess").key(KeyCode::Char('m'));
    assert!(matches!(scene.requests.last(), Some(Request::Slow(true))));
    let asked = scene.pressed(KeyCode::Enter);
    let mut outcome = outcome(2);
    outcome.ops[0].calls.truncate(1);
    scene.event(Event::Moved(outcome));
    assert_snapshot!(scene.text());
    let asks = |requests: &[Request], whole| matches!(requests, [Request::GoOn { all }] if *all == whole);
    assert!(asks(&scene.pressed(KeyCode::Char(' ')), false));
    assert!(asks(&scene.pressed(KeyCode::Enter), true));
    // Who goes elsewhere doesn't leave the step in the midst of it.
    assert!(asks(&scene.pressed(KeyCode::Left), true));
    assert_eq!(step(&scene), "unshare");
    assert_eq!(step(&scene.served(&asked)), "guess");
}

#[test]
fn where_the_terminal_can_the_text_is_twice_as_large_as_far_as_there_is_room() {
    let mut scene = wall();
    scene.model.projector.as_mut().unwrap().scales = true;
    let twice = |scene: &Scene| scene.model.lesson().unwrap().prose.twice;
    assert!(!twice(&scene));
    let scene = scene.key(KeyCode::Char('+'));
    assert!(twice(&scene));
    let buffer = scene.frame();
    let large: Vec<_> = buffer.content.iter().filter(|cell| cell.symbol().starts_with("\x1b]66;s=2;")).collect();
    let text: String = large.iter().map(|cell| scaled::plain(cell)).collect();
    assert!(text.starts_with("Look "), "{text}");
    // Each covers four cells, and nothing is drawn over the other three.
    let covered = buffer.content.iter().filter(|cell| cell.diff_option == CellDiffOption::Skip).count();
    assert_eq!(covered, 3 * large.len());
    // What is left of the wall is all there.
    let rest: String = buffer.content.iter().map(scaled::plain).collect();
    assert!(rest.contains("HOST") && rest.contains("Walls of") && rest.contains("Calls of this step"), "{rest}");
    let scene = scene.key(KeyCode::Char('+'));
    assert!(scene.model.lesson().unwrap().projected.unwrap().large);
    let scene = scene.key(KeyCode::Char('-')).key(KeyCode::Char('-'));
    assert!(!twice(&scene) && scene.text().contains("Look"), "{}", scene.text());
    // A text that has no room at that size keeps its own.
    let scene = scene.key(KeyCode::Char('+')).size(70, 18);
    assert!(!twice(&scene) && scene.text().contains("Look"), "{}", scene.text());
}

#[test]
fn the_solution_types_itself_key_by_key_and_pauses() {
    let mut scene = at("rename").key(KeyCode::Char('t'));
    let typed = |scene: &Scene| String::from_utf8(scene.typed.lock().unwrap().clone()).unwrap();
    scene = tick(scene, 0);
    let first = typed(&scene);
    assert!("hostname".starts_with(&first) && first.len() < 3, "{first:?}");
    scene = scene.key(KeyCode::Char('t'));
    scene = tick(scene, 10_000);
    assert_eq!(typed(&scene), first);
    scene = scene.key(KeyCode::Char('t'));
    for _ in 0..60 {
        scene = tick(scene, 600);
    }
    assert_eq!(typed(&scene), "hostname cigale-42\r");
    assert!(scene.model.projector.as_ref().unwrap().typing.is_none());
}

#[test]
fn who_takes_the_shell_types_alone() {
    let mut scene = at("rename").key(KeyCode::Char('t')).key(KeyCode::F(4));
    scene.typed.lock().unwrap().clear();
    scene = scene.wait(5_000).keys_of("id");
    scene.event(Event::Tick);
    assert_eq!(scene.typed.lock().unwrap().as_slice(), b"id");
    // And hands it back.
    let scene = scene.key(KeyCode::F(2)).key(KeyCode::Char('b'));
    assert_eq!(scene.typed.lock().unwrap().as_slice(), b"id");
    assert!(!scene.text().contains(|c: char| !c.is_whitespace()));
}

#[test]
fn what_went_wrong_is_for_the_presenter_alone() {
    let mut scene = at("unshare");
    scene.event(Event::Failed("The keeper was killed.".to_owned()));
    assert!(!scene.text().contains("killed"), "{}", scene.text());
    assert_eq!(scene.model.projector.as_ref().unwrap().trouble.as_deref(), Some("The keeper was killed."));
}

#[test]
fn one_region_alone_is_in_the_spotlight_until_the_next_step() {
    let scene = at("unshare").key(KeyCode::Char('s'));
    assert!(scene.text().contains("HOST") && !scene.text().contains("Walls of"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char('s'));
    assert!(!scene.text().contains("HOST") && scene.text().contains("Walls of"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char(' '));
    assert!(scene.text().contains("HOST") && scene.text().contains("Walls of"), "{}", scene.text());
}

#[test]
fn one_row_is_in_the_spotlight_until_the_next_step() {
    let marked = |scene: &Scene| scene.text().lines().filter(|line| line.contains('▸')).count();
    let scene = at("unshare");
    assert_eq!(marked(&scene), 0);
    let mut scene = scene.key(KeyCode::Down).key(KeyCode::Down);
    assert_eq!(marked(&scene), 1, "{}", scene.text());
    let first = scene.find("▸").unwrap();
    scene.event(Event::Order(Order::Do(Intent::Up)));
    assert_eq!(scene.find("▸").unwrap().1 + 1, first.1);
    // Nothing else is touched, and the keys still belong to the wall.
    assert_eq!(marked(&scene.key(KeyCode::Esc)), 0);
    let scene = at("unshare").key(KeyCode::Down).key(KeyCode::Char(' '));
    assert_eq!((step(&scene), scene.model.lesson().unwrap().twins.browse.cursor), ("rename", None));
}

#[test]
fn an_order_from_the_notes_does_what_a_key_does() {
    let mut scene = wall();
    scene.event(Event::Order(Order::Do(Intent::Next)));
    assert_eq!(step(&scene), "guess");
    scene.event(Event::Order(Order::Do(Intent::Next)));
    assert_eq!(step(&scene), "guess");
    scene.event(Event::Order(Order::Hands("7".into())));
    assert!(scene.text().contains("█ 7"), "{}", scene.text());
    scene.event(Event::Order(Order::Do(Intent::Reveal)));
    assert_eq!(step(&scene), "unshare");
    scene.event(Event::Order(Order::Goto(999)));
    assert_eq!(step(&scene), "unshare");
    scene.event(Event::Order(Order::Leave));
    assert!(scene.model.left);
}

#[test]
fn hands_are_seen_as_they_are_typed() {
    let scene = at("guess").key(KeyCode::Char('v'));
    assert!(scene.says("Hands: ▏"), "{}", scene.text());
    let scene = scene.keys_of("12").key(KeyCode::Backspace);
    assert!(scene.says("Hands: 1▏"), "{}", scene.text());
    assert!(!scene.key(KeyCode::Esc).says("Hands:"));
}

#[test]
fn how_to_follow_stands_in_the_last_row_and_changes_no_other() {
    let shared = |lang, width, height| {
        let mut scene = at("rename").lang(lang).size(width, height);
        let alone = scene.text();
        scene.model.projector.as_mut().unwrap().sharing = Some(Sharing {
            command: "cloison follow 192.168.100.200:40404".into(),
            code: "K7X 4MR".into(),
            followers: 0,
        });
        scene.event(Event::Followers(200));
        let rows: Vec<String> = scene.text().lines().map(str::to_owned).collect();
        let (last, others) = rows.split_last().unwrap();
        assert_eq!(others.join("\n").trim_end(), alone.trim_end());
        let cells = scene.buffer();
        let row = &cells.content[cells.content.len() - usize::from(width)..];
        assert!(row.iter().all(|cell| cell.symbol() == " " || cell.modifier.contains(Modifier::BOLD)));
        last.trim().to_owned()
    };
    let all = "cloison follow 192.168.100.200:40404   code K7X 4MR   200 connectés";
    assert_eq!((shared(Fr, 120, 36), shared(Fr, 80, 24)), (all.to_owned(), all.to_owned()));
    assert_eq!(shared(En, 60, 16), "cloison follow 192.168.100.200:40404   code K7X 4MR");
}

/// The last row of seats reads all of it: no text of a lesson has more lines than a wall
/// of 120×36 has room for.
#[test]
fn no_step_of_any_lesson_overflows_the_wall() {
    let library = Library::open(None).unwrap();
    let mut over = Vec::new();
    for listed in library.list() {
        let lesson = library.get(&listed.id).unwrap();
        for lang in [En, Fr] {
            let long = room::too_long(&lesson, lang, room::WALL);
            over.extend(long.into_iter().map(|(step, lines)| {
                format!("{}.{} in {}: {lines} lines too many", lesson.id, lesson.steps[step].id, lang.code())
            }));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

#[test]
fn a_step_that_is_too_long_for_the_wall_is_found() {
    let mut long = lesson();
    long.texts.get_mut(&En).unwrap().steps[2].body = "word ".repeat(600);
    assert!(matches!(room::too_long(&long, En, room::WALL)[..], [(2, lines)] if lines > 5));
    assert_eq!(room::too_long(&long, Fr, room::WALL), []);
    // Choices of a page each.
    let mut long = lesson();
    long.texts.get_mut(&Fr).unwrap().steps[1].choices.values_mut().for_each(|choice| *choice = "mot ".repeat(300));
    assert_eq!(room::too_long(&long, Fr, room::WALL).first().map(|(step, _)| *step), Some(1));
}
