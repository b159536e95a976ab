//! Reads the census from a /proc: the namespaces of every process, and more of those
//! that are apart. A process costs an open and at most eight readlinks; other users'
//! are told by what /proc shows of them to everybody.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;

use super::engine::{self, Engine, Evidence};
use super::group::{Member, groups};
use super::{Census, Container, FORMAT};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;
use crate::observe::model::{Process, Reading, Unread};
use crate::observe::parse;
use crate::observe::proc::{PidDir, ProcDir, SMALL, reading};
use crate::observe::sampler::Sampler;
use crate::observe::view::{Scratch, process_in};

/// The most that is read of an environment, in bytes.
const ENVIRON: usize = 64 << 10;
/// So many parents are looked at, at most.
const PARENTS: usize = 32;
/// So many others are named that have a namespace in common, at most.
const SHARING: usize = 64;

/// The namespaces of one process beside the host's.
enum Look {
    /// All the same.
    Alike,
    /// These are not.
    Apart(BTreeMap<NsKind, u64>),
    /// They may not be read.
    Closed,
    /// It has ended.
    Gone,
}

/// The host: the reader itself.
struct Host {
    ns: Vec<(NsKind, u64)>,
    /// In how many PID namespaces it is seen in this /proc.
    depth: usize,
    /// Its cgroup paths.
    cgroup: BTreeMap<String, String>,
}

impl Host {
    fn look(&self, dir: &PidDir) -> Look {
        let mut apart = BTreeMap::new();
        for &(kind, own) in &self.ns {
            match dir.namespace(kind) {
                Ok(inode) if inode == own => {}
                Ok(inode) => drop(apart.insert(kind, inode)),
                Err(Errno(libc::EACCES | libc::EPERM)) => return Look::Closed,
                // A zombie has left its namespaces.
                Err(_) => return Look::Gone,
            }
        }
        if apart.is_empty() { Look::Alike } else { Look::Apart(apart) }
    }
}

/// A process that is apart, and what only its group needs.
struct Found {
    member: Member,
    cgroup: BTreeMap<String, String>,
    engine: Option<Engine>,
}

impl Sampler {
    /// Who is apart from the host now. Fails where the reader's own namespaces can't
    /// be read.
    pub fn take_census(&mut self) -> Result<Census, Unread> {
        let own = self.proc.own()?;
        let base = format!("{}/self", self.proc.path());
        let unread = |errno, name: &str| Unread { path: format!("{base}/{name}"), errno };
        self.scratch.passwd.refresh(read::open_dir(c"/"), &mut self.scratch.buffer);
        let ns: BTreeMap<NsKind, Reading<u64>> = NsKind::ALL
            .into_iter()
            .map(|kind| (kind, reading(own.namespace(kind), || format!("{base}/ns/{}", kind.name()))))
            .collect();
        own.read_piece(c"status", &mut self.scratch.buffer, SMALL).map_err(|errno| unread(errno, "status"))?;
        let depth = parse::nspid(&self.scratch.buffer).len();
        // What the kernel has no namespaces of sets nobody apart.
        let comparable = ns.iter().filter_map(|(kind, inode)| Some((*kind, *inode.read()?))).collect();
        own.read_piece(c"cgroup", &mut self.scratch.buffer, SMALL).map_err(|errno| unread(errno, "cgroup"))?;
        let host = Host { ns: comparable, depth, cgroup: parse::cgroup(&self.scratch.buffer) };
        let (mut alike, mut unread) = (0, 0);
        let mut found = Vec::new();
        let Self { proc, scratch, .. } = self;
        let each = |pid: u32, name: &CStr| {
            let Ok(dir) = proc.open_process(name) else { return };
            let look = host.look(&dir);
            match look {
                Look::Alike => alike += 1,
                Look::Gone => {}
                Look::Apart(_) | Look::Closed => match find(&dir, pid, look, &host, scratch) {
                    Some(one) => found.push(one),
                    None => unread += 1,
                },
            }
        };
        read::numbers(proc.fd(), each).map_err(|errno| Unread { path: proc.path().to_owned(), errno })?;
        found.sort_unstable_by_key(|one| one.member.process.pid);
        let containers = self.containers(&found, &ns, &host.cgroup);
        let (reader, uid) = (read::pids().0, read::ids().0);
        Ok(Census { format: FORMAT, taken: read::monotonic(), reader, uid, ns, containers, alike, unread })
    }

