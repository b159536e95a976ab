//! `cloison demo` and `cloison notes`: a lesson on the projector, and the presenter's
//! notes in a second terminal.
//!
//! ```text
//! wall:   ui ── audience() ─▶ latest ─▶ notes (thread) ─▶ every console
//!         ▲◀── Event::Order ────────────────┘◀─ orders ─┘
//! ```

mod link;
mod outlook;
mod wall;

pub mod notes;

pub use wall::{Wanted, demo, solution};
