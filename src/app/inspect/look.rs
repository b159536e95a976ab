//! Looking at one process again and again. Used by every form of `cloison inspect
//! PID`.

use crate::i18n::{Explain, Lang};
use crate::observe::{Container, Refused, Sampler, Snapshot, Subject, model::Unread};
use crate::say;

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// There is no /proc to read.
    #[error("{}", self.explain(Lang::En))]
    NoProc(Unread),
    /// The process can't be inspected.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl LookError {
    /// The exit code that says so.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::NoProc(_) => super::USAGE,
            Self::Refused(_) => super::NOBODY,
        }
    }
}

impl Explain for LookError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoProc(why) => say!(
                lang,
                "failed to open {}: {}; a mounted /proc is needed to look at processes",
                "impossible d'ouvrir {} : {} ; il faut un /proc monté pour observer les processus",
                why.path,
                why.errno.explain(lang)
            ),
            Self::Refused(refused) => refused.explain(lang),
        }
    }
}

/// A process that is looked at.
pub(super) struct Look {
    sampler: Sampler,
    subject: Subject,
}

impl Look {
    /// Takes hold of a process.
    pub(super) fn at(pid: u32) -> Result<Self, LookError> {
        let mut sampler = Sampler::new().map_err(LookError::NoProc)?;
        let subject = sampler.subject(pid)?;
        Ok(Self { sampler, subject })
    }

    /// The machine now; once the process has ended, with its last view.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.sampler.inspect(&mut self.subject, || None)
    }

    /// The container that the process is in, where it is in one.
    pub(super) fn container(&mut self) -> Option<Container> {
        let (pid, census) = (self.subject.pid(), self.sampler.census().ok()?);
        let alive = self.subject.alive();
        census.containers.into_iter().find(|one| alive && one.processes.iter().any(|each| each.pid == pid))
    }
}
