//! A report as text: a line per step that gives points, a line per check, and for
//! what did not pass what was expected, what is there, and what helps.

use std::fmt::Write as _;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;
use crate::say;

use super::{cannot, details, label, sign, steps};

/// The report on one lesson, with a newline at the end. `color`: with ANSI colours
/// (the signs say the same without).
pub fn human(report: &LessonReport, lang: Lang, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let (points, out_of) = (report.points, report.out_of);
    let (lesson, title) = (printable(&report.lesson), printable(&report.title));
    let why = cannot(report, lang);
    let score = match why {
        Some(_) => say!(lang, "not graded", "non corrigée"),
        None => say!(lang, "{points}/{out_of} points", "{points}/{out_of} points"),
    };
    let head = if report.student.is_empty() {
        format!("{lesson} · {title}")
    } else {
        format!("{lesson} · {title} · {}", printable(&report.student))
    };
    line(&mut out, &format!("{}  {}", paint.bold(&head), paint.state(report.state(), &score)));
    for text in why.iter().flat_map(|why| why.lines()) {
        line(&mut out, &format!("  {text}"));
    }
    for (step, verdicts) in steps(report) {
        line(&mut out, "");
        line(&mut out, &step_line(report, step, &paint));
        for verdict in verdicts {
            of_verdict(&mut out, verdict, lang, &paint);
        }
    }
    out
}

fn step_line(report: &LessonReport, step: &str, paint: &Paint) -> String {
    let name = paint.bold(&printable(step));
    match report.steps.iter().find(|score| score.step == step) {
        Some(score) => {
            let points = format!("{}/{}", score.points, score.out_of);
            let state = if score.points == score.out_of { State::Pass } else { State::Fail };
            format!("{name}  {}", paint.state(state, &points))
        }
        None => name,
    }
}

fn of_verdict(out: &mut String, verdict: &Verdict, lang: Lang, paint: &Paint) {
    let sign = paint.state(verdict.state, sign(verdict.state));
    line(out, &format!("  {sign} {}", printable(label(verdict))));
    for text in details(verdict, lang) {
        line(out, &format!("    {}", paint.dim(&text)));
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{text}");
}

struct Paint {
    color: bool,
}

impl Paint {
    fn wrap(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn state(&self, state: State, text: &str) -> String {
        let code = match state {
            State::Pass => "32",
            State::Fail => "31",
            State::Skip => "2",
            State::Error => "33",
        };
        self.wrap(code, text)
    }
}
