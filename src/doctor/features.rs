//! The features that lessons build boxes from, each tried as a lesson would.

use super::bench::{Attempt, Bench, Failed, Stage, fork, leave, mount};
use super::clues::{Advice, Clues, release, say_failed};
use super::{Finding, State, tools};
use crate::i18n::Lang;
use crate::lab::maps::subordinate_range;
use crate::lesson::diagnostic::{Both, both};
use crate::lesson::op::{LinkOp, MapKind, NsKind, Op, RootKind};
use crate::say;

/// From an attempt to what is said about it. `seen`: what it shows when it worked.
fn judge(
    key: &'static str,
    name: Both,
    seen: &Both,
    attempt: Attempt,
    advise: impl FnOnce(&Failed) -> Advice,
) -> Finding {
    match attempt {
        Attempt::Worked => Finding::new(key, State::Works, name, seen),
        Attempt::Untried(why) => Finding::new(key, State::Untried, name, &why),
        Attempt::Failed(failed) => {
            let advice = advise(&failed);
            Finding::new(key, State::Missing, name, &say_failed(&failed, &advice))
                .with_remedy(advice.remedy, advice.commands)
                .with_errno(Some(failed.errno))
        }
    }
}

/// The lab: without it nothing else can be tried.
pub(super) fn lab(bench: &Bench, clues: &Clues) -> Finding {
    let name = both!("The lab's keeper", "Le gardien du laboratoire");
    let Some((words, errno)) = bench.trouble() else {
        let seen = both!("a keeper process was started and answered.", "un processus gardien a démarré et répondu.");
        return Finding::new("lab", State::Works, name, &seen);
    };
    let advice = clues.advise_lab(errno.map(|errno| errno.0));
    let [en, fr] = &words;
    let [because, cause] = &advice.because;
    let why = [format!("{en}: {because}"), format!("{fr} : {cause}")];
    Finding::new("lab", State::Missing, name, &why).with_remedy(advice.remedy, advice.commands).with_errno(errno)
}

/// One type of namespaces: left together with the user namespace, and used.
pub(super) fn namespace(bench: &mut Bench, clues: &Clues, kind: NsKind) -> Finding {
    let attempt = bench.attempt(|me| {
        let child = format!("{me}-child");
        let mut ops = vec![leave(me, &[kind])];
        match kind {
            NsKind::User | NsKind::Ipc | NsKind::Cgroup => {}
            NsKind::Mnt => ops.push(mount(me, "tmpfs", "/tmp", "size=4k")),
            NsKind::Uts => ops.push((me.to_owned(), Op::Hostname { name: "doctor".to_owned() })),
            NsKind::Pid => ops.push(fork(me, &child)),
            NsKind::Net => ops.push((me.to_owned(), Op::Link(LinkOp::Up { name: "lo".to_owned() }))),
            NsKind::Time => {
                ops.push((me.to_owned(), Op::Clock { monotonic: 60, boottime: 60 }));
                ops.push(fork(me, &child));
            }
        }
        ops
    });
    let (key, name, seen) = words_of(kind);
    judge(key, name, &seen, attempt, |failed| clues.advise(&[NsKind::User, kind], failed))
}

fn words_of(kind: NsKind) -> (&'static str, Both, Both) {
    match kind {
        NsKind::User => (
            "userns",
            both!("User namespaces", "Espaces de noms user"),
            both!("made one, mapped, root inside.", "créé, ids associés, root à l'intérieur."),
        ),
        NsKind::Mnt => (
            "mntns",
            both!("Mount namespaces", "Espaces de noms mnt"),
            both!("made one and mounted a tmpfs in it.", "créé, et un tmpfs monté à l'intérieur."),
        ),
        NsKind::Uts => (
            "utsns",
            both!("UTS namespaces", "Espaces de noms uts"),
            both!("made one, with a host name of its own.", "créé, avec un nom d'hôte à lui."),
        ),
        NsKind::Ipc => ("ipcns", both!("IPC namespaces", "Espaces de noms ipc"), both!("made one.", "créé.")),
        NsKind::Pid => (
            "pidns",
            both!("PID namespaces", "Espaces de noms pid"),
            both!("made one, with a PID 1 in it.", "créé, avec un PID 1 à l'intérieur."),
        ),
        NsKind::Net => (
            "netns",
            both!("Network namespaces", "Espaces de noms net"),
            both!("made one and brought its lo up.", "créé, et son interface lo activée."),
        ),
        NsKind::Cgroup => {
            ("cgroupns", both!("Cgroup namespaces", "Espaces de noms cgroup"), both!("made one.", "créé."))
        }
        NsKind::Time => (
            "timens",
            both!("Time namespaces", "Espaces de noms time"),
            both!("made one with its clocks a minute ahead.", "créé, avec des horloges en avance d'une minute."),
        ),
    }
}

