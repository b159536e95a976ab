//! The loop: one `poll` over the input, the signals and the shells; lines become
//! commands of the session, effects go to the backend, what comes of them is
//! printed. Never blocks on a shell: a command that goes on is said to.

mod obey;
mod shells;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::paper::{Paper, Tone};
use super::shell::Shell;
use super::{Backend, Done, Input, page};
use crate::check::State;
use crate::i18n::{Explain, Lang};
use crate::observe::Snapshot;
use crate::say;
use crate::session::{Command, Effect, Session};
use crate::term::safe::safe;

/// Rows of the shells' terminals.
const ROWS: u16 = 24;

/// How long things may take. Parameters, so that nobody has to wait in a test.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Where lines come from a pipe: how long a command is waited for before the
    /// next line is taken.
    pub patience: Duration,
    /// A shell that does not say when a command has ended is taken to be done after
    /// so long without output.
    pub quiet: Duration,
    /// After a command: how long the kernel is given to settle.
    pub settle: Duration,
    /// How often the checks of a task are looked at while nothing happens.
    pub tick: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            quiet: Duration::from_millis(300),
            settle: Duration::from_millis(1_000),
            tick: Duration::from_millis(1_000),
        }
    }
}

/// How it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// In order: finished, quit, the end of the input, a signal, no reader.
    InOrder,
    /// The lab was lost and could not be had back; that has been said.
    Lost,
}

/// What the loop waits for.
enum Event {
    /// Time has passed, or a shell has said something.
    Nothing,
    Line(String),
    End,
    Interrupt,
    Terminate,
}

/// Goes through a lesson, to its end or the person's. `effects` are those that came
/// with the session; `signals` tells of SIGINT, SIGTERM and SIGHUP.
pub fn run<'a, F: AsFd>(
    backend: &'a mut dyn Backend,
    (session, effects): (Session, Vec<Effect>),
    input: &'a mut Input<F>,
    signals: &'a SignalFd,
    paper: Paper<'a>,
    times: Times,
) -> Left {
    let now = Instant::now();
    let mut line = Line {
        backend,
        session,
        input,
        signals,
        paper,
        times,
        shells: BTreeMap::new(),
        keyboard: None,
        last_shell: None,
        snapshot: None,
        shown: Vec::new(),
        passed: false,
        entered: false,
        confirm: false,
        said_running: false,
        hold: now,
        looked: now,
        left: None,
    };
    line.open(effects);
    line.go();
    line.leave()
}

struct Line<'a, F> {
    backend: &'a mut dyn Backend,
    session: Session,
    input: &'a mut Input<F>,
    signals: &'a SignalFd,
    paper: Paper<'a>,
    times: Times,
    /// By actor.
    shells: BTreeMap<String, Shell>,
    /// Whose shell has the keyboard; else the lesson has it.
    keyboard: Option<String>,
    /// Whose had it last, in this step.
    last_shell: Option<String>,
    snapshot: Option<Arc<Snapshot>>,
    /// The checks as they were last said: their states, and what was found.
    shown: Vec<(State, String)>,
    passed: bool,
    /// A step was entered and is to be printed.
    entered: bool,
    /// `:back` was said once, and would lose something.
    confirm: bool,
    said_running: bool,
    /// Until when no line is taken from a pipe, while a command runs.
    hold: Instant,
    looked: Instant,
    left: Option<Left>,
}

