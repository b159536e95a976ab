//! Seccomp filters and Landlock on the real kernel: what an actor puts on itself, what
//! its programs meet then, and `cloison-run`. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use cloison::kernel::process::Exit;
use cloison::kernel::{Errno, Filters};
use cloison::lab::Lab;
use cloison::lab::helper::RUN;
use cloison::lab::protocol::{Performed, Ran};
use cloison::lesson::op::{LandlockOp, MapKind, MountFlag, NsKind, Op, SeccompOp};
use cloison::observe::filters;

use support::lab::lab;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A box that is root in namespaces of its own, with an empty /tmp.
fn boxed() -> Lab {
    let mut lab = lab();
    lab.helper(RUN).unwrap();
    lab.spawn("box").unwrap();
    done(&mut lab, &Op::Unshare { kinds: vec![NsKind::User, NsKind::Mnt, NsKind::Uts], map: Some(MapKind::Root) });
    let mount = Op::Mount {
        fstype: "tmpfs".to_owned(),
        source: "tmpfs".to_owned(),
        target: "/mnt".to_owned(),
        flags: vec![MountFlag::Nosuid],
        data: "mode=1777".to_owned(),
    };
    done(&mut lab, &mount);
    lab
}

fn perform(lab: &mut Lab, op: &Op) -> Performed {
    lab.perform("box", op).unwrap()
}

#[track_caller]
fn done(lab: &mut Lab, op: &Op) -> Performed {
    let performed = perform(lab, op);
    assert_eq!(performed.failure, None, "{:#?}", performed.calls);
    performed
}

#[track_caller]
fn errno(lab: &mut Lab, op: &Op) -> Option<String> {
    perform(lab, op).failure.map(|(errno, _)| errno.symbol())
}

fn refuse(calls: &[&str], with: &str) -> Op {
    Op::Seccomp(SeccompOp::Refuse { calls: words(calls), with: with.to_owned() })
}

fn mkdir(path: &str) -> Op {
    Op::Mkdir { path: path.to_owned() }
}

fn run(lab: &mut Lab, argv: &[&str]) -> Ran {
    let seconds = u32::try_from(support::slow::seconds(20).as_secs()).unwrap();
    done(lab, &Op::Run { argv: words(argv), seconds, background: false, trace: false }).ran.unwrap()
}

fn output(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.output).into_owned()
}

fn filters_of(lab: &mut Lab, actor: &str) -> Filters {
    lab.filters(actor, Duration::from_secs(10)).unwrap().expect("an answer in time")
}

/// `Seccomp` and `Seccomp_filters` of what runs in the box.
fn modes(lab: &mut Lab, by: &[&str]) -> String {
    let argv = [by, &["grep", "^Seccomp", "/proc/self/status"]].concat();
    output(&run(lab, &argv)).split_ascii_whitespace().filter(|word| !word.ends_with(':')).collect::<Vec<_>>().join(" ")
}

