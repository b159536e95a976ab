//! What a network namespace holds, asked for by netlink: links, addresses, routes,
//! neighbours, and the sockets that wait for others. In the calling process's own
//! network namespace; needs no /proc. Names are bytes that whoever made the link
//! chose: what is no text in them is replaced, and nothing is believed to be short.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::kernel::Errno;
pub use crate::kernel::netlink::Netlink;
use crate::kernel::netlink::link_header;
use crate::kernel::netlink::wire::{Message, attributes, u8_at, u16_at, u32_at};

/// The most members of a list: EFBIG beyond. A machine with more (a router of the
/// Internet) is not what is looked at here.
const MOST: usize = 8192;
/// `RTEXT_FILTER_SKIP_STATS`, linux/rtnetlink.h: counters are most of an answer.
const SKIP_STATS: u32 = 1 << 3;
/// `SOCK_DIAG_BY_FAMILY`, linux/sock_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The states of sockets, include/net/tcp_states.h.
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

/// A network interface, packet(7), rtnetlink(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number in its network namespace.
    pub index: u32,
    /// Its name there, at most 15 bytes; may hold anything but spaces, `/` and `:`.
    pub name: String,
    /// What made it (`veth`, `bridge`); else what it is like: `loopback`, `ether`, a number.
    pub kind: String,
    /// Hardware address; none for some kinds.
    pub mac: Option<String>,
    /// Whether it is switched on (IFF_UP).
    pub up: bool,
    /// Whether there is something at the other end (IFF_LOWER_UP).
    pub carrier: bool,
    /// Operational state, RFC 2863: `up`, `down`, `lowerlayerdown`, `unknown`, …
    pub state: String,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// The bridge (or the like) that it is a port of, by index.
    pub master: Option<u32>,
    /// What it is tied to: the other end of a veth pair.
    pub peer: Option<Peer>,
}

/// The link that another is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its index, in its own network namespace.
    pub index: u32,
    /// The number that this network namespace has for that one; none where they are
    /// the same.
    pub netnsid: Option<i32>,
}

/// An address of a link, rtnetlink(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The link's index.
    pub link: u32,
    /// The link's name.
    pub dev: String,
    /// The address.
    pub address: String,
    /// The length of its network's part, in bits.
    pub prefix: u8,
    /// Where it is valid: `global`, `link`, `host`, a number.
    pub scope: String,
}

/// A route of the main table, rtnetlink(7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The network, `10.0.0.0/24`; `default` for all of IPv4 or IPv6.
    pub to: String,
    /// The next host on the way.
    pub via: Option<String>,
    /// The name of the link that it leads through.
    pub dev: Option<String>,
    /// `unicast`, or what else becomes of packets: `blackhole`, `unreachable`, …
    pub kind: String,
    /// Who made it: `kernel` (along with an address), `boot`, `static`, a number.
    pub by: String,
}

/// A host on one of the links, whose hardware address was found out, arp(7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its address.
    pub address: String,
    /// Its hardware address.
    pub mac: String,
    /// The name of the link.
    pub dev: String,
}

/// A socket that waits for others: a TCP socket that listens, a UDP socket that is
/// bound, sock_diag(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The local address; `0.0.0.0` or `::` for all.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Whose it is, as an id of the viewer's user namespace.
    pub uid: u32,
    /// Its inode: the number in `socket:[…]` of /proc/PID/fd.
    pub inode: u32,
    /// The process that has it, where that is the viewer or a descendant of it.
    pub pid: Option<u32>,
    /// That process's name.
    pub program: Option<String>,
}

/// A socket to ask for all but sockets.
pub fn open() -> Result<Netlink, Errno> {
    Netlink::route()
}

/// The links, by index.
pub fn links(socket: &mut Netlink) -> Result<Vec<Link>, Errno> {
    let question = Message::new(libc::RTM_GETLINK, libc::NLM_F_DUMP, &link_header(0, 0, 0))
        .with(libc::IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes());
    let mut found = socket.list(&question, MOST, link)?;
    found.sort_unstable_by_key(|link| link.index);
    Ok(found)
}

