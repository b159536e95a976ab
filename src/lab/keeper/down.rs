//! The end of a lab, and of the screen that showed it.

use std::os::fd::OwnedFd;

use super::Keeper;
use crate::kernel::terminal::LEAVE_SCREEN;
use crate::kernel::{Errno, process};
use crate::lab::sweep;

impl Keeper {
    /// Ends every actor and whatever descends from them, and removes what they left. Their
    /// group may stay for those of the next lesson, unless `is_last`.
    pub(super) fn take_down(&mut self, is_last: bool) {
        self.cgroups.kill_all();
        // All at once, so that none waits for another's end; an open connection
        // says that the PID is still the actor's.
        let living = self.actors.iter().filter(|actor| actor.ended.is_none());
        let pidfds: Vec<OwnedFd> = living.filter_map(|actor| process::pidfd_open(actor.pid).ok()).collect();
        // The youngest first: who holds the namespaces has the most to take down.
        for pidfd in pidfds.iter().rev() {
            // ESRCH: it has just ended by itself.
            let _ = process::pidfd_kill(pidfd, libc::SIGKILL);
        }
        if pidfds.len() < self.actors.len() {
            self.cgroups.doubt_actors();
        }
        sweep::wait_for_end(&pidfds, || while let Ok(Some(_)) = process::reap() {});
        self.actors.clear();
        self.launched.clear();
        self.sessions.clear();
        let last = loop {
            match process::reap() {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        // ECHILD: they were all there was.
        if last != Err(Errno(libc::ECHILD)) {
            self.cgroups.kill_actors();
            sweep::end_descendants(&std::collections::BTreeSet::new());
        }
        while let Ok(Some(_)) = self.signals.read_signal() {}
        // A controller that was enabled for the lesson's groups is not kept for theirs.
        let keep = !is_last && !self.cgroups.in_use();
        let left = [self.cgroups.clear_actors(keep), self.cgroups.remove()];
        self.groups_left |= left.iter().any(|left| !left.is_empty());
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name() != "journal" {
                // What can't be removed stays named in the journal.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The program died without restoring the terminal: do it for it.
    pub(super) fn restore_terminal(&self) {
        if let Some((terminal, settings)) = &self.terminal {
            let _ = nix::unistd::write(terminal, LEAVE_SCREEN);
            let _ = settings.restore(terminal);
        }
    }
}
