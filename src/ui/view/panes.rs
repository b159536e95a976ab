//! The twin pane: HOST on the left, BOX on the right, a row per object, the two
//! halves of a joined row in one colour with a line between them; and the tabs.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{put, title_style};
use crate::i18n::Lang;
use crate::observe::model::View;
use crate::say;
use crate::ui::layout::{Pane, inner, wide};
use crate::ui::model::{Focus, LessonScreen, Model};
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::{Role, Theme};
use crate::ui::twin::{Link, Row, Table};

/// Draws the pane in front and the tabs below it.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = lesson.regions(model.size).twin;
    if !area.is_empty() {
        twin(frame.buffer_mut(), area, model, lesson);
    }
    for (place, pane, style) in tabs(model, lesson) {
        put(frame.buffer_mut(), place, 0, &Line::styled(label(pane, model.lang), style));
    }
}

/// The tab at a place, for the mouse.
pub fn tab_at(lesson: &LessonScreen, size: Size, lang: Lang, place: Position) -> Option<Pane> {
    tab_places(lesson, size, lang).into_iter().find(|(area, _)| area.contains(place)).map(|(_, pane)| pane)
}

fn label(pane: Pane, lang: Lang) -> String {
    let name = match pane {
        Pane::Processes => lang.pick("Processes", "Processus"),
        Pane::Users => lang.pick("Users", "Utilisateurs"),
        Pane::Mounts => lang.pick("Mounts", "Montages"),
        Pane::Names => lang.pick("Names", "Noms"),
        Pane::Walls => lang.pick("Walls", "Cloisons"),
        Pane::Calls => lang.pick("Calls", "Appels"),
    };
    format!(" {name} ")
}

/// The tabs stand on the lower frame of the pane.
fn tab_places(lesson: &LessonScreen, size: Size, lang: Lang) -> Vec<(Rect, Pane)> {
    let regions = lesson.regions(size);
    let area = match lesson.pane {
        _ if wide(size) => regions.twin,
        Pane::Walls => regions.walls,
        Pane::Calls => regions.calls,
        _ => regions.twin,
    };
    let mut places = Vec::new();
    let mut x = area.x + 1;
    for &pane in lesson.tabs(size) {
        let cells = u16::try_from(width(&label(pane, lang))).unwrap_or(u16::MAX);
        if area.is_empty() || x + cells >= area.right() {
            break;
        }
        places.push((Rect::new(x, area.bottom() - 1, cells, 1), pane));
        x += cells + 1;
    }
    places
}

fn tabs(model: &Model, lesson: &LessonScreen) -> Vec<(Rect, Pane, Style)> {
    let focused = lesson.focus == Focus::Panes;
    let style = |pane| match pane == lesson.pane {
        true if focused => title_style(model.theme, true),
        true => model.theme.style(Role::Strong).add_modifier(Modifier::UNDERLINED),
        false => model.theme.style(Role::Quiet),
    };
    tab_places(lesson, model.size, model.lang).into_iter().map(|(area, pane)| (area, pane, style(pane))).collect()
}

/// `user@name` of a side, as far as it is known.
fn whose(view: &View) -> String {
    let user = view.ids.read().map(|ids| ids.user.as_deref().map_or_else(|| ids.uid.to_string(), safe));
    let name = view.uts.read().map(|uts| safe(&uts.hostname));
    [user, name].into_iter().flatten().collect::<Vec<_>>().join("@")
}

