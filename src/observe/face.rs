//! A process from outside: what another process's /proc says of it, in the reader's
//! numbers. Read alike for the host's side and for an actor, so that walls compare
//! like with like. Used by the sampler; enters nothing and follows no path of the
//! process's choosing.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use super::model::{Reading, Unread, Users};
use super::parse::{self, Privileges};
use super::proc::{PidDir, SMALL, reading};
use super::view::{file_of, lsm_label, users_of};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// A root directory and the mount that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootAt {
    /// Device number, as in stat(2).
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Mount id, where the kernel says it (Linux 5.8).
    pub mount: Option<u64>,
}

/// One process from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Its namespaces' inodes.
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// Its root directory.
    pub root: Reading<RootAt>,
    /// Capabilities, seccomp, no_new_privs.
    pub privileges: Reading<Privileges>,
    /// Its cgroups, relative to the reader's cgroup namespace.
    pub cgroup: Reading<BTreeMap<String, String>>,
    /// Its security module's label.
    pub lsm: Reading<String>,
    /// Its id maps, in the reader's ids, without names.
    pub users: Reading<Users>,
}

impl Face {
    /// Reads them, each on its own, from the directory `dir` that messages call `base`.
    pub fn of(dir: &PidDir, base: &str, buffer: &mut Vec<u8>) -> Self {
        let namespace = |kind: NsKind| reading(dir.namespace(kind), || format!("{base}/ns/{}", kind.name()));
        Self {
            ns: NsKind::ALL.into_iter().map(|kind| (kind, namespace(kind))).collect(),
            root: reading(root(dir), || format!("{base}/root")),
            privileges: file_of(dir, base, "status", SMALL, buffer, |bytes| Some(parse::privileges(bytes))),
            cgroup: file_of(dir, base, "cgroup", SMALL, buffer, |bytes| Some(parse::cgroup(bytes))),
            lsm: file_of(dir, base, "attr/current", SMALL, buffer, |bytes| Some(lsm_label(bytes))),
            users: users_of(dir, base, buffer),
        }
    }

    /// Of a process that can't be read at all.
    pub fn unread(why: &Unread) -> Self {
        Self {
            ns: NsKind::ALL.into_iter().map(|kind| (kind, Reading::Unread(why.clone()))).collect(),
            root: Reading::Unread(why.clone()),
            privileges: Reading::Unread(why.clone()),
            cgroup: Reading::Unread(why.clone()),
            lsm: Reading::Unread(why.clone()),
            users: Reading::Unread(why.clone()),
        }
    }
}

fn root(dir: &PidDir) -> Result<RootAt, Errno> {
    let root = dir.root()?;
    let stat = read::stat(root.as_fd())?;
    Ok(RootAt { device: stat.st_dev, inode: stat.st_ino, mount: read::mount_id(root.as_fd()) })
}
