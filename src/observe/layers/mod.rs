//! Files as a container has them: in the layers of an overlay, and in volumes.
//! The types, and which side can tell most; the readers are below. What is read is
//! metadata only, of a bounded number of files, and nothing that is not below the
//! directories in question.

mod overlay;
mod volume;
mod walk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{ActorView, Mount, Reading, Snapshot, View};
use super::proc::PidDir;
use super::twin::Key;
pub use overlay::overlays;
pub use volume::volumes;

/// The most overlays of one viewer whose files are looked at: those mounted last.
const LOOKED_AT: usize = 4;

/// An overlay mount that the viewer has, as its mountinfo says, and what is in it
/// (kernel documentation, filesystems/overlayfs).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// Mount id.
    pub mount: u32,
    /// `major:minor`: the same overlay wherever it is mounted.
    pub device: String,
    /// Where, relative to the viewer's root.
    pub target: String,
    /// The layers, the topmost first.
    pub layers: Vec<Layer>,
    /// The work directory of the writable layer.
    pub work: Option<String>,
    /// Which file is where; nothing where it was not looked at (the host's side,
    /// unless one of the lab's actors has the same overlay).
    pub files: Option<Reading<Vec<LayeredFile>>>,
    /// Whether there are more files than are listed.
    pub more: bool,
}

impl Overlay {
    /// Whether its files could be looked at.
    fn is_told(&self) -> bool {
        matches!(self.files, Some(Reading::Read(_)))
    }
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its directory, as given to mount(2).
    pub path: String,
    /// `upperdir`: writes go here. The others are never written to.
    pub writable: bool,
}

/// One path, in the overlay and in each of its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayeredFile {
    /// Relative to the mount point, without a slash before it.
    pub path: String,
    /// What became of it.
    pub state: FileState,
    /// The layer that the viewer gets it from (the uppermost part of a merged
    /// directory); nothing where the viewer does not see it.
    pub from: Option<String>,
    /// As the overlay itself shows it: read through the mount, not worked out.
    pub seen: Option<Face>,
    /// As it is in each layer, in the order of the layers.
    pub layers: Vec<Option<Face>>,
}

/// What became of a file of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Seen, and only in read-only layers.
    Image,
    /// Seen, and only in the writable layer.
    Added,
    /// Seen, in the writable layer and below as well: copied up.
    Copied,
    /// Not seen, though a layer has something of that name: whited out, or below a
    /// directory that is.
    Deleted,
}

/// A file in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// What it is.
    pub kind: Kind,
    /// An opaque directory: what lower layers have in it does not show.
    pub opaque: bool,
    /// Size in bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A whiteout: a character device 0:0, or an empty file marked
    /// `overlay.whiteout` in a directory marked `overlay.opaque=x`.
    Whiteout,
    /// A device, a FIFO or a socket.
    Other,
}

/// A directory that outlives boxes, mounted into one: a mount whose root is
/// `…/volumes/NAME` (or `…/volumes/NAME/_data`, as Docker and Podman have it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// NAME.
    pub name: String,
    /// Where the viewer has it.
    pub target: String,
    /// `major:minor` of the file system.
    pub device: String,
    /// The directory of that file system.
    pub root: String,
    /// Whether this mount of it refuses writes.
    pub read_only: bool,
    /// Inode number of the directory, where it could be opened: the same on both
    /// sides, since it is one directory.
    pub inode: Option<u64>,
    /// What is in it, by path.
    pub files: Reading<Vec<VolumeFile>>,
    /// Whether there are more files than are listed.
    pub more: bool,
}

/// A file of a volume, with the owner that the viewer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeFile {
    /// Relative to the volume, without a slash before it.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Owner, in the viewer's user namespace; the overflow uid where it has none.
    pub uid: u32,
    /// Group, likewise.
    pub gid: u32,
    /// Permission bits, in octal (`0644`).
    pub mode: String,
    /// Size in bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
}

/// Reads what the calling process can say of its overlays and volumes; `dir` is the
/// directory in /proc of the process whose view it is, which has the same mounts.
pub(super) fn look(view: &mut View, dir: &PidDir, buffer: &mut Vec<u8>) {
    let mounts: &[Mount] = view.mounts.read().map_or(&[], |mounts| mounts.as_slice());
    view.volumes = volume::read(mounts);
    let most = view.overlays.len().saturating_sub(LOOKED_AT);
    overlay::look(view.overlays.iter_mut().skip(most).collect(), dir, buffer);
}

/// Reads what the host can say of the overlays and volumes that actors have too:
/// nobody else's files are looked at.
pub(super) fn look_on_the_host(
    host: &mut View,
    actors: &BTreeMap<String, ActorView>,
    dir: &PidDir,
    buffer: &mut Vec<u8>,
) {
    host.volumes = volume::on_the_host(host, actors.values());
    let views = || actors.values().filter_map(|actor| actor.seen.read());
    // Where an actor could look into the layers itself the host need not.
    let untold = |own: &Overlay| {
        let theirs = || views().flat_map(|seen| &seen.overlays).filter(|other| other.device == own.device);
        theirs().next().is_some() && !theirs().any(Overlay::is_told)
    };
    overlay::look(host.overlays.iter_mut().filter(|own| untold(own)).take(LOOKED_AT).collect(), dir, buffer);
}

/// The overlays of a box. Where it can't reach the layers itself, because its root
/// directory is the overlay, the one who made it can: another actor, or the host,
/// that has the same overlay.
pub fn of_the_box<'a>(snapshot: &'a Snapshot, boxed: &str) -> Vec<&'a Overlay> {
    let Some(seen) = snapshot.actors.get(boxed).and_then(|actor| actor.seen.read()) else { return Vec::new() };
    let others = || {
        let actors = snapshot.actors.values().filter_map(|actor| actor.seen.read());
        actors.chain([&snapshot.host]).flat_map(|view| &view.overlays)
    };
    let told = |own: &'a Overlay| {
        if own.is_told() {
            return own;
        }
        others().find(|other| other.device == own.device && other.is_told()).unwrap_or(own)
    };
    seen.overlays.iter().map(told).collect()
}

/// The files of a view by what they are known by, each with all that can change.
pub(super) fn faces(view: &View) -> BTreeMap<Key, String> {
    let mut found = BTreeMap::new();
    for overlay in &view.overlays {
        let Some(Reading::Read(files)) = &overlay.files else { continue };
        for file in files {
            found.insert(layered_key(overlay, file), format!("{:?}", (file.state, &file.from, &file.seen)));
        }
    }
    for volume in &view.volumes {
        for file in volume.files.read().into_iter().flatten() {
            found.insert(volume_key(volume, file), format!("{file:?}"));
        }
    }
    found
}

/// What a file of an overlay is known by.
pub fn layered_key(overlay: &Overlay, file: &LayeredFile) -> Key {
    Key::File(hash(&[&overlay.device, &file.path]))
}

/// What a file of a volume is known by: the same on both sides.
pub fn volume_key(volume: &Volume, file: &VolumeFile) -> Key {
    Key::File(hash(&[&volume.device, &volume.root, &file.path]))
}

/// A number for some texts, for a key.
pub(super) fn hash(texts: &[&str]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}
