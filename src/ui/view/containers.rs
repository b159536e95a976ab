//! The list of what is apart from the host: a row for each container, and below them
//! what there is to know of the selected one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::{foot, put};
use crate::i18n::{Explain, Lang};
use crate::observe::{Census, Container};
use crate::say;
use crate::ui::containers::Containers;
use crate::ui::keymap::Intent;
use crate::ui::markdown::wrap;
use crate::ui::model::Model;
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::Role;

/// The most lines about the selected one.
const ABOUT: u16 = 7;

/// Draws the list.
pub fn render(frame: &mut Frame<'_>, area: Rect, model: &Model, list: &Containers) {
    let (lang, theme) = (model.lang, model.theme);
    let buffer = frame.buffer_mut();
    let room = usize::from(area.width);
    let left = say!(lang, " cloison   Apart from the host", " cloison   Séparés de l'hôte");
    let right = list.census.as_deref().map_or_else(String::new, |census| counts(census, lang));
    let right = format!("{right}   {} ", lang.code().to_uppercase());
    let head = pad(&left, room.saturating_sub(width(&right))) + &right;
    put(buffer, area, 0, &Line::styled(fit(&head, room), theme.style(Role::Strong)));
    let filter = safe(&list.filter);
    let filter = if filter.is_empty() {
        let text = say!(
            lang,
            " type to filter (name, engine, PID, namespace), Enter inspects",
            " tapez pour filtrer (nom, moteur, PID, espace de noms), Entrée inspecte"
        );
        Line::styled(fit(&text, room), theme.style(Role::Quiet))
    } else {
        Line::styled(say!(lang, " filter: {filter}▏", " filtre : {filter}▏"), theme.style(Role::Key))
    };
    put(buffer, area, 1, &filter);

    let about = about(model, list, area.width);
    let about_high = u16::try_from(about.len()).unwrap_or(ABOUT).min(ABOUT).min(area.height / 3);
    let rows = Rect { y: area.y + 2, height: area.height.saturating_sub(about_high + 5), ..area };
    table(frame, rows, model, list);

    let buffer = frame.buffer_mut();
    let low = Rect { y: rows.bottom(), height: area.bottom().saturating_sub(rows.bottom()), ..area };
    put(buffer, low, 0, &Line::styled("─".repeat(room), theme.style(Role::Frame)));
    for (row, line) in (1..=about_high).zip(&about) {
        put(buffer, low, row, line);
    }
    let machine = safe(lang.pick(&model.machine[0], &model.machine[1]));
    let unread = list.census.as_ref().map_or(0, |census| census.unread);
    let blind = say!(lang, "; {unread} not comparable (ptrace(2))", " ; {unread} non comparables (ptrace(2))");
    let machine = format!(" {machine}{}", if unread > 0 { blind } else { String::new() });
    put(buffer, low, about_high + 1, &Line::styled(fit(&machine, room), theme.style(Role::Quiet)));
    let who = match list.opening {
        Some(pid) => say!(lang, "opening {pid} …", "ouverture de {pid} …"),
        None => say!(lang, "keyboard: list", "clavier : liste"),
    };
    let hidden = [Intent::Lesson, Intent::Panes, Intent::Shell, Intent::Hint, Intent::Back, Intent::Next];
    put(buffer, low, low.height.saturating_sub(1), &foot::bar(model, room, &who, None, &hidden));
}

fn counts(census: &Census, lang: Lang) -> String {
    let groups = census.containers.len();
    let apart: usize = census.containers.iter().map(|one| one.processes.len()).sum();
    let alike = census.alike;
    say!(
        lang,
        "{groups} groups, {apart} processes; {alike} on the host",
        "{groups} groupes, {apart} processus ; {alike} sur l'hôte"
    )
}

/// The cells of a row, but the command.
fn cells(one: &Container) -> [String; 5] {
    let first = one.process();
    let user = first.map_or_else(String::new, |first| first.user.as_deref().map_or(first.uid.to_string(), safe));
    let mut apart: Vec<&str> = one.apart.iter().map(|kind| kind.name()).collect();
    if one.unread().is_some() {
        apart.push("?");
    }
    let engine = one.engine.as_ref().map_or_else(|| "–".to_owned(), |engine| safe(&engine.label()));
    let pid = format!("{}{}", "  ".repeat(one.depth.min(8)), one.first);
    [pid, one.processes.len().to_string(), fit(&user, 12), apart.join(" "), fit(&engine, 30)]
}

