//! `cloison doctor` on the real kernel: what it says agrees with what other programs
//! meet, in places where things are forbidden as well.

#![expect(clippy::unwrap_used, reason = "a test ends where something unforeseen happens")]

use std::process::{Command, Output};

use serde_json::Value;

const CLOISON: &str = env!("CARGO_BIN_EXE_cloison");

/// The program where an ordinary user can reach it too, and what runs a command as
/// that user; nothing extra where the tests are run by one.
struct Place {
    program: String,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = directory.path().join("cloison");
        if std::fs::hard_link(CLOISON, &program).is_err() {
            std::fs::copy(CLOISON, &program).unwrap();
        }
        Self { program: program.to_string_lossy().into_owned(), _directory: directory }
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A shell command as an ordinary user, whoever runs the tests.
fn as_user(script: &str) -> Output {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=12345", "--regid=12345", "--clear-groups", "sh", "-c", script]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    };
    command.env_remove("XDG_RUNTIME_DIR").output().unwrap()
}

fn as_self(script: &str) -> Output {
    Command::new("sh").args(["-c", script]).output().unwrap()
}

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn finding<'a>(document: &'a Value, key: &str) -> &'a Value {
    let found = document["findings"].as_array().unwrap().iter().find(|one| one["key"] == key);
    found.unwrap_or_else(|| panic!("no finding {key}"))
}

#[test]
fn what_it_says_of_namespaces_agrees_with_unshare() {
    let place = Place::new();
    let program = &place.program;
    let tries = [
        ("userns", "unshare -Ur true"),
        ("mntns", "unshare -Urm mount -t tmpfs none /tmp"),
        ("utsns", "unshare -Uru hostname doctor"),
        ("ipcns", "unshare -Uri true"),
        ("pidns", "unshare -Urpf true"),
        ("netns", "unshare -Urn ip link set lo up"),
        ("cgroupns", "unshare -UrC true"),
        ("timens", "unshare -UrTf --monotonic 60 true"),
        ("proc-mount", "unshare -Urmpf --mount-proc true"),
        ("setns", "unshare -Uru true"),
    ];
    for run in [as_self, as_user] {
        let said = document(&run(&format!("{program} doctor --json")));
        for (key, other) in tries {
            let works = run(other).status.success();
            assert_eq!(finding(&said, key)["works"], works, "{other}: {:#}", finding(&said, key));
        }
    }
}

#[test]
fn every_finding_has_its_texts_in_both_languages_and_broken_ones_a_remedy() {
    let place = Place::new();
    let program = &place.program;
    for run in [as_self, as_user] {
        let [en, fr] = ["en", "fr"].map(|lang| document(&run(&format!("{program} --lang {lang} doctor --json"))));
        let keys = |document: &Value| -> Vec<String> {
            document["findings"].as_array().unwrap().iter().map(|one| one["key"].to_string()).collect()
        };
        assert_eq!(keys(&en), keys(&fr));
        for document in [&en, &fr] {
            for one in document["findings"].as_array().unwrap() {
                let long = |field: &str| one[field].as_str().is_some_and(|text| text.len() > 3);
                assert!(long("name") && long("why"), "{one:#}");
                if one["state"] == "missing" || one["state"] == "limited" {
                    assert!(long("remedy"), "{one:#}");
                }
            }
        }
        assert_eq!(en["format"], 1);
        assert_ne!(finding(&en, "userns")["name"], finding(&fr, "userns")["name"]);
    }
}

#[test]
fn a_limit_of_zero_is_met_explained_and_its_remedy_named() {
    let place = Place::new();
    let program = &place.program;
    // An ordinary user with an id of its own, so that only the limit stands in the way.
    let output = as_user(&format!(
        "unshare -U --map-current-user --keep-caps sh -c 'echo 0 > /proc/sys/user/max_uts_namespaces && exec {program} doctor --json'"
    ));
    let said = document(&output);
    let uts = finding(&said, "utsns");
    assert_eq!((&uts["works"], &uts["errno"]), (&Value::from(false), &Value::from("ENOSPC")), "{uts:#}");
    assert!(uts["why"].as_str().unwrap().contains("user.max_uts_namespaces = 0"), "{uts:#}");
    assert_eq!(uts["commands"][0], "sudo sysctl -w user.max_uts_namespaces=10000");
    assert_eq!(finding(&said, "ipcns")["works"], true, "{:#}", finding(&said, "ipcns"));
}

#[test]
fn no_user_namespaces_at_all_is_a_finding_and_no_failure() {
    let place = Place::new();
    let program = &place.program;
    let output = as_user(&format!(
        "unshare -U --map-current-user --keep-caps sh -c 'echo 0 > /proc/sys/user/max_user_namespaces && exec {program} doctor --json'"
    ));
    let said = document(&output);
    for key in ["userns", "mntns", "proc-mount", "overlay", "subids", "setns"] {
        let one = finding(&said, key);
        assert_eq!(one["state"], "missing", "{one:#}");
        assert!(one["why"].as_str().unwrap().contains("user.max_user_namespaces = 0"), "{one:#}");
    }
}

