//! A group of its own from systemd: a transient scope with `Delegate=yes`, asked for
//! over the bus (org.freedesktop.systemd1(5), D-Bus specification). By the threaded
//! program, for its keeper or itself, where systemd runs; never by the keeper. Written
//! by hand, since of all D-Bus it needs two calls and one signal.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::kernel::cgroup::{Mode, Trees, groups};
use crate::kernel::{Errno, attribute, read};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest message that is taken.
const MOST_BYTES: usize = 1 << 20;
/// What a scope's name starts with.
const PREFIX: &str = "cloison-";

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// What went wrong, and with what.
pub type Failed = (Errno, String);

/// Moves a process into a scope of its own, unless it is in a delegated group already,
/// or no systemd runs here (sd_booted(3)); waits until it is there. What is not had
/// this way may be had without: an error is an account, no end.
pub fn enter(pid: u32, name: &str) -> Result<(), Failed> {
    let trees = Trees::read()?;
    let booted = Path::new("/run/systemd/system").is_dir();
    let Some(unified) = trees.unified().filter(|_| booted && trees.mode() == Mode::V2) else { return Ok(()) };
    let scope = format!("{PREFIX}{name}.scope");
    let here = group_of(pid);
    // Asked for once: the process may have gone on to a group below it.
    let entered = here.as_deref().is_some_and(|path| is_within(path, &scope));
    if entered || here.and_then(|path| unified.group(&path)).is_some_and(|group| is_delegated(&group)) {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    let mut bus = Bus::connect(deadline)?;
    bus.call(BUS, BUS_PATH, BUS, "Hello", "", &[])?;
    let rule = format!("type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'");
    bus.call(BUS, BUS_PATH, BUS, "AddMatch", "s", &Body::new().text(&rule).0)?;
    bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe", "", &[])?;
    let answer =
        bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", &unit(&scope, pid))?;
    let job = Reader::new(&answer).text().ok_or_else(|| bad("StartTransientUnit"))?;
    bus.removed(&job, &scope)?;
    // What systemd says is done is only so once the kernel says it.
    while !is_in(pid, &scope) {
        if Instant::now() >= deadline {
            return Err((Errno(libc::ETIMEDOUT), scope));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether systemd has given a group away: it says so by an attribute, for the
/// unprivileged since version 251 (systemd.resource-control(5), `Delegate=`).
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"]
        .iter()
        .any(|name| attribute::get(group, name).is_ok_and(|value| value == b"1"))
}

/// The path of a process's group of version 2.
fn group_of(pid: u32) -> Option<String> {
    groups(&std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?).remove("")
}

/// Whether a group is a unit's, or one below.
fn is_within(path: &str, unit: &str) -> bool {
    path.split('/').any(|name| name == unit)
}

fn is_in(pid: u32, scope: &str) -> bool {
    group_of(pid).is_some_and(|path| path.ends_with(&format!("/{scope}")))
}

fn bad(what: &str) -> Failed {
    (Errno(libc::EPROTO), format!("D-Bus {what}"))
}

/// The arguments of StartTransientUnit: name, mode, properties, no other units.
fn unit(scope: &str, pid: u32) -> Vec<u8> {
    let mut body = Body::new().text(scope).text("fail");
    let properties = body.open(8);
    body = body.align(8).text("Description").signature("s").text("cloison");
    body = body.align(8).text("Delegate").signature("b").number(1);
    body = body.align(8).text("PIDs").signature("au").number(4).number(pid);
    // It goes when nobody is in it, even if it failed.
    body = body.align(8).text("CollectMode").signature("s").text("inactive-or-failed");
    body.close(properties);
    let units = body.open(8);
    body.close(units);
    body.0
}

// ---- the wire ----

/// Values one after the other, little end first, each aligned to its size.
struct Body(Vec<u8>);

/// A list that is being written: where its length stands, and where it starts.
struct Open(usize, usize);

impl Body {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn align(mut self, to: usize) -> Self {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
        self
    }

    fn number(mut self, number: u32) -> Self {
        self = self.align(4);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.number(text.len() as u32);
        self.0.extend(text.as_bytes());
        self.0.push(0);
        self
    }

    fn signature(mut self, text: &str) -> Self {
        self.0.push(text.len() as u8);
        self.0.extend(text.as_bytes());
        self.0.push(0);
        self
    }

    /// Starts a list of what is aligned so.
    fn open(&mut self, to: usize) -> Open {
        let body = std::mem::replace(self, Self::new()).number(0);
        let length = body.0.len() - 4;
        *self = body.align(to);
        Open(length, self.0.len())
    }

    fn close(&mut self, Open(length, start): Open) {
        let bytes = (self.0.len() - start) as u32;
        self.0[length..length + 4].copy_from_slice(&bytes.to_le_bytes());
    }
}

/// Reads values one after the other; nothing where there is none.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.align(4);
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text, or the path of an object.
    fn text(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        let text = String::from_utf8(self.take(length)?.to_vec()).ok()?;
        self.take(1)?;
        Some(text)
    }

    fn signature(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        let text = self.take(usize::from(length))?;
        self.take(1)?;
        Some(text)
    }
}

/// A message that came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    /// 2 an answer, 3 an error, 4 a signal.
    kind: u8,
    member: String,
    error: String,
    answers: Option<u32>,
    body: Vec<u8>,
}

/// A call, whole: header and body. `number` names it for its answer.
fn call(number: u32, to: [&str; 4], signature: &str, body: &[u8]) -> Vec<u8> {
    let [destination, path, interface, member] = to;
    // Little end, a call, no flags, version 1.
    let mut head = Body(vec![b'l', 1, 0, 1]).number(body.len() as u32).number(number);
    let fields = head.open(8);
    for (code, kind, text) in [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)] {
        head = head.align(8);
        head.0.push(code);
        head = head.signature(kind).text(text);
    }
    if !signature.is_empty() {
        head = head.align(8);
        head.0.push(8);
        head = head.signature("g").signature(signature);
    }
    head.close(fields);
    head = head.align(8);
    head.0.extend(body);
    head.0
}

