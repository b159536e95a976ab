//! The files behind values of one's own: a teacher's class key, and what a student
//! gave the program once (name and token). Tells whoever judges answers which values
//! they are judged by. No secret goes to where a student's commands run: not into the
//! answers, nor an environment, nor the memory of a process that a jail is forked from.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::i18n::{Explain, Lang};
use crate::kernel::process::{self, Exit, Side};
use crate::kernel::program::pipe;
use crate::kernel::{Errno, Trace};
use crate::lesson::answers::Answers;
use crate::lesson::diagnostic::{Both, both, printable};
use crate::lesson::token::{Key, NotAToken, Token};
use crate::lesson::{Lesson, Values};
use crate::say;

/// The most that a file of these is long.
const LONGEST: u64 = 4 << 10;

/// Why a key or a student's own file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ClassError {
    /// The file can't be read or written.
    #[error("{}", self.explain(Lang::En))]
    Io(PathBuf, Errno),
    /// There is a file already: a key that is lost is lost for the whole class.
    #[error("{}", self.explain(Lang::En))]
    Exists(PathBuf),
    /// What is there is no key.
    #[error("{}", self.explain(Lang::En))]
    NotAKey(PathBuf),
    /// What is there is not what `join` writes.
    #[error("{}", self.explain(Lang::En))]
    NotJoined(PathBuf, String),
    /// Answers without a name can't be judged by the name's values.
    #[error("{}", self.explain(Lang::En))]
    Nameless(String),
}

impl Explain for ClassError {
    fn explain(&self, lang: Lang) -> String {
        let shown = |path: &PathBuf| printable(&path.display().to_string());
        match self {
            Self::Io(path, errno) => {
                let (path, errno) = (shown(path), errno.explain(lang));
                say!(lang, "{path}: {errno}.", "{path} : {errno}.")
            }
            Self::Exists(path) => {
                let path = shown(path);
                say!(
                    lang,
                    "{path} is there already, and was left as it is: who loses the key of a class loses the values of all its students. Name another file.",
                    "{path} existe déjà et a été laissé tel quel : perdre la clé d'une classe, c'est perdre les valeurs de tous ses étudiants. Nommez un autre fichier."
                )
            }
            Self::NotAKey(path) => {
                let path = shown(path);
                say!(
                    lang,
                    "{path} holds no class key. `cloison answers key FILE` makes one.",
                    "{path} ne contient pas de clé de classe. `cloison answers key FICHIER` en fait une."
                )
            }
            Self::NotJoined(path, why) => {
                let (path, why) = (shown(path), printable(why));
                say!(
                    lang,
                    "{path} can't be read: {why}. Give your name and token once more: cloison answers join NAME TOKEN.",
                    "{path} est illisible : {why}. Redonnez votre nom et votre jeton : cloison answers join NOM JETON."
                )
            }
            Self::Nameless(lesson) => {
                let lesson = printable(lesson);
                say!(
                    lang,
                    "The answers to `{lesson}` name no student, and values come from the name. Write student = \"NAME\" into the file, or say --student NAME.",
                    "Les réponses à « {lesson} » ne nomment aucun étudiant, et les valeurs viennent du nom. Écrivez student = \"NOM\" dans le fichier, ou dites --student NOM."
                )
            }
        }
    }
}

/// Who a student said they are, with `cloison answers join`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub student: String,
    /// The token, where the class has a key.
    pub token: Option<Token>,
}

/// The file that `join` writes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberFile {
    student: String,
    token: Option<String>,
}

impl Member {
    /// Who it is, from what a student was given.
    pub fn new(student: &str, token: Option<&str>) -> Result<Self, NotAToken> {
        let token = token.map(|text| Token::parse(student, text)).transpose()?;
        Ok(Self { student: student.to_owned(), token })
    }

    /// Reads the file at this place; nothing where there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, ClassError> {
        let text = match read(path) {
            Err(ClassError::Io(_, Errno(libc::ENOENT | libc::ENOTDIR))) => return Ok(None),
            other => other?,
        };
        let not_joined = |why: String| ClassError::NotJoined(path.to_owned(), why);
        // The message of a parser shows the line, which may be the token's.
        let file: MemberFile = toml::from_str(&text).map_err(|error| not_joined(error.message().to_owned()))?;
        let member = Self::new(&file.student, file.token.as_deref());
        member.map(Some).map_err(|error| not_joined(error.explain(Lang::En)))
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        let file = MemberFile { student: self.student.clone(), token: self.token.as_ref().map(Token::to_text) };
        toml::to_string(&file).unwrap_or_default()
    }

    /// The values of this student in a lesson.
    pub fn values(&self, lesson: &Lesson) -> Values {
        match &self.token {
            Some(token) => Values::keyed(lesson, token),
            None => Values::new(lesson, &self.student),
        }
    }
}

/// Makes a class key: a new file of mode 0600.
pub fn make_key(path: &Path) -> Result<(), ClassError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ClassError::Exists(path.to_owned()),
        _ => ClassError::Io(path.to_owned(), Errno::from(&error)),
    };
    let random = Path::new("/dev/urandom");
    let mut bytes = [0; 32];
    File::open(random)
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| ClassError::Io(random.to_owned(), Errno::from(&error)))?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let text = format!("# cloison: class key / clé de classe. SECRET.\n{}\n", Key::new(bytes).to_text());
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a key is none; the next try must find room.
        let _ = std::fs::remove_file(path);
        failed(error)
    })
}

/// Reads a class key. Who forks a jail later must not call this itself, but [`values`].
pub fn read_key(path: &Path) -> Result<Key, ClassError> {
    Key::parse(&read(path)?).ok_or_else(|| ClassError::NotAKey(path.to_owned()))
}

