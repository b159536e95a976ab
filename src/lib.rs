//! `cloison` teaches what a Linux container really is: it builds one, a kernel
//! primitive at a time, and shows every object from both sides of the wall.
//!
//! The binary is thin; ARCHITECTURE.md has the map of the parts below and says
//! which part may use which. `tests/arch.rs` holds the code to it.

pub mod app;
pub mod check;
pub mod cli;
pub mod demo;
pub mod doctor;
pub mod i18n;
pub mod kernel;
pub mod lab;
pub mod lesson;
pub mod load;
pub mod observe;
pub mod plain;
pub mod report;
pub mod run;
pub mod session;
pub mod term;
pub mod ui;
