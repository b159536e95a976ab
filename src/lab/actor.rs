//! An actor: a puppet process that carries out one operation at a time on itself
//! and reports what it sees. Forked by the keeper, or by an actor; single-threaded;
//! ends when its socket closes, and is killed when its parent dies.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::gate::gate;
use super::ops;
use super::protocol::{Ask, Context, Mapped, Performed, Program, Said, ToActor};
use super::supervisor::Supervisor;
use super::tracer::Tracer;
use super::{Reporter, cgroups, program, volumes};
use crate::kernel::bpf::Instruction;
use crate::kernel::call::Gate;
use crate::kernel::process::{self, Side};
use crate::kernel::program::{Hold, Launch, Streams, default_signals, launch_held, pipe};
use crate::kernel::pty::{Pty, open_pty};
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::{Errno, Trace};
use crate::lesson::op::{CapsOp, LandlockOp, MapKind, NsKind, Op, SeccompOp};

/// How long an actor waits for a keeper that does not take its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most processes in a box's own user namespace (RLIMIT_NPROC): enough for any
/// task, and the end of a fork bomb.
const MOST_PROCESSES: u64 = 512;

/// The state of one actor process.
pub struct Actor {
    /// What the lesson calls it.
    name: String,
    keeper: Connection,
    report: Reporter,
    /// The parent's PID as this process sees it; 0 when it is outside.
    parent: u32,
    /// The number of the question being answered.
    number: u64,
    /// Whether this actor left its first user namespace.
    own_users: bool,
    /// The root directory built last.
    pub(super) root: Option<String>,
    tracer: Tracer,
    supervisor: Supervisor,
    /// The shells and commands that run: PID and program.
    launched: BTreeMap<u32, String>,
    /// The namespaces that it keeps open.
    held: Vec<(NsKind, OwnedFd)>,
}

/// Runs the actor that this freshly forked process is to be. Keeps only the
/// connection (as descriptor 3); never returns, never unwinds into the code of the
/// process it was forked from.
pub fn become_actor(
    connection: Connection,
    name: &str,
    report: Reporter,
    parent: u32,
    (own_users, filters): (bool, Vec<Vec<Instruction>>),
) -> ! {
    let body = move || -> Result<(), Errno> {
        let fd = connection.into_fd();
        if fd.as_raw_fd() != 3 {
            process::move_to(&fd, 3)?;
        }
        std::mem::forget(fd);
        process::close_from(4)?;
        process::set_title(name, &format!("cloison {name}"));
        default_signals()?;
        process::die_with_parent(parent)?;
        let keeper = Connection::new(process::inherited(3));
        let mut actor = Actor {
            name: name.to_owned(),
            keeper,
            report,
            parent,
            number: 0,
            own_users,
            root: None,
            held: Vec::new(),
            tracer: Tracer::default(),
            supervisor: Supervisor::inherited(filters),
            launched: BTreeMap::new(),
        };
        // Any frame error means that the keeper is gone or mad: end.
        let _ = actor.serve();
        Ok(())
    };
    let code = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(_)) => 1,
        Err(_) => 101,
    };
    process::exit_now(code)
}

