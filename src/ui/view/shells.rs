//! The embedded shells: tabs on the frame, the screen of the one in front, how it
//! ended once it has, and the terminal's cursor while it has the keyboard.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{put, title_style};
use crate::lesson::model::HOST;
use crate::say;
use crate::ui::layout::Regions;
use crate::ui::model::{Focus, LessonScreen, Model};
use crate::ui::safe::{fit, pad, safe, width};
use crate::ui::shells::State;
use crate::ui::theme::Role;

/// Draws the tabs and the shell in front.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let regions = lesson.regions(model.size);
    if regions.shells.is_empty() {
        return;
    }
    let (lang, theme) = (model.lang, model.theme);
    let focused = lesson.focus == Focus::Shells;
    for (place, at) in tab_places(lesson, &regions) {
        let style = if at == lesson.shells.current { title_style(theme, focused) } else { theme.style(Role::Quiet) };
        put(frame.buffer_mut(), place, 0, &Line::styled(label(lesson, at), style));
    }
    let cells = regions.shell_cells();
    let Some(tab) = lesson.shells.shown() else { return };
    let say = match &tab.state {
        State::Empty => say!(lang, "F4 opens a shell here.", "F4 ouvre un shell ici."),
        State::Opening => say!(lang, "opening a shell …", "ouverture d'un shell …"),
        State::Running(running) => {
            frame.render_widget(running.screen.widget(theme.coloured()), cells);
            let scrolled = running.screen.scrolled();
            let note = if scrolled > 0 {
                Some(say!(lang, " {scrolled} lines back ", " {scrolled} lignes plus haut "))
            } else if focused && tab.actor == HOST && lesson.shells.tabs.len() > 1 {
                // What is typed here by mistake is done to the machine, as far as its user may.
                Some(say!(lang, " on the host: outside the box ", " sur l'hôte : hors de la boîte "))
            } else {
                None
            };
            if let Some(text) = note {
                let wide = u16::try_from(width(&text)).unwrap_or(u16::MAX).min(regions.shells.width);
                let x = regions.shells.right().saturating_sub(wide + 1);
                let place = Rect::new(x, regions.shells.y, wide, 1);
                put(frame.buffer_mut(), place, 0, &Line::styled(text, theme.style(Role::Warn)));
            }
            if focused
                && model.overlay.is_none()
                && let Some(at) = running.screen.cursor_in(cells)
            {
                frame.set_cursor_position(at);
            }
            return;
        }
        State::Ended(how, screen) => {
            if let Some(screen) = screen {
                frame.render_widget(screen.widget(theme.coloured()), cells);
            }
            let how = safe(how);
            say!(
                lang,
                "This shell has ended: {how}. Enter opens a new one.",
                "Ce shell est terminé : {how}. Entrée en ouvre un nouveau."
            )
        }
    };
    let text = pad(&fit(&format!(" {say}"), usize::from(cells.width)), usize::from(cells.width));
    put(frame.buffer_mut(), cells, cells.height.saturating_sub(1), &Line::styled(text, theme.style(Role::Strong)));
}

/// The tab at a place, for the mouse.
pub fn tab_at(lesson: &LessonScreen, regions: &Regions, place: Position) -> Option<usize> {
    tab_places(lesson, regions).into_iter().find(|(area, _)| area.contains(place)).map(|(_, at)| at)
}

fn label(lesson: &LessonScreen, at: usize) -> String {
    let actor = &lesson.shells.tabs[at].actor;
    // The sign of what is being watched, as on the gauge.
    let traced = if lesson.traced(actor) { " ◉" } else { "" };
    format!(" {} {}{traced} ", if at == lesson.shells.current { "▸" } else { "·" }, safe(actor))
}

fn tab_places(lesson: &LessonScreen, regions: &Regions) -> Vec<(Rect, usize)> {
    let area = regions.shells;
    let mut x = area.x + 1;
    let mut places = Vec::new();
    for at in 0..lesson.shells.tabs.len() {
        let cells = u16::try_from(width(&label(lesson, at))).unwrap_or(u16::MAX);
        if area.is_empty() || x.saturating_add(cells) >= area.right() {
            break;
        }
        places.push((Rect::new(x, area.y, cells, 1), at));
        x += cells + 1;
    }
    places
}
