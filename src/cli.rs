//! clap types only: the commands, their flags and values, in both languages.

mod answers;
mod demo;
mod follow;
mod grade;
mod lesson;
mod replay;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::report::Format;
use crate::say;

pub use answers::AnswersMode;
pub use demo::{Auto, Demo};
pub use follow::Follow;
pub use grade::{Grade, ReportMode};
pub use lesson::LessonMode;
pub use replay::{Record, Replay};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cli {
    /// Flags that every mode takes.
    pub common: Common,
    /// The mode.
    pub mode: Mode,
}

/// Flags that every mode takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// The language asked for, or the environment's.
    pub lang: Lang,
    /// Whether to be a line interface.
    pub plain: bool,
    /// Whether the screen takes the mouse.
    pub mouse: bool,
    /// Whether to use colours; decided by the output where not said.
    pub color: Option<bool>,
    /// Lessons from this directory instead of those built in.
    pub lessons: Option<PathBuf>,
    /// Progress below this directory instead of the XDG state directory.
    pub state: Option<PathBuf>,
}

/// The modes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The screen, at the list or at a lesson.
    Learn {
        /// The lesson.
        lesson: Option<String>,
        /// Whether the screen follows while the lesson's files are changed.
        watch: bool,
    },
    /// A lesson on a projector.
    Demo(Demo),
    /// A recording of a demonstration.
    Replay(Replay),
    /// A demonstration in a student's own terminal.
    Follow(Follow),
    /// The presenter's notes on a demonstration: that of this PID, or the last one begun.
    Notes(Option<u32>),
    /// Grade answers.
    Check {
        /// A lesson, or `all`.
        lesson: String,
        /// A file, or a directory of them; the student's own where not said.
        answers: Option<PathBuf>,
        /// The student who hands them in.
        student: Option<String>,
        /// The class key.
        key: Option<PathBuf>,
        /// The form of the report.
        format: Format,
        /// Where the report goes besides standard output.
        output: Option<PathBuf>,
    },
    /// About answers.
    Answers(AnswersMode),
    /// Grade many submissions.
    Grade(Grade),
    /// About reports.
    Report(ReportMode),
    /// The machine, or one process of it.
    Snapshot {
        /// The process.
        pid: Option<u32>,
        /// Whether as JSON.
        json: bool,
    },
    /// A process of this machine beside the host, or all that are apart from it.
    Inspect {
        /// The process; the list without.
        pid: Option<u32>,
        /// Whether the list is printed, not shown on the screen.
        list: bool,
        /// Whether as JSON.
        json: bool,
    },
    /// About lessons.
    Lesson(LessonMode),
    /// What this machine can do.
    Doctor {
        /// Whether as JSON.
        json: bool,
    },
    /// Remove what a killed run left.
    Clean,
}

/// The language that the arguments ask for, before they are parsed: messages about
/// them are in it too.
pub fn language(args: &[std::ffi::OsString]) -> Lang {
    let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let said = texts.iter().enumerate().find_map(|(index, text)| {
        let value = match text.strip_prefix("--lang") {
            Some("") => texts.get(index + 1)?.to_string(),
            Some(rest) => rest.strip_prefix('=')?.to_owned(),
            None => return None,
        };
        Lang::ALL.into_iter().find(|lang| lang.code() == value)
    });
    said.unwrap_or_else(Lang::from_environment)
}

