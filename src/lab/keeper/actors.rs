//! The keeper's actors: made, taken in, found by name, asked and heard.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use super::{ActorState, Keeper, NoAnswer, UNASKED};
use crate::kernel::process::{self, Side};
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::{Errno, read};
use crate::lab::actor::become_actor;
use crate::lab::journal::{Line, Pid};
use crate::lab::protocol::{ActorInfo, Ask, Failure, FromKeeper, Said, ToActor};

impl Keeper {
    pub(super) fn spawn_all(&mut self, names: &[String]) -> Result<FromKeeper, NoAnswer> {
        let mut made = Vec::with_capacity(names.len());
        for name in names {
            match self.spawn(name) {
                Ok(actor) => made.push(actor),
                Err(NoAnswer::Failed(failure)) => return Ok(FromKeeper::Spawned(made, Some(failure))),
                Err(gone) => return Err(gone),
            }
        }
        Ok(FromKeeper::Spawned(made, None))
    }

    fn spawn(&mut self, name: &str) -> Result<ActorInfo, NoAnswer> {
        if self.actors.iter().any(|actor| actor.name == name) {
            return Err(NoAnswer::Failed(Failure::Exists(name.to_owned())));
        }
        let failed = |errno: Errno, doing: &str| NoAnswer::Failed(Failure::Call(errno, doing.to_owned()));
        let (ours, theirs) = Connection::pair().map_err(|errno| failed(errno, "socketpair"))?;
        let me = std::process::id();
        let pid = match self.cgroups.fork(&mut self.journal).map_err(|errno| failed(errno, "fork"))? {
            Side::Parent(pid) => pid,
            Side::Child => become_actor(theirs, name, self.report, me, (false, Vec::new())),
        };
        drop(theirs);
        let pid = Pid::now(pid).ok_or_else(|| failed(Errno(libc::ESRCH), "journal"))?;
        self.adopt(name, pid, None, ours)
    }

    /// Writes the journal's line about a new process and takes it in; kills it when
    /// the line can't be written.
    pub(super) fn adopt(
        &mut self,
        name: &str,
        pid: Pid,
        parent: Option<(usize, u32)>,
        connection: Connection,
    ) -> Result<ActorInfo, NoAnswer> {
        let written = self.journal.write(&Line::Actor { name: name.to_owned(), pid });
        let pid = pid.pid;
        if let Err(error) = written {
            // Its connection closes here, which ends it as well.
            let _ = process::pidfd_open(pid).and_then(|pidfd| process::pidfd_kill(&pidfd, libc::SIGKILL));
            return Err(NoAnswer::Failed(Failure::Call(Errno::from(&error), "journal".to_owned())));
        }
        self.actors.push(ActorState { name: name.to_owned(), pid, parent, connection, ended: None, owes: None });
        Ok(ActorInfo { name: name.to_owned(), pid, ended: None })
    }

