//! `cloison lesson list|show|lint|new|handout|schema`: what there is to learn, what is
//! wrong with a lesson in the making, one to start from, lessons on paper. Each gives what to print and the exit code;
//! prints nothing itself.

mod handout;
mod lint;
mod new;

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::diagnostic::render_all;
use crate::lesson::format;
use crate::lesson::library::{Library, LibraryError};
use crate::lesson::model::{Lesson, Step};
use crate::say;
use crate::term::safe;

pub use handout::{Request as HandoutRequest, handout};
pub use lint::{Request as LintRequest, Told, lint};
pub use new::new;

/// What a command has to say: standard output, standard error, exit code.
pub type Output = (String, String, u8);

/// All went well.
const FINE: u8 = 0;
/// What was looked at is wrong.
const WRONG: u8 = 1;
/// Bad usage: no such lesson, an unreadable directory.
const USAGE: u8 = 2;

/// A lesson, as `list --json` and `show --json` tell it.
#[derive(Serialize)]
struct Entry {
    id: String,
    number: u32,
    part: crate::lesson::model::Part,
    title: Texts,
    summary: Texts,
    needs: Vec<crate::lesson::model::Need>,
    tools: Vec<String>,
    points: u32,
    minutes: u32,
    since: Option<String>,
    steps: Vec<StepEntry>,
}

/// A text in both languages.
#[derive(Serialize)]
struct Texts {
    en: String,
    fr: String,
}

#[derive(Serialize)]
struct StepEntry {
    id: String,
    title: Texts,
    /// `prediction`, `task`, or nothing.
    kind: Option<&'static str>,
    points: u32,
}

#[derive(Serialize)]
struct Document {
    lessons: Vec<Entry>,
}

/// `lesson list`: the lessons of the library, or of `directory`. A lesson that
/// can't be loaded is told on standard error, and makes the exit code 1.
pub fn list(directory: Option<&Path>, lang: Lang, json: bool, color: bool) -> Output {
    let library = match Library::open(directory) {
        Ok(library) => library,
        Err(error) => return refused(&error, lang, color),
    };
    let mut lessons = Vec::new();
    let mut errors = String::new();
    for entry in library.list() {
        match library.get(&entry.id) {
            Ok(lesson) => lessons.push(lesson),
            Err(error) => errors.push_str(&refused(&error, lang, color).1),
        }
    }
    let code = if errors.is_empty() { FINE } else { WRONG };
    let out = if json { document(&lessons) } else { table(&lessons, lang) };
    (out, errors, code)
}

/// `lesson show ID`: one lesson and its steps.
pub fn show(directory: Option<&Path>, id: &str, lang: Lang, json: bool, color: bool) -> Output {
    match Library::open(directory).and_then(|library| library.get(id)) {
        Ok(lesson) if json => (document(&[lesson]), String::new(), FINE),
        Ok(lesson) => (page(&lesson, lang), String::new(), FINE),
        Err(error) => refused(&error, lang, color),
    }
}

/// `lesson schema`: the JSON Schema of `lesson.toml`.
pub fn schema() -> Output {
    (format::schema(), String::new(), FINE)
}

fn refused(error: &LibraryError, lang: Lang, color: bool) -> Output {
    let (text, code) = match error {
        LibraryError::Unknown { .. } => (error.explain(lang), USAGE),
        LibraryError::Invalid(found) => (render_all(found, lang, color), USAGE),
    };
    (String::new(), format!("{text}\n"), code)
}

/// The error number of what could not be written. `tempfile` wraps the kernel's own
/// error and keeps only its kind.
fn errno_of(error: &std::io::Error) -> Errno {
    use std::io::ErrorKind;
    let number = error.raw_os_error().or(match error.kind() {
        ErrorKind::NotFound => Some(libc::ENOENT),
        ErrorKind::PermissionDenied => Some(libc::EACCES),
        ErrorKind::NotADirectory => Some(libc::ENOTDIR),
        ErrorKind::ReadOnlyFilesystem => Some(libc::EROFS),
        ErrorKind::StorageFull => Some(libc::ENOSPC),
        ErrorKind::QuotaExceeded => Some(libc::EDQUOT),
        _ => None,
    });
    number.map_or_else(|| Errno::from(error), Errno)
}

fn texts(lesson: &Lesson, text: impl Fn(Lang) -> String) -> Texts {
    debug_assert_eq!(lesson.texts.len(), Lang::ALL.len());
    Texts { en: text(Lang::En), fr: text(Lang::Fr) }
}

