//! The one door through which text of a box or of the host (names, commands,
//! mounts, errors, output) comes onto the terminal. Called by every view and by the
//! line interface; nothing else may put such text into a cell or a line.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything visible: control characters become their pictures
/// (`␛`), C1, bidirectional, zero-width and other format characters `\u{202e}`.
/// Accents that combine with the letter before them stay.
pub fn safe(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\x7f' => out.push('␡'),
            _ if hidden(c) => drop(write!(out, "\\u{{{:x}}}", c as u32)),
            _ => out.push(c),
        }
    }
    out
}

/// JSON, indented or not, with the same characters escaped: standard output may be a
/// terminal, and what reads it as JSON reads the same. A writer of JSON escapes those
/// below U+0020 by itself.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether all of it is printable ASCII, as most is: one cell a byte.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Characters that show nothing, or change how their neighbours show; accents that
/// combine with the letter before them are none.
fn hidden(c: char) -> bool {
    c.is_control()
        || (c.width() == Some(0) && !matches!(c, '\u{300}'..='\u{36f}'))
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
}

/// How many cells the text takes.
pub fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

/// The text in at most `cells` cells; what was cut ends in `…`.
pub fn fit(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > cells - 1 {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// The text in exactly `cells` cells: cut, or filled with spaces on the right.
pub fn pad(text: &str, cells: usize) -> String {
    let mut out = fit(text, cells);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(width(&out))));
    out
}

/// The text in exactly `cells` cells, filled with spaces on the left.
pub fn pad_left(text: &str, cells: usize) -> String {
    let text = fit(text, cells);
    " ".repeat(cells.saturating_sub(width(&text))) + &text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_act_on_a_terminal_is_shown_instead() {
        assert_eq!(safe("a\x1b[2Jb\n\x7f"), "a␛[2Jb␊␡");
        assert_eq!(safe("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(safe("x\u{202e}y\u{200b}z\u{2066}"), "x\\u{202e}y\\u{200b}z\\u{2066}");
        assert_eq!(safe("été 漢 e\u{301}"), "été 漢 e\u{301}");
    }

    #[test]
    fn text_is_cut_by_cells_and_not_by_characters() {
        assert_eq!(fit("漢字漢字", 5), "漢字…");
        assert_eq!(fit("漢字漢字", 4), "漢…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(pad("漢字漢", 4), "漢… ");
        assert_eq!(pad_left("7", 3), "  7");
    }

    proptest! {
        #[test]
        fn any_text_becomes_safe_and_fits(text in any::<String>(), cells in 0usize..30) {
            let shown = safe(&text);
            prop_assert!(!shown.chars().any(hidden));
            prop_assert_eq!(width(&pad(&shown, cells)), cells);
        }

        #[test]
        fn any_json_becomes_safe_and_says_the_same(text in any::<String>()) {
            let plain = serde_json::to_string_pretty(&[&text, "a\n\u{9b}31m\u{202e}\u{e0001}é e\u{301}"]).unwrap();
            let shown = json(&plain);
            prop_assert!(!shown.chars().any(|c| c != '\n' && hidden(c)));
            let read = |json: &str| serde_json::from_str::<Vec<String>>(json).unwrap();
            prop_assert_eq!(read(&shown), read(&plain));
        }
    }
}
