//! The threads behind the embedded shells: one per shell, which moves bytes between
//! its terminal and the screen. A noisy shell is read no further than the screen
//! follows, so that keys always have room in the channel and are never far behind;
//! a shell that does not read keeps at most a mebibyte waiting.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::kernel::{program::pipe, pty};
use crate::ui::event::{Event, ShellHandle, ShellId};

/// What a shell that does not read may have waiting.
const MOST_WAITING: usize = 1 << 20;
/// What is read at once: small, so that keys are never far behind.
const CHUNK: usize = 4 << 10;
/// What the screen may have of a shell's output without having taken it, in bytes.
const AHEAD: usize = 8 * CHUNK;

/// What the threads of all shells share with the lab's thread.
#[derive(Debug, Default)]
pub struct Shared {
    /// A shell has printed something since it was last looked at.
    pub active: AtomicBool,
    /// Shells whose terminal was closed from within, with their launch ids.
    pub closed: Mutex<Vec<(ShellId, u64)>>,
}

/// The screen's side of a shell.
#[derive(Debug)]
struct Handle {
    master: OwnedFd,
    waiting: Arc<Mutex<VecDeque<u8>>>,
    /// The output that the screen has not taken yet, in bytes.
    ahead: Arc<AtomicUsize>,
    /// Written to when something waits; closed when the screen lets go.
    wake: OwnedFd,
}

impl ShellHandle for Handle {
    fn write(&mut self, bytes: &[u8]) {
        let mut waiting = lock(&self.waiting);
        let room = MOST_WAITING.saturating_sub(waiting.len());
        waiting.extend(&bytes[..bytes.len().min(room)]);
        // EAGAIN: it has been woken and has not looked yet.
        let _ = nix::unistd::write(&self.wake, b"w");
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        // The shell may just have ended: nothing is left to resize.
        let _ = pty::resize(self.master.as_fd(), rows, cols);
    }

    fn taken(&mut self, bytes: usize) {
        let before = self.ahead.fetch_sub(bytes, Ordering::AcqRel);
        if before >= AHEAD && before - bytes < AHEAD {
            // EAGAIN: it has been woken and has not looked yet.
            let _ = nix::unistd::write(&self.wake, b"w");
        }
    }
}

/// Hands the screen a shell of an actor on this terminal, and starts its thread: after
/// that, since the screen drops what a shell prints that it does not know yet.
pub fn start(
    (id, actor): (ShellId, &str),
    launch: u64,
    master: OwnedFd,
    events: SyncSender<Event>,
    shared: Arc<Shared>,
) -> std::io::Result<JoinHandle<()>> {
    let (woken, wake) = pipe().map_err(|errno| std::io::Error::from_raw_os_error(errno.0))?;
    for fd in [master.as_fd(), wake.as_fd(), woken.as_fd()] {
        fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    let waiting = Arc::new(Mutex::new(VecDeque::new()));
    let ahead = Arc::new(AtomicUsize::new(0));
    let terminal = File::from(master.try_clone()?);
    let handle = Handle { master, waiting: Arc::clone(&waiting), ahead: Arc::clone(&ahead), wake };
    // A screen that is gone is noticed by the next to speak to it.
    let _ = events.send(Event::ShellOpened { id, actor: actor.to_owned(), handle: Box::new(handle) });
    std::thread::Builder::new().name(format!("shell-{id}")).spawn(move || {
        if serve(id, terminal, woken, (&waiting, &ahead), &events, &shared) {
            lock(&shared.closed).push((id, launch));
            shared.active.store(true, Ordering::Release);
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves bytes until the shell closes its terminal (true) or the screen lets go of
/// it or is gone (false).
fn serve(
    id: ShellId,
    mut terminal: File,
    mut woken: File,
    (waiting, ahead): (&Mutex<VecDeque<u8>>, &AtomicUsize),
    events: &SyncSender<Event>,
    shared: &Shared,
) -> bool {
    let mut buffer = [0; CHUNK];
    loop {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, ahead.load(Ordering::Acquire) < AHEAD);
        wanted.set(PollFlags::POLLOUT, !lock(waiting).is_empty());
        let mut watched = [PollFd::new(terminal.as_fd(), wanted), PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return true,
        }
        let [from_shell, from_screen] = watched.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        if !from_screen.is_empty() && matches!(woken.read(&mut buffer), Ok(0)) {
            return false;
        }
        if from_shell.contains(PollFlags::POLLOUT) {
            let mut waiting = lock(waiting);
            let (bytes, _) = waiting.as_slices();
            if let Ok(count) = terminal.write(bytes) {
                waiting.drain(..count);
            }
        }
        if from_shell.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
            match terminal.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    shared.active.store(true, Ordering::Release);
                    ahead.fetch_add(count, Ordering::AcqRel);
                    if events.send(Event::ShellOutput(id, buffer[..count].to_vec())).is_err() {
                        return false;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // EIO: the last process that had the terminal open is gone, pty(7).
                Ok(_) | Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Trace;
    use crate::kernel::pty::{Pty, open_pty};

    #[test]
    fn a_shell_is_known_to_the_screen_before_it_says_a_word_however_fast_its_prompt_comes() {
        for id in 0..200 {
            let Pty { master, slave } = open_pty(&mut Trace::default(), 24, 80).expect("a terminal");
            nix::unistd::write(&slave, b"ana@chrysalide:~$ ").expect("room for a prompt");
            let (events, screen) = std::sync::mpsc::sync_channel(64);
            let thread = start((id, "box"), 1, master, events, Arc::default()).expect("a thread");
            let first = screen.recv().expect("an event");
            assert!(matches!(&first, Event::ShellOpened { actor, .. } if actor == "box"), "{id}");
            let Ok(Event::ShellOutput(of, bytes)) = screen.recv() else { panic!("{id}: its prompt") };
            assert_eq!((of, bytes.as_slice()), (id, &b"ana@chrysalide:~$ "[..]));
            // Letting go of it ends the thread.
            drop(first);
            thread.join().expect("no panic");
        }
    }
}
