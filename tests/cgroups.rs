//! Control groups on the real kernel, whatever versions it has: each op, what the panes
//! and checks read, and that nothing is left. Run as root and as an ordinary user, who
//! has groups only where somebody gave it some, and else is told why not.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use cloison::kernel::cgroup::{self, Trees, devices};
use cloison::kernel::process::{pidfd_kill, pidfd_open};
use cloison::kernel::{Trace, attribute};
use cloison::lab::protocol::Failure;
use cloison::lab::{Lab, LabError, journal, sweep};
use cloison::lesson::op::{CgroupOp, Controller, DeviceRule, MapKind, NsKind, Op};
use cloison::observe::cgroups::{Group, cgroups};

use support::lab::{lab, must, refused};

/// Burying a keeper ends every child of this process: a test that does so is not run
/// beside those that have children of their own.
static BURIAL: RwLock<()> = RwLock::new(());

fn with_children() -> RwLockReadGuard<'static, ()> {
    BURIAL.read().unwrap_or_else(PoisonError::into_inner)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A lab with its own groups and an actor `box`; nothing where this user can't have
/// groups with these controllers, and was told so.
fn grouped(controllers: &[Controller]) -> Option<(Lab, Vec<PathBuf>)> {
    let mut lab = lab();
    match lab.groups(controllers.to_vec()) {
        Ok(bases) => {
            lab.spawn("box").unwrap();
            Some((lab, bases))
        }
        Err(LabError::Failed(Failure::Call(errno, what))) => {
            let name = controllers.first().map_or("cgroup", |one| one.name());
            let known = Trees::read().unwrap();
            let nowhere = cgroup::legacy_names(name).iter().all(|one| known.legacy(one).is_none())
                && !available(&known).contains(name);
            let why = ["EACCES", "EROFS", "EBUSY", "EOPNOTSUPP"];
            assert!(why.contains(&errno.symbol().as_str()) && !what.is_empty(), "{what}: {errno}");
            assert!(!is_root() || nowhere, "root has no group with {name}: {what}: {errno}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn available(trees: &Trees) -> BTreeSet<String> {
    let root = trees.unified().map(|tree| tree.mount.join("cgroup.controllers"));
    let text = root.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn create(group: &str, controllers: &[Controller]) -> Op {
    Op::Cgroup(CgroupOp::Create { group: group.into(), controllers: controllers.to_vec() })
}

fn set(group: &str, file: &str, to: &str) -> Op {
    Op::Cgroup(CgroupOp::Set { group: group.into(), file: file.into(), to: to.into() })
}

fn op(make: impl Fn(String) -> CgroupOp, group: &str) -> Op {
    Op::Cgroup(make(group.to_owned()))
}

fn join(group: &str) -> Op {
    op(|group| CgroupOp::Join { group }, group)
}

fn freeze(group: &str) -> Op {
    op(|group| CgroupOp::Freeze { group }, group)
}

fn thaw(group: &str) -> Op {
    op(|group| CgroupOp::Thaw { group }, group)
}

fn kill(group: &str) -> Op {
    op(|group| CgroupOp::Kill { group }, group)
}

fn remove(group: &str) -> Op {
    op(|group| CgroupOp::Remove { group }, group)
}

fn seen(bases: &[PathBuf], group: &str) -> Group {
    cgroups(bases).groups.remove(group).unwrap_or_else(|| panic!("no group {group}"))
}

fn value(group: &Group, file: &str) -> String {
    let found = group.files.get(file).unwrap_or_else(|| panic!("no {file}: {:?}", group.files.keys()));
    found.read().unwrap_or_else(|| panic!("{found:?}")).value.clone()
}

fn pid(lab: &Lab, actor: &str) -> u32 {
    lab.actors().iter().find(|one| one.name == actor).unwrap().pid
}

fn background(lab: &mut Lab, actor: &str, argv: &[&str]) {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    must(lab, actor, &Op::Run { argv, seconds: 5, background: true, trace: false });
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn all_gone(bases: &[PathBuf]) {
    for base in bases {
        until(&format!("{} is gone", base.display()), || !base.exists());
        let place = base.parent().unwrap();
        let name = base.file_name().unwrap().to_string_lossy().into_owned();
        // A scope of systemd's goes with the last process in it.
        let left = std::fs::read_dir(place).into_iter().flatten().flatten();
        let left: Vec<_> = left.filter(|one| one.file_name().to_string_lossy().starts_with(&name)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_group_is_made_entered_read_left_and_removed() {
    let Some((mut lab, bases)) = grouped(&[Controller::Pids]) else { return };
    let made = must(&mut lab, "box", &create("own", &[Controller::Pids]));
    let calls: Vec<String> = made.calls.iter().map(ToString::to_string).collect();
    assert!(calls.iter().any(|call| call.starts_with("mkdir(") && call.contains("/own\", 0755) = 0")), "{calls:?}");
    assert!(seen(&bases, "own").members.is_empty());

    let entered = must(&mut lab, "box", &join("own"));
    let me = pid(&lab, "box");
    let calls: Vec<String> = entered.calls.iter().map(ToString::to_string).collect();
    assert!(calls.iter().any(|call| call.contains(&format!("\"{me}\""))), "{calls:?}");
    let group = seen(&bases, "own");
    assert_eq!(group.members, [me]);
    assert_eq!((value(&group, "pids.current").as_str(), value(&group, "pids.max").as_str()), ("1", "max"));
    assert_eq!(refused(&mut lab, "box", &remove("own")), "EBUSY", "a group with a member is not removed");

    must(&mut lab, "box", &Op::Cgroup(CgroupOp::Leave));
    assert!(seen(&bases, "own").members.is_empty());
    must(&mut lab, "box", &remove("own"));
    assert!(!cgroups(&bases).groups.contains_key("own"));
    assert_eq!(refused(&mut lab, "box", &join("own")), "ENOENT");
}

#[test]
fn a_limit_on_processes_stops_a_fork_with_eagain() {
    let Some((mut lab, bases)) = grouped(&[Controller::Pids]) else { return };
    must(&mut lab, "box", &create("few", &[Controller::Pids]));
    must(&mut lab, "box", &set("few", "pids.max", "1"));
    must(&mut lab, "box", &join("few"));
    assert_eq!(refused(&mut lab, "box", &Op::Fork { child: "one-more".into() }), "EAGAIN");
    let group = seen(&bases, "few");
    let events = group.files["pids.events"].read().unwrap();
    assert_eq!(events.fields["max"], 1, "{events:?}");
    must(&mut lab, "box", &set("few", "pids.max", "max"));
    must(&mut lab, "box", &Op::Fork { child: "one-more".into() });
    assert_eq!(seen(&bases, "few").members.len(), 2, "a child is born where its parent is");
}

#[test]
fn a_file_has_its_name_of_version_2_and_says_which_file_was_really_written() {
    let Some((mut lab, bases)) = grouped(&[Controller::Memory, Controller::Cpu]) else { return };
    must(&mut lab, "box", &create("small", &[Controller::Memory, Controller::Cpu]));
    let wrote = must(&mut lab, "box", &set("small", "memory.max", "64M"));
    must(&mut lab, "box", &set("small", "cpu.max", "20000 100000"));
    must(&mut lab, "box", &set("small", "cpu.weight", "300"));
    let group = seen(&bases, "small");
    assert_eq!(value(&group, "memory.max"), "67108864");
    assert_eq!(group.files["memory.max"].read().unwrap().number, Some(64 << 20));
    assert_eq!(value(&group, "cpu.max"), "20000 100000");
    assert_eq!(group.files["cpu.max"].read().unwrap().fields["quota"], 20_000);
    assert_eq!(value(&group, "cpu.weight"), "300");
    let file = group.files["memory.max"].read().unwrap();
    let written =
        wrote.calls.iter().any(|call| call.args.iter().any(|word| word.contains(&format!("/{}\"", file.name))));
    assert!(written, "{:?} {:#?}", file.name, wrote.calls);
    let v1 = Trees::read().unwrap().legacy("memory").is_some();
    assert_eq!(file.name == "memory.limit_in_bytes", v1);
    assert_eq!(!file.v1.is_empty(), v1);
    must(&mut lab, "box", &set("small", "memory.max", "max"));
    assert_eq!(value(&seen(&bases, "small"), "memory.max"), "max");
}

#[test]
fn a_bad_value_is_the_kernels_errno_and_a_file_that_is_not_there_is_named() {
    let Some((mut lab, _)) = grouped(&[Controller::Memory]) else { return };
    must(&mut lab, "box", &create("bad", &[Controller::Memory]));
    assert_eq!(refused(&mut lab, "box", &set("bad", "memory.max", "much")), "EINVAL");
    assert_eq!(refused(&mut lab, "box", &set("bad", "memory.maximum", "1")), "EINVAL");
    assert_eq!(refused(&mut lab, "box", &set("nobody", "memory.max", "1M")), "ENOENT");
    let high = lab.perform("box", &set("bad", "memory.high", "1M")).unwrap().failure;
    let v1 = Trees::read().unwrap().legacy("memory").is_some();
    assert_eq!(high.map(|(errno, _)| errno.symbol()), v1.then(|| "EOPNOTSUPP".to_owned()));
}

#[test]
fn a_frozen_actor_stands_still_is_not_waited_for_and_goes_on_when_thawed() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    must(&mut lab, "box", &create("ice", &[Controller::Freezer]));
    must(&mut lab, "box", &join("ice"));
    must(&mut lab, "box", &freeze("ice"));
    assert_eq!(seen(&bases, "ice").frozen, Some(true));
    assert_eq!(value(&seen(&bases, "ice"), "cgroup.freeze"), "1");

    let start = Instant::now();
    assert_eq!(lab.view("box", &[], Duration::from_secs(10)).unwrap(), None);
    let failed = lab.perform("box", &Op::Hostname { name: "ice".into() });
    assert!(matches!(failed, Err(LabError::Failed(Failure::Frozen(_)))), "{failed:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    must(&mut lab, "box", &thaw("ice"));
    assert_eq!(seen(&bases, "ice").frozen, Some(false));
    assert!(lab.view("box", &[], Duration::from_secs(10)).unwrap().is_some());
}

#[test]
fn an_actor_that_enters_a_frozen_group_is_put_there_and_not_waited_for() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    must(&mut lab, "box", &create("ice", &[Controller::Freezer]));
    must(&mut lab, "box", &freeze("ice"));
    let start = Instant::now();
    must(&mut lab, "box", &join("ice"));
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(seen(&bases, "ice").members, [pid(&lab, "box")]);
}

#[test]
fn killing_a_group_ends_its_members_and_those_below_frozen_or_not() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    must(&mut lab, "box", &create("all", &[Controller::Freezer]));
    must(&mut lab, "box", &create("all/below", &[Controller::Freezer]));
    lab.spawn("deep").unwrap();
    must(&mut lab, "deep", &join("all/below"));
    background(&mut lab, "deep", &["sleep", "600"]);
    must(&mut lab, "deep", &freeze("all/below"));
    assert_eq!(seen(&bases, "all/below").members.len(), 2);
    must(&mut lab, "box", &kill("all"));
    assert!(seen(&bases, "all/below").members.is_empty());
    lab.listen().unwrap();
    until("the dead are collected", || !Path::new(&format!("/proc/{}", pid(&lab, "deep"))).exists());
    must(&mut lab, "box", &remove("all/below"));
    must(&mut lab, "box", &remove("all"));
}

/// What only version 2 has (cgroup.kill, cgroup.freeze), wherever a controller is in it.
#[test]
fn a_group_of_version_2_is_frozen_killed_and_removed_by_its_own_files() {
    let trees = Trees::read().unwrap();
    let in_v2 = available(&trees);
    let all = [Controller::Hugetlb, Controller::Pids, Controller::Memory, Controller::Cpu];
    let Some(one) = all.into_iter().find(|one| in_v2.contains(one.name())) else { return };
    let Some((mut lab, bases)) = grouped(&[one]) else { return };
    must(&mut lab, "box", &create("new", &[one]));
    must(&mut lab, "box", &join("new"));
    let at = &seen(&bases, "new").at[one.name()];
    assert_eq!(at.version, 2);
    let text = std::fs::read_to_string(format!("/proc/{}/cgroup", pid(&lab, "box"))).unwrap();
    assert!(text.lines().any(|line| line == format!("0::{}", at.path)), "{text}");

    let froze = must(&mut lab, "box", &freeze("new"));
    assert!(format!("{:?}", froze.calls).contains("cgroup.freeze"), "{:#?}", froze.calls);
    let killed = must(&mut lab, "box", &kill("new"));
    assert!(format!("{:?}", killed.calls).contains("cgroup.kill"), "{:#?}", killed.calls);
    lab.spawn("other").unwrap();
    must(&mut lab, "other", &remove("new"));
    if one == Controller::Hugetlb {
        must(&mut lab, "other", &create("pages", &[one]));
        let files: Vec<String> = seen(&bases, "pages").files.into_keys().collect();
        let size = files
            .iter()
            .find(|name| name.split('.').collect::<Vec<_>>()[..2] == ["hugetlb", "2MB"] && name.contains(".max"))
            .unwrap();
        must(&mut lab, "other", &set("pages", size, "0"));
        assert_eq!(value(&seen(&bases, "pages"), size), "0");
    }
}

#[test]
fn an_actor_in_a_user_namespace_of_its_own_is_put_into_a_group_by_the_keeper() {
    let Some((mut lab, bases)) = grouped(&[Controller::Pids]) else { return };
    must(&mut lab, "box", &create("own", &[Controller::Pids]));
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User], map: Some(MapKind::Root) });
    must(&mut lab, "box", &join("own"));
    assert_eq!(seen(&bases, "own").members, [pid(&lab, "box")]);
    must(&mut lab, "box", &op(|group| CgroupOp::Delegate { group }, "own"));
    let dir = seen(&bases, "own").at["pids"].dir.clone();
    let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap());
    let box_owner = owner(Path::new(&format!("/proc/{}", pid(&lab, "box"))));
    assert_eq!(owner(Path::new(&dir)), box_owner);
    assert_eq!(owner(&Path::new(&dir).join("cgroup.procs")), box_owner);
    if is_root() {
        assert_ne!(owner(&Path::new(&dir).join("pids.max")), box_owner, "a limit is not the delegate's to lift");
    }
}

#[test]
fn the_labs_groups_have_links_by_controller_for_shells() {
    let Some((mut lab, bases)) = grouped(&[Controller::Pids]) else { return };
    lab.spawn("host").unwrap();
    let argv = ["sh", "-c", "mkdir $CGROUP/pids/mine && echo $$ >$CGROUP/pids/mine/cgroup.procs && sleep 0.05"];
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    let ran = must(&mut lab, "host", &Op::Run { argv, seconds: 5, background: false, trace: false }).ran.unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.output), "");
    assert!(seen(&bases, "mine").members.is_empty(), "the shell has ended");
}

