//! `cloison grade`: what is handed in gets its verdict, whatever it is, and costs nobody
//! else anything. Run as root and as an ordinary user. Most of it is about the lesson
//! `uts`, which takes least.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "grade/class.rs"]
mod class;
#[path = "grade/died.rs"]
mod died;
#[path = "grade/hostile.rs"]
mod hostile;
#[path = "grade/interrupted.rs"]
mod interrupted;
#[path = "grade/merged.rs"]
mod merged;
mod support;
#[path = "grade/unreadable.rs"]
mod unreadable;

use std::collections::BTreeMap;

use class::{Class, SOLVED, json, uts};

#[test]
fn files_and_folders_are_graded_and_the_results_are_in_files() {
    let class = Class::new();
    class.hand_in("ana.toml", uts(SOLVED));
    class.hand_in("bob.toml", uts("hostname wrong"));
    class.hand_in("eve/uts.toml", uts(SOLVED));
    class.hand_in("ida/answers/uts.toml", uts(SOLVED));
    class.hand_in("joe/07-uts/solution.toml", uts("true"));
    class.hand_in("README.md", "not a submission");
    class.hand_in(".git/config", "not a submission");
    let results = class.results(&[]);
    let wanted = [("ana", "pass", 8), ("bob", "fail", 5), ("eve", "pass", 8), ("ida", "pass", 8), ("joe", "fail", 5)];
    let wanted: BTreeMap<_, _> =
        wanted.into_iter().map(|(name, state, points)| (name.to_owned(), (state.to_owned(), points))).collect();
    assert_eq!(results, wanted);
    assert_eq!(class.report("ana")["passed"], true);
    let csv = std::fs::read_to_string(class.out().join("summary.csv")).unwrap();
    assert!(csv.lines().nth(1).unwrap().starts_with("ana,ana,uts,pass,8,8,"), "{csv}");
    // All of them say that they are ana's.
    assert_eq!(json(&class.out().join("summary.json"))["same_student"]["ana"].as_array().unwrap().len(), 5);
}

#[test]
fn a_lesson_that_is_asked_for_and_not_answered_is_missing_and_costs_its_points() {
    let class = Class::new();
    class.hand_in("ana/uts.toml", uts(SOLVED));
    let output = class.grade(&["--lesson", "uts,9"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = json(&class.out().join("summary.json"));
    let row = &summary["submissions"][0];
    let states: Vec<_> =
        row["lessons"].as_array().unwrap().iter().map(|line| (&line["lesson"], &line["state"])).collect();
    assert_eq!(states, [(&"uts".into(), &"pass".into()), (&"pid".into(), &"missing".into())]);
    assert!(row["out_of"].as_u64().unwrap() > 8, "{row}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("no answers"), "{table}");
}

#[test]
fn what_can_not_be_asked_for_exits_2_and_says_why() {
    let class = Class::new();
    class.hand_in("ana.toml", uts(SOLVED));
    for (args, says) in [
        (&["--lesson", "utz"][..], "did you mean `uts`"),
        (&["--shard", "3/2"], "I from 1 to N"),
        (&["--shard", "0/2"], "I from 1 to N"),
        (&["--jobs", "0"], "--jobs"),
    ] {
        let output = class.grade(args);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && words.contains(says), "{args:?}: {words}");
    }
    for directory in ["/nowhere/at/all", "/dev/null", "/usr", "/"] {
        let mut command = std::process::Command::new(class::PROGRAM);
        let output = command.args(["grade", directory, "--out"]).arg(class.out()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{directory}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(directory), "{directory}");
    }
}

/// How many are handed in: 200 take minutes.
fn crowd() -> usize {
    std::env::var("CLOISON_SUBMISSIONS").map_or(24, |count| count.parse().unwrap())
}

#[test]
fn a_crowd_of_good_wrong_and_malicious_submissions_gets_the_scores_that_are_theirs() {
    let class = Class::new();
    let mut wanted = BTreeMap::new();
    for number in 0..crowd() {
        let (text, state, points) = match number % 12 {
            0..=4 => (uts(SOLVED), "pass", 8),
            5 => (uts("hostname wrong"), "fail", 5),
            6 => (uts("true"), "fail", 5),
            7 => ("format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n".to_owned(), "fail", 0),
            8 => (uts("kill -9 -1; kill -9 $PPID"), "fail", 5),
            9 => (uts(&format!("(trap '' TERM HUP; setsid sleep 99999) & {SOLVED}")), "pass", 8),
            10 => ("format = 1\nlesson = [".to_owned(), "unreadable", 0),
            _ => (uts("echo '{\"passed\": true}'; printf '\\033]0;x\\007'; cat /proc/[0-9]*/environ"), "fail", 5),
        };
        let name = format!("student-{number:03}");
        class.hand_in(format!("{name}.toml"), text);
        wanted.insert(name, (state.to_owned(), points));
    }
    let before = support::left::Left::now();
    assert_eq!(class.results(&[]), wanted);
    before.assert_same();
}
