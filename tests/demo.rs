//! A demonstration as a teacher gives one: the wall on one terminal, the notes on
//! another. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::os::unix::process::CommandExt as _;

use nix::sys::signal::Signal;
use support::inventory::{Inventory, Process, end, processes};
use support::skip::skip;
use support::{ENTER, F10, Place, Terminal};

const WALL: (u16, u16) = (120, 36);
const NOTES: (u16, u16) = (100, 40);
/// With their solutions, which the program is without.
const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");

/// A wall at the first step of `uts`, and its notes.
fn begin(place: &Place, lang: &str) -> (Terminal, Terminal) {
    let wall = place.start(WALL, &["demo", "uts", "--lessons", LESSONS, "--lang", lang]);
    wall.see("1/11");
    let notes = place.start(NOTES, &["notes", &wall.pid().to_string(), "--lang", lang]);
    notes.see_line(&["1/11", ":", "0:"]);
    (wall, notes)
}

fn keeper_of(place: &Place, wall: &Terminal) -> Process {
    let parent = |process: &Process| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok())
    };
    let keepers = processes(place).into_iter().filter(|process| process.command == "cloison keeper");
    keepers.into_iter().find(|keeper| parent(keeper) == Some(wall.pid())).expect("a keeper of the wall")
}

#[test]
fn a_whole_lesson_is_shown_from_the_notes_and_goes_on_after_its_lab_was_killed() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let (mut wall, mut notes) = begin(&place, "en");
    notes.see("Start with the wall gauge");
    notes.write(" ");
    wall.see("2/11");
    notes.see("Those who know Docker");
    // The question stays.
    notes.write(" ");
    notes.write("v12 30 5");
    notes.write(ENTER);
    wall.see_line(&["█ 30"]);
    wall.see("2/11");
    notes.write("r");
    wall.see("3/11");
    wall.see_line(&["▶ C", "◀ the kernel"]);
    wall.see("Walls of box: 3 of 14");
    notes.write("b");
    notes.see("The wall is blank");
    wall.wait_for("a blank wall", |screen| screen.contents().trim().is_empty());
    notes.write("b");
    wall.see("3/11");
    notes.write("g6");
    notes.write(ENTER);
    wall.see("6/11");
    wall.see("@chrysalide:");
    // The lab goes in the middle of it all: the wall doesn't say so, the notes do.
    end(&keeper_of(&place, &wall));
    notes.see("(R: this step again)");
    assert!(!wall.text().contains("keeper"), "{}", wall.text());
    notes.write("R");
    wall.see("@chrysalide:");
    notes.write("t");
    wall.see("$ hostname mistral-77".trim_start_matches("$ "));
    wall.see("✓ Done.");
    wall.see_line(&["host name", "≠", "mistral-77"]);
    for step in 7..=11 {
        notes.write("r");
        wall.see(&format!("{step}/11"));
        notes.see(&format!("{step}/11:"));
    }
    notes.see("the last step");
    notes.write("Q");
    notes.see("The demonstration has ended.");
    assert_eq!((wall.ended().code(), notes.ended().code()), (Some(0), Some(0)));
    wall.see_restored();
    notes.see_restored();
    before.must_come_back(&place);
    assert!(!place.state().join("uts.toml").exists(), "a demonstration is no progress");
}

#[test]
fn in_slow_motion_the_namespaces_come_first_and_the_maps_that_make_one_root_afterwards() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let (mut wall, mut notes) = begin(&place, "en");
    notes.write("m");
    for (attempt, keys) in ["g3", "R"].into_iter().enumerate() {
        notes.write(keys);
        if attempt == 0 {
            notes.write(ENTER);
        }
        notes.see("Slow motion");
        wall.see_line(&["▸ unshare(CLONE_NEWUSER|CLONE_NEWUTS) = 0"]);
        wall.see("⋯ slow motion");
        // Nobody knows who anybody is in there, and both sides are live.
        wall.see_line(&["HOST", "BOX box nobody@"]);
        notes.write(" ");
        wall.see_line(&["▸ write(", "gid_map", " = "]);
        notes.write("r");
        wall.see_line(&["HOST", "BOX box root@"]);
        wall.see_line(&["▶ C", "◀ the kernel"]);
    }
    // A lab that goes in the midst of a step is built again, with the whole of the step.
    notes.write("R");
    wall.see("⋯ slow motion");
    end(&keeper_of(&place, &wall));
    wall.see_line(&["HOST", "BOX box root@"]);
    wall.see_line(&["▶ C", "◀ the kernel"]);
    // A wall that is killed there leaves nothing.
    notes.write("R");
    wall.see("⋯ slow motion");
    wall.signal(Signal::SIGKILL);
    wall.ended();
    assert_eq!(notes.ended().code(), Some(0));
    wall.see_restored();
    before.must_come_back(&place);
}

