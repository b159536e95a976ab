//! The fourteen walls: a process from outside beside the host's own side, with the
//! evidence of both. Pure but for the limits, which the caller has read. Evidence
//! is in the kernel's own words and numbers, the same in every language.

use std::collections::BTreeMap;

use super::face::{Face, RootAt};
use super::model::{Built, Reading, Unread, Wall, WallState};
use super::parse::Privileges;
use crate::lesson::op::NsKind;

/// Every wall of [`Wall::ALL`] between `host` and `actor`. `last_cap` is the number
/// of the kernel's last capability.
pub fn walls(host: &Face, actor: &Face, limits: &WallState, last_cap: u32) -> BTreeMap<Wall, WallState> {
    Wall::ALL
        .into_iter()
        .map(|wall| {
            let state = match wall {
                Wall::Root => root(host, actor),
                Wall::Mnt => namespace(host, actor, NsKind::Mnt),
                Wall::Uts => namespace(host, actor, NsKind::Uts),
                Wall::Ipc => namespace(host, actor, NsKind::Ipc),
                Wall::Pid => namespace(host, actor, NsKind::Pid),
                Wall::Net => namespace(host, actor, NsKind::Net),
                Wall::User => namespace(host, actor, NsKind::User),
                Wall::Cgroup => namespace(host, actor, NsKind::Cgroup),
                Wall::Time => namespace(host, actor, NsKind::Time),
                Wall::Limits => limits.clone(),
                Wall::Caps => caps(host, actor, last_cap),
                Wall::Seccomp => seccomp(host, actor),
                Wall::NoNewPrivs => no_new_privs(host, actor),
                Wall::Lsm => compare(&host.lsm, &actor.lsm, String::clone, |host, actor| host != actor),
            };
            (wall, state)
        })
        .collect()
}

/// Evidence that a value is not to be had: `EACCES /proc/812/ns/net`.
pub(super) fn evidence(unread: &Unread) -> String {
    format!("{} {}", unread.errno.symbol(), unread.path)
}

/// How many seccomp filters there are, by the evidence of their wall; nothing where there
/// is none, or they could not be counted.
pub fn filter_count(evidence: &str) -> Option<&str> {
    evidence.split_once("Seccomp_filters ").map(|(_, count)| count).filter(|count| *count != "0")
}

fn shown<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    match reading {
        Reading::Read(value) => show(value),
        Reading::Unread(unread) => evidence(unread),
    }
}

fn compare<T>(
    host: &Reading<T>,
    actor: &Reading<T>,
    show: impl Fn(&T) -> String,
    separate: impl FnOnce(&T, &T) -> bool,
) -> WallState {
    let state = match (host, actor) {
        (Reading::Read(host), Reading::Read(actor)) if separate(host, actor) => Built::Built,
        (Reading::Read(_), Reading::Read(_)) => Built::Open,
        _ => Built::Unknown,
    };
    WallState { state, host: shown(host, &show), actor: shown(actor, &show) }
}

fn namespace(host: &Face, actor: &Face, kind: NsKind) -> WallState {
    match (host.ns.get(&kind), actor.ns.get(&kind)) {
        (Some(host), Some(actor)) => compare(host, actor, u64::to_string, |host, actor| host != actor),
        _ => WallState { state: Built::Unknown, host: String::new(), actor: String::new() },
    }
}

fn root(host: &Face, actor: &Face) -> WallState {
    let show = |root: &RootAt| {
        let (major, minor) = (nix::sys::stat::major(root.device), nix::sys::stat::minor(root.device));
        let mount = root.mount.map(|id| format!(" mount {id}")).unwrap_or_default();
        format!("{major}:{minor} inode {}{mount}", root.inode)
    };
    // A copy of the mount tree has other mount ids for the very same directories.
    let same_tree = match (host.ns.get(&NsKind::Mnt), actor.ns.get(&NsKind::Mnt)) {
        (Some(Reading::Read(host)), Some(Reading::Read(actor))) => host == actor,
        _ => false,
    };
    compare(&host.root, &actor.root, show, |host, actor| {
        (host.device, host.inode) != (actor.device, actor.inode) || same_tree && host.mount != actor.mount
    })
}

