//! The screen: events in, [`Request`]s out, everything drawn from one model. It
//! knows the session, the snapshots and the texts, and never the lab or the
//! kernel: what it needs done it asks for through a [`Request`].

pub mod event;

pub use event::{Event, Request};
