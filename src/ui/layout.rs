//! Where the regions of the lesson screen are: a pure function of the size and of
//! what is shown. Used by `update` (mouse, sizes of shells) and by the views, so
//! that both agree.
//!
//! ```text
//! 100 columns and more        fewer
//! ┌header──────────────────┐  ┌header──┐
//! ├lesson──┬twin───────────┤  ├lesson──┤
//! │        ├walls──────────┤  ├one of:─┤
//! │        ├calls──────────┤  │ a pane │
//! ├shells──┴───────────────┤  │ a shell│
//! └foot────────────────────┘  └foot────┘
//! ```

use ratatui::layout::{Position, Rect, Size};

use super::projector::Projected;
use crate::lesson::model;
use crate::observe::Sections;

/// The smallest screen on which anything useful fits.
pub const SMALLEST: Size = Size { width: 60, height: 16 };
/// From so many columns on, lesson and panes stand side by side.
const WIDE: u16 = 100;
/// The height of a twin pane that gives way to the calls, frame included.
const FEW_ROWS: u16 = 6;
/// The height, frame included, that a pane keeps in a single column when it gives way
/// to the lesson.
const LEAST_PANE: u16 = 8;

/// What the lower part of a single column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The lesson alone.
    Lesson,
    /// The lesson, and a pane below it.
    Pane(Pane),
    /// The lesson, and a shell below it.
    Shell,
}

/// The panes, in the order of their tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Twin rows of processes.
    Processes,
    /// Twin rows of users.
    Users,
    /// Twin rows of mounts.
    Mounts,
    /// Files by layer, and the files of volumes.
    Layers,
    /// Host and domain names.
    Names,
    /// Twin rows of interfaces, listening sockets and routes.
    Net,
    /// Twin rows of IPC objects.
    Ipc,
    /// Clocks and their offsets.
    Time,
    /// Cgroup paths.
    Cgroup,
    /// The tree of namespaces by owner.
    Namespaces,
    /// The five capability sets, a row per capability.
    Caps,
    /// Seccomp: modes, filters, their programs.
    Seccomp,
    /// The wall gauge: a tab of its own only in a single column.
    Walls,
    /// The calls: a tab of its own only in a single column.
    Calls,
}

impl Pane {
    /// Those that are tabs in a single column.
    pub const ALL: [Self; 14] = [
        Self::Processes,
        Self::Users,
        Self::Mounts,
        Self::Layers,
        Self::Names,
        Self::Net,
        Self::Ipc,
        Self::Time,
        Self::Cgroup,
        Self::Namespaces,
        Self::Caps,
        Self::Seccomp,
        Self::Walls,
        Self::Calls,
    ];
    /// Those that are tabs of the twin pane: all but the last two, which have places
    /// of their own beside it.
    pub const TWINS: &[Self] = Self::ALL.split_at(Self::ALL.len() - 2).0;

    /// What of a snapshot it shows that is not read each time.
    pub fn sections(self) -> Sections {
        match self {
            Self::Mounts | Self::Layers => Sections::MOUNTS,
            Self::Net => Sections::NET,
            Self::Ipc => Sections::IPC,
            Self::Namespaces => Sections::NAMESPACES | Sections::MOUNTS,
            Self::Processes
            | Self::Users
            | Self::Names
            | Self::Time
            | Self::Cgroup
            | Self::Caps
            | Self::Seccomp
            | Self::Walls
            | Self::Calls => Sections::NONE,
        }
    }
}

impl From<model::Pane> for Pane {
    fn from(named: model::Pane) -> Self {
        match named {
            model::Pane::Processes => Self::Processes,
            model::Pane::Users => Self::Users,
            model::Pane::Mounts => Self::Mounts,
            model::Pane::Layers => Self::Layers,
            model::Pane::Names => Self::Names,
            model::Pane::Namespaces => Self::Namespaces,
            model::Pane::Caps => Self::Caps,
            model::Pane::Net => Self::Net,
            model::Pane::Ipc => Self::Ipc,
            model::Pane::Time => Self::Time,
            model::Pane::Cgroup => Self::Cgroup,
            model::Pane::Seccomp => Self::Seccomp,
            model::Pane::Calls => Self::Calls,
        }
    }
}

