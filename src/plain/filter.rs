//! What a shell prints, as lines of safe text and marks. Escape sequences are
//! stripped, other control characters shown; nothing here trusts what it reads.
//! Called by `shell`.

use crate::term::safe::safe;

/// The longest line, in bytes; a longer one is cut into several.
const LONGEST: usize = 4_096;
/// What is looked at of an OSC sequence.
const HELD: usize = 8;
/// Where tabs go.
const TAB: usize = 8;

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A line, or what there is of one before a mark.
    Line(String),
    /// The shell awaits a command.
    Prompt,
    /// The shell awaits the rest of one.
    More,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC; whether an intermediate byte came.
    Escape(bool),
    /// In CSI.
    Csi,
    /// In a string (OSC, DCS, APC, PM, SOS): whether OSC, its start, whether ESC
    /// came last.
    Text { osc: bool, held: Vec<u8>, escaped: bool },
}

/// Follows the output of one shell.
#[derive(Debug, Default)]
pub struct Filter {
    state: State,
    line: Vec<u8>,
    /// A carriage return came last: alone it ends a line, for nothing is written over.
    returned: bool,
}

impl Filter {
    /// Takes output, cut anywhere.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for &byte in bytes {
            match &mut self.state {
                State::Ground => self.ground(byte, &mut pieces),
                State::Escape(intermediate) => match byte {
                    b'[' if !*intermediate => self.state = State::Csi,
                    b']' | b'P' | b'X' | b'^' | b'_' if !*intermediate => {
                        self.state = State::Text { osc: byte == b']', held: Vec::new(), escaped: false };
                    }
                    0x1b => *intermediate = false,
                    0x20..=0x2f => *intermediate = true,
                    b'\n' => {
                        self.state = State::Ground;
                        self.ground(byte, &mut pieces);
                    }
                    _ => self.state = State::Ground,
                },
                State::Csi => match byte {
                    0x20..=0x3f => {}
                    0x1b => self.state = State::Escape(false),
                    b'\n' => {
                        self.state = State::Ground;
                        self.ground(byte, &mut pieces);
                    }
                    _ => self.state = State::Ground,
                },
                State::Text { osc, held, escaped } => match byte {
                    0x07 => self.close(&mut pieces),
                    b'\\' if *escaped => self.close(&mut pieces),
                    _ if *escaped => {
                        // ESC and anything else ends the string and begins anew.
                        self.state = match byte {
                            b'[' => State::Csi,
                            b']' => State::Text { osc: true, held: Vec::new(), escaped: false },
                            _ => State::Ground,
                        };
                    }
                    0x1b => *escaped = true,
                    0x18 | 0x1a => self.state = State::Ground,
                    _ if *osc && held.len() < HELD => held.push(byte),
                    _ => {}
                },
            }
        }
        pieces
    }

    /// What there is of a line that has not ended.
    pub fn rest(&mut self) -> Option<String> {
        self.returned = false;
        (!self.line.is_empty()).then(|| self.cut())
    }

    fn ground(&mut self, byte: u8, pieces: &mut Vec<Piece>) {
        if self.returned && !matches!(byte, b'\n' | b'\r') {
            pieces.extend(self.rest().map(Piece::Line));
        }
        match byte {
            0x1b => self.state = State::Escape(false),
            b'\n' => {
                self.returned = false;
                let line = self.cut();
                pieces.push(Piece::Line(line));
            }
            b'\r' => self.returned = true,
            // Bells and padding say nothing.
            0x07 | 0x00 => {}
            _ => {
                // Cut before a character and not within one.
                if self.line.len() >= LONGEST && byte & 0xc0 != 0x80 || self.line.len() >= LONGEST + 4 {
                    let line = self.cut();
                    pieces.push(Piece::Line(line));
                }
                self.line.push(byte);
            }
        }
    }

    fn close(&mut self, pieces: &mut Vec<Piece>) {
        let State::Text { held, .. } = std::mem::take(&mut self.state) else { return };
        let mark = match held.as_slice() {
            [b'6', b'3', b'3', b';', b'B', ..] => Piece::Prompt,
            [b'6', b'3', b'3', b';', b'C', ..] => Piece::More,
            _ => return,
        };
        pieces.extend(self.rest().map(Piece::Line));
        pieces.push(mark);
    }

    /// The line so far as safe text, with tabs as blanks.
    fn cut(&mut self) -> String {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let mut line = String::new();
        for (number, part) in text.split('\t').enumerate() {
            if number > 0 {
                let at = crate::term::safe::width(&line);
                line.extend(std::iter::repeat_n(' ', TAB - at % TAB));
            }
            line.push_str(&safe(part));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut filter = Filter::default();
        let mut lines: Vec<String> = filter
            .take(bytes)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Line(line) => Some(line),
                _ => None,
            })
            .collect();
        lines.extend(filter.rest());
        lines
    }

    #[test]
    fn sequences_are_stripped_and_other_controls_shown() {
        assert_eq!(lines(b"a\x1b[31mb\x1b[0m\r\n\x1b]0;title\x07c\x1b(Bd\x08\n"), ["ab", "cd␈"]);
        assert_eq!(lines(b"\x1bP1;2q##\x1b\\x\x1b_hidden\x1b\\y\n"), ["xy"]);
        assert_eq!(lines("\u{9b}31m é\n".as_bytes()), ["\\u{9b}31m é"]);
        assert_eq!(lines(b"x\xff\n"), ["x\u{fffd}"]);
    }

    #[test]
    fn a_carriage_return_writes_over_nothing() {
        assert_eq!(lines(b"10 %\r20 %\r\r\n\tx\n"), ["10 %", "20 %", "        x"]);
    }

    #[test]
    fn marks_come_in_their_place() {
        let mut filter = Filter::default();
        let pieces = filter.take(b"out\x1b]633;E;1;ls\x07\x1b]633;B\x07\x1b]633;C\x1b\\");
        assert_eq!(pieces, [Piece::Line("out".into()), Piece::Prompt, Piece::More]);
    }

    proptest! {
        #[test]
        fn no_output_gets_through_raw(pieces in proptest::collection::vec(
            prop_oneof![proptest::collection::vec(any::<u8>(), 0..40), Just(b"\x1b]633;B\x07".to_vec()), Just(b"\x1b[".to_vec())], 0..20)) {
            let whole = pieces.concat();
            for line in lines(&whole) {
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
                prop_assert!(line.len() <= 16 * (LONGEST + 4));
            }
        }
    }
}
