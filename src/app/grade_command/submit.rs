//! One submission: which lessons it answers, what of that is known from an earlier run, and
//! the rest graded. A thread does one after the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::hash;
use super::pool::Pool;
use super::results::{self, Entry, Graded, State};
use super::submissions::{Kind, Submission, Submissions};
use super::worker::{Answer, Job};
use crate::app::check_command::candidates;
use crate::app::class::{self, ClassError};
use crate::app::jailed::both as both_of;
use crate::app::whole;
use crate::check::{LessonReport, Verdict};
use crate::i18n::{Explain as _, Lang};
use crate::lesson::answers::{parse_answers, validate_answers};
use crate::lesson::diagnostic::{Both, Diagnostic, both, quoted, render_all};
use crate::lesson::library::{ALL, Library, LibraryError, Listed};
use crate::lesson::load::load_files;
use crate::lesson::source::Source;
use crate::lesson::token::Key;
use crate::lesson::{Lesson, Values};
use crate::report::{self, Format, Options};
use crate::term::safe;

/// The most of an account of unreadable answers that is kept, in characters.
const LONGEST: usize = 2000;
/// What a verdict without a check is about.
const ANSWERS: &str = "answers";

/// Which lessons are graded.
#[derive(Debug)]
pub enum Wanted {
    /// Those that a submission answers.
    Answered,
    /// These: one without answers is missing.
    These(Vec<Listed>),
}

impl Wanted {
    /// By names as on the command line.
    pub fn new(library: &Library, names: &[String]) -> Result<Self, LibraryError> {
        if names.is_empty() {
            return Ok(Self::Answered);
        }
        if names.iter().any(|name| name == ALL) {
            return Ok(Self::These(library.list().to_vec()));
        }
        let mut found: Vec<Listed> = names.iter().map(|name| library.find(name).cloned()).collect::<Result<_, _>>()?;
        found.sort_by_key(|listed| listed.number);
        found.dedup();
        Ok(Self::These(found))
    }

    fn has(&self, listed: &Listed) -> bool {
        match self {
            Self::Answered => true,
            Self::These(these) => these.contains(listed),
        }
    }
}

/// What all threads share.
pub struct Grader {
    pub library: Library,
    pub wanted: Wanted,
    pub submissions: Submissions,
    pub out: PathBuf,
    pub formats: Vec<Format>,
    pub key: Option<Key>,
    /// Whether a submission's name is its student's.
    pub named: bool,
    pub lang: Lang,
    pub loaded: Mutex<HashMap<String, Result<Arc<Loaded>, LibraryError>>>,
}

/// A lesson, and a hash of its files.
pub struct Loaded {
    lesson: Lesson,
    hash: String,
}

/// One lesson of a submission, before it is graded.
enum Work {
    Answered(Arc<Loaded>, Source, Values, Option<Both>),
    Missing(Arc<Loaded>),
    Unreadable(Option<Arc<Loaded>>, Both),
}

impl Grader {
    /// Grades the submission of this place in the list, and writes its results; nothing
    /// where the work is to stop. Fails where results can't be written.
    pub fn grade(&self, place: usize, pool: &mut Pool) -> std::io::Result<Option<Graded>> {
        let submission = &self.submissions.list[place];
        let folder = self.out.join(&submission.name);
        results::tidy(&folder);
        let before = Graded::read(&folder);
        let mut graded = Graded::new(&submission.name);
        let work = self.work(submission).map_err(|error| std::io::Error::other(error.explain(self.lang)))?;
        for work in work {
            let Some(entry) = self.one(work, before.as_ref(), pool)? else { return Ok(None) };
            graded.lessons.push(entry);
            if before.as_ref() != Some(&graded) {
                graded.write(&folder)?;
            }
        }
        self.write_reports(&graded, &folder)?;
        Ok(Some(graded))
    }

    fn write_reports(&self, graded: &Graded, folder: &Path) -> std::io::Result<()> {
        let reports: Vec<LessonReport> = graded.lessons.iter().map(|entry| entry.report.clone()).collect();
        let options = Options { lang: self.lang, color: false, submission: None };
        for format in &self.formats {
            let text = report::render(*format, &reports, &options);
            let text = if format.is_json() { safe::json(&text) } else { text };
            whole::write(&folder.join(file_name(*format)), text.as_bytes())?;
        }
        Ok(())
    }

