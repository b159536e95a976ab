//! Values of a student's own, so that answers can't be shared: made from the
//! lesson, the student and the seed's name, the same for ever. Used wherever a
//! lesson is shown, carried out or judged. With a token of a class (`lesson::token`)
//! nobody can compute them without it; without one, whoever knows the name can.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Check, Do, Lesson, Operand, Predicate, Reaction, Seed, Step, Task};
use super::op::{CapsOp, CgroupOp, LandlockOp, LinkOp, Op, RootKind, SeccompOp};
use super::text::end_of_seed;
use super::token::Token;

/// What `{seed.NAME}` stands for, by name, for one student. Holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    student: String,
    values: BTreeMap<String, String>,
}

impl Values {
    /// The values of one student in one lesson, from the name alone. The same for
    /// ever: answers files written years ago must still be right.
    ///
    /// A part of a value (`choose`, `number`) is drawn with the 64-bit FNV-1a hash of
    /// student, lesson, seed and part, a zero byte after each: the high half of the
    /// 128-bit product of hash and number of possibilities.
    pub fn new(lesson: &Lesson, student: &str) -> Self {
        Self::of_seeds(&lesson.id, &lesson.seeds, student)
    }

    /// The values of one student of a class. As [`Values::new`], drawn with
    /// HMAC-SHA256 under the student's token (`lesson::token`).
    pub fn keyed(lesson: &Lesson, token: &Token) -> Self {
        let draw = |seed: &str, part: &str| token.number(&lesson.id, seed, part);
        Self::drawn(&lesson.seeds, token.student(), draw)
    }

    /// As [`Values::new`], from the parts of a lesson.
    pub fn of_seeds<'a>(lesson: &str, seeds: impl IntoIterator<Item = (&'a String, &'a Seed)>, student: &str) -> Self {
        Self::drawn(seeds, student, |seed, part| fnv1a(&[student, lesson, seed, part]))
    }

    fn drawn<'a>(
        seeds: impl IntoIterator<Item = (&'a String, &'a Seed)>,
        student: &str,
        draw: impl Fn(&str, &str) -> u64,
    ) -> Self {
        let value = |name: &str, seed: &Seed| {
            let count = seed.choose.len() as u64;
            let word = pick(draw(name, "choose"), count).map(|index| seed.choose[index as usize].clone());
            let number = seed.number.and_then(|(first, last)| {
                let count = u64::from(last).checked_sub(u64::from(first))? + 1;
                Some((u64::from(first) + pick(draw(name, "number"), count)?).to_string())
            });
            word.into_iter().chain(number).collect::<Vec<_>>().join("-")
        };
        let values = seeds.into_iter().map(|(name, seed)| (name.clone(), value(name, seed))).collect();
        Self { student: student.to_owned(), values }
    }

    /// Whose they are.
    pub fn student(&self) -> &str {
        &self.student
    }

    /// The longest value that each seed can give: what limits are checked with.
    pub fn longest<'a>(seeds: impl IntoIterator<Item = (&'a String, &'a Seed)>) -> Self {
        let value = |seed: &Seed| {
            let word = seed.choose.iter().max_by_key(|word| word.len()).cloned();
            let number = seed.number.map(|(_, last)| last.to_string());
            word.into_iter().chain(number).collect::<Vec<_>>().join("-")
        };
        let values = seeds.into_iter().map(|(name, seed)| (name.clone(), value(seed))).collect();
        Self { student: String::new(), values }
    }

    /// The value of a seed.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All seeds and their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text with each `{seed.NAME}` filled in. A name that is no seed stays as
    /// it stands; what is filled in is not looked at again.
    #[must_use]
    pub fn substitute(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find("{seed.") {
            out.push_str(&rest[..open]);
            let inside = &rest[open + "{seed.".len()..];
            let known = end_of_seed(inside).and_then(|close| Some((self.get(&inside[..close])?, close)));
            if let Some((value, close)) = known {
                out.push_str(value);
                rest = &inside[close + 1..];
            } else {
                out.push_str("{seed.");
                rest = inside;
            }
        }
        out.push_str(rest);
        out
    }

    fn json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::String(text) => Json::String(self.substitute(text)),
            Json::Array(items) => Json::Array(items.iter().map(|item| self.json(item)).collect()),
            Json::Object(members) => {
                Json::Object(members.iter().map(|(name, member)| (name.clone(), self.json(member))).collect())
            }
            other => other.clone(),
        }
    }
}

