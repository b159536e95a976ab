//! Names: host name, domain name, and the kernel's release, which is the same on
//! both sides because the kernel is.

use super::{Key, Row, RowKey, Side, Twin};
use crate::observe::model::{ActorView, Uts, View};

/// Three rows: [`Key::Hostname`], [`Key::Domainname`], [`Key::Release`]. A side
/// whose names could not be read has no face. Equal are the faces, or not.
pub fn names<'a>(host: &'a View, actor: &'a ActorView) -> Twin<&'a str> {
    let outer = host.uts.read();
    let inner = actor.seen.read().and_then(|seen| seen.uts.read());
    let row = |key: Key, pick: fn(&Uts) -> &str| Row {
        key: RowKey { side: Side::Host, key },
        host: outer.map(pick),
        inside: inner.map(pick),
        relevant: true,
    };
    let rows = vec![
        row(Key::Hostname, |uts| &uts.hostname),
        row(Key::Domainname, |uts| &uts.domainname),
        row(Key::Release, |uts| &uts.release),
    ];
    Twin { shown: rows.len(), rows }
}

impl Row<&str> {
    /// Whether both sides say the same; nothing where one says nothing.
    pub fn same(&self) -> Option<bool> {
        Some(self.host? == self.inside?)
    }
}
