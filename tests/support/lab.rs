//! A lab of the program under test, and ops in it that must go through. Used by the
//! tests that ask the kernel without a screen.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]

use std::path::PathBuf;

use cloison::lab::{Lab, Options, Performed};
use cloison::lesson::op::Op;

pub fn lab() -> Lab {
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    Lab::start(Options { program, ..Options::default() }).unwrap()
}

pub fn must(lab: &mut Lab, actor: &str, op: &Op) -> Performed {
    let performed = lab.perform(actor, op).unwrap();
    assert_eq!(performed.failure, None, "{op:?}: {:#?}", performed.calls);
    performed
}

/// The symbol of the errno that an op fails with.
pub fn refused(lab: &mut Lab, actor: &str, op: &Op) -> String {
    let performed = lab.perform(actor, op).unwrap();
    performed.failure.unwrap_or_else(|| panic!("{op:?} went through")).0.symbol()
}
