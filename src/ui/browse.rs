//! How a person looks at the rows of a twin pane: order, filter, place, the row
//! that is selected. One [`Browse`] per pane, the same for all of them; it knows
//! rows by their keys, so that a refresh moves nothing. Changed by `update::panes`.

use super::layers::GridKind;
use super::twin::{Rank, Rest, Row, Table};
use crate::observe::twin::{RowKey, Side};

/// The longest filter, in bytes.
const LONGEST: usize = 64;

/// How a pane is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browse {
    /// The column to sort by; nothing: the pane's own order.
    pub sort: Option<Sort>,
    /// What a row must say somewhere, on either side; empty: all are shown.
    pub filter: String,
    /// Indices of the table's rows, in the order to show them.
    pub order: Vec<usize>,
    /// The first row shown, as an index of `order`.
    pub scroll: usize,
    /// The row selected, as an index of `order`.
    pub cursor: Option<usize>,
    /// What `scroll` and `cursor` stood at.
    anchors: [Option<RowKey>; 2],
}

/// What rows are sorted by. The box's own rows stay before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Whose face.
    pub side: Side,
    /// Which column of it.
    pub column: usize,
    /// From the last to the first.
    pub reverse: bool,
}

/// A cell to sort by: numbers before words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(u64),
    Word(String),
}

/// What stands in the lines of a pane.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The rows, as indices of the table's.
    pub rows: &'a [usize],
    /// The index in the order of the first of them.
    pub first: usize,
    /// Those that one line below them stands for.
    pub folded: Rest,
}

impl Browse {
    /// Whether all rows of a crowd are looked at, not only their number.
    pub fn whole(&self) -> bool {
        !self.filter.is_empty() || self.scroll > 0 || self.cursor.is_some()
    }

    /// Puts the rows of a new table in order, and finds its places again.
    pub fn list(&mut self, table: &Table) {
        let needle = self.filter.to_lowercase();
        self.order.clear();
        if !table.grid.is_empty() {
            // Files by layer have an order of their own, and headings among them.
            let fits = |at: &usize| {
                let row = &table.grid[*at];
                let file = matches!(row.kind, GridKind::File(_));
                needle.is_empty() || !file || row.cells.join(" ").to_lowercase().contains(&needle)
            };
            self.order.extend((0..table.grid.len()).filter(fits));
            self.scroll = self.scroll.min(self.order.len().saturating_sub(1));
            (self.cursor, self.anchors) = (None, [None; 2]);
            return;
        }
        self.order.extend((0..table.rows.len()).filter(|&at| needle.is_empty() || says(&table.rows[at], &needle)));
        if let Some(sort) = self.sort {
            self.order = sorted(&self.order, table, sort);
        }
        let [top, selected] = self.anchors;
        let last = self.order.len().saturating_sub(1);
        let find = |key: Option<RowKey>, or: usize| {
            let found = key.and_then(|key| self.order.iter().position(|&at| table.rows[at].key == key));
            found.unwrap_or(or).min(last)
        };
        let scroll = if self.scroll > 0 { find(top, self.scroll) } else { 0 };
        let cursor = self.cursor.filter(|_| !self.order.is_empty()).map(|at| find(selected, at));
        (self.scroll, self.cursor) = (scroll, cursor);
        self.anchor(table);
    }

    fn anchor(&mut self, table: &Table) {
        let key = |at: usize| self.order.get(at).and_then(|&at| table.rows.get(at)).map(|row| row.key);
        self.anchors = [key(self.scroll), self.cursor.and_then(key)];
    }

