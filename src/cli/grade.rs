//! `grade` and `report` on the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::report::Format;
use crate::say;

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
    /// The class key.
    pub key: Option<PathBuf>,
    /// Whether a submission's name is its student's.
    pub named: bool,
    /// The forms of the reports.
    pub formats: Vec<Format>,
}

/// What to do about reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportMode {
    /// Put results of shards together.
    Merge {
        /// Directories of results.
        outs: Vec<PathBuf>,
        /// Where they go.
        to: PathBuf,
    },
    /// The JSON Schema of a report.
    Schema,
}

/// `grade`.
pub(super) fn grammar(lang: Lang) -> Command {
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
        .arg(super::answers::key(lang))
        .arg(
            Arg::new("named")
                .long("named")
                .action(ArgAction::SetTrue)
                .help(say!(
                    lang,
                    "A submission's name is its student's: refuse answers that name another",
                    "Le nom d'un rendu est celui de l'étudiant : refuser les réponses qui en nomment un autre"
                )),
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
pub(super) fn report(lang: Lang) -> Command {
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

/// What `grade` is asked for.
pub(super) fn parse(found: &ArgMatches) -> Grade {
    let path = |name: &str| found.get_one::<PathBuf>(name).cloned();
    Grade {
        directory: path("directory").unwrap_or_default(),
        lessons: found.get_many::<String>("lesson").into_iter().flatten().cloned().collect(),
        jobs: found.get_one::<u16>("jobs").map(|jobs| usize::from(*jobs)),
        shard: found.get_one::<(usize, usize)>("shard").copied(),
        out: path("out").unwrap_or_default(),
        key: path("key"),
        named: found.get_flag("named"),
        formats: found.get_many::<Format>("format").into_iter().flatten().copied().collect(),
    }
}

/// What `report` is asked for.
pub(super) fn parse_report(found: &ArgMatches) -> ReportMode {
    match found.subcommand() {
        Some(("merge", found)) => ReportMode::Merge {
            outs: found.get_many::<PathBuf>("outs").into_iter().flatten().cloned().collect(),
            to: found.get_one::<PathBuf>("out").cloned().unwrap_or_default(),
        },
        _ => ReportMode::Schema,
    }
}
