//! The program as a student meets it: on a terminal, with real keys, real shells
//! and real walls. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::os::unix::process::ExitStatusExt as _;

use nix::sys::signal::Signal;
use support::inventory::{Inventory, processes, wait_for_end};
use support::{CTRL_C, ENTER, F2, F3, F4, F7, F8, F9, F10, PATIENCE, Place, Terminal};

const WIDE: (u16, u16) = (120, 36);
const NARROW: (u16, u16) = (80, 24);

fn host_name() -> String {
    nix::sys::utsname::uname().expect("uname").nodename().to_string_lossy().into_owned()
}

/// Answers the prediction of the step shown.
fn predict(terminal: &mut Terminal, choice: &str) {
    // Pressed twice, it would give the lesson the whole screen.
    if !terminal.text().contains("keyboard: lesson") && !terminal.text().contains("clavier : leçon") {
        terminal.write(F2);
    }
    terminal.write(choice);
}

/// From the start of `uts` to its end, with full marks.
fn go_through_uts(terminal: &mut Terminal, wide: bool) {
    let host = host_name();
    terminal.at_step(1, 11, "0/8");
    if wide {
        terminal.see_line(&["host name", "┼"]);
    }
    terminal.go_on_to(2, 11, "0/8");
    predict(terminal, "3");
    terminal.go_on_to(3, 11, "1/8");
    if wide {
        terminal.see("Walls of box: 3 of 14");
    }
    terminal.go_on_to(4, 11, "1/8");
    predict(terminal, "3");
    terminal.go_on_to(5, 11, "2/8");
    if wide {
        terminal.see_line(&["host name", &host, "≠", "chrysalide"]);
    }
    terminal.go_on_to(6, 11, "2/8");
    terminal.see("@chrysalide:");
    let name = Place::value(&Place::user(), "uts", "name");
    terminal.enter_in("box", &format!("hostname {name}"));
    terminal.at_step(6, 11, "5/8");
    if wide {
        terminal.see_line(&["host name", &host, "≠", &name]);
    }
    terminal.go_on_to(7, 11, "5/8");
    terminal.enter_in("box", &format!("domainname {}", Place::value(&Place::user(), "uts", "domain")));
    terminal.at_step(7, 11, "7/8");
    terminal.go_on_to(8, 11, "7/8");
    predict(terminal, "3");
    terminal.go_on_to(9, 11, "8/8");
    if wide {
        terminal.see("EPERM");
        terminal.see_line(&["host name", &host, "┼"]);
    }
    terminal.go_on_to(10, 11, "8/8");
    terminal.go_on_to(11, 11, "8/8");
    terminal.finish("You have 8/8 pts.");
    assert_eq!(host_name(), host, "the machine has kept its name");
}

/// The file kept says that the lesson is finished, and the grader agrees.
fn is_graded_with_full_marks(place: &Place, lesson: &str, points: u32) {
    let answers = place.answers(lesson);
    assert!(answers.contains("finished = true"), "{answers}");
    assert!(answers.contains(&format!("points = {points}")), "{answers}");
    assert!(!answers.contains("'''"), "each line was kept once: {answers}");
    let graded = place.run(&["check", lesson]);
    let report = String::from_utf8_lossy(&graded.stdout).into_owned() + &String::from_utf8_lossy(&graded.stderr);
    assert_eq!(graded.status.code(), Some(0), "{report}\n{answers}");
    assert!(report.contains(&format!("{points}/{points}")), "{report}");
}

#[test]
fn a_student_names_a_box_in_english() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    go_through_uts(&mut terminal, true);
    terminal.write(F10);
    terminal.see("Enter: leave");
    terminal.write(ENTER);
    assert_eq!(terminal.ended().code(), Some(0));
    terminal.see_restored();
    before.must_come_back(&place);
    is_graded_with_full_marks(&place, "uts", 8);
    before.must_come_back(&place);
}

