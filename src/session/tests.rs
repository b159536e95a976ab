//! Behaviour of a session, by what goes in and what comes out.

mod any_commands;
mod reload;

use std::collections::BTreeMap;

use super::*;
use crate::check::State;
use crate::i18n::Lang;
use crate::lesson::model::{
    Do, Lesson, LessonText, Operand, Part, Predicate, Predict, Reaction, Seed, Step, StepText, Task,
};
use crate::lesson::op::NsKind;
use crate::lesson::{Check, Op, Values};
use crate::observe::model::{Clocks, Ipc, Namespaces, Net, Reading, Unread, Uts, View};
use indexmap::IndexMap;

fn check(id: &str, at: &str, is: Predicate) -> Check {
    Check { id: id.into(), at: at.into(), is }
}

fn step(id: &str) -> Step {
    Step {
        id: id.into(),
        show: None,
        boxed: None,
        predict: None,
        recall: None,
        ops: Vec::new(),
        expect: Vec::new(),
        task: None,
    }
}

/// look, guess (1 point), act (an op; recalls guess), rename (3 points), again
/// (2 points), keep.
fn lesson() -> Arc<Lesson> {
    let name = "$.host.uts.hostname";
    let domain = "$.host.uts.domainname";
    let guess = Predict { choices: vec!["same".into(), "other".into()], answer: "other".into(), points: 1 };
    let act = Do {
        actor: "box".into(),
        op: Op::Unshare { kinds: vec![NsKind::Uts], map: None },
        fails: Some("EPERM".into()),
    };
    let rename = Task {
        shells: vec!["box".into(), "host".into()],
        points: 3,
        seconds: 10,
        trace: false,
        after: Vec::new(),
        checks: vec![
            check("renamed", name, Predicate::Equals(Operand::Value("{seed.name}".into()))),
            check("kept", domain, Predicate::Unchanged),
        ],
        reactions: vec![Reaction {
            when: check("when", domain, Predicate::Equals(Operand::Value("{seed.name}".into()))),
            say: "wrong".into(),
        }],
    };
    let again = Task {
        shells: vec!["box".into()],
        points: 2,
        seconds: 10,
        trace: false,
        after: Vec::new(),
        checks: vec![check("renamed", domain, Predicate::Equals(Operand::Value("lab".into())))],
        reactions: Vec::new(),
    };
    let steps = vec![
        step("look"),
        Step { predict: Some(guess), ..step("guess") },
        Step {
            ops: vec![act],
            recall: Some("guess".into()),
            expect: vec![check("calm", domain, Predicate::Equals(Operand::Value("calm".into())))],
            ..step("act")
        },
        Step { task: Some(rename), ..step("rename") },
        Step { task: Some(again), ..step("again") },
        step("keep"),
    ];
    let text = |lang: Lang| LessonText {
        title: lang.pick("Names", "Noms").into(),
        summary: String::new(),
        steps: steps
            .iter()
            .map(|step| StepText {
                title: step.id.clone(),
                body: "Call it {seed.name}; it is {$.host.uts.hostname}.".into(),
                why: Some("Because.".into()),
                choices: BTreeMap::from(["same", "other"].map(|id| (id.into(), lang.pick(id, "autre").into()))),
                hints: ["idea", "lead", "command"].map(Into::into).to_vec(),
                reactions: BTreeMap::from([("wrong".into(), "The wrong one: {$.host.uts.domainname}.".into())]),
                checks: BTreeMap::from([("renamed".into(), "is {seed.name}".into()), ("kept".into(), "k".into())]),
                notes: None,
            })
            .collect(),
    };
    Arc::new(Lesson {
        id: "names".into(),
        number: 6,
        part: Part::C,
        needs: Vec::new(),
        tools: Vec::new(),
        since: None,
        minutes: 5,
        seeds: IndexMap::from([("name".into(), Seed { choose: vec!["brume".into()], number: Some((10, 99)) })]),
        host_shell: true,
        actors: vec!["box".into()],
        from_shells: Vec::new(),
        files: Vec::new(),
        texts: Lang::ALL.map(|lang| (lang, text(lang))).into(),
        steps,
    })
}

