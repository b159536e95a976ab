//! The tracer: sees the system calls of what an actor starts, by ptrace(2). It lives
//! in the actor, who is the parent of its shells: so Yama's `ptrace_scope = 1` lets
//! it, a user namespace gives it the rights that it needs, no other process shows in
//! the box, and the end of the actor is the end of all that it traces
//! (PTRACE_O_EXITKILL). Must never wait: `turn` takes what there is.
//!
//! Of a shell itself, and of its children until they run another program, only the
//! calls that are the command's own business are listed: redirections, forks, execs.
//! A line editor and a job control of dozens of calls for every key would hide them.
//!
//! Known limits, all of ptrace: a setuid program runs without its owner's rights, and
//! a traced command can't be traced by somebody else (`strace` in a traced shell).

pub(super) mod decode;
mod table;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use decode::Entry;

use crate::kernel::process::Exit;
use crate::kernel::ptrace::{self, Change, Stage};
use crate::kernel::{Errno, Traced, TracedCall};

/// The most calls that are kept.
const MOST_CALLS: usize = 256;
/// The most changes that are dealt with in one turn.
const MOST_CHANGES: usize = 128;
/// How long a program may take to its next call before its tracer sleeps.
const AWAKE: Duration = Duration::from_micros(100);
/// How a call that a signal broke off returns inside of the kernel: it starts again,
/// or becomes EINTR, which is no answer to the program yet. ERESTARTSYS and others,
/// include/linux/errno.h.
const RESTARTS: std::ops::RangeInclusive<i32> = 512..=516;

/// The tracer of one actor.
#[derive(Debug, Default)]
pub struct Tracer {
    /// The commands of shells are to be traced.
    on: bool,
    /// A single program is being traced, whatever `on` says.
    single: bool,
    refused: Option<Errno>,
    tracees: HashMap<u32, Tracee>,
    calls: VecDeque<TracedCall>,
    total: u64,
    /// Children that have ended and that nobody has asked for yet.
    ended: Vec<(u32, Exit)>,
}

/// Whose calls they are, and so which are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// Of the shell until its exec makes it a command.
    #[default]
    Child,
    /// Its exec makes it the shell.
    ShellToBe,
    /// The shell.
    Shell,
    /// A command: all of its calls are listed.
    Command,
}

#[derive(Debug, Default)]
struct Tracee {
    /// A child of the actor's, and not a descendant that came along.
    child: bool,
    part: Part,
    /// The program that it runs.
    program: String,
    /// The call that it is in, and since when.
    call: Option<(Entry, Instant)>,
}

impl Tracer {
    /// Whether shells started now are to be traced.
    pub fn on(&self) -> bool {
        self.on
    }

    /// Begins, with nothing listed, to trace the commands of these shells and of
    /// those started from now on; or ends it, and forgets what was listed. An error
    /// is why none of them can be traced; shells that ended meanwhile don't count.
    pub fn trace_shells(&mut self, on: bool, shells: &BTreeMap<u32, String>) -> Result<(), Errno> {
        self.forget();
        self.on = on;
        if !on {
            self.let_go();
            return Ok(());
        }
        for (&shell, program) in shells {
            match self.seize(shell, program) {
                // Attaching stops nobody: its calls are seen once it has stood. Until then
                // it may still be in the exec that makes it the shell: who made it by vfork(2)
                // was let go in the midst of that.
                Ok(tracee) => {
                    if tracee.part == Part::Child {
                        tracee.part = Part::ShellToBe;
                    }
                    ptrace::interrupt(shell).or_else(gone)?;
                }
                Err(Errno(libc::ESRCH)) => {}
                Err(errno) => {
                    self.refused = Some(errno);
                    self.on = false;
                    self.let_go();
                    return Err(errno);
                }
            }
        }
        Ok(())
    }

    /// Traces a shell that is about to run. Where that is refused it runs untraced,
    /// and [`Tracer::report`] says why.
    pub fn trace_shell(&mut self, pid: u32, program: &str) {
        if self.on {
            match self.seize(pid, program) {
                Ok(tracee) => tracee.part = Part::ShellToBe,
                Err(errno) => self.refused = Some(errno),
            }
        }
    }

