//! Lesson prose (Markdown) as lines of a given width: paragraphs, headings,
//! **bold**, *emphasis*, `code`, lists, code blocks. Used by the screen, which
//! gives them colours, and by the line interface. Text goes through [`safe`].

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::safe::safe;

/// What a piece of prose looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Bold, and headings.
    pub strong: bool,
    /// Emphasis.
    pub emphasis: bool,
    /// Code.
    pub code: bool,
    /// A bullet, a number, an indent: no prose at all.
    pub lead: bool,
}

impl Look {
    /// What stands before a line.
    pub const LEAD: Self = Self { strong: false, emphasis: false, code: false, lead: true };
}

/// A line, in pieces that each have one look.
pub type Row<S> = Vec<(String, S)>;

/// What stands before the first line of a text has a look of its own.
pub trait Styled: Copy + PartialEq {
    /// The look of a lead.
    fn lead() -> Self;
}

impl Styled for Look {
    fn lead() -> Self {
        Self::LEAD
    }
}

impl Styled for ratatui::style::Style {
    fn lead() -> Self {
        Self::default()
    }
}

/// The lines of a Markdown text, at most `width` cells each (1 at least).
/// Paragraphs are separated by an empty line; none at the start and the end.
pub fn lines(markdown: &str, width: usize) -> Vec<Row<Look>> {
    let mut writer = Writer { width: width.max(1), lines: Vec::new(), spans: Vec::new(), state: State::default() };
    for event in Parser::new(markdown) {
        writer.take(event);
    }
    writer.flush();
    while writer.lines.last().is_some_and(|line| wide(line) == 0) {
        writer.lines.pop();
    }
    writer.lines
}

/// Wraps styled text at spaces; a word longer than a line is cut. `first` stands
/// before the first line, and as many spaces before the others.
pub fn wrap<S: Styled>(spans: &[(String, S)], first: &str, width: usize) -> Vec<Row<S>> {
    let indent = first.width();
    let room = width.saturating_sub(indent).max(1);
    let mut rows: Vec<Row<S>> = vec![Vec::new()];
    let mut used = 0;
    // A space is written only once the word after it has its place on the line.
    let mut space: Row<S> = Vec::new();
    for word in words(spans) {
        let blank = word.iter().all(|(text, _)| text == " ");
        let wide: usize = word.iter().map(|(text, _)| text.width()).sum();
        if blank {
            space.extend(word);
            continue;
        }
        let space = std::mem::take(&mut space);
        if used > 0 && used + space.len() + wide > room {
            rows.push(Vec::new());
            used = 0;
        } else if used > 0 {
            used += space.len();
            push(&mut rows, space);
        }
        for (text, style) in word {
            for c in text.chars() {
                let cells = c.width().unwrap_or(0);
                if used > 0 && used + cells > room {
                    rows.push(Vec::new());
                    used = 0;
                }
                used += cells;
                push(&mut rows, vec![(c.to_string(), style)]);
            }
        }
    }
    let blank = " ".repeat(indent);
    let line = |(number, row): (usize, Row<S>)| {
        let lead = if number == 0 { first.to_owned() } else { blank.clone() };
        let lead = (!lead.is_empty()).then(|| (lead, S::lead()));
        lead.into_iter().chain(row).collect()
    };
    rows.into_iter().enumerate().map(line).collect()
}

/// Adds to the last row, joined to its last span where the style is the same.
fn push<S: PartialEq>(rows: &mut [Row<S>], piece: Row<S>) {
    let Some(row) = rows.last_mut() else { return };
    for (text, style) in piece {
        match row.last_mut() {
            Some((last, same)) if *same == style => last.push_str(&text),
            _ => row.push((text, style)),
        }
    }
}

/// Words and single spaces; a word may change its style on the way. Spaces that
/// do not break (before « : » in French) are part of their word.
fn words<S: Copy>(spans: &[(String, S)]) -> Vec<Row<S>> {
    let mut words: Vec<Row<S>> = Vec::new();
    let mut open = false;
    for (text, style) in spans {
        for part in unbroken(text).split_inclusive(' ') {
            let (word, space) = part.strip_suffix(' ').map_or((part, false), |word| (word, true));
            if !word.is_empty() {
                match words.last_mut() {
                    Some(last) if open => last.push((word.to_owned(), *style)),
                    _ => words.push(vec![(word.to_owned(), *style)]),
                }
                open = true;
            }
            if space {
                words.push(vec![(" ".to_owned(), *style)]);
                open = false;
            }
        }
    }
    words
}

/// The text with spaces that do not break before `: ; ! ? »` and after `«`, as
/// French has them.
fn unbroken(text: &str) -> String {
    const SPACE: &str = "\u{a0}";
    let mut text = text.replace("« ", "«\u{a0}");
    for sign in [':', ';', '!', '?', '»'] {
        text = text.replace(&format!(" {sign}"), &format!("{SPACE}{sign}"));
    }
    text
}

const CODE: Look = Look { code: true, strong: false, emphasis: false, lead: false };

