//! What `check` and `grade` cost beyond the student's commands, which unshare(1) and bash
//! run beside them in the same namespaces. For `grade` all CPU time is counted, by a control
//! group: that of jails that are killed comes back to no parent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cloison::lesson::answers::{Answers, parse_answers};
use cloison::lesson::library::Library;

use crate::PROGRAM;
use crate::table::{Figure, Measure, Row, Unit, in_turns, timed};

const ROUNDS: usize = 15;
/// Those that need nothing but user namespaces.
const LESSONS: [&str; 5] = ["mnt", "uts", "ipc", "pid", "user"];
/// What student and machine do at the least: the same namespaces.
const PEER: &str =
    "unshare --user --map-root-user --mount --uts --ipc --net --cgroup --pid --fork --mount-proc bash -c";
/// A check's own, in milliseconds.
const OWN: f64 = 100.0;
/// How many are handed in, all five lessons each; CLOISON_SUBMISSIONS says another number.
const SUBMISSIONS: usize = 200;
/// What `grade` may use beside twice its commands' CPU time, for so many.
const SPARE: f64 = 20_000.0;

/// `check`: a lesson's own time.
pub fn check() -> Vec<Row> {
    let place = match tempfile::tempdir() {
        Ok(place) => place,
        Err(error) => return vec![Row::alone("check", Unit::Millis, &Err(error.to_string()))],
    };
    let mut rows = Vec::new();
    for lesson in LESSONS {
        let (solved, empty) = (place.path().join("solved.toml"), place.path().join("empty.toml"));
        let written = solution(lesson).and_then(|answers| {
            let nothing = Answers { lesson: lesson.to_owned(), student: "ana".to_owned(), ..Answers::default() };
            write(&solved, &answers.to_toml()).and_then(|()| write(&empty, &nothing.to_toml()))?;
            Ok(commands(&answers))
        });
        let commands = match written {
            Ok(commands) => commands,
            Err(why) => return vec![Row::alone("check", Unit::Millis, &Err(why))],
        };
        let measures: Vec<Measure<'_>> = vec![
            Box::new(|| timed(|| checked(lesson, &solved))),
            Box::new(|| timed(|| checked(lesson, &empty))),
            Box::new(|| timed(|| run(Command::new("bash").arg("-c").arg(&commands), &[0, 1]))),
        ];
        let figures = in_turns(ROUNDS, measures);
        let [solved, empty, peer] = &figures[..] else { return rows };
        let own = minus(solved, peer);
        rows.push(Row::within(&format!("check {lesson}, solved, without its commands"), Unit::Millis, &own, OWN));
        rows.push(Row::within(&format!("check {lesson}, nothing answered"), Unit::Millis, empty, OWN));
    }
    rows
}

/// `grade`: a class's CPU time.
pub fn grade() -> Vec<Row> {
    let count = std::env::var("CLOISON_SUBMISSIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(SUBMISSIONS);
    let figures = graded(count);
    let (ours, peer) = match figures {
        Ok((ours, peer)) => (Ok(ours), Ok(peer)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    let what = format!("CPU time of grade, {count} submissions of {} lessons", LESSONS.len());
    let share = SPARE * count as f64 / SUBMISSIONS as f64;
    let limit = peer.clone().map(|peer| 2.0 * peer + share);
    let limit = Row::beside(&what, Unit::Millis, &ours, "2 x commands + 20 s", &limit, Some(1.0));
    vec![Row::beside(&what, Unit::Millis, &ours, "their commands", &peer, None), limit]
}

/// The CPU time, in milliseconds, of grading so many, a fourth of them wrong, two at a time; and of
/// their commands.
fn graded(count: usize) -> Result<(f64, f64), String> {
    let failed = |error: std::io::Error| error.to_string();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let place = tempfile::tempdir_in(target).map_err(failed)?;
    let (class, out) = (place.path().join("class"), place.path().join("out"));
    let mut script = String::new();
    for number in 0..count {
        let folder = class.join(format!("student-{number:03}"));
        std::fs::create_dir_all(&folder).map_err(failed)?;
        for lesson in LESSONS {
            let mut answers = solution(lesson)?;
            if number % 4 == 3 {
                let first = answers.tasks.values_mut().next().into_iter().flat_map(|shells| shells.values_mut());
                first.for_each(|lines| "true".clone_into(lines));
            }
            write(&folder.join(format!("{lesson}.toml")), &answers.to_toml())?;
            script += &commands(&answers);
        }
    }
    let commands = place.path().join("commands");
    write(&commands, &script)?;
    let grade = [PROGRAM.into(), "grade".into(), class, "--jobs".into(), "2".into(), "--out".into(), out];
    let ours = cpu(&grade, &[0])?;
    let theirs = cpu(&["bash".into(), commands], &[0, 1])?;
    Ok((ours, theirs))
}

/// Runs a program in a control group of its own; the CPU time of all in it, in milliseconds.
fn cpu(argv: &[PathBuf], codes: &[i32]) -> Result<f64, String> {
    let name = format!("cloison-bench-{}", std::process::id());
    // Version 1, whose tree has this link where it is with another; version 2.
    let trees = [("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")];
    let made = trees.iter().find_map(|(tree, file)| {
        let group = Path::new(tree).join(&name);
        let is_tree = Path::new(tree).join(file).exists();
        (is_tree && std::fs::create_dir(&group).is_ok()).then(|| (group.clone(), group.join(file)))
    });
    let (group, file) = made.ok_or("(no control group for this user)")?;
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ > \"$1\"; shift; exec \"$@\"", "sh"]).arg(group.join("cgroup.procs")).args(argv);
    let ran = run(&mut command, codes);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    // Who was killed last may be on the way out.
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        std::fs::remove_dir(&group).is_ok()
    });
    ran?;
    if !gone {
        return Err(format!("({} is left)", group.display()));
    }
    let nanos = text.trim().parse::<f64>().ok();
    let micros = || text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse::<f64>().ok());
    nanos
        .map(|nanos| nanos / 1e6)
        .or_else(|| micros().map(|micros| micros / 1e3))
        .ok_or_else(|| file.display().to_string())
}

/// What the project itself would answer.
fn solution(lesson: &str) -> Result<Answers, String> {
    let file = Library::open(None).and_then(|library| library.file(lesson, "solution.toml"));
    let file = file.map_err(|error| error.to_string())?.ok_or("(no solution)")?;
    let answers = parse_answers(&file).map_err(|found| format!("{found:?}"))?;
    Ok(Answers { progress: None, ..answers })
}

/// The same commands without the program, as a script: each task's in namespaces of its own.
fn commands(answers: &Answers) -> String {
    let mut script = String::new();
    for lines in answers.tasks.values().flat_map(|shells| shells.values()) {
        let quoted = lines.replace('\'', "'\\''");
        let _ = writeln!(script, "{PEER} '{quoted}' >/dev/null 2>&1 || true");
    }
    script
}

fn checked(lesson: &str, answers: &Path) -> Result<(), String> {
    let mut check = Command::new(PROGRAM);
    run(check.args(["--state", "/nonexistent", "check", lesson, "--answers"]).arg(answers), &[0, 1])
}

fn run(command: &mut Command, codes: &[i32]) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|error| format!("({error})"))?;
    if status.code().is_some_and(|code| codes.contains(&code)) { Ok(()) } else { Err(format!("({status})")) }
}

fn minus(ours: &Figure, theirs: &Figure) -> Figure {
    Ok(ours.clone()? - theirs.clone()?)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| error.to_string())
}
