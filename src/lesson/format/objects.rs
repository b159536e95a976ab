//! The ops on clocks and IPC objects, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Placed, Word};
use crate::lesson::op::ShmFlag;

/// Clock offsets, in seconds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClock {
    /// Added to CLOCK_MONOTONIC.
    #[serde(default)]
    pub monotonic: i64,
    /// Added to CLOCK_BOOTTIME.
    #[serde(default)]
    pub boottime: i64,
}

/// shmget(2).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawShmget {
    /// The key: decimal, or hexadecimal after `0x`.
    pub key: Word,
    /// Bytes.
    pub size: Placed<u64>,
    /// Flags; without any the segment must be there.
    #[serde(default)]
    pub flags: Vec<Placed<ShmFlag>>,
}