    /// Traces a single program that is about to run. Its calls follow those that are
    /// listed already, of an earlier one: [`Tracer::trace_shells`] forgets them all.
    pub fn trace_program(&mut self, pid: u32, program: &str) -> Result<(), Errno> {
        self.seize(pid, program)?;
        self.single = true;
        Ok(())
    }

    /// The single program has ended; what it left running goes on untraced.
    pub fn end_of_program(&mut self) {
        if std::mem::take(&mut self.single) && !self.on {
            self.let_go();
        }
    }

    fn forget(&mut self) {
        self.calls.clear();
        self.total = 0;
        self.refused = None;
    }

    fn seize(&mut self, pid: u32, program: &str) -> Result<&mut Tracee, Errno> {
        // One that is about to be let go is simply kept.
        if !self.tracees.contains_key(&pid) {
            ptrace::seize(pid)?;
        }
        let tracee = self.tracees.entry(pid).or_default();
        tracee.child = true;
        program.rsplit('/').next().unwrap_or_default().clone_into(&mut tracee.program);
        Ok(tracee)
    }

    /// Asks every tracee to stand; each is let go when it does.
    fn let_go(&mut self) {
        for pid in self.tracees.keys() {
            // ESRCH: it stands already, or is gone; the next change tells.
            let _ = ptrace::interrupt(*pid);
        }
    }

    /// Takes in what has happened to children and tracees, up to a bound; whether
    /// there may be more.
    pub fn turn(&mut self) -> bool {
        self.take(MOST_CHANGES) == MOST_CHANGES
    }

    /// As [`Tracer::turn`], and stays awake for a moment after each change: between two
    /// calls a program needs less time than it takes to wake who waits for it.
    pub fn turn_closely(&mut self) -> bool {
        let mut left = MOST_CHANGES;
        let mut last = None;
        while left > 0 {
            let taken = self.take(left);
            left -= taken;
            if taken > 0 {
                last = Some(Instant::now());
            } else if last.is_none_or(|last| last.elapsed() > AWAKE) {
                return false;
            } else {
                std::thread::yield_now();
            }
        }
        true
    }

    /// Takes in so many changes at most; how many there were.
    fn take(&mut self, most: usize) -> usize {
        for taken in 0..most {
            match ptrace::next_change() {
                Ok(Some((pid, change))) => self.change(pid, change),
                Ok(None) | Err(_) => return taken,
            }
        }
        most
    }

    /// The children that have ended since the last time.
    pub fn take_ended(&mut self) -> Vec<(u32, Exit)> {
        std::mem::take(&mut self.ended)
    }

    /// How a child ended, if it has; the others are left for [`Tracer::take_ended`].
    pub fn take_end_of(&mut self, pid: u32) -> Option<Exit> {
        let at = self.ended.iter().position(|(ended, _)| *ended == pid)?;
        Some(self.ended.swap_remove(at).1)
    }

    /// What was seen so far.
    pub fn report(&self) -> Traced {
        let mut calls: Vec<TracedCall> = self.calls.iter().cloned().collect();
        let mut under_way: Vec<(&u32, &Tracee)> =
            self.tracees.iter().filter(|(_, tracee)| tracee.call.is_some()).collect();
        under_way.sort_by_key(|(pid, _)| **pid);
        for (pid, tracee) in under_way {
            calls.extend(tracee.call.as_ref().map(|(entry, _)| told(*pid, tracee, entry, None, 0)));
        }
        Traced {
            on: self.on,
            refused: self.refused,
            total: self.total,
            left_out: self.total - self.calls.len() as u64,
            calls,
        }
    }

