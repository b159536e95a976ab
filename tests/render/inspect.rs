//! The list of containers and a process beside the host, on the screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::census::{Engine, Evidence};
use cloison::observe::model::{Process, Unread};
use cloison::observe::{Census, Container, Errno, Reading};
use cloison::ui::event::{Event, Inspected, Request};
use cloison::ui::keymap::KEYS;
use cloison::ui::model::Screen;
use crossterm::event::{Event as Input, KeyCode, KeyEvent};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::scene::{Scene, process};

const ID: &str = "3f2a9c01d5e6b7f8a90b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f607";

fn container(apart: &[NsKind], processes: Vec<Process>) -> Container {
    let ns = |(n, kind): (usize, &NsKind)| (*kind, Reading::Read(4_026_532_200 + n as u64));
    Container {
        first: processes[0].pid,
        inside: None,
        depth: 0,
        engine: None,
        apart: apart.to_vec(),
        ns: apart.iter().enumerate().map(ns).collect(),
        mixed: Vec::new(),
        shared: BTreeMap::new(),
        cgroup: BTreeMap::new(),
        group: None,
        processes,
    }
}

fn census() -> Census {
    use NsKind::{Cgroup, Ipc, Mnt, Net, Pid, Uts};
    let engine = |name: &str, id: Option<&str>, evidence| {
        Some(Engine { name: name.to_owned(), id: id.map(str::to_owned), evidence })
    };
    let docker = Container {
        engine: engine("Docker", Some(ID), Evidence::Cgroup(format!("/system.slice/docker-{ID}.scope"))),
        ..container(
            &[Mnt, Uts, Ipc, Pid, Net, Cgroup],
            vec![process(48_213, 48_211, "ana", "init"), process(48_230, 48_213, "ana", "sh -l")],
        )
    };
    let inner = Container {
        inside: Some(48_213),
        depth: 1,
        engine: engine("bubblewrap", None, Evidence::Process { pid: 48_240, name: "bwrap".to_owned() }),
        shared: BTreeMap::from([(Net, vec![48_213])]),
        ..container(&[Mnt, Pid, Net], vec![process(48_241, 48_240, "ana", "make -j2 all")])
    };
    let closed = Container {
        ns: NsKind::ALL
            .into_iter()
            .map(|kind| {
                let path = format!("/proc/51000/ns/{}", kind.name());
                (kind, Reading::Unread(Unread { path, errno: Errno(13) }))
            })
            .collect(),
        engine: engine("LXC", Some("web"), Evidence::Cgroup("/lxc.payload.web".to_owned())),
        ..container(&[Pid], vec![process(51_000, 1, "root", "/sbin/init")])
    };
    let unit = Container {
        engine: engine("systemd", Some("ntp.service"), Evidence::Cgroup("/system.slice/ntp.service".to_owned())),
        ..container(&[Mnt], vec![process(700, 1, "root", "/usr/sbin/ntpd -p /run/ntpd.pid")])
    };
    Census {
        format: 1,
        taken: 1,
        reader: 9_000,
        uid: 1000,
        ns: BTreeMap::new(),
        containers: vec![unit, docker, inner, closed],
        alike: 214,
        unread: 12,
    }
}

fn containers() -> Scene {
    let mut scene = Scene::list();
    scene.model.screen = Screen::Containers;
    scene.event(Event::Census(Arc::new(census())));
    scene
}

/// The box of the scene as a process that is inspected.
fn inspected() -> Scene {
    let mut scene = containers();
    let container = Some(census().containers.remove(1));
    scene.event(Event::Inspecting(Box::new(Inspected { pid: 48_213, container })));
    scene.snapshot(|snapshot| {
        let actor = snapshot.actors.remove("box").expect("the box");
        snapshot.actors.insert("48213".to_owned(), actor);
    })
}

#[test]
fn containers_at_80x24() {
    assert_snapshot!(containers().size(80, 24).key(KeyCode::Down).text());
}

#[test]
fn containers_at_120x36_in_french() {
    assert_snapshot!(containers().lang(Fr).key(KeyCode::End).text());
}

#[test]
fn process_at_80x24() {
    assert_snapshot!(inspected().size(80, 24).text());
}

#[test]
fn process_at_120x36_in_french() {
    assert_snapshot!(inspected().lang(Fr).text());
}

#[test]
fn process_that_has_ended_at_80x24() {
    let scene = inspected().size(80, 24).snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("48213").expect("the process");
        actor.alive = false;
        actor.stale = Some(snapshot.taken);
        snapshot.taken += 75_000_000;
    });
    assert_snapshot!(scene.text());
}

#[test]
fn process_that_may_not_be_read_at_120x36_in_french() {
    let scene = inspected().lang(Fr).snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("48213").expect("the process");
        let path = "/proc/48213/ns/pid".to_owned();
        actor.ns.insert(NsKind::Pid, Reading::Unread(Unread { path, errno: Errno(13) }));
    });
    assert_snapshot!(scene.text());
}

