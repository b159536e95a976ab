//! Every lesson of the library, as data: it loads, speaks both languages, and its
//! solution and wrong answers refer to what is there. What they come to on a real
//! kernel is another test's matter.

use std::collections::BTreeSet;
use std::path::Path;

use cloison::i18n::{Explain, Lang};
use cloison::lesson::answers::{Answers, validate_answers};
use cloison::lesson::broken::{Case, parse_broken};
use cloison::lesson::diagnostic::render_all;
use cloison::lesson::token::Key;
use cloison::lesson::{Diagnostic, Lesson, Library, Operand, Predicate, Values};

/// The values of a student, by name.
type Own<'a> = dyn Fn(&Lesson, &str) -> Values + 'a;

fn library() -> Library {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    Library::open(Some(&folder)).unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)))
}

/// Each lesson with its solution and its wrong answers; panics with all that is
/// wrong, at its place.
fn each(mut judge: impl FnMut(&Lesson, &Answers, &[Case])) {
    let library = library();
    for listed in library.list() {
        let lesson = library.get(&listed.id).unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)));
        let file = |name: &str| {
            let file = library.file(&listed.id, name).unwrap_or_else(|error| panic!("{}", error.explain(Lang::En)));
            file.unwrap_or_else(|| panic!("{} has no {name}", listed.folder))
        };
        let solution = or_panic(validate_answers(&file("solution.toml"), &lesson));
        let cases = or_panic(parse_broken(&file("broken.toml"), &lesson, &solution));
        judge(&lesson, &solution, &cases);
    }
}

fn or_panic<T>(read: Result<T, Vec<Diagnostic>>) -> T {
    read.unwrap_or_else(|mistakes| panic!("{}", render_all(&mistakes, Lang::En, false)))
}

#[test]
fn every_lesson_loads_with_its_solution_and_wrong_answers() {
    let mut seen = 0;
    each(|_, _, _| seen += 1);
    assert!(seen > 0, "no lesson was found");
}

#[test]
fn every_solution_answers_every_prediction_and_task() {
    each(|lesson, solution, _| {
        for step in &lesson.steps {
            if step.predict.is_some() {
                assert!(solution.answers.contains_key(&step.id), "{}: no answer to {}", lesson.id, step.id);
            }
            if step.task.is_some() {
                assert!(solution.tasks.contains_key(&step.id), "{}: no commands for {}", lesson.id, step.id);
            }
        }
    });
}

#[test]
fn a_solution_uses_its_students_own_values() {
    each(|lesson, solution, _| {
        let commands: String = solution.tasks.values().flat_map(|shells| shells.values().cloned()).collect();
        let own = Values::new(lesson, &solution.student);
        let used = own.iter().filter(|(_, value)| commands.contains(value)).count();
        assert!(
            lesson.seeds.is_empty() || used > 0,
            "{}: no value of {} in its solution: {:?}",
            lesson.id,
            solution.student,
            own
        );
    });
}

#[test]
fn every_task_has_a_wrong_answer_that_fails_it() {
    each(|lesson, _, cases| {
        let broken: BTreeSet<&str> = cases.iter().map(|case| case.step.as_str()).collect();
        for step in lesson.steps.iter().filter(|step| step.task.is_some()) {
            assert!(broken.contains(step.id.as_str()), "{}: no wrong answer for {}", lesson.id, step.id);
        }
    });
}

#[test]
fn every_prediction_is_put_next_to_what_happened_in_a_later_step() {
    each(|lesson, _, _| {
        for (at, step) in lesson.steps.iter().enumerate().filter(|(_, step)| step.predict.is_some()) {
            let recalled = lesson.steps[at + 1..].iter().any(|later| later.recall.as_ref() == Some(&step.id));
            assert!(recalled, "{}: {} is never recalled", lesson.id, step.id);
        }
    });
}

#[test]
fn no_lesson_sets_a_name_of_the_host() {
    use cloison::lesson::Op;
    use cloison::lesson::op::NsKind;
    each(|lesson, _, _| {
        // Who is behind a wall of its own, or without the right to do it, by an op
        // before: the ones after a failure are never tried.
        let mut walled = BTreeSet::new();
        for (step, op) in lesson.steps.iter().flat_map(|step| step.ops.iter().map(move |op| (step, op))) {
            match &op.op {
                Op::Unshare { kinds, .. } if kinds.contains(&NsKind::Uts) || kinds.contains(&NsKind::User) => {
                    walled.insert(op.actor.clone());
                }
                Op::Fork { child } if walled.contains(&op.actor) => {
                    walled.insert(child.clone());
                }
                Op::Hostname { .. } | Op::Domainname { .. } => {
                    assert!(walled.contains(&op.actor), "{}: {} names the host in {}", lesson.id, op.actor, step.id);
                }
                _ => {}
            }
        }
    });
}

/// Wherever a value of one's own is asked for, another student's is not what is asked:
/// by the checks themselves, with the values filled in.
#[test]
fn what_is_one_students_answer_is_not_anothers_with_a_class_key_and_without() {
    let key = Key::new([42; 32]);
    let (keyed, unkeyed): (&Own, &Own) =
        (&|lesson, name| Values::keyed(lesson, &key.token(name)), &|lesson, name| Values::new(lesson, name));
    let asked = std::cell::Cell::new(0);
    each(|lesson, _, _| {
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
    each(|lesson, solution, _| {
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
