//! The thin binary: the keeper's entry before any thread exists, then the app.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|argument| argument == cloison::lab::client::KEEPER_ARGUMENT) {
        let report = cloison::lab::Reporter { own: cloison::observe::inside, other: cloison::observe::beside };
        cloison::lab::keeper::run(report);
    }
    cloison::app::run(&args)
}
