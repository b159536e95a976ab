//! Reads a recording. What others recorded is untrusted: every line, number and sum has a
//! limit, so memory has one, and what is wrong is said with its line.

use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::i18n::{Explain, Lang};
use crate::say;

/// Bytes of a file, bytes of a line, and how many events and markers.
const FILE: u64 = 128 << 20;
const LINE: u64 = 4 << 20;
const EVENTS: usize = 2_000_000;
const MARKERS: usize = 10_000;
/// Columns and rows.
const LARGEST: (u16, u16) = (1000, 500);
/// The longest recording: thirty days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why something is no recording that can be played. Lines count from 1.
#[derive(Debug, Error)]
pub enum CastError {
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// The first line is no header of a recording.
    #[error("line 1, column {column}: no header of an asciicast recording")]
    Header {
        /// Where it stops making sense.
        column: usize,
    },
    /// A version that can't be played.
    #[error("line 1: asciicast version {0}")]
    Version(u64),
    /// A line that is no event.
    #[error("line {line}, column {column}: no event [seconds, \"code\", \"data\"]")]
    Event {
        /// The line.
        line: usize,
        /// Where it stops making sense.
        column: usize,
    },
    /// A time before the one of the line above, or one that is no time.
    #[error("line {line}: the time {seconds} goes back or is too long")]
    Time {
        /// The line.
        line: usize,
        /// As it stands there.
        seconds: f64,
    },
    /// A size that no terminal has.
    #[error("line {line}: no size from 1x1 to {}x{}", LARGEST.0, LARGEST.1)]
    Size {
        /// The line.
        line: usize,
    },
    /// A line that is too long.
    #[error("line {line}: longer than {} MiB", LINE >> 20)]
    TooLong {
        /// The line.
        line: usize,
    },
    /// The file, or what is in it, is too much.
    #[error("line {line}: more than {} MiB, {EVENTS} events or {MARKERS} markers", FILE >> 20)]
    TooMuch {
        /// Where the limit is passed.
        line: usize,
    },
}

impl Explain for CastError {
    fn explain(&self, lang: Lang) -> String {
        let (mib, long) = (FILE >> 20, LINE >> 20);
        match self {
            Self::Io(error) => error.to_string(),
            Self::Empty => say!(lang, "it is empty", "il est vide"),
            Self::Header { column } => say!(
                lang,
                "line 1, column {column}: this is no header of an asciicast recording (\"cloison demo LESSON --record FILE\" and asciinema make them)",
                "ligne 1, colonne {column} : ce n'est pas l'en-tête d'un enregistrement asciicast (« cloison demo LEÇON --record FICHIER » et asciinema en font)"
            ),
            Self::Version(1) => say!(
                lang,
                "line 1: an asciicast of version 1; versions 2 and 3 can be played. asciinema 3 makes one of it: asciinema convert OLD NEW",
                "ligne 1 : un asciicast de version 1 ; les versions 2 et 3 peuvent être rejouées. asciinema 3 en fait une : asciinema convert ANCIEN NOUVEAU"
            ),
            Self::Version(version) => say!(
                lang,
                "line 1: an asciicast of version {version}; versions 2 and 3 can be played. asciinema may know it: asciinema convert --output-format asciicast-v3 OLD NEW",
                "ligne 1 : un asciicast de version {version} ; les versions 2 et 3 peuvent être rejouées. asciinema la connaît peut-être : asciinema convert --output-format asciicast-v3 ANCIEN NOUVEAU"
            ),
            Self::Event { line, column } => say!(
                lang,
                "line {line}, column {column}: no event like [0.5, \"o\", \"text\"]. Repair or remove that line",
                "ligne {line}, colonne {column} : pas un événement comme [0.5, \"o\", \"texte\"]. Corrigez ou retirez cette ligne"
            ),
            Self::Time { line, seconds } => say!(
                lang,
                "line {line}: the time {seconds} goes back, or takes the recording beyond thirty days. Correct or remove that line",
                "ligne {line} : le temps {seconds} revient en arrière, ou mène l'enregistrement au-delà de trente jours. Corrigez ou retirez cette ligne"
            ),
            Self::Size { line } => {
                let (cols, rows) = LARGEST;
                say!(
                    lang,
                    "line {line}: a terminal has from 1x1 to {cols}x{rows} cells here. Correct that size",
                    "ligne {line} : un terminal a ici de 1x1 à {cols}x{rows} cellules. Corrigez cette taille"
                )
            }
            Self::TooLong { line } => say!(
                lang,
                "line {line} is longer than {long} MiB: no line of a recording is. Is it the right file?",
                "la ligne {line} dépasse {long} Mio : aucune ligne d'un enregistrement n'est si longue. Est-ce le bon fichier ?"
            ),
            Self::TooMuch { line } => say!(
                lang,
                "line {line}: that is more than {mib} MiB, {EVENTS} events or {MARKERS} markers. Record less at a time, or play it with asciinema",
                "ligne {line} : cela dépasse {mib} Mio, {EVENTS} événements ou {MARKERS} repères. Enregistrez-en moins à la fois, ou lisez-le avec asciinema"
            ),
        }
    }
}

