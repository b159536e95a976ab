//! The kernel's text formats, from bytes: pure functions over what was read. Used
//! by the readers of this part. They never panic, whatever the bytes: names and
//! paths hold what somebody else chose. What does not parse is left out.

use std::collections::BTreeMap;

use super::model::{IdRange, Mount, TimeOffsets};

/// What is taken from /proc/PID/status, proc_pid_status(5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// `Name`, unescaped.
    pub name: String,
    /// First letter of `State`.
    pub state: char,
    /// `PPid`.
    pub ppid: u32,
    /// Effective uid.
    pub uid: u32,
    /// Effective gid.
    pub gid: u32,
    /// `NSpid`; empty where the line is missing (before Linux 4.1).
    pub nspid: Vec<u32>,
    /// Whether it has memory of its own: kernel threads and zombies have none.
    pub memory: bool,
}

/// The lines that every process row needs, which are the first ones of the file;
/// nothing when it does not begin like one.
pub fn status(bytes: &[u8]) -> Option<Status> {
    let mut found = Status::default();
    let mut complete = false;
    for (key, value) in fields(bytes) {
        match key {
            b"Name" => found.name = text(&unescape_name(value)),
            b"State" => {
                found.state = char::from(*value.first()?);
                complete = true;
            }
            b"PPid" => found.ppid = number(value)?,
            b"Uid" => found.uid = second(value)?,
            b"Gid" => found.gid = second(value)?,
            b"NSpid" => found.nspid = words(value).filter_map(number).collect(),
            b"VmPeak" | b"VmSize" => {
                found.memory = true;
                break;
            }
            b"Threads" => break,
            _ => {}
        }
    }
    complete.then_some(found)
}

/// How many threads there are, and the last PID given: `2/417 12345` at the end of
/// /proc/loadavg, proc_loadavg(5).
pub fn counts(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut words = words(bytes.trim_ascii_end()).skip(3);
    let threads = words.next()?.split(|byte| *byte == b'/').nth(1)?;
    Some((number(threads)?, number(words.next()?)?))
}

/// What is taken from the rest of /proc/PID/status. Each is missing on its own
/// where the kernel does not write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges {
    /// `CapInh`, `CapPrm`, `CapEff`, `CapBnd`, `CapAmb`.
    pub caps: [Option<u64>; 5],
    /// `NoNewPrivs` (Linux 4.10).
    pub no_new_privs: Option<bool>,
    /// `Seccomp`: the mode.
    pub seccomp: Option<u32>,
    /// `Seccomp_filters` (Linux 5.9): how many.
    pub filters: Option<u32>,
}

/// The privileges in /proc/PID/status.
pub fn privileges(bytes: &[u8]) -> Privileges {
    let mut found = Privileges::default();
    for (key, value) in fields(bytes) {
        match key {
            b"CapInh" => found.caps[0] = hexadecimal(value),
            b"CapPrm" => found.caps[1] = hexadecimal(value),
            b"CapEff" => found.caps[2] = hexadecimal(value),
            b"CapBnd" => found.caps[3] = hexadecimal(value),
            b"CapAmb" => found.caps[4] = hexadecimal(value),
            b"NoNewPrivs" => found.no_new_privs = number(value).map(|bit| bit != 0),
            b"Seccomp" => found.seccomp = number(value),
            b"Seccomp_filters" => found.filters = number(value),
            _ => {}
        }
    }
    found
}

/// The arguments of /proc/PID/cmdline, joined by spaces; `cut` says that the file
/// went on, and is marked by an ellipsis.
pub fn command(bytes: &[u8], cut: bool) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let kept = if cut { bytes } else { bytes.get(..end).unwrap_or_default() };
    let mut joined = match std::str::from_utf8(kept) {
        Ok(valid) => valid.replace('\0', " "),
        Err(_) => String::from_utf8_lossy(kept).replace('\0', " "),
    };
    if cut {
        joined.push('…');
    }
    joined
}

/// The lines of /proc/PID/mountinfo, proc_pid_mountinfo(5).
pub fn mounts(bytes: &[u8]) -> Vec<Mount> {
    lines(bytes).filter_map(mount).collect()
}

/// One line of a mountinfo.
pub(super) fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let id = number(words.next()?)?;
    let parent = number(words.next()?)?;
    let device = text(words.next()?);
    let root = text(&unescape_octal(words.next()?));
    let target = text(&unescape_octal(words.next()?));
    let options = text(&unescape_octal(words.next()?));
    let mut propagation = Vec::new();
    for word in words.by_ref() {
        match word {
            b"-" => break,
            word => propagation.push(text(word)),
        }
    }
    let fstype = text(&unescape_octal(words.next()?));
    let source = text(&unescape_octal(words.next().unwrap_or_default()));
    Some(Mount { id, parent, device, root, target, options, propagation, fstype, source })
}

/// The options of the file system itself, the last field of a line of mountinfo,
/// escapes and all.
pub(super) fn super_options(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.split(|byte| *byte == b' ').skip_while(|word| *word != b"-");
    words.nth(3)
}

