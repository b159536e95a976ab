//! In which order a task's lines were typed, where it was in several shells by turns.

use std::collections::HashMap;

use super::{Answers, Name};

/// The lines of a shell's commands.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

impl Answers {
    /// The commands of a task in the order in which they are to be run: by turns, where
    /// `[turns]` says so and fits the lines that there are; else a shell after the other, in
    /// the order of the file.
    pub fn pieces(&self, step: &str) -> Vec<(Name, String)> {
        let Some(shells) = self.tasks.get(step) else { return Vec::new() };
        let by_turns = self.turns.get(step).and_then(|turns| {
            let mut left: HashMap<&str, _> = shells.iter().map(|(shell, text)| (shell.as_str(), lines(text))).collect();
            let mut pieces: Vec<(Name, String)> = Vec::new();
            for shell in turns {
                let line = left.get_mut(shell.as_str())?.next()?;
                match pieces.last_mut() {
                    Some((last, text)) if last == shell => {
                        text.push('\n');
                        text.push_str(line);
                    }
                    _ => pieces.push((shell.clone(), line.to_owned())),
                }
            }
            left.into_values().all(|mut left| left.next().is_none()).then_some(pieces)
        });
        by_turns.unwrap_or_else(|| shells.iter().map(|(shell, text)| (shell.clone(), text.clone())).collect())
    }

    /// Whether the order of a task's lines is another than that of the file's shells.
    pub(super) fn has_turns(&self, step: &str) -> bool {
        self.tasks.get(step).is_some_and(|shells| {
            let pieces = self.pieces(step);
            !pieces.iter().map(|(shell, _)| shell).eq(shells.keys())
        })
    }

    /// Adds commands to those of a task: after what was typed last in this shell, and in the
    /// order of all after what was typed last in any.
    pub fn add(&mut self, step: &str, shell: &str, commands: &str) {
        let typed = self.tasks.entry(step.to_owned()).or_default().entry(shell.to_owned()).or_default();
        if !typed.is_empty() {
            typed.push('\n');
        }
        typed.push_str(commands);
        let turns = self.turns.entry(step.to_owned()).or_default();
        turns.extend(lines(commands).map(|_| shell.to_owned()));
    }

    /// Takes the lines with these numbers, from 1, out of a shell's commands; the lines.
    pub fn leave_out(&mut self, step: &str, shell: &str, numbers: &[u32]) -> Vec<String> {
        let Some(text) = self.tasks.get_mut(step).and_then(|shells| shells.get_mut(shell)) else { return Vec::new() };
        let is_out = |at: usize| numbers.contains(&(at as u32 + 1));
        let (out, kept): (Vec<_>, Vec<_>) = lines(text).enumerate().partition(|(at, _)| is_out(*at));
        let out = out.into_iter().map(|(_, line)| line.to_owned()).collect();
        *text = kept.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        if let Some(turns) = self.turns.get_mut(step) {
            let mut at = 0;
            turns.retain(|name| {
                let is_ours = name == shell;
                at += usize::from(is_ours);
                !(is_ours && is_out(at - 1))
            });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_answers;
    use super::*;
    use crate::lesson::source::Source;

    fn typed(lines: &[(&str, &str)]) -> Answers {
        let mut answers = Answers { lesson: "uts".to_owned(), ..Answers::default() };
        for (shell, line) in lines {
            answers.add("name", shell, line);
        }
        parse_answers(&Source::new("answers.toml", answers.to_toml())).unwrap()
    }

    fn pieces(answers: &Answers) -> Vec<String> {
        answers.pieces("name").iter().map(|(shell, text)| format!("{shell}: {text}")).collect()
    }

    #[test]
    fn lines_typed_by_turns_keep_their_order_and_others_need_no_table() {
        let turns = typed(&[("host", "a"), ("box", "b\nc"), ("host", "d"), ("host", "e")]);
        assert_eq!(pieces(&turns), ["host: a", "box: b\nc", "host: d\ne"]);
        assert!(turns.to_toml().contains("[turns]\nname = [\"host\", \"box\", \"box\", \"host\", \"host\"]"));
        let plain = typed(&[("host", "a"), ("host", "d"), ("box", "b")]);
        assert_eq!(pieces(&plain), ["host: a\nd", "box: b"]);
        assert!(!plain.to_toml().contains("turns"), "{}", plain.to_toml());
    }

    #[test]
    fn turns_that_do_not_fit_the_lines_are_passed_over() {
        let mut answers = typed(&[("host", "a"), ("box", "b"), ("host", "d")]);
        assert_eq!(answers.leave_out("name", "host", &[2]), ["d"]);
        assert_eq!(pieces(&answers), ["host: a", "box: b"]);
        let mut answers = typed(&[("host", "a"), ("box", "b"), ("host", "d"), ("box", "e")]);
        assert_eq!(answers.leave_out("name", "host", &[1, 9]), ["a"]);
        assert_eq!(pieces(&answers), ["box: b", "host: d", "box: e"]);
        answers.tasks["name"]["host"] = "by\nhand".to_owned();
        assert_eq!(pieces(&answers), ["host: by\nhand", "box: b\ne"]);
        answers.turns["name"] = ["host", "host", "peer", "box", "box"].map(str::to_owned).to_vec();
        assert_eq!(pieces(&answers), ["host: by\nhand", "box: b\ne"]);
    }
}
