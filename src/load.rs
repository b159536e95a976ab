//! A load for control groups: what uses the CPU, memory, processes or a disk, and says
//! with what success. The program itself under another name (`cloison-load`), so that
//! lessons need nothing installed; `main` enters it. Does nothing else, and cleans up
//! after itself: its children end with it, its file is removed.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::i18n::{Explain as _, Lang};
use crate::kernel::process::{self, Side};
use crate::kernel::{Errno, Trace};
use crate::say;

/// What the program is called when it is a load.
pub const NAME: &str = "cloison-load";

/// Exit codes: done; a limit was met; wrong usage.
const DONE: u8 = 0;
const REFUSED: u8 = 1;
const USAGE: u8 = 2;

/// The size of a page: what memory is touched by.
const PAGE: usize = 4096;
/// The size of a block that is written, and what it is aligned to for O_DIRECT.
const BLOCK: usize = 64 << 10;

/// What is to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// The CPU, by so many threads.
    Cpu {
        /// How many.
        threads: u32,
        /// For so long; without end where it is none.
        seconds: Option<u32>,
    },
    /// Memory, touched page by page up to so many bytes, and kept.
    Memory {
        /// Bytes.
        bytes: usize,
        /// Kept for so long.
        seconds: Option<u32>,
    },
    /// So many child processes, which wait.
    Fork {
        /// How many.
        children: u32,
        /// They wait for so long.
        seconds: Option<u32>,
    },
    /// So many threads besides the first, which wait.
    Threads {
        /// How many.
        threads: u32,
        /// They wait for so long.
        seconds: Option<u32>,
    },
    /// A file, read past the page cache again and again.
    Read {
        /// Which.
        path: String,
        /// For so long; without end where it is none.
        seconds: Option<u32>,
    },
    /// A file, written past the page cache, block by block.
    Write {
        /// Which; it is removed in the end.
        path: String,
        /// Bytes.
        bytes: usize,
    },
}

/// Whether the program was called by that name.
pub fn is_asked(program: &std::ffi::OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == NAME)
}

/// Carries out what the arguments after the name ask for; the exit code.
pub fn run(args: &[String]) -> u8 {
    let lang = Lang::from_environment();
    let Some(load) = parse(args) else {
        let usage = usage(lang);
        let _ = write!(std::io::stderr(), "{usage}");
        return USAGE;
    };
    let done = match load {
        Load::Cpu { threads, seconds } => cpu(threads, seconds, lang),
        Load::Memory { bytes, seconds } => memory(bytes, seconds, lang),
        Load::Fork { children, seconds } => fork(children, seconds, lang),
        Load::Threads { threads: number, seconds } => threads(number, seconds, lang),
        Load::Read { path, seconds } => read(&path, seconds, lang),
        Load::Write { path, bytes } => write(&path, bytes, lang),
    };
    match done {
        Ok(()) => DONE,
        Err(words) => {
            let _ = writeln!(std::io::stderr(), "{NAME}: {words}");
            REFUSED
        }
    }
}

fn usage(lang: Lang) -> String {
    say!(
        lang,
        "{NAME} cpu [THREADS] [SECONDS]     computes without end
{NAME} memory SIZE [SECONDS]       touches SIZE bytes, page by page, and keeps them
{NAME} fork NUMBER [SECONDS]       makes NUMBER child processes, which wait
{NAME} threads NUMBER [SECONDS]    makes NUMBER more threads, which wait
{NAME} read FILE [SECONDS]         reads FILE past the page cache, again and again
{NAME} write FILE SIZE             writes SIZE bytes past the page cache, and removes FILE
SIZE: 67108864, 65536K, 64M, 1G
",
        "{NAME} cpu [FILS] [SECONDES]          calcule sans fin
{NAME} memory TAILLE [SECONDES]    touche TAILLE octets, page par page, et les garde
{NAME} fork NOMBRE [SECONDES]      crée NOMBRE processus fils, qui attendent
{NAME} threads NOMBRE [SECONDES]   crée NOMBRE fils d'exécution de plus, qui attendent
{NAME} read FICHIER [SECONDES]     relit sans cesse FICHIER sans le cache de pages
{NAME} write FICHIER TAILLE        écrit TAILLE octets sans le cache de pages, puis retire FICHIER
TAILLE : 67108864, 65536K, 64M, 1G
"
    )
}

/// Reads the arguments; nothing where they are not those of [`usage`].
pub fn parse(args: &[String]) -> Option<Load> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &&str| text.parse::<u32>().ok();
    let seconds = |at: usize| words.get(at).map(|text| number(text).ok_or(())).transpose().ok();
    let size = |text: &str| {
        let bytes = crate::kernel::cgroup::files::bytes(text)?;
        usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
    };
    let at_most = |most: usize| words.len() <= most;
    match *words.first()? {
        "cpu" if at_most(3) => {
            let threads = words.get(1).map_or(Some(1), number).filter(|threads| (1..=1024).contains(threads))?;
            Some(Load::Cpu { threads, seconds: seconds(2)? })
        }
        "memory" if at_most(3) => Some(Load::Memory { bytes: size(words.get(1)?)?, seconds: seconds(2)? }),
        "threads" if at_most(3) => Some(Load::Threads { threads: number(words.get(1)?)?, seconds: seconds(2)? }),
        "fork" if at_most(3) => Some(Load::Fork { children: number(words.get(1)?)?, seconds: seconds(2)? }),
        "read" if at_most(3) => Some(Load::Read { path: (*words.get(1)?).to_owned(), seconds: seconds(2)? }),
        "write" if at_most(3) => Some(Load::Write { path: (*words.get(1)?).to_owned(), bytes: size(words.get(2)?)? }),
        _ => None,
    }
}

