//! Capabilities: over which user namespace they are, how many each of the five sets
//! has, and a row per capability with the sets that it is in.

use std::collections::BTreeMap;

use super::{Key, Row, RowKey, Side, Twin};
use crate::lesson::op::{Capability, NsKind};
use crate::observe::model::{ActorView, CapSet, Caps, Reading, View};

/// What a row of the capabilities says of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapFace {
    /// The user namespace that they are over: its inode number.
    Over(u64),
    /// How many each set has, in the order of [`Caps::sets`].
    Counts([u32; 5]),
    /// One of them, and which sets it is in, in that order.
    Held(Capability, [bool; 5]),
    /// The no_new_privs bit.
    NoNewPrivs(bool),
    /// The names of the securebits that are set.
    Securebits(Vec<String>),
}

impl CapFace {
    /// Whether it is a switch that is on.
    fn is_on(&self) -> bool {
        match self {
            Self::NoNewPrivs(on) => *on,
            Self::Securebits(names) => !names.is_empty(),
            _ => false,
        }
    }
}

/// In this order: the user namespace, the numbers, the two switches where one is on,
/// then the capabilities by number, those first that are in other sets than most of
/// them (on either side), and the switches that are off. The second of the pair says whether both sides are in one user
/// namespace, so that their capabilities are over the same.
pub fn caps(host: &View, actor: &ActorView) -> (Twin<CapFace>, bool) {
    let over = |ns: &BTreeMap<NsKind, Reading<u64>>| ns.get(&NsKind::User).and_then(Reading::read).copied();
    let (outer_ns, inner_ns) = (over(&host.ns), over(&actor.ns));
    let inside = actor.seen.read();
    let row = |key: Key, host: Option<CapFace>, inside: Option<CapFace>, relevant: bool| {
        let side = if host.is_some() { Side::Host } else { Side::Inside };
        Row { key: RowKey { side, key }, host, inside, relevant }
    };
    let (outer, inner) = (host.caps.read(), inside.and_then(|seen| seen.caps.read()));
    let counts = |caps: &Caps| CapFace::Counts(caps.sets().map(CapSet::count));
    let bit = |view: &View| view.no_new_privs.read().map(|bit| CapFace::NoNewPrivs(*bit));
    let secure = |view: &View| view.securebits.read().map(|set| CapFace::Securebits(set.names.clone()));
    let mut rows = vec![
        row(Key::Ns(NsKind::User), outer_ns.map(CapFace::Over), inner_ns.map(CapFace::Over), true),
        row(Key::Caps, outer.map(counts), inner.map(counts), true),
    ];
    let switches = [
        row(Key::NoNewPrivs, bit(host), inside.and_then(bit), true),
        row(Key::Securebits, secure(host), inside.and_then(secure), true),
    ];
    let is_on = |row: &Row<CapFace>| [&row.host, &row.inside].into_iter().flatten().any(CapFace::is_on);
    let (on, off): (Vec<_>, Vec<_>) = switches.into_iter().partition(is_on);
    rows.extend(on);
    let held = |caps: Option<&Caps>, one: Capability| caps.map(|caps| caps.holds(one));
    let known: Vec<(Capability, [Option<[bool; 5]>; 2])> =
        known([outer, inner]).map(|one| (one, [held(outer, one), held(inner, one)])).collect();
    let mut shared: BTreeMap<_, usize> = BTreeMap::new();
    for (_, sides) in &known {
        *shared.entry(sides).or_default() += 1;
    }
    let usual = shared.into_iter().max_by_key(|(_, count)| *count).map(|(sides, _)| *sides);
    let (apart, like): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, sides)| Some(*sides) != usual);
    let mut add = |list: Vec<(Capability, [Option<[bool; 5]>; 2])>, relevant| {
        for (one, sides) in list {
            let [host, inside] = sides.map(|sets| sets.map(|sets| CapFace::Held(one, sets)));
            rows.push(row(Key::Capability(one.number()), host, inside, relevant));
        }
    };
    let all = like.len();
    add(apart, true);
    add(like, false);
    let any = |row: &Row<CapFace>| row.host.is_some() || row.inside.is_some();
    rows.retain(any);
    let shown = rows.len() - all;
    rows.extend(off.into_iter().filter(any).map(|row| Row { relevant: false, ..row }));
    (Twin { rows, shown }, outer_ns.is_some() && outer_ns == inner_ns)
}

/// Those up to the last that any set of either side has: the kernel has no others, or
/// nobody has them.
fn known(sides: [Option<&Caps>; 2]) -> impl Iterator<Item = Capability> {
    let all = sides.into_iter().flatten().flat_map(Caps::sets).fold(0, |all, set| all | set.0);
    let many = u64::BITS - all.leading_zeros();
    (0..many).filter_map(|number| Capability::new(u8::try_from(number).ok()?))
}

impl Row<CapFace> {
    /// Whether both faces are one: the same word, over the same; that they differ; or
    /// nothing, where they only read alike, or one is missing. `one_namespace` is what
    /// [`caps`] said.
    pub fn one(&self, one_namespace: bool) -> Option<bool> {
        let same = self.host.as_ref()? == self.inside.as_ref()?;
        let over = matches!(self.host, Some(CapFace::Counts(_) | CapFace::Held(..)));
        Some(same).filter(|same| !same || one_namespace || !over)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{actor, view};
    use super::*;

    fn side(user: u64, sets: [u64; 5]) -> View {
        let ns = BTreeMap::from([(NsKind::User, Reading::Read(user))]);
        View { ns, caps: Reading::Read(Caps::of(sets)), no_new_privs: Reading::Read(false), ..view() }
    }

    fn boxed(user: u64, sets: [u64; 5]) -> ActorView {
        let seen = side(user, sets);
        ActorView { ns: seen.ns.clone(), ..actor(41, seen) }
    }

    fn names(twin: &Twin<CapFace>) -> Vec<String> {
        let name = |row: &Row<CapFace>| match row.host {
            Some(CapFace::Held(one, _)) => Some(one.bare()),
            _ => None,
        };
        twin.rows.iter().filter_map(name).collect()
    }

    #[test]
    fn what_is_in_other_sets_than_the_rest_comes_first() {
        let host = side(1, [0, 0xff, 0xff, 0xff, 0]);
        let (twin, one) = caps(&host, &boxed(1, [0, 0xff, 0xdf, 0xff, 0]));
        assert_eq!(names(&twin)[..2], ["KILL", "CHOWN"]);
        assert_eq!(twin.unfolded().len(), 3, "the namespace, the numbers and CAP_KILL");
        assert_eq!(twin.rows[1].inside, Some(CapFace::Counts([0, 8, 7, 8, 0])));
        assert!(one);
    }

    #[test]
    fn all_that_the_kernel_has_is_there_and_no_more() {
        let (twin, _) = caps(&side(1, [0, 0, 0, 1 << 40, 0]), &boxed(2, [0; 5]));
        assert_eq!(names(&twin).len(), 41);
    }

    #[test]
    fn the_same_capability_over_two_namespaces_is_not_one() {
        let host = side(1, [0, 1, 1, 1, 0]);
        let held = |box_ns, sets| {
            let (twin, one) = caps(&host, &boxed(box_ns, sets));
            let row = twin.rows.iter().find(|row| matches!(row.host, Some(CapFace::Held(..))));
            row.and_then(|row| row.one(one))
        };
        assert_eq!(held(1, [0, 1, 1, 1, 0]), Some(true));
        assert_eq!(held(2, [0, 1, 1, 1, 0]), None);
        assert_eq!(held(2, [0, 0, 0, 1, 0]), Some(false));
    }
}
