//! Control groups: which trees there are, and the lab's own groups with their members
//! and files, by the names of version 2. Used by the sampler where a lesson is about
//! groups; reads only.

pub mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::{Reading, Unread};
use crate::kernel::Errno;
use crate::kernel::cgroup::{self, Tree, Trees, files};

/// The most groups that are looked at.
const MOST_GROUPS: usize = 32;
/// The most members of a group that are listed.
const MOST_MEMBERS: usize = 256;
/// The most that is kept of a value, in bytes.
const MOST_BYTES: usize = 4096;

/// The control groups of the machine, as far as the lab has to do with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    /// `v2`, `hybrid`, `v1` or `none`: what is mounted.
    pub mode: String,
    /// The trees that are mounted.
    pub trees: Vec<TreeSeen>,
    /// The controllers that the kernel has, by its names for them.
    pub controllers: BTreeMap<String, Bound>,
    /// The disk that the system's files are on, `major:minor`: `$DISK` in shells.
    pub disk: Option<String>,
    /// The groups of the lab, by their names in the lesson; `/` is the lab's own.
    pub groups: BTreeMap<String, Group>,
}

/// A tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeSeen {
    /// 1 or 2.
    pub version: u8,
    /// The controllers bound to it, `name=…` for one without; for version 2 those that
    /// its uppermost group in view has.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: String,
    /// The path of the group that this program is in.
    pub own: String,
}

/// Where a controller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// 1 or 2; nothing where it is bound to no tree in view.
    pub version: Option<u8>,
    /// Where that tree is mounted.
    pub mount: Option<String>,
    /// Whether the kernel was started with it, /proc/cgroups.
    pub enabled: bool,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Where it is, by controller (names of version 2): in version 2 the same for all
    /// that it has, in version 1 a directory in each controller's tree.
    pub at: BTreeMap<String, GroupAt>,
    /// Who is in it, in any tree: PIDs as the reader has them, ascending; at most 256.
    pub members: Vec<u32>,
    /// Whether all its members stand still; nothing where it can't be frozen.
    pub frozen: Option<bool>,
    /// The devices that its members may use, as version 1's `devices.list` has them; in
    /// version 2 those that each program attached to it allows, nothing where there is
    /// none. EPERM: only root can ask for those.
    pub devices: Option<Reading<Vec<String>>>,
    /// What it may use of the CPUs and has used lately; nothing where neither is known.
    pub cpu: Option<usage::Cpu>,
    /// Its files, by their names in version 2; those that the kernel lacks are left out.
    pub files: BTreeMap<String, Reading<GroupFile>>,
}

/// A group in one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAt {
    /// 1 or 2.
    pub version: u8,
    /// Its path, as in /proc/PID/cgroup.
    pub path: String,
    /// Its directory.
    pub dir: String,
    /// Who is in it there.
    pub members: Vec<u32>,
}

/// A file of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFile {
    /// Its real name: in version 1 that of the first file that it stands for.
    pub name: String,
    /// Its value in the words of version 2, without the line end.
    pub value: String,
    /// The value, where it is one number.
    pub number: Option<u64>,
    /// The number in MiB, where it is a whole number of them.
    pub mib: Option<u64>,
    /// The numbers in the value, by the names that it gives them: `nr_throttled`,
    /// `oom_kill`; of `cpu.max` `quota` and `period`.
    pub fields: BTreeMap<String, u64>,
    /// In version 1: the files that were read, and what they said.
    pub v1: Vec<LegacyFile>,
}

/// A file of version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyFile {
    /// Its name.
    pub name: String,
    /// What it said, without the line end.
    pub value: String,
}

/// The groups below the lab's own, which are `bases`, one per tree.
pub fn cgroups(bases: &[PathBuf]) -> Cgroups {
    let trees = Trees::read().unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for base in bases {
        for group in cgroup::below(base, MOST_GROUPS) {
            if let Ok(below) = group.strip_prefix(base) {
                let name = below.to_string_lossy().into_owned();
                if !names.contains(&name) && names.len() < MOST_GROUPS {
                    names.push(name);
                }
            }
        }
    }
    let group = |name: String| {
        let directories: Vec<(&Tree, PathBuf)> = bases
            .iter()
            .filter_map(|base| Some((tree_of(&trees, base)?, base.join(&name))))
            .filter(|(_, directory)| directory.is_dir())
            .collect();
        let group = self::group(&trees, &directories);
        (if name.is_empty() { "/".to_owned() } else { name }, group)
    };
    Cgroups {
        mode: trees.mode().name().to_owned(),
        controllers: controllers(&trees),
        disk: cgroup::usual_disk(),
        groups: names.into_iter().map(group).collect(),
        trees: trees.trees.iter().map(|tree| seen(&trees, tree)).collect(),
    }
}

