//! What a demonstration adds to an open lesson: what the room is shown of it, the
//! hands that were counted, and the solution that types itself. State only; `update`
//! changes it, `view::projector` draws it.

mod autoplay;
pub mod keys;
mod typing;

use std::collections::BTreeMap;

use super::layout::Column;
use crate::lesson::answers::Answers;
use crate::session::Command;

pub use autoplay::{Autoplay, ToRead};
pub use typing::Typing;

/// So many lines of a step are kept.
const MOST_LINES: usize = 40;

/// How a lesson is laid out on the projector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Projected {
    /// The margins give way to larger regions.
    pub large: bool,
    /// The text is twice as large where it has the room.
    pub twice: bool,
    /// What alone is shown below the header.
    pub spotlight: Option<Column>,
}

impl Projected {
    /// As a lesson begins: as large as the terminal can without giving up the margins.
    pub fn of(wall: &Projector) -> Self {
        Self { twice: wall.scales, ..Self::default() }
    }

    /// The next size: text twice as large, then regions without margins.
    pub fn larger(&mut self, scales: bool) {
        self.large = self.twice || !scales;
        self.twice = scales;
    }

    /// The size before.
    pub fn smaller(&mut self) {
        self.twice &= self.large;
        self.large = false;
    }
}

/// How the calls of a step are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// All at once.
    #[default]
    AtOnce,
    /// One at a time: slow motion.
    Slowly,
    /// The step waits between two of them.
    Waiting,
}

/// A lesson on the projector.
#[derive(Debug, Default)]
pub struct Projector {
    /// The terminal can show text at twice its size.
    pub scales: bool,
    /// Nothing is shown: the room looks at the teacher.
    pub blank: bool,
    /// Hands, by the step that asked and the choice.
    pub votes: BTreeMap<String, BTreeMap<String, u32>>,
    /// The hands as they are being typed, in the order of the choices.
    pub counting: Option<String>,
    /// The lesson's own answers: what is typed.
    pub solution: Answers,
    /// What is being typed now.
    pub typing: Option<Typing>,
    /// Where the teacher goes as soon as the lab is ready: a key that came too early.
    pub pending: Option<Command>,
    /// How the calls of a step are made.
    pub pace: Pace,
    /// It goes on by itself.
    pub auto: Option<Autoplay>,
    /// What went wrong: for the teacher, never on the wall.
    pub trouble: Option<String>,
    /// Why nothing is recorded any more, in English and in French: for the teacher, too.
    pub unrecorded: Option<[String; 2]>,
    /// What was typed in this step, by whom ever: what the room has seen.
    pub typed: Vec<Line>,
    /// How the room follows in its own terminals, where it may.
    pub sharing: Option<Sharing>,
}

/// A line that was entered in a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The actor whose shell took it.
    pub shell: String,
    /// The line.
    pub line: String,
    /// Whether the shell said that it failed.
    pub failed: bool,
}

/// How the room follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// What to type: `cloison follow 192.168.1.5:4040`.
    pub command: String,
    /// The code that is asked for then.
    pub code: String,
    /// How many follow now.
    pub followers: usize,
}

impl Projector {
    /// A lesson that nobody has seen yet.
    pub fn new(solution: Answers) -> Self {
        Self { solution, ..Self::default() }
    }

    /// Another step: what belonged to the one before is over.
    pub fn entered_step(&mut self) {
        self.counting = None;
        self.typing = None;
        if let Some(auto) = &mut self.auto {
            auto.entered_step();
        }
        self.typed.clear();
    }

    /// A line was entered. Of those that are more than anybody reads the first go.
    pub fn entered(&mut self, line: Line) {
        if self.typed.len() >= MOST_LINES {
            self.typed.remove(0);
        }
        self.typed.push(line);
    }

    /// Takes the hands that were typed for these choices of a step, in their order:
    /// numbers with anything between them. What is missing counts as none.
    pub fn count(&mut self, step: &str, choices: &[String]) {
        let Some(typed) = self.counting.take() else { return };
        let numbers = typed.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
        let numbers = numbers.map(|word| word.parse().unwrap_or(u32::MAX)).chain(std::iter::repeat(0));
        self.votes.insert(step.to_owned(), choices.iter().cloned().zip(numbers).collect());
    }

    /// The hands for a choice of a step, where any were counted there.
    pub fn hands(&self, step: &str, choice: &str) -> Option<u32> {
        self.votes.get(step).map(|votes| votes.get(choice).copied().unwrap_or(0))
    }

    /// The most hands for a choice of this step.
    pub fn most_hands(&self, step: &str) -> u32 {
        self.votes.get(step).and_then(|votes| votes.values().copied().max()).unwrap_or(0)
    }
}

/// What the choice of this index is called in a room: A, B, C.
pub fn letter(at: usize) -> char {
    char::from(b'A' + u8::try_from(at).unwrap_or(25).min(25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_are_numbers_in_the_order_of_the_choices() {
        let choices = ["a", "b", "c"].map(str::to_owned);
        let mut wall = Projector { counting: Some("12, 30".into()), ..Projector::default() };
        wall.count("guess", &choices);
        assert_eq!(choices.each_ref().map(|choice| wall.hands("guess", choice)), [Some(12), Some(30), Some(0)]);
        assert_eq!((wall.most_hands("guess"), wall.hands("other", "a"), &wall.counting), (30, None, &None));
        // Twice as many digits as a number has.
        wall.counting = Some("99999999999999999999 1".into());
        wall.count("guess", &choices);
        assert_eq!(wall.hands("guess", "a"), Some(u32::MAX));
    }
}
