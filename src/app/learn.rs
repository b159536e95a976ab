//! The screen's mode: wires the screen to a lab. Threads: `main` draws, `keys` reads
//! the terminal, `signals` waits for signals, `lab` owns the stage and samples it,
//! and one per shell. All of them end and are joined when the screen is left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, pthread_sigmask};

use super::shells::{self, Shared};
use super::stage::Stage;
use super::store::{Store, StoreError};
use crate::doctor;
use crate::i18n::{Explain, Lang};
use crate::kernel::process::Exit;
use crate::kernel::terminal::{Settings, duplicate_stdin};
use crate::lab::client::sweep_leftovers;
use crate::lab::{Lab, LabError, Options};
use crate::lesson::answers::Answers;
use crate::lesson::library::Library;
use crate::observe::Snapshot;
use crate::say;
use crate::session::Effect;
use crate::ui::event::{Entry, EntryState, Event, Finding, LessonSummary, Request, ShellId};
use crate::ui::run::{Setup, run};

/// Events that may wait for the screen.
const WAITING_EVENTS: usize = 64;
/// How often the lab's thread looks whether a shell has been active.
const LOOK: Duration = Duration::from_millis(50);
/// How soon after a shell's activity a snapshot is taken.
const SOON: Duration = Duration::from_millis(80);
/// The least time between two snapshots of an idle lab.
const IDLE: Duration = Duration::from_millis(400);
/// An idle lab is sampled so seldom that it costs at most this part of a core.
const COST: u32 = 200;
/// How long the keys' thread may take to end.
const HANG: Duration = Duration::from_secs(1);
/// The longest time between two snapshots.
const LONGEST: Duration = Duration::from_secs(3);

/// What the screen needs to begin.
#[derive(Debug)]
pub struct Wanted {
    /// The lessons.
    pub library: Library,
    /// Where progress is kept.
    pub store: Store,
    /// The language.
    pub lang: Lang,
    /// The theme.
    pub theme: crate::ui::Theme,
    /// The lesson to open at once.
    pub open: Option<String>,
}

/// Runs the screen until it is left.
pub fn learn(wanted: Wanted) -> anyhow::Result<()> {
    let Wanted { library, store, lang, theme, open } = wanted;
    // Before any thread: they inherit the mask, and `signals` alone waits for these.
    let signals = waited_for();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&signals), None)?;
    let terminal = duplicate_stdin().and_then(|fd| Settings::of(&fd).ok().map(|settings| (fd, settings)));
    let (events_in, events) = sync_channel(WAITING_EVENTS);
    let (requests_in, requests) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let entries = entries(&library, &store);
    let machine = machine();

    let mut threads = Vec::new();
    let driver = Driver::new(library, store, lang, events_in.clone());
    threads.push(Builder::new().name("lab".into()).spawn(move || driver.serve(&requests, terminal))?);
    threads.push(keys(events_in.clone(), Arc::clone(&stop))?);
    threads.push(signal_thread(signals, events_in, Arc::clone(&stop))?);

    let setup = Setup { lang, theme, entries, machine, open };
    let left = run(setup, &events, &requests_in);
    stop.store(true, Ordering::Release);
    drop((events, requests_in));
    // Wakes the thread that waits for signals.
    kill(nix::unistd::getpid(), Signal::SIGUSR1)?;
    for thread in threads {
        join(thread);
    }
    left.map_err(anyhow::Error::from)
}

/// Waits for a thread to end. One that reads a terminal which was hung up in the
/// very moment of reading never would: it ends with the program.
fn join(thread: JoinHandle<()>) {
    let deadline = Instant::now() + HANG;
    while thread.thread().name() == Some("keys") && !thread.is_finished() {
        if Instant::now() >= deadline {
            return;
        }
        let _ = poll(&mut [], PollTimeout::from(10_u8));
    }
    // A thread that panicked has said so.
    let _ = thread.join();
}

