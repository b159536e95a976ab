//! Networks on the real kernel: links, addresses, routes and connections between
//! boxes, and what each side sees of them. Run as root and as an ordinary user;
//! needs no ip(8).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support {
    pub mod lab;
    pub mod skip;
}

use std::time::{Duration, Instant};

use cloison::kernel::netlink;
use cloison::lab::Lab;
use cloison::lesson::op::{LinkOp, MapKind, NsKind, Op};
use cloison::observe::model::{Link, Net};
use cloison::observe::{self, Known, Reading, Sampler, Snapshot, View, twin};

use support::lab::{lab, must, refused};
use support::skip::skip;

fn view(lab: &mut Lab, actor: &str) -> View {
    let bytes = lab.view(actor, &[], Duration::from_secs(10)).unwrap().expect("an answer in time");
    observe::Told::decode(&bytes).unwrap().view
}

fn net(lab: &mut Lab, actor: &str) -> Net {
    view(lab, actor).net
}

fn link(net: &Net, name: &str) -> Link {
    let links = net.links.read().unwrap();
    links.iter().find(|link| link.name == name).unwrap_or_else(|| panic!("no {name} in {links:#?}")).clone()
}

fn veth(name: &str, actor: &str, peer: &str) -> Op {
    Op::Link(LinkOp::Veth { name: name.into(), actor: actor.into(), peer: peer.into() })
}

fn up(name: &str) -> Op {
    Op::Link(LinkOp::Up { name: name.into() })
}

fn address(dev: &str, add: &str) -> Op {
    Op::Address { dev: dev.into(), add: add.into() }
}

fn listen(at: &str) -> Op {
    Op::Listen { at: at.into() }
}

fn connect(to: &str, hears: &str) -> Op {
    Op::Connect { to: to.into(), hears: Some(hears.into()) }
}

fn route(to: &str, via: Option<&str>, dev: Option<&str>) -> Op {
    Op::Route { to: to.into(), via: via.map(str::to_owned), dev: dev.map(str::to_owned) }
}

/// `box` in a user and a network namespace, and its children, each in a network
/// namespace of its own that belongs to the same user namespace.
fn boxes(lab: &mut Lab, children: &[&str]) {
    lab.spawn("box").unwrap();
    boxed_off(lab);
    for child in children {
        must(lab, "box", &Op::Fork { child: (*child).into() });
        must(lab, child, &Op::Unshare { kinds: vec![NsKind::Net], map: None });
    }
}

/// The machine with all actors' views, as the screen has it.
fn snapshot(lab: &mut Lab) -> Snapshot {
    let actors: Vec<(String, u32)> = lab.actors().iter().map(|one| (one.name.clone(), one.pid)).collect();
    let known = actors.into_iter().map(|(name, pid)| {
        let seen = Reading::Read(view(lab, &name));
        Known { name, pid, alive: true, exit: None, seen, told: observe::Sections::ALL, stale: None }
    });
    let known = known.collect();
    Sampler::new().unwrap().snapshot(known)
}

#[test]
fn a_new_network_has_a_lo_that_is_down_and_gets_its_address_when_it_goes_up() {
    let mut lab = lab();
    boxes(&mut lab, &[]);
    let before = net(&mut lab, "box");
    let lo = link(&before, "lo");
    assert_eq!((lo.kind.as_str(), lo.up, lo.carrier, lo.index), ("loopback", false, false, 1));
    assert_eq!(before.addresses.read().unwrap().len(), 0);
    assert_eq!(before.routes.read().unwrap().len(), 0);
    assert_eq!(refused(&mut lab, "box", &connect("127.0.0.1:20000", "box")), "ENETUNREACH");
    let made = must(&mut lab, "box", &up("lo"));
    assert_eq!(made.calls[0].to_string(), "sendmsg(NETLINK_ROUTE, RTM_NEWLINK{\"lo\", IFF_UP}) = 0");
    let after = net(&mut lab, "box");
    assert!(link(&after, "lo").up);
    let addresses = after.addresses.read().unwrap();
    let v4 = addresses.iter().find(|one| one.address == "127.0.0.1").unwrap();
    assert_eq!((v4.dev.as_str(), v4.prefix, v4.scope.as_str()), ("lo", 8, "host"));
    assert_eq!(refused(&mut lab, "box", &connect("127.0.0.1:20000", "box")), "ECONNREFUSED");
    must(&mut lab, "box", &Op::Link(LinkOp::Down { name: "lo".into() }));
    assert!(!link(&net(&mut lab, "box"), "lo").up);
}

