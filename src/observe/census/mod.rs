//! The census: every process of this machine that is apart from the host in any
//! namespace, grouped by container. For `cloison inspect --list`; reads only. The
//! host is who asks: the reader's own namespaces are what all others are compared
//! with, so that inside a container its own processes are no strangers.
//!
//! The kernel knows no containers, only processes and their namespaces. What counts
//! as one here, from the strongest tie to the weakest:
//!
//! 1. the processes of one PID namespace (when its init ends the kernel kills all),
//!    told apart by the engine's id where several containers share it;
//! 2. those in the host's PID namespace to which an engine gave one id;
//! 3. those in the host's PID namespace whose namespaces are all the same.
//!
//! A process outside whose every wall is one container's belongs to that: who started
//! it (`unshare --fork`), or came in later (`nsenter -n`).

mod engine;
mod group;
mod read;

use std::collections::BTreeMap;

use serde::Serialize;

pub use engine::{Engine, Evidence};

use super::model::{Process, Reading, Unread};
use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::say;

/// So many digits of an id are shown, as by the engines.
const DIGITS: usize = 12;

/// The form of the JSON: `{"format": 1, …}`.
pub const FORMAT: u32 = 1;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Census {
    /// The form of this structure.
    pub format: u32,
    /// When it was taken: microseconds of CLOCK_MONOTONIC.
    pub taken: u64,
    /// The PID of the reader, whose namespaces are the host's.
    pub reader: u32,
    /// Its effective uid.
    pub uid: u32,
    /// The host's namespaces: inode numbers.
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// The containers, and what else is apart: by the PID of the first process, each
    /// behind the one that it is inside of.
    pub containers: Vec<Container>,
    /// How many processes are in all of the host's namespaces.
    pub alike: usize,
    /// How many could not be compared: the reader may not trace them (EACCES,
    /// ptrace(2)), and nothing else tells that they are apart.
    pub unread: usize,
}

/// A group of processes that are apart together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// The PID of its first process: PID 1 of its own PID namespace, else the one that
    /// the others descend from.
    pub first: u32,
    /// The first process of the container that this one is inside of.
    pub inside: Option<u32>,
    /// How many it is inside of.
    pub depth: usize,
    /// What made it, as far as something tells.
    pub engine: Option<Engine>,
    /// The kinds of namespace in which its first process is apart from the host; where
    /// they can't be read only what /proc/PID/status tells (`pid`).
    pub apart: Vec<NsKind>,
    /// The namespaces of its first process: inode numbers.
    pub ns: BTreeMap<NsKind, Reading<u64>>,
    /// The kinds in which its processes are not all alike.
    pub mixed: Vec<NsKind>,
    /// Namespaces that it has in common with other containers, and not with the
    /// host: their first processes.
    pub shared: BTreeMap<NsKind, Vec<u32>>,
    /// The cgroup paths of its first process, as the reader sees them.
    pub cgroup: BTreeMap<String, String>,
    /// The first of those paths that is not the reader's own.
    pub group: Option<String>,
    /// Its processes, by PID.
    pub processes: Vec<Process>,
}

impl Container {
    /// Its first process.
    pub fn process(&self) -> Option<&Process> {
        self.processes.iter().find(|one| one.pid == self.first)
    }

    /// Why its namespaces could not be compared, where they could not.
    pub fn unread(&self) -> Option<&Unread> {
        self.ns.values().find_map(|inode| match inode {
            Reading::Unread(unread) if unread.errno.0 == libc::EACCES => Some(unread),
            _ => None,
        })
    }
}

impl Census {
    /// What could not be compared, and why, where that is so.
    pub fn blind(&self, lang: Lang) -> Option<String> {
        let unread = self.unread;
        let why = say!(
            lang,
            "{unread} could not be compared: the kernel shows a process's namespaces to those alone who may trace it (ptrace(2)).",
            "{unread} n'ont pas pu être comparés : le noyau ne montre les espaces de noms d'un processus qu'à qui peut le tracer (ptrace(2))."
        );
        let remedy =
            if self.uid == 0 { "" } else { lang.pick(" Root may: use sudo.", " Root le peut : utilisez sudo.") };
        (unread > 0).then(|| why + remedy)
    }
}

impl Container {
    /// What else there is to say of it, a sentence each, without full stops: which
    /// walls its processes do not all have, and with whom it shares some.
    pub fn notes(&self, lang: Lang) -> Vec<String> {
        let mut notes = Vec::new();
        if let (None, Some(group)) = (&self.engine, &self.group) {
            notes.push(Evidence::Cgroup(group.clone()).explain(lang));
        }
        if !self.mixed.is_empty() {
            let kinds: Vec<&str> = self.mixed.iter().map(|kind| kind.name()).collect();
            let kinds = kinds.join(" ");
            notes.push(say!(lang, "its processes differ in: {kinds}", "ses processus diffèrent par : {kinds}"));
        }
        for (kind, others) in &self.shared {
            let others: Vec<String> = others.iter().map(u32::to_string).collect();
            let (kind, others) = (kind.name(), others.join(" "));
            notes.push(say!(lang, "same {kind} as {others}", "même {kind} que {others}"));
        }
        notes
    }
}

impl Engine {
    /// Its name, and what it calls the container, ids cut as the engine cuts them.
    /// May hold what somebody else chose.
    pub fn label(&self) -> String {
        match self.id.as_deref() {
            Some(id) if id.len() == 64 => format!("{} {}", self.name, id.get(..DIGITS).unwrap_or(id)),
            Some(id) => format!("{} {id}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Explain for Evidence {
    /// Without a full stop; may hold what somebody else chose.
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Cgroup(path) => say!(lang, "its cgroup is {path}", "son cgroup est {path}"),
            Self::Process { pid, name } => {
                say!(lang, "process {pid} is {name}", "le processus {pid} est {name}")
            }
            Self::Environ(text) => say!(lang, "its environment says {text}", "son environnement dit {text}"),
            Self::KernelThread => say!(lang, "a thread of the kernel's own", "un fil d'exécution du noyau lui-même"),
        }
    }
}

#[cfg(test)]
mod tests;
