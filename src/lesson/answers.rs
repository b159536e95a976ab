//! A student's work on one lesson: one small file, written by a session and easy
//! to write by hand. Also what a session resumes from. Reading one from anybody
//! is safe; nothing in it is run here.

mod read;
mod turns;
mod write;

use indexmap::IndexMap;

use super::diagnostic::printable;
use crate::i18n::{Explain, Lang};
use crate::say;

pub(super) use read::{answers_fit, plain, tasks_fit};
pub use read::{lint_answers, load_answers, parse_answers, validate_answers};

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
    /// `[turns]`: whose lines come when, a shell's name per line, by step; only for tasks
    /// that were done in several shells by turns.
    pub turns: IndexMap<Name, Vec<Name>>,
    /// `[progress]`: where the session stands; a file written by hand has none.
    pub progress: Option<Progress>,
}

impl Answers {
    /// Whether nothing was answered.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.tasks.is_empty()
    }

    /// Takes them as handed in by a student: who is named in them must be that student.
    /// Nameless ones become theirs.
    pub fn by(mut self, student: &str) -> Result<Self, Foreign> {
        if self.student.is_empty() {
            student.clone_into(&mut self.student);
        }
        if self.student == student {
            return Ok(self);
        }
        Err(Foreign { lesson: self.lesson, theirs: self.student, student: student.to_owned() })
    }
}

/// Answers that another student's name stands in: their values are that student's, and
/// whoever may name another student may hand in that student's work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explain(Lang::En))]
pub struct Foreign {
    /// The lesson.
    pub lesson: Name,
    /// Whom they name.
    pub theirs: String,
    /// Who hands them in.
    pub student: String,
}

impl Explain for Foreign {
    fn explain(&self, lang: Lang) -> String {
        let [lesson, theirs, student] = [&self.lesson, &self.theirs, &self.student].map(|name| printable(name));
        say!(
            lang,
            "The answers to `{lesson}` are the student `{theirs}`'s, not `{student}`'s: a student hands in their own. They are not graded.",
            "Les réponses à « {lesson} » sont celles de l'étudiant « {theirs} », et non de « {student} » : chacun rend les siennes. Elles ne sont pas corrigées."
        )
    }
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
    /// The lines of `[tasks.STEP]` that the shell said have failed, from 1, by step and
    /// shell.
    pub failed: IndexMap<Name, IndexMap<Name, Vec<u32>>>,
    /// Points so far.
    pub points: u32,
    /// Whether the lesson was finished.
    pub finished: bool,
}
