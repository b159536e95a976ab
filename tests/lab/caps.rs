//! Privileges: the five sets and what execve(2) makes of them, the capabilities of a
//! file, no_new_privs, another uid.

use super::*;
use cloison::lesson::op::{CapSetName, Capability, CapsOp};
use cloison::observe::model::Caps;

fn drop(caps: &[&str], set: CapSetName) -> Op {
    Op::Caps(CapsOp::Drop { caps: caps.iter().map(|one| (*one).to_owned()).collect(), set })
}

fn raise(caps: &[&str], set: CapSetName) -> Op {
    Op::Caps(CapsOp::Raise { caps: caps.iter().map(|one| (*one).to_owned()).collect(), set })
}

fn no_new_privs(on: bool) -> Op {
    Op::Caps(CapsOp::NoNewPrivs { on })
}

fn become_uid(uid: u32) -> Op {
    Op::Caps(CapsOp::Become { uid, gid: uid })
}

fn name(name: &str) -> Op {
    Op::Hostname { name: name.into() }
}

fn caps(lab: &mut Lab, actor: &str) -> Caps {
    view(lab, actor).caps.read().unwrap().clone()
}

fn has(set: cloison::observe::model::CapSet, name: &str) -> bool {
    set.has(Capability::named(name).unwrap())
}

/// The effective set of a program that the actor runs, and its no_new_privs bit.
fn of_program(lab: &mut Lab, actor: &str, grep: &str) -> (u64, u32) {
    let said = run(lab, actor, &format!("{grep} -E 'CapEff|NoNewPrivs' /proc/self/status"));
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
    (u64::from_str_radix(&value("CapEff:"), 16).unwrap(), value("NoNewPrivs:").parse().unwrap())
}

/// A box that is root over user, uts and mnt namespaces of its own.
fn root_in_box() -> Lab {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts, NsKind::Mnt]));
    lab
}

#[test]
fn who_is_nobody_holds_every_capability_in_a_new_user_namespace_and_loses_them_at_an_exec() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User, NsKind::Uts], map: None });
    assert_ne!(view(&mut lab, "box").ids.read().unwrap().uid, 0);
    must(&mut lab, "box", &name("galet-7"));
    assert!(has(caps(&mut lab, "box").effective, "CAP_SYS_ADMIN"));
    assert_eq!(of_program(&mut lab, "box", "grep").0, 0);
}

#[test]
fn what_is_lowered_in_the_effective_set_comes_back_and_what_left_the_permitted_does_not() {
    let mut lab = root_in_box();
    must(&mut lab, "box", &drop(&["CAP_SYS_ADMIN"], CapSetName::Effective));
    assert_eq!(fails(&mut lab, "box", &name("dune-1")).0.symbol(), "EPERM");
    must(&mut lab, "box", &raise(&["CAP_SYS_ADMIN"], CapSetName::Effective));
    must(&mut lab, "box", &name("dune-1"));
    let done = must(&mut lab, "box", &drop(&["CAP_SYS_ADMIN"], CapSetName::Permitted));
    assert_eq!(done.calls.len(), 1, "{:?}", done.calls);
    assert!(done.calls[0].to_string().contains("& ~(CAP_SYS_ADMIN), inheritable=0}) = 0"), "{:?}", done.calls);
    let (errno, tried) = fails(&mut lab, "box", &raise(&["CAP_SYS_ADMIN"], CapSetName::Effective));
    assert_eq!((errno.symbol().as_str(), tried.calls[0].name.as_str()), ("EPERM", "capset"));
}

#[test]
fn root_regains_at_an_exec_what_the_bounding_set_has() {
    let mut lab = root_in_box();
    let bit = Capability::named("CAP_KILL").unwrap().bit();
    must(&mut lab, "box", &drop(&["CAP_KILL"], CapSetName::Permitted));
    assert_ne!(of_program(&mut lab, "box", "grep").0 & bit, 0);
    let done = must(&mut lab, "box", &drop(&["CAP_KILL"], CapSetName::Bounding));
    assert_eq!(done.calls[0].to_string(), "prctl(PR_CAPBSET_DROP, CAP_KILL) = 0");
    assert_eq!(of_program(&mut lab, "box", "grep").0 & bit, 0);
}

