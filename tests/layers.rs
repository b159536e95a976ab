//! Overlays and volumes on the real kernel: what a viewer is told of files and
//! layers, how far the looking goes, and what outlives a box. Run as root and as an
//! ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cloison::i18n::Lang;
use cloison::kernel::Errno;
use cloison::lab::Lab;
use cloison::lesson::op::{MapKind, MountFlag, NsKind, Op, RootKind};
use cloison::observe::layers::{FileState, Kind, LayeredFile, Overlay, of_the_box};
use cloison::observe::{self, Known, Reading, Sampler, Snapshot, View};

use support::lab::{lab, must, refused};
use support::left::Left;
use support::skip::skip;

fn mount(fstype: &str, source: &str, target: &str, flags: &[MountFlag], data: &str) -> Op {
    let (fstype, source, target) = (fstype.into(), source.into(), target.into());
    Op::Mount { fstype, source, target, flags: flags.to_vec(), data: data.into() }
}

fn run(lab: &mut Lab, actor: &str, script: &str) -> String {
    let argv = vec!["sh".into(), "-c".into(), script.into()];
    let ran = must(lab, actor, &Op::Run { argv, seconds: 20, background: false, trace: false }).ran.unwrap();
    assert!(!ran.timed_out, "{script}");
    String::from_utf8_lossy(&ran.output).trim_end().to_owned()
}

fn write(lab: &mut Lab, actor: &str, path: &str, text: &str) {
    must(lab, actor, &Op::Write { path: path.into(), text: text.into() });
}

fn mkdir(lab: &mut Lab, actor: &str, path: &str) {
    must(lab, actor, &Op::Mkdir { path: path.into() });
}

fn view(lab: &mut Lab, actor: &str) -> View {
    let bytes = lab.view(actor, &[], Duration::from_secs(10)).unwrap().expect("an answer in time");
    observe::Told::decode(&bytes).unwrap().view
}

fn snapshot(lab: &mut Lab, actors: &[&str]) -> Snapshot {
    let pid = |lab: &Lab, name: &str| lab.actors().iter().find(|actor| actor.name == name).unwrap().pid;
    let known = actors.iter().map(|&name| Known {
        name: name.to_owned(),
        pid: pid(lab, name),
        alive: true,
        exit: None,
        seen: Reading::Read(view(lab, name)),
        told: observe::Sections::ALL,
        stale: None,
    });
    let known = known.collect();
    Sampler::new().unwrap().snapshot(known)
}

/// An actor with a root directory of its own in namespaces of its own, and the
/// host's /proc.
fn boxed(lab: &mut Lab, name: &str, before_pivot: &[Op]) {
    lab.spawn(name).unwrap();
    must(lab, name, &Op::Unshare { kinds: vec![NsKind::User, NsKind::Mnt], map: Some(MapKind::Root) });
    for op in before_pivot.iter().filter(|op| matches!(op, Op::Volume { .. })) {
        must(lab, name, op);
    }
    must(lab, name, &Op::Root { kind: RootKind::Host });
    must(lab, name, &mount("", "/proc", "{root}/proc", &[MountFlag::Bind, MountFlag::Rec], ""));
    for op in before_pivot.iter().filter(|op| !matches!(op, Op::Volume { .. })) {
        must(lab, name, op);
    }
    must(lab, name, &Op::PivotRoot { path: "{root}".into() });
}

/// Two image layers and a writable one, mounted on /app.
fn stack(lab: &mut Lab) {
    boxed(lab, "box", &[]);
    write(lab, "box", "/l/base/etc/zone", "Europe/Paris\n");
    write(lab, "box", "/l/base/data/old", "old\n");
    write(lab, "box", "/l/base/dir/lost", "x\n");
    write(lab, "box", "/l/app/etc/motd", "hello\n");
    for name in ["/l/first", "/l/work", "/app"] {
        mkdir(lab, "box", name);
    }
    let data = "lowerdir=/l/app:/l/base,upperdir=/l/first,workdir=/l/work,userxattr";
    must(lab, "box", &mount("overlay", "overlay", "/app", &[], data));
}

/// overlayfs keeps what it must remember of a directory in `user.` attributes; where
/// there are none the kernel refuses to make it.
const NO_ATTRIBUTES: &str = "no user attributes in a tmpfs before Linux 6.6";

fn files(overlay: &Overlay) -> &[LayeredFile] {
    match &overlay.files {
        Some(Reading::Read(files)) => files,
        other => panic!("{other:?}"),
    }
}

fn file<'a>(overlay: &'a Overlay, path: &str) -> &'a LayeredFile {
    let files = files(overlay);
    files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path} in {files:#?}"))
}

