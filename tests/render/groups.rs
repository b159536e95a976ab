//! The pane of control groups: the tree, the paths, the files with gauges and curves.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloison::i18n::Lang::{self, Fr};
use cloison::kernel::cgroup::files;
use cloison::observe::cgroups::{Bound, Cgroups, Group, GroupAt, GroupFile, LegacyFile, TreeSeen};
use cloison::observe::model::Unread;
use cloison::observe::{Errno, Reading, Snapshot};
use cloison::ui::Theme;
use cloison::ui::layout::Pane;
use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::style::Color;

use crate::scene::{Scene, process};

/// A picture of the screen, beside those of the other panes.
macro_rules! shown {
    ($text:expr) => {
        insta::with_settings!({snapshot_path => "../snapshots"}, { insta::assert_snapshot!($text) })
    };
}

const LAB: &str = "/user.slice/user-1000.slice/session-2.scope/cloison-7f3a";

fn file(name: &str, value: &str) -> (String, Reading<GroupFile>) {
    let file = GroupFile {
        name: name.to_owned(),
        value: value.to_owned(),
        number: value.parse().ok(),
        mib: None,
        fields: files::fields(name, value).into_iter().collect(),
        v1: Vec::new(),
    };
    (name.to_owned(), Reading::Read(file))
}

fn at(version: u8, path: &str, members: &[u32]) -> GroupAt {
    let dir = format!("/sys/fs/cgroup{path}");
    GroupAt { version, path: path.to_owned(), dir, members: members.to_vec() }
}

fn group(name: &str, controllers: &[&str], members: &[u32], list: &[(&str, &str)]) -> Group {
    let path = format!("{LAB}{name}");
    Group {
        at: controllers.iter().map(|one| ((*one).to_owned(), at(2, &path, members))).collect(),
        members: members.to_vec(),
        frozen: Some(false),
        cpu: None,
        devices: None,
        files: list.iter().map(|(name, value)| file(name, value)).collect(),
    }
}

const MEMORY: [(&str, &str); 7] = [
    ("memory.current", "30146560"),
    ("memory.max", "33554432"),
    ("memory.high", "max"),
    ("memory.events", "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\noom_group_kill 0"),
    (
        "memory.pressure",
        "some avg10=3.07 avg60=0.00 avg300=0.00 total=91234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0",
    ),
    ("pids.current", "2"),
    ("pids.max", "20"),
];

const CPU: [(&str, &str); 3] = [
    ("cpu.max", "20000 100000"),
    ("cpu.weight", "100"),
    (
        "cpu.stat",
        "usage_usec 1234567\nuser_usec 1200000\nsystem_usec 34567\nnr_periods 40\nnr_throttled 7\nthrottled_usec 512000",
    ),
];

/// Groups of version 2: the lab's own, the box's, and one that is frozen.
fn groups() -> Cgroups {
    let all = ["cpu", "memory", "pids"];
    let bound = |version: u8| Bound { version: Some(version), mount: Some("/sys/fs/cgroup".to_owned()), enabled: true };
    let list: Vec<(&str, &str)> = MEMORY.into_iter().chain(CPU).collect();
    let ice = Group { frozen: Some(true), ..group("/ice", &all, &[48_230], &[("cgroup.freeze", "1")]) };
    Cgroups {
        disk: None,
        mode: "v2".to_owned(),
        trees: vec![TreeSeen {
            version: 2,
            controllers: all.map(str::to_owned).to_vec(),
            mount: "/sys/fs/cgroup".to_owned(),
            own: "/user.slice/user-1000.slice/session-2.scope".to_owned(),
        }],
        controllers: ["cpu", "memory", "pids", "io"].map(|name| (name.to_owned(), bound(2))).into(),
        groups: BTreeMap::from([
            ("/".to_owned(), group("", &all, &[], &[("memory.current", "31146560"), ("pids.current", "3")])),
            ("box".to_owned(), group("/box", &all, &[48_213], &list)),
            ("ice".to_owned(), ice),
        ]),
    }
}

