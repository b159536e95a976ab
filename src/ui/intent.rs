//! What keys mean: the word that `keymap` gives a key, and that `update` acts on.

use serde::{Deserialize, Serialize};

/// What a person wants of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// Show the keys.
    Help,
    /// Give the keyboard to the lesson; again: the whole screen for it, where
    /// there is one column.
    Lesson,
    /// Give the keyboard to the panes; again: the next pane.
    Panes,
    /// Give the keyboard to the shell; again: the next shell.
    Shell,
    /// Open the next hint.
    Hint,
    /// What this machine can do.
    Doctor,
    /// The other language.
    Language,
    /// The step before.
    Back,
    /// The next step.
    Next,
    /// Leave.
    Quit,
    /// The next key counts as an F key.
    Prefix,
    /// The next region.
    NextRegion,
    /// The region before.
    PreviousRegion,
    /// Up.
    Up,
    /// Down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// The start.
    Top,
    /// The end.
    Bottom,
    /// The tab on the left.
    Left,
    /// The tab on the right.
    Right,
    /// Take what is selected, open, say yes.
    Accept,
    /// The n-th choice or tab, counted from 1.
    Digit(u8),
    /// Trace the commands of the shell in front, or no more.
    Trace,
    /// The evidence behind the walls.
    Evidence,
    /// The text of the lesson, up, from anywhere.
    ProseUp,
    /// The text of the lesson, down, from anywhere.
    ProseDown,
    /// The calls before.
    CallsUp,
    /// The calls after.
    CallsDown,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Sort by the other side.
    OtherSide,
    /// Type a filter.
    Filter,
    /// The whole screen for the region that has the keyboard, or its own place again.
    Zoom,
    /// The mouse to the program, or to the terminal.
    Mouse,
    /// Close what lies above; clear the filter.
    Close,
    /// Erase the last character of the filter.
    Erase,
    /// Back to the list of lessons.
    List,
    /// Reveal what comes after a question; else: the next step.
    Reveal,
    /// Count hands.
    Count,
    /// Type the solution; again: pause.
    Type,
    /// One call at a time within a step, or all at once.
    Slow,
    /// Goes on by itself, or waits.
    Auto,
    /// Go to any step.
    Steps,
    /// This step again.
    Repeat,
    /// A blank screen, and back.
    Blank,
    /// One region alone; again: the next.
    Spotlight,
    /// Larger.
    Larger,
    /// Smaller.
    Smaller,
}
