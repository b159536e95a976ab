//! The one door through which text of a box or of the host comes onto the screen:
//! `term`'s, which the line interface uses too. Called by every view.

pub use crate::term::safe::{fit, pad, pad_left, safe, width};
