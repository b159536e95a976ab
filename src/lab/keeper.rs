//! The keeper: the single-threaded process that owns the lab. It forks actors,
//! writes id maps, keeps the journal, hands questions on to actors, and takes
//! everything down when its socket closes. It is a sealed copy of the program in a
//! session of its own; `main` enters it before any thread exists.
//!
//! Descriptors at entry, from `FIRST_PASSED` on: the socket, and the terminal where
//! `Hello` has its settings.

mod actors;
mod context;
mod down;
mod performing;
mod questions;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::cgroups::Cgroups;
use super::journal::{self, Journal};
use super::protocol::{Failure, FromActor, FromKeeper, Said, ToKeeper};
use super::{Reporter, sweep, volumes};
use crate::kernel::Errno;
use crate::kernel::process::{self, Exit};
use crate::kernel::program::{FIRST_PASSED, default_signals, ignore_signals};
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::terminal::Settings;

/// How long an op may take, besides what a `run` asks for itself.
const OP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a killed actor may take to end.
const DEATH_PATIENCE: Duration = Duration::from_secs(2);
/// How long the program may take to read an answer.
const SEND_PATIENCE: Duration = Duration::from_secs(30);

/// The number of no question: all that an actor says is then taken in, or late.
const UNASKED: u64 = u64::MAX;

/// Why a question to an actor has no answer.
enum NoAnswer {
    /// The program is gone: everything ends.
    ClientGone,
    /// The lab was taken down in the middle of it: nobody waits for an answer.
    TakenDown,
    /// Said to the program as it is.
    Failed(Failure),
}

struct ActorState {
    name: String,
    /// On the host.
    pid: u32,
    /// The actor that forked it, and its PID there; none for the keeper's own.
    parent: Option<(usize, u32)>,
    connection: Connection,
    /// How it ended, once it has.
    #[expect(clippy::option_option, reason = "outer: whether it has ended; inner: how, where that is known")]
    ended: Option<Option<Exit>>,
    /// The number of a question that it has not answered in time.
    owes: Option<u64>,
}

struct Launched {
    id: u64,
    actor: usize,
    /// In the actor's PID namespace.
    pid: u32,
}

struct Keeper {
    client: Connection,
    signals: SignalFd,
    report: Reporter,
    directory: PathBuf,
    journal: Journal,
    terminal: Option<(OwnedFd, Settings)>,
    real_root: bool,
    cgroups: Cgroups,
    /// Whether a group could not be removed: the journal stays, for a sweep.
    groups_left: bool,
    actors: Vec<ActorState>,
    launched: Vec<Launched>,
    /// The sessions of all that was launched, with the actor it was launched in.
    sessions: Vec<(usize, u32)>,
    next_number: u64,
    next_launch: u64,
    /// The program has said `Bye` meanwhile.
    left_in_order: bool,
}

/// Runs the keeper until the program is gone; never returns.
pub fn run(report: Reporter) -> ! {
    let code = match std::panic::catch_unwind(|| enter(report)) {
        Ok(Ok(())) => 0,
        Ok(Err(_)) => 1,
        Err(_) => 101,
    };
    // Whatever went wrong above, nothing outlives the keeper.
    sweep::end_descendants(&std::collections::BTreeSet::new());
    process::exit_now(code)
}

/// The program is gone before it has said a word, perhaps with its lab's directory made.
fn leave_no_directory() {
    if let Some(volumes) = std::env::var_os(volumes::VARIABLE).map(PathBuf::from)
        && let Some(directory) = volumes.parent()
    {
        let _ = journal::remove_directory(directory);
    }
}

fn enter(report: Reporter) -> Result<(), FrameError> {
    default_signals().map_err(FrameError::Io)?;
    ignore_signals(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTTOU, Signal::SIGPIPE])
        .map_err(FrameError::Io)?;
    process::become_subreaper().map_err(FrameError::Io)?;
    process::set_title("cloison-keeper", "cloison keeper");
    let mut client = Connection::new(process::inherited(FIRST_PASSED));
    let hello = client.receive(Instant::now() + SEND_PATIENCE).inspect_err(|_| leave_no_directory())?;
    let Ok(ToKeeper::Hello { directory, terminal, real_root }) = postcard::from_bytes(&hello) else {
        return Err(FrameError::TooLong(hello.len()));
    };
    let terminal = terminal.map(|settings| (process::inherited(FIRST_PASSED + 1), settings));
    let directory = PathBuf::from(directory);
    let journal = Journal::start(&directory).map_err(|error| FrameError::Io(Errno::from(&error)))?;
    let mut chld = SigSet::empty();
    chld.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&chld), None)?;
    let signals = SignalFd::with_flags(&chld, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut keeper = Keeper {
        client,
        signals,
        report,
        cgroups: Cgroups::new(&directory, nix::unistd::getppid().as_raw() as u32),
        groups_left: false,
        directory,
        journal,
        terminal,
        real_root,
        actors: Vec::new(),
        launched: Vec::new(),
        sessions: Vec::new(),
        next_number: 1,
        next_launch: 1,
        left_in_order: false,
    };
    let served = keeper.say(&FromKeeper::Ready).and_then(|()| keeper.serve());
    if served.is_err() && !keeper.left_in_order {
        keeper.restore_terminal();
    }
    keeper.take_down(true);
    if keeper.groups_left {
        return Err(FrameError::Io(Errno(libc::EBUSY)));
    }
    // What can't be removed stays named in the journal, for the next sweep.
    let _ = journal::remove_directory(&keeper.directory);
    Ok(())
}

