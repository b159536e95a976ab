//! The panes as an instrument: what is in sight, in which order, and where it stays
//! when the machine moves.

use std::sync::Arc;

use cloison::i18n::Lang::Fr;
use cloison::observe::model::Process;
use cloison::observe::{Reading, Snapshot};
use cloison::ui::Event;
use cloison::ui::layout::Pane;
use cloison::ui::model::{LessonScreen, Mouse, Overlay};
use crossterm::event::{Event as Input, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Size;

use crate::scene::{Scene, mount, process};

const SIZES: [(u16, u16); 2] = [(120, 36), (80, 24)];

fn panes() -> Scene {
    Scene::lesson().key(KeyCode::F(3))
}

fn hosts(snapshot: &mut Snapshot) -> &mut Vec<Arc<Process>> {
    match &mut snapshot.host.processes {
        Reading::Read(list) => list,
        Reading::Unread(_) => panic!("the host's processes are read"),
    }
}

fn boxes(snapshot: &mut Snapshot) -> &mut Vec<Arc<Process>> {
    match &mut snapshot.actors.get_mut("box").expect("the box").seen {
        Reading::Read(view) => match &mut view.processes {
            Reading::Read(list) => list,
            Reading::Unread(_) => panic!("the box's processes are read"),
        },
        Reading::Unread(_) => panic!("the box is read"),
    }
}

fn row_of(scene: &Scene, text: &str) -> u16 {
    scene.find(text).unwrap_or_else(|| panic!("{text} is not there:\n{}", scene.text())).1
}

#[test]
fn a_filter_leaves_the_rows_that_say_it_and_tells_how_many_it_hides() {
    for (width, height) in SIZES {
        let scene = panes().size(width, height).key(KeyCode::Char('/'));
        assert!(scene.says("keyboard: filter") || width < 100, "{}", scene.text());
        // 1, 10 to 19, 100 to 199 would be more: 21 and 210 to 213 are five.
        let scene = scene.keys_of("DAEMON-21");
        assert!(scene.says("/DAEMON-21▏") && scene.says("212 hidden"), "{}", scene.text());
        assert!(scene.says("daemon-213") && !scene.says("cloison keeper"), "{}", scene.text());
        // It stays when the machine moves, and when it is not typed any more.
        let scene = scene.key(KeyCode::Enter).snapshot(|snapshot| {
            hosts(snapshot).push(process(60_000, 1, "root", "daemon-219 new").into());
        });
        assert!(scene.says("/DAEMON-21 ") && scene.says("212 hidden") && scene.says("daemon-219"), "{}", scene.text());
        let scene = scene.key(KeyCode::Esc);
        assert!(!scene.says("hidden") && scene.says("48213"), "{}", scene.text());
    }
}

#[test]
fn a_filter_looks_at_both_sides() {
    let scene = Scene::lesson().pane(Pane::Mounts).key(KeyCode::Char('/')).keys_of("proc");
    assert!(scene.says("/dev/sda9") && !scene.says("home"), "{}", scene.text());
    let scene = scene.key(KeyCode::Esc).key(KeyCode::Char('/')).keys_of("home");
    assert!(scene.says("/dev/sda2") && !scene.says("/dev/sda9"), "{}", scene.text());
}

#[test]
fn a_filter_that_nothing_fits_says_so_and_each_pane_has_its_own() {
    let scene = panes().key(KeyCode::Char('/')).keys_of("nothing like it").key(KeyCode::Enter);
    assert!(scene.says("no row says this") && scene.says("217 hidden"), "{}", scene.text());
    let scene = scene.pane(Pane::Mounts);
    assert!(!scene.says("hidden"), "{}", scene.text());
    let scene = scene.pane(Pane::Processes);
    assert!(scene.says("217 hidden"), "{}", scene.text());
    assert!(!scene.key(KeyCode::F(9)).says("hidden"), "a new step shows its pane as it is");
}

#[test]
fn rows_are_sorted_by_the_column_marked_and_the_box_stays_first() {
    let scene = panes();
    let [init, shell, keeper] = [" init", " sh -l", " cloison keeper"];
    assert!(row_of(&scene, init) < row_of(&scene, keeper), "the pane's own order");
    let scene = scene.key(KeyCode::Char('s'));
    assert!(scene.says("PID▲"), "{}", scene.text());
    assert!(row_of(&scene, keeper) < row_of(&scene, init), "{}", scene.text());
    assert!(scene.says("214 more"), "the crowd stays folded: {}", scene.text());
    let scene = scene.key(KeyCode::Char('r'));
    assert!(scene.says("PID▼") && row_of(&scene, shell) < row_of(&scene, init), "{}", scene.text());
    // The other side's numbers: what the box doesn't see has none and stands last.
    let scene = scene.key(KeyCode::Char('x'));
    assert!(scene.find("PID▼").expect("the heading").0 > 60, "{}", scene.text());
    assert!(row_of(&scene, init) < row_of(&scene, keeper), "{}", scene.text());
}

#[test]
fn sorting_comes_round_to_the_panes_own_order() {
    let mut scene = panes();
    let before = scene.text();
    for column in ["PID▲", "PPID▲", "USER▲", "S▲", "COMMAND▲"] {
        scene = scene.key(KeyCode::Char('s'));
        assert!(scene.says(column), "{column}: {}", scene.text());
    }
    assert_eq!(scene.key(KeyCode::Char('s')).text(), before);
}

#[test]
fn a_click_on_a_heading_sorts_by_it_and_another_turns_it_round() {
    let scene = panes().click("COMMAND");
    assert!(scene.says("COMMAND▲"), "{}", scene.text());
    assert!(row_of(&scene, "cloison keeper") < row_of(&scene, " init"), "{}", scene.text());
    let scene = scene.click("COMMAND▲");
    assert!(scene.says("COMMAND▼") && row_of(&scene, "sh -l") < row_of(&scene, " init"), "{}", scene.text());
}

#[test]
fn numbers_are_sorted_as_numbers() {
    let scene = panes().snapshot(|snapshot| {
        hosts(snapshot).push(process(999, 48_213, "ana", "small").into());
        hosts(snapshot).push(process(100_000, 48_213, "ana", "large").into());
    });
    let scene = scene.key(KeyCode::Char('s'));
    assert!(row_of(&scene, " small") < row_of(&scene, " cloison keeper"), "{}", scene.text());
    assert!(row_of(&scene, " sh -l") < row_of(&scene, " large"), "{}", scene.text());
}

#[test]
fn what_is_in_sight_stays_when_rows_above_it_go() {
    let mut scene = panes();
    let place = scene.find("48213").expect("the pane");
    for _ in 0..40 {
        scene = scene.mouse(MouseEventKind::ScrollDown, place);
    }
    let before = row_of(&scene, "daemon-120 ");
    let scene = scene.snapshot(|snapshot| hosts(snapshot).retain(|process| process.pid >= 150)).wait(2_000);
    assert_eq!(row_of(&scene, "daemon-120 "), before, "{}", scene.text());
    let scene = scene
        .snapshot(|snapshot| (20..60).for_each(|pid| hosts(snapshot).push(process(pid, 1, "root", "late").into())));
    assert_eq!(row_of(&scene, "daemon-120 "), before, "{}", scene.text());
}

#[test]
fn the_row_selected_is_known_by_what_it_is() {
    let scene = panes().key(KeyCode::Down).key(KeyCode::Down);
    assert!(scene.says("▸ ● 48230"), "{}", scene.text());
    assert!(scene.says("214 more"), "the crowd is still folded: {}", scene.text());
    let scene = scene.snapshot(|snapshot| {
        hosts(snapshot).retain(|process| process.pid != 48_213);
        boxes(snapshot).retain(|process| process.pid != 1);
    });
    assert!(scene.says("▸ ● 48230"), "{}", scene.text());
    // All of it, uncut.
    let scene = scene.size(60, 16).key(KeyCode::Enter);
    assert_eq!(scene.model.overlay, Some(Overlay::Row(0)));
    assert!(scene.says("One row") && scene.says("COMMAND") && scene.says("sh -l"), "{}", scene.text());
    let scene = scene.key(KeyCode::Esc).key(KeyCode::Esc);
    assert!(!scene.says("▸ ●"), "{}", scene.text());
    assert!(scene.key(KeyCode::Enter).says("What proves the walls"));
}

#[test]
fn the_selection_walks_through_the_crowd_and_stays_in_sight() {
    for (width, height) in SIZES {
        let mut scene = panes().size(width, height);
        for _ in 0..60 {
            scene = scene.key(KeyCode::Down);
            assert!(scene.says("▸ "), "{}", scene.text());
        }
        assert!(scene.says("▸   ") && scene.says("daemon-56 "), "{}", scene.text());
        for _ in 0..3 {
            scene = scene.key(KeyCode::PageUp);
            assert!(scene.says("▸ "), "{}", scene.text());
        }
        let scene = scene.key(KeyCode::End);
        assert!(scene.says("▸ ") && scene.says("daemon-213"), "{}", scene.text());
    }
}

#[test]
fn one_region_takes_the_screen_and_gives_it_back() {
    for (width, height) in SIZES {
        let scene = panes().size(width, height);
        let before = scene.buffer();
        let scene = scene.key(KeyCode::Char('z'));
        assert!(!scene.says("Lesson") && !scene.says("plain child process"), "{}", scene.text());
        assert!(scene.says("HOST ana@lab") && scene.says("F10"), "{}", scene.text());
        let scene = scene.key(KeyCode::Char('z'));
        assert_eq!(scene.buffer(), before);
        // By mouse, and away by leaving it.
        let scene = scene.double_click("48211");
        assert!(!scene.says("plain child process"), "{}", scene.text());
        let scene = scene.key(KeyCode::F(2));
        assert!(scene.says("plain child process") && scene.says("HOST"), "{}", scene.text());
        let scene = scene.double_click("plain child");
        assert!(scene.says("plain child process") && !scene.says("HOST"), "{}", scene.text());
    }
    let scene = Scene::lesson().key(KeyCode::F(4)).ctrl('g').key(KeyCode::Char('z'));
    assert_eq!(scene.sizes.lock().expect("no panic").last(), Some(&(32, 118)), "{}", scene.text());
    let scene = Scene::lesson().step("unshare").double_click("Calls of this step");
    assert!(scene.says("EINVAL: invalid") && !scene.says("HOST"), "{}", scene.text());
}

#[test]
fn a_click_selects_a_row_makes_a_choice_and_goes_to_a_step() {
    let scene = panes().click("48230");
    assert!(scene.says("▸ ● 48230"), "{}", scene.text());
    let scene = Scene::lesson().step("guess").click("Only the box");
    assert!(scene.says("2 (●)"), "{}", scene.text());
    let scene = scene.step("rename");
    // The dots of the steps: back, and forward to where one was, and no further.
    let dot = |scene: Scene, dots: &str, at: u16| {
        let (x, y) = scene.find(dots).unwrap_or_else(|| panic!("{dots}: {}", scene.text()));
        let scene = scene.wait(1_000).mouse(MouseEventKind::Down(MouseButton::Left), (x + at, y));
        let step = scene.model.lesson().expect("a lesson").session.step();
        (scene, step)
    };
    let (scene, step) = dot(scene, "●●●◐", 1);
    assert_eq!(step, 1, "{}", scene.text());
    let (scene, step) = dot(scene, "●◐○○", 2);
    assert_eq!(step, 2, "{}", scene.text());
    let (ahead, step) = dot(Scene::lesson(), "◐○○○", 2);
    assert_eq!(step, 0, "a prediction is not gone past: {}", ahead.text());
    drop(scene);
}

#[test]
fn with_shift_the_mouse_is_the_terminals_and_a_key_leaves_it_there() {
    let mut scene = panes();
    let before = scene.buffer();
    let (column, row) = scene.find("48230").expect("the row");
    let kind = MouseEventKind::Down(MouseButton::Left);
    scene.event(Event::Terminal(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::SHIFT })));
    assert_eq!(scene.buffer(), before);
    let scene = scene.ctrl('g').key(KeyCode::Char('m'));
    assert!(scene.model.mouse == Mouse::Terminals && scene.says("mouse: terminal"), "{}", scene.text());
    assert_eq!(scene.ctrl('g').key(KeyCode::Char('m')).model.mouse, Mouse::Ours);
}

