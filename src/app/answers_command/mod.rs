//! `cloison answers …`: a student's work and whose it is. Each command gives what to
//! print and the exit code: 0 done, 1 what was looked at is wrong, 2 usage or a file
//! that can't be read or written. Runs nothing of what the answers say.

mod whose;

use super::lesson_commands::Output;
use crate::cli::{AnswersMode, Common};

/// All went well.
const FINE: u8 = 0;
/// Usage, or a file that can't be read or written.
const USAGE: u8 = 2;

/// Carries out one of the commands.
pub fn run(mode: &AnswersMode, common: &Common, _color: bool) -> Output {
    let lang = common.lang;
    match mode {
        AnswersMode::Key { file } => whose::key(file, lang),
        AnswersMode::Token { key, names } => whose::tokens(key, names, lang),
        AnswersMode::Join { name, token } => whose::join(name, token.as_deref(), common.state.as_deref(), lang),
    }
}

/// Refused, with the reason.
fn refuse(why: String) -> Output {
    (String::new(), why, USAGE)
}