#[test]
fn a_student_names_a_box_on_a_small_terminal() {
    let place = Place::new();
    let mut terminal = place.start(NARROW, &["learn", "uts", "--lang", "en"]);
    go_through_uts(&mut terminal, false);
    assert_eq!(terminal.quit().code(), Some(0));
    is_graded_with_full_marks(&place, "uts", 8);
}

#[test]
fn a_student_ends_a_box_in_french() {
    let place = Place::new();
    let before = Inventory::take(&place);
    place.sign("pid");
    let mut terminal = place.start(WIDE, &["learn", "pid", "--lang", "fr"]);
    terminal.at_step(1, 18, "0/13");
    terminal.go_on_to(2, 18, "0/13");
    predict(&mut terminal, "3");
    terminal.go_on_to(3, 18, "1/13");
    terminal.go_on_to(4, 18, "1/13");
    predict(&mut terminal, "2");
    terminal.go_on_to(5, 18, "2/13");
    let init = processes(&place).into_iter().find(|process| process.command == "cloison init").unwrap();
    terminal.go_on_to(6, 18, "2/13");
    predict(&mut terminal, "2");
    terminal.go_on_to(7, 18, "3/13");
    // Its /proc is still the host's: one number on both sides.
    terminal.see_line(&[&format!("● {} ", init.pid), "┼"]);
    terminal.go_on_to(8, 18, "3/13");
    terminal.see_line(&[&format!(" {} ", init.pid), "┼", "  1 "]);
    terminal.go_on_to(9, 18, "3/13");
    let nap = format!("sleep {}", Place::value(&place.mark, "pid", "nap"));
    terminal.enter_in("init", &format!("{nap} &"));
    terminal.at_step(9, 18, "5/13");
    terminal.see_line(&["┼", "sleep "]);
    terminal.go_on_to(10, 18, "5/13");
    terminal.enter_in("host", &format!("kill -STOP \"$(pgrep -xf '{nap}')\""));
    terminal.at_step(10, 18, "7/13");
    terminal.go_on_to(11, 18, "7/13");
    predict(&mut terminal, "3");
    terminal.go_on_to(12, 18, "8/13");
    let orphan = format!("sleep {}", Place::value(&place.mark, "pid", "orphan"));
    terminal.see_line(&["┼", "    1 ", "sleep "]);
    terminal.go_on_to(13, 18, "8/13");
    predict(&mut terminal, "3");
    terminal.go_on_to(14, 18, "9/13");
    terminal.go_on_to(15, 18, "9/13");
    predict(&mut terminal, "3");
    terminal.go_on_to(16, 18, "10/13");
    terminal.enter_in("host", &format!("kill -KILL $(ps -o ppid= -p \"$(pgrep -xf '{orphan}')\")"));
    terminal.at_step(16, 18, "13/13");
    terminal.see("terminé :");
    terminal.go_on_to(17, 18, "13/13");
    terminal.go_on_to(18, 18, "13/13");
    terminal.finish("Vous avez 13/13 pts.");
    assert_eq!(terminal.quit().code(), Some(0));
    terminal.see_restored();
    before.must_come_back(&place);
    is_graded_with_full_marks(&place, "pid", 13);
}

#[test]
fn a_lesson_left_in_the_middle_is_resumed_there() {
    let place = Place::new();
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    to_the_first_task(&mut terminal);
    let name = Place::value(&Place::user(), "uts", "name");
    terminal.enter_in("box", &format!("hostname {name}"));
    terminal.at_step(6, 11, "5/8");
    assert_eq!(terminal.quit().code(), Some(0));
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "fr"]);
    terminal.at_step(6, 11, "5/8");
    terminal.write(F9);
    // What was typed then holds in the new lab.
    terminal.at_step(7, 11, "5/8");
    terminal.see_line(&["nom d'hôte", "≠", &name]);
    assert_eq!(terminal.quit().code(), Some(0));
}

