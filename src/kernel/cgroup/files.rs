//! What the files of a group are called: the names of version 2, which lessons speak,
//! beside those of version 1, and how the values of one become those of the other.
//! Facts: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/*.rst.
//! The one place where both names stand.

use std::fmt::Write as _;

/// How the values of the two versions go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The same text.
    Same,
    /// A number of bytes, or none: `max` is -1 when written, and what is left of
    /// 2^63 in whole pages when read.
    Bytes,
    /// `cpu.max`: quota and period in microseconds, in two files.
    Quota,
    /// `cpu.weight` (100 is usual) beside `cpu.shares` (1024).
    Shares,
    /// `cpu.stat`, with the accounting of a controller of its own, in nanoseconds.
    CpuStat,
    /// `memory.swap.max`, `memory.swap.current`: version 1 counts memory and swap
    /// together.
    Swap,
    /// `memory.events`: how often the limit was met, and how often it killed.
    MemoryEvents,
    /// `memory.stat`: some of its lines, under other names.
    MemoryStat,
    /// `io.max`: a line per device, where version 1 has a file per kind of limit.
    IoMax,
    /// `io.stat`.
    IoStat,
    /// `io.weight`, `default 100`; version 1 has the bare number.
    IoWeight,
    /// `cgroup.freeze`: 0 or 1, beside `THAWED`, `FREEZING` and `FROZEN`.
    Freeze,
    /// `cgroup.events`: only its `frozen`.
    Events,
}

/// A file of a group.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in version 2. `SIZE` in a name of hugetlb stands for the page size.
    pub name: &'static str,
    /// Its files in version 1: the controller whose tree it is in, and its name there.
    /// None where version 1 has no such thing.
    pub legacy: &'static [(&'static str, &'static str)],
    way: Way,
}

const fn same(name: &'static str, legacy: &'static [(&'static str, &'static str)]) -> File {
    File { name, legacy, way: Way::Same }
}

const fn file(name: &'static str, legacy: &'static [(&'static str, &'static str)], way: Way) -> File {
    File { name, legacy, way }
}