impl<F: AsFd> Line<'_, F> {
    fn lang(&self) -> Lang {
        self.paper.lang
    }

    fn open(&mut self, effects: Vec<Effect>) {
        let lang = self.lang();
        let text = self.session.lesson().text(lang);
        let (title, summary) = (text.title.clone(), text.summary.clone());
        self.paper.tone("", &title, Tone::Strong);
        self.paper.markdown("", &summary);
        self.paper.say(&say!(
            lang,
            "Enter goes on, :help lists the commands, :quit leaves; your progress is kept.",
            "Entrée pour continuer, :help pour la liste des commandes, :quit pour quitter ; votre progression est gardée."
        ));
        if self.session.step() > 0 {
            let step = self.session.step() + 1;
            self.paper.say(&say!(lang, "Going on at step {step}.", "Reprise à l'étape {step}."));
        }
        self.effects(effects);
        self.print_entered();
    }

    fn go(&mut self) {
        while self.left.is_none() && !self.paper.gone {
            let now = Instant::now();
            let running = self.running(now);
            let may_read = !running || self.input.terminal || now >= self.hold;
            if running && may_read && !self.input.terminal && !self.said_running {
                self.say_running();
            }
            if may_read && !running && self.input.terminal && !self.paper.prompted() {
                let prompt = self.prompt();
                self.paper.prompt(&prompt);
            }
            let idle = self.watching();
            let timeout = match (running, idle) {
                (true, _) => self.times.quiet.min(self.times.tick),
                (false, true) => self.times.tick,
                (false, false) => Duration::from_secs(60),
            };
            match self.wait(may_read, timeout) {
                Event::Nothing => {}
                Event::Line(line) => self.line(&line),
                Event::End => self.end_of_input(running),
                Event::Interrupt => self.interrupt(),
                Event::Terminate => self.left = Some(Left::InOrder),
            }
            self.commands_ended();
            if self.left.is_none() && self.watching() && self.looked.elapsed() >= self.times.tick {
                self.look();
                self.say_checks(false);
            }
        }
    }

    /// Whether a task is under way, whose checks tick by themselves.
    fn watching(&self) -> bool {
        self.session.step_def().task.is_some() && !self.passed && self.left.is_none()
    }

    fn running(&self, now: Instant) -> bool {
        self.shell().is_some_and(|shell| shell.busy(now, self.times.quiet))
    }

    /// The shell that has the keyboard.
    fn shell(&self) -> Option<&Shell> {
        self.shells.get(self.keyboard.as_ref()?)
    }

    fn prompt(&self) -> String {
        match &self.keyboard {
            Some(actor) if self.shell().is_some_and(Shell::wants_more) => format!("{}> ", safe(actor)),
            Some(actor) => format!("{}$ ", safe(actor)),
            None => "> ".to_owned(),
        }
    }

    /// Waits for the next thing to happen, at most so long. What shells print is
    /// printed here.
    fn wait(&mut self, may_read: bool, timeout: Duration) -> Event {
        if may_read {
            if let Some(line) = self.input.line() {
                return Event::Line(line);
            }
            if self.input.over() {
                return Event::End;
            }
        }
        let timeout = PollTimeout::try_from(timeout.as_millis() as i64).unwrap_or(PollTimeout::MAX);
        let actors: Vec<String> = self.shells.keys().cloned().collect();
        let mut watched = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        for shell in self.shells.values() {
            let write = if shell.wants_to_write() { PollFlags::POLLOUT } else { PollFlags::empty() };
            watched.push(PollFd::new(shell.watched(), PollFlags::POLLIN | write));
        }
        if may_read {
            watched.push(PollFd::new(self.input.watched(), PollFlags::POLLIN));
        }
        // An interruption is a turn of the loop like any other.
        let _ = poll(&mut watched, timeout);
        let ready: Vec<bool> = watched.iter().map(|one| one.any().unwrap_or(false)).collect();
        drop(watched);
        if ready[0]
            && let Ok(Some(signal)) = self.signals.read_signal()
        {
            return match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGINT) => Event::Interrupt,
                _ => Event::Terminate,
            };
        }
        let closed: Vec<String> = actors.iter().filter(|actor| self.listen(actor)).cloned().collect();
        for actor in closed {
            self.shell_ended(&actor);
        }
        if may_read && ready.last() == Some(&true) {
            self.input.fill();
            if let Some(line) = self.input.line() {
                return Event::Line(line);
            }
            if self.input.over() {
                return Event::End;
            }
        }
        Event::Nothing
    }

    /// Carries out what a move to another step asks for, and prints the step.
    fn moved(&mut self, effects: Vec<Effect>) {
        self.keyboard = None;
        self.last_shell = None;
        self.effects(effects);
        self.print_entered();
    }

    /// Says what could not be done. A lab that was lost is built again.
    fn trouble(&mut self, trouble: &super::Trouble) {
        let lang = self.lang();
        self.paper.tone("! ", &trouble.explain(lang), Tone::Warn);
        if !trouble.lost || self.left.is_some() {
            return;
        }
        self.tell_all();
        let effects = self.session.apply(Command::Goto(self.session.step()));
        if effects.is_empty() {
            self.left = Some(Left::Lost);
        }
        self.moved(effects);
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::Save(answers) => {
                    if let Err(trouble) = self.backend.save(answers) {
                        let lang = self.lang();
                        self.paper.tone("! ", &trouble.explain(lang), Tone::Warn);
                    }
                }
                Effect::FocusShell(actor) => self.last_shell = Some(actor.clone()),
                Effect::Finished => {
                    let (lang, points, out_of) = (self.lang(), self.session.points(), self.session.out_of());
                    self.paper.gap();
                    let text = say!(
                        lang,
                        "The lesson is finished: {points}/{out_of} points.",
                        "La leçon est terminée : {points}/{out_of} points."
                    );
                    self.paper.tone("✓ ", &text, Tone::Good);
                    self.left = Some(Left::InOrder);
                }
                Effect::Perform { .. } | Effect::Rebuild { .. } => self.work(&effect),
            }
            if self.left == Some(Left::Lost) {
                return;
            }
        }
    }

    /// Has the lab carry out a step, or be built again.
    fn work(&mut self, effect: &Effect) {
        if matches!(effect, Effect::Rebuild { .. }) {
            self.shells.clear();
        }
        let command = match (self.backend.carry_out(effect), effect) {
            (Ok(Done::Performed(outcome)), _) => Command::Performed(outcome),
            (Ok(Done::Rebuilt(outcomes)), Effect::Rebuild { to, .. }) => Command::Rebuilt { to: *to, outcomes },
            (Ok(_), _) => return,
            (Err(trouble), _) => {
                let lang = self.lang();
                self.paper.tone("! ", &trouble.explain(lang), Tone::Warn);
                self.left = Some(Left::Lost);
                return;
            }
        };
        self.entered = true;
        self.look();
        let effects = self.session.apply(command);
        self.effects(effects);
    }

    /// Prints the step that was entered, and gives its task's shell the keyboard.
    fn print_entered(&mut self) {
        if !std::mem::take(&mut self.entered) || self.left.is_some() {
            return;
        }
        let task = self.session.task(self.lang());
        self.passed = task.as_ref().is_some_and(|task| task.passed);
        self.shown = task.as_ref().map_or_else(Vec::new, shells::standing);
        page::step(&mut self.paper, &self.session, self.snapshot.as_deref());
        if let Some(actor) = self.last_shell.clone() {
            self.focus(&actor);
        }
    }

    /// Leaves in order: everything typed and every point is kept.
    fn leave(mut self) -> Left {
        self.tell_all();
        let left = self.left.unwrap_or(Left::InOrder);
        let answers = self.session.answers().clone();
        let effect = Effect::Save(Box::new(answers));
        self.effects(vec![effect]);
        if !self.session.finished() {
            let lang = self.lang();
            let (step, total) = (self.session.step() + 1, self.session.lesson().steps.len());
            let (points, out_of) = (self.session.points(), self.session.out_of());
            self.paper.say(&say!(
                lang,
                "Your progress is kept: step {step}/{total}, {points}/{out_of} points.",
                "Votre progression est gardée : étape {step}/{total}, {points}/{out_of} points."
            ));
        }
        left
    }
}
