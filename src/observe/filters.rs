//! Seccomp filters, explained: what a program answers to which call, by which way, and
//! each instruction in words. Pure; for panes, checks and texts.
//!
//! In the snapshot's JSON: `{"box": {"total": 1, "programs": [{"length": 10, "lines":
//! ["0  ld [4]", …], "calls": {"mkdirat": "ERRNO EPERM"}, "others": "ALLOW"}], "asked":
//! [{"pid": 7, "name": "mkdirat", "args": […], "answer": "EACCES"}]}}`. `total` is how many
//! questions there were; an `answer` is an errno, or `continue`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::kernel::bpf::{self, ARCH_AT, ARGS_AT, Data, Instruction, NUMBER_AT};
use crate::kernel::seccomp::{self, Action, NATIVE};
use crate::kernel::{Asked, Errno, Filters};

/// A number that no call has.
const NO_CALL: u32 = 0x3fff_ffff;

/// A call, as the way through a program is asked for.
fn call(number: u32) -> Data {
    Data { number, arch: NATIVE, pointer: 0, args: [0; 6] }
}

/// The numbers of the calls that a program compares with, in its order.
pub fn compared(program: &[Instruction]) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (_, number) in comparisons(program) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Where a program compares the call's number, and with which.
fn comparisons(program: &[Instruction]) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut word = None;
    for (at, instruction) in program.iter().enumerate() {
        match instruction.code {
            bpf::LOAD => word = Some(instruction.k),
            bpf::EQUAL if word == Some(NUMBER_AT) => found.push((at, instruction.k)),
            // What follows an answer is reached from a comparison further up, which had the
            // number: conditions on arguments end in answers of their own.
            bpf::RETURN => word = Some(NUMBER_AT),
            _ => {}
        }
    }
    found
}

/// The way that a call with arguments of 0 takes through a program, and the answer at its
/// end; `None`: a call that the program does not speak of.
pub fn way(program: &[Instruction], number: Option<u32>) -> Option<(Vec<usize>, Action)> {
    let run = bpf::run(program, &call(number.unwrap_or(NO_CALL)))?;
    Some((run.path, Action::decode(run.answer)))
}

/// What an instruction is about, where that has a name: the call that it compares with,
/// the answer that it gives, what it loads. In the kernel's words, the same in every
/// language.
pub fn comment(program: &[Instruction], at: usize) -> String {
    let Some(instruction) = program.get(at) else { return String::new() };
    let loaded = program[..at].iter().rev().find(|before| before.code == bpf::LOAD).map(|load| load.k);
    match instruction.code {
        bpf::LOAD => match instruction.k {
            NUMBER_AT => "nr".to_owned(),
            ARCH_AT => "arch".to_owned(),
            8 | 12 => "ip".to_owned(),
            args => {
                let (number, high) = ((args - ARGS_AT) / 8, (args % 8 == 4) == cfg!(target_endian = "little"));
                format!("arg{number} {}", if high { "31..63" } else { "0..31" })
            }
        },
        bpf::RETURN => Action::decode(instruction.k).to_string(),
        bpf::EQUAL if loaded == Some(ARCH_AT) && instruction.k == NATIVE => std::env::consts::ARCH.to_owned(),
        bpf::EQUAL => {
            let call = comparisons(program).into_iter().find(|(place, _)| *place == at);
            call.map(|(_, number)| name_of(number)).unwrap_or_default()
        }
        bpf::AT_LEAST if instruction.k == 0x4000_0000 => "x32".to_owned(),
        _ => String::new(),
    }
}

/// The name of a call, or its number.
pub fn name_of(number: u32) -> String {
    seccomp::name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// The assembler text of an instruction.
pub fn assembler(program: &[Instruction], at: usize) -> String {
    program.get(at).map(|instruction| bpf::assembler(at, instruction)).unwrap_or_default()
}

#[derive(Serialize)]
struct Json<'a> {
    total: u64,
    programs: Vec<ProgramJson>,
    asked: Vec<AskedJson<'a>>,
}

#[derive(Serialize)]
struct ProgramJson {
    length: usize,
    lines: Vec<String>,
    calls: BTreeMap<String, String>,
    others: Option<String>,
}

#[derive(Serialize)]
struct AskedJson<'a> {
    pid: u32,
    name: &'a str,
    args: &'a [String],
    answer: String,
}

/// An answer as the JSON has it.
pub fn answer(errno: Option<i32>) -> String {
    errno.map_or_else(|| "continue".to_owned(), |errno| if errno == 0 { "0".to_owned() } else { Errno(errno).symbol() })
}

fn json<'a>(filters: &'a Filters) -> Json<'a> {
    let program = |program: &Vec<Instruction>| ProgramJson {
        length: program.len(),
        lines: (0..program.len()).map(|at| format!("{at}  {}", assembler(program, at))).collect(),
        calls: compared(program)
            .into_iter()
            .filter_map(|number| Some((name_of(number), way(program, Some(number))?.1.to_string())))
            .collect(),
        others: way(program, None).map(|(_, action)| action.to_string()),
    };
    let asked = |asked: &'a Asked| -> AskedJson<'a> {
        let Asked { pid, name, args, errno } = asked;
        AskedJson { pid: *pid, name, args, answer: answer(*errno) }
    };
    Json {
        total: filters.total,
        programs: filters.programs.iter().map(program).collect(),
        asked: filters.asked.iter().map(asked).collect(),
    }
}

/// Serialises the filters, by actor.
pub(super) fn as_json<S: Serializer>(all: &BTreeMap<String, Filters>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(all.iter().map(|(actor, filters)| (actor, json(filters))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::seccomp::{Compare, Condition, Policy, Rule, compile::compile, number};

    #[test]
    fn a_filter_says_what_it_answers_to_whom() {
        let policy = Policy::list(Action::Allow, ["sethostname", "chmod"], Action::Errno(1)).expect("names");
        let program = compile(&policy).expect("a program");
        let filters = Filters { programs: vec![program.clone()], ..Filters::default() };
        let json = serde_json::to_value(json(&filters)).expect("JSON");
        let told = &json["programs"][0];
        assert_eq!(told["calls"]["sethostname"], "ERRNO EPERM");
        assert_eq!(told["others"], "ALLOW");
        assert_eq!(told["lines"][0], "0  ld [4]");
        let comments: Vec<String> = (0..program.len()).map(|at| comment(&program, at)).collect();
        assert!(comments.contains(&"sethostname".to_owned()) && comments.contains(&"ERRNO EPERM".to_owned()));
        assert_eq!(comments.last().map(String::as_str), Some("ALLOW"));
    }

    #[test]
    fn a_call_takes_another_way_than_the_others() {
        let policy = Policy::list(Action::Allow, ["sethostname"], Action::KillProcess).expect("names");
        let program = compile(&policy).expect("a program");
        let (refused, action) = way(&program, number("sethostname")).expect("a way");
        let (other, _) = way(&program, None).expect("a way");
        assert_eq!(action, Action::KillProcess);
        assert_ne!(refused.last(), other.last());
    }

    #[test]
    fn a_value_of_an_argument_is_not_taken_for_a_call() {
        let when = vec![Condition { argument: 0, compare: Compare::Equal, value: 83 }];
        let rules = vec![Rule { number: 161, when, action: Action::Errno(1) }];
        let program = compile(&Policy { default: Action::Allow, rules }).expect("a program");
        assert_eq!(compared(&program), [161]);
    }
}
