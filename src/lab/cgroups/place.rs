//! Where a lab's own groups are made: below the caller's own group, or the nearest one
//! above it that can have groups with the controllers needed.

use std::path::{Path, PathBuf};

use super::super::journal::{Journal, Line};
use super::super::sweep;
use super::actors::SUFFIX;
use super::{Cgroups, Failed, PREFIX, make, missing, note, put, shared};
use crate::kernel::cgroup::{self, Trees};
use crate::kernel::{Errno, Trace};

/// What the name of the leaf for the program's own processes ends with.
const LEAF: &str = "-program";

impl Cgroups {
    /// The group below which the lab's own is made in a tree.
    ///
    /// Version 1: the caller's own group there. Version 2: the own group where that may
    /// have groups with controllers below it, else the nearest above that may; a group
    /// with processes can't (cgroups(7), "no internal processes"), but for the root of
    /// the tree, and but for one that only has the program's own, which are moved to a
    /// leaf.
    pub(super) fn place(&mut self, trace: &mut Trace, journal: &mut Journal, tree: usize) -> Result<PathBuf, Failed> {
        let nowhere = || (Errno(libc::ENOENT), "/proc/self/cgroup".to_owned());
        let controllers = self.wanted_in(tree)?;
        let trees = self.trees()?;
        let this = trees.trees.get(tree).ok_or_else(nowhere)?;
        let own = trees.own(this).ok_or_else(nowhere)?;
        if !this.is_v2() {
            may_write(&own)?;
            return Ok(own);
        }
        let mount = this.mount.clone();
        let mut refused = None;
        // A leaf of the program's is another lab's, and goes when that one ends: beside it.
        let places = own.ancestors().take_while(|place| place.starts_with(&mount)).filter(|place| !is_leaf(place));
        for place in places {
            match suits(place, &controllers, self.program) {
                Ok(Fit::Empty) => return Ok(place.to_owned()),
                Ok(Fit::Ours) if place == own => {
                    self.move_out(trace, journal, place)?;
                    return Ok(place.to_owned());
                }
                // The reason that is nearest to the user is told.
                Ok(Fit::Ours) => {}
                Err(failed) => refused = refused.or(Some(failed)),
            }
        }
        Err(refused.unwrap_or_else(nowhere))
    }

    /// The controllers of version 2 that the lesson needs of a tree.
    pub(super) fn wanted_in(&mut self, tree: usize) -> Result<Vec<String>, Failed> {
        Ok(self.trees_for(&self.wanted.clone())?.remove(&tree).unwrap_or_default())
    }

    /// Controllers for the lab's own group, of the group that it is in.
    pub(super) fn enable_outside(
        &mut self,
        trace: &mut Trace,
        journal: &mut Journal,
        base: &Path,
        controllers: &[String],
    ) -> Result<(), Failed> {
        let Some(place) = base.parent().filter(|_| !controllers.is_empty()) else { return Ok(()) };
        let enabled = self.places.entry(place.to_owned()).or_default();
        shared::share(trace, place, controllers, |missing| {
            enabled.extend_from_slice(missing);
            note(journal, &Line::Enabled { path: place.to_owned(), controllers: missing.to_vec() })
        })
    }

    /// Moves the program's processes from a group that only they are in to a leaf
    /// below it.
    fn move_out(&mut self, trace: &mut Trace, journal: &mut Journal, place: &Path) -> Result<(), Failed> {
        let leaf = place.join(format!("{}{LEAF}", self.name()));
        note(journal, &Line::Leaf { path: leaf.clone(), back: place.to_owned() })?;
        make(trace, &leaf)?;
        self.leaf = Some((leaf.clone(), place.to_owned()));
        for pid in cgroup::members(place).map_err(|errno| (errno, place.display().to_string()))? {
            match put(trace, &leaf.join("cgroup.procs"), &pid.to_string()) {
                // It has just ended.
                Err((Errno(libc::ESRCH), _)) => {}
                other => other?,
            }
        }
        self.trees = Some(Trees::read()?);
        Ok(())
    }
}

/// How a group may serve as a place.
enum Fit {
    /// It has no processes, or is the root of the tree.
    Empty,
    /// It has only the program's.
    Ours,
}

fn suits(place: &Path, controllers: &[String], program: u32) -> Result<Fit, Failed> {
    may_write(place)?;
    let shown = || place.display().to_string();
    let read = |file: &str| {
        let path = place.join(file);
        std::fs::read_to_string(&path).map_err(|error| (Errno::from(&error), path.display().to_string()))
    };
    let here = read("cgroup.controllers")?;
    if let Some(lacking) = controllers.iter().find(|one| here.split_ascii_whitespace().all(|other| other != *one)) {
        return Err((Errno(libc::EOPNOTSUPP), format!("{lacking}: {}/cgroup.controllers", shown())));
    }
    // Only the root of the whole tree has no type.
    if !place.join("cgroup.type").exists() || missing(place, controllers).is_empty() {
        return Ok(Fit::Empty);
    }
    let members = cgroup::members(place).map_err(|errno| (errno, shown()))?;
    if members.is_empty() {
        return Ok(Fit::Empty);
    }
    let ours = sweep::descendants(&[program]);
    // 0 is one of another PID namespace.
    if members.iter().all(|pid| ours.contains(pid)) {
        return Ok(Fit::Ours);
    }
    Err((Errno(libc::EBUSY), format!("{}/cgroup.procs", shown())))
}

/// Whether groups can be made and entered below this one: by another user's leave only,
/// where it is another's.
pub(super) fn may_write(place: &Path) -> Result<(), Failed> {
    use nix::unistd::{AccessFlags, access};
    for path in [place.to_owned(), place.join("cgroup.procs")] {
        access(&path, AccessFlags::W_OK).map_err(|errno| (Errno::from(errno), path.display().to_string()))?;
    }
    Ok(())
}

/// Whether a group is a leaf that some lab has moved its program to.
fn is_leaf(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(LEAF)
}

/// Whether a group is some lab's that may have limits.
pub(super) fn has_limits(path: &Path) -> bool {
    path.file_name().unwrap_or_default().to_string_lossy().starts_with(PREFIX) && !is_leaf(path)
}

/// Whether a path is that of a lab's own group, of its actors' or of the leaf beside it.
pub(in crate::lab) fn is_labs(path: &Path, lab: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ours = format!("{PREFIX}{lab}");
    ["", SUFFIX, LEAF].iter().any(|end| name == format!("{ours}{end}"))
}
