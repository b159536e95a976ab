use std::path::{Path, PathBuf};

use super::*;

fn lessons() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid_lessons")
}

/// A copy of the base lesson, with one of its files changed.
fn changed(file: &str, change: impl Fn(String) -> String) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("made");
    let folder = directory.path().join("01-base");
    std::fs::create_dir(&folder).expect("made");
    for entry in std::fs::read_dir(lessons().join("01-base")).expect("listed") {
        let entry = entry.expect("listed");
        std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("copied");
    }
    let path = folder.join(file);
    let text = change(std::fs::read_to_string(&path).unwrap_or_default());
    std::fs::write(&path, text).expect("written");
    (directory, folder)
}

#[test]
fn lessons_are_listed_in_the_language_asked_for() {
    let (out, errors, code) = list(Some(&lessons()), Lang::En, false, false);
    assert_eq!(out, "01  C  base  One name, two sides    4 pts    6 min  userns\n");
    assert_eq!((errors.as_str(), code), ("", 0));
    assert!(list(Some(&lessons()), Lang::Fr, false, false).0.contains("Un nom, deux côtés"));
}

#[test]
fn the_list_for_machines_holds_both_languages() {
    let (out, ..) = list(Some(&lessons()), Lang::En, true, false);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let lesson = &value["lessons"][0];
    assert_eq!(lesson["title"], serde_json::json!({ "en": "One name, two sides", "fr": "Un nom, deux côtés" }));
    assert_eq!(lesson["needs"], serde_json::json!(["userns"]));
    assert_eq!((lesson["points"].as_u64(), lesson["minutes"].as_u64()), (Some(4), Some(6)));
    assert_eq!(lesson["steps"][3]["kind"], "task");
    assert_eq!(lesson["steps"][0]["kind"], serde_json::Value::Null);
}

#[test]
fn one_lesson_is_shown_with_its_steps() {
    let (out, _, code) = show(Some(&lessons()), "base", Lang::En, false, false);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "\
base · One name, two sides
A name of one's own.

4 points, about 6 minutes
Linux 2.6.19 or later
needs: userns
programs: hostname

  1. What both sides see
  2. A guess  (prediction, 1 pt)
  3. The wall
  4. Your turn  (task, 3 pts)
"
    );
}

#[test]
fn an_unknown_lesson_is_bad_usage_with_a_suggestion() {
    let (out, errors, code) = show(Some(&lessons()), "bsae", Lang::Fr, false, false);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(errors.contains("vouliez-vous dire « base » (01) ?"), "{errors}");
}

#[test]
fn a_directory_that_is_not_there_is_bad_usage() {
    let (_, errors, code) = list(Some(Path::new("/nonexistent")), Lang::En, false, false);
    assert_eq!(code, 2);
    assert!(errors.contains("failed to list the lessons"), "{errors}");
}

#[test]
fn nothing_is_wrong_with_the_base_lesson() {
    let (out, errors, code) = lint(None, &[lessons()], Lang::En, false);
    assert_eq!((errors.as_str(), code), ("", 0));
    assert!(out.ends_with("01-base: nothing to find fault with\n"), "{out}");
    assert_eq!(lint(None, &[lessons().join("01-base")], Lang::En, false).2, 0);
}

#[track_caller]
fn lint_says(file: &str, change: impl Fn(String) -> String, words: &str) {
    let (_directory, folder) = changed(file, change);
    let (_, errors, code) = lint(None, &[folder], Lang::En, false);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains(words), "{errors}");
}

#[test]
fn lint_looks_at_every_file_of_a_lesson() {
    lint_says("lesson.toml", |text| text.replace("minutes", "minuts"), "unknown key `minuts`");
    lint_says("fr.md", |text| text.replace("### why", "### pourquoi"), "`pourquoi` is no part of a step");
    lint_says("solution.toml", |text| text.replace("guess", "guest"), "no step `guest` in this lesson");
    lint_says("solution.toml", |text| text.replace("guess = \"other\"", ""), "nothing on the step `guess`");
    lint_says("solution.toml", |text| text.replace("ana", "bob"), "the values of the student `bob`");
    lint_says("broken.toml", |text| text.replace("host-kept", "kept"), "no check `rename.kept` in this lesson");
    lint_says("draft.txt", |text| text, "a file that no lesson has");
}

#[test]
fn a_lesson_that_is_wrong_does_not_hide_the_others() {
    let (directory, folder) = changed("lesson.toml", |text| text);
    std::fs::create_dir(directory.path().join("02-empty")).expect("made");
    let (out, errors, code) = list(Some(directory.path()), Lang::En, false, false);
    assert!(out.contains("base") && errors.contains("02-empty/lesson.toml"), "{out}{errors}");
    assert_eq!(code, 1);
    drop(folder);
}

#[test]
fn an_empty_directory_holds_no_lessons() {
    let directory = tempfile::tempdir().expect("made");
    assert_eq!(lint(None, &[directory.path().to_path_buf()], Lang::En, false).2, 2);
    assert_eq!(list(Some(directory.path()), Lang::En, false, false).0, "no lessons here\n");
}
