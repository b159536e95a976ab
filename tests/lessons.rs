//! Every lesson of the library, graded on the real kernel: its solution gets full
//! marks, empty answers get none, each broken answer fails the check that it names,
//! and nothing is left on the machine. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::process::Command;

use cloison::app::trial::{self, Given, Outcome, Trial};
use cloison::i18n::Lang;
use cloison::lesson::broken::parse_broken;
use cloison::lesson::library::{Library, Listed};
use cloison::lesson::{Lesson, answers};
use serde_json::Value;

use support::left::Left;
use support::skip::skip;

/// How many are graded at once: mostly they wait for what does not come. A machine
/// that is said to be slow has enough to do with two at a time.
fn hands() -> usize {
    if support::slow::seconds(1) > std::time::Duration::from_secs(1) { 2 } else { 6 }
}

/// Whether a lesson is to be tried: CLOISON_LESSONS names those, where not all are.
fn is_wanted(id: &str) -> bool {
    let wanted = std::env::var("CLOISON_LESSONS").unwrap_or_default();
    wanted.is_empty() || wanted.split(',').any(|one| one == id)
}

/// Every lesson that is wanted. Those whose programs keep a CPU or a disk busy come first: the others
/// can wait beside them.
fn lessons() -> (Library, Vec<Lesson>) {
    let library = Library::open(None).unwrap();
    assert!(!library.list().is_empty());
    let load = |listed: &Listed| library.get(&listed.id).unwrap_or_else(|error| panic!("{error}"));
    let mut lessons: Vec<Lesson> = library.list().iter().filter(|one| is_wanted(&one.id)).map(load).collect();
    lessons.sort_by_key(|lesson| lesson.controllers().is_none());
    (library, lessons)
}

/// What an author means to come of a lesson: what is given, as `lesson lint` has it.
fn all_given(library: &Library, lesson: &Lesson) -> Vec<Given> {
    let file = |name: &str| library.file(&lesson.id, name).unwrap().unwrap();
    let solution = answers::parse_answers(&file("solution.toml")).unwrap();
    let cases = parse_broken(&file("broken.toml"), lesson, &solution).unwrap();
    trial::all_given(&solution, cases)
}

/// This machine can't run the lesson: for want of control groups, which an ordinary
/// user may not have. Nothing else is an excuse.
fn excuse(test: &str, lesson: &Lesson, why: &str) {
    let excused = lesson.controllers().is_some() && !nix::unistd::geteuid().is_root();
    assert!(excused, "{} can't be run here: {why}", lesson.id);
    skip(test, "no control groups with its controllers for this user");
}

/// Grades with the program what `which` chooses, several at a time: each comes to what
/// it is meant to, with nothing left on the machine at the end.
fn each_comes_as_meant(test: &str, which: impl Fn(&Given) -> bool) {
    let (library, lessons) = lessons();
    let program = Path::new(env!("CARGO_BIN_EXE_cloison"));
    let (lang, patience) = (Lang::En, support::slow::seconds(5));
    let all =
        lessons.iter().flat_map(|lesson| all_given(&library, lesson).into_iter().map(move |given| (lesson, given)));
    let trials = all.filter(|(_, given)| which(given)).map(|(lesson, given)| Trial {
        program,
        lessons: None,
        lesson,
        given,
        lang,
        patience,
    });
    let trials: Vec<Trial> = trials.collect();
    assert!(!trials.is_empty());
    let before = Left::now();
    let mut wrong = Vec::new();
    let of: Vec<&Lesson> = trials.iter().map(|trial| trial.lesson).collect();
    let each = |trial: Trial| trial.run();
    trial::at_once(hands(), trials, each, |number, outcome| match outcome {
        Outcome::AsMeant => {}
        Outcome::Cannot(why) => excuse(test, of[number], &why),
        Outcome::Otherwise(found) => wrong
            .extend(found.into_iter().map(|(title, help)| format!("{}: {}\n  {}", of[number].id, title[0], help[0]))),
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    before.assert_same();
}

#[test]
fn every_solution_gets_full_marks_and_leaves_nothing_behind() {
    let test = "every_solution_gets_full_marks_and_leaves_nothing_behind";
    each_comes_as_meant(test, |given| matches!(given, Given::Solution(_)));
}

#[test]
fn empty_answers_score_nothing() {
    each_comes_as_meant("empty_answers_score_nothing", |given| matches!(given, Given::Nothing));
}

#[test]
fn each_broken_answer_fails_the_check_that_it_names_and_leaves_nothing_behind() {
    let test = "each_broken_answer_fails_the_check_that_it_names_and_leaves_nothing_behind";
    each_comes_as_meant(test, |given| matches!(given, Given::Wrong(_)));
}

#[test]
fn a_task_that_can_not_pass_without_another_says_so_and_no_other_does() {
    let test = "a_task_that_can_not_pass_without_another_says_so_and_no_other_does";
    each_comes_as_meant(test, |given| matches!(given, Given::Without(..)));
}

/// Grades answers with the program, as a CI would; exit code and report.
fn check(lesson: &str, answers: &Path, more: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", lesson, "--format", "json", "--answers"])
        .arg(answers)
        .args(more)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// What each lesson comes to is tried above; here, that none is left out.
#[test]
fn all_lessons_are_graded_from_a_directory_of_solutions() {
    let place = tempfile::tempdir().unwrap();
    let (library, lessons) = lessons();
    let few: Vec<Lesson> =
        lessons.into_iter().filter(|lesson| ["uts", "ipc", "cgroups"].contains(&lesson.id.as_str())).collect();
    assert_eq!(few.len(), 3);
    for lesson in &few {
        let folder = library.find(&lesson.id).unwrap().folder.clone();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons").join(&folder);
        std::fs::create_dir(place.path().join(&folder)).unwrap();
        for file in std::fs::read_dir(from).unwrap().flatten() {
            std::fs::copy(file.path(), place.path().join(&folder).join(file.file_name())).unwrap();
        }
    }
    let before = Left::now();
    let (code, report) = check("all", place.path(), &["--lessons", place.path().to_str().unwrap()]);
    before.assert_same();
    assert!([0, 3].contains(&code), "{report:#}");
    assert_eq!(report["passed"], true);
    let graded = report["lessons"].as_array().unwrap();
    for lesson in few {
        let is_graded = graded.iter().any(|one| one["lesson"] == lesson.id.as_str() && one["cannot"] == Value::Null);
        if !is_graded {
            assert_eq!(code, 3, "{} is missing: {report:#}", lesson.id);
            excuse("all_lessons_are_graded_from_a_directory_of_solutions", &lesson, "no report");
        }
    }
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
