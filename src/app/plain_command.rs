//! `cloison learn --plain LESSON`: the line interface over a real lab. Exit codes: 0
//! left in order, 2 no such lesson or an unreadable file, 3 this machine can't run
//! it.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::lesson_commands;
use super::signals;
use super::stage::Stage;
use super::store::Store;
use crate::i18n::{Explain, Lang};
use crate::lab::{LabError, Options};
use crate::lesson::answers::Answers;
use crate::lesson::library::Library;
use crate::lesson::{Lesson, Values};
use crate::observe::Snapshot;
use crate::plain::{self, Backend, Done, Input, Left, Opened, Paper, Times, Trouble};
use crate::say;
use crate::session::{Effect, Session};
use crate::term::safe::safe;

/// All right.
const FINE: u8 = 0;
/// Usage, or a file that can't be read.
const USAGE: u8 = 2;
/// This machine can't run the lesson.
const CANNOT: u8 = 3;
/// The width of lines where COLUMNS does not say.
const WIDTH: usize = 78;

/// What was asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The lesson; asked for where not said.
    pub lesson: Option<&'a str>,
    /// Lessons from here.
    pub lessons: Option<&'a Path>,
    /// Progress below here.
    pub state: Option<&'a Path>,
    /// The language.
    pub lang: Lang,
    /// Whether to use colours.
    pub color: bool,
}

/// Goes through a lesson on standard input and output; the exit code. What went
/// wrong has been said on standard error.
pub fn run(request: &Request<'_>) -> u8 {
    match learn(request) {
        Ok(code) => code,
        Err((text, code)) => {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{text}{end}"));
            code
        }
    }
}

fn learn(request: &Request<'_>) -> Result<u8, (String, u8)> {
    let lang = request.lang;
    let usage = |error: &dyn Explain| (error.explain(lang), USAGE);
    let cannot = |error: &dyn Explain| (error.explain(lang), CANNOT);
    let stdin = std::io::stdin();
    let terminal = std::io::IsTerminal::is_terminal(&stdin);
    let mut input = Input::new(stdin, terminal);
    let mut stdout = std::io::stdout();
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH);
    let mut paper = Paper::new(&mut stdout, width, request.color, lang);

    let library = Library::open(request.lessons).map_err(|error| usage(&error))?;
    let id = match request.lesson {
        Some(id) => id.to_owned(),
        None => match ask(&library, request, &mut input, &mut paper) {
            Some(id) => id,
            None => return Ok(FINE),
        },
    };
    let lesson = Arc::new(library.get(&id).map_err(|error| usage(&error))?);
    if let Some(missing) = crate::doctor::missing(&lesson) {
        return Err((missing.explain(lang), CANNOT));
    }
    let store = Store::open(request.state).map_err(|error| usage(&error))?;
    let answers = store.load(&lesson).map_err(|error| usage(&error))?;
    let values = store.values(&lesson, &answers);
    // Before the keeper is there: a signal must not find the lab half made. Programs
    // that are started get none of this.
    let signals = signals::taken(&signals::ENDING).map_err(|error| cannot(&crate::kernel::Errno::from(error)))?;
    let stage = Stage::open(Arc::clone(&lesson), values.clone(), Options::default()).map_err(|error| cannot(&error))?;
    let mut backend =
        OnStage { stage, lesson: Arc::clone(&lesson), values: values.clone(), store, answers: answers.clone() };
    let begun = Session::new(lesson, answers, values);
    match plain::run(&mut backend, begun, &mut input, &signals, paper, Times::default()) {
        Left::InOrder => Ok(FINE),
        Left::Lost => Ok(CANNOT),
    }
}

