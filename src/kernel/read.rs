//! The read side: typed wrappers that look at the kernel and change nothing. Used
//! by `observe`, also inside an actor: single-threaded, maybe without a /proc and
//! under a seccomp filter. Nothing here panics, blocks or calls the name service.

pub mod net;
pub mod tree;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::NixPath;
use nix::dir::Dir;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{FileStat, Mode};

use super::Errno;
use super::caps::{Half, Header};

/// What is asked of every descriptor opened here: closed on exec, no terminal
/// taken, no wait for the other end of a FIFO.
const SAFE: OFlag = OFlag::O_CLOEXEC.union(OFlag::O_NOCTTY).union(OFlag::O_NONBLOCK);

/// Opens a directory by its path, only as a place to start from (`O_PATH`).
pub fn open_dir<P: ?Sized + NixPath>(path: &P) -> Result<OwnedFd, Errno> {
    Ok(nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Opens a directory below another, only as a place to start from (`O_PATH`).
pub fn open_dir_at<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    Ok(nix::fcntl::openat(dir, path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Opens a file below a directory for reading, openat(2).
pub fn open_at<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    Ok(nix::fcntl::openat(dir, path, OFlag::O_RDONLY | SAFE, Mode::empty())?)
}

/// Opens a file for reading as if `root` were the root directory, whatever links
/// are in the way, openat2(2) with `RESOLVE_IN_ROOT`. For files of a root
/// directory that somebody else may have filled.
pub fn open_in_root<P: ?Sized + NixPath>(root: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | SAFE)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    Ok(nix::fcntl::openat2(root, path, how)?)
}

/// Opens whatever is there only as a place to look at (`O_PATH`), as if `root` were
/// the root directory; a link at the end is not followed.
pub fn open_place<P: ?Sized + NixPath>(root: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    Ok(nix::fcntl::openat2(root, path, how)?)
}

/// Opens whatever is at a path below a directory, only as a place to look at (`O_PATH`):
/// no link is followed on the way (ELOOP), nor left the directory (EXDEV), openat2(2). A
/// link at the end is opened itself. For files that anybody may have put there.
pub fn open_untrusted<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, path: &P) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(nix::fcntl::openat2(dir, path, how)?)
}

/// Opens for reading what a place to look at (`O_PATH`) stands for: of a regular file or
/// a directory, which the caller must have found it to be. Needs /proc.
pub fn open_found(place: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    Ok(nix::fcntl::open(path.as_str(), OFlag::O_RDONLY | SAFE, Mode::empty())?)
}

/// Replaces what `buffer` holds by the file's bytes, at most `limit` of them, in
/// as few calls as its capacity allows. Gives whether the file went on.
pub fn read_all(file: BorrowedFd<'_>, buffer: &mut Vec<u8>, limit: usize) -> Result<bool, Errno> {
    buffer.clear();
    loop {
        if buffer.len() > limit {
            buffer.truncate(limit);
            return Ok(true);
        }
        if read_more(file, buffer, limit + 1)? == 0 {
            return Ok(false);
        }
    }
}

/// As [`read_all`], for a /proc file that is made in one piece: a read that leaves
/// room in the buffer was the whole of it.
pub fn read_piece(file: BorrowedFd<'_>, buffer: &mut Vec<u8>, limit: usize) -> Result<bool, Errno> {
    buffer.clear();
    loop {
        let got = read_more(file, buffer, limit + 1)?;
        if buffer.len() > limit {
            buffer.truncate(limit);
            return Ok(true);
        }
        if got == 0 || buffer.len() < buffer.capacity().min(limit + 1) {
            return Ok(false);
        }
    }
}

/// A file of /proc that is made in one piece, at most `limit` bytes of it: opened, read
/// and closed, and no more calls.
pub fn piece<P: ?Sized + NixPath>(path: &P, limit: usize) -> Result<Vec<u8>, Errno> {
    let file = nix::fcntl::open(path, OFlag::O_RDONLY | SAFE, Mode::empty())?;
    let mut buffer = Vec::new();
    read_piece(file.as_fd(), &mut buffer, limit)?;
    Ok(buffer)
}

