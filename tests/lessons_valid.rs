//! Every lesson of the library, as data: `lesson lint` finds nothing in its files, and
//! what a session shows of it is filled in. What it comes to on a real kernel is
//! another test's matter.

use std::path::Path;

use cloison::app::lesson_commands::{LintRequest, Told, lint};
use cloison::i18n::{Explain, Lang};
use cloison::lesson::answers::{Answers, validate_answers};
use cloison::lesson::diagnostic::render_all;
use cloison::lesson::token::Key;
use cloison::lesson::{Lesson, Library, Operand, Predicate, Values};

/// The values of a student, by name.
type Own<'a> = dyn Fn(&Lesson, &str) -> Values + 'a;

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

/// Wherever a value of one's own is asked for, another student's is not what is asked:
/// by the checks themselves, with the values filled in.
#[test]
fn what_is_one_students_answer_is_not_anothers_with_a_class_key_and_without() {
    let key = Key::new([42; 32]);
    let (keyed, unkeyed): (&Own, &Own) =
        (&|lesson, name| Values::keyed(lesson, &key.token(name)), &|lesson, name| Values::new(lesson, name));
    let asked = std::cell::Cell::new(0);
    each(|lesson, _| {
        for own in [keyed, unkeyed] {
            let ana = own(lesson, "ana");
            // Few words may be shared; somebody shares none of this lesson's.
            let differs = |other: &Values| ana.iter().all(|(name, value)| other.get(name) != Some(value));
            let other = (0..1000).map(|number| own(lesson, &format!("student {number}"))).find(differs).unwrap();
            for check in lesson.steps.iter().filter_map(|step| step.task.as_ref()).flat_map(|task| &task.checks) {
                let written = format!("{check:?}");
                let (mine, theirs) = (check.with_values(&ana), check.with_values(&other));
                let same = format!("{mine:?}") == format!("{theirs:?}");
                assert_eq!(written.contains("{seed."), !same, "{}: {written}", lesson.id);
                assert!(!format!("{mine:?}").contains("{seed."), "{}: {mine:?}", lesson.id);
                if same {
                    continue;
                }
                asked.set(asked.get() + 1);
                match (&mine.is, &theirs.is) {
                    (Predicate::Matches(mine), Predicate::Matches(theirs)) if mine != theirs => {
                        let (expression, found) = (regex::Regex::new(mine).unwrap(), theirs.trim_end_matches('$'));
                        assert!(!expression.is_match(found), "{}: {written}", lesson.id);
                    }
                    (Predicate::Contains(Operand::Value(mine)), Predicate::Contains(Operand::Value(theirs))) => {
                        let (mine, theirs) = (mine.as_str().unwrap_or(""), theirs.as_str().unwrap_or(""));
                        assert!(mine == theirs || !theirs.contains(mine), "{}: {written}", lesson.id);
                    }
                    _ => {}
                }
            }
        }
        let seeds = format!("{:?}", lesson.steps.iter().filter_map(|step| step.task.as_ref()).collect::<Vec<_>>());
        assert!(lesson.seeds.is_empty() || seeds.contains("{seed."), "{}: no task asks for a value", lesson.id);
    });
    assert!(asked.get() > 100, "{}", asked.get());
}

#[test]
fn every_text_that_a_session_shows_has_its_values_filled_in() {
    use cloison::session::{Command, Session};
    each(|lesson, solution| {
        let (mut session, _) =
            Session::new(std::sync::Arc::new(lesson.clone()), solution.clone(), Values::new(lesson, &solution.student));
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