fn seen(hostname: &str, domainname: &str) -> Command {
    fn why() -> Unread {
        Unread { path: String::new(), errno: Errno(13) }
    }
    fn unread<T>() -> Reading<T> {
        Reading::Unread(why())
    }
    let host = View {
        ids: unread(),
        uts: Reading::Read(Uts { hostname: hostname.into(), domainname: domainname.into(), release: "6.18".into() }),
        ns: BTreeMap::new(),
        owners: BTreeMap::new(),
        processes: unread(),
        mounts: unread(),
        overlays: Vec::new(),
        volumes: Vec::new(),
        users: unread(),
        root: unread(),
        caps: unread(),
        securebits: unread(),
        seccomp: unread(),
        filters: unread(),
        no_new_privs: unread(),
        cgroup: unread(),
        init_cgroup: unread(),
        ipc: Ipc::unread(&why()),
        clocks: Clocks::unread(&why()),
        time: unread(),
        lsm: unread(),
        files: BTreeMap::new(),
        net: Net::default(),
        group: None,
    };
    Command::Observed(Arc::new(Snapshot {
        taken: 0,
        host,
        actors: BTreeMap::new(),
        lab: Vec::new(),
        namespaces: Namespaces::default(),
        traced: BTreeMap::new(),
        lsm: crate::observe::lsm::modules(),
        filters: BTreeMap::new(),
        cgroups: None,
    }))
}

fn typed(shell: &str, line: &str) -> Command {
    Command::Typed { shell: shell.into(), line: line.into(), before_pass: false, failed: false }
}

fn values(student: &str) -> Values {
    Values::new(&lesson(), student)
}

fn begun() -> Session {
    Session::new(lesson(), Answers::default(), values("ana")).0
}

/// Answers, as a lab that meets no trouble would, all that the session asks of it.
fn serve(session: &mut Session) -> Vec<Effect> {
    let at = session.step();
    let op = OpOutcome { actor: "box".into(), calls: Vec::new(), failure: Some((Errno(1), "unshare".into())) };
    let outcome =
        |step: usize| StepOutcome { step, ops: if step == 2 { vec![op.clone()] } else { Vec::new() }, micros: 7 };
    let mut effects = session.apply(seen("lab", "calm"));
    effects.extend(session.apply(Command::Performed(outcome(at))));
    effects.extend(session.apply(Command::Rebuilt { to: at, outcomes: (0..=at).map(outcome).collect() }));
    effects
}

/// Goes on to the step of this id, predicting where asked.
fn at(id: &str) -> Session {
    let mut session = begun();
    serve(&mut session);
    go_on(&mut session, id);
    session
}

fn go_on(session: &mut Session, id: &str) {
    while session.step_def().id != id {
        session.apply(Command::Predict("same".into()));
        session.apply(Command::Next);
        serve(session);
    }
}

fn own_name(session: &Session) -> String {
    let prose = session.prose(Lang::En);
    prose["Call it ".len()..].split(';').next().unwrap().to_owned()
}

fn pass_rename(session: &mut Session) -> Vec<Effect> {
    let name = own_name(session);
    session.apply(typed("box", &format!("hostname {name}")));
    session.apply(seen(&name, "calm"))
}

fn saved(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Save(_)))
}

#[test]
fn a_new_session_performs_the_first_step_and_nothing_else() {
    let (session, effects) = Session::new(lesson(), Answers::default(), values("ana"));
    assert_eq!(effects, [Effect::Perform { step: 0 }]);
    assert_eq!((session.step(), session.points(), session.out_of()), (0, 0, 6));
    assert_eq!(session.answers().student, "ana");
}

#[test]
fn next_waits_for_the_lab_and_says_so() {
    let mut session = begun();
    assert_eq!(session.apply(Command::Next), []);
    assert_eq!(session.step(), 0);
    assert!(session.notice(Lang::Fr).unwrap().contains("labo"));
    serve(&mut session);
    assert_eq!(session.notice(Lang::Fr), None, "the lab has done its work");
    let effects = session.apply(Command::Next);
    assert_eq!(effects.last(), Some(&Effect::Perform { step: 1 }));
    assert!(saved(&effects) && session.notice(Lang::En).is_none());
}

