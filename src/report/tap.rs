//! A report in the Test Anything Protocol, version 14 (testanything.org): a test point
//! per lesson, whose subtest has one per verdict, with what was expected and found as a
//! YAML diagnostic.
//!
//! A lesson that this machine can't run is `ok … # SKIP why`, and so is a verdict that
//! was not reached or not answered; whether a lesson gave all its points is its own
//! test point. Values in the YAML are JSON texts, which no text of a student can leave.

use std::fmt::Write as _;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;

use super::{cannot, label, message, note, one_line, printable_lines};

/// The reports as one TAP document, with a newline at the end.
pub fn tap(reports: &[LessonReport], lang: Lang) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", reports.len());
    for (report, number) in reports.iter().zip(1..) {
        lesson(&mut out, report, number, lang);
    }
    out
}

fn lesson(out: &mut String, report: &LessonReport, number: usize, lang: Lang) {
    let name = escaped(&format!("{} - {}", report.lesson, report.title));
    if let Some(why) = cannot(report, lang) {
        return line(out, 0, &format!("ok {number} - {name} # SKIP {}", escaped(&why)));
    }
    line(out, 0, &format!("# Subtest: {name}"));
    line(out, 4, &format!("1..{}", report.verdicts.len()));
    for (verdict, number) in report.verdicts.iter().zip(1..) {
        point(out, verdict, number, lang);
    }
    line(out, 0, &format!("{} {number} - {name}", if report.passed() { "ok" } else { "not ok" }));
    let mut entries = vec![
        ("student", text(&report.student)),
        ("points", report.points.to_string()),
        ("out_of", report.out_of.to_string()),
        ("duration_ms", report.millis.to_string()),
    ];
    let steps = report.steps.iter().map(|score| {
        let (step, points, out_of, millis) = (text(&score.step), score.points, score.out_of, score.millis);
        format!("{{\"step\": {step}, \"points\": {points}, \"out_of\": {out_of}, \"duration_ms\": {millis}}}")
    });
    entries.push(("steps", format!("[{}]", steps.collect::<Vec<_>>().join(", "))));
    diagnostic(out, 2, &entries);
}

fn point(out: &mut String, verdict: &Verdict, number: usize, lang: Lang) {
    let ok = if matches!(verdict.state, State::Pass | State::Skip) { "ok" } else { "not ok" };
    let name = escaped(&format!("{}.{} - {}", verdict.step, verdict.check, label(verdict)));
    let directive = match verdict.state {
        State::Skip => format!(" # SKIP {}", note(verdict.state, lang)),
        _ => String::new(),
    };
    line(out, 4, &format!("{ok} {number} - {name}{directive}"));
    if verdict.state == State::Pass {
        return;
    }
    let severity = match verdict.state {
        State::Error => "error",
        State::Skip => "skip",
        State::Pass | State::Fail => "fail",
    };
    let mut entries = vec![
        ("step", text(&verdict.step)),
        ("check", text(&verdict.check)),
        ("severity", text(severity)),
        ("message", text(&message(verdict, lang))),
        ("expected", text(&verdict.expected)),
        ("found", text(&verdict.found)),
        ("help", text(&verdict.help)),
    ];
    if let Some(step) = &verdict.after {
        entries.push(("after", text(step)));
    }
    diagnostic(out, 6, &entries);
}

fn diagnostic(out: &mut String, indent: usize, entries: &[(&str, String)]) {
    line(out, indent, "---");
    for (key, value) in entries {
        line(out, indent, &format!("{key}: {value}"));
    }
    line(out, indent, "...");
}

/// A text as JSON, which is YAML, too.
fn text(text: &str) -> String {
    serde_json::Value::from(printable_lines(text)).to_string()
}

/// A description: one line, in which `\` and `#` are escaped.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{:indent$}{text}", "");
}
