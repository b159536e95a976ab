//! The follower's screen: all steps so far, the newest in sight unless the student has
//! scrolled away from it. State and keys; `view` draws it. What it is told comes from a
//! wall that it does not trust.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;
use ratatui::text::Line;

use super::view;
use super::wire::{MOST_STEPS, MOST_TYPED, Page, Stand, Texts, Word};
use crate::i18n::Lang;
use crate::ui::Theme;
use crate::ui::keymap::{Context, Intent, lookup};

/// The follower's screen.
pub struct Reader {
    pub(super) theme: Theme,
    pub(super) lang: Lang,
    pub(super) size: Size,
    pub(super) state: State,
    pub(super) stand: Option<Stand>,
    pub(super) pages: BTreeMap<u32, Shown>,
    /// Something has come that is out of sight.
    pub(super) news: bool,
    place: Place,
    prefix: bool,
}

/// A step, and its lines in the language and width of now.
pub(super) struct Shown {
    pub(super) page: Page,
    pub(super) lines: Vec<Line<'static>>,
    stale: bool,
}

/// How the connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The code is being typed; what there is to say about it.
    Asking(String, Option<Texts>),
    /// On the way in.
    Joining,
    /// In.
    Following,
    /// The connection is gone, and it is tried again.
    Lost(Texts),
    /// Over: why.
    Ended(Texts),
}

/// What is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The step that the wall is at: where it fits, all of it; else its end, or its start.
    Newest(Edge),
    /// From this line of a step on.
    At(u32, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// What a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Draw again.
    Draw,
    /// Go in with this code.
    Join(String),
    /// Leave.
    Leave,
}

impl Reader {
    /// A screen that has heard nothing yet.
    pub fn new(theme: Theme, lang: Lang, size: Size, state: State) -> Self {
        Self {
            theme,
            lang,
            size,
            state,
            stand: None,
            pages: BTreeMap::new(),
            news: false,
            place: Place::Newest(Edge::Start),
            prefix: false,
        }
    }

    /// The language that it is read in.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// How the connection is now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The connection is otherwise now.
    pub fn set_state(&mut self, state: State) {
        self.state = state;
    }

    /// The wall has spoken; whether it makes sense.
    pub fn hear(&mut self, word: Word) -> bool {
        match word {
            Word::Stand(stand) => self.stand(stand),
            Word::Page(page) => self.page(*page),
            Word::Alive => true,
            // Of the connection's own.
            Word::Refused(_) | Word::Ended => false,
        }
    }

    fn stand(&mut self, stand: Stand) -> bool {
        if stand.at >= stand.steps || stand.steps > MOST_STEPS {
            return false;
        }
        let before = self.stand.take();
        if before.as_ref().is_some_and(|before| before.title != stand.title) {
            self.pages.clear();
            self.place = Place::Newest(Edge::Start);
        }
        if before.as_ref().is_none_or(|before| before.at != stand.at) {
            self.changed(Edge::Start);
        }
        // A step that was left before the lab was there is nothing to read.
        self.pages.retain(|_, shown| shown.page.title != Texts::default());
        let empty = || Shown::new(Page { step: stand.at, ..Page::default() });
        self.pages.entry(stand.at).or_insert_with(empty);
        // They say where the wall is, and whether it is at work.
        for at in before.iter().map(|before| before.at).chain([stand.at]) {
            if let Some(shown) = self.pages.get_mut(&at) {
                shown.stale = true;
            }
        }
        self.stand = Some(stand);
        true
    }

    fn page(&mut self, page: Page) -> bool {
        if page.step >= MOST_STEPS {
            return false;
        }
        let step = page.step;
        let before = self.pages.insert(step, Shown::new(page));
        let Some(Shown { page: now, .. }) = self.pages.get(&step) else { return true };
        let edge = match before {
            Some(before) if before.page == *now => return true,
            // What is new is at its end.
            Some(before) if before.page.title == now.title && below(&before.page) != below(now) => Edge::End,
            Some(before) if before.page.title == now.title => return true,
            _ => Edge::Start,
        };
        if self.at().is_none_or(|at| at == step) {
            self.changed(edge);
        }
        true
    }

