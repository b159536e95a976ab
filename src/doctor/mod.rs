//! What this machine can do, why not, and the remedy: each feature is tried in a
//! throw-away child. Used by `cloison doctor`, by the screen, and before a lesson
//! starts. Changes nothing that outlives the attempt, and never fails: what can't
//! be tried is a finding.

mod bench;
mod cgroups;
mod clues;
mod features;
mod machine;
mod tools;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use self::bench::Bench;
use self::clues::Clues;
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::Lesson;
use crate::lesson::diagnostic::{Both, printable};
use crate::lesson::library::Library;
use crate::lesson::model::Need;
use crate::lesson::op::{NsKind, Op};
use crate::say;

/// How a feature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was tried and works.
    Works,
    /// It works in part, or some lessons will do without.
    Limited,
    /// It was tried and does not work.
    Missing,
    /// It could not be tried.
    Untried,
    /// Something to know; there is nothing to judge.
    Info,
}

/// What was found about one feature. Texts are one line each, free of control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Names the feature, for machines: `userns`, `proc-mount`; never changes.
    pub key: &'static str,
    /// How it stands.
    pub state: State,
    /// The errno of the call that failed, where one did.
    pub errno: Option<Errno>,
    name: Both,
    why: Both,
    remedy: Both,
    commands: Vec<String>,
}

impl Finding {
    fn new(key: &'static str, state: State, name: Both, why: &Both) -> Self {
        let why = [printable(&why[0]), printable(&why[1])];
        Self { key, state, errno: None, name, why, remedy: [String::new(), String::new()], commands: Vec::new() }
    }

    fn with_remedy(mut self, remedy: Both, commands: Vec<String>) -> Self {
        self.remedy = remedy;
        self.commands = commands;
        self
    }

    fn with_errno(mut self, errno: Option<Errno>) -> Self {
        self.errno = errno;
        self
    }

    /// Whether nothing is wrong: true of what is only to know.
    pub fn works(&self) -> bool {
        matches!(self.state, State::Works | State::Info)
    }

    /// The feature, in words.
    pub fn name(&self, lang: Lang) -> &str {
        pick(&self.name, lang)
    }

    /// What was tried and seen, and why it does not work.
    pub fn why(&self, lang: Lang) -> &str {
        pick(&self.why, lang)
    }

    /// What helps, without its commands; empty where nothing is to be done.
    pub fn advice(&self, lang: Lang) -> &str {
        pick(&self.remedy, lang)
    }

    /// The commands that help, in order.
    pub fn commands(&self) -> &[String] {
        &self.commands
    }

    /// What helps, with its commands, as one text; empty where nothing is to be done.
    pub fn remedy(&self, lang: Lang) -> String {
        let advice = self.advice(lang);
        if self.commands.is_empty() {
            return advice.to_owned();
        }
        let commands: Vec<String> = self.commands.iter().map(|command| format!("`{command}`")).collect();
        let commands = commands.join(lang.pick(", then ", ", puis "));
        say!(lang, "{advice}: {commands}", "{advice} : {commands}")
    }
}

fn pick(both: &Both, lang: Lang) -> &str {
    let [en, fr] = both;
    lang.pick(en, fr)
}

/// What a lesson needs and this machine doesn't have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    words: Both,
}

impl Missing {
    /// A line for each of the lacks, and below them what helps, once.
    fn of(lacks: &[Finding]) -> Self {
        let words = Lang::ALL.map(|lang| {
            let remedies: Vec<String> = lacks.iter().map(|lack| lack.remedy(lang)).collect();
            let mut lines = Vec::new();
            for (at, lack) in lacks.iter().enumerate() {
                let (name, why) = (lack.name(lang), lack.why(lang));
                lines.push(say!(lang, "{name}: {why}", "{name} : {why}"));
                if !remedies[at].is_empty() && !remedies[at + 1..].contains(&remedies[at]) {
                    lines.push(remedies[at].clone());
                }
            }
            lines.join("\n")
        });
        Self { words }
    }
}

impl Explain for Missing {
    fn explain(&self, lang: Lang) -> String {
        pick(&self.words, lang).to_owned()
    }
}

