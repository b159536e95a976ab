//! Event in, requests out: the only place where the model changes. Pure: it reads
//! no clock (the instant is given), asks nothing of the system, draws nothing.

//!
//! A file for each thing that changes it: `keys`, `mouse`, `lesson` (steps, text,
//! focus), `panes` (snapshots, rows), `inspect` (the list of containers, a process).

mod inspect;
mod keys;
mod lesson;
mod mouse;
mod panes;
pub mod projector;

use std::time::{Duration, Instant};

use super::event::{Event, Request};
use super::model::{Focus, LessonScreen, Model, Overlay, Screen};
use super::projector::{Line, Projected};
use super::shells::Entered;
use super::view;
use crate::i18n::Lang;
use crate::session::{Command, Effect, Session};

pub use keys::context;
pub use panes::tick;

/// How long a changed thing carries its mark.
pub const MARK: Duration = Duration::from_millis(1_500);

/// Takes an event and gives back what is to be asked of the composition root, in
/// order. `now` is the instant at which the event came.
pub fn update(model: &mut Model, event: Event, now: Instant) -> Vec<Request> {
    let mut requests = Vec::new();
    match event {
        Event::Terminal(input) => keys::terminal(model, input, now, &mut requests),
        Event::Listed(entries) => {
            model.list.fill(entries);
            model.dirty |= matches!(model.screen, Screen::List(_));
        }
        Event::Opened { lesson, answers, values } => {
            let (session, effects) = Session::new(lesson, *answers, values);
            let mut screen = LessonScreen::new(session);
            screen.projected = model.projector.as_ref().map(Projected::of);
            model.screen = Screen::Lesson(Box::new(screen));
            model.overlay = None;
            model.failure = None;
            model.dirty = true;
            carry_out(model, effects, &mut requests);
        }
        Event::Reloaded { lesson, values, solution } => {
            if let (Some(wall), Some(solution)) = (&mut model.projector, solution) {
                wall.solution = *solution;
            }
            lesson::reload(model, lesson, values, &mut requests);
        }
        Event::Observed(snapshot) if inspect::inspecting(model) => drop(panes::observed(model, &snapshot, now)),
        Event::Observed(snapshot) => {
            let news = panes::observed(model, &snapshot, now);
            let stale = model.lesson().is_some_and(|lesson| lesson.prose.stale);
            command(model, Command::Observed(snapshot), &mut requests);
            if let (false, Some(lesson)) = (news || model.dirty, model.lesson_mut()) {
                lesson.prose.stale = stale;
            }
        }
        Event::Performed(outcome) => {
            projector::arrived(model);
            if let Some(lesson) = model.lesson_mut() {
                // A step without ops builds nothing.
                lesson.micros = (!outcome.ops.is_empty()).then_some(outcome.micros);
            }
            model.dirty = true;
            command(model, Command::Performed(outcome), &mut requests);
        }
        Event::Moved(outcome) => {
            projector::moved(model);
            command(model, Command::Moved(outcome), &mut requests);
        }
        Event::Rebuilt { to, outcomes } => {
            projector::arrived(model);
            if let Some(lesson) = model.lesson_mut() {
                lesson.micros = Some(outcomes.iter().map(|outcome| outcome.micros).sum());
            }
            model.dirty = true;
            command(model, Command::Rebuilt { to, outcomes }, &mut requests);
        }
        Event::ShellOpened { id, actor, handle } => {
            let size = model.size;
            if let Some(lesson) = model.lesson_mut() {
                let cells = lesson.regions(size).shell_cells();
                let step = lesson.session.step();
                lesson.shells.opened(id, &actor, handle, cells.as_size(), step);
            }
            model.dirty = true;
        }
        Event::ShellOutput(id, bytes) => {
            let lines = model.lesson_mut().map_or_else(Vec::new, |lesson| lesson.shells.output(id, &bytes));
            model.dirty = true;
            if !lines.is_empty() {
                projector::prompted(model, now);
            }
            entered(model, lines, &mut requests);
        }
        Event::ShellClosed(id, how) => {
            let lines = model.lesson_mut().map_or_else(Vec::new, |lesson| lesson.shells.closed(id, how));
            model.dirty = true;
            entered(model, lines, &mut requests);
        }
        Event::Doctor(findings) => {
            if let Some(Overlay::Doctor(found, _)) = &mut model.overlay {
                *found = Some(findings);
                model.dirty = true;
            }
        }
        Event::Census(census) => inspect::counted(model, census),
        Event::Inspecting(inspected) => inspect::open(model, *inspected),
        Event::Unrecorded(why) => {
            if let Some(wall) = &mut model.projector {
                wall.unrecorded = Some(why);
            }
            model.dirty = true;
        }
        Event::Failed(why) => {
            match &mut model.screen {
                Screen::List(opening) => *opening = None,
                Screen::Containers => model.containers.opening = None,
                Screen::Lesson(lesson) => lesson.shells.failed(&why),
            }
            // On a projector it is for the teacher alone.
            match &mut model.projector {
                Some(wall) => wall.trouble = Some(why),
                None => model.failure = Some(why),
            }
            model.dirty = true;
        }
        // What is due is done below, as after every event.
        Event::Tick => {}
        Event::Order(order) => projector::order(model, order, now, &mut requests),
        Event::Followers(count) => {
            if let Some(sharing) = model.projector.as_mut().and_then(|wall| wall.sharing.as_mut()) {
                sharing.followers = count;
                model.dirty = true;
            }
        }
        Event::Terminate => model.left = true,
        Event::Continue => model.dirty = true,
    }
    settle(model, now, &mut requests);
    requests
}

