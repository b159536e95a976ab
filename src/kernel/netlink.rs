//! rtnetlink(7) without ip(8): links, addresses and routes of the calling process's
//! own network namespace. Called by actors to change it, and by `read::net`, which
//! only looks. Each change is one request, recorded with the kernel's answer to it
//! as its result: sendmsg(2) itself only hands it over.

mod socket;
pub mod wire;

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::call::{Errno, Trace, quoted};
use super::read;
pub use socket::Netlink;
use wire::Message;

/// `VETH_INFO_PEER`, linux/veth.h.
const VETH_INFO_PEER: u16 = 1;
/// Make it, and only where there is none.
const NEW: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// `struct ifinfomsg` of the link with this index (0: named by an attribute), with
/// these flags to be set or cleared where `change` says so.
pub fn link_header(index: u32, flags: i32, change: i32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

/// A veth pair, veth(4): `name` here, `peer` in the network namespace behind a
/// descriptor, which the trace shows as `label`. EPERM without CAP_NET_ADMIN over
/// the owners of both namespaces, on every kernel; EEXIST where a name is taken; EOPNOTSUPP where
/// this kernel has no veth.
pub fn add_veth(
    trace: &mut Trace,
    name: &str,
    peer: &str,
    namespace: BorrowedFd<'_>,
    label: &str,
) -> Result<(), Errno> {
    // Linux 6.1 does not ask for rights over the other namespace: any box could put a
    // link into the host's. Asked here, it is shown where the answer is no.
    let mut asked = Trace::default();
    let args = vec![label.to_owned(), "NS_GET_USERNS".to_owned()];
    let owner = asked.record("ioctl", args, || read::owner(namespace).map_err(raw), |fd| fd.as_raw_fd().into());
    if let Err(errno) = owner {
        trace.calls.append(&mut asked.calls);
        return Err(errno);
    }
    let message = Message::new(libc::RTM_NEWLINK, NEW, &link_header(0, 0, 0))
        .with_text(libc::IFLA_IFNAME, name)
        .with_nested(libc::IFLA_LINKINFO, |info| {
            info.with_text(libc::IFLA_INFO_KIND, "veth").with_nested(libc::IFLA_INFO_DATA, |data| {
                data.with_nested(VETH_INFO_PEER, |end| {
                    end.with_bytes(&link_header(0, 0, 0))
                        .with_text(libc::IFLA_IFNAME, peer)
                        .with(libc::IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes())
                })
            })
        });
    let shown = format!("veth {}, peer {} in {label}", quoted(name), quoted(peer));
    change(trace, "RTM_NEWLINK", &shown, "NLM_F_CREATE|NLM_F_EXCL", message)
}

/// A bridge. Errors as for [`add_veth`].
pub fn add_bridge(trace: &mut Trace, name: &str) -> Result<(), Errno> {
    let message = Message::new(libc::RTM_NEWLINK, NEW, &link_header(0, 0, 0))
        .with_text(libc::IFLA_IFNAME, name)
        .with_nested(libc::IFLA_LINKINFO, |info| info.with_text(libc::IFLA_INFO_KIND, "bridge"));
    change(trace, "RTM_NEWLINK", &format!("bridge {}", quoted(name)), "NLM_F_CREATE|NLM_F_EXCL", message)
}

/// Sets or clears IFF_UP. ENODEV where there is no such link.
pub fn set_up(trace: &mut Trace, name: &str, up: bool) -> Result<(), Errno> {
    let flags = if up { libc::IFF_UP } else { 0 };
    let header = link_header(0, flags, libc::IFF_UP);
    let message = Message::new(libc::RTM_NEWLINK, 0, &header).with_text(libc::IFLA_IFNAME, name);
    let shown = format!("{}, {}", quoted(name), if up { "IFF_UP" } else { "~IFF_UP" });
    change(trace, "RTM_NEWLINK", &shown, "", message)
}

/// Makes a link a port of a bridge. ENODEV where one of them is not there.
pub fn set_master(trace: &mut Trace, name: &str, master: &str) -> Result<(), Errno> {
    let index = index_of(trace, master)?;
    let message = Message::new(libc::RTM_NEWLINK, 0, &link_header(0, 0, 0))
        .with_text(libc::IFLA_IFNAME, name)
        .with(libc::IFLA_MASTER, &index.to_ne_bytes());
    change(trace, "RTM_NEWLINK", &format!("{}, master {index}", quoted(name)), "", message)
}

/// Deletes a link; of a veth pair, both ends. EOPNOTSUPP for one that can't be, lo
/// among them.
pub fn delete_link(trace: &mut Trace, name: &str) -> Result<(), Errno> {
    let message = Message::new(libc::RTM_DELLINK, 0, &link_header(0, 0, 0)).with_text(libc::IFLA_IFNAME, name);
    change(trace, "RTM_DELLINK", &quoted(name), "", message)
}

/// Gives a link an address, usable at once (for IPv6: without a search for others
/// that have it). EEXIST where it has it already.
pub fn add_address(trace: &mut Trace, name: &str, address: IpAddr, prefix: u8) -> Result<(), Errno> {
    let index = index_of(trace, name)?;
    let nodad = if address.is_ipv6() { libc::IFA_F_NODAD as u8 } else { 0 };
    let mut header = vec![family(address), prefix, nodad, libc::RT_SCOPE_UNIVERSE];
    header.extend(index.to_ne_bytes());
    let bytes = octets(address);
    let message =
        Message::new(libc::RTM_NEWADDR, NEW, &header).with(libc::IFA_LOCAL, &bytes).with(libc::IFA_ADDRESS, &bytes);
    change(trace, "RTM_NEWADDR", &format!("{address}/{prefix}, link {index}"), "NLM_F_CREATE|NLM_F_EXCL", message)
}

/// Where packets go.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The network; nothing for all that no other route takes.
    pub to: Option<(IpAddr, u8)>,
    /// The next host on the way.
    pub via: Option<IpAddr>,
    /// The link; where there is none the kernel finds the one that `via` is on.
    pub dev: Option<&'a str>,
}