/// A fresh /proc in user, PID and mount namespaces of its own.
pub(super) fn proc_mount(bench: &mut Bench, clues: &Clues) -> Finding {
    let attempt = bench.attempt(|me| {
        let init = format!("{me}-init");
        vec![leave(me, &[NsKind::Mnt, NsKind::Pid]), fork(me, &init), mount(&init, "proc", "/proc", "")]
    });
    let name = both!("A fresh /proc in a box", "Un /proc neuf dans une boîte");
    let seen = both!("mounted one in a PID namespace.", "monté dans un espace de noms pid.");
    judge("proc-mount", name, &seen, attempt, |failed| clues.advise_proc(failed))
}

/// A veth pair, in a network namespace of its own.
pub(super) fn veth(bench: &mut Bench, clues: &Clues) -> Finding {
    let attempt = bench.attempt(|me| {
        let [name, peer] = ["doctor0", "doctor1"].map(str::to_owned);
        let pair = Op::Link(LinkOp::Veth { name, actor: me.to_owned(), peer });
        vec![leave(me, &[NsKind::Net]), (me.to_owned(), pair)]
    });
    let name = both!("Virtual cables (veth)", "Câbles virtuels (veth)");
    let seen = both!("made a pair in a network namespace.", "une paire créée dans un espace de noms net.");
    judge("veth", name, &seen, attempt, |failed| {
        if failed.stage == Stage::Use && failed.errno.0 == libc::EOPNOTSUPP {
            return Advice {
                because: both!("the kernel's veth module is not loaded.", "le module veth du noyau n'est pas chargé."),
                remedy: both!("Load it", "Chargez-le"),
                commands: vec!["sudo modprobe veth".to_owned()],
            };
        }
        clues.advise(&[NsKind::User, NsKind::Net], failed)
    })
}

/// Tracing a program's system calls, as the lessons show them.
pub(super) fn ptrace(bench: &mut Bench, clues: &Clues) -> Finding {
    let attempt = bench.attempt(|me| {
        let op = Op::Run { argv: vec!["true".to_owned()], seconds: 2, background: false, trace: true };
        vec![(me.to_owned(), op)]
    });
    let name = both!("Tracing system calls (ptrace)", "Tracer des appels système (ptrace)");
    let seen = both!("traced those of a program.", "tracé ceux d'un programme.");
    judge("ptrace", name, &seen, attempt, |failed| clues.advise_ptrace(failed))
}

/// overlayfs by an ordinary user, with `userxattr` (Linux 5.11).
pub(super) fn overlay(bench: &mut Bench, clues: &Clues) -> Finding {
    // The directories of a minimal root serve as layers: they lie on one tmpfs.
    const LAYERS: &str = "lowerdir=/var,upperdir=/run,workdir=/root,userxattr";
    let attempt = bench.attempt(|me| {
        vec![
            leave(me, &[NsKind::Mnt]),
            (me.to_owned(), Op::Root { kind: RootKind::Host }),
            (me.to_owned(), Op::Chroot { path: "{root}".to_owned() }),
            mount(me, "overlay", "/sys", LAYERS),
        ]
    });
    let name = both!("overlayfs without privileges", "overlayfs sans privilège");
    let seen =
        both!("mounted two layers on a tmpfs, with userxattr.", "deux couches montées sur un tmpfs, avec userxattr.");
    judge("overlay", name, &seen, attempt, |failed| {
        let errno = failed.errno.0;
        if errno == libc::ENODEV {
            return Advice {
                because: both!(
                    "the kernel's overlay module is not loaded.",
                    "le module overlay du noyau n'est pas chargé."
                ),
                remedy: both!("Load it", "Chargez-le"),
                commands: vec!["sudo modprobe overlay".to_owned()],
            };
        }
        let layers = failed.call.contains("\"overlay\"");
        if layers && matches!(errno, libc::EPERM | libc::EINVAL) && older_than(&release(), 5, 11) {
            let release = release();
            return Advice {
                because: both!(
                    "ordinary users can mount overlays since Linux 5.11; this is {release}.",
                    "les utilisateurs ordinaires peuvent monter un overlay depuis Linux 5.11 ; ce noyau est le {release}."
                ),
                remedy: both!("Use a newer kernel.", "Utilisez un noyau plus récent."),
                commands: Vec::new(),
            };
        }
        clues.advise(&[NsKind::User, NsKind::Mnt], failed)
    })
}

/// Whether a release (`6.1.0-13-amd64`) is older than a version.
pub(super) fn older_than(release: &str, major: u32, minor: u32) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(one), Some(two)) => (one, two) < (major, minor),
        _ => false,
    }
}

/// A range of ids by newuidmap(1); root needs no such help.
pub(super) fn subids(bench: &mut Bench, clues: &Clues) -> Finding {
    let attempt = bench.attempt(|me| {
        let op = Op::Unshare { kinds: vec![NsKind::User], map: Some(MapKind::Range) };
        vec![(me.to_owned(), op)]
    });
    let name = both!("A range of subordinate ids", "Une plage d'identifiants subordonnés");
    let seen = if clues.uid == 0 {
        both!("mapped a range; root needs no /etc/subuid.", "plage associée ; root n'a pas besoin de /etc/subuid.")
    } else {
        both!("newuidmap and newgidmap mapped a range.", "newuidmap et newgidmap ont associé une plage.")
    };
    judge("subids", name, &seen, attempt, |failed| subids_advice(clues, failed))
}

