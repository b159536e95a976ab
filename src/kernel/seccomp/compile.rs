//! From a policy to its program. Pure. Every program begins in the same way: a call
//! that is not of this machine's own table is not looked at by its number, which means
//! something else there; on x86-64 neither is one of the x32 table, which has a bit of
//! its own in the number. Then the calls in turn, those with one answer together, and
//! at the end what becomes of the rest.

use std::collections::BTreeMap;

use super::super::bpf::{
    AND, ARCH_AT, ARGS_AT, AT_LEAST, EQUAL, GREATER, Instruction, JUMP, LOAD, MOST, NUMBER_AT, RETURN,
};
use super::{Action, Compare, Condition, NATIVE, Policy, Rule};

/// The bit of the numbers of x32's calls: __X32_SYSCALL_BIT.
const X32: u32 = 0x4000_0000;
/// So many calls share one answer: a jump goes 255 instructions far.
const TOGETHER: usize = 250;

/// Why a policy has no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More instructions than BPF_MAXINSNS.
    #[error("the program has {0} instructions; the kernel takes at most {MOST}")]
    TooLong(usize),
    /// The table of this machine's calls is not known here.
    #[error("filters can't be made for this processor yet")]
    Machine,
    /// A rule has conditions on an argument that no call has, or too many of them.
    #[error("a rule has too many conditions, or one on an argument after the sixth")]
    Condition,
}

