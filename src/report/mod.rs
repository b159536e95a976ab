//! What a grader found, for people and for machines. Pure. Used by `check` on the
//! command line. Values of boxes and students are never shown raw.

mod human;
mod json;

pub use human::human;
pub use json::json;

#[cfg(test)]
mod tests;
