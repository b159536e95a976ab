//! Typed wrappers over the kernel's primitives, and the only unsafe code. Each
//! wrapper that changes something records the [`Call`] it made in a [`Trace`].
//! Used by `lab` (to act) and `observe` (to read); uses no other part but i18n.

pub mod call;
pub mod read;

pub use call::{Call, Errno, Trace};
