//! The lesson: prose, prediction, what came of it, task, hints. `write` makes its
//! lines (called by `update` when something changed), `render` shows a part of them.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{points, put, title_style};
use crate::check::State;
use crate::i18n::Lang;
use crate::say;
use crate::session::TaskView;
use crate::ui::markdown;
use crate::ui::model::{Focus, LessonScreen, Model, Prose, Said};
use crate::ui::safe::{safe, width};
use crate::ui::theme::{Role, Theme};

/// Draws the part of the text that is in view, and where there is more.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let regions = lesson.regions(model.size);
    if regions.lesson.is_empty() {
        return;
    }
    let (lang, theme) = (model.lang, model.theme);
    let focused = lesson.focus == Focus::Lesson;
    let buffer = frame.buffer_mut();
    let title = Line::styled(say!(lang, " Lesson ", " Leçon "), title_style(theme, focused));
    put(buffer, ratatui::layout::Rect { x: regions.lesson.x + 1, ..regions.lesson }, 0, &title);
    let area = lesson.prose_area(model.size);
    if lesson.pinned(model.size) {
        put(
            buffer,
            ratatui::layout::Rect { y: area.bottom(), height: 1, ..area },
            0,
            &checks(lesson, lang, theme, area.width),
        );
    }
    let lines = lesson.prose.lines.iter().skip(lesson.prose.scroll).take(usize::from(area.height));
    for (row, line) in (0..).zip(lines) {
        put(buffer, area, row, line);
    }
    let below = lesson.prose.lines.len().saturating_sub(lesson.prose.scroll + usize::from(area.height));
    let above = lesson.prose.scroll;
    let more = match (above, below) {
        (0, 0) => return,
        (0, n) if focused => say!(lang, " ▼ {n} more ", " ▼ encore {n} "),
        (0, n) => say!(lang, " ▼ {n} more (Ctrl-PgDn) ", " ▼ encore {n} (Ctrl-PgSuiv) "),
        (n, 0) => say!(lang, " ▲ {n} above ", " ▲ {n} plus haut "),
        (above, below) => format!(" ▲ {above}  ▼ {below} "),
    };
    let cells = u16::try_from(width(&more)).unwrap_or(u16::MAX);
    let mut corner = regions.lesson;
    corner.x = corner.right().saturating_sub(cells + 2).max(corner.x);
    corner.width = cells.min(regions.lesson.width);
    corner.height = 1;
    put(buffer, corner, 0, &Line::styled(more, theme.style(Role::Key)));
}

/// The checks of the task in one line of so many cells: how many hold, and the first that doesn't.
fn checks(lesson: &LessonScreen, lang: Lang, theme: Theme, wide: u16) -> Line<'static> {
    let Some(task) = lesson.session.task(lang) else { return Line::default() };
    if task.passed {
        let points = points(task.points, lang);
        return Line::styled(
            say!(lang, "✓ Done: {points}. F9 goes on.", "✓ Réussi : {points}. F9 pour continuer."),
            theme.style(Role::Good),
        );
    }
    let signs: String = task.checks.iter().map(|check| sign(check.state).0).collect();
    let mut line = Line::from_iter([
        Span::styled(say!(lang, "Your turn  ", "À vous  "), theme.style(Role::Strong)),
        Span::styled(format!("{signs}  "), theme.style(Role::Key)),
    ]);
    if let Some(open) = task.checks.iter().find(|check| check.state != State::Pass) {
        let room = usize::from(wide).saturating_sub(line.width() + width(" …"));
        let label = markdown::lines(&open.label, room.max(1), theme);
        let cut = label.len() > 1;
        line.extend(label.into_iter().next().unwrap_or_default().spans);
        if cut {
            line.push_span(" …");
        }
    }
    line
}

/// What a check that came to this is marked with.
pub(super) fn sign(state: State) -> (&'static str, Role) {
    match state {
        State::Pass => ("✓", Role::Good),
        State::Fail => ("✗", Role::Bad),
        State::Skip => ("…", Role::Quiet),
        State::Error => ("?", Role::Warn),
    }
}

