//! The shape of the ops on privileges.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Placed, Word};
use crate::lesson::op::CapSetName;

/// Capabilities by name (`CAP_KILL`), or `all`: one of `drop`, `raise`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCaps {
    /// Those to take out of the set.
    pub drop: Option<Placed<Vec<Word>>>,
    /// Those to put into it.
    pub raise: Option<Placed<Vec<Word>>>,
    /// The set.
    pub set: Placed<CapSetName>,
}

/// The capabilities of a file, setxattr(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFilecap {
    /// The program.
    pub path: Word,
    /// Its permitted set.
    #[serde(default)]
    pub permitted: Vec<Word>,
    /// Its inheritable set.
    #[serde(default)]
    pub inheritable: Vec<Word>,
    /// Whether what it gives is effective at once.
    #[serde(default = "yes")]
    pub effective: bool,
}

/// Ids in the actor's user namespace.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBecome {
    /// Real, effective and saved uid.
    pub uid: u32,
    /// Likewise.
    pub gid: u32,
}

fn yes() -> bool {
    true
}