/// The machine's trees, and as the one group of that name what a process is in, by its
/// paths in them: of version 1 a directory in each tree, together.
pub fn of_process(name: &str, paths: &Reading<BTreeMap<String, String>>) -> Cgroups {
    let group = of_paths(paths);
    let groups = group.read().map(|group| (name.to_owned(), group.clone())).into_iter().collect();
    Cgroups { groups, ..cgroups(&[]) }
}

/// The group that the calling process is in, as it sees it.
pub fn own() -> Reading<Group> {
    in_trees(Trees::read())
}

/// The group with these paths, of a process beside the caller, through the trees that
/// the caller sees.
pub fn of_paths(paths: &Reading<BTreeMap<String, String>>) -> Reading<Group> {
    match paths {
        Reading::Read(paths) => in_trees(Trees::read().map(|trees| Trees { own: paths.clone(), ..trees })),
        Reading::Unread(unread) => Reading::Unread(unread.clone()),
    }
}

fn in_trees(trees: Result<Trees, (Errno, String)>) -> Reading<Group> {
    match trees {
        Ok(trees) => {
            let own = |tree| Some((tree, trees.own(tree)?));
            let directories: Vec<(&Tree, PathBuf)> = trees.trees.iter().filter_map(own).collect();
            Reading::Read(group(&trees, &directories))
        }
        Err((errno, path)) => Reading::Unread(Unread { path, errno }),
    }
}

/// The tree that a directory is in.
fn tree_of<'a>(trees: &'a Trees, directory: &Path) -> Option<&'a Tree> {
    trees.trees.iter().filter(|tree| directory.starts_with(&tree.mount)).max_by_key(|tree| tree.mount.as_os_str().len())
}

fn seen(trees: &Trees, tree: &Tree) -> TreeSeen {
    let own = trees.own.iter().find(|(controllers, _)| tree.is(controllers));
    TreeSeen {
        version: version(tree),
        controllers: if tree.is_v2() { available(&tree.mount) } else { tree.controllers.clone() },
        mount: tree.mount.display().to_string(),
        own: own.map(|(_, path)| path.clone()).unwrap_or_default(),
    }
}

fn version(tree: &Tree) -> u8 {
    if tree.is_v2() { 2 } else { 1 }
}

/// The controllers that a group of version 2 has.
fn available(group: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// The controllers of /proc/cgroups, cgroups(7), and those of version 2.
fn controllers(trees: &Trees) -> BTreeMap<String, Bound> {
    let mut found = BTreeMap::new();
    for line in std::fs::read_to_string("/proc/cgroups").unwrap_or_default().lines() {
        if let [name, _, _, enabled] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            let tree = trees.legacy(name);
            let bound = Bound {
                version: tree.map(version),
                mount: tree.map(|tree| tree.mount.display().to_string()),
                enabled: enabled == "1",
            };
            found.insert(name.to_owned(), bound);
        }
    }
    if let Some(tree) = trees.unified() {
        for name in available(&tree.mount) {
            let bound = Bound { version: Some(2), mount: Some(tree.mount.display().to_string()), enabled: true };
            found.insert(name, bound);
        }
    }
    found
}

/// A group, of its directories.
fn group(trees: &Trees, directories: &[(&Tree, PathBuf)]) -> Group {
    let mut group = Group::default();
    for (tree, directory) in directories {
        let mut members = cgroup::members(directory).unwrap_or_default();
        members.retain(|pid| *pid > 0);
        members.sort_unstable();
        members.truncate(MOST_MEMBERS);
        group.members.extend(&members);
        let at = GroupAt {
            version: version(tree),
            path: tree.path(directory).unwrap_or_default(),
            dir: directory.display().to_string(),
            members,
        };
        for name in names(trees, tree, directory) {
            group.at.insert(name, at.clone());
        }
        group.frozen = group.frozen.or_else(|| cgroup::is_frozen(directory));
    }
    group.devices = devices(trees, directories);
    group.members.sort_unstable();
    group.members.dedup();
    group.members.truncate(MOST_MEMBERS);
    for known in &files::FILES {
        for size in sizes(known, directories) {
            let sized = |name: &str| name.replacen("SIZE", &size, 1);
            if let Some(file) = file(trees, directories, known, &sized) {
                group.files.insert(sized(known.name), file);
            }
        }
    }
    group
}

