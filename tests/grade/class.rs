//! A class: a directory of submissions, graded by the program into another.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cloison");
pub const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");

/// Submissions, and where the results go: in no place that the jail empties by itself.
pub struct Class {
    place: tempfile::TempDir,
}

impl Class {
    pub fn new() -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
        std::fs::create_dir_all(&target).unwrap();
        // Everybody may look: what keeps students out is the jail.
        let open = std::fs::Permissions::from_mode(0o755);
        let place = tempfile::Builder::new().prefix("class-").permissions(open).tempdir_in(target).unwrap();
        let class = Self { place };
        std::fs::create_dir(class.submissions()).unwrap();
        class
    }

    pub fn submissions(&self) -> PathBuf {
        self.place.path().join("class")
    }

    pub fn out(&self) -> PathBuf {
        self.place.path().join("out")
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Hands in a file.
    pub fn hand_in(&self, name: impl AsRef<OsStr>, text: impl AsRef<[u8]>) {
        let path = self.submissions().join(name.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("grade").arg(self.submissions()).arg("--out").arg(self.out()).args(more).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn grade(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    pub fn start(&self, more: &[&str]) -> Child {
        self.command(more).spawn().unwrap()
    }

    /// Grades, and gives back what each came to: its state, and its points.
    pub fn results(&self, more: &[&str]) -> BTreeMap<String, (String, u64)> {
        let output = self.grade(more);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        self.summary()
    }

    pub fn summary(&self) -> BTreeMap<String, (String, u64)> {
        let summary = json(&self.out().join("summary.json"));
        let rows = summary["submissions"].as_array().unwrap().iter();
        rows.map(|row| {
            let state = row["state"].as_str().unwrap().to_owned();
            (row["name"].as_str().unwrap().to_owned(), (state, row["points"].as_u64().unwrap()))
        })
        .collect()
    }

    /// A submission's report, without what differs from one time to the next.
    pub fn report(&self, name: &str) -> Value {
        let mut report = json(&self.out().join(name).join("report.json"));
        forget_times(&mut report);
        report
    }
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !["millis", "seconds", "duration"].iter().any(|time| name.contains(time)));
            members.values_mut().for_each(forget_times);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_times),
        _ => {}
    }
}

pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Answers to the lesson `uts`, all points but for what is done about the first name.
pub fn uts(name: &str) -> String {
    let name = toml::Value::String(name.to_owned());
    let solution = std::fs::read_to_string(format!("{LESSONS}/07-uts/solution.toml")).unwrap();
    let whole = solution.replace("\"hostname mistral-77\"", &name.to_string());
    assert!(whole.contains(&name.to_string()));
    whole
}

/// What solves it.
pub const SOLVED: &str = "hostname mistral-77";
