//! The loop: block, drain, update, draw once. It reads the clock and hands it on;
//! everything else is decided by `update`. Called by the composition root.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crossterm::event::Event as Input;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::event::{Entry, Event, Request};
use super::model::{Model, Mouse, Screen};
use super::projector::{Autoplay, Projector, Sharing};
use super::terminal::{self, Terminal};
use super::theme::Theme;
use super::update::update;
use super::view;
use crate::i18n::Lang;
use crate::lesson::answers::Answers;

/// So many events are taken before a drawing, at most: a shell that prints without
/// end must not keep the screen from moving.
const DRAIN: usize = 256;
/// No more than so long is spent on taking them, and what shells print without
/// pause is drawn no more often than this.
const FRAME: Duration = Duration::from_millis(16);

/// What the screen begins with.
#[derive(Debug)]
pub struct Setup {
    /// The language.
    pub lang: Lang,
    /// The colours; see [`Theme::choose`].
    pub theme: Theme,
    /// The lessons of the list.
    pub entries: Vec<Entry>,
    /// What this machine can do, in a line: English, French.
    pub machine: [String; 2],
    /// What to ask for at once: a lesson, the list of containers, a process; nothing
    /// for the list of lessons.
    pub first: Option<Request>,
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// The lesson is shown on a projector.
    pub projector: Option<Demonstration>,
}

/// A lesson that is shown to a room.
pub struct Demonstration {
    /// What is typed.
    pub solution: Answers,
    /// It goes on by itself.
    pub auto: Option<Autoplay>,
    /// The terminal can show text at twice its size.
    pub scales: bool,
    /// How the room follows in its own terminals, where it may.
    pub sharing: Option<Sharing>,
    /// Is told after every drawing: the model, and what stands on the screen.
    pub audience: Audience,
}

/// Sees every drawing.
pub type Audience = Box<dyn FnMut(&Model, &Buffer)>;

impl std::fmt::Debug for Demonstration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demonstration").field("solution", &self.solution).finish_non_exhaustive()
    }
}

/// Runs the screen until the person leaves, [`Event::Terminate`] comes, or one of
/// the channels is closed. Takes the terminal and gives it back. Fails where the
/// terminal can't be taken or drawn on, and after a panic of any thread.
pub fn run(setup: Setup, events: &Receiver<Event>, requests: &Sender<Request>) -> io::Result<()> {
    terminal::set_mouse(setup.mouse == Mouse::Ours)?;
    let mut terminal = Terminal::take()?;
    let size = terminal.screen.size()?;
    let mut model = Model::new(setup.lang, setup.theme, Size::new(size.width, size.height), setup.entries);
    model.machine = setup.machine;
    model.mouse = setup.mouse;
    let mut audience = setup.projector.map(|Demonstration { solution, auto, scales, sharing, audience }| {
        model.projector = Some(Projector { scales, auto, sharing, ..Projector::new(solution) });
        audience
    });
    if let Some(first) = setup.first {
        match &first {
            Request::Open(id) => model.screen = Screen::List(Some(id.clone())),
            Request::Inspect(pid) => {
                model.screen = Screen::Containers;
                model.containers.opening = Some(*pid);
            }
            _ => model.screen = Screen::Containers,
        }
        if requests.send(first).is_err() {
            return Ok(());
        }
    }
    // Only shells have printed since the last drawing; when that was last drawn.
    let (mut only_output, mut drawn) = (false, None);
    // Where text stands at twice its size.
    let mut scaled = None;
    loop {
        if terminal::panicked() {
            return Err(io::Error::other("a thread of the program has panicked"));
        }
        let not_before = drawn.filter(|_| model.dirty && only_output).map(|drawn: Instant| drawn + FRAME);
        let due = not_before.is_none_or(|instant| instant <= Instant::now());
        // Not while the program is stopped: the terminal is the user's shell's then.
        if model.dirty && due && terminal::taken() {
            model.dirty = false;
            terminal::set_mouse(model.mouse == Mouse::Ours)?;
            // Where a key and a change of size come at once, crossterm loses the latter.
            let size = terminal.size()?;
            if Size::new(size.width, size.height) != model.size {
                let resized = Event::Terminal(Input::Resize(size.width, size.height));
                for request in update(&mut model, resized, Instant::now()) {
                    if requests.send(request).is_err() {
                        return Ok(());
                    }
                }
                model.dirty = false;
            }
            let now_scaled = view::projector::scaled(&model);
            if std::mem::replace(&mut scaled, now_scaled) != now_scaled {
                terminal.forget()?;
            }
            let drawn_now = terminal.screen.draw(|frame| view::render(frame, &model))?;
            if let Some(audience) = &mut audience {
                audience(&model, drawn_now.buffer);
            }
            if only_output {
                drawn = Some(Instant::now());
            }
            only_output = true;
        }
        let Ok(first) = next(&model, events, not_before.filter(|_| !due)) else { return Ok(()) };
        let start = Instant::now();
        let more = || if start.elapsed() < FRAME { events.try_recv().ok() } else { None };
        for event in first.into_iter().chain(std::iter::from_fn(more).take(DRAIN)) {
            only_output &= matches!(event, Event::ShellOutput(..));
            // A terminal that shrank and grew between two drawings has lost what it cut.
            if matches!(event, Event::Terminal(Input::Resize(..))) && terminal::taken() {
                terminal.forget()?;
            }
            if matches!(event, Event::Continue) {
                terminal.retake()?;
                let size = terminal.screen.size()?;
                model.size = Size::new(size.width, size.height);
            }
            for request in update(&mut model, event, Instant::now()) {
                if requests.send(request).is_err() {
                    return Ok(());
                }
            }
            if model.left {
                return Ok(());
            }
        }
    }
}

/// The next event; none when something has expired meanwhile, or a drawing is due
/// (`until`). Waits without end where nothing can.
fn next(model: &Model, events: &Receiver<Event>, until: Option<Instant>) -> Result<Option<Event>, RecvTimeoutError> {
    let Some(deadline) = model.deadline().into_iter().chain(until).min() else {
        return events.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected);
    };
    match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Err(RecvTimeoutError::Timeout) => Ok(Some(Event::Tick)),
        received => received.map(Some),
    }
}
