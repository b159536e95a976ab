//! Ways out of a container, tried from inside. Run by a program that is put into a box
//! (`tests/escapes.rs` and `examples/escapes.rs` are such programs): each way in a child
//! of its own, so that none spoils the next. Reaches for what is harmless to reach, and
//! changes nothing of the host's where it gets there: files are opened and not written,
//! signal 0 is sent, a process is seized and let go.

#![allow(dead_code, reason = "each program that includes it uses its own part")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};

use cloison::kernel::Trace;
use cloison::kernel::process::{self, Side};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde::{Deserialize, Serialize};

/// Where a box has the order for its probe.
pub const ORDER: &str = "CLOISON_PROBE";
/// What a line of the answer starts with.
const SAID: &str = "probe: ";

/// What there is of the host's to be reached, and which ways to try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// Names of [`WAYS`].
    pub ways: Vec<String>,
    /// Tried from a user namespace below the box's own.
    pub nested: bool,
    /// A file that everybody may read where it can be seen.
    pub secret: PathBuf,
    /// What is in it.
    pub word: String,
    /// A process of the host's, and where that can be its name in the box.
    pub pid: i32,
    /// The description of a `user` key in the session keyring of who starts the box.
    pub key: String,
    /// The abstract name that a process of the host listens on.
    pub socket: String,
}

/// What became of one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub way: String,
    /// Something of the host's was reached: what.
    pub reached: Option<String>,
    /// The calls tried, and the symbol of their errno or `ok`.
    pub calls: Vec<(String, String)>,
}

impl Found {
    /// What a call of the way came to.
    pub fn of(&self, call: &str) -> &str {
        let found = self.calls.iter().find(|(name, _)| name == call);
        found.map_or("not tried", |(_, result)| result)
    }
}

/// Notes each call; stops at the first that fails by `?`.
pub struct Tried(Vec<(String, String)>);

/// Reached, or not though every call went through; the error is of a call noted.
pub type End = Result<Option<String>, Errno>;

impl Tried {
    fn call<T>(&mut self, name: &str, result: nix::Result<T>) -> nix::Result<T> {
        let said = result.as_ref().map_or_else(|errno| cloison::kernel::Errno::from(*errno).symbol(), |_| "ok".into());
        self.0.push((name.to_owned(), said));
        result
    }

    fn io<T>(&mut self, name: &str, result: std::io::Result<T>) -> nix::Result<T> {
        self.call(name, result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))))
    }

    /// Opens for writing, and writes nothing.
    fn open_to_write(&mut self, path: &str) -> End {
        let opened = OpenOptions::new().write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK).open(path);
        self.io(&format!("open {path}"), opened).map(|_| Some(path.to_owned()))
    }
}

/// A way out: its name, and the function that tries it.
pub type Way = (&'static str, fn(&mut Tried, &Order) -> End);

/// All that is tried.
pub const WAYS: [Way; 17] = [
    ("chroot", chroot),
    ("exe", exe),
    ("descriptors", descriptors),
    ("cwd", cwd),
    ("mknod", make_device),
    ("mount", mount_device),
    ("remount", remount),
    ("signal", signal),
    ("ptrace", ptrace),
    ("release_agent", release_agent),
    ("sysctl", sysctl),
    ("sysrq", sysrq),
    ("kmsg", kmsg),
    ("syslog", syslog),
    ("keyring", keyring),
    ("tiocsti", tiocsti),
    ("socket", socket),
];

/// The order that this process was started with, if it is a probe.
pub fn order() -> Option<Order> {
    std::env::var(ORDER).ok().and_then(|text| serde_json::from_str(&text).ok())
}

/// Tries what is asked for, each way in a child; what was found goes to stdout, a line
/// each. The caller must have one thread.
pub fn run(order: &Order) {
    for (name, way) in WAYS.iter().filter(|(name, _)| order.ways.iter().any(|one| one == name)) {
        match process::fork(&mut Trace::default()).expect("a child for each way") {
            Side::Parent(child) => {
                process::wait_for(child);
            }
            Side::Child => {
                let mut tried = Tried(Vec::new());
                let nested = if order.nested { nest(&mut tried) } else { Ok(()) };
                let reached = nested.and_then(|()| way(&mut tried, order)).unwrap_or(None);
                let found = Found { way: (*name).to_owned(), reached, calls: tried.0 };
                println!("{SAID}{}", serde_json::to_string(&found).expect("plain data"));
                process::exit_now(0);
            }
        }
    }
}

/// What a probe has said, in whatever else it was written.
pub fn heard(output: &str) -> Vec<Found> {
    let lines = output.lines().filter_map(|line| line.split_once(SAID));
    lines.filter_map(|(_, found)| serde_json::from_str(found).ok()).collect()
}

/// Whether the host's file is to be read at this path.
fn has_secret(order: &Order, at: &Path) -> Option<String> {
    let text = std::fs::read_to_string(at).ok()?;
    (text == order.word).then(|| at.display().to_string())
}

/// A user namespace of the box's own making and a mount namespace of that, with every
/// capability over both; root there where the kernel lets uid 0 be mapped, which takes
/// CAP_SETFCAP in the box, user_namespaces(7).
fn nest(tried: &mut Tried) -> nix::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    tried.call("unshare", unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS))?;
    let maps = [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))];
    for (file, text) in maps {
        // Noted; the capabilities are there in any case.
        let _ = tried.io(file, std::fs::write(format!("/proc/self/{file}"), text));
    }
    Ok(())
}

