//! Colours and weights, as a table: what a role looks like in each theme. Colour
//! never carries a meaning alone; the views put a sign or a word beside it.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// What may be overlooked.
    Quiet,
    /// Headings, names.
    Strong,
    /// Emphasis in prose.
    Emphasis,
    /// Commands, paths, calls.
    Code,
    /// Frames.
    Frame,
    /// The frame of the region that has the keyboard.
    Focus,
    /// The bar at the top and the foot.
    Bar,
    /// A key in the foot bar.
    Key,
    /// It holds, it was built.
    Good,
    /// It does not hold, it failed.
    Bad,
    /// Something to notice.
    Warn,
    /// The row or choice that Enter takes.
    Selected,
}

/// The table for one kind of terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
    projected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Palette {
    Dark,
    Light,
    Plain,
}

impl Theme {
    /// Light text on a dark ground.
    pub const DARK: Self = Self { palette: Palette::Dark, projected: false };
    /// Dark text on a light ground.
    pub const LIGHT: Self = Self { palette: Palette::Light, projected: false };
    /// No colour at all: bold, underlined and reversed only.
    pub const PLAIN: Self = Self { palette: Palette::Plain, projected: false };

    /// The theme for a terminal. `colorfgbg` is that variable's value (`15;0`): its
    /// last number is the ground; 7 and from 9 on are light (rxvt). Dark otherwise.
    pub fn choose(colour: bool, colorfgbg: Option<&str>) -> Self {
        let ground = colorfgbg.and_then(|value| value.rsplit(';').next()).and_then(|last| last.parse::<u8>().ok());
        match ground {
            _ if !colour => Self::PLAIN,
            Some(7 | 9..=15) => Self::LIGHT,
            _ => Self::DARK,
        }
    }

    /// The same for a room: all bold, nothing dim.
    #[must_use]
    pub fn projected(self) -> Self {
        Self { projected: true, ..self }
    }

    /// Whether it has colours: shells are drawn with theirs only then.
    pub fn coloured(self) -> bool {
        self.palette != Palette::Plain
    }

    /// What a role looks like.
    pub fn style(self, role: Role) -> Style {
        let (dark, light, modifier) = row(role);
        if !self.projected {
            return self.paint(dark, light).add_modifier(modifier);
        }
        let paint = match role {
            Role::Quiet | Role::Frame => Style::new(),
            _ => self.paint(dark, light),
        };
        paint.add_modifier(modifier.difference(Modifier::ITALIC) | Modifier::BOLD)
    }

    /// What the two halves of the n-th joined row look like: the same on both sides.
    pub fn joined(self, n: usize) -> Style {
        const DARK: [Color; 6] = [
            Color::LightCyan,
            Color::LightYellow,
            Color::LightMagenta,
            Color::LightGreen,
            Color::LightBlue,
            Color::LightRed,
        ];
        const LIGHT: [Color; 6] =
            [Color::Blue, Color::Magenta, Color::Indexed(94), Color::Indexed(22), Color::Indexed(24), Color::Red];
        let style = self.paint(DARK[n % DARK.len()], LIGHT[n % LIGHT.len()]);
        if self.projected { style.add_modifier(Modifier::BOLD) } else { style }
    }

    fn paint(self, dark: Color, light: Color) -> Style {
        let colour = match self.palette {
            Palette::Dark => dark,
            Palette::Light => light,
            Palette::Plain => Color::Reset,
        };
        if colour == Color::Reset { Style::new() } else { Style::new().fg(colour) }
    }
}

/// Colour on a dark ground, colour on a light one, weight in every theme.
fn row(role: Role) -> (Color, Color, Modifier) {
    const NONE: Modifier = Modifier::empty();
    match role {
        Role::Text | Role::Bar => (Color::Reset, Color::Reset, NONE),
        Role::Quiet => (Color::Gray, Color::DarkGray, NONE),
        Role::Strong => (Color::Reset, Color::Reset, Modifier::BOLD),
        Role::Emphasis => (Color::Reset, Color::Reset, Modifier::ITALIC),
        Role::Code => (Color::LightCyan, Color::Blue, NONE),
        Role::Frame => (Color::DarkGray, Color::Gray, NONE),
        Role::Focus | Role::Key => (Color::LightYellow, Color::Blue, Modifier::BOLD),
        Role::Good => (Color::LightGreen, Color::Indexed(22), Modifier::BOLD),
        Role::Bad => (Color::LightRed, Color::Red, Modifier::BOLD),
        Role::Warn => (Color::LightYellow, Color::Indexed(94), Modifier::BOLD),
        Role::Selected => (Color::Reset, Color::Reset, Modifier::REVERSED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_of_the_terminal_decides() {
        assert_eq!(Theme::choose(true, None), Theme::DARK);
        assert_eq!(Theme::choose(true, Some("15;0")), Theme::DARK);
        assert_eq!(Theme::choose(true, Some("0;default;15")), Theme::LIGHT);
        assert_eq!(Theme::choose(true, Some("nonsense")), Theme::DARK);
        assert_eq!(Theme::choose(false, Some("0;15")), Theme::PLAIN);
    }

    #[test]
    fn without_colour_no_role_has_one() {
        for role in [Role::Good, Role::Bad, Role::Warn, Role::Focus, Role::Code, Role::Key] {
            assert_eq!(Theme::PLAIN.style(role).fg, None, "{role:?}");
        }
        assert_eq!(Theme::PLAIN.joined(3), Style::new());
    }
}
