//! Killing each part of a running lesson on control groups, after every step: no group
//! is left, whether its members are frozen or not. Where this user can't have groups
//! there is nothing to kill: tests/cgroups.rs holds that this is said.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::{Duration, Instant};

use cloison::app::left::groups_of;
use cloison::lesson::op::Controller;
use nix::sys::signal::Signal;
use support::inventory::{Inventory, Process, end, processes, stop, wait_for_end};
use support::{PATIENCE, Place, Terminal, contents};

const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cgroup_lessons");
const STEPS: [&str; 3] = ["make", "freeze", "shell"];

fn possible() -> bool {
    let wanted = vec![Controller::Memory, Controller::Pids, Controller::Freezer];
    support::lab::lab().groups(wanted).is_ok()
}

/// At a step of the lesson, counted from 1.
fn at(place: &Place, number: usize) -> Terminal {
    place.resume_at("groups", STEPS[number - 1]);
    let terminal = place.start((120, 36), &["learn", "groups", "--lang", "en", "--lessons", LESSONS]);
    terminal.at_step(number, STEPS.len(), "0/3");
    terminal
}

fn keeper(place: &Place) -> Process {
    processes(place).into_iter().find(|process| process.command == "cloison keeper").expect("a keeper")
}

fn none_left(program: u32) {
    let deadline = Instant::now() + PATIENCE;
    while !groups_of(program).is_empty() {
        assert!(Instant::now() < deadline, "left: {:?}", groups_of(program));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_screen_leaves_no_group_at_any_step() {
    if !possible() {
        return;
    }
    for number in 1..=STEPS.len() {
        let place = Place::new();
        let before = Inventory::take(&place);
        let terminal = at(&place, number);
        let program = terminal.pid();
        assert!(!groups_of(program).is_empty(), "a lab of this lesson has groups");
        terminal.signal(Signal::SIGKILL);
        terminal.see_restored();
        none_left(program);
        before.must_come_back(&place);
    }
}

#[test]
fn a_killed_keeper_leaves_no_group_and_the_lab_is_built_again_at_any_step() {
    if !possible() {
        return;
    }
    for number in 1..=STEPS.len() {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = at(&place, number);
        let program = terminal.pid();
        let (old, made) = (keeper(&place), groups_of(program));
        end(&old);
        terminal.wait_for("that the keeper died", |screen| {
            contents(screen).contains("The process that keeps the lab died.")
        });
        let deadline = Instant::now() + PATIENCE;
        let again = || {
            let now = groups_of(program);
            !now.is_empty() && now.iter().all(|group| !made.contains(group))
        };
        while !again() {
            assert!(Instant::now() < deadline, "{made:?} became {:?}\n{}", groups_of(program), terminal.text());
            std::thread::sleep(Duration::from_millis(20));
        }
        terminal.at_step(number, STEPS.len(), "0/3");
        assert_eq!(terminal.quit().code(), Some(0));
        none_left(program);
        before.must_come_back(&place);
    }
}

#[test]
fn clean_removes_the_groups_that_a_screen_and_a_keeper_killed_at_once_left() {
    if !possible() {
        return;
    }
    cloison::kernel::process::become_subreaper().unwrap();
    for number in 1..=STEPS.len() {
        let place = Place::new();
        let before = Inventory::take(&place);
        let terminal = at(&place, number);
        let (program, keeper) = (terminal.pid(), keeper(&place));
        stop(&keeper);
        terminal.signal(Signal::SIGSTOP);
        end(&keeper);
        terminal.signal(Signal::SIGKILL);
        for pid in [keeper.pid, program] {
            assert!(wait_for_end(pid, PATIENCE));
        }
        drop(terminal);
        // A scope goes with all in it when the last process in it has ended.
        let by_systemd = std::path::Path::new("/run/systemd/system").exists();
        assert!(by_systemd || !groups_of(program).is_empty(), "nobody was there to remove them");
        let cleaned = place.run(&["clean", "--lang", "en"]);
        let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
        assert!(said.starts_with("Labs removed: 1."), "{said}");
        // A scope of systemd's is gone when systemd has seen that it is empty.
        none_left(program);
        before.must_come_back(&place);
    }
}
