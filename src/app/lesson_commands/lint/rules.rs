//! What must hold of a lesson's files beyond what the loader asks: a solution that
//! answers everything, a wrong answer to every task, predictions that are taken up
//! again, no name of the host touched, no stray files. Runs nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::i18n::Lang;
use crate::lesson::answers::{Answers, validate_answers};
use crate::lesson::broken::{Case, parse_broken};
use crate::lesson::diagnostic::{Diagnostic, both, printable};
use crate::lesson::load::FILES;
use crate::lesson::op::NsKind;
use crate::lesson::source::Source;
use crate::lesson::{Lesson, Op, Values};
use crate::ui::room;

/// A lesson's solution and its wrong answers, or what is wrong with them.
pub(super) fn answers(
    name: &str,
    lesson: &Lesson,
    solution: Option<&Source>,
    broken: Option<&Source>,
) -> Result<(Answers, Vec<Case>), Vec<Diagnostic>> {
    let Some(source) = solution else {
        return Err(vec![Diagnostic::of_file(name, both!("no solution.toml", "il manque solution.toml")).help(both!(
            "an answers file that gets full marks: it proves that the lesson can be passed",
            "un fichier de réponses qui obtient tous les points : il prouve que la leçon est faisable"
        ))]);
    };
    let solution = validate_answers(source, lesson)?;
    let mut found = Vec::new();
    for step in &lesson.steps {
        let id = &step.id;
        let answered = solution.answers.contains_key(id) || step.predict.is_none();
        let done = solution.tasks.get(id).is_some_and(|shells| !shells.is_empty()) || step.task.is_none();
        if !(answered && done) {
            found.push(Diagnostic::of_file(
                &source.name,
                both!("nothing on the step `{id}`", "rien sur l'étape « {id} »"),
            ));
        }
    }
    found.extend(unshared(source, lesson, &solution));
    let mut cases = Vec::new();
    match broken.map(|broken| parse_broken(broken, lesson, &solution)) {
        Some(Ok(read)) => cases = read,
        Some(Err(more)) => found.extend(more),
        None => found.push(Diagnostic::of_file(name, both!("no broken.toml", "il manque broken.toml")).help(both!(
            "wrong answers, each with the check that it must fail: they prove that the checks can fail",
            "des réponses fausses, chacune avec la vérification qu'elle doit rater : elles prouvent que les vérifications peuvent échouer"
        ))),
    }
    if let Some(broken) = broken.filter(|_| found.is_empty()) {
        found.extend(untried(broken, lesson, &cases));
    }
    if found.is_empty() { Ok((solution, cases)) } else { Err(found) }
}

/// Tasks that no wrong answer is about.
fn untried(broken: &Source, lesson: &Lesson, cases: &[Case]) -> Vec<Diagnostic> {
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.step.as_str()).collect();
    let tasks = lesson.steps.iter().filter(|step| step.task.is_some() && !tried.contains(step.id.as_str()));
    tasks
        .map(|step| {
            let id = &step.id;
            Diagnostic::of_file(
                &broken.name,
                both!("no wrong answer to the task `{id}`", "aucune réponse fausse à l'exercice « {id} »"),
            )
            .help(both!(
                "add a [[case]] with `fails = \"{id}.CHECK\"`: a mistake that students make",
                "ajoutez un [[case]] avec « fails = \"{id}.VÉRIFICATION\" » : une erreur que font les étudiants"
            ))
        })
        .collect()
}

/// Steps that a projector has no room for.
pub(super) fn on_the_wall(folder: &str, lesson: &Lesson) -> Vec<Diagnostic> {
    let each = |lang: Lang| {
        let file = Path::new(folder).join(format!("{}.md", lang.code())).display().to_string();
        room::too_long(lesson, lang, room::WALL).into_iter().map(move |(step, lines)| {
            let id = &lesson.steps[step].id;
            let title = both!(
                "the step `{id}` is {lines} lines too long for a projector",
                "l'étape « {id} » a {lines} lignes de trop pour un projecteur"
            );
            Diagnostic::of_file(&file, title).help(both!(
                "a wall of 120×36 shows the heading, the first sentence, the choices and what the task asks for: shorten these",
                "un mur de 120×36 montre le titre, la première phrase, les choix et ce que demande l'exercice : raccourcissez-les"
            ))
        })
    };
    Lang::ALL.into_iter().flat_map(each).collect()
}