/// The regions; those that are not shown are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Regions {
    /// The bar at the top.
    pub header: Rect,
    /// The lesson, frame included.
    pub lesson: Rect,
    /// The twin pane, frame included.
    pub twin: Rect,
    /// The wall gauge, frame included.
    pub walls: Rect,
    /// The calls, frame included.
    pub calls: Rect,
    /// The shells, frame included.
    pub shells: Rect,
    /// The bar at the bottom.
    pub foot: Rect,
}

/// What a place of the screen belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// The lesson.
    Lesson,
    /// One of the panes.
    Panes,
    /// The shells.
    Shells,
}

/// Whether the screen is too small for anything.
pub fn too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}

/// Whether lesson and panes stand side by side.
pub fn wide(size: Size) -> bool {
    size.width >= WIDE && size.height >= 24
}

/// The regions on a screen of this size. Neighbours share a frame: their
/// rectangles overlap by one cell. In a single column the lesson has the upper half,
/// and more where its text has more `lines` and the pane below it fewer `rows`.
pub fn regions(size: Size, column: Column, lines: usize, rows: usize) -> Regions {
    if too_small(size) {
        return Regions::default();
    }
    let Size { width, height } = size;
    let header = Rect::new(0, 0, width, 1);
    let foot = Rect::new(0, height - 1, width, 1);
    let body = Rect::new(0, 1, width, height - 2);
    if wide(size) { side_by_side(header, body, foot) } else { one_column(header, body, foot, column, [lines, rows]) }
}

/// The regions of a process that is inspected: below so many lines of text the twin
/// pane, and the walls. The text is left out where the panes would not fit below it.
pub fn inspected(size: Size, text: usize) -> Regions {
    if too_small(size) {
        return Regions::default();
    }
    let Size { width, height } = size;
    let text = u16::try_from(text).unwrap_or(u16::MAX).min(height - SMALLEST.height);
    let header = Rect::new(0, 0, width, 1);
    let foot = Rect::new(0, height - 1, width, 1);
    let body = Rect::new(0, 1 + text, width, height - 2 - text);
    let walls_high = 5;
    let twin = Rect { height: body.height + 1 - walls_high, ..body };
    let walls = Rect { y: twin.bottom() - 1, height: walls_high, ..body };
    Regions { header, twin, walls, foot, ..Regions::default() }
}

/// The regions while one of them has all of the screen between the bars.
pub fn zoomed(size: Size, on: Column) -> Regions {
    if too_small(size) {
        return Regions::default();
    }
    let body = Rect::new(0, 1, size.width, size.height - 2);
    let mut regions = Regions {
        header: Rect::new(0, 0, size.width, 1),
        foot: Rect::new(0, size.height - 1, size.width, 1),
        ..Regions::default()
    };
    *regions.place(on) = body;
    regions
}

/// The rows that a demonstration uses where it has its margins: what is read from the
/// last row of seats.
const SEEN: u16 = 26;
/// The height of the calls and of a shell on a projector, frame included.
const FEW_CALLS: u16 = 6;
const FEW_LINES: u16 = 9;

