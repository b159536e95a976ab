//! Why something failed and what helps: read from /proc/sys and its like after an
//! attempt has failed, never to decide whether it would. Whatever can't be read is
//! a clue less, never an error.

use std::collections::BTreeMap;
use std::path::Path;

use super::bench::{Failed, Stage};
use crate::i18n::{Explain, Lang};
use crate::kernel::read;
use crate::lesson::diagnostic::{Both, both};
use crate::lesson::op::NsKind;
use crate::say;

/// A number of namespaces that is enough for any lesson.
const ENOUGH: u32 = 10_000;
/// Mount points below /proc that hide nothing: directories made to be mounted on
/// (`mount_too_revealing` in the kernel's fs/namespace.c).
const EMPTY_BY_DESIGN: [&str; 2] = ["/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"];

/// What this machine shows about its restrictions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clues {
    /// The caller's effective uid.
    pub uid: u32,
    /// kernel.unprivileged_userns_clone (Debian's own, before 12 often 0).
    pub userns_clone: Option<u64>,
    /// kernel.apparmor_restrict_unprivileged_userns (Ubuntu since 23.10).
    pub apparmor_restricts: Option<u64>,
    /// kernel.yama.ptrace_scope.
    pub ptrace_scope: Option<u64>,
    /// vm.memfd_noexec.
    pub memfd_noexec: Option<u64>,
    /// user.max_…_namespaces.
    pub limits: BTreeMap<NsKind, u64>,
    /// Whether the caller is under a seccomp filter.
    pub filtered: bool,
    /// The container that the caller seems to be in.
    pub container: Option<String>,
    /// /proc/self/uid_map, on one line; empty where it can't be read.
    pub uid_map: String,
    /// The mounts in view: mount point, file system type, root within it.
    pub mounts: Vec<(String, String, String)>,
    /// The running program.
    pub program: String,
}

/// What a clue leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    /// The cause.
    pub because: Both,
    /// What helps.
    pub remedy: Both,
    /// Commands that do it.
    pub commands: Vec<String>,
}

