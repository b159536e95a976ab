//! The terminal itself: raw mode, alternate screen, mouse and bracketed paste, on
//! while a [`Terminal`] lives and off again however it ends: by drop, by
//! [`leave`], or by a panic of any thread. Called by `ui::run` and by the
//! composition root around a stop (SIGTSTP).

use std::io::{self, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect, Size};

/// Whether the terminal is ours now. One per process, as the terminal is.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// Whether a thread has panicked since, and wrote its message to the terminal.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Whether the mouse is to be ours while the terminal is.
static MOUSE: AtomicBool = AtomicBool::new(true);

/// Asks for clicks and the wheel (1000) in the form that knows wide screens (1006),
/// xterm's "Mouse Tracking". crossterm's own command asks for every motion, too.
const CLICKS: &str = "\x1b[?1000h\x1b[?1006h";

/// Who is shown all that goes to the terminal.
static WITNESS: Mutex<Option<Witness>> = Mutex::new(None);
/// More than so many bytes are shown before they are all there.
const PIECE: usize = 256 << 10;

/// Is shown all that goes to the terminal, in order. Must neither wait nor panic: the
/// drawing waits for it, and a panic gives the terminal back.
pub type Witness = Box<dyn FnMut(Shown<'_>) + Send>;

/// What a [`Witness`] is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// The bytes that were written.
    Bytes(&'a [u8]),
    /// What follows is for a terminal of so many columns and rows.
    Size(u16, u16),
}

/// Shows all that goes to the terminal from now on to this one.
pub fn witness(witness: Witness) {
    *WITNESS.lock().unwrap_or_else(PoisonError::into_inner) = Some(witness);
}

fn show(shown: Shown<'_>) {
    if let Some(witness) = WITNESS.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        witness(shown);
    }
}

/// The way to the terminal: what was written to it is shown.
pub struct Out<W = Stdout> {
    to: W,
    written: Vec<u8>,
}

impl Out {
    fn new() -> Self {
        Self { to: stdout(), written: Vec::new() }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.written.extend_from_slice(&bytes[..count]);
        if self.written.len() > PIECE {
            show(Shown::Bytes(&std::mem::take(&mut self.written)));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.written.is_empty() {
            show(Shown::Bytes(&self.written));
            self.written.clear();
        }
        self.to.flush()
    }
}

/// The terminal, taken.
pub struct Terminal {
    /// What draws on it.
    pub screen: ratatui::Terminal<CrosstermBackend<Out>>,
    /// The size that was last shown to the witness.
    told: Option<Size>,
}

impl Terminal {
    /// Takes the terminal. Fails where standard output is none, and leaves it as it
    /// was then.
    pub fn take() -> io::Result<Self> {
        restore_on_panic();
        enter()?;
        let screen = ratatui::Terminal::new(CrosstermBackend::new(Out::new())).inspect_err(|_| drop(leave()))?;
        Ok(Self { screen, told: None })
    }

    /// The size of the terminal, of which the next drawing is.
    pub fn size(&mut self) -> io::Result<Size> {
        let size = self.screen.size()?;
        if self.told.replace(size) != Some(size) {
            show(Shown::Size(size.width, size.height));
        }
        Ok(size)
    }

    /// Takes it again after [`leave`]; the next drawing draws everything.
    pub fn retake(&mut self) -> io::Result<()> {
        enter()?;
        self.forget()
    }

    /// Takes nothing of what stands on the terminal for granted: the next drawing
    /// draws everything. ratatui's own `clear` would ask the terminal where its
    /// cursor is, and the thread that reads the keys has the answer.
    pub fn forget(&mut self) -> io::Result<()> {
        let size = self.screen.size()?;
        self.screen.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nobody is left to be told; the terminal may be gone (SIGHUP).
        drop(leave());
    }
}

/// Takes the terminal. Taking it twice is taking it once.
pub fn enter() -> io::Result<()> {
    if ENTERED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let taken = enable_raw_mode().and_then(|()| {
        let mut out = Out::new();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        if MOUSE.load(Ordering::SeqCst) { execute!(out, Print(CLICKS)) } else { Ok(()) }
    });
    if taken.is_err() {
        drop(leave());
    }
    taken
}

/// Takes the mouse, or leaves it to the terminal, which then selects text with it.
pub fn set_mouse(ours: bool) -> io::Result<()> {
    if MOUSE.swap(ours, Ordering::SeqCst) == ours || !taken() {
        return Ok(());
    }
    let mut out = Out::new();
    if ours { execute!(out, Print(CLICKS)) } else { execute!(out, DisableMouseCapture) }
}

/// Whether the terminal shows text at twice its size: what kitty's text sizing protocol
/// tells one to do, ask where the cursor is before and after a blank of that size. Only a
/// terminal that calls itself one that may is asked: others might never answer. Before
/// anybody reads keys.
pub fn scales() -> bool {
    let named = std::env::var("TERM").is_ok_and(|name| ["xterm-kitty", "xterm-ghostty"].contains(&name.as_str()));
    if !named || enable_raw_mode().is_err() {
        return false;
    }
    let asked = || {
        execute!(stdout(), Print("\r"))?;
        let before = cursor::position()?;
        execute!(stdout(), Print("\x1b]66;s=2; \x1b\\"))?;
        let after = cursor::position()?;
        execute!(stdout(), Print("\r\x1b[J"))?;
        Ok::<bool, io::Error>(after.0 == before.0 + 2)
    };
    let scales = asked().unwrap_or(false);
    let cooked = disable_raw_mode();
    scales && cooked.is_ok()
}

/// Whether the terminal is ours to draw on now.
pub fn taken() -> bool {
    ENTERED.load(Ordering::SeqCst)
}

/// Whether a thread has panicked: the terminal was given back for its message.
pub fn panicked() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was. Giving it back twice is giving it back once.
pub fn leave() -> io::Result<()> {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    // Every step is tried, whatever became of the one before.
    let mut out = Out::new();
    let shown = execute!(out, DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, cursor::Show);
    let cooked = disable_raw_mode();
    shown.and(cooked)
}

/// Gives the terminal back before a panic's message is printed, by the hook that
/// was there before.
fn restore_on_panic() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICKED.store(true, Ordering::SeqCst);
            drop(leave());
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_back_what_was_not_taken_does_nothing() {
        assert!(leave().is_ok());
        assert!(leave().is_ok());
    }

    #[test]
    fn what_is_written_is_shown_when_it_goes_out_and_no_later_than_a_piece() {
        use std::sync::Arc;
        let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
        let sink = Arc::clone(&seen);
        witness(Box::new(move |shown| {
            let Shown::Bytes(bytes) = shown else { return };
            sink.lock().unwrap().push(bytes.len());
        }));
        let mut out = Out { to: Vec::new(), written: Vec::new() };
        out.write_all(b"ab").unwrap();
        assert!(seen.lock().unwrap().is_empty());
        out.flush().unwrap();
        out.flush().unwrap();
        out.write_all(&vec![0; PIECE + 1]).unwrap();
        let shown = seen.lock().unwrap().clone();
        assert_eq!((shown[0], shown.iter().sum::<usize>(), out.to.len()), (2, PIECE + 3, PIECE + 3));
        *WITNESS.lock().unwrap() = None;
    }
}
