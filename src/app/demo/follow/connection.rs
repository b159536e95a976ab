//! A connection to a wall, from the follower's side. Nothing here waits: what is to be
//! done is told by what poll(2) says of its descriptor, or by the clock.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno as Raised;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, UnixAddr, connect, getsockopt, socket, sockopt,
};

use super::address::Target;
use super::trouble::{Trouble, place};
use crate::app::demo::share::PREFIX;
use crate::demo::follow::wire::{ALIVE, Inbox, MOST_SAID, Who, Word, frame, greeted, heard};
use crate::kernel::Errno;

/// How long it may take until the wall has greeted.
const PATIENCE: Duration = Duration::from_secs(8);
/// A wall that has said nothing for so long is gone: it speaks every [`ALIVE`] seconds.
const SILENCE: Duration = Duration::from_secs(4 * ALIVE);
/// So much is read before the keys are looked at again.
const AT_ONCE: usize = 64 << 10;

/// A connection.
pub struct Connection {
    fd: OwnedFd,
    place: String,
    /// Not yet made.
    connecting: bool,
    /// The wall has greeted.
    greeted: bool,
    inbox: Inbox,
    out: Vec<u8>,
    /// When it must have said something.
    until: Instant,
}

impl Connection {
    /// Begins to connect; `code` is sent as soon as it is made.
    pub fn begin(target: Target, code: Option<&str>, now: Instant) -> Result<Self, Trouble> {
        let (place, address, family) = match target {
            Target::Net(at) => {
                let family = if at.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
                (place(&at), Address::Net(at), family)
            }
            Target::Here { uid, pid } => {
                let name = format!("{PREFIX}{uid}-{pid}");
                (pid.to_string(), Address::Unix(name), AddressFamily::Unix)
            }
        };
        let failed = |errno: Raised| Trouble::Failed(place.clone(), errno.into());
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(family, SockType::Stream, flags, None).map_err(failed)?;
        let made = match &address {
            Address::Net(at) => connect(fd.as_raw_fd(), &SockaddrStorage::from(*at)),
            Address::Unix(name) => {
                UnixAddr::new_abstract(name.as_bytes()).and_then(|address| connect(fd.as_raw_fd(), &address))
            }
        };
        let connecting = match made {
            Ok(()) => false,
            Err(Raised::EINPROGRESS) => true,
            Err(errno) => return Err(failed(errno)),
        };
        if let Target::Here { uid, pid } = target {
            // Anybody may take a name; the kernel says whose socket it is.
            let peer = getsockopt(&fd, sockopt::PeerCredentials).map_err(failed)?;
            if peer.uid() != uid || peer.pid().cast_unsigned() != pid {
                return Err(Trouble::NoneHere(Some(pid)));
            }
        }
        let out = code.map_or_else(Vec::new, |code| frame(code.as_bytes()));
        let inbox = Inbox::new(MOST_SAID);
        Ok(Self { fd, place, connecting, greeted: false, inbox, out, until: now + PATIENCE })
    }

    /// What to watch.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What for.
    pub fn wants(&self) -> PollFlags {
        let writes = self.connecting || !self.out.is_empty();
        if writes { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN }
    }

    /// When it is given up, unless something comes.
    pub fn deadline(&self) -> Instant {
        self.until
    }

    /// Whether the wall has greeted: it is one, and speaks as we do.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Does what can be done now, and gives the words that have come. After an error it is
    /// to be dropped; the words before it have been given.
    pub fn go_on(&mut self, now: Instant, take: &mut dyn FnMut(Word) -> Result<(), Trouble>) -> Result<(), Trouble> {
        if self.connecting {
            match getsockopt(&self.fd, sockopt::SocketError) {
                Ok(0) if self.is_made() => self.connecting = false,
                Ok(0) => return self.late(now),
                Ok(raw) => return Err(Trouble::Failed(self.place.clone(), Errno(raw))),
                Err(errno) => return Err(Trouble::Failed(self.place.clone(), errno.into())),
            }
        }
        self.write()?;
        let ended = self.read(now)?;
        while let Some(bytes) = self.inbox.next_frame().map_err(|_| self.stranger())? {
            if self.greeted {
                take(heard(&bytes).ok_or_else(|| self.stranger())?)?;
                continue;
            }
            match greeted(&bytes) {
                Who::Wall => self.greeted = true,
                Who::Version(version) => return Err(Trouble::Version(version)),
                Who::Stranger => return Err(self.stranger()),
            }
        }
        if ended { Err(Trouble::Closed(self.place.clone())) } else { self.late(now) }
    }