#[test]
fn each_file_is_found_in_its_layers_with_what_became_of_it() {
    let mut lab = lab();
    stack(&mut lab);
    run(&mut lab, "box", "echo more >> /app/etc/zone; rm /app/data/old; echo new > /app/data/new");
    let seen = view(&mut lab, "box");
    let overlay = seen.overlays.last().unwrap();
    let paths: Vec<&str> = overlay.layers.iter().map(|layer| layer.path.as_str()).collect();
    assert_eq!(paths, ["/l/first", "/l/app", "/l/base"]);
    assert_eq!((overlay.target.as_str(), overlay.work.as_deref(), overlay.more), ("/app", Some("/l/work"), false));

    let zone = file(overlay, "etc/zone");
    assert_eq!((zone.state, zone.from.as_deref()), (FileState::Copied, Some("/l/first")));
    let sizes: Vec<Option<u64>> = zone.layers.iter().map(|face| face.as_ref().map(|face| face.size)).collect();
    assert_eq!(sizes, [Some(18), None, Some(13)], "the image's own is as it was");
    assert_eq!(zone.seen.as_ref().unwrap().size, 18);

    let motd = file(overlay, "etc/motd");
    assert_eq!((motd.state, motd.from.as_deref()), (FileState::Image, Some("/l/app")));

    let old = file(overlay, "data/old");
    assert_eq!((old.state, old.from.as_deref(), &old.seen), (FileState::Deleted, None, &None));
    assert_eq!(old.layers[0].as_ref().unwrap().kind, Kind::Whiteout);
    assert_eq!(old.layers[2].as_ref().unwrap().kind, Kind::File);

    assert_eq!(file(overlay, "data/new").state, FileState::Added);
}

#[test]
fn a_directory_made_again_hides_the_files_of_the_old_one() {
    let mut lab = lab();
    stack(&mut lab);
    let made = run(&mut lab, "box", "rm -r /app/dir; mkdir /app/dir 2>&1 && echo y > /app/dir/fresh");
    if made.contains("Input/output error") {
        return skip("a_directory_made_again_hides_the_files_of_the_old_one", NO_ATTRIBUTES);
    }
    assert_eq!(made, "");
    let seen = view(&mut lab, "box");
    let overlay = seen.overlays.last().unwrap();
    assert!(
        file(overlay, "dir").layers[0].as_ref().unwrap().opaque,
        "a directory made again hides the old one's files"
    );
    assert_eq!(file(overlay, "dir/lost").state, FileState::Deleted);
    assert_eq!(file(overlay, "dir/fresh").state, FileState::Added);
}

#[test]
fn a_whiteout_by_attribute_is_one_too() {
    // filesystems/overlayfs: an empty file with overlay.whiteout, in a directory
    // whose overlay.opaque is "x" (Linux 6.7).
    let mut lab = lab();
    boxed(&mut lab, "box", &[]);
    if !run(&mut lab, "box", "command -v python3").starts_with('/') {
        return skip("a_whiteout_by_attribute_is_one_too", "no python3 to set attributes with");
    }
    write(&mut lab, "box", "/l/base/data/old", "old\n");
    write(&mut lab, "box", "/l/app/data/old", "");
    let mark = "import os; os.setxattr('/l/app/data/old', 'user.overlay.whiteout', b'y'); \
                os.setxattr('/l/app/data', 'user.overlay.opaque', b'x')";
    let failed = run(&mut lab, "box", &format!("python3 -c \"{mark}\" 2>&1 || echo failed"));
    if failed.contains("[Errno 95]") {
        return skip("a_whiteout_by_attribute_is_one_too", NO_ATTRIBUTES);
    }
    assert_eq!(failed, "");
    mkdir(&mut lab, "box", "/app");
    must(&mut lab, "box", &mount("overlay", "overlay", "/app", &[], "lowerdir=/l/app:/l/base,userxattr"));
    let seen = view(&mut lab, "box");
    let overlay = seen.overlays.last().unwrap();
    let old = file(overlay, "data/old");
    assert_eq!(old.layers[0].as_ref().unwrap().kind, Kind::Whiteout);
    assert_eq!((old.state, &old.seen), (FileState::Deleted, &None), "and the kernel thinks so too");
}

