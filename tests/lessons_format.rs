//! The format of lessons: what is valid loads, every mistake has its message, and
//! nothing that a file may hold makes the loader panic.

use std::path::{Path, PathBuf};

use cloison::i18n::Lang;
use cloison::lesson::diagnostic::render_all;
use cloison::lesson::load::{Files, load_files};
use cloison::lesson::{Lesson, load};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn base() -> Lesson {
    match load(&tests().join("valid_lessons/01-base")) {
        Ok(lesson) => lesson,
        Err(found) => panic!("{}", render_all(&found, Lang::En, false)),
    }
}

#[test]
fn the_base_lesson_is_valid_and_complete() {
    let lesson = base();
    assert_eq!((lesson.id.as_str(), lesson.number, lesson.points()), ("base", 1, 4));
    assert_eq!(lesson.steps.len(), 4);
    for lang in Lang::ALL {
        let text = lesson.text(lang);
        assert_eq!(text.steps.len(), 4);
        assert_eq!(text.steps[3].hints.len(), 3);
        assert_eq!(text.steps[3].checks.len(), 4);
        assert!(text.steps[0].notes.is_some());
    }
    assert_eq!(lesson.text(Lang::Fr).steps[1].title, "Un pari");
}

#[test]
fn every_lesson_of_this_repository_loads() {
    let library = cloison::lesson::Library::open(Some(&tests().join("../lessons"))).expect("lists");
    for entry in library.list() {
        if let Err(error) = library.get(&entry.id) {
            panic!("{error}");
        }
    }
}
