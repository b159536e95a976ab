//! Walking through trees of files within limits: the layers of an overlay side by
//! side with what it shows, or one directory.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::stat::FileStat;

use super::{Face, FileState, Kind, Layer, LayeredFile, VolumeFile};
use crate::kernel::read::tree;
use crate::observe::parse;

/// The most files of one overlay or volume.
pub(super) const FILES: usize = 200;
/// The most directories that are opened in each layer.
const DIRECTORIES: usize = 96;
/// The most names that are read of one directory.
const NAMES: usize = 512;
/// How deep below the mount point.
const DEPTH: usize = 8;

/// The marks of overlayfs: with `userxattr`, and without.
const OPAQUE: [&CStr; 2] = [c"user.overlay.opaque", c"trusted.overlay.opaque"];
const WHITEOUT: [&CStr; 2] = [c"user.overlay.whiteout", c"trusted.overlay.whiteout"];

/// The files of an overlay, those of the writable layer first where not all have
/// room; and whether there are more. `tops` are the layers' directories.
pub(super) fn layered(merged: &OwnedFd, layers: &[Layer], tops: &[OwnedFd]) -> (Vec<LayeredFile>, bool) {
    let writable = layers.first().is_some_and(|layer| layer.writable);
    let mut walk = Walk::from_top(writable);
    while let Some((path, depth, changed)) = walk.next() {
        let open = |top: BorrowedFd<'_>| tree::open_below(top, place(&path).as_c_str()).ok();
        let seen_in = open(merged.as_fd());
        let dirs: Vec<Option<Dir>> = tops.iter().map(|top| open(top.as_fd()).map(Dir::new)).collect();
        // What the writable layer has comes first, all of it, then the rest.
        let mut names = BTreeSet::new();
        for dir in dirs.iter().take(if changed { 1 } else { dirs.len() }).flatten() {
            let (found, more) = tree::names(dir.fd.as_fd(), NAMES).unwrap_or_default();
            walk.more |= more;
            names.extend(found);
        }
        for name in names {
            let faces: Vec<Option<Face>> = dirs.iter().map(|dir| dir.as_ref()?.face(&name)).collect();
            let in_upper = writable && faces.first().is_some_and(Option::is_some);
            if in_upper != changed {
                continue;
            }
            if !walk.has_room() {
                break;
            }
            let seen = seen_in.as_ref().and_then(|dir| Some(face(&tree::stat_at(dir.as_fd(), &*name).ok()?)));
            let path = join(&path, &name);
            if seen.as_ref().is_some_and(|face| face.kind == Kind::Dir) {
                walk.add(path.clone(), depth + 1, changed);
            }
            walk.files.push((path.clone(), layered_file(&path, writable, seen, faces, layers)));
        }
        if changed {
            walk.rest.push_back((path, depth));
        }
    }
    let more = walk.more;
    (walk.sorted(), more)
}

fn layered_file(
    path: &[u8],
    writable: bool,
    seen: Option<Face>,
    faces: Vec<Option<Face>>,
    layers: &[Layer],
) -> LayeredFile {
    let there = |face: &Option<Face>| face.as_ref().is_some_and(|face| face.kind != Kind::Whiteout);
    let (upper, lower) = faces.split_at(usize::from(writable).min(faces.len()));
    let state = match (seen.is_some(), upper.iter().any(there), lower.iter().any(there)) {
        (false, _, _) => FileState::Deleted,
        (true, true, true) => FileState::Copied,
        (true, true, false) => FileState::Added,
        (true, false, _) => FileState::Image,
    };
    let from = faces.iter().position(there).filter(|_| seen.is_some());
    let from = from.and_then(|at| layers.get(at)).map(|layer| layer.path.clone());
    LayeredFile { path: parse::text(path), state, from, seen, layers: faces }
}

/// The files of one directory; and whether there are more.
pub(super) fn plain(top: &OwnedFd) -> (Vec<VolumeFile>, bool) {
    let mut walk = Walk::from_top(false);
    while let Some((path, depth, _)) = walk.next() {
        let Ok(dir) = tree::open_below(top.as_fd(), place(&path).as_c_str()) else { continue };
        let (mut names, more) = tree::names(dir.as_fd(), NAMES).unwrap_or_default();
        walk.more |= more;
        names.sort();
        for name in names {
            // It may have gone meanwhile.
            let Ok(stat) = tree::stat_at(dir.as_fd(), &*name) else { continue };
            let path = join(&path, &name);
            let kind = kind(&stat);
            if !walk.has_room() {
                break;
            }
            if kind == Kind::Dir {
                walk.add(path.clone(), depth + 1, false);
            }
            let file = VolumeFile {
                path: parse::text(&path),
                kind,
                uid: stat.st_uid,
                gid: stat.st_gid,
                mode: format!("{:04o}", stat.st_mode & 0o7777),
                size: stat.st_size.unsigned_abs(),
                inode: stat.st_ino,
            };
            walk.files.push((path, file));
        }
    }
    let more = walk.more;
    (walk.sorted(), more)
}

