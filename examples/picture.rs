//! Draws the picture of the README: runs the real program on a terminal of its own,
//! presses the keys that lead to a telling step, and writes the cells of the screen
//! as SVG to standard output. `just picture` calls it:
//!
//! ```text
//! picture PROGRAM [ARGUMENT…]
//! ```

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use cloison::kernel::program::{Launch, Streams, launch};
use cloison::kernel::pty::open_pty;
use cloison::kernel::{Errno, Trace};
use unicode_width::UnicodeWidthChar as _;

const ROWS: u16 = 36;
const COLUMNS: u16 = 120;
/// How long the program may take to show what a key leads to.
const PATIENCE: Duration = Duration::from_secs(30);
/// A screen that has not changed for so long is at rest.
const REST: Duration = Duration::from_millis(1200);

/// The size of a cell, in the picture's units.
const CELL: (f32, f32) = (8.4, 16.5);
const GROUND: &str = "#16181d";
const INK: &str = "#d8dbe2";
/// The sixteen colours that a terminal has names for.
const NAMED: [&str; 16] = [
    "#2b2f38", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dbe2", "#6b7280", "#ff8a93",
    "#b5e096", "#ffd58a", "#85c5ff", "#dd9bf0", "#79d3de", "#ffffff",
];

fn io(errno: Errno) -> std::io::Error {
    std::io::Error::from_raw_os_error(errno.0)
}

/// The program on its terminal.
struct Running {
    keys: std::fs::File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Running {
    fn start(argv: &[String]) -> anyhow::Result<Self> {
        let pty = open_pty(&mut Trace::default(), ROWS, COLUMNS).map_err(io)?;
        let master = pty.master.try_clone()?;
        let env = ["TERM=xterm-256color", "COLORTERM=truecolor", "LANG=en_GB.UTF-8", "LC_ALL=C.UTF-8"];
        let mut env: Vec<_> = env.into_iter().map(Into::into).collect();
        for name in ["PATH", "HOME"] {
            env.push(format!("{name}={}", std::env::var(name)?).into());
        }
        let plan = Launch {
            argv: argv.iter().map(Into::into).collect(),
            env,
            path: std::env::var("PATH")?,
            cwd: None,
            processes: None,
        };
        launch(&mut Trace::default(), &plan, &Streams::Terminal(pty.slave))
            .map_err(io)
            .context("the program can't be started")?;
        let cells = |count| NonZeroU16::new(count).context("a screen has cells");
        let screen = vt100::Parser::new(cells(ROWS)?, cells(COLUMNS)?, 0);
        let output = reader(master.as_fd().try_clone_to_owned()?);
        Ok(Self { keys: master.into(), output, screen })
    }

    fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        Ok(self.keys.write_all(keys.as_bytes())?)
    }

    /// Takes in what the program prints until the screen fits.
    fn until(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !fits(&self.screen.screen().contents()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(_) => bail!("no {what} on the screen:\n{}", self.screen.screen().contents()),
            }
        }
        Ok(())
    }

    fn until_shown(&mut self, text: &str) -> anyhow::Result<()> {
        self.until(text, |screen| screen.contains(text))
    }

    /// Takes in what the program prints until it prints nothing new for a moment.
    fn rest(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (mut shown, mut since) = (self.screen.screen().contents(), Instant::now());
        while since.elapsed() < REST && Instant::now() < deadline {
            match self.output.recv_timeout(REST / 10) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the program ended"),
            }
            let now = self.screen.screen().contents();
            if now != shown {
                (shown, since) = (now, Instant::now());
            }
        }
        Ok(())
    }
}

/// Reads the terminal on a thread of its own: only so can waiting have an end.
fn reader(master: OwnedFd) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut master = std::fs::File::from(master);
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            if send.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receive
}

const F9: &str = "\x1b[20~";
const F10: &str = "\x1b[21~";