#[test]
fn every_tab_can_be_reached_and_is_in_sight_when_chosen() {
    for (width, height) in [(60, 16), (80, 24), (120, 36), (200, 60)] {
        for lang in cloison::i18n::Lang::ALL {
            let size = Size::new(width, height);
            for &pane in LessonScreen::tabs(size) {
                let scene = Scene::lesson().size(width, height).lang(lang).pane(pane);
                let name = scene.text();
                let buffer = scene.buffer();
                let reversed =
                    |&(x, y): &(u16, u16)| buffer[(x, y)].modifier.contains(ratatui::style::Modifier::REVERSED);
                let cells = (0..height).rev().flat_map(|y| (0..width).map(move |x| (x, y)));
                let (x, y) = cells.into_iter().find(reversed).unwrap_or_else(|| panic!("{pane:?}\n{name}"));
                // A click on it changes nothing.
                let scene = scene.wait(1_000).mouse(MouseEventKind::Down(MouseButton::Left), (x, y));
                assert_eq!(scene.model.lesson().expect("a lesson").pane, pane, "{name}");
            }
        }
    }
    // In French not all of them have room at 60 columns: how many wait is said.
    let scene = Scene::lesson().size(60, 16).lang(Fr).pane(Pane::Processes);
    assert!(scene.says("›"), "{}", scene.text());
    assert!(scene.pane(Pane::Calls).says("‹"));
}

