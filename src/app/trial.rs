//! Tries a lesson on the real kernel as its author means it: the solution gets full
//! marks, empty answers none, each wrong answer fails the check that it names, and no
//! control group stays. Each trial is a `cloison check` of its own, so that several may
//! run at a time. Used by `lesson lint` and by the project's own tests of lessons.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::left::groups_of;
use crate::i18n::Lang;
use crate::kernel::process::end_with_this_thread;
use crate::lesson::Lesson;
use crate::lesson::answers::Answers;
use crate::lesson::broken::{Case, PREDICTION};
use crate::lesson::diagnostic::{Both, both, printable};
use crate::lesson::model::Step;

/// The exit code of a `check` on a machine that can't run the lesson.
const CANNOT: i32 = 3;
/// A state directory that is not there: not the values of whoever is at the keyboard, who
/// may have joined a class, are asked for, but those of the answers' student.
const NOWHERE: &str = "/nonexistent";
/// The check under whose name a report tells of a step that went wrong by itself.
const LESSON: &str = "lesson";

/// What is answered in a trial.
#[derive(Debug, Clone)]
pub enum Given {
    /// What must get full marks.
    Solution(Answers),
    /// Nothing, which must get no point.
    Nothing,
    /// What must fail one check.
    Wrong(Case),
    /// The solution without this step's task, which fails it and those that wait for it.
    Without(Answers, String),
}

/// One grading of one lesson.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The program to grade with: `cloison`.
    pub program: &'a Path,
    /// The directory with the lesson's folder; the lessons built in without.
    pub lessons: Option<PathBuf>,
    /// The lesson.
    pub lesson: &'a Lesson,
    /// What is answered.
    pub given: Given,
    /// The language in which the report speaks.
    pub lang: Lang,
    /// How long the system may take to remove an empty control group.
    pub patience: Duration,
}

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As the author means it.
    AsMeant,
    /// Otherwise: what is wrong, and beside it what helps.
    Otherwise(Vec<(Both, Both)>),
    /// This machine can't run the lesson, and why not.
    Cannot(String),
}

/// What a lesson's author means: its solution, empty answers, each wrong answer, and the
/// solution without any one of its tasks that others follow.
pub fn all_given(solution: &Answers, cases: Vec<Case>) -> Vec<Given> {
    let mut given = vec![Given::Solution(solution.clone()), Given::Nothing];
    given.extend(cases.into_iter().map(Given::Wrong));
    let tasks = solution.tasks.len().saturating_sub(1);
    given.extend(solution.tasks.keys().take(tasks).map(|step| Given::Without(solution.clone(), step.clone())));
    given
}

