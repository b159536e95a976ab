//! What the files of a control group say, a number to a row: what it counts, the limit
//! that it is held against, what the file is called in version 1, and whether it is
//! worth a look before the others. Facts: the kernel's cgroup-v2.rst and psi.rst.

use crate::i18n::Lang;
use crate::kernel::cgroup::files;
use crate::observe::cgroups::{Group, GroupFile};
use crate::observe::model::{Reading, Unread};
use crate::say;

/// In this order, by what the names of files and fields start with: use and limit of each
/// controller, how long was waited for it, and what else there is.
const ORDER: [&str; 30] = [
    "memory.current",
    "memory.max",
    "memory.high",
    "memory.events oom_kill",
    "memory.events max",
    "memory.swap.current",
    "memory.swap.max",
    "cpu.stat usage_usec",
    "cpu.max",
    "cpu.weight",
    "cpu.stat nr_throttled",
    "cpu.stat throttled_usec",
    "pids.current",
    "pids.max",
    "pids.events",
    "cpuset.cpus",
    "io.stat",
    "io.max",
    "io.weight",
    "devices",
    "memory.pressure",
    "cpu.pressure",
    "io.pressure",
    "memory.",
    "cpu.",
    "cpuset.",
    "pids.",
    "io.",
    "hugetlb.",
    "cgroup.",
];

/// Lines of `memory.stat` that are shown; the others are left to whoever opens the file.
const STAT: [&str; 10] =
    ["anon", "file", "kernel", "shmem", "slab", "sock", "file_mapped", "file_dirty", "pgfault", "pgmajfault"];

/// The most rows of one file.
const MOST: usize = 32;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Microseconds.
    Micros,
    /// Things.
    Count,
    /// Hundredths of a per cent of the last ten seconds (PSI).
    Stalled,
    /// Nothing: it is a text.
    None,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What somebody set.
    Setting,
    /// How much is in use now.
    Usage,
    /// How much it was in all: only ever rises.
    Total,
    /// How often something happened that is worth a mark: only ever rises.
    Events,
    /// How long processes waited.
    Pressure,
    /// What else there is to know.
    State,
}

/// A row: a file that says one thing, or one thing that a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow<'a> {
    /// The name of the group.
    pub group: &'a str,
    /// The file, by its name in version 2.
    pub file: &'a str,
    /// Which of the file's numbers, by the file's name for it.
    pub field: Option<&'a str>,
    /// As the kernel writes it, in the words of version 2; why not, where it could not
    /// be read.
    pub raw: Result<&'a str, &'a Unread>,
    /// The number that `raw` is.
    pub number: Option<u64>,
    /// What it counts.
    pub unit: Unit,
    /// What it is about.
    pub about: About,
    /// For usage: the file with the limit, and the limit. Of `cpu.stat usage_usec` the
    /// part of a CPU that the quota gives, in thousandths.
    pub limit: Option<(&'a str, u64)>,
    /// The names in version 1; none where that has no such thing.
    pub legacy: Vec<String>,
    /// Whether those are the real ones here.
    pub is_legacy: bool,
    /// Whether it says something, or is what one looks for.
    pub main: bool,
    /// Whether it is one of those to show before all others.
    pub first: bool,
}

impl<'a> FileRow<'a> {
    /// A file of which nothing is known yet.
    fn blank(group: &'a str, file: &'a str) -> Self {
        Self {
            group,
            file,
            field: None,
            raw: Ok(""),
            number: None,
            unit: Unit::None,
            about: About::State,
            limit: None,
            legacy: Vec::new(),
            is_legacy: false,
            main: false,
            first: false,
        }
    }

    /// The file, and which of its numbers.
    pub fn name(&self) -> String {
        self.field.map_or_else(|| self.file.to_owned(), |field| format!("{} {field}", self.file))
    }

