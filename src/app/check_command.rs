//! `cloison check`: reads the lesson and the answers, grades each lesson in a jail,
//! prints the report. Exit codes: 0 all points, 1 not all, 2 usage or unreadable
//! file, 3 this machine can't run the lesson.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::class::{self, ClassError};
use super::delivery::Delivery;
use super::jailed::{self, Enclosure, Refused, both};
use super::store::{Store, StoreError};
use crate::check::{LessonReport, State};
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lab::client;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::diagnostic::{Both, Diagnostic, both, render_all};
use crate::lesson::library::{ALL, Library, Listed};
use crate::lesson::source::{MAX_BYTES, Source};
use crate::lesson::{Lesson, Values};
use crate::report::Format;
use crate::say;

use super::lesson_commands::Output;

/// All points.
const PASS: u8 = 0;
/// Not all points.
const FAIL: u8 = 1;
/// Usage, or a file that can't be read.
const USAGE: u8 = 2;
/// This machine can't run the lesson.
const CANNOT: u8 = 3;
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
    /// The student who hands them in.
    pub student: Option<&'a str>,
    /// The class key that values of one's own are made with.
    pub key: Option<&'a Path>,
    /// The form of the report.
    pub format: Format,
    /// Where it goes besides standard output.
    pub output: Option<&'a Path>,
    /// Its language.
    pub lang: Lang,
    /// Whether a report for people has colours on standard output.
    pub color: bool,
}

/// The student's own store, or why there is none: nobody may need it.
type Opened = Result<Store, StoreError>;

/// Grades. The calling process must have one thread.
pub fn run(request: &Request) -> Output {
    let lang = request.lang;
    let refuse = |text: String| (String::new(), text, USAGE);
    let delivery = match Delivery::prepare(request.format, request.output, lang) {
        Ok(delivery) => delivery,
        Err(text) => return refuse(text),
    };
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
    let store = Store::open(request.state);
    let mut work = Vec::new();
    for listed in wanted {
        let lesson = match library.get(&listed.id) {
            Ok(lesson) => Arc::new(lesson),
            Err(error) => return refuse(error.explain(lang)),
        };
        match answers_of(request, &store, listed, &lesson) {
            Ok(answers) => work.push((lesson, answers)),
            Err(text) => return refuse(text),
        }
    }
    let values = match values_of(request, &store, &work) {
        Ok(values) => values,
        Err(text) => return refuse(text),
    };
    // The class key, and the student's own token.
    let token = store.as_ref().ok().map(Store::member_path);
    let secrets = request.key.map(Path::to_owned).into_iter().chain(token);
    let hidden: Vec<PathBuf> = secrets.filter_map(|path| path.canonicalize().ok()).collect();
    let graded = || work.iter().zip(&values);
    // Copied once, not once a jail, and by who may read it; a lab that can't be says why.
    let _ = client::prepare();
    let fence = work.iter().any(|(lesson, _)| lesson.controllers().is_none()).then(jailed::fence).flatten();
    // Others may run at the same time, each as somebody else.
    let user = jailed::nobody(std::process::id() as usize % jailed::MOST_JOBS);
    let enclosure = Enclosure { hidden: &hidden, user, fence: fence.as_ref(), master: None };
    let reports: Vec<LessonReport> =
        graded().map(|((lesson, answers), values)| grade_in_jail(lesson, answers, values, lang, &enclosure)).collect();
    let (stdout, stderr, code) = told(&reports, request, &delivery);
    let unjoined = graded().filter_map(|((lesson, answers), values)| {
        let [en, fr] = request.key.and_then(|_| class::unjoined(lesson, answers, values))?;
        Some(lang.pick(en, fr) + "\n")
    });
    (stdout, unjoined.collect::<String>() + &stderr, code)
}

