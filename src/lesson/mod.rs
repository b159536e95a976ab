//! Lessons as data: the model, and what loads, validates and explains the files
//! it comes from. Pure: reads files given to it, runs nothing. Uses no other
//! part but i18n.

pub mod answers;
pub mod model;
pub mod op;

pub use model::{Check, Lesson, Operand, Predicate, Step};
pub use op::Op;