    /// What it is called in version 1, in parentheses where that is not what it is here;
    /// empty where that has no such thing.
    pub fn in_v1(&self, lang: Lang) -> String {
        let names = match &self.legacy[..] {
            [] => return String::new(),
            [name] if name == self.file => lang.pick("the same", "pareil").to_owned(),
            names => names.join(" "),
        };
        if self.is_legacy { format!("v1 {names}") } else { format!("(v1 {names})") }
    }

    /// Whether its values are worth a curve.
    pub fn moves(&self) -> bool {
        !matches!(self.about, About::Setting | About::State)
    }

    /// Whether only the difference of two of its values says something.
    pub fn rises(&self) -> bool {
        matches!(self.about, About::Total | About::Events)
    }

    /// Whether somebody set something, or an event happened.
    pub(super) fn is_news_after(&self, was: &Self) -> bool {
        match self.about {
            About::Setting => self.raw != was.raw,
            About::Events => self.number > was.number,
            _ => false,
        }
    }

    /// What it says, for a person: units, and what a word means; empty where that is
    /// what the file itself says.
    pub fn says(&self, lang: Lang) -> String {
        let Ok(raw) = self.raw else { return String::new() };
        match (self.file, self.number) {
            (_, Some(number)) if self.unit != Unit::None => quantity(number, self.unit, lang),
            ("cpu.max", _) => quota(raw).map_or_else(|| no_limit(lang), |thousandths| share(thousandths, lang)),
            (_, None) if raw == "max" => no_limit(lang),
            ("io.max" | "cpuset.cpus" | "cpuset.mems", None) if raw.is_empty() => no_limit(lang),
            _ => String::new(),
        }
    }
}

fn no_limit(lang: Lang) -> String {
    say!(lang, "no limit", "sans limite")
}

/// A part of a CPU, in thousandths: `20 % CPU`, `1.50 CPUs`.
pub fn share(thousandths: u64, lang: Lang) -> String {
    match thousandths {
        0..1000 => {
            let percent = decimal(thousandths, 10, usize::from((1..100).contains(&thousandths)), lang);
            format!("{percent} % CPU")
        }
        1000 => "1 CPU".to_owned(),
        _ => {
            let cpus = decimal(thousandths, 1000, 2, lang);
            say!(lang, "{cpus} CPUs", "{cpus} CPU")
        }
    }
}

/// A number with its unit, three figures of it.
pub fn quantity(number: u64, unit: Unit, lang: Lang) -> String {
    match unit {
        Unit::Bytes => bytes(number, lang),
        Unit::Micros => match number {
            0..1_000 => format!("{number} µs"),
            1_000..1_000_000 => format!("{} ms", decimal(number, 1_000, usize::from(number < 100_000), lang)),
            1_000_000..60_000_000 => format!("{} s", decimal(number, 1_000_000, 2, lang)),
            _ => format!("{} min {:02} s", number / 60_000_000, number / 1_000_000 % 60),
        },
        Unit::Stalled => {
            let percent = decimal(number, 100, 2, lang);
            format!("{percent} %")
        }
        Unit::Count | Unit::None => String::new(),
    }
}

/// A number of bytes, in the units that `memory.max` takes.
fn bytes(number: u64, lang: Lang) -> String {
    let units = lang.pick(["B", "KiB", "MiB", "GiB", "TiB"], ["o", "Kio", "Mio", "Gio", "Tio"]);
    let mut at = 0;
    while at + 1 < units.len() && number >= 1 << (10 * (at + 1)) {
        at += 1;
    }
    format!("{} {}", decimal(number, 1 << (10 * at), usize::from(at > 0), lang), units[at])
}

/// A fraction with so many decimals, cut: what is below a limit is never shown as it.
fn decimal(number: u64, of: u64, decimals: usize, lang: Lang) -> String {
    let scale = 10_u64.pow(u32::try_from(decimals).unwrap_or(0));
    let scaled = u128::from(number) * u128::from(scale) / u128::from(of.max(1));
    let (whole, rest) = (scaled / u128::from(scale), scaled % u128::from(scale));
    let point = lang.pick('.', ',');
    if decimals == 0 { whole.to_string() } else { format!("{whole}{point}{rest:0decimals$}") }
}

