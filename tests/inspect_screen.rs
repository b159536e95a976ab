//! `cloison inspect` as a person meets it: on a terminal, over a real box. Run as root
//! and as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use support::inventory::Inventory;
use support::{ENTER, F8, F10, Place};

const NARROW: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (120, 36);

/// A box of unshare(1) with a name of its own; ended by the drop.
struct Boxed(Child);

impl Boxed {
    fn new(name: &str) -> Self {
        let script = format!("hostname {name}; echo ready; read x");
        let mut child = Command::new("unshare")
            .args(["-Urmpu", "--fork", "--mount-proc", "--kill-child", "bash", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    /// The box's first process, on the host.
    fn pid(&self) -> String {
        let children = format!("/proc/{0}/task/{0}/children", self.0.id());
        std::fs::read_to_string(children).unwrap().trim().to_owned()
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_box_is_found_in_the_list_looked_at_and_left() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let boxed = Boxed::new("cigale-42");
    let pid = boxed.pid();
    let mut terminal = place.start(NARROW, &["inspect", "--lang", "en"]);
    terminal.see("Apart from the host");
    terminal.write(&pid);
    terminal.see_line(&["▸ ", &pid, "user mnt uts pid", "unshare"]);
    terminal.write(ENTER);
    terminal.see(&format!("BOX {pid}"));
    terminal.see("@cigale-42");
    terminal.see_line(&[&pid, "┼─ ●", " 1 ", " 0 root"]);
    terminal.see(&format!("Walls of {pid}: "));
    terminal.write(F8);
    terminal.see("Apart from the host");
    terminal.write(F10);
    assert_eq!(terminal.ended().code(), Some(0));
    terminal.see_restored();
    drop(boxed);
    drop(terminal);
    before.must_come_back(&place);
}

#[test]
fn a_process_that_ends_stays_on_the_screen_as_it_was() {
    let place = Place::new();
    let boxed = Boxed::new("cigale-43");
    let pid = boxed.pid();
    let mut terminal = place.start(WIDE, &["inspect", &pid, "--lang", "fr"]);
    terminal.see("@cigale-43");
    drop(boxed);
    terminal.see(&format!("Le processus {pid} est terminé."));
    terminal.see("@cigale-43 · terminé");
    terminal.write(F10);
    assert_eq!(terminal.ended().code(), Some(0));
    terminal.see_restored();
}

#[test]
fn killed_in_the_middle_it_leaves_a_terminal_in_order() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let boxed = Boxed::new("cigale-44");
    let mut terminal = place.start(NARROW, &["inspect", &boxed.pid(), "--lang", "en"]);
    terminal.see("@cigale-44");
    terminal.signal(Signal::SIGKILL);
    terminal.ended();
    terminal.see_restored();
    drop(boxed);
    drop(terminal);
    before.must_come_back(&place);
}

#[test]
fn without_a_terminal_it_says_how_to_have_lines() {
    let place = Place::new();
    let output = place.run(&["inspect", "--lang", "en"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cloison inspect --list"), "{output:?}");
    let nobody = place.run(&["inspect", "4294967295", "--lang", "fr"]);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
}
