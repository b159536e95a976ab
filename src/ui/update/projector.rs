//! What a presenter does to a lesson on the projector: by the keys of the wall's own
//! terminal, or as an [`Order`] from the notes. Pure, as all of `update`.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};

use super::{command, entered, lesson, panes, unpassed};
use crate::i18n::Lang;
use crate::say;
use crate::session::Command;
use crate::ui::event::{Order, Request};
use crate::ui::keymap::Intent;
use crate::ui::layout::Column;
use crate::ui::model::{Focus, LessonScreen, Model, Overlay, Screen};
use crate::ui::projector::{Autoplay, Pace, Projector, ToRead, Typing};
use crate::ui::shells::State;
use crate::ui::view;

/// Takes what means something on the projector; whether it was taken.
pub(super) fn intercepts(model: &mut Model, meaning: Intent, now: Instant, requests: &mut Vec<Request>) -> bool {
    let (lang, size) = (model.lang, model.size);
    let Some((lesson, wall)) = parts(model) else { return false };
    if wall.counting.is_some() {
        match meaning {
            Intent::Accept => count(lesson, wall),
            Intent::Erase => drop(wall.counting.as_mut().and_then(String::pop)),
            Intent::Close => wall.counting = None,
            _ => return false,
        }
        lesson.prose.stale = true;
        return true;
    }
    wall.trouble = None;
    match meaning {
        // The question stays until it is revealed: a remote control is soon pressed twice.
        Intent::Next if wall.pace == Pace::Waiting => requests.push(Request::GoOn { all: false }),
        Intent::Reveal if wall.pace == Pace::Waiting => requests.push(Request::GoOn { all: true }),
        Intent::Next => {
            if !at_gate(lesson) {
                leave(model, requests);
            }
        }
        Intent::Reveal => leave(model, requests),
        Intent::Back => {
            if let Some(to) = lesson.session.step().checked_sub(1) {
                go(model, Command::Goto(to), requests);
            }
        }
        Intent::Repeat => {
            let to = lesson.session.step();
            go(model, Command::Goto(to), requests);
        }
        Intent::Slow => {
            wall.pace = if wall.pace == Pace::AtOnce { Pace::Slowly } else { Pace::AtOnce };
            requests.push(Request::Slow(wall.pace == Pace::Slowly));
            lesson.prose.stale = true;
        }
        Intent::Auto => match &mut wall.auto {
            Some(auto) => auto.held = !auto.held,
            None => wall.auto = Some(Autoplay::new(false, None)),
        },
        Intent::Steps => model.overlay = Some(Overlay::Steps(lesson.session.step())),
        Intent::Blank => wall.blank = !wall.blank,
        Intent::Larger | Intent::Smaller => {
            if let Some(projected) = &mut lesson.projected {
                match meaning {
                    Intent::Larger => projected.larger(wall.scales),
                    _ => projected.smaller(),
                }
            }
            lesson.prose.stale = true;
        }
        Intent::Spotlight => {
            let next = next_spot(lesson);
            set_spot(lesson, next);
        }
        Intent::Up | Intent::Down => panes::act(lesson, size, lang, now, meaning),
        Intent::Close => {
            if lesson.twins.browse.whole() {
                panes::act(lesson, size, lang, now, meaning);
            }
            set_spot(lesson, None);
            self::lesson::focus(lesson, Focus::Lesson);
        }
        Intent::Count => {
            if at_gate(lesson) {
                wall.counting = Some(String::new());
                lesson.prose.stale = true;
            }
        }
        Intent::Type => type_solution(lesson, wall, lang, now),
        // The teacher takes the keyboard: nobody else types.
        Intent::Shell => {
            wall.typing = None;
            return false;
        }
        // Of a student's screen.
        Intent::Panes | Intent::Hint | Intent::NextRegion | Intent::PreviousRegion | Intent::Zoom => {}
        _ => return false,
    }
    true
}

