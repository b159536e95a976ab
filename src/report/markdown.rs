//! A report as Markdown, for a job summary of GitHub Actions (`$GITHUB_STEP_SUMMARY`):
//! a table per lesson, and below it what did not pass.
//!
//! Texts come from students. In the table and in headings one that could be Markdown,
//! HTML, a link or a mention stands as code, with its grave accents and bars shown by
//! signs like them; values stand in a block of code that is fenced with more grave
//! accents than they have.

use std::fmt::Write as _;

use crate::check::{LessonReport, State};
use crate::i18n::Lang;
use crate::say;

use super::{cannot, details, label, one_line};

/// The reports as one Markdown text, with a newline at the end.
pub fn markdown(reports: &[LessonReport], lang: Lang) -> String {
    let blocks: Vec<String> = reports.iter().map(|report| lesson(report, lang)).collect();
    blocks.join("\n")
}

fn lesson(report: &LessonReport, lang: Lang) -> String {
    let mut out = String::new();
    let who = if report.student.is_empty() { String::new() } else { format!(" · {}", inline(&report.student)) };
    let (points, out_of) = (report.points, report.out_of);
    let score = match report.state() {
        State::Pass => format!("✅ {points}/{out_of}"),
        State::Skip => say!(lang, "⚠️ not graded", "⚠️ non corrigée"),
        State::Fail | State::Error => format!("❌ {points}/{out_of}"),
    };
    line(&mut out, &format!("### {} · {}{who}: {score}\n", inline(&report.lesson), inline(&report.title)));
    if let Some(why) = cannot(report, lang) {
        block(&mut out, &[one_line(&why)]);
        return out;
    }
    let head = lang.pick("| Step | Points | Check | Result |", "| Étape | Points | Vérification | Résultat |");
    line(&mut out, &format!("{head}\n|---|---|---|---|"));
    let mut last = None;
    for verdict in &report.verdicts {
        let is_first = last.replace(&verdict.step) != Some(&verdict.step);
        let score = report.steps.iter().find(|score| is_first && score.step == verdict.step);
        let step = if is_first { inline(&verdict.step) } else { String::new() };
        let points = score.map_or_else(String::new, |score| format!("{}/{}", score.points, score.out_of));
        let (sign, word) = word(verdict.state, lang);
        line(&mut out, &format!("| {step} | {points} | {} | {sign} {word} |", inline(label(verdict))));
    }
    line(&mut out, "");
    for verdict in report.verdicts.iter().filter(|verdict| verdict.state != State::Pass) {
        let name = code(&one_line(&format!("{}.{}", verdict.step, verdict.check)));
        line(&mut out, &format!("{name}:\n"));
        block(&mut out, &details(verdict, lang));
    }
    out
}

fn word(state: State, lang: Lang) -> (&'static str, &'static str) {
    match state {
        State::Pass => ("✅", lang.pick("pass", "réussi")),
        State::Fail => ("❌", lang.pick("fail", "échoué")),
        State::Skip => ("➖", lang.pick("skip", "sauté")),
        State::Error => ("⚠️", lang.pick("error", "erreur")),
    }
}

/// Lines in a block of code, where they can be nothing else.
fn block(out: &mut String, lines: &[String]) {
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    line(out, &format!("{fence}text"));
    for text in lines {
        line(out, text);
    }
    line(out, &format!("{fence}\n"));
}

/// The most grave accents that stand together.
fn longest_run(lines: &[String]) -> usize {
    lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or_default()
}

/// A text within a line: as it is where it is nothing to Markdown but words and code,
/// else as code.
fn inline(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let (words, codes) = (parts.iter().step_by(2), parts.iter().skip(1).step_by(2));
    let between = parts.get(1..parts.len() - 1).unwrap_or_default();
    let is_plain = words.clone().all(|words| is_plain(words)) && text.chars().any(char::is_alphanumeric);
    if is_plain && parts.len() % 2 == 1 && between.iter().all(|part| !part.is_empty()) {
        let mut codes = codes.map(|text| code(text));
        return words.flat_map(|words| [(*words).to_owned(), codes.next().unwrap_or_default()]).collect();
    }
    code(&text)
}

/// Whether a text can be nothing but words to GitHub: no sign of Markdown's, no HTML, no
/// address, no mention.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| match c {
        '\u{fffd}' => false,
        ' ' | '.' | ',' | ';' | ':' | '?' | '-' | '\'' | '(' | ')' => true,
        c => !c.is_ascii() || c.is_ascii_alphanumeric(),
    };
    text.chars().all(is_plain) && !text.to_ascii_lowercase().contains("www.")
}

/// A text as code. In a table a bar would end the cell even there.
fn code(text: &str) -> String {
    let text = text.replace('`', "ˋ").replace('|', "│");
    // Of an empty one nothing would be left but the grave accents.
    if text.is_empty() { "` `".to_owned() } else { format!("`{text}`") }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{text}");
}