/// A recording in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// Columns and rows at the beginning.
    pub size: (u16, u16),
    /// What it shows; untrusted.
    pub title: String,
    /// When it was made, in seconds since 1970, where it says so.
    pub made: Option<i64>,
    /// What happened, in order.
    pub events: Vec<Moment>,
    /// The names of the markers; untrusted.
    pub markers: Vec<String>,
    /// All output.
    output: String,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Output: from and up to these bytes of it.
    Output(u32, u32),
    /// Another size: columns and rows.
    Resized(u16, u16),
    /// A marker, by its index.
    Marker(u32),
}

impl Recording {
    /// The bytes of an output.
    pub fn bytes(&self, from: u32, to: u32) -> &[u8] {
        &self.output.as_bytes()[from as usize..to as usize]
    }

    /// How long it is, in microseconds.
    pub fn length(&self) -> u64 {
        self.events.last().map_or(0, |event| event.at)
    }

    /// The same, with no wait longer than this.
    #[must_use]
    pub fn without_idle(mut self, longest: Duration) -> Self {
        let longest = micros(longest);
        let (mut before, mut now) = (0, 0_u64);
        for event in &mut self.events {
            now += (event.at - std::mem::replace(&mut before, event.at)).min(longest);
            event.at = now;
        }
        self
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct Header {
    version: u64,
    term: Option<Term>,
    width: Option<u16>,
    height: Option<u16>,
    title: Option<String>,
    timestamp: Option<f64>,
}

#[derive(Deserialize)]
struct Term {
    cols: u16,
    rows: u16,
}

/// Reads a recording of version 3 or 2. A last line without its end, as a program that was
/// killed may leave, is passed over; so are comments, and codes that are not known.
pub fn read(from: impl io::Read) -> Result<Recording, CastError> {
    let mut from = io::BufReader::new(from.take(FILE + 1));
    let mut line = Vec::new();
    if !next(&mut from, &mut line, 1)? {
        return Err(CastError::Empty);
    }
    let header: Header =
        serde_json::from_slice(&line).map_err(|error| CastError::Header { column: error.column().max(1) })?;
    if !matches!(header.version, 2 | 3) {
        return Err(CastError::Version(header.version));
    }
    let size = match header.term {
        Some(Term { cols, rows }) => Some((cols, rows)),
        None => header.width.zip(header.height),
    };
    let size = size.filter(|size| fits(*size)).ok_or(CastError::Size { line: 1 })?;
    // Years of four digits.
    let made = header.timestamp.map(|seconds| seconds as i64).filter(|seconds| (1..253_402_300_800).contains(seconds));
    let mut recording = Recording { size, title: header.title.unwrap_or_default(), made, ..Recording::default() };
    let (mut number, mut read, mut now) = (1, line.len() as u64, 0_u64);
    loop {
        number += 1;
        let more = next(&mut from, &mut line, number)?;
        read += line.len() as u64;
        if read > FILE || recording.events.len() > EVENTS || recording.markers.len() > MARKERS {
            return Err(CastError::TooMuch { line: number });
        }
        if !more {
            return Ok(recording);
        }
        if line.starts_with(b"#") || line.trim_ascii().is_empty() {
            continue;
        }
        let (seconds, code, data) = match serde_json::from_slice::<(f64, String, String)>(&line) {
            Ok(event) => event,
            Err(_) if !line.ends_with(b"\n") => return Ok(recording),
            // A value of another kind has no place: the line as a whole is meant.
            Err(error) => return Err(CastError::Event { line: number, column: error.column().max(1) }),
        };
        let time = Duration::try_from_secs_f64(seconds).map_err(|_| CastError::Time { line: number, seconds })?;
        // Version 2 counts from the beginning.
        let at = if header.version == 2 { micros(time) } else { now.saturating_add(micros(time)) };
        if at < now || at > micros(LONGEST) {
            return Err(CastError::Time { line: number, seconds });
        }
        now = at;
        let what = match &*code {
            "o" => {
                let from = recording.output.len();
                recording.output.push_str(&data);
                // Within the limits of a file.
                What::Output(from as u32, recording.output.len() as u32)
            }
            "r" => {
                let size = data.split_once('x').and_then(|(cols, rows)| Some((cols.parse().ok()?, rows.parse().ok()?)));
                let (cols, rows) = size.filter(|size| fits(*size)).ok_or(CastError::Size { line: number })?;
                What::Resized(cols, rows)
            }
            "m" => {
                recording.markers.push(data);
                What::Marker(recording.markers.len() as u32 - 1)
            }
            _ => continue,
        };
        recording.events.push(Moment { at, what });
    }
}

fn fits((cols, rows): (u16, u16)) -> bool {
    (1..=LARGEST.0).contains(&cols) && (1..=LARGEST.1).contains(&rows)
}

/// Reads a line with its end; whether there was one.
fn next(from: &mut impl BufRead, line: &mut Vec<u8>, number: usize) -> Result<bool, CastError> {
    line.clear();
    from.take(LINE + 1).read_until(b'\n', line)?;
    if line.len() as u64 > LINE {
        return Err(CastError::TooLong { line: number });
    }
    Ok(!line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n";

    fn said(text: &str) -> String {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(!error.explain(Lang::Fr).is_empty());
        error.to_string()
    }

    fn after(head: &str, lines: &str) -> String {
        format!("{head}{lines}")
    }

    fn outputs(recording: &Recording) -> Vec<(u64, String)> {
        let text = |event: &Moment| match event.what {
            What::Output(from, to) => (event.at, String::from_utf8(recording.bytes(from, to).to_vec()).unwrap()),
            What::Resized(cols, rows) => (event.at, format!("{cols}x{rows}")),
            What::Marker(at) => (event.at, recording.markers[at as usize].clone()),
        };
        recording.events.iter().map(text).collect()
    }

    fn told(wanted: &[(u64, &str)]) -> Vec<(u64, String)> {
        wanted.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
    }

    #[test]
    fn version_3_counts_from_event_to_event_and_version_2_from_the_beginning() {
        let lines = "# a comment\n[0.5,\"o\",\"a\"]\n\n[0.25,\"m\",\"one\"]\n[1,\"r\",\"90x30\"]\n[9,\"?\",\"new\"]\n[1,\"o\",\"b\"]\n[0,\"x\",\"0\"]\n";
        let three = read(after(HEAD, lines).as_bytes()).unwrap();
        assert_eq!(three.size, (80, 24));
        let wanted = [(500_000, "a"), (750_000, "one"), (1_750_000, "90x30"), (11_750_000, "b")];
        assert_eq!(outputs(&three), told(&wanted));
        let two = "{\"version\":2,\"width\":80,\"height\":24,\"title\":\"t\",\"timestamp\":7}\n[0.5,\"o\",\"a\"]\n[0.75,\"m\",\"one\"]\n[1.75,\"r\",\"90x30\"]\n[11.75,\"o\",\"b\"]\n";
        let two = read(two.as_bytes()).unwrap();
        assert_eq!((outputs(&two), &*two.title, two.made), (told(&wanted), "t", Some(7)));
        for never in ["-1", "1e300", "null", "253402300800"] {
            let head = format!("{{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":{never}}}\n");
            assert_eq!(read(head.as_bytes()).unwrap().made, None);
        }
    }

    #[test]
    fn long_waits_are_cut_short() {
        let lines = "[1,\"o\",\"a\"]\n[100,\"o\",\"b\"]\n[0.5,\"o\",\"c\"]\n";
        let cut = read(after(HEAD, lines).as_bytes()).unwrap().without_idle(Duration::from_secs(2));
        assert_eq!(outputs(&cut), told(&[(1_000_000, "a"), (3_000_000, "b"), (3_500_000, "c")]));
        assert_eq!(cut.length(), 3_500_000);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(said(""), "it is empty");
        assert_eq!(said("hello\n"), "line 1, column 1: no header of an asciicast recording");
        assert_eq!(said("\0\0\0"), "line 1, column 1: no header of an asciicast recording");
        assert_eq!(said("{\"version\":1,\"width\":80,\"height\":24,\"stdout\":[]}"), "line 1: asciicast version 1");
        assert_eq!(said("{\"version\":4}"), "line 1: asciicast version 4");
        for size in
            ["", ",\"term\":{\"cols\":0,\"rows\":24}", ",\"term\":{\"cols\":80,\"rows\":65535}", ",\"width\":80"]
        {
            assert!(said(&format!("{{\"version\":3{size}}}\n")).starts_with("line 1: no size"), "{size}");
        }
        for event in [
            "{}",
            "[1]",
            "[1,\"o\",\"a\",1]",
            "[1,\"o\",7]",
            "[\"1\",\"o\",\"\"]",
            "[1,\"o\",\"\0\"]",
            "\u{1}",
            "[1e999,\"o\",\"\"]",
            "[1,\"o\",\"\\ud800\"]",
        ] {
            let text = after(HEAD, &format!("[0,\"o\",\"\"]\n{event}\n[0,\"o\",\"\"]\n"));
            assert!(said(&text).starts_with("line 3, column "), "{event}");
        }
        for time in ["-1", "-0.000001", "1e300", "3000000"] {
            let text = after(HEAD, &format!("[{time},\"o\",\"\"]\n"));
            assert!(said(&text).starts_with("line 2: the time "), "{time}");
        }
        for size in ["80", "x", "0x1", "80x-1", "80x24x1", "1001x1"] {
            assert!(said(&after(HEAD, &format!("[0,\"r\",\"{size}\"]\n"))).starts_with("line 2: no size"), "{size}");
        }
        let back = "{\"version\":2,\"width\":8,\"height\":2}\n[1,\"o\",\"\"]\n[0.5,\"o\",\"\"]\n";
        assert!(said(back).starts_with("line 3: the time 0.5"));
        assert!(matches!(
            read(&b"{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n[0,\"o\",\"\xff\"]\n"[..]),
            Err(CastError::Event { line: 2, .. })
        ));
    }

    #[test]
    fn what_has_no_end_is_not_read_to_its_end() {
        assert_eq!(said(&"\0".repeat(5 << 20)), "line 1: longer than 4 MiB");
        let endless = io::repeat(b'[').chain(&b""[..]);
        assert!(matches!(read(endless), Err(CastError::TooLong { line: 1 })));
        let comments = HEAD.as_bytes().chain(Endless { line: b"#2345678\n", at: 0 });
        assert!(matches!(read(comments), Err(CastError::TooMuch { .. })));
        let markers = HEAD.as_bytes().chain(Endless { line: b"[0,\"m\",\"\"]\n", at: 0 });
        assert!(matches!(read(markers), Err(CastError::TooMuch { line: 10_003 })));
    }

    /// The same line for ever.
    struct Endless {
        line: &'static [u8],
        at: usize,
    }

    impl io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            for byte in &mut *into {
                *byte = self.line[self.at % self.line.len()];
                self.at += 1;
            }
            Ok(into.len())
        }
    }

    #[test]
    fn a_last_line_that_was_cut_is_passed_over() {
        for cut in ["[0.1,\"o\",\"abc", "[", "#0.1,\"o\",\"ab"] {
            let recording = read(after(HEAD, &format!("[0,\"o\",\"a\"]\n{cut}")).as_bytes()).unwrap();
            assert_eq!(recording.events.len(), 1, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_file_breaks_it(lines in proptest::collection::vec("(\\[-?[0-9e.]{0,5},\"[orm]\",\"[0-9x\\\\u]{0,6}\"\\]|.{0,12})\n?", 0..6)) {
            let text = after(HEAD, &lines.concat());
            let _ = read(text.as_bytes()).map(|recording| recording.without_idle(Duration::from_secs(1)));
        }
    }
}
