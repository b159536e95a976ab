//! Slow motion: every step of every lesson, a call at a time, comes to what it comes to at
//! once. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use cloison::app::stage::Stage;
use cloison::lab::Options;
use cloison::lesson::library::Library;
use cloison::lesson::{Lesson, Values};
use cloison::session::StepOutcome;
use support::left::Left;

/// Nothing where this user has no control groups for it.
fn stage(lesson: &Arc<Lesson>) -> Option<Stage> {
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    let values = Values::new(lesson, "ana");
    let stage = Stage::open(Arc::clone(lesson), values, Options { program, ..Options::default() });
    assert!(stage.is_ok() || lesson.controllers().is_some(), "{}: {:?}", lesson.id, stage.err());
    stage.ok()
}

/// A step, a call at a time; both sides are looked at after each.
fn slowly(stage: &mut Stage, step: usize) -> StepOutcome {
    let mut carrying = stage.begin(step, true).unwrap();
    let mut calls = 0;
    loop {
        stage.carry_on(&mut carrying).unwrap();
        let now = carrying.outcome();
        if carrying.is_over() {
            return now;
        }
        let made = now.ops.iter().map(|op| op.calls.len()).sum();
        assert!(made > calls, "a pause without a call: {now:?}");
        calls = made;
        stage.snapshot().unwrap();
    }
}

/// What was called in what order by whom, and how it ended: without the numbers that
/// differ from run to run.
fn told(outcome: &StepOutcome) -> Vec<String> {
    let each = outcome.ops.iter().map(|op| {
        let calls = op.calls.iter().map(|call| format!("{} {:?}", call.name, call.result.err()));
        let mut calls: Vec<String> = calls.collect();
        // How often one is killed who goes on for a while is up to the machine.
        calls.dedup();
        let failure = op.failure.as_ref().map(|(errno, _)| errno.symbol());
        format!("{}: {:?} {failure:?}", op.actor, calls)
    });
    each.collect()
}

#[test]
fn every_step_of_every_lesson_comes_to_the_same() {
    let before = Left::now();
    let library = Library::open(None).unwrap();
    let mut compared = 0;
    for listed in library.list() {
        let lesson = Arc::new(library.get(&listed.id).unwrap());
        // One after the other: both would want the same ports.
        let all = |stage: Option<Stage>, perform: fn(&mut Stage, usize) -> StepOutcome| {
            let mut stage = stage?;
            Some((0..lesson.steps.len()).map(|step| told(&perform(&mut stage, step))).collect::<Vec<_>>())
        };
        let slow = all(stage(&lesson), slowly);
        let fast = all(stage(&lesson), |stage, step| stage.perform(step).unwrap());
        for (step, (slow, fast)) in slow.iter().flatten().zip(fast.iter().flatten()).enumerate() {
            assert_eq!(slow, fast, "{}.{}", lesson.id, lesson.steps[step].id);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
    before.assert_same();
}
