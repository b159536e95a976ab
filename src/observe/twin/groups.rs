//! Control groups as rows: the tree of the lab's groups with who is in which, and what
//! their files say, a number to a row. The same for the screen, the line interface and
//! the marks of what changed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Key;
use super::group_files::{About, FileRow, rows_of};
use crate::i18n::Lang;
use crate::observe::cgroups::{Bound, Cgroups, Group};
use crate::observe::diff::Change;
use crate::observe::layers::hash;
use crate::observe::model::{ActorView, Snapshot};
use crate::say;

/// The controllers that version 2 has, cgroup-v2.rst; those of version 1 by that name.
const CONTROLLERS: [(&str, &str); 8] = [
    ("memory", "memory"),
    ("cpu", "cpu"),
    ("cpuset", "cpuset"),
    ("pids", "pids"),
    ("io", "blkio"),
    ("hugetlb", "hugetlb"),
    ("rdma", "rdma"),
    ("misc", "misc"),
];

/// A group of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow<'a> {
    /// Its name: the path from the lab's own group on, `/` for that.
    pub name: &'a str,
    /// The branches before its name, and the last part of the name.
    pub stem: String,
    /// What it is.
    pub group: &'a Group,
    /// Who is in it.
    pub members: Vec<Member>,
    /// Whether the box's process is in it, and its files are shown first.
    pub boxed: bool,
}

/// A process in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its PID.
    pub pid: u32,
    /// The actor that it is, or its name; may hold anything.
    pub name: String,
    /// The controllers in whose trees it is in this group, and those in which it is not;
    /// of these there are some in version 1 alone.
    pub trees: [Vec<String>; 2],
}

impl Member {
    /// Its name and number, and in which trees it is here, where that is not in all; may
    /// hold anything.
    pub fn says(&self, lang: Lang) -> String {
        let [here, elsewhere] = &self.trees;
        let trees = match (here, elsewhere) {
            (_, none) if none.is_empty() => String::new(),
            (here, elsewhere) if elsewhere.len() < here.len() => {
                let names = elsewhere.join(", ");
                say!(lang, " (not {names})", " (sauf {names})")
            }
            (here, _) => format!(" ({})", here.join(", ")),
        };
        format!("{} {}{trees}", self.name, self.pid).trim_start().to_owned()
    }
}

/// Why controllers are not in the groups of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// The tree of version 2 has it, the group doesn't: not in `cgroup.subtree_control`.
    NotEnabled,
    /// It is bound to a tree of version 1 in which the lab has no group.
    OtherTree,
    /// It is bound to no tree in view.
    Unbound,
    /// It is switched off (`cgroup_disable=`).
    Disabled,
    /// The kernel was built without it.
    Absent,
}

/// The groups of a snapshot, for the actor that is the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups<'a> {
    /// The directories in which the box itself finds the files of its groups; none
    /// where it sees no tree; nothing where that is not known.
    pub found: Option<Vec<&'a str>>,
    /// What is mounted: `v2`, `hybrid`, `v1`, `none`.
    pub mode: &'a str,
    /// The tree, from its root on.
    pub tree: Vec<GroupRow<'a>>,
    /// What the files say: those of the box's groups first.
    pub files: Vec<FileRow<'a>>,
    /// Controllers that are not in the box's groups, by the reason.
    pub lacks: BTreeMap<Lack, Vec<&'static str>>,
    /// Whether pressure is measured (PSI) in one of the groups of version 2; nothing
    /// where none is of version 2.
    pub pressure: Option<bool>,
}

