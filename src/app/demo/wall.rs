//! `cloison demo`: the wires between the wall, its lab and the notes. Nothing of a
//! demonstration is kept: the student is the one of the lesson's own solution, and what
//! the teacher does is not progress.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use super::link;
use super::outlook::outlook;
use crate::app::driver::{Driver, Keeping};
use crate::app::learn::{machine, on_screen};
use crate::i18n::Lang;
use crate::lesson::Lesson;
use crate::lesson::answers::{Answers, Progress, validate_answers};
use crate::lesson::library::Library;
use crate::ui::Theme;
use crate::ui::event::{Event, Request};
use crate::ui::model::Mouse;
use crate::ui::projector::Autoplay;
use crate::ui::run::{Demonstration, Setup};

/// What a demonstration needs to begin.
#[derive(Debug)]
pub struct Wanted {
    /// The lessons.
    pub library: Library,
    /// The one to show.
    pub lesson: Lesson,
    /// The id of the step to begin at.
    pub at: Option<String>,
    /// The language.
    pub lang: Lang,
    /// The theme.
    pub theme: Theme,
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// The directory of lessons that are followed while they are changed.
    pub followed: Option<PathBuf>,
    /// It goes on by itself.
    pub auto: Option<Autoplay>,
}

/// Shows a lesson until it is left.
pub fn demo(wanted: Wanted) -> anyhow::Result<()> {
    let Wanted { library, lesson, at, lang, theme, mouse, followed, auto } = wanted;
    let solution = solution(&library, &lesson);
    let (teller, server) = link::server(link::listen()?)?;
    let audience = move |model: &crate::ui::Model, screen: &ratatui::buffer::Buffer| {
        if let Some(outlook) = outlook(model, screen) {
            teller.tell(outlook);
        }
    };
    let progress = at.map(|step| Progress { step, ..Progress::default() });
    let shown =
        Answers { lesson: lesson.id.clone(), student: solution.student.clone(), progress, ..Answers::default() };
    let setup = Setup {
        lang,
        theme: theme.projected(),
        entries: Vec::new(),
        machine: machine(),
        first: Some(Request::Open(lesson.id)),
        mouse,
        projector: Some(Demonstration { solution, auto, audience: Box::new(audience) }),
    };
    on_screen(setup, move |events: SyncSender<Event>, requests, terminal| {
        let notes = server.start(events.clone());
        let driver = Driver::new(library, Keeping::Nothing(Box::new(shown)), lang, events, true);
        driver.following(followed).serve(&requests, terminal);
        if let Ok(notes) = notes {
            // A thread that panicked has said so.
            let _ = notes.join();
        }
    })
}

/// What is typed: the lesson's own solution, where it has one that can be read.
pub fn solution(library: &Library, lesson: &Lesson) -> Answers {
    let source = library.file(&lesson.id, "solution.toml").ok().flatten();
    let solution = source.and_then(|source| validate_answers(&source, lesson).ok());
    // Values of one's own need a name.
    solution.unwrap_or_else(|| Answers { student: "cloison".to_owned(), ..Answers::default() })
}