/// What this machine is, in a line: English, French.
fn machine() -> [String; 2] {
    let release = nix::sys::utsname::uname()
        .map_or_else(|_| "?".to_owned(), |names| names.release().to_string_lossy().into_owned());
    let root = nix::unistd::geteuid().is_root();
    let who = |lang: Lang| {
        if root {
            lang.pick("as root", "en root")
        } else {
            lang.pick("as an ordinary user", "en utilisateur ordinaire")
        }
    };
    Lang::ALL.map(|lang| format!("Linux {release}, {}", who(lang)))
}

/// The list's lines. A lesson that does not load is left out: `lesson lint` says why.
fn entries(library: &Library, store: &Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    for listed in library.list() {
        let Ok(lesson) = library.get(&listed.id) else { continue };
        let both =
            |of: fn(&crate::lesson::model::LessonText) -> &String| Lang::ALL.map(|lang| of(lesson.text(lang)).clone());
        let state = match store.load(&lesson).map(|answers| answers.progress) {
            Ok(Some(progress)) if progress.finished => EntryState::Done(progress.points),
            Ok(Some(progress)) => EntryState::Begun(progress.points),
            Ok(None) => EntryState::New,
            Err(error) => EntryState::Impossible(Lang::ALL.map(|lang| error.explain(lang))),
        };
        let summary = LessonSummary {
            id: lesson.id.clone(),
            part: lesson.part,
            title: both(|text| &text.title),
            summary: both(|text| &text.summary),
            points: lesson.points(),
            minutes: lesson.minutes,
            needs: lesson.needs.iter().map(|need| format!("{need:?}").to_lowercase()).collect(),
        };
        entries.push(Entry { lesson: Arc::new(summary), state });
    }
    entries
}

/// The signals that one thread waits for.
fn waited_for() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGCONT,
        Signal::SIGUSR1,
    ] {
        set.add(signal);
    }
    set
}

