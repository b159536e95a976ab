//! Time is given: nothing here waits.

use super::*;
use crate::demo::cast::read;
use ratatui::backend::TestBackend;

/// What the picture of a replay has: text, and whether the cursor is shown.
fn drawn(player: &Player, cols: u16, rows: u16) -> String {
    let mut terminal = ratatui::Terminal::new(TestBackend::new(cols, rows)).unwrap();
    terminal.draw(|frame| player.render(frame)).unwrap();
    let cells = terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol).collect::<Vec<_>>();
    cells.chunks(usize::from(cols)).map(|row| row.concat().trim_end().to_owned() + "\n").collect()
}

fn cast(lines: &str) -> Recording {
    read(format!("{{\"version\":3,\"term\":{{\"cols\":20,\"rows\":4}}}}\n{lines}").as_bytes()).unwrap()
}

/// Three steps of ten seconds each; what stands there is the step's name.
fn steps() -> Recording {
    cast(
        "[1,\"o\",\"\\u001b[2Jone\"]\n[0,\"m\",\"1. Look\"]\n[10,\"o\",\"\\u001b[2J\\u001b[Htwo\"]\n[0,\"m\",\"2. Guess\"]\n\
         [5,\"o\",\"!\"]\n[5,\"o\",\"\\u001b[2J\\u001b[Hthree\"]\n[0,\"m\",\"1. Look\"]\n[10,\"o\",\"\\u001b[?1049l\"]\n[0,\"x\",\"0\"]\n",
    )
}

struct Show {
    player: Player,
    now: Instant,
}

impl Show {
    fn of(recording: Recording) -> Self {
        let now = Instant::now();
        let mut player = Player::new(recording, Some("2026-11-22".into()), 100, Lang::En, Theme::DARK, now);
        player.tick(now);
        Self { player, now }
    }

    fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(seconds);
        self.settle()
    }

    fn settle(&mut self) -> &mut Self {
        self.player.tick(self.now);
        while self.player.behind() {
            self.player.tick(self.now);
        }
        self
    }

    fn press(&mut self, code: KeyCode) -> &mut Self {
        assert_eq!(self.player.key(KeyEvent::from(code), self.now), Answer::Stay);
        self.settle()
    }

    fn says(&self) -> String {
        self.player.screen.contents().trim().to_owned()
    }

    fn seconds(&self) -> u64 {
        self.player.at / 1_000_000
    }
}

#[test]
fn what_is_on_the_screen_follows_from_the_time_alone() {
    let mut show = Show::of(steps());
    assert_eq!(show.says(), "");
    assert_eq!(show.wait(1.5).says(), "one");
    assert_eq!(show.wait(10.0).says(), "two");
    assert_eq!(show.wait(5.0).says(), "two!");
    let mut other = Show::of(steps());
    assert_eq!(other.wait(16.5).says(), "two!");
}

#[test]
fn arrows_go_from_step_to_step_and_stop_at_the_ends() {
    let mut show = Show::of(steps());
    let right = |show: &mut Show| show.press(KeyCode::Right).says();
    assert_eq!([right(&mut show), right(&mut show), right(&mut show)], ["one", "two", "three"]);
    // The end: before the screen was given back.
    assert_eq!((right(&mut show), show.player.ended()), ("three".to_owned(), true));
    let left = |show: &mut Show| show.press(KeyCode::Left).says();
    assert_eq!([left(&mut show), left(&mut show), left(&mut show)], ["two", "one", ""]);
    assert_eq!(show.wait(1.0).says(), "one");
}

#[test]
fn numbers_go_to_any_step() {
    let mut show = Show::of(steps());
    assert_eq!(show.press(KeyCode::Char('3')).says(), "three");
    assert_eq!(show.press(KeyCode::Char('1')).says(), "one");
    for nothing in ['0', '9'] {
        assert_eq!(show.press(KeyCode::Char(nothing)).says(), "one");
    }
    show.press(KeyCode::Char('g')).press(KeyCode::Down).press(KeyCode::Enter);
    assert_eq!(show.says(), "two");
}

#[test]
fn a_digit_waits_for_another_where_there_could_be_one() {
    let lines: Vec<_> = (1..=12).map(|step| format!("[1,\"o\",\"\\r{step} \"]\n[0,\"m\",\"{step}\"]\n")).collect();
    let mut show = Show::of(cast(&lines.concat()));
    assert_eq!(show.press(KeyCode::Char('2')).says(), "2");
    assert_eq!(show.press(KeyCode::Char('1')).says(), "2");
    assert_eq!(show.press(KeyCode::Char('1')).says(), "11");
    assert_eq!(show.press(KeyCode::Char('1')).press(KeyCode::Enter).says(), "1");
    show.press(KeyCode::Char('1')).press(KeyCode::Esc);
    assert_eq!(show.press(KeyCode::Char('3')).says(), "3");
}

#[test]
fn while_it_pauses_no_time_passes_however_long() {
    let mut show = Show::of(steps());
    show.wait(12.0).press(KeyCode::Char(' ')).wait(1000.0);
    assert_eq!((show.says(), show.seconds(), show.player.deadline()), ("two".to_owned(), 12, None));
    show.press(KeyCode::Char(' ')).wait(4.5);
    assert_eq!(show.says(), "two!");
}

#[test]
fn at_the_end_it_stands_and_space_begins_anew() {
    let mut show = Show::of(steps());
    show.wait(500.0);
    assert_eq!((show.says(), show.player.deadline()), ("three".to_owned(), None));
    assert_eq!(show.press(KeyCode::Char(' ')).wait(2.0).says(), "one");
}

