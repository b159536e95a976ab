//! A run that ends before its time: what was done stays, nothing else does, and the next
//! run goes on from there.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::class::{Class, SOLVED, json, uts};
use crate::support::inventory::wait_for_end;
use crate::support::left::Left;
use crate::support::slow;

/// Two that are done soon, and two that take their time; with the run under way.
fn under_way() -> (Class, Child) {
    let class = Class::new();
    for (name, script) in [("ana", SOLVED), ("bob", "true"), ("sleeper-1", "sleep 98767"), ("sleeper-2", "sleep 98767")]
    {
        class.hand_in(format!("{name}.toml"), uts(script));
    }
    let run = class.start(&["--jobs", "2"]);
    wait(|| ["ana", "bob"].iter().all(|name| class.out().join(name).join("report.json").exists()));
    wait(|| !sleepers().is_empty());
    (class, run)
}

fn wait(until: impl Fn() -> bool) {
    let deadline = Instant::now() + slow::seconds(40);
    while !until() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sleepers() -> String {
    let found = std::process::Command::new("pgrep").args(["-f", "^sleep 98767$"]).output().unwrap();
    String::from_utf8(found.stdout).unwrap()
}

/// Which file it is: another one where it was written anew.
fn identity(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

fn goes_on(class: &Class) {
    let kept = ["ana", "bob"].map(|name| identity(&class.out().join(name).join("graded.json")));
    for name in ["sleeper-1", "sleeper-2"] {
        class.hand_in(format!("{name}.toml"), uts(SOLVED));
    }
    let results = class.results(&[]);
    assert_eq!(results["bob"], ("fail".to_owned(), 5));
    assert_eq!(results["sleeper-1"], ("pass".to_owned(), 8));
    assert_eq!(["ana", "bob"].map(|name| identity(&class.out().join(name).join("graded.json"))), kept);
}

#[test]
fn a_run_that_is_interrupted_or_killed_leaves_nothing_but_what_was_done_and_is_gone_on_with() {
    for (signal, code) in [(Signal::SIGINT, Some(130)), (Signal::SIGTERM, Some(143)), (Signal::SIGKILL, None)] {
        let before = Left::now();
        let (class, run) = under_way();
        kill(Pid::from_raw(run.id().cast_signed()), signal).unwrap();
        assert!(wait_for_end(run.id(), slow::seconds(20)), "{signal}");
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), code, "{}", String::from_utf8_lossy(&output.stderr));
        wait(|| sleepers().is_empty());
        before.assert_same();
        assert!(!class.out().join("summary.json").exists(), "a summary of half of it");
        goes_on(&class);
    }
}

#[test]
fn what_is_half_written_or_was_graded_from_something_else_is_graded_anew() {
    let class = Class::new();
    class.hand_in("ana.toml", uts("true"));
    assert_eq!(class.results(&[])["ana"].0, "fail");
    let graded = class.out().join("ana/graded.json");
    let text = std::fs::read_to_string(&graded).unwrap();
    std::fs::write(&graded, &text[..text.len() / 2]).unwrap();
    std::fs::write(class.out().join("ana/.cloison-half"), "half").unwrap();
    assert_eq!(class.results(&[])["ana"].0, "fail");
    assert_eq!(json(&graded)["submission"], "ana");
    assert!(!class.out().join("ana/.cloison-half").exists());
    class.hand_in("ana.toml", uts(SOLVED));
    assert_eq!(class.results(&[])["ana"].0, "pass");
    let before = identity(&graded);
    assert_eq!(class.results(&[])["ana"].0, "pass");
    assert_eq!(identity(&graded), before);
    class.results(&["--lang", "fr"]);
    assert_ne!(identity(&graded), before);
}