/// Every file that is known. In the order in which they are shown.
pub const FILES: [File; 54] = [
    same("cgroup.controllers", &[]),
    same("cgroup.subtree_control", &[]),
    same("cgroup.type", &[]),
    file("cgroup.events", &[("freezer", "freezer.state")], Way::Events),
    file("cgroup.freeze", &[("freezer", "freezer.state")], Way::Freeze),
    same("cgroup.max.depth", &[]),
    same("cgroup.max.descendants", &[]),
    same("cgroup.stat", &[]),
    file("memory.max", &[("memory", "memory.limit_in_bytes")], Way::Bytes),
    same("memory.high", &[]),
    same("memory.low", &[]),
    same("memory.min", &[]),
    same("memory.current", &[("memory", "memory.usage_in_bytes")]),
    same("memory.peak", &[("memory", "memory.max_usage_in_bytes")]),
    file(
        "memory.swap.max",
        &[("memory", "memory.memsw.limit_in_bytes"), ("memory", "memory.limit_in_bytes")],
        Way::Swap,
    ),
    file(
        "memory.swap.current",
        &[("memory", "memory.memsw.usage_in_bytes"), ("memory", "memory.usage_in_bytes")],
        Way::Swap,
    ),
    file("memory.events", &[("memory", "memory.failcnt"), ("memory", "memory.oom_control")], Way::MemoryEvents),
    same("memory.oom.group", &[]),
    file("memory.stat", &[("memory", "memory.stat")], Way::MemoryStat),
    same("memory.pressure", &[]),
    file("cpu.max", &[("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.cfs_period_us")], Way::Quota),
    same("cpu.max.burst", &[("cpu", "cpu.cfs_burst_us")]),
    file("cpu.weight", &[("cpu", "cpu.shares")], Way::Shares),
    same("cpu.idle", &[("cpu", "cpu.idle")]),
    file(
        "cpu.stat",
        &[
            ("cpu", "cpu.stat"),
            ("cpuacct", "cpuacct.usage"),
            ("cpuacct", "cpuacct.usage_user"),
            ("cpuacct", "cpuacct.usage_sys"),
        ],
        Way::CpuStat,
    ),
    same("cpu.pressure", &[]),
    same("cpuset.cpus", &[("cpuset", "cpuset.cpus")]),
    same("cpuset.cpus.effective", &[("cpuset", "cpuset.effective_cpus")]),
    same("cpuset.cpus.partition", &[]),
    same("cpuset.mems", &[("cpuset", "cpuset.mems")]),
    same("cpuset.mems.effective", &[("cpuset", "cpuset.effective_mems")]),
    same("pids.max", &[("pids", "pids.max")]),
    same("pids.current", &[("pids", "pids.current")]),
    same("pids.peak", &[("pids", "pids.peak")]),
    same("pids.events", &[("pids", "pids.events")]),
    file(
        "io.max",
        &[
            ("blkio", "blkio.throttle.read_bps_device"),
            ("blkio", "blkio.throttle.write_bps_device"),
            ("blkio", "blkio.throttle.read_iops_device"),
            ("blkio", "blkio.throttle.write_iops_device"),
        ],
        Way::IoMax,
    ),
    file("io.weight", &[("blkio", "blkio.weight")], Way::IoWeight),
    file("io.bfq.weight", &[("blkio", "blkio.bfq.weight")], Way::IoWeight),
    file(
        "io.stat",
        &[("blkio", "blkio.throttle.io_service_bytes"), ("blkio", "blkio.throttle.io_serviced")],
        Way::IoStat,
    ),
    same("io.latency", &[]),
    same("io.pressure", &[]),
    file("hugetlb.SIZE.max", &[("hugetlb", "hugetlb.SIZE.limit_in_bytes")], Way::Bytes),
    same("hugetlb.SIZE.current", &[("hugetlb", "hugetlb.SIZE.usage_in_bytes")]),
    same("hugetlb.SIZE.events", &[]),
    file("hugetlb.SIZE.rsvd.max", &[("hugetlb", "hugetlb.SIZE.rsvd.limit_in_bytes")], Way::Bytes),
    same("hugetlb.SIZE.rsvd.current", &[("hugetlb", "hugetlb.SIZE.rsvd.usage_in_bytes")]),
    same("rdma.max", &[("rdma", "rdma.max")]),
    same("rdma.current", &[("rdma", "rdma.current")]),
    same("misc.max", &[]),
    same("misc.current", &[]),
    same("misc.events", &[]),
    same("misc.capacity", &[]),
    same("irq.pressure", &[]),
    same("cgroup.procs", &[]),
];

/// The shares of a weight of 1, times the weight that is usual, kernel/sched/core.c
/// (`sched_weight_from_cgroup`).
const SHARES: u64 = 1024;
const WEIGHT: u64 = 100;

/// Values from here on are no limit: LONG_MAX in whole pages, of 4 KiB to 64 KiB.
const UNLIMITED: u64 = (1 << 63) - (1 << 20);

/// Why a value can't be written in version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Version 1 has no such file.
    Lacking,
    /// The value is none that the file takes, in either version.
    Value,
}

