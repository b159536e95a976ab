//! Many sleeping processes. They sleep in a read of a pipe that only the bench can
//! close, so that none outlives it, however it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use cloison::kernel::Trace;
use cloison::kernel::process::{Side, exit_now, fork, wait_for};
use cloison::kernel::program::pipe;

/// The crowd; dropping it ends it.
pub struct Crowd {
    hold: Option<OwnedFd>,
    leader: u32,
}

impl Crowd {
    /// So many processes, all asleep now. The caller must have one thread.
    pub fn gather(count: usize) -> Result<Self, String> {
        let failed = |errno: cloison::kernel::Errno| format!("({errno})");
        let (sleep, hold) = pipe().map_err(failed)?;
        let (mut ready, tell) = pipe().map_err(failed)?;
        match fork(&mut Trace::default()).map_err(failed)? {
            Side::Child => {
                drop((hold, ready));
                lead(count, sleep, tell);
                exit_now(0)
            }
            Side::Parent(leader) => {
                drop((sleep, tell));
                let crowd = Self { hold: Some(hold), leader };
                let mut word = Vec::new();
                match ready.read_to_end(&mut word) {
                    Ok(_) if word == b"+" => Ok(crowd),
                    _ => Err(format!("({count} processes can't be had here)")),
                }
            }
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.hold.take());
        wait_for(self.leader);
    }
}

fn lead(count: usize, mut sleep: File, tell: OwnedFd) {
    let mut tell = Some(File::from(tell));
    let mut made = Vec::with_capacity(count);
    while made.len() < count {
        match fork(&mut Trace::default()) {
            Ok(Side::Parent(pid)) => made.push(pid),
            Ok(Side::Child) => {
                drop(tell.take());
                // Until the bench closes its end.
                let _ = sleep.read(&mut [0]);
                exit_now(0)
            }
            Err(_) => break,
        }
    }
    if let (true, Some(tell)) = (made.len() == count, &mut tell) {
        // Nobody listens where the bench is gone already.
        let _ = tell.write_all(b"+");
    }
    drop((tell, sleep));
    for pid in made {
        wait_for(pid);
    }
}
