//! Reports in every form, from real runs of `cloison check` and from hostile texts, each
//! read by a program or by the rules that others keep for that form: they all say the
//! same of every lesson. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "report/readers.rs"]
mod readers;

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Output};

use cloison::check::verdict::StepScore;
use cloison::check::{LessonReport, State, Verdict};
use cloison::i18n::Lang;
use cloison::report::{self, Format, Options, Submission};
use proptest::prelude::*;
use serde_json::Value;

use readers::{Told, read};

/// What the runner of Classroom 50 gives an autograder.
const RUNNER: [(&str, &str); 8] = [
    ("CLASSROOM", "systems"),
    ("ASSIGNMENT", "walls"),
    ("ASSIGNMENT_TYPE", "individual"),
    ("OWNER", "ana"),
    ("SUBMISSION_TAG", "submit/2026-06-01T14-32-05Z-a1b2c3d"),
    ("COMMIT_URL", "https://github.com/o/r/commit/a1b2c3d"),
    ("RELEASE_URL", "https://github.com/o/r/releases/tag/submit%2F2026"),
    ("REVIEW_URL", ""),
];

/// A directory with a few lessons, of which this machine can't run the last, and answers
/// to them: right ones, wrong ones, none.
fn course() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for folder in ["07-uts", "08-ipc", "09-pid", "13-time"] {
        let to = place.path().join("lessons").join(folder);
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(Path::new("lessons").join(folder)).unwrap().flatten() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let beyond = place.path().join("lessons/13-time/lesson.toml");
    let lesson = std::fs::read_to_string(&beyond).unwrap();
    assert!(lesson.contains("tools = ["));
    std::fs::write(&beyond, lesson.replace("tools = [", "tools = [\"no-such-program\", ")).unwrap();
    let answers = place.path().join("answers");
    std::fs::create_dir(&answers).unwrap();
    std::fs::copy("lessons/07-uts/solution.toml", answers.join("uts.toml")).unwrap();
    let wrong = "format = 1\nlesson = \"ipc\"\nstudent = \"a|b <i> @c\"\n[tasks.make]\nbox = \"ipcmk -Q\"\n";
    std::fs::write(answers.join("ipc.toml"), wrong).unwrap();
    place
}

/// Grades a lesson of the course, or `all`.
fn check(course: &Path, lesson: &str, more: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["--lang", "en", "--lessons"])
        .arg(course.join("lessons"))
        .args(["check", lesson, "--answers"])
        .arg(course.join("answers"))
        .args(more)
        .env_remove("GITHUB_STEP_SUMMARY")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_form_says_the_same_of_right_wrong_and_missing_answers() {
    let course = course();
    std::fs::remove_dir_all(course.path().join("lessons/13-time")).unwrap();
    std::thread::scope(|scope| {
        let runs = Format::ALL.map(|format| {
            let path = course.path();
            scope.spawn(move || check(path, "all", &["--format", format.name()], &RUNNER))
        });
        for (format, run) in Format::ALL.into_iter().zip(runs) {
            let output = run.join().unwrap();
            assert_eq!(output.status.code(), Some(1), "{format:?}: {}", text(&output.stderr));
            let told = read(format, &text(&output.stdout));
            let points: Vec<_> = told.iter().filter_map(|one| one.points).collect();
            let expected = match format {
                Format::Human => vec![],
                Format::Classroom50 | Format::Gradescope => vec![(8, 30)],
                _ => vec![(8, 8), (0, 9), (0, 13)],
            };
            assert_eq!(points, expected, "{format:?}: {}", text(&output.stdout));
            for (number, passes) in [(0, true), (1, false), (2, false)] {
                let Some(states) = told.get(number).and_then(|one| one.states.as_ref()) else { continue };
                assert!(!states.is_empty());
                assert_eq!(states.iter().all(|state| *state == State::Pass), passes, "{format:?}: {states:?}");
                assert_eq!(states.contains(&State::Fail), !passes, "{format:?}: {states:?}");
            }
        }
    });
}

