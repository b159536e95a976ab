//! The program's side of a lab: starts the keeper, asks it, and buries it. The one
//! door of this part for the composition root and the doctor.

mod groups;
mod slowly;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::protocol::{ActorInfo, Failure, FromKeeper, Performed, Program, ToKeeper};
use super::{cgroups, journal, sweep, volumes};
use crate::i18n::{Explain, Lang};
use crate::kernel::process::{self, Exit};
use crate::kernel::program::{place_in_file, sealed_copy, spawn_detached};
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::terminal::Settings;
use crate::kernel::{Errno, Filters, Traced};
use crate::lesson::library::solutions;
use crate::lesson::op::Op;

pub use slowly::Slow;

/// The hidden argument that makes the program a keeper.
pub const KEEPER_ARGUMENT: &str = "__keeper";
/// What fills the keeper's argument area, so that actors have room for a title.
const TITLE_ROOM: &str = "                                                ";
/// How long the keeper may take for an answer beyond what it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(15);

/// The keepers of this process: children that a burial must spare.
static KEEPERS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn keepers() -> MutexGuard<'static, BTreeSet<u32>> {
    KEEPERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directories of this process's labs that could not remove all of their groups: while
/// another lab has groups beside them, the program can't leave the leaf that the first one
/// put it in.
static LEFT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn left() -> MutexGuard<'static, Vec<PathBuf>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running program.
const OWN: &str = "/proc/self/exe";
/// What keepers are started from: the first lab of a process makes it.
static COPY: OnceLock<OwnedFd> = OnceLock::new();

/// It has no solutions: in the grader's jail it is all of the program that can be read.
fn copy_of(program: &Path) -> std::io::Result<&'static OwnedFd> {
    if let Some(copy) = COPY.get() {
        return Ok(copy);
    }
    let blank = if program == Path::new(OWN) {
        place_in_file(solutions()).ok_or_else(|| std::io::Error::other("/proc/self/maps"))?
    } else {
        0..0
    };
    let copy = sealed_copy(program, &blank)?;
    Ok(COPY.get_or_init(|| copy))
}

/// Makes the copy of the program that keepers are started from: for who forks processes
/// that each start a lab.
pub fn prepare() -> std::io::Result<()> {
    copy_of(Path::new(OWN)).map(drop)
}

/// Removes what a dead lab left; what can't be is tried again when another lab ends.
fn sweep_one(directory: PathBuf) {
    let mut swept = sweep::Swept::default();
    sweep::sweep_lab(&directory, &mut swept);
    if !swept.left.is_empty() {
        left().push(directory);
    }
}

/// What the lab could not do.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The keeper could not be started.
    #[error("failed to start the keeper: {doing}: {errno}")]
    Start {
        /// What was being done.
        doing: String,
        /// Why it failed.
        errno: Errno,
    },
    /// The keeper died; all that it had made has been removed.
    #[error("the lab's keeper died; all that it had made was removed")]
    KeeperDied,
    /// The keeper said no.
    #[error("{}", .0.explain(Lang::En))]
    Failed(Failure),
}

/// How to start a lab.
#[derive(Debug, Default)]
pub struct Options {
    /// The terminal to restore if this program dies, with what to put back.
    pub terminal: Option<(OwnedFd, Settings)>,
    /// Whether the lesson needs the machine's own root.
    pub real_root: bool,
    /// The program whose copy becomes the keeper, instead of the running one; the
    /// first lab of a process decides.
    pub program: Option<PathBuf>,
    /// Where labs live, instead of [`journal::base`].
    pub base: Option<PathBuf>,
}

/// What was launched: its id, and our end of its terminal or pipe.
#[derive(Debug)]
pub struct Launch {
    /// Names it.
    pub id: u64,
    /// The pty's master, or the read end of its output.
    pub fd: OwnedFd,
}

/// A running lab. Dropping it takes everything down.
#[derive(Debug)]
pub struct Lab {
    connection: Connection,
    keeper: Child,
    directory: PathBuf,
    actors: Vec<ActorInfo>,
    ended: HashMap<u64, Exit>,
    buried: bool,
    /// Whether actors have been asked for and not yet heard of ([`Self::spawn_ahead`]).
    awaits_actors: bool,
    /// The program whose copy the keeper is.
    program: PathBuf,
}

