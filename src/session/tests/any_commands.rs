//! Whatever is done, in whatever order: the session stays consistent, and what is
//! saved resumes as it was.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// What a face would show: all of it, so that a panic anywhere is found.
fn shown(session: &Session) -> String {
    let mut shown = format!(
        "{} {} {:?} {} {} {}",
        session.step(),
        session.points(),
        session.prediction().map(|it| it.chosen),
        session.finished(),
        session.hints_left(),
        session.out_of(),
    );
    for lang in Lang::ALL {
        let task = session.task(lang).map(|task| (task.passed, task.points));
        let _ = write!(shown, "{:?}{:?}{:?}", session.hints(lang), session.recall(lang), task);
        let _ = (session.title(lang), session.prose(lang), session.why(lang), session.notice(lang));
        let _ = (session.reaction(lang), session.would_lose(), session.outcome());
    }
    shown
}

#[derive(Debug, Clone)]
enum Act {
    Do(Command),
    Serve,
    Pass,
}

fn act() -> impl Strategy<Value = Act> {
    let word = prop::sample::select(vec!["lab", "calm", "x", "`*"]);
    let shell = prop::sample::select(vec!["box", "host", "peer"]);
    prop_oneof![
        4 => Just(Act::Serve),
        4 => Just(Act::Do(Command::Next)),
        2 => Just(Act::Pass),
        1 => Just(Act::Do(Command::Back)),
        1 => (0_usize..8).prop_map(|to| Act::Do(Command::Goto(to))),
        2 => prop::sample::select(vec!["same", "other", "no"]).prop_map(|id| Act::Do(Command::Predict(id.into()))),
        1 => Just(Act::Do(Command::Hint)),
        2 => (shell, word.clone()).prop_map(|(shell, line)| Act::Do(typed(shell, line))),
        2 => (word.clone(), word).prop_map(|(host, domain)| Act::Do(seen(host, domain))),
        1 => (0_usize..8).prop_map(|step| Act::Do(Command::Performed(StepOutcome { step, ..StepOutcome::default() }))),
        1 => (0_usize..8).prop_map(|to| Act::Do(Command::Rebuilt { to, outcomes: Vec::new() })),
    ]
}

proptest! {
    #[test]
    fn any_commands_leave_a_consistent_session_that_resumes_as_it_was(
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let lesson = lesson();
        let (mut session, _) = Session::new(Arc::clone(&lesson), Answers::default(), values("ana"));
        let mut before = 0;
        for act in acts {
            let effects = match act {
                Act::Do(command) => session.apply(command),
                Act::Serve => serve(&mut session),
                Act::Pass => pass_rename(&mut session),
            };
            prop_assert!(session.step() < lesson.steps.len());
            prop_assert!(session.points() >= before && session.points() <= session.out_of());
            before = session.points();
            let passed = &session.answers().progress.as_ref().unwrap().passed;
            prop_assert!(passed.len() <= 2, "passed twice: {passed:?}");
            for effect in effects {
                match effect {
                    Effect::Save(answers) => {
                        prop_assert_eq!(answers.progress.as_ref().unwrap().points, session.points());
                        prop_assert_eq!(&*answers, session.answers());
                    }
                    Effect::Perform { step } => prop_assert_eq!(step, session.step()),
                    Effect::Rebuild { to, answers } => {
                        prop_assert_eq!(to, session.step());
                        let passed = &session.answers().progress.as_ref().unwrap().passed;
                        prop_assert!(answers.tasks.keys().all(|id| passed.contains(id)));
                    }
                    Effect::FocusShell(_) | Effect::Finished => {}
                }
            }
            let (resumed, _) = Session::new(Arc::clone(&lesson), session.answers().clone(), values("ana"));
            prop_assert_eq!(shown(&resumed), shown(&session));
            prop_assert_eq!(resumed.answers(), session.answers());
        }
    }
}
