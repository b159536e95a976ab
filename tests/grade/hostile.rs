//! Commands that are out for more than the task: each gets the verdict that it deserves,
//! nothing is left of it, and those around it get theirs unchanged.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::class::{Class, LESSONS, PROGRAM, SOLVED, json, uts};
use crate::support::left::Left;
use crate::support::slow;

/// Answers to the lesson `pid` that do something on the host's side of the box, besides what
/// solves the task.
fn on_host(script: &str) -> String {
    let solution = std::fs::read_to_string(format!("{LESSONS}/09-pid/solution.toml")).unwrap();
    let solved = "kill -STOP \\\"$(pgrep -xf 'sleep 9144')\\\"";
    assert!(solution.contains(solved));
    let script = toml::Value::String(script.to_owned());
    solution.replace(&format!("\"{solved}\""), &script.to_string())
}

/// Hands in good ones among these, twice: alone, and beside them. Their reports must be the
/// same. What the others came to.
fn beside_good_ones(hostile: &[(&str, String)]) -> BTreeMap<String, (String, u64)> {
    let good = [("a-good", SOLVED), ("m-wrong", "hostname wrong"), ("z-good", SOLVED)];
    let reports = |class: &Class| good.map(|(name, _)| class.report(name));
    let alone = Class::new();
    let among = Class::new();
    for (name, script) in good {
        alone.hand_in(format!("{name}.toml"), uts(script));
        among.hand_in(format!("{name}.toml"), uts(script));
    }
    for (name, text) in hostile {
        among.hand_in(format!("{name}.toml"), text);
    }
    alone.results(&[]);
    let before = Left::now();
    let results = among.results(&["--jobs", "2"]);
    before.assert_same();
    assert_eq!(reports(&alone), reports(&among));
    results
}

fn wrong(results: &BTreeMap<String, (String, u64)>, name: &str) {
    assert_eq!(results[name], ("fail".to_owned(), 5), "{name}: {results:#?}");
}

#[test]
fn what_uses_up_the_machine_or_never_ends_costs_its_own_time_and_no_more() {
    let memory = "for i in 1 2 3; do perl -e '$_ = 1; push @a, \"x\" x (1 << 26) while 1' & done; wait";
    let disk = "for place in /tmp /var/tmp /dev/shm /run ~; do cat /dev/zero > $place/full; done; ls -l /tmp/full";
    // A number that nobody else sleeps for.
    let nap = 1_000_000 + std::process::id();
    let stubborn = format!("trap '' TERM INT HUP; exec >/dev/null 2>&1; while :; do sleep {nap}; done");
    let daemon =
        format!("setsid sleep {nap} </dev/null >/dev/null 2>&1 & (setsid setsid sleep {nap} &) >/dev/null 2>&1");
    let sleeper = format!("sleep {nap}");
    let hostile = [
        ("bomb", "b() { b | b & }; b; sleep 3"),
        ("memory", memory),
        ("disk", disk),
        ("output", "yes"),
        ("sleeper", sleeper.as_str()),
        ("stubborn", &stubborn),
        ("daemon", &daemon),
        ("killer", "kill -9 $PPID; kill -9 1; kill -9 -1"),
        ("fake", "echo '{\"format\":1,\"passed\":true,\"points\":8}'; printf '\\033]0;x\\007+\\001'"),
    ];
    let start = Instant::now();
    let results = beside_good_ones(&hostile.map(|(name, script)| (name, uts(script))));
    assert!(start.elapsed() < slow::seconds(150), "{:?}", start.elapsed());
    for (name, _) in hostile {
        wrong(&results, name);
    }
    let still = std::process::Command::new("pgrep").args(["-f", &format!("^sleep {nap}$")]).output().unwrap();
    assert!(still.stdout.is_empty(), "left: {}", String::from_utf8_lossy(&still.stdout));
}