/// The grammar of the command line, with its help in one language.
pub fn grammar(lang: Lang) -> Command {
    let json = || json(lang);
    let id = |name| named_lesson(name, lang);
    let directory = |name: &'static str| {
        Arg::new(name)
            .long(name)
            .global(true)
            .value_name(say!(lang, "DIR", "DOSSIER"))
            .value_parser(value_parser!(PathBuf))
    };
    let codes = say!(
        lang,
        "Exit codes: 0 all right or all points, 1 not all points, 2 usage or unreadable file, 3 this machine can't run the lesson.",
        "Codes de sortie : 0 tout va bien ou tous les points, 1 pas tous les points, 2 usage ou fichier illisible, 3 cette machine ne peut pas exécuter la leçon."
    );
    Command::new("cloison")
        .version(env!("CARGO_PKG_VERSION"))
        .about(say!(
            lang,
            "Learn what a Linux container really is: build one, a kernel primitive at a time, and watch both sides of the wall.",
            "Apprenez ce qu'est vraiment un conteneur Linux : construisez-en un, une primitive du noyau à la fois, et observez les deux côtés de la cloison."
        ))
        .after_help(codes)
        .arg(
            Arg::new("lang")
                .long("lang")
                .global(true)
                .value_name("en|fr")
                .value_parser(PossibleValuesParser::new(["en", "fr"]).map(|code| if code == "fr" { Lang::Fr } else { Lang::En }))
                .help(say!(lang, "The language (else LC_ALL, LC_MESSAGES, LANG)", "La langue (sinon LC_ALL, LC_MESSAGES, LANG)")),
        )
        .arg(Arg::new("plain").long("plain").global(true).action(ArgAction::SetTrue).help(say!(
            lang,
            "Lines instead of a screen: for screen readers, logs and pipes",
            "Des lignes au lieu d'un écran : pour lecteurs d'écran, journaux et tubes"
        )))
        .arg(Arg::new("no-mouse").long("no-mouse").global(true).action(ArgAction::SetTrue).help(say!(
            lang,
            "Leave the mouse to the terminal, which selects text with it",
            "Laisser la souris au terminal, qui sélectionne du texte avec elle"
        )))
        .arg(
            Arg::new("color")
                .long("color")
                .global(true)
                .value_name("auto|always|never")
                .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
                .help(say!(lang, "Colours (auto: unless NO_COLOR is set)", "Couleurs (auto : sauf si NO_COLOR est définie)")),
        )
        .arg(directory("lessons").help(say!(lang, "Lessons from this directory", "Leçons de ce dossier")))
        .arg(directory("state").help(say!(lang, "Keep progress in this directory", "Garder la progression dans ce dossier")))
        .subcommand(
            Command::new("learn")
                .about(say!(lang, "The lessons, on the screen (the default)", "Les leçons, à l'écran (par défaut)"))
                .arg(id("lesson").help(say!(lang, "Open this one", "Ouvrir celle-ci")))
                .arg(watch(lang)),
        )
        .subcommand(demo::grammar(lang))
        .subcommand(demo::notes(lang))
        .subcommand(replay::grammar(lang))
        .subcommand(follow::grammar(lang))
        .subcommand(
            Command::new("check")
                .about(say!(lang, "Grade answers on a fresh lab", "Corriger des réponses sur un laboratoire neuf"))
                .arg(id("lesson").required(true).help(say!(lang, "A lesson, or all", "Une leçon, ou all pour toutes")))
                .arg(
                    Arg::new("answers")
                        .long("answers")
                        .value_name(say!(lang, "FILE|DIR", "FICHIER|DOSSIER"))
                        .value_parser(value_parser!(PathBuf))
                        .help(say!(
                            lang,
                            "Answers to grade (-: standard input), or a directory with ID.toml or NN-ID/solution.toml (default: your own)",
                            "Réponses à corriger (- : l'entrée standard), ou un dossier avec ID.toml ou NN-ID/solution.toml (par défaut : les vôtres)"
                        )),
                )
                .arg(answers::student(lang).help(say!(
                    lang,
                    "Refuse answers that name another student",
                    "Refuser les réponses qui nomment un autre étudiant"
                )))
                .arg(answers::key(lang))
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .value_parser(
                            PossibleValuesParser::new(Format::ALL.map(Format::name))
                                .map(|name| Format::named(&name).unwrap_or(Format::Human)),
                        )
                        .default_value("human")
                        .help(say!(lang, "The form of the report", "La forme du compte rendu")),
                )
                .arg(
                    Arg::new("output")
                        .long("output")
                        .value_name(say!(lang, "FILE", "FICHIER"))
                        .value_parser(value_parser!(PathBuf))
                        .help(say!(
                            lang,
                            "Write the report to this file, too, whole or not at all",
                            "Écrire le compte rendu dans ce fichier aussi, en entier ou pas du tout"
                        )),
                )
                .after_help(say!(
                    lang,
                    "In GitHub Actions the report is added to the job summary, too (GITHUB_STEP_SUMMARY), as Markdown. classroom50 reads what was submitted from the environment that its runner gives.\nExit codes: 0 all points, 1 not all points, 2 usage or unreadable file, 3 this machine can't run a lesson: not the student's failure, in no form.",
                    "Dans GitHub Actions, le compte rendu s'ajoute aussi au résumé de la tâche (GITHUB_STEP_SUMMARY), en Markdown. classroom50 lit ce qui a été rendu dans l'environnement que donne son exécuteur.\nCodes de sortie : 0 tous les points, 1 pas tous les points, 2 usage ou fichier illisible, 3 cette machine ne peut pas exécuter une leçon : sous aucune forme un échec de l'étudiant."
                )),
        )
        .subcommand(grade::report(lang))
        .subcommand(grade::grammar(lang))
        .subcommand(
            Command::new("snapshot")
                .about(say!(lang, "What this machine, or one process, looks like now", "L'état de cette machine, ou d'un processus, maintenant"))
                .arg(
                    Arg::new("pid")
                        .long("pid")
                        .value_name("PID")
                        .value_parser(value_parser!(u32).range(1..))
                        .help(say!(lang, "Beside the host, this process", "À côté de l'hôte, ce processus")),
                )
                .arg(json()),
        )
        .subcommand(
            Command::new("inspect")
                .about(say!(
                    lang,
                    "Any container of this machine beside the host: the twin panes, read-only",
                    "N'importe quel conteneur de cette machine à côté de l'hôte : les volets jumeaux, en lecture seule"
                ))
                .after_help(say!(
                    lang,
                    "Without a PID: the list of all that is apart from the host, on the screen. With --plain or --json: lines or JSON, once.\nNothing is changed: an observer enters the namespaces (all but pid), looks and leaves; where it may not, the view from outside is shown with the reason.\nExit codes: 0 shown, 1 no such process (or a thread, a zombie, a thread of the kernel's), 2 usage.",
                    "Sans PID : la liste de tout ce qui est séparé de l'hôte, à l'écran. Avec --plain ou --json : des lignes ou du JSON, une fois.\nRien n'est modifié : un observateur entre dans les espaces de noms (tous sauf pid), regarde et repart ; là où il n'en a pas le droit, la vue du dehors est montrée, avec la raison.\nCodes de sortie : 0 montré, 1 pas de tel processus (ou un fil d'exécution, un zombie, un fil du noyau), 2 usage."
                ))
                .arg(
                    Arg::new("pid")
                        .value_name("PID")
                        .value_parser(value_parser!(u32).range(1..))
                        .help(say!(lang, "The process: a container's first one, or any in it", "Le processus : le premier d'un conteneur, ou n'importe lequel de ceux qu'il contient")),
                )
                .arg(
                    Arg::new("list")
                        .long("list")
                        .action(ArgAction::SetTrue)
                        .conflicts_with("pid")
                        .help(say!(lang, "Print every process that is apart from the host, by container", "Afficher tous les processus séparés de l'hôte, par conteneur")),
                )
                .arg(json()),
        )
        .subcommand(lesson::grammar(lang))
        .subcommand(answers::grammar(lang))
        .subcommand(
            Command::new("doctor")
                .about(say!(lang, "What works on this machine, what doesn't, why, and the remedy", "Ce qui marche sur cette machine, ce qui ne marche pas, pourquoi, et le remède"))
                .after_help(say!(
                    lang,
                    "Each feature is tried in a throw-away process; nothing is left behind. The exit code is 0 whatever was found. --json: {{\"format\": 1, \"findings\": [{{key, state: works|limited|missing|untried|info, works, name, why, remedy, commands, errno}}]}}.",
                    "Chaque fonction est essayée dans un processus jetable ; rien n'en reste. Le code de sortie est 0 quoi qu'il ait été trouvé. --json : {{\"format\": 1, \"findings\": [{{key, state: works|limited|missing|untried|info, works, name, why, remedy, commands, errno}}]}}."
                ))
                .arg(json()),
        )
        .subcommand(
            Command::new("clean").about(say!(lang, "Remove what a killed run left", "Retirer ce qu'une exécution tuée a laissé")),
        )
}

