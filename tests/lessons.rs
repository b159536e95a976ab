//! Every lesson of the library, graded on the real kernel: its solution gets full
//! marks, empty answers get none, each broken answer fails the check that it names,
//! and nothing is left on the machine. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::process::Command;

use cloison::i18n::Lang;
use cloison::lesson::broken::{Case, parse_broken};
use cloison::lesson::library::Library;
use cloison::lesson::{Lesson, answers};
use serde_json::Value;

use support::left::Left;

/// Grades answers with the program, as a CI would; exit code and report.
fn check(lesson: &str, answers: &Path) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", lesson, "--format", "json", "--answers"])
        .arg(answers)
        .output()
        .unwrap();
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

fn state_of(report: &Value, step: &str, check: &str) -> String {
    let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|verdict| verdict["step"] == step && verdict["check"] == check);
    found.unwrap_or_else(|| panic!("no verdict {step}.{check} in {verdicts:#?}"))["state"].as_str().unwrap().to_owned()
}

fn each_lesson(look: impl Fn(&Library, &Lesson)) {
    let library = Library::open(None).unwrap();
    assert!(!library.list().is_empty());
    for listed in library.list() {
        let lesson = library.get(&listed.id).unwrap_or_else(|error| panic!("{error}"));
        look(&library, &lesson);
    }
}

#[test]
fn every_solution_gets_full_marks_and_leaves_nothing_behind() {
    each_lesson(|library, lesson| {
        let place = tempfile::tempdir().unwrap();
        let before = Left::now();
        let file = place.path().join("answers.toml");
        std::fs::write(&file, library.file(&lesson.id, "solution.toml").unwrap().unwrap().text).unwrap();
        let (code, report) = check(&lesson.id, &file);
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(report["points"], lesson.points(), "{report:#}");
        // A step that did something else than the lesson means is an error beside them.
        let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap();
        assert!(verdicts.iter().all(|verdict| verdict["state"] == "pass"), "{report:#}");
        before.assert_same();
    });
}

#[test]
fn empty_answers_score_nothing() {
    each_lesson(|_, lesson| {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("empty.toml");
        std::fs::write(&file, format!("format = 1\nlesson = \"{}\"\nstudent = \"ana\"\n", lesson.id)).unwrap();
        let (code, report) = check(&lesson.id, &file);
        assert_eq!(code, 1, "{report:#}");
        assert_eq!(report["points"], 0, "{report:#}");
    });
}

#[test]
fn each_broken_answer_fails_the_check_that_it_names_and_leaves_nothing_behind() {
    each_lesson(|library, lesson| {
        let source = library.file(&lesson.id, "solution.toml").unwrap().unwrap();
        let solution = answers::parse_answers(&source).unwrap();
        let broken = library.file(&lesson.id, "broken.toml").unwrap().unwrap();
        let before = Left::now();
        let cases = parse_broken(&broken, lesson, &solution).unwrap();
        // Mostly waiting for what does not come: several at once.
        std::thread::scope(|scope| {
            for few in cases.chunks(cases.len().div_ceil(6)) {
                scope.spawn(move || few.iter().for_each(|case| fails_as_named(lesson, case)));
            }
        });
        before.assert_same();
    });
}

fn fails_as_named(lesson: &Lesson, case: &Case) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("broken.toml");
    std::fs::write(&file, case.answers.to_toml()).unwrap();
    let (code, report) = check(&lesson.id, &file);
    assert_eq!(code, 1, "{}: {report:#}", case.name);
    let state = state_of(&report, &case.step, &case.check);
    assert!(state == "fail" || state == "skip", "{}: {} is {state}: {report:#}", case.name, case.check);
}

#[test]
fn all_lessons_are_graded_from_a_directory_of_solutions() {
    let solutions = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
    let (code, report) = check("all", Path::new(solutions));
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["passed"], true);
    let library = Library::open(None).unwrap();
    assert_eq!(report["lessons"].as_array().unwrap().len(), library.list().len());
}

#[test]
fn reports_are_in_the_language_asked_for() {
    let solutions = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
    let run = |lang: Lang| {
        let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
            .args(["check", "uts", "--lang", lang.code(), "--answers", solutions])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let library = Library::open(None).unwrap();
    let lesson = library.get("uts").unwrap();
    for lang in Lang::ALL {
        let text = run(lang);
        assert!(text.contains(&lesson.text(lang).title), "{text}");
        assert!(!text.contains(&lesson.text(lang.other()).title), "{text}");
    }
}
