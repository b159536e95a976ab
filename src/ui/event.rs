//! What comes into the screen and what goes out: the whole contract with the
//! composition root.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::keymap::Intent;
use crate::i18n::Lang;
use crate::lesson::answers::Answers;
use crate::lesson::{Lesson, Values};
use crate::observe::{Census, Container, Sections, Snapshot};
use crate::session::{Effect, StepOutcome};

/// Identifies one embedded shell; never used twice in a run.
pub type ShellId = u64;

/// All inputs of the screen, through one bounded channel.
pub enum Event {
    /// Keys, mouse, paste, resize.
    Terminal(crossterm::event::Event),
    /// The lessons of the list, where the screen began with one of them.
    Listed(Vec<Entry>),
    /// A lesson asked for with [`Request::Open`] is ready: its answers so far.
    Opened {
        /// The lesson.
        lesson: Arc<Lesson>,
        /// Answers and progress to resume from; empty for a new one.
        answers: Box<Answers>,
        /// The values of the student's own.
        values: Values,
    },
    /// The open lesson as its author has just saved it.
    Reloaded {
        /// The lesson.
        lesson: Arc<Lesson>,
        /// The student's own values in it.
        values: Values,
        /// Its solution, where somebody shows it.
        solution: Option<Box<Answers>>,
    },
    /// A new snapshot of the open lesson's lab.
    Observed(Arc<Snapshot>),
    /// The answer to [`Effect::Perform`].
    Performed(StepOutcome),
    /// Some calls of a step were made, and the next waits for [`Request::GoOn`]: slow
    /// motion.
    Moved(StepOutcome),
    /// The answer to [`Effect::Rebuild`].
    Rebuilt {
        /// The step's index.
        to: usize,
        /// What each step did.
        outcomes: Vec<StepOutcome>,
    },
    /// A shell asked for with [`Request::OpenShell`] runs.
    ShellOpened {
        /// Its id.
        id: ShellId,
        /// The actor it is in.
        actor: String,
        /// Its keyboard and size.
        handle: Box<dyn ShellHandle>,
    },
    /// Output of a shell: raw bytes for the emulator.
    ShellOutput(ShellId, Vec<u8>),
    /// A shell has ended; in words (`exit 0`, `killed by SIGKILL`).
    ShellClosed(ShellId, String),
    /// What the doctor found.
    Doctor(Vec<Finding>),
    /// Who is apart from the host now: for the list of containers.
    Census(Arc<Census>),
    /// A process asked for with [`Request::Inspect`] is held; snapshots of it follow.
    Inspecting(Box<Inspected>),
    /// Something could not be done; said in the screen's language, shown until
    /// the next key.
    Failed(String),
    /// The recording of the demonstration has ended before it did: why, in English and
    /// in French.
    Unrecorded([String; 2]),
    /// Something that changes by itself is due: a mark expires, a key is typed.
    Tick,
    /// A presenter's word, from the notes.
    Order(Order),
    /// So many follow a demonstration now.
    Followers(usize),
    /// SIGTERM, SIGHUP: leave in order.
    Terminate,
    /// SIGCONT after a stop: take the terminal again and draw everything.
    Continue,
}

/// What a presenter asks of a demonstration from elsewhere than the wall's terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// What a key of the wall would mean.
    Do(Intent),
    /// Go to the step of this index.
    Goto(usize),
    /// Hands counted for the choices, in their order: numbers with spaces between.
    Hands(String),
    /// End the demonstration.
    Leave,
}

/// A shell's terminal, from the screen's side. Dropping it ends the shell.
pub trait ShellHandle: Send {
    /// Types bytes into it. Never blocks: what the shell does not take is kept
    /// and sent later, or dropped once there is too much of it (a stopped shell).
    fn write(&mut self, bytes: &[u8]);
    /// Tells it its size, in cells.
    fn resize(&mut self, rows: u16, cols: u16);
    /// So many bytes of its output were taken: as many more may come. Without it a
    /// shell that prints without end would fill the channel that keys come by.
    fn taken(&mut self, _bytes: usize) {}
}

/// All that the screen asks for, through one channel.
#[derive(Debug)]
pub enum Request {
    /// Load a lesson by id and make ready a lab for it. Answered by `Opened`, or
    /// `Failed` (this machine can't run it, and why).
    Open(String),
    /// Leave the open lesson and take its lab down.
    Close,
    /// Something that the session asks for.
    Session(Effect),
    /// Open a shell in an actor, of that size. Answered by `ShellOpened` or `Failed`.
    OpenShell {
        /// The actor (`host` for the host's).
        actor: String,
        /// Rows.
        rows: u16,
        /// Columns.
        cols: u16,
    },
    /// Trace the commands of an actor's shells from now on, or no more. Answered by
    /// `Observed` or `Failed`.
    Trace {
        /// The actor.
        actor: String,
        /// Whether to.
        on: bool,
    },
    /// Make the calls of steps one by one from now on, or all at once. Each is answered by
    /// `Moved`, the end of the step as ever.
    Slow(bool),
    /// The next call, in slow motion; or all that are to come.
    GoOn {
        /// All.
        all: bool,
    },
    /// Try what this machine can do. Answered by `Doctor`.
    Doctor,
    /// Look at a process beside the host. Answered by `Inspecting`, then `Observed`
    /// again and again, or by `Failed`.
    Inspect(u32),
    /// Look at who is apart from the host. Answered by `Census`, again and again.
    Containers,
    /// From now on these are looked at: `Observed` may have the others as they were
    /// up to two seconds ago.
    Watch(Sections),
    /// The language was switched: texts from now on come in this one.
    Speak(Lang),
}

/// A process that is inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Its PID, which is its name among the actors of a snapshot.
    pub pid: u32,
    /// The container that it is in, where it is in one.
    pub container: Option<Container>,
}

/// A line of the doctor's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it works here.
    pub works: bool,
    /// The feature.
    pub name: String,
    /// Why not, or what was seen.
    pub why: String,
    /// What helps; empty where nothing is to be done.
    pub remedy: String,
}

/// A lesson in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The lesson.
    pub lesson: Arc<LessonSummary>,
    /// How far the student is.
    pub state: EntryState,
}

/// What the list says of a lesson, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonSummary {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// The part of the curriculum.
    pub part: crate::lesson::model::Part,
    /// Titles: English, French.
    pub title: [String; 2],
    /// One sentence each: English, French.
    pub summary: [String; 2],
    /// Points to earn.
    pub points: u32,
    /// About how long.
    pub minutes: u32,
    /// The names of what the machine must offer.
    pub needs: Vec<String>,
}

/// How far a student is with a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// Not begun.
    New,
    /// Begun: points so far.
    Begun(u32),
    /// Finished: points.
    Done(u32),
    /// Can't run here; why, and the remedy, in both languages.
    Impossible([String; 2]),
}
