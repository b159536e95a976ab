//! A whole box: a user and six further namespaces, a minimal root with its own
//! /proc, `true` run in it, everything taken down. Beside bubblewrap and runc, which
//! make the same.

use std::os::unix::fs::symlink;
use std::path::Path;

use cloison::lab::Lab;
use cloison::lesson::op::{MapKind, MountFlag, NsKind, Op, RootKind};
use serde_json::{Value, json};

use crate::options;
use crate::table::{Measure, Row, Unit, in_turns, program, timed};

const ROUNDS: usize = 150;

/// The rows.
pub fn rows() -> Vec<Row> {
    let bundle = tempfile::tempdir().map_err(|error| error.to_string());
    let bundled = bundle.as_ref().map_err(Clone::clone).and_then(|place| make_bundle(place.path()));
    let mut lab = Lab::start(options()).map_err(|error| error.to_string());
    let mut count = 0;
    let measures: Vec<Measure<'_>> = vec![
        Box::new(|| {
            let lab = lab.as_mut().map_err(|error| error.clone())?;
            timed(|| build(lab).and_then(|()| lab.reset(false).map_err(|error| error.to_string())))
        }),
        Box::new(|| {
            timed(|| {
                let mut lab = Lab::start(options()).map_err(|error| error.to_string())?;
                build(&mut lab)
            })
        }),
        Box::new(|| timed(|| program("bwrap", &bwrap()))),
        Box::new(|| {
            let place = bundled.clone()?;
            count += 1;
            timed(|| program("runc", &runc(&place, count)))
        }),
    ];
    let figures = in_turns(ROUNDS, measures);
    let [kept, started, bwrap, runc] = &figures[..] else { return Vec::new() };
    let row = |what, ours, peer, theirs, target| Row::beside(what, Unit::Millis, ours, peer, theirs, target);
    vec![
        row("a whole box, keeper running", kept, "bwrap", bwrap, Some(0.8)),
        row("a whole box, keeper running", kept, "runc", runc, Some(0.25)),
        // A keeper is started once, with the program.
        row("a whole box, keeper's start and end too", started, "bwrap", bwrap, None),
        row("a whole box, keeper's start and end too", started, "runc", runc, Some(0.25)),
    ]
}

fn build(lab: &mut Lab) -> Result<(), String> {
    lab.spawn_ahead(&["box"]).map_err(|error| error.to_string())?;
    let kinds = vec![NsKind::User, NsKind::Mnt, NsKind::Uts, NsKind::Ipc, NsKind::Pid, NsKind::Net, NsKind::Cgroup];
    let proc = Op::Mount {
        fstype: "proc".into(),
        source: "proc".into(),
        target: "{root}/proc".into(),
        flags: vec![MountFlag::Nosuid, MountFlag::Nodev, MountFlag::Noexec],
        data: String::new(),
    };
    let steps = [
        ("box", Op::Unshare { kinds, map: Some(MapKind::Root) }),
        ("box", Op::Fork { child: "init".into() }),
        ("init", Op::Root { kind: RootKind::Host }),
        ("init", proc),
        ("init", Op::PivotRoot { path: "{root}".into() }),
        ("init", Op::Run { argv: vec!["true".into()], seconds: 5, background: false, trace: false }),
    ];
    // As a lesson's step with these ops.
    let ops = steps.map(|(actor, op)| (actor.to_owned(), op)).to_vec();
    let (done, unasked) = lab.perform_all(ops).map_err(|error| error.to_string())?;
    if let Some(failure) = unasked {
        return Err(format!("({failure:?})"));
    }
    for performed in done {
        if let Some((errno, doing)) = performed.failure {
            return Err(format!("({doing}: {errno})"));
        }
        if performed.ran.is_some_and(|ran| ran.exit != Some(cloison::kernel::process::Exit::Code(0))) {
            return Err("(true failed)".to_owned());
        }
    }
    Ok(())
}

/// What of the host a box shows: directories to bind, links to make.
fn shown() -> (Vec<String>, Vec<(String, String)>) {
    let (mut directories, mut links) = (Vec::new(), Vec::new());
    for name in ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"] {
        match std::fs::read_link(name) {
            Ok(target) => links.push((target.to_string_lossy().into_owned(), name.to_owned())),
            Err(_) if Path::new(name).is_dir() => directories.push(name.to_owned()),
            Err(_) => {}
        }
    }
    (directories, links)
}

fn bwrap() -> Vec<String> {
    let (directories, links) = shown();
    let mut args = vec!["--unshare-all".to_owned()];
    for name in directories {
        args.extend(["--ro-bind".to_owned(), name.clone(), name]);
    }
    for (target, name) in links {
        args.extend(["--symlink".to_owned(), target, name]);
    }
    args.extend(["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp", "true"].map(str::to_owned));
    args
}

fn runc(place: &str, count: usize) -> Vec<String> {
    let name = format!("cloison-bench-{}-{count}", std::process::id());
    let state = format!("{place}/state");
    ["--root", &state, "run", "--bundle", place, &name].map(str::to_owned).to_vec()
}

/// A bundle whose root is made of the host's own directories, read-only, with the
/// same seven namespaces; its path.
fn make_bundle(place: &Path) -> Result<String, String> {
    let (directories, links) = shown();
    let root = place.join("rootfs");
    let failed = |error: std::io::Error| error.to_string();
    for name in directories.iter().map(String::as_str).chain(["/proc", "/dev", "/tmp"]) {
        std::fs::create_dir_all(root.join(name.trim_start_matches('/'))).map_err(failed)?;
    }
    for (target, name) in links {
        symlink(target, root.join(name.trim_start_matches('/'))).map_err(failed)?;
    }
    let mount = |at: &str, kind: &str, options: &[&str]| json!({ "destination": at, "type": kind, "source": kind, "options": options });
    let bind = |at: &String| json!({ "destination": at, "type": "bind", "source": at, "options": ["rbind", "ro"] });
    let mut mounts: Vec<Value> = directories.iter().map(bind).collect();
    mounts.push(mount("/proc", "proc", &[]));
    mounts.push(mount("/dev", "tmpfs", &["nosuid", "mode=755", "size=64k"]));
    mounts.push(mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]));
    let kinds = ["user", "mount", "uts", "ipc", "pid", "network", "cgroup"].map(|kind| json!({ "type": kind }));
    let map = |id: u32| json!([{ "containerID": 0, "hostID": id, "size": 1 }]);
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": ["true"],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": mounts,
        "linux": {
            "namespaces": kinds,
            "uidMappings": map(nix::unistd::geteuid().as_raw()),
            "gidMappings": map(nix::unistd::getegid().as_raw()),
        },
    });
    std::fs::write(place.join("config.json"), config.to_string()).map_err(failed)?;
    Ok(place.to_string_lossy().into_owned())
}
