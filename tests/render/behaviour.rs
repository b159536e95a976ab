//! What keys, the mouse and the lab's answers do to the screen, and what the screen
//! asks for.

use std::time::Instant;

use cloison::i18n::Lang::{En, Fr};
use cloison::observe::{Reading, Snapshot};
use cloison::session::Effect;
use cloison::ui::Event;
use cloison::ui::event::{EntryState, Request};
use cloison::ui::layout::Pane;
use cloison::ui::model::{Focus, LessonScreen, Overlay, Screen};
use cloison::ui::update::update;
use crossterm::event::{Event as Input, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::scene::{Scene, entries};

fn focus(scene: &Scene) -> Focus {
    scene.model.lesson().expect("a lesson").focus
}

fn step(scene: &Scene) -> usize {
    scene.model.lesson().expect("a lesson").session.step()
}

fn typed(scene: &Scene) -> String {
    String::from_utf8(scene.typed.lock().expect("no panic").clone()).expect("text")
}

fn mouse(scene: &mut Scene, kind: MouseEventKind, (column, row): (u16, u16)) {
    scene.event(Event::Terminal(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })));
}

fn rename(side: &str, name: &str) -> impl FnOnce(&mut Snapshot) {
    move |snapshot| {
        let view = match side {
            "host" => &mut snapshot.host,
            side => match &mut snapshot.actors.get_mut(side).expect("the actor").seen {
                Reading::Read(view) => view,
                Reading::Unread(_) => panic!(),
            },
        };
        let Reading::Read(uts) = &mut view.uts else { panic!() };
        name.clone_into(&mut uts.hostname);
    }
}

#[test]
fn a_prediction_is_made_by_digit_or_arrows_and_can_be_changed_until_next() {
    let scene = Scene::lesson().step("guess");
    let refused = scene.key(KeyCode::F(9));
    assert!(step(&refused) == 1 && refused.says("Choose an answer first"));
    let scene = refused.key(KeyCode::Char('1'));
    assert!(scene.says("1 (●)") && scene.says("You can change it"), "{}", scene.text());
    let scene = scene.key(KeyCode::Down).key(KeyCode::Enter);
    assert!(scene.says("2 (●)") && scene.says("1 ( )"), "{}", scene.text());
    // Enter on the choice that is made goes on.
    let scene = scene.key(KeyCode::Enter);
    assert_eq!(step(&scene), 2);
    assert!(scene.says("as you predicted"));
    let scene = scene.key(KeyCode::F(8)).key(KeyCode::Char('1'));
    assert!(scene.says("2 (●)") && scene.says("settled"), "{}", scene.text());
}

#[test]
fn a_task_brings_the_keyboard_to_its_shell_and_ticks_by_itself() {
    let scene = Scene::lesson().step("rename");
    assert_eq!(focus(&scene), Focus::Shells);
    assert!(scene.says("keyboard: box shell") && scene.says("✗ the box is called") && scene.says("expected: "));
    let scene = scene.snapshot(rename("host", "cigale-42"));
    assert!(scene.says("About what you just did") && scene.says("host's shell"), "{}", scene.text());
    let scene = scene.snapshot(rename("host", "lab")).snapshot(rename("box", "cigale-42"));
    assert!(
        scene.says("✓ the box is called") && scene.says("✓ Done: 3 pts.") && scene.says("4/4 pts"),
        "{}",
        scene.text()
    );
    let scene = scene.key(KeyCode::F(9));
    assert_eq!(scene.model.overlay, Some(Overlay::Finished));
    let scene = scene.key(KeyCode::Enter);
    assert!(matches!(scene.model.screen, Screen::List(_)));
    assert_eq!(scene.model.list.entries[1].state, EntryState::Done(4));
    assert_eq!((scene.model.list.selected, scene.model.list.filter.as_str()), (2, ""), "the next lesson is at hand");
    assert!(matches!(scene.requests.last(), Some(Request::Close)));
}

