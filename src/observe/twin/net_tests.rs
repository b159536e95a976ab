use std::collections::BTreeMap;

use super::*;
use crate::kernel::Errno;
use crate::observe::diff;
use crate::observe::model::{ActorView, Clocks, Ipc, Namespaces, Peer, Unread};
use crate::observe::{Change, Changes};

fn link(index: u32, name: &str, peer: Option<u32>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind: if name == "lo" { "loopback" } else { "veth" }.to_owned(),
        mac: None,
        up: true,
        carrier: true,
        state: "up".to_owned(),
        mtu: 1500,
        master: None,
        peer: peer.map(|index| Peer { index, netnsid: Some(0) }),
    }
}

fn listener(port: u16, inode: u32) -> Listener {
    let (protocol, address) = ("tcp".to_owned(), "0.0.0.0".to_owned());
    Listener { protocol, address, port, uid: 0, inode, pid: None, program: None }
}

fn why() -> Unread {
    Unread { path: "x".to_owned(), errno: Errno(libc::EACCES) }
}

fn side(ns: u64, links: Vec<Link>, listeners: Vec<Listener>) -> View {
    fn no<T>() -> Reading<T> {
        Reading::Unread(why())
    }
    View {
        ids: no(),
        uts: no(),
        ns: BTreeMap::from([(NsKind::Net, Reading::Read(ns))]),
        owners: BTreeMap::new(),
        processes: no(),
        mounts: no(),
        users: no(),
        root: no(),
        caps: no(),
        securebits: no(),
        seccomp: no(),
        filters: no(),
        no_new_privs: no(),
        cgroup: no(),
        init_cgroup: no(),
        ipc: Ipc::unread(&why()),
        clocks: Clocks::unread(&why()),
        time: no(),
        lsm: no(),
        overlays: Vec::new(),
        volumes: Vec::new(),
        files: BTreeMap::new(),
        net: Net { links: Reading::Read(links), listeners: Reading::Read(listeners), ..Net::default() },
        group: None,
    }
}

fn machine(host: View, actors: Vec<(&str, View)>) -> Snapshot {
    let actor = |seen: View| ActorView {
        pid: 1,
        alive: true,
        exit: None,
        ns: BTreeMap::new(),
        walls: BTreeMap::new(),
        users: Reading::Unread(why()),
        cgroup: Reading::Unread(why()),
        seen: Reading::Read(seen),
        stale: None,
        files: BTreeMap::new(),
    };
    let actors = actors.into_iter().map(|(name, seen)| (name.to_owned(), actor(seen))).collect();
    Snapshot {
        taken: 0,
        host,
        actors,
        lab: Vec::new(),
        namespaces: Namespaces::default(),
        traced: BTreeMap::new(),
        lsm: crate::observe::lsm::modules(),
        filters: BTreeMap::new(),
        cgroups: None,
    }
}

fn name(face: &NetFace<'_>) -> String {
    match face {
        NetFace::Link { link, .. } => link.name.clone(),
        NetFace::Listener(one) => one.port.to_string(),
        NetFace::Route(route) => route.to.clone(),
    }
}

/// The rows that stand by themselves: the host's face, the box's.
fn rows(snapshot: &Snapshot) -> Vec<(String, String)> {
    let twin = net(snapshot, "box");
    let face = |face: &Option<NetFace<'_>>| face.as_ref().map_or_else(|| "-".to_owned(), name);
    twin.unfolded().iter().map(|row| (face(&row.host), face(&row.inside))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(host, inside)| ((*host).to_owned(), (*inside).to_owned())).collect()
}

#[test]
fn in_one_network_everything_is_one_row() {
    let both = || side(1, vec![link(1, "lo", None), link(2, "eth0", None)], vec![listener(80, 9)]);
    assert_eq!(rows(&machine(both(), vec![("box", both())])), pairs(&[("lo", "lo"), ("eth0", "eth0"), ("80", "80")]));
}

