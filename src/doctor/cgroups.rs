//! The control groups: which version, and what is delegated to this user. Makes
//! one empty group and removes it at once; touches no other.

use std::path::{Path, PathBuf};

use super::bench::{Attempt, Bench, Failed};
use super::{Finding, State};
use crate::i18n::{Explain, Lang};
use crate::kernel::{Errno, read};
use crate::lesson::diagnostic::{Both, both};
use crate::lesson::op::{CgroupOp, Controller, DeviceRule, Op};

/// What groups of an attempt are called, before their PID.
const ATTEMPT: &str = "cloison-doctor-";

/// The version, and what is delegated. `root`: "/" but in tests.
pub(super) fn findings(root: &Path) -> Vec<Finding> {
    let mounts = std::fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mounts = Mounts::of(&mounts);
    let mut found = vec![mounts.version()];
    found.push(mounts.delegation(root));
    found
}

/// A group as lessons use it: made with this controller, entered and removed.
fn try_one(bench: &mut Bench, controller: Option<Controller>) -> Attempt {
    match bench.groups(controller) {
        Attempt::Worked => {}
        other => return other,
    }
    bench.attempt(|me| {
        let group = || me.to_owned();
        let mut ops = vec![CgroupOp::Create { group: group(), controllers: controller.into_iter().collect() }];
        if controller == Some(Controller::Devices) {
            // In version 2 a group alone is not enough: only root may have the program.
            ops.push(CgroupOp::Devices { group: group(), allow: DeviceRule::parse("a").into_iter().collect() });
        }
        ops.extend([CgroupOp::Join { group: group() }, CgroupOp::Leave, CgroupOp::Remove { group: group() }]);
        ops.into_iter().map(|op| (me.to_owned(), Op::Cgroup(op))).collect()
    })
}

/// What a lesson needs of groups.
pub(super) fn usable(bench: &mut Bench, controller: Option<Controller>) -> Finding {
    let attempt = try_one(bench, controller);
    let (key, name) = match controller.map(Controller::name) {
        None => ("cgroup", both!("Control groups of one's own", "Groupes de contrôle à soi")),
        Some(controller) => (
            "cgroup-controller",
            both!(
                "Control groups with the controller {controller}",
                "Groupes de contrôle avec le contrôleur {controller}"
            ),
        ),
    };
    match attempt {
        Attempt::Worked => {
            let seen = both!("made one, entered and removed it.", "créé, occupé puis retiré.");
            Finding::new(key, State::Works, name, &seen)
        }
        Attempt::Untried(why) => Finding::new(key, State::Untried, name, &why),
        Attempt::Failed(failed) => {
            let (remedy, commands) = remedy(&failed);
            Finding::new(key, State::Missing, name, &said(&failed))
                .with_remedy(remedy, commands)
                .with_errno(Some(failed.errno))
        }
    }
}

/// Which controllers lessons can have.
pub(super) fn for_lessons(bench: &mut Bench) -> Finding {
    let name = both!("Control groups: controllers for lessons", "Groupes de contrôle : contrôleurs pour les leçons");
    let (mut had, mut lacking, mut first) = (Vec::new(), Vec::new(), None);
    for controller in TRIED {
        match try_one(bench, Some(controller)) {
            Attempt::Worked => had.push(controller.name()),
            Attempt::Untried(why) => return Finding::new("cgroup-controllers", State::Untried, name, &why),
            Attempt::Failed(failed) => {
                lacking.push(controller.name());
                first = first.or(Some(failed));
            }
        }
    }
    let (had, lacking) = (had.join(", "), lacking.join(", "));
    let Some(failed) = first else {
        let why = both!("made groups with {had}.", "groupes créés avec {had}.");
        return Finding::new("cgroup-controllers", State::Works, name, &why);
    };
    let [en, fr] = said(&failed);
    let (state, why) = if had.is_empty() {
        (State::Missing, [en, fr])
    } else {
        let en = format!("made groups with {had}; not with {lacking}: {en}");
        (State::Limited, [en, format!("groupes créés avec {had} ; pas avec {lacking} : {fr}")])
    };
    let (remedy, commands) = remedy(&failed);
    Finding::new("cgroup-controllers", state, name, &why).with_remedy(remedy, commands).with_errno(Some(failed.errno))
}

/// Those that lessons use.
const TRIED: [Controller; 7] = [
    Controller::Cpu,
    Controller::Cpuset,
    Controller::Io,
    Controller::Memory,
    Controller::Pids,
    Controller::Freezer,
    Controller::Devices,
];

fn said(failed: &Failed) -> Both {
    let [en, fr] = Lang::ALL.map(|lang| failed.errno.explain(lang));
    let call = &failed.call;
    let refused = matches!(failed.errno.0, libc::EACCES | libc::EPERM) && !call.starts_with("bpf");
    if refused && read::ids().0 != 0 {
        return [
            format!("{call}: {en}. The groups there are another user's, and none is delegated to you."),
            format!("{call} : {fr}. Ces groupes sont à un autre utilisateur, et aucun ne vous est délégué."),
        ];
    }
    [format!("{call}: {en}."), format!("{call} : {fr}.")]
}

