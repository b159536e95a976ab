//! Leaving and entering namespaces, and the offsets of a time namespace.

use std::os::fd::OwnedFd;

use super::{Outcome, doing};
use crate::kernel::namespace::{clone_flag, flag_names};
use crate::kernel::{Errno, Trace, namespace};
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

/// Writes the files of a process's user namespace, by the number that the caller
/// knows it by, in the order given.
pub fn write_map(trace: &mut Trace, target: Option<u32>, files: [(&str, &Option<String>); 3]) -> Outcome {
    let Some(pid) = target else {
        return Err((Errno(libc::ESRCH), "the target has no number in this PID namespace".to_owned()));
    };
    for (file, content) in files {
        let Some(content) = content else { continue };
        let path = format!("/proc/{pid}/{file}");
        doing(namespace::write_file(trace, &path, content), || path.clone())?;
    }
    Ok(())
}

/// Writes the offsets for the children's time namespace.
pub fn clock(trace: &mut Trace, monotonic: i64, boottime: i64) -> Outcome {
    doing(namespace::write_clock_offsets(trace, monotonic, boottime), || "timens_offsets".to_owned())
}
