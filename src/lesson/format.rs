//! The raw shape of `lesson.toml`, exactly as written, with places. Read by
//! `lesson::load` and turned into the model by `lesson::validate`; the JSON Schema
//! is generated from it. Never used past the loader.

mod caps;
mod cgroup;
mod files;
mod holding;
mod net;
mod objects;
mod seccomp;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

pub use caps::{RawBecome, RawCaps, RawFilecap};
pub use cgroup::RawCgroup;
pub use files::{RawMount, RawRoot, RawUmount, RawWrite, RootFrom};
pub use holding::{RawHold, RawIdmap};

use super::model::{Need, Pane, Part};
pub use net::{RawAddress, RawConnect, RawLink, RawListen, RawPeer, RawRoute};
pub use objects::{RawClock, RawShmget};
pub use seccomp::{RawLandlock, RawSeccomp};

use super::op::{MapKind, NsKind};
pub use super::placed::{Placed, Word};

/// `lesson.toml`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A lesson of cloison")]
pub struct RawLesson {
    /// The version of this format: 1.
    pub format: Placed<u32>,
    /// Unique among lessons, and the folder's name without its number: `[a-z][a-z0-9-]*`.
    pub id: Word,
    /// The part of the curriculum.
    pub part: Part,
    /// What the machine must offer.
    #[serde(default)]
    pub needs: Vec<Placed<Need>>,
    /// Programs that the student's shells need, without a path.
    #[serde(default)]
    pub tools: Vec<Word>,
    /// The kernel version that brought what the lesson shows.
    pub since: Option<Word>,
    /// About how long it takes.
    pub minutes: Placed<u32>,
    /// Values of the student's own, filled in for `{seed.NAME}`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawSeed>")]
    pub seed: IndexMap<Word, RawSeed>,
    /// The actors that exist from the start: plain child processes without a wall, and
    /// processes that the student will make.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawActor>")]
    pub actors: IndexMap<Word, RawActor>,
    /// `false`: the host's shells are not offered, for what would be left behind there. No
    /// task may name `host` then.
    pub host_shell: Option<Placed<bool>>,
    /// Absolute paths of files whose owners every side shows, where they are there.
    #[serde(default)]
    pub files: Vec<Word>,
    /// The steps, in order.
    pub step: Placed<Vec<RawStep>>,
}

/// How a value of a student's own is made: one of `choose`, a hyphen, and a number of the range.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSeed {
    /// Words to choose from.
    pub choose: Option<Placed<Vec<Word>>>,
    /// The first and the last number.
    #[schemars(length(equal = 2))]
    pub number: Option<Placed<Vec<u32>>>,
}

/// An actor: a plain child process, unless it has a key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawActor {
    /// `"box shell"`: no process of the lab, but the one that the student makes in a shell
    /// of that actor and that differs from the actor in a namespace or its root directory, or from its
    /// shell in its privileges.
    pub from: Option<Word>,
}

/// A step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStep {
    /// Unique in the lesson; the heading of its prose.
    pub id: Word,
    /// The pane to bring to the front.
    pub show: Option<Pane>,
    /// The actor that the BOX side shows from here on.
    #[serde(rename = "box")]
    pub boxed: Option<Word>,
    /// A question to answer before going on.
    pub predict: Option<Placed<RawPredict>>,
    /// An earlier step whose prediction is put next to what happened.
    pub recall: Option<Word>,
    /// Operations, carried out once, in order.
    #[serde(default, rename = "do")]
    pub ops: Vec<Placed<RawDo>>,
    /// The lesson checking itself after `do`.
    #[serde(default)]
    pub expect: Vec<Placed<RawCheck>>,
    /// Work for the student.
    pub task: Option<Placed<RawTask>>,
    /// What must hold for the task to be passed.
    #[serde(default)]
    pub check: Vec<Placed<RawCheck>>,
    /// Hints that answer to what the student did.
    #[serde(default)]
    pub hint: Vec<Placed<RawHint>>,
}

/// A question to answer before the act.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPredict {
    /// The ids of the choices, in the order shown.
    pub choices: Placed<Vec<Word>>,
    /// The one that comes true.
    pub answer: Word,
    /// Points for predicting, right or wrong.
    #[serde(default = "one")]
    pub points: u32,
}

/// Work for the student.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTask {
    /// The actors in whose shells it may be done; the first gets the keyboard.
    pub shells: Placed<Vec<Word>>,
    /// Points.
    #[serde(default = "one")]
    pub points: u32,
    /// How long a grader lets the commands run, in seconds.
    #[serde(default = "ten")]
    pub seconds: Placed<u32>,
    /// List the system calls of the commands in these shells.
    #[serde(default)]
    pub trace: bool,
    /// The earlier tasks that must be done for this one to pass.
    #[serde(default)]
    pub after: Vec<Word>,
}

fn one() -> u32 {
    1
}

fn ten() -> Placed<u32> {
    Placed::unwritten(10)
}

