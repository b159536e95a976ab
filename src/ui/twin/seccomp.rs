//! The table of seccomp: modes and numbers of filters on both sides, what was refused
//! last, and the programs, instruction by instruction. The way that one call takes has a
//! `▸`: that of the row that is selected, else of the call that was refused last, else of
//! the first that the program speaks of.

use super::{Link, Making, Rank, Table};
use crate::i18n::Lang;
use crate::observe::filters::{answer, assembler, comment, compared, name_of, way};
use crate::observe::model::Wall;
use crate::observe::twin::{Key, RowKey, Side};
use crate::observe::{ActorView, Filters, Instruction, Snapshot, View};
use crate::ui::safe::safe;

/// At most so many refused calls.
const LAST: usize = 4;

pub(super) fn table(
    making: &mut Making<'_>,
    snapshot: &Snapshot,
    actor: &ActorView,
    chosen: Option<RowKey>,
    lang: Lang,
) -> Table {
    let inside = actor.seen.read();
    state(making, &snapshot.host, inside, lang);
    let empty = Filters::default();
    let filters = snapshot.filters.get(making.boxed()).unwrap_or(&empty);
    let refused = refused(snapshot, making.boxed(), filters);
    for (at, (name, answer)) in refused.iter().enumerate() {
        let cells = ["✗", "", name, answer].map(safe).to_vec();
        only_inside(making, Key::Refused(at), cells);
    }
    for (index, program) in filters.programs.iter().enumerate() {
        let call = lit(program, index, chosen, &refused);
        let Some((path, action)) = way(program, call) else { continue };
        let heading = match call {
            Some(number) => name_of(number),
            None => lang.pick("any other call", "tout autre appel").to_owned(),
        };
        let number = (index + 1).to_string();
        let cells = vec!["▸".to_owned(), format!("F{number}"), safe(&heading), action.to_string()];
        only_inside(making, Key::Instruction(index, usize::MAX), cells);
        for at in 0..program.len() {
            let mark = if path.contains(&at) { "▸" } else { "" };
            let cells = vec![mark.to_owned(), at.to_string(), assembler(program, at), comment(program, at)];
            only_inside(making, Key::Instruction(index, at), cells);
        }
    }
    let head = match lang {
        Lang::En => vec!["", "#", "SECCOMP", "MEANS"],
        Lang::Fr => vec!["", "N°", "SECCOMP", "SIGNIFIE"],
    };
    let unread = super::unread(&snapshot.host, actor, |view| &view.seccomp, lang);
    Table { head, unread, ..Table::default() }
}

fn mode(view: &View, lang: Lang) -> Option<String> {
    Some(match view.seccomp.read()? {
        0 => lang.pick("0 none", "0 aucun").to_owned(),
        1 => "1 strict".to_owned(),
        2 => lang.pick("2 filter", "2 filtre").to_owned(),
        other => other.to_string(),
    })
}

fn count(view: &View, _: Lang) -> Option<String> {
    view.filters.read().map(u32::to_string)
}

fn bit(view: &View, _: Lang) -> Option<String> {
    view.no_new_privs.read().map(|bit| u8::from(*bit).to_string())
}

/// Mode, number of filters, no_new_privs: what /proc/PID/status says.
fn state(making: &mut Making<'_>, host: &View, inside: Option<&View>, lang: Lang) {
    let both = |value: fn(&View, Lang) -> Option<String>| [Some(host), inside].map(|view| value(view?, lang));
    let rows = [
        ("Seccomp", Key::Seccomp, both(mode)),
        ("Seccomp_filters", Key::Wall(Wall::Seccomp), both(count)),
        ("NoNewPrivs", Key::NoNewPrivs, both(bit)),
    ];
    for (name, key, values) in rows {
        row(making, key, values.map(|value| Some(["", "", name, &value?].map(str::to_owned).to_vec())));
    }
}

/// A row of the box's. The other half is blank: nothing is hidden from the host there.
fn only_inside(making: &mut Making<'_>, key: Key, cells: Vec<String>) {
    let blank = vec![String::new(); cells.len()];
    let row_key = RowKey { side: Side::Inside, key };
    making.place(row_key, Rank::Own, [Some(blank), Some(cells)], Link::Apart, [None, Some(key)]);
}

fn row(making: &mut Making<'_>, key: Key, faces: [Option<Vec<String>>; 2]) {
    let side = if faces[0].is_some() { Side::Host } else { Side::Inside };
    let keys = [faces[0].as_ref().map(|_| key), faces[1].as_ref().map(|_| key)];
    making.place(RowKey { side, key }, Rank::Own, faces, Link::Apart, keys);
}

/// The last calls that the filters did not let through: those that were asked about, and
/// of the traced ones those whose answer is a filter's.
fn refused(snapshot: &Snapshot, boxed: &str, filters: &Filters) -> Vec<(String, String)> {
    let asked = filters.asked.iter().filter(|asked| asked.errno.is_some());
    let mut all: Vec<(String, String)> = asked.map(|asked| (asked.name.clone(), answer(asked.errno))).collect();
    let verdict = |name: &str| {
        let mut ways = filters.programs.iter().filter_map(|program| {
            let number = compared(program).into_iter().find(|number| name_of(*number) == name)?;
            way(program, Some(number)).map(|(_, action)| action)
        });
        ways.rfind(|action| !action.lets_through())
    };
    let traced = snapshot.traced.get(boxed).into_iter().flat_map(|traced| &traced.calls);
    all.extend(traced.filter_map(|call| Some((call.name.clone(), verdict(&call.name)?.to_string()))));
    all.split_off(all.len().saturating_sub(LAST))
}

/// The call whose way through a program is lit.
fn lit(program: &[Instruction], index: usize, chosen: Option<RowKey>, refused: &[(String, String)]) -> Option<u32> {
    let calls = compared(program);
    if let Some(RowKey { key: Key::Instruction(of, at), .. }) = chosen
        && of == index
    {
        if at == program.len().saturating_sub(1) {
            return None;
        }
        let name = comment(program, at);
        if let Some(number) = calls.iter().copied().find(|number| name_of(*number) == name) {
            return Some(number);
        }
    }
    let last = refused.iter().rev().find_map(|(name, _)| calls.iter().copied().find(|call| name_of(*call) == *name));
    last.or_else(|| calls.first().copied())
}
