//! The calls of traced commands in the snapshot's JSON, as checks and texts read
//! them: `{"on": true, "refused": null, "total": 2, "left_out": 0, "calls": [{"pid": 7,
//! "program": "cat", "name": "openat", "args": ["AT_FDCWD", "\"/x\"", "O_RDONLY"],
//! "result": null, "errno": "ENOENT", "micros": 9}]}`. `result` and `errno` are both
//! null while a call is under way, or where it never returned.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::kernel::{Errno, Traced};

/// What a call returned, as a person reads it: an address where it is one.
pub fn returned(name: &str, value: i64) -> String {
    if matches!(name, "mmap" | "brk" | "mremap" | "shmat") { format!("{value:#x}") } else { value.to_string() }
}

#[derive(Serialize)]
struct Json<'a> {
    on: bool,
    refused: Option<String>,
    total: u64,
    left_out: u64,
    calls: Vec<CallJson<'a>>,
}

#[derive(Serialize)]
struct CallJson<'a> {
    pid: u32,
    program: &'a str,
    name: &'a str,
    args: &'a [String],
    result: Option<i64>,
    errno: Option<String>,
    micros: u64,
}

/// Serialises what was traced, by actor.
pub(super) fn as_json<S: Serializer>(traced: &BTreeMap<String, Traced>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(traced.iter().map(|(actor, traced)| (actor, json(traced))))
}

fn json(traced: &Traced) -> Json<'_> {
    let calls = traced.calls.iter().map(|call| CallJson {
        pid: call.pid,
        program: &call.program,
        name: &call.name,
        args: &call.args,
        result: call.result.and_then(Result::ok),
        errno: call.result.and_then(Result::err).map(Errno::symbol),
        micros: call.micros,
    });
    Json {
        on: traced.on,
        refused: traced.refused.map(Errno::symbol),
        total: traced.total,
        left_out: traced.left_out,
        calls: calls.collect(),
    }
}
