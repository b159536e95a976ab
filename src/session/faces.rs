//! What a face (screen, line interface) shows of a session: read only, ready in
//! one language. Never says more than the step allows: no explanation before the
//! pass, no answer before the prediction.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::StepOutcome;
use super::judge::Judged;
use super::notice::{Refusal, lab_is_old, surprise, unmet};
use super::prose;
use super::spoken::{GroupFile, TracedPlace};
use super::state::{Phase, Session};
use super::view::{Answered, CheckView, ChoiceView, PredictionView, Recall, TaskView};
use crate::check::State;
use crate::i18n::{Explain, Lang};
use crate::lesson::answers::Answers;
use crate::lesson::model::{Predict, StepText, Task};
use crate::lesson::{Check, Lesson, Step};

impl Session {
    /// The lesson.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// The index of the step that the session is at.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The index of the furthest step that was reached.
    pub fn furthest(&self) -> usize {
        self.furthest
    }

    /// The step that the session is at.
    pub fn step_def(&self) -> &Step {
        &self.lesson.steps[self.step]
    }

    /// Whether the lab is at work on this step; Next, Back and Goto are refused
    /// meanwhile.
    pub fn busy(&self) -> bool {
        self.phase != Phase::Ready
    }

    /// Whether an op of this step or of one before it did not do what the lesson means: it
    /// can't be left but to be done again.
    pub fn stands_still(&self) -> bool {
        self.failure().is_some()
    }

    /// The question of this step, if it asks one.
    pub fn prediction(&self) -> Option<PredictionView> {
        let predict = self.step_def().predict.as_ref()?;
        let chosen = self.chosen(self.step, predict).map(str::to_owned);
        let choices = self.choices(self.step, predict);
        let open = chosen.is_none() || self.furthest <= self.step;
        Some(PredictionView { choices, chosen, open, points: predict.points })
    }

    /// The earlier prediction that this step puts next to what happened; nothing
    /// where none was made (a presenter who went past it).
    pub fn recall(&self, lang: Lang) -> Option<Recall> {
        let id = self.step_def().recall.as_ref()?;
        let at = self.lesson.steps.iter().position(|step| step.id == *id)?;
        let predict = self.lesson.steps[at].predict.as_ref()?;
        let chosen = self.chosen(at, predict)?;
        Some(Recall {
            said: self.choice(lang, at, chosen),
            happened: self.choice(lang, at, &predict.answer),
            right: chosen == predict.answer,
        })
    }

    /// The earlier question that this step answers.
    pub fn answered(&self) -> Option<Answered> {
        let id = self.step_def().recall.as_ref()?;
        let at = self.lesson.steps.iter().position(|step| step.id == *id)?;
        let predict = self.lesson.steps[at].predict.as_ref()?;
        Some(Answered { step: id.clone(), choices: self.choices(at, predict), came_true: predict.answer.clone() })
    }

    /// The task of this step, if it sets one, and how its checks stand.
    pub fn task(&self, lang: Lang) -> Option<TaskView> {
        let task: &Task = self.step_def().task.as_ref()?;
        let passed = self.passed(self.step);
        let texts = &self.text(lang).checks;
        let view = |(n, check): (usize, &Check)| {
            let judged = self.visit.judged.get(n);
            let words = |of: fn(&Judged) -> &[String; 2]| {
                judged.map_or_else(String::new, |judged| {
                    let [en, fr] = of(judged);
                    prose::harmless(lang.pick(en, fr))
                })
            };
            CheckView {
                id: check.id.clone(),
                label: texts.get(&check.id).map_or_else(|| check.id.clone(), |text| self.fill(text, lang)),
                state: if passed { State::Pass } else { judged.map_or(State::Skip, |judged| judged.state) },
                expected: words(|judged| &judged.expected),
                found: words(|judged| &judged.found),
            }
        };
        Some(TaskView { points: task.points, passed, checks: task.checks.iter().enumerate().map(view).collect() })
    }

    /// What this step's ops came to; nothing while they are under way.
    pub fn outcome(&self) -> Option<&StepOutcome> {
        self.outcomes[self.step].as_ref()
    }

    /// The levelled hints opened so far (Markdown), the idea first.
    pub fn hints(&self, lang: Lang) -> Vec<String> {
        if self.step_def().task.is_none() {
            return Vec::new();
        }
        self.text(lang).hints.iter().take(self.hints_opened()).map(|hint| self.fill(hint, lang)).collect()
    }

    /// How many levelled hints are still closed.
    pub fn hints_left(&self) -> usize {
        if self.step_def().task.is_none() {
            return 0;
        }
        self.text(Lang::En).hints.len().saturating_sub(self.hints_opened())
    }

