//! The composition root: wires the parts; a file per mode.

pub mod lesson_commands;
