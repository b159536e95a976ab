//! The notes: this step's, the next one, the clock and the time left, what the room
//! sees, and the keys of the wall. State, keys and drawing; the loop is the
//! composition root's.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::wire::{Kind, Outlook, StepNotes};
use crate::i18n::Lang;
use crate::say;
use crate::ui::event::Order;
use crate::ui::keymap::{Context, Intent, lookup};
use crate::ui::markdown;
use crate::ui::projector::letter;
use crate::ui::safe::{fit, pad, safe, width};
use crate::ui::theme::{Role, Theme};

/// The narrowest place in which what the room sees can be made out.
const LEAST_PREVIEW: u16 = 6;

/// The notes' own state.
pub struct Console {
    theme: Theme,
    /// The language before anything was heard.
    lang: Lang,
    outlook: Option<Outlook>,
    /// When the demonstration was first heard of, and when this step began.
    begun: Instant,
    entered: Instant,
    /// Hands, or the number of a step, as they are being typed.
    entry: Option<(Entry, String)>,
    scroll: usize,
}

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Hands,
    Step,
}

/// What a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Draw again.
    Draw,
    /// Tell the wall.
    Tell(Order),
    /// Leave the notes; the wall stays.
    Leave,
}

impl Console {
    /// Notes that have heard nothing yet.
    pub fn new(theme: Theme, lang: Lang, now: Instant) -> Self {
        Self { theme, lang, outlook: None, begun: now, entered: now, entry: None, scroll: 0 }
    }

    /// The language that it speaks: the wall's.
    pub fn lang(&self) -> Lang {
        self.outlook.as_ref().map_or(self.lang, |outlook| outlook.lang)
    }

    /// The wall has changed.
    pub fn hear(&mut self, outlook: Outlook, now: Instant) {
        let before = self.outlook.as_ref().map(|before| before.step);
        if before.is_none() {
            self.begun = now;
        }
        if before != Some(outlook.step) {
            (self.entered, self.scroll, self.entry) = (now, 0, None);
        }
        self.outlook = Some(outlook);
    }

