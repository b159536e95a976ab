//! What keys do to an open lesson: its steps, its text, the prediction, and which
//! region has the keyboard.

use std::sync::Arc;
use std::time::Instant;

use ratatui::layout::Size;

use super::{carry_out, command, panes};
use crate::i18n::Lang;
use crate::lesson::{Lesson, Values};
use crate::session::Command;
use crate::ui::event::Request;
use crate::ui::keymap::Intent;
use crate::ui::layout::{Column, Pane, wide};
use crate::ui::model::{Focus, LessonScreen, Model, Overlay, Share};
use crate::ui::view;

/// What a key means, wherever the keyboard is.
pub(super) fn lesson(model: &mut Model, meaning: Intent, now: Instant, requests: &mut Vec<Request>) {
    let (size, lang) = (model.size, model.lang);
    let Some(lesson) = model.lesson_mut() else { return };
    match meaning {
        Intent::Next => command(model, Command::Next, requests),
        Intent::Back => {
            if let Some(to) = lesson.session.step().checked_sub(1) {
                go_to(model, to, requests);
            }
        }
        Intent::Hint => command(model, Command::Hint, requests),
        Intent::ProseUp | Intent::ProseDown => {
            let page = page(lesson, size);
            let by = if meaning == Intent::ProseUp { -page } else { page };
            lesson.prose.scroll = lesson.prose.scroll.saturating_add_signed(by);
        }
        Intent::Trace => trace(lesson, size, requests),
        Intent::CallsUp => scroll_calls(model, -1),
        Intent::CallsDown => scroll_calls(model, 1),
        Intent::Zoom => zoom(lesson, None),
        Intent::Lesson => {
            lesson.share = match (lesson.focus, lesson.share) {
                (Focus::Lesson, Share::Half) => Share::Whole,
                _ => Share::Half,
            };
            focus(lesson, Focus::Lesson);
        }
        Intent::Panes => {
            if lesson.focus == Focus::Panes {
                panes::turn(lesson, size, 1);
            }
            focus(lesson, Focus::Panes);
        }
        Intent::Shell => {
            if lesson.focus == Focus::Shells {
                lesson.shells.next();
            }
            focus(lesson, Focus::Shells);
        }
        Intent::NextRegion | Intent::PreviousRegion => {
            let order = [Focus::Lesson, Focus::Panes, Focus::Shells];
            let at = order.iter().position(|&region| region == lesson.focus).unwrap_or(0);
            let by = if meaning == Intent::NextRegion { 1 } else { 2 };
            focus(lesson, order[(at + by) % 3]);
        }
        _ => match lesson.focus {
            Focus::Lesson => in_lesson(model, meaning, requests),
            Focus::Panes => match (lesson.front(), meaning) {
                _ if lesson.filtering => panes::filter(lesson, meaning),
                (Pane::Calls, Intent::Up) => scroll_calls(model, -1),
                (Pane::Calls, Intent::Down) => scroll_calls(model, 1),
                (Pane::Calls, Intent::PageUp | Intent::Top) => scroll_calls(model, isize::MIN),
                (Pane::Calls, Intent::PageDown | Intent::Bottom) => scroll_calls(model, isize::MAX),
                (_, Intent::Accept) => {
                    let selected = lesson.twins.browse.selected(&lesson.twins.table).is_some();
                    model.overlay = Some(if selected { Overlay::Row(0) } else { Overlay::Evidence(0) });
                }
                _ => panes::act(lesson, size, lang, now, meaning),
            },
            Focus::Shells => match meaning {
                Intent::PageUp => lesson.shells.page(true),
                Intent::PageDown => lesson.shells.page(false),
                Intent::Accept => {
                    let cells = lesson.regions(size).shell_cells();
                    requests.extend(lesson.shells.open(cells.as_size(), true));
                }
                _ => {}
            },
        },
    }
}

