//! Event in, requests out: the only place where the model changes. Pure: it reads
//! no clock (the instant is given), asks nothing of the system, draws nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use ratatui::layout::{Position, Size};

use super::event::{EntryState, Event, Request};
use super::inspect;
use super::keymap::{Context, Intent, lookup};
use super::layout::{Pane, Region, inner, too_small, wide};
use super::model::{Focus, LessonScreen, Model, Overlay, Screen, Share};
use super::shells::{Entered, NOTCH, State};
use super::twin::Table;
use super::view;
use crate::i18n::Lang;
use crate::observe::{Changes, Snapshot, diff};
use crate::session::{Command, Effect, Session};

/// How long a changed thing carries its mark.
pub const MARK: Duration = Duration::from_millis(1_500);

/// Takes an event and gives back what is to be asked of the composition root, in
/// order. `now` is the instant at which the event came.
pub fn update(model: &mut Model, event: Event, now: Instant) -> Vec<Request> {
    let mut requests = Vec::new();
    match event {
        Event::Terminal(input) => terminal(model, input, &mut requests),
        Event::Opened { lesson, answers } => {
            let student = answers.student.clone();
            let (session, effects) = Session::new(lesson, *answers, student);
            model.screen = Screen::Lesson(Box::new(LessonScreen::new(session)));
            model.overlay = None;
            model.failure = None;
            model.dirty = true;
            carry_out(model, effects, &mut requests);
        }
        Event::Observed(snapshot) if inspect::inspecting(model) => drop(observed(model, &snapshot, now)),
        Event::Observed(snapshot) => {
            let news = observed(model, &snapshot, now);
            let stale = model.lesson().is_some_and(|lesson| lesson.prose.stale);
            command(model, Command::Observed(snapshot), &mut requests);
            if let (false, Some(lesson)) = (news || model.dirty, model.lesson_mut()) {
                lesson.prose.stale = stale;
            }
        }
        Event::Performed(outcome) => {
            if let Some(lesson) = model.lesson_mut() {
                // A step without ops builds nothing.
                lesson.micros = (!outcome.ops.is_empty()).then_some(outcome.micros);
            }
            model.dirty = true;
            command(model, Command::Performed(outcome), &mut requests);
        }
        Event::Rebuilt { to, outcomes } => {
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
        Event::Failed(why) => {
            match &mut model.screen {
                Screen::List(opening) => *opening = None,
                Screen::Containers => model.containers.opening = None,
                Screen::Lesson(lesson) => lesson.shells.failed(&why),
            }
            model.failure = Some(why);
            model.dirty = true;
        }
        Event::Terminate => model.left = true,
        Event::Continue => model.dirty = true,
    }
    settle(model, now, &mut requests);
    requests
}

/// Keeps a snapshot, and marks what is another than in the one before; whether
/// anything is.
fn observed(model: &mut Model, snapshot: &Arc<Snapshot>, now: Instant) -> bool {
    let Some(lesson) = model.lesson_mut() else { return false };
    let twins = &mut lesson.twins;
    let before = twins.snapshot.replace(Arc::clone(snapshot));
    let same = before.as_ref().is_some_and(|before| before.host == snapshot.host && before.actors == snapshot.actors);
    if same {
        return false;
    }
    twins.stale = true;
    if let Some(before) = before {
        let changes = diff(&before, snapshot);
        if !changes.is_empty() {
            twins.changes.host.extend(changes.host);
            for (actor, changed) in changes.actors {
                twins.changes.actors.entry(actor).or_default().extend(changed);
            }
            twins.marked_until = Some(now + MARK);
        }
    }
    model.dirty = true;
    true
}

/// Time has passed: marks that are over are taken away.
pub fn tick(model: &mut Model, now: Instant) {
    if let Some(lesson) = model.lesson_mut()
        && lesson.twins.marked_until.is_some_and(|until| until <= now)
    {
        lesson.twins.marked_until = None;
        lesson.twins.changes = Changes::default();
        lesson.twins.table.rows.iter_mut().for_each(|row| row.marked = [false; 2]);
        model.dirty = true;
    }
}

/// Makes again what has become stale, gives shells their size, opens the shell
/// that is in front for the first time.
fn settle(model: &mut Model, now: Instant, requests: &mut Vec<Request>) {
    tick(model, now);
    let most = view::overlay::most(model);
    if let Some(Overlay::Help(scroll) | Overlay::Doctor(_, scroll) | Overlay::Evidence(scroll)) = &mut model.overlay {
        *scroll = most.min(*scroll);
    }
    let (lang, theme, size) = (model.lang, model.theme, model.size);
    let Some(lesson) = model.lesson_mut() else { return };
    if let Some(inspected) = &lesson.inspected {
        let actor = lesson.twins.snapshot.as_deref();
        lesson.notice = view::inspect::notice(inspected, actor, lang, theme, usize::from(size.width));
    }
    let regions = lesson.regions(size);
    let prose = regions.prose();
    if !prose.is_empty() && (lesson.prose.stale || lesson.prose.width != prose.width) {
        view::lesson::write(lesson, lang, theme, prose.width);
    }
    let most = lesson.prose.lines.len().saturating_sub(usize::from(prose.height));
    lesson.prose.scroll = lesson.prose.scroll.min(most);
    twins(lesson, size, lang, now);
    let cells = regions.shell_cells();
    lesson.shells.resize(cells);
    if lesson.focus == Focus::Shells && !lesson.session.busy() {
        requests.extend(lesson.shells.open(cells.as_size(), false));
    }
}

fn twins(lesson: &mut LessonScreen, size: Size, lang: Lang, now: Instant) {
    if wide(size) && matches!(lesson.pane, Pane::Walls | Pane::Calls) {
        // They have places of their own on this screen.
        lesson.pane = Pane::Processes;
    }
    let made_for = (lesson.pane, lesson.boxed().to_owned(), lang);
    let twins = &mut lesson.twins;
    if !twins.stale && twins.made_for.as_ref() == Some(&made_for) {
        return;
    }
    let Some(snapshot) = twins.snapshot.clone() else { return };
    if twins.made_for.as_ref().is_none_or(|before| (before.0, &before.1) != (made_for.0, &made_for.1)) {
        twins.hues.clear();
        twins.scroll = 0;
    }
    twins.table = Table::of(made_for.0, &snapshot, &made_for.1, &twins.changes, &mut twins.hues, lang);
    if twins.marked_until.is_none() && !twins.changes.is_empty() {
        twins.marked_until = Some(now + MARK);
    }
    twins.made_for = Some(made_for);
    twins.stale = false;
}

/// Lines were entered in shells.
fn entered(model: &mut Model, lines: Vec<Entered>, requests: &mut Vec<Request>) {
    for Entered { shell, line, before_pass } in lines {
        command(model, Command::Typed { shell, line, before_pass }, requests);
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
    let effects = lesson.session.apply(command);
    lesson.prose.stale = true;
    // A new notice stands at the top of the text.
    if lesson.session.notice(lang).is_some_and(|notice| told.as_ref() != Some(&notice)) {
        lesson.prose.scroll = 0;
    }
    if lesson.session.step() != before {
        lesson.entered_step();
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
                    lesson.focus = Focus::Shells;
                    lesson.below = Focus::Shells;
                }
            }
            Effect::Finished => {
                model.overlay = Some(Overlay::Finished);
                requests.push(Request::Session(Effect::Finished));
            }
            effect => {
                if let (Effect::Rebuild { .. }, Some(lesson)) = (&effect, model.lesson_mut()) {
                    lesson.shells.reset();
                }
                requests.push(Request::Session(effect));
            }
        }
    }
}