/// Takes the first message off `bytes`, once it is whole; EPROTO for what is none.
fn next(bytes: &mut Vec<u8>) -> Result<Option<Message>, Failed> {
    const HEAD: usize = 16;
    let number = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_le_bytes).map(|number| number as usize)
    };
    let (Some(body), Some(fields)) = (number(4), number(12)) else { return Ok(None) };
    if bytes[0] != b'l' || body > MOST_BYTES || fields > MOST_BYTES {
        return Err(bad("message"));
    }
    let start = (HEAD + fields).next_multiple_of(8);
    let Some(whole) = bytes.get(..start + body) else { return Ok(None) };
    let mut message = Message { kind: whole[1], body: whole[start..].to_vec(), ..Message::default() };
    let mut reader = Reader { bytes: &whole[..HEAD + fields], at: HEAD };
    while reader.at < HEAD + fields {
        reader.align(8);
        let Some(&[code]) = reader.take(1) else { break };
        let read = match (code, reader.signature().ok_or_else(|| bad("header"))?) {
            (5, b"u") => reader.number().map(|answers| message.answers = Some(answers)),
            (code, b"s" | b"o") => reader.text().map(|text| match code {
                3 => message.member = text,
                4 => message.error = text,
                _ => {}
            }),
            (_, b"g") => reader.signature().map(drop),
            (_, b"u") => reader.number().map(drop),
            _ => None,
        };
        read.ok_or_else(|| bad("header"))?;
    }
    bytes.drain(..start + body);
    Ok(Some(message))
}

/// A connection to a bus.
struct Bus {
    stream: UnixStream,
    deadline: Instant,
    next: u32,
    bytes: Vec<u8>,
    /// What came while something else was awaited.
    signals: Vec<Message>,
}