fn caps(host: &Face, actor: &Face, last_cap: u32) -> WallState {
    let user = |face: &Face| shown(face.ns.get(&NsKind::User).unwrap_or(&missing()), |inode| format!("user:[{inode}]"));
    let show = |face: &Face| {
        let all = last_cap + 1;
        shown(&face.privileges, |held| {
            let count = |set: Option<u64>| set.map_or("?".to_owned(), |set| set.count_ones().to_string());
            let [_, _, effective, bounding, _] = held.caps;
            format!("CapEff {}/{all} CapBnd {}/{all} {}", count(effective), count(bounding), user(face))
        })
    };
    let sets = |face: &Face| match face.privileges.read()?.caps {
        [_, _, Some(effective), Some(bounding), _] => Some((effective, bounding)),
        _ => None,
    };
    let over = |face: &Face| face.ns.get(&NsKind::User).and_then(Reading::read).copied();
    let state = match (sets(host), sets(actor), over(host), over(actor)) {
        (Some(outer), Some(inner), _, _) if lacks(inner.0, outer.0) || lacks(inner.1, outer.1) => Built::Built,
        (Some(_), Some(_), Some(host), Some(actor)) if host != actor => Built::Built,
        (Some(_), Some(_), Some(_), Some(_)) => Built::Open,
        _ => Built::Unknown,
    };
    WallState { state, host: show(host), actor: show(actor) }
}

/// How many capabilities are effective, of how many, by the evidence of their wall:
/// `41/41`; nothing where they could not be read.
pub fn effective(evidence: &str) -> Option<&str> {
    evidence.strip_prefix("CapEff ")?.split(' ').next()
}

/// Whether `inner` is without something that `outer` has.
fn lacks(inner: u64, outer: u64) -> bool {
    outer & !inner != 0
}

fn missing() -> Reading<u64> {
    Reading::Unread(Unread { path: "ns/user".to_owned(), errno: crate::kernel::Errno(libc::ENOENT) })
}

/// One of the privileges, as a reading of its own: ENODATA where the kernel has
/// no such line.
fn privilege<T>(face: &Face, line: &str, pick: impl FnOnce(&Privileges) -> Option<T>) -> Reading<T> {
    match &face.privileges {
        Reading::Unread(unread) => Reading::Unread(unread.clone()),
        Reading::Read(held) => match pick(held) {
            Some(value) => Reading::Read(value),
            None => {
                Reading::Unread(Unread { path: format!("status {line}"), errno: crate::kernel::Errno(libc::ENODATA) })
            }
        },
    }
}

fn seccomp(host: &Face, actor: &Face) -> WallState {
    let read = |face: &Face| privilege(face, "Seccomp", |held| Some((held.seccomp?, held.filters)));
    let show = |(mode, filters): &(u32, Option<u32>)| match filters {
        Some(filters) => format!("Seccomp {mode} Seccomp_filters {filters}"),
        None => format!("Seccomp {mode}"),
    };
    // A filter stays for good and is inherited: an actor's are the host's or more.
    compare(&read(host), &read(actor), show, |host, actor| actor.0 != 0 && host != actor)
}

fn no_new_privs(host: &Face, actor: &Face) -> WallState {
    let read = |face: &Face| privilege(face, "NoNewPrivs", |held| held.no_new_privs);
    compare(&read(host), &read(actor), |bit| format!("NoNewPrivs {}", u8::from(*bit)), |host, actor| *actor && !host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_capabilities_is_told_where_they_could_be_read() {
        assert_eq!(effective("CapEff 40/41 CapBnd 41/41 user:[4026531837]"), Some("40/41"));
        assert_eq!(effective("EACCES /proc/1/status"), None);
        assert_eq!(filter_count("Seccomp 2 Seccomp_filters 3"), Some("3"));
        assert_eq!(filter_count("Seccomp 0 Seccomp_filters 0"), None);
        assert_eq!(filter_count("Seccomp 2"), None);
    }
}