/// The controller, in version 2, of a file: what stands before the first dot;
/// `cgroup` for what every group has.
pub fn controller(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What is known of a file by its name in version 2; for hugetlb with the page size
/// that the name has.
pub fn known(name: &str) -> Option<(&'static File, Option<&str>)> {
    let size = name.strip_prefix("hugetlb.").and_then(|rest| rest.split('.').next());
    let generic = size.map_or_else(|| name.to_owned(), |size| name.replacen(size, "SIZE", 1));
    FILES.iter().find(|file| file.name == generic).map(|file| (file, size))
}

impl File {
    /// The controller, by its name in version 2.
    pub fn controller(&self) -> &'static str {
        controller(self.name)
    }

    /// Its value in the words of version 2, from the texts of its files of version 1
    /// in the order of [`File::legacy`]; nothing for one that could not be read.
    pub fn read(&self, texts: &[Option<String>]) -> Option<String> {
        let text = |at: usize| texts.get(at)?.as_deref().map(str::trim);
        let number = |at: usize| text(at)?.parse::<u64>().ok();
        let field = |at: usize, key: &str| field(text(at)?, key);
        let max = |value: u64| if value >= UNLIMITED { "max".to_owned() } else { value.to_string() };
        Some(match self.way {
            Way::Same => text(0)?.to_owned(),
            Way::Bytes => max(number(0)?),
            Way::Quota => {
                let quota = text(0)?;
                format!("{} {}", if quota.starts_with('-') { "max" } else { quota }, text(1)?)
            }
            Way::Shares => ((number(0)? * WEIGHT + SHARES / 2) / SHARES).clamp(1, 10_000).to_string(),
            Way::CpuStat => {
                let mut all = String::new();
                for (at, key) in [(1, "usage_usec"), (2, "user_usec"), (3, "system_usec")] {
                    if let Some(nanoseconds) = number(at) {
                        let _ = writeln!(all, "{key} {}", nanoseconds / 1000);
                    }
                }
                for key in ["nr_periods", "nr_throttled"] {
                    let _ = writeln!(all, "{key} {}", field(0, key)?);
                }
                let _ = write!(all, "throttled_usec {}", field(0, "throttled_time")? / 1000);
                all
            }
            Way::Swap => {
                let both = number(0)?;
                if both >= UNLIMITED { "max".to_owned() } else { both.saturating_sub(number(1)?).to_string() }
            }
            Way::MemoryEvents => {
                let mut all = format!("max {}", number(0)?);
                for key in ["oom_kill", "under_oom"] {
                    if let Some(count) = field(1, key) {
                        let _ = write!(all, "\n{key} {count}");
                    }
                }
                all
            }
            Way::MemoryStat => {
                let names = [
                    ("anon", "total_rss"),
                    ("file", "total_cache"),
                    ("shmem", "total_shmem"),
                    ("file_mapped", "total_mapped_file"),
                    ("pgfault", "total_pgfault"),
                    ("pgmajfault", "total_pgmajfault"),
                ];
                let lines = names.iter().filter_map(|(new, old)| Some(format!("{new} {}", field(0, old)?)));
                lines.collect::<Vec<_>>().join("\n")
            }
            Way::IoMax => {
                let mut devices: Vec<(String, [String; 4])> = Vec::new();
                for at in 0..4 {
                    for line in text(at).unwrap_or_default().lines() {
                        let Some((device, limit)) = line.split_once(' ') else { continue };
                        let slot = match devices.iter().position(|(known, _)| known == device) {
                            Some(slot) => slot,
                            None => {
                                devices.push((device.to_owned(), ["max"; 4].map(str::to_owned)));
                                devices.len() - 1
                            }
                        };
                        limit.trim().clone_into(&mut devices[slot].1[at]);
                    }
                }
                let line = |(device, [rbps, wbps, riops, wiops]): &(String, [String; 4])| {
                    format!("{device} rbps={rbps} wbps={wbps} riops={riops} wiops={wiops}")
                };
                devices.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Way::IoStat => {
                let count = |at: usize, device: &str, kind: &str| {
                    let mut lines = text(at).unwrap_or_default().lines();
                    lines.find_map(|line| line.strip_prefix(device)?.trim().strip_prefix(kind)?.trim().parse().ok())
                };
                let mut devices: Vec<&str> = Vec::new();
                for line in text(0)?.lines() {
                    let device = line.split(' ').next().unwrap_or_default();
                    if device.contains(':') && !devices.contains(&device) {
                        devices.push(device);
                    }
                }
                let line = |device: &&str| {
                    let of = |at, kind| count(at, device, kind).unwrap_or(0_u64);
                    let (rbytes, wbytes) = (of(0, "Read"), of(0, "Write"));
                    format!("{device} rbytes={rbytes} wbytes={wbytes} rios={} wios={}", of(1, "Read"), of(1, "Write"))
                };
                devices.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Way::IoWeight => format!("default {}", text(0)?),
            Way::Freeze => u8::from(text(0)? != "THAWED").to_string(),
            Way::Events => format!("frozen {}", u8::from(text(0)? == "FROZEN")),
        })
    }

    /// What to write for a value of version 2: the files of version 1, by their place
    /// in [`File::legacy`], and the text for each, in the order in which they are to be
    /// written. `now` reads what such a file holds.
    pub fn write(&self, value: &str, now: impl Fn(usize) -> Option<String>) -> Result<Vec<(usize, String)>, Refused> {
        if self.legacy.is_empty() {
            return Err(Refused::Lacking);
        }
        let value = value.trim();
        let unlimited = |value: &str| if value == "max" { "-1".to_owned() } else { value.to_owned() };
        Ok(match self.way {
            Way::Same => vec![(0, value.to_owned())],
            Way::Bytes => vec![(0, unlimited(value))],
            Way::Quota => {
                let mut words = value.split_ascii_whitespace();
                let quota = unlimited(words.next().ok_or(Refused::Value)?);
                match words.next() {
                    Some(period) => vec![(1, period.to_owned()), (0, quota)],
                    None => vec![(0, quota)],
                }
            }
            Way::Shares => {
                let weight: u64 = value.parse().map_err(|_| Refused::Value)?;
                if !(1..=10_000).contains(&weight) {
                    return Err(Refused::Value);
                }
                vec![(0, ((weight * SHARES + WEIGHT / 2) / WEIGHT).to_string())]
            }
            Way::Swap if value == "max" => vec![(0, "-1".to_owned())],
            Way::Swap => {
                let swap = bytes(value).ok_or(Refused::Value)?;
                let memory = now(1).and_then(|now| now.trim().parse::<u64>().ok()).ok_or(Refused::Value)?;
                if memory >= UNLIMITED {
                    return Err(Refused::Value);
                }
                vec![(0, (memory + swap).to_string())]
            }
            Way::IoMax => {
                let mut words = value.split_ascii_whitespace();
                let device = words.next().filter(|device| device.contains(':')).ok_or(Refused::Value)?;
                let limit = |word: &str| {
                    let (kind, limit) = word.split_once('=')?;
                    let at = ["rbps", "wbps", "riops", "wiops"].iter().position(|one| *one == kind)?;
                    // A bare number: version 2 takes "8M" for 8.
                    let limit: u64 = if limit == "max" { 0 } else { limit.parse().ok()? };
                    Some((at, format!("{device} {limit}")))
                };
                words.map(|word| limit(word).ok_or(Refused::Value)).collect::<Result<Vec<_>, _>>()?
            }
            Way::IoWeight => vec![(0, value.strip_prefix("default ").unwrap_or(value).trim().to_owned())],
            Way::Freeze => match value {
                "0" => vec![(0, "THAWED".to_owned())],
                "1" => vec![(0, "FROZEN".to_owned())],
                _ => return Err(Refused::Value),
            },
            Way::CpuStat | Way::MemoryEvents | Way::MemoryStat | Way::IoStat | Way::Events => {
                return Err(Refused::Value);
            }
        })
    }
}

/// The number of a line `key number`.
fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A number of bytes, with the suffixes that the kernel's memparse takes.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let shift = match &text[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The numbers in a value, by the name that the file gives them: of lines `key number`,
/// of lines `key name=number …` as `key.name`, and of `cpu.max` as `quota` and `period`.
/// `max` is no number.
pub fn fields(name: &str, value: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut add = |name: String, number: &str| found.extend(number.parse().ok().map(|number| (name, number)));
    for line in value.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match &words[..] {
            [quota, period] if name == "cpu.max" => {
                add("quota".to_owned(), quota);
                add("period".to_owned(), period);
            }
            [key, number] if !number.contains('=') => add((*key).to_owned(), number),
            [key, rest @ ..] => {
                for (inner, number) in rest.iter().filter_map(|word| word.split_once('=')) {
                    add(format!("{key}.{inner}"), number);
                }
            }
            [] => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, texts: &[&str]) -> String {
        let texts: Vec<Option<String>> = texts.iter().map(|text| Some((*text).to_owned())).collect();
        known(name).unwrap().0.read(&texts).unwrap()
    }

    fn write(name: &str, value: &str) -> Result<Vec<(usize, String)>, Refused> {
        known(name).unwrap().0.write(value, |_| Some("1048576".to_owned()))
    }

    fn written(name: &str, value: &str) -> Vec<String> {
        let (file, _) = known(name).unwrap();
        write(name, value).unwrap().into_iter().map(|(at, text)| format!("{}={text}", file.legacy[at].1)).collect()
    }

    #[test]
    fn a_limit_reads_the_same_in_both_versions_and_none_is_max() {
        assert_eq!(read("memory.max", &["33554432\n"]), "33554432");
        assert_eq!(read("memory.max", &["9223372036854771712\n"]), "max");
        assert_eq!(read("cpu.max", &["-1\n", "100000\n"]), "max 100000");
        assert_eq!(read("cpu.max", &["20000\n", "100000\n"]), "20000 100000");
        assert_eq!(read("pids.max", &["max\n"]), "max");
        assert_eq!(read("memory.swap.max", &["3145728", "1048576"]), "2097152");
    }

    #[test]
    fn weights_go_over_as_the_scheduler_has_them_and_back() {
        assert_eq!(read("cpu.weight", &["1024"]), "100");
        for weight in [1, 2, 50, 100, 300, 10_000] {
            let text = write("cpu.weight", &weight.to_string()).unwrap().remove(0).1;
            assert_eq!(read("cpu.weight", &[&text]), weight.to_string());
        }
        assert_eq!(write("cpu.weight", "0"), Err(Refused::Value));
        assert_eq!(write("cpu.weight", "10001"), Err(Refused::Value));
    }

    #[test]
    fn what_is_written_goes_to_the_files_of_version_1() {
        assert_eq!(written("memory.max", "max"), ["memory.limit_in_bytes=-1"]);
        assert_eq!(written("memory.max", "64M"), ["memory.limit_in_bytes=64M"]);
        assert_eq!(written("cpu.max", "20000 100000"), ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=20000"]);
        assert_eq!(written("cpu.max", "max"), ["cpu.cfs_quota_us=-1"]);
        assert_eq!(written("cgroup.freeze", "1"), ["freezer.state=FROZEN"]);
        assert_eq!(written("memory.swap.max", "0"), ["memory.memsw.limit_in_bytes=1048576"]);
        let limits = written("io.max", "8:0 wbps=1048576 riops=max");
        assert_eq!(limits, ["blkio.throttle.write_bps_device=8:0 1048576", "blkio.throttle.read_iops_device=8:0 0"]);
        assert_eq!(written("hugetlb.2MB.max", "0"), ["hugetlb.SIZE.limit_in_bytes=0"]);
    }

    #[test]
    fn what_version_1_lacks_and_what_no_file_takes_is_told_apart() {
        assert_eq!(write("memory.high", "1M"), Err(Refused::Lacking));
        assert_eq!(write("memory.swap.max", "much"), Err(Refused::Value));
        assert_eq!(write("io.max", "sda wbps=1"), Err(Refused::Value));
        assert_eq!(write("io.max", "8:0 speed=1"), Err(Refused::Value));
        assert_eq!(write("io.max", "8:0 rbps=8M"), Err(Refused::Value), "version 2 would take it for 8");
        assert_eq!(write("cpu.stat", "0"), Err(Refused::Value));
    }

    #[test]
    fn accounts_and_events_take_the_names_of_version_2() {
        let stat = read("cpu.stat", &["nr_periods 5\nnr_throttled 2\nthrottled_time 7000\n", "9000", "4000", "5000"]);
        let expected = "usage_usec 9\nuser_usec 4\nsystem_usec 5\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7";
        assert_eq!(stat, expected);
        let events = read("memory.events", &["3", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"]);
        assert_eq!(
            fields("memory.events", &events),
            [("max".into(), 3), ("oom_kill".into(), 1), ("under_oom".into(), 0)]
        );
        let max = read("io.max", &["8:0 10\n", "8:0 1048576\n8:16 4\n", "", ""]);
        assert_eq!(max, "8:0 rbps=10 wbps=1048576 riops=max wiops=max\n8:16 rbps=max wbps=4 riops=max wiops=max");
        assert_eq!(fields("io.max", &max)[..2], [("8:0.rbps".into(), 10), ("8:0.wbps".into(), 1_048_576)]);
        let stat = read("io.stat", &["8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n", "8:0 Read 4\n8:0 Write 5\n"]);
        assert_eq!(stat, "8:0 rbytes=1 wbytes=2 rios=4 wios=5");
    }

    #[test]
    fn numbers_of_a_value_have_names() {
        assert_eq!(fields("cpu.max", "20000 100000"), [("quota".into(), 20_000), ("period".into(), 100_000)]);
        assert_eq!(fields("cpu.max", "max 100000"), [("period".into(), 100_000)]);
        let pressure = fields("cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n");
        assert_eq!(pressure, [("some.total".into(), 12)]);
        assert_eq!(fields("memory.max", "33554432"), []);
    }

    #[test]
    fn page_sizes_are_part_of_a_name() {
        let (file, size) = known("hugetlb.2MB.rsvd.max").unwrap();
        assert_eq!((file.name, size), ("hugetlb.SIZE.rsvd.max", Some("2MB")));
        assert_eq!(known("memory.maximum"), None);
        assert_eq!(file.controller(), "hugetlb");
    }
}
