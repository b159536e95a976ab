//! The author saves the lesson while it is open.

use super::*;

/// The lesson, changed.
fn changed(change: impl FnOnce(&mut Lesson)) -> Arc<Lesson> {
    let mut lesson = Lesson::clone(&lesson());
    change(&mut lesson);
    Arc::new(lesson)
}

/// The author has saved; the student is who they were.
fn reload(session: &mut Session, lesson: Arc<Lesson>) -> Vec<Effect> {
    let values = Values::new(&lesson, session.values.student());
    session.reload(lesson, values)
}

fn prose(lesson: &mut Lesson, step: usize, body: &str) {
    for text in lesson.texts.values_mut() {
        text.steps[step].body = body.to_owned();
    }
}

#[test]
fn prose_is_new_at_once_and_nothing_is_asked_of_the_lab() {
    let mut session = at("rename");
    session.apply(typed("box", "first try"));
    let effects = reload(&mut session, changed(|lesson| prose(lesson, 3, "Now {$.host.uts.domainname}.")));
    assert_eq!(effects, []);
    assert_eq!(session.prose(Lang::En), "Now `calm`.", "of what was seen before");
    assert_eq!((session.step_def().id.as_str(), session.points(), session.busy()), ("rename", 1, false));
    assert_eq!(session.answers().tasks["rename"]["box"], "first try");
    assert!(session.would_lose() && !session.lab_is_old());
    // What the task compares with is still how the step began.
    session.apply(typed("box", "second try"));
    let effects = pass_rename_named(&mut session);
    assert!(saved(&effects) && session.points() == 4);
}

fn pass_rename_named(session: &mut Session) -> Vec<Effect> {
    let name = session.values.get("name").unwrap().to_owned();
    session.apply(seen(&name, "calm"))
}

#[test]
fn checks_are_judged_anew_by_what_was_seen() {
    let mut session = at("rename");
    let calm = || check("renamed", "$.host.uts.domainname", Predicate::Equals(Operand::Value("calm".into())));
    let effects = reload(
        &mut session,
        changed(|lesson| {
            lesson.steps[3].task.as_mut().unwrap().checks = vec![calm()];
        }),
    );
    assert!(saved(&effects) && session.task(Lang::En).unwrap().passed);
}

#[test]
fn another_lab_is_told_and_comes_with_the_next_step_gone_to() {
    let other = || changed(|lesson| lesson.steps[2].ops.clear());
    for go in [Command::Next, Command::Goto(3), Command::Back] {
        let mut session = at("rename");
        assert_eq!(reload(&mut session, other()), []);
        assert!(session.lab_is_old());
        assert!(session.notice(Lang::En).unwrap().contains("saved with another lab"));
        // Saved once more, with another text: the lab is no newer for it.
        reload(&mut session, other());
        assert!(session.lab_is_old());
        let effects = session.apply(go);
        assert!(matches!(effects.last(), Some(Effect::Rebuild { .. })), "{effects:?}");
        assert!(!session.lab_is_old() && session.notice(Lang::En).is_none());
    }
    // A step to come is no part of this lab.
    let mut session = at("guess");
    reload(&mut session, other());
    assert!(!session.lab_is_old());
}

#[test]
fn the_step_is_found_again_by_its_name_and_what_is_gone_is_forgotten() {
    let mut session = at("rename");
    pass_rename(&mut session);
    let without_look = changed(|lesson| {
        lesson.steps.remove(0);
        lesson.texts.values_mut().for_each(|text| drop(text.steps.remove(0)));
    });
    reload(&mut session, without_look);
    assert_eq!((session.step(), session.points()), (2, 4));
    assert!(session.recall(Lang::En).is_none());
    let nothing_but_look = changed(|lesson| {
        lesson.steps.truncate(2);
        lesson.steps[1].predict.as_mut().unwrap().choices = vec!["other".into()];
        lesson.texts.values_mut().for_each(|text| text.steps.truncate(2));
    });
    reload(&mut session, nothing_but_look);
    assert_eq!((session.step_def().id.as_str(), session.points()), ("guess", 0));
    let answers = session.answers();
    assert!(answers.answers.is_empty() && answers.tasks.is_empty(), "{answers:?}");
    assert!(answers.progress.as_ref().unwrap().passed.is_empty());
}

#[test]
fn while_the_lab_is_at_work_it_is_asked_again() {
    let mut session = begun();
    let effects = reload(&mut session, lesson());
    assert!(matches!(effects[..], [Effect::Rebuild { to: 0, .. }]), "{effects:?}");
    // The answer to what was asked before is not taken for the new one's.
    session.apply(Command::Performed(StepOutcome::default()));
    assert!(session.busy());
    serve(&mut session);
    assert!(!session.busy());
}
