//! Every figure that the program promises, beside a peer or a limit, measured in one
//! run: `cargo bench --bench ratios [-- PART…]`. It is no test: it prints, and never
//! fails a build. Under root it runs as an ordinary user first.

#[path = "ratios/back.rs"]
mod back;
#[path = "ratios/crowd.rs"]
mod crowd;
#[path = "ratios/frame.rs"]
mod frame;
#[path = "ratios/grading.rs"]
mod grading;
#[path = "ratios/refresh.rs"]
mod refresh;
#[path = "ratios/screen.rs"]
mod screen;
#[path = "ratios/share.rs"]
mod share;
#[path = "ratios/snapshot.rs"]
mod snapshot;
#[path = "ratios/table.rs"]
mod table;
#[path = "ratios/whole_box.rs"]
mod whole_box;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use table::Row;

/// The program measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_cloison");
/// Who the second run is: an id that nobody has.
const ORDINARY: u32 = 12_345;

type Part = fn() -> Vec<Row>;

/// The parts, by the words that choose them; the crowd last, while nothing else runs.
const PARTS: [(&str, Part); 10] = [
    ("box", whole_box::rows),
    ("frame", frame::rows),
    ("start", screen::start),
    ("idle", screen::idle),
    ("snapshot", snapshot::rows),
    ("back", back::rows),
    ("share", share::rows),
    ("check", grading::check),
    ("grade", grading::grade),
    ("refresh", refresh::rows),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches without this word.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    if nix::unistd::geteuid().is_root() && !args.iter().any(|arg| arg == AS_WHO_CALLS) {
        again_as_ordinary(&args);
    }
    let chosen: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
    let mut parts: Vec<(&str, Part)> =
        PARTS.into_iter().filter(|(name, _)| chosen.is_empty() || chosen.contains(name)).collect();
    let last = if parts.len() > 1 { parts.pop_if(|(name, _)| *name == LAST) } else { None };
    table::print(&parts.iter().flat_map(|(_, part)| part()).collect::<Vec<Row>>());
    if last.is_some() {
        on_its_own(LAST);
    }
}

/// The part that needs a process of its own: it counts what this one's processors do,
/// and leaves mounts in its namespace.
const LAST: &str = "refresh";
/// Not as an ordinary user as well.
const AS_WHO_CALLS: &str = "--as-who-calls";

fn on_its_own(part: &str) {
    let status = std::env::current_exe()
        .and_then(|this| Command::new(this).args(["--bench", AS_WHO_CALLS, part]).stdin(Stdio::null()).status());
    if !matches!(&status, Ok(status) if status.success()) {
        println!("\n{part}: {status:?}");
    }
}

fn again_as_ordinary(args: &[String]) {
    let Ok(this) = std::env::current_exe() else { return };
    let id = |option: &str| format!("--{option}={ORDINARY}");
    let run = Command::new("setpriv")
        .args([id("reuid"), id("regid"), "--clear-groups".to_owned()])
        .arg(this)
        .args(args)
        .env("HOME", "/")
        .env_remove("XDG_RUNTIME_DIR")
        .stdin(Stdio::null())
        .status();
    match run {
        Ok(status) if status.success() => {}
        Ok(status) => println!("\nas an ordinary user: {status}"),
        Err(error) => println!("\nas an ordinary user: setpriv: {error}"),
    }
}

/// The options of every lab here.
fn options() -> cloison::lab::Options {
    cloison::lab::Options { program: Some(PathBuf::from(PROGRAM)), ..cloison::lab::Options::default() }
}