#[test]
fn nothing_of_a_labs_groups_is_left_when_it_ends_frozen_or_filled() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer, Controller::Pids]) else { return };
    must(&mut lab, "box", &create("a", &[Controller::Freezer, Controller::Pids]));
    must(&mut lab, "box", &create("a/b", &[Controller::Freezer]));
    must(&mut lab, "box", &create("c", &[Controller::Pids]));
    lab.spawn("deep").unwrap();
    must(&mut lab, "deep", &join("a/b"));
    background(&mut lab, "deep", &["sleep", "600"]);
    must(&mut lab, "deep", &freeze("a/b"));
    must(&mut lab, "box", &set("c", "pids.max", "40"));
    must(&mut lab, "box", &join("c"));
    background(&mut lab, "box", &["sh", "-c", "f() { f | f & }; f 2>/dev/null; sleep 600"]);
    let full = || seen(&bases, "c").files["pids.events"].read().unwrap().fields["max"] > 0;
    until("the group is full", full);
    let start = Instant::now();
    drop(lab);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    all_gone(&bases);
}

#[test]
fn a_killed_keeper_leaves_no_group() {
    let _alone = BURIAL.write().unwrap_or_else(PoisonError::into_inner);
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    must(&mut lab, "box", &create("ice", &[Controller::Freezer]));
    must(&mut lab, "box", &join("ice"));
    background(&mut lab, "box", &["sleep", "600"]);
    must(&mut lab, "box", &freeze("ice"));
    pidfd_kill(&pidfd_open(lab.keeper()).unwrap(), nix::sys::signal::Signal::SIGKILL as i32).unwrap();
    assert!(matches!(lab.spawn("more"), Err(LabError::KeeperDied)));
    all_gone(&bases);
}

