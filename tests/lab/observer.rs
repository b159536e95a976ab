//! The observer: a look at a process that is no actor, from inside.

use std::sync::Arc;

use super::*;
use cloison::lesson::op::{CapSetName, CapsOp};
use cloison::observe::Reading;

fn observed(lab: &mut Lab, pid: u32) -> View {
    let bytes = lab.observe(pid, &[], Duration::from_secs(10)).unwrap().expect("a report in time");
    observe::Told::decode(&bytes).unwrap().view
}

/// The descendant of the lab whose arguments begin like this, once it is there.
fn find(lab: &Lab, command: &str) -> u32 {
    let mut found = None;
    wait_until(command, || {
        found = descendants(lab.keeper()).into_iter().find(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).replace('\0', " ").starts_with(command)
        });
        found.is_some()
    });
    found.unwrap()
}

fn leave_running(lab: &mut Lab, actor: &str, script: &str) {
    let argv = vec!["sh".into(), "-c".into(), script.into()];
    must(lab, actor, &Op::Run { argv, seconds: 20, background: true, trace: false });
}

#[test]
fn what_a_student_builds_by_hand_is_seen_from_inside() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let script = "unshare --user --map-root-user --uts --pid --mount-proc --fork \
                  sh -c 'hostname brume-31; mount -t tmpfs none /mnt; sleep 40001; true'";
    leave_running(&mut lab, "box", script);
    find(&lab, "sleep 40001");
    let pid = find(&lab, "sh -c hostname brume-31");
    let seen = observed(&mut lab, pid);
    let ids = seen.ids.read().unwrap();
    assert_eq!((ids.pid, ids.ppid, ids.uid, ids.gid), (1, 0, 0, 0));
    assert_eq!(seen.uts.read().unwrap().hostname, "brume-31");
    assert!(seen.mounts.read().unwrap().iter().any(|mount| mount.target == "/mnt" && mount.fstype == "tmpfs"));
    let maps = seen.users.read().unwrap();
    assert_eq!((maps.uid_map[0].inside, maps.uid_map[0].count), (0, 1));
    assert_eq!(maps.setgroups, "deny");
    // The observer is none of them: it never enters the PID namespace.
    let commands: Vec<&str> = seen.processes.read().unwrap().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(commands, ["sh", "sleep"]);
    let own = view(&mut lab, "box");
    for kind in [NsKind::User, NsKind::Uts, NsKind::Pid, NsKind::Mnt] {
        assert_ne!(seen.ns[&kind].read(), own.ns[&kind].read(), "{}", kind.name());
    }
    assert_eq!(seen.ns[&NsKind::Net].read(), own.ns[&NsKind::Net].read());
    assert_eq!(seen.owners[&NsKind::Uts].read(), seen.ns[&NsKind::User].read());
}

#[test]
fn an_actor_says_of_itself_what_an_observer_says_of_it() {
    let mut lab = lab();
    whole_box(&mut lab);
    must(&mut lab, "init", &Op::Hostname { name: "dune-11".into() });
    let pid = lab.actors().iter().find(|actor| actor.name == "init").unwrap().pid;
    let (own, mut other) = (view(&mut lab, "init"), observed(&mut lab, pid));
    // It answers one question, and sleeps, or is about to, when the other is asked of it.
    let Reading::Read(processes) = &mut other.processes else { panic!("no processes") };
    let state = std::mem::replace(&mut Arc::make_mut(&mut processes[0]).state, 'R');
    assert!("RS".contains(state), "{state}");
    // What can't be read has the same reason, by another path.
    let same = |one: &Reading<u64>, two: &Reading<u64>| match (one, two) {
        (Reading::Read(one), Reading::Read(two)) => one == two,
        (Reading::Unread(one), Reading::Unread(two)) => one.errno == two.errno,
        _ => false,
    };
    for kind in NsKind::ALL {
        assert!(same(&own.owners[&kind], &other.owners[&kind]), "{}", kind.name());
    }
    assert_eq!(own.lsm.read(), other.lsm.read());
    // The kernel tells nobody the securebits of another.
    assert!(own.securebits.read().is_some() && other.securebits.read().is_none());
    other.securebits.clone_from(&own.securebits);
    other.owners.clone_from(&own.owners);
    other.lsm.clone_from(&own.lsm);
    assert_eq!(own, other);
}

