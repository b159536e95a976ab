//! `cloison grade DIR`: many submissions, each lesson of each in a jail of its own, some at
//! a time, and the results in files. A submission that is malicious or never ends costs its
//! own time limit and nothing else. Exit codes: 0 a result for every submission, 2 usage or
//! a directory that can't be read, 3 this machine can't run any of the lessons or results
//! can't be written, 128 and the signal's number when interrupted.

pub mod merge;
mod pool;
mod progress;
mod results;
mod submissions;
mod submit;
pub mod summary;
pub mod worker;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signalfd::SignalFd;
use sha2::{Digest as _, Sha256};

use super::class;
use super::jailed::{MOST_JOBS, nobody};
use super::lesson_commands::Output;
use super::{signals, whole};
use crate::i18n::{Explain, Lang};
use crate::lab::program::PATH;
use crate::lesson::library::Library;
use crate::report::Format;
use crate::say;
use crate::term::safe::safe;

use pool::Pool;
use progress::Progress;
use results::State;
use submissions::Submissions;
use submit::{Grader, Wanted};
use summary::{Row, Shard, Summary};
use worker::Setup;

/// A result for every submission.
const DONE: u8 = 0;
/// Usage, or a directory that can't be read.
const USAGE: u8 = 2;
/// This machine can't run any lesson, or can't keep the results.
const CANNOT: u8 = 3;
/// What a signal's number is added to.
const INTERRUPTED: u8 = 128;
/// How often signals are looked for, and the bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What to grade.
#[derive(Debug)]
pub struct Request<'a> {
    /// The submissions.
    pub directory: &'a Path,
    /// These lessons, by id or number, or `all`; those that are answered where there are none.
    pub wanted: &'a [String],
    /// How many at a time; as many as there are CPUs where not said.
    pub jobs: Option<usize>,
    /// The part of the submissions that this run is for.
    pub shard: Option<Shard>,
    /// Where the results go.
    pub out: &'a Path,
    /// The class key that values of one's own are made with.
    pub key: Option<&'a Path>,
    /// Whether a submission's name is its student's.
    pub named: bool,
    /// The forms of each report.
    pub formats: &'a [Format],
    /// Lessons from here.
    pub lessons: Option<&'a Path>,
    /// The language of reports and messages.
    pub lang: Lang,
}

/// What threads tell of.
enum Event {
    Started(String),
    Finished(Box<Row>),
    Failed(String),
}

/// Grades. The calling process must have one thread.
pub fn run(request: &Request) -> Output {
    match grade(request) {
        Ok(output) => output,
        Err((text, code)) => (String::new(), text, code),
    }
}

fn grade(request: &Request) -> Result<Output, (String, u8)> {
    let lang = request.lang;
    let usage = |text: String| (text, USAGE);
    let library = Library::open(request.lessons).map_err(|error| usage(error.explain(lang)))?;
    let wanted = Wanted::new(&library, request.wanted).map_err(|error| usage(error.explain(lang)))?;
    let directory = place(request.directory, lang).map_err(usage)?;
    std::fs::create_dir_all(request.out).map_err(|error| usage(unusable(request.out, &error, lang)))?;
    let out = place(request.out, lang).map_err(usage)?;
    let lessons = request.lessons.map(|path| place(path, lang)).transpose().map_err(usage)?;
    let mut hidden: Vec<PathBuf> = [&directory, &out].into_iter().chain(&lessons).cloned().collect();
    if let Some(path) = hidden.iter().find(|path| holds_the_system(path)) {
        let path = safe(&path.to_string_lossy());
        return Err(usage(say!(
            lang,
            "{path} holds the system's programs: what is graded and the results must be hidden from the students' commands, so they need directories of their own",
            "{path} contient les programmes du système : les rendus et les résultats doivent être cachés aux commandes des étudiants, il leur faut donc des dossiers à part"
        )));
    }
    // Read here: the workers, which jails are forked from, are other programs.
    let key = request.key.map(class::read_key).transpose().map_err(|error| usage(error.explain(lang)))?;
    hidden.extend(request.key.and_then(|path| path.canonicalize().ok()));
    let submissions = Submissions::open(&directory, &out).map_err(|error| usage(unusable(&directory, &error, lang)))?;
    let shard = request.shard.unwrap_or(Shard { index: 1, of: 1 });
    let mine: Vec<usize> = (0..submissions.list.len()).filter(|place| shard.has(*place)).collect();
    let stop = AtomicBool::new(false);
    let signals = signals::taken(&signals::ENDING).map_err(|errno| (errno.to_string(), CANNOT))?;
    let loaded = Mutex::default();
    let context = Grader {
        library,
        wanted,
        submissions,
        out: out.clone(),
        formats: request.formats.to_vec(),
        key,
        named: request.named,
        lang,
        loaded,
    };
    let jobs = request.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let setups = (0..jobs.clamp(1, MOST_JOBS).min(mine.len().max(1))).map(|slot| Setup {
        lessons: lessons.clone(),
        lang,
        hidden: hidden.clone(),
        user: nobody(slot),
    });
    let setups: Vec<Setup> = setups.collect();
    let mut run = all(&context, &mine, setups.clone(), &stop, &signals);
    let again: Vec<usize> = run.rows.iter().filter(|row| died(row)).map(|row| row.index).collect();
    if run.signal.is_none() && !again.is_empty() {
        // What killed it may be gone by now.
        run.rows.retain(|row| !died(row));
        let second = all(&context, &again, setups, &stop, &signals);
        run.rows.extend(second.rows);
        run.failed.extend(second.failed);
        run.signal = second.signal;
    }
    let listed = context.submissions.list.len();
    if let Some(signal) = run.signal {
        let (done, of) = (run.rows.len(), mine.len());
        let text = say!(
            lang,
            "Interrupted: {done} of {of} submissions are graded. The same command goes on from there.",
            "Interrompu : {done} rendus sur {of} sont corrigés. La même commande reprendra à partir de là."
        );
        return Err((text, INTERRUPTED + signal));
    }
    let others = context.submissions.others;
    let again: Vec<&str> = again.iter().map(|place| context.submissions.list[*place].name.as_str()).collect();
    finish(&Summary::new(run.rows, vec![shard], listed), &out, &run.failed, (&again, others), lang)
}

