//! `cloison answers …`: a student's work and whose it is. Each command gives what to
//! print and the exit code: 0 done, 1 what was looked at is wrong, 2 usage or a file
//! that can't be read or written. Runs nothing of what the answers say.

mod files;
mod show;
mod whose;
mod words;

use std::path::{Path, PathBuf};

use super::lesson_commands::Output;
use super::store::Store;
use crate::cli::{AnswersMode, Common};
use crate::i18n::Explain;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::diagnostic::render_all;
use crate::lesson::library::Library;
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Values};

/// All went well.
const FINE: u8 = 0;
/// What was looked at is wrong.
const WRONG: u8 = 1;
/// Usage, or a file that can't be read or written.
const USAGE: u8 = 2;

/// A student's work on one lesson.
struct Work {
    lesson: Lesson,
    answers: Answers,
    values: Values,
    /// Its file, and whether there is one.
    path: PathBuf,
    exists: bool,
}

/// Carries out one of the commands.
pub fn run(mode: &AnswersMode, common: &Common, color: bool) -> Output {
    tried(mode, common, color).unwrap_or_else(refuse)
}

fn tried(mode: &AnswersMode, common: &Common, color: bool) -> Result<Output, String> {
    let (lang, state) = (common.lang, common.state.as_deref());
    let library = || Library::open(common.lessons.as_deref()).map_err(|error| error.explain(lang));
    let store = || Store::open(state).map_err(|error| error.explain(lang));
    let lesson = |name: &str| library()?.get(name).map_err(|error| error.explain(lang));
    let work = |name: &str, answers: Option<&Path>| work(lesson(name)?, &store()?, answers, common, color);
    Ok(match mode {
        AnswersMode::Show { lesson, answers, json } => show::show(&work(lesson, answers.as_deref())?, *json, lang),
        AnswersMode::New { lesson: name, student, to } => {
            let (lesson, store) = (lesson(name)?, store()?);
            let named = Answers { student: student.clone().unwrap_or_default(), ..Answers::default() };
            let other = student.as_ref().is_some_and(|name| store.member().is_some_and(|one| one.student != *name));
            let values = if other { Values::new(&lesson, &named.student) } else { store.values(&lesson, &named) };
            files::fresh(files::template(&lesson, &values, lang), to.as_deref(), lang)
        }
        AnswersMode::Lint { files } => files::lint(&library()?, files, lang, color),
        AnswersMode::Export { lesson, answers, without_failed, to } => {
            files::export(&work(lesson, answers.as_deref())?, *without_failed, to.as_deref(), lang)
        }
        AnswersMode::Key { file } => whose::key(file, lang),
        AnswersMode::Token { key, names } => whose::tokens(key, names, lang),
        AnswersMode::Join { name, token } => whose::join(name, token.as_deref(), state, lang),
    })
}

/// A student's work on a lesson: in this file, or in their own.
fn work(lesson: Lesson, store: &Store, file: Option<&Path>, common: &Common, color: bool) -> Result<Work, String> {
    let path = file.map_or_else(|| store.path(&lesson.id), Path::to_owned);
    let words = |found: &[_]| render_all(found, common.lang, color);
    let source = if file.is_some() { Source::read(&path).map(Some) } else { Source::read_optional(&path) };
    let source = source.map_err(|one| words(&[one]))?;
    let answers = match &source {
        Some(source) => validate_answers(source, &lesson).map_err(|found| words(&found))?,
        None => Answers { lesson: lesson.id.clone(), student: store.student().to_owned(), ..Answers::default() },
    };
    let own = file.is_none() || store.member().is_some_and(|member| member.student == answers.student);
    let values = if own { store.values(&lesson, &answers) } else { Values::new(&lesson, &answers.student) };
    Ok(Work { lesson, answers, values, path, exists: source.is_some() })
}

/// Refused, with the reason.
fn refuse(why: String) -> Output {
    (String::new(), why, USAGE)
}
