//! x

pub mod snapshot_command;
