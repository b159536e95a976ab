//! Reads each form of a report by a program or by rules that others keep, and gives what
//! it says of every lesson. Whatever the form does not allow is a panic that says so.

use std::sync::LazyLock;

use cloison::check::State;
use cloison::lesson::diagnostic::acts_on_terminal;
use cloison::report::{Document, Format};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;
use tap_parser::{DirectiveKind, TapParser, TapStatement, TapTest};
use uppsala::XsdValidator;

/// What a form says of one lesson; what it has no place for is not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Points earned and to earn; none where the lesson was not run.
    pub points: Option<(u64, u64)>,
    /// Whether this machine can't run it.
    pub cannot: bool,
    /// Per verdict, in order.
    pub states: Option<Vec<State>>,
}

/// Reads a report in any form; of the form for people only that it is printable.
pub fn read(format: Format, text: &str) -> Vec<Told> {
    let raw = text.chars().find(|c| *c != '\n' && acts_on_terminal(*c));
    assert_eq!(raw, None, "{format:?} has a character that acts on terminals: {text:?}");
    assert!(text.is_empty() || text.ends_with('\n'), "{format:?} does not end its last line");
    match format {
        Format::Human => Vec::new(),
        Format::Json => json(text),
        Format::Junit => junit(text),
        Format::Tap => tap(text),
        Format::Classroom50 => classroom50(text),
        Format::Gradescope => gradescope(text),
        Format::Markdown => markdown(text),
    }
}

/// By the schema in the repository, and back into our own types.
fn json(text: &str) -> Vec<Told> {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = include_str!("../../assets/report.schema.json");
        jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
    });
    let value: Value = serde_json::from_str(text).unwrap();
    let wrong: Vec<String> = SCHEMA.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}: {text}");
    let document: Document = serde_json::from_value(value).unwrap();
    let sum = |of: fn(&cloison::report::Entry) -> u32| document.lessons.iter().map(of).sum::<u32>();
    assert_eq!((document.points, document.out_of), (sum(|one| one.points), sum(|one| one.out_of)));
    let told = |entry: &cloison::report::Entry| Told {
        points: entry.cannot.is_none().then_some((entry.points.into(), entry.out_of.into())),
        cannot: entry.cannot.is_some(),
        states: Some(entry.verdicts.iter().map(|verdict| verdict.state).collect()),
    };
    document.lessons.iter().map(told).collect()
}

/// By the XSD of Jenkins' xUnit plugin.
fn junit(text: &str) -> Vec<Told> {
    static XSD: LazyLock<XsdValidator> = LazyLock::new(|| {
        let schema = uppsala::parse(include_str!("../schemas/junit-10.xsd")).unwrap();
        XsdValidator::from_schema(&schema).unwrap()
    });
    let document = uppsala::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let wrong = XSD.validate(&document);
    assert!(wrong.is_empty(), "{wrong:?}: {text}");
    let number = |node, name: &str| document.get_attribute(node, name).unwrap().parse::<usize>().unwrap();
    let suites = document.get_elements_by_tag_name("testsuite");
    let told = |suite| {
        let children = |name: &str, of| -> Vec<uppsala::NodeId> {
            let is_one = |child: &uppsala::NodeId| {
                document.element(*child).is_some_and(|element| element.name.local_name == name)
            };
            document.children(of).into_iter().filter(is_one).collect()
        };
        let cases = children("testcase", suite);
        let state = |case: &uppsala::NodeId| {
            let found: Vec<State> = [("failure", State::Fail), ("skipped", State::Skip), ("error", State::Error)]
                .into_iter()
                .flat_map(|(name, state)| vec![state; children(name, *case).len()])
                .collect();
            assert!(found.len() < 2, "two outcomes of one test case: {text}");
            found.first().copied().unwrap_or(State::Pass)
        };
        let states: Vec<State> = cases.iter().map(state).collect();
        let count = |of| states.iter().filter(|state| **state == of).count();
        assert_eq!(number(suite, "tests"), states.len());
        assert_eq!(number(suite, "failures"), count(State::Fail));
        assert_eq!(number(suite, "errors"), count(State::Error));
        assert_eq!(number(suite, "skipped"), count(State::Skip));
        let properties = children("properties", suite).into_iter().flat_map(|all| children("property", all));
        let values: Vec<(&str, &str)> = properties
            .map(|one| (document.get_attribute(one, "name").unwrap(), document.get_attribute(one, "value").unwrap()))
            .collect();
        let value = |name| values.iter().find(|one| one.0 == name).map(|one| one.1.parse().unwrap());
        let points = value("points").zip(value("out_of"));
        Told { points, cannot: points.is_none(), states: Some(states) }
    };
    let told: Vec<Told> = suites.into_iter().map(told).collect();
    let root = document.document_element().unwrap();
    let states = || told.iter().flat_map(|one| one.states.iter().flatten());
    assert_eq!(number(root, "tests"), states().count());
    assert_eq!(number(root, "failures"), states().filter(|state| **state == State::Fail).count());
    // What this machine can't run is one case that was skipped, and no verdict.
    let no_verdicts = |mut one: Told| {
        if one.cannot {
            assert_eq!(one.states.replace(Vec::new()), Some(vec![State::Skip]), "{text}");
        }
        one
    };
    told.into_iter().map(no_verdicts).collect()
}

