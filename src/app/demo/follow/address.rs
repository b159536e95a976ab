//! Which wall is meant: an address, a PID of this machine, or the only one that is shared
//! on it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::trouble::Trouble;
use crate::app::demo::link::named;
use crate::app::demo::share::PREFIX;
use crate::demo::follow::wire::PORT;

/// Where a wall is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// On a network, or this machine's loopback.
    Net(SocketAddr),
    /// A process of this machine, and whose it is: its abstract socket.
    Here {
        /// The user.
        uid: u32,
        /// The process.
        pid: u32,
    },
}

/// Where the wall may be that is meant, in the order to be tried. Asks the resolver, and
/// waits for it.
pub fn targets(text: Option<&str>) -> Result<Vec<Target>, Trouble> {
    let Some(text) = text.map(str::trim) else { return here(None) };
    if let Ok(pid) = text.parse() {
        return here(Some(pid));
    }
    let (host, port) = split(text).ok_or_else(|| Trouble::NoAddress(text.to_owned()))?;
    let found = (host, port).to_socket_addrs().map_err(|error| Trouble::Unknown(host.to_owned(), error.to_string()))?;
    Ok(found.map(Target::Net).collect())
}

/// The host and the port.
fn split(text: &str) -> Option<(&str, u16)> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() {
        return Some((bare, PORT));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    (!host.is_empty() && port != 0 && host.chars().all(plain)).then_some((host, port))
}

/// Those that are shared on this machine, as /proc/net/unix lists them.
fn here(wanted: Option<u32>) -> Result<Vec<Target>, Trouble> {
    let mut found = named(PREFIX);
    found.retain(|(_, pid)| wanted.is_none_or(|wanted| wanted == *pid));
    let mut pids: Vec<u32> = found.iter().map(|(_, pid)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    match pids[..] {
        [] => Err(Trouble::NoneHere(wanted)),
        [_] => Ok(found.into_iter().map(|(uid, pid)| Target::Here { uid, pid }).collect()),
        _ => Err(Trouble::Several(pids)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_stands_on_the_wall() {
        for (text, host, port) in [
            ("192.0.2.7", "192.0.2.7", 4040),
            ("192.0.2.7:4041", "192.0.2.7", 4041),
            ("[2001:db8::7]", "2001:db8::7", 4040),
            ("[2001:db8::7]:4041", "2001:db8::7", 4041),
            ("2001:db8::7", "2001:db8::7", 4040),
            ("teacher.local", "teacher.local", 4040),
            ("teacher:4041", "teacher", 4041),
        ] {
            assert_eq!(split(text), Some((host, port)), "{text}");
        }
        for text in ["", ":4040", "host:", "host:0", "host:99999", "host:x", "a b", "http://x/", "x\u{1b}[2J"] {
            assert_eq!(split(text), None, "{text:?}");
        }
    }
}
