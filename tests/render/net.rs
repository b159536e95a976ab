//! The network pane: what of it is one, what only looks alike.

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::model::{Address, Link, Listener, Net, Peer, Route};
use cloison::observe::{Reading, Snapshot};
use cloison::ui::layout::Pane;
use insta::assert_snapshot;

use crate::scene::{Scene, unread};

fn link(index: u32, name: &str, up: bool, peer: Option<u32>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind: if name == "lo" { "loopback" } else { "veth" }.to_owned(),
        mac: Some(format!("02:00:00:00:00:{index:02x}")),
        up,
        carrier: up,
        state: "up".to_owned(),
        mtu: 1500,
        master: None,
        peer: peer.map(|index| Peer { index, netnsid: Some(0) }),
    }
}

fn address(link: u32, dev: &str, address: &str, prefix: u8) -> Address {
    Address { link, dev: dev.to_owned(), address: address.to_owned(), prefix, scope: "global".to_owned() }
}

fn listener(port: u16, inode: u32, program: Option<&str>) -> Listener {
    Listener {
        protocol: "tcp".to_owned(),
        address: "127.0.0.1".to_owned(),
        port,
        uid: 0,
        inode,
        pid: program.map(|_| 2),
        program: program.map(str::to_owned),
    }
}

fn route(to: &str, dev: &str) -> Route {
    let (kind, by) = ("unicast".to_owned(), "kernel".to_owned());
    Route { to: to.to_owned(), via: None, dev: Some(dev.to_owned()), kind, by }
}

fn side(links: Vec<Link>, addresses: Vec<Address>, listeners: Vec<Listener>, routes: Vec<Route>) -> Net {
    Net {
        links: Reading::Read(links),
        addresses: Reading::Read(addresses),
        listeners: Reading::Read(listeners),
        routes: Reading::Read(routes),
        ..Net::default()
    }
}

/// A host with a cable into the box, another to nobody knows where, and a port that
/// both sides have.
fn networks(snapshot: &mut Snapshot) {
    snapshot.host.ns.insert(NsKind::Net, Reading::Read(1));
    snapshot.host.net = side(
        vec![link(1, "lo", true, None), link(2, "enp1s0", true, None), link(7, "veth7", true, Some(2))],
        vec![
            address(1, "lo", "127.0.0.1", 8),
            address(2, "enp1s0", "192.0.2.7", 24),
            address(7, "veth7", "10.7.0.1", 24),
        ],
        vec![listener(22, 70, None), listener(8080, 71, Some("outside"))],
        vec![route("192.0.2.0/24", "enp1s0")],
    );
    let Reading::Read(seen) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
    seen.ns.insert(NsKind::Net, Reading::Read(2));
    seen.net = side(
        vec![link(1, "lo", false, None), link(2, "eth0", true, Some(7)), link(3, "far\x1b[2J\u{202e}", true, Some(2))],
        vec![address(2, "eth0", "10.7.0.2", 24)],
        vec![listener(8080, 90, Some("box"))],
        vec![route("10.7.0.0/24", "eth0")],
    );
    let mut peer = snapshot.actors["box"].clone();
    let Reading::Read(seen) = &mut peer.seen else { panic!() };
    seen.ns.insert(NsKind::Net, Reading::Read(3));
    seen.net = side(vec![link(2, "near", true, Some(3))], vec![], vec![], vec![]);
    snapshot.actors.insert("peer".to_owned(), peer);
}

fn scene() -> Scene {
    Scene::lesson().step("unshare").snapshot(networks).wait(5_000).pane(Pane::Net)
}

#[test]
fn network_at_120x36() {
    assert_snapshot!(scene().text());
}

#[test]
fn network_at_80x24_in_french() {
    assert_snapshot!(scene().size(80, 24).lang(Fr).text());
}

#[test]
fn a_cable_is_joined_a_loopback_and_a_port_are_not() {
    let text = scene().size(200, 60).text();
    let line = |what: &str| {
        text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {text}")).to_owned()
    };
    assert!(line("veth7").contains('┼') && line("veth7").contains("eth0"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains(" lo ") && !line.contains('┼')).count(), 2, "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("tcp 8080") && !line.contains('┼')).count(), 2, "{text}");
    assert!(line("far").contains("→ peer: near"), "{text}");
    assert!(line("enp1s0").contains("not visible from the box"), "there is room for it: {text}");
}

#[test]
fn the_name_of_an_interface_can_do_nothing_to_the_terminal() {
    let text = scene().text();
    assert!(text.contains("far␛[2J\\u{202e}"), "{text}");
    assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
}

#[test]
fn a_network_that_can_not_be_read_says_why() {
    let scene = scene().snapshot(|snapshot| snapshot.host.net.links = unread());
    assert!(scene.says("not readable: /proc/48213/␛]0;x"), "{}", scene.text());
}
