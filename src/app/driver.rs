//! The lab's thread of the screen: owns the stage, answers the screen's requests,
//! samples the lab when something may have changed, and builds it again when its
//! keeper is killed.

mod following;
mod slow;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::listing::entries;
use super::shells::{self, Shared};
use super::stage::Stage;
use super::store::{Store, StoreError};
use super::watch::Watch;
use crate::doctor;
use crate::i18n::{Explain, Lang};
use crate::kernel::process::Exit;
use crate::kernel::terminal::Settings;
use crate::lab::client::sweep_leftovers;
use crate::lab::{Lab, LabError, Options};
use crate::lesson::answers::Answers;
use crate::lesson::library::Library;
use crate::lesson::model::Pane;
use crate::lesson::{Lesson, Values};
use crate::observe::{Sections, Snapshot};
use crate::say;
use crate::session::Effect;
use crate::ui::event::{Event, Finding, Request, ShellId};
use slow::Moving;

/// How often the lab's thread looks whether a shell has been active.
const LOOK: Duration = Duration::from_millis(50);
/// How soon after a shell's activity a snapshot is taken.
const SOON: Duration = Duration::from_millis(80);
/// The least time between two snapshots: five in a second are as many as one reads.
const REFRESH: Duration = Duration::from_millis(200);
/// A busy lab is sampled so seldom that it costs at most this part of a core.
const BUSY: u32 = 10;
/// The least time between two snapshots of an idle lab.
const IDLE: Duration = Duration::from_millis(400);
/// An idle lab is sampled so seldom that it costs at most this part of a core.
const COST: u32 = 200;
/// How often all is read, also what nobody looks at.
const WHOLE: Duration = Duration::from_secs(2);
/// So many snapshots are sent after the last in which control groups differed: what
/// they use per second comes to nothing in these.
const FADING: u8 = 8;
/// How often a lab is built again whose keeper is killed again and again.
const REBUILDS: usize = 5;
/// The longest time between two snapshots.
const LONGEST: Duration = Duration::from_secs(5);

/// Where answers come from, and whether they are kept.
#[derive(Debug, Clone)]
pub enum Keeping {
    /// A student's progress.
    Store(Store),
    /// Nothing is kept; a lesson begins with these.
    Nothing(Box<Answers>),
}

/// The lab's thread.
pub(super) struct Driver {
    library: Library,
    keeping: Keeping,
    lang: Lang,
    events: SyncSender<Event>,
    /// Whether the screen has its list of lessons.
    listed: bool,
    shared: Arc<Shared>,
    /// An empty lab while no lesson is open.
    idle: Option<Lab>,
    stage: Option<Stage>,
    /// One op at a time; the step that waits for a word.
    slow: bool,
    moving: Option<Moving>,
    /// Where the lesson stands, to come back to when its keeper is killed.
    step: usize,
    answers: Answers,
    last: Option<Arc<Snapshot>>,
    /// What the screen shows, and what the step is about.
    watched: Sections,
    needed: Sections,
    /// When all was read.
    whole: Instant,
    /// How many more are sent though nothing differs.
    fading: u8,
    next_sample: Instant,
    /// Not before this, whatever a shell does.
    earliest: Instant,
    next_shell: ShellId,
    threads: Vec<JoinHandle<()>>,
    /// The terminal's settings, for every keeper that is started.
    settings: Option<(OwnedFd, Settings)>,
    /// The directory whose lessons are followed while they are changed.
    followed: Option<PathBuf>,
    /// The folder of the open one.
    watch: Option<Watch>,
}

/// What the doctor found, as the screen shows it.
pub(super) fn for_screen(one: &doctor::Finding, lang: Lang) -> Finding {
    Finding {
        works: one.works(),
        name: one.name(lang).to_owned(),
        why: one.why(lang).to_owned(),
        remedy: one.remedy(lang),
    }
}

/// The screen is gone.
struct Gone;

impl Driver {
    pub(super) fn new(library: Library, keeping: Keeping, lang: Lang, events: SyncSender<Event>, listed: bool) -> Self {
        Self {
            library,
            keeping,
            lang,
            events,
            listed,
            shared: Arc::default(),
            idle: None,
            stage: None,
            slow: false,
            moving: None,
            step: 0,
            answers: Answers::default(),
            last: None,
            watched: Sections::NONE,
            needed: Sections::NONE,
            whole: Instant::now(),
            fading: 0,
            next_sample: Instant::now(),
            earliest: Instant::now(),
            next_shell: 1,
            threads: Vec::new(),
            settings: None,
            followed: None,
            watch: None,
        }
    }

