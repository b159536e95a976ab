//! From six registers to arguments that a person can read: `openat(AT_FDCWD,
//! "/etc/passwd", O_RDONLY|O_CLOEXEC)`. Reads the tracee's memory while it stands.
//! What is cut says so; what can't be read is shown as the address that it is.

use nix::sys::signal::Signal;

use super::table::{Kind, arguments, in_words};
use crate::kernel::ptrace::memory;
use crate::kernel::quoted;

/// The most bytes of a path or name that are shown.
const LONGEST_PATH: usize = 200;
/// The most bytes of data that are shown.
const LONGEST_DATA: usize = 48;
/// The most texts of a list that are shown.
const MOST_TEXTS: usize = 12;

/// A call at its entry, as far as it can be told then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The arguments; those that the kernel fills in are not known yet.
    pub args: Vec<String>,
    /// What the exit will tell: the place in `args`, its kind, the address.
    later: Vec<(usize, Kind, u64)>,
}

/// The name of a system call; `syscall_N` where the table has none.
pub fn name(number: u64) -> String {
    let known = usize::try_from(number).ok().and_then(syscalls::Sysno::new);
    known.map_or_else(|| format!("syscall_{number}"), |known| known.name().to_owned())
}

/// Reads a call at its entry. `number` is nothing for a call of another table.
pub fn entry(pid: u32, number: Option<u64>, registers: &[u64; 6]) -> Entry {
    let Some(number) = number else {
        return Entry { name: "syscall_32_bit".to_owned(), args: vec!["…".to_owned()], later: Vec::new() };
    };
    let name = name(number);
    let Some(kinds) = arguments(&name) else {
        return Entry { name, args: vec!["…".to_owned()], later: Vec::new() };
    };
    let mut later = Vec::new();
    let mut args = Vec::with_capacity(kinds.len());
    for (place, (kind, value)) in kinds.iter().zip(registers).enumerate() {
        let next = registers.get(place + 1).copied().unwrap_or(0);
        if matches!(kind, Kind::Output | Kind::Pair) && *value != 0 {
            later.push((place, *kind, *value));
        }
        args.push(argument(pid, *kind, *value, next));
    }
    // The mode counts only for what is made.
    if matches!(name.as_str(), "open" | "openat") && args.len() > 2 {
        let flags = &args[args.len() - 2];
        if !flags.contains("O_CREAT") && !flags.contains("O_TMPFILE") {
            args.pop();
        }
    }
    // These two take no more, whatever the register holds.
    if name == "fcntl" && matches!(args.get(1).map(String::as_str), Some("F_GETFD" | "F_GETFL")) {
        args.truncate(2);
    }
    Entry { name, args, later }
}

impl Entry {
    /// The program that an execve(2) asks for, without its path.
    pub fn program(&self) -> Option<String> {
        let path = self.args.iter().find(|arg| arg.starts_with('"'))?;
        Some(path.trim_end_matches('…').trim_matches('"').rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// Fills in at the exit what the kernel gave.
    pub fn finish(&mut self, pid: u32, returned: i64) {
        for (place, kind, address) in std::mem::take(&mut self.later) {
            let Some(shown) = self.args.get_mut(place) else { continue };
            match kind {
                Kind::Pair => {
                    let bytes = memory(pid, address, 8);
                    if let Ok([a, b, c, d, e, f, g, h]) = <[u8; 8]>::try_from(bytes) {
                        let (one, two) = (i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h]));
                        *shown = format!("[{one}, {two}]");
                    }
                }
                _ => *shown = data(pid, address, u64::try_from(returned).unwrap_or(0)),
            }
        }
    }
}

fn argument(pid: u32, kind: Kind, value: u64, next: u64) -> String {
    let signed = value as i64;
    match kind {
        // An int is 32 bits; the rest of the register is not the kernel's to read.
        Kind::Number if i64::from(value as i32) == signed || value >> 32 == 0 => (value as i32).to_string(),
        Kind::Number => signed.to_string(),
        Kind::Count => value.to_string(),
        Kind::Directory if value as i32 == libc::AT_FDCWD => "AT_FDCWD".to_owned(),
        Kind::Directory => (value as i32).to_string(),
        _ if value == 0 && kind.is_address() => "NULL".to_owned(),
        Kind::Path => text(pid, value),
        Kind::Name | Kind::Input => data(pid, value, next),
        Kind::Bits if value == 0 => "0".to_owned(),
        // Output and Pair: an address until the exit.
        Kind::Output | Kind::Pair | Kind::Address | Kind::Bits => format!("{value:#x}"),
        Kind::Texts => texts(pid, value),
        Kind::Many => match pointers(pid, value) {
            (list, true) => format!("[{}]", list.len()),
            (list, false) => format!("[{}…]", list.len()),
        },
        Kind::Octal => format!("0{value:o}"),
        Kind::Structure => "{…}".to_owned(),
        Kind::Signal => {
            Signal::try_from(value as i32).map_or_else(|_| value.to_string(), |signal| signal.as_str().to_owned())
        }
        Kind::Time => {
            let bytes = memory(pid, value, 16);
            match bytes.split_at_checked(8) {
                Some((seconds, nanoseconds)) if nanoseconds.len() == 8 => {
                    let number = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().unwrap_or_default());
                    format!("{} s {} ns", number(seconds), number(nanoseconds))
                }
                _ => format!("{value:#x}"),
            }
        }
        Kind::Flags(names) => in_words(names, value & 0xffff_ffff),
    }
}

