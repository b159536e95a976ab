//! The wall of a demonstration: one sentence, one twin pane, the wall gauge, the last
//! calls or a shell; and the hands of the room beside what the kernel did. `write`
//! makes the lines of text (called by `update`), `render` draws all.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::lesson::{Text, sign};
use super::{border, calls, panes, put, scaled, shells, walls};
use crate::i18n::Lang;
use crate::say;
use crate::session::{ChoiceView, StepOutcome, TaskView};
use crate::ui::layout;
use crate::ui::model::{Focus, LessonScreen, Model, Prose};
use crate::ui::projector::{Pace, Projector, ToRead, letter};
use crate::ui::safe::{fit, safe, width};
use crate::ui::theme::{Role, Theme};

/// Puts a line into a row of an area.
type Put = fn(&mut Buffer, Rect, u16, &Line<'_>);

/// So many calls are shown in slow motion.
const LAST_CALLS: usize = 3;
/// The cells of the longest bar.
const BAR: u32 = 24;

/// Draws the wall.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen, wall: &Projector) {
    if wall.blank {
        return;
    }
    let regions = lesson.regions(model.size);
    header(frame, model, lesson, wall, regions.header);
    let theme = model.theme;
    for area in [regions.twin, regions.walls, regions.calls, regions.shells] {
        if !area.is_empty() {
            border(frame, area, theme.style(Role::Frame));
        }
    }
    if lesson.focus == Focus::Shells && !regions.shells.is_empty() {
        border(frame, regions.shells, theme.style(Role::Focus));
    }
    let area = lesson.prose_area(model.size);
    let step = if lesson.prose.twice { 2 } else { 1 };
    let put: Put = if scaled(model).is_some() { scaled::put } else { put };
    for (row, line) in (0..area.height).step_by(step).zip(&lesson.prose.lines) {
        put(frame.buffer_mut(), area, row, line);
    }
    panes::render(frame, model, lesson);
    walls::render(frame, model, lesson);
    calls::render(frame, model, lesson);
    shells::render(frame, model, lesson);
    if let Some(sharing) = &wall.sharing {
        super::sharing::render(frame, model, sharing, regions.foot);
    }
}

/// Where text stands at twice its size, and how many lines; none below what lies above the
/// wall. What a character of that size covers in part is not drawn over: a terminal that
/// is to show it elsewhere, or no more, has to begin with an empty screen.
pub fn scaled(model: &Model) -> Option<(Rect, usize)> {
    let (lesson, wall) = (model.lesson()?, model.projector.as_ref()?);
    let area = lesson.prose_area(model.size);
    let shown = lesson.prose.twice && !wall.blank && model.overlay.is_none() && !area.is_empty();
    shown.then_some((area, lesson.prose.lines.len()))
}

/// How many lines of the text have no room on a wall of this size.
pub fn overflow(lesson: &LessonScreen, size: Size) -> usize {
    lesson.prose.rows().saturating_sub(usize::from(lesson.prose_area(size).height))
}

fn header(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen, wall: &Projector, area: Rect) {
    let (lang, theme, session) = (model.lang, model.theme, &lesson.session);
    let (step, total) = (session.step() + 1, session.lesson().steps.len());
    let busy = if session.busy() { say!(lang, "⋯ ", "⋯ ") } else { String::new() };
    let auto = match &wall.auto {
        Some(auto) if auto.held => "⏸ ",
        Some(_) => "▶ ",
        None => "",
    };
    let right = format!("{auto}{busy}{step}/{total} ");
    let room = usize::from(area.width).saturating_sub(width(&right) + 1);
    let left = fit(&format!(" {}", safe(&session.lesson().text(lang).title)), room);
    let gap = " ".repeat(usize::from(area.width).saturating_sub(width(&left) + width(&right)));
    let line = Line::from_iter([
        Span::styled(left, theme.style(Role::Key)),
        Span::raw(gap),
        Span::styled(right, theme.style(Role::Strong)),
    ]);
    put(frame.buffer_mut(), area, 0, &line);
}

/// Makes the lines of the step as it stands now.
///
/// At twice its size where that is wanted and there is room for all else beside it.
pub fn write(lesson: &mut LessonScreen, wall: &Projector, lang: Lang, theme: Theme, (size, width): (Size, u16)) {
    if let Some(projected) = lesson.projected.filter(|projected| projected.twice && wall.scales) {
        let lines = lines(lesson, wall, lang, theme, width / 2);
        let shell = lesson.session.step_def().task.is_some();
        if layout::has_room(size, projected, 2 * lines.len(), shell) {
            lesson.prose = Prose { lines, said: Some(Vec::new()), width, twice: true, ..Prose::default() };
            return;
        }
    }
    let lines = lines(lesson, wall, lang, theme, width);
    lesson.prose = Prose { lines, said: Some(Vec::new()), width, ..Prose::default() };
}