    fn late(&self, now: Instant) -> Result<(), Trouble> {
        if now >= self.until { Err(Trouble::Silent(self.place.clone())) } else { Ok(()) }
    }

    /// What was said makes no sense.
    pub fn stranger(&self) -> Trouble {
        Trouble::Stranger(self.place.clone())
    }

    fn is_made(&self) -> bool {
        nix::sys::socket::getpeername::<SockaddrStorage>(self.fd.as_raw_fd()).is_ok()
    }

    fn write(&mut self) -> Result<(), Trouble> {
        while !self.out.is_empty() {
            match nix::unistd::write(&self.fd, &self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(Raised::EAGAIN) => break,
                Err(Raised::EINTR) => {}
                // What it said before it closed is there to be read.
                Err(Raised::EPIPE | Raised::ECONNRESET) => self.out.clear(),
                Err(errno) => return Err(Trouble::Failed(self.place.clone(), errno.into())),
            }
        }
        Ok(())
    }

    /// Takes what has come; whether that was the end.
    fn read(&mut self, now: Instant) -> Result<bool, Trouble> {
        let mut bytes = [0; 16 << 10];
        for _ in 0..AT_ONCE / bytes.len() {
            match nix::unistd::read(&self.fd, &mut bytes) {
                Ok(0) | Err(Raised::ECONNRESET) => return Ok(true),
                Ok(count) => {
                    self.inbox.push(&bytes[..count]);
                    self.until = now + SILENCE;
                }
                Err(Raised::EAGAIN) => break,
                Err(Raised::EINTR) => {}
                Err(errno) => return Err(Trouble::Failed(self.place.clone(), errno.into())),
            }
        }
        Ok(false)
    }
}

enum Address {
    Net(SocketAddr),
    Unix(String),
}

/// Waits until a wall has greeted: the first of these targets where one does. What went
/// wrong last where none does.
pub fn probe(targets: &[Target]) -> Result<Target, Trouble> {
    let mut trouble = Trouble::NoneHere(None);
    for target in targets {
        match greets(*target) {
            Ok(()) => return Ok(*target),
            Err(why) => trouble = why,
        }
    }
    Err(trouble)
}

fn greets(target: Target) -> Result<(), Trouble> {
    let mut connection = Connection::begin(target, None, Instant::now())?;
    while !connection.is_greeted() {
        wait(&connection, connection.deadline())?;
        let went = connection.go_on(Instant::now(), &mut |_| Ok(()));
        // One that has greeted and goes is a wall all the same.
        if !connection.is_greeted() {
            went?;
        }
    }
    Ok(())
}

/// Waits for a connection, at most so long.
fn wait(connection: &Connection, until: Instant) -> Result<(), Trouble> {
    let left = until.saturating_duration_since(Instant::now()).as_millis() as i64 + 1;
    let timeout = nix::poll::PollTimeout::try_from(left).unwrap_or(nix::poll::PollTimeout::MAX);
    match nix::poll::poll(&mut [nix::poll::PollFd::new(connection.fd(), connection.wants())], timeout) {
        Ok(_) | Err(Raised::EINTR) => Ok(()),
        Err(errno) => Err(Trouble::Failed(connection.place.clone(), errno.into())),
    }
}

/// Waits until the wall has said whether this code lets one in: what it said first.
pub fn try_code(target: Target, code: &str) -> Result<(), Trouble> {
    let mut connection = Connection::begin(target, Some(code), Instant::now())?;
    let mut said = false;
    while !said {
        wait(&connection, connection.deadline())?;
        let went = connection.go_on(Instant::now(), &mut |word| match word {
            Word::Refused(why) => Err(Trouble::Refused(why)),
            _ => {
                said = true;
                Ok(())
            }
        });
        if !said {
            went?;
        }
    }
    Ok(())
}
