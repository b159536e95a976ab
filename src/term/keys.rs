//! Keys, pastes and the wheel as the bytes that xterm would send for them (xterm's
//! ctlseqs, "PC-Style Function Keys" and "Special Keys"). Pure.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the program in the shell asked of its keyboard and mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// DECCKM: arrows, Home and End are sent as `ESC O x`.
    pub application_cursor: bool,
    /// Pastes are put between `ESC [ 200 ~` and `ESC [ 201 ~`.
    pub bracketed_paste: bool,
    /// The alternate screen is shown (an editor, a pager).
    pub alternate_screen: bool,
    /// Whether the program wants the mouse, and how it is told.
    pub mouse: Mouse,
}

/// How a program wants to be told of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mouse {
    /// Not at all.
    #[default]
    Off,
    /// Three bytes after `ESC [ M`: only the first 223 rows and columns exist.
    Bytes,
    /// Decimal numbers after `ESC [ <`.
    Sgr,
}

/// The bytes for a key; none for a key that xterm sends nothing for, and for
/// releases.
pub fn encode_key(key: KeyEvent, modes: Modes) -> Vec<u8> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let plain = |bytes: &[u8]| {
        let mut out = if alt { vec![0x1b] } else { Vec::new() };
        out.extend_from_slice(bytes);
        out
    };
    match key.code {
        KeyCode::Char(c) if ctrl => control(c).map_or_else(Vec::new, |byte| plain(&[byte])),
        KeyCode::Char(c) => plain(c.encode_utf8(&mut [0; 4]).as_bytes()),
        KeyCode::Enter => plain(b"\r"),
        KeyCode::Tab if shift => b"\x1b[Z".to_vec(),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Tab => plain(b"\t"),
        KeyCode::Backspace => plain(if ctrl { b"\x08" } else { b"\x7f" }),
        KeyCode::Esc => plain(b"\x1b"),
        KeyCode::Up => letter(b'A', key.modifiers, modes.application_cursor),
        KeyCode::Down => letter(b'B', key.modifiers, modes.application_cursor),
        KeyCode::Right => letter(b'C', key.modifiers, modes.application_cursor),
        KeyCode::Left => letter(b'D', key.modifiers, modes.application_cursor),
        KeyCode::Home => letter(b'H', key.modifiers, modes.application_cursor),
        KeyCode::End => letter(b'F', key.modifiers, modes.application_cursor),
        KeyCode::Insert => number(2, key.modifiers),
        KeyCode::Delete => number(3, key.modifiers),
        KeyCode::PageUp => number(5, key.modifiers),
        KeyCode::PageDown => number(6, key.modifiers),
        KeyCode::F(n @ 1..=4) => letter(b'O' + n, key.modifiers, true),
        KeyCode::F(n @ 5..=12) => number([15, 17, 18, 19, 20, 21, 23, 24][usize::from(n) - 5], key.modifiers),
        _ => Vec::new(),
    }
}

/// The bytes for a paste. Escape characters are taken out of it, so that a paste
/// can't end its own brackets; newlines become returns, as xterm sends them.
pub fn encode_paste(text: &str, modes: Modes) -> Vec<u8> {
    let clean: String = text
        .replace("\r\n", "\r")
        .chars()
        .filter(|&c| c != '\x1b' && c != '\u{9b}')
        .map(|c| if c == '\n' { '\r' } else { c })
        .collect();
    if modes.bracketed_paste { format!("\x1b[200~{clean}\x1b[201~").into_bytes() } else { clean.into_bytes() }
}

/// The bytes for a notch of the wheel at a cell (counted from 0): a mouse report
/// for a program that wants the mouse, three arrows in the alternate screen, and
/// none otherwise (the caller then scrolls back).
pub fn encode_wheel(up: bool, row: u16, col: u16, modes: Modes) -> Vec<u8> {
    let button = if up { 64 } else { 65 };
    match modes.mouse {
        Mouse::Sgr => format!("\x1b[<{button};{};{}M", col + 1, row + 1).into_bytes(),
        Mouse::Bytes => match (u8::try_from(col + 33), u8::try_from(row + 33)) {
            (Ok(col), Ok(row)) => vec![0x1b, b'[', b'M', button + 32, col, row],
            _ => Vec::new(),
        },
        Mouse::Off if modes.alternate_screen => {
            letter(if up { b'A' } else { b'B' }, KeyModifiers::NONE, modes.application_cursor).repeat(3)
        }
        Mouse::Off => Vec::new(),
    }
}

/// The control character of Ctrl with a character, as xterm has it.
fn control(c: char) -> Option<u8> {
    match c.to_ascii_lowercase() {
        c @ 'a'..='z' => Some(c as u8 & 0x1f),
        ' ' | '@' | '2' => Some(0),
        '[' | '3' => Some(0x1b),
        '\\' | '4' => Some(0x1c),
        ']' | '5' => Some(0x1d),
        '^' | '6' => Some(0x1e),
        '_' | '/' | '7' => Some(0x1f),
        '?' | '8' => Some(0x7f),
        _ => None,
    }
}

/// xterm's modifier parameter: 1, plus 1 for Shift, 2 for Alt, 4 for Ctrl.
fn parameter(modifiers: KeyModifiers) -> u8 {
    1 + u8::from(modifiers.contains(KeyModifiers::SHIFT))
        + 2 * u8::from(modifiers.contains(KeyModifiers::ALT))
        + 4 * u8::from(modifiers.contains(KeyModifiers::CONTROL))
}

/// A key that ends in a letter: `ESC [ A`, `ESC O A`, `ESC [ 1 ; 5 A`.
fn letter(last: u8, modifiers: KeyModifiers, application: bool) -> Vec<u8> {
    match parameter(modifiers) {
        1 => vec![0x1b, if application { b'O' } else { b'[' }, last],
        modifier => format!("\x1b[1;{modifier}{}", char::from(last)).into_bytes(),
    }
}

