//! A system call that was really made: what the trace pane lists. Filled in by
//! the wrappers of this part, in the process that makes the call.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::i18n::{Explain, Lang};

/// An error number of the kernel, see errno(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Errno(pub i32);

impl Errno {
    /// The symbol, `EPERM`; `E999` for a number that has none.
    pub fn symbol(self) -> String {
        let known = nix::errno::Errno::from_raw(self.0);
        match known {
            nix::errno::Errno::UnknownErrno => format!("E{}", self.0),
            known => format!("{known:?}"),
        }
    }

    /// The error number of a symbol, errno(3); nothing where there is none of the name.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        // The kernel's last is EHWPOISON, 133.
        (1..=133).map(Self).find(|errno| errno.symbol() == symbol)
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.explain(Lang::En))
    }
}

impl From<nix::errno::Errno> for Errno {
    fn from(errno: nix::errno::Errno) -> Self {
        Self(errno as i32)
    }
}

impl From<&std::io::Error> for Errno {
    /// The error number of an I/O error; `EIO` where the error came from
    /// elsewhere than the kernel.
    fn from(error: &std::io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<std::io::Error> for Errno {
    fn from(error: std::io::Error) -> Self {
        Self::from(&error)
    }
}

impl Explain for Errno {
    /// `EPERM: operation not permitted` / `EPERM : opération non permise`.
    fn explain(&self, lang: Lang) -> String {
        let words = match self.0 {
            libc::EPERM => lang.pick("operation not permitted", "opération non permise"),
            libc::ENOENT => lang.pick("no such file or directory", "aucun fichier ou dossier de ce nom"),
            libc::ESRCH => lang.pick("no such process", "aucun processus de ce numéro"),
            libc::EINTR => lang.pick("interrupted by a signal", "interrompu par un signal"),
            libc::EIO => lang.pick("input/output error", "erreur d'entrée-sortie"),
            libc::E2BIG => lang.pick("argument list too long", "liste d'arguments trop longue"),
            libc::ENOEXEC => lang.pick("not an executable format", "format non exécutable"),
            libc::EBADF => lang.pick("bad file descriptor", "descripteur de fichier invalide"),
            libc::ECHILD => lang.pick("no child process", "aucun processus fils"),
            libc::EAGAIN => lang.pick(
                "resource temporarily unavailable (a limit, often)",
                "ressource temporairement indisponible (une limite, souvent)",
            ),
            libc::ENOMEM => lang.pick(
                "out of memory (or: a PID namespace whose init has died)",
                "mémoire épuisée (ou : un espace de noms PID dont l'init est mort)",
            ),
            libc::EACCES => lang.pick("permission denied", "permission refusée"),
            libc::EBUSY => lang.pick("device or resource busy", "périphérique ou ressource occupé"),
            libc::EEXIST => lang.pick("already exists", "existe déjà"),
            libc::ENODEV => {
                lang.pick("no such device or file system type", "aucun périphérique ou système de fichiers de ce type")
            }
            libc::ENOTDIR => lang.pick("not a directory", "n'est pas un répertoire"),
            libc::EISDIR => lang.pick("is a directory", "est un répertoire"),
            libc::EINVAL => lang.pick("invalid argument", "argument invalide"),
            libc::EMFILE | libc::ENFILE => lang.pick("too many open files", "trop de fichiers ouverts"),
            libc::ENOTTY => lang.pick("not a terminal", "n'est pas un terminal"),
            libc::ETXTBSY => lang.pick("program file busy", "fichier de programme occupé"),
            libc::EFBIG => lang.pick("file too large", "fichier trop grand"),
            libc::ENOSPC => lang.pick(
                "no space left (or: the limit on namespaces is reached)",
                "plus de place (ou : la limite du nombre d'espaces de noms est atteinte)",
            ),
            libc::EROFS => lang.pick("read-only file system", "système de fichiers en lecture seule"),
            libc::EPIPE => lang.pick("broken pipe", "tube rompu"),
            libc::ENAMETOOLONG => lang.pick("name too long", "nom trop long"),
            libc::ENOSYS => lang.pick("not in this kernel", "absent de ce noyau"),
            libc::ENOTEMPTY => lang.pick("directory not empty", "répertoire non vide"),
            libc::ELOOP => lang.pick("too many symbolic links", "trop de liens symboliques"),
            libc::EUSERS => lang.pick(
                "too many users (nesting of user namespaces)",
                "trop d'utilisateurs (imbrication des espaces de noms user)",
            ),
            libc::EOPNOTSUPP => lang.pick("not supported", "non pris en charge"),
            libc::ENETUNREACH => lang
                .pick("network is unreachable (no route leads there)", "réseau inaccessible (aucune route n'y mène)"),
            libc::EHOSTUNREACH => {
                lang.pick("no route to host (it does not answer)", "hôte inaccessible (il ne répond pas)")
            }
            libc::ENETDOWN => lang.pick("network is down", "réseau désactivé"),
            libc::ECONNREFUSED => lang.pick(
                "connection refused (nobody listens on this port)",
                "connexion refusée (personne n'écoute sur ce port)",
            ),
            libc::EADDRINUSE => lang.pick("address already in use", "adresse déjà utilisée"),
            libc::EADDRNOTAVAIL => lang.pick("no interface has this address", "aucune interface n'a cette adresse"),
            libc::EBADMSG => lang.pick("not the answer expected", "ce n'est pas la réponse attendue"),
            libc::ENXIO => lang.pick("no such device or address", "aucun périphérique ni adresse de ce nom"),
            libc::EFAULT => lang.pick("bad address", "adresse mémoire invalide"),
            libc::EXDEV => lang.pick("not on the same file system", "pas sur le même système de fichiers"),
            libc::ESPIPE => lang.pick("not seekable (a pipe, often)", "sans position (un tube, souvent)"),
            libc::EMLINK => lang.pick("too many links", "trop de liens"),
            libc::EDQUOT => lang.pick("disk quota exceeded", "quota de disque dépassé"),
            libc::EDEADLK => lang.pick("deadlock avoided", "interblocage évité"),
            libc::ENOLCK => lang.pick("no locks available", "plus de verrou disponible"),
            libc::ESTALE => lang.pick("stale file handle", "référence de fichier périmée"),
            libc::EOVERFLOW => lang.pick("value too large", "valeur trop grande"),
            libc::ENODATA => lang.pick("no data available", "aucune donnée disponible"),
            libc::ECANCELED => lang.pick("canceled", "annulé"),
            libc::ENOTSOCK => lang.pick("not a socket", "n'est pas une socket"),
            libc::ENOTCONN => lang.pick("not connected", "non connecté"),
            libc::EISCONN => lang.pick("already connected", "déjà connecté"),
            libc::EINPROGRESS => lang.pick("now in progress", "en cours"),
            libc::EALREADY => lang.pick("already in progress", "déjà en cours"),
            libc::ECONNRESET => lang.pick("connection reset by the other side", "connexion coupée par l'autre côté"),
            libc::ECONNABORTED => lang.pick("connection aborted", "connexion abandonnée"),
            libc::EAFNOSUPPORT => lang.pick("no such address family", "famille d'adresses inconnue"),
            libc::EPROTONOSUPPORT => lang.pick("no such protocol", "protocole inconnu"),
            libc::EDESTADDRREQ => lang.pick("no destination given", "destination manquante"),
            libc::EMSGSIZE => lang.pick("message too long", "message trop long"),
            libc::ETIMEDOUT => lang.pick("timed out", "délai dépassé"),
            libc::ERANGE => lang.pick("out of range", "hors limites"),
            other => {
                let words = nix::errno::Errno::from_raw(other).desc();
                return match lang {
                    Lang::En => format!("{}: {}", self.symbol(), words.to_lowercase()),
                    Lang::Fr => format!("{} (errno {other})", self.symbol()),
                };
            }
        };
        match lang {
            Lang::En => format!("{}: {words}", self.symbol()),
            Lang::Fr => format!("{} : {words}", self.symbol()),
        }
    }
}

/// One system call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The name, as in section 2 of the manual (`unshare`).
    pub name: String,
    /// The arguments, decoded (`CLONE_NEWUTS`, `"/proc"`), in order.
    pub args: Vec<String>,
    /// What it returned when it succeeded.
    pub result: Result<i64, Errno>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl std::fmt::Display for Call {
    /// As strace(1) would: `unshare(CLONE_NEWUTS) = 0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({}) = ", self.name, self.args.join(", "))?;
        match self.result {
            Ok(value) => write!(f, "{value}"),
            Err(errno) => write!(f, "-1 {errno}"),
        }
    }
}

/// Stands between a call and the next one: is told the calls made so far, and comes
/// back when the next may be made.
pub type Gate = Box<dyn FnMut(&[Call])>;

/// The calls made so far by one op, in order.
#[derive(Default)]
pub struct Trace {
    /// The calls, oldest first.
    pub calls: Vec<Call>,
    gate: Option<Gate>,
}

impl Trace {
    /// A trace that waits at a gate after each call.
    pub fn slowly(gate: Gate) -> Self {
        Self { calls: Vec::new(), gate: Some(gate) }
    }