/// What a lesson's own structure lacks: `file` is its lesson.toml.
pub(super) fn structure(file: &str, lesson: &Lesson) -> Vec<Diagnostic> {
    let mut found = unrecalled(file, lesson);
    found.extend(names_of_the_host(file, lesson));
    found
}

/// Predictions that no later step puts next to what happened.
fn unrecalled(file: &str, lesson: &Lesson) -> Vec<Diagnostic> {
    let predicted = lesson.steps.iter().enumerate().filter(|(_, step)| step.predict.is_some());
    predicted
        .filter(|(at, step)| !lesson.steps[at + 1..].iter().any(|later| later.recall.as_ref() == Some(&step.id)))
        .map(|(_, step)| {
            let id = &step.id;
            Diagnostic::of_file(
                file,
                both!("the prediction `{id}` is never taken up again", "la prédiction « {id} » n'est jamais reprise"),
            )
            .help(both!(
                "write `recall = \"{id}\"` in the step that shows what happens",
                "écrivez « recall = \"{id}\" » dans l'étape qui montre ce qui arrive"
            ))
        })
        .collect()
}

/// Ops that would rename the machine itself, where root runs the lesson.
fn names_of_the_host(file: &str, lesson: &Lesson) -> Vec<Diagnostic> {
    // Who is behind a wall of its own, or without the right to do it, by an op before:
    // the ones after a failure are never tried.
    let mut walled = BTreeSet::new();
    let mut found = Vec::new();
    for (step, op) in lesson.steps.iter().flat_map(|step| step.ops.iter().map(move |op| (step, op))) {
        match &op.op {
            Op::Unshare { kinds, .. } if kinds.contains(&NsKind::Uts) || kinds.contains(&NsKind::User) => {
                walled.insert(op.actor.as_str());
            }
            Op::Fork { child } if walled.contains(op.actor.as_str()) => {
                walled.insert(child.as_str());
            }
            Op::Hostname { .. } | Op::Domainname { .. } if !walled.contains(op.actor.as_str()) => {
                let (actor, id) = (&op.actor, &step.id);
                let title = both!(
                    "in the step `{id}`, `{actor}` would rename the machine itself",
                    "à l'étape « {id} », « {actor} » renommerait la machine elle-même"
                );
                found.push(Diagnostic::of_file(file, title).help(both!(
                    "let it unshare `uts` or `user` first",
                    "faites-lui d'abord quitter « uts » ou « user » (unshare)"
                )));
            }
            _ => {}
        }
    }
    found
}

/// A solution holds its own student's values: one written for another student
/// can't pass.
fn unshared(source: &Source, lesson: &Lesson, solution: &Answers) -> Option<Diagnostic> {
    let values = Values::new(lesson, &solution.student);
    let typed: Vec<&str> = solution.tasks.values().flat_map(|shells| shells.values()).map(String::as_str).collect();
    if typed.is_empty() || values.iter().any(|(_, value)| typed.iter().any(|commands| commands.contains(value))) {
        return None;
    }
    let list: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let (student, list) = (printable(&solution.student), list.join(", "));
    let used = lesson.steps.iter().filter_map(|step| step.task.as_ref()).flat_map(|task| &task.checks).any(|check| {
        let filled = check.with_values(&values);
        filled.is != check.is || filled.at != check.at
    });
    used.then(|| {
        Diagnostic::of_file(
            &source.name,
            both!(
                "the commands do not use the values of the student `{student}`",
                "les commandes n'emploient pas les valeurs de l'étudiant « {student} »"
            ),
        )
        .help(both!("they are: {list}", "ce sont : {list}"))
    })
}

/// Files of a folder that belong to no lesson.
pub(super) fn stray(folder: &Path) -> Vec<Diagnostic> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .take(1000)
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !FILES.contains(&name.as_str()))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let list = FILES.join(", ");
            Diagnostic::of_file(
                &folder.join(name).display().to_string(),
                both!("a file that no lesson has", "un fichier qui n'a pas sa place dans une leçon"),
            )
            .help(both!("a lesson consists of {list}", "une leçon se compose de {list}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_that_is_never_taken_up_again_is_found() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid_lessons/01-base");
        let mut lesson = crate::lesson::load(&folder).expect("valid");
        assert_eq!(structure("lesson.toml", &lesson), []);
        lesson.steps[2].recall = None;
        // Taken up before it was made is not taken up.
        lesson.steps[0].recall = Some("guess".to_owned());
        let found = structure("lesson.toml", &lesson);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("the prediction `guess` is never taken up again"), "{}", found[0]);
    }
}
