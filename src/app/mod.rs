//! The composition root: wires the parts together, a file per mode.

pub mod answers_command;
mod carried;
pub mod check_command;
pub mod class;
pub mod clean_command;
mod delivery;
pub mod demo;
pub mod doctor_command;
mod driver;
mod filtered;
pub mod grade;
pub mod grade_command;
pub mod inspect;
mod jailed;
pub mod learn;
pub mod left;
pub mod lesson_commands;
mod listing;
pub mod plain_command;
pub mod shells;
mod signals;
pub mod snapshot_command;
pub mod stage;
pub mod store;
mod tracing;
pub mod trial;
mod watch;
mod whole;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{self, Cli, LessonMode, Mode, ReportMode};
use crate::i18n::{Explain, Lang};
use crate::lesson::diagnostic::printable;
use crate::lesson::library::Library;
use crate::say;
use crate::ui::Theme;
use crate::ui::model::Mouse;
use crate::ui::projector::Autoplay;

use lesson_commands::{LintRequest, Told};
use store::Store;

/// Usage, or a file that can't be read.
const USAGE: u8 = 2;
/// This machine can't run the lesson.
const CANNOT: u8 = 3;
/// The program that is running, to be run again: proc_pid_exe(5).
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Runs what the command line asks for; its exit code. The calling process has one
/// thread.
pub fn run(args: &[OsString]) -> ExitCode {
    if args.get(1).is_some_and(|argument| argument == grade_command::worker::ARGUMENT) {
        return ExitCode::from(grade_command::worker::run());
    }
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and clap knows which stream each goes to.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let (stdout, stderr, code) = mode(&cli);
    print(&stdout, &stderr);
    ExitCode::from(code)
}

/// Writes what there is to say; a reader that has gone away (`| head`) is no error.
fn print(stdout: &str, stderr: &str) {
    let _ = std::io::stdout().write_all(stdout.as_bytes()).and_then(|()| std::io::stdout().flush());
    if !stderr.is_empty() {
        let end = if stderr.ends_with('\n') { "" } else { "\n" };
        let _ = write!(std::io::stderr(), "{stderr}{end}");
    }
}

fn mode(cli: &Cli) -> lesson_commands::Output {
    let common = &cli.common;
    let lang = common.lang;
    let color = common.color.unwrap_or_else(|| wants_color(std::io::stdout().is_terminal()));
    let lessons = common.lessons.as_deref();
    match &cli.mode {
        Mode::Learn { watch: true, .. } | Mode::Demo(cli::Demo { watch: true, .. })
            if common.plain || lessons.is_none() =>
        {
            (String::new(), unwatched(lang), USAGE)
        }
        Mode::Learn { lesson, .. } if common.plain => {
            let lesson = lesson.as_deref();
            let request = plain_command::Request { lesson, lessons, state: common.state.as_deref(), lang, color };
            (String::new(), String::new(), plain_command::run(&request))
        }
        Mode::Learn { lesson, watch } => left(screen(cli, lesson.clone(), *watch)),
        Mode::Demo(demo) => left(wall(cli, demo)),
        Mode::Replay(replay) => left(replayed(cli, replay)),
        Mode::Follow(wanted) => left(follow(cli, wanted)),
        Mode::Notes(pid) => match notes(cli, *pid) {
            Ok(text) => (text, String::new(), 0),
            Err((text, code)) => (String::new(), text, code),
        },
        Mode::Check { lesson, answers, student, key, format, output } => check_command::run(&check_command::Request {
            lesson,
            answers: answers.as_deref(),
            lessons,
            state: common.state.as_deref(),
            student: student.as_deref(),
            key: key.as_deref(),
            format: *format,
            output: output.as_deref(),
            lang,
            color,
        }),
        Mode::Grade(grade) => grade_command::run(&grade_command::Request {
            directory: &grade.directory,
            wanted: &grade.lessons,
            jobs: grade.jobs,
            shard: grade.shard.map(|(index, of)| grade_command::summary::Shard { index, of }),
            out: &grade.out,
            key: grade.key.as_deref(),
            named: grade.named,
            formats: &grade.formats,
            lessons,
            lang,
        }),
        Mode::Report(ReportMode::Merge { outs, to }) => grade_command::merge::run(outs, to, lang),
        Mode::Report(ReportMode::Schema) => (crate::report::schema(), String::new(), 0),
        Mode::Snapshot { pid, json } => match snapshot_command::run(*pid, *json, lang) {
            Ok(text) => (text, String::new(), 0),
            Err(error) => (String::new(), error.explain(lang), USAGE),
        },
        Mode::Inspect { pid, list, json } => match pid {
            Some(pid) if *json || common.plain => inspect::process(*pid, *json, lang, color),
            None if *list || *json || common.plain => inspect::list(*json, lang, color),
            _ => left(inspect_screen(cli, *pid)),
        },
        Mode::Lesson(LessonMode::List { json }) => lesson_commands::list(lessons, lang, *json, color),
        Mode::Lesson(LessonMode::Show { id, json }) => lesson_commands::show(lessons, id, lang, *json, color),
        Mode::Lesson(LessonMode::Lint { folders, files, jobs }) => {
            let program = (!files).then_some(Path::new(OWN_PROGRAM));
            let hands = jobs.map_or_else(trial::hands, |jobs| jobs as usize);
            let request = LintRequest { directory: lessons, folders, program, hands, lang, color };
            (String::new(), String::new(), lesson_commands::lint(&request, &mut tell_lint()))
        }
        Mode::Lesson(LessonMode::New { id, directory }) => {
            let directory = directory.as_deref().or(lessons).unwrap_or(Path::new("."));
            lesson_commands::new(id, directory, lang, color)
        }
        Mode::Lesson(LessonMode::Handout { lesson, html, solutions, output }) => {
            lesson_commands::handout(&lesson_commands::HandoutRequest {
                directory: lessons,
                lesson,
                html: *html,
                solutions: *solutions,
                output: output.as_deref(),
                lang,
                color,
            })
        }
        Mode::Lesson(LessonMode::Schema) => lesson_commands::schema(),
        Mode::Answers(mode) => answers_command::run(mode, common, color),
        Mode::Doctor { json } => doctor_command::run(*json, lang, color),
        Mode::Clean => clean_command::run(lang),
    }
}

