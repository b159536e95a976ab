//! The readers against the real kernel: what they say is held against what
//! /proc, ps(1) and lsns(1) say of processes that the tests start and end.
//! unshare(1) makes the boxes.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail like the test")]

#[path = "support/skip.rs"]
mod skip;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cloison::lesson::op::NsKind;
use cloison::observe::model::{Built, Process, Wall};
use cloison::observe::twin::{self, Key, Side};
use skip::skip;

use cloison::observe::{
    Errno, Known, Look, ProcDir, Reading, Sampler, Scratch, Sections, Snapshot, Told, View, inside, view,
};

/// A program that was started for a test; ended, with all below it, by the drop.
struct Running(Child);

impl Running {
    /// Starts it and waits until it says `ready` on its standard output.
    fn ready(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{command:?}");
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A shell whose script ends with `echo ready; read x`, in no box.
fn shell(script: &str) -> Running {
    Running::ready(Command::new("bash").arg("-c").arg(format!("{script}; echo ready; read x")))
}

/// A shell script in a box that unshare(1) makes with these flags. `$REPORT` in it
/// is a command that writes what the box sees; read it with [`Box::seen`].
struct Box {
    running: Running,
    report: PathBuf,
    _dir: tempfile::TempDir,
}

impl Box {
    fn new(flags: &[&str], script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let report = dir.path().join("report");
        let command = format!("{} --exact the_view_from_inside --ignored >/dev/null", own_path().display());
        let mut unshare = Command::new("unshare");
        unshare.args(flags).args(["bash", "-c"]).arg(format!("set -e; {script}\neval \"$REPORT\"; echo ready; read x"));
        unshare.env("REPORT", command).env("REPORT_TO", &report).env("DIR", dir.path());
        Self { running: Running::ready(&mut unshare), report, _dir: dir }
    }

    fn seen(&self) -> View {
        Told::decode(&std::fs::read(&self.report).unwrap()).unwrap().view
    }

    /// As the lab would tell it. Where unshare(1) forks, the box is its child.
    fn known(&self, forked: bool) -> Known {
        let pid = if forked { child_of(self.running.pid()) } else { self.running.pid() };
        Known {
            name: "box".to_owned(),
            pid,
            alive: true,
            exit: None,
            seen: Reading::Read(self.seen()),
            told: Sections::ALL,
            stale: None,
        }
    }
}

fn own_path() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn child_of(pid: u32) -> u32 {
    processes(&host()).iter().find(|one| one.ppid == pid).unwrap().pid
}

fn host() -> View {
    Sampler::new().unwrap().host()
}

fn processes(view: &View) -> &[Arc<Process>] {
    view.processes.read().unwrap()
}

fn process(view: &View, pid: u32) -> Option<&Process> {
    processes(view).iter().map(|one| &**one).find(|one| one.pid == pid)
}

fn said(program: &str, args: &[&str]) -> String {
    String::from_utf8(Command::new(program).args(args).output().unwrap().stdout).unwrap()
}

/// Not a test of its own: what a test in a box runs.
#[test]
#[ignore = "run by the other tests, inside a box"]
fn the_view_from_inside() {
    std::fs::write(std::env::var_os("REPORT_TO").unwrap(), inside(&Look::default().encode())).unwrap();
}

#[test]
fn a_view_survives_the_keepers_protocol() {
    let proc = ProcDir::open(Path::new("/proc")).unwrap();
    let seen = view(Ok(&proc), &mut Scratch::default());
    let told = Told { view: seen.clone(), sections: Sections::ALL };
    assert_eq!(Told::decode(&postcard::to_stdvec(&told).unwrap()).unwrap(), told);
    assert_eq!(Told::decode(&inside(&Look::default().encode())).unwrap().view.ns, seen.ns);
    assert!(Told::decode(b"\xff\xff").is_err());
}

#[test]
fn the_hosts_processes_are_those_of_ps() {
    let ps = || -> Vec<String> {
        let rows = said("ps", &["-e", "-o", "pid=,ppid=,euid=,egid="]);
        rows.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let before = ps();
    let seen = host();
    let after = ps();
    let ours: Vec<String> =
        processes(&seen).iter().map(|one| format!("{} {} {} {}", one.pid, one.ppid, one.uid, one.gid)).collect();
    let steady: Vec<&String> = before.iter().filter(|row| after.contains(row)).collect();
    assert!(steady.len() > 3, "{steady:?}");
    for row in steady {
        assert!(ours.contains(row), "{row}");
    }
    assert!(processes(&seen).is_sorted_by_key(|one| one.pid));
}

#[test]
fn names_and_arguments_may_hold_anything() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join(OsStr::from_bytes(b"a\nb\\c\xff:"));
    std::os::unix::fs::symlink("/bin/bash", &program).unwrap();
    let named = Running::ready(Command::new(&program).args(["-c", "echo ready; read x"]));
    let mut odd = Command::new("bash");
    odd.arg0(OsStr::from_bytes(b"ev\x1bil\n\xff")).args(["-c", "echo ready; read x", ""]);
    let odd = Running::ready(&mut odd);
    let huge = Running::ready(Command::new("bash").args(["-c", "echo ready; read x"]).arg("y".repeat(20_000)));

    let seen = host();
    assert_eq!(process(&seen, named.pid()).unwrap().name, "a\nb\\c\u{fffd}:");
    assert_eq!(process(&seen, odd.pid()).unwrap().command, "ev\u{1b}il\n\u{fffd} -c echo ready; read x");
    let command = &process(&seen, huge.pid()).unwrap().command;
    assert!(command.ends_with("yyy…"));
    assert_eq!(command.chars().count(), 4097);
}

#[test]
fn kernel_threads_have_a_name_and_no_arguments() {
    let seen = host();
    let Some(thread) = process(&seen, 2).filter(|one| one.name == "kthreadd") else {
        return skip("kernel_threads_have_a_name_and_no_arguments", "no kernel thread in view");
    };
    assert_eq!(thread.command, "");
}

#[test]
fn a_zombie_stays_in_the_list_and_a_reaped_process_does_not() {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id();
    let id = Id::Pid(nix::unistd::Pid::from_raw(pid.cast_signed()));
    waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let seen = host();
    let zombie = process(&seen, pid).unwrap();
    assert_eq!((zombie.state, zombie.command.as_str()), ('Z', ""));
    child.wait().unwrap();
    assert_eq!(process(&host(), pid), None);
}

#[test]
fn processes_that_vanish_while_they_are_read_are_left_out() {
    let _storm = Running::ready(Command::new("bash").args(["-c", "echo ready; while :; do /bin/true; done"]));
    let steady = shell(":");
    let mut sampler = Sampler::new().unwrap();
    for _ in 0..30 {
        let seen = sampler.host();
        assert!(process(&seen, steady.pid()).is_some());
    }
}

#[test]
fn a_process_directory_never_becomes_another_processs() {
    let proc = ProcDir::open(Path::new("/proc")).unwrap();
    let running = shell(":");
    let (pid, dir) = (running.pid(), proc.process(running.pid()).unwrap());
    assert!(dir.namespace(NsKind::Uts).is_ok());
    drop(running);
    assert_eq!(dir.read("status", &mut Vec::new(), 1000), Err(Errno(libc::ESRCH)));
    assert_eq!(proc.process(pid).unwrap_err().errno, Errno(libc::ESRCH));
}

#[test]
fn a_plain_child_has_no_wall() {
    let child = shell(":");
    let known = Known {
        name: "box".to_owned(),
        pid: child.pid(),
        alive: true,
        exit: None,
        seen: unseen(),
        told: Sections::ALL,
        stale: None,
    };
    let snapshot = Sampler::new().unwrap().snapshot(vec![known]);
    let walls = &snapshot.actors["box"].walls;
    assert_eq!(walls.len(), Wall::ALL.len());
    for (wall, state) in walls {
        assert_ne!(state.state, Built::Built, "{wall:?} {state:?}");
    }
    assert_eq!(walls[&Wall::Uts].state, Built::Open);
    assert_eq!(walls[&Wall::Caps].state, Built::Open);
}

fn unseen() -> Reading<View> {
    Reading::Unread(cloison::observe::model::Unread { path: "box".to_owned(), errno: Errno(libc::ETIMEDOUT) })
}

#[test]
fn each_namespace_is_a_wall_and_its_inode_is_that_of_lsns() {
    let boxed = Box::new(&["-Urmuinp", "-C", "-T", "--fork", "--mount-proc", "--kill-child"], ":");
    let known = boxed.known(true);
    let pid = known.pid;
    let actor = Sampler::new().unwrap().snapshot(vec![known]).actors.remove("box").unwrap();
    for (kind, wall) in [
        (NsKind::User, Wall::User),
        (NsKind::Mnt, Wall::Mnt),
        (NsKind::Uts, Wall::Uts),
        (NsKind::Ipc, Wall::Ipc),
        (NsKind::Pid, Wall::Pid),
        (NsKind::Net, Wall::Net),
        (NsKind::Cgroup, Wall::Cgroup),
        (NsKind::Time, Wall::Time),
    ] {
        let inode: u64 =
            said("stat", &["-L", "-c", "%i", &format!("/proc/{pid}/ns/{}", kind.name())]).trim().parse().unwrap();
        if nix::unistd::geteuid().is_root() {
            // For others lsns(1) lists only some kinds.
            // Of a machine where a process ends meanwhile it says nothing: asked again.
            let lsns = || said("lsns", &["-n", "-t", kind.name(), "-o", "NS", "-p", &pid.to_string()]);
            let lsns = std::iter::repeat_with(lsns).take(20).find(|said| !said.trim().is_empty()).unwrap();
            assert_eq!(lsns.trim(), inode.to_string());
        }
        assert_eq!(actor.ns[&kind], Reading::Read(inode), "{kind:?}");
        assert_eq!(actor.walls[&wall].state, Built::Built, "{wall:?}");
        assert_eq!(actor.walls[&wall].actor, inode.to_string());
        let seen = actor.seen.read().unwrap();
        assert_eq!(seen.ns[&kind], Reading::Read(inode), "from inside");
        if kind != NsKind::User {
            assert_eq!(seen.owners[&kind].read(), actor.ns[&NsKind::User].read(), "{kind:?} belongs to the box");
        }
    }
    let seen = actor.seen.read().unwrap();
    let Reading::Unread(owner) = &seen.owners[&NsKind::User] else { panic!("its own owner is outside the box") };
    assert_eq!(owner.errno, Errno(libc::EPERM));
    assert_eq!(actor.walls[&Wall::Caps].state, Built::Built, "all capabilities, over less");
    assert!(actor.walls[&Wall::Caps].actor.ends_with(&format!("user:[{}]", actor.ns[&NsKind::User].read().unwrap())));
}

#[test]
fn a_process_of_a_box_is_one_row_with_two_pids() {
    let boxed = Box::new(&["-Urp", "--fork", "--mount-proc", "--kill-child"], "sleep 60 &");
    let known = boxed.known(true);
    let pid = known.pid;
    let snapshot = Sampler::new().unwrap().snapshot(vec![known]);
    let actor = &snapshot.actors["box"];
    let seen = actor.seen.read().unwrap();
    let rows = twin::processes(&snapshot.host, actor).rows;
    let first = &rows[0];
    assert_eq!((first.host.unwrap().pid, first.inside.unwrap().pid), (pid, 1));
    assert_eq!(first.key.key, Key::Process(pid));
    let sleeper = rows.iter().find(|row| row.inside.is_some_and(|one| one.name == "sleep")).unwrap();
    assert_eq!(sleeper.host.unwrap().nspid, [sleeper.host.unwrap().pid, sleeper.inside.unwrap().pid]);
    assert_eq!(seen.ids.read().unwrap().uid, 0);
    let maps = &actor.users.read().unwrap().uid_map;
    assert_eq!((maps[0].inside, maps[0].outside, maps[0].count), (0, nix::unistd::geteuid().as_raw(), 1));

    let users = twin::users(&snapshot.host, actor).users;
    let row = users.rows.iter().find(|row| row.inside.unwrap().mapped).unwrap();
    assert_eq!((row.host.unwrap().uid, row.inside.unwrap().uid), (nix::unistd::geteuid().as_raw(), 0));
}

#[test]
fn a_box_with_the_hosts_proc_sees_the_hosts_numbers() {
    let boxed = Box::new(&["-Urp", "--fork", "--kill-child"], ":");
    let known = boxed.known(true);
    let pid = known.pid;
    let snapshot = Sampler::new().unwrap().snapshot(vec![known]);
    let actor = &snapshot.actors["box"];
    let rows = twin::processes(&snapshot.host, actor).rows;
    let mine = rows.iter().find(|row| row.host.is_some_and(|one| one.pid == pid)).unwrap();
    assert_eq!(mine.inside.unwrap().pid, pid);
    assert!(mine.relevant);
}

#[test]
fn without_a_proc_each_field_says_so_and_the_calls_still_answer() {
    let boxed = Box::new(&["-Urm"], "mount -t tmpfs none /proc");
    let seen = boxed.seen();
    let Reading::Unread(why) = &seen.processes else { panic!("{:?}", seen.processes) };
    assert_eq!((why.path.as_str(), why.errno), ("/proc/self", Errno(libc::ENOENT)));
    assert!(seen.mounts.read().is_none() && seen.users.read().is_none() && seen.cgroup.read().is_none());
    assert!(seen.ns.values().all(|inode| inode.read().is_none()));
    assert_eq!(seen.uts, host().uts);
    assert_eq!(seen.ids.read().unwrap().uid, 0);
    let caps = seen.caps.read().unwrap();
    assert!(caps.effective.0 & (1 << 21) != 0, "CAP_SYS_ADMIN over its own");
    assert_eq!(seen.seccomp, Reading::Read(0));
}

#[test]
fn a_proc_made_of_ordinary_files_is_not_believed() {
    let boxed = Box::new(
        &["-Urm"],
        "mount -t tmpfs none /proc; mkdir -p /proc/self /proc/7; echo '0 0 9' > /proc/self/uid_map; \
         printf 'Name:\\tx\\nState:\\tS\\n' > /proc/7/status",
    );
    assert!(boxed.seen().processes.read().is_none());
    assert!(boxed.seen().users.read().is_none());
}

#[test]
fn mount_points_may_have_any_name() {
    let boxed = Box::new(
        &["-Urm"],
        r#"for name in 'a b' $'c\nd' $'e\tf' 'g\040h' $'\xff' 'i#j'; do
             mkdir "$DIR/$name"; mount -t tmpfs none "$DIR/$name"; done"#,
    );
    let seen = boxed.seen();
    let ends: Vec<&str> = seen.mounts.read().unwrap().iter().filter_map(|one| one.target.rsplit('/').next()).collect();
    for name in ["a b", "c\nd", "e\tf", "g\\040h", "\u{fffd}", "i#j"] {
        assert!(ends.contains(&name), "{name:?} in {ends:?}");
    }
    let own = seen.mounts.read().unwrap().iter().find(|one| one.target.ends_with("/a b")).unwrap();
    assert_eq!((own.fstype.as_str(), own.propagation.as_slice()), ("tmpfs", &[] as &[String]));
}

#[test]
fn the_names_of_users_are_those_of_the_boxs_own_passwd() {
    let boxed = Box::new(&["-Urm"], "echo 'chef:x:0:0::/:' > $DIR/passwd; mount --bind $DIR/passwd /etc/passwd");
    let seen = boxed.seen();
    assert_eq!(seen.ids.read().unwrap().user.as_deref(), Some("chef"));
    assert_eq!(seen.users.read().unwrap().names.get(&0).map(String::as_str), Some("chef"));
    assert_ne!(process(&host(), 1).unwrap().user.as_deref(), Some("chef"));
}

#[test]
fn a_passwd_that_is_a_pipe_stops_nobody() {
    let boxed = Box::new(&["-Urm"], "mkfifo $DIR/pipe; mount --bind $DIR/pipe /etc/passwd");
    assert_eq!(boxed.seen().ids.read().unwrap().user, None);
}

#[test]
fn a_chroot_is_a_wall_of_its_own() {
    let boxed = Box::new(&["-Urm"], "mkdir $DIR/root; mount --rbind / $DIR/root");
    let known = boxed.known(false);
    let plain = Sampler::new().unwrap().snapshot(vec![known]);
    assert_eq!(plain.actors["box"].walls[&Wall::Root].state, Built::Open, "a copy of the mounts, the same root");

    let jail = r#"import os; os.chroot("/usr"); os.chdir("/"); os.write(1, b"ready\n"); os.read(0, 1)"#;
    let chroot = Running::ready(Command::new("unshare").args(["-Ur", "python3", "-c", jail]));
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let walls = sampler.outside(chroot.pid(), &host).unwrap().walls;
    assert_eq!(walls[&Wall::Root].state, Built::Built, "{:?}", walls[&Wall::Root]);
    assert_eq!(walls[&Wall::Mnt].state, Built::Open);
}

#[test]
fn no_new_privs_and_a_smaller_bounding_set_are_walls() {
    let mut child = Command::new("setpriv");
    child.args(["--no-new-privs", "bash", "-c", "echo ready; read x"]);
    let child = Running::ready(&mut child);
    let host = host();
    let seen = Sampler::new().unwrap().outside(child.pid(), &host).unwrap();
    assert_eq!(seen.walls[&Wall::NoNewPrivs].state, Built::Built);
    assert_eq!(seen.walls[&Wall::NoNewPrivs].actor, "NoNewPrivs 1");
    assert_eq!(seen.seen.read().unwrap().no_new_privs, Reading::Read(true));
    assert_eq!(seen.walls[&Wall::Caps].state, Built::Open);
    if nix::unistd::geteuid().is_root() {
        let fewer = Running::ready(Command::new("setpriv").args([
            "--bounding-set=-net_raw",
            "bash",
            "-c",
            "echo ready; read x",
        ]));
        let seen = Sampler::new().unwrap().outside(fewer.pid(), &host).unwrap();
        assert_eq!(seen.walls[&Wall::Caps].state, Built::Built, "{:?}", seen.walls[&Wall::Caps]);
    }
}

#[test]
fn the_limit_of_a_cgroup_is_a_wall_and_says_which_file() {
    let trees = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
    let group = |tree: &str| Path::new(tree).join(format!("cloison-test-{}", std::process::id()));
    let Some(group) = trees.iter().map(|tree| group(tree)).find(|group| std::fs::create_dir(group).is_ok()) else {
        return skip("the_limit_of_a_cgroup_is_a_wall_and_says_which_file", "no cgroup tree to make a group in");
    };
    let child = shell(":");
    let limited = std::fs::write(group.join("pids.max"), "20").is_ok();
    let moved = std::fs::write(group.join("cgroup.procs"), child.pid().to_string()).is_ok();
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let seen = sampler.outside(child.pid(), &host);
    drop(child);
    std::fs::remove_dir(&group).unwrap();
    if limited && moved {
        let wall = &seen.unwrap().walls[&Wall::Limits];
        assert_eq!(wall.state, Built::Built, "{wall:?}");
        assert!(wall.actor.contains("pids.max 20") && wall.actor.contains("/cloison-test-"), "{wall:?}");
        assert!(wall.host.contains("pids.max max"), "{wall:?}");
    }
}

#[test]
fn a_dead_actor_is_not_looked_for_under_its_old_number() {
    let living = shell(":");
    let known = Known {
        name: "box".to_owned(),
        pid: living.pid(), // as if it were given to another process by now
        alive: false,
        exit: Some("exit 0".to_owned()),
        seen: unseen(),
        told: Sections::ALL,
        stale: Some(1),
    };
    let actor = Sampler::new().unwrap().snapshot(vec![known]).actors.remove("box").unwrap();
    assert!(actor.ns.values().all(|inode| matches!(inode, Reading::Unread(why) if why.errno == Errno(libc::ESRCH))));
    assert!(actor.walls.values().all(|wall| wall.state == Built::Unknown));
    assert_eq!((actor.exit.as_deref(), actor.stale), (Some("exit 0"), Some(1)));
}

#[test]
fn from_outside_a_box_looks_as_it_does_from_inside() {
    let started = "sleep 60 & until read name </proc/$!/comm && [ $name = sleep ]; do :; done";
    let boxed = Box::new(&["-Urpm", "--fork", "--mount-proc", "--kill-child"], started);
    let known = boxed.known(true);
    let inside = known.seen.read().unwrap();
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let actor = sampler.outside(known.pid, &host).unwrap();
    let outside = actor.seen.read().unwrap();
    assert_eq!(outside.ns, inside.ns);
    assert_eq!(outside.mounts, inside.mounts);
    assert_eq!(outside.root, inside.root);
    assert_eq!(outside.caps, inside.caps);
    assert_eq!(outside.uts, inside.uts, "the same UTS namespace as the host's");
    let (mine, theirs) = (outside.ids.read().unwrap(), inside.ids.read().unwrap());
    assert_eq!((mine.pid, mine.ppid, mine.uid, &mine.user), (1, 0, theirs.uid, &theirs.user));
    let facts = |view: &View| -> Vec<_> {
        let steady = processes(view).iter().filter(|one| one.pid == 1 || one.name == "sleep");
        steady.map(|one| (one.pid, one.ppid, one.uid, one.pid_ns, one.name.clone())).collect()
    };
    assert_eq!(facts(outside), facts(inside));
    assert_eq!(facts(outside).len(), 2);
    assert_eq!(twin::processes(&host, &actor).rows[0].key.side, Side::Host);
}

#[test]
fn a_box_in_a_box_is_below_it_from_outside() {
    let outer = Box::new(
        &["-Urpm", "--fork", "--mount-proc", "--kill-child"],
        "unshare -p --fork --kill-child sleep 60 & sleep 60 & while ! pgrep -P $! >/dev/null && ! pgrep -x sleep >/dev/null; do :; done",
    );
    let pid = outer.known(true).pid;
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let other = Box::new(&["-Urp", "--fork", "--kill-child"], ":");
    let actor = sampler.outside(pid, &host).unwrap();
    let seen = processes(actor.seen.read().unwrap());
    assert!(seen.iter().all(|one| one.pid < 1000), "all numbers are the box's: {seen:?}");
    assert!(seen.iter().any(|one| one.nspid.len() == 2 && one.nspid[1] == 1), "{seen:?}");
    drop(other);
}

#[test]
fn the_names_of_another_uts_namespace_are_not_to_be_had_from_outside() {
    let boxed = Box::new(&["-Uru"], "hostname cigale-42");
    assert_eq!(boxed.seen().uts.read().unwrap().hostname, "cigale-42");
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let actor = sampler.outside(boxed.running.pid(), &host).unwrap();
    let Reading::Unread(why) = &actor.seen.read().unwrap().uts else { panic!("read from where?") };
    assert_eq!(why.errno, Errno(libc::EOPNOTSUPP));
    assert_ne!(host.uts.read().unwrap().hostname, "cigale-42");
}

#[test]
fn what_belongs_to_somebody_else_says_so() {
    if nix::unistd::geteuid().is_root() {
        return skip("what_belongs_to_somebody_else_says_so", "needs an ordinary user");
    }
    let mut sampler = Sampler::new().unwrap();
    let host = sampler.host();
    let actor = sampler.outside(1, &host).unwrap();
    assert!(matches!(&actor.ns[&NsKind::Net], Reading::Unread(why)
        if why.errno == Errno(libc::EACCES) && why.path == "/proc/1/ns/net"));
    assert_eq!(actor.walls[&Wall::Net].state, Built::Unknown);
    assert_eq!(actor.walls[&Wall::Net].actor, "EACCES /proc/1/ns/net");
    let json = serde_json::to_value(&actor).unwrap();
    assert_eq!(json["ns"]["net"]["unread"]["errno"], "EACCES");
}

#[test]
fn the_command_prints_what_a_program_and_a_person_can_read() {
    use cloison::app::snapshot_command::run;
    use cloison::i18n::{Explain, Lang};
    // A line end, an escape sequence, and the one byte (U+009B) that begins one.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("x\n\u{1b}[2J\u{9b}1m");
    std::os::unix::fs::symlink("/bin/bash", &program).unwrap();
    let child = Running::ready(Command::new(&program).args(["-c", "echo ready; read x"]));
    let text = run(Some(child.pid()), true, Lang::En).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let named = json["host"]["processes"].as_array().unwrap().iter().find(|one| one["pid"] == child.pid()).unwrap();
    assert_eq!(named["name"], "x\n\u{1b}[2J\u{9b}1m");
    assert_eq!(json["actors"][child.pid().to_string()]["pid"], child.pid());
    assert_eq!(json["host"]["uts"]["hostname"], said("uname", &["-n"]).trim());
    for lang in Lang::ALL {
        let text = run(Some(child.pid()), false, lang).unwrap();
        assert!(text.contains("no_new_privs"));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        assert!(run(None, false, lang).unwrap().contains(said("uname", &["-r"]).trim()));
    }
    let error = run(Some(u32::MAX), true, Lang::En).unwrap_err();
    assert!(error.to_string().contains("no process 4294967295"));
    assert!(error.explain(Lang::Fr).contains("pas de processus 4294967295"));
}

/// Where the first process of a namespace's list is in it, by PID.
fn members(snapshot: &Snapshot, kind: NsKind, inode: u64) -> Vec<u32> {
    let found = snapshot.namespaces.list.iter().find(|one| (one.kind, one.inode) == (kind, inode));
    found.map(|one| one.pids.clone()).unwrap_or_default()
}

#[test]
fn every_namespace_stands_below_the_one_that_owns_it() {
    let boxed = Box::new(&["-Urpmu", "--fork", "--mount-proc", "--kill-child"], ":");
    let known = boxed.known(true);
    let pid = known.pid;
    let snapshot = Sampler::new().unwrap().snapshot(vec![known]);
    let list = &snapshot.namespaces.list;
    let ns = |kind: NsKind| *snapshot.actors["box"].ns[&kind].read().unwrap();
    let at = |inode: u64| list.iter().position(|one| one.inode == inode).unwrap();
    let user = ns(NsKind::User);
    for kind in [NsKind::Mnt, NsKind::Uts, NsKind::Pid] {
        let one = &list[at(ns(kind))];
        assert_eq!(one.owner.read(), Some(&user), "{}", kind.name());
        assert_eq!(one.depth, list[at(user)].depth + 1);
        assert!(at(user) < at(one.inode));
        assert!(members(&snapshot, kind, one.inode).contains(&pid), "{}", kind.name());
    }
    let own = *snapshot.host.ns[&NsKind::User].read().unwrap();
    assert_eq!(list[at(user)].owner.read(), Some(&own));
    assert_eq!(list[at(user)].uid, Some(nix::unistd::geteuid().as_raw()));
    assert!(list[at(own)].members > 0 && list[at(own)].depth == 0);
    // The kernel makes each once.
    let inodes: std::collections::BTreeSet<u64> = list.iter().map(|one| one.inode).collect();
    assert_eq!(inodes.len(), list.len());
}

#[test]
fn a_namespace_is_gone_from_the_list_with_the_last_process_and_a_new_one_is_found() {
    let mut sampler = Sampler::new().unwrap();
    let first = Box::new(&["-Uru", "--fork", "--kill-child"], ":");
    let known = first.known(true);
    let before = sampler.snapshot(vec![known.clone()]);
    let uts = *before.actors["box"].ns[&NsKind::Uts].read().unwrap();
    assert_eq!(members(&before, NsKind::Uts, uts).last(), Some(&known.pid));
    drop(first);
    let after = sampler.snapshot(Vec::new());
    assert!(!members(&after, NsKind::Uts, uts).contains(&known.pid));
    let second = Box::new(&["-Uru", "--fork", "--kill-child"], ":");
    let known = second.known(true);
    let later = sampler.snapshot(vec![known.clone()]);
    let uts = *later.actors["box"].ns[&NsKind::Uts].read().unwrap();
    assert!(members(&later, NsKind::Uts, uts).contains(&known.pid));
}
