//! A handout as one HTML page that needs nothing else: no script, no network, and it
//! prints on A4. What comes from a lesson is never markup of its own.

use std::fmt::Write as _;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::sheet::{BLANK, Block, LINES, Part, Sheet, in_shell};
use crate::i18n::Lang;
use crate::say;

const STYLE: &str = include_str!("../../../../assets/handout.css");

pub(super) fn page(sheets: &[Sheet], lang: Lang) -> String {
    let title = match sheets {
        [sheet] => escaped(&sheet.title),
        _ => lang.pick("Lessons of cloison", "Leçons de cloison").to_owned(),
    };
    let code = lang.code();
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    for sheet in sheets {
        lesson(&mut out, sheet, lang);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn lesson(out: &mut String, sheet: &Sheet, lang: Lang) {
    let id = escaped(&sheet.id);
    // Writing to a String can't fail.
    let _ = writeln!(out, "<article id=\"{id}\">\n<header>\n<h1>{}</h1>", inline(&sheet.title));
    let _ = write!(out, "{}<ul class=\"facts\">", prose(&sheet.summary));
    for fact in &sheet.facts {
        let _ = write!(out, "<li>{}</li>", escaped(fact));
    }
    let _ = writeln!(out, "</ul>\n<p>{} {BLANK}{BLANK}</p>", lang.pick("Name:", "Nom :"));
    if !sheet.own.is_empty() {
        let own: Vec<String> = sheet.own.iter().map(|name| format!("{} = {BLANK}", escaped(name))).collect();
        let own = own.join(", ");
        let words = say!(
            lang,
            "Values of your own, which the program tells you: {own}",
            "Vos propres valeurs, que le programme vous donne : {own}"
        );
        let _ = writeln!(out, "<p>{words}</p>");
    }
    out.push_str("</header>\n");
    for part in &sheet.steps {
        section(out, "h2", part, lang);
    }
    if !sheet.answers.is_empty() {
        let heading = lang.pick("Solutions", "Corrigé");
        let _ = writeln!(out, "<div class=\"solutions\">\n<h2>{heading}</h2>");
        if !sheet.whose.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", escaped(&sheet.whose));
        }
        for part in &sheet.answers {
            section(out, "h3", part, lang);
        }
        out.push_str("</div>\n");
    }
    out.push_str("</article>\n");
}

fn section(out: &mut String, heading: &str, part: &Part, lang: Lang) {
    let whole = part.blocks.iter().any(|block| matches!(block, Block::Task { .. } | Block::Choices(_)));
    let class = if whole { " class=\"whole\"" } else { "" };
    let _ = writeln!(out, "<section{class}>\n<{heading}>{}</{heading}>", inline(&part.heading));
    for block in &part.blocks {
        match block {
            Block::Text(text) => out.push_str(&prose(text)),
            Block::Label(text) => {
                let _ = writeln!(out, "<p class=\"label\">{}</p>", escaped(text));
            }
            Block::Choices(choices) => ticked(out, choices),
            Block::Numbered(list) => {
                out.push_str("<ol>\n");
                items(out, list);
                out.push_str("</ol>\n");
            }
            Block::Task { checks, shells } => {
                ticked(out, checks);
                for shell in shells {
                    let shell = escaped(&in_shell(shell, lang));
                    let lines = "<div></div>".repeat(LINES);
                    let _ = writeln!(out, "<p class=\"shell\">{shell}</p>\n<div class=\"room\">{lines}</div>");
                }
            }
            Block::Commands(commands) => {
                let _ = writeln!(out, "<pre><code>{}</code></pre>", escaped(commands));
            }
        }
    }
    out.push_str("</section>\n");
}

/// A list with boxes to tick.
fn ticked(out: &mut String, list: &[String]) {
    out.push_str("<ul class=\"tick\">\n");
    items(out, list);
    out.push_str("</ul>\n");
}

fn items(out: &mut String, list: &[String]) {
    for item in list {
        let _ = writeln!(out, "<li>{}</li>", prose(item));
    }
}

/// Markdown as HTML. Its raw HTML is text; a link is its text and its address, since
/// paper has nothing to click and a page from anybody nothing to lead to; an image is
/// the text in its place.
fn prose(markdown: &str) -> String {
    let mut addresses: Vec<String> = Vec::new();
    let events = Parser::new_ext(markdown, Options::empty()).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            addresses.push(dest_url.into_string());
            None
        }
        Event::End(TagEnd::Link | TagEnd::Image) => {
            let address = addresses.pop().filter(|address| !address.is_empty())?;
            Some(Event::Text(CowStr::from(format!(" ({address})"))))
        }
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

/// Markdown of one line, without the paragraph around it.
fn inline(markdown: &str) -> String {
    let html = prose(markdown);
    let html = html.trim();
    let inner = html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    inner.filter(|html| !html.contains("<p>")).map_or_else(|| escaped(markdown), str::to_owned)
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
