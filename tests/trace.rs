//! The tracer on the real kernel: what it tells of a command's system calls, and that
//! nothing stays stopped, orphaned or unbounded. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloison::app::stage::Stage;
use cloison::i18n::Lang;
use cloison::kernel::process::{Exit, pidfd_kill, pidfd_open};
use cloison::kernel::{Traced, TracedCall};
use cloison::lab::client::Launch;
use cloison::lab::protocol::Ran;
use cloison::lab::{Lab, Options, Program};
use cloison::lesson::Values;
use cloison::lesson::answers::Answers;
use cloison::lesson::library::Library;
use cloison::lesson::op::{MapKind, NsKind, Op};

use support::lab::lab;
use support::left::Left;

fn box_in(kinds: &[NsKind]) -> Lab {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    if !kinds.is_empty() {
        let op = Op::Unshare { kinds: kinds.to_vec(), map: Some(MapKind::Root) };
        assert_eq!(lab.perform("box", &op).unwrap().failure, None);
    }
    lab
}

fn run(lab: &mut Lab, argv: &[&str]) -> (Ran, Traced) {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    let seconds = u32::try_from(support::slow::seconds(30).as_secs()).unwrap();
    let op = Op::Run { argv, seconds, background: false, trace: true };
    let performed = lab.perform("box", &op).unwrap();
    assert_eq!(performed.failure, None, "{:#?}", performed.calls);
    (performed.ran.unwrap(), seen(lab))
}

fn seen(lab: &mut Lab) -> Traced {
    lab.traced("box", Duration::from_secs(10)).unwrap().expect("an answer in time")
}

fn lines(traced: &Traced) -> Vec<String> {
    traced.calls.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn has(traced: &Traced, wanted: &str) {
    let lines = lines(traced);
    assert!(lines.iter().any(|line| line.contains(wanted)), "no {wanted:?} in {lines:#?}");
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + support::slow::seconds(15);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A shell in the box on a terminal, and its keyboard.
fn shell(lab: &mut Lab) -> (Launch, File) {
    let launch = lab.launch("box", Program::LineShell(Lang::En), Some((24, 80))).unwrap();
    let keyboard = File::from(launch.fd.try_clone().unwrap());
    // Its output is read by nobody else, and must not fill up.
    let mut output = keyboard.try_clone().unwrap();
    std::thread::spawn(move || while matches!(output.read(&mut [0; 4096]), Ok(count) if count > 0) {});
    (launch, keyboard)
}

fn call<'a>(traced: &'a Traced, program: &str, name: &str) -> Option<&'a TracedCall> {
    traced.calls.iter().find(|call| call.program == program && call.name == name)
}

