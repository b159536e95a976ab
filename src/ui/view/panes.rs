//! The twin pane: HOST on the left, BOX on the right, a row per object, the two
//! halves of a joined row in one colour with a line between them; and the tabs.

use std::cmp::Ordering;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::{groups, layers, put, tabs};
use crate::i18n::Lang;
use crate::observe::model::View;
use crate::observe::twin::{Side, is_frozen};
use crate::observe::{ActorView, Change, Snapshot};
use crate::say;
use crate::ui::browse::Shown;
use crate::ui::layout::{Pane, inner};
use crate::ui::model::{Focus, LessonScreen, Model};
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::{Role, Theme};
use crate::ui::twin::{Link, Rest, Row, Table};

/// The cells before a row's text: a pointer or the joining line, and a sign.
const LEAD: usize = 4;

/// What is at a place of the twin pane, for the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A tab.
    Tab(Pane),
    /// The heading of a column.
    Heading(Side, usize),
    /// A row, by its index among those listed.
    Row(usize),
    /// The line that stands for those below.
    Fold,
}

/// Draws the pane in front and the tabs below it.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let area = lesson.regions(model.size).twin;
    if area.is_empty() {
    } else if lesson.pane == Pane::Layers && !lesson.twins.table.grid.is_empty() {
        layers::render(frame.buffer_mut(), area, model, lesson);
    } else if !lesson.twins.table.strips.is_empty() {
        groups::render(frame.buffer_mut(), area, model, lesson);
    } else {
        twin(frame.buffer_mut(), area, model, lesson);
    }
    // A room has nothing to choose.
    if lesson.projected.is_none() {
        tabs::render(frame, model, lesson);
    }
}

/// What a click at a place is on.
pub fn hit(model: &Model, lesson: &LessonScreen, place: Position) -> Option<Hit> {
    if let Some(pane) = tabs::at(model, lesson, place) {
        return Some(Hit::Tab(pane));
    }
    if !lesson.twins.table.grid.is_empty() {
        return None;
    }
    let place_of = Place::of(lesson.regions(model.size).twin);
    let at = usize::from(place.y).checked_sub(usize::from(place_of.halves[0].y))?;
    if !lesson.twins.table.strips.is_empty() {
        let shown = lesson.twins.browse.shown(&lesson.twins.table, usize::from(place_of.halves[0].height));
        return match at.cmp(&shown.rows.len()) {
            Ordering::Less => Some(Hit::Row(shown.first + at)),
            Ordering::Equal if shown.folded.count() > 0 => Some(Hit::Fold),
            _ => None,
        };
    }
    let side = place_of.halves.iter().position(|half| half.contains(place))?;
    let laid = Laid::out(lesson, place_of)?;
    match at.checked_sub(1) {
        None => {
            let mut end = usize::from(place_of.halves[side].x) + LEAD;
            let column = laid.columns[side].iter().position(|wide| {
                end += wide + 1;
                usize::from(place.x) < end
            })?;
            Some(Hit::Heading([Side::Host, Side::Inside][side], column))
        }
        Some(at) if at < laid.shown.rows.len() => Some(Hit::Row(laid.shown.first + at)),
        Some(at) if at == laid.shown.rows.len() && laid.shown.folded.count() > 0 => Some(Hit::Fold),
        Some(_) => None,
    }
}

/// A pane's name, on its tab.
pub(super) fn label(pane: Pane, lang: Lang) -> &'static str {
    match pane {
        Pane::Processes => lang.pick("Processes", "Processus"),
        Pane::Users => lang.pick("Users", "Utilisateurs"),
        Pane::Mounts => lang.pick("Mounts", "Montages"),
        Pane::Layers => lang.pick("Files", "Fichiers"),
        Pane::Names => lang.pick("Names", "Noms"),
        Pane::Namespaces => lang.pick("Namespaces", "Esp. de noms"),
        Pane::Net => lang.pick("Net", "Réseau"),
        Pane::Ipc => "IPC",
        Pane::Time => lang.pick("Time", "Temps"),
        Pane::Cgroup => "Cgroup",
        Pane::Caps => lang.pick("Caps", "Capacités"),
        Pane::Seccomp => "Seccomp",
        Pane::Walls => lang.pick("Walls", "Cloisons"),
        Pane::Calls => lang.pick("Calls", "Appels"),
    }
}

