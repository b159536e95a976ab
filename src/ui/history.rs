//! What the numbers of control groups were in the last snapshots: for curves and for
//! what happens per second. Kept by the model, changed by `update::panes`, read where
//! the rows are made; holds a bounded number of values.

use std::collections::{BTreeMap, VecDeque};

use crate::observe::Snapshot;
use crate::observe::twin::{self, FileRow, Key};

/// So many snapshots are remembered.
const KEPT: usize = 64;
/// What happens per second is taken over so long, in microseconds: a quota gives in
/// spurts of a tenth of a second.
const WINDOW: u64 = 1_000_000;
/// The highest level of a curve; the lowest is 0.
pub const TOP: u8 = 7;

/// The last values of everything that moves.
#[derive(Debug, Default)]
pub struct History {
    /// When the snapshots were taken: microseconds of CLOCK_MONOTONIC.
    times: VecDeque<u64>,
    /// The values of each row that a file has, the newest last: at most as many as there
    /// are times.
    series: BTreeMap<Key, VecDeque<u64>>,
}

impl History {
    /// Remembers the values of a snapshot; whether something has moved as far back as is
    /// remembered, and a curve with it.
    pub fn take(&mut self, snapshot: &Snapshot) -> bool {
        let Some(groups) = twin::groups(snapshot, "") else {
            *self = Self::default();
            return false;
        };
        if self.times.back().is_some_and(|last| *last >= snapshot.taken) {
            return false;
        }
        self.times.push_back(snapshot.taken);
        if self.times.len() > KEPT {
            self.times.pop_front();
        }
        let mut before = std::mem::take(&mut self.series);
        for row in groups.files.iter().filter(|row| row.moves()) {
            let Some(number) = row.number else { continue };
            let key = twin::file_key(row);
            let mut values = before.remove(&key).unwrap_or_default();
            if row.rises() && values.back().is_some_and(|last| *last > number) {
                // A group of that name was made anew.
                values.clear();
            }
            values.push_back(number);
            if values.len() > KEPT {
                values.pop_front();
            }
            self.series.insert(key, values);
        }
        self.series.values().any(moved)
    }

    /// How much it rises per second, now; nothing while that can't be said.
    pub fn per_second(&self, row: &FileRow<'_>) -> Option<u64> {
        let values = self.series.get(&twin::file_key(row))?;
        let times = self.times.iter().skip(self.times.len().checked_sub(values.len())?);
        let known: Vec<(u64, u64)> = times.copied().zip(values.iter().copied()).collect();
        let (last, others) = known.split_last()?;
        let before = others.iter().rev().find(|one| last.0 - one.0 >= WINDOW).or(others.first())?;
        per_second(*before, *last)
    }

    /// The curve of a row, in levels; empty where nothing has moved. Usage is drawn on
    /// the scale of its limit, where it has one.
    pub fn curve(&self, row: &FileRow<'_>) -> Vec<u8> {
        let Some(values) = self.series.get(&twin::file_key(row)).filter(|values| moved(values)) else {
            return Vec::new();
        };
        let heights: Vec<u64> = if row.rises() {
            let times = self.times.iter().skip(self.times.len().saturating_sub(values.len()));
            let known: Vec<(u64, u64)> = times.copied().zip(values.iter().copied()).collect();
            known.windows(2).map(|two| per_second(two[0], two[1]).unwrap_or(0)).collect()
        } else {
            values.iter().copied().collect()
        };
        let limit = row.limit.filter(|_| !row.rises()).map_or(0, |(_, limit)| limit);
        let most = heights.iter().copied().max().unwrap_or(0).max(limit).max(1);
        // Of what happens a little is not nothing.
        let level = |height: &u64| {
            let scaled = u128::from(*height) * u128::from(TOP);
            let level = if row.rises() { scaled.div_ceil(u128::from(most)) } else { scaled / u128::from(most) };
            u8::try_from(level).unwrap_or(TOP)
        };
        heights.iter().map(level).collect()
    }
}

fn moved(values: &VecDeque<u64>) -> bool {
    values.iter().any(|value| Some(value) != values.front())
}

fn per_second((before, was): (u64, u64), (now, is): (u64, u64)) -> Option<u64> {
    let passed = now.checked_sub(before).filter(|passed| *passed > 0)?;
    u64::try_from(u128::from(is.saturating_sub(was)) * 1_000_000 / u128::from(passed)).ok()
}
