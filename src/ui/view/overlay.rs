//! What lies above the screen: the keys, the doctor, the evidence, questions, and
//! the banner that says what could not be done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

use super::{blank, groups, points, put, title_style, walls};
use crate::i18n::Lang;
use crate::lesson::model::StepText;
use crate::say;
use crate::ui::event::Finding;
use crate::ui::keymap::{self, Binding, Context};
use crate::ui::layout::inner;
use crate::ui::markdown::wrap;
use crate::ui::model::{LessonScreen, Model, Overlay};
use crate::ui::safe::{pad, safe, width};
use crate::ui::theme::{Role, Theme};

/// Draws what lies above, if anything does.
pub fn render(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let theme = model.theme;
    if let Some((title, lines, scroll)) = content(model) {
        window(frame, area, &title, &lines, scroll, theme, model.lang);
    }
    if let Some(why) = &model.failure {
        banner(frame, area, why, theme);
    }
}

/// How far what lies above can be scrolled, in lines.
pub fn most(model: &Model) -> usize {
    let high = usize::from(high(model.size.height));
    content(model).map_or(0, |(_, lines, _)| lines.len().saturating_sub(high))
}

/// How many lines fit in a window on a screen of so many rows.
fn high(rows: u16) -> u16 {
    rows.saturating_sub(4)
}

/// Title, lines, and how far they are scrolled.
fn content(model: &Model) -> Option<(String, Vec<Line<'static>>, usize)> {
    let (lang, theme) = (model.lang, model.theme);
    let room = usize::from(model.size.width.saturating_sub(8)).min(100);
    Some(match model.overlay.as_ref()? {
        Overlay::Help(scroll) => {
            let wall = model.projector.is_some();
            (say!(lang, "Keys", "Touches"), help(lang, theme, room, wall), *scroll)
        }
        Overlay::Doctor(found, scroll) => {
            let title = say!(lang, "What this machine can do", "Ce que cette machine permet");
            (title, doctor(found.as_deref(), lang, theme, room), *scroll)
        }
        Overlay::Evidence(scroll) => {
            let lines = model.lesson().map_or_else(Vec::new, |lesson| walls::evidence(lesson, lang, theme));
            (say!(lang, "What proves the walls", "Ce qui prouve les cloisons"), lines, *scroll)
        }
        Overlay::Row(scroll) => (say!(lang, "One row", "Une ligne"), row(model, room), *scroll),
        Overlay::Confirm(_) => (say!(lang, "Go back?", "Revenir en arrière\u{a0}?"), text(&confirm(lang), room), 0),
        Overlay::Quit => (say!(lang, "Leave?", "Quitter\u{a0}?"), text(&quit(lang), room), 0),
        Overlay::Steps(chosen) => {
            let lines = model.lesson().map_or_else(Vec::new, |lesson| steps(lesson, *chosen, lang, theme));
            (say!(lang, "Go to", "Aller à"), lines, chosen.saturating_sub(usize::from(high(model.size.height)) / 2))
        }
        Overlay::Finished => (say!(lang, "Lesson finished", "Leçon terminée"), text(&finished(model), room), 0),
    })
}

fn window(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    lines: &[Line<'static>],
    scroll: usize,
    theme: Theme,
    lang: Lang,
) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(width(title) + 4);
    let wide = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
    let high =
        u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)).max(3).min(area.height);
    let place =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - high) / 2, width: wide, height: high };
    blank(frame, place);
    let block = Block::bordered().border_set(border::DOUBLE).border_style(theme.style(Role::Focus));
    frame.render_widget(block, place);
    let buffer = frame.buffer_mut();
    let heading = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
    put(buffer, heading, 0, &Line::styled(format!(" {title} "), title_style(theme, true)));
    let inside = inner(place);
    let inside = Rect { x: inside.x + u16::from(inside.width > 2), width: inside.width.saturating_sub(2), ..inside };
    let shown = usize::from(inside.height);
    let scroll = scroll.min(lines.len().saturating_sub(shown));
    for (row, line) in (0..inside.height).zip(lines.iter().skip(scroll)) {
        put(buffer, inside, row, line);
    }
    let below = lines.len().saturating_sub(scroll + shown);
    if below > 0 {
        let more = say!(lang, " ▼ {below} more ", " ▼ encore {below} ");
        put(buffer, heading, heading.height.saturating_sub(1), &Line::styled(more, theme.style(Role::Key)));
    }
}

