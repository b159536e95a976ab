//! The grammar of `cloison answers`: what a student has done, and whose it is.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::say;

/// What to do about answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswersMode {
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
    let file = |name: &'static str| {
        Arg::new(name).value_name(say!(lang, "FILE", "FICHIER")).value_parser(value_parser!(PathBuf)).required(true)
    };
    Command::new("answers")
        .about(say!(lang, "A student's answers, and whose they are", "Les réponses d'un étudiant, et de qui elles sont"))
        .subcommand_required(true)
        .arg_required_else_help(true)
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
    match matches.subcommand() {
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
