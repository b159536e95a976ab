//! Frames over Unix stream sockets: a 4-byte little-endian length, that many
//! bytes, and descriptors alongside (SCM_RIGHTS, unix(7)). Used by the keeper, the
//! actors and the program to talk to each other.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};

use super::call::Errno;

/// The largest frame that is taken; anything longer is a broken peer.
pub const MAX_FRAME: usize = 64 << 20;
/// The most descriptors in one frame.
const MAX_FDS: usize = 16;

/// Why no frame could be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The other end is gone.
    #[error("the other end has closed")]
    Closed,
    /// The other end sent what is no frame.
    #[error("a frame of {0} bytes: not ours")]
    TooLong(usize),
    /// Nothing came in time.
    #[error("no answer in time")]
    TimedOut,
    /// A system call failed.
    #[error("{0}")]
    Io(Errno),
}

impl From<nix::errno::Errno> for FrameError {
    fn from(errno: nix::errno::Errno) -> Self {
        match errno {
            nix::errno::Errno::ECONNRESET | nix::errno::Errno::EPIPE => Self::Closed,
            other => Self::Io(other.into()),
        }
    }
}

/// One end of a connection, with what has arrived but is not yet a whole frame.
#[derive(Debug)]
pub struct Connection {
    fd: OwnedFd,
    arrived: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
    closed: bool,
    /// Whole frames that go with the next one.
    held: Vec<u8>,
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Connection {
    /// Takes over one end.
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, arrived: Vec::new(), descriptors: VecDeque::new(), closed: false, held: Vec::new() }
    }

    /// Two connected ends, both close-on-exec.
    pub fn pair() -> Result<(Self, Self), Errno> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self::new(a), Self::new(b)))
    }

    /// The descriptor, for those who must place it elsewhere.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Keeps a frame until the next one is sent: for who knows that there will be one, and
    /// that nobody reads this one before.
    pub fn hold(&mut self, bytes: &[u8]) {
        self.held.extend((bytes.len() as u32).to_le_bytes());
        self.held.extend(bytes);
    }

    /// Sends one frame, behind those that were held. Waits for a slow reader for at most
    /// `patience`.
    pub fn send(&mut self, bytes: &[u8], fds: &[RawFd], patience: Duration) -> Result<(), FrameError> {
        let deadline = Instant::now() + patience;
        let mut header = std::mem::take(&mut self.held);
        header.extend((bytes.len() as u32).to_le_bytes());
        let mut sent = 0;
        let total = header.len() + bytes.len();
        while sent < total {
            let parts = if sent < header.len() {
                [IoSlice::new(&header[sent..]), IoSlice::new(bytes)]
            } else {
                [IoSlice::new(&bytes[sent - header.len()..]), IoSlice::new(&[])]
            };
            let rights = [ControlMessage::ScmRights(fds)];
            let control: &[ControlMessage] = if sent == 0 && !fds.is_empty() { &rights } else { &[] };
            let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
            match sendmsg::<()>(self.fd.as_raw_fd(), &parts, control, flags, None) {
                Ok(count) => sent += count,
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => wait(self.fd.as_fd(), PollFlags::POLLOUT, deadline)?,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Takes what has arrived, without waiting.
    pub fn fill(&mut self) -> Result<(), FrameError> {
        // Small: a fresh process pays a page fault for each page of it.
        let mut buffer = [0_u8; 4 << 10];
        let room = buffer.len();
        let mut control = nix::cmsg_space!([RawFd; MAX_FDS]);
        loop {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let message = match recvmsg::<()>(self.fd.as_raw_fd(), &mut parts, Some(&mut control), flags) {
                Ok(message) => message,
                Err(nix::errno::Errno::EAGAIN) => return Ok(()),
                Err(nix::errno::Errno::EINTR) => continue,
                Err(nix::errno::Errno::ECONNRESET) => {
                    self.closed = true;
                    return Ok(());
                }
                Err(errno) => return Err(errno.into()),
            };
            let count = message.bytes;
            if let Ok(messages) = message.cmsgs() {
                for item in messages {
                    if let ControlMessageOwned::ScmRights(numbers) = item {
                        self.descriptors.extend(numbers.into_iter().map(adopt));
                    }
                }
            }
            if count == 0 {
                self.closed = true;
                return Ok(());
            }
            self.arrived.extend_from_slice(&buffer[..count]);
            if self.descriptors.len() > 4 * MAX_FDS || self.arrived.len() > MAX_FRAME + (1 << 20) {
                return Err(FrameError::TooLong(self.arrived.len()));
            }
            // Less than there was room for: it was all, or poll(2) says that more is there.
            if count < room {
                return Ok(());
            }
        }
    }

    /// The next whole frame among what has arrived. `Closed` once the other end is
    /// gone and nothing whole is left.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(length) = self.announced() else {
            return if self.closed { Err(FrameError::Closed) } else { Ok(None) };
        };
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        if self.arrived.len() < 4 + length {
            return if self.closed { Err(FrameError::Closed) } else { Ok(None) };
        }
        let rest = self.arrived.split_off(4 + length);
        let mut bytes = std::mem::replace(&mut self.arrived, rest);
        bytes.drain(..4);
        Ok(Some(bytes))
    }

    /// Whether a whole frame has arrived that nobody has taken.
    pub fn has_frame(&self) -> bool {
        self.announced().is_some_and(|length| self.arrived.len() - 4 >= length)
    }

    /// How long the next frame is, once its header has arrived.
    fn announced(&self) -> Option<usize> {
        self.arrived.first_chunk::<4>().map(|header| u32::from_le_bytes(*header) as usize)
    }

    /// The oldest descriptor that came and was not yet taken. Descriptors keep the
    /// order of the frames they came with: a frame that says it brings one is
    /// followed by one call of this.
    pub fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// Waits for a whole frame until the deadline.
    pub fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, FrameError> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            wait(self.fd.as_fd(), PollFlags::POLLIN, deadline)?;
            self.fill()?;
        }
    }

    /// Whether the other end is gone, as far as was noticed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Waits until the descriptor is ready, or `TimedOut`.