#[test]
fn a_commands_calls_are_told_with_arguments_results_and_errno() {
    for kinds in [&[][..], &[NsKind::User, NsKind::Pid]] {
        let mut lab = box_in(kinds);
        let (ran, traced) = run(&mut lab, &["cat", "/etc/passwd", "/etc/passwd/nowhere", "/"]);
        assert_eq!(ran.exit, Some(Exit::Code(1)));
        has(&traced, r#"openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3"#);
        has(&traced, r#"openat(AT_FDCWD, "/etc/passwd/nowhere", O_RDONLY) = -1 ENOTDIR"#);
        has(&traced, r#"openat(AT_FDCWD, "/", O_RDONLY) = 3"#);
        has(&traced, "= -1 EISDIR");
        has(&traced, "exit_group(1) = ?");
        let read = traced.calls.iter().find(|call| call.name == "read" && call.args[1].starts_with("\"root:"));
        assert_eq!(read.unwrap().args[0], "3");
        assert!(traced.calls.iter().all(|call| call.program == "cat"));
        assert!(!traced.on);
    }
}

#[test]
fn forks_threads_and_execs_are_followed_and_what_they_leave_runs_on_untraced() {
    let mut lab = box_in(&[]);
    let script = "sh -c 'hostname >/dev/null; sleep 1000 & echo $!'; (cd / && exec true); true";
    let (ran, traced) = run(&mut lab, &["sh", "-c", script]);
    assert_eq!(ran.exit, Some(Exit::Code(0)));
    has(&traced, r#"chdir("/") = 0"#);
    assert!(call(&traced, "hostname", "uname").is_some(), "{:#?}", lines(&traced));
    let sleeper: u32 = String::from_utf8(ran.output).unwrap().trim().parse().unwrap();
    // Nobody traces it now, and it is not stopped.
    wait_until("it is let go", || {
        let status = std::fs::read_to_string(format!("/proc/{sleeper}/status")).unwrap();
        status.contains("TracerPid:\t0\n") && status.contains("State:\tS")
    });
    drop(lab);
    wait_until("it ends with the lab", || !PathBuf::from(format!("/proc/{sleeper}")).exists());
}

#[test]
fn a_command_with_very_many_calls_keeps_the_last_and_counts_the_rest() {
    let mut lab = box_in(&[]);
    let (ran, traced) = run(&mut lab, &["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=4000"]);
    assert_eq!(ran.exit, Some(Exit::Code(0)));
    assert!(traced.total > 8_000, "{}", traced.total);
    assert_eq!(traced.left_out + traced.calls.len() as u64, traced.total);
    assert_eq!(traced.calls.len(), 256);
    has(&traced, "exit_group(0) = ?");
}

#[test]
fn runs_one_after_the_other_are_listed_together_until_they_are_to_be_forgotten() {
    let mut lab = box_in(&[]);
    let (_, first) = run(&mut lab, &["cat", "/proc/nowhere1"]);
    let (_, both) = run(&mut lab, &["cat", "/proc/nowhere2"]);
    has(&both, "\"/proc/nowhere1\"");
    has(&both, "\"/proc/nowhere2\"");
    assert!(both.total > first.total);
    assert_eq!(both.calls[..first.calls.len()], first.calls);
    lab.trace("box", false).unwrap();
    assert_eq!(seen(&mut lab), Traced::default());
}

#[test]
fn commands_of_a_shell_are_traced_when_asked_for_and_no_longer_than_that() {
    let before = Left::now();
    for kinds in [&[][..], &[NsKind::User, NsKind::Mnt]] {
        let mut lab = box_in(kinds);
        let (_launch, mut keyboard) = shell(&mut lab);
        lab.trace("box", true).unwrap();
        // A shell that is there already, and one that comes later.
        let (_other, mut second) = shell(&mut lab);
        for (keyboard, path) in [(&mut keyboard, "/proc/nowhere1"), (&mut second, "/proc/nowhere2")] {
            writeln!(keyboard, "cat {path}").unwrap();
            let mut now = Traced::default();
            wait_until("the call is listed", || {
                now = seen(&mut lab);
                lines(&now).iter().any(|line| line.contains(path) && line.contains("ENOENT"))
            });
            assert!(now.on);
            has(&now, "execve(\"/usr/bin/cat\"");
            // The shell's own line editing and job control are not the command's.
            assert!(call(&now, "bash", "rt_sigprocmask").is_none(), "{:#?}", lines(&now));
        }
        writeln!(keyboard, "echo > /proc").unwrap();
        wait_until("the redirection is listed", || {
            lines(&seen(&mut lab)).iter().any(|line| line.contains("\"/proc\"") && line.contains("EISDIR"))
        });
        // One that sleeps in a call when the tracing ends, and one that comes after it.
        writeln!(keyboard, "sleep 999 &").unwrap();
        wait_until("it sleeps", || seen(&mut lab).calls.iter().any(|call| call.name == "clock_nanosleep"));
        lab.trace("box", false).unwrap();
        writeln!(keyboard, "cat /proc/nowhere3; sleep 1000 & echo > /dev/null").unwrap();
        wait_until("both run, untraced", || {
            let untraced = children_named(&lab, "sleep");
            untraced.len() == 2 && untraced.iter().all(|status| status.contains("TracerPid:\t0\n"))
        });
        let now = seen(&mut lab);
        assert_eq!((now.on, now.calls.len(), now.total), (false, 0, 0));
    }
    before.assert_same();
}

/// The status of the lab's processes of this name.
fn children_named(lab: &Lab, name: &str) -> Vec<String> {
    let marker = std::fs::read(format!("/proc/{}/environ", lab.keeper())).unwrap();
    let marker = marker.split(|byte| *byte == 0).find(|pair| pair.starts_with(b"CLOISON_LAB=")).unwrap().to_vec();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|pair| pair == marker)
            && status.starts_with(&format!("Name:\t{name}\n"))
        {
            found.push(status);
        }
    }
    found
}

#[test]
fn a_traced_command_that_blocks_is_shown_as_under_way_and_can_be_interrupted() {
    let mut lab = box_in(&[]);
    lab.trace("box", true).unwrap();
    let (_launch, mut keyboard) = shell(&mut lab);
    writeln!(keyboard, "sleep 1000").unwrap();
    wait_until("it is under way", || {
        seen(&mut lab).calls.iter().any(|call| call.name == "clock_nanosleep" && call.result.is_none())
    });
    // Ctrl-Z and Ctrl-C do what they do without a tracer.
    keyboard.write_all(b"\x1a").unwrap();
    // `t`: stopped, and traced.
    wait_until("it is stopped", || children_named(&lab, "sleep").iter().any(|status| status.contains("State:\tt")));
    writeln!(keyboard, "fg").unwrap();
    wait_until("it goes on", || children_named(&lab, "sleep").iter().any(|status| status.contains("State:\tS")));
    keyboard.write_all(b"\x03").unwrap();
    wait_until("it is interrupted", || children_named(&lab, "sleep").is_empty());
    writeln!(keyboard, "cat /proc/nowhere").unwrap();
    wait_until("the shell goes on", || lines(&seen(&mut lab)).iter().any(|line| line.contains("/proc/nowhere")));
}

#[test]
fn the_end_of_the_tracer_is_the_end_of_what_it_traces() {
    let mut lab = box_in(&[]);
    lab.trace("box", true).unwrap();
    let (_launch, mut keyboard) = shell(&mut lab);
    writeln!(keyboard, "setsid -f sleep 1000; setsid -f sh -c 'while :; do :; done'").unwrap();
    wait_until("both run", || {
        !children_named(&lab, "sleep").is_empty()
            && children_named(&lab, "sh").iter().any(|one| one.contains("State:\tR"))
    });
    let pid = lab.actors().iter().find(|actor| actor.name == "box").unwrap().pid;
    pidfd_kill(&pidfd_open(pid).unwrap(), 9).unwrap();
    wait_until("all are gone", || ["sleep", "sh", "bash"].iter().all(|name| children_named(&lab, name).is_empty()));
}

#[test]
fn the_tracer_answers_while_a_command_makes_calls_without_end() {
    let mut lab = box_in(&[]);
    lab.trace("box", true).unwrap();
    let (launch, mut keyboard) = shell(&mut lab);
    writeln!(keyboard, "dd if=/dev/zero of=/dev/null bs=1").unwrap();
    wait_until("it is at work", || seen(&mut lab).total > 5_000);
    for _ in 0..5 {
        let start = Instant::now();
        assert!(lab.view("box", &[], Duration::from_secs(5)).unwrap().is_some());
        assert!(start.elapsed() < support::slow::seconds(2), "{:?}", start.elapsed());
    }
    lab.end(launch.id).unwrap();
    wait_until("its end is known", || {
        lab.listen().unwrap();
        lab.ended(launch.id) == Some(Exit::Signal(9))
    });
}

#[test]
fn going_back_lists_the_calls_of_the_step_again_and_none_of_those_before_it() {
    let library = Library::open(None).unwrap();
    let lesson = Arc::new(library.get("syscall").unwrap());
    let to = lesson.steps.iter().position(|step| step.id == "read").unwrap();
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    let mut stage =
        Stage::open(Arc::clone(&lesson), Values::new(&lesson, "ana"), Options { program, ..Options::default() })
            .unwrap();
    let files = |stage: &mut Stage| {
        let snapshot = stage.snapshot().unwrap();
        let (all, calls) = (snapshot.traced["box"].total, &snapshot.traced["box"].calls);
        let opened = calls.iter().filter(|call| call.name == "openat");
        (all, opened.map(|call| call.args[1].clone()).collect::<Vec<_>>())
    };
    for step in 0..=to {
        stage.perform(step).unwrap();
    }
    let before = files(&mut stage);
    assert!(before.1.iter().any(|name| name.contains("/etc/passwd")), "{before:?}");
    stage.rebuild(to, &Answers::default()).unwrap();
    assert_eq!(files(&mut stage), before);
    stage.rebuild(to + 1, &Answers::default()).unwrap();
    assert!(!files(&mut stage).1.iter().any(|name| name.contains("/etc/passwd")));
}