impl Trial<'_> {
    /// Grades, and holds the verdict against what is meant.
    pub fn run(&self) -> Outcome {
        let graded = match self.grade() {
            Ok(graded) => graded,
            Err(error) => return failed(&error.to_string()),
        };
        if !graded.groups.is_empty() {
            let groups = graded.groups.join(", ");
            let title = both!("control groups are left: {groups}", "des groupes de contrôle sont restés : {groups}");
            return Outcome::Otherwise(vec![(title, Both::default())]);
        }
        match (graded.code, graded.report) {
            (CANNOT, _) => Outcome::Cannot(graded.words),
            (code @ (0 | 1), Some(report)) => self.judge(code, &report),
            _ => failed(&graded.words),
        }
    }

    fn answers(&self) -> Answers {
        match &self.given {
            Given::Solution(answers) => Answers { progress: None, ..answers.clone() },
            Given::Wrong(case) => case.answers.clone(),
            Given::Without(answers, step) => {
                let mut tasks = answers.tasks.clone();
                tasks.shift_remove(step);
                Answers { progress: None, tasks, ..answers.clone() }
            }
            Given::Nothing => {
                Answers { lesson: self.lesson.id.clone(), student: "ana".to_owned(), ..Answers::default() }
            }
        }
    }

    fn grade(&self) -> std::io::Result<Graded> {
        let mut command = Command::new(self.program);
        if let Some(lessons) = &self.lessons {
            command.arg("--lessons").arg(lessons);
        }
        command.args(["--state", NOWHERE, "--lang", self.lang.code()]);
        command.args(["check", &self.lesson.id, "--format", "json", "--answers", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end_with_this_thread(&mut command);
        let mut child = command.spawn()?;
        let program = child.id();
        if let Some(mut stdin) = child.stdin.take() {
            // A reader that has ended says itself why.
            let _ = stdin.write_all(self.answers().to_toml().as_bytes());
        }
        let output = child.wait_with_output()?;
        let report = serde_json::from_slice(&output.stdout).ok().and_then(|report: Value| Report::of(&report));
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        // A scope of systemd's is gone when systemd has seen that it is empty.
        let deadline = Instant::now() + self.patience;
        while !groups_of(program).is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let groups = groups_of(program).into_iter().collect();
        Ok(Graded { code: output.status.code().unwrap_or(-1), report, words, groups })
    }

    fn judge(&self, code: i32, report: &Report) -> Outcome {
        let wrong = match &self.given {
            Given::Solution(_) => self.full_marks(code, report),
            Given::Nothing => no_point(code, report),
            Given::Wrong(case) => fails(case, code, report),
            Given::Without(_, step) => self.waiting(step, report),
        };
        if wrong.is_empty() { Outcome::AsMeant } else { Outcome::Otherwise(wrong) }
    }

    /// What of a solution is not as it must be: its points, a verdict, a step that did
    /// something else than the lesson means.
    fn full_marks(&self, code: i32, report: &Report) -> Vec<(Both, Both)> {
        let mut wrong: Vec<(Both, Both)> = Vec::new();
        for verdict in report.verdicts.iter().filter(|verdict| verdict.state != "pass") {
            let Verdict { step, check, state, .. } = verdict;
            let title = if check == LESSON {
                both!(
                    "the step `{step}` does not do what the lesson means",
                    "l'étape « {step} » ne fait pas ce que veut la leçon"
                )
            } else {
                both!(
                    "the solution does not pass `{step}.{check}` ({state})",
                    "la solution ne passe pas « {step}.{check} » ({state})"
                )
            };
            wrong.push((title, verdict.account()));
        }
        let (points, full) = (report.points, self.lesson.points());
        if wrong.is_empty() && (code != 0 || points != u64::from(full)) {
            let title =
                both!("the solution gets {points} of {full} points", "la solution obtient {points} points sur {full}");
            wrong.push((title, Both::default()));
        }
        wrong
    }

    /// What of `after` is not as it is: who does not wait for this step's task and is said
    /// to, and the other way round.
    fn waiting(&self, without: &str, report: &Report) -> Vec<(Both, Both)> {
        let others = self.lesson.steps.iter().filter(|step| step.task.is_some() && step.id != without);
        let mut wrong = Vec::new();
        for Step { id, .. } in others {
            let failed =
                |verdict: &&Verdict| verdict.step == *id && verdict.state != "pass" && verdict.check != PREDICTION;
            let fails = report.verdicts.iter().find(failed);
            let said = self.lesson.tasks_before(id).iter().any(|step| step == without);
            match fails {
                Some(Verdict { check, .. }) if !said => wrong.push((
                    both!(
                        "without the task `{without}` the solution fails `{id}.{check}`",
                        "sans l'exercice « {without} », la solution échoue à « {id}.{check} »"
                    ),
                    both!(
                        "say so: `after = [\"{without}\"]` in the task of `{id}`",
                        "dites-le : « after = [\"{without}\"] » dans l'exercice de « {id} »"
                    ),
                )),
                None if said => wrong.push((
                    both!(
                        "the task of `{id}` passes without `{without}`, which `after` says it can't",
                        "l'exercice de « {id} » réussit sans « {without} », contrairement à ce que dit « after »"
                    ),
                    both!("remove it from `after`", "retirez-le de « after »"),
                )),
                _ => {}
            }
        }
        wrong
    }
}

/// What empty answers get, who must get nothing.
fn no_point(code: i32, report: &Report) -> Vec<(Both, Both)> {
    if report.points == 0 && code == 1 {
        return Vec::new();
    }
    let points = report.points;
    let passed = report.verdicts.iter().filter(|verdict| verdict.state == "pass");
    let list = passed.map(|verdict| format!("{}.{}", verdict.step, verdict.check)).collect::<Vec<_>>().join(", ");
    vec![(
        both!("empty answers get {points} points: {list}", "des réponses vides obtiennent {points} points : {list}"),
        both!(
            "a check must not hold before the student has done anything",
            "une vérification ne doit pas être satisfaite avant que l'étudiant ait fait quoi que ce soit"
        ),
    )]
}

/// What of a wrong answer is not as it must be: it passes, or fails elsewhere.
fn fails(case: &Case, code: i32, report: &Report) -> Vec<(Both, Both)> {
    let Case { name, step, check, .. } = case;
    let found = report.verdicts.iter().find(|verdict| verdict.step == *step && verdict.check == *check);
    let state = found.map_or("", |verdict| verdict.state.as_str());
    if matches!(state, "fail" | "skip") && code == 1 {
        return Vec::new();
    }
    let elsewhere: Vec<String> = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.state != "pass")
        .map(|verdict| format!("{}.{} ({})", verdict.step, verdict.check, verdict.state))
        .collect();
    let name = printable(name);
    let help = if elsewhere.is_empty() {
        both!("with these answers every check passes", "avec ces réponses, toutes les vérifications passent")
    } else {
        let list = elsewhere.join(", ");
        both!("what does fail: {list}", "ce qui échoue : {list}")
    };
    let title = both!(
        "the case `{name}` does not fail `{step}.{check}`",
        "le cas « {name} » n'échoue pas à « {step}.{check} »"
    );
    vec![(title, help)]
}