#[test]
fn hints_open_one_by_one() {
    let scene = Scene::lesson().step("rename");
    assert!(scene.says("F5 hint (0/3)"));
    let scene = scene.key(KeyCode::F(5));
    assert!(scene.says("F5 hint (1/3)") && scene.says("Which program prints the name?") && !scene.says("sets it"));
    let scene = scene.ctrl('g').key(KeyCode::Char('5'));
    assert!(scene.says("(2/3)") && scene.says("sets it"));
}

#[test]
fn what_is_said_about_a_task_comes_into_sight_and_is_not_pulled_back_there() {
    let scene = Scene::lesson().size(60, 16).step("rename");
    assert!(scene.says("From the box's shell"), "the task is read first: {}", scene.text());
    let scene = scene.key(KeyCode::F(5));
    assert!(scene.says("Which program prints the name?"), "{}", scene.text());
    let scene = scene.snapshot(rename("host", "cigale-42"));
    assert!(scene.says("That was the host's shell."), "{}", scene.text());
    let mut scene = scene;
    scene.model.lesson_mut().expect("a lesson").prose.scroll = 0;
    let scene = scene.snapshot(rename("box", "other"));
    assert!(scene.says("From the box's shell"), "nothing new was said: {}", scene.text());
    let scene = scene.snapshot(rename("host", "lab")).snapshot(rename("box", "cigale-42"));
    assert!(scene.says("✓ Done: 3 pts.") && scene.says("─ Why ─"), "{}", scene.text());
    // Coming back to what is done starts at its beginning.
    let scene = scene.key(KeyCode::F(8)).key(KeyCode::F(9));
    assert_eq!((step(&scene), scene.model.lesson().expect("a lesson").prose.scroll), (3, 0), "{}", scene.text());
}

#[test]
fn enter_takes_no_choice_that_is_out_of_sight() {
    let chosen = |scene: &Scene| scene.model.lesson().expect("a lesson").session.prediction().expect("one").chosen;
    let scene = Scene::lesson().size(60, 16).step("guess");
    assert!(!scene.says("2 ( )"), "{}", scene.text());
    let scene = scene.key(KeyCode::Enter);
    assert!(scene.says("1 ( )") && scene.says("2 ( )"), "{}", scene.text());
    assert_eq!(chosen(&scene), None);
    assert_eq!(chosen(&scene.key(KeyCode::Enter)).as_deref(), Some("same"));
    // Nor does an arrow pass over one.
    let scene = Scene::lesson().size(60, 16).step("guess").key(KeyCode::Down);
    assert!(scene.says("▸1 ( )"), "{}", scene.text());
    assert!(scene.key(KeyCode::Down).says("▸2 ( )"));
}

#[test]
fn a_pane_with_little_to_show_gives_the_lesson_room_and_a_shell_none() {
    let lesson_high = |scene: &Scene| scene.model.lesson().expect("a lesson").regions(scene.model.size).lesson.height;
    let scene = Scene::lesson().size(80, 20).step("guess");
    assert_eq!(lesson_high(&scene), 11, "{}", scene.text());
    assert!(scene.says("2 ( )"), "{}", scene.text());
    // As many calls as this step has are worth their place.
    let scene = scene.key(KeyCode::Char('1')).key(KeyCode::F(9)).size(80, 18);
    assert_eq!(lesson_high(&scene), 9, "{}", scene.text());
    assert_eq!(lesson_high(&scene.pane(Pane::Calls)), 8);
    let scene = Scene::lesson().size(80, 20).step("guess").key(KeyCode::F(4));
    assert_eq!(lesson_high(&scene), 9);
}

