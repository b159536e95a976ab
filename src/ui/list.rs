//! The list of lessons: which are shown, which one is selected. State only.

use super::event::{Entry, EntryState};
use crate::i18n::Lang;

/// The list.
#[derive(Debug, Default)]
pub struct List {
    /// All lessons, in order.
    pub entries: Vec<Entry>,
    /// What was typed to filter.
    pub filter: String,
    /// The index of the selected one among those shown.
    pub selected: usize,
    /// The lesson that was left before the list was there, and what to select of it.
    left: Option<(String, usize)>,
}

impl List {
    /// A list of these lessons.
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries, ..Self::default() }
    }

    /// The lessons are there.
    pub fn fill(&mut self, entries: Vec<Entry>) {
        self.entries = entries;
        if let Some((id, ahead)) = self.left.take() {
            self.come_back(&id, ahead);
        }
    }

    /// Those that the filter leaves: every word of it is in the id, in the title, or is
    /// the part or the number.
    pub fn shown(&self, lang: Lang) -> Vec<&Entry> {
        let filter = self.filter.to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let fits = |entry: &&Entry| {
            let lesson = &entry.lesson;
            let title = lang.pick(&lesson.title[0], &lesson.title[1]).to_lowercase();
            words.iter().all(|word| {
                lesson.id.contains(word)
                    || title.contains(word)
                    || format!("{:?}", lesson.part).to_lowercase() == **word
                    || word.parse() == Ok(lesson.number)
            })
        };
        self.entries.iter().filter(fits).collect()
    }

    /// The selected one.
    pub fn current(&self, lang: Lang) -> Option<&Entry> {
        let shown = self.shown(lang);
        shown.get(self.selected.min(shown.len().saturating_sub(1))).copied()
    }

    /// Moves the selection, stopping at both ends.
    pub fn move_by(&mut self, rows: isize, lang: Lang) {
        let last = self.shown(lang).len().saturating_sub(1);
        self.selected = self.selected.min(last).saturating_add_signed(rows).min(last);
    }

    /// Adds to the filter.
    pub fn type_char(&mut self, c: char) {
        if !c.is_control() && self.filter.len() < 64 {
            self.filter.push(c);
            self.selected = 0;
        }
    }

    /// Takes the last character off the filter.
    pub fn erase(&mut self) {
        self.filter.pop();
        self.selected = 0;
    }

    /// Empties the filter, keeping the selected lesson selected.
    pub fn clear(&mut self, lang: Lang) {
        let id = self.current(lang).map(|entry| entry.lesson.id.clone());
        self.filter.clear();
        self.selected = self.entries.iter().position(|entry| Some(&entry.lesson.id) == id.as_ref()).unwrap_or(0);
    }

    /// Shows all lessons, and selects the one that comes so many behind this one.
    pub fn come_back(&mut self, id: &str, ahead: usize) {
        if self.entries.is_empty() {
            self.left = Some((id.to_owned(), ahead));
            return;
        }
        self.filter.clear();
        let at = self.entries.iter().position(|entry| entry.lesson.id == id).unwrap_or(0);
        self.selected = (at + ahead).min(self.entries.len().saturating_sub(1));
    }

    /// Keeps how far a lesson is, after it was left.
    pub fn set_state(&mut self, id: &str, state: EntryState) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.lesson.id == id) {
            entry.state = state;
        }
    }
}
