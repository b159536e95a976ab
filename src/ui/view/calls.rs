//! The calls of this step, as they were really made: arguments, result, errno in
//! words, duration.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::header::duration;
use super::put;
use crate::i18n::{Explain, Lang};
use crate::observe::Call;
use crate::say;
use crate::ui::layout::inner;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, pad_left, safe, width};
use crate::ui::theme::{Role, Theme};

/// Draws the calls that are in view, and where there are more.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = lesson.regions(model.size).calls;
    if area.is_empty() {
        return;
    }
    let (lang, theme) = (model.lang, model.theme);
    let inside = inner(area);
    let lines = lines(lesson, lang, theme, usize::from(inside.width));
    let buffer = frame.buffer_mut();
    let title = Line::styled(say!(lang, " Calls of this step ", " Appels de cette étape "), theme.style(Role::Strong));
    put(buffer, Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, 0, &title);
    let high = usize::from(inside.height);
    let scroll = lesson.calls_scroll.min(lines.len().saturating_sub(high));
    for (row, line) in (0..inside.height).zip(lines.iter().skip(scroll)) {
        put(buffer, inside, row, line);
    }
    let below = lines.len().saturating_sub(scroll + high);
    let more = match (scroll, below) {
        (0, 0) => return,
        (above, 0) => say!(lang, " ▲ {above} above ( [ ) ", " ▲ {above} plus haut ( [ ) "),
        (_, below) => say!(lang, " ▼ {below} more ( ] ) ", " ▼ encore {below} ( ] ) "),
    };
    let wide = u16::try_from(width(&more)).unwrap_or(u16::MAX).min(area.width);
    let place = Rect::new(area.right().saturating_sub(wide + 2).max(area.x), area.y, wide, 1);
    put(buffer, place, 0, &Line::styled(more, theme.style(Role::Key)));
}

/// How far the calls can be scrolled, in lines.
pub fn most(model: &Model, lesson: &LessonScreen) -> usize {
    let inside = inner(lesson.regions(model.size).calls);
    let lines = lines(lesson, model.lang, model.theme, usize::from(inside.width));
    lines.len().saturating_sub(usize::from(inside.height))
}

fn lines(lesson: &LessonScreen, lang: Lang, theme: Theme, room: usize) -> Vec<Line<'static>> {
    let Some(outcome) = lesson.session.outcome() else {
        let text = say!(lang, "  the lab is at work", "  le labo travaille");
        return vec![Line::styled(text, theme.style(Role::Quiet))];
    };
    if outcome.ops.iter().all(|op| op.calls.is_empty() && op.failure.is_none()) {
        let text = say!(lang, "  this step makes no call", "  cette étape ne fait aucun appel");
        return vec![Line::styled(text, theme.style(Role::Quiet))];
    }
    let several = outcome.ops.iter().any(|op| op.actor != outcome.ops[0].actor);
    let mut lines = Vec::new();
    for op in &outcome.ops {
        let who = if several { format!("{}: ", safe(&op.actor)) } else { String::new() };
        for call in &op.calls {
            lines.extend(self::call(call, &who, lang, theme, room));
        }
        let told = op.calls.last().is_some_and(|call| call.result.is_err());
        if let Some((errno, what)) = op.failure.as_ref().filter(|_| !told) {
            let (what, why) = (safe(what), errno.explain(lang));
            let text = say!(lang, "✗ {who}{what}: {why}", "✗ {who}{what} : {why}");
            lines.push(Line::styled(fit(&text, room), theme.style(Role::Bad)));
        }
    }
    lines
}

/// A call on one line; an errno too long for it goes on a second.
fn call(call: &Call, who: &str, lang: Lang, theme: Theme, room: usize) -> Vec<Line<'static>> {
    let text = safe(&format!("{who}{}({})", call.name, call.args.join(", ")));
    let time = duration(call.micros, lang.pick('.', ','));
    let time = format!("{} ", pad_left(&time, 9));
    let (result, below, role) = match call.result {
        Ok(value) => (format!("= {value}"), None, Role::Text),
        Err(errno) => {
            let words = errno.explain(lang);
            let whole = format!("= -1 {words}");
            if width(&text) + width(&whole) + width(&time) + 5 <= room {
                (whole, None, Role::Bad)
            } else {
                (format!("= -1 {}", errno.symbol()), Some(words), Role::Bad)
            }
        }
    };
    let sign = if call.result.is_ok() { "  " } else { "✗ " };
    let fixed = width(&result) + width(&time) + 3;
    let text = fit(&text, room.saturating_sub(fixed));
    // Results stand below each other where the calls are short enough.
    let column = room.saturating_sub(width(&time) + 15).min(room.saturating_sub(fixed));
    let gap = " ".repeat(column.max(width(&text)).saturating_sub(width(&text)) + 1);
    let rest = room.saturating_sub(2 + width(&text) + width(&gap) + width(&result));
    let mut lines = vec![Line::from_iter([
        Span::styled(sign, theme.style(role)),
        Span::styled(text, theme.style(Role::Code)),
        Span::raw(gap),
        Span::styled(result, theme.style(role)),
        Span::styled(pad_left(&time, rest), theme.style(Role::Quiet)),
    ])];
    if let Some(words) = below {
        lines.push(Line::styled(fit(&format!("      {words}"), room), theme.style(role)));
    }
    lines
}
