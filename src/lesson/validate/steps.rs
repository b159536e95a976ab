//! The steps of a lesson, in order: what a step may refer to is what the steps
//! before it have made.

use std::collections::HashSet;

use super::{Context, FEW, words};
use crate::lesson::diagnostic::{both, did_you_mean, quoted};
use crate::lesson::format::{Placed, RawCheck, RawHint, RawPredict, RawStep, RawTask};
use crate::lesson::model::{Check, HOST, Predict, Reaction, Step, Task};

/// The most points of one prediction or task: sums stay far from any limit.
const MOST_POINTS: u32 = 1000;

impl Context<'_> {
    pub(super) fn steps(&mut self, raw: &Placed<Vec<RawStep>>) -> Vec<Step> {
        if raw.is_empty() {
            self.report(raw.span(), both!("a lesson needs at least one step", "une leçon demande au moins une étape"));
        }
        let mut steps: Vec<Step> = Vec::new();
        self.few(raw.get(FEW).map(|step| step.id.span()), FEW);
        for step in raw.iter().take(FEW) {
            let shown = quoted(&step.id);
            self.id(&step.id);
            if steps.iter().any(|earlier| earlier.id == **step.id) {
                self.report(
                    step.id.span(),
                    both!("there is already a step `{shown}`", "il y a déjà une étape « {shown} »"),
                );
            }
            let made = self.step(step, &steps);
            steps.push(made);
        }
        steps
    }

    fn step(&mut self, raw: &RawStep, earlier: &[Step]) -> Step {
        self.few(raw.ops.get(FEW).map(Placed::span), FEW);
        let ops = raw.ops.iter().take(FEW).filter_map(|op| self.op(op)).collect();
        if let Some(boxed) = &raw.boxed {
            self.known_view(boxed);
        }
        let expect = self.checks(&raw.expect, "expect");
        let predict = raw.predict.as_ref().map(|predict| self.predict(predict));
        if let Some(recall) = &raw.recall {
            let with_prediction: Vec<&str> =
                earlier.iter().filter(|step| step.predict.is_some()).map(|step| step.id.as_str()).collect();
            if !with_prediction.contains(&recall.as_str()) {
                let shown = quoted(recall);
                let help = did_you_mean(recall, &with_prediction);
                self.report_with_help(
                    recall.span(),
                    both!(
                        "no earlier step `{shown}` with a prediction",
                        "aucune étape précédente « {shown} » avec une prédiction"
                    ),
                    help,
                );
            }
        }
        if let (Some(_), Some(task)) = (&raw.predict, &raw.task) {
            self.report_with_help(
                task.span(),
                both!("a prediction and a task in one step", "une prédiction et un exercice dans la même étape"),
                both!("make two steps of it", "faites-en deux étapes"),
            );
        }
        let checks = self.checks(&raw.check, "check");
        self.few(raw.hint.get(FEW).map(Placed::span), FEW);
        let reactions = raw.hint.iter().take(FEW).map(|hint| self.reaction(hint)).collect();
        self.pairing(raw);
        let task = raw.task.as_ref().map(|task| self.task(task, checks, reactions, earlier));
        Step {
            id: raw.id.to_string(),
            show: raw.show,
            boxed: raw.boxed.as_deref().cloned(),
            predict,
            recall: raw.recall.as_deref().cloned(),
            ops,
            expect,
            task,
        }
    }

    /// Checks and reactions go with a task, and a task with checks.
    fn pairing(&mut self, raw: &RawStep) {
        match &raw.task {
            Some(task) if raw.check.is_empty() => {
                self.report(task.span(), both!("a task without checks", "un exercice sans vérification"));
            }
            Some(_) => {}
            None => {
                if let Some(check) = raw.check.first() {
                    self.report_with_help(
                        check.span(),
                        both!("checks without a task", "des vérifications sans exercice"),
                        both!(
                            "add `task = {{ shells = […], points = … }}`, or write `expect`",
                            "ajoutez « task = {{ shells = […], points = … }} », ou écrivez « expect »"
                        ),
                    );
                }
                if let Some(hint) = raw.hint.first() {
                    self.report(hint.say.span(), both!("a hint without a task", "un indice sans exercice"));
                }
            }
        }
    }

    fn checks(&mut self, list: &[Placed<RawCheck>], fallback: &str) -> Vec<Check> {
        let mut ids = HashSet::new();
        let mut checks = Vec::new();
        self.few(list.get(FEW).map(Placed::span), FEW);
        for (index, raw) in list.iter().take(FEW).enumerate() {
            let check = self.check(raw, &format!("{fallback}-{}", index + 1));
            let id = raw.id.as_ref();
            if let Some(id) = id
                && !ids.insert(id.as_str())
            {
                let shown = quoted(id);
                self.report(
                    id.span(),
                    both!(
                        "there is already a check `{shown}` in this step",
                        "il y a déjà une vérification « {shown} » dans cette étape"
                    ),
                );
            }
            if fallback == "check" && id.is_none() {
                self.report_with_help(
                    raw.span(),
                    both!("a task's check without an id", "vérification d'exercice sans identifiant"),
                    both!(
                        "add `id`: it names its text, `### check ID`",
                        "ajoutez « id » : il désigne son texte, « ### check ID »"
                    ),
                );
            }
            checks.push(check);
        }
        checks
    }

    fn predict(&mut self, raw: &Placed<RawPredict>) -> Predict {
        if raw.choices.len() < 2 {
            self.report(raw.choices.span(), both!("fewer than two choices", "il faut au moins deux choix"));
        }
        self.few(raw.choices.get(FEW).map(Placed::span), FEW);
        for choice in raw.choices.iter().take(FEW) {
            self.id(choice);
        }
        self.no_doubles(&raw.choices, Clone::clone);
        if !raw.choices.contains(&raw.answer) {
            let known: Vec<&str> = raw.choices.iter().map(|choice| choice.as_str()).collect();
            let shown = quoted(&raw.answer);
            let help = did_you_mean(&raw.answer, &known);
            self.report_with_help(
                raw.answer.span(),
                both!("the answer `{shown}` is none of the choices", "la réponse « {shown} » n'est pas l'un des choix"),
                help,
            );
        }
        self.points(raw.span(), raw.points);
        Predict { choices: words(&raw.choices), answer: raw.answer.to_string(), points: raw.points }
    }

    fn task(&mut self, raw: &Placed<RawTask>, checks: Vec<Check>, reactions: Vec<Reaction>, earlier: &[Step]) -> Task {
        if raw.shells.is_empty() {
            self.report(raw.shells.span(), both!("a task without a shell", "un exercice sans shell"));
        }
        self.no_doubles(&raw.shells, Clone::clone);
        self.few(raw.shells.get(FEW).map(Placed::span), FEW);
        for shell in raw.shells.iter().take(FEW) {
            self.known_actor(shell, true);
            if shell.as_str() == HOST && !self.host_shell {
                self.report(
                    shell.span(),
                    both!(
                        "the host's shells are not offered: `host_shell = false`",
                        "les shells de l'hôte ne sont pas proposés : « host_shell = false »"
                    ),
                );
            }
        }
        self.points(raw.span(), raw.points);
        self.seconds(&raw.seconds);
        self.no_doubles(&raw.after, Clone::clone);
        let tasks: Vec<&str> = earlier.iter().filter(|step| step.task.is_some()).map(|step| step.id.as_str()).collect();
        for step in raw.after.iter().filter(|step| !tasks.contains(&step.as_str())) {
            let shown = quoted(step);
            self.report_with_help(
                step.span(),
                both!("no earlier step `{shown}` with a task", "aucune étape précédente « {shown} » avec un exercice"),
                did_you_mean(step, &tasks),
            );
        }
        Task {
            shells: words(&raw.shells),
            points: raw.points,
            seconds: *raw.seconds,
            trace: raw.trace,
            after: words(&raw.after),
            checks,
            reactions,
        }
    }

    fn points(&mut self, span: std::ops::Range<usize>, points: u32) {
        if points > MOST_POINTS {
            self.report(span, both!("more than {MOST_POINTS} points", "plus de {MOST_POINTS} points"));
        }
    }

    fn reaction(&mut self, raw: &Placed<RawHint>) -> Reaction {
        self.id(&raw.say);
        Reaction { when: self.check(&raw.when, &raw.say), say: raw.say.to_string() }
    }
}
