//! AppArmor on the kernel that has it: the profile that packages install and `doctor`
//! names lets the program do all that it did; a profile that refuses is told by its label
//! on the host's side, and by the wall. Root loads profiles, for everybody on the machine.

#![allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;
use support::skip::skip;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cloison");

/// A profile that is loaded, until this is dropped.
struct Loaded {
    file: tempfile::NamedTempFile,
}

impl Loaded {
    fn new(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let loaded = Self { file };
        loaded.parser("--replace");
        loaded
    }

    fn parser(&self, action: &str) {
        let output = Command::new("apparmor_parser").args([action, "--skip-cache"]).arg(self.file.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.parser("--remove");
    }
}

/// Whether profiles can be loaded here; why not, as the list of skips has it.
fn can_load(test: &str) -> bool {
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    let why = if !enabled.is_ok_and(|text| text.starts_with('Y')) {
        "no AppArmor on this machine"
    } else if !nix::unistd::geteuid().is_root() {
        "needs root"
    } else {
        return true;
    };
    skip(test, why);
    false
}

fn cloison(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).stdin(Stdio::null()).output().unwrap()
}

fn snapshot(pid: u32) -> Value {
    let output = cloison(&["snapshot", "--json", "--pid", &pid.to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn under_its_own_profile_the_program_does_all_that_it_did() {
    if !can_load("under_its_own_profile_the_program_does_all_that_it_did") {
        return;
    }
    let text = include_str!("../assets/apparmor/cloison").replace("/usr/bin/cloison", PROGRAM);
    let _loaded = Loaded::new(&text);
    let own = snapshot(std::process::id());
    assert_eq!(own["host"]["lsm"], "cloison (unconfined)");
    let solution = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons/07-uts/solution.toml");
    let output = cloison(&["check", "uts", "--answers", &solution.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_program_behind_a_profile_is_told_by_its_label_and_refused_by_the_profile() {
    if !can_load("a_program_behind_a_profile_is_told_by_its_label_and_refused_by_the_profile") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (open, shut) = (place.path().join("open"), place.path().join("shut"));
    std::fs::write(&open, "x").unwrap();
    std::fs::write(&shut, "x").unwrap();
    let _loaded = Loaded::new(&format!(
        "profile cloison-test {{\n  file,\n  capability,\n  signal,\n  unix,\n  deny {} r,\n}}\n",
        shut.display()
    ));
    let behind = |argv: &[&str]| {
        let mut command = Command::new("aa-exec");
        command.args(["-p", "cloison-test", "--"]).args(argv);
        command
    };
    let reads = |path: &Path| behind(&["cat", &path.to_string_lossy()]).output().unwrap();
    assert!(reads(&open).status.success());
    let refused = reads(&shut);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
    let mut child = behind(&["sleep", "60"]).spawn().unwrap();
    let name = || std::fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
    let deadline = Instant::now() + support::slow::seconds(15);
    while name().trim() != "sleep" {
        assert!(Instant::now() < deadline, "aa-exec never became sleep: {}", name());
        std::thread::yield_now();
    }
    let seen = snapshot(child.id());
    let actor = &seen["actors"][child.id().to_string()];
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(actor["seen"]["lsm"], "cloison-test (enforce)", "{actor:#}");
    assert_eq!(actor["walls"]["lsm"]["state"], "built", "{:#}", actor["walls"]["lsm"]);
}
