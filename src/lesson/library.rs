//! The lessons there are: those built into the program, or those of a directory
//! (`--lessons DIR`). Only the list is read at first; a lesson is loaded when it
//! is asked for. Used by the composition root.

use std::fmt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::diagnostic::{Diagnostic, both, nearest_few, quoted, render_all};
use super::load::{Files, load_files};
use super::model::Lesson;
use super::source::Source;
use super::validate::split_folder;
use crate::i18n::{Explain, Lang};
use crate::say;

static EMBEDDED: Dir<'static> = include_dir!("$OUT_DIR/lessons");

/// In place of a lesson's name: every one. No lesson is called so.
pub const ALL: &str = "all";

/// Solutions and wrong answers, in one piece: of each a line with its path, one with its
/// length, and its text (`build.rs`).
static SOLUTIONS: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/solutions")).len()] =
    *include_bytes!(concat!(env!("OUT_DIR"), "/solutions"));

/// The bytes of the program that hold solutions, to be left out of copies of it that are
/// within reach of a student's commands.
pub fn solutions() -> &'static [u8] {
    &SOLUTIONS
}

/// The text of a solution or of wrong answers, by its path.
fn solution(path: &str) -> Option<&'static [u8]> {
    let mut rest = SOLUTIONS.as_slice();
    loop {
        let mut lines = rest.splitn(3, |byte| *byte == b'\n');
        let (name, length, after) = (lines.next()?, lines.next()?, lines.next()?);
        let (text, next) = after.split_at_checked(std::str::from_utf8(length).ok()?.parse().ok()?)?;
        if name == path.as_bytes() {
            return Some(text);
        }
        rest = next;
    }
}

/// The most folders that a library is looked for lessons in.
const MOST_FOLDERS: usize = 1000;

/// The most lessons that are named to somebody who asked for one that is not there.
const MOST_NEAR: usize = 3;

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
    /// There is no lesson of this name.
    Unknown {
        /// The name asked for.
        name: String,
        /// Those that are like it, the likest first, with their numbers.
        near: Vec<(u32, String)>,
        /// The first number and the last; nothing where there is no lesson at all.
        numbers: Option<(u32, u32)>,
    },
    /// The directory or the lesson's files are wrong.
    Invalid(Vec<Diagnostic>),
}

impl Explain for LibraryError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Unknown { name, near, numbers } => {
                let name = quoted(name);
                let mut text = say!(lang, "there is no lesson `{name}`", "il n'y a pas de leçon « {name} »");
                let near = near.iter().map(|(number, id)| say!(lang, "`{id}` ({number:02})", "« {id} » ({number:02})"));
                let near: Vec<String> = near.collect();
                if let Some((last, others)) = near.split_last() {
                    let list = match others {
                        [] => last.clone(),
                        others => say!(lang, "{} or {last}", "{} ou {last}", others.join(", ")),
                    };
                    text.push_str(&say!(lang, "; did you mean {list}?", " ; vouliez-vous dire {list} ?"));
                }
                if let Some((first, last)) = numbers {
                    text.push_str(&say!(
                        lang,
                        "\nA lesson is named by its id or its number, {first} to {last}; `cloison lesson list` has them all.",
                        "\nUne leçon se nomme par son identifiant ou son numéro, de {first} à {last} ; `cloison lesson list` les donne toutes."
                    ));
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

    /// Loads a lesson, by any name that [`Self::find`] knows.
    pub fn get(&self, name: &str) -> Result<Lesson, LibraryError> {
        load_files(&self.files(name)?).map_err(LibraryError::Invalid)
    }

    /// What a lesson is loaded from.
    pub fn files(&self, name: &str) -> Result<Files, LibraryError> {
        let entry = self.find(name)?;
        Files::gather(entry.folder.clone(), |file| self.read(entry, file)).map_err(LibraryError::Invalid)
    }

    /// Another file of a lesson's folder (`solution.toml`, `broken.toml`), where it
    /// has one.
    pub fn file(&self, id: &str, file: &str) -> Result<Option<Source>, LibraryError> {
        let entry = self.find(id)?;
        match &self.origin {
            Origin::Embedded => {
                let path = format!("{}/{file}", entry.folder);
                let source = |text: &[u8]| Source::from_bytes(format!("lessons/{path}"), text.to_vec());
                solution(&path).map(source).transpose().map_err(|one| LibraryError::Invalid(vec![one]))
            }
            Origin::Disk(directory) => Source::read_optional(&directory.join(&entry.folder).join(file))
                .map_err(|one| LibraryError::Invalid(vec![one])),
        }
    }

    /// The lesson of this name: its id (`pid`), its number with or without zeros (`9`,
    /// `09`), or its folder's name (`09-pid`).
    pub fn find(&self, name: &str) -> Result<&Listed, LibraryError> {
        // Not parse() alone, which takes a sign.
        let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let number = name.parse::<u32>().ok().filter(|_| digits);
        let is_meant = |entry: &&Listed| entry.id == name || entry.folder == name;
        let found = self.entries.iter().find(is_meant);
        found.or_else(|| self.entries.iter().find(|entry| Some(entry.number) == number)).ok_or_else(|| {
            let mut near = match number {
                Some(_) => Vec::new(),
                None => nearest_few(name, self.entries.iter().map(|entry| entry.id.as_str())),
            };
            near.truncate(MOST_NEAR);
            let numbered = |id: &str| self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.number);
            let near = near.into_iter().filter_map(|id| Some((numbered(id)?, id.to_owned()))).collect();
            let numbers = self.entries.first().zip(self.entries.last());
            let numbers = numbers.map(|(first, last)| (first.number, last.number));
            LibraryError::Unknown { name: name.to_owned(), near, numbers }
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
