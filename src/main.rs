//! The thin binary: the keeper's entry before any thread exists, the load under its own
//! name, then the app.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|argument| argument == cloison::lab::client::KEEPER_ARGUMENT) {
        let report = cloison::lab::Reporter { own: cloison::observe::inside, other: cloison::observe::beside };
        cloison::lab::keeper::run(report);
    }
    if args.first().is_some_and(|name| cloison::load::is_asked(name)) {
        let args: Vec<String> = args.iter().skip(1).map(|one| one.to_string_lossy().into_owned()).collect();
        return ExitCode::from(cloison::load::run(&args));
    }
    if args.first().is_some_and(|name| cloison::run::is_asked(name)) {
        return ExitCode::from(cloison::run::run(&args[1..]));
    }
    cloison::app::run(&args)
}
