//! Volumes: which mounts are some, and what is in them, on both sides.

use std::os::fd::AsFd;

use super::{Volume, walk};
use crate::kernel::read::{self, tree};
use crate::observe::model::{ActorView, Mount, Reading, Unread, View};

/// The most volumes of one viewer.
const VOLUMES: usize = 8;

/// The volumes among the mounts, their files not looked at.
pub fn volumes(mounts: &[Mount]) -> Vec<Volume> {
    mounts.iter().filter_map(volume).take(VOLUMES).collect()
}

fn volume(mount: &Mount) -> Option<Volume> {
    let mut parts = mount.root.rsplit('/');
    let last = parts.next()?;
    let name = if last == "_data" { parts.next()? } else { last };
    if parts.next() != Some("volumes") || name.is_empty() {
        return None;
    }
    let not_looked_at = Unread { path: mount.target.clone(), errno: crate::kernel::Errno(libc::EOPNOTSUPP) };
    Some(Volume {
        name: name.to_owned(),
        target: mount.target.clone(),
        device: mount.device.clone(),
        root: mount.root.clone(),
        read_only: mount.options.split(',').any(|option| option == "ro"),
        inode: None,
        files: Reading::Unread(not_looked_at),
        more: false,
    })
}

/// The volumes of the calling process, with their files.
pub(super) fn read(mounts: &[Mount]) -> Vec<Volume> {
    let mut found = volumes(mounts);
    found.iter_mut().for_each(look);
    found
}

fn look(volume: &mut Volume) {
    match tree::open_top(volume.target.as_str(), false) {
        Ok(top) => {
            let (files, more) = walk::plain(&top);
            volume.inode = read::inode(&top.as_fd()).ok();
            (volume.files, volume.more) = (Reading::Read(files), more);
        }
        Err(errno) => volume.files = Reading::Unread(Unread { path: volume.target.clone(), errno }),
    }
}

/// The same volumes, each once, where the host itself has them: the host's mount of
/// the same file system, and the rest of the way. The inode says whether the
/// directory found is the one; where it is another, it is left out.
pub fn on_the_host<'a>(host: &View, actors: impl Iterator<Item = &'a ActorView>) -> Vec<Volume> {
    let mounts: &[Mount] = host.mounts.read().map_or(&[], |mounts| mounts.as_slice());
    let mut found: Vec<Volume> = Vec::new();
    for volume in actors.filter_map(|actor| actor.seen.read()).flat_map(|seen| &seen.volumes) {
        let known = found.iter().any(|other| other.device == volume.device && other.root == volume.root);
        if known || found.len() == VOLUMES {
            continue;
        }
        let above = |mount: &&Mount| mount.device == volume.device && below(&volume.root, &mount.root).is_some();
        let Some(mount) = mounts.iter().filter(above).max_by_key(|mount| mount.root.len()) else { continue };
        let rest = below(&volume.root, &mount.root).unwrap_or_default();
        let target = format!("{}{rest}", mount.target.trim_end_matches('/'));
        let mut here = Volume {
            target,
            read_only: mount.options.split(',').any(|option| option == "ro"),
            inode: None,
            more: false,
            ..volume.clone()
        };
        look(&mut here);
        if volume.inode.is_none() || here.inode.is_none() || here.inode == volume.inode {
            found.push(here);
        }
    }
    found
}

/// The rest of a path (with its slash) below another; nothing where it is not.
fn below<'a>(path: &'a str, above: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(above.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(root: &str, options: &str) -> Mount {
        Mount {
            id: 1,
            parent: 0,
            device: "0:25".into(),
            root: root.into(),
            target: "/data".into(),
            options: options.into(),
            propagation: Vec::new(),
            fstype: "tmpfs".into(),
            source: "tmpfs".into(),
        }
    }

    #[test]
    fn a_volume_is_known_by_the_directory_that_is_mounted() {
        let name = |root: &str| volumes(&[mount(root, "rw")]).first().map(|volume| volume.name.clone());
        assert_eq!(name("/cloison/lab-7/volumes/notes").as_deref(), Some("notes"));
        assert_eq!(name("/var/lib/docker/volumes/db/_data").as_deref(), Some("db"));
        assert_eq!(name("/volumes"), None);
        assert_eq!(name("/volumes/"), None);
        assert_eq!(name("/srv/notes"), None);
        assert_eq!(name("/"), None);
        assert!(volumes(&[mount("/volumes/a", "ro,nosuid")])[0].read_only);
        assert!(!volumes(&[mount("/volumes/a", "rw,nosuid")])[0].read_only);
    }

    #[test]
    fn the_way_below_a_mount_keeps_whole_names() {
        assert_eq!(below("/a/volumes/x", "/"), Some("/a/volumes/x"));
        assert_eq!(below("/a/volumes/x", "/a"), Some("/volumes/x"));
        assert_eq!(below("/ab/volumes/x", "/a"), None);
    }
}
