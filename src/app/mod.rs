//! The composition root: wires the parts together, a file per mode.

pub mod grade;
pub mod lesson_commands;
pub mod snapshot_command;
pub mod stage;
