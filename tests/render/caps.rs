//! The pane of capabilities: five sets, both sides, over which user namespace.

use std::collections::BTreeMap;

use cloison::i18n::Lang::Fr;
use cloison::lesson::op::NsKind;
use cloison::observe::model::{Caps, Securebits, Unread};
use cloison::observe::{Errno, Reading, Snapshot};
use cloison::ui::layout::Pane;
use insta::assert_snapshot;

use crate::scene::Scene;

const ALL: u64 = (1 << 41) - 1;

/// A host's root, and a box that is root over its own user namespace and has dropped
/// CAP_SYS_ADMIN for good, and CAP_CHOWN from the effective set.
fn apart(snapshot: &mut Snapshot) {
    let over = |user| BTreeMap::from([(NsKind::User, Reading::Read(user))]);
    snapshot.host.ns = over(4_026_531_837);
    snapshot.host.caps = Reading::Read(Caps::of([0, ALL, ALL, ALL, 0]));
    let actor = snapshot.actors.get_mut("box").expect("the box");
    actor.ns = over(4_026_532_201);
    let Reading::Read(seen) = &mut actor.seen else { panic!("a view") };
    let kept = ALL & !(1 << 21);
    seen.caps = Reading::Read(Caps::of([0, kept, kept & !1, kept, 0]));
    seen.no_new_privs = Reading::Read(true);
    seen.securebits = Reading::Read(Securebits::of(1));
}

fn pane(mut scene: Scene, change: impl FnOnce(&mut Snapshot)) -> Scene {
    scene.model.lesson_mut().expect("a lesson").pane = Pane::Caps;
    scene.snapshot(change).wait(10_000)
}

#[test]
fn capabilities_at_120x36() {
    assert_snapshot!(pane(Scene::lesson(), apart).text());
}

#[test]
fn capabilities_at_80x24_in_french() {
    assert_snapshot!(pane(Scene::lesson().size(80, 24).lang(Fr), apart).text());
}

#[test]
fn a_capability_that_goes_is_marked_and_comes_first() {
    let before = pane(Scene::lesson(), apart);
    let after = before.snapshot(|snapshot| {
        let actor = snapshot.actors.get_mut("box").expect("the box");
        let Reading::Read(seen) = &mut actor.seen else { panic!("a view") };
        let Reading::Read(caps) = &mut seen.caps else { panic!("capabilities") };
        caps.effective.0 &= !(1 << 5);
    });
    let text = after.text();
    let marked: Vec<&str> = text.lines().filter(|line| line.contains('◆')).collect();
    assert!(marked.iter().any(|line| line.contains("◆ kill")), "{text}");
    assert!(marked.iter().all(|line| !line.contains("chown")), "{text}");
    assert!(text.find("kill") < text.find("dac_override"), "{text}");
}

#[test]
fn sets_that_can_not_be_read_say_why() {
    let unread = || Reading::Unread(Unread { path: "/proc/812/status".to_owned(), errno: Errno(2) });
    let scene = pane(Scene::lesson(), |snapshot| {
        apart(snapshot);
        let actor = snapshot.actors.get_mut("box").expect("the box");
        let Reading::Read(seen) = &mut actor.seen else { panic!("a view") };
        seen.caps = unread();
    });
    assert!(scene.says("/proc/812/status"), "{}", scene.text());
}
