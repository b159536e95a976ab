//! The line interface.
