//! `cloison follow`: a demonstration in a student's own terminal. One thread: it waits for
//! keys, the wall, signals, and for when it is time to try again.

mod address;
mod connection;
mod trouble;

use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use ratatui::layout::Size;

pub use address::Target;
pub use trouble::Trouble;

use super::desk::{Desk, no_longer_than};
use crate::demo::follow::reader::{Answer, Reader, State};
use crate::demo::follow::wire::{Refusal, Texts, Word};
use crate::i18n::Lang;
use crate::say;
use crate::ui::Theme;
use connection::Connection;

/// No more often than this is drawn what a wall says without end.
const FRAME: Duration = Duration::from_millis(30);
/// Between two tries, at first and at most.
const SOON: Duration = Duration::from_millis(500);
const SELDOM: Duration = Duration::from_secs(5);
/// A wall that is gone is looked for so long; so often where nobody listens any more.
const LOOKED_FOR: Duration = Duration::from_secs(60);
const CLOSED: u32 = 3;

/// Finds the wall; with a code, asks whether it lets one in.
pub fn find(address: Option<&str>, code: Option<&str>) -> Result<Target, Trouble> {
    let target = connection::probe(&address::targets(address)?)?;
    if let Some(code) = code {
        connection::try_code(target, code)?;
    }
    Ok(target)
}

/// Follows until it is left.
pub fn follow(target: Target, code: Option<String>, lang: Lang, theme: Theme) -> anyhow::Result<()> {
    let mut desk = Desk::take()?;
    let size = desk.terminal.screen.size()?;
    let state = if code.is_some() { State::Joining } else { State::Asking(String::new(), None) };
    let mut follower = Follower {
        target,
        code,
        connection: None,
        reader: Reader::new(theme, lang, Size::new(size.width, size.height), state),
        lost: None,
    };
    follower.join(Instant::now());
    let mut drawn: Option<Instant> = None;
    loop {
        let size = desk.terminal.screen.size()?;
        let due = drawn.map_or_else(Instant::now, |drawn| drawn + FRAME);
        let draws = Instant::now() >= due;
        if draws {
            follower.reader.lay_out(Size::new(size.width, size.height));
            desk.terminal.screen.draw(|frame| follower.reader.render(frame))?;
            drawn = Some(Instant::now());
        }
        let wall = follower.connection.as_ref().map(|wall| (wall.fd(), wall.wants()));
        let wall: Vec<_> = wall.into_iter().collect();
        let timeout = follower.due((!draws).then_some(due)).map_or(PollTimeout::NONE, no_longer_than);
        let woken = desk.wait(&wall, timeout)?;
        if woken.leave {
            return Ok(());
        }
        follower.go_on(Instant::now());
        if woken.keys {
            // A key is answered at once.
            drawn = None;
        }
        while woken.keys
            && let Some(key) = Desk::key()?
        {
            match follower.reader.key(key) {
                Answer::Draw => {}
                Answer::Leave => return Ok(()),
                Answer::Join(typed) => {
                    follower.code = Some(typed);
                    follower.reader.set_state(State::Joining);
                    follower.join(Instant::now());
                }
            }
        }
    }
}

/// A follower, and the way to the wall.
struct Follower {
    target: Target,
    /// What was typed, once it was.
    code: Option<String>,
    connection: Option<Connection>,
    reader: Reader,
    lost: Option<Lost>,
}

/// The wall is gone, and looked for.
struct Lost {
    since: Instant,
    next: Instant,
    pause: Duration,
    /// How often nobody listened, one after the other.
    closed: u32,
}

impl Follower {
    /// Connects, where there is a code to go in with.
    fn join(&mut self, now: Instant) {
        let Some(code) = &self.code else { return };
        match Connection::begin(self.target, Some(code), now) {
            Ok(connection) => self.connection = Some(connection),
            Err(trouble) => self.trouble(&trouble, now),
        }
    }

    /// Does what can be done now.
    fn go_on(&mut self, now: Instant) {
        if self.lost.as_ref().is_some_and(|lost| lost.next <= now) && self.connection.is_none() {
            self.join(now);
        }
        let Some(connection) = &mut self.connection else { return };
        let (reader, lost, mut ended) = (&mut self.reader, &mut self.lost, false);
        let stranger = connection.stranger();
        let went = connection.go_on(now, &mut |word| match word {
            Word::Refused(why) => Err(Trouble::Refused(why)),
            Word::Ended => {
                ended = true;
                Ok(())
            }
            word => {
                if !reader.hear(word) {
                    return Err(stranger.clone());
                }
                *lost = None;
                reader.set_state(State::Following);
                Ok(())
            }
        });
        if ended {
            self.end(Lang::ALL.map(ended_text));
        } else if let Err(trouble) = went {
            self.connection = None;
            self.trouble(&trouble, now);
        }
    }

    /// It is over; the text stays.
    fn end(&mut self, why: Texts) {
        (self.connection, self.lost, self.code) = (None, None, None);
        self.reader.set_state(State::Ended(why));
    }

    fn trouble(&mut self, trouble: &Trouble, now: Instant) {
        match trouble {
            // Another demonstration, perhaps, at the same place.
            Trouble::Refused(Refusal::Code) => {
                (self.code, self.lost) = (None, None);
                self.reader.set_state(State::Asking(String::new(), Some(trouble.texts())));
            }
            Trouble::Version(_) | Trouble::Stranger(_) => self.end(trouble.texts()),
            _ => self.again(trouble, now),
        }
    }

    /// Tries again, later and later, and not for ever.
    fn again(&mut self, trouble: &Trouble, now: Instant) {
        let nobody = match trouble {
            Trouble::Failed(_, errno) => errno.0 == libc::ECONNREFUSED,
            Trouble::NoneHere(_) => true,
            _ => false,
        };
        let (since, pause, closed) =
            self.lost.as_ref().map_or((now, SOON, 0), |lost| (lost.since, (lost.pause * 2).min(SELDOM), lost.closed));
        let closed = if nobody { closed + 1 } else { 0 };
        if closed >= CLOSED || now.duration_since(since) >= LOOKED_FOR {
            return self.end(Lang::ALL.map(gone_text));
        }
        let pause = match trouble {
            Trouble::Refused(Refusal::Later(seconds)) => Duration::from_secs(u64::from(*seconds).min(60)),
            _ => pause,
        };
        self.lost = Some(Lost { since, next: now + pause, pause, closed });
        self.reader.set_state(State::Lost(trouble.texts()));
    }

    /// How long there is nothing to do but for the wall and the keys; nothing: for ever.
    fn due(&self, until: Option<Instant>) -> Option<Duration> {
        let due = self.connection.as_ref().map(Connection::deadline);
        let next = self.lost.as_ref().filter(|_| self.connection.is_none()).map(|lost| lost.next);
        let due = due.into_iter().chain(next).chain(until).min();
        due.map(|due| due.saturating_duration_since(Instant::now()))
    }
}

fn ended_text(lang: Lang) -> String {
    say!(
        lang,
        "The demonstration has ended. The text stays until you leave (q).",
        "La démonstration est terminée. Le texte reste jusqu'à ce que vous quittiez (q)."
    )
}

fn gone_text(lang: Lang) -> String {
    say!(
        lang,
        "The wall is gone. The text stays until you leave (q).",
        "L'écran de la salle a disparu. Le texte reste jusqu'à ce que vous quittiez (q)."
    )
}
