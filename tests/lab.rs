//! The lab on the real kernel: every op, the shells, and the clean-up. Run as root
//! and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "lab/caps.rs"]
mod caps;
#[path = "lab/holding.rs"]
mod holding;
#[path = "lab/mounts.rs"]
mod mounts;
#[path = "lab/observer.rs"]
mod observer;
#[path = "lab/slowly.rs"]
mod slowly;
mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloison::i18n::Lang;
use cloison::kernel::Errno;
use cloison::kernel::process::{Exit, pidfd_kill, pidfd_open};
use cloison::lab::protocol::{Failure, Ran};
use cloison::lab::{Lab, LabError, Options, Performed, Program};
use cloison::lesson::op::{MapKind, MountFlag, NsKind, Op, RootKind, ShmFlag};
use cloison::observe::{self, Reading, View};

use support::lab::{lab, must};
use support::left::Left;
use support::skip::skip;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn fails(lab: &mut Lab, actor: &str, op: &Op) -> (Errno, Performed) {
    let performed = lab.perform(actor, op).unwrap();
    let (errno, _) = performed.failure.clone().unwrap_or_else(|| panic!("{op:?} went through"));
    (errno, performed)
}

fn unshare(kinds: &[NsKind]) -> Op {
    Op::Unshare { kinds: kinds.to_vec(), map: kinds.contains(&NsKind::User).then_some(MapKind::Root) }
}

fn mount_proc(target: &str) -> Op {
    let flags = vec![MountFlag::Nosuid, MountFlag::Nodev, MountFlag::Noexec];
    Op::Mount { fstype: "proc".into(), source: "proc".into(), target: target.into(), flags, data: String::new() }
}

fn mount(fstype: &str, source: &str, target: &str, flags: &[MountFlag]) -> Op {
    Op::Mount {
        fstype: fstype.into(),
        source: source.into(),
        target: target.into(),
        flags: flags.to_vec(),
        data: String::new(),
    }
}

fn run(lab: &mut Lab, actor: &str, script: &str) -> String {
    let argv = vec!["sh".into(), "-c".into(), script.into()];
    let seconds = support::slow::seconds(20).as_secs() as u32;
    let ran = must(lab, actor, &Op::Run { argv, seconds, background: false, trace: false }).ran.unwrap();
    assert!(!ran.timed_out, "{script}");
    String::from_utf8_lossy(&ran.output).trim_end().to_owned()
}

fn view(lab: &mut Lab, actor: &str) -> View {
    asked(lab, actor, &observe::Look::default())
}

fn asked(lab: &mut Lab, actor: &str, look: &observe::Look) -> View {
    let bytes = lab.view(actor, &look.encode(), Duration::from_secs(10)).unwrap().expect("an answer in time");
    observe::Told::decode(&bytes).unwrap().view
}

/// A box in a user and six further namespaces, with its own root and /proc; `init`
/// is its PID 1.
fn whole_box(lab: &mut Lab) {
    lab.spawn("box").unwrap();
    let all: Vec<NsKind> = NsKind::ALL.into_iter().filter(|kind| *kind != NsKind::Time).collect();
    must(lab, "box", &unshare(&all));
    must(lab, "box", &Op::Fork { child: "init".into() });
    must(lab, "init", &Op::Root { kind: RootKind::Host });
    must(lab, "init", &mount_proc("{root}/proc"));
    must(lab, "init", &Op::PivotRoot { path: "{root}".into() });
}

#[test]
fn a_whole_box_is_built_step_by_step_and_seen_from_inside() {
    let mut lab = lab();
    whole_box(&mut lab);
    must(&mut lab, "init", &Op::Hostname { name: "cigale-42".into() });
    assert_eq!(run(&mut lab, "init", "echo $$ $(hostname) $(id -u)"), "2 cigale-42 0");
    let seen = view(&mut lab, "init");
    assert_eq!(seen.ids.read().unwrap().pid, 1);
    assert_eq!(seen.ids.read().unwrap().ppid, 0);
    assert_eq!(seen.uts.read().unwrap().hostname, "cigale-42");
    let names: Vec<&str> = seen.processes.read().unwrap().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["init"]);
    // Nothing of the host's file system can be written.
    assert_eq!(
        run(&mut lab, "init", "touch /usr/x 2>/dev/null || touch /etc/x 2>/dev/null || echo refused"),
        "refused"
    );
}

