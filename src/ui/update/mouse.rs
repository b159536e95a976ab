//! What the mouse does: a click gives the keyboard and takes what is under it, a
//! second one on the same place gives that region the screen, the wheel scrolls.
//! With Shift held the mouse is the terminal's.

use std::time::{Duration, Instant};

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::lesson::{focus, go_to, predict, scroll_calls, zoom};
use super::panes;
use crate::ui::event::Request;
use crate::ui::layout::{Column, Pane, Region, too_small};
use crate::ui::model::{Focus, Model, Overlay, Screen};
use crate::ui::shells::NOTCH;
use crate::ui::view;
use crate::ui::view::panes::Hit;

/// Two clicks within this time are one double click.
const DOUBLE: Duration = Duration::from_millis(400);

/// The mouse did something.
pub(super) fn mouse(model: &mut Model, event: MouseEvent, now: Instant, requests: &mut Vec<Request>) {
    let place = Position::new(event.column, event.row);
    match event.kind {
        // Some terminals tell of it and select nevertheless.
        _ if event.modifiers.contains(KeyModifiers::SHIFT) => {}
        MouseEventKind::Down(MouseButton::Left) => click(model, place, now, requests),
        MouseEventKind::ScrollUp => wheel(model, place, now, true),
        MouseEventKind::ScrollDown => wheel(model, place, now, false),
        _ => {}
    }
}

fn click(model: &mut Model, place: Position, now: Instant, requests: &mut Vec<Request>) {
    let (size, lang) = (model.size, model.lang);
    if model.overlay.is_some() || too_small(size) {
        return;
    }
    model.dirty = true;
    let soon = |&(then, at): &(Instant, Position)| at == place && now.saturating_duration_since(then) <= DOUBLE;
    let double = model.clicked.take().as_ref().is_some_and(soon);
    if !double {
        model.clicked = Some((now, place));
    }
    let lesson = model.lesson().filter(|lesson| lesson.inspected.is_none());
    let step = lesson.and_then(|lesson| view::header::step_at(model, lesson, place));
    let hit = model.lesson().and_then(|lesson| view::panes::hit(model, lesson, place));
    let Screen::Lesson(lesson) = &mut model.screen else { return };
    if let Some(to) = step {
        if to != lesson.session.step() && to <= lesson.session.furthest() {
            go_to(model, to, requests);
        }
        return;
    }
    let regions = lesson.regions(size);
    match regions.at(place) {
        Some(Region::Lesson) => {
            focus(lesson, Focus::Lesson);
            if double {
                return zoom(lesson, None);
            }
            let area = lesson.prose_area(size);
            let line = lesson.prose.scroll + usize::from(place.y.saturating_sub(area.y));
            if area.contains(place)
                && let Some(index) = lesson.prose.choice_at(line)
            {
                predict(model, index, requests);
            }
        }
        Some(Region::Panes) => {
            focus(lesson, Focus::Panes);
            match hit {
                Some(Hit::Tab(pane)) => panes::bring(lesson, pane),
                Some(Hit::Heading(side, column)) => {
                    lesson.twins.browse.sort_by(side, column);
                    lesson.twins.unlisted = true;
                }
                _ if double => {
                    let on = if regions.calls.contains(place) {
                        Pane::Calls
                    } else if regions.walls.contains(place) {
                        Pane::Walls
                    } else {
                        lesson.pane
                    };
                    zoom(lesson, Some(Column::Pane(on)));
                }
                Some(Hit::Row(at)) => panes::select(lesson, size, lang, now, at),
                Some(Hit::Fold) => panes::act(lesson, size, lang, now, crate::ui::keymap::Intent::PageDown),
                None => {}
            }
        }
        Some(Region::Shells) => {
            focus(lesson, Focus::Shells);
            match view::shells::tab_at(lesson, &regions, place) {
                Some(tab) => lesson.shells.current = tab,
                None if double => zoom(lesson, None),
                None => {}
            }
        }
        None => {}
    }
}

fn wheel(model: &mut Model, place: Position, now: Instant, up: bool) {
    let (size, lang) = (model.size, model.lang);
    let by = if up { -NOTCH } else { NOTCH };
    model.dirty = true;
    if let Some(scroll) = model.overlay.as_mut().and_then(Overlay::scroll) {
        *scroll = scroll.saturating_add_signed(by);
        return;
    }
    let lesson = match &mut model.screen {
        Screen::List(_) => return model.list.move_by(by.signum(), lang),
        Screen::Containers => return model.containers.move_by(by.signum()),
        Screen::Lesson(lesson) => lesson,
    };
    let regions = lesson.regions(size);
    match regions.at(place) {
        Some(Region::Lesson) => lesson.prose.scroll = lesson.prose.scroll.saturating_add_signed(by),
        Some(Region::Panes) if regions.calls.contains(place) => scroll_calls(model, by),
        Some(Region::Panes) => panes::scroll(lesson, size, lang, now, by),
        Some(Region::Shells) => {
            let cells = regions.shell_cells();
            lesson.shells.wheel(up, place.y.saturating_sub(cells.y), place.x.saturating_sub(cells.x));
        }
        None => {}
    }
}
