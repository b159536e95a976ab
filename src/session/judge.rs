//! A snapshot as the session keeps it, and the checks of a step against it.
//! Called by `state`; of a snapshot's JSON it makes what is asked for.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::parts::Parts;
use crate::check::{Judgement, Prepared, State, evaluate};
use crate::i18n::Lang;
use crate::lesson::{Check, Values};
use crate::observe::Snapshot;

/// A snapshot, and its JSON once something asks for it.
#[derive(Debug)]
pub(super) struct Seen {
    snapshot: Arc<Snapshot>,
    /// What the step speaks of.
    parts: Arc<Parts>,
    partly: OnceLock<Value>,
    json: OnceLock<Value>,
}

impl Seen {
    pub(super) fn new(snapshot: Arc<Snapshot>, parts: Arc<Parts>) -> Self {
        Self { snapshot, parts, partly: OnceLock::new(), json: OnceLock::new() }
    }

    /// The same snapshot for a step that speaks of something else.
    pub(super) fn again(&self, parts: Arc<Parts>) -> Self {
        Self::new(Arc::clone(&self.snapshot), parts)
    }

    /// The snapshot.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The snapshot as checks and texts read it, or at least what these selectors lead
    /// to; made on first use.
    pub(super) fn at<'a>(&self, mut selectors: impl Iterator<Item = &'a str>) -> &Value {
        if selectors.all(|selector| self.parts.cover(selector)) {
            self.partly.get_or_init(|| self.parts.of(&*self.snapshot).unwrap_or(Value::Null))
        } else {
            self.json()
        }
    }

    /// The whole of it. `Null` could only come of a map with keys that are no texts, and
    /// the model has none.
    pub(super) fn json(&self) -> &Value {
        self.json.get_or_init(|| serde_json::to_value(&*self.snapshot).unwrap_or(Value::Null))
    }
}

/// What a check came to, in both languages (English, French).
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) state: State,
    pub(super) expected: [String; 2],
    pub(super) found: [String; 2],
}

/// A check with the student's values filled in, ready to be judged often.
#[derive(Debug)]
pub(super) enum Ready {
    /// Parsed.
    Prepared(Box<Prepared>),
    /// One that the loader would have refused: judged as an error, in words.
    Unusable(Check),
}

impl Ready {
    pub(super) fn new(check: &Check, values: &Values) -> Self {
        let check = check.with_values(values);
        Prepared::new(&check).map_or_else(|_| Self::Unusable(check), |prepared| Self::Prepared(Box::new(prepared)))
    }

    /// The places that it looks at.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &str> {
        let prepared = match self {
            Self::Prepared(check) => Some(check.selectors()),
            Self::Unusable(_) => None,
        };
        prepared.into_iter().flatten()
    }

    /// Judges it by a snapshot and the one taken when the step was entered.
    pub(super) fn judge(&self, now: &Seen, baseline: &Seen) -> Judged {
        let [en, fr] = Lang::ALL.map(|lang| self.in_words(now, baseline, lang));
        Judged { state: en.state, expected: [en.expected, fr.expected], found: [en.found, fr.found] }
    }

    /// Whether it holds; its words are not needed.
    pub(super) fn holds(&self, now: &Seen, baseline: &Seen) -> bool {
        self.in_words(now, baseline, Lang::En).state == State::Pass
    }

    fn in_words(&self, now: &Seen, baseline: &Seen, lang: Lang) -> Judgement {
        let (now, baseline) = (now.at(self.selectors()), Some(baseline.at(self.selectors())));
        match self {
            Self::Prepared(check) => check.judge(now, baseline, lang),
            Self::Unusable(check) => evaluate(check, now, baseline, lang),
        }
    }
}
