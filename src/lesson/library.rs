//! The lessons there are: those built into the program, or those of a directory
//! (`--lessons DIR`). Only the list is read at first; a lesson is loaded when it
//! is asked for. Used by the composition root.

use std::fmt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::diagnostic::{Diagnostic, both, nearest, quoted, render_all};
use super::load::{Files, load_files};
use super::model::Lesson;
use super::source::Source;
use super::validate::split_folder;
use crate::i18n::{Explain, Lang};
use crate::say;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The most folders that a library is looked for lessons in.
const MOST_FOLDERS: usize = 1000;

/// Lessons, by number.
#[derive(Debug, Clone)]
pub struct Library {
    origin: Origin,
    entries: Vec<Listed>,
}

#[derive(Debug, Clone)]
enum Origin {
    Embedded,
    Disk(PathBuf),
}

/// A lesson that is there, not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number: the order of the list.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// Its folder's name, `05-pid`.
    pub folder: String,
}

/// Why a library or a lesson is not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LibraryError {
    /// There is no lesson of this id.
    Unknown {
        /// The id asked for.
        id: String,
        /// One that is like it.
        suggestion: Option<String>,
        /// All there are.
        known: Vec<String>,
    },
    /// The directory or the lesson's files are wrong.
    Invalid(Vec<Diagnostic>),
}

impl Explain for LibraryError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Unknown { id, suggestion, known } => {
                let id = quoted(id);
                let list = known.join(", ");
                let mut text = say!(lang, "there is no lesson `{id}`", "il n'y a pas de leçon « {id} »");
                if let Some(near) = suggestion {
                    text.push_str(&say!(lang, "; did you mean `{near}`?", " ; vouliez-vous dire « {near} » ?"));
                }
                if !known.is_empty() {
                    text.push_str(&say!(lang, "\nlessons: {list}", "\nleçons : {list}"));
                }
                text
            }
            Self::Invalid(diagnostics) => render_all(diagnostics, lang, false),
        }
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Lang::En))
    }
}

impl std::error::Error for LibraryError {}

impl Library {
    /// The lessons of a directory with folders NN-id, or those built in.
    pub fn open(directory: Option<&Path>) -> Result<Self, LibraryError> {
        let Some(directory) = directory else { return Ok(Self::embedded()) };
        let name = directory.display().to_string();
        let refuse = |error: std::io::Error| {
            LibraryError::Invalid(vec![Diagnostic::of_file(
                &name,
                both!("failed to list the lessons: {error}", "impossible de lister les leçons : {error}"),
            )])
        };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(refuse)?.take(MOST_FOLDERS) {
            let entry = entry.map_err(refuse)?;
            // file_type() does not follow links: a link is no lesson.
            if entry.file_type().map_err(refuse)?.is_dir() {
                folders.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Self::of(Origin::Disk(directory.to_path_buf()), folders, &name)
    }

    /// The lessons built into the program.
    fn embedded() -> Self {
        let folders =
            EMBEDDED.dirs().filter_map(|dir| dir.path().file_name()).map(|name| name.to_string_lossy().into_owned());
        Self::of(Origin::Embedded, folders.collect(), "lessons")
            .unwrap_or(Self { origin: Origin::Embedded, entries: Vec::new() })
    }

    fn of(origin: Origin, folders: Vec<String>, name: &str) -> Result<Self, LibraryError> {
        let mut entries: Vec<Listed> = folders
            .into_iter()
            .filter_map(|folder| {
                let (number, id) = split_folder(&folder)?;
                Some(Listed { number, id: id.to_owned(), folder: folder.clone() })
            })
            .collect();
        entries.sort_by(|one, other| (one.number, &one.id).cmp(&(other.number, &other.id)));
        for (index, entry) in entries.iter().enumerate() {
            if let Some(double) = entries[..index].iter().find(|earlier| earlier.id == entry.id) {
                let (one, other) = (&double.folder, &entry.folder);
                return Err(LibraryError::Invalid(vec![Diagnostic::of_file(
                    name,
                    both!(
                        "`{one}` and `{other}` are the same lesson twice",
                        "« {one} » et « {other} » sont deux fois la même leçon"
                    ),
                )]));
            }
        }
        Ok(Self { origin, entries })
    }

    /// The lessons there are, by number; none is loaded for it.
    pub fn list(&self) -> &[Listed] {
        &self.entries
    }

    /// Loads a lesson.
    pub fn get(&self, id: &str) -> Result<Lesson, LibraryError> {
        let entry = self.find(id)?;
        let files =
            Files::gather(entry.folder.clone(), |file| self.read(entry, file)).map_err(LibraryError::Invalid)?;
        load_files(&files).map_err(LibraryError::Invalid)
    }

    /// Another file of a lesson's folder (`solution.toml`, `broken.toml`), where it
    /// has one.
    pub fn file(&self, id: &str, file: &str) -> Result<Option<Source>, LibraryError> {
        let entry = self.find(id)?;
        match &self.origin {
            Origin::Embedded if EMBEDDED.get_file(format!("{}/{file}", entry.folder)).is_none() => Ok(None),
            Origin::Embedded => self.read(entry, file).map(Some).map_err(|one| LibraryError::Invalid(vec![one])),
            Origin::Disk(directory) => Source::read_optional(&directory.join(&entry.folder).join(file))
                .map_err(|one| LibraryError::Invalid(vec![one])),
        }
    }

    fn find(&self, id: &str) -> Result<&Listed, LibraryError> {
        self.entries.iter().find(|entry| entry.id == id).ok_or_else(|| {
            let known: Vec<String> = self.entries.iter().map(|entry| entry.id.clone()).collect();
            let suggestion = nearest(id, known.iter().map(String::as_str)).map(str::to_owned);
            LibraryError::Unknown { id: id.to_owned(), suggestion, known }
        })
    }

    fn read(&self, entry: &Listed, file: &str) -> Result<Source, Diagnostic> {
        match &self.origin {
            Origin::Disk(directory) => Source::read(&directory.join(&entry.folder).join(file)),
            Origin::Embedded => {
                let path = format!("{}/{file}", entry.folder);
                match EMBEDDED.get_file(&path) {
                    Some(found) => Source::from_bytes(format!("lessons/{path}"), found.contents().to_vec()),
                    None => Err(Diagnostic::of_file(&path, both!("no such file", "ce fichier n'existe pas"))),
                }
            }
        }
    }
}
