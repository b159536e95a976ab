//! What is built into the program of each lesson: what a session needs; and apart from it,
//! in one piece, solutions and wrong answers. Copies of the program that a student's
//! commands can read while they are graded are made without that piece.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FILES: [&str; 3] = ["lesson.toml", "en.md", "fr.md"];
const APART: [&str; 2] = ["solution.toml", "broken.toml"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=lessons");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    let mut apart = Vec::new();
    let solutions = out.join("solutions");
    let out = out.join("lessons");
    match fs::remove_dir_all(&out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for entry in fs::read_dir(Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("lessons"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let folder = out.join(entry.file_name());
            fs::create_dir_all(&folder)?;
            for file in FILES.iter().filter(|file| entry.path().join(file).exists()) {
                fs::write(folder.join(file), fs::read(entry.path().join(file))?)?;
            }
            for file in APART.iter().filter(|file| entry.path().join(file).exists()) {
                let text = fs::read(entry.path().join(file))?;
                // A line with the path, one with the length, the text.
                apart.extend(format!("{}/{file}\n{}\n", entry.file_name().to_string_lossy(), text.len()).into_bytes());
                apart.extend(text);
            }
        }
    }
    fs::write(solutions, apart)
}