fn grouped(snapshot: &mut Snapshot) {
    snapshot.cgroups = Some(groups());
    let path = |path: &str| Reading::Read(BTreeMap::from([(String::new(), path.to_owned())]));
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.cgroup = path(&format!("{LAB}/box"));
    let Reading::Read(seen) = &mut actor.seen else { panic!("a view") };
    seen.cgroup = path("/");
}

/// The screen with the pane in front, and groups in this state.
fn pane(scene: Scene, change: impl FnOnce(&mut Snapshot)) -> Scene {
    let mut scene = scene;
    scene.model.lesson_mut().expect("a lesson").pane = Pane::Cgroup;
    let grouped = |snapshot: &mut Snapshot| {
        grouped(snapshot);
        change(snapshot);
    };
    scene.snapshot(grouped).wait(10_000)
}

/// Another value of a file of the box's group.
fn set(snapshot: &mut Snapshot, name: &str, value: &str) {
    let group = snapshot.cgroups.as_mut().expect("groups").groups.get_mut("box").expect("the box's");
    group.files.extend([file(name, value)]);
}

/// Memory fills, a second at a time.
fn filling(mut scene: Scene) -> Scene {
    for n in 1..=12_u32 {
        scene = scene.snapshot(|snapshot| {
            snapshot.taken += 900_000;
            set(snapshot, "memory.current", &(2_500_000 * n).to_string());
            set(snapshot, "cpu.stat", &format!("usage_usec {}\nnr_throttled {n}\nthrottled_usec 512000", 200_000 * n));
        });
    }
    scene.wait(10_000)
}

fn line(scene: &Scene, what: &str) -> String {
    let text = scene.text();
    text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} is not there:\n{text}")).to_owned()
}

#[test]
fn groups_at_120x36() {
    shown!(filling(pane(Scene::lesson(), |_| {})).text());
}

#[test]
fn groups_at_80x24_in_french() {
    shown!(filling(pane(Scene::lesson().size(80, 24).lang(Fr), |_| {})).text());
}

#[test]
fn groups_at_projector_size() {
    shown!(filling(pane(Scene::lesson().size(200, 60), |_| {})).text());
}

/// As on a machine with a tree per controller: the box is in a group of the memory tree
/// alone.
fn legacy(snapshot: &mut Snapshot) {
    let all = snapshot.cgroups.as_mut().expect("groups");
    "hybrid".clone_into(&mut all.mode);
    let boxed = all.groups.get_mut("box").expect("the box's");
    boxed.at = BTreeMap::from([("memory".to_owned(), at(1, "/cloison-7f3a/box", &[48_213]))]);
    let (name, Reading::Read(limit)) = file("memory.max", "33554432") else { panic!() };
    let old = LegacyFile { name: "memory.limit_in_bytes".to_owned(), value: "33554432".to_owned() };
    let limit = GroupFile { name: old.name.clone(), v1: vec![old], ..limit };
    boxed.files = BTreeMap::from([file("memory.current", "30146560"), (name, Reading::Read(limit))]);
    let root = all.groups.get_mut("/").expect("the lab's");
    root.members = vec![48_213];
    root.at = BTreeMap::from([
        ("memory".to_owned(), at(1, "/cloison-7f3a", &[])),
        ("pids".to_owned(), at(1, "/cloison-7f3a", &[48_213])),
    ]);
    let actor = snapshot.actors.get_mut("box").expect("the box");
    let paths = [("memory", "/cloison-7f3a/box"), ("pids", "/cloison-7f3a"), ("devices", "/")];
    actor.cgroup = Reading::Read(paths.map(|(tree, path)| (tree.to_owned(), path.to_owned())).into());
}

#[test]
fn groups_of_version_1_at_80x24() {
    shown!(pane(Scene::lesson().size(80, 24), legacy).text());
}

