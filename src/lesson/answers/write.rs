//! Writing an answers file: what is read back is exactly what was written, and
//! commands of several lines stay readable.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::Answers;
use crate::lesson::diagnostic::acts_on_terminal;

impl Answers {
    /// The text of the file. Whatever a student typed, it is valid TOML that holds
    /// no control character raw and reads back as the same answers.
    pub fn to_toml(&self) -> String {
        let mut out = String::from("format = 1\n");
        pair(&mut out, "lesson", &string(&self.lesson));
        pair(&mut out, "student", &string(&self.student));
        out.push_str("\n[answers]\n");
        pairs(&mut out, &self.answers);
        for (step, shells) in &self.tasks {
            let _ = writeln!(out, "\n[tasks.{}]", key(step));
            pairs(&mut out, shells);
        }
        let turns: Vec<_> = self.turns.iter().filter(|(step, _)| self.has_turns(step)).collect();
        if !turns.is_empty() {
            out.push_str("\n[turns]\n");
        }
        for (step, shells) in turns {
            let shells: Vec<String> = shells.iter().map(|shell| basic(shell)).collect();
            pair(&mut out, step, &format!("[{}]", shells.join(", ")));
        }
        if let Some(progress) = &self.progress {
            out.push_str("\n[progress]\n");
            pair(&mut out, "step", &string(&progress.step));
            let passed: Vec<String> = progress.passed.iter().map(|step| basic(step)).collect();
            pair(&mut out, "passed", &format!("[{}]", passed.join(", ")));
            pair(&mut out, "points", &progress.points.to_string());
            pair(&mut out, "finished", &progress.finished.to_string());
            if !progress.hints.is_empty() {
                out.push_str("\n[progress.hints]\n");
                for (step, opened) in &progress.hints {
                    pair(&mut out, step, &opened.to_string());
                }
            }
            for (step, shells) in &progress.failed {
                let _ = writeln!(out, "\n[progress.failed.{}]", key(step));
                for (shell, lines) in shells {
                    pair(&mut out, shell, &format!("{lines:?}"));
                }
            }
        }
        out
    }
}

fn pair(out: &mut String, name: &str, value: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{} = {value}", key(name));
}

fn pairs(out: &mut String, words: &IndexMap<String, String>) {
    for (name, word) in words {
        pair(out, name, &string(word));
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { name.to_owned() } else { basic(name) }
}

/// A text in the most readable form that can hold it.
fn string(text: &str) -> String {
    let raw = |c: char| !acts_on_terminal(c) || c == '\n' || c == '\t';
    if text.contains('\n') && text.chars().all(raw) {
        if !text.contains("'''") && !text.ends_with('\'') {
            return format!("'''\n{text}'''");
        }
        if !text.contains('\\') && !text.contains("\"\"\"") && !text.ends_with('"') {
            return format!("\"\"\"\n{text}\"\"\"");
        }
    }
    if !text.contains('\'') && text.contains(['"', '\\']) && !text.chars().any(|c| acts_on_terminal(c) || c == '\t') {
        return format!("'{text}'");
    }
    basic(text)
}

/// A basic string: one line, escapes for what can't stand as it is.
fn basic(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if acts_on_terminal(c) => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Answers, Progress, parse_answers};
    use crate::lesson::source::Source;

    fn read_back(answers: &Answers) -> Answers {
        let text = answers.to_toml();
        parse_answers(&Source::new("answers.toml", text.clone())).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
    }

    fn with_command(command: &str) -> Answers {
        let shells = [("box".to_owned(), command.to_owned())].into_iter().collect();
        Answers {
            lesson: "uts".to_owned(),
            student: "ana".to_owned(),
            tasks: [("rename".to_owned(), shells)].into_iter().collect(),
            ..Answers::default()
        }
    }

    #[test]
    fn several_commands_stay_readable() {
        let text = with_command("hostname cigale-42\necho \"done\\n\"\n").to_toml();
        assert!(text.contains("box = '''\nhostname cigale-42\necho \"done\\n\"\n'''"), "{text}");
    }

    #[test]
    fn what_acts_on_a_terminal_is_never_written_raw() {
        let text = with_command("echo \u{1b}[2J\u{202e}\r\n\u{9b}x").to_toml();
        assert!(text.chars().all(|c| c == '\n' || !super::acts_on_terminal(c)), "{text:?}");
        assert_eq!(read_back(&with_command("\u{1b}[2J\r\n")), with_command("\u{1b}[2J\r\n"));
    }

    fn nasty() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ '\"\\\\\n\r\t#=\\[\\]a]{0,12}",
            "('''|\"\"\"|\n|\\\\|a|\u{0}|\u{7f}|\u{85}|\u{2028}|\u{feff}){0,6}",
        ]
    }

    proptest! {
        #[test]
        fn answers_read_back_as_they_were_written(
            words in prop::collection::vec(nasty(), 9),
            points: u32,
            finished: bool,
            has_progress: bool,
        ) {
            let word = |index: usize| words[index].clone();
            let answers = Answers {
                lesson: word(0),
                student: word(1),
                answers: [(word(2), word(3)), (word(4), word(5))].into_iter().collect(),
                tasks: [(word(6), [(word(7), word(8)), (word(8), word(7))].into_iter().collect())].into_iter().collect(),
                turns: indexmap::IndexMap::new(),
                progress: has_progress.then(|| Progress {
                    step: word(3),
                    passed: vec![word(4), word(5)],
                    hints: [(word(6), 2)].into_iter().collect(),
                    failed: [(word(6), [(word(7), vec![1, points])].into_iter().collect())].into_iter().collect(),
                    points,
                    finished,
                }),
            };
            prop_assert_eq!(read_back(&answers), answers);
        }
    }
}
