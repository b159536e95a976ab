//! `cloison inspect [PID]`: a process of this machine beside the host, or the list of
//! all that are apart from it; on the screen, as lines or as JSON. Called by the
//! command line; changes nothing on the machine.

mod look;
mod screen;

use std::io::IsTerminal as _;

use super::lesson_commands::Output;
use crate::i18n::{Explain, Lang};
use crate::observe::Sampler;
use crate::plain::{self, Paper};
use crate::say;
use crate::term::safe;
use look::{Look, Observer};
pub use screen::screen;

/// Shown.
const FINE: u8 = 0;
/// No such process, or none that can be inspected.
const NOBODY: u8 = 1;
/// There is no /proc to read.
const USAGE: u8 = 2;

/// One process, once: as JSON in the form of [`crate::observe::Snapshot`], where the
/// process is the only actor, by the name of its PID; or as lines.
pub fn process(pid: u32, json: bool, lang: Lang, color: bool) -> Output {
    let mut look = match Look::at(pid) {
        Ok(look) => look,
        Err(error) => return (String::new(), error.explain(lang), error.code()),
    };
    let snapshot = look.snapshot(&mut Observer::new(None));
    if json {
        return as_json(&snapshot, lang);
    }
    let container = look.container();
    lines(lang, color, |paper| plain::inspect::process(paper, &snapshot, &pid.to_string(), container.as_ref()))
}

/// Why a process can't be inspected, before a screen is taken for it: the text and the
/// exit code.
pub fn refused(pid: u32, lang: Lang) -> Option<(String, u8)> {
    Look::at(pid).err().map(|error| (error.explain(lang), error.code()))
}

/// All that are apart from the host, once.
pub fn list(json: bool, lang: Lang, color: bool) -> Output {
    match Sampler::new().and_then(|mut sampler| sampler.take_census()) {
        Ok(census) if json => as_json(&census, lang),
        Ok(census) => lines(lang, color, |paper| plain::inspect::census(paper, &census)),
        Err(why) => (String::new(), look::LookError::NoProc(why).explain(lang), USAGE),
    }
}

fn as_json(value: &impl serde::Serialize, lang: Lang) -> Output {
    match serde_json::to_string_pretty(value) {
        Ok(text) => (safe::json(&text) + "\n", String::new(), FINE),
        Err(error) => {
            let text = say!(lang, "failed to write JSON: {error}", "impossible d'écrire le JSON : {error}");
            (String::new(), text, USAGE)
        }
    }
}

fn lines(lang: Lang, color: bool, write: impl FnOnce(&mut Paper<'_>)) -> Output {
    let mut text = Vec::new();
    // A file or a pipe keeps lines whole.
    let wide = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let wide = wide.unwrap_or(if std::io::stdout().is_terminal() { 100 } else { usize::MAX });
    write(&mut Paper::new(&mut text, wide, color, lang));
    (String::from_utf8_lossy(&text).into_owned(), String::new(), FINE)
}