/// The addresses, by link, in the kernel's order on each.
pub fn addresses(socket: &mut Netlink, names: &BTreeMap<u32, &str>) -> Result<Vec<Address>, Errno> {
    let question = Message::new(libc::RTM_GETADDR, libc::NLM_F_DUMP, &[0; 8]);
    let mut found = socket.list(&question, MOST, |body| address(body, names))?;
    found.sort_by_key(|address| address.link);
    Ok(found)
}

/// The routes of the main table, the widest last.
pub fn routes(socket: &mut Netlink, names: &BTreeMap<u32, &str>) -> Result<Vec<Route>, Errno> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut header = [0; 12];
        header[0] = family as u8;
        let question = Message::new(libc::RTM_GETROUTE, libc::NLM_F_DUMP, &header)
            .with(libc::RTA_TABLE, &u32::from(libc::RT_TABLE_MAIN).to_ne_bytes());
        let mut of_family = match socket.list(&question, MOST, |body| route(body, names)) {
            // No such table yet: the first route makes it.
            Err(Errno(libc::ENOENT)) => Vec::new(),
            other => other?,
        };
        of_family.sort_by(|(one_bits, one), (other_bits, other)| other_bits.cmp(one_bits).then(one.cmp(other)));
        found.extend(of_family.into_iter().map(|(_, route)| route));
    }
    Ok(found)
}

/// The neighbours whose hardware address is known, by address.
pub fn neighbours(socket: &mut Netlink, names: &BTreeMap<u32, &str>) -> Result<Vec<Neighbour>, Errno> {
    let question = Message::new(libc::RTM_GETNEIGH, libc::NLM_F_DUMP, &[0; 12]);
    let mut found = socket.list(&question, MOST, |body| neighbour(body, names))?;
    found.sort_unstable();
    Ok(found)
}

