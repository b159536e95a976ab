//! The embedded shells of a lesson: a tab each, their screens and keyboards. State
//! only; `update` decides when one is opened, `view::shells` draws it.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Rect, Size};

use super::event::{Request, ShellHandle, ShellId};
use crate::term::{self, Integration, Told};

/// How far a notch of the wheel scrolls, in rows.
pub const NOTCH: isize = 3;
/// The shells of the open lesson.
#[derive(Default)]
pub struct Shells {
    /// One per actor that a shell may be opened in.
    pub tabs: Vec<Tab>,
    /// The index of the one shown.
    pub current: usize,
}

/// The place of one shell.
pub struct Tab {
    /// The actor it is in.
    pub actor: String,
    /// What is in it.
    pub state: State,
}

/// What is in a tab.
pub enum State {
    /// Nothing yet.
    Empty,
    /// Asked for.
    Opening,
    /// A shell runs.
    Running(Box<Running>),
    /// It has ended: how, in words, and what its screen last showed.
    Ended(String, Option<Box<term::Screen>>),
}

/// A shell that runs.
pub struct Running {
    /// Its id.
    pub id: ShellId,
    /// Its screen.
    pub screen: term::Screen,
    /// The step in which it was opened: it is not in walls built later.
    pub since: usize,
    handle: Box<dyn ShellHandle>,
    integration: Integration,
    /// Enter was pressed while the task was not passed, and the line it entered has
    /// not been told yet: a shell tells it at its next prompt.
    entered_before_pass: bool,
}

/// A line that was entered.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not one state")]
pub struct Entered {
    /// The actor whose shell took it.
    pub shell: String,
    /// The line.
    pub line: String,
    /// Whether it was entered before the task was passed.
    pub before_pass: bool,
    /// Whether SIGINT ended it.
    pub interrupted: bool,
    /// Whether the shell said that it failed.
    pub failed: bool,
    /// Whether it was shown as it was typed: what a program asks for unseen is not.
    pub seen: bool,
}

impl Running {
    fn entered(&mut self, actor: &str, lines: impl IntoIterator<Item = Told>) -> Vec<Entered> {
        let mut entered = Vec::new();
        for Told { line, interrupted, failed } in lines {
            let before_pass = std::mem::take(&mut self.entered_before_pass);
            entered.push(Entered { shell: actor.to_owned(), line, before_pass, interrupted, failed, seen: true });
        }
        entered
    }

    /// The same of lines rebuilt from keys.
    fn typed(&mut self, actor: &str, lines: impl IntoIterator<Item = String>) -> Vec<Entered> {
        let lines = lines.into_iter().map(|line| Told { line, interrupted: false, failed: false });
        let mut entered = self.entered(actor, lines);
        for line in &mut entered {
            line.seen = self.screen.contents().replace('\n', "").contains(&line.line);
        }
        entered
    }
}

impl Shells {
    /// Makes the tabs those of these actors, in order. Tabs whose shell was opened
    /// stay, whatever is asked.
    pub fn offer(&mut self, actors: &[String]) {
        let shown = self.tabs.get(self.current).map(|tab| tab.actor.clone());
        self.tabs.retain(|tab| !matches!(tab.state, State::Empty) || actors.contains(&tab.actor));
        for actor in actors {
            if !self.tabs.iter().any(|tab| tab.actor == *actor) {
                self.tabs.push(Tab { actor: actor.clone(), state: State::Empty });
            }
        }
        self.current = shown.and_then(|actor| self.index(&actor)).unwrap_or(0);
    }

    /// The one shown.
    pub fn shown(&self) -> Option<&Tab> {
        self.tabs.get(self.current)
    }

    /// Brings an actor's shell to the front.
    pub fn show(&mut self, actor: &str) {
        if let Some(index) = self.index(actor) {
            self.current = index;
        }
    }

    /// The next tab, around the end.
    pub fn next(&mut self) {
        self.current = (self.current + 1) % self.tabs.len().max(1);
    }

    /// Whether keys go to a shell that runs.
    pub fn running(&self) -> bool {
        matches!(self.shown().map(|tab| &tab.state), Some(State::Running(_)))
    }

    /// Whether something may have been typed in any of them.
    pub fn in_use(&self) -> bool {
        self.tabs.iter().any(|tab| matches!(tab.state, State::Opening | State::Running(_)))
    }

    /// Asks for the shell that is shown, where there is none yet or (`again`) where
    /// it has ended.
    pub fn open(&mut self, size: Size, again: bool) -> Option<Request> {
        let tab = self.tabs.get_mut(self.current)?;
        let wanted = match tab.state {
            State::Empty => true,
            State::Ended(..) => again,
            State::Opening | State::Running(_) => false,
        };
        if !wanted || size.width == 0 || size.height == 0 {
            return None;
        }
        tab.state = State::Opening;
        Some(Request::OpenShell { actor: tab.actor.clone(), rows: size.height, cols: size.width })
    }

