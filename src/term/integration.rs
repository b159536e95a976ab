//! Which lines a student entered in a shell: told by the prompt of our own bash in
//! `ESC ] 633 ; E ; NUMBER ; LINE BEL` (or ended by `ESC \`; before the number a `^`:
//! the command was interrupted by SIGINT, or a `!`: it failed), and for shells without
//! it rebuilt from the keys typed. Lines are kept as answers, so they hold no control
//! characters but the newlines of a here-document, and have a bounded length; they
//! prove nothing about what ran.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The longest line taken, in bytes; what is longer is cut.
const LONGEST: usize = 4_096;
/// What a sequence of ours starts with.
const START: &[u8] = b"\x1b]633;E;";

/// A line that the shell says was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The line.
    pub line: String,
    /// SIGINT ended it: it was taken back rather than carried out.
    pub interrupted: bool,
    /// It ended with a status other than 0, and not by SIGINT. Never said of a line whose
    /// end is not known.
    pub failed: bool,
}

/// Follows one shell.
#[derive(Debug, Default)]
pub struct Integration {
    scan: Scan,
    /// The number of the line told last. A prompt repeats it when nothing was
    /// entered in between; `history -c` starts again from 1.
    last: Option<u64>,
    /// The shell tells its lines (or has shown a prompt that could): what is rebuilt
    /// from keys then only stands in for a line that it did not live to tell.
    told: bool,
    typed: String,
    /// Entered, by the keys, and not told yet.
    untold: Option<String>,
}

/// Where the scan stands in the output.
#[derive(Debug)]
enum Scan {
    /// So many bytes of [`START`] have been met.
    Outside(usize),
    /// In a sequence of ours: what it holds so far, and whether an escape came last.
    Inside(Vec<u8>, bool),
}

impl Default for Scan {
    fn default() -> Self {
        Self::Outside(0)
    }
}

impl Integration {
    /// Follows a shell from its start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what the shell printed, cut anywhere, and gives back the lines that
    /// were entered, in order. A number told twice in a row is one line.
    pub fn output(&mut self, bytes: &[u8]) -> Vec<Told> {
        let mut lines = Vec::new();
        for &byte in bytes {
            match &mut self.scan {
                Scan::Outside(met) => {
                    if byte == START[*met] {
                        *met += 1;
                    } else {
                        *met = usize::from(byte == START[0]);
                    }
                    if *met == START.len() {
                        self.scan = Scan::Inside(Vec::new(), false);
                    }
                }
                Scan::Inside(held, escaped) => match byte {
                    0x07 => lines.extend(self.close()),
                    b'\\' if *escaped => lines.extend(self.close()),
                    // ESC and then anything but `\`, CAN and SUB abort a string.
                    _ if *escaped => self.scan = Scan::Outside(usize::from(byte == b']') * 2),
                    0x18 | 0x1a => self.scan = Scan::default(),
                    0x1b => *escaped = true,
                    _ if held.len() < LONGEST + 21 => held.push(byte),
                    _ => {}
                },
            }
        }
        lines
    }

