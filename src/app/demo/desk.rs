//! A terminal beside the wall's: the notes', a follower's, a replay's. Taken, with a keeper
//! that puts it back should this program be killed, and waited at together with what else
//! its user waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crossterm::event::{Event as Input, KeyEvent, KeyEventKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::app::signals;
use crate::kernel::terminal::{Settings, duplicate_stdin};
use crate::lab::{Lab, Options};
use crate::ui::terminal::{self, Terminal};

/// What crossterm is given to look.
const GLANCE: Duration = Duration::from_millis(5);

/// The terminal.
pub struct Desk {
    /// What is drawn on.
    pub terminal: Terminal,
    signals: SignalFd,
    /// A keeper without a lab.
    _guard: Option<Lab>,
}

/// What ended a wait.
pub struct Woken {
    /// The terminal is gone, or a signal ends the program.
    pub leave: bool,
    /// There are keys.
    pub keys: bool,
    /// Each of the others: whether anything happened there.
    pub others: Vec<bool>,
}

impl Desk {
    /// Takes the terminal. The calling process must have one thread.
    pub fn take() -> anyhow::Result<Self> {
        let signals = signals::taken(&[&signals::ENDING[..], &[Signal::SIGQUIT, Signal::SIGWINCH]].concat())?;
        let settings = duplicate_stdin().and_then(|fd| Settings::of(&fd).ok().map(|settings| (fd, settings)));
        let guard = Lab::start(Options { terminal: settings, ..Options::default() }).ok();
        terminal::set_mouse(false)?;
        Ok(Self { terminal: Terminal::take()?, signals, _guard: guard })
    }

    /// Waits for keys, signals, these others, or no longer than this. A terminal of another
    /// size is drawn on anew.
    pub fn wait(&mut self, others: &[(BorrowedFd<'_>, PollFlags)], timeout: PollTimeout) -> anyhow::Result<Woken> {
        let stdin = io::stdin();
        let own = [stdin.as_fd(), self.signals.as_fd()].map(|fd| (fd, PollFlags::POLLIN));
        let mut watched: Vec<PollFd> =
            own.into_iter().chain(others.iter().copied()).map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let hung_up = watched[0].revents().is_some_and(|now| now.intersects(gone));
        let any: Vec<bool> = watched.iter().map(|one| one.any().unwrap_or(false)).collect();
        drop(watched);
        let ends = any[1] && self.signals.read_signal()?.is_none_or(|info| info.ssi_signo != Signal::SIGWINCH as u32);
        let leave = ends || hung_up;
        if any[1] && !leave {
            self.terminal.forget()?;
        }
        Ok(Woken { leave, keys: any[0], others: any[2..].to_vec() })
    }

    /// The next key that was pressed, if there is one.
    pub fn key() -> io::Result<Option<KeyEvent>> {
        while crossterm::event::poll(GLANCE)? {
            if let Input::Key(key) = crossterm::event::read()?
                && key.kind != KeyEventKind::Release
            {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

/// As poll(2) is told to wait: not before `left` is over.
pub fn no_longer_than(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX)
}
