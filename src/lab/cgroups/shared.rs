//! What labs have enabled in a place that is not theirs. Several labs may be in one place,
//! of several runs of the program, each with limits of its own: the controllers stay
//! enabled until the last of them goes, whichever of them enabled them. That labs did, and
//! which, is said by the place itself, in an extended attribute (xattr(7); those of
//! version 2 have `user.` ones since Linux 5.7).

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use super::place::{has_limits, is_labs};
use super::{Failed, enable, missing};
use crate::kernel::Trace;
use crate::kernel::attribute;
use crate::kernel::cgroup::write;

/// The attribute: names of controllers, with spaces between them.
const MARK: &str = "user.cloison.enabled";
/// How long one lab waits for another to have done here.
const PATIENCE: Duration = Duration::from_secs(1);

/// Enables what a place lacks of these controllers. The lab's own group must be there, so
/// that no other lab takes back what it is about to need; `note` is told before
/// anything is enabled.
pub fn share(
    trace: &mut Trace,
    place: &Path,
    controllers: &[String],
    note: impl FnOnce(&[String]) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let _alone = alone(place);
    let missing = missing(place, controllers);
    if missing.is_empty() {
        return Ok(());
    }
    note(&missing)?;
    let mut marked = marked(place);
    marked.extend(missing.iter().cloned());
    let text = Vec::from_iter(marked).join(" ");
    // Before Linux 5.7: who has enabled them is the only one to know.
    let _ = attribute::set(&mut Trace::default(), place, MARK, text.as_bytes(), text.clone());
    enable(trace, place, &missing)
}

/// A lab has removed its groups from a place: what labs have enabled there is disabled,
/// `own` among it, unless another lab's groups need it.
pub fn settle(place: &Path, lab: &str, own: &[String]) {
    let _alone = alone(place);
    let marked = marked(place);
    if marked.is_empty() && own.is_empty() || others(place, lab) {
        return;
    }
    let trace = &mut Trace::default();
    // First: should this be the end, what the owner of the place enables is not taken for ours.
    let _ = attribute::remove(trace, place, MARK);
    for controller in marked.iter().chain(own) {
        // EBUSY: a group that is no lab's gives it to those below it.
        let _ = write(trace, &place.join("cgroup.subtree_control"), &format!("-{controller}"));
    }
}

fn marked(place: &Path) -> BTreeSet<String> {
    let text = attribute::get(place, MARK).unwrap_or_default();
    String::from_utf8_lossy(&text).split_ascii_whitespace().map(str::to_owned).collect()
}

/// Whether another lab has groups there that may have limits.
fn others(place: &Path, lab: &str) -> bool {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| has_limits(&path) && !is_labs(&path, lab) && path.is_dir())
}

/// flock(2) of a place's directory, until it is dropped. Who keeps it for long is waited
/// for no longer than this; then it is done without.
fn alone(place: &Path) -> Option<Flock<File>> {
    let mut file = File::open(place).ok()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((back, nix::Error::EWOULDBLOCK | nix::Error::EINTR)) if Instant::now() < deadline => file = back,
            other => return other.ok(),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
