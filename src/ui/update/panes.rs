//! What changes the panes: snapshots, time, and the keys of a pane. The same for
//! every pane; what a row says is `ui::twin`'s.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ratatui::layout::Size;

use super::MARK;
use crate::i18n::Lang;
use crate::observe::twin::RowKey;
use crate::observe::{Change, Changes, Snapshot, diff};
use crate::ui::keymap::Intent;
use crate::ui::layout::{Column, Pane, inner, wide};
use crate::ui::model::{Gone, LessonScreen, Model, Twins};
use crate::ui::twin::{Look, Rank, Table};

/// So many rows that are gone are shown at once: those that went last.
const MOST_GONE: usize = 6;

/// Keeps a snapshot, and marks what is another than in the one before; whether
/// anything is.
pub(super) fn observed(model: &mut Model, snapshot: &Arc<Snapshot>, now: Instant) -> bool {
    let Some(lesson) = model.lesson_mut() else { return false };
    let twins = &mut lesson.twins;
    let before = twins.snapshot.replace(Arc::clone(snapshot));
    // A curve goes on though nothing changes.
    let moving = twins.history.take(snapshot) && lesson.pane == Pane::Cgroup;
    // Clocks go on though nothing changes.
    let same =
        lesson.pane != Pane::Time && !moving && before.as_ref().is_some_and(|before| before.shows_the_same(snapshot));
    if same {
        return false;
    }
    twins.stale = true;
    if let Some(before) = before {
        let changes = diff(&before, snapshot);
        if !changes.is_empty() {
            merge(&mut twins.changes, changes.clone());
            twins.recent.push_back((now + MARK, changes));
        }
    }
    model.dirty = true;
    true
}

fn merge(into: &mut Changes, changes: Changes) {
    into.host.extend(changes.host);
    for (actor, changed) in changes.actors {
        into.actors.entry(actor).or_default().extend(changed);
    }
}

/// Time has passed: marks that are over are taken away, and rows that are gone.
pub fn tick(model: &mut Model, now: Instant) {
    let (size, lang) = (model.size, model.lang);
    let Some(lesson) = model.lesson_mut() else { return };
    let twins = &mut lesson.twins;
    if twins.deadline().is_none_or(|until| until > now) {
        return;
    }
    twins.recent.retain(|(until, _)| *until > now);
    twins.gone.retain(|gone| gone.until > now);
    twins.changes = Changes::default();
    for (_, changes) in &twins.recent {
        merge(&mut twins.changes, changes.clone());
    }
    twins.stale = true;
    refresh(lesson, size, lang, now);
    model.dirty = true;
}

/// Makes again what has become stale: the table, and the order of its rows.
pub(super) fn refresh(lesson: &mut LessonScreen, size: Size, lang: Lang, now: Instant) {
    if wide(size) && matches!(lesson.pane, Pane::Walls | Pane::Calls) {
        // They have places of their own on this screen.
        lesson.pane = lesson.last_shown(|pane| Pane::TWINS.contains(&pane)).unwrap_or(Pane::Processes);
    }
    let pane = lesson.pane;
    let twins = &mut lesson.twins;
    let shown = twins.made_for.as_ref().map(|made_for| made_for.0);
    if let Some(before) = shown.filter(|&before| before != pane) {
        let browse = twins.others.remove(&pane).unwrap_or_default();
        twins.others.insert(before, std::mem::replace(&mut twins.browse, browse));
    }
    let whole = twins.browse.whole();
    make(lesson, lang, now, whole);
}

/// Makes the table where it is not the one wanted, and puts its rows in order.
fn make(lesson: &mut LessonScreen, lang: Lang, now: Instant, whole: bool) {
    let (pane, boxed) = (lesson.pane, lesson.boxed().to_owned());
    let twins = &mut lesson.twins;
    let same = twins.made_for.as_ref().is_some_and(|made| (made.0, &made.1, made.2) == (pane, &boxed, lang));
    let enough = twins.made_for.as_ref().is_some_and(|made| made.3 || !whole);
    if twins.stale || !same || !enough {
        let Some(snapshot) = twins.snapshot.clone() else { return };
        let look = Look {
            boxed: &boxed,
            changes: &twins.changes,
            hues: &mut twins.hues,
            history: &twins.history,
            spoken: lesson.session.group_files(),
            whole,
            chosen: twins.browse.selected(&twins.table).map(|row| row.key),
            lang,
        };
        let before = std::mem::replace(&mut twins.table, Table::of(pane, &snapshot, look));
        if same {
            keep_gone(twins, before, &boxed, now);
        } else {
            twins.gone.clear();
        }
        twins.made_for = Some((pane, boxed, lang, whole));
        twins.stale = false;
        twins.unlisted = true;
    }
    if std::mem::take(&mut twins.unlisted) {
        twins.browse.list(&twins.table);
    }
}

