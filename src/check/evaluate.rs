//! Judging one predicate on a snapshot. Used by `session` on each new snapshot
//! while a task is under way (with [`Prepared`], so that a tick parses nothing),
//! and by the grader. Never takes what could not be read for an answer.

use regex::Regex;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::State;
use super::words;
use crate::i18n::{Explain, Lang};
use crate::lesson::model::{Check, Operand, Predicate};
use crate::lesson::selector;
use crate::say;

/// How a predicate was judged, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Pass, fail or error; never skip.
    pub state: State,
    /// What was expected (`"cigale-42"`, `at least 3`).
    pub expected: String,
    /// What is there (`"lab"`, `nothing of the kind`); for an error, what could
    /// not be read, and why.
    pub found: String,
}

/// A check with its selectors and expression parsed: made once, judged often.
#[derive(Debug, Clone)]
pub struct Prepared {
    check: Check,
    at: Selector,
    /// The place that the operand stands for, if it is one.
    right: Option<Selector>,
    /// The expression of `matches`.
    expression: Option<Regex>,
}

#[derive(Debug, Clone)]
struct Selector {
    written: String,
    path: JsonPath,
    /// The member names that it starts with.
    prefix: Vec<String>,
}

/// Why a check can't be judged at all. The loader refuses lessons with such.
#[derive(Debug, Clone)]
pub enum Unusable {
    /// A selector is no JSONPath.
    Selector(String, selector::SelectorError),
    /// An expression does not compile.
    Expression(String),
}

impl Explain for Unusable {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Selector(path, error) => {
                let (path, why) = (words::text(path), error.explain(lang));
                say!(lang, "{path} is not a selector: {why}", "{path} n'est pas un sélecteur : {why}")
            }
            Self::Expression(expression) => {
                let expression = words::text(expression);
                say!(
                    lang,
                    "{expression} is not a regular expression",
                    "{expression} n'est pas une expression rationnelle"
                )
            }
        }
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.explain(Lang::En))
    }
}

impl std::error::Error for Unusable {}

/// Judges a check, its seeds filled in, on a snapshot's JSON. `baseline` is the
/// snapshot taken when the step was entered: what `unchanged` compares with.
pub fn evaluate(check: &Check, now: &Json, baseline: Option<&Json>, lang: Lang) -> Judgement {
    match Prepared::new(check) {
        Ok(prepared) => prepared.judge(now, baseline, lang),
        Err(unusable) => {
            Judgement { state: State::Error, expected: words::text(&check.at), found: unusable.explain(lang) }
        }
    }
}

/// Why there is no answer: the words for `found`.
struct Obstacle(String);

impl Prepared {
    /// The selectors in it, as written.
    pub fn selectors(&self) -> impl Iterator<Item = &str> {
        [Some(&self.at), self.right.as_ref()].into_iter().flatten().map(|selector| selector.written.as_str())
    }

    /// Parses what a check, its seeds filled in, consists of.
    pub fn new(check: &Check) -> Result<Self, Unusable> {
        let right = match &check.is {
            Predicate::Equals(Operand::At(path))
            | Predicate::Differs(Operand::At(path))
            | Predicate::Contains(Operand::At(path))
            | Predicate::AtLeast(Operand::At(path))
            | Predicate::AtMost(Operand::At(path)) => Some(Selector::new(path)?),
            _ => None,
        };
        let expression = match &check.is {
            Predicate::Matches(expression) => {
                Some(selector::regex(expression).map_err(|_| Unusable::Expression(expression.clone()))?)
            }
            _ => None,
        };
        Ok(Self { at: Selector::new(&check.at)?, check: check.clone(), right, expression })
    }

    /// The check that was prepared.
    pub fn check(&self) -> &Check {
        &self.check
    }

