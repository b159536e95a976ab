//! A lesson that its author changes while it is open (`learn --watch`): the session
//! goes on with the new one at the same step, with what was answered and typed.

use std::sync::Arc;

use super::state::{Phase, Visit};
use super::{Effect, Session, StepOutcome};
use crate::lesson::{Lesson, Values};

/// The step of the new lesson that stands where a step of the old one did: that of its
/// name, else that of the nearest before it, else the first.
pub fn same_place(old: &Lesson, step: usize, new: &Lesson) -> usize {
    let before = old.steps.iter().take(step + 1).rev();
    before.into_iter().find_map(|one| position(new, &one.id)).unwrap_or(0)
}

fn position(lesson: &Lesson, id: &str) -> Option<usize> {
    lesson.steps.iter().position(|step| step.id == id)
}

/// Whether both make the same lab, up to and including these steps.
fn same_lab((old, to_old): (&Lesson, usize), (new, to_new): (&Lesson, usize)) -> bool {
    let ops = |lesson: &Lesson, to: usize| {
        lesson.steps.iter().take(to + 1).flat_map(|step| step.ops.clone()).collect::<Vec<_>>()
    };
    let traced = |lesson: &Lesson, to: usize| {
        lesson
            .steps
            .get(to)
            .and_then(|step| step.task.as_ref())
            .filter(|task| task.trace)
            .map(|task| task.shells.clone())
    };
    old.actors == new.actors
        && old.from_shells == new.from_shells
        && old.files == new.files
        && old.needs == new.needs
        && old.tools == new.tools
        && old.seeds == new.seeds
        && ops(old, to_old) == ops(new, to_new)
        && traced(old, to_old) == traced(new, to_new)
}

impl Session {
    /// Goes on with the lesson as its author has just saved it. What comes back is to be
    /// asked of the lab. Where the lesson now makes another lab, this one stays as it is
    /// ([`Self::lab_is_old`]) until a step is gone to: somebody may be typing in it.
    pub fn reload(&mut self, lesson: Arc<Lesson>, values: Values) -> Vec<Effect> {
        let old = std::mem::replace(&mut self.lesson, lesson);
        let new = Arc::clone(&self.lesson);
        let to = same_place(&old, self.step, &new);
        let (busy, same) = (self.phase != Phase::Ready, same_lab((&old, self.step), (&new, to)));
        let outcome = |(at, step): (usize, &crate::lesson::Step)| {
            let was = position(&old, &step.id).and_then(|at| self.outcomes.get(at)?.clone());
            was.map(|outcome| StepOutcome { step: at, ..outcome })
        };
        self.outcomes = new.steps.iter().enumerate().map(outcome).collect();
        self.furthest = same_place(&old, self.furthest, &new);
        self.values = values;
        self.forget_what_is_gone();
        let (visit, now) = (std::mem::take(&mut self.visit), self.now.take());
        if busy {
            // What is under way was asked of the old one.
            return vec![self.enter(to, Phase::Rebuilding)];
        }
        let (outcome, was_old) = (self.outcomes[to].clone(), self.lab_is_old);
        // The lab stands at the step already: nothing is to be asked of it.
        drop(self.enter(to, Phase::Ready));
        self.outcomes[to] = outcome;
        self.lab_is_old = was_old || !same;
        let Visit { baseline, typed, pids, lacks_task, .. } = visit;
        self.visit = Visit { typed, pids, lacks_task, ..std::mem::take(&mut self.visit) };
        // What was seen so far, with an eye for what the new texts and checks speak of.
        let mut effects = Vec::new();
        for seen in [baseline, now].into_iter().flatten() {
            self.now = Some(Arc::new(seen.again(Arc::clone(&self.visit.parts))));
            self.seen_here = true;
            effects.extend(self.observe());
        }
        effects
    }

    /// Of the answers, what the lesson has no place for any more: a file with it could
    /// not be read.
    fn forget_what_is_gone(&mut self) {
        let lesson = Arc::clone(&self.lesson);
        let step = |id: &String| position(&lesson, id).map(|at| &lesson.steps[at]);
        let task = |id: &String| step(id).and_then(|step| step.task.as_ref());
        let chosen = |id: &String, choice: &String| {
            step(id).and_then(|step| step.predict.as_ref()).is_some_and(|predict| predict.choices.contains(choice))
        };
        self.answers.answers.retain(|id, choice| chosen(id, choice));
        for (id, shells) in &mut self.answers.tasks {
            shells.retain(|shell, _| task(id).is_some_and(|task| task.shells.contains(shell)));
        }
        self.answers.tasks.retain(|id, _| task(id).is_some());
        let progress = self.progress_mut();
        progress.passed.retain(|id| task(id).is_some());
        progress.hints.retain(|id, _| task(id).is_some());
    }

    /// Whether the lab is still that of the lesson before it was changed.
    pub fn lab_is_old(&self) -> bool {
        self.lab_is_old
    }
}
