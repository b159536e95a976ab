//! Profiles as container engines have them: the `linux.seccomp` of the OCI runtime
//! specification (config-linux.md), with what Docker's and Podman's own files add to it:
//! conditions on the architecture, the kernel and the capabilities. Pure.

use serde::Deserialize;

use super::super::call::Errno;
use super::super::caps;
use super::{Action, Compare, Condition, Policy, Rule, number};

/// The largest profile that is read, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// What rules of a profile may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Here {
    /// The effective capabilities of who will run under it: a bit for each.
    pub capabilities: u64,
    /// The kernel's version: 6 and 1 of 6.1.
    pub kernel: (u32, u32),
}

/// Why a profile can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No JSON, or not of this form.
    #[error("{0}")]
    Form(String),
    /// A word that the format does not have.
    #[error("`{0}` is not known")]
    Word(String),
    /// It is for other machines.
    #[error("the profile is not for this machine's architecture ({0})")]
    Architecture(&'static str),
}

/// This machine in the words of the OCI, and of Go.
const MACHINE: (&str, &str) = if cfg!(target_arch = "x86_64") {
    ("SCMP_ARCH_X86_64", "amd64")
} else if cfg!(target_arch = "aarch64") {
    ("SCMP_ARCH_AARCH64", "arm64")
} else {
    ("", "")
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u16>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    arch_map: Option<Vec<ArchMap>>,
    #[serde(default)]
    syscalls: Option<Vec<Calls>>,
}

#[derive(Deserialize)]
struct ArchMap {
    architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Calls {
    #[serde(default)]
    names: Vec<String>,
    action: String,
    errno_ret: Option<u16>,
    #[serde(default)]
    args: Option<Vec<Argument>>,
    #[serde(default)]
    includes: Only,
    #[serde(default)]
    excludes: Only,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u32,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Only {
    #[serde(default)]
    arches: Vec<String>,
    #[serde(default)]
    caps: Vec<String>,
    min_kernel: Option<String>,
}

/// Reads a profile: the policy of this machine. Names of calls that this machine has not
/// are passed over, as runc does: profiles list those of all machines.
pub fn read(text: &str, here: Here) -> Result<Policy, Error> {
    let profile: Profile = serde_json::from_str(text).map_err(|error| Error::Form(error.to_string()))?;
    let named =
        profile.architectures.iter().flatten().chain(profile.arch_map.iter().flatten().map(|map| &map.architecture));
    let mut named = named.peekable();
    if named.peek().is_some() && !named.any(|one| one == MACHINE.0) {
        return Err(Error::Architecture(MACHINE.0));
    }
    let default = action(&profile.default_action, profile.default_errno_ret)?;
    let mut rules = Vec::new();
    for calls in profile.syscalls.iter().flatten() {
        let action = action(&calls.action, calls.errno_ret)?;
        let when = calls.args.iter().flatten().map(condition).collect::<Result<Vec<_>, _>>()?;
        if !calls.includes.all(here)? || calls.excludes.any(here)? {
            continue;
        }
        let known = calls.names.iter().filter_map(|name| number(name));
        rules.extend(known.map(|number| Rule { number, when: when.clone(), action }));
    }
    Ok(Policy { default, rules })
}

fn action(word: &str, errno: Option<u16>) -> Result<Action, Error> {
    let errno = || errno.unwrap_or(libc::EPERM as u16);
    Ok(match word {
        "SCMP_ACT_ALLOW" => Action::Allow,
        "SCMP_ACT_LOG" => Action::Log,
        "SCMP_ACT_ERRNO" => Action::Errno(errno()),
        "SCMP_ACT_TRAP" => Action::Trap,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KillThread,
        "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
        "SCMP_ACT_NOTIFY" => Action::Notify,
        "SCMP_ACT_TRACE" => Action::Trace(errno()),
        _ => return Err(Error::Word(word.to_owned())),
    })
}

fn condition(argument: &Argument) -> Result<Condition, Error> {
    let (compare, value) = match argument.op.as_str() {
        "SCMP_CMP_EQ" => (Compare::Equal, argument.value),
        "SCMP_CMP_NE" => (Compare::Differs, argument.value),
        "SCMP_CMP_LT" => (Compare::Less, argument.value),
        "SCMP_CMP_LE" => (Compare::AtMost, argument.value),
        "SCMP_CMP_GE" => (Compare::AtLeast, argument.value),
        "SCMP_CMP_GT" => (Compare::Greater, argument.value),
        // The mask comes first.
        "SCMP_CMP_MASKED_EQ" => (Compare::Masked(argument.value), argument.value_two),
        word => return Err(Error::Word(word.to_owned())),
    };
    Ok(Condition { argument: argument.index, compare, value })
}

impl Only {
    /// Whether all that is asked for is so.
    fn all(&self, here: Here) -> Result<bool, Error> {
        let caps = self.caps.iter().map(|name| has(name, here)).collect::<Result<Vec<_>, _>>()?;
        Ok((self.arches.is_empty() || self.arches.iter().any(|arch| arch == MACHINE.1))
            && caps.into_iter().all(|has| has)
            && self.kernel(here)?.unwrap_or(true))
    }

    /// Whether anything that is named is so.
    fn any(&self, here: Here) -> Result<bool, Error> {
        let caps = self.caps.iter().map(|name| has(name, here)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.arches.iter().any(|arch| arch == MACHINE.1)
            || caps.into_iter().any(|has| has)
            || self.kernel(here)?.unwrap_or(false))
    }

    fn kernel(&self, here: Here) -> Result<Option<bool>, Error> {
        let Some(text) = &self.min_kernel else { return Ok(None) };
        let parts = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let least: (u32, u32) = parts.ok_or_else(|| Error::Word(text.clone()))?;
        Ok(Some(here.kernel >= least))
    }
}

fn has(name: &str, here: Here) -> Result<bool, Error> {
    let short = name.strip_prefix("CAP_").unwrap_or(name);
    let at = caps::NAMES.iter().position(|known| *known == short).ok_or_else(|| Error::Word(name.to_owned()))?;
    Ok(here.capabilities >> at & 1 == 1)
}

/// Who calls, and the kernel that it calls.
pub fn here() -> Result<Here, Errno> {
    let [effective, _, _] = super::super::read::capabilities()?;
    let names = super::super::read::uname()?;
    let release = names.release().to_string_lossy().into_owned();
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    Ok(Here { capabilities: effective, kernel: (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) })
}

#[cfg(test)]
mod tests {
    use super::super::super::bpf::{Data, run};
    use super::super::{NATIVE, compile::compile};
    use super::*;

    const NOBODY: Here = Here { capabilities: 0, kernel: (6, 1) };
    const ADMIN: Here = Here { capabilities: 1 << 21, kernel: (6, 1) };

    fn of(text: &str, here: Here, name: &str, args: [u64; 6]) -> Action {
        let policy = read(text, here).expect("a profile").without_clone3();
        let program = compile(&policy).expect("a program");
        let data = Data { number: number(name).expect("a call"), arch: NATIVE, pointer: 0, args };
        Action::decode(run(&program, &data).expect("an answer").answer)
    }

    /// In the form and the words of Docker's own, cut short.
    const DOCKER: &str = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
        "syscalls": [
            {"names": ["read", "write", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["process_vm_readv"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "7.0"}},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]}
        ]}"#;

