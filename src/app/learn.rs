//! The screen's mode: wires the screen to a lab. Threads: `main` draws, `keys` reads
//! the terminal, `signals` waits for signals, `lab` owns the stage and samples it,
//! and one per shell. All of them end and are joined when the screen is left.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, pthread_sigmask};

use super::driver::{Driver, Keeping};
use super::listing::entries;
use super::store::Store;
use crate::i18n::Lang;
use crate::kernel::terminal::{Settings, duplicate_stdin};
use crate::lesson::library::Library;
use crate::ui::event::{Event, Request};
use crate::ui::model::Mouse;
use crate::ui::run::{Setup, run};

/// Events that may wait for the screen.
const WAITING_EVENTS: usize = 64;
/// What crossterm is given to look: with nothing it does not look at all.
const GLANCE: Duration = Duration::from_millis(5);
/// How long the keys' thread may take to end.
const HANG: Duration = Duration::from_secs(1);

/// What the screen needs to begin.
#[derive(Debug)]
pub struct Wanted {
    /// The lessons.
    pub library: Library,
    /// Where progress is kept.
    pub store: Store,
    /// The language.
    pub lang: Lang,
    /// The theme.
    pub theme: crate::ui::Theme,
    /// The lesson to open at once.
    pub open: Option<String>,
    /// Whose the mouse is.
    pub mouse: Mouse,
}

/// Runs the screen until it is left.
pub fn learn(wanted: Wanted) -> anyhow::Result<()> {
    let Wanted { library, store, lang, theme, open, mouse } = wanted;
    // All lessons are read for the list: where one is to be opened at once, after that.
    let listed = open.is_none();
    let entries = if listed { entries(&library, &store) } else { Vec::new() };
    let setup =
        Setup { lang, theme, entries, machine: machine(), first: open.map(Request::Open), mouse, projector: None };
    on_screen(setup, move |events, requests, terminal| {
        Driver::new(library, Keeping::Store(store), lang, events, listed).serve(&requests, terminal);
    })
}

/// The terminal's settings, with a descriptor of it, to be put back by who survives.
type Kept = Option<(OwnedFd, Settings)>;

/// Runs a screen until it is left; `serve` answers its requests in the thread `lab`,
/// until the channel of requests is closed.
pub(super) fn on_screen(
    setup: Setup,
    serve: impl FnOnce(SyncSender<Event>, Receiver<Request>, Kept) + Send + 'static,
) -> anyhow::Result<()> {
    // Before any thread: they inherit the mask, and `signals` alone waits for these.
    let signals = waited_for();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&signals), None)?;
    let terminal = duplicate_stdin().and_then(|fd| Settings::of(&fd).ok().map(|settings| (fd, settings)));
    let (events_in, events) = sync_channel(WAITING_EVENTS);
    let (requests_in, requests) = channel();
    let stop = Arc::new(AtomicBool::new(false));

    let mut threads = Vec::new();
    let to_screen = events_in.clone();
    threads.push(Builder::new().name("lab".into()).spawn(move || serve(to_screen, requests, terminal))?);
    threads.push(keys(events_in.clone(), Arc::clone(&stop))?);
    threads.push(signal_thread(signals, events_in, Arc::clone(&stop))?);

    let left = run(setup, &events, &requests_in);
    stop.store(true, Ordering::Release);
    drop((events, requests_in));
    // Wakes the thread that waits for signals.
    kill(nix::unistd::getpid(), Signal::SIGUSR1)?;
    for thread in threads {
        join(thread);
    }
    left.map_err(anyhow::Error::from)
}

/// Waits for a thread to end. One that reads a terminal which was hung up in the
/// very moment of reading never would: it ends with the program.
fn join(thread: JoinHandle<()>) {
    let deadline = Instant::now() + HANG;
    while thread.thread().name() == Some("keys") && !thread.is_finished() {
        if Instant::now() >= deadline {
            return;
        }
        let _ = poll(&mut [], PollTimeout::from(10_u8));
    }
    // A thread that panicked has said so.
    let _ = thread.join();
}

/// What this machine is, in a line: English, French.
pub(super) fn machine() -> [String; 2] {
    let release = nix::sys::utsname::uname()
        .map_or_else(|_| "?".to_owned(), |names| names.release().to_string_lossy().into_owned());
    let root = nix::unistd::geteuid().is_root();
    let who = |lang: Lang| {
        if root {
            lang.pick("as root", "en root")
        } else {
            lang.pick("as an ordinary user", "en utilisateur ordinaire")
        }
    };
    Lang::ALL.map(|lang| format!("Linux {release}, {}", who(lang)))
}

/// The signals that one thread waits for.
fn waited_for() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGCONT,
        Signal::SIGUSR1,
    ] {
        set.add(signal);
    }
    set
}

fn signal_thread(set: SigSet, events: SyncSender<Event>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("signals".into()).spawn(move || {
        while let Ok(signal) = set.wait() {
            let event = match signal {
                _ if stop.load(Ordering::Acquire) => return,
                Signal::SIGTSTP => {
                    // Nobody can be told that the terminal was lost.
                    let _ = crate::ui::terminal::leave();
                    let _ = kill(nix::unistd::getpid(), Signal::SIGSTOP);
                    continue;
                }
                Signal::SIGCONT => Event::Continue,
                Signal::SIGUSR1 => continue,
                _ => Event::Terminate,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    })
}

fn keys(events: SyncSender<Event>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("keys".into()).spawn(move || {
        let mut size = crossterm::terminal::size().ok();
        while !stop.load(Ordering::Acquire) {
            if take_keys(&events, &mut size).is_none() {
                // The terminal is gone.
                let _ = events.send(Event::Terminate);
                return;
            }
        }
    })
}

/// Waits a moment for keys and hands them on; nothing once the terminal or the
/// screen is gone. The terminal is looked at before crossterm is: on one that was
/// hung up it would read the end of the file for ever.
///
/// crossterm can't be asked without waiting, so it is asked only when there is
/// something to read or the size is another: else it would wake up twice as often.
fn take_keys(events: &SyncSender<Event>, size: &mut Option<(u16, u16)>) -> Option<()> {
    let stdin = std::io::stdin();
    let mut watched = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let woken = match poll(&mut watched, PollTimeout::from(100_u8)) {
        Ok(ready) => ready > 0,
        Err(nix::errno::Errno::EINTR) => true,
        Err(_) => return None,
    };
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    if watched[0].revents().is_some_and(|now| now.intersects(gone)) {
        return None;
    }
    let now = crossterm::terminal::size().ok();
    // A change of size need not interrupt: another thread may get the signal.
    if !woken && now == *size {
        return Some(());
    }
    while crossterm::event::poll(GLANCE).ok()? {
        let event = crossterm::event::read().ok()?;
        if matches!(event, crossterm::event::Event::Resize(..)) {
            *size = now;
        }
        events.send(Event::Terminal(event)).ok()?;
    }
    Some(())
}
