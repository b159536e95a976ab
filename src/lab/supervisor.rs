//! What an actor's own seccomp filters ask it: the calls of the programs that it has
//! started, seccomp_unotify(2). The actor answers as the lesson said, and keeps what it
//! was asked. It must never wait: `turn` takes what there is.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::tracer::decode;
use crate::kernel::bpf::Instruction;
use crate::kernel::seccomp::{self, Answer};
use crate::kernel::{Asked, Filters};

/// The most questions that are kept.
const MOST: usize = 64;

/// The filters of one actor, and the listeners of those that ask.
#[derive(Debug, Default)]
pub struct Supervisor {
    programs: Vec<Vec<Instruction>>,
    listeners: Vec<(OwnedFd, Answer)>,
    asked: VecDeque<Asked>,
    total: u64,
}

impl Supervisor {
    /// That of an actor which was forked from one with these filters: it has them, too,
    /// and the questions go on to the other.
    pub fn inherited(programs: Vec<Vec<Instruction>>) -> Self {
        Self { programs, ..Self::default() }
    }

    /// The filters so far.
    pub fn programs(&self) -> &[Vec<Instruction>] {
        &self.programs
    }

    /// One more filter, with its listener and what is to be answered.
    pub fn add(&mut self, program: Vec<Instruction>, listener: Option<(OwnedFd, Answer)>) {
        self.programs.push(program);
        self.listeners.extend(listener);
    }

    /// To be polled for reading, then [`Self::turn`].
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.listeners.iter().map(|(listener, _)| listener.as_fd())
    }

    /// Answers what was asked meanwhile.
    pub fn turn(&mut self) {
        for (listener, answer) in &self.listeners {
            while is_ready(listener.as_fd()) {
                // ENOENT: who asked has been killed. The listener of programs that have all
                // ended says POLLHUP, and is polled no more.
                let Ok(question) = seccomp::next(listener.as_fd()) else { break };
                let number = (question.data.arch == seccomp::NATIVE).then_some(u64::from(question.data.number));
                let call = decode::entry(question.pid, number, &question.data.args);
                let _ = seccomp::answer(listener.as_fd(), question.id, *answer);
                self.total += 1;
                if self.asked.len() == MOST {
                    self.asked.pop_front();
                }
                let errno = if let Answer::Errno(errno) = answer { Some(*errno) } else { None };
                self.asked.push_back(Asked { pid: question.pid, name: call.name, args: call.args, errno });
            }
        }
        self.listeners.retain(|(listener, _)| !is_over(listener.as_fd()));
    }

    /// What there is to show.
    pub fn report(&self) -> Filters {
        let asked = self.asked.iter().cloned().collect();
        Filters { programs: self.programs.clone(), asked, total: self.total }
    }
}

fn state(listener: BorrowedFd<'_>) -> PollFlags {
    let mut polled = [PollFd::new(listener, PollFlags::POLLIN)];
    let _ = poll(&mut polled, PollTimeout::ZERO);
    polled[0].revents().unwrap_or(PollFlags::empty())
}

fn is_ready(listener: BorrowedFd<'_>) -> bool {
    state(listener).contains(PollFlags::POLLIN)
}

fn is_over(listener: BorrowedFd<'_>) -> bool {
    state(listener).contains(PollFlags::POLLHUP)
}
