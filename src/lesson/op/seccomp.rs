//! The ops on seccomp filters and Landlock.

use serde::{Deserialize, Serialize};

/// A seccomp filter that the actor puts on itself, seccomp(2), and what it starts
/// inherits; after no_new_privs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeccompOp {
    /// `seccomp = { refuse = ["sethostname"], with = "EPERM" }`: these calls get an answer,
    /// the others are carried out.
    Refuse {
        /// Names of calls.
        calls: Vec<String>,
        /// `kill`, `kill-thread`, `trap`, `log`, or an errno (`0`: a success that isn't one).
        with: String,
    },
    /// `seccomp = { allow = ["read"], otherwise = "EPERM" }`: all others get an answer.
    Allow {
        /// Names of calls.
        calls: Vec<String>,
        /// As `with`.
        otherwise: String,
    },
    /// `seccomp = { ask = ["mkdirat"], answer = "EACCES" }`: the actor itself is asked
    /// about these calls of the programs that it starts, and answers so.
    Ask {
        /// Names of calls.
        calls: Vec<String>,
        /// `continue`, or an errno.
        answer: String,
    },
    /// `seccomp = { profile = "/tmp/profile.json" }`: an OCI profile, as the actor can read it.
    Profile {
        /// The file.
        path: String,
    },
}

/// `landlock = { read = ["/"], write = ["/tmp/den"] }`: from here on the actor, and what it
/// starts, reaches no file but below these; landlock(7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockOp {
    /// Directories below which files may be read and run.
    pub read: Vec<String>,
    /// Directories below which anything may be done.
    pub write: Vec<String>,
}