    /// Follows the lessons of this directory while their authors change them.
    pub(super) fn following(self, directory: Option<PathBuf>) -> Self {
        Self { followed: directory, ..self }
    }

    pub(super) fn serve(mut self, requests: &Receiver<Request>, terminal: Option<(OwnedFd, Settings)>) {
        self.settings = terminal;
        // The keeper is there before anything else: it puts the terminal back
        // should this program be killed.
        match self.start_lab() {
            Ok(lab) => self.idle = Some(lab),
            Err(error) => drop(self.fail(&error)),
        }
        sweep_leftovers(None);
        self.answer(requests);
        // Leaving: what the lab made goes before the program does.
        drop((self.stage, self.idle));
        for thread in self.threads {
            let _ = thread.join();
        }
    }

    /// Answers requests until the screen is gone.
    fn answer(&mut self, requests: &Receiver<Request>) {
        while self.turn(requests).is_ok() {}
        self.keep_last(requests);
    }

    /// The screen may have left while this thread was busy: what it asked to keep before is
    /// kept. It asks for nothing more once it hears nothing more.
    fn keep_last(&mut self, requests: &Receiver<Request>) {
        let saves = requests.try_iter().filter(|request| matches!(request, Request::Session(Effect::Save(_))));
        if let Some(last) = saves.last() {
            // Nobody is there to be told of an error.
            let _ = self.handle(last);
        }
    }

    fn start_lab(&self) -> Result<Lab, LabError> {
        let terminal =
            self.settings.as_ref().and_then(|(fd, settings)| fd.try_clone().ok().map(|fd| (fd, settings.clone())));
        Lab::start(Options { terminal, ..Options::default() })
    }