/// Adds a route to the main table. ENETUNREACH where `via` can't be reached
/// directly; EEXIST where there is one.
pub fn add_route(trace: &mut Trace, way: Way<'_>) -> Result<(), Errno> {
    let index = way.dev.map(|dev| index_of(trace, dev)).transpose()?;
    let of = way.to.map(|(to, _)| to).or(way.via);
    let length = way.to.map_or(0, |(_, prefix)| prefix);
    let scope = if way.via.is_some() { libc::RT_SCOPE_UNIVERSE } else { libc::RT_SCOPE_LINK };
    let family = of.map_or(libc::AF_INET as u8, family);
    let mut header = vec![family, length, 0, 0, libc::RT_TABLE_MAIN, libc::RTPROT_STATIC, scope, libc::RTN_UNICAST];
    header.extend([0; 4]);
    let mut message = Message::new(libc::RTM_NEWROUTE, NEW, &header);
    let mut shown = vec![way.to.map_or_else(|| "default".to_owned(), |(to, prefix)| format!("{to}/{prefix}"))];
    if let Some((to, _)) = way.to {
        message = message.with(libc::RTA_DST, &octets(to));
    }
    if let Some(via) = way.via {
        message = message.with(libc::RTA_GATEWAY, &octets(via));
        shown.push(format!("via {via}"));
    }
    if let Some(index) = index {
        message = message.with(libc::RTA_OIF, &index.to_ne_bytes());
        shown.push(format!("link {index}"));
    }
    change(trace, "RTM_NEWROUTE", &shown.join(", "), "NLM_F_CREATE|NLM_F_EXCL", message)
}

/// The index of a link. ENODEV where there is none of this name.
fn index_of(trace: &mut Trace, name: &str) -> Result<u32, Errno> {
    let question = Message::new(libc::RTM_GETLINK, 0, &link_header(0, 0, 0)).with_text(libc::IFLA_IFNAME, name);
    let args = vec!["NETLINK_ROUTE".to_owned(), format!("RTM_GETLINK{{{}}}", quoted(name))];
    let ask = || {
        let body = Netlink::route().and_then(|mut socket| socket.one(question)).map_err(raw)?;
        wire::u32_at(&body, 4).ok_or(nix::errno::Errno::EPROTO)
    };
    trace.record("sendmsg", args, ask, |index| i64::from(*index))
}

fn change(trace: &mut Trace, kind: &str, shown: &str, flags: &str, mut message: Message) -> Result<(), Errno> {
    message.ask_for_an_answer();
    let mut args = vec!["NETLINK_ROUTE".to_owned(), format!("{kind}{{{shown}}}")];
    args.extend((!flags.is_empty()).then(|| flags.to_owned()));
    let ask = || Netlink::route().and_then(|mut socket| socket.change(message)).map_err(raw);
    trace.record("sendmsg", args, ask, |()| 0)
}

fn raw(errno: Errno) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(errno.0)
}

fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
