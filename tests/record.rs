//! Recordings of a demonstration, and how they are replayed: by this program, and by the
//! reader of somebody else's. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use asciicast_rs::v3;
use nix::sys::signal::Signal;
use support::inventory::Inventory;
use support::skip::skip;
use support::{CTRL_C, ENTER, PATIENCE, Place, Terminal};

const WALL: (u16, u16) = (120, 36);
/// With their solutions, which the program is without.
const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");

fn file(place: &Place, name: &str) -> PathBuf {
    std::fs::create_dir_all(place.state()).unwrap();
    place.state().join(name)
}

/// A wall that is being recorded.
fn recorded(place: &Place, size: (u16, u16), to: &Path, lang: &str) -> Terminal {
    let to = to.to_str().unwrap();
    let wall = place.start(size, &["demo", "uts", "--lessons", LESSONS, "--lang", lang, "--record", to]);
    stands(&wall, 1);
    wall
}

/// Waits until a step stands on the wall and the lab is at rest.
fn stands(wall: &Terminal, step: usize) {
    let at = format!("{step}/11");
    wall.wait_for(&at, |screen| {
        let text = screen.contents();
        text.contains(&at) && !text.contains('⋯')
    });
}

/// Goes from a step to another by the list of steps.
fn go(wall: &mut Terminal, from: usize, to: usize) {
    wall.write("g");
    wall.see(&format!("▸ {from:>2}  "));
    for _ in from..to {
        wall.write("\x1b[B");
    }
    wall.see(&format!("▸ {to:>2}  "));
    wall.write(ENTER);
    stands(wall, to);
}

/// The events of a recording: seconds since the one before, code, data. Every line has to
/// be whole, and as the format says; what is no event is a comment.
fn events(to: &Path) -> Vec<(f64, String, String)> {
    let text = std::fs::read_to_string(to).unwrap();
    assert!(text.ends_with('\n') || text.lines().last().unwrap().starts_with('#'), "{text:?}");
    let mut lines = text.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(head["version"], 3);
    assert_eq!((&head["term"]["cols"], &head["term"]["rows"]), (&WALL.0.into(), &WALL.1.into()));
    assert_eq!(head["term"]["type"], "xterm-256color");
    assert!(head["timestamp"].as_u64().is_some_and(|seconds| seconds > 1_700_000_000), "{head}");
    let known: Vec<&String> = head.as_object().unwrap().keys().collect();
    assert!(known.iter().all(|key| ["version", "term", "timestamp", "title"].contains(&key.as_str())), "{known:?}");
    let read =
        |line: &str| serde_json::from_str::<(f64, String, String)>(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let events: Vec<_> = lines.filter(|line| !line.starts_with('#')).map(read).collect();
    assert!(events.iter().all(|(interval, code, _)| *interval >= 0.0 && "omrx".contains(&**code)));
    events
}

/// All data of one code.
fn all(events: &[(f64, String, String)], code: &str) -> Vec<String> {
    events.iter().filter(|(_, its, _)| its == code).map(|(_, _, data)| data.clone()).collect()
}

#[test]
fn a_recording_has_every_byte_of_the_terminal_a_marker_per_step_and_every_size() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let before = Inventory::take(&place);
    let mut wall = recorded(&place, WALL, &to, "en");
    for step in 2..=4 {
        wall.write("r");
        stands(&wall, step);
    }
    wall.resize(100, 30);
    go(&mut wall, 4, 6);
    wall.see("@chrysalide:");
    wall.write("t");
    wall.see("✓ Done.");
    assert_eq!(wall.quit().code(), Some(0));
    wall.see_restored();
    before.must_come_back(&place);
    let events = events(&to);
    let raw = String::from_utf8(wall.raw()).unwrap();
    assert!(all(&events, "o").concat() == raw, "what was recorded is what was written");
    assert!(raw.contains("\u{1b}[?1049h") && raw.contains('─'));
    let steps = [
        "1. Two views, one name",
        "2. A name for a newborn",
        "3. Into a namespace of its own",
        "4. Who hears the new name?",
    ];
    let marked = all(&events, "m");
    assert_eq!(marked[..4], steps);
    assert!(marked.last().unwrap().starts_with("6. "), "{marked:?}");
    assert_eq!(all(&events, "r"), ["100x30"]);
    assert_eq!(events.last().map(|(_, code, data)| (&**code, &**data)), Some(("x", "0")));

    // As somebody else reads it.
    let theirs = v3::Recording::from_reader(std::io::BufReader::new(File::open(&to).unwrap())).unwrap();
    assert_eq!(theirs.events.len(), events.len());
}

