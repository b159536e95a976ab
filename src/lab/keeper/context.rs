//! What only the keeper knows and an op needs.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::{Keeper, NoAnswer};
use crate::kernel::Errno;
use crate::lab::journal::Line;
use crate::lab::maps;
use crate::lab::protocol::Context;
use crate::lesson::op::{CgroupOp, LinkOp, NsKind, Op, RootKind};

impl Keeper {
    /// What only the keeper knows and an op needs. The outer error ends the
    /// question; the inner is the op's own failure.
    #[expect(clippy::type_complexity, reason = "two kinds of failure, each with its meaning")]
    pub(super) fn context(
        &mut self,
        index: usize,
        op: &Op,
    ) -> Result<Result<(Context, Vec<OwnedFd>), (Errno, String)>, NoAnswer> {
        let mut context = Context::default();
        let mut fds = Vec::new();
        if !depends(op) {
            return Ok(Ok((context, fds)));
        }
        // The actor whose namespaces the op needs, and which.
        let mut wanted = (None, Vec::new());
        match op {
            Op::Setns { of, kinds } => {
                // User first: it gives the right to enter the others.
                let mut kinds = kinds.clone();
                kinds.sort();
                wanted = (Some(self.living(of)?), kinds);
            }
            Op::Link(LinkOp::Veth { actor, .. }) => wanted = (Some(self.living(actor)?), vec![NsKind::Net]),
            Op::Kill { target, .. } | Op::Idmap { of: target, .. } | Op::Hold { of: target, .. } => {
                let target = self.actors[self.living(target)?].pid;
                context.target = pid_as_seen_by(target, self.actors[index].pid);
            }
            Op::Cgroup(CgroupOp::Join { group }) => match self.cgroups.doors(group) {
                Ok(doors) => context.doors = doors.iter().map(|door| door.to_string_lossy().into_owned()).collect(),
                Err(failure) => return Ok(Err(failure)),
            },
            Op::Root { kind: RootKind::Copy { .. } } => {
                let path = self.root_directory(index);
                let line = Line::Directory { name: format!("{}-root", self.actors[index].name) };
                let made = self
                    .journal
                    .write(&line)
                    .and_then(|()| std::fs::create_dir_all(&path))
                    .and_then(|()| maps::give(&path, self.actors[index].pid));
                if let Err(error) = made {
                    return Ok(Err((Errno::from(&error), path.display().to_string())));
                }
                context.directory = Some(path.to_string_lossy().into_owned());
            }
            _ => {}
        }
        if let (Some(of), kinds) = wanted {
            let target = self.actors[of].pid;
            for kind in kinds {
                let path = format!("/proc/{target}/ns/{}", kind.name());
                match std::fs::File::open(&path) {
                    Ok(file) => {
                        fds.push(OwnedFd::from(file));
                        context.namespaces.push((kind, path));
                    }
                    Err(error) => return Ok(Err((Errno::from(&error), path))),
                }
            }
        }
        Ok(Ok((context, fds)))
    }

    pub(super) fn root_directory(&self, index: usize) -> PathBuf {
        self.directory.join(format!("{}-root", self.actors[index].name))
    }
}

/// Whether the keeper must find something out or do something for an op ([`Keeper::context`]), which
/// the ops before it may change.
pub(super) fn depends(op: &Op) -> bool {
    matches!(
        op,
        Op::Setns { .. }
            | Op::Kill { .. }
            | Op::Idmap { .. }
            | Op::Hold { .. }
            | Op::Volume { .. }
            | Op::Cgroup(_)
            | Op::Link(LinkOp::Veth { .. })
            | Op::Root { kind: RootKind::Copy { .. } }
    )
}

/// The number by which `viewer` knows `target` (both host PIDs): the entry of the
/// target's NSpid at the viewer's depth, where the viewer's namespace is the
/// target's or an ancestor of it.
fn pid_as_seen_by(target: u32, viewer: u32) -> Option<u32> {
    let depth = nspid(viewer)?.len();
    nspid(target)?.get(depth - 1).copied()
}

pub(super) fn nspid(pid: u32) -> Option<Vec<u32>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let pids: Vec<u32> = line.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    (!pids.is_empty()).then_some(pids)
}
