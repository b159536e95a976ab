//! The calls of this step, as they were really made: arguments, result, errno in
//! words, duration.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::header::duration;
use super::put;
use crate::i18n::{Explain, Lang};
use crate::observe::{Errno, Traced, returned};
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
    let (lines, spoken) = lines(lesson, lang, theme, usize::from(inside.width));
    let buffer = frame.buffer_mut();
    let title = if lesson.twins.snapshot.as_ref().is_some_and(|now| now.traced.values().any(|traced| traced.on)) {
        say!(lang, " Calls, traced live ", " Appels, tracés en direct ")
    } else {
        say!(lang, " Calls of this step ", " Appels de cette étape ")
    };
    let title = Line::styled(title, theme.style(Role::Strong));
    put(buffer, Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, 0, &title);
    let high = usize::from(inside.height);
    let scroll = lesson.calls_at(lines.len().saturating_sub(high), spoken);
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

/// How far the calls can be scrolled, in lines, and how far they are.
pub fn scrolled(model: &Model, lesson: &LessonScreen) -> (usize, usize) {
    let inside = inner(lesson.regions(model.size).calls);
    let (lines, spoken) = lines(lesson, model.lang, model.theme, usize::from(inside.width));
    let most = lines.len().saturating_sub(usize::from(inside.height));
    (most, lesson.calls_at(most, spoken))
}

/// The lines, and the first of them with a traced call that the step speaks of.
fn lines(lesson: &LessonScreen, lang: Lang, theme: Theme, room: usize) -> (Vec<Line<'static>>, Option<usize>) {
    let Some(outcome) = lesson.session.outcome() else {
        let text = say!(lang, "  the lab is at work", "  le labo travaille");
        return (vec![Line::styled(text, theme.style(Role::Quiet))], None);
    };
    let traced = lesson.twins.snapshot.as_ref().map(|now| &now.traced).filter(|traced| !traced.is_empty());
    if traced.is_none() && outcome.ops.iter().all(|op| op.calls.is_empty() && op.failure.is_none()) {
        let text = say!(lang, "  this step makes no call", "  cette étape ne fait aucun appel");
        return (vec![Line::styled(text, theme.style(Role::Quiet))], None);
    }
    let several = outcome.ops.iter().any(|op| op.actor != outcome.ops[0].actor);
    let within = Within { lang, theme, room };
    let mut lines = Vec::new();
    for op in &outcome.ops {
        let who = if several { format!("{}: ", safe(&op.actor)) } else { String::new() };
        for call in &op.calls {
            let text = format!("{who}{}({})", call.name, call.args.join(", "));
            lines.extend(within.call(&text, &call.name, Some(call.result), call.micros, false));
        }
        let told = op.calls.last().is_some_and(|call| call.result.is_err());
        if let Some((errno, what)) = op.failure.as_ref().filter(|_| !told) {
            let (what, why) = (safe(what), errno.explain(lang));
            let text = say!(lang, "✗ {who}{what}: {why}", "✗ {who}{what} : {why}");
            lines.push(Line::styled(fit(&text, room), theme.style(Role::Bad)));
        }
    }
    let mut spoken = None;
    for (actor, traced) in traced.into_iter().flatten() {
        within.commands(actor, traced, lesson, &mut lines, &mut spoken);
    }
    (lines, spoken)
}

/// In which language, colours and width.
#[derive(Clone, Copy)]
struct Within {
    lang: Lang,
    theme: Theme,
    room: usize,
}