    fn change(&mut self, pid: u32, change: Change) {
        if let Change::Ended(exit) = change {
            return self.ended(pid, exit);
        }
        if !self.on && !self.single {
            let signal = if let Change::Signal(signal) = change { signal } else { 0 };
            // ESRCH, here and below: it was killed meanwhile; its end comes next.
            let _ = ptrace::detach(pid, signal);
            self.tracees.remove(&pid);
            return;
        }
        // A new one may be met before its parent tells of it.
        let tracee = self.tracees.entry(pid).or_default();
        let mut signal = 0;
        match change {
            Change::Ended(_) => {}
            Change::Trapped => {
                if tracee.part == Part::ShellToBe {
                    tracee.part = Part::Shell;
                }
            }
            Change::Signal(number) => signal = number,
            Change::Stopped(_) => {
                let _ = ptrace::leave_stopped(pid);
                return;
            }
            Change::Syscall => self.border(pid),
            Change::Forked => {
                let (part, program) = (tracee.part, tracee.program.clone());
                if let Some(made) = ptrace::event_message(pid) {
                    let made = self.tracees.entry(made).or_default();
                    if part == Part::Command {
                        made.part = part;
                    }
                    if made.program.is_empty() {
                        made.program = program;
                    }
                }
            }
            Change::Executed => {
                tracee.part = if tracee.part == Part::ShellToBe { Part::Shell } else { Part::Command };
                let path = tracee.call.as_ref().map(|(entry, _)| entry);
                if let Some(program) = path.and_then(Entry::program) {
                    tracee.program = program;
                }
                // Another thread than the first may have made the call; it is the
                // first now.
                if let Some(former) = ptrace::event_message(pid).filter(|former| *former != pid) {
                    self.tracees.remove(&former);
                }
            }
        }
        let _ = ptrace::resume(pid, signal);
    }

    /// A tracee stands at the entry or the exit of a call.
    fn border(&mut self, pid: u32) {
        let Some(tracee) = self.tracees.get_mut(&pid) else { return };
        match ptrace::stage(pid) {
            Stage::Entry(number, registers) => {
                let wanted = tracee.part == Part::Command
                    || number.is_some_and(|number| is_the_commands_own(&decode::name(number)));
                tracee.call = wanted.then(|| (decode::entry(pid, number, &registers), Instant::now()));
            }
            Stage::Exit(result) => {
                if let Some((mut entry, since)) = tracee.call.take() {
                    let result = match result {
                        Err(Errno(number)) if RESTARTS.contains(&number) => None,
                        result => Some(result),
                    };
                    entry.finish(pid, result.and_then(Result::ok).unwrap_or(0));
                    let call = told(pid, tracee, &entry, result, since.elapsed().as_micros() as u64);
                    self.keep(call);
                }
            }
            Stage::Neither => {
                self.refused = Some(Errno(libc::ENOSYS));
                self.on = false;
                self.single = false;
                self.let_go();
            }
        }
    }

    fn ended(&mut self, pid: u32, exit: Exit) {
        let tracee = self.tracees.remove(&pid);
        if let Some(tracee) = &tracee
            && let Some((entry, _)) = &tracee.call
        {
            let call = told(pid, tracee, entry, None, 0);
            self.keep(call);
        }
        if tracee.is_none_or(|tracee| tracee.child) {
            self.ended.push((pid, exit));
        }
    }

    fn keep(&mut self, call: TracedCall) {
        if self.calls.len() == MOST_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.total += 1;
    }
}

/// ESRCH is no failure: it has ended, and will be collected.
fn gone(errno: Errno) -> Result<(), Errno> {
    if errno == Errno(libc::ESRCH) { Ok(()) } else { Err(errno) }
}

fn told(pid: u32, tracee: &Tracee, entry: &Entry, result: Option<Result<i64, Errno>>, micros: u64) -> TracedCall {
    TracedCall {
        pid,
        program: tracee.program.clone(),
        name: entry.name.clone(),
        args: entry.args.clone(),
        result,
        micros,
    }
}

/// Calls that a shell makes for a command and not for itself.
fn is_the_commands_own(name: &str) -> bool {
    matches!(
        name,
        "open"
            | "openat"
            | "creat"
            | "chdir"
            | "execve"
            | "execveat"
            | "fork"
            | "vfork"
            | "clone"
            | "clone3"
            | "kill"
            | "pipe"
            | "pipe2"
            | "umask"
            | "prlimit64"
    )
}