/// chroot(2), NOTES: who may call it leaves a root directory by another one below the
/// working directory.
fn chroot(tried: &mut Tried, order: &Order) -> End {
    let place = PathBuf::from(format!("/tmp/way-out-{}", std::process::id()));
    tried.io("mkdir", std::fs::create_dir(&place))?;
    if let Err(errno) = tried.call("chroot", nix::unistd::chroot(&place)) {
        std::fs::remove_dir(&place).map_err(|_| Errno::EIO)?;
        return Err(errno);
    }
    // From here on the directory has another name; it goes with the box's /tmp.
    for _ in 0..64 {
        nix::unistd::chdir("..")?;
    }
    tried.call("chroot again", nix::unistd::chroot("."))?;
    Ok(has_secret(order, &order.secret))
}

/// CVE-2019-5736: the program that made the box is the executable of the box's first
/// process, as long as that has not called execve(2).
fn exe(tried: &mut Tried, _: &Order) -> End {
    let program = tried.io("open /proc/1/exe", File::open("/proc/1/exe"))?;
    let file = |data: std::io::Result<std::fs::Metadata>| data.map(|data| (data.dev(), data.ino())).ok();
    if file(program.metadata()) == file(std::fs::metadata("/proc/self/exe")) {
        // It has: this is the box's own program.
        return Ok(None);
    }
    overwrite(tried, &program)
}

/// Opens again, to be written, what one may read: what runs is busy (ETXTBSY), and is so
/// no more when it has ended; what is sealed is never written, fcntl(2).
pub fn overwrite_file(program: &File) -> Found {
    let mut tried = Tried(Vec::new());
    let reached = overwrite(&mut tried, program).unwrap_or(None);
    Found { way: "overwrite".to_owned(), reached, calls: tried.0 }
}

fn overwrite(tried: &mut Tried, program: &File) -> End {
    let at = format!("/proc/self/fd/{}", program.as_raw_fd());
    // EINVAL: no file in memory, and so none that could be sealed.
    let seals = fcntl(program, FcntlArg::F_GET_SEALS).unwrap_or(0);
    let sealed = SealFlag::from_bits_truncate(seals).contains(SealFlag::F_SEAL_WRITE);
    let again = tried.io("open to write", OpenOptions::new().write(true).open(&at));
    tried.0.push(("seal".to_owned(), if sealed { "F_SEAL_WRITE" } else { "none" }.to_owned()));
    // Nothing where it would go through, so that nothing changes.
    tried.call("write", nix::unistd::write(&again?, if sealed { b"x" } else { b"" }))?;
    Ok(std::fs::read_link(at).ok().map(|path| path.display().to_string()))
}

