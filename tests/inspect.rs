//! `cloison inspect` on real containers: those that unshare(1) makes, and one in a
//! cgroup that bears an engine's name. Run as root and as an ordinary user.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail like the test")]

#[path = "support/skip.rs"]
mod skip;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cloison::i18n::{Explain, Lang};
use cloison::lesson::op::NsKind;
use cloison::observe::census::Evidence;
use cloison::observe::{Census, Container, Errno, Reading, Refusal, Sampler, Veil};
use serde_json::Value;
use skip::skip;

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

    /// A shell script in what unshare(1) makes with these flags.
    fn boxed(flags: &[&str], script: &str) -> Self {
        let script = format!("{script}\necho ready; read x");
        Self::ready(Command::new("unshare").args(flags).args(["bash", "-c", &script]))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its child, which is the box where unshare(1) forks.
    fn child(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        std::fs::read_to_string(children).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Running {
    /// Waits for the box, too, which ends a moment after the unshare that made it.
    fn drop(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let boxes = std::fs::read_to_string(children).unwrap_or_default();
        let _ = self.0.kill();
        let _ = self.0.wait();
        let deadline = Instant::now() + Duration::from_secs(10);
        while boxes.split_whitespace().any(lives) && Instant::now() < deadline {
            std::thread::yield_now();
        }
    }
}

/// Whether a process is there and has not ended, proc_pid_stat(5).
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|after| !after.is_empty() && !after.starts_with(['Z', 'X']))
}

const ALL: &[&str] = &["-UrmuinpCT", "--fork", "--mount-proc", "--kill-child"];

