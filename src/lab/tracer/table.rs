//! What the arguments of each system call are, after section 2 of the manual: the
//! kept table of the tracer. A call that is not in it is shown by its name, with `…`
//! for its arguments. The numbers come from the `syscalls` crate, so nothing here
//! depends on the machine.

/// What an argument is, and so how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file descriptor or another signed number.
    Number,
    /// A number of bytes or things: unsigned.
    Count,
    /// A descriptor of a directory, or AT_FDCWD.
    Directory,
    /// A path.
    Path,
    /// A text that is no path (a host name), as long as the next argument says.
    Name,
    /// Bytes handed to the kernel, as many as the next argument says.
    Input,
    /// Bytes given by the kernel, as many as the call returns: known at the exit.
    Output,
    /// A list of texts that ends with NULL: argv.
    Texts,
    /// A list of texts of which only the number is shown: the environment.
    Many,
    /// An address.
    Address,
    /// A number whose bits count, without names here.
    Bits,
    /// Permissions, umask.
    Octal,
    /// A structure: shown as `{…}`, or NULL.
    Structure,
    /// Two descriptors, made by pipe2(2) and socketpair(2): known at the exit.
    Pair,
    /// A signal.
    Signal,
    /// Seconds and nanoseconds.
    Time,
    /// Bits or a word with names.
    Flags(Names),
}

/// Whose names the bits of a flags argument have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// open(2).
    Open,
    /// access(2).
    Access,
    /// mmap(2), mprotect(2).
    Protection,
    /// mmap(2).
    Map,
    /// lseek(2).
    Whence,
    /// clone(2), unshare(2), setns(2).
    Clone,
    /// The `at` family.
    At,
    /// mount(2).
    Mount,
    /// umount2(2).
    Umount,
    /// socket(2).
    Family,
    /// fcntl(2).
    Fcntl,
    /// ioctl(2).
    Ioctl,
    /// prctl(2): what is about privileges, and what programs ask most.
    Prctl,
}

use Kind::{
    Address, Bits, Count, Directory, Flags, Input, Many, Name, Number, Octal, Output, Pair, Path, Signal, Structure,
    Texts, Time,
};

