use std::path::PathBuf;

use super::*;

fn request(directory: &Path, html: bool, solutions: bool, lang: Lang) -> Request<'_> {
    Request {
        directory: Some(directory),
        lesson: "base",
        html: Some(html),
        solutions,
        output: None,
        lang,
        color: false,
    }
}

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid_lessons")
}

fn said(request: &Request) -> String {
    let (out, errors, code) = handout(request);
    assert_eq!((errors.as_str(), code), ("", FINE));
    out
}

#[test]
fn a_handout_has_the_steps_boxes_to_tick_and_room_to_write() {
    let text = said(&request(&base(), false, false, Lang::En));
    for words in [
        "# One name, two sides\n",
        "## 1. What both sides see\n",
        "**Predict before you read on (1 point).**\n\n- [ ] ",
        "**Your prediction (step 2): did it come true? ……………**",
        "**Your task (3 points). At the end:**\n\n- [ ] ",
        "In the shell of box:\n\n………………………………",
        "In the host's shell:\n",
        "‹name› = ……………",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    assert!(!text.contains("{seed.") && !text.contains("{$"), "{text}");
}

#[test]
fn what_gives_the_answers_away_is_there_only_when_asked_for() {
    for html in [false, true] {
        let plain = said(&request(&base(), html, false, Lang::En));
        let full = said(&request(&base(), html, true, Lang::En));
        let (_, end) = full.split_once("Solutions").expect("a part of its own at the end");
        for words in ["hostname cigale-50", "What comes true:", "Why:", "Hints:"] {
            assert!(!plain.contains(words), "{words}: {plain}");
            assert!(end.contains(words), "{words}: {end}");
        }
        assert!(end.contains("those of the student ana: ‹name› = cigale-50"), "{end}");
    }
}

#[test]
fn a_handout_speaks_the_language_asked_for() {
    let text = said(&request(&base(), true, true, Lang::Fr));
    assert!(text.contains("<html lang=\"fr\">") && text.contains("Un nom, deux côtés"), "{text}");
    assert!(text.contains("Corrigé") && !text.contains("Solutions"), "{text}");
}

#[test]
fn what_a_lesson_says_is_no_markup_of_the_page() {
    let text =
        "a <script>alert(1)</script> <b>b</b> [c](javascript:d) ![e](http://f/g.png) & \"h\"\n\n<div>\ni\n</div>";
    let sheet = sheet::Sheet {
        id: "x\"><script>".to_owned(),
        title: "<i>T</i> & `c`".to_owned(),
        summary: text.to_owned(),
        facts: vec![text.to_owned()],
        own: vec![text.to_owned()],
        steps: vec![sheet::Part {
            heading: text.to_owned(),
            blocks: vec![
                sheet::Block::Text(text.to_owned()),
                sheet::Block::Label(text.to_owned()),
                sheet::Block::Choices(vec![text.to_owned()]),
                sheet::Block::Numbered(vec![text.to_owned()]),
                sheet::Block::Task { checks: vec![text.to_owned()], shells: vec![text.to_owned()] },
                sheet::Block::Commands("</code></pre><script>".to_owned()),
            ],
        }],
        answers: Vec::new(),
        whose: String::new(),
    };
    let page = html::page(&[sheet], Lang::En);
    for tag in ["<script", "<b>", "<i>", "<div>\ni", "<a ", "<img", "href", "src="] {
        assert!(!page.contains(tag), "{tag}: {page}");
    }
    assert!(page.contains("c (javascript:d)") && page.contains("&lt;script&gt;alert(1)"), "{page}");
}

#[test]
fn a_file_is_written_whole_and_only_in_the_place_of_a_file() {
    let place = tempfile::tempdir().expect("made");
    let base = base();
    let to = |path: &Path, lang: Lang| {
        handout(&Request { output: Some(path), html: None, ..request(&base, true, false, lang) })
    };
    let path = place.path().join("base.html");
    let (out, errors, code) = to(&path, Lang::En);
    assert_eq!((out.as_str(), errors.as_str(), code), (&*format!("{}: 1 lesson\n", path.display()), "", FINE));
    assert!(std::fs::read_to_string(&path).expect("read").starts_with("<!DOCTYPE html>"));
    let path = place.path().join("base.md");
    assert_eq!(to(&path, Lang::Fr).2, FINE);
    assert!(std::fs::read_to_string(&path).expect("read").starts_with("# Un nom, deux côtés"));
    assert_eq!(to(&path, Lang::En).2, FINE, "a handout may be made anew");
    assert!(to(place.path(), Lang::En).1.contains("failed to write: EEXIST"));
    assert!(to(&place.path().join("no/such"), Lang::En).1.contains("failed to write: ENOENT"));
    assert_eq!(std::fs::read_dir(place.path()).expect("listed").count(), 2);
}

#[test]
fn a_lesson_that_is_not_there_is_bad_usage() {
    let base = base();
    let (_, errors, code) = handout(&Request { lesson: "bsae", ..request(&base, true, false, Lang::En) });
    assert_eq!(code, USAGE);
    assert!(errors.contains("did you mean `base`"), "{errors}");
}