impl Keeper {
    /// Answers the program until it says `Bye` (`Ok`) or is gone.
    fn serve(&mut self) -> Result<(), FrameError> {
        loop {
            while let Some(bytes) = self.client.next_frame()? {
                let Ok(request) = postcard::from_bytes::<ToKeeper>(&bytes) else {
                    return Err(FrameError::TooLong(bytes.len()));
                };
                if matches!(request, ToKeeper::Bye) {
                    return Ok(());
                }
                self.handle(request)?;
                // What came along with an answer is not waited for again.
                for index in 0..self.actors.len() {
                    self.take(index, UNASKED)?;
                }
            }
            self.wait(None, None)?;
            self.client.fill()?;
        }
    }

    /// Waits for anything to happen until the deadline, collects the dead, and takes
    /// in what actors say unasked, but for the one whose answer is awaited. Does not
    /// read from the program.
    fn wait(&mut self, deadline: Option<Instant>, awaited: Option<usize>) -> Result<(), FrameError> {
        let timeout = deadline.map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i64;
            PollTimeout::try_from(left + 1).unwrap_or(PollTimeout::MAX)
        });
        let listening: Vec<usize> =
            (0..self.actors.len()).filter(|index| self.actors[*index].ended.is_none()).collect();
        let (signalled, ready): (bool, Vec<usize>) = {
            // While a question is open, of the program only its end matters.
            let of_client = if deadline.is_some() { PollFlags::empty() } else { PollFlags::POLLIN };
            let mut watched =
                vec![PollFd::new(self.client.as_fd(), of_client), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            watched.extend(
                listening.iter().map(|index| PollFd::new(self.actors[*index].connection.as_fd(), PollFlags::POLLIN)),
            );
            match poll(&mut watched, timeout) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if deadline.is_some() && watched[0].any() == Some(true) {
                return Err(FrameError::Closed);
            }
            let ready = |slot: usize| watched[slot + 2].any() == Some(true);
            let ready = listening.iter().enumerate().filter(|(slot, _)| ready(*slot)).map(|(_, index)| *index);
            (watched[1].any() == Some(true), ready.collect())
        };
        while signalled && matches!(self.signals.read_signal(), Ok(Some(_))) {}
        while signalled && let Ok(Some((pid, exit))) = process::reap() {
            if let Some(index) = self.actors.iter().position(|actor| actor.pid == pid && actor.parent.is_none()) {
                self.note_end(index, Some(exit))?;
            }
        }
        for index in ready {
            if self.actors[index].connection.fill().is_err() {
                self.drop_actor(index)?;
            }
            if Some(index) != awaited {
                self.take(index, UNASKED)?;
            }
        }
        Ok(())
    }

    /// Answers to what is whole among an actor's words, until the one numbered
    /// `number`, which is given back.
    fn take(&mut self, index: usize, number: u64) -> Result<Option<Said>, FrameError> {
        loop {
            let frame = match self.actors[index].connection.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(_) => {
                    self.drop_actor(index)?;
                    return Ok(None);
                }
            };
            let Ok(FromActor { number: answered, said }) = postcard::from_bytes(&frame) else {
                self.drop_actor(index)?;
                return Ok(None);
            };
            match said {
                Said::Ended { pid, exit } => self.child_ended(index, pid, exit)?,
                said if answered == number => return Ok(Some(said)),
                late => {
                    // The answer to a question given up on: its two descriptors must go too.
                    if matches!(late, Said::Launched { .. } | Said::Forked { .. }) {
                        drop(self.actors[index].connection.take_descriptor());
                        drop(self.actors[index].connection.take_descriptor());
                    }
                    if self.actors[index].owes == Some(answered) {
                        self.actors[index].owes = None;
                    }
                }
            }
        }
    }

    fn child_ended(&mut self, parent: usize, pid: u32, exit: Exit) -> Result<(), FrameError> {
        if let Some(slot) = self.launched.iter().position(|one| one.actor == parent && one.pid == pid) {
            let launch = self.launched.swap_remove(slot).id;
            return self.say(&FromKeeper::Ended { launch, exit });
        }
        match self.actors.iter().position(|actor| actor.parent == Some((parent, pid))) {
            Some(index) => self.note_end(index, Some(exit)),
            None => Ok(()),
        }
    }

    /// An actor's connection is closed or broken: whatever it is now, it is none of
    /// ours any more.
    fn drop_actor(&mut self, index: usize) -> Result<(), FrameError> {
        if self.actors[index].ended.is_none() {
            if let Ok(pidfd) = process::pidfd_open(self.actors[index].pid) {
                // ESRCH: it is dead already, and its parent will say how.
                let _ = process::pidfd_kill(&pidfd, libc::SIGKILL);
            }
            self.note_end(index, None)?;
        }
        Ok(())
    }

    /// Notes an end, and how when that is learnt later; says it once each.
    fn note_end(&mut self, index: usize, exit: Option<Exit>) -> Result<(), FrameError> {
        let known = &mut self.actors[index].ended;
        if known.is_none() || (exit.is_some() && *known == Some(None)) {
            *known = Some(exit);
            let actor = self.actors[index].name.clone();
            return self.say(&FromKeeper::ActorEnded { actor, exit });
        }
        Ok(())
    }

    fn say(&mut self, what: &FromKeeper) -> Result<(), FrameError> {
        self.say_with(what, &[])
    }

    fn say_with(&mut self, what: &FromKeeper, fds: &[i32]) -> Result<(), FrameError> {
        let bytes = postcard::to_stdvec(what).map_err(|_| FrameError::TooLong(0))?;
        self.client.send(&bytes, fds, SEND_PATIENCE)
    }

    fn handle(&mut self, request: ToKeeper) -> Result<(), FrameError> {
        let answer = match request {
            ToKeeper::Spawn { actors } => self.spawn_all(&actors),
            ToKeeper::Perform { ops } => self.perform_all(ops),
            ToKeeper::PerformSlowly { actor, op } => self.perform_slowly(&actor, op),
            ToKeeper::View { actor, patience, look } => self.view(&actor, patience, look),
            ToKeeper::Observe { pid, patience, look } => self.observe(pid, patience, &look),
            ToKeeper::Find { shell } => self.find(&shell),
            ToKeeper::Trace { actor, on } => self.trace(&actor, on),
            ToKeeper::Traced { actor, patience } => self.traced(&actor, patience),
            ToKeeper::Filters { actor, patience } => self.filters(&actor, patience),
            ToKeeper::Launch { actor, program, terminal } => match self.launch(&actor, program, terminal) {
                Ok((launch, fd)) => return self.say_with(&FromKeeper::Launched { launch }, &[fd.as_raw_fd()]),
                Err(no) => Err(no),
            },
            ToKeeper::End { launch } => self.end(launch),
            ToKeeper::Groups { controllers } => match self.cgroups.prepare(controllers, &mut self.journal) {
                Ok(()) => {
                    let paths = self.cgroups.bases().iter().map(|path| path.to_string_lossy().into_owned()).collect();
                    Ok(FromKeeper::Groups(paths))
                }
                Err((errno, doing)) => Err(NoAnswer::Failed(Failure::Call(errno, doing))),
            },
            ToKeeper::Reset { real_root } => {
                self.take_down(false);
                self.real_root = real_root;
                Ok(FromKeeper::Done)
            }
            ToKeeper::Hello { .. } | ToKeeper::Bye | ToKeeper::GoOn => return Err(FrameError::TooLong(0)),
        };
        match answer {
            // The program has asked for more already, and reads both answers together.
            Ok(FromKeeper::Spawned(made, None)) if self.client.has_frame() => {
                let bytes = postcard::to_stdvec(&FromKeeper::Spawned(made, None));
                self.client.hold(&bytes.map_err(|_| FrameError::TooLong(0))?);
                Ok(())
            }
            Ok(answer) => self.say(&answer),
            Err(NoAnswer::Failed(failure)) => self.say(&FromKeeper::Failed(failure)),
            Err(NoAnswer::TakenDown) => Ok(()),
            Err(NoAnswer::ClientGone) => Err(FrameError::Closed),
        }
    }
}
