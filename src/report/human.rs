//! A report as text: a line per step that gives points, a line per check, and for
//! what did not pass what was expected, what is there, and what helps.

use std::fmt::Write as _;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;
use crate::say;

/// The report on one lesson, with a newline at the end. `color`: with ANSI colours
/// (the signs say the same without).
pub fn human(report: &LessonReport, lang: Lang, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let (points, out_of) = (report.points, report.out_of);
    let (lesson, title) = (printable(&report.lesson), printable(&report.title));
    let score = say!(lang, "{points}/{out_of} points", "{points}/{out_of} points");
    let head = if report.student.is_empty() {
        format!("{lesson} · {title}")
    } else {
        format!("{lesson} · {title} · {}", printable(&report.student))
    };
    line(&mut out, &format!("{}  {}", paint.bold(&head), paint.state(passed(report.passed()), &score)));

    let mut shown = Vec::new();
    for verdict in &report.verdicts {
        if !shown.contains(&verdict.step.as_str()) {
            shown.push(&verdict.step);
            line(&mut out, "");
            line(&mut out, &step_line(report, &verdict.step, &paint));
        }
        of_verdict(&mut out, verdict, lang, &paint);
    }
    // A step without any verdict still has its points told.
    for score in report.steps.iter().filter(|score| !shown.contains(&score.step.as_str())) {
        line(&mut out, "");
        line(&mut out, &step_line(report, &score.step, &paint));
    }
    out
}

fn step_line(report: &LessonReport, step: &str, paint: &Paint) -> String {
    let name = paint.bold(&printable(step));
    match report.steps.iter().find(|score| score.step == step) {
        Some(score) => {
            let points = format!("{}/{}", score.points, score.out_of);
            format!("{name}  {}", paint.state(passed(score.points == score.out_of), &points))
        }
        None => name,
    }
}

fn of_verdict(out: &mut String, verdict: &Verdict, lang: Lang, paint: &Paint) {
    let sign = match verdict.state {
        State::Pass => "✓",
        State::Fail => "✗",
        State::Skip => "–",
        State::Error => "!",
    };
    let label = if verdict.label.is_empty() { &verdict.check } else { &verdict.label };
    line(out, &format!("  {} {}", paint.state(verdict.state, sign), printable(label)));
    if verdict.state == State::Pass {
        return;
    }
    let note = match verdict.state {
        State::Skip => say!(lang, "not reached, or not answered", "étape non atteinte, ou sans réponse"),
        State::Error => say!(lang, "could not be judged", "n'a pas pu être jugé"),
        State::Pass | State::Fail => String::new(),
    };
    let colon = lang.pick(": ", " : ");
    for (name, text) in [
        ("", note.as_str()),
        (lang.pick("expected", "attendu"), verdict.expected.as_str()),
        (lang.pick("found", "trouvé"), verdict.found.as_str()),
        (lang.pick("help", "aide"), verdict.help.as_str()),
    ] {
        // Help may be prose of several lines.
        for (index, text) in text.lines().filter(|text| !text.trim().is_empty()).enumerate() {
            let text = printable(text);
            let shown = match (name.is_empty(), index) {
                (true, _) => text,
                (false, 0) => format!("{name}{colon}{text}"),
                (false, _) => format!("  {text}"),
            };
            line(out, &format!("    {}", paint.dim(&shown)));
        }
    }
}

fn passed(passed: bool) -> State {
    if passed { State::Pass } else { State::Fail }
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
