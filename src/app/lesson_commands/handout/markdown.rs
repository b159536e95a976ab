//! A handout as Markdown (CommonMark, with GitHub's boxes to tick).

use std::fmt::Write as _;

use super::sheet::{BLANK, Block, LINES, Part, Sheet, in_shell};
use crate::i18n::Lang;
use crate::say;

pub(super) fn text(sheets: &[Sheet], lang: Lang) -> String {
    let mut out = String::new();
    for (number, sheet) in sheets.iter().enumerate() {
        if number > 0 {
            out.push_str("\n---\n\n");
        }
        lesson(&mut out, sheet, lang);
    }
    out
}

fn lesson(out: &mut String, sheet: &Sheet, lang: Lang) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "# {}\n\n{}\n", sheet.title, sheet.summary);
    for fact in &sheet.facts {
        let _ = writeln!(out, "- {fact}");
    }
    let name = lang.pick("Name:", "Nom :");
    let _ = writeln!(out, "\n{name} {BLANK}{BLANK}");
    if !sheet.own.is_empty() {
        let own = sheet.own.iter().map(|name| format!("{name} = {BLANK}")).collect::<Vec<_>>().join(", ");
        let words = say!(
            lang,
            "Values of your own, which the program tells you: {own}",
            "Vos propres valeurs, que le programme vous donne : {own}"
        );
        let _ = writeln!(out, "\n{words}");
    }
    for part in &sheet.steps {
        section(out, "##", part, lang);
    }
    if !sheet.answers.is_empty() {
        let _ = writeln!(out, "\n## {}", lang.pick("Solutions", "Corrigé"));
        if !sheet.whose.is_empty() {
            let _ = writeln!(out, "\n{}", sheet.whose);
        }
        for part in &sheet.answers {
            section(out, "###", part, lang);
        }
    }
}

fn section(out: &mut String, level: &str, part: &Part, lang: Lang) {
    let _ = writeln!(out, "\n{level} {}", part.heading);
    for block in &part.blocks {
        out.push('\n');
        match block {
            Block::Text(text) => {
                let _ = writeln!(out, "{text}");
            }
            Block::Label(text) => {
                let _ = writeln!(out, "**{text}**");
            }
            Block::Choices(choices) => items(out, choices, |_| "- [ ] ".to_owned()),
            Block::Numbered(list) => items(out, list, |number| format!("{}. ", number + 1)),
            Block::Task { checks, shells } => {
                items(out, checks, |_| "- [ ] ".to_owned());
                for shell in shells {
                    let _ = writeln!(out, "\n{}", in_shell(shell, lang));
                    for _ in 0..LINES {
                        let _ = writeln!(out, "\n{}", BLANK.repeat(8));
                    }
                }
            }
            Block::Commands(commands) => {
                let fence = "`".repeat(longest_run(commands).max(2) + 1);
                let _ = writeln!(out, "{fence}sh\n{commands}\n{fence}");
            }
        }
    }
}

/// A list; further lines of an item stand below its first word.
fn items(out: &mut String, list: &[String], mark: impl Fn(usize) -> String) {
    for (number, item) in list.iter().enumerate() {
        let mark = mark(number);
        // `- [ ] `: what is below the text is indented as the text of `- ` is.
        let indent = " ".repeat(mark.find(' ').map_or(0, |at| at + 1));
        for (line, text) in item.lines().enumerate() {
            let lead = if line == 0 { &mark } else { &indent };
            let _ = writeln!(out, "{}", format!("{lead}{text}").trim_end());
        }
    }
}

/// The most backquotes that follow each other.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}
