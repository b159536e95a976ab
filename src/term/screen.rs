//! The emulator of one shell: bytes in, cells out. Requests to the outside (title,
//! bell, clipboard, window size) are swallowed here: `vt100` hands them to
//! callbacks, and there are none.

use std::num::NonZeroU16;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Widget;
use vt100::{MouseProtocolEncoding, MouseProtocolMode};

use super::keys::{Modes, Mouse};

/// Rows that are kept when they have left the top of the screen.
const SCROLLBACK: usize = 2_000;

/// The screen of one shell.
pub struct Screen {
    parser: vt100::Parser,
}

impl Screen {
    /// An empty screen. A size of 0 counts as 1.
    pub fn new(rows: u16, cols: u16) -> Self {
        Self { parser: vt100::Parser::new(at_least_one(rows), at_least_one(cols), SCROLLBACK) }
    }

    /// The same for what is only shown: nothing is kept of what leaves the top.
    pub fn without_past(rows: u16, cols: u16) -> Self {
        Self { parser: vt100::Parser::new(at_least_one(rows), at_least_one(cols), 0) }
    }

    /// Where all is that can be seen; empty where nothing is.
    pub fn used(&self) -> Rect {
        let screen = self.parser.screen();
        let (rows, cols) = self.size();
        let seen = |row: u16, col: u16| {
            screen.cell(row, col).is_some_and(|cell| {
                let ground = cell.inverse() || cell.bgcolor() != vt100::Color::Default;
                ground || !cell.contents().trim().is_empty()
            })
        };
        let of_row = |row: u16| {
            let first = (0..cols).find(|&col| seen(row, col))?;
            let last = (first..cols).rev().find(|&col| seen(row, col))?;
            Some(Rect::new(first, row, last - first + 1, 1))
        };
        (0..rows).filter_map(of_row).reduce(Rect::union).unwrap_or_default()
    }

    /// Takes what the shell printed; sequences may be split anywhere.
    pub fn process(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
    }

    /// Gives it another size. A size of 0 counts as 1.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.parser.set_size(at_least_one(rows), at_least_one(cols));
    }

    /// Rows and columns.
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.parser.screen().size();
        (rows.get(), cols.get())
    }

    /// What the program in it asked of keyboard and mouse.
    pub fn modes(&self) -> Modes {
        let screen = self.parser.screen();
        let mouse = match (screen.mouse_protocol_mode(), screen.mouse_protocol_encoding()) {
            (MouseProtocolMode::None, _) => Mouse::Off,
            (_, MouseProtocolEncoding::Sgr) => Mouse::Sgr,
            _ => Mouse::Bytes,
        };
        Modes {
            application_cursor: screen.application_cursor(),
            bracketed_paste: screen.bracketed_paste(),
            alternate_screen: screen.alternate_screen(),
            mouse,
        }
    }

    /// Scrolls by rows: back into the past when positive, towards now otherwise.
    pub fn scroll(&mut self, rows: isize) {
        let screen = self.parser.screen_mut();
        let at = screen.scrollback().saturating_add_signed(rows).min(screen.scrollback_len());
        screen.set_scrollback(at);
    }

    /// Shows the present again.
    pub fn scroll_to_now(&mut self) {
        self.parser.screen_mut().set_scrollback(0);
    }

    /// How many rows back the screen is scrolled; 0 is now.
    pub fn scrolled(&self) -> usize {
        self.parser.screen().scrollback()
    }

    /// The text on the screen, rows separated by newlines.
    pub fn contents(&self) -> String {
        self.parser.screen().contents()
    }

    /// Where the cursor is when drawn in `area` from a cell on that is not the first: nothing
    /// where that is not to be seen.
    pub fn cursor_from(&self, from: Position, area: Rect) -> Option<Position> {
        let at = self.cursor_in(Rect { x: 0, y: 0, width: u16::MAX, height: u16::MAX })?;
        let at = Position::new(at.x.checked_sub(from.x)?, at.y.checked_sub(from.y)?);
        (at.x < area.width && at.y < area.height).then(|| Position::new(area.x + at.x, area.y + at.y))
    }

    /// Where the cursor is when drawn in `area`: nothing while it is hidden, out
    /// of the area, or the screen is scrolled back.
    pub fn cursor_in(&self, area: Rect) -> Option<Position> {
        let screen = self.parser.screen();
        let (row, col) = screen.cursor_position();
        let shown = !screen.hide_cursor() && screen.scrollback() == 0 && row < area.height && area.width > 0;
        shown.then(|| Position::new(area.x + col.min(area.width - 1), area.y + row))
    }

    /// What draws it; `colour` false leaves out all colours and keeps the rest
    /// (bold, underlined, reversed).
    pub fn widget(&self, colour: bool) -> ScreenWidget<'_> {
        ScreenWidget { screen: self.parser.screen(), colour, from: Position::ORIGIN }
    }
}

