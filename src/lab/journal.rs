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
/// the user's own; else /tmp/cloison-UID.
pub fn base() -> PathBuf {
    let uid = nix::unistd::geteuid().as_raw();
    let place = std::env::var_os(PLACE).map(PathBuf::from);
    if let Some(path) = place.filter(|path| path.is_absolute() && owned_directory(path, uid)) {
        return path.join("cloison");
    }
    // Root of a user namespace may see a /run that is another's.
    let writable = nix::unistd::access("/run", nix::unistd::AccessFlags::W_OK).is_ok();
    if uid == 0 && writable && owned_directory(Path::new("/run"), uid) {
        return PathBuf::from("/run/cloison");
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|path| path.is_absolute() && owned_directory(path, uid)) {
        Some(path) => path.join("cloison"),
        None => PathBuf::from(format!("/tmp/cloison-{uid}")),
    }
}

fn owned_directory(path: &Path, uid: u32) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && data.uid() == uid)
}

/// Makes the directory of a new lab. Refuses a base that is somebody else's or a
/// link (another user may have put it into /tmp).
pub fn make_directory(base: &Path, lab: &str) -> std::io::Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    // Search permission for the lab's mapped root, who is another user under root.
    let mode = if uid == 0 { 0o711 } else { 0o700 };
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(mode);
    match builder.create(base) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    if !owned_directory(base, uid) {
        let message = format!("{} is not a directory of this user", base.display());
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message));
    }
    let directory = base.join(lab);
    builder.create(&directory)?;
    Ok(directory)
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