#[test]
fn a_step_is_marked_in_the_language_of_the_wall_when_it_stands_there() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let mut wall = recorded(&place, WALL, &to, "fr");
    go(&mut wall, 1, 4);
    stands(&wall, 4);
    wall.write("\x1b[D");
    stands(&wall, 3);
    wall.quit();
    let marked = all(&events(&to), "m");
    let numbers: Vec<&str> = marked.iter().map(|name| name.split('.').next().unwrap()).collect();
    assert_eq!(numbers, ["1", "4", "3"]);
    assert!(marked[0].starts_with("1. Deux vues"), "{marked:?}");
    // At each marker the step is what the room sees.
    let mut replay = place.start((160, 40), &["replay", to.to_str().unwrap(), "--lang", "fr"]);
    replay.write(" ");
    replay.see("en pause");
    for (number, shown) in [("2", "4/11"), ("3", "3/11"), ("1", "1/11")] {
        replay.write(number);
        replay.see_line(&["machine", shown]);
        replay.see_line(&["REDIFFUSION", "pause", &format!("{number}/3")]);
    }
}

#[test]
fn in_slow_motion_a_step_is_marked_before_its_calls_are_made() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let mut wall = recorded(&place, WALL, &to, "en");
    wall.write("m");
    go(&mut wall, 1, 2);
    wall.write("r");
    wall.see("⋯ slow motion");
    let deadline = Instant::now() + PATIENCE;
    while !all(&events(&to), "m").iter().any(|name| name.starts_with("3. ")) {
        assert!(Instant::now() < deadline, "the third step is not marked");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(wall.text().contains("⋯ slow motion"));
}

#[test]
fn whenever_the_program_is_killed_what_was_recorded_plays() {
    for moment in ["typing", "output"] {
        let place = Place::new();
        let to = file(&place, "a.cast");
        let mut wall = recorded(&place, WALL, &to, "en");
        go(&mut wall, 1, 6);
        wall.see("@chrysalide:");
        if moment == "typing" {
            wall.write("t");
            wall.see("hostn");
        } else {
            wall.write(support::F4);
            wall.enter("while :; do echo $RANDOM $RANDOM $RANDOM; done");
            std::thread::sleep(Duration::from_millis(700));
        }
        wall.signal(Signal::SIGKILL);
        wall.ended();
        let events = events(&to);
        assert!(all(&events, "m").last().unwrap().starts_with("6. "));
        assert!(all(&events, "x").is_empty());
        let raw = String::from_utf8_lossy(&wall.raw()).into_owned();
        let told = all(&events, "o").concat();
        // Its keeper has put the terminal back since.
        assert!(raw.starts_with(&told) || told.starts_with(raw.split("\u{1b}[?1049l").next().unwrap()));
        assert!(told.len() > raw.len() / 2, "{} of {}", told.len(), raw.len());
        let replay = place.start((160, 40), &["replay", to.to_str().unwrap(), "--lang", "en", "--idle", "0.1"]);
        replay.see("■ end");
        replay.see("6/11");
        if moment == "typing" {
            replay.see("hostn");
        }
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_demonstration() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let mut wall = recorded(&place, WALL, &to, "en");
    // No file of the program's may grow beyond this: EFBIG, in place of a full disk's ENOSPC.
    let most = std::fs::metadata(&to).unwrap().len() + 3000;
    let limit = [format!("--fsize={most}"), format!("--pid={}", wall.pid())];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    let mut notes = place.start((100, 40), &["notes", &wall.pid().to_string(), "--lang", "en"]);
    notes.see("1/11");
    for step in 2..=5 {
        wall.write("r");
        stands(&wall, step);
    }
    notes.see("has ended before the demonstration");
    notes.write("q");
    notes.ended();
    assert!(!wall.text().contains("has ended before"), "the room is not told");
    wall.write("r");
    stands(&wall, 6);
    assert_eq!(wall.quit().code(), Some(1));
    wall.see("has ended before the demonstration");
    wall.see_restored();
    assert!(!events(&to).is_empty());
    let replay = place.start((160, 40), &["replay", to.to_str().unwrap(), "--lang", "en"]);
    replay.see("Two views, one name");
}

#[test]
fn a_file_that_is_there_is_replaced_only_where_that_was_asked() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    std::fs::write(&to, "mine").unwrap();
    let path = to.to_str().unwrap();
    let mut wall = place.start(WALL, &["demo", "uts", "--lang", "en", "--record", path]);
    wall.see("--overwrite");
    assert_eq!((wall.ended().code(), std::fs::read_to_string(&to).unwrap()), (Some(2), "mine".to_owned()));
    // An address of nobody's (RFC 5737): the demonstration does not begin.
    let share = "--share=192.0.2.1:1";
    let mut wall = place.start(WALL, &["demo", "uts", "--lang", "en", share, "--overwrite", "--record", path]);
    wall.wait_for("a refusal", |screen| screen.contents().contains("192.0.2.1"));
    assert_eq!((wall.ended().code(), std::fs::read_to_string(&to).unwrap()), (Some(2), "mine".to_owned()));
    let mut wall = place.start(WALL, &["demo", "uts", "--lang", "en", "--overwrite", "--record", path]);
    stands(&wall, 1);
    wall.quit();
    assert!(!events(&to).is_empty());
    for nowhere in ["/nowhere/a.cast", "/dev/full", "/dev"] {
        let mut wall = place.start(WALL, &["demo", "uts", "--lang", "fr", "--overwrite", "--record", nowhere]);
        wall.see("Indiquez un fichier");
        assert_eq!(wall.ended().code(), Some(2), "{nowhere}");
    }
}

