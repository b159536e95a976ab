//! What a lab has made, on disk, written before each act: how a later run finds
//! and removes what a killed one left. One directory per lab, owned by the user,
//! below the runtime directory; it goes when the lab does.
//!
//! ```text
//! BASE/LAB/journal     a JSON object a line
//! BASE/LAB/ACTOR-root  copied roots
//! BASE/LAB/volumes     what outlives a box
//! ```

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sweep;
use crate::kernel::process::start_time;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first line: which boot, and which keeper.
    Lab {
        /// /proc/sys/kernel/random/boot_id: after a reboot no process is left.
        boot: String,
        /// The keeper.
        keeper: Pid,
    },
    /// An actor was forked; it does nothing before this line is written.
    Actor {
        /// Its name.
        name: String,
        /// Which process.
        pid: Pid,
    },
    /// A directory is about to be made in the lab's.
    Directory {
        /// Its name in the lab's directory.
        name: String,
    },
    /// A control group of the lab is about to be made.
    Group {
        /// Its directory.
        path: PathBuf,
    },
    /// Controllers are about to be enabled in a group that is not the lab's.
    Enabled {
        /// Its directory.
        path: PathBuf,
        /// Those that were not enabled before.
        controllers: Vec<String>,
    },
    /// The program's processes are about to be moved to a group of their own.
    Leaf {
        /// Its directory.
        path: PathBuf,
        /// The group that they were in.
        back: PathBuf,
    },
}

/// One process for the whole boot: its number and when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pid {
    /// PID on the host.
    pub pid: u32,
    /// Field 22 of /proc/PID/stat.
    pub start: u64,
}

impl Pid {
    /// The process that has this number now.
    pub fn now(pid: u32) -> Option<Self> {
        Some(Self { pid, start: start_time(pid)? })
    }

    /// Whether it still is that process. One that has ended and is not collected is
    /// none: in a container nobody may ever collect it.
    pub fn is_alive(self) -> bool {
        start_time(self.pid) == Some(self.start) && !sweep::is_zombie(self.pid)
    }
}

/// This boot's id.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Names another place for labs: for tests, and where /run can't be written.
const PLACE: &str = "CLOISON_RUNTIME_DIR";

/// Where labs live: $CLOISON_RUNTIME_DIR/cloison where that directory is the user's
/// own; else /run/cloison for root; $XDG_RUNTIME_DIR/cloison where that directory is
/// the user's own; else /tmp/cloison-UID. Copied roots must be able to run there:
/// places mounted `noexec` (Debian's /run) are passed over.
pub fn base() -> PathBuf {
    let uid = nix::unistd::geteuid().as_raw();
    let place = std::env::var_os(PLACE).map(PathBuf::from);
    if let Some(path) = place.filter(|path| path.is_absolute() && owned_directory(path, uid)) {
        return path.join("cloison");
    }
    // Root of a user namespace may see a /run that is another's.
    let writable = nix::unistd::access("/run", nix::unistd::AccessFlags::W_OK).is_ok();
    if uid == 0 && writable && owned_directory(Path::new("/run"), uid) && runs_programs(Path::new("/run")) {
        return PathBuf::from("/run/cloison");
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|path| path.is_absolute() && owned_directory(path, uid) && runs_programs(path)) {
        Some(path) => path.join("cloison"),
        None => PathBuf::from(format!("/tmp/cloison-{uid}")),
    }
}

fn owned_directory(path: &Path, uid: u32) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && data.uid() == uid)
}

/// Whether programs may be run from there, statvfs(3).
fn runs_programs(path: &Path) -> bool {
    use nix::sys::statvfs::{FsFlags, statvfs};
    statvfs(path).is_ok_and(|fs| !fs.flags().contains(FsFlags::ST_NOEXEC))
}

/// Makes the directory of a new lab. Refuses a base that is somebody else's (EACCES), or a
/// link or anything but a directory (ENOTDIR): another user may have put it into /tmp.
pub fn make_directory(base: &Path, lab: &str) -> std::io::Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    // Search permission for the lab's mapped root, who is another user under root.
    let mode = if uid == 0 { 0o711 } else { 0o700 };
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(mode);
    let directory = base.join(lab);
    loop {
        match builder.create(base) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        if let Some(other) = base.symlink_metadata().ok().filter(|_| !owned_directory(base, uid)) {
            return Err(std::io::Error::from_raw_os_error(if other.is_dir() { libc::EACCES } else { libc::ENOTDIR }));
        }
        match builder.create(&directory) {
            Ok(()) => return Ok(directory),
            // The last lab below the base has just ended, and took the base along.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes a lab's directory, and the base when it was the last.
pub fn remove_directory(directory: &Path) -> std::io::Result<()> {
    let removed = match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    if let Some(base) = directory.parent() {
        // ENOTEMPTY: another lab is there.
        let _ = std::fs::remove_dir(base);
    }
    removed
}

/// A journal being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
    /// Starts the journal of a lab whose keeper is the calling process.
    pub fn start(directory: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(directory.join("journal"))?;
        let mut journal = Self { file };
        let me = std::process::id();
        let keeper = Pid::now(me).ok_or_else(|| std::io::Error::other("/proc/self/stat"))?;
        journal.write(&Line::Lab { boot: boot_id(), keeper })?;
        Ok(journal)
    }

    /// Writes one line, in one write(2).
    pub fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }
}

/// What a journal says, as far as it can be read: a last line cut short is left out.
pub fn read(directory: &Path) -> std::io::Result<Vec<Line>> {
    let text = std::fs::read_to_string(directory.join("journal"))?;
    Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labs_are_not_put_where_programs_can_not_run() {
        const INSIDE: &str = "CLOISON_TEST_SHOW_BASE";
        if std::env::var_os(INSIDE).is_some() {
            return println!("base={}", base().display());
        }
        let name = "lab::journal::tests::labs_are_not_put_where_programs_can_not_run";
        let base = |options: &str| {
            let script =
                format!("mount -t tmpfs -o mode=755{options} run /run && exec \"$0\" --exact {name} --nocapture");
            let program = std::env::current_exe().unwrap();
            let mut unshare = std::process::Command::new("unshare");
            unshare.args(["-Urm", "sh", "-c", &script]).arg(program).env(INSIDE, "").env_remove("XDG_RUNTIME_DIR");
            let output = unshare.env_remove(PLACE).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().find_map(|line| line.split_once("base=")).expect("a base").1.to_owned()
        };
        assert_eq!(base(""), "/run/cloison");
        assert_eq!(base(",noexec"), "/tmp/cloison-0");
    }
}