impl Kind {
    /// Whether 0 means that there is none.
    fn is_address(self) -> bool {
        matches!(
            self,
            Self::Path
                | Self::Name
                | Self::Input
                | Self::Output
                | Self::Pair
                | Self::Texts
                | Self::Many
                | Self::Address
                | Self::Structure
                | Self::Time
        )
    }
}

/// A text that ends with a zero byte.
fn text(pid: u32, address: u64) -> String {
    let bytes = memory(pid, address, LONGEST_PATH + 1);
    if bytes.is_empty() {
        return format!("{address:#x}");
    }
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => shown(&bytes[..end]),
        None => format!("{}…", shown(&bytes[..LONGEST_PATH.min(bytes.len())])),
    }
}

fn data(pid: u32, address: u64, length: u64) -> String {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let bytes = memory(pid, address, length.min(LONGEST_DATA));
    if bytes.is_empty() && length > 0 {
        return format!("{address:#x}");
    }
    format!("{}{}", shown(&bytes), if length > bytes.len() { "…" } else { "" })
}

fn shown(bytes: &[u8]) -> String {
    quoted(String::from_utf8_lossy(bytes).as_ref())
}

fn texts(pid: u32, address: u64) -> String {
    let (pointers, whole) = pointers(pid, address);
    let mut list: Vec<String> = pointers.iter().take(MOST_TEXTS).map(|pointer| text(pid, *pointer)).collect();
    if !whole || pointers.len() > MOST_TEXTS {
        list.push("…".to_owned());
    }
    format!("[{}]", list.join(", "))
}

/// The addresses of a list that ends with NULL, and whether that was reached.
fn pointers(pid: u32, address: u64) -> (Vec<u64>, bool) {
    let bytes = memory(pid, address, 8 * 256);
    let mut list = Vec::new();
    for word in bytes.chunks_exact(8) {
        match u64::from_ne_bytes(word.try_into().unwrap_or_default()) {
            0 => return (list, true),
            pointer => list.push(pointer),
        }
    }
    (list, false)
}

#[cfg(test)]
mod tests {
    use super::super::table::Names;
    use super::*;

    #[test]
    fn flags_are_told_in_words_and_what_has_no_name_as_it_is() {
        let open = |flags: i32| in_words(Names::Open, flags as u64);
        assert_eq!(open(libc::O_RDONLY | libc::O_CLOEXEC), "O_RDONLY|O_CLOEXEC");
        assert_eq!(open(libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(open(libc::O_RDONLY | libc::O_DIRECTORY), "O_RDONLY|O_DIRECTORY");
        assert_eq!(in_words(Names::Access, 0), "F_OK");
        assert_eq!(in_words(Names::Whence, 77), "0x4d");
        assert_eq!(in_words(Names::Clone, libc::CLONE_NEWUTS as u64), "CLONE_NEWUTS");
        assert_eq!(in_words(Names::Clone, (libc::CLONE_VM | libc::SIGCHLD) as u64), "SIGCHLD|CLONE_VM");
        assert_eq!(in_words(Names::Prctl, libc::PR_SET_NO_NEW_PRIVS as u64), "PR_SET_NO_NEW_PRIVS");
        assert_eq!(in_words(Names::At, 0), "0");
        assert_eq!(in_words(Names::Mount, 1 << 31), "0x80000000");
    }

    #[test]
    fn the_memory_of_a_process_is_read_up_to_its_end_and_no_further() {
        let me = std::process::id();
        let path = c"/etc/\x07passwd";
        assert_eq!(text(me, path.as_ptr() as u64), r#""/etc/\u{7}passwd""#);
        assert_eq!(text(me, 8), "0x8");
        assert_eq!(data(me, path.as_ptr() as u64, 5), r#""/etc/""#);
        let long = vec![b'a'; 1000];
        assert!(data(me, long.as_ptr() as u64, 1000).ends_with("a\"…"));
        let list = [path.as_ptr() as u64, 0];
        assert_eq!(texts(me, list.as_ptr() as u64), r#"["/etc/\u{7}passwd"]"#);
    }

    #[test]
    fn nothing_is_null_where_an_address_is_due_and_zero_elsewhere() {
        let zeros = [0; 6];
        let shown = |number: libc::c_long| entry(1, Some(number as u64), &zeros).args.join(", ");
        assert_eq!(shown(libc::SYS_mmap), "NULL, 0, PROT_NONE, 0, 0, 0");
        assert_eq!(shown(libc::SYS_fcntl), "0, F_DUPFD, 0");
        assert_eq!(shown(libc::SYS_openat), "0, NULL, O_RDONLY");
        assert_eq!(entry(1, None, &zeros).args, ["…"]);
    }

    #[test]
    fn numbers_have_the_names_of_the_manual() {
        assert_eq!(name(libc::SYS_openat as u64), "openat");
        assert_eq!(name(libc::SYS_execve as u64), "execve");
        assert_eq!(name(99_999), "syscall_99999");
    }
}
