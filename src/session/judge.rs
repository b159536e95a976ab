//! A snapshot as the session keeps it, and the checks of a step against it.
//! Called by `state`; never keeps more than one JSON value per snapshot.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::interim::evaluate;
use crate::check::State;
use crate::i18n::Lang;
use crate::lesson::Check;
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

/// Judges one check (its values filled in) by a snapshot and the one taken when
/// the step was entered.
pub(super) fn judge(check: &Check, now: &Seen, baseline: &Seen) -> Judged {
    let [en, fr] = Lang::ALL.map(|lang| evaluate(check, now.json(), Some(baseline.json()), lang));
    Judged { state: en.state, expected: [en.expected, fr.expected], found: [en.found, fr.found] }
}

/// Whether a condition holds; its words are not needed.
pub(super) fn holds(check: &Check, now: &Seen, baseline: &Seen) -> bool {
    evaluate(check, now.json(), Some(baseline.json()), Lang::En).state == State::Pass
}