#[test]
fn a_call_that_failed_at_the_end_of_a_step_is_in_sight() {
    // More calls than lines: the step ends with a refused sethostname.
    let scene = Scene::lesson().size(60, 16).step("unshare").pane(Pane::Calls);
    assert!(scene.says("✗ sethostname") && !scene.says("unshare(CLONE"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char('['));
    let scene = scene.key(KeyCode::Home);
    assert!(scene.says("unshare(CLONE") && !scene.says("✗ sethostname"), "{}", scene.text());
}

#[test]
fn a_step_about_calls_keeps_the_twin_pane_of_the_step_before_on_a_wide_screen() {
    let front = |width, height| {
        let scene = Scene::lesson_with(|lesson| lesson.steps[3].show = Some(cloison::lesson::model::Pane::Calls));
        let scene = scene.size(width, height).step("rename");
        scene.model.lesson().expect("a lesson").pane
    };
    assert_eq!(front(120, 36), Pane::Names);
    assert_eq!(front(80, 24), Pane::Calls);
}

#[test]
fn how_much_more_text_there_is_never_covers_the_names_of_the_shells() {
    let scene = Scene::lesson().size(100, 24).step("rename").key(KeyCode::F(5)).key(KeyCode::F(5));
    let scene = scene.key(KeyCode::F(5));
    let mut scene = scene;
    scene.model.lesson_mut().expect("a lesson").prose.scroll = 0;
    let scene = scene.size(101, 24);
    let row = |text: &str| scene.find(text).map(|(_, row)| row);
    assert!(scene.says("· host ─ ▸ box"), "{}", scene.text());
    assert_eq!(row("▼"), row(" Lesson "), "{}", scene.text());
}

#[test]
fn a_check_too_long_for_its_line_says_that_it_goes_on() {
    let scene = Scene::lesson().size(60, 16).step("rename").key(KeyCode::F(4)).key(KeyCode::F(7));
    let text = scene.text();
    let pinned = text.lines().find(|line| line.contains("À vous  ")).expect("the checks");
    assert!(pinned.contains("la boîte s'appelle cigale-42") && !pinned.contains('…'), "{text}");
    let long = format!("{} `cigale-42`", "la boîte ".repeat(9));
    let scene = Scene::lesson_with(move |lesson| {
        for text in lesson.texts.values_mut() {
            text.steps[3].checks.insert("renamed".to_owned(), long.clone());
        }
    });
    let text = scene.size(60, 16).step("rename").text();
    let pinned = text.lines().find(|line| line.contains("Your turn  ")).expect("the checks");
    assert!(pinned.contains("la …"), "{text}");
}

#[test]
fn in_a_shell_every_key_is_the_shells_but_f_keys_and_the_prefix() {
    let scene = Scene::lesson().step("rename");
    let scene = scene.key(KeyCode::Char('q')).key(KeyCode::Tab).key(KeyCode::Esc).key(KeyCode::Up).ctrl('c');
    assert_eq!(typed(&scene), "q\t\x1b\x1b[A\x03");
    assert_eq!(focus(&scene), Focus::Shells);
    let scene = scene.ctrl('g');
    assert!(scene.says("which key?"));
    let scene = scene.ctrl('g');
    assert_eq!(typed(&scene), "q\t\x1b\x1b[A\x03\x07");
    let scene = scene.ctrl('g').key(KeyCode::Char('x'));
    assert_eq!(typed(&scene), "q\t\x1b\x1b[A\x03\x07", "a key without a meaning after the prefix is dropped");
    let scene = scene.key(KeyCode::F(3));
    assert_eq!(focus(&scene), Focus::Panes);
}

#[test]
fn what_a_program_asked_of_its_keyboard_is_kept_to() {
    let mut scene = Scene::lesson().step("rename");
    scene.event(Event::ShellOutput(1, b"\x1b[?1h\x1b[?2004h".to_vec()));
    let mut scene = scene.key(KeyCode::Up);
    scene.event(Event::Terminal(Input::Paste("a\x1bb".to_owned())));
    assert_eq!(typed(&scene), "\x1bOA\x1b[200~ab\x1b[201~");
}

#[test]
fn a_line_that_was_entered_is_kept_as_an_answer() {
    let mut scene = Scene::lesson().step("rename");
    scene.event(Event::ShellOutput(1, b"\x1b]633;E;1;hostname x\x07".to_vec()));
    let Some(Request::Session(Effect::Save(answers))) = scene.requests.last() else { panic!("{:?}", scene.requests) };
    assert_eq!(answers.tasks["rename"]["box"], "hostname x");
    // One that was interrupted before it led anywhere is none.
    scene.event(Event::ShellOutput(1, b"\x1b]633;E;^2;sleep 99\x07\x1b]633;E;3;id\x07".to_vec()));
    let Some(Request::Session(Effect::Save(answers))) = scene.requests.last() else { panic!("{:?}", scene.requests) };
    assert_eq!(answers.tasks["rename"]["box"], "hostname x\nid");
    // Going back would lose it: that is asked first.
    let scene = scene.key(KeyCode::F(8));
    assert_eq!((scene.model.overlay.clone(), step(&scene)), (Some(Overlay::Confirm(2)), 3));
    let scene = scene.key(KeyCode::Esc);
    assert_eq!((scene.model.overlay.clone(), step(&scene)), (None, 3));
    let scene = scene.key(KeyCode::F(8)).key(KeyCode::Enter);
    assert_eq!((scene.model.overlay.clone(), step(&scene)), (None, 2));
}

#[test]
fn back_asks_nothing_where_nothing_is_lost() {
    let scene = Scene::lesson().step("rename").key(KeyCode::F(8));
    assert_eq!((scene.model.overlay.clone(), step(&scene)), (None, 2));
}

#[test]
fn a_shell_is_opened_once_in_its_size_and_resized_with_the_screen() {
    let scene = Scene::lesson().key(KeyCode::F(4)).key(KeyCode::F(2)).key(KeyCode::F(4));
    let opened: Vec<_> = scene.requests.iter().filter(|request| matches!(request, Request::OpenShell { .. })).collect();
    assert!(matches!(opened[..], [Request::OpenShell { actor, rows: 8, cols: 118 }] if actor == "host"), "{opened:?}");
    let scene = scene.size(80, 24);
    assert_eq!(scene.sizes.lock().expect("no panic").last(), Some(&(10, 78)));
    // F4 again: the next shell, which is opened then.
    let scene = scene.key(KeyCode::F(4));
    assert!(matches!(scene.requests.last(), Some(Request::OpenShell { actor, .. }) if actor == "box"));
}

#[test]
fn a_shell_that_has_ended_says_how_and_enter_opens_another() {
    let mut scene = Scene::lesson().key(KeyCode::F(4));
    scene.event(Event::ShellOutput(1, b"last words".to_vec()));
    scene.event(Event::ShellClosed(1, "exit 3".to_owned()));
    assert!(scene.says("exit 3") && scene.says("last words") && scene.says("Enter opens a new one"));
    let before = scene.requests.len();
    let scene = scene.key(KeyCode::Char('x'));
    assert_eq!((typed(&scene).as_str(), scene.requests.len()), ("", before));
    let scene = scene.key(KeyCode::Enter);
    assert!(matches!(scene.requests.last(), Some(Request::OpenShell { .. })));
    assert!(!scene.says("exit 3"));
}

#[test]
fn a_shell_from_before_the_walls_is_replaced_when_the_task_begins() {
    let scene = Scene::lesson().key(KeyCode::F(4)).key(KeyCode::F(4)).step("rename");
    let boxes = scene.requests.iter().filter(|one| matches!(one, Request::OpenShell { actor, .. } if actor == "box"));
    assert_eq!(boxes.count(), 2);
    // One opened after them is kept.
    let scene = Scene::lesson().step("unshare").key(KeyCode::F(4)).key(KeyCode::F(4)).step("rename");
    let boxes = scene.requests.iter().filter(|one| matches!(one, Request::OpenShell { actor, .. } if actor == "box"));
    assert_eq!(boxes.count(), 1);
}

#[test]
fn what_left_the_shells_screen_comes_back_with_shift_page_up_and_the_wheel() {
    let mut scene = Scene::lesson().key(KeyCode::F(4));
    let lines = (0..40).map(|n| format!("line {n}\r\n")).collect::<Vec<_>>().concat();
    scene.event(Event::ShellOutput(1, lines.into_bytes()));
    assert!(scene.says("line 39") && !scene.says("line 30"));
    let place = scene.find("line 39").expect("the line");
    mouse(&mut scene, MouseEventKind::ScrollUp, place);
    assert!(scene.says("3 lines back") && !scene.says("line 39"), "{}", scene.text());
    scene.event(Event::Terminal(Input::Key(crossterm::event::KeyEvent::new(KeyCode::PageUp, KeyModifiers::SHIFT))));
    assert!(scene.says("10 lines back"), "{}", scene.text());
    let scene = scene.key(KeyCode::Char('x'));
    assert!(scene.says("line 39"), "a key comes back to the present");
}

#[test]
fn a_click_gives_the_keyboard_and_chooses_tabs() {
    let mut scene = Scene::lesson();
    let place = scene.find("F4 opens a shell").expect("the shell's place");
    mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), place);
    assert_eq!(focus(&scene), Focus::Shells);
    let place = scene.find("Mounts").expect("the tab");
    mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), place);
    assert_eq!((focus(&scene), scene.model.lesson().expect("a lesson").pane), (Focus::Panes, Pane::Mounts));
    assert!(scene.says("/dev/sda1"));
    let place = scene.find("· box").expect("the tab");
    mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), place);
    assert!(scene.says("keyboard: box shell"));
}

