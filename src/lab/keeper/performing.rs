//! Ops, from the program to the actor that carries them out on itself.

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::context::depends;
use super::{DEATH_PATIENCE, Keeper, NoAnswer, OP_PATIENCE, UNASKED};
use crate::kernel::socket::FrameError;
use crate::kernel::{Call, Errno, Trace};
use crate::lab::journal::Line;
use crate::lab::protocol::{Ask, Failure, FromKeeper, Mapped, Performed, Said, ToKeeper};
use crate::lab::{maps, volumes};
use crate::lesson::op::{CgroupOp, Op};

impl Keeper {
    pub(super) fn perform_all(&mut self, ops: Vec<(String, Op)>) -> Result<FromKeeper, NoAnswer> {
        let mut done = Vec::new();
        let mut left = ops.into_iter().peekable();
        while let Some((actor, op)) = left.next() {
            let mut together = vec![op];
            while !depends(&together[0]) {
                match left.next_if(|(next, op)| *next == actor && !depends(op)) {
                    Some((_, op)) => together.push(op),
                    None => break,
                }
            }
            match self.perform(&actor, together, false, &mut done) {
                Ok(()) if done.last().is_some_and(|last| last.failure.is_some()) => break,
                Ok(()) => {}
                Err(NoAnswer::Failed(failure)) => return Ok(FromKeeper::Performed(done, Some(failure))),
                Err(gone) => return Err(gone),
            }
        }
        Ok(FromKeeper::Performed(done, None))
    }

    /// Has an actor carry out one op, a call at a time.
    pub(super) fn perform_slowly(&mut self, actor: &str, op: Op) -> Result<FromKeeper, NoAnswer> {
        let mut done = Vec::new();
        // What waits for a command waits by the clock.
        let slowly = !matches!(op, Op::Run { .. });
        match self.perform(actor, vec![op], slowly, &mut done) {
            Ok(()) => Ok(FromKeeper::Performed(done, None)),
            Err(NoAnswer::Failed(failure)) => Ok(FromKeeper::Performed(done, Some(failure))),
            Err(gone) => Err(gone),
        }
    }

    /// Tells the program of the calls so far, and answers it until it says `GoOn`. The lab
    /// may have been taken down then, or the actor have ended.
    fn pause(&mut self, index: usize, calls: Vec<Call>) -> Result<(), NoAnswer> {
        let (name, pid) = (self.actors[index].name.clone(), self.actors[index].pid);
        self.say(&FromKeeper::Paused(calls)).map_err(|_| NoAnswer::ClientGone)?;
        self.answer_until_go_on().map_err(|_| NoAnswer::ClientGone)?;
        match self.actors.get(index) {
            Some(actor) if actor.pid == pid && actor.ended.is_some() => Err(NoAnswer::Failed(Failure::ActorGone(name))),
            Some(actor) if actor.pid == pid => self.awake(index),
            _ => Err(NoAnswer::TakenDown),
        }
    }

    fn answer_until_go_on(&mut self) -> Result<(), FrameError> {
        loop {
            while let Some(bytes) = self.client.next_frame()? {
                match postcard::from_bytes::<ToKeeper>(&bytes) {
                    Ok(ToKeeper::GoOn) => return Ok(()),
                    Ok(ToKeeper::Bye) => {
                        self.left_in_order = true;
                        return Err(FrameError::Closed);
                    }
                    Ok(ToKeeper::Perform { .. } | ToKeeper::PerformSlowly { .. }) | Err(_) => {
                        return Err(FrameError::TooLong(bytes.len()));
                    }
                    Ok(request) => {
                        let down = matches!(request, ToKeeper::Reset { .. });
                        self.handle(request)?;
                        if down {
                            return Ok(());
                        }
                    }
                }
            }
            self.wait(None, None)?;
            self.client.fill()?;
        }
    }