    /// What to draw in so many lines. At the start, what is not the box's own is
    /// shown where all of it has room, or else all that the box sees; the rest folds.
    pub fn shown(&self, table: &Table, high: usize) -> Shown<'_> {
        let all = self.order.len();
        let first = self.scroll.min(all.saturating_sub(high));
        let limit = self.limit(table, high).min(all) - first;
        let rows = &self.order[first..];
        let fits = limit == rows.len() && limit <= high && table.rest.count() == 0;
        let (shown, behind) = rows.split_at(limit.min(if fits { high } else { high.saturating_sub(1) }));
        let mut folded = if self.filter.is_empty() { table.rest } else { Rest::default() };
        for &at in behind {
            folded.add(table.rows[at].host.is_some(), table.rows[at].inside.is_some());
        }
        Shown { rows: shown, first, folded }
    }

    /// The index in the order behind the last row that does not fold.
    fn limit(&self, table: &Table, high: usize) -> usize {
        let all = self.order.len();
        let up_to = |rank| table.rows.iter().filter(|row| row.rank <= rank).count();
        let own = up_to(Rank::Hidden);
        // Of control groups there are few, and what matters most comes first anyway.
        let across = !table.strips.is_empty();
        if across || !self.filter.is_empty() || self.scroll > 0 || self.cursor.is_some_and(|at| at >= own) {
            return all;
        }
        let seen = up_to(Rank::Seen);
        match () {
            () if all + table.rest.count() <= high => all,
            () if seen + table.rest.both + table.rest.inside < high => seen,
            () => own,
        }
    }

    /// Scrolls by so many rows, to the end and no further.
    pub fn scroll_by(&mut self, by: isize, table: &Table, high: usize) {
        let all = if table.grid.is_empty() { self.order.len() } else { table.grid.len() };
        let most = all.saturating_sub(high);
        self.scroll = self.scroll.min(most).saturating_add_signed(by).min(most);
        self.anchor(table);
    }

    /// Moves the selection by so many rows, and keeps it in sight; the first move
    /// selects the first row shown.
    pub fn move_by(&mut self, by: isize, table: &Table, high: usize) {
        if !table.grid.is_empty() {
            return self.scroll_by(by, table, high);
        }
        let last = self.order.len().saturating_sub(1);
        let to = match self.cursor {
            None if by.unsigned_abs() == 1 => self.scroll,
            at => at.unwrap_or(self.scroll).saturating_add_signed(by),
        };
        self.select(to.min(last), table, high);
    }

    /// Selects a row by its index in the order, and keeps it in sight.
    pub fn select(&mut self, at: usize, table: &Table, high: usize) {
        if at >= self.order.len() {
            return;
        }
        self.cursor = Some(at);
        let most = self.order.len().saturating_sub(high);
        // The last line says how many are below, but at the end.
        let lines = high.saturating_sub(1).max(1);
        if at < self.scroll {
            self.scroll = at;
        } else if at >= self.scroll.min(most) + lines && self.scroll < most {
            self.scroll = (at + 1).saturating_sub(lines).min(most);
        }
        self.anchor(table);
    }

    /// The row that is selected.
    pub fn selected<'a>(&self, table: &'a Table) -> Option<&'a Row> {
        table.rows.get(*self.order.get(self.cursor?)?)
    }

    /// How many rows the filter hides.
    pub fn hidden(&self, table: &Table) -> usize {
        table.height() - self.order.len().min(table.height())
    }

    /// Sorts by the next of so many columns; after the last, not at all.
    pub fn sort_next(&mut self, columns: usize) {
        let (side, next) = self.sort.map_or((Side::Host, 0), |sort| (sort.side, sort.column + 1));
        self.sort = (next < columns).then_some(Sort { side, column: next, reverse: false });
        self.restart();
    }

    /// Sorts by a column; by the one in use: the other way round.
    pub fn sort_by(&mut self, side: Side, column: usize) {
        let reverse = self.sort.is_some_and(|sort| (sort.side, sort.column) == (side, column) && !sort.reverse);
        self.sort = Some(Sort { side, column, reverse });
        self.restart();
    }

    /// Turns the order round.
    pub fn reverse(&mut self) {
        let Sort { side, column, reverse } = self.sort.unwrap_or(Sort { side: Side::Host, column: 0, reverse: false });
        self.sort = Some(Sort { side, column, reverse: !reverse });
        self.restart();
    }

    /// Sorts by the same column of the other side.
    pub fn other_side(&mut self) {
        let sort = self.sort.unwrap_or(Sort { side: Side::Host, column: 0, reverse: false });
        let side = if sort.side == Side::Host { Side::Inside } else { Side::Host };
        self.sort = Some(Sort { side, ..sort });
        self.restart();
    }

    fn restart(&mut self) {
        self.scroll = 0;
        self.cursor = None;
    }

    /// Adds to the filter.
    pub fn type_char(&mut self, c: char) {
        if !c.is_control() && self.filter.len() + c.len_utf8() <= LONGEST {
            self.filter.push(c);
            self.scroll = 0;
        }
    }

    /// Takes the last character off the filter.
    pub fn erase(&mut self) {
        self.filter.pop();
        self.scroll = 0;
    }
}

/// Whether a row says this, which is in small letters, on one of its sides.
fn says(row: &Row, needle: &str) -> bool {
    [&row.host, &row.inside].into_iter().flatten().any(|texts| texts.join(" ").to_lowercase().contains(needle))
}

fn sorted(order: &[usize], table: &Table, sort: Sort) -> Vec<usize> {
    let value = |row: &Row| {
        // A tree's branches are no part of the word.
        let text = row.face(sort.side)?.get(sort.column)?.trim_start_matches([' ', '│', '├', '└']).trim_end();
        Some(text.parse().map_or_else(|_| Value::Word(text.to_lowercase()), Value::Number))
    };
    let group = |row: &Row| row.rank.max(Rank::Hidden);
    let mut keyed: Vec<_> = order.iter().map(|&at| (group(&table.rows[at]), value(&table.rows[at]), at)).collect();
    keyed.sort_by(|(group, value, _), (other_group, other, _)| {
        let values = match (value, other) {
            (Some(value), Some(other)) if sort.reverse => other.cmp(value),
            (Some(value), Some(other)) => value.cmp(other),
            // What this side does not see stands last, in either direction.
            _ => other.is_some().cmp(&value.is_some()),
        };
        group.cmp(other_group).then(values)
    });
    keyed.into_iter().map(|(_, _, at)| at).collect()
}
