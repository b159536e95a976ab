//! Landlock, landlock(7): a process gives up, for itself and all that it starts, the files
//! that it does not name. Needs no privilege, only no_new_privs. Linux 5.13.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::call::{Errno, Trace, quoted};
use super::features::landlock_version;

/// LANDLOCK_ACCESS_FS_EXECUTE, _READ_FILE and _READ_DIR.
const READ: u64 = 1 | 1 << 2 | 1 << 3;
/// Those of the interface's first version, on a file that is no directory: EXECUTE,
/// WRITE_FILE, READ_FILE, and the later TRUNCATE.
const OF_FILES: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14;

/// All that this kernel can forbid, but for commands to devices (IOCTL_DEV), without which
/// no shell works on its terminal: 13 rights, with REFER (version 2) and TRUNCATE (3) more.
fn all(version: u32) -> u64 {
    match version {
        0 | 1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        _ => (1 << 15) - 1,
    }
}

/// Restricts the calling thread, and what it starts, to what is below these directories
/// (or files): below `read` files are read and run, below `write` everything goes. After
/// [`super::seccomp::no_new_privs`]. ENOSYS where the kernel has no Landlock, EOPNOTSUPP
/// where it was not switched on; E2BIG after 16 times. The text is what was being done.
pub fn restrict(trace: &mut Trace, read: &[String], write: &[String]) -> Result<(), (Errno, String)> {
    let doing = |errno, what: &str| (errno, what.to_owned());
    let version = landlock_version().map_err(|errno| doing(errno, "landlock_create_ruleset"))?;
    let handled = all(version);
    let ruleset = create(trace, handled).map_err(|errno| doing(errno, "landlock_create_ruleset"))?;
    for (paths, access, shown) in [(read, READ, "read"), (write, handled, "write")] {
        for path in paths {
            let beneath = trace
                .record(
                    "open",
                    vec![quoted(path), "O_PATH|O_CLOEXEC".to_owned()],
                    || {
                        let mut options = File::options();
                        options.read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC);
                        options
                            .open(path)
                            .map_err(|error| nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)))
                    },
                    |file| i64::from(file.as_raw_fd()),
                )
                .map_err(|errno| (errno, format!("open {path}")))?;
            let directory = beneath.metadata().is_ok_and(|data| data.is_dir());
            let access = if directory { access } else { access & OF_FILES };
            add(trace, &ruleset, &beneath, access, shown)
                .map_err(|errno| (errno, format!("landlock_add_rule {path}")))?;
        }
    }
    let args = vec![ruleset.as_raw_fd().to_string(), "0".to_owned()];
    #[expect(unsafe_code, reason = "landlock_restrict_self(2) is not in nix")]
    let call = || {
        // SAFETY: takes a descriptor, which is open, and flags.
        let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) };
        nix::errno::Errno::result(done)
    };
    let done = trace.record("landlock_restrict_self", args, call, |done| *done);
    done.map(drop).map_err(|errno| doing(errno, "landlock_restrict_self"))
}

fn create(trace: &mut Trace, handled: u64) -> Result<OwnedFd, Errno> {
    #[expect(unsafe_code, reason = "landlock_create_ruleset(2) is not in nix")]
    let call = || {
        // SAFETY: the structure's first version is this one number, and outlives the call.
        let made =
            unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const handled, size_of_val(&handled), 0) };
        // SAFETY: a descriptor that the kernel has just made, close-on-exec.
        nix::errno::Errno::result(made).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
    };
    let args = vec![format!("{{handled_access_fs={handled:#x}}}"), "8".to_owned(), "0".to_owned()];
    trace.record("landlock_create_ruleset", args, call, |fd| i64::from(fd.as_raw_fd()))
}

fn add(trace: &mut Trace, ruleset: &OwnedFd, beneath: &File, access: u64, shown: &str) -> Result<(), Errno> {
    /// `struct landlock_path_beneath_attr`.
    #[repr(C, packed)]
    struct Beneath {
        allowed: u64,
        parent: i32,
    }
    const PATH_BENEATH: i32 = 1;
    let rule = Beneath { allowed: access, parent: beneath.as_raw_fd() };
    let (set, parent) = (ruleset.as_raw_fd(), beneath.as_raw_fd());
    let args = vec![
        set.to_string(),
        "LANDLOCK_RULE_PATH_BENEATH".to_owned(),
        format!("{{allowed_access={access:#x} /* {shown} */, parent_fd={parent}}}"),
        "0".to_owned(),
    ];
    #[expect(unsafe_code, reason = "landlock_add_rule(2) is not in nix")]
    let call = || {
        // SAFETY: the structure is the kernel's own, packed as it is there, and outlives the call.
        let done = unsafe { libc::syscall(libc::SYS_landlock_add_rule, set, PATH_BENEATH, &raw const rule, 0) };
        nix::errno::Errno::result(done)
    };
    trace.record("landlock_add_rule", args, call, |done| *done).map(drop)
}