/// The regions of a demonstration: so many lines of text, below them the twin pane, the
/// walls, and the calls or a shell; one of them alone in the spotlight. With margins,
/// unless all is to be large.
pub fn projected(size: Size, wall: Projected, lines: usize, shell: bool) -> Regions {
    if too_small(size) {
        return Regions::default();
    }
    let Size { width, height } = size;
    let walls_high = if width >= 100 { 5 } else { 6 };
    let last = if shell { FEW_LINES } else { FEW_CALLS };
    // Never without any: before it is written for the first time its width is asked for.
    let text = u16::try_from(lines.max(1)).unwrap_or(u16::MAX).saturating_add(2);
    // Header, text, twin pane, walls, and what is last; three of them share their frames.
    let all = text.saturating_add(1 + FEW_ROWS + walls_high + last - 2);
    let rows = if wall.large { height - 1 } else { all.max(SEEN).min(height - 1) };
    let (beside, above) = (if wall.large { 0 } else { width / 16 }, (height - 1 - rows) / 2);
    let body = Rect::new(beside, above, width - 2 * beside, rows);
    let header = Rect { height: 1, ..body };
    let foot = Rect { y: height - 1, height: 1, ..body };
    let below = Rect { y: body.y + 1, height: rows - 1, ..body };
    let mut regions = Regions { header, foot, ..Regions::default() };
    if let Some(on) = wall.spotlight {
        *regions.place(on) = below;
        return regions;
    }
    let least = FEW_ROWS + walls_high - 1;
    let text = text.min(below.height.saturating_sub(least));
    let left = below.height - text;
    // Where there is not room for all, the calls go; but a shell stays, in place of the walls.
    let fits = left + 1 >= least + last;
    let (last, walls_high) = if fits {
        (last, walls_high)
    } else if shell {
        (last.min(left + 1 - FEW_ROWS), 1)
    } else {
        (0, walls_high)
    };
    regions.lesson = Rect { height: text, ..below };
    regions.twin = Rect { y: regions.lesson.bottom(), height: left + 1 - walls_high - last.saturating_sub(1), ..below };
    let mut end = regions.twin.bottom() - 1;
    if walls_high > 1 {
        regions.walls = Rect { y: end, height: walls_high, ..below };
        end = regions.walls.bottom() - 1;
    }
    if last > 0 {
        *regions.place(if shell { Column::Shell } else { Column::Pane(Pane::Calls) }) =
            Rect { y: end, height: last, ..below };
    }
    regions
}

/// Whether text of so many lines leaves room for all the other regions of a wall.
pub fn has_room(size: Size, wall: Projected, lines: usize, shell: bool) -> bool {
    let regions = projected(size, Projected { spotlight: None, ..wall }, lines, shell);
    let last = if shell { regions.shells } else { regions.calls };
    usize::from(regions.prose().height) >= lines && !regions.walls.is_empty() && !last.is_empty()
}

fn side_by_side(header: Rect, body: Rect, foot: Rect) -> Regions {
    let shells_high = (body.height * 3 / 10).clamp(6, 24);
    let top = body.height - shells_high + 1;
    let lesson_wide = (body.width * 35 / 100).clamp(38, 72);
    let (calls_high, walls_high) = if top >= 34 {
        (12, 5)
    } else if top >= 24 {
        (9, 5)
    } else {
        (5, 4)
    };
    let right = Rect { x: lesson_wide - 1, width: body.width - lesson_wide + 1, ..body };
    let twin = Rect { height: top + 2 - walls_high - calls_high, ..right };
    let walls = Rect { y: twin.bottom() - 1, height: walls_high, ..right };
    let calls = Rect { y: walls.bottom() - 1, height: calls_high, ..right };
    let lesson = Rect { width: lesson_wide, height: top, ..body };
    let shells = Rect { y: lesson.bottom() - 1, height: shells_high, ..body };
    Regions { header, lesson, twin, walls, calls, shells, foot }
}

fn one_column(header: Rect, body: Rect, foot: Rect, column: Column, needed: [usize; 2]) -> Regions {
    let mut regions = Regions { header, foot, ..Regions::default() };
    if column == Column::Lesson {
        regions.lesson = body;
        return regions;
    }
    let half = body.height / 2;
    let lesson_high = if matches!(column, Column::Pane(_)) {
        let [lesson, pane] = needed.map(|lines| u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2));
        lesson.min((body.height + 1).saturating_sub(pane.max(LEAST_PANE))).max(half)
    } else {
        half
    };
    regions.lesson = Rect { height: lesson_high, ..body };
    let below = Rect { y: body.y + lesson_high - 1, height: body.height - lesson_high + 1, ..body };
    *regions.place(column) = below;
    regions
}

