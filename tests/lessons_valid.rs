//! Every lesson of the library, as data: `lesson lint` finds nothing in its files, and
//! what a session shows of it is filled in. What it comes to on a real kernel is
//! another test's matter.

use std::path::Path;

use cloison::app::lesson_commands::{LintRequest, Told, lint};
use cloison::i18n::{Explain, Lang};
use cloison::lesson::answers::{Answers, validate_answers};
use cloison::lesson::diagnostic::render_all;
use cloison::lesson::{Lesson, Library};

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons")
}

/// Each lesson with its solution.
fn each(mut judge: impl FnMut(&Lesson, &Answers)) {
    let library = Library::open(Some(&directory())).unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)));
    for listed in library.list() {
        let lesson = library.get(&listed.id).unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)));
        let file =
            library.file(&listed.id, "solution.toml").unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)));
        let file = file.unwrap_or_else(|| panic!("{} has no solution.toml", listed.folder));
        let solution = validate_answers(&file, &lesson);
        judge(&lesson, &solution.unwrap_or_else(|mistakes| panic!("{}", render_all(&mistakes, Lang::En, false))));
    }
}

#[test]
fn lint_finds_nothing_in_the_files_of_any_lesson() {
    let (mut fine, mut wrong) = (0, String::new());
    let directory = directory();
    let request = LintRequest {
        directory: Some(&directory),
        folders: &[],
        program: None,
        hands: 1,
        lang: Lang::En,
        color: false,
    };
    let code = lint(&request, &mut |told| match told {
        Told::Fine(_) => fine += 1,
        Told::Wrong(text) => wrong.push_str(&text),
        Told::Progress(_) => {}
    });
    assert_eq!((code, wrong.as_str()), (0, ""));
    assert_eq!(fine, Library::open(Some(&directory)).expect("lists").list().len());
}

#[test]
fn every_text_that_a_session_shows_has_its_values_filled_in() {
    use cloison::session::{Command, Session};
    each(|lesson, solution| {
        let (mut session, _) =
            Session::new(std::sync::Arc::new(lesson.clone()), solution.clone(), solution.student.clone());
        session.apply(Command::Performed(cloison::session::StepOutcome::default()));
        for step in 0..lesson.steps.len() {
            session.apply(Command::Goto(step));
            session.apply(Command::Rebuilt { to: step, outcomes: Vec::new() });
            (0..3).for_each(|_| drop(session.apply(Command::Hint)));
            for lang in Lang::ALL {
                let mut shown = vec![session.title(lang), session.prose(lang)];
                shown.extend(session.hints(lang));
                shown.extend(session.why(lang));
                shown.extend(session.task(lang).into_iter().flat_map(|task| task.checks).map(|check| check.label));
                if let Some(prediction) = session.prediction() {
                    shown.extend(prediction.choices.iter().map(|choice| choice.text(lang).to_owned()));
                }
                for text in &shown {
                    assert!(!text.contains("{seed.") && !text.contains("{$"), "{}: {text}", lesson.id);
                }
                assert!(session.recall(lang).is_some() == lesson.steps[step].recall.is_some(), "{}", lesson.id);
            }
        }
        assert_eq!(session.step() + 1, lesson.steps.len());
    });
}
