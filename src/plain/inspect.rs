//! What `cloison inspect` prints as lines: one process beside the host, or the list
//! of all that is apart. Pure but for the paper; called by the composition root.

use super::panes;
use super::paper::{Paper, Tone};
use crate::i18n::{Explain, Lang};
use crate::lesson::model::Pane;
use crate::observe::model::Snapshot;
use crate::observe::{Census, Container, Veil};
use crate::say;
use crate::term::safe::{fit, pad, pad_left, safe, width};

/// The panes of a process, one after the other.
const PANES: [Pane; 12] = [
    Pane::Processes,
    Pane::Users,
    Pane::Mounts,
    Pane::Layers,
    Pane::Names,
    Pane::Net,
    Pane::Ipc,
    Pane::Time,
    Pane::Cgroup,
    Pane::Namespaces,
    Pane::Caps,
    Pane::Seccomp,
];

/// One process, the actor of that name, beside the host; and what made its container,
/// where it is in one.
pub fn process(paper: &mut Paper<'_>, snapshot: &Snapshot, name: &str, container: Option<&Container>) {
    let lang = paper.lang;
    let Some(actor) = snapshot.actors.get(name) else { return };
    let listed = snapshot.host.processes.read().and_then(|all| all.iter().find(|one| one.pid == actor.pid));
    let command = listed.map_or_else(String::new, |one| {
        if one.command.is_empty() { format!(" [{}]", safe(&one.name)) } else { format!(" {}", safe(&one.command)) }
    });
    let pid = actor.pid;
    let command = fit(&command, paper.width().saturating_sub(12));
    paper.tone("", &say!(lang, "Process {pid}{command}", "Processus {pid}{command}"), Tone::Strong);
    if let Some(container) = container {
        made_by(paper, container);
    }
    if let Some(veil) = Veil::of(actor, &snapshot.host) {
        paper.tone("! ", &veil.explain(lang), Tone::Warn);
    }
    paper.gap();
    panes::gauge(paper, snapshot, name);
    panes::walls(paper, snapshot, name);
    for pane in PANES {
        paper.gap();
        panes::pane(paper, pane, snapshot, name, false);
    }
}

/// What made it, and what told.
fn made_by(paper: &mut Paper<'_>, container: &Container) {
    let lang = paper.lang;
    let (count, first) = (container.processes.len(), container.first);
    let text = say!(
        lang,
        "It is one of {count} processes that are apart together; the first is {first}.",
        "C'est l'un de {count} processus séparés ensemble ; le premier est {first}."
    );
    if count > 1 {
        paper.say(&text);
    }
    if let Some(engine) = &container.engine {
        let (label, told) = (safe(&engine.label()), safe(&engine.evidence.explain(lang)));
        paper.say(&say!(lang, "Made by: {label} ({told})", "Fait par : {label} ({told})"));
    }
}

/// The list, as a table: a row for each container, with what told who made it.
pub fn census(paper: &mut Paper<'_>, census: &Census) {
    let lang = paper.lang;
    let rows: Vec<[String; 6]> = census.containers.iter().map(row).collect();
    let head = [
        "PID",
        "N",
        lang.pick("USER", "UTIL."),
        lang.pick("APART IN", "SÉPARÉ PAR"),
        lang.pick("MADE BY", "FAIT PAR"),
        lang.pick("COMMAND", "COMMANDE"),
    ];
    let widths: Vec<usize> = (0..head.len() - 1)
        .map(|at| rows.iter().map(|row| width(&row[at])).chain([width(head[at])]).max().unwrap_or(0))
        .collect();
    let line = |cells: [&str; 6]| {
        let [pid, count, user, apart, engine, command] = cells;
        let fixed = [pad(pid, widths[0]), pad_left(count, widths[1]), pad(user, widths[2]), pad(apart, widths[3])];
        format!("{}  {}  {command}", fixed.join("  "), pad(engine, widths[4]))
    };
    if !rows.is_empty() {
        paper.tone("", line(head).trim_end(), Tone::Strong);
    }
    for (one, cells) in census.containers.iter().zip(&rows) {
        paper.raw(line(cells.each_ref().map(String::as_str)).trim_end());
        let indent = " ".repeat(2 * one.depth + 2);
        for note in notes(one, lang) {
            paper.raw(&format!("{indent}{note}"));
        }
    }
    if !rows.is_empty() {
        paper.gap();
    }
    paper.say(&summary(census, lang));
    if let Some(blind) = census.blind(lang) {
        paper.say(&blind);
    }
}

fn row(one: &Container) -> [String; 6] {
    let first = one.process();
    let user = first.map_or_else(String::new, |first| first.user.as_deref().map_or(first.uid.to_string(), safe));
    let command = first.map_or_else(String::new, |first| {
        if first.command.is_empty() { format!("[{}]", safe(&first.name)) } else { safe(&first.command) }
    });
    let engine = one.engine.as_ref().map_or_else(|| "–".to_owned(), |engine| safe(&engine.label()));
    let pid = format!("{}{}", "  ".repeat(one.depth), one.first);
    [pid, one.processes.len().to_string(), user, apart(one), engine, command]
}

/// The kinds of namespace that it has of its own.
fn apart(one: &Container) -> String {
    let names: Vec<&str> = one.apart.iter().map(|kind| kind.name()).collect();
    match one.unread() {
        // Of the others nothing is known.
        Some(_) if names.is_empty() => "? (EACCES)".to_owned(),
        Some(_) => format!("{} ? (EACCES)", names.join(" ")),
        None => names.join(" "),
    }
}

/// Lines below a row: what told the engine, and what else there is to say.
fn notes(one: &Container, lang: Lang) -> Vec<String> {
    let told = one.engine.iter().map(|engine| engine.evidence.explain(lang));
    told.chain(one.notes(lang)).map(|note| safe(&note)).collect()
}

/// How many there are, in a sentence.
pub fn summary(census: &Census, lang: Lang) -> String {
    let (groups, alike, reader) = (census.containers.len(), census.alike, census.reader);
    let apart: usize = census.containers.iter().map(|one| one.processes.len()).sum();
    say!(
        lang,
        "{groups} groups, {apart} processes apart from the host; {alike} in all of its namespaces. The host is where this program ({reader}) is.",
        "{groups} groupes, {apart} processus séparés de l'hôte ; {alike} dans tous ses espaces de noms. L'hôte est là où se trouve ce programme ({reader})."
    )
}
