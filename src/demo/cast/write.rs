//! What is written to a terminal, as the lines of a recording.

use std::time::Duration;

use serde::Serialize;

/// At most so many bytes of output in a line: readers have limits.
const MOST: usize = 1 << 20;

/// What a recording begins with.
#[derive(Debug, Clone)]
pub struct Head {
    /// Columns and rows.
    pub size: (u16, u16),
    /// What the terminal calls itself (`TERM`).
    pub term: Option<String>,
    /// Seconds since 1970 (UTC).
    pub started: u64,
    /// What it shows.
    pub title: String,
}

#[derive(Serialize)]
struct Line<'a> {
    version: u8,
    term: Term<'a>,
    timestamp: u64,
    title: &'a str,
}

#[derive(Serialize)]
struct Term<'a> {
    cols: u16,
    rows: u16,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

impl Head {
    /// Its line. Nothing of the environment is in it but the terminal's type.
    pub fn line(&self) -> String {
        let (cols, rows) = self.size;
        let term = Term { cols, rows, kind: self.term.as_deref() };
        line(&Line { version: 3, term, timestamp: self.started, title: &self.title })
    }
}

/// Makes the lines of the events. Times are since the recording began, and never go back.
#[derive(Debug, Default)]
pub struct Writer {
    /// The time of the last event, in milliseconds: rounding adds up to nothing.
    at: u64,
    /// The bytes of a character whose end has not been written yet.
    cut: Vec<u8>,
}

impl Writer {
    /// The terminal was written to; a character may be cut between two writes. What is no
    /// UTF-8 becomes U+FFFD: JSON can't hold it.
    pub fn output(&mut self, at: Duration, bytes: &[u8]) -> Vec<String> {
        let mut all = std::mem::take(&mut self.cut);
        all.extend_from_slice(bytes);
        let whole = all.len() - unfinished(&all);
        self.cut = all.split_off(whole);
        let text = String::from_utf8_lossy(&all);
        let mut rest = &*text;
        let mut lines = Vec::new();
        while !rest.is_empty() {
            let mut most = MOST.min(rest.len());
            while !rest.is_char_boundary(most) {
                most -= 1;
            }
            let (now, later) = rest.split_at(most);
            lines.push(self.event(at, "o", now));
            rest = later;
        }
        lines
    }

    /// The terminal has another size from here on.
    pub fn resized(&mut self, at: Duration, cols: u16, rows: u16) -> String {
        self.event(at, "r", &format!("{cols}x{rows}"))
    }

    /// A place to come back to.
    pub fn marker(&mut self, at: Duration, name: &str) -> String {
        self.event(at, "m", name)
    }

    /// The program has ended with this code.
    pub fn exit(&mut self, at: Duration, code: u8) -> String {
        self.event(at, "x", &code.to_string())
    }

    fn event(&mut self, at: Duration, code: &str, data: &str) -> String {
        let now = u64::try_from(at.as_millis()).unwrap_or(u64::MAX).max(self.at);
        let interval = now - std::mem::replace(&mut self.at, now);
        line(&(interval as f64 / 1000.0, code, data))
    }
}

fn line(what: &impl Serialize) -> String {
    // These types have no map without text for a key, and no failing `serialize`.
    let mut line = serde_json::to_string(what).unwrap_or_default();
    line.push('\n');
    line
}

/// How many bytes at the end are the beginning of a character (RFC 3629).
fn unfinished(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let Some(lead) = tail.iter().rposition(|byte| byte & 0xc0 != 0x80) else { return 0 };
    let long = match tail[lead] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let there = tail.len() - lead;
    if there < long { there } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_recording_is_a_header_and_a_line_per_event_with_the_time_since_the_last() {
        let head = Head { size: (120, 36), term: Some("xterm".into()), started: 7, title: "a \"b\"".into() };
        assert_eq!(
            head.line(),
            "{\"version\":3,\"term\":{\"cols\":120,\"rows\":36,\"type\":\"xterm\"},\"timestamp\":7,\"title\":\"a \\\"b\\\"\"}\n"
        );
        let mut writer = Writer::default();
        assert_eq!(writer.output(ms(16), b"\x1b[1mx\n"), ["[0.016,\"o\",\"\\u001b[1mx\\n\"]\n"]);
        assert_eq!(writer.marker(ms(16), "1. Look"), "[0.0,\"m\",\"1. Look\"]\n");
        assert_eq!(writer.resized(ms(1_516), 80, 24), "[1.5,\"r\",\"80x24\"]\n");
        // A clock that seems to go back is none of the reader's business.
        assert_eq!(writer.exit(ms(1_000), 0), "[0.0,\"x\",\"0\"]\n");
    }

    #[test]
    fn long_outputs_are_several_lines() {
        let text = "é".repeat(MOST);
        let lines = Writer::default().output(ms(1), text.as_bytes());
        assert_eq!(lines.len(), 2);
        assert_eq!(told(&lines), text);
    }

    #[test]
    fn roundings_do_not_add_up() {
        let mut writer = Writer::default();
        let micros = (1..=1000).map(|n| Duration::from_micros(n * 1_600));
        let lines: Vec<String> = micros.map(|at| writer.marker(at, "")).collect();
        let sum: f64 = lines.iter().map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap().0).sum();
        assert!((sum - 1.6).abs() < 0.001, "{sum}");
    }

    fn told(lines: &[String]) -> String {
        lines.iter().map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap().2).collect()
    }

    proptest! {
        #[test]
        fn text_is_whole_however_it_is_cut(text in "[a-zéà漢🚀\u{1b}\u{0}\"]{0,60}", cuts in proptest::collection::vec(1usize..5, 1..40)) {
            let (mut writer, mut lines) = (Writer::default(), Vec::new());
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                lines.extend(writer.output(ms(1), now));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert!(lines.iter().all(|line| line.matches('\n').count() == 1));
            prop_assert_eq!(told(&lines), text);
        }

        #[test]
        fn no_bytes_break_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let lines = Writer::default().output(ms(1), &bytes);
            told(&lines);
        }
    }
}