/// A process that the lab's `box` starts and that enters a group by itself.
fn sleeper(lab: &mut Lab, group: &Path) -> u32 {
    let script = format!("echo $$ >{}/cgroup.procs; exec sleep 600", group.display());
    background(lab, "box", &["sh", "-c", &script]);
    until("it is in the group", || !cgroup::members(group).unwrap().is_empty());
    cgroup::members(group).unwrap()[0]
}

/// Sweeps as if there had been a lab of this name, with these lines in its journal.
fn swept(name: &str, groups: &[journal::Line]) -> sweep::Swept {
    let base = tempfile::tempdir().unwrap();
    let dead = base.path().join(name);
    std::fs::create_dir(&dead).unwrap();
    let keeper = journal::Pid { pid: std::process::id(), start: 1 };
    let first = journal::Line::Lab { boot: journal::boot_id(), keeper };
    let lines = std::iter::once(&first).chain(groups);
    let text: Vec<String> = lines.map(|line| serde_json::to_string(line).unwrap()).collect();
    std::fs::write(dead.join("journal"), text.join("\n")).unwrap();
    sweep::sweep(base.path())
}

#[test]
fn a_sweep_ends_no_group_but_one_with_the_labs_name() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    let place = bases[0].parent().unwrap();
    // Of this test's own, so that no other sweep takes it for its lab's.
    let foreign = place.join(format!("foreign-{}", std::process::id()));
    std::fs::create_dir(&foreign).unwrap();
    let pid = sleeper(&mut lab, &foreign);
    let groups = [
        journal::Line::Group { path: foreign.clone() },
        journal::Line::Group { path: place.to_owned() },
        journal::Line::Group { path: PathBuf::from("/tmp/cloison-dead-lab") },
        journal::Line::Leaf { path: foreign.clone(), back: place.to_owned() },
    ];
    let swept = swept("dead-lab", &groups);
    assert_eq!((swept.labs.len(), swept.left.len()), (1, 0), "{swept:?}");
    assert_eq!(cgroup::members(&foreign).unwrap(), [pid]);
    pidfd_kill(&pidfd_open(pid).unwrap(), nix::sys::signal::Signal::SIGKILL as i32).unwrap();
    until("the group can go", || std::fs::remove_dir(&foreign).is_ok());
    drop(lab);
    all_gone(&bases);
}

