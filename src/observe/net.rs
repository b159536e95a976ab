//! The network namespace that the calling process is in, as netlink tells it, and
//! which of its own processes each listener belongs to. Called for every view.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::model::{Listener, Net, Process, Unread};
use super::parse;
use super::proc::{PidDir, ProcDir, SMALL, reading};
use crate::kernel::read::net::{self as kernel, Netlink};
use crate::kernel::{Errno, read};

/// The most processes whose descriptors are looked through for listeners.
const MOST_PROCESSES: usize = 256;

/// The network between two views: on a machine with a thousand links they are asked
/// for again only where something has changed. Sockets are not told of: they are
/// asked for each time.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// The namespace of the last view, and all but its listeners.
    last: Option<(u64, Net)>,
    /// Hears of changes in that namespace; from the second view on, so that one who
    /// looks once does not pay for it.
    watch: Option<Netlink>,
}

impl Network {
    /// What the kernel says of the caller's network namespace, which is `here`; not
    /// whose the listeners are ([`owners`]).
    pub(super) fn net(&mut self, here: Option<u64>) -> Net {
        let mut net = self.known(here);
        net.listeners = reading(kernel::listeners(), || "NETLINK_SOCK_DIAG".to_owned());
        net
    }

    fn known(&mut self, here: Option<u64>) -> Net {
        if let (Some((last, net)), Some(here)) = (&self.last, here)
            && *last == here
        {
            match &mut self.watch {
                Some(watch) => {
                    if !watch.changed() {
                        return net.clone();
                    }
                }
                // Before the lists are read, so that no change is missed.
                None => self.watch = Netlink::watch().ok(),
            }
        } else {
            self.watch = None;
        }
        let net = ask();
        self.last = here.map(|here| (here, net.clone()));
        net
    }
}

/// All but the listeners.
fn ask() -> Net {
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
    Net { links, addresses, routes, neighbours, ..Net::default() }
}

/// The caller's own number in a /proc; none where it is of another PID namespace.
pub(super) fn own_number(proc: &ProcDir) -> Option<u32> {
    let mut link = [0; 16];
    let own = read::read_link(proc.fd(), c"self", &mut link).ok()?;
    std::str::from_utf8(own).ok()?.parse().ok()
}

/// Finds whose the listeners are among some processes of a /proc: looking through every
/// process of the machine would cost more than all else in a view.
pub(super) fn owners(listeners: &mut [Listener], proc: &ProcDir, kin: &BTreeSet<u32>, buffer: &mut Vec<u8>) {
    let by_inode: HashMap<u32, Vec<usize>> = listeners.iter().enumerate().fold(HashMap::new(), |mut all, (at, one)| {
        all.entry(one.inode).or_default().push(at);
        all
    });
    // The youngest first: of two that share a socket, who was forked for it.
    for &pid in kin.iter().rev().take(MOST_PROCESSES) {
        let Ok(dir) = proc.process(pid) else { continue };
        // EACCES for another user's, ESRCH for one that has just ended: not found, then.
        let _ = sockets(&dir, |inode| {
            for &at in by_inode.get(&inode).into_iter().flatten() {
                let listener = &mut listeners[at];
                if listener.pid.is_none() {
                    listener.pid = Some(pid);
                    let named = dir.read_piece(c"comm", buffer, SMALL).is_ok();
                    listener.program = named.then(|| parse::text(buffer.strip_suffix(b"\n").unwrap_or(buffer)));
                }
            }
        });
    }
}

/// A process of a /proc and its descendants, by proc_tid_children(5); nothing where
/// the kernel has no such file.
pub(super) fn kin(proc: &ProcDir, viewer: u32, buffer: &mut Vec<u8>) -> Option<BTreeSet<u32>> {
    let own = proc.process(viewer).ok()?;
    read::open_at(own.fd(), format!("task/{viewer}/children").as_str()).ok()?;
    let mut found = BTreeSet::new();
    let mut next = vec![viewer];
    while let Some(pid) = next.pop().filter(|_| found.len() < MOST_PROCESSES) {
        if !found.insert(pid) {
            continue;
        }
        let Ok(tasks) = proc.process(pid).map(|dir| read::open_dir_at(dir.fd(), c"task")) else { continue };
        let Ok(tasks) = tasks else { continue };
        // What has ended meanwhile has no children any more.
        let _ = read::numbers(tasks.as_fd(), |tid, _| {
            let file = read::open_at(tasks.as_fd(), format!("{tid}/children").as_str());
            if file.is_ok_and(|file| read::read_all(file.as_fd(), buffer, SMALL).is_ok()) {
                next.extend(parse::numbers(buffer));
            }
        });
    }
    Some(found)
}

/// A process and its descendants.
pub(super) fn descendants(viewer: u32, processes: &[Arc<Process>]) -> BTreeSet<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for one in processes {
        children.entry(one.ppid).or_default().push(one.pid);
    }
    let mut found = BTreeSet::new();
    let mut next = vec![viewer];
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
