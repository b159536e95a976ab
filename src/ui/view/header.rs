//! The bar at the top: which lesson, which step, how many points.

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::text::{Line, Span};

use super::{points, put};
use crate::say;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, safe, width};
use crate::ui::theme::Role;

/// Draws the bar.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = lesson.regions(model.size).header;
    let [left, right] = halves(model, lesson, usize::from(area.width));
    let gap = " ".repeat(usize::from(area.width).saturating_sub(width(&left) + width(&right)));
    let theme = model.theme;
    let line = Line::from_iter([Span::styled(left, theme.style(Role::Strong)), Span::raw(gap), Span::raw(right)]);
    put(frame.buffer_mut(), area, 0, &line.style(theme.style(Role::Bar)));
}

/// The index of the step whose dot is at a place, for the mouse.
pub fn step_at(model: &Model, lesson: &LessonScreen, place: Position) -> Option<usize> {
    let area = lesson.regions(model.size).header;
    let [_, right] = halves(model, lesson, usize::from(area.width));
    let before = right.split_once(&dots(lesson)).filter(|_| area.contains(place))?.0;
    let first = usize::from(area.right()).checked_sub(width(&right) - width(before))?;
    let at = usize::from(place.x).checked_sub(first)?;
    (at < lesson.session.lesson().steps.len()).then_some(at)
}

/// A dot for each step: behind, here, ahead.
fn dots(lesson: &LessonScreen) -> String {
    let dot = |at: usize| match at.cmp(&lesson.session.step()) {
        std::cmp::Ordering::Less => '●',
        std::cmp::Ordering::Equal => '◐',
        std::cmp::Ordering::Greater => '○',
    };
    (0..lesson.session.lesson().steps.len()).map(dot).collect()
}

/// What stands on the left and on the right of a bar of so many cells.
fn halves(model: &Model, lesson: &LessonScreen, room: usize) -> [String; 2] {
    let (lang, session) = (model.lang, &lesson.session);
    let total = session.lesson().steps.len();
    let (step, earned, out_of) = (session.step() + 1, session.points(), session.out_of());
    let at = say!(lang, "step {step}/{total}", "étape {step}/{total}");
    let score = format!("{earned}/{}", points(out_of, lang));
    let lab = if session.busy() {
        Some(say!(lang, "⋯ at work", "⋯ au travail"))
    } else {
        lesson.micros.map(|micros| {
            let time = duration(micros, lang.pick('.', ','));
            say!(lang, "built in {time}", "bâti en {time}")
        })
    };
    // What is dropped first where there is no room stands last.
    let mut right = vec![at, score, lang.code().to_uppercase()];
    right.insert(1, dots(lesson));
    right.extend(lab);
    let number = session.lesson().number;
    let name = format!(" cloison   {number} {}", safe(&session.lesson().id));
    let title = safe(&session.lesson().text(lang).title);
    while right.len() > 3
        && width(&name) + width(&title).min(26) + 3 + right.iter().map(|part| width(part) + 3).sum::<usize>() > room
    {
        if right.len() > 4 {
            right.pop()
        } else {
            Some(right.remove(1))
        };
    }
    let right = right.join("   ") + " ";
    let left = fit(&format!("{name} · {title}"), room.saturating_sub(width(&right) + 1));
    [left, right]
}

/// A duration in the largest unit in which it is at least 1: `31 µs`, `2.1 ms`.
pub(super) fn duration(micros: u64, comma: char) -> String {
    let (value, unit) = match micros {
        0..1_000 => return format!("{micros} µs"),
        1_000..1_000_000 => (micros as f64 / 1e3, "ms"),
        _ => (micros as f64 / 1e6, "s"),
    };
    format!("{value:.1} {unit}").replace('.', &comma.to_string())
}