    /// An actor that an actor has forked: its connection and pidfd have come along.
    pub(super) fn take_in(&mut self, parent: usize, name: &str, inner: u32) -> Result<ActorInfo, NoAnswer> {
        let connection = self.actors[parent].connection.take_descriptor();
        let pidfd = self.actors[parent].connection.take_descriptor();
        let (Some(connection), Some(pidfd)) = (connection, pidfd) else {
            return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EBADF), name.to_owned())));
        };
        let pid = born_of(&pidfd, self.actors[parent].pid)
            .ok_or_else(|| NoAnswer::Failed(Failure::Call(Errno(libc::ESRCH), name.to_owned())))?;
        self.adopt(name, pid, Some((parent, inner)), Connection::new(connection))
    }

    /// The index of a living actor.
    pub(super) fn living(&self, name: &str) -> Result<usize, NoAnswer> {
        let found = self.actors.iter().position(|actor| actor.name == name);
        let index = found.ok_or_else(|| NoAnswer::Failed(Failure::NoActor(name.to_owned())))?;
        match self.actors[index].ended {
            None => Ok(index),
            Some(_) => Err(NoAnswer::Failed(Failure::ActorGone(name.to_owned()))),
        }
    }

    /// Refuses to ask an actor that is frozen: it could not answer.
    pub(super) fn awake(&self, index: usize) -> Result<(), NoAnswer> {
        if self.cgroups.has_frozen(self.actors[index].pid) {
            return Err(NoAnswer::Failed(Failure::Frozen(self.actors[index].name.clone())));
        }
        Ok(())
    }

    /// Sends a question; its number.
    pub(super) fn put(&mut self, index: usize, ask: Ask, fds: &[i32]) -> Result<u64, NoAnswer> {
        let number = self.next_number;
        self.next_number += 1;
        self.put_again(index, number, ask, fds)?;
        Ok(number)
    }

    /// Sends a word that belongs to an open question.
    pub(super) fn put_again(&mut self, index: usize, number: u64, ask: Ask, fds: &[i32]) -> Result<(), NoAnswer> {
        let name = self.actors[index].name.clone();
        let Ok(bytes) = postcard::to_stdvec(&ToActor { number, ask }) else {
            return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EINVAL), name)));
        };
        // An actor that does not read is not waited for.
        match self.actors[index].connection.send(&bytes, fds, Duration::from_millis(50)) {
            Ok(()) => Ok(()),
            Err(FrameError::Closed) => Err(NoAnswer::Failed(Failure::ActorGone(name))),
            Err(_) => Err(NoAnswer::Failed(Failure::Silent(name))),
        }
    }

    /// Waits for the answer to a question.
    pub(super) fn hear(&mut self, index: usize, number: u64, deadline: Instant) -> Result<Said, NoAnswer> {
        loop {
            match self.take(index, number) {
                Ok(Some(said)) => return Ok(said),
                Ok(None) => {}
                Err(_) => return Err(NoAnswer::ClientGone),
            }
            let name = || self.actors[index].name.clone();
            if self.actors[index].ended.is_some() {
                return Err(NoAnswer::Failed(Failure::ActorGone(name())));
            }
            if Instant::now() >= deadline {
                let failure = Failure::Silent(name());
                self.actors[index].owes = Some(number);
                return Err(NoAnswer::Failed(failure));
            }
            self.wait(Some(deadline), Some(index)).map_err(|_| NoAnswer::ClientGone)?;
        }
    }

    /// Asks an actor for a report; nothing where it does not answer in time, or still
    /// owes an answer.
    pub(super) fn report(&mut self, name: &str, ask: Ask, patience: u32) -> Result<Option<Said>, NoAnswer> {
        let index = self.living(name)?;
        if self.cgroups.has_frozen(self.actors[index].pid) {
            return Ok(None);
        }
        if self.actors[index].owes.is_some() {
            // It may have come back meanwhile: look, without waiting.
            let _ = self.actors[index].connection.fill();
            if !matches!(self.take(index, UNASKED), Ok(None)) || self.actors[index].owes.is_some() {
                return Ok(None);
            }
        }
        let number = match self.put(index, ask, &[]) {
            Err(NoAnswer::Failed(Failure::Silent(_))) => return Ok(None),
            other => other?,
        };
        match self.hear(index, number, Instant::now() + Duration::from_millis(u64::from(patience))) {
            Ok(said) => Ok(Some(said)),
            Err(NoAnswer::Failed(Failure::Silent(_))) => Ok(None),
            Err(no) => Err(no),
        }
    }
}

/// The process that a pidfd stands for, where that is a child of `parent`. Who has taken over
/// an actor can send the pidfd of anybody, the keeper's own among them (SO_PEERPIDFD,
/// unix(7)), and what is done for an actor would be done for that process.
fn born_of(pidfd: &OwnedFd, parent: u32) -> Option<Pid> {
    let pid = host_pid(pidfd)?;
    process::stat_of(pid).filter(|stat| stat.parent == parent).map(|stat| Pid { pid, start: stat.start })
}

/// The PID that a pidfd stands for, in the keeper's own namespace: `Pid:` of
/// /proc/self/fdinfo/FD, pidfd_open(2).
pub(super) fn host_pid(pidfd: &OwnedFd) -> Option<u32> {
    let text = read::piece(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()).as_str(), 1_024).ok()?;
    String::from_utf8_lossy(&text)
        .lines()
        .find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
        .filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_child_of_an_actor_is_taken_in_as_its_child() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let me = std::process::id();
        let of = |pid: u32| process::pidfd_open(pid).expect("a pidfd");
        assert_eq!(born_of(&of(child.id()), me), Pid::now(child.id()));
        assert_eq!(born_of(&of(me), me), None);
        assert_eq!(born_of(&of(child.id()), 1), None);
        child.kill().and_then(|()| child.wait()).expect("its end");
    }
}
