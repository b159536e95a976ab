//! How much of the CPUs a group has used over a window of a few seconds, alone and
//! beside its siblings: what a limit or a weight is judged by, since one reading of a
//! counter says nothing. Kept by the sampler from one snapshot to the next; reads
//! nothing itself.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Group;

/// What is looked at: the last three seconds, or a little more; longer where groups compete
/// for what others leave of a CPU.
const WINDOW: u64 = 3_000_000;
/// Less than this says nothing: a scheduler deals in slices of milliseconds.
const LEAST: u64 = 1_500_000;
/// Groups that compete have used so much together in a window: where others use the same
/// CPU, that takes longer, and a share of less is chance.
const WORK: u64 = 2_500_000;
/// But no window is longer than this.
const LONGEST: u64 = 10_000_000;

/// What a group may use of the CPUs, and what it has used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// What `cpu.max` allows, in per cent of one CPU; nothing without a limit.
    pub limit: Option<u64>,
    /// The window: so many milliseconds, in which neither this group nor a sibling was
    /// given another limit, weight or CPUs. Nothing while it is too short to say
    /// anything, and the rest with it.
    pub window_ms: Option<u64>,
    /// What was used in the window, in per cent of one CPU: 200 are two.
    pub percent: Option<u64>,
    /// The part of that in what the group and its siblings used together, in per cent.
    pub share: Option<u64>,
    /// How many times as much as each sibling, by the sibling's last name, to the
    /// nearest whole number; those that used nothing are left out.
    pub times: BTreeMap<String, u64>,
}

/// The counters of the groups below one, over time.
#[derive(Debug, Default)]
struct Family {
    /// The groups, and their limits: what was used under others doesn't count.
    setup: Vec<String>,
    /// When (microseconds), and what each had used by then (microseconds).
    samples: VecDeque<(u64, BTreeMap<String, u64>)>,
}

/// What earlier snapshots said.
#[derive(Debug, Default)]
pub struct Usage {
    families: BTreeMap<String, Family>,
}

impl Usage {
    /// Notes what the groups have used by now (microseconds of CLOCK_MONOTONIC), and
    /// says of each what the window shows.
    pub fn note(&mut self, now: u64, groups: &mut BTreeMap<String, Group>) {
        let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in groups.keys().filter(|name| *name != "/") {
            children.entry(parent(name).to_owned()).or_default().push(name.clone());
        }
        self.families.retain(|above, _| children.contains_key(above));
        for (above, names) in children {
            let used = |name: &String| Some((name.clone(), field(&groups[name], "cpu.stat", "usage_usec")?));
            let used: BTreeMap<String, u64> = names.iter().filter_map(used).collect();
            let setup = names.iter().map(|name| setup(name, &groups[name])).collect();
            let family = self.families.entry(above).or_default();
            family.add(now, setup, used);
            for name in &names {
                if let Some(group) = groups.get_mut(name) {
                    group.cpu = family.look(name, limit(group));
                }
            }
        }
    }
}

impl Family {
    fn add(&mut self, now: u64, setup: Vec<String>, used: BTreeMap<String, u64>) {
        if self.setup != setup {
            self.samples.clear();
            self.setup = setup;
        }
        self.samples.push_back((now, used));
        while self.samples.get(1).is_some_and(|next| self.says_enough(next)) {
            self.samples.pop_front();
        }
    }

    /// Whether a window that begins with this sample is long enough.
    fn says_enough(&self, (then, before): &(u64, BTreeMap<String, u64>)) -> bool {
        let Some((now, after)) = self.samples.back() else { return false };
        let spent: Vec<u64> =
            after.iter().map(|(name, used)| used.saturating_sub(*before.get(name).unwrap_or(used))).collect();
        let compete = spent.iter().filter(|spent| **spent > 0).count() > 1;
        let window = now - then;
        window >= WINDOW && (!compete || window >= LONGEST || spent.iter().sum::<u64>() >= WORK)
    }

    /// What one of them used since the first sample.
    fn look(&self, name: &str, limit: Option<u64>) -> Option<Cpu> {
        let ((then, before), (now, after)) = (self.samples.front()?, self.samples.back()?);
        let spent = |name: &str| Some(after.get(name)?.saturating_sub(*before.get(name)?));
        let window = now - then;
        let (Some(own), true) = (spent(name), window >= LEAST) else {
            return limit.is_some().then(|| Cpu { limit, ..Cpu::default() });
        };
        let all: u64 = after.keys().filter_map(|one| spent(one)).sum();
        let others = after.keys().filter(|one| *one != name);
        let times = others.filter_map(|other| {
            let theirs = spent(other).filter(|theirs| *theirs > 0)?;
            Some((last(other).to_owned(), nearest(own, theirs)))
        });
        Some(Cpu {
            limit,
            window_ms: Some(window / 1000),
            percent: Some(nearest(own * 100, window)),
            share: (all > 0).then(|| nearest(own * 100, all)),
            times: times.collect(),
        })
    }
}

/// A quotient, to the nearest whole number.
fn nearest(number: u64, by: u64) -> u64 {
    (number + by / 2) / by
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(above, _)| above)
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn field(group: &Group, file: &str, key: &str) -> Option<u64> {
    group.files.get(file)?.read()?.fields.get(key).copied()
}

