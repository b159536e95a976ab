//! The ways out of `tests/escapes.rs`, tried from inside the finished box of a lab and
//! from inside the boxes of bubblewrap and runc, as a table. `just escapes` calls it; as
//! root and as an ordinary user the answers differ. In a box, and as the lab's keeper, it
//! is this same program.

#[path = "../tests/escapes/boxes.rs"]
mod boxes;
#[path = "../tests/escapes/probe.rs"]
mod probe;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use boxes::{Host, INSIDE, Walls, all_ways};
use cloison::kernel::Trace;
use cloison::kernel::pty::open_pty;
use probe::Found;
use serde_json::{Value, json};

/// What one box said, or why it could not be asked.
type Column = anyhow::Result<Vec<Found>>;

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).is_some_and(|word| word == cloison::lab::client::KEEPER_ARGUMENT) {
        let report = cloison::lab::Reporter { own: cloison::observe::inside, other: cloison::observe::beside };
        cloison::lab::keeper::run(report);
    }
    if let Some(order) = probe::order() {
        probe::run(&order);
        return Ok(());
    }
    let host = Host::new()?;
    let ours = |filter, nested| -> Column {
        let mut lab = boxes::make(&host, Walls { filter, ..Walls::ALL }, None)?;
        boxes::probe(&mut lab, host.order(&all_ways(), nested), &[])
    };
    let bwrap = |nested| -> Column {
        installed("bwrap")?;
        peer("bwrap", &bwrap(&host), &host.order(&all_ways(), nested))
    };
    let runc = |nested| -> Column {
        installed("runc")?;
        let order = host.order(&all_ways(), nested);
        let bundle = bundle(&host, &order)?;
        let state = host.place("state").display().to_string();
        let name = format!("cloison-escapes-{}", std::process::id());
        let words = ["--root", &state, "run", "--bundle", &bundle, &name].map(str::to_owned);
        peer("runc", &words, "")
    };
    let columns = [
        [ours(true, false), ours(true, true)],
        [ours(false, false), ours(false, true)],
        [bwrap(false), bwrap(true)],
        [runc(false), runc(true)],
    ];

    let kernel = nix::sys::utsname::uname()?;
    let who = if nix::unistd::geteuid().is_root() { "root" } else { "an ordinary user" };
    println!("As {who}, Linux {}.\n", kernel.release().to_string_lossy());
    println!("| way out | cloison | without its filter | {} | {} |", version("bwrap"), version("runc"));
    println!("|---|---|---|---|---|");
    for way in all_ways() {
        let cells = columns.each_ref().map(|[plain, _]| cell(plain, way));
        println!("| `{way}` | {} |", cells.join(" | "));
    }
    println!("| a user namespace | {} |", columns.each_ref().map(|[_, nested]| unshared(nested)).join(" | "));
    println!("| all of these in it | {} |", columns.each_ref().map(gained).join(" | "));
    Ok(())
}

/// What a way came to: what it reached, or the last call that was refused.
fn cell(column: &Column, way: &str) -> String {
    let Ok(found) = column else { return why_not(column) };
    let Some(found) = found.iter().find(|found| found.way == way) else { return "no answer".to_owned() };
    if found.reached.is_some() {
        return "**reaches it**".to_owned();
    }
    let seal = match found.of("seal") {
        "not tried" => "",
        "none" => ", no seal",
        _ => ", and sealed",
    };
    // Where places are looked through, that the file is in none of them is no refusal.
    let looked = |errno: &str| matches!(way, "descriptors" | "cwd") && matches!(errno, "ENOENT" | "ENOTDIR");
    let is_errno = |said: &str| said != "ok" && said.starts_with('E') && !looked(said);
    let refused = found.calls.iter().rev().find(|(_, said)| is_errno(said));
    refused.map_or_else(|| "finds nothing".to_owned(), |(call, errno)| format!("{errno} ({call}){seal}"))
}

fn why_not(column: &Column) -> String {
    column.as_ref().err().map_or_else(String::new, |error| format!("{error:#}").replace(['\n', '|'], " "))
}

fn unshared(column: &Column) -> String {
    match column {
        Ok(found) => found.first().map_or_else(String::new, |found| match found.of("unshare") {
            "ok" => "may be made".to_owned(),
            errno => format!("{errno} (unshare)"),
        }),
        Err(_) => why_not(column),
    }
}

