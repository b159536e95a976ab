//! A report as a `result.json` of Classroom 50 (`classroom50/result/v1`; its wiki,
//! "Advanced Autograding", and `schemas/result-v1.schema.json` of foundation50/classroom50).
//!
//! Who was graded, and what, is the runner's to say: it gives [`Submission`] in the
//! environment, writes `owner`, `assignment_type`, `datetime` and `graded_at` anew, and
//! checks the rest. A test per step that gives points; tests may carry more keys.
//!
//! A lesson that this machine can't run is no test: a test passes or fails, and this is
//! neither. The form has no place for "not graded" but this: the runner takes an exit
//! code other than 0 for a fault of the grader's, and then writes a result of its own,
//! without a score, and the status `error`. So an autograder calls `check` and ends with
//! 0 after the codes 0 and 1, and with the code itself after 3.

use serde::Serialize;

use crate::check::{LessonReport, State};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;

use super::json::text_of;
use super::{judged, steps};

/// The most characters of a test's `output`: the collector takes files of at most 10 MiB.
const OUTPUT: usize = 8000;

/// What was submitted, by whom, for what: from the environment that the runner gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// `CLASSROOM`: the classroom's short name.
    pub classroom: String,
    /// `ASSIGNMENT`: the assignment's slug.
    pub assignment: String,
    /// `ASSIGNMENT_TYPE`: `individual`, `group` or `team`.
    pub assignment_type: String,
    /// `OWNER` (or `USERNAME`): whose repository.
    pub owner: String,
    /// `SUBMISSION_TAG`: `submit/…`.
    pub tag: String,
    /// `COMMIT_URL`.
    pub commit: String,
    /// `RELEASE_URL`.
    pub release: String,
    /// `REVIEW_URL`, or the commit's.
    pub review: String,
    /// When it was graded, in seconds since 1970 (UTC).
    pub seconds: u64,
}

impl Submission {
    /// Reads the environment by `get`; the error names the first variable that is not
    /// there, or not as it must be.
    pub fn read(get: impl Fn(&str) -> Option<String>, seconds: u64) -> Result<Self, &'static str> {
        let get = |name: &'static str| get(name).filter(|value| !value.is_empty());
        let need = |name: &'static str| get(name).ok_or(name);
        let commit = need("COMMIT_URL")?;
        Ok(Self {
            classroom: need("CLASSROOM")?,
            assignment: need("ASSIGNMENT")?,
            assignment_type: need("ASSIGNMENT_TYPE")?,
            owner: get("OWNER").or_else(|| get("USERNAME")).ok_or("OWNER")?,
            tag: need("SUBMISSION_TAG")
                .and_then(|tag| if tag.starts_with("submit/") { Ok(tag) } else { Err("SUBMISSION_TAG") })?,
            review: get("REVIEW_URL").unwrap_or_else(|| commit.clone()),
            commit,
            release: need("RELEASE_URL")?,
            seconds,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ResultFile {
    schema: &'static str,
    classroom: String,
    assignment: String,
    #[serde(rename = "assignment_type")]
    assignment_type: String,
    owner: String,
    submission: String,
    commit: String,
    release: String,
    review: String,
    datetime: String,
    #[serde(rename = "graded_at")]
    graded_at: String,
    score: u32,
    max_score: u32,
    tests: Vec<Test>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Test {
    #[serde(rename = "test-name")]
    name: String,
    passed: bool,
    score: u32,
    max_score: u32,
    output: String,
    millis: u64,
}

/// The reports as one `result.json`, with a newline at the end.
pub fn classroom50(reports: &[LessonReport], submission: &Submission, lang: Lang) -> String {
    let graded_at = utc(submission.seconds);
    let tests: Vec<Test> = reports.iter().flat_map(|report| tests(report, lang)).collect();
    text_of(&ResultFile {
        schema: "classroom50/result/v1",
        classroom: printable(&submission.classroom),
        assignment: printable(&submission.assignment),
        assignment_type: printable(&submission.assignment_type),
        owner: printable(&submission.owner),
        submission: printable(&submission.tag),
        commit: printable(&submission.commit),
        release: printable(&submission.release),
        review: printable(&submission.review),
        datetime: graded_at.clone(),
        graded_at,
        score: tests.iter().map(|test| test.score).sum(),
        max_score: tests.iter().map(|test| test.max_score).sum(),
        tests,
    })
}

fn tests(report: &LessonReport, lang: Lang) -> Vec<Test> {
    let test = |(step, verdicts): (&str, Vec<_>)| {
        let score = report.steps.iter().find(|score| score.step == step);
        Test {
            name: format!("{}.{}", printable(&report.lesson), printable(step)),
            passed: score.is_some_and(|score| score.points == score.out_of),
            score: score.map_or(0, |score| score.points),
            max_score: score.map_or(0, |score| score.out_of),
            output: judged(&verdicts, lang).chars().take(OUTPUT).collect(),
            millis: score.map_or(0, |score| score.millis),
        }
    };
    let is_told = |(step, verdicts): &(&str, Vec<&crate::check::Verdict>)| {
        report.steps.iter().any(|score| score.step == *step)
            || verdicts.iter().any(|verdict| verdict.state != State::Pass)
    };
    if report.cannot.is_some() { Vec::new() } else { steps(report).into_iter().filter(is_told).map(test).collect() }
}

/// A time as `2026-06-01T14:32:01Z`. Days are turned into a date by Howard Hinnant's
/// `civil_from_days` (chrono-Compatible Low-Level Date Algorithms).
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86400, seconds % 86400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_collector_reads_it() {
        // As date(1) has them.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_780_324_321, "2026-06-01T14:32:01Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