#[test]
fn a_process_is_in_a_group_of_each_tree_and_the_pane_says_which() {
    let scene = pane(Scene::lesson(), legacy);
    assert!(line(&scene, "box 48213 (pids)").contains('/'), "{}", scene.text());
    assert!(line(&scene, "memory.max").contains("v1 memory.limit_in_bytes"), "{}", scene.text());
}

#[test]
fn a_limit_stands_in_bytes_and_in_units_with_what_is_in_use_as_a_part_of_it() {
    let scene = pane(Scene::lesson(), |_| {});
    let current = line(&scene, "memory.current");
    assert!(["30146560", "28.7 MiB", "▕██", "89 %"].iter().all(|text| current.contains(text)), "{current}");
    let limit = line(&pane(Scene::lesson().size(200, 60), |_| {}), "memory.max");
    assert!(["33554432", "32.0 MiB", "(v1 memory.limit_in_bytes)"].iter().all(|text| limit.contains(text)), "{limit}");
    let french = pane(Scene::lesson().lang(Fr), |_| {});
    assert!(line(&french, "memory.current").contains("28,7 Mio"), "{}", french.text());
    assert!(line(&pane(Scene::lesson(), |now| set(now, "memory.max", "max")), "memory.max").contains("no limit"));
}

#[test]
fn a_quota_is_a_part_of_a_cpu_and_what_is_used_of_it_is_told_per_second() {
    let scene = filling(pane(Scene::lesson().size(120, 60), |_| {}));
    assert!(line(&scene, "cpu.max").contains("20000 100000") && scene.says("20 % CPU"), "{}", scene.text());
    // 200 ms in each second.
    assert!(line(&scene, "├ box").contains("cpu 20 %"), "{}", scene.text());
    assert!(line(&scene, "cpu.stat usage_usec").contains("100 %"), "{}", scene.text());
}

#[test]
fn events_are_marked_when_they_rise_and_usage_is_not() {
    let scene = pane(Scene::lesson(), |_| {});
    assert!(!scene.says("◆"), "{}", scene.text());
    let scene = scene.snapshot(|now| set(now, "memory.current", "30150656"));
    assert!(!scene.says("◆"), "{}", scene.text());
    let scene = scene.snapshot(|now| set(now, "memory.events", "max 12\noom_kill 1"));
    assert!(line(&scene, "memory.events oom_kill").contains('◆'), "{}", scene.text());
    assert!(line(&scene, "├ box").contains('◆') && line(&scene, "├ box").contains("oom_kill 1"), "{}", scene.text());
    assert!(!line(&scene, "memory.events max").contains('◆'), "{}", scene.text());
    assert!(!scene.wait(2_000).says("◆"));
}

#[test]
fn a_limit_that_is_set_and_a_member_that_comes_are_marked() {
    let scene = pane(Scene::lesson().size(120, 60), |_| {}).snapshot(|now| set(now, "pids.max", "30"));
    assert!(line(&scene, "pids.max").contains('◆'), "{}", scene.text());
    let scene = scene.wait(2_000).snapshot(|now| {
        let group = now.cgroups.as_mut().expect("groups").groups.get_mut("/").expect("the lab's");
        group.members.push(48_211);
        let Reading::Read(processes) = &mut now.host.processes else { panic!() };
        processes.retain(|one| one.pid != 48_211);
        processes.insert(214, Arc::new(process(48_211, 1, "ana", "newcomer")));
    });
    assert!(line(&scene, "newcomer 48211").contains('◆'), "{}", scene.text());
    let scene = scene.wait(2_000).snapshot(|now| drop(now.cgroups.as_mut().expect("groups").groups.remove("ice")));
    assert!(line(&scene, "ice").contains('−'), "{}", scene.text());
    assert!(!scene.wait(2_000).says("└ ice"));
}

