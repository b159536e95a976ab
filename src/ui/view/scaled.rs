//! Text at twice its size, where the terminal can: kitty's text sizing protocol
//! (<https://sw.kovidgoyal.net/kitty/text-sizing-protocol/>), a sequence for each
//! character, so that each is drawn again only where it changes.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::ui::safe::width;

/// What comes before a character of twice the size, and after it.
const BEFORE: &str = "\x1b]66;s=2;";
const AFTER: &str = "\x1b\\";

/// Puts a line where two rows begin, and blanks of its size behind it.
pub fn put(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if row + 1 >= area.height {
        return;
    }
    let (mut x, y) = (area.x, area.y + row);
    let blanks = std::iter::repeat((" ", Style::new()));
    let text = line.styled_graphemes(Style::new()).map(|one| (one.symbol, one.style));
    for (symbol, style) in text.chain(blanks) {
        let wide = 2 * u16::try_from(width(symbol)).unwrap_or(0);
        let Some(forced) = NonZeroU16::new(wide) else { continue };
        if x + wide > area.right() {
            return;
        }
        for place in Rect::new(x, y, wide, 2).positions() {
            buffer[place].reset();
            buffer[place].set_diff_option(CellDiffOption::Skip);
        }
        let first = &mut buffer[(x, y)];
        first.set_symbol(&format!("{BEFORE}{symbol}{AFTER}")).set_style(style);
        first.set_diff_option(CellDiffOption::ForcedWidth(forced));
        x += wide;
    }
}

/// The text of a cell, whatever its size; none of one that a larger one covers.
pub fn plain(cell: &Cell) -> &str {
    if matches!(cell.diff_option, CellDiffOption::Skip) {
        return "";
    }
    let symbol = cell.symbol();
    symbol.strip_prefix(BEFORE).and_then(|text| text.strip_suffix(AFTER)).unwrap_or(symbol)
}