/// The arguments of a call; nothing where the table does not have it.
#[expect(clippy::match_same_arms, reason = "grouped by what calls are about, as a reader looks for them")]
pub fn arguments(name: &str) -> Option<&'static [Kind]> {
    Some(match name {
        // Files.
        "open" => &[Path, Flags(Names::Open), Octal],
        "openat" => &[Directory, Path, Flags(Names::Open), Octal],
        "openat2" => &[Directory, Path, Structure, Count],
        "creat" | "chmod" | "mkdir" => &[Path, Octal],
        "mknod" => &[Path, Octal, Bits],
        "mkdirat" => &[Directory, Path, Octal],
        "mknodat" => &[Directory, Path, Octal, Bits],
        "fchmodat" => &[Directory, Path, Octal],
        "fchmod" => &[Number, Octal],
        "close" | "fsync" | "fdatasync" | "dup" | "fchdir" | "epoll_create1" => &[Number],
        "close_range" => &[Count, Count, Bits],
        "read" => &[Number, Output, Count],
        "pread64" => &[Number, Output, Count, Count],
        "write" => &[Number, Input, Count],
        "pwrite64" => &[Number, Input, Count, Count],
        "readv" | "writev" => &[Number, Structure, Count],
        "sendfile" => &[Number, Number, Structure, Count],
        "copy_file_range" => &[Number, Structure, Number, Structure, Count, Bits],
        "lseek" => &[Number, Number, Flags(Names::Whence)],
        "stat" | "lstat" | "statfs" => &[Path, Structure],
        "fstat" | "fstatfs" => &[Number, Structure],
        "newfstatat" => &[Directory, Path, Structure, Flags(Names::At)],
        "statx" => &[Directory, Path, Flags(Names::At), Bits, Structure],
        "access" => &[Path, Flags(Names::Access)],
        "faccessat" => &[Directory, Path, Flags(Names::Access)],
        "faccessat2" => &[Directory, Path, Flags(Names::Access), Flags(Names::At)],
        "readlink" => &[Path, Output, Count],
        "readlinkat" => &[Directory, Path, Output, Count],
        "getdents64" | "getdents" => &[Number, Structure, Count],
        "getcwd" => &[Output, Count],
        "chdir" | "rmdir" | "unlink" | "chroot" | "acct" | "swapon" | "swapoff" => &[Path],
        "rename" | "link" | "symlink" | "pivot_root" => &[Path, Path],
        "renameat" => &[Directory, Path, Directory, Path],
        "renameat2" => &[Directory, Path, Directory, Path, Bits],
        "linkat" => &[Directory, Path, Directory, Path, Flags(Names::At)],
        "symlinkat" => &[Path, Directory, Path],
        "unlinkat" => &[Directory, Path, Flags(Names::At)],
        "truncate" => &[Path, Count],
        "ftruncate" => &[Number, Count],
        "fallocate" => &[Number, Bits, Count, Count],
        "chown" | "lchown" => &[Path, Number, Number],
        "fchown" => &[Number, Number, Number],
        "fchownat" => &[Directory, Path, Number, Number, Flags(Names::At)],
        "utimensat" => &[Directory, Path, Structure, Flags(Names::At)],
        "fadvise64" => &[Number, Count, Count, Number],
        "umask" => &[Octal],
        "dup2" => &[Number, Number],
        "dup3" => &[Number, Number, Flags(Names::Open)],
        "pipe" => &[Pair],
        "pipe2" => &[Pair, Flags(Names::Open)],
        "fcntl" => &[Number, Flags(Names::Fcntl), Bits],
        "ioctl" => &[Number, Flags(Names::Ioctl), Bits],
        "flock" => &[Number, Number],
        "getxattr" | "lgetxattr" => &[Path, Path, Structure, Count],
        "poll" => &[Structure, Count, Number],
        "ppoll" => &[Structure, Count, Structure, Structure, Count],
        "select" | "pselect6" => &[Count, Structure, Structure, Structure, Structure],
        "epoll_ctl" => &[Number, Number, Number, Structure],
        "epoll_wait" => &[Number, Structure, Number, Number],
        "memfd_create" => &[Path, Bits],
        // Memory.
        "brk" => &[Address],
        "mmap" => &[Address, Count, Flags(Names::Protection), Flags(Names::Map), Number, Bits],
        "munmap" => &[Address, Count],
        "mprotect" => &[Address, Count, Flags(Names::Protection)],
        "mremap" => &[Address, Count, Count, Bits],
        "madvise" => &[Address, Count, Number],
        "mlock" => &[Address, Count],
        "getrandom" => &[Structure, Count, Bits],
        "futex" => &[Address, Bits, Count],
        // Processes.
        "execve" => &[Path, Texts, Many],
        "execveat" => &[Directory, Path, Texts, Many, Flags(Names::At)],
        "clone" => &[Flags(Names::Clone), Bits],
        "clone3" => &[Structure, Count],
        "fork" | "vfork" | "getpid" | "getppid" | "gettid" | "getuid" | "geteuid" | "getgid" | "getegid"
        | "getpgrp" | "setsid" | "sync" | "sched_yield" | "pause" | "rt_sigreturn" => &[],
        "unshare" => &[Flags(Names::Clone)],
        "setns" => &[Number, Flags(Names::Clone)],
        "wait4" => &[Number, Structure, Bits, Structure],
        "waitid" => &[Number, Number, Structure, Bits, Structure],
        "exit" | "exit_group" => &[Number],
        "kill" | "tkill" => &[Number, Signal],
        "tgkill" => &[Number, Number, Signal],
        "getpgid" | "getsid" => &[Number],
        "setpgid" => &[Number, Number],
        "getpriority" => &[Number, Number],
        "setpriority" => &[Number, Number, Number],
        "prlimit64" => &[Number, Number, Structure, Structure],
        "getrlimit" | "setrlimit" | "getrusage" => &[Number, Structure],
        "prctl" => &[Flags(Names::Prctl), Bits, Bits, Bits, Bits],
        "arch_prctl" => &[Bits, Bits],
        "set_tid_address" => &[Address],
        "set_robust_list" => &[Address, Count],
        "rseq" => &[Address, Count, Bits, Bits],
        "sched_getaffinity" | "sched_setaffinity" => &[Number, Count, Structure],
        "pidfd_open" => &[Number, Bits],
        "pidfd_send_signal" => &[Number, Signal, Structure, Bits],
        "ptrace" => &[Number, Number, Bits, Bits],
        "seccomp" => &[Number, Bits, Structure],
        // Signals and time.
        "rt_sigaction" => &[Signal, Structure, Structure, Count],
        "rt_sigprocmask" => &[Number, Structure, Structure, Count],
        "rt_sigsuspend" | "sigaltstack" => &[Structure, Structure],
        "nanosleep" => &[Time, Structure],
        "clock_nanosleep" => &[Number, Bits, Time, Structure],
        "clock_gettime" | "clock_settime" | "clock_getres" => &[Number, Structure],
        "gettimeofday" | "settimeofday" => &[Structure, Structure],
        "alarm" => &[Count],
        "setitimer" => &[Number, Structure, Structure],
        // Users and capabilities.
        "setuid" | "setgid" | "setfsuid" | "setfsgid" => &[Number],
        "setreuid" | "setregid" => &[Number, Number],
        "setresuid" | "setresgid" => &[Number, Number, Number],
        "getresuid" | "getresgid" => &[Structure, Structure, Structure],
        "getgroups" | "setgroups" => &[Number, Structure],
        "capget" | "capset" => &[Structure, Structure],
        // The machine, its names and its mounts.
        "uname" | "sysinfo" | "times" => &[Structure],
        "sethostname" | "setdomainname" => &[Name, Count],
        "mount" => &[Path, Path, Path, Flags(Names::Mount), Structure],
        "umount2" => &[Path, Flags(Names::Umount)],
        "reboot" => &[Bits, Bits, Bits, Structure],
        "syslog" => &[Number, Structure, Count],
        // Network.
        "socket" => &[Flags(Names::Family), Bits, Number],
        "socketpair" => &[Flags(Names::Family), Bits, Number, Pair],
        "bind" | "connect" => &[Number, Structure, Count],
        "listen" | "shutdown" => &[Number, Number],
        "accept" | "getsockname" | "getpeername" => &[Number, Structure, Structure],
        "accept4" => &[Number, Structure, Structure, Bits],
        "sendto" => &[Number, Input, Count, Bits, Structure, Count],
        "recvfrom" => &[Number, Output, Count, Bits, Structure, Structure],
        "sendmsg" | "recvmsg" => &[Number, Structure, Bits],
        "setsockopt" => &[Number, Number, Number, Structure, Count],
        "getsockopt" => &[Number, Number, Number, Structure, Structure],
        _ => return None,
    })
}

