//! The program under the names of its helpers ([`crate::load`], [`crate::run`]), in the
//! lab's directory, where shells and commands find them on their PATH. Made by the program,
//! for lessons that need one; gone with the lab.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Its directory in the lab's.
const NAME: &str = "bin";
/// What uses CPUs, memory, processes and disks: for lessons on control groups.
pub const LOAD: &str = "cloison-load";
/// What runs a command behind a filter: for lessons that name it among their tools.
pub const RUN: &str = "cloison-run";

/// Puts the helper of this name there: a link where everybody whom the lab may start can
/// reach the program, else a copy of `copy`. `program` is where it is, or /proc/self/exe.
pub fn provide(lab: &Path, program: &Path, copy: &Path, name: &str) -> std::io::Result<()> {
    let directory = lab.join(NAME);
    std::fs::create_dir_all(&directory)?;
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755))?;
    let place = directory.join(name);
    if place.symlink_metadata().is_ok() {
        return Ok(());
    }
    // In the grader's jail it is covered.
    match std::fs::canonicalize(program).ok().filter(|found| is(found, program) && is_open(found)) {
        Some(found) => std::os::unix::fs::symlink(found, &place),
        None => {
            std::fs::copy(copy, &place)?;
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755))
        }
    }
}

/// Whether a path leads to this very file.
fn is(found: &Path, program: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    identity(found).is_some() && identity(found) == identity(program)
}

/// Whether every user can run it: under root a box's root is another one.
fn is_open(program: &Path) -> bool {
    if !nix::unistd::geteuid().is_root() {
        return true;
    }
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.permissions().mode());
    mode(program) & 0o5 == 0o5 && program.ancestors().skip(1).all(|above| mode(above) & 0o1 == 0o1)
}

/// Where it is, for those whom a keeper started and who can reach it.
pub fn directory() -> Option<PathBuf> {
    let volumes = super::volumes::directory()?;
    Some(Path::new(&volumes).parent()?.join(NAME)).filter(|directory| directory.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_have_the_names_by_which_main_knows_them() {
        assert_eq!((LOAD, RUN), (crate::load::NAME, crate::run::NAME));
    }

    #[test]
    fn a_program_that_others_can_not_reach_is_copied() {
        let home = tempfile::tempdir().expect("a directory");
        let (lab, program) = (home.path().join("lab"), home.path().join("program"));
        std::fs::create_dir(&lab).expect("made");
        std::fs::write(&program, "#!").expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("set");
        provide(&lab, &program, &program, LOAD).expect("provided");
        let place = lab.join("bin/cloison-load");
        let data = place.symlink_metadata().expect("there");
        assert_eq!(data.is_symlink(), !nix::unistd::geteuid().is_root());
        assert_eq!(std::fs::read_to_string(&place).expect("read"), "#!");
    }
}
