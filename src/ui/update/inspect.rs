//! What changes the model while containers are inspected: the list of them, and a
//! process beside the host. Called by `update`; pure, like it.

use std::sync::Arc;

use ratatui::layout::Size;

use crate::i18n::Lang;
use crate::lesson::answers::Answers;
use crate::lesson::{Lesson, Step, Values};
use crate::observe::Census;
use crate::session::Session;
use crate::ui::event::{Inspected, Request};
use crate::ui::keymap::Intent;
use crate::ui::model::{Focus, LessonScreen, Model, Screen};
use crate::ui::theme::Theme;
use crate::ui::view;

/// Whether a process is on the screen.
pub(super) fn inspecting(model: &Model) -> bool {
    model.lesson().is_some_and(|lesson| lesson.inspected.is_some())
}

/// A new census came.
pub(super) fn counted(model: &mut Model, census: Arc<Census>) {
    model.containers.take(census);
    model.dirty |= matches!(model.screen, Screen::Containers);
}

/// A process is held: it comes on the screen.
pub(super) fn open(model: &mut Model, inspected: Inspected) {
    let session = Session::new(Arc::new(without_words(inspected.pid)), Answers::default(), Values::default()).0;
    let mut screen = LessonScreen::new(session);
    screen.inspected = Some(inspected);
    screen.focus = Focus::Panes;
    model.screen = Screen::Lesson(Box::new(screen));
    model.containers.opening = None;
    model.overlay = None;
    model.failure = None;
    model.dirty = true;
}

/// Makes the lines that have to be said of a process.
pub(super) fn tell(lesson: &mut LessonScreen, size: Size, lang: Lang, theme: Theme) {
    if let Some(inspected) = &lesson.inspected {
        let snapshot = lesson.twins.snapshot.as_deref();
        lesson.notice = view::inspect::notice(inspected, snapshot, lang, theme, usize::from(size.width));
    }
}

/// The lesson that stands behind a process: one step, and nothing to say or to do.
fn without_words(pid: u32) -> Lesson {
    Lesson { actors: vec![pid.to_string()], steps: vec![Step::default()], ..Lesson::default() }
}

/// Takes what means something else for a process than for a lesson, or nothing;
/// whether it was taken.
pub(super) fn intercepts(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) -> bool {
    if !inspecting(model) {
        return false;
    }
    match meaning {
        Intent::Back | Intent::List => {
            model.screen = Screen::Containers;
            requests.push(Request::Containers);
        }
        Intent::Next
        | Intent::Hint
        | Intent::Lesson
        | Intent::Shell
        | Intent::Trace
        | Intent::NextRegion
        | Intent::PreviousRegion
        | Intent::ProseUp
        | Intent::ProseDown
        | Intent::CallsUp
        | Intent::CallsDown => {}
        _ => return false,
    }
    true
}

/// What a key means in the list of containers.
pub(super) fn list(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let page = isize::try_from(model.size.height.saturating_sub(12)).unwrap_or(1).max(1);
    let list = &mut model.containers;
    match meaning {
        Intent::Up => list.move_by(-1),
        Intent::Down => list.move_by(1),
        Intent::PageUp => list.move_by(-page),
        Intent::PageDown => list.move_by(page),
        Intent::Top => list.move_by(isize::MIN),
        Intent::Bottom => list.move_by(isize::MAX),
        Intent::Erase => drop(list.filter.pop()),
        Intent::Close => list.filter.clear(),
        Intent::Accept | Intent::Next if list.opening.is_none() => {
            let Some(pid) = list.current().map(|one| one.first) else { return };
            list.selected = Some(pid);
            list.opening = Some(pid);
            requests.push(Request::Inspect(pid));
        }
        _ => {}
    }
}
