//! The lab: all that one run of a lesson makes on the machine, and its clean-up.
//! The program talks to a single-threaded keeper ([`client::Lab`]); the keeper
//! forks actors, writes id maps, keeps the journal and cleans up; actors carry out
//! operations on themselves. Used by the composition root and the doctor.

pub mod actor;
pub mod client;
pub mod jail;
pub mod journal;
pub mod keeper;
pub mod maps;
pub mod ops;
pub mod program;
pub mod protocol;
pub mod sweep;
pub mod volumes;

pub use client::{Lab, LabError, Options};
pub use protocol::{ActorInfo, Performed, Program};

/// Makes the view of the process that calls it, as opaque bytes: how an actor
/// reports what it sees, without the lab knowing what that is.
pub type Reporter = fn() -> Vec<u8>;
