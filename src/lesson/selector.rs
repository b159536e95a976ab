//! JSONPath (RFC 9535) and regular expressions, parsed with care: a lesson may come from anybody, and a
//! parser that recurses must not be handed endless nesting. Used by the loader,
//! by `check` and by whatever shows live values.

use std::fmt;

use serde_json_path::JsonPath;

use crate::i18n::{Explain, Lang};
use crate::say;

/// The most bytes of a selector.
const MAX_BYTES: usize = 1024;
/// The most brackets and parentheses open at one time.
const MAX_DEPTH: usize = 6;

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectorError {
    /// More than 1024 bytes.
    TooLong,
    /// Brackets and parentheses more than six deep.
    TooDeep,
    /// More than two `..`, each of which goes through all that the last one found.
    TooWide,
    /// Not JSONPath: the byte where it stops being so, and what the parser says.
    Syntax {
        /// Byte of the selector, from 0.
        at: usize,
        /// In English.
        message: String,
    },
}

impl Explain for SelectorError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::TooLong => say!(lang, "longer than {MAX_BYTES} bytes", "plus de {MAX_BYTES} octets"),
            Self::TooDeep => say!(
                lang,
                "more than {MAX_DEPTH} brackets inside one another",
                "plus de {MAX_DEPTH} crochets ou parenthèses imbriqués"
            ),
            Self::TooWide => say!(lang, "more than two `..`", "plus de deux « .. »"),
            Self::Syntax { at, message } => {
                let column = at + 1;
                say!(lang, "at character {column}: {message}", "au caractère {column} : {message}")
            }
        }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Lang::En))
    }
}

impl std::error::Error for SelectorError {}

/// Parses a selector.
pub fn parse(path: &str) -> Result<JsonPath, SelectorError> {
    if path.len() > MAX_BYTES {
        return Err(SelectorError::TooLong);
    }
    if path.matches("..").count() > 2 {
        return Err(SelectorError::TooWide);
    }
    let mut depth = 0_usize;
    for byte in path.bytes() {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            // Each `!` recurses as well.
            b'!' if depth > 0 && path.contains("!!") => return Err(SelectorError::TooDeep),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(SelectorError::TooDeep);
        }
    }
    JsonPath::parse(path)
        .map_err(|error| SelectorError::Syntax { at: error.position(), message: error.message().to_owned() })
}

/// A regular expression, bounded in what it may cost to compile.
pub fn regex(expression: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(expression).size_limit(1 << 20).nest_limit(50).build()
}

/// The member names that a selector starts with, as far as they are plain
/// (`$.actors.box.ns[0]` starts with `actors`, `box`, `ns`).
pub fn plain_prefix(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or_default();
    loop {
        let (name, after) = if let Some(after) = rest.strip_prefix("['") {
            let Some((name, after)) = after.split_once("']") else { break };
            (name, after)
        } else if let Some(after) = rest.strip_prefix("[\"") {
            let Some((name, after)) = after.split_once("\"]") else { break };
            (name, after)
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
            after.split_at(end)
        } else {
            break;
        };
        if name.is_empty() || name.contains(['\\', '\'', '"']) {
            break;
        }
        names.push(name.to_owned());
        rest = after;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_start_of_a_selector_is_found() {
        assert_eq!(
            plain_prefix("$.actors['my-box'].seen.processes[?@.pid == 1].name"),
            ["actors", "my-box", "seen", "processes"]
        );
        assert_eq!(plain_prefix("$..pid"), Vec::<String>::new());
    }

    #[test]
    fn endless_nesting_is_refused_before_it_is_parsed() {
        let deep = format!("$[?{}", "(".repeat(1000));
        assert_eq!(parse(&deep), Err(SelectorError::TooDeep));
        assert_eq!(parse(&format!("$.{}", "a".repeat(2000))), Err(SelectorError::TooLong));
        assert_eq!(parse("$..[?@..a[?@..b]]").err(), Some(SelectorError::TooWide));
        assert_eq!(parse(&format!("$[?{}@.a]", "!".repeat(900))), Err(SelectorError::TooDeep));
    }
}
