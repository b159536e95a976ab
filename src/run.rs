//! `cloison-run`: runs a command behind a seccomp filter, or fenced in by Landlock, as a
//! container engine does right before execve(2). No common tool does that from a shell.
//! The program itself under another name, in the labs of lessons that need it; `main`
//! enters it, before there is a thread. Prints nothing where all goes well but what
//! `--show` asks for.

use std::ffi::{CString, OsString};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::i18n::{Explain as _, Lang};
use crate::kernel::bpf::{self, Instruction};
use crate::kernel::program::default_signals;
use crate::kernel::seccomp::{self, Action, Policy, compile::compile, oci, policy::Rule};
use crate::kernel::{Errno, Trace, landlock};
use crate::say;

/// What the program is called when it runs a command.
pub const NAME: &str = "cloison-run";

/// Exit codes, as env(1) has them: its own failure; a command that can't be run; one
/// that is not there.
const FAILED: u8 = 125;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Whether the program was called by that name.
pub fn is_asked(program: &std::ffi::OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == NAME)
}

/// What is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    refuse: Vec<String>,
    allow: Vec<String>,
    profile: Option<String>,
    strict: bool,
    show: bool,
    read: Vec<String>,
    write: Vec<String>,
    command: Vec<OsString>,
}

/// Carries out what the arguments after the name ask for. Comes back only where the
/// command was not started: with the exit code.
pub fn run(args: &[OsString]) -> u8 {
    let lang = Lang::from_environment();
    let fail = |words: &str, code| {
        let _ = writeln!(std::io::stderr(), "{NAME}: {words}");
        code
    };
    let wanted = match parse(args, lang) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            let _ = write!(std::io::stdout(), "{}", usage(lang));
            return 0;
        }
        Err(words) => {
            let _ = writeln!(std::io::stderr(), "{NAME}: {words}\n{}", usage(lang));
            return FAILED;
        }
    };
    let program = match program(&wanted, lang) {
        Ok(program) => program,
        Err(words) => return fail(&words, FAILED),
    };
    if wanted.show {
        let program = program.unwrap_or_default();
        let lines = program.iter().enumerate().map(|(at, one)| format!("{at:4}  {}", bpf::assembler(at, one)));
        let text = lines.collect::<Vec<_>>().join("\n");
        let _ = writeln!(std::io::stdout(), "{text}");
        return 0;
    }
    let argv: Result<Vec<CString>, _> = wanted.command.iter().map(|word| CString::new(word.as_bytes())).collect();
    let Ok(argv) = argv else { return fail(&Errno(libc::EINVAL).explain(lang), FAILED) };
    // Rust ignores SIGPIPE; the command is to start as a shell would have started it.
    if let Err(errno) = default_signals() {
        return fail(&format!("sigaction: {}", errno.explain(lang)), FAILED);
    }
    if let Err(words) = enclose(&wanted, program.as_deref(), lang) {
        return fail(&words, FAILED);
    }
    let errno = execute(&argv);
    let shown = wanted.command.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    fail(&format!("{shown}: {}", errno.explain(lang)), if errno.0 == libc::ENOENT { NOT_FOUND } else { NOT_RUN })
}

fn usage(lang: Lang) -> String {
    say!(
        lang,
        "{NAME} [OPTION]... [--] COMMAND [ARGUMENT]...
  --refuse CALL[,CALL]...=ANSWER  seccomp: answers these calls without carrying them out.
                                  ANSWER: an errno (EPERM), 0, kill, trap; log carries them out
  --allow CALL[,CALL]...=ANSWER   seccomp: answers all calls but these
  --profile FILE                  seccomp: an OCI profile, as for docker --security-opt
  --strict                        seccomp: strict mode: read, write, exit, and nothing else
  --read PATH, --write PATH       Landlock: only what is below such a path can be read and run,
                                  or changed as well
  --show                          prints the filter's program, and runs nothing
",
        "{NAME} [OPTION]... [--] COMMANDE [ARGUMENT]...
  --refuse APPEL[,APPEL]...=RÉPONSE  seccomp : répond à ces appels sans les exécuter.
                                     RÉPONSE : un errno (EPERM), 0, kill, trap ; log les exécute
  --allow APPEL[,APPEL]...=RÉPONSE   seccomp : répond à tous les appels sauf ceux-là
  --profile FICHIER                  seccomp : un profil OCI, comme pour docker --security-opt
  --strict                           seccomp : mode strict : read, write, exit, et rien d'autre
  --read CHEMIN, --write CHEMIN      Landlock : seul ce qui est sous un tel chemin peut être lu
                                     et exécuté, ou aussi modifié
  --show                             affiche le programme du filtre, et n'exécute rien
"
    )
}