impl Groups<'_> {
    /// What there is to say of what is not there. It may hold anything: names, paths.
    pub fn notes(&self, boxed: &str, lang: Lang) -> Vec<String> {
        let mut texts = Vec::new();
        if self.mode == "none" {
            texts.push(say!(
                lang,
                "No cgroup tree is mounted here, so there are no groups.",
                "Aucune arborescence de cgroups n'est montée ici : il n'y a pas de groupes."
            ));
            return texts;
        }
        if self.tree.is_empty() {
            texts.push(say!(lang, "The lab has no group here.", "Le labo n'a pas de groupe ici."));
        } else if !self.tree.iter().any(|row| row.boxed) {
            texts.push(say!(lang, "{boxed} is in none of these groups.", "{boxed} n'est dans aucun de ces groupes."));
        }
        match self.found.as_deref() {
            None => {}
            Some([]) => texts.push(say!(
                lang,
                "seen from {boxed}: no cgroup tree that has its groups",
                "vu de {boxed} : aucune arborescence où soient ses groupes"
            )),
            Some(dirs) => {
                let dirs = dirs.join(", ");
                texts.push(say!(
                    lang,
                    "seen from {boxed}: the files of its groups are in {dirs}",
                    "vu de {boxed} : les fichiers de ses groupes sont dans {dirs}"
                ));
            }
        }
        for (lack, names) in &self.lacks {
            let names = names.join(", ");
            texts.push(match lack {
                Lack::NotEnabled => say!(
                    lang,
                    "{names}: not enabled for this group (cgroup.subtree_control of the one above it)",
                    "{names} : pas activé pour ce groupe (cgroup.subtree_control de celui du dessus)"
                ),
                Lack::OtherTree => say!(
                    lang,
                    "{names}: in a tree of version 1 where the box has no group of the lab",
                    "{names} : dans une arborescence de version 1 où la boîte n'a pas de groupe du labo"
                ),
                Lack::Unbound => say!(
                    lang,
                    "{names}: in the kernel, and bound to no tree in view",
                    "{names} : dans le noyau, mais lié à aucune arborescence visible"
                ),
                Lack::Disabled => say!(
                    lang,
                    "{names}: switched off when the kernel was started (cgroup_disable=)",
                    "{names} : désactivé au démarrage du noyau (cgroup_disable=)"
                ),
                Lack::Absent => {
                    say!(
                        lang,
                        "{names}: this kernel has no such controller",
                        "{names} : ce noyau n'a pas ce contrôleur"
                    )
                }
            });
        }
        if self.pressure == Some(false) {
            texts.push(say!(
                lang,
                "pressure: this kernel does not measure it (psi=1 when it starts)",
                "pression : ce noyau ne la mesure pas (psi=1 au démarrage)"
            ));
        }
        texts
    }
}

/// The groups of a snapshot as rows; nothing where no lesson is about them.
pub fn groups<'a>(snapshot: &'a Snapshot, boxed: &str) -> Option<Groups<'a>> {
    let all = snapshot.cgroups.as_ref()?;
    let actor = snapshot.actors.get(boxed);
    let own = own_groups(all, actor);
    let mut names: Vec<&str> = all.groups.keys().map(String::as_str).collect();
    names.sort_by_key(|name| parts(name));
    let tree = (0..names.len()).map(|at| {
        let (name, group) = (names[at], &all.groups[names[at]]);
        let mut members: Vec<Member> = group.members.iter().map(|pid| member(*pid, group, snapshot)).collect();
        // The box comes first, then who is in it everywhere.
        members.sort_by_key(|member| (actor.is_none_or(|actor| actor.pid != member.pid), member.trees[1].len()));
        GroupRow { name, stem: stem(&names, at), group, members, boxed: own.contains(&name) }
    });
    let tree: Vec<GroupRow<'_>> = tree.collect();
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for row in &tree {
        if row.boxed { &mut files } else { &mut others }.extend(rows_of(row.name, row.group));
    }
    // What matters of the box's groups, the rest of them, then the others.
    let (first, second): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.main);
    let mut files: Vec<FileRow<'_>> = first.into_iter().map(|file| FileRow { first: true, ..file }).collect();
    files.extend(second);
    files.extend(others);
    let pressure = tree.iter().flat_map(|row| row.group.at.values()).any(|at| at.version == 2);
    let pressure = pressure.then(|| files.iter().any(|file| file.file.ends_with(".pressure")));
    let seen = actor.and_then(|actor| actor.seen.read()?.group.as_ref()?.read());
    let found = seen.map(|group| {
        let dirs: BTreeSet<&str> = group.at.values().map(|at| at.dir.as_str()).collect();
        dirs.into_iter().collect()
    });
    Some(Groups { found, mode: &all.mode, lacks: lacks(all, &tree), tree, files, pressure })
}

/// The names of the groups that an actor is in: in version 1 there may be several, and
/// the lab's own then counts only where there is no other.
fn own_groups<'a>(all: &'a Cgroups, actor: Option<&ActorView>) -> Vec<&'a str> {
    let Some(actor) = actor else { return Vec::new() };
    // Not all members are listed of a crowd; a process that is inspected names its group.
    let own = actor.pid.to_string();
    let inside = all.groups.iter().filter(|(name, group)| **name == own || group.members.contains(&actor.pid));
    let (root, below): (Vec<&str>, Vec<&str>) = inside.map(|(name, _)| name.as_str()).partition(|name| *name == "/");
    if below.is_empty() { root } else { below }
}

/// Whether an actor stands still in a frozen group.
pub fn is_frozen(snapshot: &Snapshot, actor: &ActorView) -> bool {
    let groups = snapshot.cgroups.iter().flat_map(|all| all.groups.values());
    let mut inside = groups.filter(|group| group.members.contains(&actor.pid));
    actor.alive && inside.any(|group| group.frozen == Some(true))
}

