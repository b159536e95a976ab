//! Mounts, root directories and what is started in them.

use cloison::observe::model::LabProcess;
use cloison::observe::{Sampler, View};

use super::*;

fn found<'a>(seen: &'a View, target: &str) -> &'a observe::model::Mount {
    let mounts = seen.mounts.read().unwrap();
    mounts.iter().rev().find(|one| one.target == target).unwrap_or_else(|| panic!("{target}: {mounts:#?}"))
}

fn options(seen: &View, target: &str) -> BTreeSet<String> {
    found(seen, target).options.split(',').map(str::to_owned).collect()
}

/// A box with a user and a mount namespace, and an empty tmpfs on /tmp.
fn with_tmp(lab: &mut Lab, more: &[NsKind]) {
    lab.spawn("box").unwrap();
    must(lab, "box", &unshare(&[&[NsKind::User, NsKind::Mnt], more].concat()));
    must(lab, "box", &mount("tmpfs", "tmpfs", "/tmp", &[MountFlag::Nosuid, MountFlag::Nodev]));
}

#[test]
fn a_box_may_mount_tmpfs_devpts_and_mqueue_with_their_flags() {
    let mut lab = lab();
    with_tmp(&mut lab, &[NsKind::Ipc]);
    run(&mut lab, "box", "mkdir /tmp/pts /tmp/queues /tmp/plain");
    let flags = [MountFlag::Nosuid, MountFlag::Noexec];
    let Op::Mount { fstype, source, target, flags, .. } = mount("devpts", "devpts", "/tmp/pts", &flags) else {
        panic!()
    };
    let data = "newinstance,ptmxmode=0666".to_owned();
    must(&mut lab, "box", &Op::Mount { fstype, source, target, flags, data });
    must(&mut lab, "box", &mount("mqueue", "mqueue", "/tmp/queues", &[MountFlag::Nodev]));
    must(&mut lab, "box", &mount("tmpfs", "galet", "/tmp/plain", &[MountFlag::Ro, MountFlag::Noexec]));
    let seen = view(&mut lab, "box");
    for (target, fstype, wanted) in [
        ("/tmp/pts", "devpts", ["nosuid", "noexec"]),
        ("/tmp/queues", "mqueue", ["nodev", "rw"]),
        ("/tmp/plain", "tmpfs", ["ro", "noexec"]),
    ] {
        assert_eq!(found(&seen, target).fstype, fstype);
        assert!(wanted.iter().all(|flag| options(&seen, target).contains(*flag)), "{:?}", options(&seen, target));
    }
    assert_eq!(run(&mut lab, "box", "test -c /tmp/pts/ptmx && echo device"), "device");
    assert_eq!(run(&mut lab, "box", "(: > /tmp/plain/x) 2>/dev/null || echo refused"), "refused");
}

#[test]
fn what_shows_a_namespace_can_be_mounted_only_by_its_owner() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    for fstype in ["mqueue", "proc", "sysfs"] {
        let (errno, _) = fails(&mut lab, "box", &mount(fstype, fstype, "/tmp", &[]));
        assert_eq!(errno.symbol(), "EPERM", "{fstype}");
    }
}

#[test]
fn a_fresh_proc_is_refused_where_the_one_in_view_is_partly_hidden() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Mnt]));
    // As a container's engine hides parts of /proc from what runs in it.
    must(&mut lab, "box", &mount("tmpfs", "mask", "/proc/tty", &[MountFlag::Ro]));
    must(&mut lab, "box", &Op::Fork { child: "inner".into() });
    must(&mut lab, "inner", &Op::Unshare { kinds: vec![NsKind::User, NsKind::Mnt, NsKind::Pid], map: None });
    must(&mut lab, "inner", &Op::Fork { child: "init".into() });
    let (errno, _) = fails(&mut lab, "init", &mount_proc("/proc"));
    assert_eq!(errno.symbol(), "EPERM");
}