fn print(line: &str) {
    // A reader that has gone away is no error.
    let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}

/// Waits for so long; without end where it is none.
fn wait(seconds: Option<u32>) {
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(u64::from(seconds)));
    while until.is_none_or(|until| Instant::now() < until) {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        std::thread::sleep(left.min(Duration::from_secs(3600)));
    }
}

/// The CPU time that this process has used, all threads.
fn used() -> Duration {
    let read = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    read.map_or(Duration::ZERO, Duration::from)
}

fn cpu(threads: u32, seconds: Option<u32>, lang: Lang) -> Result<(), String> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let burn = || {
            let mut number = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..10_000 {
                    number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            }
        };
        // This thread says what the others got, which costs next to nothing.
        for _ in 0..threads {
            std::thread::Builder::new().spawn_scoped(scope, burn).map_err(|error| {
                stop.store(true, Ordering::Relaxed);
                said("clone", Errno::from(&error), lang)
            })?;
        }
        let start = Instant::now();
        let (mut before, mut cpu_before) = (start, used());
        loop {
            let left = seconds.map(|seconds| Duration::from_secs(u64::from(seconds)).saturating_sub(start.elapsed()));
            std::thread::sleep(left.unwrap_or(Duration::MAX).min(Duration::from_secs(1)));
            let (now, cpu) = (Instant::now(), used());
            let share = cpu.saturating_sub(cpu_before).as_secs_f64() / (now - before).as_secs_f64() * 100.0;
            let elapsed = start.elapsed().as_secs_f64();
            print(&say!(
                lang,
                "{elapsed:.0} s: {share:.0} % of a CPU",
                "{elapsed:.0} s : {share:.0} % d'un processeur"
            ));
            (before, cpu_before) = (now, cpu);
            if left.is_some_and(|left| left <= Duration::from_secs(1)) {
                stop.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
    })
}

fn memory(bytes: usize, seconds: Option<u32>, lang: Lang) -> Result<(), String> {
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(bytes).map_err(|_| said("mmap", Errno(libc::ENOMEM), lang))?;
    // About sixteen words in all, on whole MiB where there are that many.
    let step = (bytes / 16).max(PAGE).next_multiple_of(if bytes >= 16 << 20 { 1 << 20 } else { PAGE });
    let mut touched = 0;
    while touched < bytes {
        let next = (touched + PAGE).min(bytes);
        // The reserved pages are the kernel's promise: writing to one is what uses it.
        memory.resize(next, 1);
        touched = next;
        if touched % step == 0 || touched == bytes {
            let size = human(touched, lang);
            print(&say!(lang, "{size} touched", "{size} touchés"));
        }
    }
    wait(seconds);
    std::hint::black_box(&memory);
    Ok(())
}

fn fork(children: u32, seconds: Option<u32>, lang: Lang) -> Result<(), String> {
    let me = std::process::id();
    for made in 0..children {
        match process::fork(&mut Trace::default()) {
            Ok(Side::Parent(_)) => {}
            Ok(Side::Child) => {
                if process::die_with_parent(me).is_ok() {
                    wait(None);
                }
                process::exit_now(0);
            }
            Err(errno) => {
                print(&say!(lang, "{made} children", "{made} fils"));
                let number = made + 1;
                let why = said("fork", errno, lang);
                print(&say!(lang, "number {number}: {why}", "le numéro {number} : {why}"));
                wait(seconds);
                return Err(why);
            }
        }
    }
    print(&say!(lang, "{children} children", "{children} fils"));
    wait(seconds);
    Ok(())
}

fn threads(number: u32, seconds: Option<u32>, lang: Lang) -> Result<(), String> {
    for made in 0..number {
        // Detached: they end with the process.
        if let Err(error) = std::thread::Builder::new().spawn(|| wait(None)) {
            print(&say!(lang, "{made} threads", "{made} fils d'exécution"));
            wait(seconds);
            return Err(said("clone", Errno::from(&error), lang));
        }
    }
    print(&say!(lang, "{number} threads", "{number} fils d'exécution"));
    wait(seconds);
    Ok(())
}