/// The part of a CPU that the quota of `cpu.max` gives in each period, in thousandths;
/// nothing without a quota.
fn quota(raw: &str) -> Option<u64> {
    let (quota, period) = raw.split_once(' ')?;
    quota.parse::<u64>().ok()?.saturating_mul(1000).checked_div(period.parse().ok()?)
}

/// The rows of a group's files, what matters most first.
pub(super) fn rows_of<'a>(group: &'a str, of: &'a Group) -> Vec<FileRow<'a>> {
    let mut rows = Vec::new();
    for (name, reading) in &of.files {
        let (legacy, is_legacy) = legacy(name, reading);
        let blank = FileRow { legacy, is_legacy, ..FileRow::blank(group, name) };
        match reading {
            Reading::Read(file) => read(&blank, file, of, &mut rows),
            Reading::Unread(unread) => rows.push(FileRow { raw: Err(unread), main: true, ..blank }),
        }
    }
    devices(group, of, &mut rows);
    rows.sort_by_cached_key(|row| {
        let name = row.name();
        // The first that fits and is the longest that does.
        let rank = ORDER.iter().enumerate().filter(|(_, start)| name.starts_with(**start));
        rank.max_by_key(|(_, start)| start.len()).map_or(ORDER.len(), |(at, _)| at)
    });
    rows
}

/// The names in version 1, and whether it is they that were read.
fn legacy(name: &str, reading: &Reading<GroupFile>) -> (Vec<String>, bool) {
    if let Some(file) = reading.read().filter(|file| !file.v1.is_empty()) {
        return (file.v1.iter().map(|one| one.name.clone()).collect(), true);
    }
    let names = files::known(name).map_or_else(Vec::new, |(known, size)| {
        known.legacy.iter().map(|(_, old)| old.replacen("SIZE", size.unwrap_or_default(), 1)).collect()
    });
    (names, false)
}

/// The one file of version 1 that a number comes from, where each has its own.
fn legacy_of(name: &str, field: &str, all: &[String]) -> Vec<String> {
    let own = match (name, field) {
        ("memory.events", "max") => "memory.failcnt",
        ("memory.events", "oom_kill" | "under_oom") => "memory.oom_control",
        // It doesn't count these.
        ("memory.events", _) => return Vec::new(),
        ("cpu.stat", "usage_usec") => "cpuacct.usage",
        ("cpu.stat", "user_usec") => "cpuacct.usage_user",
        ("cpu.stat", "system_usec") => "cpuacct.usage_sys",
        ("cpu.stat", _) => "cpu.stat",
        ("io.stat", _) if field.ends_with("bytes") => "blkio.throttle.io_service_bytes",
        ("io.stat", _) => "blkio.throttle.io_serviced",
        _ => return all.to_vec(),
    };
    all.iter().filter(|one| *one == own).cloned().collect()
}