#[test]
fn an_answer_of_the_lab_to_another_question_is_not_taken() {
    let mut session = begun();
    session.apply(Command::Performed(StepOutcome { step: 3, ..StepOutcome::default() }));
    session.apply(Command::Rebuilt { to: 1, outcomes: Vec::new() });
    assert!(session.busy() && session.outcome().is_none());
}

#[test]
fn a_step_whose_keeper_was_killed_while_it_was_performed_is_there_once_all_is_rebuilt() {
    let mut session = begun();
    session.apply(Command::Moved(StepOutcome { micros: 7, ..StepOutcome::default() }));
    assert_eq!(session.outcome().map(|outcome| outcome.micros), Some(7));
    assert!(session.busy());
    session.apply(Command::Rebuilt { to: 0, outcomes: vec![StepOutcome { micros: 9, ..StepOutcome::default() }] });
    assert!(!session.busy());
    assert_eq!(session.outcome().map(|outcome| outcome.micros), Some(9));
    // Once it is ready, another answer is too late.
    session.apply(Command::Rebuilt { to: 0, outcomes: Vec::new() });
    assert_eq!(session.outcome().map(|outcome| outcome.micros), Some(9));
}

#[test]
fn next_is_refused_until_a_prediction_is_made_and_any_prediction_earns_the_points() {
    let mut session = at("guess");
    assert_eq!(session.apply(Command::Next), []);
    assert!(session.notice(Lang::En).unwrap().contains("Choose"));
    session.apply(Command::Predict("nonsense".into()));
    assert_eq!(session.points(), 0);
    assert!(saved(&session.apply(Command::Predict("same".into()))));
    assert_eq!(session.points(), 1);
    session.apply(Command::Next);
    assert_eq!(session.step_def().id, "act");
}

#[test]
fn a_prediction_may_be_changed_until_its_step_is_left() {
    let mut session = at("guess");
    session.apply(Command::Predict("same".into()));
    session.apply(Command::Predict("other".into()));
    assert_eq!(session.prediction().unwrap().chosen.as_deref(), Some("other"));
    session.apply(Command::Next);
    serve(&mut session);
    session.apply(Command::Back);
    serve(&mut session);
    assert!(!session.prediction().unwrap().open);
    session.apply(Command::Predict("same".into()));
    assert_eq!(session.prediction().unwrap().chosen.as_deref(), Some("other"));
    assert!(session.notice(Lang::En).is_some());
}

#[test]
fn the_prediction_is_put_next_to_what_happened() {
    let session = at("act");
    let recall = session.recall(Lang::En).unwrap();
    assert_eq!((recall.said.as_str(), recall.happened.as_str(), recall.right), ("same", "other", false));
    assert!(session.prediction().is_none());
}

#[test]
fn a_refusal_that_the_lesson_means_is_no_notice() {
    let session = at("act");
    assert_eq!(session.notice(Lang::En), None);
    assert_eq!(session.outcome().unwrap().micros, 7);
}

#[test]
fn an_op_that_fails_otherwise_is_said_in_words_with_its_errno() {
    let mut session = at("guess");
    session.apply(Command::Predict("same".into()));
    session.apply(Command::Next);
    let failed = |failure| StepOutcome {
        step: 2,
        ops: vec![OpOutcome { actor: "box".into(), calls: Vec::new(), failure }],
        micros: 0,
    };
    session.apply(seen("lab", "calm"));
    let mut twin = at("guess");
    twin.apply(Command::Predict("same".into()));
    twin.apply(Command::Next);
    session.apply(Command::Performed(failed(Some((Errno(28), "unshare".into())))));
    let notice = session.notice(Lang::Fr).unwrap();
    assert!(notice.contains("ENOSPC") && notice.contains("unshare"), "{notice}");
    twin.apply(seen("lab", "calm"));
    twin.apply(Command::Performed(failed(None)));
    assert!(twin.notice(Lang::En).unwrap().contains("EPERM"));
    assert_eq!(session.apply(Command::Next), []);
    let refusal = session.notice(Lang::Fr).unwrap();
    assert!(refusal.contains("ENOSPC") && refusal.contains("Revenez"), "{refusal}");
    assert_eq!(session.step_def().id, "act");
    assert!(matches!(session.apply(Command::Back).last(), Some(Effect::Rebuild { to: 1, .. })));
}