    fn containers(
        &mut self,
        found: &[Found],
        host: &BTreeMap<NsKind, Reading<u64>>,
        own: &BTreeMap<String, String>,
    ) -> Vec<Container> {
        let members: Vec<Member> = found.iter().map(|one| one.member.clone()).collect();
        let groups = groups(&members);
        let of: HashMap<u32, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, each)| each.iter().map(move |&n| (n, group)))
            .map(|(n, group)| (members[n].process.pid, group))
            .collect();
        let mut parents = Parents { proc: &self.proc, scratch: &mut self.scratch, known: HashMap::new() };
        for member in &members {
            parents.known.insert(member.process.pid, Some(member.process.clone()));
        }
        let mut containers: Vec<Container> = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let first = &found[group[0]];
            let pid = first.member.process.pid;
            let chain = parents.chain(pid, &of);
            let inside = chain.iter().find_map(|one| of.get(&one.pid).filter(|&&other| other != at));
            let inside = inside.map(|&other| members[groups[other][0]].process.pid);
            let engine = parents.engine(first, &chain);
            let apart = match &first.member.apart {
                Some(apart) => apart.keys().copied().collect(),
                // Seen in more than one PID namespace, as NSpid says to everybody.
                None if first.member.process.nspid.len() > 1 => vec![NsKind::Pid],
                None => Vec::new(),
            };
            let mixed = NsKind::ALL.into_iter().filter(|kind| {
                let inode = |n: usize| members[n].apart.as_ref().map(|apart| apart.get(kind));
                let readable: Vec<_> = group.iter().filter_map(|&n| inode(n)).collect();
                readable.windows(2).any(|two| two[0] != two[1])
            });
            containers.push(Container {
                first: pid,
                inside,
                depth: 0,
                engine,
                apart,
                ns: namespaces(&first.member, host, self_path(pid)),
                mixed: mixed.collect(),
                shared: BTreeMap::new(),
                cgroup: first.cgroup.clone(),
                group: first
                    .cgroup
                    .iter()
                    .find(|(tree, path)| own.get(*tree) != Some(*path))
                    .map(|(_, path)| path.clone()),
                processes: {
                    let mut all: Vec<Process> = group.iter().map(|&n| members[n].process.clone()).collect();
                    all.sort_unstable_by_key(|one| one.pid);
                    all
                },
            });
        }
        share(&mut containers);
        nest(containers)
    }
}

fn self_path(pid: u32) -> impl Fn(NsKind) -> String {
    move |kind| format!("/proc/{pid}/ns/{}", kind.name())
}

/// What there is to know of a process that is, or may be, apart; nothing where it is
/// gone, or where nothing tells that it is.
fn find(dir: &PidDir, pid: u32, look: Look, host: &Host, scratch: &mut Scratch) -> Option<Found> {
    let cgroup = match dir.read_piece(c"cgroup", &mut scratch.buffer, SMALL) {
        Ok(_) => parse::cgroup(&scratch.buffer),
        Err(_) => BTreeMap::new(),
    };
    let engine = engine::by_cgroup(&cgroup);
    let apart = match look {
        Look::Apart(apart) => Some(apart),
        _ if engine.is_some() => None,
        _ => {
            // Most of the machine, for an ordinary user: no more is read than this.
            dir.read_piece(c"status", &mut scratch.buffer, SMALL).ok()?;
            if parse::nspid(&scratch.buffer).len() <= host.depth {
                return None;
            }
            None
        }
    };
    let process = process_in(dir, pid, None, scratch)?;
    let id = engine.as_ref().and_then(|engine| engine.id.clone());
    Some(Found { member: Member { process, apart, id }, cgroup, engine })
}

/// All eight of a process, where those that are not apart are the host's.
fn namespaces(
    member: &Member,
    host: &BTreeMap<NsKind, Reading<u64>>,
    path: impl Fn(NsKind) -> String,
) -> BTreeMap<NsKind, Reading<u64>> {
    let one = |(kind, own): (&NsKind, &Reading<u64>)| {
        let inode = match (own, &member.apart) {
            (Reading::Unread(_), _) => own.clone(),
            (_, None) => Reading::Unread(Unread { path: path(*kind), errno: Errno(libc::EACCES) }),
            (_, Some(apart)) => apart.get(kind).map_or_else(|| own.clone(), |inode| Reading::Read(*inode)),
        };
        (*kind, inode)
    };
    host.iter().map(one).collect()
}

