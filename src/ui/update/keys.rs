//! What keys, pasted text and a change of size do: the table of keys says what is
//! meant, and what lies above the screen comes first.

use std::time::Instant;

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;

use super::inspect;
use super::lesson::lesson;
use super::{entered, mouse, projector, unpassed};
use crate::session::Command;
use crate::ui::event::{EntryState, Request};
use crate::ui::keymap::{Context, Intent, lookup};
use crate::ui::model::{Focus, Model, Mouse, Overlay, Screen};
use crate::ui::shells::State;

/// Something came from the terminal.
pub(super) fn terminal(model: &mut Model, input: Input, now: Instant, requests: &mut Vec<Request>) {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => {
            model.dirty = true;
            model.failure = None;
            self::key(model, key, now, requests);
        }
        Input::Paste(text) => {
            model.dirty = true;
            paste(model, &text, requests);
        }
        Input::Resize(width, height) => {
            model.dirty = true;
            model.size = Size { width, height };
            // On a projector the size of the text depends on the room.
            if let Some(lesson) = model.lesson_mut() {
                lesson.prose.stale |= lesson.projected.is_some();
            }
        }
        Input::Mouse(event) => mouse::mouse(model, event, now, requests),
        _ => {}
    }
}

fn paste(model: &mut Model, text: &str, requests: &mut Vec<Request>) {
    match &mut model.screen {
        _ if model.overlay.is_some() => {}
        Screen::List(_) => text.chars().for_each(|c| model.list.type_char(c)),
        Screen::Containers => text.chars().for_each(|c| model.containers.type_char(c)),
        Screen::Lesson(lesson) if lesson.filtering => {
            text.chars().for_each(|c| lesson.twins.browse.type_char(c));
            lesson.twins.unlisted = true;
        }
        Screen::Lesson(lesson) if lesson.focus == Focus::Shells => {
            let unpassed = unpassed(lesson);
            let lines = lesson.shells.paste(text, unpassed);
            entered(model, lines, requests);
        }
        Screen::Lesson(_) => {}
    }
}

/// Where keys go now.
pub fn context(model: &Model) -> Context {
    match (&model.overlay, &model.screen) {
        _ if model.prefix => Context::AfterPrefix,
        (Some(Overlay::Quit), _) => Context::Quit,
        (Some(_), _) => Context::Overlay,
        (None, Screen::List(_)) => Context::List,
        (None, Screen::Containers) => Context::Containers,
        (None, Screen::Lesson(lesson)) => match lesson.focus {
            _ if model.projector.as_ref().is_some_and(|wall| wall.counting.is_some()) => Context::Counting,
            Focus::Lesson if lesson.projected.is_some() => Context::Projector,
            Focus::Lesson => Context::Lesson,
            Focus::Panes if lesson.filtering => Context::Filter,
            Focus::Panes => Context::Panes,
            Focus::Shells if matches!(lesson.shells.shown().map(|tab| &tab.state), Some(State::Ended(..))) => {
                Context::EndedShell
            }
            Focus::Shells => Context::Shell,
        },
    }
}

fn key(model: &mut Model, key: KeyEvent, now: Instant, requests: &mut Vec<Request>) {
    let context = context(model);
    let meaning = lookup(context, key);
    if std::mem::take(&mut model.prefix) {
        match meaning {
            Some(Intent::Prefix) => to_shell(model, key, requests),
            Some(meaning) => intent(model, meaning, now, requests),
            None => {}
        }
        return;
    }
    match (meaning, context) {
        (Some(Intent::Prefix), _) => model.prefix = true,
        (Some(meaning), _) => intent(model, meaning, now, requests),
        (None, Context::Shell) => to_shell(model, key, requests),
        (None, Context::List | Context::Containers | Context::Filter | Context::Counting) => {
            if let KeyCode::Char(c) = key.code
                && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
            {
                type_char(model, c);
            }
        }
        (None, _) => {}
    }
}

fn type_char(model: &mut Model, c: char) {
    match &mut model.screen {
        Screen::List(_) => model.list.type_char(c),
        Screen::Containers => model.containers.type_char(c),
        Screen::Lesson(lesson) if lesson.projected.is_some() => projector::digit(model, c),
        Screen::Lesson(lesson) => {
            lesson.twins.browse.type_char(c);
            lesson.twins.unlisted = true;
        }
    }
}

fn to_shell(model: &mut Model, key: KeyEvent, requests: &mut Vec<Request>) {
    let lines = match model.lesson_mut().filter(|lesson| lesson.focus == Focus::Shells) {
        Some(lesson) => {
            let unpassed = unpassed(lesson);
            lesson.shells.key(key, unpassed)
        }
        None => Vec::new(),
    };
    entered(model, lines, requests);
}

