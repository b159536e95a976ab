//! Predicates over snapshots, verdicts and scores. Pure. Used by `session` while a
//! task is under way, and by the grader.

pub mod evaluate;
mod words;

pub mod verdict;

pub use evaluate::{Judgement, Prepared, evaluate};
pub use verdict::{LessonReport, State, Verdict};
