//! Figures, how they are taken in turns, and the table of them.

use std::time::{Duration, Instant};

/// A figure, or why there is none.
pub type Figure = Result<f64, String>;

/// What a figure counts.
#[derive(Clone, Copy)]
pub enum Unit {
    Millis,
    Mebibytes,
    PercentOfCore,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Millis => format!("{figure:.2} ms"),
            Self::Mebibytes => format!("{figure:.1} MiB"),
            Self::PercentOfCore => format!("{figure:.2} %"),
        }
    }
}

/// A line of the table.
pub struct Row {
    what: String,
    unit: Unit,
    ours: Figure,
    peer: String,
    theirs: Figure,
    /// The most that ours may be of theirs.
    target: Option<f64>,
}

impl Row {
    /// Ours beside a peer's, with the most that the ratio may be.
    pub fn beside(what: &str, unit: Unit, ours: &Figure, peer: &str, theirs: &Figure, target: Option<f64>) -> Self {
        let (ours, theirs) = (ours.clone(), theirs.clone());
        Self { what: what.to_owned(), unit, ours, peer: peer.to_owned(), theirs, target }
    }

    /// Ours beside a limit.
    pub fn within(what: &str, unit: Unit, ours: &Figure, limit: f64) -> Self {
        Self::beside(what, unit, ours, "limit", &Ok(limit), Some(1.0))
    }

    /// A figure without a peer.
    pub fn alone(what: &str, unit: Unit, ours: &Figure) -> Self {
        Self::beside(what, unit, ours, "", &Err(String::new()), None)
    }

    fn cells(&self) -> [String; 6] {
        let show = |figure: &Figure| figure.as_ref().map_or_else(Clone::clone, |figure| self.unit.show(*figure));
        let ratio = self.ours.as_ref().ok().zip(self.theirs.as_ref().ok()).map(|(ours, theirs)| ours / theirs);
        let verdict = match (ratio, self.target) {
            (Some(ratio), Some(target)) if ratio <= target => "met",
            (Some(_), Some(_)) => "NOT MET",
            (None, Some(_)) => "not measured",
            (_, None) => "",
        };
        [
            self.what.clone(),
            show(&self.ours),
            format!("{} {}", self.peer, show(&self.theirs)).trim().to_owned(),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}")),
            self.target.map_or_else(String::new, |target| format!("≤ {target:.2}")),
            verdict.to_owned(),
        ]
    }
}

/// Prints the table, with who measured and how busy the machine was.
pub fn print(rows: &[Row]) {
    let who = if nix::unistd::geteuid().is_root() { "root" } else { "an ordinary user" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_ascii_whitespace().take(2).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\nAs {who}; {cores} cores, load {} (1 min, 5 min). Medians, taken in turns.\n", load.join(" "));
    let head = ["what", "ours", "peer", "ratio", "target", ""].map(str::to_owned);
    let table: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for cells in &table {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            // Figures stand to the right.
            1 | 3 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A measure, taken once.
pub type Measure<'a> = Box<dyn FnMut() -> Result<Duration, String> + 'a>;

/// The medians, in milliseconds, of several measures: one of each in turn, so that
/// a busy machine is busy for all; a first turn is not counted.
pub fn in_turns(rounds: usize, mut measures: Vec<Measure<'_>>) -> Vec<Figure> {
    let mut taken: Vec<Result<Vec<f64>, String>> = measures.iter().map(|_| Ok(Vec::new())).collect();
    for round in 0..=rounds {
        for (measure, taken) in measures.iter_mut().zip(&mut taken) {
            let Ok(figures) = taken else { continue };
            match measure() {
                Ok(time) if round > 0 => figures.push(time.as_secs_f64() * 1_000.0),
                Ok(_) => {}
                Err(why) => *taken = Err(why),
            }
        }
    }
    taken.into_iter().map(|taken| taken.map(median)).collect()
}

/// How long something takes.
pub fn timed(work: impl FnOnce() -> Result<(), String>) -> Result<Duration, String> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// Runs a program to its end, all that it says thrown away.
pub fn program(program: &str, args: &[String]) -> Result<(), String> {
    use std::process::{Command, Stdio};
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("({status})")),
        Err(error) => Err(format!("({error})")),
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
