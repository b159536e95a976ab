//! Namespaces held without a process, entered through what holds them, and id maps
//! written by hand.

use super::*;
use cloison::observe::model::{Holding, Namespace};
use cloison::observe::{Known, Look, Reading, Sampler, Sections, Snapshot};

fn hold(of: &str, at: Option<&str>) -> Op {
    Op::Hold { of: of.into(), kind: NsKind::Uts, at: at.map(str::to_owned) }
}

fn enter(at: Option<&str>) -> Op {
    Op::SetnsHeld { at: at.map(str::to_owned), kinds: vec![NsKind::Uts] }
}

fn snapshot(lab: &mut Lab) -> Snapshot {
    let actors: Vec<(String, u32)> =
        lab.actors().iter().filter(|one| one.ended.is_none()).map(|one| (one.name.clone(), one.pid)).collect();
    let known = actors.into_iter().map(|(name, pid)| {
        let seen = Reading::Read(view(lab, &name));
        Known { name, pid, alive: true, exit: None, seen, told: Sections::ALL, stale: None }
    });
    let known = known.collect();
    Sampler::new().unwrap().snapshot(known)
}

fn find(snapshot: &Snapshot, inode: u64) -> Option<&Namespace> {
    snapshot.namespaces.list.iter().find(|one| one.inode == inode)
}

/// Ends an actor and waits until that is known.
fn end(lab: &mut Lab, actor: &str) {
    let pid = lab.actors().iter().find(|one| one.name == actor).unwrap().pid;
    pidfd_kill(&pidfd_open(pid).unwrap(), nix::sys::signal::Signal::SIGKILL as i32).unwrap();
    wait_until("its end is known", || {
        lab.listen().unwrap();
        lab.actors().iter().any(|one| one.name == actor && one.ended.is_some())
    });
}

#[test]
fn a_namespace_outlives_its_processes_while_a_descriptor_holds_it() {
    let mut lab = lab();
    for actor in ["box", "holder"] {
        lab.spawn(actor).unwrap();
    }
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts]));
    must(&mut lab, "box", &Op::Hostname { name: "menhir-8".into() });
    let box_pid = lab.actors()[0].pid;
    let made = must(&mut lab, "holder", &hold("box", None));
    assert!(made.calls[0].to_string().starts_with(&format!("open(\"/proc/{box_pid}/ns/uts\"")), "{:?}", made.calls);
    let seen = view(&mut lab, "box");
    let (uts, user) = (*seen.ns[&NsKind::Uts].read().unwrap(), *seen.ns[&NsKind::User].read().unwrap());
    let before = snapshot(&mut lab);
    assert_eq!(find(&before, uts).unwrap().members, 1);
    end(&mut lab, "box");
    let now = snapshot(&mut lab);
    let held = find(&now, uts).unwrap();
    assert_eq!((held.members, held.owner.read()), (0, Some(&user)));
    let holder = lab.actors()[1].pid;
    assert_eq!((held.held[0].by, held.held[0].pid), (Holding::Descriptor, Some(holder)));
    // Its owner is there for nothing else.
    assert_eq!(find(&now, user).unwrap().members, 0);
    // Who is not root in that user namespace may not enter what it owns.
    if !is_root() {
        assert_eq!(fails(&mut lab, "holder", &enter(None)).0.symbol(), "EPERM");
    }
    must(&mut lab, "holder", &Op::Release { kind: NsKind::Uts });
    // Another test's look at namespaces, in this process, may have it open for a moment.
    wait_until("nobody holds it", || find(&snapshot(&mut lab), uts).is_none());
    assert_eq!(fails(&mut lab, "holder", &Op::Release { kind: NsKind::Uts }).0.symbol(), "EBADF");
    assert_eq!(fails(&mut lab, "holder", &enter(None)).0.symbol(), "EBADF");
}

#[test]
fn a_namespace_outlives_its_processes_while_it_is_mounted_and_can_be_entered_again() {
    let mut lab = lab();
    lab.spawn("keep").unwrap();
    must(&mut lab, "keep", &unshare(&[NsKind::User, NsKind::Mnt]));
    must(&mut lab, "keep", &mount("tmpfs", "tmpfs", "/tmp", &[]));
    must(&mut lab, "keep", &Op::Fork { child: "box".into() });
    must(&mut lab, "box", &unshare(&[NsKind::Uts]));
    must(&mut lab, "box", &Op::Hostname { name: "menhir-9".into() });
    let uts = *view(&mut lab, "box").ns[&NsKind::Uts].read().unwrap();
    must(&mut lab, "keep", &hold("box", Some("/tmp/uts")));
    end(&mut lab, "box");
    let now = snapshot(&mut lab);
    let held = find(&now, uts).unwrap();
    assert_eq!((held.members, held.held[0].by, held.held[0].at.as_str()), (0, Holding::Mount, "/tmp/uts"));
    must(&mut lab, "keep", &enter(Some("/tmp/uts")));
    let seen = view(&mut lab, "keep");
    assert_eq!((seen.uts.read().unwrap().hostname.as_str(), seen.ns[&NsKind::Uts].read()), ("menhir-9", Some(&uts)));
    assert_eq!(fails(&mut lab, "keep", &enter(Some("/tmp/none"))).0.symbol(), "ENOENT");
}

#[test]
fn a_map_is_written_by_hand_from_the_namespace_above_and_owners_follow_it() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Mnt]));
    must(&mut lab, "box", &mount("tmpfs", "tmpfs", "/tmp", &[]));
    run(&mut lab, "box", "touch /tmp/letter");
    must(&mut lab, "box", &Op::Fork { child: "inner".into() });
    must(&mut lab, "inner", &Op::Unshare { kinds: vec![NsKind::User], map: None });
    let files = Look { files: vec!["/tmp/letter".into(), "/tmp/none".into()], ..Look::default() };
    let view = |lab: &mut Lab, actor: &str| asked(lab, actor, &files);
    let owner = |lab: &mut Lab, actor: &str| view(lab, actor).files["/tmp/letter"].read().unwrap().uid;
    assert_eq!((owner(&mut lab, "box"), owner(&mut lab, "inner")), (0, 65_534));
    let write = |uid_map: &str| Op::Idmap {
        of: "inner".into(),
        setgroups: None,
        uid_map: Some(uid_map.into()),
        gid_map: Some("7 0 1".into()),
    };
    assert_eq!(fails(&mut lab, "box", &write("5 4000000000 1")).0.symbol(), "EPERM");
    must(&mut lab, "box", &write("4217 0 1"));
    let seen = view(&mut lab, "inner");
    assert_eq!((seen.ids.read().unwrap().uid, seen.ids.read().unwrap().gid), (4217, 7));
    assert_eq!(seen.files.len(), 1);
    assert_eq!((owner(&mut lab, "box"), owner(&mut lab, "inner")), (0, 4217));
    // From the host, through the box's root directory.
    let mut sampler = Sampler::new().unwrap();
    sampler.watch(vec!["/tmp/letter".into()], false);
    let host = sampler.host();
    let outside = sampler.outside(lab.actors()[0].pid, &host).unwrap();
    let box_uid = outside.users.read().unwrap().uid_map[0].outside;
    assert_eq!(outside.files["/tmp/letter"].read().unwrap().uid, box_uid);
    assert_eq!(fails(&mut lab, "box", &write("1 0 1")).0.symbol(), "EPERM", "a map is written once");
}
