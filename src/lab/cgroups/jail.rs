//! Groups for the grader's jail: the caller makes one in each tree that the lesson
//! needs; the jail is in it before it leaves the cgroup namespace, so that it is the
//! root of all that can be seen in there, and no other group can be reached.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::super::client::fresh_name;
use super::super::journal::{self, Journal};
use super::super::{scope, sweep};
use super::{Cgroups, Failed, put};
use crate::kernel::cgroup::Tree;
use crate::kernel::process::{self, Side};
use crate::kernel::{Errno, Trace, mount as kernel};
use crate::lesson::op::Controller;

/// The group of version 2 that the jail's processes are in: groups with controllers
/// can be made beside it, not below.
const LEAF: &str = "jail";

/// The groups of one jail; dropping them ends everybody in them.
#[derive(Debug)]
pub struct Groups {
    directory: PathBuf,
    cgroups: Cgroups,
    /// The jail's group and, in version 2, what is enabled below it.
    made: Vec<(Tree, PathBuf, Vec<String>)>,
    /// Who removes them should the caller be killed.
    sweeper: u32,
}

impl Groups {
    /// Makes them. What failed, and why: EACCES where this user has no group of its own.
    pub fn new(controllers: &[Controller]) -> Result<Self, Failed> {
        let base = journal::base();
        let failed = |error: std::io::Error| (Errno::from(&error), base.display().to_string());
        let me = std::process::id();
        let caller = process::pidfd_open(me).map_err(|errno| (errno, "pidfd_open".to_owned()))?;
        let name = fresh_name();
        let directory = base.join(&name);
        // First of all: from here on nothing is made that nobody would remove.
        let sweeper = sweeper(&directory, caller).map_err(|errno| (errno, "fork".to_owned()))?;
        // Should something fail, what was made goes with `all`.
        let mut all = Self { cgroups: Cgroups::new(&directory, me), directory, made: Vec::new(), sweeper };
        journal::make_directory(&base, &name).map_err(failed)?;
        let journal = Journal::start(&all.directory).map_err(failed)?;
        all.make(me, journal, controllers)?;
        Ok(all)
    }

    fn make(&mut self, me: u32, mut journal: Journal, controllers: &[Controller]) -> Result<(), Failed> {
        // What can't be had from systemd may be had without; else what fails below says why.
        let _ = scope::enter(me, &self.directory.file_name().unwrap_or_default().to_string_lossy());
        let trace = &mut Trace::default();
        self.cgroups.wanted = controllers.to_vec();
        for (tree, enabled) in self.cgroups.trees_for(controllers)? {
            let group = self.cgroups.base(trace, &mut journal, tree)?;
            let tree = self.cgroups.tree(tree).cloned().ok_or((Errno(libc::ENOENT), "cgroup".to_owned()))?;
            self.made.push((tree, group, enabled));
        }
        Ok(())
    }

