//! x
pub mod stage;
