//! Lessons as data: the model, and what loads, validates and explains the files
//! it comes from. Pure: reads files given to it, runs nothing. Uses no other
//! part but i18n.

pub mod answers;
pub mod broken;
pub mod diagnostic;
pub mod format;
pub mod library;
pub mod load;
pub mod model;
pub mod op;
pub mod placed;
pub mod selector;
mod shape;
pub mod source;
pub mod text;
pub mod token;
pub(crate) mod validate;
pub mod values;

pub use diagnostic::Diagnostic;
pub use library::Library;
pub use load::{load, load_files};
pub use model::{Check, Lesson, Operand, Predicate, Step};
pub use op::Op;
pub use values::Values;
