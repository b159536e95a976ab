//! How long a thing may take that a test holds to a time: so many seconds, or on a
//! machine that is known to be slow (emulated: `tests/vm`), CLOISON_SLOW times that.

use std::time::Duration;

pub fn seconds(seconds: u64) -> Duration {
    let factor = std::env::var("CLOISON_SLOW").map_or(1, |factor| factor.parse().expect("CLOISON_SLOW is a number"));
    Duration::from_secs(seconds * factor)
}