/// One read(2) behind what `buffer` holds, up to `most` bytes in all.
fn read_more(file: BorrowedFd<'_>, buffer: &mut Vec<u8>, most: usize) -> Result<usize, Errno> {
    const FIRST: usize = 16 * 1024;
    let held = buffer.len();
    if buffer.capacity() < most && (held == buffer.capacity() || buffer.capacity() < FIRST.min(most)) {
        buffer.reserve(held.max(FIRST.min(most - held)));
    }
    let room = buffer.capacity().min(most) - held;
    loop {
        #[expect(unsafe_code, reason = "read(2) into the vector's spare room, which nix's slices would need zeroed")]
        // SAFETY: `room` bytes behind `held` are within the capacity; the length is
        // only moved over the bytes that the kernel says it wrote.
        let got = unsafe {
            let got = libc::read(file.as_raw_fd(), buffer.as_mut_ptr().add(held).cast(), room);
            if got >= 0 {
                buffer.set_len(held + got as usize);
            }
            got
        };
        match nix::errno::Errno::result(got) {
            Ok(got) => return Ok(got as usize),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The target of a symbolic link below a directory, readlinkat(2): for links of
/// /proc, whose targets are short; a longer one is cut at `into.len()`.
pub fn read_link<'a, P: ?Sized + NixPath>(
    dir: BorrowedFd<'_>,
    path: &P,
    into: &'a mut [u8],
) -> Result<&'a [u8], Errno> {
    let (start, room) = (into.as_mut_ptr(), into.len());
    let got = path.with_nix_path(|path| {
        #[expect(unsafe_code, reason = "readlinkat(2) into a given buffer; nix's allocates")]
        // SAFETY: `path` is a C string and `start` has `room` bytes.
        let got = unsafe { libc::readlinkat(dir.as_raw_fd(), path.as_ptr(), start.cast(), room) };
        nix::errno::Errno::result(got)
    })??;
    Ok(into.get(..got as usize).unwrap_or_default())
}

/// fstat(2).
pub fn stat(file: BorrowedFd<'_>) -> Result<FileStat, Errno> {
    Ok(nix::sys::stat::fstat(file)?)
}

/// stat(2) of a path, links followed.
pub fn stat_path<P: ?Sized + NixPath>(path: &P) -> Result<FileStat, Errno> {
    Ok(nix::sys::stat::stat(path)?)
}

/// The id of the mount that a descriptor is on, statx(2) with `STATX_MNT_ID`
/// (Linux 5.8); nothing on an older kernel.
pub fn mount_id(file: BorrowedFd<'_>) -> Option<u64> {
    #[expect(unsafe_code, reason = "statx(2) is not in nix")]
    // SAFETY: statx is plain data, valid when zeroed; the path is a C string.
    let (done, seen) = unsafe {
        let mut seen: libc::statx = std::mem::zeroed();
        let done = libc::statx(file.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_MNT_ID, &raw mut seen);
        (done, seen)
    };
    (done == 0 && seen.stx_mask & libc::STATX_MNT_ID != 0).then_some(seen.stx_mnt_id)
}

/// Whether a directory is in a procfs, fstatfs(2): a directory full of files that
/// only look like one is not believed.
pub fn is_procfs(dir: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(nix::sys::statfs::fstatfs(dir)?.filesystem_type() == nix::sys::statfs::PROC_SUPER_MAGIC)
}

/// Calls `each` with every name in a directory that is a number, see [`numbered`].
pub fn numbers(dir: BorrowedFd<'_>, mut each: impl FnMut(u32, &CStr)) -> Result<(), Errno> {
    numbered(dir, |number, _, name| each(number, name))
}

/// Calls `each` with every name in a directory that is a number, its inode and the
/// name, in the order of the directory (for /proc: ascending).
pub fn numbered(dir: BorrowedFd<'_>, mut each: impl FnMut(u32, u64, &CStr)) -> Result<(), Errno> {
    let opened = nix::fcntl::openat(dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | SAFE, Mode::empty())?;
    let mut opened = Dir::from_fd(opened)?;
    for entry in opened.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(number) = name.to_str().ok().and_then(|name| name.parse().ok()) {
            each(number, entry.ino(), name);
        }
    }
    Ok(())
}

/// The names in a directory, but for `.` and `..`, in its own order; at most `most`.
pub fn names(dir: BorrowedFd<'_>, most: usize) -> Result<Vec<CString>, Errno> {
    let opened = nix::fcntl::openat(dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | SAFE, Mode::empty())?;
    let mut opened = Dir::from_fd(opened)?;
    let mut names = Vec::new();
    for entry in opened.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
        if names.len() == most {
            break;
        }
    }
    Ok(names)
}