    #[test]
    fn a_profile_of_dockers_does_what_it_does_there() {
        let none = [0; 6];
        let first = |value| [value, 0, 0, 0, 0, 0];
        let eperm = Action::Errno(libc::EPERM as u16);
        assert_eq!(of(DOCKER, NOBODY, "read", none), Action::Allow);
        assert_eq!(of(DOCKER, NOBODY, "reboot", none), eperm);
        assert_eq!(of(DOCKER, NOBODY, "ptrace", none), Action::Allow);
        assert_eq!(of(DOCKER, NOBODY, "process_vm_readv", none), eperm);
        assert_eq!(of(DOCKER, NOBODY, "mount", none), eperm);
        assert_eq!(of(DOCKER, ADMIN, "mount", none), Action::Allow);
        assert_eq!(of(DOCKER, NOBODY, "clone", first(0x11)), Action::Allow);
        assert_eq!(of(DOCKER, NOBODY, "clone", first(0x1000_0000)), eperm);
        assert_eq!(of(DOCKER, NOBODY, "clone3", none), Action::Errno(libc::ENOSYS as u16));
        assert_eq!(of(DOCKER, NOBODY, "socket", first(2)), Action::Allow);
        assert_eq!(of(DOCKER, NOBODY, "socket", first(40)), eperm);
    }

    #[test]
    fn what_can_not_be_used_says_why() {
        let error = |text| read(text, NOBODY).expect_err("an error").to_string();
        assert!(error("{").contains("line 1"));
        assert!(error("{}").contains("defaultAction"));
        assert_eq!(error(r#"{"defaultAction": "SCMP_ACT_DENY"}"#), "`SCMP_ACT_DENY` is not known");
        let foreign = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X"]}"#;
        assert!(matches!(read(foreign, NOBODY), Err(Error::Architecture(_))));
        let word = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRAP",
            "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}]}]}"#;
        assert_eq!(error(word), "`SCMP_CMP_LIKE` is not known");
    }
}
