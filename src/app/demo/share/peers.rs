//! Who is at the other end, as far as the kernel tells, and how often they may be wrong:
//! so that a code can't be tried out, and that one who tries keeps nobody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// So many wrong codes at once, and then one in so long.
const AT_ONCE: f64 = 10.0;
const EACH: Duration = Duration::from_secs(3);
/// So many peers are remembered.
const MOST: usize = 1024;

/// One peer: all its connections together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A user of this machine.
    User(u32),
    /// An address; of version 6 the network, since a machine has as many as it likes.
    Machine(IpAddr),
}

impl Peer {
    /// Of an address.
    pub fn at(address: IpAddr) -> Self {
        Self::Machine(match address.to_canonical() {
            IpAddr::V6(six) if !six.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
            other => other,
        })
    }

    /// Of a Unix socket (SO_PEERCRED).
    pub fn of(socket: impl AsFd) -> Option<Self> {
        getsockopt(&socket, PeerCredentials).ok().map(|peer| Self::User(peer.uid()))
    }

    /// The user of this machine whose socket is at the other end of a loopback connection:
    /// /proc/net/tcp lists every socket with its owner (proc_pid_net(5)). The peer as it was
    /// where it is none, or is gone.
    pub fn narrowed(self, ours: SocketAddr, theirs: SocketAddr) -> Self {
        if !theirs.ip().to_canonical().is_loopback() {
            return self;
        }
        let file = if theirs.is_ipv4() { "/proc/self/net/tcp" } else { "/proc/self/net/tcp6" };
        let table = std::fs::read_to_string(file).unwrap_or_default();
        owner(&table, theirs, ours).map_or(self, Self::User)
    }
}

/// The owner of the socket with these ends in such a table.
fn owner(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let (local, remote) = (listed(local), listed(remote));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let found = fields.next() == Some(local.as_str()) && fields.next() == Some(remote.as_str());
        if found { fields.nth(4)?.parse().ok() } else { None }
    })
}

/// An address as /proc/net/tcp has it: 32-bit words in the machine's own order.
fn listed(address: SocketAddr) -> String {
    let words = |bytes: &[u8]| -> String {
        let word = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |word| u32::from_ne_bytes(*word));
        bytes.chunks(4).map(word).fold(String::new(), |text, word| format!("{text}{word:08X}"))
    };
    let ip = match address.ip() {
        IpAddr::V4(four) => words(&four.octets()),
        IpAddr::V6(six) => words(&six.octets()),
    };
    format!("{ip}:{:04X}", address.port())
}

/// How many more wrong codes each peer may try: a bucket that fills again.
#[derive(Debug, Default)]
pub struct Tries(HashMap<Peer, (f64, Instant)>);

impl Tries {
    /// How long this peer has to wait before a code of theirs is looked at, the right one
    /// included: else whoever tries would know it by the answer.
    pub fn wait(&self, peer: Peer, now: Instant) -> Option<Duration> {
        let left = self.left(peer, now);
        (left < 1.0).then(|| EACH.mul_f64(1.0 - left))
    }

    /// That code was wrong.
    pub fn wrong(&mut self, peer: Peer, now: Instant) {
        let left = self.left(peer, now) - 1.0;
        if self.0.len() >= MOST {
            self.0.retain(|_, bucket| filled(*bucket, now) < AT_ONCE);
        }
        if self.0.len() >= MOST {
            // Whoever has so many addresses gains one more try by it.
            let fullest = self.0.iter().max_by(|(_, a), (_, b)| filled(**a, now).total_cmp(&filled(**b, now)));
            let fullest = fullest.map(|(peer, _)| *peer);
            fullest.and_then(|peer| self.0.remove(&peer));
        }
        self.0.insert(peer, (left, now));
    }

    fn left(&self, peer: Peer, now: Instant) -> f64 {
        self.0.get(&peer).map_or(AT_ONCE, |bucket| filled(*bucket, now))
    }
}

fn filled((left, then): (f64, Instant), now: Instant) -> f64 {
    let filled = now.saturating_duration_since(then).as_secs_f64() / EACH.as_secs_f64();
    (left + filled).min(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn whoever_is_wrong_too_often_waits_and_nobody_else_does() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let (one, other) = (Peer::User(1), Peer::User(2));
        for _ in 0..10 {
            assert_eq!(tries.wait(one, now), None);
            tries.wrong(one, now);
        }
        assert_eq!((tries.wait(one, now), tries.wait(other, now)), (Some(EACH), None));
        assert_eq!(tries.wait(one, now + EACH), None);
        tries.wrong(one, now + EACH);
        assert!(tries.wait(one, now + EACH).is_some());
        assert_eq!(tries.wait(one, now + EACH * 60), None);
    }

    #[test]
    fn no_more_peers_are_remembered_than_there_is_room_for() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        for _ in 0..10 {
            tries.wrong(Peer::User(0), now);
        }
        for user in 1..3 * MOST as u32 {
            tries.wrong(Peer::User(user), now);
        }
        assert!(tries.0.len() <= MOST);
        assert!(tries.wait(Peer::User(0), now).is_some(), "the one who tried most is still known");
    }

    #[test]
    fn a_machine_has_one_name_however_many_addresses_it_has() {
        let peer = |text: &str| Peer::at(text.parse().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }

    #[test]
    fn a_connection_over_loopback_is_its_users() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (_, theirs) = listener.accept().unwrap();
            let peer = Peer::at(theirs.ip()).narrowed(client.peer_addr().unwrap(), theirs);
            assert_eq!(peer, Peer::User(nix::unistd::geteuid().as_raw()));
        }
        let (ours, theirs) = ("10.0.0.1:4040".parse().unwrap(), "10.0.0.2:5".parse().unwrap());
        assert_eq!(Peer::at("10.0.0.2".parse().unwrap()).narrowed(ours, theirs), Peer::at("10.0.0.2".parse().unwrap()));
    }
}