fn terminal(model: &mut Model, input: Input, requests: &mut Vec<Request>) {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => {
            model.dirty = true;
            model.failure = None;
            self::key(model, key, requests);
        }
        Input::Paste(text) => {
            model.dirty = true;
            match &mut model.screen {
                Screen::List(_) if model.overlay.is_none() => text.chars().for_each(|c| model.list.type_char(c)),
                Screen::Containers if model.overlay.is_none() => {
                    text.chars().for_each(|c| model.containers.type_char(c));
                }
                Screen::Lesson(lesson) if model.overlay.is_none() && lesson.focus == Focus::Shells => {
                    let unpassed = unpassed(lesson);
                    let lines = lesson.shells.paste(&text, unpassed);
                    entered(model, lines, requests);
                }
                _ => {}
            }
        }
        Input::Resize(width, height) => {
            model.dirty = true;
            model.size = Size { width, height };
        }
        Input::Mouse(mouse) => {
            let place = Position::new(mouse.column, mouse.row);
            match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => click(model, place),
                MouseEventKind::ScrollUp => wheel(model, place, true),
                MouseEventKind::ScrollDown => wheel(model, place, false),
                _ => {}
            }
        }
        _ => {}
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
            Focus::Lesson => Context::Lesson,
            Focus::Panes => Context::Panes,
            Focus::Shells if matches!(lesson.shells.shown().map(|tab| &tab.state), Some(State::Ended(..))) => {
                Context::EndedShell
            }
            Focus::Shells => Context::Shell,
        },
    }
}