#[test]
fn panes_are_switched_by_the_same_keys_at_every_size() {
    for (width, height) in [(120, 36), (80, 24)] {
        let scene = Scene::lesson().size(width, height).key(KeyCode::F(3)).key(KeyCode::F(3));
        assert!(scene.says("/proc/self/uid_map  0 1000 1"), "{}", scene.text());
        let scene = scene.key(KeyCode::Right);
        assert!(scene.says("MOUNTED ON"));
        let number = LessonScreen::tabs(scene.model.size).iter().position(|&pane| pane == Pane::Names).expect("a tab");
        let scene =
            scene.key(KeyCode::Char(char::from_digit(u32::try_from(number + 1).expect("few"), 10).expect("few")));
        assert!(scene.says("host name"));
    }
    let scene = Scene::lesson().size(80, 24).step("unshare").pane(Pane::Calls);
    assert!(scene.says("EINVAL: invalid"), "{}", scene.text());
    let scene = scene.pane(Pane::Walls);
    assert!(scene.says("pid ■"), "{}", scene.text());
    let scene = scene.size(120, 36);
    assert!(scene.says("48213"), "on a wide screen walls have their own place: {}", scene.text());
}

#[test]
fn folded_rows_unfold_when_scrolled_to() {
    let scene = Scene::lesson().key(KeyCode::F(3));
    assert!(scene.says("214 more") && !scene.says("daemon-213"));
    let scene = scene.key(KeyCode::End);
    assert!(scene.says("daemon-213") && !scene.says("more"), "{}", scene.text());
    assert!(scene.key(KeyCode::Home).says("214 more"));
}

