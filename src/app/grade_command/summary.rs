//! All submissions in one place: `summary.csv`, `summary.json` and the table. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::results::{Graded, State};
use crate::i18n::Lang;
use crate::lesson::diagnostic::Both;
use crate::say;
use crate::term::safe::safe;

/// The most lessons that get a column each in the table.
const COLUMNS: usize = 6;
/// The most characters of a name in the table.
const WIDEST: usize = 32;

/// One submission in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its place among all submissions of the directory, from 0.
    pub index: usize,
    /// Its name, and that of its folder.
    pub name: String,
    /// Points earned, and to earn, in all lessons.
    pub points: u32,
    /// To earn.
    pub out_of: u32,
    /// The worst of what its lessons came to.
    pub state: State,
    /// How long its lessons took, in seconds.
    pub seconds: f64,
    /// By lesson.
    pub lessons: Vec<Line>,
}

/// One lesson of a submission in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The lesson; empty where none is known.
    pub lesson: String,
    /// Who its answers say that they are of.
    pub student: String,
    /// What it came to.
    pub state: State,
    /// Points earned.
    pub points: u32,
    /// Points to earn.
    pub out_of: u32,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why it was not judged.
    pub reason: String,
    /// What whoever grades should know of it.
    #[serde(default)]
    pub note: String,
}

/// Which part of all submissions a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1 on.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// Whether it has the submission of this place in the list: those whose number, from
    /// 0 on, leaves `index - 1` when it is divided by `of`.
    pub fn has(self, place: usize) -> bool {
        place % self.of == self.index - 1
    }
}

/// All of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of this form: 1.
    pub format: u32,
    /// The program's version.
    pub program: String,
    /// The shards that it holds: all of one where there was no division.
    pub shards: Vec<Shard>,
    /// How many submissions the directory had, those of other shards included.
    pub listed: usize,
    /// Students that more than one submission says to be of, with those submissions.
    pub same_student: BTreeMap<String, Vec<String>>,
    /// By place in the list.
    pub submissions: Vec<Row>,
}

impl Row {
    /// From results.
    pub fn new(index: usize, graded: &Graded, lang: Lang) -> Self {
        let words = |said: Option<&Both>| said.map(|[en, fr]| lines(lang.pick(en, fr))).unwrap_or_default();
        let line = |entry: &super::results::Entry| Line {
            lesson: safe(&entry.report.lesson),
            student: safe(&entry.report.student),
            state: entry.state,
            points: entry.report.points,
            out_of: entry.report.out_of,
            seconds: seconds(entry.millis),
            reason: words(entry.reason.as_ref()),
            note: words(entry.note.as_ref()),
        };
        let lessons: Vec<Line> = graded.lessons.iter().map(line).collect();
        Self {
            index,
            name: graded.submission.clone(),
            points: lessons.iter().map(|line| line.points).sum(),
            out_of: lessons.iter().map(|line| line.out_of).sum(),
            state: lessons.iter().map(|line| line.state).max().unwrap_or(State::Missing),
            seconds: seconds(graded.lessons.iter().map(|entry| entry.millis).sum()),
            lessons,
        }
    }
}

/// Without what could act on a terminal, but for the ends of lines.
fn lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

impl Summary {
    /// Of these rows, in any order.
    pub fn new(mut rows: Vec<Row>, shards: Vec<Shard>, listed: usize) -> Self {
        rows.sort_by_key(|row| row.index);
        let mut students: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            for line in row.lessons.iter().filter(|line| !line.student.is_empty()) {
                let names = students.entry(line.student.clone()).or_default();
                if names.last() != Some(&row.name) {
                    names.push(row.name.clone());
                }
            }
        }
        students.retain(|_, names| names.len() > 1);
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: 1, program, shards, listed, same_student: students, submissions: rows }
    }

    /// As JSON, indented, with a newline at the end.
    pub fn json(&self) -> String {
        // Only maps with keys that are no texts, and failing writers, can fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// A line per submission and lesson, RFC 4180. What a spreadsheet would take for a
    /// formula has an apostrophe before it.
    pub fn csv(&self) -> String {
        let mut out = String::from("submission,student,lesson,state,points,out_of,seconds,reason,note\r\n");
        for row in &self.submissions {
            for line in &row.lessons {
                let state = state_name(line.state);
                let cells = [&row.name, &line.student, &line.lesson, state].map(cell);
                let (points, out_of, seconds) = (line.points, line.out_of, line.seconds);
                let said = [&line.reason, &line.note].map(cell).join(",");
                let _ = write!(out, "{},{points},{out_of},{seconds:.3},{said}\r\n", cells.join(","));
            }
        }
        out
    }

    /// For people: a line per submission, a column per lesson where there are few, and what
    /// the signs mean.
    pub fn table(&self, lang: Lang) -> String {
        let mut lessons: Vec<&str> = Vec::new();
        for line in self.submissions.iter().flat_map(|row| &row.lessons) {
            if !line.lesson.is_empty() && !lessons.contains(&line.lesson.as_str()) {
                lessons.push(&line.lesson);
            }
        }
        let shown = if lessons.len() <= COLUMNS { lessons.as_slice() } else { &[] };
        let mut rows = vec![vec![lang.pick("submission", "rendu").to_owned()]];
        rows[0].extend([lang.pick("points", "points").to_owned()]);
        rows[0].extend(shown.iter().map(|lesson| (*lesson).to_owned()));
        rows[0].push(lang.pick("time", "durée").to_owned());
        for row in &self.submissions {
            let sign = sign(row.state);
            let mut cells = vec![cut(&row.name), format!("{}/{}{sign}", row.points, row.out_of)];
            let of = |lesson: &&str| row.lessons.iter().find(|line| line.lesson == **lesson);
            cells.extend(shown.iter().map(|lesson| match of(lesson) {
                None => String::new(),
                Some(line) if line.out_of == 0 => self::sign(line.state).trim().to_owned(),
                Some(line) => format!("{}/{}{}", line.points, line.out_of, self::sign(line.state)),
            }));
            cells.push(format!("{:.1} s", row.seconds));
            rows.push(cells);
        }
        let mut out = aligned(&rows);
        out.push_str(&self.totals(lang));
        out
    }

    fn totals(&self, lang: Lang) -> String {
        let mut out = String::from("\n");
        let count = self.submissions.len();
        let passed = self.submissions.iter().filter(|row| row.state == State::Pass).count();
        let line = say!(
            lang,
            "{count} submissions, {passed} of them with all points",
            "{count} rendus, dont {passed} avec tous les points"
        );
        let _ = writeln!(out, "{line}");
        let mut states: Vec<State> =
            self.submissions.iter().flat_map(|row| &row.lessons).map(|line| line.state).collect();
        states.sort();
        states.dedup();
        for state in states.into_iter().filter(|state| !sign(*state).is_empty()) {
            let _ = writeln!(out, "{}  {}", sign(state).trim(), meaning(state, lang));
        }
        for row in &self.submissions {
            for line in row.lessons.iter().filter(|line| !line.note.is_empty()) {
                let (name, note) = (&row.name, &line.note);
                let line = say!(lang, "{name}: {note}", "{name} : {note}");
                let _ = writeln!(out, "{line}");
            }
        }
        for (student, names) in &self.same_student {
            let names = names.join(", ");
            let line = say!(
                lang,
                "the same student, {student}, in several submissions: {names}",
                "le même étudiant, {student}, dans plusieurs rendus : {names}"
            );
            let _ = writeln!(out, "{line}");
        }
        out
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Pass => "pass",
        State::Fail => "fail",
        State::Missing => "missing",
        State::Unreadable => "unreadable",
        State::Stopped => "stopped",
        State::Died => "died",
        State::Cannot => "cannot",
    }
}

