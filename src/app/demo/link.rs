//! The socket between the wall and the notes. Its name is an abstract one (unix(7)): no
//! file, so nothing is left of it whoever is killed. Such a name has no mode, so each end
//! asks the kernel who the other is (SO_PEERCRED) and speaks with its own user alone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::demo::wire::Outlook;
use crate::kernel::program::pipe;
use crate::kernel::socket::Connection;
use crate::ui::event::{Event, Order};

/// How long notes may take to read: longer, and they are let go.
const PATIENCE: Duration = Duration::from_millis(500);
/// So many notes at a time.
const MOST: usize = 4;

/// What names of sockets begin with, as /proc/net/unix lists them; the user and the PID
/// follow.
const PREFIX: &str = "cloison-demo-";

fn address(pid: u32) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("{PREFIX}{}-{pid}", nix::unistd::geteuid()))
}

/// Whether the other end is this user's, or root's.
fn is_ours(stream: &UnixStream) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// A pipe that wakes who waits at its reading end, given first; neither end ever waits.
pub(super) fn waking() -> io::Result<(std::fs::File, OwnedFd)> {
    let (woken, wake) = pipe().map_err(|errno| io::Error::from_raw_os_error(errno.0))?;
    for fd in [woken.as_fd(), wake.as_fd()] {
        nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    }
    Ok((woken, wake))
}

/// The users and processes whose abstract sockets have such names, PREFIX, UID-PID, as
/// /proc/net/unix lists them.
pub(super) fn named(prefix: &str) -> Vec<(u32, u32)> {
    listed(&std::fs::read_to_string("/proc/net/unix").unwrap_or_default(), prefix)
}

/// Those of such a list; each socket of theirs has a line.
fn listed(text: &str, prefix: &str) -> Vec<(u32, u32)> {
    let owner = |line: &str| {
        let name = line.split_ascii_whitespace().last()?.strip_prefix('@')?.strip_prefix(prefix)?;
        let (uid, pid) = name.split_once('-')?;
        Some((uid.parse().ok()?, pid.parse().ok()?))
    };
    let mut found: Vec<(u32, u32)> = text.lines().filter_map(owner).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Where notes of this demonstration connect.
pub fn listen() -> io::Result<UnixListener> {
    let listener = UnixListener::bind_addr(&address(std::process::id())?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The PIDs of the demonstrations of this user, the newest process last.
pub fn demonstrations() -> Vec<u32> {
    let own = nix::unistd::geteuid().as_raw();
    let listed = named(PREFIX).into_iter().filter(|(uid, _)| *uid == own);
    let mut found: Vec<u32> = listed.map(|(_, pid)| pid).collect();
    let started = |pid: &u32| crate::kernel::process::start_time(*pid).unwrap_or(0);
    found.sort_by_key(started);
    found
}

/// Connects to a demonstration. PermissionDenied where the socket is somebody else's.
pub fn connect(pid: u32) -> io::Result<Connection> {
    let stream = UnixStream::connect_addr(&address(pid)?)?;
    if !is_ours(&stream) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(Connection::new(stream.into()))
}

/// What was last to be told, and a pipe that wakes who tells it.
pub struct Teller {
    latest: Arc<Mutex<Option<Outlook>>>,
    wake: OwnedFd,
}

impl Teller {
    /// The wall looks so now. Never waits.
    pub fn tell(&self, outlook: Outlook) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.as_ref() != Some(&outlook) {
            *latest = Some(outlook);
            // EAGAIN: enough is in it to wake.
            let _ = nix::unistd::write(&self.wake, b".");
        }
    }
}

/// Serves notes until the [`Teller`] is dropped.
pub struct Server {
    listener: UnixListener,
    latest: Arc<Mutex<Option<Outlook>>>,
    woken: std::fs::File,
}

/// The two halves, before any thread.
pub fn server(listener: UnixListener) -> io::Result<(Teller, Server)> {
    let (woken, wake) = waking()?;
    let latest = Arc::new(Mutex::new(None));
    Ok((Teller { latest: Arc::clone(&latest), wake }, Server { listener, latest, woken }))
}

impl Server {
    /// Begins; orders go to the screen.
    pub fn start(self, events: SyncSender<Event>) -> io::Result<JoinHandle<()>> {
        Builder::new().name("notes".into()).spawn(move || self.serve(&events))
    }

    fn serve(mut self, events: &SyncSender<Event>) {
        let mut consoles: Vec<Connection> = Vec::new();
        loop {
            let mut watched = vec![
                PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            ];
            watched.extend(consoles.iter().map(|console| PollFd::new(console.as_fd(), PollFlags::POLLIN)));
            if let Err(errno) = poll(&mut watched, PollTimeout::NONE)
                && errno != nix::errno::Errno::EINTR
            {
                return;
            }
            let ready: Vec<bool> = watched.iter().map(|one| one.any().unwrap_or(false)).collect();
            drop(watched);
            if ready[0] {
                use std::io::Read as _;
                // Nothing to read and nobody to write: the wall is gone.
                if matches!(self.woken.read(&mut [0; 64]), Ok(0)) {
                    return;
                }
                if !consoles.is_empty() {
                    let told = self.outlook();
                    consoles.retain_mut(|console| told.as_ref().is_none_or(|told| send(console, told)));
                }
                continue;
            }
            let mut speaks = ready[2..].iter();
            consoles.retain_mut(|console| !speaks.next().unwrap_or(&false) || hear(console, events));
            if ready[1]
                && let Ok((stream, _)) = self.listener.accept()
                && is_ours(&stream)
                && consoles.len() < MOST
            {
                let mut console = Connection::new(stream.into());
                if self.outlook().is_none_or(|told| send(&mut console, &told)) {
                    consoles.push(console);
                }
            }
        }
    }

    /// What is to be told, ready to be sent.
    fn outlook(&self) -> Option<Vec<u8>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().and_then(|outlook| postcard::to_stdvec(outlook).ok())
    }
}

/// Whether they took it.
fn send(console: &mut Connection, bytes: &[u8]) -> bool {
    console.send(bytes, &[], PATIENCE).is_ok()
}

/// Hands on what they say; whether they are still there, and make sense.
fn hear(console: &mut Connection, events: &SyncSender<Event>) -> bool {
    if console.fill().is_err() {
        return false;
    }
    loop {
        match console.next_frame() {
            Ok(Some(bytes)) => match postcard::from_bytes::<Order>(&bytes) {
                Ok(order) => {
                    if events.send(Event::Order(order)).is_err() {
                        return false;
                    }
                }
                Err(_) => return false,
            },
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_this_machine_are_found_by_their_sockets() {
        let text = "Num RefCount …\n\
            ffff: 00000002 00000000 00010000 0001 01 5 @cloison-share-1000-42\n\
            ffff: 00000003 00000000 00000000 0001 03 6 @cloison-share-1000-42\n\
            ffff: 00000002 00000000 00010000 0001 01 7 @cloison-share-x-7\n\
            ffff: 00000002 00000000 00010000 0001 01 8 @cloison-demo-1000-42\n\
            ffff: 00000002 00000000 00010000 0001 01 9 /tmp/@cloison-share-1000-43\n";
        assert_eq!(listed(text, "cloison-share-"), [(1000, 42)]);
    }
}
