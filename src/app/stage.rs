//! A lesson on the real machine: carries out steps in a lab, runs commands, opens
//! shells and takes snapshots. The screen's driver, the line interface and the
//! grader each use one; it knows nothing of any of them.

mod carrying;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::carried::Ends;
use super::filtered::Filtered;
use super::tracing::Tracing;
use crate::i18n::Lang;
use crate::kernel::process::Exit;
use crate::lab::client::Launch;
use crate::lab::helper::RUN;
use crate::lab::protocol::Failure;
use crate::lab::{Lab, LabError, Options, Program};
use crate::lesson::answers::Answers;
use crate::lesson::model::{HOST, Lesson};
use crate::lesson::op::Op;
use crate::lesson::values::Values;
use crate::observe::{Errno, Known, Reading, Sampler, Sections, Snapshot, Told, model::Unread};
use crate::session::{StepOutcome, pids};

pub use carrying::Carrying;

/// How long an actor may take to say what it sees: with thousands of processes it
/// has that many to read about. One that owes an answer is not waited for again.
const VIEW_PATIENCE: Duration = Duration::from_secs(2);
/// The same where no person waits: a verdict by what was seen before would be about how slow
/// the machine is.
const GRADING_PATIENCE: Duration = Duration::from_secs(10);
/// How often a command under way is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Says of a snapshot whether it is what a caller waits for, of which these sections
/// count.
pub type Satisfied<'a> = (Sections, &'a mut dyn FnMut(&Arc<Snapshot>) -> bool);

/// How a student's commands ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptEnd {
    /// How; nothing when they were stopped for taking too long.
    pub exit: Option<Exit>,
    /// Whether the caller was satisfied with a snapshot.
    pub satisfied: bool,
}

/// A lesson's lab.
pub struct Stage {
    lesson: Arc<Lesson>,
    values: Values,
    lab: Lab,
    sampler: Sampler,
    /// How long an actor is waited for.
    patience: Duration,
    /// Whether nothing is read that is not asked for, not even once: nobody looks at it.
    frugal: bool,
    /// The last snapshot.
    last: Option<Arc<Snapshot>>,
    tracing: Tracing,
    filtered: Filtered,
    /// The outputs of commands that have ended and left something running: closed,
    /// they would end what then prints a word (SIGPIPE).
    left_open: Vec<File>,
    /// What the shell of each actor had at the end of the last commands in it.
    carried: HashMap<String, String>,
}

impl Stage {
    /// Starts a lab for a lesson, with the actors that it begins with.
    pub fn open(lesson: Arc<Lesson>, values: Values, options: Options) -> Result<Self, LabError> {
        let lab = Lab::start(Options { real_root: needs_root(&lesson), ..options })?;
        Self::on(lab, lesson, values)
    }

    /// As [`Stage::open`], for the grader, who waits longer for what actors say, and looks
    /// at nothing but what is judged.
    pub fn open_to_grade(lesson: Arc<Lesson>, values: Values) -> Result<Self, LabError> {
        Ok(Self { patience: GRADING_PATIENCE, frugal: true, ..Self::open(lesson, values, Options::default())? })
    }

    /// Puts a lesson on a lab that is there already, and empty.
    pub fn on(lab: Lab, lesson: Arc<Lesson>, values: Values) -> Result<Self, LabError> {
        let unread = |unread: Unread| LabError::Start { doing: unread.path, errno: unread.errno };
        let mut sampler = Sampler::new().map_err(unread)?;
        let files: Vec<String> = lesson.files.iter().map(|path| values.substitute(path)).collect();
        sampler.watch(files);
        sampler.unhurried();
        let mut stage = Self {
            lesson,
            values,
            lab,
            sampler,
            patience: VIEW_PATIENCE,
            frugal: false,
            last: None,
            tracing: Tracing::default(),
            filtered: Filtered::default(),
            left_open: Vec::new(),
            carried: HashMap::new(),
        };
        stage.clear()?;
        Ok(stage)
    }

    /// Takes the lesson down and gives the lab back, empty.
    pub fn leave(mut self) -> Result<Lab, LabError> {
        self.lab.reset(false)?;
        Ok(self.lab)
    }

    /// From now on this is the lesson, which its author has changed; the lab stays as it
    /// is until it is rebuilt.
    pub fn change(&mut self, lesson: Arc<Lesson>, values: Values) {
        self.values = values;
        self.sampler.watch(lesson.files.iter().map(|path| self.values.substitute(path)).collect());
        self.lesson = lesson;
    }

