//! Whose seccomp filters there are to show in a lesson's lab: those of the actors that
//! have put one on themselves, and of those forked from them. Used by the stage.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lab::{Lab, LabError};
use crate::lesson::model::Do;
use crate::lesson::op::Op;
use crate::observe::Filters;

/// How long an actor may take to say which filters it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// What each of them said last.
#[derive(Debug, Default)]
pub struct Filtered(BTreeMap<String, Filters>);

impl Filtered {
    /// The lab was emptied.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes note of an op that was tried.
    pub fn note(&mut self, tried: &Do) {
        match &tried.op {
            Op::Seccomp(_) => {
                self.0.entry(tried.actor.clone()).or_default();
            }
            Op::Fork { child } if self.0.contains_key(&tried.actor) => {
                self.0.entry(child.clone()).or_default();
            }
            _ => {}
        }
    }

    /// What there is now; of an actor that does not answer, what it said last.
    pub fn look(&mut self, lab: &mut Lab) -> Result<BTreeMap<String, Filters>, LabError> {
        for (actor, filters) in &mut self.0 {
            match lab.filters(actor, PATIENCE) {
                Ok(Some(now)) => *filters = now,
                Ok(None) | Err(LabError::Failed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self
            .0
            .iter()
            .filter(|(_, filters)| !filters.programs.is_empty())
            .map(|(name, filters)| (name.clone(), filters.clone()))
            .collect())
    }
}
