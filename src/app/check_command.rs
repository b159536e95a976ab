//! `cloison check`: reads the lesson and the answers, grades each lesson in a jail,
//! prints the report. Exit codes: 0 all points, 1 not all, 2 usage or unreadable
//! file, 3 this machine can't run the lesson.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::jailed::{self, Enclosure, Refused};
use super::store::Store;
use crate::check::LessonReport;
use crate::i18n::{Explain, Lang};
use crate::lesson::Lesson;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::diagnostic::render_all;
use crate::lesson::library::{Library, Listed};
use crate::lesson::source::Source;
use crate::report;
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

/// What to grade.
#[derive(Debug)]
pub struct Request<'a> {
    /// A lesson's id or number, or `all`.
    pub lesson: &'a str,
    /// A file, a directory of them, or the student's own.
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

/// Grades. The calling process must have one thread.
pub fn run(request: &Request) -> Output {
    let lang = request.lang;
    let refuse = |text: String| (String::new(), text, USAGE);
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
    jailed::grade_in_jail(lesson, answers, lang, &Enclosure::default()).map_err(|refused| match refused {
        Refused::Cannot([en, fr]) => lang.pick(en, fr),
        Refused::Lost(error) => error.explain(lang),
    })
}

/// The answers to one lesson; empty ones where the student gave none.
fn answers_of(request: &Request, listed: &Listed, lesson: &Lesson) -> Result<Answers, String> {
    let lang = request.lang;
    let path = match request.answers {
        None => {
            let store = Store::open(request.state).map_err(|error| error.explain(lang))?;
            return store.load(lesson).map_err(|error| error.explain(lang));
        }
        Some(path) if path.is_dir() => {
            candidates(listed).into_iter().map(|file| path.join(file)).find(|path| path.exists())
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

/// Where a directory may hold the answers to a lesson, from there.
pub fn candidates(listed: &Listed) -> Vec<PathBuf> {
    let own = format!("{}.toml", listed.id);
    let solution = "solution.toml";
    vec![
        PathBuf::from(&own),
        Path::new("answers").join(&own),
        Path::new(&listed.folder).join(solution),
        Path::new(&listed.id).join(solution),
    ]
}

/// With `all` and one file, the file is about one lesson and the others go unanswered.
fn path_is_of(source: &Source, lesson: &Lesson) -> bool {
    crate::lesson::answers::parse_answers(source).map_or(true, |answers| answers.lesson == lesson.id)
}