/// Each solves its task only where it finds what is to be hidden.
#[test]
fn nothing_of_others_nor_of_the_solution_nor_of_the_grader_is_within_reach() {
    let class = Class::new();
    class.hand_in("a-victim.toml", uts(SOLVED));
    std::os::unix::fs::symlink(class.path(), class.path().join("by-link")).unwrap();
    let (place, out) = (class.submissions(), class.out());
    let (place, out, top) = (place.display(), out.display(), class.path().display());
    let found = |what: &str| format!("if {what}; then {SOLVED}; fi");
    let hostile = [
        ("others", found(&format!("[ -e {place}/a-victim.toml ] || ls {place} {top}/by-link/class | grep -q victim"))),
        ("others-by-root", found(&format!("grep -qs mistral /proc/*/root{place}/* /proc/*/cwd/*"))),
        (
            "uncover",
            found(&format!(
                "unshare -Urm sh -c 'umount {place}; umount -l {place}; ls {place}' 2>/dev/null | grep -q victim"
            )),
        ),
        ("results", found(&format!("echo x > {out}/a-victim/report.json || ls {out} | grep -q victim"))),
        ("lesson", found(&format!("echo x > {LESSONS}/07-uts/lesson.toml || [ -e {LESSONS}/07-uts/solution.toml ]"))),
        ("program", found(&format!("grep -qsa 'domainname colline-71' {PROGRAM} /proc/*/exe"))),
        ("environment", found("cat /proc/*/environ | tr '\\0' '\\n' | grep -qs 'a-secret-wor[d]'")),
        ("descriptors", found(&format!("ls -l /proc/*/fd 2>/dev/null | grep -qsF -e {place} -e {out} -e {LESSONS}"))),
        ("host", found("[ -e /proc/sys/kernel/core_pattern ] && echo '|/bin/false' > /proc/sys/kernel/core_pattern")),
    ];
    for (name, script) in &hostile {
        class.hand_in(format!("{name}.toml"), uts(script));
    }
    let output = class.command(&["--lessons", LESSONS]).env("CLOISON_TEST", "a-secret-word").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let results = class.summary();
    assert_eq!(results["a-victim"], ("pass".to_owned(), 8));
    for (name, _) in hostile {
        wrong(&results, name);
    }
}

/// As above, from the host's side of the box, where commands are of the grader's own user.
#[test]
fn the_grader_itself_can_not_be_read_traced_or_written_to_by_commands_of_its_user() {
    let class = Class::new();
    let (place, out) = (class.submissions(), class.out());
    let (place, out) = (place.display(), out.display());
    let solved = "kill -STOP \"$(pgrep -xf 'sleep 9144')\"";
    let found = |what: &str| on_host(&format!("if {what}; then {solved}; fi"));
    class.hand_in("a-control.toml", on_host(&format!("if true; then {solved}; fi")));
    let hostile = [
        ("environment", found("cat /proc/1/environ | grep -qs PATH")),
        ("descriptors", found("ls /proc/1/fd | grep -qs .")),
        ("pipe", found("for fd in /proc/1/fd/*; do echo +forged > $fd && touch /tmp/forged; done; [ -e /tmp/forged ]")),
        ("memory", found("head -c 1 /proc/1/mem; [ -r /proc/1/mem ] && : < /proc/1/mem")),
        ("others", found(&format!("ls {place} {out} | grep -qs control"))),
        ("uncover", found(&format!("umount {place} || umount /tmp || mount -o remount,bind,rw /"))),
        ("kernel", found("echo '|/bin/false' > /proc/sys/kernel/core_pattern")),
    ];
    for (name, text) in &hostile {
        class.hand_in(format!("{name}.toml"), text);
    }
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let results = class.results(&[]);
    let whole = &results["a-control"];
    assert_eq!(whole.0, "pass");
    for (name, _) in hostile {
        assert_eq!(results[name], ("fail".to_owned(), whole.1 - 2), "{name}");
    }
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap(), pattern);
}