impl Lab {
    /// Starts a keeper. The calling process becomes a subreaper: should the keeper
    /// be killed, its orphans come here.
    pub fn start(options: Options) -> Result<Self, LabError> {
        fn failed<E: Into<Errno>>(doing: &str) -> impl FnOnce(E) -> LabError + '_ {
            move |error| LabError::Start { doing: doing.to_owned(), errno: error.into() }
        }
        process::become_subreaper().map_err(failed("prctl"))?;
        let program = options.program.unwrap_or_else(|| PathBuf::from(OWN));
        let copy = copy_of(&program).map_err(failed("memfd_create"))?;
        let base = options.base.unwrap_or_else(journal::base);
        let name = fresh_name();
        let directory = base.join(&name);
        let (ours, theirs) = Connection::pair().map_err(failed("socketpair"))?;
        let theirs = theirs.into_fd();
        let (terminal, settings) = options.terminal.unzip();
        let mut fds = vec![theirs.as_raw_fd()];
        fds.extend(terminal.as_ref().map(AsRawFd::as_raw_fd));
        let args = [KEEPER_ARGUMENT.to_owned(), TITLE_ROOM.to_owned()];
        // Held over the fork: a burial under way must see it or come before it.
        let mut known = keepers();
        let volumes = directory.join(volumes::NAME).to_string_lossy().into_owned();
        let cgroup = directory.join(cgroups::NAME).to_string_lossy().into_owned();
        let env =
            [(super::program::MARKER, name.as_str()), (volumes::VARIABLE, &volumes), (cgroups::VARIABLE, &cgroup)];
        let keeper = spawn_detached(copy, &args, &env, &fds).map_err(|error| {
            // The one of its calls that is refused for want of room for a key.
            let call = if error.raw_os_error() == Some(libc::EDQUOT) { "keyctl" } else { "execve" };
            failed(call)(error)
        })?;
        known.insert(keeper.id());
        drop(known);
        drop(theirs);
        let mut lab = Self {
            connection: ours,
            keeper,
            directory,
            actors: Vec::new(),
            ended: HashMap::new(),
            buried: false,
            awaits_actors: false,
            program,
        };
        // There is somebody by now who would remove it.
        journal::make_directory(&base, &name).map_err(failed(&base.display().to_string()))?;
        let directory = lab.directory.to_string_lossy().into_owned();
        lab.ask(&ToKeeper::Hello { directory, terminal: settings, real_root: options.real_root }, Duration::ZERO)?;
        Ok(lab)
    }

    /// The actors, dead ones among them, in the order in which they were made.
    pub fn actors(&self) -> &[ActorInfo] {
        &self.actors
    }

    /// The keeper's PID.
    pub fn keeper(&self) -> u32 {
        self.keeper.id()
    }

    /// How something launched ended, once that is known.
    pub fn ended(&self, launch: u64) -> Option<Exit> {
        self.ended.get(&launch).copied()
    }

    /// Makes an actor: a plain child of the keeper.
    pub fn spawn(&mut self, actor: &str) -> Result<ActorInfo, LabError> {
        self.spawn_ahead(&[actor])?;
        self.meet()?;
        match self.actors.last() {
            Some(made) => Ok(made.clone()),
            None => Err(self.bury()),
        }
    }

    /// Asks for actors without waiting for them: the next question, or [`Self::listen`],
    /// does, and has the error where one can't be made.
    pub fn spawn_ahead(&mut self, actors: &[&str]) -> Result<(), LabError> {
        self.meet()?;
        self.say(&ToKeeper::Spawn { actors: actors.iter().map(|&name| name.to_owned()).collect() })?;
        self.awaits_actors = true;
        Ok(())
    }

    /// Waits for the actors that have been asked for.
    fn meet(&mut self) -> Result<(), LabError> {
        if !std::mem::take(&mut self.awaits_actors) {
            return Ok(());
        }
        match self.answer(Duration::ZERO)? {
            FromKeeper::Spawned(made, failure) => {
                self.actors.extend(made);
                failure.map_or(Ok(()), |failure| Err(LabError::Failed(failure)))
            }
            _ => Err(self.bury()),
        }
    }

    /// Has an actor carry out an op on itself. A failing op is no error: it is in
    /// the answer, with the calls made so far.
    pub fn perform(&mut self, actor: &str, op: &Op) -> Result<Performed, LabError> {
        let (mut done, failure) = self.perform_all(vec![(actor.to_owned(), op.clone())])?;
        match (done.pop(), failure) {
            (Some(performed), None) => Ok(performed),
            (_, Some(failure)) => Err(LabError::Failed(failure)),
            (None, None) => Err(self.bury()),
        }
    }

    /// Has actors carry out ops on themselves, one after the other, up to and with
    /// the first that fails. Beside what was done: why an actor could not be asked.
    pub fn perform_all(&mut self, ops: Vec<(String, Op)>) -> Result<(Vec<Performed>, Option<Failure>), LabError> {
        let patience = PATIENCE * ops.len() as u32 + ops.iter().map(|(_, op)| run_time(op)).sum::<Duration>();
        match self.ask(&ToKeeper::Perform { ops }, patience)? {
            FromKeeper::Performed(done, failure) => {
                self.actors.extend(done.iter().filter_map(|performed| performed.made.clone()));
                Ok((done, failure))
            }
            _ => Err(self.bury()),
        }
    }

    /// An actor's own view, opaque, as is what it is asked for; `None` when it did not
    /// answer in time.
    pub fn view(&mut self, actor: &str, look: &[u8], patience: Duration) -> Result<Option<Vec<u8>>, LabError> {
        let request =
            ToKeeper::View { actor: actor.to_owned(), patience: patience.as_millis() as u32, look: look.to_vec() };
        match self.ask(&request, patience)? {
            FromKeeper::View(view) => Ok(view),
            _ => Err(self.bury()),
        }
    }

    /// Traces the commands of an actor's shells, those that run and those to come, or
    /// ceases to. What was listed before is forgotten.
    pub fn trace(&mut self, actor: &str, on: bool) -> Result<(), LabError> {
        self.ask(&ToKeeper::Trace { actor: actor.to_owned(), on }, Duration::ZERO).map(drop)
    }

    /// The calls that an actor has seen; `None` when it did not answer in time.
    pub fn traced(&mut self, actor: &str, patience: Duration) -> Result<Option<Traced>, LabError> {
        let request = ToKeeper::Traced { actor: actor.to_owned(), patience: patience.as_millis() as u32 };
        match self.ask(&request, patience)? {
            FromKeeper::Traced(traced) => Ok(traced),
            _ => Err(self.bury()),
        }
    }

    /// The seccomp filters of an actor, and what they asked it; `None` when it did not
    /// answer in time.
    pub fn filters(&mut self, actor: &str, patience: Duration) -> Result<Option<Filters>, LabError> {
        let request = ToKeeper::Filters { actor: actor.to_owned(), patience: patience.as_millis() as u32 };
        match self.ask(&request, patience)? {
            FromKeeper::Filters(filters) => Ok(filters),
            _ => Err(self.bury()),
        }
    }

    /// What any process sees, from inside its namespaces, all but pid; opaque.
    /// `None` when no report came in time; `Failed` where the process is gone
    /// (ESRCH) or may not be looked at (EACCES, ptrace(2)).
    pub fn observe(&mut self, pid: u32, look: &[u8], patience: Duration) -> Result<Option<Vec<u8>>, LabError> {
        let request = ToKeeper::Observe { pid, patience: patience.as_millis() as u32, look: look.to_vec() };
        match self.ask(&request, patience)? {
            FromKeeper::View(view) => Ok(view),
            _ => Err(self.bury()),
        }
    }

    /// The PID of the process that differs from an actor in a namespace or its root
    /// directory, among those that the actor's shells have started; of several the
    /// last, of those alike from parent to child the first.
    pub fn find(&mut self, shell: &str) -> Result<Option<u32>, LabError> {
        match self.ask(&ToKeeper::Find { shell: shell.to_owned() }, Duration::ZERO)? {
            FromKeeper::Found(found) => Ok(found),
            _ => Err(self.bury()),
        }
    }

    /// Starts a shell or a command in an actor, on a terminal of that many rows and
    /// columns or, without, on a pipe.
    pub fn launch(&mut self, actor: &str, program: Program, terminal: Option<(u16, u16)>) -> Result<Launch, LabError> {
        let request = ToKeeper::Launch { actor: actor.to_owned(), program, terminal };
        match self.ask(&request, Duration::ZERO)? {
            FromKeeper::Launched { launch } => match self.connection.take_descriptor() {
                Some(fd) => Ok(Launch { id: launch, fd }),
                None => Err(self.bury()),
            },
            _ => Err(self.bury()),
        }
    }

    /// Kills the process group of something launched.
    pub fn end(&mut self, launch: u64) -> Result<(), LabError> {
        self.ask(&ToKeeper::End { launch }, Duration::ZERO).map(drop)
    }

    /// Takes every actor down, with all that they left. The keeper stays.
    pub fn reset(&mut self, real_root: bool) -> Result<(), LabError> {
        self.ask(&ToKeeper::Reset { real_root }, sweep::PATIENCE)?;
        self.actors.clear();
        self.ended.clear();
        Ok(())
    }

    /// Takes in what the keeper said unasked, without waiting but for actors asked for.
    pub fn listen(&mut self) -> Result<(), LabError> {
        self.meet()?;
        loop {
            let next = match self.connection.next_frame() {
                Ok(None) => self.connection.fill().and_then(|()| self.connection.next_frame()),
                arrived => arrived,
            };
            match next {
                Ok(Some(bytes)) => self.note(&bytes)?,
                Ok(None) => return Ok(()),
                Err(_) => return Err(self.bury()),
            }
        }
    }

    fn note(&mut self, bytes: &[u8]) -> Result<(), LabError> {
        match postcard::from_bytes(bytes) {
            Ok(said) => {
                self.unasked(said);
                Ok(())
            }
            Err(_) => Err(self.bury()),
        }
    }

    /// Notes what the keeper says unasked; gives anything else back.
    fn unasked(&mut self, said: FromKeeper) -> Option<FromKeeper> {
        match said {
            FromKeeper::Ended { launch, exit } => {
                self.ended.insert(launch, exit);
                None
            }
            FromKeeper::ActorEnded { actor, exit } => {
                if let Some(info) = self.actors.iter_mut().find(|info| info.name == actor) {
                    info.ended = Some(exit);
                }
                None
            }
            other => Some(other),
        }
    }

    fn ask(&mut self, request: &ToKeeper, extra: Duration) -> Result<FromKeeper, LabError> {
        self.say(request)?;
        let met = self.meet();
        let answer = self.answer(extra);
        met.and(answer)
    }

    fn say(&mut self, request: &ToKeeper) -> Result<(), LabError> {
        if self.buried {
            return Err(LabError::KeeperDied);
        }
        let sent = postcard::to_stdvec(request)
            .map_err(|_| FrameError::TooLong(0))
            .and_then(|bytes| self.connection.send(&bytes, &[], PATIENCE));
        sent.map_err(|_| self.bury())
    }

    fn answer(&mut self, extra: Duration) -> Result<FromKeeper, LabError> {
        if self.buried {
            return Err(LabError::KeeperDied);
        }
        let deadline = Instant::now() + PATIENCE + extra;
        loop {
            let answer = self.connection.receive(deadline).ok().and_then(|bytes| postcard::from_bytes(&bytes).ok());
            match answer.map(|said| self.unasked(said)) {
                Some(None) => {}
                Some(Some(FromKeeper::Failed(failure))) => return Err(LabError::Failed(failure)),
                Some(Some(answer)) => return Ok(answer),
                None => return Err(self.bury()),
            }
        }
    }

    /// The keeper is dead or has gone mad: end it and all that it made, now.
    fn bury(&mut self) -> LabError {
        if !self.buried {
            self.buried = true;
            // ESRCH: it is dead already.
            let _ = self.keeper.kill();
            let _ = self.keeper.wait();
            let mut known = keepers();
            known.remove(&self.keeper.id());
            // First: who is frozen does not end before it is thawed.
            let lab = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            cgroups::end::sweep(&lab, &journal::read(&self.directory).unwrap_or_default());
            sweep::end_descendants(&known);
            drop(known);
            sweep_one(self.directory.clone());
            self.actors.clear();
        }
        LabError::KeeperDied
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.buried {
            return;
        }
        let earlier = std::mem::take(&mut *left());
        let bye = postcard::to_stdvec(&ToKeeper::Bye).unwrap_or_default();
        if self.connection.send(&bye, &[], PATIENCE).is_ok() {
            let deadline = Instant::now() + PATIENCE + sweep::PATIENCE;
            // Unasked words may still come; the end of the connection is the answer.
            while self.connection.receive(deadline).is_ok() {}
        }
        // In order, it has ended and removed everything; otherwise this does it.
        let clean = self.connection.is_closed() && self.keeper.wait().is_ok_and(|status| status.success());
        if clean {
            keepers().remove(&self.keeper.id());
        } else {
            self.bury();
        }
        earlier.into_iter().for_each(sweep_one);
    }
}

/// What an op may take besides what any may.
fn run_time(op: &Op) -> Duration {
    match op {
        Op::Run { seconds, .. } => Duration::from_secs(u64::from(*seconds)),
        _ => Duration::ZERO,
    }
}

/// Sweeps what killed runs of this user left.
pub fn sweep_leftovers(base: Option<&Path>) -> sweep::Swept {
    let default = journal::base();
    sweep::sweep(base.unwrap_or(&default))
}

/// A name that no other lab has: PID and the nanoseconds of the clock.
pub(super) fn fresh_name() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", std::process::id(), now.as_nanos() & 0xffff_ffff_ffff)
}
