//! Reading an answers file, and holding it against its lesson.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Progress};
use crate::lesson::diagnostic::{Both, Diagnostic, both, did_you_mean, quoted};
use crate::lesson::format::{Placed, Word};
use crate::lesson::library::{Library, LibraryError};
use crate::lesson::load::{MOST, bounded};
use crate::lesson::model::{Lesson, Step, Task};
use crate::lesson::shape;
use crate::lesson::source::Source;

/// An answers file, exactly as written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawAnswers {
    /// The version of this format: 1.
    format: Placed<u32>,
    /// The lesson's id.
    lesson: Word,
    /// Who.
    #[serde(default)]
    student: String,
    /// The choices made.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    answers: IndexMap<Word, Word>,
    /// The commands typed.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    tasks: IndexMap<Word, IndexMap<Word, Word>>,
    /// Whose lines come when, where a task was done in several shells by turns.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    turns: IndexMap<Word, Vec<Word>>,
    /// Written by a session.
    progress: Option<RawProgress>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawProgress {
    /// The step it is at.
    #[serde(default)]
    step: String,
    /// The tasks passed.
    #[serde(default)]
    passed: Vec<String>,
    /// The points so far.
    #[serde(default)]
    points: u32,
    /// Whether the lesson was finished.
    #[serde(default)]
    finished: bool,
    /// How many hints were opened, by step.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, u32>")]
    hints: IndexMap<String, u32>,
    /// Which lines failed, by step and shell.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Vec<u32>>>")]
    failed: IndexMap<String, IndexMap<String, Vec<u32>>>,
}

/// Reads an answers file, of at most 1 MiB. What it says is not held against any
/// lesson yet.
pub fn load_answers(path: &Path) -> Result<Answers, Vec<Diagnostic>> {
    parse_answers(&Source::read(path).map_err(|one| vec![one])?)
}

/// As [`load_answers`], from a text.
pub fn parse_answers(source: &Source) -> Result<Answers, Vec<Diagnostic>> {
    raw(source).map(RawAnswers::into_answers)
}

/// Reads answers and holds them against their lesson: it must be the lesson, the
/// steps, choices and shells must be there. Gives every mistake at its place.
/// Progress is not looked at: it is only where a session resumes.
pub fn validate_answers(source: &Source, lesson: &Lesson) -> Result<Answers, Vec<Diagnostic>> {
    let raw = raw(source)?;
    let mut found = Vec::new();
    if *raw.lesson.as_str() != *lesson.id {
        let (theirs, ours) = (quoted(&raw.lesson), &lesson.id);
        found.push(source.at(
            raw.lesson.span(),
            both!(
                "answers to the lesson `{theirs}`, not to `{ours}`",
                "des réponses à la leçon « {theirs} », et non à « {ours} »"
            ),
        ));
        return Err(found);
    }
    answers_fit(source, &raw.answers, lesson, &mut found);
    tasks_fit(source, &raw.tasks, lesson, &mut found);
    turns_fit(source, &raw.turns, lesson, &mut found);
    if found.is_empty() { Ok(raw.into_answers()) } else { Err(bounded(&source.name, found)) }
}

/// All that is wrong with an answers file: its form, its lesson, what it says of it, and
/// that it names nobody though the lesson has values of one's own.
pub fn lint_answers(source: &Source, library: &Library) -> Result<Answers, Vec<Diagnostic>> {
    let named = raw(source)?;
    let lesson = match library.get(&named.lesson) {
        Ok(lesson) => lesson,
        Err(LibraryError::Invalid(found)) => return Err(found),
        Err(LibraryError::Unknown { .. }) => {
            let shown = quoted(&named.lesson);
            let known: Vec<&str> = library.list().iter().map(|listed| listed.id.as_str()).collect();
            let title = both!("there is no lesson `{shown}`", "il n'y a pas de leçon « {shown} »");
            return Err(vec![source.at(named.lesson.span(), title).help(did_you_mean(&named.lesson, &known))]);
        }
    };
    let read = validate_answers(source, &lesson);
    if !named.student.is_empty() || lesson.seeds.is_empty() {
        return read;
    }
    let nameless = both!(
        "no student is named, and values of one's own come from the name",
        "aucun étudiant n'est nommé, et les valeurs de chacun viennent du nom"
    );
    let mut found = read.err().unwrap_or_default();
    found.push(
        Diagnostic::of_file(&source.name, nameless)
            .help(both!("write student = \"NAME\" below the lesson", "écrivez student = \"NOM\" sous la leçon")),
    );
    Err(found)
}

fn raw(source: &Source) -> Result<RawAnswers, Vec<Diagnostic>> {
    let raw: RawAnswers = shape::parse(source).map_err(|found| bounded(&source.name, found))?;
    if *raw.format == 1 {
        return Ok(raw);
    }
    let version = *raw.format;
    Err(vec![
        source
            .at(raw.format.span(), both!("format {version} is not known", "le format {version} est inconnu"))
            .help(both!("this program reads format 1", "ce programme lit le format 1")),
    ])
}