/// Goes back to a step, or forward to one that was reached before; asks first where
/// that would lose something typed.
pub(super) fn go_to(model: &mut Model, to: usize, requests: &mut Vec<Request>) {
    match model.lesson() {
        Some(lesson) if lesson.session.would_lose() => model.overlay = Some(Overlay::Confirm(to)),
        _ => command(model, Command::Goto(to), requests),
    }
}

/// The lesson's author has saved it: the screen goes on at the same step. Where the
/// lesson now makes another lab, that is built at once unless somebody may be typing.
pub(super) fn reload(model: &mut Model, new: Arc<Lesson>, values: Values, requests: &mut Vec<Request>) {
    let open = model.lesson().is_some_and(|open| open.inspected.is_none() && open.session.lesson().id == new.id);
    if !open {
        return;
    }
    model.failure = None;
    if let Some(wall) = &mut model.projector {
        wall.trouble = None;
    }
    model.dirty = true;
    let Some(lesson) = model.lesson_mut() else { return };
    let step = lesson.session.step_def().id.clone();
    let (shown, front) = (lesson.last_shown(|_| true), lesson.pane);
    let (keyboard, below, zoom, filtering) = (lesson.focus, lesson.below, lesson.zoom, lesson.filtering);
    let (scroll, choice) = (lesson.prose.scroll, lesson.choice);
    let browse = std::mem::take(&mut lesson.twins.browse);
    let others = std::mem::take(&mut lesson.twins.others);
    let effects = lesson.session.reload(new, values);
    lesson.entered_step();
    if lesson.session.step_def().id == step {
        // What the person was at stays, but for what the author has just changed.
        (lesson.focus, lesson.below, lesson.zoom) = (keyboard, below, zoom);
        lesson.prose.scroll = scroll;
        let choices = lesson.session.step_def().predict.as_ref().map_or(0, |predict| predict.choices.len());
        lesson.choice = choice.min(choices.saturating_sub(1));
        if lesson.last_shown(|_| true) == shown {
            (lesson.pane, lesson.filtering) = (front, filtering);
            (lesson.twins.browse, lesson.twins.others) = (browse, others);
        }
    }
    let free = !lesson.session.would_lose() && !lesson.shells.in_use();
    let rebuild = lesson.session.lab_is_old() && free;
    let to = lesson.session.step();
    carry_out(model, effects, requests);
    if rebuild {
        command(model, Command::Goto(to), requests);
    }
}

/// Gives the screen between the bars to what has the keyboard (or to `on`), or back
/// to all.
pub(super) fn zoom(lesson: &mut LessonScreen, on: Option<Column>) {
    let focused = match lesson.focus {
        Focus::Lesson => Column::Lesson,
        Focus::Panes => Column::Pane(lesson.pane),
        Focus::Shells => Column::Shell,
    };
    lesson.zoom = if lesson.zoom.is_some() { None } else { Some(on.unwrap_or(focused)) };
}

/// Scrolls the calls by so many lines, to their end and no further.
pub(super) fn scroll_calls(model: &mut Model, by: isize) {
    let (most, at) = model.lesson().map_or((0, 0), |lesson| view::calls::scrolled(model, lesson));
    if let Some(lesson) = model.lesson_mut() {
        lesson.calls_scroll = at.saturating_add_signed(by).min(most);
        lesson.calls_follow = lesson.calls_scroll == most && lesson.session.traced_calls().is_empty();
    }
}

/// Has the commands of the shell in front traced, or no more.
fn trace(lesson: &mut LessonScreen, size: Size, requests: &mut Vec<Request>) {
    let Some(actor) = lesson.shells.shown().map(|tab| tab.actor.clone()) else { return };
    let on = !lesson.traced(&actor);
    if on && !wide(size) {
        panes::bring(lesson, Pane::Calls);
    }
    lesson.calls_follow = true;
    requests.push(Request::Trace { actor, on });
}

