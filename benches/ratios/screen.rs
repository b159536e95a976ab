//! The screen as a person has it: the program on a terminal, from its start to what
//! it shows, and what it costs while nothing happens.

use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use cloison::kernel::Trace;
use cloison::kernel::process::{Exit, pidfd_kill, pidfd_open, wait_for};
use cloison::kernel::program::{Launch, Streams, launch};
use cloison::kernel::pty::open_pty;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::PROGRAM;
use crate::table::{Figure, Measure, Row, Unit, in_turns};

const ROWS: NonZero<u16> = NonZero::new(36).expect("not zero");
const COLUMNS: NonZero<u16> = NonZero::new(120).expect("not zero");
const ROUNDS: usize = 15;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the idle program is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Start to first frame.
pub fn start() -> Vec<Row> {
    let until = |lesson: Option<&'static str>, wanted: &'static str| -> Measure<'static> {
        Box::new(move || {
            let place = tempfile::tempdir().map_err(|error| error.to_string())?;
            let mut screen = Screen::start(lesson, place.path())?;
            let time = screen.until(wanted)?;
            screen.leave()?;
            Ok(time)
        })
    };
    // Only a lesson's line of keys has F9; only joined rows cross the frame.
    let measures = vec![until(None, "F10"), until(Some("pid"), "F9"), until(Some("pid"), "┼")];
    let what = ["start to the list's first frame", "start to a lesson's first frame", "start to a lesson's twin rows"];
    let figures = in_turns(ROUNDS, measures);
    what.iter().zip(&figures).map(|(what, figure)| Row::within(what, Unit::Millis, figure, 50.0)).collect()
}

/// What a lesson costs while nothing happens: time of processors, and memory.
pub fn idle() -> Vec<Row> {
    let [time, resident, shared] = watch().unwrap_or_else(|why| [0, 1, 2].map(|_| Err(why.clone())));
    vec![
        Row::within("idle in a lesson, screen, keeper and actors", Unit::PercentOfCore, &time, 1.0),
        Row::within("resident memory, screen and keeper", Unit::Mebibytes, &resident, 30.0),
        Row::alone("their share of it (PSS)", Unit::Mebibytes, &shared),
    ]
}

fn watch() -> Result<[Figure; 3], String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let solution = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons/09-pid/solution.toml");
    let solution = std::fs::read_to_string(solution).map_err(|error| error.to_string())?;
    let progress = "\n[progress]\nstep = \"guess-inside\"\npassed = []\npoints = 0\nfinished = false\n";
    std::fs::write(place.path().join("pid.toml"), solution + progress).map_err(|error| error.to_string())?;
    let mut screen = Screen::start(Some("pid"), place.path())?;
    screen.until("┼")?;
    screen.listen(Duration::from_secs(3));
    let family = family(screen.pid);
    let before = worked(&family);
    let start = Instant::now();
    screen.listen(WATCHED);
    let part = before.and_then(|before| {
        let worked = worked(&family)?.saturating_sub(before);
        Ok(100.0 * worked as f64 / start.elapsed().as_nanos() as f64)
    });
    let keeper = family.iter().copied().find(|pid| parent(*pid) == Some(screen.pid));
    let both: Vec<u32> = std::iter::once(screen.pid).chain(keeper).collect();
    let resident = memory(&both, "Rss:");
    let shared = memory(&both, "Pss:");
    screen.leave()?;
    Ok([part, resident, shared])
}

/// A process and all that descend from it.
pub fn family(pid: u32) -> Vec<u32> {
    let all: Vec<u32> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let parents: Vec<(u32, u32)> = all.into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(next) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, parent)| *parent == next).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

