//! The code on the wall that lets a student in: short, read from the last row, typed by
//! hand. Where its bytes come from is the composition root's.

/// Letters and digits that are not mistaken for each other on a projector, or read out: no
/// `0 O Q`, `1 I L`, `2 Z`, `5 S`, `6 G`, `8 B`, `U V`; and no vowels, so no words.
const ALPHABET: &[u8; 18] = b"CDFHJKMNPRTWXY3479";
/// So many of them: 18⁶ are 34 million codes.
const LONG: usize = 6;
/// Random bytes from here on would make some letters likelier than others.
const FAIR: u8 = 252;

/// A code.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; LONG]);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl Code {
    /// The code of these random bytes; nothing where too few of them can be used.
    pub fn from_random(bytes: &[u8]) -> Option<Self> {
        let mut letters =
            bytes.iter().filter(|byte| **byte < FAIR).map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        let mut code = [0; LONG];
        for letter in &mut code {
            *letter = letters.next()?;
        }
        Some(Self(code))
    }

    /// As it stands on the wall: `K7X 4MR`.
    pub fn shown(&self) -> String {
        let half = |letters: &[u8]| letters.iter().map(|letter| char::from(*letter)).collect::<String>();
        format!("{} {}", half(&self.0[..LONG / 2]), half(&self.0[LONG / 2..]))
    }

    /// Whether this was typed, in capitals or not, with blanks and hyphens or without.
    /// Takes as long for every text of a length, whatever it has in common with the code.
    pub fn is(&self, typed: &str) -> bool {
        let mut letters =
            typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|byte| byte.to_ascii_uppercase());
        let mut differs = 0;
        for own in self.0 {
            differs |= own ^ letters.next().unwrap_or(0);
        }
        differs |= u8::from(letters.next().is_some());
        std::hint::black_box(differs) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_as_people_type_it_and_no_other() {
        let code = Code::from_random(&[255, 0, 1, 17, 18, 254, 36, 5, 9]).unwrap();
        assert_eq!(code.shown(), "CD9 CCK");
        for typed in ["CD9 CCK", "cd9cck", "c-d-9-c-c-k", " CD9CCK "] {
            assert!(code.is(typed), "{typed}");
        }
        for typed in ["", "CD9CC", "CD9CCKK", "CD9CCC", "XD9CCK", "CD9CCK\0", "CD9CC\u{11f}"] {
            assert!(!code.is(typed), "{typed:?}");
        }
    }

    #[test]
    fn every_letter_is_as_likely_and_too_few_bytes_are_no_code() {
        let mut counts = [0; ALPHABET.len()];
        for byte in 0..FAIR {
            counts[usize::from(byte) % ALPHABET.len()] += 1;
        }
        assert!(counts.iter().all(|count| *count == counts[0]));
        assert_eq!(Code::from_random(&[1, 2, 3, 255, 254, 253, 4, 5]), None);
    }
}
