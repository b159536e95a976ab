//! Typed wrappers over the kernel's primitives, and the only unsafe code. Each
//! wrapper that changes something records the [`Call`] it made in a [`Trace`].
//! Used by `lab` (to act) and `observe` (to read); uses no other part but i18n.

pub mod attribute;
pub mod bpf;
pub mod call;
pub mod caps;
pub mod cgroup;
pub mod features;
pub mod filters;
pub mod ipc;
pub mod landlock;
pub mod mount;
pub mod names;
pub mod namespace;
pub mod netlink;
pub mod process;
pub mod program;
pub mod ptrace;
pub mod pty;
pub mod random;
pub mod read;
pub mod seccomp;
pub mod socket;
pub mod tcp;
pub mod terminal;
pub mod traced;

pub use call::{Call, Errno, Trace, quoted};
pub use filters::{Asked, Filters};
pub use traced::{Traced, TracedCall};