    /// A shell was opened, in the step of that index. One that nobody waits for is
    /// let go, which ends it.
    pub fn opened(&mut self, id: ShellId, actor: &str, handle: Box<dyn ShellHandle>, size: Size, since: usize) {
        let Some(tab) = self.tabs.iter_mut().find(|tab| tab.actor == actor) else { return };
        if matches!(tab.state, State::Empty | State::Running(_)) {
            return;
        }
        let screen = term::Screen::new(size.height.max(1), size.width.max(1));
        tab.state = State::Running(Box::new(Running {
            id,
            screen,
            since,
            handle,
            integration: Integration::new(),
            entered_before_pass: false,
        }));
        // It was opened at the size of then.
        if let State::Running(running) = &mut tab.state {
            running.handle.resize(size.height.max(1), size.width.max(1));
        }
    }

    /// Lets go of an actor's shell if it was opened in an earlier step than this one:
    /// it would be outside the walls built since.
    pub fn renew(&mut self, actor: &str, step: usize) {
        for tab in self.tabs.iter_mut().filter(|tab| tab.actor == actor) {
            let old = match &tab.state {
                State::Running(running) => running.since < step,
                State::Ended(..) => true,
                State::Empty | State::Opening => false,
            };
            if old {
                tab.state = State::Empty;
            }
        }
    }

    /// Lets go of all shells: their lab is taken down.
    pub fn reset(&mut self) {
        for tab in &mut self.tabs {
            tab.state = State::Empty;
        }
    }

    /// A shell asked for could not be opened.
    pub fn failed(&mut self, why: &str) {
        for tab in &mut self.tabs {
            if matches!(tab.state, State::Opening) {
                tab.state = State::Ended(why.to_owned(), None);
            }
        }
    }

    /// What a shell printed; gives back its actor and the lines entered.
    pub fn output(&mut self, id: ShellId, bytes: &[u8]) -> Vec<Entered> {
        let Some((actor, running)) = self.find(id) else { return Vec::new() };
        running.screen.process(bytes);
        running.handle.taken(bytes.len());
        let lines = running.integration.output(bytes);
        running.entered(actor, lines)
    }

    /// A shell has ended, in words.
    pub fn closed(&mut self, id: ShellId, how: String) -> Vec<Entered> {
        let is = |tab: &&mut Tab| matches!(&tab.state, State::Running(running) if running.id == id);
        if let Some(tab) = self.tabs.iter_mut().find(is) {
            let State::Running(mut running) = std::mem::replace(&mut tab.state, State::Empty) else {
                return Vec::new();
            };
            let last = running.integration.ended();
            let last = running.typed(&tab.actor, last);
            tab.state = State::Ended(how, Some(Box::new(running.screen)));
            return last;
        }
        Vec::new()
    }

    /// Types a key; gives back the actor and the line that was entered by it.
    pub fn key(&mut self, key: KeyEvent, unpassed: bool) -> Vec<Entered> {
        let Some((actor, running)) = self.typing() else { return Vec::new() };
        running.entered_before_pass |= unpassed && key.code == KeyCode::Enter;
        running.screen.scroll_to_now();
        let bytes = term::encode_key(key, running.screen.modes());
        if !bytes.is_empty() {
            running.handle.write(&bytes);
        }
        let line = running.integration.key(key);
        running.typed(actor, line)
    }

    /// Pastes; gives back the actor and the lines that were entered by it.
    pub fn paste(&mut self, text: &str, unpassed: bool) -> Vec<Entered> {
        let Some((actor, running)) = self.typing() else { return Vec::new() };
        running.screen.scroll_to_now();
        running.handle.write(&term::encode_paste(text, running.screen.modes()));
        // A bracketed paste is put on the line and not entered.
        if running.screen.modes().bracketed_paste {
            return Vec::new();
        }
        running.entered_before_pass |= unpassed;
        let lines = running.integration.paste(text);
        running.typed(actor, lines)
    }

    /// A notch of the wheel at a cell of the shell.
    pub fn wheel(&mut self, up: bool, row: u16, col: u16) {
        let Some((_, running)) = self.typing() else { return };
        let bytes = term::encode_wheel(up, row, col, running.screen.modes());
        if bytes.is_empty() {
            running.screen.scroll(if up { NOTCH } else { -NOTCH });
        } else {
            running.handle.write(&bytes);
        }
    }

    /// Scrolls the shell that is shown by pages.
    pub fn page(&mut self, up: bool) {
        let Some((_, running)) = self.typing() else { return };
        let page = isize::try_from(running.screen.size().0.saturating_sub(1).max(1)).unwrap_or(1);
        running.screen.scroll(if up { page } else { -page });
    }

    /// Gives every shell the size of its place.
    pub fn resize(&mut self, area: Rect) {
        if area.is_empty() {
            return;
        }
        for tab in &mut self.tabs {
            if let State::Running(running) = &mut tab.state
                && running.screen.size() != (area.height, area.width)
            {
                running.screen.resize(area.height, area.width);
                running.handle.resize(area.height, area.width);
            }
        }
    }

    fn index(&self, actor: &str) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.actor == actor)
    }

    fn find(&mut self, id: ShellId) -> Option<(&str, &mut Running)> {
        self.tabs.iter_mut().find_map(|tab| match &mut tab.state {
            State::Running(running) if running.id == id => Some((tab.actor.as_str(), running.as_mut())),
            _ => None,
        })
    }

    fn typing(&mut self) -> Option<(&str, &mut Running)> {
        match self.tabs.get_mut(self.current) {
            Some(Tab { actor, state: State::Running(running) }) => Some((actor, running)),
            _ => None,
        }
    }
}