/// A recording of three steps of a second each, in a line each.
fn three() -> String {
    let mut text = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24},\"title\":\"three\"}\n".to_owned();
    for (number, word) in [(1, "one"), (2, "two"), (3, "three")] {
        let lines = [format!("[1,\"o\",\"\\u001b[2J\\u001b[Hhere is {word}\"]\n[0,\"m\",\"{number}. Step {word}\"]\n")];
        text.extend(lines);
    }
    text
}

#[test]
fn a_replay_shows_its_steps_goes_to_them_pauses_and_leaves() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    std::fs::write(&to, three()).unwrap();
    let before = Inventory::take(&place);
    let mut replay = place.start(WALL, &["replay", to.to_str().unwrap(), "--lang", "en", "--speed", "0.01"]);
    replay.see("REPLAY");
    for step in ["1 Step one", "2 Step two", "3 Step three"] {
        replay.see(step);
    }
    replay.write("2");
    replay.see("here is two");
    replay.see("▶2 Step two");
    replay.write(" ");
    replay.see("paused");
    replay.write("\x1b[C");
    replay.see("here is three");
    replay.write("\x1b[D\x1b[D");
    replay.see("here is one");
    replay.write("g3");
    replay.see("here is three");
    replay.resize(80, 24);
    replay.wait_for("the picture alone", |screen| {
        let text = screen.contents();
        text.contains("here is three") && !text.contains("Step one") && text.contains("REPLAY")
    });
    replay.write("\t");
    replay.see("1 Step one");
    replay.write("q");
    assert_eq!(replay.ended().code(), Some(0));
    replay.see_restored();
    before.must_come_back(&place);
}

#[test]
fn a_replay_that_is_killed_or_interrupted_gives_the_terminal_back() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    std::fs::write(&to, three()).unwrap();
    for end in [Some(Signal::SIGKILL), Some(Signal::SIGTERM), None] {
        let mut replay = place.start((80, 24), &["replay", to.to_str().unwrap()]);
        replay.see("here is one");
        match end {
            Some(signal) => replay.signal(signal),
            None => replay.write(CTRL_C),
        }
        replay.ended();
        replay.see_restored();
    }
}

#[test]
fn nothing_of_a_hostile_recording_reaches_the_terminal_but_text() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let evil = "\\u001b]52;c;ZXZpbA==\\u0007\\u001b]0;evil\\u0007\\u001bP+q544e\\u001b\\\\\\\\\\u001b[?1003h\\u001b[?9h\\u001b[8;1;1t\\u001b[c\\u001b[6n\\u001b(0\\u001b[?2026h\\u0090\\u009d0;evil\\u009c\\u0000";
    let text = format!(
        "{{\"version\":3,\"term\":{{\"cols\":80,\"rows\":20}},\"title\":\"{evil}\"}}\n[0,\"o\",\"{evil}\"]\n[0.1,\"m\",\"{evil}\"]\n[0.1,\"r\",\"100x9\"]\n[0.1,\"o\",\"\\u001b[H\\u001b[Kdone\"]\n"
    );
    std::fs::write(&to, text).unwrap();
    let mut replay = place.start(WALL, &["replay", to.to_str().unwrap(), "--lang", "en"]);
    replay.see("■ end");
    replay.see("done");
    replay.write("g");
    replay.see("␛]52");
    let raw = String::from_utf8(replay.raw()).unwrap();
    for bad in [
        "\u{1b}]",
        "\u{1b}P",
        "\u{1b}[?1003h",
        "\u{1b}[?9h",
        "\u{1b}[8;1;1t",
        "\u{1b}[c",
        "\u{1b}[6n",
        "\u{9d}",
        "\u{90}",
        "\0",
        "\u{7}",
    ] {
        assert!(!raw.contains(bad), "{bad:?}");
    }
    replay.write("q");
    assert_eq!(replay.ended().code(), Some(0));
}

