//! What each op does, a file per family. All of it runs inside the actor, on the
//! actor itself, and records every call.

pub mod caps;
pub mod cgroup;
pub mod files;
pub mod holding;
pub mod ipc;
pub mod mounts;
pub mod names;
pub mod namespaces;
pub mod net;
pub mod processes;
pub mod roots;
pub mod walls;

use crate::kernel::Errno;

/// Nothing, or the errno that ended the op and what it was doing.
pub type Outcome = Result<(), (Errno, String)>;

/// Says what was being done when a call failed.
pub(crate) fn doing<T>(result: Result<T, Errno>, what: impl FnOnce() -> String) -> Result<T, (Errno, String)> {
    result.map_err(|errno| (errno, what()))
}