#[test]
fn time_passes_as_fast_as_was_asked() {
    let mut show = Show::of(steps());
    show.press(KeyCode::Char('+')).press(KeyCode::Char('+')).wait(6.0);
    assert_eq!((show.player.speed, show.seconds()), (200, 12));
    for _ in 0..20 {
        show.press(KeyCode::Char('-'));
    }
    assert_eq!((show.player.speed, show.wait(4.0).seconds()), (25, 13));
    for _ in 0..20 {
        show.press(KeyCode::Char('+'));
    }
    assert_eq!(show.player.speed, 1000);
}

#[test]
fn it_is_drawn_when_something_is_due_and_the_clock_goes_on() {
    let show = Show::of(steps());
    assert_eq!(show.player.deadline(), Some(show.now + CLOCK));
    let mut show = Show::of(steps());
    show.wait(0.9);
    assert_eq!(show.player.deadline().map(|due| (due - show.now).as_millis()), Some(100));
}

#[test]
fn that_it_is_a_recording_is_always_said() {
    for (lang, word) in [(Lang::En, "REPLAY"), (Lang::Fr, "REDIFFUSION")] {
        let mut show = Show::of(steps());
        show.player.lang = lang;
        for code in [KeyCode::Tab, KeyCode::Char(' '), KeyCode::Char('g'), KeyCode::Char('1'), KeyCode::End] {
            show.press(code);
            for (cols, rows) in [(20, 1), (20, 2), (40, 10), (80, 24), (120, 36), (300, 60)] {
                assert!(drawn(&show.player, cols, rows).contains(word), "{code} {cols}x{rows}");
            }
        }
    }
}

#[test]
fn the_list_of_steps_is_beside_the_picture_or_over_it() {
    let mut show = Show::of(steps());
    show.wait(12.0);
    let beside = drawn(&show.player, 60, 8);
    assert!(beside.contains("▶2 Guess") && beside.contains("two"), "{beside}");
    assert!(beside.contains("└ 2026-11-22 ─"), "{beside}");
    // The third one is the first again: the name keeps its number.
    assert!(beside.contains("3 1. Look"), "{beside}");
    assert!(!drawn(&show.press(KeyCode::Tab).player, 60, 8).contains("Look"));
    let mut show = Show::of(steps());
    show.wait(12.0);
    assert!(!drawn(&show.player, 40, 8).contains("Look"));
    assert!(drawn(&show.press(KeyCode::Tab).player, 40, 8).contains("▶2 Guess"));
    let none = Show::of(cast("[1,\"o\",\"a\"]\n"));
    assert!(!drawn(&none.player, 60, 8).contains("steps"));
}

#[test]
fn a_picture_too_large_is_cut_and_that_is_said_where_something_is_missing() {
    let mut show = Show::of(cast(
        "[0,\"o\",\"one\\r\\n\\r\\n\\r\\n\"]\n[1,\"o\",\"four\"]\n[1,\"r\",\"200x50\"]\n[1,\"r\",\"5x2\"]\n",
    ));
    assert!(!drawn(&show.player, 60, 4).contains("cut"));
    assert!(drawn(&show.wait(1.0).player, 60, 4).contains("cut: 20×4"));
    show.wait(1.0);
    assert!(drawn(&show.player, 80, 6).contains("four"));
    // A smaller one than the room is in its middle.
    show.wait(1.0);
    let small = drawn(&show.player, 80, 24);
    assert!(small.contains("┌─────┐"), "{small}");
}

#[test]
fn blank_edges_go_before_anything_that_can_be_seen() {
    let text = "\\u001b[3;11Hdeep\\u001b[4;11Hdown";
    let show = Show::of(cast(&format!("[0,\"o\",\"{text}\"]\n")));
    let shown = drawn(&show.player, 10, 3);
    assert!(shown.starts_with("deep\ndown\n"), "{shown}");
    assert!(!drawn(&show.player, 60, 3).contains("cut"));
}

#[test]
fn what_would_act_on_a_terminal_is_only_seen() {
    let hostile = "\\u001b]52;c;ZXZpbA==\\u0007\\u001b]0;evil\\u0007\\u001bP1$qm\\u001b\\\\\\\\\\u001b[?1003h\\u001b[?1049h\\u001bc\\u001b[8;1;1t\\u0000\\u009b31mok";
    let name = "\\u001b]0;evil\\u0007\\u202e\\u0000\\n2";
    let lines = format!("[0,\"o\",\"{hostile}\"]\n[0,\"m\",\"{name}\"]\n");
    let text = format!("{{\"version\":3,\"term\":{{\"cols\":20,\"rows\":4}},\"title\":\"{name}\"}}\n{lines}");
    let mut show = Show::of(read(text.as_bytes()).unwrap());
    show.press(KeyCode::Char('g'));
    let shown = drawn(&show.player, 80, 24);
    assert!(shown.contains("ok") && shown.contains("␛]0;evil"), "{shown}");
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
}

#[test]
fn a_slice_at_a_time_goes_through_the_emulator() {
    let many = "x".repeat(SLICE * 3);
    let mut show = Show::of(cast(&format!("[1,\"o\",\"{many}\"]\n[1,\"o\",\"\\u001b[2J\\u001b[Hend\"]\n")));
    show.now += Duration::from_secs(1);
    show.player.tick(show.now);
    assert!(show.player.behind());
    assert_eq!(show.player.deadline(), Some(show.now));
    assert!(show.settle().says().starts_with("xxxx"));
    assert_eq!(show.wait(3.0).says(), "end");
}
