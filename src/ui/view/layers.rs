//! The files of the box's overlays: a row per file, a column per layer, across both
//! halves of the pane. What became of a file is told by a sign in its cell as well
//! as by a colour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::put;
use crate::observe::layers::FileState;
use crate::say;
use crate::ui::layers::{GridKind, GridRow};
use crate::ui::layout::inner;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, pad, safe, width};
use crate::ui::theme::Role;

/// The fewest cells of a layer's column: what does not fit is not shown, and that
/// it is not shown is said.
const NARROWEST: usize = 9;
/// The most.
const WIDEST: usize = 18;

/// Draws the grid.
pub fn render(buffer: &mut Buffer, area: Rect, model: &Model, lesson: &LessonScreen) {
    let theme = model.theme;
    let inside = inner(area);
    let name = safe(lesson.boxed());
    let title = say!(model.lang, " FILES BY LAYER · {name} ", " FICHIERS PAR COUCHE · {name} ");
    let title = fit(&title, usize::from(inside.width));
    let line = Line::from_iter([
        Span::styled(title.clone(), theme.style(Role::Strong)),
        Span::styled("─".repeat(usize::from(inside.width) - width(&title)), theme.style(Role::Frame)),
    ]);
    put(buffer, Rect { y: area.y, height: 1, ..inside }, 0, &line);
    let rows = &lesson.twins.table.grid;
    let high = usize::from(inside.height);
    let first = lesson.twins.browse.scroll.min(rows.len().saturating_sub(high));
    let widths = columns(rows, usize::from(inside.width));
    // The heading of what is below the top stays in sight.
    let stuck = rows[..=first.min(rows.len().saturating_sub(1))].iter().rposition(|row| row.kind == GridKind::Heading);
    let shown = rows[first..].iter().take(high).enumerate();
    for (at, row) in shown {
        let row = if at == 0 { stuck.map_or(row, |heading| &rows[heading]) } else { row };
        put(buffer, inside, u16::try_from(at).unwrap_or(u16::MAX), &draw(row, &widths, inside.width, model));
    }
}

fn draw(row: &GridRow, widths: &[usize], wide: u16, model: &Model) -> Line<'static> {
    let role = match row.kind {
        GridKind::Heading | GridKind::Note => Role::Quiet,
        GridKind::Unread | GridKind::File(FileState::Copied) => Role::Warn,
        GridKind::File(FileState::Image) => Role::Text,
        GridKind::File(FileState::Added) => Role::Good,
        GridKind::File(FileState::Deleted) => Role::Bad,
    };
    let mut style = model.theme.style(role);
    if row.marked {
        style = style.add_modifier(Modifier::BOLD);
    }
    let sign = if row.marked { "◆ " } else { "  " };
    let text = match row.kind {
        GridKind::Note | GridKind::Unread => format!("{sign}{}", row.cells.concat()),
        GridKind::Heading | GridKind::File(_) => {
            let mut text = sign.to_owned();
            for (cell, &wide) in row.cells.iter().zip(widths) {
                text.push_str(&pad(cell, wide.saturating_sub(1)));
                text.push(' ');
            }
            // Layers without room are many, or the screen is small.
            if row.cells.len() > widths.len() {
                text.push('…');
            }
            text
        }
    };
    Line::styled(fit(&text, usize::from(wide)), style)
}

/// The widths of the columns: the file's from its names, the others alike.
fn columns(rows: &[GridRow], room: usize) -> Vec<usize> {
    let cells = rows.iter().filter(|row| row.cells.len() > 1);
    let names = cells.clone().map(|row| width(&row.cells[0]) + 2).max().unwrap_or(0);
    let others = cells.map(|row| row.cells.len() - 1).max().unwrap_or(0);
    let room = room.saturating_sub(4);
    let first = names.min(room * 2 / 5);
    let rest = room - first;
    let each = (rest / others.max(1)).clamp(NARROWEST, WIDEST);
    let fitting = others.min(rest / each);
    std::iter::once(first).chain(std::iter::repeat_n(each, fitting)).collect()
}
