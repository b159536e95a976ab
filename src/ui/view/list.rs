//! The list of lessons: parts with a line each, a filter, what the selected one is
//! about, and what this machine can do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{foot, points, put};
use crate::i18n::Lang;
use crate::lesson::model::Part;
use crate::say;
use crate::ui::event::{Entry, EntryState};
use crate::ui::keymap::Intent;
use crate::ui::markdown::wrap;
use crate::ui::model::{Model, Screen};
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::Role;

/// Draws the list.
pub fn render(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let (lang, theme) = (model.lang, model.theme);
    let buffer = frame.buffer_mut();
    let room = usize::from(area.width);
    let (done, total) = earned(model);
    let left = say!(lang, " cloison   The lessons", " cloison   Les leçons");
    // Begun with a lesson, the screen has its list after that.
    let is_due = model.list.entries.is_empty() && matches!(model.screen, Screen::List(Some(_)));
    let earned = if is_due { String::new() } else { format!("{done}/{}", points(total, lang)) };
    let right = format!("{earned}   {} ", lang.code().to_uppercase());
    let head = pad(&left, room.saturating_sub(width(&right))) + &right;
    put(buffer, area, 0, &Line::styled(head, theme.style(Role::Strong)));
    let filter = safe(&model.list.filter);
    let filter = if filter.is_empty() {
        Line::styled(
            say!(lang, " type to filter, Enter opens", " tapez pour filtrer, Entrée ouvre"),
            theme.style(Role::Quiet),
        )
    } else {
        Line::styled(say!(lang, " filter: {filter}▏", " filtre : {filter}▏"), theme.style(Role::Key))
    };
    put(buffer, area, 1, &filter);

    let about = about(model, area.width);
    let about_high = u16::try_from(about.len()).unwrap_or(u16::MAX).min(4);
    let bottom = about_high + 3;
    let rows = Rect { y: area.y + 2, height: area.height.saturating_sub(2 + bottom), ..area };
    let more = match entries(frame, rows, model) {
        (0, 0) => String::new(),
        (0, below) => say!(lang, " ▼ {below} more ", " ▼ encore {below} "),
        (above, 0) => say!(lang, " ▲ {above} above ", " ▲ {above} plus haut "),
        (above, below) => format!(" ▲ {above}  ▼ {below} "),
    };

    let buffer = frame.buffer_mut();
    let low = Rect { y: rows.bottom(), height: area.bottom().saturating_sub(rows.bottom()), ..area };
    let frame = theme.style(Role::Frame);
    let rule = Line::from_iter([
        Span::styled("─".repeat(room.saturating_sub(width(&more) + 1)), frame),
        Span::styled(more, theme.style(Role::Key)),
        Span::styled("─", frame),
    ]);
    put(buffer, low, 0, &rule);
    for (row, line) in (1..).zip(about.iter().take(usize::from(about_high))) {
        put(buffer, low, row, line);
    }
    let machine = safe(lang.pick(&model.machine[0], &model.machine[1]));
    put(buffer, low, about_high + 1, &Line::styled(fit(&format!(" {machine}"), room), theme.style(Role::Quiet)));
    let who = match &model.screen {
        Screen::List(Some(id)) => {
            let id = safe(id);
            say!(lang, "opening {id} …", "ouverture de {id} …")
        }
        _ => say!(lang, "keyboard: list", "clavier : liste"),
    };
    let hidden = [Intent::Lesson, Intent::Panes, Intent::Shell, Intent::Hint, Intent::Back, Intent::Next];
    put(buffer, low, low.height.saturating_sub(1), &foot::bar(model, room, &who, None, &hidden));
}

/// Points earned and to earn, over all lessons that can run here.
fn earned(model: &Model) -> (u32, u32) {
    model.list.entries.iter().fold((0, 0), |(done, total), entry| match entry.state {
        EntryState::New => (done, total + entry.lesson.points),
        EntryState::Begun(points) | EntryState::Done(points) => (done + points, total + entry.lesson.points),
        EntryState::Impossible(_) => (done, total),
    })
}