#[test]
fn the_calls_of_an_op_are_those_really_made_with_their_results() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let made = must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts]));
    let shown: Vec<String> = made.calls.iter().map(ToString::to_string).collect();
    assert_eq!(shown[0], "unshare(CLONE_NEWUSER|CLONE_NEWUTS) = 0");
    assert!(shown.iter().any(|call| call.contains("/uid_map")), "{shown:?}");
    let made = must(&mut lab, "box", &Op::Hostname { name: "a b".into() });
    assert_eq!(made.calls[0].to_string(), "sethostname(\"a b\", 3) = 0");
}

#[test]
fn a_call_that_fails_says_which_with_what_errno() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    let (errno, performed) = fails(&mut lab, "box", &Op::Hostname { name: "intrus".into() });
    assert_eq!(errno, Errno(libc_eperm()));
    assert_eq!(performed.calls.last().unwrap().result, Err(Errno(libc_eperm())));
    let (errno, _) = fails(&mut lab, "box", &Op::Chroot { path: "/nowhere".into() });
    assert_eq!(errno.symbol(), "ENOENT");
}

fn libc_eperm() -> i32 {
    nix::errno::Errno::EPERM as i32
}

#[test]
fn the_labs_root_is_never_the_machines() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    let users = view(&mut lab, "box").users.read().unwrap().clone();
    let own = nix::unistd::geteuid().as_raw();
    if is_root() {
        assert!(users.uid_map[0].outside >= 0x4000_0000, "{users:?}");
        assert_eq!(users.uid_map[0].count, 65_536);
        assert_eq!(users.setgroups, "allow");
    } else {
        assert_eq!((users.uid_map[0].inside, users.uid_map[0].outside, users.uid_map[0].count), (0, own, 1));
        assert_eq!(users.setgroups, "deny");
    }
    assert_eq!(run(&mut lab, "box", "id -u"), "0");
    let pid = lab.actors()[0].pid;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap().split_whitespace().next().unwrap();
    assert_ne!(uid, "0", "the host sees root");
}

#[test]
fn a_map_of_oneself_keeps_the_number_on_both_sides() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User], map: None });
    assert_eq!(run(&mut lab, "box", "id -u"), "65534", "unmapped ids show as the overflow uid");
    must(&mut lab, "box", &Op::Map { kind: MapKind::Myself });
    let map = view(&mut lab, "box").users.read().unwrap().uid_map[0];
    assert_eq!(map.inside, map.outside);
    assert_eq!(run(&mut lab, "box", "id -u"), map.inside.to_string());
}

#[test]
fn a_range_is_had_under_root_or_from_the_subordinate_ids() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &Op::Unshare { kinds: vec![NsKind::User], map: None });
    let performed = lab.perform("box", &Op::Map { kind: MapKind::Range }).unwrap();
    match performed.failure {
        None => {
            let map = view(&mut lab, "box").users.read().unwrap().uid_map.clone();
            assert!(map.iter().map(|range| range.count).sum::<u32>() > 1, "{map:?}");
        }
        // An ordinary user without a line in /etc/subuid, or without newuidmap.
        Some((errno, doing)) => {
            assert!(!is_root());
            assert_eq!(errno.symbol(), "ENOENT", "{doing}");
            assert!(doing.contains("sub") || doing.contains("newuidmap"), "{doing}");
        }
    }
}

#[test]
fn a_lesson_that_needs_the_real_root_gets_it_only_from_root() {
    if !is_root() {
        return skip("a_lesson_that_needs_the_real_root_gets_it_only_from_root", "needs root");
    }
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    let mut lab = Lab::start(Options { program, real_root: true, ..Options::default() }).unwrap();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    let map = view(&mut lab, "box").users.read().unwrap().uid_map[0];
    assert_eq!((map.inside, map.outside, map.count), (0, 0, u32::MAX));
}