    /// Something is new at the step that the wall is at.
    fn changed(&mut self, edge: Edge) {
        match self.place {
            Place::Newest(_) => self.place = Place::Newest(edge),
            Place::At(..) => self.news = true,
        }
    }

    fn at(&self) -> Option<u32> {
        self.stand.as_ref().map(|stand| stand.at)
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Answer {
        let held = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if held && key.code == KeyCode::Char('c') {
            return Answer::Leave;
        }
        let context = if std::mem::take(&mut self.prefix) { Context::AfterPrefix } else { Context::Lesson };
        let meaning = lookup(context, key);
        match meaning {
            Some(Intent::Prefix) => self.prefix = context == Context::Lesson,
            Some(Intent::Language) => {
                self.lang = self.lang.other();
                self.forget();
            }
            Some(Intent::Quit) => return Answer::Leave,
            _ if matches!(self.state, State::Asking(..)) => return self.type_code(key, held),
            Some(Intent::Up) => self.scroll(-1),
            Some(Intent::Down) => self.scroll(1),
            Some(Intent::PageUp) => self.scroll(-self.screenful()),
            Some(Intent::PageDown) => self.scroll(self.screenful()),
            Some(Intent::Top) => self.scroll(isize::MIN),
            Some(Intent::Bottom) => self.newest(),
            Some(Intent::Back) => self.turn(false),
            Some(Intent::Next) => self.turn(true),
            _ if key.code == KeyCode::Char('q') && !held => return Answer::Leave,
            _ => {}
        }
        Answer::Draw
    }

    fn type_code(&mut self, key: KeyEvent, held: bool) -> Answer {
        let State::Asking(typed, _) = &mut self.state else { return Answer::Draw };
        match key.code {
            KeyCode::Esc => return Answer::Leave,
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Enter if !typed.trim().is_empty() => return Answer::Join(std::mem::take(typed)),
            KeyCode::Char(c @ (' ' | '-' | '0'..='9' | 'A'..='Z' | 'a'..='z'))
                if !held && typed.len() < MOST_TYPED / 4 =>
            {
                typed.push(c.to_ascii_uppercase());
            }
            _ => {}
        }
        Answer::Draw
    }

    // ---- what is in sight ----

    /// Makes again the lines that are stale, for a terminal of this size.
    pub fn lay_out(&mut self, size: Size) {
        if size.width != self.size.width {
            self.forget();
        }
        self.size = size;
        let (lang, theme, width) = (self.lang, self.theme, view::width(size));
        let stand = self.stand.clone().unwrap_or_default();
        for shown in self.pages.values_mut().filter(|shown| shown.stale) {
            shown.lines = view::lines(&shown.page, &stand, lang, theme, width);
            shown.stale = false;
        }
    }

    fn forget(&mut self) {
        self.pages.values_mut().for_each(|shown| shown.stale = true);
    }

    /// The rows that the text has.
    fn high(&self) -> usize {
        view::high(self.size)
    }

    fn screenful(&self) -> isize {
        isize::try_from(self.high().saturating_sub(2).max(1)).unwrap_or(1)
    }

    /// The first line and the number of lines of a step, among all lines.
    fn lines_of(&self, step: u32) -> (usize, usize) {
        let before = self.pages.range(..step).map(|(_, shown)| shown.lines.len()).sum();
        (before, self.pages.get(&step).map_or(0, |shown| shown.lines.len()))
    }

    /// The first line in sight, and the last that can be.
    pub(super) fn top(&self) -> (usize, usize) {
        let all: usize = self.pages.values().map(|shown| shown.lines.len()).sum();
        let most = all.saturating_sub(self.high());
        let top = match self.place {
            Place::Newest(edge) => self.newest_top(edge),
            Place::At(step, line) => {
                let (first, many) = self.lines_of(step);
                first + line.min(many.saturating_sub(1))
            }
        };
        (top.min(most), most)
    }

    /// Whether the step that the wall is at, and that is in sight, has more below.
    pub(super) fn goes_on(&self) -> bool {
        let (first, many) = self.lines_of(self.at().unwrap_or(0));
        // The last line of a step is empty.
        matches!(self.place, Place::Newest(_)) && self.top().0 + self.high() + 1 < first + many
    }

    fn newest_top(&self, edge: Edge) -> usize {
        let (first, many) = self.lines_of(self.at().unwrap_or(0));
        // The last line of a step is empty.
        if edge == Edge::Start && many > self.high() + 1 { first } else { (first + many).saturating_sub(self.high()) }
    }

    fn newest(&mut self) {
        self.place = Place::Newest(Edge::End);
        self.news = false;
    }

    fn scroll(&mut self, by: isize) {
        let (top, most) = self.top();
        let to = top.saturating_add_signed(by).min(most);
        let newest = self.newest_top(Edge::End).min(most);
        if by > 0 && top < newest && to >= newest {
            return self.newest();
        }
        if to != top {
            self.place_at(to);
        }
    }

    /// To the heading before, or the next one.
    fn turn(&mut self, next: bool) {
        let (top, most) = self.top();
        let mut starts = self.pages.keys().map(|step| self.lines_of(*step).0);
        if next {
            match starts.find(|start| *start > top).filter(|start| *start <= most) {
                Some(start) => self.place_at(start),
                None => self.newest(),
            }
        } else if let Some(start) = starts.rfind(|start| *start < top) {
            self.place_at(start);
        }
    }

    fn place_at(&mut self, top: usize) {
        let mut left = top;
        for (step, shown) in &self.pages {
            if left < shown.lines.len() {
                self.place = Place::At(*step, left);
                return;
            }
            left -= shown.lines.len();
        }
    }
}

/// What stands below the text of a step, and comes while the wall is at it.
fn below(page: &Page) -> impl PartialEq {
    (page.choices.clone(), page.checks.clone(), page.done, page.typed.clone(), page.calls.clone(), page.left_out)
}

impl Shown {
    fn new(page: Page) -> Self {
        Self { page, lines: Vec::new(), stale: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::follow::wire::Typed;

    const SIZE: Size = Size::new(80, 24);

    fn stand(at: u32) -> Word {
        Word::Stand(Stand { title: ["Names".into(), "Noms".into()], steps: 9, at, busy: false })
    }

    fn page(step: u32, lines: usize) -> Page {
        let text = |word: &str| (0..lines).fold(String::new(), |text, line| format!("{text}{word} {step}.{line}\n\n"));
        Page {
            step,
            title: [format!("Step {step}"), format!("Étape {step}")],
            text: [text("line"), text("ligne")],
            ..Page::default()
        }
    }

    fn reader() -> Reader {
        let mut reader = Reader::new(Theme::PLAIN, Lang::En, SIZE, State::Following);
        for step in 0..4 {
            assert!(reader.hear(Word::Page(Box::new(page(step, 6)))) && reader.hear(stand(step)));
        }
        reader.lay_out(SIZE);
        reader
    }

    fn seen(reader: &mut Reader) -> String {
        reader.lay_out(SIZE);
        view::text(reader)
    }

    fn press(reader: &mut Reader, key: KeyCode) -> Answer {
        reader.lay_out(SIZE);
        reader.key(key.into())
    }

    #[test]
    fn the_newest_step_is_in_sight_and_those_before_are_above_it() {
        let mut reader = reader();
        assert!(seen(&mut reader).contains("line 3.5"), "{}", seen(&mut reader));
        press(&mut reader, KeyCode::Home);
        assert!(seen(&mut reader).contains("line 0.0"));
        assert!(!seen(&mut reader).contains("line 3.5"));
        press(&mut reader, KeyCode::End);
        assert!(seen(&mut reader).contains("line 3.5"));
    }

    #[test]
    fn who_has_scrolled_stays_and_is_told_that_there_is_something_new() {
        let mut reader = reader();
        press(&mut reader, KeyCode::Home);
        reader.hear(Word::Page(Box::new(page(4, 6))));
        reader.hear(stand(4));
        let text = seen(&mut reader);
        assert!(text.contains("line 0.0") && text.contains("something new") && text.contains("End"), "{text}");
        press(&mut reader, KeyCode::End);
        let text = seen(&mut reader);
        assert!(text.contains("line 4.5") && !text.contains("something new"), "{text}");
        // Down to the end is the end, too.
        press(&mut reader, KeyCode::Up);
        reader.hear(Word::Page(Box::new(Page { done: true, ..page(4, 6) })));
        assert!(seen(&mut reader).contains("something new"));
        press(&mut reader, KeyCode::PageDown);
        assert!(!seen(&mut reader).contains("something new"));
    }

    #[test]
    fn a_long_step_begins_at_its_start_and_what_is_typed_then_comes_into_sight() {
        let mut reader = reader();
        reader.hear(stand(4));
        reader.hear(Word::Page(Box::new(page(4, 30))));
        let text = seen(&mut reader);
        assert!(text.contains("Step 4") && !text.contains("line 4.29") && text.contains("the step goes on"), "{text}");
        let typed = Typed { shell: "box".into(), line: "hostname x\u{1b}[2J".into(), failed: false };
        reader.hear(Word::Page(Box::new(Page { typed: vec![typed], ..page(4, 30) })));
        let text = seen(&mut reader);
        assert!(text.contains("hostname x␛[2J") && text.contains("line 4.29"), "{text}");
        assert!(!text.contains("the step goes on"), "{text}");
    }

    #[test]
    fn a_live_value_moves_nothing_and_is_no_news() {
        let mut reader = reader();
        press(&mut reader, KeyCode::Home);
        let mut live = page(3, 6);
        live.text[0].push('7');
        reader.hear(Word::Page(Box::new(live)));
        assert!(!seen(&mut reader).contains("something new"));
    }

    #[test]
    fn the_language_is_switched_by_f7_and_by_the_prefix() {
        let mut reader = reader();
        press(&mut reader, KeyCode::F(7));
        assert!(seen(&mut reader).contains("ligne 3.5"));
        reader.key(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL));
        press(&mut reader, KeyCode::Char('7'));
        assert!(seen(&mut reader).contains("line 3.5"));
    }

    #[test]
    fn keys_go_from_heading_to_heading() {
        let mut reader = reader();
        press(&mut reader, KeyCode::Home);
        press(&mut reader, KeyCode::F(9));
        let text = seen(&mut reader);
        assert!(text.contains("line 1.0") && !text.contains("line 0.5"), "{text}");
        press(&mut reader, KeyCode::F(8));
        assert!(seen(&mut reader).contains("line 0.0"));
    }

    #[test]
    fn the_code_is_typed_and_q_is_no_letter_of_it_but_leaves_later() {
        let mut reader = Reader::new(Theme::PLAIN, Lang::Fr, SIZE, State::Asking(String::new(), None));
        for c in "k7x4mr".chars() {
            assert_eq!(press(&mut reader, KeyCode::Char(c)), Answer::Draw);
        }
        assert!(seen(&mut reader).contains("K7X4MR"));
        assert_eq!(press(&mut reader, KeyCode::Enter), Answer::Join("K7X4MR".into()));
        reader.set_state(State::Following);
        assert_eq!(press(&mut reader, KeyCode::Char('q')), Answer::Leave);
    }

    #[test]
    fn a_step_that_was_passed_over_leaves_no_trace() {
        let mut reader = reader();
        for at in [4, 5] {
            reader.hear(stand(at));
        }
        reader.lay_out(SIZE);
        assert_eq!(reader.pages.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 5]);
        assert!(seen(&mut reader).contains("▶ 6/9"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut reader = reader();
        let wrong = [
            Word::Stand(Stand { steps: 3, at: 3, ..Stand::default() }),
            Word::Stand(Stand { steps: u32::MAX, at: 3, ..Stand::default() }),
            Word::Page(Box::new(page(MOST_STEPS, 1))),
        ];
        for word in wrong {
            assert!(!reader.hear(word.clone()), "{word:?}");
        }
        assert_eq!(reader.pages.len(), 4);
    }

    #[test]
    fn any_size_and_any_key_is_drawn() {
        let keys = [KeyCode::Up, KeyCode::PageDown, KeyCode::F(8), KeyCode::F(9), KeyCode::Home, KeyCode::End];
        for (width, height) in [(1, 1), (3, 2), (20, 3), (80, 4), (300, 100)] {
            let mut reader = reader();
            for key in keys {
                reader.lay_out(Size::new(width, height));
                reader.key(key.into());
                reader.lay_out(Size::new(width, height));
                view::text(&reader);
            }
        }
    }
}
