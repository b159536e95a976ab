//! What a grader found, for people and for machines: a file per form, all of them pure.
//! Used by `check` on the command line. Values of boxes and students are never shown raw.

mod classroom50;
mod gradescope;
mod human;
mod json;
mod junit;
mod markdown;
mod tap;

pub use classroom50::Submission;
pub use human::human;
pub use json::{Document, Entry, json, schema};
pub use markdown::markdown;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;
use crate::say;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Human,
    /// Our own JSON, versioned, with a schema.
    Json,
    /// JUnit XML.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// Classroom 50's `result.json`.
    Classroom50,
    /// Gradescope's `results.json`.
    Gradescope,
    /// Markdown, as GitHub shows it.
    Markdown,
}

impl Format {
    /// All of them, as they are listed.
    pub const ALL: [Self; 7] =
        [Self::Human, Self::Json, Self::Junit, Self::Tap, Self::Classroom50, Self::Gradescope, Self::Markdown];

    /// What `--format` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Tap => "tap",
            Self::Classroom50 => "classroom50",
            Self::Gradescope => "gradescope",
            Self::Markdown => "markdown",
        }
    }

    /// The form of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether it is JSON.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Classroom50 | Self::Gradescope)
    }
}

/// What a report is written with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its language.
    pub lang: Lang,
    /// Whether text for people has ANSI colours.
    pub color: bool,
    /// Whose work it is on, for [`Format::Classroom50`], which is empty without.
    pub submission: Option<Submission>,
}

/// The reports in one of the forms, with a newline at the end of all that is there.
pub fn render(format: Format, reports: &[LessonReport], options: &Options) -> String {
    let lang = options.lang;
    match format {
        Format::Human => reports.iter().map(|report| human(report, lang, options.color)).collect(),
        Format::Json => json(reports, lang),
        Format::Junit => junit::junit(reports, lang),
        Format::Tap => tap::tap(reports, lang),
        Format::Classroom50 => match &options.submission {
            Some(submission) => classroom50::classroom50(reports, submission, lang),
            None => String::new(),
        },
        Format::Gradescope => gradescope::gradescope(reports, lang),
        Format::Markdown => markdown(reports, lang),
    }
}

/// Why this machine can't run a lesson, where it can't, as lines of text.
fn cannot(report: &LessonReport, lang: Lang) -> Option<String> {
    let [en, fr] = report.cannot.as_ref()?;
    let why = printable_lines(lang.pick(en, fr));
    Some(say!(lang, "This machine can't run it. {why}", "Cette machine ne peut pas l'exécuter. {why}"))
}

/// A verdict's name for people.
fn label(verdict: &Verdict) -> &str {
    if verdict.label.is_empty() { &verdict.check } else { &verdict.label }
}

/// What a verdict's state means, where it is neither a pass nor a fail.
fn note(state: State, lang: Lang) -> &'static str {
    match state {
        State::Skip => lang.pick("not reached, or not answered", "étape non atteinte, ou sans réponse"),
        State::Error => lang.pick("could not be judged", "n'a pas pu être jugé"),
        State::Pass | State::Fail => "",
    }
}

/// What was found of a verdict that an earlier step, which did not pass, lets down.
fn waits(step: &str, lang: Lang) -> String {
    let step = printable(step);
    say!(
        lang,
        "waits for step {step}, which did not pass itself: see to that one first",
        "dépend de l'étape {step}, qui n'a pas réussi elle-même : occupez-vous d'abord de celle-là"
    )
}

/// What a verdict that is no pass comes to, in one line.
fn message(verdict: &Verdict, lang: Lang) -> String {
    let note = note(verdict.state, lang);
    if !note.is_empty() {
        return note.to_owned();
    }
    if let Some(step) = &verdict.after {
        return waits(step, lang);
    }
    let (expected, found) = (one_line(&verdict.expected), one_line(&verdict.found));
    say!(lang, "expected: {expected}; found: {found}", "attendu : {expected} ; trouvé : {found}")
}

/// What there is to say of a verdict that is no pass, in printable lines.
fn details(verdict: &Verdict, lang: Lang) -> Vec<String> {
    if verdict.state == State::Pass {
        return Vec::new();
    }
    let colon = lang.pick(": ", " : ");
    let after = verdict.after.as_ref().map(|step| waits(step, lang)).unwrap_or_default();
    let mut lines = Vec::new();
    for (name, text) in [
        ("", note(verdict.state, lang)),
        ("", after.as_str()),
        (lang.pick("expected", "attendu"), verdict.expected.as_str()),
        (lang.pick("found", "trouvé"), verdict.found.as_str()),
        (lang.pick("help", "aide"), verdict.help.as_str()),
    ] {
        // Help may be prose of several lines.
        for (index, text) in text.lines().filter(|text| !text.trim().is_empty()).enumerate() {
            let text = printable(text);
            lines.push(match (name.is_empty(), index) {
                (true, _) => text,
                (false, 0) => format!("{name}{colon}{text}"),
                (false, _) => format!("  {text}"),
            });
        }
    }
    lines
}

/// The verdicts of a step as lines of text: a sign and the label, and below it what
/// there is to say.
fn judged(verdicts: &[&Verdict], lang: Lang) -> String {
    let mut lines = Vec::new();
    for verdict in verdicts {
        lines.push(format!("{} {}", sign(verdict.state), one_line(label(verdict))));
        lines.extend(details(verdict, lang).into_iter().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

fn sign(state: State) -> &'static str {
    match state {
        State::Pass => "✓",
        State::Fail => "✗",
        State::Skip => "–",
        State::Error => "!",
    }
}

/// The steps that have verdicts or give points, in order, with their verdicts.
fn steps(report: &LessonReport) -> Vec<(&str, Vec<&Verdict>)> {
    let mut steps: Vec<(&str, Vec<&Verdict>)> = Vec::new();
    for verdict in &report.verdicts {
        match steps.iter_mut().find(|(step, _)| *step == verdict.step) {
            Some((_, verdicts)) => verdicts.push(verdict),
            None => steps.push((&verdict.step, vec![verdict])),
        }
    }
    for score in &report.steps {
        if !steps.iter().any(|(step, _)| *step == score.step) {
            steps.push((&score.step, Vec::new()));
        }
    }
    steps
}

/// A text made printable, in one line: what were several are put behind each other.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    printable(&lines.collect::<Vec<_>>().join(" "))
}

/// A text made printable, line by line.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
