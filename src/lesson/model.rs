//! A lesson, loaded and valid: every text in both languages, every selector
//! parsed, every reference resolved. Made by `lesson::load` alone.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::op::{CgroupOp, Controller, Op};
use crate::i18n::Lang;

/// The name of the built-in actor that has no walls: a plain child process of
/// the keeper, in which the host's shells live.
pub const HOST: &str = "host";

/// The parts of the curriculum.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub enum Part {
    /// What a container is.
    #[default]
    A,
    /// Files.
    B,
    /// Namespaces.
    C,
    /// cgroups.
    D,
    /// Privileges.
    E,
    /// All together.
    F,
}

/// What a machine must offer for a lesson to run; `doctor` tries each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// User namespaces for this user; root satisfies it.
    Userns,
    /// Real root: the lab's root is the machine's.
    RealRoot,
    /// overlayfs inside a user namespace.
    Overlay,
    /// Time namespaces.
    Timens,
    /// A range of subordinate ids for newuidmap.
    Subids,
    /// A fresh /proc can be mounted in a user and PID namespace of one's own.
    ProcMount,
    /// Pairs of virtual Ethernet interfaces.
    Veth,
    /// A process may trace the system calls of its children.
    Ptrace,
    /// seccomp filters, with user notification.
    Seccomp,
    /// Landlock.
    Landlock,
    /// Control groups of the lab's own can be made, and entered.
    Cgroup,
    /// … with the controller of the CPUs' time.
    CgroupCpu,
    /// … of CPUs and memory nodes.
    CgroupCpuset,
    /// … of block devices.
    CgroupIo,
    /// … of memory.
    CgroupMemory,
    /// … of the number of processes.
    CgroupPids,
    /// … of huge pages.
    CgroupHugetlb,
    /// They can be frozen.
    CgroupFreezer,
    /// They can be refused devices.
    CgroupDevices,
}

impl Need {
    /// Of a need for control groups: the controller, where it is one.
    pub fn controller(self) -> Option<Controller> {
        Some(match self {
            Self::CgroupCpu => Controller::Cpu,
            Self::CgroupCpuset => Controller::Cpuset,
            Self::CgroupIo => Controller::Io,
            Self::CgroupMemory => Controller::Memory,
            Self::CgroupPids => Controller::Pids,
            Self::CgroupHugetlb => Controller::Hugetlb,
            Self::CgroupFreezer => Controller::Freezer,
            Self::CgroupDevices => Controller::Devices,
            _ => return None,
        })
    }
}

/// A lesson.
#[derive(Debug, Clone, Default)]
pub struct Lesson {
    /// `uts`; unique in a library.
    pub id: String,
    /// The number its folder starts with (`05-pid` is 5): the order of the list.
    pub number: u32,
    /// The part of the curriculum it belongs to.
    pub part: Part,
    /// What the machine must offer.
    pub needs: Vec<Need>,
    /// Programs that the student's shells need, without a path.
    pub tools: Vec<String>,
    /// The kernel version that brought what the lesson shows.
    pub since: Option<String>,
    /// About how long it takes.
    pub minutes: u32,
    /// Recipes for values of the student's own, by name.
    pub seeds: IndexMap<String, Seed>,
    /// The actors that exist from the start, in order. Actors made by `fork`
    /// are not here.
    pub actors: Vec<String>,
    /// Processes that the student makes in a shell, seen as actors are, in order.
    pub from_shells: Vec<FromShell>,
    /// Absolute paths of files whose owners every view shows, where they are there;
    /// may hold `{seed.NAME}`.
    pub files: Vec<String>,
    /// Whether the host's shells are offered.
    pub host_shell: bool,
    /// The steps, in order; at least one.
    pub steps: Vec<Step>,
    /// The prose, per language; complete in both.
    pub texts: BTreeMap<Lang, LessonText>,
}

impl Lesson {
    /// The prose in one language.
    ///
    /// # Panics
    /// Never for a lesson that the loader made: it refuses one without both.
    pub fn text(&self, lang: Lang) -> &LessonText {
        &self.texts[&lang]
    }