fn key(model: &mut Model, key: KeyEvent, requests: &mut Vec<Request>) {
    let context = context(model);
    let meaning = lookup(context, key);
    if std::mem::take(&mut model.prefix) {
        match meaning {
            Some(Intent::Prefix) => to_shell(model, key, requests),
            Some(meaning) => intent(model, meaning, requests),
            None => {}
        }
        return;
    }
    match (meaning, context) {
        (Some(Intent::Prefix), _) => model.prefix = true,
        (Some(meaning), _) => intent(model, meaning, requests),
        (None, Context::Shell) => to_shell(model, key, requests),
        (None, Context::List | Context::Containers) => {
            if let KeyCode::Char(c) = key.code
                && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
            {
                match context {
                    Context::List => model.list.type_char(c),
                    _ => model.containers.type_char(c),
                }
            }
        }
        (None, _) => {}
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

fn intent(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
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
        _ if model.overlay.is_some() => overlay(model, meaning, requests),
        _ if matches!(model.screen, Screen::List(_)) => list(model, meaning, requests),
        _ if matches!(model.screen, Screen::Containers) => inspect::list(model, meaning, requests),
        _ if inspect::intercepts(model, meaning, requests) => {}
        _ => lesson(model, meaning, requests),
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
    match (&mut model.overlay, meaning) {
        (Some(Overlay::Help(scroll) | Overlay::Doctor(_, scroll) | Overlay::Evidence(scroll)), _) if by != 0 => {
            *scroll = scroll.saturating_add_signed(by);
        }
        (Some(Overlay::Confirm), Intent::Accept | Intent::Back) => {
            model.overlay = None;
            command(model, Command::Back, requests);
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
        model.list.set_state(&id, state);
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

fn lesson(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let size = model.size;
    let Some(lesson) = model.lesson_mut() else { return };
    match meaning {
        Intent::Next => command(model, Command::Next, requests),
        Intent::Back if lesson.session.would_lose() && lesson.session.step() > 0 => {
            model.overlay = Some(Overlay::Confirm);
        }
        Intent::Back => command(model, Command::Back, requests),
        Intent::Hint => command(model, Command::Hint, requests),
        Intent::ProseUp | Intent::ProseDown => {
            let page = isize::try_from(lesson.regions(size).prose().height.saturating_sub(1).max(1)).unwrap_or(1);
            let by = if meaning == Intent::ProseUp { -page } else { page };
            lesson.prose.scroll = lesson.prose.scroll.saturating_add_signed(by);
        }
        Intent::CallsUp => scroll_calls(model, -1),
        Intent::CallsDown => scroll_calls(model, 1),
        Intent::Lesson => {
            lesson.share = match (lesson.focus, lesson.share) {
                (Focus::Lesson, Share::Half) => Share::Whole,
                _ => Share::Half,
            };
            lesson.focus = Focus::Lesson;
        }
        Intent::Panes => {
            if lesson.focus == Focus::Panes {
                turn(lesson, size, 1);
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
            Focus::Panes => match (lesson.pane, meaning) {
                (Pane::Calls, Intent::Up) => scroll_calls(model, -1),
                (Pane::Calls, Intent::Down) => scroll_calls(model, 1),
                (Pane::Calls, Intent::PageUp | Intent::Top) => scroll_calls(model, isize::MIN),
                (Pane::Calls, Intent::PageDown | Intent::Bottom) => scroll_calls(model, isize::MAX),
                _ => in_panes(lesson, size, meaning),
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

/// Scrolls the calls by so many lines, to their end and no further.
fn scroll_calls(model: &mut Model, by: isize) {
    let most = model.lesson().map_or(0, |lesson| view::calls::most(model, lesson));
    if let Some(lesson) = model.lesson_mut() {
        lesson.calls_scroll = lesson.calls_scroll.min(most).saturating_add_signed(by).min(most);
    }
}

fn focus(lesson: &mut LessonScreen, region: Focus) {
    lesson.focus = region;
    if region != Focus::Lesson {
        lesson.below = region;
    }
}

fn turn(lesson: &mut LessonScreen, size: Size, by: isize) {
    let tabs = lesson.tabs(size);
    let at = tabs.iter().position(|&tab| tab == lesson.pane).unwrap_or(0);
    let count = tabs.len().cast_signed();
    lesson.pane = tabs[(at.cast_signed() + by).rem_euclid(count).cast_unsigned()];
}

fn in_lesson(model: &mut Model, meaning: Intent, requests: &mut Vec<Request>) {
    let size = model.size;
    let Some(lesson) = model.lesson_mut() else { return };
    let page = lesson.regions(size).prose().height.saturating_sub(1).max(1);
    let page = isize::try_from(page).unwrap_or(1);
    let prediction = lesson.session.prediction().filter(|prediction| prediction.open);
    let scroll = |lesson: &mut LessonScreen, by: isize| {
        lesson.prose.scroll = lesson.prose.scroll.saturating_add_signed(by);
    };
    match (meaning, prediction) {
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
        (Intent::Digit(n), Some(prediction)) => {
            let index = usize::from(n) - 1;
            if let Some(choice) = prediction.choices.get(index) {
                select(lesson, size, index);
                command(model, Command::Predict(choice.id.clone()), requests);
            }
        }
        (Intent::Accept, Some(prediction)) => {
            let Some(choice) = prediction.choices.get(lesson.choice) else { return };
            let taken = prediction.chosen.as_ref() == Some(&choice.id);
            let next = if taken { Command::Next } else { Command::Predict(choice.id.clone()) };
            command(model, next, requests);
        }
        // A task that is not passed is left by F9 alone, not by an Enter too many.
        (Intent::Accept, None) if lesson.session.task(crate::i18n::Lang::En).is_none_or(|task| task.passed) => {
            command(model, Command::Next, requests);
        }
        _ => {}
    }
}

/// Selects a choice and keeps it in sight.
fn select(lesson: &mut LessonScreen, size: Size, index: usize) {
    lesson.choice = index;
    lesson.prose.stale = true;
    let high = usize::from(lesson.regions(size).prose().height);
    if let Some(&line) = lesson.prose.choices.get(index) {
        if line < lesson.prose.scroll {
            lesson.prose.scroll = line;
        } else if line + 2 > lesson.prose.scroll + high {
            lesson.prose.scroll = (line + 2).saturating_sub(high);
        }
    }
}

fn in_panes(lesson: &mut LessonScreen, size: Size, meaning: Intent) {
    let high = inner(lesson.regions(size).twin).height.saturating_sub(1).max(1);
    let page = isize::try_from(high).unwrap_or(1);
    let by = match meaning {
        Intent::Up => -1,
        Intent::Down => 1,
        Intent::PageUp => -page,
        Intent::PageDown => page,
        Intent::Top => isize::MIN,
        Intent::Bottom => isize::MAX,
        _ => 0,
    };
    match meaning {
        Intent::Left => turn(lesson, size, -1),
        Intent::Right => turn(lesson, size, 1),
        Intent::Digit(n) => {
            if let Some(&pane) = lesson.tabs(size).get(usize::from(n) - 1) {
                lesson.pane = pane;
            }
        }
        _ => {
            let most = lesson.twins.table.rows.len().saturating_sub(usize::from(high));
            lesson.twins.scroll = lesson.twins.scroll.saturating_add_signed(by).min(most);
        }
    }
}

fn click(model: &mut Model, place: Position) {
    let (size, lang) = (model.size, model.lang);
    if model.overlay.is_some() || too_small(size) {
        return;
    }
    let Some(lesson) = model.lesson_mut() else { return };
    let regions = lesson.regions(size);
    match regions.at(place) {
        Some(Region::Lesson) => focus(lesson, Focus::Lesson),
        Some(Region::Panes) => {
            focus(lesson, Focus::Panes);
            if let Some(pane) = view::panes::tab_at(lesson, size, lang, place) {
                lesson.pane = pane;
            }
        }
        Some(Region::Shells) => {
            focus(lesson, Focus::Shells);
            if let Some(tab) = view::shells::tab_at(lesson, &regions, place) {
                lesson.shells.current = tab;
            }
        }
        None => return,
    }
    model.dirty = true;
}

fn wheel(model: &mut Model, place: Position, up: bool) {
    let (size, lang) = (model.size, model.lang);
    let by = if up { -NOTCH } else { NOTCH };
    model.dirty = true;
    if let Some(Overlay::Help(scroll) | Overlay::Doctor(_, scroll) | Overlay::Evidence(scroll)) = &mut model.overlay {
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
        Some(Region::Panes) => {
            for _ in 0..NOTCH {
                in_panes(lesson, size, if up { Intent::Up } else { Intent::Down });
            }
        }
        Some(Region::Shells) => {
            let cells = regions.shell_cells();
            lesson.shells.wheel(up, place.y.saturating_sub(cells.y), place.x.saturating_sub(cells.x));
        }
        None => {}
    }
}
