//! A recording on the screen: what stands there at a time, and what keys do. Reads no
//! clock: instants are given. What was recorded goes through the emulator of the shells, so
//! nothing of it reaches the terminal but cells. The loop is the composition root's.

mod view;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::cast::{Recording, What};
use crate::i18n::Lang;
use crate::term::Screen;
use crate::ui::theme::Theme;

/// At most so many bytes go through the emulator before keys are looked at again.
const SLICE: usize = 64 << 10;
/// Drawings are no closer than this, and no further apart while it plays.
const FRAME: Duration = Duration::from_millis(16);
const CLOCK: Duration = Duration::from_millis(250);
/// Speeds that the keys lead to, in per cent.
const SPEEDS: [u32; 8] = [25, 50, 100, 150, 200, 300, 500, 1000];
/// What leaves the alternate screen (xterm's 1049).
const LEAVES: &[u8] = b"\x1b[?1049l";

/// A step of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chapter {
    /// When it begins, in microseconds.
    at: u64,
    /// Its name; untrusted.
    name: String,
}

/// A recording that is played.
pub struct Player {
    recording: Recording,
    chapters: Vec<Chapter>,
    /// When it was made, in words.
    made: Option<String>,
    /// Where it ends, in microseconds: before the screen is given back.
    end: u64,
    lang: Lang,
    theme: Theme,
    screen: Screen,
    /// The next event, and what of its bytes the screen has already.
    next: (usize, usize),
    /// Where it stands, in microseconds.
    at: u64,
    /// In per cent.
    speed: u32,
    paused: bool,
    /// The instant up to which the time has been counted.
    counted: Instant,
    /// Whether the list is shown where there is no room beside, and not where there is.
    toggled: bool,
    /// The step that Enter goes to, while it is chosen.
    chosen: Option<usize>,
    /// The number of a step, as it is being typed.
    typed: Option<String>,
}

/// What a key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Stay,
    /// Leave.
    Leave,
}

impl Player {
    /// Begins to play, at a speed in per cent. `made`: when it was recorded.
    pub fn new(recording: Recording, made: Option<String>, speed: u32, lang: Lang, theme: Theme, now: Instant) -> Self {
        let chapters = chapters(&recording);
        let screen = empty(&recording);
        let end = end(&recording);
        Self {
            recording,
            chapters,
            made,
            end,
            lang,
            theme,
            screen,
            next: (0, 0),
            at: 0,
            speed,
            paused: false,
            counted: now,
            toggled: false,
            chosen: None,
            typed: None,
        }
    }

