//! What was handed in: the entries of a directory, and their files. Both come from
//! anybody: no link is followed, nothing is opened that is no regular file, and names are
//! untrusted text.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::stat::SFlag;

use super::hash;
use crate::kernel::{Errno, read};
use crate::lesson::diagnostic::{Both, acts_on_terminal, both};
use crate::lesson::source::MAX_BYTES;

/// The longest name, in bytes, that a result's folder gets; a longer one is cut.
const LONGEST: usize = 200;
/// What a cut name keeps of itself, in bytes.
const KEPT: usize = 150;

/// One submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its name, safe to print and to name a folder by: what could act on a terminal or
    /// is not UTF-8 is written `%1b`. Names differ from one another.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    entry: OsString,
}

/// What a submission is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// NAME.toml: answers to one lesson.
    File,
    /// A student's repository.
    Folder,
    /// Neither: what it is, and why it is not opened.
    Neither(Both),
}

/// The submissions of a directory, sorted by the bytes of their names.
#[derive(Debug)]
pub struct Submissions {
    root: OwnedFd,
    /// All of them.
    pub list: Vec<Submission>,
    /// How many files are no submissions: they are called neither NAME.toml nor are they folders.
    pub others: usize,
}

impl Submissions {
    /// Lists a directory; `out`, where the results go, is none of them, and neither is what
    /// starts with a dot.
    pub fn open(directory: &Path, out: &Path) -> std::io::Result<Self> {
        let own = std::fs::metadata(out).map(|data| (data.dev(), data.ino())).ok();
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            // lstat(2): of a link itself.
            let data = entry.metadata()?;
            let is_out = own == Some((data.dev(), data.ino()));
            if !is_out && !entry.file_name().as_bytes().starts_with(b".") {
                entries.push((entry.file_name(), data.mode()));
            }
        }
        entries.sort();
        let all = entries.len();
        let is_submission = |(entry, mode): &(OsString, u32)| !is(*mode, SFlag::S_IFREG) || stem(entry).is_some();
        entries.retain(is_submission);
        let others = all - entries.len();
        let root = read::open_dir(directory).map_err(|errno| std::io::Error::from_raw_os_error(errno.0))?;
        Ok(Self { root, list: named(entries), others })
    }

    /// A file of a submission, by its path from there (the empty one for a submission that
    /// is a file); nothing where there is none. Why it is not read: it is no regular file,
    /// too large, or can't be.
    pub fn read(&self, submission: &Submission, path: &Path) -> Result<Option<Vec<u8>>, Both> {
        let entry = Path::new(&submission.entry);
        // A path that ends in `/` is a directory's.
        let path = if path.as_os_str().is_empty() { entry.to_owned() } else { entry.join(path) };
        let failed = |errno: Errno| match errno.0 {
            libc::ELOOP => link(),
            _ => both!("failed to read: {errno}", "lecture impossible : {errno}"),
        };
        let place = match read::open_untrusted(self.root.as_fd(), path.as_path()) {
            Ok(place) => place,
            Err(Errno(libc::ENOENT | libc::ENOTDIR)) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let data = read::stat(place.as_fd()).map_err(failed)?;
        if let Some(refusal) = refused(data.st_mode) {
            return Err(refusal);
        }
        if is(data.st_mode, SFlag::S_IFDIR) {
            return Err(both!("a directory, not a regular file", "un répertoire, et non un fichier ordinaire"));
        }
        if data.st_size as u64 > MAX_BYTES {
            return Err(too_large());
        }
        let file = File::from(read::open_found(place.as_fd()).map_err(failed)?);
        let mut bytes = Vec::new();
        // It may have grown meanwhile.
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(Errno::from(&error)))?;
        if bytes.len() as u64 > MAX_BYTES { Err(too_large()) } else { Ok(Some(bytes)) }
    }
}

fn is(mode: u32, kind: SFlag) -> bool {
    mode & SFlag::S_IFMT.bits() == kind.bits()
}

fn link() -> Both {
    both!("a symbolic link; links are not followed here", "c'est un lien symbolique ; ici, ils ne sont pas suivis")
}

fn too_large() -> Both {
    both!("larger than 1 MiB", "le fichier dépasse 1 Mio")
}

