//! The presenter's side of a demonstration: what the notes show of the wall, and how
//! the two speak with each other. Pure; the sockets are the composition root's.

pub mod cast;
pub mod console;
pub mod player;
pub mod wire;

pub use wire::{Outlook, StepNotes};
