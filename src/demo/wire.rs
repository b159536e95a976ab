//! What the wall says to the notes, whenever something changed; what the notes say is
//! an [`Order`](crate::ui::event::Order). Both go over one socket, a frame each.

use serde::{Deserialize, Serialize};

use crate::i18n::Lang;

/// All that the notes show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// The language of the wall.
    pub lang: Lang,
    /// The lesson's title.
    pub title: String,
    /// About how many minutes the lesson takes.
    pub minutes: u32,
    /// The index of the step.
    pub step: usize,
    /// The headings of all steps.
    pub steps: Vec<String>,
    /// This step.
    pub here: StepNotes,
    /// The next one, if there is one.
    pub next: Option<StepNotes>,
    /// The choices of the question that stands (Markdown); empty without one.
    pub choices: Vec<String>,
    /// Whether the wall is blank.
    pub blank: bool,
    /// Whether the solution is being typed, and whether that pauses.
    pub typing: Option<bool>,
    /// Whether this step has something to type.
    pub can_type: bool,
    /// Who has the keyboard of the wall's terminal: a shell's actor.
    pub shell: Option<String>,
    /// Whether the step waits between two of its calls: slow motion.
    pub moving: bool,
    /// Whether it goes on by itself, and is held.
    pub auto: Option<bool>,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// Why nothing is recorded any more.
    pub unrecorded: Option<String>,
    /// What the audience sees, row by row.
    pub screen: Vec<String>,
}

/// What a presenter reads about a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepNotes {
    /// Its heading.
    pub title: String,
    /// The lesson's notes on it (Markdown), if it has any.
    pub notes: Option<String>,
    /// `prediction`, `task`, or nothing.
    pub kind: Kind,
}

/// What a step asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing: it shows.
    Shows,
    /// A prediction.
    Asks,
    /// A task.
    Task,
}
