//! The control groups of one lab: the keeper's part. Groups are made below a group of
//! the lab's own, `cloison-LAB`, in each tree that they need; lessons speak of files and
//! values as version 2 has them. Everything is journalled before it is made, and goes
//! when the lab does. No group that the lab did not make is written to, but for the
//! place below which it makes its own: there a controller may have to be enabled.

mod actors;
pub mod end;
pub mod jail;
mod members;
mod place;
mod shared;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use actors::Actors;

use super::journal::{Journal, Line};
use super::ops::{Outcome, doing};
use crate::kernel::cgroup::{self, Tree, Trees, is_frozen};
use crate::kernel::{Errno, Trace, mount as kernel};
use crate::lesson::op::{CgroupOp, Controller};

/// Names the directory of links to the lab's groups, one per controller:
/// `ls $CGROUP/memory`.
pub const VARIABLE: &str = "CGROUP";
/// Its name in the lab's directory.
pub const NAME: &str = "cgroup";
/// What the name of a lab's group starts with.
pub const PREFIX: &str = "cloison-";

type Failed = (Errno, String);

/// Where the links to this lab's groups are: for those whom a keeper started.
pub fn links() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|path| path.starts_with('/'))
}

/// The groups of a lab.
#[derive(Debug, Default)]
pub struct Cgroups {
    /// The lab's directory.
    directory: PathBuf,
    /// The program.
    program: u32,
    /// The controllers that the lesson will need.
    wanted: Vec<Controller>,
    trees: Option<Trees>,
    /// The lab's own group in each tree that it has one in, by the tree's number.
    bases: BTreeMap<usize, PathBuf>,
    /// The group that the program's processes were moved to, and where they were.
    leaf: Option<(PathBuf, PathBuf)>,
    /// The groups of version 2 that its own are in, which are not the lab's, with the
    /// controllers that it enabled there.
    places: BTreeMap<PathBuf, Vec<String>>,
    /// The group that actors are born in.
    actors: Option<Actors>,
    /// Those that no actor could be born in any more.
    lost: Vec<Actors>,
    /// Whether none could be made; tried again for the next lab.
    ungrouped: bool,
    /// Whether there is no place for one: asked again when a lesson wants groups.
    nowhere: bool,
}

impl Cgroups {
    /// Of the lab with this directory; nothing is made yet. `program` is the PID of the
    /// one whose processes may be moved.
    pub fn new(directory: &Path, program: u32) -> Self {
        Self { directory: directory.to_owned(), program, ..Self::default() }
    }