/// Prints the list of lessons and asks for one; nothing at the end of the input.
fn ask<F: AsFd>(
    library: &Library,
    request: &Request<'_>,
    input: &mut Input<F>,
    paper: &mut Paper<'_>,
) -> Option<String> {
    let lang = request.lang;
    let (list, errors, _) = lesson_commands::list(request.lessons, lang, false, false);
    for line in list.lines().chain(errors.lines()) {
        paper.raw(&safe(line));
    }
    loop {
        if paper.gone {
            return None;
        }
        paper.prompt(lang.pick("Which lesson? ", "Quelle leçon ? "));
        let line = loop {
            if let Some(line) = input.line() {
                break line;
            }
            if input.over() {
                paper.raw("");
                return None;
            }
            wait_for(input.watched());
            input.fill();
        };
        if input.terminal {
            paper.entered();
        } else {
            paper.raw(&safe(&line));
        }
        let wanted = line.trim();
        if matches!(wanted, ":quit" | ":q") {
            return None;
        }
        let found = library.find(wanted).ok();
        match found {
            Some(found) => return Some(found.id.clone()),
            None if wanted.is_empty() => {
                paper.say(lang.pick(
                    "Type the name or the number of a lesson, or :quit.",
                    "Tapez le nom ou le numéro d'une leçon, ou :quit.",
                ));
            }
            None => {
                let wanted = safe(wanted);
                let error = say!(
                    lang,
                    "There is no lesson \"{wanted}\". Type the name or the number of one of the list, or :quit.",
                    "Il n'y a pas de leçon « {wanted} ». Tapez le nom ou le numéro d'une leçon de la liste, ou :quit."
                );
                paper.say(&error);
            }
        }
    }
}

fn wait_for(fd: BorrowedFd<'_>) {
    // An error shows in the read that follows.
    let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE);
}

/// The stage, as the line interface wants it.
struct OnStage {
    stage: Stage,
    lesson: Arc<Lesson>,
    values: Values,
    store: Store,
    /// As last kept: what a lab that was lost is built again from.
    answers: Answers,
}

impl OnStage {
    fn new_stage(&mut self) -> Result<(), LabError> {
        self.stage = Stage::open(Arc::clone(&self.lesson), self.values.clone(), Options::default())?;
        Ok(())
    }

    fn try_out(&mut self, effect: &Effect) -> Result<Done, LabError> {
        match effect {
            Effect::Perform { step } => match self.stage.perform(*step) {
                Ok(outcome) => Ok(Done::Performed(outcome)),
                Err(LabError::KeeperDied) => {
                    self.new_stage()?;
                    let outcomes = self.stage.rebuild(*step, &self.answers)?;
                    Ok(outcomes.into_iter().last().map_or(Done::Nothing, Done::Performed))
                }
                Err(error) => Err(error),
            },
            Effect::Rebuild { to, answers } => match self.stage.rebuild(*to, answers) {
                Ok(outcomes) => Ok(Done::Rebuilt(outcomes)),
                Err(LabError::KeeperDied) => {
                    self.new_stage()?;
                    Ok(Done::Rebuilt(self.stage.rebuild(*to, answers)?))
                }
                Err(error) => Err(error),
            },
            Effect::Save(_) | Effect::FocusShell(_) | Effect::Finished => Ok(Done::Nothing),
        }
    }
}

fn trouble(error: &LabError) -> Trouble {
    Trouble::of(error, matches!(error, LabError::KeeperDied))
}

impl Backend for OnStage {
    fn carry_out(&mut self, effect: &Effect) -> Result<Done, Trouble> {
        self.try_out(effect).map_err(|error| trouble(&error))
    }

    fn snapshot(&mut self) -> Result<Arc<Snapshot>, Trouble> {
        self.stage.snapshot().map_err(|error| trouble(&error))
    }

    fn shell(&mut self, actor: &str, size: (u16, u16), lang: Lang) -> Result<Opened, Trouble> {
        let launch = self.stage.line_shell(actor, size, lang).map_err(|error| trouble(&error))?;
        Ok(Opened { id: launch.id, fd: launch.fd })
    }

    fn trace(&mut self, actor: &str, on: bool) -> Result<(), Trouble> {
        self.stage.trace(actor, on).map_err(|error| trouble(&error))
    }

    fn ended(&mut self, shell: u64) -> Option<String> {
        self.stage.ended(shell).map(|exit| exit.to_string())
    }

    fn save(&mut self, answers: &Answers) -> Result<(), Trouble> {
        self.answers.clone_from(answers);
        self.store.save(answers).map_err(|error| Trouble::of(&error, false))
    }
}
