//! The thread that serves all who follow: one poll(2) over the listeners and everybody,
//! none of which it waits for.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::SyncSender;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};

use super::board::Board;
use super::crowd::Crowd;
use super::peers::Peer;
use crate::demo::follow::Code;
use crate::kernel::process::be_nice;
use crate::ui::event::Event;

/// The kernel keeps at most so many bytes for somebody who does not read (it doubles that).
const BUFFER: usize = 128 << 10;
/// So many are let in at the door before anybody else is served.
const AT_ONCE: usize = 64;
/// Where there are no descriptors left, the listeners rest for so long.
const REST: Duration = Duration::from_millis(200);
/// The wall is told at most so often how many there are.
const COUNTED: Duration = Duration::from_millis(250);
/// So nice is the thread to the others: nice(1).
const NICE: i32 = 5;
/// How long those who follow may take to hear that it is over.
const FAREWELL: Duration = Duration::from_millis(300);
/// A machine that has gone without a word is let go after IDLE + TRIES × EACH seconds, and
/// one that does not confirm what it is sent after as long (tcp(7)).
const IDLE: u32 = 20;
const EACH: u32 = 5;
const TRIES: u32 = 4;

/// Serves those who follow until the [`Teller`](super::Teller) is dropped.
pub struct Server {
    tcp: Vec<TcpListener>,
    unix: UnixListener,
    board: Board,
    crowd: Crowd,
}

impl Server {
    /// Serves those who come to these, and know the code.
    pub fn new(tcp: Vec<TcpListener>, unix: UnixListener, board: Board, code: Code) -> io::Result<Self> {
        unix.set_nonblocking(true)?;
        tcp.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        Ok(Self { tcp, unix, board, crowd: Crowd::new(code) })
    }

    /// Begins; how many follow goes to the screen.
    pub fn start(self, events: SyncSender<Event>) -> io::Result<JoinHandle<()>> {
        Builder::new().name("share".into()).spawn(move || self.serve(&events))
    }

    fn serve(mut self, events: &SyncSender<Event>) {
        // The wall is drawn first, whatever those who follow are up to. Where it is refused,
        // it is as any other thread.
        let _ = be_nice(NICE);
        let (mut told, mut tell_at, mut rest) = (0, Instant::now(), None);
        loop {
            let now = Instant::now();
            self.crowd.serve(&self.board, now);
            let count = self.crowd.count();
            // The screen is not waited for; what it can't take now it gets later.
            if count != told && now >= tell_at {
                tell_at = now + COUNTED;
                if events.try_send(Event::Followers(count)).is_ok() {
                    told = count;
                }
            }
            rest = rest.filter(|until| *until > now);
            let count_due = (count != told).then_some(tell_at);
            let due = self.crowd.deadline().into_iter().chain(count_due).chain(rest).min();
            let Some([news, door, ready]) = self.wait(due, rest.is_some()) else { return };
            if !news.is_empty() && !self.board.refresh() {
                return self.crowd.end(FAREWELL);
            }
            let now = Instant::now();
            for at in ready {
                self.crowd.heard(at, now);
            }
            if !door.is_empty() && !self.open(now) {
                rest = Some(now + REST);
            }
        }
    }

    /// Waits until something happens: at the board, at the door, at these of the crowd.
    /// Nothing where poll(2) itself fails.
    fn wait(&self, due: Option<Instant>, rest: bool) -> Option<[Vec<usize>; 3]> {
        let woken = self.board.woken();
        let mut watched = vec![PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
        if !rest {
            watched.extend(self.tcp.iter().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)));
            watched.push(PollFd::new(self.unix.as_fd(), PollFlags::POLLIN));
        }
        let door = watched.len();
        watched.extend(self.crowd.watched().map(|(fd, writes)| {
            let both = if writes { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
            PollFd::new(fd, both)
        }));
        let left = due.map(|due| due.saturating_duration_since(Instant::now()).as_millis() as i64 + 1);
        let timeout = left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        match poll(&mut watched, timeout) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => return Some(Default::default()),
            Err(_) => return None,
        }
        let mut happened: [Vec<usize>; 3] = Default::default();
        for (at, one) in watched.iter().enumerate() {
            let events = one.revents().unwrap_or(PollFlags::POLLIN);
            // Who can only be written to is served in any case.
            if events.intersects(PollFlags::POLLOUT.complement()) {
                match at {
                    0 => happened[0].push(0),
                    _ if at < door => happened[1].push(at),
                    _ => happened[2].push(at - door),
                }
            }
        }
        Some(happened)
    }

    /// Takes those who stand at the listeners; false where there are no descriptors left.
    fn open(&mut self, now: Instant) -> bool {
        let mut left = true;
        for listener in &self.tcp {
            for _ in 0..AT_ONCE {
                match listener.accept() {
                    Ok((stream, theirs)) => {
                        let (peer, ours) = (Peer::at(theirs.ip()), stream.local_addr().ok());
                        let fd = OwnedFd::from(stream);
                        // Who has gone meanwhile is noticed later.
                        let _ = set_up(&fd);
                        self.crowd.came(fd, peer, ours.map(|ours| (ours, theirs)), now);
                    }
                    Err(error) => {
                        left &= !is_want(&error);
                        break;
                    }
                }
            }
        }
        for _ in 0..AT_ONCE {
            match self.unix.accept() {
                Ok((stream, _)) => {
                    let Some(peer) = Peer::of(&stream) else { continue };
                    let _ = stream.set_nonblocking(true);
                    self.crowd.came(stream.into(), peer, None, now);
                }
                Err(error) => {
                    left &= !is_want(&error);
                    break;
                }
            }
        }
        left
    }
}

/// Whether it is for want of descriptors or memory: the connection stays at the door then,
/// and would be announced again at once.
fn is_want(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

fn set_up(fd: &OwnedFd) -> nix::Result<()> {
    nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    setsockopt(fd, sockopt::SndBuf, &BUFFER)?;
    setsockopt(fd, sockopt::TcpNoDelay, &true)?;
    setsockopt(fd, sockopt::KeepAlive, &true)?;
    setsockopt(fd, sockopt::TcpKeepIdle, &IDLE)?;
    setsockopt(fd, sockopt::TcpKeepInterval, &EACH)?;
    setsockopt(fd, sockopt::TcpKeepCount, &TRIES)?;
    setsockopt(fd, sockopt::TcpUserTimeout, &((IDLE + EACH * TRIES) * 1_000))
}