#[test]
fn a_sweep_removes_the_groups_of_a_lab_whose_keeper_and_program_were_killed() {
    let Some((mut lab, bases)) = grouped(&[Controller::Freezer]) else { return };
    // As a killed lab would have left them: a group of that name, frozen, with a member.
    let name = format!("dead-{}", std::process::id());
    let group = bases[0].parent().unwrap().join(format!("cloison-{name}"));
    std::fs::create_dir_all(group.join("ice")).unwrap();
    let pid = sleeper(&mut lab, &group.join("ice"));
    let (file, text) =
        if group.join("cgroup.freeze").exists() { ("ice/cgroup.freeze", "1") } else { ("ice/freezer.state", "FROZEN") };
    std::fs::write(group.join(file), text).unwrap();
    let swept = swept(&name, &[journal::Line::Group { path: group.clone() }]);
    assert_eq!((swept.labs.len(), swept.left.len()), (1, 0), "{swept:?}");
    assert!(!group.exists());
    until("it has ended", || !Path::new(&format!("/proc/{pid}")).exists());
    drop(lab);
    all_gone(&bases);
}

/// Set for the process that is alone in this group.
const ALONE: &str = "CLOISON_TEST_ALONE";

#[test]
fn two_labs_of_a_program_that_is_alone_in_its_group_leave_it_there_whichever_ends_first() {
    if let Ok(group) = std::env::var(ALONE) {
        return two_labs_alone(Path::new(&group));
    }
    let _children = with_children();
    let Some(unified) = Trees::read().unwrap().unified().cloned() else { return };
    let given = std::fs::read_to_string(unified.mount.join("cgroup.subtree_control")).unwrap();
    // systemd gives each lab a scope of its own.
    let has_systemd = Path::new("/run/systemd/system").is_dir();
    if !is_root() || has_systemd || !given.contains("pids") {
        return;
    }
    let group = unified.mount.join(format!("cloison-{:x}-alone", std::process::id()));
    std::fs::create_dir(&group).unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", "echo $$ >$0/cgroup.procs; exec \"$@\" </dev/null", group.to_str().unwrap()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "two_labs_of_a_program_that_is_alone_in_its_group_leave_it_there_whichever_ends_first"])
        .env(ALONE, &group)
        .output()
        .unwrap();
    until("the group can go, nothing is below it", || std::fs::remove_dir(&group).is_ok());
    assert!(ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
}

fn two_labs_alone(group: &Path) {
    for first_ends_first in [true, false] {
        let (first, bases) = grouped(&[Controller::Pids]).unwrap();
        assert_eq!(bases[0].parent(), Some(group));
        assert_ne!(group_of(std::process::id()), group, "it was moved to a leaf");
        let (second, bases) = grouped(&[Controller::Pids]).unwrap();
        assert_eq!(bases[0].parent(), Some(group), "beside the first");
        let (early, late) = if first_ends_first { (first, second) } else { (second, first) };
        drop(early);
        let limit = std::fs::read_to_string(group_of(pid(&late, "box")).join("pids.max"));
        assert_eq!(limit.unwrap().trim(), "2048", "the other lab has its limits, whoever enabled them");
        drop(late);
        assert_eq!(group_of(std::process::id()), group, "first_ends_first: {first_ends_first}");
        assert_eq!(cgroup::below(group, 10), [group]);
        assert_eq!(std::fs::read_to_string(group.join("cgroup.subtree_control")).unwrap().trim(), "");
    }
}