/// One operation: `actor`, and one of the other keys (`map` may go with `unshare`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDo {
    /// The actor that carries it out on itself.
    pub actor: Word,
    /// The errno with which it is meant to fail.
    pub fails: Option<Word>,
    /// unshare(2): leave these namespaces, all in one call.
    pub unshare: Option<Placed<Vec<Placed<NsKind>>>>,
    /// The id maps of the user namespace that the actor is in, or has just made.
    pub map: Option<Placed<MapKind>>,
    /// A child of the actor becomes an actor of this name.
    pub fork: Option<Word>,
    /// mount(2).
    pub mount: Option<RawMount>,
    /// umount2(2).
    pub umount: Option<RawUmount>,
    /// Build a root directory: `from = "host"`, or `programs`.
    pub root: Option<Placed<RawRoot>>,
    /// chroot(2), then chdir("/").
    pub chroot: Option<Word>,
    /// pivot_root(2), then the old root is detached.
    pub pivot_root: Option<Word>,
    /// mkdir(2), with the directories above that are missing.
    pub mkdir: Option<Word>,
    /// A file with this text, and the directories above it.
    pub write: Option<RawWrite>,
    /// A directory of the lab's own, `{volumes}/NAME`, which outlives every box.
    pub volume: Option<Word>,
    /// sethostname(2).
    pub hostname: Option<Word>,
    /// setdomainname(2).
    pub domainname: Option<Word>,
    /// setns(2).
    pub setns: Option<Placed<RawSetns>>,
    /// Keep a namespace there when nobody is in it any more.
    pub hold: Option<RawHold>,
    /// Close the descriptors held of namespaces of this kind.
    pub release: Option<Placed<NsKind>>,
    /// Write the id maps of an actor's user namespace by hand.
    pub write_map: Option<Placed<RawIdmap>>,
    /// The clock offsets of the time namespace that the actor's children will be in.
    pub clock: Option<RawClock>,
    /// shmget(2).
    pub shmget: Option<RawShmget>,
    /// Mount the POSIX message queues of the actor's IPC namespace, there or on /mnt.
    pub mqueue: Option<Word>,
    /// Run a program in a child of the actor.
    pub run: Option<RawRun>,
    /// kill(2) on another actor.
    pub kill: Option<RawKill>,
    /// An interface of the actor's network namespace.
    pub link: Option<Placed<RawLink>>,
    /// An address for a link.
    pub address: Option<RawAddress>,
    /// A route.
    pub route: Option<Placed<RawRoute>>,
    /// A TCP socket that listens, and says the actor's name to whoever connects.
    pub listen: Option<RawListen>,
    /// A TCP connection.
    pub connect: Option<RawConnect>,
    /// A control group.
    pub cgroup: Option<Placed<RawCgroup>>,
    /// Capabilities of the actor, dropped from a set of its own or raised in one.
    pub caps: Option<Placed<RawCaps>>,
    /// The securebits of the actor: these and no others.
    pub securebits: Option<Placed<Vec<Word>>>,
    /// PR_SET_NO_NEW_PRIVS(2const); `false` asks for what the kernel never does.
    pub no_new_privs: Option<Placed<bool>>,
    /// The capabilities of a program's file.
    pub filecap: Option<RawFilecap>,
    /// setresgid(2) and setresuid(2).
    #[serde(rename = "become")]
    pub becomes: Option<RawBecome>,
    /// A seccomp filter on the actor and what it starts, after no_new_privs.
    pub seccomp: Option<Placed<RawSeccomp>>,
    /// Landlock: which files the actor and what it starts reach from here on.
    pub landlock: Option<Placed<RawLandlock>>,
}

/// setns(2): one of `of`, `at`, `held`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSetns {
    /// The actor whose namespaces are entered.
    pub of: Option<Word>,
    /// The bind mount of the namespace that is entered.
    pub at: Option<Word>,
    /// `true`: those that the actor holds by a descriptor.
    pub held: Option<Placed<bool>>,
    /// Which of them.
    pub kinds: Placed<Vec<Placed<NsKind>>>,
}

/// A program to run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRun {
    /// The program, looked up on PATH, and its arguments.
    pub argv: Placed<Vec<Word>>,
    /// Killed after so many seconds.
    #[serde(default = "ten")]
    pub seconds: Placed<u32>,
    /// Leave it running and go on.
    #[serde(default)]
    pub background: bool,
    /// List the system calls that it makes.
    pub trace: Option<Placed<bool>>,
}

/// kill(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKill {
    /// The actor to signal.
    pub target: Word,
    /// The signal's name without SIG.
    pub signal: Word,
}

/// A predicate on a place of the snapshot: `at`, and one of the keys after it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCheck {
    /// Unique in the step; a task's checks have a text under `### check ID`.
    pub id: Option<Word>,
    /// JSONPath (RFC 9535) into the snapshot.
    pub at: Word,
    /// Equal to this value, or to the value at this place (a text that starts with `$`).
    #[schemars(with = "Option<serde_json::Value>")]
    pub equals: Option<Placed<toml::Value>>,
    /// Not equal to it.
    #[schemars(with = "Option<serde_json::Value>")]
    pub differs: Option<Placed<toml::Value>>,
    /// Contains it: a node that is equal to it, a text with it, a list with it.
    #[schemars(with = "Option<serde_json::Value>")]
    pub contains: Option<Placed<toml::Value>>,
    /// A text that matches this regular expression.
    pub matches: Option<Word>,
    /// A number of at least this.
    #[schemars(with = "Option<serde_json::Value>")]
    pub at_least: Option<Placed<toml::Value>>,
    /// A number of at most this.
    #[schemars(with = "Option<serde_json::Value>")]
    pub at_most: Option<Placed<toml::Value>>,
    /// So many nodes.
    pub count: Option<Placed<u32>>,
    /// `true`: as it was when the step was entered.
    pub unchanged: Option<Placed<bool>>,
    /// `true`: nothing there.
    pub absent: Option<Placed<bool>>,
}

/// A hint that is shown when its condition holds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHint {
    /// The condition.
    pub when: Placed<RawCheck>,
    /// The id of its text, `### hint ID`.
    pub say: Word,
}

/// The JSON Schema of `lesson.toml`, as committed in `assets/lesson.schema.json`:
/// for editors that complete and check TOML (taplo, Even Better TOML).
pub fn schema() -> String {
    let schema = schemars::schema_for!(RawLesson);
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}