#[test]
fn hostile_names_come_through_and_no_link_is_followed() {
    let mut lab = lab();
    boxed(&mut lab, "box", &[]);
    let script = r#"
        mkdir -p '/l/lo,w:er\x/d' '/l/up per' /l/work '/ap
p'
        ln -s / /l/up\ per/out; ln -s ../../.. '/l/lo,w:er\x/d/up'
        printf x > "$(printf '/l/lo,w:er\\x/d/\033]0;evil\007\377')"
        mkfifo /l/up\ per/pipe"#;
    assert_eq!(run(&mut lab, "box", script), "");
    // mount(2) itself: by fsconfig(2), as mount(8) of today does it, Linux before 6.5
    // takes no comma.
    let data = r"lowerdir=/l/lo\,w\:er\\x,upperdir=/l/up per,workdir=/l/work,userxattr";
    must(&mut lab, "box", &mount("overlay", "overlay", "/ap\np", &[], data));
    let seen = view(&mut lab, "box");
    let overlay = seen.overlays.last().unwrap();
    assert_eq!(overlay.target, "/ap\np");
    assert_eq!(overlay.layers[0].path, "/l/up per");
    assert_eq!(overlay.layers[1].path, "/l/lo,w:er\\x");
    assert_eq!(file(overlay, "out").seen.as_ref().unwrap().kind, Kind::Link);
    assert_eq!(file(overlay, "pipe").seen.as_ref().unwrap().kind, Kind::Other);
    assert_eq!(file(overlay, "d/\u{1b}]0;evil\u{7}\u{fffd}").state, FileState::Image);
    let beyond = files(overlay).iter().find(|file| file.path.starts_with("out/") || file.path.starts_with("d/up/"));
    assert_eq!(beyond, None);
}

#[test]
fn looking_at_a_large_image_is_bounded_and_shows_what_the_box_changed() {
    let mut lab = lab();
    stack(&mut lab);
    let many = "mkdir -p /l/base/many/a/b/c/d/e/f/g/h/i/j && cd /l/base/many && seq 3000 | xargs touch; \
                seq 200 | xargs mkdir -p dirs; cd dirs; seq 2000 3000 | xargs mkdir; \
                mkdir -p /app/many/z && echo > /app/many/z/changed";
    run(&mut lab, "box", many);
    let start = Instant::now();
    let seen = view(&mut lab, "box");
    let took = start.elapsed();
    let overlay = seen.overlays.last().unwrap();
    assert!(overlay.more);
    assert!(files(overlay).len() <= 200, "{}", files(overlay).len());
    assert_eq!(file(overlay, "many/z/changed").state, FileState::Added, "before thousands that are the image's");
    assert!(took < support::slow::seconds(2), "{took:?}");
}

#[test]
fn whoever_made_the_overlay_tells_of_it_for_the_box_that_lives_in_it() {
    let mut lab = lab();
    stack(&mut lab);
    for name in ["usr", "bin", "lib", "lib64", "proc"] {
        mkdir(&mut lab, "box", &format!("/app/{name}"));
        if Path::new("/").join(name).exists() {
            must(
                &mut lab,
                "box",
                &mount("", &format!("/{name}"), &format!("/app/{name}"), &[MountFlag::Bind, MountFlag::Rec], ""),
            );
        }
    }
    must(&mut lab, "box", &Op::Fork { child: "inner".into() });
    must(&mut lab, "inner", &Op::Chroot { path: "/app".into() });
    let snapshot = snapshot(&mut lab, &["box", "inner"]);
    let Reading::Read(seen) = &snapshot.actors["inner"].seen else { panic!() };
    let own = seen.overlays.iter().find(|overlay| overlay.target == "/").unwrap();
    assert!(matches!(own.files, Some(Reading::Unread(_))), "its root is the overlay: no way to the layers");
    let told = of_the_box(&snapshot, "inner");
    let told = told.iter().find(|overlay| overlay.device == own.device).unwrap();
    assert_eq!(file(told, "etc/motd").state, FileState::Image);
}