#[test]
fn propagation_is_a_property_of_each_mount() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    run(&mut lab, "box", "mkdir /tmp/below");
    must(&mut lab, "box", &mount("tmpfs", "below", "/tmp/below", &[]));
    let mut propagation = |flags: &[MountFlag], target: &str| {
        must(&mut lab, "box", &mount("", "", "/tmp", flags));
        found(&view(&mut lab, "box"), target).propagation.join(" ")
    };
    assert!(propagation(&[MountFlag::Shared], "/tmp").starts_with("shared:"));
    assert_eq!(propagation(&[MountFlag::Shared], "/tmp/below"), "", "that of the mount below is its own");
    assert!(propagation(&[MountFlag::Shared, MountFlag::Rec], "/tmp/below").starts_with("shared:"));
    assert_eq!(propagation(&[MountFlag::Private], "/tmp"), "");
    assert_eq!(propagation(&[MountFlag::Unbindable], "/tmp"), "unbindable");
    let (errno, _) = fails(&mut lab, "box", &mount("", "/tmp", "/mnt", &[MountFlag::Bind]));
    assert_eq!(errno.symbol(), "EINVAL");
}

#[test]
fn a_mount_can_be_moved_and_a_part_of_one_bound() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    run(&mut lab, "box", "mkdir -p /tmp/from /tmp/to /tmp/part; mkdir /tmp/from/x");
    must(&mut lab, "box", &mount("tmpfs", "wanderer", "/tmp/from", &[]));
    run(&mut lab, "box", "mkdir /tmp/from/sub; echo one > /tmp/from/sub/f");
    must(&mut lab, "box", &mount("", "/tmp/from", "/tmp/to", &[MountFlag::Move]));
    must(&mut lab, "box", &mount("", "/tmp/to/sub", "/tmp/part", &[MountFlag::Bind]));
    let seen = view(&mut lab, "box");
    assert_eq!(
        (found(&seen, "/tmp/to").source.as_str(), found(&seen, "/tmp/part").root.as_str()),
        ("wanderer", "/sub")
    );
    assert_eq!(run(&mut lab, "box", "ls /tmp/from; cat /tmp/part/f"), "x\none");
}

#[test]
fn what_is_mounted_passes_down_to_a_slave_and_not_up_nor_to_the_host() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    run(&mut lab, "box", "mkdir /tmp/a /tmp/b");
    must(&mut lab, "box", &mount("", "", "/tmp", &[MountFlag::Shared]));
    must(&mut lab, "box", &Op::Fork { child: "peer".into() });
    must(&mut lab, "peer", &unshare(&[NsKind::Mnt]));
    must(&mut lab, "peer", &mount("", "", "/tmp", &[MountFlag::Slave]));
    must(&mut lab, "box", &mount("tmpfs", "down", "/tmp/a", &[]));
    must(&mut lab, "peer", &mount("tmpfs", "up", "/tmp/b", &[]));
    let sources = |view: &View| -> BTreeSet<String> {
        let mounts = view.mounts.read().unwrap().iter();
        mounts.map(|one| one.source.clone()).filter(|source| source == "down" || source == "up").collect()
    };
    assert_eq!(sources(&view(&mut lab, "box")), BTreeSet::from(["down".to_owned()]));
    assert_eq!(sources(&view(&mut lab, "peer")), BTreeSet::from(["down".to_owned(), "up".to_owned()]));
    assert_eq!(sources(&Sampler::new().unwrap().host()), BTreeSet::new());
}

#[test]
fn a_tree_bound_read_only_is_so_below_as_well() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    run(&mut lab, "box", "mkdir -p /tmp/a/b /tmp/c");
    must(&mut lab, "box", &mount("tmpfs", "below", "/tmp/a/b", &[]));
    let flags = [MountFlag::Bind, MountFlag::Rec, MountFlag::Ro];
    must(&mut lab, "box", &mount("", "/tmp/a", "/tmp/c", &flags));
    assert_eq!(
        run(&mut lab, "box", "(: > /tmp/c/b/x) 2>/dev/null || echo refused; : > /tmp/a/b/x && ls /tmp/c/b"),
        "refused\nx"
    );
}