/// Nothing where only help is wanted.
fn parse(args: &[OsString], lang: Lang) -> Result<Option<Wanted>, String> {
    let mut wanted = Wanted::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let word = arg.to_string_lossy();
        let (name, given) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word.into_owned(), None),
        };
        let mut value = || {
            given
                .clone()
                .or_else(|| args.next().map(|next| next.to_string_lossy().into_owned()))
                .ok_or_else(|| say!(lang, "{name} lacks its value", "il manque la valeur de {name}"))
        };
        let several = |set: bool| {
            if set { Err(say!(lang, "one {name} is enough", "{name} ne se donne qu'une fois")) } else { Ok(()) }
        };
        match name.as_str() {
            "--refuse" => wanted.refuse.push(value()?),
            "--allow" => wanted.allow.push(value()?),
            "--profile" => {
                several(wanted.profile.is_some())?;
                wanted.profile = Some(value()?);
            }
            "--read" => wanted.read.push(value()?),
            "--write" => wanted.write.push(value()?),
            "--strict" => wanted.strict = true,
            "--show" => wanted.show = true,
            "--help" | "-h" => return Ok(None),
            "--" => {
                wanted.command = args.cloned().collect();
                break;
            }
            unknown if unknown.starts_with('-') => {
                return Err(say!(lang, "no option {unknown}", "l'option {unknown} n'existe pas"));
            }
            _ => {
                wanted.command = std::iter::once(arg.clone()).chain(args.cloned()).collect();
                break;
            }
        }
    }
    Ok(Some(wanted))
}

/// The filter's program, where one is wanted.
fn program(wanted: &Wanted, lang: Lang) -> Result<Option<Vec<Instruction>>, String> {
    let wants = [!wanted.refuse.is_empty(), !wanted.allow.is_empty(), wanted.profile.is_some(), wanted.strict];
    if wants.iter().filter(|one| **one).count() > 1 {
        return Err(say!(
            lang,
            "--refuse, --allow, --profile and --strict exclude each other; a {NAME} inside of a {NAME} puts one filter upon the other",
            "--refuse, --allow, --profile et --strict s'excluent ; un {NAME} dans un {NAME} ajoute un filtre à l'autre"
        ));
    }
    if wanted.command.is_empty() && !wanted.show {
        return Err(say!(lang, "no command", "il manque la commande"));
    }
    let mut policy = Policy { default: Action::Allow, rules: Vec::new() };
    if let Some(path) = &wanted.profile {
        policy = profile(path, lang)?;
    } else if let [only] = &wanted.allow[..] {
        let (calls, answer) = list(only, lang)?;
        let rules = calls.into_iter().map(|number| Rule { number, when: Vec::new(), action: Action::Allow });
        policy = Policy { default: answer, rules: rules.collect() };
    } else if !wanted.allow.is_empty() {
        return Err(say!(lang, "one --allow is enough", "--allow ne se donne qu'une fois"));
    } else if wanted.refuse.is_empty() {
        return Ok(None);
    }
    for each in &wanted.refuse {
        let (calls, action) = list(each, lang)?;
        policy.rules.extend(calls.into_iter().map(|number| Rule { number, when: Vec::new(), action }));
    }
    if policy.notifies() {
        return Err(say!(
            lang,
            "nobody is there to answer a user notification (SCMP_ACT_NOTIFY)",
            "personne n'est là pour répondre à une notification (SCMP_ACT_NOTIFY)"
        ));
    }
    let program = compile(&policy.without_clone3()).map_err(|error| error.to_string())?;
    Ok(Some(program))
}

