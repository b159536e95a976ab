//! The IPC objects of one side: those of System V from /proc/sysvipc, which shows
//! the reader's own IPC namespace whatever /proc it is read through, and the POSIX
//! message queues where a queue file system is mounted. Called by `view`; opens
//! queues to read them, and makes none.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::{Mount, Reading, Unread};
use super::parse;
use super::proc::{ProcDir, SMALL, reading};
use crate::kernel::{Errno, read};

/// At most so many queues are listed: the kernel's own default limit, mq_overview(7).
const MOST_QUEUES: usize = 256;

/// The four kinds of objects that an IPC namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpcKind {
    /// A System V shared memory segment.
    Shm,
    /// A System V message queue.
    Msg,
    /// A System V set of semaphores.
    Sem,
    /// A POSIX message queue.
    Mqueue,
}

/// What one side sees of its IPC namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipc {
    /// Shared memory segments, by id.
    pub shm: Reading<Vec<Shm>>,
    /// Message queues of System V, by id.
    pub msg: Reading<Vec<Msg>>,
    /// Sets of semaphores, by id.
    pub sem: Reading<Vec<Sem>>,
    /// The queue file system in view, mq_overview(7); nothing where none is mounted:
    /// then POSIX queues exist or not, and can't be listed.
    pub mqueue: Reading<Option<Mqueue>>,
    /// The limits of the namespace.
    pub limits: Reading<Limits>,
}

/// A line of /proc/sysvipc/shm, sysvipc(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shm {
    /// The key, as ipcs(1) writes it: `0x0000cafe`; all zero without one (IPC_PRIVATE).
    pub key: String,
    /// The identifier.
    pub id: u32,
    /// Permission bits, octal: `644`.
    pub perms: String,
    /// Bytes, as asked for.
    pub size: u64,
    /// PID of the maker, in the PID namespace of the /proc read; 0 outside of it.
    pub creator: u32,
    /// How many times it is attached.
    pub attached: u64,
    /// Whether it goes once nobody has it attached any more (IPC_RMID).
    pub removed: bool,
    /// Owner's uid, in the reader's user namespace.
    pub uid: u32,
    /// Owner's gid.
    pub gid: u32,
}

/// A line of /proc/sysvipc/msg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Msg {
    /// The key.
    pub key: String,
    /// The identifier.
    pub id: u32,
    /// Permission bits, octal.
    pub perms: String,
    /// Bytes waiting.
    pub bytes: u64,
    /// Messages waiting.
    pub messages: u64,
    /// Owner's uid.
    pub uid: u32,
    /// Owner's gid.
    pub gid: u32,
}

/// A line of /proc/sysvipc/sem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sem {
    /// The key.
    pub key: String,
    /// The identifier.
    pub id: u32,
    /// Permission bits, octal.
    pub perms: String,
    /// How many semaphores.
    pub semaphores: u64,
    /// Owner's uid.
    pub uid: u32,
    /// Owner's gid.
    pub gid: u32,
}

/// The POSIX message queues in view, mq_overview(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqueue {
    /// Where the queue file system is mounted.
    pub path: String,
    /// `major:minor`: each IPC namespace has one of its own, so it says whose queues
    /// these are, which is the namespace of whoever mounted it.
    pub device: String,
    /// The queues, by name.
    pub queues: Vec<Queue>,
}

/// A file of the queue file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its name, without the slash that mq_open(3) wants before it.
    pub name: String,
    /// Its inode.
    pub inode: u64,
    /// Permission bits, octal.
    pub perms: String,
    /// Bytes waiting (`QSIZE`).
    pub bytes: Reading<u64>,
    /// Owner's uid, in the reader's user namespace.
    pub uid: u32,
    /// Owner's gid.
    pub gid: u32,
}

/// The files of /proc/sys/kernel that limit an IPC namespace, proc_sys_kernel(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of one segment.
    pub shmmax: u64,
    /// Pages of all segments together.
    pub shmall: u64,
    /// Segments.
    pub shmmni: u64,
    /// Bytes of one message.
    pub msgmax: u64,
    /// Bytes in one queue, at first.
    pub msgmnb: u64,
    /// Queues.
    pub msgmni: u64,
    /// Semaphores of one set, of all sets, operations of one semop(2), sets.
    pub sem: [u64; 4],
}

/// What the calling process sees of its IPC namespace, through a /proc and its mounts.
pub fn ipc(proc: Result<&ProcDir, &Unread>, mounts: &Reading<Arc<Vec<Mount>>>, buffer: &mut Vec<u8>) -> Ipc {
    let mut table = |name: &CStr| -> Result<Vec<Vec<i64>>, Unread> {
        let proc = proc.map_err(Clone::clone)?;
        file(proc, name, buffer)?;
        Ok(rows(buffer))
    };
    let shm = listed(table(c"sysvipc/shm"), shm, |one| one.id);
    let msg = listed(table(c"sysvipc/msg"), msg, |one| one.id);
    let sem = listed(table(c"sysvipc/sem"), sem, |one| one.id);
    let mqueue = match mounts {
        Reading::Read(mounts) => mqueue(mounts, buffer),
        Reading::Unread(unread) => Reading::Unread(unread.clone()),
    };
    Ipc { shm, msg, sem, mqueue, limits: limits(proc, buffer) }
}

