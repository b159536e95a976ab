//! Loading a lesson: from a folder, or from files already in memory. Used by the
//! library, by `lesson lint` and by tests. Safe on folders from anybody.

use std::path::Path;

use super::diagnostic::{Diagnostic, both};
use super::model::Lesson;
use super::source::Source;
use super::validate;

/// The most mistakes that are reported at once.
pub(super) const MOST: usize = 50;

/// The files of a lesson, read.
#[derive(Debug, Clone)]
pub struct Files {
    /// The name of the folder, `05-pid`.
    pub folder: String,
    /// `lesson.toml`.
    pub lesson: Source,
    /// `en.md` and `fr.md`, in the order of [`crate::i18n::Lang::ALL`].
    pub texts: [Source; 2],
}

/// The names of the files that a lesson's folder may hold.
pub const FILES: [&str; 5] = ["lesson.toml", "en.md", "fr.md", "solution.toml", "broken.toml"];

impl Files {
    /// Reads the three files of a folder; says which of them can't be read.
    pub fn read(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(folder).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::gather(name, |file| Source::read(&folder.join(file)))
    }

    /// Takes the three files from wherever `read` finds them.
    pub fn gather(folder: String, read: impl Fn(&str) -> Result<Source, Diagnostic>) -> Result<Self, Vec<Diagnostic>> {
        match (read("lesson.toml"), read("en.md"), read("fr.md")) {
            (Ok(lesson), Ok(en), Ok(fr)) => Ok(Self { folder, lesson, texts: [en, fr] }),
            (lesson, en, fr) => Err([lesson, en, fr].into_iter().filter_map(Result::err).collect()),
        }
    }
}

/// Loads the lesson of a folder, or says all that is wrong with it.
pub fn load(folder: &Path) -> Result<Lesson, Vec<Diagnostic>> {
    load_files(&Files::read(folder)?)
}

/// Loads a lesson from files already read, or says all that is wrong with it:
/// the first 50 mistakes, and that there are more.
pub fn load_files(files: &Files) -> Result<Lesson, Vec<Diagnostic>> {
    validate::validate(files).map_err(|found| bounded(&files.lesson.name, found))
}

/// The first mistakes, and that there are more.
pub(super) fn bounded(file: &str, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if found.len() > MOST {
        found.truncate(MOST);
        found.push(Diagnostic::of_file(file, both!("and more mistakes", "et d'autres erreurs")));
    }
    found
}