fn op(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// The program of a policy. A call of a foreign table ends the process: its number can't
/// be told from one of ours.
pub fn compile(policy: &Policy) -> Result<Vec<Instruction>, Error> {
    if NATIVE == 0 {
        return Err(Error::Machine);
    }
    let mut program = vec![
        op(LOAD, ARCH_AT),
        jump(EQUAL, NATIVE, 1, 0),
        op(RETURN, Action::KillProcess.encode()),
        op(LOAD, NUMBER_AT),
    ];
    if cfg!(target_arch = "x86_64") {
        program.push(jump(AT_LEAST, X32, 0, 1));
        program.push(op(RETURN, Action::Errno(libc::ENOSYS as u16).encode()));
    }
    // Of each call: what always holds before what holds under conditions, as libseccomp has it.
    let mut calls: Vec<u32> = Vec::new();
    let mut rules: BTreeMap<u32, Vec<&Rule>> = BTreeMap::new();
    for rule in &policy.rules {
        let about = rules.entry(rule.number).or_default();
        if about.is_empty() {
            calls.push(rule.number);
        }
        about.push(rule);
    }
    let always = |number: &u32| rules[number].iter().find(|rule| rule.when.is_empty()).map(|rule| rule.action);
    let mut actions: Vec<Action> = Vec::new();
    for action in calls.iter().filter_map(always) {
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    for action in actions.into_iter().filter(|action| *action != policy.default) {
        let alike: Vec<u32> = calls.iter().copied().filter(|number| always(number) == Some(action)).collect();
        for some in alike.chunks(TOGETHER) {
            for (at, number) in some.iter().enumerate() {
                let left = (some.len() - 1 - at) as u8;
                // The last one that does not match either goes on behind the answer.
                program.push(jump(EQUAL, *number, left, u8::from(left == 0)));
            }
            program.push(op(RETURN, action.encode()));
        }
    }
    for number in calls.iter().filter(|number| always(number).is_none()) {
        let mut block = Vec::new();
        for rule in &rules[number] {
            conditional(&mut block, rule)?;
        }
        block.push(op(RETURN, policy.default.encode()));
        match u8::try_from(block.len()) {
            Ok(length) => program.push(jump(EQUAL, *number, 0, length)),
            Err(_) => {
                program.push(jump(EQUAL, *number, 1, 0));
                program.push(op(JUMP, block.len() as u32));
            }
        }
        program.extend(block);
    }
    program.push(op(RETURN, policy.default.encode()));
    if program.len() > MOST { Err(Error::TooLong(program.len())) } else { Ok(program) }
}

/// Where a jump is to lead, until all of a rule is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// The next instruction.
    On,
    /// Behind this condition, which holds.
    Held,
    /// Behind this rule, which does not.
    Failed,
}

/// Adds one rule's conditions and its answer; behind them goes on what did not hold.
fn conditional(block: &mut Vec<Instruction>, rule: &Rule) -> Result<(), Error> {
    let mut steps: Vec<(Instruction, To, To)> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    for condition in &rule.when {
        let before = steps.len();
        compare(&mut steps, condition)?;
        ends.extend(std::iter::repeat_n(steps.len(), steps.len() - before));
    }
    // One more: the answer.
    let failed = steps.len() + 1;
    for (at, (instruction, holds, not)) in steps.iter().enumerate() {
        let far = |to: To| match to {
            To::On => 0,
            To::Held => ends[at] - at - 1,
            To::Failed => failed - at - 1,
        };
        let byte = |to| u8::try_from(far(to)).map_err(|_| Error::Condition);
        block.push(Instruction { jt: byte(*holds)?, jf: byte(*not)?, ..*instruction });
    }
    block.push(op(RETURN, rule.action.encode()));
    Ok(())
}

/// Adds one comparison of 64 bits, of the 32 that an instruction has at a time: the
/// upper half first, the lower one where that decides nothing.
fn compare(steps: &mut Vec<(Instruction, To, To)>, condition: &Condition) -> Result<(), Error> {
    use To::{Failed, Held, On};
    let Condition { argument, compare, value } = *condition;
    if argument > 5 {
        return Err(Error::Condition);
    }
    let little = u32::from(cfg!(target_endian = "little")) * 4;
    let at = |high: bool| ARGS_AT + 8 * argument + if high { little } else { 4 - little };
    let (high, low) = ((value >> 32) as u32, value as u32);
    let plain = |instruction| (instruction, To::On, To::On);
    let mut test = |code, k, holds, not| steps.push((op(code, k), holds, not));
    match compare {
        Compare::Equal => {
            test(LOAD, at(true), On, On);
            test(EQUAL, high, On, Failed);
            test(LOAD, at(false), On, On);
            test(EQUAL, low, Held, Failed);
        }
        Compare::Differs => {
            test(LOAD, at(true), On, On);
            test(EQUAL, high, On, Held);
            test(LOAD, at(false), On, On);
            test(EQUAL, low, Failed, Held);
        }
        Compare::Masked(mask) => {
            for (is_high, half, of) in [(true, high, (mask >> 32) as u32), (false, low, mask as u32)] {
                steps.push(plain(op(LOAD, at(is_high))));
                steps.push(plain(op(AND, of)));
                steps.push((op(EQUAL, half), if is_high { On } else { Held }, Failed));
            }
        }
        Compare::Greater | Compare::AtLeast | Compare::AtMost | Compare::Less => {
            // `less or equal` is `not greater`, `less` is `not at least`.
            let (yes, no) = match compare {
                Compare::Greater | Compare::AtLeast => (Held, Failed),
                _ => (Failed, Held),
            };
            let last = if matches!(compare, Compare::Greater | Compare::AtMost) { GREATER } else { AT_LEAST };
            test(LOAD, at(true), On, On);
            test(GREATER, high, yes, On);
            test(EQUAL, high, On, no);
            test(LOAD, at(false), On, On);
            test(last, low, yes, no);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::bpf::{Data, run};
    use super::*;

    fn call(number: u32, args: [u64; 6]) -> Data {
        Data { number, arch: NATIVE, pointer: 0, args }
    }

    fn verdict(program: &[Instruction], data: &Data) -> Action {
        Action::decode(run(program, data).expect("a program that comes to an end").answer)
    }

    /// What a policy says of a call, told without any program.
    fn meant(policy: &Policy, data: &Data) -> Action {
        let about = || policy.rules.iter().filter(|rule| rule.number == data.number);
        let holds = |condition: &Condition| {
            let is = data.args[condition.argument as usize];
            match condition.compare {
                Compare::Equal => is == condition.value,
                Compare::Differs => is != condition.value,
                Compare::Less => is < condition.value,
                Compare::AtMost => is <= condition.value,
                Compare::AtLeast => is >= condition.value,
                Compare::Greater => is > condition.value,
                Compare::Masked(mask) => is & mask == condition.value,
            }
        };
        if let Some(rule) = about().find(|rule| rule.when.is_empty()) {
            return rule.action;
        }
        about().find(|rule| rule.when.iter().all(holds)).map_or(policy.default, |rule| rule.action)
    }

    #[test]
    fn a_short_list_is_a_short_program() {
        let policy = Policy::list(Action::Allow, ["mkdirat", "chmod"], Action::Errno(1)).expect("names");
        let program = compile(&policy).expect("a program");
        assert_eq!(program.len(), if cfg!(target_arch = "x86_64") { 10 } else { 8 });
        let of = |name| call(super::super::number(name).expect("a call"), [0; 6]);
        assert_eq!(verdict(&program, &of("mkdirat")), Action::Errno(1));
        assert_eq!(verdict(&program, &of("chmod")), Action::Errno(1));
        assert_eq!(verdict(&program, &of("openat")), Action::Allow);
    }

    #[test]
    fn calls_of_another_table_are_not_taken_for_ours() {
        let policy = Policy { default: Action::Allow, rules: Vec::new() };
        let program = compile(&policy).expect("a program");
        let foreign = Data { arch: 0x4000_0003, ..call(1, [0; 6]) };
        assert_eq!(verdict(&program, &foreign), Action::KillProcess);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(verdict(&program, &call(X32 | 1, [0; 6])), Action::Errno(libc::ENOSYS as u16));
        }
    }

    #[test]
    fn what_always_holds_comes_before_conditions() {
        let when = vec![Condition { argument: 0, compare: Compare::Equal, value: 7 }];
        let rules = vec![
            Rule { number: 5, when, action: Action::KillProcess },
            Rule { number: 5, when: Vec::new(), action: Action::Errno(13) },
        ];
        let program = compile(&Policy { default: Action::Allow, rules }).expect("a program");
        assert_eq!(verdict(&program, &call(5, [7, 0, 0, 0, 0, 0])), Action::Errno(13));
    }

    #[test]
    fn a_policy_without_end_is_refused() {
        let when = vec![Condition { argument: 0, compare: Compare::Equal, value: 7 }; 3];
        let rules = (0..400).map(|number| Rule { number, when: when.clone(), action: Action::Trap }).collect();
        assert!(matches!(compile(&Policy { default: Action::Allow, rules }), Err(Error::TooLong(_))));
        let far = Condition { argument: 6, compare: Compare::Equal, value: 0 };
        let rules = vec![Rule { number: 1, when: vec![far], action: Action::Trap }];
        assert_eq!(compile(&Policy { default: Action::Allow, rules }), Err(Error::Condition));
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            Just(Action::Allow),
            Just(Action::Log),
            (0u16..5).prop_map(Action::Errno),
            Just(Action::KillProcess),
            Just(Action::Notify),
        ]
    }

    /// Few values, so that they meet; some that differ in one half alone.
    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..4, (0u64..4).prop_map(|high| high << 32), (0u64..4).prop_map(|low| 0x1_0000_0000 | low)]
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let compare = prop_oneof![
            Just(Compare::Equal),
            Just(Compare::Differs),
            Just(Compare::Less),
            Just(Compare::AtMost),
            Just(Compare::AtLeast),
            Just(Compare::Greater),
            value().prop_map(Compare::Masked),
        ];
        (0u32..6, compare, value()).prop_map(|(argument, compare, value)| Condition { argument, compare, value })
    }

    proptest! {
        #[test]
        fn a_program_does_what_its_policy_says(
            default in action(),
            rules in proptest::collection::vec(
                (0u32..300, proptest::collection::vec(condition(), 0..4), action()), 0..320),
            calls in proptest::collection::vec((0u32..300, proptest::array::uniform6(value())), 1..50),
        ) {
            let rules = rules.into_iter().map(|(number, when, action)| Rule { number, when, action }).collect();
            let policy = Policy { default, rules };
            if let Ok(program) = compile(&policy) {
                for (number, args) in calls {
                    let data = call(number, args);
                    prop_assert_eq!(verdict(&program, &data), meant(&policy, &data));
                }
            }
        }
    }
}
