//! Carrying out the ops of a step: all at once, or some at a time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Stage, argv};
use crate::i18n::{Explain, Lang};
use crate::lab::LabError;
use crate::lab::protocol::Performed;
use crate::lesson::model::Do;
use crate::lesson::op::Op;
use crate::observe::Errno;
use crate::session::{OpOutcome, StepOutcome};

/// A step whose ops are being carried out.
#[derive(Debug)]
pub struct Carrying {
    /// What was done so far.
    outcome: StepOutcome,
    /// What is left, the next one first.
    left: std::vec::IntoIter<Part>,
    /// Actors of the step's that run programs for their calls.
    traced: BTreeSet<String>,
    /// The time that the ops took.
    took: Duration,
}

/// What is carried out at a time.
#[derive(Debug, Clone)]
struct Part {
    op: Do,
    /// It belongs to the op before it, as the lesson has it.
    goes_on: bool,
}

impl Carrying {
    /// What was done so far.
    pub fn outcome(&self) -> StepOutcome {
        StepOutcome { micros: self.took.as_micros() as u64, ..self.outcome.clone() }
    }

    /// How many are to come.
    pub fn to_come(&self) -> usize {
        self.left.len()
    }
}

/// An op that is one line of a lesson and two moves: the namespaces, then the maps, before
/// which nobody is anybody in there.
fn moves(op: Do) -> Vec<Part> {
    match &op.op {
        Op::Unshare { kinds, map: Some(kind) } if op.fails.is_none() => {
            let first = Do { op: Op::Unshare { kinds: kinds.clone(), map: None }, ..op.clone() };
            let second = Do { op: Op::Map { kind: *kind }, ..op.clone() };
            vec![Part { op: first, goes_on: false }, Part { op: second, goes_on: true }]
        }
        _ => vec![Part { op, goes_on: false }],
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
        let mut carrying = self.begin(step, traced, false)?;
        self.carry_on(&mut carrying, usize::MAX)?;
        Ok(carrying.outcome())
    }

    /// Makes ready the ops of a step, for [`Self::carry_on`]; slowly: in as many moves as
    /// can be seen.
    pub fn begin(&mut self, step: usize, traced: bool, slowly: bool) -> Result<Carrying, LabError> {
        self.tracing.leave_step(&mut self.lab)?;
        let mut ops = self.lesson.steps[step].ops.clone();
        for each in &mut ops {
            if let Op::Run { trace, .. } = &mut each.op {
                *trace &= traced || self.tracing.is_wanted(&each.actor);
            }
        }
        let traced = ops.iter().filter(|each| matches!(each.op, Op::Run { trace: true, .. }));
        let traced = traced.map(|each| each.actor.clone()).collect::<BTreeSet<String>>();
        let whole = |op| vec![Part { op, goes_on: false }];
        let parts: Vec<Part> = ops.into_iter().flat_map(if slowly { moves } else { whole }).collect();
        Ok(Carrying {
            outcome: StepOutcome { step, ..StepOutcome::default() },
            left: parts.into_iter(),
            traced,
            took: Duration::ZERO,
        })
    }

    /// Carries out at most so many of what is to come. Nothing is to come after one that
    /// does not do what the lesson means.
    pub fn carry_on(&mut self, carrying: &mut Carrying, most: usize) -> Result<(), LabError> {
        let start = Instant::now();
        let mut rest: Vec<Part> = carrying.left.by_ref().take(most).collect();
        while !rest.is_empty() {
            let asked =
                rest.iter().map(|Part { op: each, .. }| (each.actor.clone(), each.op.with_values(&self.values)));
            let (done, failure) = self.lab.perform_all(asked.collect())?;
            let after = rest.split_off(done.len().min(rest.len()));
            let (mut as_meant, nothing_done) = (true, rest.is_empty());
            for (part, performed) in rest.iter().zip(done) {
                as_meant = self.note(part, performed, &mut carrying.outcome);
            }
            // An actor that is gone or silent is a finding to show.
            if let (Some(failure), Some(Part { op: each, .. })) = (failure, after.first()) {
                let failure = Some((Errno(libc::ESRCH), failure.explain(Lang::En)));
                carrying.outcome.ops.push(OpOutcome { actor: each.actor.clone(), calls: Vec::new(), failure });
                as_meant = false;
            }
            if !as_meant || nothing_done {
                carrying.left = Vec::new().into_iter();
                break;
            }
            rest = after;
        }
        carrying.took += start.elapsed();
        if carrying.left.len() == 0 { self.carried(carrying) } else { Ok(()) }
    }

    /// Takes in what came of an op; whether that is what the lesson means.
    fn note(&mut self, part: &Part, performed: Performed, outcome: &mut StepOutcome) -> bool {
        let Part { op: each, goes_on } = part;
        self.filtered.note(each);
        // A program that the lesson waits for in vain is a failure, too.
        let endless = performed.ran.as_ref().is_some_and(|ran| ran.timed_out);
        let endless = endless.then(|| (Errno(libc::ETIMEDOUT), format!("run {}", argv(&each.op).join(" "))));
        let (calls, failure) = (performed.calls, performed.failure.or(endless));
        let met = failure.as_ref().map(|(errno, _)| errno.symbol());
        let as_meant = met == each.fails;
        match outcome.ops.last_mut().filter(|_| *goes_on) {
            Some(before) => {
                before.calls.extend(calls);
                before.failure = failure;
            }
            None => outcome.ops.push(OpOutcome { actor: each.actor.clone(), calls, failure }),
        }
        as_meant
    }

    /// All that is carried out was.
    fn carried(&mut self, carrying: &mut Carrying) -> Result<(), LabError> {
        let ran = std::mem::take(&mut carrying.traced);
        let task = self.lesson.steps[carrying.outcome.step].task.as_ref().filter(|task| task.trace);
        self.tracing.enter_step(&mut self.lab, ran, task.map_or(&[], |task| &task.shells))
    }
}
