//! All that the screen shows: one model, changed by `update` alone and drawn by
//! `view` through `&`. What is dear to make (wrapped prose, twin tables) is kept
//! here, made again when what it depends on has changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use ratatui::layout::{Position, Rect, Size};
use ratatui::text::Line;

use super::browse::Browse;
use super::containers::Containers;
use super::event::{Entry, Inspected};
use super::history::History;
use super::layout::{Column, Pane, Regions, inspected, projected, regions, wide, zoomed};
use super::list::List;
use super::projector::{Projected, Projector, Typing};
use super::shells::Shells;
use super::theme::Theme;
use super::twin::{Hues, Rank, Row, Table};
use crate::i18n::Lang;
use crate::lesson::model::HOST;
use crate::observe::{Changes, Sections, Snapshot};
use crate::session::Session;

pub use super::overlay::Overlay;

/// The screen and all it knows.
pub struct Model {
    /// The language.
    pub lang: Lang,
    /// The colours.
    pub theme: Theme,
    /// The size of the terminal.
    pub size: Size,
    /// The list of lessons, kept while a lesson is open.
    pub list: List,
    /// The list of containers, kept while one is inspected.
    pub containers: Containers,
    /// What this machine can do, in a line: English, French. The list's foot.
    pub machine: [String; 2],
    /// What is shown.
    pub screen: Screen,
    /// What lies above it.
    pub overlay: Option<Overlay>,
    /// What a demonstration adds to the lesson.
    pub projector: Option<Projector>,
    /// The prefix was pressed.
    pub prefix: bool,
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// The last click, for a second one at the same place.
    pub clicked: Option<(Instant, Position)>,
    /// Something could not be done: said until the next key.
    pub failure: Option<String>,
    /// The person has left.
    pub left: bool,
    /// Something has changed since the last drawing.
    pub dirty: bool,
}

/// Whose the mouse is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// The program's.
    Ours,
    /// The terminal's, which selects text with it.
    Terminals,
}

/// What is shown.
pub enum Screen {
    /// The list of lessons; the id of one asked for and not yet ready.
    List(Option<String>),
    /// The list of containers.
    Containers,
    /// A lesson; or a process that is inspected.
    Lesson(Box<LessonScreen>),
}

/// Who has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The lesson.
    Lesson,
    /// The panes.
    Panes,
    /// The shells.
    Shells,
}

/// How much of a single column the lesson takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The upper half.
    Half,
    /// All of it.
    Whole,
}

/// A lesson on the screen.
///
/// A process that is inspected stands on the screen as a lesson without words: the
/// panes and the walls are the same, and all that is done to them.
pub struct LessonScreen {
    /// The process, where one is inspected.
    pub inspected: Option<Inspected>,
    /// How it is laid out on a projector, where it is on one.
    pub projected: Option<Projected>,
    /// What has to be said of it, wrapped: above the panes.
    pub notice: Vec<Line<'static>>,
    /// The state machine.
    pub session: Session,
    /// Who has the keyboard.
    pub focus: Focus,
    /// How much the lesson takes in a single column.
    pub share: Share,
    /// What stands below the lesson in a single column: the last of the two that
    /// had the keyboard.
    pub below: Focus,
    /// The pane in front.
    pub pane: Pane,
    /// What has all of the screen between the bars.
    pub zoom: Option<Column>,
    /// The filter of the pane in front is being typed.
    pub filtering: bool,
    /// The index of the choice that Enter takes.
    pub choice: usize,
    /// The text of the lesson.
    pub prose: Prose,
    /// The twin pane.
    pub twins: Twins,
    /// What the driver was told that is looked at.
    pub watched: Option<Sections>,
    /// The first line of the calls that is shown.
    pub calls_scroll: usize,
    /// Calls that come in stay in sight.
    pub calls_follow: bool,
    /// The shells.
    pub shells: Shells,
    /// How long the lab took for the step, in microseconds.
    pub micros: Option<u64>,
}

