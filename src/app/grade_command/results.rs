//! What came of a submission, on disk: OUT/NAME/graded.json, from which a later run goes
//! on, and beside it the reports. Each file is written beside its place, synced and renamed
//! over: what is half written never counts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::app::whole::{self, UNFINISHED};
use crate::check::LessonReport;
use crate::lesson::diagnostic::Both;

/// What the file of a submission's results is called.
const GRADED: &str = "graded.json";
/// The version of its form.
const FORMAT: u32 = 1;
/// The longest file of results that is read back, in bytes.
const MOST: u64 = 64 << 20;

/// What one lesson of a submission came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Every point.
    Pass,
    /// Not every point.
    Fail,
    /// There are no answers to it.
    Missing,
    /// Its answers can't be read, or are to another lesson, or to none.
    Unreadable,
    /// It took too long, and was ended.
    Stopped,
    /// The grader in its jail died, and died again: by its commands, by who has power over
    /// this machine, or for want of memory. Nothing is known of the student.
    Died,
    /// This machine can't run the lesson: that is not the student's doing.
    Cannot,
}

/// One lesson of a submission, graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it came to.
    pub state: State,
    /// A hash of all that it depends on: answers, lesson, language, program.
    pub inputs: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Why it was not judged, where it was not.
    pub reason: Option<Both>,
    /// What whoever grades should know of it.
    #[serde(default)]
    pub note: Option<Both>,
    /// The report; where it was not judged, one that says so.
    pub report: LessonReport,
}

/// The results of one submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graded {
    format: u32,
    /// The submission's name.
    pub submission: String,
    /// By lesson, in the order of the library.
    pub lessons: Vec<Entry>,
}

impl Graded {
    /// Of a submission of which nothing is graded yet.
    pub fn new(submission: &str) -> Self {
        Self { format: FORMAT, submission: submission.to_owned(), lessons: Vec::new() }
    }

    /// What an earlier run wrote in a submission's folder; nothing where that is not whole.
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(GRADED);
        let text = (std::fs::metadata(&path).ok()?.len() <= MOST).then(|| std::fs::read_to_string(path).ok())??;
        serde_json::from_str::<Self>(&text).ok().filter(|read| read.format == FORMAT)
    }

    /// Writes it to the submission's folder, which is made where it is not there.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        whole::write(&folder.join(GRADED), &serde_json::to_vec(self)?)
    }

    /// What was graded from the same, where it was judged: what this machine could not do,
    /// or did not come to an end, is tried again.
    pub fn still_true(&self, lesson: &str, inputs: &str) -> Option<&Entry> {
        let judged = |entry: &&Entry| !matches!(entry.state, State::Cannot | State::Died);
        self.lessons.iter().filter(judged).find(|entry| entry.report.lesson == lesson && entry.inputs == inputs)
    }
}

/// Removes what a killed run had not finished in a folder.
pub fn tidy(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let unfinished = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()))
    };
    for path in entries.map(|entry| entry.path()).filter(unfinished) {
        // It is no result, and costs no more than its room.
        let _ = std::fs::remove_file(path);
    }
}
