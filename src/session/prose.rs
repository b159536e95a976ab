//! Puts live values into the lesson's prose. What comes from a box is untrusted:
//! it can never become Markdown or reach a terminal as a control character.

use serde_json::Value;
use serde_json_path::JsonPath;

/// At most so many characters of one value are shown.
const LONGEST: usize = 96;
/// At most so many values of one place are shown.
const MOST: usize = 6;

/// `markdown` with each `{$.path}` replaced by the value(s) there, as code spans;
/// `…` stands for a value that is not there. Seeds must be filled in before.
pub(super) fn fill(markdown: &str, now: Option<&Value>) -> String {
    let mut filled = String::with_capacity(markdown.len());
    let mut rest = markdown;
    // The length of the backticks that opened the code span we are in, or 0.
    let mut fence = 0;
    while let Some(at) = rest.find(['`', '{', '\\']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('`') {
            let run = run_of_backticks(rest);
            let (ticks, after) = rest.split_at(run);
            filled.push_str(ticks);
            rest = after;
            if fence == run {
                fence = 0;
            } else if fence == 0 && closes(after, run) {
                fence = run;
            }
        } else if let Some((path, after)) = placeholder(rest) {
            filled.push_str(&value_at(path, now, fence > 0));
            rest = after;
        } else {
            // A brace of the prose's own; or a backslash, with what it escapes.
            let escaped = rest.strip_prefix('\\').filter(|_| fence == 0).and_then(|after| after.chars().next());
            let (done, after) = rest.split_at(1 + escaped.map_or(0, char::len_utf8));
            filled.push_str(done);
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// A text from a box, or from the lab, made harmless for a line of plain text:
/// control and invisible characters become `�`, a long text is cut.
pub(super) fn plain(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// No control character, no character that reorders or hides its neighbours.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

fn run_of_backticks(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b'`').count()
}

/// Whether a run of exactly so many backticks follows.
fn closes(mut text: &str, run: usize) -> bool {
    while let Some(at) = text.find('`') {
        let found = run_of_backticks(&text[at..]);
        if found == run {
            return true;
        }
        text = &text[at + found..];
    }
    false
}

/// `{$…}` at the start of the text: the path, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (path, after) = text.strip_prefix('{')?.split_once('}')?;
    path.starts_with('$').then_some((path, after))
}

fn value_at(path: &str, now: Option<&Value>, in_code: bool) -> String {
    let (Some(now), Ok(path)) = (now, JsonPath::parse(path)) else {
        return "…".to_owned();
    };
    let nodes = path.query(now);
    let mut shown: Vec<String> = nodes
        .iter()
        .take(MOST)
        .map(|node| {
            let text = plain(&text_of(node)).replace('`', "'");
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
/// its errno.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
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
            "pids": [1, 2, 3],
            "refused": {"unread": {"path": "/proc/1/ns/pid", "errno": "EACCES", "reason": "permission denied"}},
        });
        fill(markdown, Some(&now))
    }

    #[test]
    fn a_live_value_is_a_code_span() {
        assert_eq!(filled("The box is {$.name}."), "The box is `brume-12`.");
        assert_eq!(filled("PIDs {$.pids[*]}"), "PIDs `1`, `2`, `3`");
    }

    #[test]
    fn a_value_that_is_not_there_is_an_ellipsis() {
        assert_eq!(filled("{$.nothing} {$[bad}"), "… …");
        assert_eq!(fill("{$.name}", None), "…");
    }

    #[test]
    fn a_value_inside_code_of_the_prose_adds_no_backticks() {
        assert_eq!(filled("`echo {$.name}`, {$.name}"), "`echo brume-12`, `brume-12`");
        assert_eq!(filled("```\n{$.name}\n```\n{$.name}"), "```\nbrume-12\n```\n`brume-12`");
    }

    #[test]
    fn a_lone_backtick_opens_no_code_span() {
        assert_eq!(filled("a ` b {$.name}"), "a ` b `brume-12`");
        assert_eq!(filled(r"a \`b {$.name} c`"), r"a \`b `brume-12` c`");
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
