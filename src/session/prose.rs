//! Puts live values into the lesson's prose. What comes from a box is untrusted:
//! it can never become Markdown or reach a terminal as a control character.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use crate::i18n::Lang;
use crate::lesson::Values;
use crate::lesson::selector;
use crate::lesson::text::{Piece, pieces};

/// At most so many characters of one value are shown.
const LONGEST: usize = 96;
/// At most so many values of one place are shown.
const MOST: usize = 6;

/// `markdown` with the student's values, and with each `{$.path}` replaced by the
/// value(s) there, as code spans; `…` stands for a value that is not there. `now`
/// is asked for each of them.
pub(super) fn fill<'a>(markdown: &str, values: &Values, lang: Lang, now: impl Fn(&str) -> Option<&'a Value>) -> String {
    let code = code_in(markdown);
    let mut filled = String::with_capacity(markdown.len());
    let mut at = 0;
    for piece in pieces(markdown) {
        match piece {
            Piece::Text(text) => {
                filled.push_str(text);
                at += text.len();
            }
            Piece::Seed(name) => {
                filled.push_str(values.get(name).unwrap_or("…"));
                at += "{seed.}".len() + name.len();
            }
            Piece::Live(path) => {
                let in_code = code.iter().any(|code| code.contains(&at));
                let selector = values.substitute(path);
                filled.push_str(&value_at(&selector, now(&selector), in_code, lang));
                at += "{}".len() + path.len();
            }
        }
    }
    filled
}

/// The selectors of the live values of a text.
pub(super) fn selectors(markdown: &str, values: &Values) -> impl Iterator<Item = String> {
    pieces(markdown).into_iter().filter_map(|piece| match piece {
        Piece::Live(path) => Some(values.substitute(path)),
        Piece::Text(_) | Piece::Seed(_) => None,
    })
}

/// The bytes of a text that are code spans and code blocks.
fn code_in(markdown: &str) -> Vec<Range<usize>> {
    let is_code = |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    let events = Parser::new_ext(markdown, Options::empty()).into_offset_iter();
    events.filter(|(event, _)| is_code(event)).map(|(_, span)| span).collect()
}

/// A text from a box, or from the lab, made harmless for a line of plain text:
/// control and invisible characters become `�`, a long text is cut.
pub(super) fn plain(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => harmless(&text[..end]) + "…",
        None => harmless(text),
    }
}

/// As [`plain`], but never cut.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

/// No control character, no character that reorders or hides its neighbours.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

fn value_at(path: &str, now: Option<&Value>, in_code: bool, lang: Lang) -> String {
    let (Some(now), Ok(path)) = (now, selector::parse(path)) else {
        return "…".to_owned();
    };
    let nodes = path.query(now);
    let mut shown: Vec<String> = nodes
        .iter()
        .filter(|node| !node.is_null())
        .take(MOST)
        .map(|node| {
            let text = plain(&text_of(node, lang)).replace('`', "'");
            if in_code { text } else { code_span(&text) }
        })
        .collect();
    if shown.is_empty() || nodes.len() > MOST {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// A code span cannot be empty, nor keep the blanks at both of its ends.
fn code_span(text: &str) -> String {
    if text.trim().is_empty() { format!("`\"{text}\"`") } else { format!("`{text}`") }
}

/// A value in the words of a reader: a text without its quotes, an unread field by
/// its errno, a truth in a word.
fn text_of(value: &Value, lang: Lang) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => lang.pick("yes", "oui").to_owned(),
        Value::Bool(false) => lang.pick("no", "non").to_owned(),
        Value::Object(fields) => fields
            .get("unread")
            .and_then(|unread| unread.get("errno"))
            .and_then(Value::as_str)
            .map_or_else(|| value.to_string(), str::to_owned),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(markdown: &str) -> String {
        let now = json!({
            "name": "brume-12",
            "evil": "a`*b*[x](http://e)\u{1b}[31m\nz",
            "empty": "",
            "none": null,
            "pids": [1, 2, 3],
            "refused": {"unread": {"path": "/proc/1/ns/pid", "errno": "EACCES", "reason": "permission denied"}},
        });
        fill(markdown, &Values::default(), Lang::En, |_| Some(&now))
    }

    #[test]
    fn a_live_value_is_a_code_span() {
        assert_eq!(filled("The box is {$.name}."), "The box is `brume-12`.");
        assert_eq!(filled("PIDs {$.pids[*]}"), "PIDs `1`, `2`, `3`");
    }

    #[test]
    fn a_value_that_is_not_there_is_an_ellipsis() {
        assert_eq!(filled("{$.nothing} {$.none} {$[bad}"), "… … …");
        assert_eq!(fill("{$.name}", &Values::default(), Lang::En, |_| None), "…");
    }

    #[test]
    fn a_value_inside_code_of_the_prose_adds_no_backticks() {
        assert_eq!(filled("`echo {$.name}`, {$.name}"), "`echo brume-12`, `brume-12`");
        assert_eq!(filled("```\n{$.name}\n```\n{$.name}"), "```\nbrume-12\n```\n`brume-12`");
    }

    #[test]
    fn a_lone_backtick_opens_no_code_span() {
        assert_eq!(filled("a ` b {$.name}"), "a ` b `brume-12`");
        assert_eq!(filled(r"a \`b {$.name} c"), r"a \`b `brume-12` c");
    }

    #[test]
    fn a_hostile_value_cannot_become_markdown_or_reach_the_terminal() {
        let text = filled("x {$.evil} y");
        assert_eq!(text, "x `a'*b*[x](http://e)\u{fffd}[31m\u{fffd}z` y");
        assert_eq!(text.matches('`').count(), 2);
    }

    #[test]
    fn an_empty_value_shows_as_quotes_and_an_unread_one_as_its_errno() {
        assert_eq!(filled("{$.empty} {$.refused}"), "`\"\"` `EACCES`");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(plain(&"x".repeat(500)).chars().count(), LONGEST + 1);
        assert_eq!(plain("ab\u{202e}c\u{7}"), "ab\u{fffd}c\u{fffd}");
    }

    #[test]
    fn braces_of_the_prose_stay() {
        assert_eq!(filled("awk '{print}' {x} {"), "awk '{print}' {x} {");
    }
}
