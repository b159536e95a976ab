//! Linux security modules: which are on. They are the machine's, not a process's, and stay
//! as they are while it runs, so they are asked for once.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::model::{Reading, Unread};
use crate::kernel::features;

/// The security modules of the machine, as one process can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    /// Their names, in the kernel's order; without its list those that left a trace.
    pub active: Vec<String>,
    /// Whether the kernel's own list could be read, /sys/kernel/security/lsm.
    pub listed: bool,
    /// The version of Landlock's interface, landlock(7).
    pub landlock: Reading<u32>,
}

/// Those that the calling process can tell of.
pub fn modules() -> Modules {
    static KNOWN: OnceLock<Modules> = OnceLock::new();
    let ask = || {
        let (active, unread) = features::security_modules();
        let landlock = match features::landlock_version() {
            Ok(version) => Reading::Read(version),
            Err(errno) => Reading::Unread(Unread { path: "landlock_create_ruleset(2)".to_owned(), errno }),
        };
        Modules { active, listed: unread.is_none(), landlock }
    };
    KNOWN.get_or_init(ask).clone()
}