/// What every process that shows in /proc has open, and what this one was given: from a
/// directory of the host's, `..` leads on (CVE-2024-21626).
#[expect(clippy::unnecessary_wraps, reason = "as every way")]
fn descriptors(tried: &mut Tried, order: &Order) -> End {
    let given: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()).is_some_and(|fd: i32| fd > 2))
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|path| path.display().to_string())
        // The directory that is being read.
        .filter(|path| !path.ends_with("/fd"))
        .collect();
    tried.0.push(("given".to_owned(), if given.is_empty() { "none".to_owned() } else { given.join(" ") }));
    let open = processes().into_iter().flat_map(|process| std::fs::read_dir(process.join("fd")));
    let open: Vec<PathBuf> = open.flatten().flatten().map(|entry| entry.path()).collect();
    Ok(beyond(tried, order, &open))
}

/// The root and working directories of every process that shows in /proc.
#[expect(clippy::unnecessary_wraps, reason = "as every way")]
fn cwd(tried: &mut Tried, order: &Order) -> End {
    let places: Vec<PathBuf> =
        processes().iter().flat_map(|process| ["root", "cwd"].map(|link| process.join(link))).collect();
    Ok(beyond(tried, order, &places))
}

/// The host's file, looked for from each of these places and above them.
fn beyond(tried: &mut Tried, order: &Order, places: &[PathBuf]) -> Option<String> {
    let secret = order.secret.strip_prefix("/").ok()?;
    let above: PathBuf = std::iter::repeat_n("..", 64).collect();
    let reached = places.iter().flat_map(|place| [place.join(secret), place.join(&above).join(secret)]);
    reached.into_iter().find_map(|path| {
        let opened = File::open(&path);
        // One of each errno is enough.
        let said = opened.err().map_or_else(|| "ok".to_owned(), |error| cloison::kernel::Errno::from(&error).symbol());
        if !tried.0.iter().any(|(_, result)| *result == said) {
            tried.0.push((format!("open {}", path.components().take(5).collect::<PathBuf>().display()), said));
        }
        has_secret(order, &path)
    })
}

/// The directories of processes, this one's among them.
fn processes() -> Vec<PathBuf> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = all.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()));
    numbered.map(|entry| entry.path()).collect()
}

/// A node of one's own for a disk of the host's.
fn make_device(tried: &mut Tried, _: &Order) -> End {
    let partitions = std::fs::read_to_string("/proc/partitions").unwrap_or_default();
    let numbers = partitions.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    let (major, minor) = numbers.into_iter().next().unwrap_or((7, 0));
    let node = PathBuf::from(format!("/tmp/node-{}", std::process::id()));
    tried.call("mknod", mknod(&node, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(major, minor)))?;
    let opened = tried.io("open", File::open(&node));
    std::fs::remove_file(&node).map_err(|_| Errno::EIO)?;
    opened.map(|_| Some(format!("block device {major}:{minor}")))
}

/// A file system that wants a block device, with something else for one: who may mount
/// such a file system at all is told ENOTBLK.
fn mount_device(tried: &mut Tried, _: &Order) -> End {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let Some(kind) = known.lines().find_map(|line| line.strip_prefix('\t')) else { return Ok(None) };
    match tried.call("mount", mount(Some("/dev/null"), "/tmp", Some(kind), MsFlags::MS_RDONLY, None::<&str>)) {
        Err(Errno::ENOTBLK) => Ok(Some(format!("{kind} may be mounted"))),
        other => other.map(|()| None),
    }
}

/// What the host shows read-only, made writable.
fn remount(tried: &mut Tried, _: &Order) -> End {
    tried.call(
        "mount",
        mount(None::<&str>, "/usr", None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, None::<&str>),
    )?;
    tried.call("access", nix::unistd::access("/usr", nix::unistd::AccessFlags::W_OK))?;
    Ok(Some("/usr".to_owned()))
}

fn signal(tried: &mut Tried, order: &Order) -> End {
    tried.call("kill", nix::sys::signal::kill(nix::unistd::Pid::from_raw(order.pid), None))?;
    Ok(Some(format!("process {}", order.pid)))
}

/// This process ends at once, which lets the other go on as it was.
fn ptrace(tried: &mut Tried, order: &Order) -> End {
    tried.call("ptrace", unwrapped::seize(order.pid))?;
    Ok(Some(format!("process {}", order.pid)))
}