fn read<'a>(blank: &FileRow<'a>, file: &'a GroupFile, of: &'a Group, rows: &mut Vec<FileRow<'a>>) {
    let name = blank.file;
    let kind = name.rsplit('.').next().unwrap_or_default();
    if name == "cgroup.procs" {
        // The members are in the tree.
        return;
    }
    if kind == "pressure" {
        return rows.extend(file.value.lines().filter_map(|line| pressure(blank, line)));
    }
    if matches!(kind, "stat" | "events") {
        let shown = |field: &&String| name != "memory.stat" || STAT.contains(&field.as_str());
        let fields = file.fields.keys().filter(shown).take(MOST);
        let quota = text(of, "cpu.max").and_then(quota);
        rows.extend(fields.map(|field| {
            let (unit, about) = counted(name, field);
            let limit = quota.filter(|_| field == "usage_usec").map(|quota| ("cpu.max", quota));
            let (raw, number) = (Ok(text_of(&file.value, field)), file.fields.get(field).copied());
            let legacy = legacy_of(name, field, &blank.legacy);
            let row = FileRow { field: Some(field), raw, number, unit, about, limit, legacy, ..blank.clone() };
            FileRow { main: is_main(&row, of), ..row }
        }));
        return;
    }
    // Of these every line is about another device or resource.
    let keyed = ["io.", "rdma.", "misc."].iter().any(|start| name.starts_with(start));
    let lines = if file.value.is_empty() { vec![""] } else { file.value.lines().take(MOST).collect() };
    for line in lines {
        let (field, line) = match line.split_once(' ') {
            Some((field, rest)) if keyed => (Some(field), rest),
            _ => (None, line),
        };
        let number = line.parse().ok();
        let is_bytes = (name.starts_with("memory.") && name != "memory.oom.group") || name.starts_with("hugetlb.");
        let unit = match number {
            Some(_) if is_bytes => Unit::Bytes,
            Some(_) if name == "cpu.max.burst" => Unit::Micros,
            _ => Unit::None,
        };
        let about = match kind {
            "current" => About::Usage,
            "peak" | "effective" | "controllers" | "capacity" | "type" => About::State,
            _ => About::Setting,
        };
        let row = FileRow { field, raw: Ok(line), number, unit, about, limit: limit(name, of), ..blank.clone() };
        rows.push(FileRow { main: is_main(&row, of), ..row });
    }
}

/// The devices that may be used: a line each, as `devices.list` of version 1 has them.
fn devices<'a>(group: &'a str, of: &'a Group, rows: &mut Vec<FileRow<'a>>) {
    let Some(Reading::Read(list)) = &of.devices else { return };
    let is_legacy = of.at.get("devices").is_some_and(|at| at.version == 1);
    for entry in list.iter().take(MOST) {
        let (device, rights) = entry.rsplit_once(' ').unwrap_or((entry, ""));
        rows.push(FileRow {
            field: Some(device),
            raw: Ok(rights),
            about: About::Setting,
            legacy: vec!["devices.list".to_owned()],
            is_legacy,
            main: entry != "a *:* rwm",
            ..FileRow::blank(group, "devices")
        });
    }
}

/// What one of the numbers of a file counts, and what it is about.
fn counted(name: &str, field: &str) -> (Unit, About) {
    match (name, field) {
        (_, "populated" | "frozen" | "under_oom") | ("cgroup.stat", _) => (Unit::Count, About::State),
        ("cpu.stat", "nr_throttled") => (Unit::Count, About::Events),
        ("memory.stat", _) if !field.starts_with("pg") => (Unit::Bytes, About::Usage),
        ("io.stat", _) if field.ends_with("bytes") => (Unit::Bytes, About::Total),
        _ if name.ends_with(".events") => (Unit::Count, About::Events),
        _ if field.ends_with("_usec") => (Unit::Micros, About::Total),
        _ => (Unit::Count, About::Total),
    }
}

/// The figures of a number, as the file has them: what follows its name.
fn text_of<'a>(value: &'a str, field: &str) -> &'a str {
    let found = value.lines().find_map(|line| {
        if let Some(rest) = line.strip_prefix(field).and_then(|rest| rest.strip_prefix(' ')) {
            return Some(rest.trim());
        }
        let (key, rest) = line.split_once(' ')?;
        let inner = field.strip_prefix(key)?.strip_prefix('.')?;
        rest.split_ascii_whitespace().find_map(|word| word.strip_prefix(inner)?.strip_prefix('='))
    });
    found.unwrap_or_default()
}

/// A line of a pressure file: `some avg10=0.12 avg60=0.00 avg300=0.00 total=1234`, psi.rst.
fn pressure<'a>(blank: &FileRow<'a>, line: &'a str) -> Option<FileRow<'a>> {
    let (who, rest) = line.split_once(' ')?;
    let average = rest.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
    let (whole, part) = average.split_once('.')?;
    let number = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part.parse::<u64>().ok()?)?;
    Some(FileRow {
        field: Some(who),
        // The rest of the line is in the file, and in what Enter opens.
        raw: Ok(&rest[..rest.find(' ').unwrap_or(rest.len())]),
        number: Some(number),
        unit: Unit::Stalled,
        about: About::Pressure,
        main: number > 0,
        ..blank.clone()
    })
}