/// Also one that has no groups but that of its actors, and when the first was killed.
#[test]
fn a_lab_keeps_its_limits_when_the_one_that_enabled_the_controllers_goes_and_the_last_takes_them_back() {
    let trees = Trees::read().unwrap();
    let Some(unified) = trees.unified() else { return };
    // On a hybrid machine the other is in a tree of version 1.
    let mut both = [Controller::Pids, Controller::Hugetlb].into_iter();
    let Some(controller) = both.find(|one| available(&trees).contains(one.name())) else { return };
    let name = controller.name();
    let in_unified = |bases: &[PathBuf]| bases.iter().find(|base| base.starts_with(&unified.mount)).cloned().unwrap();
    let has = |path: &Path, file: &str| {
        std::fs::read_to_string(path.join(file)).unwrap().split_ascii_whitespace().any(|one| one == name)
    };

    let Some((first, bases)) = grouped(&[controller]) else { return };
    let place = in_unified(&bases).parent().unwrap().to_owned();
    let marked = attribute::get(&place, "user.cloison.enabled").unwrap_or_default();
    let by_labs = String::from_utf8_lossy(&marked).split(' ').any(|one| one == name);
    let (second, bases) = grouped(&[controller]).unwrap();
    let second_base = in_unified(&bases);
    let is_shared = second_base.parent() == Some(&place);
    let mut third = lab();
    third.spawn("box").unwrap();
    let actors = group_of(pid(&third, "box"));
    let is_beside = actors.parent() == Some(&place);

    drop(first);
    assert!(has(&second_base, "cgroup.controllers"), "the first has gone");
    if is_shared {
        let enabled = journal::Line::Enabled { path: place.clone(), controllers: vec![name.to_owned()] };
        let swept = swept(&format!("enabler-{}", std::process::id()), &[enabled]);
        assert_eq!((swept.labs.len(), swept.left.len()), (1, 0), "{swept:?}");
        assert!(has(&second_base, "cgroup.controllers"), "another, that was killed, has been swept");
    }
    drop(second);
    assert!(!is_beside || has(&actors, "cgroup.controllers"), "the second has gone");
    drop(third);
    let other_labs = || {
        let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("cloison-")).count() > 0
    };
    if by_labs {
        until("taken back", || !place.exists() || !has(&place, "cgroup.subtree_control") || other_labs());
    } else {
        assert!(has(&place, "cgroup.subtree_control"), "what the owner of the place enabled stays");
    }
}

// ---- what the lab itself is in ----

/// The group of version 2 that a process is in, as /proc says.
fn group_of(pid: u32) -> PathBuf {
    let trees = Trees::read().unwrap();
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = cgroup::groups(&text).remove("").unwrap();
    trees.unified().and_then(|tree| tree.group(&path)).unwrap_or_default()
}

/// Whether a group is one that actors are born in. Where it is may change with each lab:
/// others enable controllers meanwhile.
fn has_actors(group: &Path) -> bool {
    group.to_string_lossy().ends_with("-actors")
}

/// A lab without a group for its lesson, with an actor `box` and the group that it was
/// born in; nothing where there is none to be had.
fn born() -> Option<(Lab, PathBuf)> {
    let trees = Trees::read().unwrap();
    let own = trees.unified().and_then(|tree| trees.own(tree));
    let writable = |place: &Path| {
        let may = |path: &Path| nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok();
        may(place) && may(&place.join("cgroup.procs"))
    };
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let group = trees.unified().map(|_| group_of(pid(&lab, "box"))).unwrap_or_default();
    let born = has_actors(&group);
    assert!(born || !own.is_some_and(|own| writable(&own)), "{}: a group could be had", group.display());
    born.then_some((lab, group))
}

/// The keeper, and this process in place of the screen, are in none of these groups or
/// any below them.
fn stands_outside(lab: &Lab, group: &Path) {
    let trees = Trees::read().unwrap();
    for pid in [lab.keeper(), std::process::id()] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        for (controllers, path) in cgroup::groups(&text) {
            let tree = trees.trees.iter().find(|tree| tree.is(&controllers));
            let own = tree.and_then(|tree| tree.group(&path));
            assert!(!own.is_some_and(|own| own.starts_with(group)), "{pid}: {path}");
        }
    }
}

/// The keeper does what it is asked at once, beside actors that can't.
fn keeper_answers(lab: &mut Lab) {
    let start = Instant::now();
    assert!(lab.observe(std::process::id(), &[], support::slow::seconds(5)).unwrap().is_some());
    assert!(start.elapsed() < support::slow::seconds(3), "{:?}", start.elapsed());
}

#[test]
fn actors_and_all_that_they_start_are_born_in_a_group_of_the_labs_own_and_it_goes_with_the_lab() {
    let Some((mut lab, group)) = born() else { return };
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User], map: Some(MapKind::Root) });
    must(&mut lab, "box", &Op::Fork { child: "child".into() });
    background(&mut lab, "child", &["setsid", "env", "-i", "sleep", "600"]);
    assert_eq!(group_of(pid(&lab, "child")), group);
    // Whom setsid(1) has not left yet dies with the actor.
    let is_sleep = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    until("all three are in it", || {
        let members = cgroup::members(&group).unwrap();
        members.len() == 3 && members.into_iter().any(is_sleep)
    });
    stands_outside(&lab, &group);

    lab.reset(false).unwrap();
    assert!(!group.exists(), "somebody had left his actor, so everybody in it was killed, and it went");
    // Elsewhere, where another lab has enabled controllers meanwhile.
    let mut group = PathBuf::new();
    let mut next = || {
        lab.spawn("box").unwrap();
        group = group_of(pid(&lab, "box"));
        assert!(has_actors(&group), "{}", group.display());
        lab.reset(false).unwrap();
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&group).unwrap())
    };
    assert_eq!(next(), next(), "one where nobody is left serves the next lesson");
    drop(lab);
    assert!(!group.exists());
}

