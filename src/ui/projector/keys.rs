//! The keys of a demonstration: those of a presenter's remote control among them
//! (page up and down, `b` and `.` for a blank screen).

use crossterm::event::KeyCode::{self, Char};

use crate::ui::keymap::Context::{Counting, Projector};
use crate::ui::keymap::{Binding, Intent, row};

const NEXT: [&str; 2] = ["the next step", "étape suivante"];
const BACK: [&str; 2] = ["the step before, rebuilt", "étape précédente, reconstruite"];
const BLANK: [&str; 2] = ["blank the screen, and back", "écran vide, et retour"];
const REVEAL: [&str; 2] =
    ["reveal what the kernel does; else: the next step", "révéler ce que fait le noyau ; sinon : suite"];
const DOWN: [&str; 2] = ["one row in the spotlight: the next", "une ligne en évidence : la suivante"];
const UP: [&str; 2] = ["one row in the spotlight: the one before", "une ligne en évidence : la précédente"];
const LARGER: [&str; 2] = ["larger: larger text, no margins", "plus grand : texte plus grand, sans marges"];

/// The table.
pub const KEYS: &[Binding] = &[
    row(Projector, Char(' '), Intent::Next, NEXT),
    row(Projector, KeyCode::Right, Intent::Next, NEXT),
    row(Projector, KeyCode::PageDown, Intent::Next, NEXT),
    row(Projector, Char('n'), Intent::Next, NEXT),
    row(Projector, KeyCode::Left, Intent::Back, BACK),
    row(Projector, KeyCode::PageUp, Intent::Back, BACK),
    row(Projector, KeyCode::Enter, Intent::Reveal, REVEAL),
    row(Projector, Char('r'), Intent::Reveal, REVEAL),
    row(
        Projector,
        Char('v'),
        Intent::Count,
        [
            "count hands: numbers, in the order of the choices",
            "compter les mains : des nombres, dans l'ordre des choix",
        ],
    ),
    row(Projector, Char('t'), Intent::Type, ["type the solution; again: pause", "taper la solution ; encore : pause"]),
    row(Projector, Char('m'), Intent::Slow, ["slow motion: one call at a time", "au ralenti : un appel à la fois"]),
    row(Projector, Char('a'), Intent::Auto, ["goes on by itself; again: waits", "avance tout seul ; encore : attend"]),
    row(Projector, Char('g'), Intent::Steps, ["go to any step", "aller à n'importe quelle étape"]),
    row(
        Projector,
        Char('R'),
        Intent::Repeat,
        ["this step again, in a lab built anew", "refaire cette étape, dans un labo neuf"],
    ),
    row(Projector, Char('b'), Intent::Blank, BLANK),
    row(Projector, Char('.'), Intent::Blank, BLANK),
    row(
        Projector,
        Char('s'),
        Intent::Spotlight,
        ["one region alone; again: the next", "une zone seule ; encore : la suivante"],
    ),
    row(Projector, KeyCode::Down, Intent::Down, DOWN),
    row(Projector, Char('j'), Intent::Down, DOWN),
    row(Projector, KeyCode::Up, Intent::Up, UP),
    row(Projector, Char('k'), Intent::Up, UP),
    row(Projector, Char('+'), Intent::Larger, LARGER),
    row(
        Projector,
        Char('-'),
        Intent::Smaller,
        ["smaller: wide margins, smaller text", "plus petit : larges marges, texte plus petit"],
    ),
    row(Projector, Char('e'), Intent::Evidence, ["what proves the walls", "ce qui prouve les cloisons"]),
    row(
        Projector,
        KeyCode::Esc,
        Intent::Close,
        ["all regions and rows again", "toutes les zones et les lignes à nouveau"],
    ),
    row(Counting, KeyCode::Enter, Intent::Accept, ["show them", "les montrer"]),
    row(Counting, KeyCode::Backspace, Intent::Erase, ["erase", "effacer"]),
    row(Counting, KeyCode::Esc, Intent::Close, ["leave them", "y renoncer"]),
];
