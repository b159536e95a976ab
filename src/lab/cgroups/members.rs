//! What is done to a group that is there: its files, its devices, and its members, who
//! are frozen, thawed and killed.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::super::ops::{Outcome, doing};
use super::{Cgroups, MOST, put};
use crate::kernel::cgroup::{self, Tree, devices, files, is_frozen};
use crate::kernel::{Errno, Trace, process};
use crate::lesson::op::DeviceRule;

/// Stands for the disk, `major:minor`, in a value.
const DISK: &str = "{disk}";
/// How long to wait for the kernel to have done what it was told: to freeze and to die
/// the members of a group need a CPU, which others may keep busy, and of which their own
/// group may have little. Less than an op may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

impl Cgroups {
    /// Version 1 has a file to refuse and one to allow; version 2 takes a program.
    pub(super) fn devices(&mut self, trace: &mut Trace, group: &str, allow: &[DeviceRule]) -> Outcome {
        let directories = self.existing(group)?;
        let rule = |rule: &DeviceRule| {
            let DeviceRule { kind, major, minor, read, write, mknod } = *rule;
            devices::Rule { kind, major, minor, read, write, mknod }
        };
        let allow: Vec<devices::Rule> = allow.iter().map(rule).collect();
        let is_devices = |tree: &Tree| tree.controllers.iter().any(|one| one == "devices");
        let legacy = directories.iter().find(|(tree, _)| self.tree(**tree).is_some_and(is_devices));
        if let Some((_, path)) = legacy {
            put(trace, &path.join("devices.deny"), "a")?;
            return allow.iter().try_for_each(|rule| put(trace, &path.join("devices.allow"), &rule.to_string()));
        }
        let path =
            self.unified(&directories).ok_or_else(|| (Errno(libc::EOPNOTSUPP), format!("devices of {group}")))?;
        devices::allow(trace, path, &allow)
    }

    pub(super) fn set(&mut self, trace: &mut Trace, group: &str, name: &str, to: &str) -> Outcome {
        let directories = self.existing(group)?;
        let disk = if to.contains(DISK) { cgroup::usual_disk() } else { Some(String::new()) };
        let disk = disk.ok_or_else(|| (Errno(libc::ENODEV), format!("{name} = {to}")))?;
        let to = &to.replace(DISK, &disk);
        let (file, size) = files::known(name).ok_or_else(|| (Errno(libc::EINVAL), name.to_owned()))?;
        let new = match file.controller() {
            "cgroup" => self.unified(&directories),
            controller => {
                let legacy = cgroup::legacy_names(controller);
                let bound =
                    legacy.iter().any(|one| self.trees.as_ref().is_some_and(|trees| trees.legacy(one).is_some()));
                if bound { None } else { self.unified(&directories) }
            }
        };
        if let Some(path) = new {
            return put(trace, &path.join(name), to);
        }
        let legacy = |at: usize| {
            let (controller, old) = file.legacy.get(at)?;
            let tree = self.trees.as_ref()?.legacy(controller)?;
            let (_, path) = directories.iter().find(|(number, _)| self.tree(**number) == Some(tree))?;
            Some(path.join(size.map_or_else(|| (*old).to_owned(), |size| old.replacen("SIZE", size, 1))))
        };
        let now = |at: usize| std::fs::read_to_string(legacy(at)?).ok();
        let writes = file.write(to, now).map_err(|refused| match refused {
            files::Refused::Lacking => (Errno(libc::EOPNOTSUPP), format!("{name} (cgroup v1)")),
            files::Refused::Value => (Errno(libc::EINVAL), format!("{name} = {to}")),
        })?;
        for (at, text) in writes {
            let path = legacy(at).ok_or_else(|| (Errno(libc::ENOENT), format!("{group}/{name}")))?;
            put(trace, &path, &text)?;
        }
        Ok(())
    }

    pub(super) fn freeze(&mut self, trace: &mut Trace, group: &str, frozen: bool) -> Outcome {
        let directories = self.existing(group)?;
        let path = self.unified(&directories).or_else(|| self.freezer(&directories));
        let path = path.ok_or_else(|| (Errno(libc::EOPNOTSUPP), format!("freezer of {group}")))?;
        set_frozen(trace, path, frozen)?;
        await_that(|| is_frozen(path) == Some(frozen), || path.display().to_string())
    }

    pub(super) fn kill(&mut self, trace: &mut Trace, group: &str) -> Outcome {
        let directories = self.existing(group)?;
        if let Some(path) = self.unified(&directories) {
            let kill = path.join("cgroup.kill");
            match cgroup::write(trace, &kill, "1") {
                // Before Linux 5.14.
                Err(Errno(libc::ENOENT)) => {}
                other => {
                    doing(other, || kill.display().to_string())?;
                    return await_that(|| is_empty(path), || path.display().to_string());
                }
            }
        }
        let path = self.unified(&directories).or_else(|| self.freezer(&directories));
        let path = path.or_else(|| directories.values().next()).ok_or((Errno(libc::ENOENT), group.to_owned()))?;
        // Frozen they can't fork away from under the list; thawed they die.
        let can_freeze = is_frozen(path).is_some();
        if can_freeze {
            set_frozen(trace, path, true)?;
            await_that(|| is_frozen(path) == Some(true), || path.display().to_string())?;
        }
        for one in cgroup::below(path, MOST) {
            for pid in cgroup::members(&one).unwrap_or_default().into_iter().filter(|pid| *pid > 0) {
                // ESRCH: it has just ended by itself.
                let _ = process::kill(trace, pid, Signal::SIGKILL);
            }
        }
        // A group below that was frozen by itself stays so when the one above is thawed.
        for one in cgroup::below(path, MOST).iter().filter(|_| can_freeze) {
            if is_frozen(one) != Some(false) {
                set_frozen(trace, one, false)?;
            }
        }
        await_that(|| is_empty(path), || path.display().to_string())
    }
}

/// Freezes or thaws a group, and all below it; does not wait.
pub(super) fn set_frozen(trace: &mut Trace, path: &Path, frozen: bool) -> Outcome {
    let new = path.join("cgroup.freeze");
    if new.exists() {
        return put(trace, &new, if frozen { "1" } else { "0" });
    }
    put(trace, &path.join("freezer.state"), if frozen { "FROZEN" } else { "THAWED" })
}

fn is_empty(path: &Path) -> bool {
    cgroup::below(path, MOST).iter().all(|one| cgroup::members(one).is_ok_and(|members| members.is_empty()))
}

/// Waits until something holds; ETIMEDOUT.
fn await_that(holds: impl Fn() -> bool, what: impl FnOnce() -> String) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() >= deadline {
            return Err((Errno(libc::ETIMEDOUT), what()));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
