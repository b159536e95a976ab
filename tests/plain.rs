//! The line interface, driven as a student drives it: lines on a pipe, a real lab,
//! the program itself. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/skip.rs"]
mod skip;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use skip::skip;

use cloison::i18n::Lang;
use cloison::lesson::answers::{Answers, load_answers};
use cloison::lesson::library::Library;
use cloison::lesson::{Lesson, Values};

fn lesson(id: &str) -> Lesson {
    Library::open(None).unwrap().get(id).unwrap()
}

/// The student's own values, as the program makes them for who runs it.
fn values(id: &str, state: &Path) -> Values {
    let store = cloison::app::store::Store::open(Some(state)).unwrap();
    Values::new(&lesson(id), store.student())
}

fn learn(lesson: &str, lang: Lang, state: &Path, lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["--lang", lang.code(), "--plain", "--color", "never", "--state"])
        .arg(state)
        .args(["learn", lesson])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let program = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(left_of(program), BTreeSet::new());
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn kept(lesson: &str, state: &Path) -> Answers {
    load_answers(&state.join(format!("{lesson}.toml"))).unwrap()
}

/// What is left of the labs of one run of the program: processes that carry their
/// marker, and their directories. A lab's name starts with that run's PID.
fn left_of(program: u32) -> BTreeSet<String> {
    let name = format!("{program:x}-");
    let marker = format!("CLOISON_LAB={name}");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.windows(marker.len()).any(|window| window == marker.as_bytes()) {
            found.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    for entry in std::fs::read_dir(cloison::lab::journal::base()).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        found.extend(file.starts_with(&name).then_some(file));
    }
    found
}

/// The lines of a student who knows: choices by number, commands as told.
fn student(lesson: &Lesson, task: impl Fn(&str) -> String) -> String {
    let mut lines = String::new();
    for step in &lesson.steps {
        if let Some(predict) = &step.predict {
            let at = predict.choices.iter().position(|choice| *choice == predict.answer).unwrap();
            lines.extend([(at + 1).to_string().as_str(), "\n\n"]);
        } else if step.task.is_some() {
            lines.extend([task(&step.id).as_str(), "\n:next\n"]);
        } else {
            lines.push('\n');
        }
    }
    lines
}

