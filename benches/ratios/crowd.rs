//! Many sleeping processes that have nothing to do with the program: no children of
//! the bench. They sleep in a read of a pipe that only the bench can close, so that
//! none outlives it, however it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use cloison::kernel::Trace;
use cloison::kernel::process::{Side, exit_now, fork, wait_for};
use cloison::kernel::program::pipe;

/// The crowd; dropping it ends it.
pub struct Crowd {
    hold: Option<OwnedFd>,
    /// At its end once all have ended.
    ready: File,
}

impl Crowd {
    /// So many processes, all asleep now. The caller must have one thread.
    pub fn gather(count: usize) -> Result<Self, String> {
        let failed = |errno: cloison::kernel::Errno| format!("({errno})");
        let (sleep, hold) = pipe().map_err(failed)?;
        // A lab makes its program adopt orphans; these are to be nobody's.
        nix::sys::prctl::set_child_subreaper(false).map_err(|errno| failed(errno.into()))?;
        let (mut ready, tell) = pipe().map_err(failed)?;
        match fork(&mut Trace::default()).map_err(failed)? {
            Side::Child => {
                drop((hold, ready));
                // Its own parent ends, so that the leader is an orphan.
                if let Ok(Side::Child) = fork(&mut Trace::default()) {
                    lead(count, sleep, tell);
                }
                exit_now(0)
            }
            Side::Parent(pid) => {
                drop((sleep, tell));
                wait_for(pid);
                let mut word = [0];
                match ready.read(&mut word) {
                    Ok(1) => Ok(Self { hold: Some(hold), ready }),
                    _ => Err(format!("({count} processes can't be had here)")),
                }
            }
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.ready.read(&mut [0]);
    }
}

fn lead(count: usize, mut sleep: File, tell: OwnedFd) {
    let mut tell = File::from(tell);
    let mut made = Vec::with_capacity(count);
    while made.len() < count {
        match fork(&mut Trace::default()) {
            Ok(Side::Parent(pid)) => made.push(pid),
            Ok(Side::Child) => {
                // Until the bench closes its end.
                let _ = sleep.read(&mut [0]);
                exit_now(0)
            }
            Err(_) => break,
        }
    }
    if made.len() == count {
        // Nobody listens where the bench is gone already.
        let _ = tell.write_all(b"+");
    }
    drop(sleep);
    for pid in made {
        wait_for(pid);
    }
}