#[test]
fn the_evidence_lies_behind_the_gauge() {
    let scene = Scene::lesson().key(KeyCode::Char('e'));
    assert!(scene.says("host 4026531836  ≠  box 4026532201") && scene.says("host 4026531836  =  box 4026531836"));
    let scene = scene.lang(Fr);
    assert!(scene.says("dressée") && !scene.key(KeyCode::Esc).says("dressée"));
}

#[test]
fn the_doctor_is_asked_and_its_findings_are_shown_with_their_remedy() {
    let scene = Scene::list().key(KeyCode::F(6));
    assert!(scene.says("✗ timens") && scene.says("→ sysctl"));
    assert!(!scene.key(KeyCode::F(6)).says("timens"));
}

#[test]
fn that_the_lab_is_at_work_is_said_until_it_is_ready() {
    for (lang, words) in [(En, "still at work"), (Fr, "travaille encore")] {
        let mut scene = Scene::lesson().lang(lang);
        let asked = scene.pressed(KeyCode::F(9));
        assert!(!scene.says(words));
        scene.pressed(KeyCode::F(9));
        assert!(scene.says(words));
        assert!(!scene.served(&asked).says(words));
    }
}

#[test]
fn the_list_filters_opens_and_refuses() {
    let scene = Scene::list().key(KeyCode::Char('p')).key(KeyCode::Char('i'));
    assert!(scene.says("filter: pi") && scene.says("One process, several") && !scene.says("Two names"));
    let numbered = Scene::list().key(KeyCode::Char('0')).key(KeyCode::Char('9'));
    assert!(numbered.says("One process, several") && !numbered.says("Two names"));
    let scene = scene.key(KeyCode::Enter);
    assert!(matches!(scene.requests.last(), Some(Request::Open(id)) if id == "pid"));
    let scene = scene.key(KeyCode::Enter);
    assert_eq!(scene.requests.len(), 1, "a lesson is opened once");
    let mut scene = scene;
    scene.event(Event::Failed("no user namespaces\nUse another machine".to_owned()));
    assert!(scene.says(" ! no user namespaces") && scene.says("   Use another machine"), "{}", scene.text());
    let scene = scene.key(KeyCode::Esc).key(KeyCode::End);
    assert!(scene.says("not possible here: this kernel has no time namespaces"));
    let scene = scene.key(KeyCode::Enter);
    assert!(scene.requests.len() == 1 && scene.model.failure.is_some());
}

