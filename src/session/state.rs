//! The state machine itself. Driven by every face and by the grader through
//! `apply`; must never wait, read the machine, or lose what a student has done.

use std::sync::Arc;

use super::judge::{Judged, Ready, Seen};
use super::notice::{Refusal, failed, surprise, unmet};
use super::view::{CheckView, ChoiceView, PredictionView, Recall, TaskView};
use super::{Command, Effect, StepOutcome, prose};
use crate::check::State;
use crate::i18n::{Explain, Lang};
use crate::lesson::answers::{Answers, Progress};
use crate::lesson::model::{Predict, Task};
use crate::lesson::{Check, Lesson, Step, Values};

/// What the lab is doing for this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The ops of the step are under way.
    Performing,
    /// The lab is being rebuilt to the step.
    Rebuilding,
    /// The lab stands at the step; the student may act.
    Ready,
}

/// One person's way through one lesson.
#[derive(Debug)]
pub struct Session {
    lesson: Arc<Lesson>,
    values: Values,
    /// As they would be saved; `progress` is always there.
    answers: Answers,
    step: usize,
    /// The last step that was ever reached: predictions before it are settled.
    furthest: usize,
    phase: Phase,
    /// What each step's ops came to, by step.
    outcomes: Vec<Option<StepOutcome>>,
    refusal: Option<Refusal>,
    /// The last snapshot, and whether it is of this visit to the step.
    now: Option<Arc<Seen>>,
    seen_here: bool,
    visit: Visit,
}

/// What belongs to one visit to a step, and ends with it.
#[derive(Debug, Default)]
struct Visit {
    /// The snapshot at the end of entering the step.
    baseline: Option<Arc<Seen>>,
    /// The task's checks and reactions with the student's values filled in.
    checks: Vec<Ready>,
    conditions: Vec<Ready>,
    /// What the checks came to; empty before the baseline.
    judged: Vec<Judged>,
    /// The reaction that holds now.
    reaction: Option<usize>,
    /// The first `expect` that did not hold at the baseline.
    unmet: Option<Judged>,
    /// Whether a line was recorded in this visit.
    typed: bool,
    /// The task was passed in an earlier visit: this lab has not seen its commands.
    lacks_task: bool,
}

impl Session {
    /// Begins a lesson, or resumes it where `answers.progress` says. The student
    /// named here seeds the values of one's own, whatever `answers` says.
    pub fn new(lesson: Arc<Lesson>, mut answers: Answers, student: String) -> (Self, Vec<Effect>) {
        let resumed = answers
            .progress
            .as_ref()
            .and_then(|progress| lesson.steps.iter().position(|step| step.id == progress.step));
        answers.lesson.clone_from(&lesson.id);
        answers.student = student;
        let progress = answers.progress.get_or_insert_default();
        progress.passed.retain(|id| lesson.steps.iter().any(|step| step.id == *id && step.task.is_some()));
        let values = Values::new(&lesson, &answers.student);
        let mut session = Self {
            step: 0,
            furthest: resumed.map_or(0, |step| furthest(&lesson, &answers).max(step)),
            phase: Phase::Ready,
            outcomes: vec![None; lesson.steps.len()],
            refusal: None,
            now: None,
            seen_here: false,
            visit: Visit::default(),
            lesson,
            values,
            answers,
        };
        let effect = match resumed {
            Some(step) => session.enter(step, Phase::Rebuilding),
            None => session.enter(0, Phase::Performing),
        };
        (session, vec![effect])
    }

