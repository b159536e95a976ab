//! `demo` and `notes` on the command line.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::replay::{self, Record};
use super::{named_lesson, text, watch};
use crate::i18n::Lang;
use crate::say;

/// A lesson on a projector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The lesson.
    pub lesson: String,
    /// The step to begin at.
    pub at: Option<String>,
    /// Dark text on a light ground, whatever the terminal says.
    pub light: bool,
    /// Whether the wall follows while the lesson's files are changed.
    pub watch: bool,
    /// How it goes on by itself, where it does.
    pub auto: Option<Auto>,
    /// Where it is recorded.
    pub record: Option<Record>,
    /// Where students connect who follow in their own terminals: empty for this machine.
    pub share: Option<String>,
}

/// A demonstration that goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auto {
    /// How many seconds a step stays; nothing: as long as reading it takes.
    pub seconds: Option<u64>,
    /// After the last step the first comes again.
    pub again: bool,
}

/// `demo`.
pub(super) fn grammar(lang: Lang) -> Command {
    Command::new("demo")
        .about(say!(lang, "A lesson on a projector", "Une leçon au projecteur"))
        .after_help(say!(
            lang,
            "Space or a remote control goes on; F1 lists the keys. In a second terminal: cloison notes. Nothing that is done here counts as progress.",
            "Espace ou une télécommande pour avancer ; F1 liste les touches. Dans un second terminal : cloison notes. Rien de ce qui est fait ici ne compte comme progression."
        ))
        .arg(named_lesson("lesson", lang).required(true).help(say!(lang, "The lesson", "La leçon")))
        .arg(
            Arg::new("at")
                .long("at")
                .value_name(say!(lang, "STEP", "ÉTAPE"))
                .help(say!(lang, "Begin at this step", "Commencer à cette étape")),
        )
        .arg(watch(lang))
        .arg(
            Arg::new("auto")
                .long("auto")
                .value_name(say!(lang, "SECONDS", "SECONDES"))
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("0")
                .hide_default_value(true)
                .value_parser(value_parser!(u64).range(0..=86_400))
                .help(say!(
                    lang,
                    "Go on without anybody: each step stays as long as reading it takes, or so many seconds",
                    "Avancer sans personne : chaque étape reste le temps de la lire, ou ce nombre de secondes"
                )),
        )
        .arg(Arg::new("loop").long("loop").action(ArgAction::SetTrue).help(say!(
            lang,
            "After the last step begin again (with --auto)",
            "Après la dernière étape, recommencer (avec --auto)"
        )))
        .args(replay::record(lang))
        .arg(Arg::new("light").long("light").action(ArgAction::SetTrue).help(say!(
            lang,
            "Dark text on a light ground",
            "Texte sombre sur fond clair"
        )))
        .arg(super::follow::share(lang))
}

/// `notes`.
pub(super) fn notes(lang: Lang) -> Command {
    Command::new("notes")
        .about(say!(
            lang,
            "The presenter's notes on a demonstration that runs",
            "Les notes du présentateur sur une démonstration en cours"
        ))
        .arg(Arg::new("pid").value_name("PID").value_parser(value_parser!(u32).range(1..)).help(say!(
            lang,
            "Its process (default: the last one begun)",
            "Son processus (par défaut : la dernière lancée)"
        )))
}

/// What `demo` was told.
pub(super) fn parse(found: &ArgMatches) -> Demo {
    let again = found.get_flag("loop");
    let seconds = found.get_one::<u64>("auto").copied();
    let by_itself = again || seconds.is_some();
    Demo {
        lesson: text(found, "lesson"),
        at: found.get_one::<String>("at").cloned(),
        light: found.get_flag("light"),
        watch: found.get_flag("watch"),
        auto: by_itself.then(|| Auto { seconds: seconds.filter(|seconds| *seconds > 0), again }),
        record: replay::parse_record(found),
        share: found.get_one::<String>("share").cloned(),
    }
}
