//! From the raw files of a lesson to the model, with every mistake in them at
//! once. Used by `lesson::load` alone; reads no file.

mod caps;
mod cgroup;
mod checks;
mod net;
mod ops;
mod seccomp;
mod steps;
mod texts;

use std::collections::HashSet;
use std::ops::Range;

use indexmap::IndexMap;

use super::diagnostic::{Both, Diagnostic, both, did_you_mean, quoted};
use super::format::{Placed, RawLesson, RawSeed, Word};
use super::load::{Files, MOST};
use super::model::{FromShell, HOST, Lesson, Seed};
use super::shape;
use super::source::Source;
use super::text;
use super::values::{Values, seeds_of};
use crate::i18n::Lang;

/// Makes a lesson of its files, or says all that is wrong with them.
pub fn validate(files: &Files) -> Result<Lesson, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let outlines = files.texts.each_ref().map(|source| text::outline(source, &mut found));
    let raw: RawLesson = match shape::parse(&files.lesson) {
        Ok(raw) => raw,
        Err(mistakes) => {
            found.splice(0..0, mistakes);
            return Err(found);
        }
    };

    let mut context = Context::new(&files.lesson, &raw);
    let host_shell = raw.host_shell.as_deref().copied().unwrap_or(true);
    context.host_shell = host_shell;
    let number = context.head(&raw, &files.folder);
    let actors = context.actors(&raw);
    let steps = context.steps(&raw.step);
    let from_shells = context.student_made(&raw);
    let watched = context.files(&raw.files);
    let Context { found: mistakes, seeds, longest, actors: all_actors, .. } = context;
    found.splice(0..0, mistakes);

    let mut texts = std::collections::BTreeMap::new();
    for ((lang, source), outline) in Lang::ALL.into_iter().zip(&files.texts).zip(&outlines) {
        texts.insert(lang, texts::fit(source, outline, &steps, (&longest, &all_actors), &mut found));
    }
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Lesson {
        id: raw.id.to_string(),
        number,
        part: raw.part,
        needs: raw.needs.iter().map(|need| **need).collect(),
        tools: words(&raw.tools),
        since: raw.since.as_deref().cloned(),
        minutes: *raw.minutes,
        seeds,
        actors,
        from_shells,
        files: watched,
        host_shell,
        steps,
        texts,
    })
}

/// The most seeds, actors, and things of one kind in a step: a lesson is read by
/// people, and what is compared with each other must not be endless.
const FEW: usize = 100;

/// What is known while a lesson is gone through.
struct Context<'a> {
    source: &'a Source,
    found: Vec<Diagnostic>,
    seeds: IndexMap<String, Seed>,
    /// Stand-ins for the students' values.
    longest: Values,
    /// The actors there are by now; not `host`.
    actors: Vec<String>,
    /// Those of them that have left the IPC namespace that the lab is in.
    own_ipc: HashSet<String>,
    /// Whether tasks may be done in the host's shells.
    host_shell: bool,
    /// Those of them that are processes from a shell.
    from_shells: Vec<String>,
}

impl<'a> Context<'a> {
    fn new(source: &'a Source, raw: &RawLesson) -> Self {
        let mut context = Self {
            source,
            found: Vec::new(),
            seeds: IndexMap::new(),
            longest: Values::default(),
            actors: Vec::new(),
            own_ipc: HashSet::new(),
            host_shell: true,
            from_shells: Vec::new(),
        };
        context.few(raw.seed.keys().nth(FEW).map(Placed::span), FEW);
        for (name, seed) in raw.seed.iter().take(FEW) {
            context.id(name);
            let seed = context.seed(name, seed);
            context.seeds.insert(name.to_string(), seed);
        }
        context.longest = Values::longest(&context.seeds);
        context
    }

    fn report(&mut self, span: Range<usize>, title: Both) {
        self.report_with_help(span, title, Both::default());
    }

    fn report_with_help(&mut self, span: Range<usize>, title: Both, help: Both) {
        // Placing a mistake costs a walk through the file; nobody reads hundreds.
        if self.found.len() <= MOST {
            self.found.push(self.source.at(span, title).help(help));
        }
    }

    /// Reports the first of a list that is one too many.
    fn few(&mut self, beyond: Option<Range<usize>>, most: usize) {
        if let Some(span) = beyond {
            self.report(span, both!("more than {most} of these", "il y en a plus de {most}"));
        }
    }

