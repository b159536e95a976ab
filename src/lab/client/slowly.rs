//! Slow motion: an op that waits after each of its calls.

use std::time::Duration;

use super::{Lab, LabError, PATIENCE, run_time};
use crate::kernel::Call;
use crate::lab::protocol::{Failure, FromKeeper, Performed, ToKeeper};
use crate::lesson::op::Op;

/// How far an op has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slow {
    /// It has made these calls, and waits.
    Paused(Vec<Call>),
    /// It is done. Without what was done: why the actor could not be asked.
    Done(Option<Performed>, Option<Failure>),
}

impl Lab {
    /// As [`Self::perform`], a call at a time. While it waits, anything but ops may be asked
    /// for; of its actor, what it sees alone.
    pub fn perform_slowly(&mut self, actor: &str, op: &Op) -> Result<Slow, LabError> {
        let request = ToKeeper::PerformSlowly { actor: actor.to_owned(), op: op.clone() };
        self.slowly(&request, run_time(op))
    }

    /// The next call of the op that waits.
    pub fn go_on(&mut self) -> Result<Slow, LabError> {
        self.slowly(&ToKeeper::GoOn, Duration::ZERO)
    }

    fn slowly(&mut self, request: &ToKeeper, extra: Duration) -> Result<Slow, LabError> {
        match self.ask(request, PATIENCE + extra)? {
            FromKeeper::Paused(calls) => Ok(Slow::Paused(calls)),
            FromKeeper::Performed(mut done, failure) => {
                self.actors.extend(done.iter().filter_map(|performed| performed.made.clone()));
                Ok(Slow::Done(done.pop(), failure))
            }
            _ => Err(self.bury()),
        }
    }
}
