//! Predicates over snapshots, verdicts and scores. Pure. Used by `session` while a
//! task is under way, and by the grader.

pub mod verdict;

pub use verdict::{LessonReport, State, Verdict};