#[test]
fn every_namespace_type_can_be_left_and_the_clocks_shifted() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let host = view(&mut lab, "box").ns;
    must(&mut lab, "box", &unshare(&NsKind::ALL));
    must(&mut lab, "box", &Op::Clock { monotonic: 1_000, boottime: 500_000 });
    must(&mut lab, "box", &Op::Fork { child: "init".into() });
    must(&mut lab, "init", &mount_proc("/proc"));
    let inside = view(&mut lab, "init");
    for kind in NsKind::ALL {
        assert_ne!(inside.ns[&kind].read().unwrap(), host[&kind].read().unwrap(), "{}", kind.name());
    }
    assert_eq!(inside.time.read().unwrap().boottime.0, 500_000);
    let uptime: f64 = run(&mut lab, "init", "cut -d' ' -f1 /proc/uptime").parse().unwrap();
    assert!(uptime > 500_000.0, "{uptime}");
}

#[test]
fn a_segment_is_in_view_in_its_own_ipc_namespace_alone() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    lab.spawn("peer").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Ipc]));
    let get = |size, flags: &[ShmFlag]| Op::Shmget { key: "0xc01509".into(), size, flags: flags.to_vec() };
    assert_eq!(fails(&mut lab, "box", &get(4096, &[])).0.symbol(), "ENOENT");
    let made = must(&mut lab, "box", &get(4096, &[ShmFlag::Creat, ShmFlag::Excl]));
    assert_eq!(made.calls[0].to_string(), "shmget(0x00c01509, 4096, IPC_CREAT|IPC_EXCL|0600) = 0");
    must(&mut lab, "box", &get(4096, &[]));
    assert_eq!(fails(&mut lab, "box", &get(4096, &[ShmFlag::Creat, ShmFlag::Excl])).0.symbol(), "EEXIST");
    let inside = view(&mut lab, "box").ipc;
    let [segment] = inside.shm.read().unwrap().as_slice() else { panic!("{inside:?}") };
    assert_eq!((segment.key.as_str(), segment.size, segment.uid), ("0x00c01509", 4096, 0));
    assert!(inside.limits.read().unwrap().shmmni > 0);
    assert_eq!(inside.msg.read().unwrap(), &[]);
    let outside = view(&mut lab, "peer").ipc;
    assert!(outside.shm.read().unwrap().iter().all(|one| one.key != "0x00c01509"));
}

#[test]
fn every_kind_of_object_that_util_linux_makes_is_listed() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Ipc]));
    run(&mut lab, "box", "ipcmk -M 4321; ipcmk -Q; ipcmk -S 3");
    let ipc = view(&mut lab, "box").ipc;
    assert_eq!(ipc.shm.read().unwrap()[0].size, 4321);
    assert_eq!(ipc.sem.read().unwrap()[0].semaphores, 3);
    let listed = run(&mut lab, "box", "ipcs");
    for key in [&ipc.shm.read().unwrap()[0].key, &ipc.sem.read().unwrap()[0].key, &ipc.msg.read().unwrap()[0].key] {
        assert!(listed.contains(key.as_str()), "{key}: {listed}");
    }
}

#[test]
fn posix_queues_are_those_of_whoever_mounted_their_file_system() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Ipc, NsKind::Mnt]));
    must(&mut lab, "box", &Op::Mqueue { target: "/dev/mqueue".into() });
    must(&mut lab, "box", &Op::Fork { child: "peer".into() });
    must(&mut lab, "peer", &unshare(&[NsKind::Ipc]));
    let queues = |lab: &mut Lab, actor: &str| {
        let mqueue = view(lab, actor).ipc.mqueue;
        let mounted = mqueue.read().unwrap().clone().expect("a queue file system");
        (mounted.queues.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), mounted.path)
    };
    let (none, path) = queues(&mut lab, "box");
    assert_eq!(none, Vec::<String>::new());
    // A name that would act on a terminal, and one that is not UTF-8.
    run(&mut lab, "box", &format!("cd {path} && touch relais \"$(printf 'a\\033b')\" \"$(printf 'c\\377')\""));
    let names = vec!["a\u{1b}b".to_owned(), "c\u{fffd}".to_owned(), "relais".to_owned()];
    assert_eq!(queues(&mut lab, "box").0, names);
    assert_eq!(queues(&mut lab, "peer").0, names, "the mount is the box's");
    must(&mut lab, "peer", &unshare(&[NsKind::Mnt]));
    must(&mut lab, "peer", &Op::Mqueue { target: "/dev/mqueue".into() });
    assert_eq!(queues(&mut lab, "peer").0, Vec::<String>::new());
    assert_eq!(queues(&mut lab, "box").0, names);
}

