//! Why a wall can't be followed, and what helps.

use std::net::SocketAddr;

use crate::demo::follow::wire::{PORT, Refusal, Texts};
use crate::i18n::{Explain, Lang};
use crate::kernel::Errno;
use crate::lesson::diagnostic::printable;
use crate::say;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// That is no address.
    NoAddress(String),
    /// Nobody knows a machine of that name; what the resolver says.
    Unknown(String, String),
    /// Nobody shares a demonstration on this machine, or not that process.
    NoneHere(Option<u32>),
    /// Several do: their PIDs.
    Several(Vec<u32>),
    /// The connection could not be made, or broke.
    Failed(String, Errno),
    /// It was made, and nothing was said.
    Silent(String),
    /// It ended before anything was said.
    Closed(String),
    /// Something else is there, or what it says makes no sense.
    Stranger(String),
    /// A wall of that version.
    Version(String),
    /// Not let in.
    Refused(Refusal),
}

/// Where it is, as a person wrote it or as it is known.
pub fn place(at: &SocketAddr) -> String {
    at.to_string()
}

impl Trouble {
    /// In both languages.
    pub fn texts(&self) -> Texts {
        Lang::ALL.map(|lang| self.explain(lang))
    }
}

impl Explain for Trouble {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::NoAddress(text) => {
                let text = printable(text);
                say!(
                    lang,
                    "{text}: not an address. It stands at the foot of the wall: HOST, HOST:PORT (without it {PORT}), or the PID of a demonstration on this machine.",
                    "{text} : ce n'est pas une adresse. Elle est au bas de l'écran de la salle : HÔTE, HÔTE:PORT (sans port : {PORT}), ou le PID d'une démonstration sur cette machine."
                )
            }
            Self::Unknown(host, why) => {
                let (host, why) = (printable(host), printable(why));
                say!(
                    lang,
                    "No machine named {host} is known here ({why}). Type the address as it stands at the foot of the wall.",
                    "Aucune machine du nom de {host} n'est connue ici ({why}). Tapez l'adresse telle qu'elle est au bas de l'écran de la salle."
                )
            }
            Self::NoneHere(None) => say!(
                lang,
                "No demonstration is shared on this machine. The address of another one stands at the foot of its wall: cloison follow HOST:PORT",
                "Aucune démonstration n'est partagée sur cette machine. L'adresse d'une autre est au bas de l'écran de la salle : cloison follow HÔTE:PORT"
            ),
            Self::NoneHere(Some(pid)) => say!(
                lang,
                "The process {pid} of this machine shares no demonstration. An address stands at the foot of the wall: cloison follow HOST:PORT",
                "Le processus {pid} de cette machine ne partage pas de démonstration. L'adresse est au bas de l'écran de la salle : cloison follow HÔTE:PORT"
            ),
            Self::Several(pids) => {
                let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
                say!(
                    lang,
                    "Several demonstrations are shared on this machine. Name one by its PID ({pids}) or by the address at the foot of its wall.",
                    "Plusieurs démonstrations sont partagées sur cette machine. Nommez-en une par son PID ({pids}) ou par l'adresse au bas de son écran."
                )
            }
            Self::Failed(place, errno) => {
                let why = errno.explain(lang);
                let remedy = remedy(*errno, lang);
                say!(lang, "{place} can't be reached: {why}. {remedy}", "{place} est injoignable : {why}. {remedy}")
            }
            Self::Silent(place) => say!(
                lang,
                "{place} does not answer. Is it the address at the foot of the wall? A firewall may be in between.",
                "{place} ne répond pas. Est-ce bien l'adresse au bas de l'écran de la salle ? Un pare-feu est peut-être entre les deux."
            ),
            Self::Closed(place) => say!(lang, "{place} has ended the connection.", "{place} a mis fin à la connexion."),
            Self::Stranger(place) => say!(
                lang,
                "What answers at {place} is no wall of cloison's, or makes no sense. Look at the address again.",
                "Ce qui répond à {place} n'est pas un écran de cloison, ou n'a pas de sens. Vérifiez l'adresse."
            ),
            Self::Version(version) => {
                let (version, own) = (printable(version), env!("CARGO_PKG_VERSION"));
                say!(
                    lang,
                    "The wall is of cloison {version}, which speaks otherwise than this one ({own}). To follow it, use cloison {version}.",
                    "L'écran de la salle est de cloison {version}, qui parle autrement que celui-ci ({own}). Pour le suivre, utilisez cloison {version}."
                )
            }
            Self::Refused(Refusal::Code) => say!(
                lang,
                "That is not the code. It stands at the foot of the wall.",
                "Ce n'est pas le code. Il est au bas de l'écran de la salle."
            ),
            Self::Refused(Refusal::Later(seconds)) => say!(
                lang,
                "Too many wrong codes came from here. Try again in {seconds} s.",
                "Trop de codes faux sont venus d'ici. Réessayez dans {seconds} s."
            ),
            Self::Refused(Refusal::Full) => say!(
                lang,
                "The wall has as many followers as it takes. Ask the teacher, or share a screen.",
                "L'écran de la salle a autant de spectateurs qu'il en accepte. Adressez-vous à l'enseignant, ou partagez un écran."
            ),
        }
    }
}

fn remedy(errno: Errno, lang: Lang) -> String {
    match errno.0 {
        libc::ECONNREFUSED => say!(
            lang,
            "Is it the address at the foot of the wall, and does the demonstration run with --share?",
            "Est-ce bien l'adresse au bas de l'écran de la salle, et la démonstration tourne-t-elle avec --share ?"
        ),
        _ => say!(
            lang,
            "Is it the address at the foot of the wall, and is this machine on the same network?",
            "Est-ce bien l'adresse au bas de l'écran de la salle, et cette machine est-elle sur le même réseau ?"
        ),
    }
}
