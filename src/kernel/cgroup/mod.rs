//! Control groups, cgroups(7): which trees are mounted, which group the caller is in,
//! and the calls on a group's directory. What files are called in each version is in
//! [`files`]. Used by `lab` (to act), `observe` (to read) and `doctor`.

pub mod devices;
pub mod files;
mod mounts;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::call::{Errno, Trace, quoted};
pub use mounts::Tree;

/// Which versions are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Version 2 alone.
    V2,
    /// Trees of version 1 with controllers, and version 2.
    Hybrid,
    /// Trees of version 1 alone.
    V1,
    /// Nothing is mounted, or nothing in view.
    None,
}

impl Mode {
    /// `v2`, `hybrid`, `v1`, `none`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
            Self::V1 => "v1",
            Self::None => "none",
        }
    }
}

/// The trees in view, and the caller's own group in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trees {
    /// In the order of mountinfo; of a tree mounted twice the first.
    pub trees: Vec<Tree>,
    /// The lines of /proc/self/cgroup: path by controllers, "" for version 2.
    pub own: BTreeMap<String, String>,
}

impl Trees {
    /// Reads /proc/self/mountinfo and /proc/self/cgroup, and asks statfs(2) what is
    /// really in view at each mount point. The errno comes with what was read.
    pub fn read() -> Result<Self, (Errno, String)> {
        let read = |path: &str| std::fs::read(path).map_err(|error| (Errno::from(&error), path.to_owned()));
        let mut trees = Tree::mounted(&read("/proc/self/mountinfo")?);
        trees.retain(Tree::is_in_view);
        let own = groups(&String::from_utf8_lossy(&read("/proc/self/cgroup")?));
        Ok(Self { trees, own })
    }

    /// Which versions there are. A tree of version 1 without a controller
    /// (`name=systemd`) is nothing that a limit could be set in.
    pub fn mode(&self) -> Mode {
        let v1 = self.trees.iter().any(|tree| !tree.is_v2() && tree.controllers.iter().any(|one| !is_name(one)));
        match (self.unified().is_some(), v1) {
            (true, false) => Mode::V2,
            (true, true) => Mode::Hybrid,
            (false, true) => Mode::V1,
            (false, false) => Mode::None,
        }
    }

    /// The tree of version 2.
    pub fn unified(&self) -> Option<&Tree> {
        self.trees.iter().find(|tree| tree.is_v2())
    }

    /// The tree of version 1 that a controller, by its name in that version, is bound to.
    pub fn legacy(&self, controller: &str) -> Option<&Tree> {
        self.trees.iter().find(|tree| tree.controllers.iter().any(|one| one == controller))
    }

    /// The directory of the caller's own group in a tree; nothing where it is outside
    /// of what is mounted.
    pub fn own(&self, tree: &Tree) -> Option<PathBuf> {
        let (_, path) = self.own.iter().find(|(controllers, _)| tree.is(controllers))?;
        tree.group(path)
    }
}

/// The lines of /proc/PID/cgroup, cgroups(7): path by controllers.
pub fn groups(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        Some((controllers.to_owned(), path.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// The names in version 1 of a controller of version 2, which are separate trees at
/// times: accounting of the CPU is one of its own there.
pub fn legacy_names(controller: &str) -> &'static [&'static str] {
    match controller {
        "cpu" => &["cpu", "cpuacct"],
        "cpuset" => &["cpuset"],
        "io" => &["blkio"],
        "memory" => &["memory"],
        "pids" => &["pids"],
        "hugetlb" => &["hugetlb"],
        "rdma" => &["rdma"],
        "devices" => &["devices"],
        "freezer" => &["freezer"],
        _ => &[],
    }
}

/// Whether version 2 has it without a controller: freezing is in every group, devices
/// are decided by a program (bpf(2)).
pub fn is_core(controller: &str) -> bool {
    matches!(controller, "freezer" | "devices" | "cgroup" | "")
}

fn is_name(controller: &str) -> bool {
    controller.starts_with("name=")
}

/// rmdir(2) of a group. EBUSY while it has members or groups below it.
pub fn rmdir(trace: &mut Trace, path: &Path) -> Result<(), Errno> {
    trace.record(
        "rmdir",
        vec![quoted(path)],
        || nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, path, nix::unistd::UnlinkatFlags::RemoveDir),
        |()| 0,
    )
}

/// Writes to a file of a group that is there, in one write(2): open(2) without
/// O_CREAT, which a cgroup file system answers by EPERM for a file that it lacks.
pub fn write(trace: &mut Trace, path: &Path, text: &str) -> Result<(), Errno> {
    use nix::fcntl::OFlag;
    let args = vec![quoted(path), "O_WRONLY|O_CLOEXEC".to_owned()];
    let open = || nix::fcntl::open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty());
    let file = trace.record("open", args, open, |fd| i64::from(std::os::fd::AsRawFd::as_raw_fd(fd)))?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let args = vec![number.to_string(), quoted(text), text.len().to_string()];
    trace.record("write", args, || nix::unistd::write(&file, text.as_bytes()), |wrote| *wrote as i64).map(drop)
}

/// Whether a path is one of a group below `mount`: nothing in it leads out.
pub(super) fn is_plain(below: &Path) -> bool {
    below.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The members of a group: PIDs as the caller's PID namespace has them, 0 for one that
/// is outside of it.
pub fn members(group: &Path) -> Result<Vec<u32>, Errno> {
    let text = std::fs::read_to_string(group.join("cgroup.procs")).map_err(|error| Errno::from(&error))?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

/// A group and all below it, those above before those below; at most `most`.
pub fn below(group: &Path, most: usize) -> Vec<PathBuf> {
    let mut all = vec![group.to_owned()];
    let mut next = 0;
    while let Some(one) = all.get(next).filter(|_| all.len() < most) {
        let entries = std::fs::read_dir(one).into_iter().flatten().flatten();
        let mut under: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        under.sort();
        all.extend(under);
        next += 1;
    }
    all.truncate(most);
    all
}

/// Whether all members of a group stand still; nothing where the tree can't freeze.
/// A group that is about to be frozen counts as neither.
pub fn is_frozen(path: &Path) -> Option<bool> {
    if let Ok(events) = std::fs::read_to_string(path.join("cgroup.events")) {
        return events.lines().find_map(|line| line.strip_prefix("frozen ")).map(|frozen| frozen == "1");
    }
    match std::fs::read_to_string(path.join("freezer.state")).ok()?.trim() {
        "THAWED" => Some(false),
        "FROZEN" => Some(true),
        _ => None,
    }
}

/// The whole disk that the files of a directory are on, `major:minor`: what limits on
/// block devices are set for (a partition has none of its own). Nothing for a file
/// system that is on no block device of its own: in memory, stacked, of a network, btrfs.
pub fn disk(directory: &Path) -> Option<String> {
    let device = super::read::stat_path(directory).ok()?.st_dev;
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let own = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    // Below its disk, sysfs(5).
    let disk = if own.join("partition").exists() { own.join("../dev") } else { own.join("dev") };
    Some(std::fs::read_to_string(disk).ok()?.trim().to_owned())
}

/// The disk of the first of the usual directories that is on one.
pub fn usual_disk() -> Option<String> {
    ["/usr", "/var/tmp", "/"].iter().find_map(|directory| disk(Path::new(directory)))
}
