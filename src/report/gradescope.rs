//! A report as Gradescope's `results.json` (gradescope-autograders.readthedocs.io,
//! "Output format"): a test per step that gives points, and one without points for what
//! could not be judged at other steps.
//!
//! Gradescope takes a missing score for an autograder that failed, and 0 for the
//! student's. So where this machine can't run one of the lessons there is no score at
//! all, neither of the whole nor of any test: nobody gets a mark for half of the work,
//! and the `output` says why.

use serde::Serialize;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;

use super::json::text_of;
use super::{cannot, judged, steps};

#[derive(Serialize)]
struct Results {
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    /// In seconds.
    execution_time: f64,
    #[serde(skip_serializing_if = "String::is_empty")]
    output: String,
    output_format: &'static str,
    test_output_format: &'static str,
    test_name_format: &'static str,
    visibility: &'static str,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_score: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    output: String,
}

/// The reports as one `results.json`, with a newline at the end.
pub fn gradescope(reports: &[LessonReport], lang: Lang) -> String {
    let why: Vec<String> = reports
        .iter()
        .filter_map(|report| Some(format!("{}: {}", printable(&report.lesson), cannot(report, lang)?)))
        .collect();
    let is_scored = why.is_empty() && !reports.is_empty();
    text_of(&Results {
        score: is_scored.then(|| reports.iter().map(|report| report.points).sum()),
        execution_time: reports.iter().map(|report| report.millis).sum::<u64>() as f64 / 1000.0,
        output: why.join("\n"),
        output_format: "text",
        test_output_format: "text",
        test_name_format: "text",
        visibility: "visible",
        tests: reports.iter().flat_map(|report| tests(report, is_scored, lang)).collect(),
    })
}

fn tests(report: &LessonReport, is_scored: bool, lang: Lang) -> Vec<Test> {
    if let Some(why) = cannot(report, lang) {
        let name = format!("{} · {}", printable(&report.lesson), printable(&report.title));
        return vec![Test { name, score: None, max_score: None, status: None, output: why }];
    }
    let test = |(step, verdicts): (&str, Vec<&Verdict>)| {
        let score = report.steps.iter().find(|score| score.step == step);
        let passed = match score {
            Some(score) => score.points == score.out_of,
            None => verdicts.iter().all(|verdict| verdict.state == State::Pass),
        };
        Test {
            name: format!("{} · {}", printable(&report.lesson), printable(step)),
            score: score.filter(|_| is_scored).map(|score| score.points),
            max_score: score.filter(|_| is_scored).map(|score| score.out_of),
            status: Some(if passed { "passed" } else { "failed" }),
            output: judged(&verdicts, lang),
        }
    };
    steps(report).into_iter().map(test).collect()
}