fn wait(fd: BorrowedFd<'_>, flags: PollFlags, deadline: Instant) -> Result<(), FrameError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // One more than the rounded-down milliseconds, so that a short rest does not spin.
        let timeout = PollTimeout::try_from(left.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(fd, flags)], timeout) {
            Ok(0) if Instant::now() >= deadline => return Err(FrameError::TimedOut),
            Ok(0) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[expect(unsafe_code, reason = "descriptors received by SCM_RIGHTS come as bare numbers")]
fn adopt(number: RawFd) -> OwnedFd {
    // SAFETY: the kernel installed this descriptor in our table for this message; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn frames_arrive_whole_and_in_order_with_their_descriptors() {
        let (mut a, mut b) = Connection::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        a.send(b"one", &[], SOON).unwrap();
        a.send(b"two", &[file.as_raw_fd()], SOON).unwrap();
        assert_eq!(b.receive(Instant::now() + SOON).unwrap(), b"one");
        assert_eq!(b.receive(Instant::now() + SOON).unwrap(), b"two");
        assert!(b.take_descriptor().is_some());
        assert!(b.take_descriptor().is_none());
    }

    #[test]
    fn a_long_frame_crosses_a_small_buffer() {
        let (mut a, mut b) = Connection::pair().unwrap();
        let long = vec![7_u8; 3 << 20];
        let expected = long.clone();
        let sender = std::thread::spawn(move || a.send(&long, &[], SOON));
        assert!(b.receive(Instant::now() + SOON).unwrap() == expected);
        sender.join().unwrap().unwrap();
    }

    #[test]
    fn a_length_that_is_no_frame_is_an_error() {
        let (a, mut b) = Connection::pair().unwrap();
        nix::unistd::write(&a.fd, &[0xff, 0xff, 0xff, 0xff, 1, 2, 3]).unwrap();
        assert!(matches!(b.receive(Instant::now() + SOON), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn a_frame_that_is_held_goes_before_the_next_one() {
        let (mut a, mut b) = Connection::pair().unwrap();
        a.hold(b"one");
        b.fill().unwrap();
        assert_eq!(b.next_frame(), Ok(None));
        a.send(b"two", &[], SOON).unwrap();
        b.fill().unwrap();
        assert!(b.has_frame());
        assert_eq!([b.next_frame(), b.next_frame()], [Ok(Some(b"one".to_vec())), Ok(Some(b"two".to_vec()))]);
        assert!(!b.has_frame());
    }

    #[test]
    fn a_closed_end_is_said_and_a_silent_one_times_out() {
        let (a, mut b) = Connection::pair().unwrap();
        assert!(matches!(b.receive(Instant::now()), Err(FrameError::TimedOut)));
        drop(a);
        assert!(matches!(b.receive(Instant::now() + SOON), Err(FrameError::Closed)));
    }
}
