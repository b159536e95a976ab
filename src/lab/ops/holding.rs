//! Keeping a namespace there when nobody is in it, and entering it: by a descriptor
//! of its file, or by a bind mount of it, namespaces(7). What is held goes with the
//! actor, or with its mount namespace.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::mount::MsFlags;

use super::{Outcome, doing};
use crate::kernel::{Errno, Trace, mount as kernel, namespace};
use crate::lesson::op::NsKind;

/// Keeps a namespace of the process that the caller knows by this number: bind
/// mounted on the file `at`, which is made where there is none, or open in `held`.
/// EACCES where the caller may not look at the process, ptrace(2).
pub fn hold(
    trace: &mut Trace,
    target: Option<u32>,
    kind: NsKind,
    at: Option<&str>,
    held: &mut Vec<(NsKind, OwnedFd)>,
) -> Outcome {
    let Some(pid) = target else {
        return Err((Errno(libc::ESRCH), "the target has no number in this PID namespace".to_owned()));
    };
    let path = format!("/proc/{pid}/ns/{}", kind.name());
    let Some(at) = at else {
        held.push((kind, doing(namespace::open(trace, &path), || format!("open {path}"))?));
        return Ok(());
    };
    doing(kernel::touch(trace, Path::new(at)), || format!("open {at}"))?;
    doing(kernel::mount(trace, &path, at, "", MsFlags::MS_BIND, ""), || format!("mount {at}"))
}

/// setns(2) through the mount, or the descriptors held: user first.
pub fn enter(trace: &mut Trace, at: Option<&str>, kinds: &[NsKind], held: &[(NsKind, OwnedFd)]) -> Outcome {
    let mut kinds = kinds.to_vec();
    kinds.sort();
    for kind in kinds {
        let name = kind.name();
        if let Some(at) = at {
            let fd = doing(namespace::open(trace, at), || format!("open {at}"))?;
            doing(namespace::setns(trace, &fd, name, &fd.as_raw_fd().to_string()), || format!("setns {at}"))?;
        } else {
            let found = held.iter().rev().find(|(of, _)| *of == kind);
            let (_, fd) = found.ok_or_else(|| (Errno(libc::EBADF), format!("no {name} namespace is held")))?;
            doing(namespace::setns(trace, fd, name, &fd.as_raw_fd().to_string()), || format!("setns {name}"))?;
        }
    }
    Ok(())
}

/// Closes what is held of this kind.
pub fn release(trace: &mut Trace, kind: NsKind, held: &mut Vec<(NsKind, OwnedFd)>) -> Outcome {
    let (going, staying) = std::mem::take(held).into_iter().partition(|(of, _)| *of == kind);
    *held = staying;
    let going: Vec<(NsKind, OwnedFd)> = going;
    if going.is_empty() {
        return Err((Errno(libc::EBADF), format!("no {} namespace is held", kind.name())));
    }
    for (_, fd) in going {
        doing(namespace::close(trace, fd), || "close".to_owned())?;
    }
    Ok(())
}