fn sign(state: State) -> &'static str {
    match state {
        State::Pass | State::Fail => "",
        State::Missing => " –",
        State::Unreadable => " ?",
        State::Stopped => " ⏱",
        State::Died => " †",
        State::Cannot => " !",
    }
}

fn meaning(state: State, lang: Lang) -> &'static str {
    match state {
        State::Pass | State::Fail => "",
        State::Missing => lang.pick("no answers", "pas de réponses"),
        State::Unreadable => lang.pick("answers that can't be read", "réponses illisibles"),
        State::Stopped => lang.pick("ended at its time limit", "arrêté à sa limite de temps"),
        State::Died => lang.pick(
            "the grader died in its jail, twice: not judged, the next run tries again",
            "le correcteur est mort dans son enceinte, deux fois : non jugé, la prochaine exécution réessaiera",
        ),
        State::Cannot => lang.pick(
            "this machine can't run the lesson, which is not the student's doing",
            "cette machine ne peut pas exécuter la leçon, ce qui n'est pas le fait de l'étudiant",
        ),
    }
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// Columns two spaces apart: the first to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[column] - cell.width());
            line.extend(if column == 0 { ["", cell, &space] } else { ["  ", &space, cell] });
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A cell of CSV.
fn cell(text: &(impl AsRef<str> + ?Sized)) -> String {
    let text = text.as_ref();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', ';', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: usize, name: &str, student: &str, state: State) -> Row {
        let (points, out_of) = (u32::from(state == State::Pass), 1);
        let line = Line {
            lesson: "uts".to_owned(),
            student: student.to_owned(),
            state,
            points,
            out_of,
            seconds: 0.5,
            reason: String::new(),
            note: String::new(),
        };
        Row { index, name: name.to_owned(), points, out_of, state, seconds: 0.5, lessons: vec![line] }
    }

    #[test]
    fn shards_share_all_submissions_among_them() {
        let of = 3;
        for place in 0..20 {
            assert_eq!((1..=of).filter(|index| Shard { index: *index, of }.has(place)).count(), 1);
        }
        assert!(Shard { index: 1, of: 3 }.has(0));
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("@x,\"y\""), "\"'@x,\"\"y\"\"\"");
        assert_eq!(cell("-5"), "'-5");
        assert_eq!(cell("a-5"), "a-5");
        let summary = Summary::new(vec![row(0, "=cmd|' /C calc'!A0", "ana", State::Pass)], vec![], 1);
        assert!(summary.csv().lines().nth(1).is_some_and(|line| line.starts_with("'=cmd")), "{}", summary.csv());
    }

    #[test]
    fn one_student_in_two_submissions_is_said() {
        let rows = vec![
            row(1, "bob", "ana", State::Pass),
            row(0, "ana", "ana", State::Cannot),
            row(2, "eve", "eve", State::Fail),
        ];
        let summary = Summary::new(rows, vec![], 3);
        assert_eq!(
            summary.same_student,
            BTreeMap::from([("ana".to_owned(), vec!["ana".to_owned(), "bob".to_owned()])])
        );
        assert_eq!(
            summary.table(Lang::En),
            "\
submission  points  uts   time
ana          0/1 !    !  0.5 s
bob            1/1  1/1  0.5 s
eve            0/1  0/1  0.5 s

3 submissions, 1 of them with all points
!  this machine can't run the lesson, which is not the student's doing
the same student, ana, in several submissions: ana, bob
"
        );
    }
}