/// Draws the lessons; how many lines are above and below those in sight.
fn entries(frame: &mut Frame<'_>, area: Rect, model: &Model) -> (usize, usize) {
    let (lang, theme) = (model.lang, model.theme);
    let shown = model.list.shown(lang);
    let selected = model.list.selected.min(shown.len().saturating_sub(1));
    let mut lines = Vec::new();
    let mut at_line = 0;
    let mut part = None;
    for (at, entry) in shown.iter().enumerate() {
        if part != Some(entry.lesson.part) {
            part = Some(entry.lesson.part);
            lines.push(Line::styled(format!(" {}", part_name(entry.lesson.part, lang)), theme.style(Role::Strong)));
        }
        if at == selected {
            at_line = lines.len();
        }
        lines.push(line(entry, at == selected, model, usize::from(area.width)));
    }
    if lines.is_empty() && !matches!(model.screen, Screen::List(Some(_))) {
        let text = if model.list.entries.is_empty() {
            say!(lang, " There are no lessons.", " Il n'y a aucune leçon.")
        } else {
            say!(
                lang,
                " No lesson fits this filter. Esc clears it.",
                " Aucune leçon ne correspond. Échap vide le filtre."
            )
        };
        lines.push(Line::styled(text, theme.style(Role::Quiet)));
    }
    let high = usize::from(area.height);
    let scroll =
        (at_line + 1).saturating_sub(high).max(at_line.saturating_sub(high / 2)).min(lines.len().saturating_sub(high));
    for (row, line) in (0..area.height).zip(lines.iter().skip(scroll)) {
        put(frame.buffer_mut(), area, row, line);
    }
    (scroll, lines.len().saturating_sub(scroll + high))
}

fn line(entry: &Entry, selected: bool, model: &Model, room: usize) -> Line<'static> {
    let (lang, theme, lesson) = (model.lang, model.theme, &entry.lesson);
    let (sign, state, role) = match entry.state {
        EntryState::New => ("○", lang.pick("new", "nouvelle").to_owned(), Role::Text),
        EntryState::Begun(_) => ("◐", lang.pick("begun", "commencée").to_owned(), Role::Warn),
        EntryState::Done(_) => ("●", lang.pick("done", "terminée").to_owned(), Role::Good),
        EntryState::Impossible(_) => ("✗", lang.pick("not here", "pas ici").to_owned(), Role::Quiet),
    };
    let score = match entry.state {
        EntryState::Begun(n) | EntryState::Done(n) => format!("{n}/{}", points(lesson.points, lang)),
        EntryState::New | EntryState::Impossible(_) => points(lesson.points, lang),
    };
    let minutes = format!("{} min", lesson.minutes);
    let right = format!("  {}{}{} ", pad(&state, 10), pad_left(&score, 10), pad_left(&minutes, 7));
    let title = safe(lang.pick(&lesson.title[0], &lesson.title[1]));
    let pointer = if selected { " ▸" } else { "  " };
    let left = format!("{pointer} {sign} {:02} {}{title}", lesson.number, pad(&safe(&lesson.id), 12));
    let left = pad(&left, room.saturating_sub(width(&right)));
    let selection = if selected { theme.style(Role::Selected) } else { Style::new() };
    Line::from_iter([
        Span::styled(left, theme.style(Role::Text).patch(selection)),
        Span::styled(right, theme.style(role).patch(selection)),
    ])
}

/// What the selected lesson is about, or why it can't run here.
fn about(model: &Model, room: u16) -> Vec<Line<'static>> {
    let (lang, theme) = (model.lang, model.theme);
    let Some(entry) = model.list.current(lang) else { return Vec::new() };
    let summary = safe(lang.pick(&entry.lesson.summary[0], &entry.lesson.summary[1]));
    let mut lines = wrap(&[(summary, theme.style(Role::Text))], " ", usize::from(room).saturating_sub(1));
    if let EntryState::Impossible([en, fr]) = &entry.state {
        let why = safe(lang.pick(en, fr));
        let text = say!(lang, "not possible here: {why}", "impossible ici : {why}");
        lines.extend(wrap(&[(text, theme.style(Role::Warn))], " ✗ ", usize::from(room).saturating_sub(1)));
    }
    lines
}

fn part_name(part: Part, lang: Lang) -> &'static str {
    match part {
        Part::A => lang.pick("A. What a container is", "A. Ce qu'est un conteneur"),
        Part::B => lang.pick("B. Files", "B. Les fichiers"),
        Part::C => lang.pick("C. Namespaces", "C. Les espaces de noms"),
        Part::D => lang.pick("D. Control groups", "D. Les groupes de contrôle"),
        Part::E => lang.pick("E. Privileges", "E. Les privilèges"),
        Part::F => lang.pick("F. All together", "F. Tout ensemble"),
    }
}