fn full_marks(id: &str, lang: Lang, lines: &str, state: &Path) {
    let output = learn(id, lang, state, lines);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let points = lesson(id).points();
    let progress = kept(id, state).progress.unwrap();
    assert_eq!((progress.points, progress.finished), (points, true), "{said}");
    let end = lang.pick("The lesson is finished", "La leçon est terminée");
    assert!(said.contains(end), "{said}");
    assert!(said.contains(&format!("{points}/{points} points")), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn a_student_on_a_pipe_finishes_with_full_marks_and_leaves_nothing_behind() {
    for lang in Lang::ALL {
        let place = tempfile::tempdir().unwrap();
        let own = values("uts", place.path());
        let (name, domain) = (own.get("name").unwrap().to_owned(), own.get("domain").unwrap().to_owned());
        let lines = student(&lesson("uts"), |step| match step {
            "name" => format!("hostname {name}"),
            _ => format!("domainname {domain}"),
        });
        full_marks("uts", lang, &lines, place.path());
        assert_eq!(kept("uts", place.path()).tasks["name"]["box"], format!("hostname {name}"));

        let own = values("pid", place.path());
        let (nap, orphan) = (own.get("nap").unwrap().to_owned(), own.get("orphan").unwrap().to_owned());
        let lines = student(&lesson("pid"), |step| match step {
            "nap" => format!("sleep {nap} &"),
            "stop" => format!("kill -STOP \"$(pgrep -xf 'sleep {nap}')\""),
            _ => format!("kill -KILL $(ps -o ppid= -p \"$(pgrep -xf 'sleep {orphan}')\")"),
        });
        full_marks("pid", lang, &lines, place.path());
    }
}

/// The lines that come to the task of `uts`.
const TO_TASK: &str = "\n3\n\n\n3\n\n\n";

#[test]
fn leaving_in_the_middle_keeps_what_was_done_and_goes_on_there() {
    let place = tempfile::tempdir().unwrap();
    let output = learn("uts", Lang::En, place.path(), &format!("{TO_TASK}hostname wrong\n:quit\n"));
    assert_eq!(output.status.code(), Some(0));
    let answers = kept("uts", place.path());
    assert_eq!(answers.progress.as_ref().unwrap().step, "name");
    assert_eq!(answers.tasks["name"]["box"], "hostname wrong");
    assert!(text(&output).contains("found:"), "{}", text(&output));

    let name = values("uts", place.path()).get("name").unwrap().to_owned();
    // The end of the input leaves, too, and its last line need not have an end.
    let output = learn("uts", Lang::Fr, place.path(), &format!("hostname {name}"));
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("Reprise à l'étape 6"), "{}", text(&output));
    let progress = kept("uts", place.path()).progress.unwrap();
    assert_eq!(progress.passed, ["name"]);
    assert_eq!(progress.points, 5);
}

#[test]
fn wrong_input_is_explained_and_asked_again() {
    let place = tempfile::tempdir().unwrap();
    let output = learn("uts", Lang::En, place.path(), "what\n:nxt\n\n7\nnonsense\n\n2\n\n");
    let said = text(&output);
    for words in [
        "There is nothing to answer here",
        "There is no command “:nxt”",
        "\"7\" is none of the choices",
        "\"nonsense\" is none of the choices",
        "Choose an answer first",
        "Step 3/11",
        "not what you predicted",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn nothing_that_a_command_prints_reaches_the_output_raw() {
    let place = tempfile::tempdir().unwrap();
    let hostile = r"printf 'A\033[2J\033]0;title\007B\b\233C\033Pq\033\\D\342\200\256E\rF\n'";
    let output = learn(
        "uts",
        Lang::En,
        place.path(),
        &format!("{TO_TASK}{hostile}\nhostname \"$(printf 'x\\033[31my')\"\n:show names\n"),
    );
    let said = text(&output);
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    assert!(!said.contains('\u{202e}'), "{said:?}");
    assert!(said.contains("AB␈\u{fffd}CD\\u{202e}E\nF\n"), "{said:?}");
}

#[test]
fn a_shell_that_ends_and_commands_of_several_lines_are_lived_with() {
    let place = tempfile::tempdir().unwrap();
    let name = values("uts", place.path()).get("name").unwrap().to_owned();
    let lines = format!("{TO_TASK}exit\nif true; then\nhostname {name}\nfi\n");
    let said = text(&learn("uts", Lang::En, place.path(), &lines));
    assert!(said.contains("The shell of box has ended (exit 0)"), "{said}");
    assert!(said.contains("box> hostname"), "{said}");
    assert!(said.contains("Done: 3 points"), "{said}");
}

#[test]
fn a_lesson_is_opened_by_its_number_too() {
    for name in ["7", "07", "07-uts"] {
        let place = tempfile::tempdir().unwrap();
        let output = learn(name, Lang::En, place.path(), ":quit\n");
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(text(&output).contains(&lesson("uts").text(Lang::En).title), "{name}: {}", text(&output));
        assert_eq!(kept("uts", place.path()).lesson, "uts", "{name}");
    }
}

#[test]
fn the_load_for_lessons_speaks_the_language_of_the_session_whatever_the_locale() {
    let load = format!("(exec -a cloison-load {} nonsense)", env!("CARGO_BIN_EXE_cloison"));
    for (first, then) in [(Lang::En, Lang::Fr), (Lang::Fr, Lang::En)] {
        let place = tempfile::tempdir().unwrap();
        let words = |lang: Lang| lang.pick("touches SIZE bytes", "touche TAILLE octets");
        let said = text(&learn("uts", first, place.path(), &format!(":host\nexport LC_ALL=C\n{load}\n:quit\n")));
        assert!(said.contains(words(first)) && !said.contains(words(then)), "{said}");
        // A shell that is opened after the language was changed speaks the other one.
        let lines = format!(":lang {}\n:host\nexport LC_ALL=C\n{load}\n:quit\n", then.code());
        let said = text(&learn("uts", first, place.path(), &lines));
        assert!(said.contains(words(then)) && !said.contains(words(first)), "{said}");
    }
}

#[test]
fn an_unknown_lesson_is_a_usage_error() {
    let place = tempfile::tempdir().unwrap();
    let output = learn("utz", Lang::Fr, place.path(), "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("« utz »"));
}

#[test]
fn under_sudo_progress_is_kept_for_the_invoking_user_and_is_theirs() {
    if !nix::unistd::geteuid().is_root() {
        return skip("under_sudo_progress_is_kept_for_the_invoking_user_and_is_theirs", "needs root");
    }
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("ana");
    std::fs::create_dir(&home).unwrap();
    // A user of this test alone: a passwd of its own in a mount namespace of its own.
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let own = format!("{passwd}ana:x:12345:12345::{}:/bin/sh\n", home.display());
    std::fs::write(place.path().join("passwd"), own).unwrap();
    let script = format!(
        "mount --bind {}/passwd /etc/passwd && chown 12345:12345 {home} && \
         SUDO_UID=12345 SUDO_GID=12345 HOME=/root exec {} --plain --lang en learn uts",
        place.path().display(),
        env!("CARGO_BIN_EXE_cloison"),
        home = home.display(),
    );
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    for path in [".local", ".local/state", ".local/state/cloison", ".local/state/cloison/uts.toml"] {
        let data = std::fs::metadata(home.join(path)).unwrap();
        assert_eq!((data.uid(), data.gid()), (12345, 12345), "{path}");
    }
    assert_eq!(kept("uts", &home.join(".local/state/cloison")).student, "ana");
}

#[test]
fn control_groups_are_told_in_lines_or_why_there_are_none() {
    for lang in Lang::ALL {
        let place = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_cloison"))
            .args([
                "--lang",
                lang.code(),
                "--plain",
                "--color",
                "never",
                "--lessons",
                "tests/cgroup_lessons",
                "--state",
            ])
            .arg(place.path())
            .args(["learn", "groups"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b":next\n:show cgroup /small\n:show cgroup all\n:quit\n").unwrap();
        let program = child.id();
        let output = child.wait_with_output().unwrap();
        assert_eq!(left_of(program), BTreeSet::new());
        let (said, why) = (text(&output), String::from_utf8(output.stderr).unwrap());
        if !output.status.success() {
            assert!(!nix::unistd::geteuid().is_root() && (said + &why).contains("cgroup"), "{why}");
            continue;
        }
        let (group, box_of) = lang
            .pick(("group small: 1 in it: box ", "memory.max: "), ("groupe small : 1 dedans : box ", "memory.max : "));
        assert!(said.contains(group) && said.contains(lang.pick("group ice, frozen", "groupe ice, gelé")), "{said}");
        assert!(said.lines().any(|line| line.contains(box_of) && line.contains(lang.pick(" MiB)", " Mio)"))), "{said}");
        assert!(said.contains(lang.pick("hidden by /small", "masquées par /small")), "{said}");
        assert!(said.contains(lang.pick("5 % of pids.max", "5 % de pids.max")), "{said}");
    }
}
