//! Files of lessons and answers, read with care: they may come from anybody.
//! Bounded in size, regular files only, never through a symbolic link, never
//! waiting for a pipe. Used by the loaders.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::diagnostic::{Diagnostic, both};

/// The most bytes of a file of a lesson, or of an answers file: 1 MiB.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// A text file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, as it is to be named to a person.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// A text from elsewhere than a file.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Checks bytes as [`Source::read`] does.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        let name = name.into();
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Diagnostic::of_file(&name, both!("larger than 1 MiB", "le fichier dépasse 1 Mio")));
        }
        match String::from_utf8(bytes) {
            // Some editors end lines with CR LF; nothing here is meant by it.
            Ok(text) if text.contains('\r') => Ok(Self { name, text: text.replace("\r\n", "\n") }),
            Ok(text) => Ok(Self { name, text }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Err(Diagnostic::at(&name, &text, good..good + 3, both!("not UTF-8", "ce n'est pas de l'UTF-8"))
                    .help(both!("save the file as UTF-8", "enregistrez le fichier en UTF-8")))
            }
        }
    }

    /// Reads a file: a regular one, of at most 1 MiB, in UTF-8.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let bytes = read_bounded(path).map_err(|refusal| refusal.into_diagnostic(&name))?;
        Self::from_bytes(name, bytes)
    }

    /// As [`Source::read`], or nothing where there is no such file.
    pub fn read_optional(path: &Path) -> Result<Option<Self>, Diagnostic> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Self::read(path).map(Some),
        }
    }

    /// A mistake at some bytes of this file.
    pub fn at(&self, span: std::ops::Range<usize>, title: super::diagnostic::Both) -> Diagnostic {
        Diagnostic::at(&self.name, &self.text, span, title)
    }
}

/// Why a file is not read.
enum Refusal {
    Link,
    Kind(&'static str, &'static str),
    Io(std::io::Error),
}

impl Refusal {
    fn into_diagnostic(self, name: &str) -> Diagnostic {
        match self {
            Self::Link => Diagnostic::of_file(
                name,
                both!(
                    "a symbolic link; links are not followed here",
                    "c'est un lien symbolique ; ici, ils ne sont pas suivis"
                ),
            )
            .help(both!("put the file itself in its place", "mettez le fichier lui-même à sa place")),
            Self::Kind(en, fr) => {
                Diagnostic::of_file(name, both!("{en}, not a regular file", "{fr}, et non un fichier ordinaire"))
            }
            Self::Io(error) => match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Diagnostic::of_file(name, both!("no such file", "ce fichier n'existe pas"))
                }
                std::io::ErrorKind::PermissionDenied => Diagnostic::of_file(
                    name,
                    both!("failed to read: permission denied", "lecture refusée : permission insuffisante"),
                ),
                _ => Diagnostic::of_file(name, both!("failed to read: {error}", "lecture impossible : {error}")),
            },
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Refusal> {
    // O_NONBLOCK: opening a FIFO without a writer must not wait, see open(2).
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => Refusal::Link,
            Some(libc::ENXIO) => Refusal::Kind("a socket", "une prise (socket)"),
            _ => Refusal::Io(error),
        })?;
    let kind = file.metadata().map_err(Refusal::Io)?.file_type();
    if kind.is_dir() {
        return Err(Refusal::Kind("a directory", "un répertoire"));
    }
    if !kind.is_file() {
        return Err(Refusal::Kind("a pipe or a device", "un tube ou un périphérique"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that too large a file is noticed, not cut.
    take(file).read_to_end(&mut bytes).map_err(Refusal::Io)?;
    Ok(bytes)
}

fn take(file: File) -> std::io::Take<File> {
    file.take(MAX_BYTES + 1)
}
