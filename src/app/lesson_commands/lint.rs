//! `cloison lesson lint`: everything that is wrong with lessons, their solutions and
//! their wrong answers: what the files tell, and then what the kernel says of each
//! when it is carried out (`app::trial`).

mod rules;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{FINE, USAGE, WRONG, refused};
use crate::app::left::Left;
use crate::app::trial::{self, Given, Outcome, Trial};
use crate::i18n::{Explain, Lang};
use crate::lesson::answers::Answers;
use crate::lesson::broken::Case;
use crate::lesson::diagnostic::{Diagnostic, both, printable, render_all};
use crate::lesson::library::Library;
use crate::lesson::load::{FILES, Files, load_files};
use crate::lesson::model::Lesson;
use crate::lesson::source::Source;
use crate::say;

/// This machine can't run a lesson.
const CANNOT: u8 = 3;
/// How long what is on its way out may take to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to judge.
#[derive(Debug)]
pub struct Request<'a> {
    /// The library: this directory's lessons, or those built in.
    pub directory: Option<&'a Path>,
    /// Folders of lessons, or directories of such; the library without any.
    pub folders: &'a [PathBuf],
    /// The program that lessons are run with; nothing for the files alone.
    pub program: Option<&'a Path>,
    /// How many runs at a time.
    pub hands: usize,
    /// The language of what is said.
    pub lang: Lang,
    /// Whether with colours.
    pub color: bool,
}

/// What is told while lessons are judged, as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A lesson has no fault: for standard output.
    Fine(String),
    /// What is wrong, or can't be: for standard error.
    Wrong(String),
    /// So many runs of a lesson are over: for a terminal, until the next.
    Progress(String),
}

/// `lesson lint [DIR…]`: everything that is wrong with lessons, told as it is found.
/// The exit code: 2 where a DIR can't be read or holds no lesson; else 1 where
/// something is wrong; else 3 where this machine can't run a lesson; else 0.
pub fn lint(request: &Request, tell: &mut dyn FnMut(Told)) -> u8 {
    let mut linter = Linter { request, tell, code: FINE };
    if request.folders.is_empty() {
        linter.library(request.directory);
    }
    for folder in request.folders {
        if folder.join(FILES[0]).symlink_metadata().is_ok() {
            linter.folder(folder);
        } else {
            linter.library(Some(folder));
        }
    }
    linter.code
}

/// A lesson on its way through the judgement.
struct Judged<'a> {
    /// As it is named to a person.
    name: &'a str,
    /// The directory with its folder; built in without.
    lessons: Option<PathBuf>,
    lesson: Result<Lesson, Vec<Diagnostic>>,
    solution: Option<Source>,
    broken: Option<Source>,
    /// What is wrong already.
    found: Vec<Diagnostic>,
}

struct Linter<'a> {
    request: &'a Request<'a>,
    tell: &'a mut dyn FnMut(Told),
    code: u8,
}

