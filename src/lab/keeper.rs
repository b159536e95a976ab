//! The keeper: the single-threaded process that owns the lab. It forks actors,
//! writes id maps, keeps the journal, hands questions on to actors, and takes
//! everything down when its socket closes. It is a sealed copy of the program in a
//! session of its own; `main` enters it before any thread exists.
//!
//! Descriptors at entry, from `FIRST_PASSED` on: the socket, and the terminal where
//! `Hello` has its settings.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::actor::become_actor;
use super::cgroups::Cgroups;
use super::journal::{self, Journal, Line, Pid};
use super::protocol::{
    ActorInfo, Ask, Context, Failure, FromActor, FromKeeper, Mapped, Performed, Program, Said, ToActor, ToKeeper,
};
use super::{Reporter, find, maps, observer, sweep, volumes};
use crate::kernel::process::{self, Exit, Side};
use crate::kernel::program::{FIRST_PASSED, default_signals, ignore_signals};
use crate::kernel::pty::open_pty;
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::terminal::{LEAVE_SCREEN, Settings};
use crate::kernel::{Errno, Trace};
use crate::lesson::op::{CgroupOp, LinkOp, NsKind, Op, RootKind};

/// How long an op may take, besides what a `run` asks for itself.
const OP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a killed actor may take to end.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);
/// How long the program may take to read an answer.
const SEND_PATIENCE: Duration = Duration::from_secs(30);

/// The number of no question: all that an actor says is then taken in, or late.
const UNASKED: u64 = u64::MAX;