/// Single bits and whole words with their names; `mask` selects a part of the number
/// that is one word and not bits (the access mode of open(2)).
pub struct Table {
    /// The part of the number that is a word.
    pub mask: u64,
    /// The words, by value.
    pub words: &'static [(u64, &'static str)],
    /// The bits.
    pub bits: &'static [(u64, &'static str)],
}

macro_rules! named {
    ($($name:ident),* $(,)?) => { &[$((libc::$name as u64, stringify!($name))),*] };
}

const ALL: u64 = u64::MAX;

impl Names {
    /// The names.
    pub fn table(self) -> Table {
        match self {
            Self::Open => Table {
                mask: libc::O_ACCMODE as u64,
                words: named![O_RDONLY, O_WRONLY, O_RDWR],
                // O_SYNC holds O_DSYNC, O_TMPFILE holds O_DIRECTORY: the larger first.
                bits: named![
                    O_CREAT,
                    O_EXCL,
                    O_NOCTTY,
                    O_TRUNC,
                    O_APPEND,
                    O_NONBLOCK,
                    O_SYNC,
                    O_DSYNC,
                    O_TMPFILE,
                    O_DIRECTORY,
                    O_NOFOLLOW,
                    O_CLOEXEC,
                    O_PATH,
                    O_NOATIME,
                    O_DIRECT
                ],
            },
            Self::Access => Table { mask: 0, words: &[(0, "F_OK")], bits: named![R_OK, W_OK, X_OK] },
            Self::Protection => {
                Table { mask: 0, words: named![PROT_NONE], bits: named![PROT_READ, PROT_WRITE, PROT_EXEC] }
            }
            Self::Map => Table {
                mask: 0xf,
                words: named![MAP_SHARED, MAP_PRIVATE],
                bits: named![MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE, MAP_STACK, MAP_DENYWRITE, MAP_POPULATE],
            },
            Self::Whence => Table { mask: ALL, words: named![SEEK_SET, SEEK_CUR, SEEK_END], bits: &[] },
            Self::Clone => Table {
                // The signal at the child's end.
                mask: 0xff,
                words: &[(0, ""), (libc::SIGCHLD as u64, "SIGCHLD")],
                bits: named![
                    CLONE_NEWUSER,
                    CLONE_NEWNS,
                    CLONE_NEWUTS,
                    CLONE_NEWIPC,
                    CLONE_NEWPID,
                    CLONE_NEWNET,
                    CLONE_NEWCGROUP,
                    CLONE_VM,
                    CLONE_FS,
                    CLONE_FILES,
                    CLONE_SIGHAND,
                    CLONE_VFORK,
                    CLONE_THREAD,
                    CLONE_SYSVSEM,
                    CLONE_SETTLS,
                    CLONE_PARENT_SETTID,
                    CLONE_CHILD_CLEARTID,
                    CLONE_CHILD_SETTID
                ],
            },
            Self::At => Table {
                mask: 0,
                words: &[(0, "0")],
                bits: named![
                    AT_SYMLINK_NOFOLLOW,
                    AT_REMOVEDIR,
                    AT_SYMLINK_FOLLOW,
                    AT_NO_AUTOMOUNT,
                    AT_EMPTY_PATH,
                    AT_EACCESS
                ],
            },
            Self::Mount => Table {
                mask: 0,
                words: &[(0, "0")],
                bits: named![
                    MS_RDONLY,
                    MS_NOSUID,
                    MS_NODEV,
                    MS_NOEXEC,
                    MS_REMOUNT,
                    MS_BIND,
                    MS_MOVE,
                    MS_REC,
                    MS_SILENT,
                    MS_UNBINDABLE,
                    MS_PRIVATE,
                    MS_SLAVE,
                    MS_SHARED,
                    MS_RELATIME
                ],
            },
            Self::Umount => Table { mask: 0, words: &[(0, "0")], bits: named![MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW] },
            Self::Family => {
                Table { mask: ALL, words: named![AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET], bits: &[] }
            }
            Self::Fcntl => Table {
                mask: ALL,
                words: named![F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_SETLK, F_SETLKW, F_GETLK],
                bits: &[],
            },
            Self::Ioctl => Table {
                mask: ALL,
                words: named![
                    TCGETS, TCSETS, TCSETSW, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCSCTTY, FIONREAD
                ],
                bits: &[],
            },
            Self::Prctl => Table {
                mask: ALL,
                words: named![
                    PR_SET_PDEATHSIG,
                    PR_GET_DUMPABLE,
                    PR_SET_DUMPABLE,
                    PR_GET_KEEPCAPS,
                    PR_SET_KEEPCAPS,
                    PR_SET_NAME,
                    PR_GET_SECCOMP,
                    PR_SET_SECCOMP,
                    PR_CAPBSET_READ,
                    PR_CAPBSET_DROP,
                    PR_GET_SECUREBITS,
                    PR_SET_SECUREBITS,
                    PR_SET_NO_NEW_PRIVS,
                    PR_GET_NO_NEW_PRIVS,
                    PR_CAP_AMBIENT
                ],
                bits: &[],
            },
        }
    }
}

/// The number in words: `O_RDONLY|O_CLOEXEC`; what has no name in hexadecimal.
pub fn in_words(names: Names, value: u64) -> String {
    let Table { mask, words, bits } = names.table();
    let mut rest = value;
    let mut parts: Vec<String> = Vec::new();
    if mask != 0 || value == 0 {
        rest &= !mask;
        match words.iter().find(|(word, _)| *word == value & mask) {
            Some((_, "")) => {}
            Some((_, name)) => parts.push((*name).to_owned()),
            None if mask == ALL => parts.push(format!("{value:#x}")),
            None => rest = value,
        }
    }
    for (bit, name) in bits {
        if *bit != 0 && rest & bit == *bit {
            parts.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        parts.push(format!("{rest:#x}"));
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join("|") }
}