    /// When the clock shows something else.
    pub fn deadline(&self, now: Instant) -> Instant {
        let shown = now.duration_since(self.begun);
        now + Duration::from_nanos(1_000_000_000 - u64::from(shown.subsec_nanos()))
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Answer {
        if let Some((entry, typed)) = &mut self.entry {
            let entry = *entry;
            match key.code {
                KeyCode::Char(c) if (c.is_ascii_digit() || c == ' ') && typed.len() < 40 => typed.push(c),
                KeyCode::Backspace => drop(typed.pop()),
                KeyCode::Esc => self.entry = None,
                KeyCode::Enter => {
                    let typed = std::mem::take(typed);
                    self.entry = None;
                    return match (entry, typed.trim().parse::<usize>()) {
                        (Entry::Hands, _) => Answer::Tell(Order::Hands(typed)),
                        (Entry::Step, Ok(step)) if step > 0 => Answer::Tell(Order::Goto(step - 1)),
                        (Entry::Step, _) => Answer::Draw,
                    };
                }
                _ => {}
            }
            return Answer::Draw;
        }
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (key.code, lookup(Context::Projector, key)) {
            (KeyCode::Char('q'), _) if plain => Answer::Leave,
            (KeyCode::Char('c'), _) if !plain => Answer::Leave,
            (KeyCode::Char('Q'), _) if plain => Answer::Tell(Order::Leave),
            (KeyCode::Up, _) => {
                self.scroll = self.scroll.saturating_sub(1);
                Answer::Draw
            }
            (KeyCode::Down, _) => {
                self.scroll += 1;
                Answer::Draw
            }
            (_, Some(Intent::Count)) => {
                let asks = self.outlook.as_ref().is_some_and(|outlook| !outlook.choices.is_empty());
                self.entry = asks.then(|| (Entry::Hands, String::new()));
                Answer::Draw
            }
            (_, Some(Intent::Steps)) => {
                self.entry = Some((Entry::Step, String::new()));
                Answer::Draw
            }
            // The wall's keyboard is where the shell is.
            (_, None | Some(Intent::Quit | Intent::Shell | Intent::Help | Intent::Doctor | Intent::Prefix)) => {
                Answer::Draw
            }
            (_, Some(intent)) => Answer::Tell(Order::Do(intent)),
        }
    }

    /// Draws all.
    pub fn render(&self, frame: &mut Frame<'_>, now: Instant) {
        let area = frame.area();
        let lang = self.lang();
        let Some(outlook) = &self.outlook else {
            let text = say!(lang, "Waiting for the wall …", "En attente de l'écran …");
            frame.render_widget(Line::raw(text), area);
            return;
        };
        let wide = area.width >= 100;
        let left_wide = if wide { area.width / 2 } else { area.width };
        let mut y = self.head(frame, outlook, now);
        let foot = area.bottom().saturating_sub(1);
        let preview_high = if wide { 0 } else { (foot.saturating_sub(y)) / 3 };
        let left = Rect {
            x: area.x + 1,
            y,
            width: left_wide.saturating_sub(2),
            height: foot.saturating_sub(y + preview_high),
        };
        self.notes(frame, outlook, left);
        if wide {
            let right = Rect { x: left_wide, y, width: area.width - left_wide, height: foot.saturating_sub(y) };
            self.preview(frame, outlook, right);
        } else if preview_high >= LEAST_PREVIEW {
            y = left.bottom();
            self.preview(frame, outlook, Rect { x: area.x, y, width: area.width, height: preview_high });
        }
        self.foot(frame, outlook, Rect { y: foot, height: 1, ..area });
    }

    /// The title, the clock, the time left; what went wrong. The first row below.
    fn head(&self, frame: &mut Frame<'_>, outlook: &Outlook, now: Instant) -> u16 {
        let area = frame.area();
        let (lang, theme) = (self.lang(), self.theme);
        let total = outlook.steps.len();
        let step = outlook.step + 1;
        let seconds = |since: Instant| now.saturating_duration_since(since).as_secs();
        let all = u64::from(outlook.minutes) * 60;
        // What is left, shared out among the steps that are left.
        let left = all.saturating_sub(seconds(self.begun).saturating_sub(seconds(self.entered)));
        let each = left / (total - outlook.step).max(1) as u64;
        let here = seconds(self.entered);
        let (clock, whole, spent, share) = (minutes(seconds(self.begun)), minutes(all), minutes(here), minutes(each));
        let text = say!(
            lang,
            " {clock} of {whole}   step {step}/{total}: {spent} of {share} ",
            " {clock} sur {whole}   étape {step}/{total} : {spent} sur {share} "
        );
        let late = if here > each { Role::Warn } else { Role::Strong };
        let room = usize::from(area.width).saturating_sub(width(&text) + 1);
        let title = pad(&fit(&format!(" {}", safe(&outlook.title)), room), room);
        let line =
            Line::from_iter([Span::styled(title, theme.style(Role::Strong)), Span::styled(text, theme.style(late))]);
        frame.render_widget(
            line.style(theme.style(Role::Strong).add_modifier(Modifier::REVERSED)),
            Rect { height: 1, ..area },
        );
        let mut y = area.y + 1;
        for (text, role) in self.state(outlook) {
            for line in markdown::wrap(&[(text, theme.style(role))], " ! ", usize::from(area.width.saturating_sub(1))) {
                frame.render_widget(line, Rect { y, height: 1, ..area }.intersection(area));
                y += 1;
            }
        }
        y + 1
    }

    /// What a presenter must know before anything else.
    fn state(&self, outlook: &Outlook) -> Vec<(String, Role)> {
        let lang = self.lang();
        let mut told = Vec::new();
        if let Some(trouble) = &outlook.trouble {
            let trouble = safe(&trouble.lines().collect::<Vec<_>>().join(" "));
            told.push((say!(lang, "{trouble} (R: this step again)", "{trouble} (R : refaire cette étape)"), Role::Bad));
        }
        if let Some(why) = &outlook.unrecorded {
            told.push((safe(why), Role::Bad));
        }
        if outlook.blank {
            told.push((say!(lang, "The wall is blank (b).", "L'écran de la salle est vide (b)."), Role::Warn));
        }
        if let Some(shell) = &outlook.shell {
            let shell = safe(shell);
            told.push((
                say!(
                    lang,
                    "The wall's keyboard types in the shell {shell} (F2 there: back).",
                    "Le clavier de l'écran tape dans le shell {shell} (F2 là-bas : retour)."
                ),
                Role::Warn,
            ));
        }
        if outlook.moving {
            told.push((
                say!(
                    lang,
                    "Slow motion (Space: the next call, r: all of them).",
                    "Au ralenti (Espace : l'appel suivant, r : tous)."
                ),
                Role::Warn,
            ));
        }
        if let Some(held) = outlook.auto {
            let text = if held {
                say!(lang, "Auto-play waits (a: go on).", "L'avance automatique attend (a : continuer).")
            } else {
                say!(lang, "It goes on by itself (a: wait).", "La démonstration avance toute seule (a : attendre).")
            };
            told.push((text, Role::Warn));
        }
        told
    }

    fn notes(&self, frame: &mut Frame<'_>, outlook: &Outlook, area: Rect) {
        let (lang, theme, room) = (self.lang(), self.theme, usize::from(area.width));
        let mut lines = self.about(&outlook.here, room);
        for (at, choice) in outlook.choices.iter().enumerate() {
            let letter = letter(at);
            let text = markdown::lines(choice, room.saturating_sub(4).max(1), theme);
            lines.extend(text.into_iter().enumerate().map(|(row, line)| {
                let lead = if row == 0 { format!("{letter}   ") } else { "    ".to_owned() };
                std::iter::once(Span::raw(lead)).chain(line.spans).collect()
            }));
        }
        lines.push(Line::default());
        match &outlook.next {
            Some(next) => {
                lines.push(Line::styled(say!(lang, "── next ──", "── ensuite ──"), theme.style(Role::Quiet)));
                lines.extend(self.about(next, room));
            }
            None => lines.push(Line::styled(
                say!(lang, "── the last step ──", "── dernière étape ──"),
                theme.style(Role::Quiet),
            )),
        }
        let most = lines.len().saturating_sub(usize::from(area.height));
        for (row, line) in (0..area.height).zip(lines.into_iter().skip(self.scroll.min(most))) {
            frame.render_widget(line, Rect { y: area.y + row, height: 1, ..area });
        }
    }

    fn about(&self, step: &StepNotes, room: usize) -> Vec<Line<'static>> {
        let (lang, theme) = (self.lang(), self.theme);
        let kind = match step.kind {
            Kind::Shows => "",
            Kind::Asks => lang.pick(" (question)", " (question)"),
            Kind::Task => lang.pick(" (task)", " (exercice)"),
        };
        let mut lines =
            markdown::wrap(&[(format!("{}{kind}", safe(&step.title)), theme.style(Role::Strong))], "", room);
        match &step.notes {
            Some(notes) => lines.extend(markdown::lines(notes, room, theme)),
            None => lines.push(Line::styled(say!(lang, "(no notes)", "(pas de notes)"), theme.style(Role::Quiet))),
        }
        lines
    }

