//! One person's way through one lesson: a pure state machine that the screen,
//! the line interface and the grader drive alike. `apply` takes a [`Command`] and
//! gives back [`Effect`]s for the caller to carry out; it reads no clock, no
//! file and no kernel.

mod denied;
mod faces;
mod judge;
mod notice;
mod parts;
pub mod pids;
mod prose;
mod reload;
mod spoken;
mod state;
mod view;

#[cfg(test)]
mod tests;

pub use reload::same_place;
pub use spoken::{GroupFile, TracedPlace};
pub use state::Session;
pub use view::{Answered, CheckView, ChoiceView, PredictionView, Recall, TaskView};

use std::sync::Arc;

use crate::lesson::answers::Answers;
use crate::observe::{Call, Errno, Snapshot};

/// All that can happen to a session: keys, mouse, lines, the grader and the lab
/// itself speak to it with these alone.
#[derive(Debug, Clone)]
pub enum Command {
    /// Go to the next step. Refused (with a notice) while a prediction is unmade;
    /// an unfinished task may be left, and stays unfinished.
    Next,
    /// As `Next`, but past a prediction that is not made: a grader, who has only
    /// what was answered.
    Skip,
    /// Go to the step before; the lab is rebuilt to it.
    Back,
    /// Go to the step of this index (resuming, a presenter).
    Goto(usize),
    /// Choose, in the prediction of this step, the choice of this id.
    Predict(String),
    /// Open the next levelled hint of this task.
    Hint,
    /// A line was entered in a shell of the actor named.
    Typed {
        /// The actor.
        shell: String,
        /// The line, as the shell took it.
        line: String,
        /// Whether it was entered before the task was passed, though the shell said
        /// so only now, at its next prompt: it then belongs to the task.
        before_pass: bool,
        /// Whether the shell said that it ended with a status other than 0. Where it
        /// said nothing, no.
        failed: bool,
    },
    /// The lab has made some calls of a step, and waits before the next.
    Moved(StepOutcome),
    /// The lab has carried out the ops of a step, or failed at one.
    Performed(StepOutcome),
    /// The lab has been rebuilt up to and including the step `to`.
    Rebuilt {
        /// The step's index.
        to: usize,
        /// What each step's ops did, in order.
        outcomes: Vec<StepOutcome>,
    },
    /// A new snapshot.
    Observed(Arc<Snapshot>),
}

/// What the caller of [`Session::apply`] must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Carry out the ops of this step in the lab, take a snapshot, and answer with
    /// `Observed` and then `Performed`. Asked for even when the step has no ops.
    Perform {
        /// The step's index.
        step: usize,
    },
    /// Tear the lab down, replay every step up to and including `to` (with the
    /// commands in `answers` for tasks already passed in earlier steps), and
    /// answer with `Observed` and `Rebuilt`.
    Rebuild {
        /// The step's index.
        to: usize,
        /// What to type again: the answers as they stand.
        answers: Box<Answers>,
    },
    /// Keep these answers (and the progress in them) on disk.
    Save(Box<Answers>),
    /// Bring the keyboard to the shell of this actor (a task begins).
    FocusShell(String),
    /// The last step is behind: the lesson is finished.
    Finished,
}

/// What carrying out a step's ops came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepOutcome {
    /// The step's index.
    pub step: usize,
    /// Per op that was tried, in the order of the step.
    pub ops: Vec<OpOutcome>,
    /// How long all of it took, in microseconds.
    pub micros: u64,
}

/// What carrying out one op came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpOutcome {
    /// The actor that made the calls.
    pub actor: String,
    /// The calls really made, in order.
    pub calls: Vec<Call>,
    /// Why it failed, if it did: errno, and what it was doing (`mount /proc`).
    pub failure: Option<(Errno, String)>,
}