/// Makes again what has become stale, gives shells their size, opens the shell
/// that is in front for the first time.
fn settle(model: &mut Model, now: Instant, requests: &mut Vec<Request>) {
    tick(model, now);
    projector::catch_up(model, requests);
    projector::tick(model, now, requests);
    projector::play(model, now, requests);
    let most = view::overlay::most(model);
    if let Some(scroll) = model.overlay.as_mut().and_then(Overlay::scroll) {
        *scroll = most.min(*scroll);
    }
    let (lang, theme, size) = (model.lang, model.theme, model.size);
    let Screen::Lesson(lesson) = &mut model.screen else { return };
    inspect::tell(lesson, size, lang, theme);
    let prose = lesson.prose_area(size);
    if !prose.is_empty() && (lesson.prose.stale || lesson.prose.width != prose.width) {
        let before = lesson.prose.said.take();
        match &model.projector {
            Some(wall) => view::projector::write(lesson, wall, lang, theme, (size, prose.width)),
            None => view::lesson::write(lesson, lang, theme, prose.width),
        }
        // A hint that was asked for, and what answers to a deed, is not left out of sight.
        if let Some(line) = lesson.prose.news(before.as_deref()) {
            lesson.prose.scroll = line;
        }
    }
    // The text has its say about how much room it has.
    let regions = lesson.regions(size);
    let most = lesson.prose.lines.len().saturating_sub(usize::from(lesson.prose_area(size).height));
    lesson.prose.scroll = lesson.prose.scroll.min(most);
    panes::refresh(lesson, size, lang, now);
    if lesson.watched != Some(lesson.pane.sections()) {
        lesson.watched = Some(lesson.pane.sections());
        requests.push(Request::Watch(lesson.pane.sections()));
    }
    let cells = regions.shell_cells();
    lesson.shells.resize(cells);
    // The room sees the shell before anyone types.
    let wanted = lesson.focus == Focus::Shells || lesson.projected.is_some();
    if wanted && !lesson.session.busy() {
        requests.extend(lesson.shells.open(cells.as_size(), false));
    }
}

/// Lines were entered in shells. One that was interrupted before it led anywhere was
/// taken back: replayed, it would hold up those after it.
fn entered(model: &mut Model, lines: Vec<Entered>, requests: &mut Vec<Request>) {
    for Entered { shell, line, before_pass, interrupted, failed, seen } in lines {
        if let Some(wall) = model.projector.as_mut().filter(|_| seen) {
            wall.entered(Line { shell: shell.clone(), line: line.clone(), failed });
        }
        if interrupted && model.lesson().is_some_and(unpassed) {
            continue;
        }
        command(model, Command::Typed { shell, line, before_pass, failed }, requests);
    }
}

/// Whether the step has a task that is not passed yet.
fn unpassed(lesson: &LessonScreen) -> bool {
    lesson.session.task(Lang::En).is_some_and(|task| !task.passed)
}

/// Speaks to the session, and hands on what it asks for.
fn command(model: &mut Model, command: Command, requests: &mut Vec<Request>) {
    let lang = model.lang;
    let Some(lesson) = model.lesson_mut() else { return };
    let before = lesson.session.step();
    let told = lesson.session.notice(lang);
    let again = matches!(command, Command::Goto(_));
    let effects = lesson.session.apply(command);
    lesson.prose.stale = true;
    // A new notice stands at the top of the text.
    if lesson.session.notice(lang).is_some_and(|notice| told.as_ref() != Some(&notice)) {
        lesson.prose.scroll = 0;
    }
    if lesson.session.step() != before {
        lesson.entered_step();
    }
    let entered = again || lesson.session.step() != before;
    if let Some(wall) = model.projector.as_mut().filter(|_| entered) {
        wall.entered_step();
    }
    carry_out(model, effects, requests);
}

fn carry_out(model: &mut Model, effects: Vec<Effect>, requests: &mut Vec<Request>) {
    for effect in effects {
        model.dirty = true;
        match effect {
            Effect::FocusShell(actor) => {
                if let Some(lesson) = model.lesson_mut() {
                    if let Some(step) = lesson.last_change(&actor) {
                        lesson.shells.renew(&actor, step);
                    }
                    lesson.shells.show(&actor);
                    // A presenter goes on with the keys of the wall.
                    if lesson.projected.is_none() {
                        self::lesson::focus(lesson, Focus::Shells);
                    }
                }
            }
            Effect::Finished => {
                model.overlay = Some(Overlay::Finished);
                requests.push(Request::Session(Effect::Finished));
            }
            effect => {
                if let (Effect::Rebuild { .. }, Some(lesson)) = (&effect, model.lesson_mut()) {
                    lesson.shells.reset();
                    if let Some(wall) = &mut model.projector {
                        wall.typed.clear();
                    }
                }
                requests.push(Request::Session(effect));
            }
        }
    }
}