    /// Takes in calls that somebody else has made for this op.
    pub fn extend(&mut self, calls: Vec<Call>) {
        self.calls.extend(calls);
        self.wait();
    }

    /// Waits at the gate, if there is one.
    fn wait(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate(&self.calls);
        }
    }

    /// Makes a call after which there are two of the caller, as [`Self::record`]: the
    /// parent alone waits at the gate, and has it afterwards.
    pub fn record_fork<T>(
        &mut self,
        name: &str,
        call: impl FnOnce() -> nix::Result<T>,
        as_number: impl FnOnce(&T) -> i64,
    ) -> Result<T, Errno> {
        let gate = self.gate.take();
        let side = self.record(name, vec![], call, as_number);
        if !matches!(self.calls.last(), Some(Call { result: Ok(0), .. })) {
            self.gate = gate;
            self.wait();
        }
        side
    }

    /// Makes a call, measures it, records it, and hands its result on. `as_number`
    /// says what the call returned, as a number, when it succeeded.
    pub fn record<T>(
        &mut self,
        name: &str,
        args: Vec<String>,
        call: impl FnOnce() -> nix::Result<T>,
        as_number: impl FnOnce(&T) -> i64,
    ) -> Result<T, Errno> {
        let start = Instant::now();
        let outcome = call();
        let micros = start.elapsed().as_micros() as u64;
        let outcome = outcome.map_err(Errno::from);
        let result = match &outcome {
            Ok(value) => Ok(as_number(value)),
            Err(errno) => Err(*errno),
        };
        self.calls.push(Call { name: name.to_owned(), args, result, micros });
        self.wait();
        outcome
    }
}

/// A text argument as it is shown: in double quotes, control characters escaped.
pub fn quoted(text: impl AsRef<std::ffi::OsStr>) -> String {
    format!("{:?}", text.as_ref().to_string_lossy())
}