/// The text of the lesson, wrapped.
#[derive(Default)]
pub struct Prose {
    /// Its lines.
    pub lines: Vec<Line<'static>>,
    /// The lines where the choices begin, to keep the selected one in sight.
    pub choices: Vec<usize>,
    /// The line behind the last choice.
    pub choices_end: usize,
    /// What has been said about the task, and the line where each begins; nothing
    /// before the text of the step was made for the first time.
    pub said: Option<Vec<(Said, usize)>>,
    /// The first line shown.
    pub scroll: usize,
    /// It has to be made again.
    pub stale: bool,
    /// The width it was made for.
    pub width: u16,
    /// Whether it is shown at twice its size.
    pub twice: bool,
}

/// What the text says about a task while it is being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The reaction of this index.
    Reaction(usize),
    /// The hint of this index.
    Hint(usize),
    /// That it is done.
    Done,
}

impl Prose {
    /// The rows that its lines take.
    pub fn rows(&self) -> usize {
        self.lines.len() * if self.twice { 2 } else { 1 }
    }

    /// The line where something begins that was not yet said `before`.
    pub fn news(&self, before: Option<&[(Said, usize)]>) -> Option<usize> {
        let before = before?;
        let new = |(what, _): &&(Said, usize)| before.iter().all(|(known, _)| known != what);
        self.said.iter().flatten().find(new).map(|(_, line)| *line)
    }

    /// The index of the choice that a line is of.
    pub fn choice_at(&self, line: usize) -> Option<usize> {
        let at = self.choices.iter().rposition(|&first| first <= line)?;
        (line < self.choices_end).then_some(at)
    }
}

/// The rows of the twin pane.
#[derive(Default)]
pub struct Twins {
    /// What they are made from.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The rows of the pane in front.
    pub table: Table,
    /// How they are looked at.
    pub browse: Browse,
    /// How the other panes were looked at.
    pub others: BTreeMap<Pane, Browse>,
    /// What changed a moment ago, and until when each of it is marked.
    pub recent: VecDeque<(Instant, Changes)>,
    /// All of that together.
    pub changes: Changes,
    /// Rows that are gone and still shown.
    pub gone: Vec<Gone>,
    /// The colours of joined rows.
    pub hues: Hues,
    /// What the numbers of control groups were before.
    pub history: History,
    /// The table has to be made again.
    pub stale: bool,
    /// The rows have to be put in order again.
    pub unlisted: bool,
    /// What the table was made for, and whether with all rows of a crowd.
    pub made_for: Option<(Pane, String, Lang, bool)>,
}

/// A row of something that is gone.
pub struct Gone {
    /// Until when it is shown.
    pub until: Instant,
    /// The row's index in the table that had it.
    pub at: usize,
    /// The row.
    pub row: Row,
}

impl Twins {
    /// When a mark expires next.
    pub fn deadline(&self) -> Option<Instant> {
        let marks = self.recent.iter().map(|(until, _)| *until);
        marks.chain(self.gone.iter().map(|gone| gone.until)).min()
    }
}

impl Model {
    /// The list of these lessons, on a terminal of this size.
    pub fn new(lang: Lang, theme: Theme, size: Size, entries: Vec<Entry>) -> Self {
        Self {
            lang,
            theme,
            size,
            list: List::new(entries),
            containers: Containers::default(),
            machine: [String::new(), String::new()],
            screen: Screen::List(None),
            overlay: None,
            projector: None,
            prefix: false,
            mouse: Mouse::Ours,
            clicked: None,
            failure: None,
            left: false,
            dirty: true,
        }
    }

    /// The open lesson.
    pub fn lesson(&self) -> Option<&LessonScreen> {
        match &self.screen {
            Screen::Lesson(lesson) => Some(lesson),
            Screen::List(_) | Screen::Containers => None,
        }
    }

    /// The open lesson, to be changed.
    pub fn lesson_mut(&mut self) -> Option<&mut LessonScreen> {
        match &mut self.screen {
            Screen::Lesson(lesson) => Some(lesson),
            Screen::List(_) | Screen::Containers => None,
        }
    }