#[test]
fn what_this_machine_cannot_run_is_a_failure_in_no_form() {
    let course = course();
    for format in Format::ALL {
        let output = check(course.path(), "time", &["--format", format.name()], &RUNNER);
        assert_eq!(output.status.code(), Some(3), "{format:?}");
        let shown = text(&output.stdout);
        let told = read(format, &shown);
        let expected = match format {
            Format::Human => vec![],
            // Nothing was tested; the exit code makes the runner say `error`.
            Format::Classroom50 => vec![Told { points: Some((0, 0)), ..Told::default() }],
            Format::Gradescope => vec![Told { cannot: true, ..Told::default() }],
            _ => vec![Told { cannot: true, points: None, states: Some(Vec::new()) }],
        };
        assert_eq!(told, expected, "{format:?}: {shown}");
        // Why not is told in each of them, or beside it.
        let why = if format == Format::Classroom50 { text(&output.stderr) } else { shown };
        assert!(why.contains("no-such-program"), "{format:?}: {why}");
    }
}

#[test]
fn one_lesson_that_cannot_be_run_leaves_the_others_as_they_are() {
    let course = course();
    std::fs::remove_dir_all(course.path().join("lessons/09-pid")).unwrap();
    let run = |format: Format| {
        let output = check(course.path(), "all", &["--format", format.name()], &RUNNER);
        assert_eq!(output.status.code(), Some(3), "{format:?}");
        read(format, &text(&output.stdout))
    };
    let junit = run(Format::Junit);
    assert_eq!(junit.iter().map(|one| one.points).collect::<Vec<_>>(), [Some((8, 8)), Some((0, 9)), None]);
    // Half of a course is no mark.
    assert_eq!(run(Format::Gradescope), [Told { cannot: true, ..Told::default() }]);
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_the_code() {
    let output = Command::new(env!("CARGO_BIN_EXE_cloison")).args(["report", "schema"]).output().unwrap();
    let schema = text(&output.stdout);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/report.schema.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema, "BLESS=1 writes it anew");
}