#[test]
fn a_veth_pair_is_one_cable_between_two_boxes_and_the_host_sees_neither_end() {
    let mut lab = lab();
    boxes(&mut lab, &["peer"]);
    let made = must(&mut lab, "box", &veth("one", "peer", "other"));
    let shown = made.calls[0].to_string();
    assert!(shown.starts_with("sendmsg(NETLINK_ROUTE, RTM_NEWLINK{veth \"one\", peer \"other\" in /proc/"), "{shown}");
    assert!(shown.ends_with("/ns/net}, NLM_F_CREATE|NLM_F_EXCL) = 0"), "{shown}");

    let seen = snapshot(&mut lab);
    let of = |actor: &str| seen.actors[actor].seen.read().unwrap();
    let (one, other) = (link(&of("box").net, "one"), link(&of("peer").net, "other"));
    assert_eq!((one.kind.as_str(), one.peer.unwrap().index), ("veth", other.index));
    assert!(one.peer.unwrap().netnsid.is_some(), "it is in another namespace");
    assert!(seen.host.net.links.read().unwrap().iter().all(|link| link.mac != one.mac && link.mac != other.mac));
    let rows = twin::net(&seen, "box").rows;
    let end = rows.iter().find_map(|row| match &row.inside {
        Some(twin::NetFace::Link { link, other, .. }) if link.name == "one" => Some((row.host.is_none(), *other)),
        _ => None,
    });
    let (alone, end) = end.unwrap();
    assert!(alone, "no face on the host");
    assert_eq!(end.map(|end| (end.actor, end.link.name.as_str())), Some(("peer", "other")));

    must(&mut lab, "box", &address("one", "10.77.1.1/24"));
    must(&mut lab, "peer", &address("other", "10.77.1.2/24"));
    must(&mut lab, "box", &up("one"));
    assert!(!link(&net(&mut lab, "box"), "one").carrier, "nobody at the other end yet");
    must(&mut lab, "peer", &up("other"));
    must(&mut lab, "peer", &listen("10.77.1.2:20001"));
    must(&mut lab, "box", &connect("10.77.1.2:20001", "peer"));
    let after = net(&mut lab, "box");
    assert_eq!((link(&after, "one").carrier, link(&after, "one").state.as_str()), (true, "up"));
    let routes = after.routes.read().unwrap();
    let found = routes.iter().find(|route| route.to == "10.77.1.0/24").unwrap();
    assert_eq!((found.dev.as_deref(), found.by.as_str()), (Some("one"), "kernel"));
    let neighbours = after.neighbours.read().unwrap();
    let met = neighbours.iter().find(|one| one.address == "10.77.1.2").unwrap();
    assert_eq!((Some(&met.mac), met.dev.as_str()), (other.mac.as_ref(), "one"));

    must(&mut lab, "box", &Op::Link(LinkOp::Delete { name: "one".into() }));
    let kinds: Vec<String> = net(&mut lab, "peer").links.read().unwrap().iter().map(|link| link.kind.clone()).collect();
    assert!(!kinds.contains(&"veth".to_owned()), "{kinds:?}");
}

