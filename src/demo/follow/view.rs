//! Draws the follower's screen: the steps so far as one text; how the connection is, and
//! the keys, at the foot. Every text of the wall's goes through `safe`.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::reader::{Reader, State};
use super::wire::{Call, Page, Stand, Texts};
use crate::i18n::Lang;
use crate::say;
use crate::ui::markdown;
use crate::ui::projector::letter;
use crate::ui::safe::width as cells;
use crate::ui::safe::{fit, pad, safe};
use crate::ui::theme::{Role, Theme};

/// Lines that are longer are hard to read.
const WIDEST: u16 = 100;
/// The title, what there is to say, and the keys.
const BARS: u16 = 3;

/// The cells of a line of text on a terminal of this size.
pub(super) fn width(size: Size) -> usize {
    usize::from(size.width.saturating_sub(2).clamp(1, WIDEST))
}

/// The rows of text on a terminal of this size.
pub(super) fn high(size: Size) -> usize {
    usize::from(size.height.saturating_sub(BARS))
}

impl Reader {
    /// Draws all, for the size that it was laid out for.
    pub fn render(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let row = |y: u16| Rect { y, height: 1, ..area }.intersection(area);
        frame.render_widget(self.head(usize::from(area.width)), row(0));
        let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        let lines = self.pages.values().flat_map(|shown| &shown.lines).skip(self.top().0);
        for (y, line) in (1..).zip(lines.take(high(self.size))) {
            frame.render_widget(line, Rect { y, height: 1, ..inside }.intersection(area));
        }
        if self.pages.is_empty() {
            for (y, line) in (2..).zip(self.welcome()) {
                frame.render_widget(line, Rect { y, height: 1, ..inside }.intersection(area));
            }
        }
        if area.height >= BARS {
            frame.render_widget(self.told(), row(area.height - 2));
            frame.render_widget(self.keys(), row(area.height - 1));
        }
    }

    fn head(&self, wide: usize) -> Line<'static> {
        let (lang, theme) = (self.lang, self.theme);
        let right = match &self.stand {
            Some(Stand { at, steps, .. }) => {
                let at = at + 1;
                say!(lang, " the wall: step {at}/{steps} ", " l'écran : étape {at}/{steps} ")
            }
            None => String::new(),
        };
        let title = self.stand.as_ref().map_or_else(|| "cloison follow".to_owned(), |stand| own(&stand.title, lang));
        let room = wide.saturating_sub(cells(&right));
        Line::raw(pad(&fit(&format!(" {}", safe(&title)), room), room) + &right)
            .style(theme.style(Role::Strong).add_modifier(Modifier::REVERSED))
    }

    /// Before anything was heard.
    fn welcome(&self) -> Vec<Line<'static>> {
        let lang = self.lang;
        let text = match self.state {
            State::Asking(..) => say!(
                lang,
                "The code stands at the foot of the wall, the screen that the room looks at. Type it and press Enter; capitals and blanks don't matter.",
                "Le code est au bas de l'écran de la salle. Tapez-le, puis Entrée ; majuscules et espaces sont sans importance."
            ),
            State::Joining | State::Following => say!(lang, "⋯ on the way in", "⋯ connexion en cours"),
            State::Lost(_) | State::Ended(_) => String::new(),
        };
        markdown::wrap(&[(text, self.theme.style(Role::Text))], "", width(self.size))
    }

    /// What there is to say: how the connection is, or that there is something new.
    fn told(&self) -> Line<'static> {
        let (lang, theme) = (self.lang, self.theme);
        match &self.state {
            State::Asking(typed, why) => {
                let why = why.as_ref().map_or_else(String::new, |why| format!(" {} ", safe(&own(why, lang))));
                let asked = say!(lang, " Code: {typed}▏", " Code : {typed}▏");
                Line::from_iter([
                    Span::styled(asked, theme.style(Role::Key)),
                    Span::raw("  "),
                    Span::styled(why, theme.style(Role::Bad)),
                ])
            }
            State::Lost(why) => {
                let why = safe(&own(why, lang));
                Line::styled(
                    say!(lang, " {why} Trying again …", " {why} Nouvelle tentative …"),
                    theme.style(Role::Warn),
                )
            }
            State::Ended(why) => Line::styled(format!(" {}", safe(&own(why, lang))), theme.style(Role::Warn)),
            _ if self.news => {
                Line::styled(say!(lang, " ▼ something new (End)", " ▼ du nouveau (Fin)"), theme.style(Role::Warn))
            }
            _ if self.goes_on() => Line::styled(
                say!(lang, " ▼ the step goes on (PgDn)", " ▼ l'étape continue (PgSuiv)"),
                theme.style(Role::Key),
            ),
            State::Joining | State::Following => Line::default(),
        }
    }

    fn keys(&self) -> Line<'static> {
        let (lang, theme) = (self.lang, self.theme);
        let language = ("F7", lang.pick("français", "English"));
        let shown = if matches!(self.state, State::Asking(..)) {
            vec![
                (lang.pick("Enter", "Entrée"), lang.pick("go in", "entrer")),
                language,
                (lang.pick("Esc", "Échap"), lang.pick("leave", "quitter")),
            ]
        } else {
            vec![
                language,
                (lang.pick("↑↓ PgUp PgDn", "↑↓ PgPréc PgSuiv"), lang.pick("scroll", "défiler")),
                ("F8 F9", lang.pick("steps", "étapes")),
                (lang.pick("End", "Fin"), lang.pick("newest", "au présent")),
                ("q", lang.pick("leave", "quitter")),
            ]
        };
        let spans = shown.into_iter().flat_map(|(key, label)| {
            [Span::styled(format!(" {key}"), theme.style(Role::Key)), Span::raw(format!(" {label} "))]
        });
        spans.collect()
    }
}