/// Where the halves of the pane are, and the line between them.
#[derive(Clone, Copy)]
struct Place {
    halves: [Rect; 2],
    middle: u16,
}

impl Place {
    fn of(area: Rect) -> Self {
        let inside = inner(area);
        let left = Rect { width: inside.width.saturating_sub(1) / 2, ..inside };
        let middle = left.right();
        let right = Rect { x: middle + 1, width: inside.right().saturating_sub(middle + 1), ..inside };
        Self { halves: [left, right], middle }
    }
}

/// What stands where in the pane: the same for drawing and for the mouse.
struct Laid<'a> {
    table: &'a Table,
    shown: Shown<'a>,
    /// The headings of each half, with the sign of the order.
    heads: [Vec<String>; 2],
    columns: [Vec<usize>; 2],
    notes: usize,
}

impl<'a> Laid<'a> {
    /// Nothing where there is no room for a row.
    fn out(lesson: &'a LessonScreen, place: Place) -> Option<Self> {
        let (table, browse) = (&lesson.twins.table, &lesson.twins.browse);
        let high = usize::from(place.halves[0].height).checked_sub(1).filter(|high| *high > 0)?;
        let (rows, notes) = table.room(high);
        let shown = browse.shown(table, rows);
        let heads = [Side::Host, Side::Inside].map(|side| {
            let sign = |column: usize| match browse.sort {
                Some(sort) if (sort.side, sort.column) == (side, column) => {
                    if sort.reverse {
                        "▼"
                    } else {
                        "▲"
                    }
                }
                _ => "",
            };
            table.head.iter().enumerate().map(|(at, head)| format!("{head}{}", sign(at))).collect::<Vec<_>>()
        });
        let rows: Vec<&Row> = shown.rows.iter().map(|&at| &table.rows[at]).collect();
        let columns = [0, 1].map(|half| columns(table, &heads[half], &rows, usize::from(place.halves[half].width)));
        Some(Self { table, shown, heads, columns, notes })
    }
}

/// `user@name` of a side, as far as it is known.
fn whose(view: &View) -> String {
    let user = view.ids.read().map(|ids| ids.user.as_deref().map_or_else(|| ids.uid.to_string(), safe));
    let name = view.uts.read().map(|uts| safe(&uts.hostname));
    [user, name].into_iter().flatten().collect::<Vec<_>>().join("@")
}

/// What has become of the box, where it is not simply there: it has ended, stands
/// still, or owes an answer.
pub(super) fn state(snapshot: Option<&Snapshot>, actor: Option<&ActorView>, lang: Lang) -> String {
    let (Some(snapshot), Some(actor)) = (snapshot, actor) else { return String::new() };
    match (actor.alive, actor.exit.as_deref().map(safe)) {
        (false, Some(exit)) => say!(lang, "· ended: {exit} ", "· terminé : {exit} "),
        (false, None) => say!(lang, "· ended ", "· terminé "),
        (true, _) if is_frozen(snapshot, actor) => say!(lang, "· frozen ", "· gelé "),
        (true, _) if actor.stale.is_some() => say!(lang, "· does not answer ", "· ne répond pas "),
        (true, _) => String::new(),
    }
}

fn twin(buffer: &mut Buffer, area: Rect, model: &Model, lesson: &LessonScreen) {
    let (lang, theme) = (model.lang, model.theme);
    let inside = inner(area);
    let place = Place::of(area);
    let Place { halves: [left, right], middle } = place;
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
    let title =
        filter(model, lesson, usize::from(left.width)).unwrap_or_else(|| say!(lang, " HOST {host} ", " HÔTE {host} "));
    let title_area = |half: Rect| Rect { y: area.y, height: 1, ..half };
    put(buffer, title_area(left), 0, &heading(&title, left.width, theme));
    let seen = actor.and_then(|actor| actor.seen.read()).map_or_else(String::new, whose);
    let state = state(snapshot, actor, lang);
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
    rows(buffer, place, model, lesson);
}

