//! What the tests on the real kernel share: nothing is left behind.

#![allow(dead_code, reason = "each test file uses its own part of this")]

/// What is on the machine that a lab could have left.
pub struct Left(cloison::app::left::Left);

impl Left {
    /// As it is now.
    pub fn now() -> Self {
        Self(cloison::app::left::Left::now())
    }

    /// Fails where something came or went since; processes that are on their way out
    /// get a moment.
    pub fn assert_same(&self) {
        assert_eq!(self.0.since(super::slow::seconds(20)), [""; 0], "left behind");
    }
}
