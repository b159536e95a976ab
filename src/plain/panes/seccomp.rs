//! Seccomp as lines to be read aloud: modes and filters of both sides, what each filter
//! answers, and its program where all is asked for.

use super::unread;
use crate::observe::filters::{answer, assembler, comment, compared, name_of, way};
use crate::observe::{ActorView, Filters, Snapshot, View};
use crate::plain::paper::Paper;
use crate::say;
use crate::term::safe::safe;

/// At most so many calls of a filter where not all is asked for.
const FEW: usize = 12;

pub(super) fn seccomp(paper: &mut Paper<'_>, snapshot: &Snapshot, boxed: &str, actor: &ActorView, all: bool) {
    let lang = paper.lang;
    let sides = [(lang.pick("host", "hôte"), Some(&snapshot.host)), (lang.pick("box", "boîte"), actor.seen.read())];
    for (side, view) in sides {
        let Some(view) = view else { continue };
        unread(paper, &view.seccomp);
        if let Some(words) = state(view) {
            paper.say(&say!(lang, "{side}: {words}", "{side} : {words}"));
        }
    }
    let Some(Filters { programs, asked, .. }) = snapshot.filters.get(boxed) else {
        let none = say!(
            lang,
            "No filter of this lesson's is on the box; those of others can't be read back.",
            "La boîte n'a aucun filtre de cette leçon ; ceux des autres ne peuvent pas être relus."
        );
        return paper.say(&none);
    };
    for (index, program) in programs.iter().enumerate() {
        let (number, length) = (index + 1, program.len());
        paper.say(&say!(lang, "Filter {number}, {length} instructions:", "Filtre {number}, {length} instructions :"));
        let calls = compared(program);
        for call in calls.iter().take(if all { calls.len() } else { FEW }) {
            let Some((path, action)) = way(program, Some(*call)) else { continue };
            let name = name_of(*call);
            let path = path.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
            paper.say(&say!(lang, "  {name}: {action}, by {path}", "  {name} : {action}, par {path}"));
        }
        if let Some(more) = calls.len().checked_sub(FEW).filter(|more| !all && *more > 0) {
            paper.say(&say!(lang, "  … {more} more calls", "  … et {more} appels de plus"));
        }
        if let Some((_, action)) = way(program, None) {
            paper.say(&say!(lang, "  any other call: {action}", "  tout autre appel : {action}"));
        }
        for at in (0..length).filter(|_| all || length <= FEW) {
            let (text, words) = (assembler(program, at), comment(program, at));
            paper.say(format!("  {at:3}  {text:<24} {words}").trim_end());
        }
    }
    for one in asked {
        let (pid, name, args, answer) = (one.pid, safe(&one.name), safe(&one.args.join(", ")), answer(one.errno));
        paper.say(&say!(
            lang,
            "PID {pid} asked: {name}({args}); the answer was {answer}",
            "le PID {pid} a demandé : {name}({args}) ; réponse : {answer}"
        ));
    }
}

fn state(view: &View) -> Option<String> {
    let mode = view.seccomp.read()?;
    let filters = view.filters.read().map(|count| format!(", Seccomp_filters {count}")).unwrap_or_default();
    let bit = view.no_new_privs.read().map(|bit| format!(", NoNewPrivs {}", u8::from(*bit))).unwrap_or_default();
    Some(format!("Seccomp {mode}{filters}{bit}"))
}
