//! clap types only: the commands, their flags and values, in both languages.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::report::Format;
use crate::say;

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
    Learn(Option<String>),
    /// Grade answers.
    Check {
        /// A lesson, or `all`.
        lesson: String,
        /// A file, or a directory of them; the student's own where not said.
        answers: Option<PathBuf>,
        /// The form of the report.
        format: Format,
        /// Where the report goes besides standard output.
        output: Option<PathBuf>,
    },
    /// Grade many submissions.
    Grade(Grade),
    /// Put results of shards together.
    ReportMerge {
        /// Directories of results.
        outs: Vec<PathBuf>,
        /// Where they go.
        to: PathBuf,
    },
    /// The JSON Schema of a report.
    ReportSchema,
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

/// What to grade, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// The submissions.
    pub directory: PathBuf,
    /// The lessons; those answered where there are none.
    pub lessons: Vec<String>,
    /// How many at a time.
    pub jobs: Option<usize>,
    /// Which part, from 1 on, of how many.
    pub shard: Option<(usize, usize)>,
    /// Where the results go.
    pub out: PathBuf,
    /// The forms of the reports.
    pub formats: Vec<Format>,
}

/// What to do about lessons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LessonMode {
    /// All of them, a line each.
    List {
        /// Whether as JSON.
        json: bool,
    },
    /// One of them.
    Show {
        /// Its id.
        id: String,
        /// Whether as JSON.
        json: bool,
    },
    /// Validate folders of lessons, or the whole library.
    Lint(Vec<PathBuf>),
    /// The JSON Schema of lesson.toml.
    Schema,
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
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help(say!(lang, "As JSON", "En JSON"));
    let id = |name: &'static str| Arg::new(name).value_name(say!(lang, "LESSON", "LEÇON"));
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
                .arg(id("lesson").help(say!(lang, "Open this one", "Ouvrir celle-ci"))),
        )
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
                            "Answers to grade, or a directory with ID.toml or NN-ID/solution.toml (default: your own)",
                            "Réponses à corriger, ou un dossier avec ID.toml ou NN-ID/solution.toml (par défaut : les vôtres)"
                        )),
                )
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
        .subcommand(report(lang))
        .subcommand(grade(lang))
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
        .subcommand(
            Command::new("lesson")
                .about(say!(lang, "About lessons: list, show, validate", "Au sujet des leçons : lister, montrer, valider"))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(Command::new("list").about(say!(lang, "All lessons", "Toutes les leçons")).arg(json()))
                .subcommand(
                    Command::new("show").about(say!(lang, "One lesson", "Une leçon")).arg(id("id").required(true)).arg(json()),
                )
                .subcommand(
                    Command::new("lint").about(say!(lang, "Validate lessons", "Valider des leçons")).arg(
                        Arg::new("folders")
                            .num_args(0..)
                            .value_name(say!(lang, "DIR", "DOSSIER"))
                            .value_parser(value_parser!(PathBuf))
                            .help(say!(lang, "Folders of lessons (default: all of the library)", "Dossiers de leçons (par défaut : toute la bibliothèque)")),
                    ),
                )
                .subcommand(Command::new("schema").about(say!(lang, "The JSON Schema of lesson.toml", "Le schéma JSON de lesson.toml"))),
        )
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

/// `grade`.
fn grade(lang: Lang) -> Command {
    let directory = say!(lang, "DIR", "DOSSIER");
    Command::new("grade")
        .about(say!(lang, "Grade many submissions, each in a jail of its own", "Corriger de nombreux rendus, chacun dans une enceinte à part"))
        .after_help(say!(
            lang,
            "A submission is NAME.toml, answers to one lesson, or a folder NAME with ID.toml, answers/ID.toml or NN-ID/solution.toml. Links are not followed; names that start with a dot are left out.\nOUT/NAME/report.json is each one's report, OUT/summary.csv and summary.json have them all. What was graded from the same answers, lesson and program is not graded again: after an interruption the same command goes on.\nExit codes: 0 a result for every submission, 2 usage, 3 this machine can't, 130 interrupted.",
            "Un rendu est NOM.toml, des réponses à une leçon, ou un dossier NOM avec ID.toml, answers/ID.toml ou NN-ID/solution.toml. Les liens ne sont pas suivis ; les noms qui commencent par un point sont laissés de côté.\nOUT/NOM/report.json est le compte rendu de chacun, OUT/summary.csv et summary.json les ont tous. Ce qui a été corrigé à partir des mêmes réponses, de la même leçon et du même programme ne l'est pas à nouveau : après une interruption, la même commande reprend.\nCodes de sortie : 0 un résultat pour chaque rendu, 2 usage, 3 cette machine ne peut pas, 130 interrompu."
        ))
        .arg(
            Arg::new("directory")
                .required(true)
                .value_name(directory.clone())
                .value_parser(value_parser!(PathBuf))
                .help(say!(lang, "The submissions", "Les rendus")),
        )
        .arg(
            Arg::new("lesson")
                .long("lesson")
                .value_name(say!(lang, "LESSON", "LEÇON"))
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help(say!(
                    lang,
                    "These lessons, or all: what is not answered is missing (default: those answered)",
                    "Ces leçons, ou all pour toutes : ce qui est sans réponse manque (par défaut : celles qui ont une réponse)"
                )),
        )
        .arg(
            Arg::new("jobs")
                .long("jobs")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help(say!(lang, "So many at a time (default: the number of CPUs)", "Autant à la fois (par défaut : le nombre de processeurs)")),
        )
        .arg(
            Arg::new("shard")
                .long("shard")
                .value_name("I/N")
                .value_parser(move |text: &str| shard(text, lang))
                .help(say!(
                    lang,
                    "Part I of N: of the sorted list, every Nth from the Ith on; `report merge` joins them",
                    "La part I sur N : de la liste triée, un sur N à partir du Ie ; `report merge` les réunit"
                )),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name(directory)
                .default_value("grades")
                .value_parser(value_parser!(PathBuf))
                .help(say!(lang, "Where the results go", "Où vont les résultats")),
        )
        .arg(formats(lang))
}

