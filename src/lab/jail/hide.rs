//! Directories and files that are not to be seen in the jail: an empty file system,
//! read-only, is mounted over each directory, and /dev/null over each file, at every place
//! where it is mounted. Used by PID 1 of the jail.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;

use super::Step;
use crate::kernel::{Errno, Trace, mount};

/// Covers them, in a mount namespace of the caller's own.
pub(super) fn hide(directories: &[PathBuf]) -> Step {
    let mountinfo = std::fs::read("/proc/self/mountinfo")
        .map_err(|error| (Errno::from(&error), "/proc/self/mountinfo".to_owned()))?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    for place in places(directories, &mountinfo) {
        let target = place.to_string_lossy();
        let trace = &mut Trace::default();
        let covered = match std::fs::symlink_metadata(&place) {
            Ok(data) if !data.is_dir() => mount::mount(trace, "/dev/null", &target, "", MsFlags::MS_BIND, ""),
            _ => mount::mount(trace, "tmpfs", &target, "tmpfs", flags, "mode=755,size=4k,nr_inodes=2"),
        };
        match covered {
            // Covered with one above it; or nobody in the jail, who is nobody else, can get there.
            Ok(()) | Err(Errno(libc::ENOENT | libc::ENOTDIR | libc::EACCES)) => {}
            Err(errno) => return Err((errno, format!("mount {target}"))),
        }
    }
    Ok(())
}

/// A line of mountinfo, proc_pid_mountinfo(5).
struct Mount {
    device: Vec<u8>,
    root: PathBuf,
    point: PathBuf,
}

/// Where these directories, what is mounted in them, and parts of them can be seen.
fn places(directories: &[PathBuf], mountinfo: &[u8]) -> BTreeSet<PathBuf> {
    let mounts: Vec<Mount> = mountinfo.split(|byte| *byte == b'\n').filter_map(mount_of).collect();
    let mut places: BTreeSet<PathBuf> = directories.iter().cloned().collect();
    for directory in directories {
        // The last mount at a place covers those before it.
        let on = mounts.iter().rev().filter(|mount| directory.starts_with(&mount.point));
        let on = on.max_by_key(|mount| mount.point.components().count());
        let inside = on.and_then(|on| Some((&on.device, on.root.join(directory.strip_prefix(&on.point).ok()?))));
        let below = mounts.iter().filter(|mount| mount.point.starts_with(directory));
        for (device, path) in inside.into_iter().chain(below.map(|mount| (&mount.device, mount.root.clone()))) {
            places.extend(mounts.iter().filter(|mount| mount.device == *device).filter_map(|mount| seen(mount, &path)));
        }
    }
    places
}

/// Where a mount shows a directory of its file system, or a part of it.
fn seen(mount: &Mount, path: &Path) -> Option<PathBuf> {
    match path.strip_prefix(&mount.root) {
        Ok(rest) if rest.as_os_str().is_empty() => Some(mount.point.clone()),
        Ok(rest) => Some(mount.point.join(rest)),
        Err(_) => mount.root.starts_with(path).then(|| mount.point.clone()),
    }
}

fn mount_of(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let device = fields.next()?.to_vec();
    Some(Mount { device, root: unescaped(fields.next()?), point: unescaped(fields.next()?) })
}

/// Space, tab, line end and backslash are written in octal.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|three| std::str::from_utf8(three).ok());
        match octal.and_then(|three| u8::from_str_radix(three, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 / /home rw - ext4 /dev/sda2 rw
22 20 8:2 /ana/class /srv/the\\040class rw - ext4 /dev/sda2 rw
23 20 8:2 /ana/class/bob /mnt rw - ext4 /dev/sda2 rw
24 21 8:3 / /home/ana/class/disk rw - ext4 /dev/sdb rw
25 20 8:3 /part /media rw - ext4 /dev/sdb rw
26 20 8:2 /zoe /opt rw - ext4 /dev/sda2 rw
";

    #[test]
    fn a_directory_is_hidden_at_every_place_where_it_or_a_part_of_it_is_mounted() {
        let found = places(&["/home/ana/class".into()], MOUNTS);
        let wanted = ["/home/ana/class", "/home/ana/class/disk", "/media", "/mnt", "/srv/the class"];
        assert_eq!(found, wanted.map(PathBuf::from).into());
        let found = places(&["/srv/the class/bob".into()], MOUNTS);
        assert_eq!(found, ["/home/ana/class/bob", "/mnt", "/srv/the class/bob"].map(PathBuf::from).into());
        assert_eq!(places(&["/etc".into()], MOUNTS), ["/etc"].map(PathBuf::from).into());
    }
}
