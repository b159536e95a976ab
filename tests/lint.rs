//! `lesson lint` runs a lesson and says of each part what it comes to; `lesson new`
//! writes one that passes. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::left::Left;

fn cloison(args: &[&str], more: &Path) -> Output {
    let before = Left::now();
    let output =
        Command::new(env!("CARGO_BIN_EXE_cloison")).args(["--lang", "en"]).args(args).arg(more).output().unwrap();
    before.assert_same();
    output
}

/// A new lesson, with one of its files changed: its place, and its folder.
fn changed(file: &str, from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(cloison(&["lesson", "new", "mine", "--in"], place.path()).status.code(), Some(0));
    let folder = place.path().join("01-mine");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(folder.join(file), text.replace(from, to)).unwrap();
    (place, folder)
}

/// What lint says of a new lesson changed in this way, and its exit code.
fn lint(file: &str, from: &str, to: &str) -> (String, i32) {
    let (_place, folder) = changed(file, from, to);
    let output = cloison(&["lesson", "lint"], &folder);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    (text, output.status.code().unwrap())
}

#[track_caller]
fn says(found: (String, i32), code: i32, words: &[&str]) {
    let (text, exit) = found;
    assert_eq!(exit, code, "{text}");
    for words in words {
        assert!(text.contains(words), "no `{words}` in: {text}");
    }
}

#[test]
fn a_new_lesson_passes_as_it_is() {
    says(lint("en.md", "", ""), 0, &["01-mine: nothing to find fault with (5 runs, "]);
}

#[test]
fn a_solution_that_does_not_pass_is_told_with_what_the_kernel_said() {
    let found = lint("solution.toml", "box = \"hostname ", "box = \"true ");
    let words = ["the solution does not pass `turn.renamed` (fail)", "solution.toml", "expected: ", "found: "];
    says(found, 1, &words);
}

#[test]
fn points_for_nothing_are_found() {
    let check = "at = \"$.actors.box.seen.uts.hostname\", equals = \"{seed.name}\"";
    let found = lint("lesson.toml", check, "at = \"$.actors.box.alive\", equals = true");
    says(
        found,
        1,
        &[
            "empty answers get 3 points: turn.renamed, turn.domain-kept",
            "the case `shows the name, and sets none` does not fail",
        ],
    );
}

#[test]
fn a_wrong_answer_that_fails_nothing_is_told_at_its_place() {
    let found = lint("broken.toml", "box = \"hostname\"", "box = \"hostname $(hostname); hostname brume-1\"");
    says(found, 0, &[]);
    let found = lint("broken.toml", "fails = \"turn.domain-kept\"", "fails = \"turn.renamed\"");
    says(found, 1, &["does not fail `turn.renamed`", "broken.toml:18:9", "what does fail: turn.domain-kept (fail)"]);
}

#[test]
fn a_step_that_does_not_do_what_its_text_says_is_found() {
    let found = lint("lesson.toml", "equals = \"chrysalide\"", "equals = \"papillon\"");
    says(found, 1, &["the step `act` does not do what the lesson means", "chrysalide"]);
}

#[test]
fn a_step_that_a_projector_has_no_room_for_is_found() {
    let found = lint("fr.md", "## act: ", &format!("## act: {}", "deux noms ".repeat(300)));
    says(found, 1, &["01-mine/fr.md", "the step `act` is ", " lines too long for a projector", "shorten these"]);
}

#[test]
fn a_machine_that_lacks_something_is_no_fault_of_the_lesson() {
    let found = lint("lesson.toml", "\"domainname\"]", "\"domainname\", \"no-such-program\"]");
    says(found, 3, &["nothing to find fault with in the files, but this machine can't run", "no-such-program"]);
}

#[test]
fn an_operation_that_fails_is_told_and_may_be_the_machines_or_the_lessons_doing() {
    let rename = "  { actor = \"box\", hostname = \"chrysalide\" },";
    let umount = "  { actor = \"box\", umount = { target = \"/nonexistent\" } },";
    let found = lint("lesson.toml", rename, &format!("{umount}\n{rename}"));
    says(found, 3, &["ENOENT", "an operation does not do what the lesson means, or `needs` lacks something"]);
}

#[test]
fn files_alone_are_judged_without_running_anything() {
    let (_place, folder) = changed("solution.toml", "box = \"hostname ", "box = \"true ");
    let output = cloison(&["lesson", "lint", "--files"], &folder);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("01-mine: nothing to find fault with\n"));
}

#[test]
fn a_folder_may_be_named_from_within_and_its_neighbours_may_be_wrong() {
    let (place, folder) = changed("en.md", "", "");
    std::fs::create_dir(place.path().join("02-empty")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["lesson", "lint", "."])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn answers_may_be_piped_in_and_are_held_to_what_a_file_is() {
    use std::io::Write as _;
    let check = |lesson: &str, text: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cloison"))
            .args(["--lang", "en", "check", lesson, "--answers", "-"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // One that is refused before it is read closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(text);
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let solution = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/07-uts/solution.toml")).unwrap();
    assert_eq!(check("uts", &solution).0, 0);
    assert_eq!(check("uts", b"format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n").0, 1);
    let refused = |lesson: &str, text: &[u8], words: &str| {
        let (code, said) = check(lesson, text);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(words), "{said}");
    };
    refused("uts", b"", "format");
    refused("uts", b"\xff", "not UTF-8");
    refused("uts", &vec![b'#'; (1 << 20) + 1], "larger than 1 MiB");
    refused("all", b"format = 1\n", "name it, in place of `all`");
}
