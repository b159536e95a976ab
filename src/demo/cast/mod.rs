//! Recordings of a terminal: asciicast, version 3, written and read
//! (<https://docs.asciinema.org/manual/asciicast/v3/>); version 2 is read, too. A JSON
//! object with the size, then a line per event: `[seconds since the one before, code,
//! data]`. Pure: bytes and times come from, and lines go to, the composition root.

mod read;
mod write;

pub use read::{CastError, Moment, Recording, What, read};
pub use write::{Head, Writer};
