//! `learn --watch`: an author edits and saves, and the screen follows at the same step;
//! on a real terminal, with a real lab. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::{Path, PathBuf};

use cloison::lesson::{Library, Values};
use support::inventory::Inventory;
use support::{ENTER, Place, Terminal};

const WIDE: (u16, u16) = (120, 36);

/// A new lesson, open on the screen.
struct Author {
    place: Place,
    directory: tempfile::TempDir,
    before: Inventory,
}

impl Author {
    fn new() -> Self {
        let place = Place::new();
        let before = Inventory::take(&place);
        let directory = tempfile::tempdir().unwrap();
        let made = place.run(&["lesson", "new", "mine", "--in", directory.path().to_str().unwrap()]);
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        Self { place, directory, before }
    }

    fn open(&self) -> Terminal {
        let lessons = self.directory.path().to_str().unwrap();
        self.place.start(WIDE, &["learn", "mine", "--lang", "en", "--lessons", lessons, "--watch"])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("01-mine").join(name)
    }

    /// Changes a file as editors do: a new one is renamed over it.
    fn change(&self, name: &str, from: &str, to: &str) {
        let path = self.file(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        save(&path, &text.replace(from, to));
    }

    /// The student's value of the lesson's seed.
    fn own_name(&self) -> String {
        let lesson = Library::open(Some(self.directory.path())).unwrap().get("mine").unwrap();
        Values::new(&lesson, &Place::user()).get("name").unwrap().to_owned()
    }

    fn leave(&self, terminal: &mut Terminal) {
        assert_eq!(terminal.quit().code(), Some(0));
        terminal.see_restored();
        self.before.must_come_back(&self.place);
    }
}

fn save(path: &Path, text: &str) {
    let beside = path.with_extension("new~");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

/// Goes to the task of the new lesson, whose shell then has the keyboard.
fn go_to_the_task(terminal: &mut Terminal) {
    terminal.at_step(1, 5, "0/4");
    terminal.go_on_to(2, 5, "0/4");
    terminal.write("2");
    terminal.go_on_to(3, 5, "1/4");
    terminal.go_on_to(4, 5, "1/4");
    terminal.see("keyboard: box shell");
    terminal.see("@chrysalide:");
}

#[test]
fn prose_is_followed_and_what_is_being_typed_stays() {
    let author = Author::new();
    let mut terminal = author.open();
    go_to_the_task(&mut terminal);
    let name = author.own_name();
    // Half a line, then the author saves.
    terminal.write("hostna");
    terminal.see("hostna");
    author.change("en.md", "You have a shell in the box.", "A shell of the box is yours.");
    terminal.see("A shell of the box is yours.");
    terminal.at_step(4, 5, "1/4");
    terminal.see_line(&["@chrysalide:", "hostna"]);
    // The rest of the line makes one command with what was there before.
    terminal.enter(&format!("me {name}"));
    terminal.at_step(4, 5, "4/4");
    author.leave(&mut terminal);
}

#[test]
fn a_lesson_that_does_not_load_any_more_is_told_and_the_old_one_stays() {
    let author = Author::new();
    let mut terminal = author.open();
    terminal.at_step(1, 5, "0/4");
    author.change("en.md", "## guess: Who hears of it?", "## gess: Who hears of it?");
    terminal.see("no step `gess` in lesson.toml");
    terminal.see("en.md:");
    terminal.see("The process on the right");
    // What is wrong is pointed at.
    terminal.wait_for("a caret below the line", |screen| {
        let text = support::contents(screen);
        let column = |what: &str| text.lines().find_map(|line| Some(line[..line.find(what)?].chars().count()));
        column("^").is_some() && column("^") == column("## gess")
    });
    author.change("en.md", "## gess: Who hears of it?", "## guess: Who has heard of it?");
    terminal.wait_for("no complaint", |screen| !support::contents(screen).contains("gess"));
    terminal.go_on_to(2, 5, "0/4");
    terminal.see("Who has heard of it?");
    author.leave(&mut terminal);
}

#[test]
fn the_lab_is_rebuilt_only_where_the_lesson_makes_another() {
    let author = Author::new();
    let mut terminal = author.open();
    terminal.at_step(1, 5, "0/4");
    terminal.go_on_to(2, 5, "0/4");
    terminal.write("2");
    terminal.go_on_to(3, 5, "1/4");
    terminal.see("chrysalide");
    // Another name in the op and in its check: the lab is built anew, by itself.
    author.change("lesson.toml", "\"chrysalide\"", "\"papillon\"");
    terminal.see_line(&["box: papillon"]);
    terminal.at_step(3, 5, "1/4");
    // A check alone is another text: nothing is torn down.
    terminal.go_on_to(4, 5, "1/4");
    terminal.enter_in("box", "kept=here");
    author.change("lesson.toml", "points = 3", "points = 5");
    terminal.at_step(4, 5, "1/6");
    terminal.enter_in("box", "echo still $kept");
    terminal.see("still here");
    author.leave(&mut terminal);
}

#[test]
fn a_lab_that_somebody_types_in_is_not_taken_away() {
    let author = Author::new();
    let mut terminal = author.open();
    go_to_the_task(&mut terminal);
    terminal.enter_in("box", "kept=here");
    author.change("lesson.toml", "\"chrysalide\"", "\"papillon\"");
    terminal.see("another lab. This one stays as it");
    terminal.enter_in("box", "echo still $kept on $(hostname)");
    terminal.see("still here on chrysalide");
    terminal.go_on_to(5, 5, "1/4");
    terminal.see_line(&["host name", "papillon"]);
    author.leave(&mut terminal);
}

#[test]
fn a_step_may_be_added_before_and_the_one_shown_taken_away() {
    let author = Author::new();
    let mut terminal = author.open();
    terminal.at_step(1, 5, "0/4");
    terminal.go_on_to(2, 5, "0/4");
    // First the texts: until the structure has the step, too, the lesson does not load.
    for file in ["en.md", "fr.md"] {
        author.change(file, "## look:", "## first: Before all\n\nThis comes first.\n\n## look:");
    }
    terminal.see("no step `first` in lesson.toml");
    author.change("lesson.toml", "[[step]]\nid = \"look\"", "[[step]]\nid = \"first\"\n\n[[step]]\nid = \"look\"");
    terminal.at_step(3, 6, "0/4");
    terminal.see("Who hears of it?");
    author.leave(&mut terminal);
}

#[test]
fn watching_what_can_not_change_is_refused() {
    let place = Place::new();
    for args in [&["learn", "uts", "--watch"][..], &["learn", "uts", "--watch", "--plain", "--lessons", "/tmp"]] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("--watch is for the screen and a directory of lessons"), "{text}");
    }
}