fn twin(buffer: &mut Buffer, area: Rect, model: &Model, lesson: &LessonScreen) {
    let (lang, theme) = (model.lang, model.theme);
    let inside = inner(area);
    let left = Rect { width: inside.width.saturating_sub(1) / 2, ..inside };
    let middle = left.right();
    let right = Rect { x: middle + 1, width: inside.right().saturating_sub(middle + 1), ..inside };
    let frame = if lesson.focus == Focus::Panes { theme.style(Role::Focus) } else { theme.style(Role::Frame) };
    buffer[(middle, area.y)].set_symbol("┬").set_style(frame);
    buffer[(middle, area.bottom() - 1)].set_symbol("┴").set_style(frame);
    for y in inside.top()..inside.bottom() {
        buffer[(middle, y)].set_symbol("│").set_style(theme.style(Role::Frame));
    }
    let snapshot = lesson.twins.snapshot.as_deref();
    let boxed = lesson.boxed();
    let actor = snapshot.and_then(|snapshot| snapshot.actors.get(boxed));
    let host = snapshot.map_or_else(String::new, |snapshot| whose(&snapshot.host));
    let title = say!(lang, " HOST {host} ", " HÔTE {host} ");
    let title_area = |half: Rect| Rect { y: area.y, height: 1, ..half };
    put(buffer, title_area(left), 0, &heading(&title, left.width, theme));
    let seen = actor.and_then(|actor| actor.seen.read()).map_or_else(String::new, whose);
    let ended = actor.filter(|actor| !actor.alive).map(|actor| actor.exit.as_deref().map(safe));
    let state = match (ended, actor.and_then(|actor| actor.stale)) {
        (Some(Some(exit)), _) => say!(lang, "· ended: {exit} ", "· terminé : {exit} "),
        (Some(None), _) => say!(lang, "· ended ", "· terminé "),
        (None, Some(_)) => say!(lang, "· does not answer ", "· ne répond pas "),
        (None, None) => String::new(),
    };
    let name = safe(boxed);
    let title = say!(lang, " BOX {name} {seen} {state}", " BOÎTE {name} {seen} {state}");
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    put(buffer, title_area(right), 0, &heading(&format!(" {title} "), right.width, theme));
    if inside.height < 2 {
        return;
    }
    let Some(_) = actor else {
        let text = say!(lang, "  nothing has been read yet", "  rien n'a encore été lu");
        put(buffer, inside, 0, &Line::styled(fit(&text, usize::from(left.width)), theme.style(Role::Quiet)));
        return;
    };
    rows(buffer, [left, right], middle, model, lesson);
}

fn rows(buffer: &mut Buffer, halves: [Rect; 2], middle: u16, model: &Model, lesson: &LessonScreen) {
    let theme = model.theme;
    let table = &lesson.twins.table;
    let notes = table.notes.iter().map(Vec::len).max().unwrap_or(0);
    let high = usize::from(halves[0].height - 1);
    // Notes stand below the rows where both have room.
    let notes = if high >= notes + 5 { notes } else { 0 };
    let (shown, folded) = part(table, lesson.twins.scroll, high - notes);
    let columns = halves.map(|half| columns(table, shown, usize::from(half.width)));
    for (half, columns) in halves.iter().zip(&columns) {
        let head: Vec<String> = table.head.iter().map(|&head| head.to_owned()).collect();
        let text = format!("    {}", cells(&head, columns, &table.head));
        put(buffer, *half, 0, &Line::styled(text, theme.style(Role::Quiet)));
    }
    for (row, at) in shown.iter().zip(1..) {
        draw_row(buffer, halves, middle, at, row, [&columns[0], &columns[1]], &table.head, model);
    }
    if !folded.is_empty() {
        let text = fold(folded, model.lang);
        let both = halves[0].union(halves[1]);
        let row = u16::try_from(shown.len() + 1).unwrap_or(u16::MAX);
        let line = Line::styled(pad(&text, usize::from(both.width)), theme.style(Role::Quiet));
        put(buffer, both, row, &line);
    }
    for (half, notes_of) in halves.iter().zip(&table.notes).filter(|_| notes > 0) {
        let first = half.height.saturating_sub(u16::try_from(notes).unwrap_or(u16::MAX));
        for (note, row) in notes_of.iter().zip(first..) {
            let text = fit(&format!("    {note}"), usize::from(half.width));
            put(buffer, *half, row, &Line::styled(text, theme.style(Role::Code)));
        }
    }
    for (half, unread) in halves.iter().zip(&table.unread) {
        if let Some(why) = unread {
            let spans = [(why.clone(), theme.style(Role::Warn))];
            for (line, row) in crate::ui::markdown::wrap(&spans, "  ? ", usize::from(half.width)).iter().zip(1..) {
                let clear = Line::raw(" ".repeat(usize::from(half.width)));
                put(buffer, *half, row, &clear);
                put(buffer, *half, row, line);
            }
        }
    }
}

/// The rows to draw in so many lines, and those that fold into the last of them.
/// Unscrolled, what is not the box's own is shown only where all that the box sees
/// has room.
fn part(table: &Table, scroll: usize, high: usize) -> (&[Row], &[Row]) {
    let rows = &table.rows[scroll.min(table.rows.len().saturating_sub(high))..];
    let seen = table.rows.iter().filter(|row| row.inside.is_some()).count();
    let limit = match () {
        () if scroll > 0 => rows.len(),
        () if seen.max(table.own) < high => seen.max(table.own),
        () => table.own,
    };
    let limit = limit.min(rows.len());
    let room = if limit == rows.len() && limit <= high { high } else { high.saturating_sub(1) };
    rows.split_at(limit.min(room))
}

