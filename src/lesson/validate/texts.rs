//! The prose of a lesson against its steps: everything that a step shows has its
//! text, and no text stands where nothing shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::checks::complaint;
use crate::lesson::diagnostic::{Both, Diagnostic, both, did_you_mean, quoted};
use crate::lesson::load::MOST;
use crate::lesson::model::{LessonText, Step, StepText};
use crate::lesson::source::Source;
use crate::lesson::text::{Outline, Piece, Section, StepSection, pieces, shown};
use crate::lesson::values::Values;

/// The texts of a lesson in one language.
pub(super) fn fit(
    source: &Source,
    outline: &Outline,
    steps: &[Step],
    (values, actors): (&Values, &[String]),
    found: &mut Vec<Diagnostic>,
) -> LessonText {
    let mut fit = Fit { source, values, actors, found };
    let mut text = LessonText::default();
    match &outline.title {
        Some(title) => {
            fit.title(title);
            text.title = fit.prose(title.heading.clone(), title.span.clone());
            text.summary = fit.prose(title.body.clone(), title.body_span.clone());
        }
        None => fit.report(
            0..0,
            both!("no title", "il n'y a pas de titre"),
            both!("start the file with `# Title`", "commencez le fichier par « # Titre »"),
        ),
    }
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    for section in &outline.steps {
        let id = quoted(&section.id);
        let span = section.section.span.clone();
        if !ids.contains(&section.id.as_str()) {
            fit.report(
                span,
                both!("no step `{id}` in lesson.toml", "lesson.toml n'a pas d'étape « {id} »"),
                did_you_mean(&section.id, &ids),
            );
        } else if !seen.insert(section.id.as_str()) {
            fit.report(
                span,
                both!("the step `{id}` has its text already", "l'étape « {id} » a déjà son texte"),
                Both::default(),
            );
        }
    }
    let written: Vec<&str> =
        outline.steps.iter().map(|section| section.id.as_str()).filter(|id| ids.contains(id)).collect();
    let expected: Vec<&str> = ids.iter().copied().filter(|id| written.contains(id)).collect();
    if let Some((one, other)) = written.iter().zip(&expected).find(|(one, other)| one != other)
        && written.len() == expected.len()
        && let Some(section) = outline.steps.iter().find(|section| section.id == **one)
    {
        let other = quoted(other);
        fit.report(
            section.section.span.clone(),
            both!(
                "the steps are in another order than in lesson.toml",
                "les étapes ne sont pas dans l'ordre de lesson.toml"
            ),
            both!("`{other}` comes first", "« {other} » vient d'abord"),
        );
    }
    for step in steps {
        let section = outline.steps.iter().find(|section| section.id == step.id);
        if let Some(section) = section {
            text.steps.push(fit.step(section, step));
            continue;
        }
        let id = quoted(&step.id);
        let end = source.text.trim_end().len();
        fit.report(
            end..end,
            both!("no text for the step `{id}`", "l'étape « {id} » n'a pas de texte"),
            both!("add `## {id}: Heading` and its text", "ajoutez « ## {id}: Titre » et son texte"),
        );
    }
    text
}

struct Fit<'a> {
    source: &'a Source,
    values: &'a Values,
    /// All actors of the lesson, those made by its steps among them.
    actors: &'a [String],
    found: &'a mut Vec<Diagnostic>,
}