fn text<'a>(of: &'a Group, name: &str) -> Option<&'a str> {
    of.files.get(name)?.read().map(|file| file.value.as_str())
}

/// The limit that a file with the usage is held against.
fn limit<'a>(name: &str, of: &'a Group) -> Option<(&'a str, u64)> {
    let other = format!("{}.max", name.strip_suffix(".current")?);
    let (other, file) = of.files.get_key_value(&other)?;
    Some((other, file.read()?.number?))
}

/// Whether a row is worth a look before the others: what is set, what is in use of what
/// can be limited, what has happened.
fn is_main(row: &FileRow<'_>, of: &Group) -> bool {
    let set = |name: &str| text(of, name).is_some_and(|value| !value.starts_with("max"));
    let some = row.number.is_some_and(|number| number > 0);
    let raw = row.raw.unwrap_or_default();
    match (row.about, row.file, row.field) {
        (About::Setting, "memory.max" | "cpu.max" | "pids.max", _)
        | (About::Usage, "memory.current" | "pids.current", _)
        | (About::Total, "cpu.stat", Some("usage_usec")) => true,
        (About::Setting, "cgroup.subtree_control" | "cpuset.mems", _) | (About::Usage, "memory.stat", _) => false,
        (About::Setting, "cgroup.max.depth" | "cgroup.max.descendants", _) => raw != "max",
        (About::Setting, _, _) => !matches!(raw, "" | "0" | "max" | "100" | "default 100" | "member"),
        (About::Events, "memory.events", Some("oom_kill")) => some || set("memory.max"),
        (About::Events, "pids.events", Some("max")) => some || set("pids.max"),
        (About::Events, "cpu.stat", _) => some || set("cpu.max"),
        (About::Events, _, field) => some && !field.is_some_and(|field| field.starts_with("oom_group")),
        (About::Usage, ..) | (About::Total, "cpu.stat", Some("throttled_usec")) => some,
        (About::Total, "io.stat", Some(field)) => some && field.ends_with("bytes"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_the_units_that_people_use() {
        use Lang::{En, Fr};
        assert_eq!(quantity(33_554_432, Unit::Bytes, En), "32.0 MiB");
        assert_eq!(quantity(30_146_560, Unit::Bytes, Fr), "28,7 Mio");
        assert_eq!(quantity(512, Unit::Bytes, En), "512 B");
        assert_eq!(quantity(u64::MAX, Unit::Bytes, En), "16777215.9 TiB");
        assert_eq!(quantity(999, Unit::Micros, En), "999 µs");
        assert_eq!(quantity(12_340, Unit::Micros, Fr), "12,3 ms");
        assert_eq!(quantity(1_230_000, Unit::Micros, En), "1.23 s");
        assert_eq!(quantity(125_000_000, Unit::Micros, En), "2 min 05 s");
        assert_eq!(quantity(1_234, Unit::Stalled, En), "12.34 %");
        assert_eq!(share(200, En), "20 % CPU");
        assert_eq!(share(0, En), "0 % CPU");
        assert_eq!(share(5, Fr), "0,5 % CPU");
        assert_eq!(share(1500, En), "1.50 CPUs");
    }

    #[test]
    fn a_quota_is_a_part_of_a_cpu() {
        assert_eq!(quota("20000 100000"), Some(200));
        assert_eq!(quota("max 100000"), None);
        assert_eq!(quota("20000 0"), None);
        assert_eq!(quota(""), None);
    }

    #[test]
    fn the_figures_of_a_field_are_those_of_the_file() {
        assert_eq!(text_of("usage_usec 12\nnr_throttled 3", "nr_throttled"), "3");
        assert_eq!(text_of("8:0 rbytes=1 wbytes=2\n8:16 rbytes=3", "8:16.rbytes"), "3");
        assert_eq!(text_of("", "x"), "");
    }
}