#[test]
fn a_remount_keeps_the_flags_that_came_from_above() {
    let mut lab = lab();
    with_tmp(&mut lab, &[]);
    must(&mut lab, "box", &Op::Fork { child: "inner".into() });
    must(&mut lab, "inner", &Op::Unshare { kinds: vec![NsKind::User, NsKind::Mnt], map: None });
    let made = must(&mut lab, "inner", &mount("", "", "/tmp", &[MountFlag::Remount, MountFlag::Bind, MountFlag::Ro]));
    let results: Vec<bool> = made.calls.iter().map(|call| call.result.is_ok()).collect();
    assert_eq!(results, [false, true], "{:#?}", made.calls);
    let now = options(&view(&mut lab, "inner"), "/tmp");
    assert!(["ro", "nosuid", "nodev"].iter().all(|flag| now.contains(*flag)), "{now:?}");
    assert!(options(&view(&mut lab, "box"), "/tmp").contains("rw"), "it is another mount");
    // What nobody locked is taken back just as asked.
    let made = must(&mut lab, "box", &mount("", "", "/tmp", &[MountFlag::Remount, MountFlag::Bind, MountFlag::Ro]));
    assert_eq!(made.calls.len(), 1);
    assert!(!options(&view(&mut lab, "box"), "/tmp").contains("nodev"));
}

#[test]
fn an_inherited_mount_can_not_be_taken_away() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Mnt]));
    let (errno, _) = fails(&mut lab, "box", &Op::Umount { target: "/proc".into(), detach: true });
    assert_eq!(errno.symbol(), "EINVAL");
}

#[test]
fn a_program_without_its_loader_is_not_found_though_it_is_there() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    let made =
        must(&mut lab, "box", &Op::Root { kind: RootKind::Copy { programs: vec!["ls".into()], libraries: false } });
    assert_eq!(made.calls.iter().filter(|call| call.name == "write").count(), 1);
    must(&mut lab, "box", &Op::Chroot { path: "{root}".into() });
    let (errno, _) =
        fails(&mut lab, "box", &Op::Run { argv: vec!["ls".into()], seconds: 5, background: false, trace: false });
    assert_eq!(errno.symbol(), "ENOENT");
}

#[test]
fn a_shell_opens_in_a_root_directory_without_devices() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    must(&mut lab, "box", &Op::Root { kind: RootKind::Copy { programs: vec!["bash".into()], libraries: true } });
    must(&mut lab, "box", &Op::Chroot { path: "{root}".into() });
    let mut shell = Shell::open(&mut lab, "box");
    let printed = shell.ask("echo $((6 * 7)) /*/; case $- in *m*) echo controlled;; esac");
    assert!(printed.contains("42 /dev/ "), "{printed}");
    assert!(printed.contains("\ncontrolled"), "without a terminal of its own there is no job control: {printed}");
}

#[test]
fn a_snapshot_knows_where_the_labs_processes_have_their_roots() {
    let mut lab = lab();
    let [host, boxed] = ["host", "box"].map(|name| lab.spawn(name).unwrap().pid);
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    must(&mut lab, "box", &Op::Root { kind: RootKind::Copy { programs: vec!["sleep".into()], libraries: true } });
    must(&mut lab, "box", &Op::Chroot { path: "{root}".into() });
    let argv = vec!["sleep".into(), "4711".into()];
    must(&mut lab, "box", &Op::Run { argv, seconds: 1, background: true, trace: false });
    let all = Sampler::new().unwrap().snapshot(Vec::new()).lab;
    let of = |pid: u32| -> &LabProcess { all.iter().find(|one| one.pid == pid).unwrap() };
    let root = |one: &LabProcess| one.root.read().unwrap().clone();
    assert_eq!(root(of(host)).path, "/");
    assert!(root(of(boxed)).path.ends_with("/box-root"), "{:?}", of(boxed));
    let sleep = all.iter().find(|one| one.command == "sleep 4711" && one.ns == of(boxed).ns).unwrap();
    assert_eq!(root(sleep), root(of(boxed)));
    let cwd = &sleep.cwd.read().unwrap().path;
    assert!(cwd.starts_with(&root(sleep).path), "{cwd}");
    assert!(all.iter().all(|one| one.pid != 1), "what doesn't descend from us is none of it");
}
