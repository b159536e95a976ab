//! A report as JSON, for scripts. The shape is stable: keys are added, never
//! renamed or removed, as long as `format` is 1. Its JSON Schema is
//! `assets/report.schema.json`, printed by `cloison report schema`.
//!
//! ```json
//! { "format": 1, "language": "en", "passed": true, "points": 4, "out_of": 4,
//!   "lessons": [
//!     { "lesson": "uts", "title": "…", "student": "ana", "passed": true, "points": 4, "out_of": 4,
//!       "millis": 412, "cannot": null,
//!       "steps": [ { "step": "rename", "points": 3, "out_of": 3, "millis": 95 } ],
//!       "verdicts": [ { "step": "rename", "check": "renamed", "state": "pass", "label": "…",
//!                       "expected": "…", "found": "…", "help": "", "after": null } ] } ] }
//! ```
//! `state` is `pass`, `fail`, `skip` or `error`. A lesson that this machine can't run
//! says why in `cannot`: it has no verdicts and no points to lose, is not passed, and
//! weighs on no sum. Texts are in the language asked for; in texts, what could act on a
//! terminal is replaced by a printable sign.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::check::verdict::StepScore;
use crate::check::{LessonReport, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;

use super::printable_lines;

/// What a grader says about a student's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The version of this form: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// The language of the texts.
    pub language: Lang,
    /// Whether every lesson that was run gave all its points; where none was, false.
    pub passed: bool,
    /// Points earned, of all lessons that were run.
    pub points: u32,
    /// Points to earn, of all lessons that were run.
    pub out_of: u32,
    /// Per lesson, in the order asked for.
    pub lessons: Vec<Entry>,
}

/// One lesson of a [`Document`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The lesson's id.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// Whose answers.
    pub student: String,
    /// Whether it was run and gave all its points.
    pub passed: bool,
    /// Points earned.
    pub points: u32,
    /// Points to earn; none where it could not be run.
    pub out_of: u32,
    /// How long grading it took, in milliseconds.
    pub millis: u64,
    /// Why this machine can't run it; nothing where it can.
    pub cannot: Option<String>,
    /// Per step that gives points.
    pub steps: Vec<StepScore>,
    /// Per check and prediction, in order.
    pub verdicts: Vec<Verdict>,
}

/// The reports as one JSON document, indented, with a newline at the end.
/// `passed` is whether every lesson was that was run; where none was, false. `lang` is
/// the language that the reports are in.
pub fn json(reports: &[LessonReport], lang: Lang) -> String {
    let run = reports.iter().filter(|report| report.cannot.is_none());
    text_of(&Document {
        format: 1,
        language: lang,
        passed: run.clone().next().is_some() && run.clone().all(LessonReport::passed),
        points: reports.iter().map(|report| report.points).sum(),
        out_of: reports.iter().map(|report| report.out_of).sum(),
        lessons: reports.iter().map(|report| entry(report, lang)).collect(),
    })
}

/// The JSON Schema of what [`json`] gives, indented, with a newline at the end.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    text_of(generator.into_root_schema_for::<Document>().as_value())
}

/// As indented JSON, with a newline at the end.
pub(super) fn text_of(value: &impl Serialize) -> String {
    // Only maps with keys that are no texts, and failing writers, can fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn entry(report: &LessonReport, lang: Lang) -> Entry {
    Entry {
        lesson: printable(&report.lesson),
        title: printable(&report.title),
        student: printable(&report.student),
        passed: report.passed(),
        points: report.points,
        out_of: report.out_of,
        millis: report.millis,
        cannot: report.cannot.as_ref().map(|[en, fr]| printable_lines(lang.pick(en, fr))),
        steps: report.steps.iter().map(|score| StepScore { step: printable(&score.step), ..score.clone() }).collect(),
        verdicts: report.verdicts.iter().map(verdict).collect(),
    }
}

fn verdict(verdict: &Verdict) -> Verdict {
    Verdict {
        step: printable(&verdict.step),
        check: printable(&verdict.check),
        state: verdict.state,
        label: printable_lines(&verdict.label),
        expected: printable_lines(&verdict.expected),
        found: printable_lines(&verdict.found),
        help: printable_lines(&verdict.help),
        after: verdict.after.as_deref().map(printable),
    }
}