fn subids_advice(clues: &Clues, failed: &Failed) -> Advice {
    if clues.uid == 0 || failed.stage == Stage::Unshare {
        return clues.advise(&[NsKind::User], failed);
    }
    let absent: Vec<&str> = ["newuidmap", "newgidmap"].into_iter().filter(|name| tools::find(name).is_none()).collect();
    if !absent.is_empty() {
        let absent = absent.join(", ");
        return Advice {
            because: both!("there is no {absent} here.", "il n'y a pas de {absent} ici."),
            remedy: both!("Install them", "Installez-les"),
            commands: vec!["sudo apt install uidmap".to_owned()],
        };
    }
    let uid = clues.uid;
    let user = nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
    let without: Vec<&str> = ["/etc/subuid", "/etc/subgid"]
        .into_iter()
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            subordinate_range(&text, uid, user.as_deref()).is_none()
        })
        .collect();
    if !without.is_empty() {
        let files = without.join(", ");
        let who = user.clone().unwrap_or_else(|| uid.to_string());
        let commands = match &user {
            Some(name) => {
                vec![format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}")]
            }
            None => without.iter().map(|file| format!("echo {uid}:100000:65536 | sudo tee -a {file}")).collect(),
        };
        return Advice {
            because: both!("{files}: no range for {who}.", "{files} : aucune plage pour {who}."),
            remedy: both!(
                "Give this user a range that no other has",
                "Donnez à cet utilisateur une plage que nul autre n'a"
            ),
            commands,
        };
    }
    let mut advice = clues.advise(&[NsKind::User], failed);
    if clues.apparmor_restricts.is_none_or(|value| value == 0) && clues.has_all_ids() {
        advice = Advice {
            because: both!(
                "newuidmap was refused: it must be setuid root or have file capabilities, and your session must not have no_new_privs.",
                "newuidmap a été refusé : il doit être setuid root ou avoir des capacités de fichier, et votre session ne doit pas être en no_new_privs."
            ),
            remedy: both!("Install it anew", "Réinstallez-le"),
            commands: vec!["sudo apt install --reinstall uidmap".to_owned()],
        };
    }
    advice
}

/// setns(2): entering another process's namespaces.
pub(super) fn setns(bench: &mut Bench, clues: &Clues) -> Finding {
    let kinds = [NsKind::User, NsKind::Uts];
    let attempt = bench.attempt_of_two(|me, other| {
        let op = Op::Setns { of: other.to_owned(), kinds: kinds.to_vec() };
        vec![leave(other, &kinds), (me.to_owned(), op)]
    });
    let name = both!("Entering namespaces (setns)", "Entrer dans des espaces de noms (setns)");
    let seen = both!("entered those of another process.", "entré dans ceux d'un autre processus.");
    judge("setns", name, &seen, attempt, |failed| clues.advise(&kinds, failed))
}

/// The machine's own root: leaves a namespace without the help of a user
/// namespace, and owns every id.
pub(super) fn real_root(bench: &mut Bench, clues: &Clues) -> Finding {
    let name = both!("The machine's own root", "Le root de la machine");
    let attempt = bench.attempt(|me| vec![(me.to_owned(), Op::Unshare { kinds: vec![NsKind::Uts], map: None })]);
    let sudo = || both!("Run cloison with sudo", "Lancez cloison avec sudo");
    if clues.uid != 0 {
        let uid = clues.uid;
        let why = both!(
            "you are uid {uid}: lessons that need real root are closed, the others don't need it.",
            "vous êtes l'uid {uid} : les leçons qui demandent le vrai root sont fermées, les autres s'en passent."
        );
        return Finding::new("real-root", State::Limited, name, &why)
            .with_remedy(sudo(), vec!["sudo cloison".to_owned()]);
    }
    if attempt == Attempt::Worked && !clues.has_all_ids() {
        let map = &clues.uid_map;
        let why = both!(
            "you are root of a user namespace, not of the machine (uid_map: {map}).",
            "vous êtes root d'un espace de noms user, pas de la machine (uid_map : {map})."
        );
        let remedy = both!("Start cloison outside of it.", "Lancez cloison en dehors.");
        return Finding::new("real-root", State::Limited, name, &why).with_remedy(remedy, Vec::new());
    }
    let seen = Lang::ALL.map(|lang| {
        say!(
            lang,
            "left a namespace by root's own rights; every id is itself.",
            "quitté un espace de noms par les seuls droits de root ; chaque identifiant est lui-même."
        )
    });
    judge("real-root", name, &seen, attempt, |failed| clues.advise(&[NsKind::Uts], failed))
}