fn intent(model: &mut Model, meaning: Intent, now: Instant, requests: &mut Vec<Request>) {
    match meaning {
        Intent::Help => toggle(model, Overlay::Help(0)),
        Intent::Doctor => {
            let open = matches!(model.overlay, Some(Overlay::Doctor(..)));
            model.overlay = (!open).then_some(Overlay::Doctor(None, 0));
            if !open {
                requests.push(Request::Doctor);
            }
        }
        Intent::Evidence => toggle(model, Overlay::Evidence(0)),
        Intent::Quit => match model.screen {
            Screen::List(_) | Screen::Containers => model.left = true,
            // There is nothing to lose.
            Screen::Lesson(_) if inspect::inspecting(model) => model.left = true,
            Screen::Lesson(_) if model.overlay == Some(Overlay::Quit) => model.left = true,
            Screen::Lesson(_) => model.overlay = Some(Overlay::Quit),
        },
        Intent::Language => {
            model.lang = model.lang.other();
            if let Some(lesson) = model.lesson_mut() {
                lesson.prose.stale = true;
                lesson.twins.stale = true;
            }
            requests.push(Request::Speak(model.lang));
        }
        Intent::Mouse => {
            model.mouse = if model.mouse == Mouse::Ours { Mouse::Terminals } else { Mouse::Ours };
        }
        _ if model.overlay.is_some() => overlay(model, meaning, requests),
        _ if matches!(model.screen, Screen::List(_)) => list(model, meaning, requests),
        _ if matches!(model.screen, Screen::Containers) => inspect::list(model, meaning, requests),
        _ if inspect::intercepts(model, meaning, requests) || projector::intercepts(model, meaning, now, requests) => {}
        _ => lesson(model, meaning, now, requests),
    }
}

fn toggle(model: &mut Model, overlay: Overlay) {
    let open =
        model.overlay.as_ref().is_some_and(|open| std::mem::discriminant(open) == std::mem::discriminant(&overlay));
    model.overlay = (!open).then_some(overlay);
}

fn overlay(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let page = isize::try_from(model.size.height / 2).unwrap_or(1);
    let by = match meaning {
        Intent::Up => -1,
        Intent::Down => 1,
        Intent::PageUp => -page,
        Intent::PageDown => page,
        _ => 0,
    };
    if let Some(scroll) = model.overlay.as_mut().and_then(Overlay::scroll).filter(|_| by != 0) {
        *scroll = scroll.saturating_add_signed(by);
        return;
    }
    let last = model.lesson().map_or(0, |lesson| lesson.session.lesson().steps.len().saturating_sub(1));
    match (&mut model.overlay, meaning) {
        (Some(Overlay::Steps(chosen)), _) if by != 0 => *chosen = chosen.saturating_add_signed(by).min(last),
        (&mut Some(Overlay::Confirm(to)), Intent::Accept | Intent::Back)
        | (&mut Some(Overlay::Steps(to)), Intent::Accept) => {
            model.overlay = None;
            projector::go(model, Command::Goto(to), requests);
        }
        (Some(Overlay::Quit), Intent::Accept) => model.left = true,
        (Some(Overlay::Quit), Intent::List)
        | (Some(Overlay::Finished), Intent::Accept | Intent::Next | Intent::List) => {
            to_list(model, requests);
        }
        (_, Intent::Accept | Intent::Close) => model.overlay = None,
        _ => {}
    }
}

fn to_list(model: &mut Model, requests: &mut Vec<Request>) {
    model.overlay = None;
    if let Some(lesson) = model.lesson() {
        let session = &lesson.session;
        let state =
            if session.finished() { EntryState::Done(session.points()) } else { EntryState::Begun(session.points()) };
        let id = session.lesson().id.clone();
        let ahead = usize::from(session.finished());
        model.list.set_state(&id, state);
        model.list.come_back(&id, ahead);
        requests.push(Request::Close);
    }
    model.screen = Screen::List(None);
}

fn list(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let lang = model.lang;
    let page = isize::try_from(model.size.height.saturating_sub(6)).unwrap_or(1);
    match meaning {
        Intent::Up => model.list.move_by(-1, lang),
        Intent::Down => model.list.move_by(1, lang),
        Intent::PageUp => model.list.move_by(-page, lang),
        Intent::PageDown => model.list.move_by(page, lang),
        Intent::Top => model.list.move_by(isize::MIN, lang),
        Intent::Bottom => model.list.move_by(isize::MAX, lang),
        Intent::Erase => model.list.erase(),
        Intent::Close => model.list.clear(lang),
        Intent::Accept | Intent::Next => {
            let Some(entry) = model.list.current(lang) else { return };
            let id = entry.lesson.id.clone();
            match &entry.state {
                EntryState::Impossible(why) => model.failure = Some(lang.pick(&why[0], &why[1]).clone()),
                _ if matches!(model.screen, Screen::List(Some(_))) => {}
                _ => {
                    model.screen = Screen::List(Some(id.clone()));
                    requests.push(Request::Open(id));
                }
            }
        }
        _ => {}
    }
}
