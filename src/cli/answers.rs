//! The grammar of `cloison answers`: what a student has done, and whose it is.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::say;

/// What to do about answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswersMode {
    /// What is in a file, for people or programs.
    Show {
        /// The lesson.
        lesson: String,
        /// The file; the student's own where not said.
        answers: Option<PathBuf>,
        /// Whether as JSON.
        json: bool,
    },
    /// A file to fill in by hand.
    New {
        /// The lesson.
        lesson: String,
        /// The student; who is at the keyboard where not said.
        student: Option<String>,
        /// The new file; standard output where not said.
        to: Option<PathBuf>,
    },
    /// All that is wrong with files.
    Lint {
        /// The files.
        files: Vec<PathBuf>,
    },
    /// The file to hand in.
    Export {
        /// The lesson.
        lesson: String,
        /// The file; the student's own where not said.
        answers: Option<PathBuf>,
        /// Whether lines that failed are left out.
        without_failed: bool,
        /// Where to; standard output where not said.
        to: Option<PathBuf>,
    },
    /// Make a class key.
    Key {
        /// The new file.
        file: PathBuf,
    },
    /// Give students their tokens.
    Token {
        /// The class key.
        key: PathBuf,
        /// The students.
        names: Vec<String>,
    },
    /// Say who one is, once.
    Join {
        /// The name.
        name: String,
        /// The token; `-` to read it from standard input.
        token: Option<String>,
    },
}

/// `--student NAME`.
pub(super) fn student(lang: Lang) -> Arg {
    Arg::new("student").long("student").value_name(say!(lang, "NAME", "NOM"))
}

/// `--key FILE`.
pub(super) fn key(lang: Lang) -> Arg {
    Arg::new("key").long("key").value_name(say!(lang, "FILE", "FICHIER")).value_parser(value_parser!(PathBuf)).help(
        say!(
            lang,
            "The class key that values of one's own are made with (see `cloison answers key`)",
            "La clé de classe qui donne à chacun ses valeurs (voir `cloison answers key`)"
        ),
    )
}

