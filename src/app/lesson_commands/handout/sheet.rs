//! What of a lesson is on paper, the same for every form. All texts are Markdown.

use crate::i18n::Lang;
use crate::lesson::answers::Answers;
use crate::lesson::diagnostic::printable;
use crate::lesson::model::{Step, StepText};
use crate::lesson::text::{Piece, pieces};
use crate::lesson::{Lesson, Values};
use crate::say;

/// What stands where the screen shows a live value: a place to write it.
pub(super) const BLANK: &str = "……………";

/// How many lines there are to write commands on, for each shell.
pub(super) const LINES: usize = 3;

/// One lesson on paper.
pub(super) struct Sheet {
    /// The lesson's id.
    pub id: String,
    /// Its title, plain.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// What it needs and gives, a line each, plain.
    pub facts: Vec<String>,
    /// The names of the values of one's own.
    pub own: Vec<String>,
    /// Its steps.
    pub steps: Vec<Part>,
    /// For whoever corrects: of each step that has any.
    pub answers: Vec<Part>,
    /// Whose values the answers' commands have, plain.
    pub whose: String,
}

/// A heading and what is below it.
pub(super) struct Part {
    /// Plain, with its number.
    pub heading: String,
    /// In order.
    pub blocks: Vec<Block>,
}

/// A piece of a page.
pub(super) enum Block {
    /// Prose.
    Text(String),
    /// A short line that says what comes.
    Label(String),
    /// Boxes to tick.
    Choices(Vec<String>),
    /// What must hold at the end, and for each shell a place to write commands.
    Task { checks: Vec<String>, shells: Vec<String> },
    /// Prose, one below the other, numbered.
    Numbered(Vec<String>),
    /// Commands, as they are typed.
    Commands(String),
}

impl Sheet {
    /// A lesson; with a solution, its answers.
    pub(super) fn of(lesson: &Lesson, solution: Option<&(Answers, Values)>, lang: Lang) -> Self {
        let text = lesson.text(lang);
        let steps = lesson.steps.iter().zip(&text.steps).enumerate();
        let heading = |number: usize, text: &StepText| format!("{}. {}", number + 1, text.title);
        let recalled = |id: &String| lesson.steps.iter().position(|step| step.id == *id).map(|at| at + 1);
        Self {
            id: lesson.id.clone(),
            title: text.title.clone(),
            summary: filled(&text.summary),
            facts: facts(lesson, lang),
            own: lesson.seeds.keys().map(|name| placeholder(name)).collect(),
            steps: steps
                .clone()
                .map(|(number, (step, text))| Part {
                    heading: heading(number, text),
                    blocks: blocks(step, text, step.recall.as_ref().and_then(recalled), lang),
                })
                .collect(),
            answers: solution.map_or_else(Vec::new, |(solution, _)| {
                steps
                    .map(|(number, (step, text))| Part {
                        heading: heading(number, text),
                        blocks: answers(step, text, solution, lang),
                    })
                    .filter(|part| !part.blocks.is_empty())
                    .collect()
            }),
            whose: solution.map_or_else(String::new, |(solution, values)| whose(solution, values, lang)),
        }
    }
}

fn facts(lesson: &Lesson, lang: Lang) -> Vec<String> {
    let (points, minutes) = (lesson.points(), lesson.minutes);
    let mut facts =
        vec![say!(lang, "{points} points, about {minutes} minutes", "{points} points, environ {minutes} minutes")];
    if !lesson.tools.is_empty() {
        let tools = lesson.tools.join(", ");
        facts.push(say!(lang, "Programs: {tools}", "Programmes : {tools}"));
    }
    let id = &lesson.id;
    facts.push(say!(lang, "On the machine: cloison learn {id}", "Sur la machine : cloison learn {id}"));
    facts
}

/// What a student sees of a step, but for what gives the answer away.
fn blocks(step: &Step, text: &StepText, recalled: Option<usize>, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![Block::Text(filled(&text.body))];
    if let Some(number) = recalled {
        blocks.push(Block::Label(say!(
            lang,
            "Your prediction (step {number}): did it come true? {BLANK}",
            "Votre prédiction (étape {number}) : s'est-elle réalisée ? {BLANK}"
        )));
    }
    if let Some(predict) = &step.predict {
        blocks.push(Block::Label(say!(
            lang,
            "Predict before you read on ({}).",
            "Faites votre prédiction avant de lire la suite ({}).",
            worth(predict.points)
        )));
        let of = |id: &String| filled(text.choices.get(id).map_or(id.as_str(), String::as_str));
        blocks.push(Block::Choices(predict.choices.iter().map(of).collect()));
    }
    if let Some(task) = &step.task {
        let worth = worth(task.points);
        blocks.push(Block::Label(say!(
            lang,
            "Your task ({worth}). At the end:",
            "Votre exercice ({worth}). À la fin :"
        )));
        let of = |id: &String| filled(text.checks.get(id).map_or(id.as_str(), String::as_str));
        let checks = task.checks.iter().map(|check| of(&check.id)).collect();
        blocks.push(Block::Task { checks, shells: task.shells.clone() });
    }
    blocks
}

/// What whoever corrects wants of a step.
fn answers(step: &Step, text: &StepText, solution: &Answers, lang: Lang) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(predict) = &step.predict {
        blocks.push(Block::Label(lang.pick("What comes true:", "Ce qui se réalise :").to_owned()));
        blocks.push(Block::Text(filled(text.choices.get(&predict.answer).map_or("", String::as_str))));
    }
    if step.task.is_some() {
        for (shell, commands) in solution.tasks.get(&step.id).into_iter().flatten() {
            blocks.push(Block::Label(in_shell(shell, lang)));
            let lines: Vec<String> = commands.trim_end().lines().map(printable).collect();
            blocks.push(Block::Commands(lines.join("\n")));
        }
        if !text.hints.is_empty() {
            blocks.push(Block::Label(lang.pick("Hints:", "Indices :").to_owned()));
            blocks.push(Block::Numbered(text.hints.iter().map(|hint| filled(hint)).collect()));
        }
    }
    if let Some(why) = &text.why {
        blocks.push(Block::Label(lang.pick("Why:", "Pourquoi :").to_owned()));
        blocks.push(Block::Text(filled(why)));
    }
    blocks
}

/// Whose values the commands of a solution have.
fn whose(solution: &Answers, values: &Values, lang: Lang) -> String {
    let values: Vec<String> = values.iter().map(|(name, value)| format!("{} = {value}", placeholder(name))).collect();
    if values.is_empty() {
        return String::new();
    }
    let (student, values) = (printable(&solution.student), values.join(", "));
    say!(
        lang,
        "The commands are those of the student {student}: {values}.",
        "Les commandes sont celles de l'étudiant {student} : {values}."
    )
}

/// The label of what is typed in a shell.
pub(super) fn in_shell(shell: &str, lang: Lang) -> String {
    match shell {
        "host" => lang.pick("In the host's shell:", "Dans le shell de l'hôte :").to_owned(),
        shell => say!(lang, "In the shell of {shell}:", "Dans le shell de {shell} :"),
    }
}

fn worth(points: u32) -> String {
    // The same in both languages.
    if points == 1 { "1 point".to_owned() } else { format!("{points} points") }
}

/// What stands for a value of one's own.
fn placeholder(name: &str) -> String {
    format!("‹{name}›")
}

/// Prose with a blank in place of each live value, and a name in place of one's own.
fn filled(prose: &str) -> String {
    pieces(prose)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Seed(name) => placeholder(name),
            Piece::Live(_) => BLANK.to_owned(),
        })
        .collect()
}
