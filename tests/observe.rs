//! The readers against the real kernel: what they say is held against what
//! /proc, ps(1) and lsns(1) say of processes that the tests start and end.

use std::path::Path;

use cloison::observe::{ProcDir, Scratch, decode, inside, view};

#[test]
fn a_view_survives_the_keepers_protocol() {
    let proc = ProcDir::open(Path::new("/proc")).unwrap();
    let seen = view(Ok(&proc), &mut Scratch::default());
    let mut back = decode(&postcard::to_stdvec(&seen).unwrap()).unwrap();
    assert_eq!(back, seen);
    back = decode(&inside()).unwrap();
    assert_eq!(back.ns, seen.ns);
    assert!(decode(b"\xff\xff").is_err());
}
