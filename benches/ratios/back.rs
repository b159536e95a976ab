//! Stepping back: the lab taken down and built again to any step of any lesson.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloison::app::stage::Stage;
use cloison::lesson::Values;
use cloison::lesson::answers::{Progress, load_answers};
use cloison::lesson::library::Library;

use crate::options;
use crate::table::{Figure, Row, Unit};

/// The rows.
pub fn rows() -> Vec<Row> {
    vec![
        Row::within("stepping back, the slowest step of all lessons", Unit::Millis, &step_back(false), 100.0),
        // How long a student's own commands take is the student's affair.
        Row::alone("the same, with the solutions' commands", Unit::Millis, &step_back(true)),
    ]
}

/// The longest that rebuilding the lab to a step takes, of all steps of all lessons
/// but those on control groups, in milliseconds; with or without the commands of its solution.
fn step_back(solved: bool) -> Figure {
    let library = Library::open(None).map_err(|error| error.to_string())?;
    let mut longest = (Duration::ZERO, String::new());
    for listed in library.list() {
        let lesson = Arc::new(library.get(&listed.id).map_err(|error| error.to_string())?);
        // Those on control groups watch programs at work for seconds, and not every user
        // has them.
        if lesson.controllers().is_some() {
            continue;
        }
        let folder = format!("{}/lessons/{:02}-{}", env!("CARGO_MANIFEST_DIR"), lesson.number, lesson.id);
        let solution = std::path::PathBuf::from(format!("{folder}/solution.toml"));
        let mut answers = load_answers(&solution).map_err(|_| format!("({folder})"))?;
        let passed = lesson.steps.iter().filter(|_| solved).map(|step| step.id.clone()).collect();
        answers.progress = Some(Progress { passed, ..Progress::default() });
        let values = Values::new(&lesson, &answers.student);
        let mut stage = Stage::open(Arc::clone(&lesson), values, options()).map_err(|error| error.to_string())?;
        for (to, step) in lesson.steps.iter().enumerate() {
            let start = Instant::now();
            stage.rebuild(to, &answers).map_err(|error| error.to_string())?;
            let took = start.elapsed();
            if took > longest.0 {
                longest = (took, format!("{} {}", lesson.id, step.id));
            }
        }
    }
    eprintln!("the slowest step to go back to: {}", longest.1);
    Ok(longest.0.as_secs_f64() * 1_000.0)
}
