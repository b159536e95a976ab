//! What lies above the screen: state only; `view::overlay` draws it.

use super::event::Finding;

/// What lies above the screen and takes the keys first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys, scrolled by so many lines.
    Help(usize),
    /// What the machine can do, scrolled; nothing while it is being tried.
    Doctor(Option<Vec<Finding>>, usize),
    /// What proves the walls, scrolled.
    Evidence(usize),
    /// All of the row that is selected, scrolled.
    Row(usize),
    /// Going back to the step of this index would lose what was typed.
    Confirm(usize),
    /// Leave?
    Quit,
    /// The lesson is finished.
    Finished,
    /// To which step? The one of this index is chosen.
    Steps(usize),
}

impl Overlay {
    /// By how many lines it is scrolled, where it can be.
    pub fn scroll(&mut self) -> Option<&mut usize> {
        match self {
            Self::Help(scroll) | Self::Doctor(_, scroll) | Self::Evidence(scroll) | Self::Row(scroll) => Some(scroll),
            Self::Confirm(_) | Self::Quit | Self::Finished | Self::Steps(_) => None,
        }
    }
}