#[test]
fn a_lesson_that_cannot_run_here_is_not_graded_and_says_why() {
    let place = Place::new();
    let program = &place.program;
    let answers = format!("{program}.toml");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/07-uts/solution.toml"), &answers).unwrap();
    let check = format!("{program} --lang en check uts --answers {answers}");
    let output = as_user(&format!(
        "unshare -U --map-current-user --keep-caps sh -c 'echo 0 > /proc/sys/user/max_uts_namespaces && exec {check}'"
    ));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("UTS namespaces: ") && said.contains("user.max_uts_namespaces=10000"), "{said}");
}

#[test]
fn an_over_mounted_proc_refuses_a_fresh_one_and_is_named() {
    let place = Place::new();
    let program = &place.program;
    let over = format!("mount -t tmpfs none /proc/fs && exec {program} doctor --json");
    // As root the mount is made in a mount namespace alone, so that the maps are
    // root's own; as an ordinary user it takes a user namespace.
    let script = if is_root() {
        format!("unshare -m sh -c '{over}'")
    } else {
        format!("unshare -Um --map-current-user --keep-caps sh -c '{over}'")
    };
    let said = document(&as_self(&script));
    let one = finding(&said, "proc-mount");
    assert_eq!((&one["state"], &one["errno"]), (&Value::from("missing"), &Value::from("EPERM")), "{one:#}");
    assert!(one["why"].as_str().unwrap().contains("/proc/fs"), "{one:#}");
    assert_eq!(finding(&said, "pidns")["works"], true);
}

#[test]
fn root_of_a_small_user_namespace_has_its_lab_but_not_the_real_root() {
    let place = Place::new();
    let program = &place.program;
    let said = document(&as_user(&format!("unshare -Ur {program} doctor --json")));
    for key in ["lab", "userns", "utsns"] {
        assert_eq!(finding(&said, key)["works"], true, "{said:#}");
    }
    assert_eq!(finding(&said, "real-root")["works"], false);
}

#[test]
fn a_machine_without_proc_sys_and_without_subuid_gets_findings_all_the_same() {
    let place = Place::new();
    let program = &place.program;
    let script = format!(
        "unshare -Um --map-current-user --keep-caps sh -c 'mount -t tmpfs none /proc/sys; mount -t tmpfs none /etc; \
         mount -t tmpfs none /sys; exec {program} doctor --json'"
    );
    let said = document(&as_user(&script));
    assert_eq!(finding(&said, "proc-mount")["state"], "missing");
    let subids = finding(&said, "subids");
    // The nearer reason, where the tools are lacking, too.
    let has_tools = ["/usr/bin", "/bin"].iter().any(|place| std::path::Path::new(place).join("newuidmap").exists());
    let lacking = if has_tools { "/etc/subuid" } else { "newuidmap" };
    assert!(subids["why"].as_str().unwrap().contains(lacking), "{subids:#}");
    assert_eq!(finding(&said, "userns")["works"], true, "{:#}", finding(&said, "userns"));
}

/// What could be left behind: processes of the program, mounts, groups, files.
fn inventory(program: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        let own = std::fs::read_link(path.join("exe")).is_ok_and(|exe| exe.to_string_lossy().starts_with(program));
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        let marked = format!("DOCTOR_TEST={program}").into_bytes();
        if own || environment.split(|byte| *byte == 0).any(|pair| pair == marked) {
            found.push(path.display().to_string());
        }
    }
    found.extend(std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned));
    let uid = nix::unistd::geteuid().as_raw();
    for directory in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let names = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        found.extend(
            names.filter(|path| path.to_string_lossy().contains("cloison")).map(|path| path.display().to_string()),
        );
    }
    // The labs of other tests come and go; this one's has the PID in its name.
    for base in ["/run/cloison".to_owned(), format!("/tmp/cloison-{uid}"), "/tmp/cloison-12345".to_owned()] {
        found.extend(
            std::fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()),
        );
    }
    found.sort();
    found
}

#[test]
fn nothing_is_left_behind() {
    let place = Place::new();
    let program = &place.program;
    let strip = |list: Vec<String>, pid: Option<u32>| -> Vec<String> {
        // The names of its labs, and of the group that it tries to make.
        let ours = pid.map(|pid| [format!("/{pid:x}-"), format!("cloison-doctor-{pid}")]);
        list.into_iter()
            .filter(|line| !line.contains("cloison") || ours.iter().flatten().any(|ours| line.contains(ours)))
            .collect()
    };
    let before = strip(inventory(program), None);
    let child = Command::new(program)
        .args(["doctor", "--json"])
        .env("DOCTOR_TEST", program)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(before, strip(inventory(program), Some(pid)));
}