impl Clues {
    /// Reads them below `root` ("/" but in tests).
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).ok();
        let number = |path: &str| text(path).and_then(|text| text.trim().parse().ok());
        let limits = NsKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, number(&format!("proc/sys/user/max_{}_namespaces", kind.name()))?)));
        let container = if root.join(".dockerenv").exists() {
            Some("Docker".to_owned())
        } else if root.join("run/.containerenv").exists() {
            Some("Podman".to_owned())
        } else {
            text("run/systemd/container").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
        };
        let uid_map = text("proc/self/uid_map").unwrap_or_default();
        Self {
            uid: read::ids().0,
            userns_clone: number("proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restricts: number("proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            ptrace_scope: number("proc/sys/kernel/yama/ptrace_scope"),
            memfd_noexec: number("proc/sys/vm/memfd_noexec"),
            limits: limits.collect(),
            filtered: read::seccomp_mode().is_ok_and(|mode| mode == 2),
            container,
            uid_map: uid_map.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
            mounts: mounts(&text("proc/self/mountinfo").unwrap_or_default()),
            program: std::env::current_exe().map_or_else(|_| "cloison".to_owned(), |path| path.display().to_string()),
        }
    }

    /// Whether the caller is in the machine's first user namespace: every id is
    /// itself there (user_namespaces(7)).
    pub fn has_all_ids(&self) -> bool {
        self.uid_map == format!("0 0 {}", u32::MAX)
    }

    /// Mount points that hide parts of /proc.
    pub fn over_proc(&self) -> Vec<&str> {
        let mut points: Vec<&str> = self.mounts.iter().map(|(point, ..)| point.as_str()).collect();
        points.retain(|point| point.starts_with("/proc/") && !EMPTY_BY_DESIGN.contains(point));
        points.sort_unstable();
        points.dedup();
        points
    }

    /// Why a process may not trace its own child.
    pub fn advise_ptrace(&self, failed: &Failed) -> Advice {
        // 1, the usual value, lets a parent trace its children.
        if self.ptrace_scope.is_some_and(|scope| scope > 1) {
            return Advice {
                because: both!(
                    "kernel.yama.ptrace_scope forbids it to ordinary users (2), or to everybody (3).",
                    "kernel.yama.ptrace_scope l'interdit aux utilisateurs ordinaires (2), ou à tous (3)."
                ),
                remedy: both!(
                    "Set it to 1; from 3 only a restart leads back",
                    "Mettez-le à 1 ; de 3 on ne revient que par un redémarrage"
                ),
                commands: vec!["sudo sysctl -w kernel.yama.ptrace_scope=1".to_owned()],
            };
        }
        self.advise(&[], failed)
    }

    /// Why leaving or using namespaces of these kinds (with a user namespace) failed.
    pub fn advise(&self, kinds: &[NsKind], failed: &Failed) -> Advice {
        let errno = failed.errno.0;
        let refused = matches!(errno, libc::EPERM | libc::EACCES);
        match errno {
            libc::ENOSPC if failed.stage == Stage::Unshare => return self.limit(kinds),
            libc::EINVAL if failed.stage == Stage::Unshare => return too_old(kinds),
            libc::ENOSYS if !self.filtered => return too_old(kinds),
            _ => {}
        }
        let ordinary = self.uid != 0;
        if refused && failed.stage == Stage::Unshare && ordinary && self.userns_clone == Some(0) {
            return Advice {
                because: both!(
                    "kernel.unprivileged_userns_clone is 0: this kernel makes user namespaces for root only.",
                    "kernel.unprivileged_userns_clone vaut 0 : ce noyau ne crée d'espaces de noms user que pour root."
                ),
                remedy: both!(
                    "Open them to ordinary users, now and after a restart",
                    "Ouvrez-les aux utilisateurs ordinaires, dès maintenant et après un redémarrage"
                ),
                commands: vec![
                    "sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned(),
                    "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-cloison.conf".to_owned(),
                ],
            };
        }
        if refused && ordinary && self.apparmor_restricts.is_some_and(|value| value != 0) {
            return self.apparmor();
        }
        if refused && failed.stage == Stage::Map && !self.uid_map.is_empty() && !self.has_all_ids() {
            return self.few_ids();
        }
        self.surroundings(refused || errno == libc::ENOSYS)
    }

    fn few_ids(&self) -> Advice {
        let map = &self.uid_map;
        Advice {
            because: both!(
                "you are in a user namespace already, and it has too few ids to give any away (uid_map: {map}).",
                "vous êtes déjà dans un espace de noms user, qui a trop peu d'identifiants pour en céder (uid_map : {map})."
            ),
            remedy: both!(
                "Start cloison outside of that namespace, as an ordinary user or as the machine's root.",
                "Lancez cloison hors de cet espace de noms, en utilisateur ordinaire ou en root de la machine."
            ),
            commands: Vec::new(),
        }
    }

    /// A cause that lies around the program: a container, a chroot, a filter.
    fn surroundings(&self, refused: bool) -> Advice {
        if refused && (self.container.is_some() || self.filtered) {
            return self.contained();
        }
        if refused && !self.mounts.is_empty() && !self.mounts.iter().any(|(point, ..)| point == "/") {
            return Advice {
                because: both!(
                    "the root directory is no mount point: you are in a chroot, where the kernel refuses user namespaces.",
                    "le répertoire racine n'est pas un point de montage : vous êtes dans un chroot, où le noyau refuse les espaces de noms user."
                ),
                remedy: both!("Start cloison outside of the chroot.", "Lancez cloison hors du chroot."),
                commands: Vec::new(),
            };
        }
        Advice {
            because: both!("nothing that can be read here says why.", "rien de lisible ici ne dit pourquoi."),
            remedy: both!(
                "Look at the kernel's log: a security module says there what it refuses",
                "Regardez le journal du noyau : un module de sécurité y écrit ce qu'il refuse"
            ),
            commands: vec!["sudo dmesg | tail".to_owned()],
        }
    }

    fn contained(&self) -> Advice {
        let because = match &self.container {
            Some(name) => both!(
                "you seem to be in a container ({name}), whose runtime refuses this.",
                "vous semblez être dans un conteneur ({name}), dont le moteur le refuse."
            ),
            None => both!(
                "a seccomp filter, put on this session from outside, may refuse this.",
                "un filtre seccomp, posé sur cette session de l'extérieur, peut le refuser."
            ),
        };
        Advice {
            because,
            remedy: both!(
                "Run cloison outside of containers, or start the container with its own walls lowered",
                "Lancez cloison hors de tout conteneur, ou démarrez le conteneur avec ses propres cloisons abaissées"
            ),
            commands: vec![
                "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"
                    .to_owned(),
            ],
        }
    }

    fn apparmor(&self) -> Advice {
        let program = &self.program;
        Advice {
            because: both!(
                "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns): they can be made, but give no rights.",
                "AppArmor restreint les espaces de noms user (kernel.apparmor_restrict_unprivileged_userns) : ils peuvent être créés, mais ne donnent aucun droit."
            ),
            remedy: both!(
                "Allow them to this program alone (the first), or to all until the next restart (the second)",
                "Autorisez-les à ce seul programme (la première), ou à tous jusqu'au prochain redémarrage (la seconde)"
            ),
            commands: vec![
                install_profile(program),
                "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned(),
            ],
        }
    }

    /// ENOSPC: a limit of /proc/sys/user, namespaces(7).
    fn limit(&self, kinds: &[NsKind]) -> Advice {
        let own: Vec<(&NsKind, &u64)> = self.limits.iter().filter(|(kind, _)| kinds.contains(kind)).collect();
        let zero: Vec<_> = own.iter().copied().filter(|(_, limit)| **limit == 0).collect();
        let guilty = if zero.is_empty() { own } else { zero };
        let list: Vec<String> =
            guilty.iter().map(|(kind, limit)| format!("user.max_{}_namespaces = {limit}", kind.name())).collect();
        let list = if list.is_empty() { "user.max_*_namespaces".to_owned() } else { list.join(", ") };
        let commands =
            guilty.iter().map(|(kind, _)| format!("sudo sysctl -w user.max_{}_namespaces={ENOUGH}", kind.name()));
        Advice {
            because: both!(
                "the limit on the number of namespaces is reached ({list}, or that of a user namespace around this one).",
                "la limite du nombre d'espaces de noms est atteinte ({list}, ou celle d'un espace de noms user qui entoure celui-ci)."
            ),
            remedy: both!("Raise it", "Relevez-la"),
            commands: commands.collect(),
        }
    }

    /// Why a fresh /proc could not be mounted.
    pub fn advise_proc(&self, failed: &Failed) -> Advice {
        let revealing = failed.errno.0 == libc::EPERM && failed.stage == Stage::Use;
        let over = self.over_proc();
        if !revealing || over.is_empty() {
            return self.advise(&[NsKind::User, NsKind::Mnt, NsKind::Pid], failed);
        }
        let count = over.len();
        let first = over.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let more = if count > 3 { ", …" } else { "" };
        let because = both!(
            "something is mounted over parts of /proc ({first}{more}), as inside Docker: a fresh /proc would show what is hidden there, so the kernel refuses it.",
            "quelque chose est monté par-dessus des parties de /proc ({first}{more}), comme dans Docker : un /proc neuf montrerait ce qui est caché là, donc le noyau le refuse."
        );
        if self.container.is_some() {
            let contained = self.contained();
            return Advice { because, ..contained };
        }
        Advice {
            because,
            remedy: both!(
                "Unmount what lies over /proc, or start cloison where nothing does",
                "Démontez ce qui recouvre /proc, ou lancez cloison là où rien ne le recouvre"
            ),
            commands: over.iter().rev().map(|point| format!("sudo umount {point}")).collect(),
        }
    }

    /// Why the keeper could not be started.
    pub fn advise_lab(&self, errno: Option<i32>) -> Advice {
        if self.memfd_noexec.is_some_and(|value| value >= 2) && matches!(errno, Some(libc::EACCES | libc::EPERM)) {
            return Advice {
                because: both!(
                    "vm.memfd_noexec forbids running programs from memory, as the lab's keeper is.",
                    "vm.memfd_noexec interdit d'exécuter des programmes depuis la mémoire, comme l'est le gardien du laboratoire."
                ),
                remedy: both!("Allow it", "Autorisez-le"),
                commands: vec!["sudo sysctl -w vm.memfd_noexec=1".to_owned()],
            };
        }
        if self.uid == 0 && !self.uid_map.is_empty() && !self.has_all_ids() {
            // Its directory for root, /run, is another's there.
            return self.few_ids();
        }
        match errno {
            Some(libc::ENOSPC | libc::EROFS | libc::EACCES) => Advice {
                because: both!(
                    "the lab's directory or its copy of the program could not be made.",
                    "le répertoire du laboratoire ou sa copie du programme n'a pas pu être créé."
                ),
                remedy: both!(
                    "Make room, and check that the directory named is yours and writable.",
                    "Faites de la place, et vérifiez que le dossier nommé est à vous et modifiable."
                ),
                commands: Vec::new(),
            },
            _ => self.surroundings(errno == Some(libc::EPERM) || errno == Some(libc::ENOSYS)),
        }
    }
}

