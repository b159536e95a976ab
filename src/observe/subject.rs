//! A process that is inspected: held by its directory in /proc, so that its PID can
//! be given to another one without the two being mixed, looked at again and again,
//! and shown as it was last once it has ended. For `cloison inspect PID`; reads only.

use super::cgroups::{self, Cgroups};
use super::model::{ActorView, Reading, Snapshot, Unread, View};
use super::parse;
use super::proc::{PidDir, SMALL};
use super::sampler::Sampler;
use crate::i18n::{Explain, Lang};
use crate::kernel::{Errno, read};
use crate::lesson::op::NsKind;
use crate::say;

/// `PF_KTHREAD`, include/linux/sched.h: the flag of kernel threads in field 9 of
/// /proc/PID/stat, proc_pid_stat(5).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// A process that is inspected.
#[derive(Debug)]
pub struct Subject {
    pid: u32,
    dir: PidDir,
    last: ActorView,
    /// The control groups that it was in.
    groups: Option<Cgroups>,
    /// When `last` was taken: microseconds of CLOCK_MONOTONIC.
    taken: u64,
}

/// A PID that can't be inspected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explain(Lang::En))]
pub struct Refused {
    /// The number.
    pub pid: u32,
    /// Why.
    pub why: Refusal,
}

/// Why a process can't be inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no process of this number.
    Nobody,
    /// The number is that of a thread of another process.
    Thread {
        /// The process.
        of: u32,
    },
    /// It is a thread of the kernel's, which has no side of its own to look at.
    Kernel {
        /// Its name.
        name: String,
    },
    /// It has ended, and its parent has not collected it.
    Zombie {
        /// Its name.
        name: String,
        /// The parent.
        parent: u32,
    },
    /// It can't be read at all.
    Unread(Unread),
}

impl Explain for Refused {
    fn explain(&self, lang: Lang) -> String {
        let pid = self.pid;
        match &self.why {
            Refusal::Nobody => say!(
                lang,
                "There is no process {pid} here. `cloison inspect --list` lists those that are apart from the host, `ps -e` all.",
                "Il n'y a pas de processus {pid} ici. `cloison inspect --list` donne la liste de ceux qui sont séparés de l'hôte, `ps -e` celle de tous."
            ),
            Refusal::Thread { of } => say!(
                lang,
                "{pid} is a thread of process {of}. Inspect that one: cloison inspect {of}",
                "{pid} est un fil d'exécution (thread) du processus {of}. Inspectez celui-ci : cloison inspect {of}"
            ),
            Refusal::Kernel { name } => say!(
                lang,
                "{pid} ({name}) is a thread of the kernel itself. It runs no program and is inside of nothing: there is one kernel for the host and for every container.",
                "{pid} ({name}) est un fil d'exécution du noyau lui-même. Il n'exécute aucun programme et n'est à l'intérieur de rien : il n'y a qu'un noyau, pour l'hôte et pour tous les conteneurs."
            ),
            Refusal::Zombie { name, parent } => say!(
                lang,
                "Process {pid} ({name}) has ended and left its namespaces. It is a zombie: what remains is its exit status, which its parent, process {parent}, has not collected (wait(2)).",
                "Le processus {pid} ({name}) est terminé et a quitté ses espaces de noms. C'est un zombie : il n'en reste que le code de sortie, que son parent, le processus {parent}, n'a pas récupéré (wait(2))."
            ),
            Refusal::Unread(unread) => {
                let (path, why) = (&unread.path, unread.errno.explain(lang));
                say!(
                    lang,
                    "Process {pid} can't be looked at: {path}: {why}",
                    "Le processus {pid} ne peut pas être observé : {path} : {why}"
                )
            }
        }
    }
}

/// What keeps a process that is inspected from being seen whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Veil {
    /// The viewer may not trace it: not even its namespaces can be read.
    Closed {
        /// Its PID.
        pid: u32,
        /// What failed.
        why: Unread,
        /// Whether the viewer is root already.
        root: bool,
    },
    /// Its namespaces can be compared but not entered: it is seen from outside.
    Outside(Unread),
}

impl Veil {
    /// What is between the viewer and this process, if anything is.
    pub fn of(actor: &ActorView, viewer: &View) -> Option<Self> {
        let mut unread = actor.ns.values().filter_map(|inode| match inode {
            Reading::Unread(why) if why.errno.0 == libc::EACCES => Some(why),
            _ => None,
        });
        if let Some(why) = unread.next() {
            let root = viewer.ids.read().is_some_and(|ids| ids.uid == 0);
            return Some(Self::Closed { pid: actor.pid, why: why.clone(), root });
        }
        match actor.seen.read().map(|seen| &seen.uts) {
            // Any observer could say this one.
            Some(Reading::Unread(why)) => Some(Self::Outside(why.clone())),
            _ => None,
        }
    }
}

impl Explain for Veil {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Closed { pid, why, root } => {
                let (path, errno) = (&why.path, why.errno.explain(lang));
                let text = say!(
                    lang,
                    "Process {pid} is closed to you: {path}: {errno}. The kernel shows a process's namespaces to those alone who may trace it (ptrace(2)). Here is what it shows to everybody.",
                    "Le processus {pid} vous est fermé : {path} : {errno}. Le noyau ne montre les espaces de noms d'un processus qu'à qui peut le tracer (ptrace(2)). Voici ce qu'il montre à tous."
                );
                let remedy = say!(
                    lang,
                    " Root sees all: sudo cloison inspect {pid}",
                    " Root voit tout : sudo cloison inspect {pid}"
                );
                if *root { text } else { text + &remedy }
            }
            Self::Outside(why) => {
                let (path, errno) = (&why.path, why.errno.explain(lang));
                say!(
                    lang,
                    "Seen from outside only, by what /proc says of it: its namespaces could not be entered: {path}: {errno}",
                    "Vu du dehors seulement, par ce qu'en dit /proc : ses espaces de noms n'ont pas pu être rejoints : {path} : {errno}"
                )
            }
        }
    }
}

