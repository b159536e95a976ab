//! The group that the actors of a lab are born in, `cloison-LAB-actors`, and with them
//! all that descends from them: a sure list of who belongs to the lab, an end for all at
//! once, and limits where they cost nothing. In the tree of version 2, with or without
//! controllers; nobody is moved into it, since a move waits for all CPUs (a grace period
//! of RCU, some 14 ms), and a birth does not.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::place::may_write;
use super::{Cgroups, Failed, end, note};
use crate::kernel::cgroup::{self, Tree, Trees, rmdir};
use crate::kernel::process::{self, Side};
use crate::kernel::{Errno, Trace, mount as kernel, read};
use crate::lab::journal::{Journal, Line};

/// What its name ends with.
pub(super) const SUFFIX: &str = "-actors";
/// The most processes and threads in it: enough for any lesson, and the end of a fork
/// bomb that no user namespace bounds.
const MOST_PROCESSES: u64 = 2048;

/// The group.
#[derive(Debug)]
pub(super) struct Actors {
    pub(super) path: PathBuf,
    directory: OwnedFd,
    /// `cgroup.events`.
    events: File,
    /// Whether somebody has been born in it, and lived.
    proven: bool,
}

impl Actors {
    /// Makes it, with its limits where the group above gives it the controllers.
    fn make(path: &Path) -> Result<Self, Errno> {
        kernel::mkdir(&mut Trace::default(), path, 0o755)?;
        let open = || -> Result<Self, Errno> {
            let events = File::open(path.join("cgroup.events"));
            let made = Self {
                path: path.to_owned(),
                directory: read::open_dir(path)?,
                events: events.map_err(|error| Errno::from(&error))?,
                proven: false,
            };
            made.limit();
            Ok(made)
        };
        open().inspect_err(|_| {
            let _ = rmdir(&mut Trace::default(), path);
        })
    }

    /// Half of the machine's memory, and so many processes. Without the controllers the
    /// files are not there.
    fn limit(&self) {
        let half = nix::sys::sysinfo::sysinfo().map(|info| info.ram_total() / 2).ok();
        for (name, most) in [("pids.max", Some(MOST_PROCESSES)), ("memory.max", half)] {
            if let (Some(most), Ok(mut file)) = (most, File::options().write(true).open(self.path.join(name))) {
                let _ = file.write_all(most.to_string().as_bytes());
            }
        }
    }

    /// A line of `cgroup.events`, cgroups(7); nothing where the group is gone.
    fn event(&self, name: &str) -> Option<bool> {
        let mut text = [0; 128];
        let length = self.events.read_at(&mut text, 0).ok()?;
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(|value| value == "1"))
    }

    /// Whether it is as new: nobody is in it, it does not stand still, and it has no
    /// group below it, which would be a link more, as in any directory.
    fn is_fresh(&self) -> bool {
        self.event("populated") == Some(false)
            && self.event("frozen") == Some(false)
            && read::stat(self.directory.as_fd()).is_ok_and(|stat| stat.st_nlink == 2)
    }
}

impl Cgroups {
    /// fork(2); the child is in the group for actors, where one can be had. EAGAIN where
    /// that is full.
    pub fn fork(&mut self, journal: &mut Journal) -> Result<Side, Errno> {
        for _ in 0..2 {
            if self.actors.is_none() && !self.ungrouped && !self.nowhere {
                match self.place_of_actors() {
                    Ok(place) => self.actors = self.make_actors(journal, &place).ok(),
                    Err(_) => self.nowhere = true,
                }
                self.ungrouped = self.actors.is_none();
            }
            let Some(actors) = &mut self.actors else { break };
            match process::fork_into(actors.directory.as_fd()) {
                Ok(Side::Parent(pid)) if !actors.proven && is_killed(pid) => {
                    process::wait_for(pid);
                    self.clear_actors(false);
                }
                Ok(side) => {
                    actors.proven = true;
                    return Ok(side);
                }
                Err(errno @ Errno(libc::EAGAIN | libc::ENOMEM)) => return Err(errno),
                // This kernel, or a filter, does not have it, or somebody took the group
                // away.
                Err(_) => {
                    self.clear_actors(false);
                    self.ungrouped = true;
                }
            }
        }
        process::fork(&mut Trace::default())
    }

