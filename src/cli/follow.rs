//! `cloison follow`, and what `demo` takes for it.

use clap::{Arg, ArgMatches, Command};

use crate::i18n::Lang;
use crate::say;

/// A demonstration in a student's own terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Where it is: what stands on the wall, or a PID; the only one of this machine without.
    pub address: Option<String>,
    /// The code; asked for without.
    pub code: Option<String>,
}

/// `demo --share[=ADDRESS]`.
pub(super) fn share(lang: Lang) -> Arg {
    Arg::new("share")
        .long("share")
        .value_name(say!(lang, "ADDRESS", "ADRESSE"))
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("")
        .help(say!(
            lang,
            "Students follow in their own terminals: cloison follow (default: this machine only; the network: --share=0.0.0.0:4040)",
            "Les étudiants suivent dans leur terminal : cloison follow (par défaut : cette machine seulement ; le réseau : --share=0.0.0.0:4040)"
        ))
}

/// The grammar of `follow`.
pub(super) fn grammar(lang: Lang) -> Command {
    Command::new("follow")
        .about(say!(
            lang,
            "A demonstration in your own terminal: the text, the calls, the commands",
            "Une démonstration dans votre terminal : le texte, les appels, les commandes"
        ))
        .after_help(say!(
            lang,
            "The teacher starts it with cloison demo LESSON --share; address and code stand at the foot of the wall. You read all steps so far at your own pace and in your own language (F7); nothing that you do here reaches the wall.\nExit codes: 0 followed, 1 can't be reached, or not that code, 2 usage.",
            "L'enseignant la lance avec cloison demo LEÇON --share ; l'adresse et le code sont au bas de l'écran de la salle. Vous lisez toutes les étapes passées à votre rythme et dans votre langue (F7) ; rien de ce que vous faites ici n'atteint l'écran de la salle.\nCodes de sortie : 0 suivie, 1 injoignable, ou ce n'est pas le code, 2 usage."
        ))
        .arg(Arg::new("address").value_name(say!(lang, "ADDRESS", "ADRESSE")).help(say!(
            lang,
            "HOST, HOST:PORT, or the PID of a demonstration on this machine (default: the only one on this machine)",
            "HÔTE, HÔTE:PORT, ou le PID d'une démonstration sur cette machine (par défaut : la seule de cette machine)"
        )))
        .arg(
            Arg::new("code")
                .long("code")
                .value_name("CODE")
                .help(say!(lang, "The code on the wall (default: it is asked for)", "Le code affiché (par défaut : il est demandé)")),
        )
}

/// What was asked of `follow`.
pub(super) fn parse(found: &ArgMatches) -> Follow {
    let text = |name: &str| found.get_one::<String>(name).cloned();
    Follow { address: text("address"), code: text("code") }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Mode, parse};

    fn mode(line: &str) -> Mode {
        let args: Vec<_> = line.split(' ').map(std::ffi::OsString::from).collect();
        parse(&args).unwrap().mode
    }

    #[test]
    fn nothing_is_shared_unless_asked_for_and_only_this_machine_unless_named() {
        let share = |line: &str| match mode(line) {
            Mode::Demo(demo) if demo.lesson == "uts" => demo.share,
            other => panic!("{other:?}"),
        };
        assert_eq!(share("cloison demo uts"), None);
        assert_eq!(share("cloison demo --share uts").as_deref(), Some(""));
        assert_eq!(share("cloison demo uts --share=0.0.0.0:4040").as_deref(), Some("0.0.0.0:4040"));
    }
}