/// cgroups(7): a program that the kernel starts as root of the host, in a tree of version
/// 1 (CVE-2022-0492).
fn release_agent(tried: &mut Tried, _: &Order) -> End {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let tree = groups.lines().filter_map(|line| line.split(':').nth(1)).find(|tree| !tree.is_empty());
    let place = format!("/tmp/tree-{}", std::process::id());
    tried.io("mkdir", std::fs::create_dir(&place))?;
    let kind = if tree.is_some() { "cgroup" } else { "cgroup2" };
    let mounted = tried.call("mount", mount(Some("none"), place.as_str(), Some(kind), MsFlags::empty(), tree));
    let opened = mounted.and_then(|()| {
        let opened = tried.open_to_write(&format!("{place}/release_agent"));
        umount2(place.as_str(), MntFlags::MNT_DETACH).and(opened)
    });
    std::fs::remove_dir(&place).map_err(|_| Errno::EIO)?;
    opened
}

/// Below /proc/sys, what belongs to a namespace of the box's own.
const NAMESPACED: [&str; 6] = ["net/", "user/", "fs/mqueue/", "kernel/msg", "kernel/shm", "kernel/sem"];
const NAMESPACED_FILES: [&str; 5] =
    ["kernel/hostname", "kernel/domainname", "kernel/auto_msgmni", "kernel/ns_last_pid", "kernel/pid_max"];

/// core_pattern and modprobe name programs that the kernel starts as root of the host,
/// core(5); then everything else below /proc/sys, proc_sys(5).
#[expect(clippy::unnecessary_wraps, reason = "as every way")]
fn sysctl(tried: &mut Tried, _: &Order) -> End {
    for name in ["core_pattern", "modprobe"] {
        let path = format!("/proc/sys/kernel/{name}");
        if Path::new(&path).exists()
            && let Ok(reached) = tried.open_to_write(&path)
        {
            return Ok(reached);
        }
    }
    let mut waiting = vec![PathBuf::from("/proc/sys")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix("/proc/sys").map(|name| name.display().to_string()).unwrap_or_default();
            let own = NAMESPACED.iter().any(|start| name.starts_with(start)) || NAMESPACED_FILES.contains(&&*name);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(path);
            } else if !own && OpenOptions::new().write(true).open(&path).is_ok() {
                tried.0.push((format!("open {}", path.display()), "ok".to_owned()));
                return Ok(Some(path.display().to_string()));
            }
        }
    }
    Ok(None)
}

fn sysrq(tried: &mut Tried, _: &Order) -> End {
    tried.open_to_write("/proc/sysrq-trigger")
}

/// kmsg(4): the kernel's log as files, opened and not read.
fn kmsg(tried: &mut Tried, _: &Order) -> End {
    let device = tried.io("open /dev/kmsg", File::open("/dev/kmsg"));
    let file = tried.io("open /proc/kmsg", File::open("/proc/kmsg"));
    device.or(file).map(|_| Some("kernel log".to_owned()))
}

/// syslog(2): its last bytes, of which nothing is kept. Anybody's where
/// kernel.dmesg_restrict is 0.
fn syslog(tried: &mut Tried, _: &Order) -> End {
    tried.call("syslog", unwrapped::read_log())?;
    Ok(Some("kernel log".to_owned()))
}

/// keyrings(7): a session keyring is inherited, and whose it is may read what it holds.
fn keyring(tried: &mut Tried, order: &Order) -> End {
    let key = tried.call("keyctl", unwrapped::find_key(&order.key))?;
    let text = tried.call("keyctl read", unwrapped::read_key(key))?;
    Ok((text == order.word.as_bytes()).then(|| format!("key {}", order.key)))
}

/// ioctl_tty(2): a letter put into the terminal that the box was started from.
fn tiocsti(tried: &mut Tried, _: &Order) -> End {
    let own = tried.io("open /dev/tty", OpenOptions::new().read(true).write(true).open("/dev/tty"));
    let pushed = own.and_then(|terminal| tried.call("ioctl /dev/tty", unwrapped::push(&terminal)));
    let pushed = pushed.or_else(|_| tried.call("ioctl", unwrapped::push(&std::io::stdin())));
    pushed.map(|()| Some("terminal".to_owned()))
}

