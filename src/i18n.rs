//! The two languages. Every text for a person is written at its place of use,
//! in both languages side by side, with [`say!`](crate::say): a text that is
//! missing, or a value that is not there, does not compile. Any part may use
//! this one; it uses none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The language of screens, messages and lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// French (always vouvoiement).
    Fr,
}

impl Lang {
    /// Both languages, in the order in which they are listed.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The two-letter code (ISO 639-1), as used by `--lang` and in file names.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The other language.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::Fr,
            Self::Fr => Self::En,
        }
    }

    /// The language that a locale name asks for (`fr_FR.UTF-8` is French), or
    /// nothing when it asks for neither of ours (`de_DE`, `C`, empty).
    pub fn from_locale(locale: &str) -> Option<Self> {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "fr" => Some(Self::Fr),
            _ => None,
        }
    }

    /// What a lesson's shells are told its language by: locales that are not installed
    /// can't be set for all programs in them.
    pub const VARIABLE: &str = "CLOISON_LANG";

    /// The language of this environment: [`Self::VARIABLE`] where it says one; else the
    /// first non-empty of `LC_ALL`, `LC_MESSAGES`, `LANG` decides, as in setlocale(3);
    /// English otherwise.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let told = get(Self::VARIABLE).and_then(|code| Self::from_locale(&code));
        let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(&get).find(|value| !value.is_empty());
        told.or_else(|| Self::from_locale(&locale()?)).unwrap_or_default()
    }

    /// The one of two ready texts that is in this language.
    pub fn pick<T>(self, en: T, fr: T) -> T {
        match self {
            Self::En => en,
            Self::Fr => fr,
        }
    }
}

/// An error, or anything else, that can be said to a person in both languages.
/// `Display` of such a type is its English.
pub trait Explain {
    /// One or a few sentences: what could not be done, on what, why, and what
    /// helps. Errno values are in words.
    fn explain(&self, lang: Lang) -> String;
}

/// Formats a text in the language given: `say!(lang, "{n} rows", "{n} lignes")`.
/// Values are captured by name, as in [`format!`], or follow both texts.
#[macro_export]
macro_rules! say {
    ($lang:expr, $en:literal, $fr:literal $(, $($args:tt)*)?) => {
        match $lang {
            $crate::i18n::Lang::En => format!($en $(, $($args)*)?),
            $crate::i18n::Lang::Fr => format!($fr $(, $($args)*)?),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale_names_decide_the_language() {
        assert_eq!(Lang::from_locale("fr_FR.UTF-8"), Some(Lang::Fr));
        assert_eq!(Lang::from_locale("fr"), Some(Lang::Fr));
        assert_eq!(Lang::from_locale("en_GB@euro"), Some(Lang::En));
        assert_eq!(Lang::from_locale("C.UTF-8"), None);
        assert_eq!(Lang::from_locale("frisian"), None);
    }

    #[test]
    fn what_a_lesson_says_goes_before_the_locale_and_its_first_variable_before_the_others() {
        let speaks = |variables: &[(&str, &str)]| {
            Lang::from_variables(|name| {
                variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(speaks(&[("CLOISON_LANG", "fr"), ("LC_ALL", "en_GB")]), Lang::Fr);
        assert_eq!(speaks(&[("CLOISON_LANG", "en"), ("LANG", "fr_FR")]), Lang::En);
        assert_eq!(speaks(&[("LC_ALL", ""), ("LANG", "fr_FR")]), Lang::Fr);
        assert_eq!(speaks(&[("LC_ALL", "C"), ("LANG", "fr_FR")]), Lang::En);
        assert_eq!(speaks(&[]), Lang::En);
    }

    #[test]
    fn both_texts_take_the_same_values() {
        let rows = 3;
        assert_eq!(say!(Lang::En, "{rows} rows", "{rows} lignes"), "3 rows");
        assert_eq!(say!(Lang::Fr, "{} rows", "{} lignes", rows), "3 lignes");
    }
}