#[test]
fn what_came_changed_or_went_has_a_sign_for_a_moment() {
    let scene = panes().snapshot(|snapshot| {
        hosts(snapshot).push(process(50_000, 48_213, "ana", "newcomer").into());
        hosts(snapshot)
            .iter_mut()
            .filter(|one| one.pid == 48_211)
            .for_each(|one| "other".clone_into(&mut Arc::make_mut(one).command));
        hosts(snapshot).retain(|one| one.pid != 48_230);
        boxes(snapshot).retain(|one| one.pid != 2);
    });
    assert!(scene.says("+ 50000") && scene.says("◆ 48211") && scene.says("− 48230"), "{}", scene.text());
    let scene = scene.wait(1_600);
    assert!(
        !scene.says("+ 50000") && scene.says("  50000") && !scene.says("◆") && !scene.says("48230"),
        "{}",
        scene.text()
    );
    let scene = Scene::lesson().pane(Pane::Mounts).snapshot(|snapshot| {
        let Reading::Read(view) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
        let Reading::Read(mounts) = &mut view.mounts else { panic!() };
        let mounts = Arc::make_mut(mounts);
        mounts.retain(|one| one.id != 9);
        mounts.push(mount(11, "/new"));
    });
    assert!(scene.says("+ └ new") && scene.says("− └ proc"), "{}", scene.text());
}