    fn load(&self, listed: &Listed) -> Result<Arc<Loaded>, LibraryError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.entry(listed.id.clone()).or_insert_with(|| self.load_anew(listed).map(Arc::new)).clone()
    }

    fn load_anew(&self, listed: &Listed) -> Result<Loaded, LibraryError> {
        let files = self.library.files(&listed.id)?;
        let lesson = load_files(&files).map_err(LibraryError::Invalid)?;
        let parts: Vec<&[u8]> =
            [&files.lesson].into_iter().chain(&files.texts).map(|file| file.text.as_bytes()).collect();
        Ok(Loaded { lesson, hash: hash(&parts) })
    }

    /// The lessons that a submission has answers to, and those that it should have.
    fn work(&self, submission: &Submission) -> Result<Vec<Work>, LibraryError> {
        match &submission.kind {
            Kind::Neither(why) => Ok(vec![Work::Unreadable(self.only()?, why.clone())]),
            Kind::File => {
                let name = format!("{}.toml", submission.name);
                let work = match self.submissions.read(submission, Path::new("")) {
                    Ok(Some(bytes)) => self.file(submission, name, bytes)?,
                    Ok(None) => Work::Unreadable(self.only()?, both!("it is gone", "il n'est plus là")),
                    Err(why) => Work::Unreadable(self.only()?, why),
                };
                Ok(vec![work])
            }
            Kind::Folder => {
                let mut work = Vec::new();
                for listed in self.library.list().iter().filter(|listed| self.wanted.has(listed)) {
                    work.extend(self.of_folder(submission, listed)?);
                }
                if work.is_empty() {
                    let why = both!(
                        "no answers in it: ID.toml, answers/ID.toml or NN-ID/solution.toml",
                        "aucune réponse : ID.toml, answers/ID.toml ou NN-ID/solution.toml"
                    );
                    work.push(Work::Unreadable(None, why));
                }
                Ok(work)
            }
        }
    }

    /// The one lesson that is wanted, if it is one.
    fn only(&self) -> Result<Option<Arc<Loaded>>, LibraryError> {
        match &self.wanted {
            Wanted::These(these) if these.len() == 1 => self.load(&these[0]).map(Some),
            _ => Ok(None),
        }
    }

    /// A submission that is a file says itself what lesson it is to.
    fn file(&self, submission: &Submission, name: String, bytes: Vec<u8>) -> Result<Work, LibraryError> {
        let read = Source::from_bytes(name, bytes).map_err(|one| vec![one]);
        let read = read.and_then(|source| parse_answers(&source).map(|answers| (source, answers.lesson)));
        let (source, id) = match read {
            Ok(read) => read,
            Err(found) => return Ok(Work::Unreadable(self.only()?, words(&found))),
        };
        let listed = match self.library.list().iter().find(|listed| listed.id == id) {
            Some(listed) if self.wanted.has(listed) => listed,
            Some(_) => {
                let why = both!(
                    "answers to the lesson `{id}`, which is not asked for",
                    "des réponses à la leçon « {id} », qui n'est pas demandée"
                );
                return Ok(Work::Unreadable(self.only()?, why));
            }
            None => {
                let id = quoted(&id);
                let why = both!("there is no lesson `{id}`", "il n'y a pas de leçon « {id} »");
                return Ok(Work::Unreadable(self.only()?, why));
            }
        };
        Ok(self.held_against(submission, self.load(listed)?, source))
    }

    fn of_folder(&self, submission: &Submission, listed: &Listed) -> Result<Option<Work>, LibraryError> {
        for path in candidates(listed) {
            let name = format!("{}/{}", submission.name, path.display());
            match self.submissions.read(submission, &path) {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    let lesson = self.load(listed)?;
                    return Ok(Some(match Source::from_bytes(name, bytes) {
                        Ok(source) => self.held_against(submission, lesson, source),
                        Err(one) => Work::Unreadable(Some(lesson), words(&[one])),
                    }));
                }
                Err([en, fr]) => {
                    let why = [format!("{name}: {en}"), format!("{name} : {fr}")];
                    return Ok(Some(Work::Unreadable(Some(self.load(listed)?), why)));
                }
            }
        }
        match self.wanted {
            Wanted::Answered => Ok(None),
            Wanted::These(_) => Ok(Some(Work::Missing(self.load(listed)?))),
        }
    }

    /// Answers to a lesson, if they fit it and are the student's own.
    fn held_against(&self, submission: &Submission, loaded: Arc<Loaded>, source: Source) -> Work {
        let answers = match validate_answers(&source, &loaded.lesson) {
            Ok(answers) => answers,
            Err(found) => return Work::Unreadable(Some(loaded), words(&found)),
        };
        let named = if self.named { answers.by(&submission.name) } else { Ok(answers) };
        let answers = match named {
            Ok(answers) => answers,
            Err(foreign) => return Work::Unreadable(Some(loaded), both_of(&foreign)),
        };
        let values = match &self.key {
            None => Values::new(&loaded.lesson, &answers.student),
            Some(_) if answers.student.is_empty() && !answers.is_empty() => {
                let nameless = ClassError::Nameless(answers.lesson);
                return Work::Unreadable(Some(loaded), both_of(&nameless));
            }
            Some(key) => Values::keyed(&loaded.lesson, &key.token(&answers.student)),
        };
        // Without a key there is nothing to join.
        let note = self.key.as_ref().and_then(|_| class::unjoined(&loaded.lesson, &answers, &values));
        Work::Answered(loaded, source, values, note)
    }

    /// One lesson graded; nothing where the work is to stop.
    fn one(&self, work: Work, before: Option<&Graded>, pool: &mut Pool) -> std::io::Result<Option<Entry>> {
        let (loaded, source, values, note) = match work {
            Work::Answered(loaded, source, values, note) => (loaded, source, values, note),
            Work::Missing(loaded) => {
                let why = both!("no answers to this lesson", "pas de réponses à cette leçon");
                return Ok(Some(self.unjudged(State::Missing, Some(&loaded), why)));
            }
            Work::Unreadable(loaded, why) => {
                return Ok(Some(self.unjudged(State::Unreadable, loaded.as_deref(), why)));
            }
        };
        let lesson = &loaded.lesson;
        let version = env!("CARGO_PKG_VERSION");
        let own = serde_json::to_string(&values)?;
        let parts = [version, self.lang.code(), &lesson.id, &loaded.hash, &own, &source.text];
        let inputs = hash(&parts.map(str::as_bytes));
        if let Some(entry) = before.and_then(|before| before.still_true(&lesson.id, &inputs)) {
            return Ok(Some(Entry { note, ..entry.clone() }));
        }
        let start = Instant::now();
        let student = values.student().to_owned();
        let job = Job { lesson: lesson.id.clone(), answers: source.text, values };
        let Some(answer) = pool.grade(&job, crate::app::grade::limit(lesson))? else { return Ok(None) };
        let mut entry = match answer {
            Answer::Graded(report) => {
                let state = if report.passed() { State::Pass } else { State::Fail };
                Entry { state, inputs: String::new(), millis: 0, reason: None, note: None, report: *report }
            }
            Answer::Cannot(why) => self.unjudged(State::Cannot, Some(&loaded), why),
            Answer::Stopped(why) => self.unjudged(State::Stopped, Some(&loaded), why),
            Answer::Died(why) => self.unjudged(State::Died, Some(&loaded), why),
        };
        entry.report.student = student;
        Ok(Some(Entry { inputs, note, millis: start.elapsed().as_millis() as u64, ..entry }))
    }

    /// What could not be judged: no points. Where that may be the machine's doing, none to lose.
    fn unjudged(&self, state: State, loaded: Option<&Loaded>, why: Both) -> Entry {
        let lesson = loaded.map(|loaded| &loaded.lesson);
        let (id, title) = match lesson {
            Some(lesson) => (lesson.id.as_str(), lesson.text(self.lang).title.as_str()),
            None => ("", ""),
        };
        let mut report = LessonReport::cannot(id, title, "", why.clone());
        if !matches!(state, State::Cannot | State::Died) {
            report.cannot = None;
            report.out_of = lesson.map_or(0, Lesson::points);
            report.verdicts = vec![Verdict {
                step: String::new(),
                check: ANSWERS.to_owned(),
                state: crate::check::State::Error,
                label: String::new(),
                expected: String::new(),
                found: self.lang.pick(&why[0], &why[1]).clone(),
                help: String::new(),
                after: None,
            }];
        }
        Entry { state, inputs: String::new(), millis: 0, reason: Some(why), note: None, report }
    }
}

/// What a report of this form is called.
fn file_name(format: Format) -> &'static str {
    match format {
        Format::Human => "report.txt",
        Format::Json => "report.json",
        Format::Junit => "report.junit.xml",
        Format::Tap => "report.tap",
        Format::Classroom50 => "result.json",
        Format::Gradescope => "results.json",
        Format::Markdown => "report.md",
    }
}

/// Mistakes in both languages, the first of them.
fn words(found: &[Diagnostic]) -> Both {
    Lang::ALL.map(|lang| {
        let text = render_all(found, lang, false);
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    })
}
