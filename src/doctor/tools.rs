//! The programs that lessons need: looked up where boxes look them up, with the
//! Debian package that has each.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::{Finding, State};
use crate::lab::helper::RUN;
use crate::lab::program::PATH;
use crate::lesson::diagnostic::both;
use crate::lesson::model::Lesson;

/// The programs that a lesson needs, without those that come with this one.
pub fn of(lesson: &Lesson) -> Vec<String> {
    lesson.tools.iter().filter(|tool| *tool != RUN).cloned().collect()
}

/// Which Debian (and Ubuntu) package has a program; the program's own name for
/// those of one name.
const PACKAGES: [(&str, &[&str]); 14] = [
    ("procps", &["ps", "pgrep", "pkill", "top", "free", "uptime", "kill", "sysctl", "vmstat", "w"]),
    ("hostname", &["hostname", "domainname", "dnsdomainname"]),
    ("iproute2", &["ip", "ss", "bridge", "tc"]),
    ("iputils-ping", &["ping"]),
    (
        "util-linux",
        &[
            "unshare",
            "nsenter",
            "lsns",
            "setpriv",
            "ipcs",
            "ipcmk",
            "ipcrm",
            "findmnt",
            "taskset",
            "chrt",
            "setsid",
            "dmesg",
            "flock",
            "prlimit",
            "lscpu",
            "ionice",
            "pivot_root",
            "switch_root",
        ],
    ),
    ("mount", &["mount", "umount", "losetup"]),
    ("uidmap", &["newuidmap", "newgidmap"]),
    ("libcap2-bin", &["capsh", "getcap", "setcap", "getpcaps"]),
    ("netcat-openbsd", &["nc"]),
    ("passwd", &["su", "useradd", "usermod"]),
    ("apparmor", &["apparmor_parser", "aa-exec"]),
    ("bsdutils", &["logger", "script", "renice"]),
    ("findutils", &["find", "xargs"]),
    (
        "coreutils",
        &[
            "cat", "chmod", "chown", "chroot", "cp", "cut", "date", "dd", "df", "du", "echo", "env", "head", "id",
            "ln", "ls", "mkdir", "mkfifo", "mknod", "mktemp", "mv", "nice", "nproc", "printf", "pwd", "readlink", "rm",
            "rmdir", "seq", "sleep", "sort", "stat", "sync", "tail", "tee", "test", "timeout", "touch", "tr", "true",
            "tty", "uname", "wc", "whoami", "yes",
        ],
    ),
];

/// Where a program is, as boxes would find it.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    PATH.split(':')
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
}

fn package(name: &str) -> &str {
    PACKAGES.iter().find(|(_, programs)| programs.contains(&name)).map_or(name, |(package, _)| package)
}

/// Whether all of these programs are here.
pub(super) fn finding(names: &[String]) -> Finding {
    let title = both!("Programs that lessons use", "Programmes utilisés par les leçons");
    let absent: Vec<&str> = names.iter().map(String::as_str).filter(|name| find(name).is_none()).collect();
    if absent.is_empty() {
        let list = names.join(", ");
        let why = both!("all are here: {list}.", "tous sont là : {list}.");
        return Finding::new("tools", State::Works, title, &why);
    }
    let list = absent.join(", ");
    let mut packages: Vec<&str> = absent.iter().map(|name| package(name)).collect();
    packages.sort_unstable();
    packages.dedup();
    let packages = packages.join(" ");
    let why = both!("not found on {PATH}: {list}.", "introuvables dans {PATH} : {list}.");
    let remedy = both!("Install them (Debian, Ubuntu)", "Installez-les (Debian, Ubuntu)");
    Finding::new("tools", State::Missing, title, &why).with_remedy(remedy, vec![format!("sudo apt install {packages}")])
}

/// The shell that boxes get.
pub(super) fn shell() -> Finding {
    let title = both!("The boxes' shell", "Le shell des boîtes");
    let there = |path: &&str| access(*path, AccessFlags::X_OK).is_ok();
    if let Some(path) = ["/bin/bash", "/usr/bin/bash"].iter().find(|path| there(path)) {
        return Finding::new("shell", State::Works, title, &both!("{path}.", "{path}."));
    }
    let (state, why) = if there(&"/bin/sh") {
        (
            State::Limited,
            both!(
                "/bin/sh: without bash, your command lines are not shown beside what they do.",
                "/bin/sh : sans bash, vos lignes de commande ne sont pas montrées à côté de leurs effets."
            ),
        )
    } else {
        (State::Missing, both!("neither bash nor /bin/sh is here.", "ni bash ni /bin/sh ne sont là."))
    };
    Finding::new("shell", state, title, &why)
        .with_remedy(both!("Install bash", "Installez bash"), vec!["sudo apt install bash".to_owned()])
}