/// The sockets that wait for others, by port; whose they are is not yet known.
pub fn listeners() -> Result<Vec<Listener>, Errno> {
    let mut socket = Netlink::sock_diag()?;
    let mut found = Vec::new();
    for (protocol, number, state) in [("tcp", libc::IPPROTO_TCP, LISTEN), ("udp", libc::IPPROTO_UDP, CLOSE)] {
        for family in [libc::AF_INET, libc::AF_INET6] {
            // struct inet_diag_req_v2: family, protocol, 2 unused, states, the socket's own ids.
            let mut header = [0; 56];
            (header[0], header[1]) = (family as u8, number as u8);
            header[4..8].copy_from_slice(&(1_u32 << state).to_ne_bytes());
            let question = Message::new(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP, &header);
            match socket.list(&question, MOST, |body| listener(body, protocol)) {
                Ok(of_family) => found.extend(of_family),
                // A kernel without IPv6.
                Err(Errno(libc::ENOENT)) if family == libc::AF_INET6 => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    found.sort_by(|one, other| {
        (&one.protocol, one.port, &one.address, one.inode).cmp(&(
            &other.protocol,
            other.port,
            &other.address,
            other.inode,
        ))
    });
    Ok(found)
}

/// After `struct ifinfomsg`: family, unused, type (2), index (4), flags (4), change (4).
fn link(body: &[u8]) -> Option<Link> {
    let (hardware, index, flags) = (u16_at(body, 2)?, u32_at(body, 4)?, u32_at(body, 8)? as i32);
    let like = match hardware {
        libc::ARPHRD_LOOPBACK => "loopback".to_owned(),
        libc::ARPHRD_ETHER => "ether".to_owned(),
        other => other.to_string(),
    };
    let mut link = Link {
        index,
        name: String::new(),
        kind: like,
        mac: None,
        up: flags & libc::IFF_UP != 0,
        carrier: flags & libc::IFF_LOWER_UP != 0,
        state: "unknown".to_owned(),
        mtu: 0,
        master: None,
        peer: None,
    };
    let (mut tied, mut netnsid) = (None, None);
    for (kind, value) in attributes(body.get(16..)?) {
        match kind {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_ADDRESS => link.mac = mac(value),
            libc::IFLA_MTU => link.mtu = u32_at(value, 0)?,
            libc::IFLA_MASTER => link.master = u32_at(value, 0),
            libc::IFLA_LINK => tied = u32_at(value, 0),
            libc::IFLA_LINK_NETNSID => netnsid = u32_at(value, 0).map(|id| id as i32),
            libc::IFLA_OPERSTATE => operational(u8_at(value, 0)?).clone_into(&mut link.state),
            libc::IFLA_LINKINFO => {
                if let Some((_, kind)) = attributes(value).find(|(kind, _)| *kind == libc::IFLA_INFO_KIND) {
                    link.kind = text(kind);
                }
            }
            _ => {}
        }
    }
    link.peer = tied.filter(|_| link.kind == "veth").map(|index| Peer { index, netnsid });
    Some(link)
}

/// IF_OPER_…, linux/if.h.
fn operational(state: u8) -> &'static str {
    match state {
        1 => "notpresent",
        2 => "down",
        3 => "lowerlayerdown",
        4 => "testing",
        5 => "dormant",
        6 => "up",
        _ => "unknown",
    }
}

/// After `struct ifaddrmsg`: family, prefix, flags, scope, index (4).
fn address(body: &[u8], names: &BTreeMap<u32, &str>) -> Option<Address> {
    let (family, prefix, scope, index) = (u8_at(body, 0)?, u8_at(body, 1)?, u8_at(body, 3)?, u32_at(body, 4)?);
    let (mut local, mut other) = (None, None);
    for (kind, value) in attributes(body.get(8..)?) {
        match kind {
            libc::IFA_LOCAL => local = ip(family, value),
            // For a link between two points this is the other one's.
            libc::IFA_ADDRESS => other = ip(family, value),
            _ => {}
        }
    }
    let scope = match scope {
        libc::RT_SCOPE_UNIVERSE => "global".to_owned(),
        libc::RT_SCOPE_LINK => "link".to_owned(),
        libc::RT_SCOPE_HOST => "host".to_owned(),
        other => other.to_string(),
    };
    let address = local.or(other)?.to_string();
    Some(Address { link: index, dev: name_of(index, names), address, prefix, scope })
}

/// After `struct rtmsg`: family, destination's bits, source's bits, tos, table,
/// protocol, scope, type, flags (4). With its bits, to be sorted by.
fn route(body: &[u8], names: &BTreeMap<u32, &str>) -> Option<(u8, Route)> {
    let (family, bits, table, by, kind) =
        (u8_at(body, 0)?, u8_at(body, 1)?, u8_at(body, 4)?, u8_at(body, 5)?, u8_at(body, 7)?);
    // A kernel before 4.20 gives all tables; RTM_F_CLONED is a cached one of IPv6.
    if table != libc::RT_TABLE_MAIN || u32_at(body, 8)? & libc::RTM_F_CLONED != 0 {
        return None;
    }
    let mut to = "default".to_owned();
    let (mut via, mut dev) = (None, None);
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            libc::RTA_DST => to = format!("{}/{bits}", ip(family, value)?),
            libc::RTA_GATEWAY => via = ip(family, value).map(|via| via.to_string()),
            libc::RTA_OIF => dev = Some(name_of(u32_at(value, 0)?, names)),
            _ => {}
        }
    }
    let kind = match kind {
        libc::RTN_UNICAST => "unicast".to_owned(),
        libc::RTN_BLACKHOLE => "blackhole".to_owned(),
        libc::RTN_UNREACHABLE => "unreachable".to_owned(),
        libc::RTN_PROHIBIT => "prohibit".to_owned(),
        other => other.to_string(),
    };
    let by = match by {
        libc::RTPROT_KERNEL => "kernel".to_owned(),
        libc::RTPROT_BOOT => "boot".to_owned(),
        libc::RTPROT_STATIC => "static".to_owned(),
        other => other.to_string(),
    };
    Some((bits, Route { to, via, dev, kind, by }))
}

