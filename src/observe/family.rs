//! What descends from this program: the namespaces, root and working directory of
//! each process, read from outside. Used by the sampler; reads a bounded number of processes and
//! follows nothing but the links of /proc.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::sync::Arc;

use serde::Serialize;

use super::model::{Caps, Process, Reading, Unread, View};
use super::parse;
use super::proc::{PidDir, ProcDir, SMALL, reading};
use super::view::{caps_of, file_of};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;

/// A process that this program started, or that descends from such: what no list
/// of processes says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabProcess {
    /// The PID that the host knows it by.
    pub pid: u32,
    /// Its arguments, as in the host's list.
    pub command: String,
    /// Its namespaces, read from outside: inode numbers.
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// Its capabilities: over the objects of its user namespace, `ns.user`.
    pub caps: Reading<Caps>,
    /// Its no_new_privs bit.
    pub no_new_privs: Reading<bool>,
    /// Seccomp: its mode, proc_pid_status(5).
    pub seccomp: Reading<u32>,
    /// How many seccomp filters it has (Linux 5.9).
    pub filters: Reading<u32>,
    /// Its root directory: where its paths that start with `/` begin.
    pub root: Reading<Place>,
    /// Its working directory: where its other paths begin.
    pub cwd: Reading<Place>,
}

/// A directory that a process holds, proc_pid_root(5) and proc_pid_cwd(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its path as the reader of the /proc would write it. In another mount
    /// namespace it starts at that one's root, and may look like a path of the host.
    pub path: String,
    /// Device number, stat(2).
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

/// At most so many processes: a fork bomb in a box must not hold up the sampler.
const MOST: usize = 64;

/// The living descendants of the calling process in the host's list, by PID.
pub fn family(proc: &ProcDir, host: &View, buffer: &mut Vec<u8>) -> Vec<LabProcess> {
    let (Some(all), Some(ids)) = (host.processes.read(), host.ids.read()) else { return Vec::new() };
    descendants(all, ids.pid).into_iter().filter_map(|process| member(proc, process, buffer)).collect()
}

/// Those below `ancestor`. A parent may stand behind its child in the list, where
/// PIDs have started anew.
fn descendants(all: &[Arc<Process>], ancestor: u32) -> Vec<&Arc<Process>> {
    let mut pids = vec![ancestor];
    let mut found = Vec::new();
    loop {
        let before = pids.len();
        for one in all {
            if pids.len() <= MOST && pids.contains(&one.ppid) && !pids.contains(&one.pid) {
                pids.push(one.pid);
                found.push(one);
            }
        }
        if pids.len() == before {
            found.sort_unstable_by_key(|one| one.pid);
            return found;
        }
    }
}

/// Nothing for a process that is gone, or dead and not collected: it has no
/// directories any more.
fn member(proc: &ProcDir, process: &Process, buffer: &mut Vec<u8>) -> Option<LabProcess> {
    let dir = proc.process(process.pid).ok()?;
    let read = |name: &CStr| reading(place(&dir, name), || format!("{}/{}/{}", proc.path(), process.pid, text(name)));
    let (root, cwd) = (read(c"root"), read(c"cwd"));
    let gone = |place: &Reading<Place>| matches!(place, Reading::Unread(unread) if matches!(unread.errno.0, libc::ENOENT | libc::ESRCH));
    if gone(&root) {
        return None;
    }
    let namespace = |kind: NsKind| {
        (kind, reading(dir.namespace(kind), || format!("{}/{}/ns/{}", proc.path(), process.pid, kind.name())))
    };
    let ns = NsKind::ALL.into_iter().map(namespace).collect();
    let base = format!("{}/{}", proc.path(), process.pid);
    let privileges = file_of(&dir, &base, "status", SMALL, buffer, |bytes| Some(parse::privileges(bytes)));
    let missing = |line: &str| Unread { path: format!("{base}/status {line}"), errno: Errno(libc::ENODATA) };
    let caps = privileges.then(|held| caps_of(held.caps).ok_or_else(|| missing("Cap")));
    let no_new_privs = privileges.then(|held| held.no_new_privs.ok_or_else(|| missing("NoNewPrivs")));
    let seccomp = privileges.then(|held| held.seccomp.ok_or_else(|| missing("Seccomp")));
    let filters = privileges.then(|held| held.filters.ok_or_else(|| missing("Seccomp_filters")));
    let command = process.command.clone();
    Some(LabProcess { pid: process.pid, command, ns, caps, no_new_privs, seccomp, filters, root, cwd })
}

fn text(name: &CStr) -> String {
    parse::text(name.to_bytes())
}

fn place(dir: &PidDir, name: &CStr) -> Result<Place, Errno> {
    let mut link = [0; 4096];
    let path = parse::text(read::read_link(dir.fd(), name, &mut link)?);
    let stat = read::stat(read::open_dir_at(dir.fd(), name)?.as_fd())?;
    Ok(Place { path, device: stat.st_dev, inode: stat.st_ino })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::sample as process;

    #[test]
    fn descendants_are_found_though_a_parent_has_the_higher_number() {
        let all = [(1, 0), (5, 90), (7, 1), (80, 7), (90, 80)].map(|(pid, ppid)| Arc::new(process(pid, ppid)));
        let pids: Vec<u32> = descendants(&all, 7).iter().map(|one| one.pid).collect();
        assert_eq!(pids, [5, 80, 90]);
    }

    #[test]
    fn a_fork_bomb_is_followed_only_so_far() {
        let all: Vec<Arc<Process>> = (2..5_000).map(|pid| Arc::new(process(pid, pid - 1))).collect();
        assert_eq!(descendants(&all, 1).len(), MOST);
    }
}
