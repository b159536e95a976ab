//! Interfaces, addresses, routes, and TCP from both ends, in the actor's own network
//! namespace. No ip(8), no nc(1): netlink and sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::{Outcome, doing};
use crate::kernel::netlink::{self, Way};
use crate::kernel::read::{self, net::Listener};
use crate::kernel::{Errno, Trace, tcp};
use crate::lesson::op::{LinkOp, NsKind};

/// One request about a link. `fds` and `labels` are of the network namespace that the
/// other end of a veth pair is for.
pub fn link(trace: &mut Trace, link: &LinkOp, fds: &[OwnedFd], labels: &[(NsKind, String)]) -> Outcome {
    match link {
        LinkOp::Veth { name, peer, .. } => {
            let what = || format!("veth {name}, {peer}");
            let (Some(namespace), Some((_, label))) = (fds.first(), labels.first()) else {
                return Err((Errno(libc::EBADF), what()));
            };
            doing(netlink::add_veth(trace, name, peer, namespace.as_fd(), label), what)
        }
        LinkOp::Bridge { name } => doing(netlink::add_bridge(trace, name), || format!("bridge {name}")),
        LinkOp::Up { name } => doing(netlink::set_up(trace, name, true), || format!("{name} up")),
        LinkOp::Down { name } => doing(netlink::set_up(trace, name, false), || format!("{name} down")),
        LinkOp::Port { name, of } => doing(netlink::set_master(trace, name, of), || format!("{name} → {of}")),
        LinkOp::Delete { name } => doing(netlink::delete_link(trace, name), || format!("delete {name}")),
    }
}

/// An address for a link.
pub fn address(trace: &mut Trace, dev: &str, add: &str) -> Outcome {
    let (address, prefix) = network(add).ok_or_else(|| not(add))?;
    doing(netlink::add_address(trace, dev, address, prefix), || format!("{add}, {dev}"))
}

/// A route.
pub fn route(trace: &mut Trace, to: &str, via: Option<&str>, dev: Option<&str>) -> Outcome {
    let network = match to {
        "default" => None,
        to => Some(network(to).ok_or_else(|| not(to))?),
    };
    let via = via.map(|via| via.parse::<IpAddr>().map_err(|_| not(via))).transpose()?;
    doing(netlink::add_route(trace, Way { to: network, via, dev }), || format!("route {to}"))
}

/// A socket that listens, and a child that says this actor's `name` to all.
pub fn listen(trace: &mut Trace, at: &str, name: &str) -> Outcome {
    let to: SocketAddr = at.parse().map_err(|_| not(at))?;
    let listener = tcp::listen(trace, to).map_err(|errno| {
        let holder = (errno.0 == libc::EADDRINUSE).then(|| holder(to)).flatten();
        (errno, format!("listen {at}{}", holder.unwrap_or_default()))
    })?;
    let title = format!("cloison {name}: {to}");
    doing(tcp::answer(trace, listener, &format!("{name}\n"), (name, &title)), || format!("listen {at}")).map(drop)
}

/// Who listens at this port already, as `, UID 1000, PID 812 (nginx)`: the owner is
/// known to everybody (sock_diag(7)), the process where its descriptors may be read.
fn holder(at: SocketAddr) -> Option<String> {
    let is_there = |one: &Listener| {
        let address = one.address.parse::<IpAddr>();
        one.protocol == "tcp"
            && one.port == at.port()
            && address.is_ok_and(|address| address == at.ip() || address.is_unspecified() || at.ip().is_unspecified())
    };
    let one = read::net::listeners().ok()?.into_iter().find(is_there)?;
    let socket = format!("socket:[{}]", one.inode);
    let has_it = |process: &Path| {
        let fds = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|link| link.as_os_str() == socket.as_str())
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let process = found.map(|entry| entry.path()).find(|path| has_it(path)).map_or_else(String::new, |path| {
        let pid = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        format!(", PID {pid} ({})", name.trim_end())
    });
    Some(format!(", UID {}{process}", one.uid))
}

/// A connection, and who answers. EBADMSG where that is not `hears`.
pub fn connect(trace: &mut Trace, to: &str, hears: Option<&str>) -> Outcome {
    let address: SocketAddr = to.parse().map_err(|_| not(to))?;
    let heard = doing(tcp::connect(trace, address), || format!("connect {to}"))?;
    match hears {
        Some(name) if heard.trim_end() != name => {
            Err((Errno(libc::EBADMSG), format!("{to}: {:?}, {name:?}", heard.trim_end())))
        }
        _ => Ok(()),
    }
}

/// `10.0.0.1/24`.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text.split_once('/')?;
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

fn not(text: &str) -> (Errno, String) {
    (Errno(libc::EINVAL), text.to_owned())
}