impl Linter<'_> {
    /// The more telling of two exit codes: usage, then what is wrong, then what can't be.
    fn end_with(&mut self, code: u8) {
        let weight = |code| [FINE, CANNOT, WRONG, USAGE].iter().position(|one| *one == code);
        if weight(code) > weight(self.code) {
            self.code = code;
        }
    }

    fn wrong(&mut self, found: &[Diagnostic], code: u8) {
        let text = render_all(found, self.request.lang, self.request.color);
        (self.tell)(Told::Wrong(format!("{text}\n\n")));
        self.end_with(code);
    }

    fn library(&mut self, directory: Option<&Path>) {
        let (lang, color) = (self.request.lang, self.request.color);
        let library = match Library::open(directory) {
            Ok(library) => library,
            Err(error) => {
                (self.tell)(Told::Wrong(refused(&error, lang, color).1));
                return self.end_with(USAGE);
            }
        };
        if library.list().is_empty() {
            let name = directory.unwrap_or(Path::new("lessons")).display().to_string();
            let nothing = Diagnostic::of_file(&name, both!("no lessons here", "aucune leçon ici")).help(both!(
                "lessons are in folders named NN-id, with a lesson.toml",
                "les leçons sont dans des dossiers nommés NN-id, avec un lesson.toml"
            ));
            self.wrong(&[nothing], USAGE);
        }
        for entry in library.list() {
            if let Some(directory) = directory {
                self.folder(&directory.join(&entry.folder));
                continue;
            }
            let file = |name: &str| library.file(&entry.id, name);
            let read = file("solution.toml").and_then(|solution| Ok((solution, file("broken.toml")?)));
            match library.get(&entry.id).and_then(|lesson| Ok((lesson, read?))) {
                Ok((lesson, (solution, broken))) => {
                    let (name, lesson) = (entry.folder.as_str(), Ok(lesson));
                    self.judge(Judged { name, lessons: None, lesson, solution, broken, found: Vec::new() });
                }
                Err(error) => {
                    (self.tell)(Told::Wrong(refused(&error, lang, color).1));
                    self.end_with(WRONG);
                }
            }
        }
    }

    fn folder(&mut self, folder: &Path) {
        let name = folder.display().to_string();
        let mut found = rules::stray(folder);
        let mut other = |file: &str| match Source::read_optional(&folder.join(file)) {
            Ok(source) => source,
            Err(one) => {
                found.push(one);
                None
            }
        };
        let (solution, broken) = (other("solution.toml"), other("broken.toml"));
        let lesson = Files::read(folder).and_then(|files| load_files(&files));
        // The folder's own path, not one by way of a link or of `.`, names its directory.
        let place = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let lessons = Some(place.parent().unwrap_or(&place).to_owned());
        self.judge(Judged { name: &name, lessons, lesson, solution, broken, found });
    }

    /// The files; where nothing is wrong with them, what they come to.
    fn judge(&mut self, judged: Judged) {
        let Judged { name, lessons, lesson, solution, broken, mut found } = judged;
        let ready = match lesson {
            Err(more) => {
                found.splice(0..0, more).for_each(drop);
                None
            }
            Ok(lesson) => {
                let file = match &lessons {
                    Some(_) => Path::new(name).join(FILES[0]).display().to_string(),
                    None => format!("lessons/{name}/{}", FILES[0]),
                };
                let folder = file.strip_suffix(FILES[0]).unwrap_or(&file);
                found.extend(rules::structure(&file, &lesson));
                found.extend(rules::on_the_wall(folder, &lesson));
                match rules::answers(name, &lesson, solution.as_ref(), broken.as_ref()) {
                    Ok(answers) => Some((lesson, answers)),
                    Err(more) => {
                        found.extend(more);
                        None
                    }
                }
            }
        };
        let lang = self.request.lang;
        let Some((lesson, (answers, cases))) = ready.filter(|_| found.is_empty()) else {
            return self.wrong(&found, WRONG);
        };
        let shown = printable(name);
        let Some(program) = self.request.program else {
            let text = say!(lang, "{shown}: nothing to find fault with", "{shown} : rien à redire");
            return (self.tell)(Told::Fine(text + "\n"));
        };
        let sources = (solution.as_ref(), broken.as_ref());
        let start = Instant::now();
        let result = match crate::doctor::missing(&lesson) {
            Some(missing) => Err(missing.explain(lang)),
            None => self.run(program, &shown, (&lesson, lessons), (answers, cases), sources).map_err(|why| {
                say!(
                    lang,
                    "{why}\nThe machine has what `needs` and `tools` name. So if others can't run it either, an operation does not do what the lesson means, or `needs` lacks something.",
                    "{why}\nLa machine a ce que nomment « needs » et « tools ». Si d'autres ne le peuvent pas non plus, c'est qu'une opération ne fait pas ce que veut la leçon, ou que « needs » est incomplet."
                )
            }),
        };
        match result {
            Ok((runs, found)) if found.is_empty() => {
                let seconds = start.elapsed().as_secs_f32();
                let text = say!(
                    lang,
                    "{shown}: nothing to find fault with ({runs} runs, {seconds:.1} s)",
                    "{shown} : rien à redire ({runs} exécutions, {seconds:.1} s)"
                );
                (self.tell)(Told::Fine(text + "\n"));
            }
            Ok((_, found)) => self.wrong(&found, WRONG),
            Err(why) => {
                let text = say!(
                    lang,
                    "{shown}: nothing to find fault with in the files, but this machine can't run the lesson: {why}",
                    "{shown} : rien à redire aux fichiers, mais cette machine ne peut pas exécuter la leçon : {why}"
                );
                (self.tell)(Told::Wrong(text + "\n\n"));
                self.end_with(CANNOT);
            }
        }
    }

    /// Carries out all that the author means: how many runs it took, and what is wrong;
    /// or why this machine can't.
    fn run(
        &mut self,
        program: &Path,
        shown: &str,
        (lesson, lessons): (&Lesson, Option<PathBuf>),
        (answers, cases): (Answers, Vec<Case>),
        (solution, broken): (Option<&Source>, Option<&Source>),
    ) -> Result<(usize, Vec<Diagnostic>), String> {
        let given = trial::all_given(&answers, cases);
        let runs = given.len();
        let (lang, patience) = (self.request.lang, PATIENCE);
        let trials: Vec<Trial> = given
            .iter()
            .map(|given| Trial { program, lessons: lessons.clone(), lesson, given: given.clone(), lang, patience })
            .collect();
        let before = Left::now();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; runs];
        let mut over = 0;
        trial::at_once(
            self.request.hands,
            trials,
            |trial| trial.run(),
            |number, outcome| {
                outcomes[number] = Some(outcome);
                over += 1;
                (self.tell)(Told::Progress(format!("{shown}: {over}/{runs}")));
            },
        );
        let mut found = Vec::new();
        for (given, outcome) in given.iter().zip(outcomes.into_iter().flatten()) {
            match outcome {
                Outcome::AsMeant => {}
                Outcome::Cannot(why) => return Err(why),
                Outcome::Otherwise(wrong) => {
                    found.extend(wrong.into_iter().map(|(title, help)| at(given, title, solution, broken).help(help)));
                }
            }
        }
        let changes = before.since(PATIENCE);
        if !changes.is_empty() {
            let list = changes.join(", ");
            let title = both!(
                "the machine is not as it was before the lesson ran: {list}",
                "la machine n'est plus comme avant l'exécution de la leçon : {list}"
            );
            found.push(Diagnostic::of_file(shown, title).help(both!(
                "a lesson leaves nothing behind; if another program did this meanwhile, run lint again",
                "une leçon ne laisse rien derrière elle ; si c'est l'œuvre d'un autre programme entre-temps, relancez lint"
            )));
        }
        Ok((runs, found))
    }
}

/// A mistake that a run showed, at the place of what was answered in it.
fn at(
    given: &Given,
    title: crate::lesson::diagnostic::Both,
    solution: Option<&Source>,
    broken: Option<&Source>,
) -> Diagnostic {
    let name = |source: Option<&Source>| source.map_or_else(String::new, |source| source.name.clone());
    match (given, broken) {
        (Given::Wrong(case), Some(broken)) => broken.at(case.place.clone(), title),
        _ => Diagnostic::of_file(&name(solution), title),
    }
}
