//! The grader: drives a session over a fresh lab with a student's answers and
//! reports what the kernel says. Never trusts what commands print. Runs inside the
//! jail (`lab::jail`).

mod again;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::check::verdict::StepScore;
use crate::check::{LessonReport, State, Verdict};
use crate::i18n::{Explain, Lang};
use crate::lab::LabError;
use crate::lesson::answers::Answers;
use crate::lesson::broken::PREDICTION;
use crate::lesson::diagnostic::Both;
use crate::lesson::{Lesson, Values};
use crate::observe::{Sections, Snapshot};
use crate::say;
use crate::session::{Command, Effect, Session};

use super::jailed::both;
use super::stage::{ScriptEnd, Stage};

/// How long what the task asks for must stand while its commands still run.
const STANDS: Duration = Duration::from_millis(300);
/// How long after the commands' end the lab must be quiet before it is judged:
/// processes that were killed take a moment to go, and a program left in the
/// background takes one to start, which on a slow machine is a long one.
const SETTLE: Duration = Duration::from_millis(1500);
/// The most pauses between two looks meanwhile.
const MOST_PAUSES: u32 = 32;
/// How long the machine may take for one step besides the student's commands.
const STEP: Duration = Duration::from_secs(10);

/// The longest that grading this lesson may take.
pub fn limit(lesson: &Lesson) -> Duration {
    let tasks: u32 = lesson.steps.iter().filter_map(|step| step.task.as_ref()).map(|task| task.seconds + 3).sum();
    // Once as they are, and once more after what failed before them.
    STEP * (lesson.steps.len() as u32 + 3) + Duration::from_secs(2 * u64::from(tasks))
}

/// What came of grading a lesson.
#[derive(Debug, Serialize, Deserialize)]
pub struct Graded {
    /// The verdicts and the points.
    pub report: LessonReport,
    /// Why the lesson could not go on, where an operation did something else than it
    /// means: by what was typed, or by the machine.
    pub stopped: Option<Both>,
}

/// Grades one lesson in a fresh lab, by these values of the student's own.
pub fn grade(lesson: &Arc<Lesson>, answers: &Answers, values: &Values, lang: Lang) -> Result<Graded, LabError> {
    let start = Instant::now();
    let stage = Stage::open_to_grade(Arc::clone(lesson), values.clone())?;
    let fresh = Answers { lesson: lesson.id.clone(), ..Answers::default() };
    let (session, effects) = Session::new(Arc::clone(lesson), fresh, values.clone());
    let mut grader = Grader {
        stage,
        session,
        answers,
        values,
        lang,
        seen: None,
        entered: Instant::now(),
        verdicts: Vec::new(),
        scores: Vec::new(),
        failed: Vec::new(),
        stopped: None,
        finished: false,
    };
    grader.carry_out(effects)?;
    while !grader.finished {
        if let Err(error) = grader.step() {
            grader.give_up(&error);
        }
    }
    let session = &grader.session;
    let report = LessonReport {
        lesson: lesson.id.clone(),
        title: lesson.text(lang).title.clone(),
        student: values.student().to_owned(),
        points: session.points(),
        out_of: session.out_of(),
        millis: millis(start),
        cannot: None,
        steps: grader.scores,
        verdicts: grader.verdicts,
    };
    Ok(Graded { report, stopped: grader.stopped })
}

/// Since then, in milliseconds.
fn millis(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

/// Whether a process that was not there before has work to do. One that is traced has,
/// while it stands at a call.
fn runs(snapshot: &Snapshot, before: &BTreeSet<u32>) -> bool {
    let all = snapshot.host.processes.read().into_iter().flatten();
    all.filter(|process| matches!(process.state, 'R' | 'D' | 't')).any(|process| !before.contains(&process.pid))
}

/// Who there is, and what they run: in the jail the grader itself, and the lab.
fn who(snapshot: Option<&Arc<Snapshot>>) -> Vec<(u32, String)> {
    let all = snapshot.and_then(|seen| seen.host.processes.read()).into_iter().flatten();
    all.map(|process| (process.pid, process.command.clone())).collect()
}

struct Grader<'a> {
    stage: Stage,
    session: Session,
    answers: &'a Answers,
    values: &'a Values,
    lang: Lang,
    seen: Option<Arc<Snapshot>>,
    /// When the step began.
    entered: Instant,
    verdicts: Vec<Verdict>,
    scores: Vec<StepScore>,
    /// The tasks that failed with commands which ended in their time.
    failed: Vec<String>,
    /// Why the lesson can't go on.
    stopped: Option<Both>,
    finished: bool,
}