fn banner(frame: &mut Frame<'_>, area: Rect, why: &str, theme: Theme) {
    let width = usize::from(area.width).saturating_sub(1);
    let wrapped = |(at, line)| {
        wrap(&[(unmoved(&safe(line)), theme.style(Role::Bad))], if at == 0 { " ! " } else { "   " }, width)
    };
    let lines: Vec<_> = why.lines().enumerate().flat_map(wrapped).collect();
    let high = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(1)).min(8);
    let place = Rect { y: area.bottom().saturating_sub(high + 1), height: high, ..area };
    blank(frame, place);
    for (row, line) in (0..high).zip(&lines) {
        put(frame.buffer_mut(), place, row, line);
    }
}

/// A line that quotes a file, or points into one, keeps its spaces: what it points at
/// is above it.
fn unmoved(line: &str) -> String {
    let quotes = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    if quotes { line.replace(' ', "\u{a0}") } else { line.to_owned() }
}

/// Each line of the table of keys, by where it counts.
fn help(lang: Lang, theme: Theme, room: usize, wall: bool) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let intro = say!(
        lang,
        "The mouse: a click gives the keyboard, and chooses what it is on (a tab, a row, a heading to sort by, \
         a step, an answer); two clicks give a region the whole screen; the wheel scrolls. With Shift most \
         terminals select text; Ctrl-G m (or --no-mouse) leaves the mouse to them. \
         Marks: + has come, ◆ has changed, − is gone. Progress is kept at every step.",
        "À la souris : un clic donne le clavier et choisit ce qu'il désigne (un onglet, une ligne, un en-tête à \
         trier, une étape, une réponse) ; deux clics donnent tout l'écran à une zone ; la molette fait défiler. \
         Avec Maj, la plupart des terminaux sélectionnent du texte ; Ctrl-G m (ou --no-mouse) leur laisse la \
         souris. Signes : + est apparu, ◆ a changé, − a disparu. La progression est gardée à chaque étape."
    );
    lines.extend(wrap(&[(intro, theme.style(Role::Text))], "", room));
    // What a presenter needs comes first, and no student needs it.
    let (presenters, others): (Vec<_>, Vec<_>) =
        Context::ALL.into_iter().partition(|context| matches!(context, Context::Projector | Context::Counting));
    for context in presenters.into_iter().filter(|_| wall).chain(others) {
        lines.push(Line::default());
        lines.push(Line::styled(context.name(lang), theme.style(Role::Strong)));
        let here: Vec<&Binding> = keymap::all().filter(|binding| binding.context == context).collect();
        // Digits that say the same stand on one line.
        for alike in here.chunk_by(|one, other| one.help == other.help) {
            let name = |binding: Option<&&Binding>| binding.map_or_else(String::new, |one| one.key_name(lang));
            let mut keys = format!("  {}", name(alike.first()));
            if alike.len() > 1 {
                keys = format!("{keys} … {}", name(alike.last()));
            }
            let help = alike.first().map_or("", |binding| binding.help(lang));
            lines.push(Line::from_iter([Span::styled(pad(&keys, 18), theme.style(Role::Key)), Span::raw(help)]));
        }
    }
    lines
}

