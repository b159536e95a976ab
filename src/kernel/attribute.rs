//! Extended attributes, xattr(7), of what a path names.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::call::{Errno, Trace, quoted};

/// getxattr(2), of at most 128 bytes. ENODATA where there is none of this name; EPERM for
/// `trusted.` without CAP_SYS_ADMIN.
pub fn get(path: &Path, name: &str) -> Result<Vec<u8>, Errno> {
    let (path, name) = names(path, name)?;
    let mut value = vec![0_u8; 128];
    #[expect(unsafe_code, reason = "getxattr(2) is not in nix")]
    // SAFETY: two live C strings, and a buffer of the size given.
    let got = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(nix::errno::Errno::result(got)? as usize);
    Ok(value)
}

/// setxattr(2), whether it was there or not; `shown` is the value as it is listed.
/// EOPNOTSUPP on a file system without such attributes.
pub fn set(trace: &mut Trace, path: &Path, name: &str, value: &[u8], shown: String) -> Result<(), Errno> {
    let args = vec![quoted(path), quoted(name), shown, value.len().to_string(), "0".to_owned()];
    let (path, name) = names(path, name)?;
    let call = || {
        #[expect(unsafe_code, reason = "setxattr(2) is not in nix")]
        // SAFETY: two live C strings, and a buffer of the size given, which is only read.
        let done = unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
        nix::errno::Errno::result(done).map(drop)
    };
    trace.record("setxattr", args, call, |()| 0)
}

/// removexattr(2). ENODATA where there is none of this name.
pub fn remove(trace: &mut Trace, path: &Path, name: &str) -> Result<(), Errno> {
    let args = vec![quoted(path), quoted(name)];
    let (path, name) = names(path, name)?;
    let call = || {
        #[expect(unsafe_code, reason = "removexattr(2) is not in nix")]
        // SAFETY: two live C strings.
        let done = unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) };
        nix::errno::Errno::result(done).map(drop)
    };
    trace.record("removexattr", args, call, |()| 0)
}

fn names(path: &Path, name: &str) -> Result<(CString, CString), Errno> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| Errno(libc::EINVAL));
    Ok((text(path.as_os_str().as_bytes())?, text(name.as_bytes())?))
}