#[test]
fn leaving_says_that_nothing_is_lost_and_asks() {
    let scene = Scene::lesson().step("guess").key(KeyCode::F(10));
    assert!(scene.says("Nothing is lost") && scene.says("Enter: leave     l: list") && !scene.model.left);
    let scene = scene.key(KeyCode::Esc).key(KeyCode::F(10)).key(KeyCode::Char('l'));
    assert!(matches!(scene.model.screen, Screen::List(_)) && !scene.model.left);
    assert_eq!(scene.model.list.entries[1].state, EntryState::Begun(0));
    assert!(scene.key(KeyCode::F(10)).model.left);
    assert!(Scene::lesson().key(KeyCode::F(10)).key(KeyCode::Enter).model.left);
}

#[test]
fn the_language_is_switched_at_once_and_told() {
    let scene = Scene::lesson().lang(Fr);
    assert!(matches!(scene.requests.last(), Some(Request::Speak(Fr))));
    assert!(scene.says("simple processus fils"));
    assert!(scene.lang(En).says("plain child process"));
}

#[test]
fn the_actor_that_ended_says_how() {
    let scene = Scene::lesson().snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("box").expect("the box");
        actor.alive = false;
        actor.exit = Some("killed by SIGKILL".to_owned());
    });
    assert!(scene.says("ended: killed by"), "{}", scene.text());
}

#[test]
fn in_an_idle_lesson_nothing_is_due() {
    let scene = Scene::lesson();
    assert_eq!(scene.model.deadline(), None);
}

#[test]
fn a_long_window_scrolls_to_its_end_and_no_further() {
    let mut scene = Scene::lesson().size(80, 24).key(KeyCode::F(1));
    assert!(scene.says("▼"));
    for _ in 0..30 {
        scene = scene.key(KeyCode::PageDown);
    }
    assert!(scene.says("stay") && !scene.says("▼"), "{}", scene.text());
    assert!(scene.key(KeyCode::Up).says("▼ 1 more"));
}

