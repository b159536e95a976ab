//! Keys as one table: key × context → [`Intent`]. `update` looks keys up in it; the
//! help overlay and the foot bar are printed from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::projector::keys as projector;
use crate::i18n::Lang;

pub use super::intent::Intent;

/// Where a key was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Everywhere, shells included.
    Everywhere,
    /// Right after the prefix.
    AfterPrefix,
    /// In the list of lessons.
    List,
    /// In the list of containers.
    Containers,
    /// In the lesson.
    Lesson,
    /// In the panes.
    Panes,
    /// In the filter of a pane, while it is typed.
    Filter,
    /// In a shell: all other keys go to it.
    Shell,
    /// In a pane whose shell has ended.
    EndedShell,
    /// In something that lies above the screen.
    Overlay,
    /// In the question whether to leave.
    Quit,
    /// On the projector.
    Projector,
    /// While hands are counted.
    Counting,
}

impl Context {
    /// All, in the order of the help.
    pub const ALL: [Self; 13] = [
        Self::Everywhere,
        Self::AfterPrefix,
        Self::List,
        Self::Containers,
        Self::Lesson,
        Self::Panes,
        Self::Filter,
        Self::Shell,
        Self::EndedShell,
        Self::Overlay,
        Self::Quit,
        Self::Projector,
        Self::Counting,
    ];

