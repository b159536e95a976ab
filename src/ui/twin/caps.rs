//! The table of capabilities: a column of its own for each of the five sets.

use super::{Making, Rank, Table, unread};
use crate::i18n::Lang;
use crate::observe::twin::{self, CapFace};
use crate::observe::{ActorView, View};

/// The sets, by the first letters of their names in /proc/PID/status (`CapInh`).
const SETS: &str = " I  P  E  B  A";

pub(super) fn table(making: &mut Making<'_>, host: &View, actor: &ActorView, lang: Lang) -> Table {
    let (twin, one) = twin::caps(host, actor);
    for row in &twin.rows {
        let keys = [&row.host, &row.inside].map(|face| face.as_ref().map(|_| row.key.key));
        let link = row.one(one);
        making.add(row, keys, link, |face| cells(face, lang));
        // Few at most, and the box's own, all of them: they never fold by who sees them.
        if let Some(made) = making.rows.last_mut() {
            made.rank = if row.relevant { Rank::Own } else { Rank::Hidden };
        }
    }
    let head = vec![lang.pick("CAPABILITY", "CAPACITÉ"), SETS];
    Table { head, unread: unread(host, actor, |view| &view.caps, lang), ..Table::default() }
}

fn cells(face: &CapFace, lang: Lang) -> Vec<String> {
    let (name, says) = match face {
        CapFace::Over(inode) => (lang.pick("over user ns", "sur l'esp. user").to_owned(), inode.to_string()),
        CapFace::Counts(counts) => {
            (lang.pick("how many", "combien").to_owned(), counts.map(|count| format!("{count:>2}")).join(" "))
        }
        CapFace::Held(one, sets) => {
            let signs = sets.map(|held| if held { " ■" } else { " ·" });
            (one.bare().to_lowercase(), signs.join(" "))
        }
        CapFace::NoNewPrivs(bit) => ("no_new_privs".to_owned(), u8::from(*bit).to_string()),
        CapFace::Securebits(names) => {
            let names = if names.is_empty() { lang.pick("none", "aucun").to_owned() } else { names.join(" ") };
            ("securebits".to_owned(), names)
        }
    };
    vec![name, says]
}
