//! `cloison demo`, `cloison notes` and `cloison follow`: a lesson on the projector, the
//! presenter's notes in a second terminal, and those who follow in theirs.
//!
//! ```text
//! wall:   ui ── audience() ─▶ latest ─▶ notes (thread) ─▶ every console
//!         ▲◀── Event::Order ────────────────┘◀─ orders ─┘
//! ```

mod desk;
mod link;
mod outlook;
pub mod share;
mod wall;

pub mod follow;
pub mod notes;
pub mod record;
pub mod replay;

pub use wall::{Wanted, demo, solution};
