//! A step as lines: title, prose, what was predicted, calls, walls, the pane, the
//! question or the task. Called by the loop when a step is entered or asked for.

use super::panes;
use super::paper::{Paper, Tone};
use crate::check::State;
use crate::i18n::Lang;
use crate::lesson::model::Pane;
use crate::observe::Snapshot;
use crate::say;
use crate::session::{Session, TaskView};

/// The actor that is the box at this step.
pub fn boxed(session: &Session) -> String {
    let lesson = session.lesson();
    let named = lesson.steps[..=session.step()].iter().rev().find_map(|step| step.boxed.clone());
    named.or_else(|| lesson.first_box().map(str::to_owned)).unwrap_or_default()
}

/// All of the step.
pub fn step(paper: &mut Paper<'_>, session: &Session, snapshot: Option<&Snapshot>) {
    let lang = paper.lang;
    let (number, total) = (session.step() + 1, session.lesson().steps.len());
    let (title, points, out_of) = (session.title(lang), session.points(), session.out_of());
    paper.gap();
    let head = say!(
        lang,
        "Step {number}/{total} · {title} · {points}/{out_of} points",
        "Étape {number}/{total} · {title} · {points}/{out_of} points"
    );
    paper.tone("", &head, Tone::Strong);
    notice(paper, session);
    paper.gap();
    paper.markdown("", &session.prose(lang));
    recall(paper, session);
    let traced = snapshot.is_some_and(|snapshot| snapshot.traced.values().any(|traced| traced.total > 0));
    if traced || session.outcome().is_some_and(|outcome| outcome.ops.iter().any(|op| !op.calls.is_empty())) {
        paper.gap();
        paper.tone("", lang.pick("Calls of this step", "Appels de cette étape"), Tone::Strong);
        panes::calls(paper, session.outcome(), snapshot);
    }
    if let Some(snapshot) = snapshot {
        let boxed = boxed(session);
        paper.gap();
        panes::gauge(paper, snapshot, &boxed);
        if let Some(pane) = session.step_def().show.filter(|pane| *pane != Pane::Calls) {
            paper.gap();
            panes::pane(paper, pane, snapshot, &boxed, false);
        }
    }
    why(paper, session);
    prediction(paper, session);
    if let Some(task) = session.task(lang) {
        paper.gap();
        let points = task.points;
        paper.tone("", &say!(lang, "Your turn ({points} points)", "À vous ({points} points)"), Tone::Strong);
        checks(paper, &task);
        for (at, hint) in (1..).zip(session.hints(lang)) {
            paper.markdown(&say!(lang, "Hint {at}: ", "Indice {at} : "), &hint);
        }
    }
    paper.gap();
}

/// What the person has to be told without having asked.
pub fn notice(paper: &mut Paper<'_>, session: &Session) {
    if let Some(notice) = session.notice(paper.lang) {
        paper.tone("! ", &notice, Tone::Warn);
    }
}

fn recall(paper: &mut Paper<'_>, session: &Session) {
    let lang = paper.lang;
    let Some(recall) = session.recall(lang) else { return };
    paper.gap();
    paper.markdown(lang.pick("You said: ", "Vous avez dit : "), &recall.said);
    paper.markdown(lang.pick("The kernel says: ", "Le noyau dit : "), &recall.happened);
    if recall.right {
        paper.tone("= ", lang.pick("as you predicted", "comme vous l'aviez prédit"), Tone::Good);
    } else {
        let text = lang.pick("not what you predicted", "ce n'est pas ce que vous aviez prédit");
        paper.tone("≠ ", text, Tone::Warn);
    }
}

/// The explanation, where it gives nothing away; whether there was one.
pub fn why(paper: &mut Paper<'_>, session: &Session) -> bool {
    let lang = paper.lang;
    let Some(why) = session.why(lang) else { return false };
    paper.gap();
    paper.tone("", lang.pick("Why", "Pourquoi"), Tone::Strong);
    paper.markdown("", &why);
    true
}

/// The question with its numbered choices.
pub fn prediction(paper: &mut Paper<'_>, session: &Session) {
    let lang = paper.lang;
    let Some(prediction) = session.prediction() else { return };
    paper.gap();
    let points = prediction.points;
    let title = say!(
        lang,
        "Your prediction ({points} points, whatever you choose)",
        "Votre prédiction ({points} points, quel que soit votre choix)"
    );
    let title = if points == 1 { title.replace("1 points", "1 point") } else { title };
    paper.tone("", &title, Tone::Strong);
    for (number, choice) in (1..).zip(&prediction.choices) {
        let chosen = prediction.chosen.as_ref() == Some(&choice.id);
        paper.markdown(&format!("{number}{} ", if chosen { " ●" } else { "." }), choice.text(lang));
    }
    let count = prediction.choices.len();
    let text = match (&prediction.chosen, prediction.open) {
        (None, _) => say!(lang, "Type a number from 1 to {count}.", "Tapez un nombre de 1 à {count}."),
        (Some(_), true) => chosen(lang),
        (Some(_), false) => {
            say!(
                lang,
                "This prediction is settled. Enter goes on.",
                "Cette prédiction est fixée. Entrée pour continuer."
            )
        }
    };
    paper.say(&text);
}

/// A choice was made.
pub fn chosen(lang: Lang) -> String {
    say!(
        lang,
        "Noted. Another number changes it, Enter goes on.",
        "C'est noté. Un autre nombre le change, Entrée pour continuer."
    )
}

/// How the checks of a task stand, one by one.
pub fn checks(paper: &mut Paper<'_>, task: &TaskView) {
    let lang = paper.lang;
    for check in &task.checks {
        let sign = match check.state {
            State::Pass => "✓ ",
            State::Fail => "✗ ",
            State::Skip => "… ",
            State::Error => "? ",
        };
        paper.markdown(sign, &check.label);
        if matches!(check.state, State::Fail | State::Error) {
            let (expected, found) = (&check.expected, &check.found);
            if !expected.is_empty() {
                paper.tone("  ", &say!(lang, "expected: {expected}", "attendu : {expected}"), Tone::Text);
            }
            if !found.is_empty() {
                paper.tone("  ", &say!(lang, "found: {found}", "constaté : {found}"), Tone::Text);
            }
        }
    }
}
