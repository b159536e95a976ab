//! What is asked of the kernel or read, and not built: version, descriptors,
//! filters, security modules, the terminal.

use std::io::IsTerminal as _;

use super::clues::{Clues, release};
use super::{Finding, State};
use crate::i18n::{Explain, Lang};
use crate::kernel::{Errno, features, process};
use crate::lesson::diagnostic::{Both, both};

/// The smallest terminal that the screen is made for.
const SMALLEST: (u16, u16) = (80, 24);

/// The kernel, and the container around us if there is one.
pub(super) fn kernel(clues: &Clues) -> Finding {
    let name = both!("The kernel", "Le noyau");
    let (release, machine) = (release(), std::env::consts::ARCH);
    let why = match &clues.container {
        None => both!("Linux {release}, {machine}.", "Linux {release}, {machine}."),
        Some(container) => both!(
            "Linux {release}, {machine}; you seem to be in a container ({container}).",
            "Linux {release}, {machine} ; vous semblez être dans un conteneur ({container})."
        ),
    };
    Finding::new("kernel", State::Info, name, &why)
}

/// A process descriptor of a child, and a signal through it.
pub(super) fn pidfd() -> Finding {
    let name = both!("Process descriptors (pidfd)", "Descripteurs de processus (pidfd)");
    // Signal 0 only asks whether one could be sent, kill(2).
    let tried = process::pidfd_open(std::process::id()).and_then(|pidfd| process::pidfd_kill(&pidfd, 0));
    match tried {
        Ok(()) => {
            Finding::new("pidfd", State::Works, name, &both!("opened one and signalled.", "ouvert, puis signalé."))
        }
        Err(errno) => Finding::new("pidfd", State::Missing, name, &failed("pidfd_open", errno))
            .with_remedy(both!("Use Linux 5.3 or newer.", "Utilisez Linux 5.3 ou plus récent."), Vec::new())
            .with_errno(Some(errno)),
    }
}

/// seccomp's filter mode.
pub(super) fn seccomp() -> Finding {
    let name = both!("seccomp filters", "Filtres seccomp");
    let actions = [
        ("kill", libc::SECCOMP_RET_KILL_PROCESS),
        ("errno", libc::SECCOMP_RET_ERRNO),
        ("log", libc::SECCOMP_RET_LOG),
        ("notify", libc::SECCOMP_RET_USER_NOTIF),
    ]
    .map(|(name, action)| (name, features::seccomp_action(action)));
    let here: Vec<&str> = actions.iter().filter(|(_, asked)| asked.is_ok()).map(|(name, _)| *name).collect();
    let absent: Vec<&str> = actions.iter().filter(|(_, asked)| asked.is_err()).map(|(name, _)| *name).collect();
    let first = actions.iter().find_map(|(_, asked)| asked.err());
    let (list, lacking) = (here.join(", "), absent.join(", "));
    let remedy = || {
        both!(
            "Use Linux 5.0 or newer, built with CONFIG_SECCOMP_FILTER.",
            "Utilisez Linux 5.0 ou plus récent, compilé avec CONFIG_SECCOMP_FILTER."
        )
    };
    match first {
        None => Finding::new(
            "seccomp",
            State::Works,
            name,
            &both!("filters may end in: {list}.", "les filtres peuvent conclure par : {list}."),
        ),
        Some(errno) if here.is_empty() => Finding::new("seccomp", State::Missing, name, &failed("seccomp", errno))
            .with_remedy(remedy(), Vec::new())
            .with_errno(Some(errno)),
        Some(errno) => Finding::new(
            "seccomp",
            State::Limited,
            name,
            &both!(
                "filters may end in: {list}; not in: {lacking}.",
                "les filtres peuvent conclure par : {list} ; pas par : {lacking}."
            ),
        )
        .with_remedy(remedy(), Vec::new())
        .with_errno(Some(errno)),
    }
}

/// Landlock.
pub(super) fn landlock() -> Finding {
    let name = both!("Landlock", "Landlock");
    match features::landlock_version() {
        Ok(version) => Finding::new(
            "landlock",
            State::Works,
            name,
            &both!("version {version} of its interface.", "version {version} de son interface."),
        ),
        Err(errno) => {
            let remedy = if errno.0 == libc::EOPNOTSUPP {
                both!(
                    "Add landlock to the kernel's command line (lsm=landlock,…).",
                    "Ajoutez landlock à la ligne de commande du noyau (lsm=landlock,…)."
                )
            } else {
                both!("Use Linux 5.13 or newer, built with it.", "Utilisez Linux 5.13 ou plus récent, compilé avec.")
            };
            Finding::new("landlock", State::Limited, name, &failed("landlock_create_ruleset", errno))
                .with_remedy(remedy, Vec::new())
                .with_errno(Some(errno))
        }
    }
}

/// The security modules that are on, and what confines us.
pub(super) fn lsm() -> Finding {
    let name = both!("Security modules", "Modules de sécurité");
    let (list, unread) = features::security_modules();
    let list = list.join(", ");
    // Where no such module labels processes, reading gives EINVAL.
    let label = std::fs::read_to_string("/proc/self/attr/current")
        .map(|label| label.trim_matches(['\0', '\n', ' ']).to_owned())
        .unwrap_or_default();
    let label = if label.is_empty() { "-".to_owned() } else { label };
    let why = match unread {
        None => both!("{list}; this process: {label}.", "{list} ; ce processus : {label}."),
        Some(errno) => {
            let [en, fr] = words(errno);
            [
                format!(
                    "by their traces: {list}; the kernel's own list can't be read (/sys/kernel/security/lsm, {en}); this process: {label}."
                ),
                format!(
                    "d'après leurs traces : {list} ; la liste du noyau ne peut pas être lue (/sys/kernel/security/lsm, {fr}) ; ce processus : {label}."
                ),
            ]
        }
    };
    Finding::new("lsm", State::Info, name, &why)
}

/// The terminal: its type and size.
pub(super) fn terminal() -> Finding {
    let name = both!("The terminal", "Le terminal");
    let term = std::env::var("TERM").unwrap_or_default();
    let term = if term.is_empty() { "-".to_owned() } else { term };
    if !std::io::stdout().is_terminal() {
        let why = both!("the output is no terminal (TERM={term}).", "la sortie n'est pas un terminal (TERM={term}).");
        return Finding::new("terminal", State::Info, name, &why);
    }
    let (columns, rows) = crossterm::terminal::window_size().map_or((0, 0), |size| (size.columns, size.rows));
    let why = both!("TERM={term}, {columns}×{rows}.", "TERM={term}, {columns}×{rows}.");
    let finding = Finding::new("terminal", State::Info, name, &why);
    if columns >= SMALLEST.0 && rows >= SMALLEST.1 {
        return finding;
    }
    let (wide, high) = SMALLEST;
    let remedy = both!(
        "The screen is made for {wide}×{high} and more; below, use --plain.",
        "L'écran est fait pour {wide}×{high} et plus ; en dessous, utilisez --plain."
    );
    finding.with_remedy(remedy, Vec::new())
}

fn words(errno: Errno) -> Both {
    Lang::ALL.map(|lang| errno.explain(lang))
}

fn failed(call: &str, errno: Errno) -> Both {
    let [en, fr] = words(errno);
    [format!("{call} failed ({en})."), format!("{call} a échoué ({fr}).")]
}