fn cloison(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloison"));
    command.args(args).args(["--lang", "en"]).env_remove("COLUMNS").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = cloison(args);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn census() -> Census {
    Sampler::new().unwrap().take_census().unwrap()
}

fn of(census: &Census, pid: u32) -> Option<&Container> {
    census.containers.iter().find(|one| one.processes.iter().any(|each| each.pid == pid))
}

fn root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn a_box_is_listed_with_its_walls_and_who_made_it() {
    let boxed = Running::boxed(ALL, "sleep 60 &");
    let first = boxed.child();
    let list = json(&["inspect", "--list", "--json"]);
    assert_eq!(list["format"], 1);
    let containers = list["containers"].as_array().unwrap();
    let one = containers.iter().find(|one| one["first"] == first).unwrap();
    assert_eq!(one["apart"], serde_json::json!(["user", "mnt", "uts", "ipc", "pid", "net", "cgroup", "time"]));
    let pids: Vec<u64> = one["processes"].as_array().unwrap().iter().map(|one| one["pid"].as_u64().unwrap()).collect();
    assert_eq!(pids.len(), 3, "the shell, what it started, and the unshare that waits: {one}");
    assert!(pids.contains(&u64::from(boxed.pid())));
    assert_eq!(one["mixed"], serde_json::json!(["pid", "time"]), "for the unshare that waits these are the host's");
    assert_eq!(one["engine"]["name"], "unshare");
    assert_eq!(one["engine"]["evidence"]["process"]["pid"], boxed.pid());
    let inode = std::fs::read_link(format!("/proc/{first}/ns/net")).unwrap();
    assert_eq!(format!("net:[{}]", one["ns"]["net"]), inode.to_string_lossy());
    assert!(containers.iter().all(|one| one["first"] != std::process::id()), "the reader is the host");

    let lines = text(&cloison(&["inspect", "--list"]).stdout);
    let row = lines.lines().find(|line| line.starts_with(&format!("{first} "))).unwrap();
    assert!(row.contains("user mnt uts ipc pid net cgroup time  unshare"), "{row}");
    drop(boxed);
    assert!(of(&census(), first).is_none(), "and when it is gone it is not");
}

#[test]
fn what_is_in_all_of_the_hosts_namespaces_is_only_counted() {
    let plain = Running::ready(Command::new("bash").args(["-c", "echo ready; read x"]));
    let census = census();
    assert!(of(&census, plain.pid()).is_none());
    assert!(of(&census, std::process::id()).is_none());
    assert!(census.alike >= 2);
}

#[test]
fn the_host_is_where_the_reader_is() {
    // Inside of a box its own processes are the host, and nobody else is there.
    let exe = env!("CARGO_BIN_EXE_cloison");
    let output = Command::new("unshare").args(ALL).args([exe, "inspect", "--list", "--json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list["containers"], serde_json::json!([]), "{output:?}");
    assert_eq!(list["reader"], 1);
}

#[test]
fn a_box_in_a_box_stands_behind_the_one_that_it_is_inside_of() {
    let outer = Running::boxed(
        ALL,
        "unshare -p --fork --kill-child sleep 60 & \
         while ! pgrep -P $(pgrep -xn unshare) >/dev/null; do :; done",
    );
    let first = outer.child();
    let census = census();
    let at = census.containers.iter().position(|one| one.first == first).unwrap();
    let inner = &census.containers[at + 1];
    assert_eq!((inner.inside, inner.depth), (Some(first), census.containers[at].depth + 1), "{inner:?}");
    assert_eq!(inner.process().unwrap().nspid.len(), census.containers[at].process().unwrap().nspid.len() + 1);
    let shared = inner.shared.get(&NsKind::Net).unwrap();
    assert_eq!(shared, &[first], "one network, two PID namespaces");
}

#[test]
fn a_parent_that_bears_an_engines_name_is_named_as_the_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let shim = dir.path().join("containerd-shim-runc-v2");
    std::os::unix::fs::symlink("/bin/bash", &shim).unwrap();
    let script = "unshare -Urm bash -c 'echo ready; read x'; true";
    let made = Running::ready(Command::new(&shim).args(["-c", script]));
    let census = census();
    let one = of(&census, made.child()).unwrap();
    let engine = one.engine.as_ref().unwrap();
    assert_eq!(engine.name, "containerd");
    assert_eq!(engine.evidence, Evidence::Process { pid: made.pid(), name: "containerd-shim".to_owned() });
}

#[test]
fn the_engine_and_its_id_are_read_from_the_cgroup() {
    const ID: &str = "3f2a9c01d5e6b7f8a90b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f607";
    let trees = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
    let group = |tree: &str| Path::new(tree).join(format!("docker-{ID}.scope"));
    let Some(group) = trees.iter().map(|tree| group(tree)).find(|group| std::fs::create_dir(group).is_ok()) else {
        return skip("the_engine_and_its_id_are_read_from_the_cgroup", "no cgroup tree to make a group in");
    };
    let boxed = Running::boxed(&["-Urm"], "");
    let moved = std::fs::write(group.join("cgroup.procs"), boxed.pid().to_string()).is_ok();
    let (census, lines) = (census(), text(&cloison(&["inspect", "--list"]).stdout));
    let pid = boxed.pid();
    drop(boxed);
    std::fs::remove_dir(&group).unwrap();
    if moved {
        let engine = of(&census, pid).unwrap().engine.clone().unwrap();
        assert_eq!((engine.name.as_str(), engine.id.as_deref()), ("Docker", Some(ID)));
        assert!(lines.contains("Docker 3f2a9c01d5e6 "), "{lines}");
        assert!(lines.contains(&format!("its cgroup is /docker-{ID}.scope")), "{lines}");
    }
}

#[test]
fn an_ordinary_user_is_told_what_could_not_be_compared() {
    if root() {
        return skip("an_ordinary_user_is_told_what_could_not_be_compared", "needs an ordinary user");
    }
    let census = census();
    assert!(census.unread > 0, "root's processes");
    let lines = text(&cloison(&["inspect", "--list"]).stdout);
    assert!(lines.contains("could not be compared") && lines.contains("use sudo"), "{lines}");
}

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let mut evil = Command::new("unshare");
    evil.args([
        "-Urm",
        "bash",
        "-c",
        "exec -a \"$0\" bash -c 'printf \"x\\033[2J\" >/proc/$$/comm; echo ready; read x'",
    ]);
    evil.arg(OsStr::from_bytes(b"ev\x1b]0;il\n\xff\xe2\x80\xae"));
    let evil = Running::ready(&mut evil);
    let pid = evil.pid().to_string();
    for args in [&["inspect", "--list"][..], &["inspect", &pid, "--plain"]] {
        let lines = text(&cloison(args).stdout);
        assert!(lines.contains("ev␛]0;il␊"), "{lines}");
        assert!(!lines.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{lines:?}");
    }
}

#[test]
fn a_process_is_seen_from_inside_and_from_outside() {
    let boxed = Running::boxed(ALL, "hostname cigale-42; cd /; sleep 60 &");
    let pid = boxed.child();
    let seen = json(&["inspect", &pid.to_string(), "--json"]);
    let actor = &seen["actors"][pid.to_string()];
    assert_eq!(actor["pid"], pid);
    assert_eq!(actor["seen"]["uts"]["hostname"], "cigale-42", "only one in the namespace can say that");
    assert_eq!(actor["seen"]["ids"]["pid"], 1);
    assert_eq!(actor["walls"]["net"]["state"], "built");
    let inside = actor["seen"]["processes"].as_array().unwrap();
    assert_eq!(inside.len(), 2, "the observer is none of them: {inside:?}");
    assert_ne!(seen["host"]["uts"]["hostname"], "cigale-42");

    let lines = text(&cloison(&["inspect", &pid.to_string(), "--plain"]).stdout);
    for words in ["box cigale-42", "box PID 1 ", "net stands", "Made by: unshare"] {
        assert!(lines.contains(words), "{words}: {lines}");
    }
    assert!(!lines.contains("outside only"), "{lines}");
}

#[test]
fn the_groups_of_a_process_come_with_what_their_files_say() {
    let process = Running::ready(Command::new("bash").args(["-c", "echo ready; read x"]));
    let pid = process.pid().to_string();
    let seen = json(&["inspect", &pid, "--json"]);
    let group = &seen["cgroups"]["groups"][&pid];
    let paths = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let at = group["at"].as_object().unwrap();
    for (controller, at) in at {
        assert!(
            paths.lines().any(|line| line.ends_with(&format!(":{}", at["path"].as_str().unwrap()))),
            "{controller}"
        );
    }
    let lines = text(&cloison(&["--plain", "inspect", &pid]).stdout);
    assert!(lines.contains("Control groups; the box is"), "{lines}");
    // What can be read of them depends on the machine; that it is read live does not.
    if let Some(pids) = group["files"]["pids.current"]["number"].as_u64() {
        assert!(pids > 0 && lines.contains("pids.current: "), "{lines}");
    }
    assert!(at.is_empty() || lines.contains(&format!("group {pid}: ")), "{lines}");
}

#[test]
fn nothing_of_an_inspection_stays() {
    let boxed = Running::boxed(ALL, "");
    let pid = boxed.child().to_string();
    let mark = format!("inspect-{}", std::process::id());
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloison"));
    let output = command.args(["inspect", &pid, "--json"]).env("CLOISON_TEST", &mark).output().unwrap();
    assert!(output.status.success());
    let entry = format!("CLOISON_TEST={mark}");
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|dir| {
        std::fs::read(dir.path().join("environ"))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|one| one == entry.as_bytes()))
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_number_that_is_no_process_is_refused_with_the_reason() {
    let refused = |pid: &str, code: i32, words: &str| {
        for form in ["--plain", "--json"] {
            let output = cloison(&["inspect", pid, form]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(output.stdout.is_empty() && said.contains(words), "{said}");
        }
    };
    refused("4294967295", 1, "There is no process 4294967295 here");
    refused("0", 2, "0");
    refused("x1", 2, "x1");

    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(nix::unistd::gettid()).unwrap();
        let _ = ended.recv();
    });
    let tid = told.recv().unwrap().to_string();
    refused(&tid, 1, &format!("{tid} is a thread of process {}", std::process::id()));
    drop(end);
    thread.join().unwrap();

    let mut zombie = Command::new("true").spawn().unwrap();
    let id = nix::sys::wait::Id::Pid(nix::unistd::Pid::from_raw(zombie.id().cast_signed()));
    nix::sys::wait::waitid(id, nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT).unwrap();
    refused(&zombie.id().to_string(), 1, &format!("its parent, process {}", std::process::id()));
    zombie.wait().unwrap();

    if std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
        refused("2", 1, "2 (kthreadd) is a thread of the kernel itself");
    } else {
        skip("a_number_that_is_no_process_is_refused_with_the_reason", "no kernel thread in view");
    }
}

