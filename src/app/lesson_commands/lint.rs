//! `cloison lesson lint`: everything that is wrong with lessons, their solutions
//! and their wrong answers, as far as the files alone can tell.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{FINE, Output, USAGE, WRONG, refused};
use crate::i18n::Lang;
use crate::lesson::Values;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::broken::parse_broken;
use crate::lesson::diagnostic::{Diagnostic, both, printable, render_all};
use crate::lesson::library::Library;
use crate::lesson::load::{FILES, Files, load_files};
use crate::lesson::model::Lesson;
use crate::lesson::source::Source;
use crate::say;

/// `lesson lint [DIR…]`: everything that is wrong with lessons. A DIR is a
/// lesson's folder or a directory of such; without any, the library's lessons.
/// Exit code 0 when nothing is wrong, 1 when something is, 2 when a DIR can't be
/// read or holds no lesson.
pub fn lint(directory: Option<&Path>, folders: &[PathBuf], lang: Lang, color: bool) -> Output {
    let mut linter = Linter { out: String::new(), errors: String::new(), code: FINE, lang, color };
    if folders.is_empty() {
        linter.library(directory);
    }
    for folder in folders {
        if folder.join(FILES[0]).symlink_metadata().is_ok() {
            linter.folder(folder);
        } else {
            linter.library(Some(folder));
        }
    }
    (linter.out, linter.errors, linter.code)
}

struct Linter {
    out: String,
    errors: String,
    code: u8,
    lang: Lang,
    color: bool,
}

impl Linter {
    fn wrong(&mut self, found: &[Diagnostic], code: u8) {
        self.errors.push_str(&render_all(found, self.lang, self.color));
        self.errors.push_str("\n\n");
        self.code = self.code.max(code);
    }

    fn library(&mut self, directory: Option<&Path>) {
        let library = match Library::open(directory) {
            Ok(library) => library,
            Err(error) => {
                self.errors.push_str(&refused(&error, self.lang, self.color).1);
                self.code = USAGE;
                return;
            }
        };
        if library.list().is_empty() {
            let name = directory.unwrap_or(Path::new("lessons")).display().to_string();
            let nothing = Diagnostic::of_file(&name, both!("no lessons here", "aucune leçon ici")).help(both!(
                "lessons are in folders named NN-id, with a lesson.toml",
                "les leçons sont dans des dossiers nommés NN-id, avec un lesson.toml"
            ));
            self.wrong(&[nothing], USAGE);
        }
        for entry in library.list() {
            if let Some(directory) = directory {
                self.folder(&directory.join(&entry.folder));
                continue;
            }
            let lesson = library.get(&entry.id);
            let others = library
                .file(&entry.id, "solution.toml")
                .and_then(|solution| Ok((solution, library.file(&entry.id, "broken.toml")?)));
            match (lesson, others) {
                (Ok(lesson), Ok((solution, broken))) => {
                    self.judge(&entry.folder, Ok(lesson), solution.as_ref(), broken.as_ref(), Vec::new());
                }
                (Err(error), _) | (_, Err(error)) => {
                    self.errors.push_str(&refused(&error, self.lang, self.color).1);
                    self.code = self.code.max(WRONG);
                }
            }
        }
    }

    fn folder(&mut self, folder: &Path) {
        let name = folder.display().to_string();
        let mut found = stray(folder);
        let mut other = |file: &str| match Source::read_optional(&folder.join(file)) {
            Ok(source) => source,
            Err(one) => {
                found.push(one);
                None
            }
        };
        let (solution, broken) = (other("solution.toml"), other("broken.toml"));
        let lesson = Files::read(folder).and_then(|files| load_files(&files));
        self.judge(&name, lesson, solution.as_ref(), broken.as_ref(), found);
    }

    fn judge(
        &mut self,
        name: &str,
        lesson: Result<Lesson, Vec<Diagnostic>>,
        solution: Option<&Source>,
        broken: Option<&Source>,
        mut found: Vec<Diagnostic>,
    ) {
        match lesson {
            Ok(lesson) => found.extend(answers(name, &lesson, solution, broken)),
            Err(more) => found.splice(0..0, more).for_each(drop),
        }
        if found.is_empty() {
            let name = printable(name);
            let _ = writeln!(
                self.out,
                "{}",
                say!(self.lang, "{name}: nothing to find fault with", "{name} : rien à redire")
            );
        } else {
            self.wrong(&found, WRONG);
        }
    }
}

/// What is wrong with a lesson's solution and wrong answers.
fn answers(name: &str, lesson: &Lesson, solution: Option<&Source>, broken: Option<&Source>) -> Vec<Diagnostic> {
    let Some(source) = solution else {
        return vec![Diagnostic::of_file(name, both!("no solution.toml", "il manque solution.toml")).help(both!(
            "an answers file that gets full marks: it proves that the lesson can be passed",
            "un fichier de réponses qui obtient tous les points : il prouve que la leçon est faisable"
        ))];
    };
    let solution = match validate_answers(source, lesson) {
        Ok(solution) => solution,
        Err(found) => return found,
    };
    let mut found = Vec::new();
    for step in &lesson.steps {
        let id = &step.id;
        let answered = solution.answers.contains_key(id) || step.predict.is_none();
        let done = solution.tasks.get(id).is_some_and(|shells| !shells.is_empty()) || step.task.is_none();
        if !(answered && done) {
            found.push(Diagnostic::of_file(
                &source.name,
                both!("nothing on the step `{id}`", "rien sur l'étape « {id} »"),
            ));
        }
    }
    found.extend(unshared(source, lesson, &solution));
    if let Some(broken) = broken
        && let Err(more) = parse_broken(broken, lesson, &solution)
    {
        found.extend(more);
    }
    found
}

/// A solution holds its own student's values: one written for another student
/// can't pass.
fn unshared(source: &Source, lesson: &Lesson, solution: &Answers) -> Option<Diagnostic> {
    let values = Values::new(lesson, &solution.student);
    let typed: Vec<&str> = solution.tasks.values().flat_map(|shells| shells.values()).map(String::as_str).collect();
    if typed.is_empty() || values.iter().any(|(_, value)| typed.iter().any(|commands| commands.contains(value))) {
        return None;
    }
    let list: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let (student, list) = (printable(&solution.student), list.join(", "));
    let used = lesson.steps.iter().filter_map(|step| step.task.as_ref()).flat_map(|task| &task.checks).any(|check| {
        let filled = check.with_values(&values);
        filled.is != check.is || filled.at != check.at
    });
    used.then(|| {
        Diagnostic::of_file(
            &source.name,
            both!(
                "the commands do not use the values of the student `{student}`",
                "les commandes n'emploient pas les valeurs de l'étudiant « {student} »"
            ),
        )
        .help(both!("they are: {list}", "ce sont : {list}"))
    })
}

/// Files of a folder that belong to no lesson.
fn stray(folder: &Path) -> Vec<Diagnostic> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .take(1000)
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !FILES.contains(&name.as_str()))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let list = FILES.join(", ");
            Diagnostic::of_file(
                &folder.join(name).display().to_string(),
                both!("a file that no lesson has", "un fichier qui n'a pas sa place dans une leçon"),
            )
            .help(both!("a lesson consists of {list}", "une leçon se compose de {list}"))
        })
        .collect()
}
