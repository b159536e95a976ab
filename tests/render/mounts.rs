//! The pane of mounts: two trees side by side.

use std::sync::Arc;

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::model::{Mount, Snapshot};
use cloison::observe::{Reading, View};
use crossterm::event::KeyCode;
use insta::assert_snapshot;

use crate::scene::Scene;

fn mount(id: u32, parent: u32, fstype: &str, target: &str, tags: &[&str]) -> Mount {
    Mount {
        id,
        parent,
        device: format!("0:{}", id % 100),
        root: "/".to_owned(),
        target: target.to_owned(),
        options: "rw,relatime".to_owned(),
        propagation: tags.iter().map(|&tag| tag.to_owned()).collect(),
        fstype: fstype.to_owned(),
        source: if fstype == "ext4" { "/dev/sda1".to_owned() } else { fstype.to_owned() },
    }
}

/// A host as systemd leaves it, everything shared; and a box in a user namespace,
/// a slave of it but for one place that is a peer, with mounts of its own.
fn trees(snapshot: &mut Snapshot) {
    let outer = vec![
        mount(20, 1, "ext4", "/", &["shared:1"]),
        mount(21, 20, "proc", "/proc", &["shared:5"]),
        mount(22, 20, "sysfs", "/sys", &["shared:6"]),
        mount(23, 22, "cgroup2", "/sys/fs/cgroup", &["shared:7"]),
        mount(24, 20, "tmpfs", "/run", &["shared:8"]),
        mount(25, 24, "tmpfs", "/run/user/1000", &["shared:9"]),
    ];
    let mut inner: Vec<Mount> = outer
        .iter()
        .map(|one| Mount {
            id: one.id + 100,
            parent: if one.parent == 1 { 1 } else { one.parent + 100 },
            propagation: vec![one.propagation[0].replace("shared", "master")],
            ..one.clone()
        })
        .collect();
    inner[4].propagation = vec!["shared:8".to_owned()];
    inner.push(Mount {
        root: "/srv/data".to_owned(),
        options: "ro".to_owned(),
        ..mount(140, 120, "ext4", "/mnt/my data", &[])
    });
    inner.push(mount(141, 121, "tmpfs", "/proc", &["unbindable"]));
    let ns = |view: &mut View, inode| drop(view.ns.insert(NsKind::Mnt, Reading::Read(inode)));
    ns(&mut snapshot.host, 1);
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.ns.insert(NsKind::Mnt, Reading::Read(2));
    let Reading::Read(seen) = &mut actor.seen else { panic!() };
    seen.mounts = Reading::Read(Arc::new(inner));
    snapshot.host.mounts = Reading::Read(Arc::new(outer));
}

fn pane(width: u16, height: u16) -> Scene {
    Scene::lesson().size(width, height).snapshot(trees).key(KeyCode::F(3)).key(KeyCode::Char('3')).wait(1_600)
}

#[test]
fn two_trees_of_mounts_at_120x36() {
    assert_snapshot!(pane(120, 36).text());
}

#[test]
fn two_trees_of_mounts_at_80x24_in_french() {
    assert_snapshot!(pane(80, 24).lang(Fr).text());
}

#[test]
fn a_mount_that_comes_is_marked() {
    let scene = pane(200, 60);
    assert!(!scene.says("◆"));
    let scene = scene.snapshot(|snapshot| {
        let Reading::Read(seen) = &mut snapshot.actors.get_mut("box").expect("the box").seen else { panic!() };
        let Reading::Read(mounts) = &mut seen.mounts else { panic!() };
        Arc::make_mut(mounts).push(mount(142, 120, "tmpfs", "/media", &[]));
    });
    assert!(scene.says("◆") || scene.says("+"), "{}", scene.text());
    assert!(!scene.wait(1_600).says("◆"));
}

#[test]
fn a_thousand_mounts_fold() {
    let scene = pane(120, 36).snapshot(|snapshot| {
        let more = (200..1_200).map(|id| mount(id, 20, "tmpfs", &format!("/srv/{id}"), &["shared:20"]));
        let Reading::Read(outer) = &mut snapshot.host.mounts else { panic!() };
        Arc::make_mut(outer).extend(more);
    });
    let text = scene.text();
    assert!(text.contains("my data") && text.contains("1000 more") || text.contains("100"), "{text}");
}