    /// The prose of a step in one language.
    pub fn step_text(&self, lang: Lang, step: usize) -> &StepText {
        &self.text(lang).steps[step]
    }

    /// The actor that the BOX side shows until a step names one.
    pub fn first_box(&self) -> Option<&str> {
        let found = self.from_shells.iter().map(|found| &found.name);
        self.actors.iter().chain(found).next().map(String::as_str)
    }

    /// Whether an actor is one of the lab's, which carries out what it is asked: not
    /// a process from a shell.
    pub fn is_puppet(&self, actor: &str) -> bool {
        self.from_shells.iter().all(|found| found.name != actor)
    }

    /// The steps of the earlier tasks that this step's can't pass without, directly or by way
    /// of others, the latest first.
    pub fn tasks_before(&self, step: &str) -> Vec<String> {
        let mut found: Vec<&str> = vec![step];
        // Those that a task names are before it.
        for step in self.steps.iter().rev() {
            if let Some(task) = step.task.as_ref().filter(|_| found.contains(&step.id.as_str())) {
                found.extend(task.after.iter().map(String::as_str));
            }
        }
        let is_one = |id: &&String| found[1..].contains(&id.as_str());
        self.steps.iter().rev().map(|step| &step.id).filter(is_one).cloned().collect()
    }

    /// The controllers that its groups need, of its needs and its steps; nothing for a
    /// lesson that has no groups.
    pub fn controllers(&self) -> Option<Vec<Controller>> {
        let ops = self.steps.iter().flat_map(|step| &step.ops);
        let ops: Vec<&CgroupOp> =
            ops.filter_map(|one| if let Op::Cgroup(op) = &one.op { Some(op) } else { None }).collect();
        let mut found: Vec<Controller> = self.needs.iter().filter_map(|need| need.controller()).collect();
        if ops.is_empty() && found.is_empty() && !self.needs.contains(&Need::Cgroup) {
            return None;
        }
        for op in ops {
            if let CgroupOp::Create { controllers, .. } = op {
                found.extend(controllers);
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// The points of all predictions and tasks.
    pub fn points(&self) -> u32 {
        self.steps.iter().map(Step::points).sum()
    }
}

/// A process that the student makes in a shell: of what the shells of an actor have
/// started, the one that differs from that actor. It is there while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromShell {
    /// Its name in the lesson.
    pub name: String,
    /// The actor whose shells it comes from (`host` among them).
    pub shell: String,
}

/// How a value of a student's own is made: one of `choose`, a hyphen and a
/// number of the range where both are given (`cigale-42`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Words to choose from; may be empty when `number` is given.
    pub choose: Vec<String>,
    /// An inclusive range.
    pub number: Option<(u32, u32)>,
}

/// The panes that a step can bring to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pane {
    /// Twin rows of processes.
    Processes,
    /// Twin rows of users, and the id maps.
    Users,
    /// Twin rows of mounts.
    Mounts,
    /// Files by layer, and the files of volumes.
    Layers,
    /// Host and domain names.
    Names,
    /// Twin rows of interfaces, listening sockets and routes.
    Net,
    /// Twin rows of IPC objects.
    Ipc,
    /// Clocks and their offsets.
    Time,
    /// Cgroup paths.
    Cgroup,
    /// The tree of namespaces by owner.
    Namespaces,
    /// The five capability sets, by capability.
    Caps,
    /// Seccomp: modes, filters, their programs.
    Seccomp,
    /// The calls of the step, and of traced commands.
    Calls,
}

/// A step: in this order it carries out `ops`, verifies `expect`, asks `predict`,
/// sets `task`. At most one of predict and task.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Unique in the lesson; the heading of its prose.
    pub id: String,
    /// The pane to bring to the front.
    pub show: Option<Pane>,
    /// The actor that is "the box" from this step on.
    pub boxed: Option<String>,
    /// A question to answer before going on.
    pub predict: Option<Predict>,
    /// An earlier step whose prediction is now put next to what happened.
    pub recall: Option<String>,
    /// Operations, carried out once, in order, when the step is entered.
    pub ops: Vec<Do>,
    /// The lesson checking itself after `ops`.
    pub expect: Vec<Check>,
    /// Work for the student.
    pub task: Option<Task>,
}