#[test]
fn in_two_networks_lo_is_two_rows_and_so_is_a_port_and_the_hosts_crowd_folds() {
    let labs = Listener { pid: Some(7), ..listener(90, 11) };
    let host = side(1, vec![link(1, "lo", None), link(2, "eth0", None)], vec![listener(22, 8), listener(80, 9), labs]);
    let boxed = side(2, vec![link(1, "lo", None)], vec![listener(80, 10)]);
    let snapshot = machine(host, vec![("box", boxed)]);
    assert_eq!(rows(&snapshot), pairs(&[("-", "lo"), ("-", "80"), ("lo", "-"), ("80", "-"), ("90", "-")]));
    assert_eq!(net(&snapshot, "box").folded(), 2);
}

#[test]
fn a_cable_to_the_host_is_one_row() {
    let host = side(1, vec![link(1, "lo", None), link(7, "veth7", Some(2)), link(9, "veth9", Some(2))], vec![]);
    let boxed = side(2, vec![link(2, "eth0", Some(9))], vec![]);
    assert_eq!(rows(&machine(host, vec![("box", boxed)])), pairs(&[("veth9", "eth0"), ("lo", "-")]));
}

#[test]
fn a_cable_to_another_actor_names_it_and_one_that_could_lead_to_two_names_none() {
    let ends = |others: Vec<(&str, View)>| {
        let mut actors = vec![("box", side(2, vec![link(2, "one", Some(2))], vec![]))];
        actors.extend(others);
        let snapshot = machine(side(1, vec![], vec![]), actors);
        let twin = net(&snapshot, "box");
        match &twin.rows[0].inside {
            Some(NetFace::Link { other, .. }) => other.map(|other| (other.actor.to_owned(), other.link.name.clone())),
            other => panic!("a link: {other:?}"),
        }
    };
    let peer = |ns| side(ns, vec![link(2, "two", Some(2))], vec![]);
    assert_eq!(ends(vec![("peer", peer(3))]), Some(("peer".to_owned(), "two".to_owned())));
    assert_eq!(ends(vec![("peer", peer(3)), ("same", peer(3))]).map(|end| end.0), Some("peer".to_owned()));
    assert_eq!(ends(vec![("peer", peer(3)), ("third", peer(4))]), None);
    assert_eq!(ends(vec![("peer", side(3, vec![link(2, "two", Some(5))], vec![]))]), None);
    let mut snapshot = machine(
        side(1, vec![], vec![]),
        vec![("box", side(2, vec![link(2, "one", Some(2))], vec![])), ("peer", peer(3))],
    );
    snapshot.actors.get_mut("peer").unwrap().alive = false;
    assert!(
        matches!(net(&snapshot, "box").rows[0].inside, Some(NetFace::Link { other: None, .. })),
        "its namespace may be gone"
    );
}

#[test]
fn a_crowd_in_one_network_folds_behind_the_first_few() {
    let both = || side(1, vec![link(1, "lo", None)], (1..20).map(|port| listener(port, port.into())).collect());
    let twin = net(&machine(both(), vec![("box", both())]), "box").rows.iter().filter(|row| row.relevant).count();
    assert_eq!(twin, FEW);
}

#[test]
fn a_link_that_gets_an_address_and_a_socket_that_comes_are_changes() {
    let before = machine(side(1, vec![link(1, "lo", None)], vec![]), vec![]);
    let mut after = machine(side(1, vec![link(1, "lo", None)], vec![listener(80, 9)]), vec![]);
    let (dev, address, scope) = ("lo".to_owned(), "127.0.0.1".to_owned(), "host".to_owned());
    after.host.net.addresses = Reading::Read(vec![Address { link: 1, dev, address, prefix: 8, scope }]);
    let Changes { host, .. } = diff(&before, &after);
    assert_eq!(host, BTreeMap::from([(Key::Link(1), Change::Changed), (Key::Listener(9), Change::Appeared)]));
    assert!(diff(&after, &after).is_empty());
}