#[test]
fn a_lesson_that_the_screen_began_with_is_left_for_the_list_of_all() {
    let place = Place::new();
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    terminal.at_step(1, 11, "0/8");
    terminal.write(F10);
    terminal.see("Enter: leave");
    terminal.write("l");
    terminal.see("The lessons");
    terminal.see("One process, several numbers");
    terminal.write(ENTER);
    // The one left is the one selected.
    terminal.at_step(1, 11, "0/8");
    assert_eq!(terminal.quit().code(), Some(0));
}

fn to_the_first_task(terminal: &mut Terminal) {
    terminal.at_step(1, 11, "0/8");
    terminal.go_on_to(2, 11, "0/8");
    predict(terminal, "3");
    terminal.go_on_to(3, 11, "1/8");
    terminal.go_on_to(4, 11, "1/8");
    predict(terminal, "3");
    terminal.go_on_to(5, 11, "2/8");
    terminal.go_on_to(6, 11, "2/8");
    terminal.see("@chrysalide:");
}

#[test]
fn the_language_changes_at_once_and_ctrl_c_belongs_to_the_shell() {
    let place = Place::new();
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    to_the_first_task(&mut terminal);
    terminal.write(F7);
    terminal.see("À vous");
    terminal.see("étape 6/11");
    terminal.write(F7);
    terminal.see("Your turn");
    terminal.enter("echo $((6 * 8))z; sleep 1000");
    // Ctrl-C drops what the terminal still holds unread: the line must have been taken.
    terminal.see("48z");
    terminal.write(CTRL_C);
    terminal.see("^C");
    terminal.enter("echo $((40 + 2))x");
    terminal.see("42x");
    // A bracketed paste reaches the line, and waits there for Enter.
    terminal.write("\x1b[200~echo $((50 + 5))y\x1b[201~");
    terminal.see("echo $((50 + 5))y");
    terminal.write(ENTER);
    terminal.see("55y");
    assert_eq!(terminal.quit().code(), Some(0));
}

#[test]
fn any_size_is_borne_at_any_time() {
    let place = Place::new();
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    to_the_first_task(&mut terminal);
    for (cols, rows) in [(80, 24), (20, 5), (1, 1), (200, 60), (60, 10)] {
        terminal.resize(cols, rows);
    }
    terminal.resize(90, 30);
    terminal.see_line(&["keyboard: box shell"]);
    terminal.write(F3);
    terminal.see("keyboard: panes");
    terminal.write(F4);
    terminal.see("keyboard: box shell");
    terminal.resize(20, 5);
    terminal.see("20×5");
    terminal.resize(120, 36);
    terminal.at_step(6, 11, "2/8");
    terminal.enter("stty size");
    terminal.wait_for("a shell as wide as its place", |screen| {
        screen.contents().lines().any(|line| line.trim_matches(['│', ' ']).ends_with("118"))
    });
    assert_eq!(terminal.quit().code(), Some(0));
}

#[test]
fn without_colours_no_colour_is_ever_asked_for() {
    let place = Place::new();
    let mut terminal = place.start_with(WIDE, &["learn", "uts", "--lang", "en"], &[("NO_COLOR", "1")]);
    to_the_first_task(&mut terminal);
    assert_eq!(terminal.quit().code(), Some(0));
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    for sgr in raw.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    }) {
        let colour = sgr
            .split([';', ':'])
            .any(|number| matches!(number.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107)));
        assert!(!colour, "CSI {sgr} m");
    }
}

/// In a lesson, with a shell open.
fn begun(place: &Place) -> Terminal {
    place.resume_at("uts", "name");
    let terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    terminal.at_step(6, 11, "0/8");
    terminal.see("@chrysalide:");
    terminal
}

