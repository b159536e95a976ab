//! Entering a control group: the actor's own part of it.

use std::path::Path;

use super::{Outcome, doing};
use crate::kernel::{Trace, cgroup};

/// Writes the caller's own number to each `cgroup.procs`, cgroups(7). EACCES where the
/// group, or the one above both, is another user's; ENOSPC for a cpuset without CPUs;
/// EBUSY for a group whose groups below have controllers.
pub fn join(trace: &mut Trace, doors: &[String]) -> Outcome {
    let me = nix::unistd::getpid().to_string();
    for door in doors {
        doing(cgroup::write(trace, Path::new(door), &me), || door.clone())?;
    }
    Ok(())
}
