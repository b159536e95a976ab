//! The screen: events in, [`Request`]s out, everything drawn from one model. It
//! knows the session, the snapshots and the texts, and never the lab or the
//! kernel: what it needs done it asks for through a [`Request`].

pub mod browse;
pub mod containers;
pub mod event;
pub mod groups;
pub mod history;
pub mod intent;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod list;
pub mod markdown;
pub mod model;
pub mod overlay;
pub mod projector;
pub mod room;
pub mod run;
pub mod safe;
pub mod shells;
pub mod terminal;
pub mod theme;
pub mod twin;
pub mod update;
pub mod view;

pub use event::{Event, Request};
pub use model::Model;
pub use run::{Setup, run};
pub use theme::Theme;
