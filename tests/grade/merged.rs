//! Shards share the submissions, and their results come together again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::class::{Class, PROGRAM, SOLVED, json, uts};

fn class_of_five() -> Class {
    let class = Class::new();
    for name in ["ana", "bob", "eve", "ida"] {
        class.hand_in(format!("{name}.toml"), uts(SOLVED));
    }
    class.hand_in("joe.toml", "format = 2\n");
    class
}

fn shard(class: &Class, shard: &str) -> PathBuf {
    let out = class.path().join(format!("out-{}", shard.replace('/', "-")));
    let mut command = Command::new(PROGRAM);
    let command = command.arg("grade").arg(class.submissions()).args(["--lang", "en", "--shard", shard, "--out"]);
    assert!(command.arg(&out).output().unwrap().status.success());
    out
}

fn merge(outs: &[&Path], to: &Path) -> (Output, Value) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(["report", "merge", "--lang", "en"]).args(outs).arg("--out").arg(to).output().unwrap();
    (output, json(&to.join("summary.json")))
}

fn points(summary: &Value) -> BTreeMap<String, u64> {
    let rows = summary["submissions"].as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row["points"].as_u64().unwrap())).collect()
}

#[test]
fn shards_merge_into_what_one_run_gives() {
    let class = class_of_five();
    let whole = class.results(&[]);
    let outs = ["1/3", "2/3", "3/3"].map(|one| shard(&class, one));
    assert_eq!(points(&json(&outs[0].join("summary.json"))).keys().collect::<Vec<_>>(), ["ana", "ida"]);
    let merged = class.path().join("merged");
    let (output, summary) = merge(&[&outs[2], &outs[0], &outs[1]], &merged);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(points(&summary), whole.into_iter().map(|(name, (_, points))| (name, points)).collect());
    assert!(merged.join("eve/report.json").exists() && merged.join("summary.csv").exists());
}

#[test]
fn what_is_missing_there_twice_or_different_is_said() {
    let class = class_of_five();
    let (first, second) = (shard(&class, "1/2"), shard(&class, "2/2"));
    let to = |name: &str| class.path().join(name);
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let (output, _) = merge(&[&first], &to("half"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("shard 2/2 is missing") && said(&output).contains("3 of 5 submissions"));
    let (output, _) = merge(&[&first, &second, &first], &to("twice"));
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("ana: twice"), "{}", said(&output));
    class.hand_in("ana.toml", uts("true"));
    let again = class.path().join("again");
    std::fs::rename(&first, &again).unwrap();
    let changed = shard(&class, "1/2");
    let (output, summary) = merge(&[&again, &second, &changed], &to("differs"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("ana: differs"), "{}", said(&output));
    assert_eq!(points(&summary)["ana"], 8, "the first is kept");
    let (output, _) = merge(&[&shard(&class, "1/3"), &second], &to("other"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("different wholes"), "{}", said(&output));
}