/// What there is to say after a screen.
fn left(screen: Result<(), (String, u8)>) -> lesson_commands::Output {
    match screen {
        Ok(()) => (String::new(), String::new(), 0),
        Err((text, code)) => (String::new(), text, code),
    }
}

/// Says what `lint` tells as it comes; how far it is, on a line that the next text
/// takes the place of, and only to a person.
fn tell_lint() -> impl FnMut(Told) {
    let terminal = std::io::stderr().is_terminal();
    let mut shown = false;
    move |told| {
        let mut stderr = std::io::stderr();
        // A reader that has gone away is no error.
        if std::mem::take(&mut shown) {
            let _ = write!(stderr, "\r\u{1b}[K");
        }
        match told {
            Told::Fine(text) => print(&text, ""),
            Told::Wrong(text) => print("", &text),
            Told::Progress(text) if terminal => {
                let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
                shown = true;
            }
            Told::Progress(_) => {}
        }
    }
}

/// Why `--watch` means nothing here.
fn unwatched(lang: Lang) -> String {
    say!(
        lang,
        "--watch is for the screen and a directory of lessons: cloison learn LESSON --lessons DIR --watch",
        "--watch est pour l'écran et un dossier de leçons : cloison learn LEÇON --lessons DOSSIER --watch"
    )
}

/// The screen. What can't be is said with the exit code.
fn screen(cli: &Cli, open: Option<String>, watch: bool) -> Result<(), (String, u8)> {
    let common = &cli.common;
    let lang = common.lang;
    let library = Library::open(common.lessons.as_deref()).map_err(|error| (error.explain(lang), USAGE))?;
    let open = open.map(|name| library.get(&name).map(|lesson| lesson.id)).transpose();
    let open = open.map_err(|error| (error.explain(lang), USAGE))?;
    let store = Store::open(common.state.as_deref()).map_err(|error| (error.explain(lang), USAGE))?;
    let (theme, mouse) = terminal(cli, lang.pick("cloison learn --plain LESSON", "cloison learn --plain LEÇON"))?;
    let followed = common.lessons.clone().filter(|_| watch);
    let wanted = learn::Wanted { library, store, lang, theme, open, mouse, followed };
    learn::learn(wanted).map_err(|error| (format!("{error:#}"), 1))
}

/// The screen of `inspect`. A process that can't be inspected is refused before the
/// terminal is taken.
fn inspect_screen(cli: &Cli, pid: Option<u32>) -> Result<(), (String, u8)> {
    let lang = cli.common.lang;
    if let Some(refused) = pid.and_then(|pid| inspect::refused(pid, lang)) {
        return Err(refused);
    }
    let lines = match pid {
        Some(pid) => format!("cloison inspect --plain {pid}"),
        None => "cloison inspect --list".to_owned(),
    };
    let (theme, mouse) = terminal(cli, &lines)?;
    inspect::screen(pid, lang, theme, mouse).map_err(|error| (format!("{error:#}"), 1))
}

