//! The settings of the student's terminal, kept as plain data so that the keeper
//! can put them back when the program is killed.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::termios::{ControlFlags, InputFlags, LocalFlags, OutputFlags, SetArg, Termios, tcgetattr, tcsetattr};
use serde::{Deserialize, Serialize};

use super::call::Errno;

/// What termios(3) holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
    characters: Vec<u8>,
}

impl Settings {
    /// Reads them; ENOTTY for what is no terminal.
    pub fn of(terminal: impl AsFd) -> Result<Self, Errno> {
        Ok(Self::from(&tcgetattr(terminal)?))
    }

    /// Puts them back at once.
    pub fn restore(&self, terminal: impl AsFd) -> Result<(), Errno> {
        let mut termios = tcgetattr(&terminal)?;
        termios.input_flags = InputFlags::from_bits_retain(self.input);
        termios.output_flags = OutputFlags::from_bits_retain(self.output);
        termios.control_flags = ControlFlags::from_bits_retain(self.control);
        termios.local_flags = LocalFlags::from_bits_retain(self.local);
        for (slot, saved) in termios.control_chars.iter_mut().zip(&self.characters) {
            *slot = *saved;
        }
        tcsetattr(terminal, SetArg::TCSANOW, &termios).map_err(Errno::from)
    }
}

impl From<&Termios> for Settings {
    fn from(termios: &Termios) -> Self {
        Self {
            input: termios.input_flags.bits(),
            output: termios.output_flags.bits(),
            control: termios.control_flags.bits(),
            local: termios.local_flags.bits(),
            characters: termios.control_chars.to_vec(),
        }
    }
}

/// What undoes all that the screen may have asked of a terminal: mouse reports,
/// bracketed paste, hidden cursor, colours, and the alternate screen last.
pub const LEAVE_SCREEN: &[u8] =
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l\x1b[?25h";

/// The terminal of standard input, reopened for the keeper; nothing where there
/// is none.
pub fn duplicate_stdin() -> Option<OwnedFd> {
    let stdin = std::io::stdin();
    nix::unistd::isatty(stdin.as_fd()).ok().filter(|yes| *yes)?;
    nix::unistd::dup(stdin.as_fd()).ok()
}