    fn make_actors(&mut self, journal: &mut Journal, place: &Path) -> Result<Actors, Failed> {
        let path = place.join(format!("{}{SUFFIX}", self.name()));
        note(journal, &Line::Group { path: path.clone() })?;
        self.places.entry(place.to_owned()).or_default();
        Actors::make(&path).map_err(|errno| (errno, path.display().to_string()))
    }

    /// Where the lab has a group of version 2: beside it. Else below the nearest group,
    /// from the own one upwards, that gives limits to those below it; else, without
    /// limits, below the own one. No file is written there, and no bus is asked.
    fn place_of_actors(&self) -> Result<PathBuf, Failed> {
        if let Some(place) = self.base_of_version_2().and_then(Path::parent) {
            return Ok(place.to_owned());
        }
        let nowhere = || (Errno(libc::ENOENT), "/proc/self/cgroup".to_owned());
        let trees = Trees::read()?;
        let tree = trees.unified().ok_or_else(nowhere)?;
        let own = trees.own(tree).ok_or_else(nowhere)?;
        let limits = |place: &&Path| {
            let given = std::fs::read_to_string(place.join("cgroup.subtree_control")).unwrap_or_default();
            given.split_ascii_whitespace().any(|one| ["memory", "pids"].contains(&one))
        };
        let places = own.ancestors().take_while(|place| place.starts_with(&tree.mount));
        match places.filter(limits).find(|place| may_write(place).is_ok()) {
            Some(place) => Ok(place.to_owned()),
            None => may_write(&own).map(|()| own),
        }
    }

    pub(super) fn base_of_version_2(&self) -> Option<&Path> {
        let number = self.trees.as_ref()?.trees.iter().position(Tree::is_v2)?;
        self.bases.get(&number).map(PathBuf::as_path)
    }

    /// Where the group for actors is in this tree, if it has one.
    pub(super) fn actors_in(&self, tree: &Tree) -> Option<&Path> {
        self.actors.as_ref().filter(|_| tree.is_v2()).map(|actors| actors.path.as_path())
    }

    /// Whether the actors that are where they were born stand still.
    pub(super) fn are_actors_frozen(&self) -> bool {
        self.actors.as_ref().is_some_and(|actors| actors.event("frozen") == Some(true))
    }

    /// SIGKILL to everybody in the group for actors and below it, all at once, however
    /// fast they fork; does not wait. Before Linux 5.14 there is no such file, and its
    /// removal does it. Nobody is born in it afterwards ([`is_killed`]).
    pub fn kill_actors(&mut self) {
        if self.actors.as_ref().is_some_and(|actors| actors.event("populated") != Some(false)) {
            self.lost.extend(self.actors.take());
            for actors in &self.lost {
                // ENODEV: somebody has removed it, so nobody is in it.
                let _ = cgroup::write(&mut Trace::default(), &actors.path.join("cgroup.kill"), "1");
            }
        }
    }

    /// An actor has died that nobody here has killed: perhaps its whole group was
    /// ([`is_killed`]).
    pub fn doubt_actors(&mut self) {
        if let Some(actors) = &mut self.actors {
            actors.proven = false;
        }
    }

    /// Takes the group for actors away, whoever is still in it; what is left, by path,
    /// is tried again the next time. With `keep` it stays for the next actors, unless
    /// somebody has changed it.
    pub fn clear_actors(&mut self, keep: bool) -> Vec<(PathBuf, Errno)> {
        self.ungrouped = false;
        match self.actors.take() {
            Some(actors) if keep && actors.is_fresh() => {
                actors.limit();
                self.actors = Some(actors);
            }
            other => self.lost.extend(other),
        }
        let mut left = Vec::new();
        self.lost.retain(|actors| {
            if let Ok(()) | Err(Errno(libc::ENOENT)) = rmdir(&mut Trace::default(), &actors.path) {
                return false;
            }
            end::kill_all(std::slice::from_ref(&actors.path));
            let stays = end::remove_tree(&actors.path);
            let is_left = !stays.is_empty();
            left.extend(stays);
            is_left
        });
        left
    }
}

/// Whether a newborn child has a SIGKILL coming: on Linux 6.18 it dies at its birth in a
/// group by CLONE_INTO_CGROUP where that group was ever killed (`cgroup.kill`) and its
/// parent's was not, or the other way round.
fn is_killed(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let pending = line("ShdPnd:").and_then(|set| u64::from_str_radix(set, 16).ok()).unwrap_or_default();
    let is_over = line("State:").is_none_or(|state| state.starts_with(['Z', 'X']));
    is_over || pending & 1 << (libc::SIGKILL - 1) != 0
}
