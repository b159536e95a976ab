//! `cloison lesson handout`: lessons for print. What is on paper is made once
//! (`sheet`) and written in two forms. Nothing is run, so what a lesson shows live is a
//! blank to fill in.

mod html;
mod markdown;
mod sheet;

use std::path::Path;

use super::{FINE, Output, USAGE, errno_of, refused};
use crate::app::whole;
use crate::i18n::{Explain as _, Lang};
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::diagnostic::{Diagnostic, both, printable};
use crate::lesson::library::{ALL, Library, LibraryError};
use crate::lesson::{Lesson, Values};
use crate::say;

/// What to print.
#[derive(Debug)]
pub struct Request<'a> {
    /// Lessons from here, or those built in.
    pub directory: Option<&'a Path>,
    /// A lesson's id or number, or `all`.
    pub lesson: &'a str,
    /// Whether as HTML; by the file's name where not said, else Markdown.
    pub html: Option<bool>,
    /// Whether answers, explanations, hints and the solution's commands are at the end.
    pub solutions: bool,
    /// The file; standard output without.
    pub output: Option<&'a Path>,
    /// Its language.
    pub lang: Lang,
    /// Whether messages have colours.
    pub color: bool,
}

/// `lesson handout LESSON|all`. Exit code 2 where there is no such lesson, one is
/// wrong, or the file can't be written.
pub fn handout(request: &Request) -> Output {
    let lang = request.lang;
    let sheets = match sheets(request) {
        Ok(sheets) => sheets,
        Err(error) => return refused(&error, lang, request.color),
    };
    let named = request.output.and_then(Path::extension).is_some_and(|end| end == "html" || end == "htm");
    let text = if request.html.unwrap_or(named) { html::page(&sheets, lang) } else { markdown::text(&sheets, lang) };
    let Some(path) = request.output else { return (text, String::new(), FINE) };
    let shown = printable(&path.display().to_string());
    match write(path, &text) {
        Ok(()) => {
            let count = sheets.len();
            let lessons = if count == 1 { lang.pick("lesson", "leçon") } else { lang.pick("lessons", "leçons") };
            (say!(lang, "{shown}: {count} {lessons}\n", "{shown} : {count} {lessons}\n"), String::new(), FINE)
        }
        Err(error) => {
            let errno = errno_of(&error).explain(lang);
            let text = say!(lang, "{shown}: failed to write: {errno}\n", "{shown} : écriture impossible : {errno}\n");
            (String::new(), text, USAGE)
        }
    }
}

fn sheets(request: &Request) -> Result<Vec<sheet::Sheet>, LibraryError> {
    let library = Library::open(request.directory)?;
    let wanted = match request.lesson {
        ALL if !library.list().is_empty() => library.list().iter().map(|listed| listed.id.clone()).collect(),
        name => vec![library.find(name)?.id.clone()],
    };
    let one = |id: &String| {
        let lesson = library.get(id)?;
        let solution = if request.solutions { Some(solution(&library, &lesson)?) } else { None };
        Ok(sheet::Sheet::of(&lesson, solution.as_ref(), request.lang))
    };
    wanted.iter().map(one).collect()
}

/// A lesson's solution, with the values of its student.
fn solution(library: &Library, lesson: &Lesson) -> Result<(Answers, Values), LibraryError> {
    let missing = || {
        let name = library.find(&lesson.id).map_or_else(|_| lesson.id.clone(), |listed| listed.folder.clone());
        LibraryError::Invalid(vec![Diagnostic::of_file(&name, both!("no solution.toml", "il manque solution.toml"))])
    };
    let source = library.file(&lesson.id, "solution.toml")?.ok_or_else(missing)?;
    let answers = validate_answers(&source, lesson).map_err(LibraryError::Invalid)?;
    let values = Values::new(lesson, &answers.student);
    Ok((answers, values))
}

/// Writes a file whole or not at all. What is there and no regular file stays (EEXIST).
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok_and(|data| !data.is_file()) {
        return Err(std::io::Error::from_raw_os_error(libc::EEXIST));
    }
    whole::write(path, text.as_bytes())
}

#[cfg(test)]
mod tests;