    /// Judges it on a snapshot's JSON; see [`evaluate`].
    pub fn judge(&self, now: &Json, baseline: Option<&Json>, lang: Lang) -> Judgement {
        if let Some(judgement) = self.nothing_to_compare_with(now, lang) {
            return judgement;
        }
        let right = match self.right_hand(now, lang) {
            Ok(right) => right,
            Err(Obstacle(found)) => {
                let place = self.right.as_ref().map(|right| words::text(&right.written)).unwrap_or_default();
                let expected = say!(lang, "compared with the value at {place}", "comparé à la valeur de {place}");
                return Judgement { state: State::Error, expected, found };
            }
        };
        let before = match (&self.check.is, baseline) {
            (Predicate::Unchanged, Some(baseline)) => match self.at.nodes(baseline, lang) {
                Ok(nodes) => Some(nodes),
                Err(Obstacle(found)) => {
                    let expected = say!(lang, "as it was before", "comme avant");
                    return Judgement { state: State::Error, expected, found };
                }
            },
            _ => None,
        };
        let nodes = self.at.nodes(now, lang);
        let number = right.zip(nodes.as_ref().ok()).and_then(|(right, nodes)| as_number(right, nodes));
        let right = number.as_ref().or(right);
        let mut expected = self.expected(right, before.as_deref(), lang);
        let (state, found) = match nodes {
            Ok(nodes) => {
                // What a pattern or a filter looks for is in the check's own words, too.
                if nodes.is_empty() && matches!(self.check.is, Predicate::Matches(_) | Predicate::Count(1)) {
                    expected.clear();
                }
                self.holds(&nodes, right, before.as_deref(), lang)
            }
            Err(Obstacle(found)) => (State::Error, found),
        };
        Judgement { state, expected, found }
    }

    /// What is to be compared with something that is not there (yet) does not hold: an
    /// answer, and no obstacle. The place says nothing to a reader, the check's words do.
    fn nothing_to_compare_with(&self, now: &Json, lang: Lang) -> Option<Judgement> {
        let nodes = self.right.as_ref()?.nodes(now, lang).ok()?;
        let found = words::nodes(&nodes, lang);
        nodes.is_empty().then_some(Judgement { state: State::Fail, expected: String::new(), found })
    }

    /// The operand's value.
    fn right_hand<'a>(&'a self, now: &'a Json, lang: Lang) -> Result<Option<&'a Json>, Obstacle> {
        if let Some(right) = &self.right {
            return match right.nodes(now, lang)?.as_slice() {
                [one] => Ok(Some(one)),
                nodes => {
                    let (found, place) = (words::nodes(nodes, lang), words::text(&right.written));
                    Err(Obstacle(say!(
                        lang,
                        "at {place}, which it is compared with: {found}",
                        "en {place}, à quoi on compare : {found}"
                    )))
                }
            };
        }
        Ok(match &self.check.is {
            Predicate::Equals(Operand::Value(value))
            | Predicate::Differs(Operand::Value(value))
            | Predicate::Contains(Operand::Value(value))
            | Predicate::AtLeast(Operand::Value(value))
            | Predicate::AtMost(Operand::Value(value)) => Some(value),
            _ => None,
        })
    }

    fn expected(&self, right: Option<&Json>, before: Option<&[&Json]>, lang: Lang) -> String {
        let mut value = right.map(|right| words::value(right, lang)).unwrap_or_default();
        if let Some(place) = self.right.as_ref().and_then(|right| words::place(&right.written)) {
            value = say!(lang, "{value} (the value at {place})", "{value} (la valeur de {place})");
        }
        match &self.check.is {
            Predicate::Equals(_) => value,
            Predicate::Differs(_) => say!(lang, "something else than {value}", "autre chose que {value}"),
            Predicate::Contains(_) => say!(lang, "something with {value} in it", "quelque chose qui contient {value}"),
            Predicate::Matches(expression) => {
                let expression = words::plain(expression);
                say!(lang, "a text that matches /{expression}/", "un texte qui correspond à /{expression}/")
            }
            Predicate::AtLeast(_) => say!(lang, "at least {value}", "au moins {value}"),
            Predicate::AtMost(_) => say!(lang, "at most {value}", "au plus {value}"),
            Predicate::Count(0) | Predicate::Absent => say!(lang, "nothing", "rien"),
            Predicate::Count(1) => say!(lang, "exactly 1 value", "exactement 1 valeur"),
            Predicate::Count(count) => say!(lang, "exactly {count} values", "exactement {count} valeurs"),
            Predicate::Unchanged => match before {
                Some(nodes) => {
                    let before = words::nodes(nodes, lang);
                    say!(lang, "as it was before: {before}", "comme avant : {before}")
                }
                None => say!(lang, "as it was before", "comme avant"),
            },
        }
    }

