//! The keys of the ops on mounts, root directories and files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Placed, Word};
use crate::lesson::op::MountFlag;

/// mount(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMount {
    /// File system type; left out for binds and propagation changes.
    #[serde(rename = "type")]
    pub fstype: Option<Word>,
    /// Source.
    pub source: Option<Word>,
    /// Mount point.
    pub target: Word,
    /// Flags.
    #[serde(default)]
    pub flags: Vec<Placed<MountFlag>>,
    /// The file system's own options.
    pub data: Option<Word>,
}

/// umount2(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUmount {
    /// Mount point.
    pub target: Word,
    /// MNT_DETACH.
    #[serde(default)]
    pub detach: bool,
}

/// A file to write.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWrite {
    /// Where.
    pub path: Word,
    /// What it holds from then on.
    pub text: Word,
}

/// Which root directory to build: one of the two keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoot {
    /// `host`: the host's own directories, bound read-only.
    pub from: Option<RootFrom>,
    /// Copies of these programs, with their libraries.
    pub programs: Option<Placed<Vec<Word>>>,
    /// `false`: the programs alone, so that they can't start.
    pub libraries: Option<Placed<bool>>,
}

/// Where a bound root comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RootFrom {
    /// The host's own directories.
    Host,
}
