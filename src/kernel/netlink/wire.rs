//! The form of netlink messages, netlink(7): a header of 16 bytes, a header of the
//! family's, attributes of 4 bytes and a payload, all padded to 4. Written and read
//! by hand, because interface names are bytes that need not be text, and one such
//! name must not spoil a whole answer. Nothing here panics, whatever the bytes.

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// `NLA_F_NESTED`.
const NESTED: u16 = 1 << 15;
/// `NLA_TYPE_MASK`: without the two flags above.
const TYPE: u16 = 0x3fff;

/// A request in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of this type (`RTM_NEWLINK`) and flags (`NLM_F_REQUEST` is added),
    /// followed by the header of its family.
    pub fn new(kind: u16, flags: i32, family_header: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((flags as u16 | libc::NLM_F_REQUEST as u16).to_ne_bytes());
        // Sequence and port: filled in when it is sent.
        bytes.extend([0; 8]);
        bytes.extend(family_header);
        let mut message = Self { bytes };
        message.pad();
        message
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, payload: &[u8]) -> Self {
        self.put(kind, payload);
        self
    }

    /// With a text and its zero byte.
    #[must_use]
    pub fn with_text(self, kind: u16, text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.with(kind, &bytes)
    }

    /// With an attribute that holds what `fill` adds.
    #[must_use]
    pub fn with_nested(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.put(kind | NESTED, &[]);
        let mut filled = fill(self);
        let length = filled.bytes.len() - start;
        filled.set(start, &(length as u16).to_ne_bytes());
        filled
    }

    /// With bytes that are no attribute: the family's header inside of a nest.
    #[must_use]
    pub fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self.pad();
        self
    }

    /// Has the kernel answer even where all goes well (`NLM_F_ACK`).
    pub fn ask_for_an_answer(&mut self) {
        if let Some(flags) = u16_at(&self.bytes, 6) {
            self.set(6, &(flags | libc::NLM_F_ACK as u16).to_ne_bytes());
        }
    }

    /// The bytes to send, with this sequence number.
    pub fn numbered(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.set(0, &length.to_ne_bytes());
        self.set(8, &sequence.to_ne_bytes());
        self.bytes
    }

    fn put(&mut self, kind: u16, payload: &[u8]) {
        self.bytes.extend((payload.len() as u16 + 4).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(payload);
        self.pad();
    }

    fn set(&mut self, at: usize, with: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + with.len()) {
            place.copy_from_slice(with);
        }
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// A message as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard<'a> {
    /// Its type.
    pub kind: u16,
    /// Its flags.
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

/// The messages in what one recvmsg(2) gave. Ends at the first that is cut.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Heard<'_>> {
    std::iter::from_fn(move || {
        let length = u32_at(bytes, 0)? as usize;
        let body = bytes.get(HEADER..length)?;
        let heard = Heard { kind: u16_at(bytes, 4)?, flags: u16_at(bytes, 6)?, sequence: u32_at(bytes, 8)?, body };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(heard)
    })
}

/// The attributes in `bytes`: type (without flags) and payload. Ends at the first
/// that is cut.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let payload = bytes.get(4..length)?;
        let kind = u16_at(bytes, 2)? & TYPE;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// A number of one byte at a place.
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// A number of two bytes at a place, in this machine's order.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of four bytes at a place, in this machine's order.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_back_nests_included() {
        let message = Message::new(16, 0x600, &[1, 2, 3]).with_text(3, "eth0").with_nested(18, |inner| {
            inner.with_text(1, "veth").with_nested(2, |peer| peer.with(1, &7_u32.to_ne_bytes()))
        });
        let bytes = message.numbered(9);
        let heard: Vec<Heard<'_>> = messages(&bytes).collect();
        let [one] = heard[..] else { panic!("one message: {heard:?}") };
        assert_eq!((one.kind, one.flags, one.sequence), (16, 0x601, 9));
        assert_eq!(&one.body[..4], [1, 2, 3, 0]);
        let found: Vec<(u16, &[u8])> = attributes(&one.body[4..]).collect();
        assert_eq!(found[0], (3, &b"eth0\0"[..]));
        let inner: Vec<(u16, &[u8])> = attributes(found[1].1).collect();
        assert_eq!((found[1].0, inner[0]), (18, (1, &b"veth\0"[..])));
        assert_eq!(attributes(inner[1].1).next(), Some((1, &7_u32.to_ne_bytes()[..])));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(messages(&bytes).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
