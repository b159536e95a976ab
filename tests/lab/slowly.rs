//! An op that waits after each of its calls.

use cloison::kernel::Call;
use cloison::lab::client::Slow;

use super::*;

fn names(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.name.as_str()).collect()
}

/// The calls of an op that waits.
#[track_caller]
fn paused(slow: Slow) -> Vec<Call> {
    match slow {
        Slow::Paused(calls) => calls,
        Slow::Done(done, why) => panic!("it does not wait: {done:?} {why:?}"),
    }
}

fn lab_of(actors: &[&str]) -> Lab {
    let mut lab = lab();
    for actor in actors {
        lab.spawn(actor).unwrap();
    }
    lab
}

fn uid(lab: &mut Lab, actor: &str) -> u32 {
    view(lab, actor).ids.read().unwrap().uid
}

fn new_users() -> Op {
    unshare(&[NsKind::User, NsKind::Uts])
}

#[test]
fn each_call_waits_for_a_word_and_meanwhile_the_actor_says_what_it_sees() {
    let mut lab = lab_of(&["box", "other"]);
    let first = paused(lab.perform_slowly("box", &new_users()).unwrap());
    assert_eq!(names(&first), ["unshare"]);
    let pid = lab.actors().iter().find(|actor| actor.name == "box").unwrap().pid;
    // The host sees it at once, and nobody is mapped yet.
    let users = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
    assert_ne!(users(pid), users(std::process::id()));
    assert_eq!(std::fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap(), "");
    assert_eq!(uid(&mut lab, "box"), 65534);
    assert_ne!(uid(&mut lab, "other"), 65534);
    let mut before = first;
    let done = loop {
        match lab.go_on().unwrap() {
            Slow::Paused(calls) => {
                assert!(calls.len() > before.len() && calls.starts_with(&before), "{calls:?}");
                before = calls;
                // Of root, a mapped one only once it has become it.
                assert!([0, 65534].contains(&uid(&mut lab, "box")));
            }
            Slow::Done(done, why) => break (done.unwrap(), why),
        }
    };
    // What it came to is what was shown.
    assert_eq!((done.0.calls, done.0.failure, done.1), (before, None, None));
    assert_eq!(uid(&mut lab, "box"), 0);
    must(&mut lab, "box", &Op::Hostname { name: "menhir".into() });
}

#[test]
fn of_a_fork_the_parent_alone_waits() {
    let mut lab = lab_of(&["box"]);
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Pid, NsKind::Uts]));
    let calls = paused(lab.perform_slowly("box", &Op::Fork { child: "init".into() }).unwrap());
    assert_eq!(names(&calls), ["fork"]);
    let Slow::Done(Some(done), None) = lab.go_on().unwrap() else { panic!("the fork does not end") };
    assert_eq!(done.made.unwrap().name, "init");
    // The child is PID 1 of its own, and an actor like any other.
    let name = Op::Hostname { name: "menhir".into() };
    assert_eq!(names(&paused(lab.perform_slowly("init", &name).unwrap())), ["sethostname"]);
    assert_eq!(view(&mut lab, "init").uts.read().unwrap().hostname, "menhir");
    assert!(matches!(lab.go_on().unwrap(), Slow::Done(Some(_), None)));
}

#[test]
fn a_call_that_fails_is_shown_and_ends_its_op() {
    let mut lab = lab_of(&["box"]);
    must(&mut lab, "box", &new_users());
    let long = Op::Hostname { name: "n".repeat(65) };
    let calls = paused(lab.perform_slowly("box", &long).unwrap());
    assert_eq!(calls.last().unwrap().result, Err(Errno(22)));
    let Slow::Done(Some(done), None) = lab.go_on().unwrap() else { panic!("it does not end") };
    assert_eq!(done.failure.map(|(errno, _)| errno), Some(Errno(22)));
}

#[test]
fn who_waits_starts_nothing_and_the_others_do() {
    let mut lab = lab_of(&["box", "other"]);
    paused(lab.perform_slowly("box", &new_users()).unwrap());
    let refused = lab.launch("box", Program::Shell(Lang::En), Some((24, 80)));
    assert!(matches!(refused, Err(LabError::Failed(Failure::Call(Errno(16), _)))), "{refused:?}");
    lab.launch("other", Program::Shell(Lang::En), Some((24, 80))).unwrap();
    while matches!(lab.go_on().unwrap(), Slow::Paused(_)) {}
    lab.launch("box", Program::Shell(Lang::En), Some((24, 80))).unwrap();
}

#[test]
fn a_lab_that_is_taken_down_between_two_calls_is_ready_for_the_next() {
    let before = Left::now();
    let mut lab = lab_of(&["box"]);
    for _ in 0..3 {
        paused(lab.perform_slowly("box", &new_users()).unwrap());
        lab.reset(false).unwrap();
        lab.spawn("box").unwrap();
    }
    must(&mut lab, "box", &new_users());
    // And one that is left there leaves nothing.
    paused(lab.perform_slowly("box", &Op::Hostname { name: "menhir".into() }).unwrap());
    drop(lab);
    before.assert_same();
}

#[test]
fn an_actor_that_is_killed_between_two_calls_is_said_to_be_gone() {
    let mut lab = lab_of(&["box", "other"]);
    paused(lab.perform_slowly("box", &new_users()).unwrap());
    let pid = lab.actors().iter().find(|actor| actor.name == "box").unwrap().pid;
    pidfd_kill(&pidfd_open(pid).unwrap(), 9).unwrap();
    wait_until("its end", || {
        lab.listen().unwrap();
        lab.actors().iter().any(|actor| actor.name == "box" && actor.ended.is_some())
    });
    assert_eq!(lab.go_on().unwrap(), Slow::Done(None, Some(Failure::ActorGone("box".into()))));
    must(&mut lab, "other", &new_users());
}

#[test]
fn a_keeper_that_is_killed_between_two_calls_is_buried_with_who_waits() {
    let before = Left::now();
    let mut lab = lab_of(&["box"]);
    paused(lab.perform_slowly("box", &new_users()).unwrap());
    pidfd_kill(&pidfd_open(lab.keeper()).unwrap(), 9).unwrap();
    assert!(matches!(lab.go_on(), Err(LabError::KeeperDied)));
    drop(lab);
    before.assert_same();
}