/// Why something of this mode is not opened: it is neither a regular file nor a directory.
fn refused(mode: u32) -> Option<Both> {
    if is(mode, SFlag::S_IFREG) || is(mode, SFlag::S_IFDIR) {
        return None;
    }
    Some(if is(mode, SFlag::S_IFLNK) {
        link()
    } else if is(mode, SFlag::S_IFIFO) {
        both!("a named pipe, not a regular file", "un tube nommé, et non un fichier ordinaire")
    } else if is(mode, SFlag::S_IFSOCK) {
        both!("a socket, not a regular file", "une prise (socket), et non un fichier ordinaire")
    } else {
        both!("a device, not a regular file", "un périphérique, et non un fichier ordinaire")
    })
}

/// NAME of NAME.toml.
fn stem(entry: &OsStr) -> Option<&OsStr> {
    let stem = entry.as_bytes().strip_suffix(b".toml").filter(|stem| !stem.is_empty())?;
    Some(OsStr::from_bytes(stem))
}

/// Gives each entry its name: a file's is that before `.toml`, unless a folder has it.
fn named(entries: Vec<(OsString, u32)>) -> Vec<Submission> {
    let whole: BTreeSet<String> = entries.iter().map(|(entry, _)| safe_name(entry)).collect();
    let mut taken = BTreeSet::new();
    let mut list = Vec::with_capacity(entries.len());
    for (entry, mode) in entries {
        let kind = match refused(mode) {
            Some(why) => Kind::Neither(why),
            None if is(mode, SFlag::S_IFDIR) => Kind::Folder,
            None => Kind::File,
        };
        let short = stem(&entry).filter(|_| kind != Kind::Folder).map(safe_name);
        let name = short.filter(|name| !whole.contains(name)).unwrap_or_else(|| safe_name(&entry));
        // Only names that were cut could come to the same.
        let name = if taken.contains(&name) { cut(&name, entry.as_bytes()) } else { name };
        taken.insert(name.clone());
        list.push(Submission { name, kind, entry });
    }
    list
}

/// Files beside the results' folders, of which no folder may have the name.
const RESERVED: [&str; 2] = ["summary.csv", "summary.json"];

/// The name as text, to print and to name a folder by. Two names never come to the same
/// text, but for those cut, which a hash tells apart.
fn safe_name(name: &OsStr) -> String {
    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| text.extend(bytes.iter().map(|byte| format!("%{byte:02x}")));
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '%' || acts_on_terminal(c) || c.is_control() || (text.is_empty() && matches!(c, '.' | '-')) {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(c);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    if RESERVED.contains(&text.as_str()) {
        text.replace_range(..1, "%73");
    }
    if text.len() > LONGEST { cut(&text, name.as_bytes()) } else { text }
}

fn cut(text: &str, of: &[u8]) -> String {
    let kept = (0..=KEPT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}%{}", &text[..kept], &hash(&[of])[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(entries: &[(&[u8], u32)]) -> Vec<String> {
        let mut entries: Vec<_> =
            entries.iter().map(|(name, mode)| (OsStr::from_bytes(name).to_owned(), *mode)).collect();
        entries.sort();
        named(entries).into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn names_are_safe_to_print_and_to_name_folders_by() {
        let (file, folder) = (SFlag::S_IFREG.bits(), SFlag::S_IFDIR.bits());
        assert_eq!(names(&[(b"ana.toml", file), (b"bob", folder)]), ["ana", "bob"]);
        assert_eq!(names(&[(b"ana.toml", file), (b"ana", folder)]), ["ana", "ana.toml"]);
        assert_eq!(names(&[(b"\x1b]0;x\x07.toml", file)]), ["%1b]0;x%07"]);
        assert_eq!(names(&[("a\u{202e}b".as_bytes(), folder)]), ["a%e2%80%aeb"]);
        assert_eq!(names(&[(b"\xff", folder), (b"%ff", folder)]), ["%25ff", "%ff"]);
        assert_eq!(names(&[(b"summary.csv", folder), (b"-rf", folder)]), ["%2drf", "%73ummary.csv"]);
        let (long, other) = ([b'a'; 255], [&[b'a'; 254], &b"b"[..]].concat());
        let cut = names(&[(&long, folder), (&other, folder)]);
        assert!(cut[0] != cut[1] && cut.iter().all(|name| name.len() <= LONGEST), "{cut:?}");
    }
}
