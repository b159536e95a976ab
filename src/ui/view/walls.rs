//! The wall gauge: each dimension of isolation, built or open, by a sign and not by
//! colour alone. Its evidence is an overlay.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::put;
use crate::i18n::Lang;
use crate::observe::model::{Built, Wall};
use crate::observe::twin::{Key, Side};
use crate::observe::{effective, filter_count};
use crate::say;
use crate::ui::layout::inner;
use crate::ui::model::{LessonScreen, Model};
use crate::ui::safe::{fit, safe, width};
use crate::ui::theme::{Role, Theme};

/// Draws the gauge.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = inner(lesson.regions(model.size).walls);
    if area.is_empty() {
        return;
    }
    let (lang, theme) = (model.lang, model.theme);
    let name = safe(lesson.boxed());
    let walls = lesson
        .twins
        .snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.actors.get(lesson.boxed()))
        .map(|actor| &actor.walls);
    let count = walls.map_or(0, |walls| walls.values().filter(|wall| wall.state == Built::Built).count());
    let total = Wall::ALL.len();
    let key =
        if lesson.projected.is_some() { "" } else { lang.pick(" (e: what proves it)", " (e : ce qui le prouve)") };
    let title =
        say!(lang, "Walls of {name}: {count} of {total} stand{key}", "Cloisons de {name} : {count} sur {total}{key}");
    let buffer = frame.buffer_mut();
    let mut row = 0;
    // The gauge comes first where there is room for nothing else.
    if area.height > 2 {
        put(
            buffer,
            area,
            row,
            &Line::styled(fit(&format!(" {title}"), usize::from(area.width)), theme.style(Role::Strong)),
        );
        row += 1;
    }
    let mut line = Line::from(" ");
    for wall in Wall::ALL {
        let state = walls.and_then(|walls| walls.get(&wall)).map_or(Built::Unknown, |wall| wall.state);
        let marked = lesson.twins.changes.of(Side::Inside, lesson.boxed(), Key::Wall(wall)).is_some();
        let shown = walls.and_then(|walls| walls.get(&wall));
        let count = shown.and_then(|shown| match wall {
            Wall::Caps => effective(&shown.actor),
            Wall::Seccomp => filter_count(&shown.actor),
            _ => None,
        });
        let item = item(wall, (state, count), marked, lang, theme);
        if line.width() + item.width() > usize::from(area.width) {
            put(buffer, area, row, &line);
            row += 1;
            line = Line::from(" ");
        }
        line.push_span(item);
        line.push_span(Span::raw(" "));
    }
    put(buffer, area, row, &line);
}

fn item(wall: Wall, (state, count): (Built, Option<&str>), marked: bool, lang: Lang, theme: Theme) -> Span<'static> {
    let count = count.map(|count| format!(" {count}")).unwrap_or_default();
    let name = format!("{}{}{count}", if marked { "◆" } else { "" }, wall.name(lang));
    match state {
        Built::Built => Span::styled(format!("{name} ■"), theme.style(Role::Good)),
        Built::Open => Span::styled(format!("{name} □"), theme.style(Role::Text)),
        Built::Unknown => Span::styled(format!("{name} ?"), theme.style(Role::Quiet)),
    }
}

/// The evidence behind each wall, a line or two each, for the overlay.
pub(super) fn evidence(lesson: &LessonScreen, lang: Lang, theme: Theme) -> Vec<Line<'static>> {
    let actor = lesson.twins.snapshot.as_ref().and_then(|snapshot| snapshot.actors.get(lesson.boxed()));
    let Some(actor) = actor else {
        return vec![Line::from(say!(lang, "Nothing has been read yet.", "Rien n'a encore été lu."))];
    };
    let widest = Wall::ALL.iter().map(|&wall| width(wall.name(lang))).max().unwrap_or(0);
    let mut lines = Vec::new();
    for wall in Wall::ALL {
        let Some(state) = actor.walls.get(&wall) else { continue };
        let (sign, words, role) = match state.state {
            Built::Built => ("■", lang.pick("stands", "dressée"), Role::Good),
            Built::Open => ("□", lang.pick("open", "absente"), Role::Text),
            Built::Unknown => ("?", lang.pick("unknown", "inconnue"), Role::Warn),
        };
        let relation = match state.state {
            Built::Built => "≠",
            Built::Open => "=",
            Built::Unknown => "?",
        };
        let name = crate::ui::safe::pad(wall.name(lang), widest);
        let (host, inside) = (safe(&state.host), safe(&state.actor));
        lines.push(Line::from_iter([
            Span::styled(format!("{sign} {name}  "), theme.style(role)),
            Span::raw(crate::ui::safe::pad(words, 9)),
            Span::styled(
                say!(lang, "host {host}  {relation}  box {inside}", "hôte {host}  {relation}  boîte {inside}"),
                theme.style(Role::Code),
            ),
        ]));
    }
    lines
}
