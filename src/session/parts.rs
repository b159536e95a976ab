//! The parts of a snapshot that a step's texts and checks speak of, made into JSON
//! without all that is beside them: a machine may have thousands of processes. Used
//! by `judge`; pure.

use std::collections::BTreeMap;

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::value::Serializer as Whole;
use serde_json::{Error, Map, Value};

use crate::lesson::selector::plain_prefix;

/// The one member that is never left out: why a place could not be read.
const UNREAD: &str = "unread";

/// Places in a JSON value, each with all that is below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    whole: bool,
    below: BTreeMap<String, Parts>,
}

impl Parts {
    /// Adds the places that a selector needs.
    pub(super) fn add(&mut self, selector: &str) {
        for prefix in prefixes(selector) {
            let mut at = &mut *self;
            for name in prefix {
                at = at.below.entry(name).or_default();
            }
            at.whole = true;
        }
    }

    /// Whether all that a selector needs is among them.
    pub(super) fn cover(&self, selector: &str) -> bool {
        prefixes(selector).all(|prefix| {
            let mut at = Some(self);
            for name in &prefix {
                match at {
                    Some(parts) if !parts.whole => at = parts.below.get(name),
                    _ => break,
                }
            }
            at.is_some_and(|parts| parts.whole)
        })
    }

    /// These parts of a value. Fails as `serde_json::to_value` does, and where the value
    /// as a whole is neither a struct nor a map.
    pub(super) fn of(&self, value: &(impl Serialize + ?Sized)) -> Result<Value, Error> {
        if self.whole { value.serialize(Whole) } else { value.serialize(Partly(self)) }
    }
}

/// The member names with which a selector starts, and with which the absolute ones
/// in its filters do (RFC 9535).
fn prefixes(selector: &str) -> impl Iterator<Item = Vec<String>> {
    selector.match_indices('$').map(|(at, _)| plain_prefix(&selector[at..]))
}

struct Partly<'a>(&'a Parts);

struct Members<'a> {
    parts: &'a Parts,
    made: Map<String, Value>,
    key: Option<String>,
}

impl Members<'_> {
    fn add(&mut self, key: String, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        if key == UNREAD {
            self.made.insert(key, value.serialize(Whole)?);
        } else if let Some(parts) = self.parts.below.get(&key) {
            self.made.insert(key, parts.of(value)?);
        }
        Ok(())
    }
}

impl SerializeMap for Members<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(match key.serialize(Whole)? {
            Value::String(key) => key,
            other => other.to_string(),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().ok_or_else(|| Error::custom("a value without a key"))?;
        self.add(key, value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Object(self.made))
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        if key == UNREAD || self.parts.below.contains_key(key) { self.add(key.to_owned(), value) } else { Ok(()) }
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Object(self.made))
    }
}

/// What has no members is kept whole: what a selector wants below it is not there.
macro_rules! kept_whole {
    ($($name:ident($type:ty)),* $(,)?) => {
        $(fn $name(self, value: $type) -> Result<Value, Error> {
            Whole.$name(value)
        })*
    };
}

impl<'a> Serializer for Partly<'a> {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = <Whole as Serializer>::SerializeSeq;
    type SerializeTuple = <Whole as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <Whole as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <Whole as Serializer>::SerializeTupleVariant;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = <Whole as Serializer>::SerializeStructVariant;

    kept_whole! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Whole.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Whole.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<Value, Error> {
        Whole.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        Whole.serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Whole.serialize_seq(length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Error> {
        Whole.serialize_tuple(length)
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Whole.serialize_tuple_struct(name, length)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Whole.serialize_tuple_variant(name, index, variant, length)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members { parts: self.0, made: Map::new(), key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Whole.serialize_struct_variant(name, index, variant, length)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(selectors: &[&str]) -> Parts {
        let mut parts = Parts::default();
        for selector in selectors {
            parts.add(selector);
        }
        parts
    }

    #[test]
    fn only_what_is_spoken_of_is_made() {
        let all = json!({"host": {"uts": {"hostname": "a"}, "processes": [{"pid": 1}]}, "actors": {"box": {"pid": 2}}});
        let made = parts(&["$.host.uts.hostname", "$.actors['box'].pid"]).of(&all).unwrap();
        assert_eq!(made, json!({"host": {"uts": {"hostname": "a"}}, "actors": {"box": {"pid": 2}}}));
        assert_eq!(parts(&["$..pid"]).of(&all).unwrap(), all);
        assert_eq!(
            parts(&["$.host.processes[?@.pid == 1]"]).of(&all).unwrap(),
            json!({"host": {"processes": [{"pid": 1}]}})
        );
    }

    #[test]
    fn what_a_filter_compares_with_is_made_too() {
        let parts = parts(&["$.host.processes[?@.pid == $.actors.box.pid].name"]);
        assert!(parts.cover("$.host.processes[0]") && parts.cover("$.actors.box.pid"));
        assert!(!parts.cover("$.actors.box.exit") && !parts.cover("$.host"));
    }

    #[test]
    fn why_a_place_could_not_be_read_is_never_left_out() {
        let all = json!({"host": {"uts": {"unread": {"errno": "EACCES"}, "hostname": 1}}});
        let made = parts(&["$.host.uts.domainname"]).of(&all).unwrap();
        assert_eq!(made, json!({"host": {"uts": {"unread": {"errno": "EACCES"}}}}));
    }

    #[test]
    fn numbers_are_keys_as_everywhere_in_json() {
        let all = BTreeMap::from([(7, "seven"), (8, "eight")]);
        assert_eq!(parts(&["$['7']"]).of(&all).unwrap(), json!({"7": "seven"}));
    }
}