    /// Gives them to a user: who may then make groups in there and put processes into them,
    /// but not change what limits the whole (cgroups(7), "Delegating a hierarchy").
    pub fn give_to(&self, user: u32) -> Result<(), Failed> {
        let files = ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks"];
        for path in self.made.iter().flat_map(|(_, group, _)| files.map(|file| group.join(file))) {
            match std::os::unix::fs::chown(&path, Some(user), Some(user)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err((Errno::from(&error), format!("chown {}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The most that all in them may have together: memory, in bytes, and processes. What
    /// can't be limited is left to the limits that each process has.
    pub fn limit(&self, memory: u64, processes: u64) {
        let trace = &mut Trace::default();
        for (_, group, _) in &self.made {
            // The first two are version 2's and 1's; swap would only put off the end.
            for (file, most) in [("memory.max", memory), ("memory.limit_in_bytes", memory), ("pids.max", processes)] {
                let _ = put(trace, &group.join(file), &most.to_string());
            }
            let _ = put(trace, &group.join("memory.swap.max"), "0");
        }
    }

    /// The calling process enters them: before it leaves its cgroup namespace.
    pub fn enter(&self) -> Result<(), Failed> {
        let trace = &mut Trace::default();
        self.made.iter().try_for_each(|(_, group, _)| put(trace, &group.join("cgroup.procs"), "0"))
    }

    /// After it has left it: makes room for groups with controllers.
    pub fn settle(&self) -> Result<(), Failed> {
        let trace = &mut Trace::default();
        for (_, group, enabled) in self.made.iter().filter(|(tree, ..)| tree.is_v2()) {
            let leaf = group.join(LEAF);
            super::make(trace, &leaf)?;
            put(trace, &leaf.join("cgroup.procs"), "0")?;
            super::enable(trace, group, enabled)?;
        }
        Ok(())
    }

    /// In a mount namespace of its own: each tree shows the jail's group and no other.
    pub fn cover(&self) -> Result<(), Failed> {
        for (tree, group, _) in &self.made {
            let (group, target) = (group.to_string_lossy(), tree.mount.to_string_lossy());
            kernel::mount(&mut Trace::default(), &group, &target, "", MsFlags::MS_BIND, "")
                .map_err(|errno| (errno, format!("mount {target}")))?;
        }
        Ok(())
    }

    /// Makes them writable again in a jail whose file systems are all read-only.
    pub fn open(&self) -> Result<(), Failed> {
        for (tree, ..) in &self.made {
            writable(&tree.mount)?;
        }
        Ok(())
    }
}

/// A child that outlives the caller, if need be, to remove what it leaves behind: this
/// directory and the groups that its journal names. A signal of the terminal's is not for
/// it. Its PID.
fn sweeper(directory: &Path, caller: OwnedFd) -> Result<u32, Errno> {
    match process::fork(&mut Trace::default())? {
        Side::Parent(pid) => Ok(pid),
        Side::Child => {
            let swept = std::panic::catch_unwind(|| {
                let _ = nix::unistd::setsid();
                // Nobody waits for what the caller writes to because of it.
                process::move_to(&caller, 0)?;
                drop(caller);
                process::close_from(1)?;
                let caller = process::inherited(0);
                // Readable when it has ended, pidfd_open(2).
                while poll(&mut [PollFd::new(caller.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) != Ok(1) {}
                match journal::read(directory) {
                    Ok(lines) if !lines.is_empty() => sweep::sweep_lab(directory, &mut sweep::Swept::default()),
                    // It had no time to write a line, and has made nothing more.
                    _ => drop(journal::remove_directory(directory)),
                }
                Ok::<(), Errno>(())
            });
            process::exit_now(i32::from(!matches!(swept, Ok(Ok(())))));
        }
    }
}

/// Takes read-only from one mount; its other flags may be locked, and stay
/// (mount_namespaces(7)).
fn writable(target: &Path) -> Result<(), Failed> {
    let failed = |errno: Errno| (errno, format!("mount {}", target.display()));
    let present = statvfs(target).map_err(|errno| failed(errno.into()))?.flags();
    let flags = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ];
    let kept = flags.iter().filter(|(flag, _)| present.contains(*flag));
    let bits = kept.fold(MsFlags::MS_REMOUNT | MsFlags::MS_BIND, |all, (_, flag)| all | *flag);
    kernel::mount(&mut Trace::default(), "", &target.to_string_lossy(), "", bits, "").map_err(failed)
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.cgroups.kill_all();
        if self.cgroups.remove().is_empty() {
            // What can't be removed stays, for the next sweep.
            let _ = journal::remove_directory(&self.directory);
        }
        // To the last: until here something could be left behind.
        if let Ok(pidfd) = process::pidfd_open(self.sweeper) {
            // ESRCH: somebody was faster.
            let _ = process::pidfd_kill(&pidfd, libc::SIGKILL);
            process::wait_for(self.sweeper);
        }
    }
}