#[test]
fn a_terminal_smaller_than_the_last_size_told_is_not_drawn_on() {
    let scene = Scene::lesson();
    let backend = ratatui::backend::TestBackend::new(30, 8);
    let mut terminal = ratatui::Terminal::new(backend).expect("a test backend");
    terminal.draw(|frame| cloison::ui::view::render(frame, &scene.model)).expect("drawing");
}

#[test]
fn calls_that_do_not_fit_can_be_scrolled_to() {
    let mut scene = Scene::lesson().step("unshare");
    // The last call failed: that comes first.
    assert!(scene.says("EINVAL: ") && scene.says("▲ 1 above"), "{}", scene.text());
    scene = scene.key(KeyCode::Char('[')).key(KeyCode::Char('['));
    assert!(
        scene.says("unshare(CLONE_NEWUSER") && scene.says("▼ 1 more ( ] )") && !scene.says("EINVAL: "),
        "{}",
        scene.text()
    );
    let place = scene.find("Calls of this step").expect("the title");
    mouse(&mut scene, MouseEventKind::ScrollDown, place);
    assert!(scene.says("EINVAL: ") && scene.says("▲ 1 above"), "{}", scene.text());
}

#[test]
fn the_text_of_the_lesson_scrolls_while_a_shell_has_the_keyboard() {
    let mut scene = Scene::lesson().size(60, 16).step("rename");
    assert!(scene.says("keyboard: box shell") && scene.says("(Ctrl-PgDn)"), "{}", scene.text());
    let down = crossterm::event::KeyEvent::new(KeyCode::PageDown, KeyModifiers::CONTROL);
    scene.event(Event::Terminal(Input::Key(down)));
    assert!(scene.says("▲") && scene.says("keyboard: box shell"), "{}", scene.text());
    assert_eq!(typed(&scene), "");
}

#[test]
fn while_the_lab_is_at_work_the_step_says_nothing_of_what_came_of_it() {
    let mut scene = Scene::lesson().step("guess").key(KeyCode::Char('1'));
    let next = Event::Terminal(Input::Key(KeyCode::F(9).into()));
    // Nobody answers what is asked for.
    update(&mut scene.model, next, Instant::now());
    assert!(scene.says("The lab is at work.") && !scene.says("The kernel says"), "{}", scene.text());
    let scene = Scene::lesson().step("unshare");
    assert!(!scene.says("The lab is at work.") && scene.says("The kernel says"), "{}", scene.text());
}

#[test]
fn the_points_stay_in_sight_beside_a_long_title() {
    for (width, height) in [(60, 16), (80, 24)] {
        let scene = Scene::lesson_with(|lesson| {
            lesson.texts.values_mut().for_each(|text| text.title = "Long ".repeat(30));
        });
        let scene = scene.size(width, height);
        assert!(scene.says("0/4 pts"), "{}", scene.text());
    }
}

#[test]
fn the_list_says_how_much_of_it_is_out_of_sight() {
    assert!(!Scene::list().says("▼"));
    let mut scene = Scene::list().size(60, 16);
    scene.model.list.entries.extend((0..5).flat_map(|_| entries()));
    assert!(scene.says("▼ "), "{}", scene.text());
    let scene = scene.key(KeyCode::End);
    assert!(scene.says("▲ ") && !scene.says("▼"), "{}", scene.text());
}

#[test]
fn a_shell_of_the_host_says_on_which_side_its_keys_land() {
    let scene = Scene::lesson().step("rename");
    assert!(!scene.says("on the host"), "{}", scene.text());
    let host = scene.key(KeyCode::F(4));
    assert!(host.says("on the host: outside the box"), "{}", host.text());
    assert!(!host.key(KeyCode::F(2)).says("on the host"));
}
