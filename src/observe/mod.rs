//! What the machine is like now: snapshots of the host's side and of each
//! actor's own, and the twin rows that join them. Reads only. Used by the panes,
//! the checks and `cloison snapshot`; uses the read side of `kernel`.

mod beside;
pub mod caps;
pub mod census;
pub mod cgroups;
mod clocks;
mod crowd;
mod diff;
mod eyes;
mod face;
mod family;
mod files;
pub mod filters;
pub mod ipc;
pub mod layers;
mod limits;
mod look;
pub mod lsm;
pub mod model;
mod namespaces;
mod net;
mod outside;
pub mod parse;
mod passwd;
mod proc;
mod sampler;
mod subject;
mod traced;
pub mod twin;
mod view;
mod walls;

pub use crate::kernel::bpf::Instruction;
pub use crate::kernel::{Asked, Call, Errno, Filters, Traced, TracedCall};
pub use beside::beside;
pub use census::{Census, Container};
pub use clocks::date;
pub use diff::{Change, Changes, diff};
pub use look::{Look, Sections, Told, Whereabouts};
pub use model::{ActorView, Reading, Snapshot, View};
pub use outside::OVERFLOW;
pub use passwd::Passwd;
pub use proc::{PidDir, ProcDir};
pub use sampler::{Known, Sampler};
pub use subject::{Refusal, Refused, Subject, Veil};
pub use traced::returned;
pub use view::{Scratch, inside, view};
pub use walls::{effective, filter_count};
