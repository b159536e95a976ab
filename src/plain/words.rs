//! The commands that a person types, and their help. Called by the loop.

use crate::i18n::Lang;
use crate::lesson::model::Pane;
use crate::say;

/// What can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A pane; whether all of its rows.
    Pane(Pane, bool),
    /// The walls with their evidence.
    Walls,
    /// The calls of the step.
    Calls,
    /// The step once more.
    Step,
}

/// A line of the person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// On.
    Next,
    /// Back a step.
    Back,
    /// To the step of this number, from 1.
    Goto(usize),
    /// A hint.
    Hint,
    /// The explanation.
    Why,
    /// Show something; the pane of the step where not said.
    Show(Option<Show>),
    /// Show a pane's rows that say this.
    Find(Pane, String),
    /// The checks of the task.
    Check,
    /// The keyboard to the shell of an actor (none: the box).
    Shell(Option<String>),
    /// Trace the commands of the shell that has the keyboard, or no more (none: the
    /// other than now).
    Trace(Option<bool>),
    /// The keyboard back to the lesson.
    Lesson,
    /// Interrupt what runs.
    Stop,
    /// Switch the language (none: to the other).
    Lang(Option<Lang>),
    /// Help.
    Help,
    /// Leave.
    Quit,
    /// No command: an answer, or a line for a shell.
    Text(String),
    /// A command that is none.
    Unknown(String),
}

/// Reads a line. `::x` is the text `:x`; `:` and a blank is a shell's own command.
pub fn read(line: &str) -> Word {
    let Some(rest) = line.trim_start().strip_prefix(':') else { return Word::Text(line.to_owned()) };
    if let Some(text) = rest.strip_prefix(':') {
        return Word::Text(format!(":{text}"));
    }
    if rest.is_empty() || rest.starts_with(char::is_whitespace) {
        return Word::Text(line.to_owned());
    }
    let mut words = rest.split_whitespace();
    let (name, first, second) = (words.next().unwrap_or_default(), words.next(), words.next());
    match (name, first, second) {
        ("next" | "n", None, _) => Word::Next,
        ("back" | "b", None, _) => Word::Back,
        ("goto", Some(number), None) => match number.parse() {
            Ok(number) => Word::Goto(number),
            Err(_) => Word::Unknown(rest.to_owned()),
        },
        ("hint", None, _) => Word::Hint,
        ("why", None, _) => Word::Why,
        ("show", None, _) => Word::Show(None),
        ("show", Some(what), Some(needle)) if needle.len() > 1 && needle.starts_with('/') => {
            match read(&format!(":show {what} all")) {
                Word::Show(Some(Show::Pane(pane, _))) if pane != Pane::Layers => {
                    Word::Find(pane, needle[1..].to_lowercase())
                }
                _ => Word::Unknown(rest.to_owned()),
            }
        }
        ("show", Some(what), all) => match (what, all) {
            ("processes", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Processes, all.is_some()))),
            ("users", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Users, all.is_some()))),
            ("mounts", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Mounts, all.is_some()))),
            ("namespaces", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Namespaces, all.is_some()))),
            ("layers", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Layers, all.is_some()))),
            ("names", None) => Word::Show(Some(Show::Pane(Pane::Names, false))),
            ("net", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Net, all.is_some()))),
            ("seccomp", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Seccomp, all.is_some()))),
            ("ipc", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Ipc, all.is_some()))),
            ("caps", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Caps, all.is_some()))),
            ("time", None) => Word::Show(Some(Show::Pane(Pane::Time, false))),
            ("cgroup", None | Some("all")) => Word::Show(Some(Show::Pane(Pane::Cgroup, all.is_some()))),
            ("walls", None) => Word::Show(Some(Show::Walls)),
            ("calls", None) => Word::Show(Some(Show::Calls)),
            ("step", None) => Word::Show(Some(Show::Step)),
            _ => Word::Unknown(rest.to_owned()),
        },
        ("check", None, _) => Word::Check,
        ("host", None, _) => Word::Shell(Some(crate::lesson::model::HOST.to_owned())),
        ("box", None, _) => Word::Shell(None),
        ("shell", Some(actor), None) => Word::Shell(Some(actor.to_owned())),
        ("trace", None, _) => Word::Trace(None),
        ("trace", Some("on"), None) => Word::Trace(Some(true)),
        ("trace", Some("off"), None) => Word::Trace(Some(false)),
        ("lesson", None, _) => Word::Lesson,
        ("stop", None, _) => Word::Stop,
        ("lang", None, _) => Word::Lang(None),
        ("lang", Some("en"), None) => Word::Lang(Some(Lang::En)),
        ("lang", Some("fr"), None) => Word::Lang(Some(Lang::Fr)),
        ("help" | "h" | "?", None, _) => Word::Help,
        ("quit" | "q", None, _) => Word::Quit,
        _ => Word::Unknown(rest.to_owned()),
    }
}