    /// Has one actor carry out ops, up to the first that fails, and adds what came of
    /// each to `done`.
    pub(super) fn perform(
        &mut self,
        name: &str,
        ops: Vec<Op>,
        slowly: bool,
        done: &mut Vec<Performed>,
    ) -> Result<(), NoAnswer> {
        let index = self.living(name)?;
        if let [Op::Volume { name }] = &ops[..] {
            done.push(self.volume(index, name));
            return Ok(());
        }
        if let [Op::Cgroup(op)] = &ops[..]
            && !self.joins_by_itself(index, op)
        {
            done.push(self.cgroup(index, op));
            return Ok(());
        }
        self.awake(index)?;
        let patience = ops.iter().map(patience).sum::<Duration>();
        let forks: Vec<bool> = ops.iter().map(|op| matches!(op, Op::Fork { .. })).collect();
        let mut children: VecDeque<String> = ops.iter().filter_map(child_of).collect();
        let (mut asked, mut fds) = (Vec::with_capacity(ops.len()), Vec::new());
        for op in ops {
            match self.context(index, &op)? {
                Ok((context, more)) => {
                    asked.push((op, context));
                    fds.extend(more);
                }
                Err(failure) => {
                    done.push(Performed { failure: Some(failure), ..Performed::default() });
                    return Ok(());
                }
            }
        }
        let killed = match &asked[..] {
            // PID 1 for who kills it: a SIGKILL from inside its namespace does nothing.
            [(Op::Kill { target, signal }, context)] if signal == "KILL" && context.target != Some(1) => {
                Some(self.living(target)?)
            }
            _ => None,
        };
        let numbers: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let number = self.put(index, Ask::Perform { ops: asked, slowly }, &numbers)?;
        let mut made = VecDeque::new();
        let mut deadline = Instant::now() + patience;
        loop {
            match self.hear(index, number, deadline)? {
                Said::Paused(calls) if slowly => {
                    self.pause(index, calls)?;
                    self.put_again(index, number, Ask::GoOn, &[])?;
                    deadline = Instant::now() + patience;
                }
                Said::Performed(performed) => {
                    if let Some(target) = killed
                        && performed.iter().all(|one| one.failure.is_none())
                    {
                        self.await_end(target)?;
                    }
                    done.extend(
                        performed
                            .into_iter()
                            .zip(forks)
                            .map(|(one, fork)| Performed { made: if fork { made.pop_front() } else { None }, ..one }),
                    );
                    return Ok(());
                }
                Said::NeedMaps(kind) => {
                    let mapped: Mapped = maps::write(self.actors[index].pid, kind, self.real_root);
                    self.give_directory(index, &mapped);
                    self.put_again(index, number, Ask::Mapped(mapped), &[])?;
                }
                // The name is the lesson's, whatever the actor says.
                Said::Forked { pid } => {
                    let unasked = || NoAnswer::Failed(Failure::Silent(name.to_owned()));
                    let child = children.pop_front().ok_or_else(unasked)?;
                    made.push_back(self.take_in(index, &child, pid)?);
                }
                _ => return Err(NoAnswer::Failed(Failure::Silent(name.to_owned()))),
            }
        }
    }

    /// Waits for the end of an actor that has been killed, so that what is looked at next
    /// is what the death has changed; not for ever: one that is frozen does not end.
    fn await_end(&mut self, index: usize) -> Result<(), NoAnswer> {
        let deadline = Instant::now() + DEATH_PATIENCE;
        // Its connection closes before its namespaces do: how it ended is the last word.
        loop {
            // That may have come along with an answer.
            for actor in 0..self.actors.len() {
                self.take(actor, UNASKED).map_err(|_| NoAnswer::ClientGone)?;
            }
            if matches!(self.actors[index].ended, Some(Some(_))) || Instant::now() >= deadline {
                return Ok(());
            }
            self.wait(Some(deadline), None).map_err(|_| NoAnswer::ClientGone)?;
        }
    }

    /// Makes a volume, outside of every box, for the root of an actor's.
    pub(super) fn volume(&mut self, index: usize, name: &str) -> Performed {
        let mut trace = Trace::default();
        let line = Line::Directory { name: format!("{}/{name}", volumes::NAME) };
        let written = self.journal.write(&line).map_err(|error| (Errno::from(&error), "journal".to_owned()));
        let pid = self.actors[index].pid;
        let done = written.and_then(|()| volumes::make(&mut trace, &self.directory, name, pid));
        Performed { calls: trace.calls, failure: done.err(), ..Performed::default() }
    }

    /// Whether an op on a group is one that the actor carries out on itself: it enters,
    /// is where it can reach the group's directory as who it is, and will still answer.
    pub(super) fn joins_by_itself(&self, index: usize, op: &CgroupOp) -> bool {
        let CgroupOp::Join { group } = op else { return false };
        let same = |kind: &str| {
            let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
            of("self") == of(&self.actors[index].pid.to_string())
        };
        same("user")
            && same("mnt")
            && !self.cgroups.is_frozen(group)
            && !self.cgroups.has_frozen(self.actors[index].pid)
    }

    pub(super) fn cgroup(&mut self, index: usize, op: &CgroupOp) -> Performed {
        let mut trace = Trace::default();
        let pid = self.actors[index].pid;
        let done = self.cgroups.perform(&mut trace, &mut self.journal, op, pid);
        Performed { calls: trace.calls, failure: done.err(), ..Performed::default() }
    }

    /// Under root the lab's root is another user: what it is to fill must be its own.
    pub(super) fn give_directory(&self, index: usize, mapped: &Mapped) {
        if mapped.failure.is_none() && mapped.become_ids.is_some() {
            let path = self.root_directory(index);
            if path.is_dir() {
                // A failure shows when the actor meets EACCES.
                let _ = maps::give(&path, self.actors[index].pid);
            }
        }
    }
}

/// The name of the actor that an op makes.
fn child_of(op: &Op) -> Option<String> {
    match op {
        Op::Fork { child } => Some(child.clone()),
        _ => None,
    }
}

/// How long an op may take.
fn patience(op: &Op) -> Duration {
    match op {
        Op::Run { seconds, .. } => OP_PATIENCE + Duration::from_secs(u64::from(*seconds)),
        _ => OP_PATIENCE,
    }
}
