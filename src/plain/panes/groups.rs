//! Control groups as lines to be read aloud: the groups with who is in each, the paths
//! on both sides, and what the files say.

use super::{objects, unread};
use crate::i18n::{Explain, Lang};
use crate::observe::Snapshot;
use crate::observe::twin::{self, FileRow, GroupRow, Groups, Unit};
use crate::plain::paper::{Paper, Tone};
use crate::say;
use crate::term::safe::safe;

/// At most so many members of a group are named.
const NAMED: usize = 8;

/// The groups of the lab; where the lesson is not about them, the paths alone.
pub(super) fn cgroup(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str, all: bool) {
    let lang = paper.lang;
    let Some(actor) = snapshot.actors.get(boxed) else { return };
    let Some(groups) = twin::groups(snapshot, boxed) else {
        return objects::cgroup(paper, &snapshot.host, actor, all);
    };
    if twin::is_frozen(snapshot, actor) {
        let name = safe(boxed);
        let text = say!(
            lang,
            "{name} is frozen: it answers nothing, and its side is what was seen last.",
            "{name} est en état gelé : pas de réponse, et son côté est ce qui a été vu en dernier."
        );
        paper.tone("! ", &text, Tone::Warn);
    }
    let mut lines: Vec<String> = groups.tree.iter().map(|row| group(row, lang)).collect();
    let shown: Vec<&FileRow<'_>> =
        groups.files.iter().filter(|file| all || paper.only.is_some() || file.first).collect();
    let hidden = groups.files.len() - shown.len();
    lines.extend(shown.into_iter().map(|row| file(row, &groups, lang)));
    if let Some(needle) = paper.only.clone() {
        let before = lines.len();
        lines.retain(|line| line.to_lowercase().contains(&needle));
        let (hidden, needle) = (before - lines.len(), safe(&needle));
        for line in &lines {
            paper.raw(line);
        }
        return paper.say(&say!(lang, "… {hidden} hidden by /{needle}", "… {hidden} masquées par /{needle}"));
    }
    let (tree, files) = lines.split_at(groups.tree.len());
    for line in tree {
        paper.raw(line);
    }
    unread(paper, &actor.cgroup);
    objects::cgroup(paper, &snapshot.host, actor, all);
    for line in files {
        paper.raw(line);
    }
    if hidden > 0 {
        paper.say(&say!(
            lang,
            "… {hidden} more lines of files; :show cgroup all lists them",
            "… et {hidden} autres lignes de fichiers ; :show cgroup all en donne la liste"
        ));
    }
    for note in groups.notes(boxed, lang) {
        paper.say(&note);
    }
}

fn group(row: &GroupRow<'_>, lang: Lang) -> String {
    let name = safe(row.name);
    let count = row.members.len();
    let mut who = row.members.iter().take(NAMED).map(|member| safe(&member.says(lang))).collect::<Vec<_>>().join(", ");
    if count > NAMED {
        who.push_str(", …");
    }
    let frozen = if row.group.frozen == Some(true) { lang.pick(", frozen", ", gelé") } else { "" };
    match count {
        0 => say!(lang, "group {name}{frozen}: nobody is in it", "groupe {name}{frozen} : personne"),
        _ => say!(lang, "group {name}{frozen}: {count} in it: {who}", "groupe {name}{frozen} : {count} dedans : {who}"),
    }
}

/// `box memory.current: 30146560 (28.7 MiB), 89 % of memory.max`.
fn file(row: &FileRow<'_>, groups: &Groups<'_>, lang: Lang) -> String {
    let several = groups.tree.len() > 1;
    let group = if several { format!("{} ", safe(row.group)) } else { String::new() };
    let name = safe(&row.name());
    let raw = match row.raw {
        Ok("") => lang.pick("(empty)", "(vide)").to_owned(),
        Ok(raw) => safe(raw),
        Err(unread) => {
            let why = unread.errno.explain(lang);
            return say!(lang, "{group}{name}: not readable: {why}", "{group}{name} : illisible : {why}");
        }
    };
    let mut text = say!(lang, "{group}{name}: {raw}", "{group}{name} : {raw}");
    let says = row.says(lang);
    if !says.is_empty() {
        text = format!("{text} ({says})");
    }
    if let (Some((limit, most)), Some(number)) = (row.limit, row.number)
        && let Some(percent) = (u128::from(number) * 100).checked_div(u128::from(most))
        && row.unit != Unit::Micros
    {
        text.push_str(&say!(lang, ", {percent} % of {limit}", ", {percent} % de {limit}"));
    }
    let old = safe(&row.in_v1(lang));
    if !old.is_empty() {
        text = format!("{text}  {old}");
    }
    text
}
