//! The raw shape of `lesson.toml`, exactly as written, with places. Read by
//! `lesson::load` and turned into the model by `lesson::validate`; the JSON Schema
//! is generated from it. Never used past the loader.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::model::{Need, Pane, Part};
use super::op::{MapKind, MountFlag, NsKind};

/// A value and the bytes of the file that it was written in.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Placed<T>(toml::Spanned<T>);

impl<T> Placed<T> {
    /// The bytes it was written in, quotes included.
    pub fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: PartialEq> PartialEq for Placed<T> {
    /// Where it was written makes no difference.
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Placed<T> {}

impl<T: Hash> Hash for Placed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A text with its place.
pub type Word = Placed<String>;

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
    /// of that actor and that differs from the actor in a namespace or its root directory.
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
}

fn one() -> u32 {
    1
}

fn ten() -> Placed<u32> {
    Placed(toml::Spanned::new(0..0, 10))
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
}

/// mount(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMount {
    /// File system type; left out for binds and propagation changes.
    #[serde(rename = "type")]
    pub fstype: Option<Word>,
    /// Source.
    pub source: Option<Word>,
    /// Mount point.
    pub target: Word,
    /// Flags.
    #[serde(default)]
    pub flags: Vec<Placed<MountFlag>>,
    /// The file system's own options.
    pub data: Option<Word>,
}

/// umount2(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUmount {
    /// Mount point.
    pub target: Word,
    /// MNT_DETACH.
    #[serde(default)]
    pub detach: bool,
}

/// A file to write.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWrite {
    /// Where.
    pub path: Word,
    /// What it holds from then on.
    pub text: Word,
}

/// Which root directory to build: one of the two keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoot {
    /// `host`: the host's own directories, bound read-only.
    pub from: Option<RootFrom>,
    /// Copies of these programs, with their libraries.
    pub programs: Option<Placed<Vec<Word>>>,
}

/// Where a bound root comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RootFrom {
    /// The host's own directories.
    Host,
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

/// A namespace kept there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHold {
    /// The actor whose namespace it is.
    pub of: Word,
    /// Which of them.
    pub kind: NsKind,
    /// Where it is bind mounted, on a file that is made. Without: by a descriptor that the
    /// actor keeps open.
    pub at: Option<Word>,
}

/// The files of a user namespace, written in this order: `setgroups`, `uid_map`, `gid_map`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawIdmap {
    /// The actor whose user namespace it is.
    pub of: Word,
    /// `deny` or `allow`.
    pub setgroups: Option<Word>,
    /// The lines of uid_map: first id inside, first id outside, how many.
    pub uid_map: Option<Word>,
    /// The lines of gid_map.
    pub gid_map: Option<Word>,
}

/// Clock offsets, in seconds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClock {
    /// Added to CLOCK_MONOTONIC.
    #[serde(default)]
    pub monotonic: i64,
    /// Added to CLOCK_BOOTTIME.
    #[serde(default)]
    pub boottime: i64,
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

/// An interface: one of the keys, `peer` along with `veth`, `of` along with `port`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLink {
    /// Make a veth pair; the name of the end here.
    pub veth: Option<Word>,
    /// The other end of the pair.
    pub peer: Option<RawPeer>,
    /// Make a bridge.
    pub bridge: Option<Word>,
    /// Switch on.
    pub up: Option<Word>,
    /// Switch off.
    pub down: Option<Word>,
    /// Make a port of a bridge of this link.
    pub port: Option<Word>,
    /// The bridge.
    pub of: Option<Word>,
    /// Delete; of a veth pair both ends.
    pub delete: Option<Word>,
}

/// The other end of a veth pair.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPeer {
    /// The actor whose network namespace gets it.
    pub actor: Word,
    /// Its name there.
    pub name: Word,
}

/// An address for a link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAddress {
    /// The link.
    pub dev: Word,
    /// The address and the length of its network's part, `10.0.0.1/24`.
    pub add: Word,
}

/// A route of the main table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    /// `default`, or a network, `10.1.0.0/24`.
    pub to: Word,
    /// The next host on the way.
    pub via: Option<Word>,
    /// The link.
    pub dev: Option<Word>,
}

/// A TCP socket that listens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListen {
    /// Address and port, `127.0.0.1:8080`.
    pub at: Word,
}

/// A TCP connection.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConnect {
    /// Address and port, `127.0.0.1:8080`.
    pub to: Word,
    /// The actor that must answer.
    pub hears: Option<Word>,
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
