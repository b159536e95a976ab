//! Where an actor waits between two calls of an op, in slow motion. It can still be asked
//! what it sees, and who has asked for nothing else sees each call's effect alone.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::Reporter;
use super::protocol::{Ask, FromActor, Said, ToActor};
use crate::kernel::call::Gate;
use crate::kernel::process;
use crate::kernel::socket::{Connection, FrameError};
use crate::kernel::{Call, Errno};

/// How long a keeper may take to read, and how often one that says nothing is listened to
/// anew: presenters talk.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gate on the keeper's own connection, for the question of this number. Nothing else
/// reads from it while an op is carried out, and only answers to what the gate says come.
pub(super) fn gate(keeper: BorrowedFd<'_>, number: u64, report: Reporter, parent: u32) -> Result<Gate, Errno> {
    let mut keeper = Connection::new(keeper.try_clone_to_owned().map_err(|error| Errno::from(&error))?);
    Ok(Box::new(move |calls| {
        // What the call has changed of its credentials must not keep the host from looking.
        let tied = process::make_dumpable().and_then(|()| process::die_with_parent(parent));
        if tied.is_err() || wait(&mut keeper, number, report, calls).is_err() {
            // The keeper is gone: in the midst of an op there is nothing to go back to.
            process::exit_now(1);
        }
    }))
}

/// Says what was done, and answers until it is time for the next call.
fn wait(keeper: &mut Connection, number: u64, report: Reporter, calls: &[Call]) -> Result<(), FrameError> {
    say(keeper, number, Said::Paused(calls.to_vec()))?;
    loop {
        let bytes = match keeper.receive(Instant::now() + PATIENCE) {
            Err(FrameError::TimedOut) => continue,
            received => received?,
        };
        let Ok(ToActor { number, ask }) = postcard::from_bytes(&bytes) else {
            return Err(FrameError::TooLong(bytes.len()));
        };
        match ask {
            Ask::GoOn => return Ok(()),
            Ask::View { look } => say(keeper, number, Said::View((report.own)(&look)))?,
            _ => say(keeper, number, Said::Failed(Errno(libc::EBUSY), "slow motion".to_owned()))?,
        }
    }
}

fn say(keeper: &mut Connection, number: u64, said: Said) -> Result<(), FrameError> {
    let bytes = postcard::to_stdvec(&FromActor { number, said }).map_err(|_| FrameError::TooLong(0))?;
    keeper.send(&bytes, &[], PATIENCE)
}
