//! The solution types itself: key by key, at the pace of a person, into the real
//! shells. Reads no clock: the instants are given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

/// Between two keys, and so much more at some of them.
const KEY: Duration = Duration::from_millis(45);
const UNEVEN: u32 = 50;
/// Between the last key of a line and Enter: time to read it.
const READ: Duration = Duration::from_millis(500);
/// After a line, once the shell has asked for the next one.
const PROMPT: Duration = Duration::from_millis(500);
/// A shell that does not say when it is ready is given so long.
const PATIENCE: Duration = Duration::from_millis(2500);

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// What is left: the shell, and the character; a newline is Enter.
    left: VecDeque<(String, char)>,
    due: Instant,
    paused: bool,
    /// A line was entered, and the shell is at work on it.
    entered: bool,
}

impl Typing {
    /// Begins with the commands of a task, by shell.
    pub fn new(commands: &IndexMap<String, String>, now: Instant) -> Self {
        let mut left = VecDeque::new();
        for (shell, script) in commands {
            for line in script.trim_matches('\n').lines() {
                left.extend(line.chars().chain(['\n']).map(|c| (shell.clone(), c)));
            }
        }
        Self { left, due: now, paused: false, entered: false }
    }

    /// When the next key is due; nothing while it pauses.
    pub fn deadline(&self) -> Option<Instant> {
        (!self.paused && !self.left.is_empty()).then_some(self.due)
    }

    /// Whether all is typed.
    pub fn done(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether it pauses.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// The shell that the next key goes to.
    pub fn shell(&self) -> Option<&str> {
        self.left.front().map(|(shell, _)| shell.as_str())
    }

    /// Stops typing, or goes on.
    pub fn pause(&mut self, now: Instant) {
        self.paused = !self.paused;
        self.due = now;
    }

    /// The next key, once it is due.
    pub fn take(&mut self, now: Instant) -> Option<char> {
        if self.deadline()? > now {
            return None;
        }
        let (_, c) = self.left.pop_front()?;
        self.entered = c == '\n';
        self.due = now
            + match self.left.front() {
                _ if self.entered => PATIENCE,
                Some((_, '\n')) => READ,
                // No two keys of a person's come after the same time.
                _ => KEY + Duration::from_millis(u64::from((self.left.len() as u32).wrapping_mul(37) % UNEVEN)),
            };
        Some(c)
    }

    /// A shell has taken a line and asks for the next.
    pub fn prompted(&mut self, now: Instant) {
        if std::mem::take(&mut self.entered) {
            self.due = now + PROMPT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(script: &str) -> IndexMap<String, String> {
        [("box".to_owned(), script.to_owned())].into_iter().collect()
    }

    #[test]
    fn keys_come_one_by_one_and_a_line_waits_for_its_prompt() {
        let start = Instant::now();
        let mut typing = Typing::new(&commands("\nid\nls\n"), start);
        assert_eq!(typing.take(start), Some('i'));
        assert_eq!(typing.take(start), None);
        let mut now = start;
        let mut typed = String::from("i");
        while !typed.ends_with('\n') {
            now = typing.deadline().unwrap();
            typed.extend(typing.take(now));
        }
        assert_eq!(typing.deadline(), Some(now + PATIENCE));
        typing.prompted(now);
        assert_eq!(typing.deadline(), Some(now + PROMPT));
        // A prompt that comes late is no second pause.
        typing.take(now + PROMPT);
        let due = typing.deadline();
        typing.prompted(now + PROMPT);
        assert_eq!(typing.deadline(), due);
    }

    #[test]
    fn while_it_pauses_nothing_is_due_and_then_it_goes_on() {
        let start = Instant::now();
        let mut typing = Typing::new(&commands("id"), start);
        typing.pause(start);
        assert_eq!((typing.deadline(), typing.take(start + PATIENCE)), (None, None));
        typing.pause(start + PATIENCE);
        assert_eq!(typing.take(start + PATIENCE), Some('i'));
        assert!(!typing.done());
    }
}