/// How many filters everything here has already.
fn before(lab: &mut Lab) -> u32 {
    modes(lab, &[]).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_filter_answers_with_the_errno_that_it_is_told_to_and_stays() {
    let mut lab = boxed();
    let filters_before = before(&mut lab);
    let installed = done(&mut lab, &refuse(&["sethostname"], "ENOSPC"));
    let names: Vec<String> = installed.calls.iter().map(|call| call.name.clone()).collect();
    assert_eq!(names, ["prctl", "seccomp"]);
    assert_eq!(errno(&mut lab, &Op::Hostname { name: "brume".to_owned() }).as_deref(), Some("ENOSPC"));
    // Nor does a new user namespace take it off, which gives all capabilities.
    done(&mut lab, &Op::Unshare { kinds: vec![NsKind::User, NsKind::Uts], map: None });
    assert_eq!(errno(&mut lab, &Op::Hostname { name: "brume".to_owned() }).as_deref(), Some("ENOSPC"));
    // What it starts has it, too.
    assert_eq!(modes(&mut lab, &[]), format!("2 {}", filters_before + 1));
    let told = filters_of(&mut lab, "box");
    let number = filters::compared(&told.programs[0])[0];
    assert_eq!(filters::name_of(number), "sethostname");
    assert_eq!(filters::way(&told.programs[0], Some(number)).unwrap().1.to_string(), "ERRNO ENOSPC");
}

#[test]
fn of_two_filters_the_stricter_answer_counts() {
    let mut lab = boxed();
    done(&mut lab, &refuse(&["mkdir", "mkdirat"], "EACCES"));
    done(&mut lab, &refuse(&["mkdir", "mkdirat"], "log"));
    assert_eq!(errno(&mut lab, &mkdir("/mnt/a")).as_deref(), Some("EACCES"));
    assert_eq!(filters_of(&mut lab, "box").programs.len(), 2);
    // A child has them, too, and can tell.
    done(&mut lab, &Op::Fork { child: "child".to_owned() });
    assert_eq!(filters_of(&mut lab, "child").programs.len(), 2);
}

#[test]
fn an_errno_of_zero_is_a_success_that_isnt_one() {
    let mut lab = boxed();
    done(&mut lab, &refuse(&["mkdir", "mkdirat"], "0"));
    assert_eq!(run(&mut lab, &["mkdir", "/mnt/lie"]).exit, Some(Exit::Code(0)));
    assert_ne!(run(&mut lab, &["test", "-d", "/mnt/lie"]).exit, Some(Exit::Code(0)));
}

#[test]
fn kill_ends_the_program_that_calls_and_not_the_actor() {
    for with in ["kill", "trap", "kill-thread"] {
        let mut lab = boxed();
        done(&mut lab, &refuse(&["mkdir", "mkdirat"], with));
        assert_eq!(run(&mut lab, &["mkdir", "/mnt/x"]).exit, Some(Exit::Signal(libc::SIGSYS)), "{with}");
        assert_eq!(run(&mut lab, &["true"]).exit, Some(Exit::Code(0)), "{with}");
    }
}

#[test]
fn the_actor_is_asked_and_its_answer_is_what_the_program_gets() {
    for (answer, exit) in [("EROFS", 1), ("continue", 0)] {
        let mut lab = boxed();
        done(&mut lab, &Op::Seccomp(SeccompOp::Ask { calls: words(&["mkdir", "mkdirat"]), answer: answer.to_owned() }));
        let ran = run(&mut lab, &["mkdir", "/mnt/asked"]);
        assert_eq!(ran.exit, Some(Exit::Code(exit)), "{answer}: {}", output(&ran));
        let told = filters_of(&mut lab, "box");
        assert_eq!(told.total, 1);
        let asked = &told.asked[0];
        assert!(asked.name.starts_with("mkdir") && asked.args.iter().any(|arg| arg == "\"/mnt/asked\""), "{asked:?}");
        assert_eq!(filters::answer(asked.errno), answer);
        let there = run(&mut lab, &["test", "-d", "/mnt/asked"]).exit == Some(Exit::Code(0));
        assert_eq!(there, answer == "continue");
    }
}

#[test]
fn a_filter_that_would_silence_the_actor_is_refused() {
    let mut lab = boxed();
    let allow = Op::Seccomp(SeccompOp::Allow { calls: words(&["read", "write"]), otherwise: "EPERM".to_owned() });
    assert_eq!(errno(&mut lab, &allow).as_deref(), Some("EDEADLK"));
    assert_eq!(errno(&mut lab, &refuse(&["sendmsg"], "kill")).as_deref(), Some("EDEADLK"));
    let ask = Op::Seccomp(SeccompOp::Ask { calls: words(&["execve"]), answer: "continue".to_owned() });
    assert_eq!(errno(&mut lab, &ask).as_deref(), Some("EDEADLK"));
    assert_eq!(errno(&mut lab, &refuse(&["no_such_call"], "EPERM")).as_deref(), Some("ENOSYS"));
    assert_eq!(run(&mut lab, &["true"]).exit, Some(Exit::Code(0)));
}

#[test]
fn under_podmans_own_profile_an_actor_still_answers() {
    let path = "/usr/share/containers/seccomp.json";
    if !std::path::Path::new(path).exists() {
        return support::skip::skip("under_podmans_own_profile_an_actor_still_answers", "no containers-common here");
    }
    let mut lab = boxed();
    done(&mut lab, &Op::Seccomp(SeccompOp::Profile { path: path.to_owned() }));
    assert_eq!(run(&mut lab, &["ls", "/"]).exit, Some(Exit::Code(0)));
    let told = filters_of(&mut lab, "box");
    let answer = |name| {
        let number = cloison::kernel::seccomp::number(name);
        filters::way(&told.programs[0], number).unwrap().1.to_string()
    };
    assert_eq!(answer("read"), "ALLOW");
    assert_eq!(answer("kexec_load"), "ERRNO EPERM");
}

#[test]
fn a_profile_that_can_not_be_read_says_where_and_why() {
    let mut lab = boxed();
    let profile = |path: &str| Op::Seccomp(SeccompOp::Profile { path: path.to_owned() });
    assert_eq!(errno(&mut lab, &profile("/mnt/nowhere.json")).as_deref(), Some("ENOENT"));
    done(&mut lab, &Op::Write { path: "/mnt/bad.json".to_owned(), text: "{\n  \"defaultAction\": 7\n}".to_owned() });
    let failure = perform(&mut lab, &profile("/mnt/bad.json")).failure.unwrap();
    assert_eq!(failure.0, Errno(libc::EINVAL));
    assert!(failure.1.contains("/mnt/bad.json") && failure.1.contains("line 2"), "{}", failure.1);
}

#[test]
fn landlock_leaves_what_is_named_and_nothing_else() {
    let mut lab = boxed();
    done(&mut lab, &mkdir("/mnt/den"));
    let fence = LandlockOp { read: words(&["/"]), write: words(&["/mnt/den", "/dev"]) };
    let fenced = perform(&mut lab, &Op::Landlock(fence));
    if fenced.failure.as_ref().is_some_and(|(errno, _)| matches!(errno.0, libc::ENOSYS | libc::EOPNOTSUPP)) {
        return support::skip::skip("landlock_leaves_what_is_named_and_nothing_else", "no Landlock in this kernel");
    }
    assert_eq!(fenced.failure, None);
    done(&mut lab, &mkdir("/mnt/den/inside"));
    assert_eq!(errno(&mut lab, &mkdir("/mnt/outside")).as_deref(), Some("EACCES"));
    let ran = run(&mut lab, &["sh", "-c", "echo x > /mnt/den/x && ! echo y > /mnt/y && cat /mnt/den/x"]);
    assert_eq!(ran.exit, Some(Exit::Code(0)), "{}", output(&ran));
}

#[test]
fn cloison_run_encloses_one_command() {
    let mut lab = boxed();
    let filters_before = before(&mut lab);
    let ran = run(&mut lab, &[RUN, "--refuse", "mkdir,mkdirat=EROFS", "mkdir", "/mnt/x"]);
    assert_eq!(ran.exit, Some(Exit::Code(1)));
    assert_eq!(modes(&mut lab, &[RUN, "--refuse", "chmod=EPERM", "--"]), format!("2 {}", filters_before + 1));
    assert_eq!(
        modes(&mut lab, &[RUN, "--refuse", "chmod=EPERM", RUN, "--refuse", "chown=0"]),
        format!("2 {}", filters_before + 2)
    );
    assert_eq!(before(&mut lab), filters_before);
    let ran = run(&mut lab, &[RUN, "--refuse", "mkdir,mkdirat=kill", "mkdir", "/mnt/x"]);
    assert_eq!(ran.exit, Some(Exit::Signal(libc::SIGSYS)));
    // execve is not among the four calls of strict mode.
    assert_eq!(run(&mut lab, &[RUN, "--strict", "true"]).exit, Some(Exit::Signal(libc::SIGKILL)));
    assert_eq!(run(&mut lab, &[RUN, "--read", "/", "no-such-program"]).exit, Some(Exit::Code(127)));
    assert_eq!(run(&mut lab, &[RUN, "--refuse", "nonsense", "true"]).exit, Some(Exit::Code(125)));
    let shown = output(&run(&mut lab, &[RUN, "--refuse", "chmod=EPERM", "--show"]));
    assert!(shown.starts_with("   0  ld [4]\n") && shown.trim_end().ends_with("ret #0x7fff0000"), "{shown}");
}

#[test]
fn a_static_allow_list_is_enough_for_a_small_program() {
    let mut lab = boxed();
    // What true(1) and its loader need, wherever they are.
    let calls = "execve,brk,mmap,munmap,mprotect,openat,read,close,fstat,newfstatat,pread64,exit_group,set_tid_address,\
                 set_robust_list,rseq,prlimit64,getrandom,readlinkat,lseek,futex";
    let arch = if cfg!(target_arch = "x86_64") { ",arch_prctl,access" } else { ",faccessat" };
    let allow = format!("{calls}{arch}=EPERM");
    assert_eq!(run(&mut lab, &[RUN, "--allow", &allow, "true"]).exit, Some(Exit::Code(0)));
    assert_ne!(run(&mut lab, &[RUN, "--allow", &allow, "mkdir", "/mnt/x"]).exit, Some(Exit::Code(0)));
}
