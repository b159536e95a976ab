//! `cloison snapshot [--pid P] [--json]`: the machine at this instant, the host's
//! side alone or beside one process seen from outside. Called by the command line;
//! reads only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

use crate::i18n::{Explain, Lang};
use crate::lesson::op::NsKind;
use crate::observe::model::{ActorView, Built, Reading, Snapshot, Unread, View, Wall};
use crate::observe::{Sampler, twin};
use crate::say;
use crate::term::safe;

/// Why there is no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// There is no /proc to read.
    #[error("{}", self.explain(Lang::En))]
    NoProc(Unread),
    /// The process asked for is not there, or may not be looked at.
    #[error("{}", self.explain(Lang::En))]
    Process {
        /// Its PID.
        pid: u32,
        /// What failed.
        why: Unread,
    },
    /// The snapshot could not be written as JSON.
    #[error("{}", self.explain(Lang::En))]
    Json(#[source] serde_json::Error),
}

/// That there is no /proc to read, and what it is needed for.
pub(super) fn no_proc(why: &Unread, lang: Lang) -> String {
    let (path, why) = (&why.path, why.errno.explain(lang));
    say!(
        lang,
        "failed to open {path}: {why}; a mounted /proc is needed to look at processes",
        "impossible d'ouvrir {path} : {why} ; il faut un /proc monté pour observer les processus"
    )
}

impl Explain for SnapshotError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoProc(why) => no_proc(why, lang),
            Self::Process { pid, why } if why.errno.0 == libc::ESRCH => say!(
                lang,
                "there is no process {pid} here; `ps -e` lists those that there are",
                "il n'y a pas de processus {pid} ici ; `ps -e` donne la liste de ceux qui existent"
            ),
            Self::Process { pid, why } => say!(
                lang,
                "failed to look at process {pid}: {} ({})",
                "impossible d'observer le processus {pid} : {} ({})",
                why.errno.explain(lang),
                why.path
            ),
            Self::Json(error) => say!(
                lang,
                "failed to write the snapshot as JSON: {error}",
                "impossible d'écrire l'instantané en JSON : {error}"
            ),
        }
    }
}

/// The text to print: JSON in the form of [`Snapshot`], where the process asked for
/// is the only actor, by the name of its PID; or a summary for a person.
pub fn run(pid: Option<u32>, json: bool, lang: Lang) -> Result<String, SnapshotError> {
    let mut sampler = Sampler::new().map_err(SnapshotError::NoProc)?;
    let mut snapshot = sampler.snapshot(Vec::new());
    if let Some(pid) = pid {
        let found = sampler.outside(pid, &snapshot.host).map_err(|why| SnapshotError::Process { pid, why })?;
        snapshot.actors = BTreeMap::from([(pid.to_string(), found)]);
    }
    if json {
        return serde_json::to_string_pretty(&snapshot).map(|text| safe::json(&text)).map_err(SnapshotError::Json);
    }
    Ok(summary(&snapshot, lang))
}

fn summary(snapshot: &Snapshot, lang: Lang) -> String {
    match snapshot.actors.iter().next() {
        Some((_, actor)) => of_process(&snapshot.host, actor, lang),
        None => of_host(&snapshot.host, lang),
    }
}

fn of_host(host: &View, lang: Lang) -> String {
    let mut rows = facts(host, lang);
    for kind in NsKind::ALL {
        let inode = host.ns.get(&kind).map_or_else(String::new, |inode| shown(inode, lang, u64::to_string));
        rows.push((kind.name().to_owned(), inode));
    }
    table(&rows)
}

