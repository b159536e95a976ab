//! The bar at the bottom: the F keys, from the table of keys, and always who has
//! the keyboard.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::put;
use crate::i18n::Lang;
use crate::say;
use crate::ui::keymap::{Intent, KEYS};
use crate::ui::model::{Focus, LessonScreen, Model, Mouse};
use crate::ui::safe::{pad_left, safe, width};
use crate::ui::theme::Role;

/// Those that give way first where there is no room for all.
const GIVES_WAY: [Intent; 8] = [
    Intent::Language,
    Intent::Doctor,
    Intent::Lesson,
    Intent::Back,
    Intent::Panes,
    Intent::Hint,
    Intent::Shell,
    Intent::Quit,
];

/// Draws the bar of a lesson.
pub fn render(frame: &mut Frame<'_>, model: &Model, lesson: &LessonScreen) {
    let lang = model.lang;
    let area = lesson.regions(model.size).foot;
    let who = if model.prefix {
        say!(lang, "Ctrl-G … which key?", "Ctrl-G … quelle touche ?")
    } else {
        let zoomed = lesson.zoom.map_or_else(String::new, |_| say!(lang, ", whole screen (z)", ", plein écran (z)"));
        let mouse = if model.mouse == Mouse::Ours {
            String::new()
        } else {
            say!(lang, "  mouse: terminal", "  souris : terminal")
        };
        keyboard(lesson, lang) + &zoomed + &mouse
    };
    let hints = lesson.session.task(lang).map(|_| {
        let opened = lesson.session.hints(lang).len();
        format!("({opened}/{})", opened + lesson.session.hints_left())
    });
    let line = bar(
        model,
        usize::from(area.width),
        &who,
        hints.as_deref(),
        match (&lesson.inspected, &hints) {
            (Some(_), _) => &[Intent::Lesson, Intent::Shell, Intent::Hint, Intent::Next],
            (None, Some(_)) => &[],
            (None, None) => &[Intent::Hint],
        },
    );
    put(frame.buffer_mut(), area, 0, &line);
}

/// Who has the keyboard, in words.
fn keyboard(lesson: &LessonScreen, lang: Lang) -> String {
    match lesson.focus {
        Focus::Lesson => say!(lang, "keyboard: lesson", "clavier : leçon"),
        Focus::Panes if lesson.filtering => say!(lang, "keyboard: filter", "clavier : filtre"),
        Focus::Panes => say!(lang, "keyboard: panes", "clavier : volets"),
        Focus::Shells => {
            let actor = lesson.shells.shown().map_or_else(String::new, |tab| safe(&tab.actor));
            say!(lang, "keyboard: {actor} shell", "clavier : shell {actor}")
        }
    }
}

/// The keys on the left, `who` on the right; `hidden` keys mean nothing here.
pub(super) fn bar(model: &Model, room: usize, who: &str, hints: Option<&str>, hidden: &[Intent]) -> Line<'static> {
    let (lang, theme) = (model.lang, model.theme);
    let mut keys: Vec<(Intent, String, String)> = KEYS
        .iter()
        .filter_map(|binding| binding.foot.map(|foot| (binding, foot)))
        .filter(|(binding, _)| !hidden.contains(&binding.intent))
        .map(|(binding, [en, fr])| {
            let label = lang.pick(en, fr);
            let label = match (binding.intent, hints) {
                (Intent::Hint, Some(hints)) => format!("{label} {hints}"),
                _ => label.to_owned(),
            };
            (binding.intent, binding.key_name(lang), label)
        })
        .collect();
    let length = |keys: &[(Intent, String, String)]| -> usize {
        1 + keys.iter().map(|(_, key, label)| width(key) + width(label) + 2).sum::<usize>()
    };
    for gives_way in GIVES_WAY {
        if length(&keys) + width(who) + 2 <= room {
            break;
        }
        keys.retain(|(intent, ..)| *intent != gives_way);
    }
    let rest = room.saturating_sub(length(&keys) + 1);
    let mut line = Line::from(" ");
    for (_, key, label) in keys {
        line.push_span(Span::styled(key, theme.style(Role::Key)));
        line.push_span(Span::raw(format!(" {label} ")));
    }
    line.push_span(Span::styled(pad_left(who, rest), theme.style(Role::Strong)));
    line.style(theme.style(Role::Bar))
}