    /// Takes a command and says what the caller must do, in order. Never fails: a
    /// command that makes no sense here changes nothing, or leaves a notice.
    pub fn apply(&mut self, command: Command) -> Vec<Effect> {
        if !matches!(command, Command::Observed(_) | Command::Performed(_) | Command::Rebuilt { .. }) {
            self.refusal = None;
        }
        match command {
            Command::Next => self.next(),
            Command::Skip => self.leave(),
            Command::Back => self.step.checked_sub(1).map_or_else(Vec::new, |to| self.goto(to)),
            Command::Goto(to) => self.goto(to),
            Command::Predict(choice) => self.predict(choice),
            Command::Hint => self.open_hint(),
            Command::Typed { shell, line, before_pass } => self.typed(shell, &line, before_pass),
            Command::Performed(outcome) => {
                if self.phase != Phase::Performing || outcome.step != self.step {
                    return Vec::new();
                }
                self.keep(outcome);
                self.ready()
            }
            Command::Rebuilt { to, outcomes } => {
                if self.phase != Phase::Rebuilding || to != self.step {
                    return Vec::new();
                }
                self.outcomes.fill(None);
                outcomes.into_iter().for_each(|outcome| self.keep(outcome));
                self.ready()
            }
            Command::Observed(snapshot) => {
                self.now = Some(Arc::new(Seen::new(snapshot)));
                self.seen_here = true;
                if self.phase == Phase::Ready { self.observe() } else { Vec::new() }
            }
        }
    }

    fn next(&mut self) -> Vec<Effect> {
        if self.phase != Phase::Ready {
            return self.refuse(Refusal::Busy);
        }
        if self.step_def().predict.as_ref().is_some_and(|predict| self.chosen(self.step, predict).is_none()) {
            return self.refuse(Refusal::Unpredicted);
        }
        self.leave()
    }

    /// Goes on to the next step, or finishes.
    fn leave(&mut self) -> Vec<Effect> {
        if self.phase != Phase::Ready {
            return self.refuse(Refusal::Busy);
        }
        if self.outcome().is_some_and(|outcome| failed(self.step_def(), outcome)) {
            // What comes next relies on it: a name set without the wall is the host's.
            return self.refuse(Refusal::Failed);
        }
        let to = self.step + 1;
        if to == self.lesson.steps.len() {
            self.progress_mut().finished = true;
            return vec![self.save(), Effect::Finished];
        }
        // What was done in an earlier lab has to be done again in this one first.
        let phase = if self.visit.lacks_task { Phase::Rebuilding } else { Phase::Performing };
        let entered = self.enter(to, phase);
        vec![self.save(), entered]
    }

    fn goto(&mut self, to: usize) -> Vec<Effect> {
        if to >= self.lesson.steps.len() {
            return Vec::new();
        }
        if self.phase != Phase::Ready {
            return self.refuse(Refusal::Busy);
        }
        let entered = self.enter(to, Phase::Rebuilding);
        vec![self.save(), entered]
    }

    fn predict(&mut self, choice: String) -> Vec<Effect> {
        let Some(predict) = &self.step_def().predict else { return Vec::new() };
        if !predict.choices.contains(&choice) {
            return Vec::new();
        }
        let made = self.chosen(self.step, predict);
        if made == Some(choice.as_str()) {
            return Vec::new();
        }
        if made.is_some() && self.furthest > self.step {
            return self.refuse(Refusal::Settled);
        }
        let id = self.step_def().id.clone();
        self.answers.answers.insert(id, choice);
        vec![self.save()]
    }

    fn open_hint(&mut self) -> Vec<Effect> {
        if self.step_def().task.is_none() || self.hints_left() == 0 {
            return Vec::new();
        }
        let id = self.step_def().id.clone();
        *self.progress_mut().hints.entry(id).or_insert(0) += 1;
        vec![self.save()]
    }

    fn typed(&mut self, shell: String, line: &str, before_pass: bool) -> Vec<Effect> {
        let Some(task) = &self.step_def().task else { return Vec::new() };
        let word = line.trim();
        // A replay has one shell per actor, which must live to the end.
        let says_nothing = word.is_empty() || word == "exit" || word == "logout";
        if says_nothing
            || self.phase == Phase::Rebuilding
            || (self.passed(self.step) && !before_pass)
            || !task.shells.contains(&shell)
        {
            return Vec::new();
        }
        let id = self.step_def().id.clone();
        let lines = self.answers.tasks.entry(id).or_default();
        if !self.visit.typed {
            lines.clear();
            self.visit.typed = true;
        }
        let typed = lines.entry(shell).or_default();
        if !typed.is_empty() {
            typed.push('\n');
        }
        typed.push_str(line);
        vec![self.save()]
    }