impl Ipc {
    /// Of a side of which nothing can be said.
    pub fn unread(why: &Unread) -> Self {
        Self {
            shm: Reading::Unread(why.clone()),
            msg: Reading::Unread(why.clone()),
            sem: Reading::Unread(why.clone()),
            mqueue: Reading::Unread(why.clone()),
            limits: Reading::Unread(why.clone()),
        }
    }
}

fn file(proc: &ProcDir, name: &CStr, buffer: &mut Vec<u8>) -> Result<(), Unread> {
    let read = read::open_at(proc.fd(), name).and_then(|file| read::read_all(file.as_fd(), buffer, SMALL));
    match read {
        Ok(false) => Ok(()),
        Ok(true) => Err(unread(proc, name, Errno(libc::EFBIG))),
        Err(errno) => Err(unread(proc, name, errno)),
    }
}

fn unread(proc: &ProcDir, name: &CStr, errno: Errno) -> Unread {
    Unread { path: format!("{}/{}", proc.path(), name.to_string_lossy()), errno }
}

/// The numbers of each line below the heading.
fn rows(bytes: &[u8]) -> Vec<Vec<i64>> {
    let line = |line| String::from_utf8_lossy(line).split_whitespace().map_while(|word| word.parse().ok()).collect();
    parse::lines(bytes).skip(1).map(line).collect()
}

fn listed<T>(
    rows: Result<Vec<Vec<i64>>, Unread>,
    parse: fn(&[i64]) -> Option<T>,
    id: fn(&T) -> u32,
) -> Reading<Vec<T>> {
    match rows {
        Ok(rows) => {
            let mut list: Vec<T> = rows.iter().filter_map(|row| parse(row)).collect();
            list.sort_by_key(id);
            Reading::Read(list)
        }
        Err(unread) => Reading::Unread(unread),
    }
}

/// The kernel writes keys as signed numbers; ipcs(1) shows their bits.
fn key(number: i64) -> String {
    format!("{:#010x}", number as u32)
}

/// The permission bits are written in octal, and so read as if in decimal; above
/// them stand SHM_DEST (01000) and SHM_LOCKED (02000).
fn bits(written: i64) -> Option<u32> {
    u32::from_str_radix(&written.to_string(), 8).ok()
}

fn octal(bits: u32) -> String {
    format!("{:03o}", bits & 0o777)
}

fn small(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

/// key shmid perms size cpid lpid nattch uid gid cuid cgid …
fn shm(row: &[i64]) -> Option<Shm> {
    let &[written, id, perms, size, creator, _, attached, uid, gid, ..] = row else { return None };
    let bits = bits(perms)?;
    Some(Shm {
        key: key(written),
        id: small(id)?,
        perms: octal(bits),
        size: u64::try_from(size).ok()?,
        creator: small(creator)?,
        attached: u64::try_from(attached).ok()?,
        removed: bits & 0o1000 != 0,
        uid: small(uid)?,
        gid: small(gid)?,
    })
}

/// key msqid perms cbytes qnum lspid lrpid uid gid …
fn msg(row: &[i64]) -> Option<Msg> {
    let &[written, id, perms, bytes, messages, _, _, uid, gid, ..] = row else { return None };
    Some(Msg {
        key: key(written),
        id: small(id)?,
        perms: octal(bits(perms)?),
        bytes: u64::try_from(bytes).ok()?,
        messages: u64::try_from(messages).ok()?,
        uid: small(uid)?,
        gid: small(gid)?,
    })
}

/// key semid perms nsems uid gid …
fn sem(row: &[i64]) -> Option<Sem> {
    let &[written, id, perms, semaphores, uid, gid, ..] = row else { return None };
    Some(Sem {
        key: key(written),
        id: small(id)?,
        perms: octal(bits(perms)?),
        semaphores: u64::try_from(semaphores).ok()?,
        uid: small(uid)?,
        gid: small(gid)?,
    })
}

/// The queues of the last queue file system that was mounted and is not hidden by
/// another mount.
fn mqueue(mounts: &[Mount], buffer: &mut Vec<u8>) -> Reading<Option<Mqueue>> {
    let in_view = mounts.iter().rev().filter(|mount| mount.fstype == "mqueue").find_map(|mount| {
        let dir = read::open_dir(mount.target.as_str()).ok()?;
        let device = read::stat(dir.as_fd()).ok()?.st_dev;
        let shown = format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device));
        (shown == mount.device).then_some((mount, dir))
    });
    let Some((mount, dir)) = in_view else { return Reading::Read(None) };
    let list = queues(dir.as_fd(), &mount.target, buffer);
    let found = list.map(|queues| Some(Mqueue { path: mount.target.clone(), device: mount.device.clone(), queues }));
    reading(found, || mount.target.clone())
}