#[test]
fn a_row_that_comes_back_is_there_once() {
    let gone = |snapshot: &mut Snapshot| {
        hosts(snapshot).retain(|one| one.pid != 48_230);
        boxes(snapshot).retain(|one| one.pid != 2);
    };
    let before = crate::scene::snapshot();
    let scene = panes().snapshot(gone).snapshot(move |snapshot| *snapshot = before);
    assert_eq!(scene.text().matches("sh -l").count(), 2, "once on each side: {}", scene.text());
}

#[test]
fn a_box_that_forks_without_end_shows_a_few_of_the_gone() {
    let mut scene = panes();
    for turn in 0..40_u32 {
        scene = scene.snapshot(|snapshot| {
            hosts(snapshot).retain(|one| one.pid < 60_000);
            (0..100)
                .for_each(|n| hosts(snapshot).push(process(60_000 + turn * 100 + n, 48_213, "ana", "short").into()));
        });
        scene = scene.wait(200);
    }
    let twins = &scene.model.lesson().expect("a lesson").twins;
    assert!(twins.gone.len() <= 6 && twins.recent.len() <= 8, "{} {}", twins.gone.len(), twins.recent.len());
    assert!(twins.changes.host.len() < 2_000, "{}", twins.changes.host.len());
    assert!(scene.says("48213"), "what lasts stays first: {}", scene.text());
}

#[test]
fn nothing_flickers() {
    for (width, height) in SIZES {
        for &pane in LessonScreen::tabs(Size::new(width, height)) {
            let scene = Scene::lesson().size(width, height).pane(pane).wait(5_000);
            let before = scene.buffer();
            let scene = scene.snapshot(|_| {});
            assert_eq!(scene.buffer(), before, "{pane:?}");
            // Something of another side of the machine changes: these rows don't.
            let scene = scene.snapshot(|snapshot| snapshot.host.lsm = Reading::Read("x".to_owned())).wait(2_000);
            assert_eq!(scene.buffer(), before, "{pane:?}");
        }
    }
}

#[test]
fn an_object_keeps_its_colour_through_other_panes() {
    let colour = |scene: &Scene| scene.buffer()[scene.find("48230").expect("the process")].fg;
    let scene = panes();
    let before = colour(&scene);
    let scene = scene.pane(Pane::Mounts).pane(Pane::Users).snapshot(|snapshot| {
        hosts(snapshot).retain(|process| process.pid != 48_213);
        boxes(snapshot).retain(|process| process.pid != 1);
    });
    assert_eq!(colour(&scene.pane(Pane::Processes)), before);
}

#[test]
fn a_crowd_of_thousands_is_counted_and_walked_through() {
    let crowd = |snapshot: &mut Snapshot| {
        (0..3_000).for_each(|n| hosts(snapshot).push(process(100_000 + n, 1, "root", &format!("crowd-{n}")).into()));
    };
    let scene = panes().snapshot(crowd);
    assert!(scene.says("3214 more, none visible from the box"), "{}", scene.text());
    let scene = scene.key(KeyCode::End);
    assert!(scene.says("crowd-2999"), "{}", scene.text());
    let scene = scene.key(KeyCode::Home);
    assert!(scene.says("3214 more"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char('/')).keys_of("crowd-29");
    assert!(scene.says("crowd-2999") || scene.says("crowd-29 "), "{}", scene.text());
}

#[test]
fn on_a_small_screen_the_checks_of_a_task_are_always_in_sight() {
    for lang in cloison::i18n::Lang::ALL {
        let scene = Scene::lesson().size(80, 24).lang(lang).step("rename").key(KeyCode::F(2));
        let says = |scene: &Scene| scene.says("✗✓  ") && scene.says("cigale-42");
        assert!(says(&scene), "{}", scene.text());
        let scene = scene.key(KeyCode::End);
        assert!(says(&scene), "{}", scene.text());
    }
}
