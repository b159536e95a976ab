//! Host and domain name, sethostname(2) and setdomainname(2). Called by actors.

use super::call::{Errno, Trace, quoted};

/// sethostname(2). EPERM without CAP_SYS_ADMIN over the UTS namespace's owner;
/// EINVAL above 64 bytes.
pub fn sethostname(trace: &mut Trace, name: &str) -> Result<(), Errno> {
    let args = vec![quoted(name), name.len().to_string()];
    trace.record("sethostname", args, || nix::unistd::sethostname(name), |()| 0)
}

/// setdomainname(2); errors as for [`sethostname`].
pub fn setdomainname(trace: &mut Trace, name: &str) -> Result<(), Errno> {
    let args = vec![quoted(name), name.len().to_string()];
    trace.record("setdomainname", args, || set_domain(name), |()| 0)
}

#[expect(unsafe_code, reason = "setdomainname(2) is not in nix")]
fn set_domain(name: &str) -> nix::Result<()> {
    // SAFETY: the pointer and the length are of one live string; the kernel only reads it.
    nix::errno::Errno::result(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }).map(drop)
}
