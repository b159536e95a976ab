//! A netlink socket: a question, and the kernel's answers to it. In the network
//! namespace that the caller was in when it was opened. Never waits: the kernel
//! answers a question, or the next part of a list, before sendmsg(2) or recvmsg(2)
//! comes back.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvmsg, sendto, socket,
};

use super::wire::{self, Heard, Message};
use crate::kernel::Errno;

/// The largest piece of an answer: the kernel's own are of at most 32 KiB.
const PIECE: usize = 64 << 10;
/// The most messages about changes that are taken at once.
const MOST_CHANGES: usize = 4096;
/// The groups of messages about changes, rtnetlink(7).
const CHANGES: i32 = libc::RTMGRP_LINK
    | libc::RTMGRP_NEIGH
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV6_ROUTE;
/// How often a list that changed while it was read is read again.
const TRIES: usize = 3;

/// A socket of one netlink family.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// NETLINK_ROUTE: links, addresses, routes, neighbours; rtnetlink(7).
    pub fn route() -> Result<Self, Errno> {
        Self::open(SockProtocol::NetlinkRoute)
    }

    /// NETLINK_SOCK_DIAG: sockets; sock_diag(7).
    pub fn sock_diag() -> Result<Self, Errno> {
        Self::open(SockProtocol::NetlinkSockDiag)
    }

    /// A socket that hears of every change of links, addresses, routes and neighbours
    /// in the caller's network namespace; ask it by [`Netlink::changed`].
    pub fn watch() -> Result<Self, Errno> {
        let socket = Self::route()?;
        bind(socket.fd.as_raw_fd(), &NetlinkAddr::new(0, CHANGES as u32))?;
        Ok(socket)
    }

    /// Whether it has heard of a change since it was last asked, or of more of them
    /// than it could keep.
    pub fn changed(&mut self) -> bool {
        // Bounded, so that endless changes can't hold the caller: the rest is heard of
        // the next time.
        for heard in 0..MOST_CHANGES {
            match self.receive(|_| {}) {
                Err(Errno(libc::EAGAIN)) => return heard > 0,
                Ok(()) | Err(Errno(libc::ENOBUFS | libc::EMSGSIZE)) => {}
                Err(_) => return true,
            }
        }
        true
    }

    fn open(protocol: SockProtocol) -> Result<Self, Errno> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        ask_strictly(&fd);
        Ok(Self { fd, sequence: 0, buffer: vec![0; PIECE] })
    }

    /// A change: the kernel says that it is done, or why not.
    pub fn change(&mut self, message: Message) -> Result<(), Errno> {
        self.send(message)?;
        loop {
            let mut answer = None;
            self.receive(|heard| answer = (i32::from(heard.kind) == libc::NLMSG_ERROR).then(|| error_of(heard.body)))?;
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    /// A question about one object: the body of the answer.
    pub fn one(&mut self, message: Message) -> Result<Vec<u8>, Errno> {
        self.send(message)?;
        loop {
            let mut answer = None;
            self.receive(|heard| {
                answer = Some(match i32::from(heard.kind) {
                    libc::NLMSG_ERROR => error_of(heard.body).map(|()| Vec::new()),
                    _ => Ok(heard.body.to_vec()),
                });
            })?;
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    /// A list: every member that `read` can make of the answers, at most `most` of
    /// them (EFBIG beyond). Read again where it changed meanwhile.
    pub fn list<T>(
        &mut self,
        question: &Message,
        most: usize,
        mut read: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Errno> {
        let mut found = Vec::new();
        for _ in 0..TRIES {
            found.clear();
            self.send(question.clone())?;
            let (mut done, mut changed, mut failed) = (false, false, None);
            while !done {
                self.receive(|heard| {
                    changed |= i32::from(heard.flags) & libc::NLM_F_DUMP_INTR != 0;
                    match i32::from(heard.kind) {
                        libc::NLMSG_DONE => {
                            done = true;
                            // The end of a list may say that it could not go on.
                            failed = error_of(heard.body).err();
                        }
                        libc::NLMSG_ERROR => (done, failed) = (true, error_of(heard.body).err()),
                        _ if found.len() <= most => found.extend(read(heard.body)),
                        _ => {}
                    }
                })?;
                if found.len() > most {
                    return Err(Errno(libc::EFBIG));
                }
            }
            match failed {
                Some(errno) => return Err(errno),
                None if !changed => break,
                None => {}
            }
        }
        Ok(found)
    }

    fn send(&mut self, message: Message) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = message.numbered(self.sequence);
        sendto(self.fd.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// One piece of an answer; only what the kernel says to the open question.
    fn receive(&mut self, mut each: impl FnMut(Heard<'_>)) -> Result<(), Errno> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let message = loop {
            match recvmsg::<NetlinkAddr>(self.fd.as_raw_fd(), &mut parts, None, MsgFlags::MSG_DONTWAIT) {
                Err(nix::errno::Errno::EINTR) => {}
                other => break other?,
            }
        };
        let (bytes, flags) = (message.bytes, message.flags);
        let from_kernel = message.address.is_some_and(|address| address.pid() == 0);
        if flags.contains(MsgFlags::MSG_TRUNC) {
            return Err(Errno(libc::EMSGSIZE));
        }
        if from_kernel {
            let heard = wire::messages(self.buffer.get(..bytes).unwrap_or_default());
            heard.filter(|heard| heard.sequence == self.sequence).for_each(&mut each);
        }
        Ok(())
    }
}

/// What an NLMSG_ERROR says: `struct nlmsgerr` starts with the negative errno, 0
/// where all went well.
fn error_of(body: &[u8]) -> Result<(), Errno> {
    match wire::u32_at(body, 0).map(|number| number as i32) {
        Some(0) => Ok(()),
        Some(negative) => Err(Errno(negative.saturating_neg())),
        None => Err(Errno(libc::EPROTO)),
    }
}

/// Has the kernel heed all that a question asks for (`NETLINK_GET_STRICT_CHK`,
/// Linux 4.20); before, lists are longer than asked for, and that is all.
fn ask_strictly(fd: &OwnedFd) {
    let on: libc::c_int = 1;
    #[expect(unsafe_code, reason = "this socket option is not in nix")]
    // SAFETY: the option takes an int, which is live during the call.
    let _ = unsafe {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK, (&raw const on).cast(), size)
    };
}
