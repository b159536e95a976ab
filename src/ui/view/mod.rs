//! Drawing: a file per region, each with a free `render` that takes `&Model` and
//! changes nothing. Called by `ui::run` after something changed, and by tests.

pub mod calls;
pub mod containers;
pub mod foot;
pub mod groups;
pub mod header;
pub mod inspect;
pub mod layers;
pub mod lesson;
pub mod list;
pub mod overlay;
pub mod panes;
pub mod projector;
pub mod scaled;
pub mod sharing;
pub mod shells;
pub mod tabs;
pub mod walls;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Widget};

use super::layout::too_small;
use super::model::{Focus, LessonScreen, Model, Screen};
use super::theme::{Role, Theme};
use crate::i18n::Lang;
use crate::say;

/// Draws everything.
pub fn render(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    if area.as_size() != model.size {
        // The terminal was resized a moment ago; its event is on the way.
        return;
    }
    if too_small(model.size) {
        return small(frame, area, model);
    }
    match &model.screen {
        // The room is not shown the list while its lesson is opened.
        Screen::List(Some(_)) if model.projector.is_some() => {}
        Screen::List(_) => list::render(frame, area, model),
        Screen::Containers => containers::render(frame, area, model, &model.containers),
        Screen::Lesson(lesson) if lesson.inspected.is_some() => {
            inspect::render(frame, model, lesson);
            frames(frame, model, lesson);
            panes::render(frame, model, lesson);
            walls::render(frame, model, lesson);
            foot::render(frame, model, lesson);
        }
        Screen::Lesson(lesson) if lesson.projected.is_some() => {
            if let Some(wall) = &model.projector {
                projector::render(frame, model, lesson, wall);
            }
        }
        Screen::Lesson(lesson) => {
            header::render(frame, model, lesson);
            frames(frame, model, lesson);
            lesson::render(frame, model, lesson);
            panes::render(frame, model, lesson);
            walls::render(frame, model, lesson);
            calls::render(frame, model, lesson);
            shells::render(frame, model, lesson);
            foot::render(frame, model, lesson);
        }
    }
    overlay::render(frame, area, model);
}

/// The frames of all regions, joined where they meet; that of the region with the
/// keyboard last, so that all of it is seen.
fn frames(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let regions = lesson.regions(model.size);
    let focused = match lesson.focus {
        Focus::Lesson => regions.lesson,
        Focus::Panes => regions.pane(),
        Focus::Shells => regions.shells,
    };
    let areas = [regions.lesson, regions.twin, regions.walls, regions.calls, regions.shells, focused];
    for (at, area) in areas.into_iter().enumerate().filter(|(_, area)| !area.is_empty()) {
        let role = if at + 1 == areas.len() { Role::Focus } else { Role::Frame };
        border(frame, area, model.theme.style(role));
    }
}

/// Its four sides, each by itself: a block goes through every cell of its area.
pub(super) fn border(frame: &mut Frame<'_>, area: Rect, style: Style) {
    let ends = Borders::LEFT | Borders::RIGHT;
    let row = |y| Rect { y, height: 1, ..area };
    let column = |x| Rect { x, y: area.y + 1, width: 1, height: area.height.saturating_sub(2) };
    for (borders, side) in [
        (Borders::TOP | ends, row(area.y)),
        (Borders::BOTTOM | ends, row(area.bottom().saturating_sub(1))),
        (Borders::LEFT, column(area.x)),
        (Borders::RIGHT, column(area.right().saturating_sub(1))),
    ] {
        let block = Block::new().borders(borders).merge_borders(MergeStrategy::Exact).border_style(style);
        frame.render_widget(block, side);
    }
}

/// Whether a region has the keyboard: its title is reversed then, in any theme.
pub(super) fn title_style(theme: Theme, focused: bool) -> Style {
    if focused { theme.style(Role::Focus).patch(theme.style(Role::Selected)) } else { theme.style(Role::Strong) }
}

/// Puts a line into a buffer, cut at the width of the area, at one of its rows.
pub(super) fn put(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if row < area.height {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

fn small(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let (width, height) = (model.size.width, model.size.height);
    let text = say!(
        model.lang,
        "This terminal has {width}×{height} cells. Please make it 60×16 or larger. Nothing is lost meanwhile.",
        "Ce terminal a {width}×{height} cases. Agrandissez-le à 60×16 au moins, s'il vous plaît. Rien n'est perdu en attendant."
    );
    let lines = super::markdown::wrap(&[(text, Style::new())], "", usize::from(area.width));
    for (row, line) in lines.iter().enumerate() {
        put(frame.buffer_mut(), area, u16::try_from(row).unwrap_or(u16::MAX), line);
    }
}

/// A number of points, with its word.
pub(super) fn points(n: u32, lang: Lang) -> String {
    let many = lang.pick(n != 1, n > 1);
    format!("{n} pt{}", if many { "s" } else { "" })
}

/// Draws nothing but blanks: what lies above something else starts with it.
pub(super) fn blank(frame: &mut Frame<'_>, area: Rect) {
    ratatui::widgets::Clear.render(area, frame.buffer_mut());
}