fn facts(view: &View, lang: Lang) -> Vec<(String, String)> {
    let label = |en: &str, fr: &str| lang.pick(en, fr).to_owned();
    let name = |user: &Option<String>| user.as_ref().map_or_else(String::new, |user| format!(" ({user})"));
    vec![
        (label("host name", "nom d'hôte"), shown(&view.uts, lang, |uts| uts.hostname.clone())),
        (label("kernel", "noyau"), shown(&view.uts, lang, |uts| uts.release.clone())),
        ("pid".to_owned(), shown(&view.ids, lang, |ids| ids.pid.to_string())),
        ("uid".to_owned(), shown(&view.ids, lang, |ids| format!("{}{}", ids.uid, name(&ids.user)))),
        (label("processes", "processus"), shown(&view.processes, lang, |list| list.len().to_string())),
        (label("mounts", "montages"), shown(&view.mounts, lang, |list| list.len().to_string())),
        (
            "uid_map".to_owned(),
            shown(&view.users, lang, |users| {
                let lines = users.uid_map.iter();
                let lines: Vec<_> =
                    lines.map(|range| format!("{} {} {}", range.inside, range.outside, range.count)).collect();
                lines.join(", ")
            }),
        ),
        (label("capabilities", "capacités"), shown(&view.caps, lang, |caps| caps.effective.count().to_string())),
    ]
}

fn of_process(host: &View, actor: &ActorView, lang: Lang) -> String {
    let mut text = String::new();
    let title = say!(lang, "process {} from outside", "le processus {}, vu du dehors", actor.pid);
    let _ = writeln!(text, "{title}");
    if let Reading::Read(seen) = &actor.seen {
        text.push_str(&table(&facts(seen, lang)));
    }
    if actor.seen.read().is_some_and(|seen| seen.processes.read().is_some()) {
        let twins = twin::processes(host, actor);
        let joined = twins.rows.iter().filter(|row| row.inside.is_some()).count();
        let all = twins.rows.len();
        let _ = writeln!(
            text,
            "{}",
            say!(
                lang,
                "{joined} of the host's {all} processes are in its PID namespace, or below",
                "{joined} des {all} processus de l'hôte sont dans son espace de noms PID, ou en dessous"
            )
        );
    }
    for (wall, state) in &actor.walls {
        let (mark, word) = match state.state {
            Built::Open => ('□', lang.pick("open", "ouverte")),
            Built::Built => ('■', lang.pick("built", "dressée")),
            Built::Unknown => ('–', lang.pick("unknown", "inconnue")),
        };
        let evidence = if state.host == state.actor {
            state.actor.clone()
        } else {
            let (here, there) = (lang.pick("host", "hôte"), lang.pick("process", "processus"));
            say!(lang, "{here}: {}; {there}: {}", "{here} : {} ; {there} : {}", state.host, state.actor)
        };
        let _ = writeln!(text, "{mark} {:<13} {word:<9} {}", wall_name(*wall), plain(&evidence));
    }
    text
}

/// The name in the JSON, so that one can be looked up in the other.
fn wall_name(wall: Wall) -> &'static str {
    match wall {
        Wall::Root => "root",
        Wall::Mnt => "mnt",
        Wall::Uts => "uts",
        Wall::Ipc => "ipc",
        Wall::Pid => "pid",
        Wall::Net => "net",
        Wall::User => "user",
        Wall::Cgroup => "cgroup",
        Wall::Time => "time",
        Wall::Limits => "limits",
        Wall::Caps => "caps",
        Wall::Seccomp => "seccomp",
        Wall::NoNewPrivs => "no_new_privs",
        Wall::Lsm => "lsm",
    }
}

fn shown<T>(reading: &Reading<T>, lang: Lang, show: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::Read(value) => plain(&show(value)),
        Reading::Unread(why) => plain(&format!("({}, {})", why.errno.explain(lang), why.path)),
    }
}

fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (label, value) in rows {
        let _ = writeln!(text, "{label:<width$}  {value}");
    }
    text
}

/// Names come from whoever made the process: no control character of theirs
/// reaches the terminal, nor any that turns the direction of the line.
fn plain(text: &str) -> String {
    let turns = |char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|char| if char.is_control() || turns(char) { char::REPLACEMENT_CHARACTER } else { char }).collect()
}
