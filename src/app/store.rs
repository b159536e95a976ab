//! Where a student's work is kept: one answers file per lesson in the XDG state
//! directory, written whole or not at all. Under sudo it is the invoking user's.

use std::io::Write;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::class::{ClassError, Member};
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::answers::{Answers, load_answers};
use crate::lesson::diagnostic::{Diagnostic, render_all};
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Values};
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
    /// Who the student is can't be read.
    #[error("{}", self.explain(Lang::En))]
    Member(#[from] ClassError),
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
            Self::Member(error) => error.explain(lang),
        }
    }
}

/// The place of one student's work.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    /// Under sudo: who the files are given to.
    owner: Option<(u32, u32)>,
    /// The name of whoever is at the keyboard.
    user: String,
    /// Who that is in a class.
    member: Option<Member>,
}

impl Store {
    /// The store of `--state DIR`, or of the user (under sudo, the invoking one).
    pub fn open(directory: Option<&Path>) -> Result<Self, StoreError> {
        let mut store = Self::placed(directory)?;
        store.member = Member::load(&store.member_path())?;
        Ok(store)
    }

    /// As [`Self::open`], for a student who says anew who they are: what can't be read
    /// of that is nothing.
    pub fn open_anew(directory: Option<&Path>) -> Result<Self, StoreError> {
        let mut store = Self::placed(directory)?;
        store.member = Member::load(&store.member_path()).ok().flatten();
        Ok(store)
    }

    /// Without who the student is.
    fn placed(directory: Option<&Path>) -> Result<Self, StoreError> {
        let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
        let invoking = nix::unistd::geteuid().is_root().then(|| number("SUDO_UID").zip(number("SUDO_GID"))).flatten();
        let uid = invoking.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
        let user = nix::unistd::User::from_uid(uid.into()).ok().flatten();
        let name = user.as_ref().map_or_else(|| format!("uid{uid}"), |user| user.name.clone());
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
        Ok(Self { directory, owner: invoking, user: name, member: None })
    }

    /// The student's name: as given to the class, else the user's.
    pub fn student(&self) -> &str {
        self.member.as_ref().map_or(&self.user, |member| &member.student)
    }

    /// Who the student is in a class, if they said so.
    pub fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// The values for a lesson that these answers were begun with: those of the student
    /// of the class; else of the student whom the answers name, or the user.
    pub fn values(&self, lesson: &Lesson, answers: &Answers) -> Values {
        match &self.member {
            Some(member) => member.values(lesson),
            None if answers.student.is_empty() => Values::new(lesson, &self.user),
            None => Values::new(lesson, &answers.student),
        }
    }

    /// The directory of all the work.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it is kept who the student is. No lesson's file: those end in `.toml`.
    pub fn member_path(&self) -> PathBuf {
        self.directory.join("student")
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
            None => Ok(Answers { lesson: lesson.id.clone(), student: self.student().to_owned(), ..Answers::default() }),
            Some(source) => crate::lesson::answers::validate_answers(&source, lesson).map_err(StoreError::Unreadable),
        }
    }

    /// Keeps the answers: written beside, made durable, renamed over.
    pub fn save(&self, answers: &Answers) -> Result<(), StoreError> {
        self.write(&self.path(&answers.lesson), &answers.to_toml())
    }

    /// Keeps who the student is, with the token: a file of mode 0600.
    pub fn join(&mut self, member: Member) -> Result<(), StoreError> {
        self.write(&self.member_path(), &member.to_toml())?;
        self.member = Some(member);
        Ok(())
    }

    /// Moves all answers into a directory beside them, `before-1` or the next that is
    /// free, but those to keep; where to, if there were any.
    pub fn set_aside(&self, keep: impl Fn(&Answers) -> bool) -> Result<Option<PathBuf>, StoreError> {
        let failed = |path: &Path, error: &std::io::Error| StoreError::Io(path.to_owned(), Errno::from(error));
        let entries = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(|error| failed(&self.directory, &error))?,
        };
        let is_answers = |path: &PathBuf| path.extension().is_some_and(|end| end == "toml");
        let moved: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_answers(path) && !load_answers(path).is_ok_and(|answers| keep(&answers)))
            .collect();
        if moved.is_empty() {
            return Ok(None);
        }
        let places = (1..).map(|number| self.directory.join(format!("before-{number}")));
        let Some(aside) = places.into_iter().find(|path| path.symlink_metadata().is_err()) else { return Ok(None) };
        Self { directory: aside.clone(), ..self.clone() }.make_directory()?;
        for from in moved {
            let to = aside.join(from.file_name().unwrap_or_default());
            std::fs::rename(&from, &to).map_err(|error| failed(&from, &error))?;
        }
        Ok(Some(aside))
    }

    /// Writes a file of the student's own.
    fn write(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| StoreError::Io(path, Errno::from(&error))
        };
        self.make_directory()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed(&self.directory))?;
        file.write_all(text.as_bytes()).map_err(failed(path))?;
        file.as_file().sync_data().map_err(failed(path))?;
        if let Some((uid, gid)) = self.owner {
            std::os::unix::fs::fchown(file.as_file(), Some(uid), Some(gid)).map_err(failed(path))?;
        }
        file.persist(path).map_err(|error| failed(path)(error.error))?;
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
