//! The guide for authors, in both languages: its files make a lesson, and its commands
//! do what the page says, one after the other, in an empty directory. Run as root and
//! as an ordinary user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use cloison::i18n::Lang;
use support::left::Left;

/// Where the guide's files go.
const FOLDER: &str = "lessons/01-scratch";

/// A fenced block: what is said behind the fence, and what is in it.
struct Block<'a> {
    info: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                found.push(Block { info, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => found.last_mut().unwrap().text.extend([line, "\n"]),
            (None, false) => {}
        }
    }
    assert!(!open, "a fence is not closed");
    found
}

/// The commands of a block, each with the lines that must come of it.
fn commands(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => found.push((command, Vec::new())),
            None => found.last_mut().expect("a command first").1.push(line),
        }
    }
    found
}

/// Whether a line is as the page has it: `…` stands for anything.
fn fits(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        let Some(at) = (if part.is_empty() { Some(rest.len()) } else { rest.find(part) }) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// Goes through a page from its top to its end; how many commands were run.
fn go_through(page: &str, lang: Lang, place: &Path) -> usize {
    let program = Path::new(env!("CARGO_BIN_EXE_cloison"));
    let bin = place.join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program, bin.join("cloison")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let work = place.join("work");
    std::fs::create_dir(&work).unwrap();
    let (mut begun, mut run) = (std::collections::BTreeSet::new(), 0);
    for block in blocks(page) {
        let mut words = block.info.split(' ');
        match (words.next().unwrap_or_default(), words.next()) {
            ("console", None) => {
                for (command, expected) in commands(&block.text) {
                    run += 1;
                    // The screen, and that it follows, have tests of their own (pty, watch).
                    let command = command.replace(" --watch", " --plain");
                    let output = Command::new("bash")
                        .args(["-c", &command])
                        .current_dir(&work)
                        .env("PATH", &path)
                        .env("LC_ALL", if lang == Lang::Fr { "fr_FR.UTF-8" } else { "C.UTF-8" })
                        .env("XDG_STATE_HOME", place.join("state"))
                        .stdin(Stdio::null())
                        .output()
                        .unwrap();
                    let (out, errors) =
                        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                    assert_eq!(output.status.code(), Some(0), "{command}: {out}{errors}");
                    assert!(!out.is_empty(), "{command} says something");
                    let lines: Vec<&str> = out.lines().take(expected.len()).collect();
                    let same = lines.len() == expected.len() && lines.iter().zip(&expected).all(|(a, b)| fits(a, b));
                    assert!(same, "{command}: the page has {expected:#?}, and it is {lines:#?}");
                }
            }
            (kind @ ("toml" | "markdown"), Some(file)) => {
                assert_eq!(kind == "markdown", ["en.md", "fr.md"].contains(&file), "{file}");
                let path = work.join(FOLDER).join(file);
                // The first piece of a file takes the place of what `lesson new` wrote.
                let before = if begun.insert(file.to_owned()) {
                    String::new()
                } else {
                    std::fs::read_to_string(&path).unwrap() + "\n"
                };
                assert!(path.exists(), "{file}");
                std::fs::write(&path, before + &block.text).unwrap();
            }
            other => panic!("neither a command nor a file: {other:?}"),
        }
    }
    assert_eq!(begun.len(), 5, "{begun:?}");
    run
}

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons").join(name)).unwrap()
}

#[test]
fn what_the_guide_says_is_what_happens() {
    for (name, lang) in [("README.md", Lang::En), ("LISEZMOI.md", Lang::Fr)] {
        let place = tempfile::tempdir().unwrap();
        let before = Left::now();
        let run = go_through(&page(name), lang, place.path());
        before.assert_same();
        assert!(run >= 9, "{run} commands");
    }
}

#[test]
fn both_guides_have_the_same_files_and_commands() {
    let of = |name: &str| {
        let page = page(name);
        let shape = blocks(&page).into_iter().map(|block| match block.info {
            "console" => commands(&block.text).into_iter().map(|(command, _)| command.to_owned()).collect(),
            // Comments and names of cases are in the page's own language.
            info if info.starts_with("toml") => vec![info.to_owned()],
            info => vec![info.to_owned(), block.text.clone()],
        });
        shape.collect::<Vec<Vec<String>>>()
    };
    assert_eq!(of("README.md"), of("LISEZMOI.md"));
}