#[test]
fn a_volume_is_one_directory_on_both_sides_and_outlives_the_box() {
    let before = Left::now();
    let mut lab = lab();
    let bind = |flags: &[MountFlag]| mount("", "{volumes}/notes", "{root}/notes", flags, "");
    let volume =
        [Op::Volume { name: "notes".into() }, Op::Mkdir { path: "{root}/notes".into() }, bind(&[MountFlag::Bind])];
    boxed(&mut lab, "box", &volume);
    write(&mut lab, "box", "/notes/a", "from the box\n");
    run(&mut lab, "box", "chmod 640 /notes/a; mkdir /notes/sub; ln -s /etc /notes/sub/out");
    let both = snapshot(&mut lab, &["box"]);
    let Reading::Read(seen) = &both.actors["box"].seen else { panic!() };
    let (inner, outer) = (&seen.volumes[0], &both.host.volumes[0]);
    assert_eq!((inner.name.as_str(), inner.target.as_str(), inner.read_only), ("notes", "/notes", false));
    assert!(inner.inode.is_some() && inner.inode == outer.inode);
    let paths = |volume: &observe::layers::Volume| {
        volume.files.read().unwrap().iter().map(|file| file.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(inner), ["a", "sub", "sub/out"], "no link is followed");
    assert_eq!(paths(inner), paths(outer));
    let owner = |volume: &observe::layers::Volume| volume.files.read().unwrap()[0].uid;
    let Reading::Read(users) = &both.actors["box"].users else { panic!() };
    assert_eq!((owner(inner), owner(outer)), (0, users.uid_map[0].outside));
    assert_ne!(owner(outer), 0, "root in the box is not root on the host");
    assert_eq!(inner.files.read().unwrap()[0].mode, "0640");
    assert_eq!(std::fs::read_to_string(Path::new(&outer.target).join("a")).unwrap(), "from the box\n");

    let place = PathBuf::from(&outer.target);
    let pid = lab.actors()[0].pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL).unwrap();
    let volume = [Op::Mkdir { path: "{root}/notes".into() }, bind(&[MountFlag::Bind, MountFlag::Ro])];
    boxed(&mut lab, "second", &volume);
    assert_eq!(run(&mut lab, "second", "cat /notes/a"), "from the box");
    assert_eq!(refused(&mut lab, "second", &Op::Write { path: "/notes/b".into(), text: "x".into() }), "EROFS");
    assert!(view(&mut lab, "second").volumes[0].read_only);
    drop(lab);
    assert!(!place.exists(), "the volume goes with the lab");
    before.assert_same();
}

#[test]
fn files_are_written_with_the_directories_above_them_and_the_calls_say_so() {
    let mut lab = lab();
    boxed(&mut lab, "box", &[]);
    let made = must(&mut lab, "box", &Op::Write { path: "/a/b/c".into(), text: "one\n".into() });
    let calls: Vec<String> = made.calls.iter().map(ToString::to_string).collect();
    let descriptor = made.calls[2].result.unwrap();
    assert!(descriptor > 2, "the first three are taken: {descriptor}");
    assert_eq!(
        calls,
        [
            "mkdir(\"/a\", 0755) = 0",
            "mkdir(\"/a/b\", 0755) = 0",
            &format!("open(\"/a/b/c\", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644) = {descriptor}"),
            "write(\"/a/b/c\", \"one\\n\", 4) = 4",
        ]
    );
    write(&mut lab, "box", "/a/b/c", "");
    assert_eq!(run(&mut lab, "box", "stat -c %s /a/b/c"), "0", "what was there before is gone");
    mkdir(&mut lab, "box", "/a/b");
    let over_a_file = Op::Mkdir { path: "/a/b/c".into() };
    assert_eq!(refused(&mut lab, "box", &over_a_file), "ENOTDIR");
    assert_eq!(refused(&mut lab, "box", &Op::Mkdir { path: "/a/b/c/d".into() }), "ENOTDIR");
    assert_eq!(refused(&mut lab, "box", &Op::Mkdir { path: "/usr/x".into() }), "EROFS");
    let (errno, _) = lab.perform("box", &Op::Write { path: "/a".into(), text: "x".into() }).unwrap().failure.unwrap();
    assert_eq!(errno, Errno(nix::errno::Errno::EISDIR as i32));
}

/// What the line interface says to a student who goes through a lesson with these
/// lines.
fn plain(lesson: &str, lang: Lang, lines: &str) -> String {
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloison"))
        .args(["--lang", lang.code(), "--plain", "--color", "never", "--state"])
        .arg(state.path())
        .args(["learn", lesson])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout)
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_line_interface_tells_the_same_in_sentences() {
    let to_the_whiteout = ":next\n:next\n1\n:next\n:next\n:next\n1\n:next\n:next\n1\n:next\n:show layers\n:quit\n";
    let told = plain("layers", Lang::En, to_the_whiteout);
    for sentence in [
        "Overlay on /app. Layers, the topmost first: /layers/first (writable), /layers/app (read-only)",
        "etc/zone: copied up, seen from /layers/first; is in /layers/first, /layers/base",
        "data/atlas: not seen, whiteout in /layers/first, still in /layers/base",
        "etc/motd: seen from /layers/app; is in /layers/app, /layers/base",
    ] {
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    let told = plain("layers", Lang::Fr, to_the_whiteout);
    let sentence = "data/atlas : pas vu, effacement dans /layers/first, toujours dans /layers/base";
    assert!(told.contains(sentence), "{told}");

    let told = plain("volumes", Lang::En, ":next\n1\n:next\n:show layers\n:quit\n");
    assert!(told.contains("= box /notes, read and write."), "{told}");
    assert!(told.contains("from-the-box: host uid ") && told.contains(" = box uid 0 0644"), "{told}");
}
