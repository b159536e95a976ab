//! Running programs and signalling actors.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::{Outcome, doing};
use crate::kernel::process;
use crate::kernel::program::{Streams, launch, pipe};
use crate::kernel::{Errno, Trace};
use crate::lab::program;
use crate::lab::protocol::{Program, Ran};

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

/// Runs a program: in the background, or until it ends, or for `seconds`.
pub fn run(
    trace: &mut Trace,
    argv: &[String],
    seconds: u32,
    background: bool,
    limit: Option<u64>,
) -> Result<Ran, (Errno, String)> {
    let what = || format!("run {}", argv.join(" "));
    let plan = program::launch(&Program::Argv(argv.to_vec()), limit);
    let (mut read, write) = doing(pipe(), what)?;
    let pid = doing(launch(trace, &plan, &Streams::Pipe(write)), what)?;
    let mut ran = Ran { output: Vec::new(), exit: None, timed_out: false };
    if background {
        return Ok(ran);
    }
    let pidfd = doing(process::pidfd_open(pid), what)?;
    let deadline = Instant::now() + Duration::from_secs(u64::from(seconds));
    let mut open = true;
    // The end of the program and the end of its output are two things: a child of
    // its own may keep the output open.
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i64;
        let mut watched = vec![PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        if open {
            watched.push(PollFd::new(read.as_fd(), PollFlags::POLLIN));
        }
        let timeout = PollTimeout::try_from(left + 1).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut watched, timeout);
        let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if ready.get(1) == Some(&true) {
            open = drain(&mut read, &mut ran.output);
        } else if ready[0] {
            ran.exit = process::wait_for(pid);
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
