//! The keyed way to values of one's own: a class key, which the teacher keeps, gives
//! each student a token; a token gives its student's values and nobody else's.
//! `lesson::values` draws from it. Pure: what reads and writes files is `app::class`.
//!
//! ```text
//! secret = HMAC-SHA256(key, "cloison token 1" 0 student)            the first 16 bytes
//! token  = hex(secret) hex(the first 4 bytes of HMAC-SHA256(secret, "cloison check 1" 0 student))
//! number = HMAC-SHA256(secret, "cloison value 1" 0 lesson 0 seed 0 part)   the first 8 bytes, big-endian
//! ```
//!
//! HMAC-SHA256 is RFC 2104 with FIPS 180-4; `0` is a zero byte; texts are UTF-8. Who has
//! no key can compute no token, and a token tells nothing of the key or of another token.
//! The check of 4 bytes finds a token that was mistyped or is somebody else's: it keeps
//! no secret.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::i18n::{Explain, Lang};
use crate::say;

/// What a key's text starts with: the version of the derivation.
const KEY: &str = "cloison-key-1:";

/// The key of a class, 32 random bytes.
#[derive(Clone)]
pub struct Key([u8; 32]);

/// What one student's values come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    student: String,
    secret: [u8; 16],
}

/// Why a text is no token of this student's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAToken {
    /// It does not have the form of one: 40 hexadecimal digits.
    Form,
    /// It has the form of one; a digit is wrong, or it is another student's.
    Foreign,
}

impl Key {
    /// A key of these bytes, which must be random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key in the text of a key file: the first line that is neither empty nor a
    /// comment (`#`); nothing where that is no key.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        unhex(line.strip_prefix(KEY)?).map(Self)
    }

    /// The line of the key file.
    pub fn to_text(&self) -> String {
        format!("{KEY}{}", hex(&self.0))
    }

    /// A student's token. The name counts as it is written: `Ana` is not `ana`.
    pub fn token(&self, student: &str) -> Token {
        let mac = hmac(&self.0, &[b"cloison token 1", student.as_bytes()]);
        Token { student: student.to_owned(), secret: first(&mac) }
    }
}

impl Token {
    /// A token that a student was given with their name.
    pub fn parse(student: &str, text: &str) -> Result<Self, NotAToken> {
        let bytes: [u8; 20] = unhex(text).ok_or(NotAToken::Form)?;
        let token = Self { student: student.to_owned(), secret: first(&bytes) };
        if token.check() == bytes[16..] { Ok(token) } else { Err(NotAToken::Foreign) }
    }

    /// What the student is given.
    pub fn to_text(&self) -> String {
        hex(&self.secret) + &hex(&self.check())
    }

    /// Whose it is.
    pub fn student(&self) -> &str {
        &self.student
    }

    fn check(&self) -> [u8; 4] {
        first(&hmac(&self.secret, &[b"cloison check 1", self.student.as_bytes()]))
    }

    /// The number that one part of a value is drawn with.
    pub(super) fn number(&self, lesson: &str, seed: &str, part: &str) -> u64 {
        let parts = ["cloison value 1", lesson, seed, part].map(str::as_bytes);
        u64::from_be_bytes(first(&hmac(&self.secret, &parts)))
    }
}

impl Explain for NotAToken {
    fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Form => say!(
                lang,
                "This is no token: a token is 40 digits from 0 to f. Copy the whole line that your teacher gave you.",
                "Ce n'est pas un jeton : un jeton compte 40 chiffres de 0 à f. Recopiez toute la ligne que votre enseignant vous a donnée."
            ),
            Self::Foreign => say!(
                lang,
                "This token does not go with this name: one of the two was mistyped, or it is somebody else's. Copy the whole line that your teacher gave you.",
                "Ce jeton ne va pas avec ce nom : l'un des deux est mal recopié, ou c'est celui de quelqu'un d'autre. Recopiez toute la ligne que votre enseignant vous a donnée."
            ),
        }
    }
}

// A secret is in no message and no log.
impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Key(…)")
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Token").field("student", &self.student).finish_non_exhaustive()
    }
}

/// HMAC-SHA256 of the texts, a zero byte between them.
fn hmac(key: &[u8], texts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is one: longer ones than a block are hashed first.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            mac.update(&[0]);
        }
        mac.update(text);
    }
    mac.finalize().into_bytes().into()
}

fn first<const MANY: usize>(bytes: &[u8]) -> [u8; MANY] {
    let mut taken = [0; MANY];
    taken.copy_from_slice(&bytes[..MANY]);
    taken
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const MANY: usize>(text: &str) -> Option<[u8; MANY]> {
    if text.len() != 2 * MANY || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; MANY];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::new(std::array::from_fn(|at| at as u8))
    }

    #[test]
    fn the_hash_is_hmac_sha256_as_published() {
        // RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
        let of = |key: &[u8], text: &[u8]| hex(&hmac(key, &[text]));
        assert_eq!(of(&[0x0b; 20], b"Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        assert_eq!(
            of(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            of(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    /// By Python's hmac module, from what is written at the top of this file: tokens and values
    /// must be the same for ever.
    #[test]
    fn the_derivation_is_as_documented() {
        let token = key().token("ana");
        assert_eq!(token.to_text(), "1880c3f05b2174d595c3553ee3f179b88b57d299");
        assert_eq!(token.number("uts", "name", "choose"), 0x123f_dc25_264e_b5e1);
    }

    #[test]
    fn a_key_is_read_back_from_its_file_whatever_the_comments_around_it() {
        let text = format!("# The key of a class.\n\n  {}  \n# end\n", key().to_text());
        assert_eq!(Key::parse(&text).map(|key| key.0), Some(key().0));
        for wrong in ["", "# only words", "cloison-key-1:00", "cloison-key-2:", &hex(&key().0), "é"] {
            assert!(Key::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_goes_with_its_student_alone() {
        let text = key().token("ana").to_text();
        assert_eq!(Token::parse("ana", &text), Ok(key().token("ana")));
        assert_eq!(Token::parse("Ana", &text), Err(NotAToken::Foreign));
        assert_eq!(Token::parse("ana", &text[1..]), Err(NotAToken::Form));
        assert_eq!(Token::parse("ana", &text.replace(|c: char| c.is_ascii_digit(), "é")), Err(NotAToken::Form));
    }

    #[test]
    fn no_secret_is_in_what_is_printed_for_programmers() {
        let token = key().token("ana");
        assert_eq!(format!("{:?} {token:?}", key()), "Key(…) Token { student: \"ana\", .. }");
    }

    proptest! {
        #[test]
        fn a_mistyped_digit_is_found(at in 0..40_usize, other in 1..16_u32) {
            let text = key().token("ana").to_text();
            let digit = text[at..=at].chars().next().and_then(|c| c.to_digit(16)).unwrap();
            let wrong = char::from_digit((digit + other) % 16, 16).unwrap();
            let mistyped = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
            prop_assert_eq!(Token::parse("ana", &mistyped), Err(NotAToken::Foreign));
        }

        #[test]
        fn no_text_breaks_it(student in "\\PC{0,20}", text in "\\PC{0,60}") {
            prop_assert!(Token::parse(&student, &text).is_err());
            let _ = Key::parse(&text);
        }
    }
}
