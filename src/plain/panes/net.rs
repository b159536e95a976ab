//! The network of both sides as lines to be read aloud.

use super::super::paper::Paper;
use super::{rows, unread};
use crate::observe::model::Net;
use crate::observe::twin::{self, NetFace};
use crate::observe::{Snapshot, View};
use crate::say;
use crate::term::safe::safe;

/// Interfaces, sockets that wait for others, routes.
pub(super) fn net(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str, all: bool) {
    let lang = paper.lang;
    let seen = snapshot.actors.get(boxed).and_then(|actor| actor.seen.read());
    for View { net: Net { links, addresses, routes, listeners, .. }, .. } in
        [Some(&snapshot.host), seen].into_iter().flatten()
    {
        unread(paper, links);
        unread(paper, addresses);
        unread(paper, routes);
        unread(paper, listeners);
    }
    let text = |face: &NetFace<'_>| match face {
        NetFace::Link { link, addresses, other } => {
            let (name, kind) = (safe(&link.name), safe(&link.kind));
            let state = match (link.up, link.carrier) {
                (false, _) => "down",
                (true, true) => "up",
                (true, false) => lang.pick("up, no carrier", "up, sans porteuse"),
            };
            let mut at: Vec<String> =
                addresses.iter().map(|one| format!("{}/{}", safe(&one.address), one.prefix)).collect();
            at.extend(other.map(|other| {
                let (actor, end) = (safe(other.actor), safe(&other.link.name));
                say!(lang, "other end: {end} in {actor}", "autre bout : {end} dans {actor}")
            }));
            format!("{name} ({kind}, {state})  {}", at.join("  ")).trim_end().to_owned()
        }
        NetFace::Listener(one) => {
            let (protocol, port, address) = (safe(&one.protocol), one.port, safe(&one.address));
            let who = one.program.as_deref().map_or_else(String::new, |program| format!("  {}", safe(program)));
            say!(lang, "{protocol} port {port} on {address}{who}", "port {protocol} {port} sur {address}{who}")
        }
        NetFace::Route(route) => {
            let (to, kind) = (safe(&route.to), safe(&route.kind));
            let via = route.via.as_deref().map_or_else(String::new, |via| format!(" via {}", safe(via)));
            let dev = route.dev.as_deref().map_or_else(String::new, |dev| format!(" dev {}", safe(dev)));
            say!(lang, "route to {to}{via}{dev} ({kind})", "route vers {to}{via}{dev} ({kind})")
        }
    };
    rows(paper, &twin::net(snapshot, boxed).rows, all, |row| match (&row.host, &row.inside) {
        (Some(outer), Some(inner)) if outer == inner => {
            let both = text(inner);
            say!(lang, "both sides: {both}", "des deux côtés : {both}")
        }
        (Some(outer), Some(inner)) => {
            let (h, b) = (text(outer), text(inner));
            say!(lang, "host {h} = box {b}", "hôte {h} = boîte {b}")
        }
        (Some(outer), None) => {
            let h = text(outer);
            say!(lang, "host {h}, not visible from the box", "hôte {h}, non visible de la boîte")
        }
        (None, inner) => {
            let b = inner.as_ref().map(text).unwrap_or_default();
            say!(lang, "box {b}, not visible from the host", "boîte {b}, non visible de l'hôte")
        }
    });
}
