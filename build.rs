//! What is built into the program of each lesson: what a session needs. Not its solution
//! and wrong answers: the program can be read by everybody who may run it, also by a
//! student's commands while they are graded.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FILES: [&str; 3] = ["lesson.toml", "en.md", "fr.md"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=lessons");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("no OUT_DIR"))?;
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
        }
    }
    Ok(())
}
