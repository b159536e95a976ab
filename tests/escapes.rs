//! The usual ways out of a container, tried from inside the finished box: each is refused
//! by the wall that is meant for it, and goes through where that wall is left out. Run as
//! root and as an ordinary user. `examples/escapes.rs` tries the same in other boxes.

#![allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]

#[path = "escapes/boxes.rs"]
mod boxes;
#[path = "escapes/probe.rs"]
mod probe;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use boxes::{Host, Walls, all_ways, make};
use cloison::kernel::Trace;
use cloison::kernel::pty::open_pty;
use nix::sys::memfd::{MFdFlags, memfd_create};
use probe::Found;
use support::left::Left;

/// How this very program is the probe.
const PROBE: [&str; 5] = ["--exact", "the_probe", "--ignored", "--nocapture", "--test-threads=1"];

/// Not a test of its own: what tests run in a box.
#[test]
#[ignore = "run by the other tests, inside a box"]
fn the_probe() {
    probe::run(&probe::order().unwrap());
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn tried(host: &Host, walls: Walls, ways: &[&str], nested: bool) -> Vec<Found> {
    let mut lab = make(host, walls, Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")))).unwrap();
    boxes::probe(&mut lab, host.order(ways, nested), &PROBE).unwrap()
}

/// One way, from a box with these walls.
fn from(walls: Walls, way: &str) -> Found {
    tried(&Host::new().unwrap(), walls, &[way], false).pop().unwrap()
}

/// In a box with these walls the way ends at this call, with this errno.
fn refused(walls: Walls, way: &str, call: &str, errno: &str) {
    let found = from(walls, way);
    assert_eq!((found.reached.as_deref(), found.of(call)), (None, errno), "{found:?}");
}

/// From a box with these walls the way leads out.
fn leads_out(walls: Walls, way: &str) {
    let found = from(walls, way);
    assert!(found.reached.is_some(), "{found:?}");
}

/// What the probe finds that is started on the host like any program, and so has whatever
/// this test has.
fn on_the_host(host: &Host, way: &str, launcher: &mut Command) -> Found {
    let (name, order) = host.order(&[way], false).split_once('=').map(|(n, o)| (n.to_owned(), o.to_owned())).unwrap();
    let output = launcher.arg(host.probe()).args(PROBE).env(name, order).output().unwrap();
    probe::heard(&String::from_utf8_lossy(&output.stdout)).pop().unwrap()
}

const ALL: Walls = Walls::ALL;
/// The errno of the filter's is ENOSYS; what lies behind it is tried without.
const NO_FILTER: Walls = Walls { filter: false, ..ALL };
const NO_CAPS: Walls = Walls { caps: false, ..NO_FILTER };
/// Only root has a box without a user namespace.
const REAL_ROOT: Walls = Walls { user: false, ..NO_CAPS };

#[test]
fn every_way_at_once_leads_nowhere_and_leaves_nothing() {
    let left = Left::now();
    let host = Host::new().unwrap();
    let found = tried(&host, ALL, &all_ways(), false);
    assert_eq!(found.len(), all_ways().len());
    for one in found {
        assert_eq!(one.reached, None, "{one:?}");
    }
    drop(host);
    left.assert_same();
}

#[test]
fn a_chroot_below_the_working_directory_finds_only_the_box_since_pivot_root_left_nothing_above() {
    refused(ALL, "chroot", "chroot", "ENOSYS");
    refused(NO_FILTER, "chroot", "chroot", "EPERM");
    refused(NO_CAPS, "chroot", "chroot again", "ok");
    leads_out(Walls { pivot: false, ..NO_CAPS }, "chroot");
}

#[test]
fn the_program_that_made_the_box_can_not_be_overwritten() {
    for walls in [ALL, NO_CAPS] {
        let found = from(walls, "exe");
        assert_eq!((found.of("open to write"), found.of("seal")), ("ETXTBSY", "F_SEAL_WRITE"), "{found:?}");
        assert_eq!(found.reached, None);
    }
    // When it no longer runs the seal is what holds, and without one nothing does.
    let sealed = cloison::kernel::program::sealed_copy(&PathBuf::from("/bin/true"), &(0..0)).unwrap();
    let found = probe::overwrite_file(&sealed.into());
    assert_eq!((found.reached.as_deref(), found.of("write")), (None, "EPERM"), "{found:?}");
    let open = memfd_create(c"open", MFdFlags::MFD_ALLOW_SEALING).unwrap();
    assert!(probe::overwrite_file(&open.into()).reached.is_some());
}

#[test]
fn a_program_in_the_box_is_given_three_descriptors_and_no_directory_of_the_hosts() {
    let found = from(ALL, "descriptors");
    assert_eq!((found.reached.as_deref(), found.of("given")), (None, "none"), "{found:?}");
    let host = Host::new().unwrap();
    let mut shell = Command::new("sh");
    let found = on_the_host(&host, "descriptors", shell.args(["-c", "exec 9</; exec \"$@\"", "sh"]));
    assert!(found.of("given").split(' ').any(|path| path == "/"), "{found:?}");
    assert!(found.reached.is_some());
}

#[test]
fn no_process_in_sight_has_a_root_or_working_directory_of_the_hosts() {
    refused(ALL, "cwd", "open /proc/1/root/var", "ENOENT");
    // One that has is in reach of who has the capabilities that it has.
    let behind = Walls { nobody_behind: false, ..NO_CAPS };
    leads_out(behind, "cwd");
    assert_eq!(from(Walls { caps: true, ..behind }, "cwd").reached, None);
}

#[test]
fn a_node_for_a_disk_is_made_by_nobody_but_the_hosts_root() {
    refused(ALL, "mknod", "mknod", "ENOSYS");
    refused(NO_FILTER, "mknod", "mknod", "EPERM");
    refused(NO_CAPS, "mknod", "mknod", "EPERM");
    if is_root() {
        // The box's own tmpfs has no devices (nodev).
        let found = from(REAL_ROOT, "mknod");
        assert_eq!((found.of("mknod"), found.of("open")), ("ok", "EACCES"), "{found:?}");
    }
}

#[test]
fn a_file_system_on_a_disk_is_mounted_by_nobody_but_the_hosts_root() {
    refused(ALL, "mount", "mount", "ENOSYS");
    refused(NO_FILTER, "mount", "mount", "EPERM");
    refused(NO_CAPS, "mount", "mount", "EPERM");
    if is_root() {
        leads_out(REAL_ROOT, "mount");
    }
}

#[test]
fn the_hosts_programs_stay_as_they_are_though_a_box_with_capabilities_may_make_the_mount_writable() {
    refused(ALL, "remount", "mount", "ENOSYS");
    refused(NO_FILTER, "remount", "mount", "EPERM");
    let found = from(NO_CAPS, "remount");
    assert_eq!((found.reached.as_deref(), found.of("mount"), found.of("access")), (None, "ok", "EACCES"), "{found:?}");
    if is_root() {
        leads_out(REAL_ROOT, "remount");
    }
}

#[test]
fn no_signal_reaches_a_process_of_the_hosts() {
    refused(ALL, "signal", "kill", "ESRCH");
    let same_pids = Walls { pid: false, ..NO_CAPS };
    if is_root() {
        // The box's root is another user.
        refused(same_pids, "signal", "kill", "EPERM");
        leads_out(Walls { user: false, ..same_pids }, "signal");
    } else {
        // The box's root is the very user whose process that is.
        leads_out(same_pids, "signal");
    }
}

#[test]
fn no_process_of_the_hosts_can_be_traced() {
    refused(ALL, "ptrace", "ptrace", "ENOSYS");
    refused(NO_FILTER, "ptrace", "ptrace", "ESRCH");
    let same_pids = Walls { pid: false, ..NO_CAPS };
    refused(same_pids, "ptrace", "ptrace", "EPERM");
    if is_root() {
        leads_out(Walls { user: false, ..same_pids }, "ptrace");
    }
}

#[test]
fn nobody_but_the_hosts_root_names_a_release_agent() {
    refused(ALL, "release_agent", "mount", "ENOSYS");
    refused(NO_FILTER, "release_agent", "mount", "EPERM");
    assert_eq!(from(NO_CAPS, "release_agent").reached, None);
    if is_root() {
        let version_1 =
            std::fs::read_to_string("/proc/self/cgroup").unwrap().lines().any(|line| !line.starts_with("0::"));
        assert_eq!(from(REAL_ROOT, "release_agent").reached.is_some(), version_1);
    }
}

#[test]
fn nothing_below_proc_sys_is_writable_but_what_belongs_to_the_boxs_own_namespaces() {
    for walls in [ALL, NO_CAPS] {
        refused(walls, "sysctl", "open /proc/sys/kernel/core_pattern", "EACCES");
    }
    if is_root() {
        leads_out(REAL_ROOT, "sysctl");
    }
}

#[test]
fn sysrq_is_for_the_hosts_root() {
    let call = "open /proc/sysrq-trigger";
    let there = Path::new("/proc/sysrq-trigger").exists();
    for walls in [ALL, NO_CAPS] {
        refused(walls, "sysrq", call, if there { "EACCES" } else { "ENOENT" });
    }
    if is_root() && there {
        leads_out(REAL_ROOT, "sysrq");
    }
}

#[test]
fn the_kernels_log_is_in_no_file_of_the_boxs() {
    for walls in [ALL, NO_CAPS] {
        refused(walls, "kmsg", "open /dev/kmsg", "ENOENT");
        refused(walls, "kmsg", "open /proc/kmsg", "EACCES");
    }
    if is_root() {
        leads_out(REAL_ROOT, "kmsg");
    }
}

#[test]
fn the_kernels_log_is_kept_back_by_the_filter_and_without_it_only_by_dmesg_restrict() {
    refused(ALL, "syslog", "syslog", "ENOSYS");
    let restricted = std::fs::read_to_string("/proc/sys/kernel/dmesg_restrict").unwrap().trim() == "1";
    if restricted {
        refused(NO_CAPS, "syslog", "syslog", "EPERM");
    } else {
        leads_out(NO_FILTER, "syslog");
    }
    if is_root() {
        leads_out(REAL_ROOT, "syslog");
    }
}

#[test]
fn the_keys_of_who_started_the_lab_stay_outside() {
    refused(ALL, "keyring", "keyctl", "ENOSYS");
    let host = Host::new().unwrap();
    let inherited = on_the_host(&host, "keyring", &mut Command::new("env"));
    let found = from(NO_CAPS, "keyring");
    if inherited.of("keyctl") == "ENOSYS" {
        // This kernel has no keys.
        assert_eq!(found.of("keyctl"), "ENOSYS");
    } else {
        assert!(inherited.reached.is_some(), "{inherited:?}");
        assert_eq!((found.reached.as_deref(), found.of("keyctl")), (None, "ENOKEY"), "{found:?}");
    }
}

#[test]
fn nothing_can_be_typed_into_the_terminal_that_the_lab_was_started_from() {
    let found = from(ALL, "tiocsti");
    assert_eq!((found.of("open /dev/tty"), found.of("ioctl")), ("ENXIO", "ENOSYS"), "{found:?}");
    refused(NO_CAPS, "tiocsti", "ioctl", "ENOTTY");
    let host = Host::new().unwrap();
    let terminal = open_pty(&mut Trace::default(), 24, 80).unwrap();
    let found = on_the_host(&host, "tiocsti", Command::new("setsid").args(["--ctty", "--wait"]).stdin(terminal.slave));
    let legacy = std::fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").unwrap_or_default();
    assert_eq!(found.reached.is_some(), is_root() || legacy.trim() != "0", "{found:?}");
}

#[test]
fn an_abstract_socket_of_the_hosts_is_not_to_be_reached_from_another_network_namespace() {
    refused(ALL, "socket", "connect", "ECONNREFUSED");
    leads_out(Walls { net: false, ..ALL }, "socket");
}

#[test]
fn a_user_namespace_in_the_box_is_refused_by_the_filter_and_opens_no_way_out_without_it() {
    let host = Host::new().unwrap();
    for one in tried(&host, ALL, &all_ways(), true) {
        assert_eq!((one.reached.as_deref(), one.of("unshare")), (None, "ENOSYS"), "{one:?}");
    }
    for walls in [NO_FILTER, NO_CAPS] {
        for one in tried(&host, walls, &all_ways(), true) {
            let log = one.way == "syslog" && one.of("syslog") == "ok";
            assert!(one.reached.is_none() || log, "{one:?}");
            // Without CAP_SETFCAP uid 0 is mapped to nobody.
            let mapped = if walls.caps { "EPERM" } else { "ok" };
            assert_eq!((one.of("unshare"), one.of("uid_map")), ("ok", mapped), "{one:?}");
        }
    }
}
