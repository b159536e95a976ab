//! A worker from the side of who gives it work: started with next to no environment,
//! watched, and started anew when it died. One per thread.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::worker::{self, Answer, Job, Setup};
use crate::app::jailed;
use crate::lab::jail::JailError;

/// How often it is looked whether work is to end.
const LOOK: u16 = 100;
/// How long a worker may take beyond the jail's own limit.
const BEYOND: Duration = Duration::from_secs(60);
/// The environment that a worker gets, where it is set: programs, language, and where labs
/// may be. Nothing else of the caller's is within a student's reach.
const ENVIRONMENT: [&str; 9] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "CLOISON_RUNTIME_DIR",
];

/// A worker, running or to be started.
pub struct Pool<'a> {
    setup: Setup,
    stop: &'a AtomicBool,
    running: Option<Worker>,
}

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl<'a> Pool<'a> {
    /// None is started yet. Work under way ends when `stop` is set.
    pub fn new(setup: Setup, stop: &'a AtomicBool) -> Self {
        Self { setup, stop, running: None }
    }

    /// Has a lesson graded, within that time; nothing where it is to stop.
    pub fn grade(&mut self, job: &Job, limit: Duration) -> std::io::Result<Option<Answer>> {
        let worker = match &mut self.running {
            Some(worker) => worker,
            None => self.running.insert(Worker::start(&self.setup)?),
        };
        let answered = worker.ask(job, Instant::now() + limit + BEYOND, self.stop);
        if let Some(answer) = answered {
            return Ok(Some(answer));
        }
        let ended = self.running.take().map(Worker::end);
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        ended.transpose()?;
        Ok(Some(Answer::Died(jailed::both(&JailError::Died(None)))))
    }
}

impl Drop for Pool<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.running.take() {
            let _ = worker.end();
        }
    }
}

impl Worker {
    fn start(setup: &Setup) -> std::io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg(worker::ARGUMENT).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // Not in the terminal's foreground: Ctrl-C is for who gives it work, who ends it in order.
        let mut child = command.process_group(0).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut input, output) = pipes.ok_or_else(|| std::io::Error::other("a worker without pipes"))?;
        let told = worker::send(&mut input, setup);
        let worker = Self { child, input: Some(input), output };
        match told {
            Ok(()) => Ok(worker),
            Err(error) => worker.end().and(Err(error)),
        }
    }

    /// Nothing where it died, gave no answer in time, or is to stop.
    fn ask(&mut self, job: &Job, deadline: Instant, stop: &AtomicBool) -> Option<Answer> {
        worker::send(self.input.as_mut()?, job).ok()?;
        loop {
            let mut watched = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            if matches!(poll(&mut watched, PollTimeout::from(LOOK)), Ok(count) if count > 0) {
                // What a worker has begun to say it says to its end.
                return worker::receive(&mut self.output).ok()?;
            }
            if stop.load(Ordering::Relaxed) || Instant::now() > deadline {
                return None;
            }
        }
    }

    /// It ends by itself when its input is closed; what does not is killed.
    fn end(mut self) -> std::io::Result<()> {
        drop(self.input.take());
        let deadline = Instant::now() + BEYOND;
        while self.child.try_wait()?.is_none() {
            let mut watched = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut watched, PollTimeout::from(LOOK));
            if watched[0].revents().is_some_and(|now| now.contains(PollFlags::POLLIN)) {
                // An answer that nobody waits for.
                let _ = self.output.read(&mut [0; 4096]);
            } else if watched[0].any() == Some(true) {
                // Its output is closed: it is on its way out.
                std::thread::sleep(Duration::from_millis(1));
            }
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
            }
        }
        Ok(())
    }
}
