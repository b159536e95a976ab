//! An open lesson whose author is at work on it: its folder is watched, and what was
//! saved goes to the stage and to the screen.

use std::sync::Arc;

use super::{Driver, Gone, Keeping};
use crate::app::demo::solution;
use crate::app::watch::Watch;
use crate::doctor;
use crate::i18n::Explain;
use crate::lesson::Lesson;
use crate::say;
use crate::session::same_place;
use crate::ui::event::Event;

impl Driver {
    /// Watches the open lesson's folder, where lessons are followed.
    pub(super) fn follow(&mut self, lesson: &Lesson) -> Result<(), Gone> {
        let folder = self.library.find(&lesson.id).ok().map(|listed| listed.folder.clone());
        let Some(folder) = self.followed.as_ref().zip(folder).map(|(directory, folder)| directory.join(folder)) else {
            return Ok(());
        };
        match Watch::new(folder) {
            Ok(watch) => {
                self.watch = Some(watch);
                Ok(())
            }
            Err(errno) => {
                let errno = crate::kernel::Errno::from(errno).explain(self.lang);
                let lang = self.lang;
                self.send(Event::Failed(say!(
                    lang,
                    "The lesson's folder can't be watched: inotify_init1: {errno}.",
                    "Le dossier de la leçon ne peut pas être surveillé : inotify_init1 : {errno}."
                )))
            }
        }
    }

    /// The open lesson was saved: the screen gets it, or what is wrong with it.
    pub(super) fn reload(&mut self) -> Result<(), Gone> {
        let Some(old) = self.stage.as_ref().map(|stage| Arc::clone(stage.lesson())) else { return Ok(()) };
        let lesson = match self.library.get(&old.id) {
            Ok(lesson) => Arc::new(lesson),
            Err(error) => return self.fail(&error),
        };
        if let Some(missing) = doctor::missing(&lesson) {
            return self.send(Event::Failed(missing.explain(self.lang)));
        }
        let values = self.values(&lesson, &self.answers);
        if let Some(stage) = &mut self.stage {
            stage.change(Arc::clone(&lesson), values.clone());
        }
        self.enter(same_place(&old, self.step, &lesson));
        // Nobody's progress: a demonstration, which types the lesson's own answers.
        let solution = matches!(self.keeping, Keeping::Nothing(_)).then(|| Box::new(solution(&self.library, &lesson)));
        self.send(Event::Reloaded { lesson, values, solution })
    }
}