/// Whether the grader died over a lesson of it.
fn died(row: &Row) -> bool {
    row.lessons.iter().any(|line| line.state == State::Died)
}

/// What the threads came to.
struct Run {
    rows: Vec<Row>,
    failed: Vec<String>,
    signal: Option<u8>,
}

/// Grades these submissions, a thread and a worker for each setup.
fn all(context: &Grader, mine: &[usize], setups: Vec<Setup>, stop: &AtomicBool, signals: &SignalFd) -> Run {
    let next = AtomicUsize::new(0);
    let (send, events) = mpsc::channel();
    let mut progress = Progress::new(mine.len(), context.lang);
    let mut run = Run { rows: Vec::new(), failed: Vec::new(), signal: None };
    std::thread::scope(|scope| {
        for setup in setups {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                let mut pool = Pool::new(setup, stop);
                while let Some(place) =
                    mine.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stop.load(Ordering::Relaxed))
                {
                    let name = &context.submissions.list[*place].name;
                    let _ = send.send(Event::Started(name.clone()));
                    let told = match context.grade(*place, &mut pool) {
                        Ok(Some(graded)) => Event::Finished(Box::new(Row::new(*place, &graded, context.lang))),
                        Ok(None) => return,
                        Err(error) => Event::Failed(format!("{name}: {error}")),
                    };
                    // Who listens is there until the last has told.
                    let _ = send.send(told);
                }
            });
        }
        drop(send);
        loop {
            match events.recv_timeout(TICK) {
                Ok(Event::Started(name)) => progress.started(name),
                Ok(Event::Finished(row)) => {
                    progress.finished(&row);
                    run.rows.push(*row);
                }
                Ok(Event::Failed(text)) => run.failed.push(text),
                Err(RecvTimeoutError::Timeout) => progress.draw(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Ok(Some(signal)) = signals.read_signal() {
                run.signal = Some(signal.ssi_signo as u8);
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    progress.clear();
    run
}

/// Writes the summary, and says it, with who was tried again and how many files are none.
fn finish(
    summary: &Summary,
    out: &Path,
    failed: &[String],
    (again, others): (&[&str], usize),
    lang: Lang,
) -> Result<Output, (String, u8)> {
    let mut errors = failed.iter().fold(String::new(), |text, one| text + one + "\n");
    if !again.is_empty() {
        let names = again.join(", ");
        let text = say!(
            lang,
            "Graded once more, since the grader had died in their jail: {names}.",
            "Corrigés une seconde fois, le correcteur étant mort dans leur enceinte : {names}."
        );
        let _ = writeln!(errors, "{text}");
    }
    if others > 0 {
        let text = say!(
            lang,
            "Left out, since they are not called NAME.toml: {others} of the files.",
            "Laissés de côté, car ils ne s'appellent pas NOM.toml : {others} des fichiers."
        );
        let _ = writeln!(errors, "{text}");
    }
    write_summary(summary, out).map_err(|error| (unusable(out, &error, lang), CANNOT))?;
    let mut states = summary.submissions.iter().flat_map(|row| &row.lessons).map(|line| line.state).peekable();
    let in_vain = states.peek().is_some() && states.all(|state| matches!(state, State::Cannot | State::Died));
    let code = if in_vain || !failed.is_empty() { CANNOT } else { DONE };
    Ok((summary.table(lang), errors, code))
}

/// Writes both forms of a summary.
fn write_summary(summary: &Summary, out: &Path) -> std::io::Result<()> {
    results::tidy(out);
    whole::write(&out.join("summary.csv"), summary.csv().as_bytes())?;
    whole::write(&out.join("summary.json"), summary.json().as_bytes())
}

/// A directory by its own path, without links.
fn place(path: &Path, lang: Lang) -> Result<PathBuf, String> {
    let found = path.canonicalize().map_err(|error| unusable(path, &error, lang))?;
    if found.is_dir() {
        return Ok(found);
    }
    Err(unusable(path, &std::io::Error::from_raw_os_error(libc::ENOTDIR), lang))
}

fn unusable(path: &Path, error: &std::io::Error, lang: Lang) -> String {
    let path = safe(&path.to_string_lossy());
    say!(lang, "{path}: {error}", "{path} : {error}")
}

/// Whether what students' commands need is in there.
fn holds_the_system(path: &Path) -> bool {
    let needed = PATH.split(':').chain(["/etc", "/lib", "/usr/lib", "/dev", "/proc", "/sys"]);
    needed.map(Path::new).any(|needed| {
        let real = needed.canonicalize();
        needed.starts_with(path) || real.is_ok_and(|real| real.starts_with(path))
    })
}

/// SHA-256 of these, each with its length before it, in hexadecimal.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