#[test]
fn clocks_are_shifted_before_the_first_process_enters_and_never_after() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Time]));
    must(&mut lab, "box", &Op::Clock { monotonic: 0, boottime: 500_000 });
    let before = view(&mut lab, "box");
    must(&mut lab, "box", &Op::Fork { child: "late".into() });
    let (outside, inside) = (view(&mut lab, "box"), view(&mut lab, "late"));
    let seconds = |view: &View| view.clocks.boottime.read().unwrap() / 1_000_000;
    assert!((seconds(&inside) - seconds(&outside) - 500_000).abs() < 60, "{inside:?}");
    assert!((inside.clocks.uptime.read().unwrap() - outside.clocks.uptime.read().unwrap()).abs_diff(500_000) < 60);
    let date = |view: &View| view.clocks.realtime.read().unwrap() / 1_000_000;
    assert!((date(&inside) - date(&outside)).abs() < 60);
    assert!(seconds(&outside) - seconds(&before) < 60, "the caller stays");
    let (errno, _) = fails(&mut lab, "box", &Op::Clock { monotonic: 0, boottime: 1 });
    assert_eq!(errno.symbol(), "EACCES");
}

#[test]
fn in_a_cgroup_namespace_every_path_starts_at_its_own_group() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let before = view(&mut lab, "box");
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Cgroup]));
    let after = view(&mut lab, "box");
    let inside = after.cgroup.read().unwrap();
    assert!(!inside.is_empty() && inside.values().all(|path| path == "/"), "{inside:?}");
    // A group that is the root of no view climbs out of this one, by as many levels as it was deep.
    let paths = |view: &View| view.init_cgroup.read().unwrap().clone();
    for (tree, path) in before.cgroup.read().unwrap() {
        let deep = path.split('/').filter(|part| !part.is_empty()).count();
        if paths(&before)[tree] == "/" && deep > 0 {
            assert_eq!(paths(&after)[tree], "/..".repeat(deep), "{tree}");
        }
    }
}

#[test]
fn without_a_proc_the_clocks_still_tell_the_time_and_the_rest_says_why_not() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Mnt]));
    must(&mut lab, "box", &mount("tmpfs", "tmpfs", "/proc", &[]));
    let seen = view(&mut lab, "box");
    assert!(seen.clocks.boottime.read().is_some());
    let why = |unread: Option<&observe::model::Unread>| unread.map(|unread| unread.path.clone());
    let unread = [
        match &seen.clocks.uptime {
            Reading::Unread(unread) => why(Some(unread)),
            Reading::Read(_) => None,
        },
        match &seen.ipc.shm {
            Reading::Unread(unread) => why(Some(unread)),
            Reading::Read(_) => None,
        },
    ];
    assert_eq!(unread, [Some("/proc/self".to_owned()), Some("/proc/self".to_owned())]);
}

#[test]
fn setns_enters_the_namespaces_asked_for_and_no_other() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    lab.spawn("peer").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts, NsKind::Ipc]));
    must(&mut lab, "box", &Op::Hostname { name: "menhir-7".into() });
    must(&mut lab, "peer", &Op::Setns { of: "box".into(), kinds: vec![NsKind::Uts, NsKind::User] });
    let (a, b) = (view(&mut lab, "box"), view(&mut lab, "peer"));
    assert_eq!(b.uts.read().unwrap().hostname, "menhir-7");
    assert_eq!(a.ns[&NsKind::Uts], b.ns[&NsKind::Uts]);
    assert_eq!(a.ns[&NsKind::User], b.ns[&NsKind::User]);
    assert_ne!(a.ns[&NsKind::Ipc], b.ns[&NsKind::Ipc]);
}