#[test]
fn the_file_has_what_standard_output_has_but_for_colours() {
    let course = course();
    let file = course.path().join("report.txt");
    std::fs::write(&file, "of an earlier run, and much longer than that of this one".repeat(1000)).unwrap();
    let output = check(course.path(), "uts", &["--color", "always", "--output", file.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    let colours = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap();
    assert!(colours.is_match(&shown));
    let times = regex::Regex::new("[0-9]+ ms").unwrap();
    let same = |text: &str| times.replace_all(&colours.replace_all(text, ""), "").into_owned();
    assert_eq!(same(&std::fs::read_to_string(&file).unwrap()), same(&shown));
    let left: Vec<_> = std::fs::read_dir(course.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_anything_is_graded() {
    let course = course();
    let place = course.path();
    for output in ["/dev/null", "/dev/stdout", place.to_str().unwrap(), "/nowhere/report", "/proc/version/report"] {
        let run = check(place, "uts", &["--output", output], &[]);
        assert_eq!(run.status.code(), Some(2), "{output}");
        assert_eq!(text(&run.stdout), "", "{output}");
        assert!(text(&run.stderr).contains(output), "{}", text(&run.stderr));
    }
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn what_happens_in_github_actions_is_added_to_the_job_summary_in_markdown() {
    let course = course();
    let summary = course.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    for format in ["human", "json"] {
        let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
        let output = check(course.path(), "uts", &["--format", format], &variables);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
    let written = std::fs::read_to_string(&summary).unwrap();
    let told = read(Format::Markdown, written.strip_prefix("before\n").unwrap());
    assert_eq!(told.iter().map(|one| one.points).collect::<Vec<_>>(), [Some((8, 8)); 2]);
}

#[test]
fn a_job_summary_that_cannot_be_written_is_a_warning() {
    let course = course();
    let variables = [("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")];
    let output = check(course.path(), "uts", &["--format", "json"], &variables);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).starts_with("warning: "), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("/nowhere/summary.md"));
    assert_eq!(read(Format::Json, &text(&output.stdout)).len(), 1);
}

#[test]
fn classroom50_names_what_its_runner_did_not_give() {
    let course = course();
    let run = |variables: &[(&str, &str)]| check(course.path(), "uts", &["--format", "classroom50"], variables);
    for (name, _) in RUNNER.iter().filter(|(name, _)| *name != "REVIEW_URL") {
        let but: Vec<_> = RUNNER.into_iter().filter(|one| one.0 != *name).collect();
        let output = run(&but);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{name}");
        assert!(text(&output.stderr).contains(name), "{}", text(&output.stderr));
    }
    let tagged = RUNNER.map(|(name, value)| (name, if name == "SUBMISSION_TAG" { "v1" } else { value }));
    assert_eq!(run(&tagged).status.code(), Some(2));
    let result: Value = serde_json::from_slice(&run(&RUNNER).stdout).unwrap();
    for (name, key) in [("CLASSROOM", "classroom"), ("OWNER", "owner"), ("COMMIT_URL", "review")] {
        assert_eq!(result[key], RUNNER.iter().find(|one| one.0 == name).unwrap().1);
    }
}

#[test]
fn steps_take_the_time_that_they_take() {
    let course = course();
    std::fs::write(
        course.path().join("answers/uts.toml"),
        "format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n[tasks.name]\nbox = \"sleep 1; hostname mistral-77\"\n",
    )
    .unwrap();
    let output = check(course.path(), "uts", &["--format", "json"], &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lesson = &report["lessons"][0];
    let steps = lesson["steps"].as_array().unwrap();
    let millis = |step: &str| steps.iter().find(|one| one["step"] == step).unwrap()["millis"].as_u64().unwrap();
    assert!(millis("name") >= 1000, "{report:#}");
    assert!(millis("guess-copy") < 1000, "{report:#}");
    let all: u64 = steps.iter().map(|step| step["millis"].as_u64().unwrap()).sum();
    assert!(lesson["millis"].as_u64().unwrap() >= all, "{report:#}");
}

/// The verdicts of one lesson of the course on these answers.
fn verdicts(lesson: &str, tasks: &str) -> Vec<Verdict> {
    let course = course();
    let answers = format!("format = 1\nlesson = \"{lesson}\"\nstudent = \"ana\"\n{tasks}");
    std::fs::write(course.path().join(format!("answers/{lesson}.toml")), answers).unwrap();
    let output = check(course.path(), lesson, &["--format", "json"], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let document: report::Document = serde_json::from_slice(&output.stdout).unwrap();
    document.lessons.into_iter().next().unwrap().verdicts
}

#[test]
fn a_task_that_only_an_earlier_one_lets_down_says_which() {
    // One segment too many: the task fails. Of the lab that follows it is no part, nor is
    // the segment that the next task counts on.
    let make = "[tasks.make]\nbox = \"ipcmk -M 96220\"\npeer = \"ipcmk -M 96220\"\n";
    let right = "[tasks.remove]\npeer = \"ipcrm -M 0x0defaced\"\n";
    let queue = "[tasks.queue]\nbox = \"ipcmk -Q\"\n";
    let found = verdicts("ipc", &format!("{make}{right}{queue}"));
    let after = |step: &str, check: &str| {
        let one = found.iter().find(|one| (one.step.as_str(), one.check.as_str()) == (step, check)).unwrap();
        (one.state, one.after.as_deref())
    };
    assert_eq!(after("make", "box-alone"), (State::Fail, None));
    assert_eq!(after("remove", "own-kept"), (State::Fail, Some("make")));
    assert_eq!(after("remove", "gone"), (State::Pass, None));
    // Wrong by itself, whatever came before it.
    assert_eq!(after("queue", "named"), (State::Fail, None));
}

#[test]
fn what_nothing_typed_before_would_save_waits_for_nothing() {
    let make = "[tasks.make]\nbox = \"ipcmk -Q\"\n";
    let right = "[tasks.remove]\npeer = \"ipcrm -M 0x0defaced\"\n";
    let found = verdicts("ipc", &format!("{make}{right}"));
    assert!(found.iter().any(|one| one.step == "remove" && one.state == State::Fail), "{found:#?}");
    assert!(found.iter().all(|one| one.after.is_none()), "{found:#?}");
}

#[test]
fn a_task_that_can_not_pass_without_an_earlier_one_that_was_not_answered_says_which() {
    let right = "[tasks.remove]\npeer = \"ipcrm -M 0x0defaced\"\n";
    for make in ["", "[tasks.make]\nbox = \"\"\n"] {
        let found = verdicts("ipc", &format!("{make}{right}[tasks.queue]\nbox = \"ipcmk -Q\"\n"));
        let failed =
            |step: &str| found.iter().filter(move |one| one.step == step && one.state != State::Pass).collect();
        let remove: Vec<&Verdict> = failed("remove");
        assert!(!remove.is_empty(), "{found:#?}");
        assert!(remove.iter().all(|one| one.after.as_deref() == Some("make")), "{found:#?}");
        // That one needs no other; nor does what was not answered wait for anything.
        for step in ["queue", "make"] {
            let others: Vec<&Verdict> = failed(step);
            assert!(!others.is_empty() && others.iter().all(|one| one.after.is_none()), "{step}: {found:#?}");
        }
    }
}

#[test]
fn an_operation_that_the_machine_refuses_in_the_middle_is_no_failure_but_one_that_the_student_broke_is() {
    let course = course();
    let file = course.path().join("lessons/07-uts/lesson.toml");
    let lesson = std::fs::read_to_string(&file).unwrap();
    let run = |from: &str, to: &str, more: &str| {
        assert!(lesson.contains(from));
        std::fs::write(&file, lesson.replace(from, to)).unwrap();
        let solution = std::fs::read_to_string("lessons/07-uts/solution.toml").unwrap();
        let answers = solution.replace("hostname mistral-77", &format!("hostname mistral-77{more}"));
        assert_eq!(answers == solution, more.is_empty());
        std::fs::write(course.path().join("answers/uts.toml"), answers).unwrap();
        let output = check(course.path(), "uts", &["--format", "json"], &[]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report["lessons"][0].clone())
    };
    let (code, report) = run(", fails = \"EPERM\"", "", "");
    assert_eq!(code, Some(3), "{report:#}");
    assert!(report["cannot"].as_str().unwrap().contains("EPERM"), "{report:#}");
    assert_eq!((&report["out_of"], &report["verdicts"]), (&0.into(), &Value::Array(vec![])));

    let domain = "id = \"domain\"";
    let writes = format!("{domain}\ndo = [{{ actor = \"box\", write = {{ path = \"/tmp/a/b\", text = \"x\" }} }}]");
    let (code, report) = run(domain, &writes, "; touch /tmp/a");
    assert_eq!(code, Some(1), "{report:#}");
    let verdicts = report["verdicts"].as_array().unwrap();
    let error = verdicts.iter().find(|verdict| verdict["state"] == "error").unwrap();
    assert_eq!((&error["step"], &report["cannot"]), (&"domain".into(), &Value::Null), "{report:#}");
    // The same without what was typed: nothing is wrong with the lesson.
    assert_eq!(run(domain, &writes, "").0, Some(0));
}

#[test]
fn each_reader_refuses_what_is_not_of_its_form() {
    let course = course();
    let wrong: [(Format, &str, &str); 14] = [
        (Format::Json, "\"format\": 1", "\"format\": 2"),
        (Format::Json, "\"cannot\": null,", ""),
        (Format::Json, "\"state\": \"fail\"", "\"state\": \"failed\""),
        (Format::Junit, " failures=\"", " wrong=\""),
        (Format::Junit, "<failure", "<fault"),
        (Format::Junit, "&quot;", "\""),
        (Format::Tap, "version 14", "version 15"),
        (Format::Tap, "not ok", "nok"),
        (Format::Tap, "  ...\n", ""),
        (Format::Classroom50, "\"submit/", "\"sent/"),
        (Format::Classroom50, "\"max-score\": 9", "\"max-score\": \"9\""),
        (Format::Gradescope, "\"status\": \"failed\"", "\"status\": \"fail\""),
        (Format::Gradescope, "\"score\": 0", "\"score\": 9"),
        (Format::Markdown, "`a│b", "a|b"),
    ];
    for (format, from, to) in wrong {
        let output = check(course.path(), "ipc", &["--format", format.name()], &RUNNER);
        let good = text(&output.stdout);
        read(format, &good);
        assert!(good.contains(from), "{format:?} has no {from}: {good}");
        let bad = good.replace(from, to);
        let silently = std::panic::catch_unwind(|| read(format, &bad));
        assert!(silently.is_err(), "{format:?} with {to} in place of {from} was read: {bad}");
    }
}

// ---- hostile texts ----

/// Texts that mean something to some form, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let parts = [
        "\u{1b}]0;x\u{7}",
        "\u{1b}[2J",
        "]]>",
        "<![CDATA[",
        "</failure>",
        "&amp;",
        "<script>",
        "\"",
        "'",
        "\\",
        "\\#",
        "#",
        " # SKIP",
        " # TODO",
        "\nok 1",
        "\n1..0\n",
        "\nBail out!",
        "    ",
        "---",
        "...",
        "\n  ...\n",
        "|",
        "\\|",
        "`",
        "```",
        "\n```\n",
        "~~~",
        "![a](b)",
        "[a](http://b)",
        "http://a.b",
        "www.a.b",
        "a@b.c",
        "@ana",
        "<!--",
        "*a*",
        "_a_",
        "~a~",
        "[^1]",
        "\n\n# a\n",
        "> a",
        "1. a",
        "- a",
        "\0",
        "\r",
        "\r\n",
        "\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{202e}",
        "\u{200f}",
        "\u{feff}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{fffd}",
        "é",
        "漢",
        "a",
        " ",
        "",
        "{}",
        "%s",
        ": ",
        "null",
        "1e9",
    ];
    let part = prop_oneof![
        8 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let state = proptest::sample::select(vec![State::Pass, State::Fail, State::Skip, State::Error]);
    let texts = [hostile(), hostile(), hostile(), hostile(), hostile(), hostile()];
    (state, texts, proptest::option::of(hostile())).prop_map(|(state, texts, after)| {
        let [step, check, label, expected, found, help] = texts;
        Verdict { step, check, state, label, expected, found, help, after }
    })
}

fn lesson_report() -> impl Strategy<Value = LessonReport> {
    let step = (hostile(), 0..4_u32, 0..4_u32, any::<u32>());
    let steps = proptest::collection::vec(step, 0..3);
    let names = [hostile(), hostile(), hostile()];
    let cannot = proptest::option::weighted(0.2, [hostile(), hostile()]);
    (names, steps, proptest::collection::vec(verdict(), 0..4), any::<u32>(), cannot).prop_map(
        |([lesson, title, student], steps, mut verdicts, millis, cannot)| {
            if let Some(why) = cannot {
                return LessonReport::cannot(&lesson, &title, &student, why);
            }
            let mut scores: Vec<StepScore> = Vec::new();
            for ((step, points, more, millis), number) in steps.into_iter().zip(0..) {
                let step = format!("{number}{step}");
                // Some of the verdicts are of steps that give points.
                if let Some(verdict) = verdicts.get_mut(number) {
                    verdict.step.clone_from(&step);
                }
                scores.push(StepScore { step, points, out_of: points + more, millis: millis.into() });
            }
            let sum = |of: fn(&StepScore) -> u32| scores.iter().map(of).sum();
            LessonReport {
                lesson,
                title,
                student,
                points: sum(|score| score.points),
                out_of: sum(|score| score.out_of),
                millis: millis.into(),
                cannot: None,
                steps: scores,
                verdicts,
            }
        },
    )
}

proptest! {
    #[test]
    fn no_text_of_a_student_leaves_its_place_in_any_form(reports in proptest::collection::vec(lesson_report(), 0..3)) {
        let submission = Submission::read(|name| RUNNER.iter().find(|one| one.0 == name).map(|one| one.1.to_owned()), 0);
        for lang in Lang::ALL {
            let options = Options { lang, color: false, submission: submission.clone().ok() };
            for format in Format::ALL {
                let told = read(format, &report::render(format, &reports, &options));
                if matches!(format, Format::Human | Format::Classroom50 | Format::Gradescope) {
                    continue;
                }
                let expected: Vec<Told> = reports.iter().map(|report| Told {
                    points: report.cannot.is_none().then_some((report.points.into(), report.out_of.into())),
                    cannot: report.cannot.is_some(),
                    states: Some(report.verdicts.iter().map(|verdict| verdict.state).collect()),
                }).collect();
                prop_assert_eq!(told, expected, "{:?}", format);
            }
        }
    }
}
