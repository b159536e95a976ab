use super::{human, json};
use crate::check::verdict::StepScore;
use crate::check::{LessonReport, State, Verdict};
use crate::i18n::Lang;

fn verdict(step: &str, check: &str, state: State, found: &str) -> Verdict {
    Verdict {
        step: step.to_owned(),
        check: check.to_owned(),
        state,
        label: format!("the words for {check}"),
        expected: "\"cigale-42\"".to_owned(),
        found: found.to_owned(),
        help: if state == State::Pass { String::new() } else { "Use\n\nhostname(1).".to_owned() },
        after: None,
    }
}

fn report(found: &str) -> LessonReport {
    LessonReport {
        lesson: "uts".to_owned(),
        title: "One name, two sides".to_owned(),
        student: "ana".to_owned(),
        points: 1,
        out_of: 4,
        millis: 412,
        cannot: None,
        steps: vec![
            StepScore { step: "guess".to_owned(), points: 1, out_of: 1, millis: 3 },
            StepScore { step: "rename".to_owned(), points: 0, out_of: 3, millis: 95 },
        ],
        verdicts: vec![
            verdict("guess", "prediction", State::Pass, "other"),
            verdict("rename", "renamed", State::Fail, found),
            verdict("rename", "host-kept", State::Error, "uname could not be read"),
            verdict("rename", "last", State::Skip, ""),
        ],
    }
}

#[test]
fn people_read_what_was_expected_and_what_is_there() {
    assert_eq!(
        human(&report("\"lab\""), Lang::En, false),
        "\
uts · One name, two sides · ana  1/4 points

guess  1/1
  ✓ the words for prediction

rename  0/3
  ✗ the words for renamed
    expected: \"cigale-42\"
    found: \"lab\"
    help: Use
      hostname(1).
  ! the words for host-kept
    could not be judged
    expected: \"cigale-42\"
    found: uname could not be read
    help: Use
      hostname(1).
  – the words for last
    not reached, or not answered
    expected: \"cigale-42\"
    help: Use
      hostname(1).
"
    );
    assert!(human(&report("\"lab\""), Lang::Fr, false).contains("attendu : \"cigale-42\"\n    trouvé : \"lab\""));
}

#[test]
fn colours_add_nothing_but_colour() {
    let plain = human(&report("x"), Lang::En, false);
    let coloured = human(&report("x"), Lang::En, true);
    let stripped = regex::Regex::new("\u{1b}\\[[0-9]+m").expect("compiles").replace_all(&coloured, "").into_owned();
    assert_ne!(plain, coloured);
    assert_eq!(plain, stripped);
}

#[test]
fn machines_read_a_stable_shape() {
    let reports = [report("\"lab\"")];
    let value: serde_json::Value = serde_json::from_str(&json(&reports, Lang::Fr)).expect("JSON");
    assert_eq!(value["format"], 1);
    assert_eq!(value["language"], "fr");
    assert_eq!(value["passed"], false);
    assert_eq!((value["points"].as_u64(), value["out_of"].as_u64()), (Some(1), Some(4)));
    let lesson = &value["lessons"][0];
    assert_eq!(lesson["steps"][1], serde_json::json!({ "step": "rename", "points": 0, "out_of": 3, "millis": 95 }));
    assert_eq!(lesson["verdicts"][1]["state"], "fail");
    assert_eq!(lesson["verdicts"][1]["help"], "Use\n\nhostname(1).");
}

#[test]
fn nothing_graded_is_not_passed() {
    assert!(json(&[], Lang::En).contains("\"passed\": false"));
}

#[test]
fn nothing_of_a_box_reaches_the_terminal_raw() {
    let hostile = "\u{1b}]0;gotcha\u{7}\u{9b}2J\r\u{202e}";
    let mut report = report(hostile);
    for text in [&mut report.title, &mut report.student, &mut report.lesson] {
        hostile.clone_into(text);
    }
    for verdict in &mut report.verdicts {
        for text in
            [&mut verdict.step, &mut verdict.check, &mut verdict.label, &mut verdict.expected, &mut verdict.help]
        {
            hostile.clone_into(text);
        }
    }
    report.steps[0].step = hostile.to_owned();
    let raw = |c: char| c != '\n' && crate::lesson::diagnostic::acts_on_terminal(c);
    let texts = [human(&report, Lang::En, false), human(&report, Lang::Fr, false), json(&[report], Lang::En)];
    for text in texts {
        assert!(!text.contains(raw), "{text:?}");
    }
}
