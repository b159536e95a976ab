//! The line interface: the same session as lines on standard output and input, for
//! screen readers, logs and pipes. Called by the composition root, which gives it a
//! [`Backend`]; must never move a cursor, wait without end, or let what a shell
//! prints reach the terminal as it is.

mod filter;
mod input;
pub mod inspect;
mod layers;
mod page;
mod panes;
mod paper;
mod run;
mod shell;
mod words;

pub use input::Input;
pub use paper::Paper;
pub use run::{Left, Times, run};

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::i18n::{Explain, Lang};
use crate::lesson::answers::Answers;
use crate::observe::Snapshot;
use crate::session::{Effect, StepOutcome};

/// What the line interface asks of the machine.
pub trait Backend {
    /// Carries out [`Effect::Perform`] or [`Effect::Rebuild`]. A lab that was lost is
    /// built again for it.
    fn carry_out(&mut self, effect: &Effect) -> Result<Done, Trouble>;
    /// The machine now.
    fn snapshot(&mut self) -> Result<Arc<Snapshot>, Trouble>;
    /// Opens an interactive shell in an actor, on a terminal of that size, with the
    /// marks that [`filter`] knows.
    fn shell(&mut self, actor: &str, size: (u16, u16), lang: Lang) -> Result<Opened, Trouble>;
    /// Traces the commands of an actor's shells from now on, or no more.
    fn trace(&mut self, actor: &str, on: bool) -> Result<(), Trouble>;
    /// How a shell ended (`exit 0`, `SIGKILL`), once it has.
    fn ended(&mut self, shell: u64) -> Option<String>;
    /// Keeps the answers.
    fn save(&mut self, answers: &Answers) -> Result<(), Trouble>;
}

/// What carrying out an effect came to.
#[derive(Debug)]
pub enum Done {
    /// Of `Perform`.
    Performed(StepOutcome),
    /// Of `Rebuild`, per step.
    Rebuilt(Vec<StepOutcome>),
    /// Of any other.
    Nothing,
}

/// A shell that runs: its id, and the master of its terminal. Dropping the master
/// ends it.
#[derive(Debug)]
pub struct Opened {
    /// Names it.
    pub id: u64,
    /// The master.
    pub fd: OwnedFd,
}

/// What could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    words: [String; 2],
    /// Whether all of the lab went with it.
    pub lost: bool,
}

impl Trouble {
    /// From any error that can be said.
    pub fn of(error: &dyn Explain, lost: bool) -> Self {
        Self { words: Lang::ALL.map(|lang| error.explain(lang)), lost }
    }
}

impl Explain for Trouble {
    fn explain(&self, lang: Lang) -> String {
        let [en, fr] = &self.words;
        lang.pick(en, fr).clone()
    }
}