#[test]
fn the_group_of_actors_can_be_frozen_and_killed_without_the_keeper() {
    let Some((mut lab, group)) = born() else { return };
    std::fs::write(group.join("cgroup.freeze"), "1").unwrap();
    until("it stands still", || cgroup::is_frozen(&group) == Some(true));
    let start = Instant::now();
    assert_eq!(lab.view("box", &[], Duration::from_secs(10)).unwrap(), None);
    let failed = lab.perform("box", &Op::Hostname { name: "ice".into() });
    assert!(matches!(failed, Err(LabError::Failed(Failure::Frozen(_)))), "{failed:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    keeper_answers(&mut lab);
    lab.spawn("late").unwrap();

    std::fs::write(group.join("cgroup.freeze"), "0").unwrap();
    for actor in ["box", "late"] {
        assert!(lab.view(actor, &[], Duration::from_secs(10)).unwrap().is_some());
    }
    std::fs::create_dir(group.join("inner")).unwrap();
    std::fs::write(group.join("cgroup.freeze"), "1").unwrap();
    lab.reset(false).unwrap();
    lab.spawn("box").unwrap();
    assert!(lab.view("box", &[], Duration::from_secs(10)).unwrap().is_some(), "the next lesson has one as new");

    let group = group_of(pid(&lab, "box"));
    if group.join("cgroup.kill").exists() {
        std::fs::write(group.join("cgroup.kill"), "1").unwrap();
        until("the box has ended", || cgroup::members(&group).unwrap().is_empty());
        lab.reset(false).unwrap();
        lab.spawn("another").unwrap();
        assert!(lab.view("another", &[], Duration::from_secs(10)).unwrap().is_some());
        assert!(has_actors(&group_of(pid(&lab, "another"))));
    }
    drop(lab);
    assert!(!group.exists());
}

/// On Linux 6.18 who is born by CLONE_INTO_CGROUP dies of it where the parent's group was
/// ever killed and the other was not.
#[test]
fn a_lab_goes_on_without_a_group_where_the_kernel_kills_who_is_born_in_one() {
    let _children = with_children();
    let Some(unified) = Trees::read().unwrap().unified().cloned() else { return };
    let group = unified.mount.join(format!("cloison-{:x}-killed", std::process::id()));
    if !is_root() || std::fs::create_dir(&group).is_err() {
        return;
    }
    // Before Linux 5.14 there is no such file.
    let _ = cgroup::write(&mut Trace::default(), &group.join("cgroup.kill"), "1");
    let place = support::Place::new();
    let ran = std::process::Command::new("sh")
        .args(["-c", "echo $$ >$0/cgroup.procs; exec \"$@\" </dev/null"])
        .args([group.to_str().unwrap(), env!("CARGO_BIN_EXE_cloison"), "learn", "uts", "--plain", "--lang", "en"])
        .args(["--state", place.state().to_str().unwrap()])
        .output()
        .unwrap();
    until("the group can go, nothing is below it", || std::fs::remove_dir(&group).is_ok());
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && said.contains("host name: host "), "{ran:?}");
    assert!(said.contains(" = box "), "the box has been asked, and answered: {said}");
}

/// Where the place gives the controllers.
#[test]
fn the_group_of_actors_can_be_filled_and_run_out_of_memory_without_the_keeper() {
    let Some((mut lab, mut group)) = born() else { return };
    let limit =
        |group: &Path, name: &str| std::fs::read_to_string(group.join(name)).ok().map(|text| text.trim().to_owned());
    if let Some(limit) = limit(&group, "pids.max") {
        assert_eq!(limit, "2048");
        std::fs::write(group.join("pids.max"), "1").unwrap();
        assert_eq!(refused(&mut lab, "box", &Op::Fork { child: "child".into() }), "EAGAIN");
        let failed = lab.spawn("late");
        assert!(matches!(failed, Err(LabError::Failed(Failure::Call(_, _)))), "{failed:?}");
        keeper_answers(&mut lab);
        assert!(lab.view("box", &[], Duration::from_secs(10)).unwrap().is_some());
        lab.reset(false).unwrap();
        lab.spawn("box").unwrap();
        group = group_of(pid(&lab, "box"));
        assert!(has_actors(&group));
    }
    if limit(&group, "memory.max").is_some_and(|limit| limit != "max") {
        std::fs::write(group.join("memory.max"), "48M").unwrap();
        let swap = group.join("memory.swap.max");
        assert!(!swap.exists() || std::fs::write(swap, "0").is_ok());
        // tail(1) keeps a line without end.
        let script = "{ head -c 200000000 /dev/zero; echo head $? >&2; } | tail -n 1 >/dev/null; echo code $?";
        let (said, _) = output(&mut lab, "box", script);
        let now = ["memory.max", "memory.peak", "memory.events"].map(|name| limit(&group, name));
        assert!(said.contains("code 137"), "{said}, {now:?}");
        keeper_answers(&mut lab);
        assert!(lab.view("box", &[], Duration::from_secs(10)).unwrap().is_some(), "the actor uses less");
    }
    drop(lab);
    assert!(!group.exists());
}

/// The lab's own group, above those of the lesson.
const TOP: &str = "";

