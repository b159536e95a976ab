//! What a person's line does: commands, answers, and lines for the shell that has
//! the keyboard. Called by the loop.

use std::os::fd::AsFd;
use std::time::Instant;

use super::super::paper::Tone;
use super::super::shell::LONGEST;
use super::super::words::{self, Show, Word};
use super::super::{page, panes};
use super::{Left, Line};
use crate::i18n::Explain;
use crate::lesson::model::Pane;
use crate::observe::Snapshot;
use crate::say;
use crate::session::Command;
use crate::term::safe::safe;

impl<F: AsFd> Line<'_, F> {
    /// A line of the person's.
    pub(super) fn line(&mut self, line: &str) {
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
            Word::Trace(on) => self.trace(on),
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
                    "There is no command “:{what}”. :help lists them.",
                    "Il n'y a pas de commande « :{what} ». :help en donne la liste."
                ));
            }
            Word::Text(text) => self.text(&text),
        }
    }

    /// A line that is no command: for the shell, an answer, or the way on.
    pub(super) fn text(&mut self, text: &str) {
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
        if prediction.open {
            self.paper.say(&page::chosen(lang));
        } else {
            page::notice(&mut self.paper, &self.session);
        }
    }

    /// A line for the shell that has the keyboard.
    pub(super) fn type_in(&mut self, text: &str) {
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

    pub(super) fn next(&mut self) {
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

    pub(super) fn back(&mut self, confirmed: bool) {
        match self.session.step() {
            0 => self.paper.say(self.lang().pick("This is the first step.", "C'est la première étape.")),
            step => self.jump(Command::Back, step, confirmed),
        }
    }

    pub(super) fn goto(&mut self, number: usize, confirmed: bool) {
        let (lang, total) = (self.lang(), self.session.lesson().steps.len());
        if number == 0 || number > total {
            return self.paper.say(&say!(lang, "The steps are 1 to {total}.", "Les étapes vont de 1 à {total}."));
        }
        self.jump(Command::Goto(number - 1), number, confirmed);
    }

    pub(super) fn jump(&mut self, command: Command, number: usize, confirmed: bool) {
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

    pub(super) fn hint(&mut self) {
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

    pub(super) fn show(&mut self, what: Option<Show>) {
        let what =
            what.unwrap_or_else(|| self.session.step_def().show.map_or(Show::Step, |pane| Show::Pane(pane, false)));
        self.look();
        let boxed = page::boxed(&self.session);
        let Some(snapshot) = self.snapshot.clone() else { return };
        match what {
            Show::Calls | Show::Pane(Pane::Calls, _) => {
                panes::calls(&mut self.paper, self.session.outcome(), Some(&snapshot));
            }
            Show::Pane(pane, all) => panes::pane(&mut self.paper, pane, &snapshot, &boxed, all),
            Show::Walls => panes::walls(&mut self.paper, &snapshot, &boxed),
            Show::Step => page::step(&mut self.paper, &self.session, Some(&snapshot)),
        }
    }

    /// The commands of the shell that has the keyboard, else of the box's.
    fn trace(&mut self, on: Option<bool>) {
        let lang = self.lang();
        let actor = self.keyboard.clone().unwrap_or_else(|| page::boxed(&self.session));
        let traced = |snapshot: &Snapshot| snapshot.traced.get(&actor).is_some_and(|traced| traced.on);
        let on = on.unwrap_or(!self.snapshot.as_deref().is_some_and(traced));
        let done = self.backend.trace(&actor, on);
        self.look();
        let name = safe(&actor);
        match done {
            Ok(()) if on => self.paper.say(&say!(
                lang,
                "The commands in the shell of {name} are traced from now on; :show calls lists their system calls.",
                "Les commandes du shell de {name} sont tracées désormais ; :show calls donne la liste de leurs appels système."
            )),
            Ok(()) => self.paper.say(&say!(
                lang,
                "The commands in the shell of {name} are traced no more.",
                "Les commandes du shell de {name} ne sont plus tracées."
            )),
            Err(trouble) => self.paper.tone("! ", &trouble.explain(lang), Tone::Warn),
        }
    }

    /// Ctrl-C: for what runs in a shell, never for the lesson.
    pub(super) fn interrupt(&mut self) {
        let lang = self.lang();
        if let Some(shell) = self.keyboard.as_ref().and_then(|actor| self.shells.get_mut(actor)) {
            shell.control(3);
            self.hold = Instant::now() + self.times.patience;
            self.said_running = false;
        } else {
            self.paper.say(lang.pick("Nothing runs here. :quit leaves.", "Rien ne s'exécute ici. :quit pour quitter."));
        }
    }

    pub(super) fn end_of_input(&mut self, running: bool) {
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
}
