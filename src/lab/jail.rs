//! The grader's outer jail: a student's commands are run in a lab that is itself
//! in namespaces of its own (PID, mount, UTS, IPC, network, cgroup, and user for an
//! ordinary user), on a read-only file system, so that they can reach nothing but
//! the lab, and nothing outlives it: when its PID 1 ends the kernel kills all.
//!
//! ```text
//! caller ─ fork ─▶ warden (unshares) ─ fork ─▶ PID 1 (does the work) ─▶ keeper ─▶ …
//!        ◀──────────── what the work gave, over a pipe ────────────
//! ```

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::mount::MsFlags;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};

use super::cgroups::jail::Groups;
use super::sweep;
use crate::i18n::{Explain, Lang};
use crate::kernel::namespace::{self, write_file};
use crate::kernel::process::{self, Exit, Side};
use crate::kernel::program::pipe;
use crate::kernel::{Errno, Trace, mount, netlink};
use crate::say;

mod hide;

/// The most memory of a jail whose groups limit it, in bytes.
pub const MOST_MEMORY: u64 = 1 << 30;
/// The most processes in the jail.
pub const MOST_PROCESSES: u64 = 1024;
/// The largest file that a command may write (RLIMIT_FSIZE).
const LARGEST_FILE: u64 = 256 << 20;
/// What students may write to each place, in bytes.
const ROOM: u64 = 64 << 20;
/// The most that one process may have of memory of its own (RLIMIT_DATA), in bytes.
const MOST_DATA: u64 = 2 << 30;
/// The largest answer that is taken from the jail.
const MOST_BYTES: usize = 64 << 20;

/// Why the work in the jail gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// The jail could not be built here.
    #[error("{}", self.explain(Lang::En))]
    Build(Errno, String),
    /// The work did not end in time and was killed.
    #[error("{}", self.explain(Lang::En))]
    TimedOut(Duration),
    /// The work ended without an answer.
    #[error("{}", self.explain(Lang::En))]
    Died(Option<Exit>),
    /// Who asked for it is gone: the work was ended.
    #[error("{}", self.explain(Lang::En))]
    Abandoned,
}

impl Explain for JailError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Build(errno, doing) => {
                let errno = errno.explain(lang);
                say!(
                    lang,
                    "The grader's jail can't be built on this machine: {doing}: {errno}. `cloison doctor` says what is missing.",
                    "L'enceinte de correction ne peut pas être construite sur cette machine : {doing} : {errno}. `cloison doctor` dit ce qui manque."
                )
            }
            Self::TimedOut(limit) => {
                let seconds = limit.as_secs();
                say!(lang, "The grading did not end within {seconds} s.", "La correction n'a pas fini en {seconds} s.")
            }
            Self::Died(Some(exit)) => say!(lang, "The grader died: {exit}.", "Le correcteur est mort : {exit}."),
            Self::Died(None) => say!(lang, "The grader died.", "Le correcteur est mort."),
            Self::Abandoned => say!(lang, "The grading was interrupted.", "La correction a été interrompue."),
        }
    }
}

/// A jail to be: what is special about it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Jail<'a> {
    /// How long the work may take.
    pub limit: Duration,
    /// The groups that it is in: all that it sees of the control groups, and it may write to them.
    pub groups: Option<&'a Groups>,
    /// Groups that only limit it.
    pub fence: Option<&'a Groups>,
    /// Directories and files that are empty in there, wherever they are mounted; absolute
    /// and without links. A user of the jail's can't uncover them, but for the machine's root.
    pub hidden: &'a [PathBuf],
    /// The machine's root gives up being it, and becomes this user and group.
    pub user: Option<u32>,
    /// The work is ended when this, a pipe or a socket, is closed on its other side.
    pub master: Option<BorrowedFd<'a>>,
}

/// Runs `work` in a jail and gives back what it returns. The calling process must
/// have one thread: the work goes on in a fork of it, with all that it has loaded.
pub fn run(jail: &Jail, work: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, JailError> {
    let build = |doing: &str| {
        let doing = doing.to_owned();
        move |errno| JailError::Build(errno, doing)
    };
    let (read, write) = pipe().map_err(build("pipe"))?;
    // Should the warden die first, its PID 1 comes here to be collected.
    process::become_subreaper().map_err(build("prctl"))?;
    let me = std::process::id();
    // Such as who sweeps up behind the groups.
    let others = sweep::children();
    let warden = match process::fork(&mut Trace::default()).map_err(build("fork"))? {
        Side::Parent(pid) => pid,
        Side::Child => {
            drop(read);
            let write = File::from(write);
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| warden(me, write, jail, work)));
            process::exit_now(code.unwrap_or(101));
        }
    };
    drop(write);
    let heard = listen(read, Instant::now() + jail.limit, jail.master);
    if !matches!(heard, Heard::All(_))
        && let Ok(pidfd) = process::pidfd_open(warden)
    {
        // ESRCH: it has just ended.
        let _ = process::pidfd_kill(&pidfd, libc::SIGKILL);
    }
    // An answer is the last thing that the work gives: the warden ends by itself.
    let exit = process::wait_for(warden);
    sweep::end_descendants(&others);
    match heard {
        Heard::TooLate => Err(JailError::TimedOut(jail.limit)),
        Heard::Abandoned => Err(JailError::Abandoned),
        Heard::All(bytes) => match bytes.split_first() {
            Some((b'+', bytes)) => Ok(bytes.to_vec()),
            Some((b'-', bytes)) => {
                let (errno, doing) = postcard::from_bytes(bytes).unwrap_or((Errno(libc::EIO), "jail".to_owned()));
                Err(JailError::Build(errno, doing))
            }
            _ => Err(JailError::Died(exit)),
        },
    }
}

