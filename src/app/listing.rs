//! The lines of the list of lessons: every lesson is read for them, and how far the
//! student is in each.

use std::sync::Arc;

use super::store::Store;
use crate::i18n::{Explain, Lang};
use crate::lesson::library::Library;
use crate::lesson::model::LessonText;
use crate::ui::event::{Entry, EntryState, LessonSummary};

/// The list's lines. A lesson that does not load is left out: `lesson lint` says why.
pub(super) fn entries(library: &Library, store: &Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    for listed in library.list() {
        let Ok(lesson) = library.get(&listed.id) else { continue };
        let both = |of: fn(&LessonText) -> &String| Lang::ALL.map(|lang| of(lesson.text(lang)).clone());
        let state = match store.load(&lesson).map(|answers| answers.progress) {
            Ok(Some(progress)) if progress.finished => EntryState::Done(progress.points),
            Ok(Some(progress)) => EntryState::Begun(progress.points),
            Ok(None) => EntryState::New,
            Err(error) => EntryState::Impossible(Lang::ALL.map(|lang| error.explain(lang))),
        };
        let summary = LessonSummary {
            number: lesson.number,
            id: lesson.id.clone(),
            part: lesson.part,
            title: both(|text| &text.title),
            summary: both(|text| &text.summary),
            points: lesson.points(),
            minutes: lesson.minutes,
            needs: lesson.needs.iter().map(|need| format!("{need:?}").to_lowercase()).collect(),
        };
        entries.push(Entry { lesson: Arc::new(summary), state });
    }
    entries
}