#[test]
fn a_bridge_in_a_third_box_joins_two() {
    let mut lab = lab();
    boxes(&mut lab, &["left", "right"]);
    must(&mut lab, "box", &Op::Link(LinkOp::Bridge { name: "br0".into() }));
    for (port, actor, own) in [("p1", "left", "10.77.2.1/24"), ("p2", "right", "10.77.2.2/24")] {
        must(&mut lab, "box", &veth(port, actor, "eth0"));
        must(&mut lab, "box", &Op::Link(LinkOp::Port { name: port.into(), of: "br0".into() }));
        must(&mut lab, "box", &up(port));
        must(&mut lab, actor, &address("eth0", own));
        must(&mut lab, actor, &up("eth0"));
    }
    must(&mut lab, "box", &up("br0"));
    let seen = net(&mut lab, "box");
    let bridge = link(&seen, "br0");
    assert_eq!(bridge.kind, "bridge");
    assert_eq!((link(&seen, "p1").master, link(&seen, "p2").master), (Some(bridge.index), Some(bridge.index)));
    must(&mut lab, "right", &listen("10.77.2.2:20002"));
    must(&mut lab, "left", &connect("10.77.2.2:20002", "right"));
    // Two cables, and each end knows its own other end.
    let seen = snapshot(&mut lab);
    for (actor, port) in [("left", "p1"), ("right", "p2")] {
        let rows = twin::net(&seen, actor).rows;
        let ends: Vec<&str> = rows
            .iter()
            .filter_map(|row| match &row.inside {
                Some(twin::NetFace::Link { other: Some(other), .. }) => Some(other.link.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(ends, [port]);
    }
}

#[test]
fn routes_lead_out_by_a_neighbour_and_the_kernel_refuses_one_that_none_can_reach() {
    let mut lab = lab();
    boxes(&mut lab, &["peer"]);
    must(&mut lab, "box", &veth("one", "peer", "other"));
    must(&mut lab, "box", &address("one", "10.77.3.1/24"));
    must(&mut lab, "box", &address("one", "fd77::1/64"));
    must(&mut lab, "box", &up("one"));
    must(&mut lab, "peer", &up("other"));
    must(&mut lab, "box", &route("default", Some("10.77.3.2"), None));
    must(&mut lab, "box", &route("10.99.0.0/16", None, Some("one")));
    must(&mut lab, "box", &route("fd99::/64", Some("fd77::2"), None));
    let routes = net(&mut lab, "box").routes.read().unwrap().clone();
    let shown: Vec<(&str, Option<&str>, &str)> =
        routes.iter().map(|route| (route.to.as_str(), route.via.as_deref(), route.by.as_str())).collect();
    assert!(shown.contains(&("default", Some("10.77.3.2"), "static")), "{shown:?}");
    assert!(shown.contains(&("10.99.0.0/16", None, "static")), "{shown:?}");
    assert!(shown.contains(&("fd99::/64", Some("fd77::2"), "static")), "{shown:?}");
    assert_eq!(refused(&mut lab, "box", &route("10.98.0.0/16", Some("192.0.2.1"), Some("one"))), "ENETUNREACH");
    assert_eq!(refused(&mut lab, "box", &route("default", Some("10.77.3.2"), None)), "EEXIST");
}

#[test]
fn mistakes_have_the_errno_of_the_kernel() {
    let mut lab = lab();
    boxes(&mut lab, &[]);
    lab.spawn("outside").unwrap();
    assert_eq!(refused(&mut lab, "box", &up("nothing")), "ENODEV");
    assert_eq!(refused(&mut lab, "box", &address("nothing", "10.0.0.1/8")), "ENODEV");
    assert_eq!(refused(&mut lab, "box", &Op::Link(LinkOp::Delete { name: "lo".into() })), "EOPNOTSUPP");
    must(&mut lab, "box", &Op::Link(LinkOp::Bridge { name: "br0".into() }));
    assert_eq!(refused(&mut lab, "box", &Op::Link(LinkOp::Bridge { name: "br0".into() })), "EEXIST");
    // The host's network belongs to another user namespace, whoever started the lab.
    assert_eq!(refused(&mut lab, "box", &veth("one", "outside", "other")), "EPERM");
    // Before its first address a network has no table to look an address up in.
    must(&mut lab, "box", &up("lo"));
    assert_eq!(refused(&mut lab, "box", &listen("192.0.2.1:20003")), "EADDRNOTAVAIL");
    let missing = lab.perform("box", &veth("one", "nobody", "other"));
    assert!(missing.is_err(), "{missing:?}");
}

#[test]
fn a_port_is_given_once_in_each_network_and_every_listener_says_whose_it_is() {
    let mut lab = lab();
    boxes(&mut lab, &["peer"]);
    for actor in ["box", "peer"] {
        must(&mut lab, actor, &up("lo"));
        must(&mut lab, actor, &listen("127.0.0.1:20004"));
        must(&mut lab, actor, &connect("127.0.0.1:20004", actor));
    }
    assert_eq!(refused(&mut lab, "box", &listen("127.0.0.1:20004")), "EADDRINUSE");
    assert_eq!(refused(&mut lab, "box", &connect("127.0.0.1:20004", "peer")), "EBADMSG");
    let seen = net(&mut lab, "box");
    let listeners = seen.listeners.read().unwrap();
    let [one] = &listeners[..] else { panic!("one listener: {listeners:#?}") };
    assert_eq!((one.protocol.as_str(), one.address.as_str(), one.port, one.uid), ("tcp", "127.0.0.1", 20004, 0));
    assert_eq!(one.program.as_deref(), Some("box"), "found among the actor's own");
    // Whoever says nothing for ever does not hold a lab up.
    let argv = ["bash", "-c", "exec 3<>/dev/udp/127.0.0.1/9; exec sleep 60"].map(str::to_owned).to_vec();
    must(&mut lab, "box", &Op::Run { argv, seconds: 5, background: true, trace: false });
    let pid = one.pid.unwrap();
    drop(lab);
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("20004")) {
        assert!(Instant::now() < deadline, "the listener outlives its lab");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_port_that_another_program_has_is_refused_with_whose_it_is() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let (uid, pid) = (nix::unistd::geteuid(), std::process::id());
    for asked in [at.to_string(), format!("0.0.0.0:{}", at.port())] {
        let (errno, doing) = lab.perform("box", &listen(&asked)).unwrap().failure.unwrap();
        assert_eq!(errno.symbol(), "EADDRINUSE");
        assert!(doing.starts_with(&format!("listen {asked}, UID {uid}, PID {pid} (")), "{doing}");
    }
    // In a network of its own the port is free.
    boxed_off(&mut lab);
    must(&mut lab, "box", &up("lo"));
    must(&mut lab, "box", &listen(&at.to_string()));
}

fn boxed_off(lab: &mut Lab) {
    must(lab, "box", &Op::Unshare { kinds: vec![NsKind::User, NsKind::Net], map: Some(MapKind::Root) });
}

#[test]
fn both_ends_of_a_pair_in_one_network_are_two_links_without_a_number_for_another() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    // Asked for at once: the namespace meant is the one that is yet to be made.
    let leave = Op::Unshare { kinds: vec![NsKind::User, NsKind::Net], map: Some(MapKind::Root) };
    let asked = [leave, veth("one", "box", "other")].map(|op| ("box".to_owned(), op));
    let (done, failure) = lab.perform_all(asked.to_vec()).unwrap();
    assert!(failure.is_none() && done.iter().all(|one| one.failure.is_none()), "{done:#?}");
    let seen = net(&mut lab, "box");
    let (one, other) = (link(&seen, "one"), link(&seen, "other"));
    assert_eq!((one.peer.unwrap().index, one.peer.unwrap().netnsid), (other.index, None));
}

#[test]
fn a_name_full_of_control_characters_is_read_as_it_is() {
    let mut lab = lab();
    boxes(&mut lab, &[]);
    let name = "a\x1b[2J\u{202e}x";
    must(&mut lab, "box", &Op::Link(LinkOp::Bridge { name: name.into() }));
    assert_eq!(link(&net(&mut lab, "box"), name).name, name);
}

#[test]
fn what_changes_between_two_looks_is_seen_by_the_second() {
    if !nix::unistd::geteuid().is_root() {
        return skip("what_changes_between_two_looks_is_seen_by_the_second", "needs root");
    }
    // Only this thread leaves the network.
    let thread = std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let proc = observe::ProcDir::open(std::path::Path::new("/proc")).unwrap();
        let mut scratch = observe::Scratch::default();
        let trace = &mut cloison::kernel::Trace::default();
        let mut look = || observe::view(Ok(&proc), &mut scratch).net;
        for _ in 0..3 {
            assert!(!link(&look(), "lo").up);
        }
        netlink::set_up(trace, "lo", true).unwrap();
        let seen = look();
        assert!(link(&seen, "lo").up && !seen.addresses.read().unwrap().is_empty());
        netlink::add_bridge(trace, "br0").unwrap();
        assert_eq!(link(&look(), "br0").kind, "bridge");
        netlink::delete_link(trace, "br0").unwrap();
        assert_eq!(look().links.read().unwrap().len(), seen.links.read().unwrap().len());
    });
    thread.join().unwrap();
}

#[test]
fn every_one_of_many_links_is_read() {
    let mut lab = lab();
    boxes(&mut lab, &[]);
    for number in 0..250 {
        must(&mut lab, "box", &veth(&format!("a{number}"), "box", &format!("b{number}")));
    }
    let links = net(&mut lab, "box").links.read().unwrap().len();
    assert!(links > 500, "{links}");
}
