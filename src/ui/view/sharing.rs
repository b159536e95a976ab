//! The last row of a wall that others follow in their own terminals: what to type, the
//! code, how many there are. A lesson on a wall never uses that row.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::put;
use crate::say;
use crate::ui::model::Model;
use crate::ui::projector::Sharing;
use crate::ui::safe::{fit, width};
use crate::ui::theme::Role;

/// Draws it, in the middle of the row. Where not all has room, the number goes first, then
/// the end of the address; never the code.
pub fn render(frame: &mut Frame<'_>, model: &Model, sharing: &Sharing, area: Rect) {
    let (lang, theme, count) = (model.lang, model.theme, sharing.followers);
    let code = say!(lang, "   code {}", "   code {}", sharing.code);
    let many = if lang.pick(count == 1, count < 2) {
        say!(lang, "   {count} follower", "   {count} connecté")
    } else {
        say!(lang, "   {count} followers", "   {count} connectés")
    };
    let room = usize::from(area.width);
    let all = width(&sharing.command) + width(&code);
    let many = if all + width(&many) <= room { many } else { String::new() };
    let command = fit(&sharing.command, room.saturating_sub(width(&code)));
    let used = width(&command) + width(&code) + width(&many);
    let line = Line::from_iter([
        Span::raw(" ".repeat(room.saturating_sub(used) / 2)),
        Span::styled(command, theme.style(Role::Strong)),
        Span::styled(code, theme.style(Role::Key)),
        Span::styled(many, theme.style(Role::Text)),
    ]);
    put(frame.buffer_mut(), area, 0, &line);
}
