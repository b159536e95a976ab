//! `cloison demo --record`: what goes to the terminal, written to a file as it goes.
//!
//! ```text
//! drawing ─ bytes, sizes, markers ─▶ backlog ─▶ record (thread) ─ a line each ─▶ FILE
//! ```
//!
//! The drawing never waits: what the file can't take within [`BACKLOG`] ends the recording,
//! and so does an error. What was written until then plays.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigSet, Signal};

use crate::demo::cast::{Head, Writer};
use crate::i18n::{Explain, Lang};
use crate::lesson::diagnostic::printable;
use crate::say;
use crate::ui::event::Event;
use crate::ui::terminal::{self, Shown, Witness};

/// So many bytes may wait for the file.
const BACKLOG: usize = 16 << 20;
/// How long the file may take for the rest, once the demonstration has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing can be recorded there.
#[derive(Debug)]
pub enum Refused {
    /// A file is there.
    Exists(PathBuf),
    /// What is there is no regular file.
    NoFile(PathBuf),
    /// It can't be written.
    Io(PathBuf, io::Error),
}

impl Explain for Refused {
    fn explain(&self, lang: Lang) -> String {
        let (Self::Exists(path) | Self::NoFile(path) | Self::Io(path, _)) = self;
        let path = printable(&path.to_string_lossy());
        match self {
            Self::Exists(_) => say!(
                lang,
                "{path} is there already. Name another file for the recording, or replace it with --overwrite.",
                "{path} existe déjà. Indiquez un autre fichier pour l'enregistrement, ou remplacez-le avec --overwrite."
            ),
            Self::NoFile(_) => say!(
                lang,
                "{path} is no regular file: a recording can't go there. Name a file.",
                "{path} n'est pas un fichier ordinaire : un enregistrement ne peut pas y aller. Indiquez un fichier."
            ),
            Self::Io(_, error) => say!(
                lang,
                "The recording can't be written to {path}: {error}. Name a file in a directory that you may write to.",
                "L'enregistrement ne peut pas être écrit dans {path} : {error}. Indiquez un fichier dans un dossier où vous pouvez écrire."
            ),
        }
    }
}

/// Makes the file.
fn create(path: &Path, overwrite: bool) -> Result<File, Refused> {
    let mut options = File::options();
    // A pipe without a reader is refused, not waited for.
    options.write(true).custom_flags(libc::O_NONBLOCK);
    if overwrite {
        options.create(true);
    } else {
        options.create_new(true);
    }
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Refused::Exists(path.to_owned()),
        _ if path.metadata().is_ok_and(|found| !found.is_file()) => Refused::NoFile(path.to_owned()),
        _ => Refused::Io(path.to_owned(), error),
    };
    let file = options.open(path).map_err(refused)?;
    let found = file.metadata().map_err(refused)?;
    if !found.is_file() {
        return Err(Refused::NoFile(path.to_owned()));
    }
    file.set_len(0).map_err(refused)?;
    Ok(file)
}

/// A recording that is being made.
#[derive(Clone)]
pub struct Recorder {
    started: Instant,
    backlog: Arc<Backlog>,
}

struct Backlog {
    path: PathBuf,
    inner: Mutex<Inner>,
    news: Condvar,
}

#[derive(Default)]
struct Inner {
    waiting: Vec<(Duration, Item)>,
    bytes: usize,
    /// Nothing more is taken.
    closed: bool,
    /// Why not all of it is in the file, for a person: English, French.
    trouble: Option<[String; 2]>,
    /// Whether the thread has written all that it could.
    done: bool,
}

enum Item {
    Output(Vec<u8>),
    Size(u16, u16),
    Marker(String),
    Exit,
}

