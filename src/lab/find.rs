//! Finding the box that a student builds by hand: among what the shells of an actor
//! have started, the process that differs from the actor, or from its shell in what it
//! may do. Used by the keeper, whose
//! descendants all of a lab's processes are.

use super::sweep;
use crate::kernel::process::stat_of;
use crate::kernel::read;
use crate::lesson::op::NsKind;

/// The namespaces and the root directory of a process (device, inode, mount).
#[derive(Clone, PartialEq, Eq)]
struct Place {
    namespaces: Vec<u64>,
    root: (u64, u64, Option<u64>),
}

/// What a process is known by.
#[derive(Clone, PartialEq, Eq)]
struct Identity {
    place: Place,
    /// Its capabilities, no_new_privs and seccomp, as its status has them.
    privileges: String,
}

/// One process of the shells'.
struct Member {
    pid: u32,
    parent: u32,
    start: u64,
    /// The shell that it comes from.
    shell: u32,
    identity: Identity,
}

/// The process of these sessions (or below one of them) that differs from `actor` in
/// a namespace or its root directory, or from the shell that it comes from in its
/// privileges (an actor's shell may have others than the actor: execve(2)): of several
/// the last that was started, and of those that are alike from parent to child the
/// first. Nothing where all are as they were started.
pub fn different(actor: u32, sessions: &[u32]) -> Option<u32> {
    let mut inside: Vec<(u32, u32)> = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    // Parents come before their children.
    for pid in sweep::all_descendants() {
        let Some(stat) = stat_of(pid) else { continue };
        let of_parent = || inside.iter().find(|(pid, _)| *pid == stat.parent).map(|(_, shell)| *shell);
        // A session has its shell's number, setsid(2).
        let own = sessions.contains(&stat.session).then_some(stat.session);
        let Some(shell) = own.or_else(of_parent) else { continue };
        inside.push((pid, shell));
        // A zombie has left its namespaces; what has just ended is no box.
        if let Some(identity) = identity(pid) {
            members.push(Member { pid, parent: stat.parent, start: stat.start, shell, identity });
        }
    }
    let plain = identity(actor)?.place;
    let by_shell = |one: &Member| {
        let shell = members.iter().find(|it| it.pid == one.shell);
        shell.is_some_and(|shell| shell.identity.privileges != one.identity.privileges)
    };
    let alike = |one: &&Member, other: u32| members.iter().any(|it| it.pid == other && it.identity == one.identity);
    let different = members.iter().filter(|one| one.identity.place != plain || by_shell(one));
    let first = different.filter(|one| !alike(one, one.parent));
    first.max_by_key(|one| (one.start, one.pid)).map(|one| one.pid)
}

fn identity(pid: u32) -> Option<Identity> {
    use std::os::fd::AsFd;
    let dir = read::open_dir(format!("/proc/{pid}").as_str()).ok()?;
    let mut namespaces = Vec::with_capacity(NsKind::ALL.len());
    for kind in NsKind::ALL {
        match read::open_at(dir.as_fd(), format!("ns/{}", kind.name()).as_str()) {
            Ok(namespace) => namespaces.push(read::inode(&namespace).ok()?),
            // This kernel has none of the kind.
            Err(errno) if errno.0 == libc::ENOENT => {}
            Err(_) => return None,
        }
    }
    let root = read::open_dir_at(dir.as_fd(), "root").ok()?;
    let stat = read::stat(root.as_fd()).ok()?;
    let place = Place { namespaces, root: (stat.st_dev, stat.st_ino, read::mount_id(root.as_fd())) };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let of_privilege = |line: &&str| ["Cap", "NoNewPrivs:", "Seccomp"].iter().any(|start| line.starts_with(start));
    let privileges = status.lines().filter(of_privilege).collect::<Vec<_>>().join(" ");
    Some(Identity { place, privileges })
}
