//! The files that a lesson looks at: who owns them, as one side sees it. The paths
//! are the lesson's, what is there may be anybody's: nothing is opened but as a
//! place, no link is followed at the end, and none leads out of the root directory.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use super::model::{FileSeen, Reading, Unread};
use super::passwd::Passwd;
use crate::kernel::{Errno, read};

/// The files at these paths below `root`, by path; what is not there is left out.
pub fn below(root: &Result<OwnedFd, Errno>, paths: &[String], passwd: &Passwd) -> BTreeMap<String, Reading<FileSeen>> {
    if paths.is_empty() {
        return BTreeMap::new();
    }
    let one = |path: &String| {
        let found = root.as_ref().map_err(|errno| *errno).and_then(|root| seen(root, path, passwd));
        match found {
            Ok(file) => Some((path.clone(), Reading::Read(file))),
            Err(Errno(libc::ENOENT | libc::ENOTDIR)) => None,
            Err(errno) => Some((path.clone(), Reading::Unread(Unread { path: path.clone(), errno }))),
        }
    };
    paths.iter().filter_map(one).collect()
}

fn seen(root: &OwnedFd, path: &str, passwd: &Passwd) -> Result<FileSeen, Errno> {
    let file = read::open_place(root.as_fd(), path)?;
    let stat = read::stat(file.as_fd())?;
    Ok(FileSeen {
        uid: stat.st_uid,
        gid: stat.st_gid,
        user: passwd.name(stat.st_uid).map(str::to_owned),
        mode: mode(stat.st_mode),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        device: stat.st_dev,
        inode: stat.st_ino,
    })
}

/// `-rw-r--r--`, as ls(1).
fn mode(bits: u32) -> String {
    let kind = match bits & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    // Each class with the bit that replaces its x: set-user-ID, set-group-ID, sticky.
    for (shift, special, letter) in [(6, libc::S_ISUID, 's'), (3, libc::S_ISGID, 's'), (0, libc::S_ISVTX, 't')] {
        let may = bits >> shift;
        text.push(if may & 4 != 0 { 'r' } else { '-' });
        text.push(if may & 2 != 0 { 'w' } else { '-' });
        text.push(match (may & 1 != 0, bits & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_reads_as_ls_shows_it() {
        assert_eq!(mode(libc::S_IFREG | 0o644), "-rw-r--r--");
        assert_eq!(mode(libc::S_IFDIR | 0o1777), "drwxrwxrwt");
        assert_eq!(mode(libc::S_IFREG | 0o4711), "-rws--x--x");
        assert_eq!(mode(libc::S_IFREG | 0o2640), "-rw-r-S---");
        assert_eq!(mode(libc::S_IFLNK | 0o777), "lrwxrwxrwx");
    }

    #[test]
    fn what_is_not_there_is_left_out_and_a_link_is_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("letter"), "hello").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).expect("linked");
        std::os::unix::fs::symlink("/", directory.path().join("out")).expect("linked");
        let paths = ["/letter", "/link", "/none", "/letter/below", "/out/etc/passwd"].map(str::to_owned);
        let found = below(&read::open_dir(directory.path()), &paths, &Passwd::default());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["/letter", "/link"]);
        let letter = found["/letter"].read().expect("read");
        assert_eq!((letter.size, letter.uid), (5, nix::unistd::geteuid().as_raw()));
        assert!(found["/link"].read().expect("read").mode.starts_with('l'));
    }
}
