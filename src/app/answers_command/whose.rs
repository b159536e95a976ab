//! `cloison answers key|token|join`: a class key, the tokens made from it, and the
//! student who takes one.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use super::{FINE, Output, refuse};
use crate::app::class::{self, Member};
use crate::app::store::Store;
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::diagnostic::{acts_on_terminal, printable};
use crate::say;

/// The longest name of a student, in bytes.
const LONGEST: usize = 200;

/// Makes a class key.
pub(super) fn key(file: &Path, lang: Lang) -> Output {
    if let Err(error) = class::make_key(file) {
        return refuse(error.explain(lang));
    }
    let path = printable(&file.display().to_string());
    let told = say!(
        lang,
        "{path}: the key of your class. Keep it to yourself, and keep a copy: tokens and grades need this very one.\nTokens for your students: cloison answers token --key {path} NAME…\n",
        "{path} : la clé de votre classe. Gardez-la pour vous, et gardez-en une copie : les jetons et les notes ont besoin de celle-ci.\nDes jetons pour vos étudiants : cloison answers token --key {path} NOM…\n"
    );
    (told, String::new(), FINE)
}

/// Prints `NAME TOKEN` lines, each as a shell takes it.
pub(super) fn tokens(key: &Path, names: &[String], lang: Lang) -> Output {
    if let Some(why) = names.iter().find_map(|name| unfit(name, lang)) {
        return refuse(why);
    }
    let read = match class::read_key(key) {
        Ok(read) => read,
        Err(error) => return refuse(error.explain(lang)),
    };
    let lines = names.iter().fold(String::new(), |mut lines, name| {
        // Writing to a String can't fail.
        let _ = writeln!(lines, "{} {}", quoted(name), read.token(name).to_text());
        lines
    });
    let open = class::is_open_to_others(key).then(|| {
        let path = printable(&key.display().to_string());
        say!(
            lang,
            "{path}: others than you may read this key. chmod 600 {path}",
            "{path} : d'autres que vous peuvent lire cette clé. chmod 600 {path}"
        )
    });
    (lines, open.unwrap_or_default(), FINE)
}

/// Keeps who the student is. Answers that were made with other values are moved aside.
pub(super) fn join(name: &str, token: Option<&str>, state: Option<&Path>, lang: Lang) -> Output {
    if let Some(why) = unfit(name, lang) {
        return refuse(why);
    }
    let mut typed = String::new();
    let token = match token {
        Some("-") => match std::io::stdin().take(1 << 10).read_to_string(&mut typed) {
            Ok(_) => Some(typed.trim()),
            Err(error) => return refuse(Errno::from(&error).explain(lang)),
        },
        other => other,
    };
    let member = match Member::new(name, token) {
        Ok(member) => member,
        Err(error) => return refuse(error.explain(lang)),
    };
    // A file that can't be read is what joining again is for.
    let mut store = match Store::open_anew(state) {
        Ok(store) => store,
        Err(error) => return refuse(error.explain(lang)),
    };
    let shown = printable(name);
    let place = printable(&store.member_path().display().to_string());
    if store.member() == Some(&member) {
        return (say!(lang, "You are {shown} already.\n", "Vous êtes déjà {shown}.\n"), String::new(), FINE);
    }
    // Without a token the name alone makes the values.
    let unkeyed = member.token.is_none() && store.member().is_none_or(|now| now.token.is_none());
    let aside = match store.set_aside(|answers| unkeyed && answers.student == member.student) {
        Ok(aside) => aside,
        Err(error) => return refuse(error.explain(lang)),
    };
    if let Err(error) = store.join(member) {
        return refuse(error.explain(lang));
    }
    let mut told = if token.is_some() {
        say!(
            lang,
            "You are {shown}; your token is kept in {place}. It is yours alone: it goes into no answers file.\n",
            "Vous êtes {shown} ; votre jeton est gardé dans {place}. Il n'est qu'à vous : il ne va dans aucun fichier de réponses.\n"
        )
    } else {
        say!(lang, "You are {shown}, by {place}.\n", "Vous êtes {shown}, d'après {place}.\n")
    };
    if let Some(aside) = aside {
        let aside = printable(&aside.display().to_string());
        told += &say!(
            lang,
            "Your answers so far were made with other values: they are in {aside}, and the lessons begin anew.\n",
            "Vos réponses jusqu'ici ont été faites avec d'autres valeurs : elles sont dans {aside}, et les leçons recommencent.\n"
        );
    }
    (told, String::new(), FINE)
}

/// Why a text can be nobody's name here.
fn unfit(name: &str, lang: Lang) -> Option<String> {
    let fits = !name.trim().is_empty() && name.len() <= LONGEST && !name.chars().any(acts_on_terminal);
    (!fits).then(|| {
        let shown = printable(name);
        say!(
            lang,
            "`{shown}` can't be a student's name: 1 to {LONGEST} bytes, no control characters.",
            "« {shown} » ne peut être le nom d'un étudiant : de 1 à {LONGEST} octets, sans caractère de contrôle."
        )
    })
}

/// A name as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
    if name.chars().all(plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printed_as_a_shell_takes_it() {
        assert_eq!(quoted("ana.martín-2"), "ana.martín-2");
        assert_eq!(quoted("Ana d'Or"), r"'Ana d'\''Or'");
        assert!(["a b", "$(id)", "a;b", "*"].map(quoted).iter().all(|one| one.starts_with('\'')));
    }
}
