//! How a student's shells and commands are started in an actor: which shell, with
//! which environment. Called by actors.

use std::ffi::OsString;
use std::path::Path;

use super::protocol::Program;
use super::{cgroups, helper, volumes::VARIABLE};
use crate::i18n::Lang;
use crate::kernel::cgroup;
use crate::kernel::program::Launch;

/// Where programs are looked up in a box, whatever the program's own PATH was.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The marker in the environment of all that a lab starts: how a sweep finds what
/// outlived its keeper.
pub const MARKER: &str = "CLOISON_LAB";

/// Prints the last line entered, before each prompt, for the emulator: OSC 633;E;
/// its number in the shell's history, with a `^` where SIGINT ended it (status 130), a
/// `!` where its status is any other than 0; the line. Only builtins and no command
/// substitution, so no process is made and no PID of the box is used up. Shells that are
/// started in this one are not to inherit it: their lines would be kept as this one's, and
/// carried out again on the wrong side of a wall.
const REPORT_LINE: &str = r"case $? in 0) printf '\033]633;E;';; 130) printf '\033]633;E;^';; *) printf '\033]633;E;!';; esac; HISTTIMEFORMAT=';' history 1; printf '\007'; export -n PROMPT_COMMAND PS1 PS2";

/// What a shell says of itself before the commands that it was given and after them, for
/// the one that is given the next ones: its variables, its functions, and as commands its
/// aliases, options, file mode and directory. Only builtins, as above.
pub const TELL: &str = r#"printf '\036<'; declare -p; printf '\035'; declare -f; printf '\035'; alias -p; shopt -p; set +o; umask -p; printf 'cd -- %q\n' "$PWD"; printf '\036>'"#;

/// Reads the commands out of the environment, in which none of it is left: no list of
/// processes shows them, nor does a command find itself there.
const READ: &str = r#"set -- "$CLOISON_SCRIPT" "$CLOISON_CARRIED"; unset CLOISON_SCRIPT CLOISON_CARRIED; export -n CLOISON_TELL; shopt -s expand_aliases; eval "$CLOISON_TELL"; eval "$2"; set -- "$1"; eval "$1"; set -- $?; eval "$CLOISON_TELL"; exit $1"#;

/// The same in a shell that is not bash, which tells nothing and is told nothing.
const READ_PLAIN: &str = r#"set -- "$CLOISON_SCRIPT"; unset CLOISON_SCRIPT; eval "$1""#;

/// What to launch in the calling process's own view of the machine. `limit` is
/// the most processes in its user namespace.
pub fn launch(program: &Program, limit: Option<u64>) -> Launch {
    let uid = nix::unistd::geteuid().as_raw();
    let home = home(uid);
    let path = path();
    let mut env = environment(&home, &path);
    let shell = || ["/bin/bash", "/usr/bin/bash"].into_iter().find(|path| Path::new(path).exists());
    let argv: Vec<OsString> = match program {
        Program::Argv(argv) => argv.iter().map(OsString::from).collect(),
        Program::Script { script, carried } => {
            env.push(format!("CLOISON_SCRIPT={script}").into());
            match shell() {
                Some(bash) => {
                    env.push(format!("CLOISON_CARRIED={carried}").into());
                    env.push(format!("CLOISON_TELL={TELL}").into());
                    vec![bash.into(), "-c".into(), READ.into()]
                }
                None => vec!["/bin/sh".into(), "-c".into(), READ_PLAIN.into()],
            }
        }
        Program::LineShell(lang) => {
            env.push(speaks(*lang));
            env.retain(|pair| !pair.as_encoded_bytes().starts_with(b"TERM="));
            env.extend(["TERM=dumb", "HISTFILE=", "PS1=\x1b]633;B\x07", "PS2=\x1b]633;C\x07"].map(OsString::from));
            match shell() {
                Some(bash) => {
                    env.push(format!("PROMPT_COMMAND={REPORT_LINE}").into());
                    vec![bash.into(), "--norc".into(), "--noprofile".into(), "--noediting".into(), "-i".into()]
                }
                None => vec!["/bin/sh".into(), "-i".into()],
            }
        }
        Program::Shell(lang) => {
            env.push(speaks(*lang));
            match shell() {
                Some(bash) => {
                    env.push("HISTFILE=".into());
                    env.push("PS1=\\u@\\h:\\w\\$ ".into());
                    env.push(format!("PROMPT_COMMAND={REPORT_LINE}").into());
                    vec![bash.into(), "--norc".into(), "--noprofile".into(), "-i".into()]
                }
                None => {
                    env.push("PS1=$ ".into());
                    vec!["/bin/sh".into(), "-i".into()]
                }
            }
        }
    };
    Launch { argv, env, path, cwd: Some(home), processes: limit }
}

/// What makes the lab's own load speak the language of the lesson, whatever the locale.
fn speaks(lang: Lang) -> OsString {
    format!("{}={}", Lang::VARIABLE, lang.code()).into()
}

/// [`PATH`], and behind it where the lab's own helpers are.
fn path() -> String {
    helper::directory().map_or_else(|| PATH.to_owned(), |directory| format!("{PATH}:{}", directory.display()))
}

/// What the student's programs find: a fixed PATH, the language, the marker, and
/// where the lab's volumes are on the host.
fn environment(home: &str, path: &str) -> Vec<OsString> {
    let mut env: Vec<OsString> =
        vec![format!("PATH={path}").into(), "TERM=xterm-256color".into(), format!("HOME={home}").into()];
    if cgroups::links().is_some_and(|links| Path::new(&links).is_dir()) {
        // Of a lab with groups: what limits on block devices are set for.
        env.extend(cgroup::usual_disk().map(|disk| format!("DISK={disk}").into()));
    }
    for name in ["LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "COLORTERM", MARKER, VARIABLE, cgroups::VARIABLE] {
        if let Some(value) = std::env::var_os(name) {
            let mut pair = OsString::from(name);
            pair.push("=");
            pair.push(value);
            env.push(pair);
        }
    }
    env
}

/// The home of a shell: the program's own HOME while the actor is who started it
/// and the directory is there; else /root for uid 0; else "/".
fn home(uid: u32) -> String {
    let usable = |path: &str| nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok();
    let own = std::env::var("HOME").ok().filter(|home| home.starts_with('/') && usable(home));
    match own {
        Some(home) => home,
        None if uid == 0 && usable("/root") => "/root".to_owned(),
        None => "/".to_owned(),
    }
}