fn lines(lesson: &LessonScreen, wall: &Projector, lang: Lang, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let session = &lesson.session;
    let mut text = Text { lines: Vec::new(), width: usize::from(width), theme };
    text.note("", &safe(&session.title(lang)), Role::Focus);
    if session.busy() {
        if wall.pace == Pace::Waiting {
            write_moves(&mut text, session.outcome(), lang);
        } else {
            text.note("", &say!(lang, "⋯ the lab is at work", "⋯ le labo est au travail"), Role::Strong);
        }
    } else {
        text.markdown(&first_sentence(&session.prose(lang)));
        if let Some(answered) = session.answered() {
            write_choices(&mut text, &answered.choices, lang, |choice| Hands {
                count: wall.hands(&answered.step, choice),
                most: wall.most_hands(&answered.step),
                came_true: choice == answered.came_true,
            });
        }
        if let Some(prediction) = session.prediction() {
            let step = &session.step_def().id;
            write_choices(&mut text, &prediction.choices, lang, |choice| Hands {
                count: wall.hands(step, choice),
                most: wall.most_hands(step),
                came_true: false,
            });
            if let Some(counting) = &wall.counting {
                text.note("", &say!(lang, "Hands: {counting}▏", "Mains : {counting}▏"), Role::Strong);
            }
        }
        if let Some(task) = session.task(lang) {
            write_task(&mut text, &task, lang);
        }
    }
    text.lines
}

/// Slow motion: the calls made last.
fn write_moves(text: &mut Text, outcome: Option<&StepOutcome>, lang: Lang) {
    let last = outcome.and_then(|outcome| outcome.ops.last());
    let calls = last.map_or(&[][..], |op| &op.calls);
    for call in &calls[calls.len().saturating_sub(LAST_CALLS)..] {
        let role = if call.result.is_ok() { Role::Key } else { Role::Bad };
        text.note("▸ ", &safe(&call.to_string()), role);
    }
    text.note("", &say!(lang, "⋯ slow motion", "⋯ au ralenti"), Role::Strong);
}

/// What a room has to read before it goes on.
pub fn to_read(lesson: &LessonScreen, lang: Lang) -> ToRead {
    let session = &lesson.session;
    let words = |text: &str| text.split_whitespace().count();
    let Some(prediction) = session.prediction() else {
        return ToRead { words: words(&first_sentence(&session.prose(lang))), asks: false };
    };
    let choices: usize = prediction.choices.iter().map(|choice| words(choice.text(lang))).sum();
    ToRead { words: words(&first_sentence(&session.prose(lang))) + choices, asks: true }
}

/// What a room takes in at a glance: the first sentence of a text in Markdown.
fn first_sentence(markdown: &str) -> String {
    let paragraph = markdown.split("\n\n").map(str::trim).find(|text| !text.is_empty()).unwrap_or_default();
    let mut code = false;
    let mut before = ' ';
    for (at, c) in paragraph.char_indices() {
        code ^= c == '`';
        // Not within code, nor within a number, nor at an ellipsis.
        let after = paragraph[at + c.len_utf8()..].chars().next();
        if !code && matches!(c, '.' | '?' | '!') && after.is_none_or(char::is_whitespace) && before != '.' {
            return paragraph[..=at].to_owned();
        }
        before = c;
    }
    paragraph.to_owned()
}

/// The hands for one choice.
struct Hands {
    count: Option<u32>,
    most: u32,
    came_true: bool,
}

/// The choices, by letters; the hands for each, and which came true.
fn write_choices(text: &mut Text, choices: &[ChoiceView], lang: Lang, hands: impl Fn(&str) -> Hands) {
    for (at, choice) in choices.iter().enumerate() {
        let Hands { count, most, came_true } = hands(&choice.id);
        let (sign, role) = if came_true { ("▶", Role::Good) } else { (" ", Role::Key) };
        let kernel = if came_true { lang.pick("  ◀ the kernel", "  ◀ le noyau") } else { "" };
        let (from, wide) = (text.lines.len(), text.width);
        text.width = wide.saturating_sub(width(kernel));
        text.bullet(&format!("{sign} {}  ", letter(at)), choice.text(lang), role);
        text.width = wide;
        if let Some(first) = text.lines.get_mut(from) {
            first.push_span(Span::styled(kernel, text.theme.style(Role::Key)));
        }
        if let Some(count) = count {
            let cells = (u64::from(count) * u64::from(BAR)).checked_div(u64::from(most)).unwrap_or(0);
            let bar = "█".repeat(usize::try_from(cells).unwrap_or(0));
            text.lines.push(Line::styled(format!("     {bar} {count}"), text.theme.style(role)));
        }
    }
}

fn write_task(text: &mut Text, task: &TaskView, lang: Lang) {
    for check in &task.checks {
        let (sign, role) = sign(check.state);
        text.bullet(&format!("{sign}  "), &check.label, role);
    }
    if task.passed {
        text.note("", lang.pick("✓ Done.", "✓ Réussi."), Role::Good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_reads_one_sentence() {
        for (text, first) in [
            ("The box called unshare(2) once. The calls are listed.", "The box called unshare(2) once."),
            ("Ask each side for its name:\n\n- host", "Ask each side for its name:"),
            ("It reads `a. b` first. Then c.", "It reads `a. b` first."),
            ("Linux 6.12 has it! Really.", "Linux 6.12 has it!"),
            ("\n\n  Only one", "Only one"),
            ("", ""),
        ] {
            assert_eq!(first_sentence(text), first);
        }
    }
}
