//! Whether what a room must read has room on the wall: for authors, before an audience
//! finds it out.

use std::sync::Arc;
use std::time::Instant;

use ratatui::layout::Size;

use super::event::{Event, Order, Request};
use super::model::Model;
use super::projector::Projector;
use super::theme::Theme;
use super::update::update;
use super::view::projector::overflow;
use crate::i18n::Lang;
use crate::lesson::answers::{Answers, Progress};
use crate::lesson::{Lesson, Values};
use crate::session::{Effect, StepOutcome};

/// The least wall, in cells.
pub const WALL: Size = Size::new(120, 36);

/// The steps whose text has more lines than a wall of this size has room for, and how
/// many: at its longest, with hands for each choice and the tasks done.
pub fn too_long(lesson: &Lesson, lang: Lang, wall: Size) -> Vec<(usize, usize)> {
    let mut model = Model::new(lang, Theme::DARK.projected(), wall, Vec::new());
    let mut projector = Projector::new(Answers::default());
    for step in &lesson.steps {
        let choices = step.predict.iter().flat_map(|predict| &predict.choices);
        projector.votes.insert(step.id.clone(), choices.map(|choice| (choice.clone(), 1)).collect());
    }
    model.projector = Some(projector);
    let passed = lesson.steps.iter().filter(|step| step.task.is_some()).map(|step| step.id.clone()).collect();
    let progress = Some(Progress { passed, ..Progress::default() });
    let answers = Box::new(Answers { lesson: lesson.id.clone(), progress, ..Answers::default() });
    let (steps, now) = (lesson.steps.len(), Instant::now());
    let opened = Event::Opened { values: Values::new(lesson, "cloison"), lesson: Arc::new(lesson.clone()), answers };
    answered(&mut model, opened, now);
    let mut long = Vec::new();
    for step in 0..steps {
        answered(&mut model, Event::Order(Order::Goto(step)), now);
        let lines = model.lesson().map_or(0, |lesson| overflow(lesson, wall));
        long.extend((lines > 0).then_some((step, lines)));
    }
    long
}

/// Something comes in; a lab that does nothing answers at once.
fn answered(model: &mut Model, event: Event, now: Instant) {
    for request in update(model, event, now) {
        let done = |step| StepOutcome { step, ..StepOutcome::default() };
        match request {
            Request::Session(Effect::Perform { step }) => answered(model, Event::Performed(done(step)), now),
            Request::Session(Effect::Rebuild { to, .. }) => {
                answered(model, Event::Rebuilt { to, outcomes: (0..=to).map(done).collect() }, now);
            }
            _ => {}
        }
    }
}
