//! The pane of control groups, across both halves: the tree of groups, the paths of the
//! box, and what the files say, with gauges and curves. A sign, a word or a number says
//! what a colour says. And all of one row, for the window that opens on it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::panes::{filter, sign, state};
use super::put;
use crate::i18n::Lang;
use crate::observe::twin::{self, FileRow};
use crate::say;
use crate::ui::groups::{Meter, Strip};
use crate::ui::layout::inner;
use crate::ui::markdown::wrap;
use crate::ui::model::{Focus, LessonScreen, Model};
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::{Role, Theme};
use crate::ui::twin::Row;

/// The cells before a row's text: a pointer and a sign.
const LEAD: usize = 4;
/// The cells of a gauge's frame, and of its number: `▕ ▏ 100 %`.
const FRAME: usize = 8;
/// The widest that a gauge and a curve are drawn.
const WIDEST: [usize; 2] = [24, 32];
/// From so many cells beside the values on, the names of version 1 have a column.
const ROOMY: usize = 64;

/// What a row's texts are, by their places.
const NAME: usize = 0;
const RAW: usize = 1;
const SAYS: usize = 2;
const LEGACY: usize = 3;
const RATE: usize = 4;

/// Draws the pane.
pub fn render(buffer: &mut Buffer, area: Rect, model: &Model, lesson: &LessonScreen) {
    let (lang, theme) = (model.lang, model.theme);
    let inside = inner(area);
    // A blank before the frame.
    let wide = usize::from(inside.width.saturating_sub(1));
    let snapshot = lesson.twins.snapshot.as_deref();
    let actor = snapshot.and_then(|snapshot| snapshot.actors.get(lesson.boxed()));
    let (name, state) = (safe(lesson.boxed()), state(snapshot, actor, lang));
    let mode = snapshot.and_then(|snapshot| snapshot.cgroups.as_ref()).map_or("", |all| all.mode.as_str());
    let title = say!(lang, " CGROUPS {mode} · BOX {name} {state}", " CGROUPS {mode} · BOÎTE {name} {state}");
    let title = filter(model, lesson, wide).unwrap_or(title);
    let title = fit(&title, wide);
    let rest = "─".repeat(usize::from(inside.width).saturating_sub(width(&title)));
    let line =
        Line::from_iter([Span::styled(title, theme.style(Role::Strong)), Span::styled(rest, theme.style(Role::Frame))]);
    put(buffer, Rect { y: area.y, height: 1, ..inside }, 0, &line);

    let (table, browse) = (&lesson.twins.table, &lesson.twins.browse);
    let shown = browse.shown(table, usize::from(inside.height));
    let rows: Vec<&Row> = shown.rows.iter().map(|&at| &table.rows[at]).collect();
    let widths = Widths::of(&rows, lesson, wide);
    for (at, (row, line)) in rows.iter().zip(0..).enumerate() {
        let selected = browse.cursor == Some(shown.first + at) && lesson.focus == Focus::Panes;
        put(buffer, inside, line, &draw(row, table.strips.get(&row.key), &widths, selected, lang, theme));
    }
    let below = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let folded = shown.folded.count();
    let quiet = |text: String| Line::styled(fit(&text, wide), theme.style(Role::Quiet));
    if folded > 0 {
        let text = say!(lang, "    … {folded} more lines", "    … et {folded} lignes de plus");
        put(buffer, inside, below, &quiet(text));
    } else if rows.is_empty() && !browse.filter.is_empty() {
        let text = say!(
            lang,
            "    no row says this; Esc clears the filter",
            "    aucune ligne ne contient cela ; Échap vide le filtre"
        );
        put(buffer, inside, below, &quiet(text));
    }
}

/// The cells of each part of a row.
#[derive(Debug, Default)]
struct Widths {
    wide: usize,
    /// Of a group's branches and name.
    stem: usize,
    /// Of the names of trees.
    trees: usize,
    name: usize,
    raw: usize,
    says: usize,
    gauge: usize,
    curve: usize,
    legacy: usize,
}

