//! IPC objects: a row per object, joined on kind, key and id where both sides are in
//! one IPC namespace; the same key in two namespaces is two objects. POSIX queues are
//! joined on the queue file system that shows them, which is its maker's namespace's.

use std::collections::HashMap;

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::NsKind;
use crate::observe::model::{ActorView, Ipc, IpcKind, Reading, View};

/// An object, as one side sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpcFace<'a> {
    /// What it is.
    pub kind: IpcKind,
    /// Its key, or the name of a POSIX queue.
    pub key: &'a str,
    /// Its identifier; nothing for a POSIX queue, which has none.
    pub id: Option<u32>,
    /// Owner's uid on that side.
    pub uid: u32,
    /// Permission bits, octal.
    pub perms: &'a str,
    /// Bytes of a segment, or waiting in a queue; how many semaphores.
    pub size: Option<u64>,
    /// Times attached, messages waiting; nothing where that is not counted.
    pub used: Option<u64>,
    /// The id, or the inode of a POSIX queue.
    number: u64,
    /// The queue file system.
    device: &'a str,
}

impl IpcFace<'_> {
    /// What it is known by on its side.
    pub fn row_key(&self) -> Key {
        Key::Ipc(self.kind, self.number)
    }
}

/// The objects of both sides. Whatever an IPC namespace of the box's own holds is
/// the box's; of one that is the host's, all folds that does not fit.
pub fn ipc<'a>(host: &'a View, actor: &'a ActorView) -> Twin<IpcFace<'a>> {
    let namespace = |ns: Option<&Reading<u64>>| ns.and_then(Reading::read).copied();
    let outer_ns = namespace(host.ns.get(&NsKind::Ipc));
    let shared = outer_ns.is_some() && outer_ns == namespace(actor.ns.get(&NsKind::Ipc));
    let outer = faces(&host.ipc);
    let mut inner = actor.seen.read().map_or_else(Vec::new, |seen| faces(&seen.ipc));

    let mut by_key: HashMap<(IpcKind, &str, u64, &str), IpcFace<'a>> = HashMap::new();
    for face in inner.drain(..) {
        by_key.insert((face.kind, face.key, face.number, face.device), face);
    }
    let (mut rows, mut host_only) = (Vec::new(), Vec::new());
    for face in outer {
        let one_namespace = shared || face.kind == IpcKind::Mqueue;
        let twin = one_namespace.then(|| by_key.remove(&(face.kind, face.key, face.number, face.device))).flatten();
        let key = RowKey { side: Side::Host, key: face.row_key() };
        let list = if twin.is_some() { &mut rows } else { &mut host_only };
        list.push(Row { key, relevant: false, host: Some(face), inside: twin });
    }
    let own = by_key.into_values().map(|face| Row {
        key: RowKey { side: Side::Inside, key: face.row_key() },
        host: None,
        inside: Some(face),
        relevant: true,
    });
    rows.extend(own);
    rows.sort_by_key(|row: &Row<IpcFace<'_>>| (!row.relevant, row.key.key));
    Twin::arranged(rows, host_only)
}

fn faces(ipc: &Ipc) -> Vec<IpcFace<'_>> {
    let mut faces = Vec::new();
    let blank = |kind, key, uid, perms, number| IpcFace {
        kind,
        key,
        id: None,
        uid,
        perms,
        size: None,
        used: None,
        number,
        device: "",
    };
    for one in ipc.shm.read().into_iter().flatten() {
        let face = blank(IpcKind::Shm, one.key.as_str(), one.uid, one.perms.as_str(), u64::from(one.id));
        faces.push(IpcFace { id: Some(one.id), size: Some(one.size), used: Some(one.attached), ..face });
    }
    for one in ipc.msg.read().into_iter().flatten() {
        let face = blank(IpcKind::Msg, one.key.as_str(), one.uid, one.perms.as_str(), u64::from(one.id));
        faces.push(IpcFace { id: Some(one.id), size: Some(one.bytes), used: Some(one.messages), ..face });
    }
    for one in ipc.sem.read().into_iter().flatten() {
        let face = blank(IpcKind::Sem, one.key.as_str(), one.uid, one.perms.as_str(), u64::from(one.id));
        faces.push(IpcFace { id: Some(one.id), size: Some(one.semaphores), ..face });
    }
    for mounted in ipc.mqueue.read().into_iter().flatten() {
        for one in &mounted.queues {
            let face = blank(IpcKind::Mqueue, one.name.as_str(), one.uid, one.perms.as_str(), one.inode);
            faces.push(IpcFace { size: one.bytes.read().copied(), device: &mounted.device, ..face });
        }
    }
    faces
}
