//! The emulator behind the embedded shells (vt100) with the widget that draws it,
//! the encoding of keys for a pty, and what the shell integration says (lines
//! entered). Used by `ui` and `plain`; uses no other part. What a shell prints is
//! untrusted: nothing of it reaches the real terminal but styled cells.

pub mod integration;
pub mod keys;
pub mod markdown;
pub mod safe;
pub mod screen;

pub use integration::{Integration, Told};
pub use keys::{Modes, Mouse, encode_key, encode_paste, encode_wheel};
pub use screen::{Screen, ScreenWidget};