#[test]
fn it_goes_on_by_itself_types_the_solution_and_begins_again() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let arguments = ["demo", "uts", "--lessons", LESSONS, "--lang", "fr", "--at", "name", "--auto=1", "--loop"];
    let mut wall = place.start(WALL, &arguments);
    wall.see("▶ 6/11");
    wall.see("hostname mistral-77");
    wall.see("✓ Réussi.");
    wall.see("▶ 7/11");
    wall.see("▶ 1/11");
    wall.see("▶ 2/11");
    wall.write("a");
    wall.see("⏸ 2/11");
    wall.write(F10);
    wall.see("Entrée : quitter");
    wall.write(ENTER);
    assert_eq!(wall.ended().code(), Some(0));
    before.must_come_back(&place);
}

#[test]
fn the_notes_speak_french_and_leave_the_wall_alone_when_they_end() {
    let place = Place::new();
    let (mut wall, mut notes) = begin(&place, "fr");
    notes.see("ce que voit la salle");
    notes.see_line(&["Une machine, deux noms", "sur 8:00"]);
    notes.write("q");
    assert_eq!(notes.ended().code(), Some(0));
    notes.see_restored();
    wall.write(" ");
    wall.see("2/11");
    wall.write(F10);
    wall.see("Entrée : quitter");
    wall.write(ENTER);
    assert_eq!(wall.ended().code(), Some(0));
}

#[test]
fn whichever_of_the_two_is_killed_the_terminals_come_back_and_nothing_is_left() {
    for first in ["wall", "notes"] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let (mut wall, mut notes) = begin(&place, "en");
        if first == "wall" {
            wall.signal(Signal::SIGKILL);
            notes.see("The demonstration has ended.");
            assert_eq!(notes.ended().code(), Some(0));
        } else {
            notes.signal(Signal::SIGKILL);
            wall.write(" ");
            wall.see("2/11");
            wall.signal(Signal::SIGTERM);
            wall.ended();
        }
        wall.see_restored();
        notes.see_restored();
        before.must_come_back(&place);
    }
}

#[test]
fn the_notes_of_somebody_else_are_not_served() {
    if !nix::unistd::geteuid().is_root() {
        return skip("the_notes_of_somebody_else_are_not_served", "needs root");
    }
    let place = Place::new();
    let wall = place.start(WALL, &["demo", "uts", "--lang", "en"]);
    wall.see("1/11");
    // Whoever connects, under whatever name of theirs.
    let script = format!(
        "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX)\n\
         s.connect('\\0cloison-demo-0-{}')\n\
         sys.exit(0 if s.recv(1) == b'' else 1)",
        wall.pid()
    );
    // Root's own may be where nobody else may look.
    let run =
        |uid: u32| std::process::Command::new("/usr/bin/python3").args(["-c", &script]).uid(uid).gid(uid).status();
    let Ok(own) = run(0) else {
        return skip("the_notes_of_somebody_else_are_not_served", "no python3 to connect with");
    };
    assert_eq!(own.code(), Some(1), "its own user is told how the wall looks");
    let other = run(12345).unwrap();
    assert_eq!(other.code(), Some(0), "another user is let go without a word");
}

#[test]
fn what_cannot_be_shown_is_refused_with_the_remedy() {
    let place = Place::new();
    let words = |args: &[&str], code: i32| {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(words(&["demo", "nothing"], 2).contains("nothing"));
    let steps = words(&["demo", "uts", "--at", "nowhere\u{1b}[2J", "--lang", "en"], 2);
    assert!(steps.contains("rename") && !steps.contains('\u{1b}'), "{steps:?}");
    assert!(words(&["notes", "1", "--lang", "en"], 1).contains("can't be reached"));
    assert!(words(&["demo", "uts", "--lang", "en"], 2).contains("needs a terminal"));
}
