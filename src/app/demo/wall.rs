//! `cloison demo`: the wires between the wall, its lab and the notes. Nothing of a
//! demonstration is kept: the student is the one of the lesson's own solution, and what
//! the teacher does is not progress.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use super::link;
use super::outlook::outlook;
use super::record::{Recorder, Tape};
use super::share;
use crate::app::driver::{Driver, Keeping};
use crate::app::learn::{machine, on_screen};
use crate::i18n::Lang;
use crate::lesson::Lesson;
use crate::lesson::answers::{Answers, Progress, validate_answers};
use crate::lesson::library::Library;
use crate::ui::Theme;
use crate::ui::event::{Event, Request};
use crate::ui::model::Mouse;
use crate::ui::projector::{Autoplay, Pace, Sharing};
use crate::ui::run::{Demonstration, Setup};
use crate::ui::safe::safe;
use crate::ui::terminal;

/// What a demonstration needs to begin.
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
    /// The recording of it, where one is made.
    pub record: Option<(Recorder, Tape)>,
    /// Those who follow in their own terminals, where they may.
    pub shared: Option<(Sharing, share::Teller, share::Server)>,
}

/// Shows a lesson until it is left. What there is to say where not all of it was recorded.
pub fn demo(wanted: Wanted) -> anyhow::Result<Option<[String; 2]>> {
    let Wanted { library, lesson, at, lang, theme, mouse, followed, auto, record, shared } = wanted;
    let solution = solution(&library, &lesson);
    let (teller, server) = link::server(link::listen()?)?;
    let (recorder, tape) = record.unzip();
    let mut marks = recorder.clone().map(Marks::new);
    let (sharing, shares) =
        shared.map_or((None, None), |(sharing, teller, server)| (Some(sharing), Some((teller, server))));
    let (board, shares) = shares.unzip();
    let audience = move |model: &crate::ui::Model, screen: &ratatui::buffer::Buffer| {
        if let Some(marks) = &mut marks {
            marks.drawn(model);
        }
        if let Some(outlook) = outlook(model, screen) {
            teller.tell(outlook);
        }
        if let Some(board) = &board
            && let Some((stand, page)) = share::sheet(model)
        {
            board.tell(stand, page);
        }
    };
    // What other terminals can't show has no place in a recording.
    let scales = recorder.is_none() && terminal::scales();
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
        projector: Some(Demonstration { solution, auto, scales, sharing, audience: Box::new(audience) }),
    };
    let ended = recorder.clone();
    on_screen(setup, move |events: SyncSender<Event>, requests, settings| {
        if let Some(tape) = tape {
            tape.start(events.clone());
        }
        let notes = server.start(events.clone());
        let shares = shares.map(|server| server.start(events.clone()));
        let driver = Driver::new(library, Keeping::Nothing(Box::new(shown)), lang, events, true);
        driver.following(followed).serve(&requests, settings);
        for thread in [Some(notes), shares].into_iter().flatten().flatten() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    })?;
    Ok(ended.and_then(|recorder| recorder.end()))
}

/// Marks each step in a recording when it stands on the screen.
struct Marks {
    recorder: Recorder,
    marked: Option<usize>,
}

impl Marks {
    fn new(recorder: Recorder) -> Self {
        Self { recorder, marked: None }
    }

    /// In slow motion what there is to see is how the step comes about.
    fn drawn(&mut self, model: &crate::ui::Model) {
        let slow = model.projector.as_ref().is_some_and(|wall| wall.pace != Pace::AtOnce);
        let session = model.lesson().map(|lesson| &lesson.session);
        let Some(session) = session.filter(|session| slow || !session.busy()) else { return };
        let step = session.step();
        if self.marked.replace(step) != Some(step) {
            let title = safe(&session.title(model.lang));
            self.recorder.marker(format!("{}. {title}", step + 1));
        }
    }
}

/// What is typed: the lesson's own solution, where it has one that can be read.
pub fn solution(library: &Library, lesson: &Lesson) -> Answers {
    let source = library.file(&lesson.id, "solution.toml").ok().flatten();
    let solution = source.and_then(|source| validate_answers(&source, lesson).ok());
    // Values of one's own need a name.
    solution.unwrap_or_else(|| Answers { student: "cloison".to_owned(), ..Answers::default() })
}