/// A text in one language.
fn own(texts: &Texts, lang: Lang) -> String {
    let [en, fr] = texts;
    lang.pick(en, fr).clone()
}

/// The lines of a step; the last one is empty.
pub(super) fn lines(page: &Page, stand: &Stand, lang: Lang, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut text = Text { lang, theme, width, lines: Vec::new() };
    let here = stand.at == page.step;
    text.heading(page, stand.steps, here);
    text.markdown(&own(&page.text, lang));
    for (at, choice) in page.choices.iter().enumerate() {
        let (sign, role) = if choice.came_true { ("▶", Role::Good) } else { (" ", Role::Key) };
        text.bullet(&format!("{sign} {}  ", letter(at)), &own(&choice.texts, lang), role);
        let (hands, kernel) = (choice.hands, lang.pick("◀ the kernel", "◀ le noyau"));
        let hands = hands.map(|hands| {
            if lang.pick(hands == 1, hands < 2) {
                say!(lang, "{hands} hand", "{hands} main")
            } else {
                say!(lang, "{hands} hands", "{hands} mains")
            }
        });
        let more: Vec<String> = hands.into_iter().chain(choice.came_true.then(|| kernel.to_owned())).collect();
        if !more.is_empty() {
            text.plain("     ", &more.join("  "), role);
        }
    }
    text.gap(!page.choices.is_empty());
    text.checks(page);
    for typed in &page.typed {
        let shell = safe(&typed.shell);
        text.plain(&format!("{shell}$ "), &typed.line, if typed.failed { Role::Bad } else { Role::Code });
    }
    text.gap(!page.typed.is_empty());
    if let Some(why) = &page.why {
        text.markdown(&own(why, lang));
    }
    text.calls(page);
    if here && stand.busy {
        text.plain("", &say!(lang, "⋯ the lab is at work", "⋯ le labo est au travail"), Role::Quiet);
        text.gap(true);
    }
    text.lines
}

