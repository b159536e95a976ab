//! Snapshots: of a host with thousands of processes, beside the two programs that
//! together tell as much; and of a lesson's lab.

use std::sync::Arc;

use cloison::app::stage::Stage;
use cloison::lesson::Values;
use cloison::lesson::library::Library;
use cloison::observe::Sampler;

use crate::crowd::Crowd;
use crate::table::{Measure, Row, Unit, in_turns, program, timed};
use crate::{PROGRAM, options};

const ROUNDS: usize = 11;
const CROWD: usize = 3_000;

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows = {
        let mut rows = with_crowd();
        rows.extend(lesson());
        rows
    };
    if let Ok(data) = std::fs::metadata(PROGRAM) {
        rows.push(Row::alone("the program's file", Unit::Mebibytes, &Ok(data.len() as f64 / f64::from(1 << 20))));
    }
    rows
}

fn with_crowd() -> Vec<Row> {
    let crowd = Crowd::gather(CROWD);
    let mut sampler = Sampler::new().map_err(|unread| format!("({})", unread.path));
    let there = || crowd.as_ref().map(drop).map_err(Clone::clone);
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let measures: Vec<Measure<'_>> = vec![
        Box::new(|| {
            there()?;
            let sampler = sampler.as_mut().map_err(|why| why.clone())?;
            timed(|| {
                std::hint::black_box(sampler.snapshot(Vec::new()));
                Ok(())
            })
        }),
        Box::new(|| timed(|| program(PROGRAM, &text(&["snapshot", "--json"])))),
        Box::new(|| timed(|| program("ps", &text(&["-e"])).and_then(|()| program("lsns", &[])))),
        Box::new(|| timed(|| program(PROGRAM, &text(&["inspect", "--list"])))),
        Box::new(|| timed(|| program("lsns", &[]))),
    ];
    let figures = in_turns(ROUNDS, measures);
    let [taken, command, peers, listed, lsns] = &figures[..] else { return Vec::new() };
    let list = format!("`inspect --list`, {CROWD} more processes");
    let row = |what: &str, ours| Row::beside(what, Unit::Millis, ours, "ps -e, lsns", peers, Some(0.1));
    vec![
        row(&format!("a snapshot, {CROWD} more processes"), taken),
        row(&format!("`snapshot --json`, {CROWD} more processes"), command),
        Row::beside(&list, Unit::Millis, listed, "lsns", lsns, Some(1.0)),
    ]
}

/// The lesson `pid` once it has two actors.
fn lesson() -> Vec<Row> {
    let mut stage = (|| {
        let library = Library::open(None).map_err(|error| error.to_string())?;
        let lesson = library.get("pid").map_err(|error| error.to_string())?;
        let forked = lesson.steps.iter().position(|step| step.id == "fork").ok_or("(no step `fork`)")?;
        let values = Values::new(&lesson, "ana");
        let mut stage = Stage::open(Arc::new(lesson), values, options()).map_err(|error| error.to_string())?;
        for step in 0..=forked {
            stage.perform(step).map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(stage)
    })();
    let measures: Vec<Measure<'_>> = vec![
        Box::new(|| {
            let stage = stage.as_mut().map_err(|why| why.clone())?;
            timed(|| stage.snapshot().map(drop).map_err(|error| error.to_string()))
        }),
        Box::new(|| timed(|| program("ps", &["-e".to_owned()]))),
    ];
    let figures = in_turns(4 * ROUNDS, measures);
    let [taken, ps] = &figures[..] else { return Vec::new() };
    vec![Row::beside("a lesson's snapshot, two actors", Unit::Millis, taken, "ps -e", ps, None)]
}