    fn holds(&self, nodes: &[&Json], right: Option<&Json>, before: Option<&[&Json]>, lang: Lang) -> (State, String) {
        let found = words::nodes(nodes, lang);
        let state = |holds: bool| if holds { State::Pass } else { State::Fail };
        let one = match nodes {
            [one] => Some(*one),
            _ => None,
        };
        let right = right.unwrap_or(&Json::Null);
        match &self.check.is {
            Predicate::Equals(_) => (state(one.is_some_and(|one| same(one, right))), found),
            Predicate::Differs(_) => (state(one.is_some_and(|one| !same(one, right))), found),
            Predicate::Contains(_) => (state(nodes.iter().any(|node| contains(node, right))), found),
            Predicate::AtLeast(_) | Predicate::AtMost(_) => {
                let Some(limit) = right.as_f64() else {
                    let right = words::value(right, lang);
                    return (
                        State::Error,
                        say!(
                            lang,
                            "{right} is not a number to compare with",
                            "{right} n'est pas un nombre : impossible de comparer"
                        ),
                    );
                };
                match one.map(|one| (one.as_f64(), one)) {
                    Some((Some(number), _)) if matches!(self.check.is, Predicate::AtLeast(_)) => {
                        (state(number >= limit), found)
                    }
                    Some((Some(number), _)) => (state(number <= limit), found),
                    Some((None, _)) => {
                        (State::Fail, say!(lang, "{found}: not a number", "{found} : ce n'est pas un nombre"))
                    }
                    None => (State::Fail, found),
                }
            }
            Predicate::Matches(_) => match one {
                Some(Json::String(text)) => {
                    (state(self.expression.as_ref().is_some_and(|expression| expression.is_match(text))), found)
                }
                Some(_) => (State::Fail, say!(lang, "{found}: not a text", "{found} : ce n'est pas un texte")),
                None => (State::Fail, found),
            },
            Predicate::Count(count) => {
                let holds = nodes.len() as u64 == *count;
                (state(holds), if nodes.is_empty() { found } else { words::counted(nodes, lang) })
            }
            Predicate::Absent => (state(nodes.is_empty()), found),
            Predicate::Unchanged => match before {
                Some(before) => {
                    let holds =
                        nodes.len() == before.len() && nodes.iter().zip(before).all(|(one, other)| same(one, other));
                    (state(holds), found)
                }
                None => (
                    State::Error,
                    say!(lang, "no earlier snapshot to compare with", "aucun instantané antérieur auquel comparer"),
                ),
            },
        }
    }
}

impl Selector {
    fn new(written: &str) -> Result<Self, Unusable> {
        let path = selector::parse(written).map_err(|error| Unusable::Selector(written.to_owned(), error))?;
        Ok(Self { written: written.to_owned(), path, prefix: selector::plain_prefix(written) })
    }

    /// The nodes selected; or what on the way to them, or among them, could not
    /// be read. "Nothing there" is an answer only where all was read.
    fn nodes<'a>(&self, snapshot: &'a Json, lang: Lang) -> Result<Vec<&'a Json>, Obstacle> {
        let mut at = snapshot;
        for name in &self.prefix {
            if let Some(unread) = words::unread(at, lang) {
                return Err(Obstacle(unread));
            }
            match at.get(name) {
                Some(next) => at = next,
                None => break,
            }
        }
        let nodes = self.path.query(snapshot).all();
        match nodes.iter().find_map(|node| words::unread(node, lang)) {
            Some(unread) => Err(Obstacle(unread)),
            None => Ok(nodes),
        }
    }
}

/// The number that a text says, where it is to be compared with a number: a student's own
/// value is a text, whatever it stands for.
fn as_number(right: &Json, nodes: &[&Json]) -> Option<Json> {
    let [Json::Number(_)] = nodes else { return None };
    right.as_str()?.parse::<serde_json::Number>().ok().map(Json::Number)
}

/// Equal; numbers by value, so that 1 is 1.0.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(a), Json::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => one == other,
    }
}

fn contains(node: &Json, wanted: &Json) -> bool {
    same(node, wanted)
        || match (node, wanted) {
            (Json::String(text), Json::String(wanted)) => text.contains(wanted.as_str()),
            (Json::Array(items), wanted) => items.iter().any(|item| same(item, wanted)),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