/// Whether others than its owner may read a file.
pub fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.mode() & 0o077 != 0)
}

/// The values that each of these answers is judged by, in their order: those of the
/// student whom the answers name, under the class key where there is one.
///
/// With a key the calling process must have one thread: a child of it reads the key,
/// since what a process has read once its forks may still find in their memory.
pub fn values(key: Option<&Path>, work: &[(Arc<Lesson>, Answers)]) -> Result<Vec<Values>, ClassError> {
    let Some(path) = key else {
        return Ok(work.iter().map(|(lesson, answers)| Values::new(lesson, &answers.student)).collect());
    };
    let nameless = |answers: &Answers| answers.student.is_empty() && !answers.is_empty();
    if let Some((lesson, _)) = work.iter().find(|(_, answers)| nameless(answers)) {
        return Err(ClassError::Nameless(lesson.id.clone()));
    }
    let keyed = || {
        let key = read_key(path)?;
        Ok(work.iter().map(|(lesson, answers)| Values::keyed(lesson, &key.token(&answers.student))).collect())
    };
    apart(|| postcard::to_stdvec::<Result<Vec<Values>, ClassError>>(&keyed()).unwrap_or_default())
        .and_then(|bytes| postcard::from_bytes(&bytes).map_err(|_| Errno(libc::EIO)))
        .map_err(|errno| ClassError::Io(path.to_owned(), errno))?
}

/// What to tell whoever grades where answers hold values that the name alone gives, and
/// none of the class's: the student has not joined, and all of it fails for that.
pub fn unjoined(lesson: &Lesson, answers: &Answers, values: &Values) -> Option<Both> {
    let unkeyed = Values::new(lesson, values.student());
    let typed: Vec<&String> = answers.tasks.values().flat_map(|shells| shells.values()).collect();
    // A short number is in any command.
    let telling = |value: &str| value.len() >= 4 && typed.iter().any(|lines| lines.contains(value));
    // One of a few words may be the same by chance.
    let differ = || unkeyed.iter().zip(values.iter()).filter(|(theirs, own)| theirs != own);
    let holds_theirs = differ().any(|((_, theirs), _)| telling(theirs));
    (holds_theirs && !differ().any(|(_, (_, own))| telling(own))).then(|| {
        let (lesson, student) = (&lesson.id, printable(values.student()));
        both!(
            "{lesson}: {student} answered with the values of an unkeyed class, before `cloison answers join` or without.",
            "{lesson} : {student} a répondu avec les valeurs d'une classe sans clé, avant `cloison answers join` ou sans."
        )
    })
}

/// What `work` gives, done in a process of its own.
fn apart(work: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, Errno> {
    let (mut read, write) = pipe()?;
    match process::fork(&mut Trace::default())? {
        Side::Child => {
            drop(read);
            let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| File::from(write).write_all(&work())));
            process::exit_now(i32::from(!matches!(sent, Ok(Ok(())))));
        }
        Side::Parent(child) => {
            drop(write);
            let mut bytes = Vec::new();
            let got = read.read_to_end(&mut bytes);
            let ended = process::wait_for(child);
            got.map_err(|error| Errno::from(&error))?;
            if ended == Some(Exit::Code(0)) { Ok(bytes) } else { Err(Errno(libc::EIO)) }
        }
    }
}

/// Reads a small regular file.
fn read(path: &Path) -> Result<String, ClassError> {
    let failed = |errno: Errno| ClassError::Io(path.to_owned(), errno);
    // A pipe (`<(…)`) is fine, and one that nobody writes to waits for its writer.
    let file = File::open(path).map_err(|error| failed(Errno::from(&error)))?;
    let mut text = String::new();
    let taken = file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => failed(Errno(libc::EILSEQ)),
        _ => failed(Errno::from(&error)),
    })?;
    if taken as u64 > LONGEST { Err(failed(Errno(libc::EFBIG))) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_the_owners_alone_and_is_never_written_over() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        make_key(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(make_key(&path), Err(ClassError::Exists(path.clone())));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let other = place.path().join("other");
        make_key(&other).unwrap();
        assert_ne!(std::fs::read_to_string(&other).unwrap(), text);
        assert_eq!(read_key(&path).unwrap().to_text(), text.lines().last().unwrap());
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_place() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        std::fs::write(&path, "cloison-key-1:12\n").unwrap();
        assert_eq!(read_key(&path).unwrap_err(), ClassError::NotAKey(path.clone()));
        std::fs::write(&path, [0xff; 9]).unwrap();
        assert_eq!(read_key(&path).unwrap_err(), ClassError::Io(path.clone(), Errno(libc::EILSEQ)));
        std::fs::write(&path, vec![b'#'; 5000]).unwrap();
        assert_eq!(read_key(&path).unwrap_err(), ClassError::Io(path.clone(), Errno(libc::EFBIG)));
        for lang in Lang::ALL {
            assert!(read_key(&path).unwrap_err().explain(lang).contains(path.to_str().unwrap()));
        }
    }

    #[test]
    fn a_student_who_joined_is_read_back_and_a_damaged_file_shows_no_token() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("student");
        assert_eq!(Member::load(&path), Ok(None));
        let token = Key::new([7; 32]).token("Ana \"Máx\"").to_text();
        let member = Member::new("Ana \"Máx\"", Some(&token)).unwrap();
        std::fs::write(&path, member.to_toml()).unwrap();
        assert_eq!(Member::load(&path), Ok(Some(member.clone())));
        for damaged in
            [member.to_toml().replace("Ana", "Eve"), member.to_toml() + "more = 1\n", format!("token={token}\n[")]
        {
            std::fs::write(&path, &damaged).unwrap();
            let error = Member::load(&path).unwrap_err();
            assert!(!error.to_string().contains(&token[..8]), "{error}");
        }
    }
}
