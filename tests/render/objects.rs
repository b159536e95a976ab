//! The panes of IPC objects, clocks and cgroup paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::model::{Clocks, Ipc, Mqueue, Msg, Queue, Sem, Shm, TimeOffsets};
use cloison::observe::{Reading, Snapshot};
use cloison::ui::layout::Pane;
use insta::assert_snapshot;

use super::scene::{Scene, process, unread};

fn shm(key: &str, id: u32, size: u64) -> Shm {
    Shm {
        key: key.to_owned(),
        id,
        perms: "600".to_owned(),
        size,
        creator: 1,
        attached: 2,
        removed: false,
        uid: 0,
        gid: 0,
    }
}

fn ipc(shm: Vec<Shm>, mqueue: Option<Mqueue>) -> Ipc {
    let msg =
        Msg { key: "0x00000002".to_owned(), id: 5, perms: "644".to_owned(), bytes: 0, messages: 0, uid: 0, gid: 0 };
    let sem = Sem { key: "0x00000003".to_owned(), id: 6, perms: "644".to_owned(), semaphores: 3, uid: 0, gid: 0 };
    Ipc {
        shm: Reading::Read(shm),
        msg: Reading::Read(vec![msg]),
        sem: Reading::Read(vec![sem]),
        mqueue: Reading::Read(mqueue),
        limits: unread(),
    }
}

fn clocks(boottime: i64) -> Clocks {
    Clocks {
        date: Reading::Read("2026-11-22 01:34:36 UTC".to_owned()),
        realtime: Reading::Read(1_795_311_276_000_000),
        monotonic: Reading::Read(12_134_000_000),
        boottime: Reading::Read(boottime * 1_000_000),
        uptime: Reading::Read(boottime.unsigned_abs()),
    }
}

fn paths(list: &[(&str, &str)]) -> Reading<BTreeMap<String, String>> {
    Reading::Read(list.iter().map(|&(tree, path)| (tree.to_owned(), path.to_owned())).collect())
}

/// A box with IPC, time and cgroup namespaces of its own.
fn apart(snapshot: &mut Snapshot) {
    let queue = Queue {
        name: "courrier\x1b[31m".to_owned(),
        inode: 9,
        perms: "644".to_owned(),
        bytes: unread(),
        uid: 0,
        gid: 0,
    };
    let mounted = Mqueue { path: "/dev/mqueue".to_owned(), device: "0:40".to_owned(), queues: vec![queue] };
    let host = &mut snapshot.host;
    host.ns = [NsKind::Ipc, NsKind::Time, NsKind::Cgroup].map(|kind| (kind, Reading::Read(1))).into();
    host.ipc = ipc(vec![shm("0x0000cafe", 0, 4096)], None);
    host.clocks = clocks(12_134);
    host.init_cgroup = paths(&[("", "/init.scope")]);
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.ns = [NsKind::Ipc, NsKind::Time, NsKind::Cgroup].map(|kind| (kind, Reading::Read(2))).into();
    actor.cgroup = paths(&[("", "/user.slice/user-1000.slice/session-2.scope"), ("cpu", "/"), ("memory", "/m")]);
    let Reading::Read(seen) = &mut actor.seen else { panic!("a view") };
    seen.ipc = ipc(vec![shm("0x0000cafe", 0, 8192)], Some(mounted));
    seen.clocks = clocks(31_548_134);
    seen.time = Reading::Read(TimeOffsets { monotonic: (0, 0), boottime: (31_536_000, 0) });
    seen.cgroup = paths(&[("", "/"), ("cpu", "/"), ("memory", "/")]);
    seen.init_cgroup = paths(&[("", "/../../../init.scope")]);
    // Both have the host's /proc, and the same first process.
    let init = vec![Arc::new(process(1, 0, "root", "systemd"))];
    (host.processes, seen.processes) = (Reading::Read(init.clone()), Reading::Read(init));
}

/// The screen with a pane in front, and the box in this state.
fn pane(scene: Scene, pane: Pane, change: impl FnOnce(&mut Snapshot)) -> Scene {
    let mut scene = scene;
    scene.model.lesson_mut().expect("a lesson").pane = pane;
    scene.snapshot(change).wait(10_000)
}

#[test]
fn ipc_at_120x36() {
    assert_snapshot!(pane(Scene::lesson(), Pane::Ipc, apart).text());
}

#[test]
fn ipc_at_80x24_in_french() {
    assert_snapshot!(pane(Scene::lesson().size(80, 24).lang(Fr), Pane::Ipc, apart).text());
}

#[test]
fn clocks_at_120x36_in_french() {
    assert_snapshot!(pane(Scene::lesson().lang(Fr), Pane::Time, apart).text());
}

#[test]
fn clocks_at_80x24() {
    assert_snapshot!(pane(Scene::lesson().size(80, 24), Pane::Time, apart).text());
}

#[test]
fn cgroup_paths_at_120x36() {
    assert_snapshot!(pane(Scene::lesson(), Pane::Cgroup, apart).text());
}

#[test]
fn cgroup_paths_at_80x24_in_french() {
    assert_snapshot!(pane(Scene::lesson().size(80, 24).lang(Fr), Pane::Cgroup, apart).text());
}

#[test]
fn the_same_key_in_two_namespaces_is_two_rows_and_in_one_it_is_one() {
    let two = pane(Scene::lesson(), Pane::Ipc, apart);
    assert!(two.says("· not visible from the host") && !two.says("┼"), "{}", two.text());
    let one = pane(Scene::lesson(), Pane::Ipc, |snapshot| {
        apart(snapshot);
        let ipc = snapshot.host.ipc.clone();
        let actor = snapshot.actors.get_mut("box").expect("the box");
        actor.ns = snapshot.host.ns.clone();
        if let Reading::Read(seen) = &mut actor.seen {
            seen.ipc = ipc;
        }
    });
    assert!(one.says("┼") && !one.says("not visible from the host"), "{}", one.text());
}

#[test]
fn a_date_is_joined_and_a_shifted_clock_is_not() {
    let scene = pane(Scene::lesson(), Pane::Time, apart);
    let text = scene.text();
    let line = |what: &str| text.lines().find(|line| line.contains(what)).expect("its row").to_owned();
    assert!(line("date (UTC)").contains('┼'), "{text}");
    assert!(line(" boottime  ").contains('≠') && line("offset boot").contains("+31536000 s"), "{text}");
    // Time passes: the pane follows, and marks nothing.
    let later = scene.snapshot(|snapshot| snapshot.host.clocks = clocks(12_135));
    assert!(later.says("03:22:15") && !later.says("◆"), "{}", later.text());
}

#[test]
fn what_can_not_be_read_says_why() {
    for (shown, change) in [
        (Pane::Ipc, (|view| view.ipc.shm = unread()) as fn(&mut cloison::observe::View)),
        (Pane::Time, |view| view.time = unread()),
        (Pane::Cgroup, |view| view.cgroup = unread()),
    ] {
        let scene = pane(Scene::lesson(), shown, |snapshot| {
            apart(snapshot);
            let Reading::Read(seen) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
            change(seen);
        });
        assert!(scene.says("EACCES") && scene.says("not readable"), "{shown:?}: {}", scene.text());
    }
}
