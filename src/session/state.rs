//! The state machine itself. Driven by every face and by the grader through
//! `apply`; must never wait, read the machine, or lose what a student has done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::judge::{Judged, Ready, Seen};
use super::notice::{Refusal, failed};
use super::parts::Parts;
use super::prose;
use super::spoken::{self, GroupFile, TracedPlace};
use super::{Command, Effect, StepOutcome, pids};
use crate::check::State;
use crate::i18n::Lang;
use crate::lesson::answers::{Answers, Progress};
use crate::lesson::model::Predict;
use crate::lesson::{Check, Lesson, Step, Values};

/// Between a command left in the background and the next one. By hand the first had the
/// time to start; carried out again, the second would come at once.
const AWAIT: &str = "sleep 1";

/// What the lab is doing for this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
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
    pub(super) lesson: Arc<Lesson>,
    pub(super) values: Values,
    /// As they would be saved; `progress` is always there.
    pub(super) answers: Answers,
    pub(super) step: usize,
    /// The last step that was ever reached: predictions before it are settled.
    pub(super) furthest: usize,
    pub(super) phase: Phase,
    /// What each step's ops came to, by step.
    pub(super) outcomes: Vec<Option<StepOutcome>>,
    pub(super) refusal: Option<Refusal>,
    /// The last snapshot, and whether it is of this visit to the step.
    pub(super) now: Option<Arc<Seen>>,
    pub(super) seen_here: bool,
    pub(super) visit: Visit,
    /// The lesson was changed, and the lab is still that of the one before.
    pub(super) lab_is_old: bool,
}

/// What belongs to one visit to a step, and ends with it.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// The snapshot at the end of entering the step.
    pub(super) baseline: Option<Arc<Seen>>,
    /// The task's checks and reactions with the student's values filled in.
    pub(super) checks: Vec<Ready>,
    pub(super) conditions: Vec<Ready>,
    /// What of a snapshot its texts and checks speak of.
    pub(super) parts: Arc<Parts>,
    /// Which files of control groups its prose speaks of.
    pub(super) spoken: Vec<GroupFile>,
    /// Which traced calls the step speaks of, as of the baseline.
    pub(super) calls: BTreeSet<TracedPlace>,
    /// What the checks came to; empty before the baseline.
    pub(super) judged: Vec<Judged>,
    /// The reaction that holds now.
    pub(super) reaction: Option<usize>,
    /// The first `expect` that did not hold at the baseline.
    pub(super) unmet: Option<Judged>,
    /// Whether a line was recorded in this visit.
    pub(super) typed: bool,
    /// The lab's processes in this visit, those that have ended among them, by PID.
    pub(super) pids: BTreeMap<u32, String>,
    /// The task was passed in an earlier visit: this lab has not seen its commands.
    pub(super) lacks_task: bool,
}