/// `--format`, one or several of these.
fn formats(lang: Lang) -> Arg {
    let names = Format::ALL.into_iter().filter(|format| *format != Format::Classroom50).map(Format::name);
    let named = |name: String| Format::named(&name).unwrap_or(Format::Json);
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .value_parser(PossibleValuesParser::new(names).map(named))
        .default_value("json")
        .help(say!(
            lang,
            "The forms of each report, one or several",
            "Les formes de chaque compte rendu, une ou plusieurs"
        ))
}

/// `report`.
fn report(lang: Lang) -> Command {
    let directory = say!(lang, "DIR", "DOSSIER");
    Command::new("report")
        .about(say!(lang, "About reports: their schema, those of several runs together", "Au sujet des comptes rendus : leur schéma, ceux de plusieurs exécutions réunis"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("schema").about(say!(
            lang,
            "The JSON Schema of `check --format json`",
            "Le schéma JSON de `check --format json`"
        )))
        .subcommand(
            Command::new("merge")
                .about(say!(lang, "Put the results of shards together", "Réunir les résultats de plusieurs parts"))
                .after_help(say!(
                    lang,
                    "What is there twice, differs or is missing is said.\nExit codes: 0 all of it is there, 1 something is missing or differs, 2 usage or unreadable file.",
                    "Ce qui est là deux fois, diffère ou manque est dit.\nCodes de sortie : 0 tout est là, 1 quelque chose manque ou diffère, 2 usage ou fichier illisible."
                ))
                .arg(
                    Arg::new("outs")
                        .required(true)
                        .num_args(1..)
                        .value_name(directory.clone())
                        .value_parser(value_parser!(PathBuf))
                        .help(say!(lang, "Results of `grade --out`", "Résultats de `grade --out`")),
                )
                .arg(
                    Arg::new("out")
                        .long("out")
                        .required(true)
                        .value_name(directory)
                        .value_parser(value_parser!(PathBuf))
                        .help(say!(lang, "Where they go", "Où ils vont")),
                ),
        )
}

/// `I/N`, from 1 to N.
fn shard(text: &str, lang: Lang) -> Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    numbers.filter(|(index, of)| (1..=*of).contains(index)).ok_or_else(|| {
        say!(lang, "I/N, with I from 1 to N: 2/4, for example", "I/N, avec I de 1 à N : 2/4, par exemple")
    })
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
        Some(("learn", found)) => Mode::Learn(found.get_one::<String>("lesson").cloned()),
        Some(("check", found)) => Mode::Check {
            lesson: text(found, "lesson"),
            answers: found.get_one::<PathBuf>("answers").cloned(),
            format: found.get_one::<Format>("format").copied().unwrap_or(Format::Human),
            output: found.get_one::<PathBuf>("output").cloned(),
        },
        Some(("grade", found)) => Mode::Grade(Grade {
            directory: found.get_one::<PathBuf>("directory").cloned().unwrap_or_default(),
            lessons: found.get_many::<String>("lesson").into_iter().flatten().cloned().collect(),
            jobs: found.get_one::<u16>("jobs").map(|jobs| usize::from(*jobs)),
            shard: found.get_one::<(usize, usize)>("shard").copied(),
            out: found.get_one::<PathBuf>("out").cloned().unwrap_or_default(),
            formats: found.get_many::<Format>("format").into_iter().flatten().copied().collect(),
        }),
        Some(("report", found)) => match found.subcommand() {
            Some(("merge", found)) => Mode::ReportMerge {
                outs: found.get_many::<PathBuf>("outs").into_iter().flatten().cloned().collect(),
                to: found.get_one::<PathBuf>("out").cloned().unwrap_or_default(),
            },
            _ => Mode::ReportSchema,
        },
        Some(("snapshot", found)) => {
            Mode::Snapshot { pid: found.get_one::<u32>("pid").copied(), json: found.get_flag("json") }
        }
        Some(("inspect", found)) => Mode::Inspect {
            pid: found.get_one::<u32>("pid").copied(),
            list: found.get_flag("list"),
            json: found.get_flag("json"),
        },
        Some(("lesson", found)) => Mode::Lesson(match found.subcommand() {
            Some(("list", found)) => LessonMode::List { json: found.get_flag("json") },
            Some(("show", found)) => LessonMode::Show { id: text(found, "id"), json: found.get_flag("json") },
            Some(("lint", found)) => {
                LessonMode::Lint(found.get_many::<PathBuf>("folders").into_iter().flatten().cloned().collect())
            }
            _ => LessonMode::Schema,
        }),
        Some(("doctor", found)) => Mode::Doctor { json: found.get_flag("json") },
        Some(("clean", _)) => Mode::Clean,
        _ => Mode::Learn(None),
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
            assert_eq!(cli.mode, Mode::Learn(Some("uts".into())));
            assert!(cli.common.plain);
            assert_eq!(cli.common.lang, Lang::Fr);
        }
    }

    #[test]
    fn no_command_is_the_list_of_lessons() {
        assert_eq!(parsed("cloison --color never").mode, Mode::Learn(None));
    }

    #[test]
    fn a_report_has_one_of_the_forms_and_may_go_to_a_file() {
        let check = |format, output: Option<&str>| Mode::Check {
            lesson: "uts".to_owned(),
            answers: None,
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