    /// The version, the id, the lists at the top; gives the lesson's number.
    fn head(&mut self, raw: &RawLesson, folder: &str) -> u32 {
        if *raw.format != 1 {
            let version = *raw.format;
            self.report_with_help(
                raw.format.span(),
                both!("format {version} is not known", "le format {version} est inconnu"),
                both!("this program reads format 1", "ce programme lit le format 1"),
            );
        }
        self.id(&raw.id);
        let mut number = 0;
        let id = raw.id.as_str();
        match split_folder(folder) {
            Some((parsed, name)) if name == id => number = parsed,
            _ => {
                let (shown, id) = (quoted(folder), quoted(id));
                self.report_with_help(
                    raw.id.span(),
                    both!(
                        "the folder `{shown}` does not go with this id",
                        "le dossier « {shown} » ne correspond pas à cet identifiant"
                    ),
                    both!(
                        "name the folder NN-{id}: two digits, a hyphen, the id",
                        "nommez le dossier NN-{id} : deux chiffres, un trait d'union, l'identifiant"
                    ),
                );
            }
        }
        self.no_doubles(&raw.needs, |need| format!("{need:?}"));
        self.no_doubles(&raw.tools, Clone::clone);
        for tool in &raw.tools {
            self.program(tool);
        }
        if let Some(since) = &raw.since
            && !(since.len() <= 16 && since.split('.').count() >= 2 && since.split('.').all(is_number))
        {
            self.report(
                since.span(),
                both!("not a kernel version such as \"2.6.19\"", "ce n'est pas une version du noyau comme \"2.6.19\""),
            );
        }
        if *raw.minutes == 0 || *raw.minutes > 600 {
            self.report(
                raw.minutes.span(),
                both!("not a time from 1 to 600 minutes", "ce n'est pas une durée de 1 à 600 minutes"),
            );
        }
        number
    }

    fn seed(&mut self, name: &Word, raw: &RawSeed) -> Seed {
        if raw.choose.is_none() && raw.number.is_none() {
            self.report(
                name.span(),
                both!("a seed needs `choose` or `number`", "une graine demande « choose » ou « number »"),
            );
        }
        if let Some(choose) = &raw.choose {
            if choose.is_empty() {
                self.report(choose.span(), both!("nothing to choose from", "il n'y a rien à choisir"));
            }
            self.no_doubles(choose, Clone::clone);
            for word in choose.iter() {
                // They end up in shells, selectors and host names alike.
                let fits = !word.is_empty() && word.len() <= 32;
                if !fits
                    || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    || word.starts_with('-')
                {
                    self.report_with_help(
                        word.span(),
                        both!("not a word that can be used anywhere", "ce mot ne convient pas partout"),
                        both!(
                            "1 to 32 letters without accents, digits and hyphens",
                            "de 1 à 32 lettres sans accent, chiffres et traits d'union"
                        ),
                    );
                }
            }
        }
        let number = raw.number.as_ref().and_then(|range| {
            let [first, last] = range[..] else {
                let count = range.len();
                self.report(
                    range.span(),
                    both!("a range is two numbers, not {count}", "un intervalle a deux nombres, et non {count}"),
                );
                return None;
            };
            if first > last {
                self.report(
                    range.span(),
                    both!(
                        "the range goes from {first} down to {last}",
                        "l'intervalle va de {first} à {last} : il est à l'envers"
                    ),
                );
            }
            Some((first, last))
        });
        Seed { choose: raw.choose.as_deref().map(|choose| words(choose)).unwrap_or_default(), number }
    }

    fn actors(&mut self, raw: &RawLesson) -> Vec<String> {
        if raw.actors.is_empty() {
            self.report_with_help(
                raw.id.span(),
                both!("a lesson without actors", "une leçon sans acteur"),
                both!(
                    "add `[actors.box]`: the BOX side shows it",
                    "ajoutez « [actors.box] » : le côté BOÎTE le montre"
                ),
            );
        }
        self.few(raw.actors.keys().nth(FEW).map(Placed::span), FEW);
        for (name, actor) in raw.actors.iter().take(FEW) {
            self.new_actor(name);
            if actor.from.is_some() {
                self.from_shells.push(name.to_string());
            }
        }
        self.actors.iter().filter(|actor| !self.from_shells.contains(actor)).cloned().collect()
    }

    /// The processes from shells, once all actors are known: a step may make the one
    /// whose shell it is.
    fn student_made(&mut self, raw: &RawLesson) -> Vec<FromShell> {
        let mut all = Vec::new();
        for (name, actor) in raw.actors.iter().take(FEW) {
            let Some(from) = &actor.from else { continue };
            match from.strip_suffix(" shell") {
                Some(shell) => {
                    // It may be one that a step makes.
                    let forks = raw.step.iter().flat_map(|step| &step.ops).filter_map(|op| op.fork.as_ref());
                    if !forks.into_iter().any(|child| child.as_str() == shell) {
                        self.known_puppet(from.span(), shell, true);
                    }
                    all.push(FromShell { name: name.to_string(), shell: shell.to_owned() });
                }
                None => self.report_with_help(
                    from.span(),
                    both!("not the shell of an actor", "ce n'est pas le shell d'un acteur"),
                    both!(
                        "the actor's name and the word shell: \"box shell\"",
                        "le nom de l'acteur et le mot shell : \"box shell\""
                    ),
                ),
            }
        }
        all
    }