impl Step {
    /// The points of its prediction or task.
    pub fn points(&self) -> u32 {
        self.predict.as_ref().map_or(0, |predict| predict.points) + self.task.as_ref().map_or(0, |task| task.points)
    }
}

/// A question to answer before the act. Any choice earns the points.
#[derive(Debug, Clone)]
pub struct Predict {
    /// The ids of the choices, in the order shown.
    pub choices: Vec<String>,
    /// The id of the choice that comes true.
    pub answer: String,
    /// Points for predicting.
    pub points: u32,
}

/// One operation of one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Do {
    /// The actor that carries it out on itself.
    pub actor: String,
    /// What.
    pub op: Op,
    /// The errno symbol (`EPERM`) with which it is meant to fail.
    pub fails: Option<String>,
}

/// Work for the student in a shell; passed once all checks hold at one instant.
#[derive(Debug, Clone)]
pub struct Task {
    /// The actors whose shells it may be done in (`host` among them); the first
    /// gets the keyboard.
    pub shells: Vec<String>,
    /// Points.
    pub points: u32,
    /// How long a grader lets the commands run, in seconds.
    pub seconds: u32,
    /// Whether the system calls of the commands are listed.
    pub trace: bool,
    /// The steps of the earlier tasks without which this one can't pass.
    pub after: Vec<String>,
    /// What must hold.
    pub checks: Vec<Check>,
    /// Hints that answer to what the student did, first match wins.
    pub reactions: Vec<Reaction>,
}

/// A hint shown when its condition holds.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// The condition.
    pub when: Check,
    /// The id of its text (`### hint ID`).
    pub say: String,
}

/// A predicate on a place of the snapshot.
#[derive(Debug, Clone)]
pub struct Check {
    /// Unique in the step; names its text (`### check ID`) for a task's checks.
    pub id: String,
    /// JSONPath (RFC 9535) into the snapshot, as written; may hold `{seed.NAME}`.
    pub at: String,
    /// What must be true there.
    pub is: Predicate,
}

/// What must be true at a place. `at` selects a list of nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Exactly one node, equal to the operand.
    Equals(Operand),
    /// Exactly one node, not equal to the operand.
    Differs(Operand),
    /// The same nodes as in the snapshot taken when the step was entered.
    Unchanged,
    /// Some node equals the operand, or is a text or list that contains it.
    Contains(Operand),
    /// Exactly one node, a text that matches the regular expression.
    Matches(String),
    /// Exactly one node, a number of at least the operand.
    AtLeast(Operand),
    /// Exactly one node, a number of at most the operand.
    AtMost(Operand),
    /// So many nodes.
    Count(u64),
    /// No node at all.
    Absent,
}

/// The right-hand side of a predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value as written; texts may hold `{seed.NAME}`.
    Value(serde_json::Value),
    /// A text that starts with `$`: the value at that place of the snapshot.
    At(String),
}

/// The prose of a lesson in one language. All prose is Markdown and may hold
/// `{seed.NAME}` and `{$.path}`: the live value there.
#[derive(Debug, Clone, Default)]
pub struct LessonText {
    /// The title (`# …`).
    pub title: String,
    /// One sentence: the paragraph below the title.
    pub summary: String,
    /// Per step, in the order of [`Lesson::steps`].
    pub steps: Vec<StepText>,
}

/// The prose of a step in one language.
#[derive(Debug, Clone, Default)]
pub struct StepText {
    /// The heading after `## step-id:`.
    pub title: String,
    /// What is shown at once.
    pub body: String,
    /// `### why`: shown after a recall, or after a task is passed.
    pub why: Option<String>,
    /// `### choice ID`.
    pub choices: BTreeMap<String, String>,
    /// `### hint 1`, `2`, `3`: the idea, the lead, most of the command.
    pub hints: Vec<String>,
    /// `### hint ID`: by the `say` of a reaction.
    pub reactions: BTreeMap<String, String>,
    /// `### check ID`: one line, what must hold, in the lesson's words.
    pub checks: BTreeMap<String, String>,
    /// `### notes`: for the presenter.
    pub notes: Option<String>,
}
