//! Writing the id maps of an actor's user namespace, from its parent namespace, as
//! user_namespaces(7) demands. Done by the keeper.

use std::path::Path;
use std::process::{Command, Stdio};

use super::protocol::Mapped;
use crate::kernel::namespace::write_file;
use crate::kernel::{Call, Errno, Trace};
use crate::lesson::op::MapKind;

/// How many ids a box has under root, and with subordinate ids.
const RANGE: u32 = 65_536;
/// The first id of the ranges that boxes get under root: within those that
/// systemd's UIDS-GIDS sets aside for containers.
const BASE: u32 = 0x4000_0000;

/// Writes uid_map, gid_map and, where an ordinary user must, setgroups.
pub fn write(pid: u32, kind: MapKind, real_root: bool) -> Mapped {
    let mut trace = Trace::default();
    let uid = nix::unistd::geteuid().as_raw();
    let gid = nix::unistd::getegid().as_raw();
    let outcome = if uid == 0 {
        as_root(&mut trace, pid, kind, real_root)
    } else {
        match kind {
            MapKind::Root => single(&mut trace, pid, (0, uid), (0, gid)),
            MapKind::Myself => single(&mut trace, pid, (uid, uid), (gid, gid)),
            MapKind::Range => subordinate(&mut trace, pid, uid, gid),
        }
    };
    match outcome {
        Ok(become_ids) => Mapped { calls: trace.calls, failure: None, become_ids },
        Err(failure) => Mapped { calls: trace.calls, failure: Some(failure), become_ids: None },
    }
}

/// Gives a path to the one that id 0 of a process's user namespace stands for
/// outside. For an ordinary user that is the user, and nothing changes.
pub fn give(path: &Path, pid: u32) -> std::io::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let outside = root_of(pid)?;
    std::os::unix::fs::chown(path, Some(outside), Some(outside))
}

/// As [`give`], by a call that is listed.
pub fn give_traced(trace: &mut Trace, path: &Path, pid: u32) -> Result<(), Errno> {
    let owner = root_of(pid).map_err(|error| Errno::from(&error))?;
    let args = vec![crate::kernel::quoted(path), owner.to_string(), owner.to_string()];
    let (uid, gid) = (nix::unistd::Uid::from_raw(owner), nix::unistd::Gid::from_raw(owner));
    trace.record("chown", args, || nix::unistd::chown(path, Some(uid), Some(gid)), |()| 0)
}

/// The id, outside, of the one who is root in the user namespace of a process.
fn root_of(pid: u32) -> std::io::Result<u32> {
    let map = std::fs::read_to_string(format!("/proc/{pid}/uid_map"))?;
    Ok(map.split_ascii_whitespace().nth(1).and_then(|outside| outside.parse().ok()).unwrap_or(0))
}

type Failed = (Errno, String);

fn put(trace: &mut Trace, pid: u32, file: &str, content: &str) -> Result<(), Failed> {
    let path = format!("/proc/{pid}/{file}");
    write_file(trace, &path, content).map_err(|errno| (errno, path))
}

/// One id each: all that an ordinary user may map alone, and only with setgroups
/// denied.
fn single(trace: &mut Trace, pid: u32, uid: (u32, u32), gid: (u32, u32)) -> Result<Option<(u32, u32)>, Failed> {
    put(trace, pid, "setgroups", "deny")?;
    put(trace, pid, "uid_map", &format!("{} {} 1\n", uid.0, uid.1))?;
    put(trace, pid, "gid_map", &format!("{} {} 1\n", gid.0, gid.1))?;
    Ok(None)
}

/// Under root: an unprivileged range, or every id to itself where a lesson needs
/// the machine's own root.
fn as_root(trace: &mut Trace, pid: u32, kind: MapKind, real_root: bool) -> Result<Option<(u32, u32)>, Failed> {
    if real_root && kind != MapKind::Myself {
        for file in ["uid_map", "gid_map"] {
            put(trace, pid, file, &format!("0 0 {}\n", u32::MAX))?;
        }
        return Ok(None);
    }
    // A range for this lab: two labs under root must not be the same users.
    let base = BASE + ((std::process::id() % 4096) << 16);
    if !has_ids(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default(), base, RANGE) {
        // Root of a user namespace with few ids (a rootless container): its root is
        // no machine's root, and one id is what it can always map.
        return single(trace, pid, (0, 0), (0, 0));
    }
    let (map, me) = match kind {
        MapKind::Root | MapKind::Range => (format!("0 {base} {RANGE}\n"), 0),
        MapKind::Myself => (format!("{base} {base} 1\n"), base),
    };
    for file in ["uid_map", "gid_map"] {
        put(trace, pid, file, &map)?;
    }
    Ok(Some((me, me)))
}

/// Whether all of these ids exist in the user namespace with this uid_map.
fn has_ids(map: &str, first: u32, count: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect();
        let wanted = u64::from(first)..u64::from(first) + u64::from(count);
        matches!(numbers[..], [inside, _, many] if inside <= wanted.start && wanted.end <= inside + many)
    })
}

/// newuidmap(1) and newgidmap(1): 0 is the user, 1 and up the subordinate ids.
fn subordinate(trace: &mut Trace, pid: u32, uid: u32, gid: u32) -> Result<Option<(u32, u32)>, Failed> {
    let name = nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
    for (tool, file, own) in [("newuidmap", "/etc/subuid", uid), ("newgidmap", "/etc/subgid", gid)] {
        let text = std::fs::read_to_string(file).map_err(|error| (Errno::from(&error), file.to_owned()))?;
        let (first, count) = subordinate_range(&text, uid, name.as_deref())
            .ok_or_else(|| (Errno(libc::ENOENT), format!("{file}: no range for uid {uid}")))?;
        let args = [pid, 0, own, 1, 1, first, count.min(RANGE - 1)].map(|number| number.to_string());
        let start = std::time::Instant::now();
        let status =
            Command::new(tool).args(&args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let result = match status {
            Ok(status) if status.success() => Ok(0),
            Ok(_) => Err(Errno(libc::EPERM)),
            Err(error) => Err(Errno::from(&error)),
        };
        let micros = start.elapsed().as_micros() as u64;
        trace.calls.push(Call { name: tool.to_owned(), args: args.to_vec(), result, micros });
        result.map_err(|errno| (errno, tool.to_owned()))?;
    }
    Ok(None)
}

/// The first range of a user in /etc/subuid, subuid(5): `name-or-uid:first:count`.
pub fn subordinate_range(text: &str, uid: u32, name: Option<&str>) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let who = fields.next()?;
        let mine = Some(who) == name || who == uid.to_string();
        let first = fields.next()?.parse().ok()?;
        let count = fields.next()?.parse().ok()?;
        (mine && count > 0).then_some((first, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_asked_for_only_where_its_ids_exist() {
        assert!(has_ids("         0          0 4294967295\n", 0x4000_0000, 65_536));
        assert!(!has_ids("0 1000 1\n1 100000 65536\n", 0x4000_0000, 65_536));
        assert!(has_ids("0 1000 1\n1 100000 65536\n", 1, 65_536));
        assert!(!has_ids("", 0, 1));
    }

    #[test]
    fn a_subordinate_range_is_found_by_name_and_by_uid() {
        let text = "root:1:2\nana:100000:65536\n1001:200000:10\nbad\n";
        assert_eq!(subordinate_range(text, 1000, Some("ana")), Some((100_000, 65_536)));
        assert_eq!(subordinate_range(text, 1001, None), Some((200_000, 10)));
        assert_eq!(subordinate_range(text, 7, Some("eve")), None);
    }
}
