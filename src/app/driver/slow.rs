//! Carrying out a step: at once, or in slow motion, call by call, each when the presenter
//! asks for it, and the lab looked at after each.

use super::{Driver, Gone};
use crate::app::stage::Carrying;
use crate::session::StepOutcome;
use crate::ui::event::Event;

/// A step that waits for a word to go on.
pub(super) struct Moving {
    carrying: Carrying,
    /// Where all was rebuilt up to this step: what the steps before it did.
    before: Option<Vec<StepOutcome>>,
}

impl Driver {
    /// From now on slowly, or not. A step under way comes to its end.
    pub(super) fn slow(&mut self, slow: bool) -> Result<(), Gone> {
        self.slow = slow;
        if slow { Ok(()) } else { self.go_on(true) }
    }

    /// Begins a step: all of it, or in slow motion its first call. `before` are the outcomes of the steps before
    /// it, where all of them were rebuilt.
    pub(super) fn begin(&mut self, step: usize, before: Option<Vec<StepOutcome>>) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        match stage.begin(step, true) {
            Ok(carrying) => {
                self.moving = Some(Moving { carrying, before });
                self.go_on(!self.slow)
            }
            Err(error) => self.recover(&error),
        }
    }

    /// The next call, or all that are to come. Nothing where no step waits.
    pub(super) fn go_on(&mut self, all: bool) -> Result<(), Gone> {
        let (Some(mut moving), Some(stage)) = (self.moving.take(), &mut self.stage) else { return Ok(()) };
        let carrying = &mut moving.carrying;
        let carried = if all { stage.carry_out_rest(carrying) } else { stage.carry_on(carrying) };
        if let Err(error) = carried {
            return self.recover(&error);
        }
        self.moving = Some(moving);
        self.sample(true)?;
        // Where the keeper was killed all is rebuilt by now, this step too.
        let Some(moving) = self.moving.take() else { return Ok(()) };
        let outcome = moving.carrying.outcome();
        if !moving.carrying.is_over() {
            self.moving = Some(moving);
            return self.send(Event::Moved(outcome));
        }
        match moving.before {
            Some(mut outcomes) => {
                let to = outcome.step;
                outcomes.push(outcome);
                self.send(Event::Rebuilt { to, outcomes })
            }
            None => self.send(Event::Performed(outcome)),
        }
    }
}
