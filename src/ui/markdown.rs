//! The Markdown that lessons use, as lines of a given width: paragraphs, headings,
//! **bold**, *emphasis*, `code`, lists, code blocks. Called when a text, a
//! language or a width changes, never while drawing. Text goes through [`safe`].

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::safe::safe;
use super::theme::{Role, Theme};

/// The lines of a Markdown text, at most `width` cells each (1 at least).
/// Paragraphs are separated by an empty line; none at the start and the end.
pub fn lines(markdown: &str, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut writer =
        Writer { width: width.max(1), theme, lines: Vec::new(), spans: Vec::new(), state: State::default() };
    for event in Parser::new(markdown) {
        writer.take(event);
    }
    writer.flush();
    while writer.lines.last().is_some_and(|line| line.width() == 0) {
        writer.lines.pop();
    }
    writer.lines
}

/// Wraps styled text at spaces; a word longer than a line is cut. `first` stands
/// before the first line, and as many spaces before the others.
pub fn wrap(spans: &[(String, Style)], first: &str, width: usize) -> Vec<Line<'static>> {
    let indent = first.width();
    let room = width.saturating_sub(indent).max(1);
    let mut rows: Vec<Vec<(String, Style)>> = vec![Vec::new()];
    let mut used = 0;
    // A space is written only once the word after it has its place on the line.
    let mut space: Vec<(String, Style)> = Vec::new();
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
    let line = |(number, row): (usize, Vec<(String, Style)>)| {
        let lead = if number == 0 { first.to_owned() } else { blank.clone() };
        let lead = (!lead.is_empty()).then(|| Span::raw(lead));
        lead.into_iter().chain(row.into_iter().map(|(text, style)| Span::styled(text, style))).collect()
    };
    rows.into_iter().enumerate().map(line).collect()
}

/// Adds to the last row, joined to its last span where the style is the same.
fn push(rows: &mut [Vec<(String, Style)>], piece: Vec<(String, Style)>) {
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
fn words(spans: &[(String, Style)]) -> Vec<Vec<(String, Style)>> {
    let mut words: Vec<Vec<(String, Style)>> = Vec::new();
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
    theme: Theme,
    lines: Vec<Line<'static>>,
    spans: Vec<(String, Style)>,
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
                let style = self.style();
                self.spans.push((safe(&text), style));
            }
            Event::Code(text) => {
                let style = self.theme.style(Role::Code);
                self.spans.push((safe(&text), style));
            }
            Event::SoftBreak => {
                let style = self.style();
                self.spans.push((" ".to_owned(), style));
            }
            Event::HardBreak => self.flush(),
            _ => {}
        }
    }

    fn style(&self) -> Style {
        let mut style = self.theme.style(Role::Text);
        if self.state.bold > 0 {
            style = style.patch(self.theme.style(Role::Strong));
        }
        if self.state.emphasis > 0 {
            style = style.patch(self.theme.style(Role::Emphasis));
        }
        style
    }

    fn code_block(&mut self, text: &str) {
        let style = self.theme.style(Role::Code);
        for line in text.lines() {
            let line = safe(&line.replace('\t', "    "));
            let mut rest = line.as_str();
            let room = self.width.saturating_sub(2).max(1);
            loop {
                let end = cut(rest, room);
                self.lines.push(Line::from_iter([Span::raw("  "), Span::styled(rest[..end].to_owned(), style)]));
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
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
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
    use ratatui::style::Modifier;

    fn plain(markdown: &str, width: usize) -> Vec<String> {
        lines(markdown, width, Theme::PLAIN).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn paragraphs_are_wrapped_by_cells() {
        assert_eq!(plain("one two\nthree\n\nfour 漢字漢 字", 9), ["one two", "three", "", "four", "漢字漢 字"]);
        assert_eq!(plain("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn a_space_that_must_not_break_keeps_its_word_together() {
        assert_eq!(plain("dit\u{a0}: oui", 5), ["dit\u{a0}:", "oui"]);
        assert_eq!(plain("il dit : « oui »", 9), ["il dit\u{a0}:", "«\u{a0}oui\u{a0}»"]);
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
    fn weights_are_kept_within_a_word() {
        let line = &lines("a**b**c `d`", 20, Theme::PLAIN)[0];
        assert_eq!(line.to_string(), "abc d");
        assert_eq!(line.spans[1].style.add_modifier, Modifier::BOLD);
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(plain("a `x\x1b[2J`", 30), ["a x␛[2J"]);
    }

    proptest! {
        #[test]
        fn any_text_fits_any_width(text in "(\\PC|[\\n *`_#>-]){0,200}", width in 2usize..40) {
            for line in lines(&text, width, Theme::DARK) {
                // A list nested deeper than the width is wide, and cut when drawn.
                prop_assert!(line.width() <= width || line.to_string().starts_with("  ") || line.to_string().contains(['•', '.']));
            }
        }
    }
}
