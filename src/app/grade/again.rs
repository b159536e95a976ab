//! The same step once more, in a lab that has seen other commands before it: whether a
//! task fails only because an earlier one did. What is found here is told, and gives no
//! points.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Grader;
use crate::lab::LabError;
use crate::lesson::answers::Progress;
use crate::session::Session;

impl Grader<'_> {
    /// The earlier task without whose commands this one, which failed, would pass. Only
    /// commands that were typed and ended in their time are tried, those of the latest
    /// failed task first. The lab is to be renewed afterwards.
    pub(super) fn waits_for(&mut self, scripts: &[(String, String)], time: Duration) -> Option<String> {
        let earlier: Vec<String> = self.failed.iter().rev().cloned().collect();
        earlier.into_iter().find(|step| {
            let mut passed = self.passed_tasks();
            passed.push(step.clone());
            let passes = self.elsewhere(passed, |grader| {
                let stopped = grader.attempt(scripts, Instant::now() + time)?;
                Ok(stopped.is_empty() && grader.passed())
            });
            passes.unwrap_or(false)
        })
    }

    /// The nearest earlier task that this one can't pass without, by the lesson, directly or
    /// by way of others, and to which there are no commands: nothing of it can be tried.
    pub(super) fn lacks(&self, step: &str) -> Option<String> {
        let lesson = self.session.lesson();
        let passed = self.passed_tasks();
        let blank = |step: &String| {
            let shells = self.answers.tasks.get(step);
            shells.into_iter().flatten().all(|(_, lines)| lines.trim().is_empty())
        };
        let unanswered = |step: &String| !passed.contains(step) && blank(step);
        lesson.tasks_before(step).into_iter().find(|step| unanswered(step))
    }

    fn passed_tasks(&self) -> Vec<String> {
        self.session.answers().progress.as_ref().map(|progress| progress.passed.clone()).unwrap_or_default()
    }

    /// Does something at this step in a lab that has seen the commands of these tasks and
    /// no others; the session is as it was afterwards, and there is a lab.
    fn elsewhere(
        &mut self,
        passed: Vec<String>,
        act: impl FnOnce(&mut Self) -> Result<bool, LabError>,
    ) -> Result<bool, LabError> {
        let mut answers = self.session.answers().clone();
        let step = self.session.step_def().id.clone();
        answers.progress = Some(Progress { step, passed, ..Progress::default() });
        let lesson = Arc::clone(self.session.lesson());
        let (session, effects) = Session::new(lesson, answers, self.values.clone());
        let own = std::mem::replace(&mut self.session, session);
        let done = self.carry_out(effects).and_then(|()| act(self));
        self.session = own;
        if done.is_err() {
            self.reopen()?;
        }
        done
    }
}
