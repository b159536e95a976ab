//! `lesson handout` of every lesson: valid HTML that stands alone, and Markdown that is
//! complete, in both languages.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::Command;

use cloison::i18n::Lang;
use cloison::lesson::Library;
use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

fn handout(lang: Lang, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["--lang", lang.code(), "lesson", "handout", "all"])
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every element of a page, with its attributes, in order.
fn elements(node: &Handle, found: &mut Vec<(String, Vec<(String, String)>)>) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes = attrs.borrow();
        let attributes = attributes.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
        found.push((name.local.to_string(), attributes.collect()));
    }
    node.children.borrow().iter().for_each(|child| elements(child, found));
}

#[test]
fn html_of_every_lesson_is_valid_and_needs_nothing_else() {
    let lessons = Library::open(None).unwrap().list().len();
    for lang in Lang::ALL {
        let page = handout(lang, &["--format", "html", "--with-solutions"]);
        let options = ParseOpts {
            tokenizer: html5ever::tokenizer::TokenizerOpts { exact_errors: true, ..Default::default() },
            ..ParseOpts::default()
        };
        let read: RcDom = parse_document(RcDom::default(), options).one(page.as_str());
        assert_eq!(*read.errors.borrow(), [""; 0]);
        let mut found = Vec::new();
        elements(&read.document, &mut found);
        let html = &found[0];
        assert_eq!((html.0.as_str(), &html.1), ("html", &vec![("lang".to_owned(), lang.code().to_owned())]));
        let count = |name: &str| found.iter().filter(|(element, _)| element == name).count();
        assert_eq!((count("article"), count("h1"), count("title")), (lessons, lessons, 1));
        for name in ["script", "link", "img", "a", "iframe", "form", "object", "base"] {
            assert_eq!(count(name), 0, "{name}");
        }
        for (element, attributes) in &found {
            for (name, value) in attributes {
                assert!(!name.starts_with("on") && name != "src" && name != "href", "{element} {name}");
                assert!(!value.contains("url("), "{element} {value}");
            }
        }
        assert!(!page.contains("url(") && !page.contains("@import"));
    }
}

#[test]
fn nothing_of_the_screen_is_left_in_a_handout() {
    for lang in Lang::ALL {
        for more in [&["--format", "markdown"][..], &["--format", "html"], &["--with-solutions"]] {
            let text = handout(lang, more);
            for sign in ["{seed.", "{$", "\u{1b}"] {
                assert!(!text.contains(sign), "{sign} in {lang:?} {more:?}");
            }
        }
    }
}

#[test]
fn without_solutions_no_command_of_theirs_is_told() {
    let library = Library::open(None).unwrap();
    for lang in Lang::ALL {
        let text = handout(lang, &[]);
        for listed in library.list() {
            let source = library.file(&listed.id, "solution.toml").unwrap().unwrap();
            let solution = cloison::lesson::answers::parse_answers(&source).unwrap();
            let values = cloison::lesson::Values::new(&library.get(&listed.id).unwrap(), &solution.student);
            // What has a value of the student's own in it is nowhere but in the solution.
            for (_, value) in values.iter() {
                let told = solution.tasks.values().flat_map(|shells| shells.values()).flat_map(|text| text.lines());
                for command in told.filter(|command| command.contains(value) && value.len() > 4) {
                    assert!(!text.contains(command), "{}: {command}", listed.id);
                }
            }
        }
    }
}