/// Makes the lines of the step as it stands now.
pub fn write(lesson: &mut LessonScreen, lang: Lang, theme: Theme, width: u16) {
    let mut text = Text { lines: Vec::new(), width: usize::from(width), theme };
    let (mut choices, mut choices_end, mut said) = (Vec::new(), 0, Vec::new());
    let session = &lesson.session;
    if let Some(notice) = session.notice(lang) {
        text.note("! ", &safe(&notice), Role::Warn);
        text.gap();
    }
    text.note("", &safe(&session.title(lang)), Role::Strong);
    text.gap();
    if session.busy() && lesson.inspected.is_none() {
        // What the kernel did is not known yet, and the text speaks of it.
        text.note("⋯ ", &say!(lang, "The lab is at work.", "Le labo est au travail."), Role::Quiet);
        let scroll = lesson.prose.scroll;
        lesson.prose = Prose { lines: text.lines, scroll, width, ..Prose::default() };
        return;
    }
    text.markdown(&session.prose(lang));
    if let Some(recall) = session.recall(lang) {
        text.gap();
        text.labelled(lang.pick("You said", "Vous avez dit"), Role::Quiet, &recall.said);
        text.labelled(lang.pick("The kernel says", "Le noyau dit"), Role::Strong, &recall.happened);
        if recall.right {
            text.note("= ", &say!(lang, "as you predicted", "comme vous l'aviez prédit"), Role::Good);
        } else {
            text.note("≠ ", &say!(lang, "not what you predicted", "ce n'est pas ce que vous aviez prédit"), Role::Warn);
        }
    }
    if let Some(prediction) = session.prediction() {
        text.gap();
        text.rule(lang.pick("Your prediction", "Votre prédiction"), &points(prediction.points, lang));
        for (at, choice) in prediction.choices.iter().enumerate() {
            choices.push(text.lines.len());
            let chosen = prediction.chosen.as_ref() == Some(&choice.id);
            let pointer = if prediction.open && at == lesson.choice { "▸" } else { " " };
            let lead = format!("{pointer}{} {} ", at + 1, if chosen { "(●)" } else { "( )" });
            let from = text.lines.len();
            text.bullet(&lead, choice.text(lang), if chosen { Role::Strong } else { Role::Text });
            if prediction.open && at == lesson.choice {
                for line in &mut text.lines[from..] {
                    *line = std::mem::take(line).patch_style(theme.style(Role::Strong));
                }
            }
        }
        choices_end = text.lines.len();
        let say = match (&prediction.chosen, prediction.open) {
            (None, _) => {
                say!(lang, "Choose with a digit, or ↑ ↓ and Enter.", "Choisissez par un chiffre, ou ↑ ↓ puis Entrée.")
            }
            (Some(_), true) => say!(
                lang,
                "Chosen. You can change it until you go on (Enter or F9).",
                "C'est noté. Entrée ou F9 pour continuer ; jusque-là, vous pouvez changer."
            ),
            (Some(_), false) => say!(lang, "This prediction is settled.", "Cette prédiction est fixée."),
        };
        text.note("", &say, Role::Quiet);
    }
    if let Some(task) = session.task(lang) {
        text.gap();
        text.task(&task, lang, &mut said);
    }
    if let Some(why) = lesson.session.why(lang) {
        text.gap();
        text.rule(lang.pick("Why", "Pourquoi"), "");
        text.markdown(&why);
    }
    hints(&mut text, lesson, lang, &mut said);
    let scroll = lesson.prose.scroll;
    let (lines, said) = (text.lines, Some(said));
    lesson.prose = Prose { lines, choices, choices_end, said, scroll, width, ..Prose::default() };
}

fn hints(text: &mut Text, lesson: &LessonScreen, lang: Lang, said: &mut Vec<(Said, usize)>) {
    let opened = lesson.session.hints(lang);
    if let (Some(which), Some(reaction)) = (lesson.session.reacting(), lesson.session.reaction(lang)) {
        text.gap();
        said.push((Said::Reaction(which), text.lines.len()));
        text.rule(lang.pick("About what you just did", "À propos de ce que vous venez de faire"), "");
        text.bullet("» ", &reaction, Role::Warn);
    }
    let total = opened.len() + lesson.session.hints_left();
    for (at, hint) in opened.iter().enumerate() {
        text.gap();
        said.push((Said::Hint(at), text.lines.len()));
        let number = at + 1;
        text.rule(&say!(lang, "Hint {number}/{total}", "Indice {number}/{total}"), "");
        text.markdown(hint);
    }
}