#[test]
fn an_expectation_that_does_not_hold_says_what_the_kernel_did_instead() {
    let mut session = at("guess");
    session.apply(Command::Predict("same".into()));
    session.apply(Command::Next);
    session.apply(seen("lab", "stormy"));
    let op = OpOutcome { actor: "box".into(), calls: Vec::new(), failure: Some((Errno(1), String::new())) };
    session.apply(Command::Performed(StepOutcome { step: 2, ops: vec![op], micros: 0 }));
    let notice = session.notice(Lang::En).unwrap();
    assert!(notice.contains("calm") && notice.contains("stormy"), "{notice}");
}

#[test]
fn a_task_takes_the_keyboard_to_its_first_shell() {
    let mut session = at("act");
    session.apply(Command::Next);
    assert_eq!(serve(&mut session), [Effect::FocusShell("box".into())]);
}

#[test]
fn checks_are_judged_against_the_snapshot_of_entering_the_step() {
    let mut session = at("rename");
    let name = own_name(&session);
    assert!(name.starts_with("brume-"), "{name}");
    session.apply(seen(&name, "changed"));
    let states: Vec<State> = session.task(Lang::En).unwrap().checks.iter().map(|check| check.state).collect();
    assert_eq!(states, [State::Pass, State::Fail]);
    assert!(saved(&session.apply(seen(&name, "calm"))));
    assert!(session.task(Lang::En).unwrap().passed);
    assert_eq!(session.points(), 4);
}

#[test]
fn the_baseline_is_the_last_snapshot_before_the_lab_answered() {
    let mut session = at("act");
    session.apply(Command::Next);
    session.apply(seen("lab", "of the step before"));
    session.apply(seen("lab", "of this step"));
    session.apply(Command::Performed(StepOutcome { step: 3, ..StepOutcome::default() }));
    let name = own_name(&session);
    session.apply(seen(&name, "of the step before"));
    assert!(!session.task(Lang::En).unwrap().passed);
    session.apply(seen(&name, "of this step"));
    assert!(session.task(Lang::En).unwrap().passed);
}

#[test]
fn a_snapshot_of_the_step_before_is_no_baseline() {
    let mut session = at("act");
    session.apply(seen("lab", "of the step before"));
    session.apply(Command::Next);
    session.apply(Command::Performed(StepOutcome { step: 3, ..StepOutcome::default() }));
    let name = own_name(&session);
    session.apply(seen("lab", "of this step"));
    session.apply(seen(&name, "of this step"));
    assert!(session.task(Lang::En).unwrap().passed);
}

#[test]
fn a_pass_is_not_undone_by_what_comes_later() {
    let mut session = at("rename");
    pass_rename(&mut session);
    let at_the_pass = session.task(Lang::En);
    assert_eq!(session.apply(seen("lab", "changed")), []);
    let task = session.task(Lang::En).unwrap();
    assert_eq!(Some(&task), at_the_pass.as_ref());
    assert!(task.passed && task.checks.iter().all(|check| check.state == State::Pass));
}

#[test]
fn a_task_may_be_left_unfinished_and_done_later() {
    let mut session = at("rename");
    assert_eq!(session.apply(Command::Next).last(), Some(&Effect::Perform { step: 4 }));
    serve(&mut session);
    session.apply(Command::Back);
    serve(&mut session);
    pass_rename(&mut session);
    assert_eq!(session.points(), 4);
}

#[test]
fn the_reaction_to_a_wrong_move_shows_while_it_holds() {
    let mut session = at("rename");
    let name = own_name(&session);
    assert_eq!(session.reaction(Lang::En), None);
    session.apply(seen("lab", &name));
    assert_eq!(session.reaction(Lang::En).unwrap(), format!("The wrong one: `{name}`."));
    session.apply(seen("lab", "calm"));
    assert_eq!(session.reaction(Lang::En), None);
}

#[test]
fn what_held_before_anything_was_done_is_no_reaction_until_something_is() {
    let mut session = at("act");
    let name = own_name(&at("rename"));
    session.apply(Command::Next);
    session.apply(seen("lab", &name));
    session.apply(Command::Performed(StepOutcome { step: 3, ops: Vec::new(), micros: 7 }));
    session.apply(seen("lab", &name));
    assert_eq!((session.step_def().id.as_str(), session.reaction(Lang::En)), ("rename", None));
    session.apply(typed("host", "hostname"));
    session.apply(seen("lab", &name));
    assert!(session.reaction(Lang::En).is_some());
}