fn table(frame: &mut Frame<'_>, area: Rect, model: &Model, list: &Containers) {
    let (lang, theme) = (model.lang, model.theme);
    let room = usize::from(area.width);
    let buffer = frame.buffer_mut();
    let shown = list.shown();
    if shown.is_empty() {
        let text = match &list.census {
            None => say!(lang, " Looking at every process …", " Examen de chaque processus …"),
            Some(census) if census.containers.is_empty() => say!(
                lang,
                " No process is apart from the host in any namespace.",
                " Aucun processus n'est séparé de l'hôte par un espace de noms."
            ),
            Some(_) => {
                say!(lang, " None fits this filter. Esc clears it.", " Aucun ne correspond. Échap vide le filtre.")
            }
        };
        return put(buffer, area, 0, &Line::styled(fit(&text, room), theme.style(Role::Quiet)));
    }
    let high = usize::from(area.height.saturating_sub(1));
    let at = list.position();
    let scroll = (at + 1).saturating_sub(high).max(at.saturating_sub(high / 2)).min(shown.len().saturating_sub(high));
    let seen: Vec<(usize, &&Container)> = shown.iter().enumerate().skip(scroll).take(high).collect();
    let rows: Vec<[String; 5]> = seen.iter().map(|(_, one)| cells(one)).collect();
    let head =
        ["PID", "N", lang.pick("USER", "UTIL."), lang.pick("APART IN", "SÉPARÉ PAR"), lang.pick("MADE BY", "FAIT PAR")];
    let wide = |at: usize| rows.iter().map(|row| width(&row[at])).chain([width(head[at])]).max().unwrap_or(0);
    let line = |sign: &str, row: [&str; 5], command: &str| {
        let [pid, count, user, apart, engine] = row;
        let (pid, count, user) = (pad(pid, wide(0)), pad_left(count, wide(1)), pad(user, wide(2)));
        let (apart, engine) = (pad(apart, wide(3)), pad(engine, wide(4)));
        fit(&format!(" {sign} {pid} {count} {user}  {apart}  {engine}  {command}"), room)
    };
    let command = lang.pick("COMMAND", "COMMANDE");
    put(buffer, area, 0, &Line::styled(line(" ", head, command), theme.style(Role::Quiet)));
    for (y, ((n, one), row)) in (1..).zip(seen.iter().zip(&rows)) {
        let selected = *n == at;
        let text = line(if selected { "▸" } else { " " }, row.each_ref().map(String::as_str), &name(one));
        let style = if selected { theme.style(Role::Selected) } else { Style::new() };
        let text = pad(&text, room);
        put(buffer, area, y, &Line::styled(text, theme.style(Role::Text).patch(style)));
    }
    let below = shown.len().saturating_sub(scroll + high);
    if below > 0 {
        let more = say!(lang, " ▼ {below} more ", " ▼ encore {below} ");
        let wide = u16::try_from(width(&more)).unwrap_or(u16::MAX).min(area.width);
        let place = Rect { x: area.right().saturating_sub(wide), width: wide, ..area };
        put(buffer, place, 0, &Line::styled(more, theme.style(Role::Key)));
    }
}

fn name(one: &Container) -> String {
    one.process().map_or_else(String::new, |first| {
        if first.command.is_empty() { format!("[{}]", safe(&first.name)) } else { safe(&first.command) }
    })
}

/// What there is to know of the selected one.
fn about(model: &Model, list: &Containers, room: u16) -> Vec<Line<'static>> {
    let (lang, theme) = (model.lang, model.theme);
    let Some(one) = list.current() else { return Vec::new() };
    let mut texts = vec![(name(one), Role::Strong)];
    if let Some(engine) = &one.engine {
        let (label, told) = (safe(&engine.label()), safe(&engine.evidence.explain(lang)));
        texts.push((say!(lang, "made by {label}: {told}", "fait par {label} : {told}"), Role::Text));
    }
    if let Some(above) = one.inside {
        texts.push((say!(lang, "inside of {above}", "à l'intérieur de {above}"), Role::Text));
    }
    if let Some(why) = one.unread() {
        let (path, errno) = (safe(&why.path), why.errno.explain(lang));
        texts.push((say!(lang, "not readable: {path}: {errno}", "illisible : {path} : {errno}"), Role::Warn));
    }
    texts.extend(one.notes(lang).into_iter().map(|note| (safe(&note), Role::Text)));
    let room = usize::from(room);
    let lines = texts.into_iter().flat_map(|(text, role)| {
        wrap(&[(text, theme.style(role))], " ", room.saturating_sub(1)).into_iter().take(2).collect::<Vec<_>>()
    });
    lines.collect()
}
