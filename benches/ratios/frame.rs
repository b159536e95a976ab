//! A frame of a lesson, with 300 processes, on a screen of projector size.

use std::sync::Arc;
use std::time::Instant;

use cloison::i18n::Lang;
use cloison::lesson::Values;
use cloison::lesson::library::Library;
use cloison::observe::model::{Process, Reading, View};
use cloison::observe::{Known, Sampler, Snapshot};
use cloison::session::StepOutcome;
use cloison::ui::update::update;
use cloison::ui::{Event, Model, Theme, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::table::{Measure, Row, Unit, in_turns, timed};

const SIZE: Size = Size::new(200, 60);
const PROCESSES: u32 = 300;
/// How many of them are in the box.
const INSIDE: u32 = 100;
const ROUNDS: usize = 400;
/// The most that a frame may take, in milliseconds.
const LIMIT: f64 = 2.0;

/// The rows.
pub fn rows() -> Vec<Row> {
    let figures = frames().unwrap_or_else(|why| vec![Err(why.clone()), Err(why)]);
    let what = format!("a frame of {}×{}, {PROCESSES} processes", SIZE.width, SIZE.height);
    let [same, news] = &figures[..] else { return Vec::new() };
    vec![
        Row::within(&what, Unit::Millis, same, LIMIT),
        Row::within(&format!("{what}, after a new snapshot"), Unit::Millis, news, LIMIT),
    ]
}

fn frames() -> Result<Vec<Result<f64, String>>, String> {
    let library = Library::open(None).map_err(|error| error.to_string())?;
    let lesson = Arc::new(library.get("pid").map_err(|error| error.to_string())?);
    let now = Instant::now();
    let model = &mut Model::new(Lang::En, Theme::DARK, SIZE, Vec::new());
    let values = Values::new(&lesson, "ana");
    update(model, Event::Opened { lesson, answers: Box::default(), values }, now);
    let [one, other] = [snapshot(1)?, snapshot(2)?].map(Arc::new);
    update(model, Event::Observed(Arc::clone(&one)), now);
    update(model, Event::Performed(StepOutcome::default()), now);
    let screen = || Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).map_err(|error| error.to_string());
    let (mut first, mut second) = (screen()?, screen()?);
    let model = std::cell::RefCell::new(model);
    let mut turn = 0_usize;
    let measures: Vec<Measure<'_>> = vec![
        Box::new(|| {
            timed(|| {
                first.draw(|frame| view::render(frame, &model.borrow())).map(drop).map_err(|error| error.to_string())
            })
        }),
        Box::new(|| {
            turn += 1;
            let snapshot = Arc::clone(if turn.is_multiple_of(2) { &one } else { &other });
            timed(|| {
                update(&mut model.borrow_mut(), Event::Observed(snapshot), now);
                second.draw(|frame| view::render(frame, &model.borrow())).map(drop).map_err(|error| error.to_string())
            })
        }),
    ];
    Ok(in_turns(ROUNDS, measures))
}

/// This machine with other processes; some of their names depend on `turn`.
fn snapshot(turn: u32) -> Result<Snapshot, String> {
    let mut sampler = Sampler::new().map_err(|unread| unread.path)?;
    let mut host = sampler.host();
    let own = std::process::id();
    let inside = |pid: u32| (1..=INSIDE).contains(&pid);
    let process = |pid: u32, nspid: Vec<u32>| Process {
        pid,
        ppid: pid / 2,
        pid_ns: Some(if nspid.len() > 1 || inside(pid) { 4_026_532_999 } else { 4_026_531_836 }),
        nspid,
        uid: pid % 5,
        gid: pid % 5,
        user: pid.is_multiple_of(5).then(|| "root".to_owned()),
        state: 'S',
        name: format!("worker-{pid}"),
        command: format!(
            "/usr/lib/service/worker --number {pid} --turn {}",
            if pid.is_multiple_of(50) { turn } else { 0 }
        ),
    };
    let outside = 1_000..1_000 + PROCESSES;
    let host_list = outside.map(|pid| process(pid, if inside(pid - 999) { vec![pid, pid - 999] } else { vec![pid] }));
    host.processes = Reading::Read(host_list.map(Arc::new).collect());
    let seen = View {
        processes: Reading::Read((1..=INSIDE).map(|pid| Arc::new(process(pid, vec![pid]))).collect()),
        ..host.clone()
    };
    let known = Known {
        name: "box".to_owned(),
        pid: own,
        alive: true,
        exit: None,
        seen: Reading::Read(seen),
        told: cloison::observe::Sections::ALL,
        stale: None,
    };
    Ok(sampler.snapshot_with(host, vec![known]))
}