/// `--json`.
fn watch(lang: Lang) -> Arg {
    Arg::new("watch").long("watch").action(ArgAction::SetTrue).help(say!(
        lang,
        "With --lessons: the screen follows while the lesson's files are changed",
        "Avec --lessons : l'écran suit pendant que l'on modifie les fichiers de la leçon"
    ))
}

fn json(lang: Lang) -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help(say!(lang, "As JSON", "En JSON"))
}

/// An argument that names a lesson.
fn named_lesson(name: &'static str, lang: Lang) -> Arg {
    Arg::new(name).value_name(say!(lang, "LESSON", "LEÇON"))
}

/// Reads the command line.
pub fn parse(args: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let lang = language(args);
    let matches = grammar(lang).try_get_matches_from(args)?;
    let deepest = deepest(&matches);
    let path = |name: &str| deepest.get_one::<PathBuf>(name).cloned();
    let common = Common {
        lang,
        plain: deepest.get_flag("plain"),
        mouse: !deepest.get_flag("no-mouse"),
        color: match deepest.get_one::<String>("color").map(String::as_str) {
            Some("always") => Some(true),
            Some("never") => Some(false),
            _ => None,
        },
        lessons: path("lessons"),
        state: path("state"),
    };
    let mode = match matches.subcommand() {
        Some(("learn", found)) => {
            Mode::Learn { lesson: found.get_one::<String>("lesson").cloned(), watch: found.get_flag("watch") }
        }
        Some(("demo", found)) => Mode::Demo(demo::parse(found)),
        Some(("replay", found)) => Mode::Replay(replay::parse(found)),
        Some(("follow", found)) => Mode::Follow(follow::parse(found)),
        Some(("notes", found)) => Mode::Notes(found.get_one::<u32>("pid").copied()),
        Some(("check", found)) => Mode::Check {
            lesson: text(found, "lesson"),
            answers: found.get_one::<PathBuf>("answers").cloned(),
            student: found.get_one::<String>("student").cloned(),
            key: found.get_one::<PathBuf>("key").cloned(),
            format: found.get_one::<Format>("format").copied().unwrap_or(Format::Human),
            output: found.get_one::<PathBuf>("output").cloned(),
        },
        Some(("grade", found)) => Mode::Grade(grade::parse(found)),
        Some(("report", found)) => Mode::Report(grade::parse_report(found)),
        Some(("snapshot", found)) => {
            Mode::Snapshot { pid: found.get_one::<u32>("pid").copied(), json: found.get_flag("json") }
        }
        Some(("inspect", found)) => Mode::Inspect {
            pid: found.get_one::<u32>("pid").copied(),
            list: found.get_flag("list"),
            json: found.get_flag("json"),
        },
        Some(("lesson", found)) => Mode::Lesson(lesson::parse(found)),
        Some(("answers", found)) => Mode::Answers(answers::parse(found)),
        Some(("doctor", found)) => Mode::Doctor { json: found.get_flag("json") },
        Some(("clean", _)) => Mode::Clean,
        _ => Mode::Learn { lesson: None, watch: false },
    };
    Ok(Cli { common, mode })
}

