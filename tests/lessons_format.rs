//! The format of lessons and answers: what is valid loads, every mistake has its
//! message, and nothing that a file may hold makes a loader panic.
//!
//! `BLESS=1 cargo test --test lessons_format` writes the messages and the schema
//! anew; look at the difference before it is committed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloison::i18n::{Explain, Lang};
use cloison::lesson::answers::{Answers, parse_answers, validate_answers};
use cloison::lesson::broken::parse_broken;
use cloison::lesson::diagnostic::{Diagnostic, acts_on_terminal, render_all};
use cloison::lesson::library::LibraryError;
use cloison::lesson::load::{Files, load_files};
use cloison::lesson::source::Source;
use cloison::lesson::{Lesson, Library, Values, format, load};
use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn base_files() -> Files {
    files(&tests().join("valid_lessons/01-base"))
}

/// The files of a folder as if it were the base lesson's, named without a path.
fn files(folder: &Path) -> Files {
    let read = |file: &str| {
        let source = Source::read(&folder.join(file))?;
        Ok(Source::new(file, source.text))
    };
    Files::gather("01-base".to_owned(), read).expect("three readable files")
}

fn base() -> Lesson {
    match load_files(&base_files()) {
        Ok(lesson) => lesson,
        Err(found) => panic!("{}", render_all(&found, Lang::En, false)),
    }
}

/// Compares with a file, or writes it with BLESS=1.
fn expect_file(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, actual).expect("written");
        return Ok(());
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!("{}:\n--- expected\n{expected}\n--- actual\n{actual}", path.display()))
}

fn fit_for_a_terminal(text: &str) -> bool {
    !text.contains(|c: char| c != '\n' && acts_on_terminal(c))
}

#[test]
fn the_base_lesson_is_valid_and_complete() {
    let lesson = base();
    assert_eq!((lesson.id.as_str(), lesson.number, lesson.points()), ("base", 1, 4));
    assert_eq!(lesson.steps.len(), 4);
    for lang in Lang::ALL {
        let text = lesson.text(lang);
        assert_eq!(text.steps.len(), 4);
        assert_eq!(text.steps[3].hints.len(), 3);
        assert_eq!(text.steps[3].checks.len(), 4);
        assert!(text.steps[0].notes.is_some());
    }
    assert_eq!(lesson.text(Lang::Fr).steps[1].title, "Un pari");
    assert_eq!(lesson.text(Lang::En).steps[3].hints[2], "`hostname {seed.name}`");
}

