//! Killing each part of a running lesson, after every step of two lessons and at the
//! end of all: the terminal comes back, and nothing is left on the machine. Run as
//! root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cloison::lesson::library::Library;
use nix::sys::signal::Signal;
use support::inventory::{Inventory, Process, end, names_in, processes, stop, wait_for_end};
use support::skip::skip;
use support::{F7, F10, PATIENCE, Place, Terminal, contents};

const SIZE: (u16, u16) = (120, 36);
const LESSONS: [&str; 2] = ["uts", "pid"];
/// Most of a program's life here is waiting.
const AT_ONCE: usize = 8;

/// Runs a test for each step of each of [`LESSONS`], several at once.
fn at_each_step(test: impl Fn(&Place, &mut Terminal, &str) + Sync) {
    at_steps(|lesson, _, _| LESSONS.contains(&lesson), test);
}

/// Runs a test for those steps of all lessons that are chosen by their lesson's id,
/// their number and how many there are, several at once.
fn at_steps(chosen: impl Fn(&str, usize, usize) -> bool, test: impl Fn(&Place, &mut Terminal, &str) + Sync) {
    let library = Library::open(None).expect("built in");
    let ids: Vec<String> = library.list().iter().map(|listed| listed.id.clone()).collect();
    let steps = ids.into_iter().map(|id| library.get(&id).expect("built in")).flat_map(|lesson| {
        let of = lesson.steps.len();
        let id = lesson.id.clone();
        let at = |(number, step): (usize, cloison::lesson::Step)| (id.clone(), step.id, number + 1, of);
        let can = can_be_had(&lesson);
        let steps = lesson.steps.into_iter().enumerate().map(at).filter(|(id, _, at, of)| chosen(id, *at, *of));
        let steps: Vec<_> = steps.collect();
        if !can && !steps.is_empty() {
            skip("killed at the end of a lesson", "no control groups with its controllers for this user");
        }
        steps.into_iter().filter(move |_| can)
    });
    let waiting = Mutex::new(steps.collect::<Vec<_>>());
    let next = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((lesson, step, number, of)) = next() {
                    let place = Place::new();
                    let before = Inventory::take(&place);
                    place.resume_at(&lesson, &step);
                    let mut terminal = place.start(SIZE, &["learn", &lesson, "--lang", "en"]);
                    terminal.at_step(number, of, "0/");
                    test(&place, &mut terminal, &format!("{lesson}.{step}"));
                    terminal.see_restored();
                    before.must_come_back(&place);
                }
            });
        }
    });
}

/// Lessons on control groups may be nothing for an ordinary user, which `check` says
/// (tests/lessons.rs).
fn can_be_had(lesson: &cloison::lesson::Lesson) -> bool {
    lesson.controllers().is_none() || nix::unistd::geteuid().is_root()
}

fn keeper(place: &Place) -> Process {
    processes(place).into_iter().find(|process| process.command == "cloison keeper").expect("a keeper")
}

fn actors(place: &Place) -> BTreeSet<String> {
    let all = processes(place).into_iter().map(|process| process.command);
    all.filter(|command| command.starts_with("cloison ") && command != "cloison keeper").collect()
}

/// Waits for something of which nobody tells.
fn until(what: &str, instead: &dyn Fn() -> String, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}: {}", instead());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The screen still answers keys.
fn goes_on(terminal: &mut Terminal) {
    for word in ["étape", "step"] {
        terminal.write(F7);
        terminal.wait_for(word, |screen| screen.contents().lines().next().is_some_and(|head| head.contains(word)));
    }
}

#[test]
fn when_the_screen_is_killed_the_keeper_restores_the_terminal_and_removes_all() {
    at_each_step(|_, terminal, _| terminal.signal(Signal::SIGKILL));
}