/// The matches of the innermost command: global flags are there wherever they stood.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| deepest(inner))
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Cli {
        let args: Vec<_> = line.split(' ').map(std::ffi::OsString::from).collect();
        parse(&args).unwrap()
    }

    #[test]
    fn the_grammar_is_sound_in_both_languages() {
        for lang in Lang::ALL {
            grammar(lang).debug_assert();
        }
    }

    #[test]
    fn global_flags_may_stand_before_or_after_the_command() {
        for line in ["cloison --lang fr --plain learn uts", "cloison learn uts --plain --lang=fr"] {
            let cli = parsed(line);
            assert_eq!(cli.mode, Mode::Learn { lesson: Some("uts".into()), watch: false });
            assert!(cli.common.plain);
            assert_eq!(cli.common.lang, Lang::Fr);
        }
    }

    #[test]
    fn no_command_is_the_list_of_lessons() {
        assert_eq!(parsed("cloison --color never").mode, Mode::Learn { lesson: None, watch: false });
    }

    #[test]
    fn a_report_has_one_of_the_forms_and_may_go_to_a_file() {
        let check = |format, output: Option<&str>| Mode::Check {
            lesson: "uts".to_owned(),
            answers: None,
            student: None,
            key: None,
            format,
            output: output.map(PathBuf::from),
        };
        assert_eq!(parsed("cloison check uts").mode, check(Format::Human, None));
        for format in Format::ALL {
            let line = format!("cloison check uts --output x --format {}", format.name());
            assert_eq!(parsed(&line).mode, check(format, Some("x")));
        }
        assert!(parse(&["cloison", "check", "uts", "--format", "xml"].map(std::ffi::OsString::from)).is_err());
    }

    #[test]
    fn what_is_no_pid_is_refused() {
        for line in ["snapshot --pid 0", "inspect 0", "inspect x", "inspect -1", "inspect 99999999999", "inspect 1 2"] {
            let args: Vec<_> = ["cloison"].into_iter().chain(line.split(' ')).map(std::ffi::OsString::from).collect();
            assert!(parse(&args).is_err(), "{line}");
        }
    }

    #[test]
    fn one_process_or_the_list_is_inspected() {
        let inspect = |pid, list, json| Mode::Inspect { pid, list, json };
        assert_eq!(parsed("cloison inspect").mode, inspect(None, false, false));
        assert_eq!(parsed("cloison inspect 42 --json").mode, inspect(Some(42), false, true));
        assert_eq!(parsed("cloison inspect --list --json").mode, inspect(None, true, true));
        let both = ["cloison", "inspect", "--list", "42"].map(std::ffi::OsString::from);
        assert!(parse(&both).is_err());
    }
}
