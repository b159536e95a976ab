//! System V objects, sysvipc(7). Called by actors on themselves, in IPC namespaces
//! of their own; never by the program itself: what is made in the host's outlives it.

use super::call::{Errno, Trace};

/// shmget(2): the id of the segment with this key, of at least `size` bytes; with
/// `create` one is made where there is none, with `exclusive` it must not be there
/// yet. Readable and writable for its owner. ENOENT for a key that nobody has in
/// the caller's IPC namespace; EEXIST, with `exclusive`, for one that somebody has;
/// EINVAL for a size of 0 or above shmmax, or above that of the segment found;
/// ENOSPC at the limit of segments.
pub fn shmget(trace: &mut Trace, key: i32, size: u64, create: bool, exclusive: bool) -> Result<i32, Errno> {
    let flags = [(create, libc::IPC_CREAT, "IPC_CREAT"), (exclusive, libc::IPC_EXCL, "IPC_EXCL")];
    let bits = flags.iter().filter(|(set, ..)| *set).fold(0o600, |all, (_, bit, _)| all | bit);
    let mut names: Vec<&str> = flags.iter().filter(|(set, ..)| *set).map(|(.., name)| *name).collect();
    names.push("0600");
    let args = vec![format!("{key:#010x}"), size.to_string(), names.join("|")];
    let get = || {
        let size = usize::try_from(size).map_err(|_| nix::errno::Errno::EINVAL)?;
        #[expect(unsafe_code, reason = "shmget(2) is not in nix")]
        // SAFETY: the call takes three numbers and touches no memory of the caller's.
        nix::errno::Errno::result(unsafe { libc::shmget(key, size, bits) })
    };
    trace.record("shmget", args, get, |id| i64::from(*id))
}