#[test]
fn hints_open_one_by_one_and_are_kept() {
    let mut session = at("rename");
    assert_eq!((session.hints(Lang::En).len(), session.hints_left()), (0, 3));
    for _ in 0..5 {
        session.apply(Command::Hint);
    }
    assert_eq!((session.hints(Lang::En).len(), session.hints_left()), (3, 0));
    assert_eq!(session.answers().progress.as_ref().unwrap().hints["rename"], 3);
    assert_eq!(session.points(), 1);
}

#[test]
fn lines_typed_are_kept_with_the_task_under_way_alone() {
    let mut session = at("act");
    assert_eq!(session.apply(typed("box", "ls")), []);
    session.apply(Command::Next);
    serve(&mut session);
    session.apply(typed("box", "  "));
    session.apply(typed("box", "hostname x"));
    session.apply(typed("box", "exit"));
    session.apply(typed("host", "id"));
    session.apply(typed("peer", "no shell of this task"));
    pass_rename(&mut session);
    session.apply(typed("box", "after the pass"));
    let name = own_name(&session);
    let tasks = &session.answers().tasks;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks["rename"]["box"], format!("hostname x\nhostname {name}"));
    assert_eq!(tasks["rename"]["host"], "id");
    assert_eq!(tasks["rename"].len(), 2);
}

#[test]
fn a_fresh_visit_to_an_unfinished_task_starts_its_lines_afresh() {
    let mut session = at("rename");
    session.apply(typed("box", "first try"));
    session.apply(typed("host", "first try"));
    assert!(session.would_lose());
    session.apply(Command::Back);
    assert!(!session.would_lose());
    serve(&mut session);
    go_on(&mut session, "rename");
    session.apply(typed("box", "second try"));
    assert_eq!(session.answers().tasks["rename"].len(), 1);
    assert_eq!(session.answers().tasks["rename"]["box"], "second try");
}

#[test]
fn the_lines_that_failed_are_known_by_their_numbers_and_forgotten_with_what_was_typed() {
    let mut session = at("rename");
    let failed = |line: &str| match typed("box", line) {
        Command::Typed { shell, line, before_pass, .. } => Command::Typed { shell, line, before_pass, failed: true },
        other => other,
    };
    for command in [typed("box", "id"), failed("cat <<EOF\nof three\nEOF"), typed("box", "sleep 9 &"), failed("ls /x")]
    {
        session.apply(command);
    }
    let known = |session: &Session| session.answers().progress.as_ref().unwrap().failed.clone();
    // After the one left in the background comes the time that it had to start.
    assert_eq!(known(&session)["rename"]["box"], [2, 3, 4, 7]);
    session.apply(Command::Back);
    serve(&mut session);
    go_on(&mut session, "rename");
    session.apply(typed("box", "second try"));
    assert!(known(&session).is_empty());
}

#[test]
fn nothing_is_lost_by_leaving_a_task_that_is_passed() {
    let mut session = at("rename");
    assert!(!session.would_lose());
    pass_rename(&mut session);
    assert!(!session.would_lose());
}

#[test]
fn what_is_left_in_the_background_is_kept_with_the_time_that_it_had_to_start() {
    let mut session = at("rename");
    for line in ["perl & ", "true &&", "id", "sleep 9 &"] {
        session.apply(typed("box", line));
    }
    assert_eq!(session.answers().tasks["rename"]["box"], "perl & \nsleep 1\ntrue &&\nid\nsleep 9 &");
}

#[test]
fn a_rebuild_replays_passed_tasks_of_earlier_steps_only() {
    let mut session = at("rename");
    pass_rename(&mut session);
    session.apply(Command::Next);
    serve(&mut session);
    session.apply(typed("box", "domainname half-way"));
    let replayed = |effects: Vec<Effect>| match effects.last() {
        Some(Effect::Rebuild { to, answers }) => (*to, answers.tasks.keys().cloned().collect::<Vec<_>>()),
        other => panic!("{other:?}"),
    };
    assert_eq!(replayed(session.apply(Command::Goto(5))), (5, vec!["rename".to_owned()]));
    serve(&mut session);
    assert_eq!(replayed(session.apply(Command::Goto(3))), (3, vec![]));
    assert!(session.answers().tasks.contains_key("rename"));
}

