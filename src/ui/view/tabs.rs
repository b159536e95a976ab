//! The tabs on the lower frame of the pane in front. Where not all of them have
//! room, those at the ends wait, and their number is said there.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::panes::label;
use super::{put, title_style};
use crate::ui::layout::Pane;
use crate::ui::model::{Focus, LessonScreen, Model};
use crate::ui::safe::width;
use crate::ui::theme::Role;

/// A tab, or the number of those that wait beyond an end.
struct Tab {
    area: Rect,
    /// What a click on it brings to the front.
    pane: Pane,
    text: String,
    waits: bool,
}

/// Draws the tabs.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let (theme, focused) = (model.theme, lesson.focus == Focus::Panes);
    for tab in tabs(model, lesson) {
        let style = match tab.pane == lesson.front() {
            _ if tab.waits => theme.style(Role::Key),
            true if focused => title_style(theme, true),
            true => theme.style(Role::Strong).add_modifier(Modifier::UNDERLINED),
            false => theme.style(Role::Quiet),
        };
        put(frame.buffer_mut(), tab.area, 0, &Line::styled(tab.text, style));
    }
}

/// The pane that a click at a place brings to the front.
pub fn at(model: &Model, lesson: &LessonScreen, place: Position) -> Option<Pane> {
    tabs(model, lesson).into_iter().find(|tab| tab.area.contains(place)).map(|tab| tab.pane)
}

fn tabs(model: &Model, lesson: &LessonScreen) -> Vec<Tab> {
    let area = lesson.regions(model.size).pane();
    let panes = lesson.own_tabs(model.size);
    let labels: Vec<String> = panes.iter().map(|&pane| format!(" {} ", label(pane, model.lang))).collect();
    let widths: Vec<usize> = labels.iter().map(|label| width(label)).collect();
    let chosen = panes.iter().position(|&pane| pane == lesson.front()).unwrap_or(0);
    let (first, end) = window(&widths, chosen, usize::from(area.width.saturating_sub(3)));
    let mut tabs = Vec::new();
    let mut x = area.x + 1;
    let mut add = |pane: Pane, text: String, waits: bool| {
        let cells = u16::try_from(width(&text)).unwrap_or(u16::MAX);
        if x.saturating_add(cells) < area.right() {
            tabs.push(Tab { area: Rect::new(x, area.bottom() - 1, cells, 1), pane, text, waits });
            x += cells + u16::from(!waits);
        }
    };
    if let Some(before) = first.checked_sub(1) {
        add(panes[before], before_label(first), true);
    }
    for at in first..end {
        add(panes[at], labels[at].clone(), false);
    }
    if let Some(&after) = panes.get(end) {
        add(after, after_label(panes.len() - end), true);
    }
    tabs
}

fn before_label(count: usize) -> String {
    format!("‹{count} ")
}

fn after_label(count: usize) -> String {
    format!(" {count}›")
}

/// Which tabs have room: from the first of them to behind the last. The chosen one
/// is among them, and the one after it where it can be.
fn window(widths: &[usize], chosen: usize, room: usize) -> (usize, usize) {
    let fits = |first: usize, end: usize| {
        let tabs: usize = widths[first..end].iter().map(|wide| wide + 1).sum();
        let before = if first > 0 { width(&before_label(first)) } else { 0 };
        let after = if end < widths.len() { width(&after_label(widths.len() - end)) } else { 0 };
        // No gap behind the last tab.
        before + tabs + after <= room + 1
    };
    let end_of =
        |first: usize| (first + 1..=widths.len()).take_while(|&end| fits(first, end)).last().unwrap_or(first + 1);
    let wanted = (chosen + 2).min(widths.len());
    let enough = (0..=chosen).find(|&first| end_of(first) >= wanted || fits(first, widths.len()));
    let first = enough.unwrap_or(chosen);
    let end = if fits(first, widths.len()) { widths.len() } else { end_of(first) };
    (first, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_tabs_are_shown_where_they_have_room() {
        assert_eq!(window(&[5, 5, 5], 2, 17), (0, 3));
        assert_eq!(window(&[5, 5, 5], 0, 16), (0, 2));
    }

    proptest! {
        #[test]
        fn the_chosen_tab_is_in_sight_and_all_fit(widths in proptest::collection::vec(3usize..18, 1..13), at in 0usize..13, room in 24usize..200) {
            let chosen = at % widths.len();
            let (first, end) = window(&widths, chosen, room);
            prop_assert!(first <= chosen && chosen < end && end <= widths.len());
            let tabs: usize = widths[first..end].iter().map(|wide| wide + 1).sum();
            let before = if first > 0 { width(&before_label(first)) } else { 0 };
            let after = if end < widths.len() { width(&after_label(widths.len() - end)) } else { 0 };
            prop_assert!(before + tabs + after <= room + 1, "{first}..{end}");
            if widths.iter().map(|wide| wide + 1).sum::<usize>() <= room + 1 {
                prop_assert_eq!((first, end), (0, widths.len()));
            }
        }
    }
}