impl Grader<'_> {
    /// One step: what went wrong with it, its prediction, its task; then on.
    fn step(&mut self) -> Result<(), LabError> {
        let before = self.session.points();
        let def = self.session.step_def().clone();
        let notice = Lang::ALL.map(|lang| self.session.notice(lang).unwrap_or_default());
        if let Some(notice) = self.session.notice(self.lang) {
            self.verdicts.push(self.verdict(&def.id, "lesson", State::Error, notice));
        }
        if def.predict.is_some() {
            self.predict(&def.id);
        }
        if def.task.is_some() {
            self.task(&def.id)?;
        }
        if def.points() > 0 {
            let points = self.session.points() - before;
            self.scores.push(StepScore {
                step: def.id.clone(),
                points,
                out_of: def.points(),
                millis: millis(self.entered),
            });
        }
        self.entered = Instant::now();
        let effects = self.session.apply(Command::Skip);
        if effects.is_empty() {
            // Refused: an op did not do what the lesson needs, which was said above.
            self.finished = true;
            self.stopped = Some(notice);
        }
        self.carry_out(effects)
    }

    fn verdict(&self, step: &str, check: &str, state: State, found: String) -> Verdict {
        Verdict {
            step: step.to_owned(),
            check: check.to_owned(),
            state,
            label: self.session.title(self.lang),
            expected: String::new(),
            found,
            help: String::new(),
            after: None,
        }
    }

    fn predict(&mut self, step: &str) {
        let lang = self.lang;
        let verdict = match self.answers.answers.get(step) {
            Some(choice) => {
                // Saving is for faces that have a place to save to.
                let _ = self.session.apply(Command::Predict(choice.clone()));
                self.verdict(step, PREDICTION, State::Pass, choice.clone())
            }
            None => {
                let mut verdict =
                    self.verdict(step, PREDICTION, State::Skip, say!(lang, "no prediction", "aucune prédiction"));
                verdict.help = say!(
                    lang,
                    "Any prediction earns the points: write one of the choices below [answers].",
                    "Toute prédiction donne les points : écrivez l'un des choix sous [answers]."
                );
                verdict
            }
        };
        self.verdicts.push(verdict);
    }

    fn task(&mut self, step: &str) -> Result<(), LabError> {
        let Some(task) = self.session.step_def().task.clone() else { return Ok(()) };
        let time = Duration::from_secs(u64::from(task.seconds));
        let scripts = self.answers.pieces(step);
        for (shell, line) in &scripts {
            // Kept with the session's answers, so that a rebuilt lab has seen it.
            let typed = Command::Typed { shell: shell.clone(), line: line.clone(), before_pass: true, failed: false };
            let _ = self.session.apply(typed);
        }
        let stopped = match self.attempt(&scripts, Instant::now() + time) {
            Ok(stopped) => stopped,
            // All of the lab went with the commands: they fail the task, and the next
            // step gets a new lab.
            Err(error) => return self.lose(step, &error),
        };
        let first = self.verdicts.len();
        self.judge(step, &stopped);
        if scripts.is_empty() || self.passed() {
            return Ok(());
        }
        if stopped.is_empty() {
            let after = self.waits_for(&scripts, time).or_else(|| self.lacks(step));
            for verdict in self.verdicts[first..].iter_mut().filter(|verdict| verdict.state != State::Pass) {
                verdict.after.clone_from(&after);
            }
            self.failed.push(step.to_owned());
        }
        // What failed commands did to the lab must not weigh on the steps to come.
        self.renew()
    }

    /// Runs the commands of this step's task, and waits until what they began is done:
    /// empty, or why some did not come to their end. An error is the end of the lab.
    fn attempt(&mut self, scripts: &[(String, String)], deadline: Instant) -> Result<String, LabError> {
        let lang = self.lang;
        let mut stopped = String::new();
        let before: BTreeSet<u32> = who(self.seen.as_ref()).into_iter().map(|(pid, _)| pid).collect();
        for (shell, script) in scripts {
            match self.run(shell, script, deadline) {
                Ok(end) if end.exit.is_none() && !end.satisfied => {
                    let seconds = self.session.step_def().task.as_ref().map_or(0, |task| task.seconds);
                    stopped = say!(
                        lang,
                        "The commands in {shell} were stopped after {seconds} s.",
                        "Les commandes dans {shell} ont été arrêtées au bout de {seconds} s."
                    );
                }
                Ok(_) => {}
                Err(error @ LabError::Failed(_)) => stopped = error.explain(lang),
                Err(error) => return Err(error),
            }
        }
        if scripts.is_empty() {
            return Ok(stopped);
        }
        // What the checks speak of, and no more: who is asked uses the CPUs, and in the
        // groups that a check is about.
        let sections = self.stage.judged(self.session.step()) | Sections::PROCESSES;
        let (mut quiet, mut there) = (Instant::now(), who(self.seen.as_ref()));
        // Mostly all is done when the commands are.
        let mut pauses = 0;
        while !self.passed() && quiet.elapsed() < SETTLE {
            for _ in 0..pauses {
                self.stage.pause();
            }
            let snapshot = self.stage.glance(sections)?;
            self.take_in(snapshot)?;
            let now = who(self.seen.as_ref());
            let goes_on = now != there || self.seen.as_ref().is_some_and(|seen| runs(seen, &before));
            if goes_on && Instant::now() < deadline {
                quiet = Instant::now();
            }
            // Where nothing happens there is less and less to miss.
            pauses = if now == there { (2 * pauses).clamp(1, MOST_PAUSES) } else { 1 };
            there = now;
        }
        Ok(stopped)
    }

    /// A lab as it would be without this step's commands: another one, where what they
    /// left keeps this one from its end.
    fn renew(&mut self) -> Result<(), LabError> {
        let answers = self.session.answers().clone();
        let step = self.session.step();
        let renewed = match self.stage.rebuild(step, &answers) {
            Err(LabError::KeeperDied) => {
                self.reopen()?;
                self.stage.rebuild(step, &answers)
            }
            renewed => renewed,
        };
        renewed.map(drop)
    }

    /// Another lab, empty, in place of one whose keeper died.
    fn reopen(&mut self) -> Result<(), LabError> {
        self.stage = Stage::open_to_grade(Arc::clone(self.session.lesson()), self.values.clone())?;
        Ok(())
    }

    /// There is no lab any more and none to be had: by what was typed, or by the machine.
    fn give_up(&mut self, error: &LabError) {
        let step = self.session.step_def().id.clone();
        self.verdicts.push(self.verdict(&step, "lesson", State::Error, error.explain(self.lang)));
        self.stopped = Some(both(error));
        self.finished = true;
    }

    /// The checks of the task as they stand.
    fn judge(&mut self, step: &str, help: &str) {
        let Some(task) = self.session.task(self.lang) else { return };
        let reaction = self.session.reaction(self.lang).unwrap_or_default();
        let helps: Vec<&str> = [help, &reaction].into_iter().filter(|text| !text.is_empty()).collect();
        let helps = helps.join(" ");
        for check in task.checks {
            let state = if task.passed { State::Pass } else { check.state };
            let help = if state == State::Pass { String::new() } else { helps.clone() };
            let step = step.to_owned();
            let (expected, found) = (check.expected, check.found);
            let (check, label) = (check.id, check.label);
            self.verdicts.push(Verdict { step, check, state, label, expected, found, help, after: None });
        }
    }

    /// The keeper was killed by the commands: every check of the task fails, and the
    /// lesson goes on in a new lab.
    fn lose(&mut self, step: &str, error: &LabError) -> Result<(), LabError> {
        let found = error.explain(self.lang);
        for check in self.session.task(self.lang).map(|task| task.checks).unwrap_or_default() {
            let mut verdict = self.verdict(step, &check.id, State::Fail, found.clone());
            verdict.label = check.label;
            verdict.help = say!(
                self.lang,
                "The commands killed the lab itself: aim at one process, by its number.",
                "Les commandes ont tué le laboratoire lui-même : visez un seul processus, par son numéro."
            );
            self.verdicts.push(verdict);
        }
        self.reopen()?;
        self.renew()
    }

    fn run(&mut self, shell: &str, script: &str, deadline: Instant) -> Result<ScriptEnd, LabError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let sections = self.stage.judged(self.session.step());
        let session = &mut self.session;
        let mut right_since = None;
        let mut satisfied = |snapshot: &Arc<Snapshot>| {
            // What commands only come through on their way is not what they make.
            if !session.would_pass(snapshot) {
                right_since = None;
                return false;
            }
            if right_since.get_or_insert_with(Instant::now).elapsed() < STANDS {
                return false;
            }
            // Saving is for faces that have a place to save to.
            let _ = session.apply(Command::Observed(Arc::clone(snapshot)));
            session.task(Lang::En).is_some_and(|task| task.passed)
        };
        self.stage.script(shell, script, left, Some((sections, &mut satisfied)))
    }

    fn passed(&self) -> bool {
        self.session.task(Lang::En).is_some_and(|task| task.passed)
    }

    /// What the step is judged by, and no more: nobody looks at the rest.
    fn observe(&mut self) -> Result<(), LabError> {
        let (step, def) = (self.session.step(), self.session.step_def());
        if def.task.is_none() && def.expect.is_empty() {
            return Ok(());
        }
        // The words of a task's checks may hold values.
        let told = def.task.as_ref().map_or(Sections::NONE, |_| self.stage.needed(step));
        let snapshot = self.stage.glance(self.stage.judged(step) | told)?;
        self.take_in(snapshot)
    }

    fn take_in(&mut self, snapshot: Arc<Snapshot>) -> Result<(), LabError> {
        self.seen = Some(Arc::clone(&snapshot));
        let effects = self.session.apply(Command::Observed(snapshot));
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), LabError> {
        for effect in effects {
            match effect {
                Effect::Perform { step } => {
                    let outcome = self.stage.perform(step)?;
                    self.observe()?;
                    let more = self.session.apply(Command::Performed(outcome));
                    self.carry_out(more)?;
                }
                Effect::Rebuild { to, answers } => {
                    let outcomes = self.stage.rebuild(to, &answers)?;
                    self.observe()?;
                    let more = self.session.apply(Command::Rebuilt { to, outcomes });
                    self.carry_out(more)?;
                }
                Effect::Finished => self.finished = true,
                // A grader keeps no progress and has no keyboard.
                Effect::Save(_) | Effect::FocusShell(_) => {}
            }
        }
        Ok(())
    }
}
