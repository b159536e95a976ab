//! The seccomp filters that an actor has put on itself, as it handed them to the kernel
//! (which gives them back to nobody but the machine's own root: PTRACE_SECCOMP_GET_FILTER,
//! ptrace(2)), and what it was asked by them. Filled in by `lab`, shown by `observe`.

use serde::{Deserialize, Serialize};

use super::bpf::Instruction;

/// The filters of an actor, those of the one that it was forked from among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// The programs, the first installed first. The kernel runs them all, the last one
    /// first, and the strictest answer wins.
    pub programs: Vec<Vec<Instruction>>,
    /// The last questions that came, oldest first.
    pub asked: Vec<Asked>,
    /// How many there were.
    pub total: u64,
}

/// A call that somebody was asked about, and the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who wanted to make it: its PID in the actor's PID namespace.
    pub pid: u32,
    /// The name of the call.
    pub name: String,
    /// The arguments, decoded.
    pub args: Vec<String>,
    /// The errno that was answered; nothing where the call was let through.
    pub errno: Option<i32>,
}
