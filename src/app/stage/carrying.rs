//! Carrying out the ops of a step: all at once, or some at a time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Stage, argv};
use crate::i18n::{Explain, Lang};
use crate::lab::LabError;
use crate::lab::client::Slow;
use crate::lab::protocol::{Failure, Performed};
use crate::lesson::model::Do;
use crate::lesson::op::Op;
use crate::observe::{Call, Errno};
use crate::session::{OpOutcome, StepOutcome};

/// A step whose ops are being carried out.
#[derive(Debug)]
pub struct Carrying {
    /// What was done so far.
    outcome: StepOutcome,
    /// What is left, the next one first.
    left: std::vec::IntoIter<Do>,
    /// The op that waits between two calls, and its calls so far.
    waits: Option<(Do, Vec<Call>)>,
    /// Actors of the step's that run programs for their calls.
    traced: BTreeSet<String>,
    /// The time that the ops took.
    took: Duration,
}

impl Carrying {
    /// What was done so far.
    pub fn outcome(&self) -> StepOutcome {
        let mut ops = self.outcome.ops.clone();
        let waits = self.waits.as_ref();
        ops.extend(waits.map(|(op, calls)| OpOutcome { actor: op.actor.clone(), calls: calls.clone(), failure: None }));
        StepOutcome { step: self.outcome.step, ops, micros: self.took.as_micros() as u64 }
    }

    /// Whether all is carried out, or will not be.
    pub fn is_over(&self) -> bool {
        self.waits.is_none() && self.left.len() == 0
    }
}

impl Stage {
    /// Carries out the ops of a step, in order; stops at one that fails though it
    /// was not meant to.
    pub fn perform(&mut self, step: usize) -> Result<StepOutcome, LabError> {
        self.carry_out(step, true)
    }

    /// As [`Self::perform`]; without `traced`, programs that the step runs for their calls
    /// run untraced, unless the student traces their actor.
    pub(super) fn carry_out(&mut self, step: usize, traced: bool) -> Result<StepOutcome, LabError> {
        let mut carrying = self.begin(step, traced)?;
        self.carry_out_rest(&mut carrying)?;
        Ok(carrying.outcome())
    }

    /// Makes ready the ops of a step.
    pub fn begin(&mut self, step: usize, traced: bool) -> Result<Carrying, LabError> {
        self.tracing.leave_step(&mut self.lab)?;
        let mut ops = self.lesson.steps[step].ops.clone();
        for each in &mut ops {
            if let Op::Run { trace, .. } = &mut each.op {
                *trace &= traced || self.tracing.is_wanted(&each.actor);
            }
        }
        let traced = ops.iter().filter(|each| matches!(each.op, Op::Run { trace: true, .. }));
        let traced = traced.map(|each| each.actor.clone()).collect();
        let outcome = StepOutcome { step, ..StepOutcome::default() };
        Ok(Carrying { outcome, left: ops.into_iter(), waits: None, traced, took: Duration::ZERO })
    }

    /// Makes the next call of a step; what makes none, or is not the actor's own doing,
    /// is done as a whole. Nothing is to come after an op that does not do what the lesson
    /// means.
    pub fn carry_on(&mut self, carrying: &mut Carrying) -> Result<(), LabError> {
        let start = Instant::now();
        let mut shown = false;
        while !shown {
            let waited = carrying.waits.is_some();
            let (op, slow) = match carrying.waits.take() {
                Some((op, _)) => (op, self.lab.go_on()?),
                None => match carrying.left.next() {
                    Some(op) => {
                        let with_values = op.op.with_values(&self.values);
                        let slow = self.lab.perform_slowly(&op.actor, &with_values)?;
                        (op, slow)
                    }
                    None => break,
                },
            };
            match slow {
                Slow::Paused(calls) => {
                    carrying.waits = Some((op, calls));
                    shown = true;
                }
                Slow::Done(performed, failure) => {
                    // What was done without a pause has not been seen.
                    shown = !waited && performed.as_ref().is_none_or(|done| !done.calls.is_empty());
                    self.note(carrying, &op, performed, failure);
                }
            }
        }
        carrying.took += start.elapsed();
        if carrying.is_over() { self.carried(carrying) } else { Ok(()) }
    }

    /// Carries out all that is to come, at once.
    pub fn carry_out_rest(&mut self, carrying: &mut Carrying) -> Result<(), LabError> {
        let start = Instant::now();
        while let Some((op, _)) = carrying.waits.take() {
            match self.lab.go_on()? {
                Slow::Paused(calls) => carrying.waits = Some((op, calls)),
                Slow::Done(performed, failure) => self.note(carrying, &op, performed, failure),
            }
        }
        while carrying.left.len() > 0 {
            let rest = carrying.left.as_slice();
            let asked = rest.iter().map(|each| (each.actor.clone(), each.op.with_values(&self.values)));
            let (done, failure) = self.lab.perform_all(asked.collect())?;
            let (mut done, mut failure) = (done.into_iter(), failure);
            // At least one: an answer of none would be asked for without end.
            for op in carrying.left.by_ref().take(done.len().max(1)).collect::<Vec<Do>>() {
                let performed = done.next();
                let why = if performed.is_none() { failure.take() } else { None };
                self.note(carrying, &op, performed, why);
            }
            // An actor that is gone or silent is a finding to show.
            if let Some((failure, op)) = failure.and_then(|why| Some((why, carrying.left.next()?))) {
                self.note(carrying, &op, None, Some(failure));
            }
        }
        carrying.took += start.elapsed();
        self.carried(carrying)
    }

    /// Takes in what came of an op. Where that is not what the lesson means, nothing comes
    /// after it.
    fn note(&mut self, carrying: &mut Carrying, op: &Do, performed: Option<Performed>, failure: Option<Failure>) {
        self.filtered.note(op);
        let unasked = failure.map(|failure| (Errno(libc::ESRCH), failure.explain(Lang::En)));
        let (asked, performed) = (performed.is_some(), performed.unwrap_or_default());
        // A program that the lesson waits for in vain is a failure, too.
        let endless = performed.ran.as_ref().is_some_and(|ran| ran.timed_out);
        let endless = endless.then(|| (Errno(libc::ETIMEDOUT), format!("run {}", argv(&op.op).join(" "))));
        let (calls, failure) = (performed.calls, performed.failure.or(endless).or(unasked));
        let met = failure.as_ref().map(|(errno, _)| errno.symbol());
        if !asked || met != op.fails {
            carrying.left = Vec::new().into_iter();
        }
        carrying.outcome.ops.push(OpOutcome { actor: op.actor.clone(), calls, failure });
    }

    /// All that is carried out was.
    fn carried(&mut self, carrying: &mut Carrying) -> Result<(), LabError> {
        let ran = std::mem::take(&mut carrying.traced);
        let task = self.lesson.steps[carrying.outcome.step].task.as_ref().filter(|task| task.trace);
        self.tracing.enter_step(&mut self.lab, ran, task.map_or(&[], |task| &task.shells))
    }
}
