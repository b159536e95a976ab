//! The network namespace that the calling process is in, as netlink tells it, and
//! which of its own processes each listener belongs to. Called for every view.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::CStr;
use std::os::fd::AsFd;

use super::model::{Listener, Net, Process, Reading, Unread};
use super::proc::{PidDir, ProcDir, reading};
use crate::kernel::read::net as kernel;
use crate::kernel::{Errno, read};

/// The most processes whose descriptors are looked through for listeners.
const MOST_PROCESSES: usize = 256;

/// What the kernel says, with `processes` those that the caller sees in `proc`.
pub(super) fn net(proc: Option<&ProcDir>, processes: &[Process]) -> Net {
    let named = |name: &str| format!("NETLINK_ROUTE {name}");
    let mut socket = match kernel::open() {
        Ok(socket) => socket,
        Err(errno) => return Net::unread(&Unread { path: "NETLINK_ROUTE".to_owned(), errno }),
    };
    let links = reading(kernel::links(&mut socket), || named("RTM_GETLINK"));
    let list = links.read().map_or(&[][..], Vec::as_slice);
    let names: BTreeMap<u32, &str> = list.iter().map(|link| (link.index, link.name.as_str())).collect();
    let addresses = reading(kernel::addresses(&mut socket, &names), || named("RTM_GETADDR"));
    let routes = reading(kernel::routes(&mut socket, &names), || named("RTM_GETROUTE"));
    let neighbours = reading(kernel::neighbours(&mut socket, &names), || named("RTM_GETNEIGH"));
    let mut listeners = reading(kernel::listeners(), || "NETLINK_SOCK_DIAG".to_owned());
    if let (Reading::Read(listeners), Some(proc)) = (&mut listeners, proc) {
        owners(listeners, proc, processes);
    }
    Net { links, addresses, routes, neighbours, listeners }
}

/// Finds the listeners of the caller and its descendants: looking through every
/// process of the machine would cost more than all else in a view.
fn owners(listeners: &mut [Listener], proc: &ProcDir, processes: &[Process]) {
    if listeners.is_empty() {
        return;
    }
    let by_inode: HashMap<u32, Vec<usize>> = listeners.iter().enumerate().fold(HashMap::new(), |mut all, (at, one)| {
        all.entry(one.inode).or_default().push(at);
        all
    });
    let named: HashMap<u32, &Process> = processes.iter().map(|one| (one.pid, one)).collect();
    // The youngest first: of two that share a socket, who was forked for it.
    for pid in descendants(proc, processes).into_iter().rev().take(MOST_PROCESSES) {
        let Ok(dir) = proc.process(pid) else { continue };
        // EACCES for another user's, ESRCH for one that has just ended: not found, then.
        let _ = sockets(&dir, |inode| {
            for &at in by_inode.get(&inode).into_iter().flatten() {
                let listener = &mut listeners[at];
                if listener.pid.is_none() {
                    listener.pid = Some(pid);
                    listener.program = named.get(&pid).map(|process| process.name.clone());
                }
            }
        });
    }
}

/// The caller and its descendants, as its /proc numbers them.
fn descendants(proc: &ProcDir, processes: &[Process]) -> BTreeSet<u32> {
    let mut link = [0; 16];
    let own = read::read_link(proc.fd(), c"self", &mut link).ok();
    let own = own.and_then(|own| std::str::from_utf8(own).ok()?.parse::<u32>().ok());
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for one in processes {
        children.entry(one.ppid).or_default().push(one.pid);
    }
    let mut found = BTreeSet::new();
    let mut next: Vec<u32> = own.into_iter().collect();
    while let Some(pid) = next.pop() {
        if found.insert(pid) {
            next.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
}

/// Calls `each` with the inode of every socket that a process has open.
fn sockets(process: &PidDir, mut each: impl FnMut(u32)) -> Result<(), Errno> {
    let fds = read::open_dir_at(process.fd(), c"fd")?;
    read::numbers(fds.as_fd(), |_, name: &CStr| {
        let mut link = [0; 32];
        if let Ok(target) = read::read_link(fds.as_fd(), name, &mut link)
            && let Some(inode) = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"))
            && let Some(inode) = std::str::from_utf8(inode).ok().and_then(|inode| inode.parse().ok())
        {
            each(inode);
        }
    })
}
