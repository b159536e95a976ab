//! What a session tells the person that nobody asked: why a command was refused,
//! and where the kernel did something else than the lesson says.

use super::StepOutcome;
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
        }
    }
}

/// The first op of the step that did not do what the lesson says, in words.
pub(super) fn surprise(step: &Step, outcome: &StepOutcome, lang: Lang) -> Option<String> {
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
            (_, Some((errno, what))) => Some(refused(&actor, *errno, &plain(what), lang)),
        }
    })
}

fn refused(actor: &str, errno: Errno, what: &str, lang: Lang) -> String {
    let errno = errno.explain(lang);
    say!(
        lang,
        "An operation of {actor} failed unexpectedly: {what}: {errno}. What you see may differ from what is described.",
        "Une opération de {actor} a échoué contre toute attente : {what} : {errno}. \
         Ce que vous voyez peut différer de ce qui est décrit."
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
