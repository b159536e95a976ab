//! What a filter is to do, before it is a program: an answer for each call, and one for
//! the rest. Pure.

use super::super::call::Errno;

/// What becomes of a call, seccomp(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Action {
    /// It is carried out.
    Allow,
    /// It is carried out, and the kernel's log says so.
    Log,
    /// It is not carried out; the caller gets this errno (0: a success that isn't one).
    Errno(u16),
    /// SIGSYS, which the program may catch.
    Trap,
    /// The calling thread ends, by SIGSYS.
    KillThread,
    /// The whole process ends, by SIGSYS.
    KillProcess,
    /// Somebody else is asked, by a descriptor.
    Notify,
    /// A tracer is told; without one the call fails with ENOSYS.
    Trace(u16),
}

/// The kernel's largest errno: MAX_ERRNO.
pub const MOST_ERRNO: u16 = 4095;

impl Action {
    /// As a program returns it: SECCOMP_RET_*, with 16 bits of data.
    pub fn encode(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Log => libc::SECCOMP_RET_LOG,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno.min(MOST_ERRNO)),
            Self::Trap => libc::SECCOMP_RET_TRAP,
            Self::KillThread => libc::SECCOMP_RET_KILL_THREAD,
            Self::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Self::Trace(data) => libc::SECCOMP_RET_TRACE | u32::from(data),
        }
    }

    /// From what a program returned. What the kernel does not know, it kills for.
    pub fn decode(answer: u32) -> Self {
        let data = answer as u16;
        match answer & libc::SECCOMP_RET_ACTION_FULL {
            libc::SECCOMP_RET_ALLOW => Self::Allow,
            libc::SECCOMP_RET_LOG => Self::Log,
            libc::SECCOMP_RET_ERRNO => Self::Errno(data),
            libc::SECCOMP_RET_TRAP => Self::Trap,
            libc::SECCOMP_RET_KILL_THREAD => Self::KillThread,
            libc::SECCOMP_RET_USER_NOTIF => Self::Notify,
            libc::SECCOMP_RET_TRACE => Self::Trace(data),
            _ => Self::KillProcess,
        }
    }

    /// Whether the call is carried out by the kernel without anybody being asked.
    pub fn lets_through(self) -> bool {
        matches!(self, Self::Allow | Self::Log)
    }

    /// As lessons and `cloison-run` write it: `kill`, `log`, or an errno (`EACCES`, `0`).
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "allow" => Self::Allow,
            "log" => Self::Log,
            "trap" => Self::Trap,
            "kill" | "kill-process" => Self::KillProcess,
            "kill-thread" => Self::KillThread,
            "notify" => Self::Notify,
            "0" => Self::Errno(0),
            errno => Self::Errno(u16::try_from(Errno::from_symbol(errno)?.0).ok()?),
        })
    }
}

impl std::fmt::Display for Action {
    /// In the kernel's own words, short: `ALLOW`, `ERRNO EACCES`, `KILL_PROCESS`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Allow => f.write_str("ALLOW"),
            Self::Log => f.write_str("LOG"),
            Self::Errno(0) => f.write_str("ERRNO 0"),
            Self::Errno(errno) => write!(f, "ERRNO {}", Errno(i32::from(*errno)).symbol()),
            Self::Trap => f.write_str("TRAP"),
            Self::KillThread => f.write_str("KILL_THREAD"),
            Self::KillProcess => f.write_str("KILL_PROCESS"),
            Self::Notify => f.write_str("USER_NOTIF"),
            Self::Trace(_) => f.write_str("TRACE"),
        }
    }
}

/// How an argument is compared; unsigned, 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Equal,
    /// Not equal.
    Differs,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater or equal.
    AtLeast,
    /// Greater.
    Greater,
    /// Equal to `value`, in these bits.
    Masked(u64),
}

/// A condition on an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Which argument: 0 to 5.
    pub argument: u32,
    /// How it is compared.
    pub compare: Compare,
    /// With what.
    pub value: u64,
}

/// What becomes of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its number.
    pub number: u32,
    /// All must hold; none: always.
    pub when: Vec<Condition>,
    /// What becomes of it then.
    pub action: Action,
}

/// A whole filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What becomes of a call that no rule is about.
    pub default: Action,
    /// The rules; of those about one call the first that holds.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// A list of calls with one answer, by name. The error is the first name that no
    /// call of this machine has.
    pub fn list<'a>(
        default: Action,
        names: impl IntoIterator<Item = &'a str>,
        action: Action,
    ) -> Result<Self, &'a str> {
        let rule =
            |name: &'a str| super::number(name).map(|number| Rule { number, when: Vec::new(), action }).ok_or(name);
        let rules = names.into_iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { default, rules })
    }

    /// Whether it asks somebody.
    pub fn notifies(&self) -> bool {
        self.default == Action::Notify || self.rules.iter().any(|rule| rule.action == Action::Notify)
    }

    /// clone3(2) has its flags in memory, where no filter can see them: where clone is
    /// filtered and no rule is about clone3, it is answered ENOSYS, as if the kernel
    /// were too old for it, and the C library falls back to clone. So Docker does.
    #[must_use]
    pub fn without_clone3(mut self) -> Self {
        let about = |name: &str| {
            let number = super::number(name);
            self.rules.iter().filter(move |rule| Some(rule.number) == number)
        };
        let filtered = about("clone").any(|rule| !rule.when.is_empty() || !rule.action.lets_through());
        if filtered
            && about("clone3").next().is_none()
            && let Some(number) = super::number("clone3")
        {
            self.rules.push(Rule { number, when: Vec::new(), action: Action::Errno(libc::ENOSYS as u16) });
        }
        self
    }
}