#[test]
fn when_an_actor_or_the_keeper_is_killed_the_screen_goes_on_and_leaves_nothing() {
    at_each_step(|place, terminal, step| {
        let cast = actors(place);
        assert!(cast.len() >= 2, "{step}: {cast:?}");
        for actor in &cast {
            let victim = processes(place).into_iter().find(|process| process.command == *actor).unwrap();
            let boxed = terminal.text().contains(&format!("BOX {} ", actor.trim_start_matches("cloison ")));
            end(&victim);
            if boxed {
                terminal.see("ended:");
            }
            goes_on(terminal);
            let old = keeper(place);
            end(&old);
            says_that_the_keeper_died(terminal);
            let again = || actors(place) == cast && keeper(place).pid != old.pid;
            until(&format!("{step}: the lab is built again after {actor}"), &|| terminal.text(), again);
            goes_on(terminal);
        }
        let victim = processes(place).into_iter().find(|process| cast.contains(&process.command)).unwrap();
        end(&victim);
        assert_eq!(terminal.quit().code(), Some(0), "{step}");
    });
}

#[test]
fn at_the_end_of_any_lesson_a_killed_keeper_and_a_killed_screen_leave_nothing() {
    at_steps(
        |_, number, of| number == of,
        |place, terminal, step| {
            let cast = actors(place);
            let old = keeper(place);
            end(&old);
            says_that_the_keeper_died(terminal);
            let again = || actors(place) == cast && keeper_is_another(place, &old);
            until(&format!("{step}: the lab is built again"), &|| terminal.text(), again);
            goes_on(terminal);
            terminal.signal(Signal::SIGKILL);
        },
    );
}

fn keeper_is_another(place: &Place, than: &Process) -> bool {
    processes(place).iter().any(|process| process.command == "cloison keeper" && process.pid != than.pid)
}

/// In the language of a moment ago, perhaps.
fn says_that_the_keeper_died(terminal: &Terminal) {
    terminal.wait_for("that the keeper died", |screen| {
        let text = contents(screen);
        ["The process that keeps the lab died.", "Le processus qui tient le laboratoire est mort."]
            .iter()
            .any(|words| text.contains(words))
    });
}

/// In the first task of `uts`, with the box's shell.
fn begun(place: &Place) -> Terminal {
    place.resume_at("uts", "name");
    let mut terminal = place.start(SIZE, &["learn", "uts", "--lang", "en"]);
    terminal.at_step(6, 11, "0/8");
    terminal.see("@chrysalide:");
    goes_on(&mut terminal);
    terminal
}

/// Leaves a process behind in the shell that has the keyboard.
fn leave_behind(place: &Place, terminal: &mut Terminal, how: &str) {
    terminal.enter(&format!("{how} sleep {} &", place.mark));
    until("the process runs", &String::new, || sleeping(place).is_some());
}

fn sleeping(place: &Place) -> Option<Process> {
    let command = format!("sleep {}", place.mark);
    processes(place).into_iter().find(|process| process.command == command)
}

#[test]
fn what_ran_away_from_the_shell_ends_with_the_screen_whatever_it_did() {
    for how in ["setsid", "env -i setsid"] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = begun(&place);
        leave_behind(&place, &mut terminal, how);
        terminal.signal(Signal::SIGKILL);
        terminal.see_restored();
        before.must_come_back(&place);
    }
}

#[test]
fn what_ran_away_from_the_shell_ends_with_the_keeper_whatever_it_did() {
    for how in ["setsid", "env -i setsid"] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = begun(&place);
        leave_behind(&place, &mut terminal, how);
        end(&keeper(&place));
        says_that_the_keeper_died(&terminal);
        until("it has ended", &String::new, || sleeping(&place).is_none());
        assert_eq!(terminal.quit().code(), Some(0));
        before.must_come_back(&place);
    }
}

/// SIGKILL to the screen and the keeper, both stopped before: neither sees the
/// other's end.
fn kill_both(place: &Place, terminal: &Terminal) {
    let keeper = keeper(place);
    stop(&keeper);
    terminal.signal(Signal::SIGSTOP);
    end(&keeper);
    terminal.signal(Signal::SIGKILL);
    for pid in [keeper.pid, terminal.pid()] {
        assert!(wait_for_end(pid, PATIENCE));
    }
}

