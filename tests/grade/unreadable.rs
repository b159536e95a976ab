//! What is no answers file gets a verdict that says so, and is never opened where it is no
//! regular file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;

use crate::class::{Class, SOLVED, json, uts};

/// The reason that a submission could not be read.
fn reason(class: &Class, name: &str) -> String {
    let summary = json(&class.out().join("summary.json"));
    let row = summary["submissions"].as_array().unwrap().iter().find(|row| row["name"] == name);
    let row = row.unwrap_or_else(|| panic!("no {name}: {summary:#}"));
    assert_eq!((&row["state"], &row["points"]), (&"unreadable".into(), &0.into()), "{row}");
    row["lessons"][0]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_no_regular_file_is_never_opened_and_said_to_be_none() {
    let class = Class::new();
    let place = class.submissions();
    let secret = class.path().join("secret.toml");
    std::fs::write(&secret, uts(SOLVED)).unwrap();
    symlink(&secret, place.join("link.toml")).unwrap();
    symlink(class.path(), place.join("linked")).unwrap();
    symlink("/nowhere", place.join("dangling")).unwrap();
    nix::unistd::mkfifo(&place.join("pipe.toml"), Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(place.join("socket")).unwrap();
    for folder in ["in-link", "in-linked", "in-pipe", "in-folder", "in-nothing"] {
        std::fs::create_dir(place.join(folder)).unwrap();
    }
    symlink(&secret, place.join("in-link/uts.toml")).unwrap();
    std::fs::create_dir(class.path().join("answers")).unwrap();
    std::fs::rename(&secret, class.path().join("answers/uts.toml")).unwrap();
    symlink(class.path().join("answers"), place.join("in-linked/answers")).unwrap();
    nix::unistd::mkfifo(&place.join("in-pipe/uts.toml"), Mode::S_IRWXU).unwrap();
    std::fs::create_dir(place.join("in-folder/uts.toml")).unwrap();
    let output = class.grade(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, says) in [
        ("link", "a symbolic link"),
        ("linked", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("in-link", "a symbolic link"),
        ("in-linked", "a symbolic link"),
        ("in-pipe", "a named pipe"),
        ("in-folder", "a directory"),
        ("in-nothing", "no answers in it"),
    ] {
        assert!(reason(&class, name).contains(says), "{name}: {}", reason(&class, name));
    }
}

#[test]
fn a_device_is_never_opened() {
    let class = Class::new();
    let device = nix::sys::stat::mknod(
        &class.submissions().join("device.toml"),
        nix::sys::stat::SFlag::S_IFCHR,
        Mode::S_IRWXU,
        nix::libc::makedev(1, 5),
    );
    if device.is_err() {
        assert!(!nix::unistd::geteuid().is_root(), "root can make devices: {device:?}");
        // Who can make none hands none in: a link to one is all that is left.
        symlink("/dev/zero", class.submissions().join("device.toml")).unwrap();
    }
    class.results(&[]);
    let says = if device.is_ok() { "a device" } else { "a symbolic link" };
    assert!(reason(&class, "device").contains(says));
}

#[test]
fn files_that_are_no_answers_say_where_they_are_wrong() {
    let class = Class::new();
    let nested = |open: &str| format!("a = {}", open.repeat(200_000));
    let tasks: String = (0..40_000).fold(String::new(), |text, number| text + &format!("[tasks.t{number}]\n"));
    let head = "format = 1\nlesson = \"uts\"\nstudent = \"ana\"\n";
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("large", vec![b'#'; 10_000_000], "larger than 1 MiB"),
        ("nested", nested("[").into(), "not valid TOML"),
        ("tables", nested("{a=").into(), "not valid TOML"),
        ("dotted", format!("{}a = 1", "a.".repeat(300_000)).into(), "not valid TOML"),
        ("tasks", format!("{head}{tasks}").into(), "no step `t0`"),
        ("nul", b"format = 1\nlesson = \"u\0ts\"\n".to_vec(), "nul.toml:2"),
        ("bytes", b"format = 1\nlesson = \"\xff\xfe\"\n".to_vec(), "not UTF-8"),
        ("empty", Vec::new(), "format"),
        ("later", b"format = 2\nlesson = \"uts\"\n".to_vec(), "format 2 is not known"),
        ("unknown", b"format = 1\nlesson = \"utz\"\n".to_vec(), "no lesson `utz`"),
        ("step", format!("{head}[tasks.gone]\nbox = \"x\"\n").into(), "no step `gone`"),
        ("shell", format!("{head}[tasks.name]\nhost = \"x\"\n").into(), "no shell `host`"),
    ];
    for (name, text, _) in &cases {
        class.hand_in(format!("{name}.toml"), text);
    }
    class.hand_in("zoe.toml", uts(SOLVED));
    let results = class.results(&[]);
    assert_eq!(results["zoe"], ("pass".to_owned(), 8));
    for (name, _, says) in &cases {
        assert!(reason(&class, name).contains(says), "{name}: {}", reason(&class, name));
    }
}

#[test]
fn names_and_answers_reach_no_terminal_and_no_spreadsheet_raw() {
    let class = Class::new();
    let hostile = b"\x1b]0;owned\x07\xff\n.toml";
    class.hand_in(OsStr::from_bytes(hostile), uts(SOLVED).replace("\"ana\"", "\"=1+1\\u001b[2J\""));
    class.hand_in("=cmd|' /C calc'!A0.toml", uts(SOLVED));
    class.hand_in("summary.csv/uts.toml", uts(SOLVED));
    let output = class.grade(&[]);
    let said = [output.stdout, output.stderr].concat();
    let files = ["summary.csv", "summary.json"].map(|name| std::fs::read(class.out().join(name)).unwrap());
    for bytes in [&said, &files[0], &files[1]] {
        assert!(!bytes.contains(&0x1b) && !bytes.contains(&0x07), "{}", String::from_utf8_lossy(bytes));
    }
    let csv = String::from_utf8_lossy(&files[0]);
    assert!(csv.contains("'=cmd|") && csv.contains("'=1+1"), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains("\n="), "{csv}");
    assert!(class.summary().keys().any(|name| name == "%1b]0;owned%07%ff%0a"), "{:?}", class.summary());
}
