//! A report as JUnit XML, for CI systems. There is no standard: this holds to the XSD
//! that Jenkins' xUnit plugin keeps (`junit-10.xsd`), whose elements GitLab, Gradle and
//! GitHub's reporters read, too.
//!
//! A test suite per lesson, a test case per verdict. Points are properties of the suite
//! (`points`, `out_of`, `points.STEP`): in that XSD a test case has none. What could not
//! be judged is an `<error>`; what was not answered or reached, and a lesson that this
//! machine can't run, is `<skipped>`. A step is timed as a whole, so its time is that of
//! its first test case.

use std::fmt::Write as _;

use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;

use super::{cannot, details, label, message, one_line};

/// The reports as one JUnit document, with a newline at the end.
pub fn junit(reports: &[LessonReport], lang: Lang) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let Counts { tests, failures, errors, .. } = Counts::of(reports);
    let time = seconds(reports.iter().map(|report| report.millis).sum());
    line(
        &mut out,
        0,
        &format!(
            "<testsuites name=\"cloison\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\">"
        ),
    );
    for report in reports {
        suite(&mut out, report, lang);
    }
    line(&mut out, 0, "</testsuites>");
    out
}

fn suite(out: &mut String, report: &LessonReport, lang: Lang) {
    let Counts { tests, failures, errors, skipped } = Counts::of(std::slice::from_ref(report));
    let (name, time) = (escaped(&report.lesson), seconds(report.millis));
    line(
        out,
        1,
        &format!(
            "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time}\">"
        ),
    );
    line(out, 2, "<properties>");
    property(out, "title", &report.title);
    property(out, "student", &report.student);
    if report.cannot.is_none() {
        property(out, "points", &report.points.to_string());
        property(out, "out_of", &report.out_of.to_string());
        for score in &report.steps {
            property(out, &format!("points.{}", score.step), &format!("{}/{}", score.points, score.out_of));
        }
    }
    line(out, 2, "</properties>");
    if let Some(why) = cannot(report, lang) {
        let (title, why) = (escaped(&report.title), escaped(&one_line(&why)));
        line(out, 2, &format!("<testcase classname=\"{name}\" name=\"{title}\" time=\"0.000\">"));
        line(out, 3, &format!("<skipped message=\"{why}\"/>"));
        line(out, 2, "</testcase>");
    }
    let mut timed: Vec<&str> = Vec::new();
    for verdict in &report.verdicts {
        let is_first = !timed.contains(&verdict.step.as_str());
        timed.push(&verdict.step);
        let score = report.steps.iter().find(|score| is_first && score.step == verdict.step);
        case(out, report, verdict, score.map_or(0, |score| score.millis), lang);
    }
    line(out, 1, "</testsuite>");
}

fn case(out: &mut String, report: &LessonReport, verdict: &Verdict, millis: u64, lang: Lang) {
    let head = format!(
        "<testcase classname=\"{}.{}\" name=\"{}: {}\" time=\"{}\"",
        escaped(&report.lesson),
        escaped(&verdict.step),
        escaped(&verdict.check),
        escaped(&one_line(label(verdict))),
        seconds(millis),
    );
    let element = match verdict.state {
        State::Pass => return line(out, 2, &format!("{head}/>")),
        State::Fail => "failure",
        State::Skip => "skipped",
        State::Error => "error",
    };
    line(out, 2, &format!("{head}>"));
    let message = escaped(&message(verdict, lang));
    let body = details(verdict, lang).join("\n");
    line(out, 3, &format!("<{element} message=\"{message}\">{}</{element}>", escaped(&body)));
    line(out, 2, "</testcase>");
}

fn property(out: &mut String, name: &str, value: &str) {
    line(out, 3, &format!("<property name=\"{}\" value=\"{}\"/>", escaped(name), escaped(&one_line(value))));
}

struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of(reports: &[LessonReport]) -> Self {
        let verdicts = || reports.iter().flat_map(|report| &report.verdicts);
        let count = |state| verdicts().filter(|verdict| verdict.state == state).count();
        let cannot = reports.iter().filter(|report| report.cannot.is_some()).count();
        Self {
            tests: verdicts().count() + cannot,
            failures: count(State::Fail),
            errors: count(State::Error),
            skipped: count(State::Skip) + cannot,
        }
    }
}

/// Milliseconds as seconds with three decimals, as Surefire writes them.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// For text and attributes of XML 1.0. Characters that it forbids (section 2.2), and
/// others that act on a terminal, become printable signs.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.split('\n').map(crate::lesson::diagnostic::printable).collect::<Vec<_>>().join("\n").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{:1$}{text}", "", 2 * depth);
}