/// Holds `[answers]` against a lesson.
pub(in crate::lesson) fn answers_fit(
    source: &Source,
    answers: &IndexMap<Word, Word>,
    lesson: &Lesson,
    found: &mut Vec<Diagnostic>,
) {
    for (step, choice) in answers {
        if found.len() > MOST {
            return;
        }
        let Some(predict) = known_step(source, step, lesson, |step| step.predict.is_some(), found)
            .and_then(|step| step.predict.as_ref())
        else {
            continue;
        };
        if !predict.choices.contains(choice) {
            let shown = quoted(choice);
            let known: Vec<&str> = predict.choices.iter().map(String::as_str).collect();
            found.push(
                source
                    .at(
                        choice.span(),
                        both!("no choice `{shown}` in this step", "cette étape n'a pas de choix « {shown} »"),
                    )
                    .help(did_you_mean(choice, &known)),
            );
        }
    }
}

/// Holds `[tasks]` against a lesson.
pub(in crate::lesson) fn tasks_fit(
    source: &Source,
    tasks: &IndexMap<Word, IndexMap<Word, Word>>,
    lesson: &Lesson,
    found: &mut Vec<Diagnostic>,
) {
    for (step, shells) in tasks {
        if found.len() > MOST {
            return;
        }
        let Some(task) =
            known_step(source, step, lesson, |step| step.task.is_some(), found).and_then(|step| step.task.as_ref())
        else {
            continue;
        };
        known_shells(source, shells.keys(), task, found);
    }
}

/// Holds `[turns]` against a lesson; whether they fit the lines is no matter of right or
/// wrong: who edits the commands by hand need not count.
fn turns_fit(source: &Source, turns: &IndexMap<Word, Vec<Word>>, lesson: &Lesson, found: &mut Vec<Diagnostic>) {
    for (step, shells) in turns {
        if found.len() > MOST {
            return;
        }
        let task = known_step(source, step, lesson, |step| step.task.is_some(), found);
        if let Some(task) = task.and_then(|step| step.task.as_ref()) {
            known_shells(source, shells.iter(), task, found);
        }
    }
}

/// Shells that a task does not have are mistakes.
fn known_shells<'a>(source: &Source, shells: impl Iterator<Item = &'a Word>, task: &Task, found: &mut Vec<Diagnostic>) {
    for shell in shells.filter(|shell| !task.shells.contains(shell)).take(MOST) {
        let shown = quoted(shell);
        let known: Vec<&str> = task.shells.iter().map(String::as_str).collect();
        found.push(
            source
                .at(shell.span(), both!("no shell `{shown}` in this task", "cet exercice n'a pas de shell « {shown} »"))
                .help(did_you_mean(shell, &known)),
        );
    }
}

/// The step named, if it is there and has what is answered; else a mistake.
fn known_step<'a>(
    source: &Source,
    name: &Word,
    lesson: &'a Lesson,
    fits: impl Fn(&Step) -> bool,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a Step> {
    let step = lesson.steps.iter().find(|step| step.id == **name);
    if let Some(step) = step.filter(|step| fits(step)) {
        return Some(step);
    }
    let shown = quoted(name);
    let known: Vec<&str> = lesson.steps.iter().filter(|step| fits(step)).map(|step| step.id.as_str()).collect();
    let title: Both = if step.is_some() {
        both!(
            "nothing of this kind to answer in the step `{shown}`",
            "rien de ce genre à répondre à l'étape « {shown} »"
        )
    } else {
        both!("no step `{shown}` in this lesson", "cette leçon n'a pas d'étape « {shown} »")
    };
    found.push(source.at(name.span(), title).help(did_you_mean(name, &known)));
    None
}

/// Without places.
pub(in crate::lesson) fn plain(words: IndexMap<Word, Word>) -> IndexMap<String, String> {
    words.into_iter().map(|(name, word)| (name.to_string(), word.to_string())).collect()
}

impl RawAnswers {
    fn into_answers(self) -> Answers {
        Answers {
            lesson: self.lesson.to_string(),
            student: self.student,
            answers: plain(self.answers),
            tasks: self.tasks.into_iter().map(|(step, shells)| (step.to_string(), plain(shells))).collect(),
            turns: self
                .turns
                .into_iter()
                .map(|(step, shells)| (step.to_string(), shells.iter().map(|shell| (**shell).clone()).collect()))
                .collect(),
            progress: self.progress.map(|raw| Progress {
                step: raw.step,
                passed: raw.passed,
                hints: raw.hints,
                failed: raw.failed,
                points: raw.points,
                finished: raw.finished,
            }),
        }
    }
}
