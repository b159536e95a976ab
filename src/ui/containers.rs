//! The list of what is apart from the host: which rows are shown, which one is
//! selected. State only; the census comes from outside.

use std::sync::Arc;

use crate::observe::{Census, Container};

/// The list.
#[derive(Debug, Default)]
pub struct Containers {
    /// As of the last look; nothing before the first.
    pub census: Option<Arc<Census>>,
    /// What was typed to filter.
    pub filter: String,
    /// The first process of the selected one: it stays selected while others come
    /// and go.
    pub selected: Option<u32>,
    /// The PID of one asked for and not yet ready.
    pub opening: Option<u32>,
}

impl Containers {
    /// Those that the filter leaves: every word of it is in the engine's name or id, in
    /// a process's command or name, in the user's name, or is a PID or a kind of
    /// namespace.
    pub fn shown(&self) -> Vec<&Container> {
        let filter = self.filter.to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let all = self.census.iter().flat_map(|census| &census.containers);
        all.filter(|one| words.iter().all(|word| holds(one, word))).collect()
    }

    /// The row that is selected, counted from the top.
    pub fn position(&self) -> usize {
        let shown = self.shown();
        shown.iter().position(|one| Some(one.first) == self.selected).unwrap_or(0)
    }

    /// The selected one.
    pub fn current(&self) -> Option<&Container> {
        let shown = self.shown();
        shown.iter().find(|one| Some(one.first) == self.selected).or(shown.first()).copied()
    }

    /// Takes a new census; where the selected one is gone its neighbour is selected.
    pub fn take(&mut self, census: Arc<Census>) {
        let at = self.position();
        self.census = Some(census);
        let shown = self.shown();
        if !shown.iter().any(|one| Some(one.first) == self.selected) {
            self.selected = shown.get(at.min(shown.len().saturating_sub(1))).map(|one| one.first);
        }
    }

    /// Moves the selection, stopping at both ends.
    pub fn move_by(&mut self, rows: isize) {
        let shown = self.shown();
        let last = shown.len().saturating_sub(1);
        let at = self.position().saturating_add_signed(rows).min(last);
        self.selected = shown.get(at).map(|one| one.first);
    }

    /// Adds to the filter.
    pub fn type_char(&mut self, c: char) {
        if !c.is_control() && self.filter.len() < 64 {
            self.filter.push(c);
        }
    }
}

fn holds(one: &Container, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    one.engine.as_ref().is_some_and(|engine| has(&engine.name) || engine.id.as_deref().is_some_and(has))
        || one.apart.iter().any(|kind| kind.name() == word)
        || one.processes.iter().any(|each| {
            each.pid.to_string() == word
                || has(&each.command)
                || has(&each.name)
                || each.user.as_deref().is_some_and(has)
        })
}
