//! `cloison doctor [--json]`: what works on this machine, what doesn't, why, and
//! the remedy. Exit code: always 0, since it could look; what it found is in the
//! findings.
//!
//! With `--json`, one object; keys and the values of `state` are fixed for
//! `format` 1, findings may be added, texts are in the language asked for:
//!
//! ```json
//! { "format": 1,
//!   "findings": [
//!     { "key": "userns",
//!       "state": "works | limited | missing | untried | info",
//!       "works": true,
//!       "name": "…", "why": "…", "remedy": "…",
//!       "commands": ["…"],
//!       "errno": "EPERM" } ] }
//! ```
//! `works` is true of `works` and `info`; `remedy` (without its commands) is empty
//! and `commands` is `[]` where nothing is to be done; `errno` is null where no call
//! failed.

use std::fmt::Write as _;

use serde::Serialize;

use super::lesson_commands::Output;
use crate::doctor::{Finding, State, findings};
use crate::i18n::Lang;
use crate::say;
use crate::term::safe;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    state: State,
    works: bool,
    name: &'a str,
    why: &'a str,
    remedy: &'a str,
    commands: &'a [String],
    errno: Option<String>,
}

/// Tries everything and prints it.
pub fn run(json: bool, lang: Lang, color: bool) -> Output {
    let found = findings();
    if !json {
        return (human(&found, lang, color), String::new(), 0);
    }
    let rows = found.iter().map(|one| Row {
        key: one.key,
        state: one.state,
        works: one.works(),
        name: one.name(lang),
        why: one.why(lang),
        remedy: one.advice(lang),
        commands: one.commands(),
        errno: one.errno.map(crate::kernel::Errno::symbol),
    });
    let document = Document { format: 1, findings: rows.collect() };
    match serde_json::to_string_pretty(&document) {
        Ok(text) => (safe::json(&text) + "\n", String::new(), 0),
        Err(error) => (String::new(), error.to_string(), 2),
    }
}

/// A line for each finding; below it, what helps.
fn human(found: &[Finding], lang: Lang, color: bool) -> String {
    // Writing into a String can't fail.
    let mut out = String::new();
    for one in found {
        let (sign, code) = match one.state {
            State::Works => ("✓", "32"),
            State::Limited => ("~", "33"),
            State::Missing => ("✗", "31"),
            State::Untried => ("?", "33"),
            State::Info => ("·", "2"),
        };
        let sign = if color { format!("\x1b[{code}m{sign}\x1b[0m") } else { sign.to_owned() };
        let (name, why) = (one.name(lang), one.why(lang));
        out.push_str(&say!(lang, "{sign} {name}: {why}\n", "{sign} {name} : {why}\n"));
        let advice = one.advice(lang);
        if !advice.is_empty() {
            let end = match (one.commands().is_empty(), lang) {
                (true, _) => "",
                (false, Lang::En) => ":",
                (false, Lang::Fr) => " :",
            };
            let _ = writeln!(out, "  → {advice}{end}");
        }
        for command in one.commands() {
            let _ = writeln!(out, "      {command}");
        }
    }
    let count = |state| found.iter().filter(|one| one.state == state).count();
    let (works, limited, missing) = (count(State::Works), count(State::Limited), count(State::Missing));
    let untried = count(State::Untried);
    out.push_str(&say!(
        lang,
        "\nWorking: {works}. In part: {limited}. Not working: {missing}. Not tried: {untried}.\n",
        "\nEn état : {works}. En partie : {limited}. Hors d'état : {missing}. Non essayés : {untried}.\n"
    ));
    out
}
