//! What the wall and those who follow say to each other. Neither trusts the other: every
//! frame has a length before it and a limit, and one that can't be read is the end.
//!
//! ```text
//! wall ── "cloison-follow 1 0.1.0" ─▶  the protocol and the program, in words for ever
//!      ◀─ "K7X 4MR" ─                  the code: all that a follower ever says
//! wall ── Word, Word, … ─▶
//! ```

use serde::{Deserialize, Serialize};

/// The port, where none is named.
pub const PORT: u16 = 4040;
/// What is said from the wall on; another number is another language.
pub const PROTOCOL: u32 = 1;
/// The longest frame of a wall, in bytes.
pub const MOST_SAID: usize = 256 << 10;
/// The longest frame of a follower, in bytes.
pub const MOST_TYPED: usize = 64;
/// A lesson has fewer steps.
pub const MOST_STEPS: u32 = 128;
/// A wall that has nothing to say says so after so many seconds.
pub const ALIVE: u64 = 5;
const GREETING: &str = "cloison-follow";

/// A text in English and French.
pub type Texts = [String; 2];

/// What a wall says to those who are in, or at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// Not let in; the connection ends.
    Refused(Refusal),
    /// Where the wall stands.
    Stand(Stand),
    /// A step as it is now, in place of what was said of it before.
    Page(Box<Page>),
    /// Nothing new; the wall is there.
    Alive,
    /// The demonstration is over.
    Ended,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// That is not the code.
    Code,
    /// Too many wrong codes came from there: try again in so many seconds.
    Later(u32),
    /// Nobody else has room.
    Full,
}

/// Where the wall stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The lesson's title.
    pub title: Texts,
    /// How many steps it has.
    pub steps: u32,
    /// The index of the step.
    pub at: u32,
    /// Whether the lab is at work on it.
    pub busy: bool,
}

/// A step: texts are Markdown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its index.
    pub step: u32,
    /// Its heading.
    pub title: Texts,
    /// What the lesson says.
    pub text: Texts,
    /// The explanation, once it gives nothing away.
    pub why: Option<Texts>,
    /// The choices of a question, asked or answered here.
    pub choices: Vec<Choice>,
    /// What must hold.
    pub checks: Vec<Check>,
    /// Whether all of it held.
    pub done: bool,
    /// What was typed, in order.
    pub typed: Vec<Typed>,
    /// The last calls, in order.
    pub calls: Vec<Call>,
    /// How many calls before them are not here.
    pub left_out: u32,
}

/// A choice of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// In words.
    pub texts: Texts,
    /// The hands counted for it.
    pub hands: Option<u32>,
    /// Whether it came true.
    pub came_true: bool,
}

/// A check of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// In words.
    pub label: Texts,
    /// Whether it holds.
    pub holds: bool,
}

/// A line typed in a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Whose shell.
    pub shell: String,
    /// The line.
    pub line: String,
    /// Whether the shell said that it failed.
    pub failed: bool,
}

/// A system call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who made it.
    pub who: String,
    /// `mount("proc", "/proc", "proc", 0, "")`.
    pub text: String,
    /// What came of it; nothing while it is under way.
    pub result: Option<Result<String, Texts>>,
}

/// The frame of these bytes.
pub fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), bytes].concat()
}

/// A word as a frame; nothing where it is longer than a follower takes.
pub fn said(word: &Word) -> Option<Vec<u8>> {
    let bytes = postcard::to_stdvec(word).ok()?;
    (bytes.len() <= MOST_SAID).then(|| frame(&bytes))
}

/// A frame as a word.
pub fn heard(bytes: &[u8]) -> Option<Word> {
    postcard::from_bytes(bytes).ok()
}

/// What a wall says first, as a frame.
pub fn greeting() -> Vec<u8> {
    frame(format!("{GREETING} {PROTOCOL} {}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A wall that speaks as we do.
    Wall,
    /// A wall of that version of the program, which speaks otherwise.
    Version(String),
    /// No wall.
    Stranger,
}

/// Who says this first.
pub fn greeted(bytes: &[u8]) -> Who {
    let words: Vec<&str> = std::str::from_utf8(bytes).unwrap_or_default().split(' ').collect();
    match words[..] {
        [GREETING, protocol, _] if protocol.parse() == Ok(PROTOCOL) => Who::Wall,
        [GREETING, protocol, version, ..] if protocol.parse::<u32>().is_ok() && version.len() <= 32 => {
            Who::Version(version.to_owned())
        }
        _ => Who::Stranger,
    }
}

/// A frame announced that nobody takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong(pub usize);

/// What has arrived and is not yet a whole frame.
#[derive(Debug)]
pub struct Inbox {
    arrived: Vec<u8>,
    most: usize,
}

impl Inbox {
    /// Takes frames of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self { arrived: Vec::new(), most }
    }

    /// More has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.arrived.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let Some(header) = self.arrived.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > self.most {
            return Err(TooLong(length));
        }
        if self.arrived.len() < 4 + length {
            return Ok(None);
        }
        let bytes = self.arrived[4..4 + length].to_vec();
        self.arrived.drain(..4 + length);
        Ok(Some(bytes))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let word = Word::Page(Box::new(Page { step: 3, text: ["a".into(), "b".into()], ..Page::default() }));
        let bytes = [greeting(), said(&word).unwrap()].concat();
        for size in 1..bytes.len() {
            let mut inbox = Inbox::new(MOST_SAID);
            let mut frames = Vec::new();
            for part in bytes.chunks(size) {
                inbox.push(part);
                while let Some(frame) = inbox.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!((greeted(&frames[0]), heard(&frames[1])), (Who::Wall, Some(word.clone())));
            assert!(inbox.is_empty());
        }
    }

    #[test]
    fn a_length_that_nobody_takes_is_refused_before_it_arrives() {
        let mut inbox = Inbox::new(MOST_TYPED);
        inbox.push(&[65, 0, 0, 0]);
        assert_eq!(inbox.next_frame(), Err(TooLong(65)));
        let long = Word::Page(Box::new(Page { text: ["x".repeat(MOST_SAID), String::new()], ..Page::default() }));
        assert_eq!(said(&long), None);
    }

    #[test]
    fn another_version_is_named_and_anybody_else_is_a_stranger() {
        assert_eq!(greeted(b"cloison-follow 2 9.1.0 and more"), Who::Version("9.1.0".into()));
        for words in ["", "HTTP/1.1 400 Bad Request", "cloison-follow", "cloison-follow 1", "cloison-follow x 1.0"] {
            assert_eq!(greeted(words.as_bytes()), Who::Stranger, "{words}");
        }
        assert_eq!(greeted(&[0xff, 0xfe]), Who::Stranger);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_word_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (heard(&bytes), greeted(&bytes));
            let mut inbox = Inbox::new(MOST_SAID);
            inbox.push(&bytes);
            while let Ok(Some(_)) = inbox.next_frame() {}
        }
    }
}
