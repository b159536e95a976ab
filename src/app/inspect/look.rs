//! Looking at one process again and again: from outside, and through an observer that
//! the keeper of an empty lab sends into its namespaces. Used by every form of
//! `cloison inspect PID`; waits at most [`PATIENCE`] for the observer.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::i18n::{Explain, Lang};
use crate::kernel::terminal::Settings;
use crate::lab::{Lab, LabError, Options};
use crate::observe::{self, Container, Refused, Sampler, Snapshot, Subject, Told, View, model::Unread};

/// How long an observer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// After one that took longer (what it looks at may never answer), the next comes so
/// much later.
const REST: Duration = Duration::from_secs(30);

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
            Self::NoProc(why) => crate::app::snapshot_command::no_proc(why, lang),
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
    pub(super) fn snapshot(&mut self, observer: &mut Observer) -> Snapshot {
        let pid = self.subject.pid();
        self.sampler.inspect(&mut self.subject, || observer.view(pid))
    }

    /// The container that the process is in, where it is in one.
    pub(super) fn container(&mut self) -> Option<Container> {
        let (pid, census) = (self.subject.pid(), self.sampler.take_census().ok()?);
        let alive = self.subject.alive();
        census.containers.into_iter().find(|one| alive && one.processes.iter().any(|each| each.pid == pid))
    }
}

/// Sends observers into the namespaces of processes. Dropping it takes its lab down.
pub(super) struct Observer {
    lab: Option<Lab>,
    /// The terminal to restore should the program be killed.
    terminal: Option<(OwnedFd, Settings)>,
    not_before: Option<Instant>,
}

impl Observer {
    /// Starts an empty lab. Where there can be none all is seen from outside.
    pub(super) fn new(terminal: Option<(OwnedFd, Settings)>) -> Self {
        let mut observer = Self { lab: None, terminal, not_before: None };
        observer.start();
        observer
    }

    fn start(&mut self) {
        let terminal = self.terminal.as_ref();
        let terminal = terminal.and_then(|(fd, settings)| Some((fd.try_clone().ok()?, settings.clone())));
        self.lab = Lab::start(Options { terminal, ..Options::default() }).ok();
    }

    fn view(&mut self, pid: u32) -> Option<View> {
        if self.not_before.is_some_and(|then| Instant::now() < then) {
            return None;
        }
        match self.lab.as_mut()?.observe(pid, &observe::Look::default().encode(), PATIENCE) {
            Ok(Some(bytes)) => Told::decode(&bytes).ok().map(|told| told.view),
            Ok(None) => {
                self.not_before = Some(Instant::now() + REST);
                None
            }
            Err(LabError::KeeperDied) => {
                self.start();
                None
            }
            // Gone, or not to be looked at: the view from outside says so.
            Err(_) => None,
        }
    }
}
