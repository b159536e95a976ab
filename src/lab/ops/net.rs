//! Interfaces, addresses, routes, and TCP from both ends, in the actor's own network
//! namespace. No ip(8), no nc(1): netlink and sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use super::{Outcome, doing};
use crate::kernel::netlink::{self, Way};
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
    let listener = doing(tcp::listen(trace, to), || format!("listen {at}"))?;
    let title = format!("cloison {name}: {to}");
    doing(tcp::answer(trace, listener, &format!("{name}\n"), (name, &title)), || format!("listen {at}")).map(drop)
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