impl Session {
    /// Begins a lesson, or resumes it where `answers.progress` says. The student is
    /// the one that the values are of, whatever `answers` says.
    pub fn new(lesson: Arc<Lesson>, mut answers: Answers, values: Values) -> (Self, Vec<Effect>) {
        let resumed = answers
            .progress
            .as_ref()
            .and_then(|progress| lesson.steps.iter().position(|step| step.id == progress.step));
        answers.lesson.clone_from(&lesson.id);
        values.student().clone_into(&mut answers.student);
        let progress = answers.progress.get_or_insert_default();
        progress.passed.retain(|id| lesson.steps.iter().any(|step| step.id == *id && step.task.is_some()));
        let mut session = Self {
            step: 0,
            furthest: resumed.map_or(0, |step| furthest(&lesson, &answers).max(step)),
            phase: Phase::Ready,
            outcomes: vec![None; lesson.steps.len()],
            refusal: None,
            now: None,
            seen_here: false,
            visit: Visit::default(),
            lab_is_old: false,
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
        if !matches!(
            command,
            Command::Observed(_) | Command::Moved(_) | Command::Performed(_) | Command::Rebuilt { .. }
        ) {
            self.refusal = None;
        }
        match command {
            Command::Next => self.next(),
            Command::Skip => self.leave(),
            Command::Back => self.step.checked_sub(1).map_or_else(Vec::new, |to| self.goto(to)),
            Command::Goto(to) => self.goto(to),
            Command::Predict(choice) => self.predict(choice),
            Command::Hint => self.open_hint(),
            Command::Typed { shell, line, before_pass, failed } => self.typed(shell, &line, before_pass, failed),
            Command::Moved(outcome) => {
                if self.phase != Phase::Ready && outcome.step == self.step {
                    self.keep(outcome);
                }
                Vec::new()
            }
            Command::Performed(outcome) => {
                if self.phase != Phase::Performing || outcome.step != self.step {
                    return Vec::new();
                }
                self.keep(outcome);
                self.ready()
            }
            Command::Rebuilt { to, outcomes } => {
                // Of a keeper that was killed while it performed, all is rebuilt.
                if self.phase == Phase::Ready || to != self.step {
                    return Vec::new();
                }
                self.outcomes.fill(None);
                for outcome in outcomes {
                    self.keep(outcome);
                }
                self.ready()
            }
            Command::Observed(snapshot) => {
                self.now = Some(Arc::new(Seen::new(snapshot, Arc::clone(&self.visit.parts))));
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
        if self.failure().is_some() {
            // What comes next relies on it: a name set without the wall is the host's.
            return self.refuse(Refusal::Failed);
        }
        let to = self.step + 1;
        if to == self.lesson.steps.len() {
            self.progress_mut().finished = true;
            return vec![self.save(), Effect::Finished];
        }
        // What was done in an earlier lab has to be done again in this one first.
        let phase = if self.visit.lacks_task || self.lab_is_old { Phase::Rebuilding } else { Phase::Performing };
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

    fn typed(&mut self, shell: String, line: &str, before_pass: bool, failed: bool) -> Vec<Effect> {
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
        if !self.visit.typed {
            // What was typed at an earlier visit is not what is typed now.
            self.answers.tasks.entry(id.clone()).or_default().clear();
            self.answers.turns.shift_remove(&id);
            self.progress_mut().failed.shift_remove(&id);
            self.visit.typed = true;
        }
        let counts = self.now.as_ref().is_some_and(|now| pids::counts_as_host(now.snapshot(), &shell));
        let line = if counts { pids::keep(line, &self.visit.pids) } else { line.to_owned() };
        let before = self.answers.tasks.get(&id).and_then(|shells| shells.get(&shell));
        if before.is_some_and(|typed| ends_in_the_background(typed)) {
            self.answers.add(&id, &shell, AWAIT);
        }
        self.answers.add(&id, &shell, &line);
        if failed {
            let typed = &self.answers.tasks[&id][&shell];
            let (last, many) = (typed.lines().count(), line.lines().count());
            let lines = self.progress_mut().failed.entry(id).or_default().entry(shell).or_default();
            lines.extend((last + 1 - many..=last).map(|number| number as u32));
        }
        vec![self.save()]
    }

    /// Moves to a step; what comes back is to be asked of the lab.
    pub(super) fn enter(&mut self, to: usize, phase: Phase) -> Effect {
        self.step = to;
        self.furthest = self.furthest.max(to);
        self.phase = phase;
        self.lab_is_old &= phase != Phase::Rebuilding;
        self.seen_here = false;
        self.outcomes[to] = None;
        let filled = |check: &Check| Ready::new(check, &self.values);
        let task = self.step_def().task.as_ref();
        let checks: Vec<Ready> = task.map_or_else(Vec::new, |task| task.checks.iter().map(filled).collect());
        let conditions: Vec<Ready> =
            task.map_or_else(Vec::new, |task| task.reactions.iter().map(|reaction| filled(&reaction.when)).collect());
        let mut parts = Parts::default();
        checks.iter().chain(&conditions).flat_map(Ready::selectors).for_each(|selector| parts.add(selector));
        for texts in self.lesson.texts.values().filter_map(|text| text.steps.get(to)) {
            let shown = [&texts.title, &texts.body].into_iter().chain(&texts.why).chain(texts.choices.values());
            for text in shown.chain(&texts.hints).chain(texts.reactions.values()).chain(texts.checks.values()) {
                prose::selectors(text, &self.values).for_each(|selector| parts.add(&selector));
            }
        }
        let spoken = self.prose_of(to).map_or_else(Vec::new, |body| spoken::group_files(body, &self.values));
        let (parts, lacks_task) = (Arc::new(parts), self.passed(to));
        self.visit = Visit { checks, conditions, parts, spoken, lacks_task, ..Visit::default() };
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
        self.refusal = self.refusal.filter(|why| *why != Refusal::Busy);
        let mut effects = if self.seen_here { self.observe() } else { Vec::new() };
        if !self.passed(self.step) {
            let shell = self.step_def().task.as_ref().and_then(|task| task.shells.first());
            effects.extend(shell.cloned().map(Effect::FocusShell));
        }
        effects
    }

    /// Judges the last snapshot, where the step has something to judge.
    pub(super) fn observe(&mut self) -> Vec<Effect> {
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
            self.visit.calls = self.spoken_calls(&now);
            Arc::clone(&now)
        };
        if self.visit.checks.is_empty() || self.passed(self.step) {
            return Vec::new();
        }
        self.visit.pids.extend(pids::of_lab(now.snapshot()));
        self.visit.judged = self.judged(&now, &baseline).collect();
        // What held before anything was done answers to nothing that was done.
        let reacts =
            |when: &Ready| when.holds(&now, &baseline) && (self.visit.typed || !when.holds(&baseline, &baseline));
        self.visit.reaction = self.visit.conditions.iter().position(reacts);
        if self.visit.judged.iter().all(|judged| judged.state == State::Pass) {
            return self.pass();
        }
        Vec::new()
    }

    /// Whether the task's checks all hold in a snapshot, which nothing comes of.
    pub fn would_pass(&self, snapshot: &Arc<crate::observe::Snapshot>) -> bool {
        let Some(baseline) = &self.visit.baseline else { return false };
        let now = Seen::new(Arc::clone(snapshot), Arc::clone(&self.visit.parts));
        !self.visit.checks.is_empty() && self.judged(&now, baseline).all(|judged| judged.state == State::Pass)
    }

    /// What the task's checks come to in a snapshot.
    fn judged(&self, now: &Seen, baseline: &Seen) -> impl Iterator<Item = Judged> {
        self.visit.checks.iter().map(|check| check.judge(now, baseline))
    }

    /// A step's prose; none where the lesson is without words, as an inspected process.
    fn prose_of(&self, step: usize) -> Option<&str> {
        Some(self.lesson.texts.get(&Lang::En)?.steps.get(step)?.body.as_str())
    }

    /// The traced calls that the prose speaks of.
    fn spoken_calls(&self, now: &Seen) -> BTreeSet<TracedPlace> {
        let body = self.prose_of(self.step).unwrap_or_default();
        let selectors = prose::selectors(body, &self.values).filter(|one| spoken::is_of_calls(one));
        selectors.flat_map(|one| spoken::calls(&one, now.at(std::iter::once(one.as_str())))).collect()
    }

    fn pass(&mut self) -> Vec<Effect> {
        let id = self.step_def().id.clone();
        if !self.visit.typed {
            // Lines of an earlier visit are not what passed it.
            self.answers.tasks.shift_remove(&id);
            self.answers.turns.shift_remove(&id);
            self.progress_mut().failed.shift_remove(&id);
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

    pub(super) fn progress(&self) -> &Progress {
        static NONE: std::sync::LazyLock<Progress> = std::sync::LazyLock::new(Progress::default);
        self.answers.progress.as_ref().unwrap_or(&NONE)
    }

    pub(super) fn progress_mut(&mut self) -> &mut Progress {
        self.answers.progress.get_or_insert_default()
    }

    /// The outcome of the first step so far in which an op failed that should not
    /// have: a rebuild may come to grief before the step that it goes to.
    pub(super) fn failure(&self) -> Option<&StepOutcome> {
        let mut steps = self.lesson.steps.iter().zip(&self.outcomes).take(self.step + 1);
        steps.find_map(|(step, outcome)| outcome.as_ref().filter(|outcome| failed(step, outcome)))
    }

    pub(super) fn passed(&self, step: usize) -> bool {
        self.progress().passed.contains(&self.lesson.steps[step].id)
    }

    /// The choice made in a step's prediction, if it is one of its choices.
    pub(super) fn chosen<'a>(&'a self, step: usize, predict: &Predict) -> Option<&'a str> {
        let made = self.answers.answers.get(&self.lesson.steps[step].id)?;
        predict.choices.contains(made).then_some(made)
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

/// Whether the last of these lines leaves its command in the background.
fn ends_in_the_background(lines: &str) -> bool {
    lines.trim_end().strip_suffix('&').is_some_and(|command| !command.ends_with('&'))
}
