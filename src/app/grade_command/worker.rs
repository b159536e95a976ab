//! A worker: a process of its own that grades one lesson of one submission after another,
//! each in a jail. It has one thread, no descriptor but its pipes, the little environment
//! that it is given, and nothing of a submission but the answers under way.
//!
//! ```text
//! grade ─ Setup, then Job, Job, … ─▶ worker ─▶ jail …      frames on standard input
//!       ◀──────── Answer, … ────────                       frames on standard output
//! ```
//! When its standard input is closed it ends what is under way, and itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::jailed::{self, Enclosure, Refused};
use crate::check::LessonReport;
use crate::i18n::Lang;
use crate::kernel::process;
use crate::lab::cgroups::jail::Groups;
use crate::lab::client;
use crate::lab::jail::JailError;
use crate::lesson::answers::{Answers, parse_answers};
use crate::lesson::diagnostic::Both;
use crate::lesson::library::Library;
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Values};

/// The hidden argument that makes the program a worker.
pub const ARGUMENT: &str = "__grade-worker";
/// The longest frame that is taken.
const MOST: u32 = 64 << 20;

/// What is the same for all that a worker does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// Lessons from here.
    pub lessons: Option<PathBuf>,
    /// The language of the reports.
    pub lang: Lang,
    /// Directories that are empty in the jail.
    pub hidden: Vec<PathBuf>,
    /// Who the machine's root becomes in there.
    pub user: Option<u32>,
}

/// One lesson to grade.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub lesson: String,
    /// The answers file, which was read and held against the lesson before.
    pub answers: String,
    /// The values that they are judged by. What those come from stays where it is.
    pub values: Values,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It was judged.
    Graded(Box<LessonReport>),
    /// This machine can't run the lesson: why.
    Cannot(Both),
    /// It did not end in time: what is said of it.
    Stopped(Both),
    /// The grader in the jail died: what is said of it.
    Died(Both),
}

/// The worker's whole life; its exit code. The calling process has one thread.
pub fn run() -> u8 {
    // Whatever who started the program had open is none of the students'.
    if process::close_from(3).is_err() || std::env::set_current_dir("/").is_err() {
        return 1;
    }
    let (mut input, mut output) = (File::from(process::inherited(0)), File::from(process::inherited(1)));
    let served = serve(&mut input, &mut output);
    // They are the process's own, and go with it.
    std::mem::forget((input, output));
    u8::from(served.is_err())
}

fn serve(input: &mut File, output: &mut File) -> std::io::Result<()> {
    let Some(setup): Option<Setup> = receive(input)? else { return Ok(()) };
    let library = Library::open(setup.lessons.as_deref()).map_err(std::io::Error::other)?;
    // Copied once, not once a jail.
    client::prepare()?;
    let fence = jailed::fence();
    let mut known: HashMap<String, Known> = HashMap::new();
    while let Some(job) = receive::<Job>(input)? {
        let known = match known.entry(job.lesson) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let lesson = library.get(entry.key()).map_err(std::io::Error::other)?;
                let missing = crate::doctor::missing(&lesson).map(|missing| jailed::both(&missing));
                entry.insert(Known { lesson: Arc::new(lesson), missing })
            }
        };
        let answers = parse_answers(&Source::new("answers", job.answers));
        let answers = answers.map_err(|_| std::io::Error::other("answers that were read before"))?;
        match known.grade(&answers, &job.values, &setup, fence.as_ref(), input) {
            Some(answer) => send(output, &answer)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// A lesson, and why this machine can't run it, where it can't: found out once.
struct Known {
    lesson: Arc<Lesson>,
    missing: Option<Both>,
}

impl Known {
    /// Nothing where nobody waits for it any more.
    fn grade(
        &self,
        answers: &Answers,
        values: &Values,
        setup: &Setup,
        fence: Option<&Groups>,
        master: &File,
    ) -> Option<Answer> {
        if let Some(missing) = &self.missing {
            return Some(Answer::Cannot(missing.clone()));
        }
        let enclosure = Enclosure { hidden: &setup.hidden, user: setup.user, fence, master: Some(master.as_fd()) };
        Some(match jailed::grade_in_jail(&self.lesson, answers, values, setup.lang, &enclosure) {
            Ok(report) => Answer::Graded(Box::new(report)),
            Err(Refused::Cannot(why)) => Answer::Cannot(why),
            Err(Refused::Lost(JailError::Abandoned)) => return None,
            Err(Refused::Lost(error @ JailError::TimedOut(_))) => Answer::Stopped(jailed::both(&error)),
            Err(Refused::Lost(error)) => Answer::Died(jailed::both(&error)),
        })
    }
}

/// Writes one frame: a little-endian length of four bytes, and that many of postcard.
pub fn send(to: &mut impl Write, what: &impl Serialize) -> std::io::Result<()> {
    let bytes = postcard::to_stdvec(what).map_err(std::io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    to.write_all(&[&length.to_le_bytes()[..], &bytes].concat())?;
    to.flush()
}

/// Reads one frame; nothing at the end.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> std::io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > MOST {
        return Err(std::io::Error::other("a frame that is not ours"));
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(std::io::Error::other)
}