fn failed(words: &str) -> Outcome {
    let words = printable(words);
    let title = both!("the grading gave no verdict", "la correction n'a pas donné de verdict");
    Outcome::Otherwise(vec![(title, both!("{words}", "{words}"))])
}

/// What one run of `check` gave.
struct Graded {
    /// Its exit code; -1 where a signal ended it.
    code: i32,
    report: Option<Report>,
    /// What it said beside the report.
    words: String,
    /// Control groups of its labs that are still there.
    groups: Vec<String>,
}

/// What is read of a report.
struct Report {
    points: u64,
    verdicts: Vec<Verdict>,
}

struct Verdict {
    step: String,
    check: String,
    state: String,
    /// What was expected, what was found, what helps; in the report's language.
    words: [String; 3],
}

impl Report {
    fn of(report: &Value) -> Option<Self> {
        let lesson = report["lessons"].get(0)?;
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let verdict = |one: &Value| Verdict {
            step: text(one, "step"),
            check: text(one, "check"),
            state: text(one, "state"),
            words: ["expected", "found", "help"].map(|key| text(one, key)),
        };
        Some(Self {
            points: lesson["points"].as_u64()?,
            verdicts: lesson["verdicts"].as_array()?.iter().map(verdict).collect(),
        })
    }
}

impl Verdict {
    /// What was expected and found, and what helps, as far as each is told.
    fn account(&self) -> Both {
        let [expected, found, help] = &self.words;
        let tell = |lang: Lang| {
            let mut parts = Vec::new();
            if !expected.is_empty() {
                parts.push(crate::say!(lang, "expected: {expected}", "attendu : {expected}"));
            }
            if !found.is_empty() {
                parts.push(crate::say!(lang, "found: {found}", "trouvé : {found}"));
            }
            parts.extend([help.clone()].into_iter().filter(|help| !help.is_empty()));
            parts.join(lang.pick("; ", " ; "))
        };
        Lang::ALL.map(tell)
    }
}

/// How many trials to run at once where nobody says: mostly they wait for what does
/// not come.
pub fn hands() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (processors * 3).min(6)
}

/// Does all the work, several pieces of it at a time; hands each result, with the
/// number of its piece, to the caller's thread as it comes.
pub fn at_once<T: Send, R: Send>(
    hands: usize,
    work: Vec<T>,
    each: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    let work = Mutex::new(work.into_iter().enumerate());
    let next = || work.lock().ok().and_then(|mut work| work.next());
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..hands.max(1) {
            let send = send.clone();
            let (next, each) = (&next, &each);
            scope.spawn(move || {
                while let Some((number, piece)) = next() {
                    // Nobody listens any more: a caller that has failed.
                    if send.send((number, each(piece))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (number, result) in receive {
            done(number, result);
        }
    });
}
