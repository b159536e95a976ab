//! The panes of users and of namespaces.

use std::collections::BTreeMap;

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::model::{FileSeen, Held, Holding, IdRange, Namespace, Namespaces, Unread};
use cloison::observe::{Errno, Reading, Snapshot};
use cloison::ui::layout::Pane;
use insta::assert_snapshot;

use crate::scene::Scene;

const HOST_USER: u64 = 4_026_531_837;
const BOX_USER: u64 = 4_026_532_201;

fn out_of_view() -> Reading<u64> {
    Reading::Unread(Unread { path: "ioctl_ns(2) NS_GET_USERNS".to_owned(), errno: Errno(1) })
}

fn namespace(kind: NsKind, inode: u64, owner: Option<u64>, depth: u32, members: u32, pids: &[u32]) -> Namespace {
    let owner = owner.map_or_else(out_of_view, Reading::Read);
    let uid = (kind == NsKind::User).then_some(0);
    Namespace { kind, inode, owner, uid, depth, members, pids: pids.to_vec(), held: Vec::new() }
}

/// A box in a user, a uts and a pid namespace of its own; an ipc namespace that a
/// descriptor of the keeper's holds; somebody else's net namespace.
fn with_namespaces(snapshot: &mut Snapshot) {
    let (host, boxed) = (Some(HOST_USER), Some(BOX_USER));
    let held = Held { by: Holding::Descriptor, pid: Some(48_211), at: "9".to_owned() };
    let list = vec![
        namespace(NsKind::User, HOST_USER, None, 0, 215, &[100, 101, 48_211]),
        namespace(NsKind::Uts, 4_026_531_838, host, 1, 215, &[100, 101, 48_211]),
        namespace(NsKind::Net, 4_026_532_900, host, 1, 3, &[140]),
        namespace(NsKind::User, BOX_USER, host, 1, 2, &[48_213, 48_230]),
        namespace(NsKind::Uts, 4_026_532_202, boxed, 2, 2, &[48_213, 48_230]),
        Namespace { held: vec![held], ..namespace(NsKind::Ipc, 4_026_532_205, boxed, 2, 0, &[]) },
        namespace(NsKind::Pid, 200, boxed, 2, 2, &[48_213, 48_230]),
    ];
    snapshot.namespaces = Namespaces { list, denied: 12, pending: 0 };
    snapshot.host.ns =
        BTreeMap::from([(NsKind::User, Reading::Read(HOST_USER)), (NsKind::Uts, Reading::Read(4_026_531_838))]);
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.ns = BTreeMap::from([
        (NsKind::User, Reading::Read(BOX_USER)),
        (NsKind::Uts, Reading::Read(4_026_532_202)),
        (NsKind::Pid, Reading::Read(200)),
    ]);
    let Reading::Read(seen) = &mut actor.seen else { panic!("no view") };
    seen.owners = BTreeMap::from([
        (NsKind::User, out_of_view()),
        (NsKind::Uts, Reading::Read(BOX_USER)),
        (NsKind::Pid, Reading::Read(BOX_USER)),
    ]);
}

/// A map of two ranges, and a file of the box's root.
fn with_maps(snapshot: &mut Snapshot) {
    let file = |uid, user: &str| {
        Reading::Read(FileSeen {
            uid,
            gid: uid,
            user: Some(user.to_owned()),
            mode: "-rw-r--r--".to_owned(),
            size: 3,
            device: 1,
            inode: 77,
        })
    };
    with_namespaces(snapshot);
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.files = BTreeMap::from([("/tmp/letter".to_owned(), file(1000, "ana"))]);
    let ranges =
        vec![IdRange { inside: 0, outside: 1000, count: 1 }, IdRange { inside: 1, outside: 100_000, count: 65_535 }];
    if let Reading::Read(users) = &mut actor.users {
        users.uid_map.clone_from(&ranges);
    }
    let Reading::Read(seen) = &mut actor.seen else { panic!("no view") };
    seen.files = BTreeMap::from([("/tmp/letter".to_owned(), file(0, "root"))]);
    if let Reading::Read(users) = &mut seen.users {
        users.uid_map = ranges;
    }
    if let Reading::Read(users) = &mut snapshot.host.users {
        users.setgroups = String::from("allow");
    }
}

fn on_pane(scene: Scene, pane: Pane) -> Scene {
    scene.pane(pane)
}

#[test]
fn users_at_120x36() {
    assert_snapshot!(on_pane(Scene::lesson().snapshot(with_maps), Pane::Users).text());
}

#[test]
fn users_at_80x24_in_french() {
    assert_snapshot!(on_pane(Scene::lesson().size(80, 24).lang(Fr).snapshot(with_maps), Pane::Users).text());
}

#[test]
fn namespaces_at_120x36() {
    assert_snapshot!(on_pane(Scene::lesson().snapshot(with_namespaces), Pane::Namespaces).text());
}

#[test]
fn namespaces_at_80x24_in_french() {
    assert_snapshot!(on_pane(Scene::lesson().size(80, 24).lang(Fr).snapshot(with_namespaces), Pane::Namespaces).text());
}

#[test]
fn a_namespace_that_comes_is_marked_for_a_moment() {
    let scene = on_pane(Scene::lesson().snapshot(with_namespaces), Pane::Namespaces).wait(5_000);
    let text = |scene: &Scene| scene.text();
    assert!(!text(&scene).contains("│  + "), "{}", text(&scene));
    let scene = scene.snapshot(|snapshot| {
        snapshot.namespaces.list.push(namespace(NsKind::Time, 4_026_532_206, Some(BOX_USER), 2, 1, &[48_213]));
        let actor = snapshot.actors.get_mut("box").expect("the box");
        actor.ns.insert(NsKind::Time, Reading::Read(4_026_532_206));
    });
    let line = text(&scene).lines().find(|line| line.contains("4026532206")).map(str::to_owned);
    assert!(line.as_ref().is_some_and(|line| line.contains("│  + ")), "{line:?}");
}

#[test]
fn a_hostile_name_in_a_mount_that_holds_a_namespace_stays_harmless() {
    let scene = Scene::lesson().snapshot(|snapshot| {
        with_namespaces(snapshot);
        let held = Held { by: Holding::Mount, pid: Some(48_213), at: "/tmp/\u{1b}[31m\nx".to_owned() };
        snapshot.namespaces.list[5].held = vec![held];
    });
    assert!(!on_pane(scene, Pane::Namespaces).text().contains('\u{1b}'));
}
