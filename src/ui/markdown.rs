//! Lesson prose as styled lines of a given width: `term::markdown` in the colours
//! of a theme. Called when a text, a language or a width changes, never while
//! drawing.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::theme::{Role, Theme};
use crate::term::markdown::{self, Look, Row};

/// The lines of a Markdown text, at most `width` cells each (1 at least).
/// Paragraphs are separated by an empty line; none at the start and the end.
pub fn lines(markdown: &str, width: usize, theme: Theme) -> Vec<Line<'static>> {
    markdown::lines(markdown, width).into_iter().map(|row| line(row, |look| style(look, theme))).collect()
}

/// Wraps styled text at spaces; a word longer than a line is cut. `first` stands
/// before the first line, and as many spaces before the others.
pub fn wrap(spans: &[(String, Style)], first: &str, width: usize) -> Vec<Line<'static>> {
    markdown::wrap(spans, first, width).into_iter().map(|row| line(row, |style| style)).collect()
}

fn line<S>(row: Row<S>, style: impl Fn(S) -> Style) -> Line<'static> {
    Line::from_iter(row.into_iter().map(|(text, look)| Span::styled(text, style(look))))
}

fn style(look: Look, theme: Theme) -> Style {
    if look.code {
        return theme.style(Role::Code);
    }
    if look == Look::LEAD {
        return Style::default();
    }
    let mut style = theme.style(Role::Text);
    if look.strong {
        style = style.patch(theme.style(Role::Strong));
    }
    if look.emphasis {
        style = style.patch(theme.style(Role::Emphasis));
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Modifier;

    #[test]
    fn weights_are_kept_within_a_word() {
        let line = &lines("a**b**c `d`", 20, Theme::PLAIN)[0];
        assert_eq!(line.to_string(), "abc d");
        assert_eq!(line.spans[1].style.add_modifier, Modifier::BOLD);
    }
}
