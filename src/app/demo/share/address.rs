//! Where a shared demonstration listens, and what students are told to type.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use crate::demo::follow::wire::PORT;
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::diagnostic::printable;
use crate::say;

/// Why a demonstration can't be shared.
#[derive(Debug)]
pub enum Unshared {
    /// That is no address.
    NoAddress(String),
    /// It can't be listened on.
    Closed(SocketAddr, io::Error),
    /// Something else that it takes.
    Failed(io::Error),
}

impl Explain for Unshared {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoAddress(text) => {
                let text = printable(text);
                say!(
                    lang,
                    "--share={text}: not an address of this machine. Without one it is this machine alone; for the network: --share=0.0.0.0:{PORT}, or an address of its own.",
                    "--share={text} : ce n'est pas une adresse de cette machine. Sans adresse, c'est cette machine seule ; pour le réseau : --share=0.0.0.0:{PORT}, ou une adresse à elle."
                )
            }
            Self::Closed(at, error) => {
                let why = Errno::from(error).explain(lang);
                say!(
                    lang,
                    "{at} can't be listened on: {why}. Name another address or port: --share=ADDRESS:PORT",
                    "Impossible d'écouter sur {at} : {why}. Donnez une autre adresse ou un autre port : --share=ADRESSE:PORT"
                )
            }
            Self::Failed(error) => {
                let why = Errno::from(error).explain(lang);
                say!(
                    lang,
                    "The demonstration can't be shared: {why}.",
                    "La démonstration ne peut pas être partagée : {why}."
                )
            }
        }
    }
}

/// Opens what students connect to over TCP: the address named, or loopback, where another
/// port will do if the usual one is taken.
pub fn listen(named: &str) -> Result<Vec<TcpListener>, Unshared> {
    if !named.is_empty() {
        let at = parse(named).ok_or_else(|| Unshared::NoAddress(named.to_owned()))?;
        return TcpListener::bind(at).map(|listener| vec![listener]).map_err(|error| Unshared::Closed(at, error));
    }
    let four = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let first = TcpListener::bind(four(PORT)).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse => TcpListener::bind(four(0)),
        _ => Err(error),
    });
    let first = first.map_err(|error| Unshared::Closed(four(PORT), error))?;
    let port = first.local_addr().map_err(Unshared::Failed)?.port();
    // Whoever types `localhost` may come by version 6, where the machine has it.
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).ok();
    Ok(std::iter::once(first).chain(second).collect())
}

/// `0.0.0.0:4040`, `0.0.0.0`, `[::]:4040`, `::`, or a port of loopback.
fn parse(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let port = || text.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse().ok().or_else(|| bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, PORT))).or_else(port)
}

/// What students type: where one listens on every address, the one that other machines
/// reach this one by.
pub fn command(listener: &TcpListener) -> io::Result<String> {
    let mut at = listener.local_addr()?;
    if at.ip().is_unspecified() {
        let route = route(at.ip());
        at.set_ip(route.unwrap_or(if at.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }));
    }
    Ok(format!("cloison follow {}", shown(at)))
}

/// Without the port that needs no naming.
fn shown(at: SocketAddr) -> String {
    match at.ip() {
        _ if at.port() != PORT => at.to_string(),
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("[{six}]"),
    }
}

/// The address that packets to elsewhere would come from, connect(2) on a datagram socket:
/// nothing is sent. Else that of any link that is up.
fn route(of: IpAddr) -> Option<IpAddr> {
    // Addresses for documentation: RFC 5737, RFC 3849.
    let elsewhere: IpAddr = if of.is_ipv4() {
        Ipv4Addr::new(192, 0, 2, 1).into()
    } else {
        Ipv6Addr::from_bits(0x2001_0db8 << 96 | 1).into()
    };
    let routed = UdpSocket::bind((of, 0)).and_then(|socket| {
        socket.connect((elsewhere, 9))?;
        Ok(socket.local_addr()?.ip())
    });
    routed.ok().filter(|ip| !ip.is_unspecified()).or_else(|| {
        let links = nix::ifaddrs::getifaddrs().ok()?;
        let ips = links.filter_map(|link| {
            let address = link.address?;
            let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
            four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
        });
        ips.filter(|ip| ip.is_ipv4() == of.is_ipv4()).find(|ip| !ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_in_every_form_that_one_types() {
        for (text, address) in [
            ("0.0.0.0:4041", "0.0.0.0:4041"),
            ("0.0.0.0", "0.0.0.0:4040"),
            ("[::]:4041", "[::]:4041"),
            ("::", "[::]:4040"),
            ("[::1]", "[::1]:4040"),
            ("4041", "127.0.0.1:4041"),
        ] {
            assert_eq!(parse(text), Some(address.parse().unwrap()), "{text}");
        }
        for text in ["", "x", "0.0.0.0:99999", "1.2.3", "host:4040", "70000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_students_type_leads_there() {
        assert_eq!(shown("192.0.2.7:4040".parse().unwrap()), "192.0.2.7");
        assert_eq!(shown("[2001:db8::7]:4040".parse().unwrap()), "[2001:db8::7]");
        assert_eq!(shown("127.0.0.1:5".parse().unwrap()), "127.0.0.1:5");
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let typed = command(&listener).unwrap();
        let at: SocketAddr = typed.strip_prefix("cloison follow ").unwrap().parse().unwrap();
        assert!(!at.ip().is_unspecified() && std::net::TcpStream::connect(at).is_ok(), "{typed}");
    }
}
