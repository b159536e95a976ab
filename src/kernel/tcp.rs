//! TCP, from both ends: a listener that says to all who connect who it is, and a
//! connection that hears it. Called by actors; neither waits without an end.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, accept4, bind, connect as connect_to,
    listen as listen_on, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::call::{Errno, Trace, quoted};
use super::process::{self, Side};

/// How long a connection may take to be made, and to say something.
const PATIENCE: i64 = 3;
/// The most that is heard.
const MOST: usize = 64;

/// Opens a listening socket: socket(2), bind(2), listen(2). EADDRINUSE where there
/// is one on this port, EADDRNOTAVAIL where the address is no link's that is up.
pub fn listen(trace: &mut Trace, at: SocketAddr) -> Result<OwnedFd, Errno> {
    let fd = open(trace, at)?;
    // A connection that has just ended must not keep the port: socket(7).
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    let number = fd.as_raw_fd();
    let args = |more: &str| vec![number.to_string(), more.to_owned()];
    let address = SockaddrStorage::from(at);
    trace.record("bind", args(&at.to_string()), || bind(number, &address), |()| 0)?;
    let backlog = Backlog::new(16)?;
    trace.record("listen", args("16"), || listen_on(&fd, backlog), |()| 0)?;
    Ok(fd)
}

/// Forks a child that says `words` to everyone who connects, for as long as the
/// caller lives; its PID. A process list shows it by `name` and `title`. The caller
/// must have one thread.
pub fn answer(trace: &mut Trace, listener: OwnedFd, words: &str, (name, title): (&str, &str)) -> Result<u32, Errno> {
    let me = nix::unistd::getpid().as_raw() as u32;
    match process::fork(trace)? {
        Side::Parent(pid) => Ok(pid),
        Side::Child => {
            let code = match serve(listener, words, (name, title), me) {
                Ok(()) => 0,
                Err(errno) => errno.0,
            };
            process::exit_now(code)
        }
    }
}

fn serve(listener: OwnedFd, words: &str, (name, title): (&str, &str), parent: u32) -> Result<(), Errno> {
    if listener.as_raw_fd() != 3 {
        process::move_to(&listener, 3)?;
    }
    std::mem::forget(listener);
    process::close_from(4)?;
    let listener = process::inherited(3);
    super::program::default_signals()?;
    process::set_title(name, title);
    match process::die_with_parent(parent) {
        // In a new PID namespace the parent shows as 0.
        Err(_) if nix::unistd::getppid().as_raw() == 0 => {}
        other => other?,
    }
    loop {
        match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            Ok(number) => {
                let client = adopt(number);
                // Whoever has gone meanwhile hears nothing: that is no error of ours.
                let _ = nix::sys::socket::send(number, words.as_bytes(), nix::sys::socket::MsgFlags::MSG_NOSIGNAL);
                drop(client);
            }
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::ECONNABORTED) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Connects, and gives what the other end says first: socket(2), connect(2),
/// read(2). ENETUNREACH without a route, ECONNREFUSED where nobody listens,
/// ETIMEDOUT where nobody answers for 3 s.
pub fn connect(trace: &mut Trace, to: SocketAddr) -> Result<String, Errno> {
    let fd = open(trace, to)?;
    setsockopt(&fd, sockopt::SendTimeout, &TimeVal::new(PATIENCE, 0))?;
    // Closed without a trace: no TIME_WAIT is left on the machine.
    setsockopt(&fd, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
    let number = fd.as_raw_fd();
    let address = SockaddrStorage::from(to);
    let call = || match connect_to(number, &address) {
        // What SO_SNDTIMEO gives where there is no answer: socket(7).
        Err(nix::errno::Errno::EINPROGRESS) => Err(nix::errno::Errno::ETIMEDOUT),
        other => other,
    };
    trace.record("connect", vec![number.to_string(), to.to_string()], call, |()| 0)?;
    let timeout = PollTimeout::try_from(PATIENCE * 1000).unwrap_or(PollTimeout::ZERO);
    if poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
        return Err(Errno(libc::ETIMEDOUT));
    }
    let mut buffer = [0; MOST];
    let mut heard = String::new();
    let start = std::time::Instant::now();
    let read = nix::unistd::read(&fd, &mut buffer);
    if let Ok(count) = read {
        heard = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()).into_owned();
    }
    let args = vec![number.to_string(), quoted(&heard), MOST.to_string()];
    let result = read.map(|count| count as i64).map_err(Errno::from);
    let micros = start.elapsed().as_micros() as u64;
    trace.calls.push(super::Call { name: "read".to_owned(), args, result, micros });
    result.map(|_| heard)
}

fn open(trace: &mut Trace, of: SocketAddr) -> Result<OwnedFd, Errno> {
    let (family, name) =
        if of.is_ipv4() { (AddressFamily::Inet, "AF_INET") } else { (AddressFamily::Inet6, "AF_INET6") };
    let args = vec![name.to_owned(), "SOCK_STREAM".to_owned(), "0".to_owned()];
    let open = || socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    trace.record("socket", args, open, |fd| i64::from(fd.as_raw_fd()))
}

#[expect(unsafe_code, reason = "accept4(2) gives a bare number")]
fn adopt(number: i32) -> OwnedFd {
    // SAFETY: the kernel just made this descriptor for us and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(number) }
}
