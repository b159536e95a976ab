//! The pane of seccomp filters: the program, the way of a call lit up, what was refused.

use cloison::kernel::seccomp::{Action, Policy, compile::compile};
use cloison::observe::{Asked, Filters, Snapshot};
use crossterm::event::KeyCode;

use crate::scene::Scene;

fn filtered(snapshot: &mut Snapshot) {
    let policy = Policy::list(Action::Allow, ["sethostname", "mkdirat"], Action::Errno(1)).expect("names");
    let asked = Asked { pid: 7, name: "mkdirat".to_owned(), args: vec!["\"/tmp/x\"".to_owned()], errno: Some(122) };
    let programs = vec![compile(&policy).expect("a program")];
    snapshot.filters.insert("box".to_owned(), Filters { programs, asked: vec![asked], total: 1 });
}

/// The test lesson with the pane in front, and a filter on the box.
pub fn scene(scene: Scene) -> Scene {
    let mut scene = scene.step("unshare").snapshot(filtered).key(KeyCode::F(3));
    for _ in 0..20 {
        if !scene.says("SECCOMP") {
            scene = scene.key(KeyCode::Right);
        }
    }
    scene.key(KeyCode::Char('z'))
}

#[cfg(target_arch = "x86_64")]
fn lit(scene: &Scene) -> Vec<String> {
    let text = scene.text();
    text.lines().filter(|line| line.contains('▸')).map(|line| line.trim().to_owned()).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_way_of_the_call_refused_last_is_lit_and_then_that_of_the_one_selected() {
    let scene = scene(Scene::lesson());
    assert!(scene.says("✗") && scene.says("EDQUOT"), "{}", scene.text());
    assert!(lit(&scene).iter().any(|line| line.contains("F1") && line.contains("mkdirat")), "{}", scene.text());
    // Four rows above the program, its heading, and six instructions to the first call.
    let mut scene = scene;
    for _ in 0..12 {
        scene = scene.key(KeyCode::Down);
        if lit(&scene).iter().any(|line| line.contains("F1") && line.contains("sethostname")) {
            return;
        }
    }
    panic!("{}", scene.text());
}
