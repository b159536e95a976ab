//! `cloison answers show`: what a student has done in a lesson, step by step, each
//! shell's lines in the order in which they were typed.

use std::fmt::Write as _;

use serde::Serialize;

use super::{FINE, Output, Work, words};
use crate::i18n::Lang;
use crate::lesson::diagnostic::printable;
use crate::lesson::model::{Predict, Step};
use crate::say;
use crate::term::safe;

/// The document of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    format: u32,
    lesson: &'a str,
    title: String,
    student: &'a str,
    /// The file; nothing of it where there is none yet.
    file: String,
    exists: bool,
    points: u32,
    out_of: u32,
    finished: bool,
    /// Whether a session wrote it, which says what was passed; else `check` does.
    judged: bool,
    /// Where the student is.
    at: Option<&'a str>,
    steps: Vec<ShownStep<'a>>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    number: usize,
    step: &'a str,
    title: String,
    points: u32,
    out_of: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Done<'a>>,
}

/// What was predicted.
#[derive(Serialize)]
struct Choice<'a> {
    choice: Option<&'a str>,
    text: Option<String>,
}

/// What was done in a task.
#[derive(Serialize)]
struct Done<'a> {
    passed: bool,
    /// How many hints were opened.
    hints: u32,
    shells: Vec<Shell<'a>>,
}

#[derive(Serialize)]
struct Shell<'a> {
    shell: &'a str,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    line: &'a str,
    /// The shell said so; of a line whose end is not known, no.
    failed: bool,
}

/// Shows a student's work.
pub(super) fn show(work: &Work, json: bool, lang: Lang) -> Output {
    let shown = shown(work, lang);
    let text = if json {
        safe::json(&serde_json::to_string_pretty(&shown).unwrap_or_default()) + "\n"
    } else {
        page(&shown, lang)
    };
    (text, String::new(), FINE)
}

fn shown(work: &Work, lang: Lang) -> Shown<'_> {
    let (lesson, answers) = (&work.lesson, &work.answers);
    let progress = answers.progress.as_ref();
    let asks = |step: &&Step| step.predict.is_some() || step.task.is_some();
    let asked = lesson.steps.iter().enumerate().filter(|(_, step)| asks(step));
    let steps: Vec<ShownStep> = asked.map(|(index, step)| shown_step(work, index, step, lang)).collect();
    Shown {
        format: 1,
        lesson: &lesson.id,
        title: words::line(&lesson.text(lang).title, &work.values),
        student: &answers.student,
        file: printable(&work.path.display().to_string()),
        exists: work.exists,
        points: steps.iter().map(|step| step.points).sum(),
        out_of: lesson.points(),
        finished: progress.is_some_and(|progress| progress.finished),
        judged: progress.is_some(),
        at: progress.map(|progress| progress.step.as_str()).filter(|step| !step.is_empty()),
        steps,
    }
}

fn shown_step<'a>(work: &'a Work, index: usize, step: &'a Step, lang: Lang) -> ShownStep<'a> {
    let text = work.lesson.step_text(lang, index);
    let prediction = step.predict.as_ref().map(|predict| {
        let choice = chosen(work, step, predict);
        let words = choice.and_then(|choice| text.choices.get(choice)).map(|words| words::line(words, &work.values));
        Choice { choice, text: words }
    });
    let progress = work.answers.progress.as_ref();
    let task = step.task.as_ref().map(|_| {
        let failed = progress.and_then(|progress| progress.failed.get(&step.id));
        let shells = work.answers.tasks.get(&step.id).into_iter().flatten().map(|(shell, lines)| {
            let failed = failed.and_then(|shells| shells.get(shell));
            let is_failed = |number: usize| failed.is_some_and(|lines| lines.contains(&(number as u32)));
            let lines = lines.lines().enumerate().map(|(at, line)| Line { line, failed: is_failed(at + 1) });
            Shell { shell, lines: lines.collect() }
        });
        Done {
            passed: progress.is_some_and(|progress| progress.passed.contains(&step.id)),
            hints: progress.and_then(|progress| progress.hints.get(&step.id)).copied().unwrap_or_default(),
            shells: shells.collect(),
        }
    });
    let predicted = step.predict.as_ref().filter(|predict| chosen(work, step, predict).is_some());
    let passed = step.task.as_ref().filter(|_| task.as_ref().is_some_and(|task| task.passed));
    ShownStep {
        number: index + 1,
        step: &step.id,
        title: words::line(&text.title, &work.values),
        points: predicted.map_or(0, |predict| predict.points) + passed.map_or(0, |task| task.points),
        out_of: step.points(),
        prediction,
        task,
    }
}

fn chosen<'a>(work: &'a Work, step: &Step, predict: &Predict) -> Option<&'a str> {
    work.answers
        .answers
        .get(&step.id)
        .map(String::as_str)
        .filter(|choice| predict.choices.iter().any(|one| one == choice))
}

fn page(shown: &Shown, lang: Lang) -> String {
    let mut out = String::new();
    let (lesson, title, student) = (shown.lesson, &shown.title, printable(shown.student));
    let (points, out_of, file) = (shown.points, shown.out_of, &shown.file);
    // Writing to a String can't fail.
    let _ = writeln!(out, "{lesson} · {title}");
    let _ = writeln!(
        out,
        "{}",
        say!(lang, "{student} · {points} of {out_of} points", "{student} · {points} points sur {out_of}")
    );
    let _ = writeln!(
        out,
        "{}",
        match (shown.exists, shown.finished, shown.at) {
            (false, ..) => say!(lang, "{file}: nothing there yet", "{file} : rien encore"),
            (_, true, _) => say!(lang, "{file}: finished", "{file} : terminé"),
            (_, _, Some(at)) => say!(lang, "{file}: at the step {at}", "{file} : à l'étape {at}"),
            (_, _, None) => file.clone(),
        }
    );
    for step in &shown.steps {
        let (number, id, title) = (step.number, step.step, &step.title);
        let _ = writeln!(out, "\n{number:>3}. {id} · {title} · {}/{}", step.points, words::points(step.out_of));
        if let Some(prediction) = &step.prediction {
            let said = match (prediction.choice, &prediction.text) {
                (Some(choice), Some(text)) => format!("{choice}: {text}"),
                (Some(choice), None) => choice.to_owned(),
                (None, _) => say!(lang, "no prediction", "aucune prédiction"),
            };
            let _ = writeln!(out, "     {said}");
        }
        if let Some(task) = &step.task {
            let stands = match (task.passed, shown.judged) {
                (true, _) => say!(lang, "✓ passed", "✓ réussi"),
                (_, true) => say!(lang, "✗ not passed", "✗ pas réussi"),
                (_, false) => {
                    say!(lang, "· not judged: cloison check {lesson}", "· pas encore jugé : cloison check {lesson}")
                }
            };
            let hints = match task.hints {
                0 => String::new(),
                1 => say!(lang, ", 1 hint", ", 1 indice"),
                many => say!(lang, ", {many} hints", ", {many} indices"),
            };
            let _ = writeln!(out, "     {stands}{hints}");
            for shell in &task.shells {
                for line in &shell.lines {
                    let failed = if line.failed { say!(lang, "   (failed)", "   (échec)") } else { String::new() };
                    let _ = writeln!(out, "     {} $ {}{failed}", printable(shell.shell), printable(line.line));
                }
            }
        }
    }
    out
}