    /// When something changes by itself next: a mark expires, a key is typed, a step has stayed
    /// long enough.
    pub fn deadline(&self) -> Option<Instant> {
        let typing = self.projector.as_ref().and_then(|wall| wall.typing.as_ref());
        let running = self.lesson().is_some_and(|lesson| lesson.shells.running());
        let key = typing.and_then(Typing::deadline).filter(|_| running);
        let auto = self.projector.as_ref().and_then(|wall| wall.auto.as_ref()?.deadline());
        self.lesson().and_then(|lesson| lesson.twins.deadline()).into_iter().chain(key).chain(auto).min()
    }
}

impl LessonScreen {
    /// The screen of a session.
    pub fn new(session: Session) -> Self {
        let mut screen = Self {
            inspected: None,
            projected: None,
            notice: Vec::new(),
            session,
            focus: Focus::Lesson,
            share: Share::Half,
            below: Focus::Panes,
            pane: Pane::Processes,
            zoom: None,
            filtering: false,
            choice: 0,
            prose: Prose { stale: true, ..Prose::default() },
            twins: Twins { stale: true, ..Twins::default() },
            watched: None,
            calls_scroll: 0,
            calls_follow: true,
            shells: Shells::default(),
            micros: None,
        };
        screen.entered_step();
        screen
    }

    /// Brings to the front what the step that was just entered shows.
    pub fn entered_step(&mut self) {
        if let Some(pane) = self.last_shown(|_| true) {
            self.pane = pane;
        }
        self.focus = Focus::Lesson;
        self.below = Focus::Panes;
        // A step shows its pane as its author meant it.
        self.zoom = None;
        if let Some(projected) = &mut self.projected {
            projected.spotlight = None;
        }
        self.filtering = false;
        self.twins.browse = Browse::default();
        self.twins.others.clear();
        self.choice = 0;
        self.prose.scroll = 0;
        self.prose.said = None;
        self.prose.stale = true;
        self.calls_scroll = 0;
        self.calls_follow = true;
        self.twins.stale = true;
        let mut actors = Vec::new();
        if self.session.lesson().host_shell {
            actors.push(HOST.to_owned());
        }
        let task = self.session.step_def().task.iter().flat_map(|task| task.shells.iter());
        for actor in task.chain([&self.boxed().to_owned()]) {
            if !actors.contains(actor) && self.session.lesson().is_puppet(actor) {
                actors.push(actor.clone());
            }
        }
        self.shells.offer(&actors);
    }

    /// The pane of this kind that the lesson brought to the front last.
    pub fn last_shown(&self, kind: impl Fn(Pane) -> bool) -> Option<Pane> {
        let steps = &self.session.lesson().steps[..=self.session.step()];
        steps.iter().rev().filter_map(|step| step.show).map(Pane::from).find(|&pane| kind(pane))
    }

    /// The actor that the BOX side shows: that of the last step that names one, the
    /// lesson's first at the beginning.
    pub fn boxed(&self) -> &str {
        let lesson = self.session.lesson();
        let named = lesson.steps[..=self.session.step()].iter().rev().find_map(|step| step.boxed.as_deref());
        named.or(lesson.first_box()).unwrap_or(HOST)
    }

    /// The last step so far in which an actor did something: its shells from before
    /// are outside the walls that it built there.
    pub fn last_change(&self, actor: &str) -> Option<usize> {
        let steps = &self.session.lesson().steps[..=self.session.step()];
        steps.iter().rposition(|step| step.ops.iter().any(|op| op.actor == actor))
    }

    /// Whether the commands of an actor's shells are being traced.
    pub fn traced(&self, actor: &str) -> bool {
        self.twins.snapshot.as_ref().is_some_and(|now| now.traced.get(actor).is_some_and(|traced| traced.on))
    }

    /// The first line of the calls that is shown, where `most` can be scrolled: what the
    /// step speaks of (`spoken`), else the last ones while calls come in and where the
    /// last one failed, unless they were scrolled away from.
    pub fn calls_at(&self, most: usize, spoken: Option<usize>) -> usize {
        if let (true, Some(line)) = (self.calls_follow, spoken) {
            return line.saturating_sub(3).min(most);
        }
        // What a program came to is at the end; at its start is its loader.
        let traced = self.twins.snapshot.as_ref().is_some_and(|now| !now.traced.is_empty());
        let last = self.session.outcome().and_then(|done| done.ops.last());
        let refused = last.is_some_and(|op| op.failure.is_some() || op.calls.last().is_some_and(|c| c.result.is_err()));
        if (traced || refused) && self.calls_follow { most } else { self.calls_scroll.min(most) }
    }

