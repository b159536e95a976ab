//! Values of one's own and predicates, as the session needs them until the ones
//! of `lesson` and `check` stand. Called by this part alone.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::check::State;
use crate::i18n::Lang;
use crate::lesson::{Check, Lesson, Operand, Predicate};
use crate::say;

/// The student's own values, by name.
#[derive(Debug)]
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    pub(super) fn new(lesson: &Lesson, student: &str) -> Self {
        let value = |(name, seed): (&String, &crate::lesson::model::Seed)| {
            // FNV-1a: the same on every machine and for ever.
            let hash = [&lesson.id, "\0", student, "\0", name]
                .concat()
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            let word =
                (!seed.choose.is_empty()).then(|| seed.choose[(hash % seed.choose.len() as u64) as usize].clone());
            let number = seed.number.map(|(low, high)| {
                (u64::from(low) + (hash >> 20) % (u64::from(high.saturating_sub(low)) + 1)).to_string()
            });
            (name.clone(), word.into_iter().chain(number).collect::<Vec<_>>().join("-"))
        };
        Self(lesson.seeds.iter().map(value).collect())
    }

    pub(super) fn substitute(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{seed.{name}}}"), value))
    }

    pub(super) fn fill(&self, check: &Check) -> Check {
        let operand = |operand: &Operand| match operand {
            Operand::Value(Value::String(text)) => Operand::Value(self.substitute(text).into()),
            Operand::Value(value) => Operand::Value(value.clone()),
            Operand::At(path) => Operand::At(self.substitute(path)),
        };
        let is = match &check.is {
            Predicate::Equals(it) => Predicate::Equals(operand(it)),
            Predicate::Differs(it) => Predicate::Differs(operand(it)),
            Predicate::Contains(it) => Predicate::Contains(operand(it)),
            Predicate::AtLeast(it) => Predicate::AtLeast(operand(it)),
            Predicate::AtMost(it) => Predicate::AtMost(operand(it)),
            Predicate::Matches(text) => Predicate::Matches(self.substitute(text)),
            other => other.clone(),
        };
        Check { id: check.id.clone(), at: self.substitute(&check.at), is }
    }
}

/// What a check came to, in one language.
pub(super) struct Evaluated {
    pub(super) state: State,
    pub(super) expected: String,
    pub(super) found: String,
}

pub(super) fn evaluate(check: &Check, now: &Value, baseline: Option<&Value>, lang: Lang) -> Evaluated {
    let nodes = |path: &str, root: Option<&Value>| -> Option<Vec<Value>> {
        Some(JsonPath::parse(path).ok()?.query(root?).all().into_iter().cloned().collect())
    };
    let operand = |operand: &Operand| match operand {
        Operand::Value(value) => Some(value.clone()),
        Operand::At(path) => nodes(path, Some(now)).filter(|found| found.len() == 1).and_then(|mut found| found.pop()),
    };
    let Some(found) = nodes(&check.at, Some(now)) else {
        return Evaluated { state: State::Error, expected: check.at.clone(), found: String::new() };
    };
    let one = if found.len() == 1 { found.first() } else { None };
    let number = |it: &Operand| operand(it).and_then(|value| value.as_f64());
    let words = |it: &Operand| operand(it).map_or_else(|| "…".to_owned(), |value| value.to_string());
    let (holds, expected) = match &check.is {
        Predicate::Equals(it) => (one.is_some() && one.cloned() == operand(it), words(it)),
        Predicate::Differs(it) => {
            let other = words(it);
            (one.is_some() && one.cloned() != operand(it), say!(lang, "not {other}", "autre que {other}"))
        }
        Predicate::Unchanged => {
            let before = nodes(&check.at, baseline);
            (before.as_ref() == Some(&found), say!(lang, "as before", "comme avant"))
        }
        Predicate::Contains(it) => {
            let wanted = operand(it);
            let holds = found.iter().any(|node| match (node, &wanted) {
                (Value::String(node), Some(Value::String(wanted))) => node.contains(wanted),
                (Value::Array(items), Some(wanted)) => items.contains(wanted),
                (node, wanted) => Some(node) == wanted.as_ref(),
            });
            (holds, words(it))
        }
        Predicate::Matches(text) => {
            let regex = regex::Regex::new(text).ok();
            let holds = one.and_then(Value::as_str).zip(regex).is_some_and(|(node, regex)| regex.is_match(node));
            (holds, text.clone())
        }
        Predicate::AtLeast(it) => (
            one.and_then(Value::as_f64).zip(number(it)).is_some_and(|(node, it)| node >= it),
            format!("≥ {}", words(it)),
        ),
        Predicate::AtMost(it) => (
            one.and_then(Value::as_f64).zip(number(it)).is_some_and(|(node, it)| node <= it),
            format!("≤ {}", words(it)),
        ),
        Predicate::Count(n) => (found.len() as u64 == *n, n.to_string()),
        Predicate::Absent => (found.is_empty(), say!(lang, "nothing", "rien")),
    };
    let found = found.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    Evaluated { state: if holds { State::Pass } else { State::Fail }, expected, found }
}