/// The names that `{seed.NAME}` is asked for in a text.
pub fn seeds_of(text: &str) -> Vec<&str> {
    text.match_indices("{seed.")
        .map(|(at, open)| {
            let inside = &text[at + open.len()..];
            match end_of_seed(inside) {
                Some(end) => &inside[..end],
                None => "",
            }
        })
        .collect()
}

impl Op {
    /// The op with the seeds filled in. `{root}` stays: the actor knows it.
    #[must_use]
    pub fn with_values(&self, values: &Values) -> Self {
        let fill = |text: &String| values.substitute(text);
        match self {
            Self::Unshare { .. }
            | Self::Map { .. }
            | Self::Fork { .. }
            | Self::Setns { .. }
            | Self::Release { .. }
            | Self::Clock { .. }
            | Self::Kill { .. } => self.clone(),
            Self::SetnsHeld { at, kinds } => Self::SetnsHeld { at: at.as_ref().map(fill), kinds: kinds.clone() },
            Self::Hold { of, kind, at } => Self::Hold { of: of.clone(), kind: *kind, at: at.as_ref().map(fill) },
            Self::Idmap { of, setgroups, uid_map, gid_map } => Self::Idmap {
                of: of.clone(),
                setgroups: setgroups.as_ref().map(fill),
                uid_map: uid_map.as_ref().map(fill),
                gid_map: gid_map.as_ref().map(fill),
            },
            Self::Mount { fstype, source, target, flags, data } => Self::Mount {
                fstype: fill(fstype),
                source: fill(source),
                target: fill(target),
                flags: flags.clone(),
                data: fill(data),
            },
            Self::Umount { target, detach } => Self::Umount { target: fill(target), detach: *detach },
            Self::Root { kind } => Self::Root {
                kind: match kind {
                    RootKind::Host => RootKind::Host,
                    RootKind::Copy { programs, libraries } => {
                        RootKind::Copy { programs: programs.iter().map(fill).collect(), libraries: *libraries }
                    }
                },
            },
            Self::Chroot { path } => Self::Chroot { path: fill(path) },
            Self::PivotRoot { path } => Self::PivotRoot { path: fill(path) },
            Self::Link(link) => Self::Link(link.with_values(values)),
            Self::Cgroup(op) => Self::Cgroup(op.with_values(values)),
            Self::Caps(op) => Self::Caps(op.with_values(values)),
            Self::Seccomp(op) => Self::Seccomp(op.with_values(values)),
            Self::Landlock(LandlockOp { read, write }) => Self::Landlock(LandlockOp {
                read: read.iter().map(fill).collect(),
                write: write.iter().map(fill).collect(),
            }),
            Self::Address { dev, add } => Self::Address { dev: fill(dev), add: fill(add) },
            Self::Route { to, via, dev } => {
                Self::Route { to: fill(to), via: via.as_ref().map(fill), dev: dev.as_ref().map(fill) }
            }
            Self::Listen { at } => Self::Listen { at: fill(at) },
            Self::Connect { to, hears } => Self::Connect { to: fill(to), hears: hears.clone() },
            Self::Mkdir { path } => Self::Mkdir { path: fill(path) },
            Self::Write { path, text } => Self::Write { path: fill(path), text: fill(text) },
            Self::Volume { name } => Self::Volume { name: fill(name) },
            Self::Hostname { name } => Self::Hostname { name: fill(name) },
            Self::Domainname { name } => Self::Domainname { name: fill(name) },
            Self::Shmget { key, size, flags } => Self::Shmget { key: fill(key), size: *size, flags: flags.clone() },
            Self::Mqueue { target } => Self::Mqueue { target: fill(target) },
            Self::Run { argv, seconds, background, trace } => Self::Run {
                argv: argv.iter().map(fill).collect(),
                seconds: *seconds,
                background: *background,
                trace: *trace,
            },
        }
    }
}