    /// What a single column shows.
    pub fn column(&self) -> Column {
        match (self.share, self.below) {
            (Share::Whole, _) if self.focus == Focus::Lesson => Column::Lesson,
            (_, Focus::Shells) => Column::Shell,
            _ => Column::Pane(self.pane),
        }
    }

    /// Its regions on a screen of this size.
    pub fn regions(&self, size: Size) -> Regions {
        if self.zoom.is_none() && self.inspected.is_some() {
            return inspected(size, self.notice.len());
        }
        if let Some(wall) = self.projected {
            let shell = self.session.step_def().task.is_some();
            return projected(size, wall, self.prose.rows(), shell);
        }
        if let Some(on) = self.zoom {
            return zoomed(size, on);
        }
        // While a task is under way its checks come and go: then nothing moves.
        let lines = if self.session.step_def().task.is_some() { 0 } else { self.prose.lines.len() };
        let regions = regions(size, self.column(), lines, self.rows_to_show());
        if wide(size) && self.about_calls() { regions.with_room_for_calls() } else { regions }
    }

    /// How many rows the pane in front has to show beside the text: its calls, the
    /// box's own objects. None before a prediction, where the choices count more, and
    /// none of the processes, which come and go.
    fn rows_to_show(&self) -> usize {
        let Column::Pane(pane) = self.column() else { return 0 };
        let table = &self.twins.table;
        match pane {
            _ if self.session.step_def().predict.is_some() => 0,
            Pane::Calls => {
                let made = self.session.outcome().map_or(0, |done| done.ops.iter().map(|op| op.calls.len()).sum());
                let traced = self.twins.snapshot.iter().flat_map(|now| now.traced.values());
                made + traced.map(|traced| traced.calls.len()).sum::<usize>()
            }
            Pane::Processes | Pane::Walls => 0,
            _ if !table.grid.is_empty() => table.grid.len(),
            // Below the headings, and above the line that counts the others, and the notes.
            _ => table.rows.iter().filter(|row| row.rank <= Rank::Hidden).count() + 2 + table.notes_height(),
        }
    }

    /// Where its text is. In a single column the last line of the region is kept for
    /// the checks of a task ([`Self::pinned`]).
    pub fn prose_area(&self, size: Size) -> Rect {
        let area = self.regions(size).prose();
        Rect { height: area.height - u16::from(self.pinned(size)), ..area }
    }

    /// Whether the checks of the task stand in a line of their own, below the text:
    /// where there is so little room that they could be out of sight.
    pub fn pinned(&self, size: Size) -> bool {
        !wide(size)
            && self.projected.is_none()
            && self.session.step_def().task.is_some()
            && self.regions(size).prose().height > 3
    }

    /// The pane that has the keyboard, or would have it.
    pub fn front(&self) -> Pane {
        match self.zoom {
            Some(Column::Pane(pane)) => pane,
            _ => self.pane,
        }
    }

    /// Whether the calls matter most now: the step shows them, or they are traced.
    fn about_calls(&self) -> bool {
        let traced = |now: &Arc<Snapshot>| now.traced.values().any(|traced| traced.on);
        self.last_shown(|_| true) == Some(Pane::Calls) || self.twins.snapshot.as_ref().is_some_and(traced)
    }

    /// The panes that are tabs on a screen of this size.
    pub fn tabs(size: Size) -> &'static [Pane] {
        if wide(size) { Pane::TWINS } else { &Pane::ALL }
    }

    /// Those of this screen: the walls of a process that is inspected have their place
    /// on every one, and there are no calls.
    pub fn own_tabs(&self, size: Size) -> &'static [Pane] {
        if self.inspected.is_some() { Pane::TWINS } else { Self::tabs(size) }
    }
}