    /// Moves to a step; what comes back is to be asked of the lab.
    fn enter(&mut self, to: usize, phase: Phase) -> Effect {
        self.step = to;
        self.furthest = self.furthest.max(to);
        self.phase = phase;
        self.seen_here = false;
        self.outcomes[to] = None;
        let filled = |check: &Check| Ready::new(check, &self.values);
        let task = self.step_def().task.as_ref();
        self.visit = Visit {
            checks: task.map_or_else(Vec::new, |task| task.checks.iter().map(filled).collect()),
            conditions: task
                .map_or_else(Vec::new, |task| task.reactions.iter().map(|reaction| filled(&reaction.when)).collect()),
            lacks_task: self.passed(to),
            ..Visit::default()
        };
        let id = self.step_def().id.clone();
        self.progress_mut().step = id;
        match phase {
            Phase::Rebuilding => Effect::Rebuild { to, answers: Box::new(self.to_replay(to)) },
            Phase::Performing | Phase::Ready => Effect::Perform { step: to },
        }
    }

    /// The answers with which a new lab comes to a step: of the tasks, only those
    /// passed in the steps before it.
    fn to_replay(&self, to: usize) -> Answers {
        let mut answers = self.answers.clone();
        let before = &self.lesson.steps[..to];
        answers.tasks.retain(|id, _| before.iter().any(|step| step.id == *id) && self.progress().passed.contains(id));
        answers
    }

    fn keep(&mut self, outcome: StepOutcome) {
        if let Some(place) = self.outcomes.get_mut(outcome.step) {
            *place = Some(outcome);
        }
    }

    /// The lab stands at the step.
    fn ready(&mut self) -> Vec<Effect> {
        self.phase = Phase::Ready;
        let mut effects = if self.seen_here { self.observe() } else { Vec::new() };
        if !self.passed(self.step) {
            let shell = self.step_def().task.as_ref().and_then(|task| task.shells.first());
            effects.extend(shell.cloned().map(Effect::FocusShell));
        }
        effects
    }

    /// Judges the last snapshot, where the step has something to judge.
    fn observe(&mut self) -> Vec<Effect> {
        let Some(now) = self.now.clone() else { return Vec::new() };
        let baseline = if let Some(baseline) = &self.visit.baseline {
            Arc::clone(baseline)
        } else {
            self.visit.baseline = Some(Arc::clone(&now));
            self.visit.unmet = self
                .step_def()
                .expect
                .iter()
                .map(|check| Ready::new(check, &self.values).judge(&now, &now))
                .find(|judged| judged.state != State::Pass);
            Arc::clone(&now)
        };
        if self.visit.checks.is_empty() || self.passed(self.step) {
            return Vec::new();
        }
        self.visit.judged = self.visit.checks.iter().map(|check| check.judge(&now, &baseline)).collect();
        self.visit.reaction = self.visit.conditions.iter().position(|when| when.holds(&now, &baseline));
        if self.visit.judged.iter().all(|judged| judged.state == State::Pass) {
            return self.pass();
        }
        Vec::new()
    }

    fn pass(&mut self) -> Vec<Effect> {
        let id = self.step_def().id.clone();
        if !self.visit.typed {
            // Lines of an earlier visit are not what passed it.
            self.answers.tasks.shift_remove(&id);
        }
        self.visit.reaction = None;
        self.progress_mut().passed.push(id);
        vec![self.save()]
    }

    fn refuse(&mut self, why: Refusal) -> Vec<Effect> {
        self.refusal = Some(why);
        Vec::new()
    }

    fn save(&mut self) -> Effect {
        let points = self.points();
        self.progress_mut().points = points;
        Effect::Save(Box::new(self.answers.clone()))
    }

