//! The lab: all that one run of a lesson makes on the machine, and its clean-up.
//! The program talks to a single-threaded keeper ([`client::Lab`]); the keeper
//! forks actors, writes id maps, keeps the journal and cleans up; actors carry out
//! operations on themselves. Used by the composition root and the doctor.

pub mod actor;
pub mod cgroups;
pub mod client;
mod find;
mod gate;
pub mod helper;
pub mod jail;
pub mod journal;
pub mod keeper;
pub mod maps;
pub mod observer;
pub mod ops;
pub mod program;
pub mod protocol;
pub mod scope;
mod supervisor;
pub mod sweep;
pub mod tracer;
pub mod volumes;

pub use client::{Lab, LabError, Options};
pub use protocol::{ActorInfo, Performed, Program};

use std::os::fd::OwnedFd;

use crate::kernel::Errno;
use crate::lesson::op::NsKind;

/// Makes the view of another process, in whose namespaces the caller stands, as
/// opaque bytes: its PID, its directory in the caller's first /proc, the namespaces
/// that could not be entered, and what it is asked for.
pub type Observer = fn(u32, OwnedFd, &[(NsKind, Errno)], &[u8]) -> Vec<u8>;

/// How processes of the lab report what they see, without the lab knowing what
/// that is.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    /// Makes the view of the process that calls it, an actor's: of what it is asked for.
    pub own: fn(&[u8]) -> Vec<u8>,
    /// Makes the view of another: an observer's.
    pub other: Observer,
}