/// EINVAL or ENOSYS: this kernel has no such namespaces.
fn too_old(kinds: &[NsKind]) -> Advice {
    let list: Vec<String> = kinds.iter().map(|kind| format!("{} ({})", kind.name(), since(*kind))).collect();
    let list = list.join(", ");
    let release = release();
    Advice {
        because: both!(
            "this kernel ({release}) has not all of these namespaces; the version that brought each: {list}.",
            "ce noyau ({release}) n'a pas tous ces espaces de noms ; la version qui a apporté chacun : {list}."
        ),
        remedy: both!(
            "Use a newer kernel, or one built with them (CONFIG_NAMESPACES, CONFIG_USER_NS, CONFIG_TIME_NS …).",
            "Utilisez un noyau plus récent, ou compilé avec eux (CONFIG_NAMESPACES, CONFIG_USER_NS, CONFIG_TIME_NS…)."
        ),
        commands: Vec::new(),
    }
}

/// The kernel version that brought a type of namespaces, namespaces(7).
const fn since(kind: NsKind) -> &'static str {
    match kind {
        NsKind::User => "3.8",
        NsKind::Mnt => "2.4.19",
        NsKind::Uts | NsKind::Ipc => "2.6.19",
        NsKind::Pid => "2.6.24",
        NsKind::Net => "2.6.29",
        NsKind::Cgroup => "4.6",
        NsKind::Time => "5.6",
    }
}

