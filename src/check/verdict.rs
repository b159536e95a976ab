//! Verdicts and scores: what a check, a prediction, a task came to.

use serde::{Deserialize, Serialize};

/// How one thing was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A step that gives points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepScore {
    /// The step.
    pub step: String,
    /// Points earned: all or none.
    pub points: u32,
    /// Points to earn.
    pub out_of: u32,
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
    /// Points to earn.
    pub out_of: u32,
    /// Per step that gives points.
    pub steps: Vec<StepScore>,
    /// Per check and prediction, in order.
    pub verdicts: Vec<Verdict>,
}

impl LessonReport {
    /// Whether every point was earned.
    pub fn passed(&self) -> bool {
        self.points == self.out_of
    }
}