/// What helps where a group could not be had.
fn remedy(failed: &Failed) -> (Both, Vec<String>) {
    let root = Path::new("/");
    let sudo = (both!("Run cloison with sudo", "Lancez cloison avec sudo"), vec!["sudo cloison".to_owned()]);
    let ordinary = read::ids().0 != 0;
    // A program for devices is root's, whatever groups one has.
    if ordinary && failed.call.starts_with("bpf") {
        return sudo;
    }
    let mounts = Mounts::of(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    match &mounts.unified {
        // systemd gives groups to this user, but not with all controllers.
        Some(_) if ordinary && failed.errno.0 == libc::EOPNOTSUPP && root.join("run/systemd/system").is_dir() => (
            both!(
                "Have systemd delegate all controllers to its users, then log in again",
                "Faites déléguer par systemd tous les contrôleurs à ses utilisateurs, puis reconnectez-vous"
            ),
            vec![
                "sudo mkdir -p /etc/systemd/system/user@.service.d".to_owned(),
                "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf".to_owned(),
                "sudo systemctl daemon-reload".to_owned(),
            ],
        ),
        Some((point, _)) if mounts.legacy == 0 => (words(), commands(root, Path::new(point))),
        _ if ordinary => sudo,
        _ => (
            both!("Use a machine whose kernel has this controller.", "Utilisez une machine dont le noyau a ce contrôleur."),
            Vec::new(),
        ),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Mounts {
    /// The mount point of the one tree of version 2, and its root within the tree.
    unified: Option<(String, String)>,
    /// How many trees of version 1.
    legacy: usize,
}

impl Mounts {
    fn of(mountinfo: &str) -> Self {
        let mut mounts = Self::default();
        for line in mountinfo.lines() {
            let Some((head, tail)) = line.split_once(" - ") else { continue };
            let mut fields = head.split(' ').skip(3);
            let (Some(inner), Some(point)) = (fields.next(), fields.next()) else { continue };
            match tail.split(' ').next() {
                Some("cgroup2") if mounts.unified.is_none() => {
                    mounts.unified = Some((point.to_owned(), inner.to_owned()));
                }
                Some("cgroup") => mounts.legacy += 1,
                _ => {}
            }
        }
        mounts
    }

    fn version(&self) -> Finding {
        let name = both!("Control groups: version", "Groupes de contrôle : version");
        let legacy = self.legacy;
        let (state, why) = match (&self.unified, legacy) {
            (Some(_), 0) => (State::Works, both!("version 2 alone.", "version 2 seule.")),
            (Some((point, _)), _) => (
                State::Limited,
                both!(
                    "hybrid: {legacy} trees of version 1, and version 2 at {point}. Controllers bound to version 1 are not to be had in version 2.",
                    "hybride : {legacy} arbres de version 1, et la version 2 dans {point}. Les contrôleurs liés à la version 1 manquent à la version 2."
                ),
            ),
            (None, 0) => (State::Missing, both!("none is mounted.", "aucun n'est monté.")),
            (None, _) => {
                (State::Limited, both!("version 1 alone ({legacy} trees).", "version 1 seule ({legacy} arbres)."))
            }
        };
        let finding = Finding::new("cgroup-version", state, name, &why);
        if state == State::Works {
            return finding;
        }
        finding.with_remedy(
            both!(
                "Start with version 2 alone: add systemd.unified_cgroup_hierarchy=1 (without systemd: cgroup_no_v1=all) to the kernel's command line, and restart.",
                "Démarrez avec la version 2 seule : ajoutez systemd.unified_cgroup_hierarchy=1 (sans systemd : cgroup_no_v1=all) à la ligne de commande du noyau, puis redémarrez."
            ),
            Vec::new(),
        )
    }

    /// Whether this process may make groups below its own, and with which controllers.
    fn delegation(&self, root: &Path) -> Finding {
        let name = both!("Control groups: delegated to you", "Groupes de contrôle : ce qui vous est délégué");
        let Some((point, inner)) = &self.unified else {
            let why = both!("there is no tree of version 2.", "il n'y a pas d'arbre de version 2.");
            return Finding::new("cgroup-delegation", State::Missing, name, &why).with_remedy(
                both!("Use version 2, as said above.", "Utilisez la version 2, comme indiqué ci-dessus."),
                Vec::new(),
            );
        };
        let text = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let own = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").to_owned();
        let tree = root.join(point.trim_start_matches('/'));
        let group = below(&tree, inner, &own);
        let controllers = controllers(&group);
        match make_one(&group) {
            Ok(()) if controllers.is_empty() => {
                let why = both!(
                    "{own}: you may make groups, but no controller comes with them.",
                    "{own} : vous pouvez créer des groupes, mais aucun contrôleur ne les accompagne."
                );
                Finding::new("cgroup-delegation", State::Limited, name, &why)
                    .with_remedy(words(), commands(root, &tree))
            }
            Ok(()) => {
                let why = both!(
                    "{own}: you may make groups, with {controllers}.",
                    "{own} : vous pouvez créer des groupes, avec {controllers}."
                );
                Finding::new("cgroup-delegation", State::Works, name, &why)
            }
            Err(errno) => refused(name, &own, errno, root, &tree),
        }
    }
}

/// The own group is not ours to divide: is there another that systemd gives?
fn refused(name: Both, own: &str, errno: Errno, root: &Path, tree: &Path) -> Finding {
    let uid = read::ids().0;
    let service = format!("user.slice/user-{uid}.slice/user@{uid}.service");
    let given = tree.join(&service);
    let [en, fr] = Lang::ALL.map(|lang| errno.explain(lang));
    let writable = nix::unistd::access(&given, nix::unistd::AccessFlags::W_OK).is_ok();
    let controllers = controllers(&given);
    let (state, why) = if writable {
        (
            State::Limited,
            [
                format!(
                    "{own}: no group can be made here ({en}), but systemd gives you /{service}, with {controllers}."
                ),
                format!(
                    "{own} : aucun groupe ne peut être créé ici ({fr}), mais systemd vous donne /{service}, avec {controllers}."
                ),
            ],
        )
    } else {
        (
            State::Missing,
            [
                format!("{own}: no group can be made here ({en}): it belongs to another user."),
                format!("{own} : aucun groupe ne peut être créé ici ({fr}) : il appartient à un autre utilisateur."),
            ],
        )
    };
    Finding::new("cgroup-delegation", state, name, &why)
        .with_remedy(words(), commands(root, tree))
        .with_errno(Some(errno))
}

fn words() -> Both {
    both!("Start cloison in a group of its own", "Lancez cloison dans un groupe à lui")
}

/// Commands that give this user a group of its own: systemd's, where systemd runs
/// (sd_booted(3)), or root's own.
fn commands(root: &Path, tree: &Path) -> Vec<String> {
    let uid = read::ids().0;
    if root.join("run/systemd/system").is_dir() {
        let user = if uid == 0 { "" } else { "--user " };
        return vec![format!("systemd-run {user}--scope -p Delegate=yes cloison")];
    }
    let group = tree.join(format!("cloison-{uid}"));
    let group = group.display();
    // The shell in a group below: one with processes can't have groups with controllers.
    vec![
        format!("sudo mkdir -p {group}/shell"),
        format!(
            "sudo chown {uid} {group} {group}/cgroup.{{procs,threads,subtree_control}} {group}/shell {group}/shell/cgroup.procs"
        ),
        format!("echo $$ | sudo tee {group}/shell/cgroup.procs"),
    ]
}

/// The directory of a group: the mount may show a part of the tree only.
fn below(tree: &Path, inner: &str, own: &str) -> PathBuf {
    let own = own.strip_prefix(inner.trim_end_matches('/')).unwrap_or(own);
    tree.join(own.trim_start_matches('/'))
}

fn controllers(group: &Path) -> String {
    let text = std::fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    text.split_ascii_whitespace().collect::<Vec<_>>().join(", ")
}

/// Makes a group and removes it; first the empty ones that killed attempts left.
fn make_one(group: &Path) -> Result<(), Errno> {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(ATTEMPT) {
            // Another doctor's, at work right now, or gone already.
            let _ = std::fs::remove_dir(entry.path());
        }
    }
    let path = group.join(format!("{ATTEMPT}{}", std::process::id()));
    std::fs::create_dir(&path).map_err(|error| Errno::from(&error))?;
    match std::fs::remove_dir(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Errno::from(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "40 31 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";

    #[test]
    fn each_arrangement_of_trees_is_told_apart() {
        let state = |text: &str| Mounts::of(text).version();
        assert_eq!(state(V2).state, State::Works);
        assert!(state(&format!("{V1}{V2}")).why(Lang::En).starts_with("hybrid: 1 tree"));
        assert!(state(V1).why(Lang::Fr).starts_with("version 1 seule"));
        assert_eq!(state("").state, State::Missing);
        assert_eq!(state("no mountinfo at all\n - \n").state, State::Missing);
    }

    #[test]
    fn the_own_group_is_found_where_a_container_sees_a_part_of_the_tree() {
        let tree = Path::new("/sys/fs/cgroup");
        assert_eq!(below(tree, "/", "/user.slice/a.scope"), tree.join("user.slice/a.scope"));
        assert_eq!(below(tree, "/docker/abc", "/docker/abc/init"), tree.join("init"));
        assert_eq!(below(tree, "/", "/"), tree.join(""));
    }
}
