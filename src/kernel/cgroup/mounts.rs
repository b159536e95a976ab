//! The cgroup trees that are mounted, from mountinfo, proc_pid_mountinfo(5).

use std::path::{Path, PathBuf};

/// A cgroup tree that is mounted where the reader can see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The controllers of a v1 tree, `name=…` for one without; empty for v2.
    pub controllers: Vec<String>,
    /// The group that is mounted, as the reader's cgroup namespace has it.
    pub root: String,
    /// Where.
    pub mount: PathBuf,
}

impl Tree {
    /// The trees in a mountinfo, each once: where it is mounted first, and of several
    /// mounts there the last, which covers the others.
    pub fn mounted(mountinfo: &[u8]) -> Vec<Self> {
        let mut trees: Vec<Self> = Vec::new();
        for line in String::from_utf8_lossy(mountinfo).lines() {
            let Some(tree) = Self::of_line(line) else { continue };
            match trees.iter_mut().find(|other| other.controllers == tree.controllers) {
                None => trees.push(tree),
                Some(other) if other.mount == tree.mount => *other = tree,
                Some(_) => {}
            }
        }
        trees
    }

    fn of_line(line: &str) -> Option<Self> {
        let (head, tail) = line.split_once(" - ")?;
        let mut head = head.split(' ').skip(3);
        let (root, mount) = (head.next()?, head.next()?);
        let mut tail = tail.split(' ');
        let controllers = match tail.next()? {
            "cgroup2" => Vec::new(),
            // The options of the file system come last, and name the controllers.
            "cgroup" => {
                let plain = ["rw", "ro", "noprefix", "xattr", "clone_children", "cpuset_v2_mode", "favordynmods"];
                let options = tail.next_back()?.split(',');
                options
                    .filter(|one| !plain.contains(one) && !one.starts_with("release_agent="))
                    .map(str::to_owned)
                    .collect()
            }
            _ => return None,
        };
        Some(Self { controllers, root: unescaped(root), mount: PathBuf::from(unescaped(mount)) })
    }

    /// Whether it is the tree of version 2.
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Whether it is the one of a line of /proc/PID/cgroup.
    pub fn is(&self, controllers: &str) -> bool {
        match controllers {
            "" => self.is_v2(),
            // v1 lists a tree's controllers with commas, and so do its options.
            several => several.split(',').all(|one| self.controllers.iter().any(|other| other == one)),
        }
    }

    /// Where the group of this path in /proc/PID/cgroup is; nothing for one that is
    /// outside of what is mounted.
    pub fn group(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        if below.as_os_str().is_empty() {
            return Some(self.mount.clone());
        }
        super::is_plain(below).then(|| self.mount.join(below))
    }

    /// The path that /proc/PID/cgroup has for the group of this directory.
    pub fn path(&self, group: &Path) -> Option<String> {
        let below = group.strip_prefix(&self.mount).ok()?;
        Some(Path::new(&self.root).join(below).to_string_lossy().into_owned())
    }

    /// Whether its mount point shows this tree, statfs(2): another mount may cover it.
    pub(super) fn is_in_view(&self) -> bool {
        use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, statfs};
        let magic = if self.is_v2() { CGROUP2_SUPER_MAGIC } else { CGROUP_SUPER_MAGIC };
        statfs(&self.mount).is_ok_and(|found| found.filesystem_type() == magic)
    }
}

/// A field of mountinfo: space, tab, line end and backslash are written in octal.
fn unescaped(field: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(field.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
34 32 0:30 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 34 0:31 / /sys/fs/cgroup/cpu\\040acct rw,relatime - cgroup cgroup rw,cpu,cpuacct
36 34 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid shared:9 - cgroup cgroup rw,xattr,memory
37 34 0:33 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd
38 34 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
39 34 0:32 / /mnt/again rw - cgroup cgroup rw,memory
40 38 0:34 /jail /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn trees_are_told_from_other_mounts_and_each_comes_once() {
        let trees = Tree::mounted(HYBRID.as_bytes());
        let names: Vec<String> = trees.iter().map(|tree| tree.controllers.join(",")).collect();
        assert_eq!(names, ["cpu,cpuacct", "memory", "name=systemd", ""]);
        assert_eq!(trees[0].mount, Path::new("/sys/fs/cgroup/cpu acct"));
        assert_eq!(trees[1].mount, Path::new("/sys/fs/cgroup/memory"), "where it is mounted first");
        assert_eq!(trees[3].root, "/jail", "what covers the other");
    }

    #[test]
    fn a_group_is_found_below_what_is_mounted_and_nowhere_else() {
        let trees = Tree::mounted(HYBRID.as_bytes());
        let memory = &trees[1];
        assert_eq!(memory.group("/docker/abc/box"), Some(PathBuf::from("/sys/fs/cgroup/memory/box")));
        assert_eq!(memory.group("/docker/other"), None);
        assert_eq!(memory.group("/docker/abc/../other"), None);
        assert_eq!(memory.path(Path::new("/sys/fs/cgroup/memory/box")), Some("/docker/abc/box".to_owned()));
        assert!(trees[0].is("cpu,cpuacct") && trees[0].is("cpu") && !trees[0].is("memory") && trees[3].is(""));
    }
}
