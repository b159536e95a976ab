//! Running programs and signalling actors.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{Outcome, doing};
use crate::kernel::process;
use crate::kernel::program::{Streams, launch_held, pipe};
use crate::kernel::{Errno, Trace};
use crate::lab::program;
use crate::lab::protocol::{Program, Ran};
use crate::lab::supervisor::Supervisor;
use crate::lab::tracer::Tracer;

/// What is kept of a program's output.
const KEPT: usize = 64 << 10;

/// kill(2) on another actor, by the number that the caller knows it by.
pub fn kill(trace: &mut Trace, target: Option<u32>, signal: &str) -> Outcome {
    let Some(pid) = target else {
        return Err((Errno(libc::ESRCH), "the target has no number in this PID namespace".to_owned()));
    };
    let signal =
        Signal::from_str(&format!("SIG{signal}")).map_err(|_| (Errno(libc::EINVAL), format!("signal {signal}")))?;
    doing(process::kill(trace, pid, signal), || format!("kill {pid}"))
}

/// What a `run` is to run, and how.
#[derive(Debug)]
pub struct Run<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// Killed after so many seconds.
    pub seconds: u32,
    /// Left running.
    pub background: bool,
    /// Its calls are listed.
    pub trace: bool,
    /// The most processes in its user namespace.
    pub limit: Option<u64>,
}

/// Runs a program: in the background, or until it ends, or for `seconds`.
pub fn run(
    trace: &mut Trace,
    (tracer, supervisor): (&mut Tracer, &mut Supervisor),
    run: &Run<'_>,
) -> Result<Ran, (Errno, String)> {
    let what = || format!("run {}", run.argv.join(" "));
    let plan = program::launch(&Program::Argv(run.argv.to_vec()), run.limit);
    let (mut read, write) = doing(pipe(), what)?;
    let streams = Streams::Pipe(write);
    let name = run.argv.first().map(String::as_str).unwrap_or_default();
    let mut refused = false;
    let mut seize = |pid| {
        let seized = tracer.trace_program(pid, name);
        refused = seized.is_err();
        seized
    };
    let started = launch_held(trace, &plan, &streams, if run.trace { Some(&mut seize) } else { None });
    let pid = doing(started, || if refused { format!("ptrace {}", run.argv.join(" ")) } else { what() })?;
    drop(streams);
    let mut ran = Ran { output: Vec::new(), exit: None, timed_out: false };
    if run.background {
        tracer.end_of_program();
        return Ok(ran);
    }
    let pidfd = doing(process::pidfd_open(pid), what)?;
    let signals = doing(children(), what)?;
    let deadline = Instant::now() + Duration::from_secs(u64::from(run.seconds));
    let mut open = true;
    // The end of the program and the end of its output are two things: a child of
    // its own may keep the output open.
    loop {
        let more = tracer.turn_closely();
        supervisor.turn();
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i64;
        let mut watched =
            vec![PollFd::new(pidfd.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        // Behind the first two, whatever else there is.
        if open {
            watched.push(PollFd::new(read.as_fd(), PollFlags::POLLIN));
        }
        watched.extend(supervisor.descriptors().map(|listener| PollFd::new(listener, PollFlags::POLLIN)));
        let timeout =
            if more { PollTimeout::ZERO } else { PollTimeout::try_from(left + 1).unwrap_or(PollTimeout::MAX) };
        let _ = poll(&mut watched, timeout);
        let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        while let Ok(Some(_)) = signals.read_signal() {}
        if open && ready.get(2) == Some(&true) {
            open = drain(&mut read, &mut ran.output);
        } else if ready[0] {
            while tracer.turn() {}
            ran.exit = tracer.take_end_of(pid);
            tracer.end_of_program();
            return Ok(ran);
        }
        if Instant::now() >= deadline && !ran.timed_out {
            ran.timed_out = true;
            let group = nix::unistd::Pid::from_raw(-(pid as i32));
            // ESRCH: it has just ended by itself.
            let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
        }
    }
}

/// Says when something happens to a child or a tracee; the actor has SIGCHLD blocked.
fn children() -> Result<SignalFd, Errno> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Reads once, keeping what there is room for; false at the end of the output.
fn drain(read: &mut File, output: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 << 10];
    match read.read(&mut buffer) {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            let room = KEPT.saturating_sub(output.len());
            output.extend_from_slice(&buffer[..count.min(room)]);
            true
        }
    }
}
