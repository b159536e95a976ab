//! The sides of a demonstration that are not the wall: the presenter's notes, and those
//! who follow in their own terminals (`follow`); what they show of the wall, and how
//! they speak with it. Pure; the sockets are the composition root's.

pub mod cast;
pub mod console;
pub mod follow;
pub mod player;
pub mod wire;

pub use wire::{Outlook, StepNotes};