#[test]
fn refusals_are_said_in_both_languages() {
    let mut sampler = Sampler::new().unwrap();
    let refused = sampler.subject(u32::MAX).unwrap_err();
    assert_eq!(refused.why, Refusal::Nobody);
    assert!(refused.explain(Lang::Fr).contains("Il n'y a pas de processus 4294967295"));
}

#[test]
fn another_users_process_is_shown_as_far_as_the_kernel_shows_it() {
    if root() {
        return skip("another_users_process_is_shown_as_far_as_the_kernel_shows_it", "needs an ordinary user");
    }
    let output = cloison(&["inspect", "1", "--plain"]);
    let lines = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(lines.contains("Process 1 is closed to you: /proc/1/ns/user: EACCES"), "{lines}");
    assert!(lines.contains("sudo cloison inspect 1"), "{lines}");
    let actor = &json(&["inspect", "1", "--json"])["actors"]["1"];
    assert_eq!(actor["ns"]["net"]["unread"]["errno"], "EACCES");
    assert!(actor["seen"]["caps"]["effective"]["count"].is_u64(), "status is for everybody: {actor}");
}

#[test]
fn once_it_has_ended_its_last_view_stays_as_of_when_it_was_taken() {
    let boxed = Running::boxed(ALL, "");
    let pid = boxed.child();
    let mut sampler = Sampler::new().unwrap();
    let mut subject = sampler.subject(pid).unwrap();
    let living = sampler.inspect(&mut subject, || None);
    assert!(living.actors[&pid.to_string()].alive);
    drop(boxed);
    let mut last = living.actors[&pid.to_string()].clone();
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = loop {
        let now = sampler.inspect(&mut subject, || None);
        let actor = now.actors[&pid.to_string()].clone();
        if !actor.alive {
            assert!(actor.stale.unwrap() <= now.taken);
            break actor;
        }
        assert!(Instant::now() < deadline, "it is dead");
        last = actor;
    };
    assert!(!subject.alive());
    assert_eq!((&ended.ns, &ended.seen, &ended.walls), (&last.ns, &last.seen, &last.walls));
    let refused = sampler.subject(pid).unwrap_err().why;
    assert!(matches!(refused, Refusal::Nobody | Refusal::Zombie { .. }), "{refused:?}");
}