#[test]
fn the_domain_name_is_a_name_of_its_own() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts]));
    let before = view(&mut lab, "box").uts.read().unwrap().clone();
    must(&mut lab, "box", &Op::Domainname { name: "verger".into() });
    let after = view(&mut lab, "box").uts.read().unwrap().clone();
    assert_eq!(after.domainname, "verger");
    assert_eq!(after.hostname, before.hostname);
    let (errno, _) = fails(&mut lab, "box", &Op::Hostname { name: "x".repeat(65) });
    assert_eq!(errno.symbol(), "EINVAL");
}

#[test]
fn a_mount_is_the_boxs_alone_and_a_read_only_bind_refuses_writes() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Mnt]));
    must(&mut lab, "box", &mount("tmpfs", "tmpfs", "/tmp", &[MountFlag::Nosuid]));
    assert_eq!(run(&mut lab, "box", "mkdir /tmp/a /tmp/b && echo one > /tmp/a/f && cat /tmp/a/f"), "one");
    must(&mut lab, "box", &mount("", "/tmp/a", "/tmp/b", &[MountFlag::Bind, MountFlag::Ro]));
    assert_eq!(run(&mut lab, "box", "(echo two > /tmp/b/f) 2>/dev/null || cat /tmp/b/f"), "one");
    must(&mut lab, "box", &Op::Umount { target: "/tmp/b".into(), detach: false });
    assert_eq!(run(&mut lab, "box", "ls /tmp/b"), "");
    assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
}

#[test]
fn a_copied_root_holds_the_programs_named_with_their_libraries_and_goes_with_the_lab() {
    let base = tempfile::tempdir().unwrap();
    // The lab's mapped root, another user under root, must get there.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(base.path(), open).unwrap();
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    let options = Options { program, base: Some(base.path().join("labs")), ..Options::default() };
    let mut lab = Lab::start(options).unwrap();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User]));
    must(
        &mut lab,
        "box",
        &Op::Root { kind: RootKind::Copy { programs: vec!["sh".into(), "ls".into()], libraries: true } },
    );
    must(&mut lab, "box", &Op::Chroot { path: "{root}".into() });
    let listed = run(&mut lab, "box", "ls /");
    assert!(listed.lines().any(|line| line == "proc") && !listed.contains("home"), "{listed}");
    assert_eq!(run(&mut lab, "box", "cat /etc/passwd 2>/dev/null || echo missing"), "missing");
    let (errno, _) = fails(
        &mut lab,
        "box",
        &Op::Root { kind: RootKind::Copy { programs: vec!["no-such".into()], libraries: true } },
    );
    assert_eq!(errno.symbol(), "ENOENT");
    drop(lab);
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}

#[test]
fn what_runs_in_a_box_has_no_descriptor_but_its_own_three() {
    let mut lab = lab();
    whole_box(&mut lab);
    for (actor, what) in [("init", "a box"), ("box", "a half-built box")] {
        // `ls` opens the directory itself as 3.
        assert_eq!(run(&mut lab, actor, "ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3", "{what}");
    }
    lab.spawn("host").unwrap();
    for actor in ["init", "host"] {
        let mut shell = Shell::open(&mut lab, actor);
        let printed = shell.ask("ls -m /proc/$$/fd");
        // Bash keeps a copy of its terminal at 255.
        assert!(printed.contains("0, 1, 2, 255\r\n"), "{actor}: {printed}");
    }
}

/// A shell on a pty, spoken to as a person would.
struct Shell {
    master: std::fs::File,
}

impl Shell {
    fn open(lab: &mut Lab, actor: &str) -> Self {
        let launch = lab.launch(actor, Program::Shell(Lang::En), Some((24, 80))).unwrap();
        let mut shell = Self { master: launch.fd.into() };
        // What is typed before the prompt would be echoed into it.
        shell.read_until("# \u{1b}|$ \u{1b}|# |$ ");
        shell
    }

    /// Types a line and gives back all that is printed until the next prompt has
    /// reported it.
    fn ask(&mut self, line: &str) -> String {
        self.master.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.read_until("\u{7}")
    }

    /// Reads until one of the texts (between bars) has been printed.
    fn read_until(&mut self, ends: &str) -> String {
        let mut printed = Vec::new();
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let count = self.master.read(&mut buffer).unwrap();
            printed.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&printed).into_owned();
            if ends.split('|').any(|end| text.contains(end)) {
                return text;
            }
            assert!(Instant::now() < deadline, "{text}");
        }
    }
}

