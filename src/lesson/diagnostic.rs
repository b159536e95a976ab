//! A mistake in a file that a person wrote: what is wrong, where (file, line,
//! column, caret), and what helps, in both languages. Made by the loaders; shown
//! by `lesson lint` and by whatever refuses a file. Never shows a control
//! character of the file raw.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::i18n::{Explain, Lang};

/// A text in both languages: English, French.
pub type Both = [String; 2];

/// Formats a text in both languages: `both!("{n} rows", "{n} lignes")`.
macro_rules! both {
    ($($text:tt)*) => {
        [$crate::say!($crate::i18n::Lang::En, $($text)*), $crate::say!($crate::i18n::Lang::Fr, $($text)*)]
    };
}
pub(crate) use both;

/// The most characters of a line that are shown around a mistake.
const SHOWN: usize = 100;
/// The most words that are listed as known, or looked at for one that is meant.
const CANDIDATES: usize = 50;

/// A mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it is to be named to a person.
    pub file: String,
    /// Where in the file; nothing when the file as a whole is meant.
    pub place: Option<Box<Place>>,
    /// What is wrong.
    pub title: Both,
    /// What to say at the caret; may be empty.
    pub label: Box<Both>,
    /// What helps; may be empty.
    pub help: Box<Both>,
}

/// A place in a file, with enough of the file to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is shown of that line, printable.
    excerpt: String,
    /// The bytes of `excerpt` that are meant.
    marked: Range<usize>,
}

impl Diagnostic {
    /// A mistake of a file as a whole.
    pub fn of_file(file: &str, title: Both) -> Self {
        Self { file: printable(file), place: None, title, label: Box::default(), help: Box::default() }
    }

    /// A mistake at some bytes of a text. A span that goes over several lines is
    /// shown on its first; one outside the text, at the text's end.
    pub fn at(file: &str, text: &str, span: Range<usize>, title: Both) -> Self {
        Self { place: Some(Box::new(Place::of(text, span))), ..Self::of_file(file, title) }
    }

    /// With a word at the caret.
    #[must_use]
    pub fn label(mut self, label: Both) -> Self {
        *self.label = label;
        self
    }

    /// With what helps.
    #[must_use]
    pub fn help(mut self, help: Both) -> Self {
        *self.help = help;
        self
    }

