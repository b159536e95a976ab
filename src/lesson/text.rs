//! The prose of a lesson: from Markdown to headings and bodies, with places. Used
//! by the loader alone; what belongs where is decided by `lesson::validate`.
//! Bodies are kept as Markdown source.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use super::diagnostic::{Diagnostic, acts_on_terminal, both, quoted};
use super::load::MOST;
use super::source::Source;

/// The most bytes that are looked through for the end of `seed.NAME`.
const LONGEST_SEED: usize = 64;
/// The most characters that are looked through for the end of a path.
const LONGEST_PATH: usize = 1100;

/// A Markdown file, cut at its headings.
#[derive(Debug)]
pub struct Outline {
    /// `# Title` and the paragraph below.
    pub title: Option<Section>,
    /// `## step-id: Heading`, in order.
    pub steps: Vec<StepSection>,
}

/// A heading and what is below it.
#[derive(Debug)]
pub struct Section {
    /// The text of the heading.
    pub heading: String,
    /// The bytes of that text.
    pub span: Range<usize>,
    /// What follows, up to the next heading, trimmed.
    pub body: String,
    /// The bytes of the body.
    pub body_span: Range<usize>,
}

/// `## step-id: Heading`.
#[derive(Debug)]
pub struct StepSection {
    /// What is before the colon.
    pub id: String,
    /// What is after it.
    pub title: String,
    /// The heading and the body.
    pub section: Section,
    /// The `###` headings below.
    pub parts: Vec<Section>,
}

/// Cuts a file at its headings; says which stand where none is expected.
pub fn outline(source: &Source, found: &mut Vec<Diagnostic>) -> Outline {
    controls(source, found);
    let mut outline = Outline { title: None, steps: Vec::new() };
    for (level, section) in sections(source, found) {
        // Placing a mistake costs a walk through the file; nobody reads hundreds.
        if found.len() > MOST {
            break;
        }
        let span = section.span.clone();
        match level {
            1 if outline.title.is_none() && outline.steps.is_empty() => outline.title = Some(section),
            2 => match section.heading.split_once(':') {
                Some((id, title)) => {
                    let (id, title) = (id.trim().to_owned(), title.trim().to_owned());
                    outline.steps.push(StepSection { id, title, section, parts: Vec::new() });
                }
                None => found.push(
                    source
                        .at(span, both!("a step's heading without its id", "titre d'étape sans identifiant"))
                        .help(both!("write `## step-id: Heading`", "écrivez « ## id-de-l-étape: Titre »")),
                ),
            },
            3 if !outline.steps.is_empty() => {
                if let Some(step) = outline.steps.last_mut() {
                    step.parts.push(section);
                }
            }
            _ => found.push(stray(source, span)),
        }
    }
    outline
}

fn stray(source: &Source, span: Range<usize>) -> Diagnostic {
    source
        .at(span, both!("a heading of this level has no place here", "un titre de ce niveau n'a pas sa place ici"))
        .help(both!(
            "one `# Title`, then `## step-id: Heading` per step, then `###` for its parts",
            "un seul « # Titre », puis « ## id-de-l-étape: Titre » par étape, puis « ### » pour ses parties"
        ))
}

/// A heading inside a quotation or a list, or one made by a line below it.
fn no_line_of_its_own(source: &Source, span: Range<usize>, nested: bool) -> Diagnostic {
    let help = if nested {
        both!(
            "in a quotation or a list, use bold text instead",
            "dans une citation ou une liste, mettez plutôt le texte en gras"
        )
    } else {
        both!(
            "a line of `---` or `===` right below a paragraph makes it a heading: put an empty line between",
            "une ligne de « --- » ou de « === » juste sous un paragraphe en fait un titre : laissez une ligne vide entre les deux"
        )
    };
    let title =
        both!("a heading that is not at the start of a line with `#`", "ce titre ne commence pas sa ligne par « # »");
    source.at(span, title).help(help)
}

/// All headings with what follows each, in order.
fn sections(source: &Source, found: &mut Vec<Diagnostic>) -> Vec<(usize, Section)> {
    let text = source.text.as_str();
    let mut headings: Vec<(usize, Range<usize>)> = Vec::new();
    let mut nesting = 0_usize;
    for (event, span) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                nesting += 1;
                if found.len() > MOST {
                    break;
                }
                if nesting > 1 || !text[span.clone()].starts_with('#') {
                    found.push(no_line_of_its_own(source, span, nesting > 1));
                } else {
                    headings.push((depth(level), span));
                }
            }
            Event::Start(Tag::Table(_)) => {
                nesting += 1;
                found.push(
                    source
                        .at(
                            span,
                            both!(
                                "a table: the text beside the panes has no room for one",
                                "un tableau : le texte à côté des volets n'a pas la place"
                            ),
                        )
                        .help(both!("write a list", "écrivez une liste")),
                );
            }
            Event::Start(_) => nesting += 1,
            Event::End(_) => nesting = nesting.saturating_sub(1),
            _ => {}
        }
    }
    let ends: Vec<usize> = headings.iter().skip(1).map(|(_, span)| span.start).chain([text.len()]).collect();
    if let Some((_, first)) = headings.first()
        && let Some(span) = trimmed(text, 0..first.start)
    {
        found.push(
            source
                .at(span, both!("text before the title", "texte avant le titre"))
                .help(both!("start the file with `# Title`", "commencez le fichier par « # Titre »")),
        );
    }
    headings
        .into_iter()
        .zip(ends)
        .map(|((level, span), end)| {
            let line = text[span.clone()].trim_end();
            let heading = line.trim_start_matches('#').trim().trim_end_matches('#').trim_end().to_owned();
            let body_span = trimmed(text, span.end..end).unwrap_or(span.end..span.end);
            let body = text[body_span.clone()].to_owned();
            (level, Section { heading, span: span.start..span.start + line.len(), body, body_span })
        })
        .collect()
}

