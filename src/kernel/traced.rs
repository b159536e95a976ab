//! The calls of commands, as the tracer saw them at the border of user space and
//! kernel space: what the calls pane lists beside the lab's own, and what checks may
//! look at. Filled in by `lab::tracer`.

use serde::{Deserialize, Serialize};

use super::call::Errno;

/// The last calls of the commands traced in an actor, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// Whether the commands of its shells are being traced now.
    pub on: bool,
    /// Why they can't be, where that was asked for and refused.
    pub refused: Option<Errno>,
    /// How many calls there were, those left out among them.
    pub total: u64,
    /// How many of the first are no longer here.
    pub left_out: u64,
    /// The calls, oldest first, in the order in which they returned; then those that
    /// are still under way.
    pub calls: Vec<TracedCall>,
}

/// A call of a traced command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedCall {
    /// Who made it: its PID in the actor's PID namespace.
    pub pid: u32,
    /// The program that it ran then, without its path.
    pub program: String,
    /// The name of the call, as in section 2 of the manual.
    pub name: String,
    /// The arguments, decoded; long ones are cut and say so with `…`.
    pub args: Vec<String>,
    /// What came of it; nothing while it is under way, or where it never returned
    /// (`exit_group`, or the process was killed in it).
    pub result: Option<Result<i64, Errno>>,
    /// From entry to exit, in microseconds; the tracer's own delay is in it.
    pub micros: u64,
}

impl std::fmt::Display for TracedCall {
    /// As strace(1) would: `openat(AT_FDCWD, "/x", O_RDONLY) = -1 ENOENT: …`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({}) = ", self.name, self.args.join(", "))?;
        match self.result {
            Some(Ok(value)) => write!(f, "{value}"),
            Some(Err(errno)) => write!(f, "-1 {errno}"),
            None => f.write_str("?"),
        }
    }
}
