//! `cloison answers`: whose the values are, with a class key and without, and what a
//! student's file says. Run as root and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cloison::lesson::Values;
use cloison::lesson::library::Library;
use cloison::lesson::token::{Key, Token};

use support::left::Left;

/// A teacher or a student at a machine: a home of their own, and a directory for files.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn state(&self, name: &str) -> PathBuf {
        self.path(".local/state/cloison").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloison"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("SUDO_UID")
            .envs([("HOME", self.0.path().as_os_str()), ("LANG", "C.UTF-8".as_ref()), ("LC_ALL", "C.UTF-8".as_ref())])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs what must go well; what it prints.
    fn fine(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must be refused; what is said of it.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Types these lines into the line interface, in the lesson `uts`; the file kept.
    fn learn(&self, lines: &str) -> String {
        let mut lesson = self.command(&["learn", "--plain", "uts"]).stdin(Stdio::piped()).spawn().unwrap();
        lesson.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = lesson.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        std::fs::read_to_string(self.state("uts.toml")).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A class key, made by the program.
    fn key(&self) -> Key {
        self.fine(&["answers", "key", "key"]);
        Key::parse(&self.read("key")).unwrap()
    }
}

/// The solution of a lesson, as this student would have written it with these values.
fn solution(lesson: &str, student: &str, values: &Values) -> String {
    let library = Library::open(None).unwrap();
    let anas = Values::new(&library.get(lesson).unwrap(), "ana");
    let folder = &library.find(lesson).unwrap().folder;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons").join(folder).join("solution.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let own = |text: String, (name, value): (&str, &str)| text.replace(value, values.get(name).unwrap());
    anas.iter().fold(text, own).replace("student = \"ana\"", &format!("student = {student:?}"))
}

fn own(lesson: &str, student: &str) -> Values {
    Values::new(&Library::open(None).unwrap().get(lesson).unwrap(), student)
}

fn keyed(lesson: &str, token: &Token) -> Values {
    Values::keyed(&Library::open(None).unwrap().get(lesson).unwrap(), token)
}

#[test]
fn a_class_key_is_made_once_and_gives_each_student_a_token_of_their_own() {
    let desk = Desk::new();
    let key = desk.key();
    assert_eq!(std::fs::metadata(desk.path("key")).unwrap().permissions().mode() & 0o777, 0o600);
    let before = desk.read("key");
    assert!(desk.refused(&["answers", "key", "key"]).contains("is there already"));
    assert_eq!(desk.read("key"), before);
    let lines = desk.fine(&["answers", "token", "--key", "key", "ana", "Zoé d'Or"]);
    let (ana, zoe) = (key.token("ana").to_text(), key.token("Zoé d'Or").to_text());
    assert_eq!(lines, format!("ana {ana}\n'Zoé d'\\''Or' {zoe}\n"));
    std::fs::set_permissions(desk.path("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = desk.run(&["answers", "token", "--key", "key", "ana"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("chmod 600 key"));
    for wrong in
        [&["answers", "token", "--key", "nowhere", "ana"][..], &["answers", "token", "--key", "key", "a\u{1b}[2J"]]
    {
        let said = desk.refused(wrong);
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn a_student_joins_once_with_the_line_that_the_teacher_sent_and_no_file_but_theirs_has_the_token() {
    let desk = Desk::new();
    let token = desk.key().token("ana").to_text();
    desk.fine(&["answers", "join", "ana", &token]);
    assert_eq!(std::fs::metadata(desk.state("student")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(desk.fine(&["answers", "join", "ana", &token]).contains("already"));
    // A lesson is begun: its file names the student, and nothing else of it.
    let kept = desk.learn(":next\n:quit\n");
    assert!(kept.contains("student = \"ana\"") && !kept.contains(&token[..8]), "{kept}");
    // Somebody else at the same desk: what was made with other values is moved aside.
    let eve = Key::parse(&desk.read("key")).unwrap().token("eve").to_text();
    assert!(desk.fine(&["answers", "join", "eve", &eve]).contains("before-1"));
    assert!(!desk.state("uts.toml").exists());
    assert_eq!(std::fs::read_to_string(desk.state("before-1/uts.toml")).unwrap(), kept);
}

#[test]
fn a_token_that_is_mistyped_or_somebody_elses_is_refused_and_changes_nothing() {
    let desk = Desk::new();
    let token = desk.key().token("ana").to_text();
    for (name, token) in [("eve", token.as_str()), ("ana", &token[1..]), ("ana", "hello"), ("", &token)] {
        desk.refused(&["answers", "join", name, token]);
    }
    assert!(!desk.state("student").exists());
    // What was damaged is mended by joining anew.
    std::fs::create_dir_all(desk.state("")).unwrap();
    std::fs::write(desk.state("student"), "student = \"ana\"\ntoken = \"00\"\n").unwrap();
    assert!(desk.refused(&["check", "uts"]).contains("cloison answers join"));
    desk.fine(&["answers", "join", "ana", &token]);
}

/// With and without a key: what one student did is no other's answer, the name in the
/// file notwithstanding.
#[test]
fn one_students_work_fails_for_another() {
    let before = Left::now();
    let desk = Desk::new();
    // The same at every run: some values are one of a few words.
    let key = Key::new([42; 32]);
    desk.write("key", &key.to_text());
    let code = |args: &[&str]| desk.run(args).status.code();
    for lesson in ["uts", "ipc"] {
        let check = |file: &str, more: &[&str]| code(&[&["check", lesson, "--answers", file], more].concat());
        let all = [
            ("ana", "ana", own(lesson, "ana")),
            ("eve-as-ana", "eve", own(lesson, "ana")),
            ("keyed", "ana", keyed(lesson, &key.token("ana"))),
            ("keyed-eve-as-ana", "eve", keyed(lesson, &key.token("ana"))),
        ];
        for (file, student, values) in &all {
            desk.write(file, &solution(lesson, student, values));
        }
        assert_eq!(check("ana", &[]), Some(0), "{lesson}");
        assert_eq!(check("eve-as-ana", &[]), Some(1), "{lesson}");
        assert_eq!(check("keyed", &["--key", "key"]), Some(0), "{lesson}");
        assert_eq!(check("keyed-eve-as-ana", &["--key", "key"]), Some(1), "{lesson}");
        // What anybody can compute from the name is worth nothing in a class with a key.
        assert_eq!(check("ana", &["--key", "key"]), Some(1), "{lesson}");
        let said = |file: &str| desk.run(&["check", lesson, "--answers", file, "--key", "key"]).stderr;
        assert!(String::from_utf8(said("ana")).unwrap().contains("cloison answers join"), "{lesson}");
        assert!(!String::from_utf8(said("keyed")).unwrap().contains("cloison answers join"), "{lesson}");
        assert_eq!(check("keyed", &[]), Some(1), "{lesson}");
    }
    before.assert_same();
}

#[test]
fn no_command_that_is_judged_reads_the_key_or_the_token_of_whoever_judges() {
    let desk = Desk::new();
    // Where a jail would show it: its home and /tmp are empty in any case.
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tmp");
    std::fs::create_dir_all(place).unwrap();
    let place = tempfile::tempdir_in(place).unwrap();
    let (key, state) = (place.path().join("class.key"), place.path().join("state"));
    let key = key.to_str().unwrap();
    desk.fine(&["answers", "key", key]);
    let token = Key::parse(&std::fs::read_to_string(key).unwrap()).unwrap().token("ana");
    desk.fine(&["answers", "join", "ana", &token.to_text(), "--state", state.to_str().unwrap()]);
    let values = keyed("uts", &token);
    let right = format!("hostname {}", values.get("name").unwrap());
    let state = state.to_str().unwrap();
    // Who can read it does not get as far as the name that is asked for.
    for (secret, option) in [(key, "--key"), (state, "--state")] {
        let thief = format!("grep -qr . {secret} || {right}");
        desk.write("thief", &solution("uts", "ana", &values).replace(&right, &thief));
        desk.fine(&["check", "uts", "--answers", "thief", option, secret]);
    }
}

#[test]
fn a_student_of_a_class_checks_their_own_work_without_its_key() {
    let desk = Desk::new();
    let token = desk.key().token("ana");
    desk.fine(&["answers", "join", "ana", &token.to_text()]);
    std::fs::write(desk.state("uts.toml"), solution("uts", "ana", &keyed("uts", &token))).unwrap();
    desk.fine(&["check", "uts"]);
    desk.write("mine.toml", &solution("uts", "ana", &keyed("uts", &token)));
    desk.fine(&["check", "uts", "--answers", "mine.toml"]);
}

#[test]
fn answers_that_name_another_student_are_refused_and_nameless_ones_are_who_hands_them_ins() {
    let desk = Desk::new();
    desk.key();
    desk.write("ana.toml", &solution("uts", "ana", &own("uts", "ana")));
    for key in [&[][..], &["--key", "key"]] {
        for lang in ["en", "fr"] {
            let args = ["check", "uts", "--answers", "ana.toml", "--student", "eve", "--lang", lang];
            let said = desk.refused(&[&args[..], key].concat());
            assert!(said.contains("ana") && said.contains("eve"), "{said}");
        }
    }
    desk.fine(&["check", "uts", "--answers", "ana.toml", "--student", "ana"]);
    desk.write("nameless.toml", &solution("uts", "", &own("uts", "ana")));
    desk.fine(&["check", "uts", "--answers", "nameless.toml", "--student", "ana"]);
    assert!(desk.refused(&["check", "uts", "--answers", "nameless.toml", "--key", "key"]).contains("--student"));
}

/// What `new` writes, with what stands in comments as an example taken for an answer.
fn uncommented(template: &str) -> String {
    let mut inside = false;
    let lines = template.lines().map(|line| {
        let Some(rest) = line.strip_prefix("# ") else { return line.to_owned() };
        let opens = rest.ends_with("= '''");
        let example = opens || inside || rest.split_once(" = \"").is_some_and(|(key, _)| !key.contains(' '));
        inside = opens || (inside && rest != "'''");
        if example { rest.to_owned() } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_new_file_of_any_lesson_lints_clean_as_it_is_and_once_it_is_filled_in() {
    let desk = Desk::new();
    let library = Library::open(None).unwrap();
    let mut files = Vec::new();
    for (listed, lang) in library.list().iter().zip(["en", "fr"].iter().cycle()) {
        let (id, file) = (&listed.id, format!("{}.toml", listed.id));
        desk.fine(&["answers", "new", id, "--student", "Ana \"Mó\"", "--lang", lang, "--to", &file]);
        let lesson = library.get(id).unwrap();
        let text = desk.read(&file);
        for (_, value) in Values::new(&lesson, "Ana \"Mó\"").iter() {
            assert!(text.contains(value), "{text}");
        }
        let filled = uncommented(&text);
        let asked = lesson.steps.iter().filter(|step| step.predict.is_some() || step.task.is_some()).count();
        let answered =
            cloison::lesson::answers::parse_answers(&cloison::lesson::source::Source::new(id, filled.clone()));
        let answered = answered.unwrap_or_else(|found| panic!("{found:?}\n{filled}"));
        assert_eq!(
            answered.answers.len() + answered.tasks.values().filter(|one| !one.is_empty()).count(),
            asked,
            "{filled}"
        );
        desk.write(&format!("filled-{file}"), &filled);
        files.extend([format!("filled-{file}"), file]);
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let said = desk.fine(&[&["answers", "lint"], files.as_slice()].concat());
    assert_eq!(said.lines().count(), files.len());
    let before = desk.read("uts.toml");
    assert!(desk.refused(&["answers", "new", "uts", "--to", "uts.toml"]).contains("uts.toml is there already"));
    assert_eq!(desk.read("uts.toml"), before);
}

#[test]
fn a_new_file_of_a_student_of_a_class_has_the_values_of_their_token() {
    let desk = Desk::new();
    let token = desk.key().token("ana");
    desk.fine(&["answers", "join", "ana", &token.to_text()]);
    let text = desk.fine(&["answers", "new", "uts"]);
    assert!(text.contains("student = \"ana\"") && text.contains(keyed("uts", &token).get("name").unwrap()), "{text}");
    let other = desk.fine(&["answers", "new", "uts", "--student", "eve"]);
    assert!(other.contains("student = \"eve\"") && other.contains(own("uts", "eve").get("name").unwrap()), "{other}");
}

#[test]
fn lint_says_all_that_is_wrong_at_its_place() {
    let desk = Desk::new();
    let head = "format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n";
    for (text, line, column, en, fr) in [
        (
            format!("{head}[answers]\nguess-copy = \"copie\"\n"),
            5,
            14,
            "did you mean `copy`",
            "vouliez-vous dire « copy »",
        ),
        (format!("{head}[answers]\nguess-copi = \"copy\"\n"), 5, 1, "did you mean `guess-copy`", "« guess-copy »"),
        (format!("{head}[tasks.name]\npeer = \"id\"\n"), 5, 1, "no shell `peer`", "pas de shell « peer »"),
        (head.replace("uts", "utc"), 2, 10, "there is no lesson `utc`", "il n'y a pas de leçon « utc »"),
        (head.replace("format = 1", "format = 2"), 1, 10, "format 2 is not known", "le format 2 est inconnu"),
        (format!("{head}[tasks.name]\nbox = '''\nid\n"), 0, 0, "", ""),
        (head.replace("student = \"ana\"\n", ""), 0, 0, "no student is named", "aucun étudiant n'est nommé"),
        (format!("{head}[token]\n"), 4, 2, "token", "token"),
    ] {
        desk.write("wrong.toml", &text);
        for (lang, words) in [("en", en), ("fr", fr)] {
            let output = desk.run(&["answers", "lint", "--lang", lang, "wrong.toml"]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{text}{said}");
            assert!(said.contains(words), "{said}");
            assert!(line == 0 || said.contains(&format!("wrong.toml:{line}:{column}")), "{said}");
        }
    }
    desk.write("right.toml", head);
    let output = desk.run(&["answers", "lint", "right.toml", "wrong.toml", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "right.toml: nothing to find fault with\n");
}

#[test]
fn what_was_really_typed_is_shown_in_its_order_and_handed_in_without_what_failed() {
    let before = Left::now();
    let desk = Desk::new();
    let name = own("uts", "ana").get("name").unwrap().to_owned();
    std::fs::create_dir_all(desk.state("")).unwrap();
    let at = "format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n[answers]\nguess-copy = \"copy\"\n[progress]\nstep = \"name\"\n";
    std::fs::write(desk.state("uts.toml"), at).unwrap();
    let kept = desk.learn(&format!(
        "hostnam {name}\necho one; (exit 3)\ncat <<EOF | tr x y\necho two;\nEOF\nhostname {name}\n:next\n:quit\n"
    ));
    let shown: serde_json::Value = serde_json::from_str(&desk.fine(&["answers", "show", "uts", "--json"])).unwrap();
    let task = shown["steps"].as_array().unwrap().iter().find(|step| step["step"] == "name").unwrap();
    let line = |line: &str, failed: bool| serde_json::json!({ "line": line, "failed": failed });
    let renamed = format!("hostname {name}");
    let wanted = [
        line(&format!("hostnam {name}"), true),
        line("echo one; (exit 3)", true),
        line("cat <<EOF | tr x y", false),
        line("echo two;", false),
        line("EOF", false),
        line(&renamed, false),
    ];
    assert_eq!(task["task"]["shells"], serde_json::json!([{ "shell": "box", "lines": wanted }]), "{kept}");
    assert_eq!((&task["task"]["passed"], &task["points"]), (&true.into(), &3.into()), "{kept}");
    assert_eq!(shown["points"], 4, "{shown:#}");
    for (lang, failed) in [("en", "(failed)"), ("fr", "(échec)")] {
        let page = desk.fine(&["answers", "show", "uts", "--lang", lang]);
        assert_eq!(page.matches(failed).count(), 2, "{page}");
        assert!(
            page.contains(&format!("box $ {renamed}\n")) && page.contains(desk.state("uts.toml").to_str().unwrap()),
            "{page}"
        );
    }

    desk.fine(&["answers", "export", "uts", "--to", "all.toml"]);
    desk.fine(&["answers", "export", "uts", "--without-failed", "--to", "handed-in.toml"]);
    let (all, handed_in) = (desk.read("all.toml"), desk.read("handed-in.toml"));
    assert!(all.contains("hostnam ") && !all.contains("[progress]"), "{all}");
    assert!(
        !handed_in.contains("hostnam ")
            && handed_in.contains(&format!("cat <<EOF | tr x y\necho two;\nEOF\n{renamed}'''")),
        "{handed_in}"
    );
    for file in ["all.toml", "handed-in.toml"] {
        desk.fine(&["answers", "lint", file]);
        let output = desk.run(&["check", "uts", "--format", "json", "--answers", file]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["points"], 4, "{report:#}");
    }
    // Again: it is an earlier export. Not over anything else.
    desk.fine(&["answers", "export", "uts", "--to", "all.toml"]);
    for (file, text) in [("notes.txt", "mine"), ("other.toml", "format = 1\nlesson = \"uts\"\nstudent = \"eve\"\n")] {
        desk.write(file, text);
        desk.refused(&["answers", "export", "uts", "--to", file]);
        assert_eq!(desk.read(file), text);
    }
    before.assert_same();
}
