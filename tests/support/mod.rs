//! The real program on a real terminal, and what it leaves on the machine. Used by
//! the tests that type and read as a student does, and by those that kill.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]

pub mod inventory;
pub mod lab;
pub mod left;
pub mod skip;
pub mod slow;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cloison::kernel::Trace;
use cloison::kernel::program::pipe;
use cloison::kernel::pty::{Pty, open_pty, resize};
use cloison::kernel::terminal::Settings;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub const F2: &str = "\x1bOQ";
pub const F3: &str = "\x1bOR";
pub const F4: &str = "\x1bOS";
pub const F7: &str = "\x1b[18~";
pub const F8: &str = "\x1b[19~";
pub const F9: &str = "\x1b[20~";
pub const F10: &str = "\x1b[21~";
pub const ENTER: &str = "\r";
pub const CTRL_C: &str = "\x03";

/// How long anything may take: machines that test are slow.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// How long a screen is at rest after a drawing.
const REST: Duration = Duration::from_millis(30);

/// A student's place on the machine: a state directory, labs of one's own, and a
/// word in the environment of all that is started here.
pub struct Place {
    directory: tempfile::TempDir,
    /// Marks this place's processes; a number that can be slept for, too.
    pub mark: String,
}

impl Place {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}", 1_000_000_000 + u64::from(std::process::id()) * 1_000 + u64::from(number));
        // Root's labs are entered by another user.
        let open = std::fs::Permissions::from_mode(0o711);
        let directory = tempfile::Builder::new().prefix("cloison-test-").permissions(open).tempdir().unwrap();
        Self { directory, mark }
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub fn labs(&self) -> PathBuf {
        self.directory.path().join("cloison")
    }

    pub fn answers(&self, lesson: &str) -> String {
        std::fs::read_to_string(self.state().join(format!("{lesson}.toml"))).unwrap()
    }

    /// Puts an answers file there that names a student of this place alone: no other
    /// lab on the machine then has the same values.
    pub fn sign(&self, lesson: &str) {
        std::fs::create_dir_all(self.state()).unwrap();
        let text = format!("format = 1\nlesson = \"{lesson}\"\nstudent = \"{}\"\n", self.mark);
        std::fs::write(self.state().join(format!("{lesson}.toml")), text).unwrap();
    }

    /// Signs, as if a session had stopped at that step.
    pub fn resume_at(&self, lesson: &str, step: &str) {
        self.sign(lesson);
        let text = self.answers(lesson)
            + &format!("\n[progress]\nstep = \"{step}\"\npassed = []\npoints = 0\nfinished = false\n");
        std::fs::write(self.state().join(format!("{lesson}.toml")), text).unwrap();
    }

    /// The name that seeds this student's values where no answers file says another:
    /// that of whoever runs the test.
    pub fn user() -> String {
        let uid = nix::unistd::geteuid();
        nix::unistd::User::from_uid(uid).unwrap().map_or_else(|| format!("uid{uid}"), |user| user.name)
    }

    /// A value of a student's own.
    pub fn value(student: &str, lesson: &str, name: &str) -> String {
        let library = cloison::lesson::library::Library::open(None).unwrap();
        let lesson = library.get(lesson).unwrap();
        cloison::lesson::Values::new(&lesson, student).get(name).unwrap().to_owned()
    }

    /// Nothing but what the program needs, so that nobody's habits change a test.
    fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("HOME", self.directory.path())
            .env("CLOISON_RUNTIME_DIR", self.directory.path())
            .env("CLOISON_TEST", &self.mark)
            .current_dir("/");
    }

    /// Runs the program without a terminal.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloison"));
        self.dress(&mut command);
        command.args(args).arg("--state").arg(self.state()).stdin(std::process::Stdio::null()).output().unwrap()
    }

    pub fn start(&self, size: (u16, u16), args: &[&str]) -> Terminal {
        self.start_with(size, args, &[])
    }

    /// Starts the program on a terminal of so many columns and rows.
    pub fn start_with(&self, (cols, rows): (u16, u16), args: &[&str], env: &[(&str, &str)]) -> Terminal {
        let Pty { master, slave } = open_pty(&mut Trace::default(), rows, cols).unwrap();
        let before = Settings::of(&slave).unwrap();
        // setsid(1) has the program lead a session of its own, under its own PID.
        let mut command = Command::new("setsid");
        self.dress(&mut command);
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_cloison")).args(args).arg("--state").arg(self.state());
        command.envs(env.iter().copied());
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap());
        command.stderr(slave.try_clone().unwrap());
        let child = command.spawn().unwrap();
        let seen = Arc::new(Seen::new(rows, cols));
        let reader = Arc::clone(&seen);
        let from = File::from(master.try_clone().unwrap());
        let (woken, wake) = pipe().unwrap();
        let thread = std::thread::spawn(move || {
            reader.read(from, &woken);
            reader.close();
        });
        let master = Some(File::from(master));
        Terminal { child, slave: Some(slave), master, seen, before, reader: Some((wake, thread)) }
    }
}