impl CgroupOp {
    fn with_values(&self, values: &Values) -> Self {
        let fill = |text: &String| values.substitute(text);
        let mut op = self.clone();
        match &mut op {
            Self::Set { group, to, .. } => (*group, *to) = (fill(group), fill(to)),
            Self::Create { group, .. }
            | Self::Join { group }
            | Self::Freeze { group }
            | Self::Thaw { group }
            | Self::Kill { group }
            | Self::Remove { group }
            | Self::Devices { group, .. }
            | Self::Delegate { group } => *group = fill(group),
            Self::Leave => {}
        }
        op
    }
}

impl SeccompOp {
    fn with_values(&self, values: &Values) -> Self {
        let fill = |text: &String| values.substitute(text);
        let fill_all = |texts: &Vec<String>| texts.iter().map(fill).collect();
        match self {
            Self::Refuse { calls, with } => Self::Refuse { calls: fill_all(calls), with: fill(with) },
            Self::Allow { calls, otherwise } => Self::Allow { calls: fill_all(calls), otherwise: fill(otherwise) },
            Self::Ask { calls, answer } => Self::Ask { calls: fill_all(calls), answer: fill(answer) },
            Self::Profile { path } => Self::Profile { path: fill(path) },
        }
    }
}

impl LinkOp {
    fn with_values(&self, values: &Values) -> Self {
        let fill = |text: &String| values.substitute(text);
        match self {
            Self::Veth { name, actor, peer } => Self::Veth { name: fill(name), actor: actor.clone(), peer: fill(peer) },
            Self::Bridge { name } => Self::Bridge { name: fill(name) },
            Self::Up { name } => Self::Up { name: fill(name) },
            Self::Down { name } => Self::Down { name: fill(name) },
            Self::Port { name, of } => Self::Port { name: fill(name), of: fill(of) },
            Self::Delete { name } => Self::Delete { name: fill(name) },
        }
    }
}

impl CapsOp {
    fn with_values(&self, values: &Values) -> Self {
        let fill = |list: &[String]| list.iter().map(|text| values.substitute(text)).collect::<Vec<String>>();
        match self {
            Self::Drop { caps, set } => Self::Drop { caps: fill(caps), set: *set },
            Self::Raise { caps, set } => Self::Raise { caps: fill(caps), set: *set },
            Self::File { path, permitted, inheritable, effective } => Self::File {
                path: values.substitute(path),
                permitted: fill(permitted),
                inheritable: fill(inheritable),
                effective: *effective,
            },
            Self::Securebits { .. } | Self::NoNewPrivs { .. } | Self::Become { .. } => self.clone(),
        }
    }
}

impl Do {
    /// The operation with the seeds filled in.
    #[must_use]
    pub fn with_values(&self, values: &Values) -> Self {
        Self { op: self.op.with_values(values), ..self.clone() }
    }
}

impl Check {
    /// The check with the seeds filled in, in selectors, values and expressions.
    #[must_use]
    pub fn with_values(&self, values: &Values) -> Self {
        let operand = |operand: &Operand| match operand {
            Operand::Value(value) => Operand::Value(values.json(value)),
            Operand::At(path) => Operand::At(values.substitute(path)),
        };
        let is = match &self.is {
            Predicate::Equals(right) => Predicate::Equals(operand(right)),
            Predicate::Differs(right) => Predicate::Differs(operand(right)),
            Predicate::Contains(right) => Predicate::Contains(operand(right)),
            Predicate::AtLeast(right) => Predicate::AtLeast(operand(right)),
            Predicate::AtMost(right) => Predicate::AtMost(operand(right)),
            Predicate::Matches(expression) => Predicate::Matches(values.substitute(expression)),
            Predicate::Unchanged | Predicate::Count(_) | Predicate::Absent => self.is.clone(),
        };
        Self { id: self.id.clone(), at: values.substitute(&self.at), is }
    }
}

