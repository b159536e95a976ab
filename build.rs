//! The lessons are embedded when the program is built: a file that is new there
//! must be noticed.

fn main() {
    println!("cargo::rerun-if-changed=lessons");
    println!("cargo::rerun-if-changed=build.rs");
}