    /// Its heading in the help.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Everywhere => lang.pick("Everywhere", "Partout"),
            Self::AfterPrefix => {
                lang.pick("Instead of F keys: Ctrl-G, then", "À la place des touches F : Ctrl-G, puis")
            }
            Self::List => lang.pick("In the list", "Dans la liste"),
            Self::Containers => lang.pick("In the list of containers", "Dans la liste des conteneurs"),
            Self::Lesson => lang.pick("In the lesson", "Dans la leçon"),
            Self::Panes => lang.pick("In the panes", "Dans les volets"),
            Self::Filter => lang.pick("While a filter is typed", "Pendant la saisie d'un filtre"),
            Self::Shell => {
                lang.pick("In a shell (all other keys go to it)", "Dans un shell (il reçoit les autres touches)")
            }
            Self::EndedShell => lang.pick("Where a shell has ended", "Quand un shell est terminé"),
            Self::Overlay => lang.pick("In a window above", "Dans une fenêtre superposée"),
            Self::Quit => lang.pick("When leaving", "Au moment de quitter"),
            Self::Projector => lang.pick("On the projector", "Au projecteur"),
            Self::Counting => lang.pick("While hands are counted", "Pendant le compte des mains"),
        }
    }
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where it counts.
    pub context: Context,
    /// The key.
    pub key: KeyCode,
    /// With these held (Shift is not looked at).
    pub modifiers: KeyModifiers,
    /// What it means.
    pub intent: Intent,
    /// What the help says: English, French.
    pub help: [&'static str; 2],
    /// What the foot bar says, for the keys that stand there: English, French.
    pub foot: Option<[&'static str; 2]>,
}

impl Binding {
    /// What the help says of it.
    pub fn help(&self, lang: Lang) -> &'static str {
        lang.pick(self.help[0], self.help[1])
    }

    /// The key as it is written on the screen.
    pub fn key_name(&self, lang: Lang) -> String {
        let key = match self.key {
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::Char(' ') => lang.pick("Space", "Espace").to_owned(),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => c.to_uppercase().to_string(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => lang.pick("PgUp", "PgPréc").to_owned(),
            KeyCode::PageDown => lang.pick("PgDn", "PgSuiv").to_owned(),
            KeyCode::Home => lang.pick("Home", "Début").to_owned(),
            KeyCode::End => lang.pick("End", "Fin").to_owned(),
            KeyCode::Enter => lang.pick("Enter", "Entrée").to_owned(),
            KeyCode::Esc => lang.pick("Esc", "Échap").to_owned(),
            KeyCode::Backspace => lang.pick("Backspace", "Retour arrière").to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            KeyCode::BackTab => lang.pick("Shift-Tab", "Maj-Tab").to_owned(),
            other => format!("{other:?}"),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            format!("Ctrl-{key}")
        } else if self.modifiers.contains(KeyModifiers::SHIFT) {
            format!("{}-{key}", lang.pick("Shift", "Maj"))
        } else {
            key
        }
    }
}

const NONE: KeyModifiers = KeyModifiers::NONE;

pub(super) const fn row(context: Context, key: KeyCode, intent: Intent, help: [&'static str; 2]) -> Binding {
    Binding { context, key, modifiers: NONE, intent, help, foot: None }
}

const fn foot(key: KeyCode, intent: Intent, help: [&'static str; 2], foot: [&'static str; 2]) -> Binding {
    Binding { context: Context::Everywhere, key, modifiers: NONE, intent, help, foot: Some(foot) }
}

const fn with(modifiers: KeyModifiers, binding: Binding) -> Binding {
    Binding { modifiers, ..binding }
}

const HELP: [&str; 2] = ["this help", "cette aide"];
const LESSON: [&str; 2] =
    ["keyboard to the lesson; again: all the screen", "clavier à la leçon ; encore : plein écran"];
const PANES: [&str; 2] = ["keyboard to the panes; again: the next pane", "clavier aux volets ; encore : volet suivant"];
const SHELL: [&str; 2] = ["keyboard to the shell; again: the next shell", "clavier au shell ; encore : shell suivant"];
const HINT: [&str; 2] = ["open the next hint", "ouvrir l'indice suivant"];
const DOCTOR: [&str; 2] = ["what this machine can do", "ce que cette machine permet"];
const LANGUAGE: [&str; 2] = ["passer au français", "switch to English"];
const BACK: [&str; 2] = ["the step before; the list of containers", "étape précédente ; liste des conteneurs"];
const NEXT: [&str; 2] = ["the next step", "étape suivante"];
const QUIT: [&str; 2] = ["leave (progress is kept)", "quitter (la progression est gardée)"];
const CALLS_UP: [&str; 2] = ["scroll the calls up", "faire défiler les appels vers le haut"];
const CALLS_DOWN: [&str; 2] = ["scroll the calls down", "faire défiler les appels vers le bas"];
const TRACE: [&str; 2] = ["list the shell's system calls, or no more", "lister les appels système du shell, ou cesser"];
const ZOOM: [&str; 2] = ["this region on the whole screen, and back", "cette zone sur tout l'écran, et retour"];
const CHOICE: [&str; 2] = ["the choice of that number", "le choix de ce numéro"];
const PANE: [&str; 2] = ["the pane of that number", "le volet de ce numéro"];
const PREFIX: [&str; 2] = ["prefix in place of the F keys", "préfixe à la place des touches F"];

use Context::{AfterPrefix, Containers, EndedShell, Everywhere, Filter, Lesson, List, Overlay, Panes, Quit, Shell};
use KeyCode::{Char, F};

/// The table.
pub const KEYS: &[Binding] = &[
    foot(F(1), Intent::Help, HELP, ["help", "aide"]),
    foot(F(2), Intent::Lesson, LESSON, ["lesson", "leçon"]),
    foot(F(3), Intent::Panes, PANES, ["panes", "volets"]),
    foot(F(4), Intent::Shell, SHELL, ["shell", "shell"]),
    foot(F(5), Intent::Hint, HINT, ["hint", "indice"]),
    foot(F(6), Intent::Doctor, DOCTOR, ["doctor", "diagnostic"]),
    foot(F(7), Intent::Language, LANGUAGE, ["français", "English"]),
    foot(F(8), Intent::Back, BACK, ["back", "retour"]),
    foot(F(9), Intent::Next, NEXT, ["next", "suite"]),
    foot(F(10), Intent::Quit, QUIT, ["quit", "quitter"]),
    with(KeyModifiers::CONTROL, row(Everywhere, Char('g'), Intent::Prefix, PREFIX)),
    with(
        KeyModifiers::CONTROL,
        row(Everywhere, KeyCode::PageUp, Intent::ProseUp, ["the lesson's text, up", "texte de la leçon, vers le haut"]),
    ),
    with(
        KeyModifiers::CONTROL,
        row(
            Everywhere,
            KeyCode::PageDown,
            Intent::ProseDown,
            ["the lesson's text, down", "texte de la leçon, vers le bas"],
        ),
    ),
    row(AfterPrefix, Char('1'), Intent::Help, HELP),
    row(AfterPrefix, Char('2'), Intent::Lesson, LESSON),
    row(AfterPrefix, Char('3'), Intent::Panes, PANES),
    row(AfterPrefix, Char('4'), Intent::Shell, SHELL),
    row(AfterPrefix, Char('5'), Intent::Hint, HINT),
    row(AfterPrefix, Char('6'), Intent::Doctor, DOCTOR),
    row(AfterPrefix, Char('7'), Intent::Language, LANGUAGE),
    row(AfterPrefix, Char('8'), Intent::Back, BACK),
    row(AfterPrefix, Char('9'), Intent::Next, NEXT),
    row(AfterPrefix, Char('0'), Intent::Quit, QUIT),
    row(AfterPrefix, Char('b'), Intent::Back, BACK),
    row(AfterPrefix, Char('n'), Intent::Next, NEXT),
    row(AfterPrefix, Char('q'), Intent::Quit, QUIT),
    row(AfterPrefix, Char('t'), Intent::Trace, TRACE),
    row(AfterPrefix, Char('z'), Intent::Zoom, ZOOM),
    row(
        AfterPrefix,
        Char('m'),
        Intent::Mouse,
        ["the mouse to the terminal (to select text), and back", "souris au terminal (pour sélectionner), et retour"],
    ),
    with(
        KeyModifiers::CONTROL,
        row(AfterPrefix, Char('g'), Intent::Prefix, ["Ctrl-G itself, to the shell", "Ctrl-G lui-même, au shell"]),
    ),
    row(List, KeyCode::Up, Intent::Up, ["the lesson above", "leçon au-dessus"]),
    row(List, KeyCode::Down, Intent::Down, ["the lesson below", "leçon au-dessous"]),
    row(List, KeyCode::PageUp, Intent::PageUp, ["a page up", "une page plus haut"]),
    row(List, KeyCode::PageDown, Intent::PageDown, ["a page down", "une page plus bas"]),
    row(List, KeyCode::Home, Intent::Top, ["the first", "la première"]),
    row(List, KeyCode::End, Intent::Bottom, ["the last", "la dernière"]),
    row(
        List,
        KeyCode::Enter,
        Intent::Accept,
        ["open or resume; letters filter", "ouvrir ou reprendre ; les lettres filtrent"],
    ),
    row(List, KeyCode::Backspace, Intent::Erase, ["erase from the filter", "effacer dans le filtre"]),
    row(List, KeyCode::Esc, Intent::Close, ["clear the filter", "vider le filtre"]),
    row(Containers, KeyCode::Up, Intent::Up, ["the one above", "celui du dessus"]),
    row(Containers, KeyCode::Down, Intent::Down, ["the one below", "celui du dessous"]),
    row(Containers, KeyCode::PageUp, Intent::PageUp, ["a page up", "une page plus haut"]),
    row(Containers, KeyCode::PageDown, Intent::PageDown, ["a page down", "une page plus bas"]),
    row(Containers, KeyCode::Home, Intent::Top, ["the first", "le premier"]),
    row(Containers, KeyCode::End, Intent::Bottom, ["the last", "le dernier"]),
    row(
        Containers,
        KeyCode::Enter,
        Intent::Accept,
        ["inspect it beside the host; letters filter", "l'inspecter à côté de l'hôte ; les lettres filtrent"],
    ),
    row(Containers, KeyCode::Backspace, Intent::Erase, ["erase from the filter", "effacer dans le filtre"]),
    row(Containers, KeyCode::Esc, Intent::Close, ["clear the filter", "vider le filtre"]),
    row(Lesson, KeyCode::Tab, Intent::NextRegion, ["the next region", "région suivante"]),
    row(Lesson, KeyCode::BackTab, Intent::PreviousRegion, ["the region before", "région précédente"]),
    row(Lesson, KeyCode::Up, Intent::Up, ["the choice above; scroll", "choix au-dessus ; défiler"]),
    row(Lesson, KeyCode::Down, Intent::Down, ["the choice below; scroll", "choix au-dessous ; défiler"]),
    row(Lesson, KeyCode::PageUp, Intent::PageUp, ["scroll up", "défiler vers le haut"]),
    row(Lesson, KeyCode::PageDown, Intent::PageDown, ["scroll down", "défiler vers le bas"]),
    row(Lesson, KeyCode::Home, Intent::Top, ["the start of the text", "début du texte"]),
    row(Lesson, KeyCode::End, Intent::Bottom, ["the end of the text", "fin du texte"]),
    row(
        Lesson,
        KeyCode::Enter,
        Intent::Accept,
        ["take the choice; then: go on", "retenir le choix ; ensuite : continuer"],
    ),
    row(Lesson, Char(' '), Intent::PageDown, ["scroll down", "défiler vers le bas"]),
    row(Lesson, Char('1'), Intent::Digit(1), CHOICE),
    row(Lesson, Char('2'), Intent::Digit(2), CHOICE),
    row(Lesson, Char('3'), Intent::Digit(3), CHOICE),
    row(Lesson, Char('4'), Intent::Digit(4), CHOICE),
    row(Lesson, Char('5'), Intent::Digit(5), CHOICE),
    row(Lesson, Char('6'), Intent::Digit(6), CHOICE),
    row(Lesson, Char('z'), Intent::Zoom, ZOOM),
    row(Lesson, Char('e'), Intent::Evidence, ["what proves the walls", "ce qui prouve les cloisons"]),
    row(Lesson, Char('t'), Intent::Trace, TRACE),
    row(Lesson, Char('['), Intent::CallsUp, CALLS_UP),
    row(Lesson, Char(']'), Intent::CallsDown, CALLS_DOWN),
    row(Panes, Char('t'), Intent::Trace, TRACE),
    row(Panes, Char('['), Intent::CallsUp, CALLS_UP),
    row(Panes, Char(']'), Intent::CallsDown, CALLS_DOWN),
    row(Panes, KeyCode::Tab, Intent::NextRegion, ["the next region", "région suivante"]),
    row(Panes, KeyCode::BackTab, Intent::PreviousRegion, ["the region before", "région précédente"]),
    row(Panes, KeyCode::Left, Intent::Left, ["the pane on the left", "volet à gauche"]),
    row(Panes, KeyCode::Right, Intent::Right, ["the pane on the right", "volet à droite"]),
    row(Panes, Char('1'), Intent::Digit(1), PANE),
    row(Panes, Char('2'), Intent::Digit(2), PANE),
    row(Panes, Char('3'), Intent::Digit(3), PANE),
    row(Panes, Char('4'), Intent::Digit(4), PANE),
    row(Panes, Char('5'), Intent::Digit(5), PANE),
    row(Panes, Char('6'), Intent::Digit(6), PANE),
    row(Panes, Char('7'), Intent::Digit(7), PANE),
    row(Panes, Char('8'), Intent::Digit(8), PANE),
    row(Panes, Char('9'), Intent::Digit(9), PANE),
    row(Panes, Char('0'), Intent::Digit(10), PANE),
    row(Panes, KeyCode::Up, Intent::Up, ["the row above; calls: scroll", "ligne au-dessus ; appels : défiler"]),
    row(Panes, KeyCode::Down, Intent::Down, ["the row below; calls: scroll", "ligne au-dessous ; appels : défiler"]),
    row(Panes, KeyCode::PageUp, Intent::PageUp, ["a page up", "une page plus haut"]),
    row(Panes, KeyCode::PageDown, Intent::PageDown, ["a page down", "une page plus bas"]),
    row(Panes, KeyCode::Home, Intent::Top, ["the first row", "première ligne"]),
    row(Panes, KeyCode::End, Intent::Bottom, ["the last row", "dernière ligne"]),
    row(
        Panes,
        KeyCode::Enter,
        Intent::Accept,
        ["all of the row; without one: the walls' evidence", "ligne entière ; sans ligne : preuve des cloisons"],
    ),
    row(
        Panes,
        Char('s'),
        Intent::Sort,
        ["sort by the next column (the box's own first)", "trier par la colonne suivante (la boîte d'abord)"],
    ),
    row(Panes, Char('r'), Intent::Reverse, ["sort the other way round", "inverser le tri"]),
    row(Panes, Char('x'), Intent::OtherSide, ["sort by the other side's column", "trier selon l'autre côté"]),
    row(
        Panes,
        Char('/'),
        Intent::Filter,
        ["filter: only rows that say this", "filtrer : seulement les lignes qui contiennent"],
    ),
    row(
        Panes,
        KeyCode::Esc,
        Intent::Close,
        ["clear the filter; the selection; the zoom", "vider le filtre ; la sélection ; le zoom"],
    ),
    row(Panes, Char('z'), Intent::Zoom, ZOOM),
    row(Panes, Char('e'), Intent::Evidence, ["what proves the walls", "ce qui prouve les cloisons"]),
    row(Filter, KeyCode::Enter, Intent::Accept, ["keep it", "le garder"]),
    row(Filter, KeyCode::Backspace, Intent::Erase, ["erase from it", "y effacer"]),
    row(Filter, KeyCode::Esc, Intent::Close, ["clear it", "le vider"]),
    with(
        KeyModifiers::SHIFT,
        row(Shell, KeyCode::PageUp, Intent::PageUp, ["back into the past", "remonter dans le passé"]),
    ),
    with(
        KeyModifiers::SHIFT,
        row(Shell, KeyCode::PageDown, Intent::PageDown, ["towards now", "revenir vers le présent"]),
    ),
    row(EndedShell, KeyCode::Enter, Intent::Accept, ["open a new one", "en ouvrir un nouveau"]),
    row(EndedShell, KeyCode::Tab, Intent::NextRegion, ["the next region", "région suivante"]),
    row(EndedShell, KeyCode::BackTab, Intent::PreviousRegion, ["the region before", "région précédente"]),
    row(Overlay, KeyCode::Esc, Intent::Close, ["close", "fermer"]),
    row(Overlay, KeyCode::Enter, Intent::Accept, ["say yes, or close", "accepter ou fermer"]),
    row(Overlay, KeyCode::Up, Intent::Up, ["scroll up", "défiler vers le haut"]),
    row(Overlay, KeyCode::Down, Intent::Down, ["scroll down", "défiler vers le bas"]),
    row(Overlay, KeyCode::PageUp, Intent::PageUp, ["a page up", "une page plus haut"]),
    row(Overlay, KeyCode::PageDown, Intent::PageDown, ["a page down", "une page plus bas"]),
    row(Quit, KeyCode::Enter, Intent::Accept, ["leave the program", "quitter le programme"]),
    row(Quit, Char('l'), Intent::List, ["back to the list of lessons", "revenir à la liste des leçons"]),
    row(Quit, KeyCode::Esc, Intent::Close, ["stay", "rester"]),
];

/// What a key means in a context; keys that count everywhere come first.
pub fn lookup(context: Context, key: KeyEvent) -> Option<Intent> {
    all().find(|binding| matches(binding, context, key)).map(|binding| binding.intent)
}

/// Every line, those of a demonstration last.
pub fn all() -> impl Iterator<Item = &'static Binding> {
    KEYS.iter().chain(projector::KEYS)
}

fn matches(binding: &Binding, context: Context, key: KeyEvent) -> bool {
    let here = binding.context == context || (binding.context == Everywhere && context != AfterPrefix);
    // Shift counts for the keys that a shell would take without it; F keys with
    // Shift, Ctrl or Alt are the shell's.
    let mut held = key.modifiers.intersection(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
    if matches!(key.code, KeyCode::BackTab | KeyCode::Char(_)) {
        held.remove(KeyModifiers::SHIFT);
    }
    here && binding.key == key.code && binding.modifiers == held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (at, one) in all().enumerate() {
            for other in all().skip(at + 1) {
                let same = one.key == other.key && one.modifiers == other.modifiers;
                assert!(!(same && one.context == other.context), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn f_keys_count_everywhere_and_the_prefix_stands_for_them() {
        for context in [Context::Shell, Context::Lesson, Context::List, Context::Overlay] {
            assert_eq!(lookup(context, KeyCode::F(9).into()), Some(Intent::Next));
        }
        assert_eq!(lookup(Context::AfterPrefix, KeyCode::Char('9').into()), Some(Intent::Next));
        assert_eq!(lookup(Context::AfterPrefix, KeyCode::F(9).into()), None);
    }

    #[test]
    fn in_a_shell_all_other_keys_are_the_shells() {
        let keys = [KeyCode::Tab, KeyCode::Enter, KeyCode::Esc, KeyCode::Up, KeyCode::Char('1'), KeyCode::PageUp];
        for key in keys {
            assert_eq!(lookup(Context::Shell, key.into()), None, "{key:?}");
        }
        let shifted = KeyEvent::new(KeyCode::PageUp, KeyModifiers::SHIFT);
        assert_eq!(lookup(Context::Shell, shifted), Some(Intent::PageUp));
        assert_eq!(lookup(Context::Shell, KeyEvent::new(KeyCode::F(5), KeyModifiers::CONTROL)), None);
    }

    #[test]
    fn both_languages_say_something_else() {
        for binding in all() {
            assert_ne!(binding.help[0], binding.help[1], "{binding:?}");
        }
    }
}
