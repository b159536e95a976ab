//! A student's work on one lesson: one small file, written by a session and easy
//! to write by hand. Also what a session resumes from. Reading one from anybody
//! is safe; nothing in it is run here.

mod read;
mod write;

use indexmap::IndexMap;

pub(super) use read::{answers_fit, plain, tasks_fit};
pub use read::{load_answers, parse_answers, validate_answers};

/// The name of a lesson, a step, a shell.
pub type Name = String;

/// An answers file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The lesson it answers.
    pub lesson: Name,
    /// Who; seeds the values of one's own.
    pub student: String,
    /// `[answers]`: the choice made, by step.
    pub answers: IndexMap<Name, String>,
    /// `[tasks.STEP]`: the commands typed, by shell, in the order of the file.
    /// Several lines are separated by newlines.
    pub tasks: IndexMap<Name, IndexMap<Name, String>>,
    /// `[progress]`: where the session stands; a file written by hand has none.
    pub progress: Option<Progress>,
}

/// Where a session stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The id of the step it is at.
    pub step: Name,
    /// The tasks passed so far.
    pub passed: Vec<Name>,
    /// How many levelled hints were opened, by step.
    pub hints: IndexMap<Name, u32>,
    /// Points so far.
    pub points: u32,
    /// Whether the lesson was finished.
    pub finished: bool,
}
