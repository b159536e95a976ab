//! One interactive shell on its terminal: what was typed into it, what it printed,
//! and whether it awaits a command. Called by the loop, which watches its
//! descriptor; nothing here waits.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::Opened;
use super::filter::{Filter, Piece};
use crate::term::{Integration, Told};

/// The longest line that a terminal hands on whole (MAX_CANON is less, but Linux
/// takes 4095 bytes, termios(3)).
pub const LONGEST: usize = 4_000;
/// What waits at most to be taken by a shell.
const QUEUE: usize = 256 << 10;
/// How long a new shell may take to its first prompt.
const START: Duration = Duration::from_secs(5);
/// At most so many reads before the loop looks elsewhere.
const READS: usize = 16;

/// Whom a shell waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// No prompt yet.
    Starting,
    /// For a command.
    Prompt,
    /// For the rest of a command.
    More,
    /// A command runs.
    Running,
}

/// A command that was typed and whose end has not been dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Its lines.
    pub line: String,
    /// Whether the task was not passed when it was entered.
    pub before_pass: bool,
    /// Whether the session knows it.
    pub told: bool,
    /// Whether its step was left meanwhile: what is said of it belongs to no task.
    pub left: bool,
}

/// What came of reading a shell.
#[derive(Debug, Default)]
pub struct Said {
    /// What to print.
    pub lines: Vec<String>,
    /// The commands that the shell says were entered.
    pub entered: Vec<Told>,
    /// Whether its terminal is closed.
    pub closed: bool,
}

/// A shell.
#[derive(Debug)]
pub struct Shell {
    /// Its id.
    pub id: u64,
    /// The command that was typed last, until its end has been dealt with.
    pub typed: Option<Typed>,
    opened: Opened,
    filter: Filter,
    integration: Integration,
    stand: Stand,
    /// A prompt of ours has been seen: its end of a command is certain.
    marked: bool,
    /// When it last printed or was typed into.
    active: Instant,
    queue: Vec<u8>,
}

impl Shell {
    /// A shell that was just opened.
    pub fn new(opened: Opened, now: Instant) -> Self {
        // Neither can fail on a terminal of ours; without, it would only wait or echo.
        let _ = fcntl(&opened.fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        quieten(opened.fd.as_fd());
        Self {
            id: opened.id,
            typed: None,
            opened,
            filter: Filter::default(),
            integration: Integration::new(),
            stand: Stand::Starting,
            marked: false,
            active: now,
            queue: Vec::new(),
        }
    }

    /// What to watch.
    pub fn watched(&self) -> BorrowedFd<'_> {
        self.opened.fd.as_fd()
    }

    /// Whether something waits to be written.
    pub fn wants_to_write(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether it awaits the rest of a command.
    pub fn wants_more(&self) -> bool {
        self.stand == Stand::More
    }

    /// Whether it is at work. A shell without marks is, until it has been quiet.
    pub fn busy(&self, now: Instant, quiet: Duration) -> bool {
        let since = now.saturating_duration_since(self.active);
        match self.stand {
            Stand::Prompt | Stand::More => false,
            Stand::Starting => since < START,
            Stand::Running => self.marked || since < quiet,
        }
    }

    /// Whether the command typed last has ended.
    pub fn ended(&self, now: Instant, quiet: Duration) -> bool {
        self.typed.is_some() && !self.wants_more() && !self.busy(now, quiet)
    }

    /// Enters a command, or the rest of one, or (while one runs) a line of its input.
    pub fn enter(&mut self, line: &str, before_pass: bool, now: Instant) {
        match (self.stand, &mut self.typed) {
            (Stand::Running, Some(_)) if self.marked => {}
            (Stand::More, Some(typed)) => {
                typed.line.push('\n');
                typed.line.push_str(line);
            }
            _ => self.typed = Some(Typed { line: line.to_owned(), before_pass, told: false, left: false }),
        }
        self.stand = Stand::Running;
        self.active = now;
        quieten(self.opened.fd.as_fd());
        let mut bytes = Vec::with_capacity(line.len() + 1);
        for &byte in line.as_bytes() {
            // The next character as it is (VLNEXT, termios(3)).
            if byte.is_ascii_control() {
                bytes.push(0x16);
            }
            bytes.push(byte);
        }
        bytes.push(b'\n');
        self.write(&bytes);
    }

    /// Types a control character: 3 interrupts, 4 ends the input.
    pub fn control(&mut self, byte: u8) {
        self.write(&[byte]);
    }

    /// Writes what waits, as far as it is taken.
    pub fn flush(&mut self) {
        while !self.queue.is_empty() {
            match nix::unistd::write(&self.opened.fd, &self.queue) {
                Ok(count) => drop(self.queue.drain(..count)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.queue.clear(),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.queue.len() < QUEUE {
            self.queue.extend_from_slice(bytes);
        }
        self.flush();
    }

    /// Reads what is there.
    pub fn read(&mut self, now: Instant) -> Said {
        let mut said = Said::default();
        let mut buffer = [0; 16 << 10];
        for _ in 0..READS {
            match nix::unistd::read(&self.opened.fd, &mut buffer) {
                Ok(count) if count > 0 => {
                    self.active = now;
                    said.entered.extend(self.integration.output(&buffer[..count]));
                    for piece in self.filter.take(&buffer[..count]) {
                        match piece {
                            Piece::Line(line) => said.lines.push(line),
                            Piece::Prompt | Piece::More => {
                                self.marked = true;
                                self.stand = if piece == Piece::More { Stand::More } else { Stand::Prompt };
                            }
                        }
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return said,
                // EIO: the last process on the terminal is gone.
                _ => {
                    said.closed = true;
                    said.lines.extend(self.filter.rest());
                    return said;
                }
            }
        }
        said
    }

    /// What there is of a line that has not ended, once it has been quiet.
    pub fn rest(&mut self, now: Instant, quiet: Duration) -> Option<String> {
        if now.saturating_duration_since(self.active) < quiet {
            return None;
        }
        self.filter.rest()
    }
}

/// Has the terminal not repeat what is typed: it stands in the transcript already.
fn quieten(master: BorrowedFd<'_>) {
    if let Ok(mut settings) = tcgetattr(master)
        && settings.local_flags.contains(LocalFlags::ECHO)
    {
        settings.local_flags.remove(LocalFlags::ECHO);
        // The settings of a terminal that is gone matter to nobody.
        let _ = tcsetattr(master, SetArg::TCSANOW, &settings);
    }
}