impl Actor {
    fn serve(&mut self) -> Result<(), FrameError> {
        let mut chld = SigSet::empty();
        chld.add(Signal::SIGCHLD);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&chld), None)?;
        let signals = SignalFd::with_flags(&chld, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        loop {
            while let Some(bytes) = self.keeper.next_frame()? {
                let Ok(ToActor { number, ask }) = postcard::from_bytes(&bytes) else {
                    return Err(FrameError::TooLong(bytes.len()));
                };
                self.number = number;
                self.answer(ask)?;
            }
            let more = self.reap()?;
            self.supervisor.turn();
            let mut ready = vec![
                PollFd::new(self.keeper.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            ];
            ready.extend(self.supervisor.descriptors().map(|listener| PollFd::new(listener, PollFlags::POLLIN)));
            match poll(&mut ready, if more { PollTimeout::ZERO } else { PollTimeout::NONE }) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            while let Ok(Some(_)) = signals.read_signal() {}
            self.keeper.fill()?;
        }
    }

    /// Takes in what children and tracees do, and collects every child that has
    /// ended, orphans among them, and says so; whether there may be more.
    fn reap(&mut self) -> Result<bool, FrameError> {
        let more = self.tracer.turn();
        for (pid, exit) in self.tracer.take_ended() {
            self.launched.remove(&pid);
            self.say(0, &Said::Ended { pid, exit }, &[])?;
        }
        Ok(more)
    }

    fn answer(&mut self, ask: Ask) -> Result<(), FrameError> {
        match ask {
            Ask::Perform { ops, slowly } => {
                let mut done = Vec::with_capacity(ops.len());
                for (op, context) in &ops {
                    let trace = if slowly { Trace::slowly(self.gate()?) } else { Trace::default() };
                    let performed = self.perform(op, context, trace)?;
                    let failed = performed.failure.is_some();
                    done.push(performed);
                    if failed {
                        break;
                    }
                }
                self.say(self.number, &Said::Performed(done), &[])
            }
            Ask::View { look } => {
                let view = (self.report.own)(&look);
                self.say(self.number, &Said::View(view), &[])
            }
            Ask::Launch { program, terminal } => {
                let ends = terminal.map_or(Ends::Pipe, |(rows, cols)| Ends::Terminal(rows, cols));
                self.launch(&program, ends)
            }
            Ask::LaunchOn { program } => match self.keeper.take_descriptor() {
                Some(slave) => self.launch(&program, Ends::Given(slave)),
                None => self.say(self.number, &Said::Failed(Errno(libc::EBADF), String::new()), &[]),
            },
            Ask::End { pid } => {
                let group = nix::unistd::Pid::from_raw(-(pid as i32));
                // ESRCH: it has ended by itself.
                let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
                self.say(self.number, &Said::Done, &[])
            }
            Ask::Trace { on } => {
                let traced = self.tracer.trace_shells(on, &self.launched);
                let said = traced.map_or_else(|errno| Said::Failed(errno, "ptrace".to_owned()), |()| Said::Done);
                self.say(self.number, &said, &[])
            }
            Ask::Traced => {
                let traced = self.tracer.report();
                self.say(self.number, &Said::Traced(traced), &[])
            }
            Ask::Filters => {
                let filters = self.supervisor.report();
                self.say(self.number, &Said::Filters(filters), &[])
            }
            // Answers to nothing that was asked: ignored.
            Ask::Mapped(_) | Ask::GoOn => Ok(()),
        }
    }

    pub(super) fn say(&mut self, number: u64, said: &Said, fds: &[&OwnedFd]) -> Result<(), FrameError> {
        #[derive(serde::Serialize)]
        struct Borrowed<'a> {
            number: u64,
            said: &'a Said,
        }
        let bytes = postcard::to_stdvec(&Borrowed { number, said }).map_err(|_| FrameError::TooLong(0))?;
        let numbers: Vec<i32> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        self.keeper.send(&bytes, &numbers, PATIENCE)
    }

    /// Where it waits after each call, in slow motion.
    fn gate(&self) -> Result<Gate, FrameError> {
        gate(self.keeper.as_fd(), self.number, self.report, self.parent).map_err(FrameError::Io)
    }

    fn limit(&self) -> Option<u64> {
        let hard = getrlimit(Resource::RLIMIT_NPROC).map_or(u64::MAX, |(_, hard)| hard);
        self.own_users.then_some(MOST_PROCESSES.min(hard))
    }

    fn launch(&mut self, what: &Program, ends: Ends) -> Result<(), FrameError> {
        let mut trace = Trace::default();
        let plan = program::launch(what, self.limit());
        let shell = plan.argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
        let started = start(&mut trace, &plan, ends, &mut self.tracer);
        match started {
            Ok((pid, fd, pidfd)) => {
                self.launched.insert(pid, shell);
                self.say(self.number, &Said::Launched { pid }, &[&fd, &pidfd])
            }
            Err(errno) => {
                let doing = trace.calls.last().map_or_else(String::new, |call| call.name.clone());
                self.say(self.number, &Said::Failed(errno, doing), &[])
            }
        }
    }

    /// Carries out one op; the error is only that the keeper is gone.
    fn perform(&mut self, op: &Op, context: &Context, mut trace: Trace) -> Result<Performed, FrameError> {
        let mut performed = Performed::default();
        let done = match op {
            Op::Unshare { kinds, map } => match ops::namespaces::unshare(&mut trace, kinds) {
                Ok(()) => {
                    if kinds.contains(&NsKind::User) {
                        self.own_users = true;
                        // New credentials may have cleared it.
                        process::die_with_parent(self.parent).map_err(FrameError::Io)?;
                    }
                    match map {
                        Some(kind) => self.map(&mut trace, *kind)?,
                        None => Ok(()),
                    }
                }
                Err(failure) => Err(failure),
            },
            Op::Map { kind } => self.map(&mut trace, *kind)?,
            Op::Fork { child } => self.fork(&mut trace, child)?,
            Op::Setns { kinds, .. } => {
                let fds = self.descriptors(context);
                let entered = ops::namespaces::setns(&mut trace, &fds, &context.namespaces);
                self.entered(kinds)?;
                entered
            }
            Op::SetnsHeld { at, kinds } => {
                let at = at.as_ref().map(|at| self.resolve(at));
                let entered = ops::holding::enter(&mut trace, at.as_deref(), kinds, &self.held);
                self.entered(kinds)?;
                entered
            }
            Op::Hold { kind, at, .. } => {
                let at = at.as_ref().map(|at| self.resolve(at));
                ops::holding::hold(&mut trace, context.target, *kind, at.as_deref(), &mut self.held)
            }
            Op::Release { kind } => ops::holding::release(&mut trace, *kind, &mut self.held),
            Op::Idmap { setgroups, uid_map, gid_map, .. } => {
                let files = [("setgroups", setgroups), ("uid_map", uid_map), ("gid_map", gid_map)];
                ops::namespaces::write_map(&mut trace, context.target, files)
            }
            Op::Clock { monotonic, boottime } => ops::namespaces::clock(&mut trace, *monotonic, *boottime),
            Op::Hostname { name } => ops::names::hostname(&mut trace, name),
            Op::Domainname { name } => ops::names::domainname(&mut trace, name),
            Op::Mount { fstype, source, target, flags, data } => {
                let target = self.resolve(target);
                let source = self.resolve(source);
                ops::mounts::mount(&mut trace, &source, &target, fstype, flags, data)
            }
            Op::Umount { target, detach } => ops::mounts::umount(&mut trace, &self.resolve(target), *detach),
            Op::Root { kind } => match ops::roots::build(&mut trace, kind, context.directory.as_deref()) {
                Ok(path) => {
                    self.root = Some(path);
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
            Op::Chroot { path } => ops::mounts::chroot(&mut trace, &self.resolve(path)),
            Op::PivotRoot { path } => ops::mounts::pivot_root(&mut trace, &self.resolve(path)),
            Op::Shmget { key, size, flags } => ops::ipc::shmget(&mut trace, key, *size, flags),
            Op::Mqueue { target } => ops::ipc::mqueue(&mut trace, &self.resolve(target)),
            Op::Mkdir { path } => ops::files::mkdir(&mut trace, &self.resolve(path)),
            Op::Write { path, text } => ops::files::write(&mut trace, &self.resolve(path), text),
            // The keeper's own work: the directory is outside of every box.
            Op::Volume { .. } => Ok(()),
            Op::Cgroup(_) => ops::cgroup::join(&mut trace, &context.doors),
            Op::Caps(op) => {
                let path = if let CapsOp::File { path, .. } = op { self.resolve(path) } else { String::new() };
                let done = ops::caps::perform(&mut trace, op, &path);
                if matches!(op, CapsOp::Become { .. }) {
                    // The change of uid cleared both.
                    process::make_dumpable().map_err(FrameError::Io)?;
                    process::die_with_parent(self.parent).map_err(FrameError::Io)?;
                }
                done
            }
            Op::Kill { signal, .. } => ops::processes::kill(&mut trace, context.target, signal),
            Op::Link(link) => {
                let fds = self.descriptors(context);
                ops::net::link(&mut trace, link, &fds, &context.namespaces)
            }
            Op::Address { dev, add } => ops::net::address(&mut trace, dev, add),
            Op::Route { to, via, dev } => ops::net::route(&mut trace, to, via.as_deref(), dev.as_deref()),
            Op::Listen { at } => ops::net::listen(&mut trace, at, &self.name),
            Op::Connect { to, hears } => ops::net::connect(&mut trace, to, hears.as_deref()),
            Op::Seccomp(op) => match ops::walls::seccomp(&mut trace, &self.at(op)) {
                Ok((program, listener)) => {
                    self.supervisor.add(program, listener);
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
            Op::Landlock(LandlockOp { read, write }) => {
                let [read, write] = [read, write].map(|paths| paths.iter().map(|path| self.resolve(path)).collect());
                ops::walls::landlock(&mut trace, &LandlockOp { read, write })
            }
            Op::Run { argv, seconds, background, trace: traced } => {
                let (limit, traced) = (self.limit(), *traced);
                let argv: Vec<String> = argv.iter().map(|word| self.resolve(word)).collect();
                let run = ops::processes::Run {
                    argv: &argv,
                    seconds: *seconds,
                    background: *background,
                    trace: traced,
                    limit,
                };
                match ops::processes::run(&mut trace, (&mut self.tracer, &mut self.supervisor), &run) {
                    Ok(ran) => {
                        performed.ran = Some(ran);
                        Ok(())
                    }
                    Err(failure) => Err(failure),
                }
            }
        };
        performed.calls = trace.calls;
        performed.failure = done.err();
        Ok(performed)
    }

    /// New credentials have cleared what tied it to its parent, and may have made its
    /// /proc files another's.
    fn entered(&mut self, kinds: &[NsKind]) -> Result<(), FrameError> {
        if kinds.contains(&NsKind::User) {
            self.own_users = true;
            process::make_dumpable().map_err(FrameError::Io)?;
            process::die_with_parent(self.parent).map_err(FrameError::Io)?;
        }
        Ok(())
    }

    /// The namespaces that came along with an op.
    fn descriptors(&mut self, context: &Context) -> Vec<OwnedFd> {
        let mut fds = Vec::new();
        for _ in &context.namespaces {
            fds.extend(self.keeper.take_descriptor());
        }
        fds
    }

    /// `{root}` is the root that this actor built last; `{volumes}` is where the
    /// lab's volumes are, `{cgroup}` where the links to its groups are.
    fn resolve(&self, path: &str) -> String {
        let path = path.replace("{root}", self.root.as_deref().unwrap_or("/"));
        let path = path.replace("{volumes}", &volumes::directory().unwrap_or_default());
        path.replace("{cgroup}", &cgroups::links().unwrap_or_default())
    }

    /// A filter's op with its path filled in.
    fn at(&self, op: &SeccompOp) -> SeccompOp {
        match op {
            SeccompOp::Profile { path } => SeccompOp::Profile { path: self.resolve(path) },
            other => other.clone(),
        }
    }

    /// Has the keeper write the maps, then becomes who they make it.
    fn map(&mut self, trace: &mut Trace, kind: MapKind) -> Result<ops::Outcome, FrameError> {
        self.say(self.number, &Said::NeedMaps(kind), &[])?;
        let Ask::Mapped(Mapped { calls, failure, become_ids }) = self.hear()? else {
            return Err(FrameError::TooLong(0));
        };
        trace.extend(calls);
        if let Some(failure) = failure {
            return Ok(Err(failure));
        }
        if let Some((uid, gid)) = become_ids {
            if let Err(errno) = process::become_user(trace, uid, gid, true) {
                return Ok(Err((errno, "setresuid".to_owned())));
            }
            // The change of uid cleared both.
            if process::make_dumpable().is_err() || process::die_with_parent(self.parent).is_err() {
                return Err(FrameError::Closed);
            }
        }
        Ok(Ok(()))
    }

    /// Makes a child that becomes an actor of its own: it waits to be asked by the
    /// keeper, who asks nothing of whom it has not written down.
    fn fork(&mut self, trace: &mut Trace, name: &str) -> Result<ops::Outcome, FrameError> {
        let (ours, theirs) = match Connection::pair() {
            Ok(pair) => pair,
            Err(errno) => return Ok(Err((errno, "socketpair".to_owned()))),
        };
        let before = nix::unistd::getpid().as_raw() as u32;
        let pid = match process::fork(trace) {
            Ok(Side::Parent(pid)) => pid,
            Ok(Side::Child) => {
                // The parent shows as 0 from inside a new PID namespace.
                let parent = if nix::unistd::getppid().as_raw() == 0 { 0 } else { before };
                become_actor(theirs, name, self.report, parent, (self.own_users, self.supervisor.programs().to_vec()))
            }
            Err(errno) => return Ok(Err((errno, "fork".to_owned()))),
        };
        drop(theirs);
        let pidfd = match process::pidfd_open(pid) {
            Ok(pidfd) => pidfd,
            Err(errno) => return Ok(Err((errno, "pidfd_open".to_owned()))),
        };
        self.say(self.number, &Said::Forked { pid }, &[&ours.into_fd(), &pidfd])?;
        Ok(Ok(()))
    }

    /// Waits for the keeper's next word in the middle of an op.
    fn hear(&mut self) -> Result<Ask, FrameError> {
        let bytes = self.keeper.receive(std::time::Instant::now() + PATIENCE)?;
        postcard::from_bytes::<ToActor>(&bytes).map(|word| word.ask).map_err(|_| FrameError::TooLong(bytes.len()))
    }
}

/// Where a program's input and output go.
enum Ends {
    /// To a pipe of the actor's.
    Pipe,
    /// To a terminal that the actor opens, of so many rows and columns.
    Terminal(u16, u16),
    /// To a terminal that the keeper opened.
    Given(OwnedFd),
}

/// Starts a program, traced where shells are; its PID, our end (of a terminal of the
/// keeper's: that terminal, so that every launch comes with a descriptor), its pidfd.
fn start(trace: &mut Trace, plan: &Launch, ends: Ends, tracer: &mut Tracer) -> Result<(u32, OwnedFd, OwnedFd), Errno> {
    let traced = tracer.on();
    let program = plan.argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let mut seize = |pid| {
        tracer.trace_shell(pid, &program);
        Ok(())
    };
    let hold: Option<Hold<'_>> = if traced { Some(&mut seize) } else { None };
    let (streams, ours) = match ends {
        Ends::Terminal(rows, cols) => {
            let Pty { master, slave } = open_pty(trace, rows, cols)?;
            (Streams::Terminal(slave), Some(master))
        }
        Ends::Pipe => {
            let (read, write) = pipe()?;
            (Streams::Pipe(write), Some(read.into()))
        }
        Ends::Given(slave) => (Streams::Terminal(slave), None),
    };
    let pid = launch_held(trace, plan, &streams, hold)?;
    let (Streams::Terminal(theirs) | Streams::Pipe(theirs)) = streams;
    let ours = ours.unwrap_or(theirs);
    Ok((pid, ours, process::pidfd_open(pid)?))
}
