//! A box with all its walls, or with some left out, made of the lab's own ops, and a
//! probe run in it; and what there is on the host for a probe to reach.

#![allow(dead_code, reason = "each program that includes it uses its own part")]

use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use cloison::lab::{Lab, Options};
use cloison::lesson::op::{CapSetName, CapsOp, MapKind, MountFlag, NsKind, Op, RootKind, SeccompOp};
use tempfile::TempDir;

use super::probe::{Found, ORDER, Order, WAYS, heard, unwrapped};

/// Where the probe is in a box.
pub const INSIDE: &str = "/run/probe";

/// The filter of the finished box, an OCI profile. ENOSYS, which no other wall answers
/// with, tells what it was that refused. By arguments: CLONE_NEWUSER and TIOCSTI.
pub const PROFILE: &str = r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    { "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names": [
        "add_key", "bpf", "chroot", "clone3", "keyctl", "mknod", "mknodat", "mount", "open_by_handle_at",
        "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "request_key", "setns",
        "syslog", "umount2", "unshare"] },
    { "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names": ["clone"],
      "args": [{ "index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ" }] },
    { "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names": ["ioctl"],
      "args": [{ "index": 1, "value": 21522, "op": "SCMP_CMP_EQ" }] }
] }"#;

/// Where the filter is in a box.
const PROFILE_INSIDE: &str = "/run/profile.json";

/// What is there to be reached; gone when it is dropped.
pub struct Host {
    /// Holds the secret and a copy of the probe, which anybody may run.
    directory: TempDir,
    process: Child,
    _listener: UnixListener,
    order: Order,
}

