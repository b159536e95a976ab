//! Where a student's work is kept: one answers file per lesson in the XDG state
//! directory, written whole or not at all. Under sudo it is the invoking user's.

use std::io::Write;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::Lesson;
use crate::lesson::answers::Answers;
use crate::lesson::diagnostic::{Diagnostic, render_all};
use crate::lesson::source::Source;
use crate::say;

/// Why work could not be kept or had back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no home to keep it in.
    #[error("{}", self.explain(Lang::En))]
    NoPlace,
    /// A file or directory can't be used.
    #[error("{}", self.explain(Lang::En))]
    Io(PathBuf, Errno),
    /// What is there is no answers file of this lesson.
    #[error("{}", self.explain(Lang::En))]
    Unreadable(Vec<Diagnostic>),
}

impl Explain for StoreError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoPlace => say!(
                lang,
                "There is no place to keep your progress: HOME is not set. Say one with --state DIR.",
                "Il n'y a pas d'endroit où garder votre progression : HOME n'est pas définie. Donnez-en un avec --state DOSSIER."
            ),
            Self::Io(path, errno) => {
                let (path, errno) = (path.display(), errno.explain(lang));
                say!(
                    lang,
                    "Your progress can't be kept: {path}: {errno}.",
                    "Votre progression ne peut pas être gardée : {path} : {errno}."
                )
            }
            Self::Unreadable(diagnostics) => render_all(diagnostics, lang, false),
        }
    }
}

/// The place of one student's work.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    /// Under sudo: who the files are given to.
    owner: Option<(u32, u32)>,
    /// The name that seeds the student's own values.
    student: String,
}

impl Store {
    /// The store of `--state DIR`, or of the user (under sudo, the invoking one).
    pub fn open(directory: Option<&Path>) -> Result<Self, StoreError> {
        let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
        let invoking = nix::unistd::geteuid().is_root().then(|| number("SUDO_UID").zip(number("SUDO_GID"))).flatten();
        let uid = invoking.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
        let user = nix::unistd::User::from_uid(uid.into()).ok().flatten();
        let student = user.as_ref().map_or_else(|| format!("uid{uid}"), |user| user.name.clone());
        let directory = match (directory, invoking, user) {
            (Some(directory), _, _) => directory.to_owned(),
            (None, Some(_), Some(user)) => user.dir.join(".local/state/cloison"),
            _ => {
                let strategy = etcetera::choose_base_strategy().map_err(|_| StoreError::NoPlace)?;
                strategy.state_dir().ok_or(StoreError::NoPlace)?.join("cloison")
            }
        };
        if !directory.is_absolute() && directory.as_os_str().is_empty() {
            return Err(StoreError::NoPlace);
        }
        Ok(Self { directory, owner: invoking, student })
    }

    /// The student's name.
    pub fn student(&self) -> &str {
        &self.student
    }

    /// The file of a lesson's answers.
    pub fn path(&self, lesson: &str) -> PathBuf {
        self.directory.join(format!("{lesson}.toml"))
    }

    /// The answers so far; empty ones where there are none yet.
    pub fn load(&self, lesson: &Lesson) -> Result<Answers, StoreError> {
        let path = self.path(&lesson.id);
        let found = Source::read_optional(&path).map_err(|one| StoreError::Unreadable(vec![one]))?;
        match found {
            None => Ok(Answers { lesson: lesson.id.clone(), student: self.student.clone(), ..Answers::default() }),
            Some(source) => crate::lesson::answers::validate_answers(&source, lesson).map_err(StoreError::Unreadable),
        }
    }

    /// Keeps the answers: written beside, made durable, renamed over.
    pub fn save(&self, answers: &Answers) -> Result<(), StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| StoreError::Io(path, Errno::from(&error))
        };
        self.make_directory()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed(&self.directory))?;
        let path = self.path(&answers.lesson);
        file.write_all(answers.to_toml().as_bytes()).map_err(failed(&path))?;
        file.as_file().sync_data().map_err(failed(&path))?;
        if let Some((uid, gid)) = self.owner {
            std::os::unix::fs::fchown(file.as_file(), Some(uid), Some(gid)).map_err(failed(&path))?;
        }
        file.persist(&path).map_err(|error| failed(&path)(error.error))?;
        Ok(())
    }

    /// Makes the directory and the missing ones above it, each given to the user.
    fn make_directory(&self) -> Result<(), StoreError> {
        let missing: Vec<&Path> = self.directory.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
            let made = match std::fs::create_dir(path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            };
            made.and_then(|()| match self.owner {
                Some((uid, gid)) => std::os::unix::fs::lchown(path, Some(uid), Some(gid)),
                None => Ok(()),
            })
            .map_err(|error| StoreError::Io(path.to_owned(), Errno::from(&error)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_there_again_and_nothing_else_is_left() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(Some(&place.path().join("a/b"))).unwrap();
        let mut answers = Answers { lesson: "uts".into(), student: "ana".into(), ..Answers::default() };
        answers.answers.insert("guess".into(), "other".into());
        store.save(&answers).unwrap();
        store.save(&answers).unwrap();
        let read = crate::lesson::answers::load_answers(&store.path("uts")).unwrap();
        assert_eq!(read, answers);
        assert_eq!(std::fs::read_dir(place.path().join("a/b")).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_said_with_its_path() {
        let store = Store::open(Some(Path::new("/proc/nowhere"))).unwrap();
        let answers = Answers { lesson: "uts".into(), ..Answers::default() };
        let error = store.save(&answers).unwrap_err();
        assert!(error.to_string().contains("/proc/nowhere"), "{error}");
    }
}