impl Bus {
    /// The user's bus, root's the system's; EXTERNAL: the kernel says who we are.
    fn connect(deadline: Instant) -> Result<Self, Failed> {
        let uid = read::ids().0;
        let path = socket(uid, |name| std::env::var(name).ok());
        let failed = |error: &std::io::Error| (Errno::from(error), path.display().to_string());
        let stream = UnixStream::connect(&path).map_err(|error| failed(&error))?;
        let mut bus = Self { stream, deadline, next: 1, bytes: Vec::new(), signals: Vec::new() };
        // The uid's digits in hexadecimal: ASCII has them at 0x30.
        let hex: String = uid.to_string().chars().flat_map(|digit| ['3', digit]).collect();
        bus.send(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes())?;
        while !bus.bytes.ends_with(b"\r\n") {
            bus.fill()?;
        }
        if !bus.bytes.starts_with(b"OK ") {
            return Err((Errno(libc::EACCES), path.display().to_string()));
        }
        bus.bytes.clear();
        bus.send(b"BEGIN\r\n")?;
        Ok(bus)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.hurry(|stream| stream.write_all(bytes))
    }

    fn fill(&mut self) -> Result<(), Failed> {
        let mut buffer = [0; 4096];
        let count = self.hurry(|stream| stream.read(&mut buffer))?;
        if count == 0 {
            return Err((Errno(libc::ECONNRESET), "D-Bus".to_owned()));
        }
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(())
    }

    /// Reads or writes, not beyond the deadline.
    fn hurry<T>(&mut self, work: impl FnOnce(&mut UnixStream) -> std::io::Result<T>) -> Result<T, Failed> {
        let timed_out = || (Errno(libc::ETIMEDOUT), "D-Bus".to_owned());
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out());
        }
        let set = self.stream.set_read_timeout(Some(left)).and_then(|()| self.stream.set_write_timeout(Some(left)));
        set.and_then(|()| work(&mut self.stream)).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => timed_out(),
            _ => (Errno::from(&error), "D-Bus".to_owned()),
        })
    }

    fn message(&mut self) -> Result<Message, Failed> {
        loop {
            if let Some(message) = next(&mut self.bytes)? {
                return Ok(message);
            }
            self.fill()?;
        }
    }

    /// Calls a method and gives the body of its answer.
    fn call(
        &mut self,
        destination: &str,
        path: &str,
        interface: &str,
        member: &str,
        signature: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Failed> {
        let number = self.next;
        self.next += 1;
        self.send(&call(number, [destination, path, interface, member], signature, body))?;
        loop {
            let message = self.message()?;
            match message.kind {
                2 if message.answers == Some(number) => return Ok(message.body),
                3 if message.answers == Some(number) => {
                    let words = Reader::new(&message.body).text().unwrap_or_default();
                    let denied = message.error.ends_with("AccessDenied") || message.error.contains("Authorization");
                    let errno = Errno(if denied { libc::EACCES } else { libc::EPROTO });
                    return Err((errno, format!("{member}: {} ({words})", message.error)));
                }
                4 => self.signals.push(message),
                _ => {}
            }
        }
    }

    /// Waits until a job is done: JobRemoved(u id, o job, s unit, s result).
    fn removed(&mut self, job: &str, scope: &str) -> Result<(), Failed> {
        loop {
            let message = match self.signals.pop() {
                Some(message) => message,
                None => self.message()?,
            };
            if message.kind != 4 || message.member != "JobRemoved" {
                continue;
            }
            let mut reader = Reader::new(&message.body);
            let (_, other, _, result) = (reader.number(), reader.text(), reader.text(), reader.text());
            match (other.as_deref() == Some(job), result.as_deref()) {
                (false, _) => {}
                (true, Some("done")) => return Ok(()),
                (true, result) => {
                    let result = result.unwrap_or_default();
                    return Err((Errno(libc::ECANCELED), format!("{scope}: {result}")));
                }
            }
        }
    }
}