    /// The lesson.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// The lab, for those who must name its processes.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    fn clear(&mut self) -> Result<(), LabError> {
        self.last = None;
        self.tracing.clear();
        self.filtered.clear();
        self.left_open.clear();
        self.carried.clear();
        self.lab.reset(needs_root(&self.lesson))?;
        self.people()
    }

    fn people(&mut self) -> Result<(), LabError> {
        // First: the program may have to move, and its processes with it.
        if let Some(controllers) = self.lesson.controllers() {
            let bases = self.lab.groups(controllers)?;
            self.sampler.watch_groups(bases);
        }
        if self.lesson.tools.iter().any(|tool| tool == RUN) {
            self.lab.helper(RUN)?;
        }
        let actors: Vec<&str> = [HOST].into_iter().chain(self.lesson.actors.iter().map(String::as_str)).collect();
        self.lab.spawn_ahead(&actors)
    }

    /// The machine now: the host's side and each actor's own. The host's actor is
    /// the host's and is not listed.
    pub fn snapshot(&mut self) -> Result<Arc<Snapshot>, LabError> {
        self.glance(Sections::ALL)
    }

    /// The sections that the checks of a step speak of.
    pub fn judged(&self, step: usize) -> Sections {
        Sections::named_in(&format!("{:?}", self.lesson.steps[step]))
    }

    /// The sections that the texts and the checks of a step may speak of, and what a
    /// screen shows beside any of them.
    pub fn needed(&self, step: usize) -> Sections {
        let texts = Lang::ALL.map(|lang| self.lesson.step_text(lang, step));
        let step = &self.lesson.steps[step];
        // PIDs that are typed are kept with whose they are.
        let typed = if step.task.is_some() { Sections::LAB } else { Sections::NONE };
        Sections::ACTORS | typed | Sections::named_in(&format!("{step:?} {texts:?}"))
    }

    /// As [`Self::snapshot`], but only these sections as of now, and the others as they
    /// were in the last one.
    pub fn glance(&mut self, sections: Sections) -> Result<Arc<Snapshot>, LabError> {
        self.lab.listen()?;
        let last = self.last.take();
        if let (None, Some(host)) = (&last, self.lab.actors().iter().find(|actor| actor.name == HOST)) {
            self.sampler.stand_in(host.pid);
        }
        let sections = if last.is_some() || self.frugal { sections } else { Sections::ALL };
        let mut known = self.actors(sections, last.as_deref())?;
        if sections.contain(Sections::ACTORS) {
            known.extend(self.student_made(sections, last.as_deref())?);
        }
        let mut snapshot = if sections == Sections::ALL {
            self.sampler.snapshot(known)
        } else {
            self.sampler.glance(sections, known, last.as_deref())
        };
        snapshot.traced = self.tracing.look(&mut self.lab)?;
        snapshot.filters = self.filtered.look(&mut self.lab)?;
        // Who ended while the others were read is not said to live beside what it left.
        self.lab.listen()?;
        for actor in self.lab.actors().iter().filter(|actor| actor.ended.is_some()) {
            if let Some(seen) = snapshot.actors.get_mut(&actor.name).filter(|seen| seen.pid == actor.pid) {
                (seen.alive, seen.exit) = (false, actor.ended.flatten().map(|exit| exit.to_string()));
            }
        }
        let snapshot = Arc::new(snapshot);
        self.last = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// What the actors say that they see; of one that says nothing, what it last said.
    fn actors(&mut self, sections: Sections, last: Option<&Snapshot>) -> Result<Vec<Known>, LabError> {
        let living = self.lab.actors().iter().filter(|actor| actor.name != HOST && actor.ended.is_none());
        let living: Vec<(String, u32)> = living.map(|actor| (actor.name.clone(), actor.pid)).collect();
        let mut fresh = HashMap::new();
        for (name, pid) in living {
            let is_known = || last.is_some_and(|last| last.actors.get(&name).is_some_and(|actor| actor.pid == pid));
            if !sections.contain(Sections::ACTORS) && (self.frugal || is_known()) {
                continue;
            }
            let look = self.question(sections, &name, pid, last);
            match self.lab.view(&name, &look, self.patience) {
                Ok(Some(bytes)) => {
                    if let Ok(told) = Told::decode(&bytes) {
                        fresh.insert(name, told);
                    }
                }
                Ok(None) | Err(LabError::Failed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let before = |name: &str| {
            let (last, actor) = last.and_then(|last| Some((last, last.actors.get(name)?)))?;
            Some((actor.seen.read()?.clone(), actor.stale.unwrap_or(last.taken)))
        };
        let known = self.lab.actors().iter().filter(|actor| actor.name != HOST).map(|actor| {
            let (seen, told, stale) = if let Some(told) = fresh.remove(&actor.name) {
                (Reading::Read(told.view), told.sections, None)
            } else if let Some((view, when)) = before(&actor.name) {
                (Reading::Read(view), Sections::ALL, Some(when))
            } else {
                let errno = Errno(if actor.ended.is_some() { libc::ESRCH } else { libc::ETIMEDOUT });
                (Reading::Unread(Unread { path: actor.name.clone(), errno }), Sections::ALL, None)
            };
            let (alive, exit) = (actor.ended.is_none(), actor.ended.flatten().map(|exit| exit.to_string()));
            Known { name: actor.name.clone(), pid: actor.pid, alive, exit, seen, told, stale }
        });
        Ok(known.collect())
    }

    /// One that was not seen before is asked for everything, unless only what is asked for
    /// counts.
    fn question(&self, sections: Sections, name: &str, pid: u32, last: Option<&Snapshot>) -> Vec<u8> {
        let before = last.and_then(|last| last.actors.get(name).filter(|actor| actor.pid == pid)?.seen.read());
        let is_part = before.is_some() || self.frugal;
        self.sampler.question(if is_part { sections | Sections::PROCESSES } else { Sections::ALL }).encode()
    }

    /// The processes that the student has made in shells, those that run now.
    fn student_made(&mut self, sections: Sections, last: Option<&Snapshot>) -> Result<Vec<Known>, LabError> {
        let lesson = Arc::clone(&self.lesson);
        let mut known = Vec::new();
        for from in &lesson.from_shells {
            let pid = match self.lab.find(&from.shell) {
                Ok(Some(pid)) => pid,
                // There is none, or the shell's actor has ended.
                Ok(None) | Err(LabError::Failed(_)) => continue,
                Err(error) => return Err(error),
            };
            let unread = |errno| Reading::Unread(Unread { path: format!("/proc/{pid}"), errno });
            let look = self.question(sections, &from.name, pid, last);
            let (seen, told) = match self.lab.observe(pid, &look, self.patience) {
                Ok(Some(bytes)) => Told::decode(&bytes).map_or_else(
                    |errno| (unread(errno), Sections::ALL),
                    |told| (Reading::Read(told.view), told.sections),
                ),
                Ok(None) => (unread(Errno(libc::ETIMEDOUT)), Sections::ALL),
                Err(LabError::Failed(Failure::Call(Errno(libc::ESRCH), _))) => continue,
                Err(LabError::Failed(Failure::Call(errno, _))) => (unread(errno), Sections::ALL),
                Err(error) => return Err(error),
            };
            known.push(Known { name: from.name.clone(), pid, alive: true, exit: None, seen, told, stale: None });
        }
        Ok(known)
    }

    /// Takes the lab down and replays every step up to and including `to`, with the
    /// commands of the answers for the tasks passed in steps before it.
    pub fn rebuild(&mut self, to: usize, answers: &Answers) -> Result<Vec<StepOutcome>, LabError> {
        let mut outcomes = self.rebuild_before(to, answers)?;
        outcomes.push(self.carry_out(to, true)?);
        Ok(outcomes)
    }

    /// As [`Self::rebuild`], up to where the step `to` begins. The calls of the steps'
    /// programs are not listed again: the next step would forget them.
    pub fn rebuild_before(&mut self, to: usize, answers: &Answers) -> Result<Vec<StepOutcome>, LabError> {
        self.clear()?;
        let lesson = Arc::clone(&self.lesson);
        let passed = answers.progress.as_ref().map(|progress| progress.passed.clone()).unwrap_or_default();
        let mut outcomes = Vec::new();
        for (index, step) in lesson.steps.iter().enumerate().take(to) {
            outcomes.push(self.carry_out(index, false)?);
            let Some(task) = step.task.as_ref().filter(|_| passed.contains(&step.id)) else { continue };
            for (shell, script) in answers.pieces(&step.id) {
                let limit = Duration::from_secs(u64::from(task.seconds));
                match self.script(&shell, &script, limit, None) {
                    // A shell's actor may be gone by the student's own doing.
                    Ok(_) | Err(LabError::Failed(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(outcomes)
    }

    /// Lets the machine go on for a moment, between two looks at it.
    pub fn pause(&self) {
        let _ = poll(&mut [], PollTimeout::try_from(LOOK.as_millis() as i64).unwrap_or(PollTimeout::ZERO));
    }

    /// Opens an interactive shell in an actor, on a terminal of its own of so many rows
    /// and columns.
    pub fn shell(&mut self, actor: &str, size: (u16, u16), lang: Lang) -> Result<Launch, LabError> {
        self.lab.launch(actor, Program::Shell(lang), Some(size))
    }

    /// Opens an interactive shell for lines instead of a screen
    /// ([`Program::LineShell`]), on a terminal of its own.
    pub fn line_shell(&mut self, actor: &str, size: (u16, u16), lang: Lang) -> Result<Launch, LabError> {
        self.lab.launch(actor, Program::LineShell(lang), Some(size))
    }

    /// Traces the commands of an actor's shells from now on, or no more.
    pub fn trace(&mut self, actor: &str, on: bool) -> Result<(), LabError> {
        self.tracing.want(&mut self.lab, actor, on)
    }

    /// How a shell ended, once it has.
    pub fn ended(&mut self, launch: u64) -> Option<Exit> {
        // A keeper that died is found by the next question.
        let _ = self.lab.listen();
        self.lab.ended(launch)
    }

    /// Commands with the PIDs of this lab in place of those that were kept. What was
    /// started a moment ago is given a second to become the program that it runs.
    fn with_pids_of_now(&mut self, script: &str) -> Result<String, LabError> {
        if !pids::keeps_pids(script) {
            return Ok(script.to_owned());
        }
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            let (renewed, all) = pids::renew(script, self.snapshot()?.as_ref());
            if all || Instant::now() > end {
                return Ok(renewed);
            }
            self.pause();
        }
    }

    /// Runs a student's commands in an actor, in a shell that has what the one before it in
    /// there had, until they end, or the time is over, or
    /// `satisfied`, where it is given, says yes to a snapshot. What still runs then is
    /// killed, but for what it left in the background on its own.
    pub fn script(
        &mut self,
        actor: &str,
        script: &str,
        limit: Duration,
        mut satisfied: Option<Satisfied<'_>>,
    ) -> Result<ScriptEnd, LabError> {
        let deadline = Instant::now() + limit;
        let script = self.with_pids_of_now(script)?;
        let carried = self.carried.get(actor).cloned().unwrap_or_default();
        let launch = self.lab.launch(actor, Program::Script { script, carried }, None)?;
        let mut output = Output::new(launch.fd);
        let mut end = ScriptEnd { exit: None, satisfied: false };
        let mut next = Instant::now() + LOOK;
        loop {
            output.take(LOOK.min(Duration::from_millis(5)));
            self.lab.listen()?;
            end.exit = self.lab.ended(launch.id);
            if end.exit.is_some() {
                break;
            }
            let start = Instant::now();
            if let Some((sections, satisfied)) = satisfied.as_mut().filter(|_| start >= next) {
                end.satisfied = satisfied(&self.glance(*sections)?);
                // Where a look takes long, the commands have most of the machine.
                next = Instant::now() + LOOK.max(start.elapsed() * 3);
            }
            if end.satisfied || Instant::now() >= deadline {
                break;
            }
        }
        if end.exit.is_none() {
            match self.lab.end(launch.id) {
                Ok(()) | Err(LabError::Failed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        output.take(Duration::ZERO);
        if end.exit.is_some() {
            // A shell that was left, by `exit` or `exec`, takes along what it had.
            self.carried.insert(actor.to_owned(), output.ends.carried().unwrap_or_default());
        }
        self.left_open.extend(output.pipe);
        Ok(end)
    }
}

/// What an op runs.
fn argv(op: &Op) -> &[String] {
    match op {
        Op::Run { argv, .. } => argv,
        _ => &[],
    }
}

fn needs_root(lesson: &Lesson) -> bool {
    lesson.needs.contains(&crate::lesson::model::Need::RealRoot)
}

/// The output of a command: read so that it never blocks.
struct Output {
    pipe: Option<File>,
    ends: Ends,
}

impl Output {
    fn new(fd: OwnedFd) -> Self {
        Self { pipe: Some(File::from(fd)), ends: Ends::default() }
    }

    /// Takes what is there, waiting at most so long for the first of it.
    fn take(&mut self, wait: Duration) {
        let mut buffer = [0; 16 << 10];
        let mut wait = PollTimeout::try_from(wait.as_millis() as i64).unwrap_or(PollTimeout::ZERO);
        // Bounded, so that endless output can't keep the caller from looking at the clock.
        for _ in 0..64 {
            let Some(pipe) = &mut self.pipe else {
                // The output is closed while the command goes on: only wait.
                let _ = poll(&mut [], wait);
                return;
            };
            let ready = poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], wait);
            if !matches!(ready, Ok(count) if count > 0) {
                return;
            }
            wait = PollTimeout::ZERO;
            match pipe.read(&mut buffer) {
                Ok(0) | Err(_) => self.pipe = None,
                Ok(count) => self.ends.take(&buffer[..count]),
            }
        }
    }
}