/// Keeps in sight for a moment what is gone of the box's own.
fn keep_gone(twins: &mut Twins, before: Table, boxed: &str, now: Instant) {
    let Twins { table, gone, changes, .. } = twins;
    let vanished = |key: RowKey| changes.of(key.side, boxed, key.key) == Some(Change::Vanished);
    let there: BTreeSet<RowKey> = table.rows.iter().map(|row| row.key).collect();
    gone.retain(|gone| gone.until > now && !there.contains(&gone.row.key));
    for (at, mut row) in before.rows.into_iter().enumerate() {
        let is_new = !row.gone && row.rank <= Rank::Hidden && !there.contains(&row.key) && vanished(row.key);
        if is_new {
            row.gone = true;
            row.marked = [&row.host, &row.inside].map(|face| face.as_ref().map(|_| Change::Vanished));
            gone.push(Gone { until: now + MARK, at, row });
        }
    }
    gone.drain(..gone.len().saturating_sub(MOST_GONE));
    for Gone { at, row, .. } in &*gone {
        // Not beyond its own kind.
        let most = table.rows.iter().filter(|other| other.rank <= row.rank).count();
        table.rows.insert((*at).min(most), row.clone());
    }
}

/// Brings the next pane to the front, or one further away.
pub(super) fn turn(lesson: &mut LessonScreen, size: Size, by: isize) {
    let tabs = lesson.own_tabs(size);
    let at = tabs.iter().position(|&tab| tab == lesson.pane).unwrap_or(0);
    let count = tabs.len().cast_signed();
    bring(lesson, tabs[(at.cast_signed() + by).rem_euclid(count).cast_unsigned()]);
}

/// Brings a pane to the front.
pub(super) fn bring(lesson: &mut LessonScreen, pane: Pane) {
    lesson.pane = pane;
    lesson.filtering = false;
    if matches!(lesson.zoom, Some(Column::Pane(_))) {
        lesson.zoom = Some(Column::Pane(pane));
    }
}

/// How many lines the pane in front has for rows.
pub(super) fn lines(lesson: &LessonScreen, size: Size) -> usize {
    let high = usize::from(inner(lesson.regions(size).twin).height);
    if !lesson.twins.table.grid.is_empty() {
        return high.max(1);
    }
    if !lesson.twins.table.strips.is_empty() {
        return high.max(1);
    }
    lesson.twins.table.room(high.saturating_sub(1).max(1)).0
}

/// Makes all rows ready, to go into a crowd.
fn unfold(lesson: &mut LessonScreen, lang: Lang, now: Instant) {
    if lesson.twins.table.rest.count() > 0 {
        make(lesson, lang, now, true);
    }
}

/// Scrolls the rows by so many.
pub(super) fn scroll(lesson: &mut LessonScreen, size: Size, lang: Lang, now: Instant, by: isize) {
    unfold(lesson, lang, now);
    let high = lines(lesson, size);
    let twins = &mut lesson.twins;
    twins.browse.scroll_by(by, &twins.table, high);
}

/// Selects a row, by its index among those listed.
pub(super) fn select(lesson: &mut LessonScreen, size: Size, lang: Lang, now: Instant, at: usize) {
    unfold(lesson, lang, now);
    let high = lines(lesson, size);
    let twins = &mut lesson.twins;
    twins.browse.select(at, &twins.table, high);
    twins.stale |= lesson.pane == Pane::Seccomp;
}

/// What a key does to the pane in front.
pub(super) fn act(lesson: &mut LessonScreen, size: Size, lang: Lang, now: Instant, meaning: Intent) {
    let page = isize::try_from(lines(lesson, size).saturating_sub(1).max(1)).unwrap_or(1);
    let by = match meaning {
        Intent::Up => -1,
        Intent::Down => 1,
        Intent::PageUp => -page,
        Intent::PageDown => page,
        Intent::Top => isize::MIN,
        Intent::Bottom => isize::MAX,
        _ => 0,
    };
    if by != 0 && !lesson.twins.table.grid.is_empty() {
        return scroll(lesson, size, lang, now, by);
    }
    if by != 0 {
        unfold(lesson, lang, now);
        let high = lines(lesson, size);
        let twins = &mut lesson.twins;
        twins.browse.move_by(by, &twins.table, high);
        twins.stale |= lesson.pane == Pane::Seccomp;
        return;
    }
    let twins = &mut lesson.twins;
    twins.unlisted = true;
    match meaning {
        Intent::Left => turn(lesson, size, -1),
        Intent::Right => turn(lesson, size, 1),
        Intent::Digit(n) => {
            if let Some(&pane) = lesson.own_tabs(size).get(usize::from(n) - 1) {
                bring(lesson, pane);
            }
        }
        // They have an order of their own: what matters most comes first.
        Intent::Sort | Intent::Reverse | Intent::OtherSide if !twins.table.strips.is_empty() => {}
        Intent::Sort => twins.browse.sort_next(twins.table.head.len()),
        Intent::Reverse => twins.browse.reverse(),
        Intent::OtherSide => twins.browse.other_side(),
        Intent::Filter => lesson.filtering = true,
        // What was done last is undone first.
        Intent::Close if !twins.browse.filter.is_empty() => twins.browse.filter.clear(),
        Intent::Close if twins.browse.whole() => {
            (twins.browse.cursor, twins.browse.scroll) = (None, 0);
            twins.stale |= lesson.pane == Pane::Seccomp;
        }
        Intent::Close => lesson.zoom = None,
        _ => {}
    }
}

/// What a key does to the filter that is being typed.
pub(super) fn filter(lesson: &mut LessonScreen, meaning: Intent) {
    let browse = &mut lesson.twins.browse;
    match meaning {
        Intent::Erase => browse.erase(),
        Intent::Close => {
            browse.filter.clear();
            lesson.filtering = false;
        }
        Intent::Accept => lesson.filtering = false,
        _ => {}
    }
    lesson.twins.unlisted = true;
}
