//! The calls of traced commands on the screen: live, bounded, in words, and on demand.

use cloison::observe::{Errno, Snapshot, Traced, TracedCall};
use cloison::ui::event::Request;
use crossterm::event::KeyCode;

use crate::scene::Scene;

fn call(program: &str, name: &str, args: &[&str], result: Option<Result<i64, Errno>>) -> TracedCall {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    TracedCall { pid: 7, program: program.to_owned(), name: name.to_owned(), args, result, micros: 31 }
}

fn cat() -> Vec<TracedCall> {
    let (path, denied) = (r#""/etc/shadow""#, Some(Err(Errno(13))));
    vec![
        call("cat", "execve", &[r#""/usr/bin/cat""#, r#"["cat", "/etc/shadow"]"#, "[9]"], Some(Ok(0))),
        call("cat", "brk", &["NULL"], Some(Ok(0x5600_0000_0000))),
        call("cat", "openat", &["AT_FDCWD", path, "O_RDONLY"], denied),
        call("cat", "write", &["2", "\"cat: /etc/shadow: Permission…\"", "38"], Some(Ok(38))),
        call("cat", "exit_group", &["1"], None),
    ]
}

fn traced(calls: Vec<TracedCall>) -> impl FnOnce(&mut Snapshot) {
    let total = calls.len() as u64 + 99;
    move |snapshot| {
        let traced = Traced { on: true, refused: None, total, left_out: 99, calls };
        snapshot.traced.insert("box".to_owned(), traced);
    }
}

/// The task of the test lesson while its shell is traced.
pub fn at_work(scene: Scene) -> Scene {
    scene.step("rename").snapshot(traced(cat()))
}

#[test]
fn the_shell_in_front_is_traced_on_demand_from_anywhere_and_no_more() {
    let wanted = |scene: &Scene, actor: &str, on: bool| matches!(scene.requests.last(), Some(Request::Trace { actor: asked, on: is }) if asked == actor && *is == on);
    let scene = Scene::lesson().step("rename");
    assert!(scene.says("keyboard: box shell"));
    let scene = scene.ctrl('g').key(KeyCode::Char('t'));
    assert!(wanted(&scene, "box", true), "{:?}", scene.requests);
    assert!(!scene.says("◉"), "it is said once it is so");
    let scene = scene.snapshot(traced(cat()));
    assert!(scene.says("box ◉") && scene.says("Calls, traced live"), "{}", scene.text());
    let scene = scene.key(KeyCode::F(3)).key(KeyCode::Char('t'));
    assert!(wanted(&scene, "box", false), "{:?}", scene.requests);
    let scene = scene.snapshot(|snapshot| snapshot.traced.clear());
    assert!(scene.says("Calls of this step") && !scene.says("openat"), "{}", scene.text());
}

#[test]
fn calls_that_come_in_stay_in_sight_until_they_are_scrolled_away_from() {
    let many = |count: i64| traced((0..count).map(|n| call("yes", "write", &["1"], Some(Ok(n)))).collect());
    let scene = Scene::lesson().step("rename").snapshot(many(200));
    assert!(scene.says("= 199") && scene.says("above ( [ )"), "{}", scene.text());
    let scene = scene.snapshot(many(250));
    assert!(scene.says("= 249"));
    let scene = scene.key(KeyCode::F(2)).key(KeyCode::Char('[')).snapshot(many(256));
    assert!(scene.says("= 248") && !scene.says("= 255"), "{}", scene.text());
    let mut scene = scene;
    for _ in 0..8 {
        scene = scene.key(KeyCode::Char(']'));
    }
    let scene = scene.snapshot(many(300));
    assert!(scene.says("= 299"), "{}", scene.text());
}

#[test]
fn what_cannot_be_traced_says_why_and_what_is_hostile_stays_harmless() {
    let scene = Scene::lesson().snapshot(|snapshot| {
        let refused = Traced { refused: Some(Errno(1)), ..Traced::default() };
        snapshot.traced.insert("box".to_owned(), refused);
    });
    assert!(scene.says("the commands of box can't be traced: EPERM"), "{}", scene.text());
    let evil = "\u{1b}[31m\u{202e}\n";
    let scene = Scene::lesson().snapshot(traced(vec![call(evil, evil, &[evil, evil], Some(Ok(0)))]));
    let cells = scene.buffer();
    let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(cells.content().iter().all(|cell| !cell.symbol().chars().any(bad)), "{}", scene.text());
}

#[test]
fn a_full_list_of_calls_costs_little_to_draw() {
    let long = "x".repeat(200);
    let full = traced((0..256).map(|n| call("cat", "openat", &["AT_FDCWD", &long, "O_RDONLY"], Some(Ok(n)))).collect());
    let scene = Scene::lesson().step("rename").snapshot(full);
    let start = std::time::Instant::now();
    for _ in 0..10 {
        scene.buffer();
    }
    // Generous: this is no benchmark, and the machine may be busy. Without a bound it
    // would be far more.
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn the_call_that_the_step_speaks_of_is_in_sight_and_has_a_sign() {
    let opened = |speaks: bool| {
        let mut scene = Scene::lesson_with(|lesson| {
            let body = "It failed: {$.traced.box.calls[?@.name == 'openat'].errno}.";
            let body = if speaks { body } else { "It failed." };
            lesson.texts.values_mut().for_each(|text| body.clone_into(&mut text.steps[1].body));
        });
        let mut calls = cat();
        calls.extend((0..200).map(|n| call("cat", "write", &["1"], Some(Ok(n)))));
        traced(calls)(&mut scene.snapshot);
        scene.snapshot.traced.values_mut().for_each(|traced| traced.on = false);
        scene.step("guess")
    };
    let scene = opened(false);
    assert!(scene.says("= 199") && !scene.says("openat("), "{}", scene.text());
    let scene = opened(true);
    assert!(scene.says("✗▸openat(") && !scene.says("= 199"), "{}", scene.text());
    // They can be scrolled as ever.
    let scene = scene.key(KeyCode::Char(']'));
    assert!(scene.says("▸openat(") || scene.says("= 0"), "{}", scene.text());
}