/// The time that all threads of these processes have had of a processor, in
/// nanoseconds (/proc/PID/task/TID/schedstat; utime and stime count in hundredths
/// of a second, too coarse for a hundredth of a core over ten).
pub fn worked(family: &[u32]) -> Result<u64, String> {
    let mut sum = 0;
    for pid in family {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).map_err(|_| "(a process has ended)".to_owned())?;
        for task in tasks.flatten() {
            let text = std::fs::read_to_string(task.path().join("schedstat")).map_err(|error| error.to_string())?;
            sum += text.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// A line of smaps_rollup, summed, in MiB.
fn memory(pids: &[u32], line: &str) -> Figure {
    let mut sum = 0.0;
    for pid in pids {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_err(|error| error.to_string())?;
        let found = text
            .lines()
            .find_map(|text| text.strip_prefix(line)?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        sum += found.ok_or_else(|| format!("({line})"))? / 1_024.0;
    }
    Ok(sum)
}

/// The program on a terminal of 120×36.
pub struct Screen {
    pid: u32,
    master: std::fs::File,
    shown: vt100::Parser,
    started: Instant,
    left: bool,
}

impl Screen {
    fn start(lesson: Option<&str>, state: &Path) -> Result<Self, String> {
        let learn: Vec<&str> = ["learn"].into_iter().chain(lesson).collect();
        Self::begin(&learn, state)
    }

    /// The program with these arguments.
    pub fn begin(args: &[&str], state: &Path) -> Result<Self, String> {
        let failed = |errno: cloison::kernel::Errno| format!("({errno})");
        let trace = &mut Trace::default();
        let pty = open_pty(trace, ROWS.get(), COLUMNS.get()).map_err(failed)?;
        let master: OwnedFd = pty.master.try_clone().map_err(|error| error.to_string())?;
        let mut argv: Vec<OsString> = [PROGRAM, "--lang", "en", "--state"].map(OsString::from).to_vec();
        argv.push(state.into());
        argv.extend(args.iter().map(OsString::from));
        let mut env: Vec<OsString> = vec!["TERM=xterm-256color".into()];
        for name in ["HOME", "PATH"] {
            if let Some(value) = std::env::var_os(name) {
                let mut pair = OsString::from(name);
                pair.push("=");
                pair.push(value);
                env.push(pair);
            }
        }
        let plan = Launch { argv, env, path: String::new(), cwd: None, processes: None };
        let streams = Streams::Terminal(pty.slave);
        let started = Instant::now();
        let pid = launch(trace, &plan, &streams).map_err(failed)?;
        let shown = vt100::Parser::new(ROWS, COLUMNS, 0);
        Ok(Self { pid, master: master.into(), shown, started, left: false })
    }

    /// What it shows.
    pub fn text(&self) -> String {
        self.shown.screen().contents()
    }

    /// How long after these keys the screen showed this.
    pub fn answers(&mut self, keys: &str, wanted: &str) -> Result<Duration, String> {
        self.started = Instant::now();
        self.master.write_all(keys.as_bytes()).map_err(|error| error.to_string())?;
        self.until(wanted)
    }

    /// How long after the start the screen showed this.
    pub fn until(&mut self, wanted: &str) -> Result<Duration, String> {
        loop {
            let now = self.started.elapsed();
            if self.shown.screen().contents().contains(wanted) {
                return Ok(now);
            }
            let there = self.take(PATIENCE.saturating_sub(now));
            if !there || now > PATIENCE {
                return Err(format!("(`{wanted}` never came)"));
            }
        }
    }

    /// Takes in what comes for so long.
    pub fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && self.take(end.saturating_duration_since(Instant::now())) {}
    }

    /// Takes in what comes next, waiting for so long; false at the end.
    fn take(&mut self, time: Duration) -> bool {
        let timeout = PollTimeout::try_from(time.as_millis() as i64 + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
        let mut bytes = [0; 16 << 10];
        match self.master.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.shown.process(&bytes[..count]);
                true
            }
        }
    }

    /// Has the program leave in order.
    pub fn leave(mut self) -> Result<(), String> {
        match self.end(libc::SIGTERM) {
            Some(Exit::Code(0)) => Ok(()),
            other => Err(format!("(ended with {other:?})")),
        }
    }

    fn end(&mut self, signal: i32) -> Option<Exit> {
        self.left = true;
        // ESRCH: it has ended already.
        let _ = pidfd_open(self.pid).and_then(|pidfd| pidfd_kill(&pidfd, signal));
        // Until the terminal has no other side any more.
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.take(Duration::from_secs(1)) {}
        if Instant::now() >= end {
            let _ = pidfd_open(self.pid).and_then(|pidfd| pidfd_kill(&pidfd, libc::SIGKILL));
        }
        wait_for(self.pid)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.left {
            self.end(libc::SIGTERM);
        }
    }
}