/// Lines in the making.
pub(super) struct Text {
    pub(super) lines: Vec<Line<'static>>,
    pub(super) width: usize,
    pub(super) theme: Theme,
}

impl Text {
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    pub(super) fn markdown(&mut self, markdown: &str) {
        self.lines.extend(markdown::lines(markdown, self.width, self.theme));
    }

    /// Plain text in one role, with a lead.
    pub(super) fn note(&mut self, lead: &str, text: &str, role: Role) {
        let spans = [(text.to_owned(), self.theme.style(role))];
        self.lines.extend(markdown::wrap(&spans, lead, self.width));
    }

    /// A line of Markdown behind a lead; the lead is in the role given.
    pub(super) fn bullet(&mut self, lead: &str, markdown: &str, role: Role) {
        let indent = width(lead);
        let style = self.theme.style(role);
        let lines = markdown::lines(markdown, self.width.saturating_sub(indent).max(1), self.theme);
        for (at, line) in lines.into_iter().enumerate() {
            let lead = if at == 0 { lead.to_owned() } else { " ".repeat(indent) };
            let line = line.patch_style(Style::new().add_modifier(style.add_modifier));
            self.lines.push(Line::from_iter(
                std::iter::once(Span::styled(lead, style)).chain(line.spans).collect::<Vec<_>>(),
            ));
        }
    }

    /// A label and Markdown behind it, or below it where there is no room.
    fn labelled(&mut self, label: &str, role: Role, markdown: &str) {
        let lead = format!("{label}  ");
        if width(&lead) * 2 < self.width {
            self.bullet(&lead, markdown, role);
        } else {
            self.note("", label, role);
            self.bullet("  ", markdown, Role::Text);
        }
    }

    /// A heading on a line of its own: `─ Your turn ───── 3 pts`.
    fn rule(&mut self, label: &str, right: &str) {
        let used = width(label) + width(right) + 3 + usize::from(!right.is_empty());
        let fill = "─".repeat(self.width.saturating_sub(used));
        let frame = self.theme.style(Role::Frame);
        let mut line = Line::from_iter([
            Span::styled("─ ", frame),
            Span::styled(label.to_owned(), self.theme.style(Role::Strong)),
            Span::styled(format!(" {fill}"), frame),
        ]);
        if !right.is_empty() {
            line.push_span(Span::raw(format!(" {right}")));
        }
        self.lines.push(line);
    }

    fn task(&mut self, task: &TaskView, lang: Lang, said: &mut Vec<(Said, usize)>) {
        self.rule(lang.pick("Your turn", "À vous"), &points(task.points, lang));
        for check in &task.checks {
            let (sign, role) = sign(check.state);
            self.bullet(&format!(" {sign} "), &check.label, role);
            if check.state == State::Fail || check.state == State::Error {
                let (expected, found) = (safe(&check.expected), safe(&check.found));
                let expected =
                    (!expected.is_empty()).then(|| say!(lang, "expected: {expected}", "attendu : {expected}"));
                let found = (!found.is_empty()).then(|| say!(lang, "found: {found}", "constaté : {found}"));
                let both: Vec<String> = [expected, found].into_iter().flatten().collect();
                let one_line = both.join(" · ");
                let lines = if width(&one_line) + 3 > self.width { both } else { vec![one_line] };
                lines.iter().filter(|line| !line.is_empty()).for_each(|line| self.note("   ", line, Role::Text));
            }
        }
        if task.passed {
            let points = points(task.points, lang);
            self.gap();
            said.push((Said::Done, self.lines.len()));
            self.note(
                "✓ ",
                &say!(lang, "Done: {points}. F9 goes on.", "Réussi : {points}. F9 pour continuer."),
                Role::Good,
            );
        }
    }
}