#[test]
fn the_ambient_set_is_kept_across_an_exec_of_who_is_not_root() {
    let mut lab = root_in_box();
    must(&mut lab, "box", &Op::Fork { child: "user".into() });
    must(&mut lab, "user", &Op::Unshare { kinds: vec![NsKind::User], map: None });
    assert_eq!(fails(&mut lab, "user", &raise(&["CAP_KILL"], CapSetName::Ambient)).0.symbol(), "EPERM");
    must(&mut lab, "user", &raise(&["CAP_KILL", "CAP_CHOWN"], CapSetName::Inheritable));
    must(&mut lab, "user", &raise(&["CAP_KILL", "CAP_CHOWN"], CapSetName::Ambient));
    let kill = Capability::named("CAP_KILL").unwrap().bit();
    assert_eq!(of_program(&mut lab, "user", "grep").0, kill | 1);
    must(&mut lab, "user", &drop(&["CAP_CHOWN"], CapSetName::Ambient));
    assert_eq!(of_program(&mut lab, "user", "grep").0, kill);
    let cleared = must(&mut lab, "user", &drop(&["all"], CapSetName::Ambient));
    assert_eq!(cleared.calls[0].to_string(), "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) = 0");
    assert_eq!(of_program(&mut lab, "user", "grep").0, 0);
}

#[test]
fn a_file_gives_its_capabilities_to_nobody_unless_no_new_privs_is_set() {
    let mut lab = root_in_box();
    must(&mut lab, "box", &mount("tmpfs", "tmpfs", "/tmp", &[]));
    run(&mut lab, "box", "cp \"$(command -v grep)\" /tmp/look");
    let file = Op::Caps(CapsOp::File {
        path: "/tmp/look".into(),
        permitted: vec!["CAP_KILL".into()],
        inheritable: vec![],
        effective: true,
    });
    let done = must(&mut lab, "box", &file);
    let said = done.calls[0].to_string();
    assert!(said.contains("\"security.capability\", {VFS_CAP_FLAGS_EFFECTIVE, permitted=CAP_KILL"), "{said}");
    must(&mut lab, "box", &Op::Fork { child: "user".into() });
    must(&mut lab, "user", &Op::Unshare { kinds: vec![NsKind::User], map: None });
    let kill = Capability::named("CAP_KILL").unwrap().bit();
    assert_eq!(of_program(&mut lab, "user", "grep"), (0, 0));
    assert_eq!(of_program(&mut lab, "user", "/tmp/look"), (kill, 0));
    must(&mut lab, "user", &no_new_privs(true));
    assert_eq!(of_program(&mut lab, "user", "/tmp/look"), (0, 1));
    let (errno, tried) = fails(&mut lab, "user", &no_new_privs(false));
    assert_eq!(errno.symbol(), "EINVAL");
    assert!(tried.calls[0].to_string().starts_with("prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) = -1"));
    assert_eq!(view(&mut lab, "user").no_new_privs.read(), Some(&true));
}

#[test]
fn no_new_privs_takes_nothing_away_from_root() {
    let mut lab = root_in_box();
    must(&mut lab, "box", &no_new_privs(true));
    let whole = caps(&mut lab, "box").bounding.0;
    assert_eq!(of_program(&mut lab, "box", "grep"), (whole, 1));
}

#[test]
fn without_its_privilege_at_an_exec_uid_0_is_a_user_like_any_other() {
    let mut lab = root_in_box();
    let done = must(&mut lab, "box", &Op::Caps(CapsOp::Securebits { names: vec!["noroot".into()] }));
    assert_eq!(done.calls[0].to_string(), "prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) = 0");
    assert_eq!(view(&mut lab, "box").securebits.read().unwrap().names, ["noroot"]);
    assert_eq!(of_program(&mut lab, "box", "grep").0, 0);
}

#[test]
fn another_uid_is_there_only_where_it_is_mapped_and_has_no_capability() {
    let mut lab = root_in_box();
    if is_root() {
        must(&mut lab, "box", &become_uid(1000));
        let now = caps(&mut lab, "box");
        assert_eq!((view(&mut lab, "box").ids.read().unwrap().uid, now.permitted.count()), (1000, 0));
        // It still answers and starts programs, and dies with the lab.
        assert_eq!(run(&mut lab, "box", "id -u"), "1000");
    } else {
        // The one id of an ordinary user's map.
        assert_eq!(fails(&mut lab, "box", &become_uid(1000)).0.symbol(), "EINVAL");
    }
}

#[test]
fn a_descendant_of_the_program_shows_its_sets_from_outside() {
    let mut lab = root_in_box();
    must(&mut lab, "box", &drop(&["CAP_KILL"], CapSetName::Bounding));
    let argv = vec!["sleep".into(), "3141".into()];
    must(&mut lab, "box", &Op::Run { argv, seconds: 20, background: true, trace: false });
    wait_until("sleep runs", || {
        let snapshot = observe::Sampler::new().unwrap().snapshot(Vec::new());
        let found = snapshot.lab.iter().find(|one| one.command == "sleep 3141");
        let Some(caps) = found.and_then(|one| one.caps.read()) else { return false };
        !has(caps.effective, "CAP_KILL") && has(caps.effective, "CAP_CHOWN")
    });
}