/// The part of a range that is left without the white space around it.
fn trimmed(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let part = &text[span.clone()];
    let start = span.start + (part.len() - part.trim_start().len());
    let part = part.trim();
    (!part.is_empty()).then_some(start..start + part.len())
}

fn depth(level: HeadingLevel) -> usize {
    level as usize
}

/// Prose is shown on a terminal: what could act on it is refused.
fn controls(source: &Source, found: &mut Vec<Diagnostic>) {
    for (at, c) in source.text.char_indices() {
        let crlf = c == '\r' && source.text[at..].starts_with("\r\n");
        if acts_on_terminal(c) && c != '\n' && c != '\t' && !crlf {
            let code = format!("U+{:04X}", u32::from(c));
            found.push(
                source
                    .at(
                        at..at + c.len_utf8(),
                        both!("the control character {code} in prose", "caractère de commande {code} dans la prose"),
                    )
                    .help(both!("take it out", "retirez-le")),
            );
            // One is enough: a binary file has thousands.
            return;
        }
    }
}

/// A piece of prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// `{seed.NAME}`: the name.
    Seed(&'a str),
    /// `{$.path}`: the JSONPath; the live value there.
    Live(&'a str),
}

/// Cuts prose into what stands as it is and what is filled in. Braces that hold
/// anything else (code) are text.
pub fn pieces(prose: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut text_from = 0;
    let mut at = 0;
    while let Some(open) = prose[at..].find('{').map(|found| at + found) {
        let inside = &prose[open + 1..];
        let close =
            inside.starts_with("seed.").then(|| end_of_seed(inside)).flatten().or_else(|| {
                if inside.starts_with("$.") || inside.starts_with("$[") { end_of_path(inside) } else { None }
            });
        let Some(close) = close else {
            at = open + 1;
            continue;
        };
        if open > text_from {
            pieces.push(Piece::Text(&prose[text_from..open]));
        }
        let word = &inside[..close];
        pieces.push(word.strip_prefix("seed.").map_or(Piece::Live(word), Piece::Seed));
        at = open + 1 + close + 1;
        text_from = at;
    }
    if text_from < prose.len() {
        pieces.push(Piece::Text(&prose[text_from..]));
    }
    pieces
}

/// Where the brace is that closes a seed's name: within what a name can be.
pub(super) fn end_of_seed(inside: &str) -> Option<usize> {
    inside.bytes().take(LONGEST_SEED).position(|byte| byte == b'}')
}

/// Where the brace is that closes a path: not one in quotes, and on its line.
fn end_of_path(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in inside.char_indices().take(LONGEST_PATH) {
        match (quote, c) {
            (_, '\n') => return None,
            (None, '}') => return Some(at),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// The name of a heading as messages quote it.
pub fn shown(section: &Section) -> String {
    quoted(&section.heading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_cut_at_seeds_and_live_values() {
        assert_eq!(
            pieces("Call it `{seed.name}`: pid {$.actors.box.pid}."),
            [
                Piece::Text("Call it `"),
                Piece::Seed("name"),
                Piece::Text("`: pid "),
                Piece::Live("$.actors.box.pid"),
                Piece::Text("."),
            ]
        );
    }

    #[test]
    fn other_braces_are_code() {
        assert_eq!(pieces("${HOME} {a} {$"), [Piece::Text("${HOME} {a} {$")]);
    }

    #[test]
    fn a_brace_in_quotes_does_not_close_a_path() {
        assert_eq!(pieces("{$['}'].a}"), [Piece::Live("$['}'].a")]);
    }

    #[test]
    fn a_hash_in_a_code_block_is_no_heading() {
        let source = Source::new("en.md", "# T\n\nS.\n\n## one: One\n\n```\n# not a heading\n```\n");
        let mut found = Vec::new();
        let outline = outline(&source, &mut found);
        assert_eq!(found, []);
        assert_eq!(outline.steps.len(), 1);
        assert_eq!(outline.steps[0].section.body, "```\n# not a heading\n```");
    }
}
