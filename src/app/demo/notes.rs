//! `cloison notes`: the presenter's console, in a terminal of its own, beside a
//! demonstration of the same user. One thread: it waits for keys, the wall and signals.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyEventKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::link;
use crate::app::signals;
use crate::demo::console::{Answer, Console};
use crate::demo::wire::Outlook;
use crate::i18n::{Explain, Lang};
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::terminal::{Settings, duplicate_stdin};
use crate::lab::{Lab, Options};
use crate::say;
use crate::ui::Theme;
use crate::ui::terminal::{self, Terminal};

/// What crossterm is given to look.
const GLANCE: Duration = Duration::from_millis(5);
/// How long the wall may take to take an order.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there are no notes.
#[derive(Debug)]
pub enum Refused {
    /// This user shows nothing now.
    NoDemo,
    /// Not that one.
    NotThere(u32, io::Error),
}

impl Explain for Refused {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoDemo => say!(
                lang,
                "No demonstration of yours runs on this machine. Start one in another terminal: cloison demo LESSON",
                "Aucune démonstration à vous ne tourne sur cette machine. Lancez-en une dans un autre terminal : cloison demo LEÇON"
            ),
            Self::NotThere(pid, error) => say!(
                lang,
                "The demonstration {pid} can't be reached: {error}.",
                "La démonstration {pid} est injoignable : {error}."
            ),
        }
    }
}

/// Finds the demonstration: that of a PID, or the one that began last.
pub fn find(pid: Option<u32>) -> Result<Connection, Refused> {
    let pid = pid.or_else(|| link::demonstrations().pop()).ok_or(Refused::NoDemo)?;
    link::connect(pid).map_err(|error| Refused::NotThere(pid, error))
}

/// Shows the notes until they are left or the demonstration ends; whether it has.
pub fn notes(mut wall: Connection, lang: Lang, theme: Theme) -> anyhow::Result<bool> {
    let signals = signals::taken(&[&signals::ENDING[..], &[Signal::SIGQUIT, Signal::SIGWINCH]].concat())?;
    // A keeper without a lab: it puts the terminal back should this program be killed.
    let settings = duplicate_stdin().and_then(|fd| Settings::of(&fd).ok().map(|settings| (fd, settings)));
    let _guard = Lab::start(Options { terminal: settings, ..Options::default() }).ok();
    terminal::set_mouse(false)?;
    let mut terminal = Terminal::take()?;
    let mut console = Console::new(theme, lang, Instant::now());
    loop {
        let now = Instant::now();
        terminal.screen.draw(|frame| console.render(frame, now))?;
        let left = console.deadline(now).saturating_duration_since(now);
        let stdin = io::stdin();
        let mut watched = [stdin.as_fd(), wall.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let timeout = PollTimeout::try_from(left.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let hung_up = watched[0].revents().is_some_and(|now| now.intersects(gone));
        let [keys, told, signalled] = watched.map(|one| one.any().unwrap_or(false));
        if signalled && signals.read_signal()?.is_none_or(|info| info.ssi_signo != Signal::SIGWINCH as u32) || hung_up {
            return Ok(false);
        }
        if signalled {
            terminal.forget()?;
        }
        if told && !hear(&mut wall, &mut console)? {
            return Ok(true);
        }
        while keys && crossterm::event::poll(GLANCE)? {
            let Input::Key(key) = crossterm::event::read()? else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match console.key(key) {
                Answer::Draw => {}
                Answer::Leave => return Ok(false),
                Answer::Tell(order) => {
                    let bytes = postcard::to_stdvec(&order)?;
                    if wall.send(&bytes, &[], PATIENCE).is_err() {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

/// Takes what the wall has said; whether it is still there.
fn hear(wall: &mut Connection, console: &mut Console) -> anyhow::Result<bool> {
    wall.fill()?;
    loop {
        match wall.next_frame() {
            Ok(Some(bytes)) => console.hear(postcard::from_bytes::<Outlook>(&bytes)?, Instant::now()),
            Ok(None) => return Ok(true),
            Err(FrameError::Closed) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}
