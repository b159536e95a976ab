//! The ops on networks, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Word;

/// An interface: one of the keys, `peer` along with `veth`, `of` along with `port`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLink {
    /// Make a veth pair; the name of the end here.
    pub veth: Option<Word>,
    /// The other end of the pair.
    pub peer: Option<RawPeer>,
    /// Make a bridge.
    pub bridge: Option<Word>,
    /// Switch on.
    pub up: Option<Word>,
    /// Switch off.
    pub down: Option<Word>,
    /// Make a port of a bridge of this link.
    pub port: Option<Word>,
    /// The bridge.
    pub of: Option<Word>,
    /// Delete; of a veth pair both ends.
    pub delete: Option<Word>,
}

/// The other end of a veth pair.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPeer {
    /// The actor whose network namespace gets it.
    pub actor: Word,
    /// Its name there.
    pub name: Word,
}

/// An address for a link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAddress {
    /// The link.
    pub dev: Word,
    /// The address and the length of its network's part, `10.0.0.1/24`.
    pub add: Word,
}

/// A route of the main table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    /// `default`, or a network, `10.1.0.0/24`.
    pub to: Word,
    /// The next host on the way.
    pub via: Option<Word>,
    /// The link.
    pub dev: Option<Word>,
}

/// A TCP socket that listens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListen {
    /// Address and port, `127.0.0.1:8080`.
    pub at: Word,
}

/// A TCP connection.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConnect {
    /// Address and port, `127.0.0.1:8080`.
    pub to: Word,
    /// The actor that must answer.
    pub hears: Option<Word>,
}
