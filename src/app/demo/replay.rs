//! `cloison replay`: a recording in the terminal. One thread: it waits for keys, signals and
//! the recording's next moment.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyEventKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::app::signals;
use crate::demo::cast::{self, CastError, Recording};
use crate::demo::player::{Answer, Player};
use crate::i18n::Lang;
use crate::kernel::terminal::{Settings, duplicate_stdin};
use crate::lab::{Lab, Options};
use crate::ui::Theme;
use crate::ui::terminal::{self, Terminal};

/// What crossterm is given to look.
const GLANCE: Duration = Duration::from_millis(5);

/// How often it is drawn while the picture is still on its way to where it should be.
const GLIMPSE: Duration = Duration::from_millis(100);

/// Reads a recording.
pub fn load(path: &Path) -> Result<Recording, CastError> {
    cast::read(File::open(path)?)
}

/// Plays a recording until it is left. `idle`: no wait is longer; `speed` in per cent.
pub fn replay(
    recording: Recording,
    idle: Option<Duration>,
    speed: u32,
    lang: Lang,
    theme: Theme,
) -> anyhow::Result<()> {
    let recording = match idle {
        Some(idle) => recording.without_idle(idle),
        None => recording,
    };
    let signals = signals::taken(&[&signals::ENDING[..], &[Signal::SIGQUIT, Signal::SIGWINCH]].concat())?;
    // A keeper without a lab: it puts the terminal back should this program be killed.
    let settings = duplicate_stdin().and_then(|fd| Settings::of(&fd).ok().map(|settings| (fd, settings)));
    let _guard = Lab::start(Options { terminal: settings, ..Options::default() }).ok();
    terminal::set_mouse(false)?;
    let mut terminal = Terminal::take()?;
    let made = recording.made.map(crate::observe::date);
    let mut player = Player::new(recording, made, speed, lang, theme, Instant::now());
    let mut drawn = None;
    loop {
        player.tick(Instant::now());
        let now = Instant::now();
        if !player.behind() || drawn.is_none_or(|drawn| now.duration_since(drawn) >= GLIMPSE) {
            terminal.screen.draw(|frame| player.render(frame))?;
            drawn = Some(now);
        }
        let wait = player.deadline().map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = match wait {
            Some(Duration::ZERO) => PollTimeout::ZERO,
            Some(wait) => PollTimeout::try_from(wait.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX),
            None => PollTimeout::NONE,
        };
        let stdin = io::stdin();
        let mut watched = [stdin.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let hung_up = watched[0].revents().is_some_and(|now| now.intersects(gone));
        let [keys, signalled] = watched.map(|one| one.any().unwrap_or(false));
        if signalled && signals.read_signal()?.is_none_or(|info| info.ssi_signo != Signal::SIGWINCH as u32) || hung_up {
            return Ok(());
        }
        if signalled {
            terminal.forget()?;
        }
        while keys && crossterm::event::poll(GLANCE)? {
            let Input::Key(key) = crossterm::event::read()? else { continue };
            if key.kind != KeyEventKind::Release && player.key(key, Instant::now()) == Answer::Leave {
                return Ok(());
            }
        }
    }
}