#[test]
fn what_was_is_kept_as_a_curve_of_bounded_length_until_the_group_is_gone() {
    let mut scene = pane(Scene::lesson(), |_| {});
    assert!(!line(&scene, "memory.current").contains('▁'));
    for n in 0..300_u32 {
        scene = scene.snapshot(|now| set(now, "memory.current", &(n % 50 * 600_000).to_string()));
    }
    let row = line(&scene.key(KeyCode::F(3)).key(KeyCode::Char('z')), "memory.current");
    let bars = row.chars().filter(|c| ('▁'..='▇').contains(c)).count();
    assert!((8..=40).contains(&bars), "{row}");
}

#[test]
fn a_group_made_anew_has_no_history() {
    let counted = |usage: u32| move |now: &mut Snapshot| set(now, "cpu.stat", &format!("usage_usec {usage}"));
    let scene = pane(Scene::lesson(), counted(500_000)).snapshot(counted(900_000));
    assert!(line(&scene, "├ box").contains("cpu "), "{}", scene.text());
    let scene = scene.snapshot(counted(10));
    assert!(!line(&scene, "├ box").contains("cpu "), "nothing is said of one value: {}", scene.text());
}

#[test]
fn a_box_that_is_frozen_says_so_in_every_pane() {
    for lang in Lang::ALL {
        let scene = pane(Scene::lesson().lang(lang), |now| {
            now.cgroups.as_mut().expect("groups").groups.get_mut("box").expect("the box's").frozen = Some(true);
            let actor = now.actors.get_mut("box").expect("the box");
            actor.stale = Some(1);
        });
        let said = lang.pick("· frozen", "· gelé");
        assert!(scene.says(said), "{}", scene.text());
        assert!(scene.pane(Pane::Processes).says(said));
    }
    let scene = pane(Scene::lesson(), |now| now.actors.get_mut("box").expect("the box").stale = Some(1));
    assert!(scene.says("· does not answer"), "{}", scene.text());
}

