//! Pseudo-terminals, pty(7). An actor opens one from the devpts that it sees, so
//! that the terminal belongs to the box and not to the host's terminal.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::call::{Errno, Trace};

/// A master and its slave, both close-on-exec.
#[derive(Debug)]
pub struct Pty {
    /// The emulator's side.
    pub master: OwnedFd,
    /// The shell's side.
    pub slave: OwnedFd,
}

/// Opens a new pseudo-terminal through /dev/ptmx as the caller sees it, of that
/// size. The slave is had from the master (TIOCGPTPEER, ioctl_tty(2)), never by
/// name: a name could mean another devpts.
pub fn open_pty(trace: &mut Trace, rows: u16, cols: u16) -> Result<Pty, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let args = vec!["\"/dev/ptmx\"".to_owned(), "O_RDWR|O_NOCTTY|O_CLOEXEC".to_owned()];
    let master =
        trace.record("open", args, || open("/dev/ptmx", flags, Mode::empty()), |fd| i64::from(fd.as_raw_fd()))?;
    unlock(&master)?;
    let slave = peer(&master)?;
    resize(master.as_fd(), rows, cols)?;
    Ok(Pty { master, slave })
}

/// Sets the size in cells; the foreground processes get SIGWINCH.
#[expect(unsafe_code, reason = "TIOCSWINSZ")]
pub fn resize(master: BorrowedFd<'_>, rows: u16, cols: u16) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure is live and only read.
    let result = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

/// Makes the terminal the controlling one of the caller, who leads a session
/// without one (setsid(2)).
#[expect(unsafe_code, reason = "TIOCSCTTY")]
pub fn take_control(slave: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes a descriptor and a number.
    let result = unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

#[expect(unsafe_code, reason = "TIOCSPTLCK")]
fn unlock(master: &OwnedFd) -> Result<(), Errno> {
    let unlocked: libc::c_int = 0;
    // SAFETY: the number is live and only read.
    let result = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

#[expect(unsafe_code, reason = "TIOCGPTPEER")]
fn peer(master: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes a descriptor and flags, gives back a new descriptor or -1.
    let fd = nix::errno::Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
