//! What the notes are told of the wall: read off the model and the screen after each
//! drawing.

use ratatui::buffer::Buffer;

use crate::demo::wire::{Kind, Outlook, StepNotes};
use crate::i18n::Lang;
use crate::lesson::model::Step;
use crate::ui::Model;
use crate::ui::model::Focus;
use crate::ui::projector::{Pace, Typing};
use crate::ui::view::scaled;

/// Nothing before the lesson is open.
pub fn outlook(model: &Model, screen: &Buffer) -> Option<Outlook> {
    let (lesson, wall) = (model.lesson()?, model.projector.as_ref()?);
    let (session, lang) = (&lesson.session, model.lang);
    let (step, all) = (session.step(), &session.lesson().steps);
    let texts = session.lesson().text(lang);
    let prediction = session.prediction();
    let shell = (lesson.focus == Focus::Shells).then(|| lesson.shells.shown().map(|tab| tab.actor.clone()));
    Some(Outlook {
        lang,
        title: texts.title.clone(),
        minutes: session.lesson().minutes,
        step,
        steps: texts.steps.iter().map(|step| step.title.clone()).collect(),
        here: StepNotes { title: session.title(lang), notes: session.notes(lang), kind: kind(session.step_def()) },
        next: all.get(step + 1).map(|next| {
            // Without live values: nothing is known of them yet.
            let text = session.lesson().step_text(lang, step + 1);
            StepNotes { title: text.title.clone(), notes: text.notes.clone(), kind: kind(next) }
        }),
        choices: prediction.map_or_else(Vec::new, |prediction| texts_of(&prediction.choices, lang)),
        blank: wall.blank,
        typing: wall.typing.as_ref().map(Typing::paused),
        can_type: wall.solution.tasks.contains_key(&session.step_def().id),
        shell: shell.flatten(),
        moving: wall.pace == Pace::Waiting,
        auto: wall.auto.as_ref().map(|auto| auto.held),
        trouble: wall.trouble.clone(),
        unrecorded: wall.unrecorded.as_ref().map(|[en, fr]| lang.pick(en, fr).clone()),
        screen: rows(screen),
    })
}

fn texts_of(choices: &[crate::session::ChoiceView], lang: Lang) -> Vec<String> {
    choices.iter().map(|choice| choice.text(lang).to_owned()).collect()
}

fn kind(step: &Step) -> Kind {
    match (&step.predict, &step.task) {
        (Some(_), _) => Kind::Asks,
        (_, Some(_)) => Kind::Task,
        _ => Kind::Shows,
    }
}

/// The text of each row of a screen.
fn rows(screen: &Buffer) -> Vec<String> {
    let wide = usize::from(screen.area.width).max(1);
    let text = |cells: &[ratatui::buffer::Cell]| cells.iter().map(scaled::plain).collect::<String>();
    screen.content.chunks(wide).map(|cells| text(cells).trim_end().to_owned()).collect()
}