/// The kernel's release; empty where uname(2) fails.
pub(super) fn release() -> String {
    read::uname().map_or_else(|_| String::new(), |name| name.release().to_string_lossy().into_owned())
}

/// The mounts of /proc/PID/mountinfo, proc_pid_mountinfo(5).
fn mounts(text: &str) -> Vec<(String, String, String)> {
    let mount = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let mut fields = head.split(' ');
        let root = fields.nth(3)?;
        let point = fields.next()?;
        let plain = |field: &str| field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
        Some((plain(point), tail.split(' ').next()?.to_owned(), plain(root)))
    };
    text.lines().filter_map(mount).collect()
}

/// The failed call, its errno in words, and the cause.
pub(super) fn say_failed(failed: &Failed, advice: &Advice) -> Both {
    Lang::ALL.map(|lang| {
        let call = &failed.call;
        let why = failed.errno.explain(lang);
        let [en, fr] = &advice.because;
        let because = lang.pick(en, fr);
        if call.starts_with("/etc/") {
            // Nothing was called yet: a file is not as it must be.
            return because.clone();
        }
        say!(lang, "{call} failed ({why}): {because}", "{call} a échoué ({why}) : {because}")
    })
}
/// The AppArmor profile, as packages install it: assets/apparmor/cloison.
const PROFILE: &str = include_str!("../../assets/apparmor/cloison");

/// The command that writes the profile for the program at this path, and loads it.
fn install_profile(program: &str) -> String {
    let lines = PROFILE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let text = lines.collect::<Vec<_>>().join("\\n") + "\\n";
    let text = text.replace("/usr/bin/cloison", &program.replace('%', "%%"));
    format!("printf '{text}' | sudo tee /etc/apparmor.d/cloison && sudo apparmor_parser -r /etc/apparmor.d/cloison")
}