#[test]
fn a_process_that_dies_while_it_is_looked_at_is_not_mixed_with_another() {
    let boxed = Running::boxed(ALL, "");
    let pid = boxed.child();
    let mut sampler = Sampler::new().unwrap();
    let mut subject = sampler.subject(pid).unwrap();
    let before = sampler.inspect(&mut subject, || None).actors[&pid.to_string()].clone();
    let other = Sampler::new().unwrap().host();
    let mut boxed = Some(boxed);
    // It ends after it was looked at from outside; what an observer then brings by its
    // number is of nobody knows whom.
    let after = sampler.inspect(&mut subject, || {
        drop(boxed.take());
        while Path::new(&format!("/proc/{pid}/stat")).exists() {}
        Some(other)
    });
    let after = &after.actors[&pid.to_string()];
    assert!(!after.alive);
    assert_eq!((&after.seen, &after.ns), (&before.seen, &before.ns));
}

#[test]
fn what_is_only_seen_from_outside_says_why() {
    let boxed = Running::boxed(&["-Uru"], "hostname cigale-42");
    let mut sampler = Sampler::new().unwrap();
    let mut subject = sampler.subject(boxed.pid()).unwrap();
    let snapshot = sampler.inspect(&mut subject, || None);
    let actor = &snapshot.actors[&boxed.pid().to_string()];
    let Some(Veil::Outside(why)) = Veil::of(actor, &snapshot.host) else { panic!("{actor:?}") };
    assert_eq!(why.errno, Errno(libc::EOPNOTSUPP));
    assert!(matches!(actor.seen.read().unwrap().processes, Reading::Read(_)));
}
