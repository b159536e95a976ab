//! Where reports go: standard output, a file, and the job summary of GitHub Actions. What
//! can be known to be wrong is found out before anything is graded.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::whole;
use crate::check::LessonReport;
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;
use crate::report::{self, Format, Options, Submission};
use crate::say;
use crate::term::safe;

/// The variable that names the file of a job's summary (GitHub's documentation,
/// "Workflow commands": "Adding a job summary").
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Where reports go, in which form.
#[derive(Debug)]
pub struct Delivery {
    format: Format,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    lang: Lang,
    submission: Option<Submission>,
}

impl Delivery {
    /// Reads the environment; the error says what is missing.
    pub fn prepare(format: Format, output: Option<&Path>, lang: Lang) -> Result<Self, String> {
        if let Some(path) = output {
            can_be_written(path).map_err(|why| unwritten(path, &why, lang))?;
        }
        let submission = match format {
            Format::Classroom50 => Some(submission(lang)?),
            _ => None,
        };
        let summary = std::env::var_os(SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
        Ok(Self { format, output: output.map(Path::to_owned), summary, lang, submission })
    }

    /// The reports for standard output. The error says why the file could not be written,
    /// which then is as it was. `color`: on standard output; never in the file.
    pub fn deliver(&self, reports: &[LessonReport], color: bool) -> (String, Result<(), String>) {
        let stdout = self.render(reports, color);
        let Some(path) = &self.output else { return (stdout, Ok(())) };
        let text = if color { self.render(reports, false) } else { stdout.clone() };
        (stdout, write_whole(path, &text).map_err(|error| unwritten(path, &error.to_string(), self.lang)))
    }

    /// Adds the reports to the job summary, where there is one; the warning that they
    /// could not be.
    pub fn summarize(&self, reports: &[LessonReport]) -> Option<String> {
        let path = self.summary.as_ref()?;
        let text = report::markdown(reports, self.lang);
        let added = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        let error = added.err()?;
        let path = printable(&path.to_string_lossy());
        Some(say!(
            self.lang,
            "warning: the job summary {path} ({SUMMARY}) could not be written: {error}\n",
            "attention : le résumé de la tâche {path} ({SUMMARY}) n'a pas pu être écrit : {error}\n"
        ))
    }

    fn render(&self, reports: &[LessonReport], color: bool) -> String {
        let options = Options { lang: self.lang, color, submission: self.submission.clone() };
        let text = report::render(self.format, reports, &options);
        if self.format.is_json() { safe::json(&text) } else { text }
    }
}

/// Whether a file can stand there, as far as can be seen; the error says why not. What is
/// no regular file (a device, a pipe) would be replaced by one: never that.
fn can_be_written(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err("not a regular file".to_owned()),
        _ => {}
    }
    match whole::directory(path).metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err("its directory is none".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn unwritten(path: &Path, why: &str, lang: Lang) -> String {
    let path = printable(&path.to_string_lossy());
    say!(
        lang,
        "The report can't be written to {path}: {why}. Name a file in a directory that you may write to.\n",
        "Le compte rendu ne peut pas être écrit dans {path} : {why}. Indiquez un fichier dans un dossier où vous pouvez écrire.\n"
    )
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    can_be_written(path).map_err(std::io::Error::other)?;
    whole::write(path, text.as_bytes())
}

fn submission(lang: Lang) -> Result<Submission, String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Submission::read(|name| std::env::var(name).ok(), now).map_err(|name| {
        say!(
            lang,
            "The form classroom50 needs the environment that Classroom 50's runner gives an autograder; {name} is missing or wrong. Elsewhere, use --format json.",
            "La forme classroom50 a besoin de l'environnement que l'exécuteur de Classroom 50 donne à un correcteur ; {name} manque ou est incorrecte. Ailleurs, utilisez --format json."
        )
    })
}