/// Why a question to an actor has no answer.
enum NoAnswer {
    /// The program is gone: everything ends.
    ClientGone,
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

fn enter(report: Reporter) -> Result<(), FrameError> {
    default_signals().map_err(FrameError::Io)?;
    ignore_signals(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTTOU, Signal::SIGPIPE])
        .map_err(FrameError::Io)?;
    process::become_subreaper().map_err(FrameError::Io)?;
    process::set_title("cloison-keeper", "cloison keeper");
    let mut client = Connection::new(process::inherited(FIRST_PASSED));
    let hello = client.receive(Instant::now() + SEND_PATIENCE)?;
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
    };
    let left_in_order = keeper.say(&FromKeeper::Ready).and_then(|()| keeper.serve()).is_ok();
    if !left_in_order {
        keeper.restore_terminal();
    }
    keeper.take_down();
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
            ToKeeper::View { actor, patience, look } => self.view(&actor, patience, look),
            ToKeeper::Observe { pid, patience, look } => self.observe(pid, patience, &look),
            ToKeeper::Find { shell } => self.find(&shell),
            ToKeeper::Trace { actor, on } => self.trace(&actor, on),
            ToKeeper::Traced { actor, patience } => self.traced(&actor, patience),
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
                self.take_down();
                self.real_root = real_root;
                Ok(FromKeeper::Done)
            }
            ToKeeper::Hello { .. } | ToKeeper::Bye => return Err(FrameError::TooLong(0)),
        };
        match answer {
            Ok(answer) => self.say(&answer),
            Err(NoAnswer::Failed(failure)) => self.say(&FromKeeper::Failed(failure)),
            Err(NoAnswer::ClientGone) => Err(FrameError::Closed),
        }
    }

    fn spawn_all(&mut self, names: &[String]) -> Result<FromKeeper, NoAnswer> {
        let mut made = Vec::with_capacity(names.len());
        for name in names {
            match self.spawn(name) {
                Ok(actor) => made.push(actor),
                Err(NoAnswer::Failed(failure)) => return Ok(FromKeeper::Spawned(made, Some(failure))),
                Err(NoAnswer::ClientGone) => return Err(NoAnswer::ClientGone),
            }
        }
        Ok(FromKeeper::Spawned(made, None))
    }

    fn spawn(&mut self, name: &str) -> Result<ActorInfo, NoAnswer> {
        if self.actors.iter().any(|actor| actor.name == name) {
            return Err(NoAnswer::Failed(Failure::Exists(name.to_owned())));
        }
        let failed = |errno: Errno, doing: &str| NoAnswer::Failed(Failure::Call(errno, doing.to_owned()));
        let (ours, theirs) = Connection::pair().map_err(|errno| failed(errno, "socketpair"))?;
        let me = std::process::id();
        let pid = match process::fork(&mut Trace::default()).map_err(|errno| failed(errno, "fork"))? {
            Side::Parent(pid) => pid,
            Side::Child => become_actor(theirs, name, self.report, me, false),
        };
        drop(theirs);
        self.adopt(name, pid, None, ours)
    }

    /// Writes the journal's line about a new process and takes it in; kills it when
    /// the line can't be written.
    fn adopt(
        &mut self,
        name: &str,
        pid: u32,
        parent: Option<(usize, u32)>,
        connection: Connection,
    ) -> Result<ActorInfo, NoAnswer> {
        let written = Pid::now(pid).ok_or(Errno(libc::ESRCH)).and_then(|pid| {
            let line = Line::Actor { name: name.to_owned(), pid };
            self.journal.write(&line).map_err(|error| Errno::from(&error))
        });
        if let Err(errno) = written {
            // Its connection closes here, which ends it as well.
            let _ = process::pidfd_open(pid).and_then(|pidfd| process::pidfd_kill(&pidfd, libc::SIGKILL));
            return Err(NoAnswer::Failed(Failure::Call(errno, "journal".to_owned())));
        }
        self.actors.push(ActorState { name: name.to_owned(), pid, parent, connection, ended: None, owes: None });
        Ok(ActorInfo { name: name.to_owned(), pid, ended: None })
    }

    /// The index of a living actor.
    fn living(&self, name: &str) -> Result<usize, NoAnswer> {
        let found = self.actors.iter().position(|actor| actor.name == name);
        let index = found.ok_or_else(|| NoAnswer::Failed(Failure::NoActor(name.to_owned())))?;
        match self.actors[index].ended {
            None => Ok(index),
            Some(_) => Err(NoAnswer::Failed(Failure::ActorGone(name.to_owned()))),
        }
    }

    /// Sends a question; its number.
    fn put(&mut self, index: usize, ask: Ask, fds: &[i32]) -> Result<u64, NoAnswer> {
        let number = self.next_number;
        self.next_number += 1;
        self.put_again(index, number, ask, fds)?;
        Ok(number)
    }

    /// Sends a word that belongs to an open question.
    fn put_again(&mut self, index: usize, number: u64, ask: Ask, fds: &[i32]) -> Result<(), NoAnswer> {
        let name = self.actors[index].name.clone();
        let Ok(bytes) = postcard::to_stdvec(&ToActor { number, ask }) else {
            return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EINVAL), name)));
        };
        // An actor that does not read is not waited for.
        match self.actors[index].connection.send(&bytes, fds, Duration::from_millis(50)) {
            Ok(()) => Ok(()),
            Err(FrameError::Closed) => Err(NoAnswer::Failed(Failure::ActorGone(name))),
            Err(_) => Err(NoAnswer::Failed(Failure::Silent(name))),
        }
    }

    /// Waits for the answer to a question.
    fn hear(&mut self, index: usize, number: u64, deadline: Instant) -> Result<Said, NoAnswer> {
        loop {
            match self.take(index, number) {
                Ok(Some(said)) => return Ok(said),
                Ok(None) => {}
                Err(_) => return Err(NoAnswer::ClientGone),
            }
            let name = || self.actors[index].name.clone();
            if self.actors[index].ended.is_some() {
                return Err(NoAnswer::Failed(Failure::ActorGone(name())));
            }
            if Instant::now() >= deadline {
                let failure = Failure::Silent(name());
                self.actors[index].owes = Some(number);
                return Err(NoAnswer::Failed(failure));
            }
            self.wait(Some(deadline), Some(index)).map_err(|_| NoAnswer::ClientGone)?;
        }
    }

    fn view(&mut self, name: &str, patience: u32, look: Vec<u8>) -> Result<FromKeeper, NoAnswer> {
        Ok(FromKeeper::View(match self.report(name, Ask::View { look }, patience)? {
            Some(Said::View(bytes)) => Some(bytes),
            _ => None,
        }))
    }

    fn traced(&mut self, name: &str, patience: u32) -> Result<FromKeeper, NoAnswer> {
        Ok(FromKeeper::Traced(match self.report(name, Ask::Traced, patience)? {
            Some(Said::Traced(traced)) => Some(traced),
            _ => None,
        }))
    }

    fn trace(&mut self, name: &str, on: bool) -> Result<FromKeeper, NoAnswer> {
        let index = self.living(name)?;
        self.awake(index)?;
        let number = self.put(index, Ask::Trace { on }, &[])?;
        match self.hear(index, number, Instant::now() + OP_PATIENCE)? {
            Said::Failed(errno, doing) => Err(NoAnswer::Failed(Failure::Call(errno, doing))),
            _ => Ok(FromKeeper::Done),
        }
    }

    /// Asks an actor for a report; nothing where it does not answer in time, or still
    /// owes an answer.
    fn report(&mut self, name: &str, ask: Ask, patience: u32) -> Result<Option<Said>, NoAnswer> {
        let index = self.living(name)?;
        if self.cgroups.has_frozen(self.actors[index].pid) {
            return Ok(None);
        }
        if self.actors[index].owes.is_some() {
            // It may have come back meanwhile: look, without waiting.
            let _ = self.actors[index].connection.fill();
            if !matches!(self.take(index, UNASKED), Ok(None)) || self.actors[index].owes.is_some() {
                return Ok(None);
            }
        }
        let number = match self.put(index, ask, &[]) {
            Err(NoAnswer::Failed(Failure::Silent(_))) => return Ok(None),
            other => other?,
        };
        match self.hear(index, number, Instant::now() + Duration::from_millis(u64::from(patience))) {
            Ok(said) => Ok(Some(said)),
            Err(NoAnswer::Failed(Failure::Silent(_))) => Ok(None),
            Err(no) => Err(no),
        }
    }

    fn observe(&self, pid: u32, patience: u32, look: &[u8]) -> Result<FromKeeper, NoAnswer> {
        let deadline = Instant::now() + Duration::from_millis(u64::from(patience));
        let view = observer::observe(pid, look, deadline, self.report.other);
        view.map(FromKeeper::View).map_err(|errno| NoAnswer::Failed(Failure::Call(errno, format!("/proc/{pid}"))))
    }

    fn find(&self, shell: &str) -> Result<FromKeeper, NoAnswer> {
        let index = self.living(shell)?;
        let sessions: Vec<u32> =
            self.sessions.iter().filter(|(actor, _)| *actor == index).map(|(_, session)| *session).collect();
        Ok(FromKeeper::Found(find::different(self.actors[index].pid, &sessions)))
    }

    fn launch(
        &mut self,
        name: &str,
        program: Program,
        terminal: Option<(u16, u16)>,
    ) -> Result<(u64, OwnedFd), NoAnswer> {
        let index = self.living(name)?;
        self.awake(index)?;
        // ENOENT: the namespace for its children has no PID 1 yet (pid_namespaces(7)).
        let children = std::fs::read_link(format!("/proc/{}/ns/pid_for_children", self.actors[index].pid));
        if children.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
            && process::start_time(self.actors[index].pid).is_some()
        {
            return Err(NoAnswer::Failed(Failure::Unborn(name.to_owned())));
        }
        let number = self.put(index, Ask::Launch { program: program.clone(), terminal }, &[])?;
        let mut said = self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        let mut master = None;
        if let (Said::Failed(Errno(libc::ENOENT), doing), Some((rows, cols))) = (&said, terminal)
            && doing == "open"
        {
            // A root directory without a /dev/ptmx: the host's has one.
            let call = |errno| NoAnswer::Failed(Failure::Call(errno, "/dev/ptmx".to_owned()));
            let pty = open_pty(&mut Trace::default(), rows, cols).map_err(call)?;
            master = Some(pty.master);
            let number = self.put(index, Ask::LaunchOn { program }, &[pty.slave.as_raw_fd()])?;
            said = self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        }
        match said {
            Said::Launched { pid } => {
                let connection = &mut self.actors[index].connection;
                let (Some(fd), Some(pidfd)) = (connection.take_descriptor(), connection.take_descriptor()) else {
                    return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EBADF), name.to_owned())));
                };
                let fd = master.unwrap_or(fd);
                // It leads a session of its own. The pidfd of one that has been
                // collected says nothing any more, but its number may be ours too.
                let depth = |pid: u32| nspid(pid).map(|all| all.len());
                let ours = depth(self.actors[index].pid) == depth(std::process::id());
                let session = if ours { Some(pid) } else { host_pid(&pidfd) };
                self.sessions.extend(session.map(|session| (index, session)));
                let id = self.next_launch;
                self.next_launch += 1;
                self.launched.push(Launched { id, actor: index, pid });
                Ok((id, fd))
            }
            Said::Failed(errno, doing) => Err(NoAnswer::Failed(Failure::Call(errno, doing))),
            _ => Err(NoAnswer::Failed(Failure::Silent(name.to_owned()))),
        }
    }

    fn end(&mut self, launch: u64) -> Result<FromKeeper, NoAnswer> {
        let Some(one) = self.launched.iter().find(|one| one.id == launch) else {
            return Ok(FromKeeper::Done);
        };
        let (index, pid) = (one.actor, one.pid);
        if self.actors[index].ended.is_some() {
            return Ok(FromKeeper::Done);
        }
        let number = self.put(index, Ask::End { pid }, &[])?;
        self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        Ok(FromKeeper::Done)
    }

    fn perform_all(&mut self, ops: Vec<(String, Op)>) -> Result<FromKeeper, NoAnswer> {
        let mut done = Vec::new();
        let mut left = ops.into_iter().peekable();
        while let Some((actor, op)) = left.next() {
            let mut together = vec![op];
            while !depends(&together[0]) {
                match left.next_if(|(next, op)| *next == actor && !depends(op)) {
                    Some((_, op)) => together.push(op),
                    None => break,
                }
            }
            match self.perform(&actor, together, &mut done) {
                Ok(()) if done.last().is_some_and(|last| last.failure.is_some()) => break,
                Ok(()) => {}
                Err(NoAnswer::Failed(failure)) => return Ok(FromKeeper::Performed(done, Some(failure))),
                Err(NoAnswer::ClientGone) => return Err(NoAnswer::ClientGone),
            }
        }
        Ok(FromKeeper::Performed(done, None))
    }

    /// Has one actor carry out ops, up to the first that fails, and adds what came of
    /// each to `done`.
    fn perform(&mut self, name: &str, ops: Vec<Op>, done: &mut Vec<Performed>) -> Result<(), NoAnswer> {
        let index = self.living(name)?;
        if let [Op::Volume { name }] = &ops[..] {
            done.push(self.volume(index, name));
            return Ok(());
        }
        if let [Op::Cgroup(op)] = &ops[..]
            && !self.joins_by_itself(index, op)
        {
            done.push(self.cgroup(index, op));
            return Ok(());
        }
        self.awake(index)?;
        let killed = match &ops[..] {
            [Op::Kill { target, signal }] if signal == "KILL" => Some(self.living(target)?),
            _ => None,
        };
        let deadline = Instant::now() + ops.iter().map(patience).sum::<Duration>();
        let forks: Vec<bool> = ops.iter().map(|op| matches!(op, Op::Fork { .. })).collect();
        let (mut asked, mut fds) = (Vec::with_capacity(ops.len()), Vec::new());
        for op in ops {
            match self.context(index, &op)? {
                Ok((context, more)) => {
                    asked.push((op, context));
                    fds.extend(more);
                }
                Err(failure) => {
                    done.push(Performed { failure: Some(failure), ..Performed::default() });
                    return Ok(());
                }
            }
        }
        let numbers: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let number = self.put(index, Ask::Perform { ops: asked }, &numbers)?;
        let mut made = VecDeque::new();
        loop {
            match self.hear(index, number, deadline)? {
                Said::Performed(performed) => {
                    if let Some(target) = killed
                        && performed.iter().all(|one| one.failure.is_none())
                    {
                        self.await_end(target)?;
                    }
                    done.extend(
                        performed
                            .into_iter()
                            .zip(forks)
                            .map(|(one, fork)| Performed { made: if fork { made.pop_front() } else { None }, ..one }),
                    );
                    return Ok(());
                }
                Said::NeedMaps(kind) => {
                    let mapped: Mapped = maps::write(self.actors[index].pid, kind, self.real_root);
                    self.give_directory(index, &mapped);
                    self.put_again(index, number, Ask::Mapped(mapped), &[])?;
                }
                Said::Forked { name, pid } => {
                    made.push_back(self.take_in(index, &name, pid)?);
                }
                _ => return Err(NoAnswer::Failed(Failure::Silent(name.to_owned()))),
            }
        }
    }

    /// Waits for the end of an actor that has been killed, so that what is looked at next
    /// is what the death has changed: but not for one that a SIGKILL does not end (PID 1 for
    /// its own namespace, pid_namespaces(7); a frozen one).
    fn await_end(&mut self, index: usize) -> Result<(), NoAnswer> {
        let deadline = Instant::now() + DEATH_PATIENCE;
        // Its connection closes before its namespaces do: how it ended is the last word.
        while !matches!(self.actors[index].ended, Some(Some(_))) && Instant::now() < deadline {
            self.wait(Some(deadline), None).map_err(|_| NoAnswer::ClientGone)?;
        }
        Ok(())
    }

    /// Makes a volume, outside of every box, for the root of an actor's.
    fn volume(&mut self, index: usize, name: &str) -> Performed {
        let mut trace = Trace::default();
        let line = Line::Directory { name: format!("{}/{name}", volumes::NAME) };
        let written = self.journal.write(&line).map_err(|error| (Errno::from(&error), "journal".to_owned()));
        let pid = self.actors[index].pid;
        let done = written.and_then(|()| volumes::make(&mut trace, &self.directory, name, pid));
        Performed { calls: trace.calls, failure: done.err(), ..Performed::default() }
    }

    /// Whether an op on a group is one that the actor carries out on itself: it enters,
    /// is where it can reach the group's directory as who it is, and will still answer.
    fn joins_by_itself(&self, index: usize, op: &CgroupOp) -> bool {
        let CgroupOp::Join { group } = op else { return false };
        let same = |kind: &str| {
            let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
            of("self") == of(&self.actors[index].pid.to_string())
        };
        same("user")
            && same("mnt")
            && !self.cgroups.is_frozen(group)
            && !self.cgroups.has_frozen(self.actors[index].pid)
    }

    fn cgroup(&mut self, index: usize, op: &CgroupOp) -> Performed {
        let mut trace = Trace::default();
        let pid = self.actors[index].pid;
        let done = self.cgroups.perform(&mut trace, &mut self.journal, op, pid);
        Performed { calls: trace.calls, failure: done.err(), ..Performed::default() }
    }

    /// Refuses to ask an actor that is frozen: it could not answer.
    fn awake(&self, index: usize) -> Result<(), NoAnswer> {
        if self.cgroups.has_frozen(self.actors[index].pid) {
            return Err(NoAnswer::Failed(Failure::Frozen(self.actors[index].name.clone())));
        }
        Ok(())
    }

    /// An actor that an actor has forked: its connection and pidfd have come along.
    fn take_in(&mut self, parent: usize, name: &str, inner: u32) -> Result<ActorInfo, NoAnswer> {
        let connection = self.actors[parent].connection.take_descriptor();
        let pidfd = self.actors[parent].connection.take_descriptor();
        let (Some(connection), Some(pidfd)) = (connection, pidfd) else {
            return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EBADF), name.to_owned())));
        };
        let pid =
            host_pid(&pidfd).ok_or_else(|| NoAnswer::Failed(Failure::Call(Errno(libc::ESRCH), name.to_owned())))?;
        self.adopt(name, pid, Some((parent, inner)), Connection::new(connection))
    }

    /// Under root the lab's root is another user: what it is to fill must be its own.
    fn give_directory(&self, index: usize, mapped: &Mapped) {
        if mapped.failure.is_none() && mapped.become_ids.is_some() {
            let path = self.root_directory(index);
            if path.is_dir() {
                // A failure shows when the actor meets EACCES.
                let _ = maps::give(&path, self.actors[index].pid);
            }
        }
    }

    fn root_directory(&self, index: usize) -> PathBuf {
        self.directory.join(format!("{}-root", self.actors[index].name))
    }

    /// What only the keeper knows and an op needs. The outer error ends the
    /// question; the inner is the op's own failure.
    #[expect(clippy::type_complexity, reason = "two kinds of failure, each with its meaning")]
    fn context(&mut self, index: usize, op: &Op) -> Result<Result<(Context, Vec<OwnedFd>), (Errno, String)>, NoAnswer> {
        let mut context = Context::default();
        let mut fds = Vec::new();
        if !depends(op) {
            return Ok(Ok((context, fds)));
        }
        // The actor whose namespaces the op needs, and which.
        let mut wanted = (None, Vec::new());
        match op {
            Op::Setns { of, kinds } => {
                // User first: it gives the right to enter the others.
                let mut kinds = kinds.clone();
                kinds.sort();
                wanted = (Some(self.living(of)?), kinds);
            }
            Op::Link(LinkOp::Veth { actor, .. }) => wanted = (Some(self.living(actor)?), vec![NsKind::Net]),
            Op::Kill { target, .. } | Op::Idmap { of: target, .. } | Op::Hold { of: target, .. } => {
                let target = self.actors[self.living(target)?].pid;
                context.target = pid_as_seen_by(target, self.actors[index].pid);
            }
            Op::Cgroup(CgroupOp::Join { group }) => match self.cgroups.doors(group) {
                Ok(doors) => context.doors = doors.iter().map(|door| door.to_string_lossy().into_owned()).collect(),
                Err(failure) => return Ok(Err(failure)),
            },
            Op::Root { kind: RootKind::Copy { .. } } => {
                let path = self.root_directory(index);
                let line = Line::Directory { name: format!("{}-root", self.actors[index].name) };
                let made = self
                    .journal
                    .write(&line)
                    .and_then(|()| std::fs::create_dir_all(&path))
                    .and_then(|()| maps::give(&path, self.actors[index].pid));
                if let Err(error) = made {
                    return Ok(Err((Errno::from(&error), path.display().to_string())));
                }
                context.directory = Some(path.to_string_lossy().into_owned());
            }
            _ => {}
        }
        if let (Some(of), kinds) = wanted {
            let target = self.actors[of].pid;
            for kind in kinds {
                let path = format!("/proc/{target}/ns/{}", kind.name());
                match std::fs::File::open(&path) {
                    Ok(file) => {
                        fds.push(OwnedFd::from(file));
                        context.namespaces.push((kind, path));
                    }
                    Err(error) => return Ok(Err((Errno::from(&error), path))),
                }
            }
        }
        Ok(Ok((context, fds)))
    }

    /// Ends every actor and whatever descends from them, and removes what they left.
    fn take_down(&mut self) {
        self.cgroups.kill_all();
        // All at once, so that none waits for another's end; an open connection
        // says that the PID is still the actor's.
        let living = self.actors.iter().filter(|actor| actor.ended.is_none());
        let pidfds: Vec<OwnedFd> = living.filter_map(|actor| process::pidfd_open(actor.pid).ok()).collect();
        for pidfd in &pidfds {
            // ESRCH: it has just ended by itself.
            let _ = process::pidfd_kill(pidfd, libc::SIGKILL);
        }
        sweep::wait_for_end(&pidfds);
        self.actors.clear();
        self.launched.clear();
        self.sessions.clear();
        let last = loop {
            match process::reap() {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        // ECHILD: they were all there was.
        if last != Err(Errno(libc::ECHILD)) {
            sweep::end_descendants(&std::collections::BTreeSet::new());
        }
        while let Ok(Some(_)) = self.signals.read_signal() {}
        self.groups_left |= !self.cgroups.remove().is_empty();
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name() != "journal" {
                // What can't be removed stays named in the journal.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The program died without restoring the terminal: do it for it.
    fn restore_terminal(&self) {
        if let Some((terminal, settings)) = &self.terminal {
            let _ = nix::unistd::write(terminal, LEAVE_SCREEN);
            let _ = settings.restore(terminal);
        }
    }
}

/// How long an op may take.
fn patience(op: &Op) -> Duration {
    match op {
        Op::Run { seconds, .. } => OP_PATIENCE + Duration::from_secs(u64::from(*seconds)),
        _ => OP_PATIENCE,
    }
}

/// Whether the keeper must find something out or do something for an op ([`Keeper::context`]), which
/// the ops before it may change.
fn depends(op: &Op) -> bool {
    matches!(
        op,
        Op::Setns { .. }
            | Op::Kill { .. }
            | Op::Idmap { .. }
            | Op::Hold { .. }
            | Op::Volume { .. }
            | Op::Cgroup(_)
            | Op::Link(LinkOp::Veth { .. })
            | Op::Root { kind: RootKind::Copy { .. } }
    )
}

/// The PID that a pidfd stands for, in the keeper's own namespace: `Pid:` of
/// /proc/self/fdinfo/FD, pidfd_open(2).
fn host_pid(pidfd: &OwnedFd) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok()).filter(|pid| *pid > 0)
}

/// The number by which `viewer` knows `target` (both host PIDs): the entry of the
/// target's NSpid at the viewer's depth, where the viewer's namespace is the
/// target's or an ancestor of it.
fn pid_as_seen_by(target: u32, viewer: u32) -> Option<u32> {
    let depth = nspid(viewer)?.len();
    nspid(target)?.get(depth - 1).copied()
}

fn nspid(pid: u32) -> Option<Vec<u32>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let pids: Vec<u32> = line.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    (!pids.is_empty()).then_some(pids)
}
