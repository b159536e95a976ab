//! The limits of the cgroup that a process is in, beside the host's: which limit
//! files say something between the process's group and the one that both are in.
//! Used by the sampler for one of the walls; reads below the mounted cgroup trees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::model::{Built, Reading, Unread, WallState};
use super::parse;
use super::walls::evidence;
use crate::kernel::Errno;

/// Files that limit, by controller, in cgroup v2 and v1; and what they hold where
/// there is no limit. Those without such a value limit where they differ from the
/// group above.
const FILES: [(&str, &str, &[&str]); 14] = [
    ("memory", "memory.max", &["max"]),
    ("memory", "memory.high", &["max"]),
    ("memory", "memory.swap.max", &["max"]),
    ("memory", "memory.limit_in_bytes", &["9223372036854771712", "9223372036854710272"]),
    ("cpu", "cpu.max", &["max"]),
    ("cpu", "cpu.cfs_quota_us", &["-1"]),
    ("pids", "pids.max", &["max"]),
    ("io", "io.max", &[""]),
    ("blkio", "blkio.throttle.read_bps_device", &[""]),
    ("blkio", "blkio.throttle.write_bps_device", &[""]),
    ("cpuset", "cpuset.cpus", &[""]),
    ("cpuset", "cpuset.mems", &[""]),
    ("", "cgroup.max.descendants", &["max"]),
    ("", "cgroup.max.depth", &["max"]),
];

/// A cgroup tree that is mounted where the reader can see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The controllers of a v1 tree; empty for v2.
    controllers: Vec<String>,
    /// The group that is mounted.
    root: String,
    /// Where.
    target: PathBuf,
}

impl Tree {
    /// The trees in a mountinfo.
    pub fn mounted(mountinfo: &[u8]) -> Vec<Self> {
        parse::lines(mountinfo)
            .filter_map(|line| {
                let mount = parse::mounts(line).pop()?;
                let controllers = match mount.fstype.as_str() {
                    "cgroup2" => Vec::new(),
                    "cgroup" => {
                        let options = line.rsplit(|byte| *byte == b' ').next()?;
                        parse::text(options).split(',').map(str::to_owned).collect()
                    }
                    _ => return None,
                };
                Some(Self { controllers, root: mount.root, target: mount.target.into() })
            })
            .collect()
    }

    /// Whether it is the one of a line of /proc/PID/cgroup.
    fn is(&self, controllers: &str) -> bool {
        match controllers {
            "" => self.controllers.is_empty(),
            // v1 lists a tree's controllers with commas, and so do its options.
            several => several.split(',').all(|one| self.controllers.iter().any(|other| other == one)),
        }
    }

    /// Where the group `path` is.
    fn group(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        let plain = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        plain.then(|| self.target.join(below))
    }
}

/// The limits of a process beside the host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    state: Built,
    host: String,
    actor: String,
}

impl Limits {
    /// Compares the groups that `host` and `actor` are in; `trees` is asked only
    /// where they are not the same.
    pub fn of(
        host: &Reading<BTreeMap<String, String>>,
        actor: &Reading<BTreeMap<String, String>>,
        trees: impl FnOnce() -> Vec<Tree>,
    ) -> Self {
        let (host, actor) = match (host, actor) {
            (Reading::Read(host), Reading::Read(actor)) => (host, actor),
            (host, actor) => {
                let show = |side: &Reading<BTreeMap<String, String>>| match side {
                    Reading::Read(groups) => groups.values().cloned().collect::<Vec<_>>().join(" "),
                    Reading::Unread(unread) => evidence(unread),
                };
                return Self { state: Built::Unknown, host: show(host), actor: show(actor) };
            }
        };
        let apart: Vec<_> = actor
            .iter()
            // A tree with a name has no controller, so nothing in it limits.
            .filter(|(controllers, _)| !controllers.starts_with("name="))
            .filter_map(|(controllers, path)| {
                host.get(controllers).filter(|other| *other != path).map(|other| (controllers.as_str(), other, path))
            })
            .collect();
        if apart.is_empty() {
            let path = host.get("").or_else(|| host.values().next()).cloned().unwrap_or_default();
            return Self { state: Built::Open, host: path.clone(), actor: path };
        }
        let trees = trees();
        let mut found = Self { state: Built::Open, host: String::new(), actor: String::new() };
        for (controllers, outer, inner) in apart {
            let label = if controllers.is_empty() { String::new() } else { format!("{controllers}:") };
            add(&mut found.host, &format!("{label}{outer}"));
            add(&mut found.actor, &format!("{label}{inner}"));
            match trees.iter().find(|tree| tree.is(controllers) && tree.group(inner).is_some()) {
                Some(tree) => found.compare(tree, outer, inner),
                None => found.unknown(&Unread { path: format!("cgroup {label}{inner}"), errno: Errno(libc::ENOENT) }),
            }
        }
        found
    }

    fn compare(&mut self, tree: &Tree, outer: &str, inner: &str) {
        let (Some(group), outer) = (tree.group(inner), tree.group(outer)) else { return };
        if let Err(error) = std::fs::metadata(&group) {
            return self.unknown(&Unread { path: group.display().to_string(), errno: Errno::from(&error) });
        }
        for (controller, file, unlimited) in FILES {
            if !tree.controllers.is_empty() && !tree.controllers.iter().any(|other| other == controller) {
                continue;
            }
            let value = |group: &Path| {
                let text = std::fs::read_to_string(group.join(file)).ok()?;
                let value = text.trim().replace('\n', ", ");
                // `cpu.max` has its period behind the quota.
                let quota = value.split(' ').next().unwrap_or_default();
                (!unlimited.contains(&quota)).then_some(value)
            };
            let beside = outer.as_deref().and_then(value);
            // Down from the group that the host is in too, the tightest counts; which
            // is that depends on the file, so the nearest that says something is shown.
            let limit = group
                .ancestors()
                .take_while(|above| {
                    above.starts_with(&tree.target) && !outer.as_ref().is_some_and(|outer| outer.starts_with(above))
                })
                .find_map(value);
            if let Some(limit) = limit.filter(|limit| beside.as_ref() != Some(limit)) {
                self.state = Built::Built;
                add(
                    &mut self.host,
                    &format!("{file} {}", beside.as_deref().or(unlimited.first().copied()).unwrap_or("")),
                );
                add(&mut self.actor, &format!("{file} {limit}"));
            }
        }
    }

    fn unknown(&mut self, why: &Unread) {
        if self.state == Built::Open {
            self.state = Built::Unknown;
        }
        add(&mut self.actor, &evidence(why));
    }

    /// As a wall.
    pub fn wall(self) -> WallState {
        WallState { state: self.state, host: self.host, actor: self.actor }
    }
}

fn add(to: &mut String, part: &str) {
    if !to.is_empty() {
        to.push_str(", ");
    }
    to.push_str(part);
}
