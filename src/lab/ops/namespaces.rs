//! Leaving and entering namespaces, and the offsets of a time namespace.

use std::os::fd::OwnedFd;

use super::{Outcome, doing};
use crate::kernel::namespace::{clone_flag, flag_names};
use crate::kernel::{Trace, namespace};
use crate::lesson::op::NsKind;

/// unshare(2) of all of `kinds`, in one call.
pub fn unshare(trace: &mut Trace, kinds: &[NsKind]) -> Outcome {
    let flags = kinds.iter().filter_map(|kind| clone_flag(kind.name())).fold(0, |all, flag| all | flag);
    doing(namespace::unshare(trace, flags), || format!("unshare {}", flag_names(flags)))
}

/// setns(2) into each, in the order given.
pub fn setns(trace: &mut Trace, fds: &[OwnedFd], names: &[(NsKind, String)]) -> Outcome {
    for (fd, (kind, label)) in fds.iter().zip(names) {
        doing(namespace::setns(trace, fd, kind.name(), label), || format!("setns {label}"))?;
    }
    Ok(())
}

/// Writes the offsets for the children's time namespace.
pub fn clock(trace: &mut Trace, monotonic: i64, boottime: i64) -> Outcome {
    doing(namespace::write_clock_offsets(trace, monotonic, boottime), || "timens_offsets".to_owned())
}