/// unix(7): abstract names belong to a network namespace.
fn socket(tried: &mut Tried, order: &Order) -> End {
    let address = SocketAddr::from_abstract_name(&order.socket).map_err(|_| Errno::EINVAL)?;
    tried.io("connect", UnixStream::connect_addr(&address))?;
    Ok(Some(format!("socket @{}", order.socket)))
}

/// Calls that nix does not wrap, or not in the features that the program has it with.
pub mod unwrapped {
    use std::ffi::CString;
    use std::os::fd::{AsFd, AsRawFd};

    use nix::errno::Errno;

    /// KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SEARCH and KEYCTL_READ, keyctl(2).
    const SEARCH: libc::c_long = 10;
    const READ: libc::c_long = 11;
    /// KEY_SPEC_SESSION_KEYRING.
    const SESSION: libc::c_long = -3;
    /// SYSLOG_ACTION_READ_ALL, syslog(2).
    const READ_ALL: libc::c_int = 3;

    /// PTRACE_SEIZE, ptrace(2).
    #[expect(unsafe_code, reason = "nix has ptrace(2) with a feature that nothing else needs")]
    pub fn seize(pid: i32) -> nix::Result<()> {
        // SAFETY: numbers alone; the tracee's memory is not touched.
        Errno::result(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) }).map(drop)
    }

    /// syslog(2), SYSLOG_ACTION_READ_ALL: the last bytes of the kernel's log, thrown away.
    #[expect(unsafe_code, reason = "syslog(2) is not in nix")]
    pub fn read_log() -> nix::Result<()> {
        let mut bytes = [0; 64];
        // SAFETY: a buffer that lives across the call, and its length.
        Errno::result(unsafe { libc::klogctl(READ_ALL, bytes.as_mut_ptr().cast(), bytes.len() as i32) }).map(drop)
    }

    /// TIOCSTI, ioctl_tty(2): a letter into a terminal's input.
    #[expect(unsafe_code, reason = "an ioctl that takes the address of a byte")]
    pub fn push(terminal: &impl AsFd) -> nix::Result<()> {
        let letter = b'x';
        // SAFETY: reads one byte, which lives across the call.
        let done = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSTI, &raw const letter) };
        Errno::result(done).map(drop)
    }

    /// A `user` key by its description in the session keyring: keyctl(2), KEYCTL_SEARCH.
    #[expect(unsafe_code, reason = "keyctl(2) is not in nix")]
    pub fn find_key(description: &str) -> nix::Result<i64> {
        let description = CString::new(description).map_err(|_| Errno::EINVAL)?;
        // SAFETY: two texts that live across the call.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_keyctl, SEARCH, SESSION, c"user".as_ptr(), description.as_ptr(), 0)
        })
    }

    /// What a key holds, KEYCTL_READ.
    #[expect(unsafe_code, reason = "keyctl(2) is not in nix")]
    pub fn read_key(key: i64) -> nix::Result<Vec<u8>> {
        let mut bytes = vec![0_u8; 256];
        // SAFETY: a buffer that lives across the call, and its length.
        let length =
            Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, READ, key, bytes.as_mut_ptr(), bytes.len()) })?;
        bytes.truncate(length as usize);
        Ok(bytes)
    }

    /// A `user` key in the session keyring of the caller, add_key(2).
    #[expect(unsafe_code, reason = "add_key(2) is not in nix")]
    pub fn add_key(description: &str, text: &str) -> nix::Result<i64> {
        let description = CString::new(description).map_err(|_| Errno::EINVAL)?;
        // SAFETY: two texts and bytes with their length, which live across the call.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_add_key, c"user".as_ptr(), description.as_ptr(), text.as_ptr(), text.len(), SESSION)
        })
    }

    /// A session keyring of one's own, without a name: keyctl(2), KEYCTL_JOIN_SESSION_KEYRING.
    #[expect(unsafe_code, reason = "keyctl(2) is not in nix")]
    pub fn own_keyring() -> nix::Result<()> {
        // SAFETY: a null name asks for a new keyring.
        Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, 1, std::ptr::null::<libc::c_char>()) }).map(drop)
    }
}