/// All that the selected row says, uncut, a column to a line.
fn row(model: &Model, room: usize) -> Vec<Line<'static>> {
    let (lang, theme) = (model.lang, model.theme);
    let Some(lesson) = model.lesson() else { return Vec::new() };
    let table = &lesson.twins.table;
    let Some(row) = lesson.twins.browse.selected(table) else {
        return text(&[say!(lang, "This row is gone.", "Cette ligne a disparu.")], room);
    };
    if let Some(strip) = table.strips.get(&row.key) {
        return groups::detail(lesson, row, strip, lang, theme, room);
    }
    let names = [lang.pick("Host", "Hôte"), lang.pick("Box", "Boîte")];
    let mut lines = Vec::new();
    for (name, face) in names.into_iter().zip([&row.host, &row.inside]) {
        lines.push(Line::styled(name, theme.style(Role::Strong)));
        let Some(texts) = face else {
            lines.push(Line::styled(say!(lang, "  not visible", "  invisible"), theme.style(Role::Quiet)));
            continue;
        };
        let widest = table.head.iter().map(|head| width(head)).max().unwrap_or(0);
        for (head, text) in table.head.iter().zip(texts) {
            let lead = format!("  {}  ", pad(head, widest));
            lines.extend(wrap(&[(text.clone(), theme.style(Role::Code))], &lead, room));
        }
    }
    lines
}

fn doctor(found: Option<&[Finding]>, lang: Lang, theme: Theme, room: usize) -> Vec<Line<'static>> {
    let Some(found) = found else {
        return text(
            &[say!(lang, "Trying what this machine can do …", "Essai de ce que cette machine permet …")],
            room,
        );
    };
    let mut lines = Vec::new();
    for finding in found {
        let (sign, role) = if finding.works { ("✓ ", Role::Good) } else { ("✗ ", Role::Bad) };
        lines.push(Line::styled(format!("{sign}{}", safe(&finding.name)), theme.style(role)));
        if !finding.why.is_empty() {
            lines.extend(wrap(&[(safe(&finding.why), theme.style(Role::Text))], "    ", room));
        }
        if !finding.remedy.is_empty() {
            lines.extend(wrap(&[(safe(&finding.remedy), theme.style(Role::Strong))], "  → ", room));
        }
    }
    lines
}

fn confirm(lang: Lang) -> Vec<String> {
    vec![
        say!(
            lang,
            "The lab is taken down and rebuilt to that step. What you typed in this exercise is undone there, and it is not passed yet.",
            "Le labo est démonté puis reconstruit jusqu'à cette étape. Ce que vous avez tapé dans cet exercice y est perdu, et il n'est pas encore réussi."
        ),
        String::new(),
        say!(lang, "Enter: go back     Esc: stay here", "Entrée : revenir     Échap : rester ici"),
    ]
}

fn quit(lang: Lang) -> Vec<String> {
    vec![
        say!(
            lang,
            "Nothing is lost: your answers and your step are saved, and the lesson resumes where you are. The lab is taken down; nothing of it stays on this machine.",
            "Rien n'est perdu : vos réponses et votre étape sont enregistrées, et la leçon reprendra là où vous êtes. Le labo est démonté ; il n'en reste rien sur cette machine."
        ),
        String::new(),
        say!(
            lang,
            "Enter: leave     l: list of lessons     Esc: stay",
            "Entrée : quitter     l : liste des leçons     Échap : rester"
        ),
    ]
}

/// The steps by name; the one chosen is marked.
fn steps(lesson: &LessonScreen, chosen: usize, lang: Lang, theme: Theme) -> Vec<Line<'static>> {
    let texts = lesson.session.lesson().text(lang);
    let line = |(at, step): (usize, &StepText)| {
        let (sign, role) = if at == chosen { ("▸", Role::Focus) } else { (" ", Role::Text) };
        Line::styled(format!("{sign} {:>2}  {}", at + 1, safe(&step.title)), theme.style(role))
    };
    texts.steps.iter().enumerate().map(line).collect()
}

fn finished(model: &Model) -> Vec<String> {
    let lang = model.lang;
    let (earned, out_of) = model.lesson().map_or((0, 0), |lesson| (lesson.session.points(), lesson.session.out_of()));
    let out_of = points(out_of, lang);
    let score = say!(lang, "You have {earned}/{out_of}.", "Vous avez {earned}/{out_of}.");
    vec![
        score,
        String::new(),
        say!(lang, "Enter: list of lessons     Esc: stay here", "Entrée : liste des leçons     Échap : rester ici"),
    ]
}

fn text(paragraphs: &[String], room: usize) -> Vec<Line<'static>> {
    let room = room.min(70);
    paragraphs.iter().flat_map(|text| wrap(&[(text.clone(), Style::new())], "", room)).collect()
}
