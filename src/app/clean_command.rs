//! `cloison clean`: removes what killed runs of this user left.

use super::lesson_commands::Output;
use crate::i18n::{Explain, Lang};
use crate::lab::client::sweep_leftovers;
use crate::say;

/// Sweeps and says what was found. Exit code 1 where something could not be removed.
pub fn run(lang: Lang) -> Output {
    let swept = sweep_leftovers(None);
    let (labs, processes) = (swept.labs.len(), swept.processes);
    let stdout = if labs == 0 && swept.left.is_empty() {
        say!(lang, "Nothing was left behind.\n", "Rien ne restait.\n")
    } else {
        say!(
            lang,
            "Labs removed: {labs}. Processes ended: {processes}.\n",
            "Laboratoires retirés : {labs}. Processus terminés : {processes}.\n"
        )
    };
    let mut stderr = String::new();
    for (what, errno) in &swept.left {
        let errno = errno.explain(lang);
        stderr.push_str(&say!(
            lang,
            "{what} could not be removed: {errno}\n",
            "{what} n'a pas pu être retiré : {errno}\n"
        ));
    }
    (stdout, stderr, u8::from(!swept.left.is_empty()))
}