fn at_least_one(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap_or(NonZeroU16::MIN)
}

/// Draws a screen cell by cell, from its top left corner.
pub struct ScreenWidget<'a> {
    screen: &'a vt100::Screen,
    colour: bool,
    from: Position,
}

impl ScreenWidget<'_> {
    /// From this cell on in place of the first.
    #[must_use]
    pub fn from(self, from: Position) -> Self {
        Self { from, ..self }
    }
}

impl Widget for ScreenWidget<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        for row in 0..area.height {
            for col in 0..area.width {
                let Some(cell) = self.screen.cell(self.from.y + row, self.from.x + col) else { continue };
                if cell.is_wide_continuation() {
                    continue;
                }
                // A wide character that the area cuts in half is left out.
                let fits = !cell.is_wide() || col + 1 < area.width;
                let symbol = if fits { printable(cell.contents()) } else { String::new() };
                let style = style(cell, self.colour);
                let target = &mut buffer[(area.x + col, area.y + row)];
                target.set_symbol(if symbol.is_empty() { " " } else { &symbol }).set_style(style);
                if cell.is_wide() && fits {
                    buffer[(area.x + col + 1, area.y + row)].set_symbol(" ").set_style(style);
                }
            }
        }
    }
}

/// A cell's text without control characters and without the format characters
/// that could turn the rest of the line around (bidi).
fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
    };
    text.chars().filter(|&c| !hidden(c)).collect()
}

fn style(cell: &vt100::Cell, colour: bool) -> Style {
    let mut style = Style::new();
    if colour {
        style = style.fg(color(cell.fgcolor())).bg(color(cell.bgcolor()));
    }
    let modifiers = [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ];
    modifiers.into_iter().filter(|(on, _)| *on).fold(style, |style, (_, modifier)| style.add_modifier(modifier))
}

fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(screen: &Screen, width: u16, height: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        screen.widget(true).render(buffer.area, &mut buffer);
        buffer
    }

    #[test]
    fn text_and_its_style_are_drawn() {
        let mut screen = Screen::new(2, 10);
        screen.process(b"a\x1b[1;31mb\x1b[0;7mc\x1b[0m\r\n\xe6\xbc\xa2!");
        let buffer = drawn(&screen, 10, 2);
        assert_eq!(buffer[(0, 0)].symbol(), "a");
        assert_eq!((buffer[(1, 0)].fg, buffer[(1, 0)].modifier), (Color::Indexed(1), Modifier::BOLD));
        assert_eq!(buffer[(2, 0)].modifier, Modifier::REVERSED);
        assert_eq!((buffer[(0, 1)].symbol(), buffer[(2, 1)].symbol()), ("漢", "!"));
        assert_eq!(screen.cursor_in(buffer.area), Some(Position::new(3, 1)));
    }

    #[test]
    fn a_ground_is_seen_and_blanks_are_not() {
        let mut screen = Screen::without_past(4, 10);
        assert_eq!(screen.used(), Rect::ZERO);
        screen.process(b"\r\n ab  \r\n\r\n   \x1b[41m \x1b[0m  ");
        assert_eq!(screen.used(), Rect::new(1, 1, 3, 3));
    }

    #[test]
    fn a_part_of_it_is_drawn_with_the_cursor_where_it_belongs() {
        let mut screen = Screen::without_past(3, 6);
        screen.process(b"one\r\n two\r\n");
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 2));
        screen.widget(true).from(Position::new(1, 1)).render(buffer.area, &mut buffer);
        let text: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "two   ");
        assert_eq!(screen.cursor_from(Position::new(0, 1), Rect::new(5, 5, 3, 2)), Some(Position::new(5, 6)));
        assert_eq!(screen.cursor_from(Position::new(1, 1), buffer.area), None);
        assert_eq!(screen.cursor_from(Position::new(0, 0), buffer.area), None);
    }

    #[test]
    fn without_colour_only_attributes_stay() {
        let mut screen = Screen::new(1, 4);
        screen.process(b"\x1b[1;31;44mx");
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        screen.widget(false).render(buffer.area, &mut buffer);
        assert_eq!(buffer[(0, 0)].fg, Color::Reset);
        assert_eq!(buffer[(0, 0)].modifier, Modifier::BOLD);
    }

    #[test]
    fn titles_bells_and_the_clipboard_leave_no_trace() {
        let mut screen = Screen::new(2, 20);
        screen.process(b"\x1b]0;evil\x07\x1b]2;evil\x1b\\\x07\x1b]52;c;ZXZpbA==\x07\x1b]52;c;?\x07\x1b[8;1;1tok");
        assert_eq!(screen.contents(), "ok");
        assert_eq!(screen.size(), (2, 20));
    }

    #[test]
    fn the_modes_that_programs_set_are_known() {
        let mut screen = Screen::new(2, 20);
        assert_eq!(screen.modes(), Modes::default());
        screen.process(b"\x1b[?1h\x1b[?2004h\x1b[?1049h\x1b[?1002h\x1b[?1006h");
        let all = Modes { application_cursor: true, bracketed_paste: true, alternate_screen: true, mouse: Mouse::Sgr };
        assert_eq!(screen.modes(), all);
    }

    #[test]
    fn what_left_the_top_can_be_scrolled_back_to_and_is_bounded() {
        let mut screen = Screen::new(2, 10);
        for line in 0..5_000 {
            screen.process(format!("{line}\r\n").as_bytes());
        }
        screen.scroll(isize::MAX);
        assert_eq!(screen.scrolled(), SCROLLBACK);
        assert_eq!(screen.cursor_in(Rect::new(0, 0, 10, 2)), None);
        screen.scroll(-10);
        assert_eq!(screen.scrolled(), SCROLLBACK - 10);
        screen.scroll_to_now();
        assert!(screen.contents().starts_with("4999"));
    }

    #[test]
    fn bidi_and_zero_width_characters_are_not_drawn() {
        let mut screen = Screen::new(1, 10);
        screen.process("a\u{202e}b\u{200b}c\u{85}".as_bytes());
        let buffer = drawn(&screen, 10, 1);
        let text: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text.trim_end(), "abc");
    }

    /// Bytes that look like what terminals get, so that the parser is really met.
    fn output() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            "[ -~]{0,20}".prop_map(String::into_bytes),
            "\\x1b\\[[?]?[0-9;]{0,8}[@-~]".prop_map(String::into_bytes),
            "\\x1b[ -~]".prop_map(String::into_bytes),
            Just("漢字e\u{301}👩\u{200d}🚀\u{fe0f}".as_bytes().to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\t\x08\x0b".to_vec()),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn no_output_and_no_size_breaks_it(
            steps in proptest::collection::vec((output(), 0u16..12, 0u16..40, -20isize..20), 1..8),
        ) {
            let mut screen = Screen::new(3, 8);
            for (bytes, rows, cols, scroll) in steps {
                screen.process(&bytes);
                screen.scroll(scroll);
                screen.resize(rows, cols);
                let buffer = drawn(&screen, 20, 6);
                prop_assert!(buffer.content().iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
                screen.cursor_in(buffer.area);
            }
        }
    }
}