/// The ways that lead out of a nested user namespace, and did not without.
fn gained([plain, nested]: &[Column; 2]) -> String {
    let (Ok(plain), Ok(nested)) = (plain, nested) else { return String::new() };
    if nested.iter().all(|found| found.of("unshare") != "ok") {
        return "not made".to_owned();
    }
    let out = |found: &&Found| found.reached.is_some();
    let before: Vec<&str> = plain.iter().filter(out).map(|found| &*found.way).collect();
    let more: Vec<&str> =
        nested.iter().filter(out).map(|found| &*found.way).filter(|way| !before.contains(way)).collect();
    if more.is_empty() { "nothing more".to_owned() } else { format!("**{}**", more.join(", ")) }
}

fn installed(program: &str) -> anyhow::Result<()> {
    let there = Command::new(program).arg("--version").output().is_ok();
    ensure!(there, "not installed");
    Ok(())
}

fn version(program: &str) -> String {
    let said = Command::new(program).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let number = said.lines().next().and_then(|line| line.split_ascii_whitespace().last()).unwrap_or_default();
    format!("{program} {number}").trim_end().to_owned()
}

/// Runs a box whose program is the probe, on a terminal that it could type into.
fn peer(program: &str, words: &[String], order: &str) -> Column {
    let terminal = open_pty(&mut Trace::default(), 24, 80).map_err(|errno| anyhow!("a terminal: {errno}"))?;
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", program]).args(words).stdin(terminal.slave).stderr(Stdio::piped());
    if !order.is_empty() {
        command.args(["env", order, INSIDE]);
    }
    let output = command.output().context("setsid")?;
    let found = probe::heard(&String::from_utf8_lossy(&output.stdout));
    ensure!(!found.is_empty(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(found)
}

/// What of the host the boxes show: directories to bind, links to make.
fn shown() -> (Vec<String>, Vec<(String, String)>) {
    let (mut directories, mut links) = (Vec::new(), Vec::new());
    for name in ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"] {
        match std::fs::read_link(name) {
            Ok(target) => links.push((target.to_string_lossy().into_owned(), name.to_owned())),
            Err(_) if Path::new(name).is_dir() => directories.push(name.to_owned()),
            Err(_) => {}
        }
    }
    (directories, links)
}

/// Everything unshared, no capability, a session of its own: what bwrap(1) has for what is
/// not trusted, but for a seccomp filter, which it takes ready-made.
fn bwrap(host: &Host) -> Vec<String> {
    let (directories, links) = shown();
    let mut words: Vec<String> = ["--unshare-all", "--new-session", "--cap-drop", "ALL"].map(str::to_owned).to_vec();
    for name in directories {
        words.extend(["--ro-bind".to_owned(), name.clone(), name]);
    }
    for (target, name) in links {
        words.extend(["--symlink".to_owned(), target, name]);
    }
    words.extend(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind"].map(str::to_owned));
    words.extend([host.probe().display().to_string(), INSIDE.to_owned()]);
    words
}

/// A bundle with the configuration that `runc spec` writes, changed in what is run, what
/// is in its root, and that no terminal is asked for; its path.
fn bundle(host: &Host, order: &str) -> anyhow::Result<String> {
    let place = host.place("bundle");
    let root = place.join("rootfs");
    // The second time it is there.
    let _ = std::fs::remove_dir_all(&place);
    let (directories, links) = shown();
    for name in directories.iter().map(String::as_str).chain(["/proc", "/dev", "/sys", "/tmp", "/run"]) {
        std::fs::create_dir_all(root.join(name.trim_start_matches('/')))?;
    }
    for (target, name) in links {
        std::os::unix::fs::symlink(target, root.join(name.trim_start_matches('/')))?;
    }
    std::fs::write(root.join(INSIDE.trim_start_matches('/')), "")?;
    let mut spec = Command::new("runc");
    spec.args(["spec", "--bundle"]).arg(&place);
    if !nix::unistd::geteuid().is_root() {
        spec.arg("--rootless");
    }
    let made = spec.output().context("runc")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr).trim());
    let file = place.join("config.json");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["env", order, INSIDE]);
    let bind = |at: &str, source: &str| json!({ "destination": at, "type": "bind", "source": source, "options": ["rbind", "ro"] });
    let mounts = config["mounts"].as_array_mut().context("mounts")?;
    mounts.extend(directories.iter().map(|name| bind(name, name)));
    mounts.push(json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"] }));
    mounts.push(bind(INSIDE, &host.probe().display().to_string()));
    std::fs::write(&file, config.to_string())?;
    Ok(place.display().to_string())
}