/// A key that is a number: `ESC [ 5 ~`, `ESC [ 5 ; 2 ~`.
fn number(n: u8, modifiers: KeyModifiers) -> Vec<u8> {
    match parameter(modifiers) {
        1 => format!("\x1b[{n}~").into_bytes(),
        modifier => format!("\x1b[{n};{modifier}~").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const CTRL: KeyModifiers = KeyModifiers::CONTROL;
    const ALT: KeyModifiers = KeyModifiers::ALT;
    const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

    #[test]
    fn keys_are_sent_as_xterm_sends_them() {
        let table: &[(KeyCode, KeyModifiers, &[u8])] = &[
            (KeyCode::Char('a'), NONE, b"a"),
            (KeyCode::Char('A'), SHIFT, b"A"),
            (KeyCode::Char('é'), NONE, "é".as_bytes()),
            (KeyCode::Char('é'), ALT, "\x1bé".as_bytes()),
            (KeyCode::Char('c'), CTRL, b"\x03"),
            (KeyCode::Char('C'), CTRL.union(SHIFT), b"\x03"),
            (KeyCode::Char('z'), CTRL, b"\x1a"),
            (KeyCode::Char(' '), CTRL, b"\x00"),
            (KeyCode::Char('\\'), CTRL, b"\x1c"),
            (KeyCode::Char('4'), CTRL, b"\x1c"),
            (KeyCode::Char('_'), CTRL, b"\x1f"),
            (KeyCode::Char('é'), CTRL, b""),
            (KeyCode::Char('b'), ALT, b"\x1bb"),
            (KeyCode::Char('x'), CTRL.union(ALT), b"\x1b\x18"),
            (KeyCode::Enter, NONE, b"\r"),
            (KeyCode::Enter, ALT, b"\x1b\r"),
            (KeyCode::Tab, NONE, b"\t"),
            (KeyCode::BackTab, SHIFT, b"\x1b[Z"),
            (KeyCode::Tab, SHIFT, b"\x1b[Z"),
            (KeyCode::Backspace, NONE, b"\x7f"),
            (KeyCode::Backspace, CTRL, b"\x08"),
            (KeyCode::Esc, NONE, b"\x1b"),
            (KeyCode::Up, NONE, b"\x1b[A"),
            (KeyCode::Down, NONE, b"\x1b[B"),
            (KeyCode::Right, CTRL, b"\x1b[1;5C"),
            (KeyCode::Left, SHIFT, b"\x1b[1;2D"),
            (KeyCode::Home, NONE, b"\x1b[H"),
            (KeyCode::End, ALT, b"\x1b[1;3F"),
            (KeyCode::Insert, NONE, b"\x1b[2~"),
            (KeyCode::Delete, NONE, b"\x1b[3~"),
            (KeyCode::PageUp, NONE, b"\x1b[5~"),
            (KeyCode::PageDown, CTRL, b"\x1b[6;5~"),
            (KeyCode::F(1), NONE, b"\x1bOP"),
            (KeyCode::F(4), NONE, b"\x1bOS"),
            (KeyCode::F(2), SHIFT, b"\x1b[1;2Q"),
            (KeyCode::F(5), NONE, b"\x1b[15~"),
            (KeyCode::F(6), NONE, b"\x1b[17~"),
            (KeyCode::F(10), NONE, b"\x1b[21~"),
            (KeyCode::F(12), CTRL, b"\x1b[24;5~"),
            (KeyCode::CapsLock, NONE, b""),
        ];
        for &(code, modifiers, bytes) in table {
            assert_eq!(encode_key(KeyEvent::new(code, modifiers), Modes::default()), bytes, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn arrows_follow_the_application_cursor_mode_unless_modified() {
        let modes = Modes { application_cursor: true, ..Modes::default() };
        assert_eq!(encode_key(KeyCode::Up.into(), modes), b"\x1bOA");
        assert_eq!(encode_key(KeyCode::End.into(), modes), b"\x1bOF");
        assert_eq!(encode_key(KeyEvent::new(KeyCode::Up, CTRL), modes), b"\x1b[1;5A");
        assert_eq!(encode_key(KeyCode::PageUp.into(), modes), b"\x1b[5~");
    }

    #[test]
    fn releases_send_nothing() {
        let release = KeyEvent::new_with_kind(KeyCode::Char('a'), NONE, KeyEventKind::Release);
        assert!(encode_key(release, Modes::default()).is_empty());
    }

    #[test]
    fn a_paste_cannot_end_its_own_brackets() {
        let modes = Modes { bracketed_paste: true, ..Modes::default() };
        assert_eq!(encode_paste("a\x1b[201~rm\nb", modes), b"\x1b[200~a[201~rm\rb\x1b[201~");
        assert_eq!(encode_paste("one\r\ntwo", Modes::default()), b"one\rtwo");
    }

    #[test]
    fn the_wheel_is_told_as_the_program_asked() {
        let mut modes = Modes::default();
        assert!(encode_wheel(true, 0, 0, modes).is_empty());
        modes.alternate_screen = true;
        assert_eq!(encode_wheel(true, 0, 0, modes), b"\x1b[A\x1b[A\x1b[A");
        modes.mouse = Mouse::Sgr;
        assert_eq!(encode_wheel(false, 4, 9, modes), b"\x1b[<65;10;5M");
        modes.mouse = Mouse::Bytes;
        assert_eq!(encode_wheel(true, 0, 1, modes), b"\x1b[M`\"!");
        assert!(encode_wheel(true, 300, 1, modes).is_empty());
    }
}