fn write(path: &str, bytes: usize, lang: Lang) -> Result<(), String> {
    let failed = |error: &std::io::Error| said(path, Errno::from(error), lang);
    let open = |flags: i32| OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path);
    // A file system in memory has no way past the page cache (EINVAL).
    let (file, direct) = match open(libc::O_DIRECT) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            // The name was made all the same.
            let _ = std::fs::remove_file(path);
            (open(0).map_err(|error| failed(&error))?, false)
        }
        other => (other.map_err(|error| failed(&error))?, true),
    };
    let wrote = write_blocks(&file, bytes, lang).map_err(|error| failed(&error));
    let removed = std::fs::remove_file(path).map_err(|error| failed(&error));
    if !direct {
        print(&say!(
            lang,
            "(through the page cache: no O_DIRECT here)",
            "(par le cache de pages : pas d'O_DIRECT ici)"
        ));
    }
    wrote.and(removed)
}

fn write_blocks(file: &File, bytes: usize, lang: Lang) -> std::io::Result<()> {
    let mut room = room();
    let block = aligned(&mut room);
    let start = Instant::now();
    let (mut written, mut before, mut before_written) = (0, start, 0);
    while written < bytes {
        // Whole blocks: O_DIRECT takes no other.
        file.write_all_at(block, written as u64)?;
        file.sync_data()?;
        written += BLOCK;
        let now = Instant::now();
        if now - before >= Duration::from_secs(1) {
            say_rate(written - before_written, now - before, written, lang);
            (before, before_written) = (now, written);
        }
    }
    say_rate(written, start.elapsed(), written, lang);
    Ok(())
}

/// Memory for O_DIRECT, which is aligned as the disk's blocks are.
fn room() -> Vec<u8> {
    vec![b'x'; BLOCK + PAGE]
}

fn aligned(room: &mut [u8]) -> &mut [u8] {
    let skip = room.as_ptr().align_offset(PAGE).min(PAGE);
    &mut room[skip..skip + BLOCK]
}

fn read(path: &str, seconds: Option<u32>, lang: Lang) -> Result<(), String> {
    let failed = |error: &std::io::Error| said(path, Errno::from(error), lang);
    let open = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path);
    let file = open.map_err(|error| failed(&error))?;
    let mut room = room();
    let block = aligned(&mut room);
    let start = Instant::now();
    let (mut all, mut at, mut before, mut before_all) = (0, 0, start, 0);
    loop {
        match file.read_at(block, at).map_err(|error| failed(&error))? {
            0 if at == 0 => return Err(said(path, Errno(libc::ENODATA), lang)),
            0 => at = 0,
            count => {
                at += count as u64;
                all += count;
            }
        }
        let now = Instant::now();
        if now - before >= Duration::from_secs(1) {
            let rate = human(((all - before_all) as f64 / (now - before).as_secs_f64()) as usize, lang);
            print(&say!(lang, "{rate}/s read", "{rate}/s lus"));
            (before, before_all) = (now, all);
        }
        if seconds.is_some_and(|seconds| start.elapsed() >= Duration::from_secs(u64::from(seconds))) {
            return Ok(());
        }
    }
}

fn say_rate(bytes: usize, time: Duration, all: usize, lang: Lang) {
    let (rate, all) = (human((bytes as f64 / time.as_secs_f64().max(1e-6)) as usize, lang), human(all, lang));
    print(&say!(lang, "{all} written, {rate}/s", "{all} écrits, {rate}/s"));
}

/// `28.0 MiB`, `28,0 Mio`.
fn human(bytes: usize, lang: Lang) -> String {
    let shown = |unit: usize, name: &str| format!("{:.1} {name}", bytes as f64 / unit as f64);
    let text = match bytes {
        ..1_048_576 => shown(1024, lang.pick("KiB", "Kio")),
        _ => shown(1_048_576, lang.pick("MiB", "Mio")),
    };
    lang.pick(text.clone(), text.replace('.', ","))
}

fn said(what: &str, errno: Errno, lang: Lang) -> String {
    let why = errno.explain(lang);
    say!(lang, "{what}: {why}", "{what} : {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Load> {
        parse(&text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn loads_are_read_from_their_arguments_and_nothing_else_is_one() {
        assert_eq!(parsed("cpu"), Some(Load::Cpu { threads: 1, seconds: None }));
        assert_eq!(parsed("cpu 2 10"), Some(Load::Cpu { threads: 2, seconds: Some(10) }));
        assert_eq!(parsed("memory 64M"), Some(Load::Memory { bytes: 64 << 20, seconds: None }));
        assert_eq!(parsed("fork 30 2"), Some(Load::Fork { children: 30, seconds: Some(2) }));
        assert_eq!(parsed("threads 4"), Some(Load::Threads { threads: 4, seconds: None }));
        assert_eq!(parsed("read /bin/sh 2"), Some(Load::Read { path: "/bin/sh".into(), seconds: Some(2) }));
        assert_eq!(parsed("write /tmp/x 1M"), Some(Load::Write { path: "/tmp/x".into(), bytes: 1 << 20 }));
        for wrong in
            ["", "cpu 0", "cpu x", "cpu 1 x", "cpu 1 2 3", "memory", "memory 0", "memory x", "fork", "write x", "burn"]
        {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_asked_for_by_name_alone() {
        assert!(is_asked("/run/cloison/lab/bin/cloison-load".as_ref()) && is_asked("cloison-load".as_ref()));
        assert!(!is_asked("/usr/bin/cloison".as_ref()));
    }
}
