//! Seccomp filters and Landlock: what an actor gives up for good, with all that it starts.

use std::os::fd::OwnedFd;

use super::{Outcome, doing};
use crate::kernel::bpf::{self, Data, Instruction};
use crate::kernel::call::quoted;
use crate::kernel::seccomp::{self, Action, Answer, NATIVE, Policy, compile::compile, oci, policy::Rule};
use crate::kernel::{Errno, Trace, landlock as kernel};
use crate::lesson::op::{LandlockOp, SeccompOp};

/// Without these an actor can't hear, look and answer. With arguments of 0, which is what
/// profiles' conditions let through.
const TO_ANSWER: [&str; 26] = [
    "brk",
    "close",
    "clock_gettime",
    "clone",
    "dup2",
    "dup3",
    "epoll_wait",
    "exit_group",
    "fcntl",
    "fstat",
    "getdents64",
    "getpid",
    "ioctl",
    "lseek",
    "mmap",
    "munmap",
    "newfstatat",
    "openat",
    "poll",
    "read",
    "readlinkat",
    "recvmsg",
    "rt_sigprocmask",
    "sendmsg",
    "wait4",
    "write",
];
/// Without these it can't start a program; it can't be asked about them either, since it
/// waits for the program meanwhile.
const TO_START: [&str; 12] = [
    "chdir",
    "clone3",
    "close_range",
    "execve",
    "getppid",
    "pidfd_open",
    "pipe2",
    "prctl",
    "prlimit64",
    "rt_sigaction",
    "setsid",
    "umask",
];

/// A filter that was put on: its program, and the listener where it asks.
pub type Installed = (Vec<Instruction>, Option<(OwnedFd, Answer)>);

/// Puts a filter on the calling process.
pub fn seccomp(trace: &mut Trace, op: &SeccompOp) -> Result<Installed, (Errno, String)> {
    let (policy, answer) = policy(trace, op)?;
    let policy = policy.without_clone3();
    let program = compile(&policy).map_err(|error| (Errno(libc::EINVAL), error.to_string()))?;
    let verdict = |name: &&&str| {
        let number = seccomp::number(name)?;
        let data = Data { number, arch: NATIVE, pointer: 0, args: [0; 6] };
        Some(Action::decode(bpf::run(&program, &data)?.answer))
    };
    let silenced = TO_ANSWER.iter().find(|name| verdict(name).is_some_and(|action| !action.lets_through()));
    let asks = || TO_START.iter().find(|name| verdict(name) == Some(Action::Notify));
    if let Some(name) = silenced.or_else(asks) {
        let what = format!("seccomp: with {name} filtered the actor could not answer the lab any more");
        return Err((Errno(libc::EDEADLK), what));
    }
    doing(seccomp::no_new_privs(trace), || "prctl PR_SET_NO_NEW_PRIVS".to_owned())?;
    let listener = doing(seccomp::install(trace, &program, policy.notifies()), || "seccomp".to_owned())?;
    Ok((program, listener.map(|listener| (listener, answer))))
}

fn policy(trace: &mut Trace, op: &SeccompOp) -> Result<(Policy, Answer), (Errno, String)> {
    let word = |word: &String| Action::from_word(word).ok_or_else(|| (Errno(libc::EINVAL), format!("seccomp {word}")));
    let refused = Answer::Errno(libc::EPERM);
    Ok(match op {
        SeccompOp::Refuse { calls, with } => (list(Action::Allow, calls, word(with)?)?, refused),
        SeccompOp::Allow { calls, otherwise } => (list(word(otherwise)?, calls, Action::Allow)?, refused),
        SeccompOp::Ask { calls, answer } => {
            let answer = match Action::from_word(answer) {
                Some(Action::Errno(errno)) => Answer::Errno(i32::from(errno)),
                _ => Answer::Continue,
            };
            (list(Action::Allow, calls, Action::Notify)?, answer)
        }
        SeccompOp::Profile { path } => {
            let read = trace.record(
                "read",
                vec![quoted(path)],
                || {
                    let known = |error: std::io::Error| nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0));
                    if std::fs::metadata(path).map_err(known)?.len() > oci::MOST_BYTES {
                        return Err(nix::errno::Errno::EFBIG);
                    }
                    std::fs::read_to_string(path).map_err(known)
                },
                |text| text.len() as i64,
            );
            let text = doing(read, || format!("read {path}"))?;
            let here = doing(oci::here(), || "capget".to_owned())?;
            let policy = oci::read(&text, here).map_err(|error| (Errno(libc::EINVAL), format!("{path}: {error}")))?;
            (policy, refused)
        }
    })
}

/// A list of calls, of which this machine may lack some (x86-64 has `mkdir`, arm64 only
/// `mkdirat`), but not all.
fn list(default: Action, calls: &[String], action: Action) -> Result<Policy, (Errno, String)> {
    let known = calls.iter().filter_map(|name| seccomp::number(name));
    let rules: Vec<Rule> = known.map(|number| Rule { number, when: Vec::new(), action }).collect();
    if rules.is_empty() {
        return Err((Errno(libc::ENOSYS), format!("seccomp {}", calls.join(", "))));
    }
    Ok(Policy { default, rules })
}

/// Leaves the actor no file but those below these.
pub fn landlock(trace: &mut Trace, op: &LandlockOp) -> Outcome {
    doing(seccomp::no_new_privs(trace), || "prctl PR_SET_NO_NEW_PRIVS".to_owned())?;
    kernel::restrict(trace, &op.read, &op.write)
}
