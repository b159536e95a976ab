//! The privileges of the calling thread, capabilities(7): its sets, its securebits,
//! its no_new_privs bit, and the capabilities of a file. Called by actors, which have
//! one thread. The names that calls show come from the caller.

use super::call::{Errno, Trace};

/// The names of the capabilities without `CAP_`, by number (linux/capability.h), as of
/// Linux 5.9.
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// A capability: its number, and how the trace names it.
pub type Named<'a> = (u8, &'a str);

/// capset(2) on the caller: the effective, permitted and inheritable sets, and how the
/// trace shows each. EPERM for a permitted set with something new, an effective one
/// beyond the permitted, an inheritable one beyond the bounding set or, without
/// CAP_SETPCAP, beyond the permitted one.
pub fn capset(trace: &mut Trace, sets: [u64; 3], shown: &[String; 3]) -> Result<(), Errno> {
    let [effective, permitted, inheritable] = shown;
    let args = vec![
        "{_LINUX_CAPABILITY_VERSION_3, 0}".to_owned(),
        format!("{{effective={effective}, permitted={permitted}, inheritable={inheritable}}}"),
    ];
    trace.record("capset", args, || set(sets), |()| 0)
}

/// What capget(2) and capset(2) take: `_LINUX_CAPABILITY_VERSION_3`, linux/capability.h.
#[repr(C)]
pub(super) struct Header {
    version: u32,
    pid: i32,
}

impl Header {
    /// Of the calling thread.
    pub(super) const OWN: Self = Self { version: 0x2008_0522, pid: 0 };
}

/// Half of each set: version 3 has two of these, the lower 32 bits first.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Half {
    pub(super) effective: u32,
    pub(super) permitted: u32,
    pub(super) inheritable: u32,
}

fn set(sets: [u64; 3]) -> nix::Result<()> {
    let mut header = Header::OWN;
    let half = |shift: u32| {
        let [effective, permitted, inheritable] = sets.map(|set| (set >> shift) as u32);
        Half { effective, permitted, inheritable }
    };
    let data = [half(0), half(32)];
    #[expect(unsafe_code, reason = "capset(2) is in neither nix nor libc")]
    // SAFETY: version 3 takes this header and two of these structures.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) };
    nix::errno::Errno::result(done).map(drop)
}

/// PR_CAPBSET_DROP(2const): out of the caller's bounding set, for good. EPERM without
/// CAP_SETPCAP over the caller's user namespace.
pub fn drop_bounding(trace: &mut Trace, one: Named<'_>) -> Result<(), Errno> {
    let args = vec!["PR_CAPBSET_DROP".to_owned(), one.1.to_owned()];
    trace.record("prctl", args, || prctl(libc::PR_CAPBSET_DROP, [u64::from(one.0), 0]), |()| 0)
}

/// PR_CAP_AMBIENT_RAISE(2const). EPERM for one that is not both permitted and
/// inheritable, or where a securebit forbids it.
pub fn raise_ambient(trace: &mut Trace, one: Named<'_>) -> Result<(), Errno> {
    ambient(trace, ("PR_CAP_AMBIENT_RAISE", libc::PR_CAP_AMBIENT_RAISE), Some(one))
}

/// PR_CAP_AMBIENT_LOWER(2const), or for all of them PR_CAP_AMBIENT_CLEAR_ALL(2const).
pub fn lower_ambient(trace: &mut Trace, one: Option<Named<'_>>) -> Result<(), Errno> {
    let what = match one {
        Some(_) => ("PR_CAP_AMBIENT_LOWER", libc::PR_CAP_AMBIENT_LOWER),
        None => ("PR_CAP_AMBIENT_CLEAR_ALL", libc::PR_CAP_AMBIENT_CLEAR_ALL),
    };
    ambient(trace, what, one)
}

fn ambient(trace: &mut Trace, what: (&str, i32), one: Option<Named<'_>>) -> Result<(), Errno> {
    let (number, name) = one.unwrap_or((0, "0"));
    let args = vec!["PR_CAP_AMBIENT".to_owned(), what.0.to_owned(), name.to_owned(), "0".to_owned(), "0".to_owned()];
    let call = || prctl(libc::PR_CAP_AMBIENT, [what.1 as u64, u64::from(number)]);
    trace.record("prctl", args, call, |()| 0)
}

/// PR_SET_SECUREBITS(2const): exactly these bits. EPERM without CAP_SETPCAP, and for
/// one that is locked.
pub fn set_securebits(trace: &mut Trace, bits: u32, shown: &str) -> Result<(), Errno> {
    let args = vec!["PR_SET_SECUREBITS".to_owned(), shown.to_owned()];
    trace.record("prctl", args, || prctl(libc::PR_SET_SECUREBITS, [u64::from(bits), 0]), |()| 0)
}

/// PR_SET_NO_NEW_PRIVS(2const), Linux 3.5. EINVAL for `false`: there is no way back.
pub fn set_no_new_privs(trace: &mut Trace, on: bool) -> Result<(), Errno> {
    let args = ["PR_SET_NO_NEW_PRIVS", if on { "1" } else { "0" }, "0", "0", "0"].map(str::to_owned).to_vec();
    trace.record("prctl", args, || prctl(libc::PR_SET_NO_NEW_PRIVS, [u64::from(on), 0]), |()| 0)
}

fn prctl(option: i32, [second, third]: [u64; 2]) -> nix::Result<()> {
    #[expect(unsafe_code, reason = "these prctl(2) options are not in nix")]
    // SAFETY: the options used here take numbers only, and change the caller's
    // credentials, not its memory.
    let done = unsafe {
        libc::prctl(option, second as libc::c_ulong, third as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong)
    };
    nix::errno::Errno::result(done).map(drop)
}

/// linux/capability.h: the second revision has two words a set. The kernel makes the
/// third of it, with the root of the caller's user namespace, where that is not the
/// first one.
const VFS_CAP_REVISION_2: u32 = 0x0200_0000;
const VFS_CAP_FLAGS_EFFECTIVE: u32 = 1;

/// The capabilities of a file: setxattr(2) of `security.capability`. EPERM without
/// CAP_SETFCAP over the user namespace that the file system belongs to and that has the
/// file's owner; EOPNOTSUPP on a file system without such attributes.
pub fn set_file(
    trace: &mut Trace,
    path: &str,
    sets: [u64; 2],
    effective: bool,
    shown: &[String; 2],
) -> Result<(), Errno> {
    let [permitted, inheritable] = sets;
    let mut value = Vec::with_capacity(20);
    let magic = VFS_CAP_REVISION_2 | if effective { VFS_CAP_FLAGS_EFFECTIVE } else { 0 };
    value.extend(magic.to_le_bytes());
    for shift in [0, 32] {
        value.extend(((permitted >> shift) as u32).to_le_bytes());
        value.extend(((inheritable >> shift) as u32).to_le_bytes());
    }
    let flag = if effective { "VFS_CAP_FLAGS_EFFECTIVE" } else { "0" };
    let shown = format!("{{{flag}, permitted={}, inheritable={}}}", shown[0], shown[1]);
    super::attribute::set(trace, path.as_ref(), "security.capability", &value, shown)
}
