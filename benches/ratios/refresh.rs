//! What one look at the machine costs, from the kernel to the cells of the screen,
//! on a quiet machine and on a crowded one. The last part: its mounts stand in a
//! mount namespace of the bench's own from then on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloison::app::stage::Stage;
use cloison::i18n::Lang;
use cloison::kernel::Trace;
use cloison::kernel::mount::mount;
use cloison::kernel::namespace::{unshare, write_file};
use cloison::lesson::Values;
use cloison::lesson::library::Library;
use cloison::observe::Sections;
use cloison::ui::update::update;
use cloison::ui::{Event, Model, Theme, view};
use nix::mount::MsFlags;
use nix::time::ClockId;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use crate::crowd::Crowd;
use crate::options;
use crate::screen::{family, worked};
use crate::table::{Figure, Row, Unit};

const SIZE: Size = Size::new(200, 60);
const ROUNDS: u32 = 40;
/// How far apart the refreshes are, as on the screen of a busy lab.
const EVERY: Duration = Duration::from_millis(200);

/// The rows.
pub fn rows() -> Vec<Row> {
    let there = std::fs::read_dir("/proc").map_or(0, |proc| {
        proc.flatten().filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).count()
    });
    let quiet = refresh(300_usize.saturating_sub(there));
    let crowded = many_mounts(1_000).and_then(|()| refresh(3_000));
    let part = quiet.as_ref().map(|millis| millis * 5.0 / 10.0).map_err(Clone::clone);
    vec![
        Row::within("a refresh, 300 processes (time of processors)", Unit::Millis, &quiet, 3.0),
        Row::within("five such refreshes a second", Unit::PercentOfCore, &part, 2.0),
        Row::within("a refresh, 3,000 processes more and 1,000 mounts", Unit::Millis, &crowded, 20.0),
    ]
}

/// So many mounts, in a namespace of this process's own.
fn many_mounts(count: usize) -> Result<(), String> {
    let failed = |errno: cloison::kernel::Errno| format!("({errno})");
    let trace = &mut Trace::default();
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if uid.is_root() {
        unshare(trace, libc::CLONE_NEWNS).map_err(failed)?;
    } else {
        unshare(trace, libc::CLONE_NEWUSER | libc::CLONE_NEWNS).map_err(failed)?;
        write_file(trace, "/proc/self/setgroups", "deny").map_err(failed)?;
        write_file(trace, "/proc/self/uid_map", &format!("{uid} {uid} 1")).map_err(failed)?;
        write_file(trace, "/proc/self/gid_map", &format!("{gid} {gid} 1")).map_err(failed)?;
    }
    mount(trace, "", "/", "", MsFlags::MS_REC | MsFlags::MS_PRIVATE, "").map_err(failed)?;
    mount(trace, "crowd", "/mnt", "tmpfs", MsFlags::empty(), "").map_err(failed)?;
    for number in 0..count {
        let place = format!("/mnt/place-{number}");
        std::fs::create_dir(&place).map_err(|error| error.to_string())?;
        mount(trace, "crowd", &place, "tmpfs", MsFlags::empty(), "").map_err(failed)?;
    }
    Ok(())
}

/// The time of processors that one refresh takes, in milliseconds: snapshot with two
/// actors, session, panes and frame; here and in the processes of the lab; beside so
/// many sleeping processes.
fn refresh(crowd: usize) -> Figure {
    let library = Library::open(None).map_err(|error| error.to_string())?;
    let lesson = Arc::new(library.get("pid").map_err(|error| error.to_string())?);
    let to = lesson.steps.iter().position(|step| step.id == "guess-orphan").ok_or("(no step `guess-orphan`)")?;
    // A quiet machine's processes were there before: a newcomer is read more often.
    let _crowd = Crowd::gather(crowd)?;
    let mut stage =
        Stage::open(Arc::clone(&lesson), Values::new(&lesson, "ana"), options()).map_err(|error| error.to_string())?;
    let now = Instant::now();
    let model = &mut Model::new(Lang::En, Theme::DARK, SIZE, Vec::new());
    let values = Values::new(&lesson, "ana");
    update(model, Event::Opened { lesson, answers: Box::default(), values }, now);
    for step in 0..=to {
        let outcome = stage.perform(step).map_err(|error| error.to_string())?;
        if step == 0 {
            update(model, Event::Performed(outcome), now);
        }
    }
    let mut screen = Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).map_err(|error| error.to_string())?;
    let lab: Vec<u32> = family(std::process::id()).into_iter().skip(1).collect();
    let own = || ClockId::CLOCK_PROCESS_CPUTIME_ID.now().map(Duration::from).map_err(|error| error.to_string());
    // The first ones read everything.
    while stage.snapshot().map_err(|error| error.to_string())?.namespaces.pending > 0 {}
    let mut total = Duration::ZERO;
    for round in 0..ROUNDS + 3 {
        let (lab_before, before) = (worked(&lab)?, own()?);
        // As the screen asks: all of it every two seconds, at five looks a second.
        let shown = model.lesson().map_or(Sections::ALL, |lesson| lesson.pane.sections());
        let sections = if round % 10 == 0 { Sections::ALL } else { shown | stage.needed(to) };
        let snapshot = stage.glance(sections).map_err(|error| error.to_string())?;
        update(model, Event::Observed(snapshot), Instant::now());
        screen.draw(|frame| view::render(frame, model)).map_err(|error| error.to_string())?;
        let spent = own()?.saturating_sub(before);
        if round >= 3 {
            total += spent + Duration::from_nanos(worked(&lab)?.saturating_sub(lab_before));
        }
        std::thread::sleep(EVERY);
    }
    Ok(total.as_secs_f64() * 1_000.0 / f64::from(ROUNDS))
}
