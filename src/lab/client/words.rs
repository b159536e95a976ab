//! What a lab could not do, in both languages.

use super::LabError;
use crate::i18n::{Explain, Lang};
use crate::lab::protocol::Failure;
use crate::say;

impl Explain for LabError {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Start { doing, errno } => {
                let errno = errno.explain(lang);
                say!(
                    lang,
                    "The lab could not be started: {doing}: {errno}",
                    "Le laboratoire n'a pas pu démarrer : {doing} : {errno}"
                )
            }
            Self::KeeperDied => say!(
                lang,
                "The process that keeps the lab died. All that it had made has been removed.",
                "Le processus qui tient le laboratoire est mort. Tout ce qu'il avait créé a été retiré."
            ),
            Self::Failed(failure) => failure.explain(lang),
        }
    }
}

impl Explain for Failure {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoActor(name) => say!(
                lang,
                "There is no actor “{name}” in the lab.",
                "Il n'y a pas d'acteur « {name} » dans le laboratoire."
            ),
            Self::Exists(name) => {
                say!(lang, "There is an actor “{name}” already.", "Il y a déjà un acteur « {name} ».")
            }
            Self::ActorGone(name) => say!(lang, "“{name}” has ended.", "« {name} » est terminé."),
            Self::Silent(name) => say!(
                lang,
                "“{name}” does not answer (stopped, frozen or busy).",
                "« {name} » ne répond pas (arrêté, gelé ou occupé)."
            ),
            Self::Frozen(name) => say!(
                lang,
                "“{name}” is frozen: its control group has to be thawed first.",
                "« {name} » est gelé : il faut d'abord dégeler son groupe de contrôle."
            ),
            Self::Unborn(name) => say!(
                lang,
                "No shell in “{name}” now: its next child would become PID 1 of its new PID namespace, and a step of the lesson makes that one.",
                "Pas de shell dans « {name} » pour l'instant : son prochain fils deviendrait le PID 1 de son nouvel espace de noms PID, et c'est une étape de la leçon qui le crée."
            ),
            Self::Call(errno, doing) => {
                let errno = errno.explain(lang);
                say!(lang, "{doing}: {errno}", "{doing} : {errno}")
            }
        }
    }
}
