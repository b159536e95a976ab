//! `cloison report merge OUT… --out DIR`: the results of shards, or of several runs, put
//! together. What is there twice, differs, or is missing is said.
//! Exit codes: 0 all of it is there, 1 something is missing or differs, 2 usage or a
//! directory that can't be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::lesson_commands::Output;
use super::results::Graded;
use super::summary::{Row, Shard, Summary};
use super::{USAGE, unusable, write_summary};
use crate::app::whole;
use crate::i18n::Lang;
use crate::say;

/// All of it is there.
const WHOLE: u8 = 0;
/// Something is missing, or differs.
const WANTING: u8 = 1;

/// Puts together.
pub fn run(outs: &[PathBuf], to: &Path, lang: Lang) -> Output {
    match merge(outs, to, lang) {
        Ok(output) => output,
        Err(text) => (String::new(), text, USAGE),
    }
}

fn merge(outs: &[PathBuf], to: &Path, lang: Lang) -> Result<Output, String> {
    let mut summaries = Vec::new();
    for out in outs {
        let path = out.join("summary.json");
        let text = std::fs::read_to_string(&path).map_err(|error| unusable(&path, &error, lang))?;
        let summary: Summary = serde_json::from_str(&text).map_err(|error| unusable(&path, &error.into(), lang))?;
        summaries.push((out, summary));
    }
    std::fs::create_dir_all(to).map_err(|error| unusable(to, &error, lang))?;
    let mut said = Vec::new();
    let mut taken: BTreeMap<String, (Row, &Path)> = BTreeMap::new();
    let mut code = WHOLE;
    for (out, summary) in &summaries {
        for row in &summary.submissions {
            let name = &row.name;
            match taken.get(name) {
                None => {
                    copy(&out.join(name), &to.join(name)).map_err(|error| unusable(&out.join(name), &error, lang))?;
                    taken.insert(name.clone(), (row.clone(), out));
                }
                Some((first, from)) => {
                    let (from, out) = (from.display(), out.display());
                    let differs = points(first) != points(row);
                    said.push(if differs {
                        code = WANTING;
                        say!(
                            lang,
                            "{name}: differs between {from} and {out}; that of {from} is kept",
                            "{name} : différent entre {from} et {out} ; celui de {from} est gardé"
                        )
                    } else {
                        say!(lang, "{name}: twice, in {from} and {out}", "{name} : deux fois, dans {from} et {out}")
                    });
                }
            }
        }
    }
    let shards: BTreeSet<Shard> = summaries.iter().flat_map(|(_, summary)| summary.shards.clone()).collect();
    let listed = summaries.iter().map(|(_, summary)| summary.listed).max().unwrap_or_default();
    let counts: BTreeSet<usize> = summaries.iter().map(|(_, summary)| summary.listed).collect();
    if counts.len() > 1 || shards.iter().map(|shard| shard.of).collect::<BTreeSet<_>>().len() > 1 {
        code = WANTING;
        said.push(say!(
            lang,
            "these are parts of different wholes: they were made of different directories, or divided differently",
            "ce sont des parties de touts différents : elles viennent de dossiers différents, ou d'autres divisions"
        ));
    }
    for of in shards.iter().map(|shard| shard.of).collect::<BTreeSet<_>>() {
        for index in (1..=of).filter(|index| !shards.contains(&Shard { index: *index, of })) {
            code = WANTING;
            said.push(say!(lang, "shard {index}/{of} is missing", "il manque la part {index}/{of}"));
        }
    }
    let rows: Vec<Row> = taken.into_values().map(|(row, _)| row).collect();
    let count = rows.len();
    if count < listed {
        code = WANTING;
        said.push(say!(lang, "{count} of {listed} submissions are there", "{count} rendus sur {listed} sont là"));
    }
    let summary = Summary::new(rows, shards.into_iter().collect(), listed);
    write_summary(&summary, to).map_err(|error| unusable(to, &error, lang))?;
    Ok((summary.table(lang), said.join("\n"), code))
}

/// What two results must have in common.
fn points(row: &Row) -> Vec<(&str, super::results::State, u32, u32)> {
    row.lessons.iter().map(|line| (line.lesson.as_str(), line.state, line.points, line.out_of)).collect()
}

/// Copies the files of a submission's results.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.canonicalize().ok() == to.canonicalize().ok() && to.exists() {
        return Ok(());
    }
    if Graded::read(from).is_none() {
        return Err(std::io::Error::from_raw_os_error(libc::ENOENT));
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            whole::write(&to.join(entry.file_name()), &std::fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