fn queues(dir: BorrowedFd<'_>, path: &str, buffer: &mut Vec<u8>) -> Result<Vec<Queue>, Errno> {
    let mut found = Vec::new();
    for name in read::names(dir, MOST_QUEUES)? {
        // One that is gone by now is left out.
        let Ok(stat) = read::stat_at(dir, name.as_c_str()) else { continue };
        let shown = parse::text(name.to_bytes());
        let bytes = read::open_at(dir, name.as_c_str())
            .and_then(|file| read::read_all(file.as_fd(), buffer, SMALL))
            .and_then(|_| waiting(buffer).ok_or(Errno(libc::EINVAL)));
        let bytes = reading(bytes, || format!("{path}/{shown}"));
        let (inode, perms) = (stat.st_ino, octal(stat.st_mode));
        found.push(Queue { name: shown, inode, perms, bytes, uid: stat.st_uid, gid: stat.st_gid });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// `QSIZE:129     NOTIFY:2    SIGNO:0    NOTIFY_PID:8260`, mq_overview(7).
fn waiting(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("QSIZE:"))?.parse().ok()
}

fn limits(proc: Result<&ProcDir, &Unread>, buffer: &mut Vec<u8>) -> Reading<Limits> {
    let mut numbers = |name: &CStr| -> Result<[u64; 4], Unread> {
        let proc = proc.map_err(Clone::clone)?;
        file(proc, name, buffer)?;
        let mut found = [0; 4];
        let text = String::from_utf8_lossy(buffer);
        for (place, word) in found.iter_mut().zip(text.split_whitespace()) {
            *place = word.parse().map_err(|_| unread(proc, name, Errno(libc::EINVAL)))?;
        }
        Ok(found)
    };
    let mut all = || {
        Ok(Limits {
            shmmax: numbers(c"sys/kernel/shmmax")?[0],
            shmall: numbers(c"sys/kernel/shmall")?[0],
            shmmni: numbers(c"sys/kernel/shmmni")?[0],
            msgmax: numbers(c"sys/kernel/msgmax")?[0],
            msgmnb: numbers(c"sys/kernel/msgmnb")?[0],
            msgmni: numbers(c"sys/kernel/msgmni")?[0],
            sem: numbers(c"sys/kernel/sem")?,
        })
    };
    match all() {
        Ok(limits) => Reading::Read(limits),
        Err(unread) => Reading::Unread(unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As printed by Linux 6.18.
    const SHM: &[u8] = b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n-187060426          3   644                  4321 17582     0      2     0     7     0     0          0          0 1795311861                     0                     0\n         0          1  1600                  4096 17582     0      1     0     0     0     0          0          0 1795311861                     0                     0\n";

    fn table<T>(bytes: &[u8], parse: fn(&[i64]) -> Option<T>, id: fn(&T) -> u32) -> Vec<T> {
        let Reading::Read(list) = listed(Ok(rows(bytes)), parse, id) else { panic!("unread") };
        list
    }

    #[test]
    fn a_segment_has_the_key_that_ipcs_shows() {
        let list = table(SHM, shm, |one| one.id);
        let (first, second) = (&list[0], &list[1]);
        assert_eq!((first.id, first.removed, first.key.as_str(), first.perms.as_str()), (1, true, "0x00000000", "600"));
        assert_eq!((second.key.as_str(), second.perms.as_str(), second.removed), ("0xf4d9af36", "644", false));
        assert_eq!((second.size, second.attached, second.creator, second.gid), (4321, 2, 17582, 7));
    }

    #[test]
    fn queues_and_semaphores_are_read_by_their_columns() {
        let list = table(
            b"key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime\n16 0 644 11 2 5 0 1 3 0 0 0 0 0\n",
            msg,
            |one| one.id,
        );
        assert_eq!((list[0].bytes, list[0].messages, list[0].uid, list[0].gid), (11, 2, 1, 3));
        let list =
            table(b"key semid perms nsems uid gid cuid cgid otime ctime\n255 4 600 3 1 2 0 0 0 0\n", sem, |one| one.id);
        assert_eq!((list[0].key.as_str(), list[0].semaphores, list[0].gid), ("0x000000ff", 3, 2));
    }

    #[test]
    fn a_line_that_is_no_line_of_a_table_is_left_out() {
        assert_eq!(table(b"key\n1 2\nx\n1 -1 644 0 0 0 0 0 0\n1 1 698 0 0 0 0 0 0\n", shm, |one| one.id), []);
    }

    #[test]
    fn a_queue_says_how_much_waits_in_it() {
        assert_eq!(waiting(b"QSIZE:129        NOTIFY:2     SIGNO:0     NOTIFY_PID:8260  \n"), Some(129));
        assert_eq!(waiting(b""), None);
    }
}