    /// Takes a key typed into the shell; gives back the line when it was entered,
    /// unless the shell tells its lines itself.
    pub fn key(&mut self, key: KeyEvent) -> Option<String> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return self.enter(),
            KeyCode::Char('j' | 'm') if ctrl => return self.enter(),
            KeyCode::Char('c' | 'u' | 'd') if ctrl => self.typed.clear(),
            KeyCode::Char('w') if ctrl => self.drop_word(),
            KeyCode::Char('h') if ctrl => drop(self.typed.pop()),
            KeyCode::Backspace => drop(self.typed.pop()),
            KeyCode::Char(c) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => self.push(c),
            _ => {}
        }
        None
    }

    /// Takes a paste; gives back the lines entered by it.
    pub fn paste(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for c in text.chars() {
            match c {
                '\n' | '\r' => lines.extend(self.enter()),
                c => self.push(c),
            }
        }
        lines
    }

    fn push(&mut self, c: char) {
        if self.typed.len() < LONGEST && !c.is_control() {
            self.typed.push(c);
        }
    }

    fn enter(&mut self) -> Option<String> {
        let line = clean(&std::mem::take(&mut self.typed));
        if self.told {
            self.untold = line.or(self.untold.take());
            return None;
        }
        line
    }

    /// The shell has ended: the line that ended it, which it could not tell any more.
    pub fn ended(&mut self) -> Option<String> {
        self.untold.take()
    }

    fn drop_word(&mut self) {
        let kept = self.typed.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
        // `at` may be a wide space: cut at the next character boundary.
        let kept = (kept..=self.typed.len()).find(|&at| self.typed.is_char_boundary(at)).unwrap_or(0);
        self.typed.truncate(kept);
    }

    /// A sequence of ours has ended: `NUMBER ; LINE`, `^ NUMBER ; LINE` or `! NUMBER ; LINE`.
    fn close(&mut self) -> Option<Told> {
        let Scan::Inside(held, _) = std::mem::take(&mut self.scan) else { return None };
        // The first prompt has no line to tell yet, and shows all the same who tells.
        self.told = true;
        self.typed.clear();
        self.untold = None;
        let text = String::from_utf8_lossy(&held);
        let (number, line) = text.split_once(';')?;
        let (interrupted, failed) = (number.starts_with('^'), number.starts_with('!'));
        let number = number.trim_start_matches(['^', '!']);
        // A line changed in the history is marked with a star.
        let number: u64 = number.trim().trim_end_matches('*').parse().ok()?;
        if self.last.replace(number) == Some(number) {
            return None;
        }
        clean(line).map(|line| Told { line, interrupted, failed })
    }
}

