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

/// What lint says of the files of these folders: standard output, standard error, exit
/// code.
fn files_of(folders: &[PathBuf], lang: Lang) -> Output {
    let (mut out, mut errors) = (String::new(), String::new());
    let request = LintRequest { directory: None, folders, program: None, hands: 1, lang, color: false };
    let code = lint(&request, &mut |told| match told {
        Told::Fine(text) => out.push_str(&text),
        Told::Wrong(text) => errors.push_str(&text),
        Told::Progress(text) => panic!("nothing is run: {text}"),
    });
    (out, errors, code)
}

#[test]
fn nothing_is_wrong_with_the_base_lesson() {
    let (out, errors, code) = files_of(&[lessons()], Lang::En);
    assert_eq!((errors.as_str(), code), ("", 0));
    assert!(out.ends_with("01-base: nothing to find fault with\n"), "{out}");
    assert_eq!(files_of(&[lessons().join("01-base")], Lang::Fr).2, 0);
}

#[track_caller]
fn lint_says(file: &str, change: impl Fn(String) -> String, words: &str) {
    let (_directory, folder) = changed(file, change);
    let (_, errors, code) = files_of(&[folder], Lang::En);
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
fn lint_holds_a_lesson_to_how_a_lesson_goes() {
    let elsewhere = |text: String| {
        let at = text.find("[case.tasks").expect("a task");
        text.replace("rename.host-kept", "guess.prediction").replace(&text[at..], "")
    };
    lint_says("broken.toml", elsewhere, "no wrong answer to the task `rename`");
    let on_the_host = |text: String| text.replace("actor = \"init\", hostname", "actor = \"peer\", hostname");
    lint_says("lesson.toml", on_the_host, "in the step `unshare`, `peer` would rename the machine itself");
}

#[test]
fn a_lesson_without_wrong_answers_proves_nothing() {
    let (_directory, folder) = changed("lesson.toml", |text| text);
    std::fs::remove_file(folder.join("broken.toml")).expect("removed");
    let (_, errors, code) = files_of(&[folder], Lang::En);
    assert_eq!(code, 1);
    assert!(errors.contains("no broken.toml"), "{errors}");
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
    assert_eq!(files_of(&[directory.path().to_path_buf()], Lang::En).2, 2);
    assert_eq!(list(Some(directory.path()), Lang::En, false, false).0, "no lessons here\n");
}

#[test]
fn a_new_lesson_is_complete_and_takes_the_next_number() {
    let place = tempfile::tempdir().expect("made");
    let directory = place.path().join("lessons");
    for (id, folder) in [("first", "01-first"), ("a-second-1", "02-a-second-1")] {
        let (out, errors, code) = new(id, &directory, Lang::En, false);
        assert_eq!((errors.as_str(), code), ("", 0));
        assert!(out.contains(&format!("{folder}: a small lesson")), "{out}");
        let (_, errors, code) = files_of(&[directory.join(folder)], Lang::En);
        assert_eq!((errors.as_str(), code), ("", 0));
    }
    // Nothing else is there, and what is there is for everybody to read as usual.
    let mut names: Vec<_> = std::fs::read_dir(&directory).expect("listed").map(|entry| entry.expect("one")).collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    assert_eq!(names.iter().map(std::fs::DirEntry::file_name).collect::<Vec<_>>(), ["01-first", "02-a-second-1"]);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).expect("there").permissions().mode()
    };
    assert_eq!(mode(&names[0].path()), mode(&directory));
}

#[test]
fn a_new_lesson_is_never_written_over_something() {
    let place = tempfile::tempdir().expect("made");
    let says = |id: &str, directory: &Path, words: &str| {
        let (out, errors, code) = new(id, directory, Lang::En, false);
        assert_eq!((out.as_str(), code), ("", 2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    };
    for id in ["", "Uts", "2nd", "a b", "../x", "é", &"x".repeat(41), "a/b", "-a", "a\u{1b}[2J"] {
        says(id, place.path(), "a small letter, then small letters, digits and hyphens, 40 at most");
    }
    says("all", place.path(), "`all` is not a lesson's name");
    says("one", &place.path().join("not/there"), "failed to write: ENOENT");
    std::fs::write(place.path().join("file"), "").expect("written");
    says("one", &place.path().join("file"), "failed to list the lessons");
    assert_eq!(new("one", place.path(), Lang::En, false).2, 0);
    says("one", place.path(), "there is already a lesson `one`");
    // A file that has the place of the next lesson's folder.
    std::fs::write(place.path().join("02-two"), "mine").expect("written");
    says("two", place.path(), "02-two");
    assert_eq!(std::fs::read_to_string(place.path().join("02-two")).expect("read"), "mine");
    let entries = std::fs::read_dir(place.path()).expect("listed").count();
    assert_eq!(entries, 3, "what could not be written leaves nothing");
}