    /// Time has passed: what was recorded up to here is on the screen, or a part of it
    /// ([`Self::behind`]). While it is behind, no time is counted.
    pub fn tick(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.counted, now));
        if !self.behind() && !self.paused {
            let passed =
                u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).saturating_mul(u64::from(self.speed)) / 100;
            self.at = self.at.saturating_add(passed).min(self.end);
        }
        self.feed();
    }

    /// Whether the screen does not show yet what it should.
    pub fn behind(&self) -> bool {
        self.recording.events.get(self.next.0).is_some_and(|event| event.at <= self.at)
    }

    /// When it shows something else by itself.
    pub fn deadline(&self) -> Option<Instant> {
        if self.behind() {
            return Some(self.counted);
        }
        if self.paused || self.ended() {
            return None;
        }
        let next = self.recording.events.get(self.next.0).map_or(self.end, |event| event.at.min(self.end));
        let wait = (next - self.at).saturating_mul(100) / u64::from(self.speed.max(1)) + 1;
        Some(self.counted + Duration::from_micros(wait).clamp(FRAME, CLOCK))
    }

    fn ended(&self) -> bool {
        self.at >= self.end
    }

    /// Gives the emulator a slice of what it lacks.
    fn feed(&mut self) {
        let mut left = SLICE;
        while left > 0
            && let Some(event) = self.recording.events.get(self.next.0).filter(|event| event.at <= self.at)
        {
            let (index, from) = self.next;
            self.next = (index + 1, 0);
            // An event that is no output costs something, too.
            left = left.saturating_sub(16);
            match event.what {
                What::Output(begin, end) => {
                    let rest = &self.recording.bytes(begin, end)[from..];
                    let now = &rest[..rest.len().min(left.max(1))];
                    self.screen.process(now);
                    left = left.saturating_sub(now.len());
                    if now.len() < rest.len() {
                        self.next = (index, from + now.len());
                    }
                }
                What::Resized(cols, rows) => {
                    self.screen.resize(rows, cols);
                    left = left.saturating_sub(usize::from(cols) * usize::from(rows) / 16);
                }
                What::Marker(_) => {}
            }
        }
    }

    /// Goes to a time.
    fn go(&mut self, at: u64) {
        let at = at.min(self.end);
        if at < self.at {
            self.screen = empty(&self.recording);
            self.next = (0, 0);
        }
        self.at = at;
        (self.chosen, self.typed) = (None, None);
    }

    /// The step in which it stands.
    fn current(&self) -> Option<usize> {
        self.chapters.iter().rposition(|chapter| chapter.at <= self.at)
    }

    fn go_to_chapter(&mut self, index: usize) {
        if let Some(chapter) = self.chapters.get(index) {
            self.go(chapter.at);
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent, now: Instant) -> Answer {
        // The time until now passed as it was.
        self.tick(now);
        let control = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('c') if control => return Answer::Leave,
            _ if control => {}
            KeyCode::Char('q') => return Answer::Leave,
            KeyCode::Char(c @ '0'..='9') => self.digit(c),
            KeyCode::Backspace => drop(self.typed.as_mut().and_then(String::pop)),
            KeyCode::Char(' ') if self.ended() => {
                self.go(0);
                self.paused = false;
            }
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Left | KeyCode::PageUp => {
                let before = self.current().and_then(|current| current.checked_sub(1));
                match before {
                    Some(before) => self.go_to_chapter(before),
                    None => self.go(0),
                }
            }
            KeyCode::Right | KeyCode::PageDown => match self.current().map_or(0, |current| current + 1) {
                next if next < self.chapters.len() => self.go_to_chapter(next),
                _ => self.go(self.end),
            },
            KeyCode::Home => self.go(0),
            KeyCode::End => self.go(self.end),
            KeyCode::Up => self.choose(-1),
            KeyCode::Down => self.choose(1),
            KeyCode::Char('g') => {
                self.typed = Some(String::new());
                self.choose(0);
            }
            KeyCode::Enter => {
                let typed = self.typed.take().and_then(|typed| typed.parse::<usize>().ok()?.checked_sub(1));
                if let Some(index) = typed.or(self.chosen) {
                    self.go_to_chapter(index);
                }
                self.close();
            }
            KeyCode::Esc => self.close(),
            KeyCode::Tab => self.toggled = !self.toggled,
            KeyCode::Char('+' | '=') => {
                self.speed = SPEEDS.into_iter().find(|speed| *speed > self.speed).unwrap_or(self.speed);
            }
            KeyCode::Char('-') => {
                self.speed = SPEEDS.into_iter().rev().find(|speed| *speed < self.speed).unwrap_or(self.speed);
            }
            _ => {}
        }
        Answer::Stay
    }

    /// A digit of a step's number: where no other number begins so, it goes there.
    fn digit(&mut self, c: char) {
        let mut typed = self.typed.take().unwrap_or_default();
        typed.push(c);
        let number = typed.parse().unwrap_or(usize::MAX);
        let most = self.chapters.len();
        if number == 0 || number > most {
            return;
        }
        if number.saturating_mul(10) > most {
            self.close();
            self.go_to_chapter(number - 1);
        } else {
            self.typed = Some(typed);
        }
    }

    /// Another step of the list, which is then shown.
    fn choose(&mut self, by: isize) {
        let from = self.chosen.or(self.current()).unwrap_or(0);
        self.chosen = Some(from.saturating_add_signed(by).min(self.chapters.len().saturating_sub(1)));
    }

    fn close(&mut self) {
        (self.chosen, self.typed) = (None, None);
    }
}

/// A screen without anything on it.
fn empty(recording: &Recording) -> Screen {
    let (cols, rows) = recording.size;
    Screen::without_past(rows, cols)
}

fn chapters(recording: &Recording) -> Vec<Chapter> {
    let marker = |event: &super::cast::Moment| match event.what {
        What::Marker(index) => Some(Chapter { at: event.at, name: recording.markers[index as usize].clone() }),
        _ => None,
    };
    recording.events.iter().filter_map(marker).collect()
}

/// A full-screen program gives the screen back in the end: a replay stops before, at what
/// there was to see last.
fn end(recording: &Recording) -> u64 {
    let outputs = recording.events.iter().enumerate().rev().filter_map(|(index, event)| match event.what {
        What::Output(from, to) => Some((index, recording.bytes(from, to))),
        _ => None,
    });
    let left = outputs.take(3).find(|(_, bytes)| bytes.windows(LEAVES.len()).any(|bytes| bytes == LEAVES));
    match left {
        // What happened at the same instant is on the screen, too.
        Some((index, _)) => recording.events[index].at.saturating_sub(1),
        None => recording.length(),
    }
}

#[cfg(test)]
mod tests;
