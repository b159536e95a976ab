//! System V objects, and the file system of POSIX message queues.

use std::path::Path;

use nix::mount::MsFlags;

use super::{Outcome, doing};
use crate::kernel::{Errno, Trace, ipc, mount as kernel};
use crate::lesson::op::{ShmFlag, ipc_key};

/// Where queues are mounted on a machine without /dev/mqueue: every one has this.
const INSTEAD: &str = "/mnt";

/// shmget(2). Whoever asks must have left the host's IPC namespace before it makes a
/// segment: nobody would remove it there. The loader holds lessons to that.
pub fn shmget(trace: &mut Trace, key: &str, size: u64, flags: &[ShmFlag]) -> Outcome {
    let what = || format!("shmget {key}");
    let number = doing(ipc_key(key).ok_or(Errno(libc::EINVAL)), what)?;
    let [create, exclusive] = [ShmFlag::Creat, ShmFlag::Excl].map(|flag| flags.contains(&flag));
    doing(ipc::shmget(trace, number as i32, size, create, exclusive), what).map(drop)
}

/// mount(2) of the queue file system of the caller's IPC namespace, at `target` or,
/// where that is no directory, at /mnt. EPERM without CAP_SYS_ADMIN over the owner
/// of the IPC namespace.
pub fn mqueue(trace: &mut Trace, target: &str) -> Outcome {
    let target = if Path::new(target).is_dir() { target } else { INSTEAD };
    let inert = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    doing(kernel::mount(trace, "mqueue", target, "mqueue", inert, ""), || format!("mount {target}"))
}
