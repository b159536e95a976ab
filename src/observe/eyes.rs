//! The host's list of processes as one sees it who reads the same /proc: with the
//! numbers and names that its own id maps and user database give. Used by the sampler.

use std::sync::Arc;

use super::model::{Process, Users};
use super::outside::Inside;
use super::passwd::Passwd;
use super::proc::PidDir;

/// What makes one's list, and the last one.
#[derive(Debug, Default)]
pub(super) struct Eyes {
    passwd: Passwd,
    maps: Option<Users>,
    /// Each row of the host's list beside what it became.
    list: Vec<(Arc<Process>, Arc<Process>)>,
}

impl Eyes {
    /// The names in its user database.
    pub(super) fn names(&self) -> &Passwd {
        &self.passwd
    }

    /// Reads its user database again.
    pub(super) fn refresh(&mut self, dir: &PidDir, buffer: &mut Vec<u8>) {
        if self.passwd.refresh(dir.root(), buffer) {
            self.list.clear();
        }
    }

    /// The host's list, by PID, through these maps. A row that is the same on the host
    /// as in the last list is the same here.
    pub(super) fn see(&mut self, host: &[Arc<Process>], maps: &Users) -> Vec<Arc<Process>> {
        if self.maps.as_ref() != Some(maps) {
            self.maps = Some(maps.clone());
            self.list.clear();
        }
        let inside = Inside { level: 1, uid_map: &maps.uid_map, gid_map: &maps.gid_map, passwd: &self.passwd };
        let mut before = std::mem::take(&mut self.list).into_iter().peekable();
        let row = |one: &Arc<Process>| {
            while before.next_if(|(old, _)| old.pid < one.pid).is_some() {}
            let known = before.next_if(|(old, _)| Arc::ptr_eq(old, one)).map(|(_, seen)| seen);
            (Arc::clone(one), known.unwrap_or_else(|| Arc::new(inside.process(one, Some(one.ppid)))))
        };
        self.list = host.iter().map(row).collect();
        self.list.iter().map(|(_, seen)| Arc::clone(seen)).collect()
    }
}
