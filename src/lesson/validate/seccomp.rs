//! The operations on seccomp filters and Landlock.

use super::{Context, FEW};
use crate::lesson::diagnostic::{both, quoted};
use crate::lesson::format::{Placed, RawLandlock, RawSeccomp, Word};
use crate::lesson::op::{LandlockOp, Op, SeccompOp};

/// Answers that are no errno.
const WORDS: [&str; 5] = ["kill", "kill-thread", "trap", "log", "0"];

impl Context<'_> {
    /// One of them; some other where a mistake was reported.
    pub(super) fn seccomp(&mut self, raw: &Placed<RawSeccomp>) -> Op {
        let RawSeccomp { refuse, with, allow, otherwise, ask, answer, profile } = &**raw;
        Op::Seccomp(match (refuse, with, allow, otherwise, ask, answer, profile) {
            (Some(calls), Some(with), None, None, None, None, None) => {
                self.answer(with, &WORDS);
                SeccompOp::Refuse { calls: self.calls(calls), with: with.to_string() }
            }
            (None, None, Some(calls), Some(otherwise), None, None, None) => {
                self.answer(otherwise, &WORDS);
                SeccompOp::Allow { calls: self.calls(calls), otherwise: otherwise.to_string() }
            }
            (None, None, None, None, Some(calls), Some(answer), None) => {
                self.answer(answer, &["continue", "0"]);
                SeccompOp::Ask { calls: self.calls(calls), answer: answer.to_string() }
            }
            (None, None, None, None, None, None, Some(path)) => {
                self.path(path);
                SeccompOp::Profile { path: path.to_string() }
            }
            _ => {
                self.report(
                    raw.span(),
                    both!(
                        "a filter takes `refuse` and `with`, `allow` and `otherwise`, `ask` and `answer`, or `profile`",
                        "un filtre prend « refuse » et « with », « allow » et « otherwise », « ask » et « answer », ou « profile »"
                    ),
                );
                SeccompOp::Profile { path: String::new() }
            }
        })
    }

    /// Names of calls. That x86-64 has none of a name is a mistake; other machines lack some.
    fn calls(&mut self, names: &Placed<Vec<Word>>) -> Vec<String> {
        if names.is_empty() {
            self.report(names.span(), both!("an empty list of calls", "la liste d'appels est vide"));
        }
        self.few(names.get(FEW).map(Placed::span), FEW);
        self.no_doubles(names, Clone::clone);
        for name in names.iter().take(FEW) {
            if cfg!(target_arch = "x86_64") && name.parse::<syscalls::Sysno>().is_err() {
                let shown = quoted(name);
                self.report_with_help(
                    name.span(),
                    both!("no system call `{shown}`", "aucun appel système « {shown} »"),
                    both!(
                        "a name of syscalls(2), as strace(1) shows it",
                        "un nom de syscalls(2), tel que l'affiche strace(1)"
                    ),
                );
            }
        }
        super::words(names)
    }

    fn answer(&mut self, word: &Word, words: &[&str]) {
        if !words.contains(&word.as_str()) {
            self.errno(word);
        }
    }

    pub(super) fn landlock(&mut self, raw: &Placed<RawLandlock>) -> Op {
        if raw.read.is_empty() && raw.write.is_empty() {
            self.report(
                raw.span(),
                both!(
                    "neither `read` nor `write`: nothing could be reached",
                    "ni « read » ni « write » : plus rien ne serait accessible"
                ),
            );
        }
        for path in raw.read.iter().chain(&raw.write) {
            self.path(path);
        }
        Op::Landlock(LandlockOp { read: super::words(&raw.read), write: super::words(&raw.write) })
    }
}
