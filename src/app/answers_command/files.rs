//! `cloison answers new|lint|export`: a file to fill in by hand, what is wrong with
//! files, and the file to hand in.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{FINE, Output, USAGE, WRONG, Work, refuse, words};
use crate::app::whole;
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::answers::{Answers, lint_answers, load_answers};
use crate::lesson::diagnostic::{printable, render_all};
use crate::lesson::library::Library;
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Values};
use crate::say;

/// A file that answers nothing yet: the student's values, the steps, what they ask.
pub(super) fn template(lesson: &Lesson, values: &Values, lang: Lang) -> String {
    let mut out = String::new();
    let text = lesson.text(lang);
    // Writing to a String can't fail.
    let _ = writeln!(out, "# {} · {}", lesson.id, words::line(&text.title, values));
    let _ = writeln!(out, "# {}", words::line(&text.summary, values));
    for (name, value) in values.iter() {
        let _ = writeln!(out, "# {{{name}}} = {value}");
    }
    let empty =
        Answers { lesson: lesson.id.clone(), student: values.student().to_owned(), ..Answers::default() }.to_toml();
    out.push_str(&empty);
    let steps = || lesson.steps.iter().enumerate().map(|(index, step)| (index, step, lesson.step_text(lang, index)));
    for (index, step, text) in steps() {
        let Some(predict) = &step.predict else { continue };
        let title = words::line(&text.title, values);
        let _ = writeln!(out, "# {}. {title} ({})", index + 1, words::points(predict.points));
        for choice in &predict.choices {
            let words = text.choices.get(choice).map(|words| words::line(words, values)).unwrap_or_default();
            let _ = writeln!(out, "#    {choice}: {words}");
        }
        let first = predict.choices.first().map(String::as_str).unwrap_or_default();
        let _ = writeln!(out, "# {} = \"{first}\"", step.id);
    }
    for (index, step, text) in steps() {
        let Some(task) = &step.task else { continue };
        let title = words::line(&text.title, values);
        let _ = writeln!(out, "\n# {}. {title} ({})", index + 1, words::points(task.points));
        for check in &task.checks {
            if let Some(words) = text.checks.get(&check.id) {
                let _ = writeln!(out, "#    {}", words::line(words, values));
            }
        }
        let _ = writeln!(out, "[tasks.{}]", step.id);
        for shell in &task.shells {
            let what = say!(lang, "commands, one a line", "des commandes, une par ligne");
            let _ = writeln!(out, "# {shell} = '''\n# {what}\n# '''");
        }
    }
    out
}

/// Prints a text, or writes it to a new file.
pub(super) fn fresh(text: String, to: Option<&Path>, lang: Lang) -> Output {
    let Some(path) = to else { return (text, String::new(), FINE) };
    let shown = printable(&path.display().to_string());
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    match made.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())) {
        Ok(()) => (say!(lang, "{shown}: written\n", "{shown} : écrit\n"), String::new(), FINE),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => refuse(say!(
            lang,
            "{shown} is there already, and was left as it is. Name another file.",
            "{shown} existe déjà et a été laissé tel quel. Nommez un autre fichier."
        )),
        Err(error) => failed(path, &error, lang),
    }
}

/// What is handed in: no progress, and on request no line that failed.
pub(super) fn export(work: &Work, without_failed: bool, to: Option<&Path>, lang: Lang) -> Output {
    let mut answers = work.answers.clone();
    let failed_lines = answers.progress.take().unwrap_or_default().failed;
    let mut told = String::new();
    if without_failed {
        for (step, shells) in failed_lines {
            for (shell, numbers) in shells {
                for line in answers.leave_out(&step, &shell, &numbers) {
                    let (step, shell, line) = (printable(&step), printable(&shell), printable(&line));
                    // Writing to a String can't fail.
                    let _ = writeln!(
                        told,
                        "{}",
                        say!(lang, "left out, {step}, {shell}: {line}", "laissé de côté, {step}, {shell} : {line}")
                    );
                }
            }
        }
        for shells in answers.tasks.values_mut() {
            shells.retain(|_, lines| !lines.is_empty());
        }
        if !told.is_empty() {
            told += &say!(
                lang,
                "A line that failed may have done something all the same: cloison check {} --answers FILE says whether the file still passes.\n",
                "Une ligne qui a échoué peut tout de même avoir fait quelque chose : cloison check {} --answers FICHIER dit si le fichier passe encore.\n",
                answers.lesson
            );
        }
    }
    let text = answers.to_toml();
    let Some(path) = to else { return (text, told, FINE) };
    let shown = printable(&path.display().to_string());
    let same = |there: Answers| (there.lesson, there.student) == (answers.lesson.clone(), answers.student.clone());
    if path.symlink_metadata().is_ok() && !load_answers(path).is_ok_and(same) {
        return refuse(say!(
            lang,
            "{shown} is there already and is no earlier export of these answers: it was left as it is. Name another file.",
            "{shown} existe déjà et n'est pas un export antérieur de ces réponses : il a été laissé tel quel. Nommez un autre fichier."
        ));
    }
    match write(path, &text) {
        Ok(()) => (say!(lang, "{shown}: written\n", "{shown} : écrit\n"), told, FINE),
        Err(error) => failed(path, &error, lang),
    }
}

/// Writes a file whole or not at all. It is to be handed in: others may read it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let open = std::fs::Permissions::from_mode(0o644);
    whole::write_and(path, text.as_bytes(), |file| file.set_permissions(open))
}

fn failed(path: &Path, error: &std::io::Error, lang: Lang) -> Output {
    let (shown, errno) = (printable(&path.display().to_string()), Errno::from(error).explain(lang));
    refuse(say!(lang, "{shown}: {errno}.", "{shown} : {errno}."))
}

/// All that is wrong with answers files.
pub(super) fn lint(library: &Library, files: &[PathBuf], lang: Lang, color: bool) -> Output {
    let (mut out, mut errors, mut code) = (String::new(), String::new(), FINE);
    for path in files {
        let found = match Source::read(path) {
            Ok(source) => lint_answers(&source, library).err().map(|found| (found, WRONG)),
            Err(one) => Some((vec![one], USAGE)),
        };
        match found {
            None => {
                let name = printable(&path.display().to_string());
                let _ = writeln!(out, "{}", say!(lang, "{name}: nothing to find fault with", "{name} : rien à redire"));
            }
            Some((found, worse)) => {
                errors.push_str(&render_all(&found, lang, color));
                errors.push_str("\n\n");
                code = code.max(worse);
            }
        }
    }
    (out, errors, code)
}
