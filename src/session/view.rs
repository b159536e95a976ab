//! What a face (screen, line interface) shows of a session, ready in one
//! language. Made by `Session`'s accessors; holds no reference into it.

use crate::check::State;
use crate::i18n::Lang;

/// The prediction of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionView {
    /// The choices, in the order shown.
    pub choices: Vec<ChoiceView>,
    /// The id of the choice made, if one was.
    pub chosen: Option<String>,
    /// Whether a choice may (still) be made or changed.
    pub open: bool,
    /// Points for predicting, whatever the choice.
    pub points: u32,
}

/// One choice of a prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceView {
    /// Its id: what [`Command::Predict`](super::Command::Predict) takes.
    pub id: String,
    /// Its text in English and French (Markdown).
    pub texts: [String; 2],
}

impl ChoiceView {
    /// Its text in one language (Markdown).
    pub fn text(&self, lang: Lang) -> &str {
        let [en, fr] = &self.texts;
        lang.pick(en, fr)
    }
}

/// An earlier prediction, put next to what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The choice made, in words (Markdown).
    pub said: String,
    /// The choice that came true, in words (Markdown).
    pub happened: String,
    /// Whether they are the same.
    pub right: bool,
}

/// An earlier question, once the kernel has answered it: for a room that raised hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The step that asked.
    pub step: String,
    /// Its choices, in the order shown.
    pub choices: Vec<ChoiceView>,
    /// The id of the one that came true.
    pub came_true: String,
}

/// The task of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Points to earn.
    pub points: u32,
    /// Whether it is passed; once passed it stays so.
    pub passed: bool,
    /// What must hold, as of the last snapshot, or as of the pass.
    pub checks: Vec<CheckView>,
}

/// One check of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckView {
    /// Its id in the step.
    pub id: String,
    /// What must hold, in the lesson's words (Markdown, one line).
    pub label: String,
    /// Whether it holds; `Skip` as long as nothing was seen since the step began.
    pub state: State,
    /// What is expected, in words with values (plain text); empty when not yet judged.
    pub expected: String,
    /// What is there, in words with values (plain text); empty when not yet judged.
    pub found: String,
}
