//! A demonstration that goes on by itself, for a screen that nobody attends. Reads no
//! clock: the instants are given.

use std::time::{Duration, Instant};

/// At each step, whatever it shows.
const LOOK: Duration = Duration::from_secs(3);
/// For a word of the sentence, for those who read aloud.
const WORD: Duration = Duration::from_millis(350);
/// For a question: to think, and to tell one's neighbour.
const THINK: Duration = Duration::from_secs(8);

/// When it goes on next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoplay {
    /// After the last step the first comes again.
    pub again: bool,
    /// The presenter has stopped it.
    pub held: bool,
    /// Whether the solution of this step has been typed.
    pub typed: bool,
    /// How long a step stays; nothing: as long as reading takes.
    stay: Option<Duration>,
    due: Option<Instant>,
}

/// What there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToRead {
    /// So many words.
    pub words: usize,
    /// A question that is not answered yet.
    pub asks: bool,
}

impl Autoplay {
    /// From now on; `stay` is how long a step stays, where it is not by what there is to
    /// read.
    pub fn new(again: bool, stay: Option<Duration>) -> Self {
        Self { again, held: false, typed: false, stay, due: None }
    }

    /// When it goes on; nothing while it waits for something else than time.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Something else than time is waited for.
    pub fn wait(&mut self) {
        self.due = None;
    }

    /// Whether it is time to go on from what there is to read. The time runs from the
    /// first time that it is asked.
    pub fn is_due(&mut self, to_read: ToRead, now: Instant) -> bool {
        let reading = LOOK + WORD * u32::try_from(to_read.words).unwrap_or(u32::MAX).min(200);
        let stay = self.stay.unwrap_or(if to_read.asks { reading + THINK } else { reading });
        let due = *self.due.get_or_insert(now + stay);
        if due > now {
            return false;
        }
        self.due = None;
        true
    }

    /// Another step.
    pub fn entered_step(&mut self) {
        (self.typed, self.due) = (false, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_stays_as_long_as_reading_it_takes_and_a_question_longer() {
        let start = Instant::now();
        let mut auto = Autoplay::new(false, None);
        let text = ToRead { words: 20, asks: false };
        assert!(!auto.is_due(text, start));
        assert_eq!(auto.deadline(), Some(start + LOOK + WORD * 20));
        assert!(!auto.is_due(text, start + LOOK));
        assert!(auto.is_due(text, start + LOOK + WORD * 20));
        // What comes next has its own time.
        assert!(!auto.is_due(ToRead { asks: true, ..text }, start + LOOK + WORD * 20));
        assert_eq!(auto.deadline(), Some(start + (LOOK + WORD * 20) * 2 + THINK));
    }

    #[test]
    fn whoever_says_how_long_has_every_step_stay_so_long() {
        let start = Instant::now();
        let mut auto = Autoplay::new(true, Some(Duration::from_secs(2)));
        assert!(!auto.is_due(ToRead { words: 100, asks: true }, start));
        assert_eq!(auto.deadline(), Some(start + Duration::from_secs(2)));
        auto.wait();
        assert_eq!(auto.deadline(), None);
    }
}
