//! What those who follow are told of the wall: read off the model after each drawing. Only
//! what the room sees or has seen: no notes, no hints, no solution, no answer to a question
//! that stands; and no more of it than a frame takes.

use crate::check::State;
use crate::demo::follow::wire::{Call, Check, Choice, MOST_STEPS, Page, Stand, Texts, Typed};
use crate::i18n::{Explain, Lang};
use crate::observe::{Errno, returned};
use crate::session::{ChoiceView, Session};
use crate::ui::Model;
use crate::ui::model::LessonScreen;
use crate::ui::projector::{Pace, Projector};

/// The most bytes of a text, and of a line.
const LONGEST_TEXT: usize = 12_000;
const LONGEST_LINE: usize = 240;
/// The last so many calls.
const MOST_CALLS: usize = 96;
/// As many as have a letter.
const MOST_CHOICES: usize = 26;

/// Where the wall stands, and its step, once the lab is there; nothing before the lesson is
/// open.
pub fn sheet(model: &Model) -> Option<(Stand, Option<Page>)> {
    let (lesson, wall) = (model.lesson()?, model.projector.as_ref()?);
    let session = &lesson.session;
    let steps = u32::try_from(session.lesson().steps.len()).ok()?;
    let at = u32::try_from(session.step()).ok().filter(|at| *at < MOST_STEPS && steps <= MOST_STEPS)?;
    let title = both(|lang| cut(&session.lesson().text(lang).title, LONGEST_LINE));
    let busy = session.busy();
    let page = match wall.pace {
        // Slow motion: the calls made so far, as on the wall.
        Pace::Waiting if busy => Some(moves(at, lesson)),
        _ => (!busy).then(|| page(at, lesson, wall)),
    };
    Some((Stand { title, steps, at, busy }, page))
}

fn moves(step: u32, lesson: &LessonScreen) -> Page {
    let (calls, left_out) = calls(lesson);
    Page {
        step,
        title: both(|lang| cut(&lesson.session.title(lang), LONGEST_LINE)),
        calls,
        left_out,
        ..Page::default()
    }
}

fn page(step: u32, lesson: &LessonScreen, wall: &Projector) -> Page {
    let session = &lesson.session;
    let task = both(|lang| session.task(lang));
    let [Some(english), Some(french)] = &task else { return without_task(step, lesson, wall) };
    let checks = english.checks.iter().zip(&french.checks).map(|(en, fr)| Check {
        label: [cut(&en.label, LONGEST_LINE), cut(&fr.label, LONGEST_LINE)],
        holds: en.state == State::Pass,
    });
    Page { checks: checks.collect(), done: english.passed, ..without_task(step, lesson, wall) }
}

fn without_task(step: u32, lesson: &LessonScreen, wall: &Projector) -> Page {
    let session = &lesson.session;
    let (calls, left_out) = calls(lesson);
    let [why_en, why_fr] = both(|lang| session.why(lang).map(|why| cut(&why, LONGEST_TEXT)));
    let typed = wall.typed.iter().map(|typed| Typed {
        shell: cut(&typed.shell, LONGEST_LINE),
        line: cut(&typed.line, LONGEST_LINE),
        failed: typed.failed,
    });
    Page {
        step,
        title: both(|lang| cut(&session.title(lang), LONGEST_LINE)),
        text: both(|lang| cut(&session.prose(lang), LONGEST_TEXT)),
        why: why_en.zip(why_fr).map(Into::into),
        choices: choices(session, wall),
        typed: typed.collect(),
        calls,
        left_out,
        ..Page::default()
    }
}

/// Those of the question that stands, or of the one that is answered here.
fn choices(session: &Session, wall: &Projector) -> Vec<Choice> {
    let of = |step: &str, choices: &[ChoiceView], came_true: Option<&str>| -> Vec<Choice> {
        let choice = |choice: &ChoiceView| Choice {
            texts: choice.texts.each_ref().map(|text| cut(text, LONGEST_LINE * 2)),
            hands: wall.hands(step, &choice.id),
            came_true: came_true == Some(choice.id.as_str()),
        };
        choices.iter().take(MOST_CHOICES).map(choice).collect()
    };
    if let Some(question) = session.prediction() {
        return of(&session.step_def().id, &question.choices, None);
    }
    let answered = session.answered();
    answered.map_or_else(Vec::new, |answered| of(&answered.step, &answered.choices, Some(&answered.came_true)))
}

/// The last calls of the step, and how many are left out.
fn calls(lesson: &LessonScreen) -> (Vec<Call>, u32) {
    let ops = lesson.session.outcome().into_iter().flat_map(|outcome| &outcome.ops);
    let made = ops.flat_map(|op| op.calls.iter().map(|call| (op.actor.clone(), call)));
    let mut calls: Vec<Call> = made
        .map(|(who, call)| Call {
            who,
            text: text(&call.name, &call.args),
            result: Some(result(&call.name, call.result)),
        })
        .collect();
    let mut left_out = 0;
    for (actor, traced) in lesson.twins.snapshot.iter().flat_map(|now| &now.traced) {
        left_out += traced.left_out;
        calls.extend(traced.calls.iter().map(|call| Call {
            who: cut(&format!("{actor} · {} · PID {}", call.program, call.pid), LONGEST_LINE),
            text: text(&call.name, &call.args),
            result: call.result.map(|value| result(&call.name, value)),
        }));
    }
    let more = calls.len().saturating_sub(MOST_CALLS);
    calls.drain(..more);
    (calls, u32::try_from(left_out + more as u64).unwrap_or(u32::MAX))
}

fn text(name: &str, args: &[String]) -> String {
    cut(&format!("{name}({})", args.join(", ")), LONGEST_LINE)
}

fn result(name: &str, result: Result<i64, Errno>) -> Result<String, Texts> {
    result.map(|value| returned(name, value)).map_err(|errno| both(|lang| errno.explain(lang)))
}

fn both<T>(text: impl FnMut(Lang) -> T) -> [T; 2] {
    Lang::ALL.map(text)
}

/// At most so many bytes, and the sign that there were more.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}