impl Host {
    /// A file, a process, a key and a listener. The key is in a new session keyring of the
    /// calling thread: what this thread starts inherits it.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("cloison-escapes-").tempdir_in("/var/tmp")?;
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755))?;
        let secret = directory.path().join("secret");
        let name = directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let word = format!("the word of {name}");
        std::fs::write(&secret, &word)?;
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644))?;
        let probe = directory.path().join("probe");
        // By another process: a thread that forks while the file is open to be written here
        // would keep it from being run (ETXTBSY).
        let copied = Command::new("cp").arg(std::env::current_exe()?).arg(&probe).status().context("cp")?;
        anyhow::ensure!(copied.success(), "cp: {copied}");
        std::fs::set_permissions(&probe, PermissionsExt::from_mode(0o755))?;
        // Without keys in the kernel there is none to be found.
        if unwrapped::own_keyring().is_ok() {
            unwrapped::add_key(&name, &word).context("add_key")?;
        }
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let process = Command::new("sleep").arg("3600").stdin(Stdio::null()).spawn().context("sleep")?;
        let pid = i32::try_from(process.id())?;
        let order = Order { ways: Vec::new(), nested: false, secret, word, pid, key: name.clone(), socket: name };
        Ok(Self { directory, process, _listener: listener, order })
    }

    /// The copy of the probe.
    pub fn probe(&self) -> PathBuf {
        self.directory.path().join("probe")
    }

    /// A directory that goes with it.
    pub fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The order for these ways, as the probe's environment has it.
    pub fn order(&self, ways: &[&str], nested: bool) -> String {
        let ways = ways.iter().map(|way| (*way).to_owned()).collect();
        let order = Order { ways, nested, ..self.order.clone() };
        format!("{ORDER}={}", serde_json::to_string(&order).expect("plain data"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The names of all ways.
pub fn all_ways() -> Vec<&'static str> {
    WAYS.iter().map(|(name, _)| *name).collect()
}

/// Which walls a box has.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each wall is there or not, whatever the others are")]
pub struct Walls {
    /// A user namespace. Only root can make the others without.
    pub user: bool,
    /// A PID namespace.
    pub pid: bool,
    /// A network namespace.
    pub net: bool,
    /// pivot_root(2), else chroot(2).
    pub pivot: bool,
    /// No capability, in any set.
    pub caps: bool,
    /// A seccomp filter, [`PROFILE`].
    pub filter: bool,
    /// No process of the box that stays behind in the host's root directory.
    pub nobody_behind: bool,
}

impl Walls {
    /// The finished box.
    pub const ALL: Self =
        Self { user: true, pid: true, net: true, pivot: true, caps: true, filter: true, nobody_behind: true };
}

/// The box in a lab of its own; its actor is `init`.
pub fn make(host: &Host, walls: Walls, program: Option<PathBuf>) -> anyhow::Result<Lab> {
    let mut lab = Lab::start(Options { program, real_root: !walls.user, ..Options::default() })?;
    let first = if walls.pid { "box" } else { "init" };
    lab.spawn(first)?;
    let mut kinds = vec![NsKind::Mnt, NsKind::Uts, NsKind::Ipc, NsKind::Cgroup];
    kinds.extend(
        [(walls.user, NsKind::User), (walls.pid, NsKind::Pid), (walls.net, NsKind::Net)]
            .iter()
            .filter(|one| one.0)
            .map(|one| one.1),
    );
    let mut ops = vec![(first, Op::Unshare { kinds, map: walls.user.then_some(MapKind::Root) })];
    if walls.pid {
        ops.push(("box", Op::Fork { child: "init".into() }));
    }
    if !walls.nobody_behind {
        ops.push(("init", Op::Fork { child: "behind".into() }));
        // pivot_root(2) takes along whoever has the old root in this mount namespace.
        ops.push(("behind", Op::Unshare { kinds: vec![NsKind::Mnt], map: None }));
    }
    let mount = |fstype: &str, source: &str, target: &str, flags: &[MountFlag]| Op::Mount {
        fstype: fstype.into(),
        source: source.into(),
        target: target.into(),
        flags: flags.to_vec(),
        data: String::new(),
    };
    let at = format!("{{root}}{INSIDE}");
    let probe = host.probe().display().to_string();
    ops.push(("init", Op::Root { kind: RootKind::Host }));
    ops.push(("init", Op::Write { path: at.clone(), text: String::new() }));
    ops.push(("init", mount("", &probe, &at, &[MountFlag::Bind, MountFlag::Ro])));
    ops.push((
        "init",
        if walls.pid {
            mount("proc", "proc", "{root}/proc", &[MountFlag::Nosuid, MountFlag::Nodev, MountFlag::Noexec])
        } else {
            // A new one shows a PID namespace that is not the box's own.
            mount("", "/proc", "{root}/proc", &[MountFlag::Bind, MountFlag::Rec])
        },
    ));
    let path = "{root}".to_owned();
    ops.push(("init", if walls.pivot { Op::PivotRoot { path } } else { Op::Chroot { path } }));
    if walls.caps {
        for set in [CapSetName::Bounding, CapSetName::Permitted, CapSetName::Inheritable] {
            ops.push(("init", Op::Caps(CapsOp::Drop { caps: vec!["all".into()], set })));
        }
    }
    if walls.caps || walls.filter {
        ops.push(("init", Op::Caps(CapsOp::NoNewPrivs { on: true })));
    }
    if walls.filter {
        let path = PROFILE_INSIDE.to_owned();
        ops.push(("init", Op::Write { path: path.clone(), text: PROFILE.to_owned() }));
        ops.push(("init", Op::Seccomp(SeccompOp::Profile { path })));
    }
    let (done, unasked) = lab.perform_all(ops.into_iter().map(|(actor, op)| (actor.to_owned(), op)).collect())?;
    if let Some((errno, doing)) = done.iter().find_map(|performed| performed.failure.as_ref()) {
        bail!("{doing}: {errno}");
    }
    if let Some(failure) = unasked {
        bail!("{failure:?}");
    }
    Ok(lab)
}

/// What a probe finds in a lab's box; `program` is how the copy of the probe is called.
pub fn probe(lab: &mut Lab, order: String, program: &[&str]) -> anyhow::Result<Vec<Found>> {
    let mut argv = vec!["env".to_owned(), order, INSIDE.to_owned()];
    argv.extend(program.iter().map(|word| (*word).to_owned()));
    let run = Op::Run { argv, seconds: 60, background: false, trace: false };
    let performed = lab.perform("init", &run)?;
    if let Some((errno, doing)) = performed.failure {
        bail!("{doing}: {errno}");
    }
    let output = performed.ran.map(|ran| String::from_utf8_lossy(&ran.output).into_owned()).unwrap_or_default();
    let found = heard(&output);
    if found.is_empty() {
        bail!("the probe said nothing but {output:?}");
    }
    Ok(found)
}
