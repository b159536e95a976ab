//! What this machine can do, why not, and the remedy: each feature is tried in a
//! throw-away child. Used by `cloison doctor`, and before a lesson starts.

use crate::i18n::{Explain, Lang};
use crate::lesson::Lesson;

/// A need of a lesson that this machine does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    words: [String; 2],
}

impl Explain for Missing {
    fn explain(&self, lang: Lang) -> String {
        let [en, fr] = &self.words;
        lang.pick(en, fr).clone()
    }
}

/// What this machine lacks for a lesson: nothing where it can run.
pub fn missing(_lesson: &Lesson) -> Vec<Missing> {
    Vec::new()
}
