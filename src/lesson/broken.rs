//! `broken.toml`: wrong answers to a lesson, each with the check that must fail
//! for it. Used by the tests of lessons and by `lesson lint`.

use std::collections::BTreeMap;
use std::ops::Range;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answers::{Answers, answers_fit, plain, tasks_fit};
use super::diagnostic::{Diagnostic, both, did_you_mean, quoted};
use super::format::{Placed, Word};
use super::load::{MOST, bounded};
use super::model::Lesson;
use super::shape;
use super::source::Source;

/// The name under which a prediction is judged.
pub const PREDICTION: &str = "prediction";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawBroken {
    /// The wrong answers.
    case: Vec<RawCase>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCase {
    /// What is wrong, in a few words.
    name: Word,
    /// The check that must fail, `step.check`.
    fails: Word,
    /// Choices, over the solution's.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    answers: IndexMap<Word, Word>,
    /// Commands: a task named here has these alone.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    tasks: IndexMap<Word, IndexMap<Word, Word>>,
}

/// Wrong answers, and what they must fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is wrong, in a few words.
    pub name: String,
    /// Where the file says what must fail, in bytes.
    pub place: Range<usize>,
    /// The step that must fail.
    pub step: String,
    /// The id of its check that must fail; `prediction` for a prediction.
    pub check: String,
    /// The solution with the case's answers over it. Of a task that the case
    /// names, nothing of the solution's commands is left.
    pub answers: Answers,
}

/// Reads the cases of a `broken.toml`, held against the lesson.
pub fn parse_broken(source: &Source, lesson: &Lesson, solution: &Answers) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let raw: RawBroken = shape::parse(source).map_err(|found| bounded(&source.name, found))?;
    let mut found = Vec::new();
    let mut cases = Vec::new();
    let mut names = Vec::new();
    for case in raw.case {
        if found.len() > MOST {
            break;
        }
        if names.contains(&case.name) {
            let shown = quoted(&case.name);
            found.push(
                source
                    .at(case.name.span(), both!("there is already a case `{shown}`", "il y a déjà un cas « {shown} »")),
            );
        }
        names.push(case.name.clone());
        answers_fit(source, &case.answers, lesson, &mut found);
        tasks_fit(source, &case.tasks, lesson, &mut found);
        let (target, place) = (target(source, &case.fails, lesson, &mut found), case.fails.span());
        let mut answers = solution.clone();
        answers.progress = None;
        answers.answers.extend(plain(case.answers));
        answers.turns.retain(|step, _| !case.tasks.keys().any(|one| one.as_str() == step));
        answers.tasks.extend(case.tasks.into_iter().map(|(step, shells)| (step.to_string(), plain(shells))));
        cases.extend(target.map(|(step, check)| Case { name: case.name.to_string(), place, step, check, answers }));
    }
    if found.is_empty() { Ok(cases) } else { Err(bounded(&source.name, found)) }
}

/// The step and the check of `step.check`.
fn target(
    source: &Source,
    fails: &Placed<String>,
    lesson: &Lesson,
    found: &mut Vec<Diagnostic>,
) -> Option<(String, String)> {
    let known: Vec<String> = lesson
        .steps
        .iter()
        .flat_map(|step| {
            let checks = step.task.iter().flat_map(|task| &task.checks).map(|check| check.id.as_str());
            let prediction = step.predict.iter().map(|_| PREDICTION);
            checks.chain(prediction).map(|check| format!("{}.{check}", step.id)).collect::<Vec<_>>()
        })
        .collect();
    if known.contains(&**fails)
        && let Some((step, check)) = fails.split_once('.')
    {
        return Some((step.to_owned(), check.to_owned()));
    }
    let shown = quoted(fails);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    found.push(
        source
            .at(
                fails.span(),
                both!("no check `{shown}` in this lesson", "cette leçon n'a pas de vérification « {shown} »"),
            )
            .help(did_you_mean(fails, &known)),
    );
    None
}
