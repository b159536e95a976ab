//! Files that are there whole or not at all: written beside their place, made durable,
//! and renamed over it (rename(2)).

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// How the names of unfinished files begin: what a killed run leaves of them.
pub const UNFINISHED: &str = ".cloison-";

/// Writes a file. The umask takes from its mode what this user does not want others to
/// read.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_and(path, bytes, |_| Ok(()))
}

/// As [`write`]; `before` does what has to be done to the file before it is in its place.
pub fn write_and(path: &Path, bytes: &[u8], before: impl FnOnce(&File) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    let mut file =
        builder.prefix(UNFINISHED).permissions(Permissions::from_mode(0o666)).tempfile_in(directory(path))?;
    file.write_all(bytes)?;
    before(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The directory that a file is in.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