#[test]
fn a_signal_to_end_gives_the_terminal_back_and_leaves_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = begun(&place);
        terminal.signal(signal);
        let status = terminal.ended();
        assert_eq!(status.signal(), None, "{signal}: it ends by itself");
        terminal.see_restored();
        before.must_come_back(&place);
    }
}

#[test]
fn a_stopped_program_lends_the_terminal_and_takes_it_again() {
    let place = Place::new();
    let mut terminal = begun(&place);
    terminal.signal(Signal::SIGTSTP);
    terminal.see_restored();
    let state = || std::fs::read_to_string(format!("/proc/{}/status", terminal.pid())).unwrap();
    let stopped = std::time::Instant::now() + PATIENCE;
    while !state().contains("State:\tT") {
        assert!(std::time::Instant::now() < stopped, "{}", state());
        std::thread::yield_now();
    }
    terminal.signal(Signal::SIGCONT);
    terminal.wait_for("the alternate screen again", vt100::Screen::alternate_screen);
    terminal.at_step(6, 11, "0/8");
    terminal.enter("echo $((40 + 2))x");
    terminal.see("42x");
    assert_eq!(terminal.quit().code(), Some(0));
    terminal.see_restored();
}

#[test]
fn a_closed_window_ends_the_program_and_leaves_nothing() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let mut terminal = begun(&place);
    let pid = terminal.pid();
    terminal.close_window();
    assert!(wait_for_end(pid, PATIENCE), "the program goes on without its terminal");
    drop(terminal);
    before.must_come_back(&place);
}

#[test]
fn what_a_box_prints_never_reaches_the_terminal_as_it_is() {
    let place = Place::new();
    let mut terminal = begun(&place);
    let payloads = [
        r"\033]0;stolen\007",
        r"\033]2;stolen\033\\",
        r"\033]52;c;c3RvbGVu\007",
        r"\033]8;;http://stolen\033\\x\033]8;;\033\\",
        r"\033P+q544e\033\\",
        r"\033_Gstolen\033\\",
        r"\033[?1049l",
        r"\033[?25h\033[6n\033[c",
        r"\033c",
        r"\033[8;5;5t",
        r"\302\2330;stolen\302\234",
    ];
    for payload in payloads {
        terminal.enter(&format!("printf '{payload}'"));
    }
    terminal.enter("hostname \"$(printf 'a\\033]0;stolen\\007b\\033cz')\"");
    // The process's own name and a line of its command are shown too.
    terminal.enter("bash -c 'exec -a \"$(printf \"\\033]0;stolen\\007\")\" sleep 5' & echo $((40 + 2))x");
    terminal.see("42x");
    terminal.write(F3);
    for pane in ["1", "2", "3", "4"] {
        terminal.write(pane);
    }
    terminal.write(F8);
    terminal.write(ENTER);
    terminal.at_step(5, 11, "0/8");
    assert_eq!(terminal.quit().code(), Some(0));
    // What the program wrote last may still be on its way.
    terminal.see_restored();
    let raw = terminal.raw();
    for forbidden in [
        "\x1b]",
        "\x1bP",
        "\x1b_",
        "\x1b^",
        "\x1bX",
        "\x1bc",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[8;5;5t",
        "\u{9b}",
        "\u{9d}",
        "\x07",
    ] {
        let found = raw.windows(forbidden.len()).position(|window| window == forbidden.as_bytes());
        if let Some(at) = found {
            let around = &raw[at.saturating_sub(60)..(at + 60).min(raw.len())];
            panic!("{forbidden:?} at {at}: {:?}", String::from_utf8_lossy(around));
        }
    }
    let text = String::from_utf8_lossy(&raw).into_owned();
    // Entered once, left once: nothing of the box's switched the screen.
    assert_eq!(text.matches("\x1b[?1049l").count(), 1);
    assert_eq!(text.matches("\x1b[?1049h").count(), 1);
}

#[test]
fn what_is_typed_in_a_shell_inside_of_the_shell_is_not_kept_as_typed_in_the_outer_one() {
    let place = Place::new();
    let mut terminal = begun(&place);
    terminal.enter("bash --norc");
    terminal.see("bash-");
    terminal.enter("echo within$((40 + 2))");
    terminal.see("within42");
    terminal.enter("exit");
    terminal.enter("echo after$((40 + 3))");
    terminal.see("after43");
    // A line is told with the prompt that follows it.
    terminal.enter("echo last$((40 + 4))");
    terminal.see("last44");
    assert_eq!(terminal.quit().code(), Some(0));
    let answers = place.answers("uts");
    assert!(answers.contains("bash --norc") && answers.contains("echo after"), "{answers}");
    assert!(!answers.contains("within"), "{answers}");
}

#[test]
fn a_shell_that_prints_without_end_leaves_the_keys_alone() {
    for noise in ["yes", "cat /dev/urandom", "seq 1 100000000", "while :; do /bin/true; done"] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = begun(&place);
        terminal.enter(noise);
        if noise.starts_with("while") {
            terminal.see("while");
        } else {
            let quiet = terminal.raw().len();
            terminal.wait_now("noise", |_, raw| raw.len() > quiet + 20_000);
        }
        for (key, focus) in [(F3, "panes"), (F4, "box shell"), (F2, "lesson"), (F4, "box shell")] {
            let drawn = terminal.frames();
            terminal.write(key);
            terminal.wait_now(focus, |screen, _| screen.contents().contains(&format!("keyboard: {focus}")));
            let frames = terminal.frames() - drawn;
            assert!(frames <= 40, "{noise}: {key:?} took {frames} frames");
        }
        terminal.write(CTRL_C);
        assert_eq!(terminal.quit().code(), Some(0), "{noise}");
        before.must_come_back(&place);
    }
}

