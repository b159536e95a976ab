//! Overlay mounts, from the options that mountinfo shows. Two kinds of escapes lie
//! over each other there: mountinfo's octal ones, and overlayfs's own backslashes
//! before `:`, `,` and `\` (kernel documentation, filesystems/overlayfs).

use std::ffi::CString;
use std::os::fd::OwnedFd;

use super::{Layer, Overlay, walk};
use crate::kernel::{Errno, read::tree};
use crate::observe::model::{Reading, Unread};
use crate::observe::parse::{lines, mount, super_options, text, unescape_octal};
use crate::observe::proc::ProcDir;
use crate::observe::view::MOUNTINFO;

/// The most layers of one that are looked at: each file is asked for in all.
const LAYERS: usize = 32;

/// An overlay with the bytes of its paths.
struct Raw {
    overlay: Overlay,
    target: Vec<u8>,
    layers: Vec<Vec<u8>>,
}

/// The overlay mounts of a mountinfo, without their files.
pub fn overlays(mountinfo: &[u8]) -> Vec<Overlay> {
    raw(mountinfo).map(|raw| raw.overlay).collect()
}

/// Looks at the files of these overlays of the calling process. Its mountinfo is
/// read again for the bytes of the paths, where there is any to look at.
pub(super) fn look(mut wanted: Vec<&mut Overlay>, proc: &ProcDir, buffer: &mut Vec<u8>) {
    if wanted.is_empty() {
        return;
    }
    let read = proc.own().map_err(|unread| unread.errno).and_then(|dir| dir.read("mountinfo", buffer, MOUNTINFO));
    if read.is_err() {
        // It was readable a moment ago: the next look will tell.
        return;
    }
    for raw in raw(buffer) {
        if let Some(one) = wanted.iter_mut().find(|one| one.mount == raw.overlay.mount) {
            **one = with_files(raw);
        }
    }
}

fn raw(mountinfo: &[u8]) -> impl Iterator<Item = Raw> {
    const TYPE: &[u8] = b" - overlay ";
    let overlay = |line: &&[u8]| line.windows(TYPE.len()).any(|window| window == TYPE);
    lines(mountinfo).filter(overlay).filter_map(one)
}

fn one(line: &[u8]) -> Option<Raw> {
    let mount = mount(line).filter(|mount| mount.fstype == "overlay")?;
    let target = unescape_octal(line.split(|byte| *byte == b' ').nth(4)?);
    let (mut upper, mut lower, mut work) = (None, Vec::new(), None);
    for option in super_options(line)?.split(|byte| *byte == b',') {
        let Some(equals) = option.iter().position(|byte| *byte == b'=') else { continue };
        let value = unescape_octal(option.get(equals + 1..).unwrap_or_default());
        match option.get(..equals).unwrap_or_default() {
            b"lowerdir" => lower.extend(split(&value)),
            // Linux 6.8: one option for each layer, `datadir+` for those that hold data alone.
            b"lowerdir+" | b"datadir+" => lower.push(unescape(&value)),
            b"upperdir" => upper = Some(unescape(&value)),
            b"workdir" => work = Some(unescape(&value)),
            _ => {}
        }
    }
    let writable = upper.is_some();
    let layers: Vec<Vec<u8>> = upper.into_iter().chain(lower).collect();
    let named = |(at, path): (usize, &Vec<u8>)| Layer { path: text(path), writable: writable && at == 0 };
    let overlay = Overlay {
        mount: mount.id,
        device: mount.device,
        target: mount.target,
        layers: layers.iter().enumerate().map(named).collect(),
        work: work.map(|work| text(&work)),
        files: None,
        more: false,
    };
    Some(Raw { overlay, target, layers })
}

/// The directories of `lowerdir`: between colons that no backslash stands before;
/// two colons come before those that hold data alone.
fn split(value: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let part = match byte {
            b':' => {
                parts.push(Vec::new());
                continue;
            }
            b'\\' => bytes.next().unwrap_or(b'\\'),
            byte => byte,
        };
        if let Some(last) = parts.last_mut() {
            last.push(part);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// One path, a backslash before any of its characters taken away.
fn unescape(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'\\' { bytes.next().unwrap_or(b'\\') } else { byte });
    }
    plain
}

fn with_files(raw: Raw) -> Overlay {
    let Raw { mut overlay, target, mut layers } = raw;
    let cut = layers.len() > LAYERS;
    layers.truncate(LAYERS);
    let open = |path: &Vec<u8>| {
        let unread = |errno| Unread { path: text(path), errno };
        let path = CString::new(path.as_slice()).map_err(|_| unread(Errno(libc::EINVAL)))?;
        tree::open_top(path.as_c_str(), true).map_err(unread)
    };
    let opened = layers.iter().map(open).collect::<Result<Vec<OwnedFd>, Unread>>();
    overlay.files = Some(match opened.and_then(|tops| Ok((open(&target)?, tops))) {
        Ok((merged, tops)) => {
            let (files, more) = walk::layered(&merged, &overlay.layers, &tops);
            overlay.more = more || cut;
            Reading::Read(files)
        }
        Err(unread) => Reading::Unread(unread),
    });
    overlay
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br"68 63 0:40 / /mnt/a\040b rw,relatime shared:3 - overlay overlay rw,lowerdir=/lo\134\054w\134:er:/l\0402::/x\012y,upperdir=/up\134\134p\134\054e:r,workdir=/wo,userxattr
70 63 0:41 / /home rw - tmpfs overlay rw
71 63 0:42 / /ro rw - overlay overlay ro,lowerdir+=/a:b,lowerdir+=/c
";

    #[test]
    fn hostile_paths_of_layers_come_out_as_they_are() {
        let found = overlays(LINE);
        let paths = |at: usize| found[at].layers.iter().map(|layer| layer.path.as_str()).collect::<Vec<_>>();
        assert_eq!(found.len(), 2, "a tmpfs whose source is called overlay is none");
        assert_eq!(paths(0), ["/up\\p,e:r", "/lo,w:er", "/l 2", "/x\ny"]);
        assert_eq!((found[0].target.as_str(), found[0].work.as_deref()), ("/mnt/a b", Some("/wo")));
        assert_eq!(found[0].layers.iter().filter(|layer| layer.writable).count(), 1);
        assert_eq!(paths(1), ["/a:b", "/c"]);
        assert!(found[1].layers.iter().all(|layer| !layer.writable), "no upper directory: nothing is writable");
    }

    #[test]
    fn options_cut_short_or_senseless_are_no_reason_to_panic() {
        for end in 0..LINE.len() {
            let _ = overlays(&LINE[..end]);
        }
        for options in ["lowerdir=\\", "lowerdir=", "lowerdir=:::", "upperdir=\\", "="] {
            let line = format!("1 2 0:3 / /m rw - overlay overlay {options}\n");
            assert!(overlays(line.as_bytes())[0].layers.len() <= 1, "{options}");
        }
    }
}