fn profile(path: &str, lang: Lang) -> Result<Policy, String> {
    let shown = path;
    let unread = |error: std::io::Error| format!("{shown}: {}", Errno::from(&error).explain(lang));
    if std::fs::metadata(path).map_err(unread)?.len() > oci::MOST_BYTES {
        return Err(format!("{shown}: {}", Errno(libc::EFBIG).explain(lang)));
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let here = oci::here().map_err(|errno| errno.explain(lang))?;
    oci::read(&text, here).map_err(|error| {
        let words = error.to_string();
        say!(
            lang,
            "{shown} is no seccomp profile of the OCI's form: {words}",
            "{shown} n'est pas un profil seccomp au format OCI : {words}"
        )
    })
}

/// `mkdir,mkdirat=EPERM`: the numbers, and the answer.
fn list(text: &str, lang: Lang) -> Result<(Vec<u32>, Action), String> {
    let Some((names, answer)) = text.split_once('=') else {
        return Err(say!(
            lang,
            "{text}: the answer is missing, as in {text}=EPERM",
            "{text} : il manque la réponse, comme dans {text}=EPERM"
        ));
    };
    let action = Action::from_word(answer)
        .filter(|action| !matches!(action, Action::Notify | Action::Allow))
        .ok_or_else(|| {
            say!(
                lang,
                "{answer} is no answer: an errno (EPERM), 0, kill, trap or log",
                "{answer} n'est pas une réponse : un errno (EPERM), 0, kill, trap ou log"
            )
        })?;
    let number = |name: &str| {
        seccomp::number(name).ok_or_else(|| {
            let near = seccomp::names()
                .map(|known| (strsim::damerau_levenshtein(known, name), known))
                .min()
                .filter(|(distance, _)| *distance <= 2);
            let near =
                near.map(|(_, known)| say!(lang, " (is it {known}?)", " (est-ce {known} ?)")).unwrap_or_default();
            say!(
                lang,
                "this machine has no system call {name}{near}",
                "cette machine n'a pas d'appel système {name}{near}"
            )
        })
    };
    let numbers = names.split(',').map(|name| number(name.trim())).collect::<Result<_, _>>()?;
    Ok((numbers, action))
}

/// Landlock first: a filter may refuse what it takes.
fn enclose(wanted: &Wanted, program: Option<&[Instruction]>, lang: Lang) -> Result<(), String> {
    let mut trace = Trace::default();
    let failed = |errno: Errno, doing: &str| format!("{doing}: {}", errno.explain(lang));
    let fenced = !wanted.read.is_empty() || !wanted.write.is_empty();
    if fenced || program.is_some() {
        seccomp::no_new_privs(&mut trace).map_err(|errno| failed(errno, "prctl PR_SET_NO_NEW_PRIVS"))?;
    }
    if fenced {
        landlock::restrict(&mut trace, &wanted.read, &wanted.write).map_err(|(errno, doing)| failed(errno, &doing))?;
    }
    if let Some(program) = program {
        seccomp::install_unmeasured(program).map_err(|errno| failed(errno, "seccomp"))?;
    }
    if wanted.strict {
        seccomp::strict().map_err(|errno| failed(errno, "seccomp SECCOMP_SET_MODE_STRICT"))?;
    }
    Ok(())
}

/// Becomes the command, looked up on PATH; comes back with why it could not.
fn execute(argv: &[CString]) -> Errno {
    let Some(name) = argv.first() else { return Errno(libc::ENOENT) };
    let Err(errno) = nix::unistd::execvp(name, argv);
    errno.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Option<Wanted>, String> {
        parse(&words.iter().map(OsString::from).collect::<Vec<_>>(), Lang::En)
    }

    fn program_of(words: &[&str]) -> Result<Option<Vec<Instruction>>, String> {
        program(&asked(words)?.expect("no help"), Lang::En)
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let wanted = asked(&["--refuse", "read=EPERM", "ls", "--strict"]).expect("good").expect("no help");
        assert_eq!((wanted.refuse, wanted.strict), (vec!["read=EPERM".to_owned()], false));
        assert_eq!(wanted.command, ["ls", "--strict"]);
        let wanted = asked(&["--refuse=read=EPERM", "--", "-x"]).expect("good").expect("no help");
        assert_eq!((wanted.refuse, wanted.command), (vec!["read=EPERM".to_owned()], vec![OsString::from("-x")]));
        assert_eq!(asked(&["--help"]), Ok(None));
    }

    #[test]
    fn a_mistake_is_said_with_its_remedy() {
        let error = |words: &[&str]| program_of(words).expect_err("a mistake");
        assert_eq!(
            error(&["--refuse", "mkdriat=EPERM", "true"]),
            "this machine has no system call mkdriat (is it mkdirat?)"
        );
        assert!(error(&["--refuse", "mkdirat", "true"]).contains("mkdirat=EPERM"));
        assert!(error(&["--refuse", "mkdirat=EPREM", "true"]).contains("EPREM is no answer"));
        assert!(error(&["--strict", "--refuse", "read=0", "true"]).contains("exclude each other"));
        assert_eq!(error(&["--refuse", "mkdirat=0"]), "no command");
        assert_eq!(error(&["--refuse"]), "--refuse lacks its value");
        assert_eq!(error(&["--forbid"]), "no option --forbid");
        assert!(error(&["--profile", "/dev/null", "true"]).contains("is no seccomp profile"));
    }

    #[test]
    fn without_a_filter_there_is_none() {
        assert_eq!(program_of(&["--read", "/", "true"]), Ok(None));
        assert!(program_of(&["--refuse", "mkdirat=kill", "true"]).is_ok_and(|program| program.is_some()));
    }
}
