//! How far it is, on standard error: a bar that is drawn over where that is a terminal,
//! else a line per submission.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::summary::Row;
use crate::i18n::Lang;
use crate::say;

/// The bar's own width, in characters.
const BAR: usize = 20;
/// How long a line may be: what is longer would break, and could not be drawn over.
const WIDEST: usize = 79;

/// What is known of it.
pub struct Progress {
    lang: Lang,
    total: usize,
    done: usize,
    start: Instant,
    running: Vec<String>,
    terminal: bool,
}

impl Progress {
    /// Of so many submissions.
    pub fn new(total: usize, lang: Lang) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { lang, total, done: 0, start: Instant::now(), running: Vec::new(), terminal }
    }

    /// One is under way.
    pub fn started(&mut self, name: String) {
        self.running.push(name);
        self.draw();
    }

    /// One is done.
    pub fn finished(&mut self, row: &Row) {
        self.done += 1;
        self.running.retain(|name| *name != row.name);
        if self.terminal {
            return self.draw();
        }
        let (name, points, out_of, done, total) = (&row.name, row.points, row.out_of, self.done, self.total);
        let line = say!(
            self.lang,
            "{name}: {points}/{out_of} points ({done} of {total})",
            "{name} : {points}/{out_of} points ({done} sur {total})"
        );
        // Nobody may be there to read it; the results are in files.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Draws the bar anew.
    pub fn draw(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r{}\x1b[K", self.line(self.start.elapsed()));
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let (done, total) = (self.done, self.total);
        let filled = (BAR * done).checked_div(total).unwrap_or(BAR);
        let bar = format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR - filled));
        let left = match done {
            0 => String::new(),
            _ => {
                let seconds = (elapsed.as_secs_f64() / done as f64 * (total - done) as f64).ceil() as u64;
                let time = format!("{}:{:02}", seconds / 60, seconds % 60);
                say!(self.lang, ", {time} left", ", reste {time}")
            }
        };
        let running = self.running.join(", ");
        format!("{bar} {done}/{total}{left}  {running}").chars().take(WIDEST).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_far_how_long_still_and_who_is_under_way() {
        let running = vec!["ana".to_owned(), "bob".to_owned()];
        let progress =
            Progress { lang: Lang::En, total: 200, done: 50, start: Instant::now(), running, terminal: true };
        assert_eq!(progress.line(Duration::from_secs(100)), "[#####...............] 50/200, 5:00 left  ana, bob");
        let progress = Progress { running: vec!["x".repeat(200)], total: 0, done: 0, ..progress };
        assert_eq!(progress.line(Duration::ZERO).chars().count(), WIDEST);
    }
}