#[test]
fn a_wall_follows_too_and_what_is_wrong_is_told_in_the_notes_alone() {
    let author = Author::new();
    let lessons = author.directory.path().to_str().unwrap();
    let mut wall = author.place.start(WIDE, &["demo", "mine", "--lang", "en", "--lessons", lessons, "--watch"]);
    wall.see("1/5");
    let mut notes = author.place.start(WIDE, &["notes", &wall.pid().to_string()]);
    notes.see("1/5:");
    let text = std::fs::read_to_string(author.file("en.md")).unwrap();
    let heading = text.lines().find_map(|line| line.strip_prefix("## ")?.split_once(": ")).unwrap().1.to_owned();
    author.change("en.md", &heading, "Another heading");
    wall.see("Another heading");
    author.change("en.md", "## ", "## no-such-step: ");
    notes.see("no-such-step");
    assert!(!wall.text().contains("no-such-step"), "{}", wall.text());
    author.change("en.md", "## no-such-step: ", "## ");
    author.change("en.md", "Another heading", "The last heading");
    wall.see("The last heading");
    // What types itself is the solution as it is now.
    author.change("solution.toml", "hostname ", "hostname -F /dev/null; hostname ");
    author.change("en.md", "The last heading", "The very last heading");
    wall.see("The very last heading");
    notes.write("g4");
    notes.write(ENTER);
    notes.see("4/5:");
    wall.see(":~#");
    notes.write("t");
    wall.see("hostname -F /dev/null");
    notes.write("Q");
    notes.ended();
    wall.ended();
    wall.see_restored();
    author.before.must_come_back(&author.place);
}