/// The lesson and what is shown of it, where it is on a projector.
fn parts(model: &mut Model) -> Option<(&mut LessonScreen, &mut Projector)> {
    let Model { screen: Screen::Lesson(lesson), projector: Some(wall), .. } = model else { return None };
    Some((lesson, wall))
}

/// Takes the hands that were typed.
fn count(lesson: &mut LessonScreen, wall: &mut Projector) {
    let step = lesson.session.step_def();
    wall.count(&step.id, step.predict.as_ref().map_or(&[], |predict| &predict.choices));
    lesson.prose.stale = true;
}

fn set_spot(lesson: &mut LessonScreen, spot: Option<Column>) {
    if let Some(projected) = &mut lesson.projected {
        projected.spotlight = spot;
    }
    lesson.prose.stale = true;
}

/// A character of the hands as they are counted.
pub(super) fn digit(model: &mut Model, c: char) {
    let Some((lesson, wall)) = parts(model) else { return };
    if let Some(typed) = &mut wall.counting
        && (c.is_ascii_digit() || c == ' ')
        && typed.len() < 40
    {
        typed.push(c);
        lesson.prose.stale = true;
    }
}

/// What came from the notes.
pub(super) fn order(model: &mut Model, order: Order, now: Instant, requests: &mut Vec<Request>) {
    match order {
        Order::Do(intent) => {
            // What lies above the wall is closed by whoever acts next.
            model.overlay = None;
            if !intercepts(model, intent, now, requests) {
                super::lesson::lesson(model, intent, now, requests);
            }
        }
        Order::Goto(to) => {
            model.overlay = None;
            go(model, Command::Goto(to), requests);
        }
        Order::Hands(typed) => {
            if let Some((lesson, wall)) = parts(model).filter(|(lesson, _)| at_gate(lesson)) {
                wall.counting = Some(typed);
                count(lesson, wall);
            }
        }
        Order::Leave => model.left = true,
    }
    model.dirty = true;
}

/// Some calls of this step were made, and it waits.
pub(super) fn moved(model: &mut Model) {
    if let Some((lesson, wall)) = parts(model) {
        wall.pace = Pace::Waiting;
        lesson.prose.stale = true;
        model.dirty = true;
    }
}

/// All ops of this step were carried out.
pub(super) fn arrived(model: &mut Model) {
    if let Some(wall) = model.projector.as_mut().filter(|wall| wall.pace == Pace::Waiting) {
        wall.pace = Pace::Slowly;
    }
}

/// Goes on by itself, where that is wanted and nothing else is waited for.
pub(super) fn play(model: &mut Model, now: Instant, requests: &mut Vec<Request>) {
    let (above, lang) = (model.overlay.is_some(), model.lang);
    let Some((lesson, wall)) = parts(model) else { return };
    let types = wall.typing.is_some() && lesson.shells.running();
    let Some(auto) = &mut wall.auto else { return };
    let at_work = lesson.session.busy() && wall.pace != Pace::Waiting;
    if at_work || types || above || auto.held || wall.blank || lesson.focus == Focus::Shells {
        auto.wait();
        return;
    }
    let to_read = if wall.pace == Pace::Waiting {
        ToRead { words: 0, asks: false }
    } else {
        view::projector::to_read(lesson, lang)
    };
    if !auto.is_due(to_read, now) {
        return;
    }
    let (step, steps) = (lesson.session.step(), lesson.session.lesson().steps.len());
    let open = unpassed(lesson);
    if wall.pace == Pace::Waiting {
        requests.push(Request::GoOn { all: false });
    } else if wall.typing.is_some() || lesson.session.stands_still() {
        // Its shell is gone, or the step failed.
        go(model, Command::Goto(step), requests);
    } else if open && !auto.typed && wall.solution.tasks.contains_key(&lesson.session.step_def().id) {
        auto.typed = true;
        type_solution(lesson, wall, lang, now);
    } else if step + 1 < steps {
        leave(model, requests);
    } else if auto.again {
        go(model, Command::Goto(0), requests);
    } else {
        wall.auto = None;
    }
    model.dirty = true;
}