/// By a parser of TAP 14; the diagnostics are YAML whose values are JSON.
fn tap(text: &str) -> Vec<Told> {
    let statements = TapParser::new().parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut told = Vec::new();
    for statement in &statements {
        match statement {
            TapStatement::Plan(plan) => assert_eq!(plan.count, statements.len() - 1, "{text}"),
            TapStatement::TestPoint(point) => {
                assert!(point.result && is_skipped(point), "a lesson without a subtest is skipped: {text}");
                told.push(Told { points: None, cannot: true, states: Some(Vec::new()) });
            }
            TapStatement::Subtest(sub) => {
                assert!(!is_skipped(&sub.ending), "{text}");
                let value = |key: &str| diagnostic(&sub.ending, key).and_then(|value| value.as_u64()).unwrap();
                let points = (value("points"), value("out_of"));
                assert_eq!(sub.ending.result, points.0 == points.1, "{text}");
                let mut states = Vec::new();
                for inner in &sub.statements {
                    match inner {
                        TapStatement::Plan(plan) => assert_eq!(plan.count, sub.statements.len() - 1, "{text}"),
                        TapStatement::TestPoint(point) => states.push(state(point)),
                        other => panic!("{other:?}: {text}"),
                    }
                }
                told.push(Told { points: Some(points), cannot: false, states: Some(states) });
            }
            other @ TapStatement::Comment(_) => panic!("{other:?}: {text}"),
        }
    }
    told
}

fn is_skipped(point: &TapTest) -> bool {
    point.directive.as_ref().is_some_and(|directive| directive.kind == DirectiveKind::Skip)
}

fn state(point: &TapTest) -> State {
    assert!(point.directive.as_ref().is_none_or(|directive| directive.kind == DirectiveKind::Skip));
    let severity = diagnostic(point, "severity");
    match (point.result, is_skipped(point), severity.as_ref().and_then(Value::as_str)) {
        (true, true, Some("skip")) => State::Skip,
        (true, false, None) => State::Pass,
        (false, false, Some("fail")) => State::Fail,
        (false, false, Some("error")) => State::Error,
        other => panic!("{other:?}: {point:?}"),
    }
}