    fn progress(&self) -> &Progress {
        static NONE: std::sync::LazyLock<Progress> = std::sync::LazyLock::new(Progress::default);
        self.answers.progress.as_ref().unwrap_or(&NONE)
    }

    fn progress_mut(&mut self) -> &mut Progress {
        self.answers.progress.get_or_insert_default()
    }

    fn passed(&self, step: usize) -> bool {
        self.progress().passed.contains(&self.lesson.steps[step].id)
    }

    /// The choice made in a step's prediction, if it is one of its choices.
    fn chosen<'a>(&'a self, step: usize, predict: &Predict) -> Option<&'a str> {
        let made = self.answers.answers.get(&self.lesson.steps[step].id)?;
        predict.choices.contains(made).then_some(made)
    }

    /// A text of the lesson with seeds and live values filled in.
    fn fill(&self, text: &str) -> String {
        prose::fill(text, &self.values, || self.now.as_ref().map(|now| now.json()))
    }

    fn text(&self, lang: Lang) -> &crate::lesson::model::StepText {
        self.lesson.step_text(lang, self.step)
    }
}

/// What a face shows.
impl Session {
    /// The lesson.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// The index of the step that the session is at.
    pub fn step(&self) -> usize {
        self.step
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

    /// The question of this step, if it asks one.
    pub fn prediction(&self) -> Option<PredictionView> {
        let predict = self.step_def().predict.as_ref()?;
        let chosen = self.chosen(self.step, predict).map(str::to_owned);
        let choices = predict
            .choices
            .iter()
            .map(|id| ChoiceView { id: id.clone(), texts: Lang::ALL.map(|lang| self.choice(lang, self.step, id)) })
            .collect();
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
                label: texts.get(&check.id).map_or_else(|| check.id.clone(), |text| self.fill(text)),
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
        self.text(lang).hints.iter().take(self.hints_opened()).map(|hint| self.fill(hint)).collect()
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
        self.text(lang).reactions.get(&reaction.say).map(|text| self.fill(text))
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
        self.fill(&self.text(lang).title)
    }

    /// The step's prose (Markdown), with the student's values and the live ones.
    pub fn prose(&self, lang: Lang) -> String {
        self.fill(&self.text(lang).body)
    }

    /// The explanation (Markdown), once it gives nothing away: never beside an open
    /// question, and beside a task only when it is passed.
    pub fn why(&self, lang: Lang) -> Option<String> {
        let step = self.step_def();
        if step.predict.is_some() || (step.task.is_some() && !self.passed(self.step)) {
            return None;
        }
        self.text(lang).why.as_ref().map(|why| self.fill(why))
    }

    /// What the person has to be told without having asked (plain text): why a
    /// command was refused; else an op that did not do what the lesson says, or an
    /// `expect` that does not hold.
    pub fn notice(&self, lang: Lang) -> Option<String> {
        let surprise = || self.outcome().and_then(|outcome| surprise(self.step_def(), outcome, lang));
        let refused = self.refusal.map(|refusal| refusal.explain(lang));
        if self.refusal == Some(Refusal::Failed) {
            return Some(surprise().into_iter().chain(refused).collect::<Vec<_>>().join(" "));
        }
        refused.or_else(surprise).or_else(|| self.visit.unmet.as_ref().map(|judged| unmet(judged, lang)))
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

    fn choice(&self, lang: Lang, step: usize, id: &str) -> String {
        self.lesson.step_text(lang, step).choices.get(id).map_or_else(|| id.to_owned(), |text| self.fill(text))
    }
}

/// The last step that the answers bear a trace of.
fn furthest(lesson: &Lesson, answers: &Answers) -> usize {
    let hints = answers.progress.as_ref().map(|progress| &progress.hints);
    let traced = |step: &Step| {
        answers.answers.contains_key(&step.id)
            || answers.tasks.contains_key(&step.id)
            || hints.is_some_and(|hints| hints.contains_key(&step.id))
    };
    lesson.steps.iter().rposition(traced).unwrap_or(0)
}