#[test]
fn a_shell_is_on_a_terminal_of_the_boxs_own_in_a_session_of_its_own() {
    let mut lab = lab();
    whole_box(&mut lab);
    let mut shell = Shell::open(&mut lab, "init");
    let printed = shell.ask("echo $(tty) $$ $(ps -o sid= -p $$)=");
    let answer = printed.lines().rev().find(|line| line.contains("/dev/pts/")).unwrap();
    let words: Vec<&str> = answer.split_whitespace().skip_while(|word| !word.starts_with("/dev")).collect();
    assert_eq!(words[0], "/dev/pts/0", "{printed}");
    assert_eq!(words[1], words[2].trim_end_matches('='), "it leads its session: {printed}");
    // Its size is what was asked for, and the prompt tells the line entered.
    let printed = shell.ask("stty size");
    assert!(printed.contains("24 80"), "{printed}");
    let printed = shell.ask("true");
    assert!(printed.contains("\u{1b}]633;E;"), "{printed:?}");
}

#[test]
fn no_shell_takes_the_place_of_pid_1() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Pid]));
    assert!(matches!(lab.launch("box", Program::Shell(Lang::En), Some((24, 80))), Err(LabError::Failed(_))));
    must(&mut lab, "box", &Op::Fork { child: "init".into() });
    assert_eq!(view(&mut lab, "init").ids.read().unwrap().pid, 1);
    lab.launch("box", Program::Shell(Lang::En), Some((24, 80))).unwrap();
}

#[test]
fn a_run_is_killed_when_its_time_is_over_and_its_output_is_kept_short() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let seconds = support::slow::seconds(1).as_secs() as u32;
    let argv = |script: &str| vec!["sh".into(), "-c".into(), script.into()];
    let ran = |lab: &mut Lab, script: &str| -> Ran {
        must(lab, "box", &Op::Run { argv: argv(script), seconds, background: false, trace: false }).ran.unwrap()
    };
    let endless = ran(&mut lab, "yes");
    assert!(endless.timed_out);
    assert_eq!(endless.output.len(), 64 << 10);
    assert_eq!(endless.exit, Some(Exit::Signal(9)));
    let short = ran(&mut lab, "exit 3");
    assert_eq!((short.exit, short.timed_out), (Some(Exit::Code(3)), false));
    let (errno, _) = fails(
        &mut lab,
        "box",
        &Op::Run { argv: vec!["no-such-program".into()], seconds: 1, background: false, trace: false },
    );
    assert_eq!(errno.symbol(), "ENOENT");
}

#[test]
fn kill_uses_the_number_by_which_the_killer_knows_the_other() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Pid]));
    let init = must(&mut lab, "box", &Op::Fork { child: "init".into() }).made.unwrap();
    let made = must(&mut lab, "box", &Op::Kill { target: "init".into(), signal: "KILL".into() });
    assert_eq!(made.calls[0].to_string(), format!("kill({}, SIGKILL) = 0", init.pid));
    // The op is over when the one killed is.
    assert!(lab.actors().iter().any(|actor| actor.name == "init" && actor.ended == Some(Some(Exit::Signal(9)))));
    assert!(matches!(lab.view("init", &[], Duration::from_secs(1)), Err(LabError::Failed(_))));
    assert!(view(&mut lab, "box").ids.read().is_some());
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + support::slow::seconds(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::yield_now();
    }
}