pub(super) fn grammar(lang: Lang) -> Command {
    let lesson = || {
        Arg::new("lesson").value_name(say!(lang, "LESSON", "LEÇON")).required(true).help(say!(
            lang,
            "Its id or number",
            "Son identifiant ou son numéro"
        ))
    };
    let answers = || {
        Arg::new("answers")
            .long("answers")
            .value_name(say!(lang, "FILE", "FICHIER"))
            .value_parser(value_parser!(PathBuf))
            .help(say!(lang, "This file (default: your own)", "Ce fichier (par défaut : le vôtre)"))
    };
    let to = || {
        Arg::new("to").long("to").value_name(say!(lang, "FILE", "FICHIER")).value_parser(value_parser!(PathBuf)).help(
            say!(lang, "Write it there (default: standard output)", "L'écrire là (par défaut : la sortie standard)"),
        )
    };
    let file = |name: &'static str| {
        Arg::new(name).value_name(say!(lang, "FILE", "FICHIER")).value_parser(value_parser!(PathBuf)).required(true)
    };
    Command::new("answers")
        .about(say!(lang, "A student's answers, and whose they are", "Les réponses d'un étudiant, et de qui elles sont"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("show")
                .about(say!(lang, "What a file of answers says, and the points so far", "Ce que dit un fichier de réponses, et les points jusqu'ici"))
                .arg(lesson())
                .arg(answers())
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help(say!(lang, "As JSON", "En JSON"))),
        )
        .subcommand(
            Command::new("new")
                .about(say!(lang, "A file to fill in by hand: your values, the steps, what they ask", "Un fichier à remplir à la main : vos valeurs, les étapes, ce qu'elles demandent"))
                .arg(lesson())
                .arg(student(lang).help(say!(lang, "For this student (default: you)", "Pour cet étudiant (par défaut : vous)")))
                .arg(to()),
        )
        .subcommand(
            Command::new("lint")
                .about(say!(lang, "All that is wrong with files of answers, at its place", "Tout ce qui ne va pas dans des fichiers de réponses, à sa place"))
                .after_help(say!(
                    lang,
                    "Runs nothing. Exit codes: 0 nothing to find fault with, 1 something, 2 a file can't be read.",
                    "N'exécute rien. Codes de sortie : 0 rien à redire, 1 quelque chose, 2 un fichier illisible."
                ))
                .arg(file("files").num_args(1..).action(ArgAction::Append)),
        )
        .subcommand(
            Command::new("export")
                .about(say!(lang, "The file to hand in: your answers without your progress", "Le fichier à rendre : vos réponses sans votre progression"))
                .arg(lesson())
                .arg(answers())
                .arg(Arg::new("without-failed").long("without-failed").action(ArgAction::SetTrue).help(say!(
                    lang,
                    "Leave out the lines of which the shell said that they failed (a status other than 0)",
                    "Laisser de côté les lignes dont le shell a dit qu'elles ont échoué (un code de sortie autre que 0)"
                )))
                .arg(to()),
        )
        .subcommand(
            Command::new("key")
                .about(say!(lang, "Teachers: make a key for a class", "Enseignants : faire la clé d'une classe"))
                .after_help(say!(
                    lang,
                    "With a key, the values in tasks can't be computed by anybody but you: each student gets a token, and a token gives its own student's values alone. Keep the file (mode 0600) to yourself; it is never written over. Grade with: cloison check … --key FILE.",
                    "Avec une clé, personne d'autre que vous ne peut calculer les valeurs des exercices : chaque étudiant reçoit un jeton, qui ne donne que ses valeurs à lui. Gardez le fichier (mode 0600) pour vous ; il n'est jamais écrasé. Corrigez avec : cloison check … --key FICHIER."
                ))
                .arg(file("file").help(say!(lang, "The file to make", "Le fichier à créer"))),
        )
        .subcommand(
            Command::new("token")
                .about(say!(lang, "Teachers: the tokens of students, a line each", "Enseignants : les jetons des étudiants, un par ligne"))
                .after_help(say!(
                    lang,
                    "Prints `NAME TOKEN` lines. Send each student their own, who then says once: cloison answers join NAME TOKEN.",
                    "Affiche des lignes « NOM JETON ». Envoyez la sienne à chaque étudiant, qui dira une fois : cloison answers join NOM JETON."
                ))
                .arg(key(lang).required(true))
                .arg(
                    Arg::new("names")
                        .value_name(say!(lang, "NAME", "NOM"))
                        .required(true)
                        .action(ArgAction::Append)
                        .num_args(1..)
                        .help(say!(lang, "The students, as their answers will name them", "Les étudiants, tels que leurs réponses les nommeront")),
                ),
        )
        .subcommand(
            Command::new("join")
                .about(say!(lang, "Students: say once who you are, with the token of your class", "Étudiants : dites une fois qui vous êtes, avec le jeton de votre classe"))
                .after_help(say!(
                    lang,
                    "Name and token are kept in the state directory, in a file that only you can read. Answers made before, with other values, are moved aside and not lost.",
                    "Le nom et le jeton sont gardés dans le dossier d'état, dans un fichier que vous seul pouvez lire. Les réponses faites auparavant, avec d'autres valeurs, sont mises de côté sans être perdues."
                ))
                .arg(Arg::new("name").value_name(say!(lang, "NAME", "NOM")).required(true).help(say!(
                    lang,
                    "Your name, as your teacher gave it",
                    "Votre nom, tel que votre enseignant l'a donné"
                )))
                .arg(Arg::new("token").value_name(say!(lang, "TOKEN", "JETON")).help(say!(
                    lang,
                    "Your token; - reads it from standard input; none where the class has no key",
                    "Votre jeton ; - le lit sur l'entrée standard ; aucun si la classe n'a pas de clé"
                ))),
        )
}

pub(super) fn parse(matches: &ArgMatches) -> AnswersMode {
    let path = |found: &ArgMatches, name: &str| found.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let lesson = |found: &ArgMatches| found.get_one::<String>("lesson").cloned().unwrap_or_default();
    let maybe = |found: &ArgMatches, name: &str| found.get_one::<PathBuf>(name).cloned();
    match matches.subcommand() {
        Some(("show", found)) => {
            AnswersMode::Show { lesson: lesson(found), answers: maybe(found, "answers"), json: found.get_flag("json") }
        }
        Some(("new", found)) => AnswersMode::New {
            lesson: lesson(found),
            student: found.get_one::<String>("student").cloned(),
            to: maybe(found, "to"),
        },
        Some(("lint", found)) => {
            AnswersMode::Lint { files: found.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect() }
        }
        Some(("export", found)) => AnswersMode::Export {
            lesson: lesson(found),
            answers: maybe(found, "answers"),
            without_failed: found.get_flag("without-failed"),
            to: maybe(found, "to"),
        },
        Some(("key", found)) => AnswersMode::Key { file: path(found, "file") },
        Some(("token", found)) => AnswersMode::Token {
            key: path(found, "key"),
            names: found.get_many::<String>("names").into_iter().flatten().cloned().collect(),
        },
        // The grammar has no other.
        _ => {
            let found = matches.subcommand().map(|(_, found)| found);
            let text = |name: &str| found.and_then(|found| found.get_one::<String>(name)).cloned();
            AnswersMode::Join { name: text("name").unwrap_or_default(), token: text("token") }
        }
    }
}
