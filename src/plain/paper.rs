//! Where lines go: wrapped to a width, in colours or without, flushed one by one.
//! A reader that has gone away is noted, and ends the session quietly.

use std::io::Write;

use crate::i18n::Lang;
use crate::term::markdown::{self, Look};
use crate::term::safe::safe;

/// The narrowest and the widest that lines are made.
const WIDTHS: (usize, usize) = (30, 400);

/// The look of a line; the words say the same without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary.
    Text,
    /// Headings.
    Strong,
    /// It holds.
    Good,
    /// It does not.
    Bad,
    /// Something to notice.
    Warn,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warn => "33",
        }
    }
}

/// The output.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not one state")]
pub struct Paper<'a> {
    out: &'a mut dyn Write,
    width: usize,
    color: bool,
    /// The language spoken.
    pub lang: Lang,
    /// What a row must say to be shown, in small letters.
    pub only: Option<String>,
    /// Nobody reads any more.
    pub gone: bool,
    /// Something stands on the line that has not ended (a prompt).
    open: bool,
    /// The last line was empty.
    blank: bool,
}

impl<'a> Paper<'a> {
    /// Writes to `out`, lines of at most `width` cells.
    pub fn new(out: &'a mut dyn Write, width: usize, color: bool, lang: Lang) -> Self {
        Self {
            out,
            width: width.clamp(WIDTHS.0, WIDTHS.1),
            color,
            lang,
            only: None,
            gone: false,
            open: false,
            blank: true,
        }
    }

    /// The width of lines, in cells.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A line as it is; its text must be safe.
    pub fn raw(&mut self, line: &str) {
        if std::mem::take(&mut self.open) {
            self.write("\n");
        }
        self.blank = line.is_empty();
        self.write(&format!("{line}\n"));
    }

    /// A prompt: what follows stands behind it.
    pub fn prompt(&mut self, text: &str) {
        if std::mem::take(&mut self.open) {
            self.write("\n");
        }
        self.write(text);
        self.open = true;
        self.blank = false;
    }

    /// The person at the terminal has ended the line of the prompt.
    pub fn entered(&mut self) {
        self.open = false;
    }

    /// Whether a prompt stands there.
    pub fn prompted(&self) -> bool {
        self.open
    }

    /// An empty line, if the last one was not.
    pub fn gap(&mut self) {
        if !self.blank {
            self.raw("");
        }
    }

    /// Plain text, wrapped.
    pub fn say(&mut self, text: &str) {
        self.tone("", text, Tone::Text);
    }

    /// Plain text behind a lead, wrapped.
    pub fn tone(&mut self, lead: &str, text: &str, tone: Tone) {
        let look = Look { strong: tone == Tone::Strong, ..Look::default() };
        for part in text.lines() {
            for row in markdown::wrap(&[(safe(part), look)], lead, self.width) {
                let line: String = row.into_iter().map(|(text, _)| text).collect();
                let line = self.painted(line.trim_end(), tone.code());
                self.raw(&line);
            }
        }
    }

    /// Markdown behind a lead, wrapped.
    pub fn markdown(&mut self, lead: &str, text: &str) {
        let indent = " ".repeat(crate::term::safe::width(lead));
        let rows = markdown::lines(text, self.width.saturating_sub(indent.len()).max(1));
        for (number, row) in rows.into_iter().enumerate() {
            let mut line = if number == 0 { lead.to_owned() } else { indent.clone() };
            for (text, look) in row {
                let code = match look {
                    Look { strong: true, .. } => "1",
                    Look { emphasis: true, .. } => "3",
                    Look { code: true, .. } => "36",
                    _ => "",
                };
                line.push_str(&self.painted(&text, code));
            }
            self.raw(line.trim_end());
        }
    }

    fn painted(&self, text: &str, code: &str) -> String {
        if self.color && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn write(&mut self, text: &str) {
        if !self.gone {
            self.gone = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).is_err();
        }
    }
}