#[test]
fn the_labs_top_group_can_be_frozen_filled_and_run_out_of_memory_without_the_keeper() {
    let all = [Controller::Memory, Controller::Pids, Controller::Freezer];
    let Some((mut lab, bases)) = grouped(&all) else { return };
    for base in &bases {
        stands_outside(&lab, base);
    }
    must(&mut lab, "box", &create("in", &all));
    must(&mut lab, "box", &join("in"));
    must(&mut lab, "box", &set(TOP, "pids.max", "1"));
    assert_eq!(refused(&mut lab, "box", &Op::Fork { child: "child".into() }), "EAGAIN");
    lab.spawn("late").unwrap();
    keeper_answers(&mut lab);
    must(&mut lab, "box", &set(TOP, "pids.max", "max"));

    must(&mut lab, "box", &set(TOP, "memory.max", "48M"));
    let swap = lab.perform("box", &set(TOP, "memory.swap.max", "0")).unwrap().failure;
    assert!(swap.is_none_or(|(errno, _)| errno.symbol() == "ENOENT"));
    let (said, _) = output(&mut lab, "box", "cloison-load memory 100M 1; echo code $?");
    assert!(said.contains("code 137"), "{said}");
    keeper_answers(&mut lab);
    assert!(lab.view("box", &[], Duration::from_secs(10)).unwrap().is_some(), "the actor uses less");

    must(&mut lab, "late", &freeze(TOP));
    let start = Instant::now();
    assert_eq!(lab.view("box", &[], Duration::from_secs(10)).unwrap(), None);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    keeper_answers(&mut lab);
    assert!(lab.view("late", &[], Duration::from_secs(10)).unwrap().is_some(), "it is outside");

    must(&mut lab, "late", &kill(TOP));
    keeper_answers(&mut lab);
    drop(lab);
    all_gone(&bases);
}

/// `cloison check` of the lesson in tests/cgroup_lessons; the exit code and what it says.
fn check(answers: &str) -> (Option<i32>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cgroup_lessons");
    let place = support::Place::new();
    let file = place.state().with_extension("answers");
    std::fs::write(&file, answers).unwrap();
    let (folder, file) = (folder.to_str().unwrap(), file.to_str().unwrap());
    let done = place.run(&["check", "groups", "--lang", "en", "--lessons", folder, "--answers", file]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(!place.labs().exists(), "something is left in {}", place.labs().display());
    (done.status.code(), said)
}

#[test]
fn a_lesson_with_groups_is_graded_in_the_jail_or_said_not_to_be_possible() {
    let _children = with_children();
    let solution = include_str!("cgroup_lessons/01-groups/solution.toml");
    let (code, said) = check(solution);
    if grouped(&[Controller::Memory, Controller::Pids, Controller::Freezer]).is_none() {
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("Control groups with the controller memory") && said.contains("EACCES"), "{said}");
        return;
    }
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = check(&solution.replace("echo 53", "echo 54"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("✗ its limit is 53"), "{said}");
    let (code, said) = check("format = 1\nlesson = \"groups\"\nstudent = \"ana\"\n");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("✗ one process is in it"), "{said}");
}

/// The groups that the jail is not in can't be reached from it.
#[test]
fn a_students_commands_see_no_group_above_the_jails() {
    let _children = with_children();
    if grouped(&[Controller::Pids, Controller::Memory, Controller::Freezer]).is_none() {
        return;
    }
    let solution = include_str!("cgroup_lessons/01-groups/solution.toml");
    let foreign = solution.replace(
        "mkdir $CGROUP/pids/mine\n",
        "mkdir $CGROUP/pids/mine\nup=$(cd -P $CGROUP/pids/..; ls -d cloison-* | grep -v ^$(basename $(readlink $CGROUP/pids)))\ntest -z \"$up\" || exit 1\n",
    );
    assert_ne!(foreign, solution);
    let (code, said) = check(&foreign);
    assert_eq!(code, Some(0), "{said}");
}

/// What a command prints in an actor, standard error too.
fn output(lab: &mut Lab, actor: &str, script: &str) -> (String, Option<String>) {
    let seconds = support::slow::seconds(20).as_secs() as u32;
    let argv = vec!["sh".to_owned(), "-c".to_owned(), format!("exec 2>&1; {script}")];
    let ran = must(lab, actor, &Op::Run { argv, seconds, background: false, trace: false }).ran.unwrap();
    (String::from_utf8_lossy(&ran.output).into_owned(), ran.exit.map(|exit| exit.to_string()))
}

#[test]
fn a_load_in_a_group_of_little_memory_is_killed_and_counted() {
    let Some((mut lab, bases)) = grouped(&[Controller::Memory]) else { return };
    must(&mut lab, "box", &create("small", &[Controller::Memory]));
    must(&mut lab, "box", &set("small", "memory.max", "24M"));
    let swap = lab.perform("box", &set("small", "memory.swap.max", "0")).unwrap().failure;
    // Without swap in the kernel there is no such file.
    assert!(swap.is_none_or(|(errno, _)| errno.symbol() == "ENOENT"));
    lab.spawn("eater").unwrap();
    must(&mut lab, "eater", &join("small"));
    let (said, exit) = output(&mut lab, "eater", "cloison-load memory 64M 1; echo code $?");
    assert!(said.contains("MiB touched") && said.contains("code 137"), "{said} {exit:?}");
    let group = seen(&bases, "small");
    assert_eq!(group.files["memory.events"].read().unwrap().fields["oom_kill"], 1);
    assert!(
        lab.view("eater", &[], Duration::from_secs(5)).unwrap().is_some(),
        "the actor itself uses little, and lives"
    );
}

#[test]
fn a_load_gets_the_share_of_a_cpu_that_its_group_has() {
    let Some((mut lab, bases)) = grouped(&[Controller::Cpu]) else { return };
    must(&mut lab, "box", &create("slow", &[Controller::Cpu]));
    must(&mut lab, "box", &set("slow", "cpu.max", "20000 100000"));
    let before = seen(&bases, "slow").files["cpu.stat"].read().unwrap().fields.clone();
    let start = Instant::now();
    // The actor stays outside: it would have to answer with what the load leaves.
    let door = format!("{}/cgroup.procs", seen(&bases, "slow").at["cpu"].dir);
    let (said, _) = output(&mut lab, "box", &format!("echo $$ >{door}; exec cloison-load cpu 2 3"));
    let after = seen(&bases, "slow").files["cpu.stat"].read().unwrap().fields.clone();
    let spent = after["usage_usec"] - before["usage_usec"];
    let share = spent as f64 / start.elapsed().as_micros() as f64;
    assert!(share < 0.3, "{share} of a CPU: {said}");
    assert!(after["nr_throttled"] > before["nr_throttled"], "{after:?}");
    assert!(said.contains("% of a CPU"), "{said}");
}

