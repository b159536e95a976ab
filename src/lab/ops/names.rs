//! Host and domain name.

use super::{Outcome, doing};
use crate::kernel::{Trace, names};

/// sethostname(2).
pub fn hostname(trace: &mut Trace, name: &str) -> Outcome {
    doing(names::sethostname(trace, name), || format!("sethostname {name}"))
}

/// setdomainname(2).
pub fn domainname(trace: &mut Trace, name: &str) -> Outcome {
    doing(names::setdomainname(trace, name), || format!("setdomainname {name}"))
}