#[test]
fn who_is_gone_or_another_users_is_said_so_and_nothing_stays() {
    let mut lab = lab();
    let before = descendants(lab.keeper());
    let Err(LabError::Failed(failure)) = lab.observe(0x003f_fff0, &[], Duration::from_secs(1)) else {
        panic!("a view")
    };
    assert_eq!(failure, Failure::Call(Errno(nix::errno::Errno::ESRCH as i32), format!("/proc/{}", 0x003f_fff0)));
    // PID 1 is root's, and may be kept from root as well: then each part says so.
    let init = observed(&mut lab, 1);
    let may = std::fs::read_link("/proc/1/ns/uts").is_ok();
    assert_eq!(init.ns[&NsKind::Uts].read().is_some(), may);
    assert_eq!(init.uts.read().is_some(), may);
    assert_eq!(descendants(lab.keeper()), before);
}

/// Runs a student's commands in the actor's shell until they end.
fn script(lab: &mut Lab, actor: &str, script: &str) {
    let launch =
        lab.launch(actor, Program::Script { script: script.to_owned(), carried: String::new() }, None).unwrap();
    wait_until("the commands end", || {
        lab.listen().unwrap();
        lab.ended(launch.id).is_some()
    });
}

/// The arguments of the process that was found, once they begin like this.
fn found(lab: &mut Lab, shell: &str, command: &str) -> u32 {
    let mut last = None;
    wait_until(command, || {
        last = lab.find(shell).unwrap();
        last.is_some_and(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).replace('\0', " ").starts_with(command)
        })
    });
    last.unwrap()
}

#[test]
fn of_what_a_shell_started_the_process_that_differs_is_found() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    lab.spawn("peer").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    // A lab's own run is no student's.
    leave_running(&mut lab, "box", "unshare --uts sleep 40002");
    script(&mut lab, "box", "sleep 40003 & true");
    find(&lab, "sleep 40003");
    assert_eq!(lab.find("box").unwrap(), None, "it is as the box is");
    // The orphan of a shell that has ended; then what was started after it.
    script(&mut lab, "box", "unshare --uts sleep 40004 & true");
    let first = found(&mut lab, "box", "sleep 40004");
    assert_ne!(observed(&mut lab, first).ns[&NsKind::Uts].read(), view(&mut lab, "box").ns[&NsKind::Uts].read());
    script(&mut lab, "box", "unshare --ipc sh -c 'sleep 40005; true' & true");
    let pid = found(&mut lab, "box", "sh -c sleep 40005");
    wait_until("its child runs, and is of the same box", || {
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).is_ok_and(|list| !list.is_empty())
    });
    assert_eq!(lab.find("box").unwrap(), Some(pid));
    assert_eq!(lab.find("peer").unwrap(), None);
    pidfd_kill(&pidfd_open(pid).unwrap(), nix::sys::signal::Signal::SIGKILL as i32).unwrap();
    // Its child stays behind, an orphan, and is what is left of that box.
    found(&mut lab, "box", "sleep 40005");
    assert!(matches!(lab.find("nobody"), Err(LabError::Failed(Failure::NoActor(_)))));
}

#[test]
fn a_process_with_other_privileges_than_its_shell_is_found() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    // The actor has less than its shell: what differs from the shell is meant.
    let kill = vec!["CAP_KILL".to_owned()];
    must(&mut lab, "box", &Op::Caps(CapsOp::Drop { caps: kill, set: CapSetName::Effective }));
    let mut shell = Shell::open(&mut lab, "box");
    shell.ask("sleep 40007 &");
    find(&lab, "sleep 40007");
    assert_eq!(lab.find("box").unwrap(), None, "it is as its shell is");
    shell.ask("setpriv --bounding-set -chown sleep 40008 &");
    let pid = found(&mut lab, "box", "sleep 40008");
    let caps = observed(&mut lab, pid).caps.read().unwrap().clone();
    assert_eq!((caps.effective.0 & 1, caps.bounding.0 & 1), (0, 0));
    shell.ask("setpriv --no-new-privs sleep 40009 &");
    found(&mut lab, "box", "sleep 40009");
    shell.ask("kill %1 %2 %3; wait");
}

#[test]
fn a_shell_in_a_pid_namespace_of_its_own_is_searched_as_well() {
    let mut lab = lab();
    whole_box(&mut lab);
    let mut shell = Shell::open(&mut lab, "init");
    assert_eq!(lab.find("init").unwrap(), None);
    shell.ask("unshare --uts sleep 40006 &");
    let pid = found(&mut lab, "init", "sleep 40006");
    assert_eq!(observed(&mut lab, pid).ids.read().unwrap().ppid, 2, "the shell");
    shell.ask("kill %1; wait");
    wait_until("it is gone", || lab.find("init").unwrap().is_none());
}
