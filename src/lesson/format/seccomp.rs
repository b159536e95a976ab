//! The ops on seccomp filters and Landlock, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Placed, Word};

/// A filter: `refuse` with `with`, `allow` with `otherwise`, `ask` with `answer`, or `profile`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSeccomp {
    /// Calls that get an answer of the filter's; the others are carried out.
    pub refuse: Option<Placed<Vec<Word>>>,
    /// The answer: `kill`, `kill-thread`, `trap`, `log`, or an errno.
    pub with: Option<Word>,
    /// Calls that are carried out; the others get an answer.
    pub allow: Option<Placed<Vec<Word>>>,
    /// That answer.
    pub otherwise: Option<Word>,
    /// Calls of the actor's programs about which the actor is asked.
    pub ask: Option<Placed<Vec<Word>>>,
    /// What it answers: `continue`, or an errno.
    pub answer: Option<Word>,
    /// A profile of the OCI's form.
    pub profile: Option<Word>,
}

/// What may be reached from here on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLandlock {
    /// Directories below which files may be read and run.
    #[serde(default)]
    pub read: Vec<Word>,
    /// Directories below which anything may be done.
    #[serde(default)]
    pub write: Vec<Word>,
}
