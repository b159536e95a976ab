//! Texts of a lesson without a lab, for a terminal and for comments of a file: one
//! line, the student's values filled in, `…` for what only a running lesson knows.

use crate::lesson::Values;
use crate::lesson::diagnostic::printable;
use crate::lesson::text::{Piece, pieces};

/// A lesson's text on one line.
pub(super) fn line(prose: &str, values: &Values) -> String {
    let fill = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Seed(name) => values.get(name).unwrap_or("…"),
        Piece::Live(_) => "…",
    };
    let filled: String = pieces(prose).into_iter().map(fill).collect();
    printable(&filled.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `1 pt`, `3 pts`: the same in both languages.
pub(super) fn points(number: u32) -> String {
    if number == 1 { "1 pt".to_owned() } else { format!("{number} pts") }
}