    /// The lab's.
    fn lab(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The name of the lab's own group.
    fn name(&self) -> String {
        format!("{PREFIX}{}", self.lab())
    }

    /// Whether the lab has a group by now.
    pub fn in_use(&self) -> bool {
        !self.bases.is_empty()
    }

    /// The lab's own group in each tree that it has one in.
    pub fn bases(&self) -> Vec<PathBuf> {
        self.bases.values().cloned().collect()
    }

    /// The lesson will need these: its own groups are made now, with links to them, so
    /// that a student can make groups below them. The first that can't be had is why
    /// not.
    pub fn prepare(&mut self, wanted: Vec<Controller>, journal: &mut Journal) -> Result<(), Failed> {
        self.wanted = wanted;
        (self.ungrouped, self.nowhere) = (false, false);
        let trace = &mut Trace::default();
        for (tree, controllers) in self.trees_for(&self.wanted.clone())? {
            let base = self.base(trace, journal, tree)?;
            self.enable_outside(trace, journal, &base, &controllers)?;
            enable(trace, &base, &controllers)?;
        }
        if self.base_of_version_2().is_some() {
            // The next ones are born beside it.
            self.lost.extend(self.actors.take());
        }
        self.link()
    }

    fn trees(&mut self) -> Result<&Trees, Failed> {
        if self.trees.is_none() {
            self.trees = Some(Trees::read()?);
        }
        self.trees.as_ref().ok_or((Errno(libc::ENOENT), "cgroup".to_owned()))
    }

    fn tree(&self, number: usize) -> Option<&Tree> {
        self.trees.as_ref()?.trees.get(number)
    }

    /// The trees that a group with these controllers is made in, each with those of
    /// version 2 that must be enabled for it. Every group can be frozen and killed:
    /// where no other tree gives that, there is one for it.
    fn trees_for(&mut self, controllers: &[Controller]) -> Result<BTreeMap<usize, Vec<String>>, Failed> {
        let trees = self.trees()?;
        let number = |tree: &Tree| trees.trees.iter().position(|other| other == tree).unwrap_or_default();
        let unified = trees.unified().map(number);
        let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for controller in controllers {
            let name = controller.name();
            let legacy: Vec<usize> =
                cgroup::legacy_names(name).iter().filter_map(|one| trees.legacy(one)).map(number).collect();
            for tree in &legacy {
                found.entry(*tree).or_default();
            }
            if legacy.is_empty() {
                let unified = unified.ok_or_else(|| (Errno(libc::EOPNOTSUPP), format!("cgroup {name}")))?;
                let enabled = found.entry(unified).or_default();
                if !cgroup::is_core(name) {
                    enabled.push(name.to_owned());
                }
            }
        }
        let freezer = trees.legacy("freezer").map(number);
        if unified.is_none_or(|unified| !found.contains_key(&unified))
            && let Some(core) = freezer.or(unified)
        {
            found.entry(core).or_default();
        }
        if found.is_empty() {
            return Err((Errno(libc::ENOENT), "cgroup".to_owned()));
        }
        Ok(found)
    }

    /// The lab's own group in a tree, made where it is not there yet.
    fn base(&mut self, trace: &mut Trace, journal: &mut Journal, tree: usize) -> Result<PathBuf, Failed> {
        if let Some(base) = self.bases.get(&tree) {
            return Ok(base.clone());
        }
        let place = self.place(trace, journal, tree)?;
        let base = place.join(self.name());
        note(journal, &Line::Group { path: base.clone() })?;
        make(trace, &base)?;
        self.bases.insert(tree, base.clone());
        if self.tree(tree).is_some_and(Tree::is_v2) {
            self.places.entry(place).or_default();
        }
        let controllers = self.wanted_in(tree)?;
        self.enable_outside(trace, journal, &base, &controllers)?;
        Ok(base)
    }

    /// A link per controller to the lab's own group, for shells.
    fn link(&self) -> Result<(), Failed> {
        let directory = self.directory.join(NAME);
        let failed = |error: std::io::Error| (Errno::from(&error), directory.display().to_string());
        std::fs::create_dir_all(&directory).map_err(failed)?;
        std::fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(failed)?;
        for controller in &self.wanted {
            let name = controller.name();
            let base = self.home_of(name).and_then(|tree| self.bases.get(&tree));
            if let Some(base) = base {
                match std::os::unix::fs::symlink(base, directory.join(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The tree whose groups have the files of a controller, `cgroup` for those of all.
    fn home_of(&self, controller: &str) -> Option<usize> {
        let trees = self.trees.as_ref()?;
        let legacy = cgroup::legacy_names(controller).iter().find_map(|one| trees.legacy(one));
        let tree = legacy.or_else(|| trees.unified())?;
        trees.trees.iter().position(|other| other == tree)
    }

    /// The directories of a group, by the tree's number, those that are there.
    fn directories(&self, group: &str) -> BTreeMap<usize, PathBuf> {
        let one = |(tree, base): (&usize, &PathBuf)| (*tree, base.join(group));
        self.bases.iter().map(one).filter(|(_, path)| path.is_dir()).collect()
    }

    fn existing(&self, group: &str) -> Result<BTreeMap<usize, PathBuf>, Failed> {
        let found = self.directories(group);
        if found.is_empty() { Err((Errno(libc::ENOENT), format!("cgroup {group}"))) } else { Ok(found) }
    }

    /// The group's directory in the tree of version 2.
    fn unified<'a>(&self, directories: &'a BTreeMap<usize, PathBuf>) -> Option<&'a PathBuf> {
        directories.iter().find(|(tree, _)| self.tree(**tree).is_some_and(Tree::is_v2)).map(|(_, path)| path)
    }

    /// Its directory in the tree of the freezer of version 1.
    fn freezer<'a>(&self, directories: &'a BTreeMap<usize, PathBuf>) -> Option<&'a PathBuf> {
        let is_freezer = |tree: &Tree| tree.controllers.iter().any(|one| one == "freezer");
        directories.iter().find(|(tree, _)| self.tree(**tree).is_some_and(is_freezer)).map(|(_, path)| path)
    }

    /// Carries out an op, as far as it is not the actor's own; `actor` is the actor's
    /// PID on the host.
    pub fn perform(&mut self, trace: &mut Trace, journal: &mut Journal, op: &CgroupOp, actor: u32) -> Outcome {
        match op {
            CgroupOp::Create { group, controllers } => self.create(trace, journal, group, controllers),
            CgroupOp::Set { group, file, to } => self.set(trace, group, file, to),
            CgroupOp::Join { group } => {
                let mut paths = self.existing(group)?.into_values();
                paths.try_for_each(|path| put(trace, &path.join("cgroup.procs"), &actor.to_string()))
            }
            CgroupOp::Leave => self.leave(trace, actor),
            CgroupOp::Freeze { group } => self.freeze(trace, group, true),
            CgroupOp::Thaw { group } => self.freeze(trace, group, false),
            CgroupOp::Kill { group } => self.kill(trace, group),
            CgroupOp::Remove { group } => {
                self.existing(group)?.values().try_for_each(|path| end::remove_empty(trace, path))
            }
            CgroupOp::Delegate { group } => {
                let mut paths = self.existing(group)?.into_values();
                paths.try_for_each(|path| delegate(trace, &path, actor))
            }
            CgroupOp::Devices { group, allow } => self.devices(trace, group, allow),
        }
    }

    fn create(&mut self, trace: &mut Trace, journal: &mut Journal, group: &str, controllers: &[Controller]) -> Outcome {
        // The place must have them: it is looked for when the first group is made.
        self.wanted.extend(controllers.iter().filter(|one| !self.wanted.contains(one)).copied().collect::<Vec<_>>());
        for (tree, enabled) in self.trees_for(controllers)? {
            let base = self.base(trace, journal, tree)?;
            let path = base.join(group);
            // From the lab's own group down to the one above: what is enabled there is
            // what the groups below have.
            let mut above: Vec<&Path> = path.ancestors().skip(1).take_while(|above| above.starts_with(&base)).collect();
            above.reverse();
            if !enabled.is_empty() {
                self.enable_outside(trace, journal, &base, &enabled)?;
            }
            for one in above {
                enable(trace, one, &enabled)?;
            }
            doing(kernel::mkdir(trace, &path, 0o755), || format!("mkdir {}", path.display()))?;
            furnish(trace, &path)?;
        }
        Ok(())
    }

    /// What an actor must write its number to, to enter a group; the keeper does it for
    /// an actor that can't reach them.
    pub fn doors(&self, group: &str) -> Result<Vec<PathBuf>, Failed> {
        Ok(self.existing(group)?.into_values().map(|path| path.join("cgroup.procs")).collect())
    }

    fn leave(&mut self, trace: &mut Trace, actor: u32) -> Outcome {
        // The keeper may have been moved since.
        let trees = Trees::read()?;
        for number in self.bases.keys() {
            let tree = trees.trees.get(*number);
            let own = tree.and_then(|tree| self.actors_in(tree).map(Path::to_owned).or_else(|| trees.own(tree)));
            let own = own.ok_or_else(|| (Errno(libc::ENOENT), "/proc/self/cgroup".to_owned()))?;
            put(trace, &own.join("cgroup.procs"), &actor.to_string())?;
        }
        Ok(())
    }

    /// Whether a group of the lab is frozen.
    pub fn is_frozen(&self, group: &str) -> bool {
        self.directories(group).values().any(|path| is_frozen(path) == Some(true))
    }

    /// Whether a process is in a frozen group: it will answer nothing.
    pub fn has_frozen(&self, pid: u32) -> bool {
        let Some(trees) = self.trees.as_ref().filter(|_| self.in_use()) else { return self.are_actors_frozen() };
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let groups = cgroup::groups(&text);
        let frozen = |tree: &Tree| {
            let (_, path) = groups.iter().find(|(controllers, _)| tree.is(controllers))?;
            is_frozen(&tree.group(path)?)
        };
        [trees.unified(), trees.legacy("freezer")].into_iter().flatten().any(|tree| frozen(tree) == Some(true))
    }

    /// Kills every member of the lab's groups, frozen ones among them.
    pub fn kill_all(&mut self) {
        if self.in_use() {
            end::kill_all(&self.bases());
        }
    }

    /// Removes the lab's groups, and takes back what was done for them. What is left,
    /// by path.
    pub fn remove(&mut self) -> Vec<(PathBuf, Errno)> {
        let mut left = Vec::new();
        for (_, base) in std::mem::take(&mut self.bases) {
            left.extend(end::remove_tree(&base));
        }
        for (place, enabled) in std::mem::take(&mut self.places) {
            shared::settle(&place, &self.lab(), &enabled);
        }
        // What the actors' group stays in, for the next lesson.
        let place = self.actors.as_ref().and_then(|actors| actors.path.parent());
        self.places.extend(place.map(|place| (place.to_owned(), Vec::new())));
        if let Some((leaf, back)) = self.leaf.take() {
            left.extend(end::leave_leaf(&leaf, &back));
        }
        self.trees = None;
        left
    }
}

/// The most groups that are looked at below one.
pub(super) const MOST: usize = 1000;

fn note(journal: &mut Journal, line: &Line) -> Result<(), Failed> {
    journal.write(line).map_err(|error| (Errno::from(&error), "journal".to_owned()))
}

/// mkdir(2) of a group of the lab's own.
fn make(trace: &mut Trace, path: &Path) -> Outcome {
    doing(kernel::mkdir(trace, path, 0o755), || format!("mkdir {}", path.display()))?;
    furnish(trace, path)
}

/// A group of version 1's cpuset has no CPU and no memory node at first, and can't be
/// entered (cpusets(7)): it gets those of the group above.
fn furnish(trace: &mut Trace, path: &Path) -> Outcome {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        // Version 2 has the group's own choice there, and may have none.
        if path.join("cpuset.effective_cpus").exists()
            && let Some(above) = path.parent().and_then(|above| std::fs::read_to_string(above.join(file)).ok())
        {
            put(trace, &path.join(file), above.trim())?;
        }
    }
    Ok(())
}

fn put(trace: &mut Trace, path: &Path, text: &str) -> Outcome {
    doing(cgroup::write(trace, path, text), || path.display().to_string())
}

/// Enables controllers of version 2 for the groups below one; those that are enabled
/// already are left out.
fn enable(trace: &mut Trace, path: &Path, controllers: &[String]) -> Outcome {
    let missing = missing(path, controllers);
    if missing.is_empty() {
        return Ok(());
    }
    let here = path.join("cgroup.controllers");
    let had = std::fs::read_to_string(&here).unwrap_or_default();
    if let Some(lacking) = missing.iter().find(|one| had.split_ascii_whitespace().all(|other| other != *one)) {
        return Err((Errno(libc::EOPNOTSUPP), format!("{lacking}: {}", here.display())));
    }
    let words: Vec<String> = missing.iter().map(|one| format!("+{one}")).collect();
    put(trace, &path.join("cgroup.subtree_control"), &words.join(" "))
}

/// The controllers that a group does not give to those below it.
fn missing(path: &Path, controllers: &[String]) -> Vec<String> {
    if controllers.is_empty() {
        return Vec::new();
    }
    let enabled = std::fs::read_to_string(path.join("cgroup.subtree_control")).unwrap_or_default();
    let enabled: Vec<&str> = enabled.split_ascii_whitespace().collect();
    controllers.iter().filter(|one| !enabled.contains(&one.as_str())).cloned().collect()
}

/// chown(2) of what a delegate must be able to write, cgroups(7) and
/// /sys/kernel/cgroup/delegate: the directory and who is where, none of the limits.
fn delegate(trace: &mut Trace, path: &Path, actor: u32) -> Outcome {
    let names = ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks"];
    for path in names.iter().map(|name| if name.is_empty() { path.to_owned() } else { path.join(name) }) {
        if path.exists() {
            doing(super::maps::give_traced(trace, &path, actor), || format!("chown {}", path.display()))?;
        }
    }
    Ok(())
}
