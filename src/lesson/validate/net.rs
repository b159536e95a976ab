//! The operations on networks: links, addresses, routes, connections.

use std::net::{IpAddr, SocketAddr};

use super::Context;
use crate::lesson::diagnostic::both;
use crate::lesson::format::{Placed, RawDo, RawLink, RawRoute, Word};
use crate::lesson::op::{LinkOp, Op};

/// The most bytes of an interface's name: IFNAMSIZ less its zero byte.
const NAME_BYTES: usize = 15;
/// The most bytes of an address with its port.
const ADDRESS_BYTES: usize = 64;

impl Context<'_> {
    pub(super) fn net(&mut self, raw: &Placed<RawDo>) -> Vec<Op> {
        let mut ops = Vec::new();
        if let Some(link) = &raw.link {
            ops.push(Op::Link(self.link(link)));
        }
        if let Some(address) = &raw.address {
            let dev = self.link_name(&address.dev);
            self.network(&address.add);
            ops.push(Op::Address { dev, add: address.add.to_string() });
        }
        if let Some(route) = &raw.route {
            ops.push(self.route(route));
        }
        if let Some(listen) = &raw.listen {
            self.socket(&listen.at);
            ops.push(Op::Listen { at: listen.at.to_string() });
        }
        if let Some(connect) = &raw.connect {
            self.socket(&connect.to);
            if let Some(hears) = &connect.hears {
                self.known_actor(hears, true);
            }
            ops.push(Op::Connect { to: connect.to.to_string(), hears: connect.hears.as_deref().cloned() });
        }
        ops
    }

    fn link(&mut self, link: &Placed<RawLink>) -> LinkOp {
        let RawLink { veth, peer, bridge, up, down, port, of, delete } = &**link;
        match (veth, peer, bridge, up, down, port, of, delete) {
            (Some(veth), Some(peer), None, None, None, None, None, None) => {
                self.known_actor(&peer.actor, false);
                let (name, other) = (self.link_name(veth), self.link_name(&peer.name));
                LinkOp::Veth { name, actor: peer.actor.to_string(), peer: other }
            }
            (None, None, Some(name), None, None, None, None, None) => LinkOp::Bridge { name: self.link_name(name) },
            (None, None, None, Some(name), None, None, None, None) => LinkOp::Up { name: self.link_name(name) },
            (None, None, None, None, Some(name), None, None, None) => LinkOp::Down { name: self.link_name(name) },
            (None, None, None, None, None, Some(name), Some(of), None) => {
                LinkOp::Port { name: self.link_name(name), of: self.link_name(of) }
            }
            (None, None, None, None, None, None, None, Some(name)) => LinkOp::Delete { name: self.link_name(name) },
            _ => {
                self.report_with_help(
                    link.span(),
                    both!("not one thing to do with a link", "ce n'est pas une action sur une interface"),
                    both!(
                        "one of `veth` with `peer`, `bridge`, `up`, `down`, `port` with `of`, `delete`",
                        "l'une de « veth » avec « peer », « bridge », « up », « down », « port » avec « of », « delete »"
                    ),
                );
                LinkOp::Up { name: String::new() }
            }
        }
    }

    fn route(&mut self, route: &Placed<RawRoute>) -> Op {
        if route.to.as_str() != "default" {
            self.network(&route.to);
        }
        if let Some(via) = &route.via {
            let filled = self.filled(via.span(), via);
            if filled.parse::<IpAddr>().is_err() {
                self.report(via.span(), both!("not an IP address", "ce n'est pas une adresse IP"));
            }
        }
        if route.via.is_none() && route.dev.is_none() {
            self.report(
                route.span(),
                both!("a route goes `via` a host or through a `dev`", "une route passe par « via » ou par « dev »"),
            );
        }
        let dev = route.dev.as_ref().map(|dev| self.link_name(dev));
        Op::Route { to: route.to.to_string(), via: route.via.as_deref().cloned(), dev }
    }

    /// A name that the kernel takes for a link: dev_valid_name(), net/core/dev.c.
    fn link_name(&mut self, name: &Word) -> String {
        let filled = self.longest.substitute(name);
        let text = self.text(name, NAME_BYTES);
        if filled.contains(['/', ':']) || filled.contains(char::is_whitespace) || [".", ".."].contains(&filled.as_str())
        {
            self.report(
                name.span(),
                both!(
                    "not a name for a link: no space, `/` or `:`",
                    "ce n'est pas un nom d'interface : ni espace, ni « / », ni « : »"
                ),
            );
        }
        text
    }

    /// `10.0.0.1/24`.
    fn network(&mut self, word: &Word) {
        let filled = self.filled(word.span(), word);
        let fits = filled.split_once('/').is_some_and(|(address, bits)| {
            let most = match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        });
        if !fits {
            self.report_with_help(
                word.span(),
                both!("not an address with its prefix", "ce n'est pas une adresse avec son préfixe"),
                both!("as in \"10.0.0.1/24\"", "comme dans \"10.0.0.1/24\""),
            );
        }
    }

    /// `127.0.0.1:8080`.
    fn socket(&mut self, word: &Word) {
        self.text(word, ADDRESS_BYTES);
        let filled = self.longest.substitute(word);
        if !filled.parse::<SocketAddr>().is_ok_and(|socket| socket.port() > 0) {
            self.report_with_help(
                word.span(),
                both!("not an IP address with a port", "ce n'est pas une adresse IP avec un port"),
                both!("as in \"127.0.0.1:8080\" or \"[::1]:8080\"", "comme dans \"127.0.0.1:8080\" ou \"[::1]:8080\""),
            );
        }
    }
}