/// How many cells a line takes.
fn wide<S>(row: &Row<S>) -> usize {
    row.iter().map(|(text, _)| text.width()).sum()
}

#[derive(Default)]
struct State {
    bold: usize,
    emphasis: usize,
    code_block: bool,
    /// Per open list: the next number, or none for bullets.
    lists: Vec<Option<u64>>,
    /// What stands before the next line of text: a bullet or a number.
    bullet: Option<String>,
}

struct Writer {
    width: usize,
    lines: Vec<Row<Look>>,
    spans: Row<Look>,
    state: State,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Strong | Tag::Heading { .. }) => self.state.bold += 1,
            Event::Start(Tag::Emphasis) => self.state.emphasis += 1,
            Event::Start(Tag::CodeBlock(_)) => {
                self.flush();
                self.state.code_block = true;
            }
            Event::Start(Tag::List(number)) => {
                self.flush();
                self.state.lists.push(number);
            }
            Event::Start(Tag::Item) => {
                let bullet = match self.state.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_owned(),
                };
                self.state.bullet = Some(bullet);
            }
            Event::End(TagEnd::Strong) => self.state.bold = self.state.bold.saturating_sub(1),
            Event::End(TagEnd::Emphasis) => self.state.emphasis = self.state.emphasis.saturating_sub(1),
            Event::End(TagEnd::Heading(_)) => {
                self.state.bold = self.state.bold.saturating_sub(1);
                self.flush();
                self.gap();
            }
            Event::End(TagEnd::Paragraph) => {
                self.flush();
                if self.state.lists.is_empty() {
                    self.gap();
                }
            }
            Event::End(TagEnd::Item) => {
                self.flush();
                self.state.bullet = None;
            }
            Event::End(TagEnd::List(_)) => {
                self.state.lists.pop();
                if self.state.lists.is_empty() {
                    self.gap();
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                self.state.code_block = false;
                self.gap();
            }
            Event::Text(text) if self.state.code_block => self.code_block(&text),
            Event::Text(text) | Event::InlineHtml(text) | Event::Html(text) => {
                let look = self.look();
                self.spans.push((safe(&text), look));
            }
            Event::Code(text) => self.spans.push((safe(&text), CODE)),
            Event::SoftBreak => {
                let look = self.look();
                self.spans.push((" ".to_owned(), look));
            }
            Event::HardBreak => self.flush(),
            _ => {}
        }
    }

    fn look(&self) -> Look {
        Look { strong: self.state.bold > 0, emphasis: self.state.emphasis > 0, ..Look::default() }
    }

    fn code_block(&mut self, text: &str) {
        for line in text.lines() {
            let line = safe(&line.replace('\t', "    "));
            let mut rest = line.as_str();
            let room = self.width.saturating_sub(2).max(1);
            loop {
                let end = cut(rest, room);
                self.lines.push(vec![("  ".to_owned(), Look::LEAD), (rest[..end].to_owned(), CODE)]);
                rest = &rest[end..];
                if rest.is_empty() {
                    break;
                }
            }
        }
    }

    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let depth = self.state.lists.len();
        let lead = match self.state.bullet.take() {
            Some(bullet) => "  ".repeat(depth.saturating_sub(1)) + &bullet,
            None => "  ".repeat(depth),
        };
        self.lines.extend(wrap(&spans, &lead, self.width));
    }

    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| wide(line) > 0) {
            self.lines.push(Vec::new());
        }
    }
}

/// Where to cut a text so that its start takes at most `room` cells; at least
/// one character.
fn cut(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > room && at > 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(markdown: &str, width: usize) -> Vec<String> {
        let text = |row: Row<Look>| row.into_iter().map(|(text, _)| text).collect();
        lines(markdown, width).into_iter().map(text).collect()
    }

    #[test]
    fn paragraphs_are_wrapped_by_cells() {
        assert_eq!(plain("one two\nthree\n\nfour 漢字漢 字", 9), ["one two", "three", "", "four", "漢字漢 字"]);
        assert_eq!(plain("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn a_space_that_must_not_break_keeps_its_word_together() {
        assert_eq!(plain("dit\u{a0}: oui", 5), ["dit\u{a0}:", "oui"]);
    }

    #[test]
    fn lists_and_code_blocks_keep_their_shape() {
        let text = "Do:\n\n- one two three\n- `b`\n\n1. x\n2. y\n\n```\n$ ls  -l\n  deep\n```\nend";
        assert_eq!(
            plain(text, 11),
            ["Do:", "", "• one two", "  three", "• b", "", "1. x", "2. y", "", "  $ ls  -l", "    deep", "", "end"]
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(plain("a `x\x1b[2J`", 30), ["a x␛[2J"]);
    }

    proptest! {
        #[test]
        fn any_text_fits_any_width(text in "(\\PC|[\\n *`_#>-]){0,200}", width in 2usize..40) {
            for line in plain(&text, width) {
                // A list nested deeper than the width is wide, and cut when drawn.
                prop_assert!(line.width() <= width || line.starts_with("  ") || line.contains(['•', '.']));
            }
        }
    }
}