#[test]
fn nothing_waits_for_an_actor_that_is_stopped_and_it_comes_back() {
    let mut lab = lab();
    let pid = lab.spawn("box").unwrap().pid;
    lab.spawn("peer").unwrap();
    let pidfd = pidfd_open(pid).unwrap();
    pidfd_kill(&pidfd, nix::sys::signal::Signal::SIGSTOP as i32).unwrap();
    wait_until("it is stopped", || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T "));
    assert_eq!(lab.view("box", &[], Duration::from_millis(100)).unwrap(), None);
    let start = Instant::now();
    assert_eq!(lab.view("box", &[], Duration::from_secs(60)).unwrap(), None, "it owes an answer: no second wait");
    assert!(start.elapsed() < Duration::from_secs(30));
    view(&mut lab, "peer");
    pidfd_kill(&pidfd, nix::sys::signal::Signal::SIGCONT as i32).unwrap();
    wait_until("it answers again", || lab.view("box", &[], Duration::from_secs(5)).unwrap().is_some());
}

#[test]
fn a_reset_takes_everything_down_and_the_same_steps_lead_to_the_same_place() {
    let before = Left::now();
    let mut lab = lab();
    let mut seen = Vec::new();
    for _ in 0..3 {
        whole_box(&mut lab);
        must(&mut lab, "init", &Op::Hostname { name: "dune-11".into() });
        let now = view(&mut lab, "init");
        let targets: Vec<String> = now.mounts.read().unwrap().iter().map(|mount| mount.target.clone()).collect();
        seen.push((now.uts, now.ids, now.users, targets));
        let pids: Vec<u32> = lab.actors().iter().map(|actor| actor.pid).collect();
        lab.reset(false).unwrap();
        assert!(lab.actors().is_empty());
        for pid in pids {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} lives on");
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    drop(lab);
    before.assert_same();
}

/// Every descendant of a process, itself left out.
fn descendants(of: u32) -> BTreeSet<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        parents.push((pid, rest.split(' ').nth(1).unwrap().parse::<u32>().unwrap()));
    }
    let mut found = BTreeSet::from([of]);
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found.remove(&of);
    found
}

#[test]
fn what_a_student_leaves_in_the_background_ends_with_the_lab() {
    let mut lab = lab();
    lab.spawn("host").unwrap();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Uts]));
    for actor in ["host", "box"] {
        run(
            &mut lab,
            actor,
            "(setsid env -i sleep 77777 </dev/null >/dev/null 2>&1 &) ; nohup sleep 77778 >/dev/null 2>&1 &",
        );
    }
    let all = descendants(lab.keeper());
    assert!(all.len() >= 6, "{all:?}");
    drop(lab);
    for pid in all {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} lives on");
    }
}

#[test]
fn a_keeper_that_is_killed_is_buried_with_all_that_it_made() {
    let base = tempfile::tempdir().unwrap();
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    let options = Options { program, base: Some(base.path().join("labs")), ..Options::default() };
    let mut lab = Lab::start(options).unwrap();
    whole_box(&mut lab);
    lab.spawn("host").unwrap();
    run(&mut lab, "host", "setsid env -i sleep 77779 </dev/null >/dev/null 2>&1 &");
    let all = descendants(lab.keeper());
    pidfd_kill(&pidfd_open(lab.keeper()).unwrap(), nix::sys::signal::Signal::SIGKILL as i32).unwrap();
    assert!(matches!(lab.spawn("late"), Err(LabError::KeeperDied)));
    for pid in all {
        wait_until("its processes are gone", || !Path::new(&format!("/proc/{pid}")).exists());
    }
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0, "its journal is gone");
    assert!(matches!(lab.spawn("later"), Err(LabError::KeeperDied)));
}

#[test]
fn a_fork_bomb_in_a_box_meets_its_limit_and_ends_with_the_lab() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    must(&mut lab, "box", &unshare(&[NsKind::User, NsKind::Pid]));
    must(&mut lab, "box", &Op::Fork { child: "init".into() });
    // Those that have forked stay: `b | b &` burns out as soon as it can't fork.
    let bomb = vec!["sh".into(), "-c".into(), "b() { b & b & exec sleep 60; }; b".into()];
    must(&mut lab, "init", &Op::Run { argv: bomb, seconds: 5, background: true, trace: false });
    wait_until("it has forked", || descendants(lab.keeper()).len() > 20);
    let keeper = lab.keeper();
    assert!(descendants(keeper).len() < 700);
    drop(lab);
    assert!(descendants(keeper).is_empty());
}

#[test]
fn a_name_can_be_given_to_one_actor_only_and_a_strange_one_is_refused() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    assert!(matches!(lab.spawn("box"), Err(LabError::Failed(_))));
    assert!(matches!(lab.perform("nobody", &Op::Hostname { name: "x".into() }), Err(LabError::Failed(_))));
}