#[test]
fn a_load_that_forks_says_at_which_number_the_kernel_refuses() {
    let Some((mut lab, bases)) = grouped(&[Controller::Pids]) else { return };
    must(&mut lab, "box", &create("few", &[Controller::Pids]));
    must(&mut lab, "box", &set("few", "pids.max", "10"));
    must(&mut lab, "box", &join("few"));
    // The actor, its shell and the load itself are three of the ten.
    let (said, _) = output(&mut lab, "box", "cloison-load fork 20 0; echo code $?");
    assert!(said.contains("number 8: fork: EAGAIN") && said.contains("code 1"), "{said}");
    until("its children end with it", || value(&seen(&bases, "few"), "pids.current") == "1");
}

#[test]
fn a_load_that_writes_removes_its_file_and_a_box_of_another_user_can_run_it() {
    let Some((mut lab, _)) = grouped(&[Controller::Pids]) else { return };
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User], map: Some(MapKind::Root) });
    let name = format!("/var/tmp/cloison-load-{}", std::process::id());
    let (said, _) =
        output(&mut lab, "box", &format!("cloison-load write {name} 1M; ls {name}; cloison-load nonsense; echo $?"));
    assert!(said.contains("1.0 MiB written"), "{said}");
    assert!(said.contains("No such file") && said.trim_end().ends_with('2'), "{said}");
}

#[test]
fn a_group_refuses_its_members_every_device_but_those_allowed() {
    if !is_root() {
        return;
    }
    let Some((mut lab, bases)) = grouped(&[Controller::Devices]) else { return };
    must(&mut lab, "box", &create("few", &[Controller::Devices]));
    let allow = |rules: &[&str]| {
        let allow = rules.iter().map(|rule| DeviceRule::parse(rule).unwrap()).collect();
        Op::Cgroup(CgroupOp::Devices { group: "few".into(), allow })
    };
    must(&mut lab, "box", &allow(&["c 1:3 rw", "c 1:5 r"]));
    let list = seen(&bases, "few").devices.unwrap();
    assert_eq!(list.read().unwrap(), &["c 1:3 rw", "c 1:5 r"]);
    must(&mut lab, "box", &join("few"));
    let all = "for device in null zero urandom; do cat /dev/$device </dev/null | head -c 1 | wc -c; done; \
               echo x >/dev/null && echo y >/dev/zero; mknod /tmp/cloison-null-$$ c 1 3";
    let (said, _) = output(&mut lab, "box", all);
    let refused = said.matches("Operation not permitted").count();
    assert_eq!(refused, 3, "/dev/urandom read, /dev/zero written, a device made: {said}");
    must(&mut lab, "box", &allow(&["a"]));
    assert_eq!(seen(&bases, "few").devices.unwrap().read().unwrap(), &["a *:* rwm"]);
    let (said, _) = output(&mut lab, "box", "head -c 1 /dev/urandom | wc -c");
    assert_eq!(said.trim(), "1");
}

/// The program of version 2, wherever there is a tree of it.
#[test]
fn a_program_for_devices_is_attached_to_a_group_and_read_back_from_the_kernel() {
    if !is_root() {
        return;
    }
    let Some(unified) = Trees::read().unwrap().unified().cloned() else { return };
    let group = unified.mount.join(format!("cloison-{:x}-devices", std::process::id()));
    std::fs::create_dir(&group).unwrap();
    let null = devices::Rule { kind: 'c', major: Some(1), minor: Some(3), read: true, write: true, mknod: false };
    let done = devices::allow(&mut Trace::default(), &group, &[null]);
    let again = devices::allow(&mut Trace::default(), &group, &[]);
    let rules = devices::allowed(&group);
    let opened = std::process::Command::new("sh")
        .args(["-c", "echo $$ >$0/cgroup.procs; : </dev/null && echo opened", group.to_str().unwrap()])
        .output()
        .unwrap();
    until("the group can go", || std::fs::remove_dir(&group).is_ok());
    assert_eq!((done, again), (Ok(()), Ok(())));
    assert_eq!(rules, Ok(vec![vec![]]), "the second replaced the first");
    assert!(String::from_utf8_lossy(&opened.stderr).contains("Operation not permitted"), "{opened:?}");
}

#[test]
fn a_reader_in_a_group_with_little_bandwidth_is_slowed_down_and_accounted() {
    if cgroup::usual_disk().is_none() {
        return;
    }
    let Some((mut lab, bases)) = grouped(&[Controller::Io]) else { return };
    must(&mut lab, "box", &create("slow", &[Controller::Io]));
    must(&mut lab, "box", &set("slow", "io.max", "{disk} rbps=1048576"));
    let limit = value(&seen(&bases, "slow"), "io.max");
    assert!(limit.contains("rbps=1048576") && limit.contains("wbps=max"), "{limit}");
    must(&mut lab, "box", &join("slow"));
    let file = std::env::current_exe().unwrap();
    let (said, _) = output(&mut lab, "box", &format!("cloison-load read {} 3", file.display()));
    let group = seen(&bases, "slow");
    let read: u64 = group.files["io.stat"]
        .read()
        .unwrap()
        .fields
        .iter()
        .filter(|(name, _)| name.ends_with(".rbytes"))
        .map(|(_, count)| count)
        .sum();
    assert!((1 << 20..8 << 20).contains(&read), "{read} bytes in 3 s: {said} {:?}", group.files["io.stat"]);
    must(&mut lab, "box", &set("slow", "io.max", "{disk} rbps=max"));
    assert!(!value(&seen(&bases, "slow"), "io.max").contains("rbps=1048576"));
}