fn signal_thread(set: SigSet, events: SyncSender<Event>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("signals".into()).spawn(move || {
        while let Ok(signal) = set.wait() {
            let event = match signal {
                _ if stop.load(Ordering::Acquire) => return,
                Signal::SIGTSTP => {
                    // Nobody can be told that the terminal was lost.
                    let _ = crate::ui::terminal::leave();
                    let _ = kill(nix::unistd::getpid(), Signal::SIGSTOP);
                    continue;
                }
                Signal::SIGCONT => Event::Continue,
                Signal::SIGUSR1 => continue,
                _ => Event::Terminate,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    })
}

fn keys(events: SyncSender<Event>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("keys".into()).spawn(move || {
        while !stop.load(Ordering::Acquire) {
            if take_keys(&events).is_none() {
                // The terminal is gone.
                let _ = events.send(Event::Terminate);
                return;
            }
        }
    })
}

/// Waits a moment for keys and hands them on; nothing once the terminal or the
/// screen is gone. The terminal is looked at before crossterm is: on one that was
/// hung up it would read the end of the file for ever.
fn take_keys(events: &SyncSender<Event>) -> Option<()> {
    let stdin = std::io::stdin();
    let mut watched = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::from(100_u8)) {
        // A change of size interrupts, or comes without anything to read.
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(_) => return None,
    }
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    if watched[0].revents().is_some_and(|now| now.intersects(gone)) {
        return None;
    }
    while crossterm::event::poll(Duration::ZERO).ok()? {
        events.send(Event::Terminal(crossterm::event::read().ok()?)).ok()?;
    }
    Some(())
}

/// The lab's thread.
struct Driver {
    library: Library,
    store: Store,
    lang: Lang,
    events: SyncSender<Event>,
    shared: Arc<Shared>,
    /// An empty lab while no lesson is open.
    idle: Option<Lab>,
    stage: Option<Stage>,
    /// Where the lesson stands, to come back to when its keeper is killed.
    step: usize,
    answers: Answers,
    last: Option<Arc<Snapshot>>,
    next_sample: Instant,
    next_shell: ShellId,
    threads: Vec<JoinHandle<()>>,
    /// The terminal's settings, for every keeper that is started.
    settings: Option<(std::os::fd::OwnedFd, Settings)>,
}

/// The screen is gone.
struct Gone;

impl Driver {
    fn new(library: Library, store: Store, lang: Lang, events: SyncSender<Event>) -> Self {
        Self {
            library,
            store,
            lang,
            events,
            shared: Arc::default(),
            idle: None,
            stage: None,
            step: 0,
            answers: Answers::default(),
            last: None,
            next_sample: Instant::now(),
            next_shell: 1,
            threads: Vec::new(),
            settings: None,
        }
    }

    fn serve(mut self, requests: &Receiver<Request>, terminal: Option<(std::os::fd::OwnedFd, Settings)>) {
        self.settings = terminal;
        // The keeper is there before anything else: it puts the terminal back
        // should this program be killed.
        match self.start_lab() {
            Ok(lab) => self.idle = Some(lab),
            Err(error) => drop(self.fail(&error)),
        }
        sweep_leftovers(None);
        while self.turn(requests).is_ok() {}
        // Leaving: what the lab made goes before the program does.
        drop((self.stage, self.idle));
        for thread in self.threads {
            let _ = thread.join();
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
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Gone),
        }
        self.note_closed()?;
        if self.shared.active.swap(false, Ordering::AcqRel) {
            self.next_sample = self.next_sample.min(Instant::now() + SOON);
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
            Request::Open(id) => self.open(&id),
            Request::Close => self.close(),
            Request::Session(effect) => self.effect(effect),
            Request::OpenShell { actor, rows, cols } => self.open_shell(&actor, rows, cols),
            Request::Doctor => {
                let findings = doctor::findings();
                let for_screen = |one: &doctor::Finding| Finding {
                    works: one.works(),
                    name: one.name(self.lang).to_owned(),
                    why: one.why(self.lang).to_owned(),
                    remedy: one.remedy(self.lang),
                };
                self.send(Event::Doctor(findings.iter().map(for_screen).collect()))
            }
            Request::Speak(lang) => {
                self.lang = lang;
                Ok(())
            }
        }
    }

    fn open(&mut self, id: &str) -> Result<(), Gone> {
        self.close()?;
        let lesson = match self.library.get(id) {
            Ok(lesson) => Arc::new(lesson),
            Err(error) => return self.fail(&error),
        };
        let missing = doctor::missing(&lesson);
        if !missing.is_empty() {
            let words: Vec<String> = missing.iter().map(|one| one.explain(self.lang)).collect();
            return self.send(Event::Failed(words.join("\n")));
        }
        let answers = match self.store.load(&lesson) {
            Ok(answers) => answers,
            Err(error @ StoreError::Unreadable(_)) => return self.unreadable(id, &error),
            Err(error) => return self.fail(&error),
        };
        let lab = match self.idle.take().map_or_else(|| self.start_lab(), Ok) {
            Ok(lab) => lab,
            Err(error) => return self.fail(&error),
        };
        let student = self.student(&answers);
        match Stage::on(lab, Arc::clone(&lesson), &student) {
            Ok(stage) => self.stage = Some(stage),
            Err(error) => return self.fail(&error),
        }
        self.step = 0;
        self.last = None;
        self.answers = answers.clone();
        self.send(Event::Opened { lesson, answers: Box::new(Answers { student, ..answers }) })
    }

    /// The student that an answers file names, or who is at the keyboard.
    fn student(&self, answers: &Answers) -> String {
        if answers.student.is_empty() { self.store.student().to_owned() } else { answers.student.clone() }
    }

    /// A progress file that can't be read is never written over.
    fn unreadable(&self, id: &str, error: &StoreError) -> Result<(), Gone> {
        let path = self.store.path(id);
        let (path, why, lang) = (path.display(), error.explain(self.lang), self.lang);
        self.send(Event::Failed(say!(
            lang,
            "Your progress file {path} can't be read; it was left as it is. Mend it or move it away, then open the lesson again.\n{why}",
            "Votre fichier de progression {path} est illisible ; il a été laissé tel quel. Corrigez-le ou déplacez-le, puis rouvrez la leçon.\n{why}"
        )))
    }

    fn close(&mut self) -> Result<(), Gone> {
        self.last = None;
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
            Effect::Perform { step } => {
                self.step = step;
                let Some(stage) = &mut self.stage else { return Ok(()) };
                match stage.perform(step) {
                    Ok(outcome) => {
                        self.sample(true)?;
                        self.send(Event::Performed(outcome))
                    }
                    Err(error) => self.recover(&error),
                }
            }
            Effect::Rebuild { to, answers } => {
                self.step = to;
                let Some(stage) = &mut self.stage else { return Ok(()) };
                match stage.rebuild(to, &answers) {
                    Ok(outcomes) => {
                        self.sample(true)?;
                        self.send(Event::Rebuilt { to, outcomes })
                    }
                    Err(error) => self.recover(&error),
                }
            }
            Effect::Save(answers) => {
                self.answers = (*answers).clone();
                match self.store.save(&answers) {
                    Ok(()) => Ok(()),
                    Err(error) => self.fail(&error),
                }
            }
            // The screen's own business.
            Effect::FocusShell(_) | Effect::Finished => Ok(()),
        }
    }

    /// Takes a snapshot and sends it when it is news, or asked for.
    fn sample(&mut self, asked: bool) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        let start = Instant::now();
        let snapshot = match stage.snapshot() {
            Ok(snapshot) => Arc::new(snapshot),
            Err(error) => return self.recover(&error),
        };
        self.next_sample = Instant::now() + (start.elapsed() * COST).clamp(IDLE, LONGEST);
        let news = self.last.as_ref().is_none_or(|last| last.host != snapshot.host || last.actors != snapshot.actors);
        if asked || news {
            self.last = Some(Arc::clone(&snapshot));
            self.send(Event::Observed(snapshot))?;
        }
        Ok(())
    }

    /// The keeper died, and all of its lab was removed: says so, and builds the lab
    /// again as it was.
    fn recover(&mut self, error: &LabError) -> Result<(), Gone> {
        self.fail(error)?;
        let Some(stage) = self.stage.take() else { return Ok(()) };
        let lesson = Arc::clone(stage.lesson());
        drop(stage);
        let student = self.student(&self.answers);
        let rebuilt = self.start_lab().and_then(|lab| Stage::on(lab, lesson, &student)).and_then(|mut stage| {
            let outcomes = stage.rebuild(self.step, &self.answers)?;
            Ok((stage, outcomes))
        });
        match rebuilt {
            Ok((stage, outcomes)) => {
                self.stage = Some(stage);
                self.next_sample = Instant::now();
                self.send(Event::Rebuilt { to: self.step, outcomes })
            }
            Err(error) => self.fail(&error),
        }
    }

    fn open_shell(&mut self, actor: &str, rows: u16, cols: u16) -> Result<(), Gone> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        let launched = match stage.shell(actor, rows, cols) {
            Ok(launched) => launched,
            Err(error @ LabError::KeeperDied) => return self.recover(&error),
            Err(error) => return self.fail(&error),
        };
        let id = self.next_shell;
        self.next_shell += 1;
        let started = shells::start(id, launched.id, launched.fd, self.events.clone(), Arc::clone(&self.shared));
        match started {
            Ok((handle, thread)) => {
                self.threads.push(thread);
                self.send(Event::ShellOpened { id, actor: actor.to_owned(), handle })
            }
            Err(error) => self.send(Event::Failed(error.to_string())),
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