/// The devices that may be used.
fn devices(trees: &Trees, directories: &[(&Tree, PathBuf)]) -> Option<Reading<Vec<String>>> {
    let unread = |path: String| move |errno| Reading::Unread(Unread { path, errno });
    let legacy = trees.legacy("devices");
    if let Some((_, directory)) = directories.iter().find(|(tree, _)| Some(*tree) == legacy) {
        let path = directory.join("devices.list");
        let shown = path.display().to_string();
        let list = text(&path).map(|text| text.lines().map(str::to_owned).collect());
        return Some(list.map_or_else(unread(shown), Reading::Read));
    }
    let (_, directory) = directories.iter().find(|(tree, _)| tree.is_v2() && legacy.is_none())?;
    match cgroup::devices::allowed(directory) {
        Ok(programs) if programs.is_empty() => None,
        Ok(programs) => Some(Reading::Read(programs.into_iter().flatten().collect())),
        Err(errno) => Some(unread("bpf(2) BPF_PROG_QUERY".to_owned())(errno)),
    }
}

/// What a directory gives a group, by the names of version 2.
fn names(trees: &Trees, tree: &Tree, directory: &Path) -> Vec<String> {
    if !tree.is_v2() {
        let known = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "devices", "freezer"];
        // Of a controller with two trees the first is where its limits are.
        let here = |name: &&str| {
            cgroup::legacy_names(name).first().is_some_and(|first| tree.controllers.iter().any(|one| one == first))
        };
        return known.iter().filter(|name| here(name)).map(|name| (*name).to_owned()).collect();
    }
    let mut names = available(directory);
    // What every group has, unless version 1 has a tree for it.
    let core = ["freezer", "devices"].into_iter().filter(|name| trees.legacy(name).is_none());
    names.extend(core.map(str::to_owned));
    names
}

/// The page sizes of a file of hugetlb; one that means nothing for the others.
fn sizes(known: &files::File, directories: &[(&Tree, PathBuf)]) -> Vec<String> {
    if known.controller() != "hugetlb" {
        return vec![String::new()];
    }
    let mut found = Vec::new();
    for (tree, directory) in directories {
        if !tree.is_v2() && tree.controllers.iter().all(|one| one != "hugetlb") {
            continue;
        }
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let size = name.strip_prefix("hugetlb.").and_then(|rest| rest.split('.').next()).map(str::to_owned);
            found.extend(size);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// One file; nothing where the kernel has it in none of the directories.
fn file(
    trees: &Trees,
    directories: &[(&Tree, PathBuf)],
    known: &files::File,
    sized: &dyn Fn(&str) -> String,
) -> Option<Reading<GroupFile>> {
    let name = sized(known.name);
    for (_, directory) in directories.iter().filter(|(tree, _)| tree.is_v2()) {
        let path = directory.join(&name);
        match text(&path) {
            Ok(value) => return Some(Reading::Read(of(known.name, name, value, Vec::new()))),
            Err(Errno(libc::ENOENT)) => {}
            // A group with processes has no say in that (cgroup.type), or none to ask.
            Err(errno) => return Some(Reading::Unread(Unread { path: path.display().to_string(), errno })),
        }
    }
    let mut texts = Vec::new();
    let mut v1 = Vec::new();
    let mut failed = None;
    for (controller, old) in known.legacy {
        let tree = trees.legacy(controller);
        let directory = directories.iter().find(|(other, _)| Some(*other) == tree);
        let path = directory.map(|(_, directory)| directory.join(sized(old)));
        let read = path.as_ref().map_or(Err(Errno(libc::ENOENT)), |path| text(path));
        match read {
            Ok(value) => {
                v1.push(LegacyFile { name: sized(old), value: value.clone() });
                texts.push(Some(value));
            }
            Err(errno) => {
                failed = failed.or_else(|| Some(Unread { path: path?.display().to_string(), errno }));
                texts.push(None);
            }
        }
    }
    match (known.read(&texts), failed) {
        // Some are empty where nothing is set, which is no reason to believe in the file.
        (Some(value), _) if !v1.is_empty() => {
            let name = v1.first().map(|file| file.name.clone()).unwrap_or_default();
            Some(Reading::Read(of(known.name, name, value, v1)))
        }
        (_, Some(unread)) if unread.errno.0 != libc::ENOENT => Some(Reading::Unread(unread)),
        _ => None,
    }
}

fn text(path: &Path) -> Result<String, Errno> {
    let mut text = std::fs::read_to_string(path).map_err(|error| Errno::from(&error))?;
    text.truncate(text.trim_end().len());
    if text.len() > MOST_BYTES {
        let cut = (0..=MOST_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
    }
    Ok(text)
}

fn of(known: &str, name: String, value: String, v1: Vec<LegacyFile>) -> GroupFile {
    let number: Option<u64> = value.parse().ok();
    GroupFile {
        number,
        mib: number.filter(|bytes| bytes % (1 << 20) == 0).map(|bytes| bytes >> 20),
        fields: files::fields(known, &value).into_iter().collect(),
        name,
        value,
        v1,
    }
}
