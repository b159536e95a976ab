//! `cloison notes`: the presenter's console, in a terminal of its own, beside a
//! demonstration of the same user. One thread: it waits for keys, the wall and signals.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::desk::{Desk, no_longer_than};
use super::link;
use crate::demo::console::{Answer, Console};
use crate::demo::wire::Outlook;
use crate::i18n::{Explain, Lang};
use crate::kernel::socket::{Connection, FrameError};
use crate::say;
use crate::ui::Theme;

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
    let mut desk = Desk::take()?;
    let mut console = Console::new(theme, lang, Instant::now());
    loop {
        let now = Instant::now();
        desk.terminal.screen.draw(|frame| console.render(frame, now))?;
        let left = console.deadline(now).saturating_duration_since(now);
        let woken = desk.wait(&[(wall.as_fd(), PollFlags::POLLIN)], no_longer_than(left))?;
        if woken.leave {
            return Ok(false);
        }
        if woken.others[0] && !hear(&mut wall, &mut console)? {
            return Ok(true);
        }
        while woken.keys
            && let Some(key) = Desk::key()?
        {
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
