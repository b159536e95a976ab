//! Where features are tried: a lab of the doctor's own, one throw-away actor for
//! each attempt, so that what is found is exactly what lessons will meet. Nothing
//! is tried in the calling process, which may be root and may have threads.

use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lab::protocol::{Failure, Performed};
use crate::lab::{Lab, LabError, Options};
use crate::lesson::diagnostic::Both;
use crate::lesson::op::{Controller, MapKind, MountFlag, NsKind, Op};

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Everything succeeded.
    Worked,
    /// A call failed.
    Failed(Failed),
    /// It could not be tried, and why.
    Untried(Both),
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// Why.
    pub errno: Errno,
    /// The call, as strace(1) would show it, or what was being done.
    pub call: String,
    /// What kind of op it was part of.
    pub stage: Stage,
}

/// Where in an attempt a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Leaving namespaces.
    Unshare,
    /// Writing the id maps, or becoming who they make one.
    Map,
    /// Using the namespaces made.
    Use,
}

/// A lab for attempts; everything is gone once it is dropped.
pub(super) struct Bench {
    lab: Result<Lab, LabError>,
    next: u32,
}

impl Bench {
    /// Starts the keeper; where that fails, every attempt says so.
    pub fn start() -> Self {
        Self { lab: Lab::start(Options::default()), next: 0 }
    }

    /// Why there is no lab.
    pub fn trouble(&self) -> Option<(Both, Option<Errno>)> {
        let error = self.lab.as_ref().err()?;
        let errno = if let LabError::Start { errno, .. } = error { Some(*errno) } else { None };
        Some((words(error), errno))
    }

    /// Carries out ops in order until one fails. `ops` is given a name that is free
    /// in the lab, and says which actor each op is for: that name, which is spawned
    /// first, or one that an op before has forked.
    pub fn attempt(&mut self, ops: impl FnOnce(&str) -> Vec<(String, Op)>) -> Attempt {
        let lab = match &mut self.lab {
            Ok(lab) => lab,
            Err(error) => return Attempt::Untried(words(error)),
        };
        self.next += 1;
        let name = format!("probe{}", self.next);
        let ops = ops(&name);
        if let Err(error) = lab.spawn(&name) {
            return Attempt::Untried(words(&error));
        }
        Self::carry_out(lab, &ops)
    }

    /// Has the lab make groups of its own, with this controller.
    pub fn groups(&mut self, controller: Option<Controller>) -> Attempt {
        let lab = match &mut self.lab {
            Ok(lab) => lab,
            Err(error) => return Attempt::Untried(words(error)),
        };
        match lab.groups(controller.into_iter().collect()) {
            Ok(_) => Attempt::Worked,
            Err(LabError::Failed(Failure::Call(errno, call))) => {
                Attempt::Failed(Failed { errno, call, stage: Stage::Use })
            }
            Err(error) => Attempt::Untried(words(&error)),
        }
    }

    /// As [`Self::attempt`], with a second actor, which is spawned as well.
    pub fn attempt_of_two(&mut self, ops: impl FnOnce(&str, &str) -> Vec<(String, Op)>) -> Attempt {
        let other = format!("other{}", self.next + 1);
        if let Ok(lab) = &mut self.lab
            && let Err(error) = lab.spawn(&other)
        {
            return Attempt::Untried(words(&error));
        }
        self.attempt(|name| ops(name, &other))
    }

    fn carry_out(lab: &mut Lab, ops: &[(String, Op)]) -> Attempt {
        for (actor, op) in ops {
            match lab.perform(actor, op) {
                Ok(performed) => {
                    if let Some(failed) = failure(op, &performed) {
                        return Attempt::Failed(failed);
                    }
                }
                Err(error) => return Attempt::Untried(words(&error)),
            }
        }
        Attempt::Worked
    }
}

fn words(error: &LabError) -> Both {
    Lang::ALL.map(|lang| error.explain(lang))
}

/// What failed in an op, if something did.
fn failure(op: &Op, performed: &Performed) -> Option<Failed> {
    let (errno, doing) = performed.failure.as_ref()?;
    let last = performed.calls.last().filter(|call| call.result.is_err());
    let call = last.map_or_else(|| doing.clone(), |call| format!("{}({})", call.name, call.args.join(", ")));
    let stage = match op {
        Op::Unshare { .. } if last.is_some_and(|call| call.name == "unshare") => Stage::Unshare,
        Op::Unshare { .. } | Op::Map { .. } => Stage::Map,
        _ => Stage::Use,
    };
    Some(Failed { errno: *errno, call, stage })
}

/// unshare(2) of a user namespace and of `kinds`, and root inside.
pub(super) fn leave(actor: &str, kinds: &[NsKind]) -> (String, Op) {
    let mut all = vec![NsKind::User];
    all.extend(kinds.iter().copied().filter(|kind| *kind != NsKind::User));
    (actor.to_owned(), Op::Unshare { kinds: all, map: Some(MapKind::Root) })
}

/// fork(2).
pub(super) fn fork(actor: &str, child: &str) -> (String, Op) {
    (actor.to_owned(), Op::Fork { child: child.to_owned() })
}

/// mount(2).
pub(super) fn mount(actor: &str, fstype: &str, target: &str, data: &str) -> (String, Op) {
    let op = Op::Mount {
        fstype: fstype.to_owned(),
        source: fstype.to_owned(),
        target: target.to_owned(),
        flags: vec![MountFlag::Nosuid, MountFlag::Nodev],
        data: data.to_owned(),
    };
    (actor.to_owned(), op)
}