/// What came from the jail.
enum Heard {
    All(Vec<u8>),
    TooLate,
    Abandoned,
}

/// Reads until the end, unless that does not come in time, or the master goes.
fn listen(mut read: File, deadline: Instant, master: Option<BorrowedFd<'_>>) -> Heard {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || bytes.len() > MOST_BYTES {
            return Heard::TooLate;
        }
        let timeout = PollTimeout::try_from(left.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX);
        let mut watched = vec![PollFd::new(read.as_fd(), PollFlags::POLLIN)];
        // POLLHUP and POLLERR come unasked.
        watched.extend(master.map(|fd| PollFd::new(fd, PollFlags::empty())));
        if !matches!(poll(&mut watched, timeout), Ok(count) if count > 0) {
            continue;
        }
        let (says, gone) = (watched[0].any() == Some(true), watched[1..].iter().any(|one| one.any() == Some(true)));
        if gone {
            return Heard::Abandoned;
        }
        if says {
            match read.read(&mut buffer) {
                Ok(0) | Err(_) => return Heard::All(bytes),
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// The warden: leaves the namespaces, forks PID 1, and waits for it.
fn warden(caller: u32, write: File, jail: &Jail, work: impl FnOnce() -> Vec<u8>) -> i32 {
    let groups = jail.groups;
    let prepared = process::die_with_parent(caller)
        .map_err(|errno| (errno, "prctl".to_owned()))
        .and_then(|()| groups.or(jail.fence).map_or(Ok(()), Groups::enter))
        .and_then(|()| jail.user.map_or(Ok(()), stop_being_root))
        .and_then(|()| leave())
        .and_then(|()| groups.map_or(Ok(()), Groups::settle))
        .and_then(|()| process::die_with_parent(caller).map_err(|errno| (errno, "prctl".to_owned())));
    let forked =
        prepared.and_then(|()| process::fork(&mut Trace::default()).map_err(|errno| (errno, "fork".to_owned())));
    match forked {
        Err(failure) => refuse(write, &failure),
        Ok(Side::Parent(init)) => {
            drop(write);
            match process::wait_for(init) {
                Some(Exit::Code(code)) => code,
                _ => 1,
            }
        }
        Ok(Side::Child) => {
            // The parent shows as 0 from here; its death is noticed all the same.
            let _ = process::die_with_parent(0);
            match furnish(jail).and_then(|()| close()) {
                Err(failure) => refuse(write, &failure),
                Ok(()) => {
                    let answer = work();
                    let mut write = write;
                    let sent = write.write_all(b"+").and_then(|()| write.write_all(&answer));
                    i32::from(sent.is_err())
                }
            }
        }
    }
}

/// The student's commands may be of the same user as the grader: they can't trace it, nor
/// open what it has open (PR_SET_DUMPABLE(2const)). It reads and prints nothing itself.
fn close() -> Step {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from) {
        let _ = process::move_to(&null, 0).and_then(|()| process::move_to(&null, 1));
    }
    process::make_undumpable().map_err(|errno| (errno, "prctl".to_owned()))
}

fn refuse(mut write: File, failure: &(Errno, String)) -> i32 {
    let bytes = postcard::to_stdvec(failure).unwrap_or_default();
    let _ = write.write_all(b"-").and_then(|()| write.write_all(&bytes));
    1
}

type Step = Result<(), (Errno, String)>;

/// From the machine's root to somebody who owns nothing.
fn stop_being_root(user: u32) -> Step {
    process::become_user(&mut Trace::default(), user, user, true)
        // The id maps are written through its /proc files.
        .and_then(|()| process::make_dumpable())
        .map_err(|errno| (errno, format!("setresuid {user}")))
}

/// Leaves every namespace; an ordinary user stays who it is in a user namespace of
/// its own.
fn leave() -> Step {
    let uid = nix::unistd::geteuid().as_raw();
    let gid = nix::unistd::getegid().as_raw();
    let mut flags = libc::CLONE_NEWPID
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWCGROUP;
    if uid != 0 {
        flags |= libc::CLONE_NEWUSER;
    }
    let trace = &mut Trace::default();
    namespace::unshare(trace, flags).map_err(|errno| (errno, format!("unshare {}", namespace::flag_names(flags))))?;
    if uid != 0 {
        let files = [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{uid} {uid} 1\n")),
            ("gid_map", format!("{gid} {gid} 1\n")),
        ];
        for (file, content) in files {
            let path = format!("/proc/self/{file}");
            write_file(trace, &path, &content).map_err(|errno| (errno, path))?;
        }
    }
    Ok(())
}

/// PID 1 makes the jail's inside: its own /proc, everything read-only, empty places
/// to write in, limits.
fn furnish(jail: &Jail) -> Step {
    let groups = jail.groups;
    let trace = &mut Trace::default();
    let mut mount = |source: &str, target: &str, fstype: &str, flags, data: &str| {
        mount::mount(trace, source, target, fstype, flags, data).map_err(|errno| (errno, format!("mount {target}")))
    };
    mount("", "/", "", MsFlags::MS_PRIVATE | MsFlags::MS_REC, "")?;
    groups.map_or(Ok(()), Groups::cover)?;
    // The program itself is one of them: solutions are built into it.
    let own = std::fs::read_link("/proc/self/exe").into_iter();
    hide::hide(&jail.hidden.iter().cloned().chain(own).collect::<Vec<_>>())?;
    match mount::make_read_only(&mut Trace::default(), "/") {
        // Before Linux 5.12 the file system stays writable as far as the user may.
        Ok(()) | Err(Errno(libc::ENOSYS)) => {}
        Err(errno) => return Err((errno, "mount_setattr /".to_owned())),
    }
    groups.map_or(Ok(()), Groups::open)?;
    // A /proc of its own, and writable: id maps are written there.
    let inert = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount("proc", "/proc", "proc", inert, "")?;
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // The program is copied for the lab's own to reach it.
    let program = std::fs::metadata("/proc/self/exe").map_or(0, |data| data.len());
    let room = ROOM + program;
    for place in writable_places() {
        let mode = if place.starts_with("/tmp") || place.starts_with("/var") { "1777" } else { "0755" };
        mount("tmpfs", &place.to_string_lossy(), "tmpfs", plain, &format!("mode={mode},size={room}"))?;
    }
    // A host without a localhost would be none that students know.
    netlink::set_up(trace, "lo", true).map_err(|errno| (errno, "lo up".to_owned()))?;
    limits();
    Ok(())
}

/// Directories that get an empty tmpfs: nothing of the teacher's is in view there,
/// and nothing written there stays.
fn writable_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/root"].map(PathBuf::from).to_vec();
    if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        let covered = places.iter().any(|place| home.starts_with(place));
        if home.is_absolute() && home != Path::new("/") && !covered {
            places.push(home);
        }
    }
    places.retain(|place| std::fs::symlink_metadata(place).is_ok_and(|data| data.is_dir()));
    places
}