impl Task {
    /// The task with the seeds filled in, in its checks and reactions.
    #[must_use]
    pub fn with_values(&self, values: &Values) -> Self {
        Self {
            checks: self.checks.iter().map(|check| check.with_values(values)).collect(),
            reactions: self
                .reactions
                .iter()
                .map(|reaction| Reaction { when: reaction.when.with_values(values), say: reaction.say.clone() })
                .collect(),
            ..self.clone()
        }
    }
}

impl Step {
    /// The step with the seeds filled in, everywhere.
    #[must_use]
    pub fn with_values(&self, values: &Values) -> Self {
        Self {
            ops: self.ops.iter().map(|op| op.with_values(values)).collect(),
            expect: self.expect.iter().map(|check| check.with_values(values)).collect(),
            task: self.task.as_ref().map(|task| task.with_values(values)),
            ..self.clone()
        }
    }
}

/// FNV-1a, 64 bits, of the texts with a zero byte after each. Written out so that
/// no library's change can change a student's values.
fn fnv1a(texts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    for text in texts {
        text.bytes().for_each(&mut eat);
        eat(0);
    }
    hash
}

/// One of `count`, from the high bits of a hash: its low ones are weak.
fn pick(hash: u64, count: u64) -> Option<u64> {
    (count > 0).then(|| ((u128::from(hash) * u128::from(count)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(choose: &[&str], number: Option<(u32, u32)>) -> Seed {
        Seed { choose: choose.iter().map(|&word| word.to_owned()).collect(), number }
    }

    fn value(seed: &Seed, student: &str) -> String {
        let name = "name".to_owned();
        Values::of_seeds("uts", [(&name, seed)], student).get("name").expect("made").to_owned()
    }

    #[test]
    fn the_hash_is_fnv_1a_as_published() {
        // From draft-eastlake-fnv: "" is the offset basis, one zero byte the prime times it.
        assert_eq!(fnv1a(&[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(&[""]), 0xaf63_bd4c_8601_b7df);
        // "a" is 0xaf63dc4c8601ec8c; the zero byte after it multiplies by the prime once more.
        assert_eq!(fnv1a(&["a"]), 0xaf63_dc4c_8601_ec8c_u64.wrapping_mul(0x0000_0100_0000_01b3));
    }

    #[test]
    fn a_range_gives_all_its_numbers_and_no_other() {
        let seed = seed(&[], Some((3, 6)));
        let seen: std::collections::BTreeSet<String> =
            (0..200).map(|student| value(&seed, &format!("student {student}"))).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["3", "4", "5", "6"]);
    }

    #[test]
    fn the_whole_range_of_u32_is_possible() {
        assert!(value(&seed(&[], Some((0, u32::MAX))), "ana").parse::<u32>().is_ok());
    }

    #[test]
    fn words_and_numbers_are_joined_by_a_hyphen() {
        let value = value(&seed(&["brume"], Some((7, 7))), "ana");
        assert_eq!(value, "brume-7");
    }

    #[test]
    fn unknown_names_stay_as_they_stand() {
        let name = "name".to_owned();
        let seed = seed(&["{seed.name}"], None);
        let values = Values::of_seeds("uts", [(&name, &seed)], "ana");
        assert_eq!(values.substitute("a {seed.name} {seed.other} {seed.name"), "a {seed.name} {seed.other} {seed.name");
        assert_eq!(values.substitute("{seed.{seed.name}"), "{seed.{seed.name}");
    }
}
