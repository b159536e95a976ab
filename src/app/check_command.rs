//! `cloison check`: reads the lesson and the answers, grades each lesson in a jail,
//! prints the report. Exit codes: 0 all points, 1 not all, 2 usage or unreadable
//! file, 3 this machine can't run the lesson.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::grade;
use super::store::Store;
use crate::check::LessonReport;
use crate::i18n::{Explain, Lang};
use crate::lab::cgroups::jail::Groups;
use crate::lab::jail::{self, JailError};
use crate::lesson::Lesson;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::diagnostic::{Diagnostic, both, render_all};
use crate::lesson::library::{Library, Listed};
use crate::lesson::source::{MAX_BYTES, Source};
use crate::report;
use crate::say;
use crate::term::safe;

use super::lesson_commands::Output;

/// All points.
const PASS: u8 = 0;
/// Not all points.
const FAIL: u8 = 1;
/// Usage, or a file that can't be read.
const USAGE: u8 = 2;
/// This machine can't run the lesson.
const CANNOT: u8 = 3;
/// In place of a lesson's name: every one.
const ALL: &str = "all";
/// In place of a file: answers are read from standard input.
const STDIN: &str = "-";

/// What to grade.
#[derive(Debug)]
pub struct Request<'a> {
    /// A lesson's id or number, or `all`.
    pub lesson: &'a str,
    /// A file (`-`: standard input), a directory of them, or the student's own.
    pub answers: Option<&'a Path>,
    /// Lessons from here.
    pub lessons: Option<&'a Path>,
    /// The student's own answers.
    pub state: Option<&'a Path>,
    /// Whether the report is JSON.
    pub json: bool,
    /// Its language.
    pub lang: Lang,
    /// Whether a report for people has colours.
    pub color: bool,
}

/// What comes back from the jail.
#[derive(Serialize, Deserialize)]
enum FromJail {
    Graded(Box<LessonReport>),
    Failed([String; 2]),
}

/// Grades. The calling process must have one thread.
pub fn run(request: &Request) -> Output {
    let lang = request.lang;
    let refuse = |text: String| (String::new(), text, USAGE);
    if request.lesson == ALL && request.answers == Some(Path::new(STDIN)) {
        return refuse(say!(
            lang,
            "standard input holds the answers to one lesson: name it, in place of `all`",
            "l'entrée standard porte les réponses à une seule leçon : nommez-la, à la place de « all »"
        ));
    }
    let library = match Library::open(request.lessons) {
        Ok(library) => library,
        Err(error) => return refuse(error.explain(lang)),
    };
    let wanted: Vec<&Listed> = match request.lesson {
        ALL if !library.list().is_empty() => library.list().iter().collect(),
        name => match library.find(name) {
            Ok(listed) => vec![listed],
            Err(error) => return refuse(error.explain(lang)),
        },
    };
    let mut work = Vec::new();
    for listed in wanted {
        let lesson = match library.get(&listed.id) {
            Ok(lesson) => Arc::new(lesson),
            Err(error) => return refuse(error.explain(lang)),
        };
        match answers_of(request, listed, &lesson) {
            Ok(answers) => work.push((lesson, answers)),
            Err(text) => return refuse(text),
        }
    }
    grade_all(&work, request)
}

fn grade_all(work: &[(Arc<Lesson>, Answers)], request: &Request) -> Output {
    let lang = request.lang;
    let (mut stdout, mut stderr, mut exit) = (String::new(), String::new(), PASS);
    let mut reports = Vec::new();
    for (lesson, answers) in work {
        match in_jail(lesson, answers, lang) {
            Ok(report) => {
                if !report.passed() {
                    exit = exit.max(FAIL);
                }
                if !request.json {
                    stdout.push_str(&report::human(&report, lang, request.color));
                }
                reports.push(report);
            }
            Err(words) => {
                exit = CANNOT;
                stderr.extend([&lesson.id, ": ", &words, "\n"]);
            }
        }
    }
    if request.json {
        stdout = safe::json(&report::json(&reports, lang));
    }
    (stdout, stderr, exit)
}

/// Grades one lesson in a jail; the error says why this machine can't.
fn in_jail(lesson: &Arc<Lesson>, answers: &Answers, lang: Lang) -> Result<LessonReport, String> {
    if let Some(missing) = crate::doctor::missing(lesson) {
        return Err(missing.explain(lang));
    }
    let groups = lesson.controllers().map(|controllers| Groups::new(&controllers)).transpose();
    let groups = groups.map_err(|(errno, doing)| JailError::Build(errno, doing).explain(lang))?;
    let graded = jail::run(grade::limit(lesson), groups.as_ref(), || {
        let answer = match grade::grade(lesson, answers, lang) {
            Ok(report) => FromJail::Graded(Box::new(report)),
            Err(error) => FromJail::Failed(Lang::ALL.map(|lang| error.explain(lang))),
        };
        postcard::to_stdvec(&answer).unwrap_or_default()
    });
    match graded.map(|bytes| postcard::from_bytes(&bytes)) {
        Ok(Ok(FromJail::Graded(report))) => Ok(*report),
        Ok(Ok(FromJail::Failed([en, fr]))) => Err(lang.pick(en, fr)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.explain(lang)),
    }
}

/// The answers to one lesson; empty ones where the student gave none.
fn answers_of(request: &Request, listed: &Listed, lesson: &Lesson) -> Result<Answers, String> {
    let lang = request.lang;
    let path = match request.answers {
        None => {
            let store = Store::open(request.state).map_err(|error| error.explain(lang))?;
            return store.load(lesson).map_err(|error| error.explain(lang));
        }
        Some(path) if path.is_dir() => candidates(path, listed).into_iter().find(|path| path.exists()),
        Some(path) if path == Path::new(STDIN) => {
            let found = piped().and_then(|source| validate_answers(&source, lesson));
            return found.map_err(|found| render_all(&found, lang, request.color));
        }
        Some(path) => Some(path.to_owned()),
    };
    let Some(path) = path else { return Ok(Answers { lesson: lesson.id.clone(), ..Answers::default() }) };
    let words = |found: &[crate::lesson::diagnostic::Diagnostic]| render_all(found, lang, request.color);
    let source = Source::read(&path).map_err(|one| words(&[one]))?;
    if request.lesson == ALL && !path_is_of(&source, lesson) {
        return Ok(Answers { lesson: lesson.id.clone(), ..Answers::default() });
    }
    validate_answers(&source, lesson).map_err(|found| words(&found))
}

/// The answers that are piped in, held to what a file is.
fn piped() -> Result<Source, Vec<Diagnostic>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
    let failed = |error| Diagnostic::of_file("stdin", both!("failed to read: {error}", "lecture impossible : {error}"));
    read.map_err(failed).and_then(|_| Source::from_bytes("stdin", bytes)).map_err(|one| vec![one])
}

/// Where a directory may hold the answers to a lesson.
fn candidates(directory: &Path, listed: &Listed) -> Vec<PathBuf> {
    let own = format!("{}.toml", listed.id);
    vec![
        directory.join(own),
        directory.join(&listed.folder).join("solution.toml"),
        directory.join(&listed.id).join("solution.toml"),
    ]
}

/// With `all` and one file, the file is about one lesson and the others go unanswered.
fn path_is_of(source: &Source, lesson: &Lesson) -> bool {
    crate::lesson::answers::parse_answers(source).map_or(true, |answers| answers.lesson == lesson.id)
}
