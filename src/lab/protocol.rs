//! What the program, the keeper and the actors say to each other. Frames of
//! postcard over socket pairs (`kernel::socket`). Both ends are one binary, so the
//! version of the protocol is the binary's.
//!
//! ```text
//! program ── ToKeeper ──▶ keeper ── ToActor ──▶ actor
//!         ◀─ FromKeeper ─        ◀─ FromActor ─
//! ```
//! One question of the program's is open at a time; `Ended` may come in between.

use serde::{Deserialize, Serialize};

use crate::i18n::Lang;
use crate::kernel::process::Exit;
use crate::kernel::terminal::Settings;
use crate::kernel::{Call, Errno, Filters, Traced};
use crate::lesson::op::{Controller, MapKind, NsKind, Op};

/// From the program to the keeper.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToKeeper {
    /// The first frame. Answered by `Ready`.
    Hello {
        /// The directory of the lab's journal and roots.
        directory: String,
        /// What to put back on the terminal (descriptor 4) if the program dies.
        terminal: Option<Settings>,
        /// Whether the lesson needs the machine's own root.
        real_root: bool,
    },
    /// Make actors: plain children. Answered by `Spawned`.
    Spawn {
        /// Their names.
        actors: Vec<String>,
    },
    /// Have actors carry out ops on themselves, one after the other, up to the first
    /// that fails. Answered by `Performed`.
    Perform {
        /// Each actor's name, and what it does.
        ops: Vec<(String, Op)>,
    },
    /// As `Perform`, of one op, which waits after each call. Answered by `Paused` or
    /// `Performed`. While it waits, all but `Perform` may be asked.
    PerformSlowly {
        /// The actor's name.
        actor: String,
        /// What it does.
        op: Op,
    },
    /// The next call of the op that waits. Answered by `Paused` or `Performed`.
    GoOn,
    /// Ask an actor for its own view. Answered by `View`.
    View {
        /// Its name.
        actor: String,
        /// How long to wait, in milliseconds.
        patience: u32,
        /// What for, for the reporter to know.
        look: Vec<u8>,
    },
    /// Look at any process from inside its namespaces (`observer`). Answered by `View`.
    Observe {
        /// Its PID on the host.
        pid: u32,
        /// How long to wait, in milliseconds.
        patience: u32,
        /// What for, for the reporter to know.
        look: Vec<u8>,
    },
    /// Find what differs from an actor among what its shells have started (`find`).
    /// Answered by `Found`.
    Find {
        /// The actor's name.
        shell: String,
    },
    /// Trace the commands of an actor's shells, or cease to. Answered by `Done` or
    /// `Failed`.
    Trace {
        /// Its name.
        actor: String,
        /// Whether to.
        on: bool,
    },
    /// Ask an actor for the calls that it has seen. Answered by `Traced`.
    Traced {
        /// Its name.
        actor: String,
        /// How long to wait, in milliseconds.
        patience: u32,
    },
    /// Ask an actor for its seccomp filters. Answered by `Filters`.
    Filters {
        /// Its name.
        actor: String,
        /// How long to wait, in milliseconds.
        patience: u32,
    },
    /// Start a shell or a command in an actor. Answered by `Launched` (with the
    /// pty's master or the pipe) or `Failed`; later `Ended`.
    Launch {
        /// Its name.
        actor: String,
        /// What.
        program: Program,
        /// Rows and columns of a terminal; a pipe without.
        terminal: Option<(u16, u16)>,
    },
    /// Kill the process group of something launched. Answered by `Done`.
    End {
        /// Its id.
        launch: u64,
    },
    /// Make the lab's own control groups, with these controllers. Answered by `Groups`.
    Groups {
        /// Which.
        controllers: Vec<Controller>,
    },
    /// Take every actor down, and all that they left. Answered by `Done`.
    Reset {
        /// As in `Hello`: the next lesson may differ.
        real_root: bool,
    },
    /// The program is leaving and has restored the terminal itself: take
    /// everything down and end. Answered by the socket's end.
    Bye,
}

/// From the keeper to the program.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromKeeper {
    /// It is there.
    Ready,
    /// The actors that were made, in order, up to the first that could not be.
    Spawned(Vec<ActorInfo>, Option<Failure>),
    /// The ops that were tried, in order; the last may have failed, by its call or
    /// (second) because its actor could not be asked.
    Performed(Vec<Performed>, Option<Failure>),
    /// The calls of an op so far: it waits for `GoOn`.
    Paused(Vec<Call>),
    /// A view, opaque; nothing when none came in time.
    View(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    /// The calls that an actor has seen; nothing when it did not answer in time.
    Traced(Option<Traced>),
    /// The filters of an actor, and what they asked; nothing when it did not answer in time.
    Filters(Option<Filters>),
    /// The PID of the process asked for, if there is one.
    Found(Option<u32>),
    /// The lab's own control group in each tree: its directory.
    Groups(Vec<String>),
    /// Something was launched; its descriptor comes along.
    Launched {
        /// Names it from now on.
        launch: u64,
    },
    /// Done.
    Done,
    /// It could not be done.
    Failed(Failure),
    /// Unasked: something launched has ended.
    Ended {
        /// Its id.
        launch: u64,
        /// How.
        exit: Exit,
    },
    /// Unasked: an actor has ended.
    ActorEnded {
        /// Its name.
        actor: String,
        /// How, where it is known.
        exit: Option<Exit>,
    },
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// There is no actor of this name.
    NoActor(String),
    /// There is one of this name already.
    Exists(String),
    /// It has ended.
    ActorGone(String),
    /// It did not answer in time: frozen, stopped, or busy.
    Silent(String),
    /// Its control group is frozen: it answers when that is thawed.
    Frozen(String),
    /// Its next child would be PID 1 of its new PID namespace, which a step makes.
    Unborn(String),
    /// A call failed.
    Call(Errno, String),
}