/// Where the bus is: the system's for root, else what the environment names, else where
/// systemd puts the user's.
fn socket(uid: u32, env: impl Fn(&str) -> Option<String>) -> PathBuf {
    if uid == 0 {
        return PathBuf::from("/run/dbus/system_bus_socket");
    }
    let named = env("DBUS_SESSION_BUS_ADDRESS").and_then(|all| {
        let one = all.split(';').find_map(|one| one.strip_prefix("unix:").map(str::to_owned))?;
        one.split(',').find_map(|pair| pair.strip_prefix("path=").map(PathBuf::from))
    });
    named.unwrap_or_else(|| {
        let runtime = env("XDG_RUNTIME_DIR").filter(|path| path.starts_with('/'));
        PathBuf::from(runtime.unwrap_or_else(|| format!("/run/user/{uid}"))).join("bus")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_is_where_the_environment_says_or_where_systemd_puts_it() {
        let none = |_: &str| None;
        assert_eq!(socket(1000, none), Path::new("/run/user/1000/bus"));
        assert_eq!(socket(0, none), Path::new("/run/dbus/system_bus_socket"));
        let named = |name: &str| {
            (name == "DBUS_SESSION_BUS_ADDRESS").then(|| "tcp:host=x;unix:path=/tmp/bus,guid=ab".to_owned())
        };
        assert_eq!(socket(1000, named), Path::new("/tmp/bus"));
        let runtime = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/mine".to_owned());
        assert_eq!(socket(1000, runtime), Path::new("/run/mine/bus"));
    }

    #[test]
    fn a_call_is_written_as_the_specification_has_it() {
        // Hello, as libdbus writes it, but for the order of the fields, which is free.
        let bytes = call(1, [BUS, BUS_PATH, BUS, "Hello"], "", &[]);
        assert_eq!(bytes[..16], [b'l', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 109, 0, 0, 0]);
        assert_eq!(bytes.len() % 8, 0);
        assert_eq!(bytes[16..24], [1, 1, b'o', 0, 21, 0, 0, 0]);
        assert_eq!(&bytes[24..46], b"/org/freedesktop/DBus\0");
    }

    #[test]
    fn messages_are_taken_off_the_wire_one_by_one_and_nonsense_is_an_error() {
        let body = Body::new().text("answer").0;
        let mut bytes = call(7, ["a.b", "/a", "a.b", "Member"], "s", &body);
        bytes[1] = 4;
        let whole = bytes.clone();
        bytes.extend(&whole[..20]);
        let first = next(&mut bytes).unwrap().unwrap();
        assert_eq!((first.kind, first.member.as_str()), (4, "Member"));
        assert_eq!(Reader::new(&first.body).text().as_deref(), Some("answer"));
        assert_eq!(next(&mut bytes), Ok(None));
        assert_eq!(bytes, whole[..20]);
        assert!(next(&mut vec![b'B'; 64]).is_err());
        assert!(next(&mut [whole[..12].to_vec(), vec![255; 40]].concat()).is_err());
        for cut in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[cut] ^= 0xff;
            let _ = next(&mut wrong);
        }
    }

    #[test]
    fn a_scope_is_known_again_in_the_groups_below_it() {
        let own = "/user.slice/user-1000.slice/user@1000.service/app.slice/cloison-1-2.scope";
        assert!(is_within(own, "cloison-1-2.scope") && is_within(&format!("{own}/program"), "cloison-1-2.scope"));
        assert!(!is_within(own, "cloison-1.scope") && !is_within("/", "cloison-1-2.scope"));
    }

    #[test]
    fn a_unit_is_asked_for_with_its_processes_and_delegation() {
        let body = unit("cloison-x.scope", 77);
        let mut reader = Reader::new(&body);
        assert_eq!(reader.text().as_deref(), Some("cloison-x.scope"));
        assert_eq!(reader.text().as_deref(), Some("fail"));
        let length = reader.number().unwrap() as usize;
        reader.align(8);
        let start = reader.at;
        let mut found = Vec::new();
        while reader.at < start + length {
            reader.align(8);
            let name = reader.text().unwrap();
            let value = match reader.signature().unwrap() {
                b"s" => reader.text().unwrap(),
                b"b" => reader.number().unwrap().to_string(),
                b"au" => format!("{} {}", reader.number().unwrap(), reader.number().unwrap()),
                other => panic!("{other:?}"),
            };
            found.push(format!("{name}={value}"));
        }
        let expected = ["Description=cloison", "Delegate=1", "PIDs=4 77", "CollectMode=inactive-or-failed"];
        assert_eq!(found, expected);
        assert_eq!(reader.number(), Some(0), "no other units");
    }
}
