//! `cloison lesson list|show|lint|schema`: what there is to learn, and what is
//! wrong with a lesson in the making. Each gives what to print and the exit code;
//! prints nothing itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::i18n::{Explain, Lang};
use crate::lesson::answers::validate_answers;
use crate::lesson::broken::parse_broken;
use crate::lesson::diagnostic::{Diagnostic, both, printable, render_all};
use crate::lesson::library::{Library, LibraryError};
use crate::lesson::load::{FILES, Files, load_files};
use crate::lesson::model::{Lesson, Step};
use crate::lesson::source::Source;
use crate::lesson::{Values, format};
use crate::say;

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
    let mut text = serde_json::to_string_pretty(&Document { lessons }).unwrap_or_default();
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
            "{:?}  {}  {}  {score}  {needs}",
            lesson.part,
            padded(&lesson.id, id_width),
            padded(title, title_width)
        );
        let _ = writeln!(out, "{}", row.trim_end());
    }
    out
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
            Some("prediction") => say!(lang, "  (prediction, {} pts)", "  (prédiction, {} pts)", step.points()),
            Some(_) => say!(lang, "  (task, {} pts)", "  (exercice, {} pts)", step.points()),
            None => String::new(),
        };
        let _ = writeln!(out, "{:>3}. {}{what}", index + 1, lesson.step_text(lang, index).title);
    }
    out
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
                    self.judge(&entry.folder, Ok(lesson), solution, broken, Vec::new())
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
        self.judge(&name, lesson, solution, broken, found);
    }

    fn judge(
        &mut self,
        name: &str,
        lesson: Result<Lesson, Vec<Diagnostic>>,
        solution: Option<Source>,
        broken: Option<Source>,
        mut found: Vec<Diagnostic>,
    ) {
        match lesson {
            Ok(lesson) => found.extend(answers(name, &lesson, solution.as_ref(), broken.as_ref())),
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
fn unshared(source: &Source, lesson: &Lesson, solution: &crate::lesson::answers::Answers) -> Option<Diagnostic> {
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