struct Text {
    lang: Lang,
    theme: Theme,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Text {
    fn heading(&mut self, page: &Page, steps: u32, here: bool) {
        let step = page.step + 1;
        let title = own(&page.title, self.lang);
        let of = if steps > page.step { format!("{step}/{steps}") } else { step.to_string() };
        let sign = if here { "▶ " } else { "" };
        self.plain("", &format!("{sign}{of}  {title}"), Role::Focus);
        self.gap(true);
    }

    fn gap(&mut self, wanted: bool) {
        if wanted {
            self.lines.push(Line::default());
        }
    }

    fn markdown(&mut self, text: &str) {
        let lines = markdown::lines(text, self.width, self.theme);
        let any = !lines.is_empty();
        self.lines.extend(lines);
        self.gap(any);
    }

    /// Plain text behind a lead.
    fn plain(&mut self, lead: &str, text: &str, role: Role) {
        self.lines.extend(markdown::wrap(&[(safe(text), self.theme.style(role))], lead, self.width));
    }

    /// Markdown of a line or two behind a lead.
    fn bullet(&mut self, lead: &str, text: &str, role: Role) {
        let indent = cells(lead);
        let lines = markdown::lines(text, self.width.saturating_sub(indent).max(1), self.theme);
        let style = self.theme.style(role);
        self.lines.extend(lines.into_iter().enumerate().map(|(row, line)| {
            let lead = if row == 0 { lead.to_owned() } else { " ".repeat(indent) };
            std::iter::once(Span::styled(lead, style)).chain(line.spans).collect()
        }));
    }

    fn checks(&mut self, page: &Page) {
        for check in &page.checks {
            let (sign, role) = if check.holds { ("✓  ", Role::Good) } else { ("·  ", Role::Quiet) };
            self.bullet(sign, &own(&check.label, self.lang), role);
        }
        if page.done {
            self.plain("", self.lang.pick("✓ Done.", "✓ Réussi."), Role::Good);
        }
        self.gap(page.done || !page.checks.is_empty());
    }

    fn calls(&mut self, page: &Page) {
        if page.calls.is_empty() {
            return;
        }
        let (lang, left_out) = (self.lang, page.left_out);
        self.plain("", lang.pick("Calls of this step", "Appels de cette étape"), Role::Strong);
        if left_out > 0 {
            let text = say!(
                lang,
                "… {left_out} earlier ones are not listed",
                "… {left_out} appels plus anciens ne sont pas listés"
            );
            self.plain("  ", &text, Role::Quiet);
        }
        let several = page.calls.iter().any(|call| call.who != page.calls[0].who);
        for call in &page.calls {
            self.call(call, several);
        }
        self.gap(true);
    }

    fn call(&mut self, call: &Call, several: bool) {
        let who = if several { format!("{}: ", call.who) } else { String::new() };
        let (result, sign, role) = match &call.result {
            Some(Ok(value)) => (format!("= {value}"), "  ", Role::Text),
            Some(Err(why)) => (format!("= -1 {}", own(why, self.lang)), "✗ ", Role::Bad),
            None => ("= ?".to_owned(), "  ", Role::Quiet),
        };
        let pieces = [
            (safe(&format!("{who}{} ", call.text)), self.theme.style(Role::Code)),
            (safe(&result), self.theme.style(role)),
        ];
        let mut lines = markdown::wrap(&pieces, sign, self.width);
        if let Some(lead) = lines.first_mut().and_then(|line| line.spans.first_mut()) {
            lead.style = self.theme.style(role);
        }
        self.lines.extend(lines);
    }
}

/// What is on a terminal of its size.
#[cfg(test)]
pub(super) fn text(reader: &Reader) -> String {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    let mut terminal = Terminal::new(TestBackend::new(reader.size.width, reader.size.height)).unwrap();
    let drawn = terminal.draw(|frame| reader.render(frame)).unwrap();
    let wide = usize::from(reader.size.width).max(1);
    let cells = |row: &[ratatui::buffer::Cell]| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
    drawn.buffer.content.chunks(wide).map(|row| cells(row).trim_end().to_owned() + "\n").collect()
}