    /// What the room sees: as much of it as fits, blank edges left out.
    fn preview(&self, frame: &mut Frame<'_>, outlook: &Outlook, area: Rect) {
        let (lang, theme) = (self.lang(), self.theme);
        let title = say!(lang, " what the room sees ", " ce que voit la salle ");
        let block = ratatui::widgets::Block::bordered().title(title).border_style(theme.style(Role::Frame));
        frame.render_widget(block, area);
        let inside = crate::ui::layout::inner(area);
        let rows: Vec<&str> = outlook.screen.iter().map(String::as_str).collect();
        let used = |row: &&str| !row.trim().is_empty();
        let first = rows.iter().position(used).unwrap_or(0);
        let last = rows.iter().rposition(used).map_or(0, |at| at + 1);
        let edge = rows.iter().filter(|row| used(row)).map(|row| row.len() - row.trim_start().len()).min().unwrap_or(0);
        for (y, row) in (0..inside.height).zip(rows.get(first..last).unwrap_or_default()) {
            let text = fit(&safe(row.get(edge..).unwrap_or_default()), usize::from(inside.width));
            frame.render_widget(Line::raw(text), Rect { y: inside.y + y, height: 1, ..inside });
        }
    }

    fn foot(&self, frame: &mut Frame<'_>, outlook: &Outlook, area: Rect) {
        let (lang, theme) = (self.lang(), self.theme);
        if let Some((entry, typed)) = &self.entry {
            let text = match entry {
                Entry::Hands => say!(
                    lang,
                    " hands for A, B, C …: {typed}▏  Enter: show",
                    " mains pour A, B, C … : {typed}▏  Entrée : montrer"
                ),
                Entry::Step => {
                    let total = outlook.steps.len();
                    say!(
                        lang,
                        " step (1 to {total}): {typed}▏  Enter: go",
                        " étape (1 à {total}) : {typed}▏  Entrée : y aller"
                    )
                }
            };
            frame.render_widget(Line::styled(text, theme.style(Role::Strong)), area);
            return;
        }
        let asks = !outlook.choices.is_empty();
        let mut keys: Vec<(&str, &str)> = Vec::new();
        if asks {
            keys.push(("r", lang.pick("reveal", "révéler")));
            keys.push(("v", lang.pick("hands", "mains")));
        } else {
            keys.push((lang.pick("Space", "Espace"), lang.pick("next", "suite")));
        }
        if outlook.can_type {
            keys.push((
                "t",
                match outlook.typing {
                    None => lang.pick("type it", "taper"),
                    Some(false) => lang.pick("pause", "pause"),
                    Some(true) => lang.pick("go on", "continuer"),
                },
            ));
        }
        keys.extend([
            ("←", lang.pick("back", "retour")),
            ("g", lang.pick("go to", "aller à")),
            ("R", lang.pick("again", "refaire")),
            ("m", lang.pick("slow", "ralenti")),
            ("b", lang.pick("blank", "vide")),
            ("s", lang.pick("spotlight", "projecteur")),
            ("q", lang.pick("leave the notes", "quitter les notes")),
            ("Q", lang.pick("end the demo", "finir la démo")),
        ]);
        let spans = keys.into_iter().flat_map(|(key, label)| {
            [Span::styled(format!(" {key}"), theme.style(Role::Key)), Span::raw(format!(" {label} "))]
        });
        frame.render_widget(spans.collect::<Line>(), area);
    }
}

/// `3:07`.
fn minutes(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