/// What the program has written to its terminal.
struct Seen {
    inner: Mutex<Inner>,
    news: Condvar,
}

struct Inner {
    parser: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

impl Seen {
    fn new(rows: u16, cols: u16) -> Self {
        let (rows, cols) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(cols).unwrap());
        let inner = Inner { parser: vt100::Parser::new(rows, cols, 0), raw: Vec::new(), closed: false };
        Self { inner: Mutex::new(inner), news: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads until the terminal is closed, or the other end of `woken` is.
    fn read(&self, mut from: File, woken: &File) {
        let mut buffer = [0; 4096];
        loop {
            let mut watched =
                [PollFd::new(from.as_fd(), PollFlags::POLLIN), PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
            poll(&mut watched, PollTimeout::NONE).unwrap();
            if watched[1].any() == Some(true) {
                return;
            }
            match from.read(&mut buffer) {
                Ok(count @ 1..) => self.take(&buffer[..count]),
                _ => return,
            }
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut inner = self.lock();
        inner.raw.extend_from_slice(bytes);
        inner.parser.process(bytes);
        drop(inner);
        self.news.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }
}

/// The text of a screen; French spaces are spaces here.
pub fn contents(screen: &vt100::Screen) -> String {
    screen.contents().replace('\u{a0}', " ")
}

/// The program and its terminal. Dropping it kills the program; its keeper then
/// removes the lab.
pub struct Terminal {
    child: Child,
    slave: Option<OwnedFd>,
    master: Option<File>,
    seen: Arc<Seen>,
    before: Settings,
    /// Closing the descriptor ends the thread.
    reader: Option<(OwnedFd, JoinHandle<()>)>,
}

impl Terminal {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn write(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line into an actor's shell, once it has the keyboard and a prompt.
    pub fn enter_in(&mut self, actor: &str, line: &str) {
        let words = [format!("keyboard: {actor} shell"), format!("clavier : shell {actor}")];
        self.wait_for(&words[0], |screen| {
            let text = contents(screen);
            let prompt = |line: &str| line.contains(":~# ") || line.contains(":/# ") || line.contains("$ ");
            words.iter().any(|words| text.contains(words)) && text.lines().any(prompt)
        });
        self.enter(line);
    }

    /// Types a line into the shell that has the keyboard.
    pub fn enter(&mut self, line: &str) {
        self.write(line);
        self.write(ENTER);
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        let mut inner = self.seen.lock();
        inner.parser.set_size(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(cols).unwrap());
        resize(self.master.as_ref().unwrap().as_fd(), rows, cols).unwrap();
    }

    /// The text on the screen now.
    pub fn text(&self) -> String {
        self.seen.lock().parser.screen().contents()
    }

    /// All that was ever written to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.lock().raw.clone()
    }

    /// Waits until the screen is as wanted.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        assert!(self.within(slow::seconds(PATIENCE.as_secs()), wanted), "never seen: {what}\n{}", self.text());
    }

    /// Whether the screen is as wanted before so much time has passed.
    fn within(&self, patience: Duration, wanted: impl Fn(&vt100::Screen) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut inner = self.seen.lock();
        loop {
            if wanted(inner.parser.screen()) {
                // A drawing may come in pieces: it counts once the screen is at rest.
                let before = inner.raw.len();
                inner = self.seen.news.wait_timeout(inner, REST).unwrap_or_else(std::sync::PoisonError::into_inner).0;
                if inner.raw.len() == before {
                    return true;
                }
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || inner.closed {
                return false;
            }
            inner = self.seen.news.wait_timeout(inner, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Waits until screen and bytes are as wanted, at rest or not: while a shell
    /// prints without end there is no rest.
    pub fn wait_now(&self, what: &str, wanted: impl Fn(&vt100::Screen, &[u8]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.seen.lock();
        while !wanted(inner.parser.screen(), &inner.raw) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !inner.closed, "never seen: {what}\n{}", inner.parser.screen().contents());
            inner = self.seen.news.wait_timeout(inner, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// How many frames were drawn: each ends with the cursor shown or hidden.
    pub fn frames(&self) -> usize {
        let inner = self.seen.lock();
        inner.raw.windows(6).filter(|bytes| *bytes == b"\x1b[?25h" || *bytes == b"\x1b[?25l").count()
    }

    /// Waits until the screen has a text.
    pub fn see(&self, text: &str) {
        self.wait_for(text, |screen| contents(screen).contains(text));
    }

    /// Waits until a line of the screen has all these texts.
    pub fn see_line(&self, texts: &[&str]) {
        self.wait_for(&texts.join(" … "), |screen| {
            contents(screen).lines().any(|line| texts.iter().all(|text| line.contains(text)))
        });
    }

    /// Waits until the header says that the lab stands at this step (from 1 on) with
    /// these points.
    pub fn at_step(&self, step: usize, of: usize, points: &str) {
        let at = format!("tep {step}/{of}");
        let etape = format!("tape {step}/{of}");
        self.wait_for(&format!("step {step}/{of}, {points}"), |screen| {
            let head = screen.contents().lines().next().unwrap_or_default().to_owned();
            (head.contains(&at) || head.contains(&etape)) && head.contains(points) && !head.contains('⋯')
        });
    }

    /// Goes on by F9, as often as it takes: where there is no room for it, the screen
    /// does not say beforehand that the lab is at work.
    pub fn go_on_to(&mut self, step: usize, of: usize, points: &str) {
        let at = [format!("step {step}/{of}"), format!("étape {step}/{of}")];
        self.go_on_until(|screen| {
            let head = contents(screen).lines().next().unwrap_or_default().to_owned();
            at.iter().any(|at| head.contains(at))
        });
        self.at_step(step, of, points);
    }

    /// Goes on from the last step.
    pub fn finish(&mut self, words: &str) {
        self.go_on_until(|screen| contents(screen).contains(words));
        self.see(words);
    }

    /// Presses F9 until it was taken: a lab that is at work refuses it, and says so until
    /// it is ready.
    fn go_on_until(&mut self, there: impl Fn(&vt100::Screen) -> bool) {
        let refused = |screen: &vt100::Screen| {
            let text = contents(screen);
            ["still at work", "travaille encore"].iter().any(|words| text.contains(words))
        };
        let deadline = Instant::now() + 2 * PATIENCE;
        while Instant::now() < deadline {
            self.write(F9);
            // A refusal may be gone before it was noticed.
            self.within(PATIENCE / 4, |screen| there(screen) || refused(screen));
            if self.within(Duration::ZERO, &there) {
                return;
            }
            self.within(PATIENCE, |screen| !refused(screen));
        }
    }

    /// Leaves by F10 and Enter; the exit status.
    pub fn quit(&mut self) -> ExitStatus {
        self.write(F10);
        self.wait_for("the question whether to leave", |screen| {
            contents(screen).contains("Enter: leave") || contents(screen).contains("Entrée : quitter")
        });
        self.write(ENTER);
        self.ended()
    }

    /// Waits for the program to end.
    pub fn ended(&mut self) -> ExitStatus {
        inventory::wait_for_end(self.child.id(), PATIENCE);
        match self.child.try_wait().unwrap() {
            Some(status) => status,
            None => panic!("the program does not end\n{}", self.text()),
        }
    }

    /// Waits until the terminal is as the program found it.
    pub fn see_restored(&self) {
        self.wait_for("the main screen with its cursor", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        let deadline = Instant::now() + PATIENCE;
        let slave = self.slave.as_ref().unwrap();
        // Written before the settings are put back, by who does it for a killed program.
        while Settings::of(slave).unwrap() != self.before {
            assert!(Instant::now() < deadline, "the terminal's settings were not put back");
            std::thread::yield_now();
        }
    }

    /// Closes the window: nothing is left of the terminal's other side.
    pub fn close_window(&mut self) {
        let (wake, thread) = self.reader.take().unwrap();
        drop((self.slave.take(), wake));
        thread.join().unwrap();
        self.master = None;
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some((wake, thread)) = self.reader.take() {
            drop(wake);
            let _ = thread.join();
        }
    }
}