    /// A name for a new actor.
    fn new_actor(&mut self, name: &Word) {
        self.id(name);
        let shown = quoted(name);
        if name.as_str() == HOST {
            self.report_with_help(
                name.span(),
                both!("the actor `{HOST}` is built in", "l'acteur « {HOST} » existe déjà"),
                both!("choose another name", "choisissez un autre nom"),
            );
        } else if self.actors.contains(name) {
            self.report(name.span(), both!("there is already an actor `{shown}`", "il y a déjà un acteur « {shown} »"));
        } else {
            self.actors.push(name.to_string());
        }
    }

    /// A name of an actor that must be there by now, and do what it is asked.
    fn known_actor(&mut self, name: &Word, host: bool) {
        self.known_puppet(name.span(), name, host);
    }

    fn known_puppet(&mut self, span: Range<usize>, name: &str, host: bool) {
        let shown = quoted(name);
        if self.from_shells.iter().any(|from| from == name) {
            self.report_with_help(
                span,
                both!("`{shown}` is a process of the student's", "« {shown} » est un processus de l'étudiant"),
                both!(
                    "it can be looked at (selectors, `box`), but not told what to do",
                    "on peut l'observer (sélecteurs, « box »), mais on ne peut rien lui demander"
                ),
            );
        } else if !(self.actors.iter().any(|actor| actor == name) || host && name == HOST) {
            let puppets = self.actors.iter().filter(|actor| !self.from_shells.contains(actor));
            let known: Vec<String> = puppets.cloned().chain(host.then(|| HOST.to_owned())).collect();
            self.unknown_actor(span, name, &known);
        }
    }

    /// A name of an actor to look at.
    fn known_view(&mut self, name: &Word) {
        if !self.actors.contains(name) {
            self.unknown_actor(name.span(), name, &self.actors.clone());
        }
    }

    fn unknown_actor(&mut self, span: Range<usize>, name: &str, known: &[String]) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let shown = quoted(name);
        let title = if name == HOST {
            both!("`{HOST}` can't be used here", "« {HOST} » n'est pas permis ici")
        } else {
            both!("no actor `{shown}` at this point", "aucun acteur « {shown} » à cet endroit")
        };
        self.report_with_help(span, title, did_you_mean(name, &known));
    }

    /// An id: `[a-z][a-z0-9-]*`, at most 40 bytes.
    fn id(&mut self, id: &Word) {
        if is_id(id) {
            return;
        }
        let shown = quoted(id);
        self.report_with_help(
            id.span(),
            both!("`{shown}` is not a valid id", "« {shown} » n'est pas un identifiant valable"),
            both!(
                "a small letter, then small letters, digits and hyphens, 40 at most",
                "une minuscule sans accent, puis minuscules, chiffres et traits d'union, 40 au plus"
            ),
        );
    }

    /// The name of a program: no path, nothing that a shell would take apart.
    fn program(&mut self, name: &Word) {
        let fits = !name.is_empty()
            && name.len() <= 64
            && !name.starts_with(['-', '.'])
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-[".contains(&byte));
        if !fits {
            self.report(
                name.span(),
                both!("not the name of a program, without a path", "ce n'est pas un nom de programme sans chemin"),
            );
        }
    }

    /// Reports what occurs twice in a list.
    fn no_doubles<T>(&mut self, list: &[Placed<T>], key: impl Fn(&T) -> String) {
        let mut seen = HashSet::new();
        for item in list {
            if !seen.insert(key(item)) {
                self.report(item.span(), both!("listed twice", "figure deux fois dans la liste"));
            }
        }
    }

    /// A text of an op or a check: the seeds in it must exist. Gives it with the
    /// stand-ins filled in.
    fn filled(&mut self, span: Range<usize>, text: &str) -> String {
        for name in seeds_of(text) {
            if !self.seeds.contains_key(name) {
                let shown = quoted(name);
                let known: Vec<&str> = self.seeds.keys().map(String::as_str).collect();
                let help = did_you_mean(name, &known);
                self.report_with_help(span.clone(), both!("no seed `{shown}`", "aucune graine « {shown} »"), help);
            }
        }
        self.longest.substitute(text)
    }
}

/// Whether a text is an id.
pub fn is_id(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// `05-pid` is 5 and `pid`.
pub fn split_folder(folder: &str) -> Option<(u32, &str)> {
    let (number, id) = folder.split_once('-')?;
    let fits = number.len() >= 2 && number.len() <= 4 && is_number(number) && is_id(id);
    fits.then(|| number.parse().ok().map(|number| (number, id))).flatten()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn words(list: &[Word]) -> Vec<String> {
    list.iter().map(|word| word.to_string()).collect()
}