/// The commands, a line each.
pub fn help(lang: Lang) -> String {
    say!(
        lang,
        "\
:next          go on (outside of a task an empty line does, too)
:back          back a step; :goto N: to step N
1, 2, …        choose in a prediction
:hint          the next hint of a task
:check         how the checks of a task stand
:why           the explanation, once it gives nothing away
:show          what this step is about, on both sides; or one of:
               :show processes|users|mounts|layers|net|ipc|cgroup|namespaces|caps|seccomp [all],
               :show names|time|walls|calls|step;
               :show processes /WORD: only the rows that say it
:host, :box    type in the shell of the host, of the box; :shell NAME: of another
:trace         list the system calls of the shell's commands (:show calls), or no more
:lesson        give the keyboard back to the lesson
:stop          interrupt what runs in the shell (Ctrl-C does, too)
:lang [en|fr]  the other language
:quit          leave; your progress is kept
A line that is to start with a colon itself: write two.",
        "\
:next          continuer (hors exercice, une ligne vide suffit)
:back          revenir d'une étape ; :goto N : aller à l'étape N
1, 2, …        choisir dans une prédiction
:hint          l'indice suivant d'un exercice
:check         où en sont les vérifications d'un exercice
:why           l'explication, dès qu'elle ne trahit plus la réponse
:show          l'objet de cette étape, des deux côtés ; ou bien :
               :show processes|users|mounts|layers|net|ipc|cgroup|namespaces|caps|seccomp [all],
               :show names|time|walls|calls|step ;
               :show processes /MOT : seulement les lignes qui le contiennent
:host, :box    écrire dans le shell de l'hôte, de la boîte ; :shell NOM : d'un autre
:trace         lister les appels système des commandes du shell (:show calls), ou cesser
:lesson        rendre le clavier à la leçon
:stop          interrompre ce qui s'exécute dans le shell (Ctrl-C aussi)
:lang [en|fr]  l'autre langue
:quit          quitter ; votre progression est gardée
Pour une ligne qui commence elle-même par un deux-points : écrivez-en deux."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_begins_a_command_and_two_a_text() {
        assert_eq!(read(" :next"), Word::Next);
        assert_eq!(read(":show mounts all"), Word::Show(Some(Show::Pane(Pane::Mounts, true))));
        assert_eq!(read(":show mounts /Proc"), Word::Find(Pane::Mounts, "proc".into()));
        assert_eq!(read(":show names /x"), Word::Unknown("show names /x".into()));
        assert_eq!(read("::next"), Word::Text(":next".into()));
        assert_eq!(read(": > file"), Word::Text(": > file".into()));
        assert_eq!(read("hostname x"), Word::Text("hostname x".into()));
        assert_eq!(read(":nxt"), Word::Unknown("nxt".into()));
        assert_eq!(read(":next please"), Word::Unknown("next please".into()));
        assert_eq!(read(":shell"), Word::Unknown("shell".into()));
    }

    #[test]
    fn every_command_of_the_help_is_one() {
        for lang in Lang::ALL {
            let help = help(lang);
            for word in help.split([' ', '\n', ',', ';']).filter_map(|word| word.strip_prefix(':')) {
                let word = word.trim_end_matches('.');
                let with = if word == "shell" {
                    "shell box"
                } else if word == "goto" {
                    "goto 2"
                } else {
                    word
                };
                assert!(word.is_empty() || !matches!(read(&format!(":{with}")), Word::Unknown(_)), "{word:?}");
            }
        }
    }
}