impl Within {
    /// The commands traced in an actor: a heading where another process goes on, and
    /// its calls; and the line of the first that the step speaks of.
    fn commands(
        self,
        name: &str,
        traced: &Traced,
        lesson: &LessonScreen,
        lines: &mut Vec<Line<'static>>,
        spoken: &mut Option<usize>,
    ) {
        let Self { lang, theme, room } = self;
        let actor = safe(name);
        let mut quiet = |text: String, role| lines.push(Line::styled(fit(&text, room), theme.style(role)));
        if let Some(errno) = traced.refused {
            let why = errno.explain(lang);
            let text = say!(
                lang,
                "✗ the commands of {actor} can't be traced: {why}",
                "✗ les commandes de {actor} ne peuvent pas être tracées : {why}"
            );
            quiet(text, Role::Bad);
        } else if traced.on && traced.total == 0 {
            let text = say!(
                lang,
                "  tracing {actor}: type a command in its shell",
                "  {actor} est tracé : tapez une commande dans son shell"
            );
            quiet(text, Role::Quiet);
        }
        let left_out = traced.left_out;
        if left_out > 0 {
            let text = say!(
                lang,
                "  … {left_out} earlier calls of {actor} are no longer listed",
                "  … {left_out} appels plus anciens de {actor} ne sont plus listés"
            );
            quiet(text, Role::Quiet);
        }
        let mut before = None;
        // Of what comes in live, the place among the calls says nothing.
        let places = lesson.session.traced_calls().iter().filter(|(actor, _)| actor == name && !traced.on);
        let meant: BTreeSet<usize> = places.map(|(_, at)| *at).collect();
        for (at, call) in traced.calls.iter().enumerate() {
            let now = (call.pid, call.program.as_str());
            if before != Some(now) {
                before = Some(now);
                let (pid, program) = (call.pid, safe(&call.program));
                let text = format!("▸ {actor} · {program} · PID {pid}");
                lines.push(Line::styled(fit(&text, room), theme.style(Role::Strong)));
            }
            let text = format!("{}({})", call.name, call.args.join(", "));
            let meant = meant.contains(&at);
            if meant {
                spoken.get_or_insert(lines.len());
            }
            lines.extend(self.call(&text, &call.name, call.result, call.micros, meant));
        }
    }

    /// A call on one line; an errno too long for it goes on a second. `meant`: the step
    /// speaks of it.
    fn call(
        self,
        text: &str,
        name: &str,
        result: Option<Result<i64, Errno>>,
        micros: u64,
        meant: bool,
    ) -> Vec<Line<'static>> {
        let Self { lang, theme, room } = self;
        let text = safe(text);
        let time = if result.is_some() { duration(micros, lang.pick('.', ',')) } else { String::new() };
        let time = format!("{} ", pad_left(&time, 9));
        let (result, below, role) = match result {
            Some(Ok(value)) => (format!("= {}", returned(name, value)), None, Role::Text),
            Some(Err(errno)) => {
                let words = errno.explain(lang);
                let whole = format!("= -1 {words}");
                if width(&text) + width(&whole) + width(&time) + 5 <= room {
                    (whole, None, Role::Bad)
                } else {
                    (format!("= -1 {}", errno.symbol()), Some(words), Role::Bad)
                }
            }
            // Under way, or without return.
            None => ("= ?".to_owned(), None, Role::Quiet),
        };
        let sign = match (role, meant) {
            (Role::Bad, false) => "✗ ",
            (Role::Bad, true) => "✗▸",
            (_, true) => " ▸",
            (_, false) => "  ",
        };
        let fixed = width(&result) + width(&time) + 3;
        let text = fit(&text, room.saturating_sub(fixed));
        // Results stand below each other where the calls are short enough.
        let column = room.saturating_sub(width(&time) + 15).min(room.saturating_sub(fixed));
        let gap = " ".repeat(column.max(width(&text)).saturating_sub(width(&text)) + 1);
        let rest = room.saturating_sub(2 + width(&text) + width(&gap) + width(&result));
        let mut lines = vec![Line::from_iter([
            Span::styled(sign, theme.style(role)),
            Span::styled(text, theme.style(if meant { Role::Strong } else { Role::Code })),
            Span::raw(gap),
            Span::styled(result, theme.style(role)),
            Span::styled(pad_left(&time, rest), theme.style(Role::Quiet)),
        ])];
        if let Some(words) = below {
            lines.push(Line::styled(fit(&format!("      {words}"), room), theme.style(role)));
        }
        lines
    }
}
