//! What of a shell goes on from one task's commands to the next: a student types both in
//! one shell, a replay gives each task's a shell of its own. The shell says what it has
//! (`lab::program::TELL`) before the commands and after them; the difference is told to the
//! next one, as commands. Used by the stage; pure.

use std::collections::BTreeMap;

/// What stands around one account, and between its parts: bytes of no text.
const START: &[u8] = b"\x1e<";
const END: &[u8] = b"\x1e>";
const PART: &str = "\x1d";
/// The most of an output that is kept, of its start and of its end each, in bytes: the
/// longest account that is taken.
pub const KEPT: usize = 64 << 10;
/// Variables that are the shell's own doing, or that other parts of an account give.
const OWN: [&str; 25] = [
    "_",
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_ARGV0",
    "BASH_LINENO",
    "BASH_SOURCE",
    "BASH_VERSINFO",
    "COLUMNS",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "FUNCNAME",
    "LINENO",
    "LINES",
    "PIPESTATUS",
    "PPID",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "PWD",
    "RANDOM",
    "DIRSTACK",
    "HISTCMD",
    "BASH_MONOSECONDS",
];

/// The start and the end of an output, and how long it was.
#[derive(Debug, Default)]
pub struct Ends {
    first: Vec<u8>,
    last: Vec<u8>,
    length: usize,
}

impl Ends {
    /// Takes more of the output.
    pub fn take(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.last.extend_from_slice(bytes);
        self.last.drain(..self.last.len().saturating_sub(KEPT));
        self.length += bytes.len();
    }

    /// The commands that give another shell what this one had at its end and not at its
    /// start; nothing where it did not come to its end, or said too much.
    pub fn carried(&self) -> Option<String> {
        let starts = |bytes: &[u8]| bytes == START;
        // Before it there may be what the shell has to say of the locale.
        let first = self.first.windows(START.len()).position(starts)?;
        let last = self.last.windows(START.len()).rposition(starts)?;
        let is_another = self.length - self.last.len() + last > first;
        let (before, after) = (account(&self.first[first..])?, account(&self.last[last..])?);
        is_another.then(|| difference(&before, &after))
    }
}

fn account(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(END.len()).position(|found| found == END)?;
    String::from_utf8(bytes[START.len()..end].to_vec()).ok()
}

/// Accounts have three parts: variables, functions, and a command a line.
fn difference(before: &str, after: &str) -> String {
    let part = |account: &'_ str, number: usize| account.split(PART).nth(number).unwrap_or_default().to_owned();
    let mut commands = Vec::new();
    let (had, has) = (part(before, 0), part(after, 0));
    let (had, has) = (variables(&had), variables(&has));
    commands.extend(had.keys().filter(|name| !has.contains_key(*name)).map(|name| format!("unset {name}")));
    commands.extend(has.iter().filter(|(name, what)| had.get(*name) != Some(what)).map(|(_, what)| (*what).to_owned()));
    if part(before, 1) != part(after, 1) {
        commands.push(part(after, 1));
    }
    let (had, has) = (part(before, 2), part(after, 2));
    commands.extend(has.lines().filter(|line| !had.lines().any(|one| one == *line)).map(str::to_owned));
    commands.join("\n")
}

/// What `declare -p` says, by name.
fn variables(text: &str) -> BTreeMap<&str, &str> {
    let starts: Vec<usize> = text
        .match_indices("declare -")
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || text[..*at].ends_with('\n'))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let all = starts.iter().zip(ends).map(|(start, end)| text[*start..end].trim_end_matches('\n'));
    let named = all.filter_map(|one| {
        let rest = one.splitn(3, ' ').nth(2)?;
        Some((rest.split(['=', '\n']).next()?, one))
    });
    named.filter(|(name, _)| !OWN.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(outputs: &[&[u8]]) -> Option<String> {
        let mut ends = Ends::default();
        for bytes in outputs {
            ends.take(bytes);
        }
        ends.carried()
    }

    const BEFORE: &[u8] = b"\x1e<declare -- IFS=\" \"\ndeclare -x OLD=\"1\"\ndeclare -i SECONDS=\"0\"\n\x1d\x1dset +o errexit\ncd -- /\n\x1e>";

    #[test]
    fn what_a_shell_has_at_its_end_and_had_not_at_its_start_is_carried() {
        let after = b"\x1e<declare -- IFS=\" \"\ndeclare -a list=([0]=\"a\ndeclares\")\ndeclare -i SECONDS=\"9\"\ndeclare -x x=\"5\"\n\x1df () \n{ \n    true\n}\n\x1dset -o errexit\ncd -- /tmp\n\x1e>";
        let carried = of(&[BEFORE, b"some words\n", after]).unwrap();
        let wanted = "unset OLD\ndeclare -a list=([0]=\"a\ndeclares\")\ndeclare -x x=\"5\"\nf () \n{ \n    true\n}\n\nset -o errexit\ncd -- /tmp";
        assert_eq!(carried, wanted);
        assert_eq!(of(&[BEFORE, BEFORE]).unwrap(), "");
    }

    #[test]
    fn of_a_shell_that_did_not_come_to_its_end_or_said_too_much_nothing_is_carried() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[BEFORE]), None);
        assert_eq!(of(&[BEFORE, b"words", &BEFORE[..BEFORE.len() - 1]]), None);
        assert_eq!(of(&[b"words", BEFORE]), None);
        assert_eq!(of(&[b"bash: warning\n", BEFORE, BEFORE]).unwrap(), "");
        assert!(of(&[BEFORE, &vec![b'x'; 3 * KEPT], BEFORE]).is_some());
        let long = [b"\x1e<declare -- x=\"", vec![b'x'; KEPT].as_slice(), b"\"\n\x1e>"].concat();
        assert_eq!(of(&[BEFORE, &long]), None);
        assert_eq!(of(&[BEFORE, b"\x1e<\xff\x1e>"]), None);
    }
}