/// Notes which containers have a namespace in common.
fn share(containers: &mut [Container]) {
    let mut having: BTreeMap<(NsKind, u64), Vec<usize>> = BTreeMap::new();
    for (n, one) in containers.iter().enumerate() {
        for kind in &one.apart {
            if let Some(Reading::Read(inode)) = one.ns.get(kind) {
                having.entry((*kind, *inode)).or_default().push(n);
            }
        }
    }
    for ((kind, _), sharing) in having.into_iter().filter(|(_, sharing)| sharing.len() > 1) {
        for &n in &sharing {
            let others = sharing.iter().filter(|&&other| other != n).take(SHARING);
            let others = others.map(|&other| containers[other].first).collect();
            containers[n].shared.insert(kind, others);
        }
    }
}

/// Puts each behind the one that it is inside of, in the order in which they come.
fn nest(mut containers: Vec<Container>) -> Vec<Container> {
    let at: HashMap<u32, usize> = containers.iter().enumerate().map(|(n, one)| (one.first, n)).collect();
    for n in 0..containers.len() {
        // A chain that bites its tail (read at different moments) is cut.
        let mut above = containers[n].inside;
        for depth in 0.. {
            match above.and_then(|pid| at.get(&pid)) {
                None => containers[n].depth = depth,
                Some(&other) if other == n || depth > containers.len() => containers[n].inside = None,
                Some(&other) => {
                    above = containers[other].inside;
                    continue;
                }
            }
            break;
        }
    }
    let mut order: Vec<usize> = Vec::with_capacity(containers.len());
    let mut below: HashMap<Option<u32>, Vec<usize>> = HashMap::new();
    for (n, one) in containers.iter().enumerate().rev() {
        below.entry(one.inside).or_default().push(n);
    }
    let mut next = below.remove(&None).unwrap_or_default();
    while let Some(n) = next.pop() {
        order.push(n);
        next.extend(below.remove(&Some(containers[n].first)).unwrap_or_default());
    }
    let mut slots: Vec<Option<Container>> = containers.into_iter().map(Some).collect();
    order.into_iter().filter_map(|n| slots[n].take()).collect()
}

/// The parents of containers: read once each.
struct Parents<'a> {
    proc: &'a ProcDir,
    scratch: &'a mut Scratch,
    known: HashMap<u32, Option<Process>>,
}

impl Parents<'_> {
    fn process(&mut self, pid: u32) -> Option<&Process> {
        let (proc, scratch) = (self.proc, &mut *self.scratch);
        let read = || process_in(&proc.process(pid).ok()?, pid, None, scratch);
        self.known.entry(pid).or_insert_with(read).as_ref()
    }

    /// The parents of a process, the nearest first, up to the first one that is on the
    /// host's side: what is above that (a shell, a desktop) made no container.
    fn chain(&mut self, pid: u32, apart: &HashMap<u32, usize>) -> Vec<Process> {
        let mut chain = Vec::new();
        let mut now = self.process(pid).map_or(0, |one| one.ppid);
        while now > 1 && chain.len() < PARENTS {
            let Some(one) = self.process(now) else { break };
            let next = one.ppid;
            chain.push(one.clone());
            if !apart.contains_key(&now) {
                break;
            }
            now = next;
        }
        chain
    }

    /// What made a container, by the clue that is hardest to forge.
    fn engine(&mut self, first: &Found, chain: &[Process]) -> Option<Engine> {
        let process = &first.member.process;
        if process.command.is_empty() && process.state != 'Z' && (process.ppid == 2 || process.pid == 2) {
            return Some(Engine { name: "Linux".to_owned(), id: None, evidence: Evidence::KernelThread });
        }
        let told = first.engine.clone().or_else(|| engine::by_process(std::iter::once(process).chain(chain)));
        told.or_else(|| {
            let dir = self.proc.process(process.pid).ok()?;
            dir.read_piece(c"environ", &mut self.scratch.buffer, ENVIRON).ok()?;
            engine::by_environ(&self.scratch.buffer)
        })
        .or_else(|| engine::by_unit(&first.cgroup))
    }
}