/// fstatat(2) of a name in a directory; a symbolic link is not followed.
pub fn stat_at<P: ?Sized + NixPath>(dir: BorrowedFd<'_>, name: &P) -> Result<FileStat, Errno> {
    Ok(nix::sys::stat::fstatat(dir, name, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

const NS_GET_USERNS: u64 = 0xb701;
const NS_GET_PARENT: u64 = 0xb702;
const NS_GET_OWNER_UID: u64 = 0xb704;

/// The user namespace that owns a namespace, ioctl_ns(2): EPERM where it is
/// outside the caller's own.
pub fn owner(namespace: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    ns_ioctl(namespace, NS_GET_USERNS)
}

/// The parent of a user or PID namespace, ioctl_ns(2): EPERM where it is outside
/// the caller's own, or there is none.
pub fn parent(namespace: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    ns_ioctl(namespace, NS_GET_PARENT)
}

/// Who made a user namespace, ioctl_ns(2), in the caller's ids.
pub fn owner_uid(namespace: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut uid: libc::uid_t = 0;
    #[expect(unsafe_code, reason = "ioctl_ns(2) is not in nix")]
    // SAFETY: this request writes one uid_t, which is live.
    let done = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_OWNER_UID as libc::Ioctl, &raw mut uid) };
    nix::errno::Errno::result(done)?;
    Ok(uid)
}

fn ns_ioctl(namespace: BorrowedFd<'_>, request: u64) -> Result<OwnedFd, Errno> {
    #[expect(unsafe_code, reason = "ioctl_ns(2) is not in nix")]
    // SAFETY: these requests take no argument and give a new descriptor, which
    // nobody else owns.
    unsafe {
        let got = nix::errno::Errno::result(libc::ioctl(namespace.as_raw_fd(), request as libc::Ioctl))?;
        Ok(OwnedFd::from_raw_fd(got))
    }
}

/// The inode of a namespace's file, which is its name.
pub fn inode(file: &impl AsFd) -> Result<u64, Errno> {
    Ok(stat(file.as_fd())?.st_ino)
}

/// getpid(2) and getppid(2): the caller's and its parent's PID in the caller's
/// PID namespace; 0 for a parent outside.
pub fn pids() -> (u32, u32) {
    (nix::unistd::getpid().as_raw() as u32, nix::unistd::getppid().as_raw() as u32)
}

/// geteuid(2) and getegid(2), in the caller's user namespace.
pub fn ids() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// uname(2).
pub fn uname() -> Result<nix::sys::utsname::UtsName, Errno> {
    Ok(nix::sys::utsname::uname()?)
}

/// CLOCK_MONOTONIC, in microseconds; 0 should the clock not be readable.
pub fn monotonic() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |now| now.tv_sec() as u64 * 1_000_000 + now.tv_nsec() as u64 / 1_000)
}

/// CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME as the caller's time namespace
/// has them, clock_gettime(2): microseconds.
pub fn clocks() -> Result<[i64; 3], Errno> {
    use nix::time::{ClockId, clock_gettime};
    let read = |clock| clock_gettime(clock).map(|now| now.tv_sec() * 1_000_000 + now.tv_nsec() / 1_000);
    Ok([read(ClockId::CLOCK_REALTIME)?, read(ClockId::CLOCK_MONOTONIC)?, read(ClockId::CLOCK_BOOTTIME)?])
}

/// The effective, permitted and inheritable sets of the calling thread, capget(2).
pub fn capabilities() -> Result<[u64; 3], Errno> {
    let mut header = Header::OWN;
    let mut data = [Half::default(); 2];
    #[expect(unsafe_code, reason = "capget(2) is in neither nix nor libc")]
    // SAFETY: version 3 takes this header and two of these structures.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) };
    nix::errno::Errno::result(done)?;
    let [low, high] = data;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok([
        join(low.effective, high.effective),
        join(low.permitted, high.permitted),
        join(low.inheritable, high.inheritable),
    ])
}

/// The bounding and ambient sets of the calling thread, prctl(2).
pub fn bounding_and_ambient() -> Result<[u64; 2], Errno> {
    let (mut bounding, mut ambient) = (0, 0);
    for capability in 0..u64::from(u64::BITS) {
        match prctl(libc::PR_CAPBSET_READ, capability, 0) {
            Ok(held) => bounding |= u64::from(held == 1) << capability,
            // The kernel knows no capability of this number, and none above.
            Err(Errno(libc::EINVAL)) if capability > 0 => break,
            Err(errno) => return Err(errno),
        }
        match prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_IS_SET as u64, capability) {
            Ok(held) => ambient |= u64::from(held == 1) << capability,
            // Before Linux 4.3: no ambient set.
            Err(Errno(libc::EINVAL)) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok([bounding, ambient])
}

/// The calling thread's seccomp mode: 0 none, 2 filter (in mode 1 the question
/// itself is fatal, prctl(2)).
pub fn seccomp_mode() -> Result<u32, Errno> {
    Ok(prctl(libc::PR_GET_SECCOMP, 0, 0)? as u32)
}

/// The calling thread's securebits, PR_GET_SECUREBITS(2const).
pub fn securebits() -> Result<u32, Errno> {
    Ok(prctl(libc::PR_GET_SECUREBITS, 0, 0)? as u32)
}

/// The calling thread's no_new_privs bit, prctl(2).
pub fn no_new_privs() -> Result<bool, Errno> {
    Ok(prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0)? == 1)
}

fn prctl(option: i32, second: u64, third: u64) -> Result<i32, Errno> {
    #[expect(unsafe_code, reason = "most of these prctl(2) options are not in nix")]
    // SAFETY: the options used here take numbers only and change nothing.
    let got = unsafe {
        libc::prctl(option, second as libc::c_ulong, third as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong)
    };
    Ok(nix::errno::Errno::result(got)?)
}
