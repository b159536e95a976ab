//! Why the kernel refused an op, and what helps: a mount of a file system that shows a
//! namespace, a port that is taken. Said beside the failure, from what the actor itself
//! saw. Called by `notice`; pure.

use serde_json::Value;

use super::prose::plain;
use crate::i18n::Lang;
use crate::lesson::op::Op;
use crate::observe::Errno;
use crate::say;

/// Mount points below /proc that hide nothing: made to be mounted on, and empty.
const EMPTY_BY_DESIGN: [&str; 2] = ["/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"];

/// A sentence on why this op was refused with this errno, where that is known, and on
/// what helps. `actor` is the actor's part of the snapshot.
pub(super) fn why(op: &Op, errno: Errno, actor: Option<&Value>, lang: Lang) -> Option<String> {
    match op {
        Op::Mount { fstype, .. } => mount(fstype, errno, actor, lang),
        Op::Listen { .. } if errno.0 == libc::EADDRINUSE => Some(say!(
            lang,
            "Another program of this machine listens at this port; as root, ss -ltnp names it in any case. End it, go back a step and come again. If it has to stay: another `student` in your answers to this lesson gives it other ports.",
            "Un autre programme de cette machine écoute sur ce port ; en root, ss -ltnp le nomme dans tous les cas. Mettez-y fin, revenez d'une étape, puis avancez à nouveau. S'il doit rester : un autre « student » dans vos réponses à cette leçon lui donne d'autres ports."
        )),
        _ => None,
    }
}

fn mount(fstype: &str, errno: Errno, actor: Option<&Value>, lang: Lang) -> Option<String> {
    // proc(5), sysfs(5), mq_overview(7): whose namespace each of them shows.
    let kind = match fstype {
        "proc" => "pid",
        "sysfs" => "net",
        "mqueue" => "ipc",
        _ => return None,
    };
    if errno.0 != libc::EPERM {
        return None;
    }
    let seen = actor?.get("seen")?;
    let own = seen.get("ns")?.get("user")?.as_u64()?;
    // Unread (EPERM): the owner is outside of the actor's view.
    if seen.get("owners")?.get(kind)?.as_u64() != Some(own) {
        return Some(say!(
            lang,
            "A {fstype} shows a namespace, here of type {kind}, and may be mounted only where that one belongs to the actor's own user namespace: leave {kind} as well (and, for pid, fork).",
            "Un {fstype} montre un espace de noms, ici de type {kind}, et ne peut être monté que si celui-ci appartient à l'espace de noms user de l'acteur : quittez aussi {kind} (et, pour pid, faites un fork)."
        ));
    }
    if fstype == "mqueue" {
        return None;
    }
    let mounts = seen.get("mounts")?.as_array()?;
    let below = format!("/{}/", if fstype == "proc" { "proc" } else { "sys" });
    let over: Vec<String> = mounts
        .iter()
        .filter_map(|mount| mount.get("target")?.as_str())
        .filter(|target| target.starts_with(&below) && !EMPTY_BY_DESIGN.contains(target))
        .map(plain)
        .collect();
    if over.is_empty() {
        return None;
    }
    let first = over.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if over.len() > 3 { ", …" } else { "" };
    Some(say!(
        lang,
        "Something is mounted over parts of the one in view ({first}{more}), as inside Docker: a fresh {fstype} would show what is hidden there, so the kernel refuses it (mount_namespaces(7)). `cloison doctor` has the remedy.",
        "Quelque chose est monté par-dessus des parties de celui que l'on voit ({first}{more}), comme dans Docker : un {fstype} neuf montrerait ce qui est caché là, donc le noyau le refuse (mount_namespaces(7)). `cloison doctor` donne le remède."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn a_mount(fstype: &str) -> Op {
        let text = String::new;
        Op::Mount {
            fstype: fstype.to_owned(),
            source: text(),
            target: "/x".to_owned(),
            flags: Vec::new(),
            data: text(),
        }
    }

    fn said(fstype: &str, seen: &Value) -> Option<String> {
        why(&a_mount(fstype), Errno(libc::EPERM), Some(&json!({ "seen": seen })), Lang::En)
    }

    #[test]
    fn a_namespace_of_somebody_elses_is_named() {
        let unread = json!({"unread": {"path": "/proc/self/ns/ipc", "errno": "EPERM", "reason": "…"}});
        let seen = json!({"ns": {"user": 7}, "owners": {"pid": 6, "ipc": unread, "net": 7}, "mounts": []});
        assert!(said("proc", &seen).is_some_and(|text| text.contains("of type pid")));
        assert!(said("mqueue", &seen).is_some_and(|text| text.contains("of type ipc")));
        assert_eq!(said("sysfs", &seen), None, "it is the actor's own");
        assert_eq!(said("tmpfs", &seen), None);
    }

    #[test]
    fn a_port_that_is_taken_comes_with_what_to_do_in_both_languages() {
        let op = Op::Listen { at: "127.0.0.1:80".to_owned() };
        for (lang, words) in [(Lang::En, "End it, go back a step"), (Lang::Fr, "Mettez-y fin, revenez d'une étape")] {
            assert!(why(&op, Errno(libc::EADDRINUSE), None, lang).is_some_and(|text| text.contains(words)));
            assert_eq!(why(&op, Errno(libc::EACCES), None, lang), None);
        }
    }

    #[test]
    fn what_lies_over_the_proc_in_view_is_named() {
        let over = |targets: &[&str]| {
            let mounts: Vec<Value> = targets.iter().map(|target| json!({ "target": target })).collect();
            said("proc", &json!({"ns": {"user": 7}, "owners": {"pid": 7}, "mounts": mounts}))
        };
        assert!(over(&["/proc", "/proc/kcore"]).is_some_and(|text| text.contains("(/proc/kcore)")));
        assert_eq!(over(&["/proc", "/proc/sys/fs/binfmt_misc", "/processes/x"]), None);
    }
}