/// Walks through the lesson `pid` to its first task, and does it.
fn lead(running: &mut Running) -> anyhow::Result<()> {
    // The steps that ask for a prediction, with the choice that is taken.
    let choices = [(2, "1"), (4, "2"), (6, "2")];
    for step in 1..=9 {
        running.until_shown(&format!("step {step}/"))?;
        running.until("lab at rest", |screen| !screen.contains("at work"))?;
        running.rest()?;
        if let Some((_, choice)) = choices.iter().find(|(at, _)| *at == step) {
            running.press(choice)?;
            running.rest()?;
        }
        if step < 9 {
            running.press(F9)?;
        }
    }
    let screen = running.screen.screen().contents();
    let nap: String = screen
        .split("sleep ")
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
        .find(|number| number.len() == 4)
        .context("the task names no number")?;
    running.until_shown("# ")?;
    running.press(&format!("sleep {nap} &\r"))?;
    running.until("a passed task", |screen| screen.matches(" ✓ ").count() >= 2)?;
    running.rest()
}

fn main() -> anyhow::Result<()> {
    let argv: Vec<String> = std::env::args().skip(1).collect();
    if argv.is_empty() {
        bail!("usage: picture PROGRAM [ARGUMENT…]");
    }
    let mut running = Running::start(&argv)?;
    lead(&mut running)?;
    let picture = svg(running.screen.screen());
    running.press(F10)?;
    // Asks whether to leave; yes.
    running.rest()?;
    running.press("\r")?;
    let left = Instant::now() + PATIENCE;
    while !matches!(running.output.recv_timeout(left - Instant::now()), Err(RecvTimeoutError::Disconnected)) {
        if Instant::now() + REST > left {
            bail!("the program does not end");
        }
    }
    std::io::stdout().write_all(picture.as_bytes())?;
    Ok(())
}

fn colour(colour: vt100::Color, default: &str) -> String {
    match colour {
        vt100::Color::Default => default.to_owned(),
        vt100::Color::Idx(n @ 0..=15) => NAMED[usize::from(n)].to_owned(),
        vt100::Color::Idx(n @ 16..=231) => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        vt100::Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

/// How a cell looks: ink, ground, and whether bold, dim, italic, underlined.
#[derive(PartialEq, Clone)]
struct Look {
    ink: String,
    ground: String,
    marks: [bool; 4],
}

fn look(cell: &vt100::Cell) -> Look {
    let (mut ink, mut ground) = (colour(cell.fgcolor(), INK), colour(cell.bgcolor(), GROUND));
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut ground);
    }
    Look { ink, ground, marks: [cell.bold(), cell.dim(), cell.italic(), cell.underline()] }
}

/// The screen, a text element per run of cells that look alike. Every run is given
/// its width, so that columns stay columns whatever font there is.
fn svg(screen: &vt100::Screen) -> String {
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 24.0, f32::from(ROWS) * CELL.1 + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-size=\"14\" \
         font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let Some(first) = screen.cell(row, column) else { break };
            let (start, looks) = (column, look(first));
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| look(cell) == looks) {
                if !cell.is_wide_continuation() {
                    text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                }
                column += 1;
                // A frame's line and a text of the same colour: apart, to be stretched apart.
                let next = screen.cell(row, column).map(|cell| cell.contents().to_owned()).unwrap_or_default();
                if is_frame(&text) != is_frame(&next) {
                    break;
                }
            }
            run(&mut out, row, start, column - start, &text, &looks);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn is_frame(text: &str) -> bool {
    text.chars().next_back().is_some_and(|c| ('\u{2500}'..='\u{259f}').contains(&c))
}

fn run(out: &mut String, row: u16, column: u16, cells: u16, text: &str, look: &Look) {
    let (x, y) = (12.0 + f32::from(column) * CELL.0, 12.0 + f32::from(row) * CELL.1);
    let width = f32::from(cells) * CELL.0;
    if look.ground != GROUND {
        let (ground, height) = (&look.ground, CELL.1);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{ground}\"/>"
        );
    }
    let shown = text.trim_end();
    if shown.is_empty() {
        return;
    }
    let columns: usize = shown.chars().map(|c| c.width().unwrap_or(0)).sum();
    let length = columns as f32 * CELL.0;
    let [bold, dim, italic, underline] = look.marks;
    let mut style = String::new();
    for (is, attribute) in [
        (bold, " font-weight=\"bold\""),
        (dim, " opacity=\"0.65\""),
        (italic, " font-style=\"italic\""),
        (underline, " text-decoration=\"underline\""),
    ] {
        if is {
            style.push_str(attribute);
        }
    }
    let shown = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (ink, base) = (&look.ink, y + 12.8);
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{base:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{style}>{shown}</text>"
    );
}
