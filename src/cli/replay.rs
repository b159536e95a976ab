//! Recordings: `demo --record`, and `replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser as _;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::i18n::Lang;
use crate::say;

/// Where a demonstration is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The file.
    pub file: PathBuf,
    /// Whether a file that is there already goes.
    pub overwrite: bool,
}

/// What is replayed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The recording.
    pub file: PathBuf,
    /// The longest wait; none: as recorded.
    pub idle: Option<Duration>,
    /// How fast, in per cent.
    pub speed: u32,
}

/// `--record` and `--overwrite` of `demo`.
pub fn record(lang: Lang) -> [Arg; 2] {
    [
        Arg::new("record")
            .long("record")
            .value_name(say!(lang, "FILE", "FICHIER"))
            .value_parser(value_parser!(PathBuf))
            .help(say!(
                lang,
                "Record it (asciicast v3): for cloison replay, asciinema, web pages",
                "L'enregistrer (asciicast v3) : pour cloison replay, asciinema, des pages web"
            )),
        Arg::new("overwrite").long("overwrite").requires("record").action(ArgAction::SetTrue).help(say!(
            lang,
            "With --record: replace a file that is there already",
            "Avec --record : remplacer un fichier qui existe déjà"
        )),
    ]
}

/// What they say.
pub fn parse_record(found: &ArgMatches) -> Option<Record> {
    let file = found.get_one::<PathBuf>("record")?.clone();
    Some(Record { file, overwrite: found.get_flag("overwrite") })
}

/// The grammar of `replay`.
pub fn grammar(lang: Lang) -> Command {
    Command::new("replay")
        .about(say!(lang, "A recording of a demonstration, step by step", "L'enregistrement d'une démonstration, étape par étape"))
        .after_help(say!(
            lang,
            "Space pauses, the arrows go from step to step, g or a number to any, + and - change the speed, Tab shows the list of steps, q leaves. Plays asciicasts of versions 2 and 3, whoever made them; nothing of what they hold but text and colours reaches the terminal.",
            "Espace met en pause, les flèches vont d'étape en étape, g ou un numéro à n'importe laquelle, + et - changent la vitesse, Tab montre la liste des étapes, q quitte. Rejoue les asciicasts des versions 2 et 3, quelle que soit leur origine ; rien de leur contenu n'atteint le terminal, sauf du texte et des couleurs."
        ))
        .arg(
            Arg::new("file")
                .value_name(say!(lang, "FILE", "FICHIER"))
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help(say!(lang, "The recording: cloison demo LESSON --record FILE", "L'enregistrement : cloison demo LEÇON --record FICHIER")),
        )
        .arg(
            Arg::new("idle")
                .long("idle")
                .value_name(say!(lang, "SECONDS", "SECONDES"))
                .default_value("3")
                .value_parser(number(3600.0).map(|seconds| (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))))
                .help(say!(lang, "Cut longer waits to this (0: none is cut)", "Réduire à cela les attentes plus longues (0 : aucune ne l'est)")),
        )
        .arg(
            Arg::new("speed")
                .long("speed")
                .value_name("X")
                .default_value("1")
                .value_parser(number(100.0).try_map(|speed| {
                    let percent = (speed * 100.0).round() as u32;
                    if percent == 0 { Err("0.01 … 100") } else { Ok(percent) }
                }))
                .help(say!(lang, "So many times as fast", "Tant de fois plus vite")),
        )
}

/// A number from 0 to `most`.
fn number(most: f64) -> impl clap::builder::TypedValueParser<Value = f64> {
    clap::builder::StringValueParser::new().try_map(move |text| {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=most).contains(number));
        number.ok_or_else(|| format!("0 … {most}"))
    })
}

/// What it says.
pub fn parse(found: &ArgMatches) -> Replay {
    Replay {
        file: found.get_one::<PathBuf>("file").cloned().unwrap_or_default(),
        idle: found.get_one::<Option<Duration>>("idle").copied().flatten(),
        speed: found.get_one::<u32>("speed").copied().unwrap_or(100),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Demo, Mode, parse};

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        let args: Vec<_> = ["cloison"].into_iter().chain(line.split(' ')).map(std::ffi::OsString::from).collect();
        parse(&args)
    }

    #[test]
    fn waits_and_speeds_are_numbers_within_reason() {
        for (line, idle, speed) in [
            ("replay x", Some(3000), 100),
            ("replay x --idle 0", None, 100),
            ("replay x --idle 0.5 --speed 2.5", Some(500), 250),
        ] {
            let Mode::Replay(replay) = parsed(line).unwrap().mode else { panic!("{line}") };
            assert_eq!((replay.idle.map(|idle| idle.as_millis()), replay.speed), (idle, speed), "{line}");
        }
        for line in [
            "replay",
            "replay x --idle -1",
            "replay x --idle inf",
            "replay x --speed 0",
            "replay x --speed NaN",
            "replay x --speed 101",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn only_a_recording_is_overwritten() {
        assert!(parsed("demo uts --overwrite").is_err());
        let Mode::Demo(Demo { record: Some(record), .. }) = parsed("demo uts --record x --overwrite").unwrap().mode
        else {
            panic!("a recording")
        };
        assert!(record.overwrite);
    }
}
