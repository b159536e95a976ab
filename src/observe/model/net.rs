//! The network's part of a view.

use serde::{Deserialize, Serialize};

use super::{Reading, Unread};
pub use crate::kernel::read::net::{Address, Link, Listener, Neighbour, Peer, Route};

/// What a network namespace holds. Each list fails on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Net {
    /// Interfaces, by index.
    pub links: Reading<Vec<Link>>,
    /// Their addresses, by link.
    pub addresses: Reading<Vec<Address>>,
    /// The routes of the main table.
    pub routes: Reading<Vec<Route>>,
    /// The hosts that were spoken with on the links.
    pub neighbours: Reading<Vec<Neighbour>>,
    /// The sockets that wait for others.
    pub listeners: Reading<Vec<Listener>>,
}

impl Net {
    /// Of a namespace that can't be asked.
    pub fn unread(why: &Unread) -> Self {
        fn no<T>(why: &Unread) -> Reading<T> {
            Reading::Unread(why.clone())
        }
        Self { links: no(why), addresses: no(why), routes: no(why), neighbours: no(why), listeners: no(why) }
    }
}

impl Default for Net {
    /// An empty one.
    fn default() -> Self {
        fn none<T>() -> Reading<Vec<T>> {
            Reading::Read(Vec::new())
        }
        Self { links: none(), addresses: none(), routes: none(), neighbours: none(), listeners: none() }
    }
}