#[test]
fn going_on_from_a_task_passed_before_does_its_commands_again() {
    let mut session = at("rename");
    pass_rename(&mut session);
    session.apply(Command::Next);
    serve(&mut session);
    session.apply(Command::Back);
    serve(&mut session);
    assert!(session.task(Lang::En).unwrap().passed);
    let effects = session.apply(Command::Next);
    assert!(matches!(effects.last(), Some(Effect::Rebuild { to: 4, answers }) if answers.tasks.contains_key("rename")));
}

#[test]
fn back_from_the_first_step_and_goto_nowhere_do_nothing() {
    let mut session = at("look");
    assert_eq!(session.apply(Command::Back), []);
    assert_eq!(session.apply(Command::Goto(99)), []);
    assert_eq!((session.step(), session.busy()), (0, false));
}

#[test]
fn the_lesson_is_finished_when_its_last_step_is_left() {
    let mut session = at("keep");
    assert!(!session.finished());
    let effects = session.apply(Command::Next);
    assert_eq!(effects.last(), Some(&Effect::Finished));
    assert!(saved(&effects) && session.finished() && session.step() == 5);
}

#[test]
fn the_explanation_waits_for_the_pass() {
    let mut session = at("rename");
    assert_eq!(session.why(Lang::En), None);
    pass_rename(&mut session);
    assert_eq!(session.why(Lang::En).as_deref(), Some("Because."));
    assert_eq!(at("guess").why(Lang::En), None);
    assert!(at("act").why(Lang::En).is_some());
}

#[test]
fn prose_shows_what_is_live_and_nothing_before_the_first_snapshot() {
    let mut session = begun();
    assert!(session.prose(Lang::En).ends_with("it is …."));
    session.apply(seen("a`b", "calm"));
    assert!(session.prose(Lang::En).ends_with("it is `a'b`."));
}

#[test]
fn a_session_resumes_where_it_stood_with_all_that_was_earned() {
    let mut session = at("rename");
    pass_rename(&mut session);
    session.apply(Command::Next);
    let (mut resumed, effects) = Session::new(lesson(), session.answers().clone(), values("ana"));
    assert!(matches!(effects.as_slice(), [Effect::Rebuild { to: 4, .. }]));
    assert_eq!((resumed.step(), resumed.points()), (4, 4));
    serve(&mut resumed);
    assert!(!resumed.busy());
}

#[test]
fn progress_that_names_unknown_steps_starts_over_without_harm() {
    let progress = crate::lesson::answers::Progress {
        step: "gone".into(),
        passed: vec!["gone".into(), "look".into()],
        points: 99,
        ..Default::default()
    };
    let answers = Answers { progress: Some(progress), ..Answers::default() };
    let (session, effects) = Session::new(lesson(), answers, values("ana"));
    assert_eq!(effects, [Effect::Perform { step: 0 }]);
    assert_eq!(session.points(), 0);
}

#[test]
fn two_students_have_values_of_their_own() {
    let names: std::collections::BTreeSet<String> = ["ana", "bob", "eve", "luc", "zoe"]
        .map(|student| own_name(&Session::new(lesson(), Answers::default(), values(student)).0))
        .into();
    assert!(names.len() > 1, "{names:?}");
}

#[test]
fn a_rebuild_that_fails_on_its_way_stops_the_lesson_and_says_where() {
    let mut session = at("act");
    session.apply(Command::Goto(4));
    session.apply(seen("lab", "calm"));
    let failed = OpOutcome { actor: "box".into(), calls: Vec::new(), failure: Some((Errno(28), "unshare".into())) };
    let outcomes = vec![StepOutcome { step: 2, ops: vec![failed], micros: 0 }];
    session.apply(Command::Rebuilt { to: 4, outcomes });
    assert!(session.notice(Lang::En).unwrap().contains("ENOSPC"));
    assert_eq!(session.apply(Command::Next), []);
    assert_eq!(session.step(), 4);
}
