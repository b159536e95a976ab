//! `cloison lesson new`: a small lesson that is complete, to be changed into another.
//! Written whole or not at all, and never over something.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{FINE, Output, errno_of, refused};
use crate::i18n::{Explain as _, Lang};
use crate::lesson::diagnostic::{Diagnostic, both, quoted};
use crate::lesson::library::{ALL, Library, LibraryError};
use crate::lesson::load::{FILES, Files, load_files};
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Values, is_id};
use crate::say;

/// The files of the lesson that is written, in the order of [`FILES`]. `@ID@` is its id,
/// `@NAME@` the value of the seed `name` for the solution's student.
const TEMPLATES: [&str; 5] = [
    include_str!("../../../assets/lesson/lesson.toml"),
    include_str!("../../../assets/lesson/en.md"),
    include_str!("../../../assets/lesson/fr.md"),
    include_str!("../../../assets/lesson/solution.toml"),
    include_str!("../../../assets/lesson/broken.toml"),
];
/// The student of the solution.
const STUDENT: &str = "ana";
/// The last number that a folder can have.
const LAST: u32 = 9999;

/// `lesson new ID`: writes the folder NN-ID, with the next free number, below
/// `directory`, which is made where only its last part is missing. Exit code 2 where
/// that can't be.
pub fn new(id: &str, directory: &Path, lang: Lang, color: bool) -> Output {
    match write(id, directory) {
        Ok(folder) => (account(id, directory, &folder, lang), String::new(), FINE),
        Err(found) => refused(&LibraryError::Invalid(vec![found]), lang, color),
    }
}

/// What was written, and what to do with it.
fn account(id: &str, directory: &Path, folder: &Path, lang: Lang) -> String {
    let (list, folder, directory) = (FILES.join(", "), shell_word(folder), shell_word(directory));
    say!(
        lang,
        "{folder}: a small lesson that is complete ({list}). Make it yours:\n\n  cloison lesson lint {folder}\n  cloison --lessons {directory} learn {id} --watch\n  cloison --lessons {directory} lesson handout {id}\n",
        "{folder} : une petite leçon complète ({list}). Faites-en la vôtre :\n\n  cloison lesson lint {folder}\n  cloison --lessons {directory} learn {id} --watch\n  cloison --lessons {directory} lesson handout {id}\n"
    )
}

/// A path as it is typed in a shell.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    if text.chars().all(plain) && !text.is_empty() {
        text
    } else {
        quoted(&format!("'{}'", text.replace('\'', r"'\''")))
    }
}

fn write(id: &str, directory: &Path) -> Result<PathBuf, Diagnostic> {
    if !is_id(id) {
        let shown = quoted(id);
        return Err(Diagnostic::of_file(
            &directory.display().to_string(),
            both!("`{shown}` is not a valid id", "« {shown} » n'est pas un identifiant valable"),
        )
        .help(both!(
            "a small letter, then small letters, digits and hyphens, 40 at most",
            "une minuscule sans accent, puis minuscules, chiffres et traits d'union, 40 au plus"
        )));
    }
    if id == ALL {
        let here = directory.display().to_string();
        return Err(Diagnostic::of_file(
            &here,
            both!("`{ALL}` is not a lesson's name", "« {ALL} » n'est pas un nom de leçon"),
        )
        .help(both!("to the commands it means every lesson", "pour les commandes, il désigne toutes les leçons")));
    }
    let made = !directory.exists();
    if made {
        std::fs::create_dir(directory).map_err(|error| failed(directory, &error))?;
    }
    let written = write_in(id, directory);
    if made && written.is_err() {
        // Only what is empty goes.
        let _ = std::fs::remove_dir(directory);
    }
    written
}

fn write_in(id: &str, directory: &Path) -> Result<PathBuf, Diagnostic> {
    let library = Library::open(Some(directory)).map_err(|error| match error {
        LibraryError::Invalid(mut found) if !found.is_empty() => found.remove(0),
        other => Diagnostic::of_file(&directory.display().to_string(), both!("{other}", "{other}")),
    })?;
    if let Some(there) = library.list().iter().find(|listed| listed.id == id) {
        let there = directory.join(&there.folder).display().to_string();
        return Err(Diagnostic::of_file(
            &there,
            both!("there is already a lesson `{id}`", "il y a déjà une leçon « {id} »"),
        )
        .help(both!("choose another id", "choisissez un autre identifiant")));
    }
    let number = library.list().iter().map(|listed| listed.number).max().unwrap_or_default() + 1;
    if number > LAST {
        let title = both!("no number is left after {LAST}", "il ne reste plus de numéro après {LAST}");
        return Err(Diagnostic::of_file(&directory.display().to_string(), title));
    }
    let folder = directory.join(format!("{number:02}-{id}"));
    let texts = texts(id, number)?;
    // Written beside; what is at the place by then stays as it is.
    let beside = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(directory)
        .map_err(|error| failed(directory, &error))?;
    for (name, text) in FILES.iter().zip(&texts) {
        let path = beside.path().join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))?;
    }
    // An empty directory of that name is taken first, which fails where anything is.
    std::fs::create_dir(&folder).map_err(|error| failed(&folder, &error))?;
    if let Err(error) = std::fs::rename(beside.path(), &folder) {
        let _ = std::fs::remove_dir(&folder);
        return Err(failed(&folder, &error));
    }
    // It has gone to its place: there is nothing left to remove.
    let _ = beside.keep();
    Ok(folder)
}

/// The five files, filled in.
fn texts(id: &str, number: u32) -> Result<[String; 5], Diagnostic> {
    let named = TEMPLATES.map(|text| text.replace("@ID@", id));
    let lesson = loaded(id, number, &named)?;
    let values = Values::new(&lesson, STUDENT);
    let name = values.get("name").unwrap_or_default();
    Ok(named.map(|text| text.replace("@NAME@", name)))
}

/// The lesson of these files: it has the recipes of its values.
fn loaded(id: &str, number: u32, texts: &[String; 5]) -> Result<Lesson, Diagnostic> {
    let source = |at: usize| Source::new(FILES[at], texts[at].clone());
    let files = Files { folder: format!("{number:02}-{id}"), lesson: source(0), texts: [source(1), source(2)] };
    load_files(&files).map_err(|mut found| found.remove(0))
}

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    let errno = errno_of(error);
    let words = Lang::ALL.map(|lang| errno.explain(lang));
    let [en, fr] = words;
    Diagnostic::of_file(&path.display().to_string(), both!("failed to write: {en}", "écriture impossible : {fr}"))
}
