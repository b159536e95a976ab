use serde_json::json;

use super::*;

fn snapshot() -> Json {
    json!({
        "taken": 1,
        "host": {
            "uts": { "hostname": "lab" },
            "ns": { "uts": 1, "net": { "unread": { "path": "/proc/self/ns/net", "errno": "EACCES", "reason": "EACCES: permission denied" } } },
        },
        "actors": {
            "box": {
                "ns": { "uts": 2 },
                "exit": null,
                "seen": {
                    "uts": { "hostname": "cigale-42" },
                    "groups": ["wheel", "video"],
                    "processes": [
                        { "pid": 1, "name": "init" },
                        { "pid": 2, "name": "sh" },
                        { "pid": 7, "name": "sh" },
                        { "pid": 9, "name": "sh" },
                    ],
                },
            },
            "deaf": { "seen": { "unread": { "path": "the view of deaf", "errno": "ETIMEDOUT", "reason": "ETIMEDOUT: timed out" } } },
        },
    })
}

const NAME: &str = "$.actors.box.seen.uts.hostname";

fn judge(at: &str, is: Predicate) -> Judgement {
    judge_in(at, is, Lang::En)
}

fn judge_in(at: &str, is: Predicate, lang: Lang) -> Judgement {
    let check = Check { id: "it".to_owned(), at: at.to_owned(), is };
    evaluate(&check, &snapshot(), None, lang)
}

fn value(value: Json) -> Operand {
    Operand::Value(value)
}

fn place(path: &str) -> Operand {
    Operand::At(path.to_owned())
}

#[track_caller]
fn holds(judgement: &Judgement, state: State, expected: &str, found: &str) {
    assert_eq!((judgement.state, judgement.expected.as_str(), judgement.found.as_str()), (state, expected, found));
}

#[test]
fn equals_wants_one_node_of_that_value() {
    let pass = judge(NAME, Predicate::Equals(value(json!("cigale-42"))));
    holds(&pass, State::Pass, "\"cigale-42\"", "\"cigale-42\"");
    let fail = judge("$.host.uts.hostname", Predicate::Equals(value(json!("cigale-42"))));
    holds(&fail, State::Fail, "\"cigale-42\"", "\"lab\"");
    let nothing = judge("$.host.uts.nickname", Predicate::Equals(value(json!("cigale-42"))));
    holds(&nothing, State::Fail, "\"cigale-42\"", "nothing of the kind");
    let many = judge("$.actors.box.seen.processes[*].pid", Predicate::Equals(value(json!(1))));
    holds(&many, State::Fail, "1", "4 values: 1, 2, 7, …");
    let object = judge("$.actors.box.seen.processes[0]", Predicate::Equals(value(json!(1))));
    holds(&object, State::Fail, "1", "pid 1, name \"init\"");
    let other_type = judge(NAME, Predicate::Equals(value(json!(42))));
    holds(&other_type, State::Fail, "42", "\"cigale-42\"");
}

#[test]
fn a_number_is_compared_with_the_number_that_a_text_says() {
    let pid = |right: &str| judge("$.actors.box.seen.processes[0].pid", Predicate::Equals(value(json!(right))));
    holds(&pid("1"), State::Pass, "1", "1");
    holds(&pid("2"), State::Fail, "2", "1");
    holds(&pid("one"), State::Fail, "\"one\"", "1");
    let least = |right: &str| judge("$.taken", Predicate::AtLeast(value(json!(right)))).state;
    assert_eq!((least("1"), least("2"), least("two")), (State::Pass, State::Fail, State::Error));
}

#[test]
fn numbers_are_equal_by_value() {
    assert_eq!(judge("$.host.ns.uts", Predicate::Equals(value(json!(1.0)))).state, State::Pass);
}

#[test]
fn differs_compares_two_places() {
    let pass = judge("$.actors.box.ns.uts", Predicate::Differs(place("$.host.ns.uts")));
    holds(&pass, State::Pass, "something else than 1 (the value at $.host.ns.uts)", "2");
    let fail = judge("$.host.ns.uts", Predicate::Differs(place("$.host.ns.uts")));
    assert_eq!(fail.state, State::Fail);
    let gone = judge("$.actors.gone.ns.uts", Predicate::Differs(value(json!(1))));
    assert_eq!(gone.state, State::Fail, "nothing does not differ");
}

#[test]
fn nothing_holds_beside_an_operand_that_is_not_there_or_can_t_be_read() {
    for is in [Predicate::Differs, Predicate::Equals, Predicate::AtLeast, Predicate::Contains] {
        let gone = judge("$.host.ns.uts", is(place("$.actors.gone.ns.uts")));
        holds(&gone, State::Fail, "", "nothing of the kind");
    }
    let several = judge("$.host.ns.uts", Predicate::Equals(place("$.actors.box.seen.processes[*].pid")));
    assert_eq!(several.state, State::Error, "{}", several.found);
    let unread = judge("$.host.ns.uts", Predicate::Equals(place("$.host.ns.net")));
    holds(
        &unread,
        State::Error,
        "compared with the value at \"$.host.ns.net\"",
        "/proc/self/ns/net could not be read: EACCES: permission denied",
    );
}