#[test]
fn every_lesson_of_this_repository_is_built_in_and_loads() {
    let library = Library::open(None).expect("lists");
    let on_disk = Library::open(Some(&tests().join("../lessons"))).expect("lists");
    assert_eq!(library.list(), on_disk.list());
    for entry in library.list() {
        library.get(&entry.id).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn lines_may_end_as_on_other_systems() {
    let base = base_files();
    let crlf = |source: &Source| {
        Source::from_bytes(source.name.clone(), source.text.replace('\n', "\r\n").into_bytes()).expect("text")
    };
    let files =
        Files { folder: base.folder.clone(), lesson: crlf(&base.lesson), texts: base.texts.each_ref().map(crlf) };
    assert_eq!(files.texts[0].text, base.texts[0].text);
    assert!(load_files(&files).is_ok());
}

#[test]
fn every_mistake_in_a_lesson_has_its_message() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(tests().join("invalid_lessons")).expect("there") {
        let folder = entry.expect("listed").path();
        count += 1;
        match load_files(&files(&folder)) {
            Ok(_) => wrong.push(format!("{} is valid", folder.display())),
            Err(found) => wrong.extend(said(&folder.join("expected.txt"), &found)),
        }
    }
    assert!(count >= 30, "{count} mistakes are tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_mistake_in_answers_has_its_message() {
    let lesson = base();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(tests().join("invalid_answers")).expect("there") {
        let path = entry.expect("listed").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let source = Source::new("answers.toml", Source::read(&path).expect("read").text);
        match validate_answers(&source, &lesson) {
            Ok(_) => wrong.push(format!("{} is valid", path.display())),
            Err(found) => wrong.extend(said(&path.with_extension("txt"), &found)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is wrong with how mistakes are told: not as in the file, not printable,
/// the same in both languages.
fn said(expected: &Path, found: &[Diagnostic]) -> Vec<String> {
    let english = render_all(found, Lang::En, false);
    let mut wrong: Vec<String> = expect_file(expected, &format!("{english}\n")).err().into_iter().collect();
    for lang in Lang::ALL {
        if !fit_for_a_terminal(&render_all(found, lang, false)) {
            wrong.push(format!("{}: a control character", expected.display()));
        }
    }
    for one in found {
        if one.title[0] == one.title[1] || one.help[0].is_empty() != one.help[1].is_empty() {
            wrong.push(format!("{}: not in both languages: {:?}", expected.display(), one.title));
        }
    }
    wrong
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_the_code() {
    let path = tests().join("../assets/lesson.schema.json");
    expect_file(&path, &format::schema()).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_students_values_stay_the_same_for_ever() {
    // Worked out by another program from the description in values.rs: answers
    // written with one version must pass with every later one.
    let lesson = base();
    for (student, name, port) in [("ana", ANA.0, ANA.1), ("", NOBODY.0, NOBODY.1), ("Zoé", ZOE.0, ZOE.1)] {
        let values = Values::new(&lesson, student);
        assert_eq!((values.get("name"), values.get("port")), (Some(name), Some(port)), "{student}");
    }
}

const ANA: (&str, &str) = ("cigale-50", "1228");
const NOBODY: (&str, &str) = ("cigale-57", "1046");
const ZOE: (&str, &str) = ("menhir-20", "1575");

#[test]
fn a_check_and_an_op_are_filled_in_with_values() {
    let lesson = base();
    let values = Values::new(&lesson, "ana");
    let step = lesson.steps[3].with_values(&values);
    let task = step.task.expect("a task");
    assert_eq!(task.checks[0].is, cloison::lesson::Predicate::Equals(cloison::lesson::Operand::Value(ANA.0.into())));
    let hostname = &lesson.steps[2].with_values(&values).ops[2].op;
    assert_eq!(*hostname, cloison::lesson::Op::Hostname { name: ANA.0.to_owned() });
}

#[test]
fn valid_answers_are_read_and_written_back() {
    let text = "format = 1\nlesson = \"base\"\nstudent = \"ana\"\n\n[answers]\nguess = \"other\"\n\n[tasks.rename]\nbox = \"hostname cigale-42\"\n";
    let source = Source::new("answers.toml", text);
    let answers = validate_answers(&source, &base()).expect("valid");
    assert_eq!(answers.tasks["rename"]["box"], "hostname cigale-42");
    assert_eq!(answers.to_toml(), text);
}

#[test]
fn broken_cases_lie_over_the_solution() {
    let lesson = base();
    let solution = "format = 1\nlesson = \"base\"\nstudent = \"ana\"\n[answers]\nguess = \"other\"\n[tasks.rename]\nbox = \"hostname right\"\n";
    let solution = parse_answers(&Source::new("solution.toml", solution)).expect("valid");
    let text =
        "[[case]]\nname = \"wrong side\"\nfails = \"rename.host-kept\"\n[case.tasks.rename]\nhost = \"hostname x\"\n";
    let cases = parse_broken(&Source::new("broken.toml", text), &lesson, &solution).expect("valid");
    assert_eq!((cases[0].step.as_str(), cases[0].check.as_str()), ("rename", "host-kept"));
    assert_eq!(cases[0].answers.answers, solution.answers);
    assert_eq!(cases[0].answers.tasks["rename"].get("box"), None);
    assert_eq!(cases[0].answers.tasks["rename"]["host"], "hostname x");

    let unknown = text.replace("host-kept", "host-keept");
    let found = parse_broken(&Source::new("broken.toml", unknown), &lesson, &solution).expect_err("no such check");
    assert!(found[0].explain(Lang::En).contains("did you mean `rename.host-kept`?"), "{}", found[0]);
}

#[test]
fn a_lesson_asked_for_by_a_wrong_name_is_suggested() {
    let library = Library::open(Some(&tests().join("valid_lessons"))).expect("lists");
    assert_eq!(library.list().len(), 1);
    match library.get("bsae") {
        Err(LibraryError::Unknown { near, numbers, .. }) => {
            assert_eq!((near, numbers), (vec![(1, "base".to_owned())], Some((1, 1))));
        }
        other => panic!("{other:?}"),
    }
}

/// A folder with the base lesson in it, to be spoiled.
fn spoiled(spoil: impl FnOnce(&Path)) -> Vec<Diagnostic> {
    let directory = tempfile::tempdir().expect("made");
    let folder = directory.path().join("01-base");
    std::fs::create_dir(&folder).expect("made");
    for file in ["lesson.toml", "en.md", "fr.md"] {
        std::fs::copy(tests().join("valid_lessons/01-base").join(file), folder.join(file)).expect("copied");
    }
    assert!(load(&folder).is_ok());
    spoil(&folder);
    load(&folder).expect_err("spoiled")
}

#[track_caller]
fn refused_with(found: &[Diagnostic], words: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].title[0].contains(words), "{}", found[0]);
}

#[test]
fn files_that_are_no_plain_files_are_refused_and_never_waited_for() {
    let start = Instant::now();
    refused_with(
        &spoiled(|folder| {
            std::fs::remove_file(folder.join("en.md")).expect("removed");
            nix::unistd::mkfifo(&folder.join("en.md"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        }),
        "a pipe or a device, not a regular file",
    );
    refused_with(
        &spoiled(|folder| {
            std::fs::remove_file(folder.join("en.md")).expect("removed");
            std::fs::create_dir(folder.join("en.md")).expect("made");
        }),
        "a directory, not a regular file",
    );
    refused_with(
        &spoiled(|folder| {
            std::fs::rename(folder.join("en.md"), folder.join("other.md")).expect("renamed");
            std::os::unix::fs::symlink("other.md", folder.join("en.md")).expect("linked");
        }),
        "a symbolic link",
    );
    refused_with(
        &spoiled(|folder| {
            std::fs::remove_file(folder.join("fr.md")).expect("removed");
            let _socket = std::os::unix::net::UnixListener::bind(folder.join("fr.md")).expect("bound");
        }),
        "a socket, not a regular file",
    );
    refused_with(&spoiled(|folder| std::fs::remove_file(folder.join("fr.md")).expect("removed")), "no such file");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn files_that_are_no_text_are_refused() {
    let append = |bytes: Vec<u8>| {
        move |folder: &Path| {
            let mut all = std::fs::read(folder.join("en.md")).expect("read");
            all.extend(bytes);
            std::fs::write(folder.join("en.md"), all).expect("written");
        }
    };
    let found = spoiled(append(b"caf\xe9\n".to_vec()));
    refused_with(&found, "not UTF-8");
    assert!(found[0].place.is_some());
    refused_with(&spoiled(append(vec![b'x'; 1024 * 1024])), "larger than 1 MiB");
    refused_with(&spoiled(append(vec![0; 64])), "control character U+0000");
}

#[test]
fn a_link_to_a_folder_is_no_lesson() {
    let directory = tempfile::tempdir().expect("made");
    let target = tests().join("valid_lessons/01-base");
    std::os::unix::fs::symlink(target, directory.path().join("01-base")).expect("linked");
    assert!(Library::open(Some(directory.path())).expect("lists").list().is_empty());
}

/// Loads a lesson with one of its files replaced, in a small stack, in bounded time.
fn survives(file: &str, text: String) {
    let mut files = base_files();
    let source = match file {
        "lesson.toml" => &mut files.lesson,
        "en.md" => &mut files.texts[0],
        _ => &mut files.texts[1],
    };
    let size = text.len();
    source.text = text;
    let loading = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        if let Err(found) = load_files(&files) {
            for lang in Lang::ALL {
                assert!(fit_for_a_terminal(&render_all(&found, lang, false)));
            }
        }
        // Of this thread alone: the machine may have other things to do.
        Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock"))
    });
    let took = loading.expect("started").join().expect("no panic");
    assert!(took < Duration::from_secs(20), "{size} bytes took {took:?}");
}

#[test]
fn endless_nesting_overflows_no_stack() {
    let toml = base_files().lesson.text;
    for nested in ["[", "{a=", "[{a=["] {
        survives("lesson.toml", format!("x = {}", nested.repeat(200_000)));
        survives(
            "lesson.toml",
            toml.replace("equals = \"{seed.name}\"", &format!("equals = {}", nested.repeat(100_000))),
        );
    }
    survives("lesson.toml", format!("{}x = 1\n", "a.".repeat(400_000)));
    survives("lesson.toml", format!("[{}x]\n", "a.".repeat(400_000)));
    for nested in ["[?", "[?(", "[?!", "(", "[?length(", "..["] {
        survives("lesson.toml", toml.replace("$.host.uts.hostname", &format!("${}", nested.repeat(340))));
    }
    survives("lesson.toml", toml.replace("^[a-z]+-[0-9]+$", &"(".repeat(200_000)));
    let prose = base_files().texts[0].text.clone();
    for nested in ["> ", "- ", "*", "[", "![", "<a>", "`", "# ", "{$.", "{seed.", "\\[", "&#", "1. "] {
        survives("en.md", format!("{prose}\n{}\n", nested.repeat(100_000 / nested.len())));
    }
}

/// A line again and again, numbered, up to nearly 1 MiB.
fn many(line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        let next = line(number);
        if text.len() + next.len() > 1_000_000 {
            break;
        }
        text.push_str(&next);
    }
    text
}

#[test]
fn a_megabyte_of_mistakes_is_refused_in_bounded_time() {
    let toml = base_files().lesson.text;
    survives("lesson.toml", format!("{toml}{}", many(|n| format!("[[step]]\nid = \"s{n}\"\n"))));
    survives("lesson.toml", format!("{toml}{}", many(|n| format!("[[stap]]\nid = \"s{n}\"\n"))));
    survives("lesson.toml", format!("{toml}{}", many(|n| format!("k{n} = 1\n"))));
    survives("lesson.toml", format!("{}{toml}", many(|n| format!("k{n} = 1\n"))));
    survives("lesson.toml", format!("{toml}{}", many(|n| format!("[seed.a{n}]\nnumber = [9, 1]\n"))));
    survives("lesson.toml", format!("{toml}{}", many(|n| format!("[actors.a{n}]\n"))));
    let op = |n: usize| format!("{{ actor = \"box\", fork = \"a{n}\" }},");
    survives("lesson.toml", format!("{toml}[[step]]\nid = \"x\"\ndo = [{}]\n", many(op)));
    let check = |n: usize| format!("{{ id = \"c{n}\", at = \"$.hst\", absent = false }},");
    survives("lesson.toml", format!("{toml}[[step]]\nid = \"x\"\nexpect = [{}]\n", many(check)));
    survives("lesson.toml", toml.replace("tools = [", &format!("tools = [{}", many(|n| format!("\"/{n}\",")))));
    survives("lesson.toml", toml.replace("[a-z]+", &"[a-z]".repeat(190_000)));

    let prose = base_files().texts[0].text.clone();
    for line in [
        "## s: S\n\nT.\n\n",
        "### why\n\nT.\n\n",
        "#### x\n",
        "> # x\n\n",
        "{seed.x} {$.[}\n",
        "### choice x\n\nT.\n\n",
    ] {
        survives("en.md", format!("{prose}\n{}", many(|_| line.to_owned())));
    }

    let lesson = base();
    let start = Instant::now();
    for table in ["answers", "tasks"] {
        let text = format!(
            "format = 1\nlesson = \"base\"\n[{table}]\n{}",
            many(|n| {
                if table == "answers" { format!("s{n} = \"x\"\n") } else { format!("s{n} = {{ box = \"x\" }}\n") }
            })
        );
        let found = validate_answers(&Source::new("answers.toml", text), &lesson).expect_err("no such steps");
        assert!((2..=51).contains(&found.len()), "{}", found.len());
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn parentheses_in_a_selector_cost_no_exponential_time() {
    let toml = base_files().lesson.text;
    for (open, close) in [("(", ")"), ("!(", ")"), ("$[?", "]"), ("length(", ")"), ("(!(", "))")] {
        for depth in 1..8 {
            let filter = format!("$.host[?{}@.a == 1{}]", open.repeat(depth), close.repeat(depth));
            survives("lesson.toml", toml.replace("$.host.uts.hostname", &filter));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_spoiled_lesson_makes_the_loader_panic(
        which in 0..3_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, any::<Vec<u8>>()), 1..6),
    ) {
        let mut files = base_files();
        let source = if which == 0 { &mut files.lesson } else { &mut files.texts[which - 1] };
        let mut bytes = source.text.clone().into_bytes();
        for (index, length, new) in edits {
            let start = index.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new);
        }
        match Source::from_bytes("spoiled", bytes.clone()) {
            Ok(read) => *source = read,
            Err(one) => {
                prop_assert!(fit_for_a_terminal(&one.render(Lang::En, false)));
                *source = Source::new("spoiled", String::from_utf8_lossy(&bytes));
            }
        }
        let _ = parse_answers(source);
        let _ = parse_broken(source, &base(), &Answers::default());
        if let Err(found) = load_files(&files) {
            for lang in Lang::ALL {
                prop_assert!(fit_for_a_terminal(&render_all(&found, lang, false)));
            }
        }
    }

    #[test]
    fn words_taken_out_or_doubled_make_no_panic(
        which in 0..3_usize,
        at in any::<prop::sample::Index>(),
        doubled: bool,
    ) {
        let mut files = base_files();
        let source = if which == 0 { &mut files.lesson } else { &mut files.texts[which - 1] };
        let mut words: Vec<&str> = source.text.split_inclusive([' ', '\n', '=', ',', '"']).collect();
        let at = at.index(words.len());
        if doubled { words.insert(at, words[at]) } else { words.remove(at); }
        source.text = words.concat();
        let _ = load_files(&files);
    }
}
