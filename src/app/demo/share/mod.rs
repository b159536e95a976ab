//! `cloison demo --share`: students follow in their own terminals. The drawing thread puts
//! what there is to see on a board and never waits; one thread serves all who follow.
//!
//! ```text
//! ui ── audience() ─▶ Teller ─▶ board (the latest of each step) ─▶ share (thread) ─▶ everybody
//! ▲◀── Event::Followers ─────────────────────────────────────────────┘
//! ```

mod address;
mod board;
mod crowd;
mod peers;
mod server;
mod sheet;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

pub use address::Unshared;
pub use board::Teller;
pub use server::Server;
pub use sheet::sheet;

use crate::demo::follow::Code;
use crate::kernel::random;
use crate::ui::projector::Sharing;

/// Opens what students connect to: nothing else of the program listens on a network. What
/// the wall shows of it, and the two halves, before any thread.
pub fn open(named: &str) -> Result<(Sharing, Teller, Server), Unshared> {
    let listeners = address::listen(named)?;
    let unix = UnixListener::bind_addr(&local().map_err(Unshared::Failed)?).map_err(Unshared::Failed)?;
    let code = code().map_err(|errno| Unshared::Failed(std::io::Error::from_raw_os_error(errno.0)))?;
    let command = listeners.first().map_or_else(|| Ok(String::new()), address::command).map_err(Unshared::Failed)?;
    let sharing = Sharing { command, code: code.shown(), followers: 0 };
    let (teller, board) = board::board().map_err(Unshared::Failed)?;
    let server = Server::new(listeners, unix, board, code).map_err(Unshared::Failed)?;
    Ok((sharing, teller, server))
}

/// What names of sockets begin with, as /proc/net/unix lists them; user and PID follow. As
/// for the notes, an abstract name (unix(7)): no file that a SIGKILL would leave behind.
/// Whoever connects asks the kernel whether the socket is that user's.
pub const PREFIX: &str = "cloison-share-";

fn local() -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("{PREFIX}{}-{}", nix::unistd::geteuid(), std::process::id()))
}

fn code() -> Result<Code, crate::kernel::Errno> {
    loop {
        let mut bytes = [0; 32];
        random::fill(&mut bytes)?;
        if let Some(code) = Code::from_random(&bytes) {
            return Ok(code);
        }
    }
}
