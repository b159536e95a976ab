//! The capabilities of a process, capabilities(7): the five sets of its thread, and
//! its securebits. In JSON a set is its mask, its number, and its names.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lesson::op::{Capability, SECUREBITS};

/// The five sets, as bit masks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// CapInh.
    pub inheritable: CapSet,
    /// CapPrm.
    pub permitted: CapSet,
    /// CapEff.
    pub effective: CapSet,
    /// CapBnd.
    pub bounding: CapSet,
    /// CapAmb.
    pub ambient: CapSet,
}

impl Caps {
    /// From masks in the order of /proc/PID/status: that of the fields.
    pub fn of([inheritable, permitted, effective, bounding, ambient]: [u64; 5]) -> Self {
        Self {
            inheritable: CapSet(inheritable),
            permitted: CapSet(permitted),
            effective: CapSet(effective),
            bounding: CapSet(bounding),
            ambient: CapSet(ambient),
        }
    }

    /// In the order of /proc/PID/status.
    pub fn sets(&self) -> [CapSet; 5] {
        [self.inheritable, self.permitted, self.effective, self.bounding, self.ambient]
    }

    /// In which of the sets one is, in that order.
    pub fn holds(&self, one: Capability) -> [bool; 5] {
        self.sets().map(|set| set.has(one))
    }
}

/// A set of capabilities: a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapSet(pub u64);

impl CapSet {
    /// Whether one is in it.
    pub fn has(self, one: Capability) -> bool {
        self.0 & one.bit() != 0
    }

    /// How many are in it.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Those in it, by number.
    pub fn members(self) -> impl Iterator<Item = Capability> {
        (0..64).filter_map(Capability::new).filter(move |one| self.has(*one))
    }
}

impl fmt::Display for CapSet {
    /// As /proc/PID/status has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for CapSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let names: Vec<String> = self.members().map(|one| one.to_string()).collect();
        let mut fields = serializer.serialize_struct("CapSet", 3)?;
        fields.serialize_field("mask", &self.to_string())?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("names", &names)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for CapSet {
    /// Only for the keeper's protocol; JSON is written, never read back.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

/// The securebits of a thread, as the bits and by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Securebits {
    /// As PR_GET_SECUREBITS(2const) gives them.
    pub bits: u32,
    /// The names of those that are set, without SECBIT_.
    pub names: Vec<String>,
}

impl Securebits {
    /// From the kernel's number.
    pub fn of(bits: u32) -> Self {
        let set = SECUREBITS.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        Self { bits, names: set.map(|(_, name)| (*name).to_owned()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_says_its_mask_its_number_and_its_names() {
        let json = serde_json::to_value(CapSet(1 << 21 | 1)).unwrap();
        let names = ["CAP_CHOWN", "CAP_SYS_ADMIN"];
        assert_eq!(json, serde_json::json!({"mask": "0000000000200001", "count": 2, "names": names}));
    }

    #[test]
    fn a_set_crosses_the_protocol_as_one_number() {
        let all = Caps::of([0, 3, 1, u64::MAX, 0]);
        let bytes = postcard::to_stdvec(&all).unwrap();
        assert_eq!(postcard::from_bytes::<Caps>(&bytes).unwrap(), all);
    }

    #[test]
    fn securebits_have_the_names_of_the_header() {
        assert_eq!(Securebits::of(0b100_0101).names, ["noroot", "no_setuid_fixup", "no_cap_ambient_raise"]);
        assert!(Securebits::of(0).names.is_empty());
    }
}