/// A line without control characters and not too long; none when it is blank. What bash
/// keeps on several lines (the others it joins by `;`) would mean something else on one.
fn clean(line: &str) -> Option<String> {
    let visible = |c: &char| *c == '\n' || !c.is_control();
    let mut line: String = line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(visible).collect();
    if line.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        line.truncate(end);
    }
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(shell: &mut Integration, bytes: &[u8]) -> Vec<String> {
        shell.output(bytes).into_iter().map(|told| told.line).collect()
    }

    fn ctrl(c: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
    }

    fn type_in(shell: &mut Integration, text: &str) -> Option<String> {
        text.chars().fold(None, |_, c| shell.key(if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) }.into()))
    }

    #[test]
    fn the_prompt_tells_each_line_once() {
        let mut shell = Integration::new();
        let lines = told(&mut shell, b"$ \x1b]633;E;7;hostname a; id\x07out\x1b]633;E;8;ls\x1b\\x\x1b]633;E;8;ls\x07");
        assert_eq!(lines, ["hostname a; id", "ls"]);
        assert!(told(&mut shell, b"\x1b]633;E;8;ls\x07").is_empty());
        assert_eq!(told(&mut shell, b"\x1b]633;E;1;after history -c\x07"), ["after history -c"]);
    }

    #[test]
    fn a_here_document_keeps_its_lines() {
        let mut shell = Integration::new();
        let lines = told(&mut shell, b"\x1b]633;E;    6  ;cat <<EOF\r\n  a;\r\n\r\nEOF\r\n\x07");
        assert_eq!(lines, ["cat <<EOF\n  a;\n\nEOF"]);
    }

    #[test]
    fn a_line_that_failed_is_told_as_such() {
        let mut shell = Integration::new();
        let lines = shell.output(b"\x1b]633;E;!    4  ;cd /nowhere\n\x07\x1b]633;E;    5  ;echo !6;x\n\x07");
        let said: Vec<_> = lines.iter().map(|told| (told.line.as_str(), told.interrupted, told.failed)).collect();
        assert_eq!(said, [("cd /nowhere", false, true), ("echo !6;x", false, false)]);
    }

    #[test]
    fn a_line_that_was_interrupted_is_told_as_such() {
        let mut shell = Integration::new();
        let lines = shell.output(b"\x1b]633;E;    4  ;ls\n\x07\x1b]633;E;^    5* ;sleep 9\n\x07");
        let said: Vec<_> = lines.iter().map(|told| (told.line.as_str(), told.interrupted)).collect();
        assert_eq!(said, [("ls", false), ("sleep 9", true)]);
        // Ctrl-C at the prompt: nothing was entered since.
        assert!(shell.output(b"\x1b]633;E;^    5* ;sleep 9\n\x07").is_empty());
    }

    #[test]
    fn a_sequence_may_be_cut_anywhere() {
        let whole = "x\x1b\x1b]633;E;3;mkdir « é »\x07".as_bytes();
        for at in 0..whole.len() {
            let mut shell = Integration::new();
            let mut lines = told(&mut shell, &whole[..at]);
            lines.extend(told(&mut shell, &whole[at..]));
            assert_eq!(lines, ["mkdir « é »"], "cut at {at}");
        }
    }

    #[test]
    fn what_is_not_ours_or_is_broken_off_tells_nothing() {
        let mut shell = Integration::new();
        assert!(told(&mut shell, b"\x1b]633;P;7;x\x07\x1b]0;title\x07\x1b]633;E;x;y\x07\x1b]633;E;5\x07").is_empty());
        assert!(told(&mut shell, b"\x1b]633;E;5;a\x18b\x07").is_empty());
        assert_eq!(told(&mut shell, b"\x1b]633;E;5;a\x1b]633;E;6;b\x07"), ["b"]);
    }

    #[test]
    fn lines_are_bounded_and_hold_no_control_characters() {
        let mut shell = Integration::new();
        let long = [b"\x1b]633;E;1;a\x01\x08\tb".as_slice(), &b"x".repeat(10_000), b"\x07"].concat();
        let lines = told(&mut shell, &long);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("a bxx") && lines[0].len() <= LONGEST);
    }

    #[test]
    fn without_the_prompt_the_line_is_rebuilt_from_the_keys() {
        let mut shell = Integration::new();
        assert_eq!(type_in(&mut shell, "lss"), None);
        shell.key(KeyCode::Backspace.into());
        assert_eq!(type_in(&mut shell, " -l\n"), Some("ls -l".to_owned()));
        type_in(&mut shell, "one two");
        shell.key(ctrl('w'));
        assert_eq!(type_in(&mut shell, "three\n"), Some("one three".to_owned()));
        type_in(&mut shell, "gone");
        shell.key(ctrl('u'));
        type_in(&mut shell, "gone");
        shell.key(ctrl('c'));
        assert_eq!(type_in(&mut shell, "\n"), None);
        assert_eq!(shell.paste("id\nwho"), ["id"]);
        assert_eq!(type_in(&mut shell, "ami\n"), Some("whoami".to_owned()));
    }

    #[test]
    fn once_a_prompt_could_tell_lines_the_keys_tell_none_even_before_the_first_line() {
        let mut shell = Integration::new();
        assert!(told(&mut shell, b"\x1b]633;E;\x07$ ").is_empty());
        assert_eq!(type_in(&mut shell, "ls\n"), None);
        assert_eq!(told(&mut shell, b"\x1b]633;E;    1* ;ls\r\n\x07$ "), ["ls"]);
        assert_eq!(shell.ended(), None);
    }

    #[test]
    fn the_line_that_ends_a_shell_is_told_by_the_keys() {
        let mut shell = Integration::new();
        drop(shell.output(b"\x1b]633;E;\x07$ "));
        type_in(&mut shell, "kill -9 $$\n");
        assert_eq!(shell.ended(), Some("kill -9 $$".to_owned()));
        assert_eq!(shell.ended(), None);
    }

    proptest! {
        #[test]
        fn no_output_breaks_it(pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..30),
                Just(START.to_vec()), Just(b"12;ls\x07".to_vec()), Just(b"\x1b\\".to_vec()),
            ], 0..20), keys in "\\PC{0,20}") {
            let mut shell = Integration::new();
            for piece in pieces {
                for line in told(&mut shell, &piece) {
                    prop_assert!(line.len() <= LONGEST && !line.chars().any(|c| c.is_control() && c != '\n'));
                }
            }
            let mut shell = Integration::new();
            for c in keys.chars() {
                shell.key(KeyCode::Char(c).into());
                shell.key(ctrl('w'));
            }
        }
    }
}