impl Widths {
    fn of(rows: &[&Row], lesson: &LessonScreen, wide: usize) -> Self {
        let strips = &lesson.twins.table.strips;
        let mut found = Self { wide, ..Self::default() };
        for row in rows {
            let Some(cells) = &row.host else { continue };
            let cell = |at: usize| cells.get(at).map_or(0, |cell| width(cell));
            match strips.get(&row.key) {
                Some(Strip::Group { .. }) => found.stem = found.stem.max(cell(NAME)),
                Some(Strip::Path) => found.trees = found.trees.max(cell(NAME)),
                Some(Strip::File(meter)) => {
                    found.name = found.name.max(cell(NAME));
                    found.says = found.says.max(cell(SAYS));
                    // Without anything beside it a value has the rest of the line.
                    if !cells[SAYS].is_empty() || !meter.curve.is_empty() {
                        found.raw = found.raw.max(cell(RAW));
                    }
                }
                Some(Strip::Note) | None => {}
            }
        }
        let room = wide.saturating_sub(LEAD);
        found.stem = found.stem.min(room / 3);
        found.trees = found.trees.min(room / 3);
        found.name = found.name.min(room * 2 / 5);
        found.raw = found.raw.clamp(6, 14).min(room / 5);
        found.says = found.says.min(room / 4);
        let rest = room.saturating_sub(found.name + found.raw + found.says + 3);
        let meters = if rest >= ROOMY { rest / 2 } else { rest };
        found.legacy = rest - meters;
        found.curve = (meters / 3).min(WIDEST[1]);
        found.gauge = meters.saturating_sub(found.curve + 1 + FRAME).min(WIDEST[0]);
        found
    }

    /// The cells of the gauge with its frame and number.
    fn meter(&self) -> usize {
        self.gauge + FRAME
    }
}

fn draw(row: &Row, strip: Option<&Strip>, widths: &Widths, selected: bool, lang: Lang, theme: Theme) -> Line<'static> {
    let Some(cells) = &row.host else { return Line::default() };
    let mut parts = match strip {
        Some(Strip::Group { boxed, .. }) if !row.gone => group(cells, *boxed, widths, theme),
        Some(Strip::Path) => path(cells, widths, lang, theme),
        Some(Strip::File(meter)) => file(cells, meter, widths, theme),
        Some(Strip::Note) => vec![Span::styled(cells.concat(), theme.style(Role::Quiet))],
        // What is gone.
        _ => vec![Span::styled(cells.join("  "), theme.style(Role::Quiet))],
    };
    let boxed = matches!(strip, Some(Strip::Group { boxed: true, .. }));
    let lead = format!("{}{}", if selected { "▸ " } else { "  " }, sign(row.marked[0], boxed));
    let changed = row.marked[0].is_some();
    let style = if changed { theme.style(Role::Warn) } else { theme.style(Role::Text) };
    parts.insert(0, Span::styled(lead, style));
    let mut left = widths.wide;
    for part in &mut parts {
        // Nothing stands beyond the pane, however wide a value is.
        part.content = fit(&part.content, left).into();
        left -= part.width();
        if changed {
            part.style = part.style.add_modifier(Modifier::BOLD);
        }
        if selected {
            part.style = part.style.patch(theme.style(Role::Selected));
        }
    }
    Line::from(parts)
}

fn group(cells: &[String], boxed: bool, widths: &Widths, theme: Theme) -> Vec<Span<'static>> {
    let room = widths.wide.saturating_sub(LEAD + widths.stem + 2);
    let uses = fit(&cells[2], room.saturating_sub(8));
    let who = room.saturating_sub(width(&uses) + 2);
    let name = if boxed { theme.style(Role::Strong) } else { theme.style(Role::Text) };
    vec![
        Span::styled(pad(&cells[0], widths.stem), name),
        Span::styled(format!("  {}  ", pad(&cells[1], who)), theme.style(Role::Quiet)),
        Span::styled(uses, theme.style(Role::Code)),
    ]
}

fn path(cells: &[String], widths: &Widths, lang: Lang, theme: Theme) -> Vec<Span<'static>> {
    let quiet = theme.style(Role::Quiet);
    let trees = Span::styled(format!("{}  ", pad(&cells[0], widths.trees)), quiet);
    let room = widths.wide.saturating_sub(LEAD + widths.trees + 2);
    let [outer, inner] = [lang.pick("HOST ", "HÔTE "), lang.pick("BOX ", "BOÎTE ")];
    if cells[1] == cells[2] {
        let both = say!(lang, "HOST = BOX ", "HÔTE = BOÎTE ");
        let path = tail(&cells[1], room.saturating_sub(width(&both)));
        return vec![trees, Span::styled(both, quiet), Span::styled(path, theme.style(Role::Text))];
    }
    let joint = format!(" ≠ {inner}");
    let room = room.saturating_sub(width(outer) + width(&joint));
    // The longer one has what the other leaves.
    let host = tail(&cells[1], room.saturating_sub(width(&cells[2]).min(room / 2)));
    let inside = tail(&cells[2], room.saturating_sub(width(&host)));
    let strong = theme.style(Role::Strong);
    vec![
        trees,
        Span::styled(outer, quiet),
        Span::styled(host, strong),
        Span::styled(joint, quiet),
        Span::styled(inside, strong),
    ]
}