/// Time has passed: the next key of the solution, where one is due.
pub(super) fn tick(model: &mut Model, now: Instant, requests: &mut Vec<Request>) {
    let Some((lesson, wall)) = parts(model) else { return };
    let Some(typing) = &mut wall.typing else { return };
    if typing.done() {
        wall.typing = None;
        return;
    }
    if let Some(shell) = typing.shell() {
        lesson.shells.show(shell);
    }
    if !matches!(lesson.shells.shown().map(|tab| &tab.state), Some(State::Running(_))) {
        return;
    }
    let Some(c) = typing.take(now) else { return };
    let key = KeyEvent::from(if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) });
    let lines = lesson.shells.key(key, unpassed(lesson));
    model.dirty = true;
    entered(model, lines, requests);
}

/// A shell has taken a line.
pub(super) fn prompted(model: &mut Model, now: Instant) {
    if let Some(typing) = model.projector.as_mut().and_then(|wall| wall.typing.as_mut()) {
        typing.prompted(now);
    }
}

/// Whether a question stands that was not answered yet.
pub fn at_gate(lesson: &LessonScreen) -> bool {
    lesson.session.step_def().predict.is_some()
}

/// Moves to another step: now, or on a projector as soon as the lab has done what it is at.
/// Of several keys that came too early the last counts.
pub(super) fn go(model: &mut Model, to: Command, requests: &mut Vec<Request>) {
    let Some((lesson, wall)) = parts(model) else { return command(model, to, requests) };
    if lesson.session.busy() {
        wall.pending = Some(to);
        if wall.pace == Pace::Waiting {
            requests.push(Request::GoOn { all: true });
        }
    } else {
        command(model, to, requests);
    }
}

/// Goes where the teacher wanted to go while the lab was busy.
pub(super) fn catch_up(model: &mut Model, requests: &mut Vec<Request>) {
    let ready = parts(model).filter(|(lesson, _)| !lesson.session.busy());
    if let Some(to) = ready.and_then(|(_, wall)| wall.pending.take()) {
        command(model, to, requests);
    }
}

/// Goes on, past the question of this step.
fn leave(model: &mut Model, requests: &mut Vec<Request>) {
    let Some(lesson) = model.lesson() else { return };
    if lesson.session.step() + 1 < lesson.session.lesson().steps.len() {
        go(model, Command::Skip, requests);
    }
}

fn type_solution(lesson: &mut LessonScreen, wall: &mut Projector, lang: Lang, now: Instant) {
    if let Some(typing) = &mut wall.typing {
        typing.pause(now);
        return;
    }
    let step = lesson.session.step_def();
    if let Some(commands) = wall.solution.tasks.get(&step.id) {
        wall.typing = Some(Typing::new(commands, now));
        set_spot(lesson, None);
    } else if step.task.is_some() {
        wall.trouble = Some(say!(
            lang,
            "There is nothing to type: no solution.toml beside this lesson.",
            "Il n'y a rien à taper : pas de solution.toml à côté de cette leçon."
        ));
    }
}

/// The region that comes after the one that is shown alone; nothing after the last.
fn next_spot(lesson: &LessonScreen) -> Option<Column> {
    use crate::ui::layout::Pane;
    let shell = lesson.session.step_def().task.is_some().then_some(Column::Shell);
    let spots =
        [Some(Column::Pane(lesson.pane)), Some(Column::Pane(Pane::Walls)), Some(Column::Pane(Pane::Calls)), shell];
    let spots: Vec<Column> = spots.into_iter().flatten().collect();
    let shown = lesson.projected.and_then(|projected| projected.spotlight);
    match shown.and_then(|shown| spots.iter().position(|spot| *spot == shown)) {
        Some(at) => spots.get(at + 1).copied(),
        None => spots.first().copied(),
    }
}