/// A walk under way.
struct Walk<T> {
    /// Directories of the writable layer, with their depth, to look into for what
    /// that layer has.
    changed: VecDeque<(Vec<u8>, usize)>,
    /// Directories to look into for everything else.
    rest: VecDeque<(Vec<u8>, usize)>,
    opened: usize,
    files: Vec<(Vec<u8>, T)>,
    more: bool,
}

impl<T> Walk<T> {
    fn from_top(changed: bool) -> Self {
        let top = VecDeque::from([(Vec::new(), 0)]);
        let (changed, rest) = if changed { (top, VecDeque::new()) } else { (VecDeque::new(), top) };
        Self { changed, rest, opened: 0, files: Vec::new(), more: false }
    }

    /// The next directory, its depth, and whether it is looked into for what the
    /// writable layer has.
    fn next(&mut self) -> Option<(Vec<u8>, usize, bool)> {
        let changed = self.changed.pop_front().map(|(path, depth)| (path, depth, true));
        let next = changed.or_else(|| self.rest.pop_front().map(|(path, depth)| (path, depth, false)))?;
        if self.opened == DIRECTORIES {
            self.more = true;
            return None;
        }
        self.opened += 1;
        Some(next)
    }

    fn add(&mut self, path: Vec<u8>, depth: usize, changed: bool) {
        if depth == DEPTH {
            self.more = true;
        } else if changed {
            self.changed.push_back((path, depth));
        } else {
            self.rest.push_back((path, depth));
        }
    }

    /// Whether one more file may be listed; where not, that there are more is noted.
    fn has_room(&mut self) -> bool {
        let room = self.files.len() < FILES;
        self.more |= !room;
        room
    }

    /// The files, each directory before what is in it.
    fn sorted(mut self) -> Vec<T> {
        self.files.sort_by(|(one, _), (other, _)| by_parts(one, other));
        self.files.into_iter().map(|(_, file)| file).collect()
    }
}

fn by_parts(one: &[u8], other: &[u8]) -> Ordering {
    let parts = |path| <[u8]>::split(path, |byte| *byte == b'/');
    parts(one).cmp(parts(other))
}

/// A directory of a layer, and how it is marked.
struct Dir {
    fd: OwnedFd,
    /// Its files may be whiteouts by attribute.
    marked: bool,
}

impl Dir {
    fn new(fd: OwnedFd) -> Self {
        let marked = OPAQUE.iter().any(|name| tree::attribute(fd.as_fd(), name) == Some(b'x'));
        Self { fd, marked }
    }

    fn face(&self, name: &CStr) -> Option<Face> {
        let mut face = face(&tree::stat_at(self.fd.as_fd(), name).ok()?);
        match face.kind {
            Kind::Dir => {
                let opaque = |dir: OwnedFd| OPAQUE.iter().any(|name| tree::attribute(dir.as_fd(), name) == Some(b'y'));
                face.opaque = tree::open_below(self.fd.as_fd(), name).is_ok_and(opaque);
            }
            Kind::File if self.marked && face.size == 0 && self.has(name, WHITEOUT) => face.kind = Kind::Whiteout,
            _ => {}
        }
        Some(face)
    }

    /// Whether a regular file has one of these attributes.
    fn has(&self, name: &CStr, attributes: [&CStr; 2]) -> bool {
        let has = |file: OwnedFd| attributes.iter().any(|name| tree::attribute(file.as_fd(), name).is_some());
        tree::open_file_at(self.fd.as_fd(), name).is_ok_and(has)
    }
}

fn face(stat: &FileStat) -> Face {
    Face { kind: kind(stat), opaque: false, size: stat.st_size.unsigned_abs(), inode: stat.st_ino }
}

fn kind(stat: &FileStat) -> Kind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => Kind::File,
        libc::S_IFDIR => Kind::Dir,
        libc::S_IFLNK => Kind::Link,
        libc::S_IFCHR if stat.st_rdev == 0 => Kind::Whiteout,
        _ => Kind::Other,
    }
}

/// The path as it is looked up: `.` for the top itself.
fn place(path: &[u8]) -> CString {
    let path = if path.is_empty() { b"." } else { path };
    // Paths are made of names of directories, which have no zero byte.
    CString::new(path).unwrap_or_default()
}

fn join(path: &[u8], name: &CStr) -> Vec<u8> {
    let mut joined = path.to_vec();
    if !joined.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(name.to_bytes());
    joined
}
