//! Draws a replay: the picture, the list of steps beside or over it, and a foot that always
//! says that this is a recording.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

use super::{Player, SPEEDS};
use crate::say;
use crate::ui::safe::{fit, pad, pad_left, safe, width};
use crate::ui::theme::Role;

/// Columns of the list, its frame among them.
const LIST: u16 = 34;

impl Player {
    /// Draws all.
    pub fn render(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let foot = Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area };
        let mut room = Rect { height: area.height.saturating_sub(1), ..area };
        let (rows, cols) = self.screen.size();
        let beside = area.width >= cols.saturating_add(LIST);
        let choosing = self.chosen.is_some() || self.typed.is_some();
        let list = choosing || ((beside && !self.chapters.is_empty()) != self.toggled);
        let high = u16::try_from(self.chapters.len().max(1) + 2).unwrap_or(u16::MAX);
        let list_area = Rect { width: LIST.min(area.width), height: high.min(room.height), ..room };
        if list && beside {
            room = Rect { x: room.x + LIST, width: room.width - LIST, ..room };
        }
        let used = self.screen.used();
        let shown = self.picture(frame, room, used);
        if list {
            self.list(frame, list_area);
        }
        let cut = used.bottom() > shown.bottom() || used.right() > shown.right();
        self.foot(frame, foot, cut.then_some((cols, rows)));
    }

    /// The picture in the middle, in a frame where there is room for one. Where it has not
    /// enough, blank edges go first (`used`: what is not blank); the cells that are shown.
    fn picture(&self, frame: &mut Frame<'_>, room: Rect, used: Rect) -> Rect {
        let (rows, cols) = self.screen.size();
        let shown = Rect {
            x: room.x + room.width.saturating_sub(cols) / 2,
            y: room.y + room.height.saturating_sub(rows) / 2,
            width: cols.min(room.width),
            height: rows.min(room.height),
        };
        let from = Position::new(used.x.min(cols - shown.width), used.y.min(rows - shown.height));
        frame.render_widget(self.screen.widget(self.theme.coloured()).from(from), shown);
        if room.width >= cols + 2 && room.height >= rows + 2 {
            let around = Rect { x: shown.x - 1, y: shown.y - 1, width: shown.width + 2, height: shown.height + 2 };
            let style = self.theme.style(Role::Frame);
            let room = usize::from(shown.width.saturating_sub(4));
            let words = [safe(&self.recording.title), self.made.clone().unwrap_or_default()];
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let name = if words.is_empty() || room < 8 {
                String::new()
            } else {
                format!(" {} ", fit(&words.join(" · "), room))
            };
            frame.render_widget(Block::bordered().border_style(style).title(name), around);
        }
        if let Some(cursor) = self.screen.cursor_from(from, shown) {
            frame.set_cursor_position(cursor);
        }
        Rect::from((from, shown.as_size()))
    }

    fn list(&self, frame: &mut Frame<'_>, area: Rect) {
        let (lang, theme) = (self.lang, self.theme);
        frame.render_widget(Clear, area);
        let title = say!(lang, " steps ", " étapes ");
        let made = self.made.as_ref().map(|made| format!(" {made} ")).unwrap_or_default();
        let block = Block::bordered().border_style(theme.style(Role::Frame)).title(title).title_bottom(made);
        frame.render_widget(block, area);
        let inside = crate::ui::layout::inner(area);
        if self.chapters.is_empty() {
            let text = say!(lang, "no step is marked", "aucune étape repérée");
            frame.render_widget(
                Line::styled(fit(&text, usize::from(inside.width)), theme.style(Role::Quiet)),
                Rect { height: inside.height.min(1), ..inside },
            );
            return;
        }
        let current = self.current();
        let chosen = self.chosen.or(current).unwrap_or(0);
        let high = usize::from(inside.height).max(1);
        // The chosen one is in sight, with what follows.
        let first = (chosen + 2).saturating_sub(high).min(self.chapters.len().saturating_sub(high));
        let digits = self.chapters.len().to_string().len();
        for (row, (index, chapter)) in (0..inside.height).zip(self.chapters.iter().enumerate().skip(first)) {
            let number = index + 1;
            let sign = if current == Some(index) { "▶" } else { " " };
            let time = clock(chapter.at);
            let lead = format!("{sign}{} ", pad_left(&number.to_string(), digits));
            let room = usize::from(inside.width).saturating_sub(width(&lead) + width(&time) + 1);
            let text = format!("{lead}{} {time}", pad(&safe(&self.name(index)), room));
            let mut style = theme.style(if current == Some(index) { Role::Key } else { Role::Text });
            if self.chosen == Some(index) {
                style = style.add_modifier(Modifier::REVERSED);
            }
            frame.render_widget(Line::styled(text, style), Rect { y: inside.y + row, height: 1, ..inside });
        }
    }

    /// The name of a step, without the number that stands before it anyway.
    fn name(&self, index: usize) -> String {
        let name = &self.chapters[index].name;
        name.strip_prefix(&format!("{}. ", index + 1)).unwrap_or(name).to_owned()
    }

    /// That it is a recording, where it stands, and the keys. `cut`: the size of a picture
    /// of which not all is seen.
    fn foot(&self, frame: &mut Frame<'_>, area: Rect, cut: Option<(u16, u16)>) {
        let (lang, theme) = (self.lang, self.theme);
        let badge = say!(lang, " REPLAY ", " REDIFFUSION ");
        let mut spans = vec![Span::styled(badge, theme.style(Role::Warn).add_modifier(Modifier::REVERSED))];
        let state = match (self.ended(), self.paused) {
            (true, _) => say!(lang, "■ end", "■ fin"),
            (false, true) => say!(lang, "‖ paused", "‖ en pause"),
            (false, false) => "▶".to_owned(),
        };
        let times = format!(" {state} {}/{}", clock(self.at), clock(self.end));
        spans.push(Span::styled(times, theme.style(Role::Strong)));
        if self.speed != SPEEDS[2] {
            let (whole, part) = (self.speed / 100, self.speed % 100);
            let part = format!("{part:02}");
            let point = lang.pick(".", ",");
            let part = part.trim_end_matches('0');
            let speed = if part.is_empty() { format!(" {whole}×") } else { format!(" {whole}{point}{part}×") };
            spans.push(Span::styled(speed, theme.style(Role::Strong)));
        }
        if let Some((cols, rows)) = cut {
            let text = say!(lang, " cut: {cols}×{rows}", " coupé : {cols}×{rows}");
            spans.push(Span::styled(text, theme.style(Role::Warn)));
        }
        if let Some(typed) = &self.typed {
            let most = self.chapters.len();
            let text = say!(
                lang,
                "  step (1 to {most}): {typed}▏ Enter: go",
                "  étape (1 à {most}) : {typed}▏ Entrée : y aller"
            );
            spans.push(Span::styled(text, theme.style(Role::Key)));
        }
        let used: usize = spans.iter().map(|span| width(&span.content)).sum();
        let mut room = usize::from(area.width).saturating_sub(used);
        let step =
            self.current().map(|index| format!("  {}/{} {}", index + 1, self.chapters.len(), safe(&self.name(index))));
        let step = step.filter(|_| self.typed.is_none()).unwrap_or_default();
        // The keys with words where these have room, else the keys alone.
        let long = self.keys();
        let keys_width = |words: bool| -> usize {
            long.iter().map(|(key, word)| width(key) + if words { width(word) + 3 } else { 1 }).sum()
        };
        let words = keys_width(true) + width(&step).min(24) < room;
        let step_room = room.saturating_sub(keys_width(words) + 1);
        let step = fit(&step, step_room);
        room = room.saturating_sub(width(&step) + keys_width(words));
        spans.push(Span::raw(step));
        spans.push(Span::raw(" ".repeat(room)));
        let fit = keys_width(words) <= usize::from(area.width).saturating_sub(used);
        for (key, word) in long.iter().filter(|_| fit) {
            spans.push(Span::styled(format!(" {key}"), theme.style(Role::Key)));
            if words {
                spans.push(Span::raw(format!(" {word} ")));
            }
        }
        frame.render_widget(Line::from(spans), area);
    }

    fn keys(&self) -> [(&'static str, &'static str); 6] {
        let lang = self.lang;
        let play = match (self.ended(), self.paused) {
            (true, _) => lang.pick("again", "rejouer"),
            (_, true) => lang.pick("play", "lire"),
            _ => lang.pick("pause", "pause"),
        };
        [
            (lang.pick("Space", "Espace"), play),
            ("←→", lang.pick("step", "étape")),
            ("g", lang.pick("go to", "aller à")),
            ("Tab", lang.pick("list", "liste")),
            ("+-", lang.pick("speed", "vitesse")),
            ("q", lang.pick("leave", "quitter")),
        ]
    }
}

/// `3:07`, `1:02:03`.
fn clock(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}