#[test]
fn no_key_is_lost_when_the_size_changes_in_the_same_moment() {
    let place = Place::new();
    let mut terminal = begun(&place);
    for turn in 0..40 {
        let (key, focus) = if turn % 2 == 0 { (F3, "panes") } else { (F2, "lesson") };
        terminal.resize(120 + turn % 3, 36);
        terminal.write(key);
        terminal.see(&format!("keyboard: {focus}"));
    }
    assert_eq!(terminal.quit().code(), Some(0));
}

#[test]
fn many_keys_at_once_all_come_through() {
    let place = Place::new();
    let mut terminal = begun(&place);
    // More than crossterm reads at once; the shell's own line takes as many.
    let word = "abcdefghij".repeat(300);
    terminal.enter(&format!("v={word}; echo ${{#v}}x"));
    terminal.see("3000x");
    assert_eq!(terminal.quit().code(), Some(0));
}

#[test]
fn the_mouse_is_taken_for_clicks_alone_and_left_on_demand() {
    let place = Place::new();
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en"]);
    terminal.at_step(1, 11, "0/8");
    terminal.wait_for("clicks", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::PressRelease);
    // A click on the tab of the mounts, where it stands.
    let line = terminal.text().lines().position(|line| line.contains(" Mounts ")).unwrap();
    let text = terminal.text();
    let column = text.lines().nth(line).unwrap().split(" Mounts ").next().unwrap().chars().count() + 2;
    terminal.write(&format!("\x1b[<0;{};{}M", column + 1, line + 1));
    terminal.see("MOUNTED ON");
    // The wheel scrolls the crowd of mounts or shows that there is none; no byte of it is typed.
    terminal.write("\x07m");
    terminal.see("mouse: terminal");
    terminal.wait_for("no mouse", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    assert_eq!(terminal.quit().code(), Some(0));
    let mut terminal = place.start(WIDE, &["learn", "uts", "--lang", "en", "--no-mouse"]);
    terminal.at_step(1, 11, "0/8");
    assert_eq!(terminal.quit().code(), Some(0));
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("\x1b[?1000h"));
}