fn parts(name: &str) -> Vec<&str> {
    name.split('/').filter(|part| !part.is_empty()).collect()
}

/// The branches of a tree before a name, and its last part.
fn stem(names: &[&str], at: usize) -> String {
    let own = parts(names[at]);
    let Some(last) = own.last() else { return "/".to_owned() };
    // Whether more comes below the same group at this depth.
    let goes_on = |depth: usize| {
        names[at + 1..]
            .iter()
            .map(|name| parts(name))
            .take_while(|other| other.len() >= depth && other[..depth - 1] == own[..depth - 1])
            .any(|other| other[..depth] != own[..depth])
    };
    // A process that is inspected has groups without a root.
    if !names.contains(&"/") {
        return own.join("/");
    }
    let mut stem = String::new();
    for depth in 1..own.len() {
        stem.push_str(if goes_on(depth) { "│ " } else { "  " });
    }
    stem.push_str(if goes_on(own.len()) { "├ " } else { "└ " });
    stem + last
}

fn member(pid: u32, group: &Group, snapshot: &Snapshot) -> Member {
    let actor = snapshot.actors.iter().find(|(_, actor)| actor.alive && actor.pid == pid);
    let process = || {
        let processes = snapshot.host.processes.read()?;
        let at = processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        Some(processes[at].name.clone())
    };
    let name = actor.map(|(name, _)| name.clone()).filter(|name| *name != pid.to_string());
    let (here, elsewhere): (Vec<_>, Vec<_>) = group.at.iter().partition(|(_, at)| at.members.contains(&pid));
    let trees = [here, elsewhere].map(|some| some.into_iter().map(|(controller, _)| controller.clone()).collect());
    Member { pid, name: name.or_else(process).unwrap_or_default(), trees }
}

fn lacks(all: &Cgroups, tree: &[GroupRow<'_>]) -> BTreeMap<Lack, Vec<&'static str>> {
    let mut found: BTreeMap<Lack, Vec<&'static str>> = BTreeMap::new();
    let boxed: Vec<&GroupRow<'_>> = tree.iter().filter(|row| row.boxed).collect();
    for (name, old) in CONTROLLERS {
        if boxed.iter().any(|row| row.group.at.contains_key(name)) {
            continue;
        }
        let lack = match all.controllers.get(name).or_else(|| all.controllers.get(old)) {
            Some(Bound { version: Some(2), .. }) => Lack::NotEnabled,
            Some(Bound { version: Some(_), .. }) => Lack::OtherTree,
            Some(Bound { enabled: true, .. }) => Lack::Unbound,
            Some(_) => Lack::Disabled,
            None => Lack::Absent,
        };
        found.entry(lack).or_default().push(name);
    }
    found
}

/// What a group is known by.
pub fn group_key(name: &str) -> Key {
    Key::CgroupDir(hash(&[name]))
}

/// What a row of a file is known by.
pub fn file_key(row: &FileRow<'_>) -> Key {
    Key::CgroupFile(hash(&[row.group, row.file, row.field.unwrap_or_default()]))
}

/// What changed of groups: they and their members, what was set, and events that rose.
/// That usage moves is no news.
pub fn group_changes(old: &Cgroups, new: &Cgroups, into: &mut BTreeMap<Key, Change>) {
    for (name, group) in &new.groups {
        let Some(before) = old.groups.get(name) else {
            into.insert(group_key(name), Change::Appeared);
            continue;
        };
        if (&before.members, before.frozen) != (&group.members, group.frozen) {
            into.insert(group_key(name), Change::Changed);
        }
        let was: BTreeMap<Key, FileRow<'_>> =
            rows_of(name, before).into_iter().map(|row| (file_key(&row), row)).collect();
        for row in rows_of(name, group) {
            let key = file_key(&row);
            if was.get(&key).is_some_and(|was| row.is_news_after(was)) {
                into.insert(key, Change::Changed);
                if row.about == About::Events {
                    into.insert(group_key(name), Change::Changed);
                }
            }
        }
    }
    for name in old.groups.keys().filter(|name| !new.groups.contains_key(*name)) {
        into.insert(group_key(name), Change::Vanished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_as_a_tree() {
        let mut names = ["/", "a", "a-b", "a/x", "a/x/y", "b", "b/z"];
        names.sort_by_key(|name| parts(name));
        let stems: Vec<String> = (0..names.len()).map(|at| stem(&names, at)).collect();
        assert_eq!(stems, ["/", "├ a", "│ └ x", "│   └ y", "├ a-b", "└ b", "  └ z"]);
        assert_eq!(stem(&["48213"], 0), "48213");
    }
}
