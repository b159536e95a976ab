//! What a session tells the person that nobody asked: why a command was refused,
//! and where the kernel did something else than the lesson says.

use serde_json::Value;

use super::StepOutcome;
use super::denied;
use super::judge::Judged;
use super::prose::plain;
use crate::i18n::{Explain, Lang};
use crate::lesson::Step;
use crate::observe::Errno;
use crate::say;

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Operations are under way.
    Busy,
    /// The prediction of this step is not made.
    Unpredicted,
    /// The prediction's step was left before.
    Settled,
    /// An operation of this step failed, and the next ones rely on it.
    Failed,
}

impl Explain for Refusal {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Busy => say!(
                lang,
                "The lab is still at work on this step. One moment.",
                "Le labo travaille encore à cette étape. Un instant."
            ),
            Self::Unpredicted => say!(
                lang,
                "Choose an answer first. Your prediction counts even if it turns out wrong.",
                "Choisissez d'abord une réponse. Votre prédiction compte, même si elle se révèle fausse."
            ),
            Self::Settled => say!(
                lang,
                "A prediction stays as it was once its step is left.",
                "Une prédiction ne change plus une fois son étape quittée."
            ),
            Self::Failed => say!(
                lang,
                "The lesson can't go on from here. Go back a step to try again.",
                "La leçon ne peut pas continuer ainsi. Revenez d'une étape pour réessayer."
            ),
        }
    }
}

/// The lesson was changed in what makes the lab, while somebody may be typing in it.
pub(super) fn lab_is_old(lang: Lang) -> String {
    say!(
        lang,
        "The lesson has been saved with another lab. This one stays as it was, with what is typed in it; going to any step builds the new one.",
        "La leçon a été enregistrée avec un autre labo. Celui-ci reste tel qu'il était, avec ce qui y est tapé ; aller à une étape, quelle qu'elle soit, construit le nouveau."
    )
}

/// Whether an op of the step failed that was to succeed, or with another errno.
pub(super) fn failed(step: &Step, outcome: &StepOutcome) -> bool {
    step.ops.iter().zip(&outcome.ops).any(|(op, done)| {
        done.failure.as_ref().is_some_and(|(errno, _)| op.fails.as_ref().is_none_or(|meant| *meant != errno.symbol()))
    })
}

/// The first op of the step that did not do what the lesson says, in words. `now`
/// is the snapshot after it.
pub(super) fn surprise<'a>(
    step: &Step,
    outcome: &StepOutcome,
    now: impl Fn() -> Option<&'a Value>,
    lang: Lang,
) -> Option<String> {
    step.ops.iter().zip(&outcome.ops).find_map(|(op, done)| {
        let actor = plain(&done.actor);
        match (&op.fails, &done.failure) {
            (None, None) => None,
            (Some(meant), Some((errno, _))) if errno.symbol() == *meant => None,
            (Some(meant), None) => Some(say!(
                lang,
                "An operation of {actor} should have been refused here with {meant}, but the kernel carried it out.",
                "Ici, une opération de {actor} devait être refusée avec {meant}, mais le noyau l'a exécutée."
            )),
            (_, Some((errno, what))) => {
                let view = now().and_then(|now| now.get("actors")?.get(&done.actor));
                let why = denied::why(&op.op, *errno, view, lang);
                Some(
                    [Some(refused(&actor, *errno, &plain(what), lang)), why]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            }
        }
    })
}

fn refused(actor: &str, errno: Errno, what: &str, lang: Lang) -> String {
    let errno = errno.explain(lang);
    say!(
        lang,
        "An operation of {actor} failed unexpectedly: {what}: {errno}.",
        "Une opération de {actor} a échoué contre toute attente : {what} : {errno}."
    )
}

/// An `expect` of the lesson that does not hold, in words.
pub(super) fn unmet(judged: &Judged, lang: Lang) -> String {
    let [expected, found] = [&judged.expected, &judged.found].map(|[en, fr]| lang.pick(en, fr));
    say!(
        lang,
        "This kernel did something else than the lesson says. Expected: {expected}. Found: {found}.",
        "Ce noyau n'a pas fait ce qu'annonce la leçon. Attendu : {expected}. Constaté : {found}."
    )
}