fn file(cells: &[String], meter: &Meter, widths: &Widths, theme: Theme) -> Vec<Span<'static>> {
    let [text, code, quiet] = [Role::Text, Role::Code, Role::Quiet].map(|role| theme.style(role));
    let name = Span::styled(
        format!("{} ", pad(&cells[NAME], widths.name)),
        if meter.bad { theme.style(Role::Warn) } else { text },
    );
    if meter.unread {
        return vec![name, Span::styled(format!("? {}", cells[RAW]), theme.style(Role::Warn))];
    }
    let bare = cells[SAYS].is_empty() && meter.curve.is_empty() && meter.fill.is_none();
    if bare && width(&cells[RAW]) > widths.raw {
        let room = widths.wide.saturating_sub(LEAD + widths.name + 1 + width(&cells[RAW]) + 2);
        let legacy = if width(&cells[LEGACY]) <= room { cells[LEGACY].as_str() } else { "" };
        return vec![name, Span::styled(cells[RAW].clone(), code), Span::styled(format!("  {legacy}"), quiet)];
    }
    let mut parts = vec![
        name,
        Span::styled(format!("{} ", pad_left(&cells[RAW], widths.raw)), code),
        Span::styled(format!("{} ", pad_left(&cells[SAYS], widths.says)), theme.style(Role::Strong)),
    ];
    let used = |parts: &[Span<'_>]| parts.iter().map(Span::width).sum::<usize>();
    let start = used(&parts);
    // What moved so long ago that it is out of the picture is no curve any more.
    let drawn = &meter.curve[meter.curve.len().saturating_sub(widths.curve)..];
    let curve = if drawn.iter().any(|level| *level > 0) { drawn.len() } else { 0 };
    if let Some(fill) = meter.fill {
        parts.extend(gauge(fill, widths.gauge, theme));
    } else if !cells[RATE].is_empty() {
        parts.push(Span::styled(fit(&cells[RATE], widths.meter()), text));
    } else if curve == 0 || widths.legacy == 0 {
        // What an author types, where there is nothing else to see.
        let room = if curve == 0 { widths.meter() + 1 + widths.curve } else { widths.meter() };
        if widths.legacy == 0 {
            parts.push(Span::styled(fit(&cells[LEGACY], room), quiet));
        }
    }
    let fill = |parts: &mut Vec<Span<'static>>, to: usize| {
        let gap = to.saturating_sub(used(parts));
        parts.push(Span::raw(" ".repeat(gap)));
    };
    if curve > 0 {
        fill(&mut parts, start + widths.meter() + 1 + widths.curve - curve);
        parts.push(Span::styled(bars(drawn), code));
    }
    if widths.legacy > 0 {
        fill(&mut parts, start + widths.meter() + 1 + widths.curve);
        parts.push(Span::styled(format!("  {}", cells[LEGACY]), quiet));
    }
    parts
}

/// A bar between two marks, and the part in words.
fn gauge(fill: u64, cells: usize, theme: Theme) -> Vec<Span<'static>> {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let role = match fill {
        0..750 => Role::Good,
        750..1000 => Role::Warn,
        _ => Role::Bad,
    };
    let eighths = usize::try_from(fill.min(1000)).unwrap_or(1000) * cells * 8 / 1000;
    let bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    let quiet = theme.style(Role::Quiet);
    let percent = if fill > 9_999 { ">999".to_owned() } else { (fill / 10).to_string() };
    vec![
        Span::styled("▕", quiet),
        Span::styled(pad(&bar, cells), theme.style(role)),
        Span::styled("▏", quiet),
        Span::styled(pad_left(&format!("{percent} %"), FRAME - 2), theme.style(role)),
    ]
}

/// A curve, a cell for each level.
fn bars(levels: &[u8]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    levels.iter().map(|level| BARS[usize::from(*level).min(BARS.len() - 1)]).collect()
}

/// The end of a path: which group it is stands there.
fn tail(path: &str, cells: usize) -> String {
    if width(path) <= cells {
        return path.to_owned();
    }
    let mut end = String::new();
    for c in path.chars().rev() {
        let longer = format!("{c}{end}");
        if width(&longer) + 1 > cells {
            break;
        }
        end = longer;
    }
    fit(&format!("…{end}"), cells)
}

