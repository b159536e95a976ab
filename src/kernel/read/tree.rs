//! Directory trees that somebody else may have filled: every name is looked up
//! relative to an open directory, no symbolic link below it is followed, no other
//! mount entered, no file's content read. Used by `observe` for the layers of
//! overlays and for volumes.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::NixPath;
use nix::dir::Dir;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{FileStat, Mode};

use super::{Errno, SAFE};

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(SAFE);

/// Opens a directory by an absolute path, openat2(2). `links`: whether symbolic
/// links on the way are followed, as mount(2) followed them. ENOENT for a path
/// that is not absolute: what it was relative to is not known.
pub fn open_top<P: ?Sized + NixPath>(path: &P, links: bool) -> Result<OwnedFd, Errno> {
    let absolute = path.with_nix_path(|path| path.to_bytes().starts_with(b"/"))?;
    if !absolute {
        return Err(Errno(libc::ENOENT));
    }
    let refused = if links { ResolveFlag::empty() } else { ResolveFlag::RESOLVE_NO_SYMLINKS };
    let how = OpenHow::new().flags(DIRECTORY).resolve(refused | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    Ok(nix::fcntl::openat2(AT_FDCWD, path, how)?)
}

/// Opens a directory at or below another (`.` is that one again), openat2(2): EXDEV
/// where the path leaves it or meets another mount, ELOOP where it meets a link.
pub fn open_below<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    let within = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    let how = OpenHow::new().flags(DIRECTORY).resolve(within);
    Ok(nix::fcntl::openat2(dir, path, how)?)
}

/// The names in a directory, at most `most` of them, `.` and `..` left out; and
/// whether there were more. The descriptor's own position is not moved.
pub fn names(dir: BorrowedFd<'_>, most: usize) -> Result<(Vec<CString>, bool), Errno> {
    let opened = nix::fcntl::openat(dir, c".", DIRECTORY, Mode::empty())?;
    let mut opened = Dir::from_fd(opened)?;
    let mut found = Vec::new();
    for entry in opened.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if found.len() == most {
            return Ok((found, true));
        }
        found.push(name.to_owned());
    }
    Ok((found, false))
}

/// fstatat(2) of a name in a directory: of a symbolic link itself, and without
/// mounting what would be mounted on demand.
pub fn stat_at<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, name: &P) -> Result<FileStat, Errno> {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_NO_AUTOMOUNT;
    Ok(nix::sys::stat::fstatat(dir, name, flags)?)
}

/// Opens a regular file in a directory only to ask for its attributes: no link is
/// followed, nothing waited for.
pub fn open_file_at<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, name: &P) -> Result<OwnedFd, Errno> {
    Ok(nix::fcntl::openat(dir, name, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | SAFE, Mode::empty())?)
}

/// The first byte of an extended attribute, fgetxattr(2): 0 for an empty one,
/// nothing where there is none or it may not be read.
pub fn attribute(file: BorrowedFd<'_>, name: &CStr) -> Option<u8> {
    let mut value = [0u8; 8];
    #[expect(unsafe_code, reason = "fgetxattr(2) is not in nix")]
    // SAFETY: the name is a C string and the buffer has the size given.
    let got = unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    (got >= 0).then_some(value[0])
}