impl Regions {
    /// Where this is.
    fn place(&mut self, of: Column) -> &mut Rect {
        match of {
            Column::Lesson => &mut self.lesson,
            Column::Pane(Pane::Walls) => &mut self.walls,
            Column::Pane(Pane::Calls) => &mut self.calls,
            Column::Pane(_) => &mut self.twin,
            Column::Shell => &mut self.shells,
        }
    }

    /// What is at a place.
    pub fn at(&self, place: Position) -> Option<Region> {
        let panes = [self.twin, self.walls, self.calls];
        if self.shells.contains(place) {
            Some(Region::Shells)
        } else if panes.iter().any(|pane| pane.contains(place)) {
            Some(Region::Panes)
        } else if self.lesson.contains(place) {
            Some(Region::Lesson)
        } else {
            None
        }
    }

    /// The twin pane gives the calls all but a few rows.
    #[must_use]
    pub fn with_room_for_calls(mut self) -> Self {
        if self.walls.is_empty() || self.calls.is_empty() {
            // They share no column.
            return self;
        }
        let spare = self.twin.height.saturating_sub(FEW_ROWS);
        self.twin.height -= spare;
        self.walls.y -= spare;
        self.calls.y -= spare;
        self.calls.height += spare;
        self
    }

    /// The pane in front: the twin pane where it is shown, else the one in its place.
    pub fn pane(&self) -> Rect {
        [self.twin, self.walls, self.calls].into_iter().find(|area| !area.is_empty()).unwrap_or_default()
    }

    /// Where the text of the lesson is: inside its frame, with a margin.
    pub fn prose(&self) -> Rect {
        let inner = inner(self.lesson);
        Rect { x: inner.x + u16::from(inner.width > 2), width: inner.width.saturating_sub(2), ..inner }
    }

    /// Where a shell's cells are: inside the frame.
    pub fn shell_cells(&self) -> Rect {
        inner(self.shells)
    }
}

/// Inside a frame of one cell.
pub fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + u16::from(area.width > 1),
        y: area.y + u16::from(area.height > 1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_region_leaves_the_screen(width in 1u16..300, height in 1u16..120, lines in 0usize..200, rows in 0usize..200) {
            let size = Size { width, height };
            let screen = Rect::new(0, 0, width, height);
            for column in [Column::Lesson, Column::Pane(Pane::Users), Column::Pane(Pane::Walls), Column::Shell] {
                let plain = regions(size, column, lines, rows);
                for r in [plain, plain.with_room_for_calls(), zoomed(size, column)] {
                    for area in [r.header, r.lesson, r.twin, r.walls, r.calls, r.shells, r.foot] {
                        prop_assert_eq!(area.intersection(screen), area);
                    }
                }
            }
            for (large, shell) in [(false, false), (false, true), (true, false), (true, true)] {
                for spotlight in [None, Some(Column::Shell), Some(Column::Pane(Pane::Walls))] {
                    let r = projected(size, Projected { large, spotlight, twice: false }, lines, shell);
                    for area in [r.header, r.lesson, r.twin, r.walls, r.calls, r.shells, r.foot] {
                        prop_assert_eq!(area.intersection(screen), area);
                    }
                    // Kept for how to follow.
                    for area in [r.header, r.lesson, r.twin, r.walls, r.calls, r.shells] {
                        prop_assert!(!area.intersects(r.foot));
                    }
                }
            }
            for text in [0, 3, 500] {
                let r = inspected(size, text);
                for area in [r.header, r.twin, r.walls, r.foot] {
                    prop_assert_eq!(area.intersection(screen), area);
                }
            }
        }
    }
}