/// After `struct ndmsg`: family, 3 unused, index (4), state (2), flags, type.
fn neighbour(body: &[u8], names: &BTreeMap<u32, &str>) -> Option<Neighbour> {
    let (family, index, state) = (u8_at(body, 0)?, u32_at(body, 4)?, u16_at(body, 8)?);
    // NOARP: lo's own, and multicast; nobody was asked.
    if state & libc::NUD_NOARP != 0 {
        return None;
    }
    let (mut address, mut hardware) = (None, None);
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            libc::NDA_DST => address = ip(family, value),
            libc::NDA_LLADDR => hardware = mac(value),
            _ => {}
        }
    }
    Some(Neighbour { address: address?.to_string(), mac: hardware?, dev: name_of(index, names) })
}

/// `struct inet_diag_msg`: family, state, 2 unused, ports (2, 2, in the network's
/// order), addresses (16, 16), interface (4), cookie (8), expires (4), two queues (4,
/// 4), uid (4), inode (4).
fn listener(body: &[u8], protocol: &str) -> Option<Listener> {
    let family = u8_at(body, 0)?;
    let port = u16::from_be_bytes(*body.get(4..)?.first_chunk()?);
    let address = ip(family, body.get(8..24)?)?.to_string();
    let (uid, inode) = (u32_at(body, 64)?, u32_at(body, 68)?);
    Some(Listener { protocol: protocol.to_owned(), address, port, uid, inode, pid: None, program: None })
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

fn mac(value: &[u8]) -> Option<String> {
    let parts: Vec<String> = value.iter().map(|byte| format!("{byte:02x}")).collect();
    (!parts.is_empty()).then(|| parts.join(":"))
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    if i32::from(family) == libc::AF_INET6 {
        Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into())
    } else {
        Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into())
    }
}

fn name_of(index: u32, names: &BTreeMap<u32, &str>) -> String {
    names.get(&index).map_or_else(|| format!("if{index}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(index: u32, flags: i32) -> Vec<u8> {
        let mut header = link_header(index, flags, 0).to_vec();
        header[2..4].copy_from_slice(&libc::ARPHRD_ETHER.to_ne_bytes());
        header
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let bytes = Message::new(0, 0, &[]).with(kind, value).numbered(0);
        bytes[16..].to_vec()
    }

    #[test]
    fn a_name_that_is_no_text_does_not_spoil_the_link() {
        let body = [header(7, libc::IFF_UP), attribute(libc::IFLA_IFNAME, b"a\xff\x1b[2J\0")].concat();
        let link = link(&body).expect("a link");
        assert_eq!((link.index, link.name.as_str(), link.kind.as_str()), (7, "a\u{fffd}\u{1b}[2J", "ether"));
        assert_eq!((link.up, link.carrier), (true, false));
    }

    #[test]
    fn the_other_end_is_that_of_a_veth_only() {
        let tied = [
            attribute(libc::IFLA_LINK, &9_u32.to_ne_bytes()),
            attribute(libc::IFLA_LINK_NETNSID, &0_u32.to_ne_bytes()),
        ]
        .concat();
        let kind = attribute(libc::IFLA_INFO_KIND, b"veth\0");
        let veth = [header(2, 0), tied.clone(), attribute(libc::IFLA_LINKINFO, &kind)].concat();
        assert_eq!(link(&veth).expect("a link").peer, Some(Peer { index: 9, netnsid: Some(0) }));
        assert_eq!(link(&[header(2, 0), tied].concat()).expect("a link").peer, None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            let names = BTreeMap::new();
            let _ = (link(&bytes), address(&bytes, &names), route(&bytes, &names), neighbour(&bytes, &names), listener(&bytes, "tcp"));
        }
    }
}