#[test]
fn what_is_not_there_is_said_with_the_reason() {
    let end = |change: fn(&mut Cgroups)| {
        let scene = pane(Scene::lesson().size(200, 60), |now| change(now.cgroups.as_mut().expect("groups")));
        scene.key(KeyCode::F(3)).key(KeyCode::Char('z')).text()
    };
    let text = end(|_| {});
    assert!(
        text.contains("io: not enabled for this group") && text.contains("misc: this kernel has no such"),
        "{text}"
    );
    let text = end(|all| drop(all.groups.get_mut("box").expect("the box's").files.remove("memory.pressure")));
    assert!(text.contains("pressure: this kernel does not measure it"), "{text}");
    let text = end(|all| {
        let off = Bound { version: None, mount: None, enabled: false };
        all.controllers.insert("rdma".to_owned(), off.clone());
        all.controllers.insert("hugetlb".to_owned(), Bound { enabled: true, ..off });
        all.controllers.insert("blkio".to_owned(), Bound { version: Some(1), mount: None, enabled: true });
        all.controllers.remove("io");
    });
    for said in ["rdma: switched off", "hugetlb: in the kernel, and bound to no tree", "io: in a tree of version 1"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let text = end(|all| all.groups.get_mut("box").expect("the box's").members.clear());
    assert!(text.contains("box is in none of these groups."), "{text}");
    let text = end(|all| *all = Cgroups { mode: "none".to_owned(), ..Cgroups::default() });
    assert!(text.contains("No cgroup tree is mounted here"), "{text}");
    let text = end(|all| all.groups.clear());
    assert!(text.contains("The lab has no group here."), "{text}");
}

#[test]
fn a_file_that_can_not_be_read_says_why() {
    let scene = pane(Scene::lesson(), |now| {
        let group = now.cgroups.as_mut().expect("groups").groups.get_mut("box").expect("the box's");
        let unread = Unread { path: "/sys/fs/cgroup/x".to_owned(), errno: Errno(95) };
        group.files.insert("memory.max".to_owned(), Reading::Unread(unread));
    });
    assert!(line(&scene, "memory.max").contains("? EOPNOTSUPP"), "{}", scene.text());
}

#[test]
fn a_row_opens_with_all_that_there_is_of_it() {
    let scene = pane(Scene::lesson(), |_| {}).key(KeyCode::F(3)).key(KeyCode::Char('/')).keys_of("memory.current");
    let scene = scene.key(KeyCode::Enter).key(KeyCode::Down).key(KeyCode::Enter);
    for said in ["held against memory.max: 32.0 MiB", "box/memory.current", "In version 1: memory.usage_in_bytes"] {
        assert!(scene.says(said), "{said}: {}", scene.text());
    }
    let scene =
        pane(Scene::lesson(), |_| {}).key(KeyCode::F(3)).key(KeyCode::Down).key(KeyCode::Down).key(KeyCode::Enter);
    assert!(scene.says("init 48213") || scene.says("box 48213"), "{}", scene.text());
}

#[test]
fn a_row_that_is_selected_stays_it_and_no_order_but_its_own_is_offered() {
    let scene = pane(Scene::lesson(), |_| {}).key(KeyCode::F(3)).click("memory.max");
    assert!(line(&scene, "memory.max").contains('▸'), "{}", scene.text());
    let before = scene.text();
    let scene = scene.key(KeyCode::Char('s')).key(KeyCode::Char('r')).key(KeyCode::Char('x'));
    assert_eq!(scene.text(), before);
    let scene = scene.snapshot(|now| drop(now.cgroups.as_mut().expect("groups").groups.remove("ice"))).wait(2_000);
    assert!(line(&scene, "memory.max").contains('▸'), "{}", scene.text());
}

#[test]
fn colour_says_nothing_alone_and_nothing_flickers() {
    let scene = filling(pane(Scene::lesson(), |_| {}));
    let plain = filling(pane(Scene::lesson().theme(Theme::PLAIN), |_| {}));
    assert_eq!(scene.text(), plain.text());
    assert!(plain.buffer().content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let mut scene = pane(Scene::lesson(), |_| {});
    let before = scene.buffer();
    scene.model.dirty = false;
    let scene = scene.snapshot(|_| {});
    assert!(!scene.model.dirty, "a snapshot like the one before draws nothing");
    assert_eq!(scene.buffer(), before);
    // Time goes by, and the curve of what moved with it.
    let mut scene = filling(pane(Scene::lesson(), |_| {}));
    scene.model.dirty = false;
    assert!(scene.snapshot(|_| {}).model.dirty);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn no_value_is_too_wide_for_its_pane_and_none_is_drawn_raw(
        name in "\\PC{0,40}|.{0,20}", value in "[0-9]{1,22}|.{0,60}", width in 60u16..210, height in 16u16..60, zoom in any::<bool>(),
    ) {
        let mut scene = pane(Scene::lesson(), |now| {
            for file in ["memory.current", "memory.max", "cpu.max", "io.max", "pids.max", "memory.pressure", "cpu.stat"] {
                set(now, file, &value);
            }
            let all = now.cgroups.as_mut().expect("groups");
            let hostile = all.groups["box"].clone();
            all.groups.insert(name.clone(), hostile);
            all.mode.clone_from(&name);
        });
        scene = scene.snapshot(|now| set(now, "memory.current", "18446744073709551615")).size(width, height).key(KeyCode::F(3));
        if zoom {
            scene = scene.key(KeyCode::Char('z'));
        }
        for key in [KeyCode::Down, KeyCode::Down, KeyCode::Enter, KeyCode::End, KeyCode::Esc, KeyCode::End] {
            let buffer = scene.buffer();
            for cell in buffer.content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
            }
            let overlaid = scene.model.overlay.is_some();
            for y in 2..height - 2 {
                prop_assert!(overlaid || matches!(buffer[(width - 1, y)].symbol(), "│" | "┤" | "┐" | "┘" | "║"), "{}", scene.text());
            }
            scene = scene.key(key);
        }
    }
}