/// What the line says that stands for rows.
fn fold(folded: &[Row], lang: Lang) -> String {
    let n = folded.len();
    if folded.iter().all(|row| row.inside.is_none()) {
        say!(lang, "    … {n} more, none visible from the box", "    … et {n} de plus, invisibles depuis la boîte")
    } else if folded.iter().all(|row| row.inside.is_some() && row.host.is_some()) {
        say!(lang, "    … {n} more, visible from both sides", "    … et {n} de plus, visibles des deux côtés")
    } else {
        say!(lang, "    … {n} more", "    … et {n} de plus")
    }
}

#[expect(clippy::too_many_arguments, reason = "a row is drawn in one place only, with all that surrounds it")]
fn draw_row(
    buffer: &mut Buffer,
    halves: [Rect; 2],
    middle: u16,
    at: u16,
    row: &Row,
    columns: [&[usize]; 2],
    head: &[&str],
    model: &Model,
) {
    let (lang, theme) = (model.lang, model.theme);
    let joined = match row.link {
        Link::Joined(n) => Some(n),
        Link::Differs | Link::Apart => None,
    };
    let colour = joined.map_or(theme.style(Role::Text), |n| theme.joined(n));
    let [(host_sign, host_style), (sign, style)] = row.marked.map(|marked| match (marked, joined) {
        (true, _) => ("◆ ", colour.add_modifier(Modifier::BOLD)),
        (false, Some(_)) => ("● ", colour),
        (false, None) => ("  ", colour),
    });
    let symbol = match row.link {
        Link::Joined(_) => Some("┼"),
        Link::Differs => Some("≠"),
        Link::Apart => None,
    };
    if let Some(symbol) = symbol {
        buffer[(middle, halves[0].y + at)].set_symbol(symbol).set_style(colour);
    }
    let blank = |side: &str| Line::styled(format!("    · {side}"), theme.style(Role::Quiet));
    let host = match &row.host {
        Some(texts) if joined.is_some() => {
            let room = usize::from(halves[0].width).saturating_sub(4);
            let text = cells(texts, columns[0], head);
            let text = fit(text.trim_end(), room.saturating_sub(2));
            let line = "─".repeat(room.saturating_sub(width(&text) + 1));
            Line::styled(format!("  {host_sign}{text} {line}"), host_style)
        }
        Some(texts) => Line::styled(format!("  {host_sign}{}", cells(texts, columns[0], head)), host_style),
        None => blank(lang.pick("not visible from the host", "invisible depuis l'hôte")),
    };
    let inside = match &row.inside {
        Some(texts) if joined.is_some() => Line::styled(format!("─ {sign}{}", cells(texts, columns[1], head)), style),
        Some(texts) => Line::styled(format!("  {sign}{}", cells(texts, columns[1], head)), style),
        None => blank(lang.pick("not visible from the box", "invisible depuis la boîte")),
    };
    put(buffer, halves[0], at, &host);
    put(buffer, halves[1], at, &inside);
}

/// The title of a half, and the frame for the rest of it: what stood there before
/// (the lesson's own mark, on a narrow screen) does not show beside it.
fn heading(title: &str, wide: u16, theme: Theme) -> Line<'static> {
    let title = fit(title, usize::from(wide));
    let rest = "─".repeat(usize::from(wide).saturating_sub(width(&title)));
    Line::from_iter([Span::styled(title, theme.style(Role::Strong)), Span::styled(rest, theme.style(Role::Frame))])
}

/// Numbers stand at the right of their column.
fn numeric(head: &str) -> bool {
    head.ends_with("PID") || head.ends_with("UID")
}

/// The widths of the columns, from what is shown; the last takes what is left.
fn columns(table: &Table, shown: &[Row], room: usize) -> Vec<usize> {
    let room = room.saturating_sub(4);
    let mut widths: Vec<usize> = table.head.iter().map(|head| width(head)).collect();
    for texts in shown.iter().flat_map(|row| [&row.host, &row.inside]).flatten() {
        for (wide, text) in widths.iter_mut().zip(texts) {
            *wide = (*wide).max(width(text));
        }
    }
    let Some((last, others)) = widths.split_last_mut() else { return widths };
    for (wide, head) in others.iter_mut().zip(&table.head) {
        // An unnamed user is a long number: the command is what the eye looks for.
        let most = if ["USER", "UTIL."].contains(head) { (room / 5).max(4) } else { room * 45 / 100 };
        *wide = (*wide).min(most);
    }
    *last = room.saturating_sub(others.iter().map(|wide| *wide + 1).sum());
    widths
}

fn cells(texts: &[String], columns: &[usize], head: &[&str]) -> String {
    let cell = |((text, &wide), head): ((&String, &usize), &&str)| {
        if numeric(head) { pad_left(text, wide) } else { pad(text, wide) }
    };
    texts.iter().zip(columns).zip(head).map(cell).collect::<Vec<_>>().join(" ")
}
