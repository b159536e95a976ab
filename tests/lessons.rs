//! Every lesson of the library, graded on the real kernel: its solution gets full
//! marks, empty answers get none, each broken answer fails the check that it names,
//! and nothing is left on the machine. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cloison::i18n::Lang;
use cloison::lesson::broken::{Case, parse_broken};
use cloison::lesson::library::{Library, Listed};
use cloison::lesson::{Lesson, answers};
use serde_json::Value;

use support::left::{self, Left};
use support::skip::skip;

/// How many are graded at once: mostly they wait for what does not come. A machine
/// that is said to be slow has enough to do with two at a time.
fn hands() -> usize {
    if support::slow::seconds(1) > Duration::from_secs(1) { 2 } else { 6 }
}

/// Grades answers with the program, as a CI would; exit code and report. No control
/// group of its labs is left.
fn check(lesson: &str, answers: &Path, more: &[&str]) -> (i32, Value) {
    let child = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", lesson, "--format", "json", "--answers"])
        .arg(answers)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let program = child.id();
    let output = child.wait_with_output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    // A scope of systemd's is gone when systemd has seen that it is empty.
    let deadline = Instant::now() + support::slow::seconds(5);
    while !left::groups_of(program).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left::groups_of(program), BTreeSet::new(), "{lesson}");
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// Does all the work, several pieces of it at a time, with nothing left on the
/// machine at the end.
fn at_once<T: Send>(work: Vec<T>, each: impl Fn(T) + Sync) {
    let before = Left::now();
    let work = Mutex::new(work.into_iter());
    let next = || work.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..hands() {
            scope.spawn(|| {
                while let Some(piece) = next() {
                    each(piece);
                }
            });
        }
    });
    before.assert_same();
}

fn state_of(report: &Value, step: &str, check: &str) -> String {
    let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|verdict| verdict["step"] == step && verdict["check"] == check);
    found.unwrap_or_else(|| panic!("no verdict {step}.{check} in {verdicts:#?}"))["state"].as_str().unwrap().to_owned()
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

/// Whether this machine can't run the lesson, by the exit code: for want of control
/// groups, which an ordinary user may not have. Nothing else is an excuse.
fn is_impossible(test: &str, lesson: &Lesson, code: i32) -> bool {
    if code != 3 {
        return false;
    }
    let excused = lesson.controllers().is_some() && !nix::unistd::geteuid().is_root();
    assert!(excused, "{} can't be run here", lesson.id);
    skip(test, "no control groups with its controllers for this user");
    true
}

#[test]
fn every_solution_gets_full_marks_and_leaves_nothing_behind() {
    let (library, lessons) = lessons();
    at_once(lessons, |lesson| {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("answers.toml");
        std::fs::write(&file, library.file(&lesson.id, "solution.toml").unwrap().unwrap().text).unwrap();
        let (code, report) = check(&lesson.id, &file, &[]);
        if !is_impossible("every_solution_gets_full_marks_and_leaves_nothing_behind", &lesson, code) {
            assert_eq!(code, 0, "{report:#}");
            assert_eq!(report["points"], lesson.points(), "{report:#}");
            // A step that did something else than the lesson means is an error beside them.
            let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap();
            assert!(verdicts.iter().all(|verdict| verdict["state"] == "pass"), "{report:#}");
        }
    });
}

#[test]
fn empty_answers_score_nothing() {
    let (_, lessons) = lessons();
    at_once(lessons, |lesson| {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("empty.toml");
        std::fs::write(&file, format!("format = 1\nlesson = \"{}\"\nstudent = \"ana\"\n", lesson.id)).unwrap();
        let (code, report) = check(&lesson.id, &file, &[]);
        if !is_impossible("empty_answers_score_nothing", &lesson, code) {
            assert_eq!(code, 1, "{report:#}");
            assert_eq!(report["points"], 0, "{report:#}");
        }
    });
}

#[test]
fn each_broken_answer_fails_the_check_that_it_names_and_leaves_nothing_behind() {
    let (library, lessons) = lessons();
    let cases = lessons.iter().flat_map(|lesson| {
        let source = library.file(&lesson.id, "solution.toml").unwrap().unwrap();
        let solution = answers::parse_answers(&source).unwrap();
        let broken = library.file(&lesson.id, "broken.toml").unwrap().unwrap();
        parse_broken(&broken, lesson, &solution).unwrap().into_iter().map(move |case| (lesson, case))
    });
    at_once(cases.collect(), |(lesson, case)| fails_as_named(lesson, &case));
}

fn fails_as_named(lesson: &Lesson, case: &Case) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("broken.toml");
    std::fs::write(&file, case.answers.to_toml()).unwrap();
    let (code, report) = check(&lesson.id, &file, &[]);
    if is_impossible("each_broken_answer_fails_the_check_that_it_names_and_leaves_nothing_behind", lesson, code) {
        return;
    }
    assert_eq!(code, 1, "{}: {report:#}", case.name);
    let state = state_of(&report, &case.step, &case.check);
    assert!(state == "fail" || state == "skip", "{}: {} is {state}: {report:#}", case.name, case.check);
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
    let (code, report) = check("all", place.path(), &["--lessons", place.path().to_str().unwrap()]);
    assert!([0, 3].contains(&code), "{report:#}");
    assert_eq!(report["passed"], true);
    let graded = report["lessons"].as_array().unwrap();
    for lesson in few {
        let is_graded = graded.iter().any(|one| one["lesson"] == lesson.id.as_str());
        let test = "all_lessons_are_graded_from_a_directory_of_solutions";
        assert!(is_graded || is_impossible(test, &lesson, code), "{} is missing: {report:#}", lesson.id);
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
