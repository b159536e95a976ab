//! Verdicts and scores: what a check, a prediction, a task came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lesson::diagnostic::Both;

/// How one thing was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It was not reached or not answered.
    Skip,
    /// It could not be judged: something could not be read, or the lab failed.
    Error,
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The step.
    pub step: String,
    /// The check's id in the step; `prediction` for a prediction.
    pub check: String,
    /// How it was judged.
    pub state: State,
    /// The lesson's words for what must hold.
    pub label: String,
    /// What was expected, in words with values.
    pub expected: String,
    /// What is there, in words with values.
    pub found: String,
    /// What may help; empty for a pass.
    pub help: String,
    /// The earlier step, not passed itself, that this one waits for: after whose commands it
    /// would have passed, found out by trying; or that was not answered, and without which
    /// it can't pass, by the lesson, whose author is held to that.
    pub after: Option<String>,
}

/// A step that gives points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepScore {
    /// The step.
    pub step: String,
    /// Points earned: all or none.
    pub points: u32,
    /// Points to earn.
    pub out_of: u32,
    /// How long the step took, in milliseconds: what it does, the student's commands,
    /// and judging them.
    pub millis: u64,
}

/// All that a grader says about one lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonReport {
    /// The lesson.
    pub lesson: String,
    /// Its title, in the language of the report.
    pub title: String,
    /// Whose answers.
    pub student: String,
    /// Points earned.
    pub points: u32,
    /// Points to earn; none where the lesson could not be run.
    pub out_of: u32,
    /// How long the lesson took, in milliseconds, its lab's start and end included.
    pub millis: u64,
    /// Why this machine can't run the lesson, where it can't: nothing was judged then,
    /// and nothing is lost.
    pub cannot: Option<Both>,
    /// Per step that gives points.
    pub steps: Vec<StepScore>,
    /// Per check and prediction, in order.
    pub verdicts: Vec<Verdict>,
}

impl LessonReport {
    /// The report on a lesson that this machine can't run: no verdicts, and no points
    /// to lose.
    pub fn cannot(lesson: &str, title: &str, student: &str, why: Both) -> Self {
        Self {
            lesson: lesson.to_owned(),
            title: title.to_owned(),
            student: student.to_owned(),
            points: 0,
            out_of: 0,
            millis: 0,
            cannot: Some(why),
            steps: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Whether the lesson was run and every point was earned.
    pub fn passed(&self) -> bool {
        self.cannot.is_none() && self.points == self.out_of
    }

    /// What the whole came to: [`State::Skip`] where this machine can't run it.
    pub fn state(&self) -> State {
        match (&self.cannot, self.passed()) {
            (Some(_), _) => State::Skip,
            (None, true) => State::Pass,
            (None, false) => State::Fail,
        }
    }
}