    fn hints_opened(&self) -> usize {
        self.progress().hints.get(&self.step_def().id).copied().unwrap_or(0) as usize
    }

    /// The hint that answers to what the student did (Markdown), while it holds.
    pub fn reaction(&self, lang: Lang) -> Option<String> {
        let reaction = self.step_def().task.as_ref()?.reactions.get(self.visit.reaction?)?;
        self.text(lang).reactions.get(&reaction.say).map(|text| self.fill(text, lang))
    }

    /// Which of the task's reactions holds, by its place among them.
    pub fn reacting(&self) -> Option<usize> {
        self.visit.reaction
    }

    /// Points earned: for each prediction made, and each task passed.
    pub fn points(&self) -> u32 {
        let earned = |(at, step): (usize, &Step)| {
            let predicted = step.predict.as_ref().filter(|predict| self.chosen(at, predict).is_some());
            let done = step.task.as_ref().filter(|_| self.passed(at));
            predicted.map_or(0, |predict| predict.points) + done.map_or(0, |task| task.points)
        };
        self.lesson.steps.iter().enumerate().map(earned).sum()
    }

    /// Points to earn in the whole lesson.
    pub fn out_of(&self) -> u32 {
        self.lesson.points()
    }

    /// The step's heading.
    pub fn title(&self, lang: Lang) -> String {
        self.fill(&self.text(lang).title, lang)
    }

    /// The step's prose (Markdown), with the student's values and the live ones.
    pub fn prose(&self, lang: Lang) -> String {
        self.fill(&self.text(lang).body, lang)
    }

    /// Which files of control groups the prose speaks of, in its order.
    pub fn group_files(&self) -> &[GroupFile] {
        &self.visit.spoken
    }

    /// Which traced calls the step speaks of.
    pub fn traced_calls(&self) -> &BTreeSet<TracedPlace> {
        &self.visit.calls
    }

    /// What the lesson tells whoever presents this step (Markdown).
    pub fn notes(&self, lang: Lang) -> Option<String> {
        self.text(lang).notes.as_ref().map(|notes| self.fill(notes, lang))
    }

    /// The explanation (Markdown), once it gives nothing away: never beside an open
    /// question, and beside a task only when it is passed.
    pub fn why(&self, lang: Lang) -> Option<String> {
        let step = self.step_def();
        if step.predict.is_some() || (step.task.is_some() && !self.passed(self.step)) {
            return None;
        }
        self.text(lang).why.as_ref().map(|why| self.fill(why, lang))
    }

    /// What the person has to be told without having asked (plain text): why a
    /// command was refused; else an op that did not do what the lesson says, or an
    /// `expect` that does not hold.
    pub fn notice(&self, lang: Lang) -> Option<String> {
        let outcome = self.failure().or(self.outcome());
        let now = || self.now.as_ref().map(|now| now.json());
        let surprise = || outcome.and_then(|outcome| surprise(&self.lesson.steps[outcome.step], outcome, now, lang));
        let refused = self.refusal.map(|refusal| refusal.explain(lang));
        if self.refusal == Some(Refusal::Failed) {
            return Some(surprise().into_iter().chain(refused).collect::<Vec<_>>().join(" "));
        }
        let old = self.lab_is_old.then(|| lab_is_old(lang));
        refused.or(old).or_else(surprise).or_else(|| self.visit.unmet.as_ref().map(|judged| unmet(judged, lang)))
    }

    /// Whether leaving by Back or Goto loses something typed: the task is under way
    /// and not passed.
    pub fn would_lose(&self) -> bool {
        self.visit.typed && !self.passed(self.step)
    }

    /// The answers as they stand, progress included: what is saved.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Whether the last step was left by Next, now or in an earlier run.
    pub fn finished(&self) -> bool {
        self.progress().finished
    }

    fn choices(&self, step: usize, predict: &Predict) -> Vec<ChoiceView> {
        let texts = |id: &String| Lang::ALL.map(|lang| self.choice(lang, step, id));
        predict.choices.iter().map(|id| ChoiceView { id: id.clone(), texts: texts(id) }).collect()
    }

    fn choice(&self, lang: Lang, step: usize, id: &str) -> String {
        self.lesson.step_text(lang, step).choices.get(id).map_or_else(|| id.to_owned(), |text| self.fill(text, lang))
    }

    /// A text of the lesson with seeds and live values filled in.
    fn fill(&self, text: &str, lang: Lang) -> String {
        prose::fill(text, &self.values, lang, |path| self.now.as_ref().map(|now| now.at(std::iter::once(path))))
    }

    fn text(&self, lang: Lang) -> &StepText {
        self.lesson.step_text(lang, self.step)
    }
}
