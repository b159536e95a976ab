//! The thin binary: the keeper's entry before any thread exists, then the app.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == cloison::lab::client::KEEPER_ARGUMENT) {
        cloison::lab::keeper::run(cloison::observe::inside);
    }
    ExitCode::SUCCESS
}
