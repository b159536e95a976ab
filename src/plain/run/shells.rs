//! What the shells do to the session: lines entered, commands that end, what the
//! checks then say. Called by the loop; waits for the kernel to settle, and no
//! longer.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::poll;

use super::super::page;
use super::super::paper::Tone;
use super::super::shell::Shell;
use super::{Event, Left, Line, ROWS};
use crate::check::State;
use crate::say;
use crate::session::{Command, TaskView};
use crate::term::Told;
use crate::term::safe::safe;

impl<F: AsFd> Line<'_, F> {
    /// Takes what a shell has to say; whether it has ended.
    pub(super) fn listen(&mut self, actor: &str) -> bool {
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

    /// A shell says that a line was entered. One that was interrupted before it led
    /// anywhere was taken back: replayed, it would hold up those after it.
    pub(super) fn entered_in(&mut self, actor: &str, told: Told) {
        let Told { line, interrupted, failed } = told;
        let before_pass = match self.shells.get_mut(actor).and_then(|shell| shell.typed.as_mut()) {
            Some(typed) if typed.left || (typed.told && typed.line.trim() == line.trim()) => return,
            Some(typed) => {
                typed.told = true;
                typed.before_pass
            }
            None => !self.passed,
        };
        if interrupted && !self.passed {
            return;
        }
        self.tell(actor, line, (before_pass, failed));
    }

    pub(super) fn tell(&mut self, actor: &str, line: String, (before_pass, failed): (bool, bool)) {
        let effects = self.session.apply(Command::Typed { shell: actor.to_owned(), line, before_pass, failed });
        self.effects(effects);
    }

    /// Lines that are still under way belong to the step that is left now.
    pub(super) fn tell_all(&mut self) {
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
            self.tell(&actor, line, (before_pass, false));
        }
    }

    /// Deals with the commands that have ended: what they changed, and what the
    /// checks say of it.
    pub(super) fn commands_ended(&mut self) {
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
                self.tell(actor, typed.line, (typed.before_pass, false));
            }
        }
        if !ended.is_empty() {
            self.said_running = false;
            self.settle();
            self.say_checks(true);
        }
    }

    /// A shell is gone, with what ran in it.
    pub(super) fn shell_ended(&mut self, actor: &str) {
        let Some(mut shell) = self.shells.remove(actor) else { return };
        // What it printed last.
        let said = shell.read(Instant::now());
        for line in said.lines {
            self.paper.raw(&line);
        }
        for line in said.entered {
            self.entered_in(actor, line);
        }
        // The end of the terminal is seen before the keeper can say how it came.
        let end = Instant::now() + self.times.quiet;
        let mut how = self.backend.ended(shell.id);
        while how.is_none() && Instant::now() < end {
            let _ = poll(&mut [], 10_u8);
            how = self.backend.ended(shell.id);
        }
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
                self.tell(actor, typed.line, (typed.before_pass, false));
            }
            self.settle();
            self.say_checks(true);
        }
    }

    /// Looks at the machine until the task is passed or there is no time left.
    pub(super) fn settle(&mut self) {
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
    pub(super) fn look(&mut self) {
        match self.backend.snapshot() {
            Ok(snapshot) => {
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
    pub(super) fn say_checks(&mut self, always: bool) {
        let lang = self.lang();
        let Some(task) = self.session.task(lang) else { return };
        let now = standing(&task);
        // What is found may change by itself all the time; states seldom do.
        let states = |checks: &[(State, String)]| checks.iter().map(|(state, _)| *state).collect::<Vec<_>>();
        let changed = if always { now != self.shown } else { states(&now) != states(&self.shown) };
        if changed {
            page::checks(&mut self.paper, &task);
        } else if always && !task.passed {
            let count = now.iter().filter(|(state, _)| *state == State::Pass).count();
            let total = now.len();
            self.paper.say(&say!(
                lang,
                "Checks: {count} of {total} hold (:check says which).",
                "Vérifications : {count} sur {total} tiennent (:check pour le détail)."
            ));
        }
        if (changed || always)
            && let Some(reaction) = self.session.reaction(lang)
        {
            self.paper.markdown("» ", &reaction);
        }
        self.shown = now;
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

    pub(super) fn say_running(&mut self) {
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

    /// Gives the keyboard to the shell of an actor, which is opened where there is
    /// none.
    pub(super) fn focus(&mut self, actor: &str) {
        let lang = self.lang();
        if !self.shells.contains_key(actor) {
            let columns = u16::try_from(self.paper.width()).unwrap_or(80);
            match self.backend.shell(actor, (ROWS, columns), lang) {
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
}

/// How the checks of a task stand, to be compared with how they stood.
pub(super) fn standing(task: &TaskView) -> Vec<(State, String)> {
    task.checks.iter().map(|check| (check.state, check.found.clone())).collect()
}