/// The values that the answers are judged by: those of the class with this key, or of
/// the student of a class who checks their own answers.
fn values_of(request: &Request, store: &Opened, work: &[(Arc<Lesson>, Answers)]) -> Result<Vec<Values>, String> {
    let mut values = class::values(request.key, work).map_err(|error| error.explain(request.lang))?;
    if request.key.is_none() {
        // Without a home there is nobody who joined.
        let member = match store {
            Ok(store) => store.member(),
            Err(StoreError::NoPlace) => None,
            // Nor is anybody in the home of somebody else.
            Err(StoreError::Member(ClassError::Io(_, Errno(libc::EACCES)))) if request.answers.is_some() => None,
            Err(error) => return Err(error.explain(request.lang)),
        };
        for (values, (lesson, _)) in values.iter_mut().zip(work) {
            if let Some(member) = member.filter(|member| member.student == values.student()) {
                *values = member.values(lesson);
            }
        }
    }
    Ok(values)
}

/// The reports in the form asked for, where they are to go.
fn told(reports: &[LessonReport], request: &Request, delivery: &Delivery) -> Output {
    let lang = request.lang;
    let mut stderr = String::new();
    if request.format != Format::Human {
        // Not only in the document: who runs this in a script sees why it exits 3.
        for report in reports {
            let why = report.cannot.as_ref().map(|[en, fr]| lang.pick(en, fr));
            stderr.extend(why.map(|why| format!("{}: {why}\n", report.lesson)));
        }
    }
    let has = |state| reports.iter().any(|report| report.state() == state);
    let exit = if has(State::Skip) {
        CANNOT
    } else if has(State::Fail) {
        FAIL
    } else {
        PASS
    };
    stderr.extend(delivery.summarize(reports));
    match delivery.deliver(reports, request.color) {
        (stdout, Ok(())) => (stdout, stderr, exit),
        (stdout, Err(text)) => (stdout, stderr + &text, USAGE),
    }
}

/// Grades one lesson in a jail of its own. Where this machine can't, the report says
/// why. The calling process must have one thread.
fn grade_in_jail(
    lesson: &Arc<Lesson>,
    answers: &Answers,
    values: &Values,
    lang: Lang,
    enclosure: &Enclosure,
) -> LessonReport {
    in_jail(lesson, answers, values, lang, enclosure)
        .unwrap_or_else(|why| LessonReport::cannot(&lesson.id, &lesson.text(lang).title, values.student(), why))
}

/// Grades one lesson in a jail; the error says why this machine can't, in both languages.
fn in_jail(
    lesson: &Arc<Lesson>,
    answers: &Answers,
    values: &Values,
    lang: Lang,
    enclosure: &Enclosure,
) -> Result<LessonReport, Both> {
    if let Some(missing) = crate::doctor::missing(lesson) {
        return Err(both(&missing));
    }
    jailed::grade_in_jail(lesson, answers, values, lang, enclosure).map_err(|refused| match refused {
        Refused::Cannot(why) => why,
        Refused::Lost(error) => both(&error),
    })
}

/// The answers to one lesson, as handed in; empty ones where the student gave none.
fn answers_of(request: &Request, store: &Opened, listed: &Listed, lesson: &Lesson) -> Result<Answers, String> {
    let answers = answers_found(request, store, listed, lesson)?;
    let Some(student) = request.student else { return Ok(answers) };
    answers.by(student).map_err(|foreign| foreign.explain(request.lang))
}

fn answers_found(request: &Request, store: &Opened, listed: &Listed, lesson: &Lesson) -> Result<Answers, String> {
    let lang = request.lang;
    let path = match request.answers {
        None => {
            let store = store.as_ref().map_err(|error| error.explain(lang))?;
            return store.load(lesson).map_err(|error| error.explain(lang));
        }
        Some(path) if path == Path::new(STDIN) => {
            let found = piped().and_then(|source| validate_answers(&source, lesson));
            return found.map_err(|found| render_all(&found, lang, request.color));
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

/// The answers that are piped in, held to what a file is.
fn piped() -> Result<Source, Vec<Diagnostic>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
    let failed = |error| Diagnostic::of_file("stdin", both!("failed to read: {error}", "lecture impossible : {error}"));
    read.map_err(failed).and_then(|_| Source::from_bytes("stdin", bytes)).map_err(|one| vec![one])
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
