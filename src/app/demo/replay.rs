//! `cloison replay`: a recording in the terminal. One thread: it waits for keys, signals and
//! the recording's next moment.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;

use super::desk::{Desk, no_longer_than};
use crate::demo::cast::{self, CastError, Recording};
use crate::demo::player::{Answer, Player};
use crate::i18n::Lang;
use crate::ui::Theme;

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
    let mut desk = Desk::take()?;
    let made = recording.made.map(crate::observe::date);
    let mut player = Player::new(recording, made, speed, lang, theme, Instant::now());
    let mut drawn = None;
    loop {
        player.tick(Instant::now());
        let now = Instant::now();
        if !player.behind() || drawn.is_none_or(|drawn| now.duration_since(drawn) >= GLIMPSE) {
            desk.terminal.screen.draw(|frame| player.render(frame))?;
            drawn = Some(now);
        }
        let wait = player.deadline().map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = match wait {
            Some(Duration::ZERO) => PollTimeout::ZERO,
            Some(wait) => no_longer_than(wait),
            None => PollTimeout::NONE,
        };
        let woken = desk.wait(&[], timeout)?;
        if woken.leave {
            return Ok(());
        }
        while woken.keys
            && let Some(key) = Desk::key()?
        {
            if player.key(key, Instant::now()) == Answer::Leave {
                return Ok(());
            }
        }
    }
}