/// Tries everything. Takes some tens of milliseconds, starts processes of its own
/// and leaves none; may be called from any thread.
pub fn findings() -> Vec<Finding> {
    let clues = Clues::read(Path::new("/"));
    let mut found = vec![machine::kernel(&clues)];
    let in_groups;
    {
        let mut bench = Bench::start();
        found.push(features::lab(&bench, &clues));
        found.extend(NsKind::ALL.into_iter().map(|kind| features::namespace(&mut bench, &clues, kind)));
        found.push(features::proc_mount(&mut bench, &clues));
        found.push(features::ptrace(&mut bench, &clues));
        found.push(features::overlay(&mut bench, &clues));
        found.push(features::veth(&mut bench, &clues));
        found.push(features::subids(&mut bench, &clues));
        found.push(features::setns(&mut bench, &clues));
        found.push(features::real_root(&mut bench, &clues));
        in_groups = cgroups::for_lessons(&mut bench);
    }
    found.push(machine::pidfd());
    found.extend(cgroups::findings(Path::new("/")));
    found.push(in_groups);
    found.push(machine::seccomp());
    found.push(machine::landlock());
    found.push(machine::lsm());
    found.push(tools::shell());
    found.push(tools::finding(&tools_of_lessons()));
    found.push(machine::terminal());
    found
}

/// The programs that the lessons built in need.
fn tools_of_lessons() -> Vec<String> {
    // Without a directory the library is the one built in, and that one is valid.
    let Ok(library) = Library::open(None) else { return Vec::new() };
    let lessons = library.list().iter().filter_map(|one| library.get(&one.id).ok());
    let mut tools: Vec<String> = lessons.flat_map(|lesson| tools::of(&lesson)).collect();
    tools.sort_unstable();
    tools.dedup();
    tools
}

/// What this machine lacks for a lesson: nothing where it can run. Tries only what
/// the lesson asks for, in a few milliseconds; may be called from any thread.
pub fn missing(lesson: &Lesson) -> Option<Missing> {
    let mut found: Vec<Finding> = Vec::new();
    if !lesson.needs.is_empty() {
        let clues = Clues::read(Path::new("/"));
        let mut bench = Bench::start();
        let lab = features::lab(&bench, &clues);
        if lab.state == State::Works {
            for need in &lesson.needs {
                // Where one controller can't be had, the others mostly lack for the same reason.
                if !found.iter().any(|one| matches!(one.key, "cgroup" | "cgroup-controller") && !one.works())
                    || !is_of_groups(*need)
                {
                    found.extend(of_need(&mut bench, &clues, *need, lesson));
                }
            }
        } else {
            found.push(lab);
        }
    }
    let tools = tools::of(lesson);
    if !tools.is_empty() {
        found.push(tools::finding(&tools));
    }
    found.retain(|finding| !finding.works());
    (!found.is_empty()).then(|| Missing::of(&found))
}

fn is_of_groups(need: Need) -> bool {
    need == Need::Cgroup || need.controller().is_some()
}

fn of_need(bench: &mut Bench, clues: &Clues, need: Need, lesson: &Lesson) -> Vec<Finding> {
    match need {
        Need::Userns => {
            let user = features::namespace(bench, clues, NsKind::User);
            if user.state != State::Works {
                return vec![user];
            }
            // A limit may close one type of namespaces alone.
            let kinds = kinds_of(lesson).into_iter();
            kinds.map(|kind| features::namespace(bench, clues, kind)).collect()
        }
        Need::RealRoot => vec![features::real_root(bench, clues)],
        Need::Overlay => vec![features::overlay(bench, clues)],
        Need::Timens => vec![features::namespace(bench, clues, NsKind::Time)],
        Need::Subids => vec![features::subids(bench, clues)],
        Need::ProcMount => vec![features::proc_mount(bench, clues)],
        Need::Veth => vec![features::veth(bench, clues)],
        Need::Ptrace => vec![features::ptrace(bench, clues)],
        Need::Seccomp => vec![machine::seccomp()],
        Need::Landlock => vec![machine::landlock()],
        Need::Cgroup
        | Need::CgroupCpu
        | Need::CgroupCpuset
        | Need::CgroupIo
        | Need::CgroupMemory
        | Need::CgroupPids
        | Need::CgroupHugetlb
        | Need::CgroupFreezer
        | Need::CgroupDevices => vec![cgroups::usable(bench, need.controller())],
    }
}

/// The types of namespaces that a lesson's own steps leave, but for the user's.
fn kinds_of(lesson: &Lesson) -> Vec<NsKind> {
    let ops = lesson.steps.iter().flat_map(|step| &step.ops).filter(|one| one.fails.is_none());
    let mut kinds: Vec<NsKind> = ops
        .filter_map(|one| if let Op::Unshare { kinds, .. } = &one.op { Some(kinds) } else { None })
        .flatten()
        .copied()
        .filter(|kind| *kind != NsKind::User)
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