#[test]
fn what_cannot_be_played_is_refused_with_its_line_and_a_remedy() {
    let place = Place::new();
    let to = file(&place, "a.cast");
    let path = to.to_str().unwrap();
    let said = |lang: &str| {
        let output = place.run(&["replay", path, "--lang", lang]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    for (text, en, fr) in [
        ("hello\n".to_owned(), "line 1, column 1", "ligne 1, colonne 1"),
        (
            "{\"version\":1,\"width\":80,\"height\":24,\"stdout\":[]}\n".to_owned(),
            "asciinema convert",
            "asciinema convert",
        ),
        (three() + "[-1,\"o\",\"\"]\n", "line 8: the time -1", "ligne 8 : le temps -1"),
        (three() + "[0,\"o\",\"\u{1b}]0;evil\u{7}\"]\n", "line 8, column", "ligne 8, colonne"),
        (three() + "nonsense\n", "Repair or remove", "Corrigez ou retirez"),
        (String::new(), "it is empty", "il est vide"),
        // Fine, but for the terminal.
        (three(), "needs a terminal", "a besoin d'un terminal"),
    ] {
        std::fs::write(&to, text).unwrap();
        assert!(said("en").contains(en), "{}", said("en"));
        assert!(said("fr").contains(fr), "{}", said("fr"));
        assert!(!said("en").contains('\u{1b}'));
    }
    // A file of a gigabyte without a line's end is not read to its end.
    File::create(&to).unwrap().write_all_at(b"x", 1 << 30).unwrap();
    assert!(said("en").contains("line 1 is longer than 4 MiB"));
    for (nothing, why) in [("/nowhere.cast", "No such file"), ("/", "directory"), ("/dev/zero", "longer than")] {
        let output = place.run(&["replay", nothing, "--lang", "en"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains(why), "{text}");
    }
}

/// asciinema of version 3, where `.ci/recordings` has put it, or on the PATH.
fn asciinema() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lint/asciinema/bin");
    std::iter::once(built).chain(std::env::split_paths(&path)).map(|at| at.join("asciinema")).find(|program| {
        let said = Command::new(program).arg("--version").output();
        said.is_ok_and(|said| said.stdout.starts_with(b"asciinema 3."))
    })
}

#[test]
fn asciinema_converts_and_plays_it_whole_or_cut() {
    let Some(asciinema) = asciinema() else {
        return skip("asciinema_converts_and_plays_it_whole_or_cut", "no asciinema 3 here");
    };
    let place = Place::new();
    let [to, raw, two] = ["a.cast", "a.raw", "two.cast"].map(|name| file(&place, name));
    let mut wall = recorded(&place, WALL, &to, "fr");
    wall.write("r");
    stands(&wall, 2);
    wall.quit();
    let run = |args: &[&str]| {
        let mut command = Command::new("script");
        let words: Vec<String> = std::iter::once(asciinema.to_str().unwrap())
            .chain(args.iter().copied())
            .map(|word| format!("'{word}'"))
            .collect();
        command.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm-256color");
        command.env("HOME", place.state()).env("LANG", "C.UTF-8").stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let [from, as_raw, as_two] = [&to, &raw, &two].map(|path| path.to_str().unwrap());
    for cut in ["", "#0.1,\"o\",\"ab"] {
        std::fs::File::options().append(true).open(&to).unwrap().write_all(cut.as_bytes()).unwrap();
        run(&["convert", "--overwrite", "--output-format", "raw", from, as_raw]);
        // It sets the size itself; the rest is what the terminal was given.
        assert!(std::fs::read(&raw).unwrap().ends_with(&wall.raw()), "another stream");
        run(&["convert", "--overwrite", "--output-format", "asciicast-v2", from, as_two]);
        let played = run(&["play", "--speed", "100", from]);
        assert!(played.contains("Deux vues, un seul nom"), "{played}");
    }
    // What it has made of it is played here, too.
    let mut replay = place.start((160, 40), &["replay", as_two, "--lang", "fr"]);
    replay.see("1 Deux vues, un seul nom");
    replay.write("2");
    stands(&replay, 2);
}
