//! What stands above the panes of a process that is inspected: who it is, what made
//! its container, and what keeps it from being seen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::put;
use crate::i18n::{Explain, Lang};
use crate::observe::{Snapshot, Veil};
use crate::say;
use crate::ui::event::Inspected;
use crate::ui::markdown::wrap;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, safe, width};
use crate::ui::theme::{Role, Theme};

/// Draws the bar at the top, and the lines below it.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let Some(inspected) = &lesson.inspected else { return };
    let regions = lesson.regions(model.size);
    let (lang, theme) = (model.lang, model.theme);
    let room = usize::from(regions.header.width);
    let snapshot = lesson.twins.snapshot.as_deref();
    let pid = inspected.pid;
    let command = command(inspected, snapshot);
    let left = say!(lang, " cloison   process {pid}  {command}", " cloison   processus {pid}  {command}");
    let engine = inspected.container.as_ref().and_then(|container| container.engine.as_ref());
    let engine = engine.map_or_else(String::new, |engine| fit(&safe(&engine.label()), room / 3) + "   ");
    let right = format!("{engine}{} ", lang.code().to_uppercase());
    let left = fit(&left, room.saturating_sub(width(&right) + 1));
    let gap = " ".repeat(room.saturating_sub(width(&left) + width(&right)));
    let line = Line::from_iter([Span::styled(left, theme.style(Role::Strong)), Span::raw(gap), Span::raw(right)]);
    let buffer = frame.buffer_mut();
    put(buffer, regions.header, 0, &line.style(theme.style(Role::Bar)));
    let above = Rect { y: 1, height: regions.twin.y.saturating_sub(1), ..regions.header };
    for (row, line) in (0..above.height).zip(&lesson.notice) {
        put(buffer, above, row, line);
    }
}

/// What it runs: as of now, or as it was when it was opened.
fn command(inspected: &Inspected, snapshot: Option<&Snapshot>) -> String {
    let now = snapshot.and_then(|snapshot| snapshot.host.processes.read());
    let before = inspected.container.as_ref().map(|container| container.processes.iter());
    // Once it has ended its number may be another's.
    let alive = snapshot.is_none_or(|snapshot| snapshot.actors.values().all(|actor| actor.alive));
    let now = now.filter(|_| alive).into_iter().flatten().map(|one| &**one);
    let one = now.chain(before.into_iter().flatten()).find(|one| one.pid == inspected.pid);
    one.map_or_else(String::new, |one| {
        if one.command.is_empty() { format!("[{}]", safe(&one.name)) } else { safe(&one.command) }
    })
}

/// What has to be said of it, in lines of so many cells: that it has ended, what can't
/// be seen and why, what told the engine.
pub fn notice(
    inspected: &Inspected,
    snapshot: Option<&Snapshot>,
    lang: Lang,
    theme: Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |lead: &str, text: String, role: Role| {
        lines.extend(wrap(&[(text, theme.style(role))], lead, room.saturating_sub(1)));
    };
    let pid = inspected.pid;
    let actor = snapshot.and_then(|snapshot| snapshot.actors.get(&pid.to_string()).map(|actor| (snapshot, actor)));
    if let Some((snapshot, actor)) = actor {
        if let (false, Some(seen)) = (actor.alive, actor.stale) {
            let age = age(snapshot.taken.saturating_sub(seen));
            let text = say!(
                lang,
                "Process {pid} has ended. Its side is what was seen last, {age} ago. F8: the list",
                "Le processus {pid} est terminé. Son côté est ce qui a été vu en dernier, il y a {age}. F8 : la liste"
            );
            say(" ! ", text, Role::Warn);
        }
        if let Some(veil) = Veil::of(actor, &snapshot.host) {
            say(" ! ", safe(&veil.explain(lang)), Role::Warn);
        }
    }
    if let Some(container) = &inspected.container {
        let mut texts = Vec::new();
        if let Some(engine) = &container.engine {
            let (label, told) = (safe(&engine.label()), safe(&engine.evidence.explain(lang)));
            texts.push(say!(lang, "made by {label}: {told}", "fait par {label} : {told}"));
        }
        let (count, first) = (container.processes.len(), container.first);
        if count > 1 {
            texts.push(say!(
                lang,
                "one of {count} processes, the first is {first}",
                "l'un de {count} processus, le premier est {first}"
            ));
        }
        if !texts.is_empty() {
            let text = fit(&texts.join(" · "), room.saturating_sub(2));
            say(" ", text, Role::Quiet);
        }
    }
    lines
}

/// A time in words, in the largest unit in which it is at least 1.
fn age(micros: u64) -> String {
    match micros / 1_000_000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