/// An actor, as the keeper knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorInfo {
    /// The name that the lesson gave it.
    pub name: String,
    /// Its PID on the host.
    pub pid: u32,
    /// How it ended, once it has (`None` inside: unknown).
    pub ended: Option<Option<Exit>>,
}

/// What carrying out one op came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performed {
    /// The calls really made, in order; those of the keeper among them.
    pub calls: Vec<Call>,
    /// The errno that ended it, and what it was doing.
    pub failure: Option<(Errno, String)>,
    /// The actor that a `fork` made.
    pub made: Option<ActorInfo>,
    /// What a `run` printed and how it ended.
    pub ran: Option<Ran>,
}

/// What a `run` came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The first 64 KiB of its output.
    #[serde(with = "serde_bytes")]
    pub output: Vec<u8>,
    /// How it ended; nothing when it was left running.
    pub exit: Option<Exit>,
    /// Whether it was killed for taking too long.
    pub timed_out: bool,
}

/// What to launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// An interactive shell, in which what is the program's own speaks this language.
    Shell(Lang),
    /// An interactive shell without a screen: no line editor, and prompts that show
    /// nothing but say by `OSC 633;B` that a command is awaited, by `OSC 633;C` that
    /// the rest of one is.
    LineShell(Lang),
    /// Commands, for a shell that reads them from nowhere a process list shows.
    Script {
        /// The commands.
        script: String,
        /// What the shell is to have before them, as commands.
        carried: String,
    },
    /// A program and its arguments.
    Argv(Vec<String>),
}

/// From the keeper to an actor. Each is answered under its number.
#[derive(Debug, Serialize, Deserialize)]
pub struct ToActor {
    /// The number.
    pub number: u64,
    /// What to do.
    pub ask: Ask,
}

/// What an actor is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Carry out ops, up to the first that fails.
    Perform {
        /// What, and what of it only the keeper knows.
        ops: Vec<(Op, Context)>,
        /// Wait after each call for `GoOn`.
        slowly: bool,
    },
    /// The next call.
    GoOn,
    /// Report what you see.
    View {
        /// What for, for the reporter to know.
        look: Vec<u8>,
    },
    /// Trace the commands of your shells, or cease to.
    Trace {
        /// Whether to.
        on: bool,
    },
    /// Report the calls that you have seen.
    Traced,
    /// Report your seccomp filters, and what they asked you.
    Filters,
    /// Start a program.
    Launch {
        /// What.
        program: Program,
        /// Rows and columns of a terminal; a pipe without.
        terminal: Option<(u16, u16)>,
    },
    /// Start a program on the terminal that comes along: in a root directory
    /// without a /dev/ptmx an actor can't open one itself.
    LaunchOn {
        /// What.
        program: Program,
    },
    /// Kill the process group of a child.
    End {
        /// Its PID in the actor's namespace.
        pid: u32,
    },
    /// The answer to `NeedMaps`.
    Mapped(Mapped),
}

/// What only the keeper knows and an op needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// `setns`, `link`: the namespace descriptors that come along, in this order,
    /// with how the trace shows each (`/proc/48213/ns/uts`).
    pub namespaces: Vec<(NsKind, String)>,
    /// `kill`, `hold`, `write_map`: the target's PID in the actor's namespace.
    pub target: Option<u32>,
    /// `root` of copies: the directory to fill.
    pub directory: Option<String>,
    /// `join` of a group: the files to write one's number to.
    pub doors: Vec<String>,
}

/// What came of writing the id maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// The keeper's calls.
    pub calls: Vec<Call>,
    /// Why it failed, if it did.
    pub failure: Option<(Errno, String)>,
    /// The uid and gid (inside) that the actor now becomes; nothing where it is
    /// mapped already.
    pub become_ids: Option<(u32, u32)>,
}

/// From an actor to the keeper.
#[derive(Debug, Serialize, Deserialize)]
pub struct FromActor {
    /// The number of the question; 0 for what was not asked.
    pub number: u64,
    /// What it says.
    pub said: Said,
}

/// What an actor says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    /// The ops are done, up to the first that failed.
    Performed(Vec<Performed>),
    /// The calls of the op so far: it waits.
    Paused(Vec<Call>),
    /// What it sees, opaque.
    View(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The calls that it has seen.
    Traced(Traced),
    /// Its seccomp filters, and what they asked.
    Filters(Filters),
    /// Started; the descriptor of its terminal or pipe and its pidfd come along.
    Launched {
        /// PID in the actor's namespace.
        pid: u32,
    },
    /// Could not be done.
    Failed(Errno, String),
    /// Done.
    Done,
    /// In the middle of an op: write the maps of my user namespace, please.
    NeedMaps(MapKind),
    /// In the middle of an op: I made a child, which waits to be asked; its connection
    /// and a pidfd come along.
    Forked {
        /// Its PID in the actor's namespace.
        pid: u32,
    },
    /// Unasked: a child has ended.
    Ended {
        /// PID in the actor's namespace.
        pid: u32,
        /// How.
        exit: Exit,
    },
}
