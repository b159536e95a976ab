//! Users as lines: who is who through the maps, and who owns the lesson's files.

use super::{rows, unread};
use crate::i18n::Lang;
use crate::observe::model::{FileSeen, IdRange, Users};
use crate::observe::twin::{self, UserFace};
use crate::observe::{ActorView, Reading, View};
use crate::plain::paper::Paper;
use crate::say;
use crate::term::safe::safe;

pub(super) fn users(paper: &mut Paper<'_>, host: &View, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    unread(paper, &host.users);
    unread(paper, &actor.users);
    let twin = twin::users(host, actor);
    let face = |face: UserFace<'_>| {
        let uid = face.uid;
        face.name.map_or_else(|| uid.to_string(), |name| format!("{uid} ({})", safe(name)))
    };
    rows(paper, &twin.users.rows, all, |row| match (row.host, row.inside) {
        (Some(outer), Some(inner)) if inner.mapped => {
            let (outer, inner) = (face(outer), face(inner));
            say!(lang, "host uid {outer} = box uid {inner}", "hôte uid {outer} = boîte uid {inner}")
        }
        (Some(outer), inner) => {
            let (outer, inner) = (face(outer), inner.map(face).unwrap_or_default());
            say!(
                lang,
                "host uid {outer} is not mapped; the box reads {inner}",
                "hôte uid {outer} sans correspondance ; la boîte lit {inner}"
            )
        }
        (None, inner) => {
            let inner = inner.map(face).unwrap_or_default();
            say!(lang, "box uid {inner}, unknown on the host", "boîte uid {inner}, inconnu sur l'hôte")
        }
    });
    let Some(Users { uid_map, gid_map, setgroups, .. }) = twin.inside else { return };
    let setgroups = safe(setgroups);
    let (uids, gids) = (map(uid_map, lang), map(gid_map, lang));
    paper.say(&say!(lang, "uid map of the box: {uids}", "table des uid de la boîte : {uids}"));
    paper.say(&say!(lang, "gid map of the box: {gids}", "table des gid de la boîte : {gids}"));
    paper.say(&format!("setgroups: {setgroups}"));
    for (path, inside) in actor.seen.read().into_iter().flat_map(|seen| &seen.files) {
        let (outer, inner) = (actor.files.get(path).map_or_else(|| "?".to_owned(), owner), owner(inside));
        let path = safe(path);
        paper.raw(&say!(
            lang,
            "{path}: owner uid {outer} for the host, {inner} for the box",
            "{path} : propriétaire d'uid {outer} pour l'hôte, {inner} pour la boîte"
        ));
    }
}

fn owner(file: &Reading<FileSeen>) -> String {
    match file {
        Reading::Read(file) => {
            let uid = file.uid;
            file.user.as_deref().map_or_else(|| uid.to_string(), |user| format!("{uid} ({})", safe(user)))
        }
        Reading::Unread(unread) => unread.errno.symbol(),
    }
}

fn map(ranges: &[IdRange], lang: Lang) -> String {
    if ranges.is_empty() {
        return say!(lang, "empty", "vide");
    }
    let range = |range: &IdRange| {
        let IdRange { inside, outside, count } = range;
        say!(
            lang,
            "{inside} inside is {outside} outside, {count} ids",
            "{inside} dedans est {outside} dehors, {count} id"
        )
    };
    ranges.iter().map(range).collect::<Vec<_>>().join("; ")
}
