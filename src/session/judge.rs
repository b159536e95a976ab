//! A snapshot as the session keeps it, and the checks of a step against it.
//! Called by `state`; never keeps more than one JSON value per snapshot.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::check::{Judgement, Prepared, State, evaluate};
use crate::i18n::Lang;
use crate::lesson::{Check, Values};
use crate::observe::Snapshot;

/// A snapshot, and its JSON once something asks for it.
#[derive(Debug)]
pub(super) struct Seen {
    snapshot: Arc<Snapshot>,
    json: OnceLock<Value>,
}

impl Seen {
    pub(super) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, json: OnceLock::new() }
    }

    /// The snapshot.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The snapshot as checks and texts read it; made on first use. `Null` could
    /// only come of a map with keys that are no texts, and the model has none.
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
        let (now, baseline) = (now.json(), Some(baseline.json()));
        match self {
            Self::Prepared(check) => check.judge(now, baseline, lang),
            Self::Unusable(check) => evaluate(check, now, baseline, lang),
        }
    }
}