fn diagnostic(point: &TapTest, key: &str) -> Option<Value> {
    let values: Vec<(&str, Value)> = point
        .yaml
        .iter()
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no value: {line}")))
        .map(|(key, value)| (key, serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {value}"))))
        .collect();
    values.into_iter().find(|one| one.0 == key).map(|one| one.1)
}

/// By the rules of the collector and of the runner (foundation50/classroom50:
/// `validate_result` in `collect_scores.py` and `runner.py`, and the wiki's "Advanced
/// Autograding"), told anew here. A lesson that can't be run is nowhere in it.
fn classroom50(text: &str) -> Vec<Told> {
    assert!(text.len() <= 10 << 20, "the collector takes 10 MiB at most");
    let value: Value = serde_json::from_str(text).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let texts = ["classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release", "review"];
    let known = |key: &&str| {
        texts.contains(key) || ["schema", "datetime", "graded_at", "score", "max-score", "tests"].contains(key)
    };
    assert!(keys.iter().all(known), "the collector knows no other keys: {keys:?}");
    assert_eq!(value["schema"], "classroom50/result/v1");
    for key in texts {
        assert!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {text}");
    }
    assert!(["individual", "group", "team"].contains(&value["assignment_type"].as_str().unwrap()), "{text}");
    assert!(value["submission"].as_str().unwrap().starts_with("submit/"), "{text}");
    let time = regex::Regex::new(r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$").unwrap();
    for key in ["datetime", "graded_at"] {
        assert!(time.is_match(value[key].as_str().unwrap()), "{key}: {text}");
    }
    let of = |of: &Value| {
        let (score, most) = (of["score"].as_u64().unwrap(), of["max-score"].as_u64().unwrap());
        assert!(score <= most, "{text}");
        (score, most)
    };
    let mut sum = (0, 0);
    for test in value["tests"].as_array().unwrap() {
        assert!(test["test-name"].as_str().is_some_and(|name| !name.is_empty()), "{text}");
        assert!(test["passed"].is_boolean(), "{text}");
        let (score, most) = of(test);
        sum = (sum.0 + score, sum.1 + most);
    }
    assert_eq!(of(&value), sum, "{text}");
    vec![Told { points: Some(sum), ..Told::default() }]
}

/// By Gradescope's documentation ("Output format" of the autograder specifications).
fn gradescope(text: &str) -> Vec<Told> {
    let value: Value = serde_json::from_str(text).unwrap();
    let tests = value["tests"].as_array().unwrap();
    let formats = ["text", "html", "simple_format", "md", "ansi"];
    for key in ["output_format", "test_output_format", "test_name_format"] {
        // Only `text` renders nothing of what a student wrote.
        assert!(formats.contains(&value[key].as_str().unwrap()) && value[key] == "text", "{text}");
    }
    assert!(
        ["visible", "hidden", "after_due_date", "after_published"].contains(&value["visibility"].as_str().unwrap())
    );
    assert!(value["execution_time"].is_number(), "{text}");
    let mut sum = (0, 0);
    for test in tests {
        assert!(test["name"].is_string() && test["output"].is_string(), "{text}");
        assert!(test["status"].is_null() || ["passed", "failed"].contains(&test["status"].as_str().unwrap()), "{text}");
        assert_eq!(test["score"].is_null(), test["max_score"].is_null(), "{text}");
        if let (Some(score), Some(most)) = (test["score"].as_u64(), test["max_score"].as_u64()) {
            assert_eq!(test["status"] == "passed", score == most, "{text}");
            sum = (sum.0 + score, sum.1 + most);
        }
    }
    let cannot = tests.iter().any(|test| test["status"].is_null());
    if cannot {
        assert!(value["score"].is_null() && tests.iter().all(|test| test["score"].is_null()), "half a score: {text}");
        assert!(value["output"].as_str().is_some_and(|output| !output.is_empty()), "{text}");
    } else if !tests.is_empty() {
        assert_eq!(value["score"], sum.0, "{text}");
    }
    vec![Told { points: value["score"].as_u64().map(|score| (score, sum.1)), cannot, states: None }]
}

/// By a parser of CommonMark with GitHub's tables: a heading and a table per lesson, and
/// nothing but words, code and tables in it.
fn markdown(text: &str) -> Vec<Told> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut told: Vec<Told> = Vec::new();
    let mut cells: Vec<String> = Vec::new();
    let (mut heading, mut last) = (None, String::new());
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => (heading, last) = (Some(()), String::new()),
            Event::End(TagEnd::Heading(_)) => {
                heading = None;
                let points = last.rsplit(' ').next().and_then(|points| points.split_once('/'));
                let points = points.and_then(|(one, all)| Some((one.parse().ok()?, all.parse().ok()?)));
                told.push(Told { points, cannot: points.is_none(), states: Some(Vec::new()) });
            }
            Event::Start(Tag::TableRow) => cells.clear(),
            Event::Start(Tag::TableCell) => cells.push(String::new()),
            Event::End(TagEnd::TableRow) => {
                assert_eq!(cells.len(), 4, "{text}");
                let state = match cells[3].split(' ').next() {
                    Some("✅") => State::Pass,
                    Some("❌") => State::Fail,
                    Some("➖") => State::Skip,
                    Some("⚠️") => State::Error,
                    other => panic!("{other:?}: {text}"),
                };
                told.last_mut().unwrap().states.as_mut().unwrap().push(state);
            }
            Event::Text(words) => {
                let words = words.to_string();
                // GitHub makes links and mentions of these, CommonMark does not. In a
                // block of code it does not either.
                cells.last_mut().unwrap_or(&mut String::new()).push_str(&words);
                last.push_str(&words);
            }
            Event::Code(code) => {
                cells.last_mut().unwrap_or(&mut String::new()).push_str(&code);
                if heading.is_some() {
                    last.push_str(&code);
                }
            }
            Event::Start(Tag::Paragraph | Tag::CodeBlock(_) | Tag::Table(_) | Tag::TableHead)
            | Event::End(_)
            | Event::SoftBreak => {}
            other => panic!("{other:?}: {text}"),
        }
    }
    links(text);
    told
}

/// No text outside of code may be what GitHub makes a link or a mention of.
fn links(text: &str) {
    let mut depth = 0;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => depth += 1,
            Event::End(TagEnd::CodeBlock) => depth -= 1,
            Event::Text(words) if depth == 0 => {
                let words = words.to_ascii_lowercase();
                let found = ["://", "@", "www.", "#", "<"].into_iter().find(|sign| words.contains(sign));
                assert_eq!(found, None, "{text}");
            }
            _ => {}
        }
    }
}