impl Subject {
    /// Its PID: its name among the actors of a snapshot.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it was there at the last look.
    pub fn alive(&self) -> bool {
        self.last.alive
    }
}

impl Sampler {
    /// Takes hold of a process.
    pub fn subject(&mut self, pid: u32) -> Result<Subject, Refused> {
        self.hold(pid).map_err(|why| Refused { pid, why })
    }

    fn hold(&mut self, pid: u32) -> Result<Subject, Refusal> {
        let dir = self.proc.process(pid).map_err(|unread| match unread.errno {
            Errno(libc::ESRCH) => Refusal::Nobody,
            _ => Refusal::Unread(unread),
        })?;
        self.admit(&dir, pid)?;
        let host = self.host();
        let last = self.outside_of(&dir, pid, &host).map_err(|_| Refusal::Nobody)?;
        Ok(Subject { pid, dir, last, groups: None, taken: read::monotonic() })
    }

    /// Refuses what is no living process.
    fn admit(&mut self, dir: &PidDir, pid: u32) -> Result<(), Refusal> {
        let buffer = &mut self.scratch.buffer;
        let base = format!("{}/{pid}", self.proc.path());
        let failed = |errno: Errno, name: &str| match errno {
            Errno(libc::ESRCH) => Refusal::Nobody,
            errno => Refusal::Unread(Unread { path: format!("{base}/{name}"), errno }),
        };
        dir.read_piece(c"status", buffer, SMALL).map_err(|errno| failed(errno, "status"))?;
        let status = parse::status(buffer).ok_or_else(|| failed(Errno(libc::EINVAL), "status"))?;
        // A thread has a directory, though it is not listed.
        match parse::tgid(buffer) {
            Some(of) if of != pid => return Err(Refusal::Thread { of }),
            _ => {}
        }
        if status.state == 'Z' || status.state == 'X' {
            return Err(Refusal::Zombie { name: status.name, parent: status.ppid });
        }
        dir.read_piece(c"stat", buffer, SMALL).map_err(|errno| failed(errno, "stat"))?;
        let flags = parse::stat_field(buffer, 9).and_then(|flags| flags.parse::<u32>().ok()).unwrap_or(0);
        if flags & KERNEL_THREAD != 0 {
            return Err(Refusal::Kernel { name: status.name });
        }
        Ok(())
    }

    /// The machine now, with the process as the one actor. `inside` is asked for what
    /// an observer in its namespaces sees. Once the process has ended its last view
    /// stays, marked as not alive and as of when it was taken.
    pub fn inspect(&mut self, subject: &mut Subject, inside: impl FnOnce() -> Option<View>) -> Snapshot {
        let host = self.host();
        if subject.last.alive {
            let outside = self.outside_of(&subject.dir, subject.pid, &host).ok().filter(in_place);
            let inside = outside.as_ref().and_then(|_| inside());
            match outside.filter(|_| self.lives(&subject.dir)) {
                // It is there after all was read: so all was read of it, by its PID too.
                Some(mut actor) => {
                    if let (Some(inside), Reading::Read(outside)) = (inside, &mut actor.seen) {
                        *outside = joined(inside, outside.clone());
                    }
                    subject.groups = Some(cgroups::of_process(&subject.pid.to_string(), &actor.cgroup));
                    subject.last = actor;
                    subject.taken = read::monotonic();
                }
                None => subject.last = ActorView { alive: false, stale: Some(subject.taken), ..subject.last.clone() },
            }
        }
        let actors = [(subject.pid.to_string(), subject.last.clone())].into();
        Snapshot { cgroups: subject.groups.clone(), ..self.together(host, actors, None) }
    }

    fn lives(&mut self, dir: &PidDir) -> bool {
        dir.read_piece(c"status", &mut self.scratch.buffer, SMALL).is_ok()
            && parse::status(&self.scratch.buffer).is_some_and(|status| !matches!(status.state, 'Z' | 'X'))
    }
}

/// Whether it has not left its namespaces, as those do that are about to end.
fn in_place(actor: &ActorView) -> bool {
    !matches!(actor.ns.get(&NsKind::Mnt), Some(Reading::Unread(why)) if matches!(why.errno.0, libc::ENOENT | libc::ESRCH))
}

/// What was seen from inside, and from outside where that saw more: an observer that
/// could not enter a namespace says why, but some of it shows from outside.
fn joined(inside: View, outside: View) -> View {
    fn fill<T>(seen: &mut Reading<T>, other: Reading<T>) {
        if let (Reading::Unread(_), Reading::Read(value)) = (&*seen, other) {
            *seen = Reading::Read(value);
        }
    }
    let mut seen = inside;
    fill(&mut seen.ids, outside.ids);
    fill(&mut seen.uts, outside.uts);
    fill(&mut seen.processes, outside.processes);
    fill(&mut seen.mounts, outside.mounts);
    fill(&mut seen.users, outside.users);
    fill(&mut seen.root, outside.root);
    fill(&mut seen.caps, outside.caps);
    fill(&mut seen.cgroup, outside.cgroup);
    seen
}