fn document(lessons: &[Lesson]) -> String {
    let lessons = lessons
        .iter()
        .map(|lesson| Entry {
            id: lesson.id.clone(),
            number: lesson.number,
            part: lesson.part,
            title: texts(lesson, |lang| lesson.text(lang).title.clone()),
            summary: texts(lesson, |lang| lesson.text(lang).summary.clone()),
            needs: lesson.needs.clone(),
            tools: lesson.tools.clone(),
            points: lesson.points(),
            minutes: lesson.minutes,
            since: lesson.since.clone(),
            steps: lesson
                .steps
                .iter()
                .enumerate()
                .map(|(index, step)| StepEntry {
                    id: step.id.clone(),
                    title: texts(lesson, |lang| lesson.step_text(lang, index).title.clone()),
                    kind: kind(step),
                    points: step.points(),
                })
                .collect(),
        })
        .collect();
    let mut text = safe::json(&serde_json::to_string_pretty(&Document { lessons }).unwrap_or_default());
    text.push('\n');
    text
}

fn kind(step: &Step) -> Option<&'static str> {
    match (&step.predict, &step.task) {
        (Some(_), _) => Some("prediction"),
        (_, Some(_)) => Some("task"),
        _ => None,
    }
}

/// The names of what a lesson needs, as lessons write them.
fn needs(lesson: &Lesson) -> Vec<String> {
    let name = |need| serde_json::to_value(need).ok()?.as_str().map(str::to_owned);
    lesson.needs.iter().filter_map(name).collect()
}

fn table(lessons: &[Lesson], lang: Lang) -> String {
    if lessons.is_empty() {
        return say!(lang, "no lessons here\n", "aucune leçon ici\n");
    }
    let id_width = lessons.iter().map(|lesson| lesson.id.width()).max().unwrap_or_default();
    let title_width = lessons.iter().map(|lesson| lesson.text(lang).title.width()).max().unwrap_or_default();
    let mut out = String::new();
    for lesson in lessons {
        let title = &lesson.text(lang).title;
        let (points, minutes) = (lesson.points(), lesson.minutes);
        let score = say!(lang, "{points:>3} pts  {minutes:>3} min", "{points:>3} pts  {minutes:>3} min");
        let needs = needs(lesson).join(", ");
        let row = format!(
            "{:02}  {:?}  {}  {}  {score}  {needs}",
            lesson.number,
            lesson.part,
            padded(&lesson.id, id_width),
            padded(title, title_width)
        );
        let _ = writeln!(out, "{}", row.trim_end());
    }
    out
}

/// `1 pt`, `3 pts`: the same in both languages.
fn short_points(step: &Step) -> String {
    let points = step.points();
    if points == 1 { "1 pt".to_owned() } else { format!("{points} pts") }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn page(lesson: &Lesson, lang: Lang) -> String {
    let mut out = String::new();
    let text = lesson.text(lang);
    let (points, minutes) = (lesson.points(), lesson.minutes);
    let _ = writeln!(out, "{} · {}\n{}\n", lesson.id, text.title, text.summary);
    let _ = writeln!(
        out,
        "{}",
        say!(lang, "{points} points, about {minutes} minutes", "{points} points, environ {minutes} minutes")
    );
    if let Some(since) = &lesson.since {
        let _ = writeln!(out, "{}", say!(lang, "Linux {since} or later", "Linux {since} ou plus récent"));
    }
    let needs = needs(lesson).join(", ");
    if !needs.is_empty() {
        let _ = writeln!(out, "{}", say!(lang, "needs: {needs}", "demande : {needs}"));
    }
    let tools = lesson.tools.join(", ");
    if !tools.is_empty() {
        let _ = writeln!(out, "{}", say!(lang, "programs: {tools}", "programmes : {tools}"));
    }
    out.push('\n');
    for (index, step) in lesson.steps.iter().enumerate() {
        let what = match kind(step) {
            Some("prediction") => say!(lang, "  (prediction, {})", "  (prédiction, {})", short_points(step)),
            Some(_) => say!(lang, "  (task, {})", "  (exercice, {})", short_points(step)),
            None => String::new(),
        };
        let _ = writeln!(out, "{:>3}. {}{what}", index + 1, lesson.step_text(lang, index).title);
    }
    out
}

#[cfg(test)]
mod tests;
