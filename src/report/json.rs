//! A report as JSON, for scripts. The shape is stable: keys are added, never
//! renamed or removed, as long as `format` is 1.
//!
//! ```json
//! { "format": 1, "language": "en", "passed": true, "points": 4, "out_of": 4,
//!   "lessons": [
//!     { "lesson": "uts", "title": "…", "student": "ana", "passed": true, "points": 4, "out_of": 4,
//!       "steps": [ { "step": "rename", "points": 3, "out_of": 3 } ],
//!       "verdicts": [ { "step": "rename", "check": "renamed", "state": "pass", "label": "…",
//!                       "expected": "…", "found": "…", "help": "" } ] } ] }
//! ```
//! `state` is `pass`, `fail`, `skip` or `error`. Texts are in the language asked
//! for; in texts, what could act on a terminal is replaced by a printable sign.

use serde::Serialize;

use crate::check::verdict::StepScore;
use crate::check::{LessonReport, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;

#[derive(Serialize)]
struct Document {
    format: u32,
    language: Lang,
    passed: bool,
    points: u32,
    out_of: u32,
    lessons: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    lesson: String,
    title: String,
    student: String,
    passed: bool,
    points: u32,
    out_of: u32,
    steps: Vec<StepScore>,
    verdicts: Vec<Verdict>,
}

/// The reports as one JSON document, indented, with a newline at the end.
/// `passed` is whether every lesson was; of no lessons at all, false. `lang` is
/// the language that the reports are in.
pub fn json(reports: &[LessonReport], lang: Lang) -> String {
    let document = Document {
        format: 1,
        language: lang,
        passed: !reports.is_empty() && reports.iter().all(LessonReport::passed),
        points: reports.iter().map(|report| report.points).sum(),
        out_of: reports.iter().map(|report| report.out_of).sum(),
        lessons: reports.iter().map(entry).collect(),
    };
    // Only maps with keys that are no texts, and failing writers, can fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn entry(report: &LessonReport) -> Entry {
    Entry {
        lesson: printable(&report.lesson),
        title: printable(&report.title),
        student: printable(&report.student),
        passed: report.passed(),
        points: report.points,
        out_of: report.out_of,
        steps: report.steps.iter().map(|score| StepScore { step: printable(&score.step), ..score.clone() }).collect(),
        verdicts: report.verdicts.iter().map(verdict).collect(),
    }
}

fn verdict(verdict: &Verdict) -> Verdict {
    // Prose keeps its lines; JSON escapes them.
    let lines = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n");
    Verdict {
        step: printable(&verdict.step),
        check: printable(&verdict.check),
        state: verdict.state,
        label: lines(&verdict.label),
        expected: lines(&verdict.expected),
        found: lines(&verdict.found),
        help: lines(&verdict.help),
    }
}