    /// One request, or one look at the lab.
    fn turn(&mut self, requests: &Receiver<Request>) -> Result<(), Gone> {
        let wait = if self.stage.is_some() { LOOK } else { LONGEST };
        match requests.recv_timeout(wait) {
            Ok(request) => self.handle(request)?,
            Err(RecvTimeoutError::Timeout) => self.list()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Gone),
        }
        self.note_closed()?;
        if self.stage.is_some() && self.watch.as_mut().is_some_and(|watch| watch.changed(Instant::now())) {
            self.reload()?;
        }
        if self.shared.active.swap(false, Ordering::AcqRel) {
            self.next_sample = self.next_sample.min((Instant::now() + SOON).max(self.earliest));
        }
        if self.stage.is_some() && Instant::now() >= self.next_sample {
            self.sample(false)?;
        }
        Ok(())
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).map_err(|_| Gone)
    }

    fn fail(&self, error: &dyn Explain) -> Result<(), Gone> {
        self.send(Event::Failed(error.explain(self.lang)))
    }

    fn handle(&mut self, request: Request) -> Result<(), Gone> {
        match request {
            Request::Open(id) => {
                self.open(&id)?;
                if self.stage.is_none() { self.list() } else { Ok(()) }
            }
            Request::Close => {
                self.list()?;
                self.close()
            }
            Request::Session(effect) => self.effect(effect),
            Request::OpenShell { actor, rows, cols } => self.open_shell(&actor, rows, cols),
            Request::Trace { actor, on } => self.trace(&actor, on),
            Request::Slow(slow) => self.slow(slow),
            Request::GoOn { all } => self.go_on(all),
            Request::Doctor => {
                let findings = doctor::findings();
                self.send(Event::Doctor(findings.iter().map(|one| for_screen(one, self.lang)).collect()))
            }
            Request::Watch(sections) => {
                self.watched = sections;
                self.next_sample = self.next_sample.min(Instant::now().max(self.earliest));
                Ok(())
            }
            // Of another mode.
            Request::Inspect(_) | Request::Containers => Ok(()),
            Request::Speak(lang) => {
                self.lang = lang;
                Ok(())
            }
        }
    }

    /// Gives the screen its list of lessons, where it began without.
    fn list(&mut self) -> Result<(), Gone> {
        if std::mem::replace(&mut self.listed, true) {
            return Ok(());
        }
        let Keeping::Store(store) = &self.keeping else { return Ok(()) };
        self.send(Event::Listed(entries(&self.library, store)))
    }

    fn open(&mut self, id: &str) -> Result<(), Gone> {
        self.close()?;
        let lesson = match self.library.get(id) {
            Ok(lesson) => Arc::new(lesson),
            Err(error) => return self.fail(&error),
        };
        if let Some(missing) = doctor::missing(&lesson) {
            return self.send(Event::Failed(missing.explain(self.lang)));
        }
        let answers = match &self.keeping {
            Keeping::Nothing(answers) => (**answers).clone(),
            Keeping::Store(store) => match store.load(&lesson) {
                Ok(answers) => answers,
                Err(error @ StoreError::Unreadable(_)) => return self.unreadable(&store.path(id), &error),
                Err(error) => return self.fail(&error),
            },
        };
        let lab = match self.idle.take().map_or_else(|| self.start_lab(), Ok) {
            Ok(lab) => lab,
            Err(error) => return self.fail(&error),
        };
        let values = self.values(&lesson, &answers);
        match Stage::on(lab, Arc::clone(&lesson), values.clone()) {
            Ok(stage) => self.stage = Some(stage),
            Err(error) => return self.fail(&error),
        }
        self.enter(0);
        self.last = None;
        self.answers = answers.clone();
        self.follow(&lesson)?;
        self.send(Event::Opened { lesson, answers: Box::new(answers), values })
    }

    /// The values of whoever works on a lesson.
    fn values(&self, lesson: &Lesson, answers: &Answers) -> Values {
        match &self.keeping {
            Keeping::Store(store) => store.values(lesson, answers),
            Keeping::Nothing(_) => Values::new(lesson, &answers.student),
        }
    }

    /// A progress file that can't be read is never written over.
    fn unreadable(&self, path: &Path, error: &StoreError) -> Result<(), Gone> {
        let (path, why, lang) = (path.display(), error.explain(self.lang), self.lang);
        self.send(Event::Failed(say!(
            lang,
            "Your progress file {path} can't be read; it was left as it is. Mend it or move it away, then open the lesson again.\n{why}",
            "Votre fichier de progression {path} est illisible ; il a été laissé tel quel. Corrigez-le ou déplacez-le, puis rouvrez la leçon.\n{why}"
        )))
    }

    fn close(&mut self) -> Result<(), Gone> {
        self.last = None;
        self.watch = None;
        self.moving = None;
        if let Some(stage) = self.stage.take() {
            match stage.leave() {
                Ok(lab) => self.idle = Some(lab),
                Err(error) => self.fail(&error)?,
            }
        }
        Ok(())
    }

    fn effect(&mut self, effect: Effect) -> Result<(), Gone> {
        match effect {
            // Asked before the lesson was reloaded, which has fewer steps now.
            Effect::Perform { step: to } | Effect::Rebuild { to, .. } if !self.has_step(to) => Ok(()),
            Effect::Perform { step } => {
                self.enter(step);
                self.begin(step, None)
            }
            Effect::Rebuild { to, answers } => {
                self.enter(to);
                let Some(stage) = &mut self.stage else { return Ok(()) };
                match stage.rebuild_before(to, &answers) {
                    Ok(before) => self.begin(to, Some(before)),
                    Err(error) => self.recover(&error),
                }
            }
            Effect::Save(answers) => {
                self.answers = (*answers).clone();
                match &self.keeping {
                    Keeping::Store(store) => store.save(&answers).or_else(|error| self.fail(&error)),
                    Keeping::Nothing(_) => Ok(()),
                }
            }
            // The screen's own business.
            Effect::FocusShell(_) | Effect::Finished => Ok(()),
        }
    }

    /// Whether the open lesson has a step of this index.
    fn has_step(&self, step: usize) -> bool {
        self.stage.as_ref().is_none_or(|stage| step < stage.lesson().steps.len())
    }

    fn enter(&mut self, step: usize) {
        self.moving = None;
        self.step = step;
        self.needed = self.stage.as_ref().map_or(Sections::NONE, |stage| stage.needed(step));
    }

    /// Takes a snapshot and sends it when it is news, or asked for.
    fn sample(&mut self, asked: bool) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        let start = Instant::now();
        let whole = asked || start.duration_since(self.whole) >= WHOLE;
        let sections = if whole { Sections::ALL } else { self.watched | self.needed };
        let snapshot = match stage.glance(sections) {
            Ok(snapshot) => snapshot,
            Err(error) => return self.recover(&error),
        };
        let (now, cost) = (Instant::now(), start.elapsed());
        if whole {
            self.whole = now;
        }
        self.next_sample = now + (cost * COST).clamp(IDLE, LONGEST);
        self.earliest = now + (cost * BUSY).clamp(REFRESH, LONGEST);
        let news = !self.last.as_ref().is_some_and(|last| last.shows_the_same(&snapshot));
        // That time passes is news only where clocks are what the step is about.
        let clocks = stage.lesson().steps.get(self.step).is_some_and(|step| step.show == Some(Pane::Time));
        let same_groups = self.last.as_ref().is_some_and(|last| last.cgroups == snapshot.cgroups);
        self.fading = if same_groups { self.fading.saturating_sub(1) } else { FADING };
        if asked || news || clocks || (self.fading > 0 && snapshot.cgroups.is_some()) {
            self.last = Some(Arc::clone(&snapshot));
            self.send(Event::Observed(snapshot))?;
        }
        Ok(())
    }

    /// The keeper died, and all of its lab was removed: says so, and builds the lab
    /// again as it was.
    fn recover(&mut self, error: &LabError) -> Result<(), Gone> {
        self.fail(error)?;
        self.moving = None;
        let Some(stage) = self.stage.take() else { return Ok(()) };
        let lesson = Arc::clone(stage.lesson());
        drop(stage);
        let values = self.values(&lesson, &self.answers);
        let rebuild = || {
            let mut stage = Stage::on(self.start_lab()?, Arc::clone(&lesson), values.clone())?;
            let outcomes = stage.rebuild(self.step, &self.answers)?;
            Ok((stage, outcomes))
        };
        let mut rebuilt = rebuild();
        for _ in 0..REBUILDS {
            // The new keeper may be killed as well while it builds.
            let Err(error @ LabError::KeeperDied) = &rebuilt else { break };
            self.fail(error)?;
            rebuilt = rebuild();
        }
        match rebuilt {
            Ok((stage, outcomes)) => {
                self.stage = Some(stage);
                self.next_sample = Instant::now();
                self.send(Event::Rebuilt { to: self.step, outcomes })
            }
            Err(error) => self.fail(&error),
        }
    }

    fn trace(&mut self, actor: &str, on: bool) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        match stage.trace(actor, on) {
            Ok(()) => self.sample(true),
            Err(error @ LabError::KeeperDied) => self.recover(&error),
            Err(error) => self.fail(&error),
        }
    }

    fn open_shell(&mut self, actor: &str, rows: u16, cols: u16) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        let launched = match stage.shell(actor, (rows, cols), self.lang) {
            Ok(launched) => launched,
            Err(error @ LabError::KeeperDied) => return self.recover(&error),
            Err(error) => return self.fail(&error),
        };
        let id = self.next_shell;
        self.next_shell += 1;
        let (events, shared) = (self.events.clone(), Arc::clone(&self.shared));
        match shells::start((id, actor), launched.id, launched.fd, events, shared) {
            Ok(thread) => {
                self.threads.push(thread);
                Ok(())
            }
            Err(error) => {
                self.send(Event::ShellClosed(id, error.to_string()))?;
                self.send(Event::Failed(error.to_string()))
            }
        }
    }

    /// Says how shells ended whose terminals were closed from within.
    fn note_closed(&mut self) -> Result<(), Gone> {
        let closed = std::mem::take(&mut *self.shared.closed.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, launch) in closed {
            let exit = self.stage.as_mut().and_then(|stage| stage.ended(launch));
            let words = exit.map_or_else(|| say!(self.lang, "ended", "terminé"), |exit: Exit| exit.to_string());
            self.send(Event::ShellClosed(id, words))?;
        }
        // The threads of closed shells are joined here, not only at the end.
        let (done, running) = std::mem::take(&mut self.threads).into_iter().partition(JoinHandle::is_finished);
        self.threads = running;
        let done: Vec<JoinHandle<()>> = done;
        for thread in done {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