/// The limits at hand. Each is a help and none is a condition: what can't be set
/// leaves the time limit, which always holds.
fn limits() {
    // Root is exempt from RLIMIT_NPROC. Since Linux 6.14 each PID namespace has a
    // pid_max of its own; before, this file is the whole machine's and is left alone.
    if nix::unistd::geteuid().is_root() && kernel_is_at_least(6, 14) {
        let _ = std::fs::write("/proc/sys/kernel/pid_max", MOST_PROCESSES.to_string());
    }
    let _ = setrlimit(Resource::RLIMIT_NPROC, MOST_PROCESSES, MOST_PROCESSES);
    let _ = setrlimit(Resource::RLIMIT_FSIZE, LARGEST_FILE, LARGEST_FILE);
    let _ = setrlimit(Resource::RLIMIT_DATA, MOST_DATA, MOST_DATA);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // Where memory runs out, what is in here goes first: proc_pid_oom_score_adj(5).
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let Ok(names) = nix::sys::utsname::uname() else { return false };
    at_least(&names.release().to_string_lossy(), major, minor)
}

fn at_least(release: &str, major: u32, minor: u32) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(this_major), Some(this_minor)) => (this_major, this_minor) >= (major, minor),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_as_numbers_and_an_unreadable_one_is_old() {
        assert!(at_least("6.18.44-fc-v595", 6, 14));
        assert!(at_least("7.0", 6, 14));
        assert!(!at_least("6.9.1", 6, 14));
        assert!(!at_least("5.15", 6, 14));
        assert!(!at_least("weird", 6, 14));
    }
}
