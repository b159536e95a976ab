//! The rows of the network pane: interfaces, sockets that wait for others, routes.

use super::{Making, Table, unread};
use crate::i18n::Lang;
use crate::observe::model::{Address, Link};
use crate::observe::twin::{self, NetFace};
use crate::observe::{ActorView, Snapshot};
use crate::ui::safe::safe;

/// The network of both sides.
pub(super) fn net(making: &mut Making<'_>, snapshot: &Snapshot, actor: &ActorView, lang: Lang) -> Table {
    for row in &twin::net(snapshot, making.boxed).rows {
        let keys = [&row.host, &row.inside].map(|face| face.as_ref().map(NetFace::key));
        making.add(row, keys, super::both(row), |face| cells(face));
    }
    let head = match lang {
        Lang::En => vec!["WHAT", "STATE", "WHERE"],
        Lang::Fr => vec!["QUOI", "ÉTAT", "OÙ"],
    };
    Table { head, unread: unread(&snapshot.host, actor, |view| &view.net.links, lang), ..Table::default() }
}

/// What, its state, and where it is; states in the words of ip(8) and ss(8).
fn cells(face: &NetFace<'_>) -> Vec<String> {
    match face {
        NetFace::Link { link, addresses, other } => {
            // Those of IPv6 are long, and the kernel makes them by itself: last.
            let (long, short): (Vec<_>, Vec<_>) = addresses.iter().partition(|one| one.address.contains(':'));
            let shown = |one: &&Address| format!("{}/{}", safe(&one.address), one.prefix);
            let end = other.map(|other| format!("→ {}: {}", safe(other.actor), safe(&other.link.name)));
            let at: Vec<String> = short.into_iter().map(shown).chain(end).chain(long.into_iter().map(shown)).collect();
            vec![safe(&link.name), state(link).to_owned(), at.join(" ")]
        }
        NetFace::Listener(one) => {
            let state = if one.protocol == "tcp" { "LISTEN" } else { "UNCONN" };
            let who = one.program.as_deref().map_or_else(String::new, |program| format!(" {}", safe(program)));
            vec![
                format!("{} {}", safe(&one.protocol), one.port),
                state.to_owned(),
                format!("{}{who}", safe(&one.address)),
            ]
        }
        NetFace::Route(route) => {
            let kind = if route.kind == "unicast" { String::new() } else { safe(&route.kind) };
            let via = route.via.as_deref().map_or_else(String::new, |via| format!(" via {}", safe(via)));
            let dev = route.dev.as_deref().map_or_else(String::new, |dev| format!(" dev {}", safe(dev)));
            vec!["route".to_owned(), kind, format!("{}{via}{dev}", safe(&route.to))]
        }
    }
}

fn state(link: &Link) -> &'static str {
    match (link.up, link.carrier) {
        (false, _) => "DOWN",
        (true, true) => "UP",
        (true, false) => "NO-CARRIER",
    }
}