/// A lesson on the projector.
fn wall(cli: &Cli, wanted: &cli::Demo) -> Result<(), (String, u8)> {
    let cli::Demo { lesson: name, at, light, watch, auto, record, share } = wanted;
    let common = &cli.common;
    let lang = common.lang;
    let library = Library::open(common.lessons.as_deref()).map_err(|error| (error.explain(lang), USAGE))?;
    let lesson = library.get(name).map_err(|error| (error.explain(lang), USAGE))?;
    if let Some(missing) = crate::doctor::missing(&lesson) {
        return Err((missing.explain(lang), CANNOT));
    }
    if let Some(at) = at.as_ref().filter(|at| lesson.steps.iter().all(|step| step.id != **at)) {
        let at = printable(at);
        let steps = lesson.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(" ");
        let text = say!(
            lang,
            "The lesson {name} has no step {at}. Its steps: {steps}",
            "La leçon {name} n'a pas d'étape {at}. Ses étapes : {steps}"
        );
        return Err((text, USAGE));
    }
    let (theme, mouse) = terminal(cli, lang.pick("cloison learn --plain LESSON", "cloison learn --plain LEÇON"))?;
    let theme = if *light && theme.coloured() { Theme::LIGHT } else { theme };
    let at = at.clone();
    let followed = common.lessons.clone().filter(|_| *watch);
    let auto = auto.map(|cli::Auto { seconds, again }| Autoplay::new(again, seconds.map(Duration::from_secs)));
    let begin = |record: &cli::Record| {
        let title = lesson.text(lang).title.clone();
        demo::record::begin(&record.file, record.overwrite, title).map_err(|why| (why.explain(lang), USAGE))
    };
    let shared = share.as_deref().map(demo::share::open).transpose().map_err(|error| (error.explain(lang), USAGE))?;
    // Last: what is refused leaves the file as it was.
    let record = record.as_ref().map(begin).transpose()?;
    let wanted = demo::Wanted { library, lesson, at, lang, theme, mouse, followed, auto, record, shared };
    let unrecorded = demo::demo(wanted).map_err(|error| (format!("{error:#}"), 1))?;
    unrecorded.map_or(Ok(()), |[en, fr]| Err((lang.pick(en, fr), 1)))
}

/// A recording on the screen. What can't be played is refused before the terminal is taken.
fn replayed(cli: &Cli, wanted: &cli::Replay) -> Result<(), (String, u8)> {
    let lang = cli.common.lang;
    let recording = demo::replay::load(&wanted.file).map_err(|error| {
        let (path, why) = (printable(&wanted.file.to_string_lossy()), error.explain(lang));
        (say!(lang, "{path} can't be played: {why}.", "{path} ne peut pas être rejoué : {why}."), USAGE)
    })?;
    let (theme, _) = terminal(cli, lang.pick("cloison learn --plain LESSON", "cloison learn --plain LEÇON"))?;
    demo::replay::replay(recording, wanted.idle, wanted.speed, lang, theme).map_err(|error| (format!("{error:#}"), 1))
}

/// A demonstration in a student's own terminal. What can't be reached is said before the
/// terminal is taken.
fn follow(cli: &Cli, wanted: &cli::Follow) -> Result<(), (String, u8)> {
    let lang = cli.common.lang;
    let (theme, _) = terminal(cli, lang.pick("cloison learn --plain LESSON", "cloison learn --plain LEÇON"))?;
    let code = wanted.code.as_deref();
    let wall = demo::follow::find(wanted.address.as_deref(), code).map_err(|error| {
        let usage = matches!(error, demo::follow::Trouble::NoAddress(_));
        (error.explain(lang), if usage { USAGE } else { 1 })
    })?;
    demo::follow::follow(wall, wanted.code.clone(), lang, theme).map_err(|error| (format!("{error:#}"), 1))
}

/// The presenter's notes; what there is to say when they end.
fn notes(cli: &Cli, pid: Option<u32>) -> Result<String, (String, u8)> {
    let lang = cli.common.lang;
    let wall = demo::notes::find(pid).map_err(|error| (error.explain(lang), 1))?;
    let (theme, _) = terminal(cli, lang.pick("cloison lesson show LESSON", "cloison lesson show LEÇON"))?;
    let ended = demo::notes::notes(wall, lang, theme).map_err(|error| (format!("{error:#}"), 1))?;
    let text = say!(lang, "The demonstration has ended.\n", "La démonstration est terminée.\n");
    Ok(if ended { text } else { String::new() })
}

/// The screen's theme, and whose the mouse is; refuses where there is no terminal, and
/// says what there is for lines.
fn terminal(cli: &Cli, lines: &str) -> Result<(Theme, Mouse), (String, u8)> {
    let lang = cli.common.lang;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let text = say!(
            lang,
            "The screen needs a terminal on standard input and output. For lines instead: {lines}",
            "L'écran a besoin d'un terminal en entrée et en sortie. Pour des lignes à la place : {lines}"
        );
        return Err((text, USAGE));
    }
    let color = cli.common.color.unwrap_or_else(|| wants_color(true));
    let ground = std::env::var("COLORFGBG").ok();
    let mouse = if cli.common.mouse { Mouse::Ours } else { Mouse::Terminals };
    Ok((Theme::choose(color, ground.as_deref()), mouse))
}

/// Colours where a person reads them, unless NO_COLOR says no (no-color.org).
fn wants_color(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
