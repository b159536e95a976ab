//! `cloison check` against answers that are wrong, unreadable or hostile: it always
//! ends in a verdict within its time, and nothing reaches the machine. Run as root
//! and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use support::left::Left;

/// Runs `check uts` on an answers file with this text.
fn check(text: &str, format: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("answers.toml");
    std::fs::write(&file, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", "uts", "--lang", "en", "--format", format, "--answers"])
        .arg(&file)
        .output()
        .unwrap()
}

/// A valid file in which one task has these commands.
fn answers(commands: &str) -> String {
    let commands = toml::Value::String(commands.to_owned());
    format!("format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n[tasks.name]\nbox = {commands}\n")
}

/// Grades one hostile script: the task fails with full reports, in bounded time,
/// with nothing left.
fn hostile(commands: &str) -> Value {
    let before = Left::now();
    let start = Instant::now();
    let output = check(&answers(commands), "json");
    assert!(start.elapsed() < support::slow::seconds(100), "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(state(&report, "name", "renamed"), "fail", "{report:#}");
    before.assert_same();
    report
}

fn state(report: &Value, step: &str, check: &str) -> String {
    let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|one| one["step"] == step && one["check"] == check).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_shell_has_at_a_later_task_what_it_had_at_the_end_of_an_earlier_one() {
    let tasks = |first: &str, second: &str| {
        let [first, second] = [first, second].map(|lines| toml::Value::String(lines.to_owned()));
        let text = "format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n";
        let text = format!("{text}[tasks.name]\nbox = {first}\n[tasks.domain]\nbox = {second}\n");
        let report: Value = serde_json::from_slice(&check(&text, "json").stdout).unwrap();
        assert_eq!(state(&report, "name", "renamed"), "pass", "{report:#}");
        state(&report, "domain", "domain-set")
    };
    let named = "hostname mistral-77";
    for (first, second) in [
        ("x=colline-71", "domainname $x"),
        ("export x=\"a\nb\"", "[ \"$(bash -c 'echo \"$x\"')\" = \"$(printf 'a\\nb')\" ] && domainname colline-71"),
        ("cd /tmp", "[ $PWD = /tmp ] && domainname colline-71"),
        ("f() { domainname colline-71; }; alias g=f", "g"),
        (
            "list=(1 2 colline-71); unset HOME; umask 027",
            "[ -z \"${HOME-}\" ] && [ $(umask) = 0027 ] && domainname ${list[2]}",
        ),
        ("shopt -s extglob; set -f", "[[ colline == @(colline) ]] && [[ $- == *f* ]] && domainname colline-71"),
        ("x=colline-71; exec >/dev/null; exec 2>&1; echo much", "[ -z \"${x-}\" ] && domainname colline-71"),
        ("x=colline-71; hostname mistral-77; exit 3", "[ -z \"${x-}\" ] && domainname colline-71"),
        ("set -- a b; shift", "domainname colline-71"),
    ] {
        assert_eq!(tasks(&format!("{first}\n{named}"), second), "pass", "{first}");
    }
    assert_eq!(tasks(named, "domainname ${x-colline}"), "fail");
}

#[test]
fn lines_that_were_typed_in_two_shells_by_turns_are_run_by_turns() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ipc.toml");
    let box_lines = "echo 1 > /tmp/first; x=96220\n[ -e /tmp/second ] && ipcmk -M $x";
    let text = format!(
        "format = 1\nlesson = \"ipc\"\nstudent = \"ana\"\n[tasks.make]\nbox = {}\npeer = \"cp /tmp/first /tmp/second\"\n",
        toml::Value::String(box_lines.to_owned())
    );
    let made = |turns: &str| {
        std::fs::write(&file, format!("{text}{turns}")).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_cloison"));
        let output = check.args(["check", "ipc", "--format", "json", "--answers"]).arg(&file).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let verdicts = report["lessons"][0]["verdicts"].as_array().unwrap().iter();
        verdicts.filter(|one| one["step"] == "make").all(|one| one["state"] == "pass")
    };
    assert!(made("[turns]\nmake = [\"box\", \"peer\", \"box\"]\n"));
    assert!(!made(""));
    // They are of other lines: as if there were none.
    assert!(!made("[turns]\nmake = [\"box\", \"peer\"]\n"));
}

#[test]
fn commands_that_hang_are_stopped_and_said_to_be() {
    let report = hostile("sleep 100000");
    assert!(report.to_string().contains("were stopped after 10 s"), "{report:#}");
}

#[test]
fn what_is_left_in_the_background_may_still_print() {
    let later = "(sleep 0.3; echo a word; hostname mistral-77) &";
    let report: Value = serde_json::from_slice(&check(&answers(later), "json").stdout).unwrap();
    assert_eq!(state(&report, "name", "renamed"), "pass", "{report:#}");
}

#[test]
fn commands_that_ignore_signals_and_close_their_output_are_stopped_too() {
    hostile("trap '' TERM INT HUP; exec >/dev/null 2>&1; while :; do sleep 1000; done");
}

#[test]
fn a_fork_bomb_meets_a_limit_and_the_rest_of_the_lesson_is_still_judged() {
    let report = hostile("b() { b | b & }; b; sleep 3");
    assert_eq!(state(&report, "domain", "name-kept"), "pass", "{report:#}");
}

#[test]
fn endless_output_and_escape_sequences_reach_nobody() {
    hostile("while :; do printf '\\033]0;owned\\007\\033[2J%0999d' 1; done");
    let output =
        check(&answers("printf '\\033]52;c;b3duZWQ=\\007'; hostname \"$(printf 'a\\033]0;b\\007')\""), "human");
    let shown = [output.stdout, output.stderr].concat();
    assert!(!shown.contains(&0x1b) && !shown.contains(&0x07), "{}", String::from_utf8_lossy(&shown));
}

#[test]
fn commands_that_kill_all_that_they_can_reach_kill_only_the_lab() {
    let mut witness = Command::new("sleep").arg("1000").spawn().unwrap();
    for commands in ["kill -9 -1", "for p in /proc/[0-9]*; do kill -9 ${p#/proc/} 2>/dev/null; done"] {
        hostile(commands);
    }
    assert_eq!(witness.try_wait().unwrap(), None, "a process of the host was killed");
    witness.kill().unwrap();
    witness.wait().unwrap();
}

#[test]
fn commands_that_leave_no_place_for_another_lab_fail_and_are_not_taken_for_the_machines_doing() {
    let report = hostile("base=$(dirname \"$(dirname \"$VOLUMES\")\"); rm -rf \"$base\"; : >\"$base\"; kill -9 -1");
    let found = report["lessons"][0]["verdicts"].as_array().unwrap().last().unwrap();
    assert_eq!((&found["check"], &found["state"]), (&"lesson".into(), &"error".into()), "{report:#}");
    assert!(found["found"].as_str().unwrap().contains("ENOTDIR"), "{report:#}");
}

#[test]
fn commands_cannot_write_to_the_machine_nor_see_the_home_of_who_grades() {
    let target = PathBuf::from(format!("/var/tmp/cloison-test-{}", std::process::id()));
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("secret"), "x").unwrap();
    let commands = format!(
        "touch {0} /etc/cloison-test /usr/cloison-test; rm -rf {1} 2>/dev/null; [ -e {1}/secret ] && hostname seen; true",
        target.display(),
        home.path().display()
    );
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("answers.toml");
    std::fs::write(&file, answers(&commands)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", "uts", "--format", "json", "--answers"])
        .arg(&file)
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("\"seen\""), "the home was in view");
    assert!(home.path().join("secret").exists());
    for path in [target, "/etc/cloison-test".into(), "/usr/cloison-test".into()] {
        assert!(!path.exists(), "{} was written", path.display());
    }
}

#[test]
fn the_hosts_name_survives_a_host_shell_that_is_root() {
    let before = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let text = "format = 1\nlesson = \"pid\"\nstudent = \"ana\"\n[tasks.stop]\nhost = \"hostname intrus; domainname intrus\"\n";
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("answers.toml");
    std::fs::write(&file, text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", "pid", "--answers"])
        .arg(&file)
        .output()
        .unwrap()
        .status;
    assert_eq!(status.code(), Some(1));
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

/// Answers to the lesson `pid` that solve its task on the host's side if this holds there.
fn pid_where(holds: &str) -> String {
    let solution = std::fs::read_to_string("lessons/09-pid/solution.toml").unwrap();
    let solved = "kill -STOP \\\"$(pgrep -xf 'sleep 9144')\\\"";
    assert!(solution.contains(solved));
    let script = format!("if {holds}; then kill -STOP $(pgrep -xf 'sleep 9144'); fi");
    solution.replace(&format!("\"{solved}\""), &toml::Value::String(script).to_string())
}

#[test]
fn nobody_checks_with_shells_of_the_host_that_are_the_machines_root() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("pid.toml");
    let exits = |holds: &str| {
        std::fs::write(&file, pid_where(holds)).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_cloison"));
        check.args(["check", "pid", "--answers"]).arg(&file).output().unwrap().status.code()
    };
    assert_eq!(exits("true"), Some(0));
    assert_eq!(exits("[ $(id -u) = 0 ]"), Some(1));
    // Nor by a map: who is root in there is somebody outside.
    assert_eq!(exits("grep -q ' 0 *4294967295$' /proc/self/uid_map"), Some(1));
    assert_eq!(exits("mount -t tmpfs t /mnt || hostname intrus"), Some(1));
}

#[test]
fn a_check_on_groups_that_is_ended_at_any_moment_leaves_no_group_and_no_process() {
    let test = "a_check_on_groups_that_is_ended_at_any_moment_leaves_no_group_and_no_process";
    if !nix::unistd::geteuid().is_root() {
        return support::skip::skip(test, "no control groups with its controllers for this user");
    }
    let before = Left::now();
    let place = tempfile::tempdir().unwrap();
    let labs = place.path().join("cloison");
    let file = place.path().join("pids.toml");
    // A number that nobody else sleeps for.
    let nap = 3_000_000 + std::process::id();
    let lesson = cloison::lesson::Library::open(None).unwrap().get("pids").unwrap();
    let (step, task) = lesson.steps.iter().find_map(|step| Some((&step.id, step.task.as_ref()?))).unwrap();
    let shell = &task.shells[0];
    let text = format!("format = 1\nlesson = \"pids\"\nstudent = \"ana\"\n[tasks.{step}]\n{shell} = \"sleep {nap}\"\n");
    std::fs::write(&file, text).unwrap();
    let sleeps = || {
        let found = Command::new("pgrep").args(["-f", &format!("^sleep {nap}$")]).output().unwrap();
        !found.stdout.is_empty()
    };
    let groups = |program: u32| !cloison::app::left::groups_of(program).is_empty();
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let deadline = Instant::now() + support::slow::seconds(20);
        while !holds() {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    };
    let entries = || std::fs::read_dir(&labs).map_or(0, Iterator::count);
    for moment in ["its directory", "its groups", "its commands"] {
        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            let mut check = Command::new(env!("CARGO_BIN_EXE_cloison"));
            check.args(["check", "pids", "--answers"]).arg(&file).env("CLOISON_RUNTIME_DIR", place.path());
            let mut check = check.stdout(std::process::Stdio::null()).spawn().unwrap();
            let program = check.id();
            let reached: &dyn Fn() -> bool = match moment {
                "its directory" => &|| entries() > 0,
                "its groups" => &|| groups(program),
                _ => &sleeps,
            };
            until(moment, reached);
            kill(Pid::from_raw(program.cast_signed()), signal).unwrap();
            assert_eq!(check.wait().unwrap().code(), None, "{moment}, {signal}");
            until("its groups are gone", &|| !groups(program));
            until("its directory is gone", &|| entries() == 0);
            until("its commands have ended", &|| !sleeps());
        }
    }
    before.assert_same();
}

#[test]
fn a_pid_that_was_typed_in_another_lab_is_found_anew() {
    let solution = std::fs::read_to_string("lessons/13-time/solution.toml").unwrap();
    let place = tempfile::tempdir().unwrap();
    let grade = |pid: &str| {
        let text = solution.replace("$(pgrep -xf 'cloison peer')", pid);
        assert_ne!(text, solution);
        let file = place.path().join("time.toml");
        std::fs::write(&file, text).unwrap();
        let check =
            Command::new(env!("CARGO_BIN_EXE_cloison")).args(["check", "time", "--answers"]).arg(&file).status();
        check.unwrap().code()
    };
    assert_eq!(grade("{pid 999999 peer}"), Some(0));
    assert_eq!(grade("{pid 999999 nobody}"), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_or_is_of_another_lesson_exits_2_and_says_where() {
    for (text, says) in [
        ("format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n[answers]\nguess-copy = \"maybe\"\n", "answers.toml:5"),
        ("format = 1\nlesson = \"pid\"\nstudent = \"ana\"\n", "answers.toml:2"),
        ("format = [\n", "answers.toml"),
        ("format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n[tasks.name]\nbxo = \"x\"\n", "box"),
    ] {
        let output = check(text, "json");
        assert_eq!(output.status.code(), Some(2), "{text}");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains(says), "{words}");
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["check", "uts", "--answers", "/nowhere/at/all.toml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/at/all.toml"));
}

#[test]
fn a_lesson_that_does_not_exist_exits_2_with_those_that_are_like_it() {
    for (name, lang, says) in [
        ("utz", "en", "did you mean `uts` (07)?"),
        ("pidz", "fr", "« pid » (09) ou « pids » (19) ?"),
        ("99", "en", "A lesson is named by its id or its number, 1 to "),
        ("+7", "fr", "Une leçon se nomme par son identifiant ou son numéro, de 1 à "),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_cloison")).args(["check", name, "--lang", lang]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains(says), "{name}: {words}");
    }
}

#[test]
fn a_lesson_is_graded_by_its_number_too() {
    let solutions = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
    for name in ["07", "7"] {
        let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
            .args(["check", name, "--format", "json", "--answers", solutions])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["lessons"][0]["lesson"], "uts", "{name}");
    }
}