#[test]
fn what_both_left_behind_is_removed_by_clean_and_by_the_next_start() {
    // Orphans come here and are not collected, as in a container whose PID 1 does
    // not: a dead keeper stays in the table of processes.
    cloison::kernel::process::become_subreaper().unwrap();
    for by_clean in [true, false] {
        let place = Place::new();
        let before = Inventory::take(&place);
        let mut terminal = begun(&place);
        leave_behind(&place, &mut terminal, "setsid");
        kill_both(&place, &terminal);
        drop(terminal);
        let left = sleeping(&place).expect("it carries no sign of the kernel's to end it");
        assert_eq!(names_in(&place.labs()).len(), 1, "its lab's directory is there, and finds it again: {left:?}");
        if by_clean {
            let cleaned = place.run(&["clean", "--lang", "en"]);
            let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
            // The shell may just be ending by itself.
            assert!(["1", "2"].map(|n| format!("Labs removed: 1. Processes ended: {n}.\n")).contains(&said), "{said}");
            assert_eq!(cleaned.status.code(), Some(0));
            let again = place.run(&["clean", "--lang", "en"]);
            assert_eq!(String::from_utf8_lossy(&again.stdout), "Nothing was left behind.\n");
        } else {
            let mut terminal = place.start(SIZE, &["learn", "uts", "--lang", "en"]);
            terminal.at_step(6, 11, "0/8");
            until("the next start has removed it", &String::new, || sleeping(&place).is_none());
            assert_eq!(terminal.quit().code(), Some(0));
        }
        before.must_come_back(&place);
    }
}

#[test]
fn a_pid_namespace_takes_along_even_what_has_no_marker() {
    let place = Place::new();
    let before = Inventory::take(&place);
    place.resume_at("pid", "nap");
    let mut terminal = place.start(SIZE, &["learn", "pid", "--lang", "en"]);
    terminal.at_step(9, 18, "0/13");
    terminal.wait_for("a prompt", |screen| screen.contents().contains("# "));
    leave_behind(&place, &mut terminal, "env -i setsid");
    kill_both(&place, &terminal);
    drop(terminal);
    until("it has ended", &String::new, || sleeping(&place).is_none());
    assert_eq!(place.run(&["clean"]).status.code(), Some(0));
    before.must_come_back(&place);
}

/// Both killed at once, no PID namespace, and an environment that says nothing: what
/// is left belongs to the lab by the group that it was born in. Where this user can have
/// none, nothing on the machine tells such a process from any other of the user's: the
/// one way out that is known.
#[test]
fn a_process_without_marker_outlives_screen_and_keeper_killed_at_once_only_where_labs_have_no_group() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let mut terminal = begun(&place);
    let grouped = processes(&place).iter().any(|process| {
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).unwrap_or_default();
        groups.lines().any(|line| line.starts_with("0::") && line.ends_with("-actors"))
    });
    leave_behind(&place, &mut terminal, "env -i setsid");
    kill_both(&place, &terminal);
    drop(terminal);
    let cleaned = place.run(&["clean", "--lang", "en"]);
    let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
    let left = sleeping(&place);
    left.iter().for_each(end);
    assert_eq!(cleaned.status.code(), Some(0), "{said}");
    assert_eq!(left.is_none(), grouped, "{said}");
    before.must_come_back(&place);
}

#[test]
fn clean_leaves_a_lab_in_use_alone_and_says_so_when_there_is_nothing() {
    let place = Place::new();
    let cleaned = place.run(&["clean", "--lang", "fr"]);
    assert_eq!(String::from_utf8_lossy(&cleaned.stdout), "Rien ne restait.\n");
    let mut terminal = begun(&place);
    let running = processes(&place);
    let cleaned = place.run(&["clean", "--lang", "en"]);
    assert_eq!(String::from_utf8_lossy(&cleaned.stdout), "Nothing was left behind.\n");
    assert!(running.is_subset(&processes(&place)), "the lab lives");
    terminal.enter("echo $((40 + 2))x");
    terminal.see("42x");
    terminal.write(F10);
    terminal.see("Enter: leave");
    terminal.write("\x1b");
    terminal.wait_for("the question gone", |screen| !contents(screen).contains("Enter: leave"));
    assert_eq!(terminal.quit().code(), Some(0));
}