/// Gives the keyboard to a region; another one than that on the whole screen has
/// its own place again.
pub(super) fn focus(lesson: &mut LessonScreen, region: Focus) {
    if lesson.focus != region {
        lesson.zoom = None;
        lesson.filtering = false;
    }
    lesson.focus = region;
    if region != Focus::Lesson {
        lesson.below = region;
    }
}

/// A page of the text, in lines.
fn page(lesson: &LessonScreen, size: Size) -> isize {
    isize::try_from(lesson.prose_area(size).height.saturating_sub(1).max(1)).unwrap_or(1)
}

fn in_lesson(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let size = model.size;
    let Some(lesson) = model.lesson_mut() else { return };
    let page = page(lesson, size);
    let prediction = lesson.session.prediction().filter(|prediction| prediction.open);
    let scroll = |lesson: &mut LessonScreen, by: isize| {
        lesson.prose.scroll = lesson.prose.scroll.saturating_add_signed(by);
    };
    match (meaning, prediction) {
        // Nobody takes, or passes over, a choice that was not to be seen.
        (Intent::Up | Intent::Down | Intent::Accept, Some(_)) if bring_choices(lesson, size) => {}
        (Intent::Up, Some(_)) => select(lesson, size, lesson.choice.saturating_sub(1)),
        (Intent::Down, Some(prediction)) => {
            select(lesson, size, (lesson.choice + 1).min(prediction.choices.len().saturating_sub(1)));
        }
        (Intent::Up, None) => scroll(lesson, -1),
        (Intent::Down, None) => scroll(lesson, 1),
        (Intent::PageUp, _) => scroll(lesson, -page),
        (Intent::PageDown, _) => scroll(lesson, page),
        (Intent::Top, _) => lesson.prose.scroll = 0,
        (Intent::Bottom, _) => lesson.prose.scroll = usize::MAX,
        (Intent::Digit(n), Some(_)) => predict(model, usize::from(n) - 1, requests),
        (Intent::Accept, Some(prediction)) => {
            let Some(choice) = prediction.choices.get(lesson.choice) else { return };
            let taken = prediction.chosen.as_ref() == Some(&choice.id);
            let next = if taken { Command::Next } else { Command::Predict(choice.id.clone()) };
            command(model, next, requests);
        }
        // A task that is not passed is left by F9 alone, not by an Enter too many.
        (Intent::Accept, None) if lesson.session.task(Lang::En).is_none_or(|task| task.passed) => {
            command(model, Command::Next, requests);
        }
        _ => {}
    }
}

/// Makes the open prediction: the choice of this index.
pub(super) fn predict(model: &mut Model, index: usize, requests: &mut Vec<Request>) {
    let size = model.size;
    let Some(lesson) = model.lesson_mut() else { return };
    let prediction = lesson.session.prediction().filter(|prediction| prediction.open);
    if let Some(choice) = prediction.and_then(|prediction| prediction.choices.get(index).cloned()) {
        select(lesson, size, index);
        command(model, Command::Predict(choice.id), requests);
    }
}

/// Selects a choice and keeps it in sight.
fn select(lesson: &mut LessonScreen, size: Size, index: usize) {
    lesson.choice = index;
    lesson.prose.stale = true;
    bring_choices(lesson, size);
}

/// Scrolls the choices into sight: all of them, or where they are too many the one
/// that is selected. Whether that took any scrolling.
fn bring_choices(lesson: &mut LessonScreen, size: Size) -> bool {
    let high = usize::from(lesson.prose_area(size).height);
    let prose = &mut lesson.prose;
    let begins = |index: usize| prose.choices.get(index).copied();
    let Some(first) = begins(0) else { return false };
    let all = first..prose.choices_end;
    let Some(selected) = begins(lesson.choice) else { return false };
    let selected = selected..begins(lesson.choice + 1).unwrap_or(prose.choices_end);
    let shown = if all.len() <= high { all } else { selected };
    let before = prose.scroll;
    // The lower end first: of what is too long for the screen, the beginning counts.
    prose.scroll = prose.scroll.max(shown.end.saturating_sub(high)).min(shown.start);
    prose.scroll != before
}
