//! Capabilities: their names and numbers, and the ops on the sets of a thread.

use serde::{Deserialize, Serialize};

use crate::kernel::caps::NAMES;

/// A capability of capabilities(7), by its number in linux/capability.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Capability(u8);

impl Capability {
    /// The one of this number: one of a set's 64 bits.
    pub fn new(number: u8) -> Option<Self> {
        (number < 64).then_some(Self(number))
    }

    /// The one of this name, with or without `CAP_`, in capitals or not.
    pub fn named(name: &str) -> Option<Self> {
        let capitals = name.to_ascii_uppercase();
        let bare = capitals.strip_prefix("CAP_").unwrap_or(&capitals);
        let number = NAMES.iter().position(|one| *one == bare)?;
        u8::try_from(number).ok().map(Self)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Its bit in a set.
    pub fn bit(self) -> u64 {
        1 << self.0
    }

    /// Its name without `CAP_`; for one that is newer than this program its number.
    pub fn bare(self) -> String {
        NAMES.get(usize::from(self.0)).map_or_else(|| self.0.to_string(), |name| (*name).to_owned())
    }
}

impl std::fmt::Display for Capability {
    /// `CAP_CHOWN`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CAP_{}", self.bare())
    }
}

/// What root is exempt from, by bit: linux/securebits.h, without SECBIT_. Those that
/// end in `_locked` hold the one before them as it is.
pub const SECUREBITS: [&str; 8] = [
    "noroot",
    "noroot_locked",
    "no_setuid_fixup",
    "no_setuid_fixup_locked",
    "keep_caps",
    "keep_caps_locked",
    "no_cap_ambient_raise",
    "no_cap_ambient_raise_locked",
];

/// One of the five sets of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CapSetName {
    /// What a program that has this in its file's inheritable set may keep.
    Inheritable,
    /// The most that `effective` may have.
    Permitted,
    /// What the kernel asks for.
    Effective,
    /// The most that an execve(2) may give.
    Bounding,
    /// What a program without privileges of its own keeps.
    Ambient,
}

/// What an actor does to its own privileges. A capability is a name, with `{seed.NAME}`
/// filled in; `all` stands for every one that the set has (to drop) or may have (to
/// raise).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CapsOp {
    /// `caps = { drop = ["CAP_KILL"], set = "effective" }`: capset(2), or prctl(2) for
    /// the bounding and the ambient set. What leaves the permitted set leaves the
    /// effective one by the same call.
    Drop {
        /// Which.
        caps: Vec<String>,
        /// Where.
        set: CapSetName,
    },
    /// `caps = { raise = ["CAP_KILL"], set = "ambient" }`.
    Raise {
        /// Which.
        caps: Vec<String>,
        /// Where; not the bounding set, to which nothing can be added.
        set: CapSetName,
    },
    /// `securebits = ["noroot"]`: these and no others, PR_SET_SECUREBITS(2const).
    Securebits {
        /// Names of [`SECUREBITS`].
        names: Vec<String>,
    },
    /// `no_new_privs = true`: PR_SET_NO_NEW_PRIVS(2const).
    NoNewPrivs {
        /// `false` asks for what the kernel never does.
        on: bool,
    },
    /// `filecap = { path = "/tmp/nap", permitted = ["CAP_KILL"], effective = true }`:
    /// setxattr(2) of `security.capability`.
    File {
        /// The program.
        path: String,
        /// Its permitted set.
        permitted: Vec<String>,
        /// Its inheritable set.
        inheritable: Vec<String>,
        /// Whether what it gives is effective at once.
        effective: bool,
    },
    /// `become = { uid = 1000, gid = 1000 }`: setresgid(2), setresuid(2).
    Become {
        /// In the actor's user namespace.
        uid: u32,
        /// Likewise.
        gid: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_known_by_its_name_however_it_is_written() {
        for (name, number) in [("CAP_CHOWN", 0), ("sys_admin", 21), ("cap_checkpoint_restore", 40), ("KILL", 5)] {
            assert_eq!(Capability::named(name).map(Capability::number), Some(number), "{name}");
        }
        assert_eq!(Capability::named("CAP_ROOT"), None);
        assert_eq!(Capability::named("CAP_CAP_CHOWN"), None);
        assert_eq!(Capability(21).to_string(), "CAP_SYS_ADMIN");
        assert_eq!(Capability(63).to_string(), "CAP_63");
    }
}