/// All that a row stands for, uncut.
pub(super) fn detail(
    lesson: &LessonScreen,
    row: &Row,
    strip: &Strip,
    lang: Lang,
    theme: Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let cells = row.host.as_deref().unwrap_or_default();
    let groups = lesson.twins.snapshot.as_deref().and_then(|now| twin::groups(now, lesson.boxed()));
    let mut page = Page { lines: Vec::new(), theme, room };
    match (strip, groups) {
        (Strip::Group { name, .. }, Some(groups)) => {
            let Some(row) = groups.tree.iter().find(|row| row.name == name) else {
                page.say("", &say!(lang, "This group is gone.", "Ce groupe a disparu."), Role::Text);
                return page.lines;
            };
            page.say("", &safe(name), Role::Strong);
            for member in &row.members {
                page.say("  ", &safe(&member.says(lang)), Role::Text);
            }
            if row.group.frozen == Some(true) {
                page.say(
                    "  ",
                    &say!(lang, "its members stand still (frozen)", "ses membres sont figés (gelé)"),
                    Role::Warn,
                );
            }
            for (controller, at) in &row.group.at {
                let (version, path) = (at.version, safe(&at.dir));
                page.say(&format!("  {}  ", pad(controller, 8)), &format!("v{version}  {path}"), Role::Code);
            }
        }
        (Strip::File(meter), Some(groups)) => {
            let (group, file, field) = &meter.of;
            let found =
                groups.files.iter().find(|one| (one.group, one.file, one.field) == (group, file, field.as_deref()));
            page.say("", &format!("{}  {}", safe(group), cells[NAME]), Role::Strong);
            match found {
                Some(found) => about(&mut page, found, lesson, lang),
                None => page.say("", &say!(lang, "It is gone.", "Il a disparu."), Role::Text),
            }
            if !meter.curve.is_empty() {
                page.say("  ", &bars(&meter.curve), Role::Code);
            }
        }
        (Strip::Path, _) => {
            page.say("", &cells[NAME], Role::Strong);
            let [host, inside] = [lang.pick("host  ", "hôte   "), lang.pick("box   ", "boîte  ")];
            page.say(host, &cells[1], Role::Code);
            page.say(inside, &cells[2], Role::Code);
        }
        _ => page.say("", &cells.concat(), Role::Text),
    }
    page.lines
}

/// A file: what it says, in every form, and where it is.
fn about(page: &mut Page, row: &FileRow<'_>, lesson: &LessonScreen, lang: Lang) {
    if let Ok(raw) = row.raw {
        page.say("  ", &format!("{}  {}", safe(raw), row.says(lang)), Role::Code);
    }
    if let Some((file, limit)) = row.limit.filter(|(file, _)| *file != "cpu.max") {
        let limit = twin::quantity(limit, row.unit, lang)
            + &if row.unit == twin::Unit::Bytes { String::new() } else { limit.to_string() };
        page.say("  ", &say!(lang, "held against {file}: {limit}", "rapporté à {file} : {limit}"), Role::Text);
    }
    let Some(group) = lesson.twins.snapshot.as_ref().and_then(|now| now.cgroups.as_ref()?.groups.get(row.group)) else {
        return;
    };
    let controller = row.file.split('.').next().unwrap_or_default();
    let dir =
        group.at.get(controller).or_else(|| group.at.values().next()).map_or_else(String::new, |at| safe(&at.dir));
    let file = group.files.get(row.file).and_then(|file| file.read());
    match file {
        Some(file) if !file.v1.is_empty() => {
            page.say("", &say!(lang, "Here it is, in version 1:", "Ici, en version 1 :"), Role::Text);
            for old in &file.v1 {
                page.say("  ", &format!("{dir}/{}", safe(&old.name)), Role::Strong);
                old.value.lines().for_each(|line| page.say("    ", &safe(line), Role::Code));
            }
        }
        Some(file) => {
            page.say("  ", &format!("{dir}/{}", safe(&file.name)), Role::Strong);
            file.value.lines().for_each(|line| page.say("    ", &safe(line), Role::Code));
            let names = row.legacy.join(", ");
            let text = if names.is_empty() {
                say!(lang, "Version 1 has no such file.", "La version 1 n'a pas de tel fichier.")
            } else {
                say!(lang, "In version 1: {names}", "En version 1 : {names}")
            };
            page.say("", &text, Role::Text);
        }
        None => {}
    }
}

/// Lines of a window.
struct Page {
    lines: Vec<Line<'static>>,
    theme: Theme,
    room: usize,
}

impl Page {
    fn say(&mut self, lead: &str, text: &str, role: Role) {
        let style: Style = self.theme.style(role);
        self.lines.extend(wrap(&[(text.trim_end().to_owned(), style)], lead, self.room));
    }
}
