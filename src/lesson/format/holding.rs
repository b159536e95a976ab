//! The shape of the ops that keep a namespace there and that write id maps by hand.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Word;
use crate::lesson::op::NsKind;

/// A namespace kept there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHold {
    /// The actor whose namespace it is.
    pub of: Word,
    /// Which of them.
    pub kind: NsKind,
    /// Where it is bind mounted, on a file that is made. Without: by a descriptor that the
    /// actor keeps open.
    pub at: Option<Word>,
}

/// The files of a user namespace, written in this order: `setgroups`, `uid_map`, `gid_map`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawIdmap {
    /// The actor whose user namespace it is.
    pub of: Word,
    /// `deny` or `allow`.
    pub setgroups: Option<Word>,
    /// The lines of uid_map: first id inside, first id outside, how many.
    pub uid_map: Option<Word>,
    /// The lines of gid_map.
    pub gid_map: Option<Word>,
}
