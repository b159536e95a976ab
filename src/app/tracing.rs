//! Whose commands are traced in a lesson's lab: those that a task asks for, while it
//! is on, those that a step ran for their calls, and those that the student asked
//! for. Used by the stage; knows nothing of who shows what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::lab::{Lab, LabError};
use crate::observe::Traced;

/// How long an actor may take to say which calls it has seen: it may be bound to a CPU
/// that others keep busy. One that owes an answer is not waited for again.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is traced.
#[derive(Debug, Default)]
pub struct Tracing {
    /// Actors whose shells the student has traced, in every step.
    wanted: BTreeSet<String>,
    /// Actors whose shells are traced now.
    on: BTreeSet<String>,
    /// What each said last; for one that is not here there is nothing to ask.
    seen: BTreeMap<String, Traced>,
}

impl Tracing {
    /// The lab was emptied: what is traced has to be asked for again.
    pub fn clear(&mut self) {
        self.on.clear();
        self.seen.clear();
    }

    /// Another step begins: what an earlier one had traced is let go and forgotten.
    pub fn leave_step(&mut self, lab: &mut Lab) -> Result<(), LabError> {
        let over: Vec<String> = self.seen.keys().filter(|actor| !self.wanted.contains(*actor)).cloned().collect();
        for actor in over {
            self.on.remove(&actor);
            self.seen.remove(&actor);
            unless_lost(lab.trace(&actor, false))?;
        }
        Ok(())
    }

    /// The step that began has run these actors' commands for their calls, and its
    /// task wants those of these shells' commands.
    pub fn enter_step(&mut self, lab: &mut Lab, ran: BTreeSet<String>, shells: &[String]) -> Result<(), LabError> {
        for actor in ran {
            self.seen.entry(actor).or_default();
        }
        let there = |name: &String| lab.actors().iter().any(|actor| actor.name == *name && actor.ended.is_none());
        let asked: Vec<String> = self
            .wanted
            .iter()
            .chain(shells)
            .filter(|actor| !self.on.contains(*actor) && there(actor))
            .cloned()
            .collect();
        for actor in asked {
            // Why it was refused is in what the actor reports.
            unless_lost(lab.trace(&actor, true))?;
            self.seen.entry(actor.clone()).or_default();
            self.on.insert(actor);
        }
        Ok(())
    }

    /// Whether the student has an actor's commands traced.
    pub fn is_wanted(&self, actor: &str) -> bool {
        self.wanted.contains(actor)
    }

    /// The student wants the commands of an actor's shells traced, or no more.
    pub fn want(&mut self, lab: &mut Lab, actor: &str, on: bool) -> Result<(), LabError> {
        if on {
            lab.trace(actor, true)?;
            self.wanted.insert(actor.to_owned());
            self.on.insert(actor.to_owned());
            self.seen.insert(actor.to_owned(), Traced::default());
            return Ok(());
        }
        self.wanted.remove(actor);
        self.on.remove(actor);
        self.seen.remove(actor);
        lab.trace(actor, false)
    }

    /// What was seen, as of now; of an actor that does not answer, what it said last.
    pub fn look(&mut self, lab: &mut Lab) -> Result<BTreeMap<String, Traced>, LabError> {
        for (actor, seen) in &mut self.seen {
            match lab.traced(actor, PATIENCE) {
                Ok(Some(traced)) => *seen = traced,
                Ok(None) | Err(LabError::Failed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.seen.clone())
    }
}

/// An actor that is gone, or that can't be traced, is a finding to show.
fn unless_lost(done: Result<(), LabError>) -> Result<(), LabError> {
    match done {
        Ok(()) | Err(LabError::Failed(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
