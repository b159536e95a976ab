//! `cloison lesson …` on the command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{json, named_lesson, text};
use crate::i18n::Lang;
use crate::say;

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
    Lint {
        /// The folders.
        folders: Vec<PathBuf>,
        /// Whether only by their files, without running them.
        files: bool,
        /// How many runs at a time.
        jobs: Option<u16>,
    },
    /// Write a small lesson to start from.
    New {
        /// Its id.
        id: String,
        /// The directory that its folder is made in.
        directory: Option<PathBuf>,
    },
    /// A lesson, or all, for print.
    Handout {
        /// The lesson, or `all`.
        lesson: String,
        /// Whether as HTML; by the file's name where not said, else Markdown.
        html: Option<bool>,
        /// Whether with hints, solutions and explanations at the end.
        solutions: bool,
        /// The file; standard output without.
        output: Option<PathBuf>,
    },
    /// The JSON Schema of lesson.toml.
    Schema,
}

/// The grammar of `lesson`, with its help in one language.
pub(super) fn grammar(lang: Lang) -> Command {
    Command::new("lesson")
                .about(say!(lang, "About lessons: list, show, validate, write, print", "Au sujet des leçons : lister, montrer, valider, écrire, imprimer"))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(Command::new("list").about(say!(lang, "All lessons", "Toutes les leçons")).arg(json(lang)))
                .subcommand(
                    Command::new("show").about(say!(lang, "One lesson", "Une leçon")).arg(named_lesson("id", lang).required(true)).arg(json(lang)),
                )
                .subcommand(
                    Command::new("lint")
                        .about(say!(
                            lang,
                            "Validate lessons: their files, then what each comes to on the kernel",
                            "Valider des leçons : leurs fichiers, puis ce que chacune donne avec le noyau"
                        ))
                        .after_help(say!(
                            lang,
                            "A lesson is run as `check` would: its solution must get full marks, empty answers none, each wrong answer must fail the check that it names, and nothing may be left behind.\nExit codes: 0 nothing to find fault with, 1 something is wrong, 2 usage or unreadable directory, 3 the files are in order, but this machine can't run a lesson.",
                            "Une leçon est exécutée comme le ferait `check` : sa solution doit obtenir tous les points, des réponses vides aucun, chaque réponse fausse doit rater la vérification qu'elle nomme, et rien ne doit rester derrière.\nCodes de sortie : 0 rien à redire, 1 quelque chose ne va pas, 2 usage ou dossier illisible, 3 rien à redire aux fichiers, mais cette machine ne peut pas exécuter une leçon."
                        ))
                        .arg(
                            Arg::new("folders")
                                .num_args(0..)
                                .value_name(say!(lang, "DIR", "DOSSIER"))
                                .value_parser(value_parser!(PathBuf))
                                .help(say!(lang, "Folders of lessons (default: all of the library)", "Dossiers de leçons (par défaut : toute la bibliothèque)")),
                        )
                        .arg(Arg::new("files").long("files").action(ArgAction::SetTrue).help(say!(
                            lang,
                            "The files alone: nothing is run",
                            "Les fichiers seulement : rien n'est exécuté"
                        )))
                        .arg(
                            Arg::new("jobs")
                                .long("jobs")
                                .value_name("N")
                                .value_parser(value_parser!(u16).range(1..))
                                .conflicts_with("files")
                                .help(say!(lang, "So many runs at a time", "Tant d'exécutions à la fois")),
                        ),
                )
                .subcommand(
                    Command::new("new")
                        .about(say!(lang, "Write a small lesson to start from", "Écrire une petite leçon pour commencer"))
                        .arg(
                            Arg::new("id")
                                .required(true)
                                .value_name("ID")
                                .help(say!(lang, "Its name: a small letter, then small letters, digits and hyphens", "Son nom : une minuscule, puis minuscules, chiffres et traits d'union")),
                        )
                        .arg(
                            Arg::new("in")
                                .long("in")
                                .value_name(say!(lang, "DIR", "DOSSIER"))
                                .value_parser(value_parser!(PathBuf))
                                .help(say!(lang, "The directory of lessons to add it to (default: that of --lessons, else this one)", "Le dossier de leçons où l'ajouter (par défaut : celui de --lessons, sinon le dossier courant)")),
                        ),
                )
                .subcommand(
                    Command::new("handout")
                        .about(say!(lang, "A lesson for print, as Markdown or HTML", "Une leçon à imprimer, en Markdown ou en HTML"))
                        .arg(named_lesson("lesson", lang).required(true).help(say!(lang, "A lesson, or all", "Une leçon, ou all pour toutes")))
                        .arg(
                            Arg::new("format")
                                .long("format")
                                .value_name("markdown|html")
                                .value_parser(PossibleValuesParser::new(["markdown", "html"]))
                                .help(say!(lang, "The form (default: by the file's name, else Markdown)", "La forme (par défaut : d'après le nom du fichier, sinon Markdown)")),
                        )
                        .arg(Arg::new("with-solutions").long("with-solutions").action(ArgAction::SetTrue).help(say!(
                            lang,
                            "With answers, explanations, hints and the solution's commands at the end",
                            "Avec, à la fin, réponses, explications, indices et commandes de la solution"
                        )))
                        .arg(
                            Arg::new("output")
                                .long("output")
                                .short('o')
                                .value_name(say!(lang, "FILE", "FICHIER"))
                                .value_parser(value_parser!(PathBuf))
                                .help(say!(lang, "Write this file (default: standard output)", "Écrire ce fichier (par défaut : la sortie standard)")),
                        ),
                )
                .subcommand(Command::new("schema").about(say!(lang, "The JSON Schema of lesson.toml", "Le schéma JSON de lesson.toml")))
}

/// What is to be done about lessons.
pub(super) fn parse(found: &ArgMatches) -> LessonMode {
    let path = |found: &ArgMatches, name: &str| found.get_one::<PathBuf>(name).cloned();
    match found.subcommand() {
        Some(("list", found)) => LessonMode::List { json: found.get_flag("json") },
        Some(("show", found)) => LessonMode::Show { id: text(found, "id"), json: found.get_flag("json") },
        Some(("lint", found)) => LessonMode::Lint {
            folders: found.get_many::<PathBuf>("folders").into_iter().flatten().cloned().collect(),
            files: found.get_flag("files"),
            jobs: found.get_one::<u16>("jobs").copied(),
        },
        Some(("new", found)) => LessonMode::New { id: text(found, "id"), directory: path(found, "in") },
        Some(("handout", found)) => LessonMode::Handout {
            lesson: text(found, "lesson"),
            html: found.get_one::<String>("format").map(|format| format == "html"),
            solutions: found.get_flag("with-solutions"),
            output: path(found, "output"),
        },
        _ => LessonMode::Schema,
    }
}