impl Backlog {
    /// Takes nothing more, for this reason.
    fn fail(&self, inner: &mut Inner, why: &[String; 2]) {
        let (path, [en, fr]) = (printable(&self.path.to_string_lossy()), why);
        let text = |lang| {
            say!(
                lang,
                "The recording {path} has ended before the demonstration: {en}. What is in it can be played.",
                "L'enregistrement {path} s'est arrêté avant la démonstration : {fr}. Ce qu'il contient peut être rejoué."
            )
        };
        inner.trouble.get_or_insert_with(|| Lang::ALL.map(text));
        inner.closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_slow() -> [String; 2] {
    ["the file can't be written fast enough", "le fichier ne s'écrit pas assez vite"].map(str::to_owned)
}

/// The file of a recording, before its thread runs.
pub struct Tape {
    file: File,
    /// The bytes of the lines that are whole.
    length: u64,
    writer: Writer,
    backlog: Arc<Backlog>,
}

/// Begins to record this program's terminal: the file is made, and has its header.
/// `overwrite`: one that is there already goes.
pub fn begin(path: &Path, overwrite: bool, title: String) -> Result<(Recorder, Tape), Refused> {
    let size = crossterm::terminal::size().map_err(|error| Refused::Io(path.to_owned(), error))?;
    let file = create(path, overwrite)?;
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let term = std::env::var("TERM").ok();
    let head = Head { size, term, started, title }.line();
    let inner = Mutex::default();
    let backlog = Arc::new(Backlog { path: path.to_owned(), inner, news: Condvar::new() });
    let tape = Tape { file, length: head.len() as u64, writer: Writer::default(), backlog: Arc::clone(&backlog) };
    tape.file.write_all_at(head.as_bytes(), 0).map_err(|error| Refused::Io(path.to_owned(), error))?;
    let recorder = Recorder { started: Instant::now(), backlog };
    terminal::witness(recorder.witness(size));
    Ok((recorder, tape))
}

impl Recorder {
    /// Whom the terminal shows what goes to it. `size`: the header's.
    fn witness(&self, size: (u16, u16)) -> Witness {
        let (recorder, mut told) = (self.clone(), size);
        Box::new(move |shown| match shown {
            Shown::Bytes(bytes) => recorder.push(Item::Output(bytes.to_vec()), bytes.len()),
            Shown::Size(cols, rows) if told != (cols, rows) => {
                told = (cols, rows);
                recorder.push(Item::Size(cols, rows), 0);
            }
            Shown::Size(..) => {}
        })
    }

    /// A place to come back to.
    pub fn marker(&self, name: String) {
        let bytes = name.len();
        self.push(Item::Marker(name), bytes);
    }

    fn push(&self, item: Item, bytes: usize) {
        let mut inner = self.backlog.lock();
        if inner.closed {
            return;
        }
        inner.bytes += bytes;
        if inner.bytes > BACKLOG {
            self.backlog.fail(&mut inner, &too_slow());
        } else {
            inner.waiting.push((self.started.elapsed(), item));
        }
        drop(inner);
        self.backlog.news.notify_all();
    }

    /// The demonstration has ended: waits for the file to be whole, a moment. What there
    /// is to say where it isn't.
    pub fn end(&self) -> Option<[String; 2]> {
        self.push(Item::Exit, 0);
        let mut inner = self.backlog.lock();
        inner.closed = true;
        self.backlog.news.notify_all();
        let deadline = Instant::now() + PATIENCE;
        while !inner.done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.backlog.fail(&mut inner, &too_slow());
                break;
            }
            inner = self.backlog.news.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.trouble.clone()
    }
}

impl Tape {
    /// Begins to write; trouble is told to the screen. The thread ends with the recording,
    /// and with the program where the file takes nothing.
    pub fn start(self, events: SyncSender<Event>) {
        let backlog = Arc::clone(&self.backlog);
        if let Err(error) = Builder::new().name("record".into()).spawn(move || self.serve(&events)) {
            let mut inner = backlog.lock();
            backlog.fail(&mut inner, &[error.to_string(), error.to_string()]);
            inner.done = true;
        }
    }

    fn serve(mut self, events: &SyncSender<Event>) {
        // Beyond RLIMIT_FSIZE there is an error, too, where the signal does not end the program.
        let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
        let backlog = Arc::clone(&self.backlog);
        loop {
            let mut inner = backlog.lock();
            while inner.waiting.is_empty() && !inner.closed {
                inner = backlog.news.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            let waiting = std::mem::take(&mut inner.waiting);
            inner.bytes = 0;
            let last = waiting.is_empty();
            drop(inner);
            let written = waiting.into_iter().try_for_each(|(at, item)| self.write(at, item));
            if !last && written.is_ok() {
                continue;
            }
            // What is whole stays; who reads it needs no more than that.
            let _ = self.file.set_len(self.length);
            let mut inner = backlog.lock();
            if let Err(error) = written {
                backlog.fail(&mut inner, &[error.to_string(), error.to_string()]);
            }
            (inner.done, inner.waiting) = (true, Vec::new());
            let trouble = inner.trouble.clone();
            drop(inner);
            backlog.news.notify_all();
            if let Some(trouble) = trouble {
                // The screen may have ended.
                let _ = events.send(Event::Unrecorded(trouble));
            }
            return;
        }
    }

    fn write(&mut self, at: Duration, item: Item) -> io::Result<()> {
        let lines = match item {
            Item::Output(bytes) => self.writer.output(at, &bytes),
            Item::Size(cols, rows) => vec![self.writer.resized(at, cols, rows)],
            Item::Marker(name) => vec![self.writer.marker(at, &name)],
            Item::Exit => vec![self.writer.exit(at, 0)],
        };
        lines.iter().try_for_each(|line| self.line(line))
    }

    /// A write may be cut by SIGKILL or a full disk. So a line is a comment first, and
    /// becomes an event by its first byte when all of it is there.
    fn line(&mut self, line: &str) -> io::Result<()> {
        let mut comment = line.as_bytes().to_vec();
        if let Some(first) = comment.first_mut() {
            *first = b'#';
        }
        self.file.write_all_at(&comment, self.length)?;
        self.file.write_all_at(&line.as_bytes()[..1], self.length)?;
        self.length += line.len() as u64;
        Ok(())
    }
}
