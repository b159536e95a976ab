//! Values of a snapshot in words: printable, and no longer than a line.

use serde_json::{Map, Value as Json};

use crate::i18n::{Explain, Lang};
use crate::lesson::diagnostic::printable;
use crate::observe::Errno;
use crate::say;

/// The most characters of one value.
const LONG: usize = 60;
/// The most values of several.
const MANY: usize = 3;

/// A text in quotes.
pub(super) fn text(text: &str) -> String {
    format!("\"{}\"", plain(text))
}

/// A text as it stands, printable and abbreviated.
pub(super) fn plain(text: &str) -> String {
    let mut short: String = text.chars().take(LONG).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    printable(&short)
}

/// A place of the snapshot, where it says something to a reader: a filter does not.
pub(super) fn place(selector: &str) -> Option<String> {
    (!selector.contains('?')).then(|| plain(selector))
}

/// A value: texts in quotes, long lists and tables abbreviated.
pub(super) fn value(value: &Json, lang: Lang) -> String {
    match value {
        Json::String(string) => text(string),
        Json::Null => say!(lang, "none", "aucune valeur"),
        Json::Bool(true) => say!(lang, "true", "vrai"),
        Json::Bool(false) => say!(lang, "false", "faux"),
        Json::Number(number) => number.to_string(),
        Json::Array(items) if items.is_empty() => say!(lang, "an empty list", "une liste vide"),
        Json::Array(_) => plain(&value_to_json(value)),
        Json::Object(members) => object(members, lang),
    }
}

/// What an object says of itself, as far as it fits: `key "0x51", id 1`.
fn object(members: &Map<String, Json>, lang: Lang) -> String {
    let simple = members.iter().filter(|(_, of)| !matches!(of, Json::Null | Json::Array(_) | Json::Object(_)));
    let words: Vec<String> = simple.map(|(name, of)| format!("{name} {}", value(of, lang))).collect();
    let all = words.join(", ");
    if all.chars().count() <= LONG {
        return all;
    }
    format!("{}…", all.chars().take(LONG).collect::<String>())
}

/// The JSON of a value; of a long list, only as much as is shown.
fn value_to_json(value: &Json) -> String {
    match value {
        Json::Array(items) if items.len() > LONG => Json::Array(items[..LONG].to_vec()).to_string(),
        other => other.to_string(),
    }
}

/// What a selector has selected.
pub(super) fn nodes(nodes: &[&Json], lang: Lang) -> String {
    match nodes {
        [] => say!(lang, "nothing of the kind", "rien de tel"),
        [one] => value(one, lang),
        several => counted(several, lang),
    }
}

/// `3 values: 1, 2, 3`; the first three of more.
pub(super) fn counted(nodes: &[&Json], lang: Lang) -> String {
    let count = nodes.len();
    let mut list: Vec<String> = nodes.iter().take(MANY).map(|node| value(node, lang)).collect();
    if count > MANY {
        list.push("…".to_owned());
    }
    let list = list.join(", ");
    if count == 1 {
        return say!(lang, "1 value: {list}", "1 valeur : {list}");
    }
    say!(lang, "{count} values: {list}", "{count} valeurs : {list}")
}

/// Why a value could not be read, if it is one that says so:
/// `{"unread": {"path", "errno", "reason"}}`, see [`crate::observe::Reading`].
pub(super) fn unread(value: &Json, lang: Lang) -> Option<String> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let unread = members.get("unread")?;
    let path = plain(unread.get("path")?.as_str()?);
    let symbol = unread.get("errno")?.as_str()?;
    let known = (1..=133).map(Errno).find(|errno| errno.symbol() == symbol);
    let reason = known.map_or_else(
        || plain(unread.get("reason").and_then(Json::as_str).unwrap_or(symbol)),
        |errno| errno.explain(lang),
    );
    Some(say!(lang, "{path} could not be read: {reason}", "{path} n'a pas pu être lu : {reason}"))
}