/// The title while a filter hides rows or is typed: it, and how many it hides.
pub(super) fn filter(model: &Model, lesson: &LessonScreen, room: usize) -> Option<String> {
    let (lang, browse) = (model.lang, &lesson.twins.browse);
    if browse.filter.is_empty() && !lesson.filtering {
        return None;
    }
    let hidden = browse.hidden(&lesson.twins.table);
    let (before, caret) = (lang.pick(" HOST  /", " HÔTE  /"), if lesson.filtering { "▏" } else { "" });
    let after = say!(lang, "{caret}  {hidden} hidden ", "{caret}  {hidden} masquées ");
    let most = room.saturating_sub(width(before) + width(&after));
    let mut shown = safe(&browse.filter);
    // Its end is where one types.
    while width(&shown) > most && !shown.is_empty() {
        shown.remove(0);
    }
    Some(format!("{before}{shown}{after}"))
}

fn rows(buffer: &mut Buffer, place: Place, model: &Model, lesson: &LessonScreen) {
    let (lang, theme) = (model.lang, model.theme);
    let halves = place.halves;
    let Some(laid) = Laid::out(lesson, place) else { return };
    let Laid { table, shown, notes, .. } = &laid;
    for ((half, columns), head) in halves.iter().zip(&laid.columns).zip(&laid.heads) {
        let text = format!("    {}", cells(head, columns, &table.head));
        put(buffer, *half, 0, &Line::styled(text, theme.style(Role::Quiet)));
    }
    for (at, (&row, line)) in shown.rows.iter().zip(1..).enumerate() {
        // On a projector a row is in the spotlight, whoever has the keyboard.
        let marked = lesson.focus == Focus::Panes || lesson.projected.is_some();
        let selected = marked && lesson.twins.browse.cursor == Some(shown.first + at);
        draw_row(buffer, place, line, &table.rows[row], &laid, selected, model);
    }
    let both = halves[0].union(halves[1]);
    let below = u16::try_from(shown.rows.len() + 1).unwrap_or(u16::MAX);
    if shown.folded.count() > 0 {
        // Neither a capability nor an instruction is an object that one could see.
        let alike = matches!(lesson.front(), Pane::Caps | Pane::Seccomp);
        let text = if alike { more(shown.folded.count(), lang) } else { fold(shown.folded, lang) };
        let line = Line::styled(pad(&text, usize::from(both.width)), theme.style(Role::Quiet));
        put(buffer, both, below, &line);
    } else if shown.rows.is_empty() && !lesson.twins.browse.filter.is_empty() {
        let text = say!(
            lang,
            "    no row says this; Esc clears the filter",
            "    aucune ligne ne contient cela ; Échap vide le filtre"
        );
        put(buffer, both, below, &Line::styled(pad(&text, usize::from(both.width)), theme.style(Role::Quiet)));
    }
    for (half, notes_of) in halves.iter().zip(&table.notes).filter(|_| *notes > 0) {
        let first = half.height.saturating_sub(u16::try_from(*notes).unwrap_or(u16::MAX));
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

/// What the line says that stands for rows.
fn fold(folded: Rest, lang: Lang) -> String {
    let n = folded.count();
    if folded.host == n {
        say!(lang, "    … {n} more, none visible from the box", "    … et {n} de plus, invisibles depuis la boîte")
    } else if folded.both == n {
        say!(lang, "    … {n} more, visible from both sides", "    … et {n} de plus, visibles des deux côtés")
    } else {
        more(n, lang)
    }
}

fn more(n: usize, lang: Lang) -> String {
    say!(lang, "    … {n} more", "    … et {n} de plus")
}

/// The sign of what became of a face a moment ago.
pub(super) fn sign(change: Option<Change>, joined: bool) -> &'static str {
    match change {
        Some(Change::Appeared) => "+ ",
        Some(Change::Changed) => "◆ ",
        Some(Change::Vanished) => "− ",
        None if joined => "● ",
        None => "  ",
    }
}

fn draw_row(buffer: &mut Buffer, place: Place, at: u16, row: &Row, laid: &Laid<'_>, selected: bool, model: &Model) {
    let (lang, theme) = (model.lang, model.theme);
    let (halves, columns, head) = (place.halves, &laid.columns, &laid.table.head);
    let joined = match row.link {
        Link::Joined(n) => Some(n),
        Link::Differs | Link::Apart => None,
    };
    let mut colour = joined.map_or(theme.style(Role::Text), |n| theme.joined(n));
    if row.gone {
        colour = theme.style(Role::Quiet);
    }
    let style = |marked: Option<Change>| {
        let style = if marked.is_some() { colour.add_modifier(Modifier::BOLD) } else { colour };
        if selected { style.patch(theme.style(Role::Selected)) } else { style }
    };
    let [host_style, inside_style] = row.marked.map(style);
    let [host_sign, inside_sign] = row.marked.map(|change| sign(change, joined.is_some()));
    let symbol = match row.link {
        Link::Joined(_) => Some("┼"),
        Link::Differs => Some("≠"),
        Link::Apart => None,
    };
    if let Some(symbol) = symbol {
        buffer[(place.middle, halves[0].y + at)].set_symbol(symbol).set_style(colour);
    }
    let lead = if selected { "▸ " } else { "  " };
    let blank = |side: &str, lead: &str| Line::styled(format!("{lead}  · {side}"), theme.style(Role::Quiet));
    let host = match &row.host {
        Some(texts) if joined.is_some() => {
            let room = usize::from(halves[0].width).saturating_sub(LEAD);
            let text = cells(texts, &columns[0], head);
            let text = fit(text.trim_end(), room.saturating_sub(2));
            let line = "─".repeat(room.saturating_sub(width(&text) + 1));
            Line::styled(format!("{lead}{host_sign}{text} {line}"), host_style)
        }
        Some(texts) => Line::styled(format!("{lead}{host_sign}{}", cells(texts, &columns[0], head)), host_style),
        None => blank(lang.pick("not visible from the host", "invisible depuis l'hôte"), lead),
    };
    let inside = match &row.inside {
        Some(texts) => {
            let lead = if joined.is_some() { "─ " } else { "  " };
            Line::styled(format!("{lead}{inside_sign}{}", cells(texts, &columns[1], head)), inside_style)
        }
        None => blank(lang.pick("not visible from the box", "invisible depuis la boîte"), "  "),
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
    ["PID", "UID", "GID"].iter().any(|id| head.ends_with(id))
        || ["ID", "SIZE", "TAILLE", "USED", "EMPLOI"].contains(&head)
}

/// So many cells are kept for the name of a file.
const LEAST_NAME: usize = 15;

/// The widths of the columns, from what is shown; the last takes what is left.
fn columns(table: &Table, heads: &[String], shown: &[&Row], room: usize) -> Vec<usize> {
    let room = room.saturating_sub(LEAD);
    let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
    for texts in shown.iter().flat_map(|row| [&row.host, &row.inside]).flatten() {
        for (wide, text) in widths.iter_mut().zip(texts) {
            *wide = (*wide).max(width(text));
        }
    }
    let Some((last, others)) = widths.split_last_mut() else { return widths };
    for (wide, head) in others.iter_mut().zip(&table.head) {
        // An unnamed user is a long number: the command is what the eye looks for.
        let most = match *head {
            "USER" | "UTIL." => (room / 5).max(4),
            // What it has beside it has five columns of its own.
            "CAPABILITY" | "CAPACITÉ" => 16,
            _ => room * 45 / 100,
        };
        *wide = (*wide).min(most);
    }
    let mut left = room.saturating_sub(others.iter().map(|wide| *wide + 1).sum());
    // A group of ten digits, as root's boxes have, gives way to the name of the file.
    if let Some(at) = table.head.iter().position(|&head| head == "GID") {
        let give = LEAST_NAME.saturating_sub(left).min(others.get(at).map_or(0, |wide| wide.saturating_sub(3)));
        if let Some(wide) = others.get_mut(at) {
            *wide -= give;
        }
        left += give;
    }
    *last = left;
    widths
}

fn cells(texts: &[String], columns: &[usize], head: &[&str]) -> String {
    let cell = |((text, &wide), head): ((&String, &usize), &&str)| {
        if numeric(head) { pad_left(text, wide) } else { pad(text, wide) }
    };
    texts.iter().zip(columns).zip(head).map(cell).collect::<Vec<_>>().join(" ")
}