/// Whether a procfs among the mounts hides processes from some (`hidepid`, proc(5)).
pub(super) fn hides_processes(mountinfo: &[u8]) -> bool {
    let hides = |options: &[u8]| {
        let mut each = options.split(|byte| *byte == b',').filter_map(|option| option.strip_prefix(b"hidepid="));
        each.any(|level| !matches!(level, b"0" | b"off"))
    };
    let is_procfs = |line: &&[u8]| mount(line).is_some_and(|mount| mount.fstype == "proc");
    lines(mountinfo).filter(is_procfs).filter_map(super_options).any(hides)
}

/// The lines of /proc/PID/uid_map or gid_map, user_namespaces(7).
pub fn id_map(bytes: &[u8]) -> Vec<IdRange> {
    lines(bytes)
        .filter_map(|line| {
            let mut words = words(line).map(number);
            Some(IdRange { inside: words.next()??, outside: words.next()??, count: words.next()?? })
        })
        .collect()
}

/// The lines of /proc/PID/cgroup, cgroups(7): paths by controller list.
pub fn cgroup(bytes: &[u8]) -> BTreeMap<String, String> {
    lines(bytes)
        .filter_map(|line| {
            let mut parts = line.splitn(3, |byte| *byte == b':');
            let _hierarchy = parts.next()?;
            Some((text(parts.next()?), text(parts.next()?)))
        })
        .collect()
}

/// The lines of /proc/PID/timens_offsets, time_namespaces(7).
pub fn time_offsets(bytes: &[u8]) -> Option<TimeOffsets> {
    let (mut monotonic, mut boottime) = (None, None);
    for line in lines(bytes) {
        let mut words = words(line);
        let clock = match words.next()? {
            // Kernels before 5.7 wrote the clock's number.
            b"monotonic" | b"1" => &mut monotonic,
            b"boottime" | b"7" => &mut boottime,
            _ => continue,
        };
        *clock = Some((signed(words.next()?)?, signed(words.next()?)?));
    }
    Some(TimeOffsets { monotonic: monotonic?, boottime: boottime? })
}

/// The uids and names of passwd(5), ascending; the first line for a uid wins, as
/// with getpwuid(3).
pub fn passwd(bytes: &[u8]) -> Vec<(u32, String)> {
    let mut users: Vec<(u32, String)> = lines(bytes)
        .filter_map(|line| {
            let mut parts = line.split(|byte| *byte == b':');
            let name = parts.next().filter(|name| !name.is_empty() && !name.starts_with(b"#"))?;
            let _password = parts.next()?;
            Some((number(parts.next()?)?, text(name)))
        })
        .collect();
    users.sort_by_key(|(uid, _)| *uid);
    users.dedup_by_key(|(uid, _)| *uid);
    users
}

/// The inode in the target of a link below /proc/PID/ns: `uts:[4026531838]`.
pub fn namespace(link: &[u8]) -> Option<u64> {
    let open = link.iter().position(|byte| *byte == b'[')?;
    let inode = link.get(open + 1..)?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

/// The NSpid line alone; empty where there is none.
pub fn nspid(bytes: &[u8]) -> Vec<u32> {
    fields(bytes)
        .find(|(key, _)| *key == b"NSpid")
        .map(|(_, value)| words(value).filter_map(number).collect())
        .unwrap_or_default()
}

/// Numbers between spaces.
pub fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    words(bytes).filter_map(number)
}

/// The Tgid line of /proc/PID/status: the process that the thread is of.
pub fn tgid(bytes: &[u8]) -> Option<u32> {
    fields(bytes).find(|(key, _)| *key == b"Tgid").and_then(|(_, value)| number(value))
}

/// A field of /proc/PID/stat, numbered as in proc_pid_stat(5), from 3 on: the name
/// before it may hold anything.
pub fn stat_field(bytes: &[u8], field: usize) -> Option<&str> {
    let after = bytes.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(bytes.get(after..)?).ok()?;
    text.split_ascii_whitespace().nth(field.checked_sub(3)?)
}

/// Bytes as text: what is not UTF-8 becomes U+FFFD, control characters stay.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines that are not empty.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// `Key:\tvalue` lines, the value trimmed at its start only.
fn fields(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(bytes).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (key, value) = line.split_at_checked(colon)?;
        let value = value.get(1..)?;
        Some((key, value.strip_prefix(b"\t").unwrap_or(value)))
    })
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn second(value: &[u8]) -> Option<u32> {
    words(value).nth(1).and_then(number)
}

fn number(word: &[u8]) -> Option<u32> {
    let mut sum: u32 = 0;
    let word = word.trim_ascii();
    for digit in word {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    (!word.is_empty()).then_some(sum)
}

fn signed(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn hexadecimal(word: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(word.trim_ascii()).ok()?, 16).ok()
}

/// Undoes the escapes of `Name:` in /proc/PID/status: `\n` and `\\`.
fn unescape_name(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(b'n')) => plain.push(b'\n'),
            (b'\\', Some(b'\\')) => plain.push(b'\\'),
            _ => {
                plain.push(*byte);
                continue;
            }
        }
        bytes.next();
    }
    plain
}

/// Undoes the octal escapes of mountinfo: `\040`, `\011`, `\012`, `\134`, `\043`.
pub(super) fn unescape_octal(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..]) = (byte, behind) {
            plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = behind;
        } else {
            plain.push(*byte);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
