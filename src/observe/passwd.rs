//! The names that a user database gives to uids, read from its file and never by
//! the name service, which would load libraries of the root directory at hand and
//! may talk to the network. Used by the readers of this part.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::parse;
use super::proc::SMALL;
use crate::kernel::{Errno, read};

/// What identifies one state of a file: device, inode, size, time of change.
type Stamp = (u64, u64, i64, i64, i64);

/// The names of one passwd(5), kept until the file changes.
#[derive(Debug, Default)]
pub struct Passwd {
    users: Vec<(u32, String)>,
    stamp: Option<Stamp>,
}

impl Passwd {
    /// Looks at `etc/passwd` below `root` and reads it again where it is another
    /// file, or another state of it, than last time. A file that can't be read,
    /// or isn't a regular one, or no root directory gives no names; of a long one, the first
    /// MiB counts. Gives whether the names may be others.
    pub fn refresh(&mut self, root: Result<OwnedFd, Errno>, buffer: &mut Vec<u8>) -> bool {
        let before = self.stamp;
        if root.and_then(|root| self.try_refresh(root.as_fd(), buffer)).is_err() {
            *self = Self::default();
        }
        self.stamp != before
    }

    fn try_refresh(&mut self, root: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        let file = match read::open_in_root(root, c"etc/passwd") {
            // Before Linux 5.6, or a seccomp filter that does not know openat2.
            Err(Errno(libc::ENOSYS | libc::EPERM)) => read::open_at(root, c"etc/passwd")?,
            opened => opened?,
        };
        let stat = read::stat(file.as_fd())?;
        if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Errno(libc::EINVAL));
        }
        let stamp = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        if self.stamp != Some(stamp) {
            let cut = read::read_all(file.as_fd(), buffer, SMALL)?;
            let whole = if cut { buffer.iter().rposition(|byte| *byte == b'\n').unwrap_or(0) } else { buffer.len() };
            self.users = parse::passwd(buffer.get(..whole).unwrap_or_default());
            self.stamp = Some(stamp);
        }
        Ok(())
    }

    /// The name of a uid.
    pub fn name(&self, uid: u32) -> Option<&str> {
        let at = self.users.binary_search_by_key(&uid, |(uid, _)| *uid).ok()?;
        self.users.get(at).map(|(_, name)| name.as_str())
    }
}
