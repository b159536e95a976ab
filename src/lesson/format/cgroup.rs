//! The operations on control groups, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Placed, Word};
use crate::lesson::op::Controller;

/// A control group: one of the keys; `controllers` along with `create`, `of` and `to`
/// along with `set`, `allow` along with `devices`. Groups are named from the lab's own
/// on: `box`, or `box/inner` below it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCgroup {
    /// Make a group.
    pub create: Option<Word>,
    /// What it can limit and account.
    pub controllers: Option<Placed<Vec<Placed<Controller>>>>,
    /// Write to this file of a group, by its name in version 2.
    pub set: Option<Word>,
    /// The group whose file it is.
    pub of: Option<Word>,
    /// What is written, as version 2 takes it.
    pub to: Option<Word>,
    /// The actor enters this group.
    pub join: Option<Word>,
    /// `true`: the actor leaves every group of the lab.
    pub leave: Option<Placed<bool>>,
    /// Stop every member, and wait until they have stopped.
    pub freeze: Option<Word>,
    /// Let them go on.
    pub thaw: Option<Word>,
    /// SIGKILL to every member, and those of the groups below.
    pub kill: Option<Word>,
    /// Remove a group.
    pub remove: Option<Word>,
    /// Refuse the members of this group every device but those of `allow`.
    pub devices: Option<Word>,
    /// Devices that may be used: kind, numbers, access, `"c 1:3 rwm"`; `"a"` for all.
    pub allow: Option<Placed<Vec<Word>>>,
    /// Give this group to the one who is root in the actor's user namespace.
    pub delegate: Option<Word>,
}