    /// All of it, over several lines, without a newline at the end.
    pub fn render(&self, lang: Lang, color: bool) -> String {
        let pick = |both: &Both| printable(&both[lang as usize]);
        let (title, label, help) = (pick(&self.title), pick(&self.label), pick(&self.help));
        let error = Level::ERROR.with_name(lang.pick("error", "erreur "));
        let aid = Level::HELP.with_name(lang.pick("help", "aide "));
        let mut group = error.primary_title(&*title).elements(std::iter::empty::<annotate_snippets::Element<'_>>());
        match &self.place {
            Some(place) => {
                let mut mark = AnnotationKind::Primary.span(place.marked.clone());
                if !label.is_empty() {
                    mark = mark.label(&*label);
                }
                group = group.element(
                    Snippet::source(&*place.excerpt)
                        .path(Some(&*self.file))
                        .line_start(place.line)
                        .fold(false)
                        .annotation(mark),
                );
            }
            None => group = group.element(Origin::path(&*self.file)),
        }
        if !help.is_empty() {
            group = group.element(aid.message(&*help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(SHOWN + 40).render(&[group])
    }
}

impl Explain for Diagnostic {
    /// One line: place, what is wrong, and what helps.
    fn explain(&self, lang: Lang) -> String {
        let at = self.place.as_ref().map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
        let pick = |both: &Both| printable(&both[lang as usize]);
        let separator = lang.pick(": ", " : ");
        let mut text = format!("{}{at}{separator}{}", self.file, pick(&self.title));
        for more in [pick(&self.label), pick(&self.help)] {
            if !more.is_empty() {
                text.push_str(lang.pick("; ", " ; "));
                text.push_str(&more);
            }
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Lang::En))
    }
}

impl std::error::Error for Diagnostic {}

/// All of several mistakes, one below the other, with an empty line between.
pub fn render_all(diagnostics: &[Diagnostic], lang: Lang, color: bool) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.render(lang, color)).collect();
    texts.join("\n\n")
}

impl Place {
    fn of(text: &str, span: Range<usize>) -> Self {
        let start = floor(text, span.start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = floor(text, span.end.min(line_end)).max(start);
        let line = text[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = text[line_start..start].chars().count() + 1;

        // A long line is cut around the mistake.
        let from =
            text[line_start..start].char_indices().rev().nth(SHOWN / 2).map_or(line_start, |(i, _)| line_start + i);
        let to = text[start..line_end].char_indices().nth(SHOWN).map_or(line_end, |(i, _)| start + i);
        let end = end.min(to);
        let mut excerpt = String::new();
        if from > line_start {
            excerpt.push('…');
        }
        excerpt.push_str(&printable(&text[from..start]));
        let marked = excerpt.len();
        excerpt.push_str(&printable(&text[start..end]));
        let marked = marked..excerpt.len();
        excerpt.push_str(&printable(text[end..to].trim_end()));
        if to < line_end {
            excerpt.push('…');
        }
        Self { line, column, excerpt, marked }
    }
}

/// The start of the character that byte `at` is in.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with whatever could act on a terminal (control characters, changes
/// of writing direction) made visible: `␛` for ESC. Newlines become `␊`.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            c if acts_on_terminal(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Whether a character could change more than its own cell of a terminal: C0 and
/// C1 controls, line separators, and the bidirectional formatting characters.
pub fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// The known word that is most like the one given, if any is like it at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_few(word, known).into_iter().next()
}

/// All that are like the word, the likest first.
pub fn nearest_few<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word: String = word.chars().take(64).collect();
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .filter(|candidate| candidate.len() <= 128)
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Help for a word that is not known: the one that may be meant, and all there are.
pub fn did_you_mean(word: &str, known: &[&str]) -> Both {
    let known = &known[..known.len().min(CANDIDATES)];
    let list = known.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
    match (nearest(word, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => {
            both!("did you mean `{near}`? known here: {list}", "vouliez-vous dire « {near} » ? Possibles ici : {list}")
        }
        (None, false) => both!("known here: {list}", "possibles ici : {list}"),
        (None, true) => both!("none is known here", "il n'y en a aucun ici"),
    }
}

/// A word as it is quoted in messages: printable, and not longer than a line.
pub fn quoted(word: &str) -> String {
    let mut short: String = word.chars().take(60).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    printable(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str, span: Range<usize>) -> Diagnostic {
        Diagnostic::at("a.toml", text, span, both!("wrong", "faux")).help(both!("mend it", "corrigez"))
    }

    #[test]
    fn a_place_is_counted_in_characters() {
        let text = "é = 1\nçà = 2\n";
        let at = text.find("= 2").expect("there");
        let place = mistake(text, at..at + 1).place.expect("placed");
        assert_eq!((place.line, place.column), (2, 4));
    }

    #[test]
    fn one_line_says_it_all() {
        let one = mistake("a = 1", 4..5);
        assert_eq!(one.to_string(), "a.toml:1:5: wrong; mend it");
        assert_eq!(one.explain(Lang::Fr), "a.toml:1:5 : faux ; corrigez");
    }

    #[test]
    fn a_span_of_several_lines_is_shown_on_its_first() {
        assert_eq!(
            mistake("a = [\n1,\n]\n", 4..10).render(Lang::En, false),
            "error: wrong\n --> a.toml:1:5\n  |\n1 | a = [\n  |     ^\n  |\n  = help: mend it"
        );
    }

    #[test]
    fn a_span_outside_the_text_or_inside_a_character_is_still_shown() {
        for (text, span) in [("", 0..9), ("a", 7..9), ("é", 1..2), ("a\n", 2..2), ("日本", 4..5)] {
            assert!(mistake(text, span).render(Lang::En, false).contains("--> a.toml:"));
        }
    }

    #[test]
    fn colours_add_nothing_but_colour() {
        let one = mistake("\u{1b}[2J = 1", 0..4);
        let coloured = one.render(Lang::En, true);
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("compiles");
        assert_ne!(coloured, one.render(Lang::En, false));
        assert!(!codes.replace_all(&coloured, "").contains(|c| c != '\n' && acts_on_terminal(c)), "{coloured:?}");
    }

    #[test]
    fn a_file_is_named_printably() {
        let one = Diagnostic::of_file("a\u{1b}[2J\n.toml", both!("wrong", "faux"));
        assert!(one.render(Lang::En, false).contains("a␛[2J␊.toml"));
    }

    #[test]
    fn a_word_that_is_like_none_is_not_suggested() {
        assert_eq!(nearest("minuts", ["minutes", "needs"]), Some("minutes"));
        assert_eq!(nearest("xyz", ["minutes", "needs"]), None);
        assert_eq!(did_you_mean("x", &[])[0], "none is known here");
    }
}