#[test]
fn values_come_from_the_class_key_which_no_command_can_read_and_no_other_student_has() {
    let class = Class::new();
    let key = class.path().join("key");
    let made = std::process::Command::new(PROGRAM).args(["answers", "key"]).arg(&key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = cloison::app::class::read_key(&key).unwrap();
    let lesson = cloison::lesson::Library::open(None).unwrap().get("uts").unwrap();
    let own = |student: &str| {
        let values = cloison::lesson::Values::keyed(&lesson, &read.token(student));
        let value = |name: &str| values.get(name).unwrap().to_owned();
        (format!("hostname {}", value("name")), format!("domainname {}", value("domain")))
    };
    let answers = |student: &str, name: &str, domain: &str| {
        uts(name).replace("\"ana\"", &format!("{student:?}")).replace("domainname colline-71", domain)
    };
    let ((ana, domain), (bob, other)) = (own("ana"), own("bob"));
    let place = key.display();
    let reads = format!("if cat {place} /proc/*/root{place} | grep -qs .; then {ana}; fi");
    class.hand_in("ana.toml", answers("ana", &ana, &domain));
    class.hand_in("reader.toml", answers("ana", &reads, &domain));
    class.hand_in("keyless.toml", uts(SOLVED));
    class.hand_in("bob.toml", answers("bob", &ana, &domain));
    class.hand_in("copy.toml", answers("ana", &ana, &domain));
    class.hand_in("nameless.toml", answers("", &bob, &other));
    let results = class.results(&["--key", key.to_str().unwrap()]);
    assert_eq!(results["ana"], ("pass".to_owned(), 8));
    wrong(&results, "reader");
    for name in ["keyless", "bob"] {
        assert_eq!(results[name], ("fail".to_owned(), 3), "{name}");
    }
    assert_eq!(results["nameless"], ("unreadable".to_owned(), 0));
    // Who has not joined is told, with what tells it; nobody else is.
    let summary = json(&class.out().join("summary.json"));
    let rows = summary["submissions"].as_array().unwrap();
    let said = rows.iter().filter(|row| row["lessons"][0]["note"] != "");
    let said: Vec<_> =
        said.map(|row| (row["name"].as_str().unwrap(), row["lessons"][0]["note"].as_str().unwrap())).collect();
    let note = "uts: ana answered with the values of an unkeyed class, before `cloison answers join` or without.";
    assert_eq!(said, [("keyless", note)]);
    let csv = std::fs::read_to_string(class.out().join("summary.csv")).unwrap();
    assert!(csv.lines().any(|line| line.starts_with("keyless,") && line.ends_with(&format!("\"{note}\""))), "{csv}");
    let table = class.grade(&["--key", key.to_str().unwrap(), "--lang", "en"]).stdout;
    let table = String::from_utf8(table).unwrap();
    assert_eq!(table.matches("unkeyed class").count(), 1, "{table}");
    assert!(table.contains(&format!("keyless: {note}")), "{table}");
    // Whoever hands in another's whole file is found by the name.
    assert_eq!(results["copy"], ("pass".to_owned(), 8));
    let results = class.results(&["--key", key.to_str().unwrap(), "--named"]);
    assert_eq!(results["ana"], ("pass".to_owned(), 8));
    assert_eq!(results["copy"], ("unreadable".to_owned(), 0));
}

#[test]
fn all_of_a_jail_together_is_held_to_some_memory_where_groups_can_be_had() {
    let controllers = [cloison::lesson::op::Controller::Memory, cloison::lesson::op::Controller::Pids];
    if cloison::lab::cgroups::jail::Groups::new(&controllers).is_err() {
        let test = "all_of_a_jail_together_is_held_to_some_memory_where_groups_can_be_had";
        assert!(!nix::unistd::geteuid().is_root());
        return crate::support::skip::skip(test, "no control groups with its controllers for this user");
    }
    // In files of no disk, which are of no process: five times 240 MiB, more than there is.
    let fill = "for i in 1 2 3 4 5; do head -c 240M /dev/zero > /mnt/$i || exit 1; done";
    let all = format!("unshare -Urm sh -c 'mount -t tmpfs -o size=8G t /mnt && {fill}' && {SOLVED}");
    let some = all.replace("1 2 3 4 5", "1");
    let results = beside_good_ones(&[("all", uts(&all)), ("some", uts(&some))]);
    assert_eq!(results["some"], ("pass".to_owned(), 8));
    assert_ne!(results["all"], ("pass".to_owned(), 8));
}