#[test]
fn enter_inspects_the_one_selected_and_f8_leads_back_to_the_list() {
    let scene = containers().key(KeyCode::Down).key(KeyCode::Enter).key(KeyCode::Enter);
    let asked: Vec<&Request> = scene.requests.iter().collect();
    assert!(matches!(asked[..], [Request::Inspect(48_213)]), "asked once: {asked:?}");
    assert!(scene.says("opening 48213 …"));

    let scene = inspected().key(KeyCode::F(8));
    assert!(matches!(scene.requests.last(), Some(Request::Containers)));
    assert!(scene.says("▸ 700 "), "the list stands as it was left: {}", scene.text());
}

#[test]
fn the_selected_one_stays_selected_while_others_come_and_go() {
    let mut scene = containers().key(KeyCode::Down);
    assert!(scene.says("▸ 48213"));
    let mut fewer = census();
    fewer.containers.remove(0);
    scene.event(Event::Census(Arc::new(fewer.clone())));
    assert!(scene.says("▸ 48213"));
    fewer.containers.remove(0);
    scene.event(Event::Census(Arc::new(fewer)));
    assert!(scene.says("▸   48241"), "its neighbour: {}", scene.text());
}

#[test]
fn letters_filter_by_engine_command_pid_and_namespace() {
    for (typed, left, gone) in
        [("docker", "48213", "51000"), ("ntpd", "700", "48213"), ("51000", "LXC", "Docker"), ("uts", "48213", "700 ")]
    {
        let scene = typed.chars().fold(containers(), |scene, c| scene.key(KeyCode::Char(c)));
        let rows: String = scene.text().lines().skip(3).take(6).collect();
        assert!(rows.contains(left) && !rows.contains(gone), "{typed}: {}", scene.text());
        assert!(scene.key(KeyCode::Esc).says("51000"), "Esc shows all again");
    }
}

#[test]
fn what_could_not_be_done_is_said_above_the_list() {
    let mut scene = containers().key(KeyCode::Enter);
    scene.event(Event::Failed("There is no process 700 here.".to_owned()));
    assert!(scene.says("! There is no process 700 here.") && !scene.says("opening"));
    let scene = scene.key(KeyCode::Enter);
    assert_eq!(scene.requests.len(), 2, "it may be asked for again");
}

#[test]
fn the_list_says_that_nothing_is_apart() {
    let mut scene = Scene::list();
    scene.model.screen = Screen::Containers;
    assert!(scene.says("Looking at every process"));
    scene.event(Event::Census(Arc::new(Census { containers: Vec::new(), ..census() })));
    assert!(scene.says("No process is apart from the host"));
}

#[test]
fn a_process_has_the_whole_screen_for_one_pane_when_asked() {
    let scene = inspected().key(KeyCode::Char('z'));
    assert!(!scene.says("Walls of") && scene.says("48230"));
    assert!(scene.key(KeyCode::Char('z')).says("Walls of 48213"));
}

#[test]
fn leaving_a_process_asks_nothing_for_there_is_nothing_to_lose() {
    assert!(inspected().key(KeyCode::F(10)).model.left);
    assert!(containers().key(KeyCode::F(10)).model.left);
}

fn no_key_but_quit() -> impl Strategy<Value = KeyEvent> {
    let keys: Vec<KeyEvent> = KEYS
        .iter()
        .map(|binding| KeyEvent::new(binding.key, binding.modifiers))
        .filter(|key| key.code != KeyCode::F(10))
        .collect();
    proptest::sample::select(keys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_keys_at_any_size_leave_a_screen(
        keys in proptest::collection::vec(no_key_but_quit(), 1..30),
        width in 20u16..160,
        height in 8u16..50,
        list in any::<bool>(),
    ) {
        let mut scene = if list { containers() } else { inspected() };
        for key in keys {
            scene.event(Event::Terminal(Input::Key(key)));
            prop_assert!(!scene.text().is_empty());
        }
        prop_assert!(!scene.size(width, height).text().is_empty());
    }

    #[test]
    fn hostile_names_reach_no_cell_raw(name in "\\PC*|.*", width in 60u16..140, height in 16u16..40) {
        let mut evil = census();
        for one in &mut evil.containers {
            one.engine = Some(Engine {
                name: "Docker".to_owned(),
                id: Some(name.clone()),
                evidence: Evidence::Cgroup(name.clone()),
            });
            for each in &mut one.processes {
                each.command.clone_from(&name);
                each.name.clone_from(&name);
                each.user = Some(name.clone());
            }
        }
        let mut scene = containers();
        scene.event(Event::Census(Arc::new(evil.clone())));
        let listed = scene.size(width, height);
        let mut opened = containers();
        let container = Some(evil.containers.remove(1));
        opened.event(Event::Inspecting(Box::new(Inspected { pid: 48_213, container })));
        for scene in [listed, opened.size(width, height)] {
            for cell in scene.buffer().content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
            }
        }
    }
}
