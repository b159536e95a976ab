//! The loop: one `poll` over the input, the signals and the shells; lines become
//! commands of the session, effects go to the backend, what comes of them is
//! printed. Never blocks on a shell: a command that goes on is said to.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::paper::{Paper, Tone};
use super::shell::{LONGEST, Shell};
use super::words::{self, Show, Word};
use super::{Backend, Done, Input, page, panes};
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
    /// The states of the checks as they were last said.
    shown: Vec<State>,
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

    /// Takes what a shell has to say; whether it has ended.
    fn listen(&mut self, actor: &str) -> bool {
        let now = Instant::now();
        let quiet = self.times.quiet;
        let Some(shell) = self.shells.get_mut(actor) else { return false };
        shell.flush();
        let mut said = shell.read(now);
        said.lines.extend(shell.rest(now, quiet));
        let id = shell.id;
        let closed = said.closed || self.backend.ended(id).is_some();
        for line in &said.lines {
            self.paper.raw(line);
        }
        for line in said.entered {
            self.entered_in(actor, line);
        }
        closed
    }

    /// A shell says that a line was entered.
    fn entered_in(&mut self, actor: &str, line: String) {
        let before_pass = match self.shells.get_mut(actor).and_then(|shell| shell.typed.as_mut()) {
            Some(typed) if typed.left || (typed.told && typed.line.trim() == line.trim()) => return,
            Some(typed) => {
                typed.told = true;
                typed.before_pass
            }
            None => !self.passed,
        };
        self.tell(actor, line, before_pass);
    }

    fn tell(&mut self, actor: &str, line: String, before_pass: bool) {
        let effects = self.session.apply(Command::Typed { shell: actor.to_owned(), line, before_pass });
        self.effects(effects);
    }

    /// Lines that are still under way belong to the step that is left now.
    fn tell_all(&mut self) {
        let mut open = Vec::new();
        for (actor, shell) in &mut self.shells {
            if let Some(typed) = &mut shell.typed {
                if !typed.told {
                    open.push((actor.clone(), typed.line.clone(), typed.before_pass));
                }
                (typed.told, typed.left) = (true, true);
            }
        }
        for (actor, line, before_pass) in open {
            self.tell(&actor, line, before_pass);
        }
    }

    /// Deals with the commands that have ended: what they changed, and what the
    /// checks say of it.
    fn commands_ended(&mut self) {
        let (now, quiet) = (Instant::now(), self.times.quiet);
        let ended: Vec<String> =
            self.shells.iter().filter(|(_, shell)| shell.ended(now, quiet)).map(|(actor, _)| actor.clone()).collect();
        for actor in &ended {
            let Some(shell) = self.shells.get_mut(actor) else { continue };
            let rest = shell.rest(now, Duration::ZERO);
            let typed = shell.typed.take();
            if let Some(line) = rest {
                self.paper.raw(&line);
            }
            if let Some(typed) = typed.filter(|typed| !typed.told) {
                self.tell(actor, typed.line, typed.before_pass);
            }
        }
        if !ended.is_empty() {
            self.said_running = false;
            self.settle();
            self.say_checks(true);
        }
    }

    /// A shell is gone, with what ran in it.
    fn shell_ended(&mut self, actor: &str) {
        let Some(mut shell) = self.shells.remove(actor) else { return };
        // What it printed last.
        let said = shell.read(Instant::now());
        for line in said.lines {
            self.paper.raw(&line);
        }
        for line in said.entered {
            self.entered_in(actor, line);
        }
        let how = self.backend.ended(shell.id);
        let typed = shell.typed.take();
        drop(shell);
        let (lang, name) = (self.lang(), safe(actor));
        let how = how.map_or_else(String::new, |how| format!(" ({})", safe(&how)));
        self.paper.say(&say!(lang, "The shell of {name} has ended{how}.", "Le shell de {name} est terminé{how}."));
        if self.keyboard.as_deref() == Some(actor) {
            self.keyboard = None;
            self.said_running = false;
        }
        if let Some(typed) = typed {
            if !typed.told {
                self.tell(actor, typed.line, typed.before_pass);
            }
            self.settle();
            self.say_checks(true);
        }
    }

    /// Looks at the machine until the task is passed or there is no time left.
    fn settle(&mut self) {
        let end = Instant::now() + self.times.settle;
        loop {
            self.look();
            if !self.watching() || Instant::now() >= end || self.paper.gone {
                return;
            }
            match self.wait(false, Duration::from_millis(50)) {
                Event::Terminate => self.left = Some(Left::InOrder),
                Event::Interrupt => self.interrupt(),
                _ => {}
            }
        }
    }

    /// Takes a snapshot.
    fn look(&mut self) {
        match self.backend.snapshot() {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.snapshot = Some(Arc::clone(&snapshot));
                let effects = self.session.apply(Command::Observed(snapshot));
                self.effects(effects);
            }
            Err(trouble) => self.trouble(&trouble),
        }
        self.looked = Instant::now();
    }

    /// Says how the checks stand: all where something changed, a word of it where
    /// nothing did and `always`.
    fn say_checks(&mut self, always: bool) {
        let lang = self.lang();
        let Some(task) = self.session.task(lang) else { return };
        let states: Vec<State> = task.checks.iter().map(|check| check.state).collect();
        if states != self.shown {
            page::checks(&mut self.paper, &task);
        } else if always && !task.passed {
            let count = states.iter().filter(|state| **state == State::Pass).count();
            let total = states.len();
            self.paper.say(&say!(
                lang,
                "Checks: {count} of {total} hold (:check says which).",
                "Vérifications : {count} sur {total} tiennent (:check pour le détail)."
            ));
        }
        if (states != self.shown || always)
            && let Some(reaction) = self.session.reaction(lang)
        {
            self.paper.markdown("» ", &reaction);
        }
        self.shown = states;
        if task.passed && !self.passed {
            self.passed = true;
            let points = task.points;
            self.paper.tone(
                "✓ ",
                &say!(lang, "Done: {points} points. :next goes on.", "Réussi : {points} points. :next pour continuer."),
                Tone::Good,
            );
            page::why(&mut self.paper, &self.session);
        }
    }

    fn say_running(&mut self) {
        self.said_running = true;
        let (lang, seconds) = (self.lang(), self.times.patience.as_secs());
        self.paper.say(&say!(
            lang,
            "Still running after {seconds} s. The next lines go to it; :stop interrupts it.",
            "Encore en cours après {seconds} s. Les prochaines lignes lui sont destinées ; :stop l'interrompt."
        ));
        self.look();
        self.say_checks(false);
    }

    /// A line of the person's.
    fn line(&mut self, line: &str) {
        if self.input.terminal {
            self.paper.entered();
        } else {
            // A transcript shows what was typed.
            let prompt = self.prompt();
            self.paper.raw(&format!("{prompt}{}", safe(line)));
        }
        let confirmed = std::mem::take(&mut self.confirm);
        let lang = self.lang();
        match words::read(line) {
            Word::Next => self.next(),
            Word::Back => self.back(confirmed),
            Word::Goto(number) => self.goto(number, confirmed),
            Word::Hint => self.hint(),
            Word::Why => {
                if !page::why(&mut self.paper, &self.session) {
                    self.paper.say(lang.pick(
                        "There is no explanation here, or not yet: it would give the answer away.",
                        "Il n'y a pas d'explication ici, ou pas encore : elle trahirait la réponse.",
                    ));
                }
            }
            Word::Show(what) => self.show(what),
            Word::Check => match self.session.task(lang) {
                Some(task) => {
                    page::checks(&mut self.paper, &task);
                    if let Some(reaction) = self.session.reaction(lang) {
                        self.paper.markdown("» ", &reaction);
                    }
                }
                None => self.paper.say(lang.pick("This step sets no task.", "Cette étape ne demande rien.")),
            },
            Word::Shell(actor) => {
                let actor = actor.unwrap_or_else(|| page::boxed(&self.session));
                self.focus(&actor);
            }
            Word::Lesson => self.keyboard = None,
            Word::Stop => self.interrupt(),
            Word::Lang(to) => {
                self.paper.lang = to.unwrap_or(lang.other());
                page::step(&mut self.paper, &self.session, self.snapshot.as_deref());
            }
            Word::Help => {
                for line in words::help(lang).lines() {
                    self.paper.raw(line);
                }
            }
            Word::Quit => self.left = Some(Left::InOrder),
            Word::Unknown(what) => {
                let what = safe(&what);
                self.paper.say(&say!(
                    lang,
                    "There is no command :{what}. :help lists them.",
                    "Il n'y a pas de commande :{what}. :help en donne la liste."
                ));
            }
            Word::Text(text) => self.text(&text),
        }
    }

    /// A line that is no command: for the shell, an answer, or the way on.
    fn text(&mut self, text: &str) {
        let lang = self.lang();
        if self.keyboard.is_none()
            && self.session.step_def().task.is_some()
            && !text.trim().is_empty()
            && let Some(actor) = self.last_shell.clone()
        {
            // Its shell has ended: what is typed is for the next one.
            self.focus(&actor);
        }
        if self.keyboard.is_some() {
            return self.type_in(text);
        }
        let answer = text.trim();
        if answer.is_empty() {
            if self.session.step_def().task.is_some() {
                let text = lang.pick(
                    ":next goes on, :check says how far you are.",
                    ":next pour continuer, :check pour savoir où vous en êtes.",
                );
                return self.paper.say(text);
            }
            return self.next();
        }
        let Some(prediction) = self.session.prediction() else {
            return self.paper.say(lang.pick(
                "There is nothing to answer here. Enter goes on, :host and :box open a shell.",
                "Il n'y a rien à répondre ici. Entrée pour continuer, :host et :box pour ouvrir un shell.",
            ));
        };
        let count = prediction.choices.len();
        let number = answer.trim_end_matches('.').parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let choice = match number {
            Some(at) => prediction.choices.get(at),
            None => prediction.choices.iter().find(|choice| choice.id == answer),
        };
        let Some(choice) = choice else {
            let answer = safe(answer);
            return self.paper.say(&say!(
                lang,
                "\"{answer}\" is none of the choices. Type a number from 1 to {count}.",
                "« {answer} » n'est pas l'un des choix. Tapez un nombre de 1 à {count}."
            ));
        };
        let effects = self.session.apply(Command::Predict(choice.id.clone()));
        self.effects(effects);
        if self.session.prediction().is_some_and(|now| now.chosen.as_deref() == Some(&choice.id)) {
            self.paper.markdown("● ", choice.text(lang));
        }
        match prediction.open {
            true => self.paper.say(&page::chosen(lang)),
            false => page::notice(&mut self.paper, &self.session),
        }
    }

    /// A line for the shell that has the keyboard.
    fn type_in(&mut self, text: &str) {
        let (lang, now) = (self.lang(), Instant::now());
        if text.len() > LONGEST {
            return self.paper.say(&say!(
                lang,
                "This line is too long for a terminal: {LONGEST} bytes at most. It was not entered.",
                "Cette ligne est trop longue pour un terminal : {LONGEST} octets au plus. Elle n'a pas été saisie."
            ));
        }
        let (before_pass, times) = (!self.passed, self.times);
        let Some(shell) = self.keyboard.as_ref().and_then(|actor| self.shells.get_mut(actor)) else { return };
        let busy = shell.busy(now, times.quiet);
        if text.is_empty() && !busy && !shell.wants_more() {
            return;
        }
        shell.enter(text, before_pass, now);
        // The input of what goes on is answered at once or not at all.
        self.hold = now + if busy { times.quiet } else { times.patience };
        self.said_running = busy;
    }

    fn next(&mut self) {
        let lang = self.lang();
        self.tell_all();
        if self.watching() && !self.input.terminal {
            // The last command may not have had its full effect.
            self.settle();
            self.say_checks(false);
        }
        let unfinished = self.watching();
        let effects = self.session.apply(Command::Next);
        if effects.is_empty() {
            page::notice(&mut self.paper, &self.session);
            return;
        }
        if unfinished {
            self.paper.say(lang.pick(
                "The task stays unfinished; :back returns to it.",
                "L'exercice reste inachevé ; :back pour y revenir.",
            ));
        }
        self.moved(effects);
    }

    fn back(&mut self, confirmed: bool) {
        match self.session.step() {
            0 => self.paper.say(self.lang().pick("This is the first step.", "C'est la première étape.")),
            step => self.jump(Command::Back, step, confirmed),
        }
    }

    fn goto(&mut self, number: usize, confirmed: bool) {
        let (lang, total) = (self.lang(), self.session.lesson().steps.len());
        if number == 0 || number > total {
            return self.paper.say(&say!(lang, "The steps are 1 to {total}.", "Les étapes vont de 1 à {total}."));
        }
        self.jump(Command::Goto(number - 1), number, confirmed);
    }

    fn jump(&mut self, command: Command, number: usize, confirmed: bool) {
        let lang = self.lang();
        self.tell_all();
        if self.session.would_lose() && !confirmed {
            self.confirm = true;
            return self.paper.say(lang.pick(
                "What you did in this task would be lost. The same command again does it.",
                "Ce que vous avez fait dans cet exercice serait perdu. La même commande une seconde fois le confirme.",
            ));
        }
        let effects = self.session.apply(command);
        if effects.is_empty() {
            return page::notice(&mut self.paper, &self.session);
        }
        self.paper.say(&say!(
            lang,
            "The lab is built again, up to step {number}.",
            "Le laboratoire est reconstruit, jusqu'à l'étape {number}."
        ));
        self.moved(effects);
    }

    /// Carries out what a move to another step asks for, and prints the step.
    fn moved(&mut self, effects: Vec<Effect>) {
        self.keyboard = None;
        self.last_shell = None;
        self.effects(effects);
        self.print_entered();
    }

    fn hint(&mut self) {
        let lang = self.lang();
        let left = self.session.hints_left();
        let effects = self.session.apply(Command::Hint);
        self.effects(effects);
        let hints = self.session.hints(lang);
        let (count, total) = (hints.len(), hints.len() + self.session.hints_left());
        match hints.last() {
            Some(hint) => {
                if left == 0 {
                    self.paper.say(lang.pick("That was the last one:", "C'était le dernier :"));
                }
                self.paper.markdown(&say!(lang, "Hint {count}/{total}: ", "Indice {count}/{total} : "), hint);
            }
            None => self.paper.say(lang.pick("There are no hints here.", "Il n'y a pas d'indice ici.")),
        }
    }

    fn show(&mut self, what: Option<Show>) {
        let what =
            what.unwrap_or_else(|| self.session.step_def().show.map_or(Show::Step, |pane| Show::Pane(pane, false)));
        self.look();
        let boxed = page::boxed(&self.session);
        let Some(snapshot) = self.snapshot.clone() else { return };
        match what {
            Show::Pane(pane, all) => panes::pane(&mut self.paper, pane, &snapshot, &boxed, all),
            Show::Walls => panes::walls(&mut self.paper, &snapshot, &boxed),
            Show::Calls => panes::calls(&mut self.paper, self.session.outcome()),
            Show::Step => page::step(&mut self.paper, &self.session, Some(&snapshot)),
        }
    }

    /// Gives the keyboard to the shell of an actor, which is opened where there is
    /// none.
    fn focus(&mut self, actor: &str) {
        let lang = self.lang();
        if !self.shells.contains_key(actor) {
            let columns = u16::try_from(self.paper.width()).unwrap_or(80);
            match self.backend.shell(actor, ROWS, columns) {
                Ok(opened) => drop(self.shells.insert(actor.to_owned(), Shell::new(opened, Instant::now()))),
                Err(trouble) => return self.trouble(&trouble),
            }
        }
        if self.keyboard.as_deref() != Some(actor) {
            let name = safe(actor);
            self.paper.say(&say!(lang, "The shell of {name} has the keyboard.", "Le shell de {name} a le clavier."));
        }
        self.keyboard = Some(actor.to_owned());
        self.last_shell = Some(actor.to_owned());
        self.hold = Instant::now() + self.times.patience;
    }

    /// Ctrl-C: for what runs in a shell, never for the lesson.
    fn interrupt(&mut self) {
        let lang = self.lang();
        if let Some(shell) = self.keyboard.as_ref().and_then(|actor| self.shells.get_mut(actor)) {
            shell.control(3);
            self.hold = Instant::now() + self.times.patience;
            self.said_running = false;
        } else {
            self.paper.say(lang.pick("Nothing runs here. :quit leaves.", "Rien ne s'exécute ici. :quit pour quitter."));
        }
    }

    fn end_of_input(&mut self, running: bool) {
        if running && self.input.terminal {
            // Ctrl-D, for the command that reads.
            self.input.go_on();
            if let Some(shell) = self.keyboard.as_ref().and_then(|actor| self.shells.get_mut(actor)) {
                shell.control(4);
            }
            return;
        }
        if running && Instant::now() < self.hold {
            return;
        }
        self.tell_all();
        if self.watching() {
            self.settle();
            self.say_checks(false);
        }
        self.left = Some(Left::InOrder);
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
        self.shown = task.map_or_else(Vec::new, |task| task.checks.iter().map(|check| check.state).collect());
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