/// What a `###` heading asks for.
enum PartKind<'a> {
    Why,
    Notes,
    Choice(&'a str),
    Hint(&'a str),
    Check(&'a str),
}

impl<'a> PartKind<'a> {
    fn of(heading: &'a str) -> Option<Self> {
        let mut words = heading.split_whitespace();
        let kind = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        Some(match kind {
            ("why", None) => Self::Why,
            ("notes", None) => Self::Notes,
            ("choice", Some(id)) => Self::Choice(id),
            ("hint", Some(id)) => Self::Hint(id),
            ("check", Some(id)) => Self::Check(id),
            _ => return None,
        })
    }
}

impl Fit<'_> {
    fn report(&mut self, span: Range<usize>, title: Both, help: Both) {
        if self.found.len() <= MOST {
            self.found.push(self.source.at(span, title).help(help));
        }
    }

    fn title(&mut self, title: &Section) {
        if title.heading.is_empty() {
            self.report(title.span.clone(), both!("an empty title", "titre vide"), Both::default());
        }
        let help = both!("one sentence below the title", "une seule phrase sous le titre");
        if title.body.is_empty() {
            self.report(
                title.span.clone(),
                both!("no summary below the title", "il manque le résumé sous le titre"),
                help,
            );
        } else if title.body.contains("\n\n") || title.body.contains("\n\r\n") {
            self.report(
                title.body_span.clone(),
                both!("a summary of several paragraphs", "résumé en plusieurs paragraphes"),
                help,
            );
        }
    }

    fn step(&mut self, section: &StepSection, step: &Step) -> StepText {
        let id = quoted(&step.id);
        let span = section.section.span.clone();
        if section.title.is_empty() {
            self.report(
                span.clone(),
                both!("the step `{id}` has no heading", "l'étape « {id} » n'a pas de titre"),
                both!("write `## {id}: Heading`", "écrivez « ## {id}: Titre »"),
            );
        }
        if section.section.body.is_empty() {
            self.report(
                span.clone(),
                both!("the step `{id}` has no text", "l'étape « {id} » n'a pas de texte"),
                Both::default(),
            );
        }
        let mut text = StepText {
            title: self.prose(section.title.clone(), span.clone()),
            body: self.prose(section.section.body.clone(), section.section.body_span.clone()),
            ..StepText::default()
        };
        let mut levels = BTreeMap::new();
        for part in &section.parts {
            self.part(part, step, &mut text, &mut levels);
        }
        self.complete(span, step, &text, &levels);
        text.hints = levels.into_values().collect();
        text
    }

    fn part(&mut self, part: &Section, step: &Step, text: &mut StepText, levels: &mut BTreeMap<u8, String>) {
        let heading = shown(part);
        let Some(kind) = PartKind::of(&part.heading) else {
            self.report(
                part.span.clone(),
                both!("`{heading}` is no part of a step", "« {heading} » n'est pas une partie d'étape"),
                both!(
                    "one of: why, choice ID, hint 1, hint 2, hint 3, hint ID, check ID, notes",
                    "l'une de : why, choice ID, hint 1, hint 2, hint 3, hint ID, check ID, notes (ces mots restent en anglais)"
                ),
            );
            return;
        };
        if part.body.is_empty() {
            self.report(
                part.span.clone(),
                both!("nothing below `{heading}`", "rien sous « {heading} »"),
                Both::default(),
            );
        }
        let body = self.prose(part.body.clone(), part.body_span.clone());
        let id = quoted(&step.id);
        let nobody = both!("nothing in the step `{id}` shows this", "rien dans l'étape « {id} » ne montre ce texte");
        let double = match kind {
            PartKind::Why => {
                if step.recall.is_none() && step.task.is_none() {
                    self.report(
                        part.span.clone(),
                        nobody,
                        both!("`why` goes with `recall` or `task`", "« why » va avec « recall » ou « task »"),
                    );
                }
                text.why.replace(body)
            }
            PartKind::Notes => text.notes.replace(body),
            PartKind::Choice(choice) => {
                let known: Vec<&str> =
                    step.predict.iter().flat_map(|predict| &predict.choices).map(String::as_str).collect();
                if !known.contains(&choice) {
                    self.report(part.span.clone(), nobody, did_you_mean(choice, &known));
                }
                text.choices.insert(choice.to_owned(), body)
            }
            PartKind::Check(check) => {
                let known: Vec<&str> = step
                    .task
                    .iter()
                    .flat_map(|task| &task.checks)
                    .chain(&step.expect)
                    .map(|check| check.id.as_str())
                    .collect();
                if !known.contains(&check) {
                    self.report(part.span.clone(), nobody, did_you_mean(check, &known));
                }
                if part.body.contains('\n') {
                    self.report(
                        part.body_span.clone(),
                        both!("a check's text over several lines", "le texte d'une vérification tient sur une ligne"),
                        Both::default(),
                    );
                }
                text.checks.insert(check.to_owned(), body)
            }
            PartKind::Hint(hint @ ("1" | "2" | "3")) => {
                if step.task.is_none() {
                    self.report(
                        part.span.clone(),
                        nobody,
                        both!("hints go with a task", "les indices vont avec un exercice"),
                    );
                }
                levels.insert(hint.as_bytes()[0], body)
            }
            PartKind::Hint(reaction) => {
                let known: Vec<&str> =
                    step.task.iter().flat_map(|task| &task.reactions).map(|reaction| reaction.say.as_str()).collect();
                if !known.contains(&reaction) {
                    self.report(part.span.clone(), nobody, did_you_mean(reaction, &known));
                }
                text.reactions.insert(reaction.to_owned(), body)
            }
        };
        if double.is_some() {
            self.report(
                part.span.clone(),
                both!("`{heading}` stands twice in this step", "« {heading} » figure deux fois dans cette étape"),
                Both::default(),
            );
        }
    }

    /// Whether all that the step shows has its text.
    fn complete(&mut self, span: Range<usize>, step: &Step, text: &StepText, levels: &BTreeMap<u8, String>) {
        let mut wanted: Vec<String> = Vec::new();
        if (step.recall.is_some() || step.task.is_some()) && text.why.is_none() {
            wanted.push("why".to_owned());
        }
        for choice in step.predict.iter().flat_map(|predict| &predict.choices) {
            if !text.choices.contains_key(choice) {
                wanted.push(format!("choice {choice}"));
            }
        }
        if let Some(task) = &step.task {
            let missing = task.checks.iter().filter(|check| !text.checks.contains_key(&check.id));
            wanted.extend(missing.map(|check| format!("check {}", check.id)));
            let levels = (b'1'..=b'3').filter(|level| !levels.contains_key(level));
            wanted.extend(levels.map(|level| format!("hint {}", char::from(level))));
            let says: BTreeSet<&str> = task.reactions.iter().map(|reaction| reaction.say.as_str()).collect();
            let missing = says.into_iter().filter(|say| !text.reactions.contains_key(*say));
            wanted.extend(missing.map(|say| format!("hint {say}")));
        }
        for heading in wanted {
            let heading = quoted(&heading);
            self.report(
                span.clone(),
                both!("`### {heading}` is missing below this step", "« ### {heading} » manque sous cette étape"),
                Both::default(),
            );
        }
    }

    /// Checks what prose asks to be filled in; gives it as written.
    fn prose(&mut self, prose: String, span: Range<usize>) -> String {
        for piece in pieces(&prose) {
            match piece {
                Piece::Text(_) => {}
                Piece::Seed(name) => {
                    if self.values.get(name).is_none() {
                        let known: Vec<&str> = self.values.iter().map(|(name, _)| name).collect();
                        let place = self.place(name, &span);
                        let shown = quoted(name);
                        self.report(
                            place,
                            both!("no seed `{shown}`", "aucune graine « {shown} »"),
                            did_you_mean(name, &known),
                        );
                    }
                }
                Piece::Live(path) => {
                    if let Some((title, help)) = complaint(&self.values.substitute(path), self.actors) {
                        let place = self.place(path, &span);
                        self.report(place, title, help);
                    }
                }
            }
        }
        prose
    }

    /// Where a word of a span stands in the file.
    fn place(&self, word: &str, span: &Range<usize>) -> Range<usize> {
        self.source.text[span.clone()]
            .find(word)
            .map_or(span.clone(), |at| span.start + at..span.start + at + word.len())
    }
}
