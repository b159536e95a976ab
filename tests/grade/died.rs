//! A jail that dies while its submission is graded, by somebody else's doing: it is tried
//! again, and never held against the student.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::class::{Class, SOLVED, json, uts};
use crate::support::left::Left;
use crate::support::slow;

/// Who of the processes below a run sleeps for so long, and its ancestors up to the run's own
/// children, these first.
fn line_of(run: u32, sleep: &str) -> Option<Vec<u32>> {
    let found = std::process::Command::new("pgrep").args(["-xf", sleep]).output().unwrap();
    let mut pid: u32 = String::from_utf8(found.stdout).unwrap().lines().next()?.parse().ok()?;
    let mut line = vec![];
    while pid != run {
        line.insert(0, pid);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        pid = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok().filter(|pid| *pid > 1)?;
    }
    Some(line)
}

/// Grades one that takes its time beside a quick one, and kills PID 1 of its jail so many
/// times. The class, and what the run said.
fn killed(times: u32) -> (Class, String) {
    let class = Class::new();
    let sleep = format!("sleep 3.{:07}", std::process::id() * 10 + times);
    class.hand_in("quick.toml", uts(SOLVED));
    class.hand_in("slow.toml", uts(&format!("{sleep}; {SOLVED}")));
    let before = Left::now();
    let run = class.start(&["--format", "json,junit", "--lang", "en"]);
    let mut last = 0;
    for _ in 0..times {
        let deadline = Instant::now() + slow::seconds(40);
        let init = loop {
            assert!(Instant::now() < deadline);
            // The worker, the warden, and PID 1.
            match line_of(run.id(), &sleep).as_deref() {
                Some([_, _, init, _, ..]) if *init != last => break *init,
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        kill(Pid::from_raw(init.cast_signed()), Signal::SIGKILL).unwrap();
        last = init;
    }
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    before.assert_same();
    (class, String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

const SAYS: &str = "Graded once more, since the grader had died in their jail: slow.";

#[test]
fn a_jail_that_was_killed_from_outside_is_tried_again_at_the_end_of_the_run_which_says_so() {
    let (class, said) = killed(1);
    for name in ["quick", "slow"] {
        assert_eq!(class.summary()[name], ("pass".to_owned(), 8), "{said}");
    }
    assert!(said.contains(SAYS), "{said}");
}

#[test]
fn a_jail_that_dies_twice_is_the_machines_doing_and_costs_the_student_nothing() {
    let (class, said) = killed(2);
    assert_eq!(class.summary()["quick"], ("pass".to_owned(), 8));
    assert_eq!(class.summary()["slow"], ("died".to_owned(), 0));
    assert!(said.contains(SAYS) && said.contains("†  the grader died in its jail, twice"), "{said}");
    let row = &json(&class.out().join("summary.json"))["submissions"][1];
    assert_eq!((&row["name"], &row["out_of"]), (&"slow".into(), &0.into()), "{row}");
    let report = &class.report("slow")["lessons"][0];
    assert_eq!((&report["student"], &report["out_of"]), (&"ana".into(), &0.into()), "{report:#}");
    assert_eq!(report["verdicts"], serde_json::json!([]), "{report:#}");
    assert!(report["cannot"].as_str().unwrap().contains("The grader died"), "{report:#}");
    let junit = std::fs::read_to_string(class.out().join("slow/report.junit.xml")).unwrap();
    assert!(!junit.contains("<failure"), "{junit}");
    // The next run has another try.
    assert_eq!(class.results(&[])["slow"], ("pass".to_owned(), 8));
}
