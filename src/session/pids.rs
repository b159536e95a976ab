//! PIDs in the commands that are kept as answers. A PID of one lab means nothing in
//! the next, so that of a lab's process is kept with what it belongs to, and put in
//! anew where the commands are run again: `kill -STOP {pid 4711 child: sleep 9144}`.

use std::collections::BTreeMap;

use crate::lesson::model::HOST;
use crate::lesson::op::NsKind;
use crate::observe::{Reading, Snapshot};

/// What a kept PID starts with; it ends at the next brace.
const START: &str = "{pid ";

/// Which process each PID of the lab is: an actor (`child`), or what runs below one
/// (`child: sleep 9144`). As the host numbers them.
pub(super) fn of_lab(snapshot: &Snapshot) -> BTreeMap<u32, String> {
    let parents = snapshot.host.processes.read().into_iter().flatten().map(|one| (one.pid, one.ppid)).collect();
    let commands = snapshot.lab.iter().map(|one| (one.pid, one.command.as_str())).collect();
    named(&parents, &commands, |name| name == HOST || snapshot.actors.contains_key(name))
}

fn named(
    parents: &BTreeMap<u32, u32>,
    commands: &BTreeMap<u32, &str>,
    is_actor: impl Fn(&str) -> bool,
) -> BTreeMap<u32, String> {
    let actor = |pid: u32| commands.get(&pid)?.strip_prefix("cloison ").filter(|name| is_actor(name));
    let mut found = BTreeMap::new();
    for (&pid, &command) in commands {
        let mut above = std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take(parents.len());
        let Some(name) = above.find_map(actor) else { continue };
        let what = if actor(pid).is_some() { name.to_owned() } else { format!("{name}: {command}") };
        if !what.contains(|c: char| c == '}' || c.is_control()) {
            found.insert(pid, what);
        }
    }
    found
}

/// Whether the processes of an actor's shells have the host's numbers.
pub(super) fn counts_as_host(snapshot: &Snapshot, actor: &str) -> bool {
    let read = |ns: &BTreeMap<NsKind, Reading<u64>>| ns.get(&NsKind::Pid).and_then(Reading::read).copied();
    actor == HOST || snapshot.actors.get(actor).is_some_and(|actor| read(&actor.ns) == read(&snapshot.host.ns))
}

/// A command as it is kept: each of these PIDs that stands in it by itself, with
/// what it belongs to.
pub(super) fn keep(line: &str, pids: &BTreeMap<u32, String>) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| at + length);
        let part_of = |c: char| c.is_alphanumeric() || "_.:".contains(c);
        let before = kept.chars().chain(rest[..at].chars()).next_back();
        let alone = !before.is_some_and(|c| part_of(c) || c == '-') && !rest[end..].starts_with(part_of);
        let number = &rest[at..end];
        kept.push_str(&rest[..at]);
        match number.parse().ok().and_then(|pid: u32| pids.get(&pid)).filter(|_| alone) {
            Some(what) => kept.extend([START, number, " ", what, "}"]),
            None => kept.push_str(number),
        }
        rest = &rest[end..];
    }
    kept + rest
}

/// Commands as they are run in the lab of this snapshot, and whether every PID kept
/// in them was found there: one that was not stays the number that it was.
pub fn renew(script: &str, snapshot: &Snapshot) -> (String, bool) {
    let pids = of_lab(snapshot);
    put(script, |what| {
        let exact = pids.iter().find(|(_, one)| *one == what).map(|(pid, _)| *pid);
        // What a script left in the background is below no actor any more.
        let command = what.split_once(": ").map(|(_, command)| command);
        exact.or_else(|| snapshot.lab.iter().find(|one| Some(one.command.as_str()) == command).map(|one| one.pid))
    })
}

fn put(script: &str, find: impl Fn(&str) -> Option<u32>) -> (String, bool) {
    let (mut renewed, mut all, mut rest) = (String::with_capacity(script.len()), true, script);
    while let Some((before, after)) = rest.split_once(START) {
        renewed.push_str(before);
        let kept = after.split_once('}').and_then(|(inside, behind)| Some((inside.split_once(' ')?, behind)));
        let Some(((number, what), behind)) = kept else {
            renewed.push_str(START);
            rest = after;
            continue;
        };
        let pid = find(what);
        all &= pid.is_some();
        renewed.push_str(&pid.map_or_else(|| number.to_owned(), |pid| pid.to_string()));
        rest = behind;
    }
    (renewed + rest, all)
}

/// Whether there is a PID to put in anew.
pub fn keeps_pids(script: &str) -> bool {
    script.contains(START)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lab() -> BTreeMap<u32, String> {
        let parents = BTreeMap::from([(40, 7), (41, 40), (42, 41), (43, 42), (50, 40)]);
        let commands = BTreeMap::from([
            (40, "cloison keeper"),
            (41, "cloison box"),
            (42, "cloison child"),
            (43, "sleep 9144"),
            (50, "sleep 9144"),
        ]);
        named(&parents, &commands, |name| ["box", "child"].contains(&name))
    }

    #[test]
    fn a_process_is_known_by_its_nearest_actor_and_its_command() {
        let known: Vec<_> = lab().into_iter().collect();
        assert_eq!(known, [(41, "box".into()), (42, "child".into()), (43, "child: sleep 9144".into())]);
    }

    #[test]
    fn a_pid_is_kept_with_what_it_is_where_it_stands_by_itself() {
        let kept = keep("kill -STOP 43; echo 0 1 > /proc/41/uid_map; p=42", &lab());
        let (box_, child) = ("{pid 41 box}", "{pid 43 child: sleep 9144}");
        assert_eq!(kept, format!("kill -STOP {child}; echo 0 1 > /proc/{box_}/uid_map; p={{pid 42 child}}"));
        for other in ["kill -43 9", "sleep 430", "ip address add 10.43.0.1/24", "h43 43x 4_3 0.43 43:80 :43", "é43", ""]
        {
            assert_eq!(keep(other, &lab()), other);
        }
    }

    #[test]
    fn what_was_kept_is_put_in_anew_and_stays_the_number_where_there_is_none() {
        let find = |what: &str| (what == "child: sleep 9144").then_some(4711);
        let kept = keep("kill 43 41", &lab());
        assert_eq!(put(&kept, find), ("kill 4711 41".to_owned(), false));
        assert_eq!(put("kill {pid 43 child: sleep 9144}", find), ("kill 4711".to_owned(), true));
        for other in ["{pid ", "{pid 43}", "{pid }", "echo {pid {pid", "${pid}"] {
            assert_eq!(put(other, find), (other.to_owned(), true));
        }
    }

    proptest! {
        #[test]
        fn what_is_found_under_its_own_number_comes_back_as_it_was(line in "[ /=;a-z0-9.:-]{0,40}") {
            let all = lab();
            let find = |what: &str| all.iter().find(|(_, one)| *one == what).map(|(pid, _)| *pid);
            prop_assert_eq!(put(&keep(&line, &all), find), (line, true));
        }
    }
}