#[test]
fn contains_looks_into_texts_and_lists() {
    assert_eq!(judge(NAME, Predicate::Contains(value(json!("gale")))).state, State::Pass);
    assert_eq!(judge("$.actors.box.seen.groups", Predicate::Contains(value(json!("video")))).state, State::Pass);
    assert_eq!(judge("$.actors.box.seen.processes[*].pid", Predicate::Contains(value(json!(7)))).state, State::Pass);
    let fail = judge("$.actors.box.seen.groups", Predicate::Contains(value(json!("disk"))));
    holds(&fail, State::Fail, "something with \"disk\" in it", r#"["wheel","video"]"#);
    assert_eq!(judge("$.host.ns.net", Predicate::Contains(value(json!(1)))).state, State::Error);
    let nothing = judge("$.actors.box.seen.groups", Predicate::Contains(place("$.actors.nobody.pid")));
    assert_eq!(nothing.state, State::Fail, "what is not there is in no list");
    let unread = judge("$.actors.box.seen.groups", Predicate::Contains(place("$.host.ns.net")));
    assert_eq!(unread.state, State::Error, "what can't be read may be in it");
}

#[test]
fn matches_wants_a_text() {
    let matches = |at, expression: &str| judge(at, Predicate::Matches(expression.to_owned()));
    assert_eq!(matches(NAME, "^[a-z]+-[0-9]+$").state, State::Pass);
    holds(&matches(NAME, "^x"), State::Fail, "a text that matches /^x/", "\"cigale-42\"");
    holds(&matches("$.host.uts.nickname", "^x"), State::Fail, "", "nothing of the kind");
    assert_eq!(matches("$.host.ns.uts", "1").found, "1: not a text");
    assert_eq!(matches("$.host.ns.net", "1").state, State::Error);
    assert_eq!(matches(NAME, "(").state, State::Error);
}

#[test]
fn limits_compare_numbers() {
    let at = "$.actors.box.ns.uts";
    assert_eq!(judge(at, Predicate::AtLeast(value(json!(2)))).state, State::Pass);
    holds(&judge(at, Predicate::AtLeast(value(json!(3)))), State::Fail, "at least 3", "2");
    assert_eq!(judge(at, Predicate::AtMost(value(json!(2)))).state, State::Pass);
    holds(
        &judge(at, Predicate::AtMost(place("$.host.ns.uts"))),
        State::Fail,
        "at most 1 (the value at $.host.ns.uts)",
        "2",
    );
    holds(&judge(NAME, Predicate::AtMost(value(json!(3)))), State::Fail, "at most 3", "\"cigale-42\": not a number");
    assert_eq!(judge(at, Predicate::AtMost(place(NAME))).state, State::Error);
    assert_eq!(judge("$.host.ns.net", Predicate::AtLeast(value(json!(1)))).state, State::Error);
}

#[test]
fn count_counts_nodes() {
    let shells = "$.actors.box.seen.processes[?@.name == 'sh'].pid";
    assert_eq!(judge(shells, Predicate::Count(3)).state, State::Pass);
    holds(&judge(shells, Predicate::Count(1)), State::Fail, "exactly 1 value", "3 values: 2, 7, 9");
    assert_eq!(judge("$.actors.gone", Predicate::Count(0)).state, State::Pass);
    assert_eq!(judge("$.actors.deaf.seen.processes[?@.pid == 1]", Predicate::Count(0)).state, State::Error);
}

#[test]
fn absent_is_no_pass_where_reading_failed() {
    assert_eq!(judge("$.actors.gone", Predicate::Absent).state, State::Pass);
    holds(&judge("$.host.ns.uts", Predicate::Absent), State::Fail, "nothing", "1");
    holds(
        &judge("$.actors.deaf.seen.uts", Predicate::Absent),
        State::Error,
        "nothing",
        "the view of deaf could not be read: ETIMEDOUT: timed out",
    );
}

#[test]
fn unchanged_compares_with_the_baseline() {
    let check = Check { id: "it".to_owned(), at: "$.host.uts.hostname".to_owned(), is: Predicate::Unchanged };
    let mut before = snapshot();
    assert_eq!(evaluate(&check, &snapshot(), Some(&before), Lang::En).state, State::Pass);
    before["host"]["uts"]["hostname"] = json!("old");
    holds(&evaluate(&check, &snapshot(), Some(&before), Lang::En), State::Fail, "as it was before: \"old\"", "\"lab\"");
    before["host"]["uts"] = json!({ "unread": { "path": "uname", "errno": "EIO", "reason": "EIO" } });
    assert_eq!(evaluate(&check, &snapshot(), Some(&before), Lang::En).state, State::Error);
    assert_eq!(evaluate(&check, &snapshot(), None, Lang::En).state, State::Error);
}

#[test]
fn what_could_not_be_read_is_said_in_french_as_well() {
    let judgement = judge_in("$.host.ns.net", Predicate::Count(1), Lang::Fr);
    holds(
        &judgement,
        State::Error,
        "exactement 1 valeur",
        "/proc/self/ns/net n'a pas pu être lu : EACCES : permission refusée",
    );
}

#[test]
fn hostile_and_long_values_are_made_fit_to_show() {
    let check = Check { id: "it".to_owned(), at: "$.a".to_owned(), is: Predicate::Absent };
    let hostile = evaluate(&check, &json!({ "a": "\u{1b}[2Jx\u{202e}" }), None, Lang::En);
    assert_eq!(hostile.found, "\"␛[2Jx\u{fffd}\"");
    let long = evaluate(&check, &json!({ "a": "x".repeat(5000) }), None, Lang::En);
    assert!(long.found.ends_with("…\"") && long.found.len() < 100);
    let list = evaluate(&check, &json!({ "a": vec!["x".repeat(5000); 500] }), None, Lang::En);
    assert!(list.found.ends_with('…') && list.found.len() < 100);
}

#[test]
fn a_selector_that_is_none_is_an_error() {
    assert_eq!(judge("$.[", Predicate::Absent).state, State::Error);
}
