//! A /proc, opened once, and the directory of one process in it. Everything is
//! read relative to these descriptors, so that a PID that is given to another
//! process in the middle cannot mix the two. Used by every reader of this part;
//! follows no path of somebody else's choosing.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::NixPath;

use super::model::{Reading, Unread};
use super::parse;
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// The most that is read of a file which is expected to be small.
pub(super) const SMALL: usize = 1 << 20;

/// A procfs, as an open directory.
#[derive(Debug)]
pub struct ProcDir {
    dir: OwnedFd,
    path: String,
}

impl ProcDir {
    /// Opens the procfs mounted at `path` (`/proc`). Fails where there is no
    /// directory, or one that is not a procfs: then what is missing is its `self`.
    pub fn open(path: &Path) -> Result<Self, Unread> {
        let name = path.to_string_lossy().into_owned();
        let dir = read::open_dir(path).map_err(|errno| Unread { path: name.clone(), errno })?;
        match read::is_procfs(dir.as_fd()) {
            Ok(true) => Ok(Self { dir, path: name }),
            Ok(false) => Err(Unread { path: format!("{name}/self"), errno: Errno(libc::ENOENT) }),
            Err(errno) => Err(Unread { path: name, errno }),
        }
    }

    /// Where it is mounted, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The directory itself.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The directory of the process `pid`, in this /proc's PID namespace.
    pub fn process(&self, pid: u32) -> Result<PidDir, Unread> {
        let mut digits = [0; 10];
        self.open_process(decimal(pid, &mut digits)).map_err(|errno| Unread {
            path: format!("{}/{pid}", self.path),
            // No such entry in a procfs: no such process.
            errno: if errno.0 == libc::ENOENT { Errno(libc::ESRCH) } else { errno },
        })
    }

    /// The reader's own directory.
    pub fn own(&self) -> Result<PidDir, Unread> {
        self.open_process("self").map_err(|errno| Unread { path: format!("{}/self", self.path), errno })
    }

    /// The directory of that name, which is a PID or `self`.
    pub(super) fn open_process<P: ?Sized + NixPath>(&self, name: &P) -> Result<PidDir, Errno> {
        Ok(PidDir { dir: read::open_dir_at(self.fd(), name)? })
    }
}

/// The directory of one process: it stays that process's, and gives ESRCH once
/// the process is gone.
#[derive(Debug)]
pub struct PidDir {
    dir: OwnedFd,
}

impl PidDir {
    /// A directory that was opened before.
    pub(super) fn new(dir: OwnedFd) -> Self {
        Self { dir }
    }

    /// The directory itself.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Reads a file of records into `buffer`, whole; EFBIG where it is longer than
    /// `limit` bytes.
    pub fn read(&self, name: &str, buffer: &mut Vec<u8>, limit: usize) -> Result<(), Errno> {
        let file = read::open_at(self.fd(), name)?;
        if read::read_all(file.as_fd(), buffer, limit)? {
            return Err(Errno(libc::EFBIG));
        }
        Ok(())
    }

    /// Reads a file that the kernel makes in one piece; gives whether it was cut
    /// at `limit` bytes.
    pub fn read_piece<P: ?Sized + NixPath>(&self, name: &P, buffer: &mut Vec<u8>, limit: usize) -> Result<bool, Errno> {
        let file = read::open_at(self.fd(), name)?;
        read::read_piece(file.as_fd(), buffer, limit)
    }

    /// The inode of one of its namespaces.
    pub fn namespace(&self, kind: NsKind) -> Result<u64, Errno> {
        let mut link = [0; 64];
        let link = read::read_link(self.fd(), ns_path(kind), &mut link)?;
        parse::namespace(link).ok_or(Errno(libc::EINVAL))
    }

    /// The inode of the user namespace that owns one of its namespaces.
    pub fn owner(&self, kind: NsKind) -> Result<u64, Errno> {
        let namespace = read::open_at(self.fd(), ns_path(kind))?;
        read::inode(&read::owner(namespace.as_fd())?)
    }

    /// Its root directory, to start from.
    pub fn root(&self) -> Result<OwnedFd, Errno> {
        read::open_dir_at(self.fd(), c"root")
    }
}

/// `ns/uts` and so on.
pub(super) const fn ns_path(kind: NsKind) -> &'static std::ffi::CStr {
    match kind {
        NsKind::User => c"ns/user",
        NsKind::Mnt => c"ns/mnt",
        NsKind::Uts => c"ns/uts",
        NsKind::Ipc => c"ns/ipc",
        NsKind::Pid => c"ns/pid",
        NsKind::Net => c"ns/net",
        NsKind::Cgroup => c"ns/cgroup",
        NsKind::Time => c"ns/time",
    }
}

/// A reading out of a result, with the path that a failure names.
pub(super) fn reading<T>(result: Result<T, Errno>, path: impl FnOnce() -> String) -> Reading<T> {
    match result {
        Ok(value) => Reading::Read(value),
        Err(errno) => Reading::Unread(Unread { path: path(), errno }),
    }
}

/// The number in decimal, without a heap.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &str {
    let mut start = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        start = index;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("0")
}
