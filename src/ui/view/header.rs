//! The bar at the top: which lesson, which step, how many points.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::{points, put};
use crate::say;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, safe, width};
use crate::ui::theme::Role;

/// Draws the bar.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = lesson.regions(model.size).header;
    let (lang, theme, session) = (model.lang, model.theme, &lesson.session);
    let total = session.lesson().steps.len();
    let (step, earned, out_of) = (session.step() + 1, session.points(), session.out_of());
    let dots: String = (0..total)
        .map(|at| match at.cmp(&session.step()) {
            std::cmp::Ordering::Less => '●',
            std::cmp::Ordering::Equal => '◐',
            std::cmp::Ordering::Greater => '○',
        })
        .collect();
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
    right.insert(1, dots);
    right.extend(lab);
    let number = session.lesson().number;
    let name = format!(" cloison   {number} {}", safe(&session.lesson().id));
    let title = safe(&session.lesson().text(lang).title);
    let room = usize::from(area.width);
    while right.len() > 2
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
    let gap = " ".repeat(room.saturating_sub(width(&left) + width(&right)));
    let line = Line::from_iter([Span::styled(left, theme.style(Role::Strong)), Span::raw(gap), Span::raw(right)]);
    put(frame.buffer_mut(), area, 0, &line.style(theme.style(Role::Bar)));
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