/// The quota of each period, in per cent.
fn limit(group: &Group) -> Option<u64> {
    let (quota, period) = (field(group, "cpu.max", "quota")?, field(group, "cpu.max", "period")?);
    (period > 0).then(|| nearest(quota * 100, period))
}

/// What decides how much a group gets.
fn setup(name: &str, group: &Group) -> String {
    let files = ["cpu.max", "cpu.weight", "cpuset.cpus.effective"];
    let values: Vec<_> = files.iter().map(|file| Some(&group.files.get(*file)?.read()?.value)).collect();
    format!("{name} {values:?}")
}

#[cfg(test)]
mod tests {
    use super::super::GroupFile;
    use super::*;
    use crate::observe::model::Reading;

    const SECOND: u64 = 1_000_000;

    fn file(value: &str, fields: &[(&str, u64)]) -> Reading<GroupFile> {
        let fields = fields.iter().map(|(key, number)| ((*key).to_owned(), *number)).collect();
        let value = value.to_owned();
        Reading::Read(GroupFile { name: String::new(), value, number: None, mib: None, fields, v1: Vec::new() })
    }

    fn group(used: u64, weight: &str) -> Group {
        let files = [("cpu.stat", file("", &[("usage_usec", used)])), ("cpu.weight", file(weight, &[]))];
        Group { files: files.map(|(name, file)| (name.to_owned(), file)).into(), ..Group::default() }
    }

    fn two(left: Group, right: Group) -> BTreeMap<String, Group> {
        [("race/left".to_owned(), left), ("race/right".to_owned(), right)].into()
    }

    fn seen(groups: &BTreeMap<String, Group>, name: &str) -> Option<Cpu> {
        groups[name].cpu.clone()
    }

    #[test]
    fn shares_are_those_of_a_window_and_nothing_is_said_before() {
        let mut usage = Usage::default();
        let mut groups = two(group(0, "300"), group(0, "100"));
        usage.note(0, &mut groups);
        assert_eq!(seen(&groups, "race/left"), None);
        let mut groups = two(group(2 * SECOND, "300"), group(SECOND * 7 / 10, "100"));
        usage.note(4 * SECOND, &mut groups);
        let left = seen(&groups, "race/left").unwrap();
        assert_eq!((left.percent, left.share, left.times["right"]), (Some(50), Some(74), 3));
        assert_eq!(seen(&groups, "race/right").unwrap().times["left"], 0);
        // The first second of ten is no longer in it.
        let mut groups = two(group(4 * SECOND, "300"), group(SECOND * 27 / 10, "100"));
        usage.note(10 * SECOND, &mut groups);
        let left = seen(&groups, "race/left").unwrap();
        assert_eq!((left.window_ms, left.share), (Some(6000), Some(50)));
    }

    #[test]
    fn groups_that_compete_for_a_busy_cpu_are_looked_at_for_longer() {
        let mut usage = Usage::default();
        // The two get a third of a CPU together: seconds 0 to 8.
        let at = |second: u64| two(group(second * SECOND / 4, "300"), group(second * SECOND / 12, "100"));
        let window = |usage: &mut Usage, second| {
            let mut groups = at(second);
            usage.note(second * SECOND, &mut groups);
            seen(&groups, "race/left").and_then(|left| left.window_ms)
        };
        let windows: Vec<_> = (0..=9).map(|second| window(&mut usage, second)).collect();
        assert_eq!(windows[7..], [Some(7000), Some(8000), Some(8000)]);
        // And never longer than ten seconds, however little it is.
        let mut usage = Usage::default();
        let idle = |usage: &mut Usage, second| {
            let mut groups = two(group(second, "300"), group(second, "100"));
            usage.note(second * SECOND, &mut groups);
            seen(&groups, "race/left").and_then(|left| left.window_ms)
        };
        let windows: Vec<_> = (0..=30).map(|second| idle(&mut usage, second)).collect();
        assert_eq!(windows[30], Some(10_000));
    }

    #[test]
    fn what_was_used_under_another_weight_does_not_count() {
        let mut usage = Usage::default();
        usage.note(0, &mut two(group(0, "100"), group(0, "100")));
        let mut groups = two(group(SECOND, "300"), group(SECOND, "100"));
        usage.note(2 * SECOND, &mut groups);
        assert_eq!(seen(&groups, "race/left"), None);
        let mut groups = two(group(2 * SECOND, "300"), group(SECOND * 4 / 3, "100"));
        usage.note(4 * SECOND, &mut groups);
        assert_eq!(seen(&groups, "race/left").unwrap().share, Some(75));
    }

    #[test]
    fn a_limit_is_said_in_per_cent_whatever_its_period() {
        let mut usage = Usage::default();
        let mut limited = group(0, "100");
        limited.files.insert("cpu.max".into(), file("10000 50000", &[("quota", 10_000), ("period", 50_000)]));
        let mut groups = [("box".to_owned(), limited)].into();
        usage.note(0, &mut groups);
        assert_eq!(seen(&groups, "box"), Some(Cpu { limit: Some(20), ..Cpu::default() }));
    }
}
